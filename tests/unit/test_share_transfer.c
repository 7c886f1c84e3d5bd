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

static int given_by(const person_t *owner, const person_t *initiator)
{
    return (int)tu_query_int(apr_psprintf(tu.pool, "SELECT count(*) FROM share WHERE owner = %"
                                          APR_INT64_T_FMT " AND initiator = %" APR_INT64_T_FMT,
                                          owner->account->number, initiator->account->number));
}

START_TEST(a_file_keeps_its_shares)
{
    mu_put(&mu_alice, "f.txt", "f");
    mu_share(&mu_alice, "f.txt", &mu_bob, ALL);
    mu_share(&mu_alice, "f.txt", &mu_carol, ALL);
    transfer(&mu_alice, &mu_carol, "f.txt");
    ck_assert_int_eq(given_by(&mu_carol, &mu_carol), 1);
    ck_assert_int_eq((int)tu_query_int("SELECT count(*) FROM share"), 1);
    ck_assert_str_eq(mu_read(&mu_bob, "f.txt"), "f");
}
END_TEST

/* ---- into an account that has nothing ---- */

static cloud_err_t *transfer_all(const person_t *from, const person_t *to, int *moved)
{
    cloud_share_transfer_t done;
    cloud_err_t *err;

    err = cloud_share_transfer(&done, tu.ctx, from->account, to->account, NULL, 1, tu.pool);
    *moved = done.files;
    return err;
}

static void set_quota(person_t *p, apr_int64_t quota)
{
    OK(cloud_account_set_quota(tu.ctx, p->account->id, quota));
    OK(cloud_account_get(&p->account, tu.ctx, p->account->id, tu.pool));
}

static int begun(void)
{
    return (int)tu_query_int("SELECT count(*) FROM share_transfer");
}

START_TEST(what_was_interrupted_goes_on)
{
    int moved;

    mu_put(&mu_alice, "a.txt", "a");
    mu_put(&mu_alice, "z.txt", "much longer than what there is room for");
    set_quota(&mu_carol, 20);
    FAILS(transfer_all(&mu_alice, &mu_carol, &moved), QUOTA);
    ck_assert_int_eq(moved, 2);
    ck_assert_str_eq(mu_list(&mu_alice, ""), "z.txt;");
    ck_assert_int_eq(begun(), 1);
    set_quota(&mu_carol, CLOUD_QUOTA_UNLIMITED);
    /* Others do not get in meanwhile. */
    FAILS(transfer_all(&mu_bob, &mu_carol, &moved), EXISTS);
    mu_put(&mu_carol, "hers", "put there meanwhile");
    OK(transfer_all(&mu_alice, &mu_carol, &moved));
    ck_assert_int_eq(moved, 1);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "a.txt;hers;work;z.txt;");
    ck_assert_int_eq(begun(), 0);
    mu_put(&mu_alice, "new", "n");
    FAILS(transfer_all(&mu_alice, &mu_carol, &moved), EXISTS);
}
END_TEST

/* ---- what vanishes meanwhile ---- */

static const char *vanishes;

/* While the first one is moved another one gets another name. */
static cloud_err_t *rename_another(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                                   const cloud_entry_t *from, apr_pool_t *pool)
{
    (void)entry, (void)from;
    if (!vanishes || strcmp(op, "move") != 0) return NULL;
    return cloud_db_run(ctx->db, NULL, pool, "UPDATE node SET name = 'elsewhere' WHERE name = ?1", "t",
                        vanishes);
}

static const cloud_feature_t RENAMES = { .name = "renames", .changed = rename_another };

static void transfer_while_it_vanishes(const char *name, int moved, const char *left)
{
    int n;

    vanishes = name;
    OK(transfer_all(&mu_alice, &mu_carol, &n));
    vanishes = NULL;
    ck_assert_int_eq(n, moved);
    ck_assert_str_eq(mu_list(&mu_alice, ""), left);
    mu_sql("UPDATE node SET name = '%s' WHERE name = 'elsewhere'", name);
    ck_assert_int_eq(begun(), 0);
}

