/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

static cloud_account_t *alice;
static cloud_ctx_t *ctx; /* alice's */

static void setup(void)
{
    tu_store();
    alice = tu_account("alice");
    ctx = tu_as(alice);
}

/* The same store again, as after a restart. */
static void reopen(void)
{
    tu_reopen();
    ctx = tu_as(alice);
}

/* ---- shorthand ---- */

static cloud_upload_t *session(const char *name, apr_int64_t total)
{
    cloud_upload_t *up;

    OK(cloud_upload_create(&up, ctx, alice, name, total, tu.pool));
    return up;
}

static cloud_chunk_put_t *begin(const cloud_upload_t *up, const char *name, apr_int64_t length)
{
    cloud_chunk_put_t *put;

    OK(cloud_chunk_begin(&put, ctx, up, name, length, NULL, tu.pool));
    return put;
}

static int chunk_n(const cloud_upload_t *up, const char *name, const char *data, apr_size_t len)
{
    cloud_chunk_put_t *put = begin(up, name, (apr_int64_t)len);
    apr_size_t half = len / 3;
    int created;

    OK(cloud_chunk_write(put, data, half));
    OK(cloud_chunk_write(put, data + half, len - half));
    OK(cloud_chunk_commit(&created, put));
    return created;
}

static int chunk(const cloud_upload_t *up, const char *name, const char *data)
{
    return chunk_n(up, name, data, strlen(data));
}

static const cloud_put_opts_t NO_OPTS = { .length = -1 };

static cloud_err_t *finish(cloud_result_t *res, const char *name, const char *dst)
{
    return cloud_upload_finish(res, ctx, alice, name, alice, dst, 1, &NO_OPTS, tu.pool);
}

static const char *content(const char *path, apr_int64_t *size)
{
    cloud_entry_t *entry;
    char *buf;
    int fd;

    OK(cloud_file_open(&fd, &entry, ctx, alice, path, tu.pool));
    buf = apr_pcalloc(tu.pool, (apr_size_t)entry->node.size + 1);
    ck_assert_int_eq(read(fd, buf, (size_t)entry->node.size + 1), entry->node.size);
    *size = entry->node.size;
    return buf;
}

/* What is at path, and its checksums: they must be those of the content. */
static void is_content(const char *path, const char *want, apr_size_t len)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, tu.pool);
    cloud_entry_t *entry;
    apr_int64_t size;
    const char *got = content(path, &size);

    ck_assert_int_eq(size, (apr_int64_t)len);
    ck_assert(memcmp(got, want, len) == 0);
    cloud_digest_update(digest, want, len);
    OK(cloud_file_stat(&entry, ctx, alice, path, tu.pool));
    ck_assert_str_eq(cloud_sums_text(entry->node.sums, 0, tu.pool),
                     cloud_sums_text(cloud_digest_final(digest, tu.pool), 0, tu.pool));
}

static void is(const char *path, const char *want)
{
    is_content(path, want, strlen(want));
}

static void finished(const char *name, const char *want)
{
    cloud_result_t res;

    OK(finish(&res, name, "file"));
    is("file", want);
}

static const char *place(const char *path)
{
    return apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/", path, NULL);
}

static int staged(void)
{
    DIR *d = opendir(place("staging"));
    struct dirent *de;
    int n = 0;

    ck_assert_ptr_nonnull(d);
    while ((de = readdir(d))) n += de->d_name[0] != '.';
    closedir(d);
    return n;
}

static ino_t inode(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_ino;
}

/* Inode of the only file in the staging directory. */
static ino_t staged_inode(void)
{
    DIR *d = opendir(place("staging"));
    struct dirent *de;
    ino_t ino = 0;

    ck_assert_int_eq(staged(), 1);
    while ((de = readdir(d)))
        if (de->d_name[0] != '.')
            ino = inode(place(apr_pstrcat(tu.pool, "staging/", de->d_name, NULL)));
    closedir(d);
    return ino;
}

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
    cloud_upload_t *up = session("t1", 10);
    const char *const *names = styles[_i].names;
    cloud_result_t res;
    ino_t ino;

    ck_assert_int_eq(chunk(up, names[0], "abc"), 1);
    ck_assert_int_eq(chunk(up, names[1], "def"), 1);
    if (_i % 2) reopen();
    ck_assert_int_eq(chunk(up, names[2], "ghi"), 1);
    ck_assert_int_eq(chunk(up, names[3], "j"), 1);
    ino = staged_inode();
    OK(finish(&res, "t1", "dst"));
    ck_assert_int_eq(res.created, 1);
    is("dst", "abcdefghij");
    ck_assert_uint_eq(inode(place("files/dst")), ino);
    ck_assert_int_eq(staged(), 0);
    FAILS(cloud_upload_get(&up, ctx, alice, "t1", tu.pool), NOT_FOUND);
}
END_TEST

