/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The answer: a file, or an archive whose length is known before its first byte. */
#include "archive_http.h"

#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "content.h"
#include "names.h"
#include "plan.h"

#define BUFFER 65536    /* small pieces are joined up to here */
#define DIRECT 16384    /* from here on a piece goes as it is */

typedef struct {
    request_rec *r;
    apr_bucket_brigade *bb;
    char *buf;
    apr_size_t len;
} sink_t;

/* ---- which format ---- */

static cloud_err_t *which(cloud_archive_kind_t *kind, request_rec *r, const char *format)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");
    const char *agent = apr_table_get(r->headers_in, "User-Agent");

    *kind = CLOUD_ARCHIVE_ZIP;
    if (format && strcmp(format, "zip") != 0 && strcmp(format, "tar") != 0)
        return cloud_err(r->pool, CLOUD_E_INVALID, "The format is zip or tar");
    if (format) *kind = *format == 't' ? CLOUD_ARCHIVE_TAR : CLOUD_ARCHIVE_ZIP;
    else if (accept && ap_strcasestr(accept, "application/zip")) *kind = CLOUD_ARCHIVE_ZIP;
    else if ((accept && ap_strcasestr(accept, "application/x-tar"))
             || (agent && ap_strcasestr(agent, "macintosh")))
        *kind = CLOUD_ARCHIVE_TAR; /* what a Mac opens whatever its size */
    return NULL;
}

/* ---- an archive ---- */

/* A transient bucket: who can't send it at once makes a copy, and the network filter blocks before it
 * keeps more than a buffer or two of those. */
static cloud_err_t *pass(sink_t *s, const char *data, apr_size_t len)
{
    conn_rec *c = s->r->connection;
    apr_status_t rv;

    if (!len) return NULL;
    APR_BRIGADE_INSERT_TAIL(s->bb, apr_bucket_transient_create(data, len, c->bucket_alloc));
    rv = ap_pass_brigade(s->r->output_filters, s->bb);
    apr_brigade_cleanup(s->bb);
    if (rv == APR_SUCCESS && !c->aborted) return NULL;
    return cloud_err_sys(s->r->pool, CLOUD_E_UNAVAILABLE, rv, NULL);
}

static cloud_err_t *flush(sink_t *s)
{
    cloud_err_t *err = pass(s, s->buf, s->len);

    s->len = 0;
    return err;
}

static cloud_err_t *out(void *baton, const void *data, apr_size_t len)
{
    sink_t *s = baton;

    if (s->len + len > BUFFER || len >= DIRECT) CLOUD_ERR(flush(s));
    if (len >= DIRECT) return pass(s, data, len);
    memcpy(s->buf + s->len, data, len);
    s->len += len;
    return NULL;
}

static void archive_headers(request_rec *r, cloud_archive_kind_t kind, apr_int64_t length,
                            const char *name)
{
    apr_table_t *headers = r->headers_out;

    ap_set_content_type(r, cloud_archive_type(kind));
    ap_set_content_length(r, length);
    apr_table_setn(headers, "Content-Disposition",
                   cloud_content_disposition(apr_pstrcat(r->pool, name, cloud_archive_suffix(kind),
                                                      NULL), r->pool));
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    apr_table_setn(headers, "Cache-Control", "private, no-store");
    apr_table_setn(headers, "Accept-Ranges", "none");
    apr_table_unset(r->headers_in, "Range");
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

static int send_archive(request_rec *r, cloud_archive_plan_t *plan)
{
    sink_t s = { r, apr_brigade_create(r->pool, r->connection->bucket_alloc),
                 apr_palloc(r->pool, BUFFER), 0 };
    cloud_err_t *err = cloud_archive_plan_write(plan, out, &s);

    if (!err) err = flush(&s);
    if (!err) return OK;
    if (r->connection->aborted) return OK;
    /* An answer that ends before its length was reached is known to be incomplete by everybody */
    ap_log_rerror(APLOG_MARK, err->code == CLOUD_E_CONFLICT ? APLOG_NOTICE : APLOG_ERR, 0, r,
                  "the download of an archive is broken off: %s%s%s", err->msg,
                  err->cause ? ": " : "", err->cause ? err->cause : "");
    return cloud_content_cut(r);
}

/* After the one thing in it, or the folder that it comes from. */
static const char *name_of(request_rec *r, const char *dir, const apr_array_header_t *names)
{
    const char *one = names && names->nelts == 1 ? APR_ARRAY_IDX(names, 0, const char *) : dir;
    apr_array_header_t *segments;

    if (cloud_path_split(&segments, one, r->pool) || !segments->nelts) return "download";
    return APR_ARRAY_IDX(segments, segments->nelts - 1, const char *);
}

/* The path of what was asked for, when that is one thing. */
static const char *only_path(request_rec *r, const char *dir, const apr_array_header_t *names)
{
    if (!names || names->nelts == 0) return dir;
    if (names->nelts > 1) return NULL;
    return apr_pstrcat(r->pool, dir, "/", APR_ARRAY_IDX(names, 0, const char *), NULL);
}

int cloud_archive_respond(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                          const char *dir, const apr_array_header_t *names, const char *name,
                          const char *format)
{
    const char *path = only_path(r, dir, names);
    cloud_archive_plan_t *plan;
    cloud_archive_kind_t kind;
    cloud_entry_t *entry;
    cloud_err_t *err = which(&kind, r, format);

    if (!err && path) {
        err = cloud_file_stat(&entry, ctx, account, path, r->pool);
        if (!err && !CLOUD_IS_DIR(&entry->node)) return cloud_content_file(r, ctx, account, path);
    }
    if (!err) err = cloud_archive_plan(&plan, ctx, account, dir, names, kind, r->pool);
    if (err) return cloud_http_error(r, err);
    archive_headers(r, kind, cloud_archive_plan_length(plan),
                    name ? name : name_of(r, dir, names));
    return r->header_only ? OK : send_archive(r, plan);
}
