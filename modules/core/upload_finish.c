/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The final MOVE: chunks become a file. What was appended in order is the file already, with its
 * hash; pieces are joined by copy_file_range and hashed here. Nothing that a row names is changed
 * before the one transaction that gives the file its place and marks the session finished. */
#include "upload_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account, *dst_account;
    const char *name, *dst;
    int overwrite;
    cloud_put_opts_t opts;        /* with the length that the chunks sum up to */
    apr_pool_t *pool;
    cloud_session_t *session;
    apr_array_header_t *pieces;   /* cloud_piece_t, in order */
    int stage_fd;                 /* the session's staging file, locked exclusively */
    int fd;                       /* the assembled file, */
    const char *path;             /* its staging path */
    cloud_sums_t sums;
} finish_t;

/* What a session remembers of where it went. */
static const char *dst_key(const finish_t *f)
{
    return apr_psprintf(f->pool, "%" APR_INT64_T_FMT "/%s", f->dst_account->number, f->dst);
}

/* ---- a MOVE that is repeated ---- */

/* The result is told as it was then: with the ETag of what was uploaded. Were it the current one,
 * and somebody has changed the file since, the client would never fetch that change. */
static cloud_err_t *replay_tx(cloud_result_t *res, const finish_t *f)
{
    const cloud_session_t *s = f->session;
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_resolve_tx(&entry, f->ctx, f->dst_account, f->dst, f->pool));
    if (!entry->exists || entry->node.id != s->node) {
        memset(&entry->node, 0, sizeof entry->node);
        entry->exists = 1;
        entry->node.id = s->node;
        entry->node.name = entry->node.disk = entry->name;
        entry->node.kind = CLOUD_KIND_FILE;
    }
    entry->node.etag = entry->etag = s->etag;
    res->entry = entry;
    res->created = s->was_created;
    return NULL;
}

static cloud_err_t *replay(cloud_result_t *res, const finish_t *f)
{
    if (!f->session->dst || strcmp(f->session->dst, dst_key(f)) != 0)
        return cloud_upload_gone(f->ctx, f->name);
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    return cloud_tx_end(f->ctx, replay_tx(res, f));
}

/* ---- joining ---- */

/* Copies len bytes to the end of the file being assembled; where the file system shares blocks
 * nothing is written, so the hash is taken from the source. */
static cloud_err_t *append_from(finish_t *f, int fd, apr_int64_t off, apr_int64_t len,
                                cloud_digest_t *digest, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_storage_copy(fd, off, len, f->fd, NULL, pool));
    return cloud_upload_hash(digest, f->ctx, fd, off, len);
}

static cloud_err_t *append(finish_t *f, const cloud_piece_t *p, cloud_digest_t *digest,
                           apr_pool_t *pool)
{
    cloud_err_t *err;
    int fd;

    if (p->chunk.size == 0) return NULL;
    if (!p->stage)
        return append_from(f, f->stage_fd, p->offset, p->chunk.size, digest, pool);
    CLOUD_ERR(cloud_storage_open(&fd, f->ctx->store, p->stage, O_RDONLY, pool));
    if (fd < 0) return cloud_session_broken(f->ctx, f->session);
    err = append_from(f, fd, 0, p->chunk.size, digest, pool);
    close(fd);
    return err;
}

static cloud_err_t *append_all(finish_t *f, int from, cloud_digest_t *digest)
{
    apr_pool_t *iter;
    cloud_err_t *err = NULL;
    int i;

    apr_pool_create(&iter, f->pool);
    for (i = from; !err && i < f->pieces->nelts; i++) {
        apr_pool_clear(iter);
        err = append(f, &APR_ARRAY_IDX(f->pieces, i, cloud_piece_t), digest, iter);
    }
    err = cloud_err_keep(err, f->pool);
    apr_pool_destroy(iter);
    return err;
}