START_TEST(test_android)
{
    cloud_upload_t *up = session("a", -1);
    int i;

    for (i = 0; i < 12; i++) chunk(up, apr_itoa(tu.pool, i), i == 11 ? "" : "xy");
    ck_assert_int_eq(staged(), 1);
    finished("a", "xyxyxyxyxyxyxyxyxyxyxy");
}
END_TEST

START_TEST(test_any_order)
{
    static const char *const orders[][4] = {
        { "3", "2", "1", "0" }, { "1", "0", "2", "3" }, { "0", "2", "1", "3" },
        { "0", "1", "3", "2" }, { "2", "0", "3", "1" }, { "1", "2", "3", "0" },
    };
    cloud_upload_t *up = session("any", 8);
    int i;

    for (i = 0; i < 4; i++)
        chunk(up, orders[_i][i],
              apr_psprintf(tu.pool, "%s%c", orders[_i][i], 'a' + orders[_i][i][0] - '0'));
    finished("any", "0a1b2c3d");
    ck_assert_int_eq(staged(), 0);
}
END_TEST

START_TEST(test_natural_order)
{
    cloud_upload_t *up = session("nat", -1);
    apr_array_header_t *chunks;

    chunk(up, "10", "C");
    chunk(up, "9", "B");
    chunk(up, "100", "D");
    chunk(up, "1", "A");
    OK(cloud_chunk_list(&chunks, ctx, up, tu.pool));
    ck_assert_int_eq(chunks->nelts, 4);
    ck_assert_str_eq(APR_ARRAY_IDX(chunks, 1, cloud_chunk_t).name, "9");
    ck_assert_str_eq(APR_ARRAY_IDX(chunks, 3, cloud_chunk_t).name, "100");
    finished("nat", "ABCD");
}
END_TEST

/* ---- chunks that come again ---- */

START_TEST(test_again_same)
{
    cloud_upload_t *up = session("s", -1);
    cloud_result_t res;
    ino_t ino;

    chunk(up, "0", "abc");
    chunk(up, "3", "def");
    ck_assert_int_eq(chunk(up, "3", "def"), 0); /* its answer got lost */
    ck_assert_int_eq(chunk(up, "0", "abc"), 0);
    chunk(up, "6", "ghi");
    ino = staged_inode();
    OK(finish(&res, "s", "dst"));
    is("dst", "abcdefghi");
    ck_assert_uint_eq(inode(place("files/dst")), ino);
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
    cloud_upload_t *up = session("o", -1);

    chunk(up, "0", "abc");
    chunk(up, "1", "def");
    chunk(up, "2", "ghi");
    ck_assert_int_eq(chunk(up, cases[_i].name, cases[_i].data), 0);
    if (_i % 2) ck_assert_int_eq(chunk(up, cases[_i].name, cases[_i].data), 0);
    finished("o", cases[_i].want);
    ck_assert_int_eq(staged(), 0);
}
END_TEST

START_TEST(test_removed)
{
    cloud_upload_t *up = session("r", -1);

    chunk(up, "0", "abc");
    chunk(up, "1", "def");
    chunk(up, "2", "ghi");
    OK(cloud_chunk_remove(ctx, up, "2"));
    FAILS(cloud_chunk_remove(ctx, up, "2"), NOT_FOUND);
    chunk(up, "2", "GH"); /* in the same place, shorter */
    chunk(up, "3", "I");
    ck_assert_int_eq(staged(), 1);
    OK(cloud_chunk_remove(ctx, up, "1"));
    chunk(up, "1", "D");
    finished("r", "abcDGHI");
    ck_assert_int_eq(staged(), 0);
}
END_TEST

