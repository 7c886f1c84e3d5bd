/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* An upload that is killed at every point it passes, again and again: what was acknowledged is
 * there afterwards, the client goes on from there, and nothing is left over. Needs a build with
 * injection points; the crash tests make one. */
#include "upload_util.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef CLOUD_INJECT

#define OLD "the old content"
#define NEW "abcDEFghiJKLmno"
#define MTIME 1500000000

/* ---- what the client does; each step may be done again ---- */

static void send_chunk(const char *name, const char *data)
{
    cloud_upload_t *up;

    OK(cloud_upload_get(&up, up_ctx, up_alice, "s", tu.pool));
    up_chunk(up, name, data);
}

static void step_create(void)
{
    cloud_upload_t *up;
    cloud_err_t *err = cloud_upload_create(&up, up_ctx, up_alice, "s", 15, tu.pool);

    if (!cloud_err_is(err, CLOUD_E_EXISTS)) OK(err);
}

static void step_0(void)
{
    send_chunk("0", "abc");
}

static void step_3(void)
{
    send_chunk("3", "def");
}

static void step_9(void)
{
    send_chunk("9", "jkl");
}

static void step_12(void)
{
    send_chunk("12", "mno"); /* takes in the one before */
}

static void step_6(void)
{
    send_chunk("6", "ghi");
}

static void step_9_other(void)
{
    send_chunk("9", "JKL");
}

static void step_3_other(void)
{
    send_chunk("3", "DEF");
}

static void step_finish(void)
{
    cloud_put_opts_t opts = { .length = 15 };
    cloud_result_t res;

    OK(cloud_upload_finish(&res, up_ctx, up_alice, "s", up_alice, "file", 1, &opts, tu.pool));
    ck_assert_int_eq(res.created, 0);
}

static void step_touch(void)
{
    apr_int64_t mtime = MTIME;
    cloud_result_t res;

    OK(cloud_file_proppatch(&res, up_ctx, up_alice, "file", NULL, &mtime, NULL, tu.pool));
}

static void step_lock(void)
{
    cloud_lock_t *lock;
    cloud_err_t *err;
    int created;

    err = cloud_lock_take(&lock, &created, up_ctx, up_alice, "locked", 1, 0, NULL, 0, NULL,
                          tu.pool);
    if (!cloud_err_is(err, CLOUD_E_LOCKED)) OK(err);
}

static void step_remove_session(void)
{
    cloud_upload_t *up;
    cloud_err_t *err = cloud_upload_create(&up, up_ctx, up_alice, "t", -1, tu.pool);

    if (!cloud_err_is(err, CLOUD_E_EXISTS)) OK(err);
    OK(cloud_upload_get(&up, up_ctx, up_alice, "t", tu.pool));
    up_chunk(up, "5", "xyz");
    OK(cloud_upload_remove(up_ctx, up_alice, "t"));
}

static void (*const STEPS[])(void) = {
    step_create, step_0,       step_3,       step_3,      step_9,     step_6,    step_12,
    step_9_other, step_3_other, step_finish, step_touch, step_lock, step_remove_session,
};
enum { NSTEPS = sizeof STEPS / sizeof *STEPS, FINISHED = 9, TOUCHED = 10, LOCKED_ = 11 };

/* ---- the server that is killed ---- */

static void close_store(void)
{
    apr_pool_destroy(tu.store_pool);
    apr_pool_create(&tu.store_pool, tu.pool);
}

/* Runs the steps from the given one on in a process of its own, which dies at the n-th passage of
 * point; *done is the number of steps that it acknowledged. True when it died. */
static int run_killed(int *done, int from, const char *point, int n)
{
    int pipe_fd[2], status, i;
    char byte;
    pid_t pid;

    ck_assert_int_eq(pipe(pipe_fd), 0);
    close_store();
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(pipe_fd[0]);
        setenv("CLOUD_INJECT_AT", apr_psprintf(tu.pool, "%s:%d", point, n), 1);
        up_reopen();
        for (i = from; i < NSTEPS; i++) {
            STEPS[i]();
            if (write(pipe_fd[1], "", 1) != 1) _exit(2);
        }
        close_store();
        _exit(0);
    }
    close(pipe_fd[1]);
    for (*done = from; read(pipe_fd[0], &byte, 1) == 1; ++*done) continue;
    close(pipe_fd[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    up_reopen();
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return 1;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the steps failed at %s:%d", point,
                  n);
    ck_assert_int_eq(*done, NSTEPS);
    return 0;
}

/* ---- what has to hold ---- */

