/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file routes.c
 * From a URL to a call and back to an answer.
 */
#include "private.h"

#include "group.h"
#include "names.h"

#define UNKNOWN_CALL "Invalid query, please check the syntax. The call does not exist here."

/* ---- finding the route ---- */

/* A segment of the path as it was meant, or NULL for what no answer could repeat. */
static const char *argument(const char *path, apr_size_t len, apr_pool_t *pool)
{
    char *arg = apr_pstrmemdup(pool, path, len), *c;

    for (c = arg; (c = strchr(c, CLOUD_EP_SLASH_MARK));) {
        *c = '/';
    }
    return cloud_name_xml_ok(arg) ? arg : NULL;
}

/* Fits the segments of path to those of pattern; {x} takes any one segment. */
static int fits(const char *pattern, const char *path, const char **args, apr_pool_t *pool)
{
    int n = 0;

    for (;;) {
        apr_size_t want, have;

        pattern += *pattern == '/';
        path += *path == '/';
        want = strcspn(pattern, "/");
        have = strcspn(path, "/");
        if (!want || !have) {
            return !*pattern && !*path;
        }
        if (*pattern == '{') {
            if (n == CLOUD_OCS_MAX_ARGS) {
                return 0;
            }
            args[n] = argument(path, have, pool);
            if (!args[n++]) {
                return 0;
            }
        }
        else if (want != have || memcmp(pattern, path, want) != 0) {
            return 0;
        }
        pattern += want;
        path += have;
    }
}

/* What the path offers. */
typedef struct {
    const cloud_ocs_route_t *route;  /* for the method asked for, or NULL */
    const char *allow;               /* NULL: no route at all */
    int old;                         /* routes here are old ones */
} found_t;

static void look_up(found_t *found, cloud_ocs_call_t *call, const char *path, const char *method)
{
    const apr_array_header_t *tables = cloud_http_ocs_tables();
    apr_pool_t *pool = call->r->pool;
    int i;

    for (i = 0; i < tables->nelts; i++) {
        const cloud_ocs_route_t *route = APR_ARRAY_IDX(tables, i, const cloud_ocs_route_t *);

        for (; route->method; route++) {
            const char *args[CLOUD_OCS_MAX_ARGS] = { NULL };

            if (!fits(route->pattern, path, args, pool)) {
                continue;
            }
            found->old = found->old || (route->flags & CLOUD_OCS_OLD);
            found->allow = apr_pstrcat(pool, found->allow ? found->allow : "OPTIONS", ", ",
                                       route->method, !strcmp(route->method, "GET") ? ", HEAD" : "",
                                       NULL);
            if (!found->route && !strcmp(route->method, method)) {
                found->route = route;
                memcpy(call->args, args, sizeof(args));
            }
        }
    }
}

/* ---- answering ---- */

static int says_json(const cloud_params_t *params)
{
    const char *format = cloud_param(params, "format");

    return format && !strcmp(format, "json");
}

static int query_says_json(request_rec *r)
{
    cloud_params_t *params = cloud_params_create(r->pool);

    return r->args && !cloud_params_add(params, r->args, strlen(r->args)) && says_json(params);
}

static void set_error(cloud_ocs_call_t *call, const cloud_err_t *err)
{
    call->code = cloud_err_info(err->code)->ocs;
    call->message = err->msg;
    call->data = NULL;
}

/* http 0: as the version has it. */
static int answer(cloud_ocs_call_t *call, int http)
{
    request_rec *r = call->r;
    int status, statuscode;
    const char *text;

    cloud_ocs_status(&status, &statuscode, call->version, call->code);
    if (http) {
        status = http;
    }
    if (call->code == CLOUD_OCS_OK && apr_table_get(r->headers_out, "ETag")) {
        int met = ap_meets_conditions(r);

        if (met != OK) {
            return met;
        }
    }
    if (call->code == CLOUD_OCS_OK && !call->message && !call->old) {
        call->message = "OK";
    }
    text = cloud_ocs_envelope(call, statuscode, call->code == CLOUD_OCS_OK, r->pool);
    if (!text) {
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_INTERNAL,
                                             "The answer can't be written as JSON"));
    }
    if (status == HTTP_UNAUTHORIZED && ap_auth_type(r)
        && !apr_table_get(r->err_headers_out, "WWW-Authenticate")) {
        ap_note_auth_failure(r);
    }
    r->status = status;
    ap_set_content_type(r, cloud_ocs_type(call));
    ap_set_content_length(r, (apr_off_t)strlen(text));
    if (!r->header_only) {
        ap_rputs(text, r);
    }
    return OK;
}

/* Statuses of HTTP itself are the same in both versions: what stands between client and server
 * does not read envelopes. */
