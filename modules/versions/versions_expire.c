/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Retention of versions. Every step is bounded, may be repeated and may be killed at any point: it
 * either removes rows or moves its place forward, so whatever the settings are, it comes to an end. */
#include "versions.h"

#include <stdlib.h>
#include <string.h>

#include "retention.h"

#define FILES_PER_STEP    100
#define REMOVALS_PER_STEP 500
#define PAGE              500
#define SPARE_PER_ACCOUNT 2    /* the newest, which lack of space does not take */

/* Where a round of thinning is. */
#define META_CURSOR "versions.cursor"

static apr_int64_t now_sec(void)
{
    return apr_time_sec(apr_time_now());
}

static cloud_err_t *retention(cloud_retention_t *r, cloud_ctx_t *ctx)
{
    return cloud_retention_get(r, ctx, CLOUD_RETAIN_VERSIONS, "versions_retention_obligation");
}

static cloud_err_t *load_cursor(apr_int64_t *cursor, cloud_ctx_t *ctx)
{
    const char *value;

    CLOUD_ERR(cloud_meta_get(&value, ctx, META_CURSOR, ctx->pool));
    *cursor = value ? strtoll(value, NULL, 10) : 0;
    return NULL;
}

static cloud_err_t *save_cursor(cloud_ctx_t *ctx, apr_int64_t cursor)
{
    return cloud_meta_set(ctx, META_CURSOR,
                          apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, cursor));
}

/* ---- a list of versions, and decisions about it ---- */

typedef struct {
    apr_array_header_t *versions;  /* cloud_version_t */
    apr_array_header_t *items;     /* cloud_retained_t, in the same order */
    apr_pool_t *pool;
} list_t;

static list_t new_list(apr_pool_t *pool)
{
    list_t l = { apr_array_make(pool, 32, sizeof(cloud_version_t)),
                 apr_array_make(pool, 32, sizeof(cloud_retained_t)), pool };

    return l;
}

/* Takes the rows of a query that is on its first one. */
static cloud_err_t *take_rows(list_t *l, cloud_stmt_t *st, int row, cloud_ctx_t *ctx)
{
    cloud_err_t *err = NULL;

    while (!err && row) {
        cloud_version_t *v = apr_array_push(l->versions);
        cloud_retained_t *item = apr_array_push(l->items);

        cloud_version_row(v, st, l->pool);
        memset(item, 0, sizeof *item);
        item->time = apr_time_sec(v->number);
        item->size = v->size;
        item->pinned = v->tag != NULL;
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

/* What a dry run has counted for one reason is not there for the next. */
static int is_counted(const cloud_versions_stats_t *stats, const cloud_version_t *v)
{
    return stats->counted && apr_hash_get(stats->counted, &v->number, sizeof v->number);
}

static void count(cloud_versions_stats_t *stats, const cloud_version_t *v)
{
    apr_int64_t *number;

    if (!stats->counted) return;
    number = apr_pmemdup(apr_hash_pool_get(stats->counted), &v->number, sizeof v->number);
    apr_hash_set(stats->counted, number, sizeof *number, number);
}

static void pass_over_counted(const list_t *l, const cloud_versions_stats_t *stats,
                              apr_int64_t *need)
{
    int i;

    for (i = 0; stats->counted && i < l->items->nelts; i++) {
        if (!is_counted(stats, &APR_ARRAY_IDX(l->versions, i, cloud_version_t))) continue;
        APR_ARRAY_IDX(l->items, i, cloud_retained_t).drop = CLOUD_DROP_AGE;
        *need -= APR_ARRAY_IDX(l->items, i, cloud_retained_t).size;
    }
}

/* Removes (or with dry_run only counts) what was decided on, at most *budget of it. (tx) */
static cloud_err_t *carry_out(cloud_versions_stats_t *stats, int *budget, cloud_ctx_t *ctx,
                              const list_t *l, int dry_run)
{
    int i;

    for (i = 0; i < l->items->nelts && *budget > 0; i++) {
        const cloud_version_t *v = &APR_ARRAY_IDX(l->versions, i, cloud_version_t);

        if (APR_ARRAY_IDX(l->items, i, cloud_retained_t).drop == CLOUD_DROP_NO) continue;
        if (is_counted(stats, v)) continue;
        if (dry_run) count(stats, v);
        else CLOUD_ERR(cloud_version_forget(ctx, v));
        stats->versions++;
        stats->bytes += v->size;
        --*budget;
    }
    return NULL;
}

/* ---- thinning and ageing, file by file ---- */

typedef struct {
    cloud_retention_t retention;
    apr_int64_t account;           /* 0: of all */
    int dry_run;
    apr_int64_t cursor;            /* the last file that was done; 0 again at the end */
    cloud_versions_stats_t *stats;
} round_t;

/* The next files after the cursor that have versions. */
static cloud_err_t *next_files(apr_array_header_t *files, cloud_ctx_t *ctx, const round_t *r)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT DISTINCT node FROM version WHERE node > ?1"
                             " AND (?2 = 0 OR account = ?2) ORDER BY node LIMIT ?3",
                             "iii", r->cursor, r->account, (apr_int64_t)FILES_PER_STEP));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool))
        APR_ARRAY_PUSH(files, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *expire_file(int *budget, cloud_ctx_t *ctx, round_t *r, apr_int64_t node,
                                apr_pool_t *pool)
{
    list_t l = new_list(pool);
    cloud_node_t *file;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.node = ?1 ORDER BY v.number DESC",
                             "i", node));
    CLOUD_ERR(take_rows(&l, st, row, ctx));
    CLOUD_ERR(cloud_tree_get(&file, ctx, node, pool));
    r->stats->files++;
    /* Of a file that was purged while this feature was not loaded: nobody can reach them. */
    for (i = 0; !file && i < l.items->nelts; i++)
        APR_ARRAY_IDX(l.items, i, cloud_retained_t).drop = CLOUD_DROP_AGE;
    if (file)
        cloud_retention_expire(&r->retention, (cloud_retained_t *)(void *)l.items->elts,
                               l.items->nelts, now_sec());
    return carry_out(r->stats, budget, ctx, &l, r->dry_run);
}

