/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud.h
 * What mod_cloud offers to the other modules: which requests are ours, who asks, errors to HTTP,
 * and the registry where features plug in.
 *
 * Modules do not link against each other. Each compiles modules/cloud/client.c into itself, calls
 * cloud_http_connect() in its pre_config hook (LoadModule order does not matter there), registers
 * what it has, and then uses the functions below as plain functions.
 *
 *     static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
 *     {
 *         static const cloud_endpoint_t dav = { "/remote.php/dav", CLOUD_EP_DAV, NULL };
 *
 *         if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
 *         cloud_register_endpoint(&dav);
 *         cloud_register_job("dav uploads", apr_time_from_sec(3600), expire_uploads);
 *         return OK;
 *     }
 */
#ifndef MOD_CLOUD_H
#define MOD_CLOUD_H

#include <httpd.h>
#include <http_config.h>
#include <apr_buckets.h>
#include <apr_optional.h>

#include "cloud.h"
#include "store.h"
#include "account.h"
#include "retention.h"

struct json_t;              /* jansson.h */
struct cloud_ocs_route_t;   /* mod_cloud_ocs.h */

/* ---- what a feature registers (in pre_config; all of it lives until the next restart) ---- */

#define CLOUD_EP_DAV    1u  /* errors are SabreDAV's XML */
#define CLOUD_EP_EXACT  2u  /* matches only this path, nothing below it */
#define CLOUD_EP_ALWAYS 4u  /* served in maintenance mode and without a store (status.php) */
/** Segments of the path may have slashes in them: encoded ones arrive as CLOUD_EP_SLASH_MARK,
 *  whatever AllowEncodedSlashes says. */
#define CLOUD_EP_SLASH  8u
#define CLOUD_EP_SLASH_MARK '\001' /* which no name has */
/** A page that looks after logins itself (cloud_login_account): where a password is not enough, it asks
 *  for more. */
#define CLOUD_EP_PAGE   16u
/** For whoever has a link: who is logged in does not matter, and is not looked at. With CLOUD_EP_DAV it
 *  is served by mod_cloud_dav, as the files that cloud_http_set_view() gave. */
#define CLOUD_EP_VIEW   32u

/** Writes the body of an error answer into bb and returns its content type; NULL leaves the
 *  answer as it is. code and msg are never empty: made from the status where nothing was noted. */
typedef const char *cloud_error_body_fn(request_rec *r, int status, cloud_code_t code,
                                        const char *msg, apr_bucket_brigade *bb);

/** A place below CloudBase that is ours: everything at and below path, by whole segments; the
 *  longest match counts. */
typedef struct {
    const char *path;                /* "/remote.php/dav", no trailing slash */
    unsigned flags;
    cloud_error_body_fn *error_body; /* for endpoints that are not DAV; may be NULL */
} cloud_endpoint_t;

/** Adds the feature's part to the "capabilities" object of OCS. */
typedef cloud_err_t *cloud_capability_fn(struct json_t *capabilities, cloud_ctx_t *ctx,
                                         request_rec *r);

/** A periodic job: runs on one process only, with a system principal. Works in small steps and
 *  sets *more to 1 when there is more to do at once. */
typedef cloud_err_t *cloud_job_fn(int *more, cloud_ctx_t *ctx);

void cloud_register_endpoint(const cloud_endpoint_t *ep);
void cloud_register_capability(cloud_capability_fn *fn);
/** The table ends with an entry whose method is NULL. */
void cloud_register_ocs(const struct cloud_ocs_route_t *table);
void cloud_register_job(const char *name, apr_interval_time_t interval, cloud_job_fn *fn);

/** For the directives of features: fixes a setting on the server that cmd is about, as CloudSetting
 *  does. NULL, or what is wrong. The setting must be declared (cloud_settings_declare) before the
 *  configuration is read: in pre_config. */
const char *cloud_http_setting(cmd_parms *cmd, const char *app, const char *key,
                               const char *value);

