/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Moving, copying and removing, and making folders. */
#include "files_util.h"

#include <stdio.h>
#include <unistd.h>

START_TEST(move_keeps_id_and_etag)
{
    apr_int64_t id, tag, dir_id, dir_tag, root;

    fu_mkcol("a");
    fu_mkcol("b");
    id = fu_put("a/x", "123")->node.id;
    tag = fu_etag("a/x");
    root = fu_etag("");
    OK(fu_move("a/x", "b/z", 0));
    ck_assert_int_eq(fu_entry("b/z")->node.id, id);
    ck_assert_int_eq(fu_etag("b/z"), tag);
    ck_assert_int_eq(fu_entry("a")->node.size, 0);
    ck_assert_int_eq(fu_entry("b")->node.size, 3);
    ck_assert_int_gt(fu_etag("a"), root);
    ck_assert_int_gt(fu_etag("b"), root);
    ck_assert_str_eq(fu_content("b/z"), "123");
    dir_id = fu_entry("b")->node.id;
    dir_tag = fu_etag("b");
    OK(fu_move("b", "a/b2", 0));
    ck_assert_int_eq(fu_entry("a/b2")->node.id, dir_id);
    ck_assert_int_eq(fu_etag("a/b2"), dir_tag);
    ck_assert_int_eq(fu_etag("a/b2/z"), tag);
    ck_assert_str_eq(fu_content("a/b2/z"), "123");
    ck_assert(tu_exists(fu_on_disk("a/b2/z")));
}
END_TEST

START_TEST(move_refuses)
{
    fu_mkcol("a");
    fu_mkcol("a/b");
    fu_put("x", "1");
    fu_put("y", "2");
    FAILS(fu_move("nothing", "z", 1), NOT_FOUND);
    FAILS(fu_move("x", "x", 1), DENIED);
    FAILS(fu_move("a", "a/b/c", 1), CONFLICT);
    FAILS(fu_move("a/b", "a", 1), CONFLICT);
    FAILS(fu_move("x", "no/z", 1), CONFLICT);
    FAILS(fu_move("x", "y", 0), PRECONDITION);
    FAILS(fu_move("x", ".htaccess", 1), BLACKLISTED);
    FAILS(fu_move("", "z", 1), DENIED);
    ck_assert_str_eq(fu_content("x"), "1");
    ck_assert_str_eq(fu_content("y"), "2");
}
END_TEST

START_TEST(move_replaces)
{
    apr_int64_t id;

    fu_mkcol("full");
    fu_put("full/1", "one");
    fu_put("x", "file");
    id = fu_entry("x")->node.id;
    OK(fu_move("x", "full", 1));
    ck_assert_int_eq(fu_entry("full")->node.id, id);
    ck_assert_str_eq(fu_content("full"), "file");
    ck_assert_int_eq(fu_entry("")->node.size, 4);
    fu_mkcol("dir");
    fu_put("dir/2", "two");
    OK(fu_move("dir", "full", 1));
    ck_assert_str_eq(fu_content("full/2"), "two");
    ck_assert_int_eq(fu_entry("")->node.size, 3);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 2);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
}
END_TEST

START_TEST(rename_changes_spelling)
{
    apr_int64_t id = fu_put("foo", "1")->node.id;

    OK(fu_move("foo", "Foo", 0));
    ck_assert_int_eq(fu_entry("Foo")->node.id, id);
    ck_assert(!fu_entry("foo")->exists);
    /* From NFC to NFD: one name, other bytes. */
    OK(fu_move("Foo", "caf\xc3\xa9", 0));
    OK(fu_move("caf\xc3\xa9", "cafe\xcc\x81", 0));
    ck_assert_int_eq(fu_entry("caf\xc3\xa9")->node.id, id);
    ck_assert_str_eq(fu_entry("caf\xc3\xa9")->node.disk, "cafe\xcc\x81");
    ck_assert(tu_exists(fu_on_disk("cafe\xcc\x81")));
    ck_assert_str_eq(fu_content("caf\xc3\xa9"), "1");
}
END_TEST

START_TEST(swap_by_three_moves)
{
    fu_mkcol("a");
    fu_mkcol("b");
    fu_put("a/1", "a");
    fu_put("b/1", "b");
    OK(fu_move("a", "t", 0));
    OK(fu_move("b", "a", 0));
    OK(fu_move("t", "b", 0));
    ck_assert_str_eq(fu_content("a/1"), "b");
    ck_assert_str_eq(fu_content("b/1"), "a");
}
END_TEST