/* A page of files. What is left of a file for want of budget is decided on alike the next time: what
 * goes is never what its neighbours are compared with. */
static cloud_err_t *expire_page(int *more, cloud_ctx_t *ctx, round_t *r)
{
    apr_array_header_t *files = apr_array_make(ctx->pool, FILES_PER_STEP, sizeof(apr_int64_t));
    cloud_err_t *err = NULL;
    apr_pool_t *iter;
    int budget = r->dry_run ? APR_INT32_MAX : REMOVALS_PER_STEP, i;

    CLOUD_ERR(next_files(files, ctx, r));
    apr_pool_create(&iter, ctx->pool);
    for (i = 0; i < files->nelts && budget > 0 && !err; i++) {
        apr_int64_t node = APR_ARRAY_IDX(files, i, apr_int64_t);

        apr_pool_clear(iter);
        err = expire_file(&budget, ctx, r, node, iter);
        if (budget > 0) r->cursor = node;
    }
    apr_pool_destroy(iter);
    *more = budget <= 0 || files->nelts == FILES_PER_STEP;
    if (!*more) r->cursor = 0;
    return err;
}

static cloud_err_t *expire_step(int *more, cloud_ctx_t *ctx, round_t *r, int remember)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, r->dry_run ? CLOUD_DB_READ : CLOUD_DB_WRITE));
    err = remember ? load_cursor(&r->cursor, ctx) : NULL;
    if (!err) err = expire_page(more, ctx, r);
    if (!err && remember) err = save_cursor(ctx, r->cursor);
    CLOUD_POINT("versions-before-expire");
    if (err || r->dry_run) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx); /* what is lost is found again */
}

cloud_err_t *cloud_versions_expire_step(int *more, cloud_ctx_t *ctx)
{
    cloud_versions_stats_t stats = { 0 };
    round_t r = { .stats = &stats };

    *more = 0;
    CLOUD_ERR(retention(&r.retention, ctx));
    return expire_step(more, ctx, &r, 1);
}

/* ---- lack of space ---- */

/* The oldest that may go for lack of space: of one account, or (0) of all. The newest of each account
 * stay. Whatever is found here may be removed, so each page moves things forward. */
