/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_web.c
 * The module: private links, and a page of each folder for them to lead to.
 */
#include "web.h"

#include <jansson.h>

#include "props.h"

extern module AP_MODULE_DECLARE_DATA cloud_web_module;

#define LINK_PATH "/index.php/f"

static const struct {
    cloud_endpoint_t ep;
    int (*serve)(request_rec *r, const char *rest);
} PLACES[] = {
    { { FILES_PATH, CLOUD_EP_PAGE, cloud_login_error_body }, web_folder },
    { { LINK_PATH, CLOUD_EP_PAGE, cloud_login_error_body }, web_private_link },
    { { "/f", CLOUD_EP_PAGE, cloud_login_error_body }, web_private_link },
};
#define NPLACES (sizeof(PLACES) / sizeof(*PLACES))

static int handler(request_rec *r)
{
    const char *rest;
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, &rest);

    for (apr_size_t i = 0; ep && i < NPLACES; i++) {
        if (ep == &PLACES[i].ep) return PLACES[i].serve(r, rest + strlen(ep->path));
    }
    return DECLINED;
}

int web_no_method(int *status, request_rec *r)
{
    if (r->method_number == M_GET) return 0;
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_OPTIONS, -1);
    *status = cloud_http_no_method(r);
    return 1;
}

/* ---- clients ---- */

static cloud_prop_state_t write_link(cloud_out_t *out, const cloud_dav_row_t *row,
                                     cloud_dav_view_t *view)
{
    if (!(row->flags & CLOUD_ROW_NODE) || !view->url) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, view->url, strlen(view->url));
    cloud_out_str(out, LINK_PATH "/");
    cloud_out_int(out, row->id);
    return CLOUD_PROP_VALUE;
}

static const cloud_dav_prop_t props[] = {
    { CLOUD_NS_OC, "privatelink", 0, 0, write_link },
    { NULL, NULL, 0, 0, NULL },
};

static cloud_err_t *capability(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r)
{
    json_t *files = json_object_get(capabilities, "files");

    (void)ctx;
    (void)r;
    json_object_set_new(files, "privateLinks", json_true());
    return NULL;
}

/* ---- hooks ---- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_props) *register_props =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_props);

    (void)pconf;
    (void)ptemp;
    if (!cloud_http_connect(plog) || !cloud_login_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    if (!APR_RETRIEVE_OPTIONAL_FN(cloud_archive_respond)) {
        ap_log_perror(APLOG_MARK, APLOG_EMERG, 0, plog, "mod_cloud_archive, from which the pages "
                      "fetch, is not loaded: add LoadModule cloud_archive_module");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (apr_size_t i = 0; i < NPLACES; i++) cloud_register_endpoint(&PLACES[i].ep);
    if (register_props) register_props(props);
    cloud_register_capability(capability);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    /* After mod_cloud_ocs: its capabilities make the objects that ours adds to. */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cloud_web_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
