/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_avatars.c
 * The module: remote.php/dav/avatars/<id>/<size>.png and index.php/avatar/<id>/<size>, by which pictures are
 * seen; index.php/avatar/ and index.php/avatar/<id>, by which they are set and removed; the capability.
 */
#include <apr_lib.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include <jansson.h>

#include "avatars.h"
#include "avatars_form.h"
#include "body.h"
#include "json_answer.h"
#include "mod_cloud.h"
#include "multipart.h"

APLOG_USE_MODULE(cloud_avatars);

#define SIDE_DEFAULT  64
#define READ_SIZE     (64 * 1024)
#define DAV_SIDE_MAX  1024 /* of a name that is one; what is sent may be smaller */

/* ---- errors as ownCloud's own page reads them ---- */

static const char *error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                              apr_bucket_brigade *bb)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    return cloud_json_error_body(r, status, code, msg, bb);
}

static const cloud_endpoint_t dav = { "/remote.php/dav/avatars", CLOUD_EP_DAV, NULL };
static const cloud_endpoint_t web = { "/index.php/avatar", 0, error_body };

/* ---- places ---- */

typedef struct {
    const char *id;                  /* NULL: who asks */
    int side;                        /* 0: no picture is named */
    const cloud_image_kind_t *kind;  /* NULL: as it is kept */
} place_t;

/* Leading digits, as far as they count. */
static int number(const char **text)
{
    int n = 0;

    for (; apr_isdigit(**text); ++*text) {
        n = n < 100000 ? 10 * n + (**text - '0') : n;
    }
    return n;
}

/* "128.png", "96.jpeg", and "128", for PNG. */
static cloud_err_t *read_dav_name(place_t *place, const char *name, apr_pool_t *pool)
{
    static const struct {
        const char *ending;
        cloud_image_kind_t kind;
    } ENDINGS[] = {
        { "", CLOUD_IMAGE_PNG }, { ".png", CLOUD_IMAGE_PNG }, { ".jpeg", CLOUD_IMAGE_JPEG },
        { ".jpg", CLOUD_IMAGE_JPEG },
    };
    apr_size_t i;

    place->side = number(&name);
    for (i = 0; i < sizeof(ENDINGS) / sizeof(*ENDINGS); i++) {
        if (!strcmp(name, ENDINGS[i].ending)) {
            place->kind = &ENDINGS[i].kind;
        }
    }
    return place->kind && place->side >= 1 && place->side <= DAV_SIDE_MAX
        ? NULL : cloud_err(pool, CLOUD_E_NOT_ALLOWED, "That is no size or format of a picture");
}

/* Any size will do: what is none is the default. */
static cloud_err_t *read_web_name(place_t *place, const char *name, apr_pool_t *pool)
{
    place->side = number(&name);
    if (!place->side) {
        place->side = SIDE_DEFAULT;
    }
    return *name ? cloud_err(pool, CLOUD_E_NOT_FOUND, NULL) : NULL;
}

/* path: "", "/", "/<id>", "/<id>/<name>" */
static cloud_err_t *read_place(place_t *place, request_rec *r, const cloud_endpoint_t *ep,
                               const char *path)
{
    const char *slash;

    memset(place, 0, sizeof(*place));
    path += *path == '/';
    if (!*path) {
        return NULL;
    }
    slash = ap_strchr_c(path, '/');
    place->id = slash ? apr_pstrmemdup(r->pool, path, (apr_size_t)(slash - path)) : path;
    if (!slash || !slash[1]) {
        return NULL;
    }
    return ep == &dav ? read_dav_name(place, slash + 1, r->pool)
                      : read_web_name(place, slash + 1, r->pool);
}

/* ---- seeing ---- */

static int send_picture(request_rec *r, const char *type, const void *data, apr_size_t len)
{
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)len);
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    if (!r->header_only) {
        ap_rwrite(data, (int)len, r);
    }
    return OK;
}

/* One for each picture, size and format. */
static void set_headers(request_rec *r, const cloud_avatar_t *avatar, const place_t *place)
{
    apr_table_setn(r->headers_out, "ETag",
                   apr_psprintf(r->pool, "\"%" APR_UINT64_T_HEX_FMT "-%d-%d\"",
                                (apr_uint64_t)avatar->number, place->side,
                                place->kind ? (int)*place->kind : (int)avatar->kind));
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
}

static int show(request_rec *r, cloud_ctx_t *ctx, place_t *place)
{
    cloud_avatar_t *avatar;
    const void *data;
    apr_size_t len;
    cloud_err_t *err;
    int status;

    if (place->side > CLOUD_AVATAR_SIDE_MAX) {
        place->side = CLOUD_AVATAR_SIDE_MAX;
    }
    err = place->side ? cloud_avatar_get(&avatar, ctx, place->id, r->pool)
                      : cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL);
    if (err) {
        return cloud_http_error(r, err);
    }
    set_headers(r, avatar, place);
    status = ap_meets_conditions(r);
    if (status != OK) {
        return status;
    }
    err = cloud_avatar_picture(&data, &len, ctx, &avatar, place->id, place->side, place->kind,
                               r->pool);
    if (err) {
        apr_table_unset(r->headers_out, "ETag");
        return cloud_http_error(r, err);
    }
    set_headers(r, avatar, place); /* it may be another one by now */
    return send_picture(r, cloud_image_type(place->kind ? *place->kind : avatar->kind), data, len);
}

