/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file hooks.h
 * How a feature plugs into the verbs. core/ never names a feature: a module registers a
 * cloud_feature_t before the store is opened; NULL members are skipped. All calls are made inside the verb's transaction,
 * in order of registration; an error undoes the verb. CLOUD_E_AGAIN, when what prepare made is gone,
 * has it done again from prepare on.
 */
#ifndef CLOUD_HOOKS_H
#define CLOUD_HOOKS_H

#include "files.h"
#include "mount.h"
#include "notify.h"

/** What happens to an inode that leaves the tree. */
typedef struct {
    const char *path;   /* below the account's directory; NULL: purge (unlink) it */
} cloud_keep_t;

/** A file that a feature keeps outside of the tree, e.g. an old version. Its place never changes. */
typedef struct {
    apr_int64_t id;        /* names it to the feature */
    const char *path;      /* below accounts/ */
    apr_uint64_t ino;      /* identity as cloud_node_t has it */
    apr_int64_t size, ino_mtime, btime;
    cloud_sums_t sums;
} cloud_kept_t;
typedef cloud_err_t *cloud_kept_fn(void *baton, const cloud_kept_t *kept);

/** Told about a finding of fsck: kind and detail as its own are, path one below accounts/. */
typedef void cloud_finding_fn(void *baton, const char *kind, const char *path, int repaired,
                              const char *detail);

