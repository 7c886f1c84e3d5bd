/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What ends, or becomes somebody else's, while a body for it comes in: it goes nowhere but to whom it was meant
 * for, and what was acknowledged is there. After each test fsck has to find nothing. */
#include "mounts_util.h"

#include "upload.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ALL CLOUD_PERM_ALL

static cloud_put_t *coming;

static void setup(void)
{
    mu_setup();
    mu_mkcol(&mu_alice, "work");
    mu_mkcol(&mu_alice, "work/Team");
    mu_put(&mu_alice, "work/Team/old", "old");
    mu_mkcol(&mu_carol, "Team");
}

static void begin(const char *path)
{
    const cloud_put_opts_t opts = { .length = 4 };

    OK(cloud_put_begin(&coming, mu_bob.ctx, mu_bob.account, path, &opts, tu.pool));
    OK(cloud_put_write(coming, "body", 4));
}

static cloud_err_t *end(void)
{
    cloud_result_t res;

    return cloud_put_commit(&res, coming);
}

START_TEST(the_name_passes_on)
{
    mu_share(&mu_alice, "work/Team", &mu_bob, ALL);
    mu_share(&mu_carol, "Team", &mu_bob, ALL);
    begin("Team/secret");
    mu_sql("DELETE FROM share WHERE owner = %" APR_INT64_T_FMT, mu_alice.account->number);
    ck_assert_int_eq(mu_id(&mu_bob, "Team"), mu_id(&mu_carol, "Team"));
    FAILS(end(), CONFLICT);
    ck_assert(!mu_exists(&mu_carol, "Team/secret"));
    begin("Team/another");
    OK(end());
    ck_assert_str_eq(mu_read(&mu_carol, "Team/another"), "body");
}
END_TEST

START_TEST(a_folder_of_ones_own)
{
    mu_share(&mu_alice, "work/Team", &mu_bob, ALL);
    begin("Team/old");
    mu_sql("DELETE FROM share");
    FAILS(end(), CONFLICT);
    begin("file");
    mu_mkcol(&mu_bob, "Team");
    mu_put(&mu_bob, "Team/file", "mine");
    OK(end());
    begin("Team/file");
    mu_share(&mu_alice, "work/Team", &mu_bob, ALL); /* which is called otherwise */
    OK(end());
    ck_assert_str_eq(mu_read(&mu_bob, "Team/file"), "body");
    ck_assert_str_eq(mu_read(&mu_alice, "work/Team/old"), "old");
}
END_TEST

START_TEST(another_owner)
{
    cloud_share_transfer_t done;

    mu_share(&mu_alice, "work/Team", &mu_bob, ALL);
    begin("Team/report");
    OK(cloud_share_transfer(&done, tu.ctx, mu_alice.account, mu_dave.account, "work", 0, tu.pool));
    OK(cloud_account_delete(tu.ctx, "alice"));
    FAILS(end(), CONFLICT);
    OK(mu_try_put(&mu_bob, "Team/report", "again"));
    ck_assert_str_eq(mu_read(&mu_bob, "Team/report"), "again");
}
END_TEST

/* An owner who moves things within his own does not disturb anybody. */
START_TEST(the_owner_tidies_up)
{
    mu_share(&mu_alice, "work/Team", &mu_bob, ALL);
    begin("Team/old");
    OK(mu_move(&mu_alice, "work/Team", "Team of mine"));
    OK(end());
    ck_assert_str_eq(mu_read(&mu_alice, "Team of mine/old"), "body");
}
END_TEST

static void upload(const char *name, const char *dst)
{
    const cloud_put_opts_t opts = { .length = -1 };
    cloud_chunk_put_t *chunk;
    cloud_upload_t *up;
    cloud_result_t res;
    int created;

    OK(cloud_upload_create(&up, mu_bob.ctx, mu_bob.account, name, 4, tu.pool));
    OK(cloud_chunk_begin(&chunk, mu_bob.ctx, up, "1", 4, NULL, tu.pool));
    OK(cloud_chunk_write(chunk, "body", 4));
    OK(cloud_chunk_commit(&created, chunk));
    OK(cloud_upload_finish(&res, mu_bob.ctx, mu_bob.account, name, mu_bob.account, dst, 1, &opts, tu.pool));
}

/* The only move from his directory. */
static void read_move(const char **src, const char **dst)
{
    cloud_stmt_t *st;
    int row;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    OK(cloud_db_query(&st, &row, tu.ctx->db, tu.pool,
                      "SELECT src, dst FROM journal WHERE src LIKE 'bob/%' AND dst IS NOT NULL", ""));
    ck_assert_int_eq(row, 1);
    *src = apr_pstrcat(tu.pool, tu.dir, "/accounts/", cloud_col_dup(st, 0, tu.pool), NULL);
    *dst = apr_pstrcat(tu.pool, tu.dir, "/accounts/", cloud_col_dup(st, 1, tu.pool), NULL);
    cloud_stmt_done(st);
    cloud_tx_rollback(tu.ctx);
}

/* The pieces of an upload lie at whose it is. A server that dies right after the commit owes the move from there,
 * and the account may be deleted before anybody looks at the folder. */
START_TEST(the_uploader_is_deleted)
{
    const char *src, *dst;

    mu_share(&mu_alice, "work/Team", &mu_bob, ALL);
    upload("u", "Team/big");
    read_move(&src, &dst);
    tu_close();
    ck_assert_int_eq(rename(dst, src), 0);
    /* What was carried out is noted here. */
    ck_assert_int_eq(unlink(apr_pstrcat(tu.pool, tu.dir, "/.cloud/shm", NULL)), 0);
    tu_reopen_without_replay();
    OK(cloud_account_delete(tu.ctx, "bob"));
    tu_maintain();
    mu_alice.ctx = tu_as(mu_alice.account);
    ck_assert_str_eq(mu_read(&mu_alice, "work/Team/big"), "body");
}
END_TEST

Suite *suite_mounts_late(void)
{
    Suite *suite = suite_create("mounts_late");
    TCase *tc = tcase_create("mounts_late");

    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, the_name_passes_on);
    tcase_add_test(tc, a_folder_of_ones_own);
    tcase_add_test(tc, another_owner);
    tcase_add_test(tc, the_owner_tidies_up);
    tcase_add_test(tc, the_uploader_is_deleted);
    suite_add_tcase(suite, tc);
    return suite;
}
