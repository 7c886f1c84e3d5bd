/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mount_private.h
 * What resolve.c and the verbs need of mount.c.
 *
 * A mount that was put nowhere lies in the share folder (setting system/share_folder). Names are kept
 * unique by the verbs, to which a mount exists as anything does. Where two meet all the same (group
 * shares, several people's folders of one name, what scan took in) the tree's own node has the name; of mounts
 * one that was put there, else the one that was given first, and each further one gets a suffix: "a (2)",
 * "a (2).txt".
 */
#ifndef CLOUD_MOUNT_PRIVATE_H
#define CLOUD_MOUNT_PRIVATE_H

#include "internal.h"

/** A mount, and the folders of the account that it is in, from the root down. */
typedef struct {
    cloud_mount_t m;
    const apr_int64_t *above;
    int above_len;              /* 0: its place is in no files (the folder was deleted): dormant */
    const char *shown;          /* the name it has there, once that was found out */
} cloud_placed_t;

/** All mounts of an account. */
typedef struct cloud_mounts_t {
    apr_array_header_t *list;   /* of cloud_placed_t, in order of id */
} cloud_mounts_t;

/** What the account that asks has in its own files; *mounts NULL: nothing, which costs one statement, or
 *  none where no feature has mounts. (tx) */
cloud_err_t *cloud_mounts_load(cloud_mounts_t **mounts, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_pool_t *pool);
/** The mount that is shown under a name in a folder of the account, in which there is no node of that
 *  name; *m NULL when there is none. (tx) */
cloud_err_t *cloud_mount_find(const cloud_mount_t **m, cloud_ctx_t *ctx,
                              const cloud_account_t *account, apr_int64_t folder,
                              const char *nfc, apr_pool_t *pool);
/** The mount of one target, with its place and the name shown; *p NULL: none, or dormant. (tx) */
cloud_err_t *cloud_mount_of(cloud_placed_t **p, cloud_ctx_t *ctx, const cloud_account_t *account,
                            apr_int64_t target, apr_pool_t *pool);
/** Those of mounts (may be NULL) that are in the folder itself, in order of the name they want. */
apr_array_header_t *cloud_mounts_in(const cloud_mounts_t *mounts, apr_int64_t folder,
                                    apr_pool_t *pool); /* of cloud_placed_t * */
/** Finds shown of n mounts that want the same name in one folder, in the order that cloud_mounts_in() has them
 *  in. (tx) */
cloud_err_t *cloud_mounts_name(cloud_placed_t **group, int n, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t folder,
                               apr_pool_t *pool);
/** Whether a mount was put into the folder or below it. */
int cloud_placed_below(const cloud_placed_t *p, apr_int64_t folder);
/** Whether one of mounts (may be NULL) was put into the folder or below it. */
int cloud_mounts_below(const cloud_mounts_t *mounts, apr_int64_t folder);
/** Bytes in those of mounts (may be NULL) that were put into the folder or below it. */
apr_int64_t cloud_mounts_size(const cloud_mounts_t *mounts, apr_int64_t folder);
/** The same, of a mount whose place is not known yet. (tx) */
cloud_err_t *cloud_mount_is_below(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                                  const cloud_mount_t *m, apr_int64_t folder, apr_pool_t *pool);
/** Makes the entry one of the mounted tree: owner, tree, permissions, and as chain and folder what is
 *  above the target. *live 0: the target is in no files any more. (tx) */
cloud_err_t *cloud_mount_enter(cloud_entry_t *e, int *live, cloud_ctx_t *ctx,
                               const cloud_mount_t *m, apr_pool_t *pool);

/** The folder for what the account receives: ids from the root down, as far as it is there; *complete 0: it is
 *  not there as a whole. (tx) */
CLOUD_API cloud_err_t *cloud_mounts_folder(apr_array_header_t **above, int *complete,
                                           cloud_ctx_t *ctx, const cloud_account_t *account,
                                           apr_pool_t *pool);
/** *kept 1: the entry is that folder or above it, so whose it is can't delete or share it. *next: what the
 *  next one down to it is called (NFC), or NULL. Both by name alone. */
cloud_err_t *cloud_mounts_kept(const char **next, int *kept, cloud_ctx_t *ctx,
                               const cloud_entry_t *e, apr_pool_t *pool);
/** A folder is about to get another name or place: what lies in or below it by default, because that is where
 *  the folder for it is, goes with it from now on. (tx, write) */
cloud_err_t *cloud_mounts_pin(cloud_ctx_t *ctx, const cloud_entry_t *folder);

/** ETag of a folder of the account itself: its number, or with mounts (may be NULL) at or below it a
 *  hash over these, too. */
apr_int64_t cloud_mounts_etag(const cloud_mounts_t *mounts, const cloud_node_t *folder,
                              apr_pool_t *pool);
/** ETag of a node seen through a mount. */
apr_int64_t cloud_mount_etag(const cloud_mount_t *m, const cloud_node_t *node, apr_pool_t *pool);

#endif
