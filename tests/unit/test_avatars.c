/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Avatars: whose they are, what is kept of them, what fsck, backup and the end of an account do. */
#include "world.h"
#include "avatars.h"
#include "group.h"

#include <string.h>
#include <unistd.h>

static world_t *w;
static const void *picture;   /* 8 by 8 */
static apr_size_t picture_len;

static void setup(void)
{
    unsigned char rgba[8 * 8 * 4];
    cloud_image_t image = { 8, 1, rgba };

    cloud_avatars_register();
    w = world_create();
    memset(rgba, 255, sizeof rgba);
    OK(cloud_image_encode(&picture, &picture_len, &image, CLOUD_IMAGE_PNG, w->pool));
}

static void teardown(void)
{
    tu_sound();
    tu_maintain();
    tu_sound();
    world_destroy(w);
    cloud_avatars_unregister();
}

static cloud_avatar_t *get(cloud_ctx_t *ctx)
{
    cloud_avatar_t *avatar;

    OK(cloud_avatar_get(&avatar, ctx, w->account->id, w->pool));
    return avatar;
}

static void set(void)
{
    OK(cloud_avatar_set(w->user, w->account->id, picture, picture_len));
}

/* Its place, as one in the files of the account. */
static const char *place(void)
{
    return apr_pstrcat(w->pool, "..", strchr(get(w->user)->path, '/'), NULL);
}

static int side_of(int side)
{
    cloud_avatar_t *avatar = get(w->user);
    cloud_image_t *image;
    const void *data;
    apr_size_t len;

    OK(cloud_avatar_picture(&data, &len, w->user, &avatar, w->account->id, side, NULL, w->pool));
    OK(cloud_image_read(&image, data, len, 4096, w->pool));
    return image->side;
}

START_TEST(set_and_remove)
{
    cloud_avatar_t *first, *second;
    cloud_avatar_t *none;
    int fd;

    FAILS(cloud_avatar_get(&none, w->user, w->account->id, w->pool), NOT_FOUND);
    set();
    first = get(w->user);
    ck_assert_int_eq(side_of(512), 8);
    ck_assert_int_eq(side_of(3), 3);
    set();
    second = get(w->user);
    ck_assert_int_ne(first->number, second->number);
    tu_maintain();
    FAILS(cloud_avatar_open(&fd, w->user, first, w->pool), NOT_FOUND);
    ck_assert_int_eq(side_of(8), 8); /* whoever read the first row is given the second picture */
    OK(cloud_avatar_remove(w->user, w->account->id));
    OK(cloud_avatar_remove(w->user, w->account->id));
    FAILS(cloud_avatar_get(&none, w->user, w->account->id, w->pool), NOT_FOUND);
    tu_maintain();
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM journal"), 0);
    FAILS(cloud_avatar_open(&fd, w->user, second, w->pool), NOT_FOUND);
}
END_TEST

/* What can't be decoded changes nothing. */
START_TEST(refused)
{
    apr_int64_t number;

    set();
    number = get(w->user)->number;
    FAILS(cloud_avatar_set(w->user, w->account->id, "GIF89a", 6), UNSUPPORTED);
    FAILS(cloud_avatar_set(w->user, w->account->id, picture, 40), INVALID);
    FAILS(cloud_avatar_set(w->user, w->account->id, picture, CLOUD_AVATAR_BYTES_MAX + 1), TOO_LARGE);
    ck_assert_int_eq(get(w->user)->number, number);
    ck_assert_int_eq(side_of(8), 8);
}
END_TEST

START_TEST(rights)
{
    cloud_account_t *other = tu_account("other"), *chief = tu_account("chief");
    cloud_avatar_t *none;

    OK(cloud_group_add(w->ctx, CLOUD_GROUP_ADMIN_ID, "chief", NULL));
    FAILS(cloud_avatar_set(tu_as(other), w->account->id, picture, picture_len), DENIED);
    FAILS(cloud_avatar_set(tu_as(other), "nobody", picture, picture_len), DENIED);
    FAILS(cloud_avatar_set(tu_as(NULL), w->account->id, picture, picture_len), DENIED);
    FAILS(cloud_avatar_may_set(tu_as(other), w->account->id), DENIED);
    FAILS(cloud_avatar_set(tu_as(chief), "nobody", picture, picture_len), NOT_FOUND);
    OK(cloud_avatar_set(tu_as(chief), w->account->id, picture, picture_len));
    OK(cloud_avatar_get(&none, tu_as(other), w->account->id, w->pool));
    FAILS(cloud_avatar_get(&none, tu_as(NULL), w->account->id, w->pool), UNAUTHORIZED);
    FAILS(cloud_avatar_remove(tu_as(other), w->account->id), DENIED);
    FAILS(cloud_avatar_remove(tu_as(NULL), w->account->id), DENIED);
    OK(cloud_avatar_remove(tu_as(chief), w->account->id));
    FAILS(cloud_avatar_get(&none, tu_as(other), w->account->id, w->pool), NOT_FOUND);
    FAILS(cloud_avatar_get(&none, tu_as(other), "nobody", w->pool), NOT_FOUND);
}
END_TEST

