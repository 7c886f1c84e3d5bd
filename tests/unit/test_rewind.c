/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rewind and the undoing of batches: what was there comes back, by its ids, and nothing else. After
 * each test fsck has to find nothing. */
#include "world.h"
#include "rewind.h"
#include "trash.h"
#include "versions.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static world_t *w;
static apr_pool_t *scratch;          /* of one round */
static cloud_rewind_stats_t stats;
static char *told;                   /* what was reported, in scratch */

/* ---- the world ---- */

static void setup(void)
{
    cloud_versions_register();
    cloud_trash_register();
    cloud_batch_register();
    w = world_create();
    apr_pool_create(&scratch, w->pool);
}

static void teardown(void)
{
    tu_sound();
    world_destroy(w);
    cloud_batch_unregister();
    cloud_trash_unregister();
    cloud_versions_unregister();
}

/* Numbers are times, and may be ahead of the clock: a time after all that was done, and before all
 * that will be. */
static apr_time_t now(void)
{
    apr_time_t t = tu_query_int("SELECT last FROM counter");

    while (apr_time_now() <= t + 1) continue;
    return t + 1;
}

typedef struct {
    apr_array_header_t *lines, *folders;
    const char *path;
} dump_t;

static cloud_err_t *dump_child(void *baton, const cloud_child_t *child)
{
    dump_t *d = baton;
    const cloud_node_t *n = child->node;
    const char *path = apr_pstrcat(scratch, d->path, "/", n->name, NULL);
    const char *sums = cloud_sums_text(n->sums, CLOUD_DIGEST_SHA1, scratch);

    APR_ARRAY_PUSH(d->lines, const char *) =
        CLOUD_IS_DIR(n) ? apr_psprintf(scratch, "%s/ %" APR_INT64_T_FMT "\n", path, n->id)
                        : apr_psprintf(scratch, "%s %" APR_INT64_T_FMT " %" APR_INT64_T_FMT
                                       " %" APR_INT64_T_FMT " %s\n", path, n->id, n->size,
                                       n->mtime, sums ? sums : "-");
    if (CLOUD_IS_DIR(n)) APR_ARRAY_PUSH(d->folders, const char *) = path;
    return NULL;
}

/* Every path with its id, size, time and content. */
static const char *dump(void)
{
    dump_t d = { .lines = apr_array_make(scratch, 64, sizeof(const char *)),
                 .folders = apr_array_make(scratch, 16, sizeof(const char *)) };
    cloud_entry_t *e;
    int i;

    APR_ARRAY_PUSH(d.folders, const char *) = "";
    for (i = 0; i < d.folders->nelts; i++) {
        d.path = APR_ARRAY_IDX(d.folders, i, const char *);
        OK(cloud_resolve(&e, w->ctx, w->account, d.path, scratch));
        OK(cloud_file_list(w->ctx, e, dump_child, &d));
    }
    return apr_array_pstrcat(scratch, d.lines, 0);
}

static void tell(void *baton, const cloud_rewind_step_t *s)
{
    (void)baton;
    told = apr_pstrcat(scratch, told, s->what, " ", s->from ? s->from : "", s->from ? ">" : "",
                       s->path, s->why ? ": " : "", s->why ? s->why : "", ";", NULL);
}

static cloud_err_t *rewind_path(const char *path, apr_time_t to, int dry_run)
{
    cloud_rewind_opts_t opts = { .dry_run = dry_run, .report = tell };

    told = "";
    return cloud_rewind(&stats, w->ctx, w->account, path, to, &opts);
}

static void rewind_all(apr_time_t to)
{
    OK(rewind_path("", to, 0));
}

static void undo(apr_int64_t batch)
{
    cloud_rewind_opts_t opts = { .report = tell };

    told = "";
    OK(cloud_batch_undo(&stats, w->ctx, batch, &opts));
}

static void check_nothing_left(apr_time_t to)
{
    rewind_all(to);
    ck_assert_str_eq(told, "");
    ck_assert_int_eq(stats.batch, 0);
}

