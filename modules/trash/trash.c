/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The trash as a feature of the core: its tables and its hooks on the verbs. */
#include "trash_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* trash_dir: directories of a bin that are empty, or will be once the journal has carried out what
 * left them. They are removed by the job, one by one and only when empty: a node may be back in its
 * directory before the job comes by.
 * trash_share: what an account deleted through a mount, by the place that it had there; mount is the id of
 * the mount's target. */
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS trash (node INTEGER PRIMARY KEY NOT NULL, bin INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL,"
    " deleter INTEGER NOT NULL, batch INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS trash_bin ON trash (bin, deleted);"
    "CREATE INDEX IF NOT EXISTS trash_age ON trash (deleted);"
    "CREATE TABLE IF NOT EXISTS trash_dir (node INTEGER PRIMARY KEY NOT NULL,"
    " path TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS trash_share (node INTEGER PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL, owner INTEGER NOT NULL, mount INTEGER NOT NULL,"
    " location TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS trash_share_account ON trash_share (account, node);";

#define DIRS_PER_STEP 200

/* ---- the bin ---- */

static const char *dir_of(const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/" TRASH_DIR "/%" APR_INT64_T_FMT, account->dir, id);
}

cloud_err_t *cloud_trash_bin(cloud_node_t **bin, cloud_ctx_t *ctx, const cloud_account_t *account,
                             apr_pool_t *pool)
{
    /* A root's name says whose it is; ';' follows ':'. */
    const char *from = apr_psprintf(pool, "%d:%" APR_INT64_T_FMT ":", CLOUD_KIND_TRASH,
                                    account->number);
    const char *upto = apr_psprintf(pool, "%d:%" APR_INT64_T_FMT ";", CLOUD_KIND_TRASH,
                                    account->number);
    cloud_stmt_t *st;
    int row;

    *bin = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = 0"
                             " AND name >= ?1 AND name < ?2 LIMIT 1",
                             "tt", from, upto));
    if (row) {
        *bin = apr_palloc(pool, sizeof **bin);
        cloud_tree_row(*bin, st, 0, pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

/* The directory of an emptied bin may still stand where the new one's belongs. */
static cloud_err_t *check_place(cloud_ctx_t *ctx, const char *dir, apr_uint64_t ino)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT 1 FROM journal WHERE ino = ?1 AND src = ?2"
                             " AND dst IS NOT NULL",
                             "it", (apr_int64_t)ino, dir));
    cloud_stmt_done(st);
    return row ? cloud_err(ctx->pool, CLOUD_E_AGAIN, "%s is being emptied", dir) : NULL;
}

static cloud_err_t *new_bin_tx(cloud_ctx_t *ctx, const cloud_account_t *account, const char *dir,
                               const struct stat *st, apr_int64_t btime, apr_pool_t *pool)
{
    cloud_node_t *bin;
    apr_int64_t id;

    CLOUD_ERR(cloud_trash_bin(&bin, ctx, account, pool));
    if (bin) return NULL; /* somebody was faster */
    CLOUD_ERR(check_place(ctx, dir, st->st_ino));
    CLOUD_ERR(cloud_tree_new_root(&id, ctx, CLOUD_KIND_TRASH, account->number));
    CLOUD_ERR(cloud_tree_get(&bin, ctx, id, pool));
    bin->ino = st->st_ino;
    bin->btime = btime;
    CLOUD_ERR(cloud_tree_update(ctx, bin));
    return cloud_tree_rename(ctx, bin, 0, bin->name, TRASH_DIR);
}

