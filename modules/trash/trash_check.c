/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck of the trash: each node in the bin has a row that says where it was, and each row a node. */
#include "trash_private.h"

#define PAGE 500

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    apr_int64_t bin;
    apr_pool_t *pool;
} check_t;

/* Nodes whose row is missing, or says another bin; and rows whose node is not in the bin. */
static const char NODES[] =
    "SELECT n.id, coalesce(n.disk, n.name) FROM node AS n LEFT JOIN trash AS t ON t.node = n.id"
    " AND t.bin = n.parent WHERE n.parent = ?1 AND t.node IS NULL LIMIT ?2";
static const char ROWS[] =
    "SELECT t.node, t.location FROM trash AS t LEFT JOIN node AS n ON n.id = t.node"
    " AND n.parent = t.bin WHERE t.bin = ?1 AND n.id IS NULL LIMIT ?2";
/* What the account is said to have deleted in the trees of others. */
static const char SHARED[] =
    "SELECT s.node, s.location FROM trash_share AS s LEFT JOIN trash AS t ON t.node = s.node"
    " WHERE s.account = ?1 AND t.node IS NULL LIMIT ?2";

typedef struct {
    apr_int64_t node;
    const char *text;
} odd_t;

static cloud_err_t *load(apr_array_header_t **list, check_t *c, const char *sql, apr_int64_t key)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    *list = apr_array_make(c->pool, 8, sizeof(odd_t));
    CLOUD_ERR(cloud_db_query(&st, &row, c->ctx->db, c->pool, sql, "ii", key,
                             (apr_int64_t)PAGE));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, c->pool)) {
        odd_t *odd = apr_array_push(*list);

        odd->node = cloud_col_int(st, 0);
        odd->text = cloud_col_dup(st, 1, c->pool);
    }
    cloud_stmt_done(st);
    return err;
}

/* Where it was nobody knows any more: it gets a place under the name that it has. */
static cloud_err_t *add_row(check_t *c, const odd_t *odd)
{
    return cloud_db_run(c->ctx->db, NULL, c->pool,
                        "INSERT OR REPLACE INTO trash (node, bin, deleted, name, location, deleter,"
                        " batch) VALUES (?1, ?2, ?3, ?4, ?4, 0, 0)",
                        "iiit", odd->node, c->bin, (apr_int64_t)apr_time_now(), odd->text);
}

static cloud_err_t *delete_row(check_t *c, const odd_t *odd)
{
    return cloud_db_run(c->ctx->db, NULL, c->pool, "DELETE FROM trash WHERE node = ?1", "i",
                        odd->node);
}

static cloud_err_t *forget_share(check_t *c, const odd_t *odd)
{
    return cloud_trash_share_forget(c->ctx, odd->node);
}

/* of_bin: the statement asks by the bin, else by the account. */
static const struct {
    int of_bin;
    const char *sql, *detail, *mended;
    cloud_err_t *(*mend)(check_t *c, const odd_t *odd);
} CHECKS[] = {
    { 1, NODES, "deleted, but no row of the trash says where it was",
      "in the trash with its name as its place", add_row },
    { 1, ROWS, "a row of the trash without anything deleted", "removed", delete_row },
    { 0, SHARED, "deleted through a share, but in no trash", "removed", forget_share },
};

/* A snapshot, or (repair) a transaction that mends at once; a node and its row change in one. */
static cloud_err_t *check_tx(apr_array_header_t **list, check_t *c, unsigned i, int repair)
{
    apr_int64_t key = c->account->number;
    cloud_node_t *bin;
    int k;

    *list = NULL;
    if (CHECKS[i].of_bin) {
        CLOUD_ERR(cloud_trash_bin(&bin, c->ctx, c->account, c->pool));
        if (!bin) return NULL;
        key = c->bin = bin->id;
    }
    CLOUD_ERR(load(list, c, CHECKS[i].sql, key));
    for (k = 0; repair && k < (*list)->nelts; k++)
        CLOUD_ERR(CHECKS[i].mend(c, &APR_ARRAY_IDX(*list, k, odd_t)));
    return NULL;
}

static cloud_err_t *run(apr_array_header_t **list, check_t *c, unsigned i, int repair)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(c->ctx, repair ? CLOUD_DB_WRITE : CLOUD_DB_READ));
    err = check_tx(list, c, i, repair);
    if (err || !repair) {
        cloud_tx_rollback(c->ctx);
        return err;
    }
    return cloud_tx_commit_sync(c->ctx);
}

cloud_err_t *cloud_trash_check(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                               cloud_finding_fn *found, void *baton, apr_pool_t *pool)
{
    check_t c = { ctx, account, 0, pool };
    apr_array_header_t *list;
    unsigned i;
    int k;

    for (i = 0; i < sizeof CHECKS / sizeof *CHECKS; i++) {
        CLOUD_ERR(run(&list, &c, i, 0));
        if (repair && list && list->nelts) CLOUD_ERR(run(&list, &c, i, 1));
        for (k = 0; list && k < list->nelts; k++) {
            const odd_t *odd = &APR_ARRAY_IDX(list, k, odd_t);

            found(baton, "row", apr_psprintf(pool, "%s/" TRASH_DIR "/%" APR_INT64_T_FMT "/%s",
                                             account->dir, odd->node, odd->text), repair,
                  repair ? CHECKS[i].mended : CHECKS[i].detail);
        }
    }
    return NULL;
}