START_TEST(remove_is_one_row_whatever_is_below)
{
    apr_uint64_t before, small, large;
    char name[40];
    int i;

    fu_mkcol("small");
    fu_put("small/1", "x");
    fu_mkcol("large");
    for (i = 0; i < 200; i++) {
        apr_snprintf(name, sizeof name, "large/%d", i);
        fu_put(name, "x");
    }
    before = tu_statements(fu_ctx);
    OK(cloud_file_remove(fu_ctx, fu_alice, "small", NULL));
    small = tu_statements(fu_ctx) - before;
    before = tu_statements(fu_ctx);
    OK(cloud_file_remove(fu_ctx, fu_alice, "large", NULL));
    large = tu_statements(fu_ctx) - before;
    ck_assert_uint_eq(small, large);
    ck_assert(!fu_entry("large")->exists);
    ck_assert(!tu_exists(fu_on_disk("large")));
    ck_assert_int_eq(fu_entry("")->node.size, 0);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent <> 0"), 0);
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/purge", NULL)), 0);
}
END_TEST

START_TEST(remove_refuses)
{
    cloud_cond_t cond = { .must = CLOUD_IF_ETAG, .etag = 1 };

    FAILS(cloud_file_remove(fu_ctx, fu_alice, "nothing", NULL), NOT_FOUND);
    FAILS(cloud_file_remove(fu_ctx, fu_alice, "", NULL), DENIED);
    fu_put("a", "1");
    FAILS(cloud_file_remove(fu_ctx, fu_alice, "a", &cond), PRECONDITION);
    cond.etag = fu_etag("a");
    OK(cloud_file_remove(fu_ctx, fu_alice, "a", &cond));
}
END_TEST

START_TEST(mkcol_refuses)
{
    cloud_result_t res;

    fu_mkcol("a");
    fu_put("f", "1");
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "a", NULL, tu.pool), EXISTS);
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "f", NULL, tu.pool), EXISTS);
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "", NULL, tu.pool), EXISTS);
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "f/b", NULL, tu.pool), CONFLICT);
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "x/y", NULL, tu.pool), CONFLICT);
    FAILS(cloud_file_mkcol(&res, fu_ctx, fu_alice, "*", NULL, tu.pool), INVALID_NAME);
    ck_assert_int_eq(rmdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/staging", NULL)), 0);
}
END_TEST

START_TEST(copy_of_a_file)
{
    cloud_put_opts_t opts = { .length = 3, .has_mtime = 1, .mtime = 1000000000 };
    cloud_result_t res;

    OK(fu_try_put(&res, "a", "abc", &opts));
    OK(fu_copy("a", "b", 0, -1));
    ck_assert_str_eq(fu_content("b"), "abc");
    ck_assert_int_ne(fu_entry("b")->node.id, fu_entry("a")->node.id);
    ck_assert_int_ne(fu_etag("b"), fu_etag("a"));
    ck_assert_int_eq(fu_entry("b")->node.mtime, 1000000000);
    ck_assert_int_eq(cloud_sums_match(fu_entry("a")->node.sums, fu_entry("b")->node.sums), 1);
    ck_assert_int_eq(fu_entry("")->node.size, 6);
    FAILS(fu_copy("a", "b", 0, -1), PRECONDITION);
    FAILS(fu_copy("a", "a", 1, -1), DENIED);
    FAILS(fu_copy("a", "no/b", 1, -1), CONFLICT);
    FAILS(fu_copy("no", "b", 1, -1), NOT_FOUND);
}
END_TEST

START_TEST(copy_of_a_tree)
{
    char name[40];
    int i;

    fu_mkcol("src");
    fu_mkcol("src/sub");
    for (i = 0; i < 300; i++) {
        apr_snprintf(name, sizeof name, "src/sub/%d", i);
        fu_put(name, name);
    }
    fu_put("src/top", "t");
    OK(fu_copy("src", "dst", 0, -1));
    ck_assert_int_eq(fu_entry("dst")->node.size, fu_entry("src")->node.size);
    ck_assert_int_eq(fu_entry("")->node.size, 2 * fu_entry("src")->node.size);
    for (i = 0; i < 300; i += 37) {
        apr_snprintf(name, sizeof name, "dst/sub/%d", i);
        ck_assert_str_eq(fu_content(name), apr_psprintf(tu.pool, "src/sub/%d", i));
    }
    FAILS(fu_copy("src", "src/sub/x", 1, -1), CONFLICT);
    FAILS(fu_copy("src/sub", "src", 1, -1), CONFLICT);
    OK(fu_copy("src", "shallow", 0, 0));
    ck_assert_int_eq(fu_entry("shallow")->node.size, 0);
    ck_assert(!fu_entry("shallow/top")->exists);
    /* Over something that exists: what was there goes. */
    OK(fu_copy("shallow", "dst", 1, -1));
    ck_assert(!fu_entry("dst/top")->exists);
    OK(fu_copy("src/top", "dst", 1, -1));
    ck_assert_str_eq(fu_content("dst"), "t");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent = 0 AND kind = 6"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node n WHERE parent <> 0 AND NOT EXISTS"
                                  " (SELECT 1 FROM node p WHERE p.id = n.parent)"), 0);
}
END_TEST

