/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"

static const char *key_file(const char *dir)
{
    return apr_pstrcat(tu.pool, dir, "/.cloud/key", NULL);
}

START_TEST(made_once)
{
    unsigned char a[CLOUD_KEY_LEN], b[CLOUD_KEY_LEN], c[CLOUD_KEY_LEN];
    struct stat st;

    ck_assert_int_ne(stat(key_file(tu.dir), &st), 0);
    OK(cloud_store_key(a, tu.ctx, "one"));
    ck_assert_int_eq(stat(key_file(tu.dir), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    OK(cloud_store_key(b, tu.ctx, "two"));
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
    OK(cloud_store_key(c, tu_other_store(), "one"));
    ck_assert_mem_eq(a, c, sizeof a);
    tu_reopen();
    OK(cloud_store_key(c, tu.ctx, "one"));
    ck_assert_mem_eq(a, c, sizeof a);
}
END_TEST

static void write_key(const char *text)
{
    FILE *f = fopen(key_file(tu.dir), "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* What was encrypted with it must not be lost by making another one. */
START_TEST(never_replaced)
{
    unsigned char key[CLOUD_KEY_LEN];
    char text[80];

    write_key("");
    FAILS(cloud_store_key(key, tu.ctx, "one"), UNAVAILABLE);
    write_key("0123\n");
    FAILS(cloud_store_key(key, tu.ctx, "one"), UNAVAILABLE);
    memset(text, 'a', 65);
    text[65] = '\0';
    write_key(text);
    FAILS(cloud_store_key(key, tu.ctx, "one"), UNAVAILABLE);
    text[64] = '\0';
    text[9] = 'g';
    write_key(text);
    FAILS(cloud_store_key(key, tu.ctx, "one"), UNAVAILABLE);
    text[9] = 'a';
    write_key(text);
    OK(cloud_store_key(key, tu.ctx, "one"));
    ck_assert_int_eq(unlink(key_file(tu.dir)), 0);
    ck_assert_int_eq(symlink("/dev/null", key_file(tu.dir)), 0);
    OK(cloud_store_key(key, tu.ctx, "one")); /* it was read already */
    tu_reopen();
    FAILS(cloud_store_key(key, tu.ctx, "one"), UNAVAILABLE);
}
END_TEST

START_TEST(goes_with_a_backup)
{
    world_t *w = world_create();
    const char *copy = apr_pstrcat(w->pool, w->dir, "/copy", NULL);
    const char *back = apr_pstrcat(w->pool, w->dir, "/back", NULL);
    unsigned char a[CLOUD_KEY_LEN], b[CLOUD_KEY_LEN];

    OK(cloud_store_key(a, w->ctx, "one"));
    OK(cloud_backup(w->ctx, copy, NULL, NULL));
    OK(cloud_restore(copy, back, w->pool));
    w->data_dir = back;
    world_reopen(w);
    OK(cloud_store_key(b, w->ctx, "one"));
    ck_assert_mem_eq(a, b, sizeof a);
    world_destroy(w);
}
END_TEST

/* RFC 4648, 10, without padding */
START_TEST(base64url)
{
    static const char *const cases[][2] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" },
                                            { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
                                            { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
                                            { "\xfb\xff\xfe", "-__-" } };
    char text[16];
    int i;

    for (i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        cloud_base64url(text, (const unsigned char *)cases[i][0], strlen(cases[i][0]));
        ck_assert_str_eq(text, cases[i][1]);
    }
}
END_TEST

Suite *suite_key(void)
{
    Suite *s = suite_create("key");
    TCase *t = tu_case(s, "key", tu_store), *backup = tcase_create("backup");

    tcase_add_test(t, made_once);
    tcase_add_test(t, never_replaced);
    tcase_add_test(t, base64url);
    tcase_add_test(backup, goes_with_a_backup);
    suite_add_tcase(s, backup);
    return s;
}
