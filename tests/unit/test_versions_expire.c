/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Versions: what retention takes of them, and what stays. */
#include "versions_util.h"

#include <stdio.h>
#include <string.h>

/* Lets the versions of a file be so many seconds older. */
static void age(apr_int64_t id, apr_int64_t seconds)
{
    apr_array_header_t *list = vu_versions(id);
    apr_int64_t by = apr_time_from_sec(seconds);

    for (int i = list->nelts - 1; i >= 0; i--) {
        const char *path = apr_pstrcat(tu.pool, tu.dir, "/accounts/", V(list, i)->path, NULL);
        const char *to = apr_psprintf(tu.pool, "%.*s/%" APR_INT64_T_FMT,
                                      (int)(strrchr(path, '/') - path), path,
                                      V(list, i)->number - by);

        ck_assert_int_eq(rename(path, to), 0);
        OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
        OK(cloud_db_run(tu.ctx->db, NULL, tu.pool,
                        "UPDATE version SET number = ?3 WHERE node = ?1 AND number = ?2", "iii",
                        id, V(list, i)->number, V(list, i)->number - by));
        OK(cloud_tx_commit(tu.ctx));
    }
}

static void run_jobs(void)
{
    int more = 1, rounds;

    for (rounds = 0; more; rounds++) {
        OK(cloud_versions_expire_step(&more, tu.ctx));
        ck_assert_int_lt(rounds, 1000);
    }
    for (more = 1; more; rounds++) {
        OK(cloud_versions_space_step(&more, tu.ctx));
        ck_assert_int_lt(rounds, 1000);
    }
    for (more = 1; more; rounds++) {
        OK(cloud_versions_disk_step(&more, tu.ctx));
        ck_assert_int_lt(rounds, 1000);
    }
    tu_maintain();
}

/* As it is a minute later. */
static void forget_judgement(void)
{
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_meta_set(tu.ctx, "retention.disk_owed", "0 0"));
    OK(cloud_tx_commit(tu.ctx));
}

static void setting(const char *key, const char *value)
{
    OK(cloud_setting_set(tu.ctx, "system", key, value));
}

START_TEST(the_job_thins)
{
    apr_int64_t id;

    for (int i = 0; i < 6; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    age(id, 100); /* all within a minute, and more than a minute ago */
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "4 0");
    vu_check_sound();
}
END_TEST

/* The clock was years ahead and was set right: numbers go on from there, one by one. */
START_TEST(a_clock_that_was_ahead)
{
    apr_int64_t id;

    vu_put("a", "0");
    tu_exec("UPDATE counter SET last = last + 300000000000000");
    for (int i = 1; i < 6; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "4 3 2 1 0");
    setting("retention_disk_low", "0"); /* any disk is filled to one percent */
    setting("retention_disk_high", "1");
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "4 3");
    setting("versions_retention_obligation", "1, auto");
    vu_put("a", "6");
    forget_judgement();
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "5 4 3"); /* too young, as far as one can see */
    vu_check_sound();
}
END_TEST

START_TEST(minimum_ages_are_strict)
{
    apr_int64_t id;

    setting("versions_retention_obligation", "1, auto");
    for (int i = 0; i < 4; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    OK(cloud_account_set_quota(tu.ctx, "alice", 1)); /* no room at all */
    age(id, 86400 - 100);
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "2 1 0");
    age(id, 200);
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "2 0");
    vu_check_sound();
}
END_TEST

START_TEST(maximum_ages_count_from_when_it_became_a_version)
{
    apr_int64_t id;

    setting("versions_retention_obligation", "auto, 2");
    vu_put_at("a", "written long ago", 1000000000);
    vu_put_at("a", "x", 1000000001);
    vu_put("a", "y");
    id = vu_node("a")->id;
    age(id, 86400);
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "x written long ago");
    age(id, 86400 + 10);
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "");
    vu_check_sound();
}
END_TEST

START_TEST(quota_takes_the_oldest_first)
{
    apr_int64_t a, b;

    setting("versions_retention_obligation", "0, 1000"); /* no thinning */
    for (int i = 0; i < 3; i++) vu_put("a", apr_psprintf(tu.pool, "a%08d", i));
    for (int i = 0; i < 3; i++) vu_put("b", apr_psprintf(tu.pool, "b%08d", i));
    a = vu_node("a")->id;
    b = vu_node("b")->id;
    /* 18 bytes of files, 36 of versions; (78 - 18) / 2 = 30 */
    OK(cloud_account_set_quota(tu.ctx, "alice", 78));
    run_jobs();
    ck_assert_str_eq(vu_texts(a), "a00000001");
    ck_assert_str_eq(vu_texts(b), "b00000001 b00000000");
    /* The newest two of the account stay, whatever there is. */
    OK(cloud_account_set_quota(tu.ctx, "alice", 1));
    run_jobs();
    ck_assert_str_eq(vu_texts(a), "");
    ck_assert_str_eq(vu_texts(b), "b00000001 b00000000");
    vu_check_sound();
}
END_TEST

