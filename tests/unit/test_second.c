/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Second factors: the codes, and what is kept of them. */
#include "testutil.h"

#include <string.h>

#include "group.h"
#include "login.h"
#include "second.h"
#include "settings.h"
#include "totp.h"

static cloud_account_t *alice;
static const char *codes[CLOUD_BACKUP_CODES];

static void setup(void)
{
    cloud_login_register();
    tu_store();
    alice = tu_account("alice");
}

static void again(void)
{
    OK(cloud_account_get(&alice, tu.ctx, "alice", tu.pool));
}

/* RFC 6238, appendix B: the last six of its eight digits. */
START_TEST(vectors)
{
    static const unsigned char secret[] = "12345678901234567890";
    static const struct {
        apr_int64_t time;
        unsigned code;
    } CASES[] = {
        { 59, 287082 },         { 1111111109, 81804 },  { 1111111111, 50471 },
        { 1234567890, 5924 },   { 2000000000, 279037 }, { 20000000000, 353130 },
    };
    size_t i;

    for (i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        apr_uint64_t step = (apr_uint64_t)CASES[i].time / 30;
        apr_time_t now = apr_time_from_sec(CASES[i].time);
        const char *code = apr_psprintf(tu.pool, "%06u", CASES[i].code);

        ck_assert_uint_eq(cloud_totp(secret, 20, step), CASES[i].code);
        ck_assert_int_eq(cloud_totp_match(secret, code, now, 0), step);
        /* one step of drift, either way */
        ck_assert_int_eq(cloud_totp_match(secret, code, now + apr_time_from_sec(30), 0), step);
        ck_assert_int_eq(cloud_totp_match(secret, code, now - apr_time_from_sec(30), 0), step);
        ck_assert_int_eq(cloud_totp_match(secret, code, now + apr_time_from_sec(60), 0), 0);
        ck_assert_int_eq(cloud_totp_match(secret, code, now - apr_time_from_sec(60), 0), 0);
        /* not again, and none from before */
        ck_assert_int_eq(cloud_totp_match(secret, code, now, step), 0);
        ck_assert_int_eq(cloud_totp_match(secret, code, now, step - 1), step);
    }
}
END_TEST

START_TEST(typed)
{
    static const unsigned char secret[] = "12345678901234567890";
    static const char *const RIGHT[] = { "287082", "287 082", " 2 8 7 0 8 2 " };
    static const char *const WRONG[] = { "", "28708", "2870822", "287083", "28708a", "+87082",
                                         "287-082", "0x1234", "\xd9\xa1\xd9\xa2\xd9\xa3" };
    size_t i;

    for (i = 0; i < sizeof RIGHT / sizeof *RIGHT; i++)
        ck_assert_int_eq(cloud_totp_match(secret, RIGHT[i], apr_time_from_sec(59), 0), 1);
    for (i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        ck_assert_int_eq(cloud_totp_match(secret, WRONG[i], apr_time_from_sec(59), 0), 0);
}
END_TEST

/* RFC 4648, 10. */
START_TEST(base32)
{
    static const char *const CASES[][2] = {
        { "", "" }, { "f", "MY" }, { "fo", "MZXQ" }, { "foo", "MZXW6" }, { "foob", "MZXW6YQ" },
        { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" },
    };
    size_t i;

    for (i = 0; i < sizeof CASES / sizeof *CASES; i++)
        ck_assert_str_eq(cloud_base32((const unsigned char *)CASES[i][0], strlen(CASES[i][0]),
                                      tu.pool),
                         CASES[i][1]);
    ck_assert_str_eq(cloud_totp_uri("MY", "cloud.example", "a b@c", tu.pool),
                     "otpauth://totp/cloud.example:a%20b%40c?secret=MY&issuer=cloud.example");
}
END_TEST

/* What an app on a phone would do with the secret that is shown. */
static void decode(unsigned char raw[CLOUD_TOTP_SECRET], const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0;
    int have = 0, n = 0;

    for (; *text; text++) {
        bits = (bits << 5 | (unsigned)(strchr(letters, *text) - letters)) & 0xffff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            raw[n++] = (unsigned char)(bits >> have);
        }
    }
    ck_assert_int_eq(n, CLOUD_TOTP_SECRET);
}

static const char *code_of(const char *secret, int steps)
{
    unsigned char raw[CLOUD_TOTP_SECRET];

    decode(raw, secret);
    return apr_psprintf(tu.pool, "%06u",
                        cloud_totp(raw, sizeof raw,
                                   (apr_uint64_t)(apr_time_sec(apr_time_now()) / 30 + steps)));
}

/* Sets alice's second factor up; gives the secret. The code of the step before this one was used. */
static const char *set_up(void)
{
    const char *secret;

    OK(cloud_second_prepare(&secret, tu_as(alice), alice, "browser", tu.pool));
    OK(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(secret, -1), 0, tu.pool));
    again();
    return secret;
}

