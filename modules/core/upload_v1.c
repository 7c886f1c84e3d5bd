/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Chunking v1: the chunks of a file are PUTs beside it, and the last one to come in makes the file.
 * They go through a session like any other, whose chunks are named by their index. */
#include "upload_private.h"

/* The session of this transfer, made by whichever chunk comes first; they may come in parallel. One
 * that is finished makes room. */
static cloud_err_t *enter(cloud_upload_t **up, cloud_ctx_t *ctx, const cloud_account_t *account,
                          const char *session, apr_int64_t total, apr_pool_t *pool)
{
    cloud_err_t *err = cloud_upload_get(up, ctx, account, session, pool);

    if (!cloud_err_is(err, CLOUD_E_NOT_FOUND)) return err;
    err = cloud_upload_create(up, ctx, account, session, total, pool);
    if (cloud_err_is(err, CLOUD_E_EXISTS))
        err = cloud_upload_find(up, ctx, account, session, pool);
    return err;
}

/* Transfer ids are short: some clients draw four digits, so that another upload of the same file
 * may come with the id of one that is finished. Its chunks must not be taken for those of the
 * first one, sent again. Those are of the file as it was made then. */
static int is_of(const cloud_session_t *s, const cloud_entry_t *e, int index,
                 const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    cloud_sums_t sums;
    unsigned types;

    if (!e->exists || e->node.id != s->node || e->node.etag != s->etag) return 0;
    if (opts->length >= 0 && opts->length != e->node.size) return 0;
    if (opts->checksum && !cloud_sums_parse(&sums, &types, opts->checksum, pool) && types
        && cloud_sums_match(sums, e->node.sums) == 0)
        return 0;
    /* Without its time, an upload that begins is a new one. */
    return opts->has_mtime ? opts->mtime == e->node.mtime : index > 0;
}

static cloud_err_t *is_repeated_tx(int *repeated, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, const char *target,
                                   const char *session, int index, const cloud_put_opts_t *opts,
                                   apr_pool_t *pool)
{
    cloud_session_t *s;
    cloud_entry_t *e;

    CLOUD_ERR(cloud_session_by_name(&s, ctx, account->number, session, pool));
    if (!s || !s->up.finished) return NULL;
    CLOUD_ERR(cloud_resolve_tx(&e, ctx, account, target, pool));
    *repeated = is_of(s, e, index, opts, pool);
    return NULL;
}

/* A chunk that is sent again because the last answer got lost: the upload is finished. */
static cloud_err_t *is_repeated(int *repeated, cloud_ctx_t *ctx, const cloud_account_t *account,
                                const char *target, const char *session, int index,
                                const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    *repeated = 0;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    return cloud_tx_end(ctx, is_repeated_tx(repeated, ctx, account, target, session, index, opts,
                                            pool));
}

cloud_err_t *cloud_upload_v1_begin(cloud_chunk_put_t **put, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, const char *target,
                                   const char *session, int index, apr_int64_t length,
                                   const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    cloud_upload_t *up;
    cloud_entry_t *entry;
    int repeated;

    CLOUD_ERR(cloud_upload_own(ctx, account->number));
    /* It must not be judged by what the finished upload has changed. */
    CLOUD_ERR(is_repeated(&repeated, ctx, account, target, session, index, opts, pool));
    if (repeated) {
        *put = cloud_chunk_discard(ctx, pool);
        return NULL;
    }
    CLOUD_ERR(cloud_files_precheck(&entry, ctx, account, target, 1, opts, pool));
    CLOUD_ERR(enter(&up, ctx, account, session, opts->length, pool));
    return cloud_chunk_begin(put, ctx, up, apr_itoa(pool, index), length, NULL, pool);
}

cloud_err_t *cloud_upload_v1_commit(int *complete, cloud_result_t *res, cloud_chunk_put_t *put,
                                    cloud_ctx_t *ctx, const cloud_account_t *account,
                                    const char *target, const char *session, int count,
                                    const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    int created, discarded = cloud_chunk_is_discarded(put);
    apr_array_header_t *chunks;
    cloud_upload_t *up;

    *complete = 0;
    CLOUD_ERR(cloud_chunk_commit(&created, put));
    if (!discarded) {
        CLOUD_ERR(cloud_upload_find(&up, ctx, account, session, pool));
        if (!up->finished) {
            CLOUD_ERR(cloud_chunk_list(&chunks, ctx, up, pool));
            if (chunks->nelts < count) return NULL;
        }
    }
    CLOUD_ERR(cloud_upload_finish(res, ctx, account, session, account, target, 1, opts, pool));
    *complete = 1;
    return NULL;
}
