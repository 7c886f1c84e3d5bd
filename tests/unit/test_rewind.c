/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rewind and the undoing of batches: what was there comes back, by its ids, and nothing else. After
 * each test fsck has to find nothing. */
#include "rewind_util.h"
#include "trash.h"
#include "versions.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void put_at(const char *path, const char *text, apr_int64_t mtime)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text), .has_mtime = 1,
                              .mtime = mtime };
    cloud_result_t res;
    cloud_put_t *put;
    apr_pool_t *pool;

    apr_pool_create(&pool, ru_scratch);
    OK(cloud_put_begin(&put, ru_w->user, ru_w->account, path, &opts, pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
    apr_pool_destroy(pool);
}

/* ---- single things ---- */

START_TEST(everything_comes_back)
{
    const char *before;
    apr_time_t then;

    world_mkcol(ru_w, "docs");
    put_at("docs/a", "first", 1000);
    put_at("docs/b", "kept", 2000);
    put_at("gone", "deleted later", 3000);
    put_at("empty", "", 4000);
    put_at("touched", "same", 5000);
    before = ru_dump();
    then = ru_now();
    put_at("docs/a", "second", 1001);
    put_at("docs/a", "third", 1002);
    world_move(ru_w, "docs", "papers");
    world_remove(ru_w, "gone");
    put_at("gone", "another one", 3001);
    put_at("empty", "no more", 4001);
    OK(ru_touch("touched", 5001));
    put_at("papers/new", "later", 6000);
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(ru_dump(), before);
    ru_check_nothing_left(then);
}
END_TEST

START_TEST(it_says_what_it_does)
{
    apr_time_t then;
    const char *before;

    put_at("a", "one", 1000);
    put_at("b", "two", 1000);
    put_at("c", "three", 1000);
    then = ru_now();
    put_at("a", "four", 1000);
    world_remove(ru_w, "b");
    world_move(ru_w, "c", "d");
    put_at("e", "five", 1000);
    before = ru_dump();
    OK(ru_rewind_path("", then, 1));
    ck_assert_str_eq(ru_told, "restore b;move d>c;trash e;content a;");
    ck_assert_int_eq(ru_stats.batch, 0);
    ck_assert_str_eq(ru_dump(), before);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch"), 0);
    ru_rewind_all(then);
    ck_assert_str_eq(ru_told, "restore b;move d>c;trash e;content a;");
    ck_assert_int_gt(ru_stats.batch, 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch WHERE done = 1 AND files = 4"), 1);
}
END_TEST

START_TEST(a_rewind_can_be_undone)
{
    apr_int64_t batch;
    const char *before, *later;
    apr_time_t then;

    world_mkcol(ru_w, "d");
    put_at("d/f", "one", 1000);
    before = ru_dump();
    then = ru_now();
    put_at("d/f", "two", 1001);
    put_at("d/g", "three", 1001);
    world_move(ru_w, "d", "e");
    later = ru_dump();
    ru_rewind_all(then);
    batch = ru_stats.batch;
    ck_assert_str_eq(ru_dump(), before);
    ru_undo(batch);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(ru_dump(), later);
    ru_undo(ru_stats.batch);
    ck_assert_str_eq(ru_dump(), before);
}
END_TEST

/* Two that swapped their names, and a folder that went into what was in it. */
START_TEST(cycles_are_resolved)
{
    const char *before;
    apr_time_t then;

    put_at("a", "was a", 1);
    put_at("b", "was b", 2);
    world_mkcol(ru_w, "x");
    world_mkcol(ru_w, "x/y");
    before = ru_dump();
    then = ru_now();
    world_move(ru_w, "a", "t");
    world_move(ru_w, "b", "a");
    world_move(ru_w, "t", "b");
    world_move(ru_w, "x/y", "y");
    world_move(ru_w, "x", "y/x");
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(ru_dump(), before);
    ru_check_nothing_left(then);
}
END_TEST

START_TEST(a_folder_that_took_the_place_of_what_it_holds)
{
    const char *before;
    apr_time_t then;

    world_mkcol(ru_w, "docs");
    put_at("docs/f", "x", 1);
    before = ru_dump();
    then = ru_now();
    world_move(ru_w, "docs", "tmp");
    world_mkcol(ru_w, "docs");
    world_move(ru_w, "tmp", "docs/old");
    put_at("docs/new", "y", 1);
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(ru_dump(), before);
}
END_TEST

START_TEST(what_was_in_the_trash_goes_back_there)
{
    cloud_result_t res;
    const char *before, *id;
    apr_time_t then;

    world_mkcol(ru_w, "d");
    put_at("d/f", "x", 1);
    id = apr_psprintf(ru_w->pool, "%" APR_INT64_T_FMT, world_node(ru_w, "d")->id);
    world_remove(ru_w, "d");
    before = ru_dump();
    then = ru_now();
    OK(cloud_trash_restore(&res, ru_w->user, ru_w->account, id, ru_w->account, "back", 0, NULL,
                           ru_w->pool));
    put_at("back/f", "changed", 2);
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(ru_told, "trash back;");
    ck_assert_str_eq(ru_dump(), before);
}
END_TEST

START_TEST(only_below_the_path)
{
    apr_time_t then;

    world_mkcol(ru_w, "in");
    world_mkcol(ru_w, "out");
    put_at("in/a", "one", 1);
    put_at("in/b", "two", 1);
    put_at("out/c", "three", 1);
    then = ru_now();
    put_at("in/a", "changed", 2);
    put_at("out/c", "changed", 2);
    world_move(ru_w, "in/b", "out/b");
    world_move(ru_w, "out/c", "in/c");
    world_remove(ru_w, "in/a");
    put_at("out/new", "new", 2);
    OK(ru_rewind_path("in", then, 0));
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(world_read(ru_w, "in/a"), "one");
    ck_assert_str_eq(world_read(ru_w, "in/b"), "two");
    ck_assert_str_eq(world_read(ru_w, "out/c"), "three"); /* it was taken along into the path */
    ck_assert_str_eq(world_read(ru_w, "out/new"), "new");
    ck_assert_ptr_null(world_node(ru_w, "in/c"));
    FAILS(ru_rewind_path("nowhere", then, 0), NOT_FOUND);
}
END_TEST

START_TEST(the_path_of_then_and_of_now)
{
    apr_time_t then;

    world_mkcol(ru_w, "a");
    world_mkcol(ru_w, "a/b");
    put_at("a/b/f", "one", 1);
    then = ru_now();
    world_remove(ru_w, "a/b/f");
    world_move(ru_w, "a", "c");
    OK(ru_rewind_path("c/b", then, 0));
    ck_assert_str_eq(ru_told, "restore c/b/f;");
    world_remove(ru_w, "c");
    OK(ru_rewind_path("a/b", then, 0));
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(world_read(ru_w, "a/b/f"), "one");
}
END_TEST

/* ---- what can't be brought back ---- */

START_TEST(what_is_lost_is_reported)
{
    apr_int64_t id;
    apr_time_t then;

    put_at("purged", "x", 1);
    put_at("thinned", "x", 1);
    put_at("outside", "x", 1);
    put_at("fine", "x", 1);
    then = ru_now();
    id = world_node(ru_w, "purged")->id;
    world_remove(ru_w, "purged");
    OK(cloud_trash_remove(ru_w->user, ru_w->account,
                          apr_psprintf(ru_w->pool, "%" APR_INT64_T_FMT, id)));
    put_at("thinned", "y", 2);
    id = world_node(ru_w, "thinned")->id;
    OK(cloud_version_remove(ru_w->user, ru_w->account, id,
                            tu_query_int("SELECT number FROM version"), ru_w->pool));
    world_write(ru_w, "outside", "longer than before");
    ck_assert_str_eq(world_read(ru_w, "outside"), "longer than before");
    put_at("fine", "y", 2);
    OK(ru_rewind_path("", then, 1));
    ck_assert_int_eq(ru_stats.problems, 3);
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 3);
    ck_assert_ptr_nonnull(strstr(ru_told, "problem purged: it has been deleted for good;"));
    ck_assert_ptr_nonnull(strstr(ru_told, "problem thinned: the version with its content"));
    ck_assert_ptr_nonnull(strstr(ru_told, "problem outside: it was changed from outside"));
    ck_assert_str_eq(world_read(ru_w, "fine"), "x");
    ck_assert_str_eq(world_read(ru_w, "thinned"), "y");
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 3);
    ck_assert_int_eq(ru_stats.steps, 0);
}
END_TEST

