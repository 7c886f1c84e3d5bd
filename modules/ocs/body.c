/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file body.c
 * Parameters of a request: its query, and the form in its body.
 */
#include "private.h"

#include "form.h"

cloud_err_t *cloud_ocs_params(cloud_params_t **params, request_rec *r)
{
    *params = cloud_params_create(r->pool);
    if (r->args) {
        CLOUD_ERR(cloud_params_add(*params, r->args, strlen(r->args)));
    }
    return cloud_form_read(*params, r, CLOUD_PARAMS_BYTES);
}
