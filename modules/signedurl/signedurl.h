/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file signedurl.h
 * Signed URLs: an address that opens one file for some minutes without a login, for a browser that
 * has to fetch it by itself (downloads, previews). Request-free.
 *
 * A client asks for the account's signing key once, and signs addresses by itself: it adds
 * OC-Credential (the account), OC-Date, OC-Expires (seconds) and OC-Verb to the query, takes
 * PBKDF2-HMAC-SHA512 of the whole address with the key as salt, and adds it as OC-Signature.
 */
#ifndef CLOUD_SIGNEDURL_H
#define CLOUD_SIGNEDURL_H

#include "account.h"
#include "hooks.h"

extern const cloud_feature_t cloud_signedurl_feature;

/** Longest time that an address may be good for, seconds. */
#define CLOUD_SIGNED_LIFE_MAX 3600
/** How far a client's clock may be ahead, seconds. */
#define CLOUD_SIGNED_SKEW     300

/** The signing key of ctx->who.account, 64 letters; made when it is first asked for, and anew after
 *  a change of the password, and when a secret with which somebody asked for it was revoked. since is a time before ctx->who's login
 *  was checked: UNAUTHORIZED when its secret was revoked after that. DENIED for nobody. */
cloud_err_t *cloud_signing_key(const char **key, cloud_ctx_t *ctx, apr_time_t since,
                               apr_pool_t *pool);
/** Makes a new key for an account that has one: nothing signed before is good any more. By the system
 *  (DENIED). NOT_FOUND: it has none. */
cloud_err_t *cloud_signing_key_renew(cloud_ctx_t *ctx, const char *id);
/** The key of an account, as it is now; *key NULL: none was ever made, or it is over, and then no
 *  signature is right. */
cloud_err_t *cloud_signing_key_get(const char **key, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_pool_t *pool);

/** What the query of an address says. */
typedef struct {
    const char *credential;
    const char *signature;   /* 64 hexadecimal digits */
    const char *verb;
    const char *query;       /* all of the query that is signed */
    apr_time_t date;
    apr_int64_t expires;     /* seconds */
} cloud_signed_t;

/** True when a query has a signature, right or wrong. */
int cloud_signed_is(const char *query);
/** Reads a query as it was sent. 0: not all is there, or it makes no sense; *why is what. */
int cloud_signed_parse(cloud_signed_t *s, const char **why, const char *query, apr_pool_t *pool);
/** 1 while it is good, and for this method ("GET", "HEAD"); else *why says what is wrong. */
int cloud_signed_current(const cloud_signed_t *s, const char **why, const char *method,
                         apr_time_t now);
/** 1 when the signature is that of url + "?" + s->query; in constant time, after a slow hash. key NULL
 *  takes as long and is never right. */
int cloud_signed_fits(const cloud_signed_t *s, const char *url, const char *key, apr_pool_t *pool);

/** Replaces the signature in a text that goes to a log, such as a request line; returns text itself when
 *  there is none. */
const char *cloud_signed_mask(const char *text, apr_pool_t *pool);

#endif
