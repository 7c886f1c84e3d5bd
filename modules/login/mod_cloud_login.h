/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_login.h
 * What mod_cloud_login offers to the other modules: who is signed in, the way to the login page and
 * back, and a kit for pages that need no script.
 *
 * A module compiles modules/login/login_client.c into itself, calls cloud_login_connect() in its
 * pre_config hook (LoadModule order does not matter there) and then uses these as plain functions.
 *
 *     static int handler(request_rec *r)
 *     {
 *         const cloud_account_t *me;
 *         cloud_params_t *form;
 *         cloud_page_t *page;
 *         cloud_err_t *err = cloud_login_account(&me, r);
 *
 *         if (err) return cloud_http_error(r, err);
 *         if (!me) return cloud_login_ask(r);
 *         if (r->method_number == M_POST) {
 *             err = cloud_login_form(&form, r);     // checks the form's token, too
 *             ...
 *             return cloud_login_redirect(r, "/index.php/somewhere");
 *         }
 *         page = cloud_page_create(r, "Access to your files");
 *         cloud_page_put(page, "<p>%s wants ...</p>", client->name);
 *         cloud_page_form(page, "/index.php/apps/oauth2/authorize");
 *         cloud_page_put(page, "<button name=\"ok\">Allow</button></form>");
 *         return cloud_page_send(page, HTTP_OK);
 *     }
 *
 * Endpoints whose pages are made with it should have cloud_login_error_body as error_body.
 */
#ifndef MOD_CLOUD_LOGIN_H
#define MOD_CLOUD_LOGIN_H

#include "mod_cloud.h"
#include "ocs_params.h"

#include <stdarg.h>

/* ---- who is signed in ---- */

/** Who is signed in: whom Apache itself authenticated (r->user), or the account of the session whose
 *  cookie came with the request; *account NULL: nobody. An app password or token does not count, nor
 *  does a password alone where a second factor is asked for. The account is the request's principal
 *  then (cloud_http_account, ctx->who) and lives as long as the main request. */
cloud_err_t *cloud_login_account(const cloud_account_t **account, request_rec *r);
/** The same, or whom a program's own secret (app password, token) let in: for what browsers and programs
 *  fetch alike. UNAUTHORIZED where a password came that is not enough. */
cloud_err_t *cloud_login_any(const cloud_account_t **account, request_rec *r);
/** Sends the browser to the login page, and from there back to this request (its address alone, where
 *  it is not a GET). For handlers: return cloud_login_ask(r); */
int cloud_login_ask(request_rec *r);
/** Signs the browser out: its session ends. Whom httpd itself authenticated stays. */
cloud_err_t *cloud_login_leave(request_rec *r);

/* ---- forms ---- */

#define CLOUD_LOGIN_FORM_BYTES (64 * 1024)
#define CLOUD_LOGIN_LIST_BYTES (1024 * 1024) /* with the names of all that is on a page of a folder */

/** The fields of a POSTed form; the query does not count. DENIED unless it carries the token that
 *  cloud_page_form() put into it, for this browser and this session; TOO_LARGE over
 *  CLOUD_LOGIN_FORM_BYTES; UNSUPPORTED when it is no form. Call cloud_login_account() first. */
cloud_err_t *cloud_login_form(cloud_params_t **params, request_rec *r);
/** The same; TOO_LARGE over max bytes. */
cloud_err_t *cloud_login_form_sized(cloud_params_t **params, request_rec *r, apr_off_t max);
/** For forms that are read by others: DENIED unless token is what the form of this browser and session has
 *  in its field "requesttoken". Call cloud_login_account() first. */
cloud_err_t *cloud_login_form_token(request_rec *r, const char *token);
/** The same without the token, for programs that post no form of ours. */
cloud_err_t *cloud_login_fields(cloud_params_t **params, request_rec *r);

/* ---- pages ---- */

typedef struct cloud_page_t cloud_page_t;

/** Begins a page with a heading. title is text. */
cloud_page_t *cloud_page_create(request_rec *r, const char *title);
/** Appends HTML: fmt is a constant. %s is text, escaped for use in text and in quoted attributes; %h
 *  is HTML and goes in as it is; %% is a percent sign. There must be neither script nor style in it: the page's
 *  Content-Security-Policy refuses both. */
