/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The trash: what the verbs delete, and how it comes back or goes for good. After each test fsck has
 * to find nothing, and nothing may be left on disk that no row names. */
#include "world.h"
#include "trash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static world_t *w;
static void setup(void)
{
    cloud_trash_register();
    w = world_create();
    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_put(w, "a/b/deep", "deep content");
    world_put(w, "a/f", "content");
    world_put(w, "top", "on top");
}

static void teardown(void)
{
    tu_sound();
    tu_maintain();
    tu_sound();
    world_destroy(w);
    cloud_trash_unregister();
}

static apr_int64_t id_of(const char *path)
{
    const cloud_node_t *node = world_node(w, path);

    ck_assert_ptr_nonnull(node);
    return node->id;
}

static const char *text_of(apr_int64_t id)
{
    return apr_psprintf(w->pool, "%" APR_INT64_T_FMT, id);
}

static apr_int64_t usage(void)
{
    apr_int64_t bytes;

    OK(cloud_trash_usage(&bytes, w->user, w->account));
    return bytes;
}

static cloud_err_t *collect(void *baton, const cloud_trash_item_t *item)
{
    char **text = baton;

    *text = apr_pstrcat(w->pool, *text, item->location ? item->location : item->node.name, ";",
                        NULL);
    return NULL;
}

static const char *listed(const char *path)
{
    char *text = "";

    OK(cloud_trash_list(w->user, w->account, path, collect, &text, w->pool));
    return text;
}

static cloud_err_t *restore(const char *path, const char *dst, int overwrite, cloud_result_t *res)
{
    return cloud_trash_restore(res, w->user, w->account, path, w->account, dst, overwrite, NULL,
                               w->pool);
}

