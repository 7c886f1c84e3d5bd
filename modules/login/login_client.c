/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login_client.c
 * Compiled into each module that uses mod_cloud_login: turns its API, found at run time, into plain
 * functions. All symbols stay inside the module.
 */
#include "mod_cloud_login.h"

#include <http_log.h>

static const cloud_login_api_t *api;

int cloud_login_connect(apr_pool_t *plog)
{
    APR_OPTIONAL_FN_TYPE(cloud_login_api) *get = APR_RETRIEVE_OPTIONAL_FN(cloud_login_api);

    api = get ? get() : NULL;
    if (api && api->size == sizeof(*api)) {
        return 1;
    }
    ap_log_perror(APLOG_MARK, APLOG_EMERG, 0, plog, "%s",
                  api ? "mod_cloud_login is of another version than the modules that use it"
                      : "mod_cloud_login is not loaded: add LoadModule cloud_login_module");
    api = NULL;
    return 0;
}

cloud_err_t *cloud_login_account(const cloud_account_t **account, request_rec *r)
{
    return api->account(account, r);
}

cloud_err_t *cloud_login_any(const cloud_account_t **account, request_rec *r)
{
    cloud_ctx_t *ctx;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    if (r->user && ctx->who.client) {
        *account = cloud_http_account(r);
        return NULL;
    }
    CLOUD_ERR(cloud_login_account(account, r));
    if (*account || !r->user) {
        return NULL;
    }
    return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, "A password alone is not enough for this "
                     "account, which has a second factor: use an app password");
}

int cloud_login_ask(request_rec *r)
{
    return api->ask(r);
}

cloud_err_t *cloud_login_leave(request_rec *r)
{
    return api->leave(r);
}

cloud_err_t *cloud_login_form(cloud_params_t **params, request_rec *r)
{
    return cloud_login_form_sized(params, r, CLOUD_LOGIN_FORM_BYTES);
}

cloud_err_t *cloud_login_form_sized(cloud_params_t **params, request_rec *r, apr_off_t max)
{
    return api->form(params, r, max);
}

cloud_err_t *cloud_login_fields(cloud_params_t **params, request_rec *r)
{
    return api->fields(params, r);
}

cloud_err_t *cloud_login_form_token(request_rec *r, const char *token)
{
    return api->form_token(r, token);
}

cloud_page_t *cloud_page_create(request_rec *r, const char *title)
{
    return api->page_create(r, title);
}

void cloud_page_put(cloud_page_t *page, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    api->page_putv(page, fmt, ap);
    va_end(ap);
}

void cloud_page_form(cloud_page_t *page, const char *path)
{
    api->page_form(page, path);
}

void cloud_page_upload_form(cloud_page_t *page, const char *path)
{
    api->page_upload_form(page, path);
}

void cloud_page_secret(cloud_page_t *page)
{
    api->page_secret(page);
}

void cloud_page_allow(cloud_page_t *page, const char *source)
{
    api->page_allow(page, source);
}

int cloud_page_send(cloud_page_t *page, int status)
{
    return api->page_send(page, status);
}

int cloud_page_message(request_rec *r, int status, const char *title, const char *text)
{
    return api->page_message(r, status, title, text);
}

int cloud_login_redirect(request_rec *r, const char *path)
{
    return api->redirect(r, path);
}

const char *cloud_login_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                                   apr_bucket_brigade *bb)
{
    return api->error_body(r, status, code, msg, bb);
}

void cloud_login_register_section(const cloud_login_section_t *section)
{
    api->register_section(section);
}

void cloud_login_register_onward(cloud_login_onward_fn *fn)
{
    api->register_onward(fn);
}

void cloud_page_section_form(cloud_page_t *page, const char *section)
{
    api->page_section_form(page, section);
}
