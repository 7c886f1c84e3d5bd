/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Upload sessions: their rows and their staging files. */
#include "upload_private.h"
#include "mount_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SESSION_COLS                                                                            \
    "u.id, u.account, u.name, u.total, u.state, u.created, u.touched, u.stage, u.length,"       \
    " u.digest, u.node, u.etag, u.was_created, u.dst, a.dir,"                                   \
    " (SELECT coalesce(sum(c.size), 0) FROM chunk c WHERE c.upload = u.id), a.enabled"

cloud_err_t *cloud_upload_own(cloud_ctx_t *ctx, apr_int64_t account)
{
    if (ctx->who.system) return NULL;
    if (ctx->who.account && ctx->who.account->number == account) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

cloud_err_t *cloud_upload_gone(cloud_ctx_t *ctx, const char *name)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located", name);
}

/* ---- rows ---- */

static cloud_session_t *read_session(cloud_stmt_t *st, apr_pool_t *pool)
{
    cloud_session_t *s = apr_pcalloc(pool, sizeof *s);
    const void *digest;

    s->up.id = cloud_col_int(st, 0);
    s->up.account = cloud_col_int(st, 1);
    s->up.name = cloud_col_dup(st, 2, pool);
    s->up.total = cloud_col_int(st, 3);
    s->up.finished = cloud_col_int(st, 4) != 0;
    s->up.created = cloud_col_int(st, 5);
    s->up.touched = cloud_col_int(st, 6);
    s->stage = cloud_col_dup(st, 7, pool);
    s->length = cloud_col_int(st, 8);
    digest = cloud_col_blob(st, 9, &s->digest_len);
    if (digest && s->digest_len > 0) s->digest = apr_pmemdup(pool, digest, s->digest_len);
    s->node = cloud_col_int(st, 10);
    s->etag = cloud_col_int(st, 11);
    s->was_created = (int)cloud_col_int(st, 12);
    s->dst = cloud_col_dup(st, 13, pool);
    s->dir = cloud_col_dup(st, 14, pool);
    s->up.received = cloud_col_int(st, 15);
    return s;
}

/* The session of a query, if it gave one, unless its account may not go on. */
static cloud_err_t *take_session(cloud_session_t **s, cloud_ctx_t *ctx, cloud_stmt_t *st, int row,
                                 apr_pool_t *pool)
{
    int barred = row && !ctx->who.system && !cloud_col_int(st, 16);

    *s = row ? read_session(st, pool) : NULL;
    cloud_stmt_done(st);
    return barred ? cloud_account_barred(ctx) : NULL;
}

cloud_err_t *cloud_session_by_name(cloud_session_t **s, cloud_ctx_t *ctx, apr_int64_t account,
                                   const char *name, apr_pool_t *pool)
{
    static const char SQL[] =
        "SELECT " SESSION_COLS " FROM upload u JOIN account a ON a.number = u.account"
        " WHERE u.account = ?1 AND u.name = ?2";
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool, SQL, "it", account, name));
    return take_session(s, ctx, st, row, pool);
}

cloud_err_t *cloud_session_by_id(cloud_session_t **s, cloud_ctx_t *ctx, apr_int64_t id,
                                 apr_pool_t *pool)
{
    static const char SQL[] =
        "SELECT " SESSION_COLS " FROM upload u JOIN account a ON a.number = u.account"
        " WHERE u.id = ?1";
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool, SQL, "i", id));
    return take_session(s, ctx, st, row, pool);
}

cloud_err_t *cloud_session_delete(apr_array_header_t **files, cloud_ctx_t *ctx,
                                  const cloud_session_t *s, apr_pool_t *pool)
{
    apr_array_header_t *pieces;
    int i;

    *files = apr_array_make(pool, 4, sizeof(const char *));
    if (s->stage) APR_ARRAY_PUSH(*files, const char *) = s->stage;
    CLOUD_ERR(cloud_piece_list(&pieces, ctx, s->up.id, pool));
    for (i = 0; i < pieces->nelts; i++) {
        const cloud_piece_t *p = &APR_ARRAY_IDX(pieces, i, cloud_piece_t);
        if (p->stage) APR_ARRAY_PUSH(*files, const char *) = p->stage;
    }
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, pool, "DELETE FROM chunk WHERE upload = ?1", "i",
                           s->up.id));
    return cloud_db_run(ctx->db, NULL, pool, "DELETE FROM upload WHERE id = ?1", "i", s->up.id);
}

cloud_err_t *cloud_session_touch(cloud_ctx_t *ctx, apr_int64_t upload)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE upload SET touched = ?2 WHERE id = ?1",
                        "ii", upload, (apr_int64_t)apr_time_now());
}

