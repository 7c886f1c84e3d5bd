/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a share is called at its recipient's. The core numbers whatever clashes when it lists; a
 * name that is free from the beginning does not change when something else goes. */
#include "share.h"
#include "mount_private.h"

#define TRIES 1000

static cloud_err_t *is_taken(int *yes, cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t folder,
                             const char *name, apr_int64_t node, apr_pool_t *pool)
{
    cloud_node_t *child;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tree_child(&child, ctx, folder, name, pool));
    *yes = child != NULL;
    if (child) return NULL;
    CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, ctx->pool,
                             "SELECT 1 FROM share WHERE type = 0 AND recipient = ?1"
                             " AND target = ?2 AND node <> ?3 AND state <> 2"
                             " UNION ALL SELECT 1 FROM membership b JOIN share h ON h.type = 1"
                             " AND h.recipient = b.usergroup AND h.target = ?2 AND h.node <> ?3"
                             " WHERE b.account = ?1 AND h.owner <> ?1"
                             " UNION ALL SELECT 1 FROM share_place WHERE account = ?1"
                             " AND name = ?2 AND node <> ?3 AND parent = ?4 LIMIT 1",
                             "itii", account, name, node, folder));
    cloud_stmt_done(st);
    return NULL;
}

/* The name under which he has the item already, by another share. */
static cloud_err_t *existing(const char **target, cloud_ctx_t *ctx, apr_int64_t account,
                             apr_int64_t node, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT s.target FROM share s WHERE s.node = ?2 AND s.state <> 2 AND"
                             " ((s.type = 0 AND s.recipient = ?1) OR (s.type = 1 AND s.recipient IN"
                             " (SELECT usergroup FROM membership WHERE account = ?1)))"
                             " ORDER BY s.id LIMIT 1", "ii", account, node));
    *target = row ? cloud_col_dup(st, 0, pool) : NULL;
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_share_unique_target(const char **target, cloud_ctx_t *ctx,
                                       const cloud_account_t *recipient, const char *name,
                                       apr_int64_t node, int is_dir, apr_pool_t *pool)
{
    apr_array_header_t *above;
    apr_int64_t folder;
    int n, complete, taken = 1;

    CLOUD_ERR(existing(target, ctx, recipient->number, node, pool));
    if (*target) return NULL;
    CLOUD_ERR(cloud_mounts_folder(&above, &complete, ctx, recipient, pool));
    /* Where it will be made nothing can be in the way. */
    folder = complete ? APR_ARRAY_IDX(above, above->nelts - 1, apr_int64_t) : 0;
    for (n = 1; taken && n < TRIES; n++) {
        *target = n == 1 ? name : cloud_name_numbered(name, n, is_dir, pool);
        CLOUD_ERR(is_taken(&taken, ctx, recipient->number, folder, *target, node, pool));
    }
    return NULL;
}
