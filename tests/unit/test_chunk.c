/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "upload_util.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the ways clients name chunks; all in order, so nothing is copied ---- */

static const struct {
    const char *names[4];
} styles[] = {
    { { "0000000000000000", "0000000000000003", "0000000000000006", "0000000000000009" } },
    { { "0000000000000000", "0000000000000001", "0000000000000002", "0000000000000003" } },
    { { "0000000000000001", "0000000000000002", "0000000000000003", "0000000000000004" } },
    { { "00001", "00002", "00003", "00004" } },
    { { "0", "1", "2", "3" } },
    { { "000000000000000-000000000000002", "000000000000003-000000000000005",
        "000000000000006-000000000000008", "000000000000009-000000000000009" } },
};

START_TEST(test_in_order)
{
    cloud_upload_t *up = up_create("t1", 10);
    const char *const *names = styles[_i].names;
    cloud_result_t res;
    ino_t ino;

    ck_assert_int_eq(up_chunk(up, names[0], "abc"), 1);
    ck_assert_int_eq(up_chunk(up, names[1], "def"), 1);
    if (_i % 2) up_reopen();
    ck_assert_int_eq(up_chunk(up, names[2], "ghi"), 1);
    ck_assert_int_eq(up_chunk(up, names[3], "j"), 1);
    ino = up_staged_inode();
    OK(up_finish(&res, "t1", "dst"));
    ck_assert_int_eq(res.created, 1);
    up_is("dst", "abcdefghij");
    ck_assert_uint_eq(up_inode(up_place("files/dst")), ino);
    ck_assert_int_eq(up_staged(), 0);
    FAILS(cloud_upload_get(&up, up_ctx, up_alice, "t1", tu.pool), NOT_FOUND);
}
END_TEST

START_TEST(test_android)
{
    cloud_upload_t *up = up_create("a", -1);
    int i;

    for (i = 0; i < 12; i++) up_chunk(up, apr_itoa(tu.pool, i), i == 11 ? "" : "xy");
    ck_assert_int_eq(up_staged(), 1);
    up_finished("a", "xyxyxyxyxyxyxyxyxyxyxy");
}
END_TEST

