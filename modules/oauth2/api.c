/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file api.c
 * What programs ask: tokens (RFC 6749), their revocation (RFC 7009), and whose they are.
 */
#include "oauth2_http.h"

#include "json_answer.h"

#include <util_script.h>

#define JSON_TYPE "application/json; charset=utf-8"

/* ---- answers ---- */

/* Of all answers, those of errors that are made elsewhere, too. */
static void keep_private(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "Pragma", "no-cache");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    /* A compressed answer with a secret in it tells something by its length. */
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

static json_t *error_json(const char *error, const char *description)
{
    return description ? json_pack("{s:s, s:s}", "error", error, "error_description", description)
                       : json_pack("{s:s}", "error", error);
}

static int send_error(request_rec *r, int status, const char *error, const char *description)
{
    return cloud_json_send(r, status, error_json(error, description));
}

/* For clients that authenticated in vain, or not at all. */
static int send_invalid_client(request_rec *r, const char *description)
{
    apr_table_setn(r->headers_out, "WWW-Authenticate", "Basic realm=\"OAuth2 client\"");
    return send_error(r, HTTP_UNAUTHORIZED, "invalid_client", description);
}

static const char *oauth_name(cloud_code_t code)
{
    switch (code) {
    case CLOUD_E_UNAUTHORIZED:
        return "invalid_token";
    case CLOUD_E_DENIED:
        return "access_denied";
    case CLOUD_E_THROTTLED:
    case CLOUD_E_UNAVAILABLE:
    case CLOUD_E_MAINTENANCE:
    case CLOUD_E_BUSY:
        return "temporarily_unavailable";
    default:
        return cloud_err_info(code)->http >= 500 ? "server_error" : "invalid_request";
    }
}

const char *oauth_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                             apr_bucket_brigade *bb)
{
    json_t *json = error_json(oauth_name(code), msg);
    char *text = json_dumps(json, JSON_COMPACT);

    (void)r;
    (void)status;
    json_decref(json);
    if (!text) {
        return NULL;
    }
    apr_brigade_puts(bb, NULL, NULL, text);
    free(text);
    return JSON_TYPE;
}

/* ---- who asks ---- */

/* A request to one of the endpoints that clients authenticate at. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    cloud_params_t *form;
    const char *id, *secret;       /* as shown; secret may be NULL */
    cloud_oauth_client_t *client;
} api_t;

/* Id and secret in the header are encoded as in a form (RFC 6749, 2.3.1). */
static const char *form_decoded(request_rec *r, const char *text)
{
    char *copy = apr_pstrdup(r->pool, text);

    return ap_unescape_urlencoded(copy) == OK ? copy : text;
}

/* 0: shown twice, and differently. */
static int read_credentials(api_t *a)
{
    const char *id = cloud_param(a->form, "client_id"), *user, *password;

    a->id = id;
    a->secret = cloud_param(a->form, "client_secret");
    if (ap_get_basic_auth_components(a->r, &user, &password) != APR_SUCCESS) {
        return 1;
    }
    a->id = form_decoded(a->r, user);
    a->secret = form_decoded(a->r, password);
    return !id || !strcmp(id, a->id);
}

/* A wrong secret is counted by the throttle; a right one is never held up by it. */
static cloud_err_t *check_secret(int *fits, api_t *a)
{
    cloud_try_t *try;

    CLOUD_ERR(cloud_oauth_client_check(fits, a->ctx, a->client, a->secret));
    if (!*fits) {
        CLOUD_ERR(cloud_try_begin(&try, a->r, "oauth2 client", a->id, a->secret));
        cloud_try_wrong(try);
    }
    return NULL;
}

/* Sets *status to -1 when the client may go on; else it was answered. */
static int authenticate(int *status, api_t *a)
{
    cloud_err_t *err;
    int fits = 0;

    if (!read_credentials(a)) {
        *status = send_error(a->r, HTTP_BAD_REQUEST, "invalid_request",
                             "two different client ids");
        return 0;
    }
    if (!a->id || !*a->id) {
        *status = send_invalid_client(a->r, "no client id");
        return 0;
    }
    err = cloud_oauth_client_get(&a->client, a->ctx, a->id, a->r->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        *status = send_invalid_client(a->r, "the client is not known");
        return 0;
    }
    if (!err && a->secret && *a->secret && (a->client->has_secret || a->client->builtin)) {
        err = check_secret(&fits, a);
    }
    else if (!err) {
        fits = !a->client->has_secret; /* of a public one none is asked */
    }
    if (err) {
        *status = cloud_http_error(a->r, err);
        return 0;
    }
    if (!fits) {
        *status = send_invalid_client(a->r, "the client's secret is wrong or missing");
        return 0;
    }
    return 1;
}

