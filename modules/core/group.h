/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file group.h
 * Groups of accounts, and who may manage whom. A group's id is compared letter by letter, as ownCloud
 * does (accounts are compared without case); it may hold nearly any character, '/' included.
 *
 * The group of the administrators is there always. Its members manage everything; a subadmin of
 * a group manages the members of that group who are no administrators, as long as the setting
 * allow_subadmins is on.
 */
#ifndef CLOUD_GROUP_H
#define CLOUD_GROUP_H

#include "account.h"

#define CLOUD_GROUP_ADMIN    1        /* number of the administrators' group, */
#define CLOUD_GROUP_ADMIN_ID "admin"  /* and its id */

struct cloud_group_t {
    apr_int64_t number;       /* primary key, never used again */
    const char *id;
    const char *display_name; /* never NULL; the id when none was given */
    const char *source;       /* CLOUD_SOURCE_DATABASE, or the directory that it comes from */
    apr_time_t created;
};

/* ---- groups: made, renamed and deleted by administrators; DENIED otherwise. ---- */

/** Group by id. NOT_FOUND. Asks nobody's rights. */
CLOUD_API cloud_err_t *cloud_group_get(cloud_group_t **g, cloud_ctx_t *ctx, const char *id,
                                       apr_pool_t *pool);
/** Ids: 1 to 255 bytes that can be shown, no surrounding blanks, not "." or "..": INVALID; EXISTS.
 *  display_name and source may be NULL: the id, the database. */
CLOUD_API cloud_err_t *cloud_group_create(cloud_group_t **g, cloud_ctx_t *ctx, const char *id,
                                          const char *display_name, const char *source,
                                          apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_group_set_display_name(cloud_ctx_t *ctx, const char *id,
                                                    const char *name);
/** Deletes the group with its memberships; the features' hook group_deleted runs in the same
 *  transaction. The administrators' group stays: DENIED. */
CLOUD_API cloud_err_t *cloud_group_delete(cloud_ctx_t *ctx, const char *id);
/** Ids (const char *) in order; search->text is part of id or display name. Who manages nobody is
 *  DENIED. */
CLOUD_API cloud_err_t *cloud_group_search(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                          const cloud_search_t *search, apr_pool_t *pool);

/* ---- memberships: by administrators; by subadmins for members of their groups, into and out of their
 *      groups. Nobody takes himself out of the administrators, nor out of a group that he is
 *      subadmin of. DENIED, and NOT_FOUND for those who may know. ---- */

/** source (may be NULL: the database) says who put the account there. What is so already stays. */
CLOUD_API cloud_err_t *cloud_group_add(cloud_ctx_t *ctx, const char *group, const char *account,
                                       const char *source);
/** No error when the account is no member. */
CLOUD_API cloud_err_t *cloud_group_remove(cloud_ctx_t *ctx, const char *group,
                                          const char *account);
/** Ids of the members in order; by administrators and subadmins of the group. */
CLOUD_API cloud_err_t *cloud_group_members(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                           const char *group, const cloud_search_t *search,
                                           apr_pool_t *pool);
/** Groups (cloud_group_t) of an account, in order of id: all for itself and administrators, for
 *  subadmins those that are theirs. */
CLOUD_API cloud_err_t *cloud_group_of(apr_array_header_t **groups, cloud_ctx_t *ctx,
                                      const char *account, apr_pool_t *pool);
/** Whether an account is in a group: for decisions of features, asks nobody's rights. */
CLOUD_API cloud_err_t *cloud_group_has(int *yes, cloud_ctx_t *ctx, apr_int64_t group,
                                       apr_int64_t account);

/** Whether an account is in one of the groups that a setting (a list of ids) names. Inside of a transaction. */
CLOUD_API cloud_err_t *cloud_group_listed(int *yes, cloud_ctx_t *ctx, apr_int64_t account,
                                          const char *app, const char *key);

/* ---- subadmins: set by administrators ---- */

/** DENIED while allow_subadmins is off, and for the administrators' group. */
CLOUD_API cloud_err_t *cloud_subadmin_add(cloud_ctx_t *ctx, const char *group,
                                          const char *account);
/** NOT_FOUND when the account is none. */
CLOUD_API cloud_err_t *cloud_subadmin_remove(cloud_ctx_t *ctx, const char *group,
                                             const char *account);
/** Ids of the groups that an account is subadmin of; by itself and by who manages it. None while
 *  allow_subadmins is off. */
CLOUD_API cloud_err_t *cloud_subadmin_groups(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                             const char *account, apr_pool_t *pool);
/** Ids of the subadmins of a group; by administrators. */
CLOUD_API cloud_err_t *cloud_subadmin_of(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                         const char *group, apr_pool_t *pool);

/* ---- the one decision who may manage whom (manage.c); all work inside or outside of a
 *      transaction ---- */

typedef enum {
    CLOUD_ROLE_NOBODY,      /* not logged in */
    CLOUD_ROLE_USER,
    CLOUD_ROLE_SUBADMIN,    /* of one group at least */
    CLOUD_ROLE_ADMIN,       /* also the system */
} cloud_role_t;

/** What ctx->who is. */
CLOUD_API cloud_err_t *cloud_role(cloud_role_t *role, cloud_ctx_t *ctx);
/** Whether an account is an administrator. */
CLOUD_API cloud_err_t *cloud_is_admin(int *yes, cloud_ctx_t *ctx, const cloud_account_t *a);

typedef enum {
    CLOUD_MANAGE_SEE,       /* all that is known of an account: itself and those below */
    CLOUD_MANAGE_PROFILE,   /* name, e-mail, password, language: the same */
    CLOUD_MANAGE_QUOTA,     /* administrators, and subadmins for others */
    CLOUD_MANAGE_STATE,     /* enable, disable, delete: the same, but never oneself */
    CLOUD_MANAGE_SECRETS    /* app passwords and preferences: the account itself (and the system) */
} cloud_manage_t;

CLOUD_API cloud_err_t *cloud_may_manage(int *yes, cloud_ctx_t *ctx, const cloud_account_t *a,
                                        cloud_manage_t what);
/** Whether ctx->who may manage the memberships of a group. */
CLOUD_API cloud_err_t *cloud_may_manage_group(int *yes, cloud_ctx_t *ctx,
                                              const cloud_group_t *g);

#endif
