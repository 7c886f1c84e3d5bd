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

/* A lock of somebody else's is told by nothing, whether its token is given back or made to last. */
START_TEST(a_lock_tells_nothing)
{
    static const char *const paths[] = { "doc/a.txt", "doc/none.txt" };
    cloud_lock_t *lock, *again;
    int created;
    unsigned i;

    mu_share(&mu_alice, "work/doc", &mu_bob, CLOUD_PERM_UPDATE | CLOUD_PERM_CREATE);
    OK(cloud_lock_take(&lock, &created, mu_alice.ctx, mu_alice.account, "work/doc/a.txt", 1, 0,
                       NULL, 600, NULL, tu.pool));
    for (i = 0; i < 2; i++) {
        FAILS(cloud_lock_release(mu_bob.ctx, mu_bob.account, paths[i], lock->token), DENIED);
        FAILS(cloud_lock_refresh(&again, mu_bob.ctx, mu_bob.account, paths[i], lock->token, 600,
                                 tu.pool), DENIED);
    }
    OK(cloud_lock_release(mu_alice.ctx, mu_alice.account, "work/doc/a.txt", lock->token));
}
END_TEST

/* Whoever may write a file may set its time; what is in it is not told by that. */
START_TEST(the_time_of_what_may_not_be_read)
{
    apr_int64_t time = 1234567890;
    cloud_result_t res;

    mu_share(&mu_alice, "work/doc/a.txt", &mu_bob, CLOUD_PERM_UPDATE);
    OK(cloud_file_proppatch(&res, mu_bob.ctx, mu_bob.account, "a.txt", NULL, &time, NULL,
                            tu.pool));
    ck_assert_int_eq(mu_entry(&mu_alice, "work/doc/a.txt")->node.mtime, time);
    ck_assert_ptr_null(mu_read(&mu_bob, "a.txt"));
    mu_share(&mu_alice, "work/doc", &mu_carol, READ);
    FAILS(cloud_file_proppatch(&res, mu_carol.ctx, mu_carol.account, "doc/a.txt", NULL, &time, NULL,
                               tu.pool), DENIED);
    FAILS(cloud_file_proppatch(&res, mu_carol.ctx, mu_carol.account, "doc/none.txt", NULL, &time,
                               NULL, tu.pool), NOT_FOUND);
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

/* Statements and their steps for a look at a path. */
static apr_uint64_t cost_of_look(const char *path, int *access)
{
    apr_uint64_t before = tu_statements(mu_bob.ctx), steps;
    cloud_entry_t *e;

    tu_steps();
    OK(cloud_resolve(&e, mu_bob.ctx, mu_bob.account, path, tu.pool));
    steps = tu_steps();
    *access = cloud_access(mu_bob.ctx, e, CLOUD_OP_CREATE) == NULL;
    ck_assert(!e->exists);
    ck_assert(cloud_err_is(cloud_access(mu_bob.ctx, e, CLOUD_OP_LIST), CLOUD_E_NOT_FOUND));
    return (tu_statements(mu_bob.ctx) - before) * 1000000 + steps;
}

/* Neither answers nor what they cost differ with what is there. */
START_TEST(what_is_there_is_not_looked_for)
{
    static const char *const just_below[] = { "doc/a.txt", "doc/none", "doc/sub", "doc/many" };
    static const char *const deeper[] = { "doc/sub/in", "doc/sub/none", "doc/none/x", "doc/a.txt/x" };
    apr_uint64_t cost;
    unsigned i;
    int may;

    mu_mkcol(&mu_alice, "work/doc/sub");
    mu_put(&mu_alice, "work/doc/sub/in", "in");
    mu_share(&mu_alice, "work/doc", &mu_bob, CLOUD_PERM_CREATE);
    tu_count_steps();
    mu_bob.ctx = tu_as(mu_bob.account);
    cost = cost_of_look("doc/x", &may);
    cost = cost_of_look("doc/x", &may);
    for (i = 0; i < sizeof just_below / sizeof *just_below; i++) {
        ck_assert_uint_eq(cost_of_look(just_below[i], &may), cost);
        ck_assert_int_eq(may, 1);
    }
    for (i = 0; i < sizeof deeper / sizeof *deeper; i++) {
        ck_assert_uint_eq(cost_of_look(deeper[i], &may), cost);
        ck_assert_int_eq(may, 0);
    }
}
END_TEST

/* As many equal names as anybody likes: each gets one of its own. */
START_TEST(equal_names)
{
    apr_int64_t folder = mu_id(&mu_alice, "work/doc");
    int i;

    mu_share(&mu_alice, "work/doc", &mu_bob, CLOUD_PERM_CREATE);
    mu_put(&mu_bob, "own", "of bob");
    for (i = 0; i < 30; i++) {
        OK(mu_try_put(&mu_bob, "doc/a.txt", "of bob"));
        OK(mu_copy(&mu_bob, "own", "doc/own"));
    }
    mu_mkcol(&mu_bob, "doc/own");
    ck_assert_str_eq(mu_read(&mu_alice, "work/doc/a.txt"), "of alice");
    ck_assert_int_eq(tu_query_int(apr_psprintf(tu.pool, "SELECT count(*) FROM node WHERE parent = %"
                                               APR_INT64_T_FMT, folder)), 62);
    ck_assert(mu_exists(&mu_alice, "work/doc/a (20).txt"));
    ck_assert(mu_exists(&mu_alice, "work/doc/own (20)"));
}
END_TEST

Suite *suite_mounts_unread(void)
{
    Suite *suite = suite_create("mounts_unread");
    TCase *tc = tcase_create("mounts_unread");

    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, what_may_not_be_read_lets_nobody_download);
    tcase_add_test(tc, a_mark_on_what_may_not_be_read);
    tcase_add_test(tc, a_lock_tells_nothing);
    tcase_add_test(tc, the_time_of_what_may_not_be_read);
    tcase_add_test(tc, seen_through_another_share);
    tcase_add_test(tc, what_is_there_is_not_looked_for);
    tcase_add_test(tc, equal_names);
    suite_add_tcase(suite, tc);
    return suite;
}
