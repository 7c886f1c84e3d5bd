/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A file of a link as a download; a folder, and several at once, as an archive. */
#include "links_http.h"

#include <jansson.h>

#include "content.h"
#include "mod_cloud_archive.h"
#include "names.h"

static int send_file(links_request_t *q, const char *path)
{
    apr_table_setn(q->r->err_headers_out, "Referrer-Policy", "no-referrer");
    return cloud_content_file(q->r, q->ctx, q->link->account, path);
}

/* ownCloud's page asks for several as an array in JSON. */
static cloud_err_t *from_json(apr_array_header_t *names, const char *text, apr_pool_t *pool)
{
    json_t *root = json_loads(text, 0, NULL), *item;
    cloud_err_t *err = json_is_array(root) ? NULL : cloud_err(pool, CLOUD_E_INVALID, NULL);
    size_t i;

    for (i = 0; !err && i < json_array_size(root); i++) {
        item = json_array_get(root, i);
        if (json_is_string(item)) {
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(pool, json_string_value(item));
        }
        else {
            err = cloud_err(pool, CLOUD_E_INVALID, NULL);
        }
    }
    json_decref(root);
    return err;
}

/* What was asked for: "files" is one name, or an array; or "files[]", as forms do. Empty: all of the
 * folder. */
static cloud_err_t *wanted(const apr_array_header_t **names, links_request_t *q)
{
    const char *text = cloud_param(q->query, "files");
    apr_array_header_t *list;

    *names = cloud_param_list(q->query, "files", q->r->pool);
    if (!text || !*text) {
        return NULL;
    }
    *names = list = apr_array_make(q->r->pool, 1, sizeof(const char *));
    if (*text == '[') {
        return from_json(list, text, q->r->pool);
    }
    APR_ARRAY_PUSH(list, const char *) = text;
    return NULL;
}

int links_has_archives(void)
{
    return APR_RETRIEVE_OPTIONAL_FN(cloud_archive_respond) != NULL;
}

static int send_archive(links_request_t *q, const apr_array_header_t *names)
{
    APR_OPTIONAL_FN_TYPE(cloud_archive_respond) *respond =
        APR_RETRIEVE_OPTIONAL_FN(cloud_archive_respond);
    const char *name = !*q->path && !names->nelts ? q->link->name : NULL;

    if (!respond) {
        return cloud_http_error(q->r, cloud_err(q->r->pool, CLOUD_E_NOT_IMPLEMENTED, NULL));
    }
    apr_table_setn(q->r->err_headers_out, "Referrer-Policy", "no-referrer");
    return respond(q->r, q->ctx, q->link->account, q->path, names, name,
                   cloud_param(q->query, "format"));
}

/* Of the page's form, which may name everything on it. */
static cloud_err_t *read_form(links_request_t *q)
{
    cloud_params_t *form;

    if (q->r->method_number != M_POST) {
        return NULL;
    }
    CLOUD_ERR(cloud_login_form_sized(&form, q->r, CLOUD_LOGIN_LIST_BYTES));
    links_take(q, form);
    return NULL;
}

int links_download(links_request_t *q)
{
    const apr_array_header_t *names;
    cloud_entry_t *e;
    const char *path;
    cloud_err_t *err = read_form(q);

    if (err) {
        return cloud_http_error(q->r, err);
    }
    if (!q->link->is_dir) {
        return send_file(q, q->link->name);
    }
    err = wanted(&names, q);
    if (err) {
        return cloud_http_error(q->r, err);
    }
    if (names->nelts != 1) {
        return send_archive(q, names);
    }
    path = apr_pstrcat(q->r->pool, q->path, "/", APR_ARRAY_IDX(names, 0, const char *), NULL);
    err = cloud_file_stat(&e, q->ctx, q->link->account, path, q->r->pool);
    if (err) {
        return cloud_http_error(q->r, err);
    }
    return CLOUD_IS_DIR(&e->node) ? send_archive(q, names) : send_file(q, path);
}
