/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file ocs_params.c
 * Query and form parameters.
 */
#include "ocs_params.h"

#include <string.h>
#include <strings.h>

#include <apr_hash.h>

#include "names.h"

typedef struct {
    const char *name;
    const char *value;
} param_t;

struct cloud_params_t {
    apr_pool_t *pool;
    apr_array_header_t *all; /* param_t */
};

cloud_params_t *cloud_params_create(apr_pool_t *pool)
{
    cloud_params_t *params = apr_palloc(pool, sizeof(*params));

    params->pool = pool;
    params->all = apr_array_make(pool, 8, sizeof(param_t));
    return params;
}

apr_pool_t *cloud_params_pool(const cloud_params_t *params)
{
    return params->pool;
}

static cloud_err_t *check_text(const cloud_params_t *params, const char *text, apr_size_t len)
{
    return strlen(text) == len && cloud_name_xml_ok(text)
        ? NULL : cloud_err(params->pool, CLOUD_E_INVALID,
                           "A parameter is not valid UTF-8 or has control characters");
}

/* '+' is a space; a '%' without two digits stands for itself, as everywhere on the web. */
static cloud_err_t *decode(const char **out, const cloud_params_t *params, const char *text,
                           apr_size_t len)
{
    char *result = apr_palloc(params->pool, len + 1), *to = result;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        int high = -1, low = -1;

        if (text[i] == '%' && len - i > 2) {
            high = cloud_hex_digit(text[i + 1]);
            low = cloud_hex_digit(text[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            *to++ = (char)(high << 4 | low);
            i += 2;
        }
        else {
            *to++ = text[i] == '+' ? ' ' : text[i];
        }
    }
    *to = '\0';
    *out = result;
    return check_text(params, result, (apr_size_t)(to - result));
}

static cloud_err_t *push(cloud_params_t *params, const char *name, const char *value)
{
    param_t param = { name, value };

    if (params->all->nelts >= CLOUD_PARAMS_COUNT) {
        return cloud_err(params->pool, CLOUD_E_TOO_LARGE, "Too many parameters");
    }
    APR_ARRAY_PUSH(params->all, param_t) = param;
    return NULL;
}

static cloud_err_t *add_pair(cloud_params_t *params, const char *text, apr_size_t len)
{
    const char *equals = memchr(text, '=', len), *name, *value = "";
    apr_size_t name_len = equals ? (apr_size_t)(equals - text) : len;

    CLOUD_ERR(decode(&name, params, text, name_len));
    if (equals) {
        CLOUD_ERR(decode(&value, params, equals + 1, len - name_len - 1));
    }
    return push(params, name, value);
}

cloud_err_t *cloud_params_set(cloud_params_t *params, const char *name, const char *value,
                              apr_size_t value_len)
{
    const char *copy = apr_pstrmemdup(params->pool, value, value_len);

    CLOUD_ERR(check_text(params, name, strlen(name)));
    CLOUD_ERR(check_text(params, copy, value_len));
    return push(params, apr_pstrdup(params->pool, name), copy);
}

cloud_err_t *cloud_params_add(cloud_params_t *params, const char *text, apr_size_t len)
{
    const char *end = text + len;

    if (len > CLOUD_PARAMS_BYTES) {
        return cloud_err(params->pool, CLOUD_E_TOO_LARGE, NULL);
    }
    while (text < end) {
        const char *amp = memchr(text, '&', (apr_size_t)(end - text));
        const char *stop = amp ? amp : end;

        if (stop > text) {
            CLOUD_ERR(add_pair(params, text, (apr_size_t)(stop - text)));
        }
        text = stop + 1;
    }
    return NULL;
}

const char *cloud_param(const cloud_params_t *params, const char *name)
{
    int i;

    for (i = params->all->nelts - 1; i >= 0; i--) {
        const param_t *param = &APR_ARRAY_IDX(params->all, i, param_t);

        if (!strcmp(param->name, name)) {
            return param->value;
        }
    }
    return NULL;
}

const apr_array_header_t *cloud_param_list(const cloud_params_t *params, const char *name,
                                           apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(const char *));
    apr_size_t len = strlen(name);
    int i;

    for (i = 0; i < params->all->nelts; i++) {
        const param_t *param = &APR_ARRAY_IDX(params->all, i, param_t);

        if (!strncmp(param->name, name, len) && param->name[len] == '['
            && strchr(param->name + len, ']')) {
            APR_ARRAY_PUSH(list, const char *) = param->value;
        }
    }
    return list;
}

const apr_array_header_t *cloud_param_names(const cloud_params_t *params, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, params->all->nelts, sizeof(const char *));
    apr_hash_t *seen = apr_hash_make(pool);
    int i;

    for (i = 0; i < params->all->nelts; i++) {
        const char *name = APR_ARRAY_IDX(params->all, i, param_t).name;

        if (!apr_hash_get(seen, name, APR_HASH_KEY_STRING)) {
            apr_hash_set(seen, name, APR_HASH_KEY_STRING, name);
            APR_ARRAY_PUSH(names, const char *) = name;
        }
    }
    return names;
}

cloud_err_t *cloud_param_int(apr_int64_t *value, const cloud_params_t *params, const char *name,
                             apr_int64_t def, apr_int64_t min, apr_int64_t max)
{
    const char *text = cloud_param(params, name);
    char *end;

    *value = def;
    if (!text) {
        return NULL;
    }
    *value = apr_strtoi64(text, &end, 10);
    if (!*text || *end || *value < min || *value > max) {
        return cloud_err(params->pool, CLOUD_E_INVALID,
                         "Parameter %s must be a number from %" APR_INT64_T_FMT " to %"
                         APR_INT64_T_FMT, name, min, max);
    }
    return NULL;
}

int cloud_param_bool(const cloud_params_t *params, const char *name, int def)
{
    const char *text = cloud_param(params, name);

    if (!text) {
        return def;
    }
    return !strcasecmp(text, "true") || !strcmp(text, "1") || !strcasecmp(text, "yes")
        || !strcasecmp(text, "on");
}
