/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The verbs: what each does to rows, ETags, sizes and disk, and what each refuses. */
#include "testutil.h"

#include "internal.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static cloud_account_t *alice;
static cloud_ctx_t *as_alice;

static void setup(void)
{
    tu_store();
    alice = tu_account("alice");
    as_alice = tu_as(alice);
}

static cloud_err_t *try_put(cloud_result_t *res, const char *path, const char *text,
                            const cloud_put_opts_t *opts)
{
    cloud_put_t *put;
    cloud_err_t *err;

    CLOUD_ERR(cloud_put_begin(&put, as_alice, alice, path, opts, tu.pool));
    err = cloud_put_write(put, text, strlen(text));
    if (!err) return cloud_put_commit(res, put);
    cloud_put_abort(put);
    return err;
}

static cloud_entry_t *put(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text) };
    cloud_result_t res;

    OK(try_put(&res, path, text, &opts));
    return res.entry;
}

static cloud_entry_t *entry(const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, as_alice, alice, path, tu.pool));
    return e;
}

static apr_int64_t etag(const char *path)
{
    cloud_entry_t *e = entry(path);

    ck_assert_msg(e->exists, "%s does not exist", path);
    return e->node.etag;
}

static void mkcol(const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, as_alice, alice, path, NULL, tu.pool));
    ck_assert_int_eq(res.created, 1);
}

static const char *content(const char *path)
{
    char buf[4096];
    cloud_entry_t *e;
    ssize_t n;
    int fd;

    OK(cloud_file_open(&fd, &e, as_alice, alice, path, tu.pool));
    n = read(fd, buf, sizeof buf);
    ck_assert_int_eq(n, e->node.size);
    return apr_pstrmemdup(tu.pool, buf, (apr_size_t)n);
}

static const char *on_disk(const char *path)
{
    const char *file = apr_pstrcat(tu.pool, "accounts/alice/files/", path, NULL);

    return file;
}

static cloud_err_t *move(const char *src, const char *dst, int overwrite)
{
    cloud_result_t res;

    return cloud_file_move(&res, as_alice, alice, src, alice, dst, overwrite, NULL, NULL, tu.pool);
}

static cloud_err_t *copy(const char *src, const char *dst, int overwrite, int depth)
{
    cloud_result_t res;

    return cloud_file_copy(&res, as_alice, alice, src, alice, dst, overwrite, depth, NULL, NULL,
                           tu.pool);
}

START_TEST(put_creates_and_replaces)
{
    cloud_entry_t *first = put("a.txt", "hello"), *second;
    apr_int64_t id = first->node.id;

    ck_assert_str_eq(content("a.txt"), "hello");
    ck_assert(tu_exists(on_disk("a.txt")));
    ck_assert_int_eq(entry("")->node.size, 5);
    second = put("a.txt", "hello, world");
    ck_assert_int_eq(second->node.id, id);
    ck_assert_int_gt(second->node.etag, first->node.etag);
    ck_assert_str_eq(content("a.txt"), "hello, world");
    ck_assert_int_eq(entry("")->node.size, 12);
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

    OK(cloud_put_begin(&put, as_alice, alice, "f", &opts, tu.pool));
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

    FAILS(try_put(&res, "no/such/a.txt", "hello", &opts), CONFLICT);
    mkcol("dir");
    FAILS(try_put(&res, "dir", "hello", &opts), CONFLICT);
    FAILS(try_put(&res, ".htaccess", "hello", &opts), BLACKLISTED);
    FAILS(try_put(&res, "dir/../a", "hello", &opts), INVALID_NAME);
    FAILS(try_put(&res, "a\x01", "hello", &opts), INVALID_NAME);
    FAILS(try_put(&res, "short", "hell", &opts), INVALID);
    FAILS(try_put(&res, "long", "hello!", &opts), INVALID);
    opts.checksum = "SHA1:0000000000000000000000000000000000000000";
    FAILS(try_put(&res, "sum", "hello", &opts), CHECKSUM);
    opts.checksum = "SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
    OK(try_put(&res, "sum", "hello", &opts));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind = 0"), 1);
    /* Nothing that failed stays in staging. */
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging", NULL)), 0);
}
END_TEST

