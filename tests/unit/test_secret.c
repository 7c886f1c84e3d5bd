/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <string.h>
#include <time.h>

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static cloud_account_t *who;
static const cloud_apppass_t *pass;

/* Logs in as the authentication does it: nobody is known yet. */
static cloud_err_t *verify(const char *id, const char *secret, int fast_only)
{
    who = NULL;
    pass = NULL;
    return cloud_account_verify(&who, &pass, tu_as(NULL), id, secret, fast_only, tu.pool);
}

static apr_int64_t epoch(const char *id)
{
    cloud_account_t *a;

    OK(cloud_account_get(&a, tu.ctx, id, tu.pool));
    return a->secret_epoch;
}

static void create(const char *id, const char *password)
{
    cloud_account_t *a;

    OK(cloud_account_create(&a, tu.ctx, id, password, NULL, tu.pool));
}

START_TEST(test_password)
{
    create("alice", "correct horse");
    OK(verify("alice", "correct horse", 0));
    ck_assert_str_eq(who->id, "alice");
    ck_assert_ptr_null(pass);
    OK(verify("ALICE", "correct horse", 0));
    ck_assert_str_eq(who->id, "alice");
    FAILS(verify("alice", "correct horsf", 0), UNAUTHORIZED);
    ck_assert_ptr_null(who);
    FAILS(verify("alice", "", 0), UNAUTHORIZED);
    FAILS(verify("alice", "correct horse ", 0), UNAUTHORIZED);
    FAILS(verify("alic", "correct horse", 0), UNAUTHORIZED);
    FAILS(verify("", "correct horse", 0), UNAUTHORIZED);
    FAILS(verify("\xff", "correct horse", 0), UNAUTHORIZED);
    /* The fast way never looks at the password. */
    FAILS(verify("alice", "correct horse", 1), UNAUTHORIZED);
}
END_TEST

START_TEST(test_no_password)
{
    create("alice", NULL);
    FAILS(verify("alice", "", 0), UNAUTHORIZED);
    FAILS(verify("alice", "x", 0), UNAUTHORIZED);
    OK(cloud_account_set_password(tu.ctx, "alice", "x"));
    OK(verify("alice", "x", 0));
    OK(cloud_account_set_password(tu.ctx, "alice", NULL));
    FAILS(verify("alice", "x", 0), UNAUTHORIZED);
    FAILS(verify("alice", "", 0), UNAUTHORIZED);
}
END_TEST

START_TEST(test_change)
{
    apr_int64_t before;

    create("alice", "one");
    before = epoch("alice");
    OK(cloud_account_set_password(tu.ctx, "alice", "two"));
    ck_assert_int_gt(epoch("alice"), before);
    FAILS(verify("alice", "one", 0), UNAUTHORIZED);
    OK(verify("alice", "two", 0));
    ck_assert_int_eq(who->secret_epoch, epoch("alice"));
    before = epoch("alice");
    OK(cloud_account_set_password(tu.ctx, "alice", NULL));
    ck_assert_int_gt(epoch("alice"), before);
}
END_TEST

/* bcrypt stops after 72 bytes: nothing longer may be set, nor fit. */
START_TEST(test_long)
{
    char text[80];
    cloud_account_t *a;

    memset(text, 'x', sizeof text);
    text[72] = '\0';
    create("alice", text);
    OK(verify("alice", text, 0));
    text[71] = 'y';
    FAILS(verify("alice", text, 0), UNAUTHORIZED);
    memset(text, 'x', sizeof text);
    text[73] = '\0';
    FAILS(verify("alice", text, 0), UNAUTHORIZED);
    FAILS(cloud_account_set_password(tu.ctx, "alice", text), INVALID);
    FAILS(cloud_account_set_password(tu.ctx, "alice", ""), INVALID);
    FAILS(cloud_account_create(&a, tu.ctx, "bob", "", NULL, tu.pool), INVALID);
    FAILS(cloud_account_get(&a, tu.ctx, "bob", tu.pool), NOT_FOUND);
}
END_TEST

START_TEST(test_unicode)
{
    create("alice", "p\xc3\xa4ssw\xc3\xb6rd \xf0\x9f\x94\x91");
    OK(verify("alice", "p\xc3\xa4ssw\xc3\xb6rd \xf0\x9f\x94\x91", 0));
    FAILS(verify("alice", "passw\xc3\xb6rd \xf0\x9f\x94\x91", 0), UNAUTHORIZED);
}
END_TEST

START_TEST(test_disabled)
{
    const char *secret;

    create("alice", "x");
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(verify("alice", "x", 0), UNAUTHORIZED);
    FAILS(verify("alice", secret, 0), UNAUTHORIZED);
    FAILS(verify("alice", secret, 1), UNAUTHORIZED);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    OK(verify("alice", "x", 0));
    OK(verify("alice", secret, 1));
}
END_TEST

