/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Whom somebody finds to share with. */
#include "testutil.h"

#include <string.h>

#include "group.h"
#include "settings.h"
#include "share.h"
#include "sharees.h"

#define BOTH (1u << CLOUD_SHARE_USER | 1u << CLOUD_SHARE_GROUP)

static cloud_account_t *alice;
static cloud_ctx_t *as_alice;

static void person(const char *id, const char *name, const char *email)
{
    cloud_account_t *a;

    OK(cloud_account_create(&a, tu.ctx, id, NULL, name, tu.pool));
    if (email) OK(cloud_account_set_email(tu.ctx, id, email));
    if (strcmp(id, "alice") == 0) alice = a;
}

static void group(const char *id, const char *name, const char *const *members)
{
    cloud_group_t *g;

    OK(cloud_group_create(&g, tu.ctx, id, name, NULL, tu.pool));
    for (; members && *members; members++) OK(cloud_group_add(tu.ctx, id, *members, NULL));
}

static void set(const char *app, const char *key, const char *value)
{
    OK(cloud_setting_set(tu.ctx, app, key, value));
}

static void setup(void)
{
    static const char *const staff[] = { "alice", "brian", NULL };

    cloud_shares_register();
    tu_store();
    person("alice", "Alice Hansen", "alice@example.org");
    person("brian", "Brian Murphy", "b.murphy@example.org");
    person("Carol", "Carol King", NULL);
    person("dave", "brian", "dave@example.net");
    person("eve", "M\xc3\xbcller-Stra\xc3\x9f" "e", "eve@example.net");
    person("hundred", "100% of_it", NULL);
    group("staff", "The Staff", staff);
    group("brians", NULL, NULL);
    group("Board", "B\xc3\x96" "ARD", NULL);
    as_alice = tu_as(alice);
}

/* "exact users|exact groups|users|groups", ids with blanks between them. */
static const char *ids(const apr_array_header_t *list)
{
    const char *text = "";
    int i;

    for (i = 0; i < list->nelts; i++)
        text = apr_pstrcat(tu.pool, text, i ? " " : "", APR_ARRAY_IDX(list, i, cloud_sharee_t).id,
                           NULL);
    return text;
}

static const char *found_on(const char *text, apr_int64_t page, apr_int64_t per_page)
{
    cloud_sharees_ask_t ask = { text, page, per_page, BOTH };
    cloud_sharees_t *found;

    OK(cloud_sharees_search(&found, as_alice, alice, &ask, tu.pool));
    return apr_pstrcat(tu.pool, ids(found->exact_users), "|", ids(found->exact_groups), "|",
                       ids(found->users), "|", ids(found->groups), found->more ? "|more" : "", NULL);
}

static const char *found(const char *text)
{
    return found_on(text, 1, 200);
}

START_TEST(test_search)
{
    ck_assert_str_eq(found("bri"), "||brian dave|brians");
    ck_assert_str_eq(found("brian"), "brian dave|||brians");
    ck_assert_str_eq(found("BRIAN"), "brian dave|||brians");
    ck_assert_str_eq(found("murphy"), "||brian|");
    ck_assert_str_eq(found("Brian Murphy"), "brian|||");
    ck_assert_str_eq(found("b.murphy@example.org"), "brian|||");
    ck_assert_str_eq(found("carol"), "Carol|||");
    ck_assert_str_eq(found("the staff"), "|staff||");
    ck_assert_str_eq(found("staff"), "|staff||");
    ck_assert_str_eq(found("sta"), "|||staff");
    ck_assert_str_eq(found("example.net"), "||dave eve|");
    ck_assert_str_eq(found("nobody"), "|||");
    ck_assert_str_eq(found("ali"), "||alice|");
}
END_TEST

START_TEST(test_letters)
{
    ck_assert_str_eq(found("m\xc3\xbcl"), "||eve|");
    ck_assert_str_eq(found("M\xc3\x9cLLER"), "||eve|");
    ck_assert_str_eq(found("stra\xc3\x9f" "e"), "||eve|");
    ck_assert_str_eq(found("mu\xcc\x88" "ller"), "||eve|"); /* decomposed */
    ck_assert_str_eq(found("m\xc3\xbcller-stra\xc3\x9f" "e"), "eve|||");
    ck_assert_str_eq(found("b\xc3\xb6" "ard"), "|Board||");
    ck_assert_str_eq(found("\xff\xff\xff"), "|||");
}
END_TEST

/* What means something to LIKE is nothing special. */
START_TEST(test_wildcards)
{
    ck_assert_str_eq(found("100% of_it"), "hundred|||");
    ck_assert_str_eq(found("0%"), "||hundred|");
    ck_assert_str_eq(found("f_i"), "||hundred|");
    ck_assert_str_eq(found("%%"), "|||");
    ck_assert_str_eq(found("__"), "|||");
    ck_assert_str_eq(found("a%e"), "|||");
    ck_assert_str_eq(found("\\\\"), "|||");
    ck_assert_str_eq(found("' OR 1=1 --"), "|||");
}
END_TEST

