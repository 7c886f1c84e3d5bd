/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Chunks that had to be kept apart are taken into the staging file as soon as they are what follows
 * there: after a connection that hung kept the place of the next chunk, or with a client that sends
 * several at once. So the work is done while the upload goes on, and its end stays short. */
#include "upload_private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What one chunk's PUT may do for the others. */
#define BUDGET ((apr_int64_t)64 << 20)

typedef struct {
    cloud_ctx_t *ctx;
    cloud_session_t *session;
    apr_array_header_t *pieces;  /* cloud_piece_t, in order */
    int first, n;                /* those taken in: pieces[first] .. pieces[first + n - 1] */
    int fd;                      /* the staging file */
    apr_int64_t end;             /* where it ends with them */
    cloud_digest_t *digest;
    apr_pool_t *pool;
} absorb_t;

int cloud_chunk_follows(const char *before, const char *name, apr_int64_t end, int v1)
{
    cloud_chunk_name_t a, b;

    if (!cloud_chunk_parse(&b, name)) return 0;
    if (b.first == end) return 1;
    if (!before) return b.first == 1 && !v1;
    return !b.is_range && cloud_chunk_parse(&a, before) && !a.is_range && b.first == a.first + 1;
}

static cloud_err_t *load_tx(absorb_t *a)
{
    CLOUD_ERR(cloud_session_by_id(&a->session, a->ctx, a->session->up.id, a->pool));
    if (!a->session || a->session->up.finished) return cloud_upload_gone(a->ctx, "");
    return cloud_piece_list(&a->pieces, a->ctx, a->session->up.id, a->pool);
}

/* Copies the piece behind the end of the staging file, where no row points. *taken 0: its file is
 * gone. */
static cloud_err_t *take(int *taken, absorb_t *a, const cloud_piece_t *p, apr_pool_t *pool)
{
    cloud_err_t *err;
    int fd;

    *taken = 0;
    CLOUD_ERR(cloud_storage_open(&fd, a->ctx->store, p->stage, O_RDONLY, pool));
    if (fd < 0) return NULL;
    err = cloud_storage_copy(fd, 0, p->chunk.size, a->fd, NULL, pool);
    if (!err) err = cloud_upload_hash(a->digest, a->ctx, fd, 0, p->chunk.size);
    close(fd);
    *taken = !err;
    return err;
}

static cloud_err_t *take_all(absorb_t *a)
{
    int v1 = cloud_session_is_v1(a->session), i, taken = 1;
    const char *before = NULL;
    apr_pool_t *iter;
    cloud_err_t *err = NULL;

    if (a->first > 0) before = APR_ARRAY_IDX(a->pieces, a->first - 1, cloud_piece_t).chunk.name;
    apr_pool_create(&iter, a->pool);
    for (i = a->first; taken && !err && i < a->pieces->nelts; i++) {
        const cloud_piece_t *p = &APR_ARRAY_IDX(a->pieces, i, cloud_piece_t);

        apr_pool_clear(iter);
        if (!p->stage || !cloud_chunk_follows(before, p->chunk.name, a->end, v1)) break;
        if (a->end - a->session->length + p->chunk.size > BUDGET && a->n > 0) break;
        err = take(&taken, a, p, iter);
        if (err || !taken) break;
        a->end += p->chunk.size;
        a->n++;
        before = p->chunk.name;
    }
    err = cloud_err_keep(err, a->ctx->pool);
    apr_pool_destroy(iter);
    return err;
}

/* *same 0: somebody has replaced or removed one of them. (tx, write) */
static cloud_err_t *commit_tx(int *same, absorb_t *a)
{
    apr_int64_t offset = a->session->length, id = a->session->up.id;
    const void *blob;
    apr_size_t len;
    int i, changed;

    *same = 0;
    for (i = a->first; i < a->first + a->n; i++) {
        const cloud_piece_t *p = &APR_ARRAY_IDX(a->pieces, i, cloud_piece_t);

        CLOUD_ERR(cloud_db_run(a->ctx->db, &changed, a->pool,
                               "UPDATE chunk SET stage = NULL, offset = ?4"
                               " WHERE upload = ?1 AND name = ?2 AND stage = ?3",
                               "itti", id, p->chunk.name, p->stage, offset));
        if (changed != 1) return NULL;
        offset += p->chunk.size;
    }
    cloud_digest_save(a->digest, &blob, &len, a->pool);
    CLOUD_ERR(cloud_db_run(a->ctx->db, &changed, a->pool,
                           "UPDATE upload SET length = ?2, digest = ?3"
                           " WHERE id = ?1 AND state = 0 AND length = ?4",
                           "iibi", id, a->end, blob, len, a->session->length));
    *same = changed == 1;
    return NULL;
}

static cloud_err_t *commit(absorb_t *a)
{
    cloud_err_t *err;
    int same = 0, i;

    CLOUD_ERR(cloud_storage_sync_fd(a->ctx->store, a->fd, a->pool));
    CLOUD_POINT("absorb-before-commit");
    CLOUD_ERR(cloud_tx_begin(a->ctx, CLOUD_DB_WRITE));
    err = commit_tx(&same, a);
    if (!err && !same) {
        cloud_tx_rollback(a->ctx);
        return NULL;
    }
    CLOUD_ERR(cloud_tx_end(a->ctx, err));
    CLOUD_POINT("absorb-after-commit");
    for (i = a->first; i < a->first + a->n; i++)
        cloud_storage_unlink(a->ctx->store, APR_ARRAY_IDX(a->pieces, i, cloud_piece_t).stage, 0,
                             a->pool);
    return NULL;
}

cloud_err_t *cloud_upload_absorb(cloud_ctx_t *ctx, cloud_session_t *session, int fd,
                                 apr_pool_t *pool)
{
    absorb_t a = { .ctx = ctx, .session = session, .fd = fd, .pool = pool };

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(ctx, load_tx(&a)));
    a.first = cloud_upload_in_place(&a.end, a.pieces);
    /* Chunks were replaced: the file will be built anew at the end. */
    if (a.end != a.session->length || a.first == a.pieces->nelts) return NULL;
    CLOUD_ERR(cloud_session_digest(&a.digest, ctx, a.session, fd, pool));
    if (lseek(fd, (off_t)a.end, SEEK_SET) < 0) return NULL;
    CLOUD_ERR(take_all(&a));
    return a.n > 0 ? commit(&a) : NULL;
}
