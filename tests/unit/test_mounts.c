/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: what people see of each other's trees, under which names, and what they may do there. */
#include "mounts_util.h"

#include <string.h>

#define ALL  CLOUD_PERM_ALL
#define READ CLOUD_PERM_READ

/* Alice has a folder with something in it, and a file. */
static void setup(void)
{
    mu_setup();
    mu_mkcol(&mu_alice, "work");
    mu_mkcol(&mu_alice, "work/doc");
    mu_mkcol(&mu_alice, "work/doc/sub");
    mu_put(&mu_alice, "work/doc/a.txt", "of alice");
    mu_put(&mu_alice, "work/doc/sub/deep", "deeper");
    mu_put(&mu_alice, "file.txt", "a file");
}

/* ---- seeing ---- */

START_TEST(nothing_is_shared)
{
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert(!mu_exists(&mu_bob, "doc"));
    ck_assert_int_eq(mu_etag(&mu_alice, ""), mu_entry(&mu_alice, "")->node.etag);
}
END_TEST

START_TEST(a_folder_and_a_file)
{
    cloud_entry_t *e;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ | CLOUD_PERM_UPDATE);
    mu_put(&mu_bob, "eggs", "own");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;eggs;file.txt;");
    ck_assert_str_eq(mu_list(&mu_bob, "doc"), "a.txt;sub;");
    ck_assert_str_eq(mu_list(&mu_bob, "doc/sub"), "deep;");
    ck_assert_str_eq(mu_read(&mu_bob, "doc/sub/deep"), "deeper");
    ck_assert_str_eq(mu_read(&mu_bob, "file.txt"), "a file");
    e = mu_entry(&mu_bob, "doc/sub/deep");
    ck_assert_int_eq(e->owner->number, mu_alice.account->number);
    ck_assert_int_eq(e->tree, mu_alice.account->root);
    ck_assert_int_eq(e->node.id, mu_id(&mu_alice, "work/doc/sub/deep"));
    ck_assert_int_eq(e->chain_len, mu_entry(&mu_alice, "work/doc/sub/deep")->chain_len);
    ck_assert_int_eq(e->shared, 1);
    ck_assert_int_eq(e->mount_root, 0);
    ck_assert_int_eq(e->mount_len, 3);
    ck_assert_int_eq(mu_entry(&mu_bob, "doc")->mount_root, 1);
    /* Nobody else sees it, and the system sees what is the account's own. */
    ck_assert(!mu_exists(&mu_carol, "doc"));
    OK(cloud_resolve(&e, tu.ctx, mu_bob.account, "doc", tu.pool));
    ck_assert_int_eq(e->exists, 0);
}
END_TEST

START_TEST(letters)
{
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_share(&mu_alice, "work/doc", &mu_carol, READ);
    mu_share(&mu_alice, "file.txt", &mu_carol, ALL);
    ck_assert_str_eq(mu_letters(&mu_bob, "doc"), "SRDNVCK");
    ck_assert_str_eq(mu_letters(&mu_bob, "doc/sub"), "SRDNVCK");
    ck_assert_str_eq(mu_letters(&mu_bob, "doc/a.txt"), "SRDNVW");
    ck_assert_str_eq(mu_letters(&mu_bob, "file.txt"), "SDNV");
    ck_assert_str_eq(mu_letters(&mu_carol, "doc"), "SDNV");
    ck_assert_str_eq(mu_letters(&mu_carol, "doc/sub"), "S");
    ck_assert_str_eq(mu_letters(&mu_carol, "doc/a.txt"), "S");
    ck_assert_str_eq(mu_letters(&mu_carol, "file.txt"), "SRDNVW");
}
END_TEST

