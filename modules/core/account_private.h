/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file account_private.h
 * What the files of the accounts share: rows, rights, hashes.
 */
#ifndef CLOUD_ACCOUNT_PRIVATE_H
#define CLOUD_ACCOUNT_PRIVATE_H

#include "internal.h"
#include "group.h"

/** Uses and logins are noted at most this often. */
#define CLOUD_SEEN_EVERY apr_time_from_sec(5 * 60)

/* ---- account.c ---- */
/** Account by the folded id, with its password hash (NULL: none); *a NULL when there is none.
 *  (tx) */
cloud_err_t *cloud_account_find(cloud_account_t **a, const char **password, cloud_ctx_t *ctx,
                                const char *folded, apr_pool_t *pool);
/** Columns that cloud_account_row() reads, and how many they are. */
#define CLOUD_ACCOUNT_COLS                                                                        \
    "number, id, display_name, email, quota, enabled, created, last_login, root, purge, dir,"     \
    " secret_epoch, password IS NOT NULL, source, person, two_factor"
#define CLOUD_ACCOUNT_NCOLS 16
void cloud_account_row(cloud_account_t *a, cloud_stmt_t *st, apr_pool_t *pool);
/** Text on one line that can be shown, of at most 255 bytes. */
int cloud_account_is_line(const char *text);
/** A display name: NULL for none. INVALID when it can't be shown. */
cloud_err_t *cloud_account_check_name(const char **out, const char *name, apr_pool_t *pool);
/** An e-mail address: NULL for none. INVALID. */
cloud_err_t *cloud_account_check_email(const char **out, const char *email, apr_pool_t *pool);
/** Invalidates what any process has cached about the account's secrets. (tx, write) */
cloud_err_t *cloud_account_new_epoch(cloud_ctx_t *ctx, apr_int64_t number);

/* ---- account_cache.c ---- */
/** A copy of the account with this folded id as it is remembered, or NULL. *number is that of the
 *  account that was remembered last, also when its row may have changed since; 0 when none was. */
cloud_account_t *cloud_account_cached(apr_int64_t *number, cloud_ctx_t *ctx, const char *folded,
                                      apr_pool_t *pool);
/** Remembers a row that was read in a transaction which began after epoch was taken. */
void cloud_account_remember(cloud_ctx_t *ctx, const char *folded, const cloud_account_t *a,
                            apr_uint64_t epoch);

/* ---- skeleton.c ---- */
/** Notes that a new account is to get the skeleton, when there is one. (tx, write) */
cloud_err_t *cloud_skeleton_mark(cloud_ctx_t *ctx, apr_int64_t account);
/** Copies the skeleton into an account with that mark, which it takes away. What can't be done is logged, and
 *  with the mark left it is tried again. Not inside a transaction. */
void cloud_skeleton_apply(cloud_ctx_t *ctx, const cloud_account_t *a);

/* ---- password.c ---- */
/** As cloud_account_for_change(), for its password. DENIED also for somebody's own when it was not
 *  shown in this request: a program's secret must not become one that opens everything. (tx) */
cloud_err_t *cloud_password_for_change(cloud_account_t **a, cloud_ctx_t *ctx, const char *id);
/** Whether password may be the next one of the account, by the policy and its history: INVALID.
 *  DENIED and NOT_FOUND as for cloud_password_for_change(), before anything else is looked at. Slow. */
cloud_err_t *cloud_password_check_change(cloud_ctx_t *ctx, const char *id, const char *password);
/** Puts the password in force, which is about to be replaced, into the history, and drops what is
 *  older than the policy's history reaches back. (tx, write) */
cloud_err_t *cloud_password_remember(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t history);

/* ---- apppass.c ---- */
/** The account's app password that secret is, or NULL. number 0: none fits, for the same time.
 *  (tx) */
cloud_err_t *cloud_apppass_find(cloud_apppass_t **out, cloud_ctx_t *ctx, apr_int64_t number,
                                const char *secret, apr_pool_t *pool);

/* ---- group.c ---- */
/** Group by its id; NOT_FOUND. (tx) */
cloud_err_t *cloud_group_find(cloud_group_t **g, cloud_ctx_t *ctx, const char *id,
                              apr_pool_t *pool);
/** (tx, write) */
cloud_err_t *cloud_group_join(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account,
                              const char *source);
/** Ends a membership, which may be none, and tells the features. (tx, write) */
cloud_err_t *cloud_group_leave(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account);
/** Array of ids from the first column of a statement that is bound; ends it. */
cloud_err_t *cloud_collect_ids(apr_array_header_t *ids, cloud_stmt_t *st, cloud_ctx_t *ctx);
/** Whether text is part of id or name or mail (these may be NULL); folded is its folded form. */
int cloud_text_matches(const char *folded, const char *id, const char *name, const char *mail,
                       apr_pool_t *pool);

/* ---- manage.c ---- */
cloud_err_t *cloud_subadmins_allowed(int *yes, cloud_ctx_t *ctx);

#endif
