/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Reading, restoring and deleting versions. */
#include "versions.h"

#include <fcntl.h>
#include <unistd.h>

cloud_err_t *cloud_versions_file(cloud_entry_t **file, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_int64_t node,
                                 apr_pool_t *pool)
{
    CLOUD_ERR(cloud_resolve_id(file, ctx, account, node, pool));
    return cloud_access(ctx, *file, CLOUD_OP_READ);
}

/* Access, file and version in one snapshot. */
static cloud_err_t *find(cloud_entry_t **file, cloud_version_t **v, cloud_ctx_t *ctx,
                         const cloud_account_t *account, apr_int64_t node, apr_int64_t number,
                         apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_versions_file(file, ctx, account, node, pool);
    if (!err) err = cloud_version_get(v, ctx, node, number, pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- content ---- */

static apr_status_t close_fd(void *baton)
{
    close((int)(apr_uintptr_t)baton);
    return APR_SUCCESS;
}

/* Keeps fd when it is the content that the row means, else closes it. At its own place, where nobody
 * writes, size and time are enough: a restore from a backup changes every inode. */
static cloud_err_t *check_fd(int *fd, const cloud_version_t *v, int in_place, apr_pool_t *pool)
{
    apr_int64_t size, mtime, btime;
    apr_uint64_t ino;
    cloud_err_t *err;

    if (*fd < 0) return NULL;
    err = cloud_storage_identity(*fd, &ino, &size, &mtime, &btime, pool);
    if (!err && size == v->size && mtime == v->ino_mtime
        && (in_place || (ino == v->ino && (btime == v->btime || !btime || !v->btime))))
        return NULL;
    close(*fd);
    *fd = -1;
    return err;
}

static cloud_err_t *look(int *fd, cloud_ctx_t *ctx, const cloud_version_t *v, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_storage_open(fd, ctx->store, v->path, O_RDONLY, pool));
    return check_fd(fd, v, 1, pool);
}

/* Its move may be owed still, or fail: then it is where the journal says. */
static cloud_err_t *open_content(int *fd, cloud_ctx_t *ctx, const cloud_version_t *v,
                                 apr_pool_t *pool)
{
    CLOUD_ERR(look(fd, ctx, v, pool));
    if (*fd < 0) {
        CLOUD_ERR(cloud_journal_run(ctx, v->root, 0));
        CLOUD_ERR(look(fd, ctx, v, pool));
    }
    if (*fd < 0) {
        CLOUD_ERR(cloud_journal_locate(fd, ctx, v->ino, pool));
        CLOUD_ERR(check_fd(fd, v, 0, pool));
    }
    if (*fd < 0) {
        CLOUD_LOG(ctx->store, ERR, "version %s is not on disk", v->path);
        return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
    }
    apr_pool_cleanup_register(pool, (void *)(apr_uintptr_t)*fd, close_fd, apr_pool_cleanup_null);
    return NULL;
}

cloud_err_t *cloud_version_open(int *fd, cloud_entry_t **file, cloud_version_t **v,
                                cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_int64_t node, apr_int64_t number, apr_pool_t *pool)
{
    CLOUD_ERR(find(file, v, ctx, account, node, number, pool));
    return open_content(fd, ctx, *v, pool);
}

/* ---- restore ---- */

/* Copies the content into a staging file, and refuses to when it is not what it was. */
static cloud_err_t *copy_content(cloud_staged_t *staged, cloud_ctx_t *ctx,
                                 const cloud_version_t *v, int in, int out, const char *stage,
                                 cloud_home_t home, const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, pool);
    cloud_sums_t sums;

    CLOUD_ERR(cloud_storage_copy(in, 0, v->size, out, digest, pool));
    sums = cloud_digest_final(digest, pool);
    if (v->sums.len && cloud_sums_match(v->sums, sums) == 0) {
        CLOUD_LOG(ctx->store, ERR, "version %s is damaged: its checksum is another", v->path);
        return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
    }
    return cloud_files_seal(staged, ctx, out, stage, home, opts, sums, pool);
}

cloud_err_t *cloud_version_copy(cloud_result_t *res, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_int64_t node,
                                apr_int64_t number, const cloud_account_t *dst_account,
                                const char *dst, int overwrite, const cloud_cond_t *cond,
                                apr_pool_t *pool)
{
    cloud_put_opts_t opts = { .has_mtime = 1 };
    cloud_entry_t *file, *d;
    cloud_version_t *v;
    cloud_staged_t staged;
    const char *stage;
    cloud_err_t *err;
    int in, out;

    CLOUD_ERR(cloud_version_open(&in, &file, &v, ctx, account, node, number, pool));
    opts.length = v->size;
    opts.mtime = v->mtime;
    if (cond) opts.cond = *cond;
    CLOUD_ERR(cloud_files_precheck(&d, ctx, dst_account, dst, overwrite, &opts, pool));
    CLOUD_ERR(cloud_storage_has_room(ctx, v->size));
    CLOUD_ERR(cloud_storage_stage(&out, &stage, ctx->store, d->owner->dir, pool));
    CLOUD_POINT("version-staged");
    err = copy_content(&staged, ctx, v, in, out, stage, cloud_home_of(d), &opts, pool);
    close(out);
    if (!err)
        err = cloud_files_attach(res, ctx, dst_account, dst, &staged, overwrite, &opts, NULL,
                                 NULL, pool);
    if (err) cloud_staging_discard(ctx, stage);
    return err;
}

/* ---- delete, tag ---- */

typedef cloud_err_t *change_fn(cloud_ctx_t *ctx, const cloud_version_t *v, const char *arg);

/* Finds the version in a write transaction, asks for op on its file, and changes it. */
static cloud_err_t *change(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t node,
                           apr_int64_t number, cloud_op_t op, change_fn *fn, const char *arg,
                           apr_pool_t *pool)
{
    cloud_entry_t *file;
    cloud_version_t *v;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_resolve_id(&file, ctx, account, node, pool);
    if (!err) err = cloud_version_get(&v, ctx, node, number, pool);
    if (!err) err = cloud_access(ctx, file, op);
    if (!err) err = fn(ctx, v, arg);
    return cloud_tx_end(ctx, err);
}

static cloud_err_t *remove_row(cloud_ctx_t *ctx, const cloud_version_t *v, const char *arg)
{
    if (v->tag)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "A version that has a tag is not deleted");
    return cloud_version_forget(ctx, v);
}

cloud_err_t *cloud_version_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                  apr_int64_t node, apr_int64_t number, apr_pool_t *pool)
{
    return change(ctx, account, node, number, CLOUD_OP_FORGET, remove_row, NULL, pool);
}

static cloud_err_t *tag_row(cloud_ctx_t *ctx, const cloud_version_t *v, const char *tag)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE version SET tag = ?3 WHERE node = ?1 AND number = ?2", "iit",
                        v->node, v->number, tag);
}

cloud_err_t *cloud_version_set_tag(cloud_ctx_t *ctx, const cloud_account_t *account,
                                   apr_int64_t node, apr_int64_t number, const char *tag,
                                   apr_pool_t *pool)
{
    return change(ctx, account, node, number, CLOUD_OP_WRITE, tag_row, tag, pool);
}