START_TEST(what_does_not_count)
{
    apr_int64_t id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    cloud_entry_t *e;

    mu_sql("UPDATE share SET state = 1 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
    mu_sql("UPDATE share SET state = 2 WHERE id = %d", (int)id);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    mu_sql("UPDATE share SET state = 0, expires = 1 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
    mu_sql("UPDATE share SET expires = 99999999999 WHERE id = %d", (int)id);
    ck_assert(mu_exists(&mu_bob, "doc"));
    /* What nothing can be read of is there, and what is in it is not. */
    mu_sql("UPDATE share SET perms = 4 WHERE id = %d", (int)id);
    ck_assert(mu_exists(&mu_bob, "doc"));
    FAILS(cloud_file_stat(&e, mu_bob.ctx, mu_bob.account, "doc/a.txt", tu.pool), NOT_FOUND);
    mu_sql("UPDATE share SET perms = 0 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
    /* A public link is nobody's mount. */
    mu_sql("UPDATE share SET perms = 31, type = 3 WHERE id = %d", (int)id);
    ck_assert(!mu_exists(&mu_bob, "doc"));
}
END_TEST

START_TEST(groups)
{
    apr_int64_t id;

    mu_group("team", &mu_bob);
    mu_group("team", &mu_carol);
    mu_group("team", &mu_alice);
    id = mu_share_group(&mu_alice, "work/doc", "team", READ);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "doc;");
    ck_assert_str_eq(mu_list(&mu_dave, ""), "");
    /* The owner has it once, although he is in the group. */
    ck_assert_str_eq(mu_list(&mu_alice, ""), "file.txt;work;");
    mu_sql("INSERT INTO share_member (share, account, state) VALUES (%d, %" APR_INT64_T_FMT ", 2)",
           (int)id, mu_bob.account->number);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "doc;");
    /* The group as a whole has to be asked first; Carol has said yes. */
    mu_sql("UPDATE share SET state = 1 WHERE id = %d", (int)id);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
    mu_sql("INSERT INTO share_member (share, account, state) VALUES (%d, %" APR_INT64_T_FMT ", 0)",
           (int)id, mu_carol.account->number);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "doc;");
    /* Who leaves the group loses it. */
    mu_sql("DELETE FROM membership WHERE account = %" APR_INT64_T_FMT, mu_carol.account->number);
    ck_assert(!mu_exists(&mu_carol, "doc/a.txt"));
}
END_TEST

START_TEST(grants_add_up)
{
    apr_int64_t id;

    mu_group("team", &mu_bob);
    mu_share_group(&mu_alice, "work/doc", "team", READ | CLOUD_PERM_UPDATE);
    id = mu_share(&mu_alice, "work/doc", &mu_bob, READ | CLOUD_PERM_CREATE);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
    ck_assert_uint_eq(mu_entry(&mu_bob, "doc/a.txt")->perms,
                      READ | CLOUD_PERM_UPDATE | CLOUD_PERM_CREATE);
    /* Content may be read where one of them lets it. */
    mu_sql("UPDATE share SET flags = 1 WHERE id = %d", (int)id);
    ck_assert_str_eq(mu_read(&mu_bob, "doc/a.txt"), "of alice");
    mu_sql("UPDATE share SET flags = 1");
    ck_assert_ptr_null(mu_read(&mu_bob, "doc/a.txt"));
    ck_assert_str_eq(mu_list(&mu_bob, "doc"), "a.txt;sub;");
    FAILS(mu_copy(&mu_bob, "doc/a.txt", "stolen"), DENIED);
    FAILS(mu_copy(&mu_bob, "doc", "stolen"), DENIED);
}
END_TEST

/* ---- reshares ---- */

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

/* ---- names and places ---- */

