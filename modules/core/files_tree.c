/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* MKCOL and DELETE: one transaction each, one or two renames, whatever the size below. */
#include "files_private.h"

/* ---- MKCOL ---- */

static cloud_err_t *mkcol_tx(cloud_result_t *res, cloud_ctx_t *ctx,
                             const cloud_account_t *account, const char *path,
                             const cloud_cond_t *cond, const char *stage, const struct stat *st,
                             apr_int64_t btime, apr_pool_t *pool)
{
    cloud_node_t node = { 0 };
    cloud_entry_t *e;

    CLOUD_ERR(cloud_resolve_tx(&e, ctx, account, path, pool));
    /* In any case: whoever may only drop files by a link is not to learn which names there are. */
    if (!cloud_entry_hidden(e)) CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_LIST));
    if (!e->exists) CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_CREATE));
    if (e->exists)
        return cloud_err(ctx->pool, CLOUD_E_EXISTS,
                         "The resource you tried to create already exists");
    if (!e->has_parent)
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "Parent node does not exist");
    CLOUD_ERR(cloud_files_name_check(ctx, e->name));
    CLOUD_ERR(cloud_cond_check(ctx, e, cond));
    CLOUD_ERR(cloud_lock_check(ctx, e, cond ? cond->tokens : NULL,
                               CLOUD_LOCKCHK_NODE | CLOUD_LOCKCHK_PARENT));
    CLOUD_ERR(cloud_files_quota_for(ctx, e, 0));
    res->entry = e;
    if (!stage) return NULL; /* the look before anything was made */
    CLOUD_ERR(cloud_files_free_name(e, ctx, 1, pool));
    CLOUD_ERR(cloud_tree_draw(&node.id, ctx));
    node.etag = node.id;
    node.parent = e->parent.id;
    node.name = cloud_name_nfc(e->name, pool);
    node.disk = e->name;
    node.kind = CLOUD_KIND_DIR;
    node.mtime = node.created = apr_time_sec(apr_time_now());
    node.ino = st->st_ino;
    node.btime = btime;
    CLOUD_ERR(cloud_tree_insert(ctx, &node));
    CLOUD_ERR(cloud_tree_bump(ctx, e->chain, e->chain_len, node.etag, 0, node.mtime));
    CLOUD_ERR(cloud_journal_add(ctx, e->tree, 0, node.ino, 1, stage,
                                apr_pstrcat(pool, e->folder, "/", node.disk, NULL)));
    CLOUD_ERR(cloud_tree_log(ctx, node.etag, e->tree, "create", &node, 0, NULL, 0));
    CLOUD_ERR(cloud_entry_set(e, ctx, &node));
    res->created = 1;
    return cloud_files_changed(ctx, "create", e, NULL);
}

cloud_err_t *cloud_file_mkcol(cloud_result_t *res, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path,
                              const cloud_cond_t *cond, apr_pool_t *pool)
{
    const char *stage;
    apr_int64_t btime;
    cloud_home_t home;
    cloud_err_t *err;
    struct stat st;
    int found;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = mkcol_tx(res, ctx, account, path, cond, NULL, NULL, 0, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    home = cloud_home_of(res->entry);
    CLOUD_ERR(cloud_storage_stage_dir(&stage, ctx->store, res->entry->owner->dir, pool));
    CLOUD_POINT("mkcol-staged");
    err = cloud_storage_sync_parent(ctx->store, stage, pool);
    if (!err) err = cloud_storage_stat(&st, &btime, &found, ctx->store, stage, pool);
    if (!err) err = cloud_tx_begin(ctx, CLOUD_DB_WRITE);
    if (!err) {
        err = mkcol_tx(res, ctx, account, path, cond, stage, &st, btime, pool);
        if (!err) err = cloud_home_check(ctx, res->entry, home);
        if (err) cloud_tx_rollback(ctx);
        else err = cloud_journal_commit(ctx, res->entry->tree, 0);
    }
    if (err && !cloud_files_stage_owed(ctx, stage))
        cloud_storage_unlink(ctx->store, stage, 1, pool);
    return err;
}

/* ---- DELETE ---- */

static cloud_err_t *ask_features(int *handled, apr_int64_t *parent, const char **name,
                                 const char **disk, cloud_ctx_t *ctx, const cloud_entry_t *e,
                                 apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    *handled = 0;
    for (i = 0; i < features->nelts && !*handled; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->remove) CLOUD_ERR(f->remove(ctx, e, handled, parent, name, disk, pool));
    }
    return NULL;
}

static cloud_err_t *tell_purged(cloud_ctx_t *ctx, apr_int64_t id)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->purged) CLOUD_ERR(f->purged(ctx, id));
    }
    return NULL;
}

/* A file is gone at once; a folder hangs under the purge root until the job has reclaimed it. */
static cloud_err_t *to_purge(cloud_ctx_t *ctx, const cloud_entry_t *e, const char *src,
                             apr_pool_t *pool)
{
    const char *name = apr_psprintf(pool, "%" APR_INT64_T_FMT, e->node.id);
    const char *dst = apr_pstrcat(pool, e->owner->dir, "/" CLOUD_PURGE "/", name, NULL);
    int is_dir = CLOUD_IS_DIR(&e->node);

    CLOUD_ERR(cloud_journal_add(ctx, e->tree, 0, e->node.ino, is_dir, src, dst));
    if (is_dir) return cloud_tree_rename(ctx, &e->node, e->owner->purge, name, name);
    CLOUD_ERR(cloud_journal_add(ctx, e->tree, 0, e->node.ino, 0, dst, NULL));
    if (e->node.flags & CLOUD_NODE_PROPS) CLOUD_ERR(cloud_props_delete(ctx, e->node.id));
    CLOUD_ERR(cloud_favorite_forget(ctx, &e->node));
    CLOUD_ERR(cloud_tree_delete_row(ctx, &e->node));
    return tell_purged(ctx, e->node.id);
}