START_TEST(put_conditions)
{
    cloud_put_opts_t opts = { .length = 1, .cond = { .must = CLOUD_IF_ABSENT } };
    cloud_result_t res;

    OK(try_put(&res, "a", "1", &opts));
    FAILS(try_put(&res, "a", "2", &opts), PRECONDITION);
    opts.cond.must = CLOUD_IF_ETAG;
    opts.cond.etag = 12345;
    FAILS(try_put(&res, "a", "2", &opts), PRECONDITION);
    FAILS(try_put(&res, "b", "2", &opts), PRECONDITION);
    opts.cond.etag = etag("a");
    OK(try_put(&res, "a", "2", &opts));
    ck_assert_str_eq(content("a"), "2");
}
END_TEST

START_TEST(condition_is_checked_again_at_commit)
{
    cloud_put_opts_t opts = { .length = 3, .cond = { .must = CLOUD_IF_ETAG } };
    cloud_result_t res;
    cloud_put_t *slow;

    opts.cond.etag = put("a", "one")->node.etag;
    OK(cloud_put_begin(&slow, as_alice, alice, "a", &opts, tu.pool));
    OK(cloud_put_write(slow, "two", 3));
    put("a", "between");
    FAILS(cloud_put_commit(&res, slow), PRECONDITION);
    ck_assert_str_eq(content("a"), "between");
}
END_TEST

START_TEST(put_into_folder_deleted_meanwhile)
{
    cloud_put_opts_t opts = { .length = 3 };
    cloud_result_t res;
    cloud_put_t *slow;

    mkcol("dir");
    OK(cloud_put_begin(&slow, as_alice, alice, "dir/a", &opts, tu.pool));
    OK(cloud_put_write(slow, "two", 3));
    OK(cloud_file_remove(as_alice, alice, "dir", NULL));
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
        OK(try_put(&res, name, "x", &opts));
        ck_assert_int_eq(entry(name)->node.mtime, times[i]);
        ck_assert_str_eq(content(name), "x");
        ck_assert_int_eq(etag(name), res.entry->node.etag);
    }
}
END_TEST

START_TEST(quota_is_kept)
{
    cloud_put_opts_t opts = { .length = 8 };
    cloud_result_t res;
    cloud_put_t *stream;

    OK(cloud_account_set_quota(tu.ctx, "alice", 10));
    OK(cloud_account_get(&alice, tu.ctx, "alice", tu.pool));
    as_alice = tu_as(alice);
    OK(try_put(&res, "a", "12345678", &opts));
    FAILS(try_put(&res, "b", "12345678", &opts), QUOTA);
    OK(try_put(&res, "a", "87654321", &opts));
    opts.length = -1;
    OK(cloud_put_begin(&stream, as_alice, alice, "c", &opts, tu.pool));
    FAILS(cloud_put_write(stream, "123", 3), QUOTA);
    FAILS(copy("a", "d", 1, -1), QUOTA);
    OK(move("a", "e", 1));
    ck_assert_int_eq(entry("")->node.size, 8);
}
END_TEST

START_TEST(etags_cascade_to_the_root_and_nowhere_else)
{
    apr_int64_t root, a, ab, c, file;

    mkcol("a");
    mkcol("a/b");
    mkcol("c");
    put("a/b/x", "1");
    put("c/y", "2");
    root = etag("");
    a = etag("a");
    ab = etag("a/b");
    c = etag("c");
    file = etag("a/b/x");
    put("a/b/x", "3");
    ck_assert_int_gt(etag("a/b/x"), file);
    ck_assert_int_eq(etag("a/b/x"), etag("a/b"));
    ck_assert_int_gt(etag("a/b"), ab);
    ck_assert_int_gt(etag("a"), a);
    ck_assert_int_gt(etag(""), root);
    ck_assert_int_eq(etag("c"), c);
}
END_TEST

