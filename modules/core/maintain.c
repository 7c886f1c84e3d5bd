/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Periodic work in bounded steps: reclaiming what was deleted, dropping the journal, checkpoints,
 * expiry. Each step may be repeated and may be killed at any point. */
#include "files_private.h"
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#define NODES_PER_STEP      500
#define BULK_MAX_AGE        86400   /* s: a copy that runs longer than a day is a dead one */
#define CHANGES_PER_STEP    5000

/* ---- nodes under the purge roots ---- */

static cloud_err_t *first_child(cloud_node_t **node, cloud_ctx_t *ctx, const char *sql,
                                apr_int64_t parent, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *node = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, sql, "i", parent));
    if (row) {
        *node = apr_palloc(pool, sizeof **node);
        cloud_tree_row(*node, st, 0, pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *forget_node(cloud_ctx_t *ctx, const cloud_node_t *node)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    if (node->flags & CLOUD_NODE_PROPS) CLOUD_ERR(cloud_props_delete(ctx, node->id));
    CLOUD_ERR(cloud_favorite_forget(ctx, node));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->purged) CLOUD_ERR(f->purged(ctx, node->id));
    }
    return cloud_tree_delete_row(ctx, node);
}

/* Deletes up to *budget rows at the bottom of the tree below top; *empty when none is left. */
static cloud_err_t *reclaim_below(int *empty, int *budget, cloud_ctx_t *ctx, apr_int64_t top,
                                  apr_pool_t *pool)
{
    apr_int64_t at = top;
    cloud_node_t *node;

    *empty = 0;
    while (*budget > 0) {
        --*budget;
        CLOUD_ERR(first_child(&node, ctx,
                              "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = ?1 LIMIT 1",
                              at, pool));
        if (node && CLOUD_IS_DIR(node)) {
            at = node->id;
        } else if (node) {
            CLOUD_ERR(forget_node(ctx, node));
        } else if (at == top) {
            *empty = 1;
            return NULL;
        } else {
            CLOUD_ERR(cloud_tree_get(&node, ctx, at, pool));
            if (!node) return NULL;
            at = node->parent;
            CLOUD_ERR(forget_node(ctx, node));
        }
    }
    return NULL;
}

/* The topmost nodes that wait: children of purge roots. Looked for every second, whatever the number
 * of accounts: the names of roots begin with their kind. */
static cloud_err_t *next_purged(cloud_node_t **node, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    return first_child(node, ctx,
                       "SELECT " CLOUD_NODE_COLS " FROM node WHERE id ="
                       " (SELECT c.id FROM node r JOIN node c ON c.parent = r.id"
                       " WHERE r.parent = ?1 AND r.name >= '3:' AND r.name < '3;'"
                       " AND r.kind = 3 LIMIT 1)",
                       0, pool);
}

/* The directory of a deleted account goes as a whole: only the rows are left to do. */
static cloud_err_t *has_account(int *owned, cloud_ctx_t *ctx, apr_int64_t purge)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, owned, ctx->db, ctx->pool,
                             "SELECT 1 FROM account WHERE purge = ?1", "i", purge));
    cloud_stmt_done(st);
    return NULL;
}

/* The purge root of a deleted account, once it is empty. */
static cloud_err_t *forget_root(cloud_ctx_t *ctx, apr_int64_t purge)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM node WHERE id = ?1"
                        " AND NOT EXISTS (SELECT 1 FROM node AS c WHERE c.parent = ?1)",
                        "i", purge);
}

static cloud_err_t *reclaim_tx(int *more, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_node_t *node;
    const char *path;
    int budget = NODES_PER_STEP, empty, owned;

    while (budget > 0) {
        CLOUD_ERR(next_purged(&node, ctx, pool));
        if (!node) return NULL;
        CLOUD_ERR(reclaim_below(&empty, &budget, ctx, node->id, pool));
        if (!empty) break;
        CLOUD_ERR(has_account(&owned, ctx, node->parent));
        if (owned) {
            CLOUD_ERR(cloud_storage_path(&path, ctx, node->id, pool));
            CLOUD_ERR(cloud_journal_add(ctx, node->parent, 0, node->ino, 1, path, NULL));
        }
        CLOUD_ERR(forget_node(ctx, node));
        if (!owned) CLOUD_ERR(forget_root(ctx, node->parent));
    }
    *more = 1;
    return NULL;
}

static cloud_err_t *anything_purged(int *any, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_node_t *node = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = next_purged(&node, ctx, pool);
    cloud_tx_rollback(ctx);
    *any = node != NULL;
    return err;
}

static cloud_err_t *reclaim(int *more, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_err_t *err;
    int any;

    CLOUD_ERR(anything_purged(&any, ctx, pool));
    if (!any) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = reclaim_tx(more, ctx, pool);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    CLOUD_POINT("reclaim-before-commit");
    return cloud_tx_commit(ctx);
}

/* ---- bulk roots ---- */

/* The account went while something was copied into it, and the copy's bytes went with its directory. */
static cloud_err_t *forget_tree(cloud_ctx_t *ctx, apr_int64_t id)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM node WHERE id IN (WITH RECURSIVE below(id) AS (VALUES (?1)"
                        " UNION ALL SELECT n.id FROM node n JOIN below b ON n.parent = b.id)"
                        " SELECT id FROM below)",
                        "i", id);
}

