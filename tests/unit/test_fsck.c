/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Each kind of damage, done by SQL or on disk: fsck finds it, --repair mends it, content stays. */
#include "upload.h"
#include "world.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static world_t *w;
static apr_array_header_t *told;

static void setup(void)
{
    w = world_create();
    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_put(w, "a/b/deep", "deep content");
    world_put(w, "a/f", "content");
    world_put(w, "top", "on top");
    tu_maintain();
}

static void teardown(void)
{
    world_destroy(w);
}

static void note(void *baton, const char *kind, const char *account, const char *path,
                 const char *detail, int repaired)
{
    (void)baton;
    APR_ARRAY_PUSH(told, const char *) = apr_psprintf(w->pool, "%s %s|%s|%s%s", kind, path, account,
                                                      detail, repaired ? " (repaired)" : "");
}

static int was_told(const char *line)
{
    int i;

    for (i = 0; i < told->nelts; i++)
        if (strncmp(APR_ARRAY_IDX(told, i, const char *), line, strlen(line)) == 0) return 1;
    return 0;
}

static const char *all_told(void)
{
    return apr_array_pstrcat(w->pool, told, '\n');
}

static cloud_fsck_stats_t fsck(cloud_fsck_opts_t opts)
{
    cloud_fsck_stats_t stats;

    told = apr_array_make(w->pool, 8, sizeof(const char *));
    opts.report = note;
    OK(cloud_fsck(&stats, w->ctx, NULL, &opts));
    ck_assert_int_eq(stats.findings, told->nelts);
    return stats;
}

static void clean(void)
{
    cloud_fsck_stats_t s = fsck((cloud_fsck_opts_t){ .hashes = 1 });

    ck_assert_msg(s.findings == 0, "%s", all_told());
}

/* Finds it without changing a thing, mends it, and is clean then. */
static void found_and_mended(const char *finding)
{
    const char *before = world_dump(w);
    cloud_fsck_stats_t s = fsck((cloud_fsck_opts_t){ 0 });

    ck_assert_msg(was_told(finding), "no \"%s\" in:\n%s", finding, all_told());
    ck_assert_int_eq(s.repaired, 0);
    ck_assert_str_eq(before, world_dump(w));
    s = fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_msg(s.repaired > 0, "%s", all_told());
    clean();
}

static void found_only(const char *finding)
{
    cloud_fsck_stats_t s;

    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told(finding), "no \"%s\" in:\n%s", finding, all_told());
    s = fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_msg(was_told(finding), "no \"%s\" in:\n%s", finding, all_told());
    ck_assert_int_eq(s.repaired, 0);
}

static apr_int64_t id_of(const char *path)
{
    const cloud_node_t *n = world_node(w, path);

    ck_assert_msg(n != NULL, "%s does not exist", path);
    return n->id;
}

#define ID APR_INT64_T_FMT

/* ---- the database ---- */

START_TEST(sound)
{
    cloud_fsck_stats_t s = fsck((cloud_fsck_opts_t){ .hashes = 1 });

    ck_assert_msg(s.findings == 0, "%s", all_told());
    ck_assert_int_eq(s.accounts, 1);
    ck_assert_int_eq(s.nodes, 6);
    ck_assert_int_eq(s.files, 3);
}
END_TEST

START_TEST(only_for_the_system)
{
    cloud_fsck_stats_t s;

    FAILS(cloud_fsck(&s, w->user, NULL, NULL), DENIED);
}
END_TEST

START_TEST(after_every_verb)
{
    cloud_result_t res;

    OK(cloud_file_copy(&res, w->user, w->account, "a", w->account, "copy", 0, -1, NULL, NULL,
                       w->pool));
    clean();
    world_move(w, "copy", "a/copy");
    clean();
    world_remove(w, "a");
    clean();
    tu_maintain();
    clean();
    world_put(w, "top", "again");
    clean();
}
END_TEST

START_TEST(wrong_size_of_a_folder)
{
    world_sql(w, "UPDATE node SET size = 4711 WHERE id = %" ID, id_of("a/b"));
    found_and_mended("size a/b|alice|size 4711");
    ck_assert_int_eq(world_node(w, "a/b")->size, 12);
    ck_assert_int_eq(world_node(w, "")->size, 25);
}
END_TEST