static cloud_err_t *oldest(list_t *l, cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t before,
                           int limit)
{
    cloud_stmt_t *st;
    int row;

    if (account)
        CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                                 "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                                 " WHERE v.account = ?1 AND v.number <= ?2 AND v.tag IS NULL"
                                 " AND v.number < (SELECT w.number FROM version AS w"
                                 " WHERE w.account = ?1 ORDER BY w.number DESC LIMIT 1 OFFSET ?3)"
                                 " ORDER BY v.number LIMIT ?4",
                                 "iiii", account, before, (apr_int64_t)(SPARE_PER_ACCOUNT - 1),
                                 (apr_int64_t)limit));
    else
        CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                                 "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                                 " WHERE v.number <= ?1 AND v.tag IS NULL"
                                 " AND v.number < (SELECT w.number FROM version AS w"
                                 " WHERE w.account = v.account ORDER BY w.number DESC LIMIT 1"
                                 " OFFSET ?2) ORDER BY v.number LIMIT ?3",
                                 "iii", before, (apr_int64_t)(SPARE_PER_ACCOUNT - 1),
                                 (apr_int64_t)limit));
    return take_rows(l, st, row, ctx);
}

/* Takes need bytes, as far as there are any. *more: the page was full and did not do. */
static cloud_err_t *relieve(int *more, cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                            const cloud_retention_t *r, apr_int64_t account, apr_int64_t *need,
                            int dry_run)
{
    int budget = APR_INT32_MAX, limit = dry_run ? APR_INT32_MAX : PAGE;
    list_t l = new_list(ctx->pool);

    if (r->off || !r->pressure || *need <= 0) return NULL;
    CLOUD_ERR(oldest(&l, ctx, account, cloud_retention_upto(r), limit));
    pass_over_counted(&l, stats, need);
    cloud_retention_relieve(r, (cloud_retained_t *)(void *)l.items->elts, l.items->nelts, 0,
                            now_sec(), need);
    if (*need > 0 && l.items->nelts == limit) *more = 1;
    return carry_out(stats, &budget, ctx, &l, dry_run);
}

/* Bytes that an account's versions are over their share. */
static cloud_err_t *over_share(apr_int64_t *need, cloud_ctx_t *ctx, const cloud_account_t *a)
{
    apr_int64_t bytes, count;

    CLOUD_ERR(cloud_versions_total(&bytes, &count, ctx, a->number));
    return cloud_retention_account_need(need, ctx, a, bytes, "versions_purge_limit");
}

/* One account's step, in one transaction. */
static cloud_err_t *relieve_account(int *more, cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                    const cloud_retention_t *r, const cloud_account_t *a,
                                    int dry_run)
{
    apr_int64_t need = 0;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, dry_run ? CLOUD_DB_READ : CLOUD_DB_WRITE));
    err = over_share(&need, ctx, a);
    if (!err) err = relieve(more, stats, ctx, r, a->number, &need, dry_run);
    if (err || dry_run) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx);
}

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_retention_t *retention;
    cloud_versions_stats_t *stats;
    int more;
} accounts_t;

/* Looks first, without a write transaction: mostly there is nothing to do. */
static cloud_err_t *look_at_account(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    accounts_t *job = baton;
    apr_int64_t need = 0;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(job->ctx, CLOUD_DB_READ));
    err = over_share(&need, job->ctx, a);
    cloud_tx_rollback(job->ctx);
    if (err || need <= 0) return err;
    return relieve_account(&job->more, job->stats, job->ctx, job->retention, a, 0);
}

/* A page of what the disk is owed. (tx) */
static cloud_err_t *disk_page(int *more, cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                              const cloud_retention_t *r, int dry_run)
{
    cloud_disk_owed_t owed;

    CLOUD_ERR(cloud_retention_disk_owed(&owed, ctx, CLOUD_VERSIONS));
    if (owed.bytes <= 0) return NULL;
    CLOUD_ERR(relieve(more, stats, ctx, r, 0, &owed.bytes, dry_run));
    return dry_run ? NULL : cloud_retention_disk_settle(ctx, CLOUD_VERSIONS, &owed, *more);
}

/* Looks first, without a write transaction. */
static cloud_err_t *relieve_disk(int *more, cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                 const cloud_retention_t *r, int dry_run)
{
    cloud_disk_owed_t owed = { 0 };
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = dry_run ? disk_page(more, stats, ctx, r, 1)
                  : cloud_retention_disk_owed(&owed, ctx, CLOUD_VERSIONS);
    cloud_tx_rollback(ctx);
    if (err || owed.bytes <= 0) return err;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = disk_page(more, stats, ctx, r, 0);
    CLOUD_POINT("versions-before-relief");
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx);
}

