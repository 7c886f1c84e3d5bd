/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_login.c
 * The module: pages to sign in and out, and the page of the account.
 */
#include "login_http.h"

#include <jansson.h>

#include "group.h"
#include "mod_authn_cloud.h"
#include "mod_cloud_provisioning.h"

#define EXPIRE_EVERY apr_time_from_sec(600)

#define PAGE (CLOUD_EP_PAGE | CLOUD_EP_EXACT)

/* The places, and who serves them. */
static const struct {
    cloud_endpoint_t ep;
    int (*serve)(request_rec *r, const char *rest);
} PLACES[] = {
    { { LOGIN_PATH, CLOUD_EP_PAGE, cloud_login_error_body }, login_page },
    { { CHALLENGE_PATH, PAGE, cloud_login_error_body }, login_challenge },
    { { FLOW_PATH, CLOUD_EP_PAGE, cloud_login_error_body }, login_flow },
    { { TOKEN_PATH, PAGE, login_json_error }, login_token },
    { { LOGOUT_PATH, PAGE, cloud_login_error_body }, login_logout },
    { { ACCOUNT_PATH, PAGE, cloud_login_error_body }, login_account_page },
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

/* Where a second factor is asked for, a password that Apache has found right opens pages, which ask
 * for more, and nothing else. */
static int fixups(request_rec *r)
{
    const cloud_endpoint_t *ep = r->main || !r->user ? NULL : cloud_http_endpoint(r, NULL);
    const cloud_account_t *account;
    cloud_ctx_t *ctx;
    cloud_err_t *err;
    int needed = 0;

    if (!ep || (ep->flags & (CLOUD_EP_PAGE | CLOUD_EP_ALWAYS)) || !login_by_password(r)
        || !(account = cloud_http_account(r))) {
        return DECLINED;
    }
    err = cloud_http_ctx(&ctx, r);
    if (!err && !ctx->who.client) {
        err = cloud_second_needed(&needed, ctx, account);
    }
    if (needed) {
        err = cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, "A password alone is not enough for this "
                        "account, which has a second factor: use an app password");
    }
    return err ? cloud_http_error(r, err) : DECLINED;
}

/* ---- for the provisioning API ---- */

static cloud_err_t *cloud_twofactor_get(int *on, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    (void)ctx;
    *on = account->two_factor;
    return NULL;
}

/* It is turned on with the device at hand, on the page of the account, and there only its owner turns it
 * off, with a code: an app password must not. Administrators turn off that of others. */
static cloud_err_t *cloud_twofactor_set(cloud_ctx_t *ctx, const cloud_account_t *account, int on)
{
    const cloud_account_t *who = ctx->who.account;
    cloud_ctx_t *system;
    cloud_role_t role;

    if (on == account->two_factor) {
        return NULL;
    }
    if (on) {
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "A second factor is set up by its owner, on the page of the account");
    }
    CLOUD_ERR(cloud_role(&role, ctx));
    if (role != CLOUD_ROLE_ADMIN || (who && who->number == account->number)) {
        return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    }
    system = cloud_ctx_create(ctx->store, ctx->pool);
    system->who = (cloud_principal_t){ .system = 1, .client = ctx->who.client,
                                       .address = ctx->who.address };
    system->request_id = ctx->request_id;
    return cloud_second_off(system, account, 0);
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

/* Groups as a JSON array: their names may hold commas. */
static const char *list_of(cmd_parms *cmd, int n, char *const names[])
{
    json_t *list = json_array();
    const char *text;
    char *dumped;
    int i;

    for (i = 0; i < n; i++) {
        if (json_array_append_new(list, json_string(names[i]))) {
            json_decref(list);
            return NULL; /* it is not UTF-8 */
        }
    }
    dumped = json_dumps(list, JSON_COMPACT);
    text = dumped ? apr_pstrdup(cmd->pool, dumped) : NULL;
    free(dumped);
    json_decref(list);
    return text;
}

static const char *set_two_factor(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    int required = argc > 0 && !ap_cstr_casecmp(argv[0], "required");
    const char *groups = argc > 1 ? list_of(cmd, argc - 1, argv + 1) : "[]", *err;

    if (!groups || !argc || (!required && (argc > 1 || ap_cstr_casecmp(argv[0], "optional")))) {
        return "CloudTwoFactor must be optional, or required, with the groups of whom it is "
               "required, if not of everybody";
    }
    err = cloud_http_setting(cmd, "system", "twofactor_enforced", required ? "true" : "false");
    return err ? err : cloud_http_setting(cmd, "system", "twofactor_enforced_groups", groups);
}

static const command_rec commands[] = {
    AP_INIT_TAKE_ARGV("CloudTwoFactor", set_two_factor, NULL, RSRC_CONF,
                      "optional (the default), or required, for everybody or for the groups named"),
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
        .form = cloud_login_form_sized,
        .fields = cloud_login_fields,
        .form_token = cloud_login_form_token,
        .page_create = cloud_page_create,
        .page_putv = login_page_putv,
        .page_form = cloud_page_form,
        .page_upload_form = cloud_page_upload_form,
        .page_secret = cloud_page_secret,
        .page_allow = cloud_page_allow,
        .page_send = cloud_page_send,
        .page_message = cloud_page_message,
        .redirect = cloud_login_redirect,
        .error_body = cloud_login_error_body,
        .register_section = cloud_login_register_section,
        .page_section_form = cloud_page_section_form,
        .register_onward = cloud_login_register_onward,
    };

    return &api;
}

static apr_status_t unregister(void *data)
{
    (void)data;
    cloud_login_unregister();
    return APR_SUCCESS;
}

/* The lists are there before other modules, in whatever order, add to them. */
static int pre_config_first(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    login_sections_reset(pconf);
    login_onward_reset(pconf);
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
    static const char *const after[] = { "mod_cloud.c", NULL }; /* which knows the account */

    APR_REGISTER_OPTIONAL_FN(cloud_login_api);
    APR_REGISTER_OPTIONAL_FN(cloud_twofactor_get);
    APR_REGISTER_OPTIONAL_FN(cloud_twofactor_set);
    ap_hook_pre_config(pre_config_first, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(fixups, after, NULL, APR_HOOK_REALLY_FIRST);
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
