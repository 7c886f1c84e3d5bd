/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* PROPFIND: the body is compiled to a request for properties, rows are collected in one snapshot of
 * the database, and written when it has ended. Whatever can fail fails before the first byte. */
#include "dav_private.h"

#include "reply.h"
#include "settings.h"

APLOG_USE_MODULE(cloud_dav);

/* Without a Depth header ownCloud lists one level, where RFC 4918 says infinity; so do we. */
#define DEFAULT_DEPTH 1

static cloud_err_t *check_depth(int *depth, request_rec *r, cloud_ctx_t *ctx,
                                const cloud_dav_target_t *t)
{
    int allowed;

    CLOUD_ERR(cloud_dav_depth(depth, r, DEFAULT_DEPTH));
    if (*depth >= 0) return NULL;
    CLOUD_ERR(cloud_setting_bool(&allowed, ctx, "system", "dav.propfind.depth_infinity"));
    if (allowed && t->kind != CLOUD_DAV_SPACE) return NULL;
    return cloud_err(r->pool, CLOUD_E_PRECONDITION, "Depth infinity not supported");
}

static cloud_err_t *parse_request(cloud_propreq_t **req, request_rec *r)
{
    cloud_xml_t *root;

    CLOUD_ERR(cloud_dav_xml_body(&root, r));
    return cloud_propreq_parse(req, root, cloud_reply_minimal(r), r->pool);
}

static cloud_err_t *collect(cloud_listing_t **listing, request_rec *r, cloud_ctx_t *ctx,
                            const cloud_dav_target_t *t, cloud_propreq_t *req, int depth)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_listing_create(listing, ctx, t, req, r->pool);
    if (!err && t->view) cloud_listing_view(*listing)->link = cloud_http_view(r)->link;
    if (!err) err = cloud_listing_target(*listing, depth);
    if (!err) err = cloud_listing_complete(*listing);
    cloud_tx_rollback(ctx);
    return err;
}

int cloud_dav_propfind(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    cloud_listing_t *listing;
    cloud_propreq_t *req;
    cloud_cond_t cond;
    cloud_err_t *err;
    int depth;

    err = check_depth(&depth, r, ctx, t);
    if (!err) err = parse_request(&req, r);
    if (!err) err = cloud_dav_conditions(&cond, r, ctx, t);
    if (!err) err = collect(&listing, r, ctx, t, req, depth);
    if (err) return cloud_dav_error(r, err);
    return cloud_reply_listing(r, listing, t->kind);
}
