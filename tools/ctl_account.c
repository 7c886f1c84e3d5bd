/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl account ... and app-password ... */
#include "ctl.h"

#include <string.h>

#include "group.h"
#include "pref.h"
#include "settings.h"

/* ---- showing ---- */

static const char *quota_text(const ctl_t *ctl, apr_int64_t quota)
{
    if (quota == CLOUD_QUOTA_DEFAULT) return "default";
    if (quota == CLOUD_QUOTA_UNLIMITED) return "none";
    return ctl_size_text(ctl, quota);
}

static json_t *quota_json(apr_int64_t quota)
{
    if (quota == CLOUD_QUOTA_DEFAULT) return json_string("default");
    if (quota == CLOUD_QUOTA_UNLIMITED) return json_string("none");
    return json_integer(quota);
}

typedef struct {
    apr_int64_t quota, used; /* quota in force */
} usage_t;

static cloud_err_t *groups_text(const char **text, ctl_t *ctl, const cloud_account_t *a)
{
    apr_array_header_t *groups;
    int i;

    CLOUD_ERR(cloud_group_of(&groups, ctl->ctx, a->id, ctl->pool));
    *text = "";
    for (i = 0; i < groups->nelts; i++)
        *text = apr_pstrcat(ctl->pool, *text, i ? ", " : "",
                            APR_ARRAY_IDX(groups, i, cloud_group_t).id, NULL);
    return NULL;
}

static cloud_err_t *groups_json(json_t *account, ctl_t *ctl, const cloud_account_t *a)
{
    json_t *ids = json_array();
    apr_array_header_t *groups;
    int i;

    json_object_set_new(account, "groups", ids);
    CLOUD_ERR(cloud_group_of(&groups, ctl->ctx, a->id, ctl->pool));
    for (i = 0; i < groups->nelts; i++)
        json_array_append_new(ids,
                              ctl_string(ctl, APR_ARRAY_IDX(groups, i, cloud_group_t).id));
    return NULL;
}

static json_t *account_json(ctl_t *ctl, const cloud_account_t *a, const usage_t *u)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:I,s:o,s:o,s:o}", "id",
                     ctl_string(ctl, a->id), "source", ctl_string(ctl, a->source),
                     "display_name", ctl_string(ctl, a->display_name), "email",
                     ctl_string(ctl, a->email), "enabled", a->enabled, "quota",
                     quota_json(a->quota), "quota_bytes",
                     u->quota == CLOUD_QUOTA_UNLIMITED ? json_null() : json_integer(u->quota),
                     "used", (json_int_t)u->used, "created", ctl_time(ctl, a->created),
                     "last_login", ctl_time(ctl, a->last_login), "directory",
                     ctl_string(ctl, apr_pstrcat(ctl->pool, ctl->data_dir, "/accounts/", a->dir,
                                                 NULL)));
}

static cloud_err_t *show(ctl_t *ctl, const cloud_account_t *a)
{
    const char *groups, *lang;
    usage_t u;

    CLOUD_ERR(cloud_account_usage(&u.quota, &u.used, ctl->ctx, a));
    CLOUD_ERR(cloud_account_language(&lang, ctl->ctx, a, ctl->pool));
    if (ctl->json) {
        ctl->out = account_json(ctl, a, &u);
        json_object_set_new(ctl->out, "language", ctl_string(ctl, lang));
        return groups_json(ctl->out, ctl, a);
    }
    CLOUD_ERR(groups_text(&groups, ctl, a));
    ctl_print(ctl, "id:           %s", a->id);
    ctl_print(ctl, "display name: %s", a->display_name);
    ctl_print(ctl, "e-mail:       %s", a->email ? a->email : "");
    ctl_print(ctl, "state:        %s", a->enabled ? "enabled" : "disabled");
    ctl_print(ctl, "source:       %s", a->source);
    ctl_print(ctl, "groups:       %s", groups);
    ctl_print(ctl, "language:     %s", lang);
    ctl_print(ctl, "quota:        %s%s", quota_text(ctl, a->quota),
              a->quota != CLOUD_QUOTA_DEFAULT
                  ? ""
                  : apr_pstrcat(ctl->pool, " (", quota_text(ctl, u.quota), ")", NULL));
    ctl_print(ctl, "used:         %s", ctl_size_text(ctl, u.used));
    ctl_print(ctl, "created:      %s", ctl_time_text(ctl, a->created));
    ctl_print(ctl, "last login:   %s", ctl_time_text(ctl, a->last_login));
    ctl_print(ctl, "directory:    %s/accounts/%s", ctl->data_dir, a->dir);
    return NULL;
}