START_TEST(test_aborted)
{
    cloud_upload_t *up = session("x", -1);
    cloud_chunk_put_t *put;
    int created;

    chunk(up, "0", "abc");
    put = begin(up, "3", 5);
    OK(cloud_chunk_write(put, "XXXX", 4));
    cloud_chunk_abort(put);
    put = begin(up, "3", 5);
    OK(cloud_chunk_write(put, "YY", 2));
    FAILS(cloud_chunk_commit(&created, put), INVALID); /* too short */
    put = begin(up, "3", 2);
    FAILS(cloud_chunk_write(put, "YYY", 3), INVALID); /* too long */
    FAILS(cloud_chunk_commit(&created, put), INVALID);
    put = begin(up, "7", 5); /* into a file of its own */
    OK(cloud_chunk_write(put, "ZZ", 2));
    ck_assert_int_eq(staged(), 2);
    cloud_chunk_abort(put);
    ck_assert_int_eq(staged(), 1);
    chunk(up, "3", "de");
    finished("x", "abcde");
}
END_TEST

START_TEST(test_chunk_checksum)
{
    cloud_upload_t *up = session("c", -1);
    cloud_chunk_put_t *put;
    int created;

    OK(cloud_chunk_begin(&put, ctx, up, "0", -1, "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d",
                         tu.pool));
    OK(cloud_chunk_write(put, "abC", 3));
    FAILS(cloud_chunk_commit(&created, put), CHECKSUM);
    OK(cloud_chunk_begin(&put, ctx, up, "0", -1, "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d",
                         tu.pool));
    OK(cloud_chunk_write(put, "abc", 3));
    OK(cloud_chunk_commit(&created, put));
    FAILS(cloud_chunk_begin(&put, ctx, up, "3", -1, "SHA1:xyz", tu.pool), INVALID);
    finished("c", "abc");
}
END_TEST

/* The hash kept between chunks is of no use to another build: then it is computed again. */
START_TEST(test_digest_lost)
{
    cloud_upload_t *up = session("d", -1);

    chunk(up, "0", "abc");
    tu_exec("UPDATE upload SET digest = x'00112233'");
    chunk(up, "3", "def");
    chunk(up, "6", "ghi");
    tu_exec("UPDATE upload SET digest = NULL");
    finished("d", "abcdefghi");
}
END_TEST

START_TEST(test_read_chunk)
{
    cloud_upload_t *up = session("rd", -1);
    apr_int64_t size;
    char buf[16] = "";
    int fd;

    chunk(up, "0", "abc");
    chunk(up, "3", "def");
    chunk(up, "9", "jkl");
    OK(cloud_chunk_open(&fd, &size, ctx, up, "3", tu.pool));
    ck_assert_int_eq(size, 3);
    ck_assert_int_eq(read(fd, buf, 3), 3);
    ck_assert_str_eq(buf, "def");
    OK(cloud_chunk_open(&fd, &size, ctx, up, "9", tu.pool));
    ck_assert_int_eq(read(fd, buf, 9), 3);
    ck_assert_str_eq(buf, "jkl");
    FAILS(cloud_chunk_open(&fd, &size, ctx, up, "1", tu.pool), NOT_FOUND);
}
END_TEST

/* ---- several at once ---- */

START_TEST(test_two_writers)
{
    cloud_upload_t *up = session("w", -1);
    cloud_chunk_put_t *first, *second;
    cloud_result_t res;
    int created;

    /* A connection hangs, the client sends the chunk again, then the first one goes on. */
    first = begin(up, "0", 3);
    OK(cloud_chunk_write(first, "ab", 2));
    second = begin(up, "0", 3);
    OK(cloud_chunk_write(second, "abc", 3));
    FAILS(finish(&res, "w", "f"), LOCKED);
    OK(cloud_chunk_commit(&created, second));
    ck_assert_int_eq(created, 1);
    FAILS(finish(&res, "w", "f"), LOCKED);
    OK(cloud_chunk_write(first, "c", 1));
    OK(cloud_chunk_commit(&created, first));
    ck_assert_int_eq(created, 0);
    chunk(up, "3", "def");
    finished("w", "abcdef");
    ck_assert_int_eq(staged(), 0);
}
END_TEST

