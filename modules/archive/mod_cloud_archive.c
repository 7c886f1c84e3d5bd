/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_archive.c
 * The module: the address where browsers fetch files and folders.
 */
#include "archive_http.h"

#include <http_protocol.h>
#include <http_request.h>
#include <apr_lib.h>
#include <jansson.h>

#include "mod_cloud_login.h"

#define SECRET_MAX 32

extern module AP_MODULE_DECLARE_DATA cloud_archive_module;

static const cloud_endpoint_t endpoint = { CLOUD_ARCHIVE_DOWNLOAD, CLOUD_EP_EXACT | CLOUD_EP_PAGE,
                                           cloud_login_error_body };

/* The page that began the download learns from this cookie that it has started. */
static void tell_start(request_rec *r, const cloud_params_t *params)
{
    const char *secret = cloud_param(params, "downloadStartSecret");
    apr_size_t i, len = secret ? strlen(secret) : 0;

    for (i = 0; i < len && apr_isalnum(secret[i]); i++);
    if (!len || len > SECRET_MAX || i < len) return;
    apr_table_addn(r->err_headers_out, "Set-Cookie",
                   apr_pstrcat(r->pool, "ocDownloadStarted=", secret,
                               "; Max-Age=20; Path=/; SameSite=Lax", NULL));
}

/* A JSON array of strings, or NULL. */
static const apr_array_header_t *json_list(request_rec *r, const char *text)
{
    json_t *list = *text == '[' ? json_loads(text, 0, NULL) : NULL, *item;
    apr_array_header_t *names = apr_array_make(r->pool, 8, sizeof(const char *));
    size_t i;

    json_array_foreach(list, i, item) {
        if (!json_is_string(item)) break;
        APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(r->pool, json_string_value(item));
    }
    if (!json_is_array(list) || i < json_array_size(list)) names = NULL;
    json_decref(list);
    return names;
}

/* files[]=a&files[]=b, files=["a","b"], files=a; none: the folder itself. */
static const apr_array_header_t *names_of(request_rec *r, const cloud_params_t *params)
{
    const apr_array_header_t *list = cloud_param_list(params, "files", r->pool);
    const char *one = cloud_param(params, "files");
    apr_array_header_t *names;

    if (list->nelts) return list;
    if (!one || !*one) return NULL;
    list = json_list(r, one);
    if (list) return list;
    names = apr_array_make(r->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(names, const char *) = one;
    return names;
}

static cloud_err_t *params_of(cloud_params_t **params, request_rec *r)
{
    if (r->method_number == M_POST) return cloud_login_form_sized(params, r, CLOUD_LOGIN_LIST_BYTES);
    *params = cloud_params_create(r->pool);
    return r->args ? cloud_params_add(*params, r->args, strlen(r->args)) : NULL;
}

static int download(request_rec *r)
{
    const cloud_account_t *account;
    cloud_params_t *params;
    cloud_ctx_t *ctx;
    const char *dir;
    cloud_err_t *err = cloud_login_any(&account, r);

    if (!err && !account) return cloud_login_ask(r);
    if (!err) err = cloud_http_ctx(&ctx, r);
    if (!err) err = params_of(&params, r);
    if (err) return cloud_http_error(r, err);
    dir = cloud_param(params, "dir");
    tell_start(r, params);
    return cloud_archive_respond(r, ctx, account, dir ? dir : "", names_of(r, params), NULL,
                                 cloud_param(params, "format"));
}

static int handler(request_rec *r)
{
    if (cloud_http_endpoint(r, NULL) != &endpoint) return DECLINED;
    switch (r->method_number) {
    case M_GET:
    case M_POST:
        return download(r);
    default:
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_POST, M_OPTIONS, -1);
        return cloud_http_no_method(r);
    }
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)ptemp;
    if (!cloud_http_connect(plog) || !cloud_login_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_register_endpoint(&endpoint);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    APR_REGISTER_OPTIONAL_FN(cloud_archive_respond);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cloud_archive_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
