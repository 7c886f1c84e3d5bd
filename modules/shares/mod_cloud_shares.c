/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: OCS routes, capabilities, properties and personal settings of sharing. What shares are is in
 * share.h. */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "private.h"

static int handler(request_rec *r)
{
    return cloud_http_endpoint(r, NULL) == &cloud_shares_personal ? cloud_shares_personal_serve(r)
                                                                  : DECLINED;
}

static apr_status_t unregister(void *data)
{
    (void)data;
    cloud_shares_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)ptemp;
    if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_shares_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    cloud_register_endpoint(&cloud_shares_personal);
    cloud_register_ocs(cloud_shares_routes);
    cloud_register_ocs(cloud_shares_notify_routes);
    cloud_register_ocs(cloud_shares_other_routes);
    cloud_register_ocs(cloud_shares_sharee_routes);
    cloud_shares_register_props();
    cloud_register_capability(cloud_shares_capabilities);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_shares_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
