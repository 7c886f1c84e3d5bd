/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file users.c
 * /cloud/users: listing, creating, showing, enabling, deleting accounts.
 */
#include "private.h"

#include <math.h>

#define NO_USER "The requested user could not be found"

/* ---- the list ---- */

static cloud_err_t *get_users(cloud_ocs_call_t *call)
{
    apr_array_header_t *ids;
    cloud_search_t search;

    CLOUD_ERR(cloud_prov_search(&search, call));
    CLOUD_ERR(cloud_account_search(&ids, call->ctx, &search, call->r->pool));
    return cloud_prov_list(call, "users", ids);
}

/* ---- creating ---- */

/* Is everything right with the groups? *ok 0: the call is answered. */
static cloud_err_t *check_groups(int *ok, cloud_ocs_call_t *call, const apr_array_header_t *groups)
{
    cloud_role_t role;
    int i;

    *ok = 0;
    for (i = 0; i < groups->nelts; i++) {
        const char *id = APR_ARRAY_IDX(groups, i, const char *);
        cloud_group_t *g;
        cloud_err_t *err = cloud_group_get(&g, call->ctx, id, call->r->pool);
        int may;

        if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
            return cloud_prov_code(call, 104, apr_psprintf(call->r->pool,
                                                           "group %s does not exist", id));
        }
        if (err) {
            return err;
        }
        CLOUD_ERR(cloud_may_manage_group(&may, call->ctx, g));
        if (!may) {
            return cloud_prov_code(call, 105,
                                   apr_psprintf(call->r->pool,
                                                "insufficient privileges for group %s", id));
        }
    }
    CLOUD_ERR(cloud_role(&role, call->ctx));
    if (!groups->nelts && role != CLOUD_ROLE_ADMIN) {
        return cloud_prov_code(call, 106, "no group specified (required for subadmins)");
    }
    *ok = 1;
    return NULL;
}

/* A NULL at the end, as the core wants it. */
static const char *const *terminated(const apr_array_header_t *list, apr_pool_t *pool)
{
    apr_array_header_t *copy = apr_array_copy(pool, list);

    APR_ARRAY_PUSH(copy, const char *) = NULL;
    return (const char *const *)copy->elts;
}

static cloud_err_t *add_user(cloud_ocs_call_t *call)
{
    /* Between the checks and this somebody may have been quicker. */
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_EXISTS, 102, "User already exists" },
        { CLOUD_E_INVALID, 101, CLOUD_PROV_OWN },
        { CLOUD_E_CONFLICT, 101, CLOUD_PROV_OWN },
        { CLOUD_E_NOT_FOUND, 104, CLOUD_PROV_OWN },
        { CLOUD_E_DENIED, CLOUD_OCS_DENIED, NULL },
        { CLOUD_E_NONE, 0, NULL }
    };
    const char *id = cloud_param(call->params, "userid");
    cloud_account_new_t what = { .password = cloud_param(call->params, "password") };
    const apr_array_header_t *groups = cloud_param_list(call->params, "groups", call->r->pool);
    cloud_account_t *a;
    cloud_err_t *err;
    int ok;

    if (!id || !*id) {
        return cloud_prov_code(call, 101, "A valid username must be provided");
    }
    err = cloud_account_get(&a, call->ctx, id, call->r->pool);
    if (!err) {
        return cloud_prov_code(call, 102, "User already exists");
    }
    if (!cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        return err;
    }
    CLOUD_ERR(check_groups(&ok, call, groups));
    if (!ok) {
        return NULL;
    }
    if (!what.password || !what.password[strspn(what.password, " \t\r\n\v")]) {
        return cloud_prov_code(call, 101, "A valid password must be provided");
    }
    what.groups = terminated(groups, call->r->pool);
    err = cloud_account_add(&a, call->ctx, id, &what, call->r->pool);
    return cloud_prov_answer(call, err, map);
}

/* ---- showing ---- */

static const char *definition(const cloud_account_t *a, apr_pool_t *pool)
{
    return a->quota == CLOUD_QUOTA_DEFAULT ? "default" : cloud_size_text(a->quota, pool);
}

/* Unlimited: free and total are -3, as in DAV:quota-available-bytes. */
static cloud_err_t *quota(json_t **result, cloud_ocs_call_t *call, const cloud_account_t *a)
{
    apr_int64_t limit, used, free_bytes = CLOUD_QUOTA_UNLIMITED;
    double relative = 0;

    CLOUD_ERR(cloud_account_usage(&limit, &used, call->ctx, a));
    if (limit >= 0) {
        free_bytes = limit > used ? limit - used : 0;
        relative = limit ? round((double)used / (double)limit * 10000) / 100 : 100;
    }
    *result = json_pack("{s:I, s:I, s:I, s:f, s:s}", "free", (json_int_t)free_bytes,
                        "used", (json_int_t)used, "total", (json_int_t)limit, "relative", relative,
                        "definition", definition(a, call->r->pool));
    return NULL;
}

