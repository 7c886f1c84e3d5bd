/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file form.h
 * The form in the body of a request. form.c is compiled into each module that reads one.
 */
#ifndef CLOUD_FORM_H
#define CLOUD_FORM_H

#include <httpd.h>

#include "ocs_params.h"

/** Adds what the body of the request holds (application/x-www-form-urlencoded): nothing when there is
 *  none. TOO_LARGE over max bytes; UNSUPPORTED when it is of another type (PUT and
 *  DELETE: none will do). */
cloud_err_t *cloud_form_read(cloud_params_t *params, request_rec *r, apr_off_t max);

/** The body of the request as it came in; len 0 where there is none. TOO_LARGE over max bytes. */
cloud_err_t *cloud_form_body(char **body, apr_size_t *len, request_rec *r, apr_off_t max);

#endif
