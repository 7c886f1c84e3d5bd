/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What every method needs of its request: target, account, headers in and out. */
#include "dav_private.h"

#include "mount.h"

#include <http_core.h>
#include <stdlib.h>

APLOG_USE_MODULE(cloud_dav);

static const char allowed[] =
    "OPTIONS, GET, HEAD, DELETE, PROPFIND, PUT, PROPPATCH, MKCOL, COPY, MOVE, REPORT, LOCK, UNLOCK";

/* Nobody who is nobody can own a lock. */
static const char allowed_in_view[] =
    "OPTIONS, GET, HEAD, DELETE, PROPFIND, PUT, PROPPATCH, MKCOL, COPY, MOVE";

cloud_err_t *cloud_dav_target(cloud_dav_target_t **t, request_rec *r, const char *uri_path)
{
    const char *base = apr_pstrcat(r->pool, cloud_http_base(r), "/", NULL);

    return cloud_dav_target_parse(t, base, uri_path, r->pool);
}

/* A request that came by a view goes nowhere else, and nobody else gets into one. */
static cloud_err_t *enter_view(cloud_dav_target_t *t, request_rec *r, int writing)
{
    const cloud_http_view_t *view = cloud_http_view(r);

    if (!view || !t->view || !t->user != !view->place ||
        (t->user && strcmp(t->user, view->place) != 0))
        return cloud_err(r->pool, writing ? CLOUD_E_DENIED : CLOUD_E_NOT_FOUND, NULL);
    t->account = view->account;
    return NULL;
}

cloud_err_t *cloud_dav_enter(cloud_dav_target_t *t, request_rec *r, cloud_ctx_t *ctx, int writing)
{
    const cloud_account_t *who = ctx->who.account;
    cloud_account_t *named;
    cloud_err_t *err;

    if (t->view || cloud_http_view(r)) return enter_view(t, r, writing);
    if (!who) return cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, NULL);
    if (t->user && strcmp(t->user, who->id) != 0) {
        /* Ids are compared without case: the library knows how. Whether a name that is not the
         * caller's own exists is nobody's business. */
        err = cloud_account_get(&named, ctx, t->user, ctx->pool);
        if (err && err->code != CLOUD_E_NOT_FOUND && err->code != CLOUD_E_INVALID) return err;
        if (err || named->number != who->number)
            return cloud_err(ctx->pool, writing ? CLOUD_E_DENIED : CLOUD_E_NOT_FOUND, NULL);
    }
    t->account = who;
    return NULL;
}

cloud_err_t *cloud_dav_linked_file(cloud_dav_target_t *t, cloud_ctx_t *ctx)
{
    cloud_entry_t *entry;

    if (t->user || *t->path) return NULL;
    CLOUD_ERR(cloud_resolve(&entry, ctx, t->account, "", ctx->pool));
    if (!CLOUD_IS_DIR(&entry->mount->target)) t->path = entry->mount->target.name;
    return NULL;
}

cloud_err_t *cloud_dav_depth(int *depth, request_rec *r, int def)
{
    const char *value = apr_table_get(r->headers_in, "Depth");

    *depth = def;
    if (!value) return NULL;
    if (strcmp(value, "0") == 0) *depth = 0;
    else if (strcmp(value, "1") == 0) *depth = 1;
    else if (strcasecmp(value, "infinity") == 0) *depth = -1;
    else return cloud_err(r->pool, CLOUD_E_INVALID, "The Depth header is malformed");
    return NULL;
}

/* HTTP dates have four digits for the year. */
#define MTIME_MIN APR_INT64_C(-62135596800)
#define MTIME_MAX APR_INT64_C(253402300799)

