/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: its hooks, and which function serves which method.
 *
 * mod_dav gives the directive ("Dav cloud"), the registry of providers, REPORT and its hooks, and
 * the way for other DAV modules to our resources (repos.c). The methods that clients sync with are
 * served here, before mod_dav: each is one verb of libcloud, which decides about locks, conditions
 * and access in the transaction that makes the change. */
#include "dav_private.h"
#include "props.h"
#include "report.h"
#include "space.h"
#include "repos.h"

APLOG_USE_MODULE(cloud_dav);

typedef int method_fn(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);

#define LOCKS   1u /* not for who came by a link */
#define CONTENT 2u /* of a link to a file, at the address that all links share, that file's */

static const struct method_t {
    int number;
    int writes;
    unsigned flags;
    method_fn *fn;
} methods[] = {
    {M_GET, 0, CONTENT, cloud_dav_get},   {M_PROPFIND, 0, 0, cloud_dav_propfind},
    {M_PUT, 1, CONTENT, cloud_dav_put},   {M_DELETE, 1, 0, cloud_dav_delete},
    {M_MKCOL, 1, 0, cloud_dav_mkcol},     {M_COPY, 0, 0, cloud_dav_copymove},
    {M_MOVE, 1, 0, cloud_dav_copymove},   {M_LOCK, 1, LOCKS, cloud_dav_lock},
    {M_UNLOCK, 1, LOCKS, cloud_dav_unlock}, {M_PROPPATCH, 1, 0, cloud_dav_proppatch},
};

#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

/* A place that can't be: whoever only looks does not find it, whoever writes may not. */
static int no_target(request_rec *r, cloud_err_t *err, int writes)
{
    if (writes && err->code == CLOUD_E_NOT_FOUND)
        err = cloud_err(r->pool, CLOUD_E_DENIED, "Permission denied to create this");
    return cloud_dav_error(r, err);
}

static cloud_err_t *check_view(cloud_dav_target_t *t, cloud_ctx_t *ctx, const struct method_t *method)
{
    if (method->flags & LOCKS)
        return cloud_err(ctx->pool, CLOUD_E_NOT_ALLOWED, "Locking not allowed from public endpoint");
    return method->flags & CONTENT ? cloud_dav_linked_file(t, ctx) : NULL;
}

static int serve(request_rec *r, const struct method_t *method)
{
    cloud_dav_target_t *t;
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_dav_target(&t, r, r->uri);

    if (err) return no_target(r, err, method->writes);
    if (!t) return DECLINED;
    err = cloud_http_ctx(&ctx, r);
    if (!err) err = cloud_dav_enter(t, r, ctx, method->writes);
    if (!err && t->view) err = check_view(t, ctx, method);
    return err ? cloud_dav_error(r, err) : method->fn(r, ctx, t);
}

static int serve_options(request_rec *r)
{
    cloud_dav_target_t *t;
    cloud_err_t *err = cloud_dav_target(&t, r, r->uri);

    if (err) return cloud_dav_error(r, err);
    return t ? cloud_dav_options(r, t) : DECLINED;
}

static const cloud_endpoint_t webdav_endpoint = {"/remote.php/webdav", CLOUD_EP_DAV, NULL};
static const cloud_endpoint_t dav_endpoint = {"/remote.php/dav", CLOUD_EP_DAV, NULL};

/* A place below ours that another feature has registered is its own. */
static int is_our_place(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);

    return ep == &webdav_endpoint || ep == &dav_endpoint ||
           (ep && (ep->flags & (CLOUD_EP_DAV | CLOUD_EP_VIEW)) == (CLOUD_EP_DAV | CLOUD_EP_VIEW));
}

static int handler(request_rec *r)
{
    if (!cloud_dav_is_ours(r)) return DECLINED;
    if (r->method_number == M_REPORT) return cloud_dav_report_check(r);
    if (!is_our_place(r)) return DECLINED;
    if (r->method_number == M_OPTIONS) return serve_options(r);
    for (apr_size_t i = 0; i < N_METHODS; i++) {
        if (methods[i].number == r->method_number)
            return serve(r, &methods[i]);
    }
    return DECLINED;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)ptemp;
    if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_register_endpoint(&webdav_endpoint);
    cloud_register_endpoint(&dav_endpoint);
    cloud_dav_reset_props();
    cloud_dav_reset_reports();
    cloud_dav_register_reports(cloud_dav_own_reports);
    cloud_dav_reset_spaces();
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    static const char *const dav[] = {"mod_dav.c", NULL};

    cloud_dav_register_provider(p);
    cloud_dav_register_replay();
    APR_REGISTER_OPTIONAL_FN(cloud_dav_register_props);
    APR_REGISTER_OPTIONAL_FN(cloud_dav_register_loader);
    APR_REGISTER_OPTIONAL_FN(cloud_dav_register_reports);
    APR_REGISTER_OPTIONAL_FN(cloud_dav_register_space);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, dav, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_dav_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
