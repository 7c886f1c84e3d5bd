/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Versions: rows, and what the verbs of the core tell us. */
#include "versions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Without a tag a version may go: those are the ones that are looked through by age.
 * version_gone: directories of files that were purged, to be removed once they are empty. */
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS version (node INTEGER NOT NULL, number INTEGER NOT NULL,"
    " account INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " etag INTEGER NOT NULL, ino INTEGER NOT NULL, ino_mtime INTEGER NOT NULL,"
    " btime INTEGER NOT NULL, sums BLOB, author TEXT, tag TEXT,"
    " PRIMARY KEY (node, number)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS version_account ON version (account, number);"
    "CREATE INDEX IF NOT EXISTS version_age ON version (number) WHERE tag IS NULL;"
    "CREATE TABLE IF NOT EXISTS version_total (account INTEGER PRIMARY KEY NOT NULL,"
    " bytes INTEGER NOT NULL, count INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS version_gone (node INTEGER PRIMARY KEY NOT NULL,"
    " seq INTEGER NOT NULL, account INTEGER NOT NULL);";

const cloud_setting_t cloud_versions_settings[] = {
    { "system", "versions_retention_obligation", CLOUD_SET_STRING, "auto", 0, 0,
      "How long old versions of files are kept (in days): \"auto\", \"D, auto\", \"auto, D\", "
      "\"D1, D2\" or \"disabled\"" },
    { "system", "versions_purge_limit", CLOUD_SET_INT, "50", 0, 100,
      "Percent of what is free in an account's quota that its old versions may take" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

/* ---- rows ---- */

const char *cloud_version_dir(const char *account_dir, apr_int64_t node, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/" CLOUD_VERSIONS "/%" APR_INT64_T_FMT, account_dir, node);
}

static const char *path_of(const char *account_dir, apr_int64_t node, apr_int64_t number,
                           apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/" CLOUD_VERSIONS "/%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT,
                        account_dir, node, number);
}

/* The ids in a path as path_of() makes it; 0 when it is another. */
static int read_path(apr_int64_t *node, apr_int64_t *number, const char *path)
{
    const char *p = strstr(path, "/" CLOUD_VERSIONS "/");
    char *end;

    if (!p) return 0;
    p += sizeof("/" CLOUD_VERSIONS "/") - 1;
    *node = strtoll(p, &end, 10);
    if (end == p || *end != '/') return 0;
    p = end + 1;
    *number = strtoll(p, &end, 10);
    return end != p && !*end;
}

void cloud_version_row(cloud_version_t *v, cloud_stmt_t *st, apr_pool_t *pool)
{
    const void *sums;

    memset(v, 0, sizeof *v);
    v->node = cloud_col_int(st, 0);
    v->number = cloud_col_int(st, 1);
    v->account = cloud_col_int(st, 2);
    v->size = cloud_col_int(st, 3);
    v->mtime = cloud_col_int(st, 4);
    v->etag = cloud_col_int(st, 5);
    v->ino = (apr_uint64_t)cloud_col_int(st, 6);
    v->ino_mtime = cloud_col_int(st, 7);
    v->btime = cloud_col_int(st, 8);
    sums = cloud_col_blob(st, 9, &v->sums.len);
    v->sums.data = v->sums.len ? apr_pmemdup(pool, sums, v->sums.len) : NULL;
    v->author = cloud_col_dup(st, 10, pool);
    v->tag = cloud_col_dup(st, 11, pool);
    v->path = path_of(cloud_col_text(st, 12), v->node, v->number, pool);
    v->root = cloud_col_int(st, 13);
    v->author_name = cloud_col_dup(st, 14, pool);
}

cloud_err_t *cloud_versions_each(cloud_ctx_t *ctx, apr_int64_t node, cloud_version_fn *fn,
                                 void *baton)
{
    cloud_version_t v;
    cloud_stmt_t *st;
    apr_pool_t *iter;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.node = ?1 ORDER BY v.number DESC",
                             "i", node));
    apr_pool_create(&iter, ctx->pool);
    for (err = NULL; !err && row; ) {
        apr_pool_clear(iter);
        cloud_version_row(&v, st, iter);
        err = fn(baton, &v);
        if (!err) err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    apr_pool_destroy(iter);
    return err;
}

cloud_err_t *cloud_version_get(cloud_version_t **v, cloud_ctx_t *ctx, apr_int64_t node,
                               apr_int64_t number, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *v = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.node = ?1 AND v.number = ?2",
                             "ii", node, number));
    if (row) {
        *v = apr_palloc(pool, sizeof **v);
        cloud_version_row(*v, st, pool);
    }
    cloud_stmt_done(st);
    return row ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no such version");
}

cloud_err_t *cloud_versions_add_total(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t bytes,
                                      apr_int64_t count)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO version_total (account, bytes, count) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (account) DO UPDATE SET bytes = bytes + excluded.bytes,"
                        " count = count + excluded.count",
                        "iii", account, bytes, count);
}

