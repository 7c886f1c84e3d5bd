/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file browser.c
 * Who is signed in, cookies, and the tokens of forms.
 *
 * Two cookies: that of the session, and one that forms are bound to, also before anybody is signed in
 * (else a stranger's page could sign somebody in as somebody else). A session's cookie is always
 * made here, anew at each step of signing in, and never taken from what a browser sends.
 */
#include "login_http.h"

#include <apr_lib.h>

#include "form.h"

#define SECRET_CHARS 43
#define TOKEN        "requesttoken"

login_browser_t *login_known(request_rec *r)
{
    login_browser_t *b;

    while (r->main) {
        r = r->main;
    }
    b = ap_get_module_config(r->request_config, &cloud_login_module);
    if (!b) {
        b = apr_pcalloc(r->pool, sizeof(*b));
        ap_set_module_config(r->request_config, &cloud_login_module, b);
    }
    return b;
}

/* ---- cookies ---- */

static int is_secure(request_rec *r)
{
    return !strcmp(ap_http_scheme(r), "https");
}

/* The prefixes make browsers refuse cookies that another host of the domain, or somebody on an
 * unencrypted line, has set. */
static const char *cookie_name(request_rec *r, const char *name)
{
    const char *prefix = "";

    if (is_secure(r)) {
        prefix = *cloud_http_base(r) ? "__Secure-" : "__Host-";
    }
    return apr_pstrcat(r->pool, prefix, name, NULL);
}

static int is_secret(const char *text, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (!apr_isalnum(text[i]) && text[i] != '-' && text[i] != '_') {
            return 0;
        }
    }
    return len == SECRET_CHARS;
}

/* The value of a cookie that has the form of ours. */
static const char *get_cookie(request_rec *r, const char *name)
{
    const char *all = apr_table_get(r->headers_in, "Cookie");
    const char *wanted = apr_pstrcat(r->pool, cookie_name(r, name), "=", NULL);
    apr_size_t len = strlen(wanted);

    while (all && *all) {
        const char *end;

        all += strspn(all, "; \t");
        end = all + strcspn(all, "; \t");
        if (!strncmp(all, wanted, len) && is_secret(all + len, (apr_size_t)(end - all) - len)) {
            return apr_pstrmemdup(r->pool, all + len, SECRET_CHARS);
        }
        all = end;
    }
    return NULL;
}

/* value NULL takes it away. */
static void set_cookie(request_rec *r, const char *name, const char *value)
{
    const char *base = cloud_http_base(r);
    const char *cookie = apr_pstrcat(r->pool, cookie_name(r, name), "=", value ? value : "",
                                     "; Path=", *base ? base : "/", "; HttpOnly; SameSite=Lax",
                                     is_secure(r) ? "; Secure" : "", value ? "" : "; Max-Age=0",
                                     NULL);

    apr_table_addn(r->err_headers_out, "Set-Cookie", cookie);
}

#define SESSION_COOKIE "cloud_session"
#define FORM_COOKIE    "cloud_form"

/* ---- who is signed in ---- */

/* Whom Apache let in by something that is worth a session: no app password, no token. */
static const cloud_account_t *authenticated(request_rec *r, cloud_ctx_t *ctx)
{
    return r->user && !ctx->who.client ? cloud_http_account(r) : NULL;
}

int login_by_password(request_rec *r)
{
    static const char *const TYPES[] = { "Basic", "Digest", "form" };
    apr_size_t i;

    for (i = 0; r->ap_auth_type && i < sizeof(TYPES) / sizeof(*TYPES); i++) {
        if (!ap_cstr_casecmp(r->ap_auth_type, TYPES[i])) {
            return 1;
        }
    }
    return 0;
}

static cloud_err_t *look(login_browser_t *b, request_rec *r)
{
    const cloud_account_t *apache;
    int more = 0;
    cloud_session_t *session;
    cloud_account_t *owner;
    cloud_ctx_t *ctx;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    b->cookie = get_cookie(r, FORM_COOKIE);
    b->secret = get_cookie(r, SESSION_COOKIE);
    if (b->secret) {
        CLOUD_ERR(cloud_session_find(&session, &owner, ctx, b->secret, ctx->pool));
        b->session = session;
        b->owner = owner;
    }
    apache = authenticated(r, ctx);
    if (apache && b->session && b->owner->number != apache->number) {
        b->session = NULL; /* of somebody who sat here before */
    }
    if (b->session) {
        *(b->session->stage == CLOUD_SESSION_OPEN ? &b->account : &b->pending) = b->owner;
        return NULL;
    }
    if (apache && login_by_password(r)) {
        CLOUD_ERR(cloud_second_needed(&more, ctx, apache));
    }
    *(more ? &b->pending : &b->account) = apache;
    return NULL;
}

