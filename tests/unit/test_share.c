/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Shares: their rules, and what becomes of them. What recipients see through them is tested with
 * mounts. */
#include "testutil.h"

#include <string.h>

#include "group.h"
#include "internal.h"
#include "pref.h"
#include "settings.h"
#include "share.h"
#include "sharees.h"

static cloud_account_t *alice, *brian, *carol;
static cloud_group_t *group;

static void mkcol(const cloud_account_t *a, const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, tu_as(a), a, path, NULL, tu.pool));
}

static void setup(void)
{
    cloud_shares_register();
    tu_store();
    alice = tu_account("alice");
    brian = tu_account("brian");
    carol = tu_account("carol");
    OK(cloud_group_create(&group, tu.ctx, "group", NULL, NULL, tu.pool));
    OK(cloud_group_add(tu.ctx, "group", "brian", NULL));
    mkcol(alice, "d");
    mkcol(alice, "d/e");
    mkcol(alice, "d/e/f");
    mkcol(alice, "other");
}

static void teardown(void)
{
    tu_end();
    cloud_shares_unregister();
}

static cloud_share_t *share(const char *path, int type, const char *with)
{
    const cloud_share_ask_t ask = { .path = path, .type = type, .with = with };
    cloud_share_t *s;

    OK(cloud_share_create(&s, tu_as(alice), alice, &ask, tu.pool));
    return s;
}

static int shares(void)
{
    return (int)tu_query_int("SELECT count(*) FROM share");
}

/* The number in the ETag of a folder. */
static apr_int64_t etag(const cloud_account_t *a, const char *path)
{
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, tu_as(a), a, path, tu.pool));
    return e->node.etag;
}

/* ---- values ---- */

#define DAY   CLOUD_SHARE_DAY
#define NOV27 1795824000          /* where the 27th of November 2026 ends */

START_TEST(test_dates)
{
    static const struct {
        const char *text;
        apr_int64_t expires;
    } cases[] = {
        { "1970-01-01", 86400 }, { "2000-02-29", 951868800 }, { "2026-11-27", NOV27 },
        { "2026-11-27 00:00:00", NOV27 }, { "2026-11-27T10:00:00+0100", NOV27 },
        { "2026-11-27T23:30:00.123Z", NOV27 }, { "2026-11-27 23:00 -05:00", NOV27 },
        { " 2026-11-27 ", NOV27 }, { "2026-11-27Z", NOV27 }, { "9999-12-31", 253402300800 },
        /* other orders, */
        { "27-11-2026", NOV27 }, { "27.11.2026", NOV27 }, { "27.11.2026 12:30:40", NOV27 },
        { "11/27/2026", NOV27 }, { "2026/11/27", NOV27 }, { "20261127", NOV27 },
        { "27 November 2026", NOV27 }, { "Nov 27, 2026", NOV27 }, { "27-nov-2026", NOV27 },
        { "2026-1-2", 1767398400 }, { "12:30 2026-11-27", NOV27 },
        /* a day that the month does not have, */
        { "2026-11-31", NOV27 + 4 * DAY }, { "2026-02-29", 1772409600 },
        /* words, on the 27th at 12:00, */
        { "today", NOV27 }, { "Now", NOV27 }, { "tomorrow", NOV27 + DAY },
        { "yesterday", NOV27 - DAY }, { "tomorrow 23:59:59", NOV27 + DAY },
        { "+10 days", NOV27 + 10 * DAY }, { "10day", NOV27 + 10 * DAY },
        { "-10 days", NOV27 - 10 * DAY }, { "next week", NOV27 + 7 * DAY },
        { "1 week 2 days", NOV27 + 9 * DAY }, { "2 weeks ago", NOV27 - 14 * DAY },
        { "+12 hours", NOV27 + DAY }, { "+11 hours 59 min", NOV27 }, { "midnight -1 sec", NOV27 - DAY },
        { "+1 month", NOV27 + 30 * DAY }, { "next year", NOV27 + 365 * DAY },
        { "2026-11-27 +2 days", NOV27 + 2 * DAY }, { "2026-11-27 10:00 +10 days", NOV27 + 10 * DAY },
        { "@1795780800", NOV27 },
        /* and what is none. */
        { "", 0 }, { " ", 0 }, { "123", 0 }, { "INVALID-DATE", 0 }, { "1969-12-31", 0 },
        { "2026-13-01", 0 }, { "2026-00-10", 0 }, { "13/27/2026", 0 }, { "32.12.2026", 0 },
        { "2026-11-27x", 0 }, { "x026-11-27", 0 }, { "2026-11-27T", 0 }, { "2026-11-", 0 },
        { "2026-11-27 2026-11-27", 0 }, { "2026-11-27 25:00", 0 }, { "10:00 11:00", 0 }, { "@", 0 },
        { "+1", 0 }, { "+1 banana", 0 }, { "+100001 days", 0 }, { "9999-12-31 +1 day", 0 },
        { "99999-12-31", 0 }, { "+99999 years", 0 }, { "@999999999999", 0 }, { "dayss", 0 },
        { "2026-11-27 00:00:00 00000000000000000000000000000000000000000000000000", 0 },
    };
    apr_int64_t expires;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cloud_share_parse_date(&expires, cases[i].text, NOV27 - DAY / 2);
        ck_assert_msg(expires == cases[i].expires, "%s: %" APR_INT64_T_FMT, cases[i].text,
                      expires);
    }
}
END_TEST

