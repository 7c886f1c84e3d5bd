/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "files.h"
#include "maint.h"
#include "settings.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const char *repeat(const char *s, int n)
{
    char *out = apr_palloc(tu.pool, strlen(s) * (size_t)n + 1), *p = out;

    *out = '\0';
    while (n-- > 0) p = apr_cpystrn(p, s, strlen(s) + 1);
    return out;
}

static cloud_account_t *get(const char *id)
{
    cloud_account_t *a;

    OK(cloud_account_get(&a, tu.ctx, id, tu.pool));
    return a;
}

static void put(const cloud_account_t *a, const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = -1 };
    cloud_result_t res;
    cloud_put_t *p;

    OK(cloud_put_begin(&p, tu.ctx, a, path, &opts, tu.pool));
    OK(cloud_put_write(p, text, strlen(text)));
    OK(cloud_put_commit(&res, p));
}

/* Makes a file behind the store's back. */
static void touch(const char *path)
{
    int fd = open(apr_pstrcat(tu.pool, tu.dir, "/", path, NULL), O_WRONLY | O_CREAT, 0600);

    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* ---- creating ---- */

START_TEST(test_create)
{
    cloud_account_t *a, *b;

    OK(cloud_account_create(&a, tu.ctx, "Alice", "secret", "Alice A.", tu.pool));
    OK(cloud_account_get(&b, tu.ctx, "Alice", tu.pool));
    ck_assert_str_eq(b->id, "Alice");
    ck_assert_str_eq(b->display_name, "Alice A.");
    ck_assert_ptr_null(b->email);
    ck_assert_int_eq(b->quota, CLOUD_QUOTA_DEFAULT);
    ck_assert_int_eq(b->enabled, 1);
    ck_assert_int_eq(b->last_login, 0);
    ck_assert_str_eq(b->dir, "Alice");
    ck_assert_int_eq(a->number, b->number);
    ck_assert_int_eq(a->root, b->root);
    ck_assert_int_eq(a->purge, b->purge);
    ck_assert_int_eq(a->secret_epoch, b->secret_epoch);
    ck_assert_int_ne(a->root, a->purge);
    ck_assert_int_lt(a->root, (apr_int64_t)1 << 53);
    ck_assert(tu_exists("accounts/Alice/files"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE parent = 0"), 2);
    OK(cloud_account_by_number(&b, tu.ctx, a->number, tu.pool));
    ck_assert_str_eq(b->id, "Alice");
    FAILS(cloud_account_by_number(&b, tu.ctx, 4711, tu.pool), NOT_FOUND);
    FAILS(cloud_account_get(&b, tu.ctx, "bob", tu.pool), NOT_FOUND);
    FAILS(cloud_account_get(&b, tu.ctx, "\xff", tu.pool), NOT_FOUND);
}
END_TEST

/* One account, however its id is spelled; the first spelling stays. */
START_TEST(test_case)
{
    static const struct {
        const char *id, *same[3];
    } ids[] = {
        { "Alice", { "alice", "ALICE", "aLiCe" } },
        { "J\xc3\xbcrgen", { "j\xc3\x9crgen", "Ju\xcc\x88rgen", "J\xc3\xbcRGEN" } },
        { "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd", { "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd", NULL, NULL } },
        { "Mu\xcc\x88ller", { "m\xc3\xbcller", "M\xc3\x9cLLER", NULL } },
    };
    cloud_account_t *a;

    for (int i = 0; i < COUNT(ids); i++) {
        OK(cloud_account_create(&a, tu.ctx, ids[i].id, NULL, NULL, tu.pool));
        for (int j = 0; j < 3 && ids[i].same[j]; j++) {
            ck_assert_int_eq(get(ids[i].same[j])->number, a->number);
            ck_assert_str_eq(get(ids[i].same[j])->id, a->id);
            FAILS(cloud_account_create(&a, tu.ctx, ids[i].same[j], NULL, NULL, tu.pool), EXISTS);
            a = get(ids[i].id);
        }
    }
    /* The canonical spelling is in NFC. */
    ck_assert_str_eq(get("m\xc3\xbcller")->id, "M\xc3\xbcller");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM account"), COUNT(ids));
}
END_TEST

START_TEST(test_ids)
{
    static const char *const good[] = { "a", "0", "a b", "a_b", "a.b", ".a", "a@b.example",
                                        "o'neil", "a-b", "a+b", "\xe6\x96\x87", "_", "..." };
    static const char *const bad[] = { "", ".", "..", " a", "a ", "a/b", "a\\b", "a:b", "a\nb",
                                       "a%b", "a\x7f", "\xff", "\xf0\x9f\x98\x80", "a\xe2\x80\xae",
                                       "\xc2\xa0", "a*", "a?", "\"a\"", "<a>" };
    cloud_account_t *a;

    for (int i = 0; i < COUNT(good); i++)
        OK(cloud_account_create(&a, tu.ctx, good[i], NULL, NULL, tu.pool));
    for (int i = 0; i < COUNT(bad); i++)
        FAILS(cloud_account_create(&a, tu.ctx, bad[i], NULL, NULL, tu.pool), INVALID);
    OK(cloud_account_create(&a, tu.ctx, repeat("x", 255), NULL, NULL, tu.pool));
    ck_assert_str_eq(a->dir, apr_psprintf(tu.pool, "%%%%%" APR_INT64_T_FMT, a->number));
    FAILS(cloud_account_create(&a, tu.ctx, repeat("x", 256), NULL, NULL, tu.pool), INVALID);
    ck_assert(tu_exists("accounts/%2Ea/files"));
}
END_TEST

/* An interrupted creation left its directory: the next one takes it over. */
START_TEST(test_leftover_directory)
{
    cloud_account_t *a = tu_account("alice");

    put(a, "x.txt", "x");
    /* The rows are gone, as if they had never been written; then the files, too. */
    tu_exec("DELETE FROM account; DELETE FROM node; DELETE FROM journal");
    FAILS(cloud_account_create(&a, tu.ctx, "alice", NULL, NULL, tu.pool), CONFLICT);
    ck_assert(tu_exists("accounts/alice/files/x.txt"));
    unlink(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/files/x.txt", NULL));
    OK(cloud_account_create(&a, tu.ctx, "alice", NULL, NULL, tu.pool));
    put(a, "y.txt", "y");
    ck_assert(tu_exists("accounts/alice/files/y.txt"));
}
END_TEST

/* What somebody made, for instance to mount a disk there, is not ours. */
START_TEST(test_foreign_directory)
{
    cloud_account_t *a;

    ck_assert_int_eq(mkdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/alice", NULL), 0700), 0);
    FAILS(cloud_account_create(&a, tu.ctx, "alice", NULL, NULL, tu.pool), CONFLICT);
    touch("accounts/bob");
    FAILS(cloud_account_create(&a, tu.ctx, "bob", NULL, NULL, tu.pool), CONFLICT);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM account"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 0);
}
END_TEST

typedef struct {
    cloud_ctx_t *ctx;
    int created, existed;
    const char *failure;
} creator_t;

static void *create_many(void *baton)
{
    creator_t *c = baton;

    for (int i = 0; i < 20 && !c->failure; i++) {
        cloud_account_t *a;
        const char *id = apr_psprintf(c->ctx->pool, "user%d", i);
        cloud_err_t *err = cloud_account_create(&a, c->ctx, id, NULL, NULL, c->ctx->pool);
        if (!err) c->created++;
        else if (err->code == CLOUD_E_EXISTS) c->existed++;
        else c->failure = err->cause ? err->cause : err->msg;
    }
    return NULL;
}

/* The same accounts created from several threads at once: each by exactly one of them. */
START_TEST(test_create_race)
{
    creator_t creators[4] = { 0 };
    pthread_t threads[4];
    int created = 0;

    for (int i = 0; i < 4; i++) {
        creators[i].ctx = tu_as(NULL);
        creators[i].ctx->who.system = 1;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_many, &creators[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_msg(!creators[i].failure, "%s", creators[i].failure);
        created += creators[i].created;
    }
    ck_assert_int_eq(created, 20);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM account"), 20);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 40);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
}
END_TEST

/* ---- deleting ---- */

/* Where the directory of a deleted account waits to be unlinked. */
static const char *grave(const cloud_account_t *a)
{
    return apr_psprintf(tu.pool, "accounts/.deleted-%" APR_INT64_T_FMT, a->number);
}

START_TEST(test_delete)
{
    cloud_account_t *a, *b, *gone;
    cloud_result_t res;
    const char *secret;

    a = tu_account("alice");
    b = tu_account("bob");
    put(a, "a.txt", "hello");
    OK(cloud_file_mkcol(&res, tu.ctx, a, "d", NULL, tu.pool));
    put(a, "d/b.txt", "hello");
    put(b, "kept.txt", "kept");
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    OK(cloud_account_delete(tu.ctx, "ALICE"));
    FAILS(cloud_account_get(&gone, tu.ctx, "alice", tu.pool), NOT_FOUND);
    ck_assert(!tu_exists("accounts/alice"));
    ck_assert(tu_exists(grave(a)));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM apppass"), 0);
    FAILS(cloud_account_delete(tu.ctx, "alice"), NOT_FOUND);
    tu_maintain();
    /* Nothing of it is left, and nothing else was touched. */
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 3);
    ck_assert(tu_exists("accounts/bob/files/kept.txt"));
    ck_assert(!tu_exists(grave(a)));
    ck_assert_int_eq(tu.errors, 0);
    ck_assert_int_eq(tu.warnings, 0);
}
END_TEST

/* The name is free at once, and nothing comes back with it. */
START_TEST(test_name_again)
{
    cloud_account_t *first, *second;
    cloud_entry_t *entry;
    const char *secret;

    OK(cloud_account_create(&first, tu.ctx, "alice", "old secret", NULL, tu.pool));
    put(first, "old.txt", "old");
    OK(cloud_apppass_create(&secret, tu.ctx, "alice", "phone", tu.pool));
    OK(cloud_account_delete(tu.ctx, "alice"));
    second = tu_account("alice");
    ck_assert_int_ne(first->number, second->number);
    ck_assert_int_ne(first->root, second->root);
    ck_assert(tu_exists("accounts/alice/files"));
    FAILS(cloud_file_stat(&entry, tu.ctx, second, "old.txt", tu.pool), NOT_FOUND);
    cloud_account_t *who;
    const cloud_apppass_t *pass;
    FAILS(cloud_account_verify(&who, &pass, tu.ctx, "alice", secret, 0, tu.pool), UNAUTHORIZED);
    FAILS(cloud_account_verify(&who, &pass, tu.ctx, "alice", "old secret", 0, tu.pool),
          UNAUTHORIZED);
    put(second, "old.txt", "new");
    tu_maintain();
    OK(cloud_file_stat(&entry, tu.ctx, second, "old.txt", tu.pool));
    ck_assert(tu_exists("accounts/alice/files/old.txt"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 3);
    ck_assert_int_eq(tu.errors, 0);
}
END_TEST

/* The process died between the transaction and the rename of the directory. */
START_TEST(test_name_again_before_the_rename)
{
    cloud_account_t *a = tu_account("alice");
    const char *from = apr_pstrcat(tu.pool, tu.dir, "/", grave(a), NULL);
    const char *to = apr_pstrcat(tu.pool, tu.dir, "/accounts/alice", NULL);

    put(a, "old.txt", "old");
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(rename(from, to), 0);
    /* A new process does not know what was carried out. */
    unlink(apr_pstrcat(tu.pool, tu.dir, "/.cloud/shm", NULL));
    tu_reopen_without_replay();
    a = tu_account("alice");
    ck_assert(tu_exists("accounts/alice/files"));
    ck_assert(!tu_exists("accounts/alice/files/old.txt"));
    tu_maintain();
    ck_assert(tu_exists("accounts/alice/files"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    put(a, "new.txt", "new");
}
END_TEST

START_TEST(test_delete_without_disk)
{
    cloud_account_t *a = tu_account("alice"), *b = tu_account("bob");
    const char *accounts = apr_pstrcat(tu.pool, tu.dir, "/accounts/", NULL);

    put(a, "a.txt", "a");
    /* The marker is missing, as below the mount point of a disk that is not there. */
    ck_assert_int_eq(rename(apr_pstrcat(tu.pool, accounts, "alice", NULL),
                            apr_pstrcat(tu.pool, accounts, "../aside", NULL)),
                     0);
    ck_assert_int_eq(mkdir(apr_pstrcat(tu.pool, accounts, "alice", NULL), 0700), 0);
    FAILS(cloud_account_delete(tu.ctx, "alice"), UNAVAILABLE);
    ck_assert_int_eq(get("alice")->number, a->number);
    /* No directory at all: the rows can go. */
    put(b, "b.txt", "b");
    ck_assert_int_eq(rename(apr_pstrcat(tu.pool, accounts, "bob", NULL),
                            apr_pstrcat(tu.pool, accounts, "../aside2", NULL)),
                     0);
    OK(cloud_account_delete(tu.ctx, "bob"));
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM account"), 1);
}
END_TEST

static void count_finding(void *baton, const char *kind, const char *account, const char *path,
                          const char *detail, int repaired)
{
    (void)kind, (void)account, (void)path, (void)detail, (void)repaired;
    ++*(int *)baton;
}

/* What a copy has made so far waits to be reclaimed, as all that was deleted does. */
START_TEST(test_delete_while_a_folder_is_copied)
{
    cloud_fsck_stats_t stats;
    int found = 0;
    cloud_fsck_opts_t opts = { .report = count_finding, .baton = &found };

    tu_account("alice");
    tu_exec("INSERT INTO node (parent, name, id, disk, kind, etag, size, mtime, created, ino,"
            " ino_mtime, btime, flags) VALUES (0, 'bulk:1000', 1000, 'alice/staging/x', 6, 7, 0, 1, 1, 5,"
            " 0, 0, 0), (1000, 'f', 1001, NULL, 0, 7, 0, 1, 1, 6, 0, 0, 0)");
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE id = 1000 AND parent <> 0"), 1);
    OK(cloud_fsck(&stats, tu.ctx, NULL, &opts));
    ck_assert_int_eq(found, 0);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node WHERE id IN (1000, 1001)"), 0);
    OK(cloud_fsck(&stats, tu.ctx, NULL, &opts));
    ck_assert_int_eq(found, 0);
}
END_TEST

START_TEST(test_delete_large)
{
    cloud_account_t *a = tu_account("alice");
    char text[64];

    for (int i = 0; i < 1500; i++) {
        snprintf(text, sizeof text, "f%d", i);
        put(a, text, text);
    }
    OK(cloud_account_delete(tu.ctx, "alice"));
    a = tu_account("alice");
    put(a, "new", "new");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 3);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert(tu_exists("accounts/alice/files/new"));
}
END_TEST

/* What a creation left when it was killed goes after a day. */
START_TEST(test_sweep)
{
    static const char *const dirs[] = { ".new-1700000000000000-0", ".new-0", ".new-x", ".newer" };
    apr_int64_t now = apr_time_now();
    const char *young = apr_psprintf(tu.pool, ".new-%" APR_INT64_T_FMT "-0", now);

    for (int i = 0; i < COUNT(dirs); i++)
        ck_assert_int_eq(mkdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/", dirs[i], NULL), 0700), 0);
    ck_assert_int_eq(mkdir(apr_pstrcat(tu.pool, tu.dir, "/accounts/", young, NULL), 0700), 0);
    touch("accounts/.new-1700000000000000-0/f");
    for (int i = 0; i < 2; i++) {
        OK(cloud_store_expire(tu.ctx));
        ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 1);
    }
    tu_maintain();
    ck_assert(!tu_exists("accounts/.new-1700000000000000-0"));
    for (int i = 1; i < COUNT(dirs); i++)
        ck_assert(tu_exists(apr_pstrcat(tu.pool, "accounts/", dirs[i], NULL)));
    ck_assert(tu_exists(apr_pstrcat(tu.pool, "accounts/", young, NULL)));
}
END_TEST

/* ---- killed in the middle ---- */

#ifdef CLOUD_INJECT

/* Runs fn in a process that dies at that point. A store never lives across a fork. */
static void killed_at(const char *point, void (*fn)(void))
{
    int status;
    pid_t child;

    tu_close();
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setenv("CLOUD_INJECT_AT", point, 1);
        tu_reopen();
        fn();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not reached", point);
    tu_reopen();
}

static void create_alice(void)
{
    tu_account("alice");
}

static void delete_alice(void)
{
    OK(cloud_account_delete(tu.ctx, "alice"));
    tu_maintain();
}

/* Nothing is left of what happened before but alice with one file, and she works. */
static void check_alice(cloud_account_t *a)
{
    put(a, "f", "f");
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM account"), 1);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM node"), 3);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    ck_assert(tu_exists("accounts/alice/files/f"));
    ck_assert_int_eq(tu.errors, 0);
}

static const char *const create_points[] = {
    "account-dir-half", "account-dir-made", "account-dir-renamed", "account-before-rows",
};

START_TEST(test_create_killed)
{
    cloud_account_t *a;

    killed_at(create_points[_i], create_alice);
    FAILS(cloud_account_get(&a, tu.ctx, "alice", tu.pool), NOT_FOUND);
    check_alice(tu_account("alice"));
}
END_TEST

static const char *const delete_points[] = {
    "account-deleted",     "journal-before-move",  "journal-after-move",    "journal-before-drop",
    "journal-before-purge", "journal-after-purge", "reclaim-before-commit",
};

START_TEST(test_delete_killed)
{
    cloud_account_t *a = tu_account("alice");

    put(a, "old", "old");
    killed_at(delete_points[_i], delete_alice);
    FAILS(cloud_account_get(&a, tu.ctx, "alice", tu.pool), NOT_FOUND);
    a = tu_account("alice");
    check_alice(a);
    ck_assert(!tu_exists("accounts/alice/files/old"));
}
END_TEST

/* Killed before the commit: as if nothing had happened. */
START_TEST(test_delete_killed_early)
{
    cloud_account_t *a = tu_account("alice");

    put(a, "f", "f");
    killed_at("account-delete-rows", delete_alice);
    check_alice(get("alice"));
}
END_TEST

#endif

/* ---- listing and changing ---- */

static cloud_err_t *collect(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    const char **ids = baton;

    (void)pool;
    *ids = apr_pstrcat(tu.pool, *ids, a->id, " ", NULL);
    return NULL;
}

static const char *ids(const char *search)
{
    const char *found = "";

    OK(cloud_account_each(tu.ctx, search, collect, &found));
    return found;
}

static cloud_err_t *count(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    int *n = baton;

    (void)a;
    (void)pool;
    ++*n;
    return NULL;
}

static cloud_err_t *delete_it(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    return cloud_account_delete(tu.ctx, a->id);
}

START_TEST(test_each)
{
    int n = 0;

    ck_assert_str_eq(ids(NULL), "");
    tu_account("bob");
    tu_account("Alice");
    tu_account("carol");
    OK(cloud_account_set_display_name(tu.ctx, "carol", "Carola \xc3\x84rger"));
    ck_assert_str_eq(ids(NULL), "Alice bob carol ");
    ck_assert_str_eq(ids(""), "Alice bob carol ");
    ck_assert_str_eq(ids("AL"), "Alice ");
    ck_assert_str_eq(ids("\xc3\xa4rg"), "carol ");
    ck_assert_str_eq(ids("o"), "bob carol ");
    ck_assert_str_eq(ids("%"), "");
    ck_assert_str_eq(ids("_"), "");
    ck_assert_str_eq(ids("\xff"), "");
    FAILS(cloud_account_each(tu_as(get("bob")), NULL, count, &n), DENIED);
    /* More than a page, and the rows change underneath. */
    for (int i = 0; i < 450; i++) {
        tu_exec("INSERT INTO account SELECT max(number) + 1, 'z' || (max(number) + 1),"
                " 'z' || (max(number) + 1), NULL, NULL, -1, 1, 0, 0, 1, 2,"
                " 'z' || (max(number) + 1), NULL, 1, 'database', NULL, 0 FROM account");
    }
    OK(cloud_account_each(tu.ctx, NULL, count, &n));
    ck_assert_int_eq(n, 453);
    OK(cloud_account_each(tu.ctx, NULL, delete_it, NULL));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM account"), 0);
}
END_TEST

static int statements_of_get(const char *id)
{
    apr_uint64_t before = tu_statements(tu.ctx), none = tu_statements(tu.ctx) - before;

    before = tu_statements(tu.ctx);
    get(id);
    return (int)(tu_statements(tu.ctx) - before - none);
}

static int statements_in_tx(const char *id)
{
    apr_uint64_t before = cloud_db_statements(tu.ctx->db);

    get(id);
    return (int)(cloud_db_statements(tu.ctx->db) - before);
}

/* More accounts in one transaction than are kept in mind one by one. */
static void change_all(cloud_ctx_t *other)
{
    int i;

    for (i = 0; i < 40; i++) {
        tu_account(apr_psprintf(tu.pool, "u%d", i));
        get(apr_psprintf(tu.pool, "u%d", i));
    }
    OK(cloud_tx_begin(other, CLOUD_DB_WRITE));
    OK(cloud_tx_end(other, cloud_db_exec(other->db, "UPDATE account SET quota = 4", tu.pool)));
    for (i = 0; i < 40; i++)
        ck_assert_int_eq(get(apr_psprintf(tu.pool, "u%d", i))->quota, 4);
    ck_assert_int_eq(statements_of_get("u39"), 0);
}

/* An account that is asked for again is not read again, until somebody changes its row. */
START_TEST(test_remembered)
{
    cloud_ctx_t *other;
    cloud_account_t *a;

    tu_account("alice");
    other = tu_other_store();
    ck_assert_int_eq(get("alice")->quota, CLOUD_QUOTA_DEFAULT);
    ck_assert_int_eq(statements_of_get("alice"), 0);
    ck_assert_int_eq(statements_of_get("ALICE"), 0);
    ck_assert_str_eq(get("ALICE")->id, "alice");
    ck_assert_str_eq(get("alice")->source, CLOUD_SOURCE_DATABASE);
    /* Whatever statement it was. */
    tu_exec("UPDATE account SET quota = 77");
    ck_assert_int_eq(get("alice")->quota, 77);
    /* A transaction has its own state. */
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    ck_assert_int_gt(statements_in_tx("alice"), 0);
    cloud_tx_rollback(tu.ctx);
    /* Another process's changes count at once, here and there. */
    OK(cloud_account_get(&a, other, "alice", tu.pool));
    OK(cloud_account_set_enabled(other, "alice", 0));
    ck_assert_int_eq(get("alice")->enabled, 0);
    OK(cloud_account_set_email(tu.ctx, "alice", "a@example.org"));
    OK(cloud_account_get(&a, other, "alice", tu.pool));
    ck_assert_str_eq(a->email, "a@example.org");
    ck_assert_ptr_eq(a->display_name, a->id);
    OK(cloud_account_set_display_name(other, "alice", "A"));
    ck_assert_str_eq(get("alice")->display_name, "A");
    ck_assert_str_eq(get("alice")->display_name, "A");
    /* While somebody is at it, each answer is read; what is given up changes nothing. */
    ck_assert_int_eq(statements_of_get("alice"), 0);
    OK(cloud_tx_begin(other, CLOUD_DB_WRITE));
    OK(cloud_account_set_quota(other, "alice", 5));
    ck_assert_int_eq(get("alice")->quota, 77);
    ck_assert_int_gt(statements_of_get("alice"), 0);
    cloud_tx_rollback(other);
    ck_assert_int_eq(get("alice")->quota, 77);
    ck_assert_int_eq(statements_of_get("alice"), 0);
    /* Another account of the same name. */
    OK(cloud_account_delete(other, "alice"));
    FAILS(cloud_account_get(&a, tu.ctx, "alice", tu.pool), NOT_FOUND);
    OK(cloud_account_create(&a, other, "Alice", NULL, NULL, tu.pool));
    ck_assert_int_eq(get("alice")->number, a->number);
    ck_assert_str_eq(get("alice")->id, "Alice");
    change_all(other);
}
END_TEST

START_TEST(test_changes)
{
    static const char *const bad[] = { "alice", "@example.org", "a b@example.org", "a@", "a@.org",
                                       "a@b..c", "a@b.", "a@-b.c", "a@b-.c", "a@b-", "a@b_c",
                                       "a..b@c", ".a@b", "a.@b", "a@b@c", "a,b@c", "<a@b>",
                                       "a@b.c\n", "a@[127.0.0.1]", "\xff@b" };
    static const char *const good[] = { "a@b", "a.b+c@d-e.example.org", "o'neil@1.org",
                                        "\xc3\xa4@\xc3\xb6.org" };
    apr_int64_t epoch = tu_account("alice")->secret_epoch;

    OK(cloud_account_set_quota(tu.ctx, "alice", 1000));
    ck_assert_int_eq(get("alice")->quota, 1000);
    OK(cloud_account_set_quota(tu.ctx, "alice", CLOUD_QUOTA_UNLIMITED));
    ck_assert_int_eq(get("alice")->quota, CLOUD_QUOTA_UNLIMITED);
    FAILS(cloud_account_set_quota(tu.ctx, "alice", -2), INVALID);
    OK(cloud_account_set_display_name(tu.ctx, "alice", "A"));
    ck_assert_str_eq(get("alice")->display_name, "A");
    OK(cloud_account_set_display_name(tu.ctx, "alice", ""));
    ck_assert_str_eq(get("alice")->display_name, "alice");
    FAILS(cloud_account_set_display_name(tu.ctx, "alice", "a\nb"), INVALID);
    FAILS(cloud_account_set_display_name(tu.ctx, "alice", repeat("x", 256)), INVALID);
    OK(cloud_account_set_email(tu.ctx, "alice", "alice@example.org"));
    ck_assert_str_eq(get("alice")->email, "alice@example.org");
    for (int i = 0; i < COUNT(bad); i++)
        FAILS(cloud_account_set_email(tu.ctx, "alice", bad[i]), INVALID);
    for (int i = 0; i < COUNT(good); i++)
        OK(cloud_account_set_email(tu.ctx, "alice", good[i]));
    OK(cloud_account_set_email(tu.ctx, "alice", NULL));
    ck_assert_ptr_null(get("alice")->email);
    /* Nothing of this concerns cached logins. */
    ck_assert_int_eq(get("alice")->secret_epoch, epoch);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    ck_assert_int_eq(get("alice")->enabled, 0);
    ck_assert_int_gt(get("alice")->secret_epoch, epoch);
    FAILS(cloud_account_set_quota(tu.ctx, "nobody", 1), NOT_FOUND);
    FAILS(cloud_account_set_email(tu.ctx, "nobody", NULL), NOT_FOUND);
}
END_TEST

static const struct {
    const char *one, *other;
    int same, folded; /* in lower case; in the form in which ids are looked up */
} SPELLED[] = {
    { "boss", "boss", 1, 1 },
    { "boss", "BoSS", 1, 1 },
    { "boss", "bo\xc5\xbfs", 0, 1 },                 /* long s */
    { "weiss", "wei\xc3\x9f", 0, 1 },                /* sharp s */
    { "wei\xe1\xba\x9e", "wei\xc3\x9f", 1, 1 },     /* its capital */
    { "fine", "\xef\xac\x81ne", 0, 1 },             /* ligature fi */
    { "J\xc3\x9cRGEN", "j\xc3\xbcrgen", 1, 1 },
    { "J\xc3\x9cRGEN", "ju\xcc\x88rgen", 1, 1 },     /* decomposed */
    { "kim", "\xe2\x84\xaaim", 1, 1 },              /* the sign of Kelvin: NFC makes it a K */
    { "bos", "boss", 0, 0 },
    { "boss", "bos", 0, 0 },
    { "bob", "bot", 0, 0 },
    { "", "", 1, 1 },
};

START_TEST(spelled)
{
    const char *one = SPELLED[_i].one, *other = SPELLED[_i].other;

    ck_assert_int_eq(!strcmp(cloud_account_lower(one, tu.pool), cloud_account_lower(other, tu.pool)),
                     SPELLED[_i].same);
    ck_assert_int_eq(!strcmp(cloud_account_fold(one, tu.pool), cloud_account_fold(other, tu.pool)),
                     SPELLED[_i].folded);
    ck_assert_ptr_null(cloud_account_lower("\xff", tu.pool));
    ck_assert_str_eq(cloud_account_lower("\xc8\xba", tu.pool), "\xe2\xb1\xa5"); /* it grows */
}
END_TEST

/* Only the system and, for what is its own, the account itself. Who may not learns nothing. */
START_TEST(test_rights)
{
    cloud_account_t *alice = tu_account("alice"), *bob = tu_account("bob"), *a;
    cloud_ctx_t *self = tu_as(alice), *other = tu_as(bob), *nobody = tu_as(NULL);
    apr_array_header_t *list;
    const char *secret;

    FAILS(cloud_account_create(&a, self, "x", NULL, NULL, tu.pool), DENIED);
    FAILS(cloud_account_delete(self, "alice"), DENIED);
    FAILS(cloud_account_set_quota(self, "alice", 1), DENIED);
    FAILS(cloud_account_set_enabled(self, "alice", 0), DENIED);
    OK(cloud_account_set_display_name(self, "ALICE", "me"));
    OK(cloud_account_set_email(self, "alice", "a@b"));
    FAILS(cloud_account_set_password(self, "alice", "secret"), DENIED); /* it has none */
    OK(cloud_apppass_create(&secret, self, "alice", "phone", tu.pool));
    OK(cloud_apppass_list(&list, self, "alice", tu.pool));
    OK(cloud_apppass_revoke(self, "alice", "phone"));

    cloud_ctx_t *strangers[] = { other, nobody };
    for (int i = 0; i < 2; i++) {
        FAILS(cloud_account_set_display_name(strangers[i], "alice", "x"), DENIED);
        FAILS(cloud_account_set_display_name(strangers[i], "nosuch", "x"), DENIED);
        FAILS(cloud_account_set_email(strangers[i], "alice", "a@b"), DENIED);
        FAILS(cloud_account_set_password(strangers[i], "alice", "x"), DENIED);
        FAILS(cloud_account_set_password(strangers[i], "nosuch", "x"), DENIED);
        FAILS(cloud_apppass_create(&secret, strangers[i], "alice", "x", tu.pool), DENIED);
        FAILS(cloud_apppass_list(&list, strangers[i], "alice", tu.pool), DENIED);
        FAILS(cloud_apppass_revoke(strangers[i], "alice", "phone"), DENIED);
    }
}
END_TEST

START_TEST(test_usage)
{
    cloud_account_t *a = tu_account("alice");
    apr_int64_t quota, used;

    put(a, "f", "12345");
    OK(cloud_account_usage(&quota, &used, tu.ctx, a));
    ck_assert_int_eq(quota, CLOUD_QUOTA_UNLIMITED);
    ck_assert_int_eq(used, 5);
    OK(cloud_setting_set(tu.ctx, "files", "default_quota", "1 KB"));
    OK(cloud_account_usage(&quota, &used, tu.ctx, a));
    ck_assert_int_eq(quota, 1024);
    OK(cloud_account_set_quota(tu.ctx, "alice", 7));
    OK(cloud_account_usage(&quota, &used, tu.ctx, get("alice")));
    ck_assert_int_eq(quota, 7);
}
END_TEST

START_TEST(test_seen)
{
    cloud_account_t *a = tu_account("alice");
    apr_time_t now = apr_time_now();

    OK(cloud_account_seen(tu_as(NULL), a));
    apr_time_t seen = get("alice")->last_login;
    ck_assert_int_ge(seen, now);
    /* From here on nothing is written, also when the caller's copy is old. */
    apr_int64_t changes = tu_query_int("SELECT total_changes()");
    OK(cloud_account_seen(tu_as(NULL), a));
    OK(cloud_account_seen(tu_as(NULL), get("alice")));
    ck_assert_int_eq(get("alice")->last_login, seen);
    ck_assert_int_eq(tu_query_int("SELECT total_changes()"), changes);
}
END_TEST

Suite *suite_account(void)
{
    Suite *s = suite_create("account");
    TCase *tc = tu_case(s, "account", tu_store);

    tcase_add_test(tc, test_create);
    tcase_add_test(tc, test_case);
    tcase_add_test(tc, test_ids);
    tcase_add_test(tc, test_leftover_directory);
    tcase_add_test(tc, test_foreign_directory);
    tcase_add_test(tc, test_create_race);
    tcase_add_test(tc, test_delete);
    tcase_add_test(tc, test_name_again);
    tcase_add_test(tc, test_name_again_before_the_rename);
    tcase_add_test(tc, test_delete_without_disk);
    tcase_add_test(tc, test_delete_while_a_folder_is_copied);
    tcase_add_test(tc, test_delete_large);
    tcase_add_test(tc, test_sweep);
#ifdef CLOUD_INJECT
    tcase_add_loop_test(tc, test_create_killed, 0, COUNT(create_points));
    tcase_add_loop_test(tc, test_delete_killed, 0, COUNT(delete_points));
    tcase_add_test(tc, test_delete_killed_early);
#endif
    tcase_add_test(tc, test_each);
    tcase_add_test(tc, test_remembered);
    tcase_add_test(tc, test_changes);
    tcase_add_loop_test(tc, spelled, 0, (int)(sizeof(SPELLED) / sizeof(*SPELLED)));
    tcase_add_test(tc, test_rights);
    tcase_add_test(tc, test_usage);
    tcase_add_test(tc, test_seen);
    return s;
}
