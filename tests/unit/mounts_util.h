/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mounts_util.h
 * A store with several people, and shares among them as rows: what tests of mounts have in common.
 */
#ifndef MOUNTS_UTIL_H
#define MOUNTS_UTIL_H

#include "testutil.h"

#include "files.h"
#include "mount.h"
#include "share.h"

typedef struct {
    cloud_account_t *account;
    cloud_ctx_t *ctx;             /* as whom he asks */
} person_t;

/** Alice, Bob, Carol and Dave; the features shares and trash are loaded. */
extern person_t mu_alice, mu_bob, mu_carol, mu_dave;
void mu_setup(void);
/** And Alice has a folder with something in it, and a file: work/doc/a.txt, work/doc/sub/deep, file.txt. */
void mu_setup_items(void);
/** fsck has to find nothing. */
void mu_teardown(void);
/** A further person. */
person_t mu_person(const char *id);

void mu_mkcol(person_t *p, const char *path);
void mu_put(person_t *p, const char *path, const char *text);
cloud_err_t *mu_try_put(person_t *p, const char *path, const char *text);
/** Content; NULL when it can't be read. */
const char *mu_read(person_t *p, const char *path);
cloud_err_t *mu_move(person_t *p, const char *src, const char *dst);
cloud_err_t *mu_copy(person_t *p, const char *src, const char *dst);
cloud_err_t *mu_remove(person_t *p, const char *path);
/** The entry, whatever access says. */
cloud_entry_t *mu_entry(person_t *p, const char *path);
int mu_exists(person_t *p, const char *path);
apr_int64_t mu_id(person_t *p, const char *path);
apr_int64_t mu_etag(person_t *p, const char *path);
/** "name;name;" of a folder's members, in the order given. */
const char *mu_list(person_t *p, const char *path);
/** Letters of oc:permissions. */
const char *mu_letters(person_t *p, const char *path);

/** A row: owner shares path with perms; the name at the recipient's is that of the item. Gives its id. */
apr_int64_t mu_share(person_t *owner, const char *path, person_t *with, unsigned perms);
apr_int64_t mu_share_group(person_t *owner, const char *path, const char *group, unsigned perms);
/** The same of what by received: a reshare. path is his. */
apr_int64_t mu_reshare(person_t *by, const char *path, person_t *with, unsigned perms);
/** Where he has moved what he received. */
void mu_place(person_t *p, apr_int64_t node, apr_int64_t parent, const char *name);
void mu_group(const char *group, person_t *member);
void mu_sql(const char *fmt, ...) CLOUD_PRINTF(1, 2);

#endif