START_TEST(names_that_meet)
{
    mu_mkcol(&mu_carol, "doc");
    mu_mkcol(&mu_dave, "doc");
    mu_put(&mu_carol, "file.txt", "carol's");
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_carol, "doc", &mu_bob, ALL);
    mu_share(&mu_dave, "doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_share(&mu_carol, "file.txt", &mu_bob, READ);
    ck_assert_str_eq(mu_list(&mu_bob, ""),
                     "doc;file.txt;doc (2);doc (3);file (2).txt;");
    ck_assert_int_eq(mu_id(&mu_bob, "doc"), mu_id(&mu_alice, "work/doc"));
    ck_assert_int_eq(mu_id(&mu_bob, "doc (2)"), mu_id(&mu_carol, "doc"));
    ck_assert_int_eq(mu_id(&mu_bob, "doc (3)"), mu_id(&mu_dave, "doc"));
    ck_assert_str_eq(mu_read(&mu_bob, "file (2).txt"), "carol's");
    ck_assert(!mu_exists(&mu_bob, "doc (4)"));
    ck_assert(!mu_exists(&mu_bob, "doc (1)"));
    ck_assert(!mu_exists(&mu_bob, "file.txt (2)"));
    /* A node of the tree's own takes a name from any mount: found by scan, or made before the share. */
    mu_sql("UPDATE share SET state = 1");
    mu_mkcol(&mu_bob, "doc");
    mu_mkcol(&mu_bob, "doc (3)");
    mu_sql("UPDATE share SET state = 0");
    ck_assert_str_eq(mu_list(&mu_bob, ""),
                     "doc;doc (3);file.txt;doc (2);doc (4);doc (5);file (2).txt;");
    ck_assert_int_eq(mu_id(&mu_bob, "doc (2)"), mu_id(&mu_alice, "work/doc"));
    ck_assert_int_eq(mu_id(&mu_bob, "doc (5)"), mu_id(&mu_dave, "doc"));
}
END_TEST

/* Each of bob's items by its name: members, and what each name leads to. */
static void each_has_its_name(int n)
{
    const char *list = mu_list(&mu_bob, "");
    apr_hash_t *seen = apr_hash_make(tu.pool);
    char *rest = apr_pstrdup(tu.pool, list), *name, *last;

    for (; (name = apr_strtok(rest, ";", &last)); n--) {
        apr_int64_t *id = apr_palloc(tu.pool, sizeof *id);

        rest = NULL;
        *id = mu_id(&mu_bob, name);
        ck_assert_msg(!apr_hash_get(seen, id, sizeof *id), "%s leads to another one: %s", name, list);
        apr_hash_set(seen, id, sizeof *id, name);
    }
    ck_assert_int_eq(n, 0);
}

/* Where a file's name has no extension its number stands where a folder's does. */
START_TEST(files_and_folders_of_one_name)
{
    person_t *people[] = { &mu_alice, &mu_carol, &mu_dave };

    mu_group("team", &mu_bob);
    mu_put(&mu_bob, "b", "own");
    for (int i = 0; i < 6; i++) {
        const char *folder = apr_psprintf(tu.pool, "f%d", i), *path;

        mu_mkcol(people[i % 3], folder);
        path = apr_pstrcat(tu.pool, folder, "/b", NULL);
        if (i % 2) mu_put(people[i % 3], path, "b");
        else mu_mkcol(people[i % 3], path);
        mu_share_group(people[i % 3], path, "team", READ);
    }
    each_has_its_name(7);
}
END_TEST

/* Names that are different, and the same once they have lost their end to a number. */
START_TEST(long_names_that_meet)
{
    static const char *const ends[] = { "1", "2", "" };
    char stem[255];

    memset(stem, 'x', 254);
    stem[254] = '\0';
    mu_group("team", &mu_bob);
    for (int i = 0; i < 6; i++) {
        const char *folder = apr_psprintf(tu.pool, "f%d", i), *path;

        if (i >= 4) stem[239] = '\0'; /* what is left of the others */
        mu_mkcol(&mu_alice, folder);
        path = apr_pstrcat(tu.pool, folder, "/", stem, ends[i / 2], NULL);
        mu_mkcol(&mu_alice, path);
        mu_share_group(&mu_alice, path, "team", READ);
    }
    each_has_its_name(6);
}
END_TEST