static int on_disk(const char *path)
{
    struct stat st;

    return lstat(apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/", path, NULL), &st) == 0;
}

START_TEST(a_file_goes_and_comes_back)
{
    const cloud_node_t *before = world_node(w, "a/f");
    const char *id = text_of(before->id);
    apr_int64_t etag = before->etag;
    cloud_trash_item_t item;
    cloud_result_t res;

    world_remove(w, "a/f");
    ck_assert_ptr_null(world_node(w, "a/f"));
    ck_assert_str_eq(listed(""), "a/f;");
    ck_assert_int_eq(usage(), 7);
    ck_assert(on_disk(apr_pstrcat(w->pool, "trash/", id, "/f", NULL)));
    OK(cloud_trash_stat(&item, w->user, w->account, id, w->pool));
    ck_assert_str_eq(item.name, "f");
    ck_assert_str_eq(item.location, "a/f");
    ck_assert(item.deleted > apr_time_now() - apr_time_from_sec(60));
    ck_assert_int_eq(item.deleter, w->account->number);
    tu_maintain();
    tu_sound();

    OK(restore(id, "a/f", 0, &res));
    ck_assert(res.created);
    ck_assert_str_eq(world_read(w, "a/f"), "content");
    ck_assert_str_eq(text_of(id_of("a/f")), id);
    ck_assert_int_eq(world_node(w, "a/f")->etag, etag);
    ck_assert_str_eq(listed(""), "");
    ck_assert_int_eq(usage(), 0);
    tu_maintain();
    ck_assert(!on_disk(apr_pstrcat(w->pool, "trash/", id, NULL)));
}
END_TEST

START_TEST(a_folder_goes_as_one)
{
    const char *id = text_of(id_of("a"));
    apr_int64_t deep = id_of("a/b/deep");
    cloud_result_t res;

    world_remove(w, "a");
    ck_assert_str_eq(listed(""), "a;");
    ck_assert_str_eq(listed(id), "b;f;");
    ck_assert_str_eq(listed(apr_pstrcat(w->pool, id, "/b", NULL)), "deep;");
    ck_assert_int_eq(usage(), 19);
    tu_sound();
    OK(restore(id, "c", 0, &res));
    ck_assert_str_eq(world_read(w, "c/b/deep"), "deep content");
    ck_assert_int_eq(id_of("c/b/deep"), deep);
}
END_TEST

START_TEST(what_is_inside_comes_out_alone)
{
    const char *id = text_of(id_of("a"));
    cloud_result_t res;

    world_remove(w, "a");
    OK(restore(apr_pstrcat(w->pool, id, "/b", NULL), "b", 0, &res));
    ck_assert_str_eq(world_read(w, "b/deep"), "deep content");
    ck_assert_int_eq(usage(), 7);
    ck_assert_str_eq(listed(""), "a;");
    OK(cloud_trash_remove(w->user, w->account, apr_pstrcat(w->pool, id, "/f", NULL)));
    ck_assert_str_eq(listed(id), "");
    ck_assert_int_eq(usage(), 0);
}
END_TEST

/* Everything got new inodes (a restore from a backup) before the folder was deleted: what is inside
 * comes out all the same, with what an outsider made of it. */
START_TEST(what_is_inside_has_another_inode)
{
    const char *id = text_of(id_of("a"));
    cloud_result_t res;

    world_disk_restore(w, "a/f");
    world_replace(w, "a/b/deep", "edited on disk");
    world_put(w, "a/purged", "purged");
    world_disk_restore(w, "a/purged");
    world_remove(w, "a");
    OK(restore(apr_pstrcat(w->pool, id, "/f", NULL), "f", 0, &res));
    ck_assert_str_eq(world_read(w, "f"), "content");
    OK(restore(apr_pstrcat(w->pool, id, "/b/deep", NULL), "deep", 0, &res));
    ck_assert_str_eq(world_read(w, "deep"), "edited on disk");
    OK(restore(apr_pstrcat(w->pool, id, "/b", NULL), "b", 0, &res));
    OK(cloud_trash_remove(w->user, w->account, apr_pstrcat(w->pool, id, "/purged", NULL)));
    ck_assert_str_eq(listed(id), "");
    ck_assert_int_eq(usage(), 0);
}
END_TEST

START_TEST(the_destination_decides)
{
    const char *id = text_of(id_of("a/f"));
    cloud_result_t res;

    world_remove(w, "a/f");
    FAILS(restore(id, "nowhere/f", 0, &res), CONFLICT);
    FAILS(restore(id, "top", 0, &res), PRECONDITION);
    FAILS(restore(id, "a/.htaccess", 0, &res), BLACKLISTED);
    FAILS(restore("99999", "x", 0, &res), NOT_FOUND);
    FAILS(restore("", "x", 0, &res), DENIED);
    ck_assert_str_eq(listed(""), "a/f;");
    OK(restore(id, "top", 1, &res));
    ck_assert(!res.created);
    ck_assert_str_eq(world_read(w, "top"), "content");
    ck_assert_str_eq(listed(""), "top;");
}
END_TEST

START_TEST(quota_counts_on_restore)
{
    const char *id = text_of(id_of("a/b/deep"));
    cloud_result_t res;

    world_remove(w, "a/b/deep");
    OK(cloud_account_set_quota(w->ctx, "alice", 20));
    OK(cloud_account_get(&w->account, w->ctx, "alice", w->pool));
    FAILS(restore(id, "deep", 0, &res), QUOTA);
    ck_assert_str_eq(listed(""), "a/b/deep;");
    OK(cloud_account_set_quota(w->ctx, "alice", 25));
    OK(cloud_account_get(&w->account, w->ctx, "alice", w->pool));
    OK(restore(id, "deep", 0, &res));
}
END_TEST

START_TEST(overwriting_by_move_and_copy_keeps)
{
    const char *id = text_of(id_of("a/f"));
    cloud_result_t res;

    OK(cloud_file_move(&res, w->user, w->account, "top", w->account, "a/f", 1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(listed(""), "a/f;");
    OK(cloud_file_copy(&res, w->user, w->account, "a/b", w->account, "a/f", 1, -1, NULL, NULL,
                       w->pool));
    OK(restore(id, "again", 0, &res));
    ck_assert_str_eq(world_read(w, "again"), "content");
    ck_assert_str_eq(world_read(w, "a/f/deep"), "deep content");
    OK(cloud_file_copy(&res, w->user, w->account, "again", w->account, "a/b", 1, -1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(world_read(w, "a/b"), "content");
    ck_assert_ptr_nonnull(strstr(listed(""), "a/b;"));
}
END_TEST

START_TEST(deleted_for_good)
{
    const char *file = text_of(id_of("top")), *folder = text_of(id_of("a"));

    world_remove(w, "top");
    world_remove(w, "a");
    OK(cloud_trash_remove(w->user, w->account, file));
    FAILS(cloud_trash_remove(w->user, w->account, file), NOT_FOUND);
    OK(cloud_trash_remove(w->user, w->account, folder));
    ck_assert_str_eq(listed(""), "");
    ck_assert_int_eq(usage(), 0);
    tu_maintain();
    ck_assert(!on_disk(apr_pstrcat(w->pool, "trash/", folder, NULL)));
    ck_assert(!on_disk(apr_pstrcat(w->pool, "purge/", folder, NULL)));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_dir"), 0);
}
END_TEST

START_TEST(emptied_at_once)
{
    OK(cloud_trash_empty(w->user, w->account)); /* there is none */
    world_remove(w, "a");
    world_remove(w, "top");
    OK(cloud_trash_empty(w->user, w->account));
    ck_assert_str_eq(listed(""), "");
    tu_sound();
    world_put(w, "new", "new");
    world_remove(w, "new");
    ck_assert_str_eq(listed(""), "new;");
    tu_maintain();
    tu_sound();
    ck_assert_str_eq(listed(""), "new;");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 1);
    OK(cloud_trash_empty(w->user, w->account));
    OK(cloud_trash_empty(w->user, w->account));
}
END_TEST

/* Somebody who empties the trash just when a verb has looked at it, so many times. */
static int emptyings;

static cloud_err_t *empty_now(cloud_ctx_t *ctx, const cloud_entry_t *e, int removes,
                              apr_pool_t *pool)
{
    cloud_ctx_t *other;

    (void)ctx;
    (void)e;
    if (!removes || emptyings == 0) return NULL;
    emptyings--;
    other = cloud_ctx_create(w->store, pool);
    other->who.account = w->account;
    return cloud_trash_empty(other, w->account);
}

static const cloud_feature_t RACER = { .name = "racer", .prepare = empty_now };

START_TEST(deleting_while_it_is_emptied)
{
    cloud_result_t res;

    cloud_feature_register(&RACER);
    world_put(w, "first", "x");
    world_remove(w, "first");
    emptyings = 3;
    OK(cloud_file_remove(w->user, w->account, "top", NULL));
    ck_assert_int_eq(emptyings, 0);
    ck_assert_str_eq(listed(""), "top;");
    emptyings = 2;
    OK(cloud_file_move(&res, w->user, w->account, "a/b", w->account, "a/f", 1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(listed(""), "a/f;");
    world_put(w, "file", "file");
    emptyings = 2;
    OK(cloud_file_copy(&res, w->user, w->account, "file", w->account, "a/f", 1, -1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(listed(""), "a/f;");
    emptyings = 2;
    OK(cloud_file_copy(&res, w->user, w->account, "a", w->account, "file", 1, -1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(listed(""), "file;");
    /* It does not try for ever. */
    emptyings = 1000;
    FAILS(cloud_file_remove(w->user, w->account, "file", NULL), AGAIN);
    ck_assert_int_gt(emptyings, 900);
    emptyings = 0;
    ck_assert_ptr_nonnull(world_node(w, "file"));
    cloud_feature_unregister(&RACER);
}
END_TEST

START_TEST(nobody_elses)
{
    cloud_account_t *bob;
    cloud_ctx_t *other = cloud_ctx_create(w->store, w->pool);
    const char *id = text_of(id_of("top"));
    cloud_trash_item_t item;
    cloud_result_t res;
    char *text = "";

    OK(cloud_account_create(&bob, w->ctx, "bob", NULL, NULL, w->pool));
    other->who.account = bob;
    FAILS(cloud_trash_stat(&item, other, w->account, "", w->pool), NOT_FOUND);
    world_remove(w, "top");
    FAILS(cloud_trash_stat(&item, other, w->account, id, w->pool), NOT_FOUND);
    FAILS(cloud_trash_list(other, w->account, "", collect, &text, w->pool), NOT_FOUND);
    FAILS(cloud_trash_remove(other, w->account, id), NOT_FOUND);
    FAILS(cloud_trash_empty(other, w->account), NOT_FOUND);
    FAILS(cloud_trash_restore(&res, other, w->account, id, bob, "mine", 0, NULL, w->pool),
          NOT_FOUND);
    FAILS(cloud_trash_stat(&item, other, bob, id, w->pool), NOT_FOUND);
    ck_assert_str_eq(listed(""), "top;");
}
END_TEST

START_TEST(an_account_goes_with_its_bin)
{
    world_remove(w, "a");
    OK(cloud_account_delete(w->ctx, "alice"));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 0);
    OK(cloud_account_create(&w->account, w->ctx, "alice", NULL, NULL, w->pool));
    w->user->who.account = w->account;
    ck_assert_str_eq(listed(""), "");
}
END_TEST

START_TEST(skipped)
{
    OK(cloud_setting_set(w->ctx, "system", "trashbin_skip_directories", "a/b"));
    OK(cloud_setting_set(w->ctx, "system", "trashbin_skip_extensions", "tmp,iso"));
    world_put(w, "x.TMP", "x");
    world_remove(w, "x.TMP");
    world_remove(w, "a/b/deep");
    ck_assert_str_eq(listed(""), "");
    OK(cloud_setting_set(w->ctx, "system", "trashbin_skip_size_threshold", "7"));
    world_remove(w, "a/f");
    world_remove(w, "top");
    ck_assert_str_eq(listed(""), "top;");
}
END_TEST

static void age(const char *location, int days)
{
    world_sql(w, "UPDATE trash SET deleted = deleted - 86400000000 * %d WHERE location = '%s'",
              days, location);
}

static apr_int64_t expire(int limit, int dry_run, int *more)
{
    cloud_trash_stats_t stats = { 0 };

    OK(cloud_trash_expire(&stats, more, w->ctx, w->account, limit, dry_run));
    return stats.removed;
}

START_TEST(expired_by_age)
{
    int more;

    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "auto, 10"));
    world_remove(w, "a/f");
    world_remove(w, "a/b");
    world_remove(w, "top");
    age("a/f", 11);
    age("a/b", 12);
    age("top", 9);
    ck_assert_int_eq(expire(0, 1, &more), 2);
    ck_assert_str_eq(listed(""), "a/b;a/f;top;");
    ck_assert_int_eq(expire(1, 0, &more), 1);
    ck_assert_int_eq(more, 1);
    ck_assert_int_eq(expire(0, 0, &more), 1);
    ck_assert_int_eq(more, 0);
    ck_assert_str_eq(listed(""), "top;");
    ck_assert_int_eq(expire(0, 0, &more), 0);
}
END_TEST

START_TEST(expired_for_space)
{
    int more;

    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "auto"));
    world_remove(w, "a/f");       /* 7 bytes */
    world_remove(w, "a/b/deep");  /* 12 bytes */
    age("a/f", 2);
    age("a/b/deep", 1);
    /* (quota - 6) * 50 % - 19 < 0 by 4: the older one is enough. */
    OK(cloud_account_set_quota(w->ctx, "alice", 36));
    OK(cloud_account_get(&w->account, w->ctx, "alice", w->pool));
    ck_assert_int_eq(expire(0, 0, &more), 1);
    ck_assert_str_eq(listed(""), "a/b/deep;");
    /* A minimum age is a promise. */
    OK(cloud_account_set_quota(w->ctx, "alice", 10));
    OK(cloud_account_get(&w->account, w->ctx, "alice", w->pool));
    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "3, auto"));
    ck_assert_int_eq(expire(0, 0, &more), 0);
    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "disabled"));
    ck_assert_int_eq(expire(0, 0, &more), 0);
    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "auto"));
    OK(cloud_trash_job(&more, w->ctx));
    ck_assert_str_eq(listed(""), "");
}
END_TEST

