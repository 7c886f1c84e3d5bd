/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Retention: what is in a bin goes when it is too old, or, oldest first, when its space is needed:
 * by the account (its share of the free quota), bin by bin, or by the disk (from the high watermark
 * down to the low one), of all bins together. Each deletion is one of the verb's, in a transaction of
 * its own; so a run may stop anywhere. */
#include "trash_private.h"

#include "retention.h"

#define ITEMS_PER_STEP    200
#define ACCOUNTS_PER_STEP 50

typedef struct {
    apr_array_header_t *items; /* of cloud_retained_t, oldest first */
    apr_array_header_t *ids;   /* of apr_int64_t */
} loaded_t;

static cloud_err_t *load(loaded_t *l, cloud_ctx_t *ctx, const cloud_account_t *account,
                         apr_pool_t *pool)
{
    cloud_node_t *bin;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    l->items = apr_array_make(pool, 64, sizeof(cloud_retained_t));
    l->ids = apr_array_make(pool, 64, sizeof(apr_int64_t));
    CLOUD_ERR(cloud_trash_bin(&bin, ctx, account, pool));
    if (!bin) return NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT t.node, t.deleted, n.size FROM trash t JOIN node n"
                             " ON n.id = t.node AND n.parent = t.bin WHERE t.bin = ?1"
                             " ORDER BY t.deleted, t.node",
                             "i", bin->id));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool)) {
        cloud_retained_t *item = apr_array_push(l->items);

        APR_ARRAY_PUSH(l->ids, apr_int64_t) = cloud_col_int(st, 0);
        item->time = apr_time_sec(cloud_col_int(st, 1));
        item->size = cloud_col_int(st, 2);
        item->pinned = 0;
        item->drop = CLOUD_DROP_NO;
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *account_need(apr_int64_t *need, cloud_ctx_t *ctx,
                                 const cloud_account_t *account)
{
    apr_int64_t kept;

    CLOUD_ERR(cloud_trash_usage(&kept, ctx, account));
    return cloud_retention_account_need(need, ctx, account, kept, "trashbin_purge_limit");
}

/* The age first: what goes for it also makes room. */
static void decide(loaded_t *l, const cloud_retention_t *r, apr_int64_t need)
{
    cloud_retained_t *items = (cloud_retained_t *)(void *)l->items->elts;
    apr_int64_t now = apr_time_sec(apr_time_now());
    int i;

    if (r->off) return;
    for (i = 0; i < l->items->nelts && r->max_age >= 0; i++)
        if (now - items[i].time > r->max_age) {
            items[i].drop = CLOUD_DROP_AGE;
            need -= items[i].size;
        }
    if (need > 0) cloud_retention_relieve(r, items, l->items->nelts, 0, now, &need);
}

static cloud_err_t *retention(cloud_retention_t *r, cloud_ctx_t *ctx)
{
    return cloud_retention_get(r, ctx, CLOUD_RETAIN_TRASH, "trashbin_retention_obligation");
}

static cloud_err_t *plan(loaded_t *l, cloud_ctx_t *ctx, const cloud_account_t *account,
                         apr_pool_t *pool)
{
    cloud_retention_t r;
    apr_int64_t need;

    CLOUD_ERR(retention(&r, ctx));
    CLOUD_ERR(load(l, ctx, account, pool));
    if (l->items->nelts == 0) return NULL;
    CLOUD_ERR(account_need(&need, ctx, account));
    decide(l, &r, need);
    return NULL;
}

/* Deletes one that was decided on. What was restored meanwhile does not count. */
static cloud_err_t *drop(cloud_trash_stats_t *stats, cloud_ctx_t *ctx,
                         const cloud_account_t *account, apr_int64_t id, apr_int64_t size,
                         int dry_run)
{
    cloud_err_t *err = NULL;

    if (!dry_run)
        err = cloud_trash_remove(ctx, account,
                                 apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, id));
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return NULL;
    if (err) return err;
    stats->removed++;
    stats->bytes += size;
    return NULL;
}

cloud_err_t *cloud_trash_expire(cloud_trash_stats_t *stats, int *more, cloud_ctx_t *ctx,
                                const cloud_account_t *account, int limit, int dry_run)
{
    apr_pool_t *pool;
    cloud_err_t *err;
    loaded_t l;
    int i;

    *more = 0;
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    apr_pool_create(&pool, ctx->pool);
    err = cloud_tx_begin(ctx, CLOUD_DB_READ);
    if (!err) {
        err = plan(&l, ctx, account, pool);
        cloud_tx_rollback(ctx);
    }
    for (i = 0; !err && i < l.items->nelts; i++) {
        const cloud_retained_t *item = &APR_ARRAY_IDX(l.items, i, cloud_retained_t);

        stats->seen++;
        if (item->drop == CLOUD_DROP_NO) continue;
        if (limit && stats->removed >= limit) {
            *more = 1;
            break;
        }
        err = drop(stats, ctx, account, APR_ARRAY_IDX(l.ids, i, apr_int64_t), item->size, dry_run);
    }
    err = cloud_err_keep(err, ctx->pool);
    apr_pool_destroy(pool);
    return err;
}

/* ---- the disk ---- */

typedef struct {
    apr_int64_t id, account, size;
} oldest_t;

