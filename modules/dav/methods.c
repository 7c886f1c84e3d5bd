/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* DELETE and MKCOL. Not through mod_dav: it walks the whole tree before a DELETE, and would answer
 * the parent's conditions with 207. */
#include "dav_private.h"
#include "body.h"
#include "space.h"

APLOG_USE_MODULE(cloud_dav);

static cloud_err_t *delete_chunk(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_upload_t *up;

    CLOUD_ERR(cloud_upload_get(&up, ctx, t->account, t->session, r->pool));
    return cloud_chunk_remove(ctx, up, t->chunk);
}

static cloud_err_t *delete_file(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_cond_t cond;

    CLOUD_ERR(cloud_dav_conditions(&cond, r, ctx, t));
    return cloud_file_remove(ctx, t->account, t->path, &cond);
}

static cloud_err_t *delete_in_space(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    if (!t->space->remove) return cloud_err(r->pool, CLOUD_E_DENIED, NULL);
    return t->space->remove(ctx, t, r->pool);
}

int cloud_dav_delete(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    cloud_err_t *err;

    switch (t->kind) {
    case CLOUD_DAV_FILES:
        err = delete_file(r, ctx, t);
        break;
    case CLOUD_DAV_SESSION:
        err = cloud_upload_remove(ctx, t->account, t->session);
        break;
    case CLOUD_DAV_CHUNK:
        err = delete_chunk(r, ctx, t);
        break;
    case CLOUD_DAV_SPACE:
        err = delete_in_space(r, ctx, t);
        break;
    default:
        err = cloud_err(r->pool, CLOUD_E_DENIED, NULL);
    }
    return err ? cloud_dav_error(r, err) : cloud_dav_done(r, HTTP_NO_CONTENT);
}

static cloud_err_t *refuse_bytes(void *r, const char *data, apr_size_t len)
{
    (void)data;
    return len ? cloud_err(((request_rec *)r)->pool, CLOUD_E_UNSUPPORTED, NULL) : NULL;
}

/* Libraries and proxies send a body without length for one that is empty, too. */
static cloud_err_t *refuse_body(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    if (apr_table_get(r->headers_in, "Transfer-Encoding"))
        return cloud_body_read(r, HUGE_STRING_LEN, refuse_bytes, r);
    return refuse_bytes(r, length, length ? strlen(length) - strspn(length, "0") : 0);
}

static int mkcol_folder(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_cond_t cond;
    cloud_result_t res;
    cloud_err_t *err = cloud_dav_conditions(&cond, r, ctx, t);

    if (!err) err = cloud_file_mkcol(&res, ctx, t->account, t->path, &cond, r->pool);
    if (err) return cloud_dav_error(r, err);
    cloud_dav_entry_headers(r, ctx, res.entry, 1);
    return cloud_dav_done(r, HTTP_CREATED);
}

static int mkcol_session(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    apr_int64_t total;
    cloud_upload_t *up;
    cloud_err_t *err = cloud_dav_length(&total, r, "OC-Total-Length");

    if (!err) err = cloud_upload_create(&up, ctx, t->account, t->session, total, r->pool);
    return err ? cloud_dav_error(r, err) : cloud_dav_done(r, HTTP_CREATED);
}

int cloud_dav_mkcol(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    cloud_err_t *err = refuse_body(r);

    if (err) return cloud_dav_error(r, err);
    switch (t->kind) {
    case CLOUD_DAV_FILES:
        return mkcol_folder(r, ctx, t);
    case CLOUD_DAV_SESSION:
        return mkcol_session(r, ctx, t);
    case CLOUD_DAV_PARENT:
    case CLOUD_DAV_UPLOADS:
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_EXISTS, NULL));
    default:
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_DENIED, NULL));
    }
}
