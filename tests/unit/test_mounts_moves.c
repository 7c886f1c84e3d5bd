/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: leaving them, MOVE and COPY within, into, out of and onto them, and locks. */
#include "mounts_util.h"

#include "maint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ALL  CLOUD_PERM_ALL
#define READ CLOUD_PERM_READ

/* ---- leaving and moving ---- */

START_TEST(leaving)
{
    apr_int64_t doc = mu_id(&mu_alice, "work/doc");

    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    OK(mu_remove(&mu_bob, "doc"));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "file.txt;");
    OK(mu_remove(&mu_bob, "file.txt"));
    FAILS(mu_remove(&mu_bob, "file.txt"), NOT_FOUND);
    /* Nothing happened to what was shared. */
    ck_assert_int_eq(mu_id(&mu_alice, "work/doc"), doc);
    ck_assert_str_eq(mu_read(&mu_alice, "file.txt"), "a file");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 0);
}
END_TEST

START_TEST(moving_a_mount)
{
    apr_int64_t doc = mu_id(&mu_alice, "work/doc"), etag, root;

    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_mkcol(&mu_bob, "mine");
    mu_put(&mu_bob, "own", "own");
    etag = mu_etag(&mu_bob, "doc");
    root = mu_etag(&mu_bob, "");
    OK(mu_move(&mu_bob, "doc", "Papers"));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Papers;file.txt;mine;own;");
    ck_assert_int_eq(mu_id(&mu_bob, "Papers"), doc);
    ck_assert_int_eq(mu_etag(&mu_bob, "Papers"), etag);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    OK(mu_move(&mu_bob, "Papers", "mine/Papers"));
    OK(mu_move(&mu_bob, "file.txt", "mine/f"));
    ck_assert_str_eq(mu_list(&mu_bob, "mine"), "Papers;f;");
    ck_assert_str_eq(mu_read(&mu_bob, "mine/f"), "a file");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "mine;own;");
    OK(mu_move(&mu_bob, "mine/f", "f"));
    /* Over something of his own, which goes to the trash. */
    OK(mu_move(&mu_bob, "f", "own"));
    ck_assert_str_eq(mu_read(&mu_bob, "own"), "a file");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 1);
    FAILS(mu_move(&mu_bob, "mine/Papers", "mine"), CONFLICT);
    FAILS(mu_move(&mu_bob, "mine/Papers", "own"), DENIED);
    FAILS(mu_move(&mu_bob, "mine/Papers", "nowhere/Papers"), CONFLICT);
    FAILS(mu_move(&mu_bob, "mine/Papers", "mine/Papers/x"), DENIED);
    /* The owner's item has moved nowhere. */
    ck_assert_int_eq(mu_id(&mu_alice, "work/doc"), doc);
    ck_assert(mu_exists(&mu_alice, "file.txt"));
}
END_TEST