/* True when none of the chunks from here on lies in the staging file. */
static int only_pieces(const finish_t *f, int from)
{
    int i;

    for (i = from; i < f->pieces->nelts; i++)
        if (!APR_ARRAY_IDX(f->pieces, i, cloud_piece_t).stage) return 0;
    return 1;
}

/* The staging file is a beginning of the content: pieces go behind it, where no row points. */
static cloud_err_t *extend(finish_t *f, int from, apr_int64_t bytes)
{
    cloud_digest_t *digest;

    f->fd = f->stage_fd;
    f->path = f->session->stage;
    CLOUD_ERR(cloud_session_digest(&digest, f->ctx, f->session, f->fd, f->pool));
    if (ftruncate(f->fd, (off_t)bytes) != 0 || lseek(f->fd, (off_t)bytes, SEEK_SET) < 0)
        return cloud_err_sys(f->pool, CLOUD_E_UNAVAILABLE, errno, "truncate %s", f->path);
    CLOUD_ERR(append_all(f, from, digest));
    f->sums = cloud_digest_final(digest, f->pool);
    return NULL;
}

/* Chunks were replaced or came in another order than they were appended in: a new file. */
static cloud_err_t *rebuild(finish_t *f)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, f->pool);

    CLOUD_ERR(cloud_storage_stage(&f->fd, &f->path, f->ctx->store, f->session->dir, f->pool));
    cloud_upload_close_with(f->pool, f->fd);
    CLOUD_ERR(append_all(f, 0, digest));
    f->sums = cloud_digest_final(digest, f->pool);
    return NULL;
}

/* The client's checksum. A type that is not always computed costs one more reading. */
static cloud_err_t *verify(finish_t *f)
{
    cloud_sums_t want;
    unsigned types;

    if (!f->opts.checksum) return NULL;
    CLOUD_ERR(cloud_sums_parse(&want, &types, f->opts.checksum, f->pool));
    if (types & ~CLOUD_DIGEST_DEFAULT) {
        cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT | types, f->pool);

        CLOUD_ERR(cloud_upload_hash(digest, f->ctx, f->fd, 0, f->opts.length));
        f->sums = cloud_digest_final(digest, f->pool);
    }
    if (types && cloud_sums_match(f->sums, want) == 0)
        return cloud_err(f->ctx->pool, CLOUD_E_CHECKSUM, NULL);
    return NULL;
}

static cloud_err_t *assemble(finish_t *f)
{
    apr_int64_t bytes;
    int n = cloud_upload_in_place(&bytes, f->pieces);

    if (bytes == f->session->length && only_pieces(f, n)) CLOUD_ERR(extend(f, n, bytes));
    else CLOUD_ERR(rebuild(f));
    return verify(f);
}

/* ---- the verb ---- */

/* In the transaction that gives the file its place. */
static cloud_err_t *mark_finished(void *baton, cloud_ctx_t *ctx, const cloud_result_t *res)
{
    const finish_t *f = baton;
    int changed;

    CLOUD_ERR(cloud_db_run(ctx->db, &changed, f->pool,
                           "UPDATE upload SET state = 1, touched = ?2, stage = NULL, ino = 0,"
                           " length = 0, digest = NULL, node = ?3, etag = ?4, was_created = ?5,"
                           " dst = ?6 WHERE id = ?1 AND state = 0",
                           "iiiiit", f->session->up.id, (apr_int64_t)apr_time_now(),
                           res->entry->node.id, res->entry->node.etag, (apr_int64_t)res->created,
                           dst_key(f)));
    if (changed != 1) return cloud_upload_gone(ctx, f->name);
    return cloud_db_run(ctx->db, NULL, f->pool, "DELETE FROM chunk WHERE upload = ?1", "i",
                        f->session->up.id);
}

