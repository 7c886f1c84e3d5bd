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

extern module AP_MODULE_DECLARE_DATA cloud_login_module;
APLOG_USE_MODULE(cloud_login);

#define LOGIN_PATH    "/index.php/login"
#define LOGOUT_PATH   "/index.php/logout"
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
    int sent;                        /* a page was sent: it is no error of httpd's */
} login_browser_t;

/** Looks once: who is signed in, and by what. */
cloud_err_t *login_browser(login_browser_t **browser, request_rec *r);
/** What was found; nothing before login_browser(). */
login_browser_t *login_known(request_rec *r);
/** Begins a session for an account whose secret was verified, and gives the browser its cookie. */
cloud_err_t *login_begin(request_rec *r, const cloud_account_t *account,
                         cloud_session_stage_t stage);
/** Ends the browser's session and takes its cookie away. */
cloud_err_t *login_end(request_rec *r);
/** The token of forms for this browser; the cookie of forms is set when there is none. NULL without
 *  randomness. */
const char *login_form_token(request_rec *r);

/* ---- page.c ---- */

void login_page_putv(cloud_page_t *page, const char *fmt, va_list ap);
/** Form with the token, and the address to come back to in its field redirect_url (NULL: none). */
void login_page_form(cloud_page_t *page, const char *path, const char *target);
int login_style(request_rec *r);

/* ---- pages: rest is what follows the endpoint's path ---- */

int login_page(request_rec *r, const char *rest);
int login_logout(request_rec *r, const char *rest);
int login_account_page(request_rec *r, const char *rest);
void login_sections_reset(apr_pool_t *pconf);

/** Where to go after the login page: the local address asked for, or the page of the account. */
const char *login_target(request_rec *r, const char *target);
/** 303 to an address that login_target() gave. */
int login_see_other(request_rec *r, const char *target);
/** For handlers: the answer to all other methods than GET, HEAD and POST. */
int login_no_method(request_rec *r);

#endif
