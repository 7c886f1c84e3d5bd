/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file authorize.c
 * The pages: may this program have your files? A code is only ever sent to a redirect URI that the
 * client registered; until that is known, errors are shown and not sent anywhere.
 */
#include "oauth2_http.h"

/* What a client asks for; taken from the address, and carried through the form. */
static const char *const FIELDS[] = {
    "response_type", "client_id", "redirect_uri", "state", "scope", "prompt", "user", "login_hint",
    "code_challenge", "code_challenge_method", NULL
};

typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_params_t *params;
    cloud_oauth_client_t *client;
    const char *redirect;
    const cloud_account_t *account;  /* who is signed in; NULL */
} ask_t;

static const char *param(const ask_t *a, const char *name)
{
    const char *value = cloud_param(a->params, name);

    return value && *value ? value : NULL;
}

/* ---- where to go ---- */

static int go(request_rec *r, const char *uri)
{
    apr_table_setn(r->headers_out, "Location", uri);
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "Referrer-Policy", "no-referrer");
    return r->method_number == M_POST ? HTTP_SEE_OTHER : HTTP_MOVED_TEMPORARILY;
}

static int go_with_error(const ask_t *a, const char *error, const char *description)
{
    return go(a->r, cloud_oauth_redirect_with(a->redirect, a->r->pool, "error", error,
                                              "error_description", description, "state",
                                              param(a, "state"), NULL, NULL));
}

static int not_valid(const ask_t *a, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, a->r, "request for authorization refused: %s", why);
    return cloud_page_message(a->r, HTTP_BAD_REQUEST, "Request not valid",
                              apr_psprintf(a->r->pool, "This request is not valid: %s. Please tell "
                                           "who runs this server if it happens again.", why));
}

/* This page's address with the parameters that are carried on. */
static const char *address(const ask_t *a, const char *path)
{
    const char *uri = cloud_http_uri(a->r, path, "", a->r->pool);
    int i;

    for (i = 0; FIELDS[i]; i++) {
        uri = cloud_oauth_redirect_with(uri, a->r->pool, FIELDS[i], param(a, FIELDS[i]), NULL,
                                        NULL);
    }
    return uri;
}

/* ---- what is asked ---- */

/* 1: client and redirect URI are known and fit. */
static int know_client(int *status, ask_t *a)
{
    const char *id = param(a, "client_id");
    cloud_err_t *err;

    a->redirect = param(a, "redirect_uri");
    if (!id || !a->redirect) {
        *status = not_valid(a, "it does not say which program asks, or where to send the answer");
        return 0;
    }
    err = cloud_oauth_client_get(&a->client, a->ctx, id, a->r->pool);
    if (err && !cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        *status = cloud_http_error(a->r, err);
        return 0;
    }
    if (err) {
        *status = not_valid(a, "the program is not known here");
        return 0;
    }
    if (!cloud_oauth_redirect_fits(a->client->redirect, a->redirect)) {
        *status = not_valid(a, "the answer would not go to the program that asks");
        return 0;
    }
    return 1;
}

/* 1: the rest makes sense, too. */
static int know_request(int *status, const ask_t *a)
{
    const char *type = param(a, "response_type");
    const char *challenge = param(a, "code_challenge");

    if (!type) {
        *status = go_with_error(a, "invalid_request", "response_type is needed");
        return 0;
    }
    if (strcmp(type, "code") != 0) {
        *status = go_with_error(a, "unsupported_response_type", NULL);
        return 0;
    }
    if (challenge && !cloud_oauth_pkce_ok(param(a, "code_challenge_method"), challenge)) {
        *status = go_with_error(a, "invalid_request", "the code challenge is not valid");
        return 0;
    }
    if (!challenge && !a->client->has_secret && !a->client->builtin) {
        *status = go_with_error(a, "invalid_request", "a code challenge is needed");
        return 0;
    }
    return 1;
}

/* 1: everything is known but who is signed in. */
static int understand(int *status, ask_t *a, request_rec *r, const cloud_params_t *params)
{
    cloud_err_t *err;

    a->r = r;
    a->params = params;
    err = cloud_http_ctx(&a->ctx, r);
    if (err) {
        *status = cloud_http_error(r, err);
        return 0;
    }
    return know_client(status, a) && know_request(status, a);
}