cloud_err_t *login_browser(login_browser_t **browser, request_rec *r)
{
    login_browser_t *b = login_known(r);

    *browser = b;
    if (b->looked) {
        return NULL;
    }
    CLOUD_ERR(look(b, r));
    b->looked = 1;
    if (b->account && cloud_http_account(r) != b->account) {
        cloud_http_set_account(r, b->account, NULL);
    }
    return NULL;
}

cloud_err_t *cloud_login_account(const cloud_account_t **account, request_rec *r)
{
    login_browser_t *b;

    *account = NULL;
    CLOUD_ERR(login_browser(&b, r));
    *account = b->account;
    return NULL;
}

cloud_err_t *login_begin(request_rec *r, const cloud_account_t *account,
                         cloud_session_stage_t stage)
{
    login_browser_t *b = login_known(r);
    const char *old = b->secret;
    cloud_ctx_t *ctx;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    cloud_http_set_account(r, account, NULL);
    CLOUD_ERR(cloud_session_create(&b->secret, ctx, account, stage, r->pool));
    if (old) {
        CLOUD_ERR(cloud_session_end(ctx, old));
    }
    set_cookie(r, SESSION_COOKIE, b->secret);
    return NULL;
}

cloud_err_t *login_look_again(request_rec *r)
{
    login_browser_t *b = login_known(r);
    cloud_session_t *session;
    cloud_account_t *owner;
    cloud_ctx_t *ctx;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(cloud_session_find(&session, &owner, ctx, b->secret, ctx->pool));
    b->session = session;
    b->owner = b->account = owner;
    return NULL;
}

cloud_err_t *login_end(request_rec *r)
{
    login_browser_t *b = login_known(r);
    cloud_ctx_t *ctx;

    if (!b->secret) {
        return NULL;
    }
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(cloud_session_end(ctx, b->secret));
    set_cookie(r, SESSION_COOKIE, NULL);
    return NULL;
}

/* ---- forms ---- */

/* A form is bound to the session that it was made in. */
static const char *bound_to(const login_browser_t *b)
{
    return b->session && b->session->stage == CLOUD_SESSION_OPEN ? b->secret : "";
}

const char *login_form_token(request_rec *r)
{
    login_browser_t *b = login_known(r);

    if (!b->cookie) {
        cloud_err_t *err = cloud_login_secret(&b->cookie, r->pool);

        if (err) {
            cloud_http_error(r, err);
            return NULL;
        }
        set_cookie(r, FORM_COOKIE, b->cookie);
    }
    return cloud_form_token(b->cookie, bound_to(b), r->pool);
}

static cloud_err_t *read_fields(cloud_params_t **params, request_rec *r, apr_off_t max)
{
    *params = cloud_params_create(r->pool);
    return cloud_form_read(*params, r, max);
}

cloud_err_t *cloud_login_fields(cloud_params_t **params, request_rec *r)
{
    return read_fields(params, r, CLOUD_LOGIN_FORM_BYTES);
}

cloud_err_t *cloud_login_form_token(request_rec *r, const char *token)
{
    login_browser_t *b;

    CLOUD_ERR(login_browser(&b, r));
    /* Older browsers do not say where a form stood; they have the token. */
    if (cloud_http_foreign(r) || !b->cookie
        || !cloud_form_token_fits(token, b->cookie, bound_to(b), r->pool)) {
        return cloud_err(r->pool, CLOUD_E_DENIED,
                         "The form is too old, or was not made for this browser. Please try again.");
    }
    return NULL;
}

cloud_err_t *cloud_login_form(cloud_params_t **params, request_rec *r)
{
    return cloud_login_form_sized(params, r, CLOUD_LOGIN_FORM_BYTES);
}

cloud_err_t *cloud_login_form_sized(cloud_params_t **params, request_rec *r, apr_off_t max)
{
    login_browser_t *b;

    CLOUD_ERR(login_browser(&b, r));
    CLOUD_ERR(read_fields(params, r, max));
    return cloud_login_form_token(r, cloud_param(*params, TOKEN));
}