START_TEST(move_keeps_id_and_etag)
{
    apr_int64_t id, tag, dir_id, dir_tag, root;

    mkcol("a");
    mkcol("b");
    id = put("a/x", "123")->node.id;
    tag = etag("a/x");
    root = etag("");
    OK(move("a/x", "b/z", 0));
    ck_assert_int_eq(entry("b/z")->node.id, id);
    ck_assert_int_eq(etag("b/z"), tag);
    ck_assert_int_eq(entry("a")->node.size, 0);
    ck_assert_int_eq(entry("b")->node.size, 3);
    ck_assert_int_gt(etag("a"), root);
    ck_assert_int_gt(etag("b"), root);
    ck_assert_str_eq(content("b/z"), "123");
    dir_id = entry("b")->node.id;
    dir_tag = etag("b");
    OK(move("b", "a/b2", 0));
    ck_assert_int_eq(entry("a/b2")->node.id, dir_id);
    ck_assert_int_eq(etag("a/b2"), dir_tag);
    ck_assert_int_eq(etag("a/b2/z"), tag);
    ck_assert_str_eq(content("a/b2/z"), "123");
    ck_assert(tu_exists(on_disk("a/b2/z")));
}
END_TEST

START_TEST(move_refuses)
{
    mkcol("a");
    mkcol("a/b");
    put("x", "1");
    put("y", "2");
    FAILS(move("nothing", "z", 1), NOT_FOUND);
    FAILS(move("x", "x", 1), DENIED);
    FAILS(move("a", "a/b/c", 1), CONFLICT);
    FAILS(move("a/b", "a", 1), CONFLICT);
    FAILS(move("x", "no/z", 1), CONFLICT);
    FAILS(move("x", "y", 0), PRECONDITION);
    FAILS(move("x", ".htaccess", 1), BLACKLISTED);
    FAILS(move("", "z", 1), DENIED);
    ck_assert_str_eq(content("x"), "1");
    ck_assert_str_eq(content("y"), "2");
}
END_TEST

START_TEST(move_replaces)
{
    apr_int64_t id;

    mkcol("full");
    put("full/1", "one");
    put("x", "file");
    id = entry("x")->node.id;
    OK(move("x", "full", 1));
    ck_assert_int_eq(entry("full")->node.id, id);
    ck_assert_str_eq(content("full"), "file");
    ck_assert_int_eq(entry("")->node.size, 4);
    mkcol("dir");
    put("dir/2", "two");
    OK(move("dir", "full", 1));
    ck_assert_str_eq(content("full/2"), "two");
    ck_assert_int_eq(entry("")->node.size, 3);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 2);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
}
END_TEST

START_TEST(rename_changes_spelling)
{
    apr_int64_t id = put("foo", "1")->node.id;

    OK(move("foo", "Foo", 0));
    ck_assert_int_eq(entry("Foo")->node.id, id);
    ck_assert(!entry("foo")->exists);
    /* From NFC to NFD: one name, other bytes. */
    OK(move("Foo", "caf\xc3\xa9", 0));
    OK(move("caf\xc3\xa9", "cafe\xcc\x81", 0));
    ck_assert_int_eq(entry("caf\xc3\xa9")->node.id, id);
    ck_assert_str_eq(entry("caf\xc3\xa9")->node.disk, "cafe\xcc\x81");
    ck_assert(tu_exists(on_disk("cafe\xcc\x81")));
    ck_assert_str_eq(content("caf\xc3\xa9"), "1");
}
END_TEST

START_TEST(swap_by_three_moves)
{
    mkcol("a");
    mkcol("b");
    put("a/1", "a");
    put("b/1", "b");
    OK(move("a", "t", 0));
    OK(move("b", "a", 0));
    OK(move("t", "b", 0));
    ck_assert_str_eq(content("a/1"), "b");
    ck_assert_str_eq(content("b/1"), "a");
}
END_TEST