void cloud_upload_unlink(cloud_ctx_t *ctx, const apr_array_header_t *files)
{
    int i;

    for (i = 0; files && i < files->nelts; i++)
        cloud_storage_unlink(ctx->store, APR_ARRAY_IDX(files, i, const char *), 0, ctx->pool);
}

/* ---- the staging file and its locks ---- */

int cloud_upload_lock(int fd, int type, int byte)
{
    struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = byte,
                          .l_len = 1 };
    int rc;

    do {
        rc = fcntl(fd, F_OFD_SETLK, &lock);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : errno;
}

static apr_status_t close_fd(void *baton)
{
    close((int)(apr_uintptr_t)baton);
    return APR_SUCCESS;
}

void cloud_upload_close_with(apr_pool_t *pool, int fd)
{
    apr_pool_cleanup_register(pool, (void *)(apr_uintptr_t)fd, close_fd, apr_pool_cleanup_null);
}

/* Unless it was finished, or made anew, since it was read. (tx, write) */
static cloud_err_t *delete_broken(apr_array_header_t **files, cloud_ctx_t *ctx,
                                  const cloud_session_t *seen, apr_pool_t *pool)
{
    cloud_session_t *s;

    *files = NULL;
    CLOUD_ERR(cloud_session_by_id(&s, ctx, seen->up.id, pool));
    if (!s || !s->stage || strcmp(s->stage, seen->stage) != 0) return NULL;
    CLOUD_LOG(ctx->store, WARN, "upload %s of %s: chunks are missing; its client starts again",
              s->up.name, s->dir);
    return cloud_session_delete(files, ctx, s, pool);
}

cloud_err_t *cloud_session_broken(cloud_ctx_t *ctx, const cloud_session_t *s)
{
    apr_array_header_t *files;

    CLOUD_ERR(cloud_storage_account_check(ctx->store, s->dir, ctx->pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, delete_broken(&files, ctx, s, ctx->pool)));
    cloud_upload_unlink(ctx, files);
    return cloud_upload_gone(ctx, s->up.name);
}

cloud_err_t *cloud_session_open(int *fd, cloud_ctx_t *ctx, const cloud_session_t *s,
                                int exclusive, apr_pool_t *pool)
{
    struct stat st;
    int err;

    if (!s->stage) return cloud_upload_gone(ctx, s->up.name);
    CLOUD_ERR(cloud_storage_account_check(ctx->store, s->dir, pool));
    CLOUD_ERR(cloud_storage_open(fd, ctx->store, s->stage, O_RDWR, pool));
    if (*fd < 0) return cloud_session_broken(ctx, s);
    cloud_upload_close_with(pool, *fd);
    if (fstat(*fd, &st) == 0 && st.st_size < s->length) return cloud_session_broken(ctx, s);
    err = cloud_upload_lock(*fd, exclusive ? F_WRLCK : F_RDLCK, CLOUD_UPLOAD_LOCK_SESSION);
    if (err == EAGAIN || err == EACCES)
        return cloud_err(ctx->pool, CLOUD_E_LOCKED,
                         exclusive ? "Chunks of this upload are still being written"
                                   : "The upload is being assembled");
    if (err) return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, err, "lock %s", s->stage);
    return NULL;
}

cloud_err_t *cloud_upload_hash(cloud_digest_t *digest, cloud_ctx_t *ctx, int fd, apr_int64_t off,
                               apr_int64_t len)
{
    char buf[65536];

    while (len > 0) {
        size_t want = len < (apr_int64_t)sizeof buf ? (size_t)len : sizeof buf;
        ssize_t n = pread(fd, buf, want, (off_t)off);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, errno, "read chunks");
        if (n == 0)
            return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, EIO, "a chunk is too short");
        cloud_digest_update(digest, buf, (apr_size_t)n);
        off += n;
        len -= n;
    }
    return NULL;
}

cloud_err_t *cloud_session_digest(cloud_digest_t **digest, cloud_ctx_t *ctx,
                                  const cloud_session_t *s, int fd, apr_pool_t *pool)
{
    *digest = s->length > 0 && s->digest ? cloud_digest_load(s->digest, s->digest_len, pool) : NULL;
    if (*digest) return NULL;
    *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, pool);
    return cloud_upload_hash(*digest, ctx, fd, 0, s->length);
}

/* ---- verbs ---- */

/* One segment of a path. */
static cloud_err_t *check_session_name(cloud_ctx_t *ctx, const char *name)
{
    return cloud_name_check(name, NULL, ctx->pool);
}