START_TEST(moving_within_what_was_shared)
{
    apr_int64_t id = mu_id(&mu_alice, "work/doc/a.txt");

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc/a.txt", "doc/sub/b.txt"));
    ck_assert_int_eq(mu_id(&mu_alice, "work/doc/sub/b.txt"), id);
    ck_assert_int_eq(mu_entry(&mu_alice, "work/doc")->node.size, 8 + 6);
    /* Between two mounts of one owner. */
    mu_mkcol(&mu_alice, "second");
    mu_share(&mu_alice, "second", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc/sub/b.txt", "second/b.txt"));
    ck_assert_int_eq(mu_id(&mu_alice, "second/b.txt"), id);
    /* But not from where content may not be read to where it may. */
    mu_sql("UPDATE share SET flags = 1 WHERE target = 'doc'");
    FAILS(mu_move(&mu_bob, "doc/sub/deep", "second/deep"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/sub/deep", "mine"), DENIED);
    OK(mu_move(&mu_bob, "doc/sub/deep", "doc/deep"));
}
END_TEST

START_TEST(renaming_needs_update_alone)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, READ | CLOUD_PERM_UPDATE);
    OK(mu_move(&mu_bob, "doc/a.txt", "doc/b.txt"));
    FAILS(mu_move(&mu_bob, "doc/b.txt", "doc/sub/b.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/b.txt", "doc/sub"), DENIED);
    mu_put(&mu_bob, "own", "own");
    OK(mu_copy(&mu_bob, "own", "doc/b.txt"));
    ck_assert_str_eq(mu_read(&mu_alice, "work/doc/b.txt"), "own");
}
END_TEST

START_TEST(moving_into_what_was_shared)
{
    apr_int64_t id;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "mine");
    mu_put(&mu_bob, "mine/x", "bob's x");
    mu_share(&mu_bob, "mine/x", &mu_carol, ALL);
    id = mu_id(&mu_bob, "mine/x");
    OK(mu_move(&mu_bob, "mine", "doc/mine"));
    ck_assert(!mu_exists(&mu_bob, "mine"));
    ck_assert_int_eq(mu_id(&mu_alice, "work/doc/mine/x"), id);
    ck_assert_str_eq(mu_read(&mu_alice, "work/doc/mine/x"), "bob's x");
    ck_assert(tu_exists("accounts/alice/files/work/doc/mine/x"));
    ck_assert(!tu_exists("accounts/bob/files/mine"));
    ck_assert_int_eq(mu_entry(&mu_bob, "")->node.size, 0);
    /* He shares what he received by now. */
    ck_assert_str_eq(mu_read(&mu_carol, "x"), "bob's x");
    ck_assert_int_eq(mu_entry(&mu_carol, "x")->owner->number, mu_alice.account->number);
    /* What he received does not go along with the folder that he put it in. */
    mu_mkcol(&mu_bob, "with");
    mu_mkcol(&mu_bob, "with/in");
    OK(mu_move(&mu_bob, "doc", "with/in/renamed"));
    mu_mkcol(&mu_alice, "other");
    mu_share(&mu_alice, "other", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "with", "other/with"));
    ck_assert(mu_exists(&mu_alice, "other/with/in") && mu_exists(&mu_bob, "other/with/in"));
    ck_assert(!mu_exists(&mu_alice, "other/with/in/renamed"));
    ck_assert(!mu_exists(&mu_bob, "other/with/in/renamed"));
    ck_assert_str_eq(mu_read(&mu_bob, "doc/mine/x"), "bob's x");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 0);
}
END_TEST

START_TEST(moving_out_of_what_was_shared)
{
    apr_int64_t id = mu_id(&mu_alice, "work/doc/a.txt"), sub = mu_id(&mu_alice, "work/doc/sub");

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc/a.txt", "a.txt"));
    ck_assert_str_eq(mu_read(&mu_bob, "a.txt"), "of alice");
    ck_assert_int_ne(mu_id(&mu_bob, "a.txt"), id);
    ck_assert(!mu_exists(&mu_alice, "work/doc/a.txt"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 1);
    ck_assert_int_eq(tu_query_int("SELECT node FROM trash"), id);
    OK(mu_move(&mu_bob, "doc/sub", "sub"));
    ck_assert_str_eq(mu_read(&mu_bob, "sub/deep"), "deeper");
    ck_assert_int_ne(mu_id(&mu_bob, "sub"), sub);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 2);
    ck_assert_str_eq(mu_list(&mu_bob, "doc"), "");
    ck_assert_int_eq(mu_entry(&mu_alice, "work")->node.size, 0);
    ck_assert_int_eq(mu_entry(&mu_bob, "")->node.size, 8 + 6);
    ck_assert(tu_exists("accounts/bob/files/sub/deep"));
}
END_TEST

START_TEST(moving_out_needs_read_and_delete)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, READ | CLOUD_PERM_UPDATE | CLOUD_PERM_CREATE);
    FAILS(mu_move(&mu_bob, "doc/a.txt", "a.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/sub", "sub"), DENIED);
    mu_sql("UPDATE share SET perms = 9");
    OK(mu_move(&mu_bob, "doc/a.txt", "a.txt"));
    mu_sql("UPDATE share SET flags = 1");
    FAILS(mu_move(&mu_bob, "doc/sub", "sub"), DENIED);
    ck_assert_str_eq(mu_list(&mu_alice, "work/doc"), "sub;");
}
END_TEST

