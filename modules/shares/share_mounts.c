/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What an account has received, as mounts. All grants for one item are one mount: they add up. Who is a
 * member, what has expired, what a reshare is worth: nothing of this is stored, one statement looks at it all in
 * the snapshot of whoever asks. */
#include "share.h"

#include <string.h>

/* The account that asks is ?1, the second of now is ?2. */
#define LIVE(s)    "(" s ".expires IS NULL OR " s ".expires > ?2)"
#define OTHERS(s)  s ".owner <> ?1 AND " s ".initiator <> ?1"
#define SAID(s, account)                                                                        \
    "coalesce((SELECT said.state FROM share_member said WHERE said.share = " s ".id"           \
    " AND said.account = " account "), " s ".state)"
/* Who he is in groups with first, then their shares: the database can't know that there may be very many shares
 * with groups, so the order is given (CROSS JOIN). */
#define GRANT(s)   s ".id, " s ".node, " s ".owner, " s ".initiator, " s ".perms, " s ".flags, " s ".target"

/* Grants to the account. one, member: further conditions on those with himself, and with his groups. */
#define MINE(one, member)                                                                       \
    "mine (id, node, owner, initiator, perms, flags, target) AS NOT MATERIALIZED ("            \
    "SELECT " GRANT("s") " FROM share s WHERE s.type = 0 AND s.recipient = ?1" one             \
    " AND " OTHERS("s") " AND " LIVE("s")                                                      \
    " UNION ALL SELECT " GRANT("s") " FROM membership m CROSS JOIN share s WHERE s.type = 1"   \
    " AND s.recipient = m.usergroup AND m.account = ?1" member                                 \
    " AND " OTHERS("s") " AND " LIVE("s") ")"
#define MINE_ALL MINE(" AND s.state = 0", " AND " SAID("s", "?1") " = 0")
/* The same, of items alone. item: rows of nodes it is about. */
#define MINE_OF(item)                                                                           \
    item ", "                                                                                   \
    "mine (id, node, owner, initiator, perms, flags, target) AS NOT MATERIALIZED ("            \
    "SELECT " GRANT("s") " FROM item i CROSS JOIN share s WHERE s.node = i.node"               \
    " AND s.type = 0 AND s.recipient = ?1 AND s.state = 0 AND " OTHERS("s") " AND " LIVE("s")  \
    " UNION ALL SELECT " GRANT("s") " FROM item i CROSS JOIN membership m CROSS JOIN share s"  \
    " WHERE m.account = ?1 AND s.node = i.node AND s.type = 1 AND s.recipient = m.usergroup"   \
    " AND " SAID("s", "?1") " = 0 AND " OTHERS("s") " AND " LIVE("s") ")"
#define ITEM_NAMED                                                                              \
    "item (node) AS (SELECT node FROM share WHERE type = 0 AND recipient = ?1 AND target = ?3" \
    " UNION SELECT s.node FROM membership m CROSS JOIN share s WHERE s.type = 1"               \
    " AND s.recipient = m.usergroup AND s.target = ?3 AND m.account = ?1"                      \
    " UNION SELECT node FROM share_place WHERE account = ?1 AND name = ?3)"
#define ITEM_TARGET "item (node) AS (SELECT ?3)"
#define ITEM_PUT "item (node) AS (SELECT node FROM share_place WHERE account = ?1 AND parent = ?3)"

/* What a grant that is not the owner's own is worth: whoever gave it has to be somebody who may share there by now, and
 * gives no more than he has there; which is what all grants to him on the item, or above it, add up to. With each of
 * these it is the same, up to the owner. So it is found permission by permission, and that content may be downloaded
 * is one, too; only a grant with the permission to read gives it. Grants by the owner cost nothing of it. */
#define MAY_DOWNLOAD "32"
#define BITS(g)                                                                                 \
    g ".perms & 31 | CASE WHEN " g ".flags & 1 OR NOT " g ".perms & 1 THEN 0"                  \
    " ELSE " MAY_DOWNLOAD " END"
/* Grants to who is asked of, where he is. Their order is that of the walk: CROSS JOIN keeps it. */
#define TO_ONE                                                                                  \
    " CROSS JOIN share g WHERE g.node = p.at AND g.type = 0 AND g.recipient = p.who"           \
    " AND g.state = 0 AND g.owner = p.owner AND " LIVE("g")
