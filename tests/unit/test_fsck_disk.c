/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What may be wrong on disk: fsck finds it, --repair mends it, content stays. */
#include "fsck_util.h"
#include "upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(file_missing)
{
    world_disk_remove(fk_w, "a/f");
    fk_found_only("missing a/f|alice|");
    ck_assert_ptr_nonnull(world_node(fk_w, "a/f"));
}
END_TEST

START_TEST(folder_missing)
{
    world_disk_remove(fk_w, "a");
    fk_found_only("missing a|alice|");
    /* One finding, not one for each thing below. */
    ck_assert_msg(fk_told->nelts == 1, "%s", fk_all_told());
    ck_assert_ptr_nonnull(world_node(fk_w, "a/b/deep"));
}
END_TEST

START_TEST(content_left_in_staging)
{
    const char *lost =
        apr_pstrcat(fk_w->pool, fk_w->data_dir, "/accounts/alice/staging/left", NULL);

    /* As if a journal row had been lost. */
    ck_assert_int_eq(rename(world_disk(fk_w, "a/f"), lost), 0);
    fk_found_and_mended("missing a/f|alice|");
    ck_assert_str_eq(world_read(fk_w, "a/f"), "content");
}
END_TEST

START_TEST(edited_from_outside)
{
    world_write(fk_w, "a/f", "something else");
    fk_found_and_mended("changed a/f|alice|");
    ck_assert_str_eq(world_read(fk_w, "a/f"), "something else");
    ck_assert_int_eq(world_node(fk_w, "a")->size, 26);
}
END_TEST

START_TEST(other_inodes)
{
    const char *before = world_dump(fk_w);

    world_disk_restore(fk_w, "a/f");
    world_disk_restore(fk_w, "a/b/deep");
    fk_clean();
    ck_assert_str_eq(before, world_dump(fk_w));
}
END_TEST

START_TEST(touched_from_outside)
{
    const char *before = world_dump(fk_w);

    world_write(fk_w, "a/f", "content"); /* the same, at another time */
    fk_clean();
    ck_assert_str_eq(before, world_dump(fk_w));
    world_write(fk_w, "a/f", "C0NTENT");
    fk_found_and_mended("changed a/f|alice|");
}
END_TEST

START_TEST(new_on_disk)
{
    world_disk_mkdir(fk_w, "new");
    world_write(fk_w, "new/f", "1");
    fk_found_and_mended("stray /new|alice|");
    ck_assert_str_eq(world_read(fk_w, "new/f"), "1");
}
END_TEST

START_TEST(moved_on_disk)
{
    apr_int64_t id = fk_id_of("a/b");

    world_disk_move(fk_w, "a/b", "c");
    fk_found_and_mended("missing a/b|alice|");
    ck_assert_int_eq(fk_id_of("c"), id);
}
END_TEST

START_TEST(what_nobody_serves)
{
    ck_assert_int_eq(symlink("/etc/passwd", world_disk(fk_w, "link")), 0);
    world_write(fk_w, "latin1-\xE9", "x");
    world_write(fk_w, ".htaccess", "x");
    fk_clean();
}
END_TEST

START_TEST(another_kind)
{
    world_disk_remove(fk_w, "top");
    world_disk_mkdir(fk_w, "top");
    fk_found_only("kind top|alice|");
}
END_TEST

START_TEST(marker_missing)
{
    const char *marker =
        apr_pstrcat(fk_w->pool, fk_w->data_dir, "/accounts/alice/.mod_cloud", NULL);
    const char *before = world_dump(fk_w);

    ck_assert_int_eq(unlink(marker), 0);
    world_disk_remove(fk_w, "a");
    /* Nothing is said about files that may be on a disk that is not mounted. */
    fk_fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_msg(fk_told->nelts == 1 && fk_was_told("marker alice|"), "%s", fk_all_told());
    close(open(marker, O_CREAT | O_WRONLY, 0600));
    ck_assert_str_eq(before, world_dump(fk_w));
}
END_TEST

START_TEST(forgotten_in_staging)
{
    const char *path = apr_pstrcat(fk_w->pool, fk_w->data_dir, "/accounts/alice/staging/old", NULL);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    ck_assert_int_ge(fd, 0);
    close(fd);
    fk_clean(); /* it is new: somebody may be writing it */
}
END_TEST

static void send_chunk(const cloud_upload_t *up, const char *name, const char *text)
{
    cloud_chunk_put_t *put;
    int created;

    OK(cloud_chunk_begin(&put, fk_w->user, up, name, -1, NULL, fk_w->pool));
    OK(cloud_chunk_write(put, text, strlen(text)));
    OK(cloud_chunk_commit(&created, put));
}

/* An upload with one chunk in the staging file and one that is kept apart. */
static cloud_upload_t *some_upload(const char *name)
{
    cloud_upload_t *up;

    OK(cloud_upload_create(&up, fk_w->user, fk_w->account, name, -1, fk_w->pool));
    send_chunk(up, "1", "first");
    send_chunk(up, "7", "apart");
    return up;
}