START_TEST(test_tokens)
{
    apr_hash_t *seen = apr_hash_make(tu.pool);
    const char *token;
    int count[256] = { 0 };

    for (int i = 0; i < 4000; i++) {
        OK(cloud_share_token(&token, tu.pool));
        ck_assert_uint_eq(strlen(token), 15);
        ck_assert_uint_eq(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "abcdefghijklmnopqrstuvwxyz0123456789"), 15);
        ck_assert_ptr_null(apr_hash_get(seen, token, APR_HASH_KEY_STRING));
        apr_hash_set(seen, token, APR_HASH_KEY_STRING, token);
        for (; *token; token++) count[(unsigned char)*token]++;
    }
    /* 60000 letters, 968 of each on average; 31 is the standard deviation. */
    for (const char *c = "AZaz09mM5"; *c; c++) {
        ck_assert_int_gt(count[(unsigned char)*c], 968 - 250);
        ck_assert_int_lt(count[(unsigned char)*c], 968 + 250);
    }
}
END_TEST

START_TEST(test_attributes)
{
    apr_array_header_t *list = apr_array_make(tu.pool, 4, sizeof(cloud_share_attr_t));
    const char *json;
    unsigned flags;

    OK(cloud_share_attributes(&json, &flags, list, tu.pool));
    ck_assert_ptr_null(json);
    APR_ARRAY_PUSH(list, cloud_share_attr_t) = (cloud_share_attr_t){ "permissions", "download", 1 };
    APR_ARRAY_PUSH(list, cloud_share_attr_t) = (cloud_share_attr_t){ "a\"b", "k", 1 };
    OK(cloud_share_attributes(&json, &flags, list, tu.pool));
    ck_assert_uint_eq(flags, 0);
    APR_ARRAY_PUSH(list, cloud_share_attr_t) = (cloud_share_attr_t){ "permissions", "download", 0 };
    OK(cloud_share_attributes(&json, &flags, list, tu.pool));
    ck_assert_uint_eq(flags, CLOUD_SHARE_NO_DOWNLOAD);
    ck_assert_str_eq(json, "[{\"scope\":\"a\\\"b\",\"key\":\"k\",\"enabled\":true},"
                           "{\"scope\":\"permissions\",\"key\":\"download\",\"enabled\":false}]");
    APR_ARRAY_PUSH(list, cloud_share_attr_t) = (cloud_share_attr_t){ "x", "", 0 };
    FAILS(cloud_share_attributes(&json, &flags, list, tu.pool), INVALID);
}
END_TEST

/* ---- who ---- */

