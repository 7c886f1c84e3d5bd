/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A file of a link as a download. */
#include "links_http.h"

#include "content.h"
#include "names.h"

static int send_file(links_request_t *q, const char *path)
{
    cloud_content_t content = { 0 };
    cloud_entry_t *entry;
    char etag[CLOUD_ETAG_MAX];
    cloud_err_t *err = cloud_file_open(&content.fd, &entry, q->ctx, q->link->account, path,
                                       q->r->pool);
    int status;

    if (err) {
        return cloud_http_error(q->r, err);
    }
    apr_table_setn(q->r->headers_out, "ETag",
                   apr_pstrcat(q->r->pool, "\"", cloud_etag_text(etag, entry->etag), "\"", NULL));
    apr_table_setn(q->r->err_headers_out, "Referrer-Policy", "no-referrer");
    apr_table_setn(q->r->headers_out, "Cache-Control", "private, no-cache");
    status = ap_meets_conditions(q->r);
    if (status != OK) {
        return status;
    }
    content.size = entry->node.size;
    content.name = entry->node.disk;
    cloud_content_headers(q->r, &content);
    return cloud_content_send(q->r, &content);
}

/* What was asked for: "files" is one name, or an array of them in JSON, as ownCloud's page has it; or
 * "files[]", as forms do. Empty: all of the folder. */
static cloud_err_t *wanted(const apr_array_header_t **names, links_request_t *q)
{
    const char *one = cloud_param(q->query, "files");
    apr_array_header_t *list;

    *names = cloud_param_list(q->query, "files", q->r->pool);
    if (!one || !*one) {
        return NULL;
    }
    if (*one == '[') {
        return cloud_err(q->r->pool, CLOUD_E_NOT_IMPLEMENTED, NULL);
    }
    list = apr_array_make(q->r->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(list, const char *) = one;
    *names = list;
    return NULL;
}

/* The path of a name in the folder that was asked for. */
static const char *path_of(const links_request_t *q, const char *name)
{
    return apr_pstrcat(q->r->pool, q->path, "/", name, NULL);
}

int links_download(links_request_t *q)
{
    const apr_array_header_t *names;
    cloud_entry_t *e;
    const char *path = q->path;
    cloud_err_t *err;

    if (!q->link->is_dir) {
        return send_file(q, q->link->name);
    }
    err = wanted(&names, q);
    if (!err && names->nelts == 1) {
        path = path_of(q, APR_ARRAY_IDX(names, 0, const char *));
    }
    if (!err) {
        err = cloud_file_stat(&e, q->ctx, q->link->account, path, q->r->pool);
    }
    if (err) {
        return cloud_http_error(q->r, err);
    }
    if (names->nelts <= 1 && !CLOUD_IS_DIR(&e->node)) {
        return send_file(q, path);
    }
    return cloud_http_error(q->r, cloud_err(q->r->pool, CLOUD_E_NOT_IMPLEMENTED, NULL));
}
