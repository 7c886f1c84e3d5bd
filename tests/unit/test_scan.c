/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Changes made behind the server's back, and what scan makes of them. */
#include "scan_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what is new ---- */

START_TEST(new_files)
{
    const cloud_node_t *before = node("");
    cloud_scan_stats_t s;

    world_disk_mkdir(w, "a");
    world_disk_mkdir(w, "a/b");
    world_write(w, "a/b/one", "1");
    world_write(w, "a/two", "22");
    world_write(w, "three", "333");
    s = scan("");
    ck_assert_int_eq(s.added, 5);
    ck_assert_int_eq(s.seen, 5);
    ck_assert_int_eq(s.bytes, 6);
    ck_assert_int_eq(node("")->size, 6);
    ck_assert_int_eq(node("a")->size, 3);
    ck_assert_int_eq(node("a/b")->size, 1);
    ck_assert_int_gt(node("")->etag, before->etag);
    ck_assert_int_ge(node("")->etag, node("a")->etag);
    ck_assert_int_ge(node("a")->etag, node("a/b")->etag);
    ck_assert_str_eq(world_read(w, "a/b/one"), "1");
    ck_assert_int_eq(node("a/two")->sums.len, 0);
    ck_assert_int_eq(CHANGES("create"), 5);
    ck_assert(was_told("added a/b/one"));
    settled();
}
END_TEST

START_TEST(nothing_to_do)
{
    world_mkcol(w, "a");
    world_put(w, "a/f", "hello");
    settled();
    ck_assert_int_eq(scan("").seen, 2);
}
END_TEST

START_TEST(part_of_the_tree)
{
    world_mkcol(w, "in");
    world_mkcol(w, "out");
    world_write(w, "in/f", "1");
    world_write(w, "out/f", "1");
    ck_assert_int_eq(scan("in").added, 1);
    ck_assert_ptr_null(world_node(w, "out/f"));
    ck_assert_int_eq(scan("out/f").added, 1);
    world_disk_mkdir(w, "in/new");
    world_disk_mkdir(w, "in/new/deep");
    world_write(w, "in/new/deep/f", "1");
    /* Below a folder that has no row yet: everything from there. */
    ck_assert_int_eq(scan("in/new/deep").added, 3);
    world_disk_remove(w, "out");
    ck_assert_int_eq(scan_with("out", (cloud_scan_opts_t){ .allow_vanish = 1 }).vanished, 2);
    settled();
}
END_TEST

START_TEST(path_that_is_not_there)
{
    cloud_scan_stats_t stats;
    cloud_err_t *err = cloud_scan(&stats, w->ctx, w->account, "nowhere", NULL);

    FAILS(err, NOT_FOUND);
}
END_TEST

START_TEST(only_for_the_system)
{
    cloud_scan_stats_t stats;

    FAILS(cloud_scan(&stats, w->user, w->account, "", NULL), DENIED);
}
END_TEST

/* ---- identity of content ---- */

START_TEST(edited_in_place)
{
    apr_int64_t id, etag, root;
    const cloud_node_t *n;

    world_mkcol(w, "d");
    world_put(w, "d/f", "before");
    world_put(w, "other", "x");
    n = node("d/f");
    id = n->id;
    etag = n->etag;
    root = node("")->etag;
    world_write(w, "d/f", "after it");
    ck_assert_int_eq(scan("").changed, 1);
    n = node("d/f");
    ck_assert_int_eq(n->id, id);
    ck_assert_int_gt(n->etag, etag);
    ck_assert_int_gt(node("")->etag, root);
    ck_assert_int_eq(node("d")->size, 8);
    ck_assert_int_eq(CHANGES("outside"), 1);
    ck_assert_str_eq(world_read(w, "d/f"), "after it");
    settled();
}
END_TEST

START_TEST(edited_same_size)
{
    apr_int64_t etag;

    world_put(w, "f", "before");
    etag = node("f")->etag;
    world_write(w, "f", "AFTER!");
    ck_assert_int_eq(scan("").changed, 1);
    ck_assert_int_ne(node("f")->etag, etag);
    /* It was read to find that out. */
    ck_assert_int_gt(node("f")->sums.len, 0);
    settled();
}
END_TEST