START_TEST(wrong_sizes_all_the_way_up)
{
    /* They agree with each other, but not with the file. */
    world_sql(w, "UPDATE node SET size = size + 100 WHERE kind IN (1, 2)");
    found_and_mended("size ");
    ck_assert_int_eq(world_node(w, "a/b")->size, 12);
    ck_assert_int_eq(world_node(w, "a")->size, 19);
    ck_assert_int_eq(world_node(w, "")->size, 25);
}
END_TEST

START_TEST(old_etag_of_a_folder)
{
    world_sql(w, "UPDATE node SET etag = 1 WHERE id = %" ID, id_of("a"));
    found_and_mended("etag a|alice|");
}
END_TEST

START_TEST(counter_too_low)
{
    world_sql(w, "UPDATE counter SET last = 5");
    found_and_mended("counter ");
    ck_assert_int_ge(tu_query_int("SELECT last FROM counter"),
                     tu_query_int("SELECT max(etag) FROM node"));
}
END_TEST

START_TEST(parent_missing)
{
    apr_int64_t deep = id_of("a/b/deep"), b = id_of("a/b");

    /* The row of a folder is lost; its files are on disk, and keep their ids. */
    world_sql(w, "DELETE FROM node WHERE id = %" ID, b);
    world_sql(w, "UPDATE node SET size = size - 12 WHERE id IN (%" ID ", %" ID ")", id_of("a"),
              id_of(""));
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("stray a/b|"), "%s", all_told());
    found_and_mended("orphan ");
    ck_assert_int_eq(id_of("a/b/deep"), deep);
    ck_assert_int_ne(id_of("a/b"), b);
    ck_assert_str_eq(world_read(w, "a/b/deep"), "deep content");
}
END_TEST

START_TEST(orphan_without_content)
{
    world_sql(w, "INSERT INTO node VALUES (12345, 'lost', 77, NULL, 1, 78, 0, 0, 0, 0, 0, 0, NULL,"
                 " 0), (77, 'below', 79, NULL, 0, 79, 5, 0, 0, 4711, 1, 1, NULL, 0)");
    found_and_mended("orphan node 77|");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE id IN (77, 79)"), 0);
}
END_TEST

START_TEST(inside_itself)
{
    apr_int64_t a = id_of("a"), b = id_of("a/b"), deep = id_of("a/b/deep");

    world_sql(w, "UPDATE node SET parent = %" ID " WHERE id = %" ID, b, a);
    world_sql(w, "UPDATE node SET size = 6 WHERE id = %" ID, id_of(""));
    found_and_mended("cycle ");
    ck_assert_int_eq(id_of("a/b/deep"), deep);
    ck_assert_str_eq(world_read(w, "a/f"), "content");
}
END_TEST

START_TEST(member_of_a_file)
{
    world_sql(w, "UPDATE node SET parent = %" ID " WHERE id = %" ID, id_of("top"), id_of("a/f"));
    world_sql(w, "UPDATE node SET size = size - 7 WHERE id IN (%" ID ", %" ID ")", id_of("a"),
              id_of(""));
    found_and_mended("orphan ");
    ck_assert_str_eq(world_read(w, "a/f"), "content");
}
END_TEST

START_TEST(root_missing)
{
    world_sql(w, "DELETE FROM node WHERE id = %" ID, w->account->root);
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("root alice|"), "%s", all_told());
    fsck((cloud_fsck_opts_t){ .repair = 1 });
    clean();
    ck_assert_int_eq(world_node(w, "")->size, 25);
    ck_assert_str_eq(world_read(w, "a/b/deep"), "deep content");
}
END_TEST

START_TEST(purge_root_missing)
{
    world_sql(w, "DELETE FROM node WHERE id = %" ID, w->account->purge);
    found_and_mended("root alice|");
    world_remove(w, "a");
    tu_maintain();
    clean();
}
END_TEST

