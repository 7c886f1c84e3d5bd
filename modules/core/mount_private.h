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
    apr_pool_t *pool;           /* that it lives in */
} cloud_placed_t;

/** All mounts of an account, as they are in a transaction. */
typedef struct cloud_mounts_t {
    apr_array_header_t *list;   /* of cloud_placed_t, in order of id */
    apr_hash_t *below;          /* folder to array of cloud_placed_t *: in it or below it, in order of id */
    apr_hash_t *in;             /* what cloud_mounts_in() has been asked for */
    apr_int64_t account;        /* number */
    apr_uint64_t changes;       /* cloud_db_changes() when they were loaded */
    apr_pool_t *pool;
} cloud_mounts_t;

/** Mounts that want the same name in one folder, in the order in which they get it. */
typedef struct {
    cloud_placed_t **p;
    int n;
} cloud_same_name_t;

/** What the account that asks has in its own files; *mounts NULL: nothing. One statement (and one for each 32
 *  folders that some were put in), or none where no feature has mounts. They are kept until the transaction ends,
 *  or a row was written: asking again costs nothing. (tx) */
CLOUD_API cloud_err_t *cloud_mounts_load(cloud_mounts_t **mounts, cloud_ctx_t *ctx,
                                         const cloud_account_t *account);
/** The transaction is over. */
void cloud_mounts_over(cloud_ctx_t *ctx);

/* What follows asks for what it needs alone, or looks among all where these have been loaded. What it gives lasts
 * as long as the transaction or pool. */

/** The mount that is shown under a name in a folder of the account, in which there is no node of that
 *  name; *m NULL when there is none. It lives in pool. (tx) */
CLOUD_API cloud_err_t *cloud_mount_find(const cloud_mount_t **m, cloud_ctx_t *ctx,
                                        const cloud_account_t *account, apr_int64_t folder,
                                        const char *nfc, apr_pool_t *pool);
/** The mount of one target, with its place; *p NULL: none. (tx) */
cloud_err_t *cloud_mounts_get(cloud_placed_t **p, cloud_ctx_t *ctx, const cloud_account_t *account,
                              apr_int64_t target, apr_pool_t *pool);
/** The same with the name shown; *p NULL: none, or dormant. (tx) */
CLOUD_API cloud_err_t *cloud_mount_of(const cloud_placed_t **p, cloud_ctx_t *ctx,
                                      const cloud_account_t *account, apr_int64_t target,
                                      apr_pool_t *pool);
/** Those in a folder, as cloud_mounts_in() has them; *in NULL: none. (tx) */
cloud_err_t *cloud_mounts_just_in(const apr_array_header_t **in, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t folder,
                                  apr_pool_t *pool);
/** Those that want a name in a folder. (tx) */
cloud_err_t *cloud_mounts_wanting(cloud_same_name_t *group, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t folder,
                                  const char *name, apr_pool_t *pool);
/** A copy that outlives the transaction. */
const cloud_mount_t *cloud_mount_keep(const cloud_placed_t *p, apr_pool_t *pool);

/** Those of mounts (may be NULL) that are in the folder itself, in order of the name they want: of
 *  cloud_placed_t *; NULL: none. */
const apr_array_header_t *cloud_mounts_in(cloud_mounts_t *mounts, apr_int64_t folder);
/** Those of such an array (may be NULL) that want the same name, from one of them on. */
cloud_same_name_t cloud_mounts_group(const apr_array_header_t *in, int from);
/** So long that a number may take its end away, or that it may be what another name has become so: all such of a
 *  folder are given their names together. */
int cloud_mount_name_is_long(const char *name);
/** Finds shown of all in a group. (tx) */
cloud_err_t *cloud_mounts_name(const cloud_same_name_t *group, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t folder);
/** Those of mounts (may be NULL) that were put into the folder or below it: of cloud_placed_t *, in order of id;
 *  NULL: none. */
CLOUD_API const apr_array_header_t *cloud_mounts_below(const cloud_mounts_t *mounts,
                                                       apr_int64_t folder);
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
