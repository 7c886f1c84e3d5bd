/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file body.c
 * Parameters of a request: its query, and what is in its body.
 */
#include "private.h"

#include "form.h"
#include "multipart.h"

/* As ownCloud does it: wherever the type names JSON. */
static int is_json(const char *type)
{
    return type && ap_strcasestr(type, "application/json");
}

static cloud_err_t *add_body(cloud_params_t *params, request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t len;
    char *body;

    if (!is_json(type) && !cloud_multipart_is(type)) {
        return cloud_form_read(params, r, CLOUD_PARAMS_BYTES);
    }
    CLOUD_ERR(cloud_form_body(&body, &len, r, CLOUD_PARAMS_BYTES));
    if (!len) {
        return NULL;
    }
    return is_json(type) ? cloud_params_add_json(params, body, len)
                         : cloud_params_add_multipart(params, type, body, len);
}

cloud_err_t *cloud_ocs_params(cloud_params_t **params, request_rec *r)
{
    *params = cloud_params_create(r->pool);
    if (r->args) {
        CLOUD_ERR(cloud_params_add(*params, r->args, strlen(r->args)));
    }
    /* What comes with GET is no parameter to PHP, whatever its type. */
    return r->method_number == M_GET ? NULL : add_body(*params, r);
}