int cloud_dav_parse_mtime(apr_int64_t *mtime, const char *text)
{
    apr_int64_t n = 0;
    int negative;

    text += strspn(text, " \t");
    negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    if (!apr_isdigit(*text)) return 0;
    for (; apr_isdigit(*text); text++) {
        if (n <= MTIME_MAX) n = n * 10 + (*text - '0');
    }
    if (*text == '.') {
        text++;
        while (apr_isdigit(*text)) text++;
    }
    text += strspn(text, " \t");
    if (*text) return 0;
    if (negative) n = -n;
    if (n < MTIME_MIN) n = MTIME_MIN;
    if (n > MTIME_MAX) n = MTIME_MAX;
    *mtime = n;
    return 1;
}

cloud_err_t *cloud_dav_length(apr_int64_t *length, request_rec *r, const char *header)
{
    const char *value = apr_table_get(r->headers_in, header);
    char *end;

    *length = -1;
    if (!value) return NULL;
    errno = 0;
    *length = apr_isdigit(*value) ? apr_strtoi64(value, &end, 10) : -1;
    if (*length < 0 || errno || *end)
        return cloud_err(r->pool, CLOUD_E_INVALID, "The %s header is malformed", header);
    return NULL;
}

void cloud_dav_entry_headers(request_rec *r, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                             int with_etag)
{
    char buf[CLOUD_ETAG_MAX > CLOUD_FILEID_MAX ? CLOUD_ETAG_MAX : CLOUD_FILEID_MAX];
    const char *etag;

    if (with_etag) {
        etag = apr_pstrcat(r->pool, "\"", cloud_etag_text(buf, entry->etag), "\"", NULL);
        apr_table_setn(r->headers_out, "ETag", etag);
        apr_table_setn(r->headers_out, "OC-ETag", etag);
    }
    apr_table_set(r->headers_out, "OC-FileId", cloud_fileid(buf, ctx->store, entry->node.id));
}

int cloud_dav_done(request_rec *r, int status)
{
    r->status = status;
    if (status != HTTP_NO_CONTENT) ap_set_content_length(r, 0);
    return OK;
}

int cloud_dav_error(request_rec *r, cloud_err_t *err)
{
    cloud_dav_spare_body(r);
    return cloud_dav_error_read(r, err);
}

int cloud_dav_error_read(request_rec *r, cloud_err_t *err)
{
    /* A header that was noted for another error is not that of this one. */
    if (err->code != CLOUD_E_PRECONDITION) cloud_http_error_clear(r);
    if (err->code == CLOUD_E_LOCKED)
        cloud_http_error_condition(r, NULL, "d:lock-token-submitted",
                                   cloud_href_encode(r->uri, r->pool));
    return cloud_http_error(r, err);
}

/* Bodies up to this size are read and thrown away after an error, to keep the connection. */
#define DRAIN_MAX (256 * 1024)

void cloud_dav_spare_body(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    if (r->main || r->connection->master) return; /* a stream of HTTP/2 ends by itself */
    if (length ? apr_atoi64(length) > DRAIN_MAX
               : apr_table_get(r->headers_in, "Transfer-Encoding") != NULL)
        r->connection->keepalive = AP_CONN_CLOSE;
}

int cloud_dav_options(request_rec *r, const cloud_dav_target_t *t)
{
    apr_table_setn(r->headers_out, "Allow", allowed);
    /* Collections above the spaces must not look like a place to mount. */
    if (t->kind == CLOUD_DAV_FILES && !t->view)
        apr_table_setn(r->headers_out, "DAV", CLOUD_DAV_CLASSES);
    else if (t->kind != CLOUD_DAV_PARENT)
        apr_table_setn(r->headers_out, "DAV", CLOUD_DAV_NO_LOCKS);
    if (t->kind == CLOUD_DAV_PARENT) {
        apr_table_setn(r->headers_out, "Allow", "OPTIONS, GET, HEAD, PROPFIND");
    } else if (t->view) {
        apr_table_setn(r->headers_out, "Allow", allowed_in_view);
    } else {
        apr_table_setn(r->headers_out, "MS-Author-Via", "DAV");
        apr_table_setn(r->headers_out, "Accept-Ranges", "bytes");
    }
    return cloud_dav_done(r, HTTP_OK);
}
