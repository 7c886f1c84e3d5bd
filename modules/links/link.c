/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From a token to what it opens, and the view that the verbs ask about. */
#include "link.h"

#include <apr_md5.h>
#include <string.h>

#include "internal.h"
#include "password.h"
#include "share.h"

#define TOKEN_MAX 64

static cloud_err_t *view(cloud_mount_t *m, cloud_ctx_t *ctx, const cloud_view_t *v,
                         apr_pool_t *pool);

static const cloud_feature_t FEATURE = {
    .name = "links",
    .view = view,
};

void cloud_links_register(void)
{
    cloud_feature_register(&FEATURE);
}

void cloud_links_unregister(void)
{
    cloud_feature_unregister(&FEATURE);
}

/* ---- rows ---- */

typedef struct {
    cloud_link_t link;
    cloud_node_t node;
    apr_int64_t owner, initiator;
} row_t;

/* The share with its item and who made it, while both his account and the owner's are enabled. */
#define SELECT_LINK                                                                             \
    "SELECT share_id, share_token, share_perms, share_flags, share_created, share_expires,"     \
    " share_password, share_owner, share_by, by_id, by_name, " CLOUD_NODE_COLS                  \
    " FROM (SELECT s.id AS share_id, s.token AS share_token, s.node AS share_node,"             \
    " s.perms AS share_perms, s.flags AS share_flags, s.created AS share_created,"              \
    " s.expires AS share_expires, s.password AS share_password, s.owner AS share_owner,"        \
    " s.initiator AS share_by, b.id AS by_id, b.display_name AS by_name FROM share s"           \
    " JOIN account o ON o.number = s.owner AND o.enabled <> 0"                                  \
    " JOIN account b ON b.number = s.initiator AND b.enabled <> 0 WHERE s.type = 3 AND "

#define SELECT_LINK_END                                                                         \
    " AND (s.expires IS NULL OR s.expires > ?2)) JOIN node ON id = share_node"

static void read_row(row_t *row, cloud_stmt_t *st, apr_pool_t *pool)
{
    cloud_link_t *link = &row->link;

    link->id = cloud_col_int(st, 0);
    link->token = cloud_col_dup(st, 1, pool);
    link->perms = (unsigned)cloud_col_int(st, 2) & CLOUD_PERM_ALL & ~CLOUD_PERM_SHARE;
    link->flags = (unsigned)cloud_col_int(st, 3);
    link->created = cloud_col_int(st, 4);
    link->expires = cloud_col_null(st, 5) ? 0 : cloud_col_int(st, 5);
    link->password = cloud_col_dup(st, 6, pool);
    row->owner = cloud_col_int(st, 7);
    row->initiator = cloud_col_int(st, 8);
    link->sharer = cloud_col_dup(st, 9, pool);
    link->sharer_name = cloud_col_dup(st, 10, pool);
    cloud_tree_row(&row->node, st, 11, pool);
    link->name = row->node.parent ? row->node.name : "";
    link->is_dir = CLOUD_IS_DIR(&row->node);
    if (!link->sharer_name) link->sharer_name = link->sharer;
}

/* A link of a recipient is never worth more than what he has. Nothing can be created in a file or deleted
 * from it. */
static cloud_err_t *complete(row_t *row, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_link_t *link = &row->link;
    unsigned perms, flags;

    if (row->initiator != row->owner) {
        CLOUD_ERR(cloud_share_granted(&perms, &flags, ctx, link->id, pool));
        link->perms &= perms;
        link->flags |= flags;
    }
    if (!link->is_dir) link->perms &= ~(CLOUD_PERM_CREATE | CLOUD_PERM_DELETE);
    return link->perms ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
}

/* What links may do by now, whatever they were made for: no more than one that could be made now;
 * perms 0 where there are none. */
static cloud_err_t *limit(unsigned *perms, cloud_ctx_t *ctx)
{
    static const struct {
        const char *setting;
        unsigned left;      /* where it is off */
    } LIMITS[] = {
        { "shareapi_enabled", 0 },
        { "shareapi_allow_links", 0 },
        { "shareapi_allow_public_upload", CLOUD_PERM_READ },
    };
    unsigned i;
    int on;

    for (i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++) {
        CLOUD_ERR(cloud_setting_bool(&on, ctx, "core", LIMITS[i].setting));
        if (!on) *perms &= LIMITS[i].left;
    }
    return NULL;
}

