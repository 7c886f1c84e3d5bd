/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Moves that the file system refuses: they hold up nothing that has nothing to do with them, what
 * they are about is served all the same, and they are made once they can be. */
#include "world.h"

#include "internal.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static world_t *w;

static int give_away(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return lchown(path, NOBODY, NOBODY);
}

static void hand_over(const char *path)
{
    ck_assert_int_eq(nftw(path, give_away, 16, FTW_PHYS), 0);
}

/* Nothing is refused to root. */
static void setup(void)
{
    w = world_create();
    if (geteuid() != 0) return;
    hand_over(w->data_dir);
    hand_over(w->dir);
    ck_assert_int_eq(seteuid(NOBODY), 0);
}

static void teardown(void)
{
    if (getuid() == 0) ck_assert_int_eq(seteuid(0), 0);
    world_destroy(w);
}

static void set_mode(const char *folder, mode_t mode)
{
    ck_assert_msg(chmod(world_disk(w, folder), mode) == 0, "%s: %s", folder, strerror(errno));
}

static void block(const char *folder)
{
    set_mode(folder, 0555);
}

static void unblock(const char *folder)
{
    set_mode(folder, 0755);
}

static const char *disk_text(const char *path)
{
    char buf[64] = "";
    FILE *f = fopen(world_disk(w, path), "r");

    if (!f) return NULL;
    buf[fread(buf, 1, sizeof buf - 1, f)] = '\0';
    fclose(f);
    return apr_pstrdup(w->pool, buf);
}

static int is_empty(const char *dir)
{
    const char *path = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/", dir, NULL);

    return rmdir(path) == 0 && mkdir(path, 0700) == 0;
}

static apr_int64_t journal(void)
{
    return tu_query_int("SELECT count(*) FROM journal");
}

static void print_finding(void *baton, const char *kind, const char *account, const char *path,
                          const char *detail, int repaired)
{
    int *owed = baton;

    (void)account;
    (void)repaired;
    if (strcmp(kind, "owed") == 0) ++*owed;
    else ck_abort_msg("fsck: %s %s: %s", kind, path, detail);
}

/* The moves that fsck says are owed; any other finding fails the test. */
static int fsck_owed(void)
{
    int owed = 0;
    cloud_fsck_opts_t opts = { .hashes = 1, .report = print_finding, .baton = &owed };
    cloud_fsck_stats_t stats;

    OK(cloud_fsck(&stats, tu.ctx, NULL, &opts));
    return owed;
}

