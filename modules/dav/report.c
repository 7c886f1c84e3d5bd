/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* REPORT. mod_dav asks every module's hook in turn; here is ours. */
#include "report.h"

#include "dav_private.h"

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

/* ---- the hook ---- */

int cloud_dav_report_check(request_rec *r)
{
    cloud_xml_t *root;
    cloud_err_t *err = cloud_dav_xml_body_peek(&root, r);

    if (!err && !root)
        err = cloud_err(r->pool, CLOUD_E_INVALID, "The request body must specify a report");
    if (err) return cloud_dav_error(r, err);
    ap_set_module_config(r->request_config, &cloud_dav_module, root);
    return DECLINED;
}

int cloud_dav_report(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    const cloud_xml_t *root = ap_get_module_config(r->request_config, &cloud_dav_module);
    const cloud_dav_report_t *report = t->view ? NULL : find(root, t->kind);

    return report ? report->fn(r, ctx, t, root) : DECLINED;
}

int cloud_dav_report_unknown(request_rec *r)
{
    return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_NO_REPORT, NULL));
}
