/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The queue of mails. */
#include "mail.h"

#include <string.h>

#include "internal.h"
#include "key.h"
#include "message.h"
#include "notices_private.h"
#include "sendmail.h"
#include "text.h"

#define LEASE        apr_time_from_sec(15 * 60) /* nobody else tries it meanwhile */
#define TIMEOUT_MAX  300                        /* seconds; well below LEASE */
#define DAY          apr_time_from_sec(24 * 60 * 60)
#define EXPIRE_STEP  100
#define LONG         apr_time_from_msec(500)
#define PAUSE        10                         /* times as long as a failed try took */
#define PAUSED_UNTIL "mail.paused_until"        /* meta */
#define RANDOM_LEN   12
#define TEXT_MAX     65536                      /* characters */

const cloud_setting_t cloud_mail_settings[] = {
    { "notifications", "mail_waiting_per_account", CLOUD_SET_INT, "1000", 1, CLOUD_MAIL_MAX,
      "How many mails that one account caused may wait to be sent" },
    { "system", "mail_domain", CLOUD_SET_STRING, "", 0, 0,
      "Domain of the address that mails come from" },
    { "system", "mail_from_address", CLOUD_SET_STRING, "", 0, 0,
      "The address that mails come from, with or without the domain" },
    { "system", "mail_from_name", CLOUD_SET_STRING, "", 0, 0, "The name before that address" },
    { "system", "mail_sendmail", CLOUD_SET_STRING, "", 0, 0,
      "Command that sends mail; counts in the configuration of httpd alone (CloudSendmail)" },
    { "system", "mail_smtptimeout", CLOUD_SET_INT, "30", 1, TIMEOUT_MAX,
      "Seconds that sending a mail may take" },
    { "system", "overwrite.cli.url", CLOUD_SET_STRING, "", 0, 0,
      "The address of the cloud, for links in mails: https://cloud.example.org/" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

static cloud_err_t *only_system(const cloud_ctx_t *ctx)
{
    return ctx->who.system ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

/* ---- whether, from whom, and where ---- */

/* Whoever can write to the database must not be able to have a command run: it is taken from the
 * configuration of httpd alone. "" : no mail is sent. */
static cloud_err_t *get_command(const char **command, cloud_ctx_t *ctx)
{
    cloud_layer_t layer;

    CLOUD_ERR(cloud_setting_get(command, &layer, ctx, "system", "mail_sendmail"));
    if (layer != CLOUD_LAYER_FILE || !*command) *command = "";
    return NULL;
}

/* "" when none is configured, or it is none. */
static cloud_err_t *get_from(const char **from, cloud_ctx_t *ctx)
{
    const char *domain;

    CLOUD_ERR(cloud_setting_get(from, NULL, ctx, "system", "mail_from_address"));
    CLOUD_ERR(cloud_setting_get(&domain, NULL, ctx, "system", "mail_domain"));
    if (**from && !strchr(*from, '@')) *from = apr_pstrcat(ctx->pool, *from, "@", domain, NULL);
    if (!cloud_message_address_ok(*from)) *from = "";
    return NULL;
}

cloud_err_t *cloud_mail_is_ready(int *yes, cloud_ctx_t *ctx)
{
    const char *command, *from;

    CLOUD_ERR(get_command(&command, ctx));
    CLOUD_ERR(get_from(&from, ctx));
    *yes = *command && *from;
    return NULL;
}

/* ---- adding ---- */

/* Whether there is an n-th row. */
static cloud_err_t *has_nth(int *yes, cloud_ctx_t *ctx, const char *sql, apr_int64_t account,
                            apr_int64_t n)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, ctx->pool, sql, "ii", account, n - 1));
    cloud_stmt_done(st);
    return NULL;
}

/* Numbers are drawn in order, so mostly the first one that waits says enough; rows are counted only where an old one
 * waits among few. */
static cloud_err_t *is_full(int *full, cloud_ctx_t *ctx, apr_int64_t id)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id FROM mail ORDER BY id LIMIT 1", ""));
    *full = row && id - cloud_col_int(st, 0) >= CLOUD_MAIL_MAX;
    cloud_stmt_done(st);
    return *full ? has_nth(full, ctx, "SELECT 1 FROM mail WHERE ?1 = 0 LIMIT 1 OFFSET ?2", 0,
                           CLOUD_MAIL_MAX)
                 : NULL;
}

