/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "upload_util.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- finishing ---- */

START_TEST(test_sum)
{
    cloud_upload_t *up = up_create("sum", 6);
    cloud_put_opts_t opts = { .length = 7 };
    cloud_result_t res;
    cloud_err_t *err;

    up_chunk(up, "0", "abc");
    err = cloud_upload_finish(&res, up_ctx, up_alice, "sum", up_alice, "f", 1, &opts, tu.pool);
    FAILS(err, INVALID);
    ck_assert_str_eq(err->msg, "Chunks on server do not sum up to 7 but to 3");
    FAILS(up_finish(&res, "sum", "f"), INVALID); /* 6 were announced */
    up_chunk(up, "3", "def");
    opts.length = 6;
    opts.checksum = "SHA1:da39a3ee5e6b4b0d3255bfef95601890afd80709";
    FAILS(cloud_upload_finish(&res, up_ctx, up_alice, "sum", up_alice, "f", 1, &opts, tu.pool),
          CHECKSUM);
    opts.checksum = "SHA256:bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";
    OK(cloud_upload_finish(&res, up_ctx, up_alice, "sum", up_alice, "f", 1, &opts, tu.pool));
    ck_assert_ptr_nonnull(
        strstr(cloud_sums_text(res.entry->node.sums, 0, tu.pool), "SHA256:bef57ec7"));
    ck_assert_ptr_nonnull(strstr(cloud_sums_text(res.entry->node.sums, 0, tu.pool), "SHA1:"));
}
END_TEST

START_TEST(test_empty)
{
    cloud_upload_t *up = up_create("e", -1);
    cloud_put_opts_t opts = { .length = 0 };
    cloud_result_t res;

    FAILS(up_finish(&res, "e", "f"), INVALID); /* nothing came in: an empty file would be a loss */
    OK(cloud_upload_finish(&res, up_ctx, up_alice, "e", up_alice, "f", 1, &opts, tu.pool));
    up_is("f", "");
    up = up_create("e2", -1);
    up_chunk(up, "0", "");
    OK(up_finish(&res, "e2", "g"));
    up_is("g", "");
}
END_TEST

