/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file second.h
 * The second factor: codes that change with time (TOTP, RFC 6238: HMAC-SHA-1, 6 digits, 30 seconds),
 * and ten backup codes for when the device is lost. Request-free.
 *
 * Where it is set up (cloud_account_t.two_factor), or asked of an account by the settings
 * system/twofactor_enforced and twofactor_enforced_groups, a password alone opens nothing: neither
 * pages nor files. App passwords and tokens do, and they are made by who has both factors.
 */
#ifndef CLOUD_SECOND_H
#define CLOUD_SECOND_H

#include "account.h"

#define CLOUD_BACKUP_CODES 10

/** Whether a password of this account needs a second factor. */
cloud_err_t *cloud_second_needed(int *needed, cloud_ctx_t *ctx, const cloud_account_t *account);

/* All of these for ctx's account and the system: DENIED otherwise. Not inside a transaction, unless
 * it says so. */

/** The secret that waits to be confirmed by this browser, in base32. browser: a secret that no other one
 *  has. A new one is made when there is none, when another browser asked for it (that one's counts
 *  no more: who else has the password must not know what its owner confirms), and after an hour.
 *  EXISTS: a second factor is set up already. */
cloud_err_t *cloud_second_prepare(const char **secret, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *browser,
                                  apr_pool_t *pool);
/** Turns it on when code is one of that secret: INVALID otherwise, and when what waits is not this
 *  browser's; NOT_FOUND when none was prepared.
 *  *codes: the backup codes, shown once. Every session of the account ends but session (0: all). */
cloud_err_t *cloud_second_confirm(const char *codes[CLOUD_BACKUP_CODES], cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *browser,
                                  const char *code, apr_int64_t session, apr_pool_t *pool);
/** Checks a code of the device, or a backup code; each counts once. UNAUTHORIZED; THROTTLED after too
 *  many wrong ones from anywhere (backup codes still count then). */
cloud_err_t *cloud_second_check(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const char *code);
/** How many backup codes are left. */
cloud_err_t *cloud_second_left(int *left, cloud_ctx_t *ctx, const cloud_account_t *account);
/** Ten new backup codes instead of those there are. CONFLICT when no second factor is set up. */
cloud_err_t *cloud_second_codes(const char *codes[CLOUD_BACKUP_CODES], cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_pool_t *pool);
/** Takes the second factor away. Every session of the account ends but session (0: all). */
cloud_err_t *cloud_second_off(cloud_ctx_t *ctx, const cloud_account_t *account,
                              apr_int64_t session);

/** otpauth:// URI of a secret, as apps on phones read it. issuer: the name of this server. */
const char *cloud_totp_uri(const char *secret, const char *issuer, const char *account,
                           apr_pool_t *pool);

#endif
