/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_provisioning.h
 * What the provisioning API asks other modules, as optional functions. Whoever has a second factor for
 * logins registers both: the field two_factor_auth_enabled is read and set by them.
 */
#ifndef MOD_CLOUD_PROVISIONING_H
#define MOD_CLOUD_PROVISIONING_H

#include "mod_cloud.h"

/** *on: whether logins of this account ask for a second factor. */
APR_DECLARE_OPTIONAL_FN(cloud_err_t *, cloud_twofactor_get,
                        (int *on, cloud_ctx_t *ctx, const cloud_account_t *account));
/** Turns it on or off. ctx->who may change the account's profile; what more it needs for that is
 *  asked here: DENIED. INVALID where it can't be turned on for somebody (no device yet). */
APR_DECLARE_OPTIONAL_FN(cloud_err_t *, cloud_twofactor_set,
                        (cloud_ctx_t *ctx, const cloud_account_t *account, int on));

#endif