START_TEST(root_of_another_name)
{
    world_sql(w, "UPDATE node SET name = 'what', kind = 3 WHERE id = %" ID, w->account->root);
    found_and_mended("root alice|");
    ck_assert_str_eq(world_read(w, "a/f"), "content");
}
END_TEST

START_TEST(root_of_nobody)
{
    world_sql(w, "INSERT INTO node VALUES (0, 'x', 77, NULL, 2, 78, 0, 0, 0, 0, 0, 0, NULL, 0)");
    found_only("root ");
}
END_TEST

START_TEST(name_not_normal)
{
    world_sql(w, "UPDATE node SET name = 'cafe' || char(0x301), disk = 'top'"
                 " WHERE id = %" ID, id_of("top"));
    found_and_mended("name ");
    ck_assert_str_eq(world_read(w, "caf\xC3\xA9"), "on top");
}
END_TEST

START_TEST(kinds_and_numbers)
{
    world_sql(w, "UPDATE node SET kind = 9 WHERE id = %" ID, id_of("top"));
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("kind alice/files/top|"), "%s", all_told());
    world_sql(w, "UPDATE node SET kind = 0, ino = 0 WHERE name = 'top'");
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("identity alice/files/top|"), "%s", all_told());
}
END_TEST

START_TEST(rows_without_a_node)
{
    world_sql(w, "INSERT INTO prop VALUES (77, 'ns', 'name', 'value', NULL)");
    world_sql(w, "INSERT INTO lock VALUES ('opaquelocktoken:x', 1, 77, 1, 0, 1, NULL, 1, 1, 1)");
    world_sql(w, "INSERT INTO chunk (upload, name, size, written, offset)"
                 " VALUES (77, '1', 1, 1, 0)");
    world_sql(w, "INSERT INTO upload (id, account, name, total, state, created, touched, ino,"
                 " length, node, etag, was_created)"
                 " VALUES (78, 77, 'n', 1, 0, 1, 1, 0, 0, 0, 0, 0)");
    world_sql(w, "INSERT INTO apppass VALUES (1, 77, 'n', x'00', 1, 1)");
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("prop ns name|"), "%s", all_told());
    ck_assert(was_told("lock opaquelocktoken:x|"));
    ck_assert(was_told("chunk 1|"));
    ck_assert(was_told("upload n|"));
    found_and_mended("apppass n|");
}
END_TEST

START_TEST(groups)
{
    world_sql(w, "INSERT INTO membership VALUES (77, 1, 'database')");
    world_sql(w, "INSERT INTO subadmin SELECT number, 88 FROM account WHERE id = 'alice'");
    world_sql(w, "INSERT INTO pref VALUES (77, 'core', 'lang', 'de')");
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("membership 77 in 1|"), "%s", all_told());
    ck_assert(was_told("subadmin "));
    found_and_mended("pref core lang|");
    world_sql(w, "INSERT INTO old_password VALUES (77, 5, 'x')");
    found_and_mended("password 5|");
    world_sql(w, "DELETE FROM usergroup");
    found_and_mended("group admin|");
}
END_TEST

START_TEST(properties_not_noted)
{
    cloud_prop_t prop = { "ns", "name", "value", NULL };
    apr_array_header_t *props = apr_array_make(w->pool, 1, sizeof prop);
    cloud_result_t res;

    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    OK(cloud_file_proppatch(&res, w->user, w->account, "top", props, NULL, NULL, w->pool));
    clean();
    world_sql(w, "UPDATE node SET flags = 0");
    found_and_mended("props alice/files/top|");
}
END_TEST

START_TEST(senseless_journal)
{
    world_sql(w, "INSERT INTO journal VALUES (1, 1, 0, 5, 0, 'alice/../../etc/passwd', NULL)");
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(was_told("journal alice/../../etc/passwd|"), "%s", all_told());
}
END_TEST

/* ---- the disk ---- */

START_TEST(file_missing)
{
    world_disk_remove(w, "a/f");
    found_only("missing a/f|alice|");
    ck_assert_ptr_nonnull(world_node(w, "a/f"));
}
END_TEST

