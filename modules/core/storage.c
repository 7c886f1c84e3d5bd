/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Bytes on disk. Every path that reaches the file system goes through beneath(): resolved below
 * <data_dir>/accounts by the kernel (openat2), never through a symlink, never out of it. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

#define KEEP_PART 20            /* of a small disk this part is kept free, */
#define KEEP_MAX (64 << 20)     /* of others so many bytes */
#define STEP_MAX 3500           /* openat2 takes at most PATH_MAX bytes at once */

/* openat2 relative to dir; -1 and errno on failure. */
static int openat2_beneath(int dir, const char *path, int flags, mode_t mode)
{
    struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
                            .mode = (flags & O_CREAT) ? mode : 0,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                                       | RESOLVE_NO_MAGICLINKS };
    long fd;

    do {
        fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        /* EAGAIN: a rename somewhere raced with the ".." check. */
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return (int)fd;
}

/* Opens path below accounts/, in steps where it is longer than the kernel takes at once. */
static int beneath(const cloud_store_t *store, const char *path, int flags, mode_t mode)
{
    int dir = store->accounts_fd, next;
    char step[STEP_MAX + 1];
    size_t len = strlen(path), n;

    while (len > STEP_MAX) {
        for (n = STEP_MAX; n > 0 && path[n] != '/'; n--) continue;
        if (n == 0) {
            errno = ENAMETOOLONG;
            next = -1;
        } else {
            memcpy(step, path, n);
            step[n] = '\0';
            next = openat2_beneath(dir, step, O_PATH | O_DIRECTORY, 0);
        }
        if (dir != store->accounts_fd) close(dir);
        if (next < 0) return -1;
        dir = next;
        path += n + 1;
        len -= n + 1;
    }
    next = openat2_beneath(dir, path, flags, mode);
    if (dir != store->accounts_fd) {
        int err = errno;

        close(dir);
        errno = err;
    }
    return next;
}

/* Opens the directory that holds path; *last is the final segment (inside path). */
static int parent_of(const char **last, const cloud_store_t *store, const char *path,
                     apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        *last = path;
        return openat2_beneath(store->accounts_fd, ".", O_PATH | O_DIRECTORY, 0);
    }
    *last = slash + 1;
    return beneath(store, apr_pstrndup(pool, path, (apr_size_t)(slash - path)),
                   O_PATH | O_DIRECTORY, 0);
}

const char *cloud_storage_abs(cloud_store_t *store, const char *path, apr_pool_t *pool)
{
    return apr_pstrcat(pool, store->conf.data_dir, "/accounts/", path, NULL);
}

cloud_err_t *cloud_storage_open(int *fd, cloud_store_t *store, const char *path, int flags,
                                apr_pool_t *pool)
{
    /* O_NONBLOCK: a fifo that somebody put into the tree must not hang a reader. openat2 takes it
     * amiss beside O_PATH. */
    *fd = beneath(store, path, (flags & O_PATH) ? flags : flags | O_NONBLOCK, 0600);
    if (*fd >= 0 || errno == ENOENT || errno == ENOTDIR) return NULL;
    return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "open %s", path);
}

static apr_int64_t ns_of(apr_int64_t sec, apr_int64_t nsec)
{
    /* Seconds beyond what fits are of no use as an identity, but must not overflow. */
    if (sec > 9000000000ll) sec = 9000000000ll;
    if (sec < -9000000000ll) sec = -9000000000ll;
    return sec * 1000000000ll + nsec;
}

