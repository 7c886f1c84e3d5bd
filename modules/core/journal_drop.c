/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The lazy half of the journal: rows that are carried out go away once the directories are on disk,
 * and inodes that nothing names any more are unlinked. Bounded steps; nothing happens here while a
 * backup runs, for it may still need to find what its snapshot names. */
#include "journal_rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ROWS_PER_STEP    500
#define UNLINKS_PER_STEP 2000

static cloud_err_t *load(apr_array_header_t *rows, cloud_ctx_t *ctx, const char *sql)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool, sql, "i", (apr_int64_t)ROWS_PER_STEP);
    if (!err) err = cloud_jrows_read(rows, ctx, st, more);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *sync_once(apr_hash_t *synced, cloud_ctx_t *ctx, const char *path,
                              apr_pool_t *pool)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    apr_size_t len = slash ? (apr_size_t)(slash - path) : 0;

    if (!slash || apr_hash_get(synced, path, (apr_ssize_t)len)) return NULL;
    apr_hash_set(synced, path, (apr_ssize_t)len, path);
    return cloud_storage_sync_parent(ctx->store, path, pool);
}

static cloud_err_t *delete_rows(cloud_ctx_t *ctx, const apr_array_header_t *rows)
{
    cloud_err_t *err = NULL;
    int i;

    if (rows->nelts == 0) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    for (i = 0; i < rows->nelts && !err; i++)
        err = cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM journal WHERE tree = ?1 AND seq = ?2", "ii",
                           APR_ARRAY_IDX(rows, i, cloud_jrow_t).tree, APR_ARRAY_IDX(rows, i, cloud_jrow_t).seq);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx); /* a lost drop is done again */
}

/* Rows with a destination, in order of their numbers over all trees: the rows of one inode may lie in
 * two trees, and one from the middle that is left alone would be carried out again after a crash, with
 * nothing to say that it is history. So what is left of an inode's rows is always the last of them. */
static cloud_err_t *drop_moves(int *more, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 64, sizeof(cloud_jrow_t));
    apr_array_header_t *done = apr_array_make(pool, 64, sizeof(cloud_jrow_t));
    apr_hash_t *synced = apr_hash_make(pool), *owed = apr_hash_make(pool);
    int i;

    CLOUD_ERR(load(rows, ctx,
                   "SELECT " CLOUD_JROW_COLS " FROM journal"
                   " WHERE tree >= 0 AND dst IS NOT NULL ORDER BY seq LIMIT ?1"));
    for (i = 0; i < rows->nelts; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        /* Whoever wrote it may have died before it moved anything. */
        if (!cloud_jrow_done(ctx->store, row))
            CLOUD_ERR(cloud_journal_run(ctx, row->tree, row->tree2));
        if (!cloud_jrow_done(ctx->store, row))
            apr_hash_set(owed, &row->ino, sizeof row->ino, row);
        else if (!apr_hash_get(owed, &row->ino, sizeof row->ino))
            APR_ARRAY_PUSH(done, cloud_jrow_t) = *row;
    }
    for (i = 0; i < done->nelts; i++) {
        CLOUD_ERR(sync_once(synced, ctx, APR_ARRAY_IDX(done, i, cloud_jrow_t).src, pool));
        CLOUD_ERR(sync_once(synced, ctx, APR_ARRAY_IDX(done, i, cloud_jrow_t).dst, pool));
    }
    CLOUD_POINT("journal-before-drop");
    if (done->nelts == ROWS_PER_STEP) *more = 1;
    return delete_rows(ctx, done);
}

/* Unlinks what is below the open directory dir, up to *budget entries. 0 or errno. */
static int empty_dir(int dir, int *budget)
{
    DIR *stream = fdopendir(dup(dir));
    struct dirent *entry;
    int err = 0, sub;

    if (!stream) return errno;
    rewinddir(stream);
    while (*budget > 0 && !err && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        --*budget;
        if (unlinkat(dir, entry->d_name, 0) == 0 || errno == ENOENT) continue;
        if (errno != EISDIR && errno != EPERM) {
            err = errno;
            break;
        }
        sub = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub < 0) {
            err = errno;
            break;
        }
        err = empty_dir(sub, budget);
        close(sub);
        if (!err && *budget > 0 && unlinkat(dir, entry->d_name, AT_REMOVEDIR) != 0) err = errno;
    }
    closedir(stream);
    return err;
}

