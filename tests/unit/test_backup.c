/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Backups of a store that is quiet, that others work on, and that has seen everything; and what
 * comes back from them. */
#include "world.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static world_t *w;
static const char *copy, *back;

static void setup(void)
{
    w = world_create();
    copy = apr_pstrcat(w->pool, w->dir, "/copy", NULL);
    back = apr_pstrcat(w->pool, w->dir, "/back", NULL);
    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_put(w, "a/b/deep", "deep content");
    world_put(w, "a/f", "content");
    world_put(w, "top", "on top");
}

static void teardown(void)
{
    world_destroy(w);
}

static void backup(void)
{
    OK(cloud_backup(w->ctx, copy, NULL, NULL));
}

/* From here on the world is what came back. */
static void restore(void)
{
    OK(cloud_restore(copy, back, w->pool));
    w->data_dir = back;
    world_reopen(w);
}

static const char *findings;

static void note(void *baton, const char *kind, const char *account, const char *path,
                 const char *detail, int repaired)
{
    (void)baton;
    (void)account;
    (void)repaired;
    findings = apr_pstrcat(w->pool, findings, kind, " ", path, ": ", detail, "\n", NULL);
}

static void clean(void)
{
    cloud_fsck_opts_t opts = { .hashes = 1, .report = note };
    cloud_fsck_stats_t s;

    findings = "";
    OK(cloud_fsck(&s, w->ctx, NULL, &opts));
    ck_assert_msg(s.findings == 0, "%s", findings);
}

static int in_file(const char *path, const char *text)
{
    char buf[8192];
    int fd = open(path, O_RDONLY);
    ssize_t n;

    if (fd < 0) return 0;
    n = read(fd, buf, sizeof buf - 1);
    close(fd);
    buf[n < 0 ? 0 : n] = '\0';
    return strstr(buf, text) != NULL;
}

#define MANIFEST apr_pstrcat(w->pool, copy, "/manifest", NULL)

/* ---- */

START_TEST(there_and_back)
{
    const char *before = world_dump(w), *fp;
    cloud_scan_stats_t scan;

    backup();
    ck_assert(in_file(MANIFEST, "files: 3\nbytes: 25\n"));
    restore();
    ck_assert_str_eq(before, world_dump(w));
    ck_assert_str_eq(world_read(w, "a/b/deep"), "deep content");
    clean();
    /* Nothing to adopt: the rows know their new inodes, and the verbs work on them. */
    OK(cloud_scan(&scan, w->ctx, w->account, "", NULL));
    ck_assert_int_eq(scan.added + scan.changed + scan.moved, 0);
    world_move(w, "a", "moved");
    world_put(w, "moved/f", "new content");
    world_remove(w, "moved/b");
    tu_maintain();
    ck_assert_str_eq(world_read(w, "moved/f"), "new content");
    clean();
    OK(cloud_store_fingerprint(&fp, w->ctx));
    ck_assert_str_ne(fp, "");
}
END_TEST

START_TEST(is_a_data_directory_itself)
{
    const char *before = world_dump(w), *fp;

    backup();
    w->data_dir = copy;
    world_reopen(w);
    ck_assert_str_eq(before, world_dump(w));
    clean();
    OK(cloud_store_fingerprint(&fp, w->ctx));
    ck_assert_str_ne(fp, "");
    world_put(w, "a/f", "changed there");
    /* It is no backup any more, then. */
    ck_assert(cloud_restore(copy, back, w->pool) != NULL);
}
END_TEST

START_TEST(where_it_may_go)
{
    cloud_err_t *err;

    FAILS(cloud_backup(w->user, copy, NULL, NULL), DENIED);
    FAILS(cloud_backup(w->ctx, "relative", NULL, NULL), INVALID);
    err = cloud_backup(w->ctx, apr_pstrcat(w->pool, w->data_dir, "/accounts/x", NULL), NULL, NULL);
    FAILS(err, INVALID);
    ck_assert_int_eq(mkdir(copy, 0700), 0);
    backup(); /* empty */
    FAILS(cloud_backup(w->ctx, copy, NULL, NULL), EXISTS);
    FAILS(cloud_restore(copy, w->data_dir, w->pool), EXISTS);
    ck_assert_int_eq(unlink(MANIFEST), 0);
    FAILS(cloud_restore(copy, back, w->pool), INVALID);
}
END_TEST

/* ---- changes between the snapshot and the files ---- */

static cloud_ctx_t *other; /* another process's store */

static void change_everything(void)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *put;
    apr_pool_t *pool;

    apr_pool_create(&pool, w->pool);
    OK(cloud_put_begin(&put, other, w->account, "top", &opts, pool));
    OK(cloud_put_write(put, "after", 5));
    OK(cloud_put_commit(&res, put));
    OK(cloud_file_move(&res, other, w->account, "a/f", w->account, "f", 0, NULL, NULL, pool));
    OK(cloud_file_move(&res, other, w->account, "a/b", w->account, "b", 0, NULL, NULL, pool));
    OK(cloud_file_remove(other, w->account, "b/gone", NULL));
    /* A folder whose rows are reclaimed at once, after things were renamed in it. */
    OK(cloud_file_move(&res, other, w->account, "c/d", w->account, "c/e", 0, NULL, NULL, pool));
    OK(cloud_file_remove(other, w->account, "c", NULL));
}