apr_int64_t cloud_storage_mtime(const struct stat *st)
{
    return ns_of(st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static void from_statx(struct stat *st, apr_int64_t *btime, const struct statx *sx)
{
    memset(st, 0, sizeof *st);
    st->st_mode = sx->stx_mode;
    st->st_ino = sx->stx_ino;
    st->st_size = (off_t)sx->stx_size;
    st->st_nlink = sx->stx_nlink;
    st->st_mtim.tv_sec = sx->stx_mtime.tv_sec;
    st->st_mtim.tv_nsec = sx->stx_mtime.tv_nsec;
    if (btime)
        *btime = (sx->stx_mask & STATX_BTIME) ? ns_of(sx->stx_btime.tv_sec, sx->stx_btime.tv_nsec)
                                              : 0;
}

cloud_err_t *cloud_storage_stat(struct stat *st, apr_int64_t *btime, int *found,
                                cloud_store_t *store, const char *path, apr_pool_t *pool)
{
    struct statx sx;
    const char *last;
    int dir = parent_of(&last, store, path, pool), rc, err;

    *found = 0;
    if (dir < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return NULL;
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "stat %s", path);
    }
    rc = statx(dir, last, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &sx);
    err = errno;
    close(dir);
    if (rc != 0 && (err == ENOENT || err == ENOTDIR)) return NULL;
    if (rc != 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "stat %s", path);
    from_statx(st, btime, &sx);
    *found = 1;
    return NULL;
}

/* The folder that is meant does not exist: it is gone, or a file or a symlink stands in its place. */
static int is_no_place(int err)
{
    return err == ENOENT || err == ENOTDIR || err == ELOOP;
}

/* Another file system may be mounted in the tree, where the number means another file. Compared with
 * something of the same type: some file systems give files another device than directories. */
static int on_own_device(cloud_store_t *store, const char *path, const struct stat *st)
{
    apr_size_t len = strcspn(path, "/");
    struct stat own;
    char of[600];

    if (path[len] == '\0' || len > 500) return 1;
    apr_snprintf(of, sizeof of, "%.*s%s", (int)len, path,
                 S_ISDIR(st->st_mode) ? "" : "/" CLOUD_ACCOUNT_MARKER);
    return fstatat(store->accounts_fd, of, &own, AT_SYMLINK_NOFOLLOW) != 0
           || own.st_dev == st->st_dev;
}

cloud_err_t *cloud_storage_holds(int *here, cloud_store_t *store, const char *path,
                                 apr_uint64_t ino, apr_pool_t *pool)
{
    struct stat st;
    const char *last;
    int dir = parent_of(&last, store, path, pool), err = errno;

    *here = 0;
    if (dir >= 0) {
        err = fstatat(dir, last, &st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
        close(dir);
        if (!err) *here = st.st_ino == ino && on_own_device(store, path, &st);
    }
    return !err || is_no_place(err) ? NULL
                                    : cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "stat %s", path);
}

cloud_err_t *cloud_storage_identity(int fd, apr_uint64_t *ino, apr_int64_t *size,
                                    apr_int64_t *mtime_ns, apr_int64_t *btime_ns,
                                    apr_pool_t *pool)
{
    struct statx sx;
    struct stat st;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &sx) != 0)
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "fstat");
    from_statx(&st, btime_ns, &sx);
    /* A device or fifo that somebody put in a file's place has no content to serve. */
    if (!S_ISREG(st.st_mode)) return cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL);
    *ino = st.st_ino;
    *size = st.st_size;
    *mtime_ns = cloud_storage_mtime(&st);
    return NULL;
}

/* ---- account directories ---- */

cloud_err_t *cloud_storage_account_check(cloud_store_t *store, const char *dir, apr_pool_t *pool)
{
    char path[600];
    struct stat st;
    int n = apr_snprintf(path, sizeof path, "%s/" CLOUD_ACCOUNT_MARKER, dir);

    /* dir is one segment made by cloud_account_dirname: no symlink question below accounts/. */
    if (n < (int)sizeof path - 1 && strchr(dir, '/') == NULL
        && fstatat(store->accounts_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return NULL;
    return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno,
                         "the directory of the account carries no marker: %s", dir);
}

cloud_err_t *cloud_storage_account_create(cloud_store_t *store, const char *dir, apr_pool_t *pool)
{
    static const char *const subs[] = { CLOUD_FILES, CLOUD_STAGING, CLOUD_PURGE, CLOUD_LOST };
    int fd, err = 0, marker;
    unsigned i;

    if (mkdirat(store->accounts_fd, dir, 0700) != 0) {
        if (errno == EEXIST) return cloud_err(pool, CLOUD_E_EXISTS, NULL);
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "mkdir %s", dir);
    }
    fd = beneath(store, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "open %s", dir);
    for (i = 0; i < sizeof subs / sizeof *subs && !err; i++)
        if (mkdirat(fd, subs[i], 0700) != 0) err = errno;
    CLOUD_POINT("account-dir-half");
    if (!err) {
        marker = openat(fd, CLOUD_ACCOUNT_MARKER, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (marker < 0 || fsync(marker) != 0) err = errno;
        if (marker >= 0) close(marker);
    }
    if (!err && fsync(fd) != 0) err = errno;
    close(fd);
    if (err) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "create %s", dir);
    return cloud_storage_sync_parent(store, dir, pool);
}