static cloud_err_t *create_tx(cloud_session_t **s, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *name, apr_int64_t total,
                              const char *stage, apr_uint64_t ino, apr_pool_t *pool)
{
    apr_array_header_t *none;
    apr_int64_t now = apr_time_now();
    int made;

    CLOUD_ERR(cloud_session_by_name(s, ctx, account->number, name, pool));
    if (*s && !(*s)->up.finished)
        return cloud_err(ctx->pool, CLOUD_E_EXISTS,
                         "The resource you tried to create already exists");
    if (*s) CLOUD_ERR(cloud_session_delete(&none, ctx, *s, pool));
    CLOUD_ERR(cloud_db_run(ctx->db, &made, pool,
                           "INSERT INTO upload (account, name, total, state, created, touched,"
                           " stage, ino, length, digest, node, etag, was_created, dst)"
                           " SELECT number, ?2, ?3, 0, ?4, ?4, ?5, ?6, 0, NULL, 0, 0, 0, NULL"
                           " FROM account WHERE number = ?1",
                           "itiiti", account->number, name, total, now, stage, (apr_int64_t)ino));
    if (!made) return cloud_account_barred(ctx); /* it was deleted meanwhile */
    return cloud_session_by_name(s, ctx, account->number, name, pool);
}

static cloud_err_t *widen(apr_int64_t *quota, cloud_ctx_t *ctx, const cloud_account_t *account,
                          apr_pool_t *pool)
{
    apr_int64_t last = account->number, theirs;
    cloud_account_t *owner;
    cloud_mounts_t *mounts;
    int i;

    CLOUD_ERR(cloud_mounts_load(&mounts, ctx, account));
    for (i = 0; mounts && i < mounts->list->nelts && *quota != CLOUD_QUOTA_UNLIMITED; i++) {
        const cloud_mount_t *m = &APR_ARRAY_IDX(mounts->list, i, cloud_placed_t).m;

        if (m->owner == last || !(m->perms & (CLOUD_PERM_CREATE | CLOUD_PERM_UPDATE))) continue;
        last = m->owner;
        CLOUD_ERR(cloud_account_by_number(&owner, ctx, m->owner, pool));
        CLOUD_ERR(cloud_account_limit(&theirs, ctx, owner));
        if (theirs == CLOUD_QUOTA_UNLIMITED || theirs > *quota) *quota = theirs;
    }
    return NULL;
}

cloud_err_t *cloud_upload_quota(apr_int64_t *quota, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_int64_t enough,
                                apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_account_limit(quota, ctx, account));
    if (*quota == CLOUD_QUOTA_UNLIMITED || *quota >= enough) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = widen(quota, ctx, account, pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* A file that is larger than the whole quota can't come in, whatever it replaces. Everything else
 * is decided when the upload is finished, for only then it is known what it replaces. */
static cloud_err_t *check_total(cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_int64_t total, apr_pool_t *pool)
{
    apr_int64_t quota;

    if (total <= 0) return NULL;
    CLOUD_ERR(cloud_upload_quota(&quota, ctx, account, total, pool));
    if (quota == CLOUD_QUOTA_UNLIMITED || total <= quota) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_QUOTA, NULL);
}

cloud_err_t *cloud_upload_create(cloud_upload_t **up, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, const char *name,
                                 apr_int64_t total, apr_pool_t *pool)
{
    apr_int64_t size, mtime, btime;
    cloud_session_t *s = NULL;
    cloud_err_t *err;
    const char *stage;
    apr_uint64_t ino;
    int fd;

    CLOUD_ERR(cloud_upload_own(ctx, account->number));
    CLOUD_ERR(check_session_name(ctx, name));
    CLOUD_ERR(check_total(ctx, account, total, pool));
    CLOUD_ERR(cloud_storage_stage(&fd, &stage, ctx->store, account->dir, pool));
    /* The row must not name a file that a power cut can take away. */
    err = cloud_storage_identity(fd, &ino, &size, &mtime, &btime, pool);
    if (!err) err = cloud_storage_sync_fd(ctx->store, fd, pool);
    if (!err) err = cloud_storage_sync_parent(ctx->store, stage, pool);
    close(fd);
    CLOUD_POINT("upload-before-create");
    if (!err) err = cloud_tx_begin(ctx, CLOUD_DB_WRITE);
    if (!err)
        err = cloud_tx_end(ctx, create_tx(&s, ctx, account, name, total, stage, ino, pool));
    if (err) {
        cloud_staging_discard(ctx, stage);
        return err;
    }
    *up = &s->up;
    return NULL;
}

cloud_err_t *cloud_upload_find(cloud_upload_t **up, cloud_ctx_t *ctx,
                               const cloud_account_t *account, const char *name, apr_pool_t *pool)
{
    cloud_session_t *s;

    CLOUD_ERR(cloud_upload_own(ctx, account->number));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(ctx,
                           cloud_session_by_name(&s, ctx, account->number, name, pool)));
    if (!s) return cloud_upload_gone(ctx, name);
    *up = &s->up;
    return NULL;
}