START_TEST(test_removed_under_writer)
{
    cloud_upload_t *up = session("u", -1);
    cloud_chunk_put_t *put = begin(up, "0", 3);
    int created;

    OK(cloud_upload_remove(ctx, alice, "u"));
    OK(cloud_chunk_write(put, "abc", 3));
    FAILS(cloud_chunk_commit(&created, put), NOT_FOUND);
    ck_assert_int_eq(staged(), 0);
    FAILS(cloud_upload_remove(ctx, alice, "u"), NOT_FOUND);
    FAILS(cloud_chunk_begin(&put, ctx, up, "0", 3, NULL, tu.pool), NOT_FOUND);
}
END_TEST

START_TEST(test_chunk_removed_under_writer)
{
    cloud_upload_t *up = session("cr", -1);
    cloud_chunk_put_t *put;
    int created;

    chunk(up, "0", "abc");
    chunk(up, "1", "def");
    put = begin(up, "2", 3);
    OK(cloud_chunk_write(put, "gh", 2));
    OK(cloud_chunk_remove(ctx, up, "1"));
    chunk(up, "1", "DE");
    OK(cloud_chunk_write(put, "i", 1));
    OK(cloud_chunk_commit(&created, put));
    finished("cr", "abcDEghi");
}
END_TEST

START_TEST(test_verify_raced)
{
    cloud_upload_t *up = session("vr", -1);
    cloud_chunk_put_t *put;
    int created;

    chunk(up, "0", "abc");
    put = begin(up, "0", 3); /* compared with what is there */
    OK(cloud_chunk_write(put, "abc", 3));
    OK(cloud_chunk_remove(ctx, up, "0"));
    chunk(up, "0", "xyz");
    FAILS(cloud_chunk_commit(&created, put), LOCKED);
    finished("vr", "xyz");
}
END_TEST

/* ---- finishing ---- */

START_TEST(test_sum)
{
    cloud_upload_t *up = session("sum", 6);
    cloud_put_opts_t opts = { .length = 7 };
    cloud_result_t res;
    cloud_err_t *err;

    chunk(up, "0", "abc");
    err = cloud_upload_finish(&res, ctx, alice, "sum", alice, "f", 1, &opts, tu.pool);
    FAILS(err, INVALID);
    ck_assert_str_eq(err->msg, "Chunks on server do not sum up to 7 but to 3");
    FAILS(finish(&res, "sum", "f"), INVALID); /* 6 were announced */
    chunk(up, "3", "def");
    opts.length = 6;
    opts.checksum = "SHA1:da39a3ee5e6b4b0d3255bfef95601890afd80709";
    FAILS(cloud_upload_finish(&res, ctx, alice, "sum", alice, "f", 1, &opts, tu.pool), CHECKSUM);
    opts.checksum = "SHA256:bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";
    OK(cloud_upload_finish(&res, ctx, alice, "sum", alice, "f", 1, &opts, tu.pool));
    ck_assert_ptr_nonnull(
        strstr(cloud_sums_text(res.entry->node.sums, 0, tu.pool), "SHA256:bef57ec7"));
    ck_assert_ptr_nonnull(strstr(cloud_sums_text(res.entry->node.sums, 0, tu.pool), "SHA1:"));
}
END_TEST

START_TEST(test_empty)
{
    cloud_upload_t *up = session("e", -1);
    cloud_put_opts_t opts = { .length = 0 };
    cloud_result_t res;

    FAILS(finish(&res, "e", "f"), INVALID); /* nothing came in: an empty file would be a loss */
    OK(cloud_upload_finish(&res, ctx, alice, "e", alice, "f", 1, &opts, tu.pool));
    is("f", "");
    up = session("e2", -1);
    chunk(up, "0", "");
    OK(finish(&res, "e2", "g"));
    is("g", "");
}
END_TEST

