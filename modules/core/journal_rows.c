/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows of the journal: reading them, and what they have to do with each other. */
#include "journal_rows.h"

#include <string.h>

static void read_row(cloud_jrow_t *row, cloud_stmt_t *st, apr_pool_t *pool)
{
    row->seq = cloud_col_int(st, 0);
    row->tree = cloud_col_int(st, 1);
    row->tree2 = cloud_col_int(st, 2);
    row->ino = (apr_uint64_t)cloud_col_int(st, 3);
    row->is_dir = (int)cloud_col_int(st, 4);
    row->src = cloud_col_dup(st, 5, pool);
    row->dst = cloud_col_dup(st, 6, pool);
}

cloud_err_t *cloud_jrows_read(apr_array_header_t *rows, cloud_ctx_t *ctx, cloud_stmt_t *st,
                              int more)
{
    cloud_err_t *err = NULL;

    while (!err && more) {
        read_row(apr_array_push(rows), st, rows->pool);
        err = cloud_stmt_step(&more, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

int cloud_jrow_done(cloud_store_t *store, const cloud_jrow_t *row)
{
    return row->seq <= cloud_shm_done(store->shm, row->tree)
           || (row->tree2 && row->seq <= cloud_shm_done(store->shm, row->tree2));
}

int cloud_jrow_related(const char *a, const char *b)
{
    apr_size_t la = strlen(a), lb = strlen(b), len = la < lb ? la : lb;

    return strncmp(a, b, len) == 0 && (la == lb || (la < lb ? b : a)[len] == '/');
}