START_TEST(remove_is_one_row_whatever_is_below)
{
    apr_uint64_t before, small, large;
    char name[40];
    int i;

    mkcol("small");
    put("small/1", "x");
    mkcol("large");
    for (i = 0; i < 200; i++) {
        apr_snprintf(name, sizeof name, "large/%d", i);
        put(name, "x");
    }
    before = tu_statements(as_alice);
    OK(cloud_file_remove(as_alice, alice, "small", NULL));
    small = tu_statements(as_alice) - before;
    before = tu_statements(as_alice);
    OK(cloud_file_remove(as_alice, alice, "large", NULL));
    large = tu_statements(as_alice) - before;
    ck_assert_uint_eq(small, large);
    ck_assert(!entry("large")->exists);
    ck_assert(!tu_exists(on_disk("large")));
    ck_assert_int_eq(entry("")->node.size, 0);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 0);
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/purge", NULL)), 0);
}
END_TEST

START_TEST(remove_refuses)
{
    cloud_cond_t cond = { .must = CLOUD_IF_ETAG, .etag = 1 };

    FAILS(cloud_file_remove(as_alice, alice, "nothing", NULL), NOT_FOUND);
    FAILS(cloud_file_remove(as_alice, alice, "", NULL), DENIED);
    put("a", "1");
    FAILS(cloud_file_remove(as_alice, alice, "a", &cond), PRECONDITION);
    cond.etag = etag("a");
    OK(cloud_file_remove(as_alice, alice, "a", &cond));
}
END_TEST

START_TEST(mkcol_refuses)
{
    cloud_result_t res;

    mkcol("a");
    put("f", "1");
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "a", NULL, tu.pool), EXISTS);
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "f", NULL, tu.pool), EXISTS);
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "", NULL, tu.pool), EXISTS);
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "f/b", NULL, tu.pool), CONFLICT);
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "x/y", NULL, tu.pool), CONFLICT);
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "*", NULL, tu.pool), INVALID_NAME);
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging", NULL)), 0);
}
END_TEST

START_TEST(copy_of_a_file)
{
    cloud_put_opts_t opts = { .length = 3, .has_mtime = 1, .mtime = 1000000000 };
    cloud_result_t res;

    OK(try_put(&res, "a", "abc", &opts));
    OK(copy("a", "b", 0, -1));
    ck_assert_str_eq(content("b"), "abc");
    ck_assert_int_ne(entry("b")->node.id, entry("a")->node.id);
    ck_assert_int_ne(etag("b"), etag("a"));
    ck_assert_int_eq(entry("b")->node.mtime, 1000000000);
    ck_assert_int_eq(cloud_sums_match(entry("a")->node.sums, entry("b")->node.sums), 1);
    ck_assert_int_eq(entry("")->node.size, 6);
    FAILS(copy("a", "b", 0, -1), PRECONDITION);
    FAILS(copy("a", "a", 1, -1), DENIED);
    FAILS(copy("a", "no/b", 1, -1), CONFLICT);
    FAILS(copy("no", "b", 1, -1), NOT_FOUND);
}
END_TEST

START_TEST(copy_of_a_tree)
{
    char name[40];
    int i;

    mkcol("src");
    mkcol("src/sub");
    for (i = 0; i < 300; i++) {
        apr_snprintf(name, sizeof name, "src/sub/%d", i);
        put(name, name);
    }
    put("src/top", "t");
    OK(copy("src", "dst", 0, -1));
    ck_assert_int_eq(entry("dst")->node.size, entry("src")->node.size);
    ck_assert_int_eq(entry("")->node.size, 2 * entry("src")->node.size);
    for (i = 0; i < 300; i += 37) {
        apr_snprintf(name, sizeof name, "dst/sub/%d", i);
        ck_assert_str_eq(content(name), apr_psprintf(tu.pool, "src/sub/%d", i));
    }
    FAILS(copy("src", "src/sub/x", 1, -1), CONFLICT);
    FAILS(copy("src/sub", "src", 1, -1), CONFLICT);
    OK(copy("src", "shallow", 0, 0));
    ck_assert_int_eq(entry("shallow")->node.size, 0);
    ck_assert(!entry("shallow/top")->exists);
    /* Over something that exists: what was there goes. */
    OK(copy("shallow", "dst", 1, -1));
    ck_assert(!entry("dst/top")->exists);
    OK(copy("src/top", "dst", 1, -1));
    ck_assert_str_eq(content("dst"), "t");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent = 0 AND kind = 6"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node n WHERE parent <> 0 AND NOT EXISTS"
                                  " (SELECT 1 FROM node p WHERE p.id = n.parent)"), 0);
}
END_TEST

