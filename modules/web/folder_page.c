/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "folder_page.h"

#include <string.h>

#include "names.h"

/* ---- texts ---- */

const char *cloud_folder_size(apr_int64_t bytes, apr_pool_t *pool)
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

void cloud_folder_put_time(cloud_page_t *page, apr_int64_t seconds, apr_pool_t *pool)
{
    char whole[32], text[32];
    apr_time_exp_t t;
    apr_size_t len;

    if (apr_time_exp_gmt(&t, apr_time_from_sec(seconds)) != APR_SUCCESS) {
        return;
    }
    apr_strftime(whole, &len, sizeof(whole), "%Y-%m-%dT%H:%M:%SZ", &t);
    apr_strftime(text, &len, sizeof(text), "%Y-%m-%d %H:%M", &t);
    cloud_page_put(page, "<time datetime=\"%s\">%s</time>", apr_pstrdup(pool, whole),
                   apr_pstrdup(pool, text));
}

static const char *count(apr_int64_t n, const char *one, const char *more, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " %s", n, n == 1 ? one : more);
}

static const char *join(const char *folder, const char *name, apr_pool_t *pool)
{
    return *folder ? apr_pstrcat(pool, folder, "/", name, NULL) : name;
}

/* ---- the way ---- */

void cloud_folder_put_trail(cloud_page_t *page, const cloud_folder_page_t *f)
{
    const char *path = f->folder->path, *above, *name;
    apr_pool_t *pool = f->r->pool;
    apr_array_header_t *names;
    int i;

    if (!*path || cloud_path_split(&names, path, pool)) {
        return;
    }
    cloud_page_put(page, "<nav aria-label=\"Folders above\">\n<ol class=\"trail\">\n"
                   "<li><a href=\"%s\"><bdi>%s</bdi></a></li>\n", f->folder_url(f->baton, ""), f->top);
    for (i = 0; i < names->nelts - 1; i++) {
        cloud_page_put(page, "<li><a href=\"%s\"><bdi>%s</bdi></a></li>\n",
                       f->folder_url(f->baton, cloud_path_join(names, i + 1, pool)),
                       APR_ARRAY_IDX(names, i, const char *));
    }
    cloud_page_put(page, "<li><span aria-current=\"page\"><bdi>%s</bdi></span></li>\n</ol>\n",
                   APR_ARRAY_IDX(names, i, const char *));
    above = cloud_path_join(names, i, pool);
    name = i ? APR_ARRAY_IDX(names, i - 1, const char *) : f->top;
    cloud_page_put(page, "<p><a rel=\"up\" href=\"%s\">Up to <bdi>%s</bdi></a></p>\n</nav>\n",
                   f->folder_url(f->baton, above), name);
}

/* ---- what is in it ---- */

/* The folder's address with more parameters. */
static const char *with_query(const cloud_folder_page_t *f, const char *query)
{
    const char *url = f->folder_url(f->baton, f->folder->path);

    return *query ? apr_pstrcat(f->r->pool, url, strchr(url, '?') ? "&" : "?", query, NULL) : url;
}

/* A column sorts by what it shows: names and sizes from the small end on, times from the newest; once more,
 * the other way round. */
static void put_column(cloud_page_t *page, const cloud_folder_page_t *f, const cloud_rows_t *rows,
                       cloud_rows_key_t key)
{
    static const struct {
        const char *title, *class;
        int descending;
    } COLUMNS[] = {
        [CLOUD_BY_NAME] = { "Name", "", 0 },
        [CLOUD_BY_SIZE] = { "Size", " class=\"num\"", 1 },
        [CLOUD_BY_TIME] = { "Changed (UTC)", " class=\"num\"", 1 },
    };
    int mine = rows->sorted && rows->key == key;
    int down = mine ? !rows->descending : COLUMNS[key].descending;

    cloud_page_put(page, "<th scope=\"col\"%h", COLUMNS[key].class);
    if (!rows->sorted) {
        cloud_page_put(page, ">%s</th>", COLUMNS[key].title);
        return;
    }
    if (mine) {
        cloud_page_put(page, " aria-sort=\"%s\"", rows->descending ? "descending" : "ascending");
    }
    cloud_page_put(page, "><a href=\"%s\">%s%h</a></th>",
                   with_query(f, cloud_rows_sort(key, down, f->r->pool)), COLUMNS[key].title,
                   !mine ? "" : rows->descending ? "<span aria-hidden=\"true\"> \xe2\x96\xbc</span>"
                                                 : "<span aria-hidden=\"true\"> \xe2\x96\xb2</span>");
}

static void put_row(cloud_page_t *page, const cloud_folder_page_t *f, const cloud_row_t *row,
                    int number)
{
    const char *path = f->folder->path, *id = apr_psprintf(f->r->pool, "f%d", number);
    apr_pool_t *pool = f->r->pool;

    cloud_page_put(page, "<tr><td class=\"name\"><a href=\"%s\"><bdi>%s</bdi>%h</a></td>"
                   "<td class=\"num meta\">%s</td><td class=\"num meta\">",
                   row->is_dir ? f->folder_url(f->baton, join(path, row->name, pool))
                               : f->download_url(f->baton, path, row->name),
                   row->name, row->is_dir ? "/" : "", cloud_folder_size(row->size, pool));
    cloud_folder_put_time(page, row->mtime, pool);
    if (f->form) {
        cloud_page_put(page, "</td><td class=\"check\"><label for=\"%s\"><span class=\"hidden\">Select "
                       "%s</span><input type=\"checkbox\" id=\"%s\" name=\"files[]\" value=\"%s\">"
                       "</label>", id, row->name, id, row->name);
    }
    cloud_page_put(page, "</td></tr>\n");
}