/** The same for a retention, in one or two arguments: "30, auto" with quotes or without. */
const char *cloud_http_retention(cmd_parms *cmd, cloud_retain_kind_t kind, const char *key,
                                 const char *first, const char *second);

/** What was registered, for mod_cloud_ocs: arrays of cloud_capability_fn * and of
 *  const cloud_ocs_route_t *. */
const apr_array_header_t *cloud_http_capabilities(void);
const apr_array_header_t *cloud_http_ocs_tables(void);

/* ---- requests ---- */

/** The endpoint of a request, or NULL when it is not ours (engine off, not below CloudBase, no
 *  endpoint there). *rest (may be NULL) is the decoded path after CloudBase ("/remote.php/dav/..").
 *  Works from translate_name on, for sub-requests too. */
const cloud_endpoint_t *cloud_http_endpoint(request_rec *r, const char **rest);
/** True when CloudEngine is on and the path is at or below CloudBase; rest as above. */
int cloud_http_handles(request_rec *r, const char **rest);
/** The same for any decoded path on this server, e.g. that of a Destination header. */
int cloud_http_strip(request_rec *r, const char *path, const char **rest);
/** CloudBase without trailing slash: "" or "/owncloud". */
const char *cloud_http_base(request_rec *r);

/** The request's context: made once, kept with the main request, shared by its sub-requests.
 *  MAINTENANCE in maintenance mode; UNAVAILABLE when the store can't be opened. who.account is
 *  set once somebody is authenticated (certainly in fixups and handlers). */
cloud_err_t *cloud_http_ctx(cloud_ctx_t **ctx, request_rec *r);
/** Who asks, or NULL: nobody is authenticated. r->user is then its canonical id. */
const cloud_account_t *cloud_http_account(request_rec *r);
/** For authentication modules: this account was authenticated by the secret named client (may be
 *  NULL). Sets r->user to the canonical id. account must live as long as the main request. */
void cloud_http_set_account(request_rec *r, const cloud_account_t *account, const char *client);

/** What a request that came by a link may see; all of it lives as long as the main request. */
typedef struct {
    const cloud_account_t *account; /* with its view set */
    const char *place;              /* first segment below a space of views in URLs; NULL: it has none */
    const char *client;             /* for the change log: "link:17" */
    const void *link;               /* the feature's own, for the writers of its properties; may be NULL */
} cloud_http_view_t;

/** From now on this request may do what the view lets it do, and nothing else, whoever is logged in. */
void cloud_http_set_view(request_rec *r, const cloud_http_view_t *view);
/** The view of the request, or NULL. */
const cloud_http_view_t *cloud_http_view(request_rec *r);

/** Whether the browser says that a page of another site made it send this request (Fetch Metadata,
 *  Sec-Fetch-Site). Older browsers and programs say nothing, and get 0. */
int cloud_http_foreign(request_rec *r);

/** DENIED when a form of another site may have sent this request: browsers log in by themselves (a
 *  remembered password, a ticket, a certificate). Programs, and whoever sends OCS-APIREQUEST or a bearer
 *  token, which no form can do, pass. For what changes something and needs no token of a form. */
cloud_err_t *cloud_http_own_site(request_rec *r);

/** For those who had a password checked by another module's provider: the account of the user whom it
 *  knows, as after a login by Apache: mapped, made where CloudAccountAutoCreate says so, with what that
 *  module left about the person. It is not yet the request's principal. DENIED: none, or disabled. */
cloud_err_t *cloud_http_let_in(const cloud_account_t **account, request_rec *r, const char *user);

/** href of a place: percent-encoded CloudBase + prefix + path; prefix such as
 *  "/remote.php/dav/files/alice/" is decoded too; path has no leading slash. */
const char *cloud_http_uri(request_rec *r, const char *prefix, const char *path, apr_pool_t *pool);

/* ---- errors ---- */

