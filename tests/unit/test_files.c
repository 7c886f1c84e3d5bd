/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Putting files: what becomes of them, of ETags and quotas, and which names they get. */
#include "files_util.h"

#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

START_TEST(put_creates_and_replaces)
{
    cloud_entry_t *first = fu_put("a.txt", "hello"), *second;
    apr_int64_t id = first->node.id;

    ck_assert_str_eq(fu_content("a.txt"), "hello");
    ck_assert(tu_exists(fu_on_disk("a.txt")));
    ck_assert_int_eq(fu_entry("")->node.size, 5);
    second = fu_put("a.txt", "hello, world");
    ck_assert_int_eq(second->node.id, id);
    ck_assert_int_gt(second->node.etag, first->node.etag);
    ck_assert_str_eq(fu_content("a.txt"), "hello, world");
    ck_assert_int_eq(fu_entry("")->node.size, 12);
    ck_assert_str_eq(cloud_sums_text(second->node.sums, CLOUD_DIGEST_MD5, tu.pool),
                     "MD5:e4d7f1b4ed2e42d15898f4b27b019da4");
}
END_TEST

/* Row and disk say the same, also where a second begins between the writing and the commit. */
START_TEST(mtime_of_a_put_is_that_of_the_file)
{
    const struct timespec times[2] = { { 1234567890, 0 }, { 1234567890, 0 } };
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *put;
    glob_t found;

    OK(cloud_put_begin(&put, fu_ctx, fu_alice, "f", &opts, tu.pool));
    OK(cloud_put_write(put, apr_pcalloc(tu.pool, 1 << 20), 1 << 20)); /* what is less may wait */
    ck_assert_int_eq(glob(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging/*", NULL), 0, NULL,
                          &found), 0);
    ck_assert_int_eq(found.gl_pathc, 1);
    ck_assert_int_eq(utimensat(AT_FDCWD, found.gl_pathv[0], times, 0), 0);
    globfree(&found);
    OK(cloud_put_commit(&res, put));
    ck_assert_int_eq(res.entry->node.mtime, 1234567890);
}
END_TEST

START_TEST(put_refuses)
{
    cloud_put_opts_t opts = { .length = 5 };
    cloud_result_t res;

    FAILS(fu_try_put(&res, "no/such/a.txt", "hello", &opts), CONFLICT);
    fu_mkcol("dir");
    FAILS(fu_try_put(&res, "dir", "hello", &opts), CONFLICT);
    FAILS(fu_try_put(&res, ".htaccess", "hello", &opts), BLACKLISTED);
    FAILS(fu_try_put(&res, "dir/../a", "hello", &opts), INVALID_NAME);
    FAILS(fu_try_put(&res, "a\x01", "hello", &opts), INVALID_NAME);
    FAILS(fu_try_put(&res, "short", "hell", &opts), INVALID);
    FAILS(fu_try_put(&res, "long", "hello!", &opts), INVALID);
    opts.checksum = "SHA1:0000000000000000000000000000000000000000";
    FAILS(fu_try_put(&res, "sum", "hello", &opts), CHECKSUM);
    opts.checksum = "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    OK(fu_try_put(&res, "sum", "hello", &opts));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind = 0"), 1);
    /* Nothing that failed stays in staging. */
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging", NULL)), 0);
}
END_TEST

START_TEST(put_conditions)
{
    cloud_put_opts_t opts = { .length = 1, .cond = { .must = CLOUD_IF_ABSENT } };
    cloud_result_t res;

    OK(fu_try_put(&res, "a", "1", &opts));
    FAILS(fu_try_put(&res, "a", "2", &opts), PRECONDITION);
    opts.cond.must = CLOUD_IF_ETAG;
    opts.cond.etag = 12345;
    FAILS(fu_try_put(&res, "a", "2", &opts), PRECONDITION);
    FAILS(fu_try_put(&res, "b", "2", &opts), PRECONDITION);
    opts.cond.etag = fu_etag("a");
    OK(fu_try_put(&res, "a", "2", &opts));
    ck_assert_str_eq(fu_content("a"), "2");
}
END_TEST

START_TEST(condition_is_checked_again_at_commit)
{
    cloud_put_opts_t opts = { .length = 3, .cond = { .must = CLOUD_IF_ETAG } };
    cloud_result_t res;
    cloud_put_t *slow;

    opts.cond.etag = fu_put("a", "one")->node.etag;
    OK(cloud_put_begin(&slow, fu_ctx, fu_alice, "a", &opts, tu.pool));
    OK(cloud_put_write(slow, "two", 3));
    fu_put("a", "between");
    FAILS(cloud_put_commit(&res, slow), PRECONDITION);
    ck_assert_str_eq(fu_content("a"), "between");
}
END_TEST

START_TEST(put_into_folder_deleted_meanwhile)
{
    cloud_put_opts_t opts = { .length = 3 };
    cloud_result_t res;
    cloud_put_t *slow;

    fu_mkcol("dir");
    OK(cloud_put_begin(&slow, fu_ctx, fu_alice, "dir/a", &opts, tu.pool));
    OK(cloud_put_write(slow, "two", 3));
    OK(cloud_file_remove(fu_ctx, fu_alice, "dir", NULL));
    FAILS(cloud_put_commit(&res, slow), CONFLICT);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
}
END_TEST

START_TEST(mtime_extremes)
{
    static const apr_int64_t times[] = { 0, -1, -86400, 1, 2147483647, 2147483648, 4294967296,
                                         253402300799, -2208988800, APR_INT64_MAX };
    cloud_put_opts_t opts = { .length = 1, .has_mtime = 1 };
    cloud_result_t res;
    unsigned i;

    for (i = 0; i < sizeof times / sizeof *times; i++) {
        const char *name = apr_psprintf(tu.pool, "t%u", i);

        opts.mtime = times[i];
        OK(fu_try_put(&res, name, "x", &opts));
        ck_assert_int_eq(fu_entry(name)->node.mtime, times[i]);
        ck_assert_str_eq(fu_content(name), "x");
        ck_assert_int_eq(fu_etag(name), res.entry->node.etag);
    }
}
END_TEST

START_TEST(quota_is_kept)
{
    cloud_put_opts_t opts = { .length = 8 };
    cloud_result_t res;
    cloud_put_t *stream;

    OK(cloud_account_set_quota(tu.ctx, "alice", 10));
    OK(cloud_account_get(&fu_alice, tu.ctx, "alice", tu.pool));
    fu_ctx = tu_as(fu_alice);
    OK(fu_try_put(&res, "a", "12345678", &opts));
    FAILS(fu_try_put(&res, "b", "12345678", &opts), QUOTA);
    OK(fu_try_put(&res, "a", "87654321", &opts));
    opts.length = -1;
    OK(cloud_put_begin(&stream, fu_ctx, fu_alice, "c", &opts, tu.pool));
    FAILS(cloud_put_write(stream, "123", 3), QUOTA);
    FAILS(fu_copy("a", "d", 1, -1), QUOTA);
    OK(fu_move("a", "e", 1));
    ck_assert_int_eq(fu_entry("")->node.size, 8);
}
END_TEST

START_TEST(etags_cascade_to_the_root_and_nowhere_else)
{
    apr_int64_t root, a, ab, c, file;

    fu_mkcol("a");
    fu_mkcol("a/b");
    fu_mkcol("c");
    fu_put("a/b/x", "1");
    fu_put("c/y", "2");
    root = fu_etag("");
    a = fu_etag("a");
    ab = fu_etag("a/b");
    c = fu_etag("c");
    file = fu_etag("a/b/x");
    fu_put("a/b/x", "3");
    ck_assert_int_gt(fu_etag("a/b/x"), file);
    ck_assert_int_eq(fu_etag("a/b/x"), fu_etag("a/b"));
    ck_assert_int_gt(fu_etag("a/b"), ab);
    ck_assert_int_gt(fu_etag("a"), a);
    ck_assert_int_gt(fu_etag(""), root);
    ck_assert_int_eq(fu_etag("c"), c);
}
END_TEST

static const char *put_free(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text), .free_name = 1 };
    cloud_result_t res;

    opts.cond.must = CLOUD_IF_ETAG; /* which says nothing here */
    OK(fu_try_put(&res, path, text, &opts));
    ck_assert_int_eq(res.created, 1);
    return res.entry->path;
}