/* What comes later takes nothing over, however old the folder is that it is about. */
START_TEST(who_came_first_keeps_the_name)
{
    apr_int64_t etag;

    mu_mkcol(&mu_carol, "Team");
    mu_put(&mu_carol, "Team/f", "carol's");
    mu_mkcol(&mu_dave, "Team");
    mu_mkcol(&mu_alice, "Team");
    mu_share(&mu_dave, "Team", &mu_bob, ALL);
    mu_group("crew", &mu_bob);
    mu_share_group(&mu_carol, "Team", "crew", ALL);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Team;Team (2);");
    ck_assert_int_eq(mu_id(&mu_bob, "Team"), mu_id(&mu_dave, "Team"));
    ck_assert_int_eq(mu_id(&mu_bob, "Team (2)"), mu_id(&mu_carol, "Team"));
    OK(mu_try_put(&mu_bob, "Team/secret", "x"));
    ck_assert(mu_exists(&mu_dave, "Team/secret"));
    /* Another grant for what is there does not push it back; with the first one gone it comes later. */
    mu_share_group(&mu_dave, "Team", "crew", ALL);
    ck_assert_int_eq(mu_id(&mu_bob, "Team"), mu_id(&mu_dave, "Team"));
    etag = mu_etag(&mu_bob, "");
    mu_sql("DELETE FROM share WHERE type = 0");
    ck_assert_int_eq(mu_id(&mu_bob, "Team"), mu_id(&mu_carol, "Team"));
    ck_assert_int_ne(mu_etag(&mu_bob, ""), etag);
    /* What was put there by its recipient comes before all that is there by itself. */
    mu_share(&mu_alice, "Team", &mu_bob, ALL);
    OK(mu_move(&mu_bob, "Team (3)", "mine"));
    mu_sql("UPDATE share_place SET name = 'Team'");
    ck_assert_int_eq(mu_id(&mu_bob, "Team"), mu_id(&mu_alice, "Team"));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Team;Team (2);Team (3);");
}
END_TEST

START_TEST(a_name_too_long_for_a_suffix)
{
    char name[252], *list;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    mu_mkcol(&mu_alice, name);
    mu_mkcol(&mu_carol, name);
    mu_share(&mu_alice, name, &mu_bob, READ);
    mu_share(&mu_carol, name, &mu_bob, READ);
    list = apr_pstrdup(tu.pool, mu_list(&mu_bob, ""));
    list = strchr(list, ';') + 1;
    *strchr(list, ';') = '\0';
    ck_assert_int_eq(mu_id(&mu_bob, list), mu_id(&mu_carol, name));
}
END_TEST

START_TEST(the_share_folder)
{
    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "/From others/new"));
    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "doc;");
    mu_mkcol(&mu_bob, "From others");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "From others;");
    mu_mkcol(&mu_bob, "From others/new");
    ck_assert_str_eq(mu_list(&mu_bob, "From others"), "new;");
    ck_assert_str_eq(mu_list(&mu_bob, "From others/new"), "doc;");
    ck_assert_str_eq(mu_list(&mu_bob, "From others/new/doc"), "a.txt;sub;");
    ck_assert(!mu_exists(&mu_bob, "doc"));
}
END_TEST

static void settle(person_t *p)
{
    OK(cloud_mounts_settle(p->ctx, p->account));
}

/* It is made for whom something is to be shown in it, and not before. */
START_TEST(the_share_folder_is_made)
{
    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "/From others/new"));
    settle(&mu_bob);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "");
    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    settle(&mu_bob);
    settle(&mu_bob);
    settle(&mu_carol);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "From others;");
    ck_assert_str_eq(mu_list(&mu_bob, "From others"), "new;");
    ck_assert_str_eq(mu_list(&mu_bob, "From others/new"), "doc;");
    ck_assert_str_eq(mu_list(&mu_carol, ""), "");
    /* What was put somewhere needs none. */
    mu_share(&mu_alice, "work/doc", &mu_carol, READ);
    OK(mu_move(&mu_carol, "doc", "mine"));
    settle(&mu_carol);
    ck_assert_str_eq(mu_list(&mu_carol, ""), "mine;");
}
END_TEST

/* A folder takes no room. */
START_TEST(the_share_folder_of_who_has_no_room)
{
    cloud_result_t res;

    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "/Others"));
    OK(cloud_account_set_quota(tu.ctx, "bob", 0));
    mu_bob.account->quota = 0;
    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    settle(&mu_bob);
    ck_assert_str_eq(mu_list(&mu_bob, "Others"), "doc;");
    FAILS(cloud_file_mkcol(&res, mu_bob.ctx, mu_bob.account, "mine", NULL, tu.pool), QUOTA);
}
END_TEST

