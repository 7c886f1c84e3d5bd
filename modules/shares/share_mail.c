/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mails about shares, sent when who shared asks for it. */
#include "share.h"
#include "notify.h"

#include <string.h>
#include <time.h>

#define RECIPIENTS_MAX 100

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;   /* who sends */
    const cloud_share_t *share;
    const char *link, *note;
    cloud_share_unsent_t *unsent;
    int sent;
} mailing_t;

static void fail(mailing_t *m, const char *name)
{
    APR_ARRAY_PUSH(m->unsent->who, const char *) = apr_pstrdup(m->unsent->who->pool, name);
}

static const char *last_day(const mailing_t *m)
{
    time_t day = (time_t)(m->share->expires - CLOUD_SHARE_DAY);
    char buf[16] = "";
    struct tm tm;

    if (!m->share->expires || !gmtime_r(&day, &tm)) return "";
    strftime(buf, sizeof buf, "%Y-%m-%d", &tm);
    return apr_psprintf(m->ctx->pool, "The share will expire on %s.\n\n", buf);
}

static cloud_err_t *queue(mailing_t *m, const cloud_account_t *to, const char *address,
                          const char *name)
{
    apr_pool_t *pool = m->ctx->pool;
    const char *sender = m->account->display_name, *item = m->share->target;
    cloud_mail_t mail = { .account = to, .to = address, .to_name = to ? name : NULL,
                          .from_name = sender, .reply_to = m->account->email };
    cloud_err_t *err;

    mail.subject = apr_psprintf(pool, "%s shared \xc2\xbb%s\xc2\xab with you", sender, item);
    mail.text = apr_psprintf(pool, "%s shared %s with you.\n\n%s%s%sView it: %s\n", sender, item,
                             m->note && *m->note ? m->note : "",
                             m->note && *m->note ? "\n\n" : "", last_day(m), m->link);
    err = cloud_mail_queue_tx(m->ctx, &mail);
    if (cloud_err_is(err, CLOUD_E_QUOTA)) m->unsent->why = err->msg;
    if (cloud_err_is(err, CLOUD_E_INVALID) || cloud_err_is(err, CLOUD_E_QUOTA)) {
        fail(m, name);
        return NULL;
    }
    m->sent += !err;
    return err;
}

static cloud_err_t *needs(cloud_ctx_t *ctx, const char *key, const char *msg)
{
    int yes;

    CLOUD_ERR(cloud_share_check_enabled(ctx));
    CLOUD_ERR(cloud_setting_bool(&yes, ctx, "core", key));
    return yes ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, "%s", msg);
}

/* A share of the account's. *share NULL: there is none. */
static cloud_err_t *find(cloud_share_t **share, cloud_ctx_t *ctx, const cloud_account_t *account,
                         cloud_stmt_t *st, int row)
{
    apr_int64_t id = row ? cloud_col_int(st, 0) : 0;

    *share = NULL;
    cloud_stmt_done(st);
    if (id) CLOUD_ERR(cloud_share_row(share, ctx, id, ctx->pool));
    if (*share && (*share)->owner.number != account->number
        && (*share)->initiator.number != account->number) *share = NULL;
    return NULL;
}

/* ---- accounts and groups ---- */

static cloud_err_t *mail_account(mailing_t *m, apr_int64_t number)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_by_number(&a, m->ctx, number, m->ctx->pool));
    if (!a->email || !*a->email) {
        fail(m, a->display_name);
        return NULL;
    }
    return queue(m, a, a->email, a->display_name);
}

/* Who is in a group is told only to whom it is shown elsewhere as well. */
static cloud_err_t *may_name_members(int *yes, mailing_t *m)
{
    cloud_stmt_t *st;
    int mine;

    CLOUD_ERR(cloud_setting_bool(yes, m->ctx, "core",
                                 "shareapi_allow_share_dialog_user_enumeration"));
    CLOUD_ERR(cloud_setting_bool(&mine, m->ctx, "core",
                                 "shareapi_share_dialog_user_enumeration_group_members"));
    if (!*yes || !mine) return NULL;
    CLOUD_ERR(cloud_db_query(&st, yes, m->ctx->db, m->ctx->pool,
                             "SELECT 1 FROM membership WHERE usergroup = ?1 AND account = ?2", "ii",
                             m->share->recipient.number, m->account->number));
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *mail_members(mailing_t *m)
{
    apr_array_header_t *numbers = apr_array_make(m->ctx->pool, 16, sizeof(apr_int64_t));
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row, i, named;

    CLOUD_ERR(cloud_db_query(&st, &row, m->ctx->db, m->ctx->pool,
                             "SELECT account FROM membership WHERE usergroup = ?1 AND account"
                             " NOT IN (?2, ?3) LIMIT ?4", "iiii", m->share->recipient.number,
                             m->account->number, m->share->owner.number,
                             (apr_int64_t)RECIPIENTS_MAX));
    while (!err && row) {
        APR_ARRAY_PUSH(numbers, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&row, st, m->ctx->pool);
    }
    cloud_stmt_done(st);
    for (i = 0; !err && i < numbers->nelts; i++)
        err = mail_account(m, APR_ARRAY_IDX(numbers, i, apr_int64_t));
    if (!err) err = may_name_members(&named, m);
    if (err || named || !m->unsent->who->nelts) return err;
    apr_array_clear(m->unsent->who);
    fail(m, m->share->recipient.name);
    return NULL;
}

/* The share of the account's with this recipient. */
static cloud_err_t *find_internal(cloud_share_t **share, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t node, int type,
                                  const char *recipient)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT s.id FROM share s WHERE s.node = ?1 AND s.type = ?2 AND"
                             " s.recipient = CASE s.type WHEN 0 THEN (SELECT number FROM account"
                             " WHERE folded = ?3) ELSE (SELECT number FROM usergroup WHERE id = ?4)"
                             " END", "iitt", node, (apr_int64_t)type,
                             cloud_account_fold(recipient, ctx->pool), recipient));
    CLOUD_ERR(find(share, ctx, account, st, row));
    return *share ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND,
                                     "Wrong share ID, share doesn't exist");
}