START_TEST(test_only_in_ones_own_name)
{
    const cloud_share_ask_t ask = { .path = "d", .type = CLOUD_SHARE_USER, .with = "carol" };
    cloud_share_t *s;

    FAILS(cloud_share_create(&s, tu_as(brian), alice, &ask, tu.pool), DENIED);
    FAILS(cloud_share_create(&s, tu_as(NULL), alice, &ask, tu.pool), DENIED);
    s = share("d", CLOUD_SHARE_USER, "brian");
    FAILS(cloud_share_delete(tu_as(brian), s->id), NOT_FOUND);
    FAILS(cloud_share_delete(tu_as(carol), s->id), NOT_FOUND);
    FAILS(cloud_share_delete(tu_as(NULL), s->id), NOT_FOUND);
    FAILS(cloud_share_get(&s, tu_as(carol), carol, s->id, tu.pool), NOT_FOUND);
    OK(cloud_share_get(&s, tu_as(brian), brian, s->id, tu.pool));
    FAILS(cloud_share_respond(&s, tu_as(carol), brian, s->id, CLOUD_SHARE_REJECTED, tu.pool),
          NOT_FOUND);
    OK(cloud_share_delete(tu_as(alice), s->id));
    ck_assert_int_eq(shares(), 0);
}
END_TEST

START_TEST(test_a_disabled_account_shares_nothing)
{
    const cloud_share_ask_t ask = { .path = "d", .type = CLOUD_SHARE_LINK };
    cloud_ctx_t *ctx = tu_as(alice);
    cloud_share_t *s;

    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
    FAILS(cloud_share_create(&s, ctx, alice, &ask, tu.pool), UNAUTHORIZED);
    ck_assert_int_eq(shares(), 0);
}
END_TEST

/* ---- names at the recipient's ---- */

START_TEST(test_names_are_free)
{
    cloud_share_t *s;
    cloud_result_t res;
    cloud_share_ask_t ask = { .path = "d", .type = CLOUD_SHARE_USER, .with = "brian" };

    mkcol(brian, "d");
    ck_assert_str_eq(share("d", CLOUD_SHARE_USER, "brian")->target, "d (2)");
    mkcol(carol, "d");
    OK(cloud_share_create(&s, tu_as(carol), carol, &ask, tu.pool));
    ck_assert_str_eq(s->target, "d (3)");
    OK(cloud_file_mkcol(&res, tu_as(carol), carol, "x.y", NULL, tu.pool));
    mkcol(brian, "x.y");
    ask.path = "x.y";
    OK(cloud_share_create(&s, tu_as(carol), carol, &ask, tu.pool));
    ck_assert_str_eq(s->target, "x.y (2)");
}
END_TEST

/* A group's share gets its number when it is listed: a later one does not take that. */
START_TEST(test_numbers_that_were_seen_stay)
{
    cloud_account_t *dave = tu_account("dave");
    cloud_share_ask_t ask = { .path = "d", .type = CLOUD_SHARE_USER, .with = "brian" };
    cloud_share_t *s;
    cloud_entry_t *e;

    mkcol(brian, "d");
    share("d", CLOUD_SHARE_GROUP, "group");
    OK(cloud_file_stat(&e, tu_as(brian), brian, "d (2)", tu.pool));
    ck_assert_int_eq(e->owner->number, alice->number);
    mkcol(dave, "d");
    OK(cloud_share_create(&s, tu_as(dave), dave, &ask, tu.pool));
    ck_assert_str_eq(s->target, "d (3)");
    OK(cloud_file_stat(&e, tu_as(brian), brian, "d (2)", tu.pool));
    ck_assert_int_eq(e->owner->number, alice->number);
}
END_TEST

/* What nobody can open by its name can't be left either. */
START_TEST(test_a_long_name_is_cut_for_its_number)
{
    char name[CLOUD_NAME_MAX + 1];
    const char *target;
    cloud_entry_t *e;

    memset(name, 'n', CLOUD_NAME_MAX);
    name[CLOUD_NAME_MAX] = '\0';
    mkcol(alice, name);
    mkcol(brian, name);
    target = share(name, CLOUD_SHARE_USER, "brian")->target;
    ck_assert_str_eq(target + CLOUD_NAME_MAX - 4, " (2)");
    OK(cloud_file_stat(&e, tu_as(brian), brian, target, tu.pool));
    ck_assert_int_eq(e->owner->number, alice->number);
}
END_TEST

START_TEST(test_several_shares_of_an_item_have_one_name)
{
    mkcol(brian, "d");
    ck_assert_str_eq(share("d", CLOUD_SHARE_GROUP, "group")->target, "d");
    ck_assert_str_eq(share("d", CLOUD_SHARE_USER, "brian")->target, "d");
}
END_TEST

/* ---- answers ---- */

