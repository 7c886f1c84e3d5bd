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
#define KEY_CHARS 64 /* of base64, as ownCloud's are: that is what clients have seen */

/* A request that was let in by a secret may still be under way when that is revoked: for a while it is
 * known when that was. */
#define REMEMBERED apr_time_from_sec(86400)
/* How long before it was committed a revocation may have noted its time. */
#define SLACK      apr_time_from_sec(5)

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS signing_key (account INTEGER PRIMARY KEY NOT NULL,"
    " nonce BLOB NOT NULL, epoch INTEGER NOT NULL, created INTEGER NOT NULL);"
    /* The secrets that the key was given to, by name; and those that were revoked not long ago: when.
     * Who came with the password itself is not in here: another password is another key anyway. */
    "CREATE TABLE IF NOT EXISTS signing_key_holder (account INTEGER NOT NULL,"
    " client TEXT NOT NULL, revoked INTEGER NOT NULL, PRIMARY KEY (account, client))"
    " WITHOUT ROWID;";

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM signing_key_holder WHERE account = ?1", "i",
                           account->number));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM signing_key WHERE account = ?1",
                        "i", account->number);
}

/* ---- who has it ---- */

/* Nobody holds what there is not. */
static cloud_err_t *drop(cloud_ctx_t *ctx, apr_int64_t account)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM signing_key_holder WHERE account = ?1 AND revoked = 0",
                           "i", account));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM signing_key WHERE account = ?1",
                        "i", account);
}

typedef struct {
    int known;
    apr_time_t revoked;  /* 0: the key was given to it */
} holder_t;

static cloud_err_t *find_holder(holder_t *h, cloud_ctx_t *ctx, apr_int64_t account,
                                const char *client)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, &h->known, ctx->db, ctx->pool,
                             "SELECT revoked FROM signing_key_holder WHERE account = ?1"
                             " AND client = ?2", "it", account, client));
    h->revoked = h->known ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *set_holder(cloud_ctx_t *ctx, apr_int64_t account, const char *client,
                               apr_time_t revoked)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO signing_key_holder (account, client, revoked)"
                        " VALUES (?1, ?2, ?3) ON CONFLICT (account, client) DO UPDATE SET"
                        " revoked = excluded.revoked", "iti", account, client,
                        (apr_int64_t)revoked);
}

/* A key that the secret was given is over, for all who have it: they ask for the next one. */
static cloud_err_t *secret_revoked(cloud_ctx_t *ctx, apr_int64_t account, const char *client)
{
    apr_time_t now = apr_time_now();
    holder_t h;

    CLOUD_ERR(find_holder(&h, ctx, account, client));
    if (h.known && !h.revoked) CLOUD_ERR(drop(ctx, account));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM signing_key_holder WHERE account = ?1 AND revoked > 0"
                           " AND revoked < ?2", "ii", account, (apr_int64_t)(now - REMEMBERED)));
    return set_holder(ctx, account, client, now);
}

const cloud_feature_t cloud_signedurl_feature = {
    .name = "signedurl",
    .account_deleted = account_deleted,
    .secret_revoked = secret_revoked,
    .schema = SCHEMA,
};

static cloud_err_t *derive(const char **key, cloud_ctx_t *ctx, apr_int64_t account,
                           const unsigned char *nonce, apr_pool_t *pool)
{
    unsigned char master[CLOUD_KEY_LEN], in[8 + NONCE_LEN], out[64];
    char *text = apr_palloc(pool, KEY_CHARS + 1), *c;
    const unsigned char *done;
    unsigned len = sizeof out;

    CLOUD_ERR(cloud_store_key(master, ctx, "signed urls"));
    memcpy(in, &account, 8);
    memcpy(in + 8, nonce, NONCE_LEN);
    done = HMAC(EVP_sha512(), master, sizeof master, in, sizeof in, out, &len);
    cloud_base64url(text, out, KEY_BYTES);
    for (c = text; *c; c++) *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
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

/* Whether the secret that asks (NULL: the password itself) is noted as one that has the key; UNAUTHORIZED when
 * it was revoked after its request began. (tx) */
static cloud_err_t *check_holder(int *noted, cloud_ctx_t *ctx, apr_int64_t account,
                                 apr_time_t since)
{
    holder_t h = { .known = 1 };

    if (ctx->who.client) CLOUD_ERR(find_holder(&h, ctx, account, ctx->who.client));
    *noted = h.known && !h.revoked;
    return h.revoked && since <= h.revoked + SLACK ? cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, NULL)
                                                   : NULL;
}

/* Two may ask at once: the second gets what the first made. */
static cloud_err_t *make_tx(unsigned char *nonce, cloud_ctx_t *ctx, apr_int64_t number,
                            apr_time_t since)
{
    cloud_account_t *account;
    int found, noted;

    CLOUD_ERR(check_holder(&noted, ctx, number, since));
    CLOUD_ERR(find(nonce, &found, ctx, number));
    if (!found) {
        CLOUD_ERR(drop(ctx, number)); /* one of another epoch, and who had that */
        noted = 0;
        CLOUD_ERR(cloud_account_by_number(&account, ctx, number, ctx->pool));
        CLOUD_ERR(cloud_random(nonce, NONCE_LEN, ctx->pool));
        CLOUD_ERR(store(ctx, account, nonce));
    }
    return noted || !ctx->who.client ? NULL : set_holder(ctx, number, ctx->who.client, 0);
}

static cloud_err_t *look_tx(unsigned char *nonce, int *found, cloud_ctx_t *ctx,
                            apr_int64_t number, apr_time_t since)
{
    int noted;

    CLOUD_ERR(check_holder(&noted, ctx, number, since));
    CLOUD_ERR(find(nonce, found, ctx, number));
    *found = *found && noted;
    return NULL;
}

cloud_err_t *cloud_signing_key(const char **key, cloud_ctx_t *ctx, apr_time_t since,
                               apr_pool_t *pool)
{
    const cloud_account_t *account = ctx->who.account;
    unsigned char nonce[NONCE_LEN];
    cloud_err_t *err;
    int found;

    if (!account) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = look_tx(nonce, &found, ctx, account->number, since);
    cloud_tx_rollback(ctx);
    if (err) return err;
    if (!found) {
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
        CLOUD_ERR(cloud_tx_end(ctx, make_tx(nonce, ctx, account->number, since)));
    }
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
    CLOUD_ERR(drop(ctx, account->number));
    CLOUD_ERR(cloud_random(nonce, NONCE_LEN, ctx->pool));
    return store(ctx, account, nonce);
}

cloud_err_t *cloud_signing_key_renew(cloud_ctx_t *ctx, const char *id)
{
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, renew_tx(ctx, id));
}
