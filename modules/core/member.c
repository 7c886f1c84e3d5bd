/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Members and subadmins of groups. */
#include "account_private.h"
#include "hooks.h"

static cloud_err_t *denied(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

/* ---- members ---- */

/* Who was put there here stays, whatever a directory says later. */
cloud_err_t *cloud_group_join(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account,
                              const char *source)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO membership (account, usergroup, source) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (account, usergroup) DO UPDATE SET source = excluded.source"
                        " WHERE excluded.source = 'database'",
                        "iit", account, group, source ? source : CLOUD_SOURCE_DATABASE);
}

cloud_err_t *cloud_group_leave(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM membership WHERE account = ?1 AND usergroup = ?2", "ii",
                           account, group));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->member_left) CLOUD_ERR(f->member_left(ctx, group, account));
    }
    return NULL;
}

/* The group and the account of a change of memberships, if ctx->who may make it. */
static cloud_err_t *both(cloud_group_t **g, cloud_account_t **a, cloud_ctx_t *ctx,
                         const char *group, const char *account)
{
    cloud_role_t role;
    int may;

    CLOUD_ERR(cloud_role(&role, ctx));
    if (role < CLOUD_ROLE_SUBADMIN) return denied(ctx);
    CLOUD_ERR(cloud_group_find(g, ctx, group, ctx->pool));
    CLOUD_ERR(cloud_may_manage_group(&may, ctx, *g));
    if (!may) return denied(ctx);
    return cloud_account_for_change(a, ctx, account, CLOUD_MANAGE_SEE, ctx->pool);
}

static cloud_err_t *add_tx(cloud_ctx_t *ctx, const char *group, const char *account,
                           const char *source)
{
    cloud_account_t *a;
    cloud_group_t *g;

    CLOUD_ERR(both(&g, &a, ctx, group, account));
    return cloud_group_join(ctx, g->number, a->number, source);
}

cloud_err_t *cloud_group_add(cloud_ctx_t *ctx, const char *group, const char *account,
                             const char *source)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, add_tx(ctx, group, account, source)));
    CLOUD_LOG(ctx->store, INFO, "%s is in group %s", account, group);
    return NULL;
}

/* Who takes himself out of what gives him his rights could not undo it. */
static cloud_err_t *check_self(cloud_ctx_t *ctx, const cloud_group_t *g, const cloud_account_t *a)
{
    cloud_role_t role;
    int may;

    if (!ctx->who.account || ctx->who.account->number != a->number) return NULL;
    if (g->number == CLOUD_GROUP_ADMIN)
        return cloud_err(ctx->pool, CLOUD_E_DENIED,
                         "Cannot remove yourself from the admin group");
    CLOUD_ERR(cloud_role(&role, ctx));
    CLOUD_ERR(cloud_may_manage_group(&may, ctx, g));
    if (role == CLOUD_ROLE_ADMIN || !may) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_DENIED,
                     "Cannot remove yourself from this group as you are a SubAdmin");
}

static cloud_err_t *remove_tx(cloud_ctx_t *ctx, const char *group, const char *account)
{
    cloud_account_t *a;
    cloud_group_t *g;

    CLOUD_ERR(both(&g, &a, ctx, group, account));
    CLOUD_ERR(check_self(ctx, g, a));
    return cloud_group_leave(ctx, g->number, a->number);
}

cloud_err_t *cloud_group_remove(cloud_ctx_t *ctx, const char *group, const char *account)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, remove_tx(ctx, group, account)));
    CLOUD_LOG(ctx->store, INFO, "%s is not in group %s", account, group);
    return NULL;
}

/* ---- subadmins ---- */

/* The same, for what only administrators may do. */
static cloud_err_t *both_as_admin(cloud_group_t **g, cloud_account_t **a, cloud_ctx_t *ctx,
                                  const char *group, const char *account)
{
    cloud_role_t role;

    CLOUD_ERR(cloud_role(&role, ctx));
    if (role != CLOUD_ROLE_ADMIN) return denied(ctx);
    CLOUD_ERR(cloud_group_find(g, ctx, group, ctx->pool));
    return cloud_account_for_change(a, ctx, account, CLOUD_MANAGE_SEE, ctx->pool);
}

