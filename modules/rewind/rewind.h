/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file rewind.h
 * Brings files back to how they were: a tree at a time (rewind), or what one batch of changes did
 * to it (undo). From the change log, the versions and the trash, by the ordinary verbs: so clients
 * sync it like any change, and it can be undone in the same way. The features versions and trash
 * have to be registered.
 *
 * How: the log is read backwards, and gives for each node that was changed where it was and which
 * content it had (rewind_plan.c; in a scratch database, so that memory does not grow). Then each
 * node is compared with what it is at that moment and brought there (rewind_apply.c). So it costs by
 * the number of changes, not of files; doing it again does nothing; and after a crash doing it again
 * does the rest.
 *
 * What somebody else changes meanwhile stays as that one left it, and is reported: each step looks
 * at the log for it in the snapshot in which it decides, and the verb refuses another ETag.
 */
#ifndef CLOUD_REWIND_H
#define CLOUD_REWIND_H

#include "batch.h"

/** What is done to one node, or would be. */
typedef struct {
    const char *what;     /* "restore" (from the trash), "move", "content", "time", "trash",
                             "delete" (for good), "problem" */
    apr_int64_t node;
    const char *path;     /* where it is afterwards; trash, delete: where it was */
    const char *from;     /* move: where it was; else NULL */
    apr_time_t time;      /* content: when that content was written; else 0 */
    const char *why;      /* problem: why it can't be brought back; else NULL */
} cloud_rewind_step_t;
/** step lives until the function returns. */
typedef void cloud_rewind_fn(void *baton, const cloud_rewind_step_t *step);

typedef struct {
    int dry_run;          /* report only */
    int delete_for_good;  /* what came later and the trash would not keep is deleted all the same */
    cloud_rewind_fn *report;
    void *baton;
} cloud_rewind_opts_t;

typedef struct {
    apr_int64_t steps, problems;
    apr_int64_t batch;    /* number of the batch that it became; 0: nothing was done */
} cloud_rewind_stats_t;

/** Brings what is, or was, at path ("" for all) to how it was at time to. For the system only
 *  (DENIED). INVALID: a time to come, or before the account was there. NOT_FOUND: nothing is or was
 *  at path. What can't be brought back is no error, but reported and counted. (no tx) */
cloud_err_t *cloud_rewind(cloud_rewind_stats_t *stats, cloud_ctx_t *ctx,
                          const cloud_account_t *account, const char *path, apr_time_t to,
                          const cloud_rewind_opts_t *opts);
/** Takes the changes of a batch back; what was changed since stays, and is reported. (no tx) */
cloud_err_t *cloud_batch_undo(cloud_rewind_stats_t *stats, cloud_ctx_t *ctx, apr_int64_t batch,
                              const cloud_rewind_opts_t *opts);

#endif