static apr_int64_t relieve_disk(int *more)
{
    cloud_trash_stats_t stats = { 0 };

    OK(cloud_trash_relieve_disk(&stats, more, w->ctx, 0));
    return stats.removed;
}

START_TEST(a_full_disk_takes_the_oldest)
{
    cloud_account_t *bob;
    int more, rounds = 0;

    OK(cloud_account_create(&bob, w->ctx, "bob", NULL, NULL, w->pool));
    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "1, auto"));
    world_remove(w, "a/f");
    world_remove(w, "top");
    world_mkcol(w, "empty");
    world_remove(w, "empty");
    ck_assert_int_eq(relieve_disk(&more), 0); /* it is not full */
    OK(cloud_setting_set(w->ctx, "system", "retention_disk_low", "0"));
    OK(cloud_setting_set(w->ctx, "system", "retention_disk_high", "1"));
    ck_assert_int_eq(relieve_disk(&more), 0); /* a minimum age is a promise */
    ck_assert_int_eq(more, 0);
    age("top", 2);
    age("empty", 3);
    /* What is judged to be needed is remembered: a page at a time, and no more than that. */
    world_sql(w, "INSERT INTO meta (key, value) VALUES ('retention.disk_owed', '3 %s')"
                 " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
              text_of(apr_time_now()));
    ck_assert_int_eq(relieve_disk(&more), 2);
    ck_assert_str_eq(listed(""), "a/f;");
    /* Until that is unlinked the disk is not judged anew. */
    age("a/f", 2);
    ck_assert_int_eq(relieve_disk(&more), 0);
    tu_maintain();
    for (more = 1; more; rounds++) {
        OK(cloud_trash_disk_step(&more, w->ctx));
        ck_assert_int_lt(rounds, 10);
    }
    ck_assert_str_eq(listed(""), "");
    FAILS(cloud_trash_relieve_disk(NULL, &more, w->user, 0), DENIED);
    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "disabled"));
    world_remove(w, "a/b");
    age("a/b", 900);
    tu_maintain();
    ck_assert_int_eq(relieve_disk(&more), 0);
}
END_TEST

