/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What mounts cost: statements, and how often all mounts of an account are looked at. */
#include "mounts_util.h"

#include "archive.h"
#include "internal.h"
#include "lock.h"
#include "plan.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define ALL CLOUD_PERM_ALL

/* Statements that were run, and those of them that look for all mounts of somebody. */
static struct {
    int all, mounts;
} asked;

static int note_statement(unsigned what, void *baton, void *statement, void *text)
{
    const char *sql = sqlite3_sql(statement);

    (void)what;
    (void)baton;
    (void)text;
    if (!sql) return 0;
    asked.all++;
    asked.mounts += strncmp(sql, "WITH RECURSIVE mine ", 20) == 0;
    return 0;
}

/* SQLite calls this for each connection that is opened. */
static int listen_to(sqlite3 *db, const char **message, const void *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
}

static void begin_to_count(void)
{
    asked.all = asked.mounts = 0;
}

static void setup(void)
{
    ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))listen_to), SQLITE_OK);
    mu_setup();
    mu_mkcol(&mu_alice, "work");
}

/* Rows that were made by hand go before fsck looks. */
static void teardown(void)
{
    mu_sql("DELETE FROM share");
    mu_sql("DELETE FROM share_place");
    mu_sql("DELETE FROM node WHERE id BETWEEN 1000 AND 9999");
    mu_teardown();
    sqlite3_reset_auto_extension();
}

/* A folder in parent, as a row alone. */
static void add_folder(apr_int64_t parent, int id, const char *name)
{
    mu_sql("INSERT INTO node (parent, name, id, kind, etag, size, mtime, created, ino, ino_mtime, btime,"
           " flags) VALUES (%" APR_INT64_T_FMT ", '%s', %d, 1, 1, 0, 0, 0, 0, 0, 0, 0)", parent, name, id);
}

/* Bob gets n folders of Alice's, from the number first on. */
static void give(int first, int n)
{
    apr_int64_t work = mu_id(&mu_alice, "work");
    int i;

    for (i = first; i < first + n; i++) {
        const char *name = apr_psprintf(tu.pool, "%04d", i);

        add_folder(work, i + 1000, name);
        mu_share(&mu_alice, apr_pstrcat(tu.pool, "work/", name, NULL), &mu_bob, ALL);
    }
}

/* Bob has n folders of his own in a folder, with a file in each. */
static void make_own(const char *folder, int n)
{
    int i;

    mu_mkcol(&mu_bob, folder);
    for (i = 0; i < n; i++) {
        mu_mkcol(&mu_bob, apr_psprintf(tu.pool, "%s/%d", folder, i));
        mu_put(&mu_bob, apr_psprintf(tu.pool, "%s/%d/file", folder, i), "own");
    }
}

/* ---- one item ---- */

static cloud_err_t *count_child(void *baton, const cloud_child_t *child)
{
    (void)child;
    ++*(int *)baton;
    return NULL;
}

static cloud_err_t *find_self(void *baton, const cloud_entry_t *entry)
{
    (void)baton;
    ck_assert(entry->exists);
    return NULL;
}

/* Statements of a PROPFIND of depth 1, as the DAV module does it. */
static int listing_costs(person_t *p, const char *path, int *members)
{
    int n;

    *members = 0;
    OK(cloud_tx_begin(p->ctx, CLOUD_DB_READ));
    begin_to_count();
    OK(cloud_file_list_path(p->ctx, p->account, path, find_self, count_child, members, tu.pool));
    n = asked.all;
    cloud_tx_rollback(p->ctx);
    return n;
}

static int stat_costs(person_t *p, const char *path)
{
    cloud_entry_t *e;
    int n;

    OK(cloud_tx_begin(p->ctx, CLOUD_DB_READ));
    begin_to_count();
    OK(cloud_file_stat(&e, p->ctx, p->account, path, tu.pool));
    n = asked.all;
    cloud_tx_rollback(p->ctx);
    return n;
}

START_TEST(what_it_costs)
{
    apr_time_t begin;
    int members;

    mu_put(&mu_bob, "own", "own");
    give(0, 1);
    /* The root with its members, mounts. */
    ck_assert_int_eq(listing_costs(&mu_bob, "", &members), 2);
    ck_assert_int_eq(stat_costs(&mu_bob, "own"), 2);
    give(1, 999);
    begin = apr_time_now();
    ck_assert_int_eq(listing_costs(&mu_bob, "", &members), 2);
    fprintf(stderr, "1,000 received shares are listed in %d us\n", (int)(apr_time_now() - begin));
    ck_assert_int_eq(members, 1001);
    ck_assert_int_eq(stat_costs(&mu_bob, "own"), 2);
    /* The missing name, the mount, its owner, its place. */
    ck_assert_int_eq(stat_costs(&mu_bob, "0500"), 5);
}
END_TEST

