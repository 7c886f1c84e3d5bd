/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows from a store to XML: what they cost, and what is in them. */
#include "testutil.h"

#include <string.h>

#include "files.h"
#include "listing.h"
#include "upload.h"

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

static void put(const char *path)
{
    cloud_put_opts_t opts = {.length = 1, .has_mtime = 1, .mtime = 1500000000};
    cloud_result_t res;
    cloud_put_t *upload;

    OK(cloud_put_begin(&upload, ctx, alice, path, &opts, tu.pool));
    OK(cloud_put_write(upload, "x", 1));
    OK(cloud_put_commit(&res, upload));
}

static void fill(const char *folder, int n)
{
    mkcol(folder);
    for (int i = 0; i < n; i++) put(apr_psprintf(tu.pool, "%s/file %04d.txt", folder, i));
}

static void set_prop(const char *path, const char *ns, const char *name, const char *value)
{
    apr_array_header_t *props = apr_array_make(tu.pool, 1, sizeof(cloud_prop_t));
    cloud_prop_t *prop = apr_array_push(props);
    cloud_result_t res;

    prop->ns = ns;
    prop->name = name;
    prop->value = value;
    OK(cloud_file_proppatch(&res, ctx, alice, path, props, NULL, NULL, tu.pool));
}

static void set_favorite(const char *path)
{
    const int on = 1;
    const cloud_patch_t what = {.favorite = &on};
    cloud_result_t res;

    OK(cloud_file_patch(&res, ctx, alice, path, &what, NULL, tu.pool));
}

static const char *locked(const char *path, int infinite)
{
    cloud_lock_t *lock;
    int created;

    OK(cloud_lock_take(&lock, &created, ctx, alice, path, 1, infinite, NULL, 0, NULL, tu.pool));
    return lock->token;
}

static char *answer;
static apr_size_t answer_len;

static apr_status_t collect(void *baton, const char *data, apr_size_t len)
{
    char *more = apr_palloc(tu.pool, answer_len + len + 1);

    (void)baton;
    if (answer_len) memcpy(more, answer, answer_len);
    memcpy(more + answer_len, data, len);
    answer = more;
    answer_len += len;
    answer[answer_len] = '\0';
    return APR_SUCCESS;
}

static apr_uint64_t statements; /* executed for the latest listing */

static cloud_err_t *collect_rows(cloud_listing_t **l, const char *uri, cloud_propreq_t *req,
                                 int depth)
{
    cloud_dav_target_t *t;
    cloud_err_t *err;

    CLOUD_ERR(cloud_dav_target_parse(&t, "/", uri, tu.pool));
    t->account = alice;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    statements = cloud_db_statements(ctx->db);
    err = cloud_listing_create(l, ctx, t, req, tu.pool);
    if (!err) err = cloud_listing_target(*l, depth);
    if (!err) err = cloud_listing_complete(*l);
    statements = cloud_db_statements(ctx->db) - statements;
    cloud_tx_rollback(ctx);
    return err;
}

/* The d:response elements of a PROPFIND. */
static const char *list(const char *uri, int depth, const char *props)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(NULL, tu.pool);
    const char *body = apr_pstrcat(
        tu.pool, "<d:propfind xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns'><d:prop>", props,
        "</d:prop></d:propfind>", NULL);
    cloud_out_t *out = cloud_out_create(collect, NULL, tu.pool);
    cloud_propreq_t *req;
    cloud_listing_t *l;
    cloud_xml_t *root;

    OK(cloud_xml_feed(parser, body, strlen(body)));
    OK(cloud_xml_finish(&root, parser));
    OK(cloud_propreq_parse(&req, root, 1, tu.pool));
    answer = "";
    answer_len = 0;
    OK(collect_rows(&l, uri, req, depth));
    OK(cloud_listing_write(l, out));
    cloud_out_flush(out);
    return answer;
}

