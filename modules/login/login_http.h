/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login_http.h
 * What the files of mod_cloud_login share. Only mod_cloud_login.c registers hooks.
 */
#ifndef CLOUD_LOGIN_HTTP_H
#define CLOUD_LOGIN_HTTP_H

#include "mod_cloud_login.h"

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "html.h"
#include "login.h"
#include "second.h"

extern module AP_MODULE_DECLARE_DATA cloud_login_module;
APLOG_USE_MODULE(cloud_login);

#define LOGIN_PATH    "/index.php/login"
#define LOGOUT_PATH   "/index.php/logout"
#define CHALLENGE_PATH LOGIN_PATH "/challenge"
#define FLOW_PATH     LOGIN_PATH "/v2"
#define TOKEN_PATH    "/index.php/token/generate"
#define ACCOUNT_PATH  "/index.php/settings/personal"

/* ---- browser.c ---- */

/** What is known of the browser that sent the main request. */
typedef struct {
    int looked;
    const char *cookie;              /* of forms; NULL: none came and none was set yet */
    const char *secret;              /* of the session */
    const cloud_session_t *session;  /* live, or NULL */
    const cloud_account_t *owner;    /* of the session */
    const cloud_account_t *account;  /* who is signed in, or NULL */
    const cloud_account_t *pending;  /* whose password was right and who needs a second factor */
    int sent;                        /* a page was sent: it is no error of httpd's */
} login_browser_t;

/** Looks once: who is signed in, and by what. */
cloud_err_t *login_browser(login_browser_t **browser, request_rec *r);
/** What was found; nothing before login_browser(). */
login_browser_t *login_known(request_rec *r);
/** Whether Apache let somebody in by a password (or not at all): one-time and other strong means are
 *  what other types of authentication see to. */
int login_by_password(request_rec *r);
/** Begins a session for an account whose secret was verified, and gives the browser its cookie. */
cloud_err_t *login_begin(request_rec *r, const cloud_account_t *account,
                         cloud_session_stage_t stage);
/** After login_begin(), where a page follows at once: the new session is the browser's. */
cloud_err_t *login_look_again(request_rec *r);
/** Ends the browser's session and takes its cookie away. */
cloud_err_t *login_end(request_rec *r);
/** The token of forms for this browser; the cookie of forms is set when there is none. NULL without
 *  randomness. */
const char *login_form_token(request_rec *r);

/* ---- page.c ---- */

void login_page_putv(cloud_page_t *page, const char *fmt, va_list ap);
/** Form with the token, and the address to come back to in its field redirect_url (NULL: none); where
 *  that leads on the form may lead, too. */
void login_page_form(cloud_page_t *page, const char *path, const char *target);
/** A piece to be put into a page later, and its HTML. */
cloud_page_t *login_page_piece(request_rec *r);
const char *login_page_html(const cloud_page_t *piece);
int login_style(request_rec *r);

/* ---- pages: rest is what follows the endpoint's path ---- */

int login_page(request_rec *r, const char *rest);
int login_logout(request_rec *r, const char *rest);
int login_account_page(request_rec *r, const char *rest);
int login_token(request_rec *r, const char *rest);
int login_challenge(request_rec *r, const char *rest);
int login_flow(request_rec *r, const char *rest);
/** Errors as JSON, for programs. */
const char *login_json_error(request_rec *r, int status, cloud_code_t code, const char *msg,
                             apr_bucket_brigade *bb);
void login_sections_reset(apr_pool_t *pconf);
void login_onward_reset(apr_pool_t *pconf);

/** Checks the code of a second factor, throttled. UNAUTHORIZED, THROTTLED. */
cloud_err_t *login_code(request_rec *r, const cloud_account_t *account, const char *code);
/** How to set up a second factor, as HTML with its form's fields but without the form: picture, secret,
 *  field for the first code. */
cloud_err_t *login_setup_html(const char **html, request_rec *r, cloud_ctx_t *ctx,
                              const cloud_account_t *account);
/** Backup codes as HTML. */
const char *login_codes_html(request_rec *r, const char *const *codes);
/** The field for a code; more: further attributes, HTML. */
void login_code_field(cloud_page_t *page, const char *label, const char *more);
/** Says what was wrong, before a form. Its fields get LOGIN_WRONG, so that whoever can't see it hears it
 *  with them. One on a page. */
void login_put_problem(cloud_page_t *page, const char *problem);
#define LOGIN_WRONG " aria-invalid=\"true\" aria-describedby=\"problem\""

/** Where to go after the login page: the local address asked for, or the page of the account. */
const char *login_target(request_rec *r, const char *target);
/** To the page that asks for the second factor; target is local, or NULL. */
int login_to_challenge(request_rec *r, const char *target);
/** To the login page, likewise. */
int login_to_login(request_rec *r, const char *target);
/** 303 to an address that login_target() gave. */
int login_see_other(request_rec *r, const char *target);
/** For handlers: the answer to all other methods than POST and, with get, GET and HEAD. */
int login_no_method(request_rec *r, int get);

#endif
