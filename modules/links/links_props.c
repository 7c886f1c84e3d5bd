/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The live properties that only public links have. */
#include "links_http.h"

#include "names.h"

static const links_shown_t *shown(const cloud_dav_view_t *view)
{
    return view->link;
}

static cloud_prop_state_t write_type(cloud_out_t *out, const cloud_dav_row_t *row,
                                     cloud_dav_view_t *view)
{
    (void)row;
    if (!shown(view)) return CLOUD_PROP_ABSENT;
    cloud_out_str(out, shown(view)->link->is_dir ? "folder" : "file");
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_permission(cloud_out_t *out, const cloud_dav_row_t *row,
                                           cloud_dav_view_t *view)
{
    (void)row;
    if (!shown(view)) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, shown(view)->link->perms);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_expiration(cloud_out_t *out, const cloud_dav_row_t *row,
                                           cloud_dav_view_t *view)
{
    (void)row;
    if (!shown(view) || !shown(view)->link->expires) return CLOUD_PROP_ABSENT;
    cloud_out_date(out, shown(view)->link->expires);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_datetime(cloud_out_t *out, const cloud_dav_row_t *row,
                                         cloud_dav_view_t *view)
{
    (void)row;
    if (!shown(view)) return CLOUD_PROP_ABSENT;
    cloud_out_date(out, shown(view)->link->created);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_owner(cloud_out_t *out, const cloud_dav_row_t *row,
                                      cloud_dav_view_t *view)
{
    (void)row;
    if (!shown(view)) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, shown(view)->link->sharer, strlen(shown(view)->link->sharer));
    return CLOUD_PROP_VALUE;
}

/* Clients hand the address to a browser, which knows no password. */
static void sign(cloud_out_t *out, const links_shown_t *link, const cloud_dav_row_t *row,
                 const cloud_dav_view_t *view)
{
    apr_pool_t *pool = link->scratch;
    const char *path = apr_pstrcat(pool, apr_pstrmemdup(pool, view->prefix, view->prefix_len),
                                   cloud_href_encode(row->name, pool), NULL);
    char signature[CLOUD_LINK_SIGNATURE];
    int done = cloud_link_sign(signature, link->signer, path, strlen(path), link->until);

    apr_pool_clear(pool);
    if (!done) return;
    cloud_out_lit(out, "?signature=");
    cloud_out_str(out, signature);
    cloud_out_lit(out, "&amp;expires=");
    cloud_out_int(out, link->until);
}

static cloud_prop_state_t write_download(cloud_out_t *out, const cloud_dav_row_t *row,
                                         cloud_dav_view_t *view)
{
    if (!shown(view) || (row->flags & CLOUD_ROW_DIR)) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, shown(view)->origin, strlen(shown(view)->origin));
    cloud_out_xml(out, view->prefix, view->prefix_len);
    cloud_out_uri(out, row->name, row->name_len);
    if (shown(view)->signer) sign(out, shown(view), row, view);
    return CLOUD_PROP_VALUE;
}

const cloud_dav_prop_t links_props[] = {
    {CLOUD_NS_OC, "public-link-item-type", CLOUD_PROP_LINK_ROOT, 0, write_type},
    {CLOUD_NS_OC, "public-link-permission", CLOUD_PROP_LINK_ROOT, 0, write_permission},
    {CLOUD_NS_OC, "public-link-expiration", CLOUD_PROP_LINK_ROOT, 0, write_expiration},
    {CLOUD_NS_OC, "public-link-share-datetime", CLOUD_PROP_LINK_ROOT, 0, write_datetime},
    {CLOUD_NS_OC, "public-link-share-owner", CLOUD_PROP_LINK_ROOT, 0, write_owner},
    {CLOUD_NS_OC, "downloadURL", CLOUD_PROP_LINK, 0, write_download},
    {NULL, NULL, 0, 0, NULL},
};
