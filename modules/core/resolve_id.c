/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From the id of a node to the path by which who asks sees it, and to an entry. */
#include "mount_private.h"

/* Names of rows from..end as people see them, joined. */
static const char *names_from(const apr_array_header_t *rows, int from, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, rows->nelts + 1, sizeof(const char *));
    int i;

    for (i = from; i < rows->nelts; i++) {
        const cloud_above_t *row = &APR_ARRAY_IDX(rows, i, cloud_above_t);

        APR_ARRAY_PUSH(names, const char *) = cloud_name_shown(row->name, row->disk, pool);
    }
    return apr_array_pstrcat(pool, names, '/');
}

static const char *join(const char *folder, const char *below, apr_pool_t *pool)
{
    return *folder && *below ? apr_pstrcat(pool, folder, "/", below, NULL)
                             : *folder ? folder : below;
}

static cloud_err_t *path_of_placed(const char **path, cloud_ctx_t *ctx, const cloud_placed_t *p,
                                   apr_pool_t *pool)
{
    apr_array_header_t *place;

    *path = p->shown;
    if (p->above_len == 1) return NULL;
    CLOUD_ERR(cloud_tree_above(&place, ctx, p->above[p->above_len - 1], pool));
    *path = join(names_from(place, 1, pool), p->shown, pool);
    return NULL;
}

cloud_err_t *cloud_mount_place(const cloud_mount_t **m, const char **path, apr_int64_t *folder,
                               cloud_ctx_t *ctx, const cloud_account_t *account,
                               apr_int64_t target, apr_pool_t *pool)
{
    const cloud_placed_t *p;

    CLOUD_ERR(cloud_mount_of(&p, ctx, account, target, pool));
    *m = p ? cloud_mount_keep(p, pool) : NULL;
    if (!p) return NULL;
    *folder = p->above[p->above_len - 1];
    CLOUD_ERR(path_of_placed(path, ctx, p, pool));
    *path = apr_pstrdup(pool, *path);
    return NULL;
}

/* Where the node is seen through a mount: the one that is the nearest above it, of those that may be read. */
static cloud_err_t *path_through_mount(const char **path, cloud_ctx_t *ctx,
                                       const cloud_account_t *account,
                                       const apr_array_header_t *rows, apr_pool_t *pool)
{
    const cloud_placed_t *p, *best = NULL;
    int i, below = 0;

    for (i = rows->nelts - 1; i > 0 && !(best && (best->m.perms & CLOUD_PERM_READ)); i--) {
        CLOUD_ERR(cloud_mount_of(&p, ctx, account, APR_ARRAY_IDX(rows, i, cloud_above_t).id, pool));
        if (!p || (best && !(p->m.perms & CLOUD_PERM_READ))) continue;
        best = p;
        below = i + 1;
    }
    if (!best) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(path_of_placed(path, ctx, best, pool));
    *path = join(*path, names_from(rows, below, pool), pool);
    return NULL;
}

static cloud_err_t *path_of_id(const char **path, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    apr_array_header_t *rows;

    CLOUD_ERR(cloud_tree_above(&rows, ctx, id, pool));
    if (!rows->nelts) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    if (APR_ARRAY_IDX(rows, 0, cloud_above_t).id != account->root)
        return path_through_mount(path, ctx, account, rows, pool);
    *path = names_from(rows, 1, pool);
    return NULL;
}

/* In a view only what is at or below its item has a path. */
static cloud_err_t *path_in_view(const char **path, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    cloud_entry_t *top;
    int i;

    CLOUD_ERR(cloud_resolve_tx(&top, ctx, account, "", pool));
    CLOUD_ERR(cloud_tree_above(&rows, ctx, id, pool));
    for (i = rows->nelts - 1; i >= 0; i--)
        if (APR_ARRAY_IDX(rows, i, cloud_above_t).id == top->node.id) break;
    if (i < 0) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    /* A single file is in its folder. */
    *path = names_from(rows, CLOUD_IS_DIR(&top->mount->target) ? i + 1 : i, pool);
    return NULL;
}

cloud_err_t *cloud_resolve_id(cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    const char *path = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = account->view ? path_in_view(&path, ctx, account, id, pool)
                        : path_of_id(&path, ctx, account, id, pool);
    if (!err) err = cloud_resolve_tx(entry, ctx, account, path, pool);
    if (!err) err = cloud_access(ctx, *entry, CLOUD_OP_LIST);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_entry_owner_path(const char **path, cloud_ctx_t *ctx, const cloud_entry_t *e,
                                    apr_pool_t *pool)
{
    apr_array_header_t *rows;

    *path = e->path;
    if (!e->mount) return NULL;
    CLOUD_ERR(cloud_tree_above(&rows, ctx, e->node.id, pool));
    *path = names_from(rows, 1, pool);
    return NULL;
}
