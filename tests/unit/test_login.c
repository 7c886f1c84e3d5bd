/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What mod_authn_cloud remembers: verified secrets and failures. */
#include "testutil.h"

#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth.h"

#define ENTRIES 64
#define NOW     apr_time_from_sec(1000000)
#define SEC(n)  apr_time_from_sec(n)

static const cloud_throttle_conf_t LIMITS = { 3, apr_time_from_sec(60), apr_time_from_sec(100) };

static cloud_auth_mem_t *memory(void)
{
    apr_size_t size = cloud_auth_mem_size(ENTRIES);

    return cloud_auth_mem_init(apr_pcalloc(tu.pool, size), ENTRIES);
}

static cloud_auth_tag_t tag_of(const cloud_auth_mem_t *mem, apr_int64_t account, apr_int64_t epoch,
                               const char *secret)
{
    cloud_auth_tag_t tag;

    cloud_auth_tag(&tag, mem, "/data", account, epoch, secret);
    return tag;
}

static int same(cloud_auth_tag_t a, cloud_auth_tag_t b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* ---- verified secrets ---- */

START_TEST(test_tags_differ)
{
    cloud_auth_mem_t *mem = memory(), *other = memory();
    cloud_auth_tag_t tag = tag_of(mem, 1, 2, "secret"), elsewhere;

    ck_assert(same(tag, tag_of(mem, 1, 2, "secret")));
    ck_assert(!same(tag, tag_of(mem, 2, 2, "secret")));
    ck_assert(!same(tag, tag_of(mem, 1, 3, "secret")));
    ck_assert(!same(tag, tag_of(mem, 1, 2, "secret ")));
    ck_assert(!same(tag, tag_of(other, 1, 2, "secret")));
    cloud_auth_tag(&elsewhere, mem, "/other", 1, 2, "secret");
    ck_assert(!same(tag, elsewhere));
    /* What another provider accepted never passes for what was verified here */
    cloud_auth_tag_elsewhere(&elsewhere, mem, "/data", 1, 2, "secret");
    ck_assert(!same(tag, elsewhere));
    ck_assert_ptr_null(memmem(mem, cloud_auth_mem_size(ENTRIES), "secret", 6));
}
END_TEST

/* The keyed hash is HMAC-SHA-256 (RFC 2104), as OpenSSL has it. */
START_TEST(test_hmac)
{
    cloud_auth_mem_t *mem = memory();
    unsigned char in[32 + CLOUD_AUTH_MIDDLE + 32] = {0}, want[32], got[32];
    const char middle[] = "middle";

    EVP_Digest("site", 4, in, NULL, EVP_sha256(), NULL);
    memcpy(in + 32, middle, sizeof middle);
    EVP_Digest("", 0, in + 32 + CLOUD_AUTH_MIDDLE, NULL, EVP_sha256(), NULL);
    HMAC(EVP_sha256(), mem->key, sizeof mem->key, in, sizeof in, want, NULL);
    cloud_auth_hmac(got, mem, "site", middle, sizeof middle, "");
    ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

START_TEST(test_cache)
{
    cloud_auth_mem_t *mem = memory();
    cloud_auth_tag_t tag = tag_of(mem, 1, 2, "secret"), wrong = tag_of(mem, 1, 2, "wrong");

    ck_assert(!cloud_auth_cached(mem, &tag, NOW));
    cloud_auth_cache(mem, &tag, NOW + SEC(10), NOW);
    ck_assert(cloud_auth_cached(mem, &tag, NOW));
    ck_assert(cloud_auth_cached(mem, &tag, NOW + SEC(9)));
    ck_assert(!cloud_auth_cached(mem, &tag, NOW + SEC(10)));
    ck_assert(!cloud_auth_cached(mem, &wrong, NOW));
    cloud_auth_cache(mem, &tag, NOW + SEC(20), NOW);
    ck_assert(cloud_auth_cached(mem, &tag, NOW + SEC(15)));
}
END_TEST

/* A zeroed table must not take anything for known. */
START_TEST(test_empty_cache)
{
    cloud_auth_mem_t *mem = memory();
    cloud_auth_tag_t zero = { { 0 } };

    ck_assert(!cloud_auth_cached(mem, &zero, NOW));
}
END_TEST

/* More than fit: the newest are there, and nothing is made up. */
START_TEST(test_full_cache)
{
    cloud_auth_mem_t *mem = memory();
    int i, known = 0;

    for (i = 0; i < 10 * ENTRIES; i++) {
        cloud_auth_tag_t tag = tag_of(mem, i, 1, "secret");

        cloud_auth_cache(mem, &tag, NOW + SEC(1000 + i), NOW);
        ck_assert(cloud_auth_cached(mem, &tag, NOW));
    }
    for (i = 0; i < 20 * ENTRIES; i++) {
        cloud_auth_tag_t tag = tag_of(mem, i, 1, "secret");
        int cached = cloud_auth_cached(mem, &tag, NOW);

        ck_assert(!cached || i < 10 * ENTRIES);
        known += cached;
    }
    ck_assert_int_gt(known, ENTRIES / 2);
    ck_assert_int_le(known, ENTRIES);
}
END_TEST

START_TEST(test_kept_over_a_restart)
{
    cloud_auth_mem_t *mem = memory();
    cloud_auth_tag_t tag = tag_of(mem, 1, 2, "secret");

    cloud_auth_cache(mem, &tag, NOW + SEC(10), NOW);
    ck_assert_ptr_eq(cloud_auth_mem_again(mem, ENTRIES), mem);
    ck_assert(cloud_auth_cached(mem, &tag, NOW));
    ck_assert_ptr_null(cloud_auth_mem_again(mem, 2 * ENTRIES));
    mem->layout++;
    ck_assert_ptr_null(cloud_auth_mem_again(mem, ENTRIES));
}
END_TEST

/* ---- failures ---- */

static cloud_throttle_t throttle(cloud_auth_mem_t *mem, const char *user, const char *address)
{
    cloud_throttle_t t;

    cloud_throttle_init(&t, mem, &LIMITS, "/data", "", user, address);
    return t;
}

static void note(const cloud_throttle_t *t, const char *secret, apr_time_t now)
{
    cloud_auth_tag_t tag = tag_of(t->mem, 1, 1, secret);

    cloud_throttle_failed(t, &tag, now);
}

START_TEST(test_delay_doubles)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t = throttle(mem, "alice", "192.0.2.1");
    apr_time_t now = NOW;
    apr_interval_time_t want = SEC(1);
    int i;

    note(&t, "a", now);
    note(&t, "b", now);
    ck_assert_int_eq(cloud_throttle_wait(&t, now), 0);
    for (i = 0; i < 12; i++) {
        note(&t, apr_itoa(tu.pool, i), now);
        ck_assert_int_eq(cloud_throttle_wait(&t, now), want);
        now += want;
        ck_assert_int_eq(cloud_throttle_wait(&t, now), 0);
        want = want * 2 < LIMITS.longest ? want * 2 : LIMITS.longest;
    }
    ck_assert_int_eq(want, LIMITS.longest);
}
END_TEST

START_TEST(test_repeats_do_not_count)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t = throttle(mem, "alice", "192.0.2.1");
    cloud_auth_tag_t tag = tag_of(mem, 1, 1, "stale"), changed = tag_of(mem, 1, 2, "stale");
    int i;

    ck_assert(!cloud_throttle_known(&t, &tag, NOW));
    for (i = 0; i < 100; i++)
        note(&t, i % 2 ? "stale" : "typo", NOW + SEC(i));
    ck_assert_int_eq(cloud_throttle_wait(&t, NOW + SEC(99)), 0);
    ck_assert(cloud_throttle_known(&t, &tag, NOW + SEC(100)));
    /* The password was changed to just that one. */
    ck_assert(!cloud_throttle_known(&t, &changed, NOW + SEC(100)));
}
END_TEST

