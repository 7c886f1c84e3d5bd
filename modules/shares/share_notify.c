/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Notices: what waits for an answer, and what was answered. */
#include "share.h"
#include "notify.h"

#include <string.h>

#define APP  "files_sharing"
#define KIND "local_share"
#define SHARE_API "/ocs/v1.php/apps/files_sharing/api/v1/shares/"
/* Members of a group who are told at once; a larger group hears of it otherwise. */
#define MEMBERS_MAX 1000

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

/* Members who have to answer. */
static cloud_err_t *pending_members(apr_array_header_t **accounts, cloud_ctx_t *ctx,
                                    const cloud_share_t *s)
{
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row;

    *accounts = apr_array_make(ctx->pool, 16, sizeof(apr_int64_t));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT b.account FROM membership b JOIN share s ON s.id = ?1"
                             " LEFT JOIN share_member m ON m.share = s.id AND m.account = b.account"
                             " WHERE b.usergroup = s.recipient AND b.account NOT IN (s.owner,"
                             " s.initiator) AND COALESCE(m.state, s.state) = 1 LIMIT ?2", "ii",
                             s->id, (apr_int64_t)MEMBERS_MAX));
    while (!err && row) {
        APR_ARRAY_PUSH(*accounts, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_share_announce(cloud_ctx_t *ctx, const cloud_share_t *s,
                                  const cloud_account_t *user)
{
    apr_array_header_t *members;
    cloud_account_t *a;
    int i;

    if (s->type == CLOUD_SHARE_USER)
        return s->state == CLOUD_SHARE_PENDING ? offer(ctx, user, s) : NULL;
    if (s->type != CLOUD_SHARE_GROUP) return NULL;
    CLOUD_ERR(pending_members(&members, ctx, s));
    for (i = 0; i < members->nelts; i++) {
        CLOUD_ERR(cloud_account_by_number(&a, ctx, APR_ARRAY_IDX(members, i, apr_int64_t),
                                          ctx->pool));
        CLOUD_ERR(offer(ctx, a, s));
    }
    return NULL;
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
