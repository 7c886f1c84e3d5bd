/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Checksums of content. The low-level contexts of OpenSSL are used on purpose, although it calls
 * them deprecated: they are plain memory, so that a running hash can be kept in a row between two
 * chunks of an upload. They run the same assembler (SHA-NI where the processor has it) as the EVP
 * interface. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"

#include <string.h>
#include <strings.h>
#include <openssl/md5.h>
#include <openssl/opensslv.h>
#include <openssl/sha.h>
#include <zlib.h>

#include "names.h"

/* Each piece passes through all hashes while it is in the processor's first cache. */
#define PIECE 16384
#define VALUE_MAX 32

struct cloud_digest_t {
    unsigned types;
    apr_uint32_t adler;
    SHA_CTX sha1;
    MD5_CTX md5;
    SHA256_CTX sha256;
};

/* All types, in the order in which they are stored and shown. */
static const struct {
    unsigned type;
    apr_size_t len;
    const char *name;
} KINDS[] = {
    { CLOUD_DIGEST_SHA1, 20, "SHA1" },
    { CLOUD_DIGEST_MD5, 16, "MD5" },
    { CLOUD_DIGEST_ADLER32, 4, "ADLER32" },
    { CLOUD_DIGEST_SHA256, 32, "SHA256" },
};
#define NKINDS ((int)(sizeof KINDS / sizeof *KINDS))

cloud_digest_t *cloud_digest_create(unsigned types, apr_pool_t *pool)
{
    cloud_digest_t *d = apr_pcalloc(pool, sizeof *d);

    d->types = types;
    d->adler = 1;
    if (types & CLOUD_DIGEST_SHA1) SHA1_Init(&d->sha1);
    if (types & CLOUD_DIGEST_MD5) MD5_Init(&d->md5);
    if (types & CLOUD_DIGEST_SHA256) SHA256_Init(&d->sha256);
    return d;
}

void cloud_digest_update(cloud_digest_t *d, const void *data, apr_size_t len)
{
    const unsigned char *p = data;

    while (len > 0) {
        apr_size_t n = len < PIECE ? len : PIECE;
        if (d->types & CLOUD_DIGEST_SHA1) SHA1_Update(&d->sha1, p, n);
        if (d->types & CLOUD_DIGEST_MD5) MD5_Update(&d->md5, p, n);
        if (d->types & CLOUD_DIGEST_SHA256) SHA256_Update(&d->sha256, p, n);
        if (d->types & CLOUD_DIGEST_ADLER32)
            d->adler = (apr_uint32_t)adler32(d->adler, p, (uInt)n);
        p += n;
        len -= n;
    }
}

static void finish(cloud_digest_t *d, unsigned type, unsigned char *out)
{
    switch (type) {
    case CLOUD_DIGEST_SHA1:
        SHA1_Final(out, &d->sha1);
        break;
    case CLOUD_DIGEST_MD5:
        MD5_Final(out, &d->md5);
        break;
    case CLOUD_DIGEST_SHA256:
        SHA256_Final(out, &d->sha256);
        break;
    case CLOUD_DIGEST_ADLER32:
        out[0] = (unsigned char)(d->adler >> 24);
        out[1] = (unsigned char)(d->adler >> 16);
        out[2] = (unsigned char)(d->adler >> 8);
        out[3] = (unsigned char)d->adler;
        break;
    }
}

/* Values by kind, NULL where there is none. */
typedef struct {
    const unsigned char *value[sizeof KINDS / sizeof *KINDS];
} values_t;

static cloud_sums_t pack(const values_t *values, apr_pool_t *pool)
{
    unsigned char *blob = apr_palloc(pool, NKINDS * (1 + VALUE_MAX)), *p = blob;
    cloud_sums_t sums;
    int i;

    for (i = 0; i < NKINDS; i++) {
        if (!values->value[i]) continue;
        *p++ = (unsigned char)KINDS[i].type;
        memcpy(p, values->value[i], KINDS[i].len);
        p += KINDS[i].len;
    }
    sums.data = blob;
    sums.len = (apr_size_t)(p - blob);
    return sums;
}

/* Stops at what it does not know: a blob of a later version, or a damaged one. */
static values_t unpack(cloud_sums_t sums)
{
    values_t values = { { NULL } };
    apr_size_t at = 0;

    while (at < sums.len) {
        int i = 0;
        while (i < NKINDS && KINDS[i].type != sums.data[at]) i++;
        if (i == NKINDS || sums.len - at - 1 < KINDS[i].len) break;
        values.value[i] = sums.data + at + 1;
        at += 1 + KINDS[i].len;
    }
    return values;
}

cloud_sums_t cloud_digest_final(cloud_digest_t *d, apr_pool_t *pool)
{
    unsigned char out[sizeof KINDS / sizeof *KINDS][VALUE_MAX];
    values_t values = { { NULL } };
    int i;

    for (i = 0; i < NKINDS; i++) {
        if (!(d->types & KINDS[i].type)) continue;
        finish(d, KINDS[i].type, out[i]);
        values.value[i] = out[i];
    }
    return pack(&values, pool);
}

/* ---- the running state ---- */

/* The layout belongs to this build and to this version of OpenSSL. check guards against a blob that
 * was cut or mixed up: to go on with a wrong state would give a wrong checksum for good. */
