/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a share is called at its recipient's, and where it is when he does not have it. The core numbers whatever
 * clashes when it lists; a name that is free from the beginning does not change when something else goes. */
#include "share.h"
#include "mount_private.h"

#define TRIES 1000

/* Shares s that the account ?1 was given and has accepted. */
#define ACCEPTED                                                                                \
    "((s.type = 0 AND s.recipient = ?1 AND s.state = 0) OR (s.type = 1 AND s.owner <> ?1"      \
    " AND s.recipient IN (SELECT usergroup FROM membership WHERE account = ?1)"                \
    " AND coalesce((SELECT m.state FROM share_member m WHERE m.share = s.id"                   \
    " AND m.account = ?1), s.state) = 0))"

/* ---- for somebody else: what his files look like is not asked, but what was given to him ---- */

/* How many other items are called so, or would be if they were the only one. */
static cloud_err_t *count_wanting(int *n, cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t folder,
                                  const char *name, apr_int64_t node, apr_pool_t *pool)
{
    cloud_node_t *child;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tree_child(&child, ctx, folder, name, pool));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT count(*) FROM (SELECT s.node FROM share s WHERE s.target = ?2"
                             " AND s.node <> ?3 AND s.type = 0 AND s.recipient = ?1 AND s.state = 0"
                             " UNION SELECT s.node FROM membership b JOIN share s ON s.type = 1"
                             " AND s.recipient = b.usergroup AND s.target = ?2 AND s.node <> ?3"
                             " WHERE b.account = ?1 AND " ACCEPTED
                             " UNION SELECT node FROM share_place WHERE account = ?1"
                             " AND name = ?2 AND node <> ?3 AND parent = ?4)",
                             "itii", account, name, node, folder));
    *n = (child != NULL) + (row ? (int)cloud_col_int(st, 0) : 0);
    cloud_stmt_done(st);
    return NULL;
}

/* The name under which he has the item already, by another share. */
static cloud_err_t *existing(const char **target, cloud_ctx_t *ctx, apr_int64_t account,
                             apr_int64_t node, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT s.target FROM share s WHERE s.node = ?2 AND " ACCEPTED
                             " ORDER BY s.id LIMIT 1", "ii", account, node));
    *target = row ? cloud_col_dup(st, 0, pool) : NULL;
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_share_unique_target(const char **target, cloud_ctx_t *ctx,
                                       const cloud_account_t *recipient, const char *name,
                                       apr_int64_t node, int is_dir, apr_pool_t *pool)
{
    apr_array_header_t *above;
    apr_int64_t folder;
    int n, complete, wanting;

    CLOUD_ERR(existing(target, ctx, recipient->number, node, pool));
    if (*target) return NULL;
    CLOUD_ERR(cloud_mounts_folder(&above, &complete, ctx, recipient, pool));
    /* Where it will be made nothing can be in the way. */
    folder = complete ? APR_ARRAY_IDX(above, above->nelts - 1, apr_int64_t) : 0;
    *target = name;
    CLOUD_ERR(count_wanting(&wanting, ctx, recipient->number, folder, name, node, pool));
    /* Of those all but the first one have numbers, which what a group was given gets only when it is listed: it is to
     * keep the one that its recipient has seen. */
    for (n = wanting + 1; wanting && n < TRIES; n++) {
        *target = cloud_name_numbered(name, n, is_dir, pool);
        CLOUD_ERR(count_wanting(&wanting, ctx, recipient->number, folder, *target, node, pool));
    }
    return NULL;
}

/* ---- for who takes or leaves it ---- */

typedef struct {
    apr_int64_t folder;           /* 0: there is none yet, so nothing else is in it */
    const char *name;
    int put;                      /* by its recipient */
} place_t;

