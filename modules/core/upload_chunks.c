/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Chunks that are there: their rows, listing, removing, reading. */
#include "upload_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- rows ---- */

#define PIECE_COLS "name, size, written, stage, offset"

static void read_piece(cloud_piece_t *p, cloud_stmt_t *st, apr_pool_t *pool)
{
    p->chunk.name = cloud_col_dup(st, 0, pool);
    p->chunk.size = cloud_col_int(st, 1);
    p->chunk.written = cloud_col_int(st, 2);
    p->stage = cloud_col_dup(st, 3, pool);
    p->offset = cloud_col_int(st, 4);
}

cloud_err_t *cloud_piece_get(cloud_piece_t **piece, cloud_ctx_t *ctx, apr_int64_t upload,
                             const char *name, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *piece = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT " PIECE_COLS " FROM chunk WHERE upload = ?1 AND name = ?2",
                             "it", upload, name));
    if (row) {
        *piece = apr_palloc(pool, sizeof **piece);
        read_piece(*piece, st, pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return cloud_chunk_compare(((const cloud_piece_t *)a)->chunk.name,
                               ((const cloud_piece_t *)b)->chunk.name);
}

cloud_err_t *cloud_piece_list(apr_array_header_t **pieces, cloud_ctx_t *ctx, apr_int64_t upload,
                              apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *pieces = apr_array_make(pool, 32, sizeof(cloud_piece_t));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT " PIECE_COLS " FROM chunk WHERE upload = ?1", "i", upload));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool))
        read_piece(apr_array_push(*pieces), st, pool);
    cloud_stmt_done(st);
    if (err) return err;
    qsort((*pieces)->elts, (size_t)(*pieces)->nelts, sizeof(cloud_piece_t), by_name);
    return NULL;
}

cloud_err_t *cloud_piece_count(apr_int64_t *count, cloud_ctx_t *ctx, apr_int64_t upload)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT count(*) FROM chunk WHERE upload = ?1", "i", upload));
    *count = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

int cloud_upload_in_place(apr_int64_t *end, const apr_array_header_t *pieces)
{
    int i;

    *end = 0;
    for (i = 0; i < pieces->nelts; i++) {
        const cloud_piece_t *p = &APR_ARRAY_IDX(pieces, i, cloud_piece_t);

        if (p->stage || p->offset != *end) break;
        *end += p->chunk.size;
    }
    return i;
}

/* ---- listing, removing, reading ---- */

cloud_err_t *cloud_chunk_list(apr_array_header_t **chunks, cloud_ctx_t *ctx,
                              const cloud_upload_t *up, apr_pool_t *pool)
{
    apr_array_header_t *pieces;
    int i;

    CLOUD_ERR(cloud_upload_own(ctx, up->account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(ctx, cloud_piece_list(&pieces, ctx, up->id, pool)));
    *chunks = apr_array_make(pool, pieces->nelts + 1, sizeof(cloud_chunk_t));
    for (i = 0; i < pieces->nelts; i++)
        APR_ARRAY_PUSH(*chunks, cloud_chunk_t) = APR_ARRAY_IDX(pieces, i, cloud_piece_t).chunk;
    return NULL;
}

static cloud_err_t *remove_tx(cloud_piece_t **piece, cloud_ctx_t *ctx, const cloud_upload_t *up,
                              const char *name)
{
    cloud_session_t *s;

    CLOUD_ERR(cloud_session_by_id(&s, ctx, up->id, ctx->pool));
    if (!s || s->up.finished) return cloud_upload_gone(ctx, up->name);
    CLOUD_ERR(cloud_piece_get(piece, ctx, up->id, name, ctx->pool));
    if (!*piece) return cloud_upload_gone(ctx, name);
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM chunk WHERE upload = ?1 AND name = ?2", "it", up->id,
                           name));
    /* The last of the staging file: the next one may take its place. The hash up to there is not
     * known any more, and is computed anew by who needs it. */
    if (!(*piece)->stage && (*piece)->offset + (*piece)->chunk.size == s->length)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "UPDATE upload SET length = ?2, digest = NULL WHERE id = ?1", "ii",
                               up->id, (*piece)->offset));
    return cloud_session_touch(ctx, up->id);
}

cloud_err_t *cloud_chunk_remove(cloud_ctx_t *ctx, const cloud_upload_t *up, const char *name)
{
    cloud_piece_t *piece;

    CLOUD_ERR(cloud_upload_own(ctx, up->account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, remove_tx(&piece, ctx, up, name)));
    if (piece->stage) cloud_storage_unlink(ctx->store, piece->stage, 0, ctx->pool);
    return NULL;
}

cloud_err_t *cloud_piece_find(cloud_session_t **s, cloud_piece_t **piece, cloud_ctx_t *ctx,
                              apr_int64_t upload, const char *name, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_session_by_id(s, ctx, upload, pool));
    if (!*s || (*s)->up.finished) return cloud_upload_gone(ctx, name);
    return cloud_piece_get(piece, ctx, upload, name, pool);
}

cloud_err_t *cloud_chunk_open(int *fd, apr_int64_t *size, cloud_ctx_t *ctx,
                              const cloud_upload_t *up, const char *name, apr_pool_t *pool)
{
    cloud_session_t *s;
    cloud_piece_t *piece;

    CLOUD_ERR(cloud_upload_own(ctx, up->account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(ctx, cloud_piece_find(&s, &piece, ctx, up->id, name, pool)));
    if (!piece) return cloud_upload_gone(ctx, name);
    CLOUD_ERR(cloud_storage_account_check(ctx->store, s->dir, pool));
    CLOUD_ERR(cloud_storage_open(fd, ctx->store, piece->stage ? piece->stage : s->stage, O_RDONLY,
                                 pool));
    if (*fd < 0) return cloud_upload_gone(ctx, name);
    cloud_upload_close_with(pool, *fd);
    if (lseek(*fd, piece->stage ? 0 : (off_t)piece->offset, SEEK_SET) < 0)
        return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, errno, "seek in a chunk");
    *size = piece->chunk.size;
    return NULL;
}

