/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The queue of mails, and the program that sends them: one of our own, that keeps what it gets, fails,
 * hangs, or leaves somebody behind. */
#include "testutil.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail.h"
#include "notification.h"
#include "notify.h"
#include "sendmail.h"

#define DAY "86400000000"

static const char *dir;        /* for the program and what it got */
static cloud_account_t *alice;

static const char *in_dir(const char *name)
{
    return apr_pstrcat(tu.pool, dir, "/", name, NULL);
}

/* A shell script in place of sendmail; "$1" is dir. */
static const char *program(const char *name, const char *script)
{
    const char *path = in_dir(name);
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    ck_assert_int_eq(chmod(path, 0755), 0);
    return path;
}

static const char *content(const char *name)
{
    char *text = apr_pcalloc(tu.pool, 100000);
    FILE *f = fopen(in_dir(name), "r");

    if (!f) return NULL;
    ck_assert_int_lt(fread(text, 1, 99999, f), 99999);
    fclose(f);
    return text;
}

/* A store from which mail is sent by this script. */
static void with(const char *script)
{
    apr_table_setn(tu.file_settings, "system\nmail_sendmail",
                   apr_pstrcat(tu.pool, program("sendmail", script), " ", dir, NULL));
    tu_reopen();
}

static void setup(void)
{
    cloud_notification_register();
    tu_pool();
    apr_table_setn(tu.file_settings, "system\nmail_from_address", "cloud");
    apr_table_setn(tu.file_settings, "system\nmail_domain", "example.org");
    apr_table_setn(tu.file_settings, "system\nmail_smtptimeout", "20");
    tu_store();
    dir = apr_pstrcat(tu.pool, tu.dir, "/mail", NULL);
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    alice = tu_account("alice");
    OK(cloud_account_set_email(tu.ctx, "alice", "alice@example.org"));
    alice->email = "alice@example.org";
}

/* Appends what it reads, and "==" where the mail ends. */
#define KEEP "cat >>\"$1/got\"; echo == >>\"$1/got\""

static cloud_err_t *queue_by(cloud_ctx_t *ctx, const cloud_mail_t *mail)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, cloud_mail_queue_tx(ctx, mail));
}

static cloud_err_t *queue(const cloud_mail_t *mail)
{
    return queue_by(tu_as(alice), mail);
}

static cloud_mail_t mail_to(const char *to)
{
    cloud_mail_t m = { .to = to, .subject = "Hello", .text = "How are you?" };

    return m;
}

static int send_next(void)
{
    int sent;

    OK(cloud_mail_send_next(&sent, tu.ctx, NULL));
    return sent;
}

static apr_int64_t waiting(void)
{
    return tu_query_int("SELECT count(*) FROM mail");
}

static const char *problem(void)
{
    apr_array_header_t *list;

    OK(cloud_mail_list(&list, tu.ctx, 1, tu.pool));
    ck_assert_int_eq(list->nelts, 1);
    return APR_ARRAY_IDX(list, 0, cloud_mail_row_t).problem;
}

START_TEST(test_sent)
{
    cloud_mail_t m = mail_to("bob@example.net");

    with(KEEP);
    m.reply_to = "alice@example.org";
    m.from_name = "Alice\nBcc: x@y";
    OK(queue(&m));
    ck_assert_int_eq(waiting(), 1);
    ck_assert_int_eq(send_next(), 1);
    ck_assert_int_eq(waiting(), 0);
    ck_assert_int_eq(send_next(), -1);
    ck_assert_msg(strstr(content("got"), "To: bob@example.net\nReply-To: alice@example.org\n"
                                         "Subject: Hello\n") != NULL, "%s", content("got"));
    ck_assert_ptr_nonnull(strstr(content("got"), " <cloud@example.org>\n"));
    ck_assert_ptr_null(strstr(content("got"), "\nBcc"));
    ck_assert_ptr_nonnull(strstr(content("got"), "\n\nHow are you?\n==\n"));
}
END_TEST

START_TEST(test_off)
{
    cloud_mail_t m = mail_to("bob@example.net");
    int ready, sent, more;

    OK(cloud_mail_ready(&ready, tu.ctx));
    ck_assert_int_eq(ready, 0);
    OK(queue(&m));
    ck_assert_int_eq(waiting(), 0);
    FAILS(cloud_mail_send_next(&sent, tu.ctx, NULL), UNAVAILABLE);
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    with(KEEP);
    OK(cloud_mail_ready(&ready, tu.ctx));
    ck_assert_int_eq(ready, 1);
    apr_table_unset(tu.file_settings, "system\nmail_from_address");
    tu_reopen();
    OK(cloud_mail_ready(&ready, tu.ctx));
    ck_assert_int_eq(ready, 0);
}
END_TEST