/* The oldest of all bins, at most limit. */
static cloud_err_t *load_oldest(apr_array_header_t *list, cloud_ctx_t *ctx, apr_time_t before,
                                int limit)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT t.node, b.name, n.size FROM trash AS t JOIN node AS n"
                             " ON n.id = t.node AND n.parent = t.bin JOIN node AS b ON b.id = t.bin"
                             " WHERE t.deleted <= ?1 AND b.kind = 4"
                             " ORDER BY t.deleted, t.node LIMIT ?2",
                             "ii", (apr_int64_t)before, (apr_int64_t)limit));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        oldest_t *o = apr_array_push(list);
        const char *bin = cloud_col_text(st, 1); /* "4:<account>:<id>" */

        o->id = cloud_col_int(st, 0);
        o->account = apr_atoi64(bin + 2);
        o->size = cloud_col_int(st, 2);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *plan_disk(cloud_disk_owed_t *owed, apr_array_header_t *list, cloud_ctx_t *ctx,
                              const cloud_retention_t *r, int limit)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_retention_disk_owed(owed, ctx, TRASH_DIR);
    if (!err && owed->bytes > 0)
        err = load_oldest(list, ctx, cloud_retention_upto(r), limit);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *settle(cloud_ctx_t *ctx, const cloud_disk_owed_t *owed, int more)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_retention_disk_settle(ctx, TRASH_DIR, owed, more);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

/* Each page takes the oldest, so each moves things forward; a bin that can't be changed (its account's
 * directory is not there) is passed over, and an incomplete page ends it. */
cloud_err_t *cloud_trash_relieve_disk(cloud_trash_stats_t *stats, int *more, cloud_ctx_t *ctx,
                                      int dry_run)
{
    int limit = dry_run ? APR_INT32_MAX : ITEMS_PER_STEP, i, removed = 0;
    apr_array_header_t *list = apr_array_make(ctx->pool, 64, sizeof(oldest_t));
    cloud_account_t *account;
    cloud_retention_t r;
    cloud_disk_owed_t owed;
    cloud_err_t *err;

    *more = 0;
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(retention(&r, ctx));
    if (r.off || !r.pressure) return NULL;
    CLOUD_ERR(plan_disk(&owed, list, ctx, &r, limit));
    if (owed.bytes <= 0) return NULL;
    for (i = 0; i < list->nelts && owed.bytes > 0; i++) {
        const oldest_t *o = &APR_ARRAY_IDX(list, i, oldest_t);

        err = cloud_account_by_number(&account, ctx, o->account, ctx->pool);
        if (!err) err = drop(stats, ctx, account, o->id, o->size, dry_run);
        if (err && err->code != CLOUD_E_NOT_FOUND && err->code != CLOUD_E_UNAVAILABLE) return err;
        if (err) continue;
        owed.bytes -= o->size;
        removed++;
    }
    if (dry_run) return NULL;
    *more = owed.bytes > 0 && list->nelts == limit && removed > 0;
    return settle(ctx, &owed, *more);
}

static void tell(cloud_ctx_t *ctx, const cloud_trash_stats_t *stats)
{
    if (stats->removed)
        CLOUD_LOG(ctx->store, INFO, "trash: %" APR_INT64_T_FMT " items expired, %" APR_INT64_T_FMT
                  " bytes", stats->removed, stats->bytes);
}

cloud_err_t *cloud_trash_disk_step(int *more, cloud_ctx_t *ctx)
{
    cloud_trash_stats_t stats = { 0 };
    cloud_err_t *err = cloud_trash_relieve_disk(&stats, more, ctx, 0);

    tell(ctx, &stats);
    return err;
}

/* ---- the job ---- */

/* Accounts with something in their bin, in order of number, from the one behind *last on. */
static cloud_err_t *next_accounts(apr_array_header_t *numbers, cloud_ctx_t *ctx, apr_int64_t last)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT a.number FROM account a WHERE a.number > ?1 AND EXISTS"
                         " (SELECT 1 FROM node n JOIN trash t ON t.bin = n.id WHERE n.parent = 0"
                         " AND n.name >= '4:' || a.number || ':'"
                         " AND n.name < '4:' || a.number || ';') ORDER BY a.number LIMIT ?2",
                         "ii", last, (apr_int64_t)ACCOUNTS_PER_STEP);
    while (!err && row) {
        APR_ARRAY_PUSH(numbers, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    return err;
}

/* Where the last call stopped, so that each call is short. */
static const char CURSOR[] = "trash_job";

static cloud_err_t *load_cursor(apr_int64_t *last, cloud_ctx_t *ctx)
{
    const char *value = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_meta_get(&value, ctx, CURSOR, ctx->pool);
    cloud_tx_rollback(ctx);
    *last = value ? apr_atoi64(value) : 0;
    return err;
}

static cloud_err_t *save_cursor(cloud_ctx_t *ctx, apr_int64_t last)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_meta_set(ctx, CURSOR, apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, last));
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_trash_job(int *more, cloud_ctx_t *ctx)
{
    apr_array_header_t *numbers = apr_array_make(ctx->pool, 8, sizeof(apr_int64_t));
    cloud_trash_stats_t stats = { 0 };
    cloud_account_t *account;
    cloud_err_t *err;
    apr_int64_t from, last;
    int i, left = 0;

    CLOUD_ERR(load_cursor(&from, ctx));
    last = from;
    CLOUD_ERR(next_accounts(numbers, ctx, from));
    for (i = 0; i < numbers->nelts && !left; i++) {
        apr_int64_t number = APR_ARRAY_IDX(numbers, i, apr_int64_t);

        err = cloud_account_by_number(&account, ctx, number, ctx->pool);
        if (!err)
            err = cloud_trash_expire(&stats, &left, ctx, account, ITEMS_PER_STEP, 0);
        /* One disk that is not there keeps no other account from expiring. */
        if (err && err->code != CLOUD_E_NOT_FOUND && err->code != CLOUD_E_UNAVAILABLE) return err;
        if (!left) last = number;
    }
    *more = left || numbers->nelts == ACCOUNTS_PER_STEP;
    if (!*more) last = 0;
    if (last != from) CLOUD_ERR(save_cursor(ctx, last));
    tell(ctx, &stats);
    return NULL;
}
