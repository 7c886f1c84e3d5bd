/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file hooks.h
 * How a feature plugs into the verbs. core/ never names a feature: a module registers a
 * cloud_feature_t before the store is opened; NULL members are skipped. All calls are made inside the verb's transaction,
 * in order of registration; an error undoes the verb.
 */
#ifndef CLOUD_HOOKS_H
#define CLOUD_HOOKS_H

#include "files.h"

/** What happens to an inode that leaves the tree. */
typedef struct {
    const char *path;   /* below the account's directory; NULL: purge (unlink) it */
} cloud_keep_t;

typedef struct cloud_feature_t {
    const char *name;
    /** Content of an existing file is about to be replaced; set keep->path to keep the old inode (it
     *  is moved there by the journal), e.g. as a version. */
    cloud_err_t *(*replace)(cloud_ctx_t *ctx, const cloud_entry_t *old, cloud_keep_t *keep, apr_pool_t *pool);
    /** A node is about to be deleted. Set *parent, *name and *disk_path to move it there (trash)
     *  instead of the purge root; *handled 1. */
    cloud_err_t *(*remove)(cloud_ctx_t *ctx, const cloud_entry_t *entry, int *handled,
                           apr_int64_t *parent, const char **name, const char **disk_path, apr_pool_t *pool);
    /** After the rows of a change were written: op is "create", "write", "move", "copy", "remove", "touch", "props" (dead properties alone). from is set for move. */
    cloud_err_t *(*changed)(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                            const cloud_entry_t *from, apr_pool_t *pool);
    /** A node is gone for good (purged). */
    cloud_err_t *(*purged)(cloud_ctx_t *ctx, apr_int64_t node);
    /** An account is being deleted. */
    cloud_err_t *(*account_deleted)(cloud_ctx_t *ctx, const cloud_account_t *account);
    /** Statements that create the feature's tables, CREATE ... IF NOT EXISTS. */
    const char *schema;
    /** Bounded periodic work; *more 1 when there is more. */
    cloud_err_t *(*maintain)(cloud_ctx_t *ctx, int *more);
} cloud_feature_t;

/** Registers a feature for all stores of the process; the structure must live for ever. Registering the same again is harmless. */
CLOUD_API void cloud_feature_register(const cloud_feature_t *feature);
CLOUD_API const apr_array_header_t *cloud_features(void); /* of const cloud_feature_t * */

#endif