/* Who can write to the database has no command run by that. */
START_TEST(test_a_command_in_the_database_does_not_count)
{
    cloud_mail_t m = mail_to("bob@example.net");
    int ready;

    OK(cloud_setting_set(tu.ctx, "system", "mail_sendmail", program("other", KEEP)));
    OK(cloud_mail_ready(&ready, tu.ctx));
    ck_assert_int_eq(ready, 0);
    OK(queue(&m));
    ck_assert_int_eq(waiting(), 0);
}
END_TEST

START_TEST(test_refused)
{
    cloud_mail_t m;
    int sent;

    with(KEEP);
    m = mail_to("bob@example.net\nBcc: x@example.org");
    FAILS(queue(&m), INVALID);
    m = mail_to("bob@example.net, x@example.org");
    FAILS(queue(&m), INVALID);
    m = mail_to("b\xc3\xb6" "b@example.net");
    FAILS(queue(&m), INVALID);
    m = mail_to(NULL);
    FAILS(queue(&m), INVALID);
    m = mail_to("bob@example.net");
    m.reply_to = "nobody";
    FAILS(queue(&m), INVALID);
    ck_assert_int_eq(waiting(), 0);
    FAILS(cloud_mail_send_next(&sent, tu_as(alice), NULL), DENIED);
    FAILS(cloud_mail_retry_all(tu_as(alice)), DENIED);
}
END_TEST

START_TEST(test_full)
{
    cloud_mail_t m = mail_to("bob@example.net");

    with(KEEP);
    tu_exec("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
            " INSERT INTO mail SELECT i - 9999, 0, 'x@y', NULL, NULL, NULL, '', '', 'id', 0, 0, 0, 0,"
            " NULL FROM n");
    OK(queue(&m));
    FAILS(queue(&m), QUOTA);
    ck_assert_int_eq(waiting(), CLOUD_MAIL_MAX);
}
END_TEST

/* Whoever has too many waiting holds up himself alone, and no longer than they wait. */
START_TEST(test_too_many_of_one)
{
    cloud_mail_t m = mail_to("bob@example.net"), hers = mail_to("alice@example.org");
    cloud_account_t *bob = tu_account("bob");
    cloud_ctx_t *one, *other;
    int i;

    with(KEEP);
    one = tu_as(alice);
    other = tu_as(bob);
    OK(cloud_setting_set(tu.ctx, "notifications", "mail_waiting_per_account", "3"));
    for (i = 0; i < 3; i++) OK(queue_by(one, &m));
    FAILS(queue_by(one, &m), QUOTA);
    hers.account = alice;
    OK(queue_by(other, &hers));
    for (i = 0; i < 5; i++) OK(queue_by(tu.ctx, &m));
    ck_assert_int_eq(waiting(), 9);
    ck_assert_int_eq(send_next(), 1);
    OK(queue_by(one, &m));
    FAILS(queue_by(one, &m), QUOTA);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM mail_sender"), 4);
    /* Those to him go with an account, and those by him need not. */
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM mail_sender"), 0);
    ck_assert_int_eq(waiting(), 8);
    OK(queue_by(other, &m));
    while (send_next() == 1) continue;
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM mail_sender"), 0);
}
END_TEST

START_TEST(test_undone)
{
    cloud_mail_t m = mail_to("bob@example.net");

    with(KEEP);
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_mail_queue_tx(tu.ctx, &m));
    cloud_tx_rollback(tu.ctx);
    ck_assert_int_eq(send_next(), -1);
}
END_TEST

/* Again and again, later each time, with the same Message-ID. */
START_TEST(test_failing)
{
    cloud_mail_t m = mail_to("bob@example.net");
    apr_int64_t due, last = 0;
    int i;

    with("cat >\"$1/last\"; echo 'no \x01 such\nuser'; exit 67");
    OK(queue(&m));
    for (i = 1; i <= 8; i++) {
        apr_int64_t start = apr_time_now();

        ck_assert_int_eq(send_next(), 0);
        ck_assert_str_eq(problem(), "exit status 67: no   such user");
        ck_assert_int_eq(send_next(), -1);
        due = tu_query_int("SELECT due FROM mail") - start;
        ck_assert_int_ge(due, apr_time_from_sec(60));
        ck_assert_int_le(due, apr_time_from_sec(6 * 3600 + 60));
        ck_assert_msg(due >= last || i > 5, "%d", i);
        last = due;
        ck_assert_int_eq(tu_query_int("SELECT tries FROM mail"), i);
        OK(cloud_mail_retry_all(tu.ctx));
    }
    with("grep -q \"$(grep Message-ID \"$1/last\")\" && touch \"$1/same\"");
    ck_assert_int_eq(send_next(), 1);
    ck_assert(tu_exists("mail/same"));
    ck_assert_int_eq(waiting(), 0);
}
END_TEST

