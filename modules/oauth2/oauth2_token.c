/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The text of tokens. A token is kind, family, generation, 24 random bytes, and a code that
 * authenticates all that. The random bytes are what makes it a secret; the rest lets the server
 * tell a token that it once made and has long forgotten from a guess: the one is told to refresh, or
 * ends a family that two are using, the other one is counted by the throttle. */
#include "oauth2_private.h"

#include <string.h>
#include <apr_lib.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#define RANDOM_LEN 24
#define MAC_LEN    8
#define FAMILY_AT  1
#define GEN_AT     (FAMILY_AT + 8)
#define RANDOM_AT  (GEN_AT + 4)
#define MAC_AT     (RANDOM_AT + RANDOM_LEN)
#define SECRET_LEN 64
#define KEY_NAME   "oauth2"

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int cloud_oauth_shape(const char *token)
{
    apr_size_t i;

    for (i = 0; i < OAUTH_TOKEN_LEN && digit(token[i]) >= 0;) i++;
    return i == OAUTH_TOKEN_LEN && !token[i];
}

/* token has the shape. */
static void decode(unsigned char bytes[OAUTH_TOKEN_BYTES], const char *token)
{
    apr_size_t i, j;

    for (i = 0; i < OAUTH_TOKEN_LEN; i += 4) {
        unsigned v = 0;
        for (j = 0; j < 4; j++) v = v << 6 | (unsigned)digit(token[i + j]);
        *bytes++ = (unsigned char)(v >> 16);
        *bytes++ = (unsigned char)(v >> 8);
        *bytes++ = (unsigned char)v;
    }
}

const char *cloud_oauth_encode(const char *text, apr_pool_t *pool)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(pool, 3 * strlen(text) + 1), *o = out;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x80 && (apr_isalnum(c) || strchr("-._~", c))) {
            *o++ = (char)c;
            continue;
        }
        *o++ = '%';
        *o++ = hex[c >> 4];
        *o++ = hex[c & 15];
    }
    *o = '\0';
    return out;
}

/* ---- hashes ---- */

static cloud_err_t *hmac(unsigned char out[OAUTH_HASH], const unsigned char *key, const char *what,
                         const void *data, apr_size_t len, apr_pool_t *pool)
{
    apr_size_t head = strlen(what) + 1;
    unsigned char *text = apr_palloc(pool, head + len);
    unsigned n = OAUTH_HASH;
    const unsigned char *done;

    memcpy(text, what, head); /* its NUL ends it */
    memcpy(text + head, data, len);
    done = HMAC(EVP_sha256(), key, CLOUD_KEY_LEN, text, head + len, out, &n);
    OPENSSL_cleanse(text, head + len);
    return done ? NULL : cloud_err(pool, CLOUD_E_INTERNAL, "HMAC failed");
}

cloud_err_t *cloud_oauth_hash(unsigned char hash[OAUTH_HASH], cloud_ctx_t *ctx, const char *what,
                              const char *secret)
{
    unsigned char key[CLOUD_KEY_LEN];
    cloud_err_t *err;

    CLOUD_ERR(cloud_store_key(key, ctx, KEY_NAME));
    err = hmac(hash, key, what, secret, strlen(secret), ctx->pool);
    OPENSSL_cleanse(key, sizeof key);
    return err;
}

cloud_err_t *cloud_oauth_secret(const char **secret, apr_pool_t *pool)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const unsigned count = sizeof letters - 1, limit = 256 - 256 % count;
    char *text = apr_palloc(pool, SECRET_LEN + 1);
    unsigned char raw[SECRET_LEN];
    int i, n = 0;

    while (n < SECRET_LEN) {
        CLOUD_ERR(cloud_random(raw, sizeof raw, pool));
        for (i = 0; i < SECRET_LEN && n < SECRET_LEN; i++)
            if (raw[i] < limit) text[n++] = letters[raw[i] % count]; /* all as often */
    }
    text[n] = '\0';
    OPENSSL_cleanse(raw, sizeof raw);
    *secret = text;
    return NULL;
}

/* ---- tokens ---- */

static void put_number(unsigned char *at, apr_uint64_t n, int len)
{
    while (len--) {
        at[len] = (unsigned char)n;
        n >>= 8;
    }
}

static apr_int64_t get_number(const unsigned char *at, int len)
{
    apr_uint64_t n = 0;

    while (len--) n = n << 8 | *at++;
    return (apr_int64_t)n;
}

static cloud_err_t *make(char *text, unsigned char *hash, const unsigned char *key,
                         const oauth_token_t *token, apr_pool_t *pool)
{
    unsigned char bytes[OAUTH_TOKEN_BYTES], mac[OAUTH_HASH];

    bytes[0] = (unsigned char)token->kind;
    put_number(bytes + FAMILY_AT, (apr_uint64_t)token->family, 8);
    put_number(bytes + GEN_AT, (apr_uint64_t)token->generation, 4);
    CLOUD_ERR(cloud_random(bytes + RANDOM_AT, RANDOM_LEN, pool));
    CLOUD_ERR(hmac(mac, key, "made", bytes, MAC_AT, pool));
    memcpy(bytes + MAC_AT, mac, MAC_LEN);
    cloud_base64url(text, bytes, sizeof bytes);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return hmac(hash, key, "token", text, OAUTH_TOKEN_LEN, pool);
}

cloud_err_t *cloud_oauth_token_make(const char **text, unsigned char hash[OAUTH_HASH],
                                    cloud_ctx_t *ctx, const oauth_token_t *token,
                                    apr_pool_t *pool)
{
    char *made = apr_palloc(pool, OAUTH_TOKEN_LEN + 1);
    unsigned char key[CLOUD_KEY_LEN];
    cloud_err_t *err;

    CLOUD_ERR(cloud_store_key(key, ctx, KEY_NAME));
    err = make(made, hash, key, token, pool);
    OPENSSL_cleanse(key, sizeof key);
    *text = made;
    return err;
}

static cloud_err_t *read_token(oauth_token_t *token, int *ours, unsigned char *hash,
                               const unsigned char *key, const char *text, apr_pool_t *pool)
{
    unsigned char bytes[OAUTH_TOKEN_BYTES], mac[OAUTH_HASH];

    decode(bytes, text);
    CLOUD_ERR(hmac(mac, key, "made", bytes, MAC_AT, pool));
    *ours = CRYPTO_memcmp(mac, bytes + MAC_AT, MAC_LEN) == 0;
    token->kind = bytes[0] == OAUTH_REFRESH ? OAUTH_REFRESH : OAUTH_ACCESS;
    token->family = get_number(bytes + FAMILY_AT, 8);
    token->generation = get_number(bytes + GEN_AT, 4);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return hmac(hash, key, "token", text, OAUTH_TOKEN_LEN, pool);
}

cloud_err_t *cloud_oauth_token_read(oauth_token_t *token, int *ours, unsigned char hash[OAUTH_HASH],
                                    cloud_ctx_t *ctx, const char *text)
{
    unsigned char key[CLOUD_KEY_LEN];
    cloud_err_t *err;

    *ours = 0;
    memset(token, 0, sizeof *token);
    if (!cloud_oauth_shape(text)) return NULL;
    CLOUD_ERR(cloud_store_key(key, ctx, KEY_NAME));
    err = read_token(token, ours, hash, key, text, ctx->pool);
    OPENSSL_cleanse(key, sizeof key);
    return err;
}
