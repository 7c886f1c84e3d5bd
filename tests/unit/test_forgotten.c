/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Shared memory forgets of a tree which of its moves are done: they may be made again, and nothing may
 * come of it, also where it is still known of the tree on the other side of some of them. */
#include "world.h"
#include "scan.h"
#include "trash.h"

#include <stdio.h>

static world_t *w;

static void setup(void)
{
    cloud_trash_register();
    w = world_create();
}

static void teardown(void)
{
    tu_sound();
    world_destroy(w);
    cloud_trash_unregister();
}

static void restore(apr_int64_t id, const char *path)
{
    cloud_result_t res;

    OK(cloud_trash_restore(&res, w->user, w->account,
                           apr_psprintf(w->pool, "%" APR_INT64_T_FMT, id), w->account, path, 0,
                           NULL, w->pool));
}

static apr_int64_t bin(void)
{
    return tu_query_int("SELECT id FROM node WHERE kind = 4");
}

/* A row of two trees is done for both, also where it is remembered of one of them only. */
START_TEST(of_two_trees_one_is_forgotten)
{
    cloud_scan_opts_t opts = { .limit_percent = -1 };
    cloud_scan_stats_t stats;
    cloud_account_t *bob;
    cloud_result_t res;

    OK(cloud_account_create(&bob, tu.ctx, "bob", NULL, NULL, w->pool));
    world_put(w, "f", "moved");
    OK(cloud_file_move(&res, tu.ctx, w->account, "f", bob, "f", 0, NULL, NULL, w->pool));
    ck_assert_int_gt(tu_query_int("SELECT count(*) FROM journal"), 0);
    tu_forget_tree(w->account->root, bob->root);
    world_write(w, "new", "from outside");
    OK(cloud_scan(&stats, tu.ctx, w->account, "", &opts));
    ck_assert_int_eq(stats.added, 1);
}
END_TEST

/* What it went through before it was in the trash is not done again alone. */
START_TEST(back_where_it_was)
{
    apr_int64_t id;

    world_mkcol(w, "in");
    world_put(w, "in/f", "content");
    id = world_node(w, "in/f")->id;
    world_move(w, "in/f", "g");
    world_remove(w, "g");
    restore(id, "in/f");
    tu_forget_tree(w->account->root, bin());
    world_move(w, "in", "out");
    ck_assert(world_disk_exists(w, "out/f"));
    ck_assert(!world_disk_exists(w, "g"));
    ck_assert_str_eq(world_read(w, "out/f"), "content");
}
END_TEST

/* Then all of them are, in sequence, from the first one to the last. */
START_TEST(both_are_forgotten)
{
    apr_int64_t id;

    world_put(w, "f", "content");
    id = world_node(w, "f")->id;
    world_move(w, "f", "g");
    world_remove(w, "g");
    restore(id, "f");
    tu_forget_tree(w->account->root, 0);
    tu_forget_tree(bin(), 0);
    world_mkcol(w, "new");
    ck_assert(world_disk_exists(w, "f"));
    ck_assert(!world_disk_exists(w, "g"));
    ck_assert_str_eq(world_read(w, "f"), "content");
}
END_TEST

Suite *suite_forgotten(void)
{
    Suite *s = suite_create("forgotten");
    TCase *tc = tcase_create("moves");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, of_two_trees_one_is_forgotten);
    tcase_add_test(tc, back_where_it_was);
    tcase_add_test(tc, both_are_forgotten);
    return s;
}