static cloud_err_t *subadmin_add_tx(cloud_ctx_t *ctx, const char *group, const char *account)
{
    cloud_account_t *a;
    cloud_group_t *g;
    int allowed;

    CLOUD_ERR(both_as_admin(&g, &a, ctx, group, account));
    if (g->number == CLOUD_GROUP_ADMIN)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "Cannot create subadmins for admin group");
    CLOUD_ERR(cloud_subadmins_allowed(&allowed, ctx));
    if (!allowed)
        return cloud_err(ctx->pool, CLOUD_E_DENIED,
                         "The group admin (subadmin) feature has been disabled by the "
                         "administrator");
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO subadmin (account, usergroup) VALUES (?1, ?2)"
                        " ON CONFLICT (account, usergroup) DO NOTHING",
                        "ii", a->number, g->number);
}

cloud_err_t *cloud_subadmin_add(cloud_ctx_t *ctx, const char *group, const char *account)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, subadmin_add_tx(ctx, group, account)));
    CLOUD_LOG(ctx->store, INFO, "%s is subadmin of group %s", account, group);
    return NULL;
}

static cloud_err_t *subadmin_remove_tx(cloud_ctx_t *ctx, const char *group, const char *account)
{
    cloud_account_t *a;
    cloud_group_t *g;
    int changed;

    CLOUD_ERR(both_as_admin(&g, &a, ctx, group, account));
    CLOUD_ERR(cloud_db_run(ctx->db, &changed, ctx->pool,
                           "DELETE FROM subadmin WHERE account = ?1 AND usergroup = ?2", "ii",
                           a->number, g->number));
    return changed ? NULL
                   : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND,
                               "User is not a subadmin of this group");
}

cloud_err_t *cloud_subadmin_remove(cloud_ctx_t *ctx, const char *group, const char *account)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, subadmin_remove_tx(ctx, group, account)));
    CLOUD_LOG(ctx->store, INFO, "%s is no subadmin of group %s", account, group);
    return NULL;
}

static cloud_err_t *ids_tx(apr_array_header_t *ids, cloud_ctx_t *ctx, const char *sql,
                           apr_int64_t number)
{
    cloud_stmt_t *st;
    int allowed;

    CLOUD_ERR(cloud_subadmins_allowed(&allowed, ctx));
    if (!allowed) return NULL;
    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, sql, ctx->pool));
    cloud_stmt_int(st, 1, number);
    return cloud_collect_ids(ids, st, ctx);
}

static cloud_err_t *subadmin_groups_tx(apr_array_header_t *ids, cloud_ctx_t *ctx,
                                       const char *account)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_for_change(&a, ctx, account, CLOUD_MANAGE_SEE, ctx->pool));
    return ids_tx(ids, ctx,
                  "SELECT g.id FROM subadmin s JOIN usergroup g ON g.number = s.usergroup"
                  " WHERE s.account = ?1 ORDER BY g.id",
                  a->number);
}

cloud_err_t *cloud_subadmin_groups(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                   const char *account, apr_pool_t *pool)
{
    cloud_err_t *err;

    *ids = apr_array_make(pool, 8, sizeof(const char *));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = subadmin_groups_tx(*ids, ctx, account);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *subadmin_of_tx(apr_array_header_t *ids, cloud_ctx_t *ctx, const char *group)
{
    cloud_group_t *g;
    cloud_role_t role;

    CLOUD_ERR(cloud_role(&role, ctx));
    if (role != CLOUD_ROLE_ADMIN) return denied(ctx);
    CLOUD_ERR(cloud_group_find(&g, ctx, group, ctx->pool));
    return ids_tx(ids, ctx,
                  "SELECT a.id FROM subadmin s JOIN account a ON a.number = s.account"
                  " WHERE s.usergroup = ?1 ORDER BY a.folded",
                  g->number);
}

cloud_err_t *cloud_subadmin_of(apr_array_header_t **ids, cloud_ctx_t *ctx, const char *group,
                               apr_pool_t *pool)
{
    cloud_err_t *err;

    *ids = apr_array_make(pool, 8, sizeof(const char *));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = subadmin_of_tx(*ids, ctx, group);
    cloud_tx_rollback(ctx);
    return err;
}