START_TEST(replaced_by_rename)
{
    apr_int64_t id, etag;

    world_put(w, "f", "before");
    id = node("f")->id;
    etag = node("f")->etag;
    world_replace(w, "f", "after it");
    ck_assert_int_eq(scan("").changed, 1);
    ck_assert_int_eq(node("f")->id, id);
    ck_assert_int_ne(node("f")->etag, etag);
    settled();
}
END_TEST

START_TEST(touched)
{
    const char *before;

    world_put(w, "f", "same");
    before = world_dump(w);
    world_write(w, "f", "same");
    ck_assert_int_eq(scan("").changed, 0);
    ck_assert_str_eq(before, world_dump(w));
    settled();
}
END_TEST

START_TEST(restored_with_new_inodes)
{
    const char *before;
    apr_uint64_t ino;

    world_mkcol(w, "d");
    world_put(w, "d/f", "content");
    world_put(w, "g", "more");
    before = world_dump(w);
    ino = node("d/f")->ino;
    world_disk_restore(w, "d/f");
    world_disk_restore(w, "g");
    /* The folder too: a new one with the same members. */
    world_disk_mkdir(w, "tmp");
    world_disk_move(w, "d/f", "tmp/f");
    world_disk_remove(w, "d");
    world_disk_move(w, "tmp", "d");
    ck_assert_int_eq(scan("").changed, 0);
    ck_assert_str_eq(before, world_dump(w));
    ck_assert(node("d/f")->ino != ino);
    settled();
    /* And the verbs find everything where it is. */
    world_move(w, "d", "e");
    ck_assert_str_eq(world_read(w, "e/f"), "content");
    settled();
}
END_TEST

/* The whole tree under new inodes, and nobody has scanned yet. */
static void restore_tree(void)
{
    const char *files = world_disk(w, "");
    const char *cmd = apr_psprintf(w->pool, "cp -a %s %s.new && mv %s %s.old && mv %s.new %s"
                                   " && rm -r %s.old",
                                   apr_pstrmemdup(w->pool, files, strlen(files) - 1), w->dir,
                                   apr_pstrmemdup(w->pool, files, strlen(files) - 1), w->dir,
                                   w->dir, apr_pstrmemdup(w->pool, files, strlen(files) - 1),
                                   w->dir);

    ck_assert_int_eq(system(cmd), 0);
}

START_TEST(verbs_on_a_restored_tree)
{
    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_put(w, "a/b/deep", "deep");
    world_put(w, "a/f", "content");
    world_put(w, "g", "more");
    world_put(w, "h", "even more");
    tu_maintain();
    restore_tree();
    world_move(w, "a/f", "moved");
    world_move(w, "a/b", "b");
    world_move(w, "a", "c");
    world_put(w, "g", "replaced");
    world_remove(w, "h");
    tu_maintain();
    ck_assert_str_eq(world_read(w, "moved"), "content");
    ck_assert_str_eq(world_read(w, "b/deep"), "deep");
    ck_assert_str_eq(world_read(w, "g"), "replaced");
    ck_assert(!world_disk_exists(w, "h"));
    ck_assert(!world_disk_exists(w, "a"));
    ck_assert(world_disk_exists(w, "c"));
    settled();
    restore_tree();
    world_remove(w, "b");
    tu_maintain();
    ck_assert(!world_disk_exists(w, "b"));
    settled();
}
END_TEST

START_TEST(inode_used_again)
{
    apr_int64_t id;

    /* ext4 gives a freed inode number to the next file: that must not make it the old one. */
    world_put(w, "old", "old content");
    id = node("old")->id;
    world_disk_remove(w, "old");
    world_write(w, "new", "new content");
    ck_assert_int_eq(scan_anyway().added, 1);
    ck_assert_int_ne(node("new")->id, id);
    ck_assert_ptr_null(world_node(w, "old"));
    settled();
}
END_TEST

