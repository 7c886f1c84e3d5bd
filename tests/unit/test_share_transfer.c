/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What an account has becomes another's: what those notice to whom it is shared, and what becomes of what lay
 * in it. After each test fsck has to find nothing. */
#include "mounts_util.h"

#include "maint.h"
#include "trash.h"

#define ALL CLOUD_PERM_ALL

static void setup(void)
{
    mu_setup();
    mu_mkcol(&mu_alice, "work");
    mu_mkcol(&mu_alice, "work/doc");
    mu_put(&mu_alice, "work/doc/a.txt", "of alice");
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/sub");
    mu_mkcol(&mu_bob, "other");
}

static void transfer(const person_t *from, const person_t *to, const char *path)
{
    cloud_share_transfer_t done;

    OK(cloud_share_transfer(&done, tu.ctx, from->account, to->account, path, 0, tu.pool));
    ck_assert_int_eq(done.files, 1);
}

static int places(void)
{
    return (int)tu_query_int("SELECT count(*) FROM share_place");
}

START_TEST(what_was_received_stays)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_put(&mu_alice, "work/b.txt", "b");
    mu_share(&mu_alice, "work/b.txt", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc", "mine/sub/theirs"));
    OK(mu_move(&mu_bob, "b.txt", "other/b.txt"));
    transfer(&mu_bob, &mu_carol, "mine");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;other;");
    ck_assert_str_eq(mu_read(&mu_bob, "doc/a.txt"), "of alice");
    ck_assert_str_eq(mu_read(&mu_bob, "other/b.txt"), "b");
    ck_assert_int_eq(places(), 1);
}
END_TEST

START_TEST(recipients_notice)
{
    apr_int64_t root;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    root = mu_etag(&mu_bob, "");
    transfer(&mu_alice, &mu_carol, "work");
    ck_assert_str_eq(mu_read(&mu_bob, "doc/a.txt"), "of alice");
    ck_assert_int_eq(mu_entry(&mu_bob, "doc")->owner->number, mu_carol.account->number);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
}
END_TEST

/* ---- places ---- */

START_TEST(places_in_the_files_of_others)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc", "mine/sub/doc"));
    tu_sound();
    /* In the trash, and deleted for good, the folder is still his. */
    OK(mu_remove(&mu_bob, "mine/sub"));
    tu_sound();
    mu_mkcol(&mu_carol, "hers");
    mu_sql("UPDATE share_place SET parent = %" APR_INT64_T_FMT, mu_id(&mu_carol, "hers"));
    ck_assert_str_eq(tu_fsck(0), "row ");
    ck_assert_str_eq(tu_fsck(1), "row+ ");
    tu_sound();
    ck_assert_int_eq(places(), 0);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;mine;other;");
}
END_TEST

/* bob has put doc into a folder that goes to alice, who shares work with him. */
START_TEST(a_folder_with_places_goes_to_somebody_else)
{
    const char *id = apr_psprintf(tu.pool, "%" APR_INT64_T_FMT, mu_id(&mu_bob, "mine"));
    cloud_result_t res;

    mu_mkcol(&mu_alice, "team");
    mu_share(&mu_alice, "team", &mu_bob, ALL);
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc", "mine/sub/doc"));
    OK(mu_remove(&mu_bob, "mine"));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "other;team;");
    OK(cloud_trash_restore(&res, mu_bob.ctx, mu_bob.account, id, mu_bob.account, "team/mine", 0,
                           NULL, tu.pool));
    ck_assert_str_eq(mu_list(&mu_alice, "team/mine"), "sub;");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;other;team;");
    ck_assert_str_eq(mu_read(&mu_bob, "doc/a.txt"), "of alice");
    ck_assert_int_eq(places(), 0);
}
END_TEST

/* What has ended for now holds no folder up, and comes back where it can be found. */
START_TEST(a_folder_with_a_place_that_sleeps)
{
    apr_int64_t share = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);

    mu_mkcol(&mu_alice, "team");
    mu_share(&mu_alice, "team", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc", "mine/sub/doc"));
    mu_sql("UPDATE share SET expires = 1 WHERE id = %" APR_INT64_T_FMT, share);
    OK(mu_move(&mu_bob, "mine", "team/mine"));
    mu_sql("UPDATE share SET expires = NULL WHERE id = %" APR_INT64_T_FMT, share);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;other;team;");
    ck_assert_int_eq(places(), 0);
}
END_TEST

/* ---- links of who has less by now ---- */

static cloud_err_t *change(person_t *p, apr_int64_t id, const cloud_share_ask_t *ask)
{
    cloud_share_t *s;

    return cloud_share_update(&s, p->ctx, id, ask, tu.pool);
}

START_TEST(a_link_of_less_gets_a_password)
{
    const cloud_share_ask_t make = { .path = "doc", .type = CLOUD_SHARE_LINK, .has_perms = 1,
                                     .perms = 15 };
    const cloud_share_ask_t password = { .password = "a Secret 4711" }, name = { .name = "less" };
    const cloud_share_ask_t again = { .has_perms = 1, .perms = 15 };
    const cloud_share_ask_t upload = { .public_upload = "true" };
    apr_int64_t share = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    cloud_share_t *s;

    OK(cloud_share_create(&s, mu_bob.ctx, mu_bob.account, &make, tu.pool));
    mu_sql("UPDATE share SET perms = 17 WHERE id = %" APR_INT64_T_FMT, share);
    OK(change(&mu_bob, s->id, &password));
    OK(change(&mu_bob, s->id, &name));
    FAILS(change(&mu_bob, s->id, &again), NOT_FOUND);
    FAILS(change(&mu_bob, s->id, &upload), NOT_FOUND);
    ck_assert_int_eq(tu_query_int("SELECT perms FROM share WHERE type = 3 AND password IS NOT NULL"
                                  " AND name = 'less'"), 15);
}
END_TEST

Suite *suite_share_transfer(void)
{
    Suite *suite = suite_create("share_transfer");
    TCase *tc = tcase_create("share_transfer");

    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_was_received_stays);
    tcase_add_test(tc, recipients_notice);
    tcase_add_test(tc, places_in_the_files_of_others);
    tcase_add_test(tc, a_folder_with_places_goes_to_somebody_else);
    tcase_add_test(tc, a_folder_with_a_place_that_sleeps);
    tcase_add_test(tc, a_link_of_less_gets_a_password);
    suite_add_tcase(suite, tc);
    return suite;
}