START_TEST(a_file_in_the_way_of_the_share_folder)
{
    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "/Others/new"));
    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_put(&mu_bob, "Others", "a file");
    settle(&mu_bob);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Others;doc;");
    ck_assert_str_eq(mu_read(&mu_bob, "Others"), "a file");
    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "../x"));
    settle(&mu_bob);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Others;doc;");
}
END_TEST

/* Nobody loses what he was given together with a folder that he did not make. */
START_TEST(the_share_folder_is_kept)
{
    static const char *const kept[] = { "Others", "Others/new" };
    size_t i;

    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "/Others/new"));
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    settle(&mu_bob);
    mu_mkcol(&mu_bob, "Others/mine");
    mu_mkcol(&mu_bob, "Others/new/mine");
    mu_put(&mu_bob, "file", "text");
    for (i = 0; i < sizeof kept / sizeof *kept; i++) {
        FAILS(mu_remove(&mu_bob, kept[i]), DENIED);
        FAILS(mu_move(&mu_bob, "file", kept[i]), DENIED);
        FAILS(mu_copy(&mu_bob, "file", kept[i]), DENIED);
        ck_assert_str_eq(mu_letters(&mu_bob, kept[i]), "NVCK");
    }
    FAILS(mu_move(&mu_bob, "Others/new", "new"), DENIED);
    ck_assert_str_eq(mu_letters(&mu_bob, ""), "RDNVCK");
    ck_assert_str_eq(mu_letters(&mu_bob, "Others/mine"), "RDNVCK");
    ck_assert_str_eq(mu_letters(&mu_bob, "Others/new/mine"), "RDNVCK");
    OK(mu_remove(&mu_bob, "Others/mine"));
    OK(mu_remove(&mu_bob, "Others/new/doc"));
    OK(cloud_setting_set(tu.ctx, "system", "share_folder", NULL));
    OK(mu_remove(&mu_bob, "Others"));
}
END_TEST

START_TEST(the_share_folder_takes_along_what_is_in_it)
{
    const char *const names[] = { "Mine", "Mine/new" };

    OK(cloud_setting_set(tu.ctx, "system", "share_folder", "/Others/new"));
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    settle(&mu_bob);
    OK(mu_move(&mu_bob, "Others", names[0]));
    settle(&mu_bob);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Mine;");
    ck_assert_str_eq(mu_list(&mu_bob, names[1]), "doc;");
    /* What comes later has a folder of its own again, and the other one is like any. */
    mu_mkcol(&mu_alice, "later");
    mu_share(&mu_alice, "later", &mu_bob, ALL);
    settle(&mu_bob);
    ck_assert_str_eq(mu_list(&mu_bob, ""), "Mine;Others;");
    ck_assert_str_eq(mu_list(&mu_bob, "Others/new"), "later;");
    ck_assert_str_eq(mu_letters(&mu_bob, names[1]), "RDNVCK");
    OK(mu_remove(&mu_bob, "Mine"));
}
END_TEST

static void place(person_t *p, apr_int64_t node, apr_int64_t parent, const char *name)
{
    mu_sql("INSERT OR REPLACE INTO share_place (account, node, parent, name) VALUES (%"
           APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", '%s')",
           p->account->number, node, parent, name);
}

START_TEST(a_place_of_its_own)
{
    apr_int64_t doc = mu_id(&mu_alice, "work/doc");

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/sub");
    place(&mu_bob, doc, mu_id(&mu_bob, "mine/sub"), "theirs");
    ck_assert_str_eq(mu_list(&mu_bob, ""), "mine;");
    ck_assert_str_eq(mu_list(&mu_bob, "mine/sub"), "theirs;");
    ck_assert_str_eq(mu_read(&mu_bob, "mine/sub/theirs/a.txt"), "of alice");
    ck_assert(!mu_exists(&mu_bob, "doc"));
    /* It goes along with a folder that is moved, */
    OK(mu_move(&mu_bob, "mine/sub", "elsewhere"));
    ck_assert_str_eq(mu_read(&mu_bob, "elsewhere/theirs/a.txt"), "of alice");
    /* and sleeps while the folder is in the trash. */
    OK(mu_remove(&mu_bob, "elsewhere"));
    ck_assert_str_eq(mu_list(&mu_bob, ""), "mine;");
    ck_assert_int_eq(mu_etag(&mu_bob, ""), mu_entry(&mu_bob, "")->node.etag);
    ck_assert_str_eq(mu_read(&mu_alice, "work/doc/a.txt"), "of alice");
}
END_TEST