static int count(const char *text, const char *what)
{
    int n = 0;

    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

#define FILES "/remote.php/dav/files/alice/"
#define EVERYTHING                                                                              \
    "<d:resourcetype/><d:getlastmodified/><d:getcontentlength/><d:getcontenttype/><d:getetag/>" \
    "<d:displayname/><d:creationdate/><d:quota-used-bytes/><d:quota-available-bytes/>"          \
    "<d:lockdiscovery/><d:supportedlock/><oc:id/><oc:fileid/><oc:permissions/><oc:size/>"       \
    "<oc:checksums/><oc:data-fingerprint/><oc:share-types/><oc:owner-id/>"                      \
    "<oc:owner-display-name/><oc:favorite/><oc:tags/><oc:unknown/><x xmlns='urn:x'/>"

/* ---- what it costs ---- */

START_TEST(statements_do_not_grow_with_rows)
{
    apr_uint64_t few;

    fill("few", 3);
    fill("many", 300);
    ck_assert_int_eq(count(list(FILES "few/", 1, EVERYTHING), "<d:response>"), 4);
    few = statements;
    ck_assert_int_eq(count(list(FILES "many/", 1, EVERYTHING), "<d:response>"), 301);
    ck_assert_uint_eq(statements, few);
}
END_TEST

START_TEST(only_nodes_with_dead_properties_are_asked_for_them)
{
    apr_uint64_t before;

    fill("dir", 20);
    list(FILES "dir/", 1, EVERYTHING);
    before = statements;
    set_prop("dir/file 0003.txt", "urn:x", "x", "three");
    set_favorite("dir/file 0007.txt");
    set_favorite("dir/file 0008.txt");
    list(FILES "dir/", 1, EVERYTHING);
    ck_assert_uint_eq(statements, before + 1); /* favorites are one query, that was there before */
    ck_assert_int_eq(count(answer, ">three</"), 1);
    ck_assert_int_eq(count(answer, "<oc:favorite>1</oc:favorite>"), 2);
    ck_assert_int_eq(count(answer, "<oc:favorite>0</oc:favorite>"), 19);
    /* And not even those when nobody wants to know. */
    list(FILES "dir/", 1, "<d:getetag/>");
    before = statements;
    set_prop("dir/file 0004.txt", "urn:x", "x", "four");
    list(FILES "dir/", 1, "<d:getetag/>");
    ck_assert_uint_eq(statements, before);
}
END_TEST

START_TEST(locks_take_one_statement)
{
    apr_uint64_t before;

    fill("dir", 20);
    list(FILES "dir/", 1, EVERYTHING);
    before = statements;
    for (int i = 0; i < 10; i++) locked(apr_psprintf(tu.pool, "dir/file %04d.txt", i), 0);
    list(FILES "dir/", 1, "<d:lockdiscovery/>");
    ck_assert_int_eq(count(answer, "<d:activelock>"), 10);
    /* Where each lock's place is takes some steps up the tree, for each lock, not for each row. */
    ck_assert_uint_le(statements, before + 10 * 4);
}
END_TEST

START_TEST(what_is_not_asked_for_is_not_looked_up)
{
    apr_uint64_t all;

    fill("dir", 3);
    list(FILES "dir/", 1, EVERYTHING);
    all = statements;
    list(FILES "dir/", 1, "<d:getetag/>");
    ck_assert_uint_lt(statements, all);
}
END_TEST

/* ---- what is in it ---- */

START_TEST(hrefs)
{
    mkcol("a b");
    put("a b/x & y <z>+%.txt");
    mkcol("a b/sub");
    list(FILES "a b", 1, "<d:resourcetype/>");
    ck_assert_ptr_nonnull(strstr(answer, "<d:response><d:href>" FILES "a%20b/</d:href>"));
    ck_assert_ptr_eq(strstr(answer, "<d:response>"), answer);
    ck_assert_int_eq(
        count(answer, "<d:href>" FILES "a%20b/x%20%26%20y%20%3Cz%3E%2B%25.txt</d:href>"), 1);
    ck_assert_int_eq(count(answer, "<d:href>" FILES "a%20b/sub/</d:href>"), 1);
    /* As the client spelled it. */
    list("/remote.php/dav/files/ALICE/a b", 0, "<d:resourcetype/>");
    ck_assert_ptr_nonnull(strstr(answer, "<d:href>/remote.php/dav/files/ALICE/a%20b/</d:href>"));
    list("/remote.php/webdav", 1, "<d:resourcetype/>");
    ck_assert_ptr_nonnull(strstr(answer, "<d:href>/remote.php/webdav/</d:href>"));
    ck_assert_ptr_nonnull(strstr(answer, "<d:href>/remote.php/webdav/a%20b/</d:href>"));
}
END_TEST

START_TEST(a_file_is_one_row_at_any_depth)
{
    put("file");
    for (int depth = -1; depth <= 1; depth++)
        ck_assert_int_eq(count(list(FILES "file", depth, "<d:getetag/>"), "<d:response>"), 1);
}
END_TEST

START_TEST(depth_infinity)
{
    mkcol("a");
    mkcol("a/b");
    mkcol("a/b/c");
    put("a/b/c/deep");
    put("a/one");
    put("top");
    ck_assert_int_eq(count(list(FILES, -1, "<d:getetag/>"), "<d:response>"), 7);
    ck_assert_int_eq(count(answer, "<d:href>" FILES "a/b/c/deep</d:href>"), 1);
    ck_assert_int_eq(count(list(FILES "a/b", -1, "<d:getetag/>"), "<d:response>"), 3);
}
END_TEST

START_TEST(names_keep_the_form_they_were_given)
{
    put("a\xcc\x88.txt"); /* decomposed */
    list(FILES, 1, "<d:getetag/>");
    ck_assert_int_eq(count(answer, FILES "a%CC%88.txt<"), 1);
    /* Found by either form, and the answer is what was asked. */
    list(FILES "\xc3\xa4.txt", 0, "<d:getetag/>");
    ck_assert_int_eq(count(answer, FILES "%C3%A4.txt<"), 1);
}
END_TEST

START_TEST(locks_and_what_they_cover)
{
    const char *whole, *folder, *file;

    mkcol("deep");
    mkcol("deep/sub");
    put("deep/file");
    put("deep/sub/file");
    mkcol("flat");
    put("flat/file");
    whole = locked("deep", 1);
    folder = locked("flat", 0);
    file = locked("flat/file", 0);

    list(FILES, -1, "<d:lockdiscovery/>");
    /* An infinite lock shows on everything below, the other two on their place alone. */
    ck_assert_int_eq(count(answer, whole), 4);
    ck_assert_int_eq(count(answer, folder), 1);
    ck_assert_int_eq(count(answer, file), 1);
    ck_assert_int_eq(count(answer, "<d:lockroot><d:href>" FILES "deep</d:href></d:lockroot>"), 4);
    list(FILES "deep/sub", 1, "<d:lockdiscovery/>");
    ck_assert_int_eq(count(answer, whole), 2);
    list(FILES "flat", 1, "<d:lockdiscovery/>");
    ck_assert_int_eq(count(answer, folder), 1);
    ck_assert_int_eq(count(answer, file), 1);
    list(FILES, 1, "<d:lockdiscovery/>");
    ck_assert_int_eq(count(answer, whole), 1);
    ck_assert_int_eq(count(answer, file), 0);
}
END_TEST

START_TEST(quota)
{
    put("file");
    list(FILES, 0, "<d:quota-available-bytes/><d:quota-used-bytes/>");
    ck_assert_ptr_nonnull(strstr(answer, "<d:quota-available-bytes>-3<"));
    OK(cloud_account_set_quota(tu.ctx, "alice", 1000));
    OK(cloud_account_get(&alice, tu.ctx, "alice", tu.pool));
    ctx = tu_as(alice);
    list(FILES, 0, "<d:quota-available-bytes/><d:quota-used-bytes/>");
    ck_assert_ptr_nonnull(strstr(answer, "<d:quota-available-bytes>999<"));
    ck_assert_ptr_nonnull(strstr(answer, "<d:quota-used-bytes>1<"));
    OK(cloud_account_set_quota(tu.ctx, "alice", 0));
    OK(cloud_account_get(&alice, tu.ctx, "alice", tu.pool));
    list(FILES, 0, "<d:quota-available-bytes/>");
    ck_assert_ptr_nonnull(strstr(answer, "<d:quota-available-bytes>0<"));
}
END_TEST

START_TEST(a_listing_larger_than_memory)
{
    apr_array_header_t *props = apr_array_make(tu.pool, 1, sizeof(cloud_prop_t));
    char *value = apr_palloc(tu.pool, 60001);
    cloud_listing_t *l;
    cloud_propreq_t *req;
    cloud_prop_t prop = {"urn:x", "big", value, NULL};

    memset(value, 'v', 60000);
    value[60000] = '\0';
    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    fill("dir", 60);
    for (int i = 0; i < 60; i++) {
        cloud_result_t res;

        OK(cloud_file_proppatch(&res, ctx, alice,
                                apr_psprintf(tu.pool, "dir/file %04d.txt", i), props, NULL, NULL,
                                tu.pool));
    }
    OK(cloud_propreq_parse(&req, NULL, 0, tu.pool));
    OK(collect_rows(&l, FILES "dir", req, 1));
    ck_assert_int_eq(cloud_listing_rows(l), 61);
    answer = "";
    answer_len = 0;
    {
        cloud_out_t *out = cloud_out_create(collect, NULL, tu.pool);

        OK(cloud_listing_write(l, out));
        cloud_out_flush(out);
    }
    ck_assert_uint_gt(answer_len, 60 * 60000);
    ck_assert_int_eq(count(answer, "v</x"), 60);
    for (int i = 0; i < 60; i++)
        ck_assert_int_eq(count(answer, apr_psprintf(tu.pool, "file%%20%04d.txt</d:href>", i)), 1);
}
END_TEST

/* ---- what is no file ---- */

START_TEST(collections_above)
{
    list("/remote.php/dav", 1, "<d:resourcetype/><oc:id/>");
    ck_assert_int_eq(count(answer, "<d:response>"), 3);
    ck_assert_int_eq(count(answer, "<d:href>/remote.php/dav/</d:href>"), 1);
    ck_assert_int_eq(count(answer, "<d:href>/remote.php/dav/files/</d:href>"), 1);
    ck_assert_int_eq(count(answer, "<d:href>/remote.php/dav/uploads/</d:href>"), 1);
    list("/remote.php/dav/files", 1, "<d:resourcetype/>");
    ck_assert_int_eq(count(answer, "<d:response>"), 2);
    ck_assert_int_eq(count(answer, "<d:href>" FILES "</d:href>"), 1);
    ck_assert_int_eq(count(list("/remote.php/dav/files", 0, "<d:x/>"), "<d:response>"), 1);
}
END_TEST

#define UPLOADS "/remote.php/dav/uploads/alice/"

static void put_chunk(const cloud_upload_t *up, const char *name, const char *text)
{
    cloud_chunk_put_t *chunk;
    int created;

    OK(cloud_chunk_begin(&chunk, ctx, up, name, -1, NULL, tu.pool));
    OK(cloud_chunk_write(chunk, text, strlen(text)));
    OK(cloud_chunk_commit(&created, chunk));
}

START_TEST(uploads)
{
    cloud_upload_t *up;
    cloud_listing_t *l;
    cloud_propreq_t *req;

    OK(cloud_upload_create(&up, ctx, alice, "transfer 1", -1, tu.pool));
    put_chunk(up, "0", "hello");
    put_chunk(up, "5", "you");
    list(UPLOADS, 1, "<d:resourcetype/>");
    ck_assert_int_eq(count(answer, "<d:response>"), 2);
    ck_assert_int_eq(count(answer, "<d:href>" UPLOADS "transfer%201/</d:href>"), 1);

    list(UPLOADS "transfer 1", 1, "<d:getcontentlength/><d:getetag/><d:getcontenttype/><oc:id/>");
    ck_assert_int_eq(count(answer, "<d:response>"), 4);
    ck_assert_int_eq(count(answer, "<d:href>" UPLOADS "transfer%201/5</d:href>"), 1);
    ck_assert_int_eq(count(answer, "<d:href>" UPLOADS "transfer%201/.file</d:href>"), 1);
    ck_assert_int_eq(count(answer, "<d:getcontentlength>5<"), 1);
    ck_assert_int_eq(count(answer, "<d:getcontentlength>3<"), 1);
    ck_assert_int_eq(count(answer, "<d:getcontentlength>8<"), 1);
    ck_assert_int_eq(count(answer, "<oc:id>"), 0);

    list(UPLOADS "transfer 1/5", 1, "<d:getcontentlength/>");
    ck_assert_int_eq(count(answer, "<d:response>"), 1);
    ck_assert_int_eq(count(answer, "<d:getcontentlength>3<"), 1);

    OK(cloud_propreq_parse(&req, NULL, 0, tu.pool));
    FAILS(collect_rows(&l, UPLOADS "transfer 1/6", req, 0), NOT_FOUND);
    FAILS(collect_rows(&l, UPLOADS "no such", req, 0), NOT_FOUND);
}
END_TEST

START_TEST(what_is_not_there)
{
    cloud_propreq_t *req;
    cloud_listing_t *l;

    OK(cloud_propreq_parse(&req, NULL, 0, tu.pool));
    FAILS(collect_rows(&l, FILES "nothing", req, 1), NOT_FOUND);
    FAILS(collect_rows(&l, FILES "no/way", req, 1), NOT_FOUND);
}
END_TEST

START_TEST(nobody_else_sees_it)
{
    cloud_account_t *brian = tu_account("brian");
    cloud_propreq_t *req;
    cloud_listing_t *l;

    mkcol("dir");
    OK(cloud_propreq_parse(&req, NULL, 0, tu.pool));
    ctx = tu_as(brian);
    FAILS(collect_rows(&l, FILES, req, 1), NOT_FOUND);
    FAILS(collect_rows(&l, FILES "dir", req, 1), NOT_FOUND);
}
END_TEST

Suite *suite_listing(void)
{
    Suite *suite = suite_create("listing");
    TCase *tc = tu_case(suite, "cost", setup);

    tcase_add_test(tc, statements_do_not_grow_with_rows);
    tcase_add_test(tc, only_nodes_with_dead_properties_are_asked_for_them);
    tcase_add_test(tc, locks_take_one_statement);
    tcase_add_test(tc, what_is_not_asked_for_is_not_looked_up);

    tc = tu_case(suite, "files", setup);
    tcase_add_test(tc, hrefs);
    tcase_add_test(tc, a_file_is_one_row_at_any_depth);
    tcase_add_test(tc, depth_infinity);
    tcase_add_test(tc, names_keep_the_form_they_were_given);
    tcase_add_test(tc, locks_and_what_they_cover);
    tcase_add_test(tc, quota);
    tcase_add_test(tc, a_listing_larger_than_memory);

    tc = tu_case(suite, "others", setup);
    tcase_add_test(tc, collections_above);
    tcase_add_test(tc, uploads);
    tcase_add_test(tc, what_is_not_there);
    tcase_add_test(tc, nobody_else_sees_it);
    return suite;
}