static int state_of(cloud_ctx_t *ctx, const cloud_account_t *a, apr_int64_t id)
{
    cloud_share_t *s;

    OK(cloud_share_get(&s, ctx, a, id, tu.pool));
    return (int)s->state;
}

START_TEST(test_answers_are_of_all_that_is_the_same_item)
{
    cloud_share_t *one = share("d", CLOUD_SHARE_USER, "brian");
    cloud_share_t *two = share("d", CLOUD_SHARE_GROUP, "group");
    cloud_ctx_t *ctx = tu_as(brian);
    cloud_share_t *s;

    OK(cloud_group_add(tu.ctx, "group", "carol", NULL));
    OK(cloud_share_respond(&s, ctx, brian, two->id, CLOUD_SHARE_REJECTED, tu.pool));
    ck_assert_int_eq(s->state, CLOUD_SHARE_REJECTED);
    ck_assert_int_eq(state_of(ctx, brian, one->id), CLOUD_SHARE_REJECTED);
    ck_assert_int_eq(state_of(ctx, brian, two->id), CLOUD_SHARE_REJECTED);
    ck_assert_int_eq(state_of(tu_as(carol), carol, two->id), CLOUD_SHARE_ACCEPTED);
    OK(cloud_share_respond(&s, ctx, brian, one->id, CLOUD_SHARE_ACCEPTED, tu.pool));
    ck_assert_int_eq(state_of(ctx, brian, two->id), CLOUD_SHARE_ACCEPTED);
    FAILS(cloud_share_respond(&s, tu_as(alice), alice, one->id, CLOUD_SHARE_ACCEPTED, tu.pool),
          DENIED);
    FAILS(cloud_share_respond(&s, tu_as(carol), carol, one->id, CLOUD_SHARE_ACCEPTED, tu.pool),
          NOT_FOUND);
}
END_TEST

START_TEST(test_some_want_to_be_asked)
{
    cloud_share_t *s;

    OK(cloud_group_add(tu.ctx, "group", "carol", NULL));
    OK(cloud_pref_set(tu.ctx, carol, "files_sharing", "auto_accept_share", "no"));
    ck_assert_int_eq(share("d", CLOUD_SHARE_USER, "carol")->state, CLOUD_SHARE_PENDING);
    s = share("d/e", CLOUD_SHARE_GROUP, "group");
    ck_assert_int_eq(state_of(tu_as(brian), brian, s->id), CLOUD_SHARE_ACCEPTED);
    ck_assert_int_eq(state_of(tu_as(carol), carol, s->id), CLOUD_SHARE_PENDING);
    OK(cloud_setting_set(tu.ctx, "core", "shareapi_auto_accept_share", "no"));
    s = share("other", CLOUD_SHARE_GROUP, "group");
    ck_assert_int_eq(state_of(tu_as(brian), brian, s->id), CLOUD_SHARE_PENDING);
    ck_assert_int_eq(share("other", CLOUD_SHARE_USER, "brian")->state, CLOUD_SHARE_PENDING);
}
END_TEST

/* ---- the end ---- */