static cloud_err_t *show_by_id(ctl_t *ctl, const char *id)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
    return show(ctl, a);
}

static cloud_err_t *account_show(ctl_t *ctl)
{
    return show_by_id(ctl, ctl->args[0]);
}

static cloud_err_t *list_one(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    ctl_t *ctl = baton;
    usage_t u;

    CLOUD_ERR(cloud_account_usage(&u.quota, &u.used, ctl->ctx, a));
    if (ctl->json) json_array_append_new(ctl->out, account_json(ctl, a, &u));
    ctl_print(ctl, "%-24s %-8s %10s of %-10s %s", a->id, a->enabled ? "enabled" : "disabled",
              ctl_size_text(ctl, u.used), quota_text(ctl, u.quota), a->display_name);
    return NULL;
}

static cloud_err_t *account_list(ctl_t *ctl)
{
    ctl->out = json_array();
    return cloud_account_each(ctl->ctx, ctl_arg(ctl, 0), list_one, ctl);
}

/* ---- changing ---- */

static cloud_err_t *parse_quota(apr_int64_t *quota, ctl_t *ctl, const char *text)
{
    if (strcmp(text, "default") == 0) *quota = CLOUD_QUOTA_DEFAULT;
    else return cloud_size_parse(quota, text, ctl->pool);
    return NULL;
}

/* Somebody has to be the first administrator: the first account, as with ownCloud's installer. */
static cloud_err_t *choose_groups(const char **groups, ctl_t *ctl)
{
    static const cloud_search_t one = { NULL, 0, 1 };
    apr_array_header_t *ids;
    const char *group = ctl_opt(ctl, "group");

    groups[0] = group;
    groups[1] = groups[2] = NULL;
    if (ctl_opt(ctl, "no-admin") || (group && strcmp(group, CLOUD_GROUP_ADMIN_ID) == 0))
        return NULL;
    CLOUD_ERR(cloud_account_search(&ids, ctl->ctx, &one, ctl->pool));
    if (ids->nelts > 0) return NULL;
    groups[group ? 1 : 0] = CLOUD_GROUP_ADMIN_ID;
    ctl_note(ctl, "%s is the first account, and becomes an administrator.", ctl->args[0]);
    return NULL;
}

static cloud_err_t *account_add(ctl_t *ctl)
{
    const char *id = ctl->args[0], *quota_opt = ctl_opt(ctl, "quota"), *groups[3];
    cloud_account_new_t what = { .display_name = ctl_opt(ctl, "display-name"), .groups = groups };
    const char *email = ctl_opt(ctl, "email");
    apr_int64_t quota = CLOUD_QUOTA_DEFAULT;
    cloud_account_t *a;

    if (quota_opt) CLOUD_ERR(parse_quota(&quota, ctl, quota_opt));
    if (!ctl_opt(ctl, "no-password"))
        CLOUD_ERR(ctl_password(&what.password, ctl,
                               apr_pstrcat(ctl->pool, "Password for ", id, NULL)));
    CLOUD_ERR(choose_groups(groups, ctl));
    what.force_password = ctl_opt(ctl, "force") != NULL;
    CLOUD_ERR(cloud_account_add(&a, ctl->ctx, id, &what, ctl->pool));
    if (quota_opt) CLOUD_ERR(cloud_account_set_quota(ctl->ctx, a->id, quota));
    if (email) CLOUD_ERR(cloud_account_set_email(ctl->ctx, a->id, email));
    ctl_print(ctl, "Account %s was created.", a->id);
    return ctl->json ? show_by_id(ctl, a->id) : NULL;
}