static void put_at(const char *path, const char *text, apr_int64_t mtime)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text), .has_mtime = 1,
                              .mtime = mtime };
    cloud_result_t res;
    cloud_put_t *put;
    apr_pool_t *pool;

    apr_pool_create(&pool, scratch);
    OK(cloud_put_begin(&put, w->user, w->account, path, &opts, pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
    apr_pool_destroy(pool);
}

static cloud_err_t *touch(const char *path, apr_int64_t mtime)
{
    cloud_result_t res;

    return cloud_file_proppatch(&res, w->user, w->account, path, NULL, &mtime, NULL, scratch);
}

/* ---- single things ---- */

START_TEST(everything_comes_back)
{
    const char *before;
    apr_time_t then;

    world_mkcol(w, "docs");
    put_at("docs/a", "first", 1000);
    put_at("docs/b", "kept", 2000);
    put_at("gone", "deleted later", 3000);
    put_at("empty", "", 4000);
    put_at("touched", "same", 5000);
    before = dump();
    then = now();
    put_at("docs/a", "second", 1001);
    put_at("docs/a", "third", 1002);
    world_move(w, "docs", "papers");
    world_remove(w, "gone");
    put_at("gone", "another one", 3001);
    put_at("empty", "no more", 4001);
    OK(touch("touched", 5001));
    put_at("papers/new", "later", 6000);
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(dump(), before);
    check_nothing_left(then);
}
END_TEST

START_TEST(it_says_what_it_does)
{
    apr_time_t then;
    const char *before;

    put_at("a", "one", 1000);
    put_at("b", "two", 1000);
    put_at("c", "three", 1000);
    then = now();
    put_at("a", "four", 1000);
    world_remove(w, "b");
    world_move(w, "c", "d");
    put_at("e", "five", 1000);
    before = dump();
    OK(rewind_path("", then, 1));
    ck_assert_str_eq(told, "restore b;move d>c;trash e;content a;");
    ck_assert_int_eq(stats.batch, 0);
    ck_assert_str_eq(dump(), before);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch"), 0);
    rewind_all(then);
    ck_assert_str_eq(told, "restore b;move d>c;trash e;content a;");
    ck_assert_int_gt(stats.batch, 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch WHERE done = 1 AND files = 4"), 1);
}
END_TEST

START_TEST(a_rewind_can_be_undone)
{
    apr_int64_t batch;
    const char *before, *later;
    apr_time_t then;

    world_mkcol(w, "d");
    put_at("d/f", "one", 1000);
    before = dump();
    then = now();
    put_at("d/f", "two", 1001);
    put_at("d/g", "three", 1001);
    world_move(w, "d", "e");
    later = dump();
    rewind_all(then);
    batch = stats.batch;
    ck_assert_str_eq(dump(), before);
    undo(batch);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(dump(), later);
    undo(stats.batch);
    ck_assert_str_eq(dump(), before);
}
END_TEST

/* Two that swapped their names, and a folder that went into what was in it. */
START_TEST(cycles_are_resolved)
{
    const char *before;
    apr_time_t then;

    put_at("a", "was a", 1);
    put_at("b", "was b", 2);
    world_mkcol(w, "x");
    world_mkcol(w, "x/y");
    before = dump();
    then = now();
    world_move(w, "a", "t");
    world_move(w, "b", "a");
    world_move(w, "t", "b");
    world_move(w, "x/y", "y");
    world_move(w, "x", "y/x");
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(dump(), before);
    check_nothing_left(then);
}
END_TEST

START_TEST(a_folder_that_took_the_place_of_what_it_holds)
{
    const char *before;
    apr_time_t then;

    world_mkcol(w, "docs");
    put_at("docs/f", "x", 1);
    before = dump();
    then = now();
    world_move(w, "docs", "tmp");
    world_mkcol(w, "docs");
    world_move(w, "tmp", "docs/old");
    put_at("docs/new", "y", 1);
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(dump(), before);
}
END_TEST

START_TEST(what_was_in_the_trash_goes_back_there)
{
    cloud_result_t res;
    const char *before, *id;
    apr_time_t then;

    world_mkcol(w, "d");
    put_at("d/f", "x", 1);
    id = apr_psprintf(w->pool, "%" APR_INT64_T_FMT, world_node(w, "d")->id);
    world_remove(w, "d");
    before = dump();
    then = now();
    OK(cloud_trash_restore(&res, w->user, w->account, id, w->account, "back", 0, NULL, w->pool));
    put_at("back/f", "changed", 2);
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(told, "trash back;");
    ck_assert_str_eq(dump(), before);
}
END_TEST

START_TEST(only_below_the_path)
{
    apr_time_t then;

    world_mkcol(w, "in");
    world_mkcol(w, "out");
    put_at("in/a", "one", 1);
    put_at("in/b", "two", 1);
    put_at("out/c", "three", 1);
    then = now();
    put_at("in/a", "changed", 2);
    put_at("out/c", "changed", 2);
    world_move(w, "in/b", "out/b");
    world_move(w, "out/c", "in/c");
    world_remove(w, "in/a");
    put_at("out/new", "new", 2);
    OK(rewind_path("in", then, 0));
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(world_read(w, "in/a"), "one");
    ck_assert_str_eq(world_read(w, "in/b"), "two");
    ck_assert_str_eq(world_read(w, "out/c"), "three"); /* it was taken along into the path */
    ck_assert_str_eq(world_read(w, "out/new"), "new");
    ck_assert_ptr_null(world_node(w, "in/c"));
    FAILS(rewind_path("nowhere", then, 0), NOT_FOUND);
}
END_TEST

START_TEST(the_path_of_then_and_of_now)
{
    apr_time_t then;

    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    put_at("a/b/f", "one", 1);
    then = now();
    world_remove(w, "a/b/f");
    world_move(w, "a", "c");
    OK(rewind_path("c/b", then, 0));
    ck_assert_str_eq(told, "restore c/b/f;");
    world_remove(w, "c");
    OK(rewind_path("a/b", then, 0));
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(world_read(w, "a/b/f"), "one");
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
    then = now();
    id = world_node(w, "purged")->id;
    world_remove(w, "purged");
    OK(cloud_trash_remove(w->user, w->account,
                          apr_psprintf(w->pool, "%" APR_INT64_T_FMT, id)));
    put_at("thinned", "y", 2);
    id = world_node(w, "thinned")->id;
    OK(cloud_version_remove(w->user, w->account, id,
                            tu_query_int("SELECT number FROM version"), w->pool));
    world_write(w, "outside", "longer than before");
    ck_assert_str_eq(world_read(w, "outside"), "longer than before");
    put_at("fine", "y", 2);
    OK(rewind_path("", then, 1));
    ck_assert_int_eq(stats.problems, 3);
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 3);
    ck_assert_ptr_nonnull(strstr(told, "problem purged: it has been deleted for good;"));
    ck_assert_ptr_nonnull(strstr(told, "problem thinned: the version with its content"));
    ck_assert_ptr_nonnull(strstr(told, "problem outside: it was changed from outside"));
    ck_assert_str_eq(world_read(w, "fine"), "x");
    ck_assert_str_eq(world_read(w, "thinned"), "y");
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 3);
    ck_assert_int_eq(stats.steps, 0);
}
END_TEST

