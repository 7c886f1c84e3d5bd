/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* PUT: files, chunks of an upload, and chunking v1. Not through mod_dav: its PUT keeps reading a
 * body that can't be stored, answers without ETag, and tells a missing parent with 207. */
#include "dav_private.h"

#include <apr_strings.h>

#include "body.h"

APLOG_USE_MODULE(cloud_dav);

#define READ_SIZE (256 * 1024)

static cloud_err_t *write_file(void *sink, const char *data, apr_size_t len)
{
    return cloud_put_write(sink, data, len);
}

static cloud_err_t *write_chunk(void *sink, const char *data, apr_size_t len)
{
    return cloud_chunk_write(sink, data, len);
}

/* The size that the content shall have: what is announced for the file, not for the message, as a
 * proxy on the way may have cut or re-framed the latter. */
static cloud_err_t *announced(apr_int64_t *length, request_rec *r)
{
    apr_int64_t message, total;

    CLOUD_ERR(cloud_dav_length(&message, r, "Content-Length"));
    CLOUD_ERR(cloud_dav_length(&total, r, "OC-Total-Length"));
    if (total < 0 && message < 0)
        CLOUD_ERR(cloud_dav_length(&total, r, "X-Expected-Entity-Length"));
    if (total >= 0 && message >= 0 && total != message)
        return cloud_err(r->pool, CLOUD_E_INVALID,
                         "Expected %" APR_INT64_T_FMT " bytes, but %" APR_INT64_T_FMT
                         " are being sent", total, message);
    *length = total >= 0 ? total : message;
    return NULL;
}

/* Headers about the content that PUT and the final MOVE of an upload share. */
void cloud_dav_put_opts(cloud_put_opts_t *opts, request_rec *r)
{
    const char *mtime = apr_table_get(r->headers_in, "X-OC-Mtime");

    opts->checksum = apr_table_get(r->headers_in, "OC-Checksum");
    opts->has_mtime = mtime && cloud_dav_parse_mtime(&opts->mtime, mtime);
}

int cloud_dav_stored(request_rec *r, cloud_ctx_t *ctx, const cloud_result_t *res,
                     const cloud_put_opts_t *opts)
{
    cloud_dav_entry_headers(r, ctx, res->entry, 1);
    if (opts->has_mtime) apr_table_setn(r->headers_out, "X-OC-MTime", "accepted");
    return cloud_dav_done(r, res->created ? HTTP_CREATED : HTTP_NO_CONTENT);
}

static int put_file(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_put_opts_t opts = {0};
    cloud_result_t res;
    cloud_put_t *put = NULL;
    cloud_err_t *err;
    int status;

    cloud_dav_put_opts(&opts, r);
    err = announced(&opts.length, r);
    if (!err) err = cloud_dav_conditions(&opts.cond, r, ctx, t);
    if (!err) err = cloud_put_begin(&put, ctx, t->account, t->path, &opts, r->pool);
    if (err) return cloud_dav_error(r, err);

    err = cloud_body_stream(&status, r, READ_SIZE, write_file, put);
    if (err || status != OK) {
        cloud_put_abort(put);
        return err ? cloud_dav_error(r, err) : status;
    }
    err = cloud_put_commit(&res, put);
    if (err) return cloud_dav_error_read(r, err);
    return cloud_dav_stored(r, ctx, &res, &opts);
}

/* Writes the body into a chunk; what is not OK has been answered, and the chunk is given up. */
static int stream_chunk(request_rec *r, cloud_chunk_put_t *put)
{
    int status;
    cloud_err_t *err = cloud_body_stream(&status, r, READ_SIZE, write_chunk, put);

    if (err || status != OK) cloud_chunk_abort(put);
    return err ? cloud_dav_error(r, err) : status;
}

static int put_chunk(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_chunk_put_t *put;
    cloud_upload_t *up;
    apr_int64_t length;
    int created, status;
    cloud_err_t *err = cloud_dav_length(&length, r, "Content-Length");

    if (!err) err = cloud_upload_get(&up, ctx, t->account, t->session, r->pool);
    if (!err) err = cloud_chunk_begin(&put, ctx, up, t->chunk, length,
                                      apr_table_get(r->headers_in, "OC-Checksum"), r->pool);
    if (err) return cloud_dav_error(r, err);

    status = stream_chunk(r, put);
    if (status != OK) return status;
    err = cloud_chunk_commit(&created, put);
    if (err) return cloud_dav_error_read(r, err);
    return cloud_dav_done(r, created ? HTTP_CREATED : HTTP_NO_CONTENT);
}

cloud_err_t *cloud_dav_upload_conditions(cloud_cond_t *cond, request_rec *r, cloud_ctx_t *ctx,
                                         const cloud_dav_target_t *dst)
{
    cloud_err_t *err = cloud_dav_conditions(cond, r, ctx, dst);

    if (!cloud_err_is(err, CLOUD_E_PRECONDITION)) return err;
    /* No number of an ETag: the verb refuses it, unless the upload is finished already. */
    cond->must = CLOUD_IF_ETAG;
    cond->etag = -1;
    return NULL;
}

/* PUT <target>-chunking-<transfer>-<count>-<index>: the chunk that completes the set answers as a PUT
 * of the target; the others without ETag, which would say "done". */
static int put_v1(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *chunk,
                  const char *path, const char *session, int count, int index)
{
    cloud_dav_target_t target = *chunk;
    cloud_put_opts_t opts = {0};
    cloud_chunk_put_t *put;
    cloud_result_t res;
    apr_int64_t length;
    cloud_err_t *err;
    int complete, status;

    target.path = path;
    cloud_dav_put_opts(&opts, r);
    err = cloud_dav_length(&length, r, "Content-Length");
    if (!err) err = cloud_dav_length(&opts.length, r, "OC-Total-Length");
    if (!err) err = cloud_dav_upload_conditions(&opts.cond, r, ctx, &target);
    if (!err) err = cloud_upload_v1_begin(&put, ctx, target.account, path, session, index, length,
                                          &opts, r->pool);
    if (err) return cloud_dav_error(r, err);

    status = stream_chunk(r, put);
    if (status != OK) return status;
    err = cloud_upload_v1_commit(&complete, &res, put, ctx, target.account, path, session, count,
                                 &opts, r->pool);
    if (err) return cloud_dav_error_read(r, err);
    return complete ? cloud_dav_stored(r, ctx, &res, &opts) : cloud_dav_done(r, HTTP_CREATED);
}

static int put_any_file(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    const char *path, *session;
    int count, index;

    if (t->view && apr_table_get(r->headers_in, "OC-Chunked"))
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NOT_IMPLEMENTED,
                                            "Chunked uploads need an account"));
    if (apr_table_get(r->headers_in, "OC-Chunked") &&
        cloud_upload_v1_parse(&path, &session, &count, &index, t->path, r->pool))
        return put_v1(r, ctx, t, path, session, count, index);
    return put_file(r, ctx, t);
}

int cloud_dav_put(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    /* A range written into a file that others read would be seen half-done. */
    if (apr_table_get(r->headers_in, "Content-Range"))
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NOT_IMPLEMENTED,
                                            "Content-Range on PUT is not supported"));
    switch (t->kind) {
    case CLOUD_DAV_FILES:
        return put_any_file(r, ctx, t);
    case CLOUD_DAV_CHUNK:
        return put_chunk(r, ctx, t);
    case CLOUD_DAV_SESSION:
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_CONFLICT,
                                            "PUT is not allowed on non-files."));
    default:
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_DENIED, NULL));
    }
}