START_TEST(test_length)
{
    ck_assert_str_eq(found(""), "|||");
    ck_assert_str_eq(found(NULL), "|||");
    ck_assert_str_eq(found("b"), "|||");
    ck_assert_str_eq(found(" b "), "|||");
    person("x", "Short", NULL);
    group("y", NULL, NULL);
    ck_assert_str_eq(found("x"), "x|||");
    ck_assert_str_eq(found("y"), "|y||");
    set("system", "user.search_min_length", "4");
    ck_assert_str_eq(found("bri"), "|||");
    ck_assert_str_eq(found("bria"), "||brian dave|brians");
    set("system", "user.search_min_length", "0");
    ck_assert_str_eq(found(""), "||alice brian Carol dave eve hundred x|Board admin brians staff y");
}
END_TEST

START_TEST(test_beginning)
{
    set("system", "accounts.enable_medial_search", "false");
    set("system", "groups.enable_medial_search", "false");
    ck_assert_str_eq(found("rian"), "|||");
    ck_assert_str_eq(found("bri"), "||brian dave|brians");
    ck_assert_str_eq(found("the"), "|||staff");
    ck_assert_str_eq(found("taff"), "|||");
    ck_assert_str_eq(found("m\xc3\xbcl"), "||eve|");
}
END_TEST

START_TEST(test_no_enumeration)
{
    set("core", "shareapi_allow_share_dialog_user_enumeration", "no");
    ck_assert_str_eq(found("bri"), "|||");
    ck_assert_str_eq(found("brian"), "brian dave|||");
    ck_assert_str_eq(found("staff"), "|staff||");
    ck_assert_str_eq(found("b.murphy@example.org"), "brian|||");
}
END_TEST

START_TEST(test_own_groups)
{
    set("core", "shareapi_share_dialog_user_enumeration_group_members", "yes");
    ck_assert_str_eq(found("bri"), "||brian|");
    ck_assert_str_eq(found("dave"), "dave|||"); /* by the id */
    ck_assert_str_eq(found("sta"), "|||staff");
    set("core", "shareapi_share_dialog_user_enumeration_group_members", NULL);
    set("core", "shareapi_only_share_with_group_members", "yes");
    ck_assert_str_eq(found("bri"), "||brian|brians");
    ck_assert_str_eq(found("dave"), "|||");
    ck_assert_str_eq(found("brian"), "brian|||brians");
    set("core", "shareapi_only_share_with_membership_groups", "yes");
    ck_assert_str_eq(found("brians"), "|||");
    ck_assert_str_eq(found("staff"), "|staff||");
}
END_TEST

static cloud_err_t *share_with(const char *id)
{
    const cloud_share_ask_t ask = { .path = "d", .type = CLOUD_SHARE_GROUP, .with = id };
    cloud_share_t *s;

    return cloud_share_create(&s, tu_as(alice), alice, &ask, tu.pool);
}

START_TEST(test_groups_left_out)
{
    cloud_result_t res;

    set("files_sharing", "blacklisted_receiver_groups", "[\"OC\\\\Group\\\\Database::brians\", \"Board\"]");
    OK(cloud_file_mkcol(&res, tu_as(alice), alice, "d", NULL, tu.pool));
    FAILS(share_with("brians"), DENIED);
    FAILS(share_with("Board"), DENIED);
    OK(share_with("staff"));
    ck_assert_str_eq(found("brians"), "|||");
    ck_assert_str_eq(found("Board"), "|||");
    ck_assert_str_eq(found("staff"), "|staff||");
    set("core", "shareapi_allow_group_sharing", "no");
    ck_assert_str_eq(found("staff"), "|||");
}
END_TEST

START_TEST(test_who_may_not_share)
{
    set("core", "shareapi_exclude_groups", "yes");
    ck_assert_str_eq(found("brian"), "brian dave|||brians");
    set("core", "shareapi_exclude_groups_list", "[\"staff\"]");
    ck_assert_str_eq(found("brian"), "|||");
}
END_TEST

START_TEST(test_people_left_out)
{
    cloud_account_t *brian;

    OK(cloud_account_get(&brian, tu.ctx, "brian", tu.pool));
    OK(cloud_pref_set(tu.ctx, brian, "files_sharing", "allow_share_dialog_user_enumeration", "no"));
    ck_assert_str_eq(found("bri"), "||dave|brians");
    ck_assert_str_eq(found("brian"), "brian dave|||brians");
    OK(cloud_account_set_enabled(tu.ctx, "brian", 0));
    ck_assert_str_eq(found("brian"), "dave|||brians");
}
END_TEST

