/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <string.h>

#include "digest.h"

#define ALL (CLOUD_DIGEST_DEFAULT | CLOUD_DIGEST_SHA256)

/* FIPS 180, RFC 1321, RFC 1950. */
static const struct {
    const char *text;
    int repeat;
    const char *sums;
} vectors[] = {
    { "", 1,
      "SHA1:da39a3ee5e6b4b0d3255bfef95601890afd80709 MD5:d41d8cd98f00b204e9800998ecf8427e"
      " ADLER32:00000001"
      " SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", 1,
      "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d MD5:900150983cd24fb0d6963f7d28e17f72"
      " ADLER32:024d0127"
      " SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "SHA1:84983e441c3bd26ebaae4aa1f95129e5e54670f1 MD5:8215ef0796a20bcaaae116d3876c664a"
      " ADLER32:807416f9"
      " SHA256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    { "aaaaaaaaaa", 100000,
      "SHA1:34aa973cd4c4daa4f61eeb2bdbad27316534016f MD5:7707d6ae4e027c70eea2a935c2296f21"
      " ADLER32:15d870f9"
      " SHA256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

START_TEST(test_vectors)
{
    cloud_digest_t *d = cloud_digest_create(ALL, tu.pool);

    for (int i = 0; i < vectors[_i].repeat; i++)
        cloud_digest_update(d, vectors[_i].text, strlen(vectors[_i].text));
    ck_assert_str_eq(cloud_sums_text(cloud_digest_final(d, tu.pool), 0, tu.pool),
                     vectors[_i].sums);
}
END_TEST

static cloud_sums_t sums_of(unsigned types, const void *data, size_t len)
{
    cloud_digest_t *d = cloud_digest_create(types, tu.pool);

    cloud_digest_update(d, data, len);
    return cloud_digest_final(d, tu.pool);
}

static unsigned char *noise(size_t len)
{
    unsigned char *data = apr_palloc(tu.pool, len);
    apr_uint32_t x = 12345;

    for (size_t i = 0; i < len; i++) {
        x = x * 1103515245u + 12345u;
        data[i] = (unsigned char)(x >> 16);
    }
    return data;
}

/* Kept after each number of bytes and taken up again, the hash comes out the same. */
START_TEST(test_save_at_every_split)
{
    enum { LEN = 300 };
    unsigned char *data = noise(LEN);
    cloud_sums_t want = sums_of(ALL, data, LEN);

    for (size_t at = 0; at <= LEN; at++) {
        cloud_digest_t *d = cloud_digest_create(ALL, tu.pool), *again;
        const void *blob;
        apr_size_t len;
        cloud_digest_update(d, data, at);
        cloud_digest_save(d, &blob, &len, tu.pool);
        again = cloud_digest_load(apr_pmemdup(tu.pool, blob, len), len, tu.pool);
        ck_assert_ptr_nonnull(again);
        cloud_digest_update(again, data + at, LEN - at);
        cloud_sums_t got = cloud_digest_final(again, tu.pool);
        ck_assert_uint_eq(got.len, want.len);
        ck_assert_mem_eq(got.data, want.data, want.len);
        /* Saving takes nothing away from the running one. */
        cloud_digest_update(d, data + at, LEN - at);
        got = cloud_digest_final(d, tu.pool);
        ck_assert_mem_eq(got.data, want.data, want.len);
    }
}
END_TEST

START_TEST(test_pieces)
{
    enum { LEN = 200000 };
    static const size_t steps[] = { 1, 63, 64, 65, 5552, 16383, 16384, 16385, 100000 };
    unsigned char *data = noise(LEN);
    cloud_sums_t want = sums_of(ALL, data, LEN);

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        cloud_digest_t *d = cloud_digest_create(ALL, tu.pool);
        for (size_t at = 0; at < LEN; at += steps[i])
            cloud_digest_update(d, data + at, LEN - at < steps[i] ? LEN - at : steps[i]);
        cloud_sums_t got = cloud_digest_final(d, tu.pool);
        ck_assert_mem_eq(got.data, want.data, want.len);
    }
}
END_TEST

/* A state that is not exactly ours is never gone on with. */
START_TEST(test_load_refuses)
{
    cloud_digest_t *d = cloud_digest_create(ALL, tu.pool);
    const void *blob;
    apr_size_t len;

    cloud_digest_update(d, "abc", 3);
    cloud_digest_save(d, &blob, &len, tu.pool);
    ck_assert_ptr_null(cloud_digest_load(NULL, 0, tu.pool));
    ck_assert_ptr_null(cloud_digest_load(blob, len - 1, tu.pool));
    ck_assert_ptr_null(cloud_digest_load(blob, 0, tu.pool));
    for (apr_size_t i = 0; i < len; i++) {
        unsigned char *copy = apr_pmemdup(tu.pool, blob, len);
        copy[i] ^= 0x40;
        ck_assert_msg(!cloud_digest_load(copy, len, tu.pool), "byte %d of the state was changed",
                      (int)i);
    }
}
END_TEST

START_TEST(test_text)
{
    cloud_sums_t sums = sums_of(ALL, "abc", 3), none = { NULL, 0 };

    ck_assert_str_eq(cloud_sums_text(sums, CLOUD_DIGEST_SHA1, tu.pool),
                     "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d");
    ck_assert_str_eq(cloud_sums_text(sums, CLOUD_DIGEST_MD5 | CLOUD_DIGEST_ADLER32, tu.pool),
                     "MD5:900150983cd24fb0d6963f7d28e17f72 ADLER32:024d0127");
    ck_assert_ptr_null(cloud_sums_text(none, 0, tu.pool));
    sums = sums_of(CLOUD_DIGEST_MD5, "abc", 3);
    ck_assert_ptr_null(cloud_sums_text(sums, CLOUD_DIGEST_SHA1, tu.pool));
    ck_assert_str_eq(cloud_sums_text(sums, 0, tu.pool), "MD5:900150983cd24fb0d6963f7d28e17f72");
    /* A damaged blob shows what can still be trusted, and is read no further than it goes. */
    sums = sums_of(CLOUD_DIGEST_DEFAULT, "abc", 3);
    sums.len = 21 + 5;
    sums.data = apr_pmemdup(tu.pool, sums.data, sums.len);
    ck_assert_str_eq(cloud_sums_text(sums, 0, tu.pool),
                     "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d");
}
END_TEST

static const struct {
    const char *header, *canonical;
    unsigned types;
} headers[] = {
    { "", NULL, 0 },
    { "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d",
      "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d", CLOUD_DIGEST_SHA1 },
    { "sha1:A9993E364706816ABA3E25717850C26C9CD0D89D",
      "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d", CLOUD_DIGEST_SHA1 },
    { "Adler32:024d0127", "ADLER32:024d0127", CLOUD_DIGEST_ADLER32 },
    { "Adler32:24d0127", "ADLER32:024d0127", CLOUD_DIGEST_ADLER32 },
    { "Adler32:1", "ADLER32:00000001", CLOUD_DIGEST_ADLER32 },
    { "ADLER32:024d0127 MD5:900150983cd24fb0d6963f7d28e17f72",
      "MD5:900150983cd24fb0d6963f7d28e17f72 ADLER32:024d0127",
      CLOUD_DIGEST_ADLER32 | CLOUD_DIGEST_MD5 },
    { " MD5:900150983cd24fb0d6963f7d28e17f72 , ADLER32:024d0127,",
      "MD5:900150983cd24fb0d6963f7d28e17f72 ADLER32:024d0127",
      CLOUD_DIGEST_ADLER32 | CLOUD_DIGEST_MD5 },
    { "SHA3-256:00ff", NULL, 0 },
    { "SHA3-256:00ff MD5:900150983cd24fb0d6963f7d28e17f72",
      "MD5:900150983cd24fb0d6963f7d28e17f72", CLOUD_DIGEST_MD5 },
    { "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      CLOUD_DIGEST_SHA256 },
};

START_TEST(test_parse)
{
    const char *text;
    cloud_sums_t sums;
    unsigned types;

    OK(cloud_sums_parse(&sums, &types, headers[_i].header, tu.pool));
    ck_assert_uint_eq(types, headers[_i].types);
    text = cloud_sums_text(sums, 0, tu.pool);
    if (headers[_i].canonical) ck_assert_str_eq(text, headers[_i].canonical);
    else ck_assert_ptr_null(text);
}
END_TEST

static const char *const malformed[] = {
    "garbage",
    "SHA1:",
    "SHA1",
    ":a9993e364706816aba3e25717850c26c9cd0d89d",
    "SHA1:a9993e364706816aba3e25717850c26c9cd0d89",
    "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d0",
    "SHA1:g9993e364706816aba3e25717850c26c9cd0d89d",
    "MD5:900150983cd24fb0d6963f7d28e17f7",
    "ADLER32:024d01277",
    "ADLER32:x",
    "MD5:900150983cd24fb0d6963f7d28e17f72 SHA1:zz",
};

START_TEST(test_parse_refuses)
{
    cloud_sums_t sums;
    unsigned types;

    FAILS(cloud_sums_parse(&sums, &types, malformed[_i], tu.pool), INVALID);
}
END_TEST

START_TEST(test_match)
{
    cloud_sums_t all = sums_of(CLOUD_DIGEST_DEFAULT, "abc", 3);
    cloud_sums_t other = sums_of(CLOUD_DIGEST_DEFAULT, "abd", 3);
    cloud_sums_t md5 = sums_of(CLOUD_DIGEST_MD5, "abc", 3);
    cloud_sums_t sha256 = sums_of(CLOUD_DIGEST_SHA256, "abc", 3), none = { NULL, 0 };

    ck_assert_int_eq(cloud_sums_match(all, all), 1);
    ck_assert_int_eq(cloud_sums_match(all, md5), 1);
    ck_assert_int_eq(cloud_sums_match(md5, all), 1);
    ck_assert_int_eq(cloud_sums_match(all, other), 0);
    ck_assert_int_eq(cloud_sums_match(other, md5), 0);
    ck_assert_int_eq(cloud_sums_match(all, sha256), -1);
    ck_assert_int_eq(cloud_sums_match(all, none), -1);
    ck_assert_int_eq(cloud_sums_match(none, none), -1);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

Suite *suite_digest(void)
{
    Suite *s = suite_create("digest");
    TCase *tc = tu_case(s, "digest", tu_pool);

    tcase_add_loop_test(tc, test_vectors, 0, COUNT(vectors));
    tcase_add_test(tc, test_save_at_every_split);
    tcase_add_test(tc, test_pieces);
    tcase_add_test(tc, test_load_refuses);
    tcase_add_test(tc, test_text);
    tcase_add_loop_test(tc, test_parse, 0, COUNT(headers));
    tcase_add_loop_test(tc, test_parse_refuses, 0, COUNT(malformed));
    tcase_add_test(tc, test_match);
    return s;
}
