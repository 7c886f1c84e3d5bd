/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Writing a chunk, in one of three ways. APPEND extends the session's staging file by a chunk that
 * seems to be the next one; PIECE gives it a file of its own; VERIFY meets a chunk that was
 * appended before and is sent anew (the client did not hear the first answer): it is compared with
 * what is there, and becomes a PIECE at the first byte that differs. */
#include "upload_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum mode { APPEND, PIECE, VERIFY, DISCARD };

struct cloud_chunk_put_t {
    cloud_ctx_t *ctx;
    apr_pool_t *pool;         /* own: destroyed by commit and abort, with descriptors and locks */
    cloud_session_t *session;
    const char *name;
    enum mode mode;
    apr_int64_t length;       /* announced, -1 unknown */
    apr_int64_t received;
    apr_int64_t room;         /* bytes that may still come in, -1 no limit */
    int stage_fd;             /* the session's staging file; holds the locks */
    apr_int64_t offset;       /* in it (APPEND, VERIFY) */
    apr_int64_t size;         /* of the chunk that is there, */
    apr_time_t written;       /* and when it came (VERIFY) */
    cloud_digest_t *digest;   /* of the staging file (APPEND) */
    int piece_fd;
    const char *piece;        /* own file, until a row names it */
    cloud_digest_t *own;      /* of the chunk alone, when it came with a checksum */
    cloud_sums_t sums;
    cloud_err_t *failed;
};

/* ---- beginning to write ---- */

/* Whether a chunk of this name goes where the staging file ends by now. (tx) */
static cloud_err_t *is_next(int *next, cloud_ctx_t *ctx, const cloud_session_t *s,
                            const char *name, apr_pool_t *pool)
{
    cloud_chunk_name_t n;
    const char *before[2];
    apr_int64_t count;
    int i;

    *next = 0;
    if (!cloud_chunk_parse(&n, name)) return NULL;
    if (s->length == 0) {
        CLOUD_ERR(cloud_piece_count(&count, ctx, s->up.id));
        *next = count == 0 && cloud_chunk_follows(NULL, name, 0, cloud_session_is_v1(s));
    }
    if (n.first == s->length) *next = 1;
    before[0] = cloud_chunk_before(&n, pool);
    before[1] = cloud_chunk_before_short(&n, pool);
    for (i = 0; i < 2 && before[i] && !*next; i++) {
        cloud_piece_t *p;

        CLOUD_ERR(cloud_piece_get(&p, ctx, s->up.id, before[i], pool));
        *next = p && !p->stage && p->offset + p->chunk.size == s->length;
    }
    return NULL;
}

/* An account's unfinished uploads may take as much room as its quota, twice: the quota counts what
 * is in the files, but nobody may fill the disk with chunks. */
static cloud_err_t *check_room(cloud_chunk_put_t *put)
{
    const cloud_session_t *s = put->session;
    apr_int64_t quota, staged, enough = APR_INT64_MAX;
    cloud_account_t *account;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_storage_has_room(put->ctx, put->length));
    put->room = -1;
    CLOUD_ERR(cloud_account_by_number(&account, put->ctx, s->up.account, put->pool));
    CLOUD_ERR(cloud_account_limit(&quota, put->ctx, account));
    if (quota == CLOUD_QUOTA_UNLIMITED) return NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, put->ctx->db, put->pool,
                             "SELECT coalesce(sum(c.size), 0) FROM upload u JOIN chunk c"
                             " ON c.upload = u.id WHERE u.account = ?1",
                             "i", s->up.account));
    staged = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    if (put->length >= 0) enough = staged / 2 + put->length / 2 + 1;
    CLOUD_ERR(cloud_upload_quota(&quota, put->ctx, account, enough, put->pool));
    if (quota == CLOUD_QUOTA_UNLIMITED) return NULL;
    put->room = quota > APR_INT64_MAX / 2 ? APR_INT64_MAX : 2 * quota;
    put->room = put->room > staged ? put->room - staged : 0;
    if (put->length > put->room) return cloud_err(put->ctx->pool, CLOUD_E_QUOTA, NULL);
    return NULL;
}

