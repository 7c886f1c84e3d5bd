/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a directory says of people. */
#include "testutil.h"

#include <string.h>

#include "group.h"
#include "person.h"

static cloud_account_t *get(const char *id)
{
    cloud_account_t *a;

    OK(cloud_account_get(&a, tu.ctx, id, tu.pool));
    return a;
}

/* Ids of an account's groups with a blank behind each. */
static const char *groups_of(const char *id)
{
    apr_array_header_t *groups;
    const char *out = "";
    int i;

    OK(cloud_group_of(&groups, tu.ctx, id, tu.pool));
    for (i = 0; i < groups->nelts; i++)
        out = apr_pstrcat(tu.pool, out, APR_ARRAY_IDX(groups, i, cloud_group_t).id, " ", NULL);
    return out;
}

static apr_array_header_t *list(const char *one, const char *two)
{
    apr_array_header_t *ids = apr_array_make(tu.pool, 2, sizeof(const char *));

    if (one) APR_ARRAY_PUSH(ids, const char *) = one;
    if (two) APR_ARRAY_PUSH(ids, const char *) = two;
    return ids;
}

static cloud_person_t alice(void)
{
    return (cloud_person_t){ .source = "ldap", .display_name = "Alice A", .email = "a@example.org",
                             .quota = "5 GB", .groups = list("green", "red") };
}

static void apply(const char *id, cloud_person_t p)
{
    OK(cloud_person_apply(tu.ctx, get(id), &p));
    ck_assert(cloud_person_known(get(id), &p, tu.pool));
}

START_TEST(test_everything_is_taken_over)
{
    cloud_person_t p = alice();
    cloud_account_t *a = tu_account("alice");

    ck_assert_str_eq(a->source, CLOUD_SOURCE_DATABASE);
    ck_assert(!cloud_person_known(a, &p, tu.pool));
    apply("alice", p);
    a = get("alice");
    ck_assert_str_eq(a->display_name, "Alice A");
    ck_assert_str_eq(a->email, "a@example.org");
    ck_assert_int_eq(a->quota, (apr_int64_t)5 << 30);
    ck_assert_str_eq(a->source, "ldap");
    ck_assert_str_eq(groups_of("alice"), "green red ");
}
END_TEST

/* Each difference, and nothing else, is one. */
START_TEST(test_known)
{
    cloud_person_t p = alice();
    const cloud_account_t *a;
    int i;

    tu_account("alice");
    apply("alice", p);
    a = get("alice");
    for (i = 1; i < 7; i++) {
        cloud_person_t q = alice();
        if (i == 1) q.display_name = "Alice";
        if (i == 2) q.email = NULL;
        if (i == 3) q.quota = "6 GB";
        if (i == 4) q.groups = NULL;
        if (i == 5) q.groups = list("green", NULL);
        if (i == 6) q.groups = list("greenred", NULL);
        ck_assert_msg(!cloud_person_known(a, &q, tu.pool), "%d", i);
    }
    /* Who logs in now here, now there, costs nothing where both say the same */
    p.source = "oidc";
    ck_assert(cloud_person_known(a, &p, tu.pool));
    p.groups = list(NULL, NULL);
    apply("alice", p);
    p.groups = NULL;
    ck_assert(!cloud_person_known(get("alice"), &p, tu.pool));
    p.email = "";
    apply("alice", p);
    p.email = NULL;
    ck_assert(cloud_person_known(get("alice"), &p, tu.pool));
}
END_TEST

START_TEST(test_known_costs_no_statement)
{
    cloud_person_t p = alice();
    const cloud_account_t *a;
    apr_uint64_t before;

    tu_account("alice");
    apply("alice", p);
    a = get("alice");
    before = tu_statements(tu.ctx);
    ck_assert(cloud_person_known(a, &p, tu.pool));
    ck_assert_int_eq(tu_statements(tu.ctx), before + 1);
}
END_TEST

START_TEST(test_what_is_not_said_stays)
{
    cloud_person_t nothing = { .source = "ldap" };
    cloud_account_t *a;

    tu_account("alice");
    apply("alice", alice());
    apply("alice", nothing);
    a = get("alice");
    ck_assert_str_eq(a->display_name, "Alice A");
    ck_assert_str_eq(a->email, "a@example.org");
    ck_assert_int_eq(a->quota, (apr_int64_t)5 << 30);
    ck_assert_str_eq(groups_of("alice"), "green red ");
}
END_TEST

START_TEST(test_nonsense_is_left_out)
{
    cloud_person_t p = { .source = "ldap", .display_name = "two\nlines", .email = "nobody",
                         .quota = "much", .groups = list("good", ".") };
    cloud_account_t *a;

    tu_account("alice");
    apply("alice", p);
    a = get("alice");
    ck_assert_str_eq(a->display_name, "alice");
    ck_assert_ptr_null(a->email);
    ck_assert_int_eq(a->quota, CLOUD_QUOTA_DEFAULT);
    ck_assert_str_eq(groups_of("alice"), "good ");
}
END_TEST

