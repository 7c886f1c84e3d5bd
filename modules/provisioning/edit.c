/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file edit.c
 * PUT /cloud/users/{user}: one field, by key and value.
 */
#include "private.h"

static cloud_err_t *set_name(cloud_ocs_call_t *call, const cloud_account_t *a, const char *value)
{
    return cloud_account_set_display_name(call->ctx, a->id, value);
}

static cloud_err_t *set_email(cloud_ocs_call_t *call, const cloud_account_t *a, const char *value)
{
    return cloud_account_set_email(call->ctx, a->id, value);
}

static cloud_err_t *set_password(cloud_ocs_call_t *call, const cloud_account_t *a,
                                 const char *value)
{
    return cloud_account_set_password(call->ctx, a->id, value);
}

static cloud_err_t *set_quota(cloud_ocs_call_t *call, const cloud_account_t *a, const char *value)
{
    apr_int64_t bytes = CLOUD_QUOTA_DEFAULT;

    if (strcmp(value, "default") != 0 && cloud_size_parse(&bytes, value, call->r->pool)) {
        return cloud_err(call->r->pool, CLOUD_E_INVALID, "Invalid quota value %s", value);
    }
    return cloud_account_set_quota(call->ctx, a->id, bytes);
}

static cloud_err_t *set_language(cloud_ocs_call_t *call, const cloud_account_t *a,
                                 const char *value)
{
    return cloud_account_set_language(call->ctx, a, value);
}

static cloud_err_t *set_two_factors(cloud_ocs_call_t *call, const cloud_account_t *a,
                                    const char *value)
{
    APR_OPTIONAL_FN_TYPE(cloud_twofactor_set) *set = APR_RETRIEVE_OPTIONAL_FN(cloud_twofactor_set);
    int on = cloud_param_bool(call->params, "value", 0);

    (void)value;
    if (set) {
        return set(call->ctx, a, on);
    }
    return on ? cloud_err(call->r->pool, CLOUD_E_INVALID, "There is no second factor here") : NULL;
}

/* code: of a value that is refused. */
static const struct {
    const char *key;
    cloud_err_t *(*set)(cloud_ocs_call_t *, const cloud_account_t *, const char *);
    int code;
} FIELDS[] = {
    { "display", set_name, 103 },
    { "displayname", set_name, 103 },
    { "quota", set_quota, 103 },
    { "password", set_password, 403 },
    { "email", set_email, 102 },
    { "language", set_language, 103 },
    { "two_factor_auth_enabled", set_two_factors, 103 },
};
#define NFIELDS (sizeof(FIELDS) / sizeof(*FIELDS))

static cloud_err_t *edit_user(cloud_ocs_call_t *call)
{
    const char *key = cloud_param(call->params, "key"), *value = cloud_param(call->params, "value");
    cloud_account_t *a;
    cloud_err_t *err;
    apr_size_t i;

    CLOUD_ERR(cloud_prov_target(&a, call, CLOUD_MANAGE_PROFILE, CLOUD_OCS_DENIED, NULL));
    if (!a) {
        return NULL;
    }
    for (i = 0; i < NFIELDS && (!key || strcmp(FIELDS[i].key, key) != 0); i++) {
    }
    if (i == NFIELDS) {
        return cloud_prov_code(call, CLOUD_OCS_DENIED, NULL);
    }
    err = FIELDS[i].set(call, a, value ? value : "");
    if (cloud_err_is(err, CLOUD_E_INVALID)) {
        return cloud_prov_code(call, FIELDS[i].code, err->msg);
    }
    return cloud_err_is(err, CLOUD_E_DENIED) || cloud_err_is(err, CLOUD_E_NOT_FOUND)
        ? cloud_prov_code(call, CLOUD_OCS_DENIED, NULL) : err;
}

const cloud_ocs_route_t cloud_prov_edit_routes[] = {
    { "PUT", "/cloud/users/{user}", CLOUD_OCS_USER, edit_user, CLOUD_OCS_OLD },
    { NULL }
};
