/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file cache.c
 * Verified secrets. A password hash is slow by design; it is paid once in some minutes. What is
 * kept is a hash under a key that exists only in this memory. A change of the password changes the
 * account's epoch, which is part of the hash: old entries then match nothing.
 */
/* SHA-256's own functions, which OpenSSL calls deprecated: each request needs six of these hashes, and
 * EVP looks its algorithm up anew each time, under locks that all threads share. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "auth.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#define ALIGN(n) APR_ALIGN((n), 64)
#define HASH     SHA256_DIGEST_LENGTH
#define BLOCK    SHA256_CBLOCK
#define LAYOUT   (unsigned)(sizeof(cloud_auth_mem_t) << 16 | sizeof(cloud_auth_entry_t) << 8 \
                            | sizeof(cloud_throttle_entry_t))

static unsigned sets_of(unsigned entries)
{
    return (entries + CLOUD_AUTH_WAYS - 1) / CLOUD_AUTH_WAYS;
}

apr_size_t cloud_auth_mem_size(unsigned entries)
{
    apr_size_t n = (apr_size_t)sets_of(entries) * CLOUD_AUTH_WAYS;

    return ALIGN(sizeof(cloud_auth_mem_t)) + ALIGN(n * sizeof(cloud_auth_entry_t))
        + n * sizeof(cloud_throttle_entry_t);
}

cloud_auth_mem_t *cloud_auth_mem_init(void *mem, unsigned entries)
{
    cloud_auth_mem_t *m = mem;
    char *next = (char *)mem + ALIGN(sizeof(*m));

    m->layout = LAYOUT;
    m->sets = sets_of(entries);
    m->entries = (cloud_auth_entry_t *)next;
    next += ALIGN((apr_size_t)m->sets * CLOUD_AUTH_WAYS * sizeof(cloud_auth_entry_t));
    m->throttles = (cloud_throttle_entry_t *)next;
    return RAND_bytes(m->key, sizeof(m->key)) == 1 ? m : NULL;
}

cloud_auth_mem_t *cloud_auth_mem_again(void *mem, unsigned entries)
{
    cloud_auth_mem_t *m = mem;

    return m->layout == LAYOUT && m->sets == sets_of(entries) ? m : NULL;
}

/* Hash of two pieces, one after the other. */
static void hash(unsigned char *out, const void *a, apr_size_t a_len, const void *b,
                 apr_size_t b_len)
{
    SHA256_CTX sha;

    SHA256_Init(&sha);
    SHA256_Update(&sha, a, a_len);
    SHA256_Update(&sha, b, b_len);
    SHA256_Final(out, &sha);
    OPENSSL_cleanse(&sha, sizeof(sha));
}

/* RFC 2104, with a key of at most a block. */
static void hmac(unsigned char *out, const unsigned char *key, apr_size_t key_len, const void *in,
                 apr_size_t len)
{
    unsigned char inner[BLOCK], outer[BLOCK], first[HASH];
    apr_size_t i;

    for (i = 0; i < BLOCK; i++) {
        inner[i] = (unsigned char)((i < key_len ? key[i] : 0) ^ 0x36);
        outer[i] = (unsigned char)((i < key_len ? key[i] : 0) ^ 0x5c);
    }
    hash(first, inner, BLOCK, in, len);
    hash(out, outer, BLOCK, first, HASH);
    OPENSSL_cleanse(inner, BLOCK);
    OPENSSL_cleanse(outer, BLOCK);
}

void cloud_auth_hmac(unsigned char *out, const cloud_auth_mem_t *mem, const char *site,
                     const void *middle, apr_size_t len, const char *text)
{
    unsigned char in[HASH + CLOUD_AUTH_MIDDLE + HASH] = { 0 };

    /* Fixed lengths, so that no two different inputs are the same bytes. */
    hash(in, site, strlen(site), "", 0);
    memcpy(in + HASH, middle, len);
    hash(in + HASH + CLOUD_AUTH_MIDDLE, text, strlen(text), "", 0);
    hmac(out, mem->key, sizeof(mem->key), in, sizeof(in));
    OPENSSL_cleanse(in, sizeof(in));
}

void cloud_auth_tag(cloud_auth_tag_t *tag, const cloud_auth_mem_t *mem, const char *site,
                    apr_int64_t account, apr_int64_t epoch, const char *secret)
{
    const apr_int64_t which[2] = { account, epoch };

    cloud_auth_hmac(tag->tag, mem, site, which, sizeof(which), secret);
}

void cloud_auth_tag_elsewhere(cloud_auth_tag_t *tag, const cloud_auth_mem_t *mem, const char *site,
                              apr_int64_t account, apr_int64_t epoch, const char *secret)
{
    /* Numbers of accounts are positive: this is never the tag of a secret that is checked here. */
    cloud_auth_tag(tag, mem, site, -account, epoch, secret);
}

static cloud_auth_entry_t *set_of(const cloud_auth_mem_t *mem, const cloud_auth_tag_t *tag)
{
    apr_uint32_t n;

    memcpy(&n, tag->tag, sizeof(n));
    return mem->entries + (apr_size_t)(n % mem->sets) * CLOUD_AUTH_WAYS;
}

int cloud_auth_cached(cloud_auth_mem_t *mem, const cloud_auth_tag_t *tag, apr_time_t now)
{
    cloud_auth_entry_t *e = set_of(mem, tag);
    int i, found = 0;

    for (i = 0; i < CLOUD_AUTH_WAYS; i++) {
        apr_int64_t expires = __atomic_load_n(&e[i].expires, __ATOMIC_ACQUIRE);

        /* An entry that is being written at this moment is half one tag and half another: that
         * matches nothing. */
        if (CRYPTO_memcmp(e[i].tag, tag->tag, sizeof(tag->tag)) == 0 && expires > now) {
            found = 1;
        }
    }
    return found;
}

void cloud_auth_cache(cloud_auth_mem_t *mem, const cloud_auth_tag_t *tag, apr_time_t expires,
                      apr_time_t now)
{
    cloud_auth_entry_t *e = set_of(mem, tag), *victim = e;
    int i;

    for (i = 0; i < CLOUD_AUTH_WAYS; i++) {
        if (CRYPTO_memcmp(e[i].tag, tag->tag, sizeof(tag->tag)) == 0) {
            victim = &e[i];
            break;
        }
        if (e[i].expires < victim->expires) {
            victim = &e[i];
        }
    }
    __atomic_store_n(&victim->expires, 0, __ATOMIC_RELEASE);
    memcpy(victim->tag, tag->tag, sizeof(tag->tag));
    __atomic_store_n(&victim->expires, expires, __ATOMIC_RELEASE);
}
