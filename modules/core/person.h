/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file person.h
 * What a directory (LDAP, an OpenID provider, a certificate) says about somebody who has an account:
 * taken over into the account's row and memberships, and written only when it has changed.
 */
#ifndef CLOUD_PERSON_H
#define CLOUD_PERSON_H

#include "account.h"

#define CLOUD_SOURCE_DIRECTORY "directory" /* a directory that was given no other name */

/** NULL or "" in a text: nothing is said, and the account keeps what it has. */
typedef struct {
    const char *source;       /* name of the directory, e.g. "ldap" */
    const char *display_name;
    const char *email;
    const char *quota;        /* "5 GB", "none", "default", or bytes */
    const apr_array_header_t *groups; /* const char *; NULL: nothing is said, empty: in no group */
} cloud_person_t;

/** True when this is what was taken over last, from whichever directory: costs no statement (the
 *  account's row carries a hash of it). */
CLOUD_API int cloud_person_known(const cloud_account_t *a, const cloud_person_t *p,
                                 apr_pool_t *pool);
/** Takes p over in one transaction; afterwards cloud_person_known() is true of a fresh row. What
 *  can't be a name, an address, a quota or a group's id is left out, with a line in the log.
 *  Memberships that came from a directory, this one or another, and are not in p->groups end; those
 *  given here stay. An account without a password belongs to the directory from then on (a->source).
 *  The system only: DENIED. Not synced: nobody waits for it, and the next login repeats it. */
CLOUD_API cloud_err_t *cloud_person_apply(cloud_ctx_t *ctx, const cloud_account_t *a,
                                          const cloud_person_t *p);
/** The next login takes everything over again. By the system and by admins: DENIED. NOT_FOUND. */
CLOUD_API cloud_err_t *cloud_person_forget(cloud_ctx_t *ctx, const char *id);

/* ---- accounts whose people are gone (cloudctl user sync) ---- */

/** The mark (cloud_account_t.person) of an account that was disabled because its person is gone. */
#define CLOUD_PERSON_GONE "gone"

/** Disables the account of somebody who is gone, or enables it when they are back: only if it was
 *  disabled for that reason (CONFLICT). The system only. */
CLOUD_API cloud_err_t *cloud_person_set_gone(cloud_ctx_t *ctx, const char *id, int gone);

#endif