/* ---- doing ---- */

START_TEST(writing_in_a_mount)
{
    cloud_result_t res;
    cloud_entry_t *e;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ | CLOUD_PERM_UPDATE);
    mu_put(&mu_bob, "doc/new", "by bob");
    mu_put(&mu_bob, "doc/a.txt", "changed by bob");
    mu_put(&mu_bob, "file.txt", "also changed");
    mu_mkcol(&mu_bob, "doc/made");
    FAILS(cloud_file_mkcol(&res, mu_bob.ctx, mu_bob.account, "doc", NULL, tu.pool), EXISTS);
    FAILS(mu_try_put(&mu_bob, "doc", "over a folder"), CONFLICT);
    FAILS(mu_try_put(&mu_bob, "doc/nothing/x", "x"), CONFLICT);
    ck_assert_str_eq(mu_list(&mu_alice, "work/doc"), "a.txt;made;new;sub;");
    ck_assert_str_eq(mu_read(&mu_alice, "work/doc/a.txt"), "changed by bob");
    ck_assert_str_eq(mu_read(&mu_alice, "file.txt"), "also changed");
    e = mu_entry(&mu_alice, "");
    ck_assert_int_eq(e->node.size, 14 + 6 + 6 + 12);
    ck_assert_int_eq(mu_entry(&mu_bob, "")->node.size, 0);
    /* Nothing of it is in Bob's directory. */
    ck_assert(tu_exists("accounts/alice/files/work/doc/made"));
    ck_assert(!tu_exists("accounts/bob/files/doc"));
    OK(mu_remove(&mu_bob, "doc/new"));
    ck_assert(!mu_exists(&mu_alice, "work/doc/new"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM trash"), 1);
}
END_TEST

START_TEST(what_is_not_allowed)
{
    cloud_result_t res;

    mu_share(&mu_alice, "work/doc", &mu_bob, READ);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    FAILS(mu_try_put(&mu_bob, "doc/a.txt", "x"), DENIED);
    FAILS(mu_try_put(&mu_bob, "doc/new", "x"), DENIED);
    FAILS(mu_try_put(&mu_bob, "file.txt", "x"), DENIED);
    FAILS(cloud_file_mkcol(&res, mu_bob.ctx, mu_bob.account, "doc/d", NULL, tu.pool), DENIED);
    FAILS(mu_remove(&mu_bob, "doc/a.txt"), DENIED);
    ck_assert(!tu_exists("accounts/alice/trash"));
    FAILS(mu_move(&mu_bob, "doc/a.txt", "doc/b.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "doc/a.txt", "mine.txt"), DENIED);
    FAILS(mu_copy(&mu_bob, "doc/a.txt", "doc/b.txt"), DENIED);
    OK(mu_copy(&mu_bob, "doc/a.txt", "mine.txt"));
    ck_assert_str_eq(mu_read(&mu_bob, "mine.txt"), "of alice");
    FAILS(mu_copy(&mu_bob, "mine.txt", "file.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "mine.txt", "file.txt"), DENIED);
    FAILS(mu_move(&mu_bob, "mine.txt", "doc/x"), DENIED);
}
END_TEST

START_TEST(a_write_ends_with_the_permission)
{
    cloud_put_opts_t opts = { .length = 4 };
    cloud_result_t res;
    cloud_put_t *put;
    apr_int64_t id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);

    OK(cloud_put_begin(&put, mu_bob.ctx, mu_bob.account, "doc/new", &opts, tu.pool));
    OK(cloud_put_write(put, "late", 4));
    mu_sql("UPDATE share SET perms = 1 WHERE id = %d", (int)id);
    FAILS(cloud_put_commit(&res, put), DENIED);
    OK(cloud_put_begin(&put, mu_bob.ctx, mu_bob.account, "own", &opts, tu.pool));
    ck_assert(!mu_exists(&mu_alice, "work/doc/new"));
}
END_TEST

/* ---- ETags ---- */

START_TEST(etags_of_folders)
{
    apr_int64_t root = mu_etag(&mu_bob, ""), id, doc, before;

    id = mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    root = mu_etag(&mu_bob, "");
    doc = mu_etag(&mu_bob, "doc");
    ck_assert_int_ne(doc, mu_etag(&mu_alice, "work/doc"));
    ck_assert_int_eq(mu_etag(&mu_bob, "doc/a.txt"), mu_etag(&mu_alice, "work/doc/a.txt"));
    ck_assert_int_eq(mu_etag(&mu_bob, ""), root);
    /* A change of the other side is seen up to the root. */
    mu_put(&mu_alice, "work/doc/sub/deep", "other");
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    ck_assert_int_ne(mu_etag(&mu_bob, "doc"), doc);
    root = mu_etag(&mu_bob, "");
    doc = mu_etag(&mu_bob, "doc");
    /* So is one of the permissions, which no row of the tree notes. */
    before = mu_etag(&mu_alice, "");
    mu_sql("UPDATE share SET perms = 1 WHERE id = %d", (int)id);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
    ck_assert_int_ne(mu_etag(&mu_bob, "doc"), doc);
    ck_assert_int_eq(mu_etag(&mu_alice, ""), before);
    ck_assert_int_lt(mu_etag(&mu_bob, "doc"), APR_INT64_C(1) << 59);
    root = mu_etag(&mu_bob, "");
    /* And a place. */
    mu_mkcol(&mu_bob, "mine");
    before = mu_etag(&mu_bob, "mine");
    place(&mu_bob, mu_id(&mu_alice, "work/doc"), mu_id(&mu_bob, "mine"), "doc");
    ck_assert_int_ne(mu_etag(&mu_bob, "mine"), before);
    ck_assert_int_ne(mu_etag(&mu_bob, ""), root);
}
END_TEST

static cloud_err_t *take_etag(void *baton, const cloud_child_t *child)
{
    apr_hash_t *etags = baton;
    apr_int64_t *etag = apr_pmemdup(tu.pool, &child->etag, sizeof child->etag);

    apr_hash_set(etags, apr_pstrdup(tu.pool, child->name), APR_HASH_KEY_STRING, etag);
    return NULL;
}

START_TEST(a_listing_has_the_same_etags)
{
    static const char *const names[] = { "doc", "mine", "other" };
    apr_hash_t *etags = apr_hash_make(tu.pool);
    cloud_entry_t *root;
    unsigned i;

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_alice, "file.txt", &mu_bob, READ);
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/sub");
    mu_mkcol(&mu_bob, "other");
    place(&mu_bob, mu_id(&mu_alice, "file.txt"), mu_id(&mu_bob, "mine/sub"), "f");
    OK(cloud_file_stat(&root, mu_bob.ctx, mu_bob.account, "", tu.pool));
    OK(cloud_file_list(mu_bob.ctx, root, take_etag, etags));
    ck_assert_uint_eq(apr_hash_count(etags), 3);
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(*(apr_int64_t *)apr_hash_get(etags, names[i], APR_HASH_KEY_STRING),
                         mu_etag(&mu_bob, names[i]));
    ck_assert_int_ne(mu_etag(&mu_bob, "mine"), mu_entry(&mu_bob, "mine")->node.etag);
    ck_assert_int_eq(mu_etag(&mu_bob, "other"), mu_entry(&mu_bob, "other")->node.etag);
}
END_TEST

/* ---- by id ---- */

static const char *path_of(person_t *p, apr_int64_t id)
{
    cloud_entry_t *e;

    OK(cloud_resolve_id(&e, p->ctx, p->account, id, tu.pool));
    ck_assert_int_eq(e->node.id, id);
    return e->path;
}

START_TEST(by_id)
{
    apr_int64_t deep = mu_id(&mu_alice, "work/doc/sub/deep");
    cloud_entry_t *e;

    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, deep, tu.pool), NOT_FOUND);
    mu_mkcol(&mu_carol, "doc");
    mu_mkcol(&mu_bob, "mine");
    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_share(&mu_carol, "doc", &mu_bob, ALL);
    ck_assert_str_eq(path_of(&mu_bob, deep), "doc/sub/deep");
    ck_assert_str_eq(path_of(&mu_bob, mu_id(&mu_carol, "doc")), "doc (2)");
    ck_assert_str_eq(path_of(&mu_bob, mu_id(&mu_bob, "mine")), "mine");
    ck_assert_str_eq(path_of(&mu_alice, deep), "work/doc/sub/deep");
    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, mu_id(&mu_alice, "work"), tu.pool),
          NOT_FOUND);
    place(&mu_bob, mu_id(&mu_alice, "work/doc"), mu_id(&mu_bob, "mine"), "theirs");
    ck_assert_str_eq(path_of(&mu_bob, deep), "mine/theirs/sub/deep");
    /* The nearest of several. */
    mu_share(&mu_alice, "work/doc/sub", &mu_bob, READ);
    ck_assert_str_eq(path_of(&mu_bob, deep), "sub/deep");
    mu_remove(&mu_bob, "mine");
    ck_assert_str_eq(path_of(&mu_bob, mu_id(&mu_alice, "work/doc/sub")), "sub");
    FAILS(cloud_resolve_id(&e, mu_bob.ctx, mu_bob.account, mu_id(&mu_alice, "work/doc/a.txt"),
                           tu.pool),
          NOT_FOUND);
}
END_TEST

