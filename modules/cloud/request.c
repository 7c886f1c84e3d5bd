/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file request.c
 * Which requests are ours, and keeping the rest of httpd from treating them as files of the host.
 */
#include "private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <apr_lib.h>
#include <apr_portable.h>

#include <http_core.h>

#include "names.h"

#define HANDLER  "cloud-handler"
#define FILENAME "cloud:"       /* what r->filename is: no name of a user's gets near the host */
#define MAX_ID   64             /* bytes of a request id that are kept */

/* ---- state ---- */

cloud_request_t *cloud_request(request_rec *r)
{
    cloud_request_t *q = ap_get_module_config(r->request_config, &cloud_module);

    if (!q) {
        q = apr_pcalloc(r->pool, sizeof(*q));
        ap_set_module_config(r->request_config, &cloud_module, q);
    }
    return q;
}

static request_rec *main_of(request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r;
}

cloud_request_t *cloud_main_request(request_rec *r)
{
    return cloud_request(main_of(r));
}

/* ---- places ---- */

const char *cloud_http_base(request_rec *r)
{
    const char *base = cloud_server_conf(r->server)->base;

    return base ? base : "";
}

int cloud_http_strip(request_rec *r, const char *path, const char **rest)
{
    const char *base = cloud_http_base(r);
    apr_size_t len = strlen(base);

    if (cloud_server_conf(r->server)->engine != 1 || !path || strncmp(path, base, len) != 0
        || (path[len] && path[len] != '/')) {
        return 0;
    }
    if (rest) {
        *rest = path[len] ? path + len : "/";
    }
    return 1;
}

int cloud_http_handles(request_rec *r, const char **rest)
{
    return cloud_http_strip(r, r->uri, rest);
}

const cloud_endpoint_t *cloud_http_endpoint(request_rec *r, const char **rest)
{
    cloud_request_t *q = cloud_request(r);

    if (!q->seen) {
        q->seen = 1;
        if (cloud_http_handles(r, &q->rest)) {
            q->endpoint = cloud_registry_endpoint(q->rest);
        }
    }
    if (rest && q->endpoint) {
        *rest = q->rest;
    }
    return q->endpoint;
}

const char *cloud_http_uri(request_rec *r, const char *prefix, const char *path, apr_pool_t *pool)
{
    return cloud_uri_encode(apr_pstrcat(pool, cloud_http_base(r), prefix, path, NULL), 1, pool);
}

/* ---- the context ---- */

/* A client's own id is taken when it looks like one: it ends up in logs. */
static const char *clean_id(const char *id, apr_pool_t *pool)
{
    const char *s;

    for (s = id; *s && s - id <= MAX_ID; s++) {
        if (!apr_isalnum(*s) && !strchr("-_.@+=", *s)) {
            return NULL;
        }
    }
    return s == id || *s ? NULL : apr_pstrdup(pool, id);
}

static const char *request_id(request_rec *r)
{
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");

    if (!id && (id = apr_table_get(r->headers_in, "X-Request-ID"))) {
        id = clean_id(id, r->pool);
    }
    return id ? id : apr_psprintf(r->pool, "%" APR_UINT64_T_HEX_FMT "-%lx",
                                  (apr_uint64_t)r->request_time, r->connection->id);
}

static cloud_err_t *make_ctx(cloud_ctx_t **ctx, request_rec *r)
{
    cloud_store_t *store;
    cloud_ctx_t *c;

    CLOUD_ERR(cloud_http_store(&store, r->server, r->pool));
    c = cloud_ctx_create(store, r->pool);
    c->who.address = r->useragent_ip;
    c->request_id = request_id(r);
    c->agent = apr_table_get(r->headers_in, "User-Agent");
    *ctx = c;
    return NULL;
}

static cloud_err_t *check_maintenance(request_rec *r, cloud_ctx_t *ctx)
{
    int on = cloud_dir_conf(r)->maintenance == 1;

    if (!on) {
        CLOUD_ERR(cloud_setting_bool(&on, ctx, "system", "maintenance"));
    }
    return on ? cloud_err(r->pool, CLOUD_E_MAINTENANCE, NULL) : NULL;
}

cloud_err_t *cloud_http_ctx(cloud_ctx_t **ctx, request_rec *r)
{
    request_rec *main = main_of(r);
    cloud_request_t *q = cloud_request(main);

    if (!q->ctx) {
        cloud_ctx_t *made;

        CLOUD_ERR(make_ctx(&made, main));
        CLOUD_ERR(check_maintenance(main, made));
        made->who.account = q->account;
        made->who.client = q->client;
        made->who.view = q->view ? q->view->account->view : NULL;
        q->ctx = made;
    }
    *ctx = q->ctx;
    return NULL;
}

