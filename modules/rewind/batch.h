/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file batch.h
 * Batches: changes of one tree that belong together, because one command made them (a rewind, the
 * undoing of a batch) or because one login changed so much in so little time that it was marked.
 * The rows of the change log carry the number of their batch; this table says what it was.
 */
#ifndef CLOUD_BATCH_H
#define CLOUD_BATCH_H

#include "internal.h"

#define CLOUD_BATCH_MASS   "mass"     /* marked by the mass-change guard */
#define CLOUD_BATCH_REWIND "rewind"
#define CLOUD_BATCH_UNDO   "undo"

typedef struct {
    apr_int64_t id;          /* a change number, as in the column batch of the change log */
    apr_int64_t tree;        /* root of the files it is about */
    const char *kind;        /* CLOUD_BATCH_* */
    const char *account;     /* id of whose files those are; NULL when the account is gone */
    apr_int64_t login;       /* number of the account that made the changes; 0: the system */
    const char *login_id;    /* its id, or NULL */
    const char *client;      /* name of the app password or token, or NULL */
    apr_int64_t first, last; /* numbers of its first and its last change */
    apr_int64_t files;       /* deleted or overwritten (mass); steps (others) */
    const char *note;
    int done;                /* what made it came to its end; mass: it was logged */
} cloud_batch_t;

/** The tables; harmless when repeated. */
void cloud_batch_register(void);
void cloud_batch_unregister(void);

/** NOT_FOUND. Works inside and outside a transaction. */
cloud_err_t *cloud_batch_get(cloud_batch_t **b, cloud_ctx_t *ctx, apr_int64_t id,
                             apr_pool_t *pool);
typedef cloud_err_t *cloud_batch_fn(void *baton, const cloud_batch_t *b);
/** Calls fn for the batches of a tree (0: of all), oldest first; b lives until fn returns. fn must
 *  not write. */
cloud_err_t *cloud_batch_each(cloud_ctx_t *ctx, apr_int64_t tree, cloud_batch_fn *fn,
                              void *baton);
/** A new row; b->id and b->first are drawn when they are 0. (tx, write) */
cloud_err_t *cloud_batch_add(cloud_ctx_t *ctx, cloud_batch_t *b);
/** Writes last, files and done of a row. (tx, write) */
cloud_err_t *cloud_batch_update(cloud_ctx_t *ctx, const cloud_batch_t *b);
/** The latest row of that kind with that note that is not done; *b NULL when there is none. (tx) */
cloud_err_t *cloud_batch_unfinished(cloud_batch_t **b, cloud_ctx_t *ctx, apr_int64_t tree,
                                    const char *kind, const char *note, apr_pool_t *pool);
/** Drops the rows of batches of which the change log knows nothing any more. (no tx) */
cloud_err_t *cloud_batch_expire(cloud_ctx_t *ctx);

/** A change of a batch. */
typedef struct {
    apr_int64_t number, node;
    apr_time_t time;
    const char *op, *name;     /* name: where it is, or was deleted */
    const char *from_name;     /* of a move, else NULL */
    apr_int64_t size;
    int is_dir;
} cloud_batch_change_t;
typedef cloud_err_t *cloud_batch_change_fn(void *baton, const cloud_batch_change_t *c);
/** Calls fn for the changes of a batch, oldest first; c lives until fn returns. */
cloud_err_t *cloud_batch_changes(cloud_ctx_t *ctx, const cloud_batch_t *b,
                                 cloud_batch_change_fn *fn, void *baton);

#endif