/* 1 when the inode is gone from path, 0 when there is more to do or it can't be removed. */
static int unlink_row(cloud_ctx_t *ctx, const cloud_jrow_t *row, int *budget, apr_pool_t *pool)
{
    cloud_err_t *err;
    struct stat st;
    int found, fd, rc;

    err = cloud_storage_stat(&st, NULL, &found, ctx->store, row->src, pool);
    if (err) return 0;
    /* Never anything but the inode that was meant. */
    if (!found || st.st_ino != row->ino) return 1;
    if (!S_ISDIR(st.st_mode)) {
        --*budget;
        rc = cloud_storage_unlink(ctx->store, row->src, 0, pool);
    } else {
        err = cloud_storage_open(&fd, ctx->store, row->src, O_RDONLY | O_DIRECTORY, pool);
        if (err || fd < 0) return 0;
        rc = empty_dir(fd, budget);
        close(fd);
        if (rc == 0 && *budget <= 0) return 0;
        if (rc == 0) rc = cloud_storage_unlink(ctx->store, row->src, 1, pool);
    }
    if (rc == 0 || rc == ENOENT) return 1;
    CLOUD_LOG(ctx->store, WARN, "can't remove %s: %s", row->src, strerror(rc));
    return 0;
}

/* Rows without a destination, once no other row names their inode. */
static cloud_err_t *purge(int *more, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 64, sizeof(cloud_jrow_t));
    apr_array_header_t *gone = apr_array_make(pool, 64, sizeof(cloud_jrow_t));
    apr_hash_t *synced = apr_hash_make(pool);
    int budget = UNLINKS_PER_STEP, i;

    CLOUD_ERR(load(rows, ctx,
                   "SELECT " CLOUD_JROW_COLS " FROM journal"
                   " WHERE tree >= 0 AND dst IS NULL AND ino NOT IN (SELECT ino FROM journal"
                   " WHERE dst IS NOT NULL) ORDER BY tree, seq LIMIT ?1"));
    CLOUD_POINT("journal-before-purge");
    for (i = 0; i < rows->nelts && budget > 0; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        /* Until the exchange before it was carried out, another inode lies where its source is:
         * that must not be taken for the work being done. */
        if (!cloud_jrow_done(ctx->store, row))
            CLOUD_ERR(cloud_journal_run(ctx, row->tree, row->tree2));
        if (!cloud_jrow_done(ctx->store, row)) continue;
        if (unlink_row(ctx, row, &budget, pool)) APR_ARRAY_PUSH(gone, cloud_jrow_t) = *row;
    }
    /* After all of them: a directory is synced once. */
    for (i = 0; i < gone->nelts; i++)
        CLOUD_ERR(sync_once(synced, ctx, APR_ARRAY_IDX(gone, i, cloud_jrow_t).src, pool));
    if (budget <= 0 || rows->nelts == ROWS_PER_STEP) *more = 1;
    CLOUD_POINT("journal-after-purge");
    return delete_rows(ctx, gone);
}

static cloud_err_t *drop_locked(int *more, cloud_ctx_t *ctx)
{
    apr_pool_t *pool;
    cloud_err_t *err;

    apr_pool_create(&pool, ctx->pool);
    err = drop_moves(more, ctx, pool);
    if (!err) err = purge(more, ctx, pool);
    err = cloud_err_keep(err, ctx->pool);
    apr_pool_destroy(pool);
    return err;
}

cloud_err_t *cloud_journal_drop(int *more, cloud_ctx_t *ctx)
{
    int backup_fd, own_fd;
    cloud_err_t *err = NULL;

    *more = 0;
    if (cloud_store_lock(&backup_fd, ctx->store, CLOUD_LOCK_BACKUP, 1, 0) != 0) return NULL;
    if (cloud_store_lock(&own_fd, ctx->store, CLOUD_LOCK_MAINTAIN, 1, 0) == 0) {
        err = drop_locked(more, ctx);
        close(own_fd);
    }
    close(backup_fd);
    return err;
}
