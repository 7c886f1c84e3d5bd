/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a share may be: the rules and switches of ownCloud. */
#include "share.h"

#include <stdarg.h>
#include <string.h>

/* Permissions that a link may have. */
#define LINK_VIEW    CLOUD_PERM_READ
#define LINK_DROP    CLOUD_PERM_CREATE
#define LINK_EDIT    (CLOUD_PERM_READ | CLOUD_PERM_UPDATE)
#define LINK_UPLOAD  (CLOUD_PERM_READ | CLOUD_PERM_CREATE)
#define LINK_LEGACY  (CLOUD_PERM_READ | CLOUD_PERM_CREATE | CLOUD_PERM_UPDATE)
#define LINK_ALL     (LINK_LEGACY | CLOUD_PERM_DELETE)

cloud_err_t *cloud_share_refuse(const cloud_share_check_t *check, const char *fmt, ...)
{
    apr_pool_t *pool = check->ctx->pool;
    va_list args;
    char *msg;

    va_start(args, fmt);
    msg = apr_pvsprintf(pool, fmt, args);
    va_end(args);
    return cloud_err(pool, check->step == CLOUD_SHARE_MAKE ? CLOUD_E_DENIED : CLOUD_E_INVALID, "%s",
                     msg);
}

/* ---- who ---- */

static cloud_err_t *excluded(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    CLOUD_ERR(cloud_setting_bool(yes, ctx, "core", "shareapi_exclude_groups"));
    return *yes ? cloud_group_listed(yes, ctx, account->number, "core",
                                     "shareapi_exclude_groups_list")
                : NULL;
}

static cloud_err_t *allowed_tx(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    int no;

    CLOUD_ERR(cloud_setting_bool(yes, ctx, "core", "shareapi_enabled"));
    if (!*yes) return NULL;
    CLOUD_ERR(excluded(&no, ctx, account));
    *yes = !no;
    return NULL;
}

static cloud_err_t *links_allowed_tx(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    const char **groups;
    int limited;

    CLOUD_ERR(cloud_setting_bool(yes, ctx, "core", "shareapi_allow_links"));
    CLOUD_ERR(cloud_setting_bool(&limited, ctx, "files_sharing",
                                 "public_share_sharers_groups_allowlist_enabled"));
    if (!*yes || !limited) return NULL;
    CLOUD_ERR(cloud_setting_list(&groups, ctx, "files_sharing",
                                 "public_share_sharers_groups_allowlist"));
    if (!*groups) return NULL; /* as with ownCloud: no list, no limit */
    return cloud_group_listed(yes, ctx, account->number, "files_sharing",
                              "public_share_sharers_groups_allowlist");
}

