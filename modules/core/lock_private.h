/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file lock_private.h
 * What lock.c and lock_take.c share.
 */
#ifndef CLOUD_LOCK_PRIVATE_H
#define CLOUD_LOCK_PRIVATE_H

#include "internal.h"

/** A node's place: ids from the tree's root down to the node itself. n 0: nowhere. */
typedef struct {
    const apr_int64_t *ids;
    int n;
} cloud_lock_place_t;

/** Live locks of a tree (array of cloud_lock_t); *locks NULL when there are none. (tx) */
cloud_err_t *cloud_locks_load(apr_array_header_t **locks, cloud_ctx_t *ctx, apr_int64_t tree,
                              apr_pool_t *pool);
/** Place of the entry, or the one that it would have. */
cloud_lock_place_t cloud_lock_place(const cloud_entry_t *entry, apr_pool_t *pool);
/** Whether the lock covers what is at place. */
int cloud_lock_covers(const cloud_lock_t *lock, cloud_lock_place_t place);
/** Place of the lock's root when it lies strictly below node; n 0 otherwise. (tx) */
cloud_err_t *cloud_lock_place_below(cloud_lock_place_t *place, cloud_ctx_t *ctx,
                                    const cloud_lock_t *lock, apr_int64_t node,
                                    apr_pool_t *pool);
/** Path of the lock's root, seen from an entry that the lock covers. */
const char *cloud_lock_root_path(const cloud_lock_t *lock, const cloud_entry_t *entry,
                                 apr_pool_t *pool);
/** Who may write where by now, as far as it was asked: for the locks of one tree, which one account may have many
 *  of. Only pool is set to begin with. It holds as long as the transaction writes nothing but locks. */
typedef struct {
    apr_pool_t *pool;
    apr_hash_t *known;
    cloud_account_t *last;      /* the account that was asked about last */
} cloud_lock_holders_t;
/** LOCKED, naming who has the lock; NULL when who has it may not write there any more, whose lock holds nobody
 *  up. (tx) */
cloud_err_t *cloud_lock_refuse(cloud_lock_holders_t *h, cloud_ctx_t *ctx,
                               const cloud_lock_t *lock);

#endif
