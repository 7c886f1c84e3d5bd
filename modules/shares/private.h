/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private.h
 * What the files of mod_cloud_shares share. The rules are the library's (share.h); here its
 * answers are put into the forms that OCS and DAV have for them.
 */
#ifndef CLOUD_SHARES_PRIVATE_H
#define CLOUD_SHARES_PRIVATE_H

#include "mod_cloud_ocs.h"

#include <http_core.h>
#include <http_log.h>

#include "share.h"

extern module AP_MODULE_DECLARE_DATA cloud_shares_module;
APLOG_USE_MODULE(cloud_shares);

extern const cloud_ocs_route_t cloud_shares_routes[];
extern const cloud_ocs_route_t cloud_shares_notify_routes[];
extern const cloud_ocs_route_t cloud_shares_other_routes[];
extern const cloud_ocs_route_t cloud_shares_sharee_routes[];

/** The personal settings of sharing, and their handler. */
extern const cloud_endpoint_t cloud_shares_personal;
int cloud_shares_personal_serve(request_rec *r);

/** Ends a call with what ownCloud says for err: its codes 404, 403 and 400; other errors are
 *  passed on. NULL is success, without a message. */
cloud_err_t *cloud_shares_answer(cloud_ocs_call_t *call, cloud_err_t *err);

/** Shares as who asks is shown them. */
typedef struct {
    cloud_ocs_call_t *call;
    int received;              /* as their recipient gets them */
    int may_share;             /* he may share at all */
    apr_hash_t *granted;       /* cloud_share_granted_all(); NULL: each is looked for by itself */
    apr_hash_t *own;           /* items by node, as they are found; NULL: there is but one */
} cloud_shares_view_t;

/** many: what all have in common is looked at once, in a few statements. (tx) */
cloud_err_t *cloud_shares_view(cloud_shares_view_t *view, cloud_ocs_call_t *call, int received,
                               int many);
/** A share as OCS shows it; *out NULL when who asks can't see its item (any more). pool: for the time of the call;
 *  the JSON is its own. (tx, that of the view) */
cloud_err_t *cloud_shares_format(json_t **out, const cloud_shares_view_t *view,
                                 const cloud_share_t *s, apr_pool_t *pool);

/** The part "files_sharing" of the capabilities. */
cloud_err_t *cloud_shares_capabilities(json_t *all, cloud_ctx_t *ctx, request_rec *r);

/** Registers live properties, if there is a module for DAV. */
void cloud_shares_register_props(void);

#endif
