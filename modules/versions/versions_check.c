/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck of the versions: each belongs to a file, and the total of an account is the sum over its rows.
 * Whether their content is on disk the core looks itself. */
#include "versions.h"

#define PAGE 500

/* Versions of files that were purged while this feature was not loaded: nobody can reach them. */
static cloud_err_t *load_orphans(apr_array_header_t *list, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.account = ?1 AND NOT EXISTS (SELECT 1 FROM node AS n"
                             " WHERE n.id = v.node) ORDER BY v.number LIMIT ?2",
                             "ii", account->number, (apr_int64_t)PAGE));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool))
        cloud_version_row(apr_array_push(list), st, pool);
    cloud_stmt_done(st);
    return err;
}

typedef struct {
    apr_int64_t bytes, count;       /* as noted */
    apr_int64_t real_bytes, real_count;
} total_t;

static cloud_err_t *load_total(total_t *t, cloud_ctx_t *ctx, const cloud_account_t *account,
                               apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_versions_total(&t->bytes, &t->count, ctx, account->number));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT coalesce(sum(size), 0), count(*) FROM version"
                             " WHERE account = ?1",
                             "i", account->number));
    t->real_bytes = row ? cloud_col_int(st, 0) : 0;
    t->real_count = row ? cloud_col_int(st, 1) : 0;
    cloud_stmt_done(st);
    return NULL;
}

static int is_wrong(const total_t *t)
{
    return t->bytes != t->real_bytes || t->count != t->real_count;
}

typedef struct {
    apr_array_header_t *orphans;
    total_t total;
} odd_t;

/* The total first: what is forgotten then is taken from it. */
static cloud_err_t *check_tx(odd_t *odd, cloud_ctx_t *ctx, const cloud_account_t *account,
                             int repair, apr_pool_t *pool)
{
    int i;

    odd->orphans = apr_array_make(pool, 8, sizeof(cloud_version_t));
    CLOUD_ERR(load_total(&odd->total, ctx, account, pool));
    CLOUD_ERR(load_orphans(odd->orphans, ctx, account, pool));
    if (!repair) return NULL;
    if (is_wrong(&odd->total))
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, pool,
                               "INSERT OR REPLACE INTO version_total (account, bytes, count)"
                               " VALUES (?1, ?2, ?3)",
                               "iii", account->number, odd->total.real_bytes,
                               odd->total.real_count));
    for (i = 0; i < odd->orphans->nelts; i++)
        CLOUD_ERR(cloud_version_forget(ctx, &APR_ARRAY_IDX(odd->orphans, i, cloud_version_t)));
    return NULL;
}

static cloud_err_t *run(odd_t *odd, cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                        apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, repair ? CLOUD_DB_WRITE : CLOUD_DB_READ));
    err = check_tx(odd, ctx, account, repair, pool);
    if (err || !repair) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit_sync(ctx);
}

cloud_err_t *cloud_versions_check(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                                  cloud_finding_fn *found, void *baton, apr_pool_t *pool)
{
    const char *detail;
    odd_t odd;
    int i;

    CLOUD_ERR(run(&odd, ctx, account, 0, pool));
    if (repair && (odd.orphans->nelts || is_wrong(&odd.total)))
        CLOUD_ERR(run(&odd, ctx, account, 1, pool));
    for (i = 0; i < odd.orphans->nelts; i++)
        found(baton, "row", APR_ARRAY_IDX(odd.orphans, i, cloud_version_t).path, repair,
              repair ? "removed" : "an old version of a file that is gone for good");
    if (!is_wrong(&odd.total)) return NULL;
    detail = apr_psprintf(pool, "the total of old versions was %" APR_INT64_T_FMT " bytes, %"
                          APR_INT64_T_FMT " versions; they are %" APR_INT64_T_FMT ", %"
                          APR_INT64_T_FMT, odd.total.bytes, odd.total.count, odd.total.real_bytes,
                          odd.total.real_count);
    found(baton, "size", apr_pstrcat(pool, account->dir, "/" CLOUD_VERSIONS, NULL), repair, detail);
    return NULL;
}
