/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login_private.h
 * What the request-free files of the login feature share.
 */
#ifndef CLOUD_LOGIN_PRIVATE_H
#define CLOUD_LOGIN_PRIVATE_H

#include "internal.h"
#include "login.h"

#define CLOUD_LOGIN_HASH 32

/** How long the secret of a second factor waits to be confirmed. */
#define CLOUD_SECOND_WAITS apr_time_from_sec(3600)

/** SHA-256 of a secret that is random enough to need no more. */
void cloud_login_hash(unsigned char hash[CLOUD_LOGIN_HASH], const char *secret);
/** base64url, and back: NULL when text is none, or has padding. */
const char *cloud_login_text(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool);
const unsigned char *cloud_login_bytes(apr_size_t *len, const char *text, apr_pool_t *pool);
/** DENIED unless ctx acts for the account or the system. */
cloud_err_t *cloud_login_may(const cloud_ctx_t *ctx, const cloud_account_t *account);
#endif
