/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The mod_dav provider "cloud": how mod_dav (REPORT) and other DAV modules see our resources. Every
 * hook is a verb of libcloud. There is no lock provider and no property database: the verbs enforce
 * locks whoever calls them, and a second place that knows locks or properties would be a second
 * truth. seek_stream refuses: a range written in place would be seen half-done. */
#include "repos.h"

#include <mod_dav.h>

#include "dav_private.h"

APLOG_USE_MODULE(cloud_dav);

struct dav_resource_private {
    request_rec *r;
    cloud_ctx_t *ctx;
    cloud_dav_target_t *t;
    cloud_entry_t *entry;   /* FILES that exist */
};

struct dav_stream {
    request_rec *r;
    cloud_put_t *put;
};

static const dav_hooks_repository repository;

static dav_error *failed(request_rec *r, cloud_err_t *err)
{
    return err ? dav_new_error(r->pool, cloud_http_error(r, err), 0, 0, NULL) : NULL;
}

/* ---- resources ---- */

static cloud_err_t *look(dav_resource *res, const dav_resource_private *info)
{
    cloud_entry_t *entry;
    cloud_upload_t *up;
    cloud_err_t *err = NULL;

    switch (info->t->kind) {
    case CLOUD_DAV_FILES:
        err = cloud_file_stat(&entry, info->ctx, info->t->account, info->t->path, res->pool);
        if (err) break;
        res->info->entry = entry;
        res->exists = 1;
        res->collection = CLOUD_IS_DIR(&entry->node);
        break;
    case CLOUD_DAV_SESSION:
        err = cloud_upload_get(&up, info->ctx, info->t->account, info->t->session, res->pool);
        res->exists = res->collection = !err;
        break;
    case CLOUD_DAV_PARENT:
    case CLOUD_DAV_UPLOADS:
        res->exists = res->collection = 1;
        break;
    default: /* chunks are no business of other modules */
        break;
    }
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) ? NULL : err;
}

static dav_resource *new_resource(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t,
                                  apr_pool_t *pool)
{
    dav_resource *res = apr_pcalloc(pool, sizeof(*res));
    apr_size_t len = strlen(t->uri);

    while (len > 1 && t->uri[len - 1] == '/') len--;
    res->type = DAV_RESOURCE_TYPE_REGULAR;
    res->uri = apr_pstrmemdup(pool, t->uri, len); /* mod_dav's are without slash at the end */
    res->hooks = &repository;
    res->pool = pool;
    res->info = apr_pcalloc(pool, sizeof(*res->info));
    res->info->r = r;
    res->info->ctx = ctx;
    res->info->t = t;
    return res;
}

static dav_error *get_resource(request_rec *r, const char *root, const char *label,
                               int use_checked_in, dav_resource **resource)
{
    cloud_dav_target_t *t = NULL;
    cloud_ctx_t *ctx;
    dav_resource *res;
    cloud_err_t *err = cloud_dav_target(&t, r, r->uri);

    (void)root;
    (void)label;
    (void)use_checked_in;
    if (!err && !t) err = cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL);
    if (!err) err = cloud_http_ctx(&ctx, r);
    if (!err) err = cloud_dav_enter(t, r, ctx, 0);
    if (err) return failed(r, err);
    res = new_resource(r, ctx, t, r->pool);
    err = look(res, res->info);
    if (err) return failed(r, err);
    if (res->info->entry && (res->info->entry->perms & CLOUD_PERM_READ))
        ap_update_mtime(r, apr_time_from_sec(res->info->entry->node.mtime));
    *resource = res;
    return NULL;
}

/* The resource at path in the same space. */
static dav_error *at_path(dav_resource **res_p, const dav_resource *from, const char *path,
                          apr_pool_t *pool)
{
    cloud_dav_target_t *t = apr_pmemdup(pool, from->info->t, sizeof(*t));
    dav_resource *res;
    cloud_err_t *err;

    t->path = path;
    t->uri = apr_pstrcat(pool, t->base, *path ? "/" : "", path, NULL);
    res = new_resource(from->info->r, from->info->ctx, t, pool);
    err = look(res, res->info);
    *res_p = res;
    return failed(from->info->r, err);
}