/* Takes an existing entry out of the tree: to where a feature keeps it, or to the purge root. */
static cloud_err_t *take_out(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_int64_t number,
                                  apr_pool_t *pool)
{
    const char *src, *name = NULL, *disk = NULL;
    apr_int64_t parent = 0;
    int handled;

    CLOUD_ERR(cloud_entry_path(&src, ctx, e, pool));
    CLOUD_ERR(cloud_lock_forget(ctx, e));
    CLOUD_ERR(ask_features(&handled, &parent, &name, &disk, ctx, e, pool));
    if (handled) {
        CLOUD_ERR(cloud_journal_add(ctx, e->tree, parent, e->node.ino, CLOUD_IS_DIR(&e->node), src,
                                    disk));
        CLOUD_ERR(cloud_tree_rename(ctx, &e->node, parent, name, e->node.disk));
        CLOUD_ERR(cloud_tree_bump(ctx, &parent, 1, number, e->node.size,
                                  apr_time_sec(apr_time_now())));
    } else {
        CLOUD_ERR(to_purge(ctx, e, src, pool));
    }
    CLOUD_ERR(cloud_tree_bump(ctx, e->chain, e->chain_len, number, -e->node.size,
                              apr_time_sec(apr_time_now())));
    return NULL;
}

cloud_err_t *cloud_files_replace(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_pool_t *pool)
{
    apr_int64_t number;

    if (e->tree == e->owner->root) CLOUD_ERR(cloud_files_leaves(ctx, e, NULL, pool));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    CLOUD_ERR(cloud_tree_log(ctx, number, e->tree, "remove", &e->node, 0, NULL, -e->node.size));
    return take_out(ctx, e, number, pool);
}

cloud_err_t *cloud_files_purge(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_pool_t *pool)
{
    apr_int64_t number;
    const char *src;

    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    CLOUD_ERR(cloud_tree_log(ctx, number, e->tree, "purge", &e->node, 0, NULL, -e->node.size));
    CLOUD_ERR(cloud_entry_path(&src, ctx, e, pool));
    CLOUD_ERR(to_purge(ctx, e, src, pool));
    return cloud_tree_bump(ctx, e->chain, e->chain_len, number, -e->node.size,
                           apr_time_sec(apr_time_now()));
}

cloud_err_t *cloud_files_purge_root(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    const cloud_node_t *root, const char *dir, apr_pool_t *pool)
{
    const char *name = apr_psprintf(pool, "%" APR_INT64_T_FMT, root->id);
    cloud_node_t node = *root;

    if (dir)
        CLOUD_ERR(cloud_journal_add(ctx, account->root, root->id, root->ino, 1, dir,
                                    apr_pstrcat(pool, account->dir, "/" CLOUD_PURGE "/", name,
                                                NULL)));
    node.kind = CLOUD_KIND_DIR;
    CLOUD_ERR(cloud_tree_update(ctx, &node));
    return cloud_tree_rename(ctx, root, account->purge, name, name);
}

/* What is mounted stays where it is; only the recipient has it no more. Nobody's lock on it holds him. */
static cloud_err_t *leave(cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    const cloud_feature_t *f = e->mount->feature;

    if (!f->mount_left) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return f->mount_left(ctx, e->account, e->mount);
}

static cloud_err_t *remove_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path,
                              const cloud_cond_t *cond, apr_pool_t *pool)
{
    cloud_entry_t *e;

    CLOUD_ERR(cloud_resolve_tx(&e, ctx, account, path, pool));
    /* "Not found" is what clients take for done. */
    if (cloud_entry_hidden(e)) CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_DELETE));
    CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_LIST));
    CLOUD_ERR(cloud_cond_check(ctx, e, cond));
    if (!e->exists)
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located",
                         e->path);
    CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_DELETE));
    *entry = e;
    if (e->mount_root) return leave(ctx, e);
    CLOUD_ERR(cloud_lock_check(ctx, e, cond ? cond->tokens : NULL,
                               CLOUD_LOCKCHK_NODE | CLOUD_LOCKCHK_PARENT | CLOUD_LOCKCHK_BELOW));
    CLOUD_ERR(cloud_files_replace(ctx, e, pool));
    return cloud_files_changed(ctx, "remove", e, NULL);
}

static cloud_err_t *remove_once(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                                const cloud_cond_t *cond)
{
    cloud_entry_t *e = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_resolve(&e, ctx, account, path, ctx->pool));
    if (!e->mount_root) {
        CLOUD_ERR(cloud_files_notice(&e, ctx, e, ctx->pool));
        CLOUD_ERR(cloud_files_prepare(ctx, e, 1));
    }
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = remove_tx(&e, ctx, account, path, cond, ctx->pool);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_journal_commit(ctx, e->tree, 0);
}

cloud_err_t *cloud_file_remove(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                               const cloud_cond_t *cond)
{
    cloud_err_t *err;
    int tries = 0;

    do {
        err = remove_once(ctx, account, path, cond);
    } while (cloud_files_again(err, &tries));
    return err;
}
