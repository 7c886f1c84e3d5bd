/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What somebody moves out of somebody else's files is a copy: what he shared of the original he shares of it. */
#include "share.h"

static cloud_err_t *shares_by(apr_array_header_t **ids, cloud_ctx_t *ctx, apr_int64_t node,
                              apr_int64_t by, apr_int64_t not_with)
{
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row;

    *ids = apr_array_make(ctx->pool, 4, sizeof(apr_int64_t));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id FROM share WHERE node = ?1 AND initiator = ?2"
                             " AND NOT (type = 0 AND recipient = ?3)"
                             " AND (expires IS NULL OR expires > ?4)", "iiii", node, by, not_with,
                             apr_time_sec(apr_time_now())));
    while (!err && row) {
        APR_ARRAY_PUSH(*ids, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

/* With what it is worth by now, so that nobody has more by the move than he had. What is worth nothing ends. */
static cloud_err_t *follow_one(cloud_ctx_t *ctx, apr_int64_t id, const cloud_entry_t *to)
{
    unsigned perms, flags;

    CLOUD_ERR(cloud_share_granted(&perms, &flags, ctx, id, ctx->pool));
    if (!perms) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE share SET node = ?2, owner = ?3, perms = ?4, flags = ?5"
                        " WHERE id = ?1", "iiiii", id, to->node.id, to->owner->number,
                        (apr_int64_t)perms, (apr_int64_t)flags);
}

/* Who has it by these finds it where he put it. */
static cloud_err_t *take_places(cloud_ctx_t *ctx, apr_int64_t from, const cloud_entry_t *to)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE share_place SET node = ?2 WHERE node = ?1 AND account <> ?3"
                        " AND account IN (SELECT recipient FROM share WHERE node = ?2 AND type = 0"
                        " UNION SELECT m.account FROM share s JOIN membership m"
                        " ON m.usergroup = s.recipient WHERE s.node = ?2 AND s.type = 1)",
                        "iii", from, to->node.id, to->owner->number);
}

cloud_err_t *cloud_share_follow(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                                const cloud_entry_t *to)
{
    apr_int64_t by = entry->account->number;
    apr_array_header_t *ids;
    int resharing, i;

    CLOUD_ERR(cloud_setting_bool(&resharing, ctx, "core", "shareapi_allow_resharing"));
    if (!resharing && to->owner->number != by) return NULL;
    CLOUD_ERR(shares_by(&ids, ctx, entry->node.id, by, to->owner->number));
    for (i = 0; i < ids->nelts; i++)
        CLOUD_ERR(follow_one(ctx, APR_ARRAY_IDX(ids, i, apr_int64_t), to));
    return ids->nelts ? take_places(ctx, entry->node.id, to) : NULL;
}
