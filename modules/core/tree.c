/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows of the tree: numbers, nodes, the ETag cascade, the change log. */
#include "internal.h"

#include <string.h>

cloud_err_t *cloud_tree_draw(apr_int64_t *number, cloud_ctx_t *ctx)
{
    apr_int64_t now = apr_time_now();
    cloud_stmt_t *st;
    int row;

    if (!ctx->tx_write) return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "No write transaction");
    /* A transaction reads the counter once and writes it back once, when it commits. */
    if (!ctx->last) {
        CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                                 "SELECT last FROM counter WHERE id = 1", ""));
        if (row) ctx->last = cloud_col_int(st, 0);
        cloud_stmt_done(st);
        if (!row) return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "The counter row is missing");
    }
    /* max(last + 1, wall clock): repeats neither after a crash nor after a restore. */
    *number = ctx->last = ctx->last + 1 > now ? ctx->last + 1 : now;
    ctx->last_drawn = 1;
    return NULL;
}

cloud_err_t *cloud_tree_draw_range(apr_int64_t *first, int n, cloud_ctx_t *ctx)
{
    CLOUD_ERR(cloud_tree_draw(first, ctx));
    ctx->last += n - 1;
    return NULL;
}

cloud_err_t *cloud_tree_save_counter(cloud_ctx_t *ctx)
{
    if (!ctx->last_drawn) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE counter SET last = ?1 WHERE id = 1", "i",
                        ctx->last);
}

static const char *col(cloud_stmt_t *st, int i, apr_pool_t *pool)
{
    return pool ? cloud_col_dup(st, i, pool) : cloud_col_text(st, i);
}

void cloud_tree_row(cloud_node_t *node, cloud_stmt_t *st, int i, apr_pool_t *pool)
{
    const void *sums;

    node->id = cloud_col_int(st, i);
    node->parent = cloud_col_int(st, i + 1);
    node->name = col(st, i + 2, pool);
    node->disk = col(st, i + 3, pool);
    if (!node->disk) node->disk = node->name;
    node->kind = (cloud_kind_t)cloud_col_int(st, i + 4);
    node->etag = cloud_col_int(st, i + 5);
    node->size = cloud_col_int(st, i + 6);
    node->mtime = cloud_col_int(st, i + 7);
    node->created = cloud_col_int(st, i + 8);
    node->ino = (apr_uint64_t)cloud_col_int(st, i + 9);
    node->ino_mtime = cloud_col_int(st, i + 10);
    node->btime = cloud_col_int(st, i + 11);
    sums = cloud_col_blob(st, i + 12, &node->sums.len);
    node->sums.data = (sums && pool) ? apr_pmemdup(pool, sums, node->sums.len) : sums;
    node->flags = (unsigned)cloud_col_int(st, i + 13);
}

/* Takes the first row of a query as a node. */
static void take(cloud_node_t **node, cloud_stmt_t *st, int row, apr_pool_t *pool)
{
    *node = NULL;
    if (row) {
        *node = apr_palloc(pool, sizeof **node);
        cloud_tree_row(*node, st, 0, pool);
    }
    cloud_stmt_done(st);
}

cloud_err_t *cloud_tree_get(cloud_node_t **node, cloud_ctx_t *ctx, apr_int64_t id,
                            apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_NODE_COLS " FROM node WHERE id = ?1", "i", id));
    take(node, st, row, pool);
    return NULL;
}

cloud_err_t *cloud_tree_child(cloud_node_t **node, cloud_ctx_t *ctx, apr_int64_t parent,
                              const char *nfc, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_NODE_COLS " FROM node"
                             " WHERE parent = ?1 AND name = ?2",
                             "it", parent, nfc));
    take(node, st, row, pool);
    return NULL;
}

static const char *disk_column(const char *name, const char *disk)
{
    return (disk && strcmp(name, disk) != 0) ? disk : NULL;
}

cloud_err_t *cloud_tree_insert(cloud_ctx_t *ctx, const cloud_node_t *n)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO node (" CLOUD_NODE_COLS ") VALUES"
                        " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                        "iittiiiiiiiibi", n->id, n->parent, n->name,
                        disk_column(n->name, n->disk), (apr_int64_t)n->kind, n->etag, n->size,
                        n->mtime, n->created, (apr_int64_t)n->ino, n->ino_mtime, n->btime,
                        (const void *)n->sums.data, n->sums.len, (apr_int64_t)n->flags);
}

