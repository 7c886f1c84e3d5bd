/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mail.h
 * The queue of mails. A mail is a row of the transaction that caused it; a job sends it afterwards, tries
 * again, later each time, and gives it up after some days. One that was sent when the process died is sent
 * again, with the same Message-ID: rather twice than never. Request-free.
 */
#ifndef CLOUD_MAIL_H
#define CLOUD_MAIL_H

#include "hooks.h"
#include "settings.h"

extern const cloud_setting_t cloud_mail_settings[];

/** Its tables. account: whose mail it is, 0 for none. claimed: somebody is about to send it, and has until due.
 *  mail_sender: on whose behalf it waits; what the server sends by itself has no row there. */
#define CLOUD_MAIL_SCHEMA \
    "CREATE TABLE IF NOT EXISTS mail (id INTEGER PRIMARY KEY NOT NULL, account INTEGER NOT NULL," \
    " recipient TEXT NOT NULL, to_name TEXT, from_name TEXT, reply_to TEXT," \
    " subject TEXT NOT NULL, body TEXT NOT NULL, message_id TEXT NOT NULL," \
    " created INTEGER NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL," \
    " claimed INTEGER NOT NULL, problem TEXT);" \
    "CREATE INDEX IF NOT EXISTS mail_due ON mail (due);" \
    "CREATE INDEX IF NOT EXISTS mail_created ON mail (created);" \
    "CREATE INDEX IF NOT EXISTS mail_account ON mail (account);" \
    "CREATE TABLE IF NOT EXISTS mail_sender (mail INTEGER PRIMARY KEY NOT NULL," \
    " account INTEGER NOT NULL);" \
    "CREATE INDEX IF NOT EXISTS mail_sender_account ON mail_sender (account);"

/** Mails that wait at most, of all together; how many of one account do is a setting. */
#define CLOUD_MAIL_MAX 10000
/** After so many days a mail is given up. */
#define CLOUD_MAIL_DAYS 5

/** The hooks mail, mail_ready and account_deleted. */
cloud_err_t *cloud_mail_add(cloud_ctx_t *ctx, const cloud_mail_t *mail);
cloud_err_t *cloud_mail_is_ready(int *yes, cloud_ctx_t *ctx);
cloud_err_t *cloud_mail_forget(cloud_ctx_t *ctx, const cloud_account_t *account);

typedef int cloud_mail_stopping_fn(void);

/** Sends the next mail that is due. *sent 1: it was sent, 0: it was tried in vain, -1: none was due. A
 *  failure is not an error: it is noted in the queue. stopping (may be NULL): see sendmail.h. By the
 *  system (DENIED); UNAVAILABLE when no mail can be sent from here. */
cloud_err_t *cloud_mail_send_next(int *sent, cloud_ctx_t *ctx, cloud_mail_stopping_fn *stopping);
/** The job: sends one; *more 1 when there may be more. After a slow or failed try it pauses for a
 *  multiple of the time that took, so that other jobs have theirs. */
cloud_err_t *cloud_mail_job(int *more, cloud_ctx_t *ctx, cloud_mail_stopping_fn *stopping);
/** A bounded step of giving up; each mail is one line in the log. */
cloud_err_t *cloud_mail_expire(int *more, cloud_ctx_t *ctx);
/** Makes all mails due that nobody is just sending. By the system (DENIED). */
cloud_err_t *cloud_mail_retry_all(cloud_ctx_t *ctx);

/** A mail that waits. */
typedef struct {
    apr_int64_t id;
    const char *to, *subject;
    apr_time_t created, due;
    apr_int64_t tries;
    const char *problem;       /* of the last try, or NULL */
} cloud_mail_row_t;

/** Those that wait, the oldest first, at most limit: array of cloud_mail_row_t. By the system (DENIED). */
cloud_err_t *cloud_mail_list(apr_array_header_t **list, cloud_ctx_t *ctx, int limit,
                             apr_pool_t *pool);

#endif