static dav_error *get_parent_resource(const dav_resource *resource, dav_resource **parent)
{
    const cloud_dav_target_t *t = resource->info->t;
    const char *slash;

    *parent = NULL;
    if (t->kind != CLOUD_DAV_FILES || !*t->path) return NULL;
    slash = strrchr(t->path, '/');
    return at_path(parent, resource,
                   slash ? apr_pstrmemdup(resource->pool, t->path, (apr_size_t)(slash - t->path))
                         : "",
                   resource->pool);
}

static int is_same_resource(const dav_resource *a, const dav_resource *b)
{
    const cloud_dav_target_t *x, *y;

    if (a->hooks != b->hooks) return 0;
    x = a->info->t;
    y = b->info->t;
    if (x->kind != y->kind) return 0;
    if (x->kind != CLOUD_DAV_FILES) return strcmp(x->uri, y->uri) == 0;
    return x->account->number == y->account->number && strcmp(x->path, y->path) == 0;
}

static int is_parent_resource(const dav_resource *a, const dav_resource *b)
{
    const cloud_dav_target_t *x, *y;
    apr_size_t len;

    if (a->hooks != b->hooks) return 0;
    x = a->info->t;
    y = b->info->t;
    if (x->kind != CLOUD_DAV_FILES || y->kind != CLOUD_DAV_FILES ||
        x->account->number != y->account->number)
        return 0;
    len = strlen(x->path);
    return len == 0 ? *y->path != '\0' : strncmp(x->path, y->path, len) == 0 && y->path[len] == '/';
}

static const char *getetag(const dav_resource *resource)
{
    const cloud_entry_t *entry = resource->info->entry;
    char etag[CLOUD_ETAG_MAX];

    if (!entry) return "";
    return apr_pstrcat(resource->pool, "\"", cloud_etag_text(etag, entry->etag), "\"", NULL);
}

static request_rec *get_request_rec(const dav_resource *resource)
{
    return resource->info->r;
}

/* ---- writing ---- */

/* Writing through another module: only files, under the conditions of the request. */
static cloud_err_t *begin_change(cloud_cond_t *cond, const dav_resource *resource)
{
    const dav_resource_private *info = resource->info;

    if (info->t->kind != CLOUD_DAV_FILES) return cloud_err(resource->pool, CLOUD_E_DENIED, NULL);
    return cloud_dav_conditions(cond, info->r->main ? info->r->main : info->r, info->ctx, info->t);
}

static dav_error *open_stream(const dav_resource *resource, dav_stream_mode mode,
                              dav_stream **stream)
{
    const dav_resource_private *info = resource->info;
    cloud_put_opts_t opts = {.length = -1};
    cloud_err_t *err = NULL;

    if (mode != DAV_MODE_WRITE_TRUNC)
        err = cloud_err(resource->pool, CLOUD_E_NOT_IMPLEMENTED, NULL);
    if (!err) err = begin_change(&opts.cond, resource);
    if (err) return failed(info->r, err);
    cloud_dav_put_opts(&opts, info->r);
    *stream = apr_pcalloc(resource->pool, sizeof(**stream));
    (*stream)->r = info->r;
    return failed(info->r, cloud_put_begin(&(*stream)->put, info->ctx, info->t->account,
                                           info->t->path, &opts, resource->pool));
}

static dav_error *write_stream(dav_stream *stream, const void *buf, apr_size_t len)
{
    return failed(stream->r, cloud_put_write(stream->put, buf, len));
}

static dav_error *close_stream(dav_stream *stream, int commit)
{
    cloud_result_t res;

    if (commit) return failed(stream->r, cloud_put_commit(&res, stream->put));
    cloud_put_abort(stream->put);
    return NULL;
}