/* ---- moves ---- */

START_TEST(moved_file)
{
    apr_int64_t id, etag, src, dst;
    const cloud_node_t *n;

    world_mkcol(w, "a");
    world_mkcol(w, "b");
    world_put(w, "a/f", "content");
    n = node("a/f");
    id = n->id;
    etag = n->etag;
    src = node("a")->etag;
    dst = node("b")->etag;
    world_disk_move(w, "a/f", "b/g");
    ck_assert_int_eq(scan("").moved, 1);
    ck_assert_ptr_null(world_node(w, "a/f"));
    n = node("b/g");
    ck_assert_int_eq(n->id, id);
    ck_assert_int_eq(n->etag, etag);
    ck_assert_int_gt(node("a")->etag, src);
    ck_assert_int_gt(node("b")->etag, dst);
    ck_assert_int_eq(node("a")->size, 0);
    ck_assert_int_eq(node("b")->size, 7);
    ck_assert_int_eq(node("")->size, 7);
    ck_assert_int_eq(CHANGES("move"), 1);
    ck_assert(was_told("moved b/g | a/f"));
    settled();
}
END_TEST

START_TEST(moved_folder)
{
    apr_int64_t id, below, etag;

    world_mkcol(w, "a");
    world_mkcol(w, "a/sub");
    world_put(w, "a/sub/f", "content");
    world_mkcol(w, "b");
    id = node("a/sub")->id;
    below = node("a/sub/f")->id;
    etag = node("a/sub")->etag;
    world_disk_move(w, "a/sub", "b/moved");
    ck_assert_int_eq(scan("").moved, 1);
    ck_assert_int_eq(node("b/moved")->id, id);
    ck_assert_int_eq(node("b/moved")->etag, etag);
    ck_assert_int_eq(node("b/moved/f")->id, below);
    settled();
}
END_TEST

START_TEST(folders_turned_inside_out)
{
    apr_int64_t a, b;

    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_put(w, "a/b/f", "1");
    a = node("a")->id;
    b = node("a/b")->id;
    world_disk_move(w, "a/b", "b");
    world_disk_move(w, "a", "b/a");
    ck_assert_int_eq(scan("").moved, 2);
    ck_assert_int_eq(node("b")->id, b);
    ck_assert_int_eq(node("b/a")->id, a);
    ck_assert_int_eq(node("b")->size, 1);
    ck_assert_int_eq(node("b/a")->size, 0);
    settled();
}
END_TEST

START_TEST(moved_out_of_a_removed_folder)
{
    apr_int64_t id;

    world_mkcol(w, "a");
    world_put(w, "a/keep", "content");
    world_put(w, "a/drop", "x");
    id = node("a/keep")->id;
    world_disk_move(w, "a/keep", "kept");
    world_disk_remove(w, "a");
    cloud_scan_stats_t s = scan_anyway();
    ck_assert_int_eq(s.moved, 1);
    ck_assert_int_eq(s.vanished, 2);
    ck_assert_int_eq(node("kept")->id, id);
    settled();
}
END_TEST

START_TEST(moved_and_edited)
{
    apr_int64_t id, etag;

    world_put(w, "f", "content");
    id = node("f")->id;
    etag = node("f")->etag;
    world_disk_move(w, "f", "g");
    world_write(w, "g", "content, and more of it");
    cloud_scan_stats_t s = scan("");
    ck_assert_int_eq(s.moved, 1);
    ck_assert_int_eq(s.changed, 1);
    ck_assert_int_eq(node("g")->id, id);
    ck_assert_int_gt(node("g")->etag, etag);
    settled();
}
END_TEST

START_TEST(copied)
{
    const cloud_node_t *f;

    world_put(w, "f", "content");
    f = node("f");
    world_write(w, "copy", "content");
    ck_assert_int_eq(scan("").added, 1);
    ck_assert_int_eq(node("f")->id, f->id);
    ck_assert_int_eq(node("f")->etag, f->etag);
    ck_assert_int_ne(node("copy")->id, f->id);
    settled();
}
END_TEST

