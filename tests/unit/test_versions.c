/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Versions: what every verb makes of them, on disk and in the rows. */
#include "versions_util.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *content(const char *path)
{
    cloud_entry_t *e;
    int fd;

    OK(cloud_file_open(&fd, &e, vu_as_alice, vu_alice, path, tu.pool));
    return vu_read_all(fd);
}

static cloud_err_t *move(const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_move(&res, vu_as_alice, vu_alice, src, vu_alice, dst, 1, NULL, NULL, tu.pool);
}

static cloud_err_t *copy(const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_copy(&res, vu_as_alice, vu_alice, src, vu_alice, dst, 1, -1, NULL, NULL,
                           tu.pool);
}

static cloud_err_t *restore(apr_int64_t id, apr_int64_t number, const char *dst)
{
    cloud_result_t res;

    return cloud_version_copy(&res, vu_as_alice, vu_alice, id, number, vu_alice, dst, 1, NULL,
                              tu.pool);
}

/* Directories go once the journal has nothing older any more: in the next round. */
static void maintain_twice(void)
{
    tu_maintain();
    tu_maintain();
}

START_TEST(overwriting_keeps_the_old_content)
{
    apr_array_header_t *list;
    apr_int64_t id, etag;
    cloud_node_t first;

    vu_put_at("a.txt", "one", 1500000000);
    first = *vu_node("a.txt");
    id = first.id;
    ck_assert_int_eq(vu_versions(id)->nelts, 0);
    vu_put("a.txt", "two!");
    etag = vu_node("a.txt")->etag;
    vu_put("a.txt", "three");
    ck_assert_str_eq(vu_texts(id), "two! one");
    list = vu_versions(id);
    ck_assert_int_eq(V(list, 1)->ino, first.ino); /* moved, not copied */
    ck_assert_int_eq(V(list, 1)->mtime, 1500000000);
    ck_assert_int_eq(V(list, 1)->etag, first.etag);
    ck_assert_int_eq(V(list, 0)->etag, etag);
    ck_assert_str_eq(V(list, 0)->author, "alice");
    ck_assert_int_eq(V(list, 1)->size, 3);
    ck_assert_int_eq(cloud_sums_match(V(list, 1)->sums, first.sums), 1);
    ck_assert_int_eq(vu_node("")->size, 5); /* versions are not in the quota */
    tu_maintain();
    ck_assert_str_eq(vu_texts(id), "two! one");
    vu_check_sound();
}
END_TEST

START_TEST(empty_files_make_none)
{
    vu_put("a", "");
    vu_put("a", "x");
    vu_put("a", "");
    vu_put("a", "y");
    ck_assert_str_eq(vu_texts(vu_node("a")->id), "x");
    vu_check_sound();
}
END_TEST

START_TEST(versions_follow_the_file)
{
    cloud_result_t res;
    apr_int64_t id;

    OK(cloud_file_mkcol(&res, vu_as_alice, vu_alice, "d", NULL, tu.pool));
    vu_put("a", "1");
    vu_put("a", "2");
    id = vu_node("a")->id;
    OK(move("a", "d/b"));
    ck_assert_str_eq(vu_texts(id), "1");
    OK(move("d", "e"));
    vu_put("e/b", "3");
    ck_assert_int_eq(vu_node("e/b")->id, id);
    ck_assert_str_eq(vu_texts(id), "2 1");
    vu_check_sound();
}
END_TEST

START_TEST(copy_onto_a_file_makes_a_version)
{
    apr_int64_t id;

    vu_put("src", "new");
    vu_put("src", "newer");
    vu_put("dst", "old");
    id = vu_node("dst")->id;
    OK(copy("src", "dst"));
    ck_assert_int_eq(vu_node("dst")->id, id);
    ck_assert_str_eq(vu_texts(id), "old");
    ck_assert_str_eq(vu_texts(vu_node("src")->id), "new");
    /* A copy has a history of its own. */
    OK(copy("src", "other"));
    ck_assert_str_eq(vu_texts(vu_node("other")->id), "");
    vu_check_sound();
}
END_TEST

START_TEST(move_onto_a_file_takes_its_versions_away)
{
    apr_int64_t gone, id;

    vu_put("src", "1");
    vu_put("src", "2");
    vu_put("dst", "a");
    vu_put("dst", "b");
    gone = vu_node("dst")->id;
    id = vu_node("src")->id;
    OK(move("src", "dst"));
    ck_assert_str_eq(vu_texts(id), "1");
    ck_assert_int_eq(vu_versions(gone)->nelts, 0);
    maintain_twice();
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, gone)));
    vu_check_sound();
}
END_TEST