START_TEST(test_overwrite)
{
    cloud_upload_t *up = session("one", -1);
    cloud_put_opts_t opts = { .length = -1, .has_mtime = 1, .mtime = 1500000000 };
    cloud_result_t res;
    apr_int64_t id, etag;

    chunk(up, "0", "one");
    OK(finish(&res, "one", "f"));
    id = res.entry->node.id;
    etag = res.entry->node.etag;
    up = session("two", -1);
    chunk(up, "0", "twotwo");
    FAILS(cloud_upload_finish(&res, ctx, alice, "two", alice, "f", 0, &opts, tu.pool),
          PRECONDITION);
    opts.cond.must = CLOUD_IF_ETAG;
    opts.cond.etag = etag + 1;
    FAILS(cloud_upload_finish(&res, ctx, alice, "two", alice, "f", 1, &opts, tu.pool),
          PRECONDITION);
    FAILS(cloud_upload_finish(&res, ctx, alice, "two", alice, "nowhere/f", 1, &NO_OPTS, tu.pool),
          CONFLICT);
    opts.cond.etag = etag;
    OK(cloud_upload_finish(&res, ctx, alice, "two", alice, "f", 1, &opts, tu.pool));
    ck_assert_int_eq(res.created, 0);
    ck_assert_int_eq(res.entry->node.id, id);
    ck_assert_int_gt(res.entry->node.etag, etag);
    ck_assert_int_eq(res.entry->node.mtime, 1500000000);
    is("f", "twotwo");
    ck_assert_int_eq(staged(), 1); /* the old content, until maintenance */
    tu_maintain();
    ck_assert_int_eq(staged(), 0);
}
END_TEST

static void put_file(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *put;

    OK(cloud_put_begin(&put, ctx, alice, path, &opts, tu.pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
}

START_TEST(test_repeated)
{
    cloud_upload_t *up = session("rep", -1);
    cloud_result_t res, again;
    apr_int64_t id, etag;

    chunk(up, "0", "abc");
    OK(finish(&res, "rep", "f"));
    id = res.entry->node.id;
    etag = res.entry->node.etag;
    OK(cloud_upload_find(&up, ctx, alice, "rep", tu.pool));
    ck_assert_int_eq(up->finished, 1);
    OK(finish(&again, "rep", "f"));
    ck_assert_int_eq(again.created, 1);
    ck_assert_int_eq(again.entry->node.id, id);
    ck_assert_int_eq(again.entry->node.etag, etag);
    FAILS(finish(&again, "rep", "g"), NOT_FOUND);
    /* Somebody else changes the file: the client is told of its own upload, and will see the other
     * ETag in its next listing. */
    put_file("f", "changed");
    reopen();
    OK(finish(&again, "rep", "f"));
    ck_assert_int_eq(again.entry->node.id, id);
    ck_assert_int_eq(again.entry->node.etag, etag);
    is("f", "changed");
    OK(cloud_file_remove(ctx, alice, "f", NULL));
    OK(finish(&again, "rep", "f"));
    ck_assert_int_eq(again.entry->node.id, id);
    ck_assert_int_eq(again.entry->node.etag, etag);
    /* The name may be used for another upload. */
    up = session("rep", -1);
    chunk(up, "0", "new");
    OK(finish(&again, "rep", "f"));
    is("f", "new");
    ck_assert_int_ne(again.entry->node.id, id);
}
END_TEST

/* ---- who, how much, how long ---- */

START_TEST(test_access)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_ctx_t *other = tu_as(bob), *nobody = tu_as(NULL);
    cloud_upload_t *up = session("p", -1), *got;
    apr_array_header_t *list;
    cloud_chunk_put_t *put;
    cloud_result_t res;

    chunk(up, "0", "abc");
    FAILS(cloud_upload_create(&got, other, alice, "q", -1, tu.pool), DENIED);
    FAILS(cloud_upload_get(&got, other, alice, "p", tu.pool), DENIED);
    FAILS(cloud_upload_get(&got, nobody, alice, "p", tu.pool), DENIED);
    FAILS(cloud_upload_list(&list, other, alice, tu.pool), DENIED);
    FAILS(cloud_upload_remove(other, alice, "p"), DENIED);
    FAILS(cloud_chunk_list(&list, other, up, tu.pool), DENIED);
    FAILS(cloud_chunk_begin(&put, other, up, "1", 1, NULL, tu.pool), DENIED);
    FAILS(cloud_upload_finish(&res, other, alice, "p", bob, "f", 1, &NO_OPTS, tu.pool), DENIED);
    FAILS(cloud_upload_finish(&res, other, bob, "p", bob, "f", 1, &NO_OPTS, tu.pool), NOT_FOUND);
    FAILS(cloud_upload_create(&got, ctx, alice, "p", -1, tu.pool), EXISTS);
    OK(cloud_upload_list(&list, ctx, alice, tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    ck_assert_int_eq(APR_ARRAY_IDX(list, 0, cloud_upload_t).received, 3);
}
END_TEST

START_TEST(test_names)
{
    static const char *const bad[] = { "", ".", "..", "a/b", "a\x01", "\xff", "a\\b" };
    cloud_upload_t *up = session("n", -1), *got;
    cloud_chunk_put_t *put;
    unsigned i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        FAILS(cloud_upload_create(&got, ctx, alice, bad[i], -1, tu.pool), INVALID_NAME);
        FAILS(cloud_chunk_begin(&put, ctx, up, bad[i], -1, NULL, tu.pool), INVALID_NAME);
    }
    FAILS(cloud_chunk_begin(&put, ctx, up, ".file", -1, NULL, tu.pool), DENIED);
    ck_assert_int_eq(staged(), 1);
}
END_TEST

START_TEST(test_quota)
{
    cloud_upload_t *up;
    cloud_chunk_put_t *put;
    cloud_result_t res;

    OK(cloud_account_set_quota(tu.ctx, "alice", 10));
    OK(cloud_account_get(&alice, tu.ctx, "alice", tu.pool));
    FAILS(cloud_upload_create(&up, ctx, alice, "q", 11, tu.pool), QUOTA);
    ck_assert_int_eq(staged(), 0);
    up = session("q", -1);
    chunk(up, "0", "12345678");
    OK(finish(&res, "q", "f"));
    up = session("q2", 10);
    chunk(up, "0", "1234567890");
    FAILS(finish(&res, "q2", "g"), QUOTA);
    OK(finish(&res, "q2", "f")); /* it takes the other one's place */
    is("f", "1234567890");
    up = session("q3", -1);
    chunk(up, "0", "12345678901234567890");
    FAILS(cloud_chunk_begin(&put, ctx, up, "20", 1, NULL, tu.pool), QUOTA);
    put = begin(up, "20", -1);
    FAILS(cloud_chunk_write(put, "1", 1), QUOTA);
    cloud_chunk_abort(put);
    FAILS(finish(&res, "q3", "f"), QUOTA);
}
END_TEST

START_TEST(test_expire)
{
    cloud_upload_t *up = session("old", -1);
    cloud_chunk_put_t *put;
    cloud_result_t res;
    int removed;

    chunk(up, "0", "abc");
    chunk(up, "9", "xyz");
    chunk(session("done", -1), "0", "abc");
    OK(finish(&res, "done", "f"));
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 0);
    tu_exec("UPDATE upload SET touched = touched - 2000000000");
    put = begin(up, "12", 1);
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 0); /* a writer is at it; the finished one is kept for a day */
    cloud_chunk_abort(put);
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 1);
    ck_assert_int_eq(staged(), 0);
    FAILS(cloud_upload_get(&up, ctx, alice, "old", tu.pool), NOT_FOUND);
    OK(finish(&res, "done", "f"));
    tu_exec("UPDATE upload SET touched = touched - 90000000000");
    OK(cloud_upload_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 1);
    FAILS(finish(&res, "done", "f"), NOT_FOUND);
    is("f", "abc");
}
END_TEST

