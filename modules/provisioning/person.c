/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file person.c
 * /person/check, and what clients keep for themselves: /privatedata.
 */
#include "private.h"

#include "mod_authn_cloud.h"

/* ---- person/check ---- */

/* Whether a password is right: a login, with cache and throttle of logins, and as silent about who is
 * here. */
static cloud_err_t *check_person(cloud_ocs_call_t *call)
{
    const char *login = cloud_param(call->params, "login");
    const char *password = cloud_param(call->params, "password"), *client;
    const cloud_account_t *account;
    cloud_err_t *err;

    if (!login || !*login || !password || !*password) {
        return cloud_prov_code(call, 101, NULL);
    }
    err = cloud_auth_login(&account, &client, call->r, login, password, 0);
    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        return cloud_prov_code(call, 102, NULL);
    }
    if (err) {
        return err;
    }
    call->data = json_pack("{s:{s:s}}", "person", "personid", account->id);
    return NULL;
}

/* ---- privatedata ---- */

static cloud_err_t *get_private(cloud_ocs_call_t *call)
{
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(cloud_private_list(&list, call->ctx, call->args[0], call->args[1], call->r->pool));
    call->data = json_array();
    for (i = 0; i < list->nelts; i++) {
        const cloud_pref_t *p = &APR_ARRAY_IDX(list, i, cloud_pref_t);

        json_array_append_new(call->data, json_pack("{s:s, s:s, s:s}", "key", p->key,
                                                    "app", p->app, "value", p->value));
    }
    return NULL;
}

static cloud_err_t *set_private(cloud_ocs_call_t *call)
{
    const char *value = cloud_param(call->params, "value");

    return cloud_private_set(call->ctx, call->args[0], call->args[1], value ? value : "");
}

static cloud_err_t *delete_private(cloud_ocs_call_t *call)
{
    return cloud_private_set(call->ctx, call->args[0], call->args[1], NULL);
}

const cloud_ocs_route_t cloud_prov_core_routes[] = {
    { "POST", "/person/check", CLOUD_OCS_ANYBODY, check_person, CLOUD_OCS_OLD },
    { "GET", "/privatedata/getattribute", CLOUD_OCS_USER, get_private, CLOUD_OCS_OLD },
    { "GET", "/privatedata/getattribute/{app}", CLOUD_OCS_USER, get_private, CLOUD_OCS_OLD },
    { "GET", "/privatedata/getattribute/{app}/{key}", CLOUD_OCS_USER, get_private, CLOUD_OCS_OLD },
    { "POST", "/privatedata/setattribute/{app}/{key}", CLOUD_OCS_USER, set_private,
      CLOUD_OCS_OLD },
    { "POST", "/privatedata/deleteattribute/{app}/{key}", CLOUD_OCS_USER, delete_private,
      CLOUD_OCS_OLD },
    { NULL }
};
