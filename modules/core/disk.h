/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file disk.h
 * What stands on disk, compared with what a row says: for scan, fsck and backup, which walk
 * directories by descriptor.
 */
#ifndef CLOUD_DISK_H
#define CLOUD_DISK_H

#include "internal.h"

typedef struct {
    mode_t mode;
    dev_t dev;
    apr_uint64_t ino;
    apr_int64_t size;
    apr_int64_t mtime;   /* ns */
    apr_int64_t btime;   /* ns, 0 where the file system has none */
    unsigned nlink;
} cloud_disk_t;

/** Looks at name in dirfd without following it ("" is dirfd itself): 0 or errno. */
int cloud_disk_at(cloud_disk_t *disk, int dirfd, const char *name);

/** Same inode: birth times must agree where both are known, for numbers are used again. */
int cloud_disk_same_inode(const cloud_disk_t *disk, const cloud_node_t *node);
/** Size and modification time as in the row. */
int cloud_disk_same_stamp(const cloud_disk_t *disk, const cloud_node_t *node);
/** Identity of content (files) or of the directory. */
int cloud_disk_identical(const cloud_disk_t *disk, const cloud_node_t *node);
/** True when kind and type of file agree. */
int cloud_disk_kind_ok(const cloud_disk_t *disk, const cloud_node_t *node);
/** Puts the identity of disk into node (not its size). */
void cloud_disk_stamp(cloud_node_t *node, const cloud_disk_t *disk);
/** "symlink", "socket", ...; NULL for what is served. */
const char *cloud_disk_odd(const cloud_disk_t *disk);

/** Where a member of a folder of that kind lies in it: at its name, in a bin in a directory of its
 *  own. */
const char *cloud_disk_name(cloud_kind_t folder, const cloud_node_t *node, apr_pool_t *pool);

/** Reads name in dirfd and hashes it. *disk is what was read; *steady 0 when it changed
 *  meanwhile. UNAVAILABLE when it can't be read. */
cloud_err_t *cloud_disk_hash(cloud_sums_t *sums, cloud_disk_t *disk, int *steady, int dirfd,
                             const char *name, unsigned types, apr_pool_t *pool);

/** Opens a node wherever it is: at the place of its rows, or where moves that are still owed, of it
 *  or of a folder above, have left it. *fd -1 when it is at none; what stands at its place without
 *  being it is opened too: compare. flags as open(2). Reads in a transaction of its own or the
 *  caller's. */
cloud_err_t *cloud_disk_find(int *fd, cloud_ctx_t *ctx, apr_int64_t id, int flags,
                             apr_pool_t *pool);

#endif
