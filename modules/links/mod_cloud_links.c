/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: public links, as pages and by WebDAV. What a link is is in link.h. */
#include "links_http.h"

#include "space.h"

static const cloud_endpoint_t public_endpoint = { PUBLIC_PATH, CLOUD_EP_DAV | CLOUD_EP_VIEW, NULL };
static const cloud_endpoint_t token_endpoint = { TOKEN_PATH, CLOUD_EP_DAV | CLOUD_EP_VIEW, NULL };
static const cloud_endpoint_t page_endpoint = { PAGE_PATH, CLOUD_EP_PAGE | CLOUD_EP_VIEW,
                                                links_error_body };

/* public.php?service=files&t=TOKEN, which links had before ownCloud 8 and scripts still write: where it
 * is by now, or NULL. */
static const char *new_address(request_rec *r, const cloud_endpoint_t *ep, const char *rest)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    cloud_params_t *query = cloud_params_create(r->pool);
    const char *service, *token;

    if (ep != &public_endpoint || rest[strlen(ep->path)] || r->method_number != M_GET || !r->args
        || cloud_params_add(query, r->args, strlen(r->args))) {
        return NULL;
    }
    service = cloud_param(query, "service");
    token = cloud_param(query, "t");
    if (!service || strcmp(service, "files") || !token || !*token || token[strspn(token, letters)]) {
        return NULL;
    }
    if (cloud_param(query, "download")) {
        token = apr_pstrcat(r->pool, token, "/download", NULL);
    }
    return cloud_http_uri(r, PAGE_PATH "/", token, r->pool);
}

static int fixups(request_rec *r)
{
    const char *rest;
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, &rest);

    if (ep && new_address(r, ep, rest)) {
        return DECLINED; /* the handler says where to go: nobody has to log in for that */
    }
    return ep == &public_endpoint || ep == &token_endpoint ? links_dav(r, ep, rest) : DECLINED;
}

static int handler(request_rec *r)
{
    const char *rest;
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, &rest);
    const char *address = ep ? new_address(r, ep, rest) : NULL;

    if (address) {
        apr_table_setn(r->headers_out, "Location", address);
        r->status = HTTP_MOVED_TEMPORARILY;
        ap_set_content_length(r, 0);
        return OK;
    }
    if (ep == &public_endpoint && strncmp(rest, PUBLIC_PATH "/webdav", sizeof(PUBLIC_PATH "/webdav") - 1) != 0) {
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL));
    }
    return ep == &page_endpoint ? links_page(r, rest + strlen(ep->path)) : DECLINED;
}

static apr_status_t unregister(void *unused)
{
    (void)unused;
    cloud_links_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_props) *add_props =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_props);

    (void)ptemp;
    if (!cloud_http_connect(plog) || !cloud_auth_connect(plog) || !cloud_login_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_links_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    cloud_register_endpoint(&public_endpoint);
    cloud_register_endpoint(&token_endpoint);
    cloud_register_endpoint(&page_endpoint);
    if (add_props) {
        add_props(links_props);
    }
    return OK;
}

/* Its tables are those of shares. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *features = cloud_features();

    (void)pconf;
    (void)plog;
    (void)ptemp;
    for (int i = 0; i < features->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(features, i, const cloud_feature_t *)->name, "shares")) {
            return OK;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "mod_cloud_links needs mod_cloud_shares: add "
                 "LoadModule cloud_shares_module");
    return HTTP_INTERNAL_SERVER_ERROR;
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const after[] = { "mod_cloud.c", NULL };

    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(fixups, after, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_links_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