static cloud_err_t *account_passwd(ctl_t *ctl)
{
    const char *id = ctl->args[0], *password = NULL;
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
    if (!ctl_opt(ctl, "no-password"))
        CLOUD_ERR(ctl_password(&password, ctl,
                               apr_pstrcat(ctl->pool, "New password for ", a->id, NULL)));
    if (ctl_opt(ctl, "force"))
        CLOUD_ERR(cloud_account_force_password(ctl->ctx, a->id, password));
    else
        CLOUD_ERR(cloud_account_set_password(ctl->ctx, a->id, password));
    ctl_print(ctl, password ? "The password of %s was changed." : "%s has no password any more.",
              a->id);
    return NULL;
}

static cloud_err_t *account_quota(ctl_t *ctl)
{
    apr_int64_t quota;

    CLOUD_ERR(parse_quota(&quota, ctl, ctl->args[1]));
    CLOUD_ERR(cloud_account_set_quota(ctl->ctx, ctl->args[0], quota));
    ctl_print(ctl, "The quota of %s is %s.", ctl->args[0], quota_text(ctl, quota));
    return ctl->json ? show_by_id(ctl, ctl->args[0]) : NULL;
}

static cloud_err_t *account_name(ctl_t *ctl)
{
    CLOUD_ERR(cloud_account_set_display_name(ctl->ctx, ctl->args[0], ctl->args[1]));
    return ctl->json ? show_by_id(ctl, ctl->args[0]) : NULL;
}

static cloud_err_t *account_email(ctl_t *ctl)
{
    CLOUD_ERR(cloud_account_set_email(ctl->ctx, ctl->args[0], ctl->args[1]));
    return ctl->json ? show_by_id(ctl, ctl->args[0]) : NULL;
}

static cloud_err_t *account_language(ctl_t *ctl)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, ctl->args[0], ctl->pool));
    CLOUD_ERR(cloud_account_set_language(ctl->ctx, a, ctl->args[1]));
    return ctl->json ? show_by_id(ctl, a->id) : NULL;
}

static cloud_err_t *set_enabled(ctl_t *ctl, int enabled)
{
    CLOUD_ERR(cloud_account_set_enabled(ctl->ctx, ctl->args[0], enabled));
    ctl_print(ctl, "Account %s is %s.", ctl->args[0], enabled ? "enabled" : "disabled");
    return ctl->json ? show_by_id(ctl, ctl->args[0]) : NULL;
}

static cloud_err_t *account_enable(ctl_t *ctl)
{
    return set_enabled(ctl, 1);
}

static cloud_err_t *account_disable(ctl_t *ctl)
{
    return set_enabled(ctl, 0);
}

static cloud_err_t *account_delete(ctl_t *ctl)
{
    cloud_account_t *a;
    usage_t u;
    int yes;

    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, ctl->args[0], ctl->pool));
    CLOUD_ERR(cloud_account_usage(&u.quota, &u.used, ctl->ctx, a));
    CLOUD_ERR(ctl_confirm(&yes, ctl,
                          apr_psprintf(ctl->pool, "Delete the account %s and all its files (%s)?",
                                       a->id, ctl_size_text(ctl, u.used))));
    if (!yes) return cloud_err(ctl->pool, CLOUD_E_DENIED, "Nothing was deleted");
    CLOUD_ERR(cloud_account_delete(ctl->ctx, a->id));
    ctl_print(ctl, "Account %s was deleted.", a->id);
    return NULL;
}

#define FORCE_OPT { "force", NULL, "also a password that the password policy refuses" }

