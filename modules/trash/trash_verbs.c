/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What one can do with a bin: look, restore, delete for good, empty. */
#include "trash_private.h"

#include <string.h>

/* What is at path of the bin, when the caller may see it; also what the account deleted in the trees of
 * others. An account without a bin gets an entry that does not exist. (tx) */
static cloud_err_t *find(cloud_entry_t **e, cloud_ctx_t *ctx, const cloud_account_t *account,
                         const char *path, apr_pool_t *pool)
{
    cloud_entry_t *theirs;
    cloud_node_t *bin;

    CLOUD_ERR(cloud_trash_bin(&bin, ctx, account, pool));
    if (bin) {
        CLOUD_ERR(cloud_resolve_root_tx(e, ctx, account, bin->id, path, pool));
    } else {
        /* Where there is no bin, its place decides: the owner's own. */
        CLOUD_ERR(cloud_resolve_root_tx(e, ctx, account, account->root, "", pool));
        (*e)->path = path;
        (*e)->exists = 0;
        (*e)->has_parent = *path == '\0';
    }
    if (!(*e)->exists && *path) {
        CLOUD_ERR(cloud_trash_share_find(&theirs, ctx, account, path, pool));
        if (theirs) *e = theirs;
    }
    return cloud_access(ctx, *e, CLOUD_OP_LIST);
}

/* It lies in the bin of another account. */
static int is_theirs(const cloud_entry_t *e)
{
    return e->exists && e->owner->number != e->account->number;
}

static cloud_err_t *not_found(cloud_ctx_t *ctx, const char *path)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "%s could not be located in the trash", path);
}

