/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file members.c
 * /cloud/users/{user}/groups and /cloud/users/{user}/subadmins.
 */
#include "private.h"

#define NO_USER "User does not exist"

static const char *group_param(const cloud_ocs_call_t *call)
{
    const char *id = cloud_param(call->params, "groupid");

    return id ? id : "";
}

/* What is there; NULL where it is not. */
static cloud_err_t *look(cloud_group_t **g, cloud_account_t **a, cloud_ocs_call_t *call)
{
    cloud_err_t *err = cloud_group_get(g, call->ctx, group_param(call), call->r->pool);

    if (err) {
        *g = NULL;
    }
    if (err && err->code != CLOUD_E_NOT_FOUND) {
        return err;
    }
    err = cloud_account_get(a, call->ctx, call->args[0], call->r->pool);
    if (err) {
        *a = NULL;
    }
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) ? NULL : err;
}

/* ---- groups ---- */

static cloud_err_t *get_groups(cloud_ocs_call_t *call)
{
    apr_array_header_t *groups, *ids = apr_array_make(call->r->pool, 8, sizeof(const char *));
    cloud_account_t *a;
    int i;

    CLOUD_ERR(cloud_prov_target(&a, call, CLOUD_MANAGE_SEE, CLOUD_OCS_NOT_FOUND, NULL));
    if (!a) {
        return NULL;
    }
    CLOUD_ERR(cloud_group_of(&groups, call->ctx, a->id, call->r->pool));
    for (i = 0; i < groups->nelts; i++) {
        APR_ARRAY_PUSH(ids, const char *) = APR_ARRAY_IDX(groups, i, cloud_group_t).id;
    }
    return cloud_prov_list(call, "groups", ids);
}

/* Checks of both changes. *g NULL: the call is answered. */
static cloud_err_t *check_change(cloud_group_t **g, cloud_account_t **a, cloud_ocs_call_t *call)
{
    *g = NULL;
    if (!*group_param(call)) {
        return cloud_prov_code(call, 101, NULL);
    }
    CLOUD_ERR(look(g, a, call));
    if (*g && *a) {
        return NULL;
    }
    cloud_prov_code(call, *g ? 103 : 102, NULL);
    *g = NULL;
    return NULL;
}

static cloud_err_t *add_group(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, 102, NULL }, { CLOUD_E_DENIED, 104, NULL }, { CLOUD_E_NONE, 0, NULL }
    };
    cloud_account_t *a;
    cloud_group_t *g;

    CLOUD_ERR(check_change(&g, &a, call));
    return g ? cloud_prov_answer(call, cloud_group_add(call->ctx, g->id, a->id, NULL), map) : NULL;
}

static cloud_err_t *remove_group(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, 102, NULL }, { CLOUD_E_DENIED, 104, NULL }, { CLOUD_E_NONE, 0, NULL }
    };
    /* The core says why nobody takes his own rights. */
    static const cloud_prov_map_t self[] = {
        { CLOUD_E_NOT_FOUND, 102, NULL }, { CLOUD_E_DENIED, 105, CLOUD_PROV_OWN },
        { CLOUD_E_NONE, 0, NULL }
    };
    cloud_account_t *a;
    cloud_group_t *g;
    int may;

    CLOUD_ERR(check_change(&g, &a, call));
    if (!g) {
        return NULL;
    }
    CLOUD_ERR(cloud_may_manage_group(&may, call->ctx, g));
    return cloud_prov_answer(call, cloud_group_remove(call->ctx, g->id, a->id),
                             may && a->number == call->account->number ? self : map);
}

/* ---- subadmins ---- */

static cloud_err_t *get_subadmins(cloud_ocs_call_t *call)
{
    apr_array_header_t *ids;
    cloud_account_t *a;

    CLOUD_ERR(cloud_prov_target(&a, call, CLOUD_MANAGE_SEE, CLOUD_OCS_NOT_FOUND,
                                "The requested user could not be found"));
    if (!a) {
        return NULL;
    }
    CLOUD_ERR(cloud_subadmin_groups(&ids, call->ctx, a->id, call->r->pool));
    call->data = cloud_prov_ids(ids);
    return NULL;
}

static cloud_err_t *add_subadmin(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, 101, CLOUD_PROV_OWN }, { CLOUD_E_DENIED, 103, CLOUD_PROV_OWN },
        { CLOUD_E_NONE, 0, NULL }
    };
    cloud_account_t *a;
    cloud_group_t *g;

    CLOUD_ERR(look(&g, &a, call));
    if (!a) {
        return cloud_prov_code(call, 101, NO_USER);
    }
    if (!g) {
        return cloud_prov_code(call, 102, apr_psprintf(call->r->pool, "Group:%s does not exist",
                                                       group_param(call)));
    }
    return cloud_prov_answer(call, cloud_subadmin_add(call->ctx, g->id, a->id), map);
}

static cloud_err_t *remove_subadmin(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, 102, CLOUD_PROV_OWN }, { CLOUD_E_DENIED, 103, CLOUD_PROV_OWN },
        { CLOUD_E_NONE, 0, NULL }
    };
    cloud_account_t *a;
    cloud_group_t *g;

    CLOUD_ERR(look(&g, &a, call));
    if (!a || !g) {
        return cloud_prov_code(call, 101, a ? "Group does not exist" : NO_USER);
    }
    return cloud_prov_answer(call, cloud_subadmin_remove(call->ctx, g->id, a->id), map);
}

const cloud_ocs_route_t cloud_prov_member_routes[] = {
    { "GET", "/cloud/users/{user}/groups", CLOUD_OCS_USER, get_groups, CLOUD_OCS_OLD },
    { "POST", "/cloud/users/{user}/groups", CLOUD_OCS_SUBADMIN, add_group, CLOUD_OCS_OLD },
    { "DELETE", "/cloud/users/{user}/groups", CLOUD_OCS_SUBADMIN, remove_group, CLOUD_OCS_OLD },
    { "GET", "/cloud/users/{user}/subadmins", CLOUD_OCS_USER, get_subadmins, CLOUD_OCS_OLD },
    { "POST", "/cloud/users/{user}/subadmins", CLOUD_OCS_ADMIN, add_subadmin, CLOUD_OCS_OLD },
    { "DELETE", "/cloud/users/{user}/subadmins", CLOUD_OCS_ADMIN, remove_subadmin, CLOUD_OCS_OLD },
    { NULL }
};
