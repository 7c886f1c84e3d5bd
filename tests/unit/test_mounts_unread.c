/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts without the permission to read: what is in them stays unknown, and unharmed. After each test fsck has to
 * find nothing. */
#include "mounts_util.h"

#define READ CLOUD_PERM_READ

static void setup(void)
{
    mu_setup();
    mu_mkcol(&mu_alice, "work");
    mu_mkcol(&mu_alice, "work/doc");
    mu_put(&mu_alice, "work/doc/a.txt", "of alice");
}

/* Who may only put something there lets nobody read what he may not. */
START_TEST(what_may_not_be_read_lets_nobody_download)
{
    apr_int64_t id = mu_share(&mu_alice, "work/doc", &mu_bob, READ);

    mu_sql("UPDATE share SET flags = 1 WHERE id = %d", (int)id);
    mu_group("team", &mu_bob);
    mu_share_group(&mu_alice, "work/doc", "team", CLOUD_PERM_CREATE);
    ck_assert_ptr_null(mu_read(&mu_bob, "doc/a.txt"));
    mu_share(&mu_alice, "work/doc", &mu_carol, CLOUD_PERM_CREATE | CLOUD_PERM_SHARE);
    mu_reshare(&mu_carol, "doc", &mu_bob, CLOUD_PERM_CREATE);
    ck_assert_ptr_null(mu_read(&mu_bob, "doc/a.txt"));
    ck_assert_uint_eq(mu_entry(&mu_bob, "doc")->perms & CLOUD_PERM_ALL, READ | CLOUD_PERM_CREATE);
}
END_TEST

/* What its recipient is not told stays as it is. */
START_TEST(a_mark_on_what_may_not_be_read)
{
    const int on = 1;
    cloud_entry_t before, *e;
    const cloud_patch_t patch = { .favorite = &on };
    cloud_result_t res;

    mu_share(&mu_alice, "work/doc", &mu_bob, CLOUD_PERM_CREATE);
    before = *mu_entry(&mu_alice, "work/doc");
    ck_assert_int_gt(before.node.size, 0);
    OK(cloud_file_patch(&res, mu_bob.ctx, mu_bob.account, "doc", &patch, NULL, tu.pool));
    e = mu_entry(&mu_alice, "work/doc");
    ck_assert_int_eq(e->node.size, before.node.size);
    ck_assert_int_eq(e->node.etag, before.node.etag);
    ck_assert_int_eq(e->node.mtime, before.node.mtime);
    ck_assert_int_ne(mu_etag(&mu_bob, "doc"), mu_etag(&mu_alice, "work/doc"));
}
END_TEST

/* One who sees a folder, and was given what is in it once more to put things there, sees that, too. */
START_TEST(seen_through_another_share)
{
    apr_int64_t file = mu_id(&mu_alice, "work/doc/a.txt");
    cloud_entry_t *e;

    mu_share(&mu_alice, "work", &mu_bob, CLOUD_PERM_ALL);
    mu_share(&mu_alice, "work/doc", &mu_bob, CLOUD_PERM_CREATE);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;work;");
    OK(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, file, tu.pool));
    ck_assert_str_eq(e->path, "work/doc/a.txt");
    mu_sql("DELETE FROM share WHERE perms = 31");
    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, file, tu.pool), NOT_FOUND);
}
END_TEST

Suite *suite_mounts_unread(void)
{
    Suite *suite = suite_create("mounts_unread");
    TCase *tc = tcase_create("mounts_unread");

    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, what_may_not_be_read_lets_nobody_download);
    tcase_add_test(tc, a_mark_on_what_may_not_be_read);
    tcase_add_test(tc, seen_through_another_share);
    suite_add_tcase(suite, tc);
    return suite;
}