static cloud_err_t *two_factors(int *on, cloud_ocs_call_t *call, const cloud_account_t *a)
{
    APR_OPTIONAL_FN_TYPE(cloud_twofactor_get) *get = APR_RETRIEVE_OPTIONAL_FN(cloud_twofactor_get);

    *on = 0;
    return get ? get(on, call->ctx, a) : NULL;
}

static cloud_err_t *get_user(cloud_ocs_call_t *call)
{
    const char *lang, *home;
    cloud_account_t *a;
    int second;
    json_t *q;

    CLOUD_ERR(cloud_prov_target(&a, call, CLOUD_MANAGE_SEE, CLOUD_OCS_NOT_FOUND, NO_USER));
    if (!a) {
        return NULL;
    }
    CLOUD_ERR(cloud_account_language(&lang, call->ctx, a, call->r->pool));
    CLOUD_ERR(two_factors(&second, call, a));
    CLOUD_ERR(quota(&q, call, a));
    home = apr_pstrcat(call->r->pool, cloud_store_data_dir(call->ctx->store), "/accounts/", a->dir,
                       NULL);
    call->data = json_pack("{s:s, s:o, s:s?, s:s, s:s, s:s, s:I, s:I, s:s}",
                           "enabled", a->enabled ? "true" : "false", "quota", q,
                           "email", a->email, "displayname", a->display_name, "home", home,
                           "two_factor_auth_enabled", second ? "true" : "false",
                           "last_login", (json_int_t)apr_time_sec(a->last_login),
                           "creation_time", (json_int_t)apr_time_sec(a->created),
                           "language", lang);
    return call->data ? NULL : cloud_err(call->r->pool, CLOUD_E_INTERNAL, "no JSON of an account");
}

/* ---- enabling, disabling, deleting ---- */

static const cloud_prov_map_t STATE_MAP[] = {
    { CLOUD_E_NOT_FOUND, 101, NULL },
    { CLOUD_E_DENIED, CLOUD_OCS_DENIED, NULL },
    { CLOUD_E_NONE, 0, NULL }
};

/* *a NULL: the call is answered. Nobody does this to himself. */
static cloud_err_t *other(cloud_account_t **a, cloud_ocs_call_t *call)
{
    CLOUD_ERR(cloud_prov_target(a, call, CLOUD_MANAGE_SEE, 101, NULL));
    if (*a && (*a)->number == call->account->number) {
        *a = NULL;
        return cloud_prov_code(call, 101, NULL);
    }
    return NULL;
}

static cloud_err_t *set_enabled(cloud_ocs_call_t *call, int enabled)
{
    cloud_account_t *a;

    CLOUD_ERR(other(&a, call));
    return a ? cloud_prov_answer(call, cloud_account_set_enabled(call->ctx, a->id, enabled),
                                 STATE_MAP)
             : NULL;
}

static cloud_err_t *enable(cloud_ocs_call_t *call)
{
    return set_enabled(call, 1);
}

static cloud_err_t *disable(cloud_ocs_call_t *call)
{
    return set_enabled(call, 0);
}

static cloud_err_t *delete_user(cloud_ocs_call_t *call)
{
    cloud_account_t *a;

    CLOUD_ERR(other(&a, call));
    return a ? cloud_prov_answer(call, cloud_account_delete(call->ctx, a->id), STATE_MAP) : NULL;
}

const cloud_ocs_route_t cloud_prov_user_routes[] = {
    { "GET", "/cloud/users", CLOUD_OCS_SUBADMIN, get_users, CLOUD_OCS_OLD },
    { "POST", "/cloud/users", CLOUD_OCS_SUBADMIN, add_user, CLOUD_OCS_OLD },
    { "GET", "/cloud/users/{user}", CLOUD_OCS_USER, get_user, CLOUD_OCS_OLD },
    { "DELETE", "/cloud/users/{user}", CLOUD_OCS_SUBADMIN, delete_user, CLOUD_OCS_OLD },
    { "PUT", "/cloud/users/{user}/enable", CLOUD_OCS_SUBADMIN, enable, CLOUD_OCS_OLD },
    { "PUT", "/cloud/users/{user}/disable", CLOUD_OCS_SUBADMIN, disable, CLOUD_OCS_OLD },
    { NULL }
};