START_TEST(nobody_and_strangers_see_nothing)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_ctx_t *others[] = { tu_as(bob), tu_as(NULL) };
    cloud_put_opts_t opts = { .length = 1 };
    cloud_result_t res;
    cloud_entry_t *e;
    cloud_put_t *p;
    unsigned i;
    int fd;

    mkcol("d");
    put("d/a", "1");
    for (i = 0; i < 2; i++) {
        cloud_ctx_t *ctx = others[i];

        FAILS(cloud_file_stat(&e, ctx, alice, "d", tu.pool), NOT_FOUND);
        FAILS(cloud_file_stat(&e, ctx, alice, "", tu.pool), NOT_FOUND);
        FAILS(cloud_file_open(&fd, &e, ctx, alice, "d/a", tu.pool), NOT_FOUND);
        FAILS(cloud_put_begin(&p, ctx, alice, "d/a", &opts, tu.pool), NOT_FOUND);
        FAILS(cloud_put_begin(&p, ctx, alice, "new", &opts, tu.pool), NOT_FOUND);
        FAILS(cloud_file_mkcol(&res, ctx, alice, "d2", NULL, tu.pool), NOT_FOUND);
        FAILS(cloud_file_remove(ctx, alice, "d", NULL), NOT_FOUND);
        FAILS(cloud_file_move(&res, ctx, alice, "d/a", alice, "b", 1, NULL, NULL, tu.pool),
              NOT_FOUND);
        FAILS(cloud_file_copy(&res, ctx, alice, "d/a", bob, "a", 1, -1, NULL, NULL, tu.pool),
              NOT_FOUND);
        FAILS(cloud_file_proppatch(&res, ctx, alice, "d/a",
                                   apr_array_make(tu.pool, 1, sizeof(cloud_prop_t)), NULL, NULL,
                                   tu.pool),
              NOT_FOUND);
    }
    /* From one's own space into another's. */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind IN (0, 1)"), 2);
    FAILS(cloud_file_move(&res, as_alice, alice, "d/a", bob, "a", 1, NULL, NULL, tu.pool),
          NOT_FOUND);
    FAILS(cloud_file_copy(&res, as_alice, alice, "d/a", bob, "a", 1, -1, NULL, NULL, tu.pool),
          NOT_FOUND);
}
END_TEST

/* Disabled while a request is under way: it ends without doing anything, and nothing seems gone. */
START_TEST(who_is_disabled_meanwhile_is_refused)
{
    cloud_put_opts_t opts = { .length = 3 };
    cloud_result_t res;
    cloud_put_t *p, *q;
    cloud_entry_t *e;
    int fd;

    mkcol("d");
    put("d/a", "old");
    OK(cloud_put_begin(&p, as_alice, alice, "d/a", &opts, tu.pool));
    OK(cloud_put_write(p, "new", 3));
    OK(cloud_put_begin(&q, as_alice, alice, "d/b", &opts, tu.pool));
    OK(cloud_put_write(q, "new", 3));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(cloud_put_commit(&res, p), UNAUTHORIZED);
    FAILS(cloud_put_commit(&res, q), UNAUTHORIZED);
    FAILS(cloud_file_stat(&e, as_alice, alice, "d", tu.pool), UNAUTHORIZED);
    FAILS(cloud_file_stat(&e, as_alice, alice, "nothing", tu.pool), UNAUTHORIZED);
    FAILS(cloud_file_open(&fd, &e, as_alice, alice, "d/a", tu.pool), UNAUTHORIZED);
    FAILS(cloud_put_begin(&p, as_alice, alice, "c", &opts, tu.pool), UNAUTHORIZED);
    FAILS(cloud_file_mkcol(&res, as_alice, alice, "e", NULL, tu.pool), UNAUTHORIZED);
    FAILS(move("d/a", "b", 0), UNAUTHORIZED);
    FAILS(copy("d", "e", 0, -1), UNAUTHORIZED);
    FAILS(cloud_file_remove(as_alice, alice, "d", NULL), UNAUTHORIZED);
    OK(cloud_file_stat(&e, tu.ctx, alice, "d/a", tu.pool));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    ck_assert_str_eq(content("d/a"), "old");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 2);
}
END_TEST

