/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Public links: which tokens open something, what of it, and for how long. */
#include "testutil.h"

#include <apr_md5.h>
#include <string.h>

#include "internal.h"
#include "link.h"
#include "mount.h"
#include "settings.h"
#include "share.h"

static cloud_account_t *alice;
static apr_int64_t folder, file;

static apr_int64_t put(const char *path, int is_dir)
{
    cloud_put_opts_t opts = { .length = 1 };
    cloud_result_t res;
    cloud_put_t *p;

    if (is_dir) {
        OK(cloud_file_mkcol(&res, tu.ctx, alice, path, NULL, tu.pool));
        return res.entry->node.id;
    }
    OK(cloud_put_begin(&p, tu.ctx, alice, path, &opts, tu.pool));
    OK(cloud_put_write(p, "x", 1));
    OK(cloud_put_commit(&res, p));
    return res.entry->node.id;
}

static void setup(void)
{
    cloud_shares_register();
    cloud_links_register();
    tu_store();
    alice = tu_account("alice");
    folder = put("folder", 1);
    file = put("folder/file", 0);
    put("beside", 0);
}

/* A link with this token; the rest is like "perms, expires, password". */
static void make(const char *token, apr_int64_t node, const char *rest)
{
    tu_exec(apr_psprintf(tu.pool, "INSERT INTO share (type, recipient, node, owner, initiator, state,"
                         " target, created, token, perms, expires, password) VALUES (3, 0, %"
                         APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", 0, '', 1000,"
                         " '%s', %s)", node, alice->number, alice->number, token, rest));
}

static cloud_link_t *find(const char *token)
{
    cloud_link_t *link;

    OK(cloud_link_find(&link, tu.ctx, token, tu.pool));
    return link;
}

static cloud_err_t *try(const char *token)
{
    cloud_link_t *link;

    return cloud_link_find(&link, tu.ctx, token, tu.pool);
}

/* Who came by the link. */
static cloud_ctx_t *visitor(const cloud_link_t *link)
{
    cloud_ctx_t *ctx = tu_as(NULL);

    ctx->who.view = link->account->view;
    return ctx;
}

static apr_int64_t now(void)
{
    return apr_time_sec(apr_time_now());
}

START_TEST(tokens)
{
    make("t1", folder, "15, NULL, NULL");
    make("t2", file, "15, 9999999999, 'hash'");
    ck_assert_str_eq(find("t1")->name, "folder");
    ck_assert_int_eq(find("t1")->is_dir, 1);
    ck_assert_int_eq(find("t1")->perms, 15);
    ck_assert_int_eq(find("t1")->created, 1000);
    ck_assert_int_eq(find("t1")->expires, 0);
    ck_assert_ptr_eq(find("t1")->password, NULL);
    ck_assert_str_eq(find("t1")->sharer, "alice");
    ck_assert_int_eq(find("t2")->is_dir, 0);
    ck_assert_int_eq(find("t2")->perms, 3);
    ck_assert_int_eq(find("t2")->expires, APR_INT64_C(9999999999));
    FAILS(try("T1"), NOT_FOUND);
    FAILS(try("t"), NOT_FOUND);
    FAILS(try(""), NOT_FOUND);
    FAILS(try("t1' OR 1=1 --"), NOT_FOUND);
    FAILS(try("\xff"), NOT_FOUND);
    FAILS(try(apr_pstrcat(tu.pool, "0123456789012345678901234567890123456789",
                          "0123456789012345678901234567890123456789", NULL)), NOT_FOUND);
    /* Shares of other kinds have no tokens that count. */
    tu_exec("UPDATE share SET type = 0 WHERE token = 't1'");
    FAILS(try("t1"), NOT_FOUND);
}
END_TEST

START_TEST(links_end)
{
    make("over", folder, apr_psprintf(tu.pool, "15, %" APR_INT64_T_FMT ", NULL", now()));
    make("soon", folder, apr_psprintf(tu.pool, "15, %" APR_INT64_T_FMT ", NULL", now() + 100));
    make("none", folder, "0, NULL, NULL");
    make("share", folder, "16, NULL, NULL");
    make("below", file, "1, NULL, NULL");
    make("gone", 12345, "1, NULL, NULL");
    FAILS(try("over"), NOT_FOUND);
    FAILS(try("none"), NOT_FOUND);
    FAILS(try("share"), NOT_FOUND);
    FAILS(try("gone"), NOT_FOUND);
    OK(try("soon"));
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(try("soon"), NOT_FOUND);
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
    OK(cloud_file_move(&(cloud_result_t){ 0 }, tu.ctx, alice, "folder", alice, "renamed", 0, NULL,
                       NULL, tu.pool));
    ck_assert_str_eq(find("soon")->name, "renamed");
    /* Without a row that goes with it: what is deleted is not there. */
    tu_exec("CREATE TABLE kept AS SELECT * FROM share");
    OK(cloud_file_remove(tu.ctx, alice, "renamed", NULL));
    tu_exec("DELETE FROM share");
    tu_exec("INSERT INTO share SELECT * FROM kept");
    FAILS(try("soon"), NOT_FOUND);
    FAILS(try("below"), NOT_FOUND);
}
END_TEST

