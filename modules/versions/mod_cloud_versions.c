/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_versions.c
 * The module: remote.php/dav/meta/<file id>/ with the file's path for who asks, and .../v/ with its old
 * versions; capability, directive and jobs.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include <jansson.h>
#include <stdlib.h>

#include "mod_cloud.h"
#include "retention.h"
#include "space.h"
#include "versions.h"

APLOG_USE_MODULE(cloud_versions);

/* ---- places: "17", "17/v", "17/v/3" ---- */

typedef enum { PLACE_META, PLACE_LIST, PLACE_VERSION } place_kind_t;

typedef struct {
    place_kind_t kind;
    apr_int64_t node, number;
} place_t;

/* A plain decimal number that ends at a slash or the end; 0 when it is none. */
static int read_number(apr_int64_t *n, const char **p)
{
    apr_size_t len = strspn(*p, "0123456789");

    if (len == 0 || len > 18 || ((*p)[len] && (*p)[len] != '/')) return 0;
    *n = strtoll(*p, NULL, 10);
    *p += len;
    if (**p == '/') ++*p;
    return *n > 0;
}

/* The file, by its oc:fileid or (OC-FileId of an answer) its oc:id. */
static int read_node(apr_int64_t *node, const char **p, const cloud_store_t *store)
{
    apr_size_t len = strcspn(*p, "/");

    *node = cloud_fileid_parse(*p, len, store);
    *p += len;
    if (**p == '/') ++*p;
    return *node > 0;
}

static cloud_err_t *read_place(place_t *place, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                               apr_pool_t *pool)
{
    const char *p = t->path;

    memset(place, 0, sizeof(*place));
    if (read_node(&place->node, &p, ctx->store)) {
        if (!*p) return NULL;
        place->kind = PLACE_LIST;
        if (strcmp(p, "v") == 0) return NULL;
        place->kind = PLACE_VERSION;
        if (strncmp(p, "v/", 2) == 0) {
            p += 2;
            if (read_number(&place->number, &p) && !*p) return NULL;
        }
    }
    return cloud_err(pool, CLOUD_E_NOT_FOUND, NULL);
}

/* ---- properties ---- */

/* What rows carry for the writers below: a tag, then strings, each with its NUL. */
#define TAG_META "META" /* path */
#define TAG_VERS "VERS" /* author, author's name, tag */
#define TAG_LEN  4
#define STRINGS_VERS 3

/* String i of a row with that tag, or NULL. */
static const char *extra(const cloud_dav_row_t *row, const char *tag, int i)
{
    const char *p = row->extra, *end = p + row->extra_len;

    if (row->extra_len <= TAG_LEN || memcmp(p, tag, TAG_LEN) != 0) return NULL;
    for (p += TAG_LEN; i > 0 && p < end; i--) p += strlen(p) + 1;
    return p < end ? p : NULL;
}

static cloud_prop_state_t write_extra(cloud_out_t *out, const cloud_dav_row_t *row,
                                      const char *tag, int i)
{
    const char *text = extra(row, tag, i);

    if (!text) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, text, strlen(text));
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_path(cloud_out_t *out, const cloud_dav_row_t *row,
                                     cloud_dav_view_t *view)
{
    return write_extra(out, row, TAG_META, 0);
}

static cloud_prop_state_t write_author(cloud_out_t *out, const cloud_dav_row_t *row,
                                       cloud_dav_view_t *view)
{
    return write_extra(out, row, TAG_VERS, 0);
}

static cloud_prop_state_t write_author_name(cloud_out_t *out, const cloud_dav_row_t *row,
                                            cloud_dav_view_t *view)
{
    return write_extra(out, row, TAG_VERS, 1);
}

static cloud_prop_state_t write_tag(cloud_out_t *out, const cloud_dav_row_t *row,
                                    cloud_dav_view_t *view)
{
    return write_extra(out, row, TAG_VERS, 2);
}