START_TEST(purging_takes_versions_and_directories_away)
{
    cloud_result_t res;
    apr_int64_t a, b;

    OK(cloud_file_mkcol(&res, vu_as_alice, vu_alice, "d", NULL, tu.pool));
    vu_put("a", "1");
    vu_put("a", "2");
    vu_put("d/b", "1");
    vu_put("d/b", "2");
    a = vu_node("a")->id;
    b = vu_node("d/b")->id;
    OK(cloud_file_remove(vu_as_alice, vu_alice, "a", NULL));
    ck_assert_int_eq(vu_versions(a)->nelts, 0);
    OK(cloud_file_remove(vu_as_alice, vu_alice, "d", NULL));
    ck_assert_int_eq(vu_versions(b)->nelts, 1); /* the job takes them */
    maintain_twice();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_gone"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, a)));
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, b)));
    vu_check_sound();
}
END_TEST

/* A file whose versions all went before it, and one that nothing was kept of in the end. */
START_TEST(directories_of_nothing_are_swept)
{
    apr_int64_t a, b;
    int more;

    vu_put("a", "1");
    vu_put("a", "2");
    vu_put("b", "1");
    vu_put("b", "2");
    a = vu_node("a")->id;
    b = vu_node("b")->id;
    OK(cloud_version_remove(vu_as_alice, vu_alice, a, V(vu_versions(a), 0)->number, tu.pool));
    OK(cloud_file_remove(vu_as_alice, vu_alice, "a", NULL));
    maintain_twice();
    OK(cloud_versions_sweep(&more, tu.ctx, 0));
    ck_assert_int_eq(more, 0);
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, a)));
    ck_assert(tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, b)));
    ck_assert_int_eq(vu_versions(b)->nelts, 1);
    vu_check_sound();
}
END_TEST

START_TEST(deleted_accounts_leave_nothing)
{
    vu_put("a", "1");
    vu_put("a", "2");
    OK(cloud_account_delete(tu.ctx, "alice"));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_total"), 0);
    vu_check_sound();
}
END_TEST

static const char *first_of(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t id)
{
    apr_array_header_t *list = vu_versions(id);
    cloud_entry_t *file;
    cloud_version_t *v;
    int fd;

    ck_assert_int_eq(list->nelts, 1);
    OK(cloud_version_open(&fd, &file, &v, ctx, account, id, V(list, 0)->number, tu.pool));
    return vu_read_all(fd);
}

/* What went to somebody else keeps its old versions when he who had it is deleted. */
START_TEST(versions_go_to_who_has_the_file)
{
    cloud_result_t res;
    apr_int64_t moved;

    OK(cloud_file_mkcol(&res, vu_as_alice, vu_alice, "d", NULL, tu.pool));
    vu_put("d/moved", "old");
    vu_put("d/moved", "new");
    vu_put("stays", "old");
    vu_put("stays", "new");
    moved = vu_node("d/moved")->id;
    OK(cloud_file_move(&res, tu.ctx, vu_alice, "d", vu_bob, "given", 0, NULL, NULL, tu.pool));
    ck_assert_str_eq(first_of(vu_as_bob, vu_bob, moved), "old");
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_str_eq(first_of(vu_as_bob, vu_bob, moved), "old");
    ck_assert(tu_exists(apr_psprintf(tu.pool, "accounts/bob/versions/%" APR_INT64_T_FMT, moved)));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 1);
    vu_check_sound();
    tu_maintain();
    ck_assert_str_eq(first_of(vu_as_bob, vu_bob, moved), "old");
    vu_check_sound();
    /* They are his as any are, and go with him. */
    OK(cloud_account_delete(tu.ctx, "bob"));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_total"), 0);
    vu_check_sound();
}
END_TEST

START_TEST(restoring_is_a_write)
{
    apr_array_header_t *list;
    cloud_node_t *now;
    apr_int64_t id, etag;

    vu_put_at("a", "one", 1500000000);
    vu_put("a", "two");
    id = vu_node("a")->id;
    etag = vu_node("a")->etag;
    list = vu_versions(id);
    OK(restore(id, V(list, 0)->number, "a"));
    now = vu_node("a");
    ck_assert_int_eq(now->id, id);
    ck_assert_int_gt(now->etag, etag);
    ck_assert_int_eq(now->mtime, 1500000000);
    ck_assert_str_eq(content("a"), "one");
    ck_assert_str_eq(vu_texts(id), "two one"); /* nothing is lost by it */
    /* It may go elsewhere, too. */
    OK(restore(id, V(vu_versions(id), 0)->number, "b"));
    ck_assert_str_eq(content("b"), "two");
    ck_assert_int_ne(vu_node("b")->id, id);
    FAILS(restore(id, V(list, 0)->number, "no/where"), CONFLICT);
    FAILS(restore(id, 1, "a"), NOT_FOUND);
    /* No staging file is left behind. */
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging", NULL)), 0);
}
END_TEST

