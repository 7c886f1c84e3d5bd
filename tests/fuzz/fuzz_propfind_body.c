/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Request bodies of PROPFIND, PROPPATCH, LOCK and REPORT: parsed in two pieces, compiled to a
 * request for properties, a row written for it, and every element turned back into XML, which must
 * parse and come out the same. The first byte of the input is where the body is cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "props.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static apr_status_t swallow(void *baton, const char *data, apr_size_t len)
{
    size_t *total = baton;

    *total += len + (size_t)(data[0] == '\0');
    return APR_SUCCESS;
}

static cloud_xml_t *parse(const char *data, size_t len, size_t cut, apr_pool_t *pool)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(NULL, pool);
    cloud_xml_t *root = NULL;

    if (cut > len) cut = len;
    if (cloud_xml_feed(parser, data, cut)) return NULL;
    if (cloud_xml_feed(parser, data + cut, len - cut)) return NULL;
    return cloud_xml_finish(&root, parser) ? NULL : root;
}

static void write_rows(cloud_propreq_t *req, apr_pool_t *pool)
{
    static const cloud_prop_t dead = {"urn:x", "x", "value", "en"};
    cloud_dav_view_t *view = apr_pcalloc(pool, sizeof(*view));
    cloud_dav_row_t row = {.flags = CLOUD_ROW_NODE, .id = 1, .name = "a<b", .name_len = 3,
                           .etag = "e", .etag_len = 1, .dead = &dead, .dead_len = 1};
    size_t total = 0;
    cloud_out_t *out = cloud_out_create(swallow, &total, pool);

    view->pool = pool;
    view->fileid_tail = "";
    cloud_propreq_row(out, req, view, "/", 1, &row);
    row.flags |= CLOUD_ROW_DIR;
    cloud_propreq_row(out, req, view, "/", 1, &row);
    cloud_out_flush(out);
    if (!total) abort();
}

static void round_trip(const cloud_xml_t *e, apr_pool_t *pool)
{
    const char *inner = cloud_xml_inner(e, pool);
    const char *doc = apr_pstrcat(pool, "<d:z xmlns:d=\"DAV:\" xmlns:p=\"urn:p\">", inner, "</d:z>",
                                  NULL);
    cloud_xml_t *again = parse(doc, strlen(doc), strlen(doc) / 2, pool);

    if (!again || strcmp(cloud_xml_inner(again, pool), inner) != 0) abort();
    cloud_xml_text(e, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    const cloud_xml_t *e;
    cloud_propreq_t *req;
    cloud_xml_t *root;
    apr_pool_t *pool;

    if (!started) apr_initialize();
    started = 1;
    if (!size) return 0;
    apr_pool_create(&pool, NULL);
    root = parse((const char *)data + 1, size - 1, data[0], pool);
    if (root) {
        if (!cloud_propreq_parse(&req, root, 0, pool)) write_rows(req, pool);
        if (!cloud_propreq_prop(&req, root, 1, pool)) write_rows(req, pool);
        round_trip(root, pool);
        for (e = cloud_xml_first(root); e; e = cloud_xml_next(e)) {
            cloud_xml_child(e, CLOUD_NS_DAV, "prop");
            round_trip(e, pool);
        }
    }
    apr_pool_destroy(pool);
    return 0;
}
