/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file second_page.c
 * The page that asks for the second factor after the password, or helps to set one up where it is
 * required and there is none yet.
 */
#include "login_http.h"

#include <qrencode.h>

#include "mod_authn_cloud.h"

#define QUIET 4 /* modules of white around a QR code */

/* ---- checking ---- */

cloud_err_t *login_code(request_rec *r, const cloud_account_t *account, const char *code)
{
    cloud_ctx_t *ctx;
    cloud_try_t *try;
    cloud_err_t *err;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(cloud_try_begin(&try, r, "totp", account->id, NULL));
    err = cloud_second_check(ctx, account, code);
    if (!err) {
        cloud_try_right(try);
    }
    else if (err->code == CLOUD_E_UNAUTHORIZED) {
        cloud_try_wrong(try);
    }
    return err;
}

/* ---- pieces of pages ---- */

void login_code_field(cloud_page_t *page, const char *label, const char *more)
{
    cloud_page_put(page,
                   "<label for=\"code\">%s</label>\n"
                   "<input type=\"text\" id=\"code\" name=\"code\" required maxlength=\"20\""
                   " autocomplete=\"one-time-code\" autocapitalize=\"characters\""
                   " spellcheck=\"false\"%h>\n", label, more);
}

/* A QR code as SVG: one path, a square for each dark module. NULL when text is too long for one. */
static const char *qr_svg(const char *text, apr_pool_t *pool)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    apr_array_header_t *parts = apr_array_make(pool, 512, sizeof(const char *));
    int x, y, width;

    if (!code) {
        return NULL;
    }
    width = code->width;
    for (y = 0; y < width; y++) {
        for (x = 0; x < width; x++) {
            if (code->data[y * width + x] & 1) {
                APR_ARRAY_PUSH(parts, const char *) = apr_psprintf(pool, "M%d %dh1v1h-1z",
                                                                   x + QUIET, y + QUIET);
            }
        }
    }
    QRcode_free(code);
    width += 2 * QUIET;
    return apr_psprintf(pool, "<svg class=\"qr\" role=\"img\" aria-label=\"QR code of the address "
                        "below\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">"
                        "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"%s\"/></svg>\n", width,
                        width, width, width, apr_array_pstrcat(pool, parts, 0));
}

/* "ABCD EFGH ...": for typing. */
static const char *in_fours(const char *secret, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(secret) * 5 / 4 + 2), *to = out;
    int i;

    for (i = 0; secret[i]; i++) {
        if (i && i % 4 == 0) {
            *to++ = ' ';
        }
        *to++ = secret[i];
    }
    *to = '\0';
    return out;
}

cloud_err_t *login_setup_html(const char **html, request_rec *r, cloud_ctx_t *ctx,
                              const cloud_account_t *account)
{
    cloud_html_t *out = cloud_html_create(r->pool);
    const char *secret, *uri, *svg;

    if (!login_form_token(r)) { /* sets the cookie that the secret is bound to */
        return cloud_err(r->pool, CLOUD_E_INTERNAL, "no random bytes");
    }
    CLOUD_ERR(cloud_second_prepare(&secret, ctx, account, login_known(r)->cookie, r->pool));
    uri = cloud_totp_uri(secret, ap_get_server_name(r), account->id, r->pool);
    svg = qr_svg(uri, r->pool);
    cloud_html_put(out,
                   "<p>Scan this with an app for one-time passwords, or type the key into it.</p>\n%h"
                   "<p>Key: <strong class=\"secret\" id=\"totp-secret\">%s</strong></p>\n"
                   "<p class=\"soft\">Address: <code id=\"totp-uri\">%s</code></p>\n",
                   svg ? svg : "", in_fours(secret, r->pool), uri);
    *html = cloud_html_text(out);
    return NULL;
}

const char *login_codes_html(request_rec *r, const char *const *codes)
{
    cloud_html_t *out = cloud_html_create(r->pool);
    int i;

    cloud_html_put(out, "<p>Keep these backup codes in a safe place. Each opens the account once when "
                   "the device with the app is not at hand. They are shown this once.</p>\n"
                   "<ul class=\"codes\" id=\"backup-codes\">\n");
    for (i = 0; i < CLOUD_BACKUP_CODES; i++) {
        cloud_html_put(out, "<li><code>%s</code></li>\n", codes[i]);
    }
    cloud_html_put(out, "</ul>\n");
    return cloud_html_text(out);
}

/* ---- the page ---- */

/* The request at work. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_account_t *account;  /* who has to show more */
    const char *target;
} work_t;

