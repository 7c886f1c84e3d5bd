/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "json_answer.h"

#include <http_protocol.h>

#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json; charset=utf-8"

int cloud_json_send(request_rec *r, int status, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    if (!text) {
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_INTERNAL, "JSON"));
    }
    r->status = status;
    ap_set_content_type(r, JSON_TYPE);
    ap_set_content_length(r, (apr_off_t)strlen(text));
    if (!r->header_only) {
        ap_rputs(text, r);
    }
    free(text);
    return OK;
}

const char *cloud_json_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                                  apr_bucket_brigade *bb)
{
    json_t *json = json_pack("{s:{s:s}}", "data", "message", msg);
    char *text = json_dumps(json, JSON_COMPACT);

    (void)r;
    (void)status;
    (void)code;
    json_decref(json);
    if (!text) {
        return NULL;
    }
    apr_brigade_puts(bb, NULL, NULL, text);
    free(text);
    return JSON_TYPE;
}
