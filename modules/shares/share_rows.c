/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows: reading them, and the two things that every change of one does. */
#include "share.h"
#include "mount_private.h"

/* ?1 is the account for which a state is read, ?2 the time by which a share must not have ended. */
#define SHARE_COLS                                                                              \
    "s.id, s.type, s.recipient, s.node, s.owner, s.initiator, s.perms, s.flags,"                \
    " COALESCE(m.state, s.state), s.target, s.created, s.expires, s.token,"                     \
    " s.password IS NOT NULL, s.name, s.attributes, s.mail_send,"                               \
    " o.id, o.display_name, o.email, i.id, i.display_name, i.email,"                            \
    " COALESCE(r.id, g.id), COALESCE(r.display_name, g.display_name), r.email"
#define SHARE_FROM                                                                              \
    " FROM share s JOIN account o ON o.number = s.owner"                                        \
    " JOIN account i ON i.number = s.initiator"                                                 \
    " LEFT JOIN account r ON s.type = 0 AND r.number = s.recipient"                             \
    " LEFT JOIN usergroup g ON s.type = 1 AND g.number = s.recipient"                           \
    " LEFT JOIN share_member m ON m.share = s.id AND m.account = ?1"
#define SHARE_LIVE " AND (s.expires IS NULL OR s.expires > ?2)"
#define SHARE_ORDER " ORDER BY s.type, s.id"

static void party(cloud_share_party_t *p, apr_int64_t number, cloud_stmt_t *st, int first,
                  apr_pool_t *pool)
{
    p->number = number;
    p->id = cloud_col_dup(st, first, pool);
    p->name = cloud_col_dup(st, first + 1, pool);
    if (!p->name) p->name = p->id;
    p->email = cloud_col_dup(st, first + 2, pool);
}

static void read_row(cloud_share_t *s, cloud_stmt_t *st, apr_pool_t *pool)
{
    s->id = cloud_col_int(st, 0);
    s->type = (cloud_share_type_t)cloud_col_int(st, 1);
    s->node = cloud_col_int(st, 3);
    s->perms = (unsigned)cloud_col_int(st, 6);
    s->flags = (unsigned)cloud_col_int(st, 7);
    s->state = (cloud_share_state_t)cloud_col_int(st, 8);
    s->target = cloud_col_dup(st, 9, pool);
    s->created = cloud_col_int(st, 10);
    s->expires = cloud_col_int(st, 11);
    s->token = cloud_col_dup(st, 12, pool);
    s->has_password = (int)cloud_col_int(st, 13);
    s->name = cloud_col_dup(st, 14, pool);
    s->attributes = cloud_col_dup(st, 15, pool);
    s->mail_send = (int)cloud_col_int(st, 16);
    party(&s->owner, cloud_col_int(st, 4), st, 17, pool);
    party(&s->initiator, cloud_col_int(st, 5), st, 20, pool);
    party(&s->recipient, cloud_col_int(st, 2), st, 23, pool);
}

static apr_int64_t now(void)
{
    return apr_time_sec(apr_time_now());
}

/* Runs a statement that is bound from ?3 on. */
static cloud_err_t *collect(apr_array_header_t *shares, cloud_ctx_t *ctx, cloud_stmt_t *st,
                            apr_int64_t account)
{
    cloud_err_t *err;
    int row;

    cloud_stmt_int(st, 1, account);
    cloud_stmt_int(st, 2, now());
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row) {
        cloud_share_t *s = apr_pcalloc(shares->pool, sizeof *s);

        read_row(s, st, shares->pool);
        APR_ARRAY_PUSH(shares, cloud_share_t *) = s;
    }
    cloud_stmt_done(st);
    return err;
}

static apr_int64_t asker(const cloud_ctx_t *ctx)
{
    return ctx->who.account ? ctx->who.account->number : 0;
}

cloud_err_t *cloud_share_row(cloud_share_t **share, cloud_ctx_t *ctx, apr_int64_t id,
                             apr_pool_t *pool)
{
    apr_array_header_t *shares = apr_array_make(pool, 1, sizeof(cloud_share_t *));
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, "SELECT " SHARE_COLS SHARE_FROM
                            " WHERE s.id = ?3" SHARE_LIVE, ctx->pool));
    cloud_stmt_int(st, 3, id);
    CLOUD_ERR(collect(shares, ctx, st, asker(ctx)));
    *share = shares->nelts ? APR_ARRAY_IDX(shares, 0, cloud_share_t *) : NULL;
    return NULL;
}

/* ---- changes ---- */

cloud_err_t *cloud_share_touch(cloud_ctx_t *ctx, apr_int64_t node)
{
    apr_int64_t *chain, number;
    int n;

    CLOUD_ERR(cloud_tree_chain(&chain, &n, ctx, node, ctx->pool));
    if (n < 2) return NULL;
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    return cloud_tree_bump(ctx, chain, n - 1, number, 0, CLOUD_NO_MTIME);
}

