/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What was deleted through a mount. It lies in the bin of its owner, once; whoever deleted it sees it in his
 * bin, too, for as long as he has the mount that he deleted it through. He may bring it back, and he may put
 * it out of his sight; what becomes of it in the owner's bin is the owner's. */
#include "trash_private.h"

#include <string.h>

/* ---- mounts ---- */

typedef struct {
    apr_hash_t *live;       /* by the ids of their targets */
    apr_pool_t *pool;
} mounts_t;

static cloud_err_t *take_mount(void *baton, const cloud_mount_t *m)
{
    mounts_t *t = baton;
    const apr_int64_t *id = apr_pmemdup(t->pool, &m->target.id, sizeof m->target.id);

    if (m->perms & CLOUD_PERM_READ) apr_hash_set(t->live, id, sizeof *id, id);
    return NULL;
}

/* All mounts through which an account may read. (tx) */
static cloud_err_t *load_mounts(mounts_t *t, cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    static const cloud_mount_query_t all;
    int i;

    t->pool = pool;
    t->live = apr_hash_make(pool);
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->mounts) CLOUD_ERR(f->mounts(ctx, account, &all, take_mount, t, pool));
    }
    return NULL;
}

/* ---- rows ---- */

cloud_err_t *cloud_trash_share_note(cloud_ctx_t *ctx, const cloud_entry_t *e)
{
    const cloud_account_t *who = ctx->who.account;

    if (!e->mount || !who || who->number == e->owner->number) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT OR REPLACE INTO trash_share (node, account, owner, mount, location)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)",
                        "iiiit", e->node.id, who->number, e->owner->number, e->mount->target.id,
                        e->path);
}

cloud_err_t *cloud_trash_share_forget(cloud_ctx_t *ctx, apr_int64_t node)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM trash_share WHERE node = ?1", "i",
                        node);
}

cloud_err_t *cloud_trash_share_clear(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM trash_share WHERE account = ?1",
                        "i", account->number);
}

/* What is in a bin by now; one that was emptied is none any more, and waits with all that is in it. */
#define SHARED                                                                                   \
    " FROM trash_share s JOIN trash t ON t.node = s.node JOIN node n ON n.id = s.node"           \
    " AND n.parent = t.bin JOIN node b ON b.id = t.bin AND b.kind = 4"

/* ---- finding ---- */

/* The node that a path in a bin begins with; 0: none. */
static apr_int64_t node_of(const char *path)
{
    apr_size_t digits = strspn(path, "0123456789");

    if (digits == 0 || digits > 18 || *path == '0') return 0;
    return path[digits] == '\0' || path[digits] == '/' ? apr_atoi64(path) : 0;
}

typedef struct {
    apr_int64_t bin, mount, owner;
} place_t;

static cloud_err_t *load_place(place_t *place, cloud_ctx_t *ctx, const cloud_account_t *account,
                               apr_int64_t node)
{
    cloud_stmt_t *st;
    int row;

    memset(place, 0, sizeof *place);
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT t.bin, s.mount, s.owner" SHARED
                             " WHERE s.node = ?1 AND s.account = ?2",
                             "ii", node, account->number));
    if (row) {
        place->bin = cloud_col_int(st, 0);
        place->mount = cloud_col_int(st, 1);
        place->owner = cloud_col_int(st, 2);
    }
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_trash_share_find(cloud_entry_t **found, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, const char *path,
                                    apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.account;
    apr_int64_t node = node_of(path);
    const cloud_mount_t *mount;
    cloud_account_t *owner;
    cloud_entry_t *e;
    place_t place;

    *found = NULL;
    if (!node || !who || who->number != account->number) return NULL;
    CLOUD_ERR(load_place(&place, ctx, account, node));
    if (!place.bin) return NULL;
    CLOUD_ERR(cloud_mount_get(&mount, ctx, account, place.mount, pool));
    if (!mount || !(mount->perms & CLOUD_PERM_READ)) return NULL;
    CLOUD_ERR(cloud_account_by_number(&owner, ctx, place.owner, pool));
    CLOUD_ERR(cloud_resolve_root_tx(&e, ctx, owner, place.bin, path, pool));
    if (!e->exists) return NULL;
    e->account = account;
    e->mount = mount;
    e->perms = e->barred ? 0 : CLOUD_PERM_READ | CLOUD_PERM_UPDATE | CLOUD_PERM_DELETE;
    *found = e;
    return NULL;
}

/* ---- listing ---- */

static cloud_err_t *has_any(int *any, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, any, ctx->db, ctx->pool,
                             "SELECT 1 FROM trash_share WHERE account = ?1 LIMIT 1", "i",
                             account->number));
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_trash_share_list(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    cloud_trash_fn *fn, void *baton, apr_pool_t *pool)
{
    cloud_trash_item_t item;
    cloud_err_t *err;
    cloud_stmt_t *st;
    apr_int64_t id;
    mounts_t t;
    int row;

    CLOUD_ERR(has_any(&row, ctx, account));
    if (!row) return NULL;
    CLOUD_ERR(load_mounts(&t, ctx, account, pool));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool,
                             "SELECT " TRASH_ITEM_COLS ", t.name, s.location, t.deleted, t.deleter,"
                             " t.batch, s.mount" SHARED " WHERE s.account = ?1 ORDER BY s.node",
                             "i", account->number));
    for (err = NULL; !err && row;) {
        id = cloud_col_int(st, TRASH_ITEM_NCOLS + 5);
        if (apr_hash_get(t.live, &id, sizeof id)) {
            cloud_trash_item_row(&item, st);
            err = fn(baton, &item);
        }
        if (!err) err = cloud_stmt_step(&row, st, pool);
    }
    cloud_stmt_done(st);
    return err;
}
