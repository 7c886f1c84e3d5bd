/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Families: what came of one authorization. */
#include "oauth2_private.h"

#include <string.h>

#define AGENT_BYTES 255

static const char *agent_of(const cloud_ctx_t *ctx)
{
    const char *agent = ctx->agent;
    apr_size_t len = agent ? strlen(agent) : 0;

    if (!agent || !cloud_name_xml_ok(agent)) return "";
    if (len <= AGENT_BYTES) return agent;
    len = AGENT_BYTES;
    while (len && ((unsigned char)agent[len] & 0xc0) == 0x80) len--; /* no half letter */
    return apr_pstrmemdup(ctx->pool, agent, len);
}

/* What else was got with its tokens ends, too. */
static cloud_err_t *tell(cloud_ctx_t *ctx, apr_int64_t family)
{
    const char *client = NULL;
    apr_int64_t account = 0;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT f.account, c.name FROM oauth_family f JOIN oauth_client c"
                             " ON c.number = f.client WHERE f.id = ?1", "i", family));
    if (row) {
        account = cloud_col_int(st, 0);
        client = cloud_col_dup(st, 1, ctx->pool);
    }
    cloud_stmt_done(st);
    return row ? cloud_secret_revoked(ctx, account, client) : NULL;
}

cloud_err_t *cloud_oauth_family_end(cloud_ctx_t *ctx, apr_int64_t family)
{
    CLOUD_ERR(tell(ctx, family));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM oauth_token WHERE family = ?1",
                           "i", family));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM oauth_family WHERE id = ?1", "i",
                        family);
}

/* Ends families as long as sql, with its one number, finds another one. */
static cloud_err_t *end_all(cloud_ctx_t *ctx, const char *sql, apr_int64_t number)
{
    apr_int64_t family;
    cloud_stmt_t *st;
    int row;

    for (;;) {
        CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, sql, "i", number));
        family = row ? cloud_col_int(st, 0) : 0;
        cloud_stmt_done(st);
        if (!row) return NULL;
        CLOUD_ERR(cloud_oauth_family_end(ctx, family));
    }
}

cloud_err_t *cloud_oauth_client_end(cloud_ctx_t *ctx, apr_int64_t client)
{
    CLOUD_ERR(end_all(ctx, "SELECT id FROM oauth_family WHERE client = ?1 LIMIT 1", client));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM oauth_code WHERE client = ?1", "i",
                        client);
}

/* One that is to make room; 0: there is room. */
static cloud_err_t *find_surplus(apr_int64_t *family, cloud_ctx_t *ctx, apr_int64_t account)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id FROM oauth_family WHERE account = ?1"
                             " ORDER BY last_used DESC LIMIT 1 OFFSET ?2", "ii", account,
                             (apr_int64_t)(OAUTH_PER_ACCOUNT - 1)));
    *family = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_oauth_family_new(apr_int64_t *family, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, apr_int64_t client)
{
    apr_time_t now = apr_time_now();
    apr_int64_t old;

    CLOUD_ERR(find_surplus(&old, ctx, account->number));
    if (old) CLOUD_ERR(cloud_oauth_family_end(ctx, old));
    CLOUD_ERR(cloud_tree_draw(family, ctx));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO oauth_family (id, account, client, epoch, generation, rotated,"
                        " created, last_used, agent) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, ?5, ?6)",
                        "iiiiit", *family, account->number, client, account->secret_epoch,
                        (apr_int64_t)now, agent_of(ctx));
}

/* ---- for the account's owner ---- */

static cloud_err_t *may(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    const cloud_account_t *who = ctx->who.account;

    return ctx->who.system || (who && who->number == account->number)
               ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

static void read_row(cloud_oauth_family_t *f, cloud_stmt_t *st, apr_pool_t *pool)
{
    f->id = cloud_col_int(st, 0);
    f->client = cloud_col_dup(st, 1, pool);
    f->created = cloud_col_int(st, 2);
    f->last_used = cloud_col_int(st, 3);
    f->agent = cloud_col_dup(st, 4, pool);
}

static cloud_err_t *list_tx(apr_array_header_t *list, cloud_ctx_t *ctx, apr_int64_t account)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT f.id, c.name, f.created, f.last_used, f.agent"
                             " FROM oauth_family f JOIN oauth_client c ON c.number = f.client"
                             " JOIN account a ON a.number = f.account"
                             " WHERE f.account = ?1 AND f.epoch = a.secret_epoch"
                             " ORDER BY f.last_used DESC", "i", account));
    err = NULL;
    while (!err && row) {
        read_row(apr_array_push(list), st, list->pool);
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_oauth_family_list(apr_array_header_t **list, cloud_ctx_t *ctx,
                                     const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(may(ctx, account));
    *list = apr_array_make(pool, 4, sizeof(cloud_oauth_family_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*list, ctx, account->number);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *revoke_tx(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t id)
{
    cloud_stmt_t *st;
    int row;

    if (!id)
        return end_all(ctx, "SELECT id FROM oauth_family WHERE account = ?1 LIMIT 1",
                       account->number);
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT 1 FROM oauth_family WHERE account = ?1 AND id = ?2", "ii",
                             account->number, id));
    cloud_stmt_done(st);
    return row ? cloud_oauth_family_end(ctx, id)
               : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND,
                           "Nothing of this number was authorized");
}

cloud_err_t *cloud_oauth_family_revoke(cloud_ctx_t *ctx, const cloud_account_t *account,
                                       apr_int64_t id)
{
    CLOUD_ERR(may(ctx, account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, revoke_tx(ctx, account, id));
}
