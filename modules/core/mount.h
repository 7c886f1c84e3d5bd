/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mount.h
 * Mounts: an item of somebody else's tree that an account sees among its own files (a received share), and
 * views: a namespace whose root is one item (a public link). Both are a feature's; it says through its hooks
 * (hooks.h) which there are, in each transaction anew. A mount is no row of the tree: it has neither inode nor
 * directory nor size of its own, and what is done through it is done to the tree of its owner.
 */
#ifndef CLOUD_MOUNT_H
#define CLOUD_MOUNT_H

#include "access.h"

/** Content may not be read: GET, COPY, old versions, archives are DENIED; and nobody is told checksums of it, which
 *  of short content are as good as it, and of other content tell whether it is what somebody has already. */
#define CLOUD_MOUNT_NO_DOWNLOAD 1u

typedef struct cloud_mount_t {
    cloud_node_t target;        /* what is mounted; its id is the id of the mount */
    apr_int64_t owner;          /* number of the account whose tree it is in */
    const char *owner_id;       /* of that account; may be NULL in a view */
    const char *owner_name;
    unsigned perms;             /* effective, CLOUD_PERM_*: what all grants together give */
    unsigned flags;             /* CLOUD_MOUNT_* */
    apr_int64_t parent;         /* folder of the recipient's that it was put in; 0: the default place */
    apr_int64_t grant;          /* what it follows from, numbered in order of time: the first of these */
    const char *name;           /* NFC; wanted name, without suffix */
    const struct cloud_feature_t *feature; /* whose it is; set by the core */
} cloud_mount_t;
typedef cloud_err_t *cloud_mount_fn(void *baton, const cloud_mount_t *m);

/** Which mounts of an account are asked for: all, or by one of these. */
typedef struct {
    const char *name;           /* those that want this name, wherever they are */
    apr_int64_t target;         /* the one of this target */
    apr_int64_t folder;         /* those that were put into this folder */
} cloud_mount_query_t;

/** What may be told of the target: of a folder that may not be read neither how much is in it nor when that changes.
 *  (Of a file the ETag stays: new content has to be checked against it.) It is for showing; no row is written from
 *  it. */
CLOUD_API cloud_node_t cloud_mount_shown(const cloud_mount_t *m);

/** Names a view to the feature that it is of. An account that has one (cloud_account_t.view) is a copy of the
 *  owner's, and all verbs take it. */
struct cloud_view_t {
    const struct cloud_feature_t *feature;
    apr_int64_t id;
};

/** Loads all mounts of account, which asks, at once: for who is going to ask for many. (tx) */
CLOUD_API cloud_err_t *cloud_mounts_expect(cloud_ctx_t *ctx, const cloud_account_t *account);
/** Where the mount of a target is among the files of account, which asks: path, and the folder that it is in.
 *  *m NULL: it has none, or it is in no files. (tx) */
CLOUD_API cloud_err_t *cloud_mount_place(const cloud_mount_t **m, const char **path,
                                         apr_int64_t *folder, cloud_ctx_t *ctx,
                                         const cloud_account_t *account, apr_int64_t target,
                                         apr_pool_t *pool);
/** The live mount of one target that account, which asks, has; *m NULL: it has none. (tx) */
CLOUD_API cloud_err_t *cloud_mount_get(const cloud_mount_t **m, cloud_ctx_t *ctx,
                                       const cloud_account_t *account, apr_int64_t target,
                                       apr_pool_t *pool);

/** Makes the folder for what account, which asks, receives (setting system/share_folder), if it is not there and
 *  something would lie in it. Before a listing may show it; costs nothing where that is the root. Where it can't be
 *  made what is received is shown in the deepest folder above it. (no tx) */
CLOUD_API cloud_err_t *cloud_mounts_settle(cloud_ctx_t *ctx, const cloud_account_t *account);

#endif