/* Folders that were not there stay, when something in them could not be brought to its place. */
START_TEST(nothing_goes_along_that_has_to_stay)
{
    apr_time_t then;

    world_mkcol(ru_w, "old");
    put_at("old/f", "x", 1);
    then = ru_now();
    world_mkcol(ru_w, "new");
    world_move(ru_w, "old/f", "new/f");
    world_remove(ru_w, "old");
    OK(cloud_trash_empty(ru_w->user, ru_w->account));
    put_at("new/g", "later", 1);
    ru_rewind_all(then);
    ck_assert_str_eq(world_read(ru_w, "new/f"), "x");
    ck_assert_ptr_null(world_node(ru_w, "new/g"));
    ck_assert_ptr_nonnull(strstr(ru_told, "problem new: it was not there, but something"));
}
END_TEST

START_TEST(without_a_trash_nothing_is_deleted_unasked)
{
    cloud_rewind_opts_t opts = { .report = ru_tell, .delete_for_good = 1 };
    apr_time_t then = ru_now();

    OK(cloud_setting_set(ru_w->ctx, "system", "trashbin_skip_extensions", "tmp"));
    put_at("a.tmp", "x", 1);
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 1);
    ck_assert_str_eq(world_read(ru_w, "a.tmp"), "x");
    ru_told = "";
    OK(cloud_rewind(&ru_stats, ru_w->ctx, ru_w->account, "", then, &opts));
    ck_assert_str_eq(ru_told, "delete a.tmp;");
    ck_assert_ptr_null(world_node(ru_w, "a.tmp"));
}
END_TEST