START_TEST(test_any_order)
{
    static const char *const orders[][4] = {
        { "3", "2", "1", "0" }, { "1", "0", "2", "3" }, { "0", "2", "1", "3" },
        { "0", "1", "3", "2" }, { "2", "0", "3", "1" }, { "1", "2", "3", "0" },
    };
    cloud_upload_t *up = up_create("any", 8);
    int i;

    for (i = 0; i < 4; i++)
        up_chunk(up, orders[_i][i],
              apr_psprintf(tu.pool, "%s%c", orders[_i][i], 'a' + orders[_i][i][0] - '0'));
    up_finished("any", "0a1b2c3d");
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

START_TEST(test_natural_order)
{
    cloud_upload_t *up = up_create("nat", -1);
    apr_array_header_t *chunks;

    up_chunk(up, "10", "C");
    up_chunk(up, "9", "B");
    up_chunk(up, "100", "D");
    up_chunk(up, "1", "A");
    OK(cloud_chunk_list(&chunks, up_ctx, up, tu.pool));
    ck_assert_int_eq(chunks->nelts, 4);
    ck_assert_str_eq(APR_ARRAY_IDX(chunks, 1, cloud_chunk_t).name, "9");
    ck_assert_str_eq(APR_ARRAY_IDX(chunks, 3, cloud_chunk_t).name, "100");
    up_finished("nat", "ABCD");
}
END_TEST

/* ---- chunks that come again ---- */

START_TEST(test_again_same)
{
    cloud_upload_t *up = up_create("s", -1);
    cloud_result_t res;
    ino_t ino;

    up_chunk(up, "0", "abc");
    up_chunk(up, "3", "def");
    ck_assert_int_eq(up_chunk(up, "3", "def"), 0); /* its answer got lost */
    ck_assert_int_eq(up_chunk(up, "0", "abc"), 0);
    up_chunk(up, "6", "ghi");
    ino = up_staged_inode();
    OK(up_finish(&res, "s", "dst"));
    up_is("dst", "abcdefghi");
    ck_assert_uint_eq(up_inode(up_place("files/dst")), ino);
}
END_TEST

START_TEST(test_again_other)
{
    static const struct {
        const char *name, *data, *want;
    } cases[] = {
        { "1", "DEF", "abcDEFghi" }, { "1", "dXf", "abcdXfghi" }, { "1", "de", "abcdeghi" },
        { "1", "defg", "abcdefgghi" }, { "1", "", "abcghi" }, { "2", "g", "abcdefg" },
        { "2", "ghijk", "abcdefghijk" }, { "2", "XYZ", "abcdefXYZ" }, { "0", "A", "Adefghi" },
        { "0", "abd", "abddefghi" },
    };
    cloud_upload_t *up = up_create("o", -1);

    up_chunk(up, "0", "abc");
    up_chunk(up, "1", "def");
    up_chunk(up, "2", "ghi");
    ck_assert_int_eq(up_chunk(up, cases[_i].name, cases[_i].data), 0);
    if (_i % 2) ck_assert_int_eq(up_chunk(up, cases[_i].name, cases[_i].data), 0);
    up_finished("o", cases[_i].want);
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

START_TEST(test_removed)
{
    cloud_upload_t *up = up_create("r", -1);

    up_chunk(up, "0", "abc");
    up_chunk(up, "1", "def");
    up_chunk(up, "2", "ghi");
    OK(cloud_chunk_remove(up_ctx, up, "2"));
    FAILS(cloud_chunk_remove(up_ctx, up, "2"), NOT_FOUND);
    up_chunk(up, "2", "GH"); /* in the same place, shorter */
    up_chunk(up, "3", "I");
    ck_assert_int_eq(up_staged(), 1);
    OK(cloud_chunk_remove(up_ctx, up, "1"));
    up_chunk(up, "1", "D");
    up_finished("r", "abcDGHI");
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

START_TEST(test_aborted)
{
    cloud_upload_t *up = up_create("x", -1);
    cloud_chunk_put_t *put;
    int created;

    up_chunk(up, "0", "abc");
    put = up_begin(up, "3", 5);
    OK(cloud_chunk_write(put, "XXXX", 4));
    cloud_chunk_abort(put);
    put = up_begin(up, "3", 5);
    OK(cloud_chunk_write(put, "YY", 2));
    FAILS(cloud_chunk_commit(&created, put), INVALID); /* too short */
    put = up_begin(up, "3", 2);
    FAILS(cloud_chunk_write(put, "YYY", 3), INVALID); /* too long */
    FAILS(cloud_chunk_commit(&created, put), INVALID);
    put = up_begin(up, "7", 5); /* into a file of its own */
    OK(cloud_chunk_write(put, "ZZ", 2));
    ck_assert_int_eq(up_staged(), 2);
    cloud_chunk_abort(put);
    ck_assert_int_eq(up_staged(), 1);
    up_chunk(up, "3", "de");
    up_finished("x", "abcde");
}
END_TEST

START_TEST(test_chunk_checksum)
{
    cloud_upload_t *up = up_create("c", -1);
    cloud_chunk_put_t *put;
    int created;

    OK(cloud_chunk_begin(&put, up_ctx, up, "0", -1, "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d",
                         tu.pool));
    OK(cloud_chunk_write(put, "abC", 3));
    FAILS(cloud_chunk_commit(&created, put), CHECKSUM);
    OK(cloud_chunk_begin(&put, up_ctx, up, "0", -1, "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d",
                         tu.pool));
    OK(cloud_chunk_write(put, "abc", 3));
    OK(cloud_chunk_commit(&created, put));
    FAILS(cloud_chunk_begin(&put, up_ctx, up, "3", -1, "SHA1:xyz", tu.pool), INVALID);
    up_finished("c", "abc");
}
END_TEST

/* The hash kept between chunks is of no use to another build: then it is computed again. */
START_TEST(test_digest_lost)
{
    cloud_upload_t *up = up_create("d", -1);

    up_chunk(up, "0", "abc");
    tu_exec("UPDATE upload SET digest = x'00112233'");
    up_chunk(up, "3", "def");
    up_chunk(up, "6", "ghi");
    tu_exec("UPDATE upload SET digest = NULL");
    up_finished("d", "abcdefghi");
}
END_TEST

START_TEST(test_read_chunk)
{
    cloud_upload_t *up = up_create("rd", -1);
    apr_int64_t size;
    char buf[16] = "";
    int fd;

    up_chunk(up, "0", "abc");
    up_chunk(up, "3", "def");
    up_chunk(up, "9", "jkl");
    OK(cloud_chunk_open(&fd, &size, up_ctx, up, "3", tu.pool));
    ck_assert_int_eq(size, 3);
    ck_assert_int_eq(read(fd, buf, 3), 3);
    ck_assert_str_eq(buf, "def");
    OK(cloud_chunk_open(&fd, &size, up_ctx, up, "9", tu.pool));
    ck_assert_int_eq(read(fd, buf, 9), 3);
    ck_assert_str_eq(buf, "jkl");
    FAILS(cloud_chunk_open(&fd, &size, up_ctx, up, "1", tu.pool), NOT_FOUND);
}
END_TEST

/* Somebody has cleaned up the staging directory: the client has to start again, and can. */
START_TEST(test_files_gone)
{
    cloud_upload_t *up = up_create("gone", -1);
    cloud_chunk_put_t *put;
    cloud_result_t res;
    int created;

    up_chunk(up, "0", "abc");
    ck_assert_int_eq(system(apr_pstrcat(tu.pool, "rm -f ", up_place("staging"), "/*", NULL)), 0);
    if (_i == 0) FAILS(cloud_chunk_begin(&put, up_ctx, up, "3", -1, NULL, tu.pool), NOT_FOUND);
    else FAILS(up_finish(&res, "gone", "f"), NOT_FOUND);
    FAILS(cloud_upload_get(&up, up_ctx, up_alice, "gone", tu.pool), NOT_FOUND);
    up = up_create("gone", -1);
    up_chunk(up, "0", "abc");
    put = up_begin(up, "9", 3);
    OK(cloud_chunk_write(put, "xyz", 3));
    OK(cloud_chunk_commit(&created, put));
    tu_exec("UPDATE chunk SET stage = stage || 'x' WHERE stage IS NOT NULL");
    FAILS(up_finish(&res, "gone", "f"), NOT_FOUND);
    up = up_create("gone", -1);
    up_chunk(up, "0", "abc");
    ck_assert_int_eq(system(apr_pstrcat(tu.pool, "rm -f ", up_place("staging"), "/*-x; "
                                        "truncate -s 2 ", up_place("staging"), "/*", NULL)), 0);
    FAILS(up_finish(&res, "gone", "f"), NOT_FOUND);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM chunk"), 0);
}
END_TEST

/* Nothing is given up where the whole disk is missing. */
START_TEST(test_disk_gone)
{
    const char *dir = up_place(""), *away = apr_pstrcat(tu.pool, tu.dir, "/away", NULL);
    cloud_upload_t *up = up_create("away", -1);
    cloud_chunk_put_t *put;
    cloud_result_t res;

    up_chunk(up, "0", "abc");
    dir = apr_pstrndup(tu.pool, dir, strlen(dir) - 1);
    ck_assert_int_eq(rename(dir, away), 0);
    FAILS(cloud_chunk_begin(&put, up_ctx, up, "3", -1, NULL, tu.pool), UNAVAILABLE);
    FAILS(up_finish(&res, "away", "f"), UNAVAILABLE);
    ck_assert_int_eq(rename(away, dir), 0);
    up_chunk(up, "3", "def");
    up_finished("away", "abcdef");
}
END_TEST

/* ---- several at once ---- */

START_TEST(test_two_writers)
{
    cloud_upload_t *up = up_create("w", -1);
    cloud_chunk_put_t *first, *second;
    cloud_result_t res;
    int created;

    /* A connection hangs, the client sends the chunk again, then the first one goes on. */
    first = up_begin(up, "0", 3);
    OK(cloud_chunk_write(first, "ab", 2));
    second = up_begin(up, "0", 3);
    OK(cloud_chunk_write(second, "abc", 3));
    FAILS(up_finish(&res, "w", "f"), LOCKED);
    OK(cloud_chunk_commit(&created, second));
    ck_assert_int_eq(created, 1);
    FAILS(up_finish(&res, "w", "f"), LOCKED);
    OK(cloud_chunk_write(first, "c", 1));
    OK(cloud_chunk_commit(&created, first));
    ck_assert_int_eq(created, 0);
    up_chunk(up, "3", "def");
    up_finished("w", "abcdef");
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

START_TEST(test_removed_under_writer)
{
    cloud_upload_t *up = up_create("u", -1);
    cloud_chunk_put_t *put = up_begin(up, "0", 3);
    int created;

    OK(cloud_upload_remove(up_ctx, up_alice, "u"));
    OK(cloud_chunk_write(put, "abc", 3));
    FAILS(cloud_chunk_commit(&created, put), NOT_FOUND);
    ck_assert_int_eq(up_staged(), 0);
    FAILS(cloud_upload_remove(up_ctx, up_alice, "u"), NOT_FOUND);
    FAILS(cloud_chunk_begin(&put, up_ctx, up, "0", 3, NULL, tu.pool), NOT_FOUND);
}
END_TEST

START_TEST(test_chunk_removed_under_writer)
{
    cloud_upload_t *up = up_create("cr", -1);
    cloud_chunk_put_t *put;
    int created;

    up_chunk(up, "0", "abc");
    up_chunk(up, "1", "def");
    put = up_begin(up, "2", 3);
    OK(cloud_chunk_write(put, "gh", 2));
    OK(cloud_chunk_remove(up_ctx, up, "1"));
    up_chunk(up, "1", "DE");
    OK(cloud_chunk_write(put, "i", 1));
    OK(cloud_chunk_commit(&created, put));
    up_finished("cr", "abcDEghi");
}
END_TEST

START_TEST(test_verify_raced)
{
    cloud_upload_t *up = up_create("vr", -1);
    cloud_chunk_put_t *put;
    int created;

    up_chunk(up, "0", "abc");
    put = up_begin(up, "0", 3); /* compared with what is there */
    OK(cloud_chunk_write(put, "abc", 3));
    OK(cloud_chunk_remove(up_ctx, up, "0"));
    up_chunk(up, "0", "xyz");
    FAILS(cloud_chunk_commit(&created, put), LOCKED);
    up_finished("vr", "xyz");
}
END_TEST

/* A connection hangs and keeps the place of the next chunk; the client goes on with another one.
 * Once it is cut, what came meanwhile is taken into its place. */
START_TEST(test_hung)
{
    cloud_upload_t *up = up_create("h", -1);
    cloud_chunk_put_t *hung = up_begin(up, "0000000000000000", 3);
    cloud_result_t res;
    ino_t ino;

    OK(cloud_chunk_write(hung, "ab", 2));
    up_chunk(up, "0000000000000000", "abc");
    up_chunk(up, "0000000000000003", "def");
    ck_assert_int_eq(up_staged(), 3);
    cloud_chunk_abort(hung);
    if (_i) up_reopen();
    up_chunk(up, "0000000000000006", "ghi");
    ck_assert_int_eq(up_staged(), 1);
    ino = up_staged_inode();
    OK(up_finish(&res, "h", "f"));
    up_is("f", "abcdefghi");
    ck_assert_uint_eq(up_inode(up_place("files/f")), ino);
}
END_TEST

static const char *const late[][4] = {
    { "0000000000000006", "0000000000000003", "0000000000000000", "0000000000000009" },
    { "000000000000006-000000000000008", "000000000000003-000000000000005",
      "000000000000000-000000000000002", "000000000000009-000000000000011" },
    { "2", "3", "1", "4" },
    { "00003", "00002", "00001", "00004" },
};

START_TEST(test_late)
{
    cloud_upload_t *up = up_create("l", -1);

    up_chunk(up, late[_i][0], _i == 2 ? "def" : "ghi");
    up_chunk(up, late[_i][1], _i == 2 ? "ghi" : "def");
    up_chunk(up, late[_i][2], "abc");
    up_chunk(up, late[_i][3], "jkl");
    ck_assert_int_eq(up_staged(), 1);
    up_finished("l", "abcdefghijkl");
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

#define THREADS 8
#define EACH 12

/* Which chunks sender() sends. */
static int sent(int i)
{
    int k;

    for (k = 0; k < EACH; k++)
        if (i >= k && (i - k) % (EACH + 1) == 0) return 1;
    return 0;
}

/* Sends chunks, each one twice, while others send the same ones. */
static void *sender(void *baton)
{
    const cloud_upload_t *up = baton;
    int i, k, created;

    for (k = 0; k < 2 * EACH; k++) {
        cloud_chunk_put_t *put;
        cloud_err_t *err;
        apr_pool_t *pool;
        cloud_ctx_t *c;

        for (i = k % EACH; i < THREADS * EACH; i += EACH + 1) {
            apr_pool_create(&pool, NULL);
            c = cloud_ctx_create(tu.store, pool);
            c->who.account = up_alice;
            do { /* two that send the same chunk may get into each other's way */
                OK(cloud_chunk_begin(&put, c, up, apr_itoa(pool, i), 4, NULL, pool));
                OK(cloud_chunk_write(put, apr_psprintf(pool, "%04d", i), 4));
                err = cloud_chunk_commit(&created, put);
            } while (cloud_err_is(err, CLOUD_E_LOCKED));
            OK(err);
            apr_pool_destroy(pool);
        }
    }
    return NULL;
}

static apr_int64_t finished_etag[THREADS];

static void *finisher(void *baton)
{
    apr_int64_t *etag = baton;
    cloud_result_t res;
    cloud_err_t *err;
    apr_pool_t *pool;
    cloud_ctx_t *c;

    apr_pool_create(&pool, NULL);
    do {
        c = cloud_ctx_create(tu.store, pool);
        c->who.account = up_alice;
        err = cloud_upload_finish(&res, c, up_alice, "par", up_alice, "file", 1, &UP_NO_OPTS, pool);
    } while (cloud_err_is(err, CLOUD_E_LOCKED));
    OK(err);
    *etag = res.entry->node.etag;
    apr_pool_destroy(pool);
    return NULL;
}

START_TEST(test_parallel)
{
    cloud_upload_t *up = up_create("par", -1);
    pthread_t threads[THREADS];
    char want[THREADS * EACH * 4 + 1];
    int i, total = 0;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sender, up), 0);
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, finisher, &finished_etag[i]), 0);
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (i = 1; i < THREADS; i++) ck_assert_int_eq(finished_etag[i], finished_etag[0]);
    for (i = 0; i < THREADS * EACH; i++) {
        if (!sent(i)) continue;
        total += sprintf(want + total, "%04d", i);
    }
    up_is("file", want);
    tu_maintain();
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

/* ---- anything, in any order, against a model ---- */

#define MAX_CHUNKS 12

typedef struct {
    char data[40];
    int len; /* -1: not there */
} model_t;

static const char *random_name(int style, int i)
{
    if (style == 0) return apr_psprintf(tu.pool, "%d", i);
    if (style == 1) return apr_psprintf(tu.pool, "%016d", i);
    if (style == 2) return apr_psprintf(tu.pool, "%016d", i * 8);
    return apr_psprintf(tu.pool, "%015d-%015d", i * 8, i * 8 + 7);
}

static void random_data(model_t *m, int i, int style)
{
    int k;

    m->len = style >= 2 && rand() % 4 ? 8 : rand() % 20;
    for (k = 0; k < m->len; k++) m->data[k] = (char)('a' + (rand() % 3 ? i % 26 : rand() % 26));
}

static void random_step(model_t *model, const cloud_upload_t *up, int style, int *next)
{
    int i = rand() % 3 ? (*next)++ % MAX_CHUNKS : rand() % MAX_CHUNKS;
    model_t *m = &model[i], old = *m;
    const char *name = random_name(style, i);
    cloud_chunk_put_t *put;

    switch (rand() % 10) {
    case 0:
        if (m->len < 0) FAILS(cloud_chunk_remove(up_ctx, up, name), NOT_FOUND);
        else OK(cloud_chunk_remove(up_ctx, up, name));
        m->len = -1;
        return;
    case 1: /* breaks off */
        random_data(m, i, style);
        put = up_begin(up, name, 100);
        OK(cloud_chunk_write(put, m->data, (apr_size_t)m->len));
        cloud_chunk_abort(put);
        *m = old;
        return;
    case 2:
        up_reopen();
        return;
    case 3: /* the same once more */
        if (m->len >= 0) ck_assert_int_eq(up_chunk_n(up, name, m->data, (apr_size_t)m->len), 0);
        return;
    default:
        random_data(m, i, style);
        ck_assert_int_eq(up_chunk_n(up, name, m->data, (apr_size_t)m->len), old.len < 0);
    }
}

START_TEST(test_random)
{
    unsigned seed = (unsigned)time(NULL) * 40u + (unsigned)_i;
    const char *fixed = getenv("CLOUD_TEST_SEED");
    int round, i, steps, style, next, total, chunks;

    if (fixed) seed = (unsigned)strtoul(fixed, NULL, 10);
    printf("upload: CLOUD_TEST_SEED=%u\n", seed);
    fflush(stdout);
    srand(seed);
    for (round = 0; round < 8; round++) {
        const char *name = apr_psprintf(tu.pool, "s%d", round);
        char want[MAX_CHUNKS * 40];
        model_t model[MAX_CHUNKS];
        cloud_upload_t *up = up_create(name, -1);
        cloud_result_t res;

        for (i = 0; i < MAX_CHUNKS; i++) model[i].len = -1;
        style = rand() % 4;
        next = 0;
        for (steps = rand() % 40; steps > 0; steps--) random_step(model, up, style, &next);
        total = chunks = 0;
        for (i = 0; i < MAX_CHUNKS; i++) {
            if (model[i].len < 0) continue;
            memcpy(want + total, model[i].data, (size_t)model[i].len);
            total += model[i].len;
            chunks++;
        }
        if (chunks == 0) {
            FAILS(up_finish(&res, name, "file"), INVALID);
            OK(cloud_upload_remove(up_ctx, up_alice, name));
            continue;
        }
        OK(up_finish(&res, name, "file"));
        up_is_content("file", want, (apr_size_t)total);
        tu_maintain();
        ck_assert_int_eq(up_staged(), 0);
    }
}
END_TEST

Suite *suite_chunk(void)
{
    Suite *s = suite_create("chunk");
    TCase *tc = tu_case(s, "order", up_setup);

    tcase_add_loop_test(tc, test_in_order, 0, sizeof styles / sizeof *styles);
    tcase_add_test(tc, test_android);
    tcase_add_loop_test(tc, test_any_order, 0, 6);
    tcase_add_test(tc, test_natural_order);
    tc = tu_case(s, "again", up_setup);
    tcase_add_test(tc, test_again_same);
    tcase_add_loop_test(tc, test_again_other, 0, 10);
    tcase_add_test(tc, test_removed);
    tcase_add_test(tc, test_aborted);
    tcase_add_test(tc, test_chunk_checksum);
    tcase_add_test(tc, test_digest_lost);
    tcase_add_test(tc, test_read_chunk);
    tcase_add_loop_test(tc, test_files_gone, 0, 2);
    tcase_add_test(tc, test_disk_gone);
    tc = tu_case(s, "at once", up_setup);
    tcase_add_test(tc, test_two_writers);
    tcase_add_test(tc, test_removed_under_writer);
    tcase_add_test(tc, test_chunk_removed_under_writer);
    tcase_add_test(tc, test_verify_raced);
    tcase_add_loop_test(tc, test_hung, 0, 2);
    tcase_add_loop_test(tc, test_late, 0, 4);
    tcase_add_test(tc, test_parallel);
    tc = tu_case(s, "random", up_setup);
    tcase_add_loop_test(tc, test_random, 0, 40);
    return s;
}
