/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "body.h"

#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "mod_cloud.h"

/* Hands on what bb holds; *end 1 at the end of the body. What the network did is in *rv. */
static cloud_err_t *hand_on(int *end, apr_status_t *rv, apr_bucket_brigade *bb, cloud_body_fn *fn,
                            void *baton)
{
    const char *data;
    apr_size_t len;

    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *b = APR_BRIGADE_FIRST(bb);

        if (APR_BUCKET_IS_EOS(b)) {
            *end = 1;
            return NULL;
        }
        if (!APR_BUCKET_IS_METADATA(b)) {
            *rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
            if (*rv != APR_SUCCESS) return NULL;
            if (len) CLOUD_ERR(fn(baton, data, len));
        }
        apr_bucket_delete(b);
    }
    return NULL;
}

/* rv is what kept it from being read to its end. */
static cloud_err_t *read_all(apr_status_t *rv, request_rec *r, apr_size_t step, cloud_body_fn *fn,
                             void *baton)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int end = 0;

    while (!end) {
        *rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                             (apr_off_t)step);
        if (*rv == APR_SUCCESS) CLOUD_ERR(hand_on(&end, rv, bb, fn, baton));
        if (*rv != APR_SUCCESS) {
            r->connection->keepalive = AP_CONN_CLOSE;
            ap_log_rerror(APLOG_MARK, APLOG_INFO, *rv, r, "the body of %s ended early", r->uri);
            return NULL;
        }
        apr_brigade_cleanup(bb);
    }
    apr_brigade_destroy(bb);
    return NULL;
}

cloud_err_t *cloud_body_stream(int *status, request_rec *r, apr_size_t step, cloud_body_fn *fn,
                               void *baton)
{
    apr_status_t rv = APR_SUCCESS;

    *status = OK;
    CLOUD_ERR(read_all(&rv, r, step, fn, baton));
    if (APR_STATUS_IS_TIMEUP(rv)) *status = HTTP_REQUEST_TIME_OUT;
    else if (rv != APR_SUCCESS) *status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    return NULL;
}

cloud_err_t *cloud_body_read(request_rec *r, apr_size_t step, cloud_body_fn *fn, void *baton)
{
    apr_status_t rv = APR_SUCCESS;

    CLOUD_ERR(read_all(&rv, r, step, fn, baton));
    if (rv == APR_SUCCESS) return NULL;
    if (ap_map_http_request_error(rv, HTTP_BAD_REQUEST) == HTTP_REQUEST_ENTITY_TOO_LARGE)
        return cloud_err(r->pool, CLOUD_E_TOO_LARGE, NULL);
    return cloud_err(r->pool, CLOUD_E_INVALID, "The body of the request did not arrive whole");
}
