/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "files.h"
#include "group.h"
#include "internal.h"
#include "settings.h"

#define MARKS "SELECT count(*) FROM pref WHERE app = 'files' AND key = 'skeleton'"
#define LONG_AGO "UPDATE account SET created = created - 700000000"

static const char *skeleton(const char *path)
{
    return apr_pstrcat(tu.pool, tu.dir, "/.cloud/skel", *path ? "/" : "", path, NULL);
}

static void file(const char *path, const char *text)
{
    int fd = open(skeleton(path), O_WRONLY | O_CREAT | O_EXCL, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
}

static void folder(const char *path)
{
    ck_assert_int_eq(mkdir(skeleton(path), 0700), 0);
}

static void use(const char *dir)
{
    OK(cloud_setting_set(tu.ctx, "system", "skeletondirectory", dir));
}

static void setup(void)
{
    tu_store();
    folder("");
    file("Manual.txt", "Welcome");
    folder("Photos");
    file("Photos/one.jpg", "one");
    folder("Photos/empty");
    use(skeleton(""));
}

static cloud_node_t node_of(const cloud_account_t *a, const char *path)
{
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, tu_as(a), a, path, tu.pool));
    return e->node;
}

static void check_content(const cloud_account_t *a, const char *path, const char *text)
{
    char buf[64] = { 0 };
    cloud_entry_t *e;
    int fd;

    OK(cloud_file_open(&fd, &e, tu_as(a), a, path, tu.pool));
    ck_assert_int_eq(read(fd, buf, sizeof buf - 1), (int)strlen(text));
    ck_assert_str_eq(buf, text);
}

static void check_all(const cloud_account_t *a)
{
    check_content(a, "Manual.txt", "Welcome");
    check_content(a, "Photos/one.jpg", "one");
    ck_assert(CLOUD_IS_DIR(&(cloud_node_t){ .kind = node_of(a, "Photos/empty").kind }));
    ck_assert_int_eq(tu_query_int(MARKS), 0);
}

START_TEST(new_accounts_begin_with_it)
{
    struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
    cloud_account_t *a;

    ck_assert_int_eq(utimensat(AT_FDCWD, skeleton("Manual.txt"), times, 0), 0);
    a = tu_account("alice");
    check_all(a);
    ck_assert_int_eq(node_of(a, "Manual.txt").mtime, 1000000);
    ck_assert_int_eq(node_of(a, "").size, 10);
    ck_assert_int_eq(tu.warnings, 0);
    /* Those that are there already do not change with it. */
    file("more", "more");
    OK(cloud_skeleton_resume(tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE name = 'more'"), 0);
}
END_TEST

START_TEST(without_one_there_is_no_mark)
{
    use("");
    tu_account("alice");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM pref"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 2);
}
END_TEST

/* Whoever may create accounts has no rights to their files; the skeleton comes all the same. */
START_TEST(created_by_an_administrator)
{
    static const char *const admins[] = { CLOUD_GROUP_ADMIN_ID, NULL };
    const cloud_account_new_t what = { .groups = admins };
    cloud_account_t *root, *a;

    OK(cloud_account_add(&root, tu.ctx, "root", &what, tu.pool));
    OK(cloud_account_create(&a, tu_as(root), "alice", NULL, NULL, tu.pool));
    check_all(a);
}
END_TEST

START_TEST(what_can_not_be_taken_is_left_out)
{
    cloud_account_t *a;

    file(".htaccess", "x");
    file("bad\xff", "x");
    ck_assert_int_eq(symlink("/etc/passwd", skeleton("link")), 0);
    ck_assert_int_eq(symlink("/etc", skeleton("Photos/link")), 0);
    ck_assert_int_eq(mkfifo(skeleton("fifo"), 0600), 0);
    a = tu_account("alice");
    check_all(a);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 2 + 4);
    ck_assert_int_eq(tu.warnings, 1);
}
END_TEST

START_TEST(more_than_the_quota)
{
    OK(cloud_setting_set(tu.ctx, "files", "default_quota", "5 B"));
    tu_account("alice");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE name = 'Manual.txt'"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE name = 'one.jpg'"), 1);
    ck_assert_int_eq(tu_query_int(MARKS), 0);
    ck_assert_int_eq(tu.warnings, 1);
}
END_TEST

