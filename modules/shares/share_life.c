/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What becomes of shares when items, accounts and groups go, and when time passes. */
#include "share.h"

#define EXPIRE_AT_ONCE 100

/* More than these are only marked as expired when their item goes, at a tenth of the time that other writers
 * would wait for all that belongs to them. */
#define DROP_AT_ONCE 200

typedef struct {
    apr_int64_t id, node, owner, initiator;
} doomed_t;

/* Rows of a statement (id, node, owner, initiator) that is bound; ends it. */
static cloud_err_t *collect(apr_array_header_t **list, cloud_ctx_t *ctx, cloud_stmt_t *st, int row)
{
    cloud_err_t *err = NULL;

    *list = apr_array_make(ctx->pool, 4, sizeof(doomed_t));
    while (!err && row) {
        doomed_t *d = apr_array_push(*list);

        d->id = cloud_col_int(st, 0);
        d->node = cloud_col_int(st, 1);
        d->owner = cloud_col_int(st, 2);
        d->initiator = cloud_col_int(st, 3);
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

/* touch: the folders above get a new ETag. Those that are about to go themselves need none. */
static cloud_err_t *drop_all(cloud_ctx_t *ctx, const apr_array_header_t *list, int touch)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        const doomed_t *d = &APR_ARRAY_IDX(list, i, doomed_t);

        CLOUD_ERR(cloud_share_drop(ctx, d->id));
        if (touch) CLOUD_ERR(cloud_share_touch_for(ctx, d->node, d->owner, d->initiator));
    }
    return NULL;
}

/* ---- items ---- */

/* Shares of items that go. list has those of each item one after the other. What has expired counts no more; the
 * jobs take it away in steps. */
static cloud_err_t *drop_of_items(cloud_ctx_t *ctx, const apr_array_header_t *list)
{
    apr_int64_t last = 0;
    int i;

    if (list->nelts <= DROP_AT_ONCE) return drop_all(ctx, list, 0);
    for (i = 0; i < list->nelts; i++) {
        apr_int64_t node = APR_ARRAY_IDX(list, i, doomed_t).node;

        if (node == last) continue;
        last = node;
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "UPDATE share SET expires = ?2 WHERE node = ?1", "ii", node,
                               (apr_int64_t)CLOUD_SHARE_ENDED));
    }
    return NULL;
}

static cloud_err_t *shares_of(apr_array_header_t **list, cloud_ctx_t *ctx, apr_int64_t node)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, "SELECT id, node, owner, initiator FROM share WHERE node = ?1", "i",
                             node));
    return collect(list, ctx, st, row);
}

static cloud_err_t *at_or_below(apr_array_header_t **list, cloud_ctx_t *ctx, const cloud_entry_t *entry)
{
    apr_array_header_t *nodes, *of_one;
    int i;

    if (!CLOUD_IS_DIR(&entry->node)) return shares_of(list, ctx, entry->node.id);
    *list = apr_array_make(ctx->pool, 4, sizeof(doomed_t));
    CLOUD_ERR(cloud_share_items_below(&nodes, ctx, entry->owner->number, entry->node.id));
    for (i = 0; i < nodes->nelts; i++) {
        CLOUD_ERR(shares_of(&of_one, ctx, APR_ARRAY_IDX(nodes, i, apr_int64_t)));
        apr_array_cat(*list, of_one);
    }
    return NULL;
}

cloud_err_t *cloud_share_each_below(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                                    cloud_share_id_fn *fn, void *baton)
{
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(at_or_below(&list, ctx, entry));
    for (i = 0; i < list->nelts; i++)
        CLOUD_ERR(fn(baton, ctx, APR_ARRAY_IDX(list, i, doomed_t).id));
    return NULL;
}

/* What its owner moves into somebody else's files stays shared, in the name of the new owner: what the mover gave is worth
 * from now on what he has there. Nobody shares with himself, so what the new owner had been given ends. */
static cloud_err_t *hand_over(cloud_ctx_t *ctx, const doomed_t *d, const cloud_account_t *owner)
{
    cloud_share_t *s;

    CLOUD_ERR(cloud_share_row(&s, ctx, d->id, ctx->pool));
    if (!s || (s->type == CLOUD_SHARE_USER && s->recipient.number == owner->number))
        return cloud_share_drop(ctx, d->id);
    if (s->type == CLOUD_SHARE_GROUP) CLOUD_ERR(cloud_share_unannounce(ctx, d->id, owner));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM share_place WHERE account = ?1 AND node = ?2", "ii",
                           owner->number, d->node));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE share SET owner = ?2 WHERE id = ?1", "ii",
                        d->id, owner->number);
}