START_TEST(set_up_and_off)
{
    const char *secret, *same, *session, *other;
    cloud_session_t *s;
    cloud_account_t *a;
    int needed, left;

    OK(cloud_session_create(&session, tu_as(alice), alice, CLOUD_SESSION_OPEN, tu.pool));
    OK(cloud_session_create(&other, tu_as(alice), alice, CLOUD_SESSION_OPEN, tu.pool));
    OK(cloud_session_find(&s, &a, tu.ctx, session, tu.pool));
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "browser", "123456", 0, tu.pool),
          NOT_FOUND);
    FAILS(cloud_second_codes(codes, tu_as(alice), alice, tu.pool), CONFLICT);
    OK(cloud_second_prepare(&secret, tu_as(alice), alice, "browser", tu.pool));
    OK(cloud_second_prepare(&same, tu_as(alice), alice, "browser", tu.pool));
    ck_assert_str_eq(secret, same);
    ck_assert_int_eq(strlen(secret), 32);
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(secret, 5), 0, tu.pool),
          INVALID);
    again();
    ck_assert_int_eq(alice->two_factor, 0);
    OK(cloud_second_needed(&needed, tu.ctx, alice));
    ck_assert_int_eq(needed, 0);
    FAILS(cloud_second_check(tu_as(alice), alice, code_of(secret, 0)), UNAUTHORIZED);

    OK(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(secret, 0), s->id, tu.pool));
    again();
    ck_assert_int_eq(alice->two_factor, 1);
    OK(cloud_second_needed(&needed, tu.ctx, alice));
    ck_assert_int_eq(needed, 1);
    OK(cloud_second_left(&left, tu_as(alice), alice));
    ck_assert_int_eq(left, CLOUD_BACKUP_CODES);
    /* the session that did it goes on, the others do not */
    OK(cloud_session_find(&s, &a, tu.ctx, session, tu.pool));
    ck_assert_ptr_nonnull(s);
    OK(cloud_session_find(&s, &a, tu.ctx, other, tu.pool));
    ck_assert_ptr_null(s);
    FAILS(cloud_second_prepare(&secret, tu_as(alice), alice, "browser", tu.pool), EXISTS);
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(secret, 0), 0, tu.pool),
          NOT_FOUND);

    OK(cloud_second_off(tu_as(alice), alice, 0));
    again();
    ck_assert_int_eq(alice->two_factor, 0);
    OK(cloud_second_left(&left, tu_as(alice), alice));
    ck_assert_int_eq(left, 0);
    OK(cloud_second_prepare(&same, tu_as(alice), alice, "browser", tu.pool));
    ck_assert_str_ne(secret, same);
}
END_TEST

/* Who knows the password, too, is not told what the owner confirms, nor may he confirm it. */
START_TEST(each_browser_its_own)
{
    const char *theirs, *mine, *again_mine;

    OK(cloud_second_prepare(&theirs, tu_as(alice), alice, "other", tu.pool));
    OK(cloud_second_prepare(&mine, tu_as(alice), alice, "browser", tu.pool));
    ck_assert_str_ne(theirs, mine);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_totp"), 1);
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "other", code_of(theirs, 0), 0, tu.pool),
          INVALID);
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "other", code_of(mine, 0), 0, tu.pool),
          INVALID);
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(theirs, 0), 0, tu.pool),
          INVALID);
    OK(cloud_second_prepare(&again_mine, tu_as(alice), alice, "browser", tu.pool));
    ck_assert_str_eq(mine, again_mine);
    OK(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(mine, 0), 0, tu.pool));
    again();
    FAILS(cloud_second_check(tu_as(alice), alice, code_of(theirs, 1)), UNAUTHORIZED);
    OK(cloud_second_check(tu_as(alice), alice, code_of(mine, 1)));
}
END_TEST

