/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_provisioning.c
 * The module: ownCloud's provisioning API, and the calls about people that belong to its core.
 */
#include "private.h"

#include "mod_authn_cloud.h"

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)ptemp;
    if (!cloud_http_connect(plog) || !cloud_auth_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_register_ocs(cloud_prov_user_routes);
    cloud_register_ocs(cloud_prov_edit_routes);
    cloud_register_ocs(cloud_prov_member_routes);
    cloud_register_ocs(cloud_prov_group_routes);
    cloud_register_ocs(cloud_prov_app_routes);
    cloud_register_ocs(cloud_prov_core_routes);
    cloud_register_ocs(cloud_prov_role_routes);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cloud_provisioning_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