START_TEST(test_shares_end_with_their_time)
{
    cloud_share_t *s = share("d", CLOUD_SHARE_USER, "brian");
    cloud_share_query_t query = { CLOUD_SHARES_BY, NULL, 0, ~0u, -1 };
    apr_array_header_t *list;
    apr_int64_t before;

    share("d", CLOUD_SHARE_LINK, NULL);
    tu_exec("UPDATE share SET expires = 1 WHERE type = 0");
    OK(cloud_share_list(&list, tu_as(alice), alice, &query, tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    FAILS(cloud_share_get(&s, tu_as(alice), alice, s->id, tu.pool), NOT_FOUND);
    before = etag(alice, "");
    tu_maintain();
    ck_assert_int_eq(shares(), 1);
    ck_assert_int_ne(etag(alice, ""), before);
}
END_TEST

START_TEST(test_many_expire_in_steps)
{
    int more, steps = 0;

    share("d", CLOUD_SHARE_LINK, NULL);
    tu_exec("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)"
            " INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target,"
            " created, expires, token) SELECT 3, 0, s.node, s.owner, s.initiator, 1, 0, 'd', 0, i,"
            " 'token' || i FROM n, share s WHERE s.expires IS NULL");
    do {
        OK(cloud_share_maintain(tu.ctx, &more));
        steps++;
    } while (more);
    ck_assert_int_eq(steps, 3);
    ck_assert_int_eq(shares(), 1);
}
END_TEST

/* What a feature is told when an item leaves. */
static void leaves(const char *path)
{
    cloud_entry_t *e;
    cloud_err_t *err;

    OK(cloud_file_stat(&e, tu.ctx, alice, path, tu.pool));
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    err = cloud_share_leaves(tu.ctx, e, NULL, tu.pool);
    OK(cloud_tx_end(tu.ctx, err));
}

START_TEST(test_shares_end_with_their_item)
{
    share("d", CLOUD_SHARE_USER, "brian");
    share("d/e", CLOUD_SHARE_GROUP, "group");
    share("d/e/f", CLOUD_SHARE_LINK, NULL);
    share("d/e/f", CLOUD_SHARE_USER, "carol");
    share("other", CLOUD_SHARE_USER, "carol");
    leaves("d/e");
    ck_assert_int_eq(shares(), 2);
    leaves("d/e/f");
    leaves("d");
    ck_assert_int_eq(shares(), 1);
    leaves("other");
    ck_assert_int_eq(shares(), 0);
}
END_TEST

/* Steps of the database for the removal of an empty folder. */
static apr_uint64_t cost_of_removal(const char *path)
{
    mkcol(alice, path);
    tu_steps();
    OK(cloud_file_remove(tu_as(alice), alice, path, NULL));
    return tu_steps();
}

/* How many shares there are, how many items they are of, and how deep these lie: each costs its steps once. */
START_TEST(test_what_many_share_makes_other_removals_no_slower)
{
    apr_uint64_t few, many;
    const char *deep = "d/e/f";
    int i;

    share("d/e/f", CLOUD_SHARE_USER, "brian");
    tu_count_steps();
    cost_of_removal("other/x");
    few = cost_of_removal("other/x");
    tu_exec("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
            " INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target, created)"
            " SELECT 0, 1000000 + n.i, s.node, s.owner, s.initiator, 1, 0, 'f', 0 FROM share s, n");
    ck_assert_int_eq(shares(), 2001);
    many = cost_of_removal("other/x");
    /* To see that they are all of one item is all that they cost. */
    ck_assert_msg(many < few + 2000 * 10, "%" APR_UINT64_T_FMT " steps, %" APR_UINT64_T_FMT " with few", many, few);

    for (i = 0; i < 100; i++) {
        deep = apr_pstrcat(tu.pool, deep, "/d", NULL);
        mkcol(alice, deep);
    }
    for (i = 0; i < 200; i++) {
        const char *path = apr_psprintf(tu.pool, "%s/%d", deep, i);

        mkcol(alice, path);
        share(path, CLOUD_SHARE_LINK, NULL);
    }
    tu_steps();
    few = many;
    many = cost_of_removal("other/x");
    ck_assert_msg(many < few + (100 + 200) * 100, "%" APR_UINT64_T_FMT " steps, %" APR_UINT64_T_FMT " before", many, few);
    OK(cloud_file_remove(tu_as(alice), alice, "d", NULL));
    tu_maintain();
    ck_assert_int_eq(shares(), 0);
}
END_TEST

static int live(void)
{
    return (int)tu_query_int("SELECT count(*) FROM share WHERE expires IS NULL");
}

/* So many rows are not taken away while all who write wait for it, and count no more nevertheless. */
START_TEST(test_many_end_with_their_item)
{
    cloud_result_t res;
    cloud_entry_t *e;
    apr_uint64_t steps;

    mkcol(alice, "many");
    share("many", CLOUD_SHARE_USER, "brian");
    tu_exec("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
            " INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target, created)"
            " SELECT 3, 0, s.node, s.owner, s.initiator, 1, 0, 'many', 0 FROM share s, n");
    OK(cloud_file_move(&res, tu_as(brian), brian, "many", brian, "moved", 0, NULL, NULL, tu.pool));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 1);
    tu_count_steps();
    OK(cloud_file_remove(tu_as(alice), alice, "many", NULL));
    steps = tu_steps();
    ck_assert_msg(steps < 2000 * 100, "%" APR_UINT64_T_FMT " steps", steps);
    ck_assert_int_eq(live(), 0);
    FAILS(cloud_file_stat(&e, tu_as(brian), brian, "moved", tu.pool), NOT_FOUND);
    tu_sound();
    tu_maintain();
    ck_assert_int_eq(shares(), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 0);
    tu_sound();
}
END_TEST

START_TEST(test_shares_end_with_people)
{
    share("d", CLOUD_SHARE_USER, "brian");
    share("d", CLOUD_SHARE_USER, "carol");
    share("d", CLOUD_SHARE_GROUP, "group");
    share("d", CLOUD_SHARE_LINK, NULL);
    tu_exec("INSERT INTO share_place (account, node, parent, name)"
            " SELECT (SELECT number FROM account WHERE id = 'brian'), node, 1, 'x' FROM share"
            " WHERE type = 3");
    OK(cloud_account_delete(tu.ctx, "brian"));
    ck_assert_int_eq(shares(), 3);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 0);
    OK(cloud_group_delete(tu.ctx, "group"));
    ck_assert_int_eq(shares(), 2);
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(shares(), 0);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_member"), 0);
}
END_TEST

