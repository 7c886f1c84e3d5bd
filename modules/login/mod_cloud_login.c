/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_login.c
 * The module: pages to sign in and out, and the page of the account.
 */
#include "login_http.h"

#include "mod_authn_cloud.h"

#define EXPIRE_EVERY apr_time_from_sec(600)

/* The places, and who serves them. */
static const struct {
    cloud_endpoint_t ep;
    int (*serve)(request_rec *r, const char *rest);
} PLACES[] = {
    { { LOGIN_PATH, 0, cloud_login_error_body }, login_page },
    { { LOGOUT_PATH, CLOUD_EP_EXACT, cloud_login_error_body }, login_logout },
    { { ACCOUNT_PATH, CLOUD_EP_EXACT, cloud_login_error_body }, login_account_page },
};
#define NPLACES (sizeof(PLACES) / sizeof(*PLACES))

static int handler(request_rec *r)
{
    const char *rest;
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, &rest);
    apr_size_t i;

    for (i = 0; ep && i < NPLACES; i++) {
        if (ep == &PLACES[i].ep) {
            return PLACES[i].serve(r, rest + strlen(ep->path));
        }
    }
    return DECLINED;
}

/* ---- directives ---- */

static const char *set_idle(cmd_parms *cmd, void *dir, const char *arg)
{
    return cloud_http_setting(cmd, "system", "session_lifetime", arg);
}

static const char *set_lifetime(cmd_parms *cmd, void *dir, const char *arg)
{
    return cloud_http_setting(cmd, "system", "session_max_lifetime", arg);
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("CloudSessionTimeout", set_idle, NULL, RSRC_CONF,
                  "seconds without a request after which a browser signs in again; 3600 by default"),
    AP_INIT_TAKE1("CloudSessionLifetime", set_lifetime, NULL, RSRC_CONF,
                  "seconds after which a browser signs in again in any case; 86400 by default"),
    { NULL }
};

/* ---- hooks ---- */

static const cloud_login_api_t *cloud_login_api(void)
{
    static const cloud_login_api_t api = {
        .size = sizeof(cloud_login_api_t),
        .account = cloud_login_account,
        .ask = cloud_login_ask,
        .leave = login_end,
        .form = cloud_login_form,
        .fields = cloud_login_fields,
        .page_create = cloud_page_create,
        .page_putv = login_page_putv,
        .page_form = cloud_page_form,
        .page_allow = cloud_page_allow,
        .page_send = cloud_page_send,
        .page_message = cloud_page_message,
        .redirect = cloud_login_redirect,
        .error_body = cloud_login_error_body,
        .register_section = cloud_login_register_section,
        .page_section_form = cloud_page_section_form,
    };

    return &api;
}

static apr_status_t unregister(void *data)
{
    (void)data;
    cloud_login_unregister();
    return APR_SUCCESS;
}

/* The list of sections is there before other modules, in whatever order, add to it. */
static int pre_config_first(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    login_sections_reset(pconf);
    return OK;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    apr_size_t i;

    if (!cloud_http_connect(plog) || !cloud_auth_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_login_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    for (i = 0; i < NPLACES; i++) {
        cloud_register_endpoint(&PLACES[i].ep);
    }
    cloud_register_job("login expiry", EXPIRE_EVERY, cloud_login_expire);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    APR_REGISTER_OPTIONAL_FN(cloud_login_api);
    ap_hook_pre_config(pre_config_first, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_login_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    commands,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
