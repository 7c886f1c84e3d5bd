/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rewind of any history, made by dice: all is as it was, and undoing that brings it back. */
#include "rewind_util.h"
#include "trash.h"

#include <string.h>

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

    for (i = 0; i < depth; i++) path = apr_pstrcat(ru_scratch, path, "/", NAMES[dice(5)], NULL);
    return path;
}

static cloud_err_t *pick(void *baton, const cloud_trash_item_t *item)
{
    apr_int64_t *id = baton;

    if (*id == 0 || dice(3) == 0) *id = item->node.id;
    return NULL;
}

static int forgetful;

/* What shared memory knows of the moves of one tree is lost, of the other one, of both, or of
 * none. */
static void forget_any(void)
{
    apr_int64_t root = ru_w->account->root;
    apr_int64_t bin = tu_query_int("SELECT id FROM node WHERE kind = 4");
    int which = dice(6);

    if (which == 0 || which == 2) tu_forget_tree(root, which ? 0 : bin);
    if (bin && (which == 1 || which == 2)) tu_forget_tree(bin, which == 1 ? root : 0);
}

static void restore_any(void)
{
    apr_int64_t id = 0;
    cloud_result_t res;

    OK(cloud_trash_list(ru_w->user, ru_w->account, "", pick, &id, ru_scratch));
    if (id)
        (void)cloud_trash_restore(&res, ru_w->user, ru_w->account,
                                  apr_psprintf(ru_scratch, "%" APR_INT64_T_FMT, id), ru_w->account,
                                  any_path(), dice(2), NULL, ru_scratch);
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
    if (cloud_put_begin(&put, ru_w->user, ru_w->account, path, &opts, ru_scratch)) return;
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
        (void)cloud_file_mkcol(&res, ru_w->user, ru_w->account, any_path(), NULL, ru_scratch);
        break;
    case 5: case 6:
        (void)cloud_file_move(&res, ru_w->user, ru_w->account, any_path(), ru_w->account,
                              any_path(), dice(2), NULL, NULL, ru_scratch);
        break;
    case 7:
        (void)cloud_file_remove(ru_w->user, ru_w->account, any_path(), NULL);
        break;
    case 8:
        if (dice(2)) (void)ru_touch(any_path(), dice(1000000));
        else
            (void)cloud_file_copy(&res, ru_w->user, ru_w->account, any_path(), ru_w->account,
                                  any_path(), dice(2), -1, NULL, NULL, ru_scratch);
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
        was[i] = ru_dump();
        when[i] = ru_now();
    }
    for (k = dice(30); k > 0; k--) change_any();
    end = ru_dump();
    for (round = 0; round < 3; round++) {
        apr_int64_t planned;
        const char *plan;

        to = dice(SNAPSHOTS);
        OK(ru_rewind_path("", when[to], 1));
        planned = ru_stats.steps;
        plan = ru_told;
        ru_rewind_all(when[to]);
        ck_assert_msg(ru_stats.problems == 0, "seed %u: %s", 1000u + (unsigned)number, ru_told);
        ck_assert_str_eq(ru_dump(), was[to]);
        ck_assert_msg(ru_stats.steps == planned, "seed %u: planned %s, done %s",
                      1000u + (unsigned)number, plan, ru_told);
        if (ru_stats.batch) {
            apr_int64_t batch = ru_stats.batch;

            ru_check_nothing_left(when[to]);
            if (round == 0) {
                ru_undo(batch);
                ck_assert_msg(ru_stats.problems == 0, "seed %u: %s", 1000u + (unsigned)number,
                              ru_told);
                ck_assert_str_eq(ru_dump(), end);
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

Suite *suite_rewind_random(void)
{
    Suite *s = suite_create("rewind_random");
    TCase *tc = tcase_create("random");

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, ru_setup, ru_teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, any_history_can_be_rewound, 0, 40);
    tcase_add_loop_test(tc, any_history_is_the_same_to_the_forgetful, 0, 20);
    return s;
}
