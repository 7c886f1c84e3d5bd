/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a link shows: a folder with what is in it, a file, or a place to put files. */
#include "links_http.h"

#include "names.h"

#define ROWS_MAX 500 /* of a folder on one page */

/* ---- texts ---- */

static const char *size_text(apr_int64_t size, apr_pool_t *pool)
{
    static const char *const UNITS[] = { "KB", "MB", "GB", "TB", "PB" };
    double n = (double)size / 1000;
    int i = 0;

    if (size < 1000) {
        return apr_psprintf(pool, "%d B", (int)size);
    }
    while (n >= 1000 && i < 4) {
        n /= 1000;
        i++;
    }
    return apr_psprintf(pool, n < 10 ? "%.1f %s" : "%.0f %s", n, UNITS[i]);
}

/* As attribute of <time>, and for people. */
static void put_time(cloud_page_t *page, apr_int64_t seconds, apr_pool_t *pool)
{
    apr_time_exp_t t;

    if (apr_time_exp_gmt(&t, apr_time_from_sec(seconds)) != APR_SUCCESS) {
        return;
    }
    cloud_page_put(page, "<time datetime=\"%s\">%s</time>",
                   apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900,
                                t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec),
                   apr_psprintf(pool, "%04d-%02d-%02d %02d:%02d", t.tm_year + 1900, t.tm_mon + 1,
                                t.tm_mday, t.tm_hour, t.tm_min));
}

static const char *join(const char *folder, const char *name, apr_pool_t *pool)
{
    return *folder ? apr_pstrcat(pool, folder, "/", name, NULL) : name;
}

/* ---- addresses ---- */

static const char *base_url(const links_request_t *q)
{
    return cloud_http_uri(q->r, q->base, "", q->r->pool);
}

static const char *folder_url(const links_request_t *q, const char *path)
{
    return *path ? apr_pstrcat(q->r->pool, base_url(q), "?path=/",
                               cloud_uri_encode(path, 1, q->r->pool), NULL)
                 : base_url(q);
}

/* files NULL: all of the folder. */
static const char *download_url(const links_request_t *q, const char *path, const char *file)
{
    return apr_pstrcat(q->r->pool, base_url(q), "/download?path=/",
                       cloud_uri_encode(path, 1, q->r->pool), file ? "&files=" : "",
                       file ? cloud_uri_encode(file, 0, q->r->pool) : "", NULL);
}

/* ---- pieces ---- */

static void put_news(cloud_page_t *page, const links_request_t *q, int done,
                     const apr_array_header_t *failed)
{
    int i;

    if (done) {
        cloud_page_put(page, "<p class=\"done\" role=\"status\">%s</p>\n",
                       done == 1 ? "One file was uploaded. Thank you."
                                 : apr_psprintf(q->r->pool, "%d files were uploaded. Thank you.",
                                                done));
    }
    for (i = 0; failed && i < failed->nelts; i++) {
        cloud_page_put(page, "<p class=\"error\" role=\"alert\">%s</p>\n",
                       APR_ARRAY_IDX(failed, i, const char *));
    }
}

static void put_sharer(cloud_page_t *page, const links_request_t *q)
{
    cloud_page_put(page, "<p class=\"soft\">Shared by %s", q->link->sharer_name);
    if (q->link->expires) {
        cloud_page_put(page, " until ");
        put_time(page, q->link->expires, q->r->pool);
        cloud_page_put(page, " UTC");
    }
    cloud_page_put(page, "</p>\n");
}

static void put_upload(cloud_page_t *page, const links_request_t *q, const char *path)
{
    cloud_page_put(page, "<section aria-labelledby=\"upload\">\n<h2 id=\"upload\">Upload files</h2>\n");
    cloud_page_upload_form(page, apr_pstrcat(q->r->pool, q->base, "/upload", NULL));
    cloud_page_put(page,
                   "<input type=\"hidden\" name=\"path\" value=\"%s\">\n"
                   "<label for=\"files\">Files from this device</label>\n"
                   "<input type=\"file\" id=\"files\" name=\"files\" multiple required>\n"
                   "<button type=\"submit\">Upload</button>\n</form>\n", path);
    cloud_page_put(page, "<p class=\"soft\">Nothing is replaced: where there is a file of the same name, "
                   "the new one gets a number.</p>\n</section>\n");
}

/* ---- a folder ---- */

typedef struct {
    const char *name;
    int is_dir;
    apr_int64_t size, mtime;
} row_t;

/* A part of a folder: no more of it is read than is shown, however large it is. */
typedef struct {
    const links_request_t *q;
    cloud_page_t *page;
    const char *path;
    apr_array_header_t *rows;  /* row_t, in order of name */
    int earlier, later;        /* whether there is more before and behind them */
} list_t;

