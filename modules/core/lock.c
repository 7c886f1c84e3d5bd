/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* WebDAV locks. A lock is a row that names the node it is rooted at and the tree this node is in.
 * Whether it covers a node is decided by the chain of ids from the tree's root down, so that a
 * rename above costs nothing; a tree without locks costs one indexed statement. */
#include "lock_private.h"

#include <string.h>

#define LOCK_COLS                                                                               \
    "l.token, l.tree, l.node, l.exclusive, l.infinite, l.account, a.id, l.owner, l.created,"    \
    " l.timeout, l.expires, a.root = l.tree"

/* Locks of accounts that are gone by now hold nobody up, hence the join. */
static const char SELECT_LIVE[] =
    "SELECT " LOCK_COLS " FROM lock l JOIN account a ON a.number = l.account"
    " WHERE l.tree = ?1 AND l.expires > ?2";

/* ---- live locks, and what they cover ---- */

static void read_row(cloud_lock_t *lock, cloud_stmt_t *st, apr_pool_t *pool)
{
    memset(lock, 0, sizeof *lock);
    lock->token = cloud_col_dup(st, 0, pool);
    lock->tree = cloud_col_int(st, 1);
    lock->node = cloud_col_int(st, 2);
    lock->exclusive = (int)cloud_col_int(st, 3);
    lock->infinite = (int)cloud_col_int(st, 4);
    lock->account = cloud_col_int(st, 5);
    lock->account_id = cloud_col_dup(st, 6, pool);
    lock->owner = cloud_col_dup(st, 7, pool);
    lock->created = cloud_col_int(st, 8);
    lock->timeout = cloud_col_int(st, 9);
    lock->expires = cloud_col_int(st, 10);
    lock->own_tree = (int)cloud_col_int(st, 11);
}

/* Live locks of a tree; *locks NULL when there are none. (tx) */
cloud_err_t *cloud_locks_load(apr_array_header_t **locks, cloud_ctx_t *ctx, apr_int64_t tree,
                         apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *locks = NULL;
    err = cloud_db_query(&st, &row, ctx->db, pool, SELECT_LIVE, "ii", tree,
                         (apr_int64_t)apr_time_now());
    if (err) return err;
    while (!err && row) {
        if (!*locks) *locks = apr_array_make(pool, 8, sizeof(cloud_lock_t));
        read_row(apr_array_push(*locks), st, pool);
        err = cloud_stmt_step(&row, st, pool);
    }
    cloud_stmt_done(st);
    return err;
}

#define NO_NODE (-1) /* last id of the place of something that does not exist yet */

cloud_lock_place_t cloud_lock_place(const cloud_entry_t *entry, apr_pool_t *pool)
{
    apr_int64_t *ids = apr_palloc(pool, sizeof *ids * (apr_size_t)(entry->chain_len + 1));
    cloud_lock_place_t place = { ids, entry->chain_len + 1 };

    if (entry->chain_len > 0)
        memcpy(ids, entry->chain, sizeof *ids * (apr_size_t)entry->chain_len);
    ids[entry->chain_len] = entry->exists ? entry->node.id : NO_NODE;
    return place;
}

static cloud_lock_place_t parent_place(const cloud_entry_t *entry)
{
    cloud_lock_place_t place = { entry->chain, entry->chain_len };
    return place;
}

int cloud_lock_covers(const cloud_lock_t *lock, cloud_lock_place_t place)
{
    int i;

    if (place.n == 0) return 0;
    if (lock->node == place.ids[place.n - 1]) return 1;
    if (!lock->infinite) return 0;
    for (i = 0; i < place.n - 1; i++)
        if (lock->node == place.ids[i]) return 1;
    return 0;
}

/* The place of the lock's root when it lies strictly below the node; n 0 otherwise. (tx) */
cloud_err_t *cloud_lock_place_below(cloud_lock_place_t *place, cloud_ctx_t *ctx,
                                    const cloud_lock_t *lock, apr_int64_t node,
                                    apr_pool_t *pool)
{
    apr_int64_t *ids;
    int n, i;

    place->n = 0;
    if (lock->node == node) return NULL;
    CLOUD_ERR(cloud_tree_chain(&ids, &n, ctx, lock->node, pool));
    for (i = 0; i < n - 1; i++) {
        if (ids[i] != node) continue;
        place->ids = ids;
        place->n = n;
        break;
    }
    return NULL;
}

