/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Where the journal says that an inode lies. */
#include "journal_rows.h"

#include <fcntl.h>
#include <string.h>

/* Where path, as it is once all moves before seq are made, is as long as those of folders that were
 * set aside are not: they are undone one by one, the last one first. *place NULL: the inode is at
 * none of these. */
static cloud_err_t *trace(const char **place, cloud_ctx_t *ctx, const cloud_jrow_t *row,
                          const apr_array_header_t *folders, apr_pool_t *pool)
{
    const char *path = row->src;
    int i, here;

    *place = NULL;
    for (i = folders->nelts - 1; i >= 0; i--) {
        const cloud_jrow_t *f = &APR_ARRAY_IDX(folders, i, cloud_jrow_t);
        apr_size_t len = strlen(f->dst);

        if (f->seq >= row->seq || strncmp(path, f->dst, len) != 0 || path[len] != '/') continue;
        path = apr_pstrcat(pool, f->src, path + len, NULL);
        CLOUD_ERR(cloud_storage_holds(&here, ctx->store, path, row->ino, pool));
        if (!here) continue;
        *place = path;
        return NULL;
    }
    return NULL;
}

/* It may be in a folder whose own move is set aside: then no row names the place where it is. */
static cloud_err_t *seek_below(const char **place, cloud_ctx_t *ctx, apr_uint64_t ino,
                               apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 2, sizeof(cloud_jrow_t));
    apr_array_header_t *folders = apr_array_make(pool, 2, sizeof(cloud_jrow_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more, i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool,
                         "SELECT " CLOUD_JROW_COLS " FROM journal WHERE tree < 0 AND ino = ?1", "i",
                         (apr_int64_t)ino);
    if (!err) err = cloud_jrows_read(rows, ctx, st, more);
    if (!err && rows->nelts)
        err = cloud_db_query(&st, &more, ctx->db, ctx->pool,
                             "SELECT " CLOUD_JROW_COLS " FROM journal WHERE tree < 0 AND is_dir"
                             " AND dst IS NOT NULL ORDER BY seq",
                             "");
    if (!err && rows->nelts) err = cloud_jrows_read(folders, ctx, st, more);
    cloud_tx_rollback(ctx);
    for (i = 0; !err && !*place && i < rows->nelts; i++)
        err = trace(place, ctx, &APR_ARRAY_IDX(rows, i, cloud_jrow_t), folders, pool);
    return err;
}

cloud_err_t *cloud_journal_locate(int *fd, cloud_ctx_t *ctx, apr_uint64_t ino, apr_pool_t *pool)
{
    const char *place;

    *fd = -1;
    CLOUD_ERR(cloud_jrow_seek(&place, ctx, NULL, ino, APR_INT64_MAX, pool));
    if (!place) CLOUD_ERR(seek_below(&place, ctx, ino, pool));
    return place ? cloud_storage_open(fd, ctx->store, place, O_RDONLY, pool) : NULL;
}