START_TEST(hard_linked)
{
    apr_int64_t id;

    world_put(w, "f", "content");
    id = node("f")->id;
    ck_assert_int_eq(link(world_disk(w, "f"), world_disk(w, "g")), 0);
    ck_assert_int_eq(scan("").added, 1);
    ck_assert_int_eq(node("f")->id, id);
    ck_assert_int_ne(node("g")->id, id);
    ck_assert_int_eq(node("")->size, 14);
    settled();
    /* One name goes: the other node is still itself, and not "moved". */
    world_disk_remove(w, "f");
    cloud_scan_stats_t s = scan_anyway();
    ck_assert_int_eq(s.vanished, 1);
    ck_assert_int_eq(s.moved, 0);
    settled();
}
END_TEST

START_TEST(renamed_over_another)
{
    apr_int64_t a;

    /* a is there under its name: the id does not follow the inode. */
    world_put(w, "a", "aaa");
    world_put(w, "b", "bbbbb");
    a = node("a")->id;
    world_disk_move(w, "b", "a");
    cloud_scan_stats_t s = scan_anyway();
    ck_assert_int_eq(s.changed, 1);
    ck_assert_int_eq(s.vanished, 1);
    ck_assert_int_eq(node("a")->id, a);
    ck_assert_int_eq(node("a")->size, 5);
    settled();
}
END_TEST

START_TEST(file_becomes_folder)
{
    apr_int64_t id;

    world_put(w, "x", "content");
    world_mkcol(w, "y");
    id = node("x")->id;
    world_disk_remove(w, "x");
    world_disk_mkdir(w, "x");
    world_write(w, "x/f", "1");
    world_disk_remove(w, "y");
    world_write(w, "y", "22");
    ck_assert_int_eq(scan("").refused, 1);
    ck_assert_int_eq(node("x")->id, id);
    cloud_scan_stats_t s = scan_anyway();
    ck_assert_int_eq(s.vanished, 2);
    ck_assert_int_eq(s.added, 3);
    ck_assert_int_ne(node("x")->id, id);
    ck_assert_int_eq(node("y")->kind, CLOUD_KIND_FILE);
    ck_assert_int_eq(node("")->size, 3);
    settled();
}
END_TEST

/* ---- what vanished ---- */

static void many_files(int n)
{
    int i;

    world_mkcol(w, "d");
    for (i = 0; i < n - 1; i++) world_put(w, apr_psprintf(w->pool, "d/f%03d", i), "x");
}

static void remove_files(int from, int upto)
{
    int i;

    for (i = from; i < upto; i++) world_disk_remove(w, apr_psprintf(w->pool, "d/f%03d", i));
}

START_TEST(vanished_a_little)
{
    apr_int64_t etag;

    many_files(100);
    etag = node("")->etag;
    remove_files(0, 5);
    cloud_scan_stats_t s = scan("");
    ck_assert_int_eq(s.refused, 0);
    ck_assert_int_eq(s.vanished, 5);
    ck_assert_ptr_null(world_node(w, "d/f000"));
    ck_assert_ptr_nonnull(world_node(w, "d/f005"));
    ck_assert_int_eq(node("d")->size, 94);
    ck_assert_int_gt(node("")->etag, etag);
    ck_assert_int_eq(CHANGES("remove"), 5);
    settled();
}
END_TEST

START_TEST(vanished_by_half)
{
    const char *before;

    many_files(100);
    before = world_dump(w);
    remove_files(0, 50);
    cloud_scan_stats_t s = scan("");
    ck_assert_int_eq(s.refused, 1);
    ck_assert_int_eq(s.vanished, 50);
    ck_assert_str_eq(before, world_dump(w));
    ck_assert_ptr_null(world_read(w, "d/f000"));
    s = scan_with("", (cloud_scan_opts_t){ .limit_percent = 49 });
    ck_assert_int_eq(s.refused, 1);
    s = scan_with("", (cloud_scan_opts_t){ .limit_percent = 50 });
    ck_assert_int_eq(s.refused, 0);
    ck_assert_int_eq(s.vanished, 50);
    settled();
}
END_TEST