START_TEST(test_staging_expire)
{
    cloud_upload_t *up = session("live", -1);
    int removed, fd;

    chunk(up, "0", "abc");
    chunk(up, "9", "xyz");
    fd = open(place("staging/left"), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(mkdir(place("staging/dir"), 0700), 0);
    ck_assert_int_eq(mkdir(place("staging/dir/sub"), 0700), 0);
    ck_assert_int_eq(symlink("/etc/passwd", place("staging/dir/sub/link")), 0);
    ck_assert_int_eq(staged(), 4);
    OK(cloud_staging_expire(&removed, tu.ctx, 1000, 100));
    ck_assert_int_eq(removed, 0);
    OK(cloud_staging_expire(&removed, tu.ctx, -10, 100));
    ck_assert_int_eq(removed, 2);
    ck_assert_int_eq(staged(), 2);
    chunk(up, "3", "def");
    finished("live", "abcdefxyz");
}
END_TEST

/* ---- chunking v1 ---- */

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
    const char *target, *session, *other;
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
    ck_assert(cloud_upload_v1_parse(&target, &session, &count, &index, "a-chunking-1-2-0", tu.pool));
    ck_assert(cloud_upload_v1_parse(&target, &other, &count, &index, "b-chunking-1-2-0", tu.pool));
    ck_assert_str_ne(session, other);
    ck_assert(cloud_upload_v1_parse(&target, &other, &count, &index, "a-chunking-1-2-1", tu.pool));
    ck_assert_str_eq(session, other);
}
END_TEST