START_TEST(a_free_name_replaces_nothing)
{
    char name[256], numbered[256];

    fu_mkcol("dir");
    fu_mkcol("dir/b.tar.gz");
    ck_assert_str_eq(put_free("dir/a.txt", "one"), "dir/a.txt");
    ck_assert_str_eq(put_free("dir/a.txt", "two"), "dir/a (2).txt");
    ck_assert_str_eq(put_free("dir/a.txt", "three"), "dir/a (3).txt");
    ck_assert_str_eq(fu_content("dir/a.txt"), "one");
    ck_assert_str_eq(fu_content("dir/a (3).txt"), "three");
    ck_assert_str_eq(put_free("dir/b.tar.gz", "x"), "dir/b.tar (2).gz");
    ck_assert_str_eq(put_free("dir/.x", "x"), "dir/.x");
    ck_assert_str_eq(put_free("dir/.x", "x"), "dir/.x (2)");
    /* The longest name there is, which ends within a character where the number has to go. */
    memset(name, 'x', sizeof name);
    memcpy(name + 246, "\303\244\303\244\303\244\303\244", 9);
    name[254] = '\0';
    ck_assert_str_eq(put_free(name, "x"), name);
    memcpy(numbered, name, sizeof numbered);
    memcpy(numbered + 250, " (2)", 5);
    ck_assert_str_eq(put_free(name, "x"), numbered);
    /* Twenty in a row are looked for; then any number. */
    for (int i = 0; i < 40; i++) put_free("many", "x");
    ck_assert_int_eq(fu_entry("many (20)")->exists, 1);
}
END_TEST

