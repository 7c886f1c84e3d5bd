/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What it costs to list somebody's files, in statements, as the DAV module does it; and that what comes by one
 * statement is what several would say. */
#include "mounts_util.h"

#include "internal.h"
#include "listing.h"

#include <stdlib.h>
#include <string.h>

#define ALL  CLOUD_PERM_ALL
#define ROOT "/remote.php/dav/files/bob/"
#define FEW  CLOUD_SHARE_TYPES_FEW

/* ---- oc:share-types, as mod_cloud_shares has it ---- */

static cloud_share_types_t *types;

static cloud_err_t *expect_types(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need)
{
    (void)view;
    types = need & CLOUD_NEED_LOADED ? cloud_share_types_expect(ctx) : NULL;
    return NULL;
}

static cloud_err_t *load_types(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need)
{
    (void)view;
    (void)ctx;
    (void)need;
    return types ? cloud_share_types_load(types) : NULL;
}

static cloud_prop_state_t write_types(cloud_out_t *out, const cloud_dav_row_t *row,
                                      cloud_dav_view_t *view)
{
    (void)view;
    cloud_out_int(out, cloud_share_types_of(types, row->id));
    return CLOUD_PROP_VALUE;
}

static const cloud_dav_prop_t PROPS[] = {
    { CLOUD_NS_OC, "share-types", 0, CLOUD_NEED_LOADED, write_types },
    { NULL, NULL, 0, 0, NULL },
};

static void setup(void)
{
    mu_setup();
    mu_mkcol(&mu_alice, "work");
    cloud_dav_register_props(PROPS);
    cloud_dav_register_loader(expect_types, load_types);
}

/* Rows that were made by hand go before fsck looks. */
static void teardown(void)
{
    cloud_dav_reset_props();
    mu_sql("DELETE FROM share");
    mu_sql("DELETE FROM node WHERE id BETWEEN 1000 AND 9999");
    mu_teardown();
}

/* ---- shorthand ---- */

static apr_status_t append(void *baton, const char *data, apr_size_t len)
{
    const char **answer = baton;

    *answer = apr_pstrcat(tu.pool, *answer, apr_pstrmemdup(tu.pool, data, len), NULL);
    return APR_SUCCESS;
}

static cloud_propreq_t *request(const char *props)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(NULL, tu.pool);
    const char *body = apr_pstrcat(
        tu.pool, "<d:propfind xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns'><d:prop>", props,
        "</d:prop></d:propfind>", NULL);
    cloud_propreq_t *req;
    cloud_xml_t *root;

    OK(cloud_xml_feed(parser, body, strlen(body)));
    OK(cloud_xml_finish(&root, parser));
    OK(cloud_propreq_parse(&req, root, 1, tu.pool));
    return req;
}

static const char *answer;
static int statements, rows; /* of the latest listing */

/* A PROPFIND by Bob. */
static cloud_err_t *propfind(const char *uri, int depth, const char *props)
{
    cloud_ctx_t *ctx = mu_bob.ctx;
    cloud_out_t *out = cloud_out_create(append, &answer, tu.pool);
    cloud_dav_target_t *t;
    cloud_listing_t *l;
    apr_uint64_t before;
    cloud_err_t *err;

    OK(cloud_dav_target_parse(&t, "/", uri, tu.pool));
    t->account = mu_bob.account;
    OK(cloud_tx_begin(ctx, CLOUD_DB_READ));
    before = cloud_db_statements(ctx->db);
    err = cloud_listing_create(&l, ctx, t, request(props), tu.pool);
    if (!err) err = cloud_listing_target(l, depth);
    if (!err) err = cloud_listing_complete(l);
    statements = (int)(cloud_db_statements(ctx->db) - before);
    cloud_tx_rollback(ctx);
    if (err) return err;
    rows = (int)cloud_listing_rows(l);
    answer = "";
    OK(cloud_listing_write(l, out));
    cloud_out_flush(out);
    return NULL;
}

#define PLAIN "<d:getetag/><oc:permissions/><d:getcontentlength/>"
#define TYPES PLAIN "<oc:share-types/>"