/* The row follows the directory, so that a bin always has one. */
static cloud_err_t *new_bin(cloud_ctx_t *ctx, const cloud_account_t *account, apr_pool_t *pool)
{
    const char *dir = apr_pstrcat(pool, account->dir, "/" TRASH_DIR, NULL);
    apr_int64_t btime = 0;
    struct stat st;
    cloud_err_t *err;
    int found;

    CLOUD_ERR(cloud_journal_run(ctx, account->root, 0));
    CLOUD_ERR(cloud_storage_keep_dir(ctx, dir));
    CLOUD_POINT("trash-dir-made");
    CLOUD_ERR(cloud_storage_stat(&st, &btime, &found, ctx->store, dir, pool));
    if (!found) return cloud_err(ctx->pool, CLOUD_E_AGAIN, "%s was taken away", dir);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = new_bin_tx(ctx, account, dir, &st, btime, pool);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- what is not kept ---- */

static int is_below(const char *path, const char *dir)
{
    size_t len;

    while (*dir == '/') dir++;
    for (len = strlen(dir); len && dir[len - 1] == '/'; len--) continue;
    return len && strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The place in the files of its owner. (tx) for what is seen through a mount. */
static cloud_err_t *place_of(const char **path, cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    *path = e->path;
    return e->mount ? cloud_entry_owner_path(path, ctx, e, ctx->pool) : NULL;
}

/* (tx) as place_of() */
static cloud_err_t *skips(int *skip, cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    const char **list, *path, *dot = strrchr(e->node.disk, '.');
    apr_int64_t threshold;

    *skip = 1;
    CLOUD_ERR(place_of(&path, ctx, e));
    CLOUD_ERR(cloud_setting_list(&list, ctx, "system", "trashbin_skip_directories"));
    for (; *list; list++)
        if (is_below(path, *list)) return NULL;
    CLOUD_ERR(cloud_setting_list(&list, ctx, "system", "trashbin_skip_extensions"));
    for (; dot && !CLOUD_IS_DIR(&e->node) && *list; list++)
        if (strcasecmp(dot + 1, **list == '.' ? *list + 1 : *list) == 0) return NULL;
    CLOUD_ERR(cloud_setting_int(&threshold, ctx, "system", "trashbin_skip_size_threshold"));
    *skip = threshold > 0 && e->node.size >= threshold;
    return NULL;
}

cloud_err_t *cloud_trash_keeps(int *keeps, cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    const apr_array_header_t *features = cloud_features();
    int i, skip = 1;

    *keeps = 0;
    for (i = 0; i < features->nelts && !*keeps; i++)
        *keeps = APR_ARRAY_IDX(features, i, const cloud_feature_t *) == &cloud_trash_feature;
    if (!*keeps) return NULL;
    if (e->tree == e->owner->root) CLOUD_ERR(skips(&skip, ctx, e));
    *keeps = !skip;
    return NULL;
}

/* ---- hooks ---- */

static cloud_err_t *prepare(cloud_ctx_t *ctx, const cloud_entry_t *e, int removes,
                            apr_pool_t *pool)
{
    cloud_node_t *bin = NULL;
    cloud_err_t *err;
    int skip;

    if (!removes || e->tree != e->owner->root || e->node.parent == 0) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = skips(&skip, ctx, e);
    if (!err && !skip) err = cloud_trash_bin(&bin, ctx, e->owner, pool);
    cloud_tx_rollback(ctx);
    if (err || skip) return err;
    if (!bin) CLOUD_ERR(new_bin(ctx, e->owner, pool));
    return cloud_storage_keep_dir(ctx, dir_of(e->owner, e->node.id, pool));
}

static cloud_err_t *remember(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_int64_t bin)
{
    const cloud_account_t *who = ctx->who.account;
    const char *location;

    CLOUD_ERR(place_of(&location, ctx, e));
    CLOUD_ERR(cloud_trash_share_note(ctx, e));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO trash (node, bin, deleted, name, location, deleter, batch)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                        " ON CONFLICT (node) DO UPDATE SET bin = ?2, deleted = ?3, name = ?4,"
                        " location = ?5, deleter = ?6, batch = ?7",
                        "iiittii", e->node.id, bin, (apr_int64_t)apr_time_now(), e->node.name,
                        location, who ? who->number : (apr_int64_t)0, ctx->batch);
}

static cloud_err_t *keep(cloud_ctx_t *ctx, const cloud_entry_t *e, int *handled,
                         apr_int64_t *parent, const char **name, const char **disk_path,
                         apr_pool_t *pool)
{
    const char *dir = dir_of(e->owner, e->node.id, pool);
    cloud_node_t *bin;
    int skip;

    if (e->tree != e->owner->root) return NULL;
    CLOUD_ERR(skips(&skip, ctx, e));
    if (skip) return NULL;
    CLOUD_ERR(cloud_trash_bin(&bin, ctx, e->owner, pool));
    /* Emptied since prepare() was here. */
    if (!bin) return cloud_err(ctx->pool, CLOUD_E_AGAIN, "The trash is being emptied");
    CLOUD_ERR(cloud_storage_keep_dir(ctx, dir));
    CLOUD_ERR(remember(ctx, e, bin->id));
    *parent = bin->id;
    *name = apr_psprintf(pool, "%" APR_INT64_T_FMT, e->node.id);
    *disk_path = apr_pstrcat(pool, dir, "/", e->node.disk, NULL);
    *handled = 1;
    return NULL;
}

cloud_err_t *cloud_trash_forget(cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    if (strchr(e->path, '/')) return NULL;
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM trash WHERE node = ?1", "i",
                           e->node.id));
    CLOUD_ERR(cloud_trash_share_forget(ctx, e->node.id));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT OR REPLACE INTO trash_dir (node, path) VALUES (?1, ?2)", "it",
                        e->node.id, dir_of(e->owner, e->node.id, ctx->pool));
}

