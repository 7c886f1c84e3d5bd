/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file errors.c
 * Errors to HTTP: a verb's error is noted and becomes a status; one output filter writes the body
 * that clients expect, for errors of httpd's core and mod_dav as well.
 */
#include "private.h"

#include <util_filter.h>

#include "names.h"

#define XML_TYPE "application/xml; charset=utf-8"

static ap_filter_rec_t *error_filter_rec;

/* ---- codes ---- */

/* Where several codes share a status, the one that says least. */
static const cloud_code_t PLAIN_CODES[] = {
    CLOUD_E_INVALID, CLOUD_E_UNAUTHORIZED, CLOUD_E_DENIED, CLOUD_E_NOT_FOUND, CLOUD_E_NOT_ALLOWED,
    CLOUD_E_CONFLICT, CLOUD_E_PRECONDITION, CLOUD_E_TOO_LARGE, CLOUD_E_UNSUPPORTED, CLOUD_E_RANGE,
    CLOUD_E_LOCKED, CLOUD_E_THROTTLED, CLOUD_E_INTERNAL, CLOUD_E_NOT_IMPLEMENTED,
    CLOUD_E_BAD_GATEWAY, CLOUD_E_UNAVAILABLE, CLOUD_E_QUOTA,
};

cloud_code_t cloud_http_code(int status)
{
    apr_size_t i;

    for (i = 0; i < sizeof(PLAIN_CODES) / sizeof(*PLAIN_CODES); i++) {
        if (cloud_err_info(PLAIN_CODES[i])->http == status) {
            return PLAIN_CODES[i];
        }
    }
    return status >= 500 ? CLOUD_E_INTERNAL : CLOUD_E_INVALID;
}

/* Refusals of every day stay out of the log; what an operator must look at is an error. */
static int log_level(const cloud_err_t *err)
{
    switch (err->code) {
    case CLOUD_E_DENIED:
    case CLOUD_E_UNAUTHORIZED:
    case CLOUD_E_THROTTLED:
    case CLOUD_E_MAINTENANCE:
    case CLOUD_E_BUSY:
    case CLOUD_E_AGAIN:
        return APLOG_INFO;
    case CLOUD_E_UNAVAILABLE:
        return err->cause ? APLOG_ERR : APLOG_INFO; /* else it was logged where it was found */
    default:
        return cloud_err_info(err->code)->http == HTTP_INTERNAL_SERVER_ERROR ? APLOG_ERR
                                                                             : APLOG_DEBUG;
    }
}

int cloud_http_error(request_rec *r, cloud_err_t *err)
{
    cloud_request_t *q = cloud_main_request(r);
    const cloud_err_info_t *info;

    if (!err) {
        return OK;
    }
    info = cloud_err_info(err->code);
    if (q->logged != err) {
        q->logged = err;
        ap_log_rerror(err->file, err->line, APLOG_MODULE_INDEX, log_level(err), 0, r,
                      "%s %s: %s: %s%s%s", r->method, r->uri, info->name, err->msg,
                      err->cause ? ": " : "", err->cause ? err->cause : "");
    }
    q->noted = 1;
    q->code = err->code;
    q->msg = err->msg;
    if (info->http == HTTP_UNAUTHORIZED && ap_auth_type(r)) {
        ap_note_auth_failure(r);
    }
    /* A filter (one that limits the body, say) has answered already: never answer twice. */
    return r->eos_sent ? AP_FILTER_ERROR : info->http;
}

void cloud_http_error_defer(request_rec *r, cloud_err_t *err)
{
    cloud_http_error(r, err);
    cloud_main_request(r)->deferred = 1;
}

void cloud_http_error_header(request_rec *r, const char *header)
{
    cloud_main_request(r)->header = header;
}

void cloud_http_error_condition(request_rec *r, const char *exception, const char *element,
                                const char *href)
{
    cloud_request_t *q = cloud_main_request(r);

    q->exception = exception;
    q->element = element;
    q->href = href;
}