START_TEST(move_between_accounts_by_the_system)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_result_t res;
    cloud_entry_t *e;
    apr_int64_t id;

    mkcol("d");
    id = put("d/a", "123")->node.id;
    OK(cloud_file_move(&res, tu.ctx, alice, "d", bob, "from alice", 0, NULL, NULL, tu.pool));
    OK(cloud_resolve(&e, tu.ctx, bob, "from alice/a", tu.pool));
    ck_assert_int_eq(e->node.id, id);
    ck_assert(tu_exists("accounts/bob/files/from alice/a"));
    ck_assert_int_eq(entry("")->node.size, 0);
    OK(cloud_resolve(&e, tu.ctx, bob, "", tu.pool));
    ck_assert_int_eq(e->node.size, 3);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
}
END_TEST

START_TEST(symlinks_lead_nowhere)
{
    const char *link = apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/link", NULL);
    cloud_entry_t *e;
    int fd;

    put("link", "mine");
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    FAILS(cloud_file_open(&fd, &e, as_alice, alice, "link", tu.pool), UNAVAILABLE);
    mkcol("dir");
    put("dir/passwd", "mine");
    ck_assert_int_eq(rename(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/dir", NULL),
                            apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/aside", NULL)),
                     0);
    ck_assert_int_eq(symlink("/etc", apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/dir",
                                                 NULL)),
                     0);
    FAILS(cloud_file_open(&fd, &e, as_alice, alice, "dir/passwd", tu.pool), UNAVAILABLE);
}
END_TEST

static const char *in_files(const char *name)
{
    return apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/", name, NULL);
}

/* What outsiders put in the way of one move must not keep the account's later moves from being done. */
START_TEST(nothing_in_the_way_holds_up_later_moves)
{
    put("link", "mine");
    ck_assert_int_eq(unlink(in_files("link")), 0);
    ck_assert_int_eq(symlink("/etc/passwd", in_files("link")), 0);
    put("link", "again");
    ck_assert_str_eq(content("link"), "again");

    mkcol("dir");
    put("dir/old", "old");
    ck_assert_int_eq(rename(in_files("dir"), in_files("aside")), 0);
    ck_assert_int_eq(symlink("/etc", in_files("dir")), 0);
    put("dir/mod_cloud_test", "new");
    ck_assert_int_ne(access("/etc/mod_cloud_test", F_OK), 0);
    ck_assert_str_eq(content("dir/mod_cloud_test"), "new");

    mkcol("sub");
    mkcol("sub/below");
    ck_assert_int_eq(rename(in_files("sub"), in_files("aside2")), 0);
    ck_assert_int_eq(close(open(in_files("sub"), O_CREAT | O_WRONLY, 0600)), 0);
    put("sub/below/file", "deep");
    ck_assert_str_eq(content("sub/below/file"), "deep");

    put("later", "later");
    ck_assert_int_eq(access(in_files("later"), F_OK), 0);
    ck_assert_int_eq(access(in_files("dir/mod_cloud_test"), F_OK), 0);
    ck_assert_int_eq(access(in_files("sub/below/file"), F_OK), 0);
}
END_TEST

