/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: what several grants of one item come to, those that were handed on among them. */
#include "mounts_util.h"

#include <string.h>

#define ALL  CLOUD_PERM_ALL
#define READ CLOUD_PERM_READ

START_TEST(a_reshare_is_worth_what_its_giver_has)
{
    apr_int64_t first = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);

    mu_reshare(&mu_bob, "doc/sub", &mu_carol, ALL);
    ck_assert_str_eq(mu_list(&mu_carol, "sub"), "deep;");
    mu_reshare(&mu_carol, "sub", &mu_dave, READ | CLOUD_PERM_UPDATE | CLOUD_PERM_SHARE);
    ck_assert_uint_eq(mu_entry(&mu_dave, "sub/deep")->perms,
                      READ | CLOUD_PERM_UPDATE | CLOUD_PERM_SHARE);
    ck_assert_int_eq(mu_entry(&mu_dave, "sub/deep")->owner->number, mu_alice.account->number);
    /* Bob may less by now: those behind him, too. */
    mu_sql("UPDATE share SET perms = 17 WHERE id = %d", (int)first);
    ck_assert_uint_eq(mu_entry(&mu_dave, "sub/deep")->perms, READ | CLOUD_PERM_SHARE);
    ck_assert_uint_eq(mu_entry(&mu_carol, "sub/deep")->perms, READ | CLOUD_PERM_SHARE);
    /* He may not share any more: what he gave is worth nothing. */
    mu_sql("UPDATE share SET perms = 15 WHERE id = %d", (int)first);
    ck_assert(!mu_exists(&mu_carol, "sub"));
    ck_assert(!mu_exists(&mu_dave, "sub"));
    mu_sql("UPDATE share SET perms = 31 WHERE id = %d", (int)first);
    ck_assert(mu_exists(&mu_dave, "sub"));
    mu_sql("UPDATE share SET state = 2 WHERE id = %d", (int)first);
    ck_assert(!mu_exists(&mu_dave, "sub"));
}
END_TEST

START_TEST(a_reshare_by_a_member)
{
    apr_int64_t id;

    mu_group("team", &mu_bob);
    id = mu_share_group(&mu_alice, "work/doc", "team", ALL);
    mu_reshare(&mu_bob, "doc", &mu_carol, ALL);
    ck_assert(mu_exists(&mu_carol, "doc"));
    mu_sql("INSERT INTO share_member (share, account, state) VALUES (%d, %" APR_INT64_T_FMT ", 2)",
           (int)id, mu_bob.account->number);
    ck_assert(!mu_exists(&mu_carol, "doc"));
    mu_sql("DELETE FROM share_member");
    ck_assert(mu_exists(&mu_carol, "doc"));
    mu_sql("DELETE FROM membership");
    ck_assert(!mu_exists(&mu_carol, "doc"));
}
END_TEST

START_TEST(a_ring_of_reshares)
{
    apr_int64_t first = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);

    mu_reshare(&mu_bob, "doc", &mu_carol, ALL);
    mu_reshare(&mu_carol, "doc", &mu_dave, ALL);
    mu_reshare(&mu_dave, "doc", &mu_bob, ALL);
    ck_assert_str_eq(mu_list(&mu_dave, ""), "doc;");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
    /* They hold each other up, but nobody holds them. */
    mu_sql("DELETE FROM share WHERE id = %d", (int)first);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
    ck_assert_str_eq(mu_list(&mu_dave, ""), "");
}
END_TEST

static cloud_err_t *note_mount(void *baton, const cloud_mount_t *m)
{
    const char **text = baton;

    *text = apr_psprintf(tu.pool, "%s%" APR_INT64_T_FMT ":%u:%u;", *text, m->target.id, m->perms,
                         m->flags);
    return NULL;
}

static const char *mounts_of(const person_t *p, apr_int64_t target)
{
    const cloud_mount_query_t query = { .target = target };
    const char *text = "";
    cloud_err_t *err;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    err = cloud_share_mounts(tu.ctx, p->account, &query, note_mount, &text, tu.pool);
    cloud_tx_rollback(tu.ctx);
    OK(err);
    return text;
}