cloud_err_t *cloud_versions_total(apr_int64_t *bytes, apr_int64_t *count, cloud_ctx_t *ctx,
                                  apr_int64_t account)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT bytes, count FROM version_total WHERE account = ?1", "i",
                             account));
    *bytes = row ? cloud_col_int(st, 0) : 0;
    *count = row ? cloud_col_int(st, 1) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* The inode that lies at the place of a version with its size and time: since a restore from a backup
 * it may be another one, and only the one that the journal names is unlinked. */
apr_uint64_t cloud_version_inode(cloud_ctx_t *ctx, const cloud_version_t *v)
{
    struct stat st;
    int found;

    if (cloud_storage_stat(&st, NULL, &found, ctx->store, v->path, ctx->pool) || !found
        || !S_ISREG(st.st_mode) || st.st_size != v->size
        || cloud_storage_mtime(&st) != v->ino_mtime)
        return v->ino;
    return st.st_ino;
}

cloud_err_t *cloud_version_forget(cloud_ctx_t *ctx, const cloud_version_t *v)
{
    CLOUD_ERR(cloud_journal_add(ctx, v->root, 0, cloud_version_inode(ctx, v), 0, v->path, NULL));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM version WHERE node = ?1 AND number = ?2", "ii", v->node,
                           v->number));
    return cloud_versions_add_total(ctx, v->account, -v->size, -1);
}

/* ---- hooks ---- */

static int makes_version(const cloud_node_t *node)
{
    return node->kind == CLOUD_KIND_FILE && node->size > 0;
}

static cloud_err_t *prepare(cloud_ctx_t *ctx, const cloud_entry_t *e, int removes,
                            apr_pool_t *pool)
{
    if (removes || !makes_version(&e->node)) return NULL;
    return cloud_storage_keep_dir(ctx, cloud_version_dir(e->owner->dir, e->node.id, pool));
}

/* A file's ETag is the number of the change that gave it its content; the log says whose it was. */
static cloud_err_t *author_of(const char **author, cloud_ctx_t *ctx, const cloud_entry_t *e,
                              apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT a.id FROM change AS c JOIN account AS a ON"
                             " a.number = c.account WHERE c.tree = ?1 AND c.number = ?2",
                             "ii", e->tree, e->node.etag));
    *author = row ? cloud_col_dup(st, 0, pool) : NULL;
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *replace(cloud_ctx_t *ctx, const cloud_entry_t *old, cloud_keep_t *keep,
                            apr_pool_t *pool)
{
    const cloud_node_t *n = &old->node;
    const char *author;
    apr_int64_t number;

    if (!makes_version(n)) return NULL;
    CLOUD_ERR(cloud_storage_keep_dir(ctx, cloud_version_dir(old->owner->dir, n->id, pool)));
    CLOUD_ERR(author_of(&author, ctx, old, pool));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "INSERT INTO version (node, number, account, size, mtime, etag, ino,"
                           " ino_mtime, btime, sums, author) VALUES"
                           " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                           "iiiiiiiiibt", n->id, number, old->owner->number, n->size, n->mtime,
                           n->etag, (apr_int64_t)n->ino, n->ino_mtime, n->btime,
                           (const void *)n->sums.data, n->sums.len, author));
    CLOUD_ERR(cloud_versions_add_total(ctx, old->owner->number, n->size, 1));
    keep->path = path_of(old->owner->dir, n->id, number, pool);
    CLOUD_POINT("version-kept");
    return NULL;
}

cloud_err_t *cloud_versions_load(apr_array_header_t **list, cloud_ctx_t *ctx, apr_int64_t node)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *list = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.node = ?1",
                             "i", node));
    if (row) *list = apr_array_make(ctx->pool, 16, sizeof(cloud_version_t));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool))
        cloud_version_row(apr_array_push(*list), st, ctx->pool);
    cloud_stmt_done(st);
    return err;
}

/* The versions of a file that is gone for good; its directory goes when they are unlinked. */
static cloud_err_t *purged(cloud_ctx_t *ctx, apr_int64_t node)
{
    apr_array_header_t *list;
    apr_int64_t seq;
    int i;

    CLOUD_ERR(cloud_versions_load(&list, ctx, node));
    if (!list) return NULL;
    for (i = 0; i < list->nelts; i++)
        CLOUD_ERR(cloud_version_forget(ctx, &APR_ARRAY_IDX(list, i, cloud_version_t)));
    CLOUD_ERR(cloud_tree_draw(&seq, ctx));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT OR REPLACE INTO version_gone (node, seq, account)"
                        " VALUES (?1, ?2, ?3)",
                        "iii", node, seq, APR_ARRAY_IDX(list, 0, cloud_version_t).account);
}