static int changed;

static void at_first_file(void *baton, apr_int64_t files, apr_int64_t bytes)
{
    int more, i;

    (void)baton;
    (void)files;
    (void)bytes;
    if (changed++) return;
    change_everything();
    for (more = 1, i = 0; more && i < 100; i++) OK(cloud_store_maintain(&more, other));
}

START_TEST(changed_meanwhile)
{
    const char *before;

    /* The first account to be copied has one file: when that is copied, the second one changes. */
    cloud_account_t *first = w->account, *second;
    OK(cloud_account_create(&second, w->ctx, "bob", NULL, NULL, w->pool));
    other = cloud_ctx_create(w->store, w->store_pool);
    w->account = second;
    w->user->who.account = second;
    other->who.system = 1;
    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_mkcol(w, "c");
    world_mkcol(w, "c/d");
    world_put(w, "a/f", "content");
    world_put(w, "a/b/gone", "soon gone");
    world_put(w, "a/b/deep", "deep content");
    world_put(w, "c/d/f", "deeply gone");
    world_put(w, "top", "before");
    before = world_dump(w);
    OK(cloud_backup(w->ctx, copy, at_first_file, NULL));
    ck_assert_int_gt(changed, 1);
    ck_assert_str_ne(before, world_dump(w));
    ck_assert(in_file(MANIFEST, "edited-from-outside: 0\nmissing: 0\ndamaged: 0\n"));
    w->account = first;
    restore();
    clean();
    OK(cloud_account_get(&w->account, w->ctx, "bob", w->pool));
    w->user->who.account = w->account;
    ck_assert_str_eq(before, world_dump(w));
    ck_assert_str_eq(world_read(w, "top"), "before");
    ck_assert_str_eq(world_read(w, "c/d/f"), "deeply gone");
    ck_assert_str_eq(world_read(w, "a/b/gone"), "soon gone");
}
END_TEST

static void delete_second(void *baton, apr_int64_t files, apr_int64_t bytes)
{
    int more, i;

    (void)baton;
    (void)files;
    (void)bytes;
    if (changed++) return;
    OK(cloud_account_delete(w->ctx, "bob"));
    for (more = 1, i = 0; more && i < 100; i++) OK(cloud_store_maintain(&more, other));
}

START_TEST(account_deleted_meanwhile)
{
    cloud_account_t *first = w->account, *second;

    OK(cloud_account_create(&second, w->ctx, "bob", NULL, NULL, w->pool));
    other = cloud_ctx_create(w->store, w->store_pool);
    other->who.system = 1;
    w->account = second;
    w->user->who.account = second;
    world_mkcol(w, "a");
    world_put(w, "a/f", "content");
    OK(cloud_backup(w->ctx, copy, delete_second, NULL));
    ck_assert_int_gt(changed, 1);
    w->account = first;
    restore();
    clean();
    OK(cloud_account_get(&w->account, w->ctx, "bob", w->pool));
    w->user->who.account = w->account;
    ck_assert_str_eq(world_read(w, "a/f"), "content");
}
END_TEST

START_TEST(nothing_is_unlinked_meanwhile)
{
    changed = 1;
    world_remove(w, "a/f");
    backup();
    /* And afterwards it is. */
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    restore();
    ck_assert_ptr_null(world_node(w, "a/f"));
    clean();
}
END_TEST

static volatile int stop;

static void *busy(void *baton)
{
    unsigned seed = (unsigned)(apr_uintptr_t)baton;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    while (!stop) {
        cloud_put_opts_t opts = { .length = -1 };
        apr_pool_t *iter;
        cloud_result_t res;
        cloud_ctx_t *ctx;
        cloud_put_t *put;
        const char *p, *q;
        int more;

        apr_pool_create(&iter, pool);
        ctx = cloud_ctx_create(w->store, iter);
        ctx->who.system = 1;
        p = apr_psprintf(iter, "d%d/s%d", rand_r(&seed) % 5, rand_r(&seed) % 3);
        q = apr_psprintf(iter, "d%d/s%d", rand_r(&seed) % 5, rand_r(&seed) % 3);
        switch (rand_r(&seed) % 8) {
        case 0:
            (void)cloud_file_mkcol(&res, ctx, w->account, p, NULL, iter);
            break;
        case 1:
            (void)cloud_file_move(&res, ctx, w->account, p, w->account, q, 1, NULL, NULL, iter);
            break;
        case 2:
            (void)cloud_file_remove(ctx, w->account, p, NULL);
            (void)cloud_store_maintain(&more, ctx);
            break;
        default:
            p = apr_psprintf(iter, "%s/f%d", p, rand_r(&seed) % 4);
            if (!cloud_put_begin(&put, ctx, w->account, p, &opts, iter)) {
                (void)cloud_put_write(put, p, strlen(p));
                (void)cloud_put_commit(&res, put);
            }
        }
        apr_pool_destroy(iter);
    }
    apr_pool_destroy(pool);
    return NULL;
}

