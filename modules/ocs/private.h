/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private.h
 * What the files of mod_cloud_ocs share. Only mod_cloud_ocs.c registers hooks.
 */
#ifndef CLOUD_OCS_PRIVATE_H
#define CLOUD_OCS_PRIVATE_H

#include "mod_cloud_ocs.h"

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

extern module AP_MODULE_DECLARE_DATA cloud_ocs_module;
APLOG_USE_MODULE(cloud_ocs);

/* ---- envelope.c ---- */

/** HTTP status and statuscode of a code in v1's numbering. 997 is 401, and stays 997 in both. */
void cloud_ocs_status(int *http, int *statuscode, int version, int code);
/** The whole answer as text, in pool. message NULL is null; total and per_page -1 are empty. */
const char *cloud_ocs_envelope(const cloud_ocs_call_t *call, int statuscode, int ok,
                               apr_pool_t *pool);
const char *cloud_ocs_type(const cloud_ocs_call_t *call);
/** json_t that lives as long as pool. */
json_t *cloud_ocs_own(json_t *json, apr_pool_t *pool);

/* ---- routes.c ---- */

/** Serves a request; rest is the path after "/ocs/v1.php", decoded. */
int cloud_ocs_serve(request_rec *r, int version, const char *rest);
/** Body of errors that httpd makes on our paths. */
const char *cloud_ocs_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                                 apr_bucket_brigade *bb);

/* ---- body.c ---- */

/** Parameters of query and form body. */
cloud_err_t *cloud_ocs_params(cloud_params_t **params, request_rec *r);

/* ---- status.c ---- */

/** The fields that status.php and capabilities have in common. */
json_t *cloud_ocs_status_fields(int maintenance, int hide_version);
int cloud_ocs_status_php(request_rec *r);

/* ---- capabilities.c, user.c ---- */

extern const cloud_ocs_route_t cloud_ocs_capabilities_routes[];
extern const cloud_ocs_route_t cloud_ocs_user_routes[];
extern const cloud_ocs_route_t cloud_ocs_user_sync_routes[];
cloud_err_t *cloud_ocs_core_capabilities(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r);

#endif
