/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What stands behind the verbs: the disk as others leave it, who may do anything at all, the change log. */
#include "files_util.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

    fu_mkcol("d");
    fu_put("d/a", "1");
    for (i = 0; i < 2; i++) {
        cloud_ctx_t *ctx = others[i];

        FAILS(cloud_file_stat(&e, ctx, fu_alice, "d", tu.pool), NOT_FOUND);
        FAILS(cloud_file_stat(&e, ctx, fu_alice, "", tu.pool), NOT_FOUND);
        FAILS(cloud_file_open(&fd, &e, ctx, fu_alice, "d/a", tu.pool), NOT_FOUND);
        FAILS(cloud_put_begin(&p, ctx, fu_alice, "d/a", &opts, tu.pool), NOT_FOUND);
        FAILS(cloud_put_begin(&p, ctx, fu_alice, "new", &opts, tu.pool), NOT_FOUND);
        FAILS(cloud_file_mkcol(&res, ctx, fu_alice, "d2", NULL, tu.pool), NOT_FOUND);
        FAILS(cloud_file_remove(ctx, fu_alice, "d", NULL), NOT_FOUND);
        FAILS(cloud_file_move(&res, ctx, fu_alice, "d/a", fu_alice, "b", 1, NULL, NULL, tu.pool),
              NOT_FOUND);
        FAILS(cloud_file_copy(&res, ctx, fu_alice, "d/a", bob, "a", 1, -1, NULL, NULL, tu.pool),
              NOT_FOUND);
        FAILS(cloud_file_proppatch(&res, ctx, fu_alice, "d/a",
                                   apr_array_make(tu.pool, 1, sizeof(cloud_prop_t)), NULL, NULL,
                                   tu.pool),
              NOT_FOUND);
    }
    /* From one's own space into another's. */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind IN (0, 1)"), 2);
    FAILS(cloud_file_move(&res, fu_ctx, fu_alice, "d/a", bob, "a", 1, NULL, NULL, tu.pool),
          NOT_FOUND);
    FAILS(cloud_file_copy(&res, fu_ctx, fu_alice, "d/a", bob, "a", 1, -1, NULL, NULL, tu.pool),
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

    fu_mkcol("d");
    fu_put("d/a", "old");
    OK(cloud_put_begin(&p, fu_ctx, fu_alice, "d/a", &opts, tu.pool));
    OK(cloud_put_write(p, "new", 3));
    OK(cloud_put_begin(&q, fu_ctx, fu_alice, "d/b", &opts, tu.pool));
    OK(cloud_put_write(q, "new", 3));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(cloud_put_commit(&res, p), UNAUTHORIZED);
    FAILS(cloud_put_commit(&res, q), UNAUTHORIZED);
    FAILS(cloud_file_stat(&e, fu_ctx, fu_alice, "d", tu.pool), UNAUTHORIZED);
    FAILS(cloud_file_stat(&e, fu_ctx, fu_alice, "nothing", tu.pool), UNAUTHORIZED);
    FAILS(cloud_file_open(&fd, &e, fu_ctx, fu_alice, "d/a", tu.pool), UNAUTHORIZED);
    FAILS(cloud_put_begin(&p, fu_ctx, fu_alice, "c", &opts, tu.pool), UNAUTHORIZED);
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "e", NULL, tu.pool), UNAUTHORIZED);
    FAILS(fu_move("d/a", "b", 0), UNAUTHORIZED);
    FAILS(fu_copy("d", "e", 0, -1), UNAUTHORIZED);
    FAILS(cloud_file_remove(fu_ctx, fu_alice, "d", NULL), UNAUTHORIZED);
    OK(cloud_file_stat(&e, tu.ctx, fu_alice, "d/a", tu.pool));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    ck_assert_str_eq(fu_content("d/a"), "old");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 2);
}
END_TEST

START_TEST(symlinks_lead_nowhere)
{
    const char *link = apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/link", NULL);
    cloud_entry_t *e;
    int fd;

    fu_put("link", "mine");
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    FAILS(cloud_file_open(&fd, &e, fu_ctx, fu_alice, "link", tu.pool), UNAVAILABLE);
    fu_mkcol("dir");
    fu_put("dir/passwd", "mine");
    ck_assert_int_eq(rename(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/dir", NULL),
                            apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/aside", NULL)),
                     0);
    ck_assert_int_eq(symlink("/etc", apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/dir",
                                                 NULL)),
                     0);
    FAILS(cloud_file_open(&fd, &e, fu_ctx, fu_alice, "dir/passwd", tu.pool), UNAVAILABLE);
}
END_TEST

static const char *in_files(const char *name)
{
    return apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/", name, NULL);
}

