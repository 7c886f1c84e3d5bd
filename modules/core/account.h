/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file account.h
 * Accounts and their secrets. An account's id is what stands in URLs; ids are compared without
 * case (ASCII and Unicode simple folding by utf8proc), and the spelling of creation is canonical.
 */
#ifndef CLOUD_ACCOUNT_H
#define CLOUD_ACCOUNT_H

#include "store.h"

#define CLOUD_QUOTA_DEFAULT   (-1)   /* take the setting files/default_quota */
#define CLOUD_QUOTA_UNLIMITED (-3)   /* as DAV:quota-available-bytes has it */

struct cloud_account_t {
    apr_int64_t number;       /* primary key */
    const char *id;           /* canonical spelling */
    const char *display_name; /* never NULL; the id when none was given */
    const char *email;        /* or NULL */
    apr_int64_t quota;        /* bytes, CLOUD_QUOTA_DEFAULT or CLOUD_QUOTA_UNLIMITED */
    int enabled;
    apr_time_t created;
    apr_time_t last_login;    /* 0: never */
    apr_int64_t root;         /* node id of the files root */
    apr_int64_t purge;        /* node id of the root of what is deleted for good */
    const char *dir;          /* directory below <data_dir>/accounts */
    int has_password;         /* 0: app passwords and other means of login only */
    apr_int64_t secret_epoch; /* changes with every change of a password: caches compare it */
};

/** The form in which ids are compared; NULL when id is not valid UTF-8. */
CLOUD_API const char *cloud_account_fold(const char *id, apr_pool_t *pool);
/** Account by id (any case). NOT_FOUND. Works inside or outside a transaction. */
CLOUD_API cloud_err_t *cloud_account_get(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                         apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_account_by_number(cloud_account_t **a, cloud_ctx_t *ctx,
                                               apr_int64_t number, apr_pool_t *pool);
/** Creates the account with its directory and roots. Ids: 1-64.. bytes of ownCloud's alphabet
 *  "a-zA-Z0-9 _.@-'" and any other UTF-8 letter, not ".", "..", no '/', no surrounding blanks:
 *  INVALID; EXISTS. password may be NULL (login by other means only). */
CLOUD_API cloud_err_t *cloud_account_create(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                            const char *password, const char *display_name,
                                            apr_pool_t *pool);
typedef cloud_err_t *cloud_account_fn(void *baton, const cloud_account_t *a, apr_pool_t *pool);
/** All accounts in order of id. search (may be NULL): substring of id or display name. */
CLOUD_API cloud_err_t *cloud_account_each(cloud_ctx_t *ctx, const char *search,
                                          cloud_account_fn *fn, void *baton);
/* The changes: by the system, and name, e-mail, password and app passwords also by the account
 * itself; DENIED otherwise, whether the account exists or not. */
CLOUD_API cloud_err_t *cloud_account_set_quota(cloud_ctx_t *ctx, const char *id,
                                               apr_int64_t quota);
CLOUD_API cloud_err_t *cloud_account_set_enabled(cloud_ctx_t *ctx, const char *id, int enabled);
CLOUD_API cloud_err_t *cloud_account_set_display_name(cloud_ctx_t *ctx, const char *id,
                                                      const char *name);
CLOUD_API cloud_err_t *cloud_account_set_email(cloud_ctx_t *ctx, const char *id, const char *email);
/** Sets (bcrypt) or, with NULL, removes the password. Invalidates every cached login at once. */
CLOUD_API cloud_err_t *cloud_account_set_password(cloud_ctx_t *ctx, const char *id,
                                                  const char *password);
/** Deletes the account, its rows and secrets; its directory is renamed away by the journal of the
 *  deleting transaction and unlinked by the maintenance job. */
CLOUD_API cloud_err_t *cloud_account_delete(cloud_ctx_t *ctx, const char *id);
/** Notes a login (at most one write in some minutes). */
CLOUD_API cloud_err_t *cloud_account_seen(cloud_ctx_t *ctx, const cloud_account_t *a);
/** Effective quota in bytes or CLOUD_QUOTA_UNLIMITED. */
CLOUD_API cloud_err_t *cloud_account_limit(apr_int64_t *quota, cloud_ctx_t *ctx,
                                           const cloud_account_t *a);
/** Effective quota in bytes or CLOUD_QUOTA_UNLIMITED, and bytes used in the files root. */
CLOUD_API cloud_err_t *cloud_account_usage(apr_int64_t *quota, apr_int64_t *used, cloud_ctx_t *ctx,
                                           const cloud_account_t *a);

typedef struct {
    apr_int64_t id;
    const char *name;
    apr_time_t created, last_used; /* 0: never used */
} cloud_apppass_t;

/** New app password: *secret is shown once ("XXXXX-XXXXX-XXXXX-XXXXX"). It carries so much
 *  randomness that a fast keyed hash is stored. Names are unique per account: EXISTS. */
CLOUD_API cloud_err_t *cloud_apppass_create(const char **secret, cloud_ctx_t *ctx, const char *id,
                                            const char *name, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_apppass_list(apr_array_header_t **list /* of cloud_apppass_t */,
                                          cloud_ctx_t *ctx, const char *id, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_apppass_revoke(cloud_ctx_t *ctx, const char *id, const char *name);

/** Checks a secret against app passwords, then (slow) the password. *apppass is the app
 *  password that fitted or NULL. fast_only: app passwords alone, never the slow hash. UNAUTHORIZED
 *  when nothing fits; the time taken does not tell whether the account exists. Disabled:
 *  UNAUTHORIZED. */
CLOUD_API cloud_err_t *cloud_account_verify(cloud_account_t **a, const cloud_apppass_t **apppass,
                                            cloud_ctx_t *ctx, const char *id, const char *secret,
                                            int fast_only, apr_pool_t *pool);
/** Notes the use of an app password (at most one write in some minutes). */
CLOUD_API cloud_err_t *cloud_apppass_seen(cloud_ctx_t *ctx, const cloud_account_t *a,
                                          const cloud_apppass_t *p);

#endif