cloud_err_t *cloud_tree_update(cloud_ctx_t *ctx, const cloud_node_t *n)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE node SET kind = ?2, etag = ?3, size = ?4, mtime = ?5,"
                        " created = ?6, ino = ?7, ino_mtime = ?8, btime = ?9, sums = ?10,"
                        " flags = ?11 WHERE id = ?1",
                        "iiiiiiiiibi", n->id, (apr_int64_t)n->kind, n->etag, n->size, n->mtime,
                        n->created, (apr_int64_t)n->ino, n->ino_mtime, n->btime,
                        (const void *)n->sums.data, n->sums.len, (apr_int64_t)n->flags);
}

cloud_err_t *cloud_tree_rename(cloud_ctx_t *ctx, const cloud_node_t *node, apr_int64_t parent,
                               const char *nfc, const char *disk)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE node SET parent = ?2, name = ?3, disk = ?4 WHERE id = ?1", "iitt",
                        node->id, parent, nfc, disk_column(nfc, disk));
}

cloud_err_t *cloud_tree_delete_row(cloud_ctx_t *ctx, const cloud_node_t *node)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM node WHERE id = ?1", "i",
                        node->id);
}

cloud_err_t *cloud_tree_bump(cloud_ctx_t *ctx, const apr_int64_t *chain, int n,
                             apr_int64_t number, apr_int64_t delta, apr_int64_t mtime)
{
    int i;

    for (i = 0; i < n - 1; i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "UPDATE node SET etag = ?2, size = size + ?3 WHERE id = ?1", "iii",
                               chain[i], number, delta));
    if (n <= 0) return NULL;
    if (mtime == CLOUD_NO_MTIME)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "UPDATE node SET etag = ?2, size = size + ?3 WHERE id = ?1", "iii",
                            chain[n - 1], number, delta);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE node SET etag = ?2, size = size + ?3, mtime = ?4 WHERE id = ?1",
                        "iiii", chain[n - 1], number, delta, mtime);
}

cloud_err_t *cloud_tree_new_root(apr_int64_t *id, cloud_ctx_t *ctx, cloud_kind_t kind,
                                 apr_int64_t account)
{
    cloud_node_t node = { 0 };

    CLOUD_ERR(cloud_tree_draw(id, ctx));
    node.id = node.etag = *id;
    node.kind = kind;
    node.mtime = node.created = apr_time_sec(apr_time_now());
    node.name = apr_psprintf(ctx->pool, "%d:%" APR_INT64_T_FMT ":%" APR_INT64_T_FMT, (int)kind,
                             account, *id);
    return cloud_tree_insert(ctx, &node);
}

cloud_err_t *cloud_tree_chain(apr_int64_t **chain, int *n, cloud_ctx_t *ctx, apr_int64_t id,
                              apr_pool_t *pool)
{
    apr_array_header_t *ids = apr_array_make(pool, 16, sizeof(apr_int64_t));
    apr_int64_t *list, at = id;
    cloud_stmt_t *st;
    int row, i;

    while (at != 0) {
        CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                                 "SELECT parent FROM node WHERE id = ?1", "i", at));
        if (row) APR_ARRAY_PUSH(ids, apr_int64_t) = at;
        at = row ? cloud_col_int(st, 0) : 0;
        cloud_stmt_done(st);
        /* Each step up is one folder; a path can't have more than its bytes. */
        if (ids->nelts > 100000)
            return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "The tree has a cycle");
    }
    list = apr_palloc(pool, sizeof *list * (apr_size_t)(ids->nelts + 1));
    for (i = 0; i < ids->nelts; i++)
        list[i] = APR_ARRAY_IDX(ids, ids->nelts - 1 - i, apr_int64_t);
    *chain = list;
    *n = ids->nelts;
    return NULL;
}

/* The depth bounds the walk: a path can't have more folders than bytes, so what goes on longer is a cycle. */
cloud_err_t *cloud_tree_above(apr_array_header_t **above, cloud_ctx_t *ctx, apr_int64_t id,
                              apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *above = apr_array_make(pool, 8, sizeof(cloud_above_t));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "WITH RECURSIVE up (id, parent, name, disk, kind, height) AS ("
                             " SELECT id, parent, name, disk, kind, 0 FROM node WHERE id = ?1"
                             " UNION ALL SELECT n.id, n.parent, n.name, n.disk, n.kind,"
                             " up.height + 1 FROM up JOIN node n ON n.id = up.parent"
                             " WHERE up.parent <> 0 AND up.height < 100000)"
                             " SELECT id, name, coalesce(disk, name), kind, parent FROM up"
                             " ORDER BY height DESC",
                             "i", id));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        cloud_above_t *a = apr_array_push(*above);

        a->id = cloud_col_int(st, 0);
        a->name = cloud_col_dup(st, 1, pool);
        a->disk = cloud_col_dup(st, 2, pool);
        a->kind = (cloud_kind_t)cloud_col_int(st, 3);
        /* It hangs nowhere: what it hung on is gone, or it is below itself. */
        if ((*above)->nelts == 1 && cloud_col_int(st, 4) != 0) {
            (*above)->nelts = 0;
            break;
        }
    }
    cloud_stmt_done(st);
    return err;
}