cloud_err_t *cloud_share_allowed(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = allowed_tx(yes, ctx, account);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_share_links_allowed(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = links_allowed_tx(yes, ctx, account);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- permissions ---- */

static cloud_err_t *not_shareable(const cloud_share_check_t *check)
{
    return cloud_err(check->ctx->pool, CLOUD_E_NOT_FOUND, "You are not allowed to share %s",
                     check->entry->path);
}

/* What the sharer has of it, by all that he was given on it and above it, wherever he sees that. */
static cloud_err_t *add_up(unsigned *perms, unsigned *flags, const cloud_share_check_t *check)
{
    const cloud_entry_t *e = check->entry;
    const cloud_mount_t *m;
    int i;

    *perms = e->perms & CLOUD_PERM_ALL;
    *flags = e->mount ? e->mount->flags & CLOUD_SHARE_NO_DOWNLOAD : 0;
    for (i = 0; e->mount && i <= e->chain_len; i++) {
        CLOUD_ERR(cloud_mount_get(&m, check->ctx, check->account,
                                  i < e->chain_len ? e->chain[i] : e->node.id, check->ctx->pool));
        if (!m) continue;
        *perms |= m->perms & CLOUD_PERM_ALL;
        *flags &= m->flags;
    }
    /* Who may not read at all gives nobody anything to download. */
    if (!(*perms & CLOUD_PERM_READ)) *flags = 0;
    return NULL;
}

/* What the sharer may give on, and how; the place that he names lets him. */
static cloud_err_t *shareable(unsigned *most, unsigned *flags, const cloud_share_check_t *check)
{
    const cloud_entry_t *e = check->entry;
    int resharing;

    if (!*e->path) return cloud_share_refuse(check, "You can't share your root folder");
    if (e->owner->number != check->account->number) {
        CLOUD_ERR(cloud_setting_bool(&resharing, check->ctx, "core", "shareapi_allow_resharing"));
        if (!resharing) return not_shareable(check);
    }
    if (check->step == CLOUD_SHARE_MAKE && !(e->perms & CLOUD_PERM_SHARE)) return not_shareable(check);
    CLOUD_ERR(add_up(most, flags, check));
    /* What was shared once may be seen at another place by now, through a lesser share. */
    return *most & CLOUD_PERM_SHARE ? NULL : not_shareable(check);
}

cloud_err_t *cloud_share_check_perms(const cloud_share_check_t *check, unsigned *perms,
                                     apr_int64_t asked, unsigned flags)
{
    const cloud_entry_t *e = check->entry;
    apr_pool_t *pool = check->ctx->pool;
    unsigned most = 0, most_flags = 0;

    CLOUD_ERR(shareable(&most, &most_flags, check));
    if (asked < 0 || asked > (apr_int64_t)CLOUD_PERM_ALL)
        return cloud_err(pool, CLOUD_E_NOT_FOUND, "Invalid permissions");
    *perms = (unsigned)asked;
    if (!CLOUD_IS_DIR(&e->node)) *perms &= ~(CLOUD_PERM_CREATE | CLOUD_PERM_DELETE);
    if (!*perms) return cloud_err(pool, CLOUD_E_INVALID, "Cannot remove all permissions");
    if (*perms & ~most)
        return cloud_err(pool, CLOUD_E_NOT_FOUND,
                         "Cannot set the requested share permissions for %s", e->name);
    /* Who may not download can't let others do so. */
    if ((most_flags & ~flags) != 0)
        return cloud_err(pool, CLOUD_E_NOT_FOUND,
                         "Cannot set the requested share attributes for %s", e->name);
    return NULL;
}

/* ---- links ---- */

static int is_link_set(apr_int64_t perms)
{
    return perms == LINK_VIEW || perms == LINK_DROP || perms == LINK_EDIT || perms == LINK_UPLOAD
           || perms == LINK_ALL;
}

static cloud_err_t *upload_refused(const cloud_share_check_t *check)
{
    return cloud_err(check->ctx->pool, CLOUD_E_DENIED,
                     "Public upload disabled by the administrator");
}

static cloud_err_t *upload_needs_folder(const cloud_share_check_t *check)
{
    return cloud_err(check->ctx->pool,
                     check->step == CLOUD_SHARE_MAKE ? CLOUD_E_NOT_FOUND : CLOUD_E_INVALID,
                     "Public upload is only possible for publicly shared folders");
}

static cloud_err_t *new_link_perms(const cloud_share_check_t *check, apr_int64_t *perms,
                                   const cloud_share_ask_t *ask, int is_dir, int may_upload)
{
    int upload = ask->public_upload && !strcmp(ask->public_upload, "true");

    *perms = ask->has_perms ? ask->perms : LINK_VIEW;
    if ((upload || *perms == LINK_DROP) && may_upload && !is_dir) return upload_needs_folder(check);
    if ((upload || (*perms & CLOUD_PERM_CREATE)) && !may_upload) return upload_refused(check);
    /* Anything else is a link to read, as in ownCloud. */
    if (upload) *perms = LINK_ALL;
    else if (!is_link_set(*perms)) *perms = LINK_VIEW;
    return NULL;
}

static cloud_err_t *changed_link_perms(const cloud_share_check_t *check, apr_int64_t *perms,
                                       const cloud_share_ask_t *ask, int is_dir, int may_upload)
{
    const char *upload = ask->public_upload;

    if (ask->has_perms) *perms = ask->perms;
    else if (upload && !strcmp(upload, "true")) *perms = LINK_ALL;
    else if (upload && !strcmp(upload, "false")) *perms = LINK_VIEW;
    else return NULL;
    if (!is_link_set(*perms) && *perms != LINK_LEGACY)
        return cloud_err(check->ctx->pool, CLOUD_E_INVALID,
                         "Can't change permissions for public share links");
    if (!(*perms & CLOUD_PERM_CREATE)) return NULL;
    if (!may_upload) return upload_refused(check);
    return is_dir ? NULL : upload_needs_folder(check);
}

cloud_err_t *cloud_share_link_perms(const cloud_share_check_t *check, apr_int64_t *perms,
                                    const cloud_share_ask_t *ask, int is_dir)
{
    int may_upload;

    CLOUD_ERR(cloud_setting_bool(&may_upload, check->ctx, "core", "shareapi_allow_public_upload"));
    CLOUD_ERR((check->step == CLOUD_SHARE_MAKE ? new_link_perms : changed_link_perms)(
        check, perms, ask, is_dir, may_upload));
    if (!may_upload && (*perms & ~(apr_int64_t)LINK_VIEW))
        return cloud_share_refuse(check, "Public upload not allowed");
    return NULL;
}

cloud_err_t *cloud_share_needs_password(int *yes, cloud_ctx_t *ctx, unsigned perms)
{
    /* Which switch goes with which permissions. */
    static const struct {
        unsigned perms;
        const char *key;
    } kinds[] = {
        { LINK_VIEW, "shareapi_enforce_links_password_read_only" },
        { LINK_DROP, "shareapi_enforce_links_password_write_only" },
        { LINK_UPLOAD, "shareapi_enforce_links_password_read_write" },
        { LINK_EDIT, "shareapi_enforce_links_password_read_write_delete" },
        { LINK_LEGACY, "shareapi_enforce_links_password_read_write_delete" },
        { LINK_ALL, "shareapi_enforce_links_password_read_write_delete" },
    };
    size_t i;

    *yes = 0;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].perms == perms) return cloud_setting_bool(yes, ctx, "core", kinds[i].key);
    return NULL;
}

