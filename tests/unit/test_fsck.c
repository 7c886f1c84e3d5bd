/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Each kind of damage to the rows, done by SQL: fsck finds it, --repair mends it, content stays.
 * Nothing is found while others write. */
#include "fsck_util.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- the database ---- */

START_TEST(sound)
{
    cloud_fsck_stats_t s = fk_fsck((cloud_fsck_opts_t){ .hashes = 1 });

    ck_assert_msg(s.findings == 0, "%s", fk_all_told());
    ck_assert_int_eq(s.accounts, 1);
    ck_assert_int_eq(s.nodes, 6);
    ck_assert_int_eq(s.files, 3);
}
END_TEST

START_TEST(only_for_the_system)
{
    cloud_fsck_stats_t s;

    FAILS(cloud_fsck(&s, fk_w->user, NULL, NULL), DENIED);
}
END_TEST

START_TEST(after_every_verb)
{
    cloud_result_t res;

    OK(cloud_file_copy(&res, fk_w->user, fk_w->account, "a", fk_w->account, "copy", 0, -1, NULL,
                       NULL, fk_w->pool));
    fk_clean();
    world_move(fk_w, "copy", "a/copy");
    fk_clean();
    world_remove(fk_w, "a");
    fk_clean();
    tu_maintain();
    fk_clean();
    world_put(fk_w, "top", "again");
    fk_clean();
}
END_TEST

START_TEST(wrong_size_of_a_folder)
{
    world_sql(fk_w, "UPDATE node SET size = 4711 WHERE id = %" ID, fk_id_of("a/b"));
    fk_found_and_mended("size a/b|alice|size 4711");
    ck_assert_int_eq(world_node(fk_w, "a/b")->size, 12);
    ck_assert_int_eq(world_node(fk_w, "")->size, 25);
}
END_TEST

START_TEST(wrong_sizes_all_the_way_up)
{
    /* They agree with each other, but not with the file. */
    world_sql(fk_w, "UPDATE node SET size = size + 100 WHERE kind IN (1, 2)");
    fk_found_and_mended("size ");
    ck_assert_int_eq(world_node(fk_w, "a/b")->size, 12);
    ck_assert_int_eq(world_node(fk_w, "a")->size, 19);
    ck_assert_int_eq(world_node(fk_w, "")->size, 25);
}
END_TEST

START_TEST(old_etag_of_a_folder)
{
    world_sql(fk_w, "UPDATE node SET etag = 1 WHERE id = %" ID, fk_id_of("a"));
    fk_found_and_mended("etag a|alice|");
}
END_TEST

START_TEST(counter_too_low)
{
    world_sql(fk_w, "UPDATE counter SET last = 5");
    fk_found_and_mended("counter ");
    ck_assert_int_ge(tu_query_int("SELECT last FROM counter"),
                     tu_query_int("SELECT max(etag) FROM node"));
}
END_TEST

START_TEST(parent_missing)
{
    apr_int64_t deep = fk_id_of("a/b/deep"), b = fk_id_of("a/b");

    /* The row of a folder is lost; its files are on disk, and keep their ids. */
    world_sql(fk_w, "DELETE FROM node WHERE id = %" ID, b);
    world_sql(fk_w, "UPDATE node SET size = size - 12 WHERE id IN (%" ID ", %" ID ")",
              fk_id_of("a"), fk_id_of(""));
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("stray a/b|"), "%s", fk_all_told());
    fk_found_and_mended("orphan ");
    ck_assert_int_eq(fk_id_of("a/b/deep"), deep);
    ck_assert_int_ne(fk_id_of("a/b"), b);
    ck_assert_str_eq(world_read(fk_w, "a/b/deep"), "deep content");
}
END_TEST

START_TEST(orphan_without_content)
{
    world_sql(fk_w,
              "INSERT INTO node VALUES (12345, 'lost', 77, NULL, 1, 78, 0, 0, 0, 0, 0, 0, NULL,"
              " 0), (77, 'below', 79, NULL, 0, 79, 5, 0, 0, 4711, 1, 1, NULL, 0)");
    fk_found_and_mended("orphan node 77|");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE id IN (77, 79)"), 0);
}
END_TEST

START_TEST(inside_itself)
{
    apr_int64_t a = fk_id_of("a"), b = fk_id_of("a/b"), deep = fk_id_of("a/b/deep");

    world_sql(fk_w, "UPDATE node SET parent = %" ID " WHERE id = %" ID, b, a);
    world_sql(fk_w, "UPDATE node SET size = 6 WHERE id = %" ID, fk_id_of(""));
    fk_found_and_mended("cycle ");
    ck_assert_int_eq(fk_id_of("a/b/deep"), deep);
    ck_assert_str_eq(world_read(fk_w, "a/f"), "content");
}
END_TEST

