/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_authn_cloud.h
 * What mod_authn_cloud offers to the other modules: logins by name and password outside of Basic
 * authentication, and the throttle that all secrets share.
 *
 * A module compiles modules/auth/auth_client.c into itself, calls cloud_auth_connect() in its
 * pre_config hook (LoadModule order does not matter there) and then uses these as plain functions.
 * CloudAuthThrottle and CloudAuthCacheTTL count as they are set at the place of the request.
 *
 *     err = cloud_auth_login(&account, &client, r, user, password, 0);
 *
 *     err = cloud_try_begin(&try, r, "totp", account->id, NULL);
 *     if (err) return err;
 *     if (fits(code)) cloud_try_right(try);
 *     else cloud_try_wrong(try);
 */
#ifndef MOD_AUTHN_CLOUD_H
#define MOD_AUTHN_CLOUD_H

#include "mod_cloud.h"

/** For cloud_auth_login(): app passwords do not count. */
#define CLOUD_LOGIN_NO_APPPASS 1u

/** Checks a name (as sent, any spelling) and a password or app password exactly as a Basic login:
 *  same cache, same throttle, same answers whether the account exists or not, whether it is
 *  disabled or not. Notes the login (last_login). account lives as long as the main request; it is
 *  not yet the request's principal (cloud_http_set_account). *client is the name of the app
 *  password, NULL for the password. UNAUTHORIZED; THROTTLED, with Retry-After set in the answer. */
cloud_err_t *cloud_auth_login(const cloud_account_t **account, const char **client, request_rec *r,
                              const char *user, const char *secret, unsigned flags);

/** One try at a secret other than an account's password: a token, a code, a link's password. */
typedef struct cloud_try_t cloud_try_t;

/** Begins a try. kind is a constant ("totp", "link"), name whom or what the secret opens: failures are
 *  counted for these two and the network of the client. name is "" for secrets that name what they
 *  open by themselves. THROTTLED after too many failures, with Retry-After set in the answer.
 *
 *  secret: the same wrong one again is not counted, since clients repeat it; NULL where each failure
 *  counts, as for a short code that changes with time. Whoever has a secret too long to be
 *  guessed is not to suffer from others in his network: look it up first, and begin a try only
 *  when it does not fit. */
cloud_err_t *cloud_try_begin(cloud_try_t **t, request_rec *r, const char *kind, const char *name,
                             const char *secret);
/** True when this secret was found wrong a short while ago: a slow hash can be spared. */
int cloud_try_known(const cloud_try_t *t);
/** It was wrong: counts. */
void cloud_try_wrong(cloud_try_t *t);
/** It was right: earlier failures are forgiven. */
void cloud_try_right(cloud_try_t *t);

/** Whether a secret of the account, whatever its kind, was remembered, and nothing has ended that: its
 *  time, a change of the password, or that the account was disabled. For secrets that are slow to
 *  check. It begins with a word for its kind and a line feed. */
int cloud_auth_remembered(request_rec *r, const cloud_account_t *account, const char *secret);
/** Remembers one that was right, up to expires and no longer than CloudAuthCacheTTL. */
void cloud_auth_remember(request_rec *r, const cloud_account_t *account, const char *secret,
                         apr_time_t expires);

/** Before and after a slow hash of a secret that anybody may send: only CloudAuthHashes of them are at
 *  work at one time in a process. BUSY, with Retry-After set in the answer, when there was no place for a
 *  while; then there is nothing to end. */
cloud_err_t *cloud_slow_begin(request_rec *r);
void cloud_slow_end(void);

/* ---- how the functions get from mod_authn_cloud to the others ---- */

typedef struct {
    apr_size_t size;    /* sizeof(cloud_auth_api_t): all modules are built together */
    cloud_err_t *(*login)(const cloud_account_t **, const char **, request_rec *, const char *,
                          const char *, unsigned);
    cloud_err_t *(*try_begin)(cloud_try_t **, request_rec *, const char *, const char *,
                              const char *);
    int (*try_known)(const cloud_try_t *);
    void (*try_wrong)(cloud_try_t *);
    void (*try_right)(cloud_try_t *);
    int (*remembered)(request_rec *, const cloud_account_t *, const char *);
    void (*remember)(request_rec *, const cloud_account_t *, const char *, apr_time_t);
    cloud_err_t *(*slow_begin)(request_rec *);
    void (*slow_end)(void);
} cloud_auth_api_t;

APR_DECLARE_OPTIONAL_FN(const cloud_auth_api_t *, cloud_auth_api, (void));

/** Finds mod_authn_cloud. 0 (and a line in the log) when it is not loaded or of another build. */
int cloud_auth_connect(apr_pool_t *plog);

#endif