static cloud_err_t *purged(cloud_ctx_t *ctx, apr_int64_t node)
{
    CLOUD_ERR(cloud_trash_share_forget(ctx, node));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM trash WHERE node = ?1", "i", node);
}

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    CLOUD_ERR(cloud_trash_share_clear(ctx, account));
    /* The bin goes with the account's directory, its rows as its nodes do. '0' follows '/'. */
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM trash_dir WHERE path >= ?1 AND path < ?2", "tt",
                        apr_pstrcat(ctx->pool, account->dir, "/", NULL),
                        apr_pstrcat(ctx->pool, account->dir, "0", NULL));
}

/* ---- empty directories ---- */

/* Where there are more than a step takes, some that can't be removed (another program put something
 * into them) must not keep the others from their turn: the next step goes on behind this place. */
#define META_AFTER "trash.dir_after"

typedef struct {
    apr_int64_t node;
    const char *path;
    int back;            /* the node is in the bin again */
} dir_t;

static cloud_err_t *load_dirs(apr_array_header_t *dirs, cloud_ctx_t *ctx, apr_int64_t after)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT d.node, d.path, EXISTS (SELECT 1 FROM node n JOIN node b"
                             " ON b.id = n.parent WHERE n.id = d.node AND b.kind = 4)"
                             " FROM trash_dir d WHERE d.node > ?1 ORDER BY d.node LIMIT ?2",
                             "ii", after, (apr_int64_t)DIRS_PER_STEP));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        dir_t *d = apr_array_push(dirs);

        d->node = cloud_col_int(st, 0);
        d->path = cloud_col_dup(st, 1, dirs->pool);
        d->back = (int)cloud_col_int(st, 2);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *read_after(apr_int64_t *after, cloud_ctx_t *ctx)
{
    const char *value;

    CLOUD_ERR(cloud_meta_get(&value, ctx, META_AFTER, ctx->pool));
    *after = value ? apr_atoi64(value) : 0;
    return NULL;
}

static cloud_err_t *write_after(cloud_ctx_t *ctx, apr_int64_t after)
{
    return cloud_meta_set(ctx, META_AFTER,
                          apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, after));
}

/* Inside a write transaction, as keep() is: whoever deletes the node again either has its row here
 * already, or finds the directory gone and makes it anew. What is not empty yet waits. */
