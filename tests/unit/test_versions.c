/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Versions: what every verb makes of them, on disk and in the rows; retention; upkeep. */
#include "testutil.h"

#include "maint.h"
#include "versions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static cloud_account_t *alice, *bob;
static cloud_ctx_t *as_alice, *as_bob;

static void setup(void)
{
    cloud_versions_register();
    tu_store();
    alice = tu_account("alice");
    bob = tu_account("bob");
    as_alice = tu_as(alice);
    as_bob = tu_as(bob);
}

static void put_at(const char *path, const char *text, apr_int64_t mtime)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text), .has_mtime = mtime != 0,
                              .mtime = mtime };
    cloud_result_t res;
    cloud_put_t *put;

    OK(cloud_put_begin(&put, as_alice, alice, path, &opts, tu.pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
}

static void put(const char *path, const char *text)
{
    put_at(path, text, 0);
}

static cloud_node_t *node(const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, as_alice, alice, path, tu.pool));
    return e->exists ? &e->node : NULL;
}

static const char *read_all(int fd)
{
    char buf[4096];
    ssize_t n = pread(fd, buf, sizeof buf, 0);

    ck_assert_int_ge(n, 0);
    return apr_pstrmemdup(tu.pool, buf, (apr_size_t)n);
}

static const char *content(const char *path)
{
    cloud_entry_t *e;
    int fd;

    OK(cloud_file_open(&fd, &e, as_alice, alice, path, tu.pool));
    return read_all(fd);
}

static cloud_err_t *collect(void *baton, const cloud_version_t *v)
{
    cloud_version_t *copy = apr_array_push(baton);

    *copy = *v;
    copy->path = apr_pstrdup(tu.pool, v->path);
    copy->author = apr_pstrdup(tu.pool, v->author);
    copy->tag = apr_pstrdup(tu.pool, v->tag);
    copy->sums.data = apr_pmemdup(tu.pool, v->sums.data, v->sums.len);
    return NULL;
}

/* The versions of a file, newest first. */
static apr_array_header_t *versions(apr_int64_t id)
{
    apr_array_header_t *list = apr_array_make(tu.pool, 8, sizeof(cloud_version_t));
    cloud_err_t *err;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    err = cloud_versions_each(tu.ctx, id, collect, list);
    cloud_tx_rollback(tu.ctx);
    OK(err);
    return list;
}

#define V(list, i) (&APR_ARRAY_IDX((list), (i), cloud_version_t))

/* Contents of the versions, newest first: "b a". Each is where its row says. */
static const char *texts(apr_int64_t id)
{
    apr_array_header_t *list = versions(id);
    const char *all = "";

    for (int i = 0; i < list->nelts; i++) {
        cloud_entry_t *file;
        cloud_version_t *v;
        int fd;

        ck_assert(tu_exists(apr_pstrcat(tu.pool, "accounts/", V(list, i)->path, NULL)));
        OK(cloud_version_open(&fd, &file, &v, as_alice, alice, id, V(list, i)->number, tu.pool));
        all = apr_pstrcat(tu.pool, all, i ? " " : "", read_all(fd), NULL);
    }
    return all;
}

