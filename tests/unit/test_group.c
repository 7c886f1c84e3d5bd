/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Groups, who may manage whom, preferences. */
#include "testutil.h"

#include <string.h>

#include "group.h"
#include "hooks.h"
#include "internal.h"
#include "pref.h"
#include "settings.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* The people of these tests: root is an administrator, sub a subadmin of staff, in which alice is. */
static struct {
    cloud_account_t *root, *sub, *alice, *bob, *boss;
} who;

static void people(void)
{
    cloud_group_t *g;

    tu_store();
    OK(cloud_setting_set(tu.ctx, "system", "allow_subadmins", "true"));
    who.root = tu_account("root");
    who.sub = tu_account("sub");
    who.alice = tu_account("alice");
    who.bob = tu_account("bob");
    who.boss = tu_account("boss");
    OK(cloud_group_add(tu.ctx, "admin", "root", NULL));
    OK(cloud_group_create(&g, tu.ctx, "staff", NULL, NULL, tu.pool));
    OK(cloud_group_create(&g, tu.ctx, "others", NULL, NULL, tu.pool));
    OK(cloud_group_add(tu.ctx, "staff", "alice", NULL));
    OK(cloud_group_add(tu.ctx, "staff", "boss", NULL));
    OK(cloud_group_add(tu.ctx, "admin", "boss", NULL));
    OK(cloud_group_add(tu.ctx, "others", "bob", NULL));
    OK(cloud_subadmin_add(tu.ctx, "staff", "sub"));
}

static const char *join(const apr_array_header_t *ids)
{
    return apr_array_pstrcat(tu.pool, ids, ',');
}

static const char *members(const char *group)
{
    apr_array_header_t *ids;

    OK(cloud_group_members(&ids, tu.ctx, group, NULL, tu.pool));
    return join(ids);
}

static const char *groups_of(cloud_ctx_t *ctx, const char *account)
{
    apr_array_header_t *groups, *ids = apr_array_make(tu.pool, 4, sizeof(const char *));

    OK(cloud_group_of(&groups, ctx, account, tu.pool));
    for (int i = 0; i < groups->nelts; i++)
        APR_ARRAY_PUSH(ids, const char *) = APR_ARRAY_IDX(groups, i, cloud_group_t).id;
    return join(ids);
}

/* ---- groups ---- */

START_TEST(test_ids)
{
    const char *const good[] = { "a", "A", "0", "007", "a b", "a/b", "//", "%2F", "a%b", "50%25",
                                 "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x98\x80", "...", "a\\b", "<&\">",
                                 "'; DROP TABLE usergroup" };
    const char *const bad[] = { "", " ", " a", "a ", ".", "..", "a\nb", "\xff", "a\x01" };
    char longest[257];
    cloud_group_t *g, *h;

    for (int i = 0; i < COUNT(good); i++) {
        OK(cloud_group_create(&g, tu.ctx, good[i], NULL, NULL, tu.pool));
        OK(cloud_group_get(&h, tu.ctx, good[i], tu.pool));
        ck_assert_str_eq(h->id, good[i]);
        ck_assert_str_eq(h->display_name, good[i]);
        ck_assert_str_eq(h->source, "database");
        ck_assert_int_eq(h->number, g->number);
        ck_assert_int_gt(g->number, CLOUD_GROUP_ADMIN);
        FAILS(cloud_group_create(&g, tu.ctx, good[i], NULL, NULL, tu.pool), EXISTS);
    }
    for (int i = 0; i < COUNT(bad); i++)
        FAILS(cloud_group_create(&g, tu.ctx, bad[i], NULL, NULL, tu.pool), INVALID);
    memset(longest, 'x', sizeof longest);
    longest[256] = '\0';
    FAILS(cloud_group_create(&g, tu.ctx, longest, NULL, NULL, tu.pool), INVALID);
    longest[255] = '\0';
    OK(cloud_group_create(&g, tu.ctx, longest, NULL, NULL, tu.pool));
    FAILS(cloud_group_get(&g, tu.ctx, "no such", tu.pool), NOT_FOUND);
    FAILS(cloud_group_get(&g, tu.ctx, "\xff", tu.pool), NOT_FOUND);
    /* One id in whatever normal form. */
    OK(cloud_group_get(&g, tu.ctx, "e\xcc\x81te\xcc\x81", tu.pool));
    ck_assert_str_eq(g->id, "\xc3\xa9t\xc3\xa9");
}
END_TEST