START_TEST(a_locked_file_stays)
{
    cloud_lock_t *lock;
    apr_time_t then;
    int created;

    put_at("a", "x", 1);
    put_at("b", "x", 1);
    then = ru_now();
    put_at("a", "y", 1);
    put_at("b", "y", 1);
    OK(cloud_lock_take(&lock, &created, ru_w->user, ru_w->account, "a", 1, 0, "me", 600, NULL,
                       ru_w->pool));
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 1);
    ck_assert_str_eq(world_read(ru_w, "a"), "y");
    ck_assert_str_eq(world_read(ru_w, "b"), "x");
}
END_TEST

/* Who has been disabled first, as one does, gets the files back all the same. */
START_TEST(a_disabled_account)
{
    const char *before;
    apr_time_t then;

    put_at("a", "one", 1);
    put_at("b", "one", 1);
    put_at("c", "", 1);
    before = ru_dump();
    then = ru_now();
    put_at("a", "two", 2);
    world_remove(ru_w, "b");
    put_at("c", "two", 2);
    put_at("d", "two", 2);
    OK(cloud_account_set_enabled(ru_w->ctx, "alice", 0));
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(ru_dump(), before);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE batch <> 0"
                                  " AND account <> 0"), 0);
}
END_TEST

START_TEST(deleting_makes_room_for_restoring)
{
    apr_time_t then;

    put_at("a", "0123456789", 1);
    then = ru_now();
    world_remove(ru_w, "a");
    put_at("b", "0123456789", 1);
    OK(cloud_account_set_quota(ru_w->ctx, "alice", 15));
    OK(cloud_account_get(&ru_w->account, ru_w->ctx, "alice", ru_w->pool));
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(world_read(ru_w, "a"), "0123456789");
    ck_assert_ptr_null(world_node(ru_w, "b"));
}
END_TEST

START_TEST(times_and_people_that_do_not_fit)
{
    cloud_rewind_opts_t opts = { 0 };

    FAILS(ru_rewind_path("", apr_time_now() + apr_time_from_sec(60), 0), INVALID);
    FAILS(ru_rewind_path("", ru_w->account->created - 1, 0), INVALID);
    FAILS(cloud_rewind(&ru_stats, ru_w->user, ru_w->account, "", ru_now(), &opts), DENIED);
    FAILS(cloud_batch_undo(&ru_stats, ru_w->ctx, 17, &opts), NOT_FOUND);
}
END_TEST