START_TEST(test_forgotten)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t = throttle(mem, "alice", "192.0.2.1");
    cloud_auth_tag_t tag = tag_of(mem, 1, 1, "a");

    note(&t, "a", NOW);
    note(&t, "b", NOW);
    ck_assert(cloud_throttle_known(&t, &tag, NOW + SEC(59)));
    ck_assert(!cloud_throttle_known(&t, &tag, NOW + SEC(61)));
    note(&t, "c", NOW + SEC(61));
    ck_assert_int_eq(cloud_throttle_wait(&t, NOW + SEC(61)), 0);
    note(&t, "d", NOW + SEC(61));
    note(&t, "e", NOW + SEC(61));
    ck_assert_int_gt(cloud_throttle_wait(&t, NOW + SEC(61)), 0);
    cloud_throttle_succeeded(&t);
    ck_assert_int_eq(cloud_throttle_wait(&t, NOW + SEC(61)), 0);
    ck_assert(!cloud_throttle_known(&t, &tag, NOW + SEC(61)));
}
END_TEST

START_TEST(test_who_and_where)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t = throttle(mem, "alice", "192.0.2.1");

    ck_assert_int_eq(t.key, throttle(mem, "ALICE", "192.0.2.254").key);
    ck_assert_int_eq(t.key, throttle(mem, "alice", "::ffff:192.0.2.7").key);
    ck_assert_int_ne(t.key, throttle(mem, "alice", "192.0.3.1").key);
    ck_assert_int_ne(t.key, throttle(mem, "bob", "192.0.2.1").key);
    ck_assert_int_eq(throttle(mem, "alice", "2001:db8::1").key,
                     throttle(mem, "alice", "2001:db8::ffff:1").key);
    ck_assert_int_ne(throttle(mem, "alice", "2001:db8::1").key,
                     throttle(mem, "alice", "2001:db8:0:1::1").key);
    ck_assert_int_eq(throttle(mem, "alice", "nonsense").key, throttle(mem, "alice", NULL).key);
    ck_assert_int_ne(t.key, throttle(mem, "alice", NULL).key);
}
END_TEST

