/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Buffers of the writer to httpd's output filters. */
#include "reply.h"

#include "dav_private.h"
#include "content.h"

APLOG_USE_MODULE(cloud_dav);

struct cloud_reply_t {
    request_rec *r;
    cloud_out_t *out;
    apr_bucket_brigade *bb;
    int started, last;
};

/* A transient bucket: whoever can't send it at once makes a copy, and the network filter does not
 * keep more than a buffer or two of those. With the last buffer goes the end of the answer: a short
 * answer is one brigade, and gets a Content-Length. */
static apr_status_t flush(void *baton, const char *data, apr_size_t len)
{
    cloud_reply_t *reply = baton;
    conn_rec *c = reply->r->connection;
    apr_status_t rv;

    reply->started = 1;
    APR_BRIGADE_INSERT_TAIL(reply->bb, apr_bucket_transient_create(data, len, c->bucket_alloc));
    if (reply->last)
        APR_BRIGADE_INSERT_TAIL(reply->bb, apr_bucket_eos_create(c->bucket_alloc));
    rv = ap_pass_brigade(reply->r->output_filters, reply->bb);
    apr_brigade_cleanup(reply->bb);
    return rv == APR_SUCCESS && c->aborted ? APR_ECONNABORTED : rv;
}

cloud_reply_t *cloud_reply_begin(request_rec *r, int with_dav)
{
    cloud_reply_t *reply = apr_pcalloc(r->pool, sizeof(*reply));

    reply->r = r;
    reply->bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    reply->out = cloud_out_create(flush, reply, r->pool);
    r->status = HTTP_MULTI_STATUS;
    r->status_line = NULL;
    ap_set_content_type(r, "application/xml; charset=utf-8");
    apr_table_mergen(r->headers_out, "Vary", "Brief,Prefer");
    if (with_dav)
        apr_table_setn(r->headers_out, "DAV", cloud_http_view(r) ? CLOUD_DAV_NO_LOCKS
                                                                 : CLOUD_DAV_CLASSES);
    return reply;
}

cloud_out_t *cloud_reply_out(cloud_reply_t *reply)
{
    return reply->out;
}

int cloud_reply_end(cloud_reply_t *reply, cloud_err_t *err)
{
    request_rec *r = reply->r;

    if (err && reply->started) {
        cloud_http_error(r, err);
        return cloud_content_cut(r);
    }
    if (err) {
        r->status = HTTP_OK;
        apr_table_unset(r->headers_out, "Vary");
        apr_table_unset(r->headers_out, "DAV");
        return cloud_dav_error(r, err);
    }
    reply->last = 1;
    if (cloud_out_flush(reply->out) == APR_SUCCESS) return OK;
    return r->connection->aborted ? OK : AP_FILTER_ERROR;
}

/* "return=minimal" is RFC 8144; "return-minimal" and Brief are what came before it. */
int cloud_reply_minimal(request_rec *r)
{
    const char *prefer = apr_table_get(r->headers_in, "Prefer");
    const char *brief = apr_table_get(r->headers_in, "Brief");

    if (brief && (*brief == 't' || *brief == 'T')) return 1;
    return prefer && (ap_strcasestr(prefer, "return=minimal") ||
                      ap_strcasestr(prefer, "return-minimal"));
}

int cloud_reply_listing(request_rec *r, cloud_listing_t *listing, cloud_dav_kind_t kind)
{
    /* gvfs takes a parent that has a DAV header for the place to mount. */
    cloud_reply_t *reply = cloud_reply_begin(r, kind != CLOUD_DAV_PARENT);
    cloud_out_t *out = cloud_reply_out(reply);
    cloud_dav_view_t *view = cloud_listing_view(listing);
    cloud_err_t *err;

    if (!cloud_http_view(r)) view->reports = cloud_dav_reports(kind, r->pool);
    view->url = ap_construct_url(r->pool, cloud_http_uri(r, "", "", r->pool), r);
    cloud_out_begin(out);
    err = cloud_listing_write(listing, out);
    if (!err) cloud_out_end(out);
    return cloud_reply_end(reply, err);
}