START_TEST(vanished_folder)
{
    many_files(100);
    world_put(w, "rest", "y");
    world_disk_remove(w, "d");
    cloud_scan_stats_t s = scan("");
    ck_assert_int_eq(s.refused, 1);
    ck_assert_int_eq(s.vanished, 100);
    s = scan_anyway();
    ck_assert_int_eq(s.vanished, 100);
    ck_assert_int_eq(node("")->size, 1);
    settled();
    /* Its rows are reclaimed by and by. */
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind < 2"), 1);
    settled();
}
END_TEST

START_TEST(nothing_may_vanish)
{
    many_files(100);
    remove_files(0, 1);
    cloud_scan_stats_t s = scan_with("", (cloud_scan_opts_t){ .limit_percent = -1 });
    ck_assert_int_eq(s.refused, 1);
    ck_assert_ptr_nonnull(world_node(w, "d/f000"));
}
END_TEST

START_TEST(disk_not_mounted)
{
    const char *dir, *aside, *before;
    cloud_scan_opts_t opts = { .allow_vanish = 1 };
    cloud_scan_stats_t stats;

    many_files(20);
    before = world_dump(w);
    dir = apr_pstrcat(w->pool, w->data_dir, "/accounts/", w->account->dir, NULL);
    aside = apr_pstrcat(w->pool, w->dir, "/aside", NULL);
    ck_assert_int_eq(rename(dir, aside), 0);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert_int_eq(mkdir(apr_pstrcat(w->pool, dir, "/files", NULL), 0700), 0);
    FAILS(cloud_scan(&stats, w->ctx, w->account, "", &opts), UNAVAILABLE);
    remove(apr_pstrcat(w->pool, dir, "/files", NULL));
    remove(dir);
    FAILS(cloud_scan(&stats, w->ctx, w->account, "", &opts), UNAVAILABLE);
    ck_assert_int_eq(rename(aside, dir), 0);
    ck_assert_str_eq(before, world_dump(w));
    settled();
}
END_TEST

START_TEST(folder_that_cannot_be_read)
{
    cloud_scan_opts_t opts = { .allow_vanish = 1 };
    cloud_scan_stats_t s;
    int status;
    pid_t pid;

    many_files(20);
    world_put(w, "rest", "y");
    ck_assert_int_eq(chmod(world_disk(w, "d"), 0), 0);
    /* Root reads everything, so somebody else has to look. */
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (geteuid() == 0) {
            char cmd[600];

            snprintf(cmd, sizeof cmd, "chown -R 65534:65534 %s", w->data_dir);
            if (system(cmd) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
        }
        world_reopen(w);
        OK(cloud_scan(&s, w->ctx, w->account, "", &opts));
        _exit(s.vanished == 0 && s.skipped == 1 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(chmod(world_disk(w, "d"), 0755), 0);
    ck_assert_ptr_nonnull(world_node(w, "d/f000"));
    settled();
}
END_TEST

Suite *suite_scan(void);
Suite *suite_scan(void)
{
    const TTest *const tests[] = {
        new_files, nothing_to_do, part_of_the_tree, path_that_is_not_there, only_for_the_system,
        edited_in_place, edited_same_size, replaced_by_rename, touched,
        restored_with_new_inodes, verbs_on_a_restored_tree, inode_used_again, moved_file,
        moved_folder, folders_turned_inside_out, moved_out_of_a_removed_folder,
        moved_and_edited, copied, hard_linked, renamed_over_another, file_becomes_folder,
        vanished_a_little, vanished_by_half, vanished_folder, nothing_may_vanish,
        disk_not_mounted, folder_that_cannot_be_read,
    };

    return scan_suite("scan", tests, sizeof tests / sizeof *tests);
}
