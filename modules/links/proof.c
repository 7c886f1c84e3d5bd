/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* "<second at which it is over, in hex>-<MAC>". The MAC covers the hash of the password, so another
 * password makes all of them worthless; nothing is stored. */
#include "link.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "key.h"

#define MAC_LEN  32
#define MAC_TEXT CLOUD_LINK_SIGNATURE /* base64url of it, and a NUL */

static int mac(char text[MAC_TEXT], const unsigned char key[CLOUD_KEY_LEN], const void *what,
               apr_size_t what_len)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!HMAC(EVP_sha256(), key, CLOUD_KEY_LEN, what, what_len, sum, &len) || len != MAC_LEN)
        return 0;
    cloud_base64url(text, sum, MAC_LEN);
    return 1;
}

/* What makes a link this one with this password. */
static const char *identity(const cloud_link_t *link, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "\n%s\n%s\n", link->id, link->token,
                        link->password ? link->password : "");
}

static cloud_err_t *prove(char text[MAC_TEXT], cloud_ctx_t *ctx, const cloud_link_t *link,
                          apr_int64_t until)
{
    const char *what = apr_psprintf(ctx->pool, "%s%" APR_INT64_T_FMT, identity(link, ctx->pool),
                                    until);
    unsigned char key[CLOUD_KEY_LEN];
    int done;

    CLOUD_ERR(cloud_store_key(key, ctx, "proofs of links"));
    done = mac(text, key, what, strlen(what));
    OPENSSL_cleanse(key, sizeof key);
    return done ? NULL : cloud_err(ctx->pool, CLOUD_E_INTERNAL, "No MAC");
}

cloud_err_t *cloud_link_proof(const char **proof, cloud_ctx_t *ctx, const cloud_link_t *link,
                              apr_int64_t now, apr_pool_t *pool)
{
    apr_int64_t until = now + CLOUD_LINK_PROOF_SECONDS;
    char text[MAC_TEXT];

    CLOUD_ERR(prove(text, ctx, link, until));
    *proof = apr_psprintf(pool, "%" APR_UINT64_T_HEX_FMT "-%s", (apr_uint64_t)until, text);
    return NULL;
}

cloud_err_t *cloud_link_proven(int *good, cloud_ctx_t *ctx, const cloud_link_t *link,
                               const char *proof, apr_int64_t now)
{
    apr_int64_t until;
    char text[MAC_TEXT], *end;

    *good = 0;
    until = apr_strtoi64(proof, &end, 16);
    if (end == proof || *end != '-' || strlen(end + 1) != MAC_TEXT - 1 || until <= now
        || until > now + CLOUD_LINK_PROOF_SECONDS)
        return NULL;
    CLOUD_ERR(prove(text, ctx, link, until));
    *good = CRYPTO_memcmp(text, end + 1, MAC_TEXT - 1) == 0;
    return NULL;
}

/* ---- addresses ---- */

struct cloud_link_signer_t {
    unsigned char key[CLOUD_KEY_LEN];
    const char *identity;
    apr_pool_t *pool;
};

static apr_status_t forget(void *baton)
{
    OPENSSL_cleanse(((cloud_link_signer_t *)baton)->key, CLOUD_KEY_LEN);
    return APR_SUCCESS;
}

cloud_err_t *cloud_link_signer(cloud_link_signer_t **out, cloud_ctx_t *ctx,
                               const cloud_link_t *link, apr_pool_t *pool)
{
    cloud_link_signer_t *signer = apr_pcalloc(pool, sizeof *signer);

    CLOUD_ERR(cloud_store_key(signer->key, ctx, "addresses of links"));
    apr_pool_cleanup_register(pool, signer, forget, apr_pool_cleanup_null);
    signer->identity = identity(link, pool);
    apr_pool_create(&signer->pool, pool);
    *out = signer;
    return NULL;
}

int cloud_link_sign(char text[CLOUD_LINK_SIGNATURE], const cloud_link_signer_t *signer,
                    const char *path, apr_size_t len, apr_int64_t until)
{
    const char *what = apr_psprintf(signer->pool, "%s%" APR_INT64_T_FMT "\n%.*s", signer->identity,
                                    until, (int)len, path);
    int done = mac(text, signer->key, what, strlen(what));

    apr_pool_clear(signer->pool);
    return done;
}

int cloud_link_signed(const cloud_link_signer_t *signer, const char *path, apr_int64_t until,
                      const char *signature, apr_int64_t now)
{
    char text[CLOUD_LINK_SIGNATURE];

    return until > now && until <= now + CLOUD_LINK_SIGNED_SECONDS &&
           strlen(signature) == CLOUD_LINK_SIGNATURE - 1 &&
           cloud_link_sign(text, signer, path, strlen(path), until) &&
           CRYPTO_memcmp(text, signature, CLOUD_LINK_SIGNATURE - 1) == 0;
}