START_TEST(copied_by_a_backup)
{
    const char *dir = apr_pstrcat(w->pool, w->dir, "/copy", NULL);
    const char *file = text_of(id_of("top")), *folder = text_of(id_of("a"));
    cloud_result_t res;

    world_remove(w, "top");
    world_remove(w, "a");
    OK(cloud_backup(w->ctx, dir, NULL, NULL));
    OK(cloud_trash_empty(w->user, w->account));
    w->data_dir = apr_pstrcat(w->pool, w->dir, "/restored", NULL);
    OK(cloud_restore(dir, w->data_dir, w->pool));
    world_reopen(w);
    tu_sound();
    ck_assert_str_eq(listed(""), "a;top;");
    OK(restore(file, "top", 0, &res));
    OK(restore(folder, "a", 0, &res));
    ck_assert_str_eq(world_read(w, "a/b/deep"), "deep content");
    ck_assert_str_eq(world_read(w, "top"), "on top");
}
END_TEST

START_TEST(damage_is_found)
{
    const char *id = text_of(id_of("top"));
    const char *path = apr_pstrcat(w->pool, "../trash/", id, "/top", NULL);

    world_remove(w, "top");
    tu_maintain();
    world_disk_move(w, path, "../lost+found/hidden");
    ck_assert_str_eq(tu_fsck(0), "missing ");
    world_disk_move(w, "../lost+found/hidden", path);
    world_write(w, apr_pstrcat(w->pool, "../trash/", id, "/other", NULL), "?");
    ck_assert_str_eq(tu_fsck(0), "stray ");
    ck_assert_str_eq(tu_fsck(1), "stray+ ");
}
END_TEST