static apr_int64_t sender_of(const cloud_ctx_t *ctx)
{
    return ctx->who.system || !ctx->who.account ? 0 : ctx->who.account->number;
}

/* Nobody takes the places of all others. */
static cloud_err_t *has_too_many(int *yes, cloud_ctx_t *ctx)
{
    apr_int64_t sender = sender_of(ctx), most;

    *yes = 0;
    if (!sender) return NULL;
    CLOUD_ERR(cloud_setting_int(&most, ctx, "notifications", "mail_waiting_per_account"));
    return has_nth(yes, ctx, "SELECT 1 FROM mail_sender WHERE account = ?1 LIMIT 1 OFFSET ?2", sender,
                   most);
}

static cloud_err_t *insert(cloud_ctx_t *ctx, apr_int64_t id, const cloud_mail_t *mail)
{
    unsigned char bytes[RANDOM_LEN];
    char text[RANDOM_LEN * 4 / 3 + 1];
    apr_time_t now = apr_time_now();
    const char *message_id;

    CLOUD_ERR(cloud_random(bytes, sizeof bytes, ctx->pool));
    cloud_base64url(text, bytes, sizeof bytes);
    message_id = apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT ".%" APR_INT64_T_FMT ".%s", now, id,
                              text);
    if (sender_of(ctx))
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "INSERT INTO mail_sender (mail, account) VALUES (?1, ?2)", "ii", id,
                               sender_of(ctx)));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO mail (id, account, recipient, to_name, from_name, reply_to,"
                        " subject, body, message_id, created, due, tries, claimed)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 0, 0)",
                        "iittttttti", id, mail->account ? mail->account->number : 0, mail->to,
                        mail->to_name, mail->from_name, mail->reply_to,
                        cloud_text_line(mail->subject, CLOUD_NOTICE_SUBJECT_MAX, ctx->pool),
                        cloud_text_cut(mail->text, TEXT_MAX, ctx->pool), message_id, now);
}

cloud_err_t *cloud_mail_add(cloud_ctx_t *ctx, const cloud_mail_t *mail)
{
    apr_int64_t id;
    int ready, full;

    if (!mail->to || !cloud_message_address_ok(mail->to)
        || (mail->reply_to && !cloud_message_address_ok(mail->reply_to)))
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "That is no address that mail can be sent to");
    CLOUD_ERR(cloud_mail_is_ready(&ready, ctx));
    if (!ready) return NULL;
    CLOUD_ERR(has_too_many(&full, ctx));
    if (full) return cloud_err(ctx->pool, CLOUD_E_QUOTA, "Too many of your mails wait to be sent");
    CLOUD_ERR(cloud_notices_next(&id, ctx, "mail.last"));
    CLOUD_ERR(is_full(&full, ctx, id));
    if (full) return cloud_err(ctx->pool, CLOUD_E_QUOTA, "Too many mails wait to be sent");
    return insert(ctx, id, mail);
}

/* where: a condition on mail, of ?1. */
#define DELETE_MAIL(where) \
    "DELETE FROM mail_sender WHERE mail IN (SELECT id FROM mail WHERE " where ")", \
    "DELETE FROM mail WHERE " where

static cloud_err_t *run_each(cloud_ctx_t *ctx, const char *const *sql, size_t n, apr_int64_t value)
{
    size_t i;

    for (i = 0; i < n; i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, sql[i], "i", value));
    return NULL;
}

static cloud_err_t *delete_mail(cloud_ctx_t *ctx, apr_int64_t id)
{
    static const char *const sql[] = { DELETE_MAIL("id = ?1") };

    return run_each(ctx, sql, sizeof sql / sizeof *sql, id);
}

cloud_err_t *cloud_mail_forget(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    static const char *const sql[] = { DELETE_MAIL("account = ?1"),
                                       "DELETE FROM mail_sender WHERE account = ?1" };

    return run_each(ctx, sql, sizeof sql / sizeof *sql, account->number);
}

/* ---- sending ---- */

typedef struct {
    cloud_message_t m;
    apr_int64_t id, tries;
    int found;
} due_t;

