/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file lock.h
 * WebDAV locks (RFC 4918, 6 and 7), kept in the database. They are enforced by the verbs, whatever
 * route asks; a token counts only for the account that took the lock.
 */
#ifndef CLOUD_LOCK_H
#define CLOUD_LOCK_H

#include "access.h"

typedef struct {
    const char *token;        /* "opaquelocktoken:<uuid>" */
    apr_int64_t node;         /* lock root */
    apr_int64_t tree;
    int exclusive;
    int infinite;             /* depth infinity */
    apr_int64_t account;      /* number of the account that took it */
    int own_tree;             /* it is in that account's own files */
    const char *account_id;
    const char *owner;        /* XML content of DAV:owner as sent, or NULL */
    apr_time_t created;
    apr_int64_t timeout;      /* seconds as granted */
    apr_time_t expires;
    const char *path;         /* of the lock root in the account's files, when asked for by path */
} cloud_lock_t;

/** Takes a lock on path (settings core/lock_timeout_default, .._max bound the timeout; 0 asks for
 *  the default, -1 for the longest). An unmapped path becomes an empty file (*created 1; RFC 4918,
 *  7.3). LOCKED when a conflicting lock covers it, or, with infinite, one below it; CONFLICT
 *  without parent. tokens: submitted, may be NULL. */
CLOUD_API cloud_err_t *cloud_lock_take(cloud_lock_t **lock, int *created, cloud_ctx_t *ctx,
                                       const cloud_account_t *account, const char *path,
                                       int exclusive, int infinite, const char *owner,
                                       apr_int64_t timeout, const apr_array_header_t *tokens,
                                       apr_pool_t *pool);
/** Refreshes one of own locks that covers path. PRECONDITION when the token is not there. */
CLOUD_API cloud_err_t *cloud_lock_refresh(cloud_lock_t **lock, cloud_ctx_t *ctx,
                                          const cloud_account_t *account, const char *path,
                                          const char *token, apr_int64_t timeout,
                                          apr_pool_t *pool);
/** UNLOCK: CONFLICT when token does not cover path, DENIED when it is somebody else's. */
CLOUD_API cloud_err_t *cloud_lock_release(cloud_ctx_t *ctx, const cloud_account_t *account,
                                          const char *path, const char *token);
/** Live locks that cover the entry (its own and, depth infinity, from above), but none of whom may
 *  not write there any more: array of cloud_lock_t. below: also those on nodes underneath. */
CLOUD_API cloud_err_t *cloud_lock_find(apr_array_header_t **locks, cloud_ctx_t *ctx,
                                       const cloud_entry_t *entry, int below, apr_pool_t *pool);
/** True when the tree has any live lock at all; one statement, for listings and walks. */
CLOUD_API cloud_err_t *cloud_lock_any(int *any, cloud_ctx_t *ctx, apr_int64_t tree);

#endif
