/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: the pages and calls below index.php/apps/oauth2, and bearer tokens. What codes and
 * tokens are is in oauth2.h. */
#include "oauth2_http.h"

#define JOB_EVERY apr_time_from_sec(3600)

typedef enum { MODE_UNSET, MODE_OFF, MODE_ON, MODE_ALWAYS } oauth_mode_t;

typedef struct {
    oauth_mode_t mode;
} dir_conf_t;

static const struct {
    const char *name;
    oauth_mode_t mode;
} MODES[] = {
    { "off", MODE_OFF },
    { "on", MODE_ON },
    { "always", MODE_ALWAYS },
};

/* ---- configuration ---- */

static void *dir_create(apr_pool_t *p, char *dir)
{
    (void)dir;
    return apr_pcalloc(p, sizeof(dir_conf_t));
}

static void *dir_merge(apr_pool_t *p, void *basev, void *addv)
{
    const dir_conf_t *base = basev, *add = addv;
    dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->mode = add->mode != MODE_UNSET ? add->mode : base->mode;
    return conf;
}

static const char *set_mode(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_size_t i;

    (void)cmd;
    for (i = 0; i < sizeof(MODES) / sizeof(*MODES); i++) {
        if (!ap_cstr_casecmp(arg, MODES[i].name)) {
            ((dir_conf_t *)dir)->mode = MODES[i].mode;
            return NULL;
        }
    }
    return "CloudOAuth2 must be on, off or always";
}

static oauth_mode_t mode_of(request_rec *r)
{
    const dir_conf_t *conf = ap_get_module_config(r->per_dir_config, &cloud_oauth2_module);

    return conf->mode == MODE_UNSET ? MODE_ON : conf->mode;
}

int oauth_is_on(request_rec *r)
{
    return mode_of(r) != MODE_OFF;
}

/* Stock clients prefer tokens as soon as they hear of them, and then refuse to log in without TLS. */
int oauth_is_announced(request_rec *r)
{
    return mode_of(r) == MODE_ALWAYS
        || (mode_of(r) == MODE_ON && !strcmp(ap_http_scheme(r), "https"));
}

int oauth_no_method(request_rec *r, int get, int post)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_OPTIONS, get ? M_GET : M_OPTIONS,
                              post ? M_POST : M_OPTIONS, -1);
    return cloud_http_no_method(r);
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("CloudOAuth2", set_mode, NULL, RSRC_CONF | ACCESS_CONF,
                  "on: tokens are accepted, and announced with TLS; always: announced without, too; "
                  "off; on by default"),
    { NULL }
};

/* ---- routes ---- */

#define PAGE (CLOUD_EP_EXACT | CLOUD_EP_PAGE)

static const struct {
    cloud_endpoint_t endpoint;
    int (*fn)(request_rec *);
} ROUTES[] = {
    { { AUTHORIZE_PATH, PAGE, cloud_login_error_body }, oauth_authorize },
    { { LOGOUT_PATH, PAGE, cloud_login_error_body }, oauth_logout },
    { { SUCCESS_PATH, PAGE, cloud_login_error_body }, oauth_successful },
    { { API_PATH "/token", CLOUD_EP_EXACT, oauth_error_body }, oauth_token },
    { { API_PATH "/revoke", CLOUD_EP_EXACT, oauth_error_body }, oauth_revoke },
    { { API_PATH "/userinfo", CLOUD_EP_EXACT, oauth_error_body }, oauth_userinfo },
};

static int handler(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);
    apr_size_t i;

    for (i = 0; ep && i < sizeof(ROUTES) / sizeof(*ROUTES); i++) {
        if (ep == &ROUTES[i].endpoint) {
            return oauth_is_on(r) ? ROUTES[i].fn(r)
                                  : cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND,
                                                                  NULL));
        }
    }
    return DECLINED;
}

/* ---- hooks ---- */

static apr_status_t unregister(void *unused)
{
    (void)unused;
    cloud_oauth_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    apr_size_t i;

    (void)ptemp;
    if (!cloud_http_connect(plog) || !cloud_auth_connect(plog) || !cloud_login_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_oauth_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    for (i = 0; i < sizeof(ROUTES) / sizeof(*ROUTES); i++) {
        cloud_register_endpoint(&ROUTES[i].endpoint);
    }
    cloud_register_job("oauth2 expiry", JOB_EVERY, cloud_oauth_expire);
    cloud_login_register_section(&oauth_section);
    cloud_login_register_onward(oauth_onward);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* Before Basic, which would answer 401 to any other scheme. */
    ap_hook_check_authn(oauth_check_authn, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_insert_error_filter(oauth_challenge, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cloud_oauth2_module = {
    STANDARD20_MODULE_STUFF, dir_create, dir_merge, NULL, NULL, commands, register_hooks,
    AP_MODULE_FLAG_NONE,
};
