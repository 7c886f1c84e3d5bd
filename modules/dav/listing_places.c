/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What is not in the tree: the collections above the spaces, and uploads on their way. */
#include "listing_private.h"

#include "space.h"

#include "upload.h"

/* A collection that is only a place. */
static cloud_err_t *add_place(cloud_listing_t *l, const char *name)
{
    cloud_dav_row_t row = {.flags = CLOUD_ROW_DIR,
                           .size = CLOUD_ROW_UNKNOWN,
                           .mtime = CLOUD_ROW_UNKNOWN,
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = name,
                           .name_len = strlen(name)};

    return cloud_listing_row(l, &row);
}

/* Collections above the spaces; NULL: named after the account. */
static const char *const places_dav[] = {"files", "uploads", NULL};

cloud_err_t *cloud_listing_parent(cloud_listing_t *l, int depth)
{
    const char *last = strrchr(l->t->base, '/');
    int is_top = last && strcmp(last, "/dav") == 0;

    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, "", 1, l->pool)));
    CLOUD_ERR(add_place(l, ""));
    if (depth == 0) return NULL;
    if (!is_top) return l->t->account ? add_place(l, l->t->account->id) : NULL;
    for (const char *const *p = places_dav; *p; p++) CLOUD_ERR(add_place(l, *p));
    for (int i = 0; cloud_dav_space(i); i++) {
        if (cloud_dav_space(i)->with_user) CLOUD_ERR(add_place(l, cloud_dav_space(i)->name));
    }
    return NULL;
}

static cloud_err_t *add_session(cloud_listing_t *l, const cloud_upload_t *up, const char *name)
{
    cloud_dav_row_t row = {.flags = CLOUD_ROW_DIR,
                           .size = CLOUD_ROW_UNKNOWN,
                           .mtime = apr_time_sec(up->touched),
                           .created = apr_time_sec(up->created),
                           .name = name,
                           .name_len = strlen(name)};

    return cloud_listing_row(l, &row);
}

cloud_err_t *cloud_listing_uploads(cloud_listing_t *l, int depth)
{
    apr_array_header_t *ups;

    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, "", 1, l->pool)));
    CLOUD_ERR(add_place(l, ""));
    if (depth == 0) return NULL;
    CLOUD_ERR(cloud_upload_list(&ups, l->ctx, l->t->account, l->pool));
    for (int i = 0; i < ups->nelts; i++) {
        const cloud_upload_t *up = &APR_ARRAY_IDX(ups, i, cloud_upload_t);

        CLOUD_ERR(add_session(l, up, up->name));
    }
    return NULL;
}

/* A chunk is replaced as a whole: size and time tell one from another. */
static cloud_err_t *add_chunk(cloud_listing_t *l, const char *name, apr_int64_t size,
                              apr_time_t written)
{
    const char *etag = apr_psprintf(l->pool, "%" APR_UINT64_T_HEX_FMT "%" APR_UINT64_T_HEX_FMT,
                                    (apr_uint64_t)written, (apr_uint64_t)size);
    cloud_dav_row_t row = {.size = size,
                           .mtime = apr_time_sec(written),
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = name,
                           .name_len = strlen(name),
                           .etag = etag,
                           .etag_len = strlen(etag)};

    return cloud_listing_row(l, &row);
}

static cloud_err_t *add_assembly(cloud_listing_t *l, const cloud_upload_t *up)
{
    return add_chunk(l, ".file", up->received, up->touched);
}

cloud_err_t *cloud_listing_session(cloud_listing_t *l, int depth)
{
    apr_array_header_t *chunks;
    cloud_upload_t *up;

    CLOUD_ERR(cloud_upload_get(&up, l->ctx, l->t->account, l->t->session, l->pool));
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, "", 1, l->pool)));
    CLOUD_ERR(add_session(l, up, l->t->session));
    if (depth == 0) return NULL;
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, l->t->session, 1, l->pool)));
    CLOUD_ERR(cloud_chunk_list(&chunks, l->ctx, up, l->pool));
    for (int i = 0; i < chunks->nelts; i++) {
        const cloud_chunk_t *c = &APR_ARRAY_IDX(chunks, i, cloud_chunk_t);

        CLOUD_ERR(add_chunk(l, c->name, c->size, c->written));
    }
    return add_assembly(l, up);
}

cloud_err_t *cloud_listing_chunk(cloud_listing_t *l, int depth)
{
    apr_array_header_t *chunks;
    cloud_upload_t *up;

    (void)depth;
    CLOUD_ERR(cloud_upload_get(&up, l->ctx, l->t->account, l->t->session, l->pool));
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, l->t->session, 1, l->pool)));
    if (l->t->kind == CLOUD_DAV_ASSEMBLY) return add_assembly(l, up);
    CLOUD_ERR(cloud_chunk_list(&chunks, l->ctx, up, l->pool));
    for (int i = 0; i < chunks->nelts; i++) {
        const cloud_chunk_t *c = &APR_ARRAY_IDX(chunks, i, cloud_chunk_t);

        if (strcmp(c->name, l->t->chunk) == 0)
            return add_chunk(l, c->name, c->size, c->written);
    }
    return cloud_err(l->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located",
                     l->t->chunk);
}