static const cloud_dav_prop_t PROPS[] = {
    { CLOUD_NS_OC, "meta-path-for-user", 0, 0, write_path },
    { CLOUD_NS_OC, "meta-version-edited-by", 0, 0, write_author },
    { CLOUD_NS_OC, "meta-version-edited-by-name", 0, 0, write_author_name },
    { CLOUD_NS_OC, "meta-version-tag", 0, 0, write_tag },
    { NULL, NULL, 0, 0, NULL },
};

/* ---- listing ---- */

static const char *pack(apr_size_t *len, apr_pool_t *pool, const char *tag, const char *const *s,
                        int n)
{
    char *blob, *p;

    *len = TAG_LEN;
    for (int i = 0; i < n; i++) *len += strlen(s[i] ? s[i] : "") + 1;
    p = blob = apr_palloc(pool, *len);
    memcpy(p, tag, TAG_LEN);
    p += TAG_LEN;
    for (int i = 0; i < n; i++) {
        apr_size_t size = strlen(s[i] ? s[i] : "") + 1;

        memcpy(p, s[i] ? s[i] : "", size);
        p += size;
    }
    return blob;
}

static cloud_err_t *collection_row(cloud_dav_sink_t *sink, const char *name, const char *tag,
                                   const char *text, apr_pool_t *pool)
{
    const char *const strings[STRINGS_VERS] = { text, "", "" };
    cloud_dav_row_t row = { .flags = CLOUD_ROW_DIR, .name = name, .name_len = strlen(name),
                            .size = CLOUD_ROW_UNKNOWN, .mtime = CLOUD_ROW_UNKNOWN,
                            .created = CLOUD_ROW_UNKNOWN };

    row.extra = pack(&row.extra_len, pool, tag, strings, STRINGS_VERS);
    return sink->row(sink, &row);
}

typedef struct {
    cloud_dav_sink_t *sink;
    const char *file;       /* name of the file */
} members_t;

static cloud_err_t *version_row(void *baton, const cloud_version_t *v)
{
    members_t *m = baton;
    const char *const strings[STRINGS_VERS] = { v->author, v->author_name, v->tag };
    cloud_node_t node = { .etag = v->etag };
    cloud_dav_row_t row = { .size = v->size, .mtime = v->mtime, .sums = v->sums,
                            .created = CLOUD_ROW_UNKNOWN };
    char name[32], etag[CLOUD_ETAG_MAX];
    apr_pool_t *pool;
    cloud_err_t *err;

    apr_pool_create(&pool, m->sink->view->pool);
    row.name = name;
    row.name_len = (apr_size_t)apr_snprintf(name, sizeof(name), "%" APR_INT64_T_FMT, v->number);
    row.etag = cloud_etag(etag, &node);
    row.etag_len = strlen(row.etag);
    row.type = cloud_mime_type(m->file);
    row.extra = pack(&row.extra_len, pool, TAG_VERS, strings, STRINGS_VERS);
    err = m->sink->row(m->sink, &row);
    apr_pool_destroy(pool);
    return err;
}

static cloud_err_t *list_version(members_t *m, cloud_ctx_t *ctx, const place_t *place,
                                 apr_pool_t *pool)
{
    cloud_version_t *v;

    CLOUD_ERR(cloud_version_get(&v, ctx, place->node, place->number, pool));
    CLOUD_ERR(m->sink->at(m->sink, apr_psprintf(pool, "%" APR_INT64_T_FMT "/v", place->node)));
    return version_row(m, v);
}