START_TEST(moving_onto_a_mounted_file)
{
    apr_int64_t id = mu_id(&mu_alice, "file.txt");

    mu_share(&mu_alice, "file.txt", &mu_bob, READ | CLOUD_PERM_UPDATE);
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_put(&mu_bob, "own", "bob's content");
    OK(mu_move(&mu_bob, "own", "file.txt"));
    ck_assert_int_eq(mu_id(&mu_alice, "file.txt"), id);
    ck_assert_str_eq(mu_read(&mu_alice, "file.txt"), "bob's content");
    ck_assert(!mu_exists(&mu_bob, "own"));
    OK(mu_copy(&mu_bob, "doc/a.txt", "file.txt"));
    ck_assert_int_eq(mu_id(&mu_alice, "file.txt"), id);
    ck_assert_str_eq(mu_read(&mu_alice, "file.txt"), "of alice");
    mu_mkcol(&mu_bob, "folder");
    FAILS(mu_move(&mu_bob, "folder", "file.txt"), DENIED);
    FAILS(mu_copy(&mu_bob, "folder", "file.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "folder", "doc"), DENIED);
    mu_put(&mu_bob, "own", "more");
    FAILS(mu_move(&mu_bob, "own", "doc"), DENIED);
    FAILS(mu_copy(&mu_bob, "own", "doc"), DENIED);
}
END_TEST

START_TEST(a_copy_has_what_was_mounted)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_mkcol(&mu_bob, "mine");
    mu_put(&mu_bob, "mine/own", "own");
    OK(mu_move(&mu_bob, "doc", "mine/theirs"));
    OK(mu_move(&mu_bob, "file.txt", "mine/f"));
    OK(mu_copy(&mu_bob, "mine", "copy"));
    ck_assert_str_eq(mu_list(&mu_bob, "copy"), "f;own;theirs;");
    ck_assert_str_eq(mu_read(&mu_bob, "copy/theirs/sub/deep"), "deeper");
    ck_assert_str_eq(mu_read(&mu_bob, "copy/f"), "a file");
    ck_assert_ptr_null(mu_entry(&mu_bob, "copy/theirs")->mount);
    ck_assert_int_eq(mu_entry(&mu_bob, "copy")->node.size, 3 + 8 + 6 + 6);
}
END_TEST

/* Nothing is left out without a word, and nothing copied for nothing. */
START_TEST(a_copy_of_what_may_not_be_read)
{
    apr_int64_t nodes;
    cloud_err_t *err;

    mu_sql("UPDATE share SET flags = 1 WHERE id = %d",
           (int)mu_share(&mu_alice, "work/doc", &mu_bob, ALL));
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/deep");
    mu_put(&mu_bob, "mine/own", "own");
    OK(mu_move(&mu_bob, "doc", "mine/deep/theirs"));
    nodes = tu_query_int("SELECT count(*) FROM node");
    err = mu_copy(&mu_bob, "mine", "copy");
    FAILS(err, DENIED);
    ck_assert_ptr_nonnull(strstr(err->msg, "theirs"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), nodes);
    OK(mu_copy(&mu_bob, "mine/own", "copy"));
}
END_TEST

START_TEST(a_copy_is_as_large_as_what_was_mounted)
{
    apr_int64_t nodes;

    mu_put(&mu_alice, "work/doc/large", apr_psprintf(tu.pool, "%0999d", 0));
    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_mkcol(&mu_bob, "mine");
    OK(mu_move(&mu_bob, "doc", "mine/theirs"));
    mu_sql("UPDATE account SET quota = 100 WHERE id = 'bob'");
    mu_bob.account->quota = 100;
    nodes = tu_query_int("SELECT count(*) FROM node");
    FAILS(mu_copy(&mu_bob, "mine", "copy"), QUOTA);
    /* Nothing had been copied by then: there is nothing to purge. */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), nodes);
}
END_TEST

/* RFC 4918, 9.8 and 9.9: the paths count, whoever's the trees are. */
START_TEST(onto_the_folder_it_is_in)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/in");
    OK(mu_move(&mu_bob, "doc", "mine/in/doc"));
    FAILS(mu_move(&mu_bob, "mine/in/doc/sub", "mine"), CONFLICT);
    FAILS(mu_copy(&mu_bob, "mine/in/doc/sub", "mine"), CONFLICT);
    FAILS(mu_copy(&mu_bob, "mine/in/doc/sub/deep", "mine/in"), CONFLICT);
    FAILS(mu_move(&mu_bob, "mine/in/doc", "mine"), CONFLICT);
    ck_assert_str_eq(mu_read(&mu_bob, "mine/in/doc/sub/deep"), "deeper");
}
END_TEST

/* The bytes of what it replaces move to the trash at once. */
/* A folder goes into nothing that was put into it: it would end where its own path led. */
START_TEST(into_what_was_put_into_it)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "own");
    mu_mkcol(&mu_bob, "own/deep");
    OK(mu_move(&mu_bob, "doc", "own/deep/doc"));
    FAILS(mu_move(&mu_bob, "own", "own/deep/doc/own"), CONFLICT);
    FAILS(mu_move(&mu_bob, "own/deep", "own/deep/doc/own"), CONFLICT);
    FAILS(mu_copy(&mu_bob, "own", "own/deep/doc/own"), CONFLICT);
    mu_mkcol(&mu_bob, "other");
    OK(mu_move(&mu_bob, "other", "own/deep/doc/other"));
    ck_assert(mu_exists(&mu_alice, "work/doc/other"));
}
END_TEST

