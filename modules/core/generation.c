/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Noticing that database and data directory do not belong together any more, because one of them
 * was restored from a backup. Both carry a generation (a random string, renewed often), and the
 * directory also knows how far the change numbers had come. On a mismatch oc:data-fingerprint
 * changes, which tells clients to look before they delete (clients 2.3).
 *
 * Renewal writes in an order that no crash can make look like a restore: the database learns the
 * next generation, then the file changes, then the next one becomes the current one. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

static const char *file_of(cloud_ctx_t *ctx)
{
    return apr_pstrcat(ctx->pool, ctx->store->conf.data_dir, "/.cloud/generation", NULL);
}

static cloud_err_t *last_number(apr_int64_t *last, cloud_ctx_t *ctx)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, "SELECT last FROM counter", ""));
    *last = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *write_generation(cloud_ctx_t *ctx, const char *generation, apr_int64_t last)
{
    return cloud_write_file(file_of(ctx),
                            apr_psprintf(ctx->pool, "%s %" APR_INT64_T_FMT "\n", generation, last),
                            ctx->pool);
}

static cloud_err_t *new_fingerprint(const char **fp, cloud_ctx_t *ctx)
{
    *fp = cloud_random_letters(16, ctx->pool);
    return cloud_meta_set(ctx, "fingerprint", *fp);
}

cloud_err_t *cloud_generation_check(cloud_ctx_t *ctx)
{
    const char *current, *next, *text = cloud_read_file(file_of(ctx), ctx->pool), *fp, *space;
    apr_int64_t last, noted = 0;

    CLOUD_ERR(cloud_meta_get(&current, ctx, "generation", ctx->pool));
    CLOUD_ERR(cloud_meta_get(&next, ctx, "generation_next", ctx->pool));
    CLOUD_ERR(last_number(&last, ctx));
    if (!current && !text) {
        current = cloud_random_letters(16, ctx->pool);
        CLOUD_ERR(cloud_meta_set(ctx, "generation", current));
        return write_generation(ctx, current, last);
    }
    if (text && (space = strchr(text, ' ')) != NULL) {
        noted = apr_atoi64(space + 1);
        text = apr_pstrndup(ctx->pool, text, (apr_size_t)(space - text));
    }
    if (current && text && noted <= last
        && (strcmp(text, current) == 0 || (next && strcmp(text, next) == 0)))
        return NULL;
    CLOUD_LOG(ctx->store, NOTICE,
              "database and data directory are of different generations (a restored backup): "
              "clients are told by a new data-fingerprint; run cloudctl scan");
    CLOUD_ERR(new_fingerprint(&fp, ctx));
    current = cloud_random_letters(16, ctx->pool);
    CLOUD_ERR(cloud_meta_set(ctx, "generation", current));
    /* Numbers must not repeat those that the directory has seen. */
    if (noted > last)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE counter SET last = ?1", "i",
                               noted));
    return write_generation(ctx, current, noted > last ? noted : last);
}

cloud_err_t *cloud_generation_renew(cloud_ctx_t *ctx)
{
    const char *next = cloud_random_letters(16, ctx->pool);
    apr_int64_t last = 0;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_meta_set(ctx, "generation_next", next);
    if (!err) err = last_number(&last, ctx);
    CLOUD_ERR(cloud_tx_end(ctx, err));
    CLOUD_ERR(write_generation(ctx, next, last));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, cloud_meta_set(ctx, "generation", next));
}

cloud_err_t *cloud_generation_note(cloud_ctx_t *ctx)
{
    const char *text = cloud_read_file(file_of(ctx), ctx->pool), *space;
    apr_int64_t last = 0;
    cloud_err_t *err;

    if (!text || !(space = strchr(text, ' ')) || cloud_store_relaxed(ctx->store)) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = last_number(&last, ctx);
    cloud_tx_rollback(ctx);
    if (err || last == apr_atoi64(space + 1)) return err;
    /* The directory must never be ahead of what a power cut leaves in the database. */
    CLOUD_ERR(cloud_tx_sync(ctx));
    return write_generation(ctx, apr_pstrndup(ctx->pool, text, (apr_size_t)(space - text)), last);
}

cloud_err_t *cloud_store_fingerprint(const char **fp, cloud_ctx_t *ctx)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_meta_get(fp, ctx, "fingerprint", ctx->pool);
    cloud_tx_rollback(ctx);
    if (!err && !*fp) *fp = "";
    return err;
}

cloud_err_t *cloud_store_new_fingerprint(const char **fp, cloud_ctx_t *ctx)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, new_fingerprint(fp, ctx));
}
