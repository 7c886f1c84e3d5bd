/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file folder.c
 * The page of a folder: what is in it, to be looked at and fetched.
 */
#include "web.h"
#include "mount.h"

#define ROWS 500        /* of a page */

typedef struct {
    const char *name;
    int folder;
    apr_int64_t size, mtime;
} row_t;

typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const cloud_entry_t *entry;     /* the folder */
    const cloud_entry_t *first;     /* what is shown before the others, or NULL */
    apr_array_header_t *rows;       /* row_t: those of this page */
    apr_int64_t number, count;      /* of the page, from 1 on; of all rows */
} folder_t;

const char *web_folder_path(const char *dir, const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, FILES_PATH "/?dir=/", cloud_uri_encode(dir, 1, pool),
                       name ? "&scrollto=" : "", name ? cloud_uri_encode(name, 0, pool) : "", NULL);
}

/* ---- what is in it ---- */

static cloud_err_t *add_row(void *baton, const cloud_child_t *child)
{
    folder_t *f = baton;
    const cloud_node_t *node = child->node;
    row_t *row;

    if (f->count++ / ROWS + 1 != f->number) return NULL;
    row = apr_array_push(f->rows);
    row->name = apr_pstrdup(f->r->pool, child->mount_root ? child->name
                                        : cloud_name_shown(node->name, node->disk, f->r->pool));
    row->folder = CLOUD_IS_DIR(node);
    row->size = node->size;
    row->mtime = node->mtime;
    return NULL;
}

static const char *below(const folder_t *f, const char *name)
{
    return apr_pstrcat(f->r->pool, f->entry->path, *f->entry->path ? "/" : "", name, NULL);
}

/* A name that is not there any more is left out. */
static cloud_err_t *find_first(folder_t *f, const char *name)
{
    cloud_entry_t *entry;
    cloud_err_t *err;

    if (!name || !*name || strchr(name, '/')) return NULL;
    err = cloud_file_stat(&entry, f->ctx, f->account, below(f, name), f->r->pool);
    if (!err && !CLOUD_IS_DIR(&entry->node)) f->first = entry;
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_INVALID_NAME) ? NULL
                                                                                         : err;
}

static cloud_err_t *look(folder_t *f, request_rec *r, const cloud_params_t *params)
{
    const char *dir = cloud_param(params, "dir");
    cloud_entry_t *entry;

    f->r = r;
    f->rows = apr_array_make(r->pool, 32, sizeof(row_t));
    CLOUD_ERR(cloud_param_int(&f->number, params, "page", 1, 1, 1000000));
    CLOUD_ERR(cloud_http_ctx(&f->ctx, r));
    CLOUD_ERR(cloud_mounts_settle(f->ctx, f->account));
    CLOUD_ERR(cloud_file_stat(&entry, f->ctx, f->account, dir ? dir : "", r->pool));
    f->entry = entry;
    if (!CLOUD_IS_DIR(&entry->node)) return cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(cloud_file_list(f->ctx, entry, add_row, f));
    return find_first(f, cloud_param(params, "scrollto"));
}

/* ---- the page ---- */

static const char *human(apr_int64_t bytes, apr_pool_t *pool)
{
    static const char *const UNITS[] = { "B", "KB", "MB", "GB", "TB", "PB" };
    double size = (double)bytes;
    int i = 0;

    while (size >= 1024 && i < 5) {
        size /= 1024;
        i++;
    }
    return apr_psprintf(pool, i && size < 10 ? "%.1f %s" : "%.0f %s", size, UNITS[i]);
}

static const char *date(apr_int64_t mtime, apr_pool_t *pool)
{
    char text[32] = "";
    apr_time_exp_t t;
    apr_size_t len;

    if (apr_time_exp_gmt(&t, apr_time_from_sec(mtime)) == APR_SUCCESS)
        apr_strftime(text, &len, sizeof(text), "%Y-%m-%d %H:%M", &t);
    return apr_pstrdup(pool, text);
}

/* Address of a file, or of an archive of the folder (name NULL). */
static const char *download(const folder_t *f, const char *name)
{
    apr_pool_t *pool = f->r->pool;

    return apr_pstrcat(pool, cloud_http_uri(f->r, CLOUD_ARCHIVE_DOWNLOAD, "", pool), "?dir=/",
                       cloud_uri_encode(f->entry->path, 1, pool), name ? "&files[]=" : "",
                       name ? cloud_uri_encode(name, 0, pool) : "", NULL);
}

static const char *address(const folder_t *f, const char *dir)
{
    return apr_pstrcat(f->r->pool, cloud_http_uri(f->r, "", "", f->r->pool),
                       web_folder_path(dir, NULL, f->r->pool), NULL);
}

