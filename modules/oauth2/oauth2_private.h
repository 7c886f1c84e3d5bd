/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth2_private.h
 * What the request-free files of the OAuth feature share.
 */
#ifndef CLOUD_OAUTH2_PRIVATE_H
#define CLOUD_OAUTH2_PRIVATE_H

#include "internal.h"
#include "key.h"
#include "oauth2.h"

/* Ids of the stock clients, as compiled into them */
#define CLOUD_OAUTH_DESKTOP "xdXOt13JKxym1B1QcEncf2XDkLAexMBFwiT9j6EfhhHFJhs2KM9jbjTmf8JBXE69"
#define CLOUD_OAUTH_ANDROID "e4rAsNUSIUs0lF4nbv9FmCeUkTlV9GdgTLDH1b5uie7syb90SzEVrbN7HIpmWJeD"
#define CLOUD_OAUTH_IOS     "mxd5OQDk6es5LzOzRvidJNfXLUZS2oN3oUFeXPP8LpPrhx3UroJFduGEYIBOxkY1"

#define OAUTH_HASH        32
#define OAUTH_TOKEN_BYTES 45 /* of which nothing has to be padded in base64 */
#define OAUTH_TOKEN_LEN   60
#define OAUTH_CODE_LIFE   apr_time_from_sec(10 * 60)
/** A used code is remembered for so long: who uses it again ends what came of it. */
#define OAUTH_CODE_KEPT   apr_time_from_sec(24 * 3600)
/** A client whose answer was lost may use its refresh token again for so long. */
#define OAUTH_GRACE       apr_time_from_sec(10 * 60)
#define OAUTH_SIBLINGS    8  /* refresh tokens that one may be exchanged for, at most */
#define OAUTH_SEEN_EVERY  apr_time_from_sec(5 * 60)
#define OAUTH_PER_ACCOUNT 100 /* families; the one not used for longest makes room */

/* ---- oauth2_token.c ---- */

typedef enum { OAUTH_ACCESS = 'a', OAUTH_REFRESH = 'r' } oauth_kind_t;

/** What a token says by itself. */
typedef struct {
    oauth_kind_t kind;
    apr_int64_t family;
    apr_int64_t generation;
} oauth_token_t;

/** Percent-encodes all but unreserved characters. */
const char *cloud_oauth_encode(const char *text, apr_pool_t *pool);
/** Makes a token; its hash is what to store. */
cloud_err_t *cloud_oauth_token_make(const char **text, unsigned char hash[OAUTH_HASH],
                                    cloud_ctx_t *ctx, const oauth_token_t *token,
                                    apr_pool_t *pool);
/** Reads a token; *ours 0 when this store did not make it. */
cloud_err_t *cloud_oauth_token_read(oauth_token_t *token, int *ours, unsigned char hash[OAUTH_HASH],
                                    cloud_ctx_t *ctx, const char *text);
/** Hash of another secret: an authorization code, a client's secret. */
cloud_err_t *cloud_oauth_hash(unsigned char hash[OAUTH_HASH], cloud_ctx_t *ctx, const char *what,
                              const char *secret);
/** A secret of 64 letters and digits. */
cloud_err_t *cloud_oauth_secret(const char **secret, apr_pool_t *pool);

/* ---- oauth2_family.c ---- */

/** Ends a family. (tx, write) */
cloud_err_t *cloud_oauth_family_end(cloud_ctx_t *ctx, apr_int64_t family);
/** Ends families: of a client. (tx, write) */
cloud_err_t *cloud_oauth_client_end(cloud_ctx_t *ctx, apr_int64_t client);
/** A new family of account and client; the one not used for longest goes where there are too many.
 *  (tx, write) */
cloud_err_t *cloud_oauth_family_new(apr_int64_t *family, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, apr_int64_t client);

#endif