/* The totals are the sums over the rows, and fsck finds nothing. */
static void check_sound(void)
{
    ck_assert_int_eq(tu_query_int("SELECT coalesce(sum(size), 0) FROM version"),
                     tu_query_int("SELECT coalesce(sum(bytes), 0) FROM version_total"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"),
                     tu_query_int("SELECT coalesce(sum(count), 0) FROM version_total"));
    tu_sound();
}

static cloud_err_t *move(const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_move(&res, as_alice, alice, src, alice, dst, 1, NULL, NULL, tu.pool);
}

static cloud_err_t *copy(const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_copy(&res, as_alice, alice, src, alice, dst, 1, -1, NULL, NULL, tu.pool);
}

static cloud_err_t *restore(apr_int64_t id, apr_int64_t number, const char *dst)
{
    cloud_result_t res;

    return cloud_version_copy(&res, as_alice, alice, id, number, alice, dst, 1, NULL, tu.pool);
}

/* Lets the versions of a file be so many seconds older. */
static void age(apr_int64_t id, apr_int64_t seconds)
{
    apr_array_header_t *list = versions(id);
    apr_int64_t by = apr_time_from_sec(seconds);

    for (int i = list->nelts - 1; i >= 0; i--) {
        const char *path = apr_pstrcat(tu.pool, tu.dir, "/accounts/", V(list, i)->path, NULL);
        const char *to = apr_psprintf(tu.pool, "%.*s/%" APR_INT64_T_FMT,
                                      (int)(strrchr(path, '/') - path), path,
                                      V(list, i)->number - by);

        ck_assert_int_eq(rename(path, to), 0);
        OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
        OK(cloud_db_run(tu.ctx->db, NULL, tu.pool,
                        "UPDATE version SET number = ?3 WHERE node = ?1 AND number = ?2", "iii",
                        id, V(list, i)->number, V(list, i)->number - by));
        OK(cloud_tx_commit(tu.ctx));
    }
}

static void run_jobs(void)
{
    int more = 1, rounds;

    for (rounds = 0; more; rounds++) {
        OK(cloud_versions_expire_step(&more, tu.ctx));
        ck_assert_int_lt(rounds, 1000);
    }
    for (more = 1; more; rounds++) {
        OK(cloud_versions_space_step(&more, tu.ctx));
        ck_assert_int_lt(rounds, 1000);
    }
    for (more = 1; more; rounds++) {
        OK(cloud_versions_disk_step(&more, tu.ctx));
        ck_assert_int_lt(rounds, 1000);
    }
    tu_maintain();
}

/* As it is a minute later. */
static void forget_judgement(void)
{
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_meta_set(tu.ctx, "retention.disk_owed", "0 0"));
    OK(cloud_tx_commit(tu.ctx));
}

static void setting(const char *key, const char *value)
{
    OK(cloud_setting_set(tu.ctx, "system", key, value));
}

/* Directories go once the journal has nothing older any more: in the next round. */
static void maintain_twice(void)
{
    tu_maintain();
    tu_maintain();
}

/* ---- verbs ---- */

START_TEST(overwriting_keeps_the_old_content)
{
    apr_array_header_t *list;
    apr_int64_t id, etag;
    cloud_node_t first;

    put_at("a.txt", "one", 1500000000);
    first = *node("a.txt");
    id = first.id;
    ck_assert_int_eq(versions(id)->nelts, 0);
    put("a.txt", "two!");
    etag = node("a.txt")->etag;
    put("a.txt", "three");
    ck_assert_str_eq(texts(id), "two! one");
    list = versions(id);
    ck_assert_int_eq(V(list, 1)->ino, first.ino); /* moved, not copied */
    ck_assert_int_eq(V(list, 1)->mtime, 1500000000);
    ck_assert_int_eq(V(list, 1)->etag, first.etag);
    ck_assert_int_eq(V(list, 0)->etag, etag);
    ck_assert_str_eq(V(list, 0)->author, "alice");
    ck_assert_int_eq(V(list, 1)->size, 3);
    ck_assert_int_eq(cloud_sums_match(V(list, 1)->sums, first.sums), 1);
    ck_assert_int_eq(node("")->size, 5); /* versions are not in the quota */
    tu_maintain();
    ck_assert_str_eq(texts(id), "two! one");
    check_sound();
}
END_TEST

START_TEST(empty_files_make_none)
{
    put("a", "");
    put("a", "x");
    put("a", "");
    put("a", "y");
    ck_assert_str_eq(texts(node("a")->id), "x");
    check_sound();
}
END_TEST

START_TEST(versions_follow_the_file)
{
    cloud_result_t res;
    apr_int64_t id;

    OK(cloud_file_mkcol(&res, as_alice, alice, "d", NULL, tu.pool));
    put("a", "1");
    put("a", "2");
    id = node("a")->id;
    OK(move("a", "d/b"));
    ck_assert_str_eq(texts(id), "1");
    OK(move("d", "e"));
    put("e/b", "3");
    ck_assert_int_eq(node("e/b")->id, id);
    ck_assert_str_eq(texts(id), "2 1");
    check_sound();
}
END_TEST

