/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Directories that a transaction will need: made and durable before it begins. */
#include "store_private.h"

#include <errno.h>
#include <string.h>

/* Names a directory with its inode; never 0. */
static apr_uint64_t identity_of(const char *path, const struct stat *st, apr_int64_t btime)
{
    const apr_uint64_t what[] = { (apr_uint64_t)st->st_ino, (apr_uint64_t)btime };
    const unsigned char *c = (const unsigned char *)path;
    apr_uint64_t h = 0xcbf29ce484222325ull;
    unsigned i;

    for (; *c; c++) h = (h ^ *c) * 0x100000001b3ull;
    for (i = 0; i < sizeof what / sizeof *what; i++)
        h = (h ^ what[i] ^ what[i] >> 32) * 0x9E3779B97F4A7C15ull;
    return h | 1;
}

/* A directory that is there is synced, too: somebody else may have made it, and not be so far yet. But
 * not again, once this process did so while that very directory was there. */
static cloud_err_t *make_level(cloud_ctx_t *ctx, const char *path)
{
    cloud_store_t *store = ctx->store;
    apr_uint64_t id = 0, *slot = NULL;
    apr_int64_t btime = 0;
    struct stat st;
    int found, err;

    CLOUD_ERR(cloud_storage_stat(&st, &btime, &found, store, path, ctx->pool));
    /* Without a birth time a number that is used again can't be told from the directory before. */
    if (found && btime) {
        id = identity_of(path, &st, btime);
        slot = &store->durable_dirs[id >> 32 & (CLOUD_DURABLE_DIRS - 1)];
        if (__atomic_load_n(slot, __ATOMIC_RELAXED) == id) return NULL;
    }
    err = found ? 0 : cloud_storage_mkdir(store, path, ctx->pool);
    if (err && err != EEXIST)
        return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, err, "mkdir %s", path);
    CLOUD_POINT("keep-dir-made");
    CLOUD_ERR(cloud_storage_sync_parent(store, path, ctx->pool));
    if (slot) __atomic_store_n(slot, id, __ATOMIC_RELAXED);
    return NULL;
}

static cloud_err_t *make_durable(cloud_ctx_t *ctx, const char *path)
{
    char *copy = apr_pstrdup(ctx->pool, path), *slash = strchr(copy, '/');

    if (!slash) return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "%s is in no account", path);
    *slash = '\0';
    CLOUD_ERR(cloud_storage_account_check(ctx->store, copy, ctx->pool));
    while (slash) {
        *slash = '/';
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        CLOUD_ERR(make_level(ctx, copy));
    }
    return NULL;
}

cloud_err_t *cloud_storage_keep_dir(cloud_ctx_t *ctx, const char *path)
{
    struct stat st;
    int found = 0;

    if (!ctx->kept_dirs) ctx->kept_dirs = apr_hash_make(ctx->pool);
    if (apr_hash_get(ctx->kept_dirs, path, APR_HASH_KEY_STRING))
        CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, ctx->store, path, ctx->pool));
    if (found) return NULL;
    CLOUD_ERR(make_durable(ctx, path));
    path = apr_pstrdup(ctx->pool, path);
    apr_hash_set(ctx->kept_dirs, path, APR_HASH_KEY_STRING, path);
    return NULL;
}
