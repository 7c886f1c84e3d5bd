/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* OCS parameters: query strings and form bodies, JSON, and forms in parts whose boundary is "x". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "names.h"
#include "ocs_params.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

static void read_values(const cloud_params_t *params, apr_pool_t *pool)
{
    static const char *const names[] = { "a", "b", "", "format", "path", "a[]" };
    const apr_array_header_t *list;
    apr_int64_t n;
    size_t i;
    int k;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *value = cloud_param(params, names[i]);

        CHECK(!value || cloud_name_xml_ok(value));
        CHECK(value || cloud_param_bool(params, names[i], 2) == 2);
        if (!cloud_param_int(&n, params, names[i], 7, -5, 10)) {
            CHECK(n >= -5 && n <= 10);
        }
        list = cloud_param_list(params, names[i], pool);
        for (k = 0; k < list->nelts; k++) {
            CHECK(cloud_name_xml_ok(APR_ARRAY_IDX(list, k, const char *)));
        }
    }
}

static cloud_err_t *add_multipart(cloud_params_t *params, const char *text, apr_size_t len)
{
    return cloud_params_add_multipart(params, "multipart/form-data; boundary=x", text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cloud_err_t *(*const readers[])(cloud_params_t *, const char *, apr_size_t) = {
        cloud_params_add, cloud_params_add_json, add_multipart
    };
    static apr_pool_t *root;
    cloud_params_t *params;
    apr_pool_t *pool;
    char *text;
    size_t i;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    text = malloc(size ? size : 1); /* not terminated: a read behind the end is noticed */
    memcpy(text, data, size);
    for (i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
        params = cloud_params_create(pool);
        if (!readers[i](params, text, size)) {
            read_values(params, pool);
        }
    }
    free(text);
    apr_pool_destroy(pool);
    return 0;
}