static const char *stage_of(const char *sql)
{
    const char *path = NULL;
    cloud_stmt_t *st;
    int row;

    OK(cloud_tx_begin(fk_w->ctx, CLOUD_DB_READ));
    OK(cloud_db_query(&st, &row, fk_w->ctx->db, fk_w->pool, sql, ""));
    ck_assert_int_eq(row, 1);
    path = apr_pstrcat(fk_w->pool, fk_w->data_dir, "/accounts/", cloud_col_text(st, 0), NULL);
    cloud_stmt_done(st);
    cloud_tx_rollback(fk_w->ctx);
    return path;
}

static void dropped(const char *name)
{
    cloud_upload_t *up;

    FAILS(cloud_upload_find(&up, fk_w->user, fk_w->account, name, fk_w->pool), NOT_FOUND);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM chunk c JOIN upload u ON u.id = c.upload"
                                  " WHERE u.name = 'broken'"), 0);
    /* The other one goes on. */
    OK(cloud_upload_get(&up, fk_w->user, fk_w->account, "whole", fk_w->pool));
    ck_assert_int_eq(up->received, 10);
}

START_TEST(staging_file_missing)
{
    some_upload("whole");
    some_upload("broken");
    fk_clean();
    ck_assert_int_eq(unlink(stage_of("SELECT stage FROM upload WHERE name = 'broken'")), 0);
    fk_found_and_mended("upload broken|alice|");
    dropped("broken");
}
END_TEST

START_TEST(staging_file_too_short)
{
    some_upload("whole");
    some_upload("broken");
    ck_assert_int_eq(truncate(stage_of("SELECT stage FROM upload WHERE name = 'broken'"), 4), 0);
    fk_found_and_mended("upload broken|alice|");
    dropped("broken");
}
END_TEST

START_TEST(chunk_missing)
{
    some_upload("whole");
    some_upload("broken");
    ck_assert_int_eq(unlink(stage_of("SELECT c.stage FROM chunk c JOIN upload u ON u.id = c.upload"
                                     " WHERE u.name = 'broken' AND c.stage IS NOT NULL")), 0);
    fk_found_and_mended("upload broken|alice|");
    dropped("broken");
}
END_TEST

START_TEST(finished_upload)
{
    static const cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;

    some_upload("done");
    OK(cloud_upload_finish(&res, fk_w->user, fk_w->account, "done", fk_w->account, "up", 1, &opts,
                           fk_w->pool));
    fk_clean();
    tu_maintain();
    fk_clean();
    ck_assert_str_eq(world_read(fk_w, "up"), "firstapart");
}
END_TEST

START_TEST(forgotten_in_purge)
{
    const char *base = apr_pstrcat(fk_w->pool, fk_w->data_dir, "/accounts/alice", NULL);
    const char *path = apr_pstrcat(fk_w->pool, base, "/purge/4711", NULL);
    struct stat st;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    ck_assert_int_eq(write(fd, "precious", 8), 8);
    close(fd);
    ck_assert_int_eq(stat(path, &st), 0);
    fk_found_and_mended("stray alice/purge/4711|alice|");
    /* Kept, in lost+found. */
    ck_assert_int_eq(
        system(apr_pstrcat(fk_w->pool, "grep -q precious ", base, "/lost+found/*-4711", NULL)), 0);
}
END_TEST

START_TEST(directory_of_no_account)
{
    const char *dir = apr_pstrcat(fk_w->pool, fk_w->data_dir, "/accounts/ghost", NULL);

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    fk_clean(); /* an account that is just being made */
}
END_TEST

START_TEST(damaged_content)
{
    struct timespec times[2];
    struct stat st;

    ck_assert_int_eq(stat(world_disk(fk_w, "a/f"), &st), 0);
    world_write(fk_w, "a/f", "c0ntent");
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    ck_assert_int_eq(utimensat(0, world_disk(fk_w, "a/f"), times, 0), 0);
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_int_eq(fk_told->nelts, 0);
    fk_fsck((cloud_fsck_opts_t){ .hashes = 1 });
    ck_assert_msg(fk_was_told("hash a/f|alice|"), "%s", fk_all_told());
    fk_fsck((cloud_fsck_opts_t){ .hashes = 1, .repair = 1 });
    ck_assert_msg(fk_was_told("hash a/f|alice|"), "%s", fk_all_told());
}
END_TEST

START_TEST(checksums_filled_in)
{
    world_write(fk_w, "new", "1");
    fk_fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_int_eq(world_node(fk_w, "new")->sums.len, 0);
    fk_fsck((cloud_fsck_opts_t){ .repair = 1, .hashes = 1 });
    ck_assert_int_gt(world_node(fk_w, "new")->sums.len, 0);
    fk_clean();
}
END_TEST

Suite *suite_fsck_disk(void)
{
    const TTest *const tests[] = {
        file_missing, folder_missing, content_left_in_staging, edited_from_outside,
        other_inodes, touched_from_outside, new_on_disk, moved_on_disk, what_nobody_serves,
        another_kind, marker_missing, forgotten_in_staging, staging_file_missing,
        staging_file_too_short, chunk_missing, finished_upload, forgotten_in_purge,
        directory_of_no_account, damaged_content, checksums_filled_in,
    };
    Suite *s = suite_create("fsck_disk");
    TCase *tc = tcase_create("fsck_disk");
    unsigned i;

    tcase_add_checked_fixture(tc, fk_setup, fk_teardown);
    tcase_set_timeout(tc, 120);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    return s;
}
