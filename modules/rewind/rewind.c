/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The two entry points. */
#include "rewind_private.h"

#include <string.h>

#include "names.h"

/* Deleting makes room: what found none is tried once more. */
static cloud_err_t *apply(rewind_t *r)
{
    CLOUD_ERR(cloud_rewind_places(r));
    CLOUD_ERR(cloud_rewind_absent(r));
    CLOUD_ERR(cloud_rewind_contents(r));
    if (!r->put_off) return NULL;
    r->last_round = 1;
    CLOUD_ERR(cloud_rewind_retry(r));
    CLOUD_ERR(cloud_rewind_places(r));
    CLOUD_ERR(cloud_rewind_absent(r));
    return cloud_rewind_contents(r);
}

static cloud_err_t *end_tx(rewind_t *r)
{
    apr_int64_t number;

    CLOUD_ERR(cloud_tree_draw(&number, r->ctx));
    r->batch.last = number;
    r->batch.files = r->stats->steps;
    r->batch.done = 1;
    return cloud_batch_update(r->ctx, &r->batch);
}

/* What was interrupted: the same command goes on with its batch. */
static cloud_err_t *find_begun(rewind_t *r)
{
    cloud_batch_t *b = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_batch_unfinished(&b, r->ctx, r->batch.tree, r->batch.kind, r->batch.note, r->pool);
    cloud_tx_rollback(r->ctx);
    if (!err && b) r->batch.id = b->id;
    return err;
}

static cloud_err_t *run(rewind_t *r, const char *path)
{
    CLOUD_ERR(cloud_rewind_plan(r));
    CLOUD_ERR(cloud_rewind_settle(r, path));
    CLOUD_ERR(apply(r));
    cloud_rewind_step(r);
    if (r->opts->dry_run) return NULL;
    if (!r->batch.id) CLOUD_ERR(find_begun(r));
    if (!r->batch.id) return NULL;
    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(r->ctx, end_tx(r));
}

static cloud_err_t *start(rewind_t *r, cloud_rewind_stats_t *stats, cloud_ctx_t *ctx,
                          const cloud_rewind_opts_t *opts)
{
    memset(r, 0, sizeof *r);
    memset(stats, 0, sizeof *stats);
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    apr_pool_create(&r->pool, ctx->pool);
    apr_pool_create(&r->iter, r->pool);
    r->chain = apr_array_make(r->pool, 64, sizeof(apr_int64_t));
    r->store = ctx->store;
    r->opts = opts;
    r->stats = stats;
    cloud_rewind_step(r);
    return cloud_rewind_scratch(r);
}

static cloud_err_t *end(rewind_t *r, cloud_ctx_t *ctx, cloud_err_t *err)
{
    err = cloud_err_keep(err, ctx->pool);
    if (r->pool) apr_pool_destroy(r->pool);
    return err;
}

/* What the log no longer tells can't be taken back. */
static cloud_err_t *check_log(rewind_t *r, apr_int64_t from)
{
    const char *value = NULL;
    cloud_err_t *err;
    char date[APR_RFC822_DATE_LEN];

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_meta_get(&value, r->ctx, CLOUD_META_LOG_FROM, r->iter);
    cloud_tx_rollback(r->ctx);
    if (err || !value || apr_atoi64(value) <= from) return err;
    apr_rfc822_date(date, apr_atoi64(value));
    cloud_rewind_problem(r, 0, "",
                         apr_psprintf(r->iter, "the log of changes begins at %s: what was changed "
                                               "before stays", date));
    return NULL;
}

static cloud_err_t *rewind_to(rewind_t *r, const cloud_account_t *account, const char *path,
                              apr_time_t to)
{
    apr_array_header_t *segments;

    if (to > apr_time_now())
        return cloud_err(r->pool, CLOUD_E_INVALID, "That time is still to come");
    if (to < account->created)
        return cloud_err(r->pool, CLOUD_E_INVALID, "%s was not there yet", account->id);
    CLOUD_ERR(cloud_path_split(&segments, path, r->pool));
    path = cloud_path_join(segments, segments->nelts, r->pool);
    r->account = account;
    r->to = to;
    r->batch.tree = account->root;
    r->batch.kind = CLOUD_BATCH_REWIND;
    r->batch.note = apr_psprintf(r->pool, "to %" APR_TIME_T_FMT " of /%s", to, path);
    CLOUD_ERR(check_log(r, to));
    return run(r, path);
}

cloud_err_t *cloud_rewind(cloud_rewind_stats_t *stats, cloud_ctx_t *ctx,
                          const cloud_account_t *account, const char *path, apr_time_t to,
                          const cloud_rewind_opts_t *opts)
{
    rewind_t r;
    cloud_err_t *err = start(&r, stats, ctx, opts);

    if (!err) err = rewind_to(&r, account, path, to);
    return end(&r, ctx, err);
}

static cloud_err_t *undo(rewind_t *r, apr_int64_t id)
{
    cloud_batch_t *b;
    cloud_account_t *account;

    CLOUD_ERR(cloud_batch_get(&b, r->ctx, id, r->pool));
    if (!b->account)
        return cloud_err(r->pool, CLOUD_E_NOT_FOUND, "The account of batch %" APR_INT64_T_FMT
                         " is gone", id);
    CLOUD_ERR(cloud_account_get(&account, r->ctx, b->account, r->pool));
    r->account = account;
    r->undo = b;
    r->to = b->first - 1;
    r->batch.tree = b->tree;
    r->batch.kind = CLOUD_BATCH_UNDO;
    r->batch.note = apr_psprintf(r->pool, "of %" APR_INT64_T_FMT, id);
    /* What it did before it was interrupted is not somebody else's. */
    CLOUD_ERR(find_begun(r));
    CLOUD_ERR(check_log(r, r->to));
    return run(r, "");
}

cloud_err_t *cloud_batch_undo(cloud_rewind_stats_t *stats, cloud_ctx_t *ctx, apr_int64_t batch,
                              const cloud_rewind_opts_t *opts)
{
    rewind_t r;
    cloud_err_t *err = start(&r, stats, ctx, opts);

    if (!err) err = undo(&r, batch);
    return end(&r, ctx, err);
}