START_TEST(waits_an_hour)
{
    const char *old, *fresh;

    OK(cloud_second_prepare(&old, tu_as(alice), alice, "browser", tu.pool));
    tu_exec("UPDATE login_totp SET created = created - 3590000000");
    OK(cloud_second_prepare(&fresh, tu_as(alice), alice, "browser", tu.pool));
    ck_assert_str_eq(old, fresh);
    tu_exec("UPDATE login_totp SET created = created - 11000000");
    FAILS(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(old, 0), 0, tu.pool),
          INVALID);
    OK(cloud_second_prepare(&fresh, tu_as(alice), alice, "browser", tu.pool));
    ck_assert_str_ne(old, fresh);
    OK(cloud_second_confirm(codes, tu_as(alice), alice, "browser", code_of(fresh, 0), 0, tu.pool));
}
END_TEST

START_TEST(each_code_once)
{
    const char *secret = set_up();

    FAILS(cloud_second_check(tu_as(alice), alice, code_of(secret, -1)), UNAUTHORIZED);
    OK(cloud_second_check(tu_as(alice), alice, code_of(secret, 1)));
    FAILS(cloud_second_check(tu_as(alice), alice, code_of(secret, 1)), UNAUTHORIZED);
    FAILS(cloud_second_check(tu_as(alice), alice, code_of(secret, 0)), UNAUTHORIZED);
    FAILS(cloud_second_check(tu_as(alice), alice, ""), UNAUTHORIZED);
}
END_TEST

START_TEST(backup_codes)
{
    const char *old[CLOUD_BACKUP_CODES], *lower;
    int i, left;
    char *c;

    set_up();
    for (i = 0; i < CLOUD_BACKUP_CODES; i++) {
        ck_assert_int_eq(strlen(codes[i]), 11);
        if (i) ck_assert_str_ne(codes[i], codes[0]);
    }
    OK(cloud_second_check(tu_as(alice), alice, codes[3]));
    FAILS(cloud_second_check(tu_as(alice), alice, codes[3]), UNAUTHORIZED);
    lower = apr_pstrcat(tu.pool, " ", codes[4], NULL);
    for (c = (char *)lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
        else if (*c == '-') *c = ' ';
    OK(cloud_second_check(tu_as(alice), alice, lower));
    OK(cloud_second_left(&left, tu_as(alice), alice));
    ck_assert_int_eq(left, 8);
    memcpy(old, codes, sizeof old);
    OK(cloud_second_codes(codes, tu_as(alice), alice, tu.pool));
    FAILS(cloud_second_check(tu_as(alice), alice, old[0]), UNAUTHORIZED);
    OK(cloud_second_check(tu_as(alice), alice, codes[0]));
    /* not those of somebody else */
    FAILS(cloud_second_check(tu.ctx, tu_account("bob"), codes[1]), UNAUTHORIZED);
}
END_TEST

START_TEST(nobody_elses)
{
    cloud_account_t *bob = tu_account("bob");
    const char *secret;
    int left;

    FAILS(cloud_second_prepare(&secret, tu_as(bob), alice, "browser", tu.pool), DENIED);
    set_up();
    FAILS(cloud_second_check(tu_as(bob), alice, codes[0]), DENIED);
    FAILS(cloud_second_off(tu_as(bob), alice, 0), DENIED);
    FAILS(cloud_second_codes(codes, tu_as(bob), alice, tu.pool), DENIED);
    FAILS(cloud_second_left(&left, tu_as(bob), alice), DENIED);
    FAILS(cloud_account_set_two_factor(tu_as(bob), "alice", 0), DENIED);
    OK(cloud_second_off(tu.ctx, alice, 0));
}
END_TEST

START_TEST(guessing_ends)
{
    const char *secret = set_up();
    int i;

    for (i = 0; i < 30; i++) FAILS(cloud_second_check(tu_as(alice), alice, "00000a"), UNAUTHORIZED);
    FAILS(cloud_second_check(tu_as(alice), alice, code_of(secret, 0)), THROTTLED);
    OK(cloud_second_check(tu_as(alice), alice, codes[0]));
    tu_exec("UPDATE login_totp SET failed = failed - 3601000000");
    OK(cloud_second_check(tu_as(alice), alice, code_of(secret, 0)));
    FAILS(cloud_second_check(tu_as(alice), alice, "000000"), UNAUTHORIZED);
}
END_TEST

START_TEST(enforced)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_group_t *g;
    int needed;

    OK(cloud_setting_set(tu.ctx, "system", "twofactor_enforced", "true"));
    OK(cloud_second_needed(&needed, tu.ctx, alice));
    ck_assert_int_eq(needed, 1);
    OK(cloud_setting_set(tu.ctx, "system", "twofactor_enforced_groups", "[\"gone\",\"a, b\"]"));
    OK(cloud_second_needed(&needed, tu.ctx, alice));
    ck_assert_int_eq(needed, 0);
    OK(cloud_group_create(&g, tu.ctx, "a, b", NULL, NULL, tu.pool));
    OK(cloud_group_add(tu.ctx, "a, b", "bob", NULL));
    OK(cloud_second_needed(&needed, tu.ctx, alice));
    ck_assert_int_eq(needed, 0);
    OK(cloud_second_needed(&needed, tu.ctx, bob));
    ck_assert_int_eq(needed, 1);
}
END_TEST

