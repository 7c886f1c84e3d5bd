/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file envelope.c
 * The OCS envelope in both formats: data is JSON inside, and XML is made from it.
 */
#include "private.h"

#include <apr_lib.h>
#include <stdio.h>

void cloud_ocs_status(int *http, int *statuscode, int version, int code)
{
    static const struct {
        int v1, v2;
    } MAP[] = { { 100, 200 }, { 998, 404 }, { 996, 500 }, { 999, 500 }, { 104, 403 } };
    apr_size_t i;

    if (version == 1 || code == CLOUD_OCS_DENIED) {
        *statuscode = code;
        *http = code == CLOUD_OCS_DENIED ? HTTP_UNAUTHORIZED : HTTP_OK;
        return;
    }
    *statuscode = code >= 200 && code < 600 ? code : HTTP_BAD_REQUEST;
    for (i = 0; i < sizeof(MAP) / sizeof(*MAP); i++) {
        if (MAP[i].v1 == code) {
            *statuscode = MAP[i].v2;
        }
    }
    *http = *statuscode;
}

const char *cloud_ocs_type(const cloud_ocs_call_t *call)
{
    if (call->json) {
        return "application/json; charset=utf-8";
    }
    return call->old ? "text/xml; charset=UTF-8" : "application/xml; charset=utf-8";
}

static apr_status_t release(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

json_t *cloud_ocs_own(json_t *json, apr_pool_t *pool)
{
    if (json) {
        apr_pool_cleanup_register(pool, json, release, apr_pool_cleanup_null);
    }
    return json;
}

/* ---- XML ---- */

/* Pieces of text, to be joined at the end. */
typedef struct {
    apr_array_header_t *parts; /* const char * */
    apr_pool_t *pool;
} text_t;

static void put(text_t *t, const char *s)
{
    APR_ARRAY_PUSH(t->parts, const char *) = s;
}

static void indent(text_t *t, int depth)
{
    char *blanks = apr_palloc(t->pool, (apr_size_t)depth + 1);

    memset(blanks, ' ', (apr_size_t)depth);
    blanks[depth] = '\0';
    put(t, blanks);
}

static const char *scalar(const json_t *value, apr_pool_t *pool)
{
    char buf[40];

    switch (json_typeof(value)) {
    case JSON_STRING:
        return ap_escape_html(pool, json_string_value(value));
    case JSON_INTEGER:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    case JSON_REAL:
        /* APR's own would leave out the zero of 0.1 */
        snprintf(buf, sizeof(buf), "%g", json_real_value(value));
        return apr_pstrdup(pool, buf);
    case JSON_TRUE:
        return "1";
    default:
        return "";
    }
}

/* An element's name; what JSON allows and XML does not can only come from a bug. */
static const char *element_name(const char *key)
{
    return apr_isdigit(*key) || strpbrk(key, " <>&\"'/=") ? "element" : key;
}

static void element(text_t *t, const char *name, json_t *value, int depth);

static void children(text_t *t, json_t *value, int depth)
{
    const char *key;
    json_t *child;
    size_t i;

    json_object_foreach(value, key, child) {
        element(t, element_name(key), child, depth);
    }
    json_array_foreach(value, i, child) {
        element(t, "element", child, depth);
    }
}

/* null and empty containers are <x/>, an empty string and false are <x></x>. */
static void element(text_t *t, const char *name, json_t *value, int depth)
{
    int container = json_is_object(value) || json_is_array(value);

    indent(t, depth);
    put(t, "<");
    put(t, name);
    if (json_is_null(value) || (container && !json_object_size(value) && !json_array_size(value))) {
        put(t, "/>\n");
        return;
    }
    put(t, ">");
    if (container) {
        put(t, "\n");
        children(t, value, depth + 1);
        indent(t, depth);
    }
    else {
        put(t, scalar(value, t->pool));
    }
    put(t, "</");
    put(t, name);
    put(t, ">\n");
}

static const char *to_xml(json_t *root, apr_pool_t *pool)
{
    text_t t = { apr_array_make(pool, 64, sizeof(const char *)), pool };

    put(&t, "<?xml version=\"1.0\"?>\n");
    children(&t, root, 0);
    return apr_array_pstrcat(pool, t.parts, 0);
}

/* ---- the envelope ---- */

static void set_count(json_t *meta, const char *name, apr_int64_t n, int old)
{
    if (n >= 0 || !old) {
        json_object_set_new(meta, name, n < 0 ? json_string("") : json_integer(n));
    }
}

const char *cloud_ocs_envelope(const cloud_ocs_call_t *call, int statuscode, int ok,
                               apr_pool_t *pool)
{
    json_t *root = cloud_ocs_own(json_object(), pool);
    json_t *ocs = json_object(), *meta = json_object();
    char *text;

    json_object_set_new(root, "ocs", ocs);
    json_object_set_new(ocs, "meta", meta);
    json_object_set_new(meta, "status", json_string(ok ? "ok" : "failure"));
    json_object_set_new(meta, "statuscode", json_integer(statuscode));
    json_object_set_new(meta, "message", call->message && *call->message
                                             ? json_string(call->message) : json_null());
    set_count(meta, "totalitems", call->total, call->old);
    set_count(meta, "itemsperpage", call->per_page, call->old);
    if (call->data) {
        json_object_set(ocs, "data", call->data);
    }
    else {
        json_object_set_new(ocs, "data", json_array());
    }
    if (!call->json) {
        return to_xml(root, pool);
    }
    text = json_dumps(root, JSON_COMPACT);
    if (!text) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, text, (apr_status_t (*)(void *))(void *)free,
                              apr_pool_cleanup_null);
    return text;
}
