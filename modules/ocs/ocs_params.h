/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file ocs_params.h
 * Parameters of a query or of a body: a form (application/x-www-form-urlencoded, multipart/form-data)
 * or a JSON object. Request-free.
 */
#ifndef CLOUD_OCS_PARAMS_H
#define CLOUD_OCS_PARAMS_H

#include "cloud.h"

#define CLOUD_PARAMS_BYTES (1024 * 1024) /* of one query or body */
#define CLOUD_PARAMS_COUNT 1000          /* parameters */

typedef struct cloud_params_t cloud_params_t;

cloud_params_t *cloud_params_create(apr_pool_t *pool);
/** The pool in which they are. */
apr_pool_t *cloud_params_pool(const cloud_params_t *params);

/** Adds what an encoded text holds. TOO_LARGE; INVALID for a value that is not UTF-8 or has
 *  characters that no answer could carry. */
cloud_err_t *cloud_params_add(cloud_params_t *params, const char *text, apr_size_t len);
/** Adds the members of a JSON object: numbers in decimal, true and false by these words; null stands
 *  for none, and what is nested has names as in a form ("attributes[0][key]"). An empty list or object
 *  is an empty value. INVALID when it is no object (an empty list is taken), TOO_LARGE as above. */
cloud_err_t *cloud_params_add_json(cloud_params_t *params, const char *text, apr_size_t len);
/** Adds the fields of a multipart/form-data body of that Content-Type; files in it are passed over.
 *  UNSUPPORTED, INVALID, TOO_LARGE as cloud_multipart_feed(). */
cloud_err_t *cloud_params_add_multipart(cloud_params_t *params, const char *type,
                                        const char *text, apr_size_t len);
/** Adds one parameter; errors as cloud_params_add(). Name and value are copied. */
cloud_err_t *cloud_params_set(cloud_params_t *params, const char *name, const char *value,
                              apr_size_t value_len);

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
