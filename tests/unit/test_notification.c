/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Notices: adding, replacing, taking back, whose they are, how many and for how long. */
#include "testutil.h"

#include <string.h>

#include "notification.h"
#include "notify.h"

static cloud_account_t *alice, *bob;
static cloud_ctx_t *as_alice, *as_bob;

static void setup(void)
{
    cloud_notification_register();
    tu_store();
    alice = tu_account("alice");
    bob = tu_account("bob");
    as_alice = tu_as(alice);
    as_bob = tu_as(bob);
}

static const cloud_notice_action_t actions[] = {
    { "Accept", "/ocs/v2.php/apps/x/1", "POST", 1 },
    { "Decline", "/ocs/v2.php/apps/x/1", "DELETE", 0 },
};

static cloud_notice_t notice(const char *object)
{
    cloud_notice_t n = { .app = "files_sharing", .object_type = "local_share", .object_id = object,
                         .subject = "Bob shared \xe2\x80\x9cx\xe2\x80\x9d with you",
                         .link = "/index.php/f/17", .actions = actions, .nactions = 2 };
    return n;
}

/* By whom it is told plays no part. */
static cloud_err_t *tell(const cloud_account_t *account, const cloud_notice_t *n)
{
    CLOUD_ERR(cloud_tx_begin(as_bob, CLOUD_DB_WRITE));
    return cloud_tx_end(as_bob, cloud_notify_tx(as_bob, account, n));
}

static void take_back(const cloud_account_t *account, const char *object)
{
    OK(cloud_tx_begin(as_bob, CLOUD_DB_WRITE));
    OK(cloud_tx_end(as_bob, cloud_unnotify_tx(as_bob, account, "files_sharing", "local_share",
                                              object)));
}

static apr_array_header_t *list_of(cloud_ctx_t *ctx)
{
    apr_array_header_t *list;

    OK(cloud_notification_list(&list, ctx, 1000, tu.pool));
    return list;
}

#define AT(list, i) (&APR_ARRAY_IDX(list, i, cloud_notification_t))

START_TEST(test_add)
{
    cloud_notice_t n = notice("1");
    apr_array_header_t *list;
    cloud_notification_t *one;

    ck_assert_int_eq(list_of(as_alice)->nelts, 0);
    OK(tell(alice, &n));
    n = notice("2");
    n.message = "hello";
    n.nactions = 0;
    OK(tell(alice, &n));
    list = list_of(as_alice);
    ck_assert_int_eq(list->nelts, 2);
    ck_assert_str_eq(AT(list, 0)->notice.object_id, "2");
    ck_assert_str_eq(AT(list, 0)->notice.message, "hello");
    ck_assert_int_eq(AT(list, 0)->notice.nactions, 0);
    ck_assert_str_eq(AT(list, 1)->notice.app, "files_sharing");
    ck_assert_str_eq(AT(list, 1)->notice.message, "");
    ck_assert_str_eq(AT(list, 1)->notice.icon, "");
    ck_assert_str_eq(AT(list, 1)->notice.subject, "Bob shared \xe2\x80\x9cx\xe2\x80\x9d with you");
    ck_assert_int_eq(AT(list, 1)->notice.nactions, 2);
    ck_assert_str_eq(AT(list, 1)->notice.actions[1].type, "DELETE");
    ck_assert_int_eq(AT(list, 1)->notice.actions[0].primary, 1);
    ck_assert_int_eq(AT(list, 1)->notice.actions[1].primary, 0);
    ck_assert_int_lt(AT(list, 1)->id, AT(list, 0)->id);
    ck_assert_int_lt(AT(list, 0)->id, 1 << 30); /* clients read 32 bits */
    OK(cloud_notification_get(&one, as_alice, AT(list, 1)->id, tu.pool));
    ck_assert_str_eq(one->notice.link, "/index.php/f/17");
    ck_assert_int_eq(list_of(as_bob)->nelts, 0);
}
END_TEST

START_TEST(test_replace)
{
    cloud_notice_t n = notice("1");
    apr_array_header_t *list;
    apr_int64_t id;

    OK(tell(alice, &n));
    OK(tell(bob, &n));
    id = AT(list_of(as_bob), 0)->id;
    n.subject = "again";
    OK(tell(alice, &n));
    list = list_of(as_alice);
    ck_assert_int_eq(list->nelts, 1);
    ck_assert_str_eq(AT(list, 0)->notice.subject, "again");
    ck_assert_int_gt(AT(list, 0)->id, id);
    ck_assert_int_eq(list_of(as_bob)->nelts, 1);
}
END_TEST