/* Kinds of secrets have failures of their own, whatever the names. */
START_TEST(test_kinds)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t password = throttle(mem, "alice", "192.0.2.1"), totp, odd;

    cloud_throttle_init(&totp, mem, &LIMITS, "/data", "totp", "alice", "192.0.2.1");
    cloud_throttle_init(&odd, mem, &LIMITS, "/data", "", "totp\nalice", "192.0.2.1");
    ck_assert_int_ne(password.key, totp.key);
    ck_assert_int_ne(odd.key, totp.key);
}
END_TEST

/* A code that changes with time: trying the same one again is another guess. */
START_TEST(test_repeats_that_count)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t = throttle(mem, "alice", "192.0.2.1");
    unsigned i;

    for (i = 0; i < LIMITS.failures; i++) {
        ck_assert_int_eq(cloud_throttle_wait(&t, NOW), 0);
        cloud_throttle_failed(&t, NULL, NOW);
    }
    ck_assert_int_gt(cloud_throttle_wait(&t, NOW), 0);
}
END_TEST

START_TEST(test_off)
{
    static const cloud_throttle_conf_t off = { 0, apr_time_from_sec(60), apr_time_from_sec(60) };
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t;
    int i;

    cloud_throttle_init(&t, mem, &off, "/data", "", "alice", "192.0.2.1");
    for (i = 0; i < 50; i++)
        note(&t, apr_itoa(tu.pool, i), NOW);
    ck_assert_int_eq(cloud_throttle_wait(&t, NOW), 0);
}
END_TEST