/* ---- who may still write ---- */

typedef struct {
    apr_int64_t account, node;
} spot_t;

typedef struct {
    apr_int64_t node;
    int found;
} gives_t;

static cloud_err_t *gives(void *baton, const cloud_mount_t *m)
{
    gives_t *g = baton;

    if (m->target.id == g->node && m->perms & (CLOUD_PERM_UPDATE | CLOUD_PERM_CREATE))
        g->found = 1;
    return NULL;
}

/* Whether a mount of just this node lets the account write. */
static cloud_err_t *ask_at(int *yes, cloud_lock_holders_t *h, cloud_ctx_t *ctx, spot_t spot)
{
    const apr_array_header_t *features = cloud_features();
    const cloud_mount_query_t query = { .target = spot.node };
    gives_t g = { spot.node, 0 };
    int i;

    if (!h->last || h->last->number != spot.account)
        CLOUD_ERR(cloud_account_by_number(&h->last, ctx, spot.account, h->pool));
    for (i = 0; i < features->nelts && !g.found; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->mounts) CLOUD_ERR(f->mounts(ctx, h->last, &query, gives, &g, ctx->pool));
    }
    *yes = g.found;
    return NULL;
}

static const char MAY[] = "may", MAY_NOT[] = "may not"; /* told apart by where they are */

static const char *known(const cloud_lock_holders_t *h, spot_t spot)
{
    return h->known ? apr_hash_get(h->known, &spot, sizeof spot) : NULL;
}

static void remember(cloud_lock_holders_t *h, spot_t spot, int yes)
{
    if (!h->known) h->known = apr_hash_make(h->pool);
    apr_hash_set(h->known, apr_pmemdup(h->pool, &spot, sizeof spot), sizeof spot,
                 yes ? MAY : MAY_NOT);
}

/* What lets write in a folder lets write below it, so it goes down from the deepest of the nodes that is known. */
static cloud_err_t *ask_down(int *yes, cloud_lock_holders_t *h, cloud_ctx_t *ctx,
                             apr_int64_t account, const apr_int64_t *ids, int n)
{
    const char *answer = NULL;
    int i = n;

    while (i > 0 && !answer) answer = known(h, (spot_t){ account, ids[--i] });
    if (answer) i++;
    *yes = answer == MAY;
    for (; i < n; i++) {
        const spot_t spot = { account, ids[i] };

        if (!*yes) CLOUD_ERR(ask_at(yes, h, ctx, spot));
        remember(h, spot, *yes);
    }
    return NULL;
}

/* Whether who has the lock may write there by now: the owner of the tree may, others through what they have
 * mounted. It is asked only when a lock would hold somebody up, or would be told of. */
static cloud_err_t *still_counts(int *yes, cloud_lock_holders_t *h, cloud_ctx_t *ctx,
                                 const cloud_lock_t *lock)
{
    const char *answer = known(h, (spot_t){ lock->account, lock->node });
    apr_int64_t *ids;
    int n;

    *yes = lock->own_tree || answer == MAY;
    if (lock->own_tree || answer) return NULL;
    CLOUD_ERR(cloud_tree_chain(&ids, &n, ctx, lock->node, ctx->pool));
    *yes = 1;
    return n > 0 ? ask_down(yes, h, ctx, lock->account, ids, n) : NULL;
}

cloud_err_t *cloud_lock_refuse(cloud_lock_holders_t *h, cloud_ctx_t *ctx, const cloud_lock_t *lock)
{
    int counts;

    CLOUD_ERR(still_counts(&counts, h, ctx, lock));
    if (counts) return cloud_err(ctx->pool, CLOUD_E_LOCKED, "Locked by %s", lock->account_id);
    return NULL;
}

/* ---- enforcing ---- */

