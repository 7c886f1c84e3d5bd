/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file rewind_private.h
 * What the files of rewind share.
 */
#ifndef CLOUD_REWIND_PRIVATE_H
#define CLOUD_REWIND_PRIVATE_H

#include "rewind.h"

/** The two things about a node that changes are of. */
#define REWIND_PLACE   1u
#define REWIND_CONTENT 2u

typedef enum {
    REWIND_KEEP = 0,       /* the content was not changed */
    REWIND_VERSION,        /* the one that had etag */
    REWIND_BY_TIME,        /* the one that was there at that time (old rows don't say the ETag) */
    REWIND_EMPTY,
    REWIND_LOST            /* changed from outside: nobody kept it */
} rewind_content_t;

typedef enum { REWIND_TODO = 0, REWIND_DONE, REWIND_FAILED, REWIND_PUT_OFF } rewind_state_t;

/** A node and how it is to be: a row of the scratch database. */
typedef struct {
    apr_int64_t node;
    int kind;
    int has_place;         /* it was moved, made or removed: */
    int present;           /* it was there, at */
    apr_int64_t parent;
    const char *name;
    rewind_content_t content;
    apr_int64_t etag;      /* of REWIND_VERSION */
    int has_mtime;
    apr_int64_t mtime;     /* when has_mtime */
    unsigned since;        /* REWIND_*: changed by others, who have the last word */
    unsigned frozen;       /* while planning: older changes count no more */
    int scope;             /* 0: outside of the path that was asked for */
    int keep;              /* something below has to stay in the tree */
    rewind_state_t place_state, content_state;
} rewind_target_t;

typedef struct {
    cloud_store_t *store;
    apr_pool_t *pool;
    apr_pool_t *iter;              /* of one step, as is */
    cloud_ctx_t *ctx;              /* its context */
    const cloud_account_t *account;
    const cloud_rewind_opts_t *opts;
    cloud_rewind_stats_t *stats;
    cloud_db_t *scratch;
    apr_int64_t to;                /* changes above this number are taken back */
    const cloud_batch_t *undo;     /* NULL: all of them; else only those of this batch */
    cloud_batch_t batch;           /* what this becomes; id 0 until the first step */
    apr_int64_t seen;              /* the log was read up to here */
    apr_array_header_t *chain;     /* scratch of rewind_apply.c */
    int put_off;                   /* steps that need room first */
    int last_round;                /* it will not get better */
} rewind_t;

/* ---- rewind_plan.c ---- */

cloud_err_t *cloud_rewind_scratch(rewind_t *r);
/** Reads the log from its end down to r->to into the scratch database. (no tx) */
cloud_err_t *cloud_rewind_plan(rewind_t *r);
/** Takes note of what others changed since the log was read. (tx) */
cloud_err_t *cloud_rewind_catch_up(rewind_t *r);
/** *found 0: the node was not changed. Strings live in r->iter. */
cloud_err_t *cloud_rewind_target(rewind_target_t *t, int *found, rewind_t *r, apr_int64_t node);
cloud_err_t *cloud_rewind_save(rewind_t *r, const rewind_target_t *t);
/** The next node after that one; 0 at the end. */
cloud_err_t *cloud_rewind_next(apr_int64_t *node, rewind_t *r, apr_int64_t after);
/** The node that was at (parent, name) then and has been changed; 0. */
cloud_err_t *cloud_rewind_at(apr_int64_t *node, rewind_t *r, apr_int64_t parent,
                             const char *name);
/** Lets what was put off be tried again. */
cloud_err_t *cloud_rewind_retry(rewind_t *r);

/* ---- rewind_look.c: where things are and were (tx) ---- */

typedef enum {
    REWIND_IN_TREE,        /* path: in the account's files */
    REWIND_IN_BIN,         /* path: in the account's trash */
    REWIND_ELSEWHERE,      /* in another tree */
    REWIND_GONE            /* deleted for good */
} rewind_where_t;
typedef struct {
    rewind_where_t where;
    const char *path;      /* names as they are in the tree */
    cloud_node_t *node;    /* NULL when its row is gone */
} rewind_place_t;

/** Where a node is now. */
cloud_err_t *cloud_rewind_locate(rewind_place_t *place, rewind_t *r, apr_int64_t node);
/** Where it was then (planned 0), or will be in the end (planned 1: what stays where it is counts
 *  as being there, and what goes along with a folder that is deleted is elsewhere). node is not
 *  filled in. */
cloud_err_t *cloud_rewind_then(rewind_place_t *place, rewind_t *r, apr_int64_t node, int planned);
/** Whether the target's place is ours to restore. */
int cloud_rewind_wanted(const rewind_target_t *t);
/** Keeps folders that a node is in now from being deleted. */
cloud_err_t *cloud_rewind_keep_above(rewind_t *r, apr_int64_t node);
/** After planning: who was not in the tree then is absent; what is outside of path is out of scope.
 *  NOT_FOUND: nothing is or was at path. (no tx) */
cloud_err_t *cloud_rewind_settle(rewind_t *r, const char *path);

/* ---- rewind_apply.c, rewind_content.c ---- */

/** A new r->iter and r->ctx. */
void cloud_rewind_step(rewind_t *r);
void cloud_rewind_tell(rewind_t *r, const char *what, apr_int64_t node, const char *path,
                       const char *from, apr_time_t time);
void cloud_rewind_problem(rewind_t *r, apr_int64_t node, const char *path, const char *why);
/** Gives r->ctx the batch, which is made when there is none yet. */
cloud_err_t *cloud_rewind_begin(rewind_t *r);
#define REWIND_ATTEMPTS 5
/** What follows from the error of a verb: *again 1: look anew; else *state says what became of the
 *  step, and *why what to report (NULL: nothing). An error is one that ends everything. */
cloud_err_t *cloud_rewind_verdict(int *again, rewind_state_t *state, const char **why, rewind_t *r,
                                  cloud_err_t *err, int attempt);
/** Brings everything to its place, deletes what was not there. */
cloud_err_t *cloud_rewind_places(rewind_t *r);
cloud_err_t *cloud_rewind_absent(rewind_t *r);
/** Brings contents and times back. */
cloud_err_t *cloud_rewind_contents(rewind_t *r);

#endif
