/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Which rows of a run are done already.
 *
 * Shared memory knows it of each tree, until a reboot, or until others take the tree's place there.
 * Then rows may be carried out again. In the middle of a history that is not the same as doing
 * nothing: what has come back to where a row once took it from is taken away again, into a folder that
 * has moved on since. So where nothing is known it is seen on disk how far the rows were carried out: they
 * say where everything was after each of them. That fails only where the disk is in none of these
 * states (after a power cut, on a file system that keeps renames out of order); then the rows are carried
 * out from the first one, each where it finds its inode. */
#include "journal_rows.h"

#include <stdlib.h>
#include <string.h>

#define TAIL     64       /* rows at the end that may not be done, while those before are */
#define ROWS_MAX 10000    /* it costs by the square of their number */

struct cloud_jdone_t {
    const apr_array_header_t *trees;
    apr_int64_t *upto;    /* of each tree: 0 when nothing is known */
};

static int by_id(const void *a, const void *b)
{
    const apr_int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static apr_int64_t *upto(const cloud_jdone_t *d, apr_int64_t tree)
{
    const apr_int64_t *first = (const apr_int64_t *)d->trees->elts;
    const apr_int64_t *found = bsearch(&tree, first, (size_t)d->trees->nelts, sizeof tree, by_id);

    return &d->upto[found - first];
}

int cloud_jdone_has(const cloud_jdone_t *d, const cloud_jrow_t *row)
{
    return row->seq <= *upto(d, row->tree) || (row->tree2 && row->seq <= *upto(d, row->tree2));
}

/* ---- what follows ---- */

/* A row that two trees share was carried out after all that went before it in both of them. 1: that says
 * something that was not known. */
static int learn(const cloud_jdone_t *d, const cloud_jrow_t *row)
{
    apr_int64_t *a, *b;

    if (CLOUD_JROW_ASIDE(row) || !row->tree2 || !cloud_jdone_has(d, row)) return 0;
    a = upto(d, row->tree);
    b = upto(d, row->tree2);
    if (*a >= row->seq && *b >= row->seq) return 0;
    if (*a < row->seq) *a = row->seq;
    if (*b < row->seq) *b = row->seq;
    return 1;
}

static void learn_all(const cloud_jdone_t *d, const apr_array_header_t *rows)
{
    int i, more;

    do {
        for (more = 0, i = rows->nelts; i-- > 0;)
            more |= learn(d, &APR_ARRAY_IDX(rows, i, cloud_jrow_t));
    } while (more);
}

/* ---- what is seen ---- */

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_jrow_t **rows;  /* moves of which it is not known whether they are done */
    int n;
    int *before;                /* of each row: the one of the same inode before it, or -1 */
    char *shows;                /* it is the last one of its inode, which shows whether it is done */
    apr_pool_t *iter;
} past_t;

