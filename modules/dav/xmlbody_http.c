/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The request body, read into the XML parser. */
#include "dav_private.h"

#include "body.h"

APLOG_USE_MODULE(cloud_dav);

#define READ_SIZE 8192

/* Gathers what is read before it is parsed, in blocks that double: the parser scans an unfinished token
 * anew with each piece that it is given, so that one token of some megabytes in small pieces would
 * keep it busy for many seconds. */
typedef struct {
    request_rec *r;
    cloud_xml_parser_t *parser;
    apr_bucket_brigade *kept;   /* gets all that is parsed; NULL: nobody wants it */
    apr_off_t total, limit;
    char *block;
    apr_size_t size, used;
} gather_t;

static cloud_err_t *parse_block(gather_t *g)
{
    apr_size_t len = g->used;

    g->used = 0;
    if (!len) return NULL;
    if (g->kept) apr_brigade_write(g->kept, NULL, NULL, g->block, len);
    return cloud_xml_feed(g->parser, g->block, len);
}

static cloud_err_t *gather(void *baton, const char *data, apr_size_t len)
{
    gather_t *g = baton;
    apr_size_t n;

    g->total += (apr_off_t)len;
    if (g->limit && g->total > g->limit)
        return cloud_err(g->r->pool, CLOUD_E_TOO_LARGE, "The XML body is too large");
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

static cloud_err_t *read_xml(cloud_xml_t **root, request_rec *r, apr_bucket_brigade *kept)
{
    gather_t g = {.r = r, .parser = cloud_xml_parser_create(NULL, r->pool), .kept = kept,
                  .limit = ap_get_limit_xml_body(r)};

    *root = NULL;
    CLOUD_ERR(cloud_body_read(r, READ_SIZE, gather, &g));
    CLOUD_ERR(parse_block(&g));
    return cloud_xml_finish(root, g.parser);
}

cloud_err_t *cloud_dav_xml_body(cloud_xml_t **root, request_rec *r)
{
    return read_xml(root, r, NULL);
}

/* ---- once more, for whoever comes after us ---- */

static apr_status_t replay(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                           apr_read_type_e block, apr_off_t readbytes)
{
    apr_bucket_brigade *kept = f->ctx;
    apr_bucket *end, *b;
    apr_status_t rv;

    (void)block;
    if (mode != AP_MODE_READBYTES) return APR_ENOTIMPL;
    rv = apr_brigade_partition(kept, readbytes, &end);
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) return rv;
    while ((b = APR_BRIGADE_FIRST(kept)) != end) {
        APR_BUCKET_REMOVE(b);
        APR_BRIGADE_INSERT_TAIL(bb, b);
    }
    /* Whoever asks again is told so again. */
    if (APR_BRIGADE_EMPTY(kept)) APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return APR_SUCCESS;
}

static ap_filter_rec_t *replay_filter;

void cloud_dav_register_replay(void)
{
    replay_filter = ap_register_input_filter("CLOUD_DAV_REPLAY", replay, NULL, AP_FTYPE_RESOURCE);
}

cloud_err_t *cloud_dav_xml_body_peek(cloud_xml_t **root, request_rec *r)
{
    apr_bucket_brigade *kept = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    CLOUD_ERR(read_xml(root, r, kept));
    ap_add_input_filter_handle(replay_filter, kept, r, r->connection);
    return NULL;
}
