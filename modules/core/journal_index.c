/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a run over many rows asks again and again, answered without looking at each row each time:
 * which rows name an inode, and whether a row depends on one that was set aside. */
#include "journal_rows.h"

#include <string.h>

/* ---- rows by inode ---- */

struct cloud_jindex_t {
    apr_pool_t *pool;
    apr_hash_t *by_ino;        /* inode -> array of const cloud_jrow_t *; NULL: not read yet */
};

cloud_jindex_t *cloud_jindex_create(apr_pool_t *pool)
{
    cloud_jindex_t *x = apr_pcalloc(pool, sizeof *x);

    x->pool = pool;
    return x;
}

/* The whole journal, once. Rows that others add meanwhile matter to nobody here: they are carried out
 * under the lock of a tree that this run holds. */
static cloud_err_t *read_all(cloud_jindex_t *x, cloud_ctx_t *ctx)
{
    apr_array_header_t *rows = apr_array_make(x->pool, 1024, sizeof(cloud_jrow_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more, i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool, "SELECT " CLOUD_JROW_COLS " FROM journal",
                         "");
    if (!err) err = cloud_jrows_read(rows, ctx, st, more);
    cloud_tx_rollback(ctx);
    if (err) return err;
    x->by_ino = apr_hash_make(x->pool);
    for (i = 0; i < rows->nelts; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);
        apr_array_header_t *of = apr_hash_get(x->by_ino, &row->ino, sizeof row->ino);

        if (!of) {
            of = apr_array_make(x->pool, 2, sizeof(row));
            apr_hash_set(x->by_ino, &row->ino, sizeof row->ino, of);
        }
        APR_ARRAY_PUSH(of, const cloud_jrow_t *) = row;
    }
    return NULL;
}

cloud_err_t *cloud_jindex_find(apr_array_header_t *rows, cloud_jindex_t *x, cloud_ctx_t *ctx,
                               apr_uint64_t ino, apr_int64_t seq)
{
    const apr_array_header_t *of;
    int i;

    if (!x->by_ino) CLOUD_ERR(read_all(x, ctx));
    of = apr_hash_get(x->by_ino, &ino, sizeof ino);
    for (i = 0; of && i < of->nelts; i++) {
        const cloud_jrow_t *row = APR_ARRAY_IDX(of, i, const cloud_jrow_t *);

        if (row->seq != seq) APR_ARRAY_PUSH(rows, cloud_jrow_t) = *row;
    }
    return NULL;
}

/* ---- rows that others depend on ---- */

struct cloud_jstuck_t {
    apr_pool_t *pool;
    apr_hash_t *inodes;
    apr_hash_t *places;        /* that they name */
    apr_hash_t *above;         /* those, and all that lie above one of them */
};

cloud_jstuck_t *cloud_jstuck_create(apr_pool_t *pool)
{
    cloud_jstuck_t *s = apr_palloc(pool, sizeof *s);

    s->pool = pool;
    s->inodes = apr_hash_make(pool);
    s->places = apr_hash_make(pool);
    s->above = apr_hash_make(pool);
    return s;
}

/* The length of path without its last component; 0 at the top. */
static apr_ssize_t parent_length(const char *path, apr_ssize_t len)
{
    while (len > 0 && path[len - 1] != '/') len--;
    return len > 0 ? len - 1 : 0;
}

static void add_place(cloud_jstuck_t *s, const char *path)
{
    apr_ssize_t len = (apr_ssize_t)strlen(path);

    apr_hash_set(s->places, path, len, path);
    for (; len > 0 && !apr_hash_get(s->above, path, len); len = parent_length(path, len))
        apr_hash_set(s->above, path, len, path);
}

void cloud_jstuck_add(cloud_jstuck_t *s, const cloud_jrow_t *row)
{
    apr_uint64_t *ino = apr_pmemdup(s->pool, &row->ino, sizeof row->ino);

    apr_hash_set(s->inodes, ino, sizeof *ino, ino);
    add_place(s, row->src);
    if (row->dst) add_place(s, row->dst);
}

static int meets(const cloud_jstuck_t *s, const char *path)
{
    apr_ssize_t len = (apr_ssize_t)strlen(path);

    if (apr_hash_get(s->above, path, len)) return 1;
    for (; len > 0; len = parent_length(path, len))
        if (apr_hash_get(s->places, path, len)) return 1;
    return 0;
}

int cloud_jstuck_holds(const cloud_jstuck_t *s, const cloud_jrow_t *row)
{
    return apr_hash_get(s->inodes, &row->ino, sizeof row->ino) || meets(s, row->src)
           || (row->dst && meets(s, row->dst));
}