START_TEST(member_of_a_file)
{
    world_sql(fk_w, "UPDATE node SET parent = %" ID " WHERE id = %" ID, fk_id_of("top"),
              fk_id_of("a/f"));
    world_sql(fk_w, "UPDATE node SET size = size - 7 WHERE id IN (%" ID ", %" ID ")", fk_id_of("a"),
              fk_id_of(""));
    fk_found_and_mended("orphan ");
    ck_assert_str_eq(world_read(fk_w, "a/f"), "content");
}
END_TEST

START_TEST(root_missing)
{
    world_sql(fk_w, "DELETE FROM node WHERE id = %" ID, fk_w->account->root);
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("root alice|"), "%s", fk_all_told());
    fk_fsck((cloud_fsck_opts_t){ .repair = 1 });
    fk_clean();
    ck_assert_int_eq(world_node(fk_w, "")->size, 25);
    ck_assert_str_eq(world_read(fk_w, "a/b/deep"), "deep content");
}
END_TEST

START_TEST(purge_root_missing)
{
    world_sql(fk_w, "DELETE FROM node WHERE id = %" ID, fk_w->account->purge);
    fk_found_and_mended("root alice|");
    world_remove(fk_w, "a");
    tu_maintain();
    fk_clean();
}
END_TEST

START_TEST(root_of_another_name)
{
    world_sql(fk_w, "UPDATE node SET name = 'what', kind = 3 WHERE id = %" ID, fk_w->account->root);
    fk_found_and_mended("root alice|");
    ck_assert_str_eq(world_read(fk_w, "a/f"), "content");
}
END_TEST

START_TEST(root_of_nobody)
{
    world_sql(fk_w, "INSERT INTO node VALUES (0, 'x', 77, NULL, 2, 78, 0, 0, 0, 0, 0, 0, NULL, 0)");
    fk_found_only("root ");
}
END_TEST

START_TEST(name_not_normal)
{
    world_sql(fk_w,
              "UPDATE node SET name = 'cafe' || char(0x301), disk = 'top'"
              " WHERE id = %" ID,
              fk_id_of("top"));
    fk_found_and_mended("name ");
    ck_assert_str_eq(world_read(fk_w, "caf\xC3\xA9"), "on top");
}
END_TEST

START_TEST(kinds_and_numbers)
{
    world_sql(fk_w, "UPDATE node SET kind = 9 WHERE id = %" ID, fk_id_of("top"));
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("kind alice/files/top|"), "%s", fk_all_told());
    world_sql(fk_w, "UPDATE node SET kind = 0, ino = 0 WHERE name = 'top'");
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("identity alice/files/top|"), "%s", fk_all_told());
}
END_TEST

START_TEST(rows_without_a_node)
{
    world_sql(fk_w, "INSERT INTO prop VALUES (77, 'ns', 'name', 'value', NULL)");
    world_sql(fk_w, "INSERT INTO lock VALUES ('opaquelocktoken:x', 1, 77, 1, 0, 1, NULL, 1, 1, 1)");
    world_sql(fk_w, "INSERT INTO chunk (upload, name, size, written, offset)"
                    " VALUES (77, '1', 1, 1, 0)");
    world_sql(fk_w, "INSERT INTO upload (id, account, name, total, state, created, touched, ino,"
                    " length, node, etag, was_created)"
                    " VALUES (78, 77, 'n', 1, 0, 1, 1, 0, 0, 0, 0, 0)");
    world_sql(fk_w, "INSERT INTO apppass VALUES (1, 77, 'n', x'00', 1, 1)");
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("prop ns name|"), "%s", fk_all_told());
    ck_assert(fk_was_told("lock opaquelocktoken:x|"));
    ck_assert(fk_was_told("chunk 1|"));
    ck_assert(fk_was_told("upload n|"));
    fk_found_and_mended("apppass n|");
}
END_TEST

START_TEST(groups)
{
    world_sql(fk_w, "INSERT INTO membership VALUES (77, 1, 'database')");
    world_sql(fk_w, "INSERT INTO subadmin SELECT number, 88 FROM account WHERE id = 'alice'");
    world_sql(fk_w, "INSERT INTO pref VALUES (77, 'core', 'lang', 'de')");
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("membership 77 in 1|"), "%s", fk_all_told());
    ck_assert(fk_was_told("subadmin "));
    fk_found_and_mended("pref core lang|");
    world_sql(fk_w, "INSERT INTO old_password VALUES (77, 5, 'x')");
    fk_found_and_mended("password 5|");
    world_sql(fk_w, "DELETE FROM usergroup");
    fk_found_and_mended("group admin|");
}
END_TEST