/* ---- staging ---- */

static const char *stage_name(cloud_store_t *store, const char *account_dir, apr_pool_t *pool)
{
    unsigned n = __atomic_add_fetch(&store->stage_counter, 1, __ATOMIC_RELAXED);

    return apr_psprintf(pool, "%s/" CLOUD_STAGING "/%" APR_UINT64_T_HEX_FMT "-%x-%x", account_dir,
                        (apr_uint64_t)apr_time_now(), (unsigned)getpid(), n);
}

cloud_err_t *cloud_storage_stage(int *fd, const char **path, cloud_store_t *store,
                                 const char *account_dir, apr_pool_t *pool)
{
    *path = stage_name(store, account_dir, pool);
    *fd = beneath(store, *path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (*fd < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "create %s", *path);
    return NULL;
}

cloud_err_t *cloud_storage_stage_dir(const char **path, cloud_store_t *store,
                                     const char *account_dir, apr_pool_t *pool)
{
    int err;

    *path = stage_name(store, account_dir, pool);
    err = cloud_storage_mkdir(store, *path, pool);
    return err ? cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "mkdir %s", *path) : NULL;
}

/* ---- syncing ---- */

static cloud_err_t *sync_failed(cloud_store_t *store, int err, const char *what, apr_pool_t *pool)
{
    /* The kernel reports a lost write once; whatever a later sync says, the bytes may be gone. */
    if (err != ENOSPC && err != EDQUOT) cloud_store_fail(store);
    CLOUD_LOG(store, ERR, "sync of %s failed: %s", what, strerror(err));
    return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "sync of %s", what);
}

cloud_err_t *cloud_storage_sync_fd(cloud_store_t *store, int fd, apr_pool_t *pool)
{
    if (cloud_store_relaxed(store)) return NULL;
    if (CLOUD_FAULT("sync-file")) return sync_failed(store, EIO, "a file", pool);
    return fsync(fd) == 0 ? NULL : sync_failed(store, errno, "a file", pool);
}

typedef struct {
    cloud_store_t *store;
    const char *path;
    int fd;
    apr_pool_t *pool;
} sync_dir_t;

static cloud_err_t *sync_dir(void *baton)
{
    sync_dir_t *b = baton;

    return fsync(b->fd) == 0 ? NULL : sync_failed(b->store, errno, b->path, b->pool);
}

cloud_err_t *cloud_storage_sync_parent(cloud_store_t *store, const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');
    cloud_err_t *err = NULL;
    struct stat st;
    int fd;

    if (cloud_store_relaxed(store)) return NULL;
    fd = slash ? beneath(store, apr_pstrndup(pool, path, (apr_size_t)(slash - path)),
                         O_RDONLY | O_DIRECTORY, 0)
               : openat2_beneath(store->accounts_fd, ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return is_no_place(errno)
                   ? NULL : cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "open of %s", path);
    if (fstat(fd, &st) == 0) {
        sync_dir_t baton = { store, path, fd, pool };

        /* Accounts may lie on disks of their own, and two file systems have the same numbers. */
        err = cloud_shm_dir_sync(store->shm,
                                 (apr_uint64_t)st.st_ino
                                     ^ (apr_uint64_t)st.st_dev * 0x9E3779B97F4A7C15ull,
                                 sync_dir, &baton);
    } else {
        err = sync_failed(store, errno, path, pool);
    }
    close(fd);
    return err;
}

/* ---- names ---- */

static int renameat2_at(int sdir, const char *src, int ddir, const char *dst, unsigned flags)
{
    return syscall(SYS_renameat2, sdir, src, ddir, dst, flags) == 0 ? 0 : errno;
}