START_TEST(test_other_ends)
{
    cloud_mail_t m = mail_to("bob@example.net");

    with("kill -KILL $$");
    OK(queue(&m));
    ck_assert_int_eq(send_next(), 0);
    ck_assert_str_eq(problem(), "signal 9");
    with("exit 0"); /* reads nothing */
    OK(cloud_mail_retry_all(tu.ctx));
    ck_assert_int_eq(send_next(), 1);
    ck_assert_int_eq(unlink(in_dir("sendmail")), 0);
    OK(queue(&m));
    ck_assert_int_eq(send_next(), 0);
    ck_assert_ptr_nonnull(problem());
}
END_TEST

/* What says a lot is neither held up nor kept whole. */
START_TEST(test_chatty)
{
    cloud_mail_t m = mail_to("bob@example.net");

    with("head -c 1000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2; exit 1");
    OK(queue(&m));
    ck_assert_int_eq(send_next(), 0);
    ck_assert_int_le(strlen(problem()), 300);
    ck_assert_ptr_nonnull(strstr(problem(), "xxxx"));
}
END_TEST

/* Killed in time, with what it has begun. */
START_TEST(test_hanging)
{
    cloud_mail_t m = mail_to("bob@example.net");
    apr_time_t start = apr_time_now();

    apr_table_setn(tu.file_settings, "system\nmail_smtptimeout", "1");
    with("sleep 1000 & echo $! >\"$1/child\"; echo waiting; wait");
    OK(queue(&m));
    ck_assert_int_eq(send_next(), 0);
    ck_assert_int_lt(apr_time_now() - start, apr_time_from_sec(15));
    ck_assert_str_eq(problem(), "it took longer than 1 s");
    /* reaped by whoever inherits it; until then a zombie at most */
    ck_assert_ptr_nonnull(content("child"));
    {
        const char *stat = apr_pstrcat(tu.pool, "/proc/",
                                       apr_pstrmemdup(tu.pool, content("child"),
                                                      strcspn(content("child"), "\n")),
                                       "/stat", NULL);
        char text[512] = "";
        int i;

        for (i = 0; i < 1000; i++) {
            FILE *f = fopen(stat, "r");

            if (!f) return;
            if (!fgets(text, sizeof text, f)) *text = '\0';
            fclose(f);
            if (strstr(text, ") Z ")) return;
            usleep(10000);
        }
        ck_abort_msg("it lives on: %s", text);
    }
}
END_TEST

static int stop_now(void)
{
    return 1;
}

/* The process is to end: the mail waits, as if it had not been tried. */
START_TEST(test_stopping)
{
    cloud_mail_t m = mail_to("bob@example.net");
    apr_time_t start = apr_time_now();
    int sent;

    with("sleep 1000");
    OK(queue(&m));
    OK(cloud_mail_send_next(&sent, tu.ctx, stop_now));
    ck_assert_int_eq(sent, 0);
    ck_assert_int_lt(apr_time_now() - start, apr_time_from_sec(15));
    ck_assert_int_eq(tu_query_int("SELECT tries FROM mail"), 0);
    ck_assert_ptr_null(problem());
    with(KEEP);
    ck_assert_int_eq(send_next(), 1);
}
END_TEST

/* Somebody who stays in the background and holds its output open does not hold us up. */
START_TEST(test_background)
{
    cloud_mail_t m = mail_to("bob@example.net");
    apr_time_t start = apr_time_now();

    with("sleep 30 & echo $! >\"$1/child\"");
    OK(queue(&m));
    ck_assert_int_eq(send_next(), 1);
    ck_assert_int_lt(apr_time_now() - start, apr_time_from_sec(15));
    kill((pid_t)apr_atoi64(content("child")), SIGKILL);
}
END_TEST

