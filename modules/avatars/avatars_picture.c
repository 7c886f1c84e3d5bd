/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Setting, removing and showing avatars. */
#include "avatars_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- showing ---- */

static cloud_err_t *read_all(void **data, cloud_ctx_t *ctx, const cloud_avatar_t *a, int fd,
                             apr_pool_t *pool)
{
    apr_size_t size = (apr_size_t)a->size, got = 0;
    char *buffer = apr_palloc(pool, size + 1);
    ssize_t n;

    while (got < size) {
        n = pread(fd, buffer + got, size - got, (off_t)got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, n < 0 ? errno : EIO, "%s",
                                         a->path);
        got += (apr_size_t)n;
    }
    *data = buffer;
    return NULL;
}

static cloud_err_t *load(void **data, cloud_avatar_t **avatar, cloud_ctx_t *ctx, const char *id,
                         apr_pool_t *pool)
{
    cloud_err_t *err = NULL;
    int fd = -1;

    err = cloud_avatar_open(&fd, ctx, *avatar, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) { /* another one by now */
        CLOUD_ERR(cloud_avatar_get(avatar, ctx, id, pool));
        err = cloud_avatar_open(&fd, ctx, *avatar, pool);
    }
    if (!err) err = read_all(data, ctx, *avatar, fd, pool);
    if (fd >= 0) close(fd);
    return err;
}

cloud_err_t *cloud_avatar_picture(const void **data, apr_size_t *len, cloud_ctx_t *ctx,
                                  cloud_avatar_t **avatar, const char *id, int side,
                                  const cloud_image_kind_t *kind, apr_pool_t *pool)
{
    cloud_image_t *image;
    apr_pool_t *work;
    cloud_err_t *err;
    void *master = NULL;

    apr_pool_create(&work, pool); /* pixels are many */
    err = load(&master, avatar, ctx, id, pool);
    if (!err)
        err = cloud_image_read(&image, master, (apr_size_t)(*avatar)->size, side, work);
    if (!err)
        err = cloud_image_encode(data, len, image, kind ? *kind : (*avatar)->kind, work);
    if (!err) *data = apr_pmemdup(pool, *data, *len);
    err = cloud_err_keep(err, ctx->pool);
    apr_pool_destroy(work);
    return err;
}

/* ---- setting ---- */

cloud_err_t *cloud_avatar_may_set(cloud_ctx_t *ctx, const char *id)
{
    cloud_account_t *a;
    cloud_err_t *err;
    int on;

    CLOUD_ERR(cloud_setting_bool(&on, ctx, "system", "enable_avatars"));
    if (!on) return cloud_err(ctx->pool, CLOUD_E_DENIED, "There are no avatars on this server");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_PROFILE, ctx->pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* The file is unlinked by the journal. (tx, write) */
static cloud_err_t *forget(cloud_ctx_t *ctx, const cloud_account_t *a)
{
    cloud_avatar_t *old;
    apr_uint64_t ino;
    struct stat st;
    int found;

    CLOUD_ERR(cloud_avatar_find(&old, ctx, a->number, NULL, ctx->pool));
    if (!old) return NULL;
    ino = old->ino;
    /* Since a restore from a backup it may be another one, and only the one named is unlinked. */
    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, ctx->store, old->path, ctx->pool));
    if (found && S_ISREG(st.st_mode) && st.st_size == old->size
        && cloud_storage_mtime(&st) == old->ino_mtime)
        ino = st.st_ino;
    CLOUD_ERR(cloud_journal_add(ctx, a->root, 0, ino, 0, old->path, NULL));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM avatar WHERE account = ?1", "i",
                        a->number);
}

/* What becomes an avatar. */
typedef struct {
    const void *data;
    apr_size_t len;
    cloud_image_kind_t kind;
    apr_int64_t account;
    cloud_staged_t file;
} new_t;

