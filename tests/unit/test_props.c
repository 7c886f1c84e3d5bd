/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "hooks.h"

static cloud_account_t *alice;
static cloud_ctx_t *ctx; /* alice's */

static void setup(void)
{
    tu_store();
    alice = tu_account("alice");
    ctx = tu_as(alice);
}

/* ---- shorthand ---- */

static void put(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = -1, .has_mtime = 1, .mtime = 1000000000 };
    cloud_result_t res;
    cloud_put_t *p;

    OK(cloud_put_begin(&p, ctx, alice, path, &opts, tu.pool));
    OK(cloud_put_write(p, text, strlen(text)));
    OK(cloud_put_commit(&res, p));
}

static cloud_node_t node(const char *path)
{
    cloud_entry_t *entry;

    OK(cloud_file_stat(&entry, ctx, alice, path, tu.pool));
    return entry->node;
}

static cloud_err_t *patch(const char *path, const char *ns, const char *name, const char *value)
{
    apr_array_header_t *props = apr_array_make(tu.pool, 1, sizeof(cloud_prop_t));
    cloud_prop_t p = { ns, name, value, NULL };
    cloud_result_t res;

    APR_ARRAY_PUSH(props, cloud_prop_t) = p;
    return cloud_file_proppatch(&res, ctx, alice, path, props, NULL, NULL, tu.pool);
}

static cloud_err_t *touch(const char *path, apr_int64_t mtime)
{
    cloud_result_t res;

    return cloud_file_proppatch(&res, ctx, alice, path, NULL, &mtime, NULL, tu.pool);
}

static const apr_array_header_t *props(const char *path)
{
    apr_array_header_t *list;

    OK(cloud_props_get(&list, ctx, node(path).id, tu.pool));
    return list;
}

static const char *value(const char *path, const char *ns, const char *name)
{
    const apr_array_header_t *list = props(path);
    int i;

    for (i = 0; i < list->nelts; i++) {
        const cloud_prop_t *p = &APR_ARRAY_IDX(list, i, cloud_prop_t);
        if (strcmp(p->ns, ns) == 0 && strcmp(p->name, name) == 0) return p->value;
    }
    return NULL;
}

static const char *disk(const char *path)
{
    return apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/", path, NULL);
}

static apr_int64_t disk_mtime(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(disk(path), &st), 0);
    return st.st_mtime;
}

static void disk_touch(const char *path, time_t mtime)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = mtime } };

    ck_assert_int_eq(utimensat(AT_FDCWD, disk(path), times, 0), 0);
}

/* ---- dead properties ---- */

START_TEST(test_dead)
{
    cloud_node_t before, after;

    put("f", "x");
    before = node("f");
    ck_assert(!(before.flags & CLOUD_NODE_PROPS));
    OK(patch("f", "http://a", "color", "red"));
    OK(patch("f", "", "none", ""));
    OK(patch("f", "http://b", "color", "<x xmlns=\"y\">\xc3\xa4</x>"));
    after = node("f");
    ck_assert(after.flags & CLOUD_NODE_PROPS);
    ck_assert_int_eq(after.etag, before.etag);
    ck_assert_int_eq(after.mtime, before.mtime);
    ck_assert_int_eq(props("f")->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(props("f"), 0, cloud_prop_t).name, "none");
    ck_assert_str_eq(value("f", "", "none"), "");
    ck_assert_str_eq(value("f", "http://b", "color"), "<x xmlns=\"y\">\xc3\xa4</x>");
    OK(patch("f", "http://a", "color", "blue"));
    ck_assert_str_eq(value("f", "http://a", "color"), "blue");
    OK(patch("f", "http://a", "color", NULL));
    OK(patch("f", "http://a", "color", NULL)); /* removing what is not there is no error */
    OK(patch("f", "", "none", NULL));
    ck_assert(node("f").flags & CLOUD_NODE_PROPS);
    OK(patch("f", "http://b", "color", NULL));
    ck_assert(!(node("f").flags & CLOUD_NODE_PROPS));
    ck_assert_int_gt(tu_query_int("SELECT count(*) FROM change WHERE op = 'props'"), 0);
}
END_TEST

