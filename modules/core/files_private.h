/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file files_private.h
 * What the verbs share among themselves.
 */
#ifndef CLOUD_FILES_PRIVATE_H
#define CLOUD_FILES_PRIVATE_H

#include "internal.h"

#include <string.h>

/** Access to what has to exist: NOT_FOUND when it does not. */
cloud_err_t *cloud_files_found(cloud_ctx_t *ctx, const cloud_entry_t *e, cloud_op_t op);
/** Tells the features that the entry is about to leave the files of its owner, to another's or (to NULL) to nobody's.
 *  (tx, write) */
cloud_err_t *cloud_files_leaves(cloud_ctx_t *ctx, const cloud_entry_t *e, const cloud_entry_t *to,
                                apr_pool_t *pool);
/** Tells the features about a change. (tx, write) */
cloud_err_t *cloud_files_changed(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                                 const cloud_entry_t *from);
/** Whether a verb has to be done from its start again: a feature said so, and not too often yet. */
int cloud_files_again(const cloud_err_t *err, int *tries);
/** Takes an existing entry out of the tree (to where a feature keeps it, or to be purged), with a
 *  number and a line in the change log of its own. (tx, write) */
cloud_err_t *cloud_files_replace(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_pool_t *pool);
/** What a COPY or MOVE needs to hold for its destination: access, name, parent, Overwrite,
 *  condition, locks. (tx) */
cloud_err_t *cloud_files_check_target(cloud_ctx_t *ctx, const cloud_entry_t *d, int overwrite,
                                      const cloud_cond_t *dc);
/** CONFLICT when the destination of a COPY or MOVE is a folder of the account's own that the mount the source is
 *  seen through was put into, or is in a mount that was put into the source. (tx) */
cloud_err_t *cloud_files_check_place(cloud_ctx_t *ctx, const cloud_entry_t *s,
                                     const cloud_entry_t *d, apr_pool_t *pool);
/** Opens content by another path of the space that an entry is in; see cloud_file_open. */
cloud_err_t *cloud_files_open(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_entry_t *like, const char *path, apr_pool_t *pool);
/** The same for another operation than CLOUD_OP_READ: whoever asks is not given the content. */
cloud_err_t *cloud_files_open_for(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path, cloud_op_t op,
                                  apr_pool_t *pool);

/** A path, as the baton of cloud_source_by_path(). */
typedef struct {
    const cloud_account_t *account;
    const char *path;
} cloud_by_path_t;
cloud_err_t *cloud_source_by_path(cloud_entry_t **source, void *baton, cloud_ctx_t *ctx,
                                  apr_pool_t *pool);

/** cloud_file_list() without ETags: they are those of the nodes. It looks at no more mounts than are in the
 *  folder. */
cloud_err_t *cloud_files_list_plain(cloud_ctx_t *ctx, const cloud_entry_t *folder,
                                    cloud_list_fn *fn, void *baton);

/** A COPY that is under way. */
typedef struct {
    const cloud_entry_t *source;
    const cloud_account_t *account; /* where it goes */
    const char *path;
    int overwrite, depth;
    const cloud_cond_t *cond;
    cloud_tx_fn *also;              /* done in the transaction that puts it in place; may be NULL */
    void *baton;
    cloud_source_fn *find;          /* found source, and finds it again when all of it was copied */
    void *find_baton;
} cloud_copy_t;
/** COPY of a folder, built in the staging directory of the owner of place, the destination as it was found. (no tx) */
cloud_err_t *cloud_copy_tree(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_copy_t *c,
                             const cloud_entry_t *place, apr_pool_t *pool);
/** MOVE as a COPY and the removal of the source in one transaction; the source goes where its owner's
 *  deleted files go, and what arrives is new. (no tx) */
cloud_err_t *cloud_files_move_out(cloud_result_t *res, cloud_ctx_t *ctx,
                                  const cloud_by_path_t *from, const cloud_account_t *dst_account, const char *dst,
                                  int overwrite, const cloud_cond_t *sc, const cloud_cond_t *dc,
                                  apr_pool_t *pool);

/** Turns a detached root that will not be attached into something to purge. (tx, write) */
cloud_err_t *cloud_files_abandon_bulk(cloud_ctx_t *ctx, apr_int64_t id, apr_pool_t *pool);

/* access.c: */
/** Whether the entry is below a received item that may not be read. All names are alike there for who asks, and none
 *  is looked for (cloud_resolve_tx): new things may be put right into the item, if anything. */
int cloud_entry_hidden(const cloud_entry_t *entry);

/* files_name.c: */
#define CLOUD_NAMES_TRIED 200
/** The name to try after so many that were taken: the first numbers one after the other, then any. */
cloud_err_t *cloud_files_next_name(const char **next, const char *name, int tries, int is_dir,
                                   apr_pool_t *pool);
/** Before something new is put where the entry is: where all names are alike (cloud_entry_hidden), the entry gets
 *  one that is free. PRECONDITION when none was found. (tx, write) */
cloud_err_t *cloud_files_free_name(cloud_entry_t *e, cloud_ctx_t *ctx, int is_dir,
                                   apr_pool_t *pool);

#endif