void cloud_page_put(cloud_page_t *page, const char *fmt, ...);
/** Its address is a secret: browsers are to tell it to nobody. */
void cloud_page_secret(cloud_page_t *page);
/** As cloud_page_form(), for a form with files (multipart/form-data). The caller of
 *  cloud_login_form_token() reads it. */
void cloud_page_upload_form(cloud_page_t *page, const char *path);
/** <form method="post"> to path below CloudBase ("/index.php/..."), with its token. The caller writes
 *  the fields and </form>. */
void cloud_page_form(cloud_page_t *page, const char *path);
/** Lets forms of this page lead to other places as well: source is one of Content-Security-Policy's
 *  ("http://localhost:*", "oc:"). Browsers ask it of the redirects that follow a form, too. */
void cloud_page_allow(cloud_page_t *page, const char *source);
/** Sends it, never to be cached or framed. For handlers: return cloud_page_send(page, HTTP_OK); */
int cloud_page_send(cloud_page_t *page, int status);
/** A page with a sentence and no more. */
int cloud_page_message(request_rec *r, int status, const char *title, const char *text);
/** 303 to path below CloudBase. */
int cloud_login_redirect(request_rec *r, const char *path);
/** For cloud_endpoint_t.error_body: errors as such a page. Leaves pages alone that were sent. */
const char *cloud_login_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                                   apr_bucket_brigade *bb);

/** For modules whose pages send somebody who has just signed in on to another place, without a page in
 *  between: browsers ask the login page's policy about that, too. fn is given the local address to which the
 *  login page leads, and says to which source (see cloud_page_allow) that leads on; NULL: to none. In pre_config. */
typedef const char *cloud_login_onward_fn(request_rec *r, const char *target);
void cloud_login_register_onward(cloud_login_onward_fn *fn);

/* ---- the page of the account ---- */

/** A section of /index.php/settings/personal. */
typedef struct {
    const char *name;          /* "oauth2": a form of the section has it in its field "section" */
    const char *title;
    /** Appends to the page. Forms: cloud_page_section_form(). */
    cloud_err_t *(*show)(cloud_page_t *page, cloud_ctx_t *ctx, const cloud_account_t *account);
    /** A form of this section came; its token was right. Afterwards the page is shown again. */
    cloud_err_t *(*act)(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                        const cloud_params_t *form);
} cloud_login_section_t;

/** In pre_config; the structure lives until the next restart. */
void cloud_login_register_section(const cloud_login_section_t *section);
/** cloud_page_form() for forms of a section. */
void cloud_page_section_form(cloud_page_t *page, const char *section);

/* ---- how the functions get from mod_cloud_login to the others ---- */

typedef struct {
    apr_size_t size;    /* sizeof(cloud_login_api_t): all modules are built together */
    cloud_err_t *(*account)(const cloud_account_t **, request_rec *);
    int (*ask)(request_rec *);
    cloud_err_t *(*leave)(request_rec *);
    cloud_err_t *(*form)(cloud_params_t **, request_rec *, apr_off_t);
    cloud_err_t *(*fields)(cloud_params_t **, request_rec *);
    cloud_err_t *(*form_token)(request_rec *, const char *);
    cloud_page_t *(*page_create)(request_rec *, const char *);
    void (*page_putv)(cloud_page_t *, const char *, va_list);
    void (*page_form)(cloud_page_t *, const char *);
    void (*page_upload_form)(cloud_page_t *, const char *);
    void (*page_secret)(cloud_page_t *);
    void (*page_allow)(cloud_page_t *, const char *);
    int (*page_send)(cloud_page_t *, int);
    int (*page_message)(request_rec *, int, const char *, const char *);
    int (*redirect)(request_rec *, const char *);
    const char *(*error_body)(request_rec *, int, cloud_code_t, const char *,
                              apr_bucket_brigade *);
    void (*register_section)(const cloud_login_section_t *);
    void (*page_section_form)(cloud_page_t *, const char *);
    void (*register_onward)(cloud_login_onward_fn *);
} cloud_login_api_t;

APR_DECLARE_OPTIONAL_FN(const cloud_login_api_t *, cloud_login_api, (void));

/** Finds mod_cloud_login. 0 (and a line in the log) when it is not loaded or of another build. */
int cloud_login_connect(apr_pool_t *plog);

#endif