/* A row of the log without what there was before: as the first version of the tables has it. */
START_TEST(rows_of_old_are_understood)
{
    apr_time_t then;

    put_at("a", "one", 1);
    then = ru_now();
    put_at("a", "two", 2);
    put_at("a", "three", 3);
    tu_exec("UPDATE change SET was_etag = NULL, was_mtime = NULL");
    ru_rewind_all(then);
    ck_assert_str_eq(world_read(ru_w, "a"), "one");
    ck_assert_int_eq(world_node(ru_w, "a")->mtime, 1);
    ru_check_nothing_left(then);
}
END_TEST

START_TEST(an_expired_log_is_told)
{
    apr_time_t then;

    put_at("a", "one", 1);
    then = ru_now();
    put_at("a", "two", 2);
    OK(cloud_tx_begin(ru_w->ctx, CLOUD_DB_WRITE));
    OK(cloud_tx_end(ru_w->ctx,
                    cloud_meta_set(ru_w->ctx, CLOUD_META_LOG_FROM,
                                   apr_psprintf(ru_w->pool, "%" APR_TIME_T_FMT, then + 1))));
    ru_rewind_all(then);
    ck_assert_int_eq(ru_stats.problems, 1);
    ck_assert_str_eq(world_read(ru_w, "a"), "one");
}
END_TEST

/* ---- others at the same time ---- */

static apr_time_t others_then;

/* At the first report of the rewind somebody changes what comes later. */
static void interfere(void *baton, const cloud_rewind_step_t *s)
{
    int *done = baton;

    ru_tell(NULL, s);
    if ((*done)++) return;
    put_at("z1", "by somebody", 9);
    world_move(ru_w, "z2", "z3");
    put_at("new/more", "by somebody", 9);
}

START_TEST(what_others_change_meanwhile_stays)
{
    int done = 0;
    cloud_rewind_opts_t opts = { .report = interfere, .baton = &done };

    put_at("a", "x", 1);
    put_at("z1", "x", 1);
    put_at("z2", "x", 1);
    others_then = ru_now();
    world_remove(ru_w, "a");
    put_at("z1", "y", 1);
    put_at("z2", "y", 1);
    world_mkcol(ru_w, "new");
    ru_told = "";
    OK(cloud_rewind(&ru_stats, ru_w->ctx, ru_w->account, "", others_then, &opts));
    ck_assert_str_eq(world_read(ru_w, "a"), "x");
    ck_assert_str_eq(world_read(ru_w, "z1"), "by somebody");
    ck_assert_str_eq(world_read(ru_w, "z3"), "x"); /* its content, where it is now */
    ck_assert_str_eq(world_read(ru_w, "new/more"), "by somebody");
    ck_assert_int_eq(ru_stats.problems, 2);
    /* Once more, and it is all of the past. */
    ru_rewind_all(others_then);
    ck_assert_int_eq(ru_stats.problems, 0);
    ck_assert_str_eq(world_read(ru_w, "z1"), "x");
    ck_assert_ptr_null(world_node(ru_w, "new"));
}
END_TEST

/* ---- batches ---- */

START_TEST(undo_leaves_what_was_changed_since)
{
    world_mkcol(ru_w, "d");
    put_at("a", "one", 1);
    put_at("b", "one", 1);
    put_at("c", "one", 1);
    put_at("e", "one", 1);
    ru_w->user->batch = 4711;
    put_at("a", "two", 1);
    put_at("b", "two", 1);
    world_remove(ru_w, "c");
    world_move(ru_w, "e", "d/e");
    world_mkcol(ru_w, "n");
    put_at("n/f", "two", 1);
    world_mkcol(ru_w, "m");
    ru_w->user->batch = 0;
    put_at("b", "three", 1);
    put_at("n/g", "mine", 1);
    world_put(ru_w, "other", "x");
    world_sql(ru_w,
              "INSERT INTO batch (id, tree, kind, login, first, last, files, done) VALUES"
              " (4711, %" APR_INT64_T_FMT ", 'mass', %" APR_INT64_T_FMT ","
              " (SELECT min(number) FROM change WHERE batch = 4711),"
              " (SELECT max(number) FROM change WHERE batch = 4711), 3, 1)",
              ru_w->account->root, ru_w->account->number);
    ru_undo(4711);
    ck_assert_str_eq(world_read(ru_w, "a"), "one");
    ck_assert_str_eq(world_read(ru_w, "b"), "three");
    ck_assert_str_eq(world_read(ru_w, "c"), "one");
    ck_assert_str_eq(world_read(ru_w, "e"), "one");
    ck_assert_ptr_null(world_node(ru_w, "n/f"));
    ck_assert_str_eq(world_read(ru_w, "n/g"), "mine");
    ck_assert_ptr_null(world_node(ru_w, "m"));
    ck_assert_str_eq(world_read(ru_w, "other"), "x");
    ck_assert_int_eq(ru_stats.problems, 2); /* b, and n */
    ru_undo(4711);
    ck_assert_int_eq(ru_stats.problems, 2);
    ck_assert_int_eq(ru_stats.steps, 0);
}
END_TEST

