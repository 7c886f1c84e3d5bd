/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Calls about shares of other servers, of which there are none. */
#include "private.h"

static cloud_err_t *no_remote_shares(cloud_ocs_call_t *call)
{
    return cloud_shares_answer(call, NULL);
}

static cloud_err_t *no_remote_share(cloud_ocs_call_t *call)
{
    return cloud_shares_answer(call, cloud_err(call->r->pool, CLOUD_E_NOT_FOUND,
                                               "Wrong share ID, share doesn't exist."));
}

const cloud_ocs_route_t cloud_shares_other_routes[] = {
    { "GET", "/apps/files_sharing/api/v1/remote_shares", CLOUD_OCS_USER, no_remote_shares },
    { "GET", "/apps/files_sharing/api/v1/remote_shares/all", CLOUD_OCS_USER, no_remote_shares },
    { "GET", "/apps/files_sharing/api/v1/remote_shares/pending",
      CLOUD_OCS_USER, no_remote_shares },
    { "POST", "/apps/files_sharing/api/v1/remote_shares/pending/{id}",
      CLOUD_OCS_USER, no_remote_share },
    { "DELETE", "/apps/files_sharing/api/v1/remote_shares/pending/{id}",
      CLOUD_OCS_USER, no_remote_share },
    { "GET", "/apps/files_sharing/api/v1/remote_shares/{id}", CLOUD_OCS_USER, no_remote_share },
    { "DELETE", "/apps/files_sharing/api/v1/remote_shares/{id}",
      CLOUD_OCS_USER, no_remote_share },
    { NULL }
};