/* With the place that it had for account. */
static cloud_err_t *load_row(cloud_trash_item_t *item, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT t.deleted, t.name, coalesce(s.location, t.location),"
                             " t.deleter, t.batch FROM trash t LEFT JOIN trash_share s"
                             " ON s.node = t.node AND s.account = ?2 WHERE t.node = ?1",
                             "ii", item->node.id, account->number));
    if (row) {
        item->deleted = cloud_col_int(st, 0);
        item->name = cloud_col_dup(st, 1, pool);
        item->location = cloud_col_dup(st, 2, pool);
        item->deleter = cloud_col_int(st, 3);
        item->batch = cloud_col_int(st, 4);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *stat_tx(cloud_trash_item_t *item, cloud_ctx_t *ctx,
                            const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    cloud_entry_t *e;

    CLOUD_ERR(find(&e, ctx, account, path, pool));
    if (!e->exists && *path) return not_found(ctx, path);
    if (e->exists) item->node = e->node;
    else item->node.kind = CLOUD_KIND_TRASH;
    if (!*path || strchr(e->path, '/')) return NULL;
    return load_row(item, ctx, account, pool);
}

cloud_err_t *cloud_trash_stat(cloud_trash_item_t *item, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    cloud_err_t *err;

    memset(item, 0, sizeof *item);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = stat_tx(item, ctx, account, path, pool);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_trash_usage(apr_int64_t *bytes, cloud_ctx_t *ctx,
                               const cloud_account_t *account)
{
    cloud_trash_item_t bin;

    CLOUD_ERR(cloud_trash_stat(&bin, ctx, account, "", ctx->pool));
    *bytes = bin.node.size;
    return NULL;
}

/* ---- listing ---- */

void cloud_trash_item_row(cloud_trash_item_t *item, cloud_stmt_t *st)
{
    int n = TRASH_ITEM_NCOLS;

    cloud_tree_row(&item->node, st, 0, NULL);
    item->name = cloud_col_text(st, n);
    item->location = cloud_col_text(st, n + 1);
    item->deleted = cloud_col_null(st, n + 2) ? 0 : cloud_col_int(st, n + 2);
    item->deleter = cloud_col_null(st, n + 3) ? 0 : cloud_col_int(st, n + 3);
    item->batch = cloud_col_null(st, n + 4) ? 0 : cloud_col_int(st, n + 4);
}

/* The rows of deletions come with the nodes; inside a deleted folder there are none. */
static cloud_err_t *list_folder(cloud_ctx_t *ctx, const cloud_node_t *folder, cloud_trash_fn *fn,
                                void *baton, apr_pool_t *pool)
{
    cloud_trash_item_t item;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT " TRASH_ITEM_COLS ", t.name, t.location, t.deleted, t.deleter,"
                             " t.batch FROM node n LEFT JOIN trash t ON t.node = n.id AND t.bin = ?1"
                             " WHERE n.parent = ?1 ORDER BY n.name",
                             "i", folder->id));
    for (err = NULL; !err && row;) {
        cloud_trash_item_row(&item, st);
        err = fn(baton, &item);
        if (!err) err = cloud_stmt_step(&row, st, pool);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *list_tx(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                            cloud_trash_fn *fn, void *baton, apr_pool_t *pool)
{
    cloud_entry_t *folder;

    CLOUD_ERR(find(&folder, ctx, account, path, pool));
    if (!folder->exists && *path) return not_found(ctx, path);
    if (folder->exists && CLOUD_IS_DIR(&folder->node))
        CLOUD_ERR(list_folder(ctx, &folder->node, fn, baton, pool));
    return *path ? NULL : cloud_trash_share_list(ctx, account, fn, baton, pool);
}

cloud_err_t *cloud_trash_list(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                              cloud_trash_fn *fn, void *baton, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(ctx, account, path, fn, baton, pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* What was inside of a deleted folder may have another inode since a restore from a backup, or was
 * edited by an outsider before: the journal has to name it by the one that it has. */
static cloud_err_t *notice(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                           apr_pool_t *pool)
{
    cloud_entry_t *e;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find(&e, ctx, account, path, pool);
    cloud_tx_rollback(ctx);
    if (err || !e->exists) return err;
    return cloud_files_notice(&e, ctx, e, pool);
}

/* ---- restoring ---- */

#define RESTORES_TRIED 3

typedef struct {
    const cloud_account_t *account;
    const char *path;
} source_t;

static cloud_err_t *source(cloud_entry_t **e, void *baton, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    const source_t *s = baton;

    CLOUD_ERR(find(e, ctx, s->account, s->path, pool));
    if (!(*e)->exists && *s->path) return not_found(ctx, s->path);
    if (!*s->path) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return cloud_trash_forget(ctx, *e);
}

/* ---- restoring out of somebody else's bin into one's own files: that is a copy ---- */

static cloud_err_t *source_to_copy(cloud_entry_t **e, void *baton, cloud_ctx_t *ctx,
                                   apr_pool_t *pool)
{
    const source_t *s = baton;

    CLOUD_ERR(find(e, ctx, s->account, s->path, pool));
    return (*e)->exists ? NULL : not_found(ctx, s->path);
}

/* Whether it lies in another account's bin and would leave that account's trees. */
static cloud_err_t *leaves_owner(int *leaves, cloud_ctx_t *ctx, const source_t *s,
                                 const cloud_account_t *dst_account, const char *dst,
                                 apr_pool_t *pool)
{
    cloud_entry_t *e, *d;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find(&e, ctx, s->account, s->path, pool);
    *leaves = !err && is_theirs(e);
    if (*leaves) {
        err = cloud_resolve_tx(&d, ctx, dst_account, dst, pool);
        *leaves = !err && d->owner->number != e->owner->number;
    }
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *forget_theirs(cloud_ctx_t *ctx, const source_t *s)
{
    cloud_entry_t *e;
    cloud_err_t *err;

    if (strchr(s->path, '/')) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = find(&e, ctx, s->account, s->path, ctx->pool);
    if (!err && is_theirs(e)) err = cloud_trash_share_forget(ctx, e->node.id);
    return cloud_tx_end(ctx, err);
}

static cloud_err_t *restore_once(cloud_result_t *res, cloud_ctx_t *ctx, source_t *s,
                                 const cloud_account_t *dst_account, const char *dst,
                                 int overwrite, const cloud_cond_t *dst_cond, apr_pool_t *pool)
{
    int leaves;

    CLOUD_ERR(notice(ctx, s->account, s->path, pool));
    CLOUD_ERR(leaves_owner(&leaves, ctx, s, dst_account, dst, pool));
    if (leaves) {
        CLOUD_ERR(cloud_files_copy_from(res, ctx, source_to_copy, s, dst_account, dst, overwrite,
                                        dst_cond, pool));
        return forget_theirs(ctx, s);
    }
    CLOUD_POINT("trash-restore-moves");
    return cloud_files_move_from(res, ctx, source, s, dst_account, dst, overwrite, dst_cond, pool);
}

cloud_err_t *cloud_trash_restore(cloud_result_t *res, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, const char *path,
                                 const cloud_account_t *dst_account, const char *dst,
                                 int overwrite, const cloud_cond_t *dst_cond, apr_pool_t *pool)
{
    source_t s = { account, path };
    cloud_err_t *err;
    int tries = 0;

    /* Whose files the destination is in may have become another matter in between. */
    do {
        err = restore_once(res, ctx, &s, dst_account, dst, overwrite, dst_cond, pool);
    } while (cloud_err_is(err, CLOUD_E_AGAIN) && ++tries < RESTORES_TRIED);
    return err;
}

/* ---- deleting for good ---- */

/* In the bin of its owner it stays. */
static cloud_err_t *put_out_of_sight(cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    if (strchr(e->path, '/')) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return cloud_trash_share_forget(ctx, e->node.id);
}

static cloud_err_t *remove_tx(apr_int64_t *tree, cloud_ctx_t *ctx, const cloud_account_t *account,
                              const char *path, apr_pool_t *pool)
{
    cloud_entry_t *e;

    CLOUD_ERR(find(&e, ctx, account, path, pool));
    if (!e->exists) return not_found(ctx, path);
    CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_DELETE));
    *tree = e->tree;
    if (is_theirs(e)) return put_out_of_sight(ctx, e);
    CLOUD_ERR(cloud_files_purge(ctx, e, pool));
    return cloud_trash_forget(ctx, e);
}

cloud_err_t *cloud_trash_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const char *path)
{
    apr_int64_t tree = 0;
    cloud_err_t *err;

    CLOUD_ERR(notice(ctx, account, path, ctx->pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = remove_tx(&tree, ctx, account, path, ctx->pool);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    CLOUD_POINT("trash-remove-rows");
    return cloud_journal_commit(ctx, tree, 0);
}

/* A bin's directory has another inode since a restore from a backup, a move to another disk, or a
 * repair: the journal has to name the one that it has. Of ours nobody renames it while there is a
 * bin, so what stands there is it. *dir NULL: there is none, so there is nothing to move. */
static cloud_err_t *notice_dir(const char **dir, cloud_ctx_t *ctx, cloud_node_t *bin,
                               apr_pool_t *pool)
{
    apr_int64_t btime;
    struct stat st;
    int found;

    CLOUD_ERR(cloud_storage_stat(&st, &btime, &found, ctx->store, *dir, pool));
    if (!found || !S_ISDIR(st.st_mode)) {
        *dir = NULL;
        return NULL;
    }
    bin->ino = st.st_ino;
    bin->btime = btime;
    return NULL;
}

/* The bin is no entry that may be deleted, so the decision is about what is in it. */
static cloud_err_t *empty_tx(cloud_ctx_t *ctx, const cloud_account_t *account, apr_pool_t *pool)
{
    const char *dir = apr_pstrcat(pool, account->dir, "/" TRASH_DIR, NULL);
    apr_int64_t number;
    cloud_entry_t *e;

    CLOUD_ERR(find(&e, ctx, account, "", pool));
    e->path = "*";
    CLOUD_ERR(cloud_access(ctx, e, CLOUD_OP_DELETE));
    CLOUD_ERR(cloud_trash_share_clear(ctx, account));
    if (!e->exists) return NULL;
    CLOUD_ERR(notice_dir(&dir, ctx, &e->node, pool));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    CLOUD_ERR(cloud_tree_log(ctx, number, e->tree, "purge", &e->node, 0, NULL, -e->node.size));
    return cloud_files_purge_root(ctx, account, &e->node, dir, pool);
}

cloud_err_t *cloud_trash_empty(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = empty_tx(ctx, account, ctx->pool);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    CLOUD_POINT("trash-empty-rows");
    return cloud_journal_commit(ctx, account->root, 0);
}