typedef struct {
    apr_uint32_t magic;
    apr_uint32_t openssl;
    apr_uint32_t size;
    apr_uint32_t check;
    cloud_digest_t state;
} saved_t;

#define SAVED_MAGIC 0x636c6469u
#define SAVED_OPENSSL ((apr_uint32_t)(OPENSSL_VERSION_NUMBER >> 20))

static apr_uint32_t state_check(const cloud_digest_t *d)
{
    return (apr_uint32_t)crc32(0, (const unsigned char *)d, sizeof *d);
}

void cloud_digest_save(const cloud_digest_t *d, const void **blob, apr_size_t *len,
                       apr_pool_t *pool)
{
    saved_t *s = apr_pcalloc(pool, sizeof *s);

    s->magic = SAVED_MAGIC;
    s->openssl = SAVED_OPENSSL;
    s->size = sizeof *s;
    memcpy(&s->state, d, sizeof *d);
    s->check = state_check(&s->state);
    *blob = s;
    *len = sizeof *s;
}

cloud_digest_t *cloud_digest_load(const void *blob, apr_size_t len, apr_pool_t *pool)
{
    cloud_digest_t *d;
    saved_t s;

    if (!blob || len != sizeof s) return NULL;
    memcpy(&s, blob, sizeof s);
    if (s.magic != SAVED_MAGIC || s.openssl != SAVED_OPENSSL || s.size != sizeof s
        || s.check != state_check(&s.state))
        return NULL;
    d = apr_palloc(pool, sizeof *d);
    memcpy(d, &s.state, sizeof *d);
    return d;
}

/* ---- text ---- */

static char *put_hex(char *out, const unsigned char *data, apr_size_t len)
{
    static const char hex[] = "0123456789abcdef";
    apr_size_t i;

    for (i = 0; i < len; i++) {
        *out++ = hex[data[i] >> 4];
        *out++ = hex[data[i] & 15];
    }
    return out;
}

const char *cloud_sums_text(cloud_sums_t sums, unsigned types, apr_pool_t *pool)
{
    char text[NKINDS * (10 + 2 * VALUE_MAX)], *p = text;
    values_t values = unpack(sums);
    int i;

    for (i = 0; i < NKINDS; i++) {
        apr_size_t n = strlen(KINDS[i].name);
        if (!values.value[i] || (types && !(types & KINDS[i].type))) continue;
        if (p > text) *p++ = ' ';
        memcpy(p, KINDS[i].name, n);
        p += n;
        *p++ = ':';
        p = put_hex(p, values.value[i], KINDS[i].len);
    }
    return p > text ? apr_pstrmemdup(pool, text, (apr_size_t)(p - text)) : NULL;
}

/* digits of hexadecimal into exactly len bytes, from the right; shorter is only for ADLER32, which
 * clients send as a number without leading zeros. */
static int get_hex(unsigned char *out, apr_size_t len, const char *text, apr_size_t digits,
                   int shorter)
{
    apr_size_t i;

    if (digits == 0 || digits > 2 * len || (digits < 2 * len && !shorter)) return 0;
    memset(out, 0, len);
    for (i = 0; i < digits; i++) {
        apr_size_t nibble = 2 * len - digits + i;
        int v = cloud_hex_digit(text[i]);
        if (v < 0) return 0;
        out[nibble / 2] |= (unsigned char)(nibble % 2 ? v : v << 4);
    }
    return 1;
}

static cloud_err_t *malformed(apr_pool_t *pool)
{
    return cloud_err(pool, CLOUD_E_INVALID, "%s", cloud_err_info(CLOUD_E_CHECKSUM)->msg);
}

cloud_err_t *cloud_sums_parse(cloud_sums_t *sums, unsigned *types, const char *text,
                              apr_pool_t *pool)
{
    unsigned char out[sizeof KINDS / sizeof *KINDS][VALUE_MAX];
    values_t values = { { NULL } };

    sums->data = NULL;
    sums->len = 0;
    *types = 0;
    while (*(text += strspn(text, " \t,"))) {
        apr_size_t len = strcspn(text, " \t,");
        const char *colon = memchr(text, ':', len);
        apr_size_t name = colon ? (apr_size_t)(colon - text) : 0;
        int i = 0;
        if (name == 0) return malformed(pool);
        while (i < NKINDS
               && (strlen(KINDS[i].name) != name
                   || strncasecmp(text, KINDS[i].name, name) != 0))
            i++;
        if (i < NKINDS) {
            if (!get_hex(out[i], KINDS[i].len, colon + 1, len - name - 1,
                         KINDS[i].type == CLOUD_DIGEST_ADLER32))
                return malformed(pool);
            values.value[i] = out[i];
            *types |= KINDS[i].type;
        }
        text += len;
    }
    *sums = pack(&values, pool);
    return NULL;
}

int cloud_sums_match(cloud_sums_t a, cloud_sums_t b)
{
    values_t va = unpack(a), vb = unpack(b);
    int i, common = 0;

    for (i = 0; i < NKINDS; i++) {
        if (!va.value[i] || !vb.value[i]) continue;
        if (memcmp(va.value[i], vb.value[i], KINDS[i].len) != 0) return 0;
        common = 1;
    }
    return common ? 1 : -1;
}
