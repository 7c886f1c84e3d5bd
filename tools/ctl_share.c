/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl share: shares of everybody. */
#include "ctl.h"

#include <string.h>

#include "pref.h"
#include "share.h"

static const char *const KINDS[] = { [CLOUD_SHARE_USER] = "user", [CLOUD_SHARE_GROUP] = "group",
                                     [CLOUD_SHARE_LINK] = "link" };

static cloud_err_t *account_arg(cloud_account_t **a, ctl_t *ctl, int i)
{
    return cloud_account_get(a, ctl->ctx, ctl_arg(ctl, i), ctl->pool);
}

static cloud_err_t *share_id(apr_int64_t *id, ctl_t *ctl)
{
    char *end;

    *id = apr_strtoi64(ctl_arg(ctl, 0), &end, 10);
    return *end || *id <= 0 ? ctl_usage(ctl, "SHARE is a number that \"share list\" shows") : NULL;
}

/* ---- list ---- */

/* Where the item is in its owner's files. */
static cloud_err_t *item_path(const char **path, ctl_t *ctl, const cloud_share_t *s)
{
    cloud_account_t *owner;
    cloud_entry_t *e;
    cloud_err_t *err;

    CLOUD_ERR(cloud_account_by_number(&owner, ctl->ctx, s->owner.number, ctl->pool));
    err = cloud_resolve_id(&e, ctl->ctx, owner, s->node, ctl->pool);
    *path = err ? "?" : e->path;
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) ? NULL : err;
}

static const char *last_day(ctl_t *ctl, const cloud_share_t *s)
{
    const char *text;

    if (!s->expires) return NULL;
    text = ctl_time_text(ctl, apr_time_from_sec(s->expires - CLOUD_SHARE_DAY));
    return apr_pstrndup(ctl->pool, text, strcspn(text, "T "));
}

static cloud_err_t *print_share(ctl_t *ctl, json_t *list, const cloud_share_t *s)
{
    const char *path, *expires = last_day(ctl, s);

    CLOUD_ERR(item_path(&path, ctl, s));
    json_array_append_new(
        list, json_pack("{s:I,s:s,s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:o,s:b}", "id", (json_int_t)s->id,
                        "type", KINDS[s->type], "owner", ctl_string(ctl, s->owner.id),
                        "shared_by", ctl_string(ctl, s->initiator.id), "shared_with",
                        ctl_string(ctl, s->recipient.id), "path", ctl_string(ctl, path),
                        "permissions", (int)s->perms, "expires", ctl_string(ctl, expires), "name",
                        ctl_string(ctl, s->name), "token", ctl_string(ctl, s->token), "password",
                        s->has_password));
    ctl_print(ctl, "%-6" APR_INT64_T_FMT " %-5s %-2u %-16s %-16s %s%s%s", s->id, KINDS[s->type],
              s->perms, s->initiator.id, s->recipient.id ? s->recipient.id : s->token, path,
              expires ? "  until " : "", expires ? expires : "");
    return NULL;
}

static cloud_err_t *list(ctl_t *ctl)
{
    apr_array_header_t *shares;
    cloud_account_t *a = NULL;
    int i;

    if (ctl_arg(ctl, 0)) CLOUD_ERR(account_arg(&a, ctl, 0));
    CLOUD_ERR(cloud_share_all(&shares, ctl->ctx, a, ctl->pool));
    ctl->out = json_array();
    for (i = 0; i < shares->nelts; i++)
        CLOUD_ERR(print_share(ctl, ctl->out, APR_ARRAY_IDX(shares, i, cloud_share_t *)));
    return NULL;
}

/* ---- create, delete ---- */

/* Exactly one of the kinds. */
static cloud_err_t *read_kind(cloud_share_ask_t *ask, ctl_t *ctl)
{
    const char *user = ctl_opt(ctl, "to"), *group = ctl_opt(ctl, "group");
    int is_link = ctl_opt(ctl, "link") != NULL;

    if ((user != NULL) + (group != NULL) + is_link != 1)
        return ctl_usage(ctl, "one of --to, --group and --link is needed");
    ask->type = user ? CLOUD_SHARE_USER : group ? CLOUD_SHARE_GROUP : CLOUD_SHARE_LINK;
    ask->with = user ? user : group;
    return NULL;
}