/* Folders that were not there stay, when something in them could not be brought to its place. */
START_TEST(nothing_goes_along_that_has_to_stay)
{
    apr_time_t then;

    world_mkcol(w, "old");
    put_at("old/f", "x", 1);
    then = now();
    world_mkcol(w, "new");
    world_move(w, "old/f", "new/f");
    world_remove(w, "old");
    OK(cloud_trash_empty(w->user, w->account));
    put_at("new/g", "later", 1);
    rewind_all(then);
    ck_assert_str_eq(world_read(w, "new/f"), "x");
    ck_assert_ptr_null(world_node(w, "new/g"));
    ck_assert_ptr_nonnull(strstr(told, "problem new: it was not there, but something"));
}
END_TEST

START_TEST(without_a_trash_nothing_is_deleted_unasked)
{
    cloud_rewind_opts_t opts = { .report = tell, .delete_for_good = 1 };
    apr_time_t then = now();

    OK(cloud_setting_set(w->ctx, "system", "trashbin_skip_extensions", "tmp"));
    put_at("a.tmp", "x", 1);
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 1);
    ck_assert_str_eq(world_read(w, "a.tmp"), "x");
    told = "";
    OK(cloud_rewind(&stats, w->ctx, w->account, "", then, &opts));
    ck_assert_str_eq(told, "delete a.tmp;");
    ck_assert_ptr_null(world_node(w, "a.tmp"));
}
END_TEST

