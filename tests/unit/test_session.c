/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <stdlib.h>
#include <string.h>

#include "login.h"

static cloud_account_t *alice;

static void setup(void)
{
    cloud_login_register();
    tu_store();
    alice = tu_account("alice");
}

static cloud_account_t *current(const char *id)
{
    cloud_account_t *a;

    OK(cloud_account_get(&a, tu.ctx, id, tu.pool));
    return a;
}

static const char *begin(cloud_account_t *a, cloud_session_stage_t stage)
{
    const char *secret;

    OK(cloud_session_create(&secret, tu_as(a), a, stage, tu.pool));
    return secret;
}

static cloud_session_t *find(const char *secret)
{
    cloud_account_t *account;
    cloud_session_t *session;

    OK(cloud_session_find(&session, &account, tu_as(NULL), secret, tu.pool));
    ck_assert(!session || account);
    return session;
}

START_TEST(found_by_its_secret)
{
    const char *secret = begin(alice, CLOUD_SESSION_OPEN), *other;
    cloud_account_t *account;
    cloud_session_t *session;
    char *wrong;

    ck_assert_int_eq(strlen(secret), 43);
    ck_assert_int_eq(strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     43);
    OK(cloud_session_find(&session, &account, tu_as(NULL), secret, tu.pool));
    ck_assert_str_eq(account->id, "alice");
    ck_assert_int_eq(session->stage, CLOUD_SESSION_OPEN);
    wrong = apr_pstrdup(tu.pool, secret);
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    ck_assert_ptr_null(find(wrong));
    ck_assert_ptr_null(find(""));
    other = begin(alice, CLOUD_SESSION_OPEN);
    ck_assert_str_ne(other, secret);
    OK(cloud_session_end(tu_as(NULL), secret));
    ck_assert_ptr_null(find(secret));
    ck_assert_ptr_nonnull(find(other));
    OK(cloud_session_end(tu_as(NULL), secret));
}
END_TEST

START_TEST(only_for_oneself)
{
    cloud_account_t *bob = tu_account("bob");
    apr_array_header_t *list;
    const char *secret;

    FAILS(cloud_session_create(&secret, tu_as(bob), alice, CLOUD_SESSION_OPEN, tu.pool), DENIED);
    FAILS(cloud_session_create(&secret, tu_as(NULL), alice, CLOUD_SESSION_OPEN, tu.pool), DENIED);
    FAILS(cloud_session_list(&list, tu_as(bob), alice, tu.pool), DENIED);
    FAILS(cloud_session_revoke(tu_as(bob), alice, 0, 0), DENIED);
    OK(cloud_session_list(&list, tu.ctx, alice, tu.pool));
}
END_TEST

/* What was verified is not what is in force any more. */
START_TEST(not_after_a_change)
{
    cloud_account_t *old = current("alice");
    const char *secret = begin(alice, CLOUD_SESSION_OPEN);

    OK(cloud_account_set_password(tu.ctx, "alice", "x"));
    ck_assert_ptr_null(find(secret));
    FAILS(cloud_session_create(&secret, tu_as(old), old, CLOUD_SESSION_OPEN, tu.pool), UNAUTHORIZED);
    secret = begin(current("alice"), CLOUD_SESSION_OPEN);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    ck_assert_ptr_null(find(secret));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    ck_assert_ptr_null(find(secret));
}
END_TEST

START_TEST(kept_over_ones_own_change)
{
    const char *mine = begin(alice, CLOUD_SESSION_OPEN);
    const char *other = begin(alice, CLOUD_SESSION_OPEN);
    apr_int64_t id = find(mine)->id;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_account_set_password(tu.ctx, "alice", "x"));
    OK(cloud_session_keep(tu.ctx, alice, id));
    OK(cloud_tx_end(tu.ctx, NULL));
    ck_assert_ptr_nonnull(find(mine));
    ck_assert_ptr_null(find(other));
}
END_TEST

START_TEST(gone_with_the_account)
{
    const char *secret = begin(alice, CLOUD_SESSION_OPEN);

    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_ptr_null(find(secret));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_session"), 0);
}
END_TEST

START_TEST(over_by_time)
{
    const char *idle = begin(alice, CLOUD_SESSION_OPEN), *code, *open;
    int more;

    tu_exec("UPDATE login_session SET seen = seen - 3601000000");
    ck_assert_ptr_null(find(idle));
    open = begin(alice, CLOUD_SESSION_OPEN);
    tu_exec("UPDATE login_session SET seen = seen - 120000000 WHERE id ="
            " (SELECT max(id) FROM login_session)");
    ck_assert_int_lt(find(open)->seen, apr_time_now() - apr_time_from_sec(100));
    ck_assert_int_gt(find(open)->seen, apr_time_now() - apr_time_from_sec(100));
    tu_exec("UPDATE login_session SET created = created - 86401000000");
    ck_assert_ptr_null(find(open));
    /* One that waits for a code does not wait for long, whoever looks at it. */
    code = begin(alice, CLOUD_SESSION_CODE);
    ck_assert_int_eq(find(code)->stage, CLOUD_SESSION_CODE);
    tu_exec("UPDATE login_session SET created = created - 601000000 WHERE stage = 1");
    ck_assert_ptr_null(find(code));
    FAILS(cloud_login_expire(&more, tu_as(alice)), DENIED);
    OK(cloud_login_expire(&more, tu.ctx));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_session"), 1);
}
END_TEST

