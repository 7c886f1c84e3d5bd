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
/** Columns of an item in a list, of node n, and the row of them; further ones follow at
 *  TRASH_ITEM_NCOLS: name, location, time, deleter and batch of the deletion. */
#define TRASH_ITEM_COLS                                                                          \
    "n.id, n.parent, n.name, n.disk, n.kind, n.etag, n.size, n.mtime, n.created, n.ino,"         \
    " n.ino_mtime, n.btime, n.sums, n.flags"
#define TRASH_ITEM_NCOLS 14
void cloud_trash_item_row(cloud_trash_item_t *item, cloud_stmt_t *st);
/** What is left of something that has left the bin, besides its node: its row, its directory.
 *  Nothing for what lay inside a deleted folder. (tx, write) */
cloud_err_t *cloud_trash_forget(cloud_ctx_t *ctx, const cloud_entry_t *e);

/* ---- trash_share.c: what was deleted through a mount. (tx) ---- */

/** Remembers that who asks deleted it through a mount, if so. (write) */
cloud_err_t *cloud_trash_share_note(cloud_ctx_t *ctx, const cloud_entry_t *e);
/** It is nobody's any more but its owner's. (write) */
cloud_err_t *cloud_trash_share_forget(cloud_ctx_t *ctx, apr_int64_t node);
/** The account sees nothing any more of what it deleted in the trees of others. (write) */
cloud_err_t *cloud_trash_share_clear(cloud_ctx_t *ctx, const cloud_account_t *account);
/** What is at path in another account's bin, if account deleted it and still has the mount; *found NULL
 *  else. In the entry, account is who deleted it, owner whose bin it is. */
cloud_err_t *cloud_trash_share_find(cloud_entry_t **found, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, const char *path,
                                    apr_pool_t *pool);
/** Calls fn for all that cloud_trash_share_find() would find in the bins themselves. */
cloud_err_t *cloud_trash_share_list(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    cloud_trash_fn *fn, void *baton, apr_pool_t *pool);

#endif
