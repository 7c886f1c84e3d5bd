/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The state of an account as its owner sees it: every node with id, ETag, size, time, content and
 * properties, to be compared with the state before, or with what a verb should have made of it. */
#ifndef STATE_H
#define STATE_H

#include "files.h"
#include "maint.h"

typedef struct {
    const char *path;
    int kind;
    apr_int64_t id, etag, size, mtime;
    const char *content;   /* SHA1 of what is read, "-" for folders */
    const char *sums;      /* as its row has it */
    const char *props;
} state_node_t;

typedef struct {
    apr_array_header_t *nodes; /* of state_node_t, in order of path */
    apr_hash_t *by_id;
} state_t;

/** Reads everything, through the verbs. */
/** Adds what is kept beside the files; NULL: nothing is. */
extern cloud_err_t *(*state_beside)(state_t *state, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, apr_pool_t *pool);
cloud_err_t *state_take(state_t **state, cloud_ctx_t *ctx, const cloud_account_t *account,
                        apr_pool_t *pool);
/** All there is, exactly. */
const char *state_text(const state_t *state, apr_pool_t *pool);
/** The same relative to an earlier state: ids as the path they had, ETags as same or changed, times
 *  only where they are not about now. So what two runs of a verb did can be compared. */
const char *state_since(const state_t *state, const state_t *before, apr_pool_t *pool);

#endif