static const ctl_opt_t ADD_OPTS[] = {
    CTL_PASSWORD_OPTS,
    FORCE_OPT,
    { "no-password", NULL, "no password: the account logs in by other means only" },
    { "display-name", "NAME", "the name that is shown" },
    { "email", "ADDRESS", "the e-mail address" },
    { "quota", "SIZE", "\"5 GB\", \"none\" or \"default\"" },
    { "group", "ID", "make it a member of this group" },
    { "no-admin", NULL, "no administrator, even though it is the first account" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t PASSWD_OPTS[] = {
    CTL_PASSWORD_OPTS,
    FORCE_OPT,
    { "no-password", NULL, "remove the password" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t YES_OPTS[] = {
    { "yes", NULL, "do not ask" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_account_cmds[] = {
    { "account add", "ID", 1, 1, "create an account", ADD_OPTS, CTL_CREATE | CTL_PASSWORD,
      account_add, NULL },
    { "account list", "[SEARCH]", 0, 1, "list the accounts", NULL, 0, account_list, NULL },
    { "account show", "ID", 1, 1, "show an account", NULL, 0, account_show, NULL },
    { "account passwd", "ID", 1, 1, "change a password", PASSWD_OPTS, CTL_PASSWORD,
      account_passwd, NULL },
    { "account quota", "ID SIZE", 2, 2, "set a quota: a size, \"none\" or \"default\"", NULL, 0,
      account_quota, NULL },
    { "account name", "ID NAME", 2, 2, "set the display name", NULL, 0, account_name, NULL },
    { "account email", "ID ADDRESS", 2, 2, "set the e-mail address", NULL, 0, account_email,
      NULL },
    { "account language", "ID LANGUAGE", 2, 2, "set the language, \"\" for the default", NULL, 0,
      account_language, NULL },
    { "account disable", "ID", 1, 1, "refuse logins, keep everything", NULL, 0, account_disable,
      NULL },
    { "account enable", "ID", 1, 1, "allow logins again", NULL, 0, account_enable, NULL },
    { "account delete", "ID", 1, 1, "delete an account and all its files", YES_OPTS, 0,
      account_delete, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};

/* ---- app passwords ---- */

static cloud_err_t *apppass_create(ctl_t *ctl)
{
    const char *secret;

    CLOUD_ERR(cloud_apppass_create(&secret, ctl->ctx, ctl->args[0], ctl->args[1], ctl->pool));
    if (ctl->json)
        ctl->out = json_pack("{s:o,s:s}", "name", ctl_string(ctl, ctl->args[1]), "password",
                             secret);
    ctl_print(ctl, "%s", secret);
    return NULL;
}

static cloud_err_t *apppass_list(ctl_t *ctl)
{
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(cloud_apppass_list(&list, ctl->ctx, ctl->args[0], ctl->pool));
    ctl->out = json_array();
    for (i = 0; i < list->nelts; i++) {
        const cloud_apppass_t *p = &APR_ARRAY_IDX(list, i, cloud_apppass_t);

        json_array_append_new(ctl->out,
                              json_pack("{s:o,s:o,s:o}", "name", ctl_string(ctl, p->name),
                                        "created", ctl_time(ctl, p->created), "last_used",
                                        ctl_time(ctl, p->last_used)));
        ctl_print(ctl, "%-32s created %s, last used %s", p->name, ctl_time_text(ctl, p->created),
                  ctl_time_text(ctl, p->last_used));
    }
    return NULL;
}

static cloud_err_t *apppass_revoke(ctl_t *ctl)
{
    CLOUD_ERR(cloud_apppass_revoke(ctl->ctx, ctl->args[0], ctl->args[1]));
    ctl_print(ctl, "The app password %s of %s was revoked.", ctl->args[1], ctl->args[0]);
    return NULL;
}

const ctl_cmd_t ctl_apppass_cmds[] = {
    { "app-password create", "ID NAME", 2, 2, "make an app password; it is shown once", NULL, 0,
      apppass_create, NULL },
    { "app-password list", "ID", 1, 1, "list the app passwords of an account", NULL, 0,
      apppass_list, NULL },
    { "app-password revoke", "ID NAME", 2, 2, "make an app password invalid", NULL, 0,
      apppass_revoke, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