static void put_row(list_t *l, const row_t *row, int number)
{
    const links_request_t *q = l->q;
    apr_pool_t *pool = q->r->pool;
    const char *id = apr_psprintf(pool, "f%d", number);

    cloud_page_put(l->page, "<tr><td class=\"name\"><a href=\"%s\">%s%h</a></td>",
                   row->is_dir ? folder_url(q, join(l->path, row->name, pool))
                               : download_url(q, l->path, row->name),
                   row->name, row->is_dir ? "/" : "");
    cloud_page_put(l->page, "<td class=\"num meta\">%s</td><td class=\"num meta\">",
                   size_text(row->size, pool));
    put_time(l->page, row->mtime, pool);
    cloud_page_put(l->page,
                   "</td><td class=\"check\"><label for=\"%s\"><span class=\"hidden\">Select %s</span>"
                   "<input type=\"checkbox\" id=\"%s\" name=\"files[]\" value=\"%s\"></label></td>"
                   "</tr>\n", id, row->name, id, row->name);
}

/* Of those that are shown folders come first. */
static void put_rows(list_t *l)
{
    int i, dirs, number = 0;

    for (dirs = 1; dirs >= 0; dirs--) {
        for (i = 0; i < l->rows->nelts; i++) {
            const row_t *row = &APR_ARRAY_IDX(l->rows, i, row_t);

            if (row->is_dir == dirs) {
                put_row(l, row, ++number);
            }
        }
    }
}

static cloud_err_t *add_row(void *baton, const cloud_child_t *child)
{
    list_t *l = baton;
    row_t *row = apr_array_push(l->rows);

    row->name = apr_pstrdup(l->q->r->pool, child->name);
    row->is_dir = CLOUD_IS_DIR(child->node);
    row->size = child->node->size;
    row->mtime = child->node->mtime;
    return NULL;
}

static void reverse(apr_array_header_t *rows)
{
    int i, k;

    for (i = 0, k = rows->nelts - 1; i < k; i++, k--) {
        row_t row = APR_ARRAY_IDX(rows, i, row_t);

        APR_ARRAY_IDX(rows, i, row_t) = APR_ARRAY_IDX(rows, k, row_t);
        APR_ARRAY_IDX(rows, k, row_t) = row;
    }
}

/* ?after=NAME and ?before=NAME; one row more than is shown says whether there are more. */
static cloud_err_t *read_rows(list_t *l, const cloud_entry_t *folder)
{
    const char *after = cloud_param(l->q->query, "after"), *before = cloud_param(l->q->query, "before");
    const cloud_part_t part = { before ? before : after ? after : "", before != NULL, ROWS_MAX + 1 };
    int more;

    l->rows = apr_array_make(l->q->r->pool, 32, sizeof(row_t));
    CLOUD_ERR(cloud_file_list_part(l->q->ctx, folder, &part, add_row, l));
    more = l->rows->nelts > ROWS_MAX;
    if (more) {
        l->rows->nelts = ROWS_MAX;
    }
    if (before) {
        reverse(l->rows);
    }
    l->earlier = before ? more : after != NULL;
    l->later = before ? 1 : more;
    return NULL;
}

/* "folder / sub / here" */
static void put_trail(cloud_page_t *page, const links_request_t *q, const char *path)
{
    const char *end = path;
    apr_pool_t *pool = q->r->pool;

    if (!*path) {
        return;
    }
    cloud_page_put(page, "<nav aria-label=\"Folder\"><ol class=\"trail\">\n"
                   "<li><a href=\"%s\">%s</a></li>\n", base_url(q),
                   *q->link->name ? q->link->name : "Files");
    while (*end) {
        const char *begin = end + (*end == '/');
        const char *name;

        end = begin + strcspn(begin, "/");
        name = apr_pstrmemdup(pool, begin, (apr_size_t)(end - begin));
        if (*end) {
            cloud_page_put(page, "<li><a href=\"%s\">%s</a></li>\n",
                           folder_url(q, apr_pstrmemdup(pool, path, (apr_size_t)(end - path))),
                           name);
        }
        else {
            cloud_page_put(page, "<li><span aria-current=\"page\">%s</span></li>\n", name);
        }
    }
    cloud_page_put(page, "</ol></nav>\n");
}

static void put_turn(const list_t *l, const char *text, const char *rel, const char *what,
                     int row)
{
    apr_pool_t *pool = l->q->r->pool;

    cloud_page_put(l->page, "<a class=\"button quiet\" rel=\"%s\" href=\"%s\">%s</a>", rel,
                   apr_pstrcat(pool, folder_url(l->q, l->path), *l->path ? "&" : "?", what, "=",
                               cloud_uri_encode(APR_ARRAY_IDX(l->rows, row, row_t).name, 0, pool),
                               NULL), text);
}