START_TEST(test_create_delete)
{
    cloud_group_t *g, *again;

    OK(cloud_group_get(&g, tu.ctx, "admin", tu.pool));
    ck_assert_int_eq(g->number, CLOUD_GROUP_ADMIN);
    FAILS(cloud_group_delete(tu.ctx, "admin"), DENIED);
    FAILS(cloud_group_delete(tu.ctx, "none"), NOT_FOUND);
    OK(cloud_group_set_display_name(tu.ctx, "staff", "The staff"));
    OK(cloud_group_get(&g, tu.ctx, "staff", tu.pool));
    ck_assert_str_eq(g->display_name, "The staff");
    OK(cloud_group_delete(tu.ctx, "staff"));
    FAILS(cloud_group_get(&again, tu.ctx, "staff", tu.pool), NOT_FOUND);
    OK(cloud_group_create(&again, tu.ctx, "staff", "Staff", "ldap", tu.pool));
    ck_assert_int_ne(again->number, g->number);
    OK(cloud_group_get(&g, tu.ctx, "staff", tu.pool));
    ck_assert_str_eq(g->source, "ldap");
    ck_assert_str_eq(members("staff"), "");
    ck_assert_str_eq(groups_of(tu.ctx, "alice"), "");
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM subadmin"), 0);
}
END_TEST

START_TEST(test_membership)
{
    int yes;

    ck_assert_str_eq(members("staff"), "alice,boss");
    OK(cloud_group_add(tu.ctx, "staff", "ALICE", NULL)); /* is so already */
    OK(cloud_group_add(tu.ctx, "staff", "bob", "ldap"));
    ck_assert_str_eq(members("staff"), "alice,bob,boss");
    ck_assert_str_eq(groups_of(tu.ctx, "bob"), "others,staff");
    ck_assert_str_eq(groups_of(tu_as(who.bob), "bob"), "others,staff");
    OK(cloud_group_remove(tu.ctx, "staff", "bob"));
    OK(cloud_group_remove(tu.ctx, "staff", "bob"));
    ck_assert_str_eq(groups_of(tu.ctx, "bob"), "others");
    FAILS(cloud_group_add(tu.ctx, "staff", "nobody", NULL), NOT_FOUND);
    FAILS(cloud_group_add(tu.ctx, "STAFF", "bob", NULL), NOT_FOUND);
    FAILS(cloud_group_remove(tu.ctx, "none", "bob"), NOT_FOUND);
    OK(cloud_is_admin(&yes, tu.ctx, who.root));
    ck_assert_int_eq(yes, 1);
    OK(cloud_is_admin(&yes, tu.ctx, who.alice));
    ck_assert_int_eq(yes, 0);
}
END_TEST

/* ---- lists ---- */