/* ---- the pages ---- */

static void put_fields(cloud_page_t *page, const ask_t *a)
{
    int i;

    for (i = 0; FIELDS[i]; i++) {
        if (param(a, FIELDS[i])) {
            cloud_page_put(page, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", FIELDS[i],
                           param(a, FIELDS[i]));
        }
    }
}

static void put_who(cloud_page_t *page, const cloud_account_t *account)
{
    if (!strcmp(account->display_name, account->id)) {
        cloud_page_put(page, "<strong>%s</strong>", account->id);
    }
    else {
        cloud_page_put(page, "<strong>%s</strong> (%s)", account->display_name, account->id);
    }
}

/* Somebody whom httpd itself let in can't be signed out here. */
static void put_switch(cloud_page_t *page, const ask_t *a)
{
    if (a->r->user && a->r->ap_auth_type) {
        return;
    }
    cloud_page_form(page, LOGOUT_PATH);
    put_fields(page, a);
    cloud_page_put(page, "<button class=\"quiet\">Sign in as somebody else</button>\n</form>\n");
}

static int show_consent(const ask_t *a)
{
    cloud_page_t *page = cloud_page_create(a->r, "Access to your files");

    cloud_page_allow(page, cloud_oauth_redirect_source(a->redirect, a->r->pool));
    cloud_page_put(page, "<p>The application <strong>%s</strong> asks for access to your account. It "
                   "will be able to manage your files, folders and shares, until you revoke it on "
                   "the page of your account.</p>\n<p>You are signed in as ", a->client->name);
    put_who(page, a->account);
    cloud_page_put(page, ".</p>\n");
    cloud_page_form(page, AUTHORIZE_PATH);
    put_fields(page, a);
    cloud_page_put(page, "<button name=\"answer\" value=\"allow\" autofocus>Authorize</button>\n"
                   "<button name=\"answer\" value=\"deny\" class=\"quiet\">Deny</button>\n</form>\n");
    put_switch(page, a);
    return cloud_page_send(page, HTTP_OK);
}

static int show_other_user(const ask_t *a, const char *wanted)
{
    cloud_page_t *page = cloud_page_create(a->r, "Another account is asked for");

    cloud_page_put(page, "<p>You are signed in as ");
    put_who(page, a->account);
    cloud_page_put(page, ", but the application <strong>%s</strong> asks for access to the account "
                   "<strong>%s</strong>.</p>\n", a->client->name, wanted);
    put_switch(page, a);
    return cloud_page_send(page, HTTP_OK);
}

/* The account that the client has so far is another one than the one that is signed in. */
static cloud_err_t *is_other_user(int *other, const ask_t *a)
{
    const char *wanted = param(a, "user");
    cloud_account_t *account;
    cloud_err_t *err;

    *other = 0;
    if (!wanted) {
        return NULL;
    }
    err = cloud_account_get(&account, a->ctx, wanted, a->r->pool);
    if (err && !cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        return err;
    }
    *other = err || account->number != a->account->number;
    return NULL;
}

static int send_code(const ask_t *a)
{
    const char *code;
    cloud_err_t *err = cloud_oauth_code_create(&code, a->ctx, a->client, a->account, a->redirect,
                                               param(a, "code_challenge"),
                                               param(a, "code_challenge_method"), a->r->pool);

    if (err) {
        return cloud_http_error(a->r, err);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, a->r, "%s authorized %s", a->account->id,
                  a->client->name);
    return go(a->r, cloud_oauth_redirect_with(a->redirect, a->r->pool, "code", code, "state",
                                              param(a, "state"), NULL, NULL));
}