START_TEST(test_pages)
{
    const char *all = "";
    int i, page;

    for (i = 0; i < 25; i++) person(apr_psprintf(tu.pool, "page%02d", i), NULL, NULL);
    ck_assert_str_eq(found_on("page", 1, 10), "||page00 page01 page02 page03 page04 page05 page06 page07"
                                              " page08 page09||more");
    for (page = 1; page <= 3; page++) {
        cloud_sharees_ask_t ask = { "page", page, 10, 1u << CLOUD_SHARE_USER };
        cloud_sharees_t *f;

        OK(cloud_sharees_search(&f, as_alice, alice, &ask, tu.pool));
        ck_assert_int_eq(f->more, page < 3);
        all = apr_pstrcat(tu.pool, all, ids(f->users), " ", NULL);
    }
    ck_assert_int_eq(strlen(all), 25 * 7);
    ck_assert_str_eq(found_on("page", 4, 10), "|||");
    /* by its id it is on the first page */
    ck_assert_str_eq(found_on("page24", 1, 10), "page24|||");
    person("pag", "page", NULL);
    ck_assert_str_eq(found_on("pag", 1, 2), "pag||page00||more");
}
END_TEST

START_TEST(test_info)
{
    cloud_sharees_ask_t ask = { "bri", 1, 10, BOTH };
    const cloud_sharee_t *one;
    cloud_sharees_t *f;

    OK(cloud_sharees_search(&f, as_alice, alice, &ask, tu.pool));
    one = &APR_ARRAY_IDX(f->users, 0, cloud_sharee_t);
    ck_assert_str_eq(one->label, "Brian Murphy");
    ck_assert_ptr_null(one->info);
    ck_assert_str_eq(APR_ARRAY_IDX(f->groups, 0, cloud_sharee_t).label, "brians");
    set("core", "user_additional_info_field", "email");
    OK(cloud_sharees_search(&f, as_alice, alice, &ask, tu.pool));
    ck_assert_str_eq(APR_ARRAY_IDX(f->users, 0, cloud_sharee_t).info, "b.murphy@example.org");
    ck_assert_ptr_null(APR_ARRAY_IDX(f->groups, 0, cloud_sharee_t).info);
    ask.text = "carol";
    OK(cloud_sharees_search(&f, as_alice, alice, &ask, tu.pool));
    ck_assert_ptr_null(APR_ARRAY_IDX(f->exact_users, 0, cloud_sharee_t).info);
    set("core", "user_additional_info_field", "id");
    OK(cloud_sharees_search(&f, as_alice, alice, &ask, tu.pool));
    ck_assert_str_eq(APR_ARRAY_IDX(f->exact_users, 0, cloud_sharee_t).info, "Carol");
}
END_TEST

/* A hundred thousand accounts: the worst that can be asked. */
START_TEST(test_many)
{
    apr_time_t start;

    tu_exec("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO account (number, id, folded, display_name, email, quota, enabled, created,"
            " last_login, root, purge, dir, secret_epoch) SELECT 1000000 + i, 'user' || i,"
            " 'user' || i, 'Person \xc3\x9c' || i, 'user' || i || '@example.com', -1, 1, 0, 0,"
            " 10000000 + i, 20000000 + i, 'dir' || i, 0 FROM n");
    start = apr_time_now();
    ck_assert_str_eq(found("nobody at all"), "|||");
    ck_assert_str_eq(found("user99999"), "user99999|||");
    ck_assert_str_eq(found_on("person", 1, 3), "||user1 user10 user100||more");
    ck_assert_str_eq(found_on("\xc3\xbc" "99998", 1, 3), "||user99998|");
    ck_assert_msg(apr_time_now() - start < apr_time_from_sec(10), "it took %d ms",
                  (int)apr_time_as_msec(apr_time_now() - start));
}
END_TEST

Suite *suite_sharees(void)
{
    Suite *suite = suite_create("sharees");
    TCase *tc = tu_case(suite, "sharees", setup);

    tcase_add_test(tc, test_search);
    tcase_add_test(tc, test_letters);
    tcase_add_test(tc, test_wildcards);
    tcase_add_test(tc, test_length);
    tcase_add_test(tc, test_beginning);
    tcase_add_test(tc, test_no_enumeration);
    tcase_add_test(tc, test_own_groups);
    tcase_add_test(tc, test_groups_left_out);
    tcase_add_test(tc, test_who_may_not_share);
    tcase_add_test(tc, test_people_left_out);
    tcase_add_test(tc, test_pages);
    tcase_add_test(tc, test_info);
    tcase_add_test(tc, test_many);
    return suite;
}