/* Decides the mode; holds the session's lock and, if nobody else does, the lock to append. (tx) */
static cloud_err_t *choose(cloud_chunk_put_t *put, int may_append)
{
    cloud_piece_t *there;
    apr_int64_t count;
    int next;

    CLOUD_ERR(cloud_piece_find(&put->session, &there, put->ctx, put->session->up.id, put->name,
                      put->pool));
    CLOUD_ERR(check_room(put));
    put->mode = PIECE;
    if (there && !there->stage) {
        put->mode = VERIFY;
        put->offset = there->offset;
        put->size = there->chunk.size;
        put->written = there->chunk.written;
        return NULL;
    }
    if (!there) {
        CLOUD_ERR(cloud_piece_count(&count, put->ctx, put->session->up.id));
        if (count >= CLOUD_CHUNKS_MAX)
            return cloud_err(put->ctx->pool, CLOUD_E_INVALID, "Too many chunks");
    }
    if (!may_append) return NULL;
    CLOUD_ERR(is_next(&next, put->ctx, put->session, put->name, put->pool));
    if (!next) return NULL;
    put->mode = APPEND;
    put->offset = put->session->length;
    return NULL;
}

static cloud_err_t *open_piece(cloud_chunk_put_t *put)
{
    CLOUD_ERR(cloud_storage_stage(&put->piece_fd, &put->piece, put->ctx->store,
                                  put->session->dir, put->pool));
    cloud_upload_close_with(put->pool, put->piece_fd);
    return NULL;
}

static cloud_err_t *prepare(cloud_chunk_put_t *put, const char *checksum)
{
    cloud_ctx_t *ctx = put->ctx;
    unsigned types = 0;
    int may_append;

    if (checksum) CLOUD_ERR(cloud_sums_parse(&put->sums, &types, checksum, put->pool));
    if (types) put->own = cloud_digest_create(types, put->pool);
    CLOUD_ERR(cloud_session_open(&put->stage_fd, ctx, put->session, 0, put->pool));
    may_append = cloud_upload_lock(put->stage_fd, F_WRLCK, CLOUD_UPLOAD_LOCK_APPEND) == 0;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(ctx, choose(put, may_append)));
    if (put->mode == PIECE && may_append && put->session->up.received > put->session->length) {
        CLOUD_ERR(cloud_upload_absorb(ctx, put->session, put->stage_fd, put->pool));
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
        CLOUD_ERR(cloud_tx_end(ctx, choose(put, may_append)));
    }
    if (put->mode == APPEND)
        return cloud_session_digest(&put->digest, ctx, put->session, put->stage_fd, put->pool);
    if (may_append) cloud_upload_lock(put->stage_fd, F_UNLCK, CLOUD_UPLOAD_LOCK_APPEND);
    return put->mode == PIECE ? open_piece(put) : NULL;
}

static cloud_chunk_put_t *make(cloud_ctx_t *ctx, enum mode mode, apr_pool_t *parent)
{
    cloud_chunk_put_t *put;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    put = apr_pcalloc(pool, sizeof *put);
    put->ctx = ctx;
    put->pool = pool;
    put->mode = mode;
    put->length = put->room = -1;
    put->stage_fd = put->piece_fd = -1;
    return put;
}

static apr_status_t drop_piece(void *baton)
{
    cloud_chunk_put_t *put = baton;

    if (put->piece) cloud_staging_discard(put->ctx, put->piece);
    return APR_SUCCESS;
}

cloud_err_t *cloud_chunk_begin(cloud_chunk_put_t **out, cloud_ctx_t *ctx, const cloud_upload_t *up,
                               const char *name, apr_int64_t length, const char *checksum,
                               apr_pool_t *pool)
{
    cloud_chunk_put_t *put;
    cloud_err_t *err;

    CLOUD_ERR(cloud_upload_own(ctx, up->account));
    CLOUD_ERR(cloud_name_check(name, NULL, ctx->pool));
    if (strcmp(name, CLOUD_ASSEMBLY_NAME) == 0)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "This name stands for the whole upload");
    put = make(ctx, PIECE, pool);
    put->name = apr_pstrdup(put->pool, name);
    put->length = length;
    apr_pool_cleanup_register(put->pool, put, drop_piece, apr_pool_cleanup_null);
    err = cloud_tx_begin(ctx, CLOUD_DB_READ);
    if (!err)
        err = cloud_tx_end(ctx, cloud_session_by_id(&put->session, ctx, up->id, put->pool));
    if (!err && (!put->session || put->session->up.finished))
        err = cloud_upload_gone(ctx, up->name);
    if (!err) err = prepare(put, checksum);
    if (err) {
        err = cloud_err_keep(err, ctx->pool);
        cloud_chunk_abort(put);
        return err;
    }
    *out = put;
    return NULL;
}