START_TEST(test_what_lay_in_a_purged_folder_was_left)
{
    cloud_share_t *s = share("d", CLOUD_SHARE_USER, "brian");
    cloud_err_t *err;

    tu_exec("INSERT INTO share_place (account, node, parent, name)"
            " SELECT recipient, node, 4711, 'x' FROM share");
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    err = cloud_share_purged(tu.ctx, 4711);
    OK(cloud_tx_end(tu.ctx, err));
    ck_assert_int_eq(state_of(tu_as(brian), brian, s->id), CLOUD_SHARE_REJECTED);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 0);
}
END_TEST

START_TEST(test_places_are_forgotten_with_the_last_share)
{
    cloud_share_t *one = share("d", CLOUD_SHARE_USER, "brian");
    cloud_share_t *two = share("d", CLOUD_SHARE_GROUP, "group");

    share("d", CLOUD_SHARE_LINK, NULL);
    tu_exec("INSERT INTO share_place (account, node, parent, name)"
            " SELECT recipient, node, 4711, 'x' FROM share WHERE type = 0");
    OK(cloud_share_delete(tu_as(alice), one->id));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 1);
    OK(cloud_share_delete(tu_as(alice), two->id));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 0);
}
END_TEST

static void put_away(const char *name)
{
    cloud_result_t res;

    mkcol(brian, "put");
    OK(cloud_file_move(&res, tu_as(brian), brian, name, brian, "put/away", 0, NULL, NULL, tu.pool));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 1);
    OK(cloud_file_remove(tu_as(brian), brian, "put", NULL));
}

static int has(const cloud_account_t *a, const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, tu_as(a), a, path, tu.pool));
    return e->exists;
}

/* Where somebody put it is deleted, but others have it still, so the place is remembered. */
START_TEST(test_what_is_given_again_is_found)
{
    cloud_share_t *s = share("d", CLOUD_SHARE_USER, "brian");

    share("d", CLOUD_SHARE_USER, "carol");
    put_away("d");
    ck_assert(!has(brian, "d"));
    OK(cloud_share_delete(tu_as(alice), s->id));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM share_place"), 1);
    s = share("d", CLOUD_SHARE_USER, "brian");
    ck_assert(has(brian, "d"));
    /* Or he says himself that he wants it. */
    put_away("d");
    ck_assert(!has(brian, "d"));
    OK(cloud_share_respond(&s, tu_as(brian), brian, s->id, CLOUD_SHARE_ACCEPTED, tu.pool));
    ck_assert(has(brian, "d"));
    put_away("d");
    share("d", CLOUD_SHARE_GROUP, "group");
    ck_assert(has(brian, "d"));
    /* A place that is there stays. */
    mkcol(brian, "put");
    tu_exec("INSERT INTO share_place (account, node, parent, name) SELECT a.number, s.node, n.id,"
            " 'x' FROM account a, share s, node n WHERE a.id = 'brian' AND s.type = 1"
            " AND n.parent = a.root AND n.name = 'put'");
    OK(cloud_share_respond(&s, tu_as(brian), brian, s->id, CLOUD_SHARE_ACCEPTED, tu.pool));
    ck_assert(has(brian, "put/x"));
}
END_TEST

/* ---- what others notice ---- */

