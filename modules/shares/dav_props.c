/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* oc:share-types: what who asks has shared itself, by type; and no R where nothing may be shared
 * (on). */
#include "private.h"
#include "props.h"

#define LOADED "shares"

static cloud_share_types_t *types_in(const cloud_dav_view_t *view)
{
    return view->loaded ? apr_hash_get(view->loaded, LOADED, APR_HASH_KEY_STRING) : NULL;
}

static cloud_prop_state_t write_types(cloud_out_t *out, const cloud_dav_row_t *row,
                                      cloud_dav_view_t *view)
{
    const cloud_share_types_t *types = types_in(view);
    unsigned bits = types ? cloud_share_types_of(types, row->id) : 0;
    int type;

    if (!(row->flags & CLOUD_ROW_NODE)) return CLOUD_PROP_ABSENT;
    if (!bits) return CLOUD_PROP_EMPTY;
    for (type = 0; type < 32; type++) {
        if (!(bits >> type & 1)) continue;
        cloud_out_str(out, "<oc:share-type>");
        cloud_out_int(out, type);
        cloud_out_str(out, "</oc:share-type>");
    }
    return CLOUD_PROP_VALUE;
}

static const cloud_dav_prop_t PROPS[] = {
    { CLOUD_NS_OC, "share-types", 0, CLOUD_NEED_LOADED, write_types },
    { NULL, NULL, 0, 0, NULL },
};

/* (tx) */
static cloud_err_t *expect(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need)
{
    if (ctx->who.account && (need & CLOUD_NEED_LOADED))
        apr_hash_set(view->loaded, LOADED, APR_HASH_KEY_STRING, cloud_share_types_expect(ctx));
    return NULL;
}

/* (tx) */
static cloud_err_t *load(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need)
{
    cloud_share_types_t *types = types_in(view);
    int yes;

    if (ctx->who.account && (need & CLOUD_NEED_LETTERS)) {
        CLOUD_ERR(cloud_share_allowed(&yes, ctx, ctx->who.account));
        if (!yes) view->withheld |= CLOUD_PERM_SHARE;
        CLOUD_ERR(cloud_setting_bool(&yes, ctx, "core", "shareapi_allow_resharing"));
        if (!yes) view->withheld_shared |= CLOUD_PERM_SHARE;
    }
    return types ? cloud_share_types_load(types) : NULL;
}

void cloud_shares_register_props(void)
{
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_props) *add_props =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_props);
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_loader) *add_loader =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_loader);

    if (!add_props || !add_loader) return;
    add_props(PROPS);
    add_loader(expect, load);
}
