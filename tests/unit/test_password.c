/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "group.h"
#include "password.h"
#include "settings.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static void set(const char *key, const char *value)
{
    OK(cloud_setting_set(tu.ctx, "password_policy", key, value));
}

static const char *refused(const char *password)
{
    cloud_err_t *err = cloud_password_policy_check(tu.ctx, password);

    ck_assert_msg(!err || err->code == CLOUD_E_INVALID, "%s", err ? err->msg : "");
    return err ? err->msg : NULL;
}

START_TEST(nothing_is_asked_for_by_default)
{
    cloud_password_policy_t p;

    OK(cloud_password_policy(&p, tu.ctx));
    for (int i = 0; i < CLOUD_PASSWORD_NCOUNTS; i++) ck_assert_int_eq(p.least[i], 0);
    ck_assert_ptr_null(p.specials);
    ck_assert_ptr_null(p.banned);
    ck_assert_int_eq(p.history, 0);
    ck_assert_ptr_null(refused("x"));
}
END_TEST

/* One rule at a time, with a value or (NULL) its default. */
static const struct {
    const char *checked, *key, *value, *good, *bad, *message;
} RULES[] = {
    { "spv_min_chars_checked", "spv_min_chars_value", NULL, "12345678", "1234567",
      "The password needs at least 8 characters" },
    /* characters, not bytes */
    { "spv_min_chars_checked", "spv_min_chars_value", "3", "\xc3\xa4\xc3\xb6\xc3\xbc",
      "\xc3\xa4\xc3\xb6", "The password needs at least 3 characters" },
    { "spv_lowercase_checked", "spv_lowercase_value", NULL, "AaA", "AB1#",
      "The password needs at least 1 lower-case letter" },
    { "spv_lowercase_checked", "spv_lowercase_value", "2", "A\xc3\xa4z", "aA",
      "The password needs at least 2 lower-case letters" },
    { "spv_uppercase_checked", "spv_uppercase_value", NULL, "a\xc3\x84", "a\xc3\xa4",
      "The password needs at least 1 upper-case letter" },
    { "spv_numbers_checked", "spv_numbers_value", "3", "a1b2c3", "a1b2",
      "The password needs at least 3 digits" },
    { "spv_special_chars_checked", "spv_special_chars_value", NULL, "a b", "ab1\xe6\x96\x87",
      "The password needs at least 1 special character" },
    { "spv_special_chars_checked", "spv_special_chars_value", "2", "\xff\xe2\x82\xac", "a\xff",
      "The password needs at least 2 special characters" },
    { "spv_def_special_chars_checked", "spv_def_special_chars_value", NULL, "a#!1", "a#!.",
      "Of special characters a password may have these only: #!" },
    { "spv_def_special_chars_checked", "spv_def_special_chars_value", "\xe2\x82\xac.",
      "a\xe2\x82\xac.", "\xe2\x82\xa4", "Of special characters a password may have these only: "
      "\xe2\x82\xac." },
};

START_TEST(rules)
{
    const char *message;

    set(RULES[_i].key, RULES[_i].value);
    ck_assert_ptr_null(refused(RULES[_i].bad)); /* not switched on */
    set(RULES[_i].checked, "on");
    ck_assert_ptr_null(refused(RULES[_i].good));
    message = refused(RULES[_i].bad);
    ck_assert_ptr_nonnull(message);
    ck_assert_str_eq(message, RULES[_i].message);
}
END_TEST

START_TEST(special_ones_out_of_a_list)
{
    set("spv_special_chars_checked", "on");
    set("spv_def_special_chars_checked", "on");
    ck_assert_str_eq(refused("abc"), "The password needs at least 1 special character of #!");
    ck_assert_ptr_null(refused("abc#"));
}
END_TEST

