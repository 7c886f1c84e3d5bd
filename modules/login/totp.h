/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file totp.h
 * One-time passwords by time (RFC 6238), and base32 (RFC 4648). Request-free.
 */
#ifndef CLOUD_TOTP_H
#define CLOUD_TOTP_H

#include "cloud.h"

#define CLOUD_TOTP_SECRET 20 /* bytes: those of the hash */
#define CLOUD_TOTP_DIGITS 6
#define CLOUD_TOTP_STEP   30 /* seconds */

/** The code of a step (seconds since 1970 / 30): a number below 10^6. */
unsigned cloud_totp(const unsigned char *secret, apr_size_t len, apr_uint64_t step);
/** The step around now (one before and one after count) whose code this is and that is later than
 *  last; 0: none. code is as typed, blanks in it do not count. Takes the same time for all. */
apr_uint64_t cloud_totp_match(const unsigned char secret[CLOUD_TOTP_SECRET], const char *code,
                              apr_time_t now, apr_uint64_t last);
/** Without padding. */
const char *cloud_base32(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool);

#endif
