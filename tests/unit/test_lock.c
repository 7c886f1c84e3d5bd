/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <pthread.h>
#include <string.h>

#include "files.h"
#include "lock.h"
#include "settings.h"

static cloud_account_t *alice;
static cloud_ctx_t *ctx; /* alice's */

static void setup(void)
{
    tu_store();
    alice = tu_account("alice");
    ctx = tu_as(alice);
}

/* ---- shorthand ---- */

static void mkcol(const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, ctx, alice, path, NULL, tu.pool));
}

static const apr_array_header_t *tokens(const char *a, const char *b)
{
    apr_array_header_t *list = apr_array_make(tu.pool, 2, sizeof(const char *));

    if (a) APR_ARRAY_PUSH(list, const char *) = a;
    if (b) APR_ARRAY_PUSH(list, const char *) = b;
    return list;
}

static cloud_err_t *put_with(cloud_ctx_t *c, const char *path, const char *token)
{
    cloud_put_opts_t opts = { .length = 1, .cond = { .tokens = tokens(token, NULL) } };
    cloud_result_t res;
    cloud_put_t *put;

    CLOUD_ERR(cloud_put_begin(&put, c, alice, path, &opts, tu.pool));
    CLOUD_ERR(cloud_put_write(put, "x", 1));
    return cloud_put_commit(&res, put);
}

static cloud_err_t *put(const char *path, const char *token)
{
    return put_with(ctx, path, token);
}

static cloud_err_t *take(cloud_lock_t **lock, const char *path, int exclusive, int infinite)
{
    int created;

    return cloud_lock_take(lock, &created, ctx, alice, path, exclusive, infinite, NULL, 0, NULL,
                           tu.pool);
}

static const char *locked(const char *path, int exclusive, int infinite)
{
    cloud_lock_t *lock;

    OK(take(&lock, path, exclusive, infinite));
    return lock->token;
}

static cloud_err_t *unlock(const char *path, const char *token)
{
    return cloud_lock_release(ctx, alice, path, token);
}

static cloud_err_t *remove_with(const char *path, const char *a, const char *b)
{
    cloud_cond_t cond = { .tokens = tokens(a, b) };

    return cloud_file_remove(ctx, alice, path, &cond);
}

static cloud_err_t *move_with(const char *src, const char *dst, int overwrite, const char *a,
                              const char *b)
{
    cloud_cond_t cond = { .tokens = tokens(a, b) };
    cloud_result_t res;

    return cloud_file_move(&res, ctx, alice, src, alice, dst, overwrite, &cond, &cond, tu.pool);
}

static const apr_array_header_t *found(const char *path, int below)
{
    apr_array_header_t *locks;
    cloud_entry_t *entry;

    OK(cloud_resolve(&entry, ctx, alice, path, tu.pool));
    OK(cloud_lock_find(&locks, ctx, entry, below, tu.pool));
    return locks;
}

/* ---- one resource ---- */

START_TEST(test_token)
{
    cloud_lock_t *lock;
    int created, i;

    OK(put("f", NULL));
    OK(cloud_lock_take(&lock, &created, ctx, alice, "f", 1, 0, "<d:href xmlns:d='DAV:'>me</d:href>",
                       60, NULL, tu.pool));
    ck_assert_int_eq(created, 0);
    ck_assert_str_eq(lock->account_id, "alice");
    ck_assert_str_eq(lock->owner, "<d:href xmlns:d='DAV:'>me</d:href>");
    ck_assert_str_eq(lock->path, "f");
    ck_assert_int_eq(lock->timeout, 60);
    ck_assert_int_eq(strncmp(lock->token, "opaquelocktoken:", 16), 0);
    ck_assert_int_eq(strlen(lock->token), 16 + 36);
    for (i = 16; i < 52; i++)
        ck_assert_ptr_nonnull(strchr("0123456789abcdef-", lock->token[i]));
    ck_assert_int_eq(lock->token[16 + 14], '4');
    ck_assert_int_eq(found("f", 0)->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(found("f", 0), 0, cloud_lock_t).token, lock->token);
}
END_TEST

START_TEST(test_exclusive)
{
    const char *t;

    OK(put("f", NULL));
    t = locked("f", 1, 0);
    FAILS(put("f", NULL), LOCKED);
    FAILS(put("f", "opaquelocktoken:00000000-0000-4000-8000-000000000000"), LOCKED);
    OK(put("f", t));
    FAILS(remove_with("f", NULL, NULL), LOCKED);
    FAILS(move_with("f", "g", 0, NULL, NULL), LOCKED);
    FAILS(take(&(cloud_lock_t *){ NULL }, "f", 1, 0), LOCKED);
    FAILS(take(&(cloud_lock_t *){ NULL }, "f", 0, 0), LOCKED);
    OK(put("other", NULL));
    FAILS(move_with("other", "f", 1, NULL, NULL), LOCKED);
    FAILS(unlock("other", t), CONFLICT);
    FAILS(unlock("f", "opaquelocktoken:x"), CONFLICT);
    OK(unlock("f", t));
    FAILS(unlock("f", t), CONFLICT);
    OK(put("f", NULL));
}
END_TEST

