/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Retention: what is in a bin goes when it is too old, or, oldest first, when its space is needed:
 * by the account (its share of the free quota) or by the disk (from the high watermark down to the
 * low one). Each deletion is one of the verb's, in a transaction of its own; so a run may stop
 * anywhere. */
#include "trash_private.h"

#include "retention.h"

#include <sys/statvfs.h>

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

/* What the disk under the data directory has to get back. */
static cloud_err_t *disk_need(apr_int64_t *need, cloud_ctx_t *ctx)
{
    apr_int64_t low, high, total;
    struct statvfs fs;

    *need = 0;
    CLOUD_ERR(cloud_setting_int(&low, ctx, "system", "trashbin_disk_low"));
    CLOUD_ERR(cloud_setting_int(&high, ctx, "system", "trashbin_disk_high"));
    if (statvfs(cloud_store_data_dir(ctx->store), &fs) != 0) return NULL;
    total = (apr_int64_t)fs.f_frsize * (apr_int64_t)fs.f_blocks;
    *need = cloud_retention_over_mark(total,
                                      total - (apr_int64_t)fs.f_frsize * (apr_int64_t)fs.f_bavail,
                                      (int)low, (int)high);
    return NULL;
}

static cloud_err_t *account_need(apr_int64_t *need, cloud_ctx_t *ctx,
                                 const cloud_account_t *account)
{
    apr_int64_t quota, used, kept, percent;

    CLOUD_ERR(cloud_setting_int(&percent, ctx, "system", "trashbin_purge_limit"));
    CLOUD_ERR(cloud_account_usage(&quota, &used, ctx, account));
    CLOUD_ERR(cloud_trash_usage(&kept, ctx, account));
    *need = cloud_retention_over_share(quota, used, kept, (int)percent);
    return NULL;
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

static cloud_err_t *read_retention(cloud_retention_t *r, cloud_ctx_t *ctx)
{
    const char *text;
    cloud_err_t *err;

    CLOUD_ERR(cloud_setting_get(&text, NULL, ctx, "system", "trashbin_retention_obligation"));
    err = cloud_retention_parse(r, CLOUD_RETAIN_TRASH, text, ctx->pool);
    if (err) CLOUD_LOG(ctx->store, WARN, "trashbin_retention_obligation: %s", err->msg);
    return NULL;
}

static cloud_err_t *plan(loaded_t *l, cloud_ctx_t *ctx, const cloud_account_t *account,
                         apr_pool_t *pool)
{
    apr_int64_t need, disk;
    cloud_retention_t r;

    CLOUD_ERR(read_retention(&r, ctx));
    CLOUD_ERR(load(l, ctx, account, pool));
    if (l->items->nelts == 0) return NULL;
    CLOUD_ERR(account_need(&need, ctx, account));
    CLOUD_ERR(disk_need(&disk, ctx));
    decide(l, &r, disk > need ? disk : need);
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
        const char *id;

        stats->seen++;
        if (item->drop == CLOUD_DROP_NO) continue;
        if (limit && stats->removed >= limit) {
            *more = 1;
            break;
        }
        id = apr_psprintf(pool, "%" APR_INT64_T_FMT, APR_ARRAY_IDX(l.ids, i, apr_int64_t));
        if (!dry_run) err = cloud_trash_remove(ctx, account, id);
        if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) { /* restored meanwhile */
            err = NULL;
            continue;
        }
        stats->removed++;
        stats->bytes += item->size;
    }
    err = cloud_err_keep(err, ctx->pool);
    apr_pool_destroy(pool);
    return err;
}

/* ---- the job ---- */

/* Accounts with a bin, in order of number, from the one behind *last on. */
static cloud_err_t *next_accounts(apr_array_header_t *numbers, cloud_ctx_t *ctx, apr_int64_t last)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT a.number FROM account a WHERE a.number > ?1 AND EXISTS"
                         " (SELECT 1 FROM node n WHERE n.parent = 0 AND n.size > 0"
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
    if (stats.removed)
        CLOUD_LOG(ctx->store, INFO, "trash: %" APR_INT64_T_FMT " items expired, %" APR_INT64_T_FMT
                  " bytes", stats.removed, stats.bytes);
    return NULL;
}