static apr_int64_t seen(const cloud_account_t *a)
{
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, tu_as(a), a, "", tu.pool));
    return e->etag;
}

START_TEST(test_the_owner_notices_answers)
{
    cloud_share_t *s = share("d", CLOUD_SHARE_USER, "brian");
    apr_int64_t root = etag(alice, "");

    OK(cloud_share_respond(&s, tu_as(brian), brian, s->id, CLOUD_SHARE_REJECTED, tu.pool));
    ck_assert_int_ne(etag(alice, ""), root);
    root = etag(alice, "");
    OK(cloud_share_respond(&s, tu_as(brian), brian, s->id, CLOUD_SHARE_ACCEPTED, tu.pool));
    ck_assert_int_ne(etag(alice, ""), root);
    root = etag(alice, "");
    OK(cloud_file_remove(tu_as(brian), brian, "d", NULL));
    ck_assert_int_ne(etag(alice, ""), root);
}
END_TEST

/* His other clients show it as shared by him. */
START_TEST(test_who_shares_on_notices_it)
{
    const cloud_share_ask_t ask = { .path = "d", .type = CLOUD_SHARE_USER, .with = "carol" };
    apr_int64_t before;
    cloud_share_t *s;

    share("d", CLOUD_SHARE_USER, "brian");
    before = seen(brian);
    OK(cloud_share_create(&s, tu_as(brian), brian, &ask, tu.pool));
    ck_assert_int_ne(seen(brian), before);
    before = seen(brian);
    OK(cloud_share_delete(tu_as(brian), s->id));
    ck_assert_int_ne(seen(brian), before);
}
END_TEST

START_TEST(test_one_write_tells_the_owner)
{
    apr_int64_t root = etag(alice, ""), d = etag(alice, "d"), e = etag(alice, "d/e");
    apr_int64_t other = etag(brian, "");
    cloud_share_t *s = share("d/e", CLOUD_SHARE_USER, "brian");
    const cloud_share_ask_t ask = { .has_perms = 1, .perms = 1 };

    ck_assert_int_ne(etag(alice, ""), root);
    ck_assert_int_ne(etag(alice, "d"), d);
    ck_assert_int_eq(etag(alice, "d/e"), e);
    ck_assert_int_eq(tu_query_int("SELECT etag FROM node WHERE id ="
                                  " (SELECT root FROM account WHERE id = 'brian')"), other);
    root = etag(alice, "");
    OK(cloud_share_update(&s, tu_as(alice), s->id, &ask, tu.pool));
    ck_assert_int_ne(etag(alice, ""), root);
}
END_TEST

/* Statements for the list of what is shared of the items in a folder. */
static apr_uint64_t cost_of_members(const char *path, int expected)
{
    const cloud_share_query_t query = { CLOUD_SHARES_OF, path, 1, ~0u, -1 };
    cloud_ctx_t *ctx = tu_as(alice);
    apr_array_header_t *list;
    apr_uint64_t n;

    OK(cloud_tx_begin(ctx, CLOUD_DB_READ));
    n = cloud_db_statements(ctx->db);
    OK(cloud_share_list(&list, ctx, alice, &query, tu.pool));
    n = cloud_db_statements(ctx->db) - n;
    cloud_tx_rollback(ctx);
    ck_assert_int_eq(list->nelts, expected);
    return n;
}

START_TEST(test_shares_in_a_folder_are_one_statement)
{
    apr_uint64_t one;
    int i;

    share("d/e", CLOUD_SHARE_USER, "brian");
    share("d/e/f", CLOUD_SHARE_USER, "brian");
    share("other", CLOUD_SHARE_LINK, NULL);
    one = cost_of_members("d", 1);
    for (i = 0; i < 20; i++) share("d/e", CLOUD_SHARE_LINK, NULL);
    ck_assert_uint_eq(cost_of_members("d", 21), one);
    cost_of_members("", 1);
}
END_TEST

/* ---- a large group has to answer ---- */

#define MANY 1201

static int told[MANY + 1];

static cloud_err_t *take_notice(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_notice_t *notice)
{
    (void)ctx;
    (void)notice;
    if (account->number > 100000 && account->number <= 100000 + MANY)
        told[account->number - 100000]++;
    return NULL;
}