/* Hashes as other programs make them. */
START_TEST(test_other_hashes)
{
    create("alice", NULL);
    tu_exec("UPDATE account SET password ="
            " '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'");
    FAILS(verify("alice", "u*u", 0), UNAUTHORIZED);
    OK(verify("alice", "U*U", 0));
    tu_exec("UPDATE account SET password ="
            " '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'");
    OK(verify("alice", "U*U", 0));
    tu_exec("UPDATE account SET password = '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
            "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'");
    OK(verify("alice", "Hello world!", 0));
    ck_assert_int_eq(tu_query_int("SELECT password LIKE '$2y$04$%' FROM account"), 1);
    OK(verify("alice", "Hello world!", 0));
    /* Not a hash at all, and one that looks like what was typed in. */
    tu_exec("UPDATE account SET password = 'secret'");
    FAILS(verify("alice", "secret", 0), UNAUTHORIZED);
    tu_exec("UPDATE account SET password = ''");
    FAILS(verify("alice", "", 0), UNAUTHORIZED);
    tu_exec("UPDATE account SET password = '*0'");
    FAILS(verify("alice", "*0", 0), UNAUTHORIZED);
    FAILS(verify("alice", "*1", 0), UNAUTHORIZED);
}
END_TEST

/* A password hashed at another cost is hashed anew at the next login; cached logins stay valid. */
START_TEST(test_cost)
{
    apr_int64_t before;

    create("alice", "x");
    before = epoch("alice");
    ck_assert_int_eq(tu_query_int("SELECT password LIKE '$2y$04$%' FROM account"), 1);
    apr_table_setn(tu.file_settings, "system\nhashingCost", "5");
    tu_reopen();
    FAILS(verify("alice", "y", 0), UNAUTHORIZED);
    ck_assert_int_eq(tu_query_int("SELECT password LIKE '$2y$04$%' FROM account"), 1);
    OK(verify("alice", "x", 0));
    ck_assert_int_eq(tu_query_int("SELECT password LIKE '$2y$05$%' FROM account"), 1);
    OK(verify("alice", "x", 0));
    ck_assert_int_eq(epoch("alice"), before);
}
END_TEST

static double seconds(const char *id, const char *secret)
{
    struct timespec a, b;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    FAILS(verify(id, secret, 0), UNAUTHORIZED);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* The time of the best of some tries: what is measured is processor time of this thread. */
static double best(const char *id, const char *secret)
{
    double least = 1e9;

    for (int i = 0; i < 5; i++) {
        double s = seconds(id, secret);
        if (s < least) least = s;
    }
    return least;
}

/* Whether an account exists, has a password or is disabled can't be told from how long it takes. */
START_TEST(test_timing)
{
    char too_long[100];
    double known;

    apr_table_setn(tu.file_settings, "system\nhashingCost", "9");
    tu_store();
    memset(too_long, 'x', sizeof too_long);
    too_long[99] = '\0';
    create("alice", "x");
    create("without", NULL);
    create("disabled", "x");
    OK(cloud_account_set_enabled(tu.ctx, "disabled", 0));
    known = best("alice", "wrong");
    double others[] = { best("nobody", "wrong"), best("without", "wrong"),
                        best("disabled", "wrong"), best("disabled", "x"),
                        best("alice", too_long), best("\xff", "wrong"),
                        best("nobody", "AAAAA-AAAAA-AAAAA-AAAAA") };
    for (int i = 0; i < COUNT(others); i++)
        ck_assert_msg(others[i] > known / 1.5 && others[i] < known * 1.5, "%d: %f s, not %f s", i,
                      others[i], known);
}
END_TEST

/* ---- app passwords ---- */

START_TEST(test_apppass)
{
    const char *phone, *laptop;
    apr_array_header_t *list;
    apr_int64_t before;

    create("alice", "x");
    create("bob", "x");
    OK(cloud_apppass_create(&phone, tu.ctx, "alice", "phone", tu.pool));
    OK(cloud_apppass_create(&laptop, tu.ctx, "Alice", "laptop", tu.pool));
    ck_assert_int_eq((int)strlen(phone), 23);
    ck_assert_int_eq((int)strspn(phone, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789-"), 23);
    for (int i = 0; i < 23; i++) ck_assert_int_eq(phone[i] == '-', i % 6 == 5);
    ck_assert_str_ne(phone, laptop);
    FAILS(cloud_apppass_create(&phone, tu.ctx, "alice", "laptop", tu.pool), EXISTS);

    OK(verify("alice", phone, 1));
    ck_assert_str_eq(who->id, "alice");
    ck_assert_str_eq(pass->name, "phone");
    OK(verify("ALICE", laptop, 0));
    ck_assert_str_eq(pass->name, "laptop");
    FAILS(verify("bob", phone, 0), UNAUTHORIZED);
    FAILS(verify("nobody", phone, 0), UNAUTHORIZED);
    FAILS(verify("alice", "AAAAA-AAAAA-AAAAA-AAAAA", 0), UNAUTHORIZED);

    OK(cloud_apppass_list(&list, tu.ctx, "alice", tu.pool));
    ck_assert_int_eq(list->nelts, 2);
    ck_assert_str_eq(APR_ARRAY_IDX(list, 0, cloud_apppass_t).name, "laptop");
    ck_assert_str_eq(APR_ARRAY_IDX(list, 1, cloud_apppass_t).name, "phone");
    ck_assert_int_eq(APR_ARRAY_IDX(list, 1, cloud_apppass_t).last_used, 0);
    ck_assert_int_gt(APR_ARRAY_IDX(list, 1, cloud_apppass_t).created, 0);

    /* A new password leaves them alone; revoking one leaves the other. */
    OK(cloud_account_set_password(tu.ctx, "alice", "y"));
    OK(verify("alice", phone, 1));
    before = epoch("alice");
    OK(cloud_apppass_revoke(tu.ctx, "alice", "phone"));
    ck_assert_int_eq(epoch("alice"), before); /* sessions go on */
    FAILS(verify("alice", phone, 0), UNAUTHORIZED);
    OK(verify("alice", laptop, 1));
    FAILS(cloud_apppass_revoke(tu.ctx, "alice", "phone"), NOT_FOUND);
    FAILS(cloud_apppass_list(&list, tu.ctx, "nobody", tu.pool), NOT_FOUND);
}
END_TEST

/* The key is made once and stays. */
START_TEST(test_apppass_after_restart)
{
    const char *secret;

    create("alice", NULL);
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    tu_reopen();
    OK(verify("alice", secret, 1));
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "second", tu.pool));
    OK(verify("alice", secret, 1));
}
END_TEST

/* The secret itself is nowhere in the database, and a row is of no use to another account. */
START_TEST(test_apppass_row)
{
    const char *secret;

    create("alice", NULL);
    create("mallory", NULL);
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    ck_assert_int_eq(tu_query_int("SELECT length(hash) FROM apppass"), 32);
    tu_exec("UPDATE apppass SET account = (SELECT number FROM account WHERE id = 'mallory')");
    FAILS(verify("mallory", secret, 1), UNAUTHORIZED);
    FAILS(verify("alice", secret, 1), UNAUTHORIZED);
}
END_TEST

START_TEST(test_apppass_names)
{
    char name[300];
    const char *secret;

    create("alice", NULL);
    memset(name, 'x', sizeof name);
    name[256] = '\0';
    FAILS(cloud_apppass_create(&secret, tu.ctx, "alice", name, tu.pool), INVALID);
    name[255] = '\0';
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", name, tu.pool));
    FAILS(cloud_apppass_create(&secret, tu.ctx, "alice", "", tu.pool), INVALID);
    FAILS(cloud_apppass_create(&secret, tu.ctx, "alice", "a\nb", tu.pool), INVALID);
    FAILS(cloud_apppass_create(&secret, tu.ctx, "alice", "\xff", tu.pool), INVALID);
    FAILS(cloud_apppass_create(&secret, tu.ctx, "nobody", "x", tu.pool), NOT_FOUND);
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "Alice's \xf0\x9f\x93\xb1", tu.pool));
}
END_TEST

