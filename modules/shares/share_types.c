/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What somebody shared, by type, for the rows of a listing. Nearly every listing asks what is mounted, and few people
 * share much: so the statement that looks for the mounts brings this along (share_mounts.c), where somebody said
 * that it is going to be asked for. */
#include "share.h"

#define KEY "mod_cloud:share-types"

struct cloud_share_types_t {
    const cloud_ctx_t *ctx;
    apr_int64_t account;
    apr_hash_t *bits;        /* node to unsigned */
    int rows, complete;
    apr_uint64_t changes;    /* cloud_db_changes() when it became so */
};

cloud_share_types_t *cloud_share_types_expect(cloud_ctx_t *ctx)
{
    cloud_share_types_t *t = apr_pcalloc(ctx->pool, sizeof *t);

    t->ctx = ctx;
    t->account = ctx->who.account ? ctx->who.account->number : 0;
    t->bits = apr_hash_make(ctx->pool);
    apr_pool_userdata_setn(t, KEY, NULL, ctx->pool);
    return t;
}

/* Contexts may have one pool. */
static cloud_share_types_t *expected(const cloud_ctx_t *ctx)
{
    cloud_share_types_t *t;
    void *data;

    apr_pool_userdata_get(&data, KEY, ctx->pool);
    t = data;
    return t && t->ctx == ctx ? t : NULL;
}

static void restart(cloud_share_types_t *t)
{
    apr_hash_clear(t->bits);
    t->rows = t->complete = 0;
}

cloud_share_types_t *cloud_share_types_expected(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_share_types_t *t = expected(ctx);

    if (!t || t->account != account->number) return NULL;
    restart(t);
    return t;
}

void cloud_share_types_add(cloud_share_types_t *t, apr_int64_t node, apr_int64_t type)
{
    unsigned *bits = apr_hash_get(t->bits, &node, sizeof node);

    if (!bits) {
        apr_pool_t *pool = apr_hash_pool_get(t->bits);
        apr_int64_t *key = apr_pmemdup(pool, &node, sizeof node);

        bits = apr_pcalloc(pool, sizeof *bits);
        apr_hash_set(t->bits, key, sizeof *key, bits);
    }
    *bits |= 1u << type;
    t->rows++;
}

void cloud_share_types_end(cloud_share_types_t *t)
{
    t->complete = t->rows <= CLOUD_SHARE_TYPES_FEW;
    t->changes = cloud_db_changes(t->ctx->db);
}

cloud_err_t *cloud_share_types_load(cloud_share_types_t *t)
{
    const cloud_ctx_t *ctx = t->ctx;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    if (expected(ctx) == t) apr_pool_userdata_setn(NULL, KEY, NULL, ctx->pool);
    if (t->complete && t->changes == cloud_db_changes(ctx->db)) return NULL;
    restart(t);
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT DISTINCT node, type FROM share WHERE initiator = ?1"
                             " AND (expires IS NULL OR expires > ?2)", "ii", t->account,
                             (apr_int64_t)apr_time_sec(apr_time_now())));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool))
        cloud_share_types_add(t, cloud_col_int(st, 0), cloud_col_int(st, 1));
    cloud_stmt_done(st);
    return err;
}

unsigned cloud_share_types_of(const cloud_share_types_t *t, apr_int64_t node)
{
    const unsigned *bits = apr_hash_get(t->bits, &node, sizeof node);

    return bits ? *bits : 0;
}