typedef struct cloud_feature_t {
    const char *name;
    /** Before the transaction (in none) of a verb that is about to replace the content of entry
     *  (removes 0), or to take it out of the tree (removes 1), as far as can be seen by now: makes
     *  directories that the hooks below will need (cloud_storage_keep_dir). */
    cloud_err_t *(*prepare)(cloud_ctx_t *ctx, const cloud_entry_t *entry, int removes,
                            apr_pool_t *pool);
    /** Content of an existing file is about to be replaced; set keep->path to keep the old inode (it
     *  is moved there by the journal), e.g. as a version. */
    cloud_err_t *(*replace)(cloud_ctx_t *ctx, const cloud_entry_t *old, cloud_keep_t *keep, apr_pool_t *pool);
    /** A node is about to be deleted. Set *parent, *name and *disk_path to move it there (trash)
     *  instead of the purge root; *handled 1. *parent is a root of the feature's own, whose size and
     *  ETag are kept up to date by the caller. */
    cloud_err_t *(*remove)(cloud_ctx_t *ctx, const cloud_entry_t *entry, int *handled,
                           apr_int64_t *parent, const char **name, const char **disk_path, apr_pool_t *pool);
    /** After the rows of a change were written: op is "create", "write", "move", "copy", "remove", "touch", "props" (dead properties alone). from is set for move. */
    cloud_err_t *(*changed)(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                            const cloud_entry_t *from, apr_pool_t *pool);
    /** A node with all below is about to leave the files of its owner: to is its place in another owner's tree; NULL: it
     *  is deleted, to a bin or for good. entry as in remove. Where it is seen through a mount, to is a new node, the copy
     *  that whoever sees it moved it to; then it is called once more with NULL. */
    cloud_err_t *(*leaves)(cloud_ctx_t *ctx, const cloud_entry_t *entry, const cloud_entry_t *to,
                           apr_pool_t *pool);
    /** Calls fn for the mounts of an account that are alive (accepted, not expired, and who gave them still may)
     *  and that the query is about, in order of their target's id. One statement. */
    cloud_err_t *(*mounts)(cloud_ctx_t *ctx, const cloud_account_t *account,
                           const cloud_mount_query_t *query, cloud_mount_fn *fn, void *baton,
                           apr_pool_t *pool);
    /** The recipient gave a mount of the feature another place: a folder of his and a name. */
    cloud_err_t *(*mount_moved)(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_mount_t *m, apr_int64_t parent, const char *name);
    /** The recipient deleted a mount of the feature: he wants it no more. */
    cloud_err_t *(*mount_left)(cloud_ctx_t *ctx, const cloud_account_t *account,
                               const cloud_mount_t *m);
    /** What a view of the feature is by now; NOT_FOUND when it ended. */
    cloud_err_t *(*view)(cloud_mount_t *m, cloud_ctx_t *ctx, const cloud_view_t *view,
                         apr_pool_t *pool);
    /** A node is gone for good (purged). */
    cloud_err_t *(*purged)(cloud_ctx_t *ctx, apr_int64_t node);
    /** An account is being deleted. */
    cloud_err_t *(*account_deleted)(cloud_ctx_t *ctx, const cloud_account_t *account);
    /** A group is being deleted; its members are still in it. */
    cloud_err_t *(*group_deleted)(cloud_ctx_t *ctx, const cloud_group_t *group);
    /** An account is no member of a group any more (numbers); not when either is deleted. */
    cloud_err_t *(*member_left)(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account);
    /** What others have to tell people, see notify.h: takes a notice for an account; takes back those about
     *  an object (account NULL: everybody's); takes a mail; says whether it would. */
    cloud_err_t *(*notify)(cloud_ctx_t *ctx, const cloud_account_t *account,
                           const cloud_notice_t *notice);
    cloud_err_t *(*unnotify)(cloud_ctx_t *ctx, const cloud_account_t *account, const char *app,
                             const char *object_type, const char *object_id);
    cloud_err_t *(*mail)(cloud_ctx_t *ctx, const cloud_mail_t *mail);
    cloud_err_t *(*mail_ready)(int *yes, cloud_ctx_t *ctx);
    /** A secret of an account (its number) was taken back, by itself and not with all that the account has: an app
     *  password, or what a program was authorized to. client is what it was known by
     *  (cloud_principal_t.client). What was got with it is to end. */
    cloud_err_t *(*secret_revoked)(cloud_ctx_t *ctx, apr_int64_t account, const char *client);
    /** Statements that create the feature's tables, CREATE ... IF NOT EXISTS. */
    const char *schema;
    /** Bounded periodic work; *more 1 when there is more. */
    cloud_err_t *(*maintain)(cloud_ctx_t *ctx, int *more);
    /** Directory below the account's in which the feature keeps files that are no nodes; NULL. The
     *  three below go with it, for fsck and backup; all are called inside a transaction. */
    const char *dir;
    /** Calls fn for what it keeps for account with an id above after, in order of id, at most limit. */
    cloud_err_t *(*kept)(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t after,
                         int limit, cloud_kept_fn *fn, void *baton, apr_pool_t *pool);
    /** It has another identity now (it is a copy): ino, ino_mtime and btime are to be noted. */
    cloud_err_t *(*kept_moved)(cloud_ctx_t *ctx, const cloud_kept_t *kept);
    /** True when a row of the feature names this path. */
    cloud_err_t *(*keeps)(int *yes, cloud_ctx_t *ctx, const char *path, apr_pool_t *pool);
    /** fsck of the feature's own tables against those of the core, for one account; mends what it can
     *  when repair is set. What another process is about to do is no finding. Not in a transaction. */
    cloud_err_t *(*check)(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                          cloud_finding_fn *found, void *baton, apr_pool_t *pool);
} cloud_feature_t;

/** Registers a feature for all stores of the process; the structure must live for ever. Registering the same again is harmless. */
CLOUD_API void cloud_feature_register(const cloud_feature_t *feature);
/** Forgets a feature whose module is about to be unloaded. */
CLOUD_API void cloud_feature_unregister(const cloud_feature_t *feature);
CLOUD_API const apr_array_header_t *cloud_features(void); /* of const cloud_feature_t * */
/** Calls the features' hook secret_revoked: for whoever keeps secrets, in the transaction that takes one
 *  back. (tx, write) */
CLOUD_API cloud_err_t *cloud_secret_revoked(cloud_ctx_t *ctx, apr_int64_t account,
                                            const char *client);

#endif