/* ---- expiry ---- */

static const struct {
    const char *by_default, *enforced, *days;
} EXPIRY[] = {
    [CLOUD_SHARE_USER] = { "shareapi_default_expire_date_user_share",
                           "shareapi_enforce_expire_date_user_share",
                           "shareapi_expire_after_n_days_user_share" },
    [CLOUD_SHARE_GROUP] = { "shareapi_default_expire_date_group_share",
                            "shareapi_enforce_expire_date_group_share",
                            "shareapi_expire_after_n_days_group_share" },
    [CLOUD_SHARE_LINK] = { "shareapi_default_expire_date", "shareapi_enforce_expire_date",
                           "shareapi_expire_after_n_days" },
};

cloud_err_t *cloud_share_check_expiry(const cloud_share_check_t *check, apr_int64_t *expires,
                                      cloud_share_type_t type)
{
    apr_int64_t today = apr_time_sec(apr_time_now()) / CLOUD_SHARE_DAY * CLOUD_SHARE_DAY;
    apr_int64_t days, last;
    cloud_ctx_t *ctx = check->ctx;
    int by_default, enforced;

    if (*expires && *expires <= today)
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "Expiration date is in the past");
    /* As in ownCloud: a default that is not enforced is for clients to propose, and without one
     * nothing is enforced. */
    CLOUD_ERR(cloud_setting_bool(&by_default, ctx, "core", EXPIRY[type].by_default));
    CLOUD_ERR(cloud_setting_bool(&enforced, ctx, "core", EXPIRY[type].enforced));
    CLOUD_ERR(cloud_setting_int(&days, ctx, "core", EXPIRY[type].days));
    if (!by_default || !enforced) return NULL;
    last = today + (days + 1) * CLOUD_SHARE_DAY;
    if (!*expires && check->step == CLOUD_SHARE_MAKE) *expires = last;
    if (!*expires) return cloud_share_refuse(check, "Expiration date is enforced");
    return *expires <= last ? NULL
                            : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND,
                                        "Cannot set expiration date more than %" APR_INT64_T_FMT
                                        " days in the future", days);
}

/* ---- recipients ---- */

static cloud_err_t *have_common_group(int *yes, cloud_ctx_t *ctx, apr_int64_t a, apr_int64_t b)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, ctx->pool,
                             "SELECT 1 FROM membership x JOIN membership y"
                             " ON y.usergroup = x.usergroup WHERE x.account = ?1 AND y.account = ?2"
                             " LIMIT 1", "ii", a, b));
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *check_user(const cloud_share_check_t *check, apr_int64_t recipient)
{
    int only, common;

    if (recipient == check->account->number)
        return cloud_share_refuse(check, "Can't share with yourself");
    CLOUD_ERR(cloud_setting_bool(&only, check->ctx, "core",
                                 "shareapi_only_share_with_group_members"));
    if (only) {
        CLOUD_ERR(have_common_group(&common, check->ctx, check->account->number, recipient));
        if (!common) return cloud_share_refuse(check, "Only sharing with group members is allowed");
    }
    if (recipient == check->entry->owner->number)
        return cloud_share_refuse(check, "Can't share with the share owner");
    return NULL;
}

static cloud_err_t *check_group(const cloud_share_check_t *check, apr_int64_t recipient)
{
    int yes;

    CLOUD_ERR(cloud_setting_bool(&yes, check->ctx, "core", "shareapi_allow_group_sharing"));
    if (!yes) return cloud_share_refuse(check, "Group sharing is not allowed");
    CLOUD_ERR(cloud_setting_bool(&yes, check->ctx, "core",
                                 "shareapi_only_share_with_membership_groups"));
    if (!yes) return NULL;
    CLOUD_ERR(cloud_group_has(&yes, check->ctx, recipient, check->account->number));
    return yes ? NULL
               : cloud_share_refuse(check, "Only sharing within your own groups is allowed");
}

cloud_err_t *cloud_share_check_recipient(const cloud_share_check_t *check,
                                         cloud_share_type_t type, apr_int64_t recipient)
{
    switch (type) {
    case CLOUD_SHARE_USER:
        return check_user(check, recipient);
    case CLOUD_SHARE_GROUP:
        return check_group(check, recipient);
    default:
        return NULL;
    }
}
