/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* REPORT oc:filter-files: what is a favorite of who asks, at or below the target. */
#include "dav_private.h"

#include "report.h"

APLOG_USE_MODULE(cloud_dav);

typedef struct {
    const cloud_xml_t *prop;    /* properties that are asked for; NULL: all */
    apr_int64_t limit, offset;  /* limit 0: none */
} filter_t;

static cloud_err_t *parse_number(apr_int64_t *number, const cloud_xml_t *search, const char *name,
                                 apr_pool_t *pool)
{
    const cloud_xml_t *e = search ? cloud_xml_child(search, CLOUD_NS_OC, name) : NULL;
    const char *text = e ? cloud_xml_text(e, pool) : "";
    char *end;

    *number = 0;
    if (!*text) return NULL;
    *number = apr_strtoi64(text, &end, 10);
    if (!*end && *number >= 0) return NULL;
    return cloud_err(pool, CLOUD_E_INVALID, "oc:%s is no number", name);
}

/* Another rule would have to narrow the answer; leaving it out would widen it. */
static cloud_err_t *parse_rules(const cloud_xml_t *rules, apr_pool_t *pool)
{
    const cloud_xml_t *e;
    int favorite = 0;

    for (e = rules ? cloud_xml_first(rules) : NULL; e; e = cloud_xml_next(e)) {
        const char *text = cloud_xml_text(e, pool);

        if (!cloud_xml_is(e, CLOUD_NS_OC, "favorite"))
            return cloud_err(pool, CLOUD_E_PRECONDITION, "Cannot filter by %s", e->name);
        favorite |= strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0;
    }
    return favorite ? NULL
                    : cloud_err(pool, CLOUD_E_INVALID, "Missing filter-rule block in request");
}

static cloud_err_t *parse(filter_t *f, const cloud_xml_t *root, apr_pool_t *pool)
{
    const cloud_xml_t *search = cloud_xml_child(root, CLOUD_NS_OC, "search");

    f->prop = cloud_xml_child(root, CLOUD_NS_DAV, "prop");
    CLOUD_ERR(parse_rules(cloud_xml_child(root, CLOUD_NS_OC, "filter-rules"), pool));
    CLOUD_ERR(parse_number(&f->limit, search, "limit", pool));
    return parse_number(&f->offset, search, "offset", pool);
}

static int is_below(const cloud_entry_t *entry, const char *folder)
{
    apr_size_t len = strlen(folder);

    return !len || (strncmp(entry->path, folder, len) == 0
                    && (entry->path[len] == '/' || entry->path[len] == '\0'));
}

/* What has gone to the trash stays a favorite, for when it comes back, and is not found here. */
static cloud_err_t *collect_tx(cloud_listing_t *l, filter_t *f, cloud_ctx_t *ctx,
                               const cloud_dav_target_t *t, apr_pool_t *pool)
{
    apr_array_header_t *nodes;
    cloud_entry_t *folder, *entry;
    cloud_err_t *err;
    apr_pool_t *iter;

    CLOUD_ERR(cloud_file_stat(&folder, ctx, t->account, t->path, pool));
    CLOUD_ERR(cloud_listing_scope(l, folder));
    CLOUD_ERR(cloud_favorite_list(&nodes, ctx, pool));
    apr_pool_create(&iter, pool);
    for (int i = 0; i < nodes->nelts && !(f->limit && cloud_listing_rows(l) >= f->limit); i++) {
        apr_pool_clear(iter);
        err = cloud_resolve_id(&entry, ctx, t->account, APR_ARRAY_IDX(nodes, i, apr_int64_t), iter);
        if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) continue;
        if (err) return err;
        if (!is_below(entry, folder->path) || f->offset-- > 0) continue;
        CLOUD_ERR(cloud_listing_entry(l, entry));
    }
    apr_pool_destroy(iter);
    return NULL;
}

static cloud_err_t *collect(cloud_listing_t **listing, filter_t *f, cloud_ctx_t *ctx,
                            const cloud_dav_target_t *t, cloud_propreq_t *req, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_listing_create(listing, ctx, t, req, pool);
    if (!err) err = collect_tx(*listing, f, ctx, t, pool);
    if (!err) err = cloud_listing_complete(*listing);
    cloud_tx_rollback(ctx);
    return err;
}

static int filter_files(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                        const cloud_xml_t *root)
{
    cloud_listing_t *listing;
    cloud_propreq_t *req;
    filter_t f;
    cloud_err_t *err = parse(&f, root, r->pool);

    if (!err) err = cloud_propreq_prop(&req, f.prop, cloud_reply_minimal(r), r->pool);
    if (!err) err = collect(&listing, &f, ctx, t, req, r->pool);
    if (err) return cloud_dav_error(r, err);
    return cloud_reply_listing(r, listing, t->kind);
}

const cloud_dav_report_t cloud_dav_own_reports[] = {
    {CLOUD_NS_OC, "filter-files", 1u << CLOUD_DAV_FILES, filter_files},
    {NULL, NULL, 0, NULL},
};
