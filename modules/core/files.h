/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file files.h
 * The verbs. Every route, hook, job and export changes or reads files through these; each decides
 * access, checks names, locks, conditions and quota inside its transaction, and returns only when
 * the result is durable (CONSISTENCY, Writing). None of them may be called inside a transaction.
 */
#ifndef CLOUD_FILES_H
#define CLOUD_FILES_H

#include "access.h"
#include "lock.h"

/** What must hold when the transaction runs: PRECONDITION (412) otherwise. Checked again by the
 *  verb after the body came in. Zeroed: nothing. */
typedef struct {
    enum { CLOUD_IF_ANY = 0, CLOUD_IF_ABSENT, CLOUD_IF_EXISTS, CLOUD_IF_ETAG } must;
    apr_int64_t etag;                 /* for IF_ETAG: number, see cloud_etag_parse */
    const apr_array_header_t *tokens; /* of const char *: lock tokens submitted; may be NULL */
} cloud_cond_t;

/** What a verb did: the entry afterwards. created: it did not exist before. */
typedef struct {
    int created;
    cloud_entry_t *entry;
} cloud_result_t;

/* ---- reading ---- */

/** Resolves and decides access LIST. NOT_FOUND when it does not exist. */
CLOUD_API cloud_err_t *cloud_file_stat(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                       const cloud_account_t *account, const char *path,
                                       apr_pool_t *pool);

/** Calls fn for each child of a folder in order of name, in one snapshot; mounts that are shown under another
 *  name than they want come last. child lives until fn
 *  returns; perms and the like are those of an entry. fn must be quick: it never writes to the
 *  network (spool). UNAVAILABLE when the account's disk is not there. */
typedef struct {
    const cloud_node_t *node;
    const char *name;         /* NFC: that of the node, or for a mount the one it is shown under */
    apr_int64_t etag;
    unsigned perms;
    unsigned flags;           /* CLOUD_MOUNT_* of what it is seen through */
    int mounted, shared, mount_root;
    apr_int64_t owner;        /* number of the account whose tree it is in, */
    const char *owner_id, *owner_name;
} cloud_child_t;
typedef cloud_err_t *cloud_list_fn(void *baton, const cloud_child_t *child);
CLOUD_API cloud_err_t *cloud_file_list(cloud_ctx_t *ctx, const cloud_entry_t *folder,
                                       cloud_list_fn *fn, void *baton);
/** cloud_file_stat() and cloud_file_list() of what is at a path, in one snapshot; of the root of somebody's files by
 *  one statement. self is told of the entry (in pool) first, a file as well; an error of its ends it. */
typedef cloud_err_t *cloud_list_self_fn(void *baton, const cloud_entry_t *entry);
CLOUD_API cloud_err_t *cloud_file_list_path(cloud_ctx_t *ctx, const cloud_account_t *account,
                                            const char *path, cloud_list_self_fn *self,
                                            cloud_list_fn *fn, void *baton, apr_pool_t *pool);
/** A part of a folder, at a cost that does not grow with it: which of its members cloud_file_list_part tells of. */
typedef struct {
    const char *from;   /* NFC name: those behind it; "": the first ones */
    int backwards;      /* those before it instead, the nearest first */
    int most;           /* so many at most */
} cloud_part_t;
/** As cloud_file_list, for a part of a folder in which nothing is mounted: of views. */
CLOUD_API cloud_err_t *cloud_file_list_part(cloud_ctx_t *ctx, const cloud_entry_t *folder,
                                            const cloud_part_t *part, cloud_list_fn *fn,
                                            void *baton);

/** Opens content for reading. The descriptor is closed with pool. The entry is the one that the
 *  content belongs to (an outside change is taken in here). UNAVAILABLE when it can't be read;
 *  NOT_ALLOWED for folders. */
CLOUD_API cloud_err_t *cloud_file_open(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                                       const cloud_account_t *account, const char *path,
                                       apr_pool_t *pool);

/* ---- writing content ---- */

typedef struct {
    apr_int64_t length;       /* announced size of the content, -1 unknown: checked against quota
                                 before a byte is read, and at commit (INVALID when short) */
    int has_mtime;
    apr_int64_t mtime;        /* seconds; clamped by who parses it */
    const char *checksum;     /* OC-Checksum value or NULL; mismatch is CHECKSUM */
    int free_name;            /* replaces nothing: where something has the name, the file gets the next
                                 free one ("a (2).txt"), and cond is not looked at */
    cloud_cond_t cond;
} cloud_put_opts_t;

typedef struct cloud_put_t cloud_put_t;

