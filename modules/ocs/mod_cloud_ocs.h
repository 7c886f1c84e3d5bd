/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_ocs.h
 * How a feature adds OCS calls: a table of routes, given to cloud_register_ocs() (mod_cloud.h).
 *
 *     static cloud_err_t *list(cloud_ocs_call_t *call)
 *     {
 *         const char *path = cloud_param(call->params, "path");
 *         ...
 *         json_array_append_new(call->data = json_array(), share);
 *         return NULL;
 *     }
 *     static const cloud_ocs_route_t routes[] = {
 *         { "GET", "/apps/files_sharing/api/v1/shares/{id}", CLOUD_OCS_USER, show },
 *         { NULL }
 *     };
 */
#ifndef MOD_CLOUD_OCS_H
#define MOD_CLOUD_OCS_H

#include "mod_cloud.h"

#include <jansson.h>

#include "ocs_params.h"

#define CLOUD_OCS_OK        100
#define CLOUD_OCS_FAILED    996
#define CLOUD_OCS_DENIED    997
#define CLOUD_OCS_NOT_FOUND 998

#define CLOUD_OCS_MAX_ARGS 4

/** One call. The handler fills in data; an error that it returns becomes code and message. Where it sets
 *  an ETag, a client that has the answer already gets 304. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_account_t *account;  /* who asks; NULL with CLOUD_OCS_ANYBODY */
    const cloud_params_t *params;    /* query and form */
    const char *args[CLOUD_OCS_MAX_ARGS]; /* {...} of the pattern, in order, decoded */
    int version;                     /* 1 or 2 */
    int json;                        /* else XML */
    int old;                         /* CLOUD_OCS_OLD */
    /* the answer */
    json_t *data;                    /* owned by the call; NULL: empty */
    int code;                        /* 100, or a call's own code in v1's numbering */
    const char *message;             /* NULL: "OK" when it went well (old calls: none); "": none */
    apr_int64_t total;               /* totalitems; -1: none */
    apr_int64_t per_page;            /* itemsperpage; -1: none */
} cloud_ocs_call_t;

typedef cloud_err_t *cloud_ocs_fn(cloud_ocs_call_t *call);

/** Who may make the call at all; what he may do to whom is asked by the verbs. Others get 997. */
typedef enum {
    CLOUD_OCS_ANYBODY,
    CLOUD_OCS_USER,
    CLOUD_OCS_SUBADMIN,   /* of some group, or administrators */
    CLOUD_OCS_ADMIN
} cloud_ocs_auth_t;

/** ownCloud makes the answers of its older calls in another way: no totalitems and itemsperpage
 *  unless there are some, no message when all went well, and XML is text/xml. */
#define CLOUD_OCS_OLD 1u

/** A call. pattern begins after "/ocs/v1.php"; {name} stands for one whole segment, in which an
 *  encoded slash is a character like any other. The first route that fits is taken. */
typedef struct cloud_ocs_route_t {
    const char *method;
    const char *pattern;
    cloud_ocs_auth_t auth;
    cloud_ocs_fn *handler;
    unsigned flags;
} cloud_ocs_route_t;

#endif