START_TEST(listed_and_ended)
{
    const char *a = begin(alice, CLOUD_SESSION_OPEN), *b, *c;
    apr_array_header_t *list;

    tu_exec("UPDATE login_session SET seen = seen - 5000000");
    b = begin(alice, CLOUD_SESSION_OPEN);
    c = begin(alice, CLOUD_SESSION_CODE);
    OK(cloud_session_list(&list, tu_as(alice), alice, tu.pool));
    ck_assert_int_eq(list->nelts, 2);
    ck_assert_int_eq(APR_ARRAY_IDX(list, 0, cloud_session_t).id, find(b)->id);
    FAILS(cloud_session_revoke(tu_as(alice), alice, 4711, 0), NOT_FOUND);
    OK(cloud_session_revoke(tu_as(alice), alice, 0, find(b)->id));
    ck_assert_ptr_null(find(a));
    ck_assert_ptr_null(find(c));
    ck_assert_ptr_nonnull(find(b));
    OK(cloud_session_revoke(tu_as(alice), alice, find(b)->id, 0));
    ck_assert_ptr_null(find(b));
}
END_TEST

START_TEST(so_many_and_no_more)
{
    const char *first = begin(alice, CLOUD_SESSION_OPEN), *last = NULL;
    int i;

    tu_exec("UPDATE login_session SET seen = seen - 5000000");
    for (i = 0; i < 100; i++) last = begin(alice, CLOUD_SESSION_OPEN);
    ck_assert_ptr_null(find(first));
    ck_assert_ptr_nonnull(find(last));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_session"), 100);
}
END_TEST

/* Whoever has the password, but not the second factor, ends no session that has both. */
START_TEST(those_that_wait_push_out_none)
{
    const char *open = begin(alice, CLOUD_SESSION_OPEN), *first = begin(alice, CLOUD_SESSION_CODE);
    int i;

    tu_exec("UPDATE login_session SET seen = seen - 5000000");
    for (i = 0; i < 100; i++) begin(alice, CLOUD_SESSION_CODE);
    ck_assert_ptr_nonnull(find(open));
    ck_assert_ptr_null(find(first));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM login_session WHERE stage = 1"), 100);
}
END_TEST

START_TEST(odd_browsers)
{
    cloud_ctx_t *ctx = tu_as(alice);
    char agent[600];
    const char *secret;

    memset(agent, 'x', sizeof agent);
    memcpy(agent + 254, "\xc3\xbc", 2);
    agent[sizeof agent - 1] = '\0';
    ctx->agent = agent;
    OK(cloud_session_create(&secret, ctx, alice, CLOUD_SESSION_OPEN, tu.pool));
    ck_assert_int_eq(strlen(find(secret)->agent), 254);
    ctx->agent = "\xff";
    OK(cloud_session_create(&secret, ctx, alice, CLOUD_SESSION_OPEN, tu.pool));
    ck_assert_str_eq(find(secret)->agent, "");
}
END_TEST

START_TEST(form_tokens)
{
    const char *cookie, *session, *other, *token;
    char *bad;

    OK(cloud_login_secret(&cookie, tu.pool));
    OK(cloud_login_secret(&session, tu.pool));
    OK(cloud_login_secret(&other, tu.pool));
    token = cloud_form_token(cookie, session, tu.pool);
    ck_assert(cloud_form_token_fits(token, cookie, session, tu.pool));
    ck_assert(!cloud_form_token_fits(token, cookie, "", tu.pool));
    ck_assert(!cloud_form_token_fits(token, cookie, other, tu.pool));
    ck_assert(!cloud_form_token_fits(token, other, session, tu.pool));
    ck_assert(!cloud_form_token_fits(token, "", session, tu.pool));
    ck_assert(!cloud_form_token_fits(NULL, cookie, session, tu.pool));
    ck_assert(!cloud_form_token_fits("", cookie, session, tu.pool));
    bad = apr_pstrdup(tu.pool, token);
    bad[42] = bad[42] == 'A' ? 'B' : 'A';
    ck_assert(!cloud_form_token_fits(bad, cookie, session, tu.pool));
    ck_assert(!cloud_form_token_fits(apr_pstrcat(tu.pool, token, "A", NULL), cookie, session,
                                     tu.pool));
}
END_TEST

Suite *suite_session(void)
{
    Suite *s = suite_create("session");
    TCase *t = tu_case(s, "session", setup);

    tcase_add_test(t, found_by_its_secret);
    tcase_add_test(t, only_for_oneself);
    tcase_add_test(t, not_after_a_change);
    tcase_add_test(t, kept_over_ones_own_change);
    tcase_add_test(t, gone_with_the_account);
    tcase_add_test(t, over_by_time);
    tcase_add_test(t, listed_and_ended);
    tcase_add_test(t, so_many_and_no_more);
    tcase_add_test(t, those_that_wait_push_out_none);
    tcase_add_test(t, odd_browsers);
    tcase_add_test(t, form_tokens);
    return s;
}
