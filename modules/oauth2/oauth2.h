/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file oauth2.h
 * OAuth 2.0 (RFC 6749) for sync clients: which clients there are, authorization codes, access and
 * refresh tokens. Request-free.
 *
 * A code is exchanged for a *family*: one authorization of one client by one account. Its access
 * tokens live for an hour, its refresh tokens are used once each. Everything of a family ends at once
 * when it is revoked, when its client is removed, when the account is deleted or disabled or gets
 * another password, and when one of its refresh tokens or its code is used by two.
 *
 * What is stored of a code or a token is a hash under a key that is not in the database.
 */
#ifndef CLOUD_OAUTH2_H
#define CLOUD_OAUTH2_H

#include "account.h"
#include "hooks.h"
#include "settings.h"

extern const cloud_feature_t cloud_oauth_feature;
extern const cloud_setting_t cloud_oauth_settings[];
/** Registers both: for the module, cloudctl and tests. */
void cloud_oauth_register(void);
/** Before the module is unloaded. */
void cloud_oauth_unregister(void);
/** Removes what is over; a periodic job. */
cloud_err_t *cloud_oauth_expire(int *more, cloud_ctx_t *ctx);

/* ---- clients (oauth2_client.c) ---- */

typedef struct {
    apr_int64_t number;
    const char *id;          /* client_id */
    const char *name;        /* as people are shown it */
    const char *redirect;    /* redirect URI; "http://localhost:*": any port of a loopback host */
    int has_secret;          /* it has to authenticate with a secret of its own */
    int trusted;             /* people are not asked */
    int builtin;             /* a stock client: its secret is known to all and proves nothing */
    int removed;             /* a built-in one that the operator does not want */
    apr_time_t created;
} cloud_oauth_client_t;

/** Client by its client_id. NOT_FOUND, also for one that was removed. */
cloud_err_t *cloud_oauth_client_get(cloud_oauth_client_t **client, cloud_ctx_t *ctx,
                                    const char *id, apr_pool_t *pool);
/** All clients, in order of name. */
cloud_err_t *cloud_oauth_client_list(apr_array_header_t **list /* of cloud_oauth_client_t */,
                                     cloud_ctx_t *ctx, apr_pool_t *pool);

/** What is needed to add a client. id and secret may be NULL: they are made, 64 letters each. */
typedef struct {
    const char *name;
    const char *redirect;
    const char *id;
    const char *secret;
    int is_public;           /* it has no secret (an app in a browser): PKCE is asked of it */
    int trusted;
} cloud_oauth_client_new_t;

/** Adds a client, for the system (DENIED). *secret is shown once; NULL for a public one. INVALID;
 *  EXISTS: the name or the id is taken. */
cloud_err_t *cloud_oauth_client_add(cloud_oauth_client_t **client, const char **secret,
                                    cloud_ctx_t *ctx, const cloud_oauth_client_new_t *what,
                                    apr_pool_t *pool);
/** Removes the client with this name or id and ends what was authorized with it, for the system
 *  (DENIED). NOT_FOUND. */
cloud_err_t *cloud_oauth_client_remove(cloud_ctx_t *ctx, const char *name);
/** Takes back the removal of a built-in client, for the system (DENIED). NOT_FOUND. */
cloud_err_t *cloud_oauth_client_restore(cloud_ctx_t *ctx, const char *name);
/** *fits 1 when secret is the client's; compared in constant time. */
cloud_err_t *cloud_oauth_client_check(int *fits, cloud_ctx_t *ctx,
                                      const cloud_oauth_client_t *client, const char *secret);

/* ---- redirect URIs and PKCE (oauth2_uri.c) ---- */

/** Whether a redirect URI is the registered one. Scheme and host are compared without case, all else
 *  letter by letter; an empty path is "/". Of "http://localhost:*" and what follows it, host is any
 *  name of the loopback interface, and the port is free (RFC 8252, 7.3). */