START_TEST(test_apppass_seen)
{
    const char *secret;
    apr_int64_t used;

    create("alice", NULL);
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    OK(verify("alice", secret, 1));
    const cloud_apppass_t *old = pass;
    OK(cloud_apppass_seen(tu_as(NULL), who, old));
    used = tu_query_int("SELECT last_used FROM apppass");
    ck_assert_int_gt(used, 0);
    apr_int64_t changes = tu_query_int("SELECT total_changes()");
    OK(cloud_apppass_seen(tu_as(NULL), who, old));
    OK(verify("alice", secret, 1));
    ck_assert_int_eq(pass->last_used, used);
    OK(cloud_apppass_seen(tu_as(NULL), who, pass));
    ck_assert_int_eq(tu_query_int("SELECT total_changes()"), changes);
    ck_assert_int_eq(tu_query_int("SELECT last_used FROM apppass"), used);
    /* One that was revoked meanwhile is no error. */
    OK(cloud_apppass_revoke(tu.ctx, "alice", "phone"));
    OK(cloud_apppass_seen(tu_as(NULL), who, old));
}
END_TEST

Suite *suite_secret(void)
{
    Suite *s = suite_create("secret");
    TCase *tc = tu_case(s, "passwords", tu_store), *app = tu_case(s, "app passwords", tu_store);
    TCase *timing = tu_case(s, "timing", tu_pool);

    tcase_add_test(tc, test_password);
    tcase_add_test(tc, test_no_password);
    tcase_add_test(tc, test_change);
    tcase_add_test(tc, test_long);
    tcase_add_test(tc, test_unicode);
    tcase_add_test(tc, test_disabled);
    tcase_add_test(tc, test_other_hashes);
    tcase_add_test(tc, test_cost);
    tcase_add_test(timing, test_timing);
    tcase_add_test(app, test_apppass);
    tcase_add_test(app, test_apppass_after_restart);
    tcase_add_test(app, test_apppass_row);
    tcase_add_test(app, test_apppass_names);
    tcase_add_test(app, test_apppass_seen);
    return s;
}