/* More names than fit: each guess still has its delay. */
START_TEST(test_full_table)
{
    cloud_auth_mem_t *mem = memory();
    int i;

    for (i = 0; i < 50 * ENTRIES; i++) {
        cloud_throttle_t t = throttle(mem, apr_itoa(tu.pool, i), "192.0.2.1");

        note(&t, "a", NOW + i);
        note(&t, "b", NOW + i);
        note(&t, "c", NOW + i);
        ck_assert_int_gt(cloud_throttle_wait(&t, NOW + i), 0);
    }
}
END_TEST

/* Failing under many other names does not end a delay; what is over makes room. */
START_TEST(test_delays_stay)
{
    cloud_auth_mem_t *mem = memory();
    cloud_throttle_t t = throttle(mem, "alice", "192.0.2.1"), other;
    apr_time_t late = NOW + SEC(1000);
    int i;

    for (i = 0; i < 10; i++) note(&t, apr_itoa(tu.pool, i), NOW);
    for (i = 0; i < 50 * ENTRIES; i++) {
        other = throttle(mem, apr_itoa(tu.pool, i), "192.0.2.1");
        note(&other, "a", NOW + 1 + i);
    }
    ck_assert_int_gt(cloud_throttle_wait(&t, NOW + 1 + i), 0);
    /* The delay and its window have passed: whoever failed but once takes the place. */
    for (i = 0; i < 50 * ENTRIES; i++) {
        other = throttle(mem, apr_itoa(tu.pool, i), "192.0.2.1");
        note(&other, "a", late + i);
    }
    for (i = 0; i < (int)mem->sets * CLOUD_AUTH_WAYS; i++)
        ck_assert_int_ne(mem->throttles[i].key, t.key);
}
END_TEST

/* ---- slow things at one time ---- */

static void *enter(void *baton)
{
    cloud_slots_t *slots = baton;

    if (!cloud_slots_enter(slots, SEC(3600))) return NULL;
    cloud_slots_leave(slots);
    return baton;
}

START_TEST(test_slots)
{
    cloud_slots_t *slots = cloud_slots_create(2, 1, tu.pool), *none;
    pthread_t waits;
    void *got;

    ck_assert(cloud_slots_enter(slots, 0));
    ck_assert(cloud_slots_enter(slots, 0));
    ck_assert(!cloud_slots_enter(slots, 1000));
    ck_assert_int_eq(pthread_create(&waits, NULL, enter, slots), 0);
    cloud_slots_leave(slots);
    ck_assert_int_eq(pthread_join(waits, &got), 0);
    ck_assert_ptr_eq(got, slots);
    ck_assert(cloud_slots_enter(slots, 0));
    ck_assert(!cloud_slots_enter(slots, 0));
    /* Nobody may wait: patience is of no use. */
    none = cloud_slots_create(1, 0, tu.pool);
    ck_assert(cloud_slots_enter(none, 0));
    ck_assert(!cloud_slots_enter(none, SEC(3600)));
}
END_TEST

Suite *suite_login(void)
{
    Suite *s = suite_create("login");
    TCase *tc = tu_case(s, "login", tu_pool);

    tcase_add_test(tc, test_tags_differ);
    tcase_add_test(tc, test_hmac);
    tcase_add_test(tc, test_cache);
    tcase_add_test(tc, test_empty_cache);
    tcase_add_test(tc, test_full_cache);
    tcase_add_test(tc, test_kept_over_a_restart);
    tcase_add_test(tc, test_delay_doubles);
    tcase_add_test(tc, test_repeats_do_not_count);
    tcase_add_test(tc, test_forgotten);
    tcase_add_test(tc, test_who_and_where);
    tcase_add_test(tc, test_kinds);
    tcase_add_test(tc, test_repeats_that_count);
    tcase_add_test(tc, test_off);
    tcase_add_test(tc, test_full_table);
    tcase_add_test(tc, test_delays_stay);
    tcase_add_test(tc, test_slots);
    return s;
}
