/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: what people see of each other's trees, and what they may do there. */
#include "mounts_util.h"

#include <string.h>

#define ALL  CLOUD_PERM_ALL
#define READ CLOUD_PERM_READ

/* ---- seeing ---- */

START_TEST(nothing_is_shared)
{
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert(!mu_exists(&mu_bob, "doc"));
    ck_assert_int_eq(mu_etag(&mu_alice, ""), mu_entry(&mu_alice, "")->node.etag);
}
END_TEST

START_TEST(a_folder_and_a_file)
{
    cloud_entry_t *e;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ | CLOUD_PERM_UPDATE);
    mu_put(&mu_bob, "eggs", "own");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;eggs;file.txt;");
    ck_assert_str_eq(mu_list(&mu_bob, "doc"), "a.txt;sub;");
    ck_assert_str_eq(mu_list(&mu_bob, "doc/sub"), "deep;");
    ck_assert_str_eq(mu_read(&mu_bob, "doc/sub/deep"), "deeper");
    ck_assert_str_eq(mu_read(&mu_bob, "file.txt"), "a file");
    e = mu_entry(&mu_bob, "doc/sub/deep");
    ck_assert_int_eq(e->owner->number, mu_alice.account->number);
    ck_assert_int_eq(e->tree, mu_alice.account->root);
    ck_assert_int_eq(e->node.id, mu_id(&mu_alice, "work/doc/sub/deep"));
    ck_assert_int_eq(e->chain_len, mu_entry(&mu_alice, "work/doc/sub/deep")->chain_len);
    ck_assert_int_eq(e->shared, 1);
    ck_assert_int_eq(e->mount_root, 0);
    ck_assert_int_eq(e->mount_len, 3);
    ck_assert_int_eq(mu_entry(&mu_bob, "doc")->mount_root, 1);
    /* Nobody else sees it, and the system sees what is the account's own. */
    ck_assert(!mu_exists(&mu_carol, "doc"));
    OK(cloud_resolve(&e, tu.ctx, mu_bob.account, "doc", tu.pool));
    ck_assert_int_eq(e->exists, 0);
}
END_TEST

START_TEST(letters)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_share(&mu_alice, "work/doc", &mu_carol, READ);
    mu_share(&mu_alice, "file.txt", &mu_carol, ALL);
    ck_assert_str_eq(mu_letters(&mu_bob, "doc"), "SRDNVCK");
    ck_assert_str_eq(mu_letters(&mu_bob, "doc/sub"), "SRDNVCK");
    ck_assert_str_eq(mu_letters(&mu_bob, "doc/a.txt"), "SRDNVW");
    ck_assert_str_eq(mu_letters(&mu_bob, "file.txt"), "SDNV");
    ck_assert_str_eq(mu_letters(&mu_carol, "doc"), "SDNV");
    ck_assert_str_eq(mu_letters(&mu_carol, "doc/sub"), "S");
    ck_assert_str_eq(mu_letters(&mu_carol, "doc/a.txt"), "S");
    ck_assert_str_eq(mu_letters(&mu_carol, "file.txt"), "SRDNVW");
}
END_TEST