static int submitted(const cloud_ctx_t *ctx, const cloud_lock_t *lock,
                     const apr_array_header_t *tokens)
{
    int i;

    if (!tokens || !ctx->who.account || ctx->who.account->number != lock->account) return 0;
    for (i = 0; i < tokens->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(tokens, i, const char *), lock->token) == 0) return 1;
    return 0;
}

/* An exclusive lock asks for its token; of several shared ones any is enough, for whoever holds
 * one of them may write (RFC 4918, 6.2). */
static cloud_err_t *check_place(cloud_lock_holders_t *h, cloud_ctx_t *ctx,
                                const apr_array_header_t *locks, cloud_lock_place_t place,
                                const apr_array_header_t *tokens)
{
    cloud_err_t *shared = NULL; /* by a shared lock */
    int i, may_share = 0;

    for (i = 0; i < locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        cloud_err_t *refused = NULL;
        int own;

        if (!cloud_lock_covers(lock, place)) continue;
        own = submitted(ctx, lock, tokens);
        if (lock->exclusive && own) continue;
        if (!own) refused = cloud_lock_refuse(h, ctx, lock);
        if (lock->exclusive && refused) return refused;
        if (lock->exclusive) continue;
        if (refused) shared = refused;
        may_share |= own;
    }
    return may_share ? NULL : shared;
}

static cloud_err_t *check_below(cloud_lock_holders_t *h, cloud_ctx_t *ctx,
                                const apr_array_header_t *locks, const cloud_entry_t *entry,
                                const apr_array_header_t *tokens)
{
    int i;

    for (i = 0; i < locks->nelts; i++) {
        cloud_lock_place_t place;

        CLOUD_ERR(cloud_lock_place_below(&place, ctx, &APR_ARRAY_IDX(locks, i, cloud_lock_t),
                                         entry->node.id, h->pool));
        if (place.n > 0) CLOUD_ERR(check_place(h, ctx, locks, place, tokens));
    }
    return NULL;
}

static cloud_err_t *check(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                          const apr_array_header_t *tokens, unsigned flags, apr_pool_t *pool)
{
    cloud_lock_holders_t h = { .pool = pool };
    apr_array_header_t *locks;

    CLOUD_ERR(cloud_locks_load(&locks, ctx, entry->tree, pool));
    if (!locks) return NULL;
    if (flags & CLOUD_LOCKCHK_NODE)
        CLOUD_ERR(check_place(&h, ctx, locks, cloud_lock_place(entry, pool), tokens));
    if (flags & CLOUD_LOCKCHK_PARENT)
        CLOUD_ERR(check_place(&h, ctx, locks, parent_place(entry), tokens));
    if ((flags & CLOUD_LOCKCHK_BELOW) && entry->exists && CLOUD_IS_DIR(&entry->node))
        CLOUD_ERR(check_below(&h, ctx, locks, entry, tokens));
    return NULL;
}

cloud_err_t *cloud_lock_check(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                              const apr_array_header_t *tokens, unsigned flags)
{
    /* A job or the admin at the command line is held up by nobody's lock, unless it asked for it. */
    if (ctx->who.system && !ctx->who.heeds_locks) return NULL;
    return check(ctx, entry, tokens, flags, ctx->pool);
}

/* Of a tree (?1) the locks at or below a node (?2). It is found from the locks upwards, each folder above them once,
 * and from the node down again within these: a tree may be large, and few of it is locked. */
static const char FORGET[] =
    "WITH RECURSIVE above (id, parent) AS MATERIALIZED ("
    "SELECT n.id, n.parent FROM lock l CROSS JOIN node n ON n.id = l.node WHERE l.tree = ?1"
    " UNION SELECT n.id, n.parent FROM above a CROSS JOIN node n ON n.id = a.parent"
    " WHERE a.id <> ?2 AND a.parent <> 0),"
    " below (id) AS (SELECT ?2 UNION SELECT a.id FROM below b CROSS JOIN above a ON a.parent = b.id)"
    " DELETE FROM lock WHERE tree = ?1 AND node IN below";