START_TEST(on_a_live_server)
{
    const char *data_dir = w->data_dir, *base = copy;
    pthread_t threads[3];
    unsigned i;
    int round;

    for (i = 0; i < 5; i++) world_mkcol(w, apr_psprintf(w->pool, "d%u", i));
    for (i = 0; i < 300; i++) world_put(w, apr_psprintf(w->pool, "a/f%u", i), "x");
    for (round = 0; round < 4; round++) {
        stop = 0;
        for (i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, busy, (void *)(apr_uintptr_t)(i + round * 3));
        usleep(100000);
        copy = apr_psprintf(w->pool, "%s%d", base, round);
        backup();
        stop = 1;
        for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
        ck_assert(in_file(MANIFEST, "edited-from-outside: 0\nmissing: 0\ndamaged: 0\n"));
        w->data_dir = copy;
        world_reopen(w);
        clean();
        w->data_dir = data_dir;
        world_reopen(w);
    }
}
END_TEST

/* ---- outsiders, and damage ---- */

START_TEST(edited_from_outside)
{
    world_write(w, "a/f", "edited, not scanned yet");
    backup();
    ck_assert(in_file(MANIFEST, "edited-from-outside: 1\n"));
    restore();
    ck_assert_str_eq(world_read(w, "a/f"), "edited, not scanned yet");
    clean();
}
END_TEST

START_TEST(missing_and_damaged)
{
    struct timespec times[2];
    struct stat st;

    world_disk_remove(w, "a/b/deep");
    ck_assert_int_eq(stat(world_disk(w, "a/f"), &st), 0);
    world_write(w, "a/f", "c0ntent");
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    ck_assert_int_eq(utimensat(0, world_disk(w, "a/f"), times, 0), 0);
    FAILS(cloud_backup(w->ctx, copy, NULL, NULL), UNAVAILABLE);
    ck_assert(in_file(MANIFEST, "missing alice/files/a/b/deep\n"));
    ck_assert(in_file(MANIFEST, "damaged alice/files/a/f\n"));
    FAILS(cloud_restore(copy, back, w->pool), UNAVAILABLE);
    w->data_dir = back;
    world_reopen(w);
    ck_assert_str_eq(world_read(w, "top"), "on top");
    ck_assert_ptr_null(world_read(w, "a/b/deep"));
    ck_assert_ptr_nonnull(world_node(w, "a/b/deep"));
}
END_TEST

START_TEST(damaged_in_the_backup)
{
    const char *file = apr_pstrcat(w->pool, copy, "/accounts/alice/files/a/f", NULL);
    struct timespec times[2];
    struct stat st;
    int fd;

    backup();
    ck_assert_int_eq(stat(file, &st), 0);
    fd = open(file, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "X", 1, 0), 1);
    close(fd);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    ck_assert_int_eq(utimensat(0, file, times, 0), 0);
    FAILS(cloud_restore(copy, back, w->pool), UNAVAILABLE);
    fd = open(apr_pstrcat(w->pool, copy, "/cloud.db", NULL), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "X", 1, 5000), 1);
    close(fd);
    FAILS(cloud_restore(copy, apr_pstrcat(w->pool, back, "2", NULL), w->pool), CHECKSUM);
}
END_TEST

START_TEST(copied_elsewhere)
{
    const char *before = world_dump(w);
    const char *cmd;

    /* By other means: other inodes, same sizes and times. */
    backup();
    cmd = apr_psprintf(w->pool, "cp -a %s %s.away && rm -r %s", copy, copy, copy);
    ck_assert_int_eq(system(cmd), 0);
    copy = apr_pstrcat(w->pool, copy, ".away", NULL);
    restore();
    ck_assert_str_eq(before, world_dump(w));
    clean();
}
END_TEST

START_TEST(what_lies_beside)
{
    const char *kept = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/lost+found/kept", NULL);
    const char *dir = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/versions", NULL);
    int fd = open(kept, O_CREAT | O_WRONLY, 0600);

    close(fd);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    fd = open(apr_pstrcat(w->pool, dir, "/1", NULL), O_CREAT | O_WRONLY, 0600);
    close(fd);
    backup();
    restore();
    ck_assert_int_eq(access(apr_pstrcat(w->pool, back, "/accounts/alice/lost+found/kept", NULL),
                            F_OK), 0);
    ck_assert_int_eq(access(apr_pstrcat(w->pool, back, "/accounts/alice/versions/1", NULL), F_OK),
                     0);
}
END_TEST

Suite *suite_backup(void);
Suite *suite_backup(void)
{
    const TTest *const tests[] = {
        there_and_back, is_a_data_directory_itself, where_it_may_go, changed_meanwhile,
        account_deleted_meanwhile, nothing_is_unlinked_meanwhile, on_a_live_server,
        edited_from_outside, missing_and_damaged, damaged_in_the_backup, copied_elsewhere,
        what_lies_beside,
    };
    Suite *s = suite_create("backup");
    TCase *tc = tcase_create("backup");
    unsigned i;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    return s;
}