static cloud_err_t *remove_dirs(int *more, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    apr_array_header_t *dirs = apr_array_make(pool, 16, sizeof(dir_t));
    apr_int64_t after;
    int i, rc, full, removed = 0;

    CLOUD_ERR(read_after(&after, ctx));
    CLOUD_ERR(load_dirs(dirs, ctx, after));
    for (i = 0; i < dirs->nelts; i++) {
        const dir_t *d = &APR_ARRAY_IDX(dirs, i, dir_t);

        rc = d->back ? 0 : cloud_storage_unlink(ctx->store, d->path, 1, pool);
        if (rc && rc != ENOENT && rc != ENOTDIR) continue;
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, pool, "DELETE FROM trash_dir WHERE node = ?1", "i",
                               d->node));
        removed++;
    }
    full = dirs->nelts == DIRS_PER_STEP;
    *more = full && removed > 0;
    if (!full && after == 0) return NULL;
    return write_after(ctx, full ? APR_ARRAY_IDX(dirs, dirs->nelts - 1, dir_t).node : 0);
}

static cloud_err_t *any_dir(int *any, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, any, ctx->db, ctx->pool, "SELECT 1 FROM trash_dir LIMIT 1", "");
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *maintain(cloud_ctx_t *ctx, int *more)
{
    int any, again = 0;
    apr_pool_t *pool;
    cloud_err_t *err;

    CLOUD_ERR(any_dir(&any, ctx));
    if (!any) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    apr_pool_create(&pool, ctx->pool);
    err = cloud_err_keep(remove_dirs(&again, ctx, pool), ctx->pool);
    apr_pool_destroy(pool);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    if (again) *more = 1;
    return cloud_tx_commit(ctx);
}

/* Of verbs that were refused after prepare(). */
static cloud_err_t *is_used(int *used, cloud_ctx_t *ctx, apr_int64_t node)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, used, ctx->db, ctx->pool,
                             "SELECT 1 FROM node n JOIN node b ON b.id = n.parent"
                             " WHERE n.id = ?1 AND b.kind = 4", "i", node));
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_trash_sweep(int *more, cloud_ctx_t *ctx, apr_int64_t age)
{
    return cloud_sweep_step(more, ctx, TRASH_DIR, is_used, age);
}

cloud_err_t *cloud_trash_sweep_job(int *more, cloud_ctx_t *ctx)
{
    return cloud_trash_sweep(more, ctx, CLOUD_SWEEP_AGE);
}

/* ---- registering ---- */

const cloud_feature_t cloud_trash_feature = {
    .name = "trash",
    .prepare = prepare,
    .remove = keep,
    .purged = purged,
    .account_deleted = account_deleted,
    .schema = SCHEMA,
    .maintain = maintain,
    .check = cloud_trash_check,
};

const cloud_setting_t cloud_trash_settings[] = {
    { "system", "trashbin_retention_obligation", CLOUD_SET_STRING, "auto", 0, 0,
      "how long deleted files are kept: auto | D | D, auto | auto, D | D1, D2 | disabled (days)" },
    { "system", "trashbin_purge_limit", CLOUD_SET_INT, "50", 0, 100,
      "percent of the free quota that the trash may take" },
    { "system", "trashbin_skip_directories", CLOUD_SET_LIST, "", 0, 0,
      "folders whose files are deleted at once" },
    { "system", "trashbin_skip_extensions", CLOUD_SET_LIST, "", 0, 0,
      "extensions of files that are deleted at once" },
    { "system", "trashbin_skip_size_threshold", CLOUD_SET_SIZE, "0", 0, 0,
      "files and folders of at least this size are deleted at once; 0: none" },
    { NULL, NULL, CLOUD_SET_STRING, NULL, 0, 0, NULL }
};

void cloud_trash_register(void)
{
    cloud_settings_declare(cloud_trash_settings);
    cloud_feature_register(&cloud_trash_feature);
}

void cloud_trash_unregister(void)
{
    cloud_feature_unregister(&cloud_trash_feature);
    cloud_settings_undeclare(cloud_trash_settings);
}