static void everything_is_settled(void)
{
    OK(cloud_journal_retry(tu.ctx));
    tu_maintain();
    ck_assert_int_eq(journal(), 0);
    ck_assert(is_empty("staging"));
    ck_assert(is_empty("lost+found"));
    ck_assert_int_eq(fsck_owed(), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'outside'"), 0);
}

START_TEST(others_go_on)
{
    world_mkcol(w, "d");
    world_mkcol(w, "e");
    world_put(w, "d/f", "old");
    tu_maintain();
    block("d");
    world_put(w, "d/f", "new");
    world_put(w, "d/g", "1");
    world_put(w, "e/g", "2");
    world_put(w, "top", "3");
    world_put(w, "e/g", "22");
    world_move(w, "top", "e/h");
    tu_maintain();
    ck_assert_str_eq(world_read(w, "d/f"), "new");
    ck_assert_str_eq(world_read(w, "d/g"), "1");
    ck_assert_str_eq(disk_text("e/g"), "22");
    ck_assert_str_eq(disk_text("e/h"), "3");
    ck_assert_str_eq(disk_text("d/f"), "old");
    /* d/f, what it replaces, and d/g: all else is done and dropped. */
    ck_assert_int_eq(journal(), 3);
    ck_assert_int_eq(fsck_owed(), 2);
    unblock("d");
    everything_is_settled();
    ck_assert_str_eq(disk_text("d/f"), "new");
    ck_assert_str_eq(disk_text("d/g"), "1");
}
END_TEST

START_TEST(each_is_logged_once)
{
    int i;

    world_mkcol(w, "d");
    block("d");
    for (i = 0; i < 5; i++) world_put(w, "d/f", "new");
    world_put(w, "other", "1");
    OK(cloud_journal_retry(tu.ctx));
    OK(cloud_journal_retry(tu.ctx));
    tu_maintain();
    /* When it failed first, and when the first retry failed. */
    ck_assert_int_eq(tu.errors, 2);
    unblock("d");
    everything_is_settled();
}
END_TEST

START_TEST(later_writes_of_the_same_file_wait)
{
    world_mkcol(w, "d");
    world_put(w, "d/f", "0");
    tu_maintain();
    block("d");
    world_put(w, "d/f", "1");
    ck_assert_str_eq(world_read(w, "d/f"), "1");
    world_put(w, "d/f", "22");
    tu_maintain();
    ck_assert_str_eq(world_read(w, "d/f"), "22");
    world_move(w, "d/f", "f");
    ck_assert_str_eq(world_read(w, "f"), "22");
    world_put(w, "d/f", "333");
    world_remove(w, "f");
    tu_maintain();
    ck_assert_str_eq(world_read(w, "d/f"), "333");
    unblock("d");
    everything_is_settled();
    ck_assert_str_eq(disk_text("d/f"), "333");
    ck_assert(!world_disk_exists(w, "f"));
}
END_TEST

START_TEST(what_is_below_a_folder_that_could_not_be_moved_is_served)
{
    const char *before;

    world_mkcol(w, "p");
    world_mkcol(w, "q");
    world_mkcol(w, "p/d");
    world_mkcol(w, "p/d/sub");
    world_put(w, "p/d/a", "a");
    world_put(w, "p/d/sub/b", "b");
    tu_maintain();
    block("p");
    world_move(w, "p/d", "q/e");
    ck_assert_str_eq(world_read(w, "q/e/a"), "a");
    ck_assert_str_eq(world_read(w, "q/e/sub/b"), "b");
    world_put(w, "q/e/new", "new");
    world_put(w, "q/e/a", "aa");
    world_move(w, "q/e/sub", "q/sub");
    world_mkcol(w, "p/d");
    world_put(w, "p/d/a", "other");
    tu_maintain();
    before = world_dump(w);
    ck_assert_int_gt(fsck_owed(), 0);
    ck_assert_str_eq(world_read(w, "q/e/new"), "new");
    ck_assert_str_eq(world_read(w, "q/e/a"), "aa");
    ck_assert_str_eq(world_read(w, "q/sub/b"), "b");
    ck_assert_str_eq(world_read(w, "p/d/a"), "other");
    unblock("p");
    everything_is_settled();
    ck_assert_str_eq(world_dump(w), before);
    ck_assert_str_eq(disk_text("q/e/new"), "new");
    ck_assert_str_eq(disk_text("q/e/a"), "aa");
    ck_assert_str_eq(disk_text("q/sub/b"), "b");
    ck_assert_str_eq(disk_text("p/d/a"), "other");
}
END_TEST

START_TEST(a_restart_keeps_it_and_tries_again)
{
    world_mkcol(w, "d");
    block("d");
    world_put(w, "d/f", "1");
    world_put(w, "g", "2");
    world_reopen(w);
    tu_maintain();
    ck_assert_str_eq(world_read(w, "d/f"), "1");
    ck_assert_int_eq(journal(), 1);
    unblock("d");
    world_reopen(w);
    ck_assert_str_eq(disk_text("d/f"), "1");
    everything_is_settled();
}
END_TEST

START_TEST(edits_from_outside_elsewhere_are_taken_in)
{
    world_mkcol(w, "d");
    world_put(w, "e", "1");
    block("d");
    world_put(w, "d/f", "1");
    world_write(w, "e", "edited");
    ck_assert_str_eq(world_read(w, "e"), "edited");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'outside'"), 1);
    unblock("d");
}
END_TEST

/* ---- at random ---- */

#define FILES_MAX 200

static struct {
    char path[64], text[16];
} files[FILES_MAX];
static int count;

static const char *random_path(int folder)
{
    static const char *const tops[] = { "a", "b", "c" }, *const subs[] = { "x", "y" };
    static const char *const leaves[] = { "f", "g" };
    const char *top = tops[rand() % 3], *sub = subs[rand() % 2], *leaf = leaves[rand() % 2];

    if (folder) return apr_pstrcat(w->pool, top, "/", sub, NULL);
    if (rand() % 2) return apr_pstrcat(w->pool, top, "/", leaf, NULL);
    return apr_pstrcat(w->pool, top, "/", sub, "/", leaf, NULL);
}

static int below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static void forget(const char *path)
{
    int i;

    for (i = 0; i < count; i++)
        if (below(files[i].path, path)) files[i--] = files[--count];
}

static void do_put(const char *path, int step)
{
    const char *parent = apr_pstrndup(w->pool, path, (apr_size_t)(strrchr(path, '/') - path));
    const cloud_node_t *node = world_node(w, path), *folder = world_node(w, parent);

    if (!folder || !CLOUD_IS_DIR(folder) || (node && CLOUD_IS_DIR(node))) return;
    forget(path);
    ck_assert_int_lt(count, FILES_MAX);
    apr_cpystrn(files[count].path, path, sizeof files[count].path);
    apr_snprintf(files[count].text, sizeof files[count].text, "%d", step);
    world_put(w, path, files[count++].text);
}

static void do_move(const char *src, const char *dst)
{
    cloud_result_t res;
    int i;

    if (below(dst, src) || below(src, dst)
        || cloud_file_move(&res, w->user, w->account, src, w->account, dst, 1, NULL, NULL, w->pool))
        return;
    forget(dst);
    for (i = 0; i < count; i++)
        if (below(files[i].path, src)) {
            char tail[64];

            apr_cpystrn(tail, files[i].path + strlen(src), sizeof tail);
            apr_snprintf(files[i].path, sizeof files[i].path, "%s%s", dst, tail);
        }
}

static void do_remove(const char *path)
{
    if (!cloud_file_remove(w->user, w->account, path, NULL)) forget(path);
}

static void do_upkeep(void)
{
    switch (rand() % 4) {
    case 0:
        world_reopen(w);
        break;
    case 1:
        OK(cloud_journal_retry(tu.ctx));
        break;
    default:
        tu_maintain();
    }
}

static void toggle(void)
{
    static const char *const tops[] = { "a", "b", "c" };

    set_mode(tops[rand() % 3], rand() % 2 ? 0555 : 0755);
}

static void do_step(int step)
{
    int folder = rand() % 3 == 0;
    cloud_result_t res;

    switch (rand() % 8) {
    case 0:
        toggle();
        break;
    case 1:
        do_upkeep();
        break;
    case 2:
        do_remove(random_path(folder));
        break;
    case 3:
        (void)cloud_file_mkcol(&res, w->user, w->account, random_path(1), NULL, w->pool);
        break;
    case 4:
    case 5:
        do_move(random_path(folder), random_path(folder));
        break;
    default:
        do_put(random_path(0), step);
    }
}

static void check_files(int step)
{
    int i;

    for (i = 0; i < count; i++) {
        const char *text = world_read(w, files[i].path);

        ck_assert_msg(text && strcmp(text, files[i].text) == 0, "step %d: %s is %s instead of %s",
                      step, files[i].path, text ? text : "gone", files[i].text);
    }
}

START_TEST(at_random)
{
    int step, i;

    srand((unsigned)_i);
    count = 0;
    world_mkcol(w, "a");
    world_mkcol(w, "b");
    world_mkcol(w, "c");
    for (step = 0; step < 150; step++) {
        do_step(step);
        check_files(step);
    }
    fsck_owed();
    unblock("a");
    unblock("b");
    unblock("c");
    everything_is_settled();
    check_files(step);
    for (i = 0; i < count; i++) ck_assert_str_eq(disk_text(files[i].path), files[i].text);
}
END_TEST

/* What looks done because nothing can be seen of it: a further move of what could not be moved, after shared memory
 * has forgotten all. */
START_TEST(a_later_move_waits_when_all_is_forgotten)
{
    world_mkcol(w, "d");
    world_mkcol(w, "e");
    world_put(w, "d/f", "1");
    tu_maintain();
    block("d");
    world_move(w, "d/f", "e/f");
    tu_maintain();
    ck_assert_int_eq(journal(), 1);
    tu_forget_tree(w->account->root, 0);
    world_move(w, "e/f", "e/g");
    tu_maintain();
    ck_assert_int_eq(journal(), 2);
    unblock("d");
    everything_is_settled();
    ck_assert_str_eq(world_read(w, "e/g"), "1");
    ck_assert_str_eq(disk_text("e/g"), "1");
}
END_TEST

/* The same, when the server died before the later move was set aside, too: at the next start the first one can be
 * made, so that nothing holds the later one any more. */
START_TEST(a_later_move_is_made_after_a_power_cut)
{
    world_mkcol(w, "d");
    world_mkcol(w, "e");
    world_put(w, "d/f", "1");
    tu_maintain();
    block("d");
    world_move(w, "d/f", "e/f");
    tu_maintain();
    tu_forget_tree(w->account->root, 0);
    world_move(w, "e/f", "e/g");
    ck_assert_int_eq(journal(), 2);
    tu_exec("UPDATE journal SET tree = -tree, tree2 = -tree2 WHERE seq = (SELECT max(seq) FROM journal)");
    tu_forget_tree(w->account->root, 0);
    unblock("d");
    world_reopen(w);
    everything_is_settled();
    ck_assert_str_eq(world_read(w, "e/g"), "1");
    ck_assert_str_eq(disk_text("e/g"), "1");
}
END_TEST

Suite *suite_owed(void)
{
    Suite *s = suite_create("owed");
    TCase *tc = tcase_create("moves");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, others_go_on);
    tcase_add_test(tc, each_is_logged_once);
    tcase_add_test(tc, later_writes_of_the_same_file_wait);
    tcase_add_test(tc, what_is_below_a_folder_that_could_not_be_moved_is_served);
    tcase_add_test(tc, a_restart_keeps_it_and_tries_again);
    tcase_add_test(tc, edits_from_outside_elsewhere_are_taken_in);
    tcase_add_test(tc, a_later_move_waits_when_all_is_forgotten);
    tcase_add_test(tc, a_later_move_is_made_after_a_power_cut);
    tcase_add_loop_test(tc, at_random, 1, 21);
    return s;
}