START_TEST(banned)
{
    const char *path = apr_pstrcat(tu.pool, tu.dir, "/banned", NULL);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs("123456\r\n\nPassWord\nlast one", file);
    fclose(file);
    set("banned_passwords_list", path);
    ck_assert_str_eq(refused("123456"), "The password is one of those that many people use");
    ck_assert_ptr_nonnull(refused("passwoRD"));
    ck_assert_ptr_nonnull(refused("last one"));
    ck_assert_ptr_null(refused("12345"));
    ck_assert_ptr_null(refused("1234567"));
    ck_assert_ptr_null(refused("last"));
    /* What can't be read bans nothing, so nothing is let through. */
    unlink(path);
    FAILS(cloud_password_policy_check(tu.ctx, "anything"), UNAVAILABLE);
    set("banned_passwords_list", tu.dir);
    FAILS(cloud_password_policy_check(tu.ctx, "anything"), UNAVAILABLE);
}
END_TEST

START_TEST(accounts)
{
    cloud_account_new_t what = { .password = "short" };
    cloud_account_t *a;

    set("spv_min_chars_checked", "on");
    FAILS(cloud_account_create(&a, tu.ctx, "alice", "short", NULL, tu.pool), INVALID);
    FAILS(cloud_account_get(&a, tu.ctx, "alice", tu.pool), NOT_FOUND);
    what.force_password = 1;
    OK(cloud_account_add(&a, tu.ctx, "alice", &what, tu.pool));
    FAILS(cloud_account_set_password(tu.ctx, "alice", "other"), INVALID);
    FAILS(cloud_account_set_password(tu_as(a), "alice", "other"), INVALID);
    FAILS(cloud_account_force_password(tu_as(a), "alice", "other"), DENIED);
    OK(cloud_account_set_password(tu_as(a), "alice", "long enough"));
    OK(cloud_account_force_password(tu.ctx, "alice", "other"));
    OK(cloud_account_set_password(tu.ctx, "alice", NULL));
    OK(cloud_account_create(&a, tu.ctx, "bob", NULL, NULL, tu.pool));
}
END_TEST

static void set_all(const char *const *passwords)
{
    for (; *passwords; passwords++) OK(cloud_account_set_password(tu.ctx, "alice", *passwords));
}

