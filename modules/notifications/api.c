/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file api.c
 * The OCS calls. Clients of Nextcloud ask for the same below v2.
 */
#include "private.h"

#include <apr_lib.h>
#include <openssl/evp.h>

#define LIST_MAX 25 /* as ownCloud; others follow when these were dismissed */

/* Clients open what they get as it is: an address of this server, as the client knows it. */
static const char *absolute(request_rec *r, const char *link)
{
    return *link == '/' ? ap_construct_url(r->pool, apr_pstrcat(r->pool, cloud_http_base(r), link,
                                                                NULL), r)
                        : link;
}

static json_t *actions_json(request_rec *r, const cloud_notice_t *n)
{
    json_t *list = json_array();
    int i;

    for (i = 0; i < n->nactions; i++) {
        const cloud_notice_action_t *a = &n->actions[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "label", a->label, "link",
                                              absolute(r, a->link), "type", a->type, "primary",
                                              a->primary));
    }
    return list;
}

/* ISO 8601, as "2026-11-27T20:15:00+00:00". */
static const char *time_text(apr_time_t t, apr_pool_t *pool)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d+00:00", 1900 + e.tm_year,
                        e.tm_mon + 1, e.tm_mday, e.tm_hour, e.tm_min, e.tm_sec);
}

static json_t *to_json(const cloud_ocs_call_t *call, const cloud_notification_t *n)
{
    request_rec *r = call->r;

    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}",
                     "notification_id", (json_int_t)n->id, "app", n->notice.app,
                     "user", call->account->id, "datetime", time_text(n->created, r->pool),
                     "object_type", n->notice.object_type, "object_id", n->notice.object_id,
                     "subject", n->notice.subject, "message", n->notice.message,
                     "link", absolute(r, n->notice.link), "icon", absolute(r, n->notice.icon),
                     "actions", actions_json(r, &n->notice));
}

/* Notices never change, so their ids say it all. */
static const char *etag_of(const apr_array_header_t *list, apr_pool_t *pool)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    char *text = apr_pcalloc(pool, 2 + 32 + 1), *c = text;
    apr_int64_t ids[LIST_MAX];
    unsigned len;
    int i;

    for (i = 0; i < list->nelts; i++) {
        ids[i] = APR_ARRAY_IDX(list, i, cloud_notification_t).id;
    }
    if (!EVP_Digest(ids, sizeof(*ids) * (size_t)list->nelts, hash, &len, EVP_sha256(), NULL)) {
        return NULL;
    }
    *c++ = '"';
    for (i = 0; i < 16; i++) {
        *c++ = hex[hash[i] >> 4];
        *c++ = hex[hash[i] & 15];
    }
    *c = '"';
    return text;
}

static cloud_err_t *list(cloud_ocs_call_t *call)
{
    apr_array_header_t *all;
    const char *etag;
    int i;

    CLOUD_ERR(cloud_notification_list(&all, call->ctx, LIST_MAX, call->r->pool));
    call->data = json_array();
    for (i = 0; i < all->nelts; i++) {
        json_array_append_new(call->data,
                              to_json(call, &APR_ARRAY_IDX(all, i, cloud_notification_t)));
    }
    etag = etag_of(all, call->r->pool);
    if (etag) {
        apr_table_setn(call->r->headers_out, "ETag", etag);
    }
    return NULL;
}

/* 0 for what is no id. */
static apr_int64_t id_of(const char *text)
{
    char *end;
    apr_int64_t id = apr_isdigit(*text) ? apr_strtoi64(text, &end, 10) : 0;

    return id > 0 && !*end ? id : 0;
}

static cloud_err_t *missing(cloud_ocs_call_t *call)
{
    call->code = HTTP_NOT_FOUND;
    call->message = "There is no such notification";
    return NULL;
}

static cloud_err_t *get(cloud_ocs_call_t *call)
{
    apr_int64_t id = id_of(call->args[0]);
    cloud_notification_t *n;
    cloud_err_t *err;

    if (!id) {
        return missing(call);
    }
    err = cloud_notification_get(&n, call->ctx, id, call->r->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        return missing(call);
    }
    if (!err) {
        call->data = to_json(call, n);
    }
    return err;
}

/* Also when there is none: somebody may have dismissed it on another device. */
static cloud_err_t *dismiss(cloud_ocs_call_t *call)
{
    apr_int64_t id = id_of(call->args[0]);

    return id ? cloud_notification_delete(call->ctx, id) : missing(call);
}

static cloud_err_t *dismiss_all(cloud_ocs_call_t *call)
{
    return cloud_notification_delete(call->ctx, 0);
}

const cloud_ocs_route_t cloud_notification_routes[] = {
    { "GET", "/apps/notifications/api/v1/notifications", CLOUD_OCS_USER, list, 0 },
    { "DELETE", "/apps/notifications/api/v1/notifications", CLOUD_OCS_USER, dismiss_all, 0 },
    { "GET", "/apps/notifications/api/v1/notifications/{id}", CLOUD_OCS_USER, get, 0 },
    { "DELETE", "/apps/notifications/api/v1/notifications/{id}", CLOUD_OCS_USER, dismiss, 0 },
    { "GET", "/apps/notifications/api/v2/notifications", CLOUD_OCS_USER, list, 0 },
    { "DELETE", "/apps/notifications/api/v2/notifications", CLOUD_OCS_USER, dismiss_all, 0 },
    { "GET", "/apps/notifications/api/v2/notifications/{id}", CLOUD_OCS_USER, get, 0 },
    { "DELETE", "/apps/notifications/api/v2/notifications/{id}", CLOUD_OCS_USER, dismiss, 0 },
    { NULL }
};