START_TEST(a_skeleton_that_is_not_there)
{
    use("/no/such/directory");
    tu_account("alice");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 2);
    ck_assert_int_eq(tu_query_int(MARKS), 0);
    ck_assert_int_eq(tu.warnings, 1);
}
END_TEST

START_TEST(too_many_files)
{
    for (int i = 0; i < 1005; i++) folder(apr_psprintf(tu.pool, "Photos/empty/%d", i));
    tu_account("alice");
    ck_assert_int_le(tu_query_int("SELECT count(*) FROM node"), 1002);
    ck_assert_int_eq(tu_query_int(MARKS), 0);
    ck_assert_int_eq(tu.warnings, 1);
}
END_TEST

#ifdef CLOUD_INJECT

static const char *const points[] = { "account-before-skeleton", "journal-before-move",
                                      "journal-after-move", "skeleton-before-mark" };

/* Killed in the middle: the account is there, and gets the rest from the job. */
START_TEST(killed)
{
    cloud_account_t *a;
    pid_t child;
    int status;

    tu_close();
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("CLOUD_INJECT_AT", points[_i], 1);
        tu_reopen();
        tu_account("alice");
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s", points[_i]);
    tu_reopen();
    OK(cloud_account_get(&a, tu.ctx, "alice", tu.pool));
    ck_assert_int_eq(tu_query_int(MARKS), 1);
    OK(cloud_skeleton_resume(tu.ctx)); /* whoever creates it may be at work still */
    ck_assert_int_eq(tu_query_int(MARKS), 1);
    tu_exec(LONG_AGO);
    tu_reopen();
    OK(cloud_skeleton_resume(tu.ctx));
    OK(cloud_account_get(&a, tu.ctx, "alice", tu.pool));
    check_all(a);
    tu_maintain();
    ck_assert_int_eq(tu.errors, 0);
}
END_TEST

#endif

/* What somebody has put there meanwhile is his. */
START_TEST(what_is_there_stays)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_account_t *a;
    cloud_put_t *p;

    use("");
    a = tu_account("alice");
    OK(cloud_put_begin(&p, tu_as(a), a, "Manual.txt", &opts, tu.pool));
    OK(cloud_put_write(p, "mine", 4));
    OK(cloud_put_commit(&res, p));
    OK(cloud_file_mkcol(&res, tu_as(a), a, "Photos", NULL, tu.pool));
    use(skeleton(""));
    tu_exec("INSERT INTO pref SELECT number, 'files', 'skeleton', 'pending' FROM account");
    tu_exec(LONG_AGO);
    OK(cloud_skeleton_resume(tu.ctx));
    check_content(a, "Manual.txt", "mine");
    check_content(a, "Photos/one.jpg", "one");
    ck_assert_int_eq(tu_query_int(MARKS), 0);
    ck_assert_int_eq(tu.warnings, 0);
}
END_TEST

Suite *suite_skeleton(void)
{
    Suite *s = suite_create("skeleton");
    TCase *t = tu_case(s, "skeleton", setup);

    tcase_add_test(t, new_accounts_begin_with_it);
    tcase_add_test(t, without_one_there_is_no_mark);
    tcase_add_test(t, created_by_an_administrator);
    tcase_add_test(t, what_can_not_be_taken_is_left_out);
    tcase_add_test(t, more_than_the_quota);
    tcase_add_test(t, a_skeleton_that_is_not_there);
    tcase_add_test(t, too_many_files);
    tcase_add_test(t, what_is_there_stays);
#ifdef CLOUD_INJECT
    tcase_add_loop_test(t, killed, 0, sizeof points / sizeof *points);
#endif
    return s;
}
