/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Signed URLs: what an address says, keys, signatures. */
#include "testutil.h"

#include <string.h>

#include "signedurl.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* As a client signs it with the key 1234567890: http://cloud.example.net/? and the first four */
#define SIGNED "OC-Credential=alice&OC-Date=2019-05-14T11%3A01%3A58.135Z&OC-Expires=1200&OC-Verb=GET"
#define HASH   "f9e53a1ee23caef10f72ec392c1b537317491b687bfdd224c782be197d9ca2b6"
#define ALGO   "&OC-Algo=PBKDF2%2F10000-SHA512"
#define QUERY  SIGNED ALGO "&OC-Signature=" HASH
#define DATE   apr_time_from_sec(1557831718) /* 2019-05-14T11:01:58Z */
#define URL    "http://cloud.example.net/"

static cloud_signed_t s;
static const char *why;

static int parse(const char *query)
{
    return cloud_signed_parse(&s, &why, query, tu.pool);
}

START_TEST(test_parse)
{
    ck_assert(parse(QUERY));
    ck_assert_str_eq(s.credential, "alice");
    ck_assert_str_eq(s.verb, "GET");
    ck_assert_str_eq(s.signature, HASH);
    ck_assert_str_eq(s.query, SIGNED);
    ck_assert_int_eq(s.expires, 1200);
    ck_assert_int_eq(s.date, DATE);
    ck_assert(parse("x=a%20b+c&" SIGNED "&OC-Signature=" HASH "&y"));
    ck_assert_str_eq(s.query, "x=a%20b+c&" SIGNED "&y");
    ck_assert(cloud_signed_is(QUERY));
    ck_assert(cloud_signed_is("OC-Signature="));
    ck_assert(!cloud_signed_is(SIGNED));
    ck_assert(!cloud_signed_is("xOC-Signature=1"));
    ck_assert(!cloud_signed_is(""));
}
END_TEST

static const char *const BAD[] = {
    "",
    "OC-Signature=" HASH,
    "OC-Date=2019-05-14T11%3A01%3A58.135Z&OC-Expires=1200&OC-Verb=GET&OC-Signature=" HASH,
    "OC-Credential=&OC-Date=2019-05-14T11%3A01%3A58Z&OC-Expires=1&OC-Verb=GET&OC-Signature=" HASH,
    "OC-Credential=a&OC-Expires=1200&OC-Verb=GET&OC-Signature=" HASH,
    "OC-Credential=a&OC-Date=2019-05-14T11%3A01%3A58.135Z&OC-Verb=GET&OC-Signature=" HASH,
    "OC-Credential=a&OC-Date=2019-05-14T11%3A01%3A58.135Z&OC-Expires=1200&OC-Signature=" HASH,
    SIGNED,
    SIGNED "&OC-Signature=",
    SIGNED "&OC-Signature=" HASH "0",
    SIGNED "&OC-Signature=G9e53a1ee23caef10f72ec392c1b537317491b687bfdd224c782be197d9ca2b6",
    QUERY "&OC-Signature=" HASH,
    QUERY "&OC-Credential=bob",
    QUERY "&OC-Expires=1200",
    SIGNED "&OC-Algo=PBKDF2%2F1-SHA512&OC-Signature=" HASH,
    SIGNED "&OC-Algo=PBKDF2%2F1000000000-SHA512&OC-Signature=" HASH,
    SIGNED "&OC-Algo=&OC-Signature=" HASH,
    SIGNED "&OC-Algo=SHA512&OC-Signature=" HASH,
    "OC-Credential=%00&OC-Date=2019-05-14T11%3A01%3A58Z&OC-Expires=1&OC-Verb=GET&OC-Signature=" HASH,
    "OC-Credential=%4&OC-Date=2019-05-14T11%3A01%3A58Z&OC-Expires=1&OC-Verb=GET&OC-Signature=" HASH,
    "OC-Credential=%zz&OC-Date=2019-05-14T11%3A01%3A58Z&OC-Expires=1&OC-Verb=GET&OC-Signature=" HASH,
};

