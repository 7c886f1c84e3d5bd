/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Parameters in a multipart/form-data body (RFC 7578): what "curl -F" and many libraries send. */
#include "ocs_params.h"

#include "multipart.h"

#include <string.h>

typedef struct {
    cloud_params_t *params;
    const char *name;   /* of the field that comes in; NULL: it is a file */
    char *value;        /* as large as the whole body */
    apr_size_t len;
    apr_pool_t *pool;
} reader_t;

static cloud_err_t *begin(void *baton, const char *name, const char *filename)
{
    reader_t *rd = baton;

    rd->name = filename ? NULL : apr_pstrdup(rd->pool, name);
    rd->len = 0;
    return NULL;
}

static cloud_err_t *data(void *baton, const char *text, apr_size_t len)
{
    reader_t *rd = baton;

    if (!rd->name) return NULL;
    memcpy(rd->value + rd->len, text, len);
    rd->len += len;
    return NULL;
}

static cloud_err_t *end(void *baton)
{
    reader_t *rd = baton;

    return rd->name ? cloud_params_set(rd->params, rd->name, rd->value, rd->len) : NULL;
}

cloud_err_t *cloud_params_add_multipart(cloud_params_t *params, const char *type,
                                        const char *text, apr_size_t len)
{
    static const cloud_multipart_fn_t parts = { begin, data, end };
    reader_t rd = { params, NULL, NULL, 0, cloud_params_pool(params) };
    cloud_multipart_t *m;

    if (len > CLOUD_PARAMS_BYTES) return cloud_err(rd.pool, CLOUD_E_TOO_LARGE, NULL);
    rd.value = apr_palloc(rd.pool, len + 1);
    CLOUD_ERR(cloud_multipart_create(&m, type, &parts, &rd, rd.pool));
    CLOUD_ERR(cloud_multipart_feed(m, text, len));
    return cloud_multipart_finish(m);
}