/* ---- interrupted ---- */

static void die(void *baton, const cloud_rewind_step_t *s)
{
    (void)baton;
    (void)s;
    raise(SIGKILL);
}

/* In a process of its own that is killed after its first step. 1: it was, 0: nothing was left to
 * do. */
static int one_step(apr_int64_t batch, apr_time_t to)
{
    cloud_rewind_opts_t opts = { .report = die };
    int status;
    pid_t pid;

    tu_close();
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        world_reopen(ru_w);
        if (batch ? cloud_batch_undo(&ru_stats, ru_w->ctx, batch, &opts)
                  : cloud_rewind(&ru_stats, ru_w->ctx, ru_w->account, "", to, &opts))
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    world_reopen(ru_w);
    ru_w->user->who.client = NULL;
    if (WIFSIGNALED(status)) ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    else ck_assert_int_eq(status, 0);
    return WIFSIGNALED(status);
}

START_TEST(what_was_interrupted_goes_on)
{
    const char *before, *later;
    apr_time_t then;
    int steps;

    world_mkcol(ru_w, "d");
    put_at("a", "one", 1);
    put_at("d/b", "two", 2);
    put_at("c", "three", 3);
    before = ru_dump();
    then = ru_now();
    put_at("a", "four", 4);
    world_remove(ru_w, "d/b");
    world_move(ru_w, "c", "t");
    world_move(ru_w, "d", "c");
    world_move(ru_w, "t", "d");
    put_at("c/new", "five", 5);
    later = ru_dump();
    for (steps = 0; one_step(0, then); steps++) ck_assert_int_lt(steps, 20);
    ck_assert_int_ge(steps, 5);
    ck_assert_str_eq(ru_dump(), before);
    /* They are one batch, */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch WHERE done = 1"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE client = 'rewind'"
                                  " AND batch <> (SELECT id FROM batch)"), 0);
    /* which can be undone, bit by bit. */
    for (steps = 0; one_step(tu_query_int("SELECT min(id) FROM batch"), 0); steps++)
        ck_assert_int_lt(steps, 20);
    ck_assert_int_ge(steps, 5);
    ck_assert_str_eq(ru_dump(), later);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch WHERE kind = 'undo'"), 1);
    tu_sound();
}
END_TEST

Suite *suite_rewind(void)
{
    Suite *s = suite_create("rewind");
    TCase *tc = tcase_create("one");

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, ru_setup, ru_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, everything_comes_back);
    tcase_add_test(tc, it_says_what_it_does);
    tcase_add_test(tc, a_rewind_can_be_undone);
    tcase_add_test(tc, cycles_are_resolved);
    tcase_add_test(tc, a_folder_that_took_the_place_of_what_it_holds);
    tcase_add_test(tc, what_was_in_the_trash_goes_back_there);
    tcase_add_test(tc, only_below_the_path);
    tcase_add_test(tc, the_path_of_then_and_of_now);
    tcase_add_test(tc, what_is_lost_is_reported);
    tcase_add_test(tc, nothing_goes_along_that_has_to_stay);
    tcase_add_test(tc, without_a_trash_nothing_is_deleted_unasked);
    tcase_add_test(tc, a_locked_file_stays);
    tcase_add_test(tc, a_disabled_account);
    tcase_add_test(tc, deleting_makes_room_for_restoring);
    tcase_add_test(tc, times_and_people_that_do_not_fit);
    tcase_add_test(tc, rows_of_old_are_understood);
    tcase_add_test(tc, an_expired_log_is_told);
    tcase_add_test(tc, what_others_change_meanwhile_stays);
    tcase_add_test(tc, undo_leaves_what_was_changed_since);
    tcase_add_test(tc, what_was_interrupted_goes_on);
    return s;
}