START_TEST(test_bad)
{
    int i;

    for (i = 0; i < COUNT(BAD); i++) {
        ck_assert_msg(!parse(BAD[i]), "%s", BAD[i]);
        ck_assert_ptr_nonnull(why);
    }
}
END_TEST

static const struct {
    const char *date, *expires;
    apr_int64_t want; /* seconds; -1: refused */
} TIMES[] = {
    { "2019-05-14T11:01:58Z", "1", 1557831718 },
    { "2019-05-14T11:01:58.999999999Z", "1", 1557831718 },
    { "2019-05-14T13:01:58%2B02:00", "1", 1557831718 },
    { "2019-05-14T13:01:58%2B0200", "1", 1557831718 },
    { "2019-05-14T06:31:58-04:30", "1", 1557831718 },
    { "2019-05-14T11:01:58+02:00", "1", -1 }, /* + is a blank */
    { "2019-05-14T11:01:58", "1", -1 },
    { "2019-05-14 11:01:58Z", "1", -1 },
    { "2019-05-14T11:01Z", "1", -1 },
    { "2019-13-14T11:01:58Z", "1", -1 },
    { "2019-00-14T11:01:58Z", "1", -1 },
    { "2019-05-32T11:01:58Z", "1", -1 },
    { "2019-05-14T24:01:58Z", "1", -1 },
    { "2019-05-14T11:60:58Z", "1", -1 },
    { "2019-05-14T11:01:61Z", "1", -1 },
    { "2019-05-14T11:01:58Zx", "1", -1 },
    { "2019-05-14T11:01:58%2B25:00", "1", -1 },
    { "1557831718", "1", -1 },
    { "now", "1", -1 },
    { "", "1", -1 },
    { "2019-05-14T11:01:58Z", "0", -1 },
    { "2019-05-14T11:01:58Z", "-1", -1 },
    { "2019-05-14T11:01:58Z", "1x", -1 },
    { "2019-05-14T11:01:58Z", "+1", -1 },
    { "2019-05-14T11:01:58Z", "", -1 },
};

START_TEST(test_times)
{
    int i;

    for (i = 0; i < COUNT(TIMES); i++) {
        const char *query = apr_pstrcat(tu.pool, "OC-Credential=a&OC-Verb=GET&OC-Date=",
                                        TIMES[i].date, "&OC-Expires=", TIMES[i].expires,
                                        "&OC-Signature=" HASH, NULL);
        ck_assert_msg(parse(query) == (TIMES[i].want >= 0), "%s", query);
        if (TIMES[i].want >= 0) ck_assert_int_eq(apr_time_sec(s.date), TIMES[i].want);
    }
}
END_TEST

static const struct {
    const char *verb, *method;
    apr_int64_t expires, at; /* s, from the date on */
    int good;
} CURRENT[] = {
    { "GET", "GET", 1200, 0, 1 },      { "GET", "GET", 1200, 1199, 1 },
    { "GET", "GET", 1200, 1200, 0 },   { "GET", "GET", 3600, 3599, 1 },
    { "GET", "GET", 3601, 0, 0 },      { "GET", "GET", APR_INT64_MAX, 0, 0 },
    { "GET", "GET", 1200, -300, 1 },   { "GET", "GET", 1200, -301, 0 },
    { "get", "GET", 1200, 0, 1 },      { "GET", "HEAD", 1200, 0, 1 },
    { "HEAD", "HEAD", 1200, 0, 1 },    { "HEAD", "GET", 1200, 0, 0 },
    { "GET", "PUT", 1200, 0, 0 },      { "PUT", "PUT", 1200, 0, 0 },
    { "DELETE", "DELETE", 1200, 0, 0 }, { "PUT", "GET", 1200, 0, 0 },
    { "GET", "PROPFIND", 1200, 0, 0 }, { "PROPFIND", "PROPFIND", 1200, 0, 0 },
    { "GET", "POST", 1200, 0, 0 },     { "", "GET", 1200, 0, 0 },
};