/* Node and row of a deletion go together: what has but one of them is found and mended. */
START_TEST(rows_and_nodes_are_compared)
{
    const char *id = text_of(id_of("top"));
    cloud_trash_item_t item;
    cloud_result_t res;

    world_remove(w, "top");
    world_remove(w, "a");
    world_sql(w, "DELETE FROM trash WHERE location = 'top'");
    ck_assert_str_eq(tu_fsck(0), "row ");
    ck_assert_str_eq(tu_fsck(1), "row+ ");
    tu_sound();
    OK(cloud_trash_stat(&item, w->user, w->account, id, w->pool));
    ck_assert_str_eq(item.location, "top");
    ck_assert(item.deleted > apr_time_now() - apr_time_from_sec(60));
    OK(restore(id, "top", 0, &res));

    world_sql(w, "UPDATE trash SET bin = 17 WHERE location = 'a'");
    ck_assert_str_eq(tu_fsck(0), "row ");
    ck_assert_str_eq(tu_fsck(1), "row+ ");
    tu_sound();
    ck_assert_str_eq(listed(""), "a;");

    world_sql(w, "INSERT INTO trash (node, bin, deleted, name, location, deleter, batch)"
                 " SELECT %s, bin, deleted, 'top', 'top', 0, 0 FROM trash", id);
    ck_assert_str_eq(tu_fsck(0), "row ");
    ck_assert_str_eq(tu_fsck(1), "row+ ");
    tu_sound();
    ck_assert_str_eq(listed(""), "a;");
    ck_assert_str_eq(world_read(w, "top"), "on top");
}
END_TEST