START_TEST(what_does_not_count)
{
    apr_int64_t id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    cloud_entry_t *e;

    mu_sql("UPDATE share SET state = 1 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
    mu_sql("UPDATE share SET state = 2 WHERE id = %d", (int)id);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    mu_sql("UPDATE share SET state = 0, expires = 1 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
    mu_sql("UPDATE share SET expires = 99999999999 WHERE id = %d", (int)id);
    ck_assert(mu_exists(&mu_bob, "doc"));
    /* What nothing can be read of is there, and what is in it is not. */
    mu_sql("UPDATE share SET perms = 4 WHERE id = %d", (int)id);
    ck_assert(mu_exists(&mu_bob, "doc"));
    FAILS(cloud_file_stat(&e, mu_bob.ctx, mu_bob.account, "doc/a.txt", tu.pool), NOT_FOUND);
    mu_sql("UPDATE share SET perms = 0 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
    /* A public link is nobody's mount. */
    mu_sql("UPDATE share SET perms = 31, type = 3 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
}
END_TEST

START_TEST(groups)
{
    apr_int64_t id;

    mu_group("team", &mu_bob);
    mu_group("team", &mu_carol);
    mu_group("team", &mu_alice);
    id = mu_share_group(&mu_alice, "work/doc", "team", READ);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "doc;");
    ck_assert_str_eq(mu_list(&mu_dave, ""), "");
    /* The owner has it once, although he is in the group. */
    ck_assert_str_eq(mu_list(&mu_alice, ""), "file.txt;work;");
    mu_sql("INSERT INTO share_member (share, account, state) VALUES (%d, %" APR_INT64_T_FMT ", 2)",
           (int)id, mu_bob.account->number);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "doc;");
    /* The group as a whole has to be asked first; Carol has said yes. */
    mu_sql("UPDATE share SET state = 1 WHERE id = %d", (int)id);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
    mu_sql("INSERT INTO share_member (share, account, state) VALUES (%d, %" APR_INT64_T_FMT ", 0)",
           (int)id, mu_carol.account->number);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "doc;");
    /* Who leaves the group loses it. */
    mu_sql("DELETE FROM membership WHERE account = %" APR_INT64_T_FMT, mu_carol.account->number);
    ck_assert(!mu_exists(&mu_carol, "doc/a.txt"));
}
END_TEST

START_TEST(grants_add_up)
{
    apr_int64_t id;

    mu_group("team", &mu_bob);
    mu_share_group(&mu_alice, "work/doc", "team", READ | CLOUD_PERM_UPDATE);
    id = mu_share(&mu_alice, "work/doc", &mu_bob, READ | CLOUD_PERM_CREATE);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
    ck_assert_uint_eq(mu_entry(&mu_bob, "doc/a.txt")->perms,
                      READ | CLOUD_PERM_UPDATE | CLOUD_PERM_CREATE);
    /* Content may be read where one of them lets it. */
    mu_sql("UPDATE share SET flags = 1 WHERE id = %d", (int)id);
    ck_assert_str_eq(mu_read(&mu_bob, "doc/a.txt"), "of alice");
    mu_sql("UPDATE share SET flags = 1");
    ck_assert_ptr_null(mu_read(&mu_bob, "doc/a.txt"));
    ck_assert_str_eq(mu_list(&mu_bob, "doc"), "a.txt;sub;");
    FAILS(mu_copy(&mu_bob, "doc/a.txt", "stolen"), DENIED);
    FAILS(mu_copy(&mu_bob, "doc", "stolen"), DENIED);
}
END_TEST

/* ---- doing ---- */

START_TEST(writing_in_a_mount)
{
    cloud_result_t res;
    cloud_entry_t *e;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ | CLOUD_PERM_UPDATE);
    mu_put(&mu_bob, "doc/new", "by bob");
    mu_put(&mu_bob, "doc/a.txt", "changed by bob");
    mu_put(&mu_bob, "file.txt", "also changed");
    mu_mkcol(&mu_bob, "doc/made");
    FAILS(cloud_file_mkcol(&res, mu_bob.ctx, mu_bob.account, "doc", NULL, tu.pool), EXISTS);
    FAILS(mu_try_put(&mu_bob, "doc", "over a folder"), CONFLICT);
    FAILS(mu_try_put(&mu_bob, "doc/nothing/x", "x"), CONFLICT);
    ck_assert_str_eq(mu_list(&mu_alice, "work/doc"), "a.txt;made;new;sub;");
    ck_assert_str_eq(mu_read(&mu_alice, "work/doc/a.txt"), "changed by bob");
    ck_assert_str_eq(mu_read(&mu_alice, "file.txt"), "also changed");
    e = mu_entry(&mu_alice, "");
    ck_assert_int_eq(e->node.size, 14 + 6 + 6 + 12);
    ck_assert_int_eq(mu_entry(&mu_bob, "")->node.size, 0);
    /* Nothing of it is in Bob's directory. */
    ck_assert(tu_exists("accounts/alice/files/work/doc/made"));
    ck_assert(!tu_exists("accounts/bob/files/doc"));
    OK(mu_remove(&mu_bob, "doc/new"));
    ck_assert(!mu_exists(&mu_alice, "work/doc/new"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 1);
}
END_TEST

START_TEST(what_is_not_allowed)
{
    cloud_result_t res;

    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    FAILS(mu_try_put(&mu_bob, "doc/a.txt", "x"), DENIED);
    FAILS(mu_try_put(&mu_bob, "doc/new", "x"), DENIED);
    FAILS(mu_try_put(&mu_bob, "file.txt", "x"), DENIED);
    FAILS(cloud_file_mkcol(&res, mu_bob.ctx, mu_bob.account, "doc/d", NULL, tu.pool), DENIED);
    FAILS(mu_remove(&mu_bob, "doc/a.txt"), DENIED);
    ck_assert(!tu_exists("accounts/alice/trash"));
    FAILS(mu_move(&mu_bob, "doc/a.txt", "doc/b.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/a.txt", "mine.txt"), DENIED);
    FAILS(mu_copy(&mu_bob, "doc/a.txt", "doc/b.txt"), DENIED);
    OK(mu_copy(&mu_bob, "doc/a.txt", "mine.txt"));
    ck_assert_str_eq(mu_read(&mu_bob, "mine.txt"), "of alice");
    FAILS(mu_copy(&mu_bob, "mine.txt", "file.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "mine.txt", "file.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "mine.txt", "doc/x"), DENIED);
}
END_TEST

START_TEST(a_write_ends_with_the_permission)
{
    cloud_put_opts_t opts = { .length = 4 };
    cloud_result_t res;
    cloud_put_t *put;
    apr_int64_t id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);

    OK(cloud_put_begin(&put, mu_bob.ctx, mu_bob.account, "doc/new", &opts, tu.pool));
    OK(cloud_put_write(put, "late", 4));
    mu_sql("UPDATE share SET perms = 1 WHERE id = %d", (int)id);
    FAILS(cloud_put_commit(&res, put), DENIED);
    OK(cloud_put_begin(&put, mu_bob.ctx, mu_bob.account, "own", &opts, tu.pool));
    ck_assert(!mu_exists(&mu_alice, "work/doc/new"));
}
END_TEST