START_TEST(a_locked_file_stays)
{
    cloud_lock_t *lock;
    apr_time_t then;
    int created;

    put_at("a", "x", 1);
    put_at("b", "x", 1);
    then = now();
    put_at("a", "y", 1);
    put_at("b", "y", 1);
    OK(cloud_lock_take(&lock, &created, w->user, w->account, "a", 1, 0, "me", 600, NULL,
                       w->pool));
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 1);
    ck_assert_str_eq(world_read(w, "a"), "y");
    ck_assert_str_eq(world_read(w, "b"), "x");
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
    before = dump();
    then = now();
    put_at("a", "two", 2);
    world_remove(w, "b");
    put_at("c", "two", 2);
    put_at("d", "two", 2);
    OK(cloud_account_set_enabled(w->ctx, "alice", 0));
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(dump(), before);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE batch <> 0"
                                  " AND account <> 0"), 0);
}
END_TEST

START_TEST(deleting_makes_room_for_restoring)
{
    apr_time_t then;

    put_at("a", "0123456789", 1);
    then = now();
    world_remove(w, "a");
    put_at("b", "0123456789", 1);
    OK(cloud_account_set_quota(w->ctx, "alice", 15));
    OK(cloud_account_get(&w->account, w->ctx, "alice", w->pool));
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(world_read(w, "a"), "0123456789");
    ck_assert_ptr_null(world_node(w, "b"));
}
END_TEST

START_TEST(times_and_people_that_do_not_fit)
{
    cloud_rewind_opts_t opts = { 0 };

    FAILS(rewind_path("", apr_time_now() + apr_time_from_sec(60), 0), INVALID);
    FAILS(rewind_path("", w->account->created - 1, 0), INVALID);
    FAILS(cloud_rewind(&stats, w->user, w->account, "", now(), &opts), DENIED);
    FAILS(cloud_batch_undo(&stats, w->ctx, 17, &opts), NOT_FOUND);
}
END_TEST

/* A row of the log without what there was before: as the first version of the tables has it. */
START_TEST(rows_of_old_are_understood)
{
    apr_time_t then;

    put_at("a", "one", 1);
    then = now();
    put_at("a", "two", 2);
    put_at("a", "three", 3);
    tu_exec("UPDATE change SET was_etag = NULL, was_mtime = NULL");
    rewind_all(then);
    ck_assert_str_eq(world_read(w, "a"), "one");
    ck_assert_int_eq(world_node(w, "a")->mtime, 1);
    check_nothing_left(then);
}
END_TEST

START_TEST(an_expired_log_is_told)
{
    apr_time_t then;

    put_at("a", "one", 1);
    then = now();
    put_at("a", "two", 2);
    OK(cloud_tx_begin(w->ctx, CLOUD_DB_WRITE));
    OK(cloud_tx_end(w->ctx, cloud_meta_set(w->ctx, CLOUD_META_LOG_FROM,
                                           apr_psprintf(w->pool, "%" APR_TIME_T_FMT, then + 1))));
    rewind_all(then);
    ck_assert_int_eq(stats.problems, 1);
    ck_assert_str_eq(world_read(w, "a"), "one");
}
END_TEST

/* ---- others at the same time ---- */

static apr_time_t others_then;

/* At the first report of the rewind somebody changes what comes later. */
static void interfere(void *baton, const cloud_rewind_step_t *s)
{
    int *done = baton;

    tell(NULL, s);
    if ((*done)++) return;
    put_at("z1", "by somebody", 9);
    world_move(w, "z2", "z3");
    put_at("new/more", "by somebody", 9);
}

START_TEST(what_others_change_meanwhile_stays)
{
    int done = 0;
    cloud_rewind_opts_t opts = { .report = interfere, .baton = &done };

    put_at("a", "x", 1);
    put_at("z1", "x", 1);
    put_at("z2", "x", 1);
    others_then = now();
    world_remove(w, "a");
    put_at("z1", "y", 1);
    put_at("z2", "y", 1);
    world_mkcol(w, "new");
    told = "";
    OK(cloud_rewind(&stats, w->ctx, w->account, "", others_then, &opts));
    ck_assert_str_eq(world_read(w, "a"), "x");
    ck_assert_str_eq(world_read(w, "z1"), "by somebody");
    ck_assert_str_eq(world_read(w, "z3"), "x"); /* its content, where it is now */
    ck_assert_str_eq(world_read(w, "new/more"), "by somebody");
    ck_assert_int_eq(stats.problems, 2);
    /* Once more, and it is all of the past. */
    rewind_all(others_then);
    ck_assert_int_eq(stats.problems, 0);
    ck_assert_str_eq(world_read(w, "z1"), "x");
    ck_assert_ptr_null(world_node(w, "new"));
}
END_TEST

/* ---- batches ---- */