static cloud_err_t *find_due(due_t *d, cloud_ctx_t *ctx, apr_time_t now)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, &d->found, ctx->db, ctx->pool,
                             "SELECT id, tries, recipient, to_name, from_name, reply_to, subject,"
                             " body, message_id, created FROM mail WHERE due <= ?1"
                             " ORDER BY due LIMIT 1",
                             "i", now));
    if (d->found) {
        d->id = cloud_col_int(st, 0);
        d->tries = cloud_col_int(st, 1);
        d->m.to = cloud_col_dup(st, 2, ctx->pool);
        d->m.to_name = cloud_col_dup(st, 3, ctx->pool);
        d->m.from_name = cloud_col_dup(st, 4, ctx->pool);
        d->m.reply_to = cloud_col_dup(st, 5, ctx->pool);
        d->m.subject = cloud_col_dup(st, 6, ctx->pool);
        d->m.text = cloud_col_dup(st, 7, ctx->pool);
        d->m.id = cloud_col_dup(st, 8, ctx->pool);
        d->m.date = cloud_col_int(st, 9);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *claim_tx(due_t *d, cloud_ctx_t *ctx)
{
    apr_time_t now = apr_time_now();

    CLOUD_ERR(find_due(d, ctx, now));
    if (!d->found) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE mail SET due = ?2, tries = tries + 1, claimed = 1 WHERE id = ?1",
                        "ii", d->id, now + LEASE);
}

/* Takes it away from all others, who may be in other processes. */
static cloud_err_t *claim(due_t *d, cloud_ctx_t *ctx)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find_due(d, ctx, apr_time_now());
    cloud_tx_rollback(ctx);
    if (err || !d->found) return err;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = claim_tx(d, ctx);
    if (!err) return cloud_tx_commit(ctx); /* lost, it is tried again */
    cloud_tx_rollback(ctx);
    return err;
}

/* A minute, then four times as long each time, up to six hours. */
static apr_interval_time_t back_off(apr_int64_t tries)
{
    apr_interval_time_t wait = apr_time_from_sec(60);

    for (; tries > 0 && wait < DAY / 4; tries--) wait *= 4;
    return wait < DAY / 4 ? wait : DAY / 4;
}

static cloud_err_t *settle_tx(const due_t *d, cloud_ctx_t *ctx, const cloud_err_t *problem)
{
    apr_time_t now = apr_time_now();

    if (!problem)
        return delete_mail(ctx, d->id);
    if (problem->code == CLOUD_E_AGAIN)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "UPDATE mail SET due = ?2, tries = ?3, claimed = 0 WHERE id = ?1", "iii",
                            d->id, now, d->tries);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE mail SET due = ?2, problem = ?3, claimed = 0 WHERE id = ?1", "iit",
                        d->id, now + back_off(d->tries),
                        cloud_text_line(problem->cause ? problem->cause : problem->msg,
                                        CLOUD_NOTICE_SUBJECT_MAX, ctx->pool));
}

static cloud_err_t *how_to_send(cloud_sendmail_t *how, due_t *d, cloud_ctx_t *ctx)
{
    apr_int64_t seconds;

    CLOUD_ERR(get_command(&how->command, ctx));
    CLOUD_ERR(get_from(&d->m.from, ctx));
    if (!*how->command || !*d->m.from)
        return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE,
                         "No mail can be sent: CloudSendmail and CloudMailFrom say how");
    if (!d->m.from_name)
        CLOUD_ERR(cloud_setting_get(&d->m.from_name, NULL, ctx, "system", "mail_from_name"));
    CLOUD_ERR(cloud_setting_int(&seconds, ctx, "system", "mail_smtptimeout"));
    how->timeout = apr_time_from_sec(seconds);
    return NULL;
}

cloud_err_t *cloud_mail_send_next(int *sent, cloud_ctx_t *ctx, cloud_mail_stopping_fn *stopping)
{
    cloud_sendmail_t how = { .stopping = stopping };
    due_t d = { .found = 0 };
    cloud_err_t *problem;
    int ready;

    *sent = -1;
    CLOUD_ERR(only_system(ctx));
    CLOUD_ERR(cloud_mail_is_ready(&ready, ctx));
    if (!ready) return how_to_send(&how, &d, ctx);
    CLOUD_ERR(claim(&d, ctx));
    if (!d.found) return NULL;
    CLOUD_ERR(how_to_send(&how, &d, ctx));
    CLOUD_POINT("mail-claimed");
    problem = cloud_sendmail(&how, cloud_message_text(&d.m, ctx->pool), ctx->pool);
    CLOUD_POINT("mail-sent");
    *sent = problem == NULL;
    if (problem)
        CLOUD_LOG(ctx->store, INFO, "mail %" APR_INT64_T_FMT " to %s was not sent: %s", d.id, d.m.to,
                  problem->cause ? problem->cause : problem->msg);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, settle_tx(&d, ctx, problem));
}