static cloud_err_t *set_tx(cloud_account_t **a, cloud_ctx_t *ctx, const char *id, const new_t *n)
{
    const char *path;
    apr_int64_t number;

    CLOUD_ERR(cloud_account_for_change(a, ctx, id, CLOUD_MANAGE_PROFILE, ctx->pool));
    /* Another one of that name: what was staged is gone with the first. */
    if ((*a)->number != n->account) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(forget(ctx, *a));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    path = cloud_avatar_path((*a)->dir, number, ctx->pool);
    CLOUD_ERR(cloud_storage_keep_dir(ctx, apr_pstrcat(ctx->pool, (*a)->dir, CLOUD_AVATAR_DIR,
                                                      NULL)));
    CLOUD_ERR(cloud_journal_add(ctx, (*a)->root, 0, n->file.ino, 0, n->file.path, path));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO avatar (account, number, kind, size, ino, ino_mtime, btime,"
                        " sums) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                        "iiiiiiib", (*a)->number, number, (apr_int64_t)n->kind, n->file.size,
                        (apr_int64_t)n->file.ino, n->file.ino_mtime, n->file.btime,
                        (const void *)n->file.sums.data, n->file.sums.len);
}

static cloud_err_t *write_all(int fd, const void *data, apr_size_t len, apr_pool_t *pool)
{
    const char *p = data;
    ssize_t n;

    while (len > 0) {
        n = write(fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "write to staging");
        p += n;
        len -= (apr_size_t)n;
    }
    return NULL;
}

static cloud_err_t *stage(new_t *n, cloud_ctx_t *ctx, int fd, const char *path)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, ctx->pool);
    const cloud_put_opts_t opts = { 0 };

    CLOUD_ERR(write_all(fd, n->data, n->len, ctx->pool));
    cloud_digest_update(digest, n->data, n->len);
    return cloud_files_seal(&n->file, ctx, fd, path, (cloud_home_t){ n->account, 0 }, &opts,
                            cloud_digest_final(digest, ctx->pool), ctx->pool);
}

static cloud_err_t *attach(cloud_ctx_t *ctx, const char *id, const new_t *n)
{
    cloud_account_t *a;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = set_tx(&a, ctx, id, n);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_journal_commit(ctx, a->root, 0);
}

static cloud_err_t *store(cloud_ctx_t *ctx, const cloud_account_t *a, new_t *n)
{
    const char *path;
    cloud_err_t *err;
    int fd;

    n->account = a->number;
    CLOUD_ERR(cloud_storage_has_room(ctx, (apr_int64_t)n->len));
    CLOUD_ERR(cloud_storage_keep_dir(ctx, apr_pstrcat(ctx->pool, a->dir, CLOUD_AVATAR_DIR, NULL)));
    CLOUD_ERR(cloud_storage_stage(&fd, &path, ctx->store, a->dir, ctx->pool));
    err = stage(n, ctx, fd, path);
    close(fd);
    CLOUD_POINT("avatar-staged");
    if (!err) err = attach(ctx, a->id, n);
    if (err) cloud_staging_discard(ctx, path);
    return err;
}

cloud_err_t *cloud_avatar_set(cloud_ctx_t *ctx, const char *id, const void *data, apr_size_t len)
{
    cloud_account_t *a;
    cloud_image_t *image;
    cloud_err_t *err;
    apr_pool_t *work;
    new_t n = { 0 };

    CLOUD_ERR(cloud_avatar_may_set(ctx, id));
    CLOUD_ERR(cloud_account_get(&a, ctx, id, ctx->pool));
    if (len > CLOUD_AVATAR_BYTES_MAX)
        return cloud_err(ctx->pool, CLOUD_E_TOO_LARGE, "The file is too large");
    apr_pool_create(&work, ctx->pool);
    err = cloud_image_square(&image, data, len, CLOUD_AVATAR_SIDE_MAX, work);
    if (!err) {
        cloud_image_kind(&n.kind, data, len);
        err = cloud_image_encode(&n.data, &n.len, image, n.kind, work);
    }
    if (!err) err = store(ctx, a, &n);
    err = cloud_err_keep(err, ctx->pool);
    apr_pool_destroy(work);
    return err;
}

cloud_err_t *cloud_avatar_remove(cloud_ctx_t *ctx, const char *id)
{
    cloud_account_t *a;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_PROFILE, ctx->pool);
    if (!err) err = forget(ctx, a);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_journal_commit(ctx, a->root, 0);
}