/* Whether account (?1) was given the item (?2) itself, and not a folder above it; and where he put it. */
static const char GIVEN[] =
    "SELECT p.parent FROM (SELECT 1) LEFT JOIN share_place p ON p.account = ?1 AND p.node = ?2"
    " WHERE EXISTS (SELECT 1 FROM share s WHERE s.node = ?2 AND s.type = 0 AND s.recipient = ?1)"
    " OR EXISTS (SELECT 1 FROM membership m CROSS JOIN share s WHERE m.account = ?1 AND s.node = ?2"
    " AND s.type = 1 AND s.recipient = m.usergroup)";

/* The folder of the account that it sees the item in; 0: none, or the item is in another one. */
static cloud_err_t *folder_of(apr_int64_t *folder, cloud_ctx_t *ctx, apr_int64_t number,
                              apr_int64_t node)
{
    apr_array_header_t *above;
    cloud_account_t *account;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row, complete;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, GIVEN, "ii", number, node));
    *folder = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    if (!row || *folder) return NULL;
    err = cloud_account_by_number(&account, ctx, number, ctx->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return NULL; /* it is about to go */
    CLOUD_ERR(err);
    CLOUD_ERR(cloud_mounts_folder(&above, &complete, ctx, account, ctx->pool));
    *folder = APR_ARRAY_IDX(above, above->nelts - 1, apr_int64_t);
    return NULL;
}

cloud_err_t *cloud_share_touch_for(cloud_ctx_t *ctx, apr_int64_t node, apr_int64_t owner,
                                   apr_int64_t initiator)
{
    apr_int64_t *chain, number, folder;
    int n;

    CLOUD_ERR(cloud_share_touch(ctx, node));
    if (initiator == owner) return NULL;
    CLOUD_ERR(folder_of(&folder, ctx, initiator, node));
    if (!folder) return NULL;
    CLOUD_ERR(cloud_tree_chain(&chain, &n, ctx, folder, ctx->pool));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    return cloud_tree_bump(ctx, chain, n, number, 0, CLOUD_NO_MTIME);
}

cloud_err_t *cloud_share_drop(cloud_ctx_t *ctx, apr_int64_t id)
{
    static const char *const sql[] = {
        "DELETE FROM share_member WHERE share = ?1",
        "DELETE FROM share_announce WHERE share = ?1",
        /* Who gets the same item again by another share finds it where he put it; when nobody has
         * it any more, that is forgotten. */
        "DELETE FROM share_place WHERE node = (SELECT node FROM share WHERE id = ?1) AND NOT EXISTS"
        " (SELECT 1 FROM share o JOIN share s ON s.node = o.node"
        " WHERE s.id = ?1 AND o.id <> ?1 AND o.type <> 3)",
        "DELETE FROM share WHERE id = ?1",
    };
    size_t i;

    CLOUD_ERR(cloud_share_unannounce(ctx, id, NULL));
    for (i = 0; i < sizeof sql / sizeof *sql; i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, sql[i], "i", id));
    return NULL;
}

/* ---- lists ---- */

/* ?3: all shares of this node; ?3 0: of any. ?4: also those that others made of what is his.
 * ?5: of what is his, only what lies in this folder; 0: anywhere. */
static const char BY[] =
    "SELECT " SHARE_COLS SHARE_FROM " WHERE s.id IN (SELECT id FROM share WHERE initiator = ?1"
    " UNION SELECT id FROM share WHERE owner = ?1 AND ?4) AND (?3 = 0 OR s.node = ?3)"
    " AND (?5 = 0 OR s.owner <> ?1 OR (SELECT n.parent FROM node n WHERE n.id = s.node) = ?5)"
    SHARE_LIVE SHARE_ORDER;
static const char BY_NODE[] =
    "SELECT " SHARE_COLS SHARE_FROM " WHERE s.node = ?3 AND (s.initiator = ?1 OR"
    " (?4 AND s.owner = ?1)) AND ?5 = 0" SHARE_LIVE SHARE_ORDER;
/* ?4 and ?5: nothing. */
static const char WITH[] =
    "SELECT " SHARE_COLS SHARE_FROM " WHERE s.id IN (SELECT id FROM share WHERE type = 0"
    " AND recipient = ?1 UNION SELECT h.id FROM membership b JOIN share h ON h.type = 1"
    " AND h.recipient = b.usergroup WHERE b.account = ?1) AND s.owner <> ?1"
    " AND s.initiator <> ?1 AND (?3 = 0 OR s.node = ?3) AND ?4 = 0 AND ?5 = 0" SHARE_LIVE
    SHARE_ORDER;

typedef struct {
    cloud_entry_t *entry;   /* of query->path */
    apr_array_header_t *all;
} listing_t;

