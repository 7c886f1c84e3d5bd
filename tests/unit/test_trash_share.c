/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The trash and what is shared: alice has shared the folder a with bob. What bob deletes there is in the
 * bins of both, once; and old versions of what is shared. After each test fsck has to find nothing. */
#include "world.h"
#include "share.h"
#include "trash.h"
#include "versions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static world_t *w;
static cloud_account_t *bob;
static cloud_ctx_t *as_bob;
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

/* alice gives somebody an item, under the name "given". */
static void give(const char *path, const cloud_account_t *to, unsigned perms, unsigned flags)
{
    world_sql(w, "INSERT INTO share (type, recipient, node, owner, initiator, perms, state, flags,"
              " target, created) VALUES (0, %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT
              ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %u, 0, %u, 'given', 1)", to->number,
              id_of(path), w->account->number, w->account->number, perms, flags);
}

static void set_perms(unsigned perms)
{
    world_sql(w, "UPDATE share SET perms = %u", perms);
}

static void setup(void)
{
    cloud_trash_register();
    cloud_versions_register();
    cloud_shares_register();
    w = world_create();
    bob = tu_account("bob");
    as_bob = tu_as(bob);
    world_mkcol(w, "dir");
    world_mkcol(w, "dir/a");
    world_mkcol(w, "dir/a/b");
    world_put(w, "dir/a/b/deep", "deep content");
    world_put(w, "dir/a/f", "content");
    give("dir/a", bob, CLOUD_PERM_ALL, 0);
}

static void teardown(void)
{
    tu_sound();
    tu_maintain();
    tu_sound();
    world_destroy(w);
    cloud_shares_unregister();
    cloud_versions_unregister();
    cloud_trash_unregister();
}

static cloud_err_t *collect(void *baton, const cloud_trash_item_t *item)
{
    char **text = baton;

    *text = apr_pstrcat(w->pool, *text, item->location ? item->location : item->node.name, ";",
                        NULL);
    return NULL;
}

static const char *listed_at(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path)
{
    char *text = "";

    OK(cloud_trash_list(ctx, account, path, collect, &text, w->pool));
    return text;
}

static const char *of_alice(void)
{
    return listed_at(w->user, w->account, "");
}

static const char *of_bob(void)
{
    return listed_at(as_bob, bob, "");
}

static void bob_removes(const char *path)
{
    OK(cloud_file_remove(as_bob, bob, path, NULL));
}

static cloud_err_t *bob_restores(const char *path, const char *dst)
{
    cloud_result_t res;

    return cloud_trash_restore(&res, as_bob, bob, path, bob, dst, 0, NULL, w->pool);
}

static const char *bob_reads(const char *path)
{
    cloud_entry_t *e;
    char buf[100];
    ssize_t n;
    int fd;

    if (cloud_file_open(&fd, &e, as_bob, bob, path, w->pool)) return NULL;
    n = read(fd, buf, sizeof buf);
    ck_assert_int_ge(n, 0);
    return apr_pstrmemdup(w->pool, buf, (apr_size_t)n);
}

START_TEST(both_see_it_each_by_his_place)
{
    const char *id = text_of(id_of("dir/a/f"));
    cloud_trash_item_t item;

    bob_removes("given/f");
    ck_assert_ptr_null(world_node(w, "dir/a/f"));
    ck_assert_str_eq(of_alice(), "dir/a/f;");
    ck_assert_str_eq(of_bob(), "given/f;");
    OK(cloud_trash_stat(&item, w->user, w->account, id, w->pool));
    ck_assert_str_eq(item.location, "dir/a/f");
    ck_assert_int_eq(item.deleter, bob->number);
    OK(cloud_trash_stat(&item, as_bob, bob, id, w->pool));
    ck_assert_str_eq(item.location, "given/f");
    ck_assert_str_eq(item.name, "f");
    ck_assert_int_eq(item.deleter, bob->number);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 1);
}
END_TEST

