/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file ocs_params.h
 * Parameters of a query or of a form body (application/x-www-form-urlencoded). Request-free.
 */
#ifndef CLOUD_OCS_PARAMS_H
#define CLOUD_OCS_PARAMS_H

#include "cloud.h"

#define CLOUD_PARAMS_BYTES (1024 * 1024) /* of one query or body */
#define CLOUD_PARAMS_COUNT 1000          /* parameters */

typedef struct cloud_params_t cloud_params_t;

cloud_params_t *cloud_params_create(apr_pool_t *pool);

/** Adds what an encoded text holds. TOO_LARGE; INVALID for a value that is not UTF-8 or has
 *  characters that no answer could carry. */
cloud_err_t *cloud_params_add(cloud_params_t *params, const char *text, apr_size_t len);

/** The value of the last parameter of this name, or NULL. */
const char *cloud_param(const cloud_params_t *params, const char *name);
/** All values of "name[]" and "name[...]", in order: array of const char *. Never NULL. */
const apr_array_header_t *cloud_param_list(const cloud_params_t *params, const char *name,
                                           apr_pool_t *pool);
/** Names of all parameters, each once, in order: array of const char *. */
const apr_array_header_t *cloud_param_names(const cloud_params_t *params, apr_pool_t *pool);
/** Integer from min to max; def where there is none, INVALID where it is something else. */
cloud_err_t *cloud_param_int(apr_int64_t *value, const cloud_params_t *params, const char *name,
                             apr_int64_t def, apr_int64_t min, apr_int64_t max);
/** "true", "1", "yes" and "on" are 1, everything else is 0; def where there is none. */
int cloud_param_bool(const cloud_params_t *params, const char *name, int def);

#endif
