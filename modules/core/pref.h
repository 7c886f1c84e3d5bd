/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file pref.h
 * Preferences: settings of one account, by app and key as ownCloud has them. They are no secrets:
 * they lie in the database as they are. What clients keep here for themselves (OCS privatedata) has
 * names of its own, and can't get at the server's.
 */
#ifndef CLOUD_PREF_H
#define CLOUD_PREF_H

#include "account.h"

#define CLOUD_PREF_VALUE_MAX 65536  /* bytes of a value */
#define CLOUD_PREF_NAME_MAX  255    /* bytes of an app, and of a key */
#define CLOUD_PRIVATE_MAX    1000   /* entries of private data of an account */

typedef struct {
    const char *app;
    const char *key;
    const char *value;
} cloud_pref_t;

/** Value of a preference, NULL when it is not set. By the account itself, those who may see it
 *  (CLOUD_MANAGE_SEE) and the system; DENIED. Works inside and outside of a transaction. */
CLOUD_API cloud_err_t *cloud_pref_get(const char **value, cloud_ctx_t *ctx,
                                      const cloud_account_t *a, const char *app, const char *key,
                                      apr_pool_t *pool);
/** Sets it; value NULL deletes it. By the account itself, those who may change its profile and the
 *  system; DENIED. INVALID: name or value too long or not UTF-8. A preference that only the server
 *  may set has to be set by a context of the system. */
CLOUD_API cloud_err_t *cloud_pref_set(cloud_ctx_t *ctx, const cloud_account_t *a, const char *app,
                                      const char *key, const char *value);

/** The language that an account has chosen, or the setting default_language. Rights as for
 *  cloud_pref_get(). */
CLOUD_API cloud_err_t *cloud_account_language(const char **lang, cloud_ctx_t *ctx,
                                              const cloud_account_t *a, apr_pool_t *pool);

/** Sets it ("de", "pt_BR", "zh-Hant"); NULL or "": the default again. Rights as for cloud_pref_set(). INVALID. */
CLOUD_API cloud_err_t *cloud_account_set_language(cloud_ctx_t *ctx, const cloud_account_t *a,
                                                  const char *lang);

/** Private data of ctx->who.account: array of cloud_pref_t, in order; app and key NULL: all. */
CLOUD_API cloud_err_t *cloud_private_list(apr_array_header_t **list, cloud_ctx_t *ctx,
                                          const char *app, const char *key, apr_pool_t *pool);
/** Sets an entry of ctx->who.account; value NULL deletes it. QUOTA: too many entries. */
CLOUD_API cloud_err_t *cloud_private_set(cloud_ctx_t *ctx, const char *app, const char *key,
                                         const char *value);

#endif
