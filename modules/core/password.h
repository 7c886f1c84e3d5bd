/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file password.h
 * The password policy: the settings of ownCloud's app password_policy. Nothing is asked for by
 * default. It holds for passwords that people choose, of accounts and of links alike.
 */
#ifndef CLOUD_PASSWORD_H
#define CLOUD_PASSWORD_H

#include "store.h"

#define CLOUD_PASSWORD_MAX 72 /* bytes: bcrypt looks at no more */

typedef enum {
    CLOUD_PASSWORD_CHARS,
    CLOUD_PASSWORD_LOWER,
    CLOUD_PASSWORD_UPPER,
    CLOUD_PASSWORD_DIGITS,
    CLOUD_PASSWORD_SPECIAL,   /* neither letters nor digits */
    CLOUD_PASSWORD_NCOUNTS
} cloud_password_count_t;

/** The policy in force. */
typedef struct {
    apr_int64_t least[CLOUD_PASSWORD_NCOUNTS]; /* characters of each kind; 0: not asked for */
    const char *specials;     /* the only special characters that are allowed; NULL: all */
    const char *banned;       /* file of passwords that are refused, one a line; NULL: none */
    apr_int64_t history;      /* must differ from so many of the account's last ones; 0: none */
} cloud_password_policy_t;

/** The strings live in ctx->pool. */
CLOUD_API cloud_err_t *cloud_password_policy(cloud_password_policy_t *policy, cloud_ctx_t *ctx);
/** Whether the policy lets password be a new one: INVALID says what it lacks. UNAVAILABLE when the
 *  list of those that are banned can't be read. What only accounts have, their history, is looked
 *  at where their password is set. Not inside a transaction: it may read a long file. */
CLOUD_API cloud_err_t *cloud_password_policy_check(cloud_ctx_t *ctx, const char *password);
/** Hash (bcrypt, at the cost that the settings ask for) of a password that is no account's, such as a
 *  link's; apr_password_validate() checks it. INVALID when it is empty or too long. Slow: not inside a
 *  transaction. */
CLOUD_API cloud_err_t *cloud_password_hash(const char **hash, cloud_ctx_t *ctx, const char *password,
                                           apr_pool_t *pool);

#endif