static const char FORGET_FILE[] = "DELETE FROM lock WHERE tree = ?1 AND node = ?2";

cloud_err_t *cloud_lock_forget(cloud_ctx_t *ctx, const cloud_entry_t *entry)
{
    if (!entry->exists) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        CLOUD_IS_DIR(&entry->node) ? FORGET : FORGET_FILE, "ii", entry->tree,
                        entry->node.id);
}

cloud_err_t *cloud_lock_expire(cloud_ctx_t *ctx)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM lock WHERE expires <= ?1", "i",
                        (apr_int64_t)apr_time_now());
}

/* ---- asking ---- */

/* Path of the lock's root: so many segments up from the entry's path. Where the root lies above a
 * mount it has no path in this account's files; the mount's top stands for it. */
const char *cloud_lock_root_path(const cloud_lock_t *lock, const cloud_entry_t *entry,
                             apr_pool_t *pool)
{
    apr_size_t len = strlen(entry->path);
    int i, up = 0;

    for (i = 0; i < entry->chain_len; i++)
        if (lock->node == entry->chain[i]) up = entry->chain_len - i;
    while (up-- > 0 && len > entry->mount_len) {
        while (len > 0 && entry->path[len - 1] != '/') len--;
        if (len > 0) len--;
    }
    return apr_pstrmemdup(pool, entry->path, len);
}

/* Path of a node below the entry, in the entry's spelling of the way down to it. (tx) */
static cloud_err_t *below_path(const char **path, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                               cloud_lock_place_t place, apr_pool_t *pool)
{
    const char *sub = NULL;
    int i;

    for (i = place.n - 1; i > 0 && place.ids[i] != entry->node.id; i--) {
        cloud_node_t *node;

        CLOUD_ERR(cloud_tree_get(&node, ctx, place.ids[i], pool));
        if (!node) return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "A locked node is gone");
        sub = sub ? apr_pstrcat(pool, node->name, "/", sub, NULL) : node->name;
    }
    *path = *entry->path ? apr_pstrcat(pool, entry->path, "/", sub, NULL) : sub;
    return NULL;
}

static cloud_err_t *find(apr_array_header_t *found, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                         int below, apr_pool_t *pool)
{
    cloud_lock_place_t self = cloud_lock_place(entry, pool);
    cloud_lock_holders_t h = { .pool = pool };
    apr_array_header_t *locks;
    int i, counts;

    CLOUD_ERR(cloud_locks_load(&locks, ctx, entry->tree, pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        cloud_lock_place_t place = { NULL, 0 };

        if (cloud_lock_covers(lock, self)) {
            lock->path = cloud_lock_root_path(lock, entry, pool);
        } else {
            if (!below || !entry->exists || !CLOUD_IS_DIR(&entry->node)) continue;
            CLOUD_ERR(cloud_lock_place_below(&place, ctx, lock, entry->node.id, pool));
            if (place.n == 0) continue;
            CLOUD_ERR(below_path(&lock->path, ctx, entry, place, pool));
        }
        counts = lock->account == entry->owner->number; /* his own tree */
        if (!counts) CLOUD_ERR(still_counts(&counts, &h, ctx, lock));
        if (counts) APR_ARRAY_PUSH(found, cloud_lock_t) = *lock;
    }
    return NULL;
}

cloud_err_t *cloud_lock_find(apr_array_header_t **locks, cloud_ctx_t *ctx,
                             const cloud_entry_t *entry, int below, apr_pool_t *pool)
{
    *locks = apr_array_make(pool, 1, sizeof(cloud_lock_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    return cloud_tx_end(ctx, find(*locks, ctx, entry, below, pool));
}

cloud_err_t *cloud_lock_any(int *any, cloud_ctx_t *ctx, apr_int64_t tree)
{
    cloud_stmt_t *st;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, any, ctx->db, ctx->pool,
                         "SELECT 1 FROM lock WHERE tree = ?1 AND expires > ?2 LIMIT 1", "ii", tree,
                         (apr_int64_t)apr_time_now());
    if (!err) cloud_stmt_done(st);
    return cloud_tx_end(ctx, err);
}