/* ---- what many grants are worth, by the rules as they are told ---- */

#define PEOPLE 4
#define NODES  5
#define GRANTS 30
#define MAY_DOWNLOAD 32u

/* Alice's work, doc, sub, a.txt and deep. */
static const char *const paths[NODES] = { "work", "work/doc", "work/doc/sub", "work/doc/a.txt",
                                          "work/doc/sub/deep" };
static const int above[NODES] = { -1, 0, 1, 1, 2 };
static const int is_file[NODES] = { 0, 0, 0, 1, 1 };

typedef struct {
    int giver, node, counts;
    unsigned to, bits;          /* to: a bit for each person */
} grant_t;

typedef struct {
    grant_t grants[GRANTS];
    unsigned has[PEOPLE][NODES]; /* what all that he was given comes to */
} worth_t;

/* Nobody gives what he has not, nor without the permission to share. */
static unsigned worth_of(const worth_t *w, const grant_t *g)
{
    unsigned has = g->giver == 0 ? 63 : w->has[g->giver][g->node];

    return g->counts && has & CLOUD_PERM_SHARE ? g->bits & has : 0;
}

static int add(unsigned *has, unsigned more)
{
    int changed = (*has | more) != *has;

    *has |= more;
    return changed;
}

static void find_worth(worth_t *w)
{
    int changed, i, p;

    memset(w->has, 0, sizeof w->has);
    do {
        changed = 0;
        for (i = 0; i < GRANTS; i++)
            for (p = 0; p < PEOPLE; p++)
                if (w->grants[i].to >> p & 1)
                    changed |= add(&w->has[p][w->grants[i].node], worth_of(w, &w->grants[i]));
        for (i = 1; i < NODES; i++)
            for (p = 0; p < PEOPLE; p++) changed |= add(&w->has[p][i], w->has[p][above[i]]);
    } while (changed);
}

/* As mounts_of() writes it. Nobody is given what is his, or what he gave himself. */
static const char *expected(const worth_t *w, int person, int node, apr_int64_t id)
{
    unsigned perms = 0;
    int i;

    for (i = 0; person && i < GRANTS; i++)
        if (w->grants[i].node == node && w->grants[i].giver != person
            && w->grants[i].to >> person & 1)
            perms |= worth_of(w, &w->grants[i]);
    if (is_file[node]) perms &= ~(CLOUD_PERM_CREATE | CLOUD_PERM_DELETE);
    if (!perms) return "";
    return apr_psprintf(tu.pool, "%" APR_INT64_T_FMT ":%u:%d;", id, perms & 31,
                        !(perms & MAY_DOWNLOAD));
}

/* Shares of everybody with everybody, also such as nobody could make. */
START_TEST(what_many_grants_are_worth)
{
    static const unsigned perms[] = { ALL, 17, 19, 15, 5, 1, 20, 4, 18 };
    const person_t *people[] = { &mu_alice, &mu_bob, &mu_carol, &mu_dave };
    apr_int64_t ids[NODES], n;
    unsigned rnd = (unsigned)_i * 7919 + 1, found = 0;
    worth_t w;

    mu_group("team", &mu_bob);
    mu_group("team", &mu_dave);
    n = tu_query_int("SELECT number FROM usergroup WHERE id = 'team'");
    for (int i = 0; i < NODES; i++) ids[i] = mu_id(&mu_alice, paths[i]);
    for (int i = 0; i < GRANTS; i++) {
        grant_t *g = &w.grants[i];
        unsigned r[6], given;
        int group, to;

        for (int k = 0; k < 6; k++) { /* xorshift */
            rnd ^= rnd << 13;
            rnd ^= rnd >> 17;
            rnd ^= rnd << 5;
            r[k] = rnd >> 8;
        }
        group = r[0] % 3 == 0;
        to = (int)(r[1] % PEOPLE);
        given = perms[r[4] % 9];
        g->giver = r[3] % 3 ? (int)(r[1] / 4 % PEOPLE) : 0;
        g->node = (int)(r[2] % NODES);
        g->counts = r[5] % 4 != 0;
        g->to = group ? 1u << 1 | 1u << 3 : 1u << to;
        g->bits = given | (r[4] / 9 % 2 || !(given & READ) ? 0 : MAY_DOWNLOAD);
        mu_sql("INSERT INTO share (type, recipient, node, owner, initiator, perms, flags, state,"
               " target, created) VALUES (%d, %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT
               ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %u, %u, %d, 'x', 0)",
               group, group ? n : people[to]->account->number, ids[g->node],
               mu_alice.account->number, people[g->giver]->account->number, given,
               r[4] / 9 % 2, !g->counts);
    }
    find_worth(&w);
    for (int i = 0; i < PEOPLE; i++) {
        const char *each = "";

        for (int k = 0; k < NODES; k++) { /* in order of id, as they were made */
            ck_assert_str_eq(mounts_of(people[i], ids[k]), expected(&w, i, k, ids[k]));
            each = apr_pstrcat(tu.pool, each, expected(&w, i, k, ids[k]), NULL);
        }
        found += *each != 0;
        ck_assert_str_eq(mounts_of(people[i], 0), each);
    }
    ck_assert_uint_ge(found, 1);
    mu_sql("DELETE FROM share");
}
END_TEST