static int cost(int depth, const char *props, int expected)
{
    OK(propfind(ROOT, depth, props));
    ck_assert_int_eq(rows, expected);
    return statements;
}

/* Alice's folders 0..n-1, from the number first on, each with an id of its own; given to Bob. */
static void give(int first, int n)
{
    apr_int64_t work = mu_id(&mu_alice, "work");

    for (int i = first; i < first + n; i++) {
        mu_sql("INSERT INTO node (parent, name, id, kind, etag, size, mtime, created, ino, ino_mtime,"
               " btime, flags) VALUES (%" APR_INT64_T_FMT ", 'given %04d', %d, 1, 1, 0, 0, 0, 0, 0, 0, 0)",
               work, i, i + 1000);
        mu_share(&mu_alice, apr_psprintf(tu.pool, "work/given %04d", i), &mu_bob, ALL);
    }
}

/* How often the answer has a part. */
static int count(const char *what)
{
    int n = 0;

    for (const char *at = answer; (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

static int types_of(const char *name)
{
    const char *at = strstr(answer, apr_psprintf(tu.pool, "<d:href>" ROOT "%s</d:href>", name));

    ck_assert_msg(at != NULL, "%s is not in %s", name, answer);
    at = strstr(at, "<oc:share-types>");
    ck_assert_ptr_nonnull(at);
    return atoi(at + strlen("<oc:share-types>"));
}

/* ---- statements ---- */

START_TEST(the_root_takes_two)
{
    mu_put(&mu_bob, "own", "own");
    for (int received = 0; received <= 200; received += 100) {
        if (received) give(received - 100, 100);
        ck_assert_int_eq(cost(0, PLAIN, 1), 2);
        ck_assert_int_eq(cost(0, TYPES, 1), 2);
        ck_assert_int_eq(cost(1, PLAIN, 2 + received), 2);
        ck_assert_int_eq(cost(1, TYPES, 2 + received), 2);
    }
}
END_TEST

START_TEST(also_for_who_shares_a_little)
{
    for (int i = 0; i <= FEW; i++) {
        const char *name = apr_psprintf(tu.pool, "f%d", i);

        mu_mkcol(&mu_bob, name);
        mu_share(&mu_bob, name, &mu_carol, ALL);
        if (i != 0 && i < FEW - 1) continue;
        /* One more than come along is asked for by a statement of its own; nothing is left out. */
        ck_assert_int_eq(cost(1, TYPES, 2 + i), i < FEW ? 2 : 3);
        ck_assert_int_eq(count("<oc:share-types>1</oc:share-types>"), 1 + i);
        ck_assert_int_eq(cost(1, PLAIN, 2 + i), 2);
    }
    ck_assert_int_eq(cost(0, TYPES, 1), 3);
    mu_sql("UPDATE share SET expires = 1 WHERE id > (SELECT min(id) FROM share)");
    ck_assert_int_eq(cost(1, TYPES, 2 + FEW), 2);
    ck_assert_int_eq(count("<oc:share-types>1</oc:share-types>"), 1);
}
END_TEST

START_TEST(types_are_those_of_who_asks)
{
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "other");
    give(0, 2);
    mu_group("team", &mu_carol);
    mu_share(&mu_bob, "mine", &mu_carol, ALL);
    mu_share_group(&mu_bob, "mine", "team", ALL);
    mu_reshare(&mu_bob, "given 0001", &mu_carol, ALL);
    ck_assert_int_eq(cost(1, TYPES, 5), 2);
    ck_assert_int_eq(types_of("mine/"), 1 << CLOUD_SHARE_USER | 1 << CLOUD_SHARE_GROUP);
    ck_assert_int_eq(types_of("other/"), 0);
    ck_assert_int_eq(types_of("given%200000/"), 0); /* that is Alice's share */
    ck_assert_int_eq(types_of("given%200001/"), 1 << CLOUD_SHARE_USER);
}
END_TEST

/* Where no mounts are looked for they take a statement, and no mounts are looked for because of them. */
START_TEST(types_of_a_file)
{
    int plain;

    mu_put(&mu_bob, "own", "own");
    mu_share(&mu_bob, "own", &mu_carol, CLOUD_PERM_READ);
    OK(propfind(ROOT "own", 0, PLAIN));
    plain = statements;
    OK(propfind(ROOT "own", 0, TYPES));
    ck_assert_int_eq(statements, plain + 1);
    ck_assert_int_eq(types_of("own"), 1 << CLOUD_SHARE_USER);
}
END_TEST

/* What came for one is not taken for another, nor for later. */
START_TEST(types_are_of_their_transaction)
{
    cloud_share_types_t *bobs, *carols;
    apr_int64_t id;

    mu_mkcol(&mu_bob, "a");
    id = mu_id(&mu_bob, "a");
    OK(cloud_tx_begin(mu_bob.ctx, CLOUD_DB_WRITE));
    bobs = cloud_share_types_expect(mu_bob.ctx);
    OK(cloud_mounts_expect(mu_bob.ctx, mu_bob.account));
    OK(cloud_db_run(mu_bob.ctx->db, NULL, tu.pool,
                    "INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target,"
                    " created) VALUES (1, 1, ?1, ?2, ?2, 1, 0, 'a', 1)", "ii", id,
                    mu_bob.account->number));
    OK(cloud_share_types_load(bobs));
    ck_assert_uint_eq(cloud_share_types_of(bobs, id), 1u << CLOUD_SHARE_GROUP);
    OK(cloud_tx_commit_sync(mu_bob.ctx));
    /* Two contexts have one pool here. */
    OK(cloud_tx_begin(mu_bob.ctx, CLOUD_DB_READ));
    bobs = cloud_share_types_expect(mu_bob.ctx);
    carols = cloud_share_types_expect(mu_carol.ctx);
    OK(cloud_mounts_expect(mu_bob.ctx, mu_bob.account));
    OK(cloud_share_types_load(bobs));
    cloud_tx_rollback(mu_bob.ctx);
    OK(cloud_tx_begin(mu_carol.ctx, CLOUD_DB_READ));
    OK(cloud_mounts_expect(mu_carol.ctx, mu_carol.account));
    OK(cloud_share_types_load(carols));
    cloud_tx_rollback(mu_carol.ctx);
    ck_assert_uint_eq(cloud_share_types_of(bobs, id), 1u << CLOUD_SHARE_GROUP);
    ck_assert_uint_eq(cloud_share_types_of(carols, id), 0);
}
END_TEST

/* ---- the root and its members by one statement ---- */

static cloud_err_t *nothing(void *baton, const cloud_entry_t *entry)
{
    *(const cloud_entry_t **)baton = entry;
    return NULL;
}

static cloud_err_t *refuse(void *baton, const cloud_entry_t *entry)
{
    (void)baton;
    return cloud_err(tu.pool, CLOUD_E_QUOTA, "%s", entry->path);
}

static cloud_err_t *unexpected(void *baton, const cloud_child_t *child)
{
    (void)baton;
    ck_abort_msg("%s is shown", child->name);
    return NULL;
}

static cloud_err_t *list_root(person_t *p, const cloud_account_t *account, cloud_list_self_fn *self)
{
    const cloud_entry_t *entry = NULL;
    cloud_err_t *err = cloud_file_list_path(p->ctx, account, "", self, unexpected, &entry, tu.pool);

    if (err) ck_assert_ptr_null(entry);
    return err;
}

/* A name before all others, names that a root has, and mounts in between and at the end. */
START_TEST(members_are_in_order)
{
    static const char *const NAMES[] = { "%20first<", "alice<", "bob<", "g/<", "given%200000/<",
                                         "given%200001/<", "h<", "%C3%A4/<" };
    const char *at;

    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert_int_eq(cost(1, PLAIN, 1), 2);
    mu_put(&mu_bob, "h", "h");
    mu_mkcol(&mu_bob, "\xc3\xa4");
    mu_put(&mu_bob, "bob", "b");
    mu_mkcol(&mu_bob, "bob2");
    OK(mu_remove(&mu_bob, "bob2"));
    mu_put(&mu_bob, "alice", "a");
    mu_mkcol(&mu_bob, "g");
    mu_put(&mu_bob, "g/deeper", "g");
    mu_put(&mu_bob, " first", "f");
    give(0, 2);
    OK(propfind(ROOT, 1, PLAIN));
    ck_assert_int_eq(rows, 9);
    at = answer;
    for (unsigned i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *href = apr_pstrcat(tu.pool, "<d:href>" ROOT, NAMES[i], NULL);

        at = strstr(at, href);
        ck_assert_msg(at != NULL, "%s is missing, or not in order: %s", href, answer);
    }
    ck_assert_int_eq(count("deeper"), 0);
    OK(propfind(ROOT, -1, PLAIN));
    ck_assert_int_eq(rows, 10);
    ck_assert_int_eq(count("deeper"), 1);
}
END_TEST

START_TEST(access_comes_first)
{
    mu_put(&mu_alice, "secret", "s");
    FAILS(list_root(&mu_bob, mu_alice.account, nothing), NOT_FOUND);
    FAILS(list_root(&mu_alice, mu_alice.account, refuse), QUOTA);
    mu_sql("UPDATE account SET enabled = 0 WHERE id = 'alice'");
    FAILS(list_root(&mu_alice, mu_alice.account, nothing), UNAUTHORIZED);
    mu_sql("UPDATE account SET enabled = 1 WHERE id = 'alice'");
    /* The root waits for the job, or went with it, before or after its members. */
    for (int parent = 1; parent <= 1000000; parent += 999999) {
        mu_sql("UPDATE node SET parent = %d WHERE id = %" APR_INT64_T_FMT, parent, mu_alice.account->root);
        FAILS(list_root(&mu_alice, mu_alice.account, nothing), NOT_FOUND);
    }
    mu_sql("UPDATE node SET parent = 0 WHERE id = %" APR_INT64_T_FMT, mu_alice.account->root);
}
END_TEST

START_TEST(a_deleted_account_is_told_so)
{
    person_t eve = mu_person("eve");

    mu_put(&eve, "mine", "m");
    OK(cloud_account_delete(tu.ctx, "eve"));
    FAILS(list_root(&eve, eve.account, nothing), UNAUTHORIZED);
    tu_maintain();
    FAILS(list_root(&eve, eve.account, nothing), UNAUTHORIZED);
}
END_TEST

/* Bob has 500 files in a folder of his as rows alone. */
static void fill(apr_int64_t folder, int first)
{
    mu_sql("INSERT INTO node (parent, name, id, kind, etag, size, mtime, created, ino, ino_mtime, btime,"
           " flags) WITH RECURSIVE n (i) AS (VALUES (%d) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
           " SELECT %" APR_INT64_T_FMT ", 'file ' || i, i, 0, 1, 0, 0, 0, 0, 0, 0, 0 FROM n", first,
           first + 499, folder);
}

static apr_uint64_t steps_of(const char *path)
{
    tu_steps();
    OK(propfind(apr_pstrcat(tu.pool, ROOT, path, NULL), 1, PLAIN));
    return tu_steps();
}

/* They are read as they are stored, one by one, as in any folder. Some steps of each are the price of one statement;
 * to sort them would take thirty. */
START_TEST(members_are_not_sorted)
{
    apr_uint64_t few;

    mu_mkcol(&mu_bob, "dir");
    tu_count_steps();
    mu_bob.ctx = tu_as(mu_bob.account);
    few = steps_of("");
    fill(mu_id(&mu_bob, "dir"), 1000);
    fill(mu_bob.account->root, 2000);
    ck_assert_int_eq(cost(1, PLAIN, 502), 2);
    ck_assert_uint_le(steps_of(""), few + 500 * 8 + steps_of("dir"));
}
END_TEST

Suite *suite_listing_cost(void)
{
    const TTest *const tests[] = {
        the_root_takes_two, also_for_who_shares_a_little, types_are_those_of_who_asks,
        types_of_a_file, types_are_of_their_transaction, members_are_in_order, access_comes_first,
        a_deleted_account_is_told_so, members_are_not_sorted,
    };
    Suite *suite = suite_create("listing_cost");
    TCase *tc = tcase_create("root");

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
    return suite;
}