static cloud_err_t *check_sum(finish_t *f)
{
    apr_int64_t want = f->opts.length >= 0 ? f->opts.length : f->session->up.total;

    if (want >= 0 && want != f->session->up.received)
        return cloud_err(f->ctx->pool, CLOUD_E_INVALID,
                         "Chunks on server do not sum up to %" APR_INT64_T_FMT
                         " but to %" APR_INT64_T_FMT,
                         want, f->session->up.received);
    if (want < 0 && f->pieces->nelts == 0)
        return cloud_err(f->ctx->pool, CLOUD_E_INVALID, "The upload has no chunks");
    f->opts.length = f->session->up.received;
    return NULL;
}

static cloud_err_t *load_tx(finish_t *f)
{
    CLOUD_ERR(cloud_session_by_name(&f->session, f->ctx, f->account->number, f->name, f->pool));
    if (!f->session) return cloud_upload_gone(f->ctx, f->name);
    return cloud_piece_list(&f->pieces, f->ctx, f->session->up.id, f->pool);
}

static cloud_err_t *load(finish_t *f)
{
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    return cloud_tx_end(f->ctx, load_tx(f));
}

static void clean_up(finish_t *f)
{
    int i;

    for (i = 0; i < f->pieces->nelts; i++) {
        const cloud_piece_t *p = &APR_ARRAY_IDX(f->pieces, i, cloud_piece_t);
        if (p->stage) cloud_storage_unlink(f->ctx->store, p->stage, 0, f->pool);
    }
    if (f->fd != f->stage_fd)
        cloud_storage_unlink(f->ctx->store, f->session->stage, 0, f->pool);
}

static cloud_err_t *place(cloud_result_t *res, finish_t *f, cloud_home_t home)
{
    cloud_staged_t staged;

    CLOUD_ERR(assemble(f));
    CLOUD_POINT("finish-after-assemble");
    CLOUD_ERR(cloud_files_seal(&staged, f->ctx, f->fd, f->path, home, &f->opts, f->sums, f->pool));
    staged.tree = f->account->root;
    return cloud_files_attach(res, f->ctx, f->dst_account, f->dst, &staged, f->overwrite,
                              &f->opts, mark_finished, f, f->pool);
}

static cloud_err_t *finish(cloud_result_t *res, finish_t *f)
{
    cloud_entry_t *entry;
    apr_int64_t id;
    cloud_err_t *err;

    CLOUD_ERR(cloud_upload_own(f->ctx, f->account->number));
    CLOUD_ERR(load(f));
    if (f->session->up.finished) return replay(res, f);
    id = f->session->up.id;
    err = cloud_session_open(&f->stage_fd, f->ctx, f->session, 1, f->pool);
    if (err && err->code != CLOUD_E_NOT_FOUND) return err;
    /* Under the lock nobody adds chunks; what was read before may be old. Without the file, another
     * one that sent the same MOVE may have been faster. */
    CLOUD_ERR(load(f));
    if (f->session->up.finished) return replay(res, f);
    if (err) return err;
    if (f->session->up.id != id) return cloud_upload_gone(f->ctx, f->name);
    CLOUD_ERR(check_sum(f));
    CLOUD_ERR(cloud_files_precheck(&entry, f->ctx, f->dst_account, f->dst, f->overwrite, &f->opts,
                                   f->pool));
    err = place(res, f, cloud_home_of(entry));
    if (!err) clean_up(f);
    else if (f->path && f->fd != f->stage_fd) cloud_staging_discard(f->ctx, f->path);
    return err;
}

cloud_err_t *cloud_upload_finish(cloud_result_t *res, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, const char *name,
                                 const cloud_account_t *dst_account, const char *dst,
                                 int overwrite, const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    finish_t f = { .ctx = ctx, .account = account, .dst_account = dst_account, .name = name,
                   .dst = dst, .overwrite = overwrite, .opts = *opts, .pool = pool,
                   .stage_fd = -1, .fd = -1 };
    cloud_err_t *err = finish(res, &f);

    /* The descriptor lives as long as the request; the lock need not. */
    if (f.stage_fd >= 0) cloud_upload_lock(f.stage_fd, F_UNLCK, CLOUD_UPLOAD_LOCK_SESSION);
    return err;
}