/* The oldest is pinned and nothing else may go: the job ends all the same. */
START_TEST(pinned_versions_end_no_loop)
{
    apr_array_header_t *list;
    apr_int64_t id;

    for (int i = 0; i < 5; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    list = vu_versions(id);
    for (int i = 0; i < list->nelts; i++)
        OK(cloud_version_set_tag(vu_as_alice, vu_alice, id, V(list, i)->number, "1.0", tu.pool));
    OK(cloud_account_set_quota(tu.ctx, "alice", 1));
    setting("retention_disk_low", "0");
    setting("retention_disk_high", "1");
    age(id, 1000);
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "3 2 1 0");
    vu_check_sound();
}
END_TEST

START_TEST(a_full_disk_takes_the_oldest)
{
    apr_int64_t id;

    setting("versions_retention_obligation", "1, 1000");
    for (int i = 0; i < 6; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    setting("retention_disk_low", "0"); /* any disk is filled to one percent */
    setting("retention_disk_high", "1");
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "4 3 2 1 0"); /* too young */
    age(id, 2 * 86400);
    forget_judgement();
    run_jobs();
    ck_assert_str_eq(vu_texts(id), "4 3");
    vu_check_sound();
}
END_TEST

START_TEST(no_setting_loops)
{
    static const char *const ALL[] = { "auto", "0, auto", "auto, 0", "0, 0", "36500, 0",
                                       "disabled", "36500, auto", "not one" };
    apr_int64_t id;

    for (int i = 0; i < 4; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    OK(cloud_account_set_quota(tu.ctx, "alice", 1));
    setting("versions_retention_obligation", ALL[_i]);
    age(id, 5);
    run_jobs();
    if (strcmp(ALL[_i], "disabled") == 0 || strncmp(ALL[_i], "36500", 5) == 0)
        ck_assert_str_eq(vu_texts(id), "2 1 0");
    vu_check_sound();
    tu.warnings = 0; /* the one that is none is told about */
}
END_TEST

START_TEST(many_versions_in_bounded_steps)
{
    cloud_versions_stats_t stats;
    apr_int64_t id;
    int more;

    for (int i = 0; i < 620; i++) vu_put("a", "x");
    id = vu_node("a")->id;
    age(id, 7 * 86400);
    OK(cloud_versions_expire(&stats, tu.ctx, vu_alice, 1));
    ck_assert_int_eq(stats.versions, 617);
    ck_assert_int_eq(vu_versions(id)->nelts, 619); /* that was dry */
    OK(cloud_versions_expire_step(&more, tu.ctx));
    ck_assert_int_eq(more, 1);
    ck_assert_int_eq(vu_versions(id)->nelts, 119);
    tu_reopen();
    OK(cloud_versions_expire_step(&more, tu.ctx));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(vu_versions(id)->nelts, 2);
    tu_maintain();
    vu_as_alice = tu_as(vu_alice);
    vu_check_sound();
}
END_TEST

START_TEST(versions_of_files_that_are_gone)
{
    cloud_versions_stats_t stats;

    vu_put("a", "one");
    vu_put("a", "two");
    cloud_versions_unregister();
    OK(cloud_file_remove(vu_as_alice, vu_alice, "a", NULL));
    tu_maintain();
    cloud_versions_register();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 1);
    OK(cloud_versions_expire(&stats, tu.ctx, NULL, 0));
    ck_assert_int_eq(stats.versions, 1);
    tu_maintain();
    vu_check_sound();
}
END_TEST

START_TEST(cleanup_leaves_what_has_a_tag)
{
    cloud_versions_stats_t stats;
    apr_int64_t id;

    for (int i = 0; i < 4; i++) vu_put("a", apr_psprintf(tu.pool, "%d", i));
    id = vu_node("a")->id;
    OK(cloud_version_set_tag(vu_as_alice, vu_alice, id, V(vu_versions(id), 1)->number, "1.0",
                             tu.pool));
    OK(cloud_versions_cleanup(&stats, tu.ctx, vu_alice, 1));
    ck_assert_int_eq(stats.versions, 2);
    ck_assert_str_eq(vu_texts(id), "2 1 0");
    OK(cloud_versions_cleanup(&stats, tu.ctx, vu_alice, 0));
    ck_assert_str_eq(vu_texts(id), "1");
    OK(cloud_versions_cleanup(&stats, tu.ctx, vu_bob, 0));
    ck_assert_int_eq(stats.versions, 0);
    tu_maintain();
    vu_check_sound();
}
END_TEST

Suite *suite_versions_expire(void)
{
    Suite *s = suite_create("versions_expire");
    TCase *tc = tu_case(s, "retention", vu_setup);

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, the_job_thins);
    tcase_add_test(tc, minimum_ages_are_strict);
    tcase_add_test(tc, maximum_ages_count_from_when_it_became_a_version);
    tcase_add_test(tc, quota_takes_the_oldest_first);
    tcase_add_test(tc, pinned_versions_end_no_loop);
    tcase_add_test(tc, a_full_disk_takes_the_oldest);
    tcase_add_loop_test(tc, no_setting_loops, 0, 8);
    tcase_add_test(tc, many_versions_in_bounded_steps);
    tcase_add_test(tc, a_clock_that_was_ahead);
    tcase_add_test(tc, versions_of_files_that_are_gone);
    tcase_add_test(tc, cleanup_leaves_what_has_a_tag);
    return s;
}