cloud_chunk_put_t *cloud_chunk_discard(cloud_ctx_t *ctx, apr_pool_t *pool)
{
    return make(ctx, DISCARD, pool);
}

int cloud_chunk_is_discarded(const cloud_chunk_put_t *put)
{
    return put->mode == DISCARD;
}

/* ---- writing ---- */

static cloud_err_t *write_at(cloud_chunk_put_t *put, int fd, apr_int64_t off, const char *data,
                             apr_size_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, (off_t)off);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || CLOUD_FAULT("chunk-write"))
            return cloud_err_sys(put->ctx->pool, CLOUD_E_UNAVAILABLE, n < 0 ? errno : ENOSPC,
                                 "write a chunk");
        data += n;
        off += n;
        len -= (apr_size_t)n;
    }
    return NULL;
}

/* How many of the next bytes are the same as what the chunk has. */
static cloud_err_t *same_bytes(apr_size_t *same, cloud_chunk_put_t *put, const char *data,
                               apr_size_t len)
{
    char buf[65536];
    apr_int64_t left = put->size - put->received;

    *same = 0;
    if ((apr_int64_t)len > left) len = (apr_size_t)left;
    while (*same < len) {
        size_t want = len - *same < sizeof buf ? len - *same : sizeof buf;
        ssize_t n = pread(put->stage_fd, buf, want,
                          (off_t)(put->offset + put->received + (apr_int64_t)*same)), i;

        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return cloud_err_sys(put->ctx->pool, CLOUD_E_UNAVAILABLE, errno, "read a chunk");
        for (i = 0; i < n && buf[i] == data[*same]; i++) ++*same;
        if (n == 0 || i < n) break;
    }
    return NULL;
}

/* The chunk is not what it was: what came so far, and the rest, goes into a file of its own. */
static cloud_err_t *spill(cloud_chunk_put_t *put)
{
    CLOUD_ERR(open_piece(put));
    put->mode = PIECE;
    if (put->received == 0) return NULL;
    return cloud_storage_copy(put->stage_fd, put->offset, put->received, put->piece_fd, NULL,
                              put->pool);
}

static cloud_err_t *write_verify(cloud_chunk_put_t *put, const char *data, apr_size_t len)
{
    apr_size_t same;

    CLOUD_ERR(same_bytes(&same, put, data, len));
    put->received += (apr_int64_t)same;
    if (same == len) return NULL;
    CLOUD_ERR(spill(put));
    CLOUD_ERR(write_at(put, put->piece_fd, put->received, data + same, len - same));
    put->received += (apr_int64_t)(len - same);
    return NULL;
}

static cloud_err_t *write_some(cloud_chunk_put_t *put, const char *data, apr_size_t len)
{
    if (put->mode == DISCARD || len == 0) return NULL;
    if (put->length >= 0 && put->received + (apr_int64_t)len > put->length)
        return cloud_err(put->ctx->pool, CLOUD_E_INVALID, "More bytes than announced");
    if (put->room >= 0 && put->received + (apr_int64_t)len > put->room)
        return cloud_err(put->ctx->pool, CLOUD_E_QUOTA, NULL);
    if (put->own) cloud_digest_update(put->own, data, len);
    if (put->mode == VERIFY) return write_verify(put, data, len);
    if (put->mode == APPEND) {
        CLOUD_ERR(write_at(put, put->stage_fd, put->offset + put->received, data, len));
        cloud_digest_update(put->digest, data, len);
    } else {
        CLOUD_ERR(write_at(put, put->piece_fd, put->received, data, len));
    }
    put->received += (apr_int64_t)len;
    return NULL;
}

