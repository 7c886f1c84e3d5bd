/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login.c
 * The feature: its tables and settings, secrets, tokens of forms.
 */
#include "login_private.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "key.h"

#define SECRET_BYTES 32
#define SECRET_CHARS 43 /* of base64url, without padding */

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS login_session (id INTEGER PRIMARY KEY NOT NULL,"
    " hash BLOB NOT NULL UNIQUE, account INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " stage INTEGER NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL,"
    " address TEXT NOT NULL, agent TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS login_session_account ON login_session (account);"
    "CREATE INDEX IF NOT EXISTS login_session_seen ON login_session (seen);"
    "CREATE TABLE IF NOT EXISTS login_flow (hash BLOB PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL, epoch INTEGER NOT NULL, name TEXT NOT NULL,"
    " expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS login_totp (account INTEGER PRIMARY KEY NOT NULL,"
    " secret BLOB NOT NULL, confirmed INTEGER NOT NULL, step INTEGER NOT NULL,"
    " failures INTEGER NOT NULL, failed INTEGER NOT NULL, created INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS login_code (account INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY (account, hash)) WITHOUT ROWID;";

const cloud_setting_t cloud_login_settings[] = {
    { "system", "session_lifetime", CLOUD_SET_INT, "3600", 60, 30 * 86400,
      "Seconds without a request after which a browser has to sign in again" },
    { "system", "session_max_lifetime", CLOUD_SET_INT, "86400", 60, 366 * 86400,
      "Seconds after which a browser has to sign in again in any case" },
    { "system", "twofactor_enforced", CLOUD_SET_BOOL, "false", 0, 0,
      "Whether passwords count only together with a second factor" },
    { "system", "twofactor_enforced_groups", CLOUD_SET_LIST, "[]", 0, 0,
      "Groups to which twofactor_enforced applies; none: to everybody" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

/* ---- secrets ---- */

const char *cloud_login_text(const unsigned char *bytes, apr_size_t len, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, (len + 2) / 3 * 4 + 1);

    cloud_base64url(text, bytes, len);
    return text;
}

const unsigned char *cloud_login_bytes(apr_size_t *len, const char *text, apr_pool_t *pool)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    apr_size_t n = strlen(text), i;
    unsigned char *out = apr_palloc(pool, n * 3 / 4 + 1);
    unsigned bits = 0;

    *len = 0;
    for (i = 0; i < n; i++) {
        const char *at = strchr(letters, text[i]);

        if (!at) return NULL;
        bits = (bits << 6 | (unsigned)(at - letters)) & 0xffff;
        if (i % 4) out[(*len)++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    /* One text for each value: bits that are left over are 0. */
    return n % 4 == 1 || (n % 4 && bits & ((1u << (2 * (4 - n % 4))) - 1)) ? NULL : out;
}

cloud_err_t *cloud_login_secret(const char **secret, apr_pool_t *pool)
{
    unsigned char raw[SECRET_BYTES];

    CLOUD_ERR(cloud_random(raw, sizeof raw, pool));
    *secret = cloud_login_text(raw, sizeof raw, pool);
    OPENSSL_cleanse(raw, sizeof raw);
    return NULL;
}

void cloud_login_hash(unsigned char hash[CLOUD_LOGIN_HASH], const char *secret)
{
    EVP_Digest(secret, strlen(secret), hash, NULL, EVP_sha256(), NULL);
}

const char *cloud_form_token(const char *cookie, const char *session, apr_pool_t *pool)
{
    unsigned char hash[CLOUD_LOGIN_HASH];

    /* Neither has a line feed in it. */
    cloud_login_hash(hash, apr_pstrcat(pool, "form\n", cookie, "\n", session, NULL));
    return cloud_login_text(hash, sizeof hash, pool);
}

int cloud_form_token_fits(const char *token, const char *cookie, const char *session,
                          apr_pool_t *pool)
{
    const char *wanted;

    if (!token || strlen(token) != SECRET_CHARS || strlen(cookie) != SECRET_CHARS) return 0;
    wanted = cloud_form_token(cookie, session, pool);
    return CRYPTO_memcmp(token, wanted, SECRET_CHARS) == 0;
}

cloud_err_t *cloud_login_may(const cloud_ctx_t *ctx, const cloud_account_t *account)
{
    const cloud_account_t *who = ctx->who.account;

    return ctx->who.system || (who && who->number == account->number)
               ? NULL
               : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

/* ---- the feature ---- */

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    static const char *const sql[] = {
        "DELETE FROM login_session WHERE account = ?1",
        "DELETE FROM login_flow WHERE account = ?1",
        "DELETE FROM login_totp WHERE account = ?1",
        "DELETE FROM login_code WHERE account = ?1",
    };
    int i;

    for (i = 0; i < (int)(sizeof sql / sizeof *sql); i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, sql[i], "i", account->number));
    return NULL;
}

const cloud_feature_t cloud_login_feature = {
    .name = "login",
    .account_deleted = account_deleted,
    .schema = SCHEMA,
};

void cloud_login_register(void)
{
    cloud_feature_register(&cloud_login_feature);
    cloud_settings_declare(cloud_login_settings);
}

void cloud_login_unregister(void)
{
    cloud_feature_unregister(&cloud_login_feature);
    cloud_settings_undeclare(cloud_login_settings);
}
