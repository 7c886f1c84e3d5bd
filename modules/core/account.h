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

#define CLOUD_SOURCE_DATABASE "database" /* made here, not taken from a directory */

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
    const char *source;       /* CLOUD_SOURCE_DATABASE, or the directory that it comes from */
    const char *person;       /* mark of what the directory said last (person.h), or NULL */
    int two_factor;           /* its password alone is not enough: a second factor is set up */
    const cloud_view_t *view; /* NULL for an account proper; see mount.h */
};

/** The form in which ids are compared; NULL when id is not valid UTF-8. */
CLOUD_API const char *cloud_account_fold(const char *id, apr_pool_t *pool);
/** An id in lower case (simple mapping, letter by letter, of its NFC form); NULL when it is not valid UTF-8.
 *  The folded form is more: it makes "straße" equal to "strasse", which elsewhere are two names. */
CLOUD_API const char *cloud_account_lower(const char *id, apr_pool_t *pool);
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
/** What a new account has besides its id; everything may be NULL. */
typedef struct {
    const char *password;
    const char *display_name;
    const char *const *groups; /* ids, up to a NULL: it becomes a member of these */
    const char *source;        /* NULL: CLOUD_SOURCE_DATABASE */
    int force_password;        /* also one that the policy refuses (for the system alone) */
} cloud_account_new_t;
/** As cloud_account_create(), with memberships, which come to be in the same transaction. By
 *  administrators and the system; by subadmins for one of their groups at least and no other:
 *  DENIED. NOT_FOUND: a group does not exist. */
CLOUD_API cloud_err_t *cloud_account_add(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                         const cloud_account_new_t *what, apr_pool_t *pool);
typedef cloud_err_t *cloud_account_fn(void *baton, const cloud_account_t *a, apr_pool_t *pool);
/** All accounts in order of id, for the system (DENIED). search (may be NULL): substring of id,
 *  display name or e-mail address. */
CLOUD_API cloud_err_t *cloud_account_each(cloud_ctx_t *ctx, const char *search,
                                          cloud_account_fn *fn, void *baton);
/** Which part of a list is wanted. Where it is a parameter NULL means all of it. */
typedef struct {
    const char *text;         /* NULL or "": everything */
    apr_int64_t offset;       /* so many are left out first */
    apr_int64_t limit;        /* at most so many; 0: all */
} cloud_search_t;
/** Ids (const char *) of accounts in order, with search->text in id, display name or e-mail
 *  address: all for administrators, for subadmins the members of their groups. DENIED for others. */
CLOUD_API cloud_err_t *cloud_account_search(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                            const cloud_search_t *search, apr_pool_t *pool);
/* The changes: by those whom cloud_may_manage() (group.h) lets; DENIED for others, whether the account
 * exists or not, NOT_FOUND for administrators. */
CLOUD_API cloud_err_t *cloud_account_set_quota(cloud_ctx_t *ctx, const char *id,
                                               apr_int64_t quota);
CLOUD_API cloud_err_t *cloud_account_set_enabled(cloud_ctx_t *ctx, const char *id, int enabled);
/** Notes that the account has set up a second factor, or has none any more: by the account itself and
 *  the system. What was verified before counts no more. */
CLOUD_API cloud_err_t *cloud_account_set_two_factor(cloud_ctx_t *ctx, const char *id, int on);
CLOUD_API cloud_err_t *cloud_account_set_display_name(cloud_ctx_t *ctx, const char *id,
                                                      const char *name);
CLOUD_API cloud_err_t *cloud_account_set_email(cloud_ctx_t *ctx, const char *id, const char *email);
/** Sets (bcrypt) or, with NULL, removes the password. Invalidates every cached login at once. INVALID
 *  when the password policy (password.h) refuses it. His own can be set by nobody (DENIED) who came with
 *  another secret, unless there is a second factor, nor where there is none. */
CLOUD_API cloud_err_t *cloud_account_set_password(cloud_ctx_t *ctx, const char *id,
                                                  const char *password);
/** The same for the system alone (DENIED), also when the policy refuses it. */
CLOUD_API cloud_err_t *cloud_account_force_password(cloud_ctx_t *ctx, const char *id,
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
/** 1 when secret has the form of an app password. */
CLOUD_API int cloud_apppass_shape(const char *secret);
/** Notes the use of an app password (at most one write in some minutes). */
CLOUD_API cloud_err_t *cloud_apppass_seen(cloud_ctx_t *ctx, const cloud_account_t *a,
                                          const cloud_apppass_t *p);

#endif