/* 1: the form was read and the client is who it says; else *status is the answer. */
static int begin(int *status, api_t *a, request_rec *r)
{
    cloud_err_t *err;

    memset(a, 0, sizeof(*a));
    a->r = r;
    keep_private(r);
    if (r->method_number != M_POST) {
        *status = oauth_no_method(r, 0, 1);
        return 0;
    }
    err = cloud_http_ctx(&a->ctx, r);
    if (!err) {
        err = cloud_login_fields(&a->form, r);
    }
    if (err) {
        *status = cloud_http_error(r, err);
        return 0;
    }
    return authenticate(status, a);
}

/* A code or token that is none of ours. */
static cloud_err_t *count_guess(request_rec *r, const char *secret)
{
    cloud_try_t *try;

    CLOUD_ERR(cloud_try_begin(&try, r, "token", "", secret));
    cloud_try_wrong(try);
    return NULL;
}

/* ---- tokens ---- */

static const char *absolute(request_rec *r, const char *path)
{
    return ap_construct_url(r->pool, cloud_http_uri(r, path, "", r->pool), r);
}

static int send_tokens(request_rec *r, const cloud_oauth_answer_t *answer)
{
    return cloud_json_send(r, HTTP_OK,
                     json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "access_token", answer->access,
                               "token_type", "Bearer", "expires_in",
                               (json_int_t)answer->expires_in, "refresh_token", answer->refresh,
                               "user_id", answer->user, "message_url", absolute(r, SUCCESS_PATH)));
}

static int finish(api_t *a, cloud_err_t *err, const cloud_oauth_answer_t *answer,
                  const char *secret)
{
    if (!err && answer->guess) {
        err = count_guess(a->r, secret);
    }
    if (err) {
        return cloud_http_error(a->r, err);
    }
    if (!answer->access) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, a->r, "no tokens for %s: %s", a->client->name,
                      answer->description);
        return send_error(a->r, HTTP_BAD_REQUEST, answer->error, answer->description);
    }
    return send_tokens(a->r, answer);
}

static int by_code(api_t *a)
{
    const char *code = cloud_param(a->form, "code");
    const char *redirect = cloud_param(a->form, "redirect_uri");
    const char *verifier = cloud_param(a->form, "code_verifier");
    cloud_oauth_answer_t answer;
    cloud_err_t *err;

    if (!code || !*code || !redirect) {
        return send_error(a->r, HTTP_BAD_REQUEST, "invalid_request",
                          "code and redirect_uri are needed");
    }
    err = cloud_oauth_exchange(&answer, a->ctx, a->client, code, redirect,
                               verifier && *verifier ? verifier : NULL, a->r->pool);
    return finish(a, err, &answer, code);
}

static int by_refresh(api_t *a)
{
    const char *token = cloud_param(a->form, "refresh_token");
    cloud_oauth_answer_t answer;
    cloud_err_t *err;

    if (!token || !*token) {
        return send_error(a->r, HTTP_BAD_REQUEST, "invalid_request", "refresh_token is needed");
    }
    err = cloud_oauth_refresh(&answer, a->ctx, a->client, token, a->r->pool);
    return finish(a, err, &answer, token);
}

static const struct {
    const char *type;
    int (*fn)(api_t *);
} GRANTS[] = {
    { "authorization_code", by_code },
    { "refresh_token", by_refresh },
};

int oauth_token(request_rec *r)
{
    const char *type;
    apr_size_t i;
    int status;
    api_t a;

    if (!begin(&status, &a, r)) {
        return status;
    }
    type = cloud_param(a.form, "grant_type");
    if (!type || !*type) {
        return send_error(r, HTTP_BAD_REQUEST, "invalid_request", "grant_type is needed");
    }
    for (i = 0; i < sizeof(GRANTS) / sizeof(*GRANTS); i++) {
        if (!strcmp(type, GRANTS[i].type)) {
            return GRANTS[i].fn(&a);
        }
    }
    return send_error(r, HTTP_BAD_REQUEST, "unsupported_grant_type", NULL);
}

int oauth_revoke(request_rec *r)
{
    const char *token;
    cloud_err_t *err;
    int status, guess;
    api_t a;

    if (!begin(&status, &a, r)) {
        return status;
    }
    token = cloud_param(a.form, "token");
    if (!token || !*token) {
        return send_error(r, HTTP_BAD_REQUEST, "invalid_request", "token is needed");
    }
    err = cloud_oauth_revoke(&guess, a.ctx, a.client, token);
    if (!err && guess) {
        err = count_guess(r, token);
    }
    return err ? cloud_http_error(r, err) : cloud_json_send(r, HTTP_OK, json_object());
}

int oauth_userinfo(request_rec *r)
{
    const cloud_account_t *account = cloud_http_account(r);
    json_t *json;

    keep_private(r);
    if (r->method_number != M_GET) {
        return oauth_no_method(r, 1, 0);
    }
    if (!account) {
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, NULL));
    }
    json = json_pack("{s:s, s:s}", "sub", account->id, "name", account->display_name);
    if (account->email) {
        json_object_set_new(json, "email", json_string(account->email));
    }
    return cloud_json_send(r, HTTP_OK, json);
}
