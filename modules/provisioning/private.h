/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private.h
 * What the files of mod_cloud_provisioning share. All rights are decided in the core (group.h); the
 * handlers here only turn its answers into the codes that ownCloud has for each call.
 */
#ifndef CLOUD_PROVISIONING_PRIVATE_H
#define CLOUD_PROVISIONING_PRIVATE_H

#include "mod_cloud_ocs.h"
#include "mod_cloud_provisioning.h"

#include <http_core.h>
#include <http_log.h>

#include "group.h"
#include "pref.h"
#include "settings.h"

extern module AP_MODULE_DECLARE_DATA cloud_provisioning_module;
APLOG_USE_MODULE(cloud_provisioning);

extern const cloud_ocs_route_t cloud_prov_user_routes[];
extern const cloud_ocs_route_t cloud_prov_edit_routes[];
extern const cloud_ocs_route_t cloud_prov_member_routes[];
extern const cloud_ocs_route_t cloud_prov_group_routes[];
extern const cloud_ocs_route_t cloud_prov_app_routes[];
extern const cloud_ocs_route_t cloud_prov_core_routes[];
extern const cloud_ocs_route_t cloud_prov_role_routes[];

/* ---- answers (answer.c) ---- */

/** Ends a call with a code of its own; message may be NULL. Returns NULL: to be returned. */
cloud_err_t *cloud_prov_code(cloud_ocs_call_t *call, int code, const char *message);

/** Which code stands for an error of the core, and with which message. A table ends with code 0. */
typedef struct {
    cloud_code_t error;
    int code;
    const char *message;  /* NULL: none; CLOUD_PROV_OWN: what the error says */
} cloud_prov_map_t;
#define CLOUD_PROV_OWN ""
/** Ends a call with what the table has for err; other errors are passed on, NULL is success. */
cloud_err_t *cloud_prov_answer(cloud_ocs_call_t *call, cloud_err_t *err,
                               const cloud_prov_map_t *map);
/** JSON array of ids (const char *). */
json_t *cloud_prov_ids(const apr_array_header_t *ids);
/** {name: array of ids} becomes the data of the call. */
cloud_err_t *cloud_prov_list(cloud_ocs_call_t *call, const char *name,
                             const apr_array_header_t *ids);
/** Parameters search, limit, offset. */
cloud_err_t *cloud_prov_search(cloud_search_t *search, const cloud_ocs_call_t *call);

/** The account that {user} names, if who asks may manage it so. *a NULL: the call is answered, with 997, or
 *  with missing and message for those who may know that there is none. */
cloud_err_t *cloud_prov_target(cloud_account_t **a, cloud_ocs_call_t *call, cloud_manage_t what,
                               int missing, const char *message);

#endif
