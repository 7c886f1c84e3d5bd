/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Where a node lies on disk: it follows from its rows. */
#include "internal.h"

#include <string.h>

/* Where the roots lie. A root's name says whose it is (cloud_tree_new_root); the bulk root's disk
 * name is the staging directory it is built in. */
static cloud_err_t *root_path(const char **path, cloud_ctx_t *ctx, const cloud_node_t *root,
                              apr_pool_t *pool)
{
    const char *owner = strchr(root->name, ':');
    cloud_stmt_t *st;
    int row;

    if (root->kind == CLOUD_KIND_BULK) {
        *path = root->disk;
        return NULL;
    }
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT dir FROM account WHERE number = ?1", "i",
                             owner ? apr_atoi64(owner + 1) : (apr_int64_t)0));
    if (row)
        *path = apr_pstrcat(pool, cloud_col_text(st, 0), "/",
                            root->kind == CLOUD_KIND_PURGE   ? CLOUD_PURGE
                            : root->kind == CLOUD_KIND_TRASH ? root->disk
                                                             : CLOUD_FILES,
                            NULL);
    cloud_stmt_done(st);
    return row ? NULL : cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
}

cloud_err_t *cloud_entry_path(const char **path, cloud_ctx_t *ctx, const cloud_entry_t *e,
                              apr_pool_t *pool)
{
    if (!e->folder)
        return cloud_storage_path(path, ctx, e->node.id, pool);
    *path = apr_pstrcat(pool, e->folder, "/", e->node.disk, NULL);
    return NULL;
}

cloud_err_t *cloud_storage_path(const char **path, cloud_ctx_t *ctx, apr_int64_t id,
                                apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));
    const char *top = NULL;
    apr_int64_t below = 0;
    apr_size_t len = 0;
    cloud_node_t *node;
    char *at;
    int i;

    for (;; below = node->id) {
        CLOUD_ERR(cloud_tree_get(&node, ctx, id, pool));
        if (!node || names->nelts > 100000)
            return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
        if (node->parent == 0) break;
        APR_ARRAY_PUSH(names, const char *) = node->disk;
        len += strlen(node->disk) + 1;
        id = node->parent;
    }
    CLOUD_ERR(root_path(&top, ctx, node, pool));
    if (node->kind == CLOUD_KIND_TRASH && below)
        top = apr_psprintf(pool, "%s/%" APR_INT64_T_FMT, top, below);
    /* Joined at the end, in one go: a deep tree, or a damaged one, costs no more than its length. */
    *path = at = apr_palloc(pool, strlen(top) + len + 1);
    at = apr_cpystrn(at, top, strlen(top) + 1);
    for (i = names->nelts - 1; i >= 0; i--) {
        *at++ = '/';
        at = apr_cpystrn(at, APR_ARRAY_IDX(names, i, const char *), len + 1);
    }
    return NULL;
}
