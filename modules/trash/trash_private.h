/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file trash_private.h
 * What trash.c (the hooks), trash_verbs.c and trash_expire.c share.
 */
#ifndef CLOUD_TRASH_PRIVATE_H
#define CLOUD_TRASH_PRIVATE_H

#include "trash.h"
#include "internal.h"

#define TRASH_DIR "trash"

/** The bin of an account; *bin NULL while it has none. (tx) */
cloud_err_t *cloud_trash_bin(cloud_node_t **bin, cloud_ctx_t *ctx, const cloud_account_t *account,
                             apr_pool_t *pool);
/** fsck: see cloud_feature_t.check. */
cloud_err_t *cloud_trash_check(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                               cloud_finding_fn *found, void *baton, apr_pool_t *pool);
/** What is left of something that has left the bin, besides its node: its row, its directory.
 *  Nothing for what lay inside a deleted folder. (tx, write) */
cloud_err_t *cloud_trash_forget(cloud_ctx_t *ctx, const cloud_entry_t *e);

#endif