/* ---- setting ---- */

static cloud_err_t *spool(void *spooled, const char *data, apr_size_t len)
{
    return cloud_spooled_write(spooled, data, len);
}

/* A file of who asks instead. */
static cloud_err_t *spool_path(cloud_spooled_t **spooled, cloud_ctx_t *ctx, const char *path,
                               apr_pool_t *pool)
{
    CLOUD_ERR(cloud_spooled_create(spooled, ctx, ctx->who.account, pool));
    return cloud_spooled_file(*spooled, ctx, ctx->who.account, path);
}

static cloud_err_t *spool_form(cloud_spooled_t **spooled, request_rec *r, cloud_ctx_t *ctx,
                               const char *type)
{
    cloud_avatar_form_t *form;
    const char *path;

    CLOUD_ERR(cloud_avatar_form_create(&form, type, *spooled, r->pool));
    CLOUD_ERR(cloud_body_read(r, READ_SIZE, cloud_avatar_form_feed, form));
    CLOUD_ERR(cloud_avatar_form_finish(&path, form));
    return path ? spool_path(spooled, ctx, path, r->pool) : NULL;
}

/* The body is the picture, or a form that brings it. */
static cloud_err_t *receive(request_rec *r, cloud_ctx_t *ctx, const char *id)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    cloud_spooled_t *spooled;
    const void *data;
    apr_size_t len;

    CLOUD_ERR(cloud_avatar_may_set(ctx, id));
    CLOUD_ERR(cloud_spooled_create(&spooled, ctx, ctx->who.account, r->pool));
    CLOUD_ERR(cloud_multipart_is(type) ? spool_form(&spooled, r, ctx, type)
                                       : cloud_body_read(r, READ_SIZE, spool, spooled));
    CLOUD_ERR(cloud_spooled_data(&data, &len, spooled));
    return cloud_avatar_set(ctx, id, data, len);
}

static int done(request_rec *r, const cloud_endpoint_t *ep)
{
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    if (ep == &dav) {
        r->status = HTTP_NO_CONTENT;
        return OK;
    }
    return cloud_json_send(r, HTTP_OK, json_pack("{s:s}", "status", "success"));
}

static int change(request_rec *r, cloud_ctx_t *ctx, const cloud_endpoint_t *ep,
                  const place_t *place)
{
    const char *id = place->id ? place->id : ctx->who.account->id;
    cloud_err_t *err = cloud_http_own_site(r);

    if (!err) {
        err = r->method_number == M_DELETE ? cloud_avatar_remove(ctx, id) : receive(r, ctx, id);
    }
    if (!err) {
        return done(r, ep);
    }
    if (ap_request_has_body(r) && !r->connection->master) {
        r->connection->keepalive = AP_CONN_CLOSE; /* what is left of a large body is not awaited */
    }
    return cloud_http_error(r, err);
}

/* ---- the handler ---- */

/* POST is ownCloud's, to the place without an id. Without a size PUT and DELETE mean the account of
 * the id. */
static int serve(request_rec *r, cloud_ctx_t *ctx, const cloud_endpoint_t *ep, place_t *place)
{
    int post = !place->id && ep != &dav, put = !place->side && (ep != &dav || place->id);

    if (r->method_number == M_GET) {
        return show(r, ctx, place);
    }
    if ((post && r->method_number == M_POST)
        || (put && (r->method_number == M_PUT || r->method_number == M_DELETE))) {
        return change(r, ctx, ep, place);
    }
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_OPTIONS, post ? M_POST : M_GET,
                              put ? M_PUT : M_GET, put ? M_DELETE : M_GET, -1);
    return cloud_http_no_method(r);
}

static int handler(request_rec *r)
{
    const char *rest;
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, &rest);
    cloud_ctx_t *ctx;
    place_t place;
    cloud_err_t *err;

    if (ep != &dav && ep != &web) {
        return DECLINED;
    }
    err = cloud_http_ctx(&ctx, r);
    if (!err && !cloud_http_account(r)) {
        err = cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, NULL);
    }
    if (!err) {
        err = read_place(&place, r, ep, rest + strlen(ep->path));
    }
    return err ? cloud_http_error(r, err) : serve(r, ctx, ep, &place);
}

/* ---- the module ---- */

static cloud_err_t *capability(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r)
{
    json_t *user = json_object_get(json_object_get(capabilities, "files_sharing"), "user");
    int on;

    (void)r;
    CLOUD_ERR(cloud_setting_bool(&on, ctx, "system", "enable_avatars"));
    if (user && on) {
        json_object_set_new(user, "profile_picture", json_true());
    }
    return NULL;
}

static apr_status_t unregister(void *unused)
{
    (void)unused;
    cloud_avatars_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)ptemp;
    if (!cloud_http_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_avatars_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    cloud_register_endpoint(&dav);
    cloud_register_endpoint(&web);
    cloud_register_capability(capability);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    /* After mod_cloud_ocs: its capabilities make the objects that ours adds to. */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_avatars_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