START_TEST(move_between_accounts_by_the_system)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_result_t res;
    cloud_entry_t *e;
    apr_int64_t id;

    fu_mkcol("d");
    id = fu_put("d/a", "123")->node.id;
    OK(cloud_file_move(&res, tu.ctx, fu_alice, "d", bob, "from alice", 0, NULL, NULL, tu.pool));
    OK(cloud_resolve(&e, tu.ctx, bob, "from alice/a", tu.pool));
    ck_assert_int_eq(e->node.id, id);
    ck_assert(tu_exists("accounts/bob/files/from alice/a"));
    ck_assert_int_eq(fu_entry("")->node.size, 0);
    OK(cloud_resolve(&e, tu.ctx, bob, "", tu.pool));
    ck_assert_int_eq(e->node.size, 3);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
}
END_TEST

/* A copy into an account that went meanwhile: nobody is left whose purge root could take its rows. */
START_TEST(copy_into_an_account_that_is_gone_expires)
{
    tu_exec("INSERT INTO node (parent, name, id, disk, kind, etag, size, mtime, created, ino,"
            " ino_mtime, btime, flags) VALUES (0, 'bulk:7', 7, 'gone/staging/x', 6, 7, 0, 1, 1, 5, 0, 0,"
            " 0), (7, 'f', 8, NULL, 0, 8, 0, 1, 1, 6, 0, 0, 0)");
    OK(cloud_store_expire(tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE id IN (7, 8)"), 0);
}
END_TEST

/* The place of what is copied: another one's, or nobody's, once it was looked at. */
static cloud_err_t *goes_meanwhile(cloud_entry_t **source, void *baton, cloud_ctx_t *ctx,
                                   apr_pool_t *pool)
{
    const char ***next = baton;

    return cloud_resolve_tx(source, ctx, fu_alice, *(*next)++, pool);
}

/* Of a folder that is deleted while it is copied not all may have been there any more. */
START_TEST(copy_of_what_goes_meanwhile)
{
    static const char *then[] = { "no", "other" };
    const char *places[2] = { "src" }, **next;
    cloud_result_t res;
    unsigned i;

    fu_mkcol("src");
    fu_put("src/f", "f");
    fu_mkcol("other");
    for (i = 0; i < sizeof then / sizeof *then; i++) {
        places[1] = then[i];
        next = places;
        FAILS(cloud_files_copy_from(&res, fu_ctx, goes_meanwhile, &next, fu_alice, "dst", 0, NULL,
                                    tu.pool), NOT_FOUND);
        ck_assert(!fu_entry("dst")->exists);
    }
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE kind = 6 AND parent = 0"), 0);
    OK(fu_copy("src", "dst", 0, -1));
}
END_TEST

Suite *suite_files_moves(void)
{
    Suite *s = suite_create("files_moves");
    TCase *tc = tu_case(s, "files_moves", fu_setup);

    tcase_add_test(tc, move_keeps_id_and_etag);
    tcase_add_test(tc, move_refuses);
    tcase_add_test(tc, move_replaces);
    tcase_add_test(tc, rename_changes_spelling);
    tcase_add_test(tc, swap_by_three_moves);
    tcase_add_test(tc, remove_is_one_row_whatever_is_below);
    tcase_add_test(tc, remove_refuses);
    tcase_add_test(tc, mkcol_refuses);
    tcase_add_test(tc, copy_of_a_file);
    tcase_add_test(tc, copy_of_a_tree);
    tcase_add_test(tc, copy_of_what_goes_meanwhile);
    tcase_add_test(tc, copy_into_an_account_that_is_gone_expires);
    tcase_add_test(tc, move_between_accounts_by_the_system);
    return s;
}
