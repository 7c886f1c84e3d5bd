/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The feature: its tables and settings, and what is over. */
#include "oauth2_private.h"

#define ROWS_PER_STEP 200

/* A row of oauth_token is a token that still counts: the newest refresh tokens of a family and those
 * before them, and the access tokens. oauth_code.family: what the code was exchanged for, 0 until
 * then. epoch: the account's when it was made; with another one it counts no more. */
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS oauth_client (number INTEGER PRIMARY KEY NOT NULL,"
    " id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, redirect TEXT NOT NULL, secret BLOB,"
    " trusted INTEGER NOT NULL, builtin INTEGER NOT NULL, removed INTEGER NOT NULL,"
    " created INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO oauth_client VALUES"
    " (1, '" CLOUD_OAUTH_DESKTOP "', 'Desktop Client', 'http://localhost:*', NULL, 0, 1, 0, 0),"
    " (2, '" CLOUD_OAUTH_ANDROID "', 'Android', 'oc://android.owncloud.com', NULL, 0, 1, 0, 0),"
    " (3, '" CLOUD_OAUTH_IOS "', 'iOS', 'oc://ios.owncloud.com', NULL, 0, 1, 0, 0);"
    "CREATE TABLE IF NOT EXISTS oauth_family (id INTEGER PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL, client INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, rotated INTEGER NOT NULL, created INTEGER NOT NULL,"
    " last_used INTEGER NOT NULL, agent TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS oauth_family_account ON oauth_family (account, last_used);"
    "CREATE INDEX IF NOT EXISTS oauth_family_client ON oauth_family (client);"
    "CREATE INDEX IF NOT EXISTS oauth_family_rotated ON oauth_family (rotated);"
    "CREATE TABLE IF NOT EXISTS oauth_token (hash BLOB PRIMARY KEY NOT NULL,"
    " family INTEGER NOT NULL, refresh INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS oauth_token_family ON oauth_token (family, generation);"
    "CREATE TABLE IF NOT EXISTS oauth_code (hash BLOB PRIMARY KEY NOT NULL,"
    " client INTEGER NOT NULL, account INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " redirect TEXT NOT NULL, challenge TEXT, method TEXT, expires INTEGER NOT NULL,"
    " family INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS oauth_code_expires ON oauth_code (expires);"
    "CREATE INDEX IF NOT EXISTS oauth_code_account ON oauth_code (account);";

const cloud_setting_t cloud_oauth_settings[] = {
    { "oauth2", "access_token_lifetime", CLOUD_SET_INT, "3600", 60, 86400,
      "Seconds that an access token is good for" },
    { "oauth2", "refresh_token_lifetime", CLOUD_SET_INT, "15552000", 0, 3650 * 86400,
      "Seconds without a refresh after which a client has to be authorized again; 0: never" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM oauth_token WHERE family IN"
                           " (SELECT id FROM oauth_family WHERE account = ?1)", "i",
                           account->number));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM oauth_family WHERE account = ?1", "i", account->number));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM oauth_code WHERE account = ?1", "i",
                        account->number);
}

const cloud_feature_t cloud_oauth_feature = {
    .name = "oauth2",
    .account_deleted = account_deleted,
    .schema = SCHEMA,
};

void cloud_oauth_register(void)
{
    cloud_feature_register(&cloud_oauth_feature);
    cloud_settings_declare(cloud_oauth_settings);
}

void cloud_oauth_unregister(void)
{
    cloud_feature_unregister(&cloud_oauth_feature);
    cloud_settings_undeclare(cloud_oauth_settings);
}

/* ---- what is over ---- */

/* Ended families: not refreshed for too long, or of an account that has another epoch by now. */
static cloud_err_t *expire_families(int *removed, cloud_ctx_t *ctx, apr_int64_t lifetime)
{
    apr_int64_t before = lifetime ? apr_time_now() - apr_time_from_sec(lifetime) : 0, last = 0;
    cloud_stmt_t *st;
    int row;

    *removed = 0;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id FROM oauth_family WHERE rotated < ?1 ORDER BY rotated"
                             " LIMIT 1", "i", before));
    if (row) last = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    if (!row) return NULL;
    *removed = 1;
    return cloud_oauth_family_end(ctx, last);
}

static cloud_err_t *expire_tx(int *more, cloud_ctx_t *ctx, apr_int64_t lifetime)
{
    apr_time_t now = apr_time_now();
    int removed = 1, i, changed;

    for (i = 0; i < ROWS_PER_STEP && removed; i++)
        CLOUD_ERR(expire_families(&removed, ctx, lifetime));
    CLOUD_ERR(cloud_db_run(ctx->db, &changed, ctx->pool,
                           "DELETE FROM oauth_code WHERE hash IN (SELECT hash FROM oauth_code"
                           " WHERE expires < ?1 ORDER BY expires LIMIT ?2)", "ii",
                           (apr_int64_t)(now - OAUTH_CODE_KEPT), (apr_int64_t)ROWS_PER_STEP));
    *more = removed || changed == ROWS_PER_STEP;
    return NULL;
}

cloud_err_t *cloud_oauth_expire(int *more, cloud_ctx_t *ctx)
{
    apr_int64_t lifetime;

    *more = 0;
    CLOUD_ERR(cloud_setting_int(&lifetime, ctx, "oauth2", "refresh_token_lifetime"));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, expire_tx(more, ctx, lifetime));
}
