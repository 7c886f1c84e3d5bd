/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: remote.php/dav/trash-bin/<account>/, its properties, the capability, the job, and the
 * directives. What a trash is and does is in trash.h. */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "mod_cloud.h"
#include "mod_cloud_ocs.h"
#include "retention.h"
#include "space.h"
#include "trash.h"

extern module AP_MODULE_DECLARE_DATA cloud_trash_module;
APLOG_USE_MODULE(cloud_trash);

#define JOB_EVERY   apr_time_from_sec(600)
#define DISK_EVERY  apr_time_from_sec(10)
#define SWEEP_EVERY apr_time_from_sec(86400)

/* ---- rows ---- */

/* What a row of ours carries for its own properties: this, the location and its NUL. */
typedef struct {
    char tag[4];
    apr_uint32_t name_at;   /* where in the location the name begins */
    apr_int64_t deleted;    /* s */
} extra_t;

static const char TAG[4] = {'T', 'R', 'S', 'H'};

static const extra_t *extra_of(extra_t *extra, const cloud_dav_row_t *row)
{
    if (row->extra_len <= sizeof(*extra) || memcmp(row->extra, TAG, sizeof(TAG)) != 0) return NULL;
    memcpy(extra, row->extra, sizeof(*extra)); /* not aligned there */
    return extra;
}

static const char *location_of(const cloud_dav_row_t *row)
{
    return (const char *)row->extra + sizeof(extra_t);
}

static cloud_prop_state_t write_name(cloud_out_t *out, const cloud_dav_row_t *row,
                                     cloud_dav_view_t *view)
{
    const char *name;
    extra_t extra;

    (void)view;
    if (!extra_of(&extra, row)) return CLOUD_PROP_ABSENT;
    name = location_of(row) + extra.name_at;
    cloud_out_xml(out, name, strlen(name));
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_location(cloud_out_t *out, const cloud_dav_row_t *row,
                                         cloud_dav_view_t *view)
{
    extra_t extra;

    (void)view;
    if (!extra_of(&extra, row)) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, location_of(row), strlen(location_of(row)));
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_datetime(cloud_out_t *out, const cloud_dav_row_t *row,
                                         cloud_dav_view_t *view)
{
    extra_t extra;

    (void)view;
    if (!extra_of(&extra, row)) return CLOUD_PROP_ABSENT;
    cloud_out_date(out, extra.deleted);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_timestamp(cloud_out_t *out, const cloud_dav_row_t *row,
                                          cloud_dav_view_t *view)
{
    extra_t extra;

    (void)view;
    if (!extra_of(&extra, row)) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, extra.deleted);
    return CLOUD_PROP_VALUE;
}

static const cloud_dav_prop_t props[] = {
    {CLOUD_NS_OC, "trashbin-original-filename", 0, 0, write_name},
    {CLOUD_NS_OC, "trashbin-original-location", 0, 0, write_location},
    {CLOUD_NS_OC, "trashbin-delete-datetime", 0, 0, write_datetime},
    {CLOUD_NS_OC, "trashbin-delete-timestamp", 0, 0, write_timestamp},
    {NULL, NULL, 0, 0, NULL},
};

/* ---- listing ---- */

/* The deletion that rows tell of: their own, or that of the folder they lie in. */
typedef struct {
    cloud_dav_sink_t *sink;
    cloud_trash_item_t top;
    const char *below;      /* path of the folder inside of top, "" for top itself */
    apr_pool_t *pool;       /* cleared with each row */
} list_t;

static void set_extra(cloud_dav_row_t *row, const char *location, apr_time_t deleted,
                      apr_pool_t *pool)
{
    const char *slash = strrchr(location, '/');
    apr_size_t len = strlen(location) + 1;
    extra_t extra = {{0}, slash ? (apr_uint32_t)(slash + 1 - location) : 0, apr_time_sec(deleted)};
    char *data = apr_palloc(pool, sizeof(extra) + len);

    memcpy(extra.tag, TAG, sizeof(TAG));
    memcpy(data, &extra, sizeof(extra));
    memcpy(data + sizeof(extra), location, len);
    row->extra = data;
    row->extra_len = sizeof(extra) + len;
}

/* ETag and length of files alone, and neither id nor permissions: as ownCloud has it. */
static cloud_err_t *add_item(list_t *l, const cloud_trash_item_t *item, const char *name)
{
    char etag[CLOUD_ETAG_MAX];
    int is_dir = CLOUD_IS_DIR(&item->node);
    cloud_dav_row_t row = {.flags = is_dir ? CLOUD_ROW_DIR : 0,
                           .size = is_dir ? CLOUD_ROW_UNKNOWN : item->node.size,
                           .mtime = item->node.mtime,
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = name,
                           .name_len = strlen(name)};

    apr_pool_clear(l->pool);
    if (!is_dir) {
        row.etag = cloud_etag(etag, &item->node);
        row.etag_len = strlen(etag);
    }
    if (item->location) {
        row.mtime = apr_time_sec(item->deleted);
        set_extra(&row, item->location, item->deleted, l->pool);
    } else if (l->top.location) {
        set_extra(&row, apr_pstrcat(l->pool, l->top.location, *l->below ? "/" : "", l->below,
                                    *name ? "/" : "", name, NULL),
                  l->top.deleted, l->pool);
    }
    return l->sink->row(l->sink, &row);
}

static cloud_err_t *add_member(void *baton, const cloud_trash_item_t *item)
{
    return add_item(baton, item, item->node.name);
}

static cloud_err_t *add_bin(cloud_dav_sink_t *sink)
{
    static const cloud_dav_row_t row = {.flags = CLOUD_ROW_DIR,
                                        .size = CLOUD_ROW_UNKNOWN,
                                        .mtime = CLOUD_ROW_UNKNOWN,
                                        .created = CLOUD_ROW_UNKNOWN,
                                        .name = ""};

    CLOUD_ERR(sink->at(sink, ""));
    return sink->row(sink, &row);
}

/* The folder that path is in, and the last segment of path. */
static const char *parent_of(const char **name, const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    *name = slash ? slash + 1 : path;
    return slash ? apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)) : "";
}