static cloud_err_t *take(row_t *row, cloud_ctx_t *ctx, cloud_stmt_t *st, int found,
                         apr_pool_t *pool)
{
    if (found) read_row(row, st, pool);
    cloud_stmt_done(st);
    if (!found) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(complete(row, ctx, pool));
    CLOUD_ERR(limit(&row->link.perms, ctx));
    return row->link.perms ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
}

static cloud_err_t *view(cloud_mount_t *m, cloud_ctx_t *ctx, const cloud_view_t *v,
                         apr_pool_t *pool)
{
    row_t row = { 0 };
    cloud_stmt_t *st;
    int found;

    CLOUD_ERR(cloud_db_query(&st, &found, ctx->db, pool, SELECT_LINK "s.id = ?1" SELECT_LINK_END,
                             "ii", v->id, (apr_int64_t)apr_time_sec(apr_time_now())));
    CLOUD_ERR(take(&row, ctx, st, found, pool));
    memset(m, 0, sizeof *m);
    m->target = row.node;
    m->owner = row.owner;
    m->perms = row.link.perms;
    m->flags = row.link.flags;
    m->name = row.link.name;
    return NULL;
}

/* The account of the owner as the verbs shall see it. */
static cloud_err_t *make_account(row_t *row, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_view_t *v = apr_palloc(pool, sizeof *v);
    cloud_account_t *owner;

    CLOUD_ERR(cloud_account_by_number(&owner, ctx, row->owner, pool));
    owner = apr_pmemdup(pool, owner, sizeof *owner);
    v->feature = &FEATURE;
    v->id = row->link.id;
    owner->view = v;
    row->link.account = owner;
    return NULL;
}

/* Of a folder that was shared on: as who made the link calls it. What its owner calls it is told to none of those
 * who received it. */
static cloud_err_t *name_it(row_t *row, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int found;

    if (row->initiator == row->owner || !row->link.is_dir) return NULL;
    CLOUD_ERR(cloud_db_query(&st, &found, ctx->db, pool,
                             "SELECT coalesce((SELECT name FROM share_place WHERE account = ?1"
                             " AND node = ?2), (SELECT target FROM share WHERE node = ?2"
                             " AND ((type = 0 AND recipient = ?1) OR (type = 1 AND recipient IN"
                             " (SELECT usergroup FROM membership WHERE account = ?1)))"
                             " ORDER BY id LIMIT 1))",
                             "ii", row->initiator, row->node.id));
    if (found && !cloud_col_null(st, 0)) row->link.name = cloud_col_dup(st, 0, pool);
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *find_tx(row_t *row, cloud_ctx_t *ctx, const char *token, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    apr_int64_t *chain;
    int found, n;

    CLOUD_ERR(cloud_db_query(&st, &found, ctx->db, pool,
                             SELECT_LINK "s.token = ?1" SELECT_LINK_END, "ti", token,
                             (apr_int64_t)apr_time_sec(apr_time_now())));
    CLOUD_ERR(take(row, ctx, st, found, pool));
    CLOUD_ERR(make_account(row, ctx, pool));
    CLOUD_ERR(name_it(row, ctx, pool));
    /* In the trash it is not there. */
    CLOUD_ERR(cloud_tree_chain(&chain, &n, ctx, row->node.id, pool));
    return n && chain[0] == row->link.account->root
               ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
}

cloud_err_t *cloud_link_find(cloud_link_t **link, cloud_ctx_t *ctx, const char *token,
                             apr_pool_t *pool)
{
    row_t *row = apr_pcalloc(pool, sizeof *row);
    cloud_err_t *err;

    *link = NULL;
    if (!*token || strlen(token) > TOKEN_MAX || !cloud_name_xml_ok(token))
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find_tx(row, ctx, token, pool);
    cloud_tx_rollback(ctx);
    if (!err) *link = &row->link;
    return err;
}

int cloud_link_opens(const cloud_link_t *link, const char *text)
{
    if (!link->password) return 1;
    return strlen(text) <= CLOUD_PASSWORD_MAX &&
           apr_password_validate(text, link->password) == APR_SUCCESS;
}

int cloud_link_is_drop(const cloud_link_t *link)
{
    return (link->perms & (CLOUD_PERM_READ | CLOUD_PERM_CREATE)) == CLOUD_PERM_CREATE;
}