START_TEST(who_deleted_it_brings_it_back)
{
    apr_int64_t id = id_of("dir/a/f");

    bob_removes("given/f");
    OK(bob_restores(text_of(id), "given/b/f"));
    ck_assert_int_eq(id_of("dir/a/b/f"), id);
    ck_assert_str_eq(world_read(w, "dir/a/b/f"), "content");
    ck_assert_str_eq(bob_reads("given/b/f"), "content");
    ck_assert_str_eq(of_alice(), "");
    ck_assert_str_eq(of_bob(), "");
}
END_TEST

/* Nobody's files are taken away from him: it stays in the owner's bin. */
START_TEST(into_ones_own_files_it_is_a_copy)
{
    const char *file = text_of(id_of("dir/a/f")), *folder = text_of(id_of("dir/a/b"));

    bob_removes("given/f");
    bob_removes("given/b");
    FAILS(bob_restores(file, "nowhere/f"), CONFLICT);
    OK(cloud_account_set_quota(w->ctx, "bob", 10));
    OK(cloud_account_get(&bob, w->ctx, "bob", w->pool));
    as_bob = tu_as(bob);
    OK(bob_restores(file, "mine"));
    ck_assert_str_eq(bob_reads("mine"), "content");
    FAILS(bob_restores(folder, "folder"), QUOTA);
    OK(cloud_account_set_quota(w->ctx, "bob", CLOUD_QUOTA_UNLIMITED));
    OK(cloud_account_get(&bob, w->ctx, "bob", w->pool));
    as_bob = tu_as(bob);
    FAILS(bob_restores(folder, "mine"), PRECONDITION);
    ck_assert_str_eq(of_bob(), "given/b;");
    OK(bob_restores(apr_pstrcat(w->pool, folder, "/deep", NULL), "deep"));
    ck_assert_str_eq(of_bob(), "given/b;");
    OK(bob_restores(folder, "folder"));
    ck_assert_str_eq(bob_reads("folder/deep"), "deep content");
    ck_assert_str_eq(of_bob(), "");
    ck_assert_ptr_nonnull(strstr(of_alice(), "dir/a/f;"));
    ck_assert_ptr_nonnull(strstr(of_alice(), "dir/a/b;"));
    ck_assert_str_eq(listed_at(w->user, w->account, folder), "deep;");
}
END_TEST

START_TEST(the_owner_brings_it_back)
{
    const char *id = text_of(id_of("dir/a/f"));
    cloud_result_t res;

    bob_removes("given/f");
    OK(cloud_trash_restore(&res, w->user, w->account, id, w->account, "mine", 0, NULL, w->pool));
    ck_assert_str_eq(of_bob(), "");
    FAILS(bob_restores(id, "given/f"), NOT_FOUND);
    ck_assert_str_eq(world_read(w, "mine"), "content");
}
END_TEST

START_TEST(a_folder_and_what_is_in_it)
{
    const char *id = text_of(id_of("dir/a/b"));
    apr_int64_t deep = id_of("dir/a/b/deep");

    bob_removes("given/b");
    ck_assert_str_eq(listed_at(as_bob, bob, id), "deep;");
    FAILS(cloud_trash_remove(as_bob, bob, apr_pstrcat(w->pool, id, "/deep", NULL)), DENIED);
    OK(bob_restores(apr_pstrcat(w->pool, id, "/deep", NULL), "given/deep"));
    ck_assert_int_eq(id_of("dir/a/deep"), deep);
    ck_assert_str_eq(of_bob(), "given/b;");
    OK(bob_restores(id, "given/b"));
    ck_assert_str_eq(of_alice(), "");
}
END_TEST

START_TEST(for_good_is_out_of_his_sight)
{
    const char *id = text_of(id_of("dir/a/f"));
    cloud_result_t res;

    bob_removes("given/f");
    OK(cloud_trash_remove(as_bob, bob, id));
    ck_assert_str_eq(of_bob(), "");
    FAILS(cloud_trash_remove(as_bob, bob, id), NOT_FOUND);
    ck_assert_str_eq(of_alice(), "dir/a/f;");
    OK(cloud_trash_restore(&res, w->user, w->account, id, w->account, "dir/a/f", 0, NULL,
                           w->pool));
    ck_assert_str_eq(world_read(w, "dir/a/f"), "content");
}
END_TEST