START_TEST(missing_marker_is_unavailable)
{
    cloud_put_opts_t opts = { .length = 1 };
    cloud_result_t res;
    cloud_entry_t *e;
    int fd;

    put("a", "1");
    ck_assert_int_eq(unlink(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/.mod_cloud", NULL)), 0);
    FAILS(cloud_file_stat(&e, as_alice, alice, "", tu.pool), UNAVAILABLE);
    FAILS(cloud_file_stat(&e, as_alice, alice, "nothing", tu.pool), UNAVAILABLE);
    FAILS(cloud_file_open(&fd, &e, as_alice, alice, "a", tu.pool), UNAVAILABLE);
    FAILS(try_put(&res, "b", "2", &opts), UNAVAILABLE);
    FAILS(cloud_file_remove(as_alice, alice, "a", NULL), UNAVAILABLE);
}
END_TEST

START_TEST(missing_content_is_unavailable_not_gone)
{
    cloud_entry_t *e;
    int fd;

    put("a", "1");
    ck_assert_int_eq(unlink(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/a", NULL)), 0);
    FAILS(cloud_file_open(&fd, &e, as_alice, alice, "a", tu.pool), UNAVAILABLE);
    OK(cloud_file_stat(&e, as_alice, alice, "a", tu.pool));
}
END_TEST

START_TEST(deep_paths)
{
    apr_pool_t *pool = tu.pool;
    const char *path = "";
    char name[201];
    int i;

    memset(name, 'n', 200);
    name[200] = '\0';
    for (i = 0; i < 40; i++) {
        path = *path ? apr_pstrcat(pool, path, "/", name, NULL) : apr_pstrdup(pool, name);
        mkcol(path);
    }
    path = apr_pstrcat(pool, path, "/file", NULL);
    put(path, "deep");
    ck_assert_str_eq(content(path), "deep");
    OK(move(path, "up", 0));
    ck_assert_str_eq(content("up"), "deep");
    OK(cloud_file_remove(as_alice, alice, name, NULL));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 1);
}
END_TEST

#ifdef CLOUD_INJECT
/* Committed, but its exchange is still owed: maintenance must neither forget the old inode nor take
 * it for somebody else's afterwards. */
START_TEST(maintenance_between_commit_and_exchange)
{
    int more;

    put("a", "old");
    tu_maintain();
    setenv("CLOUD_INJECT_FAIL", "rename", 1);
    put("a", "new");
    OK(cloud_store_maintain(&more, tu.ctx));
    unsetenv("CLOUD_INJECT_FAIL");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 2);
    ck_assert_str_eq(content("a"), "new");
    OK(cloud_journal_retry(tu.ctx));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/lost+found", NULL)), 0);
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging", NULL)), 0);
}
END_TEST
#endif

START_TEST(database_and_content_are_private)
{
    static const char *const files[] = { "cloud.db", "cloud.db-wal", "accounts/alice/files/a" };
    struct stat st;
    unsigned i;

    put("a", "1");
    for (i = 0; i < sizeof files / sizeof *files; i++) {
        ck_assert_int_eq(stat(apr_pstrcat(tu.pool, tu.dir, "/", files[i], NULL), &st), 0);
        ck_assert_msg((st.st_mode & 077) == 0, "%s has mode %o", files[i], st.st_mode & 0777);
    }
}
END_TEST

START_TEST(every_change_is_logged)
{
    mkcol("d");
    put("d/a", "1");
    put("d/a", "22");
    OK(move("d/a", "b", 0));
    OK(copy("b", "c", 0, -1));
    OK(move("c", "b", 1));
    OK(cloud_file_remove(as_alice, alice, "b", NULL));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change"), 8);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE account = 0"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'move' AND"
                                  " from_name = 'a' AND name = 'b' AND from_parent <> parent"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'remove'"), 2);
    ck_assert_int_eq(tu_query_int("SELECT sum(delta) FROM change"), 0);
}
END_TEST

/* A copy into an account that went meanwhile: nobody is left whose purge root could take its rows. */
START_TEST(copy_into_an_account_that_is_gone_expires)
{
    tu_exec("INSERT INTO node (parent, name, id, disk, kind, etag, size, mtime, created, ino,"
            " ino_mtime, btime, flags) VALUES (0, 'bulk:7', 7, 'gone/staging/x', 6, 7, 0, 1, 1, 5, 0, 0,"
            " 0), (7, 'f', 8, NULL, 0, 8, 0, 1, 1, 6, 0, 0, 0)");
    OK(cloud_store_expire(tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE id IN (7, 8)"), 0);
}
END_TEST

static const char *put_free(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text), .free_name = 1 };
    cloud_result_t res;

    opts.cond.must = CLOUD_IF_ETAG; /* which says nothing here */
    OK(try_put(&res, path, text, &opts));
    ck_assert_int_eq(res.created, 1);
    return res.entry->path;
}

START_TEST(a_free_name_replaces_nothing)
{
    char name[256], numbered[256];

    mkcol("dir");
    mkcol("dir/b.tar.gz");
    ck_assert_str_eq(put_free("dir/a.txt", "one"), "dir/a.txt");
    ck_assert_str_eq(put_free("dir/a.txt", "two"), "dir/a (2).txt");
    ck_assert_str_eq(put_free("dir/a.txt", "three"), "dir/a (3).txt");
    ck_assert_str_eq(content("dir/a.txt"), "one");
    ck_assert_str_eq(content("dir/a (3).txt"), "three");
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
    ck_assert_int_eq(entry("many (20)")->exists, 1);
}
END_TEST

START_TEST(a_free_name_is_found_when_somebody_was_quicker)
{
    cloud_put_opts_t opts = { .length = 1, .free_name = 1 };
    cloud_result_t res;
    cloud_put_t *slow;

    OK(cloud_put_begin(&slow, as_alice, alice, "a", &opts, tu.pool));
    OK(cloud_put_write(slow, "s", 1));
    put("a", "quick");
    put("a (2)", "quick");
    OK(cloud_put_commit(&res, slow));
    ck_assert_str_eq(res.entry->path, "a (3)");
    ck_assert_str_eq(content("a"), "quick");
    ck_assert_str_eq(content("a (3)"), "s");
}
END_TEST

Suite *suite_files(void)
{
    Suite *s = suite_create("files");
    TCase *tc = tu_case(s, "verbs", setup);

    tcase_add_test(tc, put_creates_and_replaces);
    tcase_add_test(tc, mtime_of_a_put_is_that_of_the_file);
    tcase_add_test(tc, put_refuses);
    tcase_add_test(tc, put_conditions);
    tcase_add_test(tc, condition_is_checked_again_at_commit);
    tcase_add_test(tc, put_into_folder_deleted_meanwhile);
    tcase_add_test(tc, mtime_extremes);
    tcase_add_test(tc, quota_is_kept);
    tcase_add_test(tc, etags_cascade_to_the_root_and_nowhere_else);
    tcase_add_test(tc, move_keeps_id_and_etag);
    tcase_add_test(tc, move_refuses);
    tcase_add_test(tc, move_replaces);
    tcase_add_test(tc, rename_changes_spelling);
    tcase_add_test(tc, swap_by_three_moves);
    tcase_add_test(tc, remove_is_one_row_whatever_is_below);
    tcase_add_test(tc, remove_refuses);
    tcase_add_test(tc, mkcol_refuses);
    tcase_add_test(tc, copy_of_a_file);
    tcase_add_test(tc, copy_of_a_tree);
    tcase_add_test(tc, copy_into_an_account_that_is_gone_expires);
    tcase_add_test(tc, nobody_and_strangers_see_nothing);
    tcase_add_test(tc, who_is_disabled_meanwhile_is_refused);
    tcase_add_test(tc, move_between_accounts_by_the_system);
    tcase_add_test(tc, symlinks_lead_nowhere);
    tcase_add_test(tc, nothing_in_the_way_holds_up_later_moves);
    tcase_add_test(tc, missing_marker_is_unavailable);
    tcase_add_test(tc, missing_content_is_unavailable_not_gone);
    tcase_add_test(tc, deep_paths);
    tcase_add_test(tc, a_free_name_replaces_nothing);
    tcase_add_test(tc, a_free_name_is_found_when_somebody_was_quicker);
#ifdef CLOUD_INJECT
    tcase_add_test(tc, maintenance_between_commit_and_exchange);
#endif
    tcase_add_test(tc, database_and_content_are_private);
    tcase_add_test(tc, every_change_is_logged);
    return s;
}
