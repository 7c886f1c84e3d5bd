/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file user_sync.c
 * /cloud/user-sync: an administrator lets what a directory says of somebody be taken over again. The
 * directory is asked by httpd's modules at logins, so it is the account's next request that does it.
 */
#include "private.h"

#include "person.h"

static cloud_err_t *sync_user(cloud_ocs_call_t *call)
{
    const char *id = call->args[0];
    cloud_err_t *err = cloud_person_forget(call->ctx, id);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        call->code = HTTP_NOT_FOUND;
        call->message = apr_pstrcat(call->r->pool, "User is not known in any user backend: ", id,
                                    NULL);
        return NULL;
    }
    call->message = ""; /* as ownCloud's application framework answers */
    return err;
}

const cloud_ocs_route_t cloud_ocs_user_sync_routes[] = {
    { "POST", "/cloud/user-sync/{user}", CLOUD_OCS_ADMIN, sync_user },
    { NULL }
};
