/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: under which names they are seen, and at which places. */
#include "mounts_util.h"

#include <string.h>

#define ALL  CLOUD_PERM_ALL
#define READ CLOUD_PERM_READ

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

START_TEST(a_place_of_its_own)
{
    apr_int64_t doc = mu_id(&mu_alice, "work/doc");

    mu_share(&mu_alice, "work/doc", &mu_bob, ALL);
    mu_mkcol(&mu_bob, "mine");
    mu_mkcol(&mu_bob, "mine/sub");
    mu_place(&mu_bob, doc, mu_id(&mu_bob, "mine/sub"), "theirs");
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

Suite *suite_mounts_names(void)
{
    Suite *suite = suite_create("mounts_names");
    TCase *tc = tcase_create("names");

    tcase_add_checked_fixture(tc, mu_setup_items, mu_teardown);
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
    return suite;
}
