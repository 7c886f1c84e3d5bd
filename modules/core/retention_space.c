/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Lack of space, of accounts and of the disk, as the features that keep something ask for it: what
 * retention.h decides, with the settings and the state that it is decided by. */
#include "retention.h"
#include "account.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

cloud_err_t *cloud_retention_get(cloud_retention_t *r, cloud_ctx_t *ctx, cloud_retain_kind_t kind,
                                 const char *key)
{
    const char *text;
    cloud_err_t *err;

    CLOUD_ERR(cloud_setting_get(&text, NULL, ctx, "system", key));
    err = cloud_retention_parse(r, kind, text, ctx->pool);
    if (err) CLOUD_LOG(ctx->store, WARN, "%s: %s; auto is used instead", key, err->msg);
    return NULL;
}

cloud_err_t *cloud_retention_account_need(apr_int64_t *need, cloud_ctx_t *ctx,
                                          const cloud_account_t *account, apr_int64_t kept,
                                          const char *percent_key)
{
    apr_int64_t quota, used, percent;

    CLOUD_ERR(cloud_setting_int(&percent, ctx, "system", percent_key));
    CLOUD_ERR(cloud_account_usage(&quota, &used, ctx, account));
    *need = cloud_retention_over_share(quota, used, kept, (int)percent);
    return NULL;
}

/* ---- the disk ---- */

#define STUCK apr_time_from_sec(3600)

/* What a judgement of the disk still asks for, and when it was made; it holds for so long. */
#define META_OWED "retention.disk_owed"
#define ROUND     apr_time_from_sec(60)

/* What was removed gives its space back only when it is unlinked; until then the disk says nothing
 * about whether it was enough. What can't be unlinked (for an hour, or because its account's directory
 * is not there) is not waited for. */
static cloud_err_t *unlinks_pending(int *pending, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, pending, ctx->db, ctx->pool,
                             "SELECT 1 FROM journal WHERE tree >= 0 AND dst IS NULL AND seq > ?1"
                             " LIMIT 1", "i",
                             (apr_int64_t)(apr_time_now() - STUCK)));
    cloud_stmt_done(st);
    if (*pending) return NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT a.dir FROM account AS a WHERE EXISTS"
                             " (SELECT 1 FROM node AS n WHERE n.parent = a.purge)", ""));
    for (err = NULL; !err && row && !*pending;) {
        *pending = !cloud_storage_account_check(ctx->store, cloud_col_text(st, 0), ctx->pool);
        if (!*pending) err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

/* Of the disk as uploads see it: what they leave free counts as not there. */
static cloud_err_t *disk_need(apr_int64_t *need, cloud_ctx_t *ctx)
{
    apr_int64_t low, high, used, room;
    struct statvfs fs;

    *need = 0;
    CLOUD_ERR(cloud_setting_int(&low, ctx, "system", CLOUD_DISK_LOW));
    CLOUD_ERR(cloud_setting_int(&high, ctx, "system", CLOUD_DISK_HIGH));
    CLOUD_ERR(cloud_storage_room(&room, ctx->store, ctx->pool));
    if (statvfs(cloud_store_data_dir(ctx->store), &fs) != 0) return NULL;
    used = (apr_int64_t)(fs.f_blocks - fs.f_bfree) * (apr_int64_t)fs.f_frsize;
    *need = cloud_retention_over_mark(used + room, used, (int)low, (int)high);
    return NULL;
}

static cloud_err_t *read_meta(cloud_disk_owed_t *owed, cloud_ctx_t *ctx, const char *key)
{
    const char *value;
    char *end;

    memset(owed, 0, sizeof *owed);
    CLOUD_ERR(cloud_meta_get(&value, ctx, key, ctx->pool));
    if (!value) return NULL;
    owed->bytes = strtoll(value, &end, 10);
    owed->judged = strtoll(end, NULL, 10);
    return NULL;
}

static const char *dry_key(cloud_ctx_t *ctx, const char *feature)
{
    return apr_pstrcat(ctx->pool, "retention.dry.", feature, NULL);
}

cloud_err_t *cloud_retention_disk_owed(cloud_disk_owed_t *owed, cloud_ctx_t *ctx,
                                       const char *feature)
{
    apr_time_t now = apr_time_now();
    cloud_disk_owed_t dry;
    int pending;

    CLOUD_ERR(read_meta(owed, ctx, META_OWED));
    if (owed->bytes > 0 && owed->judged <= now && now - owed->judged < ROUND) {
        CLOUD_ERR(read_meta(&dry, ctx, dry_key(ctx, feature)));
        if (dry.judged == owed->judged) owed->bytes = 0;
        return NULL;
    }
    owed->bytes = 0;
    owed->judged = now;
    CLOUD_ERR(unlinks_pending(&pending, ctx));
    return pending ? NULL : disk_need(&owed->bytes, ctx);
}

static cloud_err_t *write_meta(cloud_ctx_t *ctx, const char *key, const cloud_disk_owed_t *owed)
{
    return cloud_meta_set(ctx, key, apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT " %"
                                                 APR_INT64_T_FMT, owed->bytes > 0 ? owed->bytes : 0,
                                                 owed->judged));
}

cloud_err_t *cloud_retention_disk_settle(cloud_ctx_t *ctx, const char *feature,
                                         const cloud_disk_owed_t *owed, int more)
{
    CLOUD_ERR(write_meta(ctx, META_OWED, owed));
    return more || owed->bytes <= 0 ? NULL : write_meta(ctx, dry_key(ctx, feature), owed);
}
