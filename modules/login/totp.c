/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file totp.c
 * RFC 6238 with what every app has: HMAC-SHA-1, 6 digits, 30 seconds.
 */
#include "totp.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SHA1_LEN 20
#define MODULUS  1000000u

unsigned cloud_totp(const unsigned char *secret, apr_size_t len, apr_uint64_t step)
{
    unsigned char counter[8], mac[SHA1_LEN];
    unsigned n = sizeof mac, at;
    int i;

    for (i = 0; i < 8; i++) counter[i] = (unsigned char)(step >> (56 - 8 * i));
    HMAC(EVP_sha1(), secret, (int)len, counter, sizeof counter, mac, &n);
    at = mac[SHA1_LEN - 1] & 15;
    return (((unsigned)mac[at] & 0x7f) << 24 | (unsigned)mac[at + 1] << 16
            | (unsigned)mac[at + 2] << 8 | mac[at + 3])
           % MODULUS;
}

/* Digits of a code; 0 when it is none. */
static int digits(char out[CLOUD_TOTP_DIGITS + 1], const char *code)
{
    int n = 0;

    for (; *code; code++) {
        if (*code == ' ') continue;
        if (*code < '0' || *code > '9' || n == CLOUD_TOTP_DIGITS) return 0;
        out[n++] = *code;
    }
    out[n] = '\0';
    return n == CLOUD_TOTP_DIGITS;
}

apr_uint64_t cloud_totp_match(const unsigned char secret[CLOUD_TOTP_SECRET], const char *code,
                              apr_time_t now, apr_uint64_t last)
{
    apr_uint64_t current = (apr_uint64_t)apr_time_sec(now) / CLOUD_TOTP_STEP, found = 0;
    int drift;
    char typed[CLOUD_TOTP_DIGITS + 1], right[CLOUD_TOTP_DIGITS + 1];

    if (!digits(typed, code)) return 0;
    for (drift = -1; drift <= 1; drift++) {
        apr_uint64_t step = current + (apr_uint64_t)drift;

        apr_snprintf(right, sizeof right, "%06u", cloud_totp(secret, CLOUD_TOTP_SECRET, step));
        if (CRYPTO_memcmp(right, typed, CLOUD_TOTP_DIGITS) == 0 && step > last) found = step;
    }
    return found;
}

const char *cloud_base32(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *text = apr_palloc(pool, len * 8 / 5 + 2), *to = text;
    unsigned bits = 0;
    int have = 0;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        for (have += 8; have >= 5; have -= 5) *to++ = letters[bits >> (have - 5) & 31];
    }
    if (have) *to++ = letters[bits << (5 - have) & 31];
    *to = '\0';
    return text;
}