static cloud_err_t *create(ctl_t *ctl)
{
    cloud_share_ask_t ask = { .path = ctl_arg(ctl, 1) };
    cloud_account_t *a;
    cloud_share_t *s;

    CLOUD_ERR(read_kind(&ask, ctl));
    CLOUD_ERR(account_arg(&a, ctl, 0));
    while (*ask.path == '/') ask.path++;
    ask.has_perms = ctl_opt(ctl, "permissions") != NULL;
    CLOUD_ERR(ctl_opt_int(&ask.perms, ctl, "permissions", 0));
    ask.expires = ctl_opt(ctl, "expires");
    ask.name = ctl_opt(ctl, "name");
    if (ctl_opt(ctl, "password-stdin") || ctl_opt(ctl, "password-file"))
        CLOUD_ERR(ctl_password(&ask.password, ctl, "Password of the link"));
    CLOUD_ERR(cloud_share_create(&s, ctl->ctx, a, &ask, ctl->pool));
    ctl->out = json_array();
    return print_share(ctl, ctl->out, s);
}

static cloud_err_t *delete(ctl_t *ctl)
{
    apr_int64_t id;

    CLOUD_ERR(share_id(&id, ctl));
    CLOUD_ERR(cloud_share_delete(ctl->ctx, id));
    ctl_print(ctl, "Share %" APR_INT64_T_FMT " has ended.", id);
    return NULL;
}

/* ---- accept, decline ---- */

static cloud_err_t *respond(ctl_t *ctl, cloud_share_state_t state)
{
    cloud_account_t *a;
    cloud_share_t *s;
    apr_int64_t id;

    CLOUD_ERR(share_id(&id, ctl));
    CLOUD_ERR(account_arg(&a, ctl, 1));
    return cloud_share_respond(&s, ctl->ctx, a, id, state, ctl->pool);
}

static cloud_err_t *accept_share(ctl_t *ctl)
{
    return respond(ctl, CLOUD_SHARE_ACCEPTED);
}

static cloud_err_t *decline(ctl_t *ctl)
{
    return respond(ctl, CLOUD_SHARE_REJECTED);
}

static cloud_err_t *auto_accept(ctl_t *ctl)
{
    const char *value = ctl_arg(ctl, 1);
    cloud_account_t *a;

    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return ctl_usage(ctl, "yes or no");
    CLOUD_ERR(account_arg(&a, ctl, 0));
    return cloud_pref_set(ctl->ctx, a, "files_sharing", "auto_accept_share", value);
}

/* ---- transfer-ownership ---- */

static cloud_err_t *transfer(ctl_t *ctl)
{
    const char *path = ctl_opt(ctl, "path");
    cloud_share_transfer_t done;
    cloud_account_t *from, *to;

    while (path && *path == '/') path++;
    CLOUD_ERR(account_arg(&from, ctl, 0));
    CLOUD_ERR(account_arg(&to, ctl, 1));
    CLOUD_ERR(cloud_share_transfer(&done, ctl->ctx, from, to, path,
                                   ctl_opt(ctl, "destination-use-user-folder") != NULL, ctl->pool));
    ctl->out = json_pack("{s:o,s:i}", "folder", ctl_string(ctl, done.folder), "items", done.files);
    ctl_print(ctl, "%d items are in %s of %s now.", done.files, *done.folder ? done.folder : "the files",
              to->id);
    return NULL;
}

/* ---- the table ---- */

static const ctl_opt_t create_opts[] = {
    CTL_PASSWORD_OPTS,
    { "to", "ID", "share with this account" },
    { "group", "ID", "share with this group" },
    { "link", NULL, "make a public link" },
    { "permissions", "N", "sum of read 1, update 2, create 4, delete 8, share 16" },
    { "expires", "DATE", "last day, YYYY-MM-DD" },
    { "name", "NAME", "name of a link" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t transfer_opts[] = {
    { "path", "PATH", "only this folder or file" },
    { "destination-use-user-folder", NULL, "into TO's files themselves, of which there are none yet" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_share_cmds[] = {
    { "share list", "[ID]", 0, 1, "list shares, of all or of one account", NULL, 0, list, NULL },
    { "share create", "ID PATH", 2, 2, "share an item of an account's files", create_opts,
      CTL_PASSWORD, create, NULL },
    { "share delete", "SHARE", 1, 1, "end a share", NULL, 0, delete, NULL },
    { "share accept", "SHARE ID", 2, 2, "accept a share for its recipient", NULL, 0, accept_share,
      NULL },
    { "share decline", "SHARE ID", 2, 2, "decline a share for its recipient", NULL, 0, decline,
      NULL },
    { "share auto-accept", "ID yes|no", 2, 2,
      "whether what an account is given is there at once, or waits for its answer", NULL, 0,
      auto_accept, NULL },
    { "share transfer-ownership", "FROM TO", 2, 2,
      "move the files of an account, with their shares, to another account", transfer_opts, 0,
      transfer, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
