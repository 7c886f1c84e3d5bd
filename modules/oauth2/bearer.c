/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file bearer.c
 * Bearer tokens (RFC 6750) beside whatever else authenticates: a request that shows one of ours is
 * its account's; any other scheme is left alone.
 */
#include "oauth2_http.h"

#define SCHEME "Bearer"

/* Of the main request: why its token was refused. */
typedef struct {
    const char *error;
    const char *description;
} refusal_t;

/* The token of a request, perhaps empty; NULL when it uses another scheme. */
static const char *bearer_of(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");
    apr_size_t len = sizeof(SCHEME) - 1;

    if (!value || ap_cstr_casecmpn(value, SCHEME, len) != 0
        || (value[len] && value[len] != ' ')) {
        return NULL;
    }
    for (value += len; *value == ' '; value++) {
        continue;
    }
    return value;
}

static int is_basic(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && !ap_cstr_casecmp(type, "Basic");
}

static int let_in(request_rec *r, const cloud_account_t *account)
{
    r->user = (char *)account->id;
    r->ap_auth_type = (char *)SCHEME;
    return OK;
}

static int accept_login(request_rec *r, cloud_ctx_t *ctx, const cloud_oauth_login_t *login)
{
    cloud_err_t *err;

    cloud_http_set_account(r, login->account, login->client);
    err = cloud_account_seen(ctx, login->account);
    if (!err) {
        err = cloud_oauth_seen(ctx, login);
    }
    if (err) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "the login of %s could not be noted: %s",
                      login->account->id, err->msg);
    }
    return let_in(r, login->account);
}

/* A token that was never ours is a guess; one that has ended is not, and its client only has to
 * refresh it. */
static cloud_err_t *refused(request_rec *r, const cloud_oauth_login_t *login, const char *token)
{
    refusal_t *refusal = apr_pcalloc(r->pool, sizeof(*refusal));
    cloud_try_t *try;

    if (login->state == CLOUD_OAUTH_FORGED) {
        CLOUD_ERR(cloud_try_begin(&try, r, "token", "", token));
        cloud_try_wrong(try);
    }
    refusal->error = "invalid_token";
    refusal->description = login->state == CLOUD_OAUTH_ENDED
        ? "The access token expired or was revoked" : "The access token is not known";
    ap_set_module_config(r->request_config, &cloud_oauth2_module, refusal);
    return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, "%s", refusal->description);
}

int oauth_check_authn(request_rec *r)
{
    const char *token = cloud_http_endpoint(r, NULL) && oauth_is_on(r) ? bearer_of(r) : NULL;
    cloud_oauth_login_t login;
    cloud_ctx_t *ctx;
    cloud_err_t *err;

    if (!token) {
        return DECLINED;
    }
    if (r->main && cloud_http_account(r)) {
        return let_in(r, cloud_http_account(r));
    }
    err = cloud_http_ctx(&ctx, r);
    if (!err) {
        err = cloud_oauth_verify(&login, ctx, token, ctx->pool);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (login.state == CLOUD_OAUTH_GOOD) {
        return accept_login(r, ctx, &login);
    }
    /* It may be for the module that authenticates here (OpenID Connect). */
    if (login.state == CLOUD_OAUTH_FORGED && !is_basic(r)) {
        return DECLINED;
    }
    return cloud_http_error(r, refused(r, &login, token));
}

/* ---- the challenge ---- */

static int keep(void *list, const char *key, const char *value)
{
    (void)key;
    APR_ARRAY_PUSH((apr_array_header_t *)list, const char *) = value;
    return 1;
}

static const char *challenge_text(request_rec *r, const refusal_t *refusal)
{
    const char *realm = ap_auth_name(r);
    const char *text = apr_pstrcat(r->pool, SCHEME " realm=\"", realm ? realm : "ownCloud", "\"",
                                   NULL);

    return refusal ? apr_pstrcat(r->pool, text, ", error=\"", refusal->error,
                                 "\", error_description=\"", refusal->description, "\"", NULL)
                   : text;
}

/* First: clients that know both prefer it, and some look no further than the first word. */
void oauth_challenge(request_rec *r)
{
    apr_array_header_t *others = apr_array_make(r->pool, 2, sizeof(const char *));
    const refusal_t *refusal;
    int i;

    if (r->status != HTTP_UNAUTHORIZED || !cloud_http_endpoint(r, NULL) || !is_basic(r)) {
        return;
    }
    /* Whoever has shown a token knows of them. */
    refusal = ap_get_module_config(r->request_config, &cloud_oauth2_module);
    if (!refusal && !oauth_is_announced(r)) {
        return;
    }
    apr_table_do(keep, others, r->err_headers_out, "WWW-Authenticate", NULL);
    apr_table_setn(r->err_headers_out, "WWW-Authenticate", challenge_text(r, refusal));
    for (i = 0; i < others->nelts; i++) {
        apr_table_addn(r->err_headers_out, "WWW-Authenticate",
                       APR_ARRAY_IDX(others, i, const char *));
    }
}