START_TEST(undo_leaves_what_was_changed_since)
{
    world_mkcol(w, "d");
    put_at("a", "one", 1);
    put_at("b", "one", 1);
    put_at("c", "one", 1);
    put_at("e", "one", 1);
    w->user->batch = 4711;
    put_at("a", "two", 1);
    put_at("b", "two", 1);
    world_remove(w, "c");
    world_move(w, "e", "d/e");
    world_mkcol(w, "n");
    put_at("n/f", "two", 1);
    world_mkcol(w, "m");
    w->user->batch = 0;
    put_at("b", "three", 1);
    put_at("n/g", "mine", 1);
    world_put(w, "other", "x");
    world_sql(w, "INSERT INTO batch (id, tree, kind, login, first, last, files, done) VALUES"
                 " (4711, %" APR_INT64_T_FMT ", 'mass', %" APR_INT64_T_FMT ","
                 " (SELECT min(number) FROM change WHERE batch = 4711),"
                 " (SELECT max(number) FROM change WHERE batch = 4711), 3, 1)",
              w->account->root, w->account->number);
    undo(4711);
    ck_assert_str_eq(world_read(w, "a"), "one");
    ck_assert_str_eq(world_read(w, "b"), "three");
    ck_assert_str_eq(world_read(w, "c"), "one");
    ck_assert_str_eq(world_read(w, "e"), "one");
    ck_assert_ptr_null(world_node(w, "n/f"));
    ck_assert_str_eq(world_read(w, "n/g"), "mine");
    ck_assert_ptr_null(world_node(w, "m"));
    ck_assert_str_eq(world_read(w, "other"), "x");
    ck_assert_int_eq(stats.problems, 2); /* b, and n */
    undo(4711);
    ck_assert_int_eq(stats.problems, 2);
    ck_assert_int_eq(stats.steps, 0);
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
        world_reopen(w);
        if (batch ? cloud_batch_undo(&stats, w->ctx, batch, &opts)
                  : cloud_rewind(&stats, w->ctx, w->account, "", to, &opts))
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    world_reopen(w);
    w->user->who.client = NULL;
    if (WIFSIGNALED(status)) ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    else ck_assert_int_eq(status, 0);
    return WIFSIGNALED(status);
}

START_TEST(what_was_interrupted_goes_on)
{
    const char *before, *later;
    apr_time_t then;
    int steps;

    world_mkcol(w, "d");
    put_at("a", "one", 1);
    put_at("d/b", "two", 2);
    put_at("c", "three", 3);
    before = dump();
    then = now();
    put_at("a", "four", 4);
    world_remove(w, "d/b");
    world_move(w, "c", "t");
    world_move(w, "d", "c");
    world_move(w, "t", "d");
    put_at("c/new", "five", 5);
    later = dump();
    for (steps = 0; one_step(0, then); steps++) ck_assert_int_lt(steps, 20);
    ck_assert_int_ge(steps, 5);
    ck_assert_str_eq(dump(), before);
    /* They are one batch, */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch WHERE done = 1"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE client = 'rewind'"
                                  " AND batch <> (SELECT id FROM batch)"), 0);
    /* which can be undone, bit by bit. */
    for (steps = 0; one_step(tu_query_int("SELECT min(id) FROM batch"), 0); steps++)
        ck_assert_int_lt(steps, 20);
    ck_assert_int_ge(steps, 5);
    ck_assert_str_eq(dump(), later);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM batch WHERE kind = 'undo'"), 1);
    tu_sound();
}
END_TEST

/* ---- at random ---- */

static unsigned seed;

static int dice(int n)
{
    seed = seed * 1103515245u + 12345u;
    return (int)((seed >> 16) % (unsigned)n);
}

static const char *const NAMES[] = { "a", "b", "c", "d", "e" };

/* A path that is there or is not, mostly of two or three segments. */
static const char *any_path(void)
{
    const char *path = NAMES[dice(5)];
    int i, depth = dice(3);

    for (i = 0; i < depth; i++) path = apr_pstrcat(scratch, path, "/", NAMES[dice(5)], NULL);
    return path;
}

static cloud_err_t *pick(void *baton, const cloud_trash_item_t *item)
{
    apr_int64_t *id = baton;

    if (*id == 0 || dice(3) == 0) *id = item->node.id;
    return NULL;
}

static int forgetful;

