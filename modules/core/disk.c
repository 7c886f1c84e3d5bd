/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Looking at files on disk and comparing them with rows. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HASH_BUFFER (256 * 1024)

/* As storage.c has it: seconds beyond what fits are of no use, but must not overflow. */
static apr_int64_t nanoseconds(const struct statx_timestamp *t)
{
    apr_int64_t sec = t->tv_sec;

    if (sec > 9000000000ll) sec = 9000000000ll;
    if (sec < -9000000000ll) sec = -9000000000ll;
    return sec * 1000000000ll + t->tv_nsec;
}

int cloud_disk_at(cloud_disk_t *disk, int dirfd, const char *name)
{
    struct statx sx;

    if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME, &sx)
        != 0)
        return errno;
    disk->mode = sx.stx_mode;
    disk->dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
    disk->ino = sx.stx_ino;
    disk->size = (apr_int64_t)sx.stx_size;
    disk->mtime = nanoseconds(&sx.stx_mtime);
    disk->btime = sx.stx_mask & STATX_BTIME ? nanoseconds(&sx.stx_btime) : 0;
    disk->nlink = sx.stx_nlink;
    return 0;
}

const char *cloud_disk_name(cloud_kind_t folder, const cloud_node_t *node, apr_pool_t *pool)
{
    if (folder != CLOUD_KIND_TRASH) return node->disk;
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "/%s", node->id, node->disk);
}

int cloud_disk_same_inode(const cloud_disk_t *disk, const cloud_node_t *node)
{
    return disk->ino == node->ino
           && (!disk->btime || !node->btime || disk->btime == node->btime);
}

int cloud_disk_same_stamp(const cloud_disk_t *disk, const cloud_node_t *node)
{
    return disk->size == node->size && disk->mtime == node->ino_mtime;
}

int cloud_disk_identical(const cloud_disk_t *disk, const cloud_node_t *node)
{
    return cloud_disk_same_inode(disk, node)
           && (CLOUD_IS_DIR(node) || cloud_disk_same_stamp(disk, node));
}

int cloud_disk_kind_ok(const cloud_disk_t *disk, const cloud_node_t *node)
{
    return CLOUD_IS_DIR(node) ? S_ISDIR(disk->mode) : S_ISREG(disk->mode);
}

void cloud_disk_stamp(cloud_node_t *node, const cloud_disk_t *disk)
{
    node->ino = disk->ino;
    node->btime = disk->btime;
    if (!CLOUD_IS_DIR(node)) node->ino_mtime = disk->mtime;
}

const char *cloud_disk_odd(const cloud_disk_t *disk)
{
    switch (disk->mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
        return NULL;
    case S_IFLNK:
        return "symbolic link";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    default:
        return "device";
    }
}

static cloud_err_t *hash_fd(cloud_sums_t *sums, int fd, unsigned types, apr_pool_t *pool)
{
    cloud_digest_t *digest = cloud_digest_create(types, pool);
    char *buf = apr_palloc(pool, HASH_BUFFER);
    ssize_t n;

    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while ((n = read(fd, buf, HASH_BUFFER)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, NULL);
        cloud_digest_update(digest, buf, (apr_size_t)n);
    }
    *sums = cloud_digest_final(digest, pool);
    return NULL;
}

cloud_err_t *cloud_disk_hash(cloud_sums_t *sums, cloud_disk_t *disk, int *steady, int dirfd,
                             const char *name, unsigned types, apr_pool_t *pool)
{
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    cloud_disk_t after;
    cloud_err_t *err;
    int rc;

    *steady = 0;
    if (fd < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "%s can't be read", name);
    rc = cloud_disk_at(disk, fd, "");
    err = rc ? cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, rc, "%s can't be read", name)
             : hash_fd(sums, fd, types, pool);
    if (!err)
        *steady = cloud_disk_at(&after, fd, "") == 0 && after.size == disk->size
                  && after.mtime == disk->mtime;
    close(fd);
    return err;
}

/* ---- finding ---- */

static int is_it(int fd, const cloud_node_t *node)
{
    cloud_disk_t disk;

    return fd >= 0 && cloud_disk_at(&disk, fd, "") == 0 && cloud_disk_identical(&disk, node);
}

/* Puts fd in the place of *best, unless *best is as good. */
static void better(int *best, int fd, const cloud_node_t *node)
{
    if (fd < 0) return;
    if (*best >= 0 && !is_it(fd, node)) {
        close(fd);
        return;
    }
    if (*best >= 0) close(*best);
    *best = fd;
}

static cloud_err_t *find_at(int *fd, cloud_ctx_t *ctx, const cloud_node_t *node, int flags,
                            apr_pool_t *pool)
{
    const char *path;
    cloud_err_t *err = cloud_storage_path(&path, ctx, node->id, pool);

    *fd = -1;
    if (cloud_err_is(err, CLOUD_E_UNAVAILABLE)) return NULL; /* it hangs nowhere */
    if (err) return err;
    err = cloud_storage_open(fd, ctx->store, path, flags, pool);
    return cloud_err_is(err, CLOUD_E_UNAVAILABLE) ? NULL : err;
}

static cloud_err_t *find(int *fd, cloud_ctx_t *ctx, apr_int64_t id, int flags, apr_pool_t *pool)
{
    cloud_node_t *node, *parent;
    int other, dir;

    *fd = -1;
    CLOUD_ERR(cloud_tree_get(&node, ctx, id, pool));
    if (!node) return NULL;
    CLOUD_ERR(find_at(fd, ctx, node, flags, pool));
    if (node->parent == 0 || is_it(*fd, node)) return NULL;
    CLOUD_ERR(cloud_journal_locate(&other, ctx, node->ino, pool));
    better(fd, other, node);
    if (is_it(*fd, node)) return NULL;
    /* It may have come to its place between the two looks. */
    CLOUD_ERR(find_at(&other, ctx, node, flags, pool));
    better(fd, other, node);
    if (is_it(*fd, node)) return NULL;
    CLOUD_ERR(cloud_tree_get(&parent, ctx, node->parent, pool));
    CLOUD_ERR(find(&dir, ctx, node->parent, O_RDONLY | O_DIRECTORY, pool));
    if (dir < 0) return NULL;
    better(fd, openat(dir, cloud_disk_name(parent ? parent->kind : CLOUD_KIND_DIR, node, pool),
                      flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
           node);
    close(dir);
    return NULL;
}

cloud_err_t *cloud_disk_find(int *fd, cloud_ctx_t *ctx, apr_int64_t id, int flags,
                             apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find(fd, ctx, id, flags, pool);
    cloud_tx_rollback(ctx);
    return err;
}