/* ---- ETags ---- */

START_TEST(etags_of_folders)
{
    apr_int64_t root = mu_etag(&mu_bob, ""), id, doc, before;

    id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    root = mu_etag(&mu_bob, "");
    doc = mu_etag(&mu_bob, "doc");
    ck_assert_int_ne(doc, mu_etag(&mu_alice, "work/doc"));
    ck_assert_int_eq(mu_etag(&mu_bob, "doc/a.txt"), mu_etag(&mu_alice, "work/doc/a.txt"));
    ck_assert_int_eq(mu_etag(&mu_bob, ""), root);
    /* A change of the other side is seen up to the root. */
    mu_put(&mu_alice, "work/doc/sub/deep", "other");
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    ck_assert_int_ne(mu_etag(&mu_bob, "doc"), doc);
    root = mu_etag(&mu_bob, "");
    doc = mu_etag(&mu_bob, "doc");
    /* So is one of the permissions, which no row of the tree notes. */
    before = mu_etag(&mu_alice, "");
    mu_sql("UPDATE share SET perms = 1 WHERE id = %d", (int)id);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    ck_assert_int_ne(mu_etag(&mu_bob, "doc"), doc);
    ck_assert_int_eq(mu_etag(&mu_alice, ""), before);
    ck_assert_int_lt(mu_etag(&mu_bob, "doc"), APR_INT64_C(1) << 59);
    root = mu_etag(&mu_bob, "");
    /* And a place. */
    mu_mkcol(&mu_bob, "mine");
    before = mu_etag(&mu_bob, "mine");
    mu_place(&mu_bob, mu_id(&mu_alice, "work/doc"), mu_id(&mu_bob, "mine"), "doc");
    ck_assert_int_ne(mu_etag(&mu_bob, "mine"), before);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
}
END_TEST

static cloud_err_t *take_etag(void *baton, const cloud_child_t *child)
{
    apr_hash_t *etags = baton;
    apr_int64_t *etag = apr_pmemdup(tu.pool, &child->etag, sizeof child->etag);

    apr_hash_set(etags, apr_pstrdup(tu.pool, child->name), APR_HASH_KEY_STRING, etag);
    return NULL;
}