START_TEST(test_search)
{
    static const struct {
        cloud_search_t search;
        const char *want;
    } lists[] = {
        { { NULL, 0, 0 }, "alice,bob,boss,root,sub" },
        { { "", 0, 2 }, "alice,bob" },
        { { NULL, 2, 2 }, "boss,root" },
        { { NULL, 9, 0 }, "" },
        { { "B", 0, 0 }, "bob,boss,sub" },
        { { "b", 1, 1 }, "boss" },
        { { "example.org", 0, 0 }, "bob" },
        { { "wonder", 0, 0 }, "alice" },
        { { "nothing", 0, 0 }, "" },
        { { "%", 0, 0 }, "" },
    };
    apr_array_header_t *ids;

    OK(cloud_account_set_display_name(tu.ctx, "alice", "Alice Wonder"));
    OK(cloud_account_set_email(tu.ctx, "bob", "x@example.org"));
    for (int i = 0; i < COUNT(lists); i++) {
        OK(cloud_account_search(&ids, tu_as(who.root), &lists[i].search, tu.pool));
        ck_assert_str_eq(join(ids), lists[i].want);
    }
    OK(cloud_account_search(&ids, tu_as(who.root), NULL, tu.pool));
    ck_assert_str_eq(join(ids), lists[0].want);
    OK(cloud_account_search(&ids, tu_as(who.sub), &lists[0].search, tu.pool));
    ck_assert_str_eq(join(ids), "alice,boss");
    FAILS(cloud_account_search(&ids, tu_as(who.alice), &lists[0].search, tu.pool), DENIED);
    FAILS(cloud_account_search(&ids, tu_as(NULL), &lists[0].search, tu.pool), DENIED);

    OK(cloud_group_search(&ids, tu_as(who.root), &lists[0].search, tu.pool));
    ck_assert_str_eq(join(ids), "admin,others,staff");
    OK(cloud_group_search(&ids, tu_as(who.root), NULL, tu.pool));
    ck_assert_str_eq(join(ids), "admin,others,staff");
    OK(cloud_group_members(&ids, tu_as(who.sub), "staff", &(cloud_search_t){ "b", 0, 0 }, tu.pool));
    ck_assert_str_eq(join(ids), "boss");
    OK(cloud_group_search(&ids, tu_as(who.sub), &(cloud_search_t){ "ST", 0, 0 }, tu.pool));
    ck_assert_str_eq(join(ids), "staff");
    OK(cloud_group_search(&ids, tu.ctx, &(cloud_search_t){ NULL, 1, 1 }, tu.pool));
    ck_assert_str_eq(join(ids), "others");
    FAILS(cloud_group_search(&ids, tu_as(who.alice), &lists[0].search, tu.pool), DENIED);
}
END_TEST

/* More than one page, and the end exactly at the end of a page. */
START_TEST(test_pages)
{
    apr_array_header_t *ids;

    for (int i = 0; i < 395; i++) tu_account(apr_psprintf(tu.pool, "p%03d", i));
    OK(cloud_account_search(&ids, tu.ctx, &(cloud_search_t){ NULL, 0, 0 }, tu.pool));
    ck_assert_int_eq(ids->nelts, 400);
    OK(cloud_account_search(&ids, tu.ctx, &(cloud_search_t){ "p", 200, 3 }, tu.pool));
    ck_assert_str_eq(join(ids), "p200,p201,p202");
}
END_TEST

/* ---- rights ---- */

typedef enum { SYSTEM, ROOT, SUB, ALICE, BOB, BOSS, NOBODY } person_t;
static const char *const NAMES[] = { "system", "root", "sub", "alice", "bob", "boss", "nobody" };

static cloud_ctx_t *as(person_t p)
{
    switch (p) {
    case SYSTEM: return tu.ctx;
    case ROOT: return tu_as(who.root);
    case SUB: return tu_as(who.sub);
    case ALICE: return tu_as(who.alice);
    case BOB: return tu_as(who.bob);
    case BOSS: return tu_as(who.boss);
    default: return tu_as(NULL);
    }
}

static cloud_err_t *set_name(cloud_ctx_t *ctx, const char *id)
{
    return cloud_account_set_display_name(ctx, id, "New Name");
}

static cloud_err_t *set_mail(cloud_ctx_t *ctx, const char *id)
{
    return cloud_account_set_email(ctx, id, "new@example.org");
}

static cloud_err_t *set_password(cloud_ctx_t *ctx, const char *id)
{
    return cloud_account_set_password(ctx, id, "new");
}

static cloud_err_t *set_quota(cloud_ctx_t *ctx, const char *id)
{
    return cloud_account_set_quota(ctx, id, 1000);
}

static cloud_err_t *disable(cloud_ctx_t *ctx, const char *id)
{
    return cloud_account_set_enabled(ctx, id, 0);
}

static cloud_err_t *app_passwords(cloud_ctx_t *ctx, const char *id)
{
    apr_array_header_t *list;

    return cloud_apppass_list(&list, ctx, id, tu.pool);
}

static cloud_err_t *see_groups(cloud_ctx_t *ctx, const char *id)
{
    apr_array_header_t *list;

    return cloud_group_of(&list, ctx, id, tu.pool);
}

static cloud_err_t *see_subadmins(cloud_ctx_t *ctx, const char *id)
{
    apr_array_header_t *list;

    return cloud_subadmin_groups(&list, ctx, id, tu.pool);
}

static cloud_err_t *into_staff(cloud_ctx_t *ctx, const char *id)
{
    return cloud_group_add(ctx, "staff", id, NULL);
}

