/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Parameters in a JSON object, under the names that a form would give them. */
#include "ocs_params.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 8
#define OUTER_MAX 256 /* bytes of a name that has names in it: each of these repeats it */

typedef struct {
    cloud_params_t *params;
    apr_pool_t *pool;
} reader_t;

static cloud_err_t *not_json(const reader_t *rd)
{
    return cloud_err(rd->pool, CLOUD_E_INVALID, "The body is not a JSON object of parameters");
}

static cloud_err_t *add_value(const reader_t *rd, const char *name, json_t *value, int depth);

static cloud_err_t *add_members(const reader_t *rd, const char *name, json_t *value, int depth)
{
    const char *key;
    json_t *child;
    size_t i;

    if (depth >= DEPTH_MAX || strlen(name) > OUTER_MAX) return not_json(rd);
    json_object_foreach(value, key, child)
        CLOUD_ERR(add_value(rd, apr_psprintf(rd->pool, "%s[%s]", name, key), child, depth + 1));
    json_array_foreach(value, i, child)
        CLOUD_ERR(add_value(rd, apr_psprintf(rd->pool, "%s[%" APR_SIZE_T_FMT "]", name, i), child,
                            depth + 1));
    return NULL;
}

static const char *scalar(const json_t *value, apr_pool_t *pool)
{
    char buf[40];

    switch (json_typeof(value)) {
    case JSON_INTEGER:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    case JSON_REAL:
        /* APR's own would leave out the zero of 0.1 */
        snprintf(buf, sizeof buf, "%.15g", json_real_value(value));
        return apr_pstrdup(pool, buf);
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "";
    }
}

static cloud_err_t *add_value(const reader_t *rd, const char *name, json_t *value, int depth)
{
    const char *text;

    if (json_is_null(value)) return NULL;
    if (json_object_size(value) || json_array_size(value))
        return add_members(rd, name, value, depth);
    if (json_is_string(value))
        return cloud_params_set(rd->params, name, json_string_value(value),
                                json_string_length(value));
    text = scalar(value, rd->pool);
    return cloud_params_set(rd->params, name, text, strlen(text));
}

cloud_err_t *cloud_params_add_json(cloud_params_t *params, const char *text, apr_size_t len)
{
    reader_t rd = { params, cloud_params_pool(params) };
    cloud_err_t *err = NULL;
    const char *key;
    json_t *all, *value;

    if (len > CLOUD_PARAMS_BYTES) return cloud_err(rd.pool, CLOUD_E_TOO_LARGE, NULL);
    all = json_loadb(text, len, 0, NULL);
    /* An empty array is what PHP makes of no parameters. */
    if (!json_is_object(all) && !(json_is_array(all) && !json_array_size(all))) err = not_json(&rd);
    json_object_foreach(all, key, value) {
        if (!err) err = add_value(&rd, key, value, 0);
    }
    json_decref(all);
    return err;
}
