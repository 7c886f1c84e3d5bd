/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The request body, read into the XML parser. */
#include "dav_private.h"

APLOG_USE_MODULE(cloud_dav);

#define READ_SIZE 8192

static cloud_err_t *read_error(request_rec *r, apr_status_t rv)
{
    int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

    if (status == HTTP_REQUEST_ENTITY_TOO_LARGE)
        return cloud_err(r->pool, CLOUD_E_TOO_LARGE, NULL);
    return cloud_err_sys(r->pool, CLOUD_E_INVALID, rv, "The request body could not be read");
}

/* Feeds what is in bb; *done 1 at the end of the body. */
static cloud_err_t *feed(cloud_xml_parser_t *parser, apr_off_t *total, int *done, request_rec *r,
                         apr_bucket_brigade *bb)
{
    apr_off_t limit = ap_get_limit_xml_body(r);
    const char *data;
    apr_status_t rv;
    apr_size_t len;

    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b)) {
            *done = 1;
            return NULL;
        }
        if (APR_BUCKET_IS_METADATA(b)) continue;
        rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv != APR_SUCCESS) return read_error(r, rv);
        *total += (apr_off_t)len;
        if (limit && *total > limit)
            return cloud_err(r->pool, CLOUD_E_TOO_LARGE, "The XML body is too large");
        CLOUD_ERR(cloud_xml_feed(parser, data, len));
    }
    return NULL;
}

cloud_err_t *cloud_dav_xml_body(cloud_xml_t **root, request_rec *r)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(NULL, r->pool);
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_off_t total = 0;
    int done = 0;

    *root = NULL;
    while (!done) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                                         READ_SIZE);

        if (rv != APR_SUCCESS) return read_error(r, rv);
        CLOUD_ERR(feed(parser, &total, &done, r, bb));
        apr_brigade_cleanup(bb);
    }
    return cloud_xml_finish(root, parser);
}