/* What outsiders put in the way of one move must not keep the account's later moves from being done. */
START_TEST(nothing_in_the_way_holds_up_later_moves)
{
    fu_put("link", "mine");
    ck_assert_int_eq(unlink(in_files("link")), 0);
    ck_assert_int_eq(symlink("/etc/passwd", in_files("link")), 0);
    fu_put("link", "again");
    ck_assert_str_eq(fu_content("link"), "again");

    fu_mkcol("dir");
    fu_put("dir/old", "old");
    ck_assert_int_eq(rename(in_files("dir"), in_files("aside")), 0);
    ck_assert_int_eq(symlink("/etc", in_files("dir")), 0);
    fu_put("dir/mod_cloud_test", "new");
    ck_assert_int_ne(access("/etc/mod_cloud_test", F_OK), 0);
    ck_assert_str_eq(fu_content("dir/mod_cloud_test"), "new");

    fu_mkcol("sub");
    fu_mkcol("sub/below");
    ck_assert_int_eq(rename(in_files("sub"), in_files("aside2")), 0);
    ck_assert_int_eq(close(open(in_files("sub"), O_CREAT | O_WRONLY, 0600)), 0);
    fu_put("sub/below/file", "deep");
    ck_assert_str_eq(fu_content("sub/below/file"), "deep");

    fu_put("later", "later");
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

    fu_put("a", "1");
    ck_assert_int_eq(unlink(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/.mod_cloud", NULL)), 0);
    FAILS(cloud_file_stat(&e, fu_ctx, fu_alice, "", tu.pool), UNAVAILABLE);
    FAILS(cloud_file_stat(&e, fu_ctx, fu_alice, "nothing", tu.pool), UNAVAILABLE);
    FAILS(cloud_file_open(&fd, &e, fu_ctx, fu_alice, "a", tu.pool), UNAVAILABLE);
    FAILS(fu_try_put(&res, "b", "2", &opts), UNAVAILABLE);
    FAILS(cloud_file_remove(fu_ctx, fu_alice, "a", NULL), UNAVAILABLE);
}
END_TEST

START_TEST(missing_content_is_unavailable_not_gone)
{
    cloud_entry_t *e;
    int fd;

    fu_put("a", "1");
    ck_assert_int_eq(unlink(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/a", NULL)), 0);
    FAILS(cloud_file_open(&fd, &e, fu_ctx, fu_alice, "a", tu.pool), UNAVAILABLE);
    OK(cloud_file_stat(&e, fu_ctx, fu_alice, "a", tu.pool));
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
        fu_mkcol(path);
    }
    path = apr_pstrcat(pool, path, "/file", NULL);
    fu_put(path, "deep");
    ck_assert_str_eq(fu_content(path), "deep");
    OK(fu_move(path, "up", 0));
    ck_assert_str_eq(fu_content("up"), "deep");
    OK(cloud_file_remove(fu_ctx, fu_alice, name, NULL));
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

    fu_put("a", "old");
    tu_maintain();
    setenv("CLOUD_INJECT_FAIL", "rename", 1);
    fu_put("a", "new");
    OK(cloud_store_maintain(&more, tu.ctx));
    unsetenv("CLOUD_INJECT_FAIL");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 2);
    ck_assert_str_eq(fu_content("a"), "new");
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

    fu_put("a", "1");
    for (i = 0; i < sizeof files / sizeof *files; i++) {
        ck_assert_int_eq(stat(apr_pstrcat(tu.pool, tu.dir, "/", files[i], NULL), &st), 0);
        ck_assert_msg((st.st_mode & 077) == 0, "%s has mode %o", files[i], st.st_mode & 0777);
    }
}
END_TEST

START_TEST(every_change_is_logged)
{
    fu_mkcol("d");
    fu_put("d/a", "1");
    fu_put("d/a", "22");
    OK(fu_move("d/a", "b", 0));
    OK(fu_copy("b", "c", 0, -1));
    OK(fu_move("c", "b", 1));
    OK(cloud_file_remove(fu_ctx, fu_alice, "b", NULL));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change"), 8);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE account = 0"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'move' AND"
                                  " from_name = 'a' AND name = 'b' AND from_parent <> parent"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'remove'"), 2);
    ck_assert_int_eq(tu_query_int("SELECT sum(delta) FROM change"), 0);
}
END_TEST

Suite *suite_files_disk(void)
{
    Suite *s = suite_create("files_disk");
    TCase *tc = tu_case(s, "files_disk", fu_setup);

    tcase_add_test(tc, nobody_and_strangers_see_nothing);
    tcase_add_test(tc, who_is_disabled_meanwhile_is_refused);
    tcase_add_test(tc, symlinks_lead_nowhere);
    tcase_add_test(tc, nothing_in_the_way_holds_up_later_moves);
    tcase_add_test(tc, missing_marker_is_unavailable);
    tcase_add_test(tc, missing_content_is_unavailable_not_gone);
    tcase_add_test(tc, deep_paths);
#ifdef CLOUD_INJECT
    tcase_add_test(tc, maintenance_between_commit_and_exchange);
#endif
    tcase_add_test(tc, database_and_content_are_private);
    tcase_add_test(tc, every_change_is_logged);
    return s;
}