/** Early checks (access, name, parent CONFLICT, target is a folder CONFLICT, conditions, locks,
 *  quota) and a staging file. pool owns it; destroying the pool aborts an unfinished put. Who may create
 *  but not read always gets a free name, so that he does not learn what is there. */
CLOUD_API cloud_err_t *cloud_put_begin(cloud_put_t **put, cloud_ctx_t *ctx,
                                       const cloud_account_t *account, const char *path,
                                       const cloud_put_opts_t *opts, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_put_write(cloud_put_t *put, const void *data, apr_size_t len);
/** Verifies, syncs, commits; when it returns NULL the content is durable and visible. */
CLOUD_API cloud_err_t *cloud_put_commit(cloud_result_t *res, cloud_put_t *put);
CLOUD_API void cloud_put_abort(cloud_put_t *put);

/* ---- changing the tree ---- */

/** EXISTS (405), CONFLICT (409) without parent. */
CLOUD_API cloud_err_t *cloud_file_mkcol(cloud_result_t *res, cloud_ctx_t *ctx,
                                        const cloud_account_t *account, const char *path,
                                        const cloud_cond_t *cond, apr_pool_t *pool);

/** DELETE; O(1) in the size of the tree. A feature (trash) may keep it. */
CLOUD_API cloud_err_t *cloud_file_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                         const char *path, const cloud_cond_t *cond);

/** MOVE: id and ETag stay. overwrite 0 and dst exists: PRECONDITION. dst parent missing: CONFLICT.
 *  Into itself: DENIED (403) ; same place INVALID->403. A replaced dst is removed in the same transaction. One cond for each side; tokens of
 *  both are looked at for both. */
CLOUD_API cloud_err_t *cloud_file_move(cloud_result_t *res, cloud_ctx_t *ctx,
                                       const cloud_account_t *src_account, const char *src,
                                       const cloud_account_t *dst_account, const char *dst,
                                       int overwrite, const cloud_cond_t *src_cond,
                                       const cloud_cond_t *dst_cond, apr_pool_t *pool);

/** COPY, depth 0 (folder without members) or -1 (infinity). New ids, mtime and checksums kept,
 *  dead properties copied, locks not. A file over a file keeps the target's id (as PUT). */
CLOUD_API cloud_err_t *cloud_file_copy(cloud_result_t *res, cloud_ctx_t *ctx,
                                       const cloud_account_t *src_account, const char *src,
                                       const cloud_account_t *dst_account, const char *dst,
                                       int overwrite, int depth, const cloud_cond_t *src_cond, const cloud_cond_t *dst_cond,
                                       apr_pool_t *pool);

/* ---- properties (dead ones and what clients may set) ---- */

typedef struct {
    const char *ns;       /* "" for none */
    const char *name;
    const char *value;    /* inner XML with its own namespace declarations, UTF-8; NULL: remove */
    const char *lang;     /* xml:lang or NULL */
} cloud_prop_t;

typedef struct {
    const apr_array_header_t *props; /* of cloud_prop_t: dead properties; may be NULL */
    const apr_int64_t *mtime;        /* DAV:lastmodified, or NULL */
    const int *favorite;             /* oc:favorite of who asks, or NULL */
} cloud_patch_t;
/** Properties of all kinds. A favorite needs no more than that one may see the node: it is part of
 *  nothing that others see, and no lock guards it. */
CLOUD_API cloud_err_t *cloud_file_patch(cloud_result_t *res, cloud_ctx_t *ctx,
                                        const cloud_account_t *account, const char *path,
                                        const cloud_patch_t *what, const cloud_cond_t *cond,
                                        apr_pool_t *pool);
/** Ids of the nodes that are favorites of who asks (apr_int64_t, in order), wherever they are. (tx) */
CLOUD_API cloud_err_t *cloud_favorite_list(apr_array_header_t **nodes, cloud_ctx_t *ctx,
                                           apr_pool_t *pool);
/** All or nothing. mtime (may be NULL): sets DAV:lastmodified too, which changes ETags; dead
 *  properties do not. TOO_LARGE for more than 64 KiB in a value or 1 MiB on a node. */
CLOUD_API cloud_err_t *cloud_file_proppatch(cloud_result_t *res, cloud_ctx_t *ctx,
                                            const cloud_account_t *account, const char *path,
                                            const apr_array_header_t *props /* cloud_prop_t */,
                                            const apr_int64_t *mtime, const cloud_cond_t *cond,
                                            apr_pool_t *pool);
/** Dead properties of a node (array of cloud_prop_t, in order of ns and name). Call it only where node->flags has
 *  CLOUD_NODE_PROPS. */
CLOUD_API cloud_err_t *cloud_props_get(apr_array_header_t **props, cloud_ctx_t *ctx,
                                       apr_int64_t node, apr_pool_t *pool);

#endif