static cloud_err_t *kept(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t after,
                         int limit, cloud_kept_fn *fn, void *baton, apr_pool_t *pool)
{
    cloud_version_t v;
    cloud_kept_t k;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.account = ?1 AND v.number > ?2"
                             " ORDER BY v.number LIMIT ?3",
                             "iii", account->number, after, (apr_int64_t)limit));
    for (err = NULL; !err && row; ) {
        cloud_version_row(&v, st, pool);
        k = (cloud_kept_t){ v.number, v.path, v.ino, v.size, v.ino_mtime, v.btime, v.sums };
        err = fn(baton, &k);
        if (!err) err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *kept_moved(cloud_ctx_t *ctx, const cloud_kept_t *k)
{
    apr_int64_t node, number;

    if (!read_path(&node, &number, k->path)) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE version SET ino = ?3, ino_mtime = ?4, btime = ?5"
                        " WHERE node = ?1 AND number = ?2",
                        "iiiii", node, number, (apr_int64_t)k->ino, k->ino_mtime, k->btime);
}

static cloud_err_t *keeps(int *yes, cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    apr_int64_t node, number;
    cloud_version_t *v;
    cloud_err_t *err;

    *yes = 0;
    if (!read_path(&node, &number, path)) return NULL;
    err = cloud_version_get(&v, ctx, node, number, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return NULL;
    if (!err) *yes = strcmp(v->path, path) == 0;
    return err;
}

/* ---- directories of purged files ---- */

typedef struct {
    apr_int64_t node;
    const char *path;
} gone_t;

/* Those for which no move that was owed then is owed still: nothing will come in any more. */
static cloud_err_t *find_gone(apr_array_header_t *list, cloud_ctx_t *ctx)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT g.node, a.dir FROM version_gone AS g JOIN account AS a"
                             " ON a.number = g.account WHERE NOT EXISTS (SELECT 1 FROM journal"
                             " AS j WHERE j.tree IN (a.root, -a.root) AND j.seq < g.seq)"
                             " LIMIT 200",
                             ""));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        gone_t *g = apr_array_push(list);

        g->node = cloud_col_int(st, 0);
        g->path = cloud_version_dir(cloud_col_text(st, 1), g->node, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *forget_gone(cloud_ctx_t *ctx, const apr_array_header_t *list)
{
    cloud_err_t *err = NULL;
    int i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    for (i = 0; i < list->nelts && !err; i++)
        err = cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM version_gone WHERE node = ?1",
                           "i", APR_ARRAY_IDX(list, i, gone_t).node);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx); /* a lost one is done again */
}

static cloud_err_t *maintain(cloud_ctx_t *ctx, int *more)
{
    apr_array_header_t *list = apr_array_make(ctx->pool, 8, sizeof(gone_t));
    cloud_err_t *err;
    int i, rc;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find_gone(list, ctx);
    cloud_tx_rollback(ctx);
    if (err || list->nelts == 0) return err;
    for (i = 0; i < list->nelts; i++) {
        const gone_t *g = &APR_ARRAY_IDX(list, i, gone_t);

        rc = cloud_storage_unlink(ctx->store, g->path, 1, ctx->pool);
        if (rc == 0) CLOUD_ERR(cloud_storage_sync_parent(ctx->store, g->path, ctx->pool));
        else if (rc != ENOENT)
            CLOUD_LOG(ctx->store, WARN, "can't remove %s: %s", g->path, strerror(rc));
    }
    *more = list->nelts == 200;
    return forget_gone(ctx, list);
}

/* Of verbs that were refused after prepare(), and of files whose versions all went by age. */
static cloud_err_t *is_used(int *used, cloud_ctx_t *ctx, apr_int64_t node)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, used, ctx->db, ctx->pool,
                             "SELECT 1 FROM version WHERE node = ?1 LIMIT 1", "i", node));
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_versions_sweep(int *more, cloud_ctx_t *ctx, apr_int64_t age)
{
    return cloud_sweep_step(more, ctx, CLOUD_VERSIONS, is_used, age);
}

cloud_err_t *cloud_versions_sweep_job(int *more, cloud_ctx_t *ctx)
{
    return cloud_versions_sweep(more, ctx, CLOUD_SWEEP_AGE);
}

/* ---- registration ---- */

static const cloud_feature_t FEATURE = {
    .name = "versions",
    .schema = SCHEMA,
    .dir = CLOUD_VERSIONS,
    .prepare = prepare,
    .replace = replace,
    .purged = purged,
    .account_deleted = cloud_versions_account_deleted,
    .maintain = maintain,
    .kept = kept,
    .kept_moved = kept_moved,
    .keeps = keeps,
    .check = cloud_versions_check,
};

void cloud_versions_register(void)
{
    cloud_settings_declare(cloud_versions_settings);
    cloud_feature_register(&FEATURE);
}

void cloud_versions_unregister(void)
{
    cloud_feature_unregister(&FEATURE);
    cloud_settings_undeclare(cloud_versions_settings);
}