START_TEST(properties_not_noted)
{
    cloud_prop_t prop = { "ns", "name", "value", NULL };
    apr_array_header_t *props = apr_array_make(fk_w->pool, 1, sizeof prop);
    cloud_result_t res;

    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    OK(cloud_file_proppatch(&res, fk_w->user, fk_w->account, "top", props, NULL, NULL, fk_w->pool));
    fk_clean();
    world_sql(fk_w, "UPDATE node SET flags = 0");
    fk_found_and_mended("props alice/files/top|");
}
END_TEST

START_TEST(senseless_journal)
{
    world_sql(fk_w, "INSERT INTO journal VALUES (1, 1, 0, 5, 0, 'alice/../../etc/passwd', NULL)");
    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told("journal alice/../../etc/passwd|"), "%s", fk_all_told());
}
END_TEST

/* ---- while others write ---- */

static volatile int stop;

static void *busy(void *baton)
{
    unsigned seed = (unsigned)(apr_uintptr_t)baton;
    apr_pool_t *pool, *iter;
    cloud_ctx_t *ctx;
    const char *base = apr_psprintf(fk_w->pool, "t%u", seed);

    apr_pool_create(&pool, NULL);
    apr_pool_create(&iter, pool);
    while (!stop) {
        cloud_put_opts_t opts = { .length = -1 };
        cloud_result_t res;
        cloud_put_t *put;
        const char *p, *q;

        apr_pool_clear(iter);
        ctx = cloud_ctx_create(fk_w->store, iter);
        ctx->who.account = fk_w->account;
        p = apr_psprintf(iter, "%s/d%d", base, rand_r(&seed) % 3);
        q = apr_psprintf(iter, "%s/d%d", base, rand_r(&seed) % 3);
        switch (rand_r(&seed) % 6) {
        case 0:
            (void)cloud_file_mkcol(&res, ctx, fk_w->account, p, NULL, iter);
            break;
        case 1:
            (void)cloud_file_move(&res, ctx, fk_w->account, p, fk_w->account, q, 1, NULL, NULL,
                                  iter);
            break;
        case 2:
            (void)cloud_file_remove(ctx, fk_w->account, p, NULL);
            break;
        default:
            p = apr_psprintf(iter, "%s/f%d", p, rand_r(&seed) % 4);
            if (cloud_put_begin(&put, ctx, fk_w->account, p, &opts, iter)) break;
            (void)cloud_put_write(put, "xxxxxxxxxx", (apr_size_t)(rand_r(&seed) % 10));
            (void)cloud_put_commit(&res, put);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

START_TEST(on_a_live_server)
{
    pthread_t threads[3];
    unsigned i;
    int round;

    for (i = 0; i < 3; i++) world_mkcol(fk_w, apr_psprintf(fk_w->pool, "t%u", i));
    for (i = 0; i < 3; i++) pthread_create(&threads[i], NULL, busy, (void *)(apr_uintptr_t)i);
    for (round = 0; round < 40; round++) {
        fk_fsck((cloud_fsck_opts_t){ .hashes = round % 2 });
        if (fk_told->nelts) break;
        if (round % 10 == 9) tu_maintain();
    }
    stop = 1;
    for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_msg(fk_told->nelts == 0, "%s", fk_all_told());
    fk_clean();
}
END_TEST

START_TEST(scan_on_a_live_server)
{
    cloud_scan_opts_t opts = { .limit_percent = -1 };
    cloud_scan_stats_t s;
    pthread_t threads[3];
    unsigned i;
    int round;

    for (i = 0; i < 3; i++) world_mkcol(fk_w, apr_psprintf(fk_w->pool, "t%u", i));
    for (i = 0; i < 3; i++) pthread_create(&threads[i], NULL, busy, (void *)(apr_uintptr_t)i);
    for (round = 0; round < 60; round++) {
        OK(cloud_scan(&s, fk_w->ctx, fk_w->account, "", &opts));
        if (s.added || s.changed || s.moved || s.vanished) break;
    }
    stop = 1;
    for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_msg(round == 60, "added %d, changed %d, moved %d, vanished %d", (int)s.added,
                  (int)s.changed, (int)s.moved, (int)s.vanished);
    fk_clean();
}
END_TEST

Suite *suite_fsck(void)
{
    const TTest *const tests[] = {
        sound, only_for_the_system, after_every_verb, wrong_size_of_a_folder,
        wrong_sizes_all_the_way_up, old_etag_of_a_folder, counter_too_low, parent_missing,
        orphan_without_content, inside_itself, member_of_a_file, root_missing,
        purge_root_missing, root_of_another_name, root_of_nobody, name_not_normal,
        kinds_and_numbers, rows_without_a_node, groups, properties_not_noted,
        senseless_journal, on_a_live_server, scan_on_a_live_server,
    };
    Suite *s = suite_create("fsck");
    TCase *tc = tcase_create("fsck");
    unsigned i;

    tcase_add_checked_fixture(tc, fk_setup, fk_teardown);
    tcase_set_timeout(tc, 120);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    return s;
}
