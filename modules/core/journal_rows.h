/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file journal_rows.h
 * Rows of the journal, for the files that carry them out and drop them.
 *
 * A row whose move failed is *set aside*: its trees are negated, so that it is none of the rows that
 * its tree owes next, and still is found by its inode and its places. A later row that names the
 * same inode, or a place at, above or below one of its places, is set aside with it: what remains is
 * carried out in sequence, as if the failed move had been the last.
 */
#ifndef CLOUD_JOURNAL_ROWS_H
#define CLOUD_JOURNAL_ROWS_H

#include "store_private.h"

typedef struct {
    apr_int64_t seq, tree, tree2;  /* negative: set aside */
    apr_uint64_t ino;
    int is_dir;
    const char *src, *dst;         /* dst NULL: to be unlinked */
} cloud_jrow_t;

#define CLOUD_JROW_COLS "seq, tree, tree2, ino, is_dir, src, dst"

#define CLOUD_JROW_ASIDE(row) ((row)->tree < 0)

/** Adds what a query of CLOUD_JROW_COLS gives to rows, and ends it; more as cloud_db_query() gave it.
 *  (tx) */
cloud_err_t *cloud_jrows_read(apr_array_header_t *rows, cloud_ctx_t *ctx, cloud_stmt_t *st,
                              int more);
/** Whether the row has been carried out, as far as the shared memory knows. */
int cloud_jrow_done(cloud_store_t *store, const cloud_jrow_t *row);
/** Whether one path is the other, or above it. */
int cloud_jrow_related(const char *a, const char *b);

/* ---- journal_done.c ---- */
/** What is done of the rows of a run: what shared memory knows of their trees, what follows from that, and
 *  what is seen on disk where it has forgotten. trees (apr_int64_t, in order) are all those of rows
 *  (cloud_jrow_t, in sequence), and locked. */
typedef struct cloud_jdone_t cloud_jdone_t;
cloud_jdone_t *cloud_jdone_create(cloud_ctx_t *ctx, const apr_array_header_t *trees,
                                  const apr_array_header_t *rows, apr_pool_t *pool);
int cloud_jdone_has(const cloud_jdone_t *d, const cloud_jrow_t *row);

/* ---- journal_index.c ---- */
/** All rows of the journal by their inode, read when first asked, under the locks of the run's trees. */
typedef struct cloud_jindex_t cloud_jindex_t;
cloud_jindex_t *cloud_jindex_create(apr_pool_t *pool);
/** Adds those of ino to rows, but not the one of that sequence number. */
cloud_err_t *cloud_jindex_find(apr_array_header_t *rows, cloud_jindex_t *x, cloud_ctx_t *ctx,
                               apr_uint64_t ino, apr_int64_t seq);

/** Rows that were not carried out. What is added has to live as long as it. */
typedef struct cloud_jstuck_t cloud_jstuck_t;
cloud_jstuck_t *cloud_jstuck_create(apr_pool_t *pool);
void cloud_jstuck_add(cloud_jstuck_t *s, const cloud_jrow_t *row);
/** Whether a later row has to wait for one of them. */
int cloud_jstuck_holds(const cloud_jstuck_t *s, const cloud_jrow_t *row);

/* ---- journal_move.c ---- */
/** Carries out one row; the lock of its trees is held. An error means that the move is still owed.
 *  index may be NULL: it pays where there are many rows. */
cloud_err_t *cloud_jrow_carry_out(cloud_ctx_t *ctx, const cloud_jrow_t *row, cloud_jindex_t *index,
                                  apr_pool_t *pool);
/** The place, among all that rows name for this inode, where it lies; NULL when it is at none, or when
 *  that is a place that only a row after seq gives it. */
cloud_err_t *cloud_jrow_seek(const char **place, cloud_ctx_t *ctx, cloud_jindex_t *index,
                             apr_uint64_t ino, apr_int64_t seq, apr_pool_t *pool);

#endif