static cloud_err_t *into_others(cloud_ctx_t *ctx, const char *id)
{
    return cloud_group_add(ctx, "others", id, NULL);
}

static cloud_err_t *into_admin(cloud_ctx_t *ctx, const char *id)
{
    return cloud_group_add(ctx, "admin", id, NULL);
}

static cloud_err_t *out_of_staff(cloud_ctx_t *ctx, const char *id)
{
    return cloud_group_remove(ctx, "staff", id);
}

static cloud_err_t *make_subadmin(cloud_ctx_t *ctx, const char *id)
{
    return cloud_subadmin_add(ctx, "others", id);
}

static cloud_err_t *delete(cloud_ctx_t *ctx, const char *id)
{
    return cloud_account_delete(ctx, id);
}

/* For each verb, who may do it to whom: one letter for the system and root, sub, alice, bob, boss,
 * nobody. Y: may; '-': DENIED; 0: NOT_FOUND. */
START_TEST(test_rights)
{
    static const struct {
        const char *name;
        cloud_err_t *(*verb)(cloud_ctx_t *, const char *);
        const char *alice, *boss, *none;
    } rights[] = {
        { "name", set_name, "YYYY-Y-", "YY---Y-", "00---0-" },
        { "mail", set_mail, "YYYY-Y-", "YY---Y-", "00---0-" },
        { "password", set_password, "YYYY-Y-", "YY---Y-", "00---0-" },
        { "quota", set_quota, "YYY--Y-", "YY---Y-", "00---0-" },
        { "app passwords", app_passwords, "Y--Y---", "Y----Y-", "00---0-" },
        { "see groups", see_groups, "YYYY-Y-", "YY---Y-", "00---0-" },
        { "see subadmins", see_subadmins, "YYYY-Y-", "YY---Y-", "00---0-" },
        { "into staff", into_staff, "YYY--Y-", "YY---Y-", "00---0-" },
        { "into others", into_others, "YY---Y-", "YY---Y-", "00---0-" },
        { "out of staff", out_of_staff, "YYY--Y-", NULL, NULL },
        { "subadmin", make_subadmin, "YY---Y-", "YY---Y-", "00---0-" },
        { "disable", disable, "YYY--Y-", "YY-----", "00---0-" },
    };
    cloud_group_t *g;

    for (int i = 0; i < COUNT(rights); i++) {
        const char *const ids[] = { "alice", "boss", "none" };
        const char *const want[] = { rights[i].alice, rights[i].boss, rights[i].none };

        for (int j = 0; j < 3; j++) {
            for (int p = SYSTEM; want[j] && p <= NOBODY; p++) {
                cloud_err_t *err = rights[i].verb(as((person_t)p), ids[j]);
                char got = !err ? 'Y'
                           : err->code == CLOUD_E_NOT_FOUND ? '0'
                           : err->code == CLOUD_E_DENIED    ? '-'
                                                            : '?';

                ck_assert_msg(got == want[j][p], "%s of %s by %s: %c instead of %c (%s)",
                              rights[i].name, ids[j], NAMES[p], got, want[j][p],
                              err ? err->msg : "");
                if (rights[i].verb == out_of_staff) OK(into_staff(tu.ctx, ids[j]));
            }
        }
    }
    FAILS(into_admin(as(SUB), "alice"), DENIED);
    FAILS(into_admin(as(ALICE), "alice"), DENIED);
    FAILS(delete(as(SUB), "bob"), DENIED);
    FAILS(delete(as(ALICE), "alice"), DENIED);
    FAILS(delete(as(ROOT), "root"), DENIED);
    OK(delete(as(SUB), "alice"));
    OK(delete(as(ROOT), "bob"));
    /* Groups. */
    FAILS(cloud_group_create(&g, as(ALICE), "mine", NULL, NULL, tu.pool), DENIED);
    FAILS(cloud_group_create(&g, as(NOBODY), "mine", NULL, NULL, tu.pool), DENIED);
    FAILS(cloud_group_delete(as(SUB), "staff"), DENIED);
    FAILS(cloud_group_set_display_name(as(SUB), "staff", "x"), DENIED);
    FAILS(cloud_subadmin_add(as(SUB), "staff", "boss"), DENIED);
    FAILS(cloud_subadmin_add(as(ROOT), "admin", "sub"), DENIED);
    FAILS(cloud_group_create(&g, as(SUB), "mine", NULL, NULL, tu.pool), DENIED);
    OK(cloud_group_create(&g, as(ROOT), "mine", NULL, NULL, tu.pool));
    OK(cloud_group_delete(as(ROOT), "others"));
}
END_TEST