/* Twenty who share one folder with each other, with different permissions: what one has of it costs a step or
 * two for each of their shares, not for each way that they lead to him. */
START_TEST(a_crowd_that_shares_with_itself)
{
    enum { CROWD = 20 };
    apr_int64_t numbers[CROWD + 1], folder = mu_id(&mu_alice, "work/doc");
    apr_uint64_t steps;

    tu_count_steps();
    mu_bob.ctx = tu_as(mu_bob.account);
    for (int i = 0; i < CROWD; i++)
        numbers[i] = mu_person(apr_psprintf(tu.pool, "c%d", i)).account->number;
    numbers[CROWD] = mu_bob.account->number;
    for (int i = -1; i < CROWD; i++)
        for (int k = 0; k <= CROWD; k++)
            if (i != k && (i >= 0 || k < CROWD))
                mu_sql("INSERT INTO share (type, recipient, node, owner, initiator, perms, flags,"
                       " state, target, created) VALUES (0, %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT
                       ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %d, 0, 0, 'doc', 0)",
                       numbers[k], folder, mu_alice.account->number,
                       i < 0 ? mu_alice.account->number : numbers[i],
                       17 + (i * 7 + k * 3 + 10) % 7 * 2);
    tu_steps();
    ck_assert(mu_exists(&mu_bob, "doc/a.txt"));
    steps = tu_steps();
    ck_assert_uint_gt(steps, 1000);
    ck_assert_msg(steps <= 400000, "%" APR_UINT64_T_FMT " steps for %d shares", steps,
                  CROWD * (CROWD + 1));
    mu_sql("DELETE FROM share");
}
END_TEST

START_TEST(no_download_is_handed_on)
{
    unsigned perms, flags;
    apr_int64_t first = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    apr_int64_t id = mu_reshare(&mu_bob, "doc", &mu_carol, ALL);

    mu_sql("UPDATE share SET flags = 1 WHERE id = %d", (int)first);
    ck_assert_ptr_null(mu_read(&mu_carol, "doc/a.txt"));
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    OK(cloud_share_granted(&perms, &flags, tu.ctx, id, tu.pool));
    cloud_tx_rollback(tu.ctx);
    ck_assert_uint_eq(perms, ALL);
    ck_assert_uint_eq(flags, CLOUD_MOUNT_NO_DOWNLOAD);
}
END_TEST

Suite *suite_mounts_grants(void)
{
    Suite *suite = suite_create("mounts_grants");
    TCase *tc = tcase_create("reshares");

    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
    tcase_add_test(tc, a_reshare_is_worth_what_its_giver_has);
    tcase_add_test(tc, a_reshare_by_a_member);
    tcase_add_test(tc, a_ring_of_reshares);
    tcase_add_loop_test(tc, what_many_grants_are_worth, 0, 20);
    tcase_add_test(tc, a_crowd_that_shares_with_itself);
    tcase_add_test(tc, no_download_is_handed_on);
    suite_add_tcase(suite, tc);
    return suite;
}