static int http_of(const cloud_err_t *err)
{
    switch (err->code) {
    case CLOUD_E_UNAVAILABLE:
    case CLOUD_E_MAINTENANCE:
    case CLOUD_E_BUSY:
    case CLOUD_E_AGAIN:
    case CLOUD_E_TOO_LARGE:
    case CLOUD_E_UNSUPPORTED:
    case CLOUD_E_NOT_ALLOWED:
    case CLOUD_E_THROTTLED:
        return cloud_err_info(err->code)->http;
    default:
        return 0;
    }
}

static int answer_error(cloud_ocs_call_t *call, cloud_err_t *err)
{
    if (cloud_http_error(call->r, err) == AP_FILTER_ERROR) {
        return AP_FILTER_ERROR;
    }
    set_error(call, err);
    return answer(call, http_of(err));
}

static cloud_err_t *check_auth(cloud_ocs_call_t *call, cloud_ocs_auth_t auth)
{
    static const cloud_role_t LEAST[] = {
        [CLOUD_OCS_ANYBODY] = CLOUD_ROLE_NOBODY,
        [CLOUD_OCS_USER] = CLOUD_ROLE_USER,
        [CLOUD_OCS_SUBADMIN] = CLOUD_ROLE_SUBADMIN,
        [CLOUD_OCS_ADMIN] = CLOUD_ROLE_ADMIN,
    };
    cloud_role_t role = call->account ? CLOUD_ROLE_USER : CLOUD_ROLE_NOBODY;

    if (call->account && LEAST[auth] > role) {
        CLOUD_ERR(cloud_role(&role, call->ctx));
    }
    return role >= LEAST[auth]
        ? NULL : cloud_err(call->r->pool, CLOUD_E_UNAUTHORIZED, "Unauthorised");
}

static cloud_err_t *run(cloud_ocs_call_t *call, const cloud_ocs_route_t *route)
{
    cloud_params_t *params;
    cloud_err_t *err;

    CLOUD_ERR(cloud_http_ctx(&call->ctx, call->r));
    call->account = cloud_http_account(call->r);
    CLOUD_ERR(check_auth(call, route->auth));
    if (call->r->method_number != M_GET && call->r->method_number != M_OPTIONS) {
        CLOUD_ERR(cloud_http_own_site(call->r));
    }
    CLOUD_ERR(cloud_ocs_params(&params, call->r));
    call->params = params;
    /* ownCloud's older calls look for it in the query alone. */
    if (!call->old) {
        call->json = says_json(params);
    }
    err = route->handler(call);
    cloud_ocs_own(call->data, call->r->pool);
    return err;
}

static void init_call(cloud_ocs_call_t *call, request_rec *r, int version)
{
    memset(call, 0, sizeof(*call));
    call->r = r;
    call->version = version;
    call->json = query_says_json(r);
    call->code = CLOUD_OCS_OK;
    call->total = -1;
    call->per_page = -1;
}

int cloud_ocs_serve(request_rec *r, int version, const char *rest)
{
    found_t found = { NULL, NULL, 0 };
    cloud_ocs_call_t call;
    cloud_err_t *err;

    init_call(&call, r, version);
    look_up(&found, &call, rest, r->header_only ? "GET" : r->method);
    call.old = found.old;
    if (!found.allow) {
        return answer_error(&call, cloud_err(r->pool, CLOUD_E_NOT_FOUND, UNKNOWN_CALL));
    }
    if (!found.route) {
        apr_table_setn(r->headers_out, "Allow", found.allow);
        if (r->method_number == M_OPTIONS) {
            ap_set_content_length(r, 0);
            return OK;
        }
        return answer_error(&call, cloud_err(r->pool, CLOUD_E_NOT_ALLOWED, NULL));
    }
    err = run(&call, found.route);
    return err ? answer_error(&call, err) : answer(&call, 0);
}

const char *cloud_ocs_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                                 apr_bucket_brigade *bb)
{
    const char *rest, *text;
    cloud_ocs_call_t call;
    found_t found = { NULL, NULL, 0 };
    int http, statuscode;

    if (!cloud_http_endpoint(r, &rest)) {
        return NULL;
    }
    init_call(&call, r, strncmp(rest, "/ocs/v2", 7) ? 1 : 2);
    look_up(&found, &call, rest + strlen("/ocs/v1.php"), r->method);
    call.old = found.old;
    call.code = cloud_err_info(code)->ocs;
    call.message = status == HTTP_UNAUTHORIZED ? "Unauthorised" : msg;
    cloud_ocs_status(&http, &statuscode, call.version, call.code);
    text = cloud_ocs_envelope(&call, statuscode, 0, r->pool);
    if (!text) {
        return NULL;
    }
    apr_brigade_puts(bb, NULL, NULL, text);
    return cloud_ocs_type(&call);
}
