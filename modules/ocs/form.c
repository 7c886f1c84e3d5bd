/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file form.c
 * The form in the body of a request.
 */
#include "form.h"

#include <http_protocol.h>

#include "body.h"

#define FORM "application/x-www-form-urlencoded"

typedef struct {
    apr_bucket_brigade *all;
    apr_off_t len, max;
    apr_pool_t *pool;
} gather_t;

static cloud_err_t *gather(void *baton, const char *data, apr_size_t len)
{
    gather_t *g = baton;

    g->len += (apr_off_t)len;
    if (g->len > g->max) return cloud_err(g->pool, CLOUD_E_TOO_LARGE, NULL);
    apr_brigade_write(g->all, NULL, NULL, data, len);
    return NULL;
}

cloud_err_t *cloud_form_body(char **body, apr_size_t *len, request_rec *r, apr_off_t max)
{
    gather_t g = { apr_brigade_create(r->pool, r->connection->bucket_alloc), 0, max, r->pool };

    *len = 0;
    if (!ap_request_has_body(r)) {
        return NULL;
    }
    CLOUD_ERR(cloud_body_read(r, HUGE_STRING_LEN, gather, &g));
    return apr_brigade_pflatten(g.all, body, len, r->pool) == APR_SUCCESS
        ? NULL : cloud_err(r->pool, CLOUD_E_INTERNAL, NULL);
}

/* PHP reads the bodies of PUT and DELETE as forms without a look at their type: some clients give
 * none. */
static int is_form(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t len = sizeof(FORM) - 1;

    if (!type) {
        return r->method_number == M_PUT || r->method_number == M_DELETE;
    }
    return !ap_cstr_casecmpn(type, FORM, len)
        && (!type[len] || type[len] == ';' || type[len] == ' ');
}

cloud_err_t *cloud_form_read(cloud_params_t *params, request_rec *r, apr_off_t max)
{
    char *body;
    apr_size_t len;

    CLOUD_ERR(cloud_form_body(&body, &len, r, max));
    if (!len) {
        return NULL;
    }
    if (!is_form(r)) {
        return cloud_err(r->pool, CLOUD_E_UNSUPPORTED, "Parameters are taken as " FORM);
    }
    return cloud_params_add(params, body, len);
}