/* Moved to another disk by other means: all inodes are others, that of the bin's directory, too. Its
 * number may be that of another file by now, which must not be taken for the bin. */
START_TEST(emptied_under_another_inode)
{
    const char *trash = world_disk(w, "../trash");
    const char *cmd = apr_psprintf(w->pool, "cp -a %s %s.new && rm -r %s && mv %s.new %s", trash,
                                   trash, trash, trash, trash);

    world_remove(w, "a");
    world_remove(w, "top");
    tu_maintain();
    ck_assert_int_eq(system(cmd), 0);
    world_put(w, "other", "somebody's");
    world_sql(w, "UPDATE node SET ino = (SELECT ino FROM node WHERE name = 'other') WHERE kind = 4");
    OK(cloud_trash_empty(w->user, w->account));
    ck_assert(!world_disk_exists(w, "../trash"));
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
    /* Nothing of it is left on disk. */
    ck_assert_int_eq(rmdir(world_disk(w, "../purge")), 0);
    ck_assert_int_eq(mkdir(world_disk(w, "../purge"), 0700), 0);
}
END_TEST

/* Somebody has removed the directory: its rows go all the same. */
START_TEST(emptied_without_a_directory)
{
    world_remove(w, "top");
    tu_maintain();
    world_disk_remove(w, "../trash");
    OK(cloud_trash_empty(w->user, w->account));
    tu_maintain();
    tu_sound();
    world_remove(w, "a");
    ck_assert_str_eq(listed(""), "a;");
}
END_TEST

/* What has no size is too old some time, too. */
START_TEST(expired_without_a_size)
{
    int more;

    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "auto, 10"));
    world_mkcol(w, "empty");
    world_remove(w, "empty");
    age("empty", 11);
    OK(cloud_trash_job(&more, w->ctx));
    ck_assert_str_eq(listed(""), "");
}
END_TEST

/* Somebody has removed a file behind our back, and its inode became another file's at once. Whatever is
 * done with the first one then, the second is not touched. */
START_TEST(the_inode_is_another_files_now)
{
    const char *id = text_of(id_of("top"));
    cloud_result_t res;

    world_disk_remove(w, "top");
    world_put(w, "other", "somebody's");
    world_sql(w, "UPDATE node SET ino = (SELECT ino FROM node WHERE name = 'other')"
                 " WHERE name = 'top'");
    world_move(w, "top", "a/top");
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
    world_remove(w, "a/top");
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
    OK(restore(id, "top", 0, &res));
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
    world_remove(w, "top");
    OK(cloud_trash_remove(w->user, w->account, id));
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
    tu_maintain();
    ck_assert_str_eq(world_read(w, "other"), "somebody's");
}
END_TEST

static const char *make_dir(apr_int64_t id)
{
    const char *path = apr_psprintf(w->pool, "%s/accounts/alice/trash/%" APR_INT64_T_FMT,
                                    w->data_dir, id);

    ck_assert_int_eq(mkdir(path, 0700), 0);
    return path;
}

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fclose(file);
}

START_TEST(directories_that_stay_hold_up_no_others)
{
    const char *folder = text_of(id_of("a"));
    apr_int64_t i;

    world_remove(w, "top"); /* makes the bin */
    for (i = 1; i <= 450; i++) {
        make_file(apr_pstrcat(w->pool, make_dir(i), "/foreign", NULL));
        world_sql(w, "INSERT INTO trash_dir VALUES (%d, 'alice/trash/%d')", (int)i, (int)i);
    }
    world_remove(w, "a");
    OK(cloud_trash_remove(w->user, w->account, folder));
    for (i = 0; i < 3; i++) tu_maintain();
    ck_assert(!on_disk(apr_pstrcat(w->pool, "trash/", folder, NULL)));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_dir"), 450);
    for (i = 1; i <= 450; i++)
        unlink(apr_psprintf(w->pool, "%s/accounts/alice/trash/%d/foreign", w->data_dir, (int)i));
    for (i = 0; i < 4; i++) tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_dir"), 0);
}
END_TEST