START_TEST(a_listing_has_the_same_etags)
{
    static const char *const names[] = { "doc", "mine", "other" };
    apr_hash_t *etags = apr_hash_make(tu.pool);
    cloud_entry_t *root;
    unsigned i;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/sub");
    mu_mkcol(&mu_bob, "other");
    mu_place(&mu_bob, mu_id(&mu_alice, "file.txt"), mu_id(&mu_bob, "mine/sub"), "f");
    OK(cloud_file_stat(&root, mu_bob.ctx, mu_bob.account, "", tu.pool));
    OK(cloud_file_list(mu_bob.ctx, root, take_etag, etags));
    ck_assert_uint_eq(apr_hash_count(etags), 3);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(*(apr_int64_t *)apr_hash_get(etags, names[i], APR_HASH_KEY_STRING),
                         mu_etag(&mu_bob, names[i]));
    ck_assert_int_ne(mu_etag(&mu_bob, "mine"), mu_entry(&mu_bob, "mine")->node.etag);
    ck_assert_int_eq(mu_etag(&mu_bob, "other"), mu_entry(&mu_bob, "other")->node.etag);
}
END_TEST

/* ---- by id ---- */

static const char *path_of(person_t *p, apr_int64_t id)
{
    cloud_entry_t *e;

    OK(cloud_resolve_id(&e, p->ctx, p->account, id, tu.pool));
    ck_assert_int_eq(e->node.id, id);
    return e->path;
}

START_TEST(by_id)
{
    apr_int64_t deep = mu_id(&mu_alice, "work/doc/sub/deep");
    cloud_entry_t *e;

    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, deep, tu.pool), NOT_FOUND);
    mu_mkcol(&mu_carol, "doc");
    mu_mkcol(&mu_bob, "mine");
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_carol, "doc", &mu_bob, ALL);
    ck_assert_str_eq(path_of(&mu_bob, deep), "doc/sub/deep");
    ck_assert_str_eq(path_of(&mu_bob, mu_id(&mu_carol, "doc")), "doc (2)");
    ck_assert_str_eq(path_of(&mu_bob, mu_id(&mu_bob, "mine")), "mine");
    ck_assert_str_eq(path_of(&mu_alice, deep), "work/doc/sub/deep");
    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, mu_id(&mu_alice, "work"), tu.pool),
          NOT_FOUND);
    mu_place(&mu_bob, mu_id(&mu_alice, "work/doc"), mu_id(&mu_bob, "mine"), "theirs");
    ck_assert_str_eq(path_of(&mu_bob, deep), "mine/theirs/sub/deep");
    /* The nearest of several. */
    mu_share(&mu_alice, "work/doc/sub", &mu_bob, READ);
    ck_assert_str_eq(path_of(&mu_bob, deep), "sub/deep");
    mu_remove(&mu_bob, "mine");
    ck_assert_str_eq(path_of(&mu_bob, mu_id(&mu_alice, "work/doc/sub")), "sub");
    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, mu_id(&mu_alice, "work/doc/a.txt"),
                           tu.pool),
          NOT_FOUND);
}
END_TEST

Suite *suite_mounts(void)
{
    Suite *suite = suite_create("mounts");
    TCase *tc = tcase_create("seeing");

    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, nothing_is_shared);
    tcase_add_test(tc, a_folder_and_a_file);
    tcase_add_test(tc, letters);
    tcase_add_test(tc, what_does_not_count);
    tcase_add_test(tc, groups);
    tcase_add_test(tc, grants_add_up);
    suite_add_tcase(suite, tc);

    tc = tcase_create("doing");
    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, writing_in_a_mount);
    tcase_add_test(tc, what_is_not_allowed);
    tcase_add_test(tc, a_write_ends_with_the_permission);
    suite_add_tcase(suite, tc);

    tc = tcase_create("etags");
    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, etags_of_folders);
    tcase_add_test(tc, a_listing_has_the_same_etags);
    tcase_add_test(tc, by_id);
    suite_add_tcase(suite, tc);
    return suite;
}