START_TEST(emptying_is_too)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, as_bob, bob, "own", NULL, w->pool));
    bob_removes("own");
    bob_removes("given/f");
    bob_removes("given/b");
    ck_assert_ptr_nonnull(strstr(of_bob(), "own;"));
    OK(cloud_trash_empty(as_bob, bob));
    ck_assert_str_eq(of_bob(), "");
    ck_assert_ptr_nonnull(strstr(of_alice(), "dir/a/f;"));
    ck_assert_ptr_nonnull(strstr(of_alice(), "dir/a/b;"));
    /* Without a bin of his own, too */
    tu_maintain();
    world_put(w, "dir/a/again", "again");
    bob_removes("given/again");
    ck_assert_str_eq(of_bob(), "given/again;");
    OK(cloud_trash_empty(as_bob, bob));
    ck_assert_str_eq(of_bob(), "");
}
END_TEST

START_TEST(gone_for_the_owner_is_gone_for_all)
{
    const char *id = text_of(id_of("dir/a/f"));

    bob_removes("given/f");
    bob_removes("given/b");
    OK(cloud_trash_remove(w->user, w->account, id));
    ck_assert_str_eq(of_bob(), "given/b;");
    FAILS(bob_restores(id, "given/f"), NOT_FOUND);
    OK(cloud_trash_empty(w->user, w->account));
    ck_assert_str_eq(of_bob(), "");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_share"), 0);
}
END_TEST

START_TEST(expired_for_both)
{
    cloud_trash_stats_t stats = { 0 };
    int more;

    bob_removes("given/f");
    OK(cloud_setting_set(w->ctx, "system", "trashbin_retention_obligation", "auto, 1"));
    tu_exec("UPDATE trash SET deleted = deleted - 2 * 86400 * 1000000");
    OK(cloud_trash_expire(&stats, &more, w->ctx, w->account, 0, 0));
    ck_assert_int_eq(stats.removed, 1);
    ck_assert_str_eq(of_bob(), "");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_share"), 0);
}
END_TEST

START_TEST(seen_as_long_as_there_is_the_share)
{
    const char *id = text_of(id_of("dir/a/f"));
    cloud_trash_item_t item;

    bob_removes("given/f");
    set_perms(CLOUD_PERM_READ);
    ck_assert_str_eq(of_bob(), "given/f;");
    FAILS(bob_restores(id, "given/f"), DENIED);
    tu_exec("UPDATE share SET expires = 1");
    ck_assert_str_eq(of_bob(), "");
    FAILS(cloud_trash_stat(&item, as_bob, bob, id, w->pool), NOT_FOUND);
    FAILS(bob_restores(id, "given/f"), NOT_FOUND);
    FAILS(bob_restores(id, "f"), NOT_FOUND);
    FAILS(cloud_trash_remove(as_bob, bob, id), NOT_FOUND);
    tu_exec("UPDATE share SET expires = NULL");
    set_perms(CLOUD_PERM_ALL);
    OK(bob_restores(id, "given/f"));
    ck_assert_str_eq(of_alice(), "");
}
END_TEST

