/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Locks go with what they are on. */
#include "testutil.h"

#include "files.h"
#include "lock.h"

static cloud_account_t *alice;
static cloud_ctx_t *ctx; /* alice's */

static void setup(void)
{
    tu_store();
    alice = tu_account("alice");
    ctx = tu_as(alice);
}

static void mkcol(const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, ctx, alice, path, NULL, tu.pool));
}

static void put(const char *path)
{
    cloud_put_opts_t opts = { .length = 0 };
    cloud_result_t res;
    cloud_put_t *p;

    OK(cloud_put_begin(&p, ctx, alice, path, &opts, tu.pool));
    OK(cloud_put_commit(&res, p));
}

static void lock(const char *path, int infinite)
{
    cloud_lock_t *taken;
    int created;

    OK(cloud_lock_take(&taken, &created, ctx, alice, path, 0, infinite, NULL, 0, NULL, tu.pool));
}

/* A folder of so many that are locked, each twice. */
static void many_locked(const char *folder, int n)
{
    int i;

    mkcol(folder);
    for (i = 0; i < n; i++) mkcol(apr_psprintf(tu.pool, "%s/%d", folder, i));
    for (i = 0; i < 2; i++)
        tu_exec(apr_psprintf(tu.pool, "INSERT INTO lock SELECT n.id || 'x%d', %" APR_INT64_T_FMT
                             ", n.id, 0, 0, %" APR_INT64_T_FMT ", NULL, 0, 0, 9000000000000000"
                             " FROM node n JOIN node f ON f.id = n.parent WHERE f.name = '%s'",
                             i, alice->root, alice->number, folder));
}

/* Steps that it costs the system to delete a folder: nobody's lock holds it up. */
static apr_uint64_t cost_of_removal(const char *folder)
{
    tu_steps();
    OK(cloud_file_remove(tu.ctx, alice, folder, NULL));
    return tu_steps();
}

static int locks(void)
{
    return (int)tu_query_int("SELECT count(*) FROM lock");
}

/* Locks go with their item, those of others stay; and each costs its steps once, however many there are. */
START_TEST(test_forgetting_many)
{
    apr_uint64_t none, few, many;

    tu_count_steps();
    ctx = tu_as(alice);
    mkcol("other");
    lock("other", 1);
    many_locked("few", 0);
    many_locked("some", 20);
    many_locked("many", 200);
    ck_assert_int_eq(locks(), 441);
    OK(cloud_file_remove(tu.ctx, alice, "many/0", NULL)); /* statements are prepared */
    ck_assert_int_eq(locks(), 439);
    many = cost_of_removal("many");
    ck_assert_int_eq(locks(), 41);
    few = cost_of_removal("some");
    ck_assert_int_eq(locks(), 1);
    none = cost_of_removal("few");
    ck_assert_int_eq(locks(), 1);
    ck_assert_msg(many - none < 20 * (few - none) && many - none < 100 * 400,
                  "%" APR_UINT64_T_FMT " steps for 398 locks, %" APR_UINT64_T_FMT " for 40, %"
                  APR_UINT64_T_FMT " for none", many, few, none);
}
END_TEST

/* At any depth, of files as of folders. */
START_TEST(test_forgetting)
{
    static const char *const paths[] = { "d/e/g", "d/e", "d" };
    int i;

    mkcol("d");
    mkcol("d/e");
    put("d/e/f");
    put("d/e/g");
    lock("d", 0);
    lock("d/e/f", 0);
    lock("d/e/g", 0);
    for (i = 0; i < 3; i++) {
        OK(cloud_file_remove(tu.ctx, alice, paths[i], NULL));
        ck_assert_int_eq(locks(), 2 - i);
    }
}
END_TEST

Suite *suite_lock_forget(void)
{
    Suite *s = suite_create("lock_forget");
    TCase *tc = tu_case(s, "lock_forget", setup);

    tcase_add_test(tc, test_forgetting);
    tcase_add_test(tc, test_forgetting_many);
    return s;
}
