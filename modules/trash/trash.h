/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file trash.h
 * The trash: what is deleted moves, as it is, to a second root of its account (the bin), and stays
 * there until it is restored, deleted for good, or expired. Request-free.
 *
 * On disk a deleted node lies at <account>/trash/<id>/<its name>. In the tree its parent is the bin,
 * its name there its id; everything else is in its row of the table trash. A bin is there from the
 * first deletion on; emptying puts the whole bin under the purge root, in one step.
 *
 * Nobody but the owner of a bin, and the system, sees or touches what is in it, and who deleted it through a
 * mount, for as long as he has that; to him its node is at the same path of his own bin. These functions ask
 * cloud_access() as the verbs do.
 */
#ifndef CLOUD_TRASH_H
#define CLOUD_TRASH_H

#include "hooks.h"
#include "settings.h"

/** Takes what the verbs delete; registered by the module, by cloudctl and by tests. */
extern const cloud_feature_t cloud_trash_feature;
extern const cloud_setting_t cloud_trash_settings[];
/** Registers both. */
void cloud_trash_register(void);
/** Before the module is unloaded. */
void cloud_trash_unregister(void);

/** Something in a bin. */
typedef struct {
    cloud_node_t node;
    /* of the deletion; NULL and 0 for what lies inside a deleted folder */
    const char *name;        /* as it was called */
    const char *location;    /* its path in the account's files, with the name */
    apr_time_t deleted;
    apr_int64_t deleter;     /* number of an account; 0: the system */
    apr_int64_t batch;
} cloud_trash_item_t;

typedef cloud_err_t *cloud_trash_fn(void *baton, const cloud_trash_item_t *item);

/** What is at path: "" is the bin itself, "17" something deleted, "17/a/b" something in it.
 *  NOT_FOUND; an account that never deleted anything has an empty bin all the same (*item->node.id
 *  is 0 then). Works inside and outside a transaction. */
cloud_err_t *cloud_trash_stat(cloud_trash_item_t *item, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path, apr_pool_t *pool);
/** Calls fn for what is in the folder at path ("": the bin), in one snapshot. An item lives until fn
 *  returns. */
cloud_err_t *cloud_trash_list(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                              cloud_trash_fn *fn, void *baton, apr_pool_t *pool);
/** Whether the trash would take the entry if it were deleted: it is registered, and no setting says
 *  that such things are deleted at once. */
cloud_err_t *cloud_trash_keeps(int *keeps, cloud_ctx_t *ctx, const cloud_entry_t *e);
/** Bytes in the bin. */
cloud_err_t *cloud_trash_usage(apr_int64_t *bytes, cloud_ctx_t *ctx,
                               const cloud_account_t *account);

/** MOVE out of the bin: id, ETag, versions and properties stay. Overwrite, parents, names, locks and
 *  quota as for cloud_file_move(). Out of another account's bin to anywhere but its owner's files it is a copy:
 *  nobody's files are taken away from him. */
cloud_err_t *cloud_trash_restore(cloud_result_t *res, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, const char *path,
                                 const cloud_account_t *dst_account, const char *dst,
                                 int overwrite, const cloud_cond_t *dst_cond, apr_pool_t *pool);
/** Deletes for good what is at path; what lies in the bin of another account is only put out of the sight of
 *  this one. NOT_FOUND. */
cloud_err_t *cloud_trash_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const char *path);
/** Deletes all for good, in one step. */
cloud_err_t *cloud_trash_empty(cloud_ctx_t *ctx, const cloud_account_t *account);

typedef struct {
    apr_int64_t seen, removed, bytes;
} cloud_trash_stats_t;

/** Deletes for good what the retention says (setting system/trashbin_retention_obligation): what is
 *  over its maximum age, and, oldest first, what its account needs. At most limit items (0: all);
 *  *more 1 when there are more. dry_run only counts. Only for the system (DENIED). */
cloud_err_t *cloud_trash_expire(cloud_trash_stats_t *stats, int *more, cloud_ctx_t *ctx,
                                const cloud_account_t *account, int limit, int dry_run);
/** Deletes for good, oldest first over all bins, what a filled disk needs: a bounded step (dry_run:
 *  counts all). Only for the system (DENIED). */
cloud_err_t *cloud_trash_relieve_disk(cloud_trash_stats_t *stats, int *more, cloud_ctx_t *ctx,
                                      int dry_run);
/** The same as a periodic job. */
cloud_err_t *cloud_trash_disk_step(int *more, cloud_ctx_t *ctx);
/** Removes directories of bins that are empty for age seconds and belong to nothing: a bounded step. */
cloud_err_t *cloud_trash_sweep(int *more, cloud_ctx_t *ctx, apr_int64_t age);
/** The same for a day's age, as a periodic job. */
cloud_err_t *cloud_trash_sweep_job(int *more, cloud_ctx_t *ctx);
/** cloud_trash_expire() for all accounts, as a periodic job: some accounts in one call. */
cloud_err_t *cloud_trash_job(int *more, cloud_ctx_t *ctx);

#endif
