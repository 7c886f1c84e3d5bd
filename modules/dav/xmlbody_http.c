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
    apr_off_t total, limit;
    char *block;
    apr_size_t size, used;
} gather_t;

static cloud_err_t *parse_block(gather_t *g)
{
    apr_size_t len = g->used;

    g->used = 0;
    return len ? cloud_xml_feed(g->parser, g->block, len) : NULL;
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

cloud_err_t *cloud_dav_xml_body(cloud_xml_t **root, request_rec *r)
{
    gather_t g = {.r = r, .parser = cloud_xml_parser_create(NULL, r->pool),
                  .limit = ap_get_limit_xml_body(r)};

    *root = NULL;
    CLOUD_ERR(cloud_body_read(r, READ_SIZE, gather, &g));
    CLOUD_ERR(parse_block(&g));
    return cloud_xml_finish(root, g.parser);
}