/** Logs err (once), notes it for the body of the answer and returns its HTTP status; OK for NULL;
 *  AP_FILTER_ERROR where a filter has answered already.
 *  Use it in handlers (return cloud_http_error(r, err);) and for
 *  dav_new_error(p, cloud_http_error(r, err), 0, 0, NULL). */
int cloud_http_error(request_rec *r, cloud_err_t *err);
/** For those that httpd lets fail with 500 only (authentication providers): the answer gets the
 *  status of err all the same. */
void cloud_http_error_defer(request_rec *r, cloud_err_t *err);
/** Adds <s:header>: the request header that made a precondition fail. */
void cloud_http_error_header(request_rec *r, const char *header);
/** The condition (RFC 4918, 16) that a DAV request failed to meet: an element such as
 *  "d:no-conflicting-lock", with an encoded href in it unless that is NULL; and Sabre's exception for it
 *  where that is not the code's. */
void cloud_http_error_condition(request_rec *r, const char *exception, const char *element,
                                const char *href);
/** Forgets what was noted, when the request goes on in spite of it. */
void cloud_http_error_clear(request_rec *r);
/** For handlers: the answer to a method that the place does not have, once ap_allow_standard_methods() was told
 *  which it has. OPTIONS is answered with these, everything else with 405. */
int cloud_http_no_method(request_rec *r);
/** The code that stands for an HTTP status made by httpd or mod_dav. */
cloud_code_t cloud_http_code(int status);

/* ---- outside of requests ---- */

/** The store of a server, as opened in this process; UNAVAILABLE. */
cloud_err_t *cloud_http_store(cloud_store_t **store, server_rec *s, apr_pool_t *pool);

/* ---- how the functions get from mod_cloud to the others ---- */

typedef struct {
    apr_size_t size;    /* sizeof(cloud_http_api_t): all modules are built together */
    void (*register_endpoint)(const cloud_endpoint_t *);
    void (*register_capability)(cloud_capability_fn *);
    void (*register_ocs)(const struct cloud_ocs_route_t *);
    void (*register_job)(const char *, apr_interval_time_t, cloud_job_fn *);
    const char *(*setting)(cmd_parms *, const char *, const char *, const char *);
    const apr_array_header_t *(*capabilities)(void);
    const apr_array_header_t *(*ocs_tables)(void);
    const cloud_endpoint_t *(*endpoint)(request_rec *, const char **);
    int (*handles)(request_rec *, const char **);
    int (*strip)(request_rec *, const char *, const char **);
    const char *(*base)(request_rec *);
    cloud_err_t *(*ctx)(cloud_ctx_t **, request_rec *);
    const cloud_account_t *(*account)(request_rec *);
    void (*set_account)(request_rec *, const cloud_account_t *, const char *);
    void (*set_view)(request_rec *, const cloud_http_view_t *);
    const cloud_http_view_t *(*view)(request_rec *);
    int (*foreign)(request_rec *);
    cloud_err_t *(*own_site)(request_rec *);
    cloud_err_t *(*let_in)(const cloud_account_t **, request_rec *, const char *);
    const char *(*uri)(request_rec *, const char *, const char *, apr_pool_t *);
    int (*error)(request_rec *, cloud_err_t *);
    void (*error_defer)(request_rec *, cloud_err_t *);
    void (*error_header)(request_rec *, const char *);
    void (*error_condition)(request_rec *, const char *, const char *, const char *);
    void (*error_clear)(request_rec *);
    cloud_code_t (*code)(int);
    cloud_err_t *(*store)(cloud_store_t **, server_rec *, apr_pool_t *);
} cloud_http_api_t;

APR_DECLARE_OPTIONAL_FN(const cloud_http_api_t *, cloud_http_api, (void));

/** Finds mod_cloud. 0 (and a line in the log) when it is not loaded or of another build. */
int cloud_http_connect(apr_pool_t *plog);

#endif