START_TEST(what_others_deleted_is_not_his)
{
    cloud_account_t *carol = tu_account("carol");
    cloud_ctx_t *as_carol = tu_as(carol);
    const char *file = text_of(id_of("dir/a/f")), *folder = text_of(id_of("dir/a/b"));
    cloud_trash_item_t item;
    cloud_result_t res;

    give("dir/a", carol, CLOUD_PERM_ALL, 0);
    world_remove(w, "dir/a/f");
    OK(cloud_file_remove(as_carol, carol, "given/b", NULL));
    ck_assert_str_eq(of_bob(), "");
    ck_assert_str_eq(listed_at(as_carol, carol, ""), "given/b;");
    FAILS(cloud_trash_stat(&item, as_bob, bob, file, w->pool), NOT_FOUND);
    FAILS(cloud_trash_stat(&item, as_bob, bob, folder, w->pool), NOT_FOUND);
    FAILS(cloud_trash_stat(&item, as_bob, bob, apr_pstrcat(w->pool, folder, "/deep", NULL),
                           w->pool), NOT_FOUND);
    FAILS(bob_restores(folder, "given/b"), NOT_FOUND);
    /* Nor by the bin of who may */
    FAILS(cloud_trash_list(as_bob, carol, "", collect, &item, w->pool), NOT_FOUND);
    FAILS(cloud_trash_restore(&res, as_bob, carol, folder, bob, "given/b", 0, NULL, w->pool),
          NOT_FOUND);
    FAILS(cloud_trash_remove(as_bob, carol, folder), NOT_FOUND);
    FAILS(cloud_trash_remove(as_bob, w->account, file), NOT_FOUND);
    OK(cloud_account_set_enabled(w->ctx, "carol", 0));
    FAILS(cloud_trash_stat(&item, as_carol, carol, folder, w->pool), UNAUTHORIZED);
}
END_TEST