START_TEST(a_view_is_asked_each_time)
{
    cloud_link_t *link;
    cloud_entry_t *e;
    cloud_ctx_t *ctx;

    make("t", folder, "5, NULL, NULL");
    link = find("t");
    ctx = visitor(link);
    OK(cloud_file_stat(&e, ctx, link->account, "file", tu.pool));
    ck_assert_int_eq(e->node.id, file);
    ck_assert_int_eq(e->perms & CLOUD_PERM_ALL, 5);
    FAILS(cloud_file_stat(&e, ctx, link->account, "beside", tu.pool), NOT_FOUND);
    FAILS(cloud_file_stat(&e, ctx, link->account, "../beside", tu.pool), INVALID_NAME);
    /* By the view alone: neither the account itself nor a view of somebody else. */
    FAILS(cloud_file_stat(&e, ctx, alice, "folder", tu.pool), NOT_FOUND);
    FAILS(cloud_file_stat(&e, tu_as(NULL), link->account, "file", tu.pool), NOT_FOUND);
    make("other", folder, "1, NULL, NULL");
    FAILS(cloud_file_stat(&e, visitor(find("other")), link->account, "file", tu.pool), NOT_FOUND);
    FAILS(cloud_file_remove(ctx, link->account, "file", NULL), DENIED);
    tu_exec("UPDATE share SET perms = 15 WHERE token = 't'");
    OK(cloud_file_remove(ctx, link->account, "file", NULL));
    tu_exec("UPDATE share SET expires = 1 WHERE token = 't'");
    FAILS(cloud_file_stat(&e, ctx, link->account, "", tu.pool), NOT_FOUND);
}
END_TEST

START_TEST(uploads_that_are_off)
{
    make("edit", folder, "15, NULL, NULL");
    make("drop", folder, "4, NULL, NULL");
    make("read", folder, "1, NULL, NULL");
    OK(cloud_setting_set(tu.ctx, "core", "shareapi_allow_public_upload", "no"));
    ck_assert_uint_eq(find("edit")->perms, CLOUD_PERM_READ);
    ck_assert_uint_eq(find("read")->perms, CLOUD_PERM_READ);
    FAILS(try("drop"), NOT_FOUND);
    OK(cloud_setting_set(tu.ctx, "core", "shareapi_allow_public_upload", "yes"));
    ck_assert_uint_eq(find("edit")->perms, 15);
}
END_TEST

static apr_int64_t etag_of(const cloud_link_t *link)
{
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, visitor(link), link->account, "", tu.pool));
    return e->etag;
}

START_TEST(a_drop_hides_changes)
{
    apr_int64_t drop, seen;

    make("drop", folder, "4, NULL, NULL");
    make("seen", folder, "5, NULL, NULL");
    drop = etag_of(find("drop"));
    seen = etag_of(find("seen"));
    put("folder/new", 0);
    ck_assert_int_eq(etag_of(find("drop")), drop);
    ck_assert_int_ne(etag_of(find("seen")), seen);
}
END_TEST

START_TEST(passwords)
{
    char hash[128];

    ck_assert_int_eq(apr_bcrypt_encode("secret", 4, (const unsigned char *)"0123456789abcdef", 16,
                                       hash, sizeof hash), APR_SUCCESS);
    make("t", folder, apr_pstrcat(tu.pool, "1, NULL, '", hash, "'", NULL));
    make("open", folder, "1, NULL, NULL");
    ck_assert_int_eq(cloud_link_opens(find("t"), "secret"), 1);
    ck_assert_int_eq(cloud_link_opens(find("t"), "Secret"), 0);
    ck_assert_int_eq(cloud_link_opens(find("t"), ""), 0);
    ck_assert_int_eq(cloud_link_opens(find("open"), "anything"), 1);
}
END_TEST

static int proven(const char *token, const char *proof, apr_int64_t at)
{
    int good;

    OK(cloud_link_proven(&good, tu.ctx, find(token), proof, at));
    return good;
}