/* ---- the jobs ---- */

static cloud_err_t *paused_until(apr_time_t *until, cloud_ctx_t *ctx)
{
    const char *value = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_meta_get(&value, ctx, PAUSED_UNTIL, ctx->pool);
    cloud_tx_rollback(ctx);
    *until = value ? apr_atoi64(value) : 0;
    return err;
}

static cloud_err_t *pause_for(cloud_ctx_t *ctx, apr_interval_time_t time)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_meta_set(ctx, PAUSED_UNTIL,
                         apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, apr_time_now() + time));
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_mail_job(int *more, cloud_ctx_t *ctx, cloud_mail_stopping_fn *stopping)
{
    apr_time_t start = apr_time_now(), until, took;
    int ready, sent;

    *more = 0;
    CLOUD_ERR(cloud_mail_is_ready(&ready, ctx));
    if (!ready) return NULL;
    CLOUD_ERR(paused_until(&until, ctx));
    if (start < until && until < start + DAY) return NULL; /* beyond: the clock was set */
    CLOUD_ERR(cloud_mail_send_next(&sent, ctx, stopping));
    took = apr_time_now() - start;
    *more = sent == 1 && took < LONG;
    if (sent == 0) return pause_for(ctx, PAUSE * took);
    return took < LONG ? NULL : pause_for(ctx, took);
}

static cloud_err_t *expire_tx(int *more, cloud_ctx_t *ctx)
{
    apr_time_t before = apr_time_now() - CLOUD_MAIL_DAYS * DAY;
    apr_array_header_t *ids = apr_array_make(ctx->pool, 8, sizeof(apr_int64_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, recipient, tries, problem FROM mail WHERE created < ?1"
                             " ORDER BY created LIMIT ?2",
                             "ii", before, (apr_int64_t)EXPIRE_STEP));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        const char *problem = cloud_col_text(st, 3);

        APR_ARRAY_PUSH(ids, apr_int64_t) = cloud_col_int(st, 0);
        CLOUD_LOG(ctx->store, WARN,
                  "mail %" APR_INT64_T_FMT " to %s is given up after %" APR_INT64_T_FMT " tries: %s",
                  cloud_col_int(st, 0), cloud_col_text(st, 1), cloud_col_int(st, 2),
                  problem ? problem : "no mail could be sent");
    }
    cloud_stmt_done(st);
    for (i = 0; !err && i < ids->nelts; i++)
        err = delete_mail(ctx, APR_ARRAY_IDX(ids, i, apr_int64_t));
    *more = ids->nelts == EXPIRE_STEP;
    return err;
}

cloud_err_t *cloud_mail_expire(int *more, cloud_ctx_t *ctx)
{
    *more = 0;
    CLOUD_ERR(only_system(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, expire_tx(more, ctx));
}

/* ---- for the administrator ---- */

cloud_err_t *cloud_mail_retry_all(cloud_ctx_t *ctx)
{
    CLOUD_ERR(only_system(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, cloud_db_run(ctx->db, NULL, ctx->pool,
                                          "UPDATE mail SET due = ?1 WHERE due > ?1 AND claimed = 0",
                                          "i", apr_time_now()));
}

static cloud_err_t *list_tx(apr_array_header_t *list, cloud_ctx_t *ctx, int limit)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, recipient, subject, created, due, tries, problem FROM mail"
                             " ORDER BY id LIMIT ?1",
                             "i", (apr_int64_t)limit));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        cloud_mail_row_t *m = apr_array_push(list);

        m->id = cloud_col_int(st, 0);
        m->to = cloud_col_dup(st, 1, list->pool);
        m->subject = cloud_col_dup(st, 2, list->pool);
        m->created = cloud_col_int(st, 3);
        m->due = cloud_col_int(st, 4);
        m->tries = cloud_col_int(st, 5);
        m->problem = cloud_col_dup(st, 6, list->pool);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_mail_list(apr_array_header_t **list, cloud_ctx_t *ctx, int limit,
                             apr_pool_t *pool)
{
    cloud_err_t *err;

    *list = apr_array_make(pool, 8, sizeof(cloud_mail_row_t));
    CLOUD_ERR(only_system(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*list, ctx, limit);
    cloud_tx_rollback(ctx);
    return err;
}
