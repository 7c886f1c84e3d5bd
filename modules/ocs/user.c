/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file user.c
 * What people may ask about themselves.
 */
#include "private.h"

#include "access.h"

#define LANGUAGE "en"

static json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

/* id goes into every DAV URL of the client: always the canonical spelling. */
static cloud_err_t *get_me(cloud_ocs_call_t *call)
{
    const cloud_account_t *a = call->account;

    call->data = json_pack("{s:s, s:s, s:o, s:s}", "id", a->id, "display-name", a->display_name,
                           "email", text(a->email), "language", LANGUAGE);
    return NULL;
}

static const char *definition(const cloud_account_t *a, apr_pool_t *pool)
{
    switch (a->quota) {
    case CLOUD_QUOTA_DEFAULT:
        return "default";
    case CLOUD_QUOTA_UNLIMITED:
        return "none";
    default:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT " B", a->quota);
    }
}

static cloud_err_t *quota(json_t **result, cloud_ocs_call_t *call)
{
    const cloud_account_t *a = call->account;
    apr_int64_t limit, used;

    CLOUD_ERR(cloud_account_usage(&limit, &used, call->ctx, a));
    *result = json_pack("{s:I, s:s}", "used", (json_int_t)used, "definition",
                        definition(a, call->r->pool));
    if (limit >= 0) {
        json_object_set_new(*result, "total", json_integer(limit));
        json_object_set_new(*result, "free", json_integer(limit > used ? limit - used : 0));
        json_object_set_new(*result, "relative",
                            json_real(limit ? (double)(used * 10000 / limit) / 100 : 100));
    }
    return NULL;
}

/* Nobody learns which other accounts there are. */
static cloud_err_t *only_oneself(cloud_ocs_call_t *call)
{
    return strcasecmp(call->args[0], call->account->id) == 0
        ? NULL : cloud_err(call->r->pool, CLOUD_E_UNAUTHORIZED, "Unauthorised");
}

static cloud_err_t *get_user(cloud_ocs_call_t *call)
{
    const cloud_account_t *a = call->account;
    json_t *q;

    CLOUD_ERR(only_oneself(call));
    CLOUD_ERR(quota(&q, call));
    call->data = json_pack("{s:s, s:o, s:o, s:s, s:s, s:I, s:I, s:s}", "enabled", "true",
                           "quota", q, "email", text(a->email), "displayname", a->display_name,
                           "two_factor_auth_enabled", "false",
                           "last_login", (json_int_t)apr_time_sec(a->last_login),
                           "creation_time", (json_int_t)apr_time_sec(a->created),
                           "language", LANGUAGE);
    return NULL;
}

static cloud_err_t *get_groups(cloud_ocs_call_t *call)
{
    CLOUD_ERR(only_oneself(call));
    call->data = json_pack("{s:[]}", "groups");
    return NULL;
}

const cloud_ocs_route_t cloud_ocs_user_routes[] = {
    { "GET", "/cloud/user", CLOUD_OCS_USER, get_me },
    { "GET", "/cloud/users/{user}", CLOUD_OCS_USER, get_user },
    { "GET", "/cloud/users/{user}/groups", CLOUD_OCS_USER, get_groups },
    { NULL }
};
