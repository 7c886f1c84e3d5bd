/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Favorites: which nodes an account has marked. They are the account's, not the node's: somebody else
 * who sees the node has favorites of his own, and no ETag changes. */
#include "internal.h"

cloud_err_t *cloud_favorite_set(cloud_ctx_t *ctx, const cloud_node_t *node, int on)
{
    const cloud_account_t *who = ctx->who.account;
    cloud_node_t marked = *node;

    if (!who) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (!on)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "DELETE FROM favorite WHERE account = ?1 AND node = ?2", "ii",
                            who->number, node->id);
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "INSERT INTO favorite (account, node) VALUES (?1, ?2)"
                           " ON CONFLICT (account, node) DO NOTHING",
                           "ii", who->number, node->id));
    if (node->flags & CLOUD_NODE_FAVORITE) return NULL;
    marked.flags |= CLOUD_NODE_FAVORITE;
    return cloud_tree_update(ctx, &marked);
}

static cloud_err_t *is_marked(int *yes, cloud_ctx_t *ctx, const cloud_node_t *node)
{
    cloud_stmt_t *st;

    *yes = 0;
    if (!ctx->who.account || !(node->flags & CLOUD_NODE_FAVORITE)) return NULL;
    CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, ctx->pool,
                             "SELECT 1 FROM favorite WHERE account = ?1 AND node = ?2", "ii",
                             ctx->who.account->number, node->id));
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_favorite_copy(cloud_ctx_t *ctx, const cloud_node_t *from, apr_int64_t to)
{
    cloud_node_t *node;
    int yes;

    CLOUD_ERR(is_marked(&yes, ctx, from));
    if (!yes) return NULL;
    CLOUD_ERR(cloud_tree_get(&node, ctx, to, ctx->pool));
    return node ? cloud_favorite_set(ctx, node, 1) : NULL;
}

cloud_err_t *cloud_favorite_list(apr_array_header_t **nodes, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.account;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *nodes = apr_array_make(pool, 16, sizeof(apr_int64_t));
    if (!who) return NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT node FROM favorite WHERE account = ?1 ORDER BY node", "i",
                             who->number));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool))
        APR_ARRAY_PUSH(*nodes, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_favorite_forget(cloud_ctx_t *ctx, const cloud_node_t *node)
{
    if (!(node->flags & CLOUD_NODE_FAVORITE)) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM favorite WHERE node = ?1", "i",
                        node->id);
}
