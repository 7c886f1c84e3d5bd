/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Avatars: rows, and what the core asks about the files. */
#include "avatars_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS avatar (account INTEGER PRIMARY KEY NOT NULL,"
    " number INTEGER NOT NULL, kind INTEGER NOT NULL, size INTEGER NOT NULL,"
    " ino INTEGER NOT NULL, ino_mtime INTEGER NOT NULL, btime INTEGER NOT NULL, sums BLOB);";

const cloud_setting_t cloud_avatars_settings[] = {
    { "system", "enable_avatars", CLOUD_SET_BOOL, "true", 0, 0,
      "Whether people have pictures" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

/* ---- rows ---- */

const char *cloud_avatar_path(const char *account_dir, apr_int64_t number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s" CLOUD_AVATAR_DIR "/%" APR_INT64_T_FMT, account_dir, number);
}

/* The number in a path as cloud_avatar_path() makes it; 0 when it is another. */
static apr_int64_t number_of(const char *path)
{
    const char *p = strstr(path, CLOUD_AVATAR_DIR "/");
    char *end;
    apr_int64_t number;

    if (!p) return 0;
    p += sizeof CLOUD_AVATAR_DIR;
    number = strtoll(p, &end, 10);
    return end != p && !*end ? number : 0;
}

static void read_row(cloud_avatar_t *a, cloud_stmt_t *st, apr_pool_t *pool)
{
    a->account = cloud_col_int(st, 0);
    a->number = cloud_col_int(st, 1);
    a->kind = cloud_col_int(st, 2) == CLOUD_IMAGE_JPEG ? CLOUD_IMAGE_JPEG : CLOUD_IMAGE_PNG;
    a->size = cloud_col_int(st, 3);
    a->ino = (apr_uint64_t)cloud_col_int(st, 4);
    a->ino_mtime = cloud_col_int(st, 5);
    a->btime = cloud_col_int(st, 6);
    a->root = cloud_col_int(st, 7);
    a->path = cloud_avatar_path(cloud_col_text(st, 8), a->number, pool);
}

cloud_err_t *cloud_avatar_find(cloud_avatar_t **avatar, cloud_ctx_t *ctx, apr_int64_t account,
                               cloud_sums_t *sums, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *avatar = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT v.account, v.number, v.kind, v.size, v.ino, v.ino_mtime,"
                             " v.btime, a.root, a.dir, v.sums FROM avatar AS v JOIN account AS a"
                             " ON a.number = v.account WHERE v.account = ?1",
                             "i", account));
    if (row) {
        *avatar = apr_palloc(pool, sizeof **avatar);
        read_row(*avatar, st, pool);
    }
    if (row && sums) {
        const void *bytes = cloud_col_blob(st, 9, &sums->len);

        sums->data = sums->len ? apr_pmemdup(pool, bytes, sums->len) : NULL;
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *none(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no avatar");
}

cloud_err_t *cloud_avatar_get(cloud_avatar_t **avatar, cloud_ctx_t *ctx, const char *id,
                              apr_pool_t *pool)
{
    cloud_account_t *account;
    cloud_err_t *err;
    int on;

    *avatar = NULL;
    if (!ctx->who.system && !ctx->who.account)
        return cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, NULL);
    CLOUD_ERR(cloud_setting_bool(&on, ctx, "system", "enable_avatars"));
    if (!on) return none(ctx);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_account_get(&account, ctx, id, pool);
    if (!err) err = cloud_avatar_find(avatar, ctx, account->number, NULL, pool);
    cloud_tx_rollback(ctx);
    /* Whether there is such an account is nobody's business. */
    return (err && cloud_err_is(err, CLOUD_E_NOT_FOUND)) || (!err && !*avatar) ? none(ctx) : err;
}

/* ---- content ---- */

/* As for all that lies where nobody writes: size and time tell, since a restore from a backup changes
 * every inode. */
static cloud_err_t *look(int *fd, cloud_ctx_t *ctx, const cloud_avatar_t *a, apr_pool_t *pool)
{
    apr_int64_t size, mtime, btime;
    apr_uint64_t ino;
    cloud_err_t *err;

    CLOUD_ERR(cloud_storage_open(fd, ctx->store, a->path, O_RDONLY, pool));
    if (*fd < 0) return NULL;
    err = cloud_storage_identity(*fd, &ino, &size, &mtime, &btime, pool);
    if (!err && size == a->size && mtime == a->ino_mtime) return NULL;
    close(*fd);
    *fd = -1;
    return err;
}

static cloud_err_t *is_current(int *yes, cloud_ctx_t *ctx, const cloud_avatar_t *a)
{
    cloud_avatar_t *now = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_avatar_find(&now, ctx, a->account, NULL, ctx->pool);
    cloud_tx_rollback(ctx);
    *yes = !err && now && now->number == a->number;
    return err;
}

cloud_err_t *cloud_avatar_open(int *fd, cloud_ctx_t *ctx, const cloud_avatar_t *a,
                               apr_pool_t *pool)
{
    int current;

    CLOUD_ERR(look(fd, ctx, a, pool));
    if (*fd < 0) {
        CLOUD_ERR(cloud_journal_run(ctx, a->root, 0));
        CLOUD_ERR(look(fd, ctx, a, pool));
    }
    if (*fd < 0) CLOUD_ERR(cloud_journal_locate(fd, ctx, a->ino, pool));
    if (*fd >= 0) return NULL;
    CLOUD_ERR(is_current(&current, ctx, a));
    if (!current) return none(ctx);
    CLOUD_LOG(ctx->store, ERR, "avatar %s is not on disk", a->path);
    return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
}

/* ---- hooks ---- */

/* Its directory goes with the account's. */
static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM avatar WHERE account = ?1", "i",
                        account->number);
}

