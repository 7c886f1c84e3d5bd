/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The one decision who may manage whom. Asked by every verb on accounts and groups, inside its
 * transaction: who was an administrator a moment ago is none any more. */
#include "account_private.h"

cloud_err_t *cloud_subadmins_allowed(int *yes, cloud_ctx_t *ctx)
{
    return cloud_setting_bool(yes, ctx, "system", "allow_subadmins");
}

/* Whether a query about two numbers has a row; sql is a constant. */
static cloud_err_t *ask(int *yes, cloud_ctx_t *ctx, const char *sql, apr_int64_t one,
                        apr_int64_t other)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    *yes = 0;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, yes, ctx->db, ctx->pool, sql, "ii", one, other);
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_group_has(int *yes, cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account)
{
    return ask(yes, ctx, "SELECT 1 FROM membership WHERE account = ?1 AND usergroup = ?2", account,
               group);
}

cloud_err_t *cloud_group_listed(int *yes, cloud_ctx_t *ctx, apr_int64_t account, const char *app,
                                const char *key)
{
    const char **ids;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_setting_list(&ids, ctx, app, key));
    for (*yes = 0; *ids && !*yes; ids++) {
        CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, ctx->pool,
                                 "SELECT 1 FROM membership m JOIN usergroup g"
                                 " ON g.number = m.usergroup WHERE g.id = ?1 AND m.account = ?2",
                                 "ti", *ids, account));
        cloud_stmt_done(st);
    }
    return NULL;
}

cloud_err_t *cloud_is_admin(int *yes, cloud_ctx_t *ctx, const cloud_account_t *a)
{
    return cloud_group_has(yes, ctx, CLOUD_GROUP_ADMIN, a->number);
}

static cloud_err_t *is_subadmin(int *yes, cloud_ctx_t *ctx, const cloud_account_t *a)
{
    CLOUD_ERR(cloud_subadmins_allowed(yes, ctx));
    return *yes ? ask(yes, ctx, "SELECT 1 FROM subadmin WHERE account = ?1 AND ?2 = 0 LIMIT 1",
                      a->number, 0)
                : NULL;
}

cloud_err_t *cloud_role(cloud_role_t *role, cloud_ctx_t *ctx)
{
    const cloud_account_t *who = ctx->who.account;
    int yes = ctx->who.system;

    *role = CLOUD_ROLE_NOBODY;
    if (!yes && !who) return NULL;
    if (!yes) CLOUD_ERR(cloud_is_admin(&yes, ctx, who));
    if (yes) {
        *role = CLOUD_ROLE_ADMIN;
        return NULL;
    }
    CLOUD_ERR(is_subadmin(&yes, ctx, who));
    *role = yes ? CLOUD_ROLE_SUBADMIN : CLOUD_ROLE_USER;
    return NULL;
}

/* Whether who is subadmin of a group that a is in; never of an administrator. */
static cloud_err_t *is_below(int *yes, cloud_ctx_t *ctx, const cloud_account_t *who,
                             const cloud_account_t *a)
{
    int admin;

    CLOUD_ERR(cloud_subadmins_allowed(yes, ctx));
    if (!*yes) return NULL;
    CLOUD_ERR(cloud_is_admin(&admin, ctx, a));
    *yes = 0;
    return admin ? NULL
                 : ask(yes, ctx,
                       "SELECT 1 FROM subadmin s JOIN membership m ON m.usergroup = s.usergroup"
                       " WHERE s.account = ?1 AND m.account = ?2 LIMIT 1",
                       who->number, a->number);
}

/* The account itself, administrators, subadmins. */
static const struct {
    int self, admin, subadmin;
} RIGHTS[] = {
    [CLOUD_MANAGE_SEE] = { 1, 1, 1 },
    [CLOUD_MANAGE_PROFILE] = { 1, 1, 1 },
    [CLOUD_MANAGE_QUOTA] = { 0, 1, 1 },
    [CLOUD_MANAGE_STATE] = { 0, 1, 1 },
    [CLOUD_MANAGE_SECRETS] = { 1, 0, 0 },
};

cloud_err_t *cloud_may_manage(int *yes, cloud_ctx_t *ctx, const cloud_account_t *a,
                              cloud_manage_t what)
{
    const cloud_account_t *who = ctx->who.account;
    int self = who && who->number == a->number;

    *yes = ctx->who.system || (self && RIGHTS[what].self);
    if (*yes || !who) return NULL;
    if (self && what == CLOUD_MANAGE_STATE) return NULL;
    if (RIGHTS[what].admin) CLOUD_ERR(cloud_is_admin(yes, ctx, who));
    if (*yes || self || !RIGHTS[what].subadmin) return NULL;
    return is_below(yes, ctx, who, a);
}

cloud_err_t *cloud_may_manage_group(int *yes, cloud_ctx_t *ctx, const cloud_group_t *g)
{
    const cloud_account_t *who = ctx->who.account;

    *yes = ctx->who.system;
    if (*yes || !who) return NULL;
    CLOUD_ERR(cloud_is_admin(yes, ctx, who));
    if (*yes || g->number == CLOUD_GROUP_ADMIN) return NULL;
    CLOUD_ERR(cloud_subadmins_allowed(yes, ctx));
    return *yes ? ask(yes, ctx, "SELECT 1 FROM subadmin WHERE account = ?1 AND usergroup = ?2",
                      who->number, g->number)
                : NULL;
}
