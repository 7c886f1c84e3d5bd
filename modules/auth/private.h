/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private.h
 * What the files of mod_authn_cloud share. Only mod_authn_cloud.c registers hooks.
 */
#ifndef CLOUD_AUTH_PRIVATE_H
#define CLOUD_AUTH_PRIVATE_H

#include "mod_authn_cloud.h"

#include <http_log.h>
#include <mod_auth.h>

#include "auth.h"

extern module AP_MODULE_DECLARE_DATA authn_cloud_module;
APLOG_USE_MODULE(authn_cloud);

/** A provider of another module (CloudAuthLoginProvider). */
typedef struct {
    const char *name;
    const authn_provider *provider;
} cloud_auth_provider_t;

/** Values as they count for a request. */
typedef struct {
    int ttl;                       /* seconds for which a verified password is remembered */
    cloud_throttle_conf_t throttle;
    const apr_array_header_t *providers; /* of cloud_auth_provider_t; NULL: none */
} cloud_auth_conf_t;

/* ---- mod_authn_cloud.c ---- */

cloud_auth_conf_t cloud_auth_conf(request_rec *r);
/** The shared memory, made before the fork. */
cloud_auth_mem_t *cloud_auth_memory(void);
/** For the slow hashes of this process. */
cloud_slots_t *cloud_auth_slots(void);

/* ---- login.c ---- */

/** As cloud_auth_login(); *password is 1 when it is no other provider's: the account has a
 *  password here, or the secret looks like an app password. */
cloud_err_t *cloud_auth_check(const cloud_account_t **account, const char **client, int *password,
                              request_rec *r, const char *user, const char *secret,
                              unsigned flags);

/** Asks the providers of CloudAuthLoginProvider about a password that is none of here (providers.c). As
 *  cloud_auth_login(). */
cloud_err_t *cloud_auth_ask_others(const cloud_account_t **account, request_rec *r,
                                   const char *user, const char *secret);
/** To be called when another provider let somebody in with a password that cloud_auth_check() did not
 *  know: it was no guess, and is not hashed here again for a while. */
void cloud_auth_is_elsewhere(request_rec *r);
/** To be called when r->user was authenticated: the same, if another provider did that. */
void cloud_auth_passed_on(request_rec *r);

/** Offers the functions of mod_authn_cloud.h. */
void cloud_auth_api_register(void);

#endif