START_TEST(kept_by_fsck)
{
    set();
    world_disk_move(w, place(), "../lost+found/found it");
    ck_assert_str_eq(tu_fsck(0), "missing ");
    FAILS(({ int fd; cloud_avatar_open(&fd, w->user, get(w->user), w->pool); }), UNAVAILABLE);
    tu.errors = 0;
    ck_assert_str_eq(tu_fsck(1), "missing+ ");
    ck_assert_int_eq(side_of(8), 8);
    world_disk_restore(w, place());
    tu_sound();
    ck_assert_int_eq(side_of(8), 8);
    ck_assert_str_eq(tu_fsck(1), "");
    tu_maintain(); /* or the journal might name the inode, which is used again */
    world_write(w, "../avatars/pictures/17", "stray");
    ck_assert_str_eq(tu_fsck(0), "stray ");
    ck_assert_str_eq(tu_fsck(1), "stray+ ");
}
END_TEST

START_TEST(backup_and_restore)
{
    const char *copy = apr_pstrcat(w->pool, w->dir, "/copy", NULL);
    const char *back = apr_pstrcat(w->pool, w->dir, "/back", NULL);

    set();
    OK(cloud_backup(w->ctx, copy, NULL, NULL));
    OK(cloud_restore(copy, back, w->pool));
    w->data_dir = back;
    world_reopen(w);
    ck_assert_int_eq(side_of(8), 8);
    set();
    tu_maintain();
    ck_assert_int_eq(side_of(8), 8);
}
END_TEST

START_TEST(gone_with_the_account)
{
    cloud_account_t *other = tu_account("other");
    cloud_avatar_t *none;

    OK(cloud_avatar_set(tu_as(other), "other", picture, picture_len));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM avatar"), 1);
    OK(cloud_account_delete(w->ctx, "other"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM avatar"), 0);
    tu_account("other");
    FAILS(cloud_avatar_get(&none, w->user, "other", w->pool), NOT_FOUND);
}
END_TEST

START_TEST(switched_off)
{
    cloud_avatar_t *none;

    set();
    OK(cloud_setting_set(w->ctx, "system", "enable_avatars", "false"));
    FAILS(cloud_avatar_get(&none, w->user, w->account->id, w->pool), NOT_FOUND);
    FAILS(cloud_avatar_set(w->user, w->account->id, picture, picture_len), DENIED);
    OK(cloud_avatar_remove(w->user, w->account->id));
}
END_TEST

START_TEST(spooled)
{
    cloud_spooled_t *s;
    const void *data;
    apr_size_t len, i;
    char *block = apr_pcalloc(w->pool, 1024 * 1024);

    OK(cloud_spooled_create(&s, w->user, w->account, w->pool));
    OK(cloud_spooled_data(&data, &len, s));
    ck_assert_int_eq(len, 0);
    OK(cloud_spooled_write(s, "abc", 3));
    OK(cloud_spooled_write(s, "def", 3));
    OK(cloud_spooled_data(&data, &len, s));
    ck_assert(len == 6 && !memcmp(data, "abcdef", 6));

    OK(cloud_spooled_create(&s, w->user, w->account, w->pool));
    for (i = 0; i < 20; i++) OK(cloud_spooled_write(s, block, 1024 * 1024));
    FAILS(cloud_spooled_write(s, "x", 1), TOO_LARGE);

    world_put(w, "a.txt", "of mine");
    OK(cloud_spooled_create(&s, w->user, w->account, w->pool));
    OK(cloud_spooled_file(s, w->user, w->account, "a.txt"));
    OK(cloud_spooled_data(&data, &len, s));
    ck_assert(len == 7 && !memcmp(data, "of mine", 7));
    FAILS(cloud_spooled_file(s, w->user, w->account, "b.txt"), NOT_FOUND);
    FAILS(cloud_spooled_file(s, w->user, w->account, ""), NOT_ALLOWED);
}
END_TEST

Suite *suite_avatars(void)
{
    Suite *suite = suite_create("avatars");
    TCase *c = tcase_create("avatars");

    suite_add_tcase(suite, c);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, set_and_remove);
    tcase_add_test(c, refused);
    tcase_add_test(c, rights);
    tcase_add_test(c, kept_by_fsck);
    tcase_add_test(c, backup_and_restore);
    tcase_add_test(c, gone_with_the_account);
    tcase_add_test(c, switched_off);
    tcase_add_test(c, spooled);
    return suite;
}
