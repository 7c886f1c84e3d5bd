/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* COPY and MOVE. Not through mod_dav: it removes what is overwritten before it moves, walks both
 * trees first, and takes a Destination on any host for its own. */
#include "dav_private.h"
#include "space.h"

#include <http_vhost.h>

APLOG_USE_MODULE(cloud_dav);

/* One COPY or MOVE. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    cloud_dav_target_t *src, *dst;
    int copy;
    int overwrite;
    int depth;
} job_t;

/* True when a proxy in front may have changed the host that the client speaks to. */
static int behind_proxy(request_rec *r)
{
    static const char *const signs[] = {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
                                        "X-Real-IP", "Forwarded", "Via", NULL};

    for (int i = 0; signs[i]; i++) {
        if (apr_table_get(r->headers_in, signs[i])) return 1;
    }
    return 0;
}

/* Only the path of a Destination counts, but a client that means another server is told so. */
static cloud_err_t *check_host(request_rec *r, const char *host)
{
    if (!host || strcasecmp(host, ap_get_server_name(r)) == 0 ||
        (r->hostname && strcasecmp(host, r->hostname) == 0) ||
        ap_matches_request_vhost(r, host, r->server->port) || behind_proxy(r))
        return NULL;
    return cloud_err(r->pool, CLOUD_E_BAD_GATEWAY, "The destination is on another server");
}

/* Access rules of the configuration hold for the destination, too. */
static cloud_err_t *check_authz(request_rec *r, const char *path)
{
    request_rec *sub = ap_sub_req_method_uri(r->method, ap_os_escape_path(r->pool, path, 1), r,
                                             NULL);
    int status = sub->status;

    ap_destroy_sub_req(sub);
    if (status == HTTP_OK) return NULL;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "the configuration refuses %s to %s with %d",
                  r->method, path, status);
    return cloud_err(r->pool, CLOUD_E_DENIED, "Access to the destination is denied");
}

static cloud_err_t *parse_destination(job_t *job)
{
    request_rec *r = job->r;
    const char *value = apr_table_get(r->headers_in, "Destination");
    const char *path, *host;
    cloud_err_t *err;

    if (!value)
        return cloud_err(r->pool, CLOUD_E_INVALID, "The destination header was not supplied");
    CLOUD_ERR(cloud_dav_uri_path(&path, &host, value, r->pool));
    CLOUD_ERR(check_host(r, host));
    err = cloud_dav_target(&job->dst, r, path);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return cloud_err(r->pool, CLOUD_E_DENIED, NULL);
    if (err) return err;
    if (!job->dst)
        return cloud_err(r->pool, CLOUD_E_BAD_GATEWAY, "The destination is not served here");
    if (job->dst->kind != CLOUD_DAV_FILES) return cloud_err(r->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_dav_enter(job->dst, r, job->ctx, 1));
    return check_authz(r, path);
}

static cloud_err_t *parse_headers(job_t *job)
{
    const char *value = apr_table_get(job->r->headers_in, "Overwrite");

    job->overwrite = 1;
    if (value) {
        if (strcasecmp(value, "F") == 0) job->overwrite = 0;
        else if (strcasecmp(value, "T") != 0)
            return cloud_err(job->r->pool, CLOUD_E_INVALID, "The Overwrite header is malformed");
    }
    CLOUD_ERR(cloud_dav_depth(&job->depth, job->r, -1));
    if (job->depth == 1 || (job->depth == 0 && !job->copy))
        return cloud_err(job->r->pool, CLOUD_E_INVALID, "This Depth is not possible here");
    return parse_destination(job);
}

/* MOVE of an upload's .file: the chunks become the destination. Conditions are about what is there:
 * nothing else exists yet. */
static int assemble(const job_t *job)
{
    request_rec *r = job->r;
    cloud_put_opts_t opts = {0};
    cloud_result_t res;
    cloud_err_t *err;

    cloud_dav_put_opts(&opts, r);
    err = cloud_dav_length(&opts.length, r, "OC-Total-Length");
    if (!err) err = cloud_dav_upload_conditions(&opts.cond, r, job->ctx, job->dst);
    if (!err) err = cloud_upload_finish(&res, job->ctx, job->src->account, job->src->session,
                                        job->dst->account, job->dst->path, job->overwrite, &opts,
                                        r->pool);
    if (err) return cloud_dav_error(r, err);
    return cloud_dav_stored(r, job->ctx, &res, &opts);
}

