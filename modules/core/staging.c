/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The staging directories: what a writer that failed, or a process that was killed, left there. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static cloud_err_t *is_named(int *named, cloud_ctx_t *ctx, const char *path)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    return cloud_tx_end(ctx, cloud_journal_names(named, ctx, path));
}

void cloud_staging_discard(cloud_ctx_t *ctx, const char *path)
{
    if (!cloud_files_stage_owed(ctx, path)) cloud_storage_unlink(ctx->store, path, 0, ctx->pool);
}

/* ---- expiry ---- */

typedef struct {
    cloud_ctx_t *ctx;
    apr_array_header_t *dirs;  /* of accounts, const char * */
    time_t before;             /* what was written to since then stays */
    int left;                  /* how many entries may still be looked at and removed */
    int *removed;
    apr_pool_t *pool;
} expire_t;

static cloud_err_t *note_dir(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    expire_t *e = baton;

    APR_ARRAY_PUSH(e->dirs, const char *) = apr_pstrdup(e->pool, a->dir);
    return NULL;
}

static DIR *open_dir_at(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (fd >= 0 && !d) close(fd);
    return d;
}

static const char *next_name(DIR *d)
{
    struct dirent *de;

    while ((de = readdir(d)))
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0) return de->d_name;
    return NULL;
}

/* Whether the entry and everything in it was left alone since before. The inode's change time
 * counts: the modification time is the client's. */
static int is_old(int at, const char *name, time_t before)
{
    struct stat st;
    const char *sub;
    int old = 1;
    DIR *d;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ctime >= before) return 0;
    if (!S_ISDIR(st.st_mode)) return 1;
    d = open_dir_at(at, name);
    if (!d) return 0;
    while (old && (sub = next_name(d))) old = is_old(dirfd(d), sub, before);
    closedir(d);
    return old;
}

static int remove_entry(int at, const char *name)
{
    const char *sub;
    DIR *d;

    if (unlinkat(at, name, 0) == 0) return 1;
    if (errno != EISDIR && errno != EPERM) return 0;
    d = open_dir_at(at, name);
    if (!d) return 0;
    while ((sub = next_name(d))) remove_entry(dirfd(d), sub);
    closedir(d);
    return unlinkat(at, name, AT_REMOVEDIR) == 0;
}

static cloud_err_t *expire_in(expire_t *e, const char *staging, DIR *d)
{
    const char *name;
    int named;

    while (e->left > 0 && (name = next_name(d))) {
        if (!is_old(dirfd(d), name, e->before)) continue;
        CLOUD_ERR(is_named(&named, e->ctx, apr_pstrcat(e->pool, staging, "/", name, NULL)));
        e->left--;
        if (!named && remove_entry(dirfd(d), name)) ++*e->removed;
    }
    return NULL;
}

static cloud_err_t *expire_account(expire_t *e, const char *dir)
{
    const char *staging = apr_pstrcat(e->pool, dir, "/" CLOUD_STAGING, NULL);
    cloud_err_t *err;
    DIR *d;
    int fd;

    CLOUD_ERR(cloud_storage_open(&fd, e->ctx->store, staging, O_RDONLY | O_DIRECTORY, e->pool));
    if (fd < 0) return NULL;
    d = fdopendir(fd);
    if (!d) {
        close(fd);
        return NULL;
    }
    err = expire_in(e, staging, d);
    closedir(d);
    return err;
}

cloud_err_t *cloud_staging_expire(int *removed, cloud_ctx_t *ctx, apr_int64_t max_age, int limit)
{
    expire_t e = { .ctx = ctx, .left = limit, .removed = removed,
                   .before = (time_t)(apr_time_sec(apr_time_now()) - max_age) };
    cloud_err_t *err;
    apr_pool_t *pool;
    int i;

    *removed = 0;
    apr_pool_create(&pool, ctx->pool);
    e.dirs = apr_array_make(pool, 16, sizeof(const char *));
    e.pool = pool;
    err = cloud_account_each(ctx, NULL, note_dir, &e);
    apr_pool_create(&e.pool, pool);
    for (i = 0; !err && i < e.dirs->nelts && e.left > 0; i++) {
        apr_pool_clear(e.pool);
        err = expire_account(&e, APR_ARRAY_IDX(e.dirs, i, const char *));
        if (cloud_err_is(err, CLOUD_E_UNAVAILABLE)) err = NULL; /* its disk is not there */
    }
    err = cloud_err_keep(err, ctx->pool);
    apr_pool_destroy(pool);
    return err;
}