START_TEST(test_current)
{
    int i;

    for (i = 0; i < COUNT(CURRENT); i++) {
        ck_assert(parse(QUERY));
        s.verb = CURRENT[i].verb;
        s.expires = CURRENT[i].expires;
        ck_assert_msg(cloud_signed_current(&s, &why, CURRENT[i].method,
                                           DATE + apr_time_from_sec(CURRENT[i].at))
                          == CURRENT[i].good,
                      "case %d", i);
        ck_assert_int_eq(why == NULL, CURRENT[i].good);
    }
}
END_TEST

START_TEST(test_fits)
{
    ck_assert(parse(QUERY));
    ck_assert(cloud_signed_fits(&s, URL, "1234567890", tu.pool));
    ck_assert(!cloud_signed_fits(&s, URL, "1234567891", tu.pool));
    ck_assert(!cloud_signed_fits(&s, URL "x", "1234567890", tu.pool));
    ck_assert(!cloud_signed_fits(&s, "https://cloud.example.net/", "1234567890", tu.pool));
    s.query = SIGNED "&x=y";
    ck_assert(!cloud_signed_fits(&s, URL, "1234567890", tu.pool));
}
END_TEST

/* Where no key was ever made no signature is right, not even one made with the empty key. */
START_TEST(test_no_key)
{
    ck_assert(parse(SIGNED "&OC-Signature="
                    "ef7f6de9d0b65fb72d728d79965aae130b40763d5729654810ea7deffe550cf3"));
    ck_assert(cloud_signed_fits(&s, URL, "", tu.pool));
    ck_assert(!cloud_signed_fits(&s, URL, NULL, tu.pool));
}
END_TEST

START_TEST(test_mask)
{
    ck_assert_str_eq(cloud_signed_mask("GET /x?a=b HTTP/1.1", tu.pool), "GET /x?a=b HTTP/1.1");
    ck_assert_str_eq(cloud_signed_mask("GET /x?OC-Signature=abc&a=b HTTP/1.1", tu.pool),
                     "GET /x?OC-Signature=***&a=b HTTP/1.1");
    ck_assert_str_eq(cloud_signed_mask("GET /x?a=b&OC-Signature=abc HTTP/1.1", tu.pool),
                     "GET /x?a=b&OC-Signature=*** HTTP/1.1");
    ck_assert_str_eq(cloud_signed_mask("OC-Signature=abc&OC-Signature=d", tu.pool),
                     "OC-Signature=***&OC-Signature=*");
    ck_assert_str_eq(cloud_signed_mask("OC-Signature=", tu.pool), "OC-Signature=");
}
END_TEST

/* ---- keys ---- */

static cloud_account_t *alice, *bob;

static void setup(void)
{
    cloud_feature_register(&cloud_signedurl_feature);
    tu_store();
    alice = tu_account("alice");
    bob = tu_account("bob");
}

static void teardown(void)
{
    cloud_feature_unregister(&cloud_signedurl_feature);
}

static const char *key_of(const cloud_account_t *account)
{
    const char *key;

    OK(cloud_signing_key_get(&key, tu_as(NULL), account, tu.pool));
    return key;
}

static const char *ask(const cloud_account_t *account)
{
    const char *key;

    OK(cloud_signing_key(&key, tu_as(account), apr_time_now(), tu.pool));
    ck_assert_uint_eq(strlen(key), 64);
    return key;
}

START_TEST(test_key)
{
    const char *key, *none;

    ck_assert_ptr_null(key_of(alice)); /* CVE-2023-49105: there was one, and it was empty */
    FAILS(cloud_signing_key(&none, tu_as(NULL), 0, tu.pool), DENIED);
    key = ask(alice);
    ck_assert_str_eq(key_of(alice), key);
    ck_assert_str_eq(ask(alice), key);
    ck_assert_ptr_null(key_of(bob));
    ck_assert_str_ne(ask(bob), key);
    tu_reopen();
    ck_assert_str_eq(key_of(alice), key);
}
END_TEST

