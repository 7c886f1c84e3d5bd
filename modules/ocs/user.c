/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file user.c
 * What people may ask about themselves.
 */
#include "private.h"

#include "pref.h"

/* id goes into every DAV URL of the client: always the canonical spelling. */
static cloud_err_t *get_me(cloud_ocs_call_t *call)
{
    const cloud_account_t *a = call->account;
    const char *lang;

    CLOUD_ERR(cloud_account_language(&lang, call->ctx, a, call->r->pool));
    call->data = json_pack("{s:s, s:s, s:s?, s:s}", "id", a->id, "display-name", a->display_name,
                           "email", a->email, "language", lang);
    return NULL;
}

const cloud_ocs_route_t cloud_ocs_user_routes[] = {
    { "GET", "/cloud/user", CLOUD_OCS_USER, get_me },
    { NULL }
};