START_TEST(copy_onto_a_file_makes_a_version)
{
    apr_int64_t id;

    put("src", "new");
    put("src", "newer");
    put("dst", "old");
    id = node("dst")->id;
    OK(copy("src", "dst"));
    ck_assert_int_eq(node("dst")->id, id);
    ck_assert_str_eq(texts(id), "old");
    ck_assert_str_eq(texts(node("src")->id), "new");
    /* A copy has a history of its own. */
    OK(copy("src", "other"));
    ck_assert_str_eq(texts(node("other")->id), "");
    check_sound();
}
END_TEST

START_TEST(move_onto_a_file_takes_its_versions_away)
{
    apr_int64_t gone, id;

    put("src", "1");
    put("src", "2");
    put("dst", "a");
    put("dst", "b");
    gone = node("dst")->id;
    id = node("src")->id;
    OK(move("src", "dst"));
    ck_assert_str_eq(texts(id), "1");
    ck_assert_int_eq(versions(gone)->nelts, 0);
    maintain_twice();
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, gone)));
    check_sound();
}
END_TEST

START_TEST(purging_takes_versions_and_directories_away)
{
    cloud_result_t res;
    apr_int64_t a, b;

    OK(cloud_file_mkcol(&res, as_alice, alice, "d", NULL, tu.pool));
    put("a", "1");
    put("a", "2");
    put("d/b", "1");
    put("d/b", "2");
    a = node("a")->id;
    b = node("d/b")->id;
    OK(cloud_file_remove(as_alice, alice, "a", NULL));
    ck_assert_int_eq(versions(a)->nelts, 0);
    OK(cloud_file_remove(as_alice, alice, "d", NULL));
    ck_assert_int_eq(versions(b)->nelts, 1); /* the job takes them */
    maintain_twice();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_gone"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, a)));
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, b)));
    check_sound();
}
END_TEST

/* A file whose versions all went before it, and one that nothing was kept of in the end. */
START_TEST(directories_of_nothing_are_swept)
{
    apr_int64_t a, b;
    int more;

    put("a", "1");
    put("a", "2");
    put("b", "1");
    put("b", "2");
    a = node("a")->id;
    b = node("b")->id;
    OK(cloud_version_remove(as_alice, alice, a, V(versions(a), 0)->number, tu.pool));
    OK(cloud_file_remove(as_alice, alice, "a", NULL));
    maintain_twice();
    OK(cloud_versions_sweep(&more, tu.ctx, 0));
    ck_assert_int_eq(more, 0);
    ck_assert(!tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, a)));
    ck_assert(tu_exists(apr_psprintf(tu.pool, "accounts/alice/versions/%" APR_INT64_T_FMT, b)));
    ck_assert_int_eq(versions(b)->nelts, 1);
    check_sound();
}
END_TEST

START_TEST(deleted_accounts_leave_nothing)
{
    put("a", "1");
    put("a", "2");
    OK(cloud_account_delete(tu.ctx, "alice"));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_total"), 0);
    check_sound();
}
END_TEST

static const char *first_of(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t id)
{
    apr_array_header_t *list = versions(id);
    cloud_entry_t *file;
    cloud_version_t *v;
    int fd;

    ck_assert_int_eq(list->nelts, 1);
    OK(cloud_version_open(&fd, &file, &v, ctx, account, id, V(list, 0)->number, tu.pool));
    return read_all(fd);
}

/* What went to somebody else keeps its old versions when he who had it is deleted. */
START_TEST(versions_go_to_who_has_the_file)
{
    cloud_result_t res;
    apr_int64_t moved;

    OK(cloud_file_mkcol(&res, as_alice, alice, "d", NULL, tu.pool));
    put("d/moved", "old");
    put("d/moved", "new");
    put("stays", "old");
    put("stays", "new");
    moved = node("d/moved")->id;
    OK(cloud_file_move(&res, tu.ctx, alice, "d", bob, "given", 0, NULL, NULL, tu.pool));
    ck_assert_str_eq(first_of(as_bob, bob, moved), "old");
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_str_eq(first_of(as_bob, bob, moved), "old");
    ck_assert(tu_exists(apr_psprintf(tu.pool, "accounts/bob/versions/%" APR_INT64_T_FMT, moved)));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 1);
    check_sound();
    tu_maintain();
    ck_assert_str_eq(first_of(as_bob, bob, moved), "old");
    check_sound();
    /* They are his as any are, and go with him. */
    OK(cloud_account_delete(tu.ctx, "bob"));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version_total"), 0);
    check_sound();
}
END_TEST