START_TEST(folder_missing)
{
    world_disk_remove(w, "a");
    found_only("missing a|alice|");
    /* One finding, not one for each thing below. */
    ck_assert_msg(told->nelts == 1, "%s", all_told());
    ck_assert_ptr_nonnull(world_node(w, "a/b/deep"));
}
END_TEST

START_TEST(content_left_in_staging)
{
    const char *lost = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/staging/left", NULL);

    /* As if a journal row had been lost. */
    ck_assert_int_eq(rename(world_disk(w, "a/f"), lost), 0);
    found_and_mended("missing a/f|alice|");
    ck_assert_str_eq(world_read(w, "a/f"), "content");
}
END_TEST

START_TEST(edited_from_outside)
{
    world_write(w, "a/f", "something else");
    found_and_mended("changed a/f|alice|");
    ck_assert_str_eq(world_read(w, "a/f"), "something else");
    ck_assert_int_eq(world_node(w, "a")->size, 26);
}
END_TEST

START_TEST(other_inodes)
{
    const char *before = world_dump(w);

    world_disk_restore(w, "a/f");
    world_disk_restore(w, "a/b/deep");
    clean();
    ck_assert_str_eq(before, world_dump(w));
}
END_TEST

START_TEST(touched_from_outside)
{
    const char *before = world_dump(w);

    world_write(w, "a/f", "content"); /* the same, at another time */
    clean();
    ck_assert_str_eq(before, world_dump(w));
    world_write(w, "a/f", "C0NTENT");
    found_and_mended("changed a/f|alice|");
}
END_TEST

START_TEST(new_on_disk)
{
    world_disk_mkdir(w, "new");
    world_write(w, "new/f", "1");
    found_and_mended("stray /new|alice|");
    ck_assert_str_eq(world_read(w, "new/f"), "1");
}
END_TEST

START_TEST(moved_on_disk)
{
    apr_int64_t id = id_of("a/b");

    world_disk_move(w, "a/b", "c");
    found_and_mended("missing a/b|alice|");
    ck_assert_int_eq(id_of("c"), id);
}
END_TEST

START_TEST(what_nobody_serves)
{
    ck_assert_int_eq(symlink("/etc/passwd", world_disk(w, "link")), 0);
    world_write(w, "latin1-\xE9", "x");
    world_write(w, ".htaccess", "x");
    clean();
}
END_TEST

START_TEST(another_kind)
{
    world_disk_remove(w, "top");
    world_disk_mkdir(w, "top");
    found_only("kind top|alice|");
}
END_TEST

START_TEST(marker_missing)
{
    const char *marker = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/.mod_cloud", NULL);
    const char *before = world_dump(w);

    ck_assert_int_eq(unlink(marker), 0);
    world_disk_remove(w, "a");
    /* Nothing is said about files that may be on a disk that is not mounted. */
    fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_msg(told->nelts == 1 && was_told("marker alice|"), "%s", all_told());
    close(open(marker, O_CREAT | O_WRONLY, 0600));
    ck_assert_str_eq(before, world_dump(w));
}
END_TEST

START_TEST(forgotten_in_staging)
{
    const char *path = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice/staging/old", NULL);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    ck_assert_int_ge(fd, 0);
    close(fd);
    clean(); /* it is new: somebody may be writing it */
}
END_TEST

static void send_chunk(const cloud_upload_t *up, const char *name, const char *text)
{
    cloud_chunk_put_t *put;
    int created;

    OK(cloud_chunk_begin(&put, w->user, up, name, -1, NULL, w->pool));
    OK(cloud_chunk_write(put, text, strlen(text)));
    OK(cloud_chunk_commit(&created, put));
}

/* An upload with one chunk in the staging file and one that is kept apart. */
static cloud_upload_t *some_upload(const char *name)
{
    cloud_upload_t *up;

    OK(cloud_upload_create(&up, w->user, w->account, name, -1, w->pool));
    send_chunk(up, "1", "first");
    send_chunk(up, "7", "apart");
    return up;
}