START_TEST(test_take_back)
{
    cloud_notice_t one = notice("1"), two = notice("2");

    OK(tell(alice, &one));
    OK(tell(alice, &two));
    OK(tell(bob, &one));
    take_back(alice, "1");
    ck_assert_int_eq(list_of(as_alice)->nelts, 1);
    ck_assert_int_eq(list_of(as_bob)->nelts, 1);
    OK(tell(alice, &one));
    take_back(NULL, "1");
    ck_assert_int_eq(list_of(as_alice)->nelts, 1);
    ck_assert_int_eq(list_of(as_bob)->nelts, 0);
    take_back(NULL, "nobody was told");
    ck_assert_str_eq(AT(list_of(as_alice), 0)->notice.object_id, "2");
}
END_TEST

START_TEST(test_undone)
{
    cloud_notice_t n = notice("1");

    OK(cloud_tx_begin(as_bob, CLOUD_DB_WRITE));
    OK(cloud_notify_tx(as_bob, alice, &n));
    cloud_tx_rollback(as_bob);
    ck_assert_int_eq(list_of(as_alice)->nelts, 0);
}
END_TEST

START_TEST(test_whose)
{
    cloud_notice_t n = notice("1");
    apr_array_header_t *none;
    cloud_notification_t *one;
    apr_int64_t id;

    OK(tell(alice, &n));
    id = AT(list_of(as_alice), 0)->id;
    FAILS(cloud_notification_get(&one, as_bob, id, tu.pool), NOT_FOUND);
    OK(cloud_notification_delete(as_bob, id));
    OK(cloud_notification_delete(as_bob, 0));
    OK(cloud_notification_get(&one, as_alice, id, tu.pool));
    FAILS(cloud_notification_list(&none, tu_as(NULL), 10, tu.pool), DENIED);
    FAILS(cloud_notification_get(&one, tu_as(NULL), id, tu.pool), DENIED);
    FAILS(cloud_notification_delete(tu_as(NULL), id), DENIED);
    FAILS(cloud_notification_send(as_alice, "bob", &n), DENIED);
    OK(cloud_notification_delete(as_alice, id));
    FAILS(cloud_notification_get(&one, as_alice, id, tu.pool), NOT_FOUND);
    OK(cloud_notification_delete(as_alice, id));
}
END_TEST

START_TEST(test_delete_all)
{
    cloud_notice_t one = notice("1"), two = notice("2");

    OK(tell(alice, &one));
    OK(tell(alice, &two));
    OK(tell(bob, &one));
    OK(cloud_notification_delete(as_alice, 0));
    ck_assert_int_eq(list_of(as_alice)->nelts, 0);
    ck_assert_int_eq(list_of(as_bob)->nelts, 1);
}
END_TEST

/* An id that a client remembers never becomes another notice. */
START_TEST(test_ids_are_not_used_again)
{
    cloud_notice_t n = notice("1");
    apr_int64_t id;

    OK(tell(alice, &n));
    id = AT(list_of(as_alice), 0)->id;
    OK(cloud_notification_delete(as_alice, id));
    tu_reopen();
    as_alice = tu_as(alice);
    as_bob = tu_as(bob);
    OK(tell(alice, &n));
    ck_assert_int_gt(AT(list_of(as_alice), 0)->id, id);
}
END_TEST

START_TEST(test_room)
{
    apr_array_header_t *list;
    cloud_notice_t n;
    int i;

    n = notice("other");
    OK(tell(bob, &n));
    for (i = 1; i <= CLOUD_NOTIFICATION_MAX + 5; i++) {
        n = notice(apr_itoa(tu.pool, i));
        OK(tell(alice, &n));
    }
    list = list_of(as_alice);
    ck_assert_int_eq(list->nelts, CLOUD_NOTIFICATION_MAX);
    ck_assert_str_eq(AT(list, 0)->notice.object_id, apr_itoa(tu.pool, i - 1));
    ck_assert_str_eq(AT(list, list->nelts - 1)->notice.object_id, "6");
    ck_assert_int_eq(list_of(as_bob)->nelts, 1);
}
END_TEST

START_TEST(test_refused)
{
    static const char *const links[] = {
        "javascript:alert(1)", "//evil.example/x", "x/y", "ftp://x/", "http://a b/", "/a\nb", "/\\x",
        "https://\xff", " /x",
    };
    cloud_notice_action_t many[CLOUD_NOTICE_ACTIONS_MAX + 1];
    cloud_notice_action_t bad = { "Go", "javascript:alert(1)", "GET", 1 };
    cloud_notice_t n;
    unsigned i;

    for (i = 0; i < sizeof links / sizeof *links; i++) {
        n = notice("1");
        n.link = links[i];
        FAILS(tell(alice, &n), INVALID);
        n = notice("1");
        n.icon = links[i];
        FAILS(tell(alice, &n), INVALID);
    }
    n = notice("1");
    n.subject = "";
    FAILS(tell(alice, &n), INVALID);
    n = notice("");
    FAILS(tell(alice, &n), INVALID);
    n = notice("1");
    n.app = NULL;
    FAILS(tell(alice, &n), INVALID);
    n = notice("1");
    n.actions = &bad;
    n.nactions = 1;
    FAILS(tell(alice, &n), INVALID);
    for (i = 0; i < sizeof many / sizeof *many; i++) many[i] = actions[0];
    n.actions = many;
    n.nactions = sizeof many / sizeof *many;
    FAILS(tell(alice, &n), INVALID);
    n.nactions--;
    OK(tell(alice, &n));
    ck_assert_int_eq(list_of(as_alice)->nelts, 1);
}
END_TEST