START_TEST(restoring_is_a_write)
{
    apr_array_header_t *list;
    cloud_node_t *now;
    apr_int64_t id, etag;

    put_at("a", "one", 1500000000);
    put("a", "two");
    id = node("a")->id;
    etag = node("a")->etag;
    list = versions(id);
    OK(restore(id, V(list, 0)->number, "a"));
    now = node("a");
    ck_assert_int_eq(now->id, id);
    ck_assert_int_gt(now->etag, etag);
    ck_assert_int_eq(now->mtime, 1500000000);
    ck_assert_str_eq(content("a"), "one");
    ck_assert_str_eq(texts(id), "two one"); /* nothing is lost by it */
    /* It may go elsewhere, too. */
    OK(restore(id, V(versions(id), 0)->number, "b"));
    ck_assert_str_eq(content("b"), "two");
    ck_assert_int_ne(node("b")->id, id);
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

    put("a", "one");
    put("a", "two");
    id = node("a")->id;
    f = fopen(apr_pstrcat(tu.pool, tu.dir, "/accounts/", V(versions(id), 0)->path, NULL), "r+");
    ck_assert_ptr_nonnull(f);
    fputs("ohh", f);
    fclose(f);
    FAILS(restore(id, V(versions(id), 0)->number, "a"), UNAVAILABLE);
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

    put("a", "one");
    put("a", "two");
    id = node("a")->id;
    number = V(versions(id), 0)->number;
    FAILS(cloud_version_open(&fd, &file, &v, as_bob, bob, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_open(&fd, &file, &v, as_bob, alice, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_copy(&res, as_bob, bob, id, number, bob, "a", 1, NULL, tu.pool),
          NOT_FOUND);
    FAILS(cloud_version_remove(as_bob, bob, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_remove(as_bob, alice, id, number, tu.pool), NOT_FOUND);
    FAILS(cloud_version_set_tag(as_bob, bob, id, number, "1.0", tu.pool), NOT_FOUND);
    /* Not into somebody else's space either. */
    FAILS(cloud_version_copy(&res, as_alice, alice, id, number, bob, "a", 1, NULL, tu.pool),
          NOT_FOUND);
    FAILS(cloud_version_open(&fd, &file, &v, tu_as(NULL), alice, id, number, tu.pool), NOT_FOUND);
    ck_assert_str_eq(texts(id), "one");
}
END_TEST

START_TEST(a_version_is_deleted_or_tagged)
{
    apr_int64_t id;

    put("a", "one");
    put("a", "two");
    put("a", "three");
    id = node("a")->id;
    OK(cloud_version_set_tag(as_alice, alice, id, V(versions(id), 1)->number, "1.0", tu.pool));
    ck_assert_str_eq(V(versions(id), 1)->tag, "1.0");
    FAILS(cloud_version_remove(as_alice, alice, id, V(versions(id), 1)->number, tu.pool), DENIED);
    OK(cloud_version_remove(as_alice, alice, id, V(versions(id), 0)->number, tu.pool));
    ck_assert_str_eq(texts(id), "one");
    OK(cloud_version_set_tag(as_alice, alice, id, V(versions(id), 0)->number, NULL, tu.pool));
    OK(cloud_version_remove(as_alice, alice, id, V(versions(id), 0)->number, tu.pool));
    tu_maintain();
    check_sound();
}
END_TEST

/* The journal still owes the move: the content is served from where it is. */
START_TEST(owed_moves_do_not_hide_content)
{
    apr_int64_t id;

    put("a", "one");
    put("a", "two");
    id = node("a")->id;
    tu_reopen();
    as_alice = tu_as(alice);
    ck_assert_str_eq(texts(id), "one");
    check_sound();
}
END_TEST

/* ---- retention ---- */

START_TEST(the_job_thins)
{
    apr_int64_t id;

    for (int i = 0; i < 6; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    age(id, 100); /* all within a minute, and more than a minute ago */
    run_jobs();
    ck_assert_str_eq(texts(id), "4 0");
    check_sound();
}
END_TEST

/* The clock was years ahead and was set right: numbers go on from there, one by one. */
START_TEST(a_clock_that_was_ahead)
{
    apr_int64_t id;

    put("a", "0");
    tu_exec("UPDATE counter SET last = last + 300000000000000");
    for (int i = 1; i < 6; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    run_jobs();
    ck_assert_str_eq(texts(id), "4 3 2 1 0");
    setting("retention_disk_low", "0"); /* any disk is filled to one percent */
    setting("retention_disk_high", "1");
    run_jobs();
    ck_assert_str_eq(texts(id), "4 3");
    setting("versions_retention_obligation", "1, auto");
    put("a", "6");
    forget_judgement();
    run_jobs();
    ck_assert_str_eq(texts(id), "5 4 3"); /* too young, as far as one can see */
    check_sound();
}
END_TEST

START_TEST(minimum_ages_are_strict)
{
    apr_int64_t id;

    setting("versions_retention_obligation", "1, auto");
    for (int i = 0; i < 4; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    OK(cloud_account_set_quota(tu.ctx, "alice", 1)); /* no room at all */
    age(id, 86400 - 100);
    run_jobs();
    ck_assert_str_eq(texts(id), "2 1 0");
    age(id, 200);
    run_jobs();
    ck_assert_str_eq(texts(id), "2 0");
    check_sound();
}
END_TEST

START_TEST(maximum_ages_count_from_when_it_became_a_version)
{
    apr_int64_t id;

    setting("versions_retention_obligation", "auto, 2");
    put_at("a", "written long ago", 1000000000);
    put_at("a", "x", 1000000001);
    put("a", "y");
    id = node("a")->id;
    age(id, 86400);
    run_jobs();
    ck_assert_str_eq(texts(id), "x written long ago");
    age(id, 86400 + 10);
    run_jobs();
    ck_assert_str_eq(texts(id), "");
    check_sound();
}
END_TEST

START_TEST(quota_takes_the_oldest_first)
{
    apr_int64_t a, b;

    setting("versions_retention_obligation", "0, 1000"); /* no thinning */
    for (int i = 0; i < 3; i++) put("a", apr_psprintf(tu.pool, "a%08d", i));
    for (int i = 0; i < 3; i++) put("b", apr_psprintf(tu.pool, "b%08d", i));
    a = node("a")->id;
    b = node("b")->id;
    /* 18 bytes of files, 36 of versions; (78 - 18) / 2 = 30 */
    OK(cloud_account_set_quota(tu.ctx, "alice", 78));
    run_jobs();
    ck_assert_str_eq(texts(a), "a00000001");
    ck_assert_str_eq(texts(b), "b00000001 b00000000");
    /* The newest two of the account stay, whatever there is. */
    OK(cloud_account_set_quota(tu.ctx, "alice", 1));
    run_jobs();
    ck_assert_str_eq(texts(a), "");
    ck_assert_str_eq(texts(b), "b00000001 b00000000");
    check_sound();
}
END_TEST

/* The oldest is pinned and nothing else may go: the job ends all the same. */
START_TEST(pinned_versions_end_no_loop)
{
    apr_array_header_t *list;
    apr_int64_t id;

    for (int i = 0; i < 5; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    list = versions(id);
    for (int i = 0; i < list->nelts; i++)
        OK(cloud_version_set_tag(as_alice, alice, id, V(list, i)->number, "1.0", tu.pool));
    OK(cloud_account_set_quota(tu.ctx, "alice", 1));
    setting("retention_disk_low", "0");
    setting("retention_disk_high", "1");
    age(id, 1000);
    run_jobs();
    ck_assert_str_eq(texts(id), "3 2 1 0");
    check_sound();
}
END_TEST

START_TEST(a_full_disk_takes_the_oldest)
{
    apr_int64_t id;

    setting("versions_retention_obligation", "1, 1000");
    for (int i = 0; i < 6; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    setting("retention_disk_low", "0"); /* any disk is filled to one percent */
    setting("retention_disk_high", "1");
    run_jobs();
    ck_assert_str_eq(texts(id), "4 3 2 1 0"); /* too young */
    age(id, 2 * 86400);
    forget_judgement();
    run_jobs();
    ck_assert_str_eq(texts(id), "4 3");
    check_sound();
}
END_TEST

START_TEST(no_setting_loops)
{
    static const char *const ALL[] = { "auto", "0, auto", "auto, 0", "0, 0", "36500, 0",
                                       "disabled", "36500, auto", "not one" };
    apr_int64_t id;

    for (int i = 0; i < 4; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    OK(cloud_account_set_quota(tu.ctx, "alice", 1));
    setting("versions_retention_obligation", ALL[_i]);
    age(id, 5);
    run_jobs();
    if (strcmp(ALL[_i], "disabled") == 0 || strncmp(ALL[_i], "36500", 5) == 0)
        ck_assert_str_eq(texts(id), "2 1 0");
    check_sound();
    tu.warnings = 0; /* the one that is none is told about */
}
END_TEST

START_TEST(many_versions_in_bounded_steps)
{
    cloud_versions_stats_t stats;
    apr_int64_t id;
    int more;

    for (int i = 0; i < 620; i++) put("a", "x");
    id = node("a")->id;
    age(id, 7 * 86400);
    OK(cloud_versions_expire(&stats, tu.ctx, alice, 1));
    ck_assert_int_eq(stats.versions, 617);
    ck_assert_int_eq(versions(id)->nelts, 619); /* that was dry */
    OK(cloud_versions_expire_step(&more, tu.ctx));
    ck_assert_int_eq(more, 1);
    ck_assert_int_eq(versions(id)->nelts, 119);
    tu_reopen();
    OK(cloud_versions_expire_step(&more, tu.ctx));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(versions(id)->nelts, 2);
    tu_maintain();
    as_alice = tu_as(alice);
    check_sound();
}
END_TEST

START_TEST(versions_of_files_that_are_gone)
{
    cloud_versions_stats_t stats;

    put("a", "one");
    put("a", "two");
    cloud_versions_unregister();
    OK(cloud_file_remove(as_alice, alice, "a", NULL));
    tu_maintain();
    cloud_versions_register();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"), 1);
    OK(cloud_versions_expire(&stats, tu.ctx, NULL, 0));
    ck_assert_int_eq(stats.versions, 1);
    tu_maintain();
    check_sound();
}
END_TEST

START_TEST(cleanup_leaves_what_has_a_tag)
{
    cloud_versions_stats_t stats;
    apr_int64_t id;

    for (int i = 0; i < 4; i++) put("a", apr_psprintf(tu.pool, "%d", i));
    id = node("a")->id;
    OK(cloud_version_set_tag(as_alice, alice, id, V(versions(id), 1)->number, "1.0", tu.pool));
    OK(cloud_versions_cleanup(&stats, tu.ctx, alice, 1));
    ck_assert_int_eq(stats.versions, 2);
    ck_assert_str_eq(texts(id), "2 1 0");
    OK(cloud_versions_cleanup(&stats, tu.ctx, alice, 0));
    ck_assert_str_eq(texts(id), "1");
    OK(cloud_versions_cleanup(&stats, tu.ctx, bob, 0));
    ck_assert_int_eq(stats.versions, 0);
    tu_maintain();
    check_sound();
}
END_TEST

Suite *suite_versions(void)
{
    Suite *s = suite_create("versions");
    TCase *tc = tu_case(s, "verbs", setup);

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
    tc = tu_case(s, "retention", setup);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, the_job_thins);
    tcase_add_test(tc, minimum_ages_are_strict);
    tcase_add_test(tc, maximum_ages_count_from_when_it_became_a_version);
    tcase_add_test(tc, quota_takes_the_oldest_first);
    tcase_add_test(tc, pinned_versions_end_no_loop);
    tcase_add_test(tc, a_full_disk_takes_the_oldest);
    tcase_add_loop_test(tc, no_setting_loops, 0, 8);
    tcase_add_test(tc, many_versions_in_bounded_steps);
    tcase_add_test(tc, a_clock_that_was_ahead);
    tcase_add_test(tc, versions_of_files_that_are_gone);
    tcase_add_test(tc, cleanup_leaves_what_has_a_tag);
    return s;
}