static cloud_err_t *refuse(cloud_ctx_t *ctx, const cloud_entry_t *e, int *handled,
                           apr_int64_t *parent, const char **name, const char **disk_path,
                           apr_pool_t *pool)
{
    (void)e;
    (void)handled;
    (void)parent;
    (void)name;
    (void)disk_path;
    (void)pool;
    return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

static const cloud_feature_t REFUSER = { .name = "refuser", .remove = refuse };

static void sweep(apr_int64_t age)
{
    int more;

    OK(cloud_trash_sweep(&more, w->ctx, age));
    ck_assert_int_eq(more, 0);
}

/* A verb that is refused after the directory was made leaves it; what is in use stays. */
START_TEST(directories_of_nothing_are_swept)
{
    const char *file = apr_pstrcat(w->pool, "trash/", text_of(id_of("top")), NULL);
    const char *folder = apr_pstrcat(w->pool, "trash/", text_of(id_of("a")), NULL);
    const char *foreign = "trash/17";
    cloud_err_t *err;

    world_remove(w, "a");
    make_file(apr_pstrcat(w->pool, make_dir(17), "/x", NULL));
    cloud_trash_unregister();
    cloud_feature_register(&REFUSER);
    cloud_trash_register();
    err = cloud_file_remove(w->user, w->account, "top", NULL);
    cloud_feature_unregister(&REFUSER);
    FAILS(err, DENIED);
    ck_assert(on_disk(file));
    tu_maintain();
    ck_assert(on_disk(file));
    sweep(3600); /* somebody may be about to use it */
    ck_assert(on_disk(file));
    /* Deleted, but not there yet */
    world_sql(w, "INSERT INTO journal (seq, tree, tree2, ino, is_dir, src, dst) VALUES"
                 " (1, -99, 0, 1, 0, 'alice/files/x', 'alice/%s/x')", file);
    sweep(0);
    ck_assert(on_disk(file));
    world_sql(w, "DELETE FROM journal WHERE seq = 1");
    sweep(0);
    ck_assert(!on_disk(file));
    ck_assert(on_disk(folder));
    ck_assert(on_disk(foreign));
    unlink(apr_psprintf(w->pool, "%s/accounts/alice/%s/x", w->data_dir, foreign));
    sweep(0);
    ck_assert(!on_disk(foreign));
    ck_assert_str_eq(listed(""), "a;");
}
END_TEST

Suite *suite_trash(void)
{
    Suite *s = suite_create("trash");
    TCase *t = tcase_create("trash");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_file_goes_and_comes_back);
    tcase_add_test(t, a_folder_goes_as_one);
    tcase_add_test(t, what_is_inside_comes_out_alone);
    tcase_add_test(t, what_is_inside_has_another_inode);
    tcase_add_test(t, the_destination_decides);
    tcase_add_test(t, quota_counts_on_restore);
    tcase_add_test(t, overwriting_by_move_and_copy_keeps);
    tcase_add_test(t, deleted_for_good);
    tcase_add_test(t, emptied_at_once);
    tcase_add_test(t, deleting_while_it_is_emptied);
    tcase_add_test(t, nobody_elses);
    tcase_add_test(t, an_account_goes_with_its_bin);
    tcase_add_test(t, skipped);
    tcase_add_test(t, expired_by_age);
    tcase_add_test(t, expired_for_space);
    tcase_add_test(t, a_full_disk_takes_the_oldest);
    tcase_add_test(t, copied_by_a_backup);
    tcase_add_test(t, damage_is_found);
    tcase_add_test(t, rows_and_nodes_are_compared);
    tcase_add_test(t, emptied_under_another_inode);
    tcase_add_test(t, emptied_without_a_directory);
    tcase_add_test(t, expired_without_a_size);
    tcase_add_test(t, the_inode_is_another_files_now);
    tcase_add_test(t, directories_that_stay_hold_up_no_others);
    tcase_add_test(t, directories_of_nothing_are_swept);
    suite_add_tcase(s, t);
    return s;
}