START_TEST(each_in_a_folder_of_its_own)
{
    apr_int64_t bob = mu_bob.account->number, to;
    int i, members;

    mu_mkcol(&mu_bob, "places");
    to = mu_id(&mu_bob, "places");
    give(0, 100);
    for (i = 0; i < 100; i++) {
        add_folder(to, 5000 + i, apr_psprintf(tu.pool, "%d", i));
        mu_sql("INSERT INTO share_place (account, node, parent, name) VALUES (%" APR_INT64_T_FMT
               ", %d, %d, 'it')", bob, 1000 + i, 5000 + i);
    }
    /* Their places take a statement for each 32 folders. */
    ck_assert_int_eq(listing_costs(&mu_bob, "", &members), 2 + 4);
    ck_assert_int_eq(members, 1);
    ck_assert_str_eq(mu_list(&mu_bob, "places/77"), "it;");
    ck_assert_int_ne(mu_etag(&mu_bob, "places/77"), 1);
    /* One that sleeps, and one whose folder is gone. */
    mu_sql("UPDATE node SET parent = (SELECT id FROM node WHERE parent = 0 AND kind = 2 LIMIT 1)"
           " WHERE id = 5077");
    mu_sql("DELETE FROM node WHERE id = 5078");
    ck_assert_str_eq(mu_list(&mu_bob, "places/79"), "it;");
    ck_assert_int_eq(mu_exists(&mu_bob, "places/78/it"), 0);
}
END_TEST

/* ---- many folders ---- */

static void plan_archive(const char *folder, int entries)
{
    cloud_archive_plan_t *plan;

    begin_to_count();
    OK(cloud_archive_plan(&plan, mu_bob.ctx, mu_bob.account, folder, NULL, CLOUD_ARCHIVE_TAR,
                          tu.pool));
    ck_assert_int_eq(cloud_archive_plan_entries(plan), entries);
}

START_TEST(an_archive_looks_at_all_mounts_once)
{
    int few;

    make_own("own", 20);
    give(0, 1);
    plan_archive("own", 41);
    ck_assert_int_eq(asked.mounts, 1);
    few = asked.all;
    give(1, 200);
    plan_archive("own", 41);
    ck_assert_int_eq(asked.mounts, 1);
    ck_assert_int_eq(asked.all, few);
    /* Each mount in it is looked for among those that are known. */
    plan_archive("", 41 + 201);
    ck_assert_int_eq(asked.mounts, 1);
}
END_TEST

static int copying_costs(const char *from, const char *to)
{
    begin_to_count();
    OK(mu_copy(&mu_bob, from, to));
    return asked.mounts;
}

START_TEST(a_copy_does_not_look_at_all_mounts_for_each_folder)
{
    int few, in_all;

    make_own("few", 5);
    make_own("many", 50);
    give(0, 1);
    few = copying_costs("few", "a");
    in_all = asked.all;
    give(1, 200);
    ck_assert_int_eq(copying_costs("few", "b"), few);
    ck_assert_int_eq(asked.all, in_all);
    ck_assert_int_eq(copying_costs("many", "c"), few);
    /* Those that were put into a folder are looked for there. */
    OK(mu_move(&mu_bob, "0007", "many/7/given"));
    OK(mu_copy(&mu_bob, "many", "d"));
    ck_assert_str_eq(mu_list(&mu_bob, "d/7"), "file;given;");
    ck_assert_str_eq(mu_list(&mu_bob, "many/7"), "file;given;");
}
END_TEST

/* ---- one name ---- */

static void give_one_name(int n)
{
    apr_int64_t work = mu_id(&mu_alice, "work");
    int i;

    for (i = 0; i < n; i++) {
        const char *path = apr_psprintf(tu.pool, "work/%d/same", i);

        add_folder(work, 1000 + i, apr_psprintf(tu.pool, "%d", i));
        add_folder(1000 + i, 3000 + i, "same");
        mu_share_group(&mu_alice, path, "team", ALL);
    }
}