START_TEST(test_shared)
{
    const char *a, *b;

    OK(put("f", NULL));
    a = locked("f", 0, 0);
    b = locked("f", 0, 0);
    ck_assert_str_ne(a, b);
    FAILS(take(&(cloud_lock_t *){ NULL }, "f", 1, 0), LOCKED);
    FAILS(put("f", NULL), LOCKED);
    OK(put("f", a)); /* whoever holds one of them may write */
    OK(put("f", b));
    OK(unlock("f", a));
    FAILS(put("f", a), LOCKED);
    OK(put("f", b));
    ck_assert_int_eq(found("f", 0)->nelts, 1);
}
END_TEST

START_TEST(test_others)
{
    cloud_account_t *bob = tu_account("bob");
    cloud_ctx_t *other = tu_as(bob);
    cloud_lock_t *lock;
    const char *t;
    int created;

    OK(put("f", NULL));
    t = locked("f", 1, 0);
    /* The admin's tools are held up by nobody's lock. */
    OK(put_with(tu.ctx, "f", NULL));
    FAILS(cloud_lock_take(&lock, &created, tu_as(NULL), alice, "f", 1, 0, NULL, 0, NULL, tu.pool),
          DENIED);
    ck_assert_ptr_nonnull(
        cloud_lock_take(&lock, &created, other, alice, "f", 1, 0, NULL, 0, NULL, tu.pool));
    ck_assert_ptr_nonnull(cloud_lock_release(other, alice, "f", t));
    FAILS(cloud_lock_refresh(&lock, other, alice, "f", t, 0, tu.pool), PRECONDITION);
    /* Of somebody who may not write there any more it holds nobody up, and the owner may end it. */
    tu_exec("UPDATE lock SET account = (SELECT number FROM account WHERE id = 'bob')");
    OK(put("f", NULL));
    OK(unlock("f", t));
    t = locked("f", 1, 0);
    tu_exec("UPDATE lock SET account = (SELECT number FROM account WHERE id = 'bob')");
    OK(cloud_account_delete(tu.ctx, "bob"));
    OK(put("f", NULL)); /* nobody holds it any more */
    FAILS(unlock("f", t), CONFLICT);
}
END_TEST

/* ---- unmapped ---- */

START_TEST(test_unmapped)
{
    cloud_lock_t *lock, *other;
    cloud_entry_t *entry;
    int created = 0;

    OK(cloud_lock_take(&lock, &created, ctx, alice, "new", 1, 1, NULL, 0, NULL, tu.pool));
    ck_assert_int_eq(created, 1);
    OK(cloud_file_stat(&entry, ctx, alice, "new", tu.pool));
    ck_assert_int_eq(entry->node.kind, CLOUD_KIND_FILE);
    ck_assert_int_eq(entry->node.size, 0);
    ck_assert_int_gt(entry->node.sums.len, 0);
    ck_assert_int_eq(lock->node, entry->node.id);
    FAILS(put("new", NULL), LOCKED);
    OK(put("new", lock->token));
    FAILS(cloud_lock_take(&other, &created, ctx, alice, "no/new", 1, 0, NULL, 0, NULL, tu.pool),
          CONFLICT);
    FAILS(cloud_lock_take(&other, &created, ctx, alice, ".htaccess", 1, 0, NULL, 0, NULL, tu.pool),
          BLACKLISTED);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM lock"), 1);
}
END_TEST

/* Nothing is made where the lock can't be had. */
START_TEST(test_unmapped_below_lock)
{
    cloud_lock_t *lock;
    cloud_entry_t *entry;
    const char *t;
    int created;

    mkcol("d");
    t = locked("d", 1, 1);
    FAILS(cloud_lock_take(&lock, &created, ctx, alice, "d/new", 1, 0, NULL, 0, NULL, tu.pool),
          LOCKED);
    FAILS(cloud_lock_take(&lock, &created, ctx, alice, "d/new", 1, 0, NULL, 0, tokens(t, NULL),
                          tu.pool),
          LOCKED);
    FAILS(cloud_file_stat(&entry, ctx, alice, "d/new", tu.pool), NOT_FOUND);
    OK(unlock("d", t));
    t = locked("d", 1, 0);
    FAILS(cloud_lock_take(&lock, &created, ctx, alice, "d/new", 1, 0, NULL, 0, NULL, tu.pool),
          LOCKED);
    OK(cloud_lock_take(&lock, &created, ctx, alice, "d/new", 1, 0, NULL, 0, tokens(t, NULL),
                       tu.pool));
    tu_maintain();
    ck_assert(!tu_exists("accounts/alice/files/d/newer"));
    ck_assert(tu_exists("accounts/alice/files/d/new"));
}
END_TEST