cloud_err_t *cloud_share_leaves(cloud_ctx_t *ctx, const cloud_entry_t *entry, const cloud_entry_t *to,
                                apr_pool_t *pool)
{
    apr_array_header_t *list;
    int i, resharing;

    (void)pool;
    if (to && entry->mount) return cloud_share_follow(ctx, entry, to);
    CLOUD_ERR(at_or_below(&list, ctx, entry));
    if (!to) return drop_of_items(ctx, list);
    CLOUD_ERR(cloud_setting_bool(&resharing, ctx, "core", "shareapi_allow_resharing"));
    for (i = 0; i < list->nelts; i++) {
        const doomed_t *d = &APR_ARRAY_IDX(list, i, doomed_t);

        /* What he made of his own would be one of what he received. */
        if (!resharing && d->initiator == entry->owner->number)
            CLOUD_ERR(cloud_share_drop(ctx, d->id));
        else CLOUD_ERR(hand_over(ctx, d, to->owner));
    }
    return NULL;
}

/* What was put into a folder that is gone for good was left by who put it there. */
static cloud_err_t *leave_places(cloud_ctx_t *ctx, apr_int64_t folder)
{
    apr_array_header_t *list;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT account, node, 0, 0 FROM share_place WHERE parent = ?1", "i",
                             folder));
    CLOUD_ERR(collect(&list, ctx, st, row));
    for (i = 0; i < list->nelts; i++) {
        const doomed_t *d = &APR_ARRAY_IDX(list, i, doomed_t);

        CLOUD_ERR(cloud_share_set_state(ctx, d->id, d->node, CLOUD_SHARE_REJECTED));
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "DELETE FROM share_place WHERE account = ?1 AND node = ?2", "ii",
                               d->id, d->node));
    }
    return NULL;
}

cloud_err_t *cloud_share_purged(cloud_ctx_t *ctx, apr_int64_t node)
{
    apr_array_header_t *list;

    CLOUD_ERR(leave_places(ctx, node));
    CLOUD_ERR(shares_of(&list, ctx, node));
    return drop_of_items(ctx, list);
}

/* ---- accounts and groups ---- */

cloud_err_t *cloud_share_account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    apr_array_header_t *list;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, node, owner, initiator FROM share WHERE id IN (SELECT id"
                             " FROM share"
                             " WHERE owner = ?1 UNION SELECT id FROM share WHERE initiator = ?1"
                             " UNION SELECT id FROM share WHERE type = 0 AND recipient = ?1)",
                             "i", account->number));
    CLOUD_ERR(collect(&list, ctx, st, row));
    CLOUD_ERR(drop_all(ctx, list, 1));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM share_member WHERE account = ?1",
                           "i", account->number));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM share_place WHERE account = ?1",
                           "i", account->number));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM share_transfer WHERE source = ?1 OR target = ?1", "i",
                        account->number);
}

cloud_err_t *cloud_share_group_deleted(cloud_ctx_t *ctx, const cloud_group_t *group)
{
    apr_array_header_t *list;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, node, owner, initiator FROM share WHERE type = 1"
                             " AND recipient = ?1", "i",
                             group->number));
    CLOUD_ERR(collect(&list, ctx, st, row));
    return drop_all(ctx, list, 1);
}

/* What he said of the group's shares, and what he was asked about them, goes: he may come back, and then is a
 * member like any other. A share that he may have by another way has another id. */
cloud_err_t *cloud_share_member_left(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account)
{
    apr_array_header_t *list;
    cloud_account_t *a;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, node, owner, initiator FROM share WHERE type = 1"
                             " AND recipient = ?1", "i",
                             group));
    CLOUD_ERR(collect(&list, ctx, st, row));
    if (!list->nelts) return NULL;
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM share_member WHERE account = ?1 AND share IN"
                           " (SELECT id FROM share WHERE type = 1 AND recipient = ?2)", "ii", account,
                           group));
    CLOUD_ERR(cloud_account_by_number(&a, ctx, account, ctx->pool));
    for (i = 0; i < list->nelts; i++)
        CLOUD_ERR(cloud_share_unannounce(ctx, APR_ARRAY_IDX(list, i, doomed_t).id, a));
    return NULL;
}

/* ---- time ---- */

static cloud_err_t *find_expired(apr_array_header_t **list, cloud_ctx_t *ctx)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id, node, owner, initiator FROM share WHERE expires IS NOT NULL"
                             " AND expires <= ?1 ORDER BY expires LIMIT ?2", "ii",
                             apr_time_sec(apr_time_now()), (apr_int64_t)EXPIRE_AT_ONCE));
    return collect(list, ctx, st, row);
}

static cloud_err_t *expire_tx(cloud_ctx_t *ctx, int *more)
{
    apr_array_header_t *list;

    CLOUD_ERR(find_expired(&list, ctx));
    *more = list->nelts == EXPIRE_AT_ONCE;
    return drop_all(ctx, list, 1);
}

/* What has expired counts no more as soon as it has; this only takes the rows away. */
static cloud_err_t *expire(cloud_ctx_t *ctx, int *more)
{
    apr_array_header_t *list;
    cloud_err_t *err;

    *more = 0;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find_expired(&list, ctx);
    cloud_tx_rollback(ctx);
    if (err || !list->nelts) return err;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, expire_tx(ctx, more));
}

cloud_err_t *cloud_share_maintain(cloud_ctx_t *ctx, int *more)
{
    int others;

    CLOUD_ERR(expire(ctx, more));
    CLOUD_ERR(cloud_share_announce_more(&others, ctx));
    *more = *more || others;
    return NULL;
}