START_TEST(the_deleter_goes)
{
    bob_removes("given/f");
    OK(cloud_account_delete(w->ctx, "bob"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_share"), 0);
    ck_assert_str_eq(of_alice(), "dir/a/f;");
}
END_TEST

START_TEST(the_owner_goes)
{
    bob_removes("given/f");
    OK(cloud_account_delete(w->ctx, "alice"));
    ck_assert_str_eq(of_bob(), "");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_share"), 0);
}
END_TEST

START_TEST(what_is_skipped_goes_by_the_owners_places)
{
    OK(cloud_setting_set(w->ctx, "system", "trashbin_skip_directories", "dir/a/b"));
    bob_removes("given/b/deep");
    ck_assert_str_eq(of_alice(), "");
    ck_assert_str_eq(of_bob(), "");
    OK(cloud_setting_set(w->ctx, "system", "trashbin_skip_directories", "given"));
    bob_removes("given/f");
    ck_assert_str_eq(of_bob(), "given/f;");
}
END_TEST

START_TEST(rows_without_anything_are_found)
{
    world_sql(w, "INSERT INTO trash_share (node, account, owner, mount, location) VALUES (17,"
              " %" APR_INT64_T_FMT ", 1, 1, 'x')", bob->number);
    ck_assert_str_eq(of_bob(), "");
    ck_assert_str_eq(tu_fsck(0), "row ");
    ck_assert_str_eq(tu_fsck(1), "row+ ");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash_share"), 0);
}
END_TEST

/* A list costs the same whatever the number of items, and nothing where nothing was shared. */
START_TEST(statements)
{
    apr_uint64_t before;
    int i;

    of_alice();
    for (i = 0; i < 20; i++) {
        world_put(w, apr_psprintf(w->pool, "dir/a/n%d", i), "x");
        bob_removes(apr_psprintf(w->pool, "given/n%d", i));
    }
    before = tu_statements(as_bob);
    ck_assert_int_eq(strlen(of_bob()) > 100, 1);
    ck_assert_int_le(tu_statements(as_bob) - before, 8);
}
END_TEST

/* ---- old versions ---- */

typedef struct {
    apr_int64_t numbers[10];
    const char *authors[10];
    int n;
} seen_t;

static cloud_err_t *see(void *baton, const cloud_version_t *v)
{
    seen_t *s = baton;

    ck_assert_int_lt(s->n, 10);
    s->numbers[s->n] = v->number;
    s->authors[s->n++] = apr_pstrdup(w->pool, v->author ? v->author : "");
    return NULL;
}

/* Newest first. */
static seen_t versions_of(apr_int64_t node)
{
    seen_t s = { .n = 0 };

    OK(cloud_tx_begin(w->ctx, CLOUD_DB_READ));
    OK(cloud_versions_each(w->ctx, node, see, &s));
    cloud_tx_rollback(w->ctx);
    return s;
}

static void bob_writes(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *put;

    OK(cloud_put_begin(&put, as_bob, bob, path, &opts, w->pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
}

static cloud_err_t *bob_opens(apr_int64_t node, apr_int64_t number)
{
    cloud_entry_t *file;
    cloud_version_t *v;
    int fd;

    return cloud_version_open(&fd, &file, &v, as_bob, bob, node, number, w->pool);
}

static cloud_err_t *bob_copies(apr_int64_t node, apr_int64_t number, const char *dst)
{
    cloud_result_t res;

    return cloud_version_copy(&res, as_bob, bob, node, number, bob, dst, 1, NULL, w->pool);
}

START_TEST(versions_by_whoever_may)
{
    apr_int64_t id = id_of("dir/a/f");
    cloud_entry_t *file;
    seen_t s;

    bob_writes("given/f", "by bob");
    world_put(w, "dir/a/f", "by alice again");
    s = versions_of(id);
    ck_assert_int_eq(s.n, 2);
    ck_assert_str_eq(s.authors[0], "bob");
    ck_assert_str_eq(s.authors[1], "alice");
    OK(cloud_versions_file(&file, as_bob, bob, id, w->pool));
    ck_assert_str_eq(file->path, "given/f");
    OK(bob_copies(id, s.numbers[1], "given/f"));
    ck_assert_str_eq(world_read(w, "dir/a/f"), "content");
    set_perms(CLOUD_PERM_READ | CLOUD_PERM_DELETE);
    OK(bob_opens(id, s.numbers[0]));
    FAILS(bob_copies(id, s.numbers[0], "given/f"), DENIED);
    OK(bob_copies(id, s.numbers[0], "own"));
    ck_assert_str_eq(bob_reads("own"), "by bob");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_total"), 1);
    OK(cloud_version_remove(as_bob, bob, id, s.numbers[0], w->pool));
    set_perms(CLOUD_PERM_ALL & ~CLOUD_PERM_DELETE);
    FAILS(cloud_version_remove(as_bob, bob, id, s.numbers[1], w->pool), DENIED);
    tu_exec("UPDATE share SET expires = 1");
    FAILS(cloud_versions_file(&file, as_bob, bob, id, w->pool), NOT_FOUND);
    FAILS(bob_opens(id, s.numbers[1]), NOT_FOUND);
    FAILS(bob_copies(id, s.numbers[1], "own"), NOT_FOUND);
    FAILS(cloud_version_remove(as_bob, bob, id, s.numbers[1], w->pool), NOT_FOUND);
}
END_TEST

/* Of a file that is shared by itself, its place is the receiver's; its versions are not. */
START_TEST(versions_of_a_single_file)
{
    apr_int64_t id = id_of("dir/a/f");
    seen_t s;

    tu_exec("DELETE FROM share");
    give("dir/a/f", bob, CLOUD_PERM_READ | CLOUD_PERM_UPDATE, 0);
    bob_writes("given", "by bob");
    s = versions_of(id);
    FAILS(cloud_version_remove(as_bob, bob, id, s.numbers[0], w->pool), DENIED);
    OK(bob_copies(id, s.numbers[0], "given"));
    ck_assert_str_eq(world_read(w, "dir/a/f"), "content");
    set_perms(CLOUD_PERM_READ);
    FAILS(cloud_version_remove(as_bob, bob, id, s.numbers[0], w->pool), DENIED);
    FAILS(cloud_version_set_tag(as_bob, bob, id, s.numbers[0], "1.0", w->pool), DENIED);
    FAILS(bob_copies(id, s.numbers[0], "given"), DENIED);
    OK(bob_opens(id, s.numbers[0]));
    ck_assert_int_eq(versions_of(id).n, 2);
}
END_TEST

START_TEST(versions_of_what_may_only_be_looked_at)
{
    apr_int64_t id = id_of("dir/a/f");
    const char *item = text_of(id);
    seen_t s;

    world_put(w, "dir/a/f", "second");
    s = versions_of(id);
    world_sql(w, "UPDATE share SET flags = %u", CLOUD_MOUNT_NO_DOWNLOAD);
    FAILS(bob_opens(id, s.numbers[0]), DENIED);
    FAILS(bob_copies(id, s.numbers[0], "own"), DENIED);
    FAILS(bob_copies(id, s.numbers[0], "given/f"), DENIED);
    /* Nor does it get out by the trash */
    bob_removes("given/f");
    FAILS(bob_restores(item, "own"), DENIED);
    OK(bob_restores(item, "given/back"));
}
END_TEST

/* The id stays where the tree is another one, and so do the versions. */
START_TEST(versions_go_along_into_a_share)
{
    apr_int64_t id;
    cloud_result_t res;
    seen_t s;

    bob_writes("own", "first");
    bob_writes("own", "second");
    OK(cloud_file_move(&res, as_bob, bob, "own", bob, "given/own", 0, NULL, NULL, w->pool));
    id = id_of("dir/a/own");
    s = versions_of(id);
    ck_assert_int_eq(s.n, 1);
    OK(cloud_version_copy(&res, w->user, w->account, id, s.numbers[0], w->account, "dir/a/own", 1,
                          NULL, w->pool));
    ck_assert_str_eq(world_read(w, "dir/a/own"), "first");
    world_remove(w, "dir/a/own");
    OK(cloud_trash_remove(w->user, w->account, text_of(id)));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT sum(bytes) FROM version_total"), 0);
}
END_TEST
/* Their rows are still there when it comes back. */
START_TEST(what_very_many_had_comes_back_to_its_owner_alone)
{
    const char *id = text_of(id_of("dir/a"));
    cloud_result_t res;
    cloud_entry_t *e;

    world_sql(w, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
              " INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target, created)"
              " SELECT 0, 1000000 + n.i, s.node, s.owner, s.initiator, 1, 0, 'a', 0 FROM share s, n");
    OK(cloud_file_stat(&e, as_bob, bob, "given", w->pool));
    OK(cloud_file_remove(w->user, w->account, "dir/a", NULL));
    OK(cloud_trash_restore(&res, w->user, w->account, id, w->account, "dir/a", 0, NULL, w->pool));
    FAILS(cloud_file_stat(&e, as_bob, bob, "given", w->pool), NOT_FOUND);
    ck_assert_str_eq(world_read(w, "dir/a/f"), "content");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share"), 0);
    FAILS(cloud_file_stat(&e, as_bob, bob, "given", w->pool), NOT_FOUND);
}
END_TEST

Suite *suite_trash_share(void)
{
    Suite *suite = suite_create("trash_share");
    TCase *tc = tcase_create("trash_share");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, both_see_it_each_by_his_place);
    tcase_add_test(tc, who_deleted_it_brings_it_back);
    tcase_add_test(tc, into_ones_own_files_it_is_a_copy);
    tcase_add_test(tc, the_owner_brings_it_back);
    tcase_add_test(tc, a_folder_and_what_is_in_it);
    tcase_add_test(tc, for_good_is_out_of_his_sight);
    tcase_add_test(tc, emptying_is_too);
    tcase_add_test(tc, gone_for_the_owner_is_gone_for_all);
    tcase_add_test(tc, expired_for_both);
    tcase_add_test(tc, seen_as_long_as_there_is_the_share);
    tcase_add_test(tc, what_others_deleted_is_not_his);
    tcase_add_test(tc, the_deleter_goes);
    tcase_add_test(tc, the_owner_goes);
    tcase_add_test(tc, what_is_skipped_goes_by_the_owners_places);
    tcase_add_test(tc, rows_without_anything_are_found);
    tcase_add_test(tc, statements);
    tcase_add_test(tc, versions_by_whoever_may);
    tcase_add_test(tc, versions_of_a_single_file);
    tcase_add_test(tc, versions_of_what_may_only_be_looked_at);
    tcase_add_test(tc, versions_go_along_into_a_share);
    tcase_add_test(tc, what_very_many_had_comes_back_to_its_owner_alone);
    suite_add_tcase(suite, tc);
    return suite;
}