/* ---- folders ---- */

START_TEST(test_depth)
{
    const char *t;

    mkcol("d");
    mkcol("d/sub");
    OK(put("d/f", NULL));
    t = locked("d", 1, 0);
    OK(put("d/f", NULL));             /* the content of a member is free */
    FAILS(put("d/new", NULL), LOCKED); /* membership is not */
    OK(put("d/new", t));
    FAILS(remove_with("d/f", NULL, NULL), LOCKED);
    OK(put("d/sub/x", NULL));
    FAILS(move_with("d/sub/x", "d/x", 0, NULL, NULL), LOCKED);
    OK(move_with("d/sub/x", "d/x", 0, t, NULL));
    OK(unlock("d", t));
    t = locked("d", 1, 1);
    FAILS(put("d/f", NULL), LOCKED);
    FAILS(put("d/sub/y", NULL), LOCKED);
    OK(put("d/sub/y", t));
    FAILS(take(&(cloud_lock_t *){ NULL }, "d/sub/y", 0, 0), LOCKED);
    ck_assert_int_eq(found("d/sub/y", 0)->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(found("d/sub/y", 0), 0, cloud_lock_t).path, "d");
    OK(unlock("d/sub/y", t)); /* by any path that it covers */
    OK(put("d/f", NULL));
}
END_TEST

START_TEST(test_below)
{
    const char *t;

    mkcol("d");
    mkcol("d/sub");
    OK(put("d/sub/f", NULL));
    t = locked("d/sub/f", 1, 0);
    FAILS(take(&(cloud_lock_t *){ NULL }, "d", 1, 1), LOCKED);
    FAILS(take(&(cloud_lock_t *){ NULL }, "", 1, 1), LOCKED);
    FAILS(take(&(cloud_lock_t *){ NULL }, "d", 0, 1), LOCKED);
    OK(unlock("d", locked("d", 1, 0)));
    FAILS(remove_with("d", NULL, NULL), LOCKED);
    FAILS(move_with("d", "e", 0, NULL, NULL), LOCKED);
    ck_assert_int_eq(found("d", 0)->nelts, 0);
    ck_assert_int_eq(found("d", 1)->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(found("d", 1), 0, cloud_lock_t).path, "d/sub/f");
    ck_assert_str_eq(APR_ARRAY_IDX(found("", 1), 0, cloud_lock_t).path, "d/sub/f");
    OK(move_with("d", "e", 0, t, NULL));
    ck_assert_int_eq(found("e", 1)->nelts, 0); /* a lock does not move along */
    OK(put("e/sub/f", NULL));
}
END_TEST

START_TEST(test_shared_below)
{
    const char *t, *sub;

    mkcol("d");
    OK(put("d/f", NULL));
    sub = locked("d/f", 0, 0);
    t = locked("d", 0, 1);
    FAILS(take(&(cloud_lock_t *){ NULL }, "d", 1, 1), LOCKED);
    OK(put("d/f", t)); /* two shared locks cover it */
    OK(put("d/f", sub));
    FAILS(put("d/g", sub), LOCKED);
    OK(remove_with("d", t, NULL));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM lock"), 0);
}
END_TEST

START_TEST(test_replaced)
{
    const char *src, *dst;

    OK(put("a", NULL));
    OK(put("b", NULL));
    src = locked("a", 1, 0);
    dst = locked("b", 1, 0);
    FAILS(move_with("a", "b", 1, src, NULL), LOCKED);
    FAILS(move_with("a", "b", 1, NULL, dst), LOCKED);
    OK(move_with("a", "b", 1, src, dst));
    FAILS(unlock("b", src), CONFLICT);
}
END_TEST

/* ---- time ---- */