static void put_caption(cloud_page_t *page, const cloud_rows_t *rows, apr_pool_t *pool)
{
    if (!rows->counted) {
        cloud_page_put(page, "<caption>More than %s files and folders, by name</caption>\n",
                       apr_itoa(pool, CLOUD_ROWS_SORTED));
        return;
    }
    cloud_page_put(page, "<caption>%s and %s, %s in all%h</caption>\n",
                   count(rows->folders, "folder", "folders", pool),
                   count(rows->files, "file", "files", pool), cloud_folder_size(rows->size, pool),
                   rows->sorted ? "" : ", by name");
}

static void put_table(cloud_page_t *page, const cloud_folder_page_t *f, const cloud_rows_t *rows)
{
    int i;

    cloud_page_put(page, "<table class=\"files\">\n");
    put_caption(page, rows, f->r->pool);
    cloud_page_put(page, "<thead><tr>");
    for (i = CLOUD_BY_NAME; i <= CLOUD_BY_TIME; i++) {
        put_column(page, f, rows, (cloud_rows_key_t)i);
    }
    cloud_page_put(page, "%h</tr></thead>\n<tbody>\n",
                   f->form ? "<th scope=\"col\" class=\"check\"><span class=\"hidden\">Select</span></th>"
                           : "");
    for (i = 0; i < rows->rows->nelts; i++) {
        put_row(page, f, &APR_ARRAY_IDX(rows->rows, i, cloud_row_t), i + 1);
    }
    cloud_page_put(page, "</tbody>\n</table>\n");
}

static void put_turn(cloud_page_t *page, const cloud_folder_page_t *f, const char *query,
                     const char *rel, const char *text)
{
    if (query) {
        cloud_page_put(page, "<a class=\"button quiet\" rel=\"%s\" href=\"%s\">%s</a>\n", rel,
                       with_query(f, query), text);
    }
}

static void put_turns(cloud_page_t *page, const cloud_folder_page_t *f, const cloud_rows_t *rows)
{
    if (!rows->earlier && !rows->later) {
        return;
    }
    cloud_page_put(page, "<nav aria-label=\"Pages\">\n");
    put_turn(page, f, rows->earlier, "prev", "Previous page");
    put_turn(page, f, rows->later, "next", "Next page");
    cloud_page_put(page, "</nav>\n");
}

static void put_all(cloud_page_t *page, const cloud_folder_page_t *f, const cloud_rows_t *rows)
{
    if (f->form) {
        cloud_page_form(page, f->form); /* no address has room for all names */
        cloud_page_put(page, "<input type=\"hidden\" name=\"%s\" value=\"/%s\">\n", f->field,
                       f->folder->path);
    }
    put_table(page, f, rows);
    if (f->form) {
        cloud_page_put(page, "<p><button type=\"submit\">Download the selected</button>"
                       "<a class=\"button quiet\" href=\"%s\">Download all of this folder</a></p>\n"
                       "</form>\n", f->download_url(f->baton, f->folder->path, NULL));
    }
    put_turns(page, f, rows);
}

cloud_err_t *cloud_folder_put(cloud_page_t *page, const cloud_folder_page_t *f)
{
    cloud_rows_t *rows;

    CLOUD_ERR(cloud_rows_read(&rows, f->ctx, f->folder, f->query, f->r->pool));
    cloud_page_put(page, "<section aria-label=\"Files\">\n");
    if (rows->rows->nelts) {
        put_all(page, f, rows);
    }
    else {
        cloud_page_put(page, "<p>%s</p>\n", rows->counted && !rows->folders && !rows->files
                       ? "This folder is empty." : "There is nothing more in this folder.");
    }
    cloud_page_put(page, "</section>\n");
    return NULL;
}

/* ---- a file ---- */

void cloud_folder_put_file(cloud_page_t *page, const char *name, const cloud_node_t *node,
                           const char *url, int heading, apr_pool_t *pool)
{
    cloud_page_put(page, "<section aria-label=\"File\">\n");
    if (heading) {
        cloud_page_put(page, "<h2><bdi>%s</bdi></h2>\n", name);
    }
    cloud_page_put(page, "<p><a class=\"button main\" href=\"%s\">Download<span class=\"hidden\"> %s</span>"
                   " (%s)</a></p>\n<dl class=\"facts\">\n<dt>Type</dt><dd>%s</dd>\n<dt>Size</dt><dd>%s "
                   "bytes</dd>\n<dt>Changed</dt><dd>", url, name, cloud_folder_size(node->size, pool),
                   cloud_mime_type(name), apr_psprintf(pool, "%" APR_INT64_T_FMT, node->size));
    cloud_folder_put_time(page, node->mtime, pool);
    cloud_page_put(page, " UTC</dd>\n</dl>\n</section>\n");
}