START_TEST(test_oneself)
{
    cloud_role_t role;

    FAILS(cloud_group_remove(as(ROOT), "admin", "root"), DENIED);
    OK(cloud_group_remove(as(BOSS), "admin", "root"));
    OK(cloud_role(&role, as(ROOT)));
    ck_assert_int_eq(role, CLOUD_ROLE_USER); /* at once */
    OK(into_staff(tu.ctx, "sub"));
    FAILS(out_of_staff(as(SUB), "sub"), DENIED);
    OK(out_of_staff(as(BOSS), "boss"));
}
END_TEST

/* A subadmin is one only as long as the setting says so. */
START_TEST(test_subadmins_off)
{
    apr_array_header_t *ids;
    cloud_role_t role;

    OK(cloud_role(&role, as(SUB)));
    ck_assert_int_eq(role, CLOUD_ROLE_SUBADMIN);
    OK(cloud_subadmin_groups(&ids, as(SUB), "sub", tu.pool));
    ck_assert_str_eq(join(ids), "staff");
    OK(cloud_subadmin_of(&ids, as(ROOT), "staff", tu.pool));
    ck_assert_str_eq(join(ids), "sub");
    FAILS(cloud_subadmin_of(&ids, as(SUB), "staff", tu.pool), DENIED);
    FAILS(cloud_subadmin_remove(tu.ctx, "staff", "alice"), NOT_FOUND);
    OK(cloud_setting_set(tu.ctx, "system", "allow_subadmins", NULL));
    OK(cloud_role(&role, as(SUB)));
    ck_assert_int_eq(role, CLOUD_ROLE_USER);
    FAILS(set_name(as(SUB), "alice"), DENIED);
    FAILS(into_staff(as(SUB), "bob"), DENIED);
    FAILS(cloud_subadmin_add(as(ROOT), "staff", "bob"), DENIED);
    OK(cloud_subadmin_groups(&ids, as(SUB), "sub", tu.pool));
    ck_assert_str_eq(join(ids), "");
    OK(cloud_subadmin_remove(as(ROOT), "staff", "sub"));
}
END_TEST

START_TEST(test_add_account)
{
    const char *const staff[] = { "staff", NULL }, *const two[] = { "staff", "others", NULL };
    const char *const none[] = { "none", NULL }, *const empty[] = { NULL };
    cloud_account_t *a;

    FAILS(cloud_account_add(&a, as(ALICE), "x", &(cloud_account_new_t){ .password = "x" },
                            tu.pool), DENIED);
    FAILS(cloud_account_add(&a, as(SUB), "x", &(cloud_account_new_t){ .password = "x" }, tu.pool),
          DENIED);
    FAILS(cloud_account_add(&a, as(SUB), "x", &(cloud_account_new_t){ .groups = empty }, tu.pool),
          DENIED);
    FAILS(cloud_account_add(&a, as(SUB), "x", &(cloud_account_new_t){ .groups = two }, tu.pool),
          DENIED);
    FAILS(cloud_account_add(&a, as(ROOT), "x", &(cloud_account_new_t){ .groups = none }, tu.pool),
          NOT_FOUND);
    FAILS(cloud_account_get(&a, tu.ctx, "x", tu.pool), NOT_FOUND);
    OK(cloud_account_add(&a, as(SUB), "x", &(cloud_account_new_t){ .groups = staff }, tu.pool));
    OK(cloud_account_add(&a, as(ROOT), "y",
                         &(cloud_account_new_t){ .groups = two, .source = "ldap" }, tu.pool));
    ck_assert_str_eq(groups_of(tu.ctx, "y"), "others,staff");
    OK(cloud_account_get(&a, tu.ctx, "y", tu.pool));
    ck_assert_str_eq(a->source, "ldap");
    OK(cloud_account_get(&a, tu.ctx, "x", tu.pool));
    ck_assert_str_eq(a->source, "database");
}
END_TEST

/* ---- deleting ---- */

