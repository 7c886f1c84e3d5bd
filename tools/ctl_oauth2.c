/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl oauth2: the clients that may ask for authorization, and what was authorized. */
#include "ctl.h"

#include <string.h>

#include "oauth2.h"

/* ---- clients ---- */

static json_t *client_json(ctl_t *ctl, const cloud_oauth_client_t *c)
{
    return json_pack("{s:o,s:o,s:o,s:b,s:b,s:b,s:b,s:o}", "name", ctl_string(ctl, c->name), "id",
                     ctl_string(ctl, c->id), "redirect_uri", ctl_string(ctl, c->redirect), "public",
                     !c->has_secret, "trusted", c->trusted, "builtin", c->builtin, "removed",
                     c->removed, "created", ctl_time(ctl, c->created));
}

static const char *client_state(const ctl_t *ctl, const cloud_oauth_client_t *c)
{
    return apr_pstrcat(ctl->pool, c->builtin ? "built in" : c->has_secret ? "secret" : "public",
                       c->trusted ? ", trusted" : "", c->removed ? ", removed" : "", NULL);
}

static cloud_err_t *client_list(ctl_t *ctl)
{
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(cloud_oauth_client_list(&list, ctl->ctx, ctl->pool));
    ctl->out = json_array();
    for (i = 0; i < list->nelts; i++) {
        const cloud_oauth_client_t *c = &APR_ARRAY_IDX(list, i, cloud_oauth_client_t);
        json_array_append_new(ctl->out, client_json(ctl, c));
        ctl_print(ctl, "%-20s %-18s %s\n    %s", c->name, client_state(ctl, c), c->redirect, c->id);
    }
    return NULL;
}

static cloud_err_t *client_add(ctl_t *ctl)
{
    cloud_oauth_client_new_t what = { .name = ctl->args[0], .redirect = ctl->args[1],
                                      .id = ctl_opt(ctl, "id"),
                                      .is_public = ctl_opt(ctl, "public") != NULL,
                                      .trusted = ctl_opt(ctl, "trusted") != NULL };
    cloud_oauth_client_t *c;
    const char *secret;

    if (ctl_opt(ctl, "password-stdin") || ctl_opt(ctl, "password-file"))
        CLOUD_ERR(ctl_password(&what.secret, ctl, "Secret of the client"));
    CLOUD_ERR(cloud_oauth_client_add(&c, &secret, ctl->ctx, &what, ctl->pool));
    ctl->out = client_json(ctl, c);
    ctl_print(ctl, "Client %s was added.\nid:     %s", c->name, c->id);
    if (!secret || what.secret) return NULL;
    json_object_set_new(ctl->out, "secret", ctl_string(ctl, secret));
    ctl_print(ctl, "secret: %s\nThe secret is not shown again.", secret);
    return NULL;
}

static cloud_err_t *client_remove(ctl_t *ctl)
{
    CLOUD_ERR(cloud_oauth_client_remove(ctl->ctx, ctl->args[0]));
    ctl_print(ctl, "Client %s was removed; what was authorized with it has ended.", ctl->args[0]);
    return NULL;
}

static cloud_err_t *client_restore(ctl_t *ctl)
{
    CLOUD_ERR(cloud_oauth_client_restore(ctl->ctx, ctl->args[0]));
    ctl_print(ctl, "Client %s may ask for authorization again.", ctl->args[0]);
    return NULL;
}

/* ---- what was authorized ---- */

static cloud_err_t *token_list(ctl_t *ctl)
{
    apr_array_header_t *list;
    cloud_account_t *a;
    int i;

    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, ctl->args[0], ctl->pool));
    CLOUD_ERR(cloud_oauth_family_list(&list, ctl->ctx, a, ctl->pool));
    ctl->out = json_array();
    for (i = 0; i < list->nelts; i++) {
        const cloud_oauth_family_t *f = &APR_ARRAY_IDX(list, i, cloud_oauth_family_t);
        json_array_append_new(ctl->out, json_pack("{s:I,s:o,s:o,s:o,s:o}", "number",
                                                  (json_int_t)f->id, "client",
                                                  ctl_string(ctl, f->client), "created",
                                                  ctl_time(ctl, f->created), "last_used",
                                                  ctl_time(ctl, f->last_used), "agent",
                                                  ctl_string(ctl, f->agent)));
        ctl_print(ctl, "%-18" APR_INT64_T_FMT " %-20s %-20s %-20s %s", f->id, f->client,
                  ctl_time_text(ctl, f->created), ctl_time_text(ctl, f->last_used), f->agent);
    }
    return NULL;
}

static cloud_err_t *token_revoke(ctl_t *ctl)
{
    const char *number = ctl_arg(ctl, 1);
    int all = ctl_opt(ctl, "all") != NULL;
    apr_int64_t id = 0;
    cloud_account_t *a;
    char *end;

    if (!number == !all)
        return ctl_usage(ctl, "either the number of an authorization, or --all");
    if (number) {
        id = apr_strtoi64(number, &end, 10);
        if (*end || id <= 0) return ctl_usage(ctl, "%s is no number", number);
    }
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, ctl->args[0], ctl->pool));
    CLOUD_ERR(cloud_oauth_family_revoke(ctl->ctx, a, id));
    ctl_print(ctl, all ? "Everything that %s authorized has ended." : "That authorization of %s has "
              "ended.", a->id);
    return NULL;
}

/* ---- the table ---- */

static const ctl_opt_t add_opts[] = {
    CTL_PASSWORD_OPTS,
    { "id", "ID", "client id; one is made without it" },
    { "public", NULL, "the client can't keep a secret (an app in a browser): it has to use PKCE" },
    { "trusted", NULL, "people are not asked" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t revoke_opts[] = {
    { "all", NULL, "everything that the account authorized" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_oauth2_cmds[] = {
    { "oauth2 client list", "", 0, 0, "list the clients that may ask for authorization", NULL, 0,
      client_list, NULL },
    { "oauth2 client add", "NAME REDIRECT-URI", 2, 2, "add a client; its secret is shown once",
      add_opts, CTL_PASSWORD, client_add, NULL },
    { "oauth2 client remove", "NAME|ID", 1, 1, "remove a client, and end what it has", NULL, 0,
      client_remove, NULL },
    { "oauth2 client restore", "NAME|ID", 1, 1, "take a built-in client back", NULL, 0,
      client_restore, NULL },
    { "oauth2 token list", "ID", 1, 1, "list what an account has authorized", NULL, 0, token_list,
      NULL },
    { "oauth2 token revoke", "ID [NUMBER]", 1, 2, "end one authorization of an account, or all",
      revoke_opts, 0, token_revoke, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