#define TO_GROUP                                                                                \
    " CROSS JOIN membership m CROSS JOIN share g WHERE m.account = p.who AND g.node = p.at"    \
    " AND g.type = 1 AND g.recipient = m.usergroup AND " SAID("g", "p.who") " = 0"             \
    " AND g.owner = p.owner AND " LIVE("g")

/* spot: of whom it is asked, and where, found on the way up, from an item to the folder above and from a grant to
 * who gave it. What many grants have in common (folders, givers) is looked at once. */
#define SPOT(mine)                                                                              \
    "spot (who, owner, at, above) AS MATERIALIZED ("                                           \
    "SELECT s.initiator, s.owner, s.node, n.parent FROM " mine " s JOIN node n"                \
    " ON n.id = s.node WHERE s.initiator <> s.owner"                                           \
    " UNION SELECT p.who, p.owner, n.id, n.parent FROM spot p JOIN node n ON n.id = p.above"   \
    " WHERE p.above <> 0"                                                                      \
    " UNION SELECT g.initiator, p.owner, p.at, p.above FROM spot p" TO_ONE                     \
    " AND g.initiator <> p.owner"                                                              \
    " UNION SELECT g.initiator, p.owner, p.at, p.above FROM spot p" TO_GROUP                   \
    " AND g.initiator <> p.owner)"
/* given: who gave what to those. */
#define GIVEN                                                                                   \
    "given (giver, owner, at, who, bits) AS MATERIALIZED ("                                    \
    "SELECT g.initiator, p.owner, p.at, p.who, " BITS("g") " FROM spot p" TO_ONE               \
    " UNION SELECT g.initiator, p.owner, p.at, p.who, " BITS("g") " FROM spot p" TO_GROUP ")"
/* may: who may share, and has: who has a permission (by a bit each), where; found on the way down. */
#define GOES_DOWN " CROSS JOIN spot p WHERE p.above = h.at AND p.who = h.who AND p.owner = h.owner"
#define GIVEN_BY "g.giver = h.who AND g.at = h.at AND g.owner = h.owner"
#define MAY                                                                                     \
    "may (who, owner, at) AS MATERIALIZED ("                                                   \
    "SELECT who, owner, at FROM given WHERE giver = owner AND bits & 16"                       \
    " UNION SELECT h.who, h.owner, p.at FROM may h" GOES_DOWN                                  \
    " UNION SELECT g.who, g.owner, g.at FROM may h CROSS JOIN given g"                         \
    " WHERE " GIVEN_BY " AND g.bits & 16)"
#define HAS                                                                                     \
    "has (who, owner, at, bit) AS MATERIALIZED ("                                              \
    "SELECT g.who, g.owner, g.at, b.column1 FROM given g CROSS JOIN"                           \
    " (VALUES (1), (2), (4), (8), (16), (" MAY_DOWNLOAD ")) b"                                 \
    " WHERE g.giver = g.owner AND g.bits & b.column1"                                          \
    " UNION SELECT h.who, h.owner, p.at, h.bit FROM has h" GOES_DOWN                           \
    " UNION SELECT g.who, g.owner, g.at, h.bit FROM has h CROSS JOIN may m CROSS JOIN given g" \
    " WHERE m.who = h.who AND m.at = h.at AND m.owner = h.owner AND " GIVEN_BY                 \
    " AND g.bits & h.bit)"
/* Grants with what they are worth: a row, or one for each permission. */
#define WORTH(mine)                                                                             \
    SPOT(mine) ", " GIVEN ", " MAY ", " HAS                                                    \
    ", worth (id, node, owner, perms, flags, target) AS ("                                     \
    "SELECT id, node, owner, perms, CASE WHEN perms & 1 THEN flags ELSE flags | 1 END, target" \
    " FROM " mine " WHERE initiator = owner"                                                   \
    " UNION ALL SELECT s.id, s.node, s.owner, s.perms & h.bit,"                                \
    " CASE WHEN h.bit = " MAY_DOWNLOAD " AND s.perms & 1 THEN s.flags ELSE s.flags | 1 END,"   \
    " s.target"                                                                                \
    " FROM " mine " s JOIN may m ON m.at = s.node AND m.who = s.initiator AND m.owner = s.owner" \
    " JOIN has h ON h.at = s.node AND h.who = s.initiator AND h.owner = s.owner"               \
    " WHERE s.initiator <> s.owner)"