START_TEST(test_follow)
{
    cloud_result_t res;

    put("f", "x");
    OK(patch("f", "n", "p", "v"));
    OK(cloud_file_copy(&res, ctx, alice, "f", alice, "g", 0, -1, NULL, NULL, tu.pool));
    ck_assert(node("g").flags & CLOUD_NODE_PROPS);
    ck_assert_str_eq(value("g", "n", "p"), "v");
    OK(patch("g", "n", "p", "w"));
    ck_assert_str_eq(value("f", "n", "p"), "v");
    OK(cloud_file_move(&res, ctx, alice, "f", alice, "h", 0, NULL, NULL, tu.pool));
    ck_assert_str_eq(value("h", "n", "p"), "v");
    put("h", "new content");
    ck_assert_str_eq(value("h", "n", "p"), "v");
    OK(cloud_file_remove(ctx, alice, "h", NULL));
    OK(cloud_file_remove(ctx, alice, "g", NULL));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM prop"), 0);
}
END_TEST

START_TEST(test_all_or_nothing)
{
    apr_array_header_t *list = apr_array_make(tu.pool, 2, sizeof(cloud_prop_t));
    char *large = apr_pcalloc(tu.pool, 65538);
    cloud_prop_t good = { "n", "p", "v", NULL }, bad = { "n", "q", large, NULL };
    apr_int64_t mtime = 5;
    cloud_result_t res;
    int i;

    memset(large, 'x', 65537);
    put("f", "x");
    APR_ARRAY_PUSH(list, cloud_prop_t) = good;
    APR_ARRAY_PUSH(list, cloud_prop_t) = bad;
    FAILS(cloud_file_proppatch(&res, ctx, alice, "f", list, &mtime, NULL, tu.pool), TOO_LARGE);
    ck_assert_int_eq(props("f")->nelts, 0);
    large[65536] = '\0';
    for (i = 0; i < 15; i++) OK(patch("f", "n", apr_itoa(tu.pool, i), large));
    /* A megabyte in all: what does not fit is refused, and the time with it. */
    APR_ARRAY_IDX(list, 1, cloud_prop_t).value = large;
    FAILS(cloud_file_proppatch(&res, ctx, alice, "f", list, &mtime, NULL, tu.pool), TOO_LARGE);
    ck_assert_int_eq(props("f")->nelts, 15);
    ck_assert_int_eq(node("f").mtime, 1000000000);
    ck_assert_int_eq(disk_mtime("f"), 1000000000);
    FAILS(patch("f", "n", "", "v"), INVALID);
    FAILS(patch("nothing", "n", "p", "v"), NOT_FOUND);
}
END_TEST

START_TEST(test_refused)
{
    cloud_cond_t cond = { .must = CLOUD_IF_ETAG, .etag = 1 };
    cloud_ctx_t *bob = tu_as(tu_account("bob"));
    apr_int64_t mtime = 7;
    cloud_result_t res;
    cloud_lock_t *lock;
    int created;

    put("f", "x");
    FAILS(cloud_file_proppatch(&res, ctx, alice, "f", NULL, &mtime, &cond, tu.pool), PRECONDITION);
    ck_assert_ptr_nonnull(
        cloud_file_proppatch(&res, bob, alice, "f", NULL, &mtime, NULL, tu.pool));
    OK(cloud_lock_take(&lock, &created, ctx, alice, "f", 1, 0, NULL, 0, NULL, tu.pool));
    FAILS(touch("f", 7), LOCKED);
    FAILS(patch("f", "n", "p", "v"), LOCKED);
    ck_assert_int_eq(node("f").mtime, 1000000000);
    ck_assert_int_eq(disk_mtime("f"), 1000000000);
}
END_TEST

/* ---- lastmodified ---- */

static const apr_int64_t times[] = { 1500000000, 0, -1, -86400 * 365, 2147483648, 4102444800 };

START_TEST(test_touch)
{
    apr_int64_t mtime = times[_i];
    cloud_node_t before, after, root, dir;
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, ctx, alice, "d", NULL, tu.pool));
    put("d/f", "x");
    put("d/g", "y");
    before = node("d/f");
    root = node("");
    dir = node("d");
    OK(touch("d/f", mtime));
    after = node("d/f");
    ck_assert_int_eq(after.mtime, mtime);
    ck_assert_int_gt(after.etag, before.etag);
    ck_assert_int_eq(after.ino, before.ino);
    ck_assert_int_eq(disk_mtime("d/f"), mtime);
    ck_assert_int_eq(after.ino_mtime, mtime * 1000000000);
    ck_assert_int_eq(node("d").etag, after.etag);
    ck_assert_int_eq(node("").etag, after.etag);
    ck_assert_int_gt(after.etag, root.etag);
    ck_assert_int_eq(node("d").mtime, dir.mtime);
    ck_assert_int_lt(node("d/g").etag, after.etag);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'touch'"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'outside'"), 0);
}
END_TEST