static dav_error *seek_stream(dav_stream *stream, apr_off_t pos)
{
    (void)pos;
    return failed(stream->r, cloud_err(stream->r->pool, CLOUD_E_NOT_IMPLEMENTED, NULL));
}

static dav_error *create_collection(dav_resource *resource)
{
    const dav_resource_private *info = resource->info;
    cloud_cond_t cond;
    cloud_result_t res;
    cloud_err_t *err = begin_change(&cond, resource);

    if (!err) err = cloud_file_mkcol(&res, info->ctx, info->t->account, info->t->path, &cond,
                                     resource->pool);
    if (err) return failed(info->r, err);
    resource->exists = resource->collection = 1;
    resource->info->entry = res.entry;
    return NULL;
}

static dav_error *copy_or_move(const dav_resource *src, dav_resource *dst, int copy, int depth)
{
    const dav_resource_private *from = src->info, *to = dst->info;
    cloud_cond_t src_cond, dst_cond = {0};
    cloud_result_t res;
    cloud_err_t *err = begin_change(&src_cond, src);

    if (!err && to->t->kind != CLOUD_DAV_FILES) err = cloud_err(src->pool, CLOUD_E_DENIED, NULL);
    dst_cond.tokens = err ? NULL : src_cond.tokens;
    if (!err && copy)
        err = cloud_file_copy(&res, from->ctx, from->t->account, from->t->path, to->t->account,
                              to->t->path, 1, depth == 0 ? 0 : -1, &src_cond, &dst_cond,
                              dst->pool);
    else if (!err)
        err = cloud_file_move(&res, from->ctx, from->t->account, from->t->path, to->t->account,
                              to->t->path, 1, &src_cond, &dst_cond, dst->pool);
    if (err) return failed(from->r, err);
    dst->exists = 1;
    dst->collection = src->collection;
    dst->info->entry = res.entry;
    return NULL;
}

static dav_error *copy_resource(const dav_resource *src, dav_resource *dst, int depth,
                                dav_response **response)
{
    *response = NULL;
    return copy_or_move(src, dst, 1, depth);
}

static dav_error *move_resource(dav_resource *src, dav_resource *dst, dav_response **response)
{
    dav_error *err = copy_or_move(src, dst, 0, DAV_INFINITY);

    *response = NULL;
    if (!err) src->exists = src->collection = 0;
    return err;
}

static dav_error *remove_resource(dav_resource *resource, dav_response **response)
{
    const dav_resource_private *info = resource->info;
    cloud_cond_t cond;
    cloud_err_t *err;

    *response = NULL;
    /* The destination of a COPY or MOVE: the verb replaces it, in one transaction. */
    if (info->r->main) return NULL;
    err = begin_change(&cond, resource);
    if (!err) err = cloud_file_remove(info->ctx, info->t->account, info->t->path, &cond);
    if (err) return failed(info->r, err);
    resource->exists = resource->collection = 0;
    return NULL;
}

/* ---- walking ---- */

typedef struct {
    const dav_walk_params *params;
    apr_array_header_t *names;  /* of the folder being listed */
    apr_pool_t *pool;
} walk_t;

static cloud_err_t *collect(void *baton, const cloud_child_t *child)
{
    walk_t *w = baton;

    APR_ARRAY_PUSH(w->names, const char *) = apr_pstrdup(w->pool, child->mount_root ? child->name : child->node->disk);
    return NULL;
}

static dav_error *visit(const dav_walk_params *params, const dav_resource *res, int depth,
                        apr_pool_t *pool);

static dav_error *visit_children(const dav_walk_params *params, const dav_resource *res, int depth,
                                 apr_pool_t *pool)
{
    const dav_resource_private *info = res->info;
    walk_t w = {params, apr_array_make(pool, 32, sizeof(const char *)), pool};
    apr_pool_t *iterpool;
    dav_resource *child;
    cloud_err_t *err;
    dav_error *derr;

    if (!(info->entry->perms & CLOUD_PERM_READ)) return NULL;
    err = cloud_file_list(info->ctx, info->entry, collect, &w);
    derr = failed(info->r, err);
    apr_pool_create(&iterpool, pool);
    for (int i = 0; i < w.names->nelts && !derr; i++) {
        const char *name = APR_ARRAY_IDX(w.names, i, const char *);
        apr_pool_clear(iterpool);
        derr = at_path(&child, res,
                       *info->t->path ? apr_pstrcat(iterpool, info->t->path, "/", name, NULL)
                                      : name,
                       iterpool);
        if (!derr && child->exists) derr = visit(params, child, depth, iterpool);
    }
    apr_pool_destroy(iterpool);
    return derr;
}