START_TEST(test_overwrite)
{
    cloud_upload_t *up = up_create("one", -1);
    cloud_put_opts_t opts = { .length = -1, .has_mtime = 1, .mtime = 1500000000 };
    cloud_result_t res;
    apr_int64_t id, etag;

    up_chunk(up, "0", "one");
    OK(up_finish(&res, "one", "f"));
    id = res.entry->node.id;
    etag = res.entry->node.etag;
    up = up_create("two", -1);
    up_chunk(up, "0", "twotwo");
    FAILS(cloud_upload_finish(&res, up_ctx, up_alice, "two", up_alice, "f", 0, &opts, tu.pool),
          PRECONDITION);
    opts.cond.must = CLOUD_IF_ETAG;
    opts.cond.etag = etag + 1;
    FAILS(cloud_upload_finish(&res, up_ctx, up_alice, "two", up_alice, "f", 1, &opts, tu.pool),
          PRECONDITION);
    FAILS(up_finish(&res, "two", "nowhere/f"), CONFLICT);
    opts.cond.etag = etag;
    OK(cloud_upload_finish(&res, up_ctx, up_alice, "two", up_alice, "f", 1, &opts, tu.pool));
    ck_assert_int_eq(res.created, 0);
    ck_assert_int_eq(res.entry->node.id, id);
    ck_assert_int_gt(res.entry->node.etag, etag);
    ck_assert_int_eq(res.entry->node.mtime, 1500000000);
    up_is("f", "twotwo");
    ck_assert_int_eq(up_staged(), 1); /* the old content, until maintenance */
    tu_maintain();
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

static void put_file(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *put;

    OK(cloud_put_begin(&put, up_ctx, up_alice, path, &opts, tu.pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
}

START_TEST(test_repeated)
{
    cloud_upload_t *up = up_create("rep", -1);
    cloud_result_t res, again;
    apr_int64_t id, etag;

    up_chunk(up, "0", "abc");
    OK(up_finish(&res, "rep", "f"));
    id = res.entry->node.id;
    etag = res.entry->node.etag;
    OK(cloud_upload_find(&up, up_ctx, up_alice, "rep", tu.pool));
    ck_assert_int_eq(up->finished, 1);
    OK(up_finish(&again, "rep", "f"));
    ck_assert_int_eq(again.created, 1);
    ck_assert_int_eq(again.entry->node.id, id);
    ck_assert_int_eq(again.entry->node.etag, etag);
    FAILS(up_finish(&again, "rep", "g"), NOT_FOUND);
    /* Somebody else changes the file: the client is told of its own upload, and will see the other
     * ETag in its next listing. */
    put_file("f", "changed");
    up_reopen();
    OK(up_finish(&again, "rep", "f"));
    ck_assert_int_eq(again.entry->node.id, id);
    ck_assert_int_eq(again.entry->node.etag, etag);
    up_is("f", "changed");
    OK(cloud_file_remove(up_ctx, up_alice, "f", NULL));
    OK(up_finish(&again, "rep", "f"));
    ck_assert_int_eq(again.entry->node.id, id);
    ck_assert_int_eq(again.entry->node.etag, etag);
    /* The name may be used for another upload. */
    up = up_create("rep", -1);
    up_chunk(up, "0", "new");
    OK(up_finish(&again, "rep", "f"));
    up_is("f", "new");
    ck_assert_int_ne(again.entry->node.id, id);
}
END_TEST

/* ---- who, how much, how long ---- */

START_TEST(test_access)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_ctx_t *other = tu_as(bob), *nobody = tu_as(NULL);
    cloud_upload_t *up = up_create("p", -1), *got;
    apr_array_header_t *list;
    cloud_chunk_put_t *put;
    cloud_result_t res;

    up_chunk(up, "0", "abc");
    FAILS(cloud_upload_create(&got, other, up_alice, "q", -1, tu.pool), DENIED);
    FAILS(cloud_upload_get(&got, other, up_alice, "p", tu.pool), DENIED);
    FAILS(cloud_upload_get(&got, nobody, up_alice, "p", tu.pool), DENIED);
    FAILS(cloud_upload_list(&list, other, up_alice, tu.pool), DENIED);
    FAILS(cloud_upload_remove(other, up_alice, "p"), DENIED);
    FAILS(cloud_chunk_list(&list, other, up, tu.pool), DENIED);
    FAILS(cloud_chunk_begin(&put, other, up, "1", 1, NULL, tu.pool), DENIED);
    FAILS(cloud_upload_finish(&res, other, up_alice, "p", bob, "f", 1, &UP_NO_OPTS, tu.pool),
          DENIED);
    FAILS(cloud_upload_finish(&res, other, bob, "p", bob, "f", 1, &UP_NO_OPTS, tu.pool), NOT_FOUND);
    FAILS(cloud_upload_create(&got, up_ctx, up_alice, "p", -1, tu.pool), EXISTS);
    OK(cloud_upload_list(&list, up_ctx, up_alice, tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    ck_assert_int_eq(APR_ARRAY_IDX(list, 0, cloud_upload_t).received, 3);
}
END_TEST

/* Disabled while an upload is under way. */
START_TEST(test_disabled)
{
    cloud_upload_t *up = up_create("u", 6);
    cloud_chunk_put_t *put;
    cloud_upload_t *other;
    cloud_result_t res;
    int created;

    up_chunk(up, "0", "abc");
    put = up_begin(up, "3", 3);
    OK(cloud_chunk_write(put, "def", 3));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(cloud_chunk_commit(&created, put), UNAUTHORIZED);
    FAILS(up_finish(&res, "u", "file"), UNAUTHORIZED);
    FAILS(cloud_upload_create(&other, up_ctx, up_alice, "other", -1, tu.pool), UNAUTHORIZED);
    FAILS(cloud_upload_remove(up_ctx, up_alice, "u"), UNAUTHORIZED);
    ck_assert_int_eq(up_staged(), 1);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    up_chunk(up, "3", "def");
    up_finished("u", "abcdef");
}
END_TEST

/* Deleted when the staging file was there already. */
START_TEST(test_deleted)
{
    cloud_upload_t *up;

    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(mkdir(up_place(""), 0700), 0);
    ck_assert_int_eq(mkdir(up_place("staging"), 0700), 0);
    FAILS(cloud_upload_create(&up, up_ctx, up_alice, "u", -1, tu.pool), UNAUTHORIZED);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM upload"), 0);
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

START_TEST(test_names)
{
    static const char *const bad[] = { "", ".", "..", "a/b", "a\x01", "\xff", "a\\b" };
    cloud_upload_t *up = up_create("n", -1), *got;
    cloud_chunk_put_t *put;
    unsigned i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        FAILS(cloud_upload_create(&got, up_ctx, up_alice, bad[i], -1, tu.pool), INVALID_NAME);
        FAILS(cloud_chunk_begin(&put, up_ctx, up, bad[i], -1, NULL, tu.pool), INVALID_NAME);
    }
    FAILS(cloud_chunk_begin(&put, up_ctx, up, ".file", -1, NULL, tu.pool), DENIED);
    ck_assert_int_eq(up_staged(), 1);
}
END_TEST

START_TEST(test_quota)
{
    cloud_upload_t *up;
    cloud_chunk_put_t *put;
    cloud_result_t res;

    OK(cloud_account_set_quota(tu.ctx, "alice", 10));
    OK(cloud_account_get(&up_alice, tu.ctx, "alice", tu.pool));
    FAILS(cloud_upload_create(&up, up_ctx, up_alice, "q", 11, tu.pool), QUOTA);
    ck_assert_int_eq(up_staged(), 0);
    up = up_create("q", -1);
    up_chunk(up, "0", "12345678");
    OK(up_finish(&res, "q", "f"));
    up = up_create("q2", 10);
    up_chunk(up, "0", "1234567890");
    FAILS(up_finish(&res, "q2", "g"), QUOTA);
    OK(up_finish(&res, "q2", "f")); /* it takes the other one's place */
    up_is("f", "1234567890");
    up = up_create("q3", -1);
    up_chunk(up, "0", "12345678901234567890");
    FAILS(cloud_chunk_begin(&put, up_ctx, up, "20", 1, NULL, tu.pool), QUOTA);
    put = up_begin(up, "20", -1);
    FAILS(cloud_chunk_write(put, "1", 1), QUOTA);
    cloud_chunk_abort(put);
    FAILS(up_finish(&res, "q3", "f"), QUOTA);
}
END_TEST

START_TEST(test_expire)
{
    cloud_upload_t *up = up_create("old", -1);
    cloud_chunk_put_t *put;
    cloud_result_t res;
    int removed;

    up_chunk(up, "0", "abc");
    up_chunk(up, "9", "xyz");
    up_chunk(up_create("done", -1), "0", "abc");
    OK(up_finish(&res, "done", "f"));
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 0);
    tu_exec("UPDATE upload SET touched = touched - 2000000000");
    put = up_begin(up, "12", 1);
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 0); /* a writer is at it; the finished one is kept for a day */
    cloud_chunk_abort(put);
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 1);
    ck_assert_int_eq(up_staged(), 0);
    FAILS(cloud_upload_get(&up, up_ctx, up_alice, "old", tu.pool), NOT_FOUND);
    OK(up_finish(&res, "done", "f"));
    tu_exec("UPDATE upload SET touched = touched - 90000000000");
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 1);
    FAILS(up_finish(&res, "done", "f"), NOT_FOUND);
    up_is("f", "abc");
}
END_TEST