static const char *chunk_content(const cloud_upload_t *up, const char *name)
{
    apr_int64_t size;
    char buf[100] = "";
    cloud_err_t *err;
    int fd;

    err = cloud_chunk_open(&fd, &size, up_ctx, up, name, tu.pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return NULL;
    OK(err);
    ck_assert_int_lt(size, 100);
    ck_assert_int_eq(read(fd, buf, (size_t)size), size);
    return apr_pstrdup(tu.pool, buf);
}

/* A chunk is what the last acknowledged step made it, or what the one under way did. */
static void check_chunk(const cloud_upload_t *up, int done, const char *name, int first,
                        const char *was, int second, const char *is)
{
    const char *got = chunk_content(up, name);

    if (done > second) ck_assert_pstr_eq(got, is);
    else if (done == second) ck_assert(got && (!strcmp(got, was) || !strcmp(got, is)));
    else if (done > first) ck_assert_pstr_eq(got, was);
    else if (done < first) ck_assert_ptr_null(got);
    else ck_assert_msg(!got || !strcmp(got, was), "%s", got);
}

static void check(int done, apr_int64_t id)
{
    cloud_upload_t *up;
    cloud_entry_t *entry;
    apr_int64_t size;
    const char *text;
    cloud_err_t *err = cloud_upload_find(&up, up_ctx, up_alice, "s", tu.pool);

    if (done > 0) OK(err);
    if (!err && !up->finished) {
        check_chunk(up, done, "0", 1, "abc", NSTEPS, "abc");
        check_chunk(up, done, "3", 2, "def", 8, "DEF");
        check_chunk(up, done, "12", 6, "mno", NSTEPS, "mno");
        check_chunk(up, done, "9", 4, "jkl", 7, "JKL");
        check_chunk(up, done, "6", 5, "ghi", NSTEPS, "ghi");
    }
    text = up_content("file", &size);
    if (done > FINISHED) ck_assert_str_eq(text, NEW);
    else if (done < FINISHED) ck_assert_str_eq(text, OLD);
    else ck_assert(!strcmp(text, NEW) || !strcmp(text, OLD));
    up_is("file", text);
    OK(cloud_file_stat(&entry, up_ctx, up_alice, "file", tu.pool));
    ck_assert_int_eq(entry->node.id, id);
    if (done > TOUCHED) ck_assert_int_eq(entry->node.mtime, MTIME);
    if (done < TOUCHED) ck_assert_int_ne(entry->node.mtime, MTIME);
    err = cloud_file_stat(&entry, up_ctx, up_alice, "locked", tu.pool);
    if (done > LOCKED_) OK(err);
    /* The file and its lock are made together. */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM lock"), err ? 0 : 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'outside'"), 0);
}

static apr_int64_t prepare(void)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *put;

    OK(cloud_put_begin(&put, up_ctx, up_alice, "file", &opts, tu.pool));
    OK(cloud_put_write(put, OLD, strlen(OLD)));
    OK(cloud_put_commit(&res, put));
    return res.entry->node.id;
}

static void nothing_left(void)
{
    int removed;

    tu_maintain();
    OK(cloud_staging_expire(&removed, tu.ctx, -10, 10000));
    tu_maintain();
    ck_assert_int_eq(up_staged(), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM chunk"), 0);
}

static const char *const POINTS[] = {
    "upload-before-create", "chunk-before-commit", "chunk-after-commit", "absorb-before-commit",
    "absorb-after-commit", "finish-after-assemble",
    "seal-before-sync", "seal-after-sync", "tx-before-commit", "tx-after-commit",
    "journal-before-move", "journal-after-exchange", "journal-after-move", "touch-after-futimens",
    "touch-after-commit",
};

START_TEST(test_killed)
{
    const char *point = POINTS[_i];
    int n, done, killed = 1, died = 0;

    for (n = 1; killed && n < 100; n++) {
        apr_int64_t id;

        if (n > 1) {
            tu_end();
            up_setup();
        }
        id = prepare();
        killed = run_killed(&done, 0, point, n);
        died += killed;
        check(done, id);
        /* The client does not know whether the step under way was done, and does it again. */
        for (; done < NSTEPS; done++) STEPS[done]();
        check(done, id);
        nothing_left();
    }
    ck_assert_int_lt(n, 100);
    ck_assert_msg(died > 0, "%s was never passed", point);
}
END_TEST

/* Killed at one point, and again while it goes on, with a random choice of both. */
START_TEST(test_killed_again)
{
    unsigned seed = (unsigned)time(NULL) * 20u + (unsigned)_i;
    const char *fixed = getenv("CLOUD_TEST_SEED");
    int done = 0, round;
    apr_int64_t id = prepare();

    if (fixed) seed = (unsigned)strtoul(fixed, NULL, 10);
    printf("upload_crash: CLOUD_TEST_SEED=%u\n", seed);
    fflush(stdout);
    srand(seed);
    for (round = 0; done < NSTEPS && round < 60; round++) {
        const char *point = POINTS[(unsigned)rand() % (sizeof POINTS / sizeof *POINTS)];

        run_killed(&done, done, point, 1 + rand() % 4);
        check(done, id);
    }
    for (; done < NSTEPS; done++) STEPS[done]();
    check(done, id);
    nothing_left();
}
END_TEST

#endif

Suite *suite_upload_crash(void)
{
    Suite *s = suite_create("upload_crash");
#ifdef CLOUD_INJECT
    TCase *tc = tu_case(s, "killed", up_setup);

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, test_killed, 0, sizeof POINTS / sizeof *POINTS);
    tcase_add_loop_test(tc, test_killed_again, 0, 20);
#endif
    return s;
}