START_TEST(a_mount_over_an_own_item)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "mine");
    mu_put(&mu_bob, "mine/own", "own");
    OK(mu_move(&mu_bob, "doc", "mine"));
    ck_assert_int_eq(mu_id(&mu_bob, "mine"), mu_id(&mu_alice, "work/doc"));
    ck_assert_int_ne(access(apr_pstrcat(tu.pool, tu.dir, "/accounts/bob/files/mine", NULL), F_OK),
                     0);
}
END_TEST

/* Of two mounts one may be read: nothing goes from the one to the other by the path of the first. */
START_TEST(to_where_it_may_be_read)
{
    apr_int64_t id;

    mu_mkcol(&mu_alice, "work/doc/pub");
    mu_mkcol(&mu_alice, "work/doc/other");
    id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_sql("UPDATE share SET flags = 1 WHERE id = %" APR_INT64_T_FMT, id);
    mu_share(&mu_alice, "work/doc/pub", &mu_bob, ALL);
    FAILS(mu_move(&mu_bob, "doc/a.txt", "doc/pub/a.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/sub", "doc/pub/sub"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/a.txt", "pub/a.txt"), DENIED);
    OK(mu_move(&mu_bob, "doc/a.txt", "doc/other/a.txt"));
    /* What may be read there already stays what it is. */
    mu_put(&mu_bob, "pub/mine", "x");
    OK(mu_move(&mu_bob, "doc/pub/mine", "doc/pub/renamed"));
}
END_TEST

START_TEST(what_is_deleted_is_shared_no_more)
{
    mu_share(&mu_alice, "work/doc/sub", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, ALL);
    OK(mu_remove(&mu_alice, "work"));
    OK(mu_remove(&mu_alice, "file.txt"));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share"), 0);
}
END_TEST

/* ---- locks ---- */

static cloud_lock_t *lock(person_t *p, const char *path)
{
    cloud_lock_t *l;
    int created;

    OK(cloud_lock_take(&l, &created, p->ctx, p->account, path, 1, 1, NULL, 0, NULL, tu.pool));
    return l;
}

START_TEST(locks_are_those_of_the_tree)
{
    apr_array_header_t *locks;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "mine");
    OK(mu_move(&mu_bob, "doc", "mine/doc"));
    lock(&mu_alice, "work");
    FAILS(mu_try_put(&mu_bob, "mine/doc/a.txt", "x"), LOCKED);
    FAILS(mu_try_put(&mu_bob, "mine/doc/new", "x"), LOCKED);
    FAILS(mu_remove(&mu_bob, "mine/doc/sub"), LOCKED);
    FAILS(mu_move(&mu_bob, "mine/doc/sub", "sub"), LOCKED);
    /* What is above the mount has no name at Bob's. */
    OK(cloud_lock_find(&locks, mu_bob.ctx, mu_entry(&mu_bob, "mine/doc/sub/deep"), 0, tu.pool));
    ck_assert_int_eq(locks->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(locks, 0, cloud_lock_t).path, "mine/doc");
    /* He may leave all the same, or put it elsewhere. */
    OK(mu_move(&mu_bob, "mine/doc", "doc"));
    OK(mu_remove(&mu_bob, "doc"));
}
END_TEST

START_TEST(a_lock_through_a_mount)
{
    cloud_lock_t *l;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    l = lock(&mu_bob, "doc/sub");
    ck_assert_str_eq(l->path, "doc/sub");
    FAILS(mu_try_put(&mu_alice, "work/doc/sub/deep", "x"), LOCKED);
    FAILS(mu_remove(&mu_alice, "work"), LOCKED);
    OK(cloud_lock_release(mu_bob.ctx, mu_bob.account, "doc/sub", l->token));
    OK(mu_try_put(&mu_alice, "work/doc/sub/deep", "x"));
}
END_TEST

/* Nobody is locked out of his own files. */
START_TEST(a_lock_ends_with_the_access)
{
    apr_int64_t id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    cloud_lock_t *l = lock(&mu_bob, "doc/sub");
    cloud_cond_t cond = { 0 };
    cloud_result_t res;

    mu_share(&mu_alice, "work/doc", &mu_carol, ALL);
    FAILS(mu_try_put(&mu_alice, "work/doc/sub/deep", "x"), LOCKED);
    /* The token of somebody else's lock is worth nothing for a write. */
    cond.tokens = apr_array_make(tu.pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH((apr_array_header_t *)cond.tokens, const char *) = l->token;
    FAILS(cloud_file_mkcol(&res, mu_alice.ctx, mu_alice.account, "work/doc/sub/d", &cond, tu.pool),
          LOCKED);
    OK(cloud_file_mkcol(&res, mu_bob.ctx, mu_bob.account, "doc/sub/d", &cond, tu.pool));
    /* The owner of the tree may end it, others may not. */
    FAILS(cloud_lock_release(mu_carol.ctx, mu_carol.account, "doc/sub", l->token), DENIED);
    OK(cloud_lock_release(mu_alice.ctx, mu_alice.account, "work/doc/sub", l->token));
    OK(mu_try_put(&mu_alice, "work/doc/sub/deep", "x"));
    /* Of who may only read by now it counts no more, and ends when another one is taken. */
    lock(&mu_bob, "doc/sub");
    mu_sql("UPDATE share SET perms = 1 WHERE id = %" APR_INT64_T_FMT, id);
    OK(mu_try_put(&mu_alice, "work/doc/sub/deep", "y"));
    mu_sql("DELETE FROM share WHERE id = %" APR_INT64_T_FMT, id);
    OK(mu_remove(&mu_carol, "doc/sub/deep"));
    lock(&mu_carol, "doc/sub");
    FAILS(mu_try_put(&mu_alice, "work/doc/sub/deep", "z"), LOCKED);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM lock"), 1);
}
END_TEST

/* ---- behind our back ---- */

START_TEST(found_gone_by_a_scan)
{
    cloud_scan_opts_t opts = { .allow_vanish = 1 };
    cloud_scan_stats_t stats;

    mu_share(&mu_alice, "work/doc/sub", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, ALL);
    ck_assert_int_eq(unlink(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/file.txt", NULL)),
                     0);
    OK(cloud_scan(&stats, tu.ctx, mu_alice.account, "", &opts));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "sub;");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share"), 1);
}
END_TEST

START_TEST(rows_that_name_what_is_gone)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "doc", "theirs"));
    tu_sound();
    mu_share(&mu_alice, "file.txt", &mu_bob, ALL);
    mu_share(&mu_alice, "work", &mu_carol, ALL);
    mu_sql("UPDATE share SET node = 1 WHERE target = 'file.txt'");
    mu_sql("UPDATE share SET recipient = 1 WHERE target = 'work'");
    mu_sql("UPDATE share_place SET parent = 1");
    ck_assert_str_eq(tu_fsck(0), "row row row ");
    ck_assert_str_eq(tu_fsck(1), "row+ row+ row+ ");
    tu_sound();
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
}
END_TEST

