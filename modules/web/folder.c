/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file folder.c
 * The page of a folder of one's own: what is in it, to be looked at and fetched.
 */
#include "web.h"

#include "folder_page.h"
#include "mount.h"

const char *web_folder_path(const char *dir, const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, FILES_PATH "/?dir=/", cloud_uri_encode(dir, 1, pool),
                       name ? "&scrollto=" : "", name ? cloud_uri_encode(name, 0, pool) : "", NULL);
}

/* ---- addresses ---- */

static const char *folder_url(const void *baton, const char *path)
{
    request_rec *r = ((const cloud_folder_page_t *)baton)->r;

    return apr_pstrcat(r->pool, cloud_http_uri(r, "", "", r->pool),
                       web_folder_path(path, NULL, r->pool), NULL);
}

static const char *download_url(const void *baton, const char *path, const char *name)
{
    request_rec *r = ((const cloud_folder_page_t *)baton)->r;

    return apr_pstrcat(r->pool, cloud_http_uri(r, CLOUD_ARCHIVE_DOWNLOAD, "", r->pool), "?dir=/",
                       cloud_uri_encode(path, 1, r->pool), name ? "&files[]=" : "",
                       name ? cloud_uri_encode(name, 0, r->pool) : "", NULL);
}

/* ---- the page ---- */

/* What is shown before the others. A name that is not there any more is left out. */
static cloud_err_t *find_first(cloud_entry_t **first, const cloud_folder_page_t *f,
                               const cloud_account_t *account)
{
    const char *name = cloud_param(f->query, "scrollto"), *dir = f->folder->path;
    cloud_entry_t *entry;
    cloud_err_t *err;

    *first = NULL;
    if (!name || !*name || strchr(name, '/')) return NULL;
    err = cloud_file_stat(&entry, f->ctx, account,
                          apr_pstrcat(f->r->pool, dir, *dir ? "/" : "", name, NULL), f->r->pool);
    if (!err && !CLOUD_IS_DIR(&entry->node)) *first = entry;
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_INVALID_NAME) ? NULL
                                                                                         : err;
}

static cloud_err_t *look(cloud_folder_page_t *f, const cloud_account_t *account)
{
    const char *dir = cloud_param(f->query, "dir");
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_http_ctx(&f->ctx, f->r));
    CLOUD_ERR(cloud_mounts_settle(f->ctx, account));
    CLOUD_ERR(cloud_file_stat(&entry, f->ctx, account, dir ? dir : "", f->r->pool));
    f->folder = entry;
    return CLOUD_IS_DIR(&entry->node) ? NULL : cloud_err(f->r->pool, CLOUD_E_NOT_FOUND, NULL);
}

static cloud_err_t *make(cloud_page_t **page, cloud_folder_page_t *f, const cloud_account_t *account)
{
    cloud_entry_t *first;

    CLOUD_ERR(look(f, account));
    CLOUD_ERR(find_first(&first, f, account));
    *page = cloud_page_create(f->r, *f->folder->path ? f->folder->name : f->top);
    cloud_folder_put_trail(*page, f);
    if (first) {
        cloud_folder_put_file(*page, first->name, &first->node,
                              download_url(f, f->folder->path, first->name), 1, f->r->pool);
    }
    CLOUD_ERR(cloud_folder_put(*page, f));
    cloud_page_put(*page, "<p><a href=\"%s\">Your account</a></p>\n",
                   cloud_http_uri(f->r, "/index.php/settings/personal", "", f->r->pool));
    return NULL;
}

int web_folder(request_rec *r, const char *rest)
{
    cloud_params_t *query = cloud_params_create(r->pool);
    cloud_folder_page_t f = { .r = r, .query = query, .top = "Files", .form = CLOUD_ARCHIVE_DOWNLOAD,
                              .field = "dir", .folder_url = folder_url,
                              .download_url = download_url, .baton = &f };
    const cloud_account_t *account;
    cloud_page_t *page = NULL;
    cloud_err_t *err;
    int status;

    if (web_no_method(&status, r)) return status;
    if (*rest && strcmp(rest, "/") != 0)
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL));
    err = cloud_login_any(&account, r);
    if (!err && !account) return cloud_login_ask(r);
    if (!err && r->args) err = cloud_params_add(query, r->args, strlen(r->args));
    if (!err) err = make(&page, &f, account);
    return err ? cloud_http_error(r, err) : cloud_page_send(page, HTTP_OK);
}