/* It inherits nothing but its three descriptors, no environment of ours, and no signals ignored. */
START_TEST(test_what_it_gets)
{
    cloud_mail_t m = mail_to("bob@example.net");
    int fd = open("/dev/null", O_RDONLY); /* not closed on exec */

    ck_assert_int_ge(fd, 3);
    signal(SIGPIPE, SIG_IGN);
    setenv("CLOUD_TEST_SECRET", "secret", 1);
    with("ls /proc/$$/fd >\"$1/fds\"; env >\"$1/env\"; pwd >\"$1/pwd\"; "
         "grep SigIgn /proc/$$/status >\"$1/ignored\"");
    OK(queue(&m));
    ck_assert_int_eq(send_next(), 1);
    signal(SIGPIPE, SIG_DFL);
    close(fd);
    /* the shell has its script open besides */
    ck_assert_msg(strncmp(content("fds"), "0\n1\n", 4) == 0, "%s", content("fds"));
    ck_assert_msg(!strstr(content("fds"), apr_psprintf(tu.pool, "\n%d\n", fd)) || fd == 10, "%s",
                  content("fds"));
    ck_assert_ptr_null(strstr(content("env"), "secret"));
    ck_assert_str_eq(content("pwd"), "/\n");
    /* above signal 31 the C library has some of its own */
    ck_assert_ptr_nonnull(strstr(content("ignored"), "0000000\n"));
}
END_TEST

/* No shell: what would mean something to one is an argument like any other. */
START_TEST(test_arguments)
{
    cloud_sendmail_t how = { .timeout = apr_time_from_sec(20) };

    how.command = apr_pstrcat(tu.pool, program("args", "d=$1; shift; for a; do echo \"[$a]\"; done "
                                                       ">\"$d/args\""),
                              " ", dir, " -t \"two words\" ; $(touch x) `id` >y | z 'a b'", NULL);
    OK(cloud_sendmail(&how, "", tu.pool));
    ck_assert_str_eq(content("args"), "[-t]\n[two words]\n[;]\n[$(touch]\n[x)]\n[`id`]\n[>y]\n[|]\n"
                                      "[z]\n[a b]\n");
}
END_TEST

START_TEST(test_commands)
{
    char **argv;

    FAILS(cloud_sendmail_check(&argv, "", tu.pool), INVALID);
    FAILS(cloud_sendmail_check(&argv, "  ", tu.pool), INVALID);
    FAILS(cloud_sendmail_check(&argv, "sendmail -t", tu.pool), INVALID);
    FAILS(cloud_sendmail_check(&argv, "/no/such/program", tu.pool), INVALID);
    FAILS(cloud_sendmail_check(&argv, "/tmp", tu.pool), INVALID);
    FAILS(cloud_sendmail_check(&argv, "/etc/passwd", tu.pool), INVALID);
    OK(cloud_sendmail_check(&argv, "/bin/cat -u", tu.pool));
    ck_assert_str_eq(argv[1], "-u");
    ck_assert_ptr_null(argv[2]);
}
END_TEST

/* A process that dies between sending and noting it: the mail goes out again, after the lease. */
START_TEST(test_lease)
{
    cloud_mail_t m = mail_to("bob@example.net");

    with(KEEP);
    OK(queue(&m));
    tu_exec("UPDATE mail SET claimed = 1, tries = 1, due = due + 900000000");
    ck_assert_int_eq(send_next(), -1);
    OK(cloud_mail_retry_all(tu.ctx)); /* somebody may be just sending it */
    ck_assert_int_eq(send_next(), -1);
    tu_exec("UPDATE mail SET due = due - 900000000");
    ck_assert_int_eq(send_next(), 1);
}
END_TEST

START_TEST(test_given_up)
{
    cloud_mail_t m = mail_to("bob@example.net");
    int more, warnings;

    with("exit 1");
    OK(queue(&m));
    OK(queue(&m));
    tu_exec("UPDATE mail SET created = created - 6 * " DAY " WHERE id = 1");
    ck_assert_int_eq(send_next(), 0);
    warnings = tu.warnings;
    OK(cloud_mail_expire(&more, tu.ctx));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(tu.warnings, warnings + 1);
    ck_assert_int_eq(waiting(), 1);
    FAILS(cloud_mail_expire(&more, tu_as(alice)), DENIED);
}
END_TEST

/* Other jobs have their time: the pause after a failure is a multiple of what it took. */
START_TEST(test_pause)
{
    cloud_mail_t m = mail_to("bob@example.net");
    int more;

    with("sleep 0.3; exit 1");
    OK(queue(&m));
    OK(queue(&m));
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(tu_query_int("SELECT sum(tries) FROM mail"), 1);
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    ck_assert_int_eq(tu_query_int("SELECT sum(tries) FROM mail"), 1);
    tu_exec("DELETE FROM meta WHERE key = 'mail.paused_until'");
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    ck_assert_int_eq(tu_query_int("SELECT sum(tries) FROM mail"), 2);
    tu_exec("DELETE FROM meta WHERE key = 'mail.paused_until'");
    with(KEEP);
    OK(cloud_mail_retry_all(tu.ctx));
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    ck_assert_int_eq(more, 1);
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    OK(cloud_mail_job(&more, tu.ctx, NULL));
    ck_assert_int_eq(more, 0);
    ck_assert_int_eq(waiting(), 0);
}
END_TEST