static cloud_err_t *tell(cloud_ctx_t *ctx, const cloud_versions_stats_t *stats)
{
    if (stats->versions)
        CLOUD_LOG(ctx->store, INFO, "versions: %" APR_INT64_T_FMT " removed for want of space, %"
                  APR_INT64_T_FMT " bytes", stats->versions, stats->bytes);
    return NULL;
}

cloud_err_t *cloud_versions_space_step(int *more, cloud_ctx_t *ctx)
{
    cloud_versions_stats_t stats = { 0 };
    cloud_retention_t r;
    accounts_t job = { ctx, &r, &stats, 0 };

    *more = 0;
    CLOUD_ERR(retention(&r, ctx));
    if (r.off || !r.pressure) return NULL;
    CLOUD_ERR(cloud_account_each(ctx, NULL, look_at_account, &job));
    *more = job.more;
    return tell(ctx, &stats);
}

cloud_err_t *cloud_versions_disk_step(int *more, cloud_ctx_t *ctx)
{
    cloud_versions_stats_t stats = { 0 };
    cloud_retention_t r;

    *more = 0;
    CLOUD_ERR(retention(&r, ctx));
    if (r.off || !r.pressure) return NULL;
    CLOUD_ERR(relieve_disk(more, &stats, ctx, &r, 0));
    return tell(ctx, &stats);
}

/* ---- cloudctl ---- */

static cloud_err_t *expire_account(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    accounts_t *job = baton;
    int more;

    do {
        more = 0;
        CLOUD_ERR(relieve_account(&more, job->stats, job->ctx, job->retention, a, 0));
    } while (more);
    return NULL;
}

static cloud_err_t *count_account(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    accounts_t *job = baton;
    int more;

    return relieve_account(&more, job->stats, job->ctx, job->retention, a, 1);
}

cloud_err_t *cloud_versions_expire(cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, int dry_run)
{
    round_t r = { .account = account ? account->number : 0, .dry_run = dry_run, .stats = stats };
    accounts_t job = { ctx, &r.retention, stats, 0 };
    cloud_account_fn *fn = dry_run ? count_account : expire_account;
    int more = 1;

    memset(stats, 0, sizeof *stats);
    if (dry_run) stats->counted = apr_hash_make(ctx->pool);
    CLOUD_ERR(retention(&r.retention, ctx));
    while (more) CLOUD_ERR(expire_step(&more, ctx, &r, 0));
    if (account) return fn(&job, account, ctx->pool);
    CLOUD_ERR(cloud_account_each(ctx, NULL, fn, &job));
    do {
        more = 0;
        CLOUD_ERR(relieve_disk(&more, stats, ctx, &r.retention, dry_run));
    } while (more);
    return NULL;
}

static cloud_err_t *cleanup_page(int *more, cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                 const cloud_account_t *a, apr_int64_t *after, int dry_run)
{
    int budget = APR_INT32_MAX, row, i;
    list_t l = new_list(ctx->pool);
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_VERSION_COLS CLOUD_VERSION_FROM
                             " WHERE v.account = ?1 AND v.number > ?2 AND v.tag IS NULL"
                             " ORDER BY v.number LIMIT ?3",
                             "iii", a->number, *after, (apr_int64_t)PAGE));
    CLOUD_ERR(take_rows(&l, st, row, ctx));
    for (i = 0; i < l.items->nelts; i++) {
        APR_ARRAY_IDX(l.items, i, cloud_retained_t).drop = CLOUD_DROP_SPACE;
        *after = APR_ARRAY_IDX(l.versions, i, cloud_version_t).number;
    }
    *more = l.items->nelts == PAGE;
    return carry_out(stats, &budget, ctx, &l, dry_run);
}

cloud_err_t *cloud_versions_cleanup(cloud_versions_stats_t *stats, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, int dry_run)
{
    apr_int64_t after = 0;
    cloud_err_t *err;
    int more = 1;

    memset(stats, 0, sizeof *stats);
    while (more) {
        CLOUD_ERR(cloud_tx_begin(ctx, dry_run ? CLOUD_DB_READ : CLOUD_DB_WRITE));
        err = cleanup_page(&more, stats, ctx, account, &after, dry_run);
        if (err || dry_run) cloud_tx_rollback(ctx);
        else err = cloud_tx_commit(ctx);
        if (err) return err;
    }
    return NULL;
}