#define NODE_OF_N                                                                               \
    "n.id, n.parent, n.name, n.disk, n.kind, n.etag, n.size, n.mtime, n.created, n.ino,"       \
    " n.ino_mtime, n.btime, n.sums, n.flags"
#define NODE_COLS_LEN 14
#define MOUNTS(mine, more)                                                                            \
    "WITH RECURSIVE " mine ", " WORTH("mine")                                                  \
    " SELECT " NODE_OF_N ", w.owner, a.id, a.display_name, w.perms, w.flags, w.target,"        \
    " p.parent, p.name, w.id FROM worth w JOIN node n ON n.id = w.node"                        \
    " JOIN account a ON a.number = w.owner"                                                    \
    " LEFT JOIN share_place p ON p.account = ?1 AND p.node = w.node"                         \
    more " ORDER BY 1, 23"

/* What the account shared itself goes before them, with 0 as id: its node and type where those of a mount's target
 * have parent and kind. One more than CLOUD_SHARE_TYPES_FEW says that there are more. */
#define TYPES                                                                                   \
    " UNION ALL SELECT 0, node, '', NULL, type, 0, 0, 0, 0, 0, 0, 0, NULL, 0,"                 \
    " 0, '', NULL, 0, 0, '', NULL, NULL, 0 FROM (SELECT node, type FROM share"                 \
    " WHERE initiator = ?1 AND (expires IS NULL OR expires > ?2)"                                 \
    " LIMIT 1 + " APR_STRINGIFY(CLOUD_SHARE_TYPES_FEW) ")"
#define TYPES_NODE 1
#define TYPES_TYPE 4

static const char SELECT_ALL[] = MOUNTS(MINE_ALL, "");
static const char SELECT_ALL_AND_TYPES[] = MOUNTS(MINE_ALL, TYPES);
static const char SELECT_NAMED[] = MOUNTS(MINE_OF(ITEM_NAMED), "");
static const char SELECT_TARGET[] = MOUNTS(MINE_OF(ITEM_TARGET), "");
static const char SELECT_PUT[] = MOUNTS(MINE_OF(ITEM_PUT), "");

/* ---- rows to mounts ---- */

static apr_int64_t now(void)
{
    return apr_time_sec(apr_time_now());
}

/* What can be done with a file: nothing is created in it, and it is not its recipient's to delete. */
static unsigned fitting(unsigned perms, const cloud_node_t *node)
{
    return CLOUD_IS_DIR(node) ? perms : perms & ~(CLOUD_PERM_CREATE | CLOUD_PERM_DELETE);
}

static void first_grant(cloud_mount_t *m, cloud_stmt_t *st, apr_pool_t *pool)
{
    const char *name = cloud_col_dup(st, NODE_COLS_LEN + 2, pool);
    const char *place = cloud_col_dup(st, NODE_COLS_LEN + 7, pool);

    memset(m, 0, sizeof *m);
    cloud_tree_row(&m->target, st, 0, pool);
    m->owner = cloud_col_int(st, NODE_COLS_LEN);
    m->owner_id = cloud_col_dup(st, NODE_COLS_LEN + 1, pool);
    m->owner_name = name ? name : m->owner_id;
    m->flags = ~0u;
    m->parent = place ? cloud_col_int(st, NODE_COLS_LEN + 6) : 0;
    m->grant = cloud_col_int(st, NODE_COLS_LEN + 8); /* rows come in order of it */
    m->name = place ? place : cloud_col_dup(st, NODE_COLS_LEN + 5, pool);
}

static void add_grant(cloud_mount_t *m, cloud_stmt_t *st)
{
    m->perms |= fitting((unsigned)cloud_col_int(st, NODE_COLS_LEN + 3), &m->target);
    m->flags &= (unsigned)cloud_col_int(st, NODE_COLS_LEN + 4);
}

typedef struct {
    const cloud_mount_query_t *query;
    cloud_mount_fn *fn;
    void *baton;
} sink_t;

static cloud_err_t *tell(const sink_t *sink, const cloud_mount_t *m)
{
    if (!m->target.id || !m->perms) return NULL;
    /* Rows are found by the name of any grant; and a place counts that only one of them may have. */
    if (sink->query->name && strcmp(sink->query->name, m->name) != 0) return NULL;
    return sink->fn(sink->baton, m);
}

