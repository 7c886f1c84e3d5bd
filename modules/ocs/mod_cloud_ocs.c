/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_ocs.c
 * The module: status.php and the two OCS endpoints.
 */
#include "private.h"

static const cloud_endpoint_t status_php = {
    "/status.php", CLOUD_EP_EXACT | CLOUD_EP_ALWAYS, NULL
};
static const cloud_endpoint_t v1 = { "/ocs/v1.php", CLOUD_EP_SLASH, cloud_ocs_error_body };
static const cloud_endpoint_t v2 = { "/ocs/v2.php", CLOUD_EP_SLASH, cloud_ocs_error_body };

static int handler(request_rec *r)
{
    const char *rest;
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, &rest);

    if (ep == &status_php) {
        return cloud_ocs_status_php(r);
    }
    if (ep == &v1 || ep == &v2) {
        return cloud_ocs_serve(r, ep == &v2 ? 2 : 1, rest + strlen(ep->path));
    }
    return DECLINED;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    if (!cloud_http_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_register_endpoint(&status_php);
    cloud_register_endpoint(&v1);
    cloud_register_endpoint(&v2);
    cloud_register_capability(cloud_ocs_core_capabilities);
    cloud_register_ocs(cloud_ocs_capabilities_routes);
    cloud_register_ocs(cloud_ocs_user_routes);
    cloud_register_ocs(cloud_ocs_user_sync_routes);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_ocs_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