START_TEST(test_texts_become_showable)
{
    char subject[600], message[9000];
    const cloud_notification_t *got;
    cloud_notice_t n = notice("1");

    memset(subject, 's', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    memcpy(subject, "a\nb\xff", 4);
    memcpy(message, "a\nb\xff", 4);
    n.subject = subject;
    n.message = message;
    OK(tell(alice, &n));
    got = AT(list_of(as_alice), 0);
    ck_assert(strncmp(got->notice.subject, "a b\xef\xbf\xbdss", 8) == 0);
    ck_assert(strncmp(got->notice.message, "a\nb\xef\xbf\xbdmm", 8) == 0);
    ck_assert_int_eq(strlen(got->notice.subject), CLOUD_NOTICE_SUBJECT_MAX + 2 + 2);
    ck_assert_int_eq(strlen(got->notice.message), CLOUD_NOTICE_MESSAGE_MAX + 2 + 2);
}
END_TEST

START_TEST(test_account_deleted)
{
    cloud_notice_t n = notice("1");

    OK(tell(alice, &n));
    OK(tell(bob, &n));
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM notification"), 1);
    /* who read the account before does not bring its rows back */
    n = notice("2");
    OK(tell(alice, &n));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM notification"), 1);
}
END_TEST

START_TEST(test_expire)
{
    cloud_notice_t one = notice("1"), two = notice("2");
    int more;

    OK(tell(alice, &one));
    OK(tell(alice, &two));
    tu_exec("UPDATE notification SET created = created - 89 * 86400000000 WHERE object_id = '1'");
    OK(cloud_notification_expire(&more, tu.ctx));
    ck_assert_int_eq(list_of(as_alice)->nelts, 2);
    tu_exec("UPDATE notification SET created = created - 2 * 86400000000 WHERE object_id = '1'");
    OK(cloud_notification_expire(&more, tu.ctx));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(list_of(as_alice)->nelts, 1);
    OK(cloud_setting_set(tu.ctx, "notifications", "notification_expire_days", "0"));
    tu_exec("UPDATE notification SET created = 0");
    OK(cloud_notification_expire(&more, tu.ctx));
    ck_assert_int_eq(list_of(as_alice)->nelts, 1);
    FAILS(cloud_notification_expire(&more, as_alice), DENIED);
}
END_TEST

START_TEST(test_nobody_takes_them)
{
    cloud_notice_t n = notice("1");
    cloud_mail_t mail = { .to = "x@example.org", .subject = "s", .text = "t" };
    int yes = 1;

    cloud_notification_unregister();
    OK(tell(alice, &n));
    take_back(NULL, "1");
    OK(cloud_tx_begin(as_bob, CLOUD_DB_WRITE));
    OK(cloud_tx_end(as_bob, cloud_mail_queue_tx(as_bob, &mail)));
    OK(cloud_mail_ready(&yes, as_bob));
    ck_assert_int_eq(yes, 0);
    cloud_notification_register();
    ck_assert_int_eq(list_of(as_alice)->nelts, 0);
}
END_TEST

/* One statement for a poll that finds nothing. */
START_TEST(test_poll_is_cheap)
{
    apr_uint64_t before = tu_statements(as_alice);

    ck_assert_int_eq(list_of(as_alice)->nelts, 0);
    ck_assert_int_le(tu_statements(as_alice) - before, 4); /* begin, select, end; and the count */
}
END_TEST

Suite *suite_notification(void)
{
    Suite *suite = suite_create("notification");
    TCase *tc = tu_case(suite, "notification", setup);

    tcase_add_test(tc, test_add);
    tcase_add_test(tc, test_replace);
    tcase_add_test(tc, test_take_back);
    tcase_add_test(tc, test_undone);
    tcase_add_test(tc, test_whose);
    tcase_add_test(tc, test_delete_all);
    tcase_add_test(tc, test_ids_are_not_used_again);
    tcase_add_test(tc, test_room);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_texts_become_showable);
    tcase_add_test(tc, test_account_deleted);
    tcase_add_test(tc, test_expire);
    tcase_add_test(tc, test_nobody_takes_them);
    tcase_add_test(tc, test_poll_is_cheap);
    return suite;
}
