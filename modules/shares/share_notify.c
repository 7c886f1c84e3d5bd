/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Notices: what waits for an answer, and what was answered. */
#include "share.h"
#include "notify.h"

#include <string.h>

#define APP  "files_sharing"
#define KIND "local_share"
#define SHARE_API "/ocs/v1.php/apps/files_sharing/api/v1/shares/"
/* Members of a group who are told in one transaction. */
#define AT_ONCE 500

static const char *object_id(const cloud_ctx_t *ctx, apr_int64_t id)
{
    return apr_psprintf(ctx->pool, "ocinternal:%" APR_INT64_T_FMT, id);
}

/* A name, with what tells it from others of the same, as ownCloud shows it in notices. */
static cloud_err_t *shown_name(const char **name, cloud_ctx_t *ctx, const cloud_share_party_t *p)
{
    const char *field, *more;

    CLOUD_ERR(cloud_setting_get(&field, NULL, ctx, "core", "user_additional_info_field"));
    more = !field ? NULL : !strcmp(field, "email") ? p->email : !strcmp(field, "id") ? p->id : NULL;
    *name = more ? apr_psprintf(ctx->pool, "%s (%s)", p->name, more) : p->name;
    return NULL;
}

static cloud_err_t *offer(cloud_ctx_t *ctx, const cloud_account_t *to, const cloud_share_t *s)
{
    const char *link = apr_psprintf(ctx->pool, SHARE_API "pending/%" APR_INT64_T_FMT, s->id);
    const cloud_notice_action_t actions[] = {
        { "Decline", link, "DELETE", 0 }, { "Accept", link, "POST", 1 },
    };
    cloud_notice_t notice = { .app = APP, .object_type = KIND, .actions = actions, .nactions = 2 };
    const char *owner, *by;

    CLOUD_ERR(shown_name(&owner, ctx, &s->owner));
    CLOUD_ERR(shown_name(&by, ctx, &s->initiator));
    by = s->initiator.number == s->owner.number
        ? "" : apr_psprintf(ctx->pool, " (on behalf of \"%s\")", by);
    notice.object_id = object_id(ctx, s->id);
    notice.subject = apr_psprintf(ctx->pool, "\"%s\" shared \"%s\" with you%s", owner, s->target,
                                  by);
    notice.message = apr_psprintf(ctx->pool, "\"%s\" invited you to view \"%s\"%s", owner,
                                  s->target, by);
    notice.link = apr_psprintf(ctx->pool, "/index.php/f/%" APR_INT64_T_FMT, s->node);
    return cloud_notify_tx(ctx, to, &notice);
}

/* Members who have to answer, in order of number, behind after; *last: where the next ones begin, 0 when these were all. */
static cloud_err_t *pending_members(apr_array_header_t **accounts, apr_int64_t *last,
                                    cloud_ctx_t *ctx, const cloud_share_t *s, apr_int64_t after)
{
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row;

    *accounts = apr_array_make(ctx->pool, 16, sizeof(apr_int64_t));
    *last = 0;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT b.account FROM membership b JOIN share s ON s.id = ?1"
                             " LEFT JOIN share_member m ON m.share = s.id AND m.account = b.account"
                             " WHERE b.usergroup = s.recipient AND b.account > ?3 AND b.account NOT IN"
                             " (s.owner, s.initiator) AND COALESCE(m.state, s.state) = 1"
                             " ORDER BY b.account LIMIT ?2", "iii", s->id, (apr_int64_t)AT_ONCE,
                             after));
    while (!err && row) {
        APR_ARRAY_PUSH(*accounts, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    if ((*accounts)->nelts == AT_ONCE)
        *last = APR_ARRAY_IDX(*accounts, AT_ONCE - 1, apr_int64_t);
    return err;
}

/* Those behind after, as many as one transaction takes; the job goes on with the others. */
static cloud_err_t *offer_members(cloud_ctx_t *ctx, const cloud_share_t *s, apr_int64_t after)
{
    apr_array_header_t *members;
    cloud_account_t *a;
    apr_int64_t last;
    int i;

    CLOUD_ERR(pending_members(&members, &last, ctx, s, after));
    for (i = 0; i < members->nelts; i++) {
        CLOUD_ERR(cloud_account_by_number(&a, ctx, APR_ARRAY_IDX(members, i, apr_int64_t),
                                          ctx->pool));
        CLOUD_ERR(offer(ctx, a, s));
    }
    if (!last) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO share_announce (share, told) VALUES (?1, ?2)"
                        " ON CONFLICT (share) DO UPDATE SET told = excluded.told", "ii", s->id, last);
}

