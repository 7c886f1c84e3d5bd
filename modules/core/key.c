/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The key of a store. It lies beside the database and not in it, so that a copy of the database gives
 * away nothing that it encrypts; backups of the whole data directory hold both. */
#include "key.h"
#include "store_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define HEX_LEN (2 * CLOUD_KEY_LEN)

cloud_err_t *cloud_random(void *buf, apr_size_t len, apr_pool_t *pool)
{
    if (RAND_bytes(buf, (int)len) == 1) return NULL;
    return cloud_err(pool, CLOUD_E_INTERNAL, "No random numbers");
}

void cloud_random_thread_end(void)
{
    OPENSSL_thread_stop();
}

static int nibble(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

static cloud_err_t *parse(unsigned char *key, const char *hex, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < CLOUD_KEY_LEN; i++) {
        int high = nibble(hex[2 * i]), low = high < 0 ? -1 : nibble(hex[2 * i + 1]);
        if (low < 0) return cloud_err(pool, CLOUD_E_UNAVAILABLE, ".cloud/key is damaged");
        key[i] = (unsigned char)(high << 4 | low);
    }
    return hex[HEX_LEN] ? cloud_err(pool, CLOUD_E_UNAVAILABLE, ".cloud/key is damaged") : NULL;
}

/* Alone: the writers' lock holds off everybody else who finds none. */
static cloud_err_t *make_tx(unsigned char *key, cloud_ctx_t *ctx, const char *path)
{
    const char *hex = cloud_read_file(path, ctx->pool);
    char text[HEX_LEN + 2];
    int i;

    if (hex) return parse(key, hex, ctx->pool);
    /* One that can't be read is never replaced: what it encrypted would be lost. */
    if (access(path, F_OK) == 0 || errno != ENOENT)
        return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, "%s can't be read", path);
    CLOUD_ERR(cloud_random(key, CLOUD_KEY_LEN, ctx->pool));
    for (i = 0; i < CLOUD_KEY_LEN; i++) apr_snprintf(text + 2 * i, 3, "%02x", key[i]);
    text[HEX_LEN] = '\n';
    text[HEX_LEN + 1] = '\0';
    CLOUD_ERR(cloud_write_file(path, text, ctx->pool));
    OPENSSL_cleanse(text, sizeof text);
    return NULL;
}

static cloud_err_t *read_or_make(unsigned char *key, cloud_ctx_t *ctx)
{
    const char *path = apr_pstrcat(ctx->pool, cloud_store_data_dir(ctx->store), "/.cloud/key", NULL);
    const char *hex = cloud_read_file(path, ctx->pool);
    cloud_err_t *err;

    if (hex) return parse(key, hex, ctx->pool);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = make_tx(key, ctx, path);
    cloud_tx_rollback(ctx);
    return err;
}

/* Read once for each store: it never changes, and each request with a token needs it. */
static cloud_err_t *master(unsigned char *key, cloud_ctx_t *ctx)
{
    cloud_store_t *store = ctx->store;
    int known;

    pthread_mutex_lock(&store->lock);
    known = store->has_key;
    if (known) memcpy(key, store->key, CLOUD_KEY_LEN);
    pthread_mutex_unlock(&store->lock);
    if (known) return NULL;
    CLOUD_ERR(read_or_make(key, ctx));
    pthread_mutex_lock(&store->lock);
    memcpy(store->key, key, CLOUD_KEY_LEN);
    store->has_key = 1;
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

cloud_err_t *cloud_store_key(unsigned char key[CLOUD_KEY_LEN], cloud_ctx_t *ctx,
                             const char *purpose)
{
    unsigned char all[CLOUD_KEY_LEN];
    unsigned len = CLOUD_KEY_LEN;
    const unsigned char *done;

    CLOUD_ERR(master(all, ctx));
    done = HMAC(EVP_sha256(), all, sizeof all, (const unsigned char *)purpose, strlen(purpose), key,
                &len);
    OPENSSL_cleanse(all, sizeof all);
    return done ? NULL : cloud_err(ctx->pool, CLOUD_E_INTERNAL, "HMAC failed");
}

void cloud_base64url(char *text, const unsigned char *bytes, apr_size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    apr_size_t i;

    for (i = 0; i < len; i += 3) {
        apr_size_t n = len - i < 3 ? len - i : 3, j;
        unsigned v = (unsigned)bytes[i] << 16;
        if (n > 1) v |= (unsigned)bytes[i + 1] << 8;
        if (n > 2) v |= bytes[i + 2];
        for (j = 0; j <= n; j++) *text++ = digits[v >> (18 - 6 * j) & 63];
    }
    *text = '\0';
}