START_TEST(what_vanishes_is_left_out)
{
    cloud_feature_register(&RENAMES);
    mu_put(&mu_alice, "a.txt", "a");
    mu_put(&mu_alice, "b.txt", "b");
    transfer_while_it_vanishes("b.txt", 2, "elsewhere;");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "a.txt;work;");
    OK(mu_remove(&mu_carol, "a.txt"));
    OK(mu_remove(&mu_carol, "work"));
    /* The last one, with which the transfer would be over. */
    mu_put(&mu_alice, "a.txt", "a");
    transfer_while_it_vanishes("b.txt", 1, "elsewhere;");
    cloud_feature_unregister(&RENAMES);
}
END_TEST

/* One item may be sent on by itself meanwhile: the others are still to come. */
START_TEST(one_item_does_not_end_it)
{
    cloud_share_transfer_t done;
    int moved;

    mu_put(&mu_alice, "z.txt", "much longer than what there is room for");
    mu_put(&mu_alice, "zz.txt", "much longer than what there is room for");
    set_quota(&mu_carol, 10);
    FAILS(transfer_all(&mu_alice, &mu_carol, &moved), QUOTA);
    set_quota(&mu_carol, CLOUD_QUOTA_UNLIMITED);
    OK(cloud_share_transfer(&done, tu.ctx, mu_alice.account, mu_carol.account, "zz.txt", 1, tu.pool));
    ck_assert_int_eq(begun(), 1);
    OK(transfer_all(&mu_alice, &mu_carol, &moved));
    ck_assert_int_eq(begun(), 0);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "work;z.txt;zz.txt;");
    FAILS(cloud_share_transfer(&done, tu.ctx, mu_alice.account, mu_carol.account, "none", 1, tu.pool),
          NOT_FOUND);
}
END_TEST

/* What was left is gone by other ways, or one of both accounts. */
START_TEST(what_was_interrupted_ends)
{
    int moved;

    mu_put(&mu_alice, "z.txt", "much longer than what there is room for");
    set_quota(&mu_carol, 10);
    FAILS(transfer_all(&mu_alice, &mu_carol, &moved), QUOTA);
    OK(mu_remove(&mu_alice, "z.txt"));
    ck_assert_int_eq(begun(), 1);
    OK(transfer_all(&mu_alice, &mu_carol, &moved));
    ck_assert_int_eq(moved, 0);
    ck_assert_int_eq(begun(), 0);

    mu_put(&mu_bob, "z.txt", "much longer than what there is room for");
    set_quota(&mu_dave, 10);
    FAILS(transfer_all(&mu_bob, &mu_dave, &moved), QUOTA);
    ck_assert_int_eq(begun(), 1);
    OK(cloud_account_delete(tu.ctx, "bob"));
    ck_assert_int_eq(begun(), 0);
}
END_TEST

/* ---- its owner moves it into what he received ---- */

/* Alice's file and folder, shared with dave, go to the folder of carol's. */
static void into_hers(unsigned perms)
{
    mu_mkcol(&mu_carol, "hers");
    mu_share(&mu_carol, "hers", &mu_alice, perms);
    mu_share(&mu_alice, "work", &mu_dave, ALL);
    mu_share(&mu_alice, "work/doc", &mu_bob, CLOUD_PERM_READ | CLOUD_PERM_SHARE);
    mu_share(&mu_alice, "work/doc", &mu_carol, ALL);
    OK(mu_move(&mu_alice, "work", "hers/work"));
    tu_sound();
}

START_TEST(what_is_given_stays_shared)
{
    into_hers(ALL);
    ck_assert_int_eq(given_by(&mu_carol, &mu_alice), 2);
    ck_assert_str_eq(mu_read(&mu_dave, "work/doc/a.txt"), "of alice");
    ck_assert_str_eq(mu_read(&mu_bob, "doc/a.txt"), "of alice");
    ck_assert_int_eq(mu_entry(&mu_bob, "doc")->owner->number, mu_carol.account->number);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "hers;");
    /* It hangs on what alice has there, and ends with the item. */
    mu_sql("UPDATE share SET perms = 1 WHERE recipient = %" APR_INT64_T_FMT,
           mu_alice.account->number);
    ck_assert_str_eq(mu_list(&mu_dave, ""), "");
    OK(mu_remove(&mu_carol, "hers/work/doc"));
    ck_assert_int_eq(given_by(&mu_carol, &mu_alice), 1);
}
END_TEST

