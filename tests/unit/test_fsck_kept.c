/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck of old versions: rows against the nodes of their files, against their total, and against what is
 * on disk. */
#include "world.h"
#include "versions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static world_t *w;
static void setup(void)
{
    cloud_versions_register();
    w = world_create();
    world_put(w, "a", "one");
    world_put(w, "a", "two!");
    world_put(w, "a", "three");
    world_put(w, "b", "bee");
    world_put(w, "b", "bee 2");
    tu_maintain();
}

static void teardown(void)
{
    tu_sound();
    tu_maintain();
    tu_sound();
    world_destroy(w);
    cloud_versions_unregister();
}

static cloud_err_t *last(void *baton, const cloud_version_t *v)
{
    const char **path = baton;

    *path = apr_pstrdup(w->pool, v->path);
    return NULL;
}

/* Where the oldest version of a file lies, relative to the files of the account. */
static const char *oldest(const char *file)
{
    const char *path = NULL;

    OK(cloud_tx_begin(w->ctx, CLOUD_DB_READ));
    OK(cloud_versions_each(w->ctx, world_node(w, file)->id, last, &path));
    cloud_tx_rollback(w->ctx);
    ck_assert_ptr_nonnull(path);
    return apr_pstrcat(w->pool, "..", strchr(path, '/'), NULL);
}

START_TEST(totals)
{
    tu_sound();
    world_sql(w, "UPDATE version_total SET bytes = bytes + 1");
    ck_assert_str_eq(tu_fsck(0), "size ");
    ck_assert_str_eq(tu_fsck(0), "size ");
    ck_assert_str_eq(tu_fsck(1), "size+ ");
    world_sql(w, "DELETE FROM version_total");
    ck_assert_str_eq(tu_fsck(1), "size+ ");
    ck_assert_int_eq(tu_query_int("SELECT bytes FROM version_total"), 10);
    ck_assert_int_eq(tu_query_int("SELECT count FROM version_total"), 3);
}
END_TEST

START_TEST(versions_of_no_file)
{
    cloud_versions_unregister();
    world_remove(w, "a");
    tu_maintain();
    cloud_versions_register();
    ck_assert_str_eq(tu_fsck(0), "row row ");
    ck_assert_str_eq(tu_fsck(1), "row+ row+ ");
    ck_assert_int_eq(tu_query_int("SELECT bytes FROM version_total"), 3);
    ck_assert_int_eq(tu_query_int("SELECT count FROM version_total"), 1);
}
END_TEST

START_TEST(content_that_is_elsewhere)
{
    world_disk_move(w, oldest("a"), "../lost+found/found it");
    ck_assert_str_eq(tu_fsck(0), "missing ");
    ck_assert_str_eq(tu_fsck(1), "missing+ ");
    world_disk_move(w, oldest("b"), "../staging/x");
    ck_assert_str_eq(tu_fsck(0), "missing ");
    ck_assert_str_eq(tu_fsck(1), "missing+ ");
}
END_TEST

static const char *read_oldest(const char *file)
{
    apr_int64_t id = world_node(w, file)->id;
    const char *name = strrchr(oldest(file), '/') + 1;
    cloud_version_t *v;
    cloud_entry_t *e;
    char buf[64];
    ssize_t n;
    int fd;

    OK(cloud_version_open(&fd, &e, &v, w->user, w->account, id, apr_atoi64(name), w->pool));
    n = read(fd, buf, sizeof buf - 1);
    ck_assert_int_ge(n, 0);
    return apr_pstrmemdup(w->pool, buf, (apr_size_t)n);
}

/* Restored from a backup: the same content under another inode is served, and known by repair. */
START_TEST(content_with_another_inode)
{
    world_disk_restore(w, oldest("a"));
    ck_assert_str_eq(read_oldest("a"), "one");
    tu_sound();
    ck_assert_str_eq(tu_fsck(1), "");
    ck_assert_str_eq(read_oldest("a"), "one");
    /* So that it goes when its file does. */
    world_remove(w, "a");
    tu_maintain();
}
END_TEST

/* It goes without a repair, too: what nothing names any more would take space for ever. */
START_TEST(content_with_another_inode_goes)
{
    const char *path = oldest("a");

    world_disk_restore(w, path);
    world_remove(w, "a");
    tu_maintain();
    ck_assert(!world_disk_exists(w, path));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 1);
}
END_TEST

/* And is in a backup. */
START_TEST(content_with_another_inode_is_backed_up)
{
    const char *copy = apr_pstrcat(w->pool, w->dir, "/copy", NULL);

    world_disk_restore(w, oldest("a"));
    OK(cloud_backup(w->ctx, copy, NULL, NULL));
    w->data_dir = apr_pstrcat(w->pool, w->dir, "/back", NULL);
    OK(cloud_restore(copy, w->data_dir, w->pool));
    world_reopen(w);
    ck_assert_str_eq(read_oldest("a"), "one");
}
END_TEST

/* The inode of a file that somebody removed behind our back became that of an old version. */
START_TEST(content_is_not_taken_for_another_files)
{
    world_put(w, "a", "four");
    world_disk_remove(w, "b");
    world_sql(w, "UPDATE node SET ino = (SELECT ino FROM version ORDER BY number DESC LIMIT 1)"
                 " WHERE name = 'b'");
    world_remove(w, "b");
    tu_maintain();
    tu_sound();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 3);
}
END_TEST

START_TEST(content_that_is_gone)
{
    const char *path = oldest("a");

    world_disk_move(w, path, "../../../away");
    ck_assert_str_eq(tu_fsck(0), "missing ");
    ck_assert_str_eq(tu_fsck(1), "missing "); /* the row stays: there may be a backup */
    world_write(w, path, "something else");
    ck_assert_str_eq(tu_fsck(0), "changed ");
    ck_assert_str_eq(tu_fsck(1), "changed ");
    world_disk_move(w, "../../../away", path);
}
END_TEST

START_TEST(content_without_a_row)
{
    const char *dir = oldest("a");
    const char *path = apr_psprintf(w->pool, "%.*s/17", (int)(strrchr(dir, '/') - dir), dir);

    world_write(w, path, "who knows");
    ck_assert_str_eq(tu_fsck(0), "stray ");
    ck_assert_str_eq(tu_fsck(1), "stray+ ");
    world_write(w, "../versions/put there by hand", "who knows");
    ck_assert_str_eq(tu_fsck(0), "stray ");
    ck_assert_str_eq(tu_fsck(1), "stray+ ");
}
END_TEST

Suite *suite_fsck_kept(void)
{
    Suite *s = suite_create("fsck_kept");
    TCase *t = tcase_create("fsck_kept");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, totals);
    tcase_add_test(t, versions_of_no_file);
    tcase_add_test(t, content_that_is_elsewhere);
    tcase_add_test(t, content_with_another_inode);
    tcase_add_test(t, content_with_another_inode_goes);
    tcase_add_test(t, content_with_another_inode_is_backed_up);
    tcase_add_test(t, content_is_not_taken_for_another_files);
    tcase_add_test(t, content_that_is_gone);
    tcase_add_test(t, content_without_a_row);
    suite_add_tcase(s, t);
    return s;
}