int cloud_http_foreign(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");

    return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* Whether the page that sent the request is one of ours. Behind a proxy that changes Host it is not
 * told apart from others; browsers new enough for Sec-Fetch-Site do not need this. */
static int is_own_origin(request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host"), *at = strstr(origin, "://");

    return host && at && !ap_cstr_casecmp(at + strlen("://"), host);
}

cloud_err_t *cloud_http_own_site(request_rec *r)
{
    const char *authorization = apr_table_get(r->headers_in, "Authorization");
    const char *origin = apr_table_get(r->headers_in, "Origin");
    int foreign;

    if (apr_table_get(r->headers_in, "OCS-APIREQUEST")
        || (authorization && !ap_cstr_casecmpn(authorization, "Bearer ", strlen("Bearer ")))) {
        return NULL;
    }
    foreign = apr_table_get(r->headers_in, "Sec-Fetch-Site") || !origin
        ? cloud_http_foreign(r) : !is_own_origin(r, origin);
    return foreign ? cloud_err(r->pool, CLOUD_E_DENIED, "Forms of other sites are not taken") : NULL;
}

/* ---- hooks: before anything is decoded ---- */

/* httpd refuses encoded slashes, or forgets that they were encoded, for whole servers alike. Where a
 * name may have a slash they become a mark, in place, before httpd looks at the path. */
static void mark_slashes(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);
    char *c;

    for (c = ep && (ep->flags & CLOUD_EP_SLASH) ? r->uri : NULL; c && (c = strchr(c, '%')); c++) {
        if (c[1] == '2' && (c[2] == 'f' || c[2] == 'F')) {
            c[1] = '0';
            c[2] = '0' + CLOUD_EP_SLASH_MARK;
        }
    }
}


/* Whether all of the body came with the head, in what was read from the connection. */
static int has_whole_body(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_int64_t n = length ? apr_atoi64(length) : APR_INT64_MAX;
    apr_bucket_brigade *bb;
    apr_off_t there = 0;

    if (n < 0 || n > AP_IOBUFSIZE) {
        return 0;
    }
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (ap_get_brigade(r->connection->input_filters, bb, AP_MODE_SPECULATIVE, APR_NONBLOCK_READ,
                       n) == APR_SUCCESS) {
        apr_brigade_length(bb, 0, &there);
    }
    apr_brigade_destroy(bb);
    return there >= n;
}

/* The desktop clients write the head of a request and its body separately and leave Nagle's
 * algorithm on: the body leaves when the head is acknowledged, which the kernel puts off by 40 ms on
 * a connection that is in use. With a thousand small files that is most of the time they take. */
int cloud_post_read_request(request_rec *r)
{
    apr_socket_t *sock = r->connection->master ? NULL : ap_get_conn_socket(r->connection);
    int fd, on = 1;

    if (!r->main) {
        mark_slashes(r);
    }
    if (sock && !r->main && cloud_http_endpoint(r, NULL)
        && (apr_table_get(r->headers_in, "Content-Length")
            || apr_table_get(r->headers_in, "Transfer-Encoding"))
        && !has_whole_body(r) && apr_os_sock_get(&fd, sock) == APR_SUCCESS) {
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    }
    return DECLINED;
}

/* ---- hooks: keep the host's hands off ---- */

int cloud_translate_name(request_rec *r)
{
    /* What was asked before this was about a path not yet decoded, nor rewritten. */
    cloud_request(r)->seen = 0;
    if (!cloud_http_endpoint(r, NULL)) {
        return DECLINED;
    }
    r->filename = apr_pstrdup(r->pool, FILENAME);
    r->path_info = apr_pstrdup(r->pool, "");
    return OK;
}

int cloud_map_to_storage(request_rec *r)
{
    /* No <Directory>, no .htaccess, no stat(); <Location> counts. */
    return cloud_http_endpoint(r, NULL) ? OK : DECLINED;
}

int cloud_type_checker(request_rec *r)
{
    if (!cloud_http_endpoint(r, NULL)) {
        return DECLINED;
    }
    /* First and last: no handler and no filter is chosen by what a file is called, and mod_dir
     * sees that somebody serves this. */
    r->handler = HANDLER;
    if (cloud_http_endpoint(r, NULL)->flags & CLOUD_EP_DAV) {
        ap_allow_standard_methods(r, MERGE_ALLOW, M_OPTIONS, M_GET, M_PUT, M_DELETE, M_PROPFIND,
                                  M_PROPPATCH, M_MKCOL, M_COPY, M_MOVE, M_LOCK, M_UNLOCK,
                                  M_REPORT, -1);
    }
    return OK;
}

int cloud_access_checker(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);
    cloud_ctx_t *ctx;
    cloud_err_t *err;

    if (!ep || r->main || (ep->flags & CLOUD_EP_ALWAYS)) {
        return DECLINED;
    }
    err = cloud_http_ctx(&ctx, r);
    return err ? cloud_http_error(r, err) : DECLINED;
}

int cloud_unknown_handler(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);

    if (!ep || strcmp(ep->path, "/remote.php") != 0) {
        return DECLINED;
    }
    return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL));
}

/* What none of our modules took never reaches the handler that sends files. */
int cloud_last_handler(request_rec *r)
{
    if (!cloud_http_endpoint(r, NULL)) {
        return DECLINED;
    }
    return cloud_http_error(r, cloud_err(r->pool, r->method_number == M_POST
                                                      || r->method_number == M_INVALID
                                                      ? CLOUD_E_NOT_IMPLEMENTED
                                                      : CLOUD_E_NOT_ALLOWED, NULL));
}

int cloud_log_transaction(request_rec *r)
{
    cloud_site_t *site;

    if (cloud_http_endpoint(r, NULL) && (site = cloud_server_conf(r->server)->site)) {
        cloud_site_failed(site);
    }
    return DECLINED;
}