/* Without RENAME_NOREPLACE: link fails on an existing name, rename then removes nothing else. */
static int create_by_link(int sdir, const char *src, int ddir, const char *dst)
{
    struct stat st;

    if (fstatat(sdir, src, &st, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if (S_ISDIR(st.st_mode)) {
        if (fstatat(ddir, dst, &st, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
        return renameat(sdir, src, ddir, dst) == 0 ? 0 : errno;
    }
    if (linkat(sdir, src, ddir, dst, 0) != 0) return errno;
    return unlinkat(sdir, src, 0) == 0 ? 0 : errno;
}

/* Without RENAME_EXCHANGE: the old one steps aside under a third name first. */
static int exchange_by_steps(int sdir, const char *src, int ddir, const char *dst)
{
    char aside[300];
    int n = apr_snprintf(aside, sizeof aside, "%.200s.x", src);

    if (n >= (int)sizeof aside - 1) return ENAMETOOLONG;
    if (renameat(ddir, dst, sdir, aside) != 0) return errno;
    if (renameat(sdir, src, ddir, dst) != 0) return errno;
    return renameat(sdir, aside, sdir, src) == 0 ? 0 : errno;
}

int cloud_storage_rename(cloud_store_t *store, const char *src, const char *dst, int exchange,
                         apr_pool_t *pool)
{
    const char *slast, *dlast;
    int sdir, ddir, err;

    sdir = parent_of(&slast, store, src, pool);
    if (sdir < 0) return errno;
    ddir = parent_of(&dlast, store, dst, pool);
    if (ddir < 0) {
        err = errno;
        close(sdir);
        return err;
    }
    if (CLOUD_FAULT("rename")) err = EIO;
    else if (exchange)
        err = store->has_exchange ? renameat2_at(sdir, slast, ddir, dlast, RENAME_EXCHANGE)
                                  : exchange_by_steps(sdir, slast, ddir, dlast);
    else
        err = store->has_noreplace ? renameat2_at(sdir, slast, ddir, dlast, RENAME_NOREPLACE)
                                   : create_by_link(sdir, slast, ddir, dlast);
    close(sdir);
    close(ddir);
    return err;
}

int cloud_storage_unlink(cloud_store_t *store, const char *path, int is_dir, apr_pool_t *pool)
{
    const char *last;
    int dir = parent_of(&last, store, path, pool), err;

    if (dir < 0) return errno;
    err = unlinkat(dir, last, is_dir ? AT_REMOVEDIR : 0) == 0 ? 0 : errno;
    close(dir);
    return err;
}

int cloud_storage_mkdir(cloud_store_t *store, const char *path, apr_pool_t *pool)
{
    const char *last;
    int dir = parent_of(&last, store, path, pool), err;

    if (dir < 0) return errno;
    err = mkdirat(dir, last, 0700) == 0 ? 0 : errno;
    close(dir);
    return err;
}

cloud_err_t *cloud_storage_room(apr_int64_t *room, cloud_store_t *store, apr_pool_t *pool)
{
    apr_int64_t keep;
    struct statvfs st;

    if (fstatvfs(store->accounts_fd, &st) != 0)
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "statvfs");
    keep = (apr_int64_t)(st.f_blocks / KEEP_PART * st.f_frsize);
    *room = (apr_int64_t)(st.f_bavail * st.f_frsize) - (keep < KEEP_MAX ? keep : KEEP_MAX);
    if (*room < 0) *room = 0;
    return NULL;
}

cloud_err_t *cloud_storage_has_room(cloud_ctx_t *ctx, apr_int64_t bytes)
{
    apr_int64_t room;

    CLOUD_ERR(cloud_storage_room(&room, ctx->store, ctx->pool));
    return bytes < room ? NULL : cloud_err(ctx->pool, CLOUD_E_QUOTA, NULL);
}

cloud_err_t *cloud_storage_probe(cloud_store_t *store)
{
    char a[64], b[64];
    int fd;

    if (store->flags & CLOUD_STORE_READ_ONLY) return NULL;
    apr_snprintf(a, sizeof a, ".probe-%d-a", (int)getpid());
    apr_snprintf(b, sizeof b, ".probe-%d-b", (int)getpid());
    fd = openat2_beneath(store->accounts_fd, a, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return cloud_err_sys(store->pool, CLOUD_E_UNAVAILABLE, errno,
                             "accounts/ can't be written");
    close(fd);
    store->has_noreplace =
        renameat2_at(store->accounts_fd, a, store->accounts_fd, b, RENAME_NOREPLACE) == 0;
    fd = openat2_beneath(store->accounts_fd, a, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) close(fd);
    store->has_exchange =
        renameat2_at(store->accounts_fd, a, store->accounts_fd, b, RENAME_EXCHANGE) == 0;
    unlinkat(store->accounts_fd, a, 0);
    unlinkat(store->accounts_fd, b, 0);
    return NULL;
}