START_TEST(test_quota_forms)
{
    static const struct {
        const char *text;
        apr_int64_t quota;
    } cases[] = { { "none", CLOUD_QUOTA_UNLIMITED }, { "1024", 1024 }, { "0", 0 },
                  { "", 0 }, { "default", CLOUD_QUOTA_DEFAULT } };
    size_t i;

    tu_account("alice");
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        cloud_person_t p = { .source = "ldap", .quota = cases[i].text };
        apply("alice", p);
        ck_assert_int_eq(get("alice")->quota, cases[i].quota);
    }
}
END_TEST

START_TEST(test_memberships_given_here_stay)
{
    cloud_person_t p = alice(), other = { .source = "oidc", .groups = list("blue", "red") };
    cloud_group_t *g;

    tu_account("alice");
    OK(cloud_group_create(&g, tu.ctx, "local", NULL, NULL, tu.pool));
    OK(cloud_group_add(tu.ctx, "local", "alice", NULL));
    apply("alice", p);
    apply("alice", other);
    /* The directory of before has no say any more */
    ck_assert_str_eq(groups_of("alice"), "blue local red ");
    OK(cloud_group_get(&g, tu.ctx, "red", tu.pool));
    ck_assert_str_eq(g->source, "ldap");
    /* Who is put there here, too, stays when the directory lets go */
    OK(cloud_group_add(tu.ctx, "red", "alice", NULL));
    p.groups = list("local", NULL);
    apply("alice", p);
    ck_assert_str_eq(groups_of("alice"), "local red ");
    p.groups = list(NULL, NULL);
    apply("alice", p);
    ck_assert_str_eq(groups_of("alice"), "local red ");
}
END_TEST

START_TEST(test_an_account_with_a_password_stays_one_of_here)
{
    cloud_account_t *a;

    OK(cloud_account_create(&a, tu.ctx, "carl", "secret", NULL, tu.pool));
    apply("carl", alice());
    a = get("carl");
    ck_assert_str_eq(a->source, CLOUD_SOURCE_DATABASE);
    ck_assert_str_eq(a->display_name, "Alice A");
}
END_TEST

START_TEST(test_forget)
{
    cloud_person_t p = alice();
    cloud_account_t *a = tu_account("alice"), *boss = tu_account("boss");

    OK(cloud_group_add(tu.ctx, CLOUD_GROUP_ADMIN_ID, "boss", NULL));
    apply("alice", p);
    FAILS(cloud_person_forget(tu_as(a), "alice"), DENIED);
    FAILS(cloud_person_forget(tu_as(NULL), "alice"), DENIED);
    ck_assert(cloud_person_known(get("alice"), &p, tu.pool));
    OK(cloud_person_forget(tu_as(boss), "Alice"));
    ck_assert(!cloud_person_known(get("alice"), &p, tu.pool));
    FAILS(cloud_person_forget(tu_as(boss), "nobody"), NOT_FOUND);
    FAILS(cloud_person_apply(tu_as(boss), a, &p), DENIED);
}
END_TEST

START_TEST(test_gone_and_back)
{
    cloud_account_t *a;
    apr_int64_t epoch;

    tu_account("alice");
    apply("alice", alice());
    epoch = get("alice")->secret_epoch;
    FAILS(cloud_person_set_gone(tu_as(get("alice")), "alice", 1), DENIED);
    OK(cloud_person_set_gone(tu.ctx, "alice", 1));
    a = get("alice");
    ck_assert_int_eq(a->enabled, 0);
    ck_assert_int_ne(a->secret_epoch, epoch);
    FAILS(cloud_person_set_gone(tu.ctx, "alice", 1), CONFLICT);
    OK(cloud_person_forget(tu.ctx, "alice"));
    OK(cloud_person_set_gone(tu.ctx, "alice", 0));
    ck_assert_int_eq(get("alice")->enabled, 1);
    FAILS(cloud_person_set_gone(tu.ctx, "alice", 0), CONFLICT);

    /* Whom an administrator disabled stays disabled */
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(cloud_person_set_gone(tu.ctx, "alice", 0), CONFLICT);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    OK(cloud_person_set_gone(tu.ctx, "alice", 1));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(cloud_person_set_gone(tu.ctx, "alice", 0), CONFLICT);
    FAILS(cloud_person_set_gone(tu.ctx, "nobody", 1), NOT_FOUND);
}
END_TEST

Suite *suite_person(void)
{
    Suite *s = suite_create("person");
    TCase *tc = tu_case(s, "person", tu_store);

    tcase_add_test(tc, test_everything_is_taken_over);
    tcase_add_test(tc, test_known);
    tcase_add_test(tc, test_known_costs_no_statement);
    tcase_add_test(tc, test_what_is_not_said_stays);
    tcase_add_test(tc, test_nonsense_is_left_out);
    tcase_add_test(tc, test_quota_forms);
    tcase_add_test(tc, test_memberships_given_here_stay);
    tcase_add_test(tc, test_an_account_with_a_password_stays_one_of_here);
    tcase_add_test(tc, test_forget);
    tcase_add_test(tc, test_gone_and_back);
    return s;
}
