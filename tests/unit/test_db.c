/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static cloud_db_t *db;

static void open_db(void)
{
    static char dir[64];
    cloud_db_conf_t conf = { 0 };

    tu_pool();
    strcpy(dir, "/tmp/cloud-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    tu.dir = dir;
    conf.path = apr_pstrcat(tu.pool, dir, "/test.db", NULL);
    conf.busy_ms = 100;
    OK(cloud_db_open(&db, &conf, tu.pool));
    OK(cloud_db_exec(db,
                     "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b BLOB, c INTEGER)",
                     tu.pool));
}

static void close_db(void)
{
    cloud_db_close(db);
    tu_end();
}

static cloud_db_t *second(int read_only)
{
    cloud_db_conf_t conf = { .path = apr_pstrcat(tu.pool, tu.dir, "/test.db", NULL),
                             .busy_ms = 100,
                             .read_only = read_only };
    cloud_db_t *other;

    OK(cloud_db_open(&other, &conf, tu.pool));
    return other;
}

static apr_int64_t rows(cloud_db_t *in)
{
    cloud_stmt_t *st;
    apr_int64_t n;
    int row;

    OK(cloud_db_query(&st, &row, in, tu.pool, "SELECT count(*) FROM t", ""));
    n = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return n;
}

static cloud_err_t *insert(cloud_db_t *in, apr_int64_t id, const char *a)
{
    return cloud_db_run(in, NULL, tu.pool, "INSERT INTO t (id, a) VALUES (?1, ?2)", "it", id, a);
}

START_TEST(test_types)
{
    static const unsigned char blob[] = { 0, 1, 0, 255 };
    const void *got;
    apr_size_t len;
    cloud_stmt_t *st;
    int row;

    OK(cloud_db_run(db, NULL, tu.pool, "INSERT INTO t (id, a, b, c) VALUES (?1, ?2, ?3, ?4)",
                    "itbi", APR_INT64_MIN, "\xc3\xa4", (const void *)blob, sizeof blob,
                    APR_INT64_MAX));
    OK(cloud_db_run(db, NULL, tu.pool, "INSERT INTO t (id, a, b, c) VALUES (?1, ?2, ?3, ?4)",
                    "itbn", (apr_int64_t)1, NULL, NULL, (apr_size_t)0));
    OK(cloud_db_query(&st, &row, db, tu.pool, "SELECT id, a, b, c FROM t ORDER BY id", ""));
    ck_assert_int_eq(row, 1);
    ck_assert_int_eq(cloud_col_int(st, 0), APR_INT64_MIN);
    ck_assert_str_eq(cloud_col_text(st, 1), "\xc3\xa4");
    got = cloud_col_blob(st, 2, &len);
    ck_assert_uint_eq(len, sizeof blob);
    ck_assert_mem_eq(got, blob, sizeof blob);
    ck_assert_int_eq(cloud_col_int(st, 3), APR_INT64_MAX);
    OK(cloud_stmt_step(&row, st, tu.pool));
    ck_assert_int_eq(row, 1);
    ck_assert(cloud_col_null(st, 1));
    ck_assert_ptr_null(cloud_col_dup(st, 1, tu.pool));
    ck_assert(cloud_col_null(st, 3));
    cloud_col_blob(st, 2, &len);
    ck_assert_uint_eq(len, 0);
    OK(cloud_stmt_step(&row, st, tu.pool));
    ck_assert_int_eq(row, 0);
    cloud_stmt_done(st);
}
END_TEST

/* Values of one use never leak into the next one. */
START_TEST(test_statement_is_reset)
{
    static const char sql[] = "SELECT ?1, ?2";
    cloud_stmt_t *st, *again;
    int row;

    OK(cloud_db_query(&st, &row, db, tu.pool, sql, "it", (apr_int64_t)1, "x"));
    cloud_stmt_done(st);
    OK(cloud_db_stmt(&again, db, sql, tu.pool));
    ck_assert_ptr_eq(st, again);
    OK(cloud_stmt_step(&row, again, tu.pool));
    ck_assert(cloud_col_null(again, 0));
    ck_assert(cloud_col_null(again, 1));
    cloud_stmt_done(again);
}
END_TEST

START_TEST(test_errors)
{
    cloud_stmt_t *st;
    int row, changed;

    OK(insert(db, 1, "a"));
    FAILS(insert(db, 1, "b"), EXISTS);
    FAILS(insert(db, 2, "a"), EXISTS);
    OK(insert(db, 2, "b"));
    FAILS(cloud_db_query(&st, &row, db, tu.pool, "SELECT nosuch FROM t", ""), INTERNAL);
    FAILS(cloud_db_exec(db, "NONSENSE", tu.pool), INTERNAL);
    OK(cloud_db_run(db, &changed, tu.pool, "UPDATE t SET c = 1", ""));
    ck_assert_int_eq(changed, 2);
    OK(cloud_db_run(db, &changed, tu.pool, "UPDATE t SET c = 2 WHERE id = 9", ""));
    ck_assert_int_eq(changed, 0);
}
END_TEST

START_TEST(test_transactions)
{
    OK(cloud_db_begin(db, CLOUD_DB_WRITE, tu.pool));
    OK(insert(db, 1, "a"));
    cloud_db_rollback(db);
    cloud_db_rollback(db);
    ck_assert_int_eq(rows(db), 0);
    OK(cloud_db_begin(db, CLOUD_DB_WRITE, tu.pool));
    OK(insert(db, 1, "a"));
    OK(cloud_db_commit(db, tu.pool));
    OK(cloud_db_sync(db, tu.pool));
    ck_assert_int_eq(rows(db), 1);
}
END_TEST

/* A reader keeps what it saw first, whatever is committed meanwhile. */
START_TEST(test_snapshot)
{
    cloud_db_t *other = second(0);

    OK(cloud_db_begin(other, CLOUD_DB_READ, tu.pool));
    ck_assert_int_eq(rows(other), 0);
    OK(insert(db, 1, "a"));
    ck_assert_int_eq(rows(other), 0);
    cloud_db_rollback(other);
    ck_assert_int_eq(rows(other), 1);
    cloud_db_close(other);
}
END_TEST

START_TEST(test_busy)
{
    cloud_db_t *other = second(0);

    OK(cloud_db_begin(db, CLOUD_DB_WRITE, tu.pool));
    FAILS(cloud_db_begin(other, CLOUD_DB_WRITE, tu.pool), BUSY);
    OK(cloud_db_commit(db, tu.pool));
    OK(cloud_db_begin(other, CLOUD_DB_WRITE, tu.pool));
    cloud_db_rollback(other);
    cloud_db_close(other);
}
END_TEST

START_TEST(test_read_only)
{
    cloud_db_t *other;

    OK(insert(db, 1, "a"));
    other = second(1);
    ck_assert_int_eq(rows(other), 1);
    ck_assert_ptr_nonnull(insert(other, 2, "b"));
    ck_assert_int_eq(rows(other), 1);
    cloud_db_close(other);
}
END_TEST

START_TEST(test_backup)
{
    const char *to = apr_pstrcat(tu.pool, tu.dir, "/copy.db", NULL);
    cloud_db_conf_t conf = { .path = to };
    cloud_db_t *copy;
    int frames;

    OK(insert(db, 1, "a"));
    OK(cloud_db_backup(db, to, tu.pool));
    OK(insert(db, 2, "b"));
    OK(cloud_db_open(&copy, &conf, tu.pool));
    ck_assert_int_eq(rows(copy), 1);
    cloud_db_close(copy);
    OK(cloud_db_checkpoint(db, 1, &frames, tu.pool));
    ck_assert_int_eq(frames, 0);
    ck_assert_int_eq(rows(db), 2);
}
END_TEST

START_TEST(test_not_there)
{
    cloud_db_conf_t conf = { .path = "/nonexistent/dir/test.db" };
    cloud_db_t *other;

    FAILS(cloud_db_open(&other, &conf, tu.pool), UNAVAILABLE);
}
END_TEST

/* ---- transactions of a context ---- */

START_TEST(test_nesting)
{
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    FAILS(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE), INTERNAL);
    cloud_tx_rollback(tu.ctx);
    ck_assert_ptr_null(tu.ctx->db);
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    cloud_tx_rollback(tu.ctx);
    ck_assert_ptr_nonnull(tu.ctx->db);
    OK(cloud_db_run(tu.ctx->db, NULL, tu.pool, "INSERT INTO meta VALUES ('x', 'y')", ""));
    OK(cloud_tx_commit_sync(tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM meta WHERE key = 'x'"), 1);
    cloud_tx_rollback(tu.ctx);
    FAILS(cloud_tx_commit(tu.ctx), INTERNAL);
}
END_TEST

START_TEST(test_end)
{
    cloud_err_t *err = cloud_err(tu.pool, CLOUD_E_CONFLICT, NULL);

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_db_run(tu.ctx->db, NULL, tu.pool, "INSERT INTO meta VALUES ('x', 'y')", ""));
    ck_assert_ptr_eq(cloud_tx_end(tu.ctx, err), err);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM meta WHERE key = 'x'"), 0);
}
END_TEST

static void *count_up(void *baton)
{
    cloud_ctx_t *ctx = baton;

    for (int i = 0; i < 200; i++) {
        if (cloud_tx_begin(ctx, CLOUD_DB_WRITE)) return "begin";
        if (cloud_db_run(ctx->db, NULL, ctx->pool,
                         "UPDATE meta SET value = value + 1 WHERE key = 'n'", ""))
            return "update";
        if (cloud_tx_commit_sync(ctx)) return "commit";
    }
    return NULL;
}

/* Writers of two stores, as two processes have them, queue and lose nothing. */
START_TEST(test_writers)
{
    cloud_ctx_t *other = tu_other_store();
    cloud_ctx_t *ctxs[] = { tu_as(NULL), tu_as(NULL), tu_as(NULL), other };
    pthread_t threads[COUNT(ctxs)];
    void *failure;

    tu_exec("INSERT INTO meta VALUES ('n', '0')");
    for (int i = 0; i < COUNT(ctxs); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, ctxs[i]), 0);
    for (int i = 0; i < COUNT(ctxs); i++) {
        pthread_join(threads[i], &failure);
        ck_assert_msg(!failure, "%s", (const char *)failure);
    }
    ck_assert_int_eq(tu_query_int("SELECT value FROM meta WHERE key = 'n'"), 200 * COUNT(ctxs));
}
END_TEST

Suite *suite_db(void)
{
    Suite *s = suite_create("db");
    TCase *tc = tcase_create("db"), *tx = tu_case(s, "transactions", tu_store);

    tcase_add_checked_fixture(tc, open_db, close_db);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_types);
    tcase_add_test(tc, test_statement_is_reset);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_transactions);
    tcase_add_test(tc, test_snapshot);
    tcase_add_test(tc, test_busy);
    tcase_add_test(tc, test_read_only);
    tcase_add_test(tc, test_backup);
    tcase_add_test(tc, test_not_there);
    tcase_add_test(tx, test_nesting);
    tcase_add_test(tx, test_end);
    tcase_add_test(tx, test_writers);
    return s;
}