static const char *stage_of(const char *sql)
{
    const char *path = NULL;
    cloud_stmt_t *st;
    int row;

    OK(cloud_tx_begin(w->ctx, CLOUD_DB_READ));
    OK(cloud_db_query(&st, &row, w->ctx->db, w->pool, sql, ""));
    ck_assert_int_eq(row, 1);
    path = apr_pstrcat(w->pool, w->data_dir, "/accounts/", cloud_col_text(st, 0), NULL);
    cloud_stmt_done(st);
    cloud_tx_rollback(w->ctx);
    return path;
}

static void dropped(const char *name)
{
    cloud_upload_t *up;

    FAILS(cloud_upload_find(&up, w->user, w->account, name, w->pool), NOT_FOUND);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM chunk c JOIN upload u ON u.id = c.upload"
                                  " WHERE u.name = 'broken'"), 0);
    /* The other one goes on. */
    OK(cloud_upload_get(&up, w->user, w->account, "whole", w->pool));
    ck_assert_int_eq(up->received, 10);
}

START_TEST(staging_file_missing)
{
    some_upload("whole");
    some_upload("broken");
    clean();
    ck_assert_int_eq(unlink(stage_of("SELECT stage FROM upload WHERE name = 'broken'")), 0);
    found_and_mended("upload broken|alice|");
    dropped("broken");
}
END_TEST

START_TEST(staging_file_too_short)
{
    some_upload("whole");
    some_upload("broken");
    ck_assert_int_eq(truncate(stage_of("SELECT stage FROM upload WHERE name = 'broken'"), 4), 0);
    found_and_mended("upload broken|alice|");
    dropped("broken");
}
END_TEST

START_TEST(chunk_missing)
{
    some_upload("whole");
    some_upload("broken");
    ck_assert_int_eq(unlink(stage_of("SELECT c.stage FROM chunk c JOIN upload u ON u.id = c.upload"
                                     " WHERE u.name = 'broken' AND c.stage IS NOT NULL")), 0);
    found_and_mended("upload broken|alice|");
    dropped("broken");
}
END_TEST

START_TEST(finished_upload)
{
    static const cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;

    some_upload("done");
    OK(cloud_upload_finish(&res, w->user, w->account, "done", w->account, "up", 1, &opts, w->pool));
    clean();
    tu_maintain();
    clean();
    ck_assert_str_eq(world_read(w, "up"), "firstapart");
}
END_TEST

START_TEST(forgotten_in_purge)
{
    const char *base = apr_pstrcat(w->pool, w->data_dir, "/accounts/alice", NULL);
    const char *path = apr_pstrcat(w->pool, base, "/purge/4711", NULL);
    struct stat st;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    ck_assert_int_eq(write(fd, "precious", 8), 8);
    close(fd);
    ck_assert_int_eq(stat(path, &st), 0);
    found_and_mended("stray alice/purge/4711|alice|");
    /* Kept, in lost+found. */
    ck_assert_int_eq(system(apr_pstrcat(w->pool, "grep -q precious ", base, "/lost+found/*-4711",
                                        NULL)), 0);
}
END_TEST

START_TEST(directory_of_no_account)
{
    const char *dir = apr_pstrcat(w->pool, w->data_dir, "/accounts/ghost", NULL);

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    clean(); /* an account that is just being made */
}
END_TEST

START_TEST(damaged_content)
{
    struct timespec times[2];
    struct stat st;

    ck_assert_int_eq(stat(world_disk(w, "a/f"), &st), 0);
    world_write(w, "a/f", "c0ntent");
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    ck_assert_int_eq(utimensat(0, world_disk(w, "a/f"), times, 0), 0);
    fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_int_eq(told->nelts, 0);
    fsck((cloud_fsck_opts_t){ .hashes = 1 });
    ck_assert_msg(was_told("hash a/f|alice|"), "%s", all_told());
    fsck((cloud_fsck_opts_t){ .hashes = 1, .repair = 1 });
    ck_assert_msg(was_told("hash a/f|alice|"), "%s", all_told());
}
END_TEST

START_TEST(checksums_filled_in)
{
    world_write(w, "new", "1");
    fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_int_eq(world_node(w, "new")->sums.len, 0);
    fsck((cloud_fsck_opts_t){ .repair = 1, .hashes = 1 });
    ck_assert_int_gt(world_node(w, "new")->sums.len, 0);
    clean();
}
END_TEST

