/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file client.c
 * Compiled into each module that uses mod_cloud: turns its API, found at run time, into plain
 * functions. All symbols stay inside the module.
 */
#include "mod_cloud.h"

#include <http_log.h>
#include <http_protocol.h>
#include <mod_core.h>

static const cloud_http_api_t *api;

int cloud_http_connect(apr_pool_t *plog)
{
    APR_OPTIONAL_FN_TYPE(cloud_http_api) *get = APR_RETRIEVE_OPTIONAL_FN(cloud_http_api);

    api = get ? get() : NULL;
    if (api && api->size == sizeof(*api)) {
        return 1;
    }
    ap_log_perror(APLOG_MARK, APLOG_EMERG, 0, plog, "%s",
                  api ? "mod_cloud is of another version than the modules that use it"
                      : "mod_cloud is not loaded: add LoadModule cloud_module");
    api = NULL;
    return 0;
}

void cloud_register_endpoint(const cloud_endpoint_t *ep)
{
    api->register_endpoint(ep);
}

void cloud_register_capability(cloud_capability_fn *fn)
{
    api->register_capability(fn);
}

void cloud_register_ocs(const struct cloud_ocs_route_t *table)
{
    api->register_ocs(table);
}

void cloud_register_job(const char *name, apr_interval_time_t interval, cloud_job_fn *fn)
{
    api->register_job(name, interval, fn);
}

const apr_array_header_t *cloud_http_capabilities(void)
{
    return api->capabilities();
}

const apr_array_header_t *cloud_http_ocs_tables(void)
{
    return api->ocs_tables();
}

const cloud_endpoint_t *cloud_http_endpoint(request_rec *r, const char **rest)
{
    return api->endpoint(r, rest);
}

int cloud_http_handles(request_rec *r, const char **rest)
{
    return api->handles(r, rest);
}

int cloud_http_strip(request_rec *r, const char *path, const char **rest)
{
    return api->strip(r, path, rest);
}

const char *cloud_http_setting(cmd_parms *cmd, const char *app, const char *key, const char *value)
{
    return api->setting(cmd, app, key, value);
}

const char *cloud_http_retention(cmd_parms *cmd, cloud_retain_kind_t kind, const char *key,
                                 const char *first, const char *second)
{
    const char *value = second ? apr_pstrcat(cmd->pool, first, " ", second, NULL) : first;
    cloud_retention_t parsed;
    cloud_err_t *err = cloud_retention_parse(&parsed, kind, value, cmd->temp_pool);

    if (err) return apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, err->msg);
    return cloud_http_setting(cmd, "system", key, value);
}

const char *cloud_http_base(request_rec *r)
{
    return api->base(r);
}

cloud_err_t *cloud_http_ctx(cloud_ctx_t **ctx, request_rec *r)
{
    return api->ctx(ctx, r);
}

const cloud_account_t *cloud_http_account(request_rec *r)
{
    return api->account(r);
}

void cloud_http_set_account(request_rec *r, const cloud_account_t *account, const char *client)
{
    api->set_account(r, account, client);
}

void cloud_http_set_view(request_rec *r, const cloud_http_view_t *view)
{
    api->set_view(r, view);
}

const cloud_http_view_t *cloud_http_view(request_rec *r)
{
    return api->view(r);
}

cloud_err_t *cloud_http_own_site(request_rec *r)
{
    return api->own_site(r);
}

int cloud_http_foreign(request_rec *r)
{
    return api->foreign(r);
}

cloud_err_t *cloud_http_let_in(const cloud_account_t **account, request_rec *r, const char *user)
{
    return api->let_in(account, r, user);
}

const char *cloud_http_uri(request_rec *r, const char *prefix, const char *path, apr_pool_t *pool)
{
    return api->uri(r, prefix, path, pool);
}

int cloud_http_error(request_rec *r, cloud_err_t *err)
{
    return api->error(r, err);
}

void cloud_http_error_defer(request_rec *r, cloud_err_t *err)
{
    api->error_defer(r, err);
}

void cloud_http_error_header(request_rec *r, const char *header)
{
    api->error_header(r, header);
}

void cloud_http_error_condition(request_rec *r, const char *exception, const char *element,
                                const char *href)
{
    api->error_condition(r, exception, element, href);
}

void cloud_http_error_clear(request_rec *r)
{
    api->error_clear(r);
}

int cloud_http_no_method(request_rec *r)
{
    if (r->method_number == M_OPTIONS) {
        ap_set_content_length(r, 0);
        return ap_send_http_options(r);
    }
    return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_ALLOWED, NULL));
}

cloud_code_t cloud_http_code(int status)
{
    return api->code(status);
}

cloud_err_t *cloud_http_store(cloud_store_t **store, server_rec *s, apr_pool_t *pool)
{
    return api->store(store, s, pool);
}