void cloud_http_error_clear(request_rec *r)
{
    cloud_request_t *q = cloud_main_request(r);

    q->noted = 0;
    q->header = q->exception = q->element = q->href = NULL;
    q->deferred = 0;
}

/* ---- the body ---- */

static void put_element(apr_bucket_brigade *bb, const char *name, const char *text)
{
    if (*text) {
        apr_brigade_putstrs(bb, NULL, NULL, "  <", name, ">", text, "</", name, ">\n", NULL);
    }
    else {
        apr_brigade_putstrs(bb, NULL, NULL, "  <", name, "/>\n", NULL);
    }
}

static const char *sabre_body(request_rec *r, cloud_code_t code, const char *msg,
                              const cloud_request_t *q, apr_bucket_brigade *bb)
{
    const cloud_err_info_t *info = cloud_err_info(code);
    const char *element = q->element ? q->element : info->element;

    if (!cloud_name_xml_ok(msg)) {
        msg = info->msg; /* it quotes bytes that XML can't carry */
    }
    apr_brigade_putstrs(bb, NULL, NULL,
                        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                        "<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\n"
                        "  <s:exception>", q->exception ? q->exception : info->exception,
                        "</s:exception>\n", NULL);
    put_element(bb, "s:message", ap_escape_html(r->pool, msg));
    if (element) {
        put_element(bb, element, !q->href ? "" : apr_pstrcat(r->pool, "<d:href>",
                                                             ap_escape_html(r->pool, q->href),
                                                             "</d:href>", NULL));
    }
    if (q->header) {
        put_element(bb, "s:header", ap_escape_html(r->pool, q->header));
    }
    apr_brigade_puts(bb, NULL, NULL, "</d:error>\n");
    return XML_TYPE;
}

/* The request whose error this is: an ErrorDocument is fetched by an internal redirect. */
static request_rec *origin(request_rec *r)
{
    while (!cloud_http_endpoint(r, NULL) && r->prev) {
        r = r->prev;
    }
    return cloud_http_endpoint(r, NULL) ? r : NULL;
}

static const char *default_message(request_rec *r, int status, cloud_code_t code)
{
    if (status == HTTP_UNAUTHORIZED) {
        return apr_table_get(r->headers_in, "Authorization")
            ? "Username or password was incorrect"
            : "No public access to this resource., No 'Authorization: Basic' header found. Either "
              "the client didn't send one, or the server is misconfigured";
    }
    return cloud_err_info(code)->msg;
}

static const char *error_body(request_rec *r, int status, apr_bucket_brigade *bb)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);
    const cloud_request_t *q = cloud_main_request(r);
    cloud_code_t code = q->noted && cloud_err_info(q->code)->http == status
        ? q->code : cloud_http_code(status);
    const char *msg = q->noted && q->code == code && q->msg ? q->msg
                                                            : default_message(r, status, code);

    if (ep->flags & CLOUD_EP_DAV) {
        return sabre_body(r, code, msg, q, bb);
    }
    return ep->error_body ? ep->error_body(r, status, code, msg, bb) : NULL;
}

/* ---- headers ---- */

typedef struct {
    request_rec *r;
    apr_table_t *changed;
} challenge_t;

/* Names are UTF-8; and a script's request must not make the browser ask for a password. */
static int edit_challenge(void *data, const char *key, const char *value)
{
    challenge_t *c = data;
    const char *script = apr_table_get(c->r->headers_in, "X-Requested-With");

    if (!ap_cstr_casecmpn(value, "Basic ", 6)) {
        value = apr_pstrcat(c->r->pool,
                            script && !ap_cstr_casecmp(script, "XMLHttpRequest") ? "DummyBasic "
                                                                                 : "Basic ",
                            value + 6, strstr(value, "charset=") ? "" : ", charset=\"UTF-8\"",
                            NULL);
    }
    apr_table_addn(c->changed, key, value);
    return 1;
}

