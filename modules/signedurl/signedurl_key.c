/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Signing keys. A client has to know the key itself, so a hash of it would not do: the row has random
 * bytes, and the key is made of them, of the account and of the store's key, which is not in the
 * database. A key is only good while its row is there: an account for which none was ever made has no
 * key that could be guessed. */
#include "signedurl.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "internal.h"
#include "key.h"

#define NONCE_LEN 32
#define KEY_BYTES 48
#define KEY_CHARS 64 /* of base64url */

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS signing_key (account INTEGER PRIMARY KEY NOT NULL,"
    " nonce BLOB NOT NULL, epoch INTEGER NOT NULL, created INTEGER NOT NULL);";

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM signing_key WHERE account = ?1",
                        "i", account->number);
}

const cloud_feature_t cloud_signedurl_feature = {
    .name = "signedurl",
    .account_deleted = account_deleted,
    .schema = SCHEMA,
};

static cloud_err_t *derive(const char **key, cloud_ctx_t *ctx, apr_int64_t account,
                           const unsigned char *nonce, apr_pool_t *pool)
{
    unsigned char master[CLOUD_KEY_LEN], in[8 + NONCE_LEN], out[64];
    char *text = apr_palloc(pool, KEY_CHARS + 1);
    const unsigned char *done;
    unsigned len = sizeof out;

    CLOUD_ERR(cloud_store_key(master, ctx, "signed urls"));
    memcpy(in, &account, 8);
    memcpy(in + 8, nonce, NONCE_LEN);
    done = HMAC(EVP_sha512(), master, sizeof master, in, sizeof in, out, &len);
    cloud_base64url(text, out, KEY_BYTES);
    OPENSSL_cleanse(master, sizeof master);
    OPENSSL_cleanse(out, sizeof out);
    *key = text;
    return done ? NULL : cloud_err(ctx->pool, CLOUD_E_INTERNAL, "HMAC failed");
}

/* The live row of an account. (tx) */
static cloud_err_t *find(unsigned char *nonce, int *found, cloud_ctx_t *ctx, apr_int64_t account)
{
    const void *stored;
    cloud_stmt_t *st;
    apr_size_t len;
    int row;

    *found = 0;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT k.nonce FROM signing_key k JOIN account a"
                             " ON a.number = k.account WHERE k.account = ?1"
                             " AND a.secret_epoch = k.epoch AND a.enabled = 1", "i", account));
    if (row) {
        stored = cloud_col_blob(st, 0, &len);
        *found = len == NONCE_LEN;
        if (*found) memcpy(nonce, stored, NONCE_LEN);
    }
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_signing_key_get(const char **key, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_pool_t *pool)
{
    unsigned char nonce[NONCE_LEN];
    cloud_err_t *err;
    int found;

    *key = NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find(nonce, &found, ctx, account->number);
    cloud_tx_rollback(ctx);
    if (err || !found) return err;
    return derive(key, ctx, account->number, nonce, pool);
}

static cloud_err_t *store(cloud_ctx_t *ctx, const cloud_account_t *account,
                          const unsigned char *nonce)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO signing_key (account, nonce, epoch, created)"
                        " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (account) DO UPDATE SET"
                        " nonce = excluded.nonce, epoch = excluded.epoch,"
                        " created = excluded.created",
                        "ibii", account->number, (const void *)nonce, (apr_size_t)NONCE_LEN,
                        account->secret_epoch, (apr_int64_t)apr_time_now());
}

/* Two may ask at once: the second gets what the first made. */
static cloud_err_t *make_tx(unsigned char *nonce, cloud_ctx_t *ctx, apr_int64_t number)
{
    cloud_account_t *account;
    int found;

    CLOUD_ERR(find(nonce, &found, ctx, number));
    if (found) return NULL;
    CLOUD_ERR(cloud_account_by_number(&account, ctx, number, ctx->pool));
    CLOUD_ERR(cloud_random(nonce, NONCE_LEN, ctx->pool));
    return store(ctx, account, nonce);
}

cloud_err_t *cloud_signing_key(const char **key, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    const cloud_account_t *account = ctx->who.account;
    unsigned char nonce[NONCE_LEN];

    if (!account) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_signing_key_get(key, ctx, account, pool));
    if (*key) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, make_tx(nonce, ctx, account->number)));
    return derive(key, ctx, account->number, nonce, pool);
}

static cloud_err_t *renew_tx(cloud_ctx_t *ctx, const char *id)
{
    unsigned char nonce[NONCE_LEN];
    cloud_account_t *account;
    int found;

    CLOUD_ERR(cloud_account_get(&account, ctx, id, ctx->pool));
    CLOUD_ERR(find(nonce, &found, ctx, account->number));
    if (!found) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "%s has no signing key", account->id);
    CLOUD_ERR(cloud_random(nonce, NONCE_LEN, ctx->pool));
    return store(ctx, account, nonce);
}

cloud_err_t *cloud_signing_key_renew(cloud_ctx_t *ctx, const char *id)
{
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, renew_tx(ctx, id));
}
