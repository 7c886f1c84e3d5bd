/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Files by a form: each is a put of its own, streamed into its staging file as it comes in. */
#include "links_http.h"

#include "body.h"
#include "multipart.h"
#include "names.h"

#define FIELD_MAX 4096
#define READ_SIZE (256 * 1024)

/* A form that is coming in. Its fields stand before its files. */
typedef struct {
    links_request_t *q;
    const char *path;           /* of the folder */
    int allowed;                /* the form's token was right */
    const char *field;          /* name of the field that comes in, or NULL */
    char value[FIELD_MAX];
    apr_size_t value_len;
    cloud_put_t *put;           /* of the file that comes in, or NULL: it is read and thrown away */
    apr_pool_t *pool;           /* of that file */
    const char *file;           /* its name */
    apr_array_header_t *done;   /* const char * */
    apr_array_header_t *failed; /* links_failed_t */
} upload_t;

/* ---- fields ---- */

static cloud_err_t *end_field(upload_t *up)
{
    apr_pool_t *pool = up->q->r->pool;
    const char *value = apr_pstrmemdup(pool, up->value, up->value_len);

    if (!strcmp(up->field, "requesttoken")) {
        CLOUD_ERR(cloud_login_form_token(up->q->r, value));
        up->allowed = 1;
    }
    if (!strcmp(up->field, "path")) {
        up->path = value + strspn(value, "/");
    }
    up->field = NULL;
    return NULL;
}

static cloud_err_t *field_data(upload_t *up, const char *data, apr_size_t len)
{
    if (len > FIELD_MAX - up->value_len) {
        return cloud_err(up->q->r->pool, CLOUD_E_TOO_LARGE, NULL);
    }
    memcpy(up->value + up->value_len, data, len);
    up->value_len += len;
    return NULL;
}

/* ---- files ---- */

/* Old browsers send the whole path. */
static const char *last_name(const char *filename)
{
    const char *name = strrchr(filename, '/');

    name = name ? name + 1 : filename;
    return strrchr(name, '\\') ? strrchr(name, '\\') + 1 : name;
}

/* The file is lost, the others are not; unless nothing more could be done either. */
static cloud_err_t *fail(upload_t *up, cloud_err_t *err)
{
    apr_pool_t *pool = up->q->r->pool;
    links_failed_t *failed;

    if (up->put) {
        cloud_put_abort(up->put);
        up->put = NULL;
    }
    switch (err->code) {
    case CLOUD_E_NOT_FOUND:
    case CLOUD_E_UNAUTHORIZED:
        return cloud_err(pool, CLOUD_E_NOT_FOUND, NULL); /* the link has ended */
    case CLOUD_E_UNAVAILABLE:
    case CLOUD_E_INTERNAL:
    case CLOUD_E_BUSY:
        return cloud_err_keep(err, pool);
    default:
        cloud_http_error(up->q->r, err);
        cloud_http_error_clear(up->q->r);
        failed = apr_array_push(up->failed);
        failed->name = apr_pstrdup(pool, up->file);
        failed->why = apr_pstrdup(pool, err->msg);
        return NULL;
    }
}

static cloud_err_t *begin_file(upload_t *up, const char *filename)
{
    cloud_put_opts_t opts = { .length = -1, .free_name = 1 };
    const char *path;
    cloud_err_t *err;

    if (!*filename) {
        return NULL; /* none was chosen */
    }
    if (!up->allowed) {
        return cloud_login_form_token(up->q->r, NULL);
    }
    up->file = last_name(filename);
    if (!*up->file) {
        up->file = filename;
        return fail(up, cloud_err(up->q->r->pool, CLOUD_E_INVALID_NAME, NULL));
    }
    apr_pool_clear(up->pool);
    path = *up->path ? apr_pstrcat(up->pool, up->path, "/", up->file, NULL) : up->file;
    err = cloud_put_begin(&up->put, up->q->ctx, up->q->link->account, path, &opts, up->pool);
    if (err) {
        up->put = NULL;
    }
    return err ? fail(up, err) : NULL;
}

static cloud_err_t *end_file(upload_t *up)
{
    cloud_result_t res;
    cloud_err_t *err = cloud_put_commit(&res, up->put);

    if (err) {
        return fail(up, err);
    }
    up->put = NULL;
    /* Under which name it lies is for those who may look. */
    APR_ARRAY_PUSH(up->done, const char *) = apr_pstrdup(up->q->r->pool,
                                                         cloud_link_is_drop(up->q->link)
                                                             ? up->file : res.entry->name);
    return NULL;
}

/* ---- parts ---- */

static int is_of_files(const char *name)
{
    return !strcmp(name, "files") || !strcmp(name, "files[]");
}

static cloud_err_t *begin_part(void *baton, const char *name, const char *filename)
{
    upload_t *up = baton;

    if (!filename && is_of_files(name)) {
        return cloud_err(up->q->r->pool, CLOUD_E_INVALID, "A file came without its name");
    }
    up->value_len = 0;
    up->field = filename ? NULL : name;
    return filename ? begin_file(up, filename) : NULL;
}

static cloud_err_t *part_data(void *baton, const char *data, apr_size_t len)
{
    upload_t *up = baton;
    cloud_err_t *err;

    if (up->field) {
        return field_data(up, data, len);
    }
    err = up->put ? cloud_put_write(up->put, data, len) : NULL;
    return err ? fail(up, err) : NULL;
}

static cloud_err_t *end_part(void *baton)
{
    upload_t *up = baton;

    if (up->field) {
        return end_field(up);
    }
    return up->put ? end_file(up) : NULL;
}

/* ---- the body ---- */

static cloud_err_t *feed(void *m, const char *data, apr_size_t len)
{
    return cloud_multipart_feed(m, data, len);
}

static cloud_err_t *receive(upload_t *up)
{
    static const cloud_multipart_fn_t parts = { begin_part, part_data, end_part };
    request_rec *r = up->q->r;
    cloud_multipart_t *m;

    CLOUD_ERR(cloud_multipart_create(&m, apr_table_get(r->headers_in, "Content-Type"), &parts, up,
                                     r->pool));
    CLOUD_ERR(cloud_body_read(r, READ_SIZE, feed, m));
    return cloud_multipart_finish(m);
}

/* Back to the folder, so that a reload sends nothing again. */
static int go_back(const upload_t *up, const links_news_t *news)
{
    request_rec *r = up->q->r;
    const char *query = "";
    cloud_err_t *err = news->count ? links_news_query(&query, up->q, up->path, news) : NULL;

    return err ? cloud_http_error(r, err)
               : cloud_login_redirect(r, apr_pstrcat(r->pool, up->q->base, "?path=/",
                                                     cloud_uri_encode(up->path, 1, r->pool), query,
                                                     NULL));
}

int links_upload(links_request_t *q)
{
    upload_t *up = apr_pcalloc(q->r->pool, sizeof(*up));
    links_news_t news;
    cloud_err_t *err;

    up->q = q;
    up->path = "";
    up->done = apr_array_make(q->r->pool, 2, sizeof(const char *));
    up->failed = apr_array_make(q->r->pool, 2, sizeof(links_failed_t));
    apr_pool_create(&up->pool, q->r->pool);
    err = receive(up);
    if (err) {
        if (up->put) {
            cloud_put_abort(up->put);
        }
        q->r->connection->keepalive = AP_CONN_CLOSE;
        return cloud_http_error(q->r, err);
    }
    news = (links_news_t){ up->done, up->done->nelts, up->failed };
    if (!up->failed->nelts) {
        return go_back(up, &news);
    }
    q->path = up->path;
    return links_show(q, &news);
}