START_TEST(a_free_name_is_found_when_somebody_was_quicker)
{
    cloud_put_opts_t opts = { .length = 1, .free_name = 1 };
    cloud_result_t res;
    cloud_put_t *slow;

    OK(cloud_put_begin(&slow, fu_ctx, fu_alice, "a", &opts, tu.pool));
    OK(cloud_put_write(slow, "s", 1));
    fu_put("a", "quick");
    fu_put("a (2)", "quick");
    OK(cloud_put_commit(&res, slow));
    ck_assert_str_eq(res.entry->path, "a (3)");
    ck_assert_str_eq(fu_content("a"), "quick");
    ck_assert_str_eq(fu_content("a (3)"), "s");
}
END_TEST

Suite *suite_files(void)
{
    Suite *s = suite_create("files");
    TCase *tc = tu_case(s, "files", fu_setup);

    tcase_add_test(tc, put_creates_and_replaces);
    tcase_add_test(tc, mtime_of_a_put_is_that_of_the_file);
    tcase_add_test(tc, put_refuses);
    tcase_add_test(tc, put_conditions);
    tcase_add_test(tc, condition_is_checked_again_at_commit);
    tcase_add_test(tc, put_into_folder_deleted_meanwhile);
    tcase_add_test(tc, mtime_extremes);
    tcase_add_test(tc, quota_is_kept);
    tcase_add_test(tc, etags_cascade_to_the_root_and_nowhere_else);
    tcase_add_test(tc, a_free_name_replaces_nothing);
    tcase_add_test(tc, a_free_name_is_found_when_somebody_was_quicker);
    return s;
}
