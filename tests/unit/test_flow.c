/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Login flow v2, and names of app passwords. */
#include "testutil.h"

#include <string.h>

#include "login.h"

static cloud_account_t *alice;
static const char *poll, *page;

static void setup(void)
{
    cloud_login_register();
    tu_store();
    alice = tu_account("alice");
    OK(cloud_flow_begin(&poll, &page, tu_as(NULL), "desktop", tu.pool));
}

static cloud_account_t *who;
static const char *secret;

static cloud_err_t *fetch(const char *token)
{
    return cloud_flow_fetch(&who, &secret, tu_as(NULL), token, tu.pool);
}

START_TEST(granted_and_fetched_once)
{
    const cloud_apppass_t *pass;
    cloud_account_t *a;
    const char *name;

    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_flow"), 0);
    FAILS(fetch(poll), NOT_FOUND);
    OK(cloud_flow_name(&name, tu_as(NULL), page, tu.pool));
    ck_assert_str_eq(name, "desktop");
    OK(cloud_flow_grant(tu_as(alice), page, alice));
    FAILS(cloud_flow_grant(tu_as(alice), page, alice), EXISTS);
    FAILS(fetch(page), NOT_FOUND);
    FAILS(fetch(""), NOT_FOUND);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM apppass"), 0);
    OK(fetch(poll));
    ck_assert_str_eq(who->id, "alice");
    OK(cloud_account_verify(&a, &pass, tu_as(NULL), "alice", secret, 1, tu.pool));
    ck_assert_str_eq(pass->name, "desktop");
    FAILS(fetch(poll), NOT_FOUND);
    FAILS(cloud_flow_grant(tu_as(alice), page, alice), EXISTS);
}
END_TEST

START_TEST(only_for_oneself)
{
    cloud_account_t *bob = tu_account("bob");

    FAILS(cloud_flow_grant(tu_as(bob), page, alice), DENIED);
    FAILS(cloud_flow_grant(tu_as(NULL), page, alice), DENIED);
}
END_TEST

START_TEST(forged)
{
    const char *name;
    size_t i, len = strlen(page);

    for (i = 0; i < len; i += 7) {
        char *bad = apr_pstrdup(tu.pool, page);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        FAILS(cloud_flow_name(&name, tu_as(NULL), bad, tu.pool), NOT_FOUND);
    }
    FAILS(cloud_flow_name(&name, tu_as(NULL), "", tu.pool), NOT_FOUND);
    FAILS(cloud_flow_name(&name, tu_as(NULL), "x", tu.pool), NOT_FOUND);
    FAILS(cloud_flow_name(&name, tu_as(NULL), poll, tu.pool), NOT_FOUND);
    FAILS(cloud_flow_name(&name, tu_as(NULL), apr_pstrcat(tu.pool, page, "=", NULL), tu.pool),
          NOT_FOUND);
    FAILS(cloud_flow_name(&name, tu_as(NULL), apr_pstrmemdup(tu.pool, page, len - 4), tu.pool),
          NOT_FOUND);
    FAILS(cloud_flow_name(&name, tu_as(NULL), apr_pstrcat(tu.pool, page, page, page, NULL), tu.pool),
          NOT_FOUND);
}
END_TEST

START_TEST(not_after_a_change)
{
    OK(cloud_flow_grant(tu_as(alice), page, alice));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(fetch(poll), NOT_FOUND);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    FAILS(fetch(poll), NOT_FOUND);
    OK(cloud_account_delete(tu.ctx, "alice"));
    FAILS(fetch(poll), NOT_FOUND);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_flow"), 0);
}
END_TEST

START_TEST(over_by_time)
{
    int more;

    OK(cloud_flow_grant(tu_as(alice), page, alice));
    ck_assert_int_gt(tu_query_int("SELECT expires FROM login_flow"),
                     apr_time_now() + apr_time_from_sec(1190));
    tu_exec("UPDATE login_flow SET expires = expires - 1201000000");
    FAILS(fetch(poll), NOT_FOUND);
    OK(cloud_login_expire(&more, tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_flow"), 0);
}
END_TEST

START_TEST(names)
{
    static const char *const CASES[][2] = {
        { "phone", "phone" }, { "phone", "phone (2)" }, { "phone", "phone (3)" },
        { NULL, "unknown client" }, { "", "unknown client (2)" }, { "\xff", "unknown client (3)" },
        { "a\tb", "a b" }, { "gr\xc3\xbcn", "gr\xc3\xbcn" },
    };
    const cloud_apppass_t *pass;
    cloud_account_t *a;
    char name[200];
    size_t i;

    for (i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        OK(cloud_login_apppass(&secret, tu_as(alice), "alice", CASES[i][0], tu.pool));
        OK(cloud_account_verify(&a, &pass, tu_as(NULL), "alice", secret, 1, tu.pool));
        ck_assert_str_eq(pass->name, CASES[i][1]);
    }
    memset(name, 'x', sizeof name);
    memcpy(name + 99, "\xc3\xbc", 2);
    name[sizeof name - 1] = '\0';
    OK(cloud_login_apppass(&secret, tu_as(alice), "alice", name, tu.pool));
    OK(cloud_account_verify(&a, &pass, tu_as(NULL), "alice", secret, 1, tu.pool));
    ck_assert_int_eq(strlen(pass->name), 99);
    FAILS(cloud_login_apppass(&secret, tu_as(tu_account("bob")), "alice", "x", tu.pool), DENIED);
}
END_TEST

Suite *suite_flow(void)
{
    Suite *s = suite_create("flow");
    TCase *t = tu_case(s, "flow", setup);

    tcase_add_test(t, granted_and_fetched_once);
    tcase_add_test(t, only_for_oneself);
    tcase_add_test(t, forged);
    tcase_add_test(t, not_after_a_change);
    tcase_add_test(t, over_by_time);
    tcase_add_test(t, names);
    return s;
}