START_TEST(history)
{
    static const char *const two[] = { "two", "three", NULL };
    cloud_account_t *a, *bob;

    set("spv_password_history_checked", "on");
    OK(cloud_account_create(&a, tu.ctx, "alice", "one", NULL, tu.pool));
    OK(cloud_account_create(&bob, tu.ctx, "bob", "one", NULL, tu.pool)); /* each has his own */
    FAILS(cloud_account_set_password(tu.ctx, "alice", "one"), INVALID);
    set_all(two);
    FAILS(cloud_account_set_password(tu.ctx, "alice", "one"), INVALID);
    FAILS(cloud_account_set_password(tu.ctx, "alice", "three"), INVALID);
    OK(cloud_account_set_password(tu.ctx, "alice", "four"));
    OK(cloud_account_set_password(tu.ctx, "alice", "one"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM old_password"), 2);
    /* A password that was taken away is one of them, and a forced one passes. */
    OK(cloud_account_set_password(tu.ctx, "alice", NULL));
    FAILS(cloud_account_set_password(tu.ctx, "alice", "one"), INVALID);
    OK(cloud_account_force_password(tu.ctx, "alice", "one"));
    /* Nothing is kept longer than asked for. */
    set("spv_password_history_value", "1");
    FAILS(cloud_account_set_password(tu.ctx, "alice", "one"), INVALID);
    OK(cloud_account_set_password(tu.ctx, "alice", "four"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM old_password"), 0);
    set("spv_password_history_checked", "off");
    OK(cloud_account_set_password(tu.ctx, "alice", "four"));
}
END_TEST

/* Nobody finds out by it what the password of somebody else was. */
START_TEST(history_tells_nobody_else)
{
    cloud_account_t *a, *bob;

    set("spv_password_history_checked", "on");
    OK(cloud_account_create(&a, tu.ctx, "alice", "one", NULL, tu.pool));
    bob = tu_account("bob");
    FAILS(cloud_account_set_password(tu_as(bob), "alice", "one"), DENIED);
    FAILS(cloud_account_set_password(tu_as(NULL), "alice", "one"), DENIED);
    FAILS(cloud_account_set_password(tu_as(bob), "nobody", "one"), DENIED);
    FAILS(cloud_account_set_password(tu_as(a), "alice", "one"), INVALID);
}
END_TEST

/* Whether somebody may set his own password, by what he came with. The system and those who manage the
 * account may in any case. */
static const struct {
    const char *password, *client;
    int elsewhere, two_factor, may;
} OWN[] = {
    { "old", NULL, 0, 0, 1 },
    { "old", "phone", 0, 0, 0 },
    { "old", NULL, 1, 0, 0 },
    { NULL, NULL, 0, 0, 0 },
    { NULL, NULL, 1, 0, 0 },
    { NULL, "phone", 0, 0, 0 },
    { "old", NULL, 0, 1, 1 },
    { "old", "phone", 0, 1, 1 },
    { "old", NULL, 1, 1, 1 },
    { NULL, "phone", 0, 1, 0 },
};

START_TEST(own_password)
{
    cloud_account_t *a, *root;
    cloud_ctx_t *self, *admin;

    OK(cloud_account_create(&a, tu.ctx, "alice", OWN[_i].password, NULL, tu.pool));
    root = tu_account("root");
    OK(cloud_group_add(tu.ctx, "admin", "root", NULL));
    if (OWN[_i].two_factor) OK(cloud_account_set_two_factor(tu.ctx, "alice", 1));
    self = tu_as(a);
    self->who.client = OWN[_i].client;
    self->who.elsewhere = OWN[_i].elsewhere;
    if (OWN[_i].may) {
        OK(cloud_account_set_password(self, "alice", "new"));
    }
    else {
        apr_int64_t epoch = tu_query_int("SELECT secret_epoch FROM account WHERE id = 'alice'");

        FAILS(cloud_account_set_password(self, "alice", "new"), DENIED);
        FAILS(cloud_account_set_password(self, "ALICE", NULL), DENIED);
        ck_assert_int_eq(tu_query_int("SELECT secret_epoch FROM account WHERE id = 'alice'"),
                         epoch);
        FAILS(cloud_account_verify(&a, &(const cloud_apppass_t *){ NULL }, tu.ctx, "alice", "new",
                                   0, tu.pool), UNAUTHORIZED);
    }
    admin = tu_as(root);
    admin->who.client = "phone";
    OK(cloud_account_set_password(admin, "alice", "newer"));
    OK(cloud_account_set_password(tu.ctx, "alice", "newest"));
    OK(cloud_account_set_password(tu.ctx, "alice", NULL));
}
END_TEST

START_TEST(history_goes_with_the_account)
{
    cloud_account_t *a;

    set("spv_password_history_checked", "on");
    OK(cloud_account_create(&a, tu.ctx, "alice", "one", NULL, tu.pool));
    OK(cloud_account_set_password(tu.ctx, "alice", "two"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM old_password"), 1);
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM old_password"), 0);
    OK(cloud_account_create(&a, tu.ctx, "alice", "one", NULL, tu.pool));
}
END_TEST

Suite *suite_password(void)
{
    Suite *s = suite_create("password");
    TCase *t = tu_case(s, "policy", tu_store);

    tcase_add_test(t, nothing_is_asked_for_by_default);
    tcase_add_loop_test(t, rules, 0, COUNT(RULES));
    tcase_add_test(t, special_ones_out_of_a_list);
    tcase_add_test(t, banned);
    tcase_add_test(t, accounts);
    tcase_add_test(t, history);
    tcase_add_test(t, history_tells_nobody_else);
    tcase_add_loop_test(t, own_password, 0, COUNT(OWN));
    tcase_add_test(t, history_goes_with_the_account);
    return s;
}