cloud_err_t *cloud_files_abandon_bulk(cloud_ctx_t *ctx, apr_int64_t id, apr_pool_t *pool)
{
    const char *dir, *name;
    apr_int64_t purge = 0;
    cloud_node_t *node;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tree_get(&node, ctx, id, pool));
    if (!node || node->kind != CLOUD_KIND_BULK) return NULL;
    dir = apr_pstrmemdup(pool, node->disk, strcspn(node->disk, "/"));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT purge FROM account WHERE dir = ?1", "t", dir));
    if (row) purge = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    if (!row) return forget_tree(ctx, id);
    name = apr_psprintf(pool, "%" APR_INT64_T_FMT, id);
    CLOUD_ERR(cloud_journal_add(ctx, purge, 0, node->ino, 1, node->disk,
                                apr_pstrcat(pool, dir, "/" CLOUD_PURGE "/", name, NULL)));
    node->kind = CLOUD_KIND_DIR;
    CLOUD_ERR(cloud_tree_update(ctx, node));
    return cloud_tree_rename(ctx, node, purge, name, name);
}

static cloud_err_t *expire_bulk_tx(cloud_ctx_t *ctx, apr_pool_t *pool)
{
    apr_int64_t before = apr_time_sec(apr_time_now()) - BULK_MAX_AGE;
    cloud_stmt_t *st;
    apr_int64_t id;
    int row;

    for (;;) {
        CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                                 "SELECT id FROM node WHERE parent = 0 AND kind = 6"
                                 " AND created < ?1 LIMIT 1",
                                 "i", before));
        id = row ? cloud_col_int(st, 0) : 0;
        cloud_stmt_done(st);
        if (!row) return NULL;
        CLOUD_ERR(cloud_files_abandon_bulk(ctx, id, pool));
    }
}

/* ---- the change log's own retention ---- */

/* Who looks back in the log has to know how far it reaches. (tx) */
static cloud_err_t *log_begins(cloud_ctx_t *ctx, apr_int64_t number)
{
    const char *value;

    CLOUD_ERR(cloud_meta_get(&value, ctx, CLOUD_META_LOG_FROM, ctx->pool));
    if (value && apr_atoi64(value) >= number) return NULL;
    return cloud_meta_set(ctx, CLOUD_META_LOG_FROM,
                          apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, number));
}

/* A tree's changes lie in order of their numbers, which are times. */
static cloud_err_t *expire_changes_of(int *deleted, cloud_ctx_t *ctx, apr_int64_t tree,
                                      apr_int64_t before)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(ctx->db, deleted, ctx->pool,
                       "DELETE FROM change WHERE tree = ?1 AND number IN (SELECT number"
                       " FROM change WHERE tree = ?1 AND number < ?2 ORDER BY number LIMIT ?3)",
                       "iii", tree, before, (apr_int64_t)CHANGES_PER_STEP);
    if (!err && *deleted) err = log_begins(ctx, before);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx);
}

static cloud_err_t *next_tree(apr_int64_t *tree, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT min(tree) FROM change WHERE tree > ?1", "i", *tree);
    if (!err) {
        *tree = row ? cloud_col_int(st, 0) : 0;
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *expire_changes(cloud_ctx_t *ctx)
{
    apr_int64_t days = 0, tree = 0, before;
    int deleted;

    CLOUD_ERR(cloud_setting_int(&days, ctx, "system", "changelog_expire_days"));
    if (days <= 0) return NULL;
    before = apr_time_now() - apr_time_from_sec(days * 86400);
    for (;;) {
        CLOUD_ERR(next_tree(&tree, ctx));
        if (tree == 0) return NULL;
        do {
            CLOUD_ERR(expire_changes_of(&deleted, ctx, tree, before));
        } while (deleted == CHANGES_PER_STEP);
    }
}

/* ---- entry points ---- */

static cloud_err_t *features_step(int *more, cloud_ctx_t *ctx)
{
    const apr_array_header_t *features = cloud_features();
    int i, one;

    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        one = 0;
        if (f->maintain) CLOUD_ERR(f->maintain(ctx, &one));
        if (one) *more = 1;
    }
    return NULL;
}

static cloud_err_t *checkpoint(cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    int left;

    /* A connection is needed, a transaction would be in the way: a read one not yet begun is none. */
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    cloud_db_rollback(ctx->db);
    err = cloud_db_checkpoint(ctx->db, 0, &left, ctx->pool);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_store_maintain(int *more, cloud_ctx_t *ctx)
{
    apr_pool_t *pool;
    cloud_err_t *err;
    int one = 0;

    *more = 0;
    apr_pool_create(&pool, ctx->pool);
    cloud_reserve_keep(ctx->store, pool);
    err = features_step(more, ctx);
    if (!err) err = reclaim(more, ctx, pool);
    if (!err) err = cloud_journal_retry_now_and_then(ctx);
    if (!err) err = cloud_journal_drop(&one, ctx);
    if (one) *more = 1;
    if (!err) err = cloud_generation_note(ctx);
    if (!err && !*more) err = checkpoint(ctx);
    apr_pool_destroy(pool);
    return err;
}

cloud_err_t *cloud_store_expire(cloud_ctx_t *ctx)
{
    apr_int64_t max_age = 0;
    apr_pool_t *pool;
    cloud_err_t *err;
    int removed;

    apr_pool_create(&pool, ctx->pool);
    err = cloud_setting_int(&max_age, ctx, "system", "cache_chunk_gc_ttl");
    if (!err) err = cloud_upload_expire(&removed, ctx, max_age, 1000);
    if (!err) err = cloud_staging_expire(&removed, ctx, 86400, 10000);
    if (!err) err = cloud_account_sweep(ctx);
    if (!err) err = cloud_skeleton_resume(ctx);
    if (!err) err = cloud_tx_begin(ctx, CLOUD_DB_WRITE);
    if (!err) {
        err = cloud_lock_expire(ctx);
        if (!err) err = expire_bulk_tx(ctx, pool);
        err = cloud_tx_end(ctx, err);
    }
    if (!err) err = expire_changes(ctx);
    if (!err) err = cloud_generation_renew(ctx);
    apr_pool_destroy(pool);
    return err;
}