static cloud_err_t *each_mount(cloud_stmt_t *st, int row, const sink_t *sink, apr_pool_t *pool)
{
    cloud_mount_t m = { .perms = 0 };
    apr_pool_t *iter;
    cloud_err_t *err = NULL;

    apr_pool_create(&iter, pool);
    while (!err && row) {
        if (cloud_col_int(st, 0) != m.target.id) {
            err = tell(sink, &m);
            apr_pool_clear(iter);
            first_grant(&m, st, iter);
        }
        if (err) break;
        add_grant(&m, st);
        err = cloud_stmt_step(&row, st, pool);
    }
    if (!err) err = tell(sink, &m);
    apr_pool_destroy(iter);
    return err;
}

/* *row: whether the statement stands on one, before and after. */
static cloud_err_t *take_types(cloud_share_types_t *types, int *row, cloud_stmt_t *st,
                               apr_pool_t *pool)
{
    while (*row && cloud_col_int(st, 0) == 0) {
        cloud_share_types_add(types, cloud_col_int(st, TYPES_NODE), cloud_col_int(st, TYPES_TYPE));
        CLOUD_ERR(cloud_stmt_step(row, st, pool));
    }
    cloud_share_types_end(types);
    return NULL;
}

cloud_err_t *cloud_share_mounts(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_mount_query_t *query, cloud_mount_fn *fn, void *baton,
                                apr_pool_t *pool)
{
    int all = !query->name && !query->target && !query->folder, row;
    cloud_share_types_t *types = all ? cloud_share_types_expected(ctx, account) : NULL;
    const char *sql = query->name     ? SELECT_NAMED
                      : query->target ? SELECT_TARGET
                      : query->folder ? SELECT_PUT
                      : types         ? SELECT_ALL_AND_TYPES : SELECT_ALL;
    const sink_t sink = { query, fn, baton };
    cloud_stmt_t *st;
    cloud_err_t *err;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, sql, pool));
    cloud_stmt_int(st, 1, account->number);
    cloud_stmt_int(st, 2, now());
    if (query->name) cloud_stmt_text(st, 3, query->name);
    else if (!all) cloud_stmt_int(st, 3, query->target ? query->target : query->folder);
    err = cloud_stmt_step(&row, st, pool);
    if (!err && types) err = take_types(types, &row, st, pool);
    if (!err) err = each_mount(st, row, &sink, pool);
    cloud_stmt_done(st);
    return err;
}

/* ---- what one row is worth ---- */

static const char SELECT_GRANTED[] =
    "WITH RECURSIVE one (id, node, owner, initiator, perms, flags, target) AS (SELECT " GRANT("s")
    " FROM share s WHERE id = ?1), " WORTH("one") " SELECT perms, flags FROM worth";

cloud_err_t *cloud_share_granted(unsigned *perms, unsigned *flags, cloud_ctx_t *ctx,
                                 apr_int64_t share, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *perms = 0;
    *flags = ~0u;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool, SELECT_GRANTED, "ii", share, now()));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, pool)) {
        *perms |= (unsigned)cloud_col_int(st, 0);
        *flags &= (unsigned)cloud_col_int(st, 1);
    }
    cloud_stmt_done(st);
    if (!*perms) *flags = CLOUD_MOUNT_NO_DOWNLOAD;
    return err;
}

static const char SELECT_WORTH[] =
    "WITH RECURSIVE " MINE("", "") ", " WORTH("mine") " SELECT id, perms FROM worth";

cloud_err_t *cloud_share_granted_all(apr_hash_t **granted, cloud_ctx_t *ctx,
                                     const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *granted = apr_hash_make(pool);
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, SELECT_WORTH, "ii", account->number,
                             now()));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        apr_int64_t id = cloud_col_int(st, 0);
        unsigned *perms = apr_hash_get(*granted, &id, sizeof id);

        if (!perms) {
            perms = apr_pcalloc(pool, sizeof *perms);
            apr_hash_set(*granted, apr_pmemdup(pool, &id, sizeof id), sizeof id, perms);
        }
        *perms |= (unsigned)cloud_col_int(st, 1);
    }
    cloud_stmt_done(st);
    return err;
}