int cloud_oauth_redirect_fits(const char *registered, const char *given);
/** Whether it can be registered: absolute, without fragment, user or wildcard but the one above. */
int cloud_oauth_redirect_ok(const char *registered);
/** uri with more in its query; name, value pairs up to a NULL name, those with NULL value left out. */
const char *cloud_oauth_redirect_with(const char *uri, apr_pool_t *pool, ...);
/** What Content-Security-Policy calls the place that uri leads to: "http://localhost:1234", "oc:". */
const char *cloud_oauth_redirect_source(const char *uri, apr_pool_t *pool);

/** Whether challenge is one of this method: "S256", "plain", or NULL for "plain" (RFC 7636, 4.3). */
int cloud_oauth_pkce_ok(const char *method, const char *challenge);
/** Whether verifier belongs to it. challenge and verifier NULL: there was none. */
int cloud_oauth_pkce_fits(const char *method, const char *challenge, const char *verifier);

/* ---- codes and tokens (oauth2_grant.c) ---- */

/** Lets client act for account: *code is good for one exchange, for ten minutes. ctx must act for the
 *  account: DENIED. challenge and method as they came, or NULL. */
cloud_err_t *cloud_oauth_code_create(const char **code, cloud_ctx_t *ctx,
                                     const cloud_oauth_client_t *client,
                                     const cloud_account_t *account, const char *redirect,
                                     const char *challenge, const char *method, apr_pool_t *pool);

typedef struct {
    const char *access;      /* NULL: refused, and */
    const char *refresh;
    apr_int64_t expires_in;  /* seconds that access lives */
    const char *user;        /* id of the account */
    const char *error;       /* is why, as RFC 6749 (5.2) calls it, */
    const char *description; /* and what a programmer may want to know */
    int guess;               /* it was none of our codes or tokens: to be counted as a guess */
} cloud_oauth_answer_t;

/** Exchanges a code. verifier may be NULL. A code that is used again ends its family. */
cloud_err_t *cloud_oauth_exchange(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                  const cloud_oauth_client_t *client, const char *code,
                                  const char *redirect, const char *verifier, apr_pool_t *pool);
/** Exchanges a refresh token for the next pair. */
cloud_err_t *cloud_oauth_refresh(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                 const cloud_oauth_client_t *client, const char *refresh,
                                 apr_pool_t *pool);
/** RFC 7009: a refresh token ends its family, an access token itself. Nothing when it is none of the
 *  client's; *guess as above. */
cloud_err_t *cloud_oauth_revoke(int *guess, cloud_ctx_t *ctx, const cloud_oauth_client_t *client,
                                const char *token);

typedef enum {
    CLOUD_OAUTH_GOOD,
    CLOUD_OAUTH_ENDED,       /* it was ours: expired, revoked, or its account is disabled */
    CLOUD_OAUTH_FORGED       /* never was */
} cloud_oauth_state_t;

/** What an access token opens. */
typedef struct {
    cloud_oauth_state_t state;
    cloud_account_t *account;
    const char *client;      /* its name */
    apr_int64_t family;
    apr_time_t last_used;
} cloud_oauth_login_t;

/** Looks an access token up. */
cloud_err_t *cloud_oauth_verify(cloud_oauth_login_t *login, cloud_ctx_t *ctx, const char *token,
                                apr_pool_t *pool);
/** Notes that it was used (at most one write in some minutes). */
cloud_err_t *cloud_oauth_seen(cloud_ctx_t *ctx, const cloud_oauth_login_t *login);
/** Whether token has the form of ours. */
int cloud_oauth_shape(const char *token);

/* ---- what was authorized (oauth2_family.c) ---- */

typedef struct {
    apr_int64_t id;
    const char *client;      /* name */
    apr_time_t created, last_used;
    const char *agent;       /* of who exchanged the code; never NULL */
} cloud_oauth_family_t;

/** The account's families, last used first; by itself and the system: DENIED. */
cloud_err_t *cloud_oauth_family_list(apr_array_header_t **list /* of cloud_oauth_family_t */,
                                     cloud_ctx_t *ctx, const cloud_account_t *account,
                                     apr_pool_t *pool);
/** Ends the family id of the account; id 0: all. NOT_FOUND; DENIED as above. */
cloud_err_t *cloud_oauth_family_revoke(cloud_ctx_t *ctx, const cloud_account_t *account,
                                       apr_int64_t id);

#endif
