/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* REPORT. mod_dav reads the body and asks every module's hook in turn; here is ours. */
#include "report.h"

#include "dav_private.h"

#include <util_filter.h>

APLOG_USE_MODULE(cloud_dav);

#define MAX_REGISTERED 16

static const cloud_dav_report_t *registered[MAX_REGISTERED];
static int registered_len;

void cloud_dav_register_reports(const cloud_dav_report_t *reports)
{
    for (int i = 0; i < registered_len; i++) {
        if (registered[i] == reports) return;
    }
    if (registered_len < MAX_REGISTERED) registered[registered_len++] = reports;
}

void cloud_dav_reset_reports(void)
{
    registered_len = 0;
}

static const cloud_dav_report_t *find(const cloud_xml_t *root, cloud_dav_kind_t kind)
{
    for (int i = 0; i < registered_len; i++) {
        for (const cloud_dav_report_t *d = registered[i]; d->ns; d++) {
            if (cloud_xml_is(root, d->ns, d->name) && (d->kinds & 1u << kind)) return d;
        }
    }
    return NULL;
}

const char *cloud_dav_reports(cloud_dav_kind_t kind, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = 0; i < registered_len; i++) {
        for (const cloud_dav_report_t *d = registered[i]; d->ns; d++) {
            if (!(d->kinds & 1u << kind)) continue;
            text = apr_pstrcat(pool, text, "<d:supported-report><d:report><", d->name,
                               " xmlns=\"", cloud_xml_escape(d->ns, pool),
                               "\"/></d:report></d:supported-report>", NULL);
        }
    }
    return *text ? text : NULL;
}

/* ---- the tree that mod_dav made, as ours ---- */

static cloud_xml_t *text_node(const apr_text_header *cdata, apr_pool_t *pool)
{
    cloud_xml_t *node = NULL;
    const apr_text *t;
    apr_size_t len = 0;
    char *to;

    for (t = cdata->first; t; t = t->next) len += strlen(t->text);
    if (!len) return NULL;
    node = apr_pcalloc(pool, sizeof(*node));
    node->text = to = apr_palloc(pool, len + 1);
    for (t = cdata->first; t; t = t->next) {
        apr_size_t n = strlen(t->text);

        memcpy(to, t->text, n);
        to += n;
    }
    *to = '\0';
    return node;
}

static void append(cloud_xml_t *parent, cloud_xml_t *node)
{
    if (!node || !parent) return;
    node->parent = parent;
    if (parent->last) parent->last->next = node;
    else parent->first = node;
    parent->last = node;
}

static cloud_xml_t *convert_one(const apr_xml_doc *doc, const apr_xml_elem *elem, apr_pool_t *pool)
{
    cloud_xml_t *e = apr_pcalloc(pool, sizeof(*e));

    e->name = elem->name;
    e->ns = elem->ns < 0 ? "" : APR_XML_GET_URI_ITEM(doc->namespaces, elem->ns);
    e->prefix = "";
    e->lang = elem->lang;
    append(e, text_node(&elem->first_cdata, pool));
    return e;
}

/* Without recursion: the depth is the client's choice, and NULL when it is too deep. Attributes are
 * nothing that reports have. */
static cloud_xml_t *convert(const apr_xml_doc *doc, apr_pool_t *pool)
{
    cloud_xml_t *root = convert_one(doc, doc->root, pool), *to = root;
    const apr_xml_elem *from = doc->root;
    int depth = 1;

    for (;;) {
        if (from->first_child) {
            if (++depth > cloud_xml_limits.depth) return NULL;
            from = from->first_child;
        }
        else {
            while (from != doc->root && !from->next) {
                append(to->parent, text_node(&from->following_cdata, pool));
                from = from->parent;
                to = to->parent;
                depth--;
            }
            if (from == doc->root) return root;
            append(to->parent, text_node(&from->following_cdata, pool));
            from = from->next;
            to = to->parent;
        }
        {
            cloud_xml_t *e = convert_one(doc, from, pool);

            append(to, e);
            to = e;
        }
    }
}

/* ---- the body ---- */

/* Bytes. The parser of mod_dav looks at all namespaces that it knows for each one that is declared: a body
 * of a megabyte would take it a quarter of a minute. */
#define BODY_MAX (64 * 1024)

static ap_filter_rec_t *bound;

static apr_status_t count(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                          apr_read_type_e block, apr_off_t bytes)
{
    apr_off_t *left = f->ctx, len = 0;
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, bytes);

    if (rv == APR_SUCCESS) rv = apr_brigade_length(bb, 1, &len);
    *left -= len;
    return rv == APR_SUCCESS && *left < 0 ? APR_ENOSPC : rv; /* httpd makes a 413 of it */
}

void cloud_dav_register_report_body(void)
{
    bound = ap_register_input_filter("CLOUD_REPORT_BODY", count, NULL, AP_FTYPE_RESOURCE);
}

void cloud_dav_bound_report(request_rec *r)
{
    apr_off_t *left = apr_palloc(r->pool, sizeof(*left));

    *left = BODY_MAX;
    ap_add_input_filter_handle(bound, left, r, r->connection);
}

/* ---- the hook ---- */

int cloud_dav_report(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t,
                     const apr_xml_doc *doc)
{
    cloud_xml_t *root = convert(doc, r->pool);
    const cloud_dav_report_t *report;

    if (!root)
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_TOO_LARGE,
                                            "The XML body is nested too deeply"));
    report = t->view ? NULL : find(root, t->kind);
    return report ? report->fn(r, ctx, t, root) : DECLINED;
}

int cloud_dav_report_unknown(request_rec *r)
{
    return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NO_REPORT, NULL));
}