/* Neither secret nor codes can be read in the database. */
START_TEST(kept_safe)
{
    const char *secret = set_up();
    unsigned char raw[CLOUD_TOTP_SECRET];
    cloud_account_t *bob = tu_account("bob");

    decode(raw, secret);
    ck_assert_int_eq(tu_query_int("SELECT length(secret) FROM login_totp"), 12 + 20 + 16);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_code WHERE length(hash) = 32"), 10);
    /* A row that is copied to another account opens nothing there. */
    tu_exec("INSERT INTO login_totp SELECT number, secret, 1, 0, 0, 0, 0 FROM login_totp, account"
            " WHERE account.id = 'bob'");
    tu_exec("INSERT INTO login_code SELECT number, hash FROM login_code, account"
            " WHERE account.id = 'bob'");
    FAILS(cloud_second_check(tu.ctx, bob, code_of(secret, 0)), UNAVAILABLE);
    FAILS(cloud_second_check(tu.ctx, bob, codes[0]), UNAUTHORIZED);
    /* damaged */
    tu_exec("UPDATE login_totp SET secret = zeroblob(48)");
    FAILS(cloud_second_check(tu.ctx, alice, code_of(secret, 0)), UNAVAILABLE);
    OK(cloud_second_off(tu.ctx, alice, 0));
}
END_TEST

START_TEST(gone_with_the_account)
{
    int more;
    const char *secret;

    set_up();
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_totp"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_code"), 0);
    alice = tu_account("alice");
    ck_assert_int_eq(alice->two_factor, 0);
    OK(cloud_second_prepare(&secret, tu_as(alice), alice, "browser", tu.pool));
    tu_exec("UPDATE login_totp SET created = created - 3601000000");
    OK(cloud_login_expire(&more, tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_totp"), 0);
}
END_TEST

Suite *suite_second(void)
{
    Suite *s = suite_create("second");
    TCase *plain = tu_case(s, "totp", tu_pool), *t = tu_case(s, "second", setup);

    tcase_add_test(plain, vectors);
    tcase_add_test(plain, typed);
    tcase_add_test(plain, base32);
    tcase_add_test(t, set_up_and_off);
    tcase_add_test(t, each_browser_its_own);
    tcase_add_test(t, waits_an_hour);
    tcase_add_test(t, each_code_once);
    tcase_add_test(t, backup_codes);
    tcase_add_test(t, nobody_elses);
    tcase_add_test(t, guessing_ends);
    tcase_add_test(t, enforced);
    tcase_add_test(t, kept_safe);
    tcase_add_test(t, gone_with_the_account);
    return s;
}
