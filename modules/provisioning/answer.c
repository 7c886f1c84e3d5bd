/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file answer.c
 * What the calls have in common: codes, lists, the account that a call is about.
 */
#include "private.h"

#define MOST APR_INT64_C(1000000000) /* of anything that is counted in a list */

cloud_err_t *cloud_prov_code(cloud_ocs_call_t *call, int code, const char *message)
{
    call->code = code;
    call->message = message;
    return NULL;
}

cloud_err_t *cloud_prov_answer(cloud_ocs_call_t *call, cloud_err_t *err,
                               const cloud_prov_map_t *map)
{
    for (; err && map->code; map++) {
        if (err->code == map->error) {
            return cloud_prov_code(call, map->code,
                                   map->message && !*map->message ? err->msg : map->message);
        }
    }
    return err;
}

json_t *cloud_prov_ids(const apr_array_header_t *ids)
{
    json_t *array = json_array();
    int i;

    for (i = 0; i < ids->nelts; i++) {
        json_array_append_new(array, json_string(APR_ARRAY_IDX(ids, i, const char *)));
    }
    return array;
}

cloud_err_t *cloud_prov_list(cloud_ocs_call_t *call, const char *name,
                             const apr_array_header_t *ids)
{
    call->data = json_pack("{s:o}", name, cloud_prov_ids(ids));
    return NULL;
}

/* Empty ones are as good as none, and a limit of -1 or 0 is none, too. */
static cloud_err_t *number(apr_int64_t *n, const cloud_ocs_call_t *call, const char *name,
                           apr_int64_t min)
{
    const char *text = cloud_param(call->params, name);

    *n = 0;
    return text && *text ? cloud_param_int(n, call->params, name, 0, min, MOST) : NULL;
}

cloud_err_t *cloud_prov_search(cloud_search_t *search, const cloud_ocs_call_t *call)
{
    search->text = cloud_param(call->params, "search");
    CLOUD_ERR(number(&search->limit, call, "limit", -1));
    return number(&search->offset, call, "offset", 0);
}

/* Whoever manages nobody learns nothing about who is here. */
static cloud_err_t *nobody(cloud_ocs_call_t *call, int missing, const char *message)
{
    cloud_role_t role;

    CLOUD_ERR(cloud_role(&role, call->ctx));
    return role >= CLOUD_ROLE_SUBADMIN ? cloud_prov_code(call, missing, message)
                                       : cloud_prov_code(call, CLOUD_OCS_DENIED, NULL);
}

cloud_err_t *cloud_prov_target(cloud_account_t **a, cloud_ocs_call_t *call, cloud_manage_t what,
                               int missing, const char *message)
{
    cloud_err_t *err = cloud_account_get(a, call->ctx, call->args[0], call->r->pool);
    int may;

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        *a = NULL;
        return nobody(call, missing, message);
    }
    if (err) {
        return err;
    }
    CLOUD_ERR(cloud_may_manage(&may, call->ctx, *a, what));
    if (may) {
        return NULL;
    }
    *a = NULL;
    return cloud_prov_code(call, CLOUD_OCS_DENIED, NULL);
}