static void edit_challenges(request_rec *r, apr_table_t *headers)
{
    challenge_t c = { r, apr_table_make(r->pool, 2) };

    apr_table_do(edit_challenge, &c, headers, "WWW-Authenticate", NULL);
    if (!apr_is_empty_table(c.changed)) {
        apr_table_unset(headers, "WWW-Authenticate");
        apr_table_overlap(headers, c.changed, APR_OVERLAP_TABLES_MERGE);
    }
}

/* ---- the filter ---- */

typedef enum { FIRST, SWALLOW } filter_state_t;

/* A 207 is no error; a 424 may be a multistatus too. */
static int is_multistatus(request_rec *r)
{
    return r->status == HTTP_MULTI_STATUS
        || (r->status == HTTP_FAILED_DEPENDENCY && r->content_type
            && strstr(r->content_type, "/xml"));
}

static int has_error_bucket(apr_bucket_brigade *bb)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = APR_BUCKET_NEXT(b)) {
        if (AP_BUCKET_IS_ERROR(b)) {
            return 1;
        }
    }
    return 0;
}

static int is_html(const request_rec *r)
{
    return !r->content_type || !strncmp(r->content_type, "text/html", 9);
}

/* Errors on DAV paths always have Sabre's body; elsewhere a handler may have written its own. A
 * page about what was created is mod_dav's. */
static int wants_body(request_rec *r, request_rec *from)
{
    int dav = (cloud_http_endpoint(from, NULL)->flags & CLOUD_EP_DAV) != 0;

    return r->status >= 400 ? dav || is_html(r)
                            : r->status == HTTP_CREATED && dav && is_html(r);
}

static int replace_body(request_rec *r, apr_bucket_brigade *bb)
{
    request_rec *from = origin(r);
    const char *type = NULL;

    if (!from || r->main || is_multistatus(r)) {
        return 0;
    }
    if (r->status == HTTP_UNAUTHORIZED) {
        edit_challenges(r, r->headers_out);
        edit_challenges(r, r->err_headers_out);
    }
    if (!wants_body(r, from)) {
        return 0;
    }
    if (r->status >= 400) {
        type = error_body(from, r->status, bb);
        if (!type) {
            return 0;
        }
    }
    apr_table_unset(r->headers_out, "Content-Length");
    apr_table_unset(r->headers_out, "Content-Encoding");
    apr_table_unset(r->headers_out, "Last-Modified");
    r->content_encoding = NULL;
    r->content_languages = NULL;
    ap_set_content_type(r, type);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return 1;
}

static apr_status_t error_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    filter_state_t *state = f->ctx;
    apr_bucket_brigade *body;

    if (state) { /* the rest of what was replaced */
        apr_brigade_cleanup(bb);
        return APR_SUCCESS;
    }
    body = apr_brigade_create(f->r->pool, f->c->bucket_alloc);
    if (APR_BRIGADE_EMPTY(bb) || has_error_bucket(bb) || !replace_body(f->r, body)) {
        ap_remove_output_filter(f);
        return ap_pass_brigade(f->next, bb);
    }
    state = apr_palloc(f->r->pool, sizeof(*state));
    *state = SWALLOW;
    f->ctx = state;
    apr_brigade_cleanup(bb);
    return ap_pass_brigade(f->next, body);
}

void cloud_insert_error_filter(request_rec *r)
{
    const cloud_request_t *q = cloud_main_request(r);

    if (q->deferred && r->status == HTTP_INTERNAL_SERVER_ERROR) {
        r->status = cloud_err_info(q->code)->http;
    }
    if (!r->main && origin(r)) {
        ap_add_output_filter_handle(error_filter_rec, NULL, r, r->connection);
    }
}

void cloud_errors_register(void)
{
    error_filter_rec = ap_register_output_filter("CLOUD_ERROR", error_filter, NULL,
                                                 AP_FTYPE_CONTENT_SET - 1);
}
