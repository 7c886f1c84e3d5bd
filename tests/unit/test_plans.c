/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* How SQLite carries out the statements about the journal: what asks for the rows of a tree reads
 * those rows, not the whole table, which is long on a busy server. */
#include "world.h"

#include "internal.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static world_t *w;
static apr_hash_t *asked;   /* texts of the statements that were run */

static int note_statement(unsigned what, void *baton, void *statement, void *text)
{
    const char *sql = sqlite3_sql(statement);

    (void)what;
    (void)baton;
    (void)text;
    if (asked && sql && !apr_hash_get(asked, sql, APR_HASH_KEY_STRING)) {
        sql = apr_pstrdup(apr_hash_pool_get(asked), sql);
        apr_hash_set(asked, sql, APR_HASH_KEY_STRING, sql);
    }
    return 0;
}

/* SQLite calls this for each connection that is opened. */
static int listen_to(sqlite3 *db, const char **message, const void *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
}

static void setup(void)
{
    ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))listen_to), SQLITE_OK);
    w = world_create();
    asked = apr_hash_make(w->pool);
}

static void teardown(void)
{
    asked = NULL;
    sqlite3_reset_auto_extension();
    world_destroy(w);
}

static int is_by_tree(const char *sql)
{
    static const char *const WAYS[] = { " tree = ?", " tree = -?", " tree IN (", " tree2 = ?",
                                        " tree2 IN (" };
    unsigned i;

    if (!strstr(sql, "journal WHERE")) return 0;
    for (i = 0; i < sizeof WAYS / sizeof *WAYS; i++)
        if (strstr(sql, WAYS[i])) return 1;
    return 0;
}

static void reads_no_whole_journal(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    int steps = 0;

    ck_assert_int_eq(sqlite3_prepare_v2(db, apr_pstrcat(w->pool, "EXPLAIN QUERY PLAN ", sql, NULL),
                                        -1, &st, NULL), SQLITE_OK);
    for (; sqlite3_step(st) == SQLITE_ROW; steps++) {
        const char *step = (const char *)sqlite3_column_text(st, 3);

        ck_assert_msg(!strstr(step, "SCAN") || !strstr(step, "journal"), "%s\nof %s", step, sql);
    }
    sqlite3_finalize(st);
    ck_assert_int_gt(steps, 0);
}

/* Verbs and jobs that ask the journal in all of its ways. */
static void work(void)
{
    cloud_scan_opts_t opts = { .limit_percent = -1 };
    cloud_scan_stats_t stats;

    world_mkcol(w, "a");
    world_put(w, "a/f", "one");
    world_put(w, "a/f", "another");
    world_move(w, "a", "b");
    world_write(w, "b/f", "edited");
    OK(cloud_scan(&stats, w->ctx, w->account, "", &opts));
    world_remove(w, "b");
    OK(cloud_journal_retry(w->ctx));
    tu_maintain();
}

/* How many statements of those that were run ask so; each is looked at. */
static int look_at(sqlite3 *db, const char *how)
{
    apr_hash_index_t *i;
    int n = 0;

    for (i = apr_hash_first(w->pool, asked); i; i = apr_hash_next(i)) {
        const char *sql = apr_hash_this_key(i);

        if (!is_by_tree(sql) || !strstr(sql, how)) continue;
        reads_no_whole_journal(db, sql);
        n++;
    }
    return n;
}

static int look_for(const char *what)
{
    apr_hash_index_t *i;
    int n = 0;

    for (i = apr_hash_first(w->pool, asked); i; i = apr_hash_next(i))
        n += strstr(apr_hash_this_key(i), what) != NULL;
    return n;
}

START_TEST(rows_of_a_tree_are_found_by_an_index)
{
    static const char *const KNOWN[] = { "seq > ?2 UNION ALL", "src >= ?2", "DELETE FROM journal" };
    sqlite3 *db;
    unsigned i;

    work();
    ck_assert_int_eq(sqlite3_open(apr_pstrcat(w->pool, w->data_dir, "/cloud.db", NULL), &db),
                     SQLITE_OK);
    look_at(db, "");
    /* The test looks at what it means to look at. */
    for (i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        ck_assert_msg(look_at(db, KNOWN[i]) > 0, "nobody asked: %s", KNOWN[i]);
    sqlite3_close(db);
}
END_TEST

/* After a reboot all rows are looked at again: with a question for each of them to the whole table a
 * long journal would take minutes. */
START_TEST(a_long_journal_is_read_once)
{
    int i;

    world_mkcol(w, "a");
    for (i = 0; i < 150; i++) world_put(w, apr_psprintf(w->pool, "a/f%d", i), "text");
    world_move(w, "a", "b"); /* now they are at no place that their rows name */
    ck_assert_int_ge(tu_query_int("SELECT count(*) FROM journal"), 150);
    ck_assert_int_eq(unlink(apr_pstrcat(w->pool, w->data_dir, "/.cloud/shm", NULL)), 0);
    apr_hash_clear(asked);
    world_reopen(w);
    ck_assert_int_gt(look_for("FROM journal"), 0);
    ck_assert_int_eq(look_for("journal WHERE ino = ?1"), 0);
    ck_assert_str_eq(world_read(w, "b/f149"), "text");
}
END_TEST

Suite *suite_plans(void)
{
    Suite *s = suite_create("plans");
    TCase *tc = tcase_create("journal");

    tcase_add_checked_fixture(tc, setup, teardown);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, rows_of_a_tree_are_found_by_an_index);
    tcase_add_test(tc, a_long_journal_is_read_once);
    return s;
}
