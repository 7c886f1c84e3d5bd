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

/* Gathers what is read before it is parsed, in blocks that double: the parser scans an unfinished token
 * anew with each piece that it is given, so that one token of some megabytes in small pieces would
 * keep it busy for many seconds. */
typedef struct {
    request_rec *r;
    cloud_xml_parser_t *parser;
    apr_off_t total;
    char *block;
    apr_size_t size, used;
} gather_t;

static cloud_err_t *parse_block(gather_t *g)
{
    apr_size_t len = g->used;

    g->used = 0;
    return len ? cloud_xml_feed(g->parser, g->block, len) : NULL;
}

static cloud_err_t *gather(gather_t *g, const char *data, apr_size_t len)
{
    apr_size_t n;

    for (; len > 0; data += n, len -= n) {
        if (g->used == g->size) {
            CLOUD_ERR(parse_block(g));
            g->size = g->size ? 2 * g->size : READ_SIZE;
            g->block = apr_palloc(g->r->pool, g->size);
        }
        n = g->size - g->used < len ? g->size - g->used : len;
        memcpy(g->block + g->used, data, n);
        g->used += n;
    }
    return NULL;
}

/* Takes what is in bb; *done 1 at the end of the body. */
static cloud_err_t *take(gather_t *g, int *done, apr_bucket_brigade *bb)
{
    apr_off_t limit = ap_get_limit_xml_body(g->r);
    const char *data;
    apr_status_t rv;
    apr_size_t len;

    for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b)) {
            *done = 1;
            return parse_block(g);
        }
        if (APR_BUCKET_IS_METADATA(b)) continue;
        rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv != APR_SUCCESS) return read_error(g->r, rv);
        g->total += (apr_off_t)len;
        if (limit && g->total > limit)
            return cloud_err(g->r->pool, CLOUD_E_TOO_LARGE, "The XML body is too large");
        CLOUD_ERR(gather(g, data, len));
    }
    return NULL;
}

cloud_err_t *cloud_dav_xml_body(cloud_xml_t **root, request_rec *r)
{
    gather_t g = {.r = r, .parser = cloud_xml_parser_create(NULL, r->pool)};
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int done = 0;

    *root = NULL;
    while (!done) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                                         READ_SIZE);

        if (rv != APR_SUCCESS) return read_error(r, rv);
        CLOUD_ERR(take(&g, &done, bb));
        apr_brigade_cleanup(bb);
    }
    return cloud_xml_finish(root, g.parser);
}