/* setup: HTML that helps to set up; NULL: there is one, and its code is asked for. */
static int show(const work_t *w, int status, const char *setup, const char *problem)
{
    cloud_page_t *page = cloud_page_create(w->r, setup ? "Set up a second factor"
                                                       : "Second factor");

    cloud_page_put(page, "<div class=\"card\">\n");
    if (problem) {
        login_put_problem(page, problem);
    }
    if (setup) {
        cloud_page_put(page, "<p>This server asks <strong>%s</strong> for a second factor besides the "
                       "password.</p>\n%h", w->account->id, setup);
    }
    login_page_form(page, CHALLENGE_PATH, w->target);
    login_code_field(page, setup ? "Code that the app shows"
                                 : "Code that your app shows, or a backup code",
                     apr_pstrcat(w->r->pool, setup ? "" : " autofocus", problem ? LOGIN_WRONG : "",
                                 NULL));
    cloud_page_put(page, "<button type=\"submit\">%s</button>\n</form>\n",
                   setup ? "Confirm" : "Sign in");
    cloud_page_form(page, LOGOUT_PATH);
    cloud_page_put(page, "<button type=\"submit\" class=\"quiet\">Sign in as somebody else</button>\n"
                   "</form>\n</div>\n");
    return cloud_page_send(page, status);
}

/* With what is needed to set up, where there is none. */
static int ask(const work_t *w, int status, const char *problem)
{
    const char *setup = NULL;
    cloud_err_t *err = w->account->two_factor
        ? NULL : login_setup_html(&setup, w->r, w->ctx, w->account);

    return err ? cloud_http_error(w->r, err) : show(w, status, setup, problem);
}

static int show_codes(const work_t *w, const char *const *codes)
{
    cloud_page_t *page = cloud_page_create(w->r, "The second factor is set up");

    cloud_page_put(page, "<div class=\"card\">\n%h<p><a class=\"button\" href=\"%s\">Continue</a></p>\n"
                   "</div>\n", login_codes_html(w->r, codes), login_target(w->r, w->target));
    return cloud_page_send(page, HTTP_OK);
}

/* Confirms; the account has another epoch then, for which the session begins. */
static cloud_err_t *confirm(const char *codes[CLOUD_BACKUP_CODES], const work_t *w, const char *code)
{
    const login_browser_t *b = login_known(w->r);
    cloud_account_t *now;

    CLOUD_ERR(cloud_second_confirm(codes, w->ctx, w->account, b->cookie, code,
                                   b->session ? b->session->id : 0, w->r->pool));
    CLOUD_ERR(cloud_account_by_number(&now, w->ctx, w->account->number, w->ctx->pool));
    return login_begin(w->r, now, CLOUD_SESSION_OPEN);
}

static int refused(const work_t *w, cloud_err_t *err)
{
    switch (err->code) {
    case CLOUD_E_UNAUTHORIZED:
    case CLOUD_E_INVALID:
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, w->r, "wrong second factor of %s",
                      w->account->id);
        return ask(w, HTTP_FORBIDDEN, err->msg);
    case CLOUD_E_THROTTLED:
        return ask(w, HTTP_TOO_MANY_REQUESTS, err->msg);
    default:
        return cloud_http_error(w->r, err);
    }
}

static int post(work_t *w)
{
    const char *codes[CLOUD_BACKUP_CODES], *code;
    cloud_params_t *form;
    cloud_err_t *err = cloud_login_form(&form, w->r);

    if (!err || err->code == CLOUD_E_DENIED) {
        w->target = cloud_local_target(cloud_param(form, "redirect_url"), cloud_http_base(w->r));
    }
    if (cloud_err_is(err, CLOUD_E_DENIED)) {
        return ask(w, HTTP_FORBIDDEN, err->msg);
    }
    if (err) {
        return cloud_http_error(w->r, err);
    }
    code = cloud_param(form, "code");
    code = code ? code : "";
    if (!w->account->two_factor) {
        err = confirm(codes, w, code);
        return err ? refused(w, err) : show_codes(w, codes);
    }
    err = login_code(w->r, w->account, code);
    if (!err) {
        err = login_begin(w->r, w->account, CLOUD_SESSION_OPEN);
    }
    return err ? refused(w, err) : login_see_other(w->r, login_target(w->r, w->target));
}

int login_challenge(request_rec *r, const char *rest)
{
    work_t w = { .r = r };
    cloud_params_t *params = cloud_params_create(r->pool);
    login_browser_t *b;
    cloud_err_t *err = login_browser(&b, r);
    int needed;

    (void)rest;
    if (!err && r->args) {
        err = cloud_params_add(params, r->args, strlen(r->args));
    }
    if (!err) {
        err = cloud_http_ctx(&w.ctx, r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (r->method_number != M_GET && r->method_number != M_POST) {
        return login_no_method(r, 1);
    }
    w.target = cloud_local_target(cloud_param(params, "redirect_url"), cloud_http_base(r));
    if (b->account) {
        return login_see_other(r, login_target(r, w.target));
    }
    if (!b->pending) {
        return login_to_login(r, w.target);
    }
    w.account = b->pending;
    cloud_http_set_account(r, w.account, NULL);
    err = cloud_second_needed(&needed, w.ctx, w.account);
    if (!err && !needed) { /* it was required when the session began, and is not any more */
        err = login_begin(r, w.account, CLOUD_SESSION_OPEN);
        return err ? cloud_http_error(r, err) : login_see_other(r, login_target(r, w.target));
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    return r->method_number == M_POST ? post(&w) : ask(&w, HTTP_OK, NULL);
}