static int v1(cloud_result_t *res, int index, int count, const char *data, apr_int64_t total)
{
    cloud_put_opts_t opts = { .length = total };
    cloud_chunk_put_t *put;
    int complete;

    OK(cloud_upload_v1_begin(&put, ctx, alice, "f", "v1-1-x", index, (apr_int64_t)strlen(data),
                             &opts, tu.pool));
    OK(cloud_chunk_write(put, data, strlen(data)));
    OK(cloud_upload_v1_commit(&complete, res, put, ctx, alice, "f", "v1-1-x", count, &opts,
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
    is("f", "AABBCC");
    ck_assert_int_eq(v1(&res, 2, 3, "CC", 6), 1); /* the answer got lost */
    ck_assert_int_eq(res.entry->node.etag, etag);
    ck_assert_int_eq(staged(), 0);
}
END_TEST

START_TEST(test_v1_refused)
{
    cloud_put_opts_t opts = { .length = 6 };
    apr_array_header_t *list;
    cloud_chunk_put_t *put;

    FAILS(cloud_upload_v1_begin(&put, ctx, alice, "no/f", "v1-1-y", 0, 2, &opts, tu.pool),
          CONFLICT);
    OK(cloud_upload_list(&list, ctx, alice, tu.pool));
    ck_assert_int_eq(list->nelts, 0);
    ck_assert_int_eq(staged(), 0);
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
        if (m->len < 0) FAILS(cloud_chunk_remove(ctx, up, name), NOT_FOUND);
        else OK(cloud_chunk_remove(ctx, up, name));
        m->len = -1;
        return;
    case 1: /* breaks off */
        random_data(m, i, style);
        put = begin(up, name, 100);
        OK(cloud_chunk_write(put, m->data, (apr_size_t)m->len));
        cloud_chunk_abort(put);
        *m = old;
        return;
    case 2:
        reopen();
        return;
    case 3: /* the same once more */
        if (m->len >= 0) ck_assert_int_eq(chunk_n(up, name, m->data, (apr_size_t)m->len), 0);
        return;
    default:
        random_data(m, i, style);
        ck_assert_int_eq(chunk_n(up, name, m->data, (apr_size_t)m->len), old.len < 0);
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
        cloud_upload_t *up = session(name, -1);
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
            FAILS(finish(&res, name, "file"), INVALID);
            OK(cloud_upload_remove(ctx, alice, name));
            continue;
        }
        OK(finish(&res, name, "file"));
        is_content("file", want, (apr_size_t)total);
        tu_maintain();
        ck_assert_int_eq(staged(), 0);
    }
}
END_TEST

Suite *suite_upload(void)
{
    Suite *s = suite_create("upload");
    TCase *tc = tu_case(s, "chunks", setup);

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, test_in_order, 0, sizeof styles / sizeof *styles);
    tcase_add_test(tc, test_android);
    tcase_add_loop_test(tc, test_any_order, 0, 6);
    tcase_add_test(tc, test_natural_order);
    tcase_add_test(tc, test_again_same);
    tcase_add_loop_test(tc, test_again_other, 0, 10);
    tcase_add_test(tc, test_removed);
    tcase_add_test(tc, test_aborted);
    tcase_add_test(tc, test_chunk_checksum);
    tcase_add_test(tc, test_digest_lost);
    tcase_add_test(tc, test_read_chunk);
    tcase_add_test(tc, test_two_writers);
    tcase_add_test(tc, test_removed_under_writer);
    tcase_add_test(tc, test_chunk_removed_under_writer);
    tcase_add_test(tc, test_verify_raced);
    tcase_add_loop_test(tc, test_random, 0, 40);
    tc = tu_case(s, "finish", setup);
    tcase_add_test(tc, test_sum);
    tcase_add_test(tc, test_empty);
    tcase_add_test(tc, test_overwrite);
    tcase_add_test(tc, test_repeated);
    tc = tu_case(s, "limits", setup);
    tcase_add_test(tc, test_access);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_quota);
    tcase_add_test(tc, test_expire);
    tcase_add_test(tc, test_staging_expire);
    tc = tu_case(s, "v1", setup);
    tcase_add_test(tc, test_v1_parse);
    tcase_add_test(tc, test_v1);
    tcase_add_test(tc, test_v1_refused);
    return s;
}