static void put_turns(const list_t *l)
{
    if (!l->rows->nelts || (!l->earlier && !l->later)) {
        return;
    }
    cloud_page_put(l->page, "<nav aria-label=\"Pages\"><p>");
    if (l->earlier) {
        put_turn(l, "Back", "prev", "before", 0);
    }
    if (l->later) {
        put_turn(l, "More", "next", "after", l->rows->nelts - 1);
    }
    cloud_page_put(l->page, "</p></nav>\n");
}

static cloud_err_t *put_folder(cloud_page_t *page, const links_request_t *q,
                               const cloud_entry_t *folder)
{
    list_t l = { .q = q, .page = page, .path = folder->path };

    CLOUD_ERR(read_rows(&l, folder));
    put_trail(page, q, folder->path);
    cloud_page_put(page, "<section aria-label=\"Files\">\n");
    cloud_page_form(page, apr_pstrcat(q->r->pool, q->base, "/download", NULL)); /* no address has room */
    cloud_page_put(page, "<input type=\"hidden\" name=\"path\" value=\"/%s\">\n"
                   "<table class=\"files\">\n<thead><tr><th scope=\"col\">Name</th>"
                   "<th scope=\"col\" class=\"num\">Size</th>"
                   "<th scope=\"col\" class=\"num\">Changed (UTC)</th>"
                   "<th scope=\"col\" class=\"check\"><span class=\"hidden\">Select</span></th></tr>"
                   "</thead>\n<tbody>\n", folder->path);
    put_rows(&l);
    cloud_page_put(page, "</tbody></table>\n");
    if (!l.rows->nelts) {
        cloud_page_put(page, "<p class=\"soft\">There is nothing %sin this folder.</p>\n",
                       l.earlier || l.later ? "more " : "");
    }
    else if (links_has_archives()) {
        cloud_page_put(page, "<p><a class=\"button\" href=\"%s\">Download all</a>"
                       "<button class=\"quiet\" type=\"submit\">Download selected</button></p>\n",
                       download_url(q, folder->path, NULL));
    }
    cloud_page_put(page, "</form>\n");
    put_turns(&l);
    cloud_page_put(page, "</section>\n");
    return NULL;
}

/* ---- a file ---- */

static void put_file(cloud_page_t *page, const links_request_t *q, const cloud_node_t *node)
{
    cloud_page_put(page, "<section aria-label=\"File\">\n<p>%s, changed ",
                   size_text(node->size, q->r->pool));
    put_time(page, node->mtime, q->r->pool);
    cloud_page_put(page, " UTC</p>\n<p><a class=\"button\" href=\"%s/download\">Download</a></p>\n"
                   "</section>\n", base_url(q));
}

/* ---- all together ---- */

static const char *title_of(const links_request_t *q, const cloud_entry_t *e)
{
    if (cloud_link_is_drop(q->link)) {
        return apr_psprintf(q->r->pool, "Upload files to %s", q->link->sharer_name);
    }
    if (e && *e->path) {
        return e->name;
    }
    return *q->link->name ? q->link->name : "Files";
}

static cloud_err_t *show(cloud_page_t **page, links_request_t *q, int done,
                         const apr_array_header_t *failed)
{
    int drop = cloud_link_is_drop(q->link);
    cloud_entry_t *e = NULL;

    if (!drop) {
        CLOUD_ERR(cloud_file_stat(&e, q->ctx, q->link->account, q->link->is_dir ? q->path : "",
                                  q->r->pool));
        if (!CLOUD_IS_DIR(&e->node)) {
            return cloud_err(q->r->pool, CLOUD_E_NOT_FOUND, NULL);
        }
    }
    *page = links_page_create(q->r, title_of(q, e));
    put_sharer(*page, q);
    put_news(*page, q, done, failed);
    if (!drop && !q->link->is_dir) {
        put_file(*page, q, &e->node);
    }
    else if (!drop) {
        CLOUD_ERR(put_folder(*page, q, e));
    }
    if (q->link->is_dir && (q->link->perms & CLOUD_PERM_CREATE)) {
        put_upload(*page, q, drop ? "" : e->path);
    }
    return NULL;
}

int links_show(links_request_t *q, int done, const apr_array_header_t *failed)
{
    cloud_page_t *page = NULL;
    cloud_err_t *err = show(&page, q, done, failed);

    return err ? cloud_http_error(q->r, err) : cloud_page_send(page, HTTP_OK);
}