static cloud_err_t *kept(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t after,
                         int limit, cloud_kept_fn *fn, void *baton, apr_pool_t *pool)
{
    cloud_sums_t sums = { 0 };
    cloud_avatar_t *a;
    cloud_kept_t k;

    CLOUD_ERR(cloud_avatar_find(&a, ctx, account->number, &sums, pool));
    if (!a || a->number <= after || limit < 1) return NULL;
    k = (cloud_kept_t){ a->number, a->path, a->ino, a->size, a->ino_mtime, a->btime, sums };
    return fn(baton, &k);
}

static cloud_err_t *kept_moved(cloud_ctx_t *ctx, const cloud_kept_t *k)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE avatar SET ino = ?2, ino_mtime = ?3, btime = ?4 WHERE number = ?1",
                        "iiii", k->id, (apr_int64_t)k->ino, k->ino_mtime, k->btime);
}

static cloud_err_t *keeps(int *yes, cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    apr_int64_t number = number_of(path);
    cloud_stmt_t *st;

    *yes = 0;
    if (!number) return NULL;
    CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, pool,
                             "SELECT a.dir FROM avatar AS v JOIN account AS a"
                             " ON a.number = v.account WHERE v.number = ?1",
                             "i", number));
    if (*yes) *yes = strcmp(cloud_avatar_path(cloud_col_text(st, 0), number, pool), path) == 0;
    cloud_stmt_done(st);
    return NULL;
}

static const cloud_feature_t feature = {
    .name = "avatars",
    .schema = SCHEMA,
    .account_deleted = account_deleted,
    .dir = CLOUD_AVATARS,
    .kept = kept,
    .kept_moved = kept_moved,
    .keeps = keeps,
};

void cloud_avatars_register(void)
{
    cloud_feature_register(&feature);
    cloud_settings_declare(cloud_avatars_settings);
}

void cloud_avatars_unregister(void)
{
    cloud_feature_unregister(&feature);
    cloud_settings_undeclare(cloud_avatars_settings);
}