START_TEST(proofs)
{
    const char *proof;
    char *other;
    apr_size_t i;

    make("a", folder, "1, NULL, 'hash'");
    make("b", folder, "1, NULL, 'hash'");
    OK(cloud_link_proof(&proof, tu.ctx, find("a"), 5000, tu.pool));
    ck_assert_int_eq(proven("a", proof, 5000), 1);
    ck_assert_int_eq(proven("a", proof, 5000 + CLOUD_LINK_PROOF_SECONDS - 1), 1);
    ck_assert_int_eq(proven("a", proof, 5000 + CLOUD_LINK_PROOF_SECONDS), 0);
    ck_assert_int_eq(proven("a", proof, 4999), 0); /* it can't have been made yet */
    ck_assert_int_eq(proven("b", proof, 5000), 0);
    for (i = 0; i < strlen(proof); i++) {
        other = apr_pstrdup(tu.pool, proof);
        other[i] = other[i] == 'A' ? 'B' : 'A';
        ck_assert_int_eq(proven("a", other, 5000), 0);
        other[i] = '\0';
        ck_assert_int_eq(proven("a", other, 5000), 0);
    }
    ck_assert_int_eq(proven("a", apr_pstrcat(tu.pool, proof, "A", NULL), 5000), 0);
    tu_exec("UPDATE share SET password = 'other' WHERE token = 'a'");
    ck_assert_int_eq(proven("a", proof, 5000), 0);
}
END_TEST

/* ---- large folders ---- */

/* Rows of files n0000... in the folder, from one number up to another. */
static void fill(int first, int last)
{
    tu_exec(apr_psprintf(tu.pool, "WITH RECURSIVE i (n) AS (SELECT %d UNION ALL SELECT n + 1 FROM i WHERE n < %d)"
                         " INSERT INTO node (id, parent, name, disk, kind, etag, size, mtime, created, ino,"
                         " ino_mtime, btime, sums, flags) SELECT 1000000 + i.n, parent, printf('n%%04d', i.n),"
                         " printf('n%%04d', i.n), kind, etag, size, mtime, created, ino, ino_mtime, btime, sums,"
                         " flags FROM node, i WHERE id = %" APR_INT64_T_FMT, first, last, file));
}

static cloud_err_t *add_name(void *baton, const cloud_child_t *child)
{
    const char **names = baton;

    *names = apr_pstrcat(tu.pool, *names, child->name, ";", NULL);
    return NULL;
}

/* Names of a part of what the link shows. */
static const char *list(const char *from, int backwards, int most)
{
    const cloud_part_t part = { from, backwards, most };
    const cloud_link_t *link = find("t");
    cloud_ctx_t *ctx = visitor(link);
    const char *names = "";
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, ctx, link->account, "", tu.pool));
    OK(cloud_file_list_part(ctx, e, &part, add_name, &names));
    return names;
}

START_TEST(a_large_folder_is_read_in_parts)
{
    apr_uint64_t few;

    make("t", folder, "1, NULL, NULL");
    fill(1, 9);
    ck_assert_str_eq(list("", 0, 3), "file;n0001;n0002;");
    ck_assert_str_eq(list("n0002", 0, 2), "n0003;n0004;");
    ck_assert_str_eq(list("n0002x", 0, 1), "n0003;");
    ck_assert_str_eq(list("n0008", 0, 5), "n0009;");
    ck_assert_str_eq(list("n0009", 0, 5), "");
    ck_assert_str_eq(list("n0003", 1, 2), "n0002;n0001;");
    ck_assert_str_eq(list("n0001", 1, 5), "file;");
    ck_assert_str_eq(list("", 1, 5), "");
    tu_count_steps();
    list("", 0, 3);
    list("n0005", 1, 3);
    few = tu_steps();
    fill(10, 3000);
    tu_steps();
    list("", 0, 3);
    list("n2000", 1, 3);
    ck_assert_uint_le(tu_steps(), few);
}
END_TEST

Suite *suite_links(void)
{
    Suite *s = suite_create("links");
    TCase *tc = tu_case(s, "links", setup);

    tcase_add_test(tc, tokens);
    tcase_add_test(tc, links_end);
    tcase_add_test(tc, a_view_is_asked_each_time);
    tcase_add_test(tc, uploads_that_are_off);
    tcase_add_test(tc, a_drop_hides_changes);
    tcase_add_test(tc, passwords);
    tcase_add_test(tc, proofs);
    tcase_add_test(tc, a_large_folder_is_read_in_parts);
    return s;
}