/* ---- while others write ---- */

static volatile int stop;

static void *busy(void *baton)
{
    unsigned seed = (unsigned)(apr_uintptr_t)baton;
    apr_pool_t *pool, *iter;
    cloud_ctx_t *ctx;
    const char *base = apr_psprintf(w->pool, "t%u", seed);

    apr_pool_create(&pool, NULL);
    apr_pool_create(&iter, pool);
    while (!stop) {
        cloud_put_opts_t opts = { .length = -1 };
        cloud_result_t res;
        cloud_put_t *put;
        const char *p, *q;

        apr_pool_clear(iter);
        ctx = cloud_ctx_create(w->store, iter);
        ctx->who.account = w->account;
        p = apr_psprintf(iter, "%s/d%d", base, rand_r(&seed) % 3);
        q = apr_psprintf(iter, "%s/d%d", base, rand_r(&seed) % 3);
        switch (rand_r(&seed) % 6) {
        case 0:
            (void)cloud_file_mkcol(&res, ctx, w->account, p, NULL, iter);
            break;
        case 1:
            (void)cloud_file_move(&res, ctx, w->account, p, w->account, q, 1, NULL, NULL, iter);
            break;
        case 2:
            (void)cloud_file_remove(ctx, w->account, p, NULL);
            break;
        default:
            p = apr_psprintf(iter, "%s/f%d", p, rand_r(&seed) % 4);
            if (cloud_put_begin(&put, ctx, w->account, p, &opts, iter)) break;
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

    for (i = 0; i < 3; i++) world_mkcol(w, apr_psprintf(w->pool, "t%u", i));
    for (i = 0; i < 3; i++) pthread_create(&threads[i], NULL, busy, (void *)(apr_uintptr_t)i);
    for (round = 0; round < 40; round++) {
        fsck((cloud_fsck_opts_t){ .hashes = round % 2 });
        if (told->nelts) break;
        if (round % 10 == 9) tu_maintain();
    }
    stop = 1;
    for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_msg(told->nelts == 0, "%s", all_told());
    clean();
}
END_TEST

START_TEST(scan_on_a_live_server)
{
    cloud_scan_opts_t opts = { .limit_percent = -1 };
    cloud_scan_stats_t s;
    pthread_t threads[3];
    unsigned i;
    int round;

    for (i = 0; i < 3; i++) world_mkcol(w, apr_psprintf(w->pool, "t%u", i));
    for (i = 0; i < 3; i++) pthread_create(&threads[i], NULL, busy, (void *)(apr_uintptr_t)i);
    for (round = 0; round < 60; round++) {
        OK(cloud_scan(&s, w->ctx, w->account, "", &opts));
        if (s.added || s.changed || s.moved || s.vanished) break;
    }
    stop = 1;
    for (i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    ck_assert_msg(round == 60, "added %d, changed %d, moved %d, vanished %d", (int)s.added,
                  (int)s.changed, (int)s.moved, (int)s.vanished);
    clean();
}
END_TEST

Suite *suite_fsck(void);
Suite *suite_fsck(void)
{
    const TTest *const tests[] = {
        sound, only_for_the_system, after_every_verb, wrong_size_of_a_folder,
        wrong_sizes_all_the_way_up, old_etag_of_a_folder, counter_too_low, parent_missing,
        orphan_without_content, inside_itself, member_of_a_file, root_missing, purge_root_missing,
        root_of_another_name, root_of_nobody, name_not_normal, kinds_and_numbers,
        rows_without_a_node, groups,
        properties_not_noted, senseless_journal, file_missing, folder_missing,
        content_left_in_staging, edited_from_outside, other_inodes, touched_from_outside,
        new_on_disk, moved_on_disk,
        what_nobody_serves, another_kind, marker_missing, forgotten_in_staging,
        staging_file_missing, staging_file_too_short, chunk_missing, finished_upload,
        forgotten_in_purge, directory_of_no_account, damaged_content, checksums_filled_in,
        on_a_live_server, scan_on_a_live_server,
    };
    Suite *s = suite_create("fsck");
    TCase *tc = tcase_create("fsck");
    unsigned i;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    return s;
}