static int is_within(const char *path, const char *dir, apr_size_t len)
{
    return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Where something is on the other side of a move, whichever side that is: what the move replaces is left where
 * the moved one came from. */
static const char *across(const char *path, const cloud_jrow_t *row, apr_pool_t *pool)
{
    apr_size_t src = strlen(row->src), dst = strlen(row->dst);

    if (is_within(path, row->src, src)) return apr_pstrcat(pool, row->dst, path + src, NULL);
    if (is_within(path, row->dst, dst)) return apr_pstrcat(pool, row->src, path + dst, NULL);
    return path;
}

/* Where the inode of row i, its last one, is after the first `done` rows. */
static const char *place_of(const past_t *p, int i, int done)
{
    const char *path;
    int after = -1;

    for (; i >= done; i = p->before[i]) after = i;
    if (i >= 0) {
        for (path = p->rows[i++]->dst; i < done; i++) path = across(path, p->rows[i], p->iter);
        return path;
    }
    for (path = p->rows[after]->src, i = after - 1; i >= done; i--)
        path = across(path, p->rows[i], p->iter);
    return path;
}

static int stands_after(const past_t *p, int done)
{
    int i, here;

    for (i = p->n - 1; i >= 0; i--) {
        if (!p->shows[i]) continue;
        apr_pool_clear(p->iter);
        /* What can't be looked at is told by who has to move it. */
        if (cloud_storage_holds(&here, p->ctx->store, place_of(p, i, done), p->rows[i]->ino,
                                p->iter)
            || !here)
            return 0;
    }
    return 1;
}

/* So many of the rows are done; 0 also when that can't be said. */
static int count_done(const past_t *p)
{
    int done;

    for (done = p->n; done > 0 && done >= p->n - TAIL; done--)
        if (stands_after(p, done)) return done;
    return 0;
}

/* Nobody went on with an inode that a row set aside names: its later rows are not done, and nothing lies where they
 * would have it. They are left out; the number of the first one, or 0. */
static apr_int64_t leave_out_owed(past_t *p, const apr_array_header_t *rows, apr_pool_t *pool)
{
    apr_hash_t *owed = apr_hash_make(pool);
    apr_int64_t first = 0;
    int i, n;

    for (i = 0; i < rows->nelts; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        if (CLOUD_JROW_ASIDE(row)) apr_hash_set(owed, &row->ino, sizeof row->ino, row);
    }
    for (i = n = 0; i < p->n; i++) {
        if (!apr_hash_get(owed, &p->rows[i]->ino, sizeof p->rows[i]->ino)) p->rows[n++] = p->rows[i];
        else if (!first) first = p->rows[i]->seq;
    }
    p->n = n;
    return first;
}

static void chain_inodes(past_t *p, apr_pool_t *pool)
{
    apr_hash_t *seen = apr_hash_make(pool);
    const cloud_jrow_t *const *slot;
    int i;

    p->before = apr_palloc(pool, sizeof *p->before * ((apr_size_t)p->n + 1));
    p->shows = apr_pcalloc(pool, (apr_size_t)p->n + 1);
    for (i = 0; i < p->n; i++) {
        const apr_uint64_t *ino = &p->rows[i]->ino;

        slot = apr_hash_get(seen, ino, sizeof *ino);
        apr_hash_set(seen, ino, sizeof *ino, &p->rows[i]);
        p->before[i] = slot ? (int)(slot - (const cloud_jrow_t *const *)p->rows) : -1;
        if (slot) p->shows[p->before[i]] = 0;
        p->shows[i] = 1;
    }
}

/* The moves of which nothing is known, in sequence. Nothing has to be looked at when all are of trees that
 * are known: what is not done there is to be done. */
static int find_unknown(past_t *p, const cloud_jdone_t *d, const apr_array_header_t *rows,
                        apr_pool_t *pool)
{
    int i, unknown = 0;

    p->rows = apr_palloc(pool, sizeof *p->rows * (apr_size_t)rows->nelts);
    for (i = 0; i < rows->nelts; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        if (CLOUD_JROW_ASIDE(row) || !row->dst || cloud_jdone_has(d, row)) continue;
        if (p->n && p->rows[p->n - 1]->seq == row->seq) continue; /* read for both of its trees */
        p->rows[p->n++] = row;
        unknown |= !*upto(d, row->tree) && !(row->tree2 && *upto(d, row->tree2));
    }
    return unknown && p->n <= ROWS_MAX;
}

static void look(cloud_jdone_t *d, cloud_ctx_t *ctx, const apr_array_header_t *rows,
                 apr_pool_t *pool)
{
    past_t p = { .ctx = ctx };
    apr_int64_t owed, seen;
    int i, done;

    if (!find_unknown(&p, d, rows, pool)) return;
    owed = leave_out_owed(&p, rows, pool);
    chain_inodes(&p, pool);
    apr_pool_create(&p.iter, pool);
    done = count_done(&p);
    apr_pool_destroy(p.iter);
    seen = done ? p.rows[done - 1]->seq : 0;
    if (owed && seen >= owed) seen = owed - 1;
    for (i = 0; i < d->trees->nelts; i++)
        if (d->upto[i] < seen) d->upto[i] = seen;
}

cloud_jdone_t *cloud_jdone_create(cloud_ctx_t *ctx, const apr_array_header_t *trees,
                                  const apr_array_header_t *rows, apr_pool_t *pool)
{
    cloud_jdone_t *d = apr_palloc(pool, sizeof *d);
    int i;

    d->trees = trees;
    d->upto = apr_palloc(pool, sizeof *d->upto * (apr_size_t)trees->nelts);
    for (i = 0; i < trees->nelts; i++)
        d->upto[i] = cloud_shm_done(ctx->store->shm, APR_ARRAY_IDX(trees, i, apr_int64_t));
    learn_all(d, rows);
    look(d, ctx, rows, pool);
    return d;
}
