/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Scan: names and kinds of file that are not served as they are, checksums, and being stopped. */
#include "scan_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- names ---- */

#define NFC "caf\xC3\xA9"
#define NFD "cafe\xCC\x81"

START_TEST(names_of_one_normal_form)
{
    cloud_scan_stats_t s;

    world_write(w, NFC ".txt", "composed");
    world_write(w, NFD ".txt", "decomposed");
    s = scan("");
    ck_assert_int_eq(s.added, 2);
    ck_assert_int_eq(s.skipped, 0);
    ck_assert_ptr_nonnull(world_node(w, NFC ".txt"));
    ck_assert_ptr_nonnull(world_node(w, NFC " (2).txt"));
    ck_assert_str_ne(world_read(w, NFC ".txt"), world_read(w, NFC " (2).txt"));
    settled();
    /* The second one keeps its name when the first one goes. */
    world_disk_remove(w, node(NFC ".txt")->disk);
    s = scan_anyway();
    ck_assert_int_eq(s.vanished, 1);
    ck_assert_ptr_nonnull(world_node(w, NFC " (2).txt"));
    settled();
}
END_TEST

START_TEST(verbs_on_such_names)
{
    const char *first, *second;
    cloud_result_t res;
    cloud_entry_t *e;

    world_mkcol(w, "d");
    world_write(w, "d/" NFC ".txt", "composed");
    world_write(w, "d/" NFD ".txt", "decomposed");
    scan("");
    first = world_read(w, "d/" NFC ".txt");
    second = world_read(w, "d/" NFC " (2).txt");
    OK(cloud_file_copy(&res, w->user, w->account, "d", w->account, "copy", 0, -1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(world_read(w, "copy/" NFC ".txt"), first);
    ck_assert_str_eq(world_read(w, "copy/" NFC " (2).txt"), second);
    OK(cloud_resolve_id(&e, w->user, w->account, node("d/" NFC " (2).txt")->id, w->pool));
    ck_assert_int_eq(e->node.id, node("d/" NFC " (2).txt")->id);
    world_put(w, "d/" NFC " (2).txt", "put");
    ck_assert_str_eq(world_read(w, "d/" NFC ".txt"), first);
    world_move(w, "d/" NFC " (2).txt", "d/other");
    ck_assert_str_eq(world_read(w, "d/other"), "put");
    ck_assert_str_eq(world_read(w, "d/" NFC ".txt"), first);
    settled();
}
END_TEST

START_TEST(spelled_anew)
{
    const char *before;

    world_put(w, NFC, "content");
    before = world_dump(w);
    world_disk_move(w, NFC, NFD);
    scan("");
    ck_assert_str_eq(node(NFC)->disk, NFD);
    ck_assert_str_eq(before, world_dump(w));
    settled();
}
END_TEST

START_TEST(long_second_name)
{
    char name[260];
    int i;

    /* 124 e-acutes, composed 248 bytes, decomposed 255 bytes: the suffix has to fit. */
    for (i = 0; i < 84; i++) memcpy(name + i * 3, "e\xCC\x81", 3);
    strcpy(name + 252, "abc");
    world_write(w, name, "decomposed");
    for (i = 0; i < 84; i++) memcpy(name + i * 2, "\xC3\xA9", 2);
    strcpy(name + 168, "abc");
    world_write(w, name, "composed");
    ck_assert_int_eq(scan("").added, 2);
    settled();
}
END_TEST

START_TEST(what_is_not_served)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    char cwd[4096];
    int fd;

    world_put(w, "f", "x");
    ck_assert_int_eq(symlink("/etc/passwd", world_disk(w, "link")), 0);
    ck_assert_int_eq(mkfifo(world_disk(w, "fifo"), 0600), 0);
    ck_assert_ptr_nonnull(getcwd(cwd, sizeof cwd));
    ck_assert_int_eq(chdir(world_disk(w, "")), 0);
    strcpy(sa.sun_path, "socket");
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    close(fd);
    ck_assert_int_eq(chdir(cwd), 0);
    world_write(w, "latin1-\xE9", "x");
    world_write(w, "control-\x01", "x");
    world_write(w, "back\\slash", "x");
    world_write(w, ".htaccess", "x");
    cloud_scan_stats_t s = scan("");
    ck_assert_int_eq(s.added, 0);
    ck_assert_int_eq(s.skipped, 7);
    ck_assert(was_told("skipped link | symbolic link"));
    ck_assert(was_told("skipped fifo | fifo"));
    ck_assert(was_told("skipped socket | socket"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind < 2"), 1);
}
END_TEST

START_TEST(file_becomes_symlink)
{
    /* What can't be served is no deletion: it answers 503 until somebody decides. */
    world_put(w, "f", "content");
    world_disk_remove(w, "f");
    ck_assert_int_eq(symlink("/etc/passwd", world_disk(w, "f")), 0);
    cloud_scan_stats_t s = scan("");
    ck_assert_int_eq(s.skipped, 1);
    ck_assert_int_eq(s.vanished, 0);
    ck_assert_ptr_nonnull(world_node(w, "f"));
    ck_assert_ptr_null(world_read(w, "f"));
}
END_TEST

/* ---- checksums ---- */

START_TEST(rehash_fills_in)
{
    cloud_scan_opts_t opts = { .rehash = 1 };
    const char *before;

    world_write(w, "f", "abc");
    scan("");
    ck_assert_int_eq(node("f")->sums.len, 0);
    before = apr_psprintf(w->pool, "%" APR_INT64_T_FMT, node("f")->etag);
    ck_assert_int_eq(scan_with("", opts).changed, 0);
    ck_assert_str_eq(cloud_sums_text(node("f")->sums, CLOUD_DIGEST_SHA1, w->pool),
                     "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d");
    ck_assert_str_eq(before, apr_psprintf(w->pool, "%" APR_INT64_T_FMT, node("f")->etag));
    settled();
}
END_TEST

START_TEST(rehash_finds_damage)
{
    cloud_scan_opts_t opts = { .rehash = 1 };
    struct timespec times[2];
    struct stat st;
    apr_int64_t etag;

    world_put(w, "f", "content");
    etag = node("f")->etag;
    ck_assert_int_eq(stat(world_disk(w, "f"), &st), 0);
    world_write(w, "f", "c0ntent");
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    ck_assert_int_eq(utimensat(0, world_disk(w, "f"), times, 0), 0);
    ck_assert_int_eq(scan("").changed, 0);
    cloud_scan_stats_t s = scan_with("", opts);
    ck_assert_int_eq(s.changed, 0);
    ck_assert_int_eq(s.skipped, 1);
    ck_assert_int_eq(node("f")->etag, etag);
    /* Under another inode somebody must have put it there. */
    world_disk_restore(w, "f");
    ck_assert_int_eq(scan_with("", opts).changed, 1);
    ck_assert_int_gt(node("f")->etag, etag);
}
END_TEST

/* ---- in many pieces ---- */

static int stop_after;

static void stop(void *baton, const char *what, const char *path, const char *detail)
{
    (void)baton;
    (void)what;
    (void)path;
    (void)detail;
    if (--stop_after == 0) _exit(0);
}

START_TEST(stopped_and_run_again)
{
    cloud_scan_opts_t opts = { .report = stop };
    cloud_scan_stats_t stats;
    int i;

    world_disk_mkdir(w, "d");
    for (i = 0; i < 3000; i++) world_write(w, apr_psprintf(w->pool, "d/f%04d", i), "x");
    for (i = 500; i < 3000; i += 1000) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            world_reopen(w);
            stop_after = i;
            OK(cloud_scan(&stats, w->ctx, w->account, "", &opts));
            _exit(1);
        }
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    }
    scan("");
    ck_assert_int_eq(node("d")->size, 3000);
    settled();
}
END_TEST

Suite *suite_scan_odd(void);
Suite *suite_scan_odd(void)
{
    const TTest *const tests[] = {
        names_of_one_normal_form, verbs_on_such_names, spelled_anew, long_second_name,
        what_is_not_served, file_becomes_symlink, rehash_fills_in, rehash_finds_damage,
        stopped_and_run_again,
    };

    return scan_suite("scan_odd", tests, sizeof tests / sizeof *tests);
}