START_TEST(what_is_given_is_worth_no_more_than_what_is_had)
{
    into_hers(CLOUD_PERM_READ | CLOUD_PERM_CREATE | CLOUD_PERM_SHARE);
    ck_assert_str_eq(mu_letters(&mu_dave, "work/doc"), "SRCK");
    ck_assert_str_eq(mu_read(&mu_dave, "work/doc/a.txt"), "of alice");
    FAILS(mu_try_put(&mu_dave, "work/doc/a.txt", "other"), DENIED);
}
END_TEST

START_TEST(who_may_not_share_there_gives_nothing)
{
    into_hers(ALL & ~(unsigned)CLOUD_PERM_SHARE);
    ck_assert_str_eq(mu_list(&mu_dave, ""), "");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "mine;other;");
    ck_assert_int_eq(given_by(&mu_carol, &mu_alice), 2);
}
END_TEST

START_TEST(where_nothing_is_shared_on_it_ends)
{
    OK(cloud_setting_set(tu.ctx, "core", "shareapi_allow_resharing", "no"));
    into_hers(ALL);
    ck_assert_str_eq(mu_list(&mu_dave, ""), "");
    ck_assert_int_eq(given_by(&mu_carol, &mu_alice), 0);
}
END_TEST

START_TEST(a_file_that_is_given_stays_shared)
{
    mu_mkcol(&mu_carol, "hers");
    mu_share(&mu_carol, "hers", &mu_alice, ALL);
    mu_put(&mu_alice, "f.txt", "f");
    mu_share(&mu_alice, "f.txt", &mu_dave, CLOUD_PERM_READ | CLOUD_PERM_SHARE);
    mu_reshare(&mu_dave, "f.txt", &mu_bob, CLOUD_PERM_READ);
    OK(mu_move(&mu_alice, "f.txt", "hers/g.txt"));
    ck_assert_str_eq(mu_read(&mu_dave, "f.txt"), "f");
    ck_assert_str_eq(mu_read(&mu_bob, "f.txt"), "f");
    ck_assert_int_eq(given_by(&mu_carol, &mu_dave), 1);
    /* Where it is moved within what is carol's changes nothing, nor who moves it. */
    mu_mkcol(&mu_carol, "hers/deep");
    OK(mu_move(&mu_alice, "hers/g.txt", "hers/deep/f.txt"));
    OK(mu_move(&mu_carol, "hers/deep/f.txt", "hers/f.txt"));
    ck_assert_str_eq(mu_read(&mu_bob, "f.txt"), "f");
    /* Out of it, it is deleted there: what alice has is a copy, of which dave has given nothing to anybody. */
    OK(mu_move(&mu_alice, "hers/f.txt", "back.txt"));
    ck_assert_str_eq(mu_read(&mu_dave, "f.txt"), "f");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "mine;other;");
    ck_assert_int_eq(given_by(&mu_alice, &mu_alice), 1);
}
END_TEST

/* ---- who received it moves it out ---- */

static apr_int64_t doc_to_bob_and_on(unsigned perms)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, perms);
    mu_share(&mu_alice, "work/doc", &mu_dave, CLOUD_PERM_READ);
    return mu_reshare(&mu_bob, "doc/a.txt", &mu_carol, CLOUD_PERM_READ | CLOUD_PERM_UPDATE);
}

/* What he shared of it stays shared, and where it was put; what others did ends. */
START_TEST(what_is_moved_out_stays_shared_by_who_moved_it)
{
    doc_to_bob_and_on(ALL);
    mu_share(&mu_alice, "work/doc/a.txt", &mu_dave, CLOUD_PERM_READ);
    mu_mkcol(&mu_carol, "put");
    OK(mu_move(&mu_carol, "a.txt", "put/renamed"));
    OK(mu_move(&mu_bob, "doc/a.txt", "mine/a.txt"));
    tu_sound();
    ck_assert_str_eq(mu_read(&mu_carol, "put/renamed"), "of alice");
    ck_assert_int_eq(mu_entry(&mu_carol, "put/renamed")->owner->number, mu_bob.account->number);
    OK(mu_try_put(&mu_carol, "put/renamed", "of carol"));
    ck_assert_str_eq(mu_read(&mu_bob, "mine/a.txt"), "of carol");
    ck_assert_str_eq(mu_list(&mu_dave, ""), "doc;");
    ck_assert_int_eq(given_by(&mu_bob, &mu_bob), 1);
    ck_assert_int_eq(places(), 1);
}
END_TEST

