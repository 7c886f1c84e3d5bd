/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* App passwords: secrets with 100 bits of randomness, so that a fast keyed hash keeps them safe and
 * a client may show one with each request. */
#include "account_private.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "names.h"

#define GROUPS    4
#define GROUP_LEN 5
#define SECRET_LEN (GROUPS * (GROUP_LEN + 1) - 1)
#define HASH_LEN  32
#define KEY_LEN   32
#define NAME_MAX_BYTES 255

/* 32 of them: each carries 5 bits. None is easily taken for another one. */
static const char ALPHABET[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

int cloud_apppass_shape(const char *secret)
{
    int i;

    if (strlen(secret) != SECRET_LEN) return 0;
    for (i = 0; i < SECRET_LEN; i++) {
        int dash = i % (GROUP_LEN + 1) == GROUP_LEN;
        if (dash ? secret[i] != '-' : !strchr(ALPHABET, secret[i])) return 0;
    }
    return 1;
}

static cloud_err_t *random_bytes(unsigned char *buf, int len, apr_pool_t *pool)
{
    if (RAND_bytes(buf, len) == 1) return NULL;
    return cloud_err(pool, CLOUD_E_INTERNAL, "No random numbers");
}

static cloud_err_t *make_secret(char *secret, apr_pool_t *pool)
{
    unsigned char raw[SECRET_LEN];
    int i;

    CLOUD_ERR(random_bytes(raw, sizeof raw, pool));
    for (i = 0; i < SECRET_LEN; i++)
        secret[i] = i % (GROUP_LEN + 1) == GROUP_LEN ? '-' : ALPHABET[raw[i] & 31];
    secret[SECRET_LEN] = '\0';
    OPENSSL_cleanse(raw, sizeof raw);
    return NULL;
}

/* ---- the keyed hash ---- */

/* The store's key; *found 0 when it has none yet. (tx) */
static cloud_err_t *get_key(unsigned char *key, int *found, cloud_ctx_t *ctx)
{
    const char *hex;
    int i;

    *found = 0;
    CLOUD_ERR(cloud_meta_get(&hex, ctx, "apppass_key", ctx->pool));
    if (!hex) return NULL;
    for (i = 0; i < KEY_LEN; i++) {
        int high = cloud_hex_digit(hex[2 * i]), low = high < 0 ? -1 : cloud_hex_digit(hex[2 * i + 1]);
        if (low < 0) return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "apppass_key is damaged");
        key[i] = (unsigned char)(high << 4 | low);
    }
    *found = 1;
    return NULL;
}

/* The store's key, made when first needed. (tx, write) */
static cloud_err_t *make_key(unsigned char *key, cloud_ctx_t *ctx)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * KEY_LEN + 1];
    int found, i;

    CLOUD_ERR(get_key(key, &found, ctx));
    if (found) return NULL;
    CLOUD_ERR(random_bytes(key, KEY_LEN, ctx->pool));
    for (i = 0; i < KEY_LEN; i++) {
        hex[2 * i] = digits[key[i] >> 4];
        hex[2 * i + 1] = digits[key[i] & 15];
    }
    hex[2 * KEY_LEN] = '\0';
    return cloud_meta_set(ctx, "apppass_key", hex);
}

/* The number is hashed too: a row that is copied to another account opens nothing. */
static cloud_err_t *keyed_hash(unsigned char *hash, const unsigned char *key, apr_int64_t number,
                               const char *secret, apr_pool_t *pool)
{
    char text[SECRET_LEN + 32];
    unsigned len = HASH_LEN;
    int n = apr_snprintf(text, sizeof text, "%" APR_INT64_T_FMT ":%s", number, secret);
    const unsigned char *done = HMAC(EVP_sha256(), key, KEY_LEN, (const unsigned char *)text,
                                     (size_t)n, hash, &len);

    OPENSSL_cleanse(text, sizeof text);
    return done ? NULL : cloud_err(pool, CLOUD_E_INTERNAL, "HMAC failed");
}

/* ---- rows ---- */

static void read_row(cloud_apppass_t *p, cloud_stmt_t *st, apr_pool_t *pool)
{
    p->id = cloud_col_int(st, 0);
    p->name = cloud_col_dup(st, 1, pool);
    p->created = cloud_col_int(st, 2);
    p->last_used = cloud_col_int(st, 3);
}