static cloud_err_t *put_place(place_t *p, cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t node,
                              apr_pool_t *pool)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, &p->put, ctx->db, ctx->pool, "SELECT parent, name FROM share_place"
                             " WHERE account = ?1 AND node = ?2", "ii", account, node));
    if (p->put) p->folder = cloud_col_int(st, 0);
    if (p->put) p->name = cloud_col_dup(st, 1, pool);
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *place_of(place_t *p, cloud_ctx_t *ctx, const cloud_account_t *account,
                             const cloud_share_t *s, apr_pool_t *pool)
{
    apr_array_header_t *above;
    int complete;

    CLOUD_ERR(put_place(p, ctx, account->number, s->node, pool));
    if (p->put) return NULL;
    p->name = s->target;
    CLOUD_ERR(cloud_mounts_folder(&above, &complete, ctx, account, pool));
    p->folder = complete ? APR_ARRAY_IDX(above, above->nelts - 1, apr_int64_t) : 0;
    return NULL;
}

/* Whether the account sees something else under a name. */
static cloud_err_t *is_shown(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                             const place_t *p, const char *name, apr_int64_t node,
                             apr_pool_t *pool)
{
    const cloud_mount_t *m;
    cloud_node_t *child;

    CLOUD_ERR(cloud_tree_child(&child, ctx, p->folder, name, pool));
    *yes = child != NULL;
    if (child) return NULL;
    CLOUD_ERR(cloud_mount_find(&m, ctx, account, p->folder, name, pool));
    *yes = m && m->target.id != node;
    return NULL;
}

cloud_err_t *cloud_share_keep_name(cloud_ctx_t *ctx, const cloud_account_t *account,
                                   cloud_share_t *s, apr_pool_t *pool)
{
    const char *name;
    cloud_node_t *node;
    place_t p;
    int n, shown = 1;

    CLOUD_ERR(cloud_tree_get(&node, ctx, s->node, pool));
    CLOUD_ERR(place_of(&p, ctx, account, s, pool));
    if (!node || !p.folder) return NULL;
    for (n = 1, name = p.name; shown && n < TRIES; n++) {
        if (n > 1) name = cloud_name_numbered(p.name, n, CLOUD_IS_DIR(node), pool);
        CLOUD_ERR(is_shown(&shown, ctx, account, &p, name, s->node, pool));
    }
    if (name == p.name) return NULL;
    CLOUD_ERR(cloud_share_put(ctx, account->number, s->node, p.folder, name));
    if (p.put) return NULL;
    /* Of what he alone was given the owner sees the name, too. */
    if (s->type == CLOUD_SHARE_USER) s->target = name;
    return cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE share SET target = ?3 WHERE type = 0"
                        " AND recipient = ?1 AND node = ?2", "iit", account->number, s->node, name);
}

cloud_err_t *cloud_share_keep_place(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    apr_int64_t node)
{
    const cloud_placed_t *p;

    CLOUD_ERR(cloud_mount_of(&p, ctx, account, node, ctx->pool));
    if (!p || p->m.parent || strcmp(p->shown, p->m.name) == 0) return NULL;
    return cloud_share_put(ctx, account->number, node, p->above[p->above_len - 1], p->shown);
}

cloud_err_t *cloud_share_kept_path(const char **path, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_int64_t node,
                                   apr_pool_t *pool)
{
    apr_array_header_t *above;
    place_t p;
    int i;

    *path = NULL;
    CLOUD_ERR(put_place(&p, ctx, account->number, node, pool));
    if (!p.put) return NULL;
    CLOUD_ERR(cloud_tree_above(&above, ctx, p.folder, pool));
    if (!above->nelts) return NULL;
    /* In the trash a folder has its name on disk. */
    for (*path = "", i = 1; i < above->nelts; i++)
        *path = apr_pstrcat(pool, *path, "/", APR_ARRAY_IDX(above, i, cloud_above_t).disk, NULL);
    *path = apr_pstrcat(pool, *path, "/", p.name, NULL);
    return NULL;
}