static cloud_share_t *share_with_many(void)
{
    tu_exec("WITH RECURSIVE n (i) AS (SELECT 100001 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 101201) INSERT INTO account (number, id, folded, display_name, quota,"
            " enabled, created, last_login, root, purge, dir, secret_epoch) SELECT i, 'some' || i,"
            " 'some' || i, 'Body ' || i, -1, 1, 0, 0, 0, 0, 'some' || i, 0 FROM n");
    tu_exec("INSERT INTO membership (account, usergroup, source) SELECT a.number, g.number, 'database'"
            " FROM account a, usergroup g WHERE a.id LIKE 'some%' AND g.id = 'group'");
    OK(cloud_setting_set(tu.ctx, "core", "shareapi_auto_accept_share", "no"));
    return share("d", CLOUD_SHARE_GROUP, "group");
}

static int heard(void)
{
    int i, n = 0;

    for (i = 1; i <= MANY; i++) {
        ck_assert_int_le(told[i], 1);
        n += told[i];
    }
    return n;
}

START_TEST(test_a_large_group_is_told_in_steps)
{
    static const cloud_feature_t listener = { .name = "listener", .notify = take_notice };
    cloud_share_t *s;
    int more, before;

    cloud_feature_register(&listener);
    memset(told, 0, sizeof told);
    s = share_with_many();
    before = heard();
    ck_assert_int_gt(before, 0);
    ck_assert_int_lt(before, MANY);
    OK(cloud_share_announce_more(&more, tu.ctx));
    ck_assert_int_eq(more, 1);
    ck_assert_int_gt(heard(), before);
    do OK(cloud_share_maintain(tu.ctx, &more));
    while (more);
    ck_assert_int_eq(heard(), MANY);
    /* Of one that has ended nobody is told any more. */
    OK(cloud_share_delete(tu_as(alice), s->id));
    memset(told, 0, sizeof told);
    s = share("d", CLOUD_SHARE_GROUP, "group");
    before = heard();
    OK(cloud_share_delete(tu_as(alice), s->id));
    OK(cloud_share_announce_more(&more, tu.ctx));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(heard(), before);
    cloud_feature_unregister(&listener);
}
END_TEST

/* ---- searching ---- */

START_TEST(test_a_search_among_many_reads_a_page)
{
    const cloud_sharees_ask_t ask = { "some", 3, 10, ~0u };
    cloud_sharees_t *found;

    tu_exec("WITH RECURSIVE n (i) AS (SELECT 100001 UNION ALL SELECT i + 1 FROM n"
            " WHERE i < 120000) INSERT INTO account (number, id, folded, display_name, quota,"
            " enabled, created, last_login, root, purge, dir, secret_epoch) SELECT i, 'some' || i,"
            " 'some' || i, 'Body ' || i, -1, 1, 0, 0, 0, 0, 'some' || i, 0 FROM n");
    OK(cloud_sharees_search(&found, tu_as(alice), alice, &ask, tu.pool));
    ck_assert_int_eq(found->users->nelts, 10);
    ck_assert_str_eq(APR_ARRAY_IDX(found->users, 0, cloud_sharee_t).id, "some100021");
    ck_assert_int_eq(found->more, 1);
}
END_TEST

Suite *suite_share(void)
{
    const TTest *const tests[] = {
        test_dates, test_tokens, test_attributes, test_only_in_ones_own_name,
        test_a_disabled_account_shares_nothing, test_names_are_free,
        test_several_shares_of_an_item_have_one_name,
        test_answers_are_of_all_that_is_the_same_item, test_some_want_to_be_asked,
        test_shares_end_with_their_time, test_many_expire_in_steps,
        test_shares_end_with_their_item, test_what_many_share_makes_other_removals_no_slower,
        test_many_end_with_their_item, test_shares_end_with_people, test_numbers_that_were_seen_stay, test_a_long_name_is_cut_for_its_number,
        test_what_lay_in_a_purged_folder_was_left,
        test_places_are_forgotten_with_the_last_share, test_what_is_given_again_is_found,
        test_the_owner_notices_answers, test_who_shares_on_notices_it,
        test_one_write_tells_the_owner,
        test_shares_in_a_folder_are_one_statement,
        test_a_large_group_is_told_in_steps, test_a_search_among_many_reads_a_page,
    };
    Suite *suite = suite_create("share");
    TCase *tc = tcase_create("share");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    return suite;
}
