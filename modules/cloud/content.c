/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A file is sent as a file bucket, past the host's handlers and filters: whatever its name, it is
 * data. */
#include "content.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "files.h"
#include "mod_cloud.h"
#include "names.h"

/* "attachment" with the name twice: RFC 8187, and ASCII for what does not know that. */
const char *cloud_content_disposition(const char *name, apr_pool_t *pool)
{
    char *plain = apr_pstrdup(pool, name);

    for (char *p = plain; *p; p++) {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || *p == '"' || *p == '\\')
            *p = '_';
    }
    return apr_pstrcat(pool, "attachment; filename*=UTF-8''", cloud_uri_encode(name, 0, pool),
                       "; filename=\"", plain, "\"", NULL);
}

static const char *content_type(const char *name, apr_pool_t *pool)
{
    const char *type = cloud_mime_type(name);

    /* With a charset of its own, AddDefaultCharset leaves it alone. */
    return strncmp(type, "text/", 5) == 0 ? apr_pstrcat(pool, type, ";charset=UTF-8", NULL) : type;
}

void cloud_content_headers(request_rec *r, const cloud_content_t *c)
{
    ap_set_content_type(r, content_type(c->name, r->pool));
    ap_set_content_length(r, c->size);
    apr_table_setn(r->headers_out, "Content-Disposition", cloud_content_disposition(c->name, r->pool));
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    /* Should anybody show it all the same: as a stranger, without script. */
    apr_table_setn(r->headers_out, "Content-Security-Policy", "default-src 'none'; sandbox");
    apr_table_setn(r->headers_out, "Accept-Ranges", "bytes");
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

/* At a time, where sendfile is off (the default of 8,000 bytes costs a third more CPU time), and the
 * size up to which one write of head and content is cheaper than sendfile. */
#define READ_SIZE (64 * 1024)

int cloud_content_send(request_rec *r, const cloud_content_t *c)
{
    core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_bucket_brigade *bb;
    apr_bucket *b;
    apr_file_t *file;
    apr_os_file_t fd = c->fd;
    apr_int32_t flags = APR_FOPEN_READ | APR_FOPEN_BINARY;
    apr_status_t rv;

    if (core->enable_sendfile == ENABLE_SENDFILE_ON && c->size > READ_SIZE)
        flags |= APR_FOPEN_SENDFILE_ENABLED;
    rv = apr_os_file_put(&file, &fd, flags, r->pool);
    if (rv != APR_SUCCESS)
        return cloud_http_error(r, cloud_err_sys(r->pool, CLOUD_E_UNAVAILABLE, rv, NULL));
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (c->size > 0) {
        apr_brigade_insert_file(bb, file, c->start, c->size, r->pool);
        /* Not mapped: somebody may cut the file short from outside; reading on would be fatal. */
        for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = APR_BUCKET_NEXT(b)) {
            apr_bucket_file_enable_mmap(b, 0);
            apr_bucket_file_set_buf_size(b, READ_SIZE);
        }
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    rv = ap_pass_brigade(r->output_filters, bb);
    if (rv != APR_SUCCESS && r->status == HTTP_OK && !r->connection->aborted &&
        rv != AP_FILTER_ERROR) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, rv, r, "sending %s", r->uri);
        return AP_FILTER_ERROR;
    }
    return rv == AP_FILTER_ERROR ? AP_FILTER_ERROR : OK;
}

int cloud_content_file(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                       const char *path)
{
    char etag[CLOUD_ETAG_MAX];
    cloud_entry_t *entry;
    cloud_content_t c = { 0 };
    int status;
    cloud_err_t *err = cloud_file_open(&c.fd, &entry, ctx, account, path, r->pool);

    if (err) return cloud_http_error(r, err);
    apr_table_setn(r->headers_out, "ETag",
                   apr_pstrcat(r->pool, "\"", cloud_etag_text(etag, entry->etag), "\"", NULL));
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
    status = ap_meets_conditions(r);
    if (status != OK) return status;
    c.size = entry->node.size;
    c.name = cloud_entry_shown_name(entry, r->pool);
    cloud_content_headers(r, &c);
    return cloud_content_send(r, &c);
}

/* The error bucket keeps the filters from ending the body as if it were complete. */
int cloud_content_cut(request_rec *r)
{
    apr_bucket_alloc_t *ba = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, ba);

    r->connection->keepalive = AP_CONN_CLOSE;
    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, ba));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(ba));
    ap_pass_brigade(r->output_filters, bb);
    return OK;
}
