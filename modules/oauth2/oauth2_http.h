/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth2_http.h
 * What the files of mod_cloud_oauth2 share. Only mod_cloud_oauth2.c registers hooks.
 */
#ifndef CLOUD_OAUTH2_HTTP_H
#define CLOUD_OAUTH2_HTTP_H

#include "mod_authn_cloud.h"
#include "mod_cloud.h"
#include "mod_cloud_login.h"

#include <jansson.h>

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "oauth2.h"

extern module AP_MODULE_DECLARE_DATA cloud_oauth2_module;
APLOG_USE_MODULE(cloud_oauth2);

#define OAUTH_PATH      "/index.php/apps/oauth2"
#define AUTHORIZE_PATH  OAUTH_PATH "/authorize"
#define LOGOUT_PATH     OAUTH_PATH "/logout"
#define SUCCESS_PATH    OAUTH_PATH "/authorization-successful"
#define API_PATH        OAUTH_PATH "/api/v1"

/** Whether bearer tokens count at the place of the request. */
int oauth_is_on(request_rec *r);
/** Whether the challenge of a 401 tells of them. */
int oauth_is_announced(request_rec *r);
/** For handlers, of any other method than those that a path has (get: GET and HEAD, post: POST):
 *  answers OPTIONS, and all others with 405. */
int oauth_no_method(request_rec *r, int get, int post);

/* ---- bearer.c ---- */

/** Hook check_authn: who shows a token. */
int oauth_check_authn(request_rec *r);
/** Hook insert_error_filter: tells of Bearer in the challenge of a 401. */
void oauth_challenge(request_rec *r);

/* ---- authorize.c: pages ---- */

int oauth_authorize(request_rec *r);
int oauth_logout(request_rec *r);
int oauth_successful(request_rec *r);
/** Where the login page leads on with an address of ours: to a client that is trusted. */
cloud_login_onward_fn oauth_onward;

/* ---- api.c: for programs ---- */

int oauth_token(request_rec *r);
int oauth_revoke(request_rec *r);
int oauth_userinfo(request_rec *r);
/** Errors of httpd and mod_cloud on these paths, as JSON. */
cloud_error_body_fn oauth_error_body;

/* ---- section.c ---- */

/** What the page of an account shows of it. */
extern const cloud_login_section_t oauth_section;

#endif