static dav_error *visit(const dav_walk_params *params, const dav_resource *res, int depth,
                        apr_pool_t *pool)
{
    dav_walk_resource wres = {params->walk_ctx, pool, res, NULL};
    dav_error *err = params->func(&wres, res->collection ? DAV_CALLTYPE_COLLECTION
                                                         : DAV_CALLTYPE_MEMBER);

    if (err || depth == 0 || !res->info->entry || !res->collection) return err;
    if (res->info->r->connection->aborted)
        return dav_new_error(pool, HTTP_INTERNAL_SERVER_ERROR, 0, 0, NULL);
    return visit_children(params, res, depth == DAV_INFINITY ? depth : depth - 1, pool);
}

static dav_error *walk(const dav_walk_params *params, int depth, dav_response **response)
{
    *response = NULL;
    return visit(params, params->root, depth, params->pool);
}

static const dav_hooks_repository repository = {
    .handle_get = 0,
    .get_resource = get_resource,
    .get_parent_resource = get_parent_resource,
    .is_same_resource = is_same_resource,
    .is_parent_resource = is_parent_resource,
    .open_stream = open_stream,
    .close_stream = close_stream,
    .write_stream = write_stream,
    .seek_stream = seek_stream,
    .create_collection = create_collection,
    .copy_resource = copy_resource,
    .move_resource = move_resource,
    .remove_resource = remove_resource,
    .walk = walk,
    .getetag = getetag,
    .get_request_rec = get_request_rec,
};

/* ---- properties: none that mod_dav would have to keep ---- */

static dav_error *open_props(apr_pool_t *p, const dav_resource *resource, int ro, dav_db **db)
{
    (void)resource;
    *db = NULL;
    return ro ? NULL : dav_new_error(p, HTTP_FORBIDDEN, 0, 0, NULL);
}

static const dav_hooks_propdb no_props = {.open = open_props};

static const dav_provider provider = {.repos = &repository, .propdb = &no_props};

int cloud_dav_is_ours(request_rec *r)
{
    return dav_get_provider(r) == &provider;
}

/* mod_dav takes nothing but a dav_error for a failure. */
static int report_status(request_rec *r, int status, dav_error **err)
{
    if (status >= HTTP_BAD_REQUEST) *err = dav_new_error(r->pool, status, 0, 0, NULL);
    return status;
}

static int deliver_report(request_rec *r, const dav_resource *resource, const apr_xml_doc *doc,
                          ap_filter_t *output, dav_error **err)
{
    (void)doc;
    (void)output;
    if (resource->hooks != &repository) return DECLINED;
    return report_status(r, cloud_dav_report(r, resource->info->ctx, resource->info->t), err);
}

/* After everybody else was asked, and before mod_dav answers 501. */
static int unknown_report(request_rec *r, const dav_resource *resource, const apr_xml_doc *doc,
                          ap_filter_t *output, dav_error **err)
{
    (void)doc;
    (void)output;
    if (resource->hooks != &repository) return DECLINED;
    return report_status(r, cloud_dav_report_unknown(r), err);
}

void cloud_dav_register_provider(apr_pool_t *p)
{
    static const char *const core[] = {"mod_dav.c", NULL};

    dav_register_provider(p, "cloud", &provider);
    dav_hook_deliver_report(deliver_report, NULL, NULL, APR_HOOK_MIDDLE);
    dav_hook_deliver_report(unknown_report, NULL, core, APR_HOOK_LAST);
}
