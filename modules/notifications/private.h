/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private.h
 * What the files of mod_cloud_notifications share that know requests. Only mod_cloud_notifications.c
 * registers hooks.
 */
#ifndef CLOUD_NOTIFICATIONS_PRIVATE_H
#define CLOUD_NOTIFICATIONS_PRIVATE_H

#include "mod_cloud.h"
#include "mod_cloud_ocs.h"

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "notification.h"

extern module AP_MODULE_DECLARE_DATA cloud_notifications_module;
APLOG_USE_MODULE(cloud_notifications);

/* ---- api.c ---- */

/** The OCS calls. */
extern const cloud_ocs_route_t cloud_notification_routes[];

/* ---- options.c ---- */

/** Where somebody chooses which notices he gets by mail; plain JSON, as ownCloud has it. */
extern const cloud_endpoint_t cloud_notification_options;
int cloud_notification_options_serve(request_rec *r);

#endif