static cloud_err_t *add_self(list_t *l, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                             const cloud_trash_item_t *self, apr_pool_t *pool)
{
    const char *slash = strchr(t->path, '/'), *name, *folder;

    if (!*t->path) return add_bin(l->sink);
    folder = parent_of(&name, t->path, pool);
    if (slash) {
        CLOUD_ERR(cloud_trash_stat(&l->top, ctx, t->account,
                                   apr_pstrmemdup(pool, t->path, (apr_size_t)(slash - t->path)),
                                   pool));
        l->below = strchr(folder, '/') ? strchr(folder, '/') + 1 : "";
    } else {
        l->top = *self;
        l->below = "";
    }
    CLOUD_ERR(l->sink->at(l->sink, folder));
    CLOUD_ERR(add_item(l, self, name));
    if (slash) l->below = slash + 1;
    return NULL;
}

static cloud_err_t *list(cloud_dav_sink_t *sink, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                         int depth, apr_pool_t *pool)
{
    list_t l = {.sink = sink, .below = ""};
    cloud_trash_item_t self;

    apr_pool_create(&l.pool, pool);
    CLOUD_ERR(cloud_trash_stat(&self, ctx, t->account, t->path, pool));
    CLOUD_ERR(add_self(&l, ctx, t, &self, pool));
    if (depth == 0 || !CLOUD_IS_DIR(&self.node)) return NULL;
    CLOUD_ERR(sink->at(sink, t->path));
    return cloud_trash_list(ctx, t->account, t->path, add_member, &l, pool);
}

/* ---- the other methods ---- */

static cloud_err_t *get(cloud_dav_content_t *content, cloud_ctx_t *ctx,
                        const cloud_dav_target_t *t, apr_pool_t *pool)
{
    cloud_trash_item_t item;

    content->fd = -1;
    CLOUD_ERR(cloud_trash_stat(&item, ctx, t->account, t->path, pool));
    if (CLOUD_IS_DIR(&item.node)) return NULL;
    return cloud_err(pool, CLOUD_E_DENIED, "Permission denied to read this file");
}

static cloud_err_t *del(cloud_ctx_t *ctx, const cloud_dav_target_t *t, apr_pool_t *pool)
{
    (void)pool;
    return *t->path ? cloud_trash_remove(ctx, t->account, t->path)
                    : cloud_trash_empty(ctx, t->account);
}

static cloud_err_t *restore(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                            const cloud_dav_target_t *dst, int overwrite,
                            const cloud_cond_t *dst_cond, apr_pool_t *pool)
{
    return cloud_trash_restore(res, ctx, t->account, t->path, dst->account, dst->path, overwrite,
                               dst_cond, pool);
}

static const cloud_dav_space_t space = {
    .name = "trash-bin",
    .with_user = 1,
    .list = list,
    .get = get,
    .remove = del,
    .move = restore,
};

/* ---- capability, directives ---- */

/* "dav" and "files" are there when mod_cloud_dav is; whoever comes first makes them. */
static json_t *object(json_t *parent, const char *name)
{
    json_t *child = json_object_get(parent, name);

    if (!child) {
        child = json_object();
        json_object_set_new(parent, name, child);
    }
    return child;
}

static cloud_err_t *capability(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r)
{
    (void)ctx;
    (void)r;
    json_object_set_new(object(capabilities, "dav"), "trashbin", json_string("1.0"));
    json_object_set_new(object(capabilities, "files"), "undelete", json_true());
    return NULL;
}

static const char *set_retention(cmd_parms *cmd, void *dir, const char *first, const char *second)
{
    (void)dir;
    return cloud_http_retention(cmd, CLOUD_RETAIN_TRASH, "trashbin_retention_obligation", first,
                                second);
}

static const command_rec commands[] = {
    AP_INIT_TAKE12("CloudTrashRetention", set_retention, NULL, RSRC_CONF,
                   "how long deleted files are kept: auto | D | D, auto | auto, D | D1, D2 | "
                   "disabled (days)"),
    {NULL},
};

/* ---- hooks ---- */

static apr_status_t unregister(void *data)
{
    (void)data;
    cloud_trash_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_space) *register_space =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_space);
    APR_OPTIONAL_FN_TYPE(cloud_dav_register_props) *register_props =
        APR_RETRIEVE_OPTIONAL_FN(cloud_dav_register_props);

    (void)ptemp;
    if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_trash_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    if (register_space) register_space(&space);
    if (register_props) register_props(props);
    cloud_register_capability(capability);
    cloud_register_job("trash expiry", JOB_EVERY, cloud_trash_job);
    cloud_register_job("trash disk", DISK_EVERY, cloud_trash_disk_step);
    cloud_register_job("trash directories", SWEEP_EVERY, cloud_trash_sweep_job);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    /* After mod_cloud_ocs: its capabilities make the objects that ours adds to. */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA cloud_trash_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, AP_MODULE_FLAG_NONE,
};