cloud_err_t *cloud_chunk_write(cloud_chunk_put_t *put, const void *data, apr_size_t len)
{
    if (!put->failed) put->failed = write_some(put, data, len);
    return put->failed;
}

/* ---- committing ---- */

static cloud_err_t *check_body(cloud_chunk_put_t *put)
{
    if (put->failed) return put->failed;
    if (put->length >= 0 && put->received != put->length)
        return cloud_err(put->ctx->pool, CLOUD_E_INVALID,
                         "Expected %" APR_INT64_T_FMT " bytes, got %" APR_INT64_T_FMT, put->length,
                         put->received);
    if (put->own && cloud_sums_match(cloud_digest_final(put->own, put->pool), put->sums) == 0)
        return cloud_err(put->ctx->pool, CLOUD_E_CHECKSUM, NULL);
    return NULL;
}

static cloud_err_t *sync_bytes(cloud_chunk_put_t *put)
{
    cloud_store_t *store = put->ctx->store;

    if (put->mode == APPEND) return cloud_storage_sync_fd(store, put->stage_fd, put->pool);
    if (put->mode == VERIFY) return NULL; /* synced before its row was committed */
    CLOUD_ERR(cloud_storage_sync_fd(store, put->piece_fd, put->pool));
    return cloud_storage_sync_parent(store, put->piece, put->pool);
}

/* The chunk that was compared must still be the one in the row, and not another one that was
 * appended in the same place since. */
static int still_there(const cloud_chunk_put_t *put, const cloud_piece_t *there)
{
    return there && !there->stage && there->offset == put->offset &&
           there->chunk.size == put->size && there->chunk.written == put->written;
}

static cloud_err_t *commit_tx(cloud_piece_t **there, cloud_chunk_put_t *put)
{
    cloud_ctx_t *ctx = put->ctx;
    apr_int64_t id = put->session->up.id, now = apr_time_now();
    const void *digest;
    apr_size_t digest_len;
    cloud_session_t *s;

    CLOUD_ERR(cloud_piece_find(&s, there, ctx, id, put->name, put->pool));
    if (put->mode == VERIFY && !still_there(put, *there))
        return cloud_err(ctx->pool, CLOUD_E_LOCKED, "The chunk was written by somebody else");
    if (put->mode == VERIFY && put->received == put->size) return cloud_session_touch(ctx, id);
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, put->pool,
                           "INSERT INTO chunk (upload, name, size, written, stage, offset)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (upload, name)"
                           " DO UPDATE SET size = excluded.size, written = excluded.written,"
                           " stage = excluded.stage, offset = excluded.offset",
                           "itiiti", id, put->name, put->received, now,
                           put->mode == PIECE ? put->piece : NULL,
                           put->mode == PIECE ? (apr_int64_t)0 : put->offset));
    if (put->mode != APPEND) return cloud_session_touch(ctx, id);
    cloud_digest_save(put->digest, &digest, &digest_len, put->pool);
    return cloud_db_run(ctx->db, NULL, put->pool,
                        "UPDATE upload SET length = ?2, digest = ?3, touched = ?4 WHERE id = ?1",
                        "iibi", id, put->offset + put->received, digest, digest_len, now);
}

static cloud_err_t *commit(int *created, cloud_chunk_put_t *put)
{
    cloud_ctx_t *ctx = put->ctx;
    cloud_piece_t *there;

    CLOUD_ERR(check_body(put));
    CLOUD_ERR(sync_bytes(put));
    CLOUD_POINT("chunk-before-commit");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, commit_tx(&there, put)));
    CLOUD_POINT("chunk-after-commit");
    put->piece = NULL;
    *created = there == NULL;
    if (there && there->stage) cloud_storage_unlink(ctx->store, there->stage, 0, put->pool);
    return NULL;
}

cloud_err_t *cloud_chunk_commit(int *created, cloud_chunk_put_t *put)
{
    cloud_err_t *err = NULL;

    *created = 0;
    if (put->mode != DISCARD) err = cloud_err_keep(commit(created, put), put->ctx->pool);
    apr_pool_destroy(put->pool);
    return err;
}

void cloud_chunk_abort(cloud_chunk_put_t *put)
{
    apr_pool_destroy(put->pool);
}