static cloud_err_t *mark_sent(cloud_ctx_t *ctx, apr_int64_t id)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE share SET mail_send = 1 WHERE id = ?1",
                        "i", id);
}

static cloud_err_t *internal_tx(mailing_t *m, apr_int64_t node, int type, const char *recipient,
                                int only_mark)
{
    cloud_share_t *s;

    CLOUD_ERR(find_internal(&s, m->ctx, m->account, node, type, recipient));
    m->share = s;
    if (only_mark) return mark_sent(m->ctx, s->id);
    CLOUD_ERR(type == CLOUD_SHARE_GROUP ? mail_members(m) : mail_account(m, s->recipient.number));
    return m->sent ? mark_sent(m->ctx, s->id) : NULL;
}

cloud_err_t *cloud_share_mark_sent(cloud_ctx_t *ctx, const cloud_account_t *account,
                                   apr_int64_t node, int type, const char *recipient)
{
    mailing_t m = { .ctx = ctx, .account = account };

    CLOUD_ERR(cloud_share_check_enabled(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, internal_tx(&m, node, type, recipient, 1));
}

cloud_err_t *cloud_share_mail_recipients(cloud_share_unsent_t *unsent, cloud_ctx_t *ctx,
                                         const cloud_account_t *account, apr_int64_t node, int type,
                                         const char *recipient, const char *link)
{
    mailing_t m = { .ctx = ctx, .account = account, .link = link, .unsent = unsent };
    int ready;

    *unsent = (cloud_share_unsent_t){ apr_array_make(ctx->pool, 4, sizeof(const char *)), NULL };
    CLOUD_ERR(needs(ctx, "shareapi_allow_mail_notification",
                    "Internal mail notification for shared files is not allowed"));
    CLOUD_ERR(cloud_mail_ready(&ready, ctx));
    if (!ready) {
        fail(&m, recipient);
        return NULL;
    }
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, internal_tx(&m, node, type, recipient, 0));
}

/* ---- links ---- */

static cloud_err_t *link_tx(mailing_t *m, const char *token, const apr_array_header_t *addresses)
{
    cloud_share_t *s;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_db_query(&st, &row, m->ctx->db, m->ctx->pool,
                             "SELECT id FROM share WHERE token = ?1 AND type = 3", "t", token));
    CLOUD_ERR(find(&s, m->ctx, m->account, st, row));
    m->share = s;
    for (i = 0; i < addresses->nelts; i++) {
        const char *address = APR_ARRAY_IDX(addresses, i, const char *);

        if (s && i < RECIPIENTS_MAX) CLOUD_ERR(queue(m, NULL, address, address));
        else fail(m, address);
    }
    return m->sent ? mark_sent(m->ctx, s->id) : NULL;
}

cloud_err_t *cloud_share_mail_link(cloud_share_unsent_t *unsent, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, const char *token,
                                   const char *link, const char *note,
                                   const apr_array_header_t *addresses)
{
    mailing_t m = { .ctx = ctx, .account = account, .link = link, .note = note,
                    .unsent = unsent };
    int ready, i;

    *unsent = (cloud_share_unsent_t){ apr_array_make(ctx->pool, 4, sizeof(const char *)), NULL };
    CLOUD_ERR(needs(ctx, "shareapi_allow_public_notification",
                    "Public link mail notification is not allowed"));
    CLOUD_ERR(cloud_mail_ready(&ready, ctx));
    for (i = 0; !ready && i < addresses->nelts; i++)
        fail(&m, APR_ARRAY_IDX(addresses, i, const char *));
    if (!ready) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, link_tx(&m, token, addresses));
}
