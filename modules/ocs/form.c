/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file form.c
 * The form in the body of a request.
 */
#include "form.h"

#include <http_protocol.h>
#include <util_filter.h>

#include "mod_cloud.h"

#define FORM "application/x-www-form-urlencoded"

static cloud_err_t *read_body(char **body, apr_size_t *len, request_rec *r, apr_off_t max)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_bucket_brigade *all = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_off_t total = 0;
    int end = 0;

    while (!end) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                                         HUGE_STRING_LEN);
        apr_off_t more = 0;

        if (rv != APR_SUCCESS) {
            int status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);

            return cloud_err(r->pool, cloud_http_code(status), NULL);
        }
        end = !APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb));
        apr_brigade_length(bb, 1, &more);
        total += more;
        if (total > max) {
            return cloud_err(r->pool, CLOUD_E_TOO_LARGE, NULL);
        }
        ap_save_brigade(NULL, &all, &bb, r->pool);
    }
    return apr_brigade_pflatten(all, body, len, r->pool) == APR_SUCCESS
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

    if (!ap_request_has_body(r)) {
        return NULL;
    }
    CLOUD_ERR(read_body(&body, &len, r, max));
    if (!len) {
        return NULL;
    }
    if (!is_form(r)) {
        return cloud_err(r->pool, CLOUD_E_UNSUPPORTED, "Parameters are taken as " FORM);
    }
    return cloud_params_add(params, body, len);
}