START_TEST(damage_is_not_restored)
{
    apr_int64_t id;
    FILE *f;

    vu_put("a", "one");
    vu_put("a", "two");
    id = vu_node("a")->id;
    f = fopen(apr_pstrcat(tu.pool, tu.dir, "/accounts/", V(vu_versions(id), 0)->path, NULL), "r+");
    ck_assert_ptr_nonnull(f);
    fputs("ohh", f);
    fclose(f);
    FAILS(restore(id, V(vu_versions(id), 0)->number, "a"), UNAVAILABLE);
    ck_assert_str_eq(content("a"), "two");
}
END_TEST

START_TEST(access_is_that_of_the_file)
{
    apr_int64_t id, number;
    cloud_entry_t *file;
    cloud_version_t *v;
    cloud_result_t res;
    int fd;

    vu_put("a", "one");
    vu_put("a", "two");
    id = vu_node("a")->id;
    number = V(vu_versions(id), 0)->number;
    FAILS(cloud_version_open(&fd, &file, &v, vu_as_bob, vu_bob, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_open(&fd, &file, &v, vu_as_bob, vu_alice, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_copy(&res, vu_as_bob, vu_bob, id, number, vu_bob, "a", 1, NULL, tu.pool),
          NOT_FOUND);
    FAILS(cloud_version_remove(vu_as_bob, vu_bob, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_remove(vu_as_bob, vu_alice, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_set_tag(vu_as_bob, vu_bob, id, number, "1.0", tu.pool), NOT_FOUND);
    /* Not into somebody else's space either. */
    FAILS(
        cloud_version_copy(&res, vu_as_alice, vu_alice, id, number, vu_bob, "a", 1, NULL, tu.pool),
        NOT_FOUND);
    FAILS(cloud_version_open(&fd, &file, &v, tu_as(NULL), vu_alice, id, number, tu.pool),
          NOT_FOUND);
    ck_assert_str_eq(vu_texts(id), "one");
}
END_TEST

START_TEST(a_version_is_deleted_or_tagged)
{
    apr_int64_t id;

    vu_put("a", "one");
    vu_put("a", "two");
    vu_put("a", "three");
    id = vu_node("a")->id;
    OK(cloud_version_set_tag(vu_as_alice, vu_alice, id, V(vu_versions(id), 1)->number, "1.0",
                             tu.pool));
    ck_assert_str_eq(V(vu_versions(id), 1)->tag, "1.0");
    FAILS(cloud_version_remove(vu_as_alice, vu_alice, id, V(vu_versions(id), 1)->number, tu.pool),
          DENIED);
    OK(cloud_version_remove(vu_as_alice, vu_alice, id, V(vu_versions(id), 0)->number, tu.pool));
    ck_assert_str_eq(vu_texts(id), "one");
    OK(cloud_version_set_tag(vu_as_alice, vu_alice, id, V(vu_versions(id), 0)->number, NULL,
                             tu.pool));
    OK(cloud_version_remove(vu_as_alice, vu_alice, id, V(vu_versions(id), 0)->number, tu.pool));
    tu_maintain();
    vu_check_sound();
}
END_TEST

/* The journal still owes the move: the content is served from where it is. */
START_TEST(owed_moves_do_not_hide_content)
{
    apr_int64_t id;

    vu_put("a", "one");
    vu_put("a", "two");
    id = vu_node("a")->id;
    tu_reopen();
    vu_as_alice = tu_as(vu_alice);
    ck_assert_str_eq(vu_texts(id), "one");
    vu_check_sound();
}
END_TEST

Suite *suite_versions(void)
{
    Suite *s = suite_create("versions");
    TCase *tc = tu_case(s, "verbs", vu_setup);

    tcase_add_test(tc, overwriting_keeps_the_old_content);
    tcase_add_test(tc, empty_files_make_none);
    tcase_add_test(tc, versions_follow_the_file);
    tcase_add_test(tc, copy_onto_a_file_makes_a_version);
    tcase_add_test(tc, move_onto_a_file_takes_its_versions_away);
    tcase_add_test(tc, purging_takes_versions_and_directories_away);
    tcase_add_test(tc, directories_of_nothing_are_swept);
    tcase_add_test(tc, deleted_accounts_leave_nothing);
    tcase_add_test(tc, versions_go_to_who_has_the_file);
    tcase_add_test(tc, restoring_is_a_write);
    tcase_add_test(tc, damage_is_not_restored);
    tcase_add_test(tc, access_is_that_of_the_file);
    tcase_add_test(tc, a_version_is_deleted_or_tagged);
    tcase_add_test(tc, owed_moves_do_not_hide_content);
    return s;
}