cloud_err_t *cloud_apppass_find(cloud_apppass_t **out, cloud_ctx_t *ctx, apr_int64_t number,
                                const char *secret, apr_pool_t *pool)
{
    unsigned char key[KEY_LEN], hash[HASH_LEN];
    const void *stored;
    apr_size_t len;
    cloud_stmt_t *st;
    int row, found;

    *out = NULL;
    CLOUD_ERR(get_key(key, &found, ctx));
    if (!found) return NULL;
    CLOUD_ERR(keyed_hash(hash, key, number, secret, pool));
    OPENSSL_cleanse(key, sizeof key);
    /* How far the index compares tells nothing: nobody can choose the bytes of a keyed hash. */
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, name, created, last_used, hash FROM apppass"
                             " WHERE hash = ?1 AND account = ?2",
                             "bi", (const void *)hash, (apr_size_t)HASH_LEN, number));
    if (row) {
        stored = cloud_col_blob(st, 4, &len);
        if (len == HASH_LEN && CRYPTO_memcmp(stored, hash, HASH_LEN) == 0) {
            *out = apr_palloc(pool, sizeof **out);
            read_row(*out, st, pool);
        }
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *check_name(const char *name, apr_pool_t *pool)
{
    const unsigned char *c = (const unsigned char *)name;

    while (*c >= 0x20 && *c != 0x7f) c++;
    if (*name && !*c && cloud_name_xml_ok(name) && strlen(name) <= NAME_MAX_BYTES) return NULL;
    return cloud_err(pool, CLOUD_E_INVALID,
                     "The name of an app password is a line of at most %d bytes", NAME_MAX_BYTES);
}

static cloud_err_t *create_tx(const char *secret, cloud_ctx_t *ctx, const char *id,
                              const char *name)
{
    unsigned char key[KEY_LEN], hash[HASH_LEN];
    cloud_account_t *a;
    apr_int64_t number;
    cloud_err_t *err;

    CLOUD_ERR(cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_SECRETS, ctx->pool));
    CLOUD_ERR(make_key(key, ctx));
    CLOUD_ERR(keyed_hash(hash, key, a->number, secret, ctx->pool));
    OPENSSL_cleanse(key, sizeof key);
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "INSERT INTO apppass (id, account, name, hash, created, last_used)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, 0)",
                       "iitbi", number, a->number, name, (const void *)hash, (apr_size_t)HASH_LEN,
                       (apr_int64_t)apr_time_now());
    if (cloud_err_is(err, CLOUD_E_EXISTS))
        return cloud_err(ctx->pool, CLOUD_E_EXISTS, "There is an app password \"%s\" already",
                         name);
    return err;
}

cloud_err_t *cloud_apppass_create(const char **secret, cloud_ctx_t *ctx, const char *id,
                                  const char *name, apr_pool_t *pool)
{
    char *made = apr_palloc(pool, SECRET_LEN + 1);

    CLOUD_ERR(check_name(name, ctx->pool));
    CLOUD_ERR(make_secret(made, ctx->pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, create_tx(made, ctx, id, name)));
    *secret = made;
    return NULL;
}

static cloud_err_t *list_tx(apr_array_header_t *list, cloud_ctx_t *ctx, const char *id)
{
    cloud_account_t *a;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_SECRETS, ctx->pool));
    CLOUD_ERR(cloud_db_stmt(&st, ctx->db,
                            "SELECT id, name, created, last_used FROM apppass WHERE account = ?1"
                            " ORDER BY name",
                            ctx->pool));
    cloud_stmt_int(st, 1, a->number);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row)
        read_row(apr_array_push(list), st, list->pool);
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_apppass_list(apr_array_header_t **list, cloud_ctx_t *ctx, const char *id,
                                apr_pool_t *pool)
{
    cloud_err_t *err;

    *list = apr_array_make(pool, 8, sizeof(cloud_apppass_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*list, ctx, id);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *revoke_tx(cloud_ctx_t *ctx, const char *id, const char *name)
{
    cloud_account_t *a;
    int changed;

    CLOUD_ERR(cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_SECRETS, ctx->pool));
    CLOUD_ERR(cloud_db_run(ctx->db, &changed, ctx->pool,
                           "DELETE FROM apppass WHERE account = ?1 AND name = ?2", "it",
                           a->number, name));
    if (changed == 0)
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no app password \"%s\"", name);
    /* No new epoch: that would end every session of the account. App passwords are cheap to check and
     * must not be cached. */
    return cloud_secret_revoked(ctx, a->number, name);
}

cloud_err_t *cloud_apppass_revoke(cloud_ctx_t *ctx, const char *id, const char *name)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, revoke_tx(ctx, id, name));
}

static cloud_err_t *read_last_used(apr_time_t *used, cloud_ctx_t *ctx, apr_int64_t id)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT last_used FROM apppass WHERE id = ?1", "i", id);
    if (!err) {
        /* One that is gone has nothing to note. */
        *used = row ? cloud_col_int(st, 0) : APR_INT64_MAX;
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(ctx);
    return err;
}

/* Asks first in a snapshot, as cloud_account_seen(). */
cloud_err_t *cloud_apppass_seen(cloud_ctx_t *ctx, const cloud_account_t *a,
                                const cloud_apppass_t *p)
{
    apr_time_t now = apr_time_now(), used = 0;
    cloud_err_t *err;

    if (now - p->last_used < CLOUD_SEEN_EVERY) return NULL;
    CLOUD_ERR(read_last_used(&used, ctx, p->id));
    if (used > now - CLOUD_SEEN_EVERY) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "UPDATE apppass SET last_used = ?3 WHERE id = ?1 AND account = ?2"
                       " AND last_used < ?3",
                       "iii", p->id, a->number, (apr_int64_t)now);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx); /* nobody waits for it to be durable */
}
