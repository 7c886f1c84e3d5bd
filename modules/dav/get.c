/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* GET and HEAD. A file is sent as a file bucket, past the host's handlers and filters: whatever its
 * name, it is data. */
#include "dav_private.h"
#include "space.h"

#include <apr_portable.h>
#include <unistd.h>

APLOG_USE_MODULE(cloud_dav);

static const char collection_text[] =
    "This is the WebDAV interface. It can only be accessed by WebDAV clients such as the ownCloud "
    "desktop sync client.";

/* What is sent. */
typedef struct {
    int fd;
    apr_int64_t start, size;
    const char *name;
} content_t;

/* True for ?preview=1: a thumbnail is wanted, never the file. */
static int wants_preview(request_rec *r)
{
    const char *p = r->args;

    while (p) {
        if (strncmp(p, "preview=1", 9) == 0 && (p[9] == '\0' || p[9] == '&')) return 1;
        p = strchr(p, '&');
        if (p) p++;
    }
    return 0;
}

static int send_collection(request_rec *r)
{
    ap_set_content_type(r, "text/html; charset=UTF-8");
    ap_set_content_length(r, sizeof(collection_text) - 1);
    if (!r->header_only) ap_rputs(collection_text, r);
    return OK;
}

/* "attachment" with the name twice: RFC 8187, and ASCII for what does not know that. */
static const char *disposition(const char *name, apr_pool_t *pool)
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

static void content_headers(request_rec *r, const content_t *c)
{
    ap_set_content_type(r, content_type(c->name, r->pool));
    ap_set_content_length(r, c->size);
    apr_table_setn(r->headers_out, "Content-Disposition", disposition(c->name, r->pool));
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Accept-Ranges", "bytes");
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

static void file_headers(request_rec *r, cloud_sums_t sums, apr_int64_t mtime)
{
    const char *sum = cloud_sums_text(sums, CLOUD_DIGEST_SHA1, r->pool);
    char *date = apr_palloc(r->pool, APR_RFC822_DATE_LEN);

    if (sum) apr_table_setn(r->headers_out, "OC-Checksum", sum);
    /* Not ap_set_last_modified(): it changes times in the future. */
    apr_rfc822_date(date, apr_time_from_sec(mtime));
    apr_table_setn(r->headers_out, "Last-Modified", date);
    r->mtime = apr_time_from_sec(mtime);
    if (r->mtime == 0) r->mtime = 1; /* httpd takes 0 for "unknown" */
}

/* If-Match first, as some clients leave out the quotes; what is left is httpd's own. */
static int conditions(request_rec *r, const char *etag)
{
    const char *match = apr_table_get(r->headers_in, "If-Match");
    int status;

    if (match) {
        if (cloud_etags_match(match, etag, 0) == CLOUD_ETAGS_NONE) {
            cloud_http_error_header(r, "If-Match");
            return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_PRECONDITION,
                                                "An If-Match header was specified, but none of "
                                                "the specified ETags matched."));
        }
        apr_table_unset(r->headers_in, "If-Match");
        apr_table_unset(r->headers_in, "If-Unmodified-Since");
    }
    status = ap_meets_conditions(r);
    if (status == HTTP_PRECONDITION_FAILED)
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_PRECONDITION, NULL));
    return status;
}

/* At a time, where sendfile is off (the default of 8,000 bytes costs a third more CPU time), and the
 * size up to which one write of head and content is cheaper than sendfile. */
#define READ_SIZE (64 * 1024)

static int send_content(request_rec *r, const content_t *c)
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
        return cloud_dav_error(r, cloud_err_sys(r->pool, CLOUD_E_UNAVAILABLE, rv, NULL));
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

/* The error for something that is not there, in the form that iOS looks for. */
static int not_found(request_rec *r, cloud_err_t *err)
{
    if (err->code == CLOUD_E_NOT_FOUND && apr_table_get(r->headers_in, "If-Match")) {
        cloud_http_error_header(r, "If-Match");
        err = cloud_err(r->pool, CLOUD_E_PRECONDITION,
                        "An If-Match header was specified and the resource did not exist");
    }
    return cloud_dav_error(r, err);
}

static int get_file(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    content_t c = {0};
    char etag[CLOUD_ETAG_MAX];
    cloud_entry_t *entry;
    cloud_err_t *err = cloud_file_open(&c.fd, &entry, ctx, t->account, t->path, r->pool);
    int status;

    if (cloud_err_is(err, CLOUD_E_NOT_ALLOWED)) return send_collection(r);
    if (err) return not_found(r, err);
    if (wants_preview(r))
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, "There is no preview"));
    cloud_dav_entry_headers(r, ctx, entry, 1);
    file_headers(r, entry->node.sums, entry->node.mtime);
    status = conditions(r, cloud_etag(etag, &entry->node));
    if (status != OK) return status;
    c.size = entry->node.size;
    c.name = entry->node.disk;
    content_headers(r, &c);
    return send_content(r, &c);
}

static int get_chunk(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    content_t c = {0};
    cloud_upload_t *up;
    cloud_err_t *err = cloud_upload_get(&up, ctx, t->account, t->session, r->pool);

    if (!err) err = cloud_chunk_open(&c.fd, &c.size, ctx, up, t->chunk, r->pool);
    if (err) return cloud_dav_error(r, err);
    c.start = lseek(c.fd, 0, SEEK_CUR);
    c.name = t->chunk;
    content_headers(r, &c);
    return send_content(r, &c);
}

static int get_session(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_upload_t *up;
    cloud_err_t *err = cloud_upload_get(&up, ctx, t->account, t->session, r->pool);

    return err ? cloud_dav_error(r, err) : send_collection(r);
}

static int get_in_space(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_dav_content_t found = {.fd = -1};
    content_t c = {0};
    cloud_err_t *err = NULL;
    int status;

    if (!t->space->get) err = cloud_err(r->pool, CLOUD_E_NOT_ALLOWED, NULL);
    if (!err) err = t->space->get(&found, ctx, t, r->pool);
    if (err) return not_found(r, err);
    if (found.fd < 0) return send_collection(r);
    if (wants_preview(r))
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, "There is no preview"));
    if (found.etag)
        apr_table_setn(r->headers_out, "ETag", apr_pstrcat(r->pool, "\"", found.etag, "\"", NULL));
    file_headers(r, found.sums, found.mtime);
    status = conditions(r, found.etag);
    if (status != OK) return status;
    c.fd = found.fd;
    c.size = found.size;
    c.name = found.name;
    content_headers(r, &c);
    return send_content(r, &c);
}

int cloud_dav_get(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    switch (t->kind) {
    case CLOUD_DAV_FILES:
        return get_file(r, ctx, t);
    case CLOUD_DAV_CHUNK:
        return get_chunk(r, ctx, t);
    case CLOUD_DAV_SPACE:
        return get_in_space(r, ctx, t);
    case CLOUD_DAV_SESSION:
        return get_session(r, ctx, t);
    case CLOUD_DAV_ASSEMBLY:
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NOT_ALLOWED, NULL));
    default:
        return send_collection(r);
    }
}