static cloud_err_t *find_path(listing_t *l, cloud_ctx_t *ctx, const cloud_account_t *account,
                              const cloud_share_query_t *query, apr_pool_t *pool)
{
    l->entry = NULL;
    if (!query->path) return NULL;
    CLOUD_ERR(cloud_file_stat(&l->entry, ctx, account, query->path, pool));
    if (query->members && !CLOUD_IS_DIR(&l->entry->node))
        return cloud_err(pool, CLOUD_E_INVALID, "Not a directory");
    return NULL;
}

static cloud_err_t *select_rows(listing_t *l, cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_share_query_t *query)
{
    int members = l->entry && query->members;
    const char *sql = query->which == CLOUD_SHARES_WITH ? WITH
                      : l->entry && !members            ? BY_NODE : BY;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, sql, ctx->pool));
    cloud_stmt_int(st, 3, l->entry && !members ? l->entry->node.id : 0);
    cloud_stmt_int(st, 4, query->which == CLOUD_SHARES_OF);
    cloud_stmt_int(st, 5, members && query->which != CLOUD_SHARES_WITH ? l->entry->node.id : 0);
    return collect(l->all, ctx, st, account->number);
}

/* Whether the item of a share lies in the folder, as account sees it. What is his own was selected
 * so. */
static cloud_err_t *lies_in(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                            const cloud_share_t *s, const char *folder, apr_pool_t *pool)
{
    size_t len = strlen(folder);
    const char *rest;
    cloud_entry_t *e;
    cloud_err_t *err;

    *yes = s->owner.number == account->number;
    if (*yes) return NULL;
    err = cloud_resolve_id(&e, ctx, account, s->node, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return NULL;
    CLOUD_ERR(err);
    if (strncmp(e->path, folder, len) != 0 || (len && e->path[len] != '/')) return NULL;
    rest = e->path + len + (len > 0);
    *yes = *rest && !strchr(rest, '/');
    return NULL;
}

static cloud_err_t *list_tx(apr_array_header_t *shares, cloud_ctx_t *ctx,
                            const cloud_account_t *account, const cloud_share_query_t *query)
{
    listing_t l = { NULL, apr_array_make(shares->pool, 16, sizeof(cloud_share_t *)) };
    apr_pool_t *iter;
    int i, yes;

    CLOUD_ERR(find_path(&l, ctx, account, query, shares->pool));
    CLOUD_ERR(select_rows(&l, ctx, account, query));
    apr_pool_create(&iter, shares->pool);
    for (i = 0; i < l.all->nelts; i++) {
        cloud_share_t *s = APR_ARRAY_IDX(l.all, i, cloud_share_t *);

        if (!(query->types >> s->type & 1)) continue;
        if (query->which == CLOUD_SHARES_WITH && query->state >= 0
            && (int)s->state != query->state) continue;
        if (l.entry && query->members) {
            apr_pool_clear(iter);
            CLOUD_ERR(lies_in(&yes, ctx, account, s, l.entry->path, iter));
            if (!yes) continue;
        }
        APR_ARRAY_PUSH(shares, cloud_share_t *) = s;
    }
    apr_pool_destroy(iter);
    return NULL;
}

cloud_err_t *cloud_share_list(apr_array_header_t **shares, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const cloud_share_query_t *query,
                              apr_pool_t *pool)
{
    cloud_err_t *err;

    *shares = apr_array_make(pool, 16, sizeof(cloud_share_t *));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*shares, ctx, account, query);
    cloud_tx_rollback(ctx);
    return err;
}

static const char ALL[] = "SELECT " SHARE_COLS SHARE_FROM " WHERE (?3 = 0 OR s.owner = ?3 OR"
                          " s.initiator = ?3)" SHARE_LIVE " ORDER BY s.id";

cloud_err_t *cloud_share_all(apr_array_header_t **shares, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;

    *shares = apr_array_make(pool, 16, sizeof(cloud_share_t *));
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_stmt(&st, ctx->db, ALL, ctx->pool);
    if (!err) cloud_stmt_int(st, 3, account ? account->number : 0);
    if (!err) err = collect(*shares, ctx, st, 0);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- one ---- */

static int is_party(const cloud_share_t *s, const cloud_account_t *a)
{
    return s->owner.number == a->number || s->initiator.number == a->number
           || (s->type == CLOUD_SHARE_USER && s->recipient.number == a->number);
}

static cloud_err_t *get_tx(cloud_share_t **share, cloud_ctx_t *ctx,
                           const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    int yes;

    CLOUD_ERR(cloud_share_row(share, ctx, id, pool));
    yes = *share && is_party(*share, account);
    if (*share && !yes && (*share)->type == CLOUD_SHARE_GROUP)
        CLOUD_ERR(cloud_group_has(&yes, ctx, (*share)->recipient.number, account->number));
    return yes ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND,
                                  "Wrong share ID, share doesn't exist");
}

cloud_err_t *cloud_share_get(cloud_share_t **share, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = get_tx(share, ctx, account, id, pool);
    cloud_tx_rollback(ctx);
    return err;
}
