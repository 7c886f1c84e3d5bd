/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file cache.c
 * Verified secrets. A password hash is slow by design; it is paid once in some minutes. What is
 * kept is a hash under a key that exists only in this memory. A change of the password changes the
 * account's epoch, which is part of the hash: old entries then match nothing.
 */
#include "auth.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define ALIGN(n) APR_ALIGN((n), 64)
#define HASH     32 /* bytes of SHA-256 */
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

void cloud_auth_hmac(unsigned char *out, const cloud_auth_mem_t *mem, const char *site,
                     const void *middle, apr_size_t len, const char *text)
{
    unsigned char in[HASH + CLOUD_AUTH_MIDDLE + HASH] = { 0 };

    /* Fixed lengths, so that no two different inputs are the same bytes. */
    EVP_Digest(site, strlen(site), in, NULL, EVP_sha256(), NULL);
    memcpy(in + HASH, middle, len);
    EVP_Digest(text, strlen(text), in + HASH + CLOUD_AUTH_MIDDLE, NULL, EVP_sha256(), NULL);
    HMAC(EVP_sha256(), mem->key, sizeof(mem->key), in, sizeof(in), out, NULL);
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