/* Out of a feature's space. If-Match and its kin would be about the source, which has no condition;
 * If: may be about the destination. */
static int leave_space(const job_t *job)
{
    cloud_dav_out_fn *out = job->copy ? job->src->space->copy : job->src->space->move;
    request_rec *r = job->r;
    cloud_cond_t cond;
    cloud_result_t res;
    cloud_err_t *err = cloud_dav_upload_conditions(&cond, r, job->ctx, job->dst);

    if (!err) err = out(&res, job->ctx, job->src, job->dst, job->overwrite, &cond, r->pool);
    if (err && err->code == CLOUD_E_PRECONDITION && !job->overwrite)
        cloud_http_error_header(r, "Overwrite");
    if (err) return cloud_dav_error(r, err);
    cloud_dav_entry_headers(r, job->ctx, res.entry, 1);
    return cloud_dav_done(r, res.created ? HTTP_CREATED : HTTP_NO_CONTENT);
}

/* rclone sends X-OC-Mtime with a MOVE. An ETag does not change when the time does not. */
static cloud_err_t *apply_mtime(cloud_result_t *res, const job_t *job,
                                const apr_array_header_t *tokens)
{
    const char *value = apr_table_get(job->r->headers_in, "X-OC-Mtime");
    cloud_cond_t cond = {0};
    cloud_result_t touched;
    apr_int64_t mtime;

    if (job->copy || !value || !cloud_dav_parse_mtime(&mtime, value)) return NULL;
    if (mtime != res->entry->node.mtime) {
        cond.must = CLOUD_IF_ETAG;
        cond.etag = res->entry->etag;
        cond.tokens = tokens;
        CLOUD_ERR(cloud_file_proppatch(&touched, job->ctx, job->dst->account, job->dst->path,
                                       apr_array_make(job->r->pool, 0, sizeof(cloud_prop_t)),
                                       &mtime, &cond, job->r->pool));
        res->entry = touched.entry;
    }
    apr_table_setn(job->r->headers_out, "X-OC-MTime", "accepted");
    return NULL;
}

static int transfer(const job_t *job)
{
    const cloud_dav_target_t *src = job->src, *dst = job->dst;
    cloud_cond_t src_cond, dst_cond;
    cloud_result_t res;
    cloud_err_t *err = cloud_dav_conditions2(&src_cond, &dst_cond, job->r, job->ctx, src, dst);

    if (err) return cloud_dav_error(job->r, err);
    err = job->copy ? cloud_file_copy(&res, job->ctx, src->account, src->path, dst->account,
                                      dst->path, job->overwrite, job->depth, &src_cond, &dst_cond,
                                      job->r->pool)
                    : cloud_file_move(&res, job->ctx, src->account, src->path, dst->account,
                                      dst->path, job->overwrite, &src_cond, &dst_cond,
                                      job->r->pool);
    if (err && err->code == CLOUD_E_PRECONDITION && !job->overwrite)
        cloud_http_error_header(job->r, "Overwrite");
    if (err) return cloud_dav_error(job->r, err);
    /* The move stands, whatever becomes of the time. */
    err = apply_mtime(&res, job, dst_cond.tokens);
    if (err) {
        cloud_http_error(job->r, err);
        cloud_http_error_clear(job->r);
    }
    cloud_dav_entry_headers(job->r, job->ctx, res.entry, 1);
    return cloud_dav_done(job->r, res.created ? HTTP_CREATED : HTTP_NO_CONTENT);
}

static int can_leave(const cloud_dav_target_t *t, int copy)
{
    if (t->kind == CLOUD_DAV_SPACE) return copy ? t->space->copy != NULL : t->space->move != NULL;
    return t->kind == CLOUD_DAV_FILES || (t->kind == CLOUD_DAV_ASSEMBLY && !copy);
}

int cloud_dav_copymove(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    job_t job = {.r = r, .ctx = ctx, .src = t, .copy = r->method_number == M_COPY};
    cloud_err_t *err = NULL;

    if (!can_leave(t, job.copy))
        err = cloud_err(r->pool, CLOUD_E_DENIED, NULL);
    if (!err) err = parse_headers(&job);
    if (err) return cloud_dav_error(r, err);
    if (t->kind == CLOUD_DAV_SPACE) return leave_space(&job);
    return t->kind == CLOUD_DAV_ASSEMBLY ? assemble(&job) : transfer(&job);
}
