/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* GET and HEAD. */
#include "dav_private.h"
#include "content.h"
#include "space.h"

#include <unistd.h>

APLOG_USE_MODULE(cloud_dav);

static const char collection_text[] =
    "This is the WebDAV interface. It can only be accessed by WebDAV clients such as the ownCloud "
    "desktop sync client.";

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

static void file_headers(request_rec *r, const cloud_dav_target_t *t, cloud_sums_t sums,
                         apr_int64_t mtime)
{
    const char *sum = cloud_sums_text(sums, CLOUD_DIGEST_SHA1, r->pool);
    char *date = apr_palloc(r->pool, APR_RFC822_DATE_LEN);

    /* Without a login in the request (a link, a signed address) a shared cache might keep it (RFC 9111, 3.5), and
     * answer with it when the link has ended. */
    if (t->account->view || !apr_table_get(r->headers_in, "Authorization"))
        apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
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
    cloud_content_t c = {0};
    char etag[CLOUD_ETAG_MAX];
    cloud_entry_t *entry;
    cloud_err_t *err = cloud_file_open(&c.fd, &entry, ctx, t->account, t->path, r->pool);
    int status;

    if (cloud_err_is(err, CLOUD_E_NOT_ALLOWED)) return send_collection(r);
    if (err) return not_found(r, err);
    if (wants_preview(r))
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, "There is no preview"));
    cloud_dav_entry_headers(r, ctx, entry, 1);
    file_headers(r, t, entry->node.sums, entry->node.mtime);
    status = conditions(r, cloud_etag_text(etag, entry->etag));
    if (status != OK) return status;
    c.size = entry->node.size;
    c.name = cloud_entry_shown_name(entry, r->pool);
    cloud_content_headers(r, &c);
    return cloud_content_send(r, &c);
}

static int get_chunk(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t)
{
    cloud_content_t c = {0};
    cloud_upload_t *up;
    cloud_err_t *err = cloud_upload_get(&up, ctx, t->account, t->session, r->pool);

    if (!err) err = cloud_chunk_open(&c.fd, &c.size, ctx, up, t->chunk, r->pool);
    if (err) return cloud_dav_error(r, err);
    c.start = lseek(c.fd, 0, SEEK_CUR);
    c.name = t->chunk;
    cloud_content_headers(r, &c);
    return cloud_content_send(r, &c);
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
    cloud_content_t c = {0};
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
    file_headers(r, t, found.sums, found.mtime);
    status = conditions(r, found.etag);
    if (status != OK) return status;
    c.fd = found.fd;
    c.size = found.size;
    c.name = found.name;
    cloud_content_headers(r, &c);
    return cloud_content_send(r, &c);
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