cloud_err_t *cloud_share_announce(cloud_ctx_t *ctx, const cloud_share_t *s,
                                  const cloud_account_t *user)
{
    if (s->type == CLOUD_SHARE_USER)
        return s->state == CLOUD_SHARE_PENDING ? offer(ctx, user, s) : NULL;
    return s->type == CLOUD_SHARE_GROUP ? offer_members(ctx, s, 0) : NULL;
}

static cloud_err_t *next_group(apr_int64_t *id, apr_int64_t *after, cloud_ctx_t *ctx)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT share, told FROM share_announce ORDER BY share LIMIT 1", ""));
    *id = row ? cloud_col_int(st, 0) : 0;
    *after = row ? cloud_col_int(st, 1) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* In the name of who shared it: what he causes is counted for him. */
static cloud_err_t *offer_for(cloud_ctx_t *ctx, const cloud_share_t *s, apr_int64_t after)
{
    const cloud_principal_t system = ctx->who;
    cloud_account_t *by;
    cloud_err_t *err;

    CLOUD_ERR(cloud_account_by_number(&by, ctx, s->initiator.number, ctx->pool));
    ctx->who = (cloud_principal_t){ .account = by, .client = system.client };
    err = offer_members(ctx, s, after);
    ctx->who = system;
    return err;
}

static cloud_err_t *announce_tx(cloud_ctx_t *ctx)
{
    apr_int64_t id, after;
    cloud_share_t *s;

    CLOUD_ERR(next_group(&id, &after, ctx));
    if (!id) return NULL;
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM share_announce WHERE share = ?1",
                           "i", id));
    CLOUD_ERR(cloud_share_row(&s, ctx, id, ctx->pool));
    return s ? offer_for(ctx, s, after) : NULL;
}

cloud_err_t *cloud_share_announce_more(int *more, cloud_ctx_t *ctx)
{
    apr_int64_t id, after;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = next_group(&id, &after, ctx);
    cloud_tx_rollback(ctx);
    *more = !err && id;
    if (!*more) return err;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, announce_tx(ctx));
}

cloud_err_t *cloud_share_unannounce(cloud_ctx_t *ctx, apr_int64_t id,
                                    const cloud_account_t *account)
{
    return cloud_unnotify_tx(ctx, account, APP, KIND, object_id(ctx, id));
}

cloud_err_t *cloud_share_answered(cloud_ctx_t *ctx, const cloud_share_t *s,
                                  const cloud_account_t *account)
{
    cloud_notice_t notice = { .app = APP, .object_type = "local_share_answer" };
    cloud_account_t *to;

    CLOUD_ERR(cloud_account_by_number(&to, ctx, s->initiator.number, ctx->pool));
    notice.object_id = apr_psprintf(ctx->pool, "%s:%" APR_INT64_T_FMT, object_id(ctx, s->id),
                                    account->number);
    notice.subject = apr_psprintf(ctx->pool, "\"%s\" %s \"%s\"", account->display_name,
                                  s->state == CLOUD_SHARE_ACCEPTED ? "accepted" : "declined",
                                  s->target);
    notice.link = apr_psprintf(ctx->pool, "/index.php/f/%" APR_INT64_T_FMT, s->node);
    return cloud_notify_tx(ctx, to, &notice);
}