static int show(request_rec *r)
{
    cloud_params_t *query = cloud_params_create(r->pool);
    ask_t a = { 0 };
    cloud_err_t *err = r->args ? cloud_params_add(query, r->args, strlen(r->args)) : NULL;
    int status, other;

    if (err) {
        return cloud_http_error(r, err);
    }
    if (!understand(&status, &a, r, query)) {
        return status;
    }
    err = cloud_login_account(&a.account, r);
    if (err) {
        return cloud_http_error(r, err);
    }
    if (!a.account) {
        return cloud_login_ask(r);
    }
    err = is_other_user(&other, &a);
    if (err) {
        return cloud_http_error(r, err);
    }
    if (other) {
        return show_other_user(&a, param(&a, "user"));
    }
    return a.client->trusted ? send_code(&a) : show_consent(&a);
}

static int decide(request_rec *r)
{
    const cloud_account_t *account;
    cloud_params_t *form;
    const char *answer;
    ask_t a = { 0 };
    int status;
    cloud_err_t *err = cloud_login_account(&account, r);

    if (!err && !account) {
        return cloud_login_ask(r);
    }
    if (!err) {
        err = cloud_login_form(&form, r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (!understand(&status, &a, r, form)) {
        return status;
    }
    a.account = account;
    answer = param(&a, "answer");
    if (answer && !strcmp(answer, "allow")) {
        return send_code(&a);
    }
    return go_with_error(&a, "access_denied", NULL);
}

int oauth_authorize(request_rec *r)
{
    switch (r->method_number) {
    case M_GET:
        return show(r);
    case M_POST:
        return decide(r);
    default:
        return oauth_no_method(r, 1, 1);
    }
}

/* A client that is not trusted is asked about on a page, and that page's policy names it. */
const char *oauth_onward(request_rec *r, const char *target)
{
    const char *place = apr_pstrcat(r->pool, cloud_http_uri(r, AUTHORIZE_PATH, "", r->pool), "?",
                                    NULL);
    apr_size_t len = strlen(place);
    cloud_params_t *query = cloud_params_create(r->pool);
    const char *id, *redirect;
    cloud_oauth_client_t *client;
    cloud_ctx_t *ctx;

    if (strncmp(target, place, len) || cloud_params_add(query, target + len, strlen(target + len))
        || cloud_http_ctx(&ctx, r)) {
        return NULL;
    }
    id = cloud_param(query, "client_id");
    redirect = cloud_param(query, "redirect_uri");
    if (!id || !redirect || cloud_oauth_client_get(&client, ctx, id, r->pool)) {
        return NULL;
    }
    return client->trusted && cloud_oauth_redirect_fits(client->redirect, redirect)
        ? cloud_oauth_redirect_source(redirect, r->pool) : NULL;
}

/* ---- signing in as somebody else ---- */

static int sign_out(request_rec *r)
{
    const cloud_account_t *account;
    cloud_params_t *form;
    ask_t a = { 0 };
    cloud_err_t *err = cloud_login_account(&account, r);

    if (!err) {
        err = cloud_login_form(&form, r);
    }
    if (!err) {
        err = cloud_login_leave(r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    a.r = r;
    a.params = form;
    return go(r, address(&a, AUTHORIZE_PATH));
}

/* By an address alone nobody is signed out. */
static int show_sign_out(request_rec *r)
{
    cloud_params_t *query = cloud_params_create(r->pool);
    const cloud_account_t *account;
    ask_t a = { 0 };
    cloud_page_t *page;
    cloud_err_t *err = r->args ? cloud_params_add(query, r->args, strlen(r->args)) : NULL;

    if (!err) {
        err = cloud_login_account(&account, r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    a.r = r;
    a.params = query;
    page = cloud_page_create(r, "Sign in as somebody else");
    put_switch(page, &a);
    return cloud_page_send(page, HTTP_OK);
}

int oauth_logout(request_rec *r)
{
    switch (r->method_number) {
    case M_GET:
        return show_sign_out(r);
    case M_POST:
        return sign_out(r);
    default:
        return oauth_no_method(r, 1, 1);
    }
}

int oauth_successful(request_rec *r)
{
    if (r->method_number != M_GET) {
        return oauth_no_method(r, 1, 0);
    }
    return cloud_page_message(r, HTTP_OK, "Authorized", "The application was authorized "
                              "successfully. You can now close this window.");
}