static cloud_err_t *list(cloud_dav_sink_t *sink, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                         int depth, apr_pool_t *pool)
{
    members_t m = { sink, NULL };
    cloud_entry_t *file;
    place_t place;

    CLOUD_ERR(read_place(&place, ctx, t, pool));
    CLOUD_ERR(cloud_versions_file(&file, ctx, t->account, place.node, pool));
    m.file = cloud_entry_shown_name(file, pool);
    if (place.kind == PLACE_VERSION) return list_version(&m, ctx, &place, pool);
    CLOUD_ERR(sink->at(sink, t->path));
    if (place.kind == PLACE_META) {
        CLOUD_ERR(collection_row(sink, "", TAG_META, apr_pstrcat(pool, "/", file->path, NULL),
                                 pool));
        return depth ? collection_row(sink, "v", TAG_VERS, "", pool) : NULL;
    }
    if (CLOUD_IS_DIR(&file->node)) return cloud_err(pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(collection_row(sink, "", TAG_VERS, "", pool));
    return depth ? cloud_versions_each(ctx, place.node, version_row, &m) : NULL;
}

/* ---- methods ---- */

static cloud_err_t *get(cloud_dav_content_t *content, cloud_ctx_t *ctx,
                        const cloud_dav_target_t *t, apr_pool_t *pool)
{
    cloud_node_t node = { 0 };
    cloud_entry_t *file;
    cloud_version_t *v;
    place_t place;

    CLOUD_ERR(read_place(&place, ctx, t, pool));
    if (place.kind != PLACE_VERSION) return cloud_versions_file(&file, ctx, t->account, place.node,
                                                                pool);
    CLOUD_ERR(cloud_version_open(&content->fd, &file, &v, ctx, t->account, place.node,
                                 place.number, pool));
    node.etag = v->etag;
    content->size = v->size;
    content->mtime = v->mtime;
    content->name = cloud_entry_shown_name(file, pool);
    content->etag = cloud_etag(apr_palloc(pool, CLOUD_ETAG_MAX), &node);
    content->sums = v->sums;
    return NULL;
}

/* A version, or DENIED: the rest of the space is fixed. */
static cloud_err_t *version_place(place_t *place, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                                  apr_pool_t *pool)
{
    cloud_entry_t *file;

    CLOUD_ERR(read_place(place, ctx, t, pool));
    if (place->kind == PLACE_VERSION) return NULL;
    CLOUD_ERR(cloud_versions_file(&file, ctx, t->account, place->node, pool));
    return cloud_err(pool, CLOUD_E_DENIED, NULL);
}

static cloud_err_t *copy(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                         const cloud_dav_target_t *dst, int overwrite,
                         const cloud_cond_t *dst_cond, apr_pool_t *pool)
{
    place_t place;

    CLOUD_ERR(version_place(&place, ctx, t, pool));
    return cloud_version_copy(res, ctx, t->account, place.node, place.number, dst->account,
                              dst->path, overwrite, dst_cond, pool);
}

static cloud_err_t *remove_version(cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                                   apr_pool_t *pool)
{
    place_t place;

    CLOUD_ERR(version_place(&place, ctx, t, pool));
    return cloud_version_remove(ctx, t->account, place.node, place.number, pool);
}

static const cloud_dav_space_t META = {
    .name = "meta",
    .list = list,
    .get = get,
    .remove = remove_version,
    .copy = copy,
};

/* ---- the module ---- */

static cloud_err_t *capabilities(json_t *all, cloud_ctx_t *ctx, request_rec *r)
{
    json_t *files = json_object_get(all, "files");

    if (!files) json_object_set_new(all, "files", files = json_object());
    json_object_set_new(files, "versioning", json_true());
    return NULL;
}

static const char *set_retention(cmd_parms *cmd, void *dir, const char *first, const char *second)
{
    return cloud_http_retention(cmd, CLOUD_RETAIN_VERSIONS, "versions_retention_obligation", first,
                                second);
}

static const command_rec commands[] = {
    AP_INIT_TAKE12("CloudVersionsRetention", set_retention, NULL, RSRC_CONF,
                     "how long old versions are kept, in days: auto | D, auto | auto, D | D1, D2 "
                     "| disabled"),
    { NULL }
};

static apr_status_t unregister(void *unused)
{
    cloud_versions_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_space) *add_space =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_space);
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_props) *add_props =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_props);

    if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_versions_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    if (add_space && add_props) {
        add_space(&META);
        add_props(PROPS);
        cloud_register_capability(capabilities);
    }
    cloud_register_job("versions expiry", apr_time_from_sec(1800), cloud_versions_expire_step);
    cloud_register_job("versions space", apr_time_from_sec(60), cloud_versions_space_step);
    cloud_register_job("versions disk", apr_time_from_sec(10), cloud_versions_disk_step);
    cloud_register_job("versions directories", apr_time_from_sec(86400), cloud_versions_sweep_job);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cloud_versions_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    commands,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
