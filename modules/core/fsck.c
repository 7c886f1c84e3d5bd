/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck: the order of the checks, and telling what they find. */
#include "fsck.h"

#include <stdarg.h>
#include <string.h>

void cloud_fsck_report(fsck_t *f, const char *kind, const char *path, int repaired,
                       const char *fmt, ...)
{
    char detail[1024];
    va_list ap;

    f->stats->findings++;
    if (repaired) f->stats->repaired++;
    if (!f->opts->report) return;
    va_start(ap, fmt);
    apr_vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    f->opts->report(f->opts->baton, kind, f->account ? f->account->id : NULL, path, detail,
                    repaired);
}

const char *cloud_fsck_path(fsck_t *f, apr_int64_t id)
{
    const char *path = NULL, *files;
    cloud_err_t *err = cloud_tx_begin(f->ctx, CLOUD_DB_READ);
    apr_size_t len;

    if (!err) {
        err = cloud_storage_path(&path, f->ctx, id, f->iter);
        cloud_tx_rollback(f->ctx);
    }
    if (err || !path) return apr_psprintf(f->iter, "node %" APR_INT64_T_FMT, id);
    if (!f->account) return path;
    files = apr_pstrcat(f->iter, f->account->dir, "/" CLOUD_FILES, NULL);
    len = strlen(files);
    if (strncmp(path, files, len) != 0) return path;
    return path[len] == '/' ? path + len + 1 : path[len] ? path : "";
}

static cloud_err_t *check_database(fsck_t *f)
{
    const char *problem = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_verify(&problem, f->ctx->db, f->pool);
    cloud_tx_rollback(f->ctx);
    if (err) return err;
    if (problem) cloud_fsck_report(f, "database", "", 0, "%s", problem);
    CLOUD_ERR(cloud_fsck_tables(f));
    CLOUD_ERR(cloud_fsck_rows(f));
    CLOUD_ERR(cloud_fsck_journal(f));
    return cloud_fsck_accounts_dir(f);
}

/* The disk of an account: without its marker it is taken as not mounted, and nothing on it as
 * missing. */
static cloud_err_t *check_account(fsck_t *f, const cloud_account_t *account)
{
    cloud_err_t *err;

    f->account = account;
    f->stats->accounts++;
    err = cloud_storage_account_check(f->ctx->store, account->dir, f->pool);
    if (err) {
        cloud_fsck_report(f, "marker", account->dir, 0, "%s",
                          "the account's directory carries no marker: is its disk mounted?");
        err = NULL;
    } else {
        if (f->opts->repair) err = cloud_fsck_mend_by_scan(f);
        if (!err) err = cloud_fsck_account_dir(f);
        if (!err) err = cloud_fsck_uploads(f);
        if (!err) err = cloud_fsck_tree(f, account->root, CLOUD_KIND_ROOT);
        if (!err) err = cloud_fsck_kept(f);
    }
    f->account = NULL;
    return err;
}

typedef struct {
    apr_array_header_t *ids;
    apr_pool_t *pool;
} ids_t;

static cloud_err_t *note_account(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    ids_t *ids = baton;

    (void)pool;
    APR_ARRAY_PUSH(ids->ids, const char *) = apr_pstrdup(ids->pool, a->id);
    return NULL;
}

/* Accounts that come while we look are for the next time, those that go are left out. */
static cloud_err_t *check_accounts(fsck_t *f)
{
    ids_t ids = { apr_array_make(f->pool, 64, sizeof(const char *)), f->pool };
    cloud_account_t *account;
    cloud_err_t *err;
    apr_pool_t *pool;
    int i;

    CLOUD_ERR(cloud_account_each(f->ctx, NULL, note_account, &ids));
    apr_pool_create(&pool, f->pool);
    for (i = 0; i < ids.ids->nelts; i++) {
        apr_pool_clear(pool);
        err = cloud_account_get(&account, f->ctx, APR_ARRAY_IDX(ids.ids, i, const char *), pool);
        if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) continue;
        if (err) return err;
        CLOUD_ERR(check_account(f, account));
    }
    return NULL;
}

static cloud_err_t *check_all(fsck_t *f, const cloud_account_t *account)
{
    if (f->opts->repair) CLOUD_ERR(cloud_journal_replay(f->ctx));
    if (account) return check_account(f, account);
    CLOUD_ERR(check_database(f));
    CLOUD_ERR(check_accounts(f));
    return f->opts->repair ? cloud_fsck_mend_orphans(f) : NULL;
}

cloud_err_t *cloud_fsck(cloud_fsck_stats_t *stats, cloud_ctx_t *ctx,
                        const cloud_account_t *account, const cloud_fsck_opts_t *opts)
{
    static const cloud_fsck_opts_t defaults = { 0 };
    fsck_t f = { .ctx = ctx, .stats = stats, .opts = opts ? opts : &defaults };
    cloud_err_t *err;

    memset(stats, 0, sizeof *stats);
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    apr_pool_create(&f.pool, ctx->pool);
    apr_pool_create(&f.iter, f.pool);
    f.orphans = apr_array_make(f.pool, 16, sizeof(apr_int64_t));
    err = cloud_err_keep(check_all(&f, account), ctx->pool);
    apr_pool_destroy(f.pool);
    return err;
}
