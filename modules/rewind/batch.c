/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows of the table batch. */
#include "batch.h"
#include "hooks.h"

#include <stdlib.h>
#include <string.h>

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS batch (id INTEGER PRIMARY KEY NOT NULL, tree INTEGER NOT NULL,"
    " kind TEXT NOT NULL, login INTEGER NOT NULL, client TEXT, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, files INTEGER NOT NULL, note TEXT, done INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS batch_tree ON batch (tree, id);";

#define COLS                                                                                    \
    "SELECT b.id, b.tree, b.kind, a.id, b.login, l.id, b.client, b.first, b.last, b.files,"     \
    " b.note, b.done FROM batch AS b LEFT JOIN account AS a ON a.root = b.tree"                 \
    " LEFT JOIN account AS l ON l.number = b.login"

static void read_row(cloud_batch_t *b, cloud_stmt_t *st, apr_pool_t *pool)
{
    b->id = cloud_col_int(st, 0);
    b->tree = cloud_col_int(st, 1);
    b->kind = cloud_col_dup(st, 2, pool);
    b->account = cloud_col_dup(st, 3, pool);
    b->login = cloud_col_int(st, 4);
    b->login_id = cloud_col_dup(st, 5, pool);
    b->client = cloud_col_dup(st, 6, pool);
    b->first = cloud_col_int(st, 7);
    b->last = cloud_col_int(st, 8);
    b->files = cloud_col_int(st, 9);
    b->note = cloud_col_dup(st, 10, pool);
    b->done = (int)cloud_col_int(st, 11);
}

static void take(cloud_batch_t **b, cloud_stmt_t *st, int row, apr_pool_t *pool)
{
    *b = NULL;
    if (row) {
        *b = apr_palloc(pool, sizeof **b);
        read_row(*b, st, pool);
    }
    cloud_stmt_done(st);
}

cloud_err_t *cloud_batch_get(cloud_batch_t **b, cloud_ctx_t *ctx, apr_int64_t id,
                             apr_pool_t *pool)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool, COLS " WHERE b.id = ?1", "i", id);
    if (!err) take(b, st, row, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    return *b ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no such batch");
}

static cloud_err_t *each_tx(cloud_ctx_t *ctx, apr_int64_t tree, cloud_batch_fn *fn, void *baton,
                            apr_pool_t *iter)
{
    cloud_err_t *err = NULL;
    cloud_batch_t b;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             COLS " WHERE ?1 = 0 OR b.tree = ?1 ORDER BY b.id", "i", tree));
    while (!err && row) {
        apr_pool_clear(iter);
        read_row(&b, st, iter);
        err = fn(baton, &b);
        if (!err) err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_batch_each(cloud_ctx_t *ctx, apr_int64_t tree, cloud_batch_fn *fn, void *baton)
{
    apr_pool_t *iter;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    apr_pool_create(&iter, ctx->pool);
    err = cloud_err_keep(each_tx(ctx, tree, fn, baton, iter), ctx->pool);
    apr_pool_destroy(iter);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_batch_add(cloud_ctx_t *ctx, cloud_batch_t *b)
{
    if (!b->id) CLOUD_ERR(cloud_tree_draw(&b->id, ctx));
    if (!b->first) b->first = b->id;
    if (!b->last) b->last = b->first;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO batch (id, tree, kind, login, client, first, last, files,"
                        " note, done) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                        "iititiiiti", b->id, b->tree, b->kind, b->login, b->client, b->first,
                        b->last, b->files, b->note, (apr_int64_t)b->done);
}

cloud_err_t *cloud_batch_update(cloud_ctx_t *ctx, const cloud_batch_t *b)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE batch SET last = ?2, files = ?3, done = ?4 WHERE id = ?1", "iiii",
                        b->id, b->last, b->files, (apr_int64_t)b->done);
}

cloud_err_t *cloud_batch_unfinished(cloud_batch_t **b, cloud_ctx_t *ctx, apr_int64_t tree,
                                    const char *kind, const char *note, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             COLS " WHERE b.tree = ?1 AND b.kind = ?2 AND b.note = ?3"
                                  " AND b.done = 0 ORDER BY b.id DESC LIMIT 1",
                             "itt", tree, kind, note));
    take(b, st, row, pool);
    return NULL;
}

cloud_err_t *cloud_batch_expire(cloud_ctx_t *ctx)
{
    const char *from = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_meta_get(&from, ctx, CLOUD_META_LOG_FROM, ctx->pool);
    if (!err && from)
        err = cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM batch WHERE last < ?1", "i",
                           (apr_int64_t)apr_atoi64(from));
    if (!err) err = cloud_db_run(ctx->db, NULL, ctx->pool,
                                 "DELETE FROM batch WHERE NOT EXISTS (SELECT 1 FROM account"
                                 " WHERE account.root = batch.tree)", "");
    return cloud_tx_end(ctx, err);
}

/* ---- the changes ---- */

static cloud_err_t *changes_tx(cloud_ctx_t *ctx, const cloud_batch_t *b,
                               cloud_batch_change_fn *fn, void *baton)
{
    cloud_batch_change_t c;
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT number, node, time, op, name, from_name, size, kind"
                             " FROM change WHERE tree = ?1 AND number >= ?2 AND (batch = ?3"
                             " OR (?4 = 1 AND batch = 0 AND number <= ?5 AND account = ?6"
                             " AND coalesce(client, '') = coalesce(?7, ''))) ORDER BY number",
                             "iiiiiit", b->tree, b->first, b->id,
                             (apr_int64_t)(strcmp(b->kind, CLOUD_BATCH_MASS) == 0), b->last,
                             b->login, b->client));
    while (!err && row) {
        c.number = cloud_col_int(st, 0);
        c.node = cloud_col_int(st, 1);
        c.time = cloud_col_int(st, 2);
        c.op = cloud_col_text(st, 3);
        c.name = cloud_col_text(st, 4);
        c.from_name = cloud_col_text(st, 5);
        c.size = cloud_col_int(st, 6);
        c.is_dir = cloud_col_int(st, 7) != CLOUD_KIND_FILE;
        err = fn(baton, &c);
        if (!err) err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_batch_changes(cloud_ctx_t *ctx, const cloud_batch_t *b,
                                 cloud_batch_change_fn *fn, void *baton)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = changes_tx(ctx, b, fn, baton);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- registration ---- */

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM batch WHERE tree = ?1", "i",
                        account->root);
}

static const cloud_feature_t FEATURE = {
    .name = "batches",
    .schema = SCHEMA,
    .account_deleted = account_deleted,
};

void cloud_batch_register(void)
{
    cloud_feature_register(&FEATURE);
}

void cloud_batch_unregister(void)
{
    cloud_feature_unregister(&FEATURE);
}
