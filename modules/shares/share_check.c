/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck of shares: what each row names has to be there. A row that names what is gone gives nothing to anybody,
 * but it would stay for ever. */
#include "share.h"

#define PAGE 500

/* What the jobs are about to take away (CLOUD_SHARE_ENDED) may name what is gone. */
#define ENDED APR_STRINGIFY(CLOUD_SHARE_ENDED)

/* id, and what to say of it. ?1: the account, as owner of the item; of places as the one who put it there. */
static const char NODES[] =
    "SELECT s.id FROM share s LEFT JOIN node n ON n.id = s.node WHERE s.owner = ?1"
    " AND n.id IS NULL AND s.expires IS NOT " ENDED " LIMIT ?2";
static const char PEOPLE[] =
    "SELECT s.id FROM share s WHERE s.owner = ?1 AND (NOT EXISTS (SELECT 1 FROM account a"
    " WHERE a.number = s.initiator) OR (s.type = 0 AND NOT EXISTS (SELECT 1 FROM account a"
    " WHERE a.number = s.recipient)) OR (s.type = 1 AND NOT EXISTS (SELECT 1 FROM usergroup g"
    " WHERE g.number = s.recipient))) LIMIT ?2";
/* From the places upwards: the name of a root says whose it is. In the trash, or deleted for good,
 * a place waits for its folder. */
static const char PLACES[] =
    "WITH RECURSIVE up (node, at) AS (SELECT node, parent FROM share_place WHERE account = ?1"
    " UNION SELECT up.node, n.parent FROM up JOIN node n ON n.id = up.at WHERE n.parent <> 0),"
    " mine (node) AS (SELECT up.node FROM up JOIN node r ON r.id = up.at AND r.parent = 0"
    " WHERE CAST(substr(r.name, instr(r.name, ':') + 1) AS INTEGER) = ?1)"
    " SELECT p.node FROM share_place p LEFT JOIN node n ON n.id = p.node WHERE p.account = ?1"
    " AND (n.id IS NULL OR p.node NOT IN mine) AND NOT EXISTS (SELECT 1 FROM share s"
    " WHERE s.node = p.node AND s.expires = " ENDED ") LIMIT ?2";

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    apr_pool_t *pool;
} check_t;

static cloud_err_t *drop_share(const check_t *c, apr_int64_t id)
{
    return cloud_share_drop(c->ctx, id);
}

static cloud_err_t *drop_place(const check_t *c, apr_int64_t node)
{
    return cloud_db_run(c->ctx->db, NULL, c->pool,
                        "DELETE FROM share_place WHERE account = ?1 AND node = ?2", "ii",
                        c->account->number, node);
}

static const struct {
    const char *sql, *what, *detail;
    cloud_err_t *(*mend)(const check_t *c, apr_int64_t id);
} CHECKS[] = {
    { NODES, "share", "a share of something that is gone", drop_share },
    { PEOPLE, "share", "a share of or with somebody who is gone", drop_share },
    { PLACES, "place of node",
      "a place of something shared that is gone, or in a folder that is gone or not his", drop_place },
};

static cloud_err_t *load(apr_array_header_t *ids, const check_t *c, const char *sql)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, c->ctx->db, c->pool, sql, "ii", c->account->number,
                             (apr_int64_t)PAGE));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, c->pool))
        APR_ARRAY_PUSH(ids, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

/* A snapshot, or (repair) a transaction that mends at once: rows and what they name go in one. */
static cloud_err_t *run(apr_array_header_t **ids, const check_t *c, unsigned i, int repair)
{
    cloud_err_t *err;
    int k;

    *ids = apr_array_make(c->pool, 8, sizeof(apr_int64_t));
    CLOUD_ERR(cloud_tx_begin(c->ctx, repair ? CLOUD_DB_WRITE : CLOUD_DB_READ));
    err = load(*ids, c, CHECKS[i].sql);
    for (k = 0; repair && !err && k < (*ids)->nelts; k++)
        err = CHECKS[i].mend(c, APR_ARRAY_IDX(*ids, k, apr_int64_t));
    return cloud_tx_end(c->ctx, err);
}

cloud_err_t *cloud_share_check(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                               cloud_finding_fn *found, void *baton, apr_pool_t *pool)
{
    const check_t c = { ctx, account, pool };
    apr_array_header_t *ids;
    unsigned i;
    int k;

    for (i = 0; i < sizeof CHECKS / sizeof *CHECKS; i++) {
        CLOUD_ERR(run(&ids, &c, i, 0));
        if (repair && ids->nelts) CLOUD_ERR(run(&ids, &c, i, 1));
        for (k = 0; k < ids->nelts; k++)
            found(baton, "row",
                  apr_psprintf(pool, "%s %" APR_INT64_T_FMT, CHECKS[i].what,
                               APR_ARRAY_IDX(ids, k, apr_int64_t)),
                  repair, repair ? "removed" : CHECKS[i].detail);
    }
    return NULL;
}
