/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file registry.c
 * What features have registered, and the API by which they do it.
 */
#include "private.h"

static apr_array_header_t *endpoints;    /* const cloud_endpoint_t * */
static apr_array_header_t *capabilities; /* cloud_capability_fn * */
static apr_array_header_t *ocs_tables;   /* const struct cloud_ocs_route_t * */
static apr_array_header_t *jobs;         /* cloud_job_t */

/* Whatever nobody serves below remote.php is 404, and never the host's. */
static const cloud_endpoint_t remote = { "/remote.php", CLOUD_EP_DAV, NULL };

void cloud_registry_reset(apr_pool_t *pconf)
{
    endpoints = apr_array_make(pconf, 8, sizeof(const cloud_endpoint_t *));
    capabilities = apr_array_make(pconf, 8, sizeof(cloud_capability_fn *));
    ocs_tables = apr_array_make(pconf, 8, sizeof(const struct cloud_ocs_route_t *));
    jobs = apr_array_make(pconf, 8, sizeof(cloud_job_t));
    cloud_register_endpoint(&remote);
}

void cloud_register_endpoint(const cloud_endpoint_t *ep)
{
    APR_ARRAY_PUSH(endpoints, const cloud_endpoint_t *) = ep;
}

void cloud_register_capability(cloud_capability_fn *fn)
{
    APR_ARRAY_PUSH(capabilities, cloud_capability_fn *) = fn;
}

void cloud_register_ocs(const struct cloud_ocs_route_t *table)
{
    APR_ARRAY_PUSH(ocs_tables, const struct cloud_ocs_route_t *) = table;
}

void cloud_register_job(const char *name, apr_interval_time_t interval, cloud_job_fn *fn)
{
    cloud_job_t *job = apr_array_push(jobs);

    job->name = name;
    job->interval = interval;
    job->fn = fn;
}

const apr_array_header_t *cloud_http_capabilities(void)
{
    return capabilities;
}

const apr_array_header_t *cloud_http_ocs_tables(void)
{
    return ocs_tables;
}

const apr_array_header_t *cloud_registry_jobs(void)
{
    return jobs;
}

static int covers(const cloud_endpoint_t *ep, const char *rest, apr_size_t len)
{
    if (strncmp(rest, ep->path, len) != 0) {
        return 0;
    }
    return !rest[len] || (rest[len] == '/' && !(ep->flags & CLOUD_EP_EXACT));
}

const cloud_endpoint_t *cloud_registry_endpoint(const char *rest)
{
    const cloud_endpoint_t *best = NULL;
    apr_size_t best_len = 0;
    int i;

    for (i = 0; i < endpoints->nelts; i++) {
        const cloud_endpoint_t *ep = APR_ARRAY_IDX(endpoints, i, const cloud_endpoint_t *);
        apr_size_t len = strlen(ep->path);

        if (len > best_len && covers(ep, rest, len)) {
            best = ep;
            best_len = len;
        }
    }
    return best;
}

static const cloud_http_api_t *cloud_http_api(void)
{
    static const cloud_http_api_t api = {
        .size = sizeof(cloud_http_api_t),
        .register_endpoint = cloud_register_endpoint,
        .register_capability = cloud_register_capability,
        .register_ocs = cloud_register_ocs,
        .register_job = cloud_register_job,
        .setting = cloud_http_setting,
        .capabilities = cloud_http_capabilities,
        .ocs_tables = cloud_http_ocs_tables,
        .endpoint = cloud_http_endpoint,
        .handles = cloud_http_handles,
        .strip = cloud_http_strip,
        .base = cloud_http_base,
        .ctx = cloud_http_ctx,
        .account = cloud_http_account,
        .set_account = cloud_http_set_account,
        .set_view = cloud_http_set_view,
        .view = cloud_http_view,
        .foreign = cloud_http_foreign,
        .own_site = cloud_http_own_site,
        .let_in = cloud_http_let_in,
        .uri = cloud_http_uri,
        .error = cloud_http_error,
        .error_defer = cloud_http_error_defer,
        .error_header = cloud_http_error_header,
        .error_condition = cloud_http_error_condition,
        .error_clear = cloud_http_error_clear,
        .code = cloud_http_code,
        .store = cloud_http_store,
    };

    return &api;
}

void cloud_registry_api(void)
{
    APR_REGISTER_OPTIONAL_FN(cloud_http_api);
}
