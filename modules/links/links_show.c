/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a link shows: a folder with what is in it, a file, or a place to put files. */
#include "links_http.h"

#include "folder_page.h"
#include "names.h"

/* ---- addresses ---- */

static const char *base_url(const links_request_t *q)
{
    return cloud_http_uri(q->r, q->base, "", q->r->pool);
}

static const char *folder_url(const void *baton, const char *path)
{
    const links_request_t *q = baton;

    return *path ? apr_pstrcat(q->r->pool, base_url(q), "?path=/",
                               cloud_uri_encode(path, 1, q->r->pool), NULL)
                 : base_url(q);
}

static const char *download_url(const void *baton, const char *path, const char *name)
{
    const links_request_t *q = baton;

    return apr_pstrcat(q->r->pool, base_url(q), "/download?path=/",
                       cloud_uri_encode(path, 1, q->r->pool), name ? "&files=" : "",
                       name ? cloud_uri_encode(name, 0, q->r->pool) : "", NULL);
}

/* ---- pieces ---- */

static void put_sharer(cloud_page_t *page, const links_request_t *q)
{
    cloud_page_put(page, "<p class=\"soft\">Shared by <bdi>%s</bdi>", q->link->sharer_name);
    if (q->link->expires) {
        cloud_page_put(page, " until ");
        cloud_folder_put_time(page, q->link->expires, q->r->pool);
        cloud_page_put(page, " UTC");
    }
    cloud_page_put(page, "</p>\n");
}

static void put_upload(cloud_page_t *page, const links_request_t *q, const char *path)
{
    cloud_page_put(page, "<section class=\"upload\" aria-labelledby=\"upload\">\n"
                   "<h2 id=\"upload\">Upload files</h2>\n");
    cloud_page_upload_form(page, apr_pstrcat(q->r->pool, q->base, "/upload", NULL));
    cloud_page_put(page,
                   "<input type=\"hidden\" name=\"path\" value=\"%s\">\n"
                   "<label for=\"files\">Files from this device</label>\n"
                   "<input type=\"file\" id=\"files\" name=\"files\" multiple required "
                   "aria-describedby=\"upload-note\">\n"
                   "<button type=\"submit\">Upload</button>\n</form>\n"
                   "<p class=\"soft\" id=\"upload-note\">Nothing is replaced: where there is a file of the "
                   "same name, the new one gets a number.</p>\n</section>\n", path);
}

static cloud_err_t *put_folder(cloud_page_t *page, const links_request_t *q,
                               const cloud_entry_t *folder)
{
    const cloud_folder_page_t f = {
        .r = q->r, .ctx = q->ctx, .folder = folder, .query = q->query,
        .top = *q->link->name ? q->link->name : "Files",
        .form = links_has_archives() ? apr_pstrcat(q->r->pool, q->base, "/download", NULL) : NULL,
        .field = "path", .folder_url = folder_url, .download_url = download_url, .baton = q,
    };

    cloud_folder_put_trail(page, &f);
    return cloud_folder_put(page, &f);
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

static cloud_err_t *show(cloud_page_t **page, links_request_t *q, const links_news_t *news)
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
    links_news_put(*page, news, q->r->pool);
    if (!drop && !q->link->is_dir) {
        cloud_folder_put_file(*page, q->link->name, &e->node,
                              apr_pstrcat(q->r->pool, base_url(q), "/download", NULL), 0, q->r->pool);
    }
    else if (!drop) {
        CLOUD_ERR(put_folder(*page, q, e));
    }
    if (q->link->is_dir && (q->link->perms & CLOUD_PERM_CREATE)) {
        put_upload(*page, q, drop ? "" : e->path);
    }
    return NULL;
}

int links_show(links_request_t *q, const links_news_t *news)
{
    cloud_page_t *page = NULL;
    cloud_err_t *err = show(&page, q, news);

    return err ? cloud_http_error(q->r, err) : cloud_page_send(page, HTTP_OK);
}
