/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file shm.h
 * More of the shared memory: group commit and the journal's progress. For store.c, tx.c and journal.c.
 */
#ifndef CLOUD_SHM_H
#define CLOUD_SHM_H

#include "internal.h"

/** Counts a commit; gives its number. */
apr_uint64_t cloud_shm_committed(cloud_shm_t *shm);
/** The number of the last commit of any process. */
apr_uint64_t cloud_shm_commits(cloud_shm_t *shm);
/** Returns when commit is durable: calls fn unless a sync that began later has ended. */
typedef cloud_err_t *cloud_shm_sync_fn(void *baton);
cloud_err_t *cloud_shm_sync(cloud_shm_t *shm, apr_uint64_t commit, cloud_shm_sync_fn *fn,
                            void *baton);
/** Syncs the directory with inode dir by fn, together with others that want the same. What the
 *  caller changed in it before the call is on disk afterwards. */
cloud_err_t *cloud_shm_dir_sync(cloud_shm_t *shm, apr_uint64_t dir, cloud_shm_sync_fn *fn,
                                void *baton);
/** Changes to the row of an account: begun before it is written, over after the commit or the
 *  rollback. epoch: 1 and a value that differs after each change, or 0 while one is under way. */
void cloud_shm_account_begun(cloud_shm_t *shm, apr_int64_t number);
void cloud_shm_account_over(cloud_shm_t *shm, apr_int64_t number);
void cloud_shm_accounts_begun(cloud_shm_t *shm); /* of all accounts */
void cloud_shm_accounts_over(cloud_shm_t *shm);
int cloud_shm_account_epoch(apr_uint64_t *epoch, cloud_shm_t *shm, apr_int64_t number);
/** A sync failed somewhere: all processes that had the store open are told. */
void cloud_shm_fail(cloud_shm_t *shm);
int cloud_shm_failed(cloud_shm_t *shm);
/** Journal rows of tree up to this sequence number are known to be carried out (0: nothing known). */
CLOUD_API apr_int64_t cloud_shm_done(cloud_shm_t *shm, apr_int64_t tree);
CLOUD_API void cloud_shm_done_set(cloud_shm_t *shm, apr_int64_t tree, apr_int64_t seq);

#endif
