/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What recipients say of what they are given, and where they put it. */
#include "share.h"
#include "mount_private.h"

cloud_err_t *cloud_share_set_state(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t node,
                                   cloud_share_state_t state)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE share SET state = ?3 WHERE type = 0 AND recipient = ?1"
                           " AND node = ?2", "iii", account, node, (apr_int64_t)state));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "INSERT INTO share_member (share, account, state) SELECT h.id, ?1, ?3"
                           " FROM share h JOIN membership b ON b.usergroup = h.recipient"
                           " AND b.account = ?1 WHERE h.type = 1 AND h.node = ?2"
                           " ON CONFLICT (share, account) DO UPDATE SET state = excluded.state",
                           "iii", account, node, (apr_int64_t)state));
    return cloud_share_touch(ctx, node);
}

/* ---- where it is put ---- */

/* Places of an item, of one account or of the members of a group, that are not below the account's files. */
#define LOST                                                                                    \
    " AND NOT EXISTS (WITH RECURSIVE up (at) AS (SELECT share_place.parent UNION ALL"          \
    " SELECT n.parent FROM up JOIN node n ON n.id = up.at WHERE n.parent <> 0)"                \
    " SELECT 1 FROM up JOIN account a ON a.number = share_place.account AND a.root = up.at)"
static const char FORGET[] = "DELETE FROM share_place WHERE account = ?1 AND node = ?2" LOST;
static const char FORGET_MEMBERS[] =
    "DELETE FROM share_place WHERE node = ?2 AND account IN (SELECT account FROM membership"
    " WHERE usergroup = ?1)" LOST;

cloud_err_t *cloud_share_bring_back(cloud_ctx_t *ctx, cloud_share_type_t type,
                                    apr_int64_t recipient, apr_int64_t node)
{
    if (type == CLOUD_SHARE_LINK) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        type == CLOUD_SHARE_USER ? FORGET : FORGET_MEMBERS, "ii", recipient, node);
}

cloud_err_t *cloud_share_forget_places(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t folder)
{
    apr_array_header_t *folders;
    int i;

    CLOUD_ERR(cloud_share_places_below(&folders, ctx, account, folder));
    for (i = 0; i < folders->nelts; i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "DELETE FROM share_place WHERE parent = ?1 AND account = ?2", "ii",
                               APR_ARRAY_IDX(folders, i, apr_int64_t), account));
    return NULL;
}

cloud_err_t *cloud_share_changed(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                                 const cloud_entry_t *from, apr_pool_t *pool)
{
    (void)op, (void)pool;
    if (!from || from->owner->number == entry->owner->number || !CLOUD_IS_DIR(&entry->node))
        return NULL;
    return cloud_share_forget_places(ctx, from->owner->number, entry->node.id);
}

cloud_err_t *cloud_share_put(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t node,
                             apr_int64_t folder, const char *name)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO share_place (account, node, parent, name) VALUES (?1, ?2, ?3,"
                        " ?4) ON CONFLICT (account, node) DO UPDATE SET parent = excluded.parent,"
                        " name = excluded.name", "iiit", account, node, folder, name);
}

cloud_err_t *cloud_share_mount_moved(cloud_ctx_t *ctx, const cloud_account_t *account,
                                     const cloud_mount_t *m, apr_int64_t parent, const char *name)
{
    return cloud_share_put(ctx, account->number, m->target.id, parent, name);
}

/* He can take it back, by accepting it again. */
cloud_err_t *cloud_share_mount_left(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    const cloud_mount_t *m)
{
    CLOUD_ERR(cloud_share_keep_place(ctx, account, m->target.id));
    return cloud_share_set_state(ctx, account->number, m->target.id, CLOUD_SHARE_REJECTED);
}

/* ---- accepting, declining ---- */

static cloud_err_t *wrong_id(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "Wrong share ID, share doesn't exist");
}

static cloud_err_t *check_recipient(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    const cloud_share_t *s)
{
    int yes = s->type == CLOUD_SHARE_USER && s->recipient.number == account->number;

    if (s->type == CLOUD_SHARE_GROUP)
        CLOUD_ERR(cloud_group_has(&yes, ctx, s->recipient.number, account->number));
    if (s->owner.number == account->number || s->initiator.number == account->number)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "Only recipient can change accepted state");
    return yes ? NULL : wrong_id(ctx);
}

/* What he has already stays where it is, whatever else he is given of it. */
static cloud_err_t *take(cloud_ctx_t *ctx, const cloud_account_t *account, cloud_share_t *s,
                         apr_pool_t *pool)
{
    const cloud_placed_t *p;

    CLOUD_ERR(cloud_mount_of(&p, ctx, account, s->node, pool));
    if (p) return NULL;
    CLOUD_ERR(cloud_share_bring_back(ctx, CLOUD_SHARE_USER, account->number, s->node));
    return cloud_share_keep_name(ctx, account, s, pool);
}

static cloud_err_t *respond_tx(cloud_share_t **share, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t id,
                               cloud_share_state_t state, apr_pool_t *pool)
{
    cloud_share_state_t before;
    cloud_share_t *s;

    CLOUD_ERR(cloud_share_row(share, ctx, id, pool));
    s = *share;
    if (!s) return wrong_id(ctx);
    CLOUD_ERR(check_recipient(ctx, account, s));
    CLOUD_ERR(state == CLOUD_SHARE_ACCEPTED ? take(ctx, account, s, pool)
                                            : cloud_share_keep_place(ctx, account, s->node));
    before = s->state;
    s->state = state;
    CLOUD_ERR(cloud_share_set_state(ctx, account->number, s->node, state));
    CLOUD_ERR(cloud_share_unannounce(ctx, id, account));
    return before == CLOUD_SHARE_PENDING ? cloud_share_answered(ctx, s, account) : NULL;
}

cloud_err_t *cloud_share_respond(cloud_share_t **share, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_int64_t id,
                                 cloud_share_state_t state, apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.account;

    if (!ctx->who.system && (!who || who->number != account->number)) return wrong_id(ctx);
    CLOUD_ERR(cloud_share_check_enabled(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, respond_tx(share, ctx, account, id, state, pool));
}
