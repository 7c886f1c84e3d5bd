/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file versions.h
 * Old versions of files. When the content of a file that is not empty is replaced, its inode moves
 * to <account>/versions/<file id>/<number>, which costs a rename. A version belongs to the id of its
 * file, so it follows it wherever it goes, into the trash and back too, and goes when it is purged.
 *
 * Invariants
 * - A row and its move are written by the transaction that replaces the content. Nobody writes to
 *   the inode of a version, and its place never changes, but for one case: when its account is deleted and its
 *   file is with somebody else by then, it goes there.
 * - number is drawn from the one sequence of change numbers: unique, never reused, and the time (in
 *   microseconds) since when the content is an old one. Retention goes by it, not by the times that
 *   clients set.
 * - version_total of an account is the sum over its rows, kept in the same transactions.
 */
#ifndef CLOUD_VERSIONS_H
#define CLOUD_VERSIONS_H

#include "internal.h"

#define CLOUD_VERSIONS "versions"

typedef struct {
    apr_int64_t node, number;
    apr_int64_t account;       /* in whose directory it lies */
    apr_int64_t size, mtime;
    apr_int64_t etag;          /* what the file had as ETag */
    apr_uint64_t ino;          /* identity, as cloud_node_t has it */
    apr_int64_t ino_mtime, btime;
    cloud_sums_t sums;
    const char *author;        /* id of who wrote this content, or NULL */
    const char *author_name;   /* display name; NULL when the account is gone */
    const char *tag;           /* NULL: none. What has one is kept for ever */
    const char *path;          /* on disk, below accounts/ */
    apr_int64_t root;          /* the tree in whose journal its moves are */
} cloud_version_t;

/** Registers feature and settings; harmless when repeated. */
void cloud_versions_register(void);
void cloud_versions_unregister(void);

/* ---- rows (tx) ---- */

typedef cloud_err_t *cloud_version_fn(void *baton, const cloud_version_t *v);
/** Calls fn for the versions of a file, newest first; v lives until fn returns. */
cloud_err_t *cloud_versions_each(cloud_ctx_t *ctx, apr_int64_t node, cloud_version_fn *fn,
                                 void *baton);
/** NOT_FOUND. */
cloud_err_t *cloud_version_get(cloud_version_t **v, cloud_ctx_t *ctx, apr_int64_t node,
                               apr_int64_t number, apr_pool_t *pool);
/** Row and bytes go. (write) */
cloud_err_t *cloud_version_forget(cloud_ctx_t *ctx, const cloud_version_t *v);
/** What the versions of an account are in sum. */
cloud_err_t *cloud_versions_total(apr_int64_t *bytes, apr_int64_t *count, cloud_ctx_t *ctx,
                                  apr_int64_t account);

/* ---- verbs: access is decided on the file, as account's path shows it. (no tx) ---- */

/** The file, if it is one that ctx->who may read; NOT_FOUND. */
cloud_err_t *cloud_versions_file(cloud_entry_t **file, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_int64_t node,
                                 apr_pool_t *pool);
/** Opens the content; the descriptor is closed with pool. UNAVAILABLE when it is not there. */
cloud_err_t *cloud_version_open(int *fd, cloud_entry_t **file, cloud_version_t **v,
                                cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_int64_t node, apr_int64_t number, apr_pool_t *pool);
/** COPY of a version to a place in files: onto its file it is a restore. A write like any other: what
 *  is there becomes a version, and the version stays. */
cloud_err_t *cloud_version_copy(cloud_result_t *res, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_int64_t node,
                                apr_int64_t number, const cloud_account_t *dst_account,
                                const char *dst, int overwrite, const cloud_cond_t *cond,
                                apr_pool_t *pool);
/** DELETE: who may delete the file may. DENIED for what has a tag. */
cloud_err_t *cloud_version_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                  apr_int64_t node, apr_int64_t number, apr_pool_t *pool);
/** Gives a version a tag, or with NULL takes it away. */
cloud_err_t *cloud_version_set_tag(cloud_ctx_t *ctx, const cloud_account_t *account,
                                   apr_int64_t node, apr_int64_t number, const char *tag,
                                   apr_pool_t *pool);

/* ---- retention ---- */

typedef struct {
    apr_int64_t files;          /* looked at */
    apr_int64_t versions, bytes; /* removed, or to be removed */
    apr_hash_t *counted;         /* a dry run's own */
} cloud_versions_stats_t;

/** A bounded step of thinning and ageing; the place is remembered in the database, so that a restart
 *  goes on there. */
cloud_err_t *cloud_versions_expire_step(int *more, cloud_ctx_t *ctx);
/** A bounded step of what lack of space asks for, of each account with a quota. */
cloud_err_t *cloud_versions_space_step(int *more, cloud_ctx_t *ctx);
/** A bounded step of what a filled disk asks for, oldest first over all accounts. */
cloud_err_t *cloud_versions_disk_step(int *more, cloud_ctx_t *ctx);
/** Everything at once for one account, or for all and the disk (NULL): cloudctl. dry_run: only
 *  counts. */
cloud_err_t *cloud_versions_expire(cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, int dry_run);
/** Removes all versions without a tag of one account. */
cloud_err_t *cloud_versions_cleanup(cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, int dry_run);

/** Removes directories of versions that are empty for age seconds and belong to nothing: a bounded
 *  step. */
cloud_err_t *cloud_versions_sweep(int *more, cloud_ctx_t *ctx, apr_int64_t age);
/** The same for a day's age, as a periodic job. */
cloud_err_t *cloud_versions_sweep_job(int *more, cloud_ctx_t *ctx);

/* ---- between the files of this folder ---- */

/** Directory below accounts/ of the versions of a file. */
const char *cloud_version_dir(const char *account_dir, apr_int64_t node, apr_pool_t *pool);
/** The inode that is to be moved or unlinked. */
apr_uint64_t cloud_version_inode(cloud_ctx_t *ctx, const cloud_version_t *v);
/** What an account's total changes by. (write) */
cloud_err_t *cloud_versions_add_total(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t bytes,
                                      apr_int64_t count);
/** All versions of a file (cloud_version_t, in ctx->pool), with whomever they lie; NULL: none. */
cloud_err_t *cloud_versions_load(apr_array_header_t **list, cloud_ctx_t *ctx, apr_int64_t node);
/** Hook account_deleted. */
cloud_err_t *cloud_versions_account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account);

/** fsck: see cloud_feature_t.check. */
cloud_err_t *cloud_versions_check(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                                  cloud_finding_fn *found, void *baton, apr_pool_t *pool);

extern const cloud_setting_t cloud_versions_settings[];

/** The columns that cloud_version_row() reads, of version v joined with its account a. */
#define CLOUD_VERSION_COLS                                                                      \
    "v.node, v.number, v.account, v.size, v.mtime, v.etag, v.ino, v.ino_mtime, v.btime,"        \
    " v.sums, v.author, v.tag, a.dir, a.root,"                                                  \
    " (SELECT w.display_name FROM account AS w WHERE w.id = v.author)"
#define CLOUD_VERSION_FROM " FROM version AS v JOIN account AS a ON a.number = v.account"
void cloud_version_row(cloud_version_t *v, cloud_stmt_t *st, apr_pool_t *pool);

#endif