START_TEST(many_of_one_name)
{
    apr_time_t begin;
    int members, n;

    mu_group("team", &mu_bob);
    give_one_name(3);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "same;same (2);same (3);");
    mu_sql("DELETE FROM share");
    mu_sql("DELETE FROM node WHERE id BETWEEN 1000 AND 9999");
    give_one_name(1000);
    add_folder(mu_bob.account->root, 9999, "same (3)"); /* as scan may find it */
    mu_put(&mu_bob, "same (5", "no name of ours");
    begin = apr_time_now();
    n = listing_costs(&mu_bob, "", &members);
    fprintf(stderr, "1,000 of one name are listed in %d us", (int)(apr_time_now() - begin));
    ck_assert_int_le(n, 5);
    ck_assert_int_eq(members, 1002);
    begin = apr_time_now();
    n = stat_costs(&mu_bob, "same (1001)");
    fprintf(stderr, ", the last is found in %d us\n", (int)(apr_time_now() - begin));
    ck_assert_int_le(n, 12);
    ck_assert_int_eq(mu_id(&mu_bob, "same (2)"), 3001);
    ck_assert_int_eq(mu_id(&mu_bob, "same (4)"), 3002);
    ck_assert_int_eq(mu_id(&mu_bob, "same (1001)"), 3999);
    ck_assert(!mu_exists(&mu_bob, "same (1002)"));
}
END_TEST

/* As a list of shares asks for the places of all. */
START_TEST(places_of_many_of_one_name)
{
    const cloud_mount_t *m;
    apr_hash_t *seen = apr_hash_make(tu.pool);
    apr_int64_t folder;
    const char *path;
    int i;

    mu_group("team", &mu_bob);
    give_one_name(1000);
    OK(cloud_tx_begin(mu_bob.ctx, CLOUD_DB_READ));
    begin_to_count();
    OK(cloud_mounts_expect(mu_bob.ctx, mu_bob.account));
    for (i = 0; i < 1000; i++) {
        OK(cloud_mount_place(&m, &path, &folder, mu_bob.ctx, mu_bob.account, 3000 + i, tu.pool));
        ck_assert_ptr_nonnull(m);
        ck_assert_int_eq(folder, mu_bob.account->root);
        ck_assert_ptr_null(apr_hash_get(seen, path, APR_HASH_KEY_STRING));
        apr_hash_set(seen, path, APR_HASH_KEY_STRING, m);
    }
    ck_assert_int_le(asked.all, 4);
    OK(cloud_mount_place(&m, &path, &folder, mu_bob.ctx, mu_bob.account, 1, tu.pool));
    ck_assert_ptr_null(m);
    cloud_tx_rollback(mu_bob.ctx);
}
END_TEST

/* ---- what is kept within a transaction ---- */

static apr_int64_t etag_in_tx(void)
{
    cloud_entry_t *e;

    OK(cloud_resolve_tx(&e, mu_bob.ctx, mu_bob.account, "", tu.pool));
    return e->etag;
}

START_TEST(nothing_outdated_is_kept)
{
    apr_int64_t before, given;

    give(0, 2);
    OK(cloud_tx_begin(mu_bob.ctx, CLOUD_DB_WRITE));
    begin_to_count();
    before = etag_in_tx();
    ck_assert_int_eq(etag_in_tx(), before);
    ck_assert_int_eq(asked.mounts, 1);
    /* Whatever is written may be what they follow from. */
    OK(cloud_db_run(mu_bob.ctx->db, NULL, tu.pool, "UPDATE share SET perms = 1", ""));
    given = etag_in_tx();
    ck_assert_int_ne(given, before);
    ck_assert_int_eq(asked.mounts, 2);
    cloud_tx_rollback(mu_bob.ctx);
    OK(cloud_tx_begin(mu_bob.ctx, CLOUD_DB_READ));
    ck_assert_int_eq(etag_in_tx(), before);
    ck_assert_int_eq(asked.mounts, 3);
    cloud_tx_rollback(mu_bob.ctx);
}
END_TEST

/* ---- locks of those who may not write there any more ---- */

static void lock_shared(person_t *p, const char *path, int n)
{
    cloud_lock_t *l;
    int created;

    while (n-- > 0)
        OK(cloud_lock_take(&l, &created, p->ctx, p->account, path, 0, 0, NULL, 0, NULL, tu.pool));
}

/* How many locks of Bob's and of Carol's Alice is told of at path and below it. */
static const char *told(const char *path)
{
    cloud_entry_t *entry = mu_entry(&mu_alice, path);
    apr_array_header_t *locks;
    int i, bob = 0, carol = 0;

    begin_to_count();
    OK(cloud_lock_find(&locks, mu_alice.ctx, entry, 1, tu.pool));
    for (i = 0; i < locks->nelts; i++) {
        const cloud_lock_t *l = &APR_ARRAY_IDX(locks, i, cloud_lock_t);

        bob += l->account == mu_bob.account->number;
        carol += l->account == mu_carol.account->number;
    }
    return apr_psprintf(tu.pool, "%d and %d", bob, carol);
}

static int telling_costs(const char *path)
{
    ck_assert_str_eq(told(path), "0 and 0");
    ck_assert_int_eq(asked.mounts, 0);
    return asked.all;
}