/* A folder, to what a third one gave him, who has it himself by that. */
START_TEST(what_is_moved_to_other_files_stays_shared)
{
    mu_mkcol(&mu_dave, "his");
    mu_share(&mu_dave, "his", &mu_bob, CLOUD_PERM_READ | CLOUD_PERM_CREATE | CLOUD_PERM_SHARE);
    mu_mkcol(&mu_alice, "work/doc/sub");
    mu_put(&mu_alice, "work/doc/sub/x", "x");
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_reshare(&mu_bob, "doc/sub", &mu_carol, CLOUD_PERM_READ | CLOUD_PERM_CREATE);
    mu_reshare(&mu_bob, "doc/sub", &mu_dave, CLOUD_PERM_READ);
    OK(mu_move(&mu_bob, "doc/sub", "his/sub"));
    ck_assert_str_eq(mu_read(&mu_carol, "sub/x"), "x");
    ck_assert_int_eq(given_by(&mu_dave, &mu_bob), 1);
    ck_assert_str_eq(mu_list(&mu_dave, ""), "his;");
    mu_sql("UPDATE share SET perms = 1 WHERE recipient = %" APR_INT64_T_FMT " AND owner = %"
           APR_INT64_T_FMT, mu_bob.account->number, mu_dave.account->number);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
}
END_TEST

/* Nobody has more by it than he had. */
START_TEST(what_is_moved_out_is_worth_what_it_was)
{
    doc_to_bob_and_on(ALL & ~(unsigned)CLOUD_PERM_SHARE);
    OK(mu_move(&mu_bob, "doc/a.txt", "mine/a.txt"));
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
    ck_assert_int_eq(given_by(&mu_bob, &mu_bob), 0);
    mu_put(&mu_alice, "work/doc/b.txt", "b");
    mu_sql("UPDATE share SET perms = 25 WHERE recipient = %" APR_INT64_T_FMT,
           mu_bob.account->number);
    mu_reshare(&mu_bob, "doc/b.txt", &mu_carol, CLOUD_PERM_READ | CLOUD_PERM_UPDATE);
    OK(mu_move(&mu_bob, "doc/b.txt", "mine/b.txt"));
    ck_assert_str_eq(mu_read(&mu_carol, "b.txt"), "b");
    FAILS(mu_try_put(&mu_carol, "b.txt", "other"), DENIED);
}
END_TEST

/* Over a file that is there already it is new content of that one. */
START_TEST(what_is_moved_onto_something_is_shared_as_that)
{
    doc_to_bob_and_on(ALL);
    mu_put(&mu_bob, "mine/a.txt", "bob's");
    mu_share(&mu_bob, "mine/a.txt", &mu_dave, CLOUD_PERM_READ);
    OK(mu_move(&mu_bob, "doc/a.txt", "mine/a.txt"));
    ck_assert_str_eq(mu_read(&mu_dave, "a.txt"), "of alice");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
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
    tcase_add_test(tc, a_file_keeps_its_shares);
    tcase_add_test(tc, what_was_interrupted_goes_on);
    tcase_add_test(tc, what_was_interrupted_ends);
    tcase_add_test(tc, what_vanishes_is_left_out);
    tcase_add_test(tc, one_item_does_not_end_it);
    tcase_add_test(tc, what_is_given_stays_shared);
    tcase_add_test(tc, what_is_given_is_worth_no_more_than_what_is_had);
    tcase_add_test(tc, who_may_not_share_there_gives_nothing);
    tcase_add_test(tc, where_nothing_is_shared_on_it_ends);
    tcase_add_test(tc, a_file_that_is_given_stays_shared);
    tcase_add_test(tc, what_is_moved_out_stays_shared_by_who_moved_it);
    tcase_add_test(tc, what_is_moved_to_other_files_stays_shared);
    tcase_add_test(tc, what_is_moved_out_is_worth_what_it_was);
    tcase_add_test(tc, what_is_moved_onto_something_is_shared_as_that);
    tcase_add_test(tc, places_in_the_files_of_others);
    tcase_add_test(tc, a_folder_with_places_goes_to_somebody_else);
    tcase_add_test(tc, a_folder_with_a_place_that_sleeps);
    tcase_add_test(tc, a_link_of_less_gets_a_password);
    suite_add_tcase(suite, tc);
    return suite;
}