#define CHAINS_AT_ONCE 32

/* The chains of some ids, one after the other, each from the top. */
static const char CHAINS[] =
    "WITH RECURSIVE up (of, id, parent, height) AS ("
    " SELECT id, id, parent, 0 FROM node WHERE id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
    " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28,"
    " ?29, ?30, ?31, ?32)"
    " UNION ALL SELECT up.of, n.id, n.parent, up.height + 1 FROM up JOIN node n ON n.id = up.parent"
    " WHERE up.parent <> 0 AND up.height < 100000)"
    " SELECT of, id, parent FROM up ORDER BY of, height DESC";

static cloud_err_t *some_chains(apr_hash_t *chains, cloud_ctx_t *ctx, const apr_int64_t *ids, int n,
                                apr_pool_t *pool)
{
    apr_array_header_t *chain = NULL;
    apr_int64_t *of = NULL;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row, i;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, CHAINS, ctx->pool));
    for (i = 0; i < n; i++) cloud_stmt_int(st, i + 1, ids[i]);
    for (err = cloud_stmt_step(&row, st, ctx->pool); !err && row;
         err = cloud_stmt_step(&row, st, ctx->pool)) {
        if (!of || *of != cloud_col_int(st, 0)) {
            of = apr_palloc(pool, sizeof *of);
            *of = cloud_col_int(st, 0);
            chain = apr_array_make(pool, 4, sizeof(apr_int64_t));
            if (cloud_col_int(st, 2) == 0) apr_hash_set(chains, of, sizeof *of, chain);
        }
        APR_ARRAY_PUSH(chain, apr_int64_t) = cloud_col_int(st, 1);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_tree_chains(apr_hash_t *chains, cloud_ctx_t *ctx, const apr_array_header_t *ids,
                               apr_pool_t *pool)
{
    int i, n;

    for (i = 0; i < ids->nelts; i += n) {
        n = ids->nelts - i < CHAINS_AT_ONCE ? ids->nelts - i : CHAINS_AT_ONCE;
        CLOUD_ERR(some_chains(chains, ctx, &APR_ARRAY_IDX(ids, i, apr_int64_t), n, pool));
    }
    return NULL;
}

static cloud_err_t *log_row(cloud_ctx_t *ctx, apr_int64_t number, apr_int64_t tree, const char *op,
                            const cloud_node_t *node, apr_int64_t from_parent,
                            const char *from_name, apr_int64_t delta, const cloud_node_t *was)
{
    const cloud_account_t *who = ctx->who.account;

    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO change (number, time, tree, node, op, kind, parent, name,"
                        " from_parent, from_name, size, delta, account, client, agent, request,"
                        " batch, was_etag, was_mtime) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                        " ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
                        was ? "iiiitiititiiitttiii" : "iiiitiititiiitttinn", number,
                        (apr_int64_t)apr_time_now(), tree, node->id, op, (apr_int64_t)node->kind,
                        node->parent, node->name, from_parent, from_name, node->size, delta,
                        who ? who->number : (apr_int64_t)0, ctx->who.client, ctx->agent,
                        ctx->request_id, ctx->batch, was ? was->etag : 0, was ? was->mtime : 0);
}

cloud_err_t *cloud_tree_log(cloud_ctx_t *ctx, apr_int64_t number, apr_int64_t tree,
                            const char *op, const cloud_node_t *node, apr_int64_t from_parent,
                            const char *from_name, apr_int64_t size_delta)
{
    return log_row(ctx, number, tree, op, node, from_parent, from_name, size_delta, NULL);
}

cloud_err_t *cloud_tree_log_content(cloud_ctx_t *ctx, apr_int64_t number, apr_int64_t tree,
                                    const char *op, const cloud_node_t *node,
                                    const cloud_node_t *was)
{
    return log_row(ctx, number, tree, op, node, 0, NULL, node->size - was->size, was);
}