/* ---- notices by mail ---- */

static const cloud_notice_action_t action = { "Accept", "/ocs/x", "POST", 1 };

static void tell(int nactions)
{
    cloud_notice_t n = { .app = "a", .object_type = "t", .object_id = "1", .subject = "Subject",
                         .message = "Message", .link = "/index.php/f/17", .actions = &action,
                         .nactions = nactions };

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_tx_end(tu.ctx, cloud_notify_tx(tu.ctx, alice, &n)));
}

static int mails_of(int nactions)
{
    tu_exec("DELETE FROM mail");
    tell(nactions);
    return (int)waiting();
}

START_TEST(test_options)
{
    cloud_ctx_t *ctx;
    const char *option;

    with(KEEP);
    ctx = tu_as(alice);
    OK(cloud_notification_mail_get(&option, ctx, tu.pool));
    ck_assert_str_eq(option, "action");
    ck_assert_int_eq(mails_of(0), 0);
    ck_assert_int_eq(mails_of(1), 1);
    OK(cloud_notification_mail_set(ctx, "always"));
    ck_assert_int_eq(mails_of(0), 1);
    OK(cloud_notification_mail_set(ctx, "never"));
    ck_assert_int_eq(mails_of(1), 0);
    FAILS(cloud_notification_mail_set(ctx, "send_always"), INVALID);
    FAILS(cloud_notification_mail_set(ctx, ""), INVALID);
    FAILS(cloud_notification_mail_set(tu_as(NULL), "never"), DENIED);
    OK(cloud_notification_mail_get(&option, ctx, tu.pool));
    ck_assert_str_eq(option, "never");
}
END_TEST

START_TEST(test_notice_by_mail)
{
    with(KEEP);
    apr_table_setn(tu.file_settings, "system\noverwrite.cli.url", "https://cloud.example.org/base/");
    tu_reopen();
    tell(1);
    ck_assert_int_eq(send_next(), 1);
    ck_assert_ptr_nonnull(strstr(content("got"), "To: alice@example.org\nSubject: Subject\n"));
    ck_assert_ptr_nonnull(strstr(content("got"), "\n\nMessage\n\n"
                                                 "https://cloud.example.org/base/index.php/f/17\n"));
    apr_table_unset(tu.file_settings, "system\noverwrite.cli.url");
    tu_reopen();
    tell(1);
    ck_assert_int_eq(unlink(in_dir("got")), 0);
    ck_assert_int_eq(send_next(), 1);
    ck_assert_ptr_nonnull(strstr(content("got"), "\n\nMessage\n==\n"));
}
END_TEST

START_TEST(test_nobody_to_write_to)
{
    with(KEEP);
    alice->email = NULL;
    ck_assert_int_eq(mails_of(1), 0);
    alice->email = "\xc3\xa4@example.org"; /* an address here, none for mail */
    ck_assert_int_eq(mails_of(1), 0);
    alice->email = "alice@example.org";
    alice->enabled = 0;
    ck_assert_int_eq(mails_of(1), 0);
    alice->enabled = 1;
    ck_assert_int_eq(mails_of(1), 1);
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(waiting(), 0);
}
END_TEST

Suite *suite_mail(void)
{
    Suite *suite = suite_create("mail");
    TCase *tc = tu_case(suite, "mail", setup);

    tcase_add_test(tc, test_sent);
    tcase_add_test(tc, test_off);
    tcase_add_test(tc, test_a_command_in_the_database_does_not_count);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_too_many_of_one);
    tcase_add_test(tc, test_undone);
    tcase_add_test(tc, test_failing);
    tcase_add_test(tc, test_other_ends);
    tcase_add_test(tc, test_chatty);
    tcase_add_test(tc, test_hanging);
    tcase_add_test(tc, test_stopping);
    tcase_add_test(tc, test_background);
    tcase_add_test(tc, test_what_it_gets);
    tcase_add_test(tc, test_arguments);
    tcase_add_test(tc, test_commands);
    tcase_add_test(tc, test_lease);
    tcase_add_test(tc, test_given_up);
    tcase_add_test(tc, test_pause);
    tcase_add_test(tc, test_options);
    tcase_add_test(tc, test_notice_by_mail);
    tcase_add_test(tc, test_nobody_to_write_to);
    return suite;
}