START_TEST(test_timeout)
{
    cloud_lock_t *lock, *again;
    int created;

    OK(put("f", NULL));
    OK(cloud_setting_set(tu.ctx, "core", "lock_timeout_default", "100"));
    OK(cloud_setting_set(tu.ctx, "core", "lock_timeout_max", "1000"));
    OK(cloud_lock_take(&lock, &created, ctx, alice, "f", 1, 0, NULL, 0, NULL, tu.pool));
    ck_assert_int_eq(lock->timeout, 100);
    OK(cloud_lock_refresh(&again, ctx, alice, "f", lock->token, 500, tu.pool));
    ck_assert_int_eq(again->timeout, 500);
    ck_assert_int_gt(again->expires, lock->expires);
    OK(cloud_lock_refresh(&again, ctx, alice, "f", lock->token, -1, tu.pool));
    ck_assert_int_eq(again->timeout, 1000);
    OK(cloud_lock_refresh(&again, ctx, alice, "f", lock->token, 5000, tu.pool));
    ck_assert_int_eq(again->timeout, 1000);
    FAILS(cloud_lock_refresh(&again, ctx, alice, "f", "opaquelocktoken:x", 0, tu.pool),
          PRECONDITION);
    FAILS(cloud_lock_refresh(&again, ctx, alice, "g", lock->token, 0, tu.pool), PRECONDITION);
}
END_TEST

START_TEST(test_expired)
{
    cloud_lock_t *lock;
    cloud_entry_t *entry;
    const char *t;
    int any;

    OK(put("f", NULL));
    t = locked("f", 1, 0);
    OK(cloud_file_stat(&entry, ctx, alice, "f", tu.pool));
    OK(cloud_lock_any(&any, ctx, entry->tree));
    ck_assert_int_eq(any, 1);
    tu_exec("UPDATE lock SET expires = 1");
    OK(cloud_lock_any(&any, ctx, entry->tree));
    ck_assert_int_eq(any, 0);
    ck_assert_int_eq(found("f", 0)->nelts, 0);
    OK(put("f", NULL));
    FAILS(cloud_lock_refresh(&lock, ctx, alice, "f", t, 0, tu.pool), PRECONDITION);
    FAILS(unlock("f", t), CONFLICT);
    OK(take(&lock, "f", 1, 0));
    OK(cloud_store_expire(tu.ctx));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM lock"), 1);
}
END_TEST

START_TEST(test_limits)
{
    char *owner = apr_pcalloc(tu.pool, 20001);
    cloud_lock_t *lock;
    int created;

    memset(owner, 'x', 20000);
    FAILS(cloud_lock_take(&lock, &created, ctx, alice, "f", 1, 0, owner, 0, NULL, tu.pool),
          TOO_LARGE);
}
END_TEST

/* ---- many at once ---- */

static int conflicts, taken;

static void *locker(void *baton)
{
    apr_pool_t *pool;
    cloud_ctx_t *c;
    int i;

    (void)baton;
    for (i = 0; i < 25; i++) {
        cloud_lock_t *lock;
        cloud_err_t *err;
        int created;

        apr_pool_create(&pool, NULL);
        c = cloud_ctx_create(tu.store, pool);
        c->who.account = alice;
        err = cloud_lock_take(&lock, &created, c, alice, "d/f", 1, 0, NULL, 0, NULL, pool);
        if (!err) {
            __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
            err = cloud_lock_release(c, alice, "d/f", lock->token);
            ck_assert_ptr_null(err);
        } else {
            ck_assert_int_eq(err->code, CLOUD_E_LOCKED);
            __atomic_add_fetch(&conflicts, 1, __ATOMIC_RELAXED);
        }
        apr_pool_destroy(pool);
    }
    return NULL;
}

START_TEST(test_concurrent)
{
    pthread_t threads[20];
    int i;

    mkcol("d");
    for (i = 0; i < 20; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, locker, NULL), 0);
    for (i = 0; i < 20; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(taken + conflicts, 20 * 25);
    ck_assert_int_gt(taken, 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM lock"), 0);
    OK(put("d/f", NULL));
}
END_TEST

/* A tree without locks pays one statement. */
START_TEST(test_cost)
{
    apr_uint64_t before;
    cloud_entry_t *entry;
    int any;

    OK(put("f", NULL));
    OK(cloud_file_stat(&entry, ctx, alice, "f", tu.pool));
    before = tu_statements(ctx);
    OK(cloud_lock_any(&any, ctx, entry->tree));
    ck_assert_uint_le(tu_statements(ctx) - before, 6); /* two times BEGIN and ROLLBACK with it */
}
END_TEST

Suite *suite_lock(void)
{
    Suite *s = suite_create("lock");
    TCase *tc = tu_case(s, "lock", setup);

    tcase_add_test(tc, test_token);
    tcase_add_test(tc, test_exclusive);
    tcase_add_test(tc, test_shared);
    tcase_add_test(tc, test_others);
    tcase_add_test(tc, test_unmapped);
    tcase_add_test(tc, test_unmapped_below_lock);
    tcase_add_test(tc, test_depth);
    tcase_add_test(tc, test_below);
    tcase_add_test(tc, test_shared_below);
    tcase_add_test(tc, test_replaced);
    tcase_add_test(tc, test_timeout);
    tcase_add_test(tc, test_expired);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_concurrent);
    tcase_add_test(tc, test_cost);
    return s;
}