/* Who gets the name next inherits nothing. */
START_TEST(test_name_used_again)
{
    const char *value;

    OK(cloud_pref_set(tu.ctx, who.boss, "core", "lang", "de"));
    OK(cloud_private_set(as(BOSS), "app", "key", "mine"));
    OK(cloud_subadmin_add(tu.ctx, "others", "boss"));
    OK(cloud_account_delete(tu.ctx, "boss"));
    /* Whoever is still at work with the old account leaves nothing behind. */
    OK(cloud_pref_set(as(BOSS), who.boss, "core", "lang", "fr"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM pref"), 0);
    FAILS(cloud_group_add(tu.ctx, "staff", "boss", NULL), NOT_FOUND);
    who.boss = tu_account("boss");
    ck_assert_str_eq(groups_of(tu.ctx, "boss"), "");
    ck_assert_str_eq(members("staff"), "alice");
    OK(cloud_pref_get(&value, tu.ctx, who.boss, "core", "lang", tu.pool));
    ck_assert_ptr_null(value);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM subadmin"), 1);
    FAILS(set_name(as(BOSS), "alice"), DENIED);
}
END_TEST

static apr_int64_t deleted_group, seen_members;

static cloud_err_t *note_deleted(cloud_ctx_t *ctx, const cloud_group_t *g)
{
    int yes;

    deleted_group = g->number;
    CLOUD_ERR(cloud_group_has(&yes, ctx, g->number, who.alice->number));
    seen_members = yes;
    return cloud_err(ctx->pool, CLOUD_E_LOCKED, NULL);
}

START_TEST(test_hook)
{
    static const cloud_feature_t feature = { .name = "test groups", .group_deleted = note_deleted };
    cloud_group_t *g;

    OK(cloud_group_get(&g, tu.ctx, "staff", tu.pool));
    cloud_feature_register(&feature);
    FAILS(cloud_group_delete(tu.ctx, "staff"), LOCKED);
    cloud_feature_unregister(&feature);
    ck_assert_int_eq(deleted_group, g->number);
    ck_assert_int_eq(seen_members, 1);
    ck_assert_str_eq(members("staff"), "alice,boss"); /* nothing was done */
}
END_TEST

/* ---- preferences ---- */

START_TEST(test_prefs)
{
    const char *value;
    char *big = apr_palloc(tu.pool, CLOUD_PREF_VALUE_MAX + 2);

    OK(cloud_pref_get(&value, tu.ctx, who.alice, "core", "lang", tu.pool));
    ck_assert_ptr_null(value);
    OK(cloud_pref_set(as(ALICE), who.alice, "core", "lang", "de"));
    OK(cloud_pref_set(as(SUB), who.alice, "core", "lang", "fr"));
    FAILS(cloud_pref_set(as(BOB), who.alice, "core", "lang", "it"), DENIED);
    FAILS(cloud_pref_set(as(NOBODY), who.alice, "core", "lang", "it"), DENIED);
    FAILS(cloud_pref_get(&value, as(BOB), who.alice, "core", "lang", tu.pool), DENIED);
    OK(cloud_pref_get(&value, as(ROOT), who.alice, "core", "lang", tu.pool));
    ck_assert_str_eq(value, "fr");
    OK(cloud_pref_set(as(ALICE), who.alice, "core", "lang", NULL));
    OK(cloud_pref_get(&value, as(ALICE), who.alice, "core", "lang", tu.pool));
    ck_assert_ptr_null(value);
    FAILS(cloud_pref_set(as(ALICE), who.alice, "", "lang", "x"), INVALID);
    FAILS(cloud_pref_set(as(ALICE), who.alice, "core", "lang", "\xff"), INVALID);
    memset(big, 'x', CLOUD_PREF_VALUE_MAX + 1);
    big[CLOUD_PREF_VALUE_MAX + 1] = '\0';
    FAILS(cloud_pref_set(as(ALICE), who.alice, "core", "big", big), INVALID);
    OK(cloud_pref_set(as(ALICE), who.alice, "core", "big", big + 1));
}
END_TEST

START_TEST(test_private)
{
    apr_array_header_t *list;
    const char *value;

    OK(cloud_private_set(as(ALICE), "app", "b", "2"));
    OK(cloud_private_set(as(ALICE), "app", "a", "1"));
    OK(cloud_private_set(as(ALICE), "core", "lang", "xx"));
    OK(cloud_private_set(as(BOB), "app", "a", "bob's"));
    OK(cloud_private_list(&list, as(ALICE), NULL, NULL, tu.pool));
    ck_assert_int_eq(list->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(list, 0, cloud_pref_t).app, "app");
    ck_assert_str_eq(APR_ARRAY_IDX(list, 0, cloud_pref_t).key, "a");
    ck_assert_str_eq(APR_ARRAY_IDX(list, 0, cloud_pref_t).value, "1");
    OK(cloud_private_list(&list, as(ALICE), "app", "b", tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    /* Private data never is one of the server's own preferences. */
    OK(cloud_pref_get(&value, tu.ctx, who.alice, "core", "lang", tu.pool));
    ck_assert_ptr_null(value);
    OK(cloud_pref_set(as(ALICE), who.alice, "core", "lang", "de"));
    OK(cloud_private_list(&list, as(ALICE), "core", NULL, tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    OK(cloud_private_set(as(ALICE), "app", "b", NULL));
    OK(cloud_private_set(as(ALICE), "app", "b", NULL));
    OK(cloud_private_list(&list, as(ALICE), "app", NULL, tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    FAILS(cloud_private_list(&list, as(NOBODY), NULL, NULL, tu.pool), DENIED);
    FAILS(cloud_private_set(as(NOBODY), "a", "b", "c"), DENIED);
    FAILS(cloud_private_set(as(ALICE), "", "b", "c"), INVALID);
}
END_TEST

START_TEST(test_private_has_a_bound)
{
    cloud_ctx_t *alice = as(ALICE);

    OK(cloud_setting_set(tu.ctx, "system", "allow_subadmins", NULL));
    tu_exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            " INSERT INTO pref (account, app, key, value)"
            " SELECT account.number, 'private/a', i, 'x' FROM n, account WHERE id = 'alice'");
    FAILS(cloud_private_set(alice, "a", "one more", "x"), QUOTA);
    OK(cloud_private_set(alice, "a", "17", "changed"));
    OK(cloud_private_set(alice, "a", "18", NULL));
    OK(cloud_private_set(alice, "a", "one more", "x"));
}
END_TEST

/* ---- stores from before there were groups ---- */

START_TEST(test_migration)
{
    cloud_account_t *a;

    tu_account("Admin");
    tu_account("first");
    tu_exec("DROP TABLE usergroup; DROP TABLE membership; DROP TABLE subadmin; DROP TABLE pref;"
            " ALTER TABLE account DROP COLUMN source; ALTER TABLE account DROP COLUMN person;"
            " ALTER TABLE change DROP COLUMN was_etag; ALTER TABLE change DROP COLUMN was_mtime;"
            " ALTER TABLE account DROP COLUMN two_factor;"
            " UPDATE meta SET value = '1' WHERE key = 'schema'");
    tu_reopen();
    ck_assert_str_eq(members("admin"), "Admin");
    OK(cloud_account_get(&a, tu.ctx, "first", tu.pool));
    ck_assert_str_eq(a->source, "database");
    ck_assert_int_eq(tu_query_int("SELECT value FROM meta WHERE key = 'schema'"),
                     CLOUD_SCHEMA_VERSION);
}
END_TEST

Suite *suite_group(void)
{
    Suite *suite = suite_create("group");
    TCase *tc = tu_case(suite, "groups", people);

    tcase_add_test(tc, test_ids);
    tcase_add_test(tc, test_create_delete);
    tcase_add_test(tc, test_membership);
    tcase_add_test(tc, test_search);
    tcase_add_test(tc, test_pages);
    tcase_add_test(tc, test_rights);
    tcase_add_test(tc, test_oneself);
    tcase_add_test(tc, test_subadmins_off);
    tcase_add_test(tc, test_add_account);
    tcase_add_test(tc, test_name_used_again);
    tcase_add_test(tc, test_hook);
    tcase_add_test(tc, test_prefs);
    tcase_add_test(tc, test_private);
    tcase_add_test(tc, test_private_has_a_bound);
    tc = tu_case(suite, "migration", tu_store);
    tcase_add_test(tc, test_migration);
    return suite;
}
