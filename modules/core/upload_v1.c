/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Chunking v1: the chunks of a file are PUTs beside it, and the last one to come in makes the file.
 * They go through a session like any other, whose chunks are named by their index. */
#include "upload_private.h"

/* The session of this transfer, made by whichever chunk comes first; they may come in parallel. */
static cloud_err_t *enter(cloud_upload_t **up, cloud_ctx_t *ctx, const cloud_account_t *account,
                          const char *session, apr_int64_t total, apr_pool_t *pool)
{
    cloud_err_t *err = cloud_upload_find(up, ctx, account, session, pool);

    if (!cloud_err_is(err, CLOUD_E_NOT_FOUND)) return err;
    err = cloud_upload_create(up, ctx, account, session, total, pool);
    if (cloud_err_is(err, CLOUD_E_EXISTS))
        err = cloud_upload_find(up, ctx, account, session, pool);
    return err;
}

cloud_err_t *cloud_upload_v1_begin(cloud_chunk_put_t **put, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, const char *target,
                                   const char *session, int index, apr_int64_t length,
                                   const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    cloud_upload_t *up;
    cloud_entry_t *entry;
    cloud_err_t *err;

    CLOUD_ERR(cloud_upload_own(ctx, account->number));
    /* A chunk that is sent again because the last answer got lost must not be judged by what the
     * finished upload has changed. */
    err = cloud_upload_find(&up, ctx, account, session, pool);
    if (!err && up->finished) {
        *put = cloud_chunk_discard(ctx, pool);
        return NULL;
    }
    if (err && err->code != CLOUD_E_NOT_FOUND) return err;
    CLOUD_ERR(cloud_files_precheck(&entry, ctx, account, target, 1, opts, pool));
    CLOUD_ERR(enter(&up, ctx, account, session, opts->length, pool));
    if (up->finished) {
        *put = cloud_chunk_discard(ctx, pool);
        return NULL;
    }
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
