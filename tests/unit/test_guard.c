/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The mass-change guard: what is counted, what is marked, and that undoing it brings all back. */
#include "world.h"
#include "guard.h"
#include "rewind.h"
#include "settings.h"
#include "trash.h"
#include "versions.h"

#include <stdio.h>
#include <string.h>

static world_t *w;
static int marks;
static cloud_batch_t mark;
static char mark_client[64];

static void set(const char *key, const char *value)
{
    OK(cloud_setting_set(w->ctx, "system", key, value));
}

static void setup(void)
{
    int i;

    cloud_versions_register();
    cloud_trash_register();
    cloud_guard_register();
    w = world_create();
    w->user->who.client = "laptop";
    world_mkcol(w, "d");
    for (i = 0; i < 20; i++) world_put(w, apr_psprintf(w->pool, "d/%d", i), "content");
    for (i = 0; i < 20; i++) world_put(w, apr_psprintf(w->pool, "f%d", i), "content");
}

static void teardown(void)
{
    world_destroy(w);
    cloud_guard_unregister();
    cloud_trash_unregister();
    cloud_versions_unregister();
}

static cloud_err_t *count(void *baton, const cloud_batch_t *b)
{
    (void)baton;
    if (strcmp(b->kind, CLOUD_BATCH_MASS) != 0) return NULL;
    marks++;
    mark = *b;
    apr_cpystrn(mark_client, b->client ? b->client : "", sizeof mark_client);
    return NULL;
}

/* Lets the job look until it has seen all; gives the number of marks there are. */
static int look(void)
{
    int more = 1;

    while (more) OK(cloud_guard_job(&more, w->ctx));
    marks = 0;
    OK(cloud_batch_each(w->ctx, 0, count, NULL));
    return marks;
}

static void overwrite(int from, int to)
{
    for (; from < to; from++) world_put(w, apr_psprintf(w->pool, "f%d", from), "ENCRYPTED");
}

static void delete(int from, int to)
{
    for (; from < to; from++) world_remove(w, apr_psprintf(w->pool, "f%d", from));
}

START_TEST(off_it_does_nothing)
{
    overwrite(0, 20);
    ck_assert_int_eq(look(), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM meta WHERE key = 'guard.seen'"), 0);
}
END_TEST

START_TEST(more_than_the_number_is_marked_once)
{
    set("mass_change_files", "5");
    overwrite(0, 3);
    delete(3, 5);
    ck_assert_int_eq(look(), 0);
    world_put(w, "note", "pay me");
    delete(5, 6);
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(tu.warnings, 1);
    ck_assert_int_eq(mark.files, 6);
    ck_assert_int_eq(mark.login, w->account->number);
    ck_assert_str_eq(mark_client, "laptop");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE batch <> 0"), 7);
    /* What goes on belongs to it. */
    delete(6, 8);
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(tu.warnings, 1);
    ck_assert_int_eq(mark.files, 8);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE batch <> 0"), 9);
}
END_TEST

START_TEST(a_file_counts_once)
{
    int i;

    set("mass_change_files", "5");
    for (i = 0; i < 10; i++) overwrite(0, 2);
    ck_assert_int_eq(look(), 0);
    /* and what is new or was empty not at all */
    for (i = 0; i < 10; i++) {
        const char *path = apr_psprintf(w->pool, "new%d", i);

        world_put(w, path, "");
        world_put(w, path, "text");
    }
    ck_assert_int_eq(look(), 0);
}
END_TEST

START_TEST(each_login_for_itself)
{
    set("mass_change_files", "5");
    overwrite(0, 4);
    w->user->who.client = "phone";
    overwrite(4, 8);
    ck_assert_int_eq(look(), 0);
    overwrite(8, 10);
    ck_assert_int_eq(look(), 1);
    ck_assert_str_eq(mark_client, "phone");
    ck_assert_int_eq(mark.files, 6);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE batch <> 0"
                                  " AND client = 'laptop'"), 0);
}
END_TEST

START_TEST(a_folder_counts_for_the_files_in_it)
{
    set("mass_change_files", "15");
    world_remove(w, "d");
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(mark.files, 20);
}
END_TEST

START_TEST(a_share_of_the_files)
{
    set("mass_change_share", "50");
    overwrite(0, 10);
    delete(10, 20);
    ck_assert_int_eq(look(), 0); /* 20 of 40 */
    world_put(w, "d/0", "ENCRYPTED");
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(mark.files, 21);
}
END_TEST

START_TEST(what_is_long_ago_does_not_count)
{
    set("mass_change_files", "5");
    overwrite(0, 4);
    /* Two hours ago */
    tu_exec("UPDATE change SET number = number - 7200000000");
    overwrite(4, 8);
    ck_assert_int_eq(look(), 0);
    set("mass_change_time", "10800");
    overwrite(8, 9);
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(mark.files, 9);
}
END_TEST

/* The rows of a mark that was cut short are known by who and when. */
START_TEST(undoing_brings_all_back)
{
    cloud_rewind_stats_t stats;
    cloud_rewind_opts_t opts = { 0 };
    int i;

    set("mass_change_files", "5");
    overwrite(0, 10);
    delete(10, 20);
    world_remove(w, "d");
    world_put(w, "note", "pay me");
    w->user->who.client = "phone";
    world_put(w, "f0", "mine");
    ck_assert_int_eq(look(), 1);
    tu_exec("UPDATE change SET batch = 0 WHERE number % 2 = 0");
    OK(cloud_batch_undo(&stats, w->ctx, mark.id, &opts));
    ck_assert_int_eq(stats.problems, 1); /* f0 */
    for (i = 1; i < 20; i++)
        ck_assert_str_eq(world_read(w, apr_psprintf(w->pool, "f%d", i)), "content");
    ck_assert_str_eq(world_read(w, "f0"), "mine");
    ck_assert_str_eq(world_read(w, "d/19"), "content");
    ck_assert_ptr_null(world_node(w, "note"));
    /* Neither the undoing nor what it undid counts again. */
    w->user->who.client = "laptop";
    overwrite(0, 5);
    ck_assert_int_eq(look(), 1);
    overwrite(5, 6);
    ck_assert_int_eq(look(), 2);
    ck_assert_int_eq(mark.files, 6);
    OK(cloud_batch_expire(w->ctx));
    ck_assert_int_eq(look(), 2);
    OK(cloud_tx_begin(w->ctx, CLOUD_DB_WRITE));
    OK(cloud_tx_end(w->ctx, cloud_meta_set(w->ctx, CLOUD_META_LOG_FROM,
                                           apr_psprintf(w->pool, "%" APR_INT64_T_FMT,
                                                        mark.last + 1))));
    OK(cloud_batch_expire(w->ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch"), 0);
}
END_TEST

Suite *suite_guard(void)
{
    Suite *s = suite_create("guard");
    TCase *tc = tcase_create("guard");

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, off_it_does_nothing);
    tcase_add_test(tc, more_than_the_number_is_marked_once);
    tcase_add_test(tc, a_file_counts_once);
    tcase_add_test(tc, each_login_for_itself);
    tcase_add_test(tc, a_folder_counts_for_the_files_in_it);
    tcase_add_test(tc, a_share_of_the_files);
    tcase_add_test(tc, what_is_long_ago_does_not_count);
    tcase_add_test(tc, undoing_brings_all_back);
    return s;
}