static void put_trail(cloud_page_t *page, const folder_t *f)
{
    apr_array_header_t *segments;

    cloud_page_put(page, "<nav aria-label=\"Folders above\"><ol class=\"trail\">\n"
                   "<li><a href=\"%s\">Files</a></li>\n", address(f, ""));
    if (!cloud_path_split(&segments, f->entry->path, f->r->pool)) {
        for (int i = 0; i < segments->nelts; i++) {
            cloud_page_put(page, "<li><a href=\"%s\"%h>%s</a></li>\n",
                           address(f, cloud_path_join(segments, i + 1, f->r->pool)),
                           i + 1 == segments->nelts ? " aria-current=\"page\"" : "",
                           APR_ARRAY_IDX(segments, i, const char *));
        }
    }
    cloud_page_put(page, "</ol></nav>\n");
}

static void put_first(cloud_page_t *page, const folder_t *f)
{
    const cloud_entry_t *e = f->first;

    if (!e) return;
    cloud_page_put(page, "<section aria-label=\"The file\"><h2>%s</h2>\n<p class=\"soft\">%s, %s UTC</p>\n"
                   "<a class=\"button\" href=\"%s\">Download</a></section>\n", e->name,
                   human(e->node.size, f->r->pool), date(e->node.mtime, f->r->pool),
                   download(f, e->name));
}

static void put_row(cloud_page_t *page, const folder_t *f, const row_t *row)
{
    cloud_page_put(page, "<tr><td class=\"name\"><a href=\"%s\">%s%s</a></td>"
                   "<td class=\"meta num\">%s</td><td class=\"meta\">%s</td><td class=\"check\"><label>"
                   "<input type=\"checkbox\" name=\"files[]\" value=\"%s\"><span class=\"hidden\">"
                   "Select %s</span></label></td></tr>\n",
                   row->folder ? address(f, below(f, row->name)) : download(f, row->name), row->name,
                   row->folder ? "/" : "", human(row->size, f->r->pool), date(row->mtime, f->r->pool),
                   row->name, row->name);
}

static void put_turn(cloud_page_t *page, const folder_t *f, apr_int64_t number, const char *text)
{
    if (number < 1 || (number - 1) * ROWS >= f->count) return;
    cloud_page_put(page, "<a class=\"button quiet\" href=\"%s\">%s</a>\n",
                   apr_psprintf(f->r->pool, "%s&page=%" APR_INT64_T_FMT, address(f, f->entry->path),
                                number), text);
}

static void put_rows(cloud_page_t *page, const folder_t *f)
{
    if (!f->count) {
        cloud_page_put(page, "<div class=\"card\"><p>This folder is empty.</p></div>\n");
        return;
    }
    cloud_page_put(page, "<div class=\"card\">\n");
    cloud_page_form(page, CLOUD_ARCHIVE_DOWNLOAD);
    cloud_page_put(page, "<input type=\"hidden\" name=\"dir\" value=\"/%s\">\n<table class=\"files\">\n"
                   "<thead><tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"num\">Size</th>"
                   "<th scope=\"col\">Changed (UTC)</th><th scope=\"col\" class=\"check\">"
                   "<span class=\"hidden\">Selection</span></th></tr></thead>\n<tbody>\n",
                   f->entry->path);
    for (int i = 0; i < f->rows->nelts; i++) put_row(page, f, &APR_ARRAY_IDX(f->rows, i, row_t));
    cloud_page_put(page, "</tbody></table>\n<button>Download the selected</button>\n</form>\n");
    put_turn(page, f, f->number - 1, "Before");
    put_turn(page, f, f->number + 1, "More");
    cloud_page_put(page, "<a class=\"button quiet\" href=\"%s\">Download all of this folder</a>\n</div>\n",
                   download(f, NULL));
}

static int show(request_rec *r, const folder_t *f)
{
    cloud_page_t *page = cloud_page_create(r, *f->entry->path ? f->entry->name : "Files");

    put_trail(page, f);
    put_first(page, f);
    put_rows(page, f);
    cloud_page_put(page, "<p><a href=\"%s\">Your account</a></p>\n",
                   cloud_http_uri(r, "/index.php/settings/personal", "", r->pool));
    return cloud_page_send(page, HTTP_OK);
}

int web_folder(request_rec *r, const char *rest)
{
    cloud_params_t *params = cloud_params_create(r->pool);
    folder_t f = { 0 };
    cloud_err_t *err;
    int status;

    if (web_no_method(&status, r)) return status;
    if (*rest && strcmp(rest, "/") != 0)
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL));
    err = cloud_login_any(&f.account, r);
    if (!err && !f.account) return cloud_login_ask(r);
    if (!err && r->args) err = cloud_params_add(params, r->args, strlen(r->args));
    if (!err) err = look(&f, r, params);
    return err ? cloud_http_error(r, err) : show(r, &f);
}