START_TEST(test_staging_expire)
{
    cloud_upload_t *up = up_create("live", -1);
    int removed, fd;

    up_chunk(up, "0", "abc");
    up_chunk(up, "9", "xyz");
    fd = open(up_place("staging/left"), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(mkdir(up_place("staging/dir"), 0700), 0);
    ck_assert_int_eq(mkdir(up_place("staging/dir/sub"), 0700), 0);
    ck_assert_int_eq(symlink("/etc/passwd", up_place("staging/dir/sub/link")), 0);
    ck_assert_int_eq(up_staged(), 4);
    OK(cloud_staging_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 0);
    OK(cloud_staging_expire(&removed, tu.ctx, -10, 100));
    ck_assert_int_eq(removed, 2);
    ck_assert_int_eq(up_staged(), 2);
    up_chunk(up, "3", "def");
    up_finished("live", "abcdefxyz");
}
END_TEST

/* ---- chunking v1 ---- */

static const char *v1_session(const char *path)
{
    const char *target, *session;
    int count, index;

    ck_assert(cloud_upload_v1_parse(&target, &session, &count, &index, path, tu.pool));
    return session;
}

START_TEST(test_v1_parse)
{
    static const struct {
        const char *path, *target;
        int count, index;
    } good[] = {
        { "f-chunking-1-1-0", "f", 1, 0 },
        { "dir/a b.txt-chunking-4711-12-11", "dir/a b.txt", 12, 11 },
        { "f-chunking-1-2-0-chunking-7-3-2", "f-chunking-1-2-0", 3, 2 },
    };
    static const char *const bad[] = {
        "f", "f-chunking-", "f-chunking-1-2", "f-chunking-1-2-2", "f-chunking-1-0-0",
        "f-chunking-x-2-1", "-chunking-1-2-1", "d/-chunking-1-2-1", "f-chunking-1-2-1x",
        "f-chunking-1-2-", "f-chunking--2-1", "f-chunking-1-2-12345678901234567890",
        "f-chunking-1-9999999-1", "chunking-1-2-1", "",
    };
    const char *target, *session;
    int count, index;
    unsigned i;

    for (i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert(cloud_upload_v1_parse(&target, &session, &count, &index, good[i].path, tu.pool));
        ck_assert_str_eq(target, good[i].target);
        ck_assert_int_eq(count, good[i].count);
        ck_assert_int_eq(index, good[i].index);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!cloud_upload_v1_parse(&target, &session, &count, &index, bad[i], tu.pool),
                      "%s", bad[i]);
    /* One session for each transfer of each file. */
    ck_assert_str_ne(v1_session("a-chunking-1-2-0"), v1_session("b-chunking-1-2-0"));
    ck_assert_str_ne(v1_session("a-chunking-1-2-0"), v1_session("a-chunking-2-2-0"));
    ck_assert_str_eq(v1_session("a-chunking-1-2-0"), v1_session("a-chunking-1-2-1"));
}
END_TEST

static int v1(cloud_result_t *res, int index, int count, const char *data, apr_int64_t total)
{
    cloud_put_opts_t opts = { .length = total };
    cloud_chunk_put_t *put;
    int complete;

    OK(cloud_upload_v1_begin(&put, up_ctx, up_alice, "f", "v1-1-x", index,
                             (apr_int64_t)strlen(data), &opts, tu.pool));
    OK(cloud_chunk_write(put, data, strlen(data)));
    OK(cloud_upload_v1_commit(&complete, res, put, up_ctx, up_alice, "f", "v1-1-x", count, &opts,
                              tu.pool));
    return complete;
}

START_TEST(test_v1)
{
    cloud_result_t res;
    apr_int64_t etag;

    ck_assert_int_eq(v1(&res, 1, 3, "BB", 6), 0);
    ck_assert_int_eq(v1(&res, 0, 3, "AA", 6), 0);
    ck_assert_int_eq(v1(&res, 0, 3, "AA", 6), 0);
    ck_assert_int_eq(v1(&res, 2, 3, "CC", 6), 1);
    ck_assert_int_eq(res.created, 1);
    etag = res.entry->node.etag;
    up_is("f", "AABBCC");
    ck_assert_int_eq(v1(&res, 2, 3, "CC", 6), 1); /* the answer got lost */
    ck_assert_int_eq(res.entry->node.etag, etag);
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

START_TEST(test_v1_refused)
{
    cloud_put_opts_t opts = { .length = 6 };
    apr_array_header_t *list;
    cloud_chunk_put_t *put;

    FAILS(cloud_upload_v1_begin(&put, up_ctx, up_alice, "no/f", "v1-1-y", 0, 2, &opts, tu.pool),
          CONFLICT);
    OK(cloud_upload_list(&list, up_ctx, up_alice, tu.pool));
    ck_assert_int_eq(list->nelts, 0);
    ck_assert_int_eq(up_staged(), 0);
}
END_TEST

Suite *suite_upload(void)
{
    Suite *s = suite_create("upload");
    TCase *tc = tu_case(s, "finish", up_setup);

    tcase_add_test(tc, test_sum);
    tcase_add_test(tc, test_empty);
    tcase_add_test(tc, test_overwrite);
    tcase_add_test(tc, test_repeated);
    tc = tu_case(s, "limits", up_setup);
    tcase_add_test(tc, test_access);
    tcase_add_test(tc, test_disabled);
    tcase_add_test(tc, test_deleted);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_quota);
    tcase_add_test(tc, test_expire);
    tcase_add_test(tc, test_staging_expire);
    tc = tu_case(s, "v1", up_setup);
    tcase_add_test(tc, test_v1_parse);
    tcase_add_test(tc, test_v1);
    tcase_add_test(tc, test_v1_refused);
    return s;
}
