/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file groups.c
 * /cloud/groups.
 */
#include "private.h"

static cloud_err_t *get_groups(cloud_ocs_call_t *call)
{
    apr_array_header_t *ids;
    cloud_search_t search;

    CLOUD_ERR(cloud_prov_search(&search, call));
    CLOUD_ERR(cloud_group_search(&ids, call->ctx, &search, call->r->pool));
    return cloud_prov_list(call, "groups", ids);
}

static cloud_err_t *add_group(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_INVALID, 101, "Invalid group name" },
        { CLOUD_E_EXISTS, 102, NULL },
        { CLOUD_E_DENIED, CLOUD_OCS_DENIED, NULL },
        { CLOUD_E_NONE, 0, NULL }
    };
    const char *id = cloud_param(call->params, "groupid");
    cloud_group_t *g;

    return cloud_prov_answer(call, cloud_group_create(&g, call->ctx, id ? id : "", NULL, NULL,
                                                      call->r->pool), map);
}

static cloud_err_t *get_group(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, CLOUD_OCS_NOT_FOUND, "The requested group could not be found" },
        { CLOUD_E_DENIED, CLOUD_OCS_DENIED, "User does not have access to specified group" },
        { CLOUD_E_NONE, 0, NULL }
    };
    apr_array_header_t *ids;
    cloud_search_t search;
    cloud_err_t *err;

    CLOUD_ERR(cloud_prov_search(&search, call));
    err = cloud_group_members(&ids, call->ctx, call->args[0], &search, call->r->pool);
    return err ? cloud_prov_answer(call, err, map) : cloud_prov_list(call, "users", ids);
}

static cloud_err_t *delete_group(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, 101, NULL }, { CLOUD_E_DENIED, 102, NULL }, { CLOUD_E_NONE, 0, NULL }
    };

    return cloud_prov_answer(call, cloud_group_delete(call->ctx, call->args[0]), map);
}

static cloud_err_t *get_subadmins(cloud_ocs_call_t *call)
{
    static const cloud_prov_map_t map[] = {
        { CLOUD_E_NOT_FOUND, 101, "Group does not exist" },
        { CLOUD_E_NONE, 0, NULL }
    };
    apr_array_header_t *ids;
    cloud_err_t *err = cloud_subadmin_of(&ids, call->ctx, call->args[0], call->r->pool);

    if (!err) {
        call->data = cloud_prov_ids(ids);
    }
    return cloud_prov_answer(call, err, map);
}

const cloud_ocs_route_t cloud_prov_group_routes[] = {
    { "GET", "/cloud/groups", CLOUD_OCS_SUBADMIN, get_groups, CLOUD_OCS_OLD },
    { "POST", "/cloud/groups", CLOUD_OCS_ADMIN, add_group, CLOUD_OCS_OLD },
    { "GET", "/cloud/groups/{group}", CLOUD_OCS_SUBADMIN, get_group, CLOUD_OCS_OLD },
    { "DELETE", "/cloud/groups/{group}", CLOUD_OCS_ADMIN, delete_group, CLOUD_OCS_OLD },
    { "GET", "/cloud/groups/{group}/subadmins", CLOUD_OCS_ADMIN, get_subadmins, CLOUD_OCS_OLD },
    { NULL }
};
