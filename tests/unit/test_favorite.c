/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "world.h"

#include "internal.h"

#include <unistd.h>

static world_t *w;

static void setup(void)
{
    w = world_create();
}

static void end(void)
{
    world_destroy(w);
}

static cloud_err_t *mark(cloud_ctx_t *ctx, const char *path, int on)
{
    const cloud_patch_t what = { .favorite = &on };
    cloud_result_t res;

    return cloud_file_patch(&res, ctx, w->account, path, &what, NULL, w->pool);
}

/* The ids of an account's favorites, "1 2 3". */
static const char *favorites(cloud_ctx_t *ctx)
{
    apr_array_header_t *nodes;
    const char *text = "";
    int i;

    OK(cloud_tx_begin(ctx, CLOUD_DB_READ));
    OK(cloud_favorite_list(&nodes, ctx, w->pool));
    cloud_tx_rollback(ctx);
    for (i = 0; i < nodes->nelts; i++)
        text = apr_psprintf(w->pool, "%s%s%" APR_INT64_T_FMT, text, i ? " " : "",
                            APR_ARRAY_IDX(nodes, i, apr_int64_t));
    return text;
}

static const char *id_of(const char *path)
{
    return apr_psprintf(w->pool, "%" APR_INT64_T_FMT, world_node(w, path)->id);
}

START_TEST(test_mark)
{
    const char *before;

    world_mkcol(w, "d");
    world_put(w, "d/f", "1");
    before = world_dump(w);
    OK(mark(w->user, "d/f", 1));
    OK(mark(w->user, "d/f", 1));
    ck_assert_str_eq(favorites(w->user), id_of("d/f"));
    OK(mark(w->user, "d", 1));
    ck_assert_str_eq(favorites(w->user),
                     apr_pstrcat(w->pool, id_of("d"), " ", id_of("d/f"), NULL));
    OK(mark(w->user, "d", 0));
    OK(mark(w->user, "d", 0));
    ck_assert_str_eq(favorites(w->user), id_of("d/f"));
    ck_assert_str_eq(world_dump(w), before);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM change WHERE op = 'props'"), 0);
    FAILS(mark(w->user, "nothing", 1), NOT_FOUND);
    FAILS(mark(w->ctx, "d", 1), DENIED);
}
END_TEST

START_TEST(test_personal)
{
    cloud_account_t *bob = tu_account("bob");

    world_put(w, "f", "1");
    OK(mark(w->user, "f", 1));
    ck_assert_str_eq(favorites(tu_as(bob)), "");
    ck_assert_str_eq(favorites(tu_as(NULL)), "");
    FAILS(mark(tu_as(bob), "f", 1), NOT_FOUND);
}
END_TEST

/* It follows the node, and no copy of it. */
START_TEST(test_follows)
{
    cloud_result_t res;
    const char *id;

    world_mkcol(w, "d");
    world_put(w, "d/f", "1");
    OK(mark(w->user, "d/f", 1));
    id = id_of("d/f");
    world_move(w, "d/f", "g");
    world_put(w, "g", "22");
    ck_assert_str_eq(favorites(w->user), id);
    OK(cloud_file_copy(&res, w->user, w->account, "g", w->account, "copy", 1, -1, NULL, NULL,
                       w->pool));
    ck_assert_str_eq(favorites(w->user), id);
}
END_TEST

START_TEST(test_purged)
{
    world_mkcol(w, "d");
    world_put(w, "d/f", "1");
    world_put(w, "f", "1");
    OK(mark(w->user, "d", 1));
    OK(mark(w->user, "d/f", 1));
    OK(mark(w->user, "f", 1));
    world_remove(w, "f");
    world_remove(w, "d");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM favorite"), 0);
}
END_TEST

START_TEST(test_vanished)
{
    cloud_scan_opts_t opts = { .limit_percent = 100 };
    cloud_scan_stats_t stats;

    world_put(w, "f", "1");
    OK(mark(w->user, "f", 1));
    ck_assert_int_eq(unlink(world_disk(w, "f")), 0);
    OK(cloud_scan(&stats, tu.ctx, w->account, "", &opts));
    ck_assert_int_eq(stats.vanished, 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM favorite"), 0);
}
END_TEST

START_TEST(test_account_deleted)
{
    world_put(w, "f", "1");
    OK(mark(w->user, "f", 1));
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM favorite"), 0);
}
END_TEST

/* With other properties it is all or nothing. */
START_TEST(test_with_others)
{
    const int on = 1;
    cloud_prop_t prop = { "urn:x", "x", "v", NULL };
    apr_array_header_t *props = apr_array_make(w->pool, 1, sizeof prop);
    cloud_patch_t what = { .props = props, .favorite = &on };
    cloud_cond_t cond = { .must = CLOUD_IF_ABSENT };
    cloud_result_t res;

    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    world_put(w, "f", "1");
    FAILS(cloud_file_patch(&res, w->user, w->account, "f", &what, &cond, w->pool), PRECONDITION);
    ck_assert_str_eq(favorites(w->user), "");
    OK(cloud_file_patch(&res, w->user, w->account, "f", &what, NULL, w->pool));
    ck_assert_str_eq(favorites(w->user), id_of("f"));
    ck_assert_int_eq(tu_query_int("SELECT flags FROM node WHERE name = 'f'"),
                     CLOUD_NODE_PROPS | CLOUD_NODE_FAVORITE);
    world_remove(w, "f");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM favorite"), 0);
}
END_TEST

/* Before, a favorite was a dead property. */
START_TEST(test_migration)
{
    tu_account("bob");
    world_mkcol(w, "d");
    world_put(w, "d/f", "1");
    world_put(w, "g", "1");
    world_sql(w, "DROP TABLE favorite;"
                 "INSERT INTO prop SELECT id, 'http://owncloud.org/ns', 'favorite', '1', NULL"
                 " FROM node WHERE name IN ('f', 'd');"
                 "INSERT INTO prop SELECT id, 'urn:x', 'favorite', '1', NULL FROM node"
                 " WHERE name = 'g';"
                 "UPDATE node SET flags = 1 WHERE id IN (SELECT node FROM prop);"
                 "UPDATE meta SET value = '5' WHERE key = 'schema'");
    world_reopen(w);
    ck_assert_str_eq(favorites(w->user),
                     apr_pstrcat(w->pool, id_of("d"), " ", id_of("d/f"), NULL));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM favorite"), 2);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM prop"), 1);
    world_remove(w, "d");
    tu_maintain();
    ck_assert_str_eq(favorites(w->user), "");
}
END_TEST

Suite *suite_favorite(void)
{
    Suite *s = suite_create("favorite");
    TCase *tc = tcase_create("favorites");

    tcase_add_checked_fixture(tc, setup, end);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_mark);
    tcase_add_test(tc, test_personal);
    tcase_add_test(tc, test_follows);
    tcase_add_test(tc, test_purged);
    tcase_add_test(tc, test_vanished);
    tcase_add_test(tc, test_account_deleted);
    tcase_add_test(tc, test_with_others);
    tcase_add_test(tc, test_migration);
    return s;
}