START_TEST(test_touch_folder)
{
    cloud_result_t res;
    apr_int64_t etag;

    OK(cloud_file_mkcol(&res, ctx, alice, "d", NULL, tu.pool));
    etag = node("d").etag;
    OK(touch("d", 1500000000));
    ck_assert_int_eq(node("d").mtime, 1500000000);
    ck_assert_int_gt(node("d").etag, etag);
    ck_assert_int_eq(node("").etag, node("d").etag);
    OK(patch("d", "n", "p", "v"));
    ck_assert_int_eq(node("d").mtime, 1500000000);
}
END_TEST

static cloud_entry_t *opened(const char *path)
{
    cloud_entry_t *entry;
    int fd;

    OK(cloud_file_open(&fd, &entry, ctx, alice, path, tu.pool));
    return entry;
}

/* Wherever a crash leaves it, row and file differ in the time alone: that is no change. */
START_TEST(test_torn)
{
    apr_int64_t etag;

    put("f", "content");
    if (_i == 1) tu_exec("UPDATE node SET sums = NULL WHERE name = 'f'");
    OK(touch("f", 1500000000));
    etag = node("f").etag;
    disk_touch("f", 1000000000); /* the inode's new time was lost */
    ck_assert_int_eq(opened("f")->node.etag, etag);
    ck_assert_int_eq(node("f").mtime, 1500000000);
    disk_touch("f", 1600000000); /* the row's new time was lost */
    ck_assert_int_eq(opened("f")->node.etag, etag);
    ck_assert_int_eq(node("f").mtime, 1500000000);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'outside'"), 0);
    OK(touch("f", 1700000000));
    ck_assert_int_eq(disk_mtime("f"), 1700000000);
}
END_TEST

static cloud_err_t *refuse(cloud_ctx_t *c, const char *op, const cloud_entry_t *entry,
                           const cloud_entry_t *from, apr_pool_t *pool)
{
    (void)c;
    (void)from;
    return strcmp(op, "touch") == 0 && disk_mtime(entry->path) == 1500000000
               ? cloud_err(pool, CLOUD_E_DENIED, NULL)
               : NULL;
}

/* What the transaction does not keep, the file does not keep either. */
START_TEST(test_touch_undone)
{
    static const cloud_feature_t feature = { .name = "refuser", .changed = refuse };
    apr_int64_t etag;

    cloud_feature_register(&feature);
    put("f", "content");
    etag = node("f").etag;
    FAILS(touch("f", 1500000000), DENIED);
    ck_assert_int_eq(disk_mtime("f"), 1000000000);
    ck_assert_int_eq(node("f").mtime, 1000000000);
    ck_assert_int_eq(opened("f")->node.etag, etag);
    OK(touch("f", 1600000000));
    ck_assert_int_eq(disk_mtime("f"), 1600000000);
}
END_TEST

/* An edit behind our back is taken in, and not hidden under the new time. */
START_TEST(test_touch_after_edit)
{
    cloud_node_t before;
    int fd;

    put("f", "content");
    before = node("f");
    fd = open(disk("f"), O_WRONLY | (_i ? O_APPEND : 0));
    ck_assert_int_eq(write(fd, "CONTENT", 7), 7);
    close(fd);
    OK(touch("f", 1500000000));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'outside'"), 1);
    ck_assert_int_eq(node("f").mtime, 1500000000);
    ck_assert_int_eq(node("f").size, _i ? 14 : 7);
    ck_assert_int_eq(cloud_sums_match(node("f").sums, before.sums), 0);
}
END_TEST

Suite *suite_props(void)
{
    Suite *s = suite_create("props");
    TCase *tc = tu_case(s, "dead", setup);

    tcase_add_test(tc, test_dead);
    tcase_add_test(tc, test_follow);
    tcase_add_test(tc, test_all_or_nothing);
    tcase_add_test(tc, test_refused);
    tc = tu_case(s, "lastmodified", setup);
    tcase_add_loop_test(tc, test_touch, 0, sizeof times / sizeof *times);
    tcase_add_test(tc, test_touch_folder);
    tcase_add_loop_test(tc, test_torn, 0, 2);
    tcase_add_test(tc, test_touch_undone);
    tcase_add_loop_test(tc, test_touch_after_edit, 0, 2);
    return s;
}