cloud_err_t *cloud_upload_get(cloud_upload_t **up, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *name, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_upload_find(up, ctx, account, name, pool));
    return (*up)->finished ? cloud_upload_gone(ctx, name) : NULL;
}

static cloud_err_t *list_tx(apr_array_header_t *ups, cloud_ctx_t *ctx, apr_int64_t account,
                            apr_pool_t *pool)
{
    static const char SQL[] =
        "SELECT " SESSION_COLS " FROM upload u JOIN account a ON a.number = u.account"
        " WHERE u.account = ?1 AND u.state = 0 ORDER BY u.name";
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool, SQL, "i", account));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool))
        APR_ARRAY_PUSH(ups, cloud_upload_t) = read_session(st, pool)->up;
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_upload_list(apr_array_header_t **ups, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_upload_own(ctx, account->number));
    *ups = apr_array_make(pool, 4, sizeof(cloud_upload_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    return cloud_tx_end(ctx, list_tx(*ups, ctx, account->number, pool));
}

static cloud_err_t *remove_tx(apr_array_header_t **files, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *name, apr_pool_t *pool)
{
    cloud_session_t *s;

    CLOUD_ERR(cloud_session_by_name(&s, ctx, account->number, name, pool));
    if (!s || s->up.finished) return cloud_upload_gone(ctx, name);
    return cloud_session_delete(files, ctx, s, pool);
}

/* A chunk writer or an assembly may be under way: it finds the row gone in its own transaction, and
 * gives up. So the files can go as soon as the rows are gone. */
cloud_err_t *cloud_upload_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                 const char *name)
{
    apr_array_header_t *files;

    CLOUD_ERR(cloud_upload_own(ctx, account->number));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, remove_tx(&files, ctx, account, name, ctx->pool)));
    cloud_upload_unlink(ctx, files);
    return NULL;
}

/* ---- expiry ---- */

static cloud_err_t *stale(apr_array_header_t *ids, cloud_ctx_t *ctx, apr_int64_t max_age,
                          int limit, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT id FROM upload WHERE (state = 0 AND touched < ?1)"
                             " OR (state = 1 AND touched < ?2) ORDER BY touched LIMIT ?3",
                             "iii", (apr_int64_t)(now - apr_time_from_sec(max_age)),
                             (apr_int64_t)(now - apr_time_from_sec(CLOUD_FINISHED_KEEP)),
                             (apr_int64_t)limit));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool))
        APR_ARRAY_PUSH(ids, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

/* Deletes the session unless it was touched again. (tx, write) */
static cloud_err_t *expire_tx(apr_array_header_t **files, cloud_ctx_t *ctx,
                              const cloud_session_t *seen, apr_pool_t *pool)
{
    cloud_session_t *s;

    *files = NULL;
    CLOUD_ERR(cloud_session_by_id(&s, ctx, seen->up.id, pool));
    if (!s || s->up.touched != seen->up.touched) return NULL;
    return cloud_session_delete(files, ctx, s, pool);
}

static cloud_err_t *expire_one(int *removed, cloud_ctx_t *ctx, apr_int64_t id, apr_pool_t *pool)
{
    apr_array_header_t *files;
    cloud_session_t *s;
    cloud_err_t *err;
    int fd;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(ctx, cloud_session_by_id(&s, ctx, id, pool)));
    if (!s) return NULL;
    if (s->stage) {
        /* A chunk that takes longer than the session's age to come in keeps it alive. */
        err = cloud_session_open(&fd, ctx, s, 1, pool);
        if (err && err->code != CLOUD_E_NOT_FOUND) return NULL;
    }
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, expire_tx(&files, ctx, s, pool)));
    if (files) (*removed)++;
    cloud_upload_unlink(ctx, files);
    return NULL;
}

cloud_err_t *cloud_upload_expire(int *removed, cloud_ctx_t *ctx, apr_int64_t max_age, int limit)
{
    apr_array_header_t *ids;
    apr_pool_t *pool, *iter;
    cloud_err_t *err;
    int i;

    *removed = 0;
    apr_pool_create(&pool, ctx->pool);
    apr_pool_create(&iter, pool);
    ids = apr_array_make(pool, 16, sizeof(apr_int64_t));
    err = cloud_tx_begin(ctx, CLOUD_DB_READ);
    if (!err) err = cloud_tx_end(ctx, stale(ids, ctx, max_age, limit, pool));
    for (i = 0; !err && i < ids->nelts; i++) {
        apr_pool_clear(iter);
        err = expire_one(removed, ctx, APR_ARRAY_IDX(ids, i, apr_int64_t), iter);
    }
    if (!err) apr_pool_destroy(pool);
    return err;
}
