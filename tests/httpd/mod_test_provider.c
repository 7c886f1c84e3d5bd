/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* For tests only: what another DAV module would do with the provider "cloud". The header X-Test names
 * the hook that is called on the request's resource, X-Test-Target a second resource. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_dav.h>

typedef dav_error *test_fn(request_rec *r, dav_resource *res, dav_resource *target);

static dav_error *test_look(request_rec *r, dav_resource *res, dav_resource *target)
{
    dav_resource *parent = NULL;
    dav_error *err = res->hooks->get_parent_resource(res, &parent);

    (void)target;
    if (!err) ap_rprintf(r, "exists %d collection %d etag %s uri %s parent %s", res->exists,
                         res->collection, res->hooks->getetag(res), res->uri,
                         parent ? parent->uri : "-");
    return err;
}

static dav_error *put(dav_resource *res, dav_stream_mode mode, int commit)
{
    dav_stream *stream;
    dav_error *err = res->hooks->open_stream(res, mode, &stream);

    if (!err) err = res->hooks->write_stream(stream, "from a ", 7);
    if (!err) err = res->hooks->write_stream(stream, "module", 6);
    return err ? err : res->hooks->close_stream(stream, commit);
}

static dav_error *test_put(request_rec *r, dav_resource *res, dav_resource *target)
{
    (void)r;
    (void)target;
    return put(res, DAV_MODE_WRITE_TRUNC, 1);
}

static dav_error *test_put_abort(request_rec *r, dav_resource *res, dav_resource *target)
{
    (void)r;
    (void)target;
    return put(res, DAV_MODE_WRITE_TRUNC, 0);
}

static dav_error *test_put_range(request_rec *r, dav_resource *res, dav_resource *target)
{
    (void)r;
    (void)target;
    return put(res, DAV_MODE_WRITE_SEEKABLE, 1);
}

static dav_error *test_seek(request_rec *r, dav_resource *res, dav_resource *target)
{
    dav_stream *stream;
    dav_error *err = res->hooks->open_stream(res, DAV_MODE_WRITE_TRUNC, &stream);

    (void)r;
    (void)target;
    return err ? err : res->hooks->seek_stream(stream, 10);
}

static dav_error *test_mkcol(request_rec *r, dav_resource *res, dav_resource *target)
{
    (void)r;
    (void)target;
    return res->hooks->create_collection(res);
}

static dav_error *test_remove(request_rec *r, dav_resource *res, dav_resource *target)
{
    dav_response *response;

    (void)r;
    (void)target;
    return res->hooks->remove_resource(res, &response);
}

static dav_error *test_copy(request_rec *r, dav_resource *res, dav_resource *target)
{
    dav_response *response;

    (void)r;
    return res->hooks->copy_resource(res, target, DAV_INFINITY, &response);
}

/* As mod_dav does it: what is there is removed first. */
static dav_error *test_move(request_rec *r, dav_resource *res, dav_resource *target)
{
    dav_response *response;
    dav_error *err = NULL;

    (void)r;
    if (target->exists) err = target->hooks->remove_resource(target, &response);
    return err ? err : res->hooks->move_resource(res, target, &response);
}

static dav_error *test_related(request_rec *r, dav_resource *res, dav_resource *target)
{
    ap_rprintf(r, "same %d parent %d", res->hooks->is_same_resource(res, target),
               res->hooks->is_parent_resource(res, target));
    return NULL;
}

static dav_error *visit(dav_walk_resource *wres, int calltype)
{
    ap_rprintf(wres->walk_ctx, "%s%s\n", wres->resource->uri,
               calltype == DAV_CALLTYPE_COLLECTION ? "/" : "");
    return NULL;
}

static dav_error *test_walk(request_rec *r, dav_resource *res, dav_resource *target)
{
    dav_walk_params params = {.walk_type = DAV_WALKTYPE_NORMAL, .func = visit, .walk_ctx = r,
                              .pool = r->pool, .root = res};
    dav_response *response;

    (void)target;
    return res->hooks->walk(&params, dav_get_depth(r, DAV_INFINITY), &response);
}

static const struct {
    const char *name;
    test_fn *fn;
} tests[] = {
    {"look", test_look},           {"put", test_put},   {"put-abort", test_put_abort},
    {"put-range", test_put_range}, {"seek", test_seek}, {"mkcol", test_mkcol},
    {"remove", test_remove},       {"copy", test_copy}, {"move", test_move},
    {"related", test_related},     {"walk", test_walk},
};

static int handler(request_rec *r)
{
    const char *name = apr_table_get(r->headers_in, "X-Test");
    const char *uri = apr_table_get(r->headers_in, "X-Test-Target");
    dav_resource *res, *target = NULL;
    dav_error *err;
    apr_size_t i;

    if (!name) return DECLINED;
    ap_set_content_type(r, "text/plain");
    err = dav_get_resource(r, 0, 0, &res);
    if (!err && uri)
        err = dav_get_resource(ap_sub_req_method_uri("GET", uri, r, NULL), 0, 0, &target);
    for (i = 0; !err && i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (strcmp(tests[i].name, name) == 0) err = tests[i].fn(r, res, target);
    }
    return err ? err->status : OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

module AP_MODULE_DECLARE_DATA test_provider_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0,
};
