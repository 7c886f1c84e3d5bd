/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file sharees.h
 * Whom somebody may share with: the search behind the field of a share dialog. It tells about people no
 * more than the settings of enumeration let it.
 */
#ifndef CLOUD_SHAREES_H
#define CLOUD_SHAREES_H

#include "share.h"

/** Somebody to share with. */
typedef struct {
    const char *label;      /* display name */
    const char *id;
    const char *info;       /* what tells him from others of that name, or NULL */
} cloud_sharee_t;

typedef struct {
    const char *text;       /* what is looked for in ids, names and (accounts) addresses */
    apr_int64_t page, per_page; /* both from 1 on */
    unsigned types;         /* bits 1 << CLOUD_SHARE_USER, 1 << CLOUD_SHARE_GROUP */
} cloud_sharees_ask_t;

/** Arrays of cloud_sharee_t; exact: text is the whole of id, name or address. */
typedef struct {
    apr_array_header_t *exact_users, *exact_groups, *users, *groups;
    int more;               /* there is another page */
} cloud_sharees_t;

/** For account, who must be who asks: nothing at all when it may not share; nobody who is disabled; in order
 *  of id. As far as the settings let it: enumeration, own groups, length and place of what is searched,
 *  groups that may not receive. */
cloud_err_t *cloud_sharees_search(cloud_sharees_t **found, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const cloud_sharees_ask_t *ask,
                                  apr_pool_t *pool);

#endif
