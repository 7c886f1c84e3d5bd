/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud.c
 * The module: its hooks, and nothing else.
 */
#include "private.h"

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    cloud_registry_reset(pconf);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    /* An operator's rewrite rules (to https, say) come first. What mod_proxy and mod_alias map
     * does not include our URLs. */
    static const char *const rewrite[] = { "mod_rewrite.c", NULL };
    static const char *const proxy[] = { "mod_proxy.c", NULL };

    cloud_registry_api();
    cloud_errors_register();

    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_config(cloud_check_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_post_config(cloud_post_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_child_init(cloud_child_init, NULL, NULL, APR_HOOK_FIRST);

    ap_hook_post_read_request(cloud_post_read_request, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(cloud_translate_name, rewrite, proxy, APR_HOOK_FIRST);
    ap_hook_map_to_storage(cloud_map_to_storage, NULL, proxy, APR_HOOK_FIRST);
    ap_hook_check_access(cloud_access_checker, NULL, NULL, APR_HOOK_FIRST,
                         AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(cloud_auth_checker, NULL, NULL, APR_HOOK_REALLY_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_type_checker(cloud_type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(cloud_fixups, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(cloud_keep_out, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(cloud_unknown_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(cloud_last_handler, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_filter(cloud_insert_error_filter, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(cloud_insert_error_filter, NULL, NULL, APR_HOOK_LAST);
    ap_hook_log_transaction(cloud_log_transaction, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA cloud_module = {
    STANDARD20_MODULE_STUFF,
    cloud_dir_conf_create,
    cloud_dir_conf_merge,
    cloud_server_conf_create,
    cloud_server_conf_merge,
    cloud_commands,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
