/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file links_http.h
 * What the files of mod_cloud_links share. Only mod_cloud_links.c registers hooks.
 */
#ifndef CLOUD_LINKS_HTTP_H
#define CLOUD_LINKS_HTTP_H

#include "mod_authn_cloud.h"
#include "mod_cloud.h"
#include "mod_cloud_login.h"

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "link.h"
#include "props.h"

extern module AP_MODULE_DECLARE_DATA cloud_links_module;
APLOG_USE_MODULE(cloud_links);

#define PUBLIC_PATH "/public.php"
#define TOKEN_PATH  "/remote.php/dav/public-files"
#define PAGE_PATH   "/index.php/s"

/* ---- links_auth.c: who may pass ---- */

/** The live link of a token. NOT_FOUND; THROTTLED for a network that tries one after the other. */
cloud_err_t *links_find(cloud_link_t **link, request_rec *r, const char *token);
/** UNAUTHORIZED unless text is the link's password; THROTTLED, BUSY. */
cloud_err_t *links_password(request_rec *r, const cloud_link_t *link, const char *text);
/** What the properties need: link of cloud_http_view_t. */
typedef struct {
    const cloud_link_t *link;
    const char *origin;         /* "https://host" */
    const cloud_link_signer_t *signer; /* of a link with a password; NULL: addresses are not signed */
    apr_int64_t until;          /* as long as they are good */
    apr_pool_t *scratch;        /* with signer: for one of them */
} links_shown_t;
/** The request is the link's from now on. place: as cloud_http_view_t has it; shown NULL: it has the DAV
 *  properties of an account's files. */
void links_enter(request_rec *r, const cloud_link_t *link, const char *place,
                 const links_shown_t *shown);
/** Whether the browser has shown the link's password (or there is none). */
cloud_err_t *links_proven(int *good, request_rec *r, const cloud_link_t *link);
/** Has the browser remember that it did. */
cloud_err_t *links_remember(request_rec *r, const cloud_link_t *link);
/** Lets DAV requests in, or says why not. For fixups. */
int links_dav(request_rec *r, const cloud_endpoint_t *ep, const char *rest);

/* ---- links_props.c ---- */

extern const cloud_dav_prop_t links_props[];

/* ---- pages ---- */

/** One request for a page of a link. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_link_t *link;
    const char *base;           /* "/index.php/s/<token>", below CloudBase */
    cloud_params_t *query;
    const char *path;           /* ?path=, "" for the root */
} links_request_t;

/** What is asked for stands in params. The path is one of names, without a slash before it. */
void links_take(links_request_t *q, cloud_params_t *params);
/** All of /index.php/s; rest is what follows it. */
int links_page(request_rec *r, const char *rest);
int links_download(links_request_t *q);  /* links_download.c */
/** Whether folders can be downloaded: mod_cloud_archive is loaded. */
int links_has_archives(void);
int links_upload(links_request_t *q);    /* links_upload.c */

/** A file that did not come in. */
typedef struct {
    const char *name, *why;
} links_failed_t;
/** What an upload came to; zeroed: there was none. */
typedef struct {
    const apr_array_header_t *done;   /* const char *: names of files that have come in, as they are called */
    apr_int64_t count;                /* so many were there, should not all be named */
    const apr_array_header_t *failed; /* links_failed_t; may be NULL */
} links_news_t;
/** Shows the folder, the file, or the place for uploads (links_show.c). */
int links_show(links_request_t *q, const links_news_t *news);
/** What follows "?path=..." in the address of the page that tells of what has come in (links_news.c). */
cloud_err_t *links_news_query(const char **query, const links_request_t *q, const char *path,
                              const links_news_t *news);
/** What the page's address tells; nothing where it was not made here, or half an hour ago. */
cloud_err_t *links_news_read(links_news_t *news, const links_request_t *q);
void links_news_put(cloud_page_t *page, const links_news_t *news, apr_pool_t *pool);
/** Begins a page whose address is told to nobody. */
cloud_page_t *links_page_create(request_rec *r, const char *title);
/** Errors as such a page. */
const char *links_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                             apr_bucket_brigade *bb);

#endif
