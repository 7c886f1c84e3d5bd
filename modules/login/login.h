/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login.h
 * Who is signed in with a browser: sessions. Request-free.
 *
 * A session is a row; the browser has a secret of 256 random bits, the row its hash. It ends by itself
 * when it was not used for a while (setting system/session_lifetime) or got old
 * (system/session_max_lifetime), with a change of the account's password, when the account is disabled
 * or deleted, and by hand.
 */
#ifndef CLOUD_LOGIN_H
#define CLOUD_LOGIN_H

#include "account.h"
#include "hooks.h"
#include "settings.h"

extern const cloud_feature_t cloud_login_feature;
extern const cloud_setting_t cloud_login_settings[];
/** Registers both: for the module, cloudctl and tests. */
void cloud_login_register(void);
/** Before the module is unloaded. */
void cloud_login_unregister(void);
/** Removes what is over; a periodic job. */
cloud_err_t *cloud_login_expire(int *more, cloud_ctx_t *ctx);

/** How far somebody has come. */
typedef enum {
    CLOUD_SESSION_OPEN,    /* signed in */
    CLOUD_SESSION_CODE     /* the password was right; the second factor is still to come */
} cloud_session_stage_t;

typedef struct {
    apr_int64_t id;                /* names it on a page; no secret */
    cloud_session_stage_t stage;
    apr_time_t created, seen;
    const char *address, *agent;   /* of the browser; never NULL */
} cloud_session_t;

/** New session of an account for which ctx acts (DENIED); *secret is for the browser alone. */
cloud_err_t *cloud_session_create(const char **secret, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, cloud_session_stage_t stage,
                                  apr_pool_t *pool);
/** The live session of a secret and its account; *session NULL when there is none. Notes that it was
 *  seen, at most once a minute. */
cloud_err_t *cloud_session_find(cloud_session_t **session, cloud_account_t **account,
                                cloud_ctx_t *ctx, const char *secret, apr_pool_t *pool);
/** Ends the session of a secret; nothing when there is none. */
cloud_err_t *cloud_session_end(cloud_ctx_t *ctx, const char *secret);
/** The account's live sessions, last seen first. */
cloud_err_t *cloud_session_list(apr_array_header_t **list /* of cloud_session_t */,
                                cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_pool_t *pool);
/** Ends the session id of the account: NOT_FOUND. id 0: all but the one with id keep. */
cloud_err_t *cloud_session_revoke(cloud_ctx_t *ctx, const cloud_account_t *account,
                                  apr_int64_t id, apr_int64_t keep);
/** After a change that ends all sessions (of the password, say), in its transaction: this session
 *  goes on. (tx, write) */
cloud_err_t *cloud_session_keep(cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_int64_t id);

/* ---- app passwords for programs (flow.c) ---- */

/** New app password; a name that is taken gets a number, one that can't be shown is made fit. */
cloud_err_t *cloud_login_apppass(const char **secret, cloud_ctx_t *ctx, const char *id,
                                 const char *name, apr_pool_t *pool);
/** Begins a login flow for a program of that name: the secret that it polls with, and the token of
 *  the page on which somebody grants. Both are good for 20 minutes. Stores nothing. */
cloud_err_t *cloud_flow_begin(const char **poll, const char **page, cloud_ctx_t *ctx,
                              const char *name, apr_pool_t *pool);
/** The program's name. NOT_FOUND: forged, or too old. */
cloud_err_t *cloud_flow_name(const char **name, cloud_ctx_t *ctx, const char *page,
                             apr_pool_t *pool);
/** ctx's account grants (DENIED for another one). NOT_FOUND; EXISTS: that was done before. */
cloud_err_t *cloud_flow_grant(cloud_ctx_t *ctx, const char *page, const cloud_account_t *account);
/** The account that granted and a new app password of it, once. NOT_FOUND: nobody has, or it was
 *  fetched, or the account's secrets have changed since. */
cloud_err_t *cloud_flow_fetch(cloud_account_t **account, const char **secret, cloud_ctx_t *ctx,
                              const char *poll, apr_pool_t *pool);

/** 43 letters (base64url) of 256 random bits. */
cloud_err_t *cloud_login_secret(const char **secret, apr_pool_t *pool);
/** The token that a form carries: bound to the cookie of forms, and to the session (secret; "" where
 *  nobody is signed in). */
const char *cloud_form_token(const char *cookie, const char *session, apr_pool_t *pool);
/** In constant time; token may be NULL. */
int cloud_form_token_fits(const char *token, const char *cookie, const char *session,
                          apr_pool_t *pool);

#endif