Suite *suite_mounts_moves(void)
{
    Suite *suite = suite_create("mounts_moves");
    TCase *tc = tcase_create("moving");

    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, leaving);
    tcase_add_test(tc, moving_a_mount);
    tcase_add_test(tc, moving_within_what_was_shared);
    tcase_add_test(tc, renaming_needs_update_alone);
    tcase_add_test(tc, moving_into_what_was_shared);
    tcase_add_test(tc, moving_out_of_what_was_shared);
    tcase_add_test(tc, moving_out_needs_read_and_delete);
    tcase_add_test(tc, moving_onto_a_mounted_file);
    tcase_add_test(tc, a_copy_has_what_was_mounted);
    tcase_add_test(tc, a_copy_of_what_may_not_be_read);
    tcase_add_test(tc, a_copy_is_as_large_as_what_was_mounted);
    tcase_add_test(tc, onto_the_folder_it_is_in);
    tcase_add_test(tc, into_what_was_put_into_it);
    tcase_add_test(tc, a_mount_over_an_own_item);
    tcase_add_test(tc, to_where_it_may_be_read);
    tcase_add_test(tc, what_is_deleted_is_shared_no_more);
    suite_add_tcase(suite, tc);

    tc = tcase_create("locks");
    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, locks_are_those_of_the_tree);
    tcase_add_test(tc, a_lock_through_a_mount);
    tcase_add_test(tc, a_lock_ends_with_the_access);
    suite_add_tcase(suite, tc);

    tc = tcase_create("behind");
    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, found_gone_by_a_scan);
    tcase_add_test(tc, rows_that_name_what_is_gone);
    suite_add_tcase(suite, tc);
    return suite;
}