#define LATER (apr_time_now() + apr_time_from_sec(60))

/* By a secret of alice's, in a request that began then. */
static cloud_err_t *ask_by(const char **key, const char *client, apr_time_t since)
{
    cloud_ctx_t *ctx = tu_as(alice);

    ctx->who.client = client;
    return cloud_signing_key(key, ctx, since, tu.pool);
}

START_TEST(test_key_ends_with_a_secret)
{
    const char *key, *phone, *secret;

    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "laptop", tu.pool));
    OK(cloud_apppass_create(&secret, tu.ctx, "bob", "phone", tu.pool));
    key = ask(alice);
    OK(ask_by(&phone, "phone", LATER));
    ck_assert_str_eq(phone, key);
    OK(cloud_apppass_revoke(tu.ctx, "alice", "laptop")); /* it never had the key */
    OK(cloud_apppass_revoke(tu.ctx, "bob", "phone"));
    ck_assert_str_eq(key_of(alice), key);
    OK(cloud_apppass_revoke(tu.ctx, "alice", "phone"));
    ck_assert_ptr_null(key_of(alice));
    ck_assert_str_ne(ask(alice), key);
    key = key_of(alice);
    /* Its request was still under way. */
    FAILS(ask_by(&phone, "phone", apr_time_now()), UNAUTHORIZED);
    FAILS(ask_by(&phone, "phone", 0), UNAUTHORIZED);
    ck_assert_str_eq(key_of(alice), key);
    /* Another one of the same name; and one whose account has had another key since. */
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    OK(ask_by(&phone, "phone", LATER));
    ck_assert_str_eq(phone, key);
    OK(cloud_signing_key_renew(tu.ctx, "alice"));
    key = key_of(alice);
    OK(cloud_apppass_revoke(tu.ctx, "alice", "phone"));
    ck_assert_str_eq(key_of(alice), key);
    tu_exec("UPDATE signing_key_holder SET revoked = 1");
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "tablet", tu.pool));
    OK(cloud_apppass_revoke(tu.ctx, "alice", "tablet"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM signing_key_holder h JOIN account a"
                                  " ON a.number = h.account WHERE a.id = 'alice'"), 1);
}
END_TEST

START_TEST(test_key_ends)
{
    const char *key = ask(alice), *next;

    FAILS(cloud_signing_key_renew(tu_as(alice), "alice"), DENIED);
    FAILS(cloud_signing_key_renew(tu.ctx, "bob"), NOT_FOUND);
    FAILS(cloud_signing_key_renew(tu.ctx, "nobody"), NOT_FOUND);
    OK(cloud_signing_key_renew(tu.ctx, "alice"));
    next = key_of(alice);
    ck_assert_str_ne(next, key);
    OK(cloud_account_set_password(tu.ctx, "alice", "another"));
    ck_assert_ptr_null(key_of(alice));
    ck_assert_str_ne(ask(alice), next);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    ck_assert_ptr_null(key_of(alice));
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM signing_key"), 0);
}
END_TEST

Suite *suite_signedurl(void)
{
    Suite *suite = suite_create("signedurl");
    TCase *tc = tu_case(suite, "text", tu_pool);

    tcase_add_test(tc, test_parse);
    tcase_add_test(tc, test_bad);
    tcase_add_test(tc, test_times);
    tcase_add_test(tc, test_current);
    tcase_add_test(tc, test_fits);
    tcase_add_test(tc, test_no_key);
    tcase_add_test(tc, test_mask);

    tc = tu_case(suite, "keys", setup);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, test_key);
    tcase_add_test(tc, test_key_ends);
    tcase_add_test(tc, test_key_ends_with_a_secret);
    return suite;
}