/* What shared memory knows of the moves of one tree is lost, of the other one, of both, or of none. */
static void forget_any(void)
{
    apr_int64_t root = w->account->root;
    apr_int64_t bin = tu_query_int("SELECT id FROM node WHERE kind = 4");
    int which = dice(6);

    if (which == 0 || which == 2) tu_forget_tree(root, which ? 0 : bin);
    if (bin && (which == 1 || which == 2)) tu_forget_tree(bin, which == 1 ? root : 0);
}

static void restore_any(void)
{
    apr_int64_t id = 0;
    cloud_result_t res;

    OK(cloud_trash_list(w->user, w->account, "", pick, &id, scratch));
    if (id)
        (void)cloud_trash_restore(&res, w->user, w->account,
                                  apr_psprintf(scratch, "%" APR_INT64_T_FMT, id), w->account,
                                  any_path(), dice(2), NULL, scratch);
}

static void put_any(void)
{
    static const char *const TEXTS[] = { "", "x", "some content", "other content" };
    const char *path = any_path();
    cloud_put_opts_t opts = { .has_mtime = 1, .mtime = dice(1000000) };
    const char *text = TEXTS[dice(4)];
    cloud_result_t res;
    cloud_put_t *put;

    opts.length = (apr_int64_t)strlen(text);
    if (cloud_put_begin(&put, w->user, w->account, path, &opts, scratch)) return;
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
}

/* What does not work out is no change. */
static void change_any(void)
{
    cloud_result_t res;

    if (forgetful) forget_any();
    switch (dice(10)) {
    case 0: case 1: case 2:
        put_any();
        break;
    case 3: case 4:
        (void)cloud_file_mkcol(&res, w->user, w->account, any_path(), NULL, scratch);
        break;
    case 5: case 6:
        (void)cloud_file_move(&res, w->user, w->account, any_path(), w->account, any_path(),
                              dice(2), NULL, NULL, scratch);
        break;
    case 7:
        (void)cloud_file_remove(w->user, w->account, any_path(), NULL);
        break;
    case 8:
        if (dice(2)) (void)touch(any_path(), dice(1000000));
        else (void)cloud_file_copy(&res, w->user, w->account, any_path(), w->account, any_path(),
                                   dice(2), -1, NULL, NULL, scratch);
        break;
    default:
        restore_any();
    }
}

#define SNAPSHOTS 6

static void rewind_any_history(int number)
{
    const char *was[SNAPSHOTS], *end;
    apr_time_t when[SNAPSHOTS];
    int i, k, to, round;

    seed = 1000u + (unsigned)number;
    for (i = 0; i < SNAPSHOTS; i++) {
        for (k = 5 + dice(25); k > 0; k--) change_any();
        was[i] = dump();
        when[i] = now();
    }
    for (k = dice(30); k > 0; k--) change_any();
    end = dump();
    for (round = 0; round < 3; round++) {
        apr_int64_t planned;
        const char *plan;

        to = dice(SNAPSHOTS);
        OK(rewind_path("", when[to], 1));
        planned = stats.steps;
        plan = told;
        rewind_all(when[to]);
        ck_assert_msg(stats.problems == 0, "seed %u: %s", 1000u + (unsigned)number, told);
        ck_assert_str_eq(dump(), was[to]);
        ck_assert_msg(stats.steps == planned, "seed %u: planned %s, done %s",
                      1000u + (unsigned)number, plan, told);
        if (stats.batch) {
            apr_int64_t batch = stats.batch;

            check_nothing_left(when[to]);
            if (round == 0) {
                undo(batch);
                ck_assert_msg(stats.problems == 0, "seed %u: %s", 1000u + (unsigned)number, told);
                ck_assert_str_eq(dump(), end);
            }
        }
        for (k = dice(10); k > 0; k--) change_any();
    }
}

START_TEST(any_history_can_be_rewound)
{
    forgetful = 0;
    rewind_any_history(_i);
}
END_TEST

START_TEST(any_history_is_the_same_to_the_forgetful)
{
    forgetful = 1;
    rewind_any_history(_i);
}
END_TEST

Suite *suite_rewind(void)
{
    Suite *s = suite_create("rewind");
    TCase *tc = tcase_create("one");

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
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
    tc = tcase_create("random");
    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, any_history_can_be_rewound, 0, 40);
    tcase_add_loop_test(tc, any_history_is_the_same_to_the_forgetful, 0, 20);
    return s;
}