Suite *suite_mounts(void)
{
    Suite *suite = suite_create("mounts");
    TCase *tc = tcase_create("seeing");

    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, nothing_is_shared);
    tcase_add_test(tc, a_folder_and_a_file);
    tcase_add_test(tc, letters);
    tcase_add_test(tc, what_does_not_count);
    tcase_add_test(tc, groups);
    tcase_add_test(tc, grants_add_up);
    suite_add_tcase(suite, tc);

    tc = tcase_create("reshares");
    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, a_reshare_is_worth_what_its_giver_has);
    tcase_add_test(tc, a_reshare_by_a_member);
    tcase_add_test(tc, a_ring_of_reshares);
    tcase_add_loop_test(tc, what_many_grants_are_worth, 0, 20);
    tcase_add_test(tc, a_crowd_that_shares_with_itself);
    tcase_add_test(tc, no_download_is_handed_on);
    suite_add_tcase(suite, tc);

    tc = tcase_create("names");
    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, names_that_meet);
    tcase_add_test(tc, files_and_folders_of_one_name);
    tcase_add_test(tc, long_names_that_meet);
    tcase_add_test(tc, who_came_first_keeps_the_name);
    tcase_add_test(tc, a_name_too_long_for_a_suffix);
    tcase_add_test(tc, the_share_folder);
    tcase_add_test(tc, the_share_folder_is_made);
    tcase_add_test(tc, the_share_folder_of_who_has_no_room);
    tcase_add_test(tc, a_file_in_the_way_of_the_share_folder);
    tcase_add_test(tc, the_share_folder_is_kept);
    tcase_add_test(tc, the_share_folder_takes_along_what_is_in_it);
    tcase_add_test(tc, a_place_of_its_own);
    suite_add_tcase(suite, tc);

    tc = tcase_create("doing");
    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, writing_in_a_mount);
    tcase_add_test(tc, what_is_not_allowed);
    tcase_add_test(tc, a_write_ends_with_the_permission);
    suite_add_tcase(suite, tc);

    tc = tcase_create("etags");
    tcase_add_checked_fixture(tc, setup, mu_teardown);
    tcase_add_test(tc, etags_of_folders);
    tcase_add_test(tc, a_listing_has_the_same_etags);
    tcase_add_test(tc, by_id);
    suite_add_tcase(suite, tc);
    return suite;
}