/* Bob has n locks on a folder of Alice's, and one on each of n files in it, that he may not write to any more. */
static void lock_and_lose(const char *folder, int n)
{
    apr_int64_t share;
    int i;

    mu_mkcol(&mu_alice, folder);
    share = mu_share(&mu_alice, folder, &mu_bob, ALL);
    for (i = 0; i < n; i++) {
        const char *path = apr_psprintf(tu.pool, "%s/%d", folder, i);

        mu_put(&mu_alice, path, "held");
        lock_shared(&mu_bob, path, 1);
    }
    lock_shared(&mu_bob, folder, n);
    mu_sql("DELETE FROM share WHERE id = %" APR_INT64_T_FMT, share);
}

START_TEST(locks_do_not_look_at_all_mounts_of_who_has_them)
{
    int few;

    give(0, 50);
    lock_and_lose("held", 1);
    few = telling_costs("held/0");
    /* As many as there may be at one place cost as much as one. */
    mu_sql("INSERT INTO lock (token, tree, node, exclusive, infinite, account, created, timeout, expires)"
           " WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
           " SELECT 'more' || i, tree, node, 0, 0, account, created, timeout, expires"
           " FROM lock CROSS JOIN n WHERE node = %" APR_INT64_T_FMT, mu_id(&mu_alice, "held/0"));
    ck_assert_int_eq(telling_costs("held/0"), few);
    begin_to_count();
    OK(mu_try_put(&mu_alice, "held/0", "new"));
    ck_assert_int_eq(asked.mounts, 0);
    ck_assert_int_lt(asked.all, 100);
}
END_TEST

START_TEST(locks_in_many_places)
{
    int mounts, few;

    give(0, 50);
    lock_and_lose("free", 0);
    lock_and_lose("held", 40);
    begin_to_count();
    OK(mu_remove(&mu_alice, "free"));
    mounts = asked.mounts;
    few = asked.all;
    /* For each of these files its place, twice, its name, and what is mounted there. */
    ck_assert_int_le(telling_costs("held"), 15 + 40 * 8);
    begin_to_count();
    OK(mu_remove(&mu_alice, "held"));
    ck_assert_int_eq(asked.mounts, mounts);
    ck_assert_int_le(asked.all, few + 40 * 4);
}
END_TEST

START_TEST(each_lock_by_what_its_holder_may_do_there)
{
    apr_int64_t a, all;

    mu_mkcol(&mu_alice, "held");
    mu_mkcol(&mu_alice, "held/a");
    mu_mkcol(&mu_alice, "held/b");
    mu_put(&mu_alice, "held/a/1", "1");
    a = mu_share(&mu_alice, "held/a", &mu_bob, ALL);
    all = mu_share(&mu_alice, "held", &mu_bob, ALL);
    mu_share(&mu_alice, "held", &mu_carol, ALL);
    lock_shared(&mu_bob, "held/b", 2);
    lock_shared(&mu_bob, "held/a/1", 2);
    lock_shared(&mu_carol, "held/b", 1);
    mu_sql("UPDATE share SET perms = 1 WHERE id = %" APR_INT64_T_FMT, all);
    ck_assert_str_eq(told("held/b"), "0 and 1");
    ck_assert_str_eq(told("held/a"), "2 and 0");
    FAILS(mu_remove(&mu_alice, "held/a"), LOCKED);
    mu_sql("UPDATE share SET perms = 1 WHERE id = %" APR_INT64_T_FMT, a);
    ck_assert_str_eq(told("held"), "0 and 1");
    OK(mu_remove(&mu_alice, "held/a"));
    mu_sql("UPDATE share SET perms = 3 WHERE id = %" APR_INT64_T_FMT, all);
    ck_assert_str_eq(told("held/b"), "2 and 1");
}
END_TEST

Suite *suite_mounts_cost(void)
{
    Suite *suite = suite_create("mounts_cost");
    TCase *tc = tcase_create("statements");

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_it_costs);
    tcase_add_test(tc, each_in_a_folder_of_its_own);
    tcase_add_test(tc, an_archive_looks_at_all_mounts_once);
    tcase_add_test(tc, a_copy_does_not_look_at_all_mounts_for_each_folder);
    tcase_add_test(tc, many_of_one_name);
    tcase_add_test(tc, places_of_many_of_one_name);
    tcase_add_test(tc, nothing_outdated_is_kept);
    tcase_add_test(tc, locks_do_not_look_at_all_mounts_of_who_has_them);
    tcase_add_test(tc, locks_in_many_places);
    tcase_add_test(tc, each_lock_by_what_its_holder_may_do_there);
    return suite;
}
