/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* WebDAV locks. A lock is a row that names the node it is rooted at and the tree this node is in.
 * Whether it covers a node is decided by the chain of ids from the tree's root down, so that a
 * rename above costs nothing; a tree without locks costs one indexed statement. */
#include "internal.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TOKEN_SCHEME   "opaquelocktoken:"
#define OWNER_MAX      16384  /* bytes of DAV:owner */
#define LOCKS_MAX      10000  /* live locks of one account in one tree */
#define TAKE_ATTEMPTS  8

#define LOCK_COLS                                                                               \
    "l.token, l.tree, l.node, l.exclusive, l.infinite, l.account, a.id, l.owner, l.created,"    \
    " l.timeout, l.expires"

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
}

/* Live locks of a tree; *locks NULL when there are none. (tx) */
static cloud_err_t *load(apr_array_header_t **locks, cloud_ctx_t *ctx, apr_int64_t tree,
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

/* A node's place: ids from the tree's root down to the node itself. */
typedef struct {
    const apr_int64_t *ids;
    int n;
} place_t;

#define NO_NODE (-1) /* last id of the place of something that does not exist yet */

static place_t place_of(const cloud_entry_t *entry, apr_pool_t *pool)
{
    apr_int64_t *ids = apr_palloc(pool, sizeof *ids * (apr_size_t)(entry->chain_len + 1));
    place_t place = { ids, entry->chain_len + 1 };

    if (entry->chain_len > 0)
        memcpy(ids, entry->chain, sizeof *ids * (apr_size_t)entry->chain_len);
    ids[entry->chain_len] = entry->exists ? entry->node.id : NO_NODE;
    return place;
}

static place_t parent_place(const cloud_entry_t *entry)
{
    place_t place = { entry->chain, entry->chain_len };
    return place;
}

static int covers(const cloud_lock_t *lock, place_t place)
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
static cloud_err_t *place_below(place_t *place, cloud_ctx_t *ctx, const cloud_lock_t *lock,
                                apr_int64_t node, apr_pool_t *pool)
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

static cloud_err_t *locked(cloud_ctx_t *ctx, const cloud_lock_t *lock)
{
    return cloud_err(ctx->pool, CLOUD_E_LOCKED, "Locked by %s", lock->account_id);
}

/* An exclusive lock asks for its token; of several shared ones any is enough, for whoever holds
 * one of them may write (RFC 4918, 6.2). */
static cloud_err_t *check_place(cloud_ctx_t *ctx, const apr_array_header_t *locks, place_t place,
                                const apr_array_header_t *tokens)
{
    const cloud_lock_t *shared = NULL;
    int i, may_share = 0;

    for (i = 0; i < locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        int own;

        if (!covers(lock, place)) continue;
        own = submitted(ctx, lock, tokens);
        if (lock->exclusive && !own) return locked(ctx, lock);
        if (lock->exclusive) continue;
        shared = lock;
        may_share |= own;
    }
    return shared && !may_share ? locked(ctx, shared) : NULL;
}

static cloud_err_t *check_below(cloud_ctx_t *ctx, const apr_array_header_t *locks,
                                const cloud_entry_t *entry, const apr_array_header_t *tokens,
                                apr_pool_t *pool)
{
    int i;

    for (i = 0; i < locks->nelts; i++) {
        place_t place;

        CLOUD_ERR(place_below(&place, ctx, &APR_ARRAY_IDX(locks, i, cloud_lock_t),
                              entry->node.id, pool));
        if (place.n > 0) CLOUD_ERR(check_place(ctx, locks, place, tokens));
    }
    return NULL;
}

static cloud_err_t *check(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                          const apr_array_header_t *tokens, unsigned flags, apr_pool_t *pool)
{
    apr_array_header_t *locks;

    CLOUD_ERR(load(&locks, ctx, entry->tree, pool));
    if (!locks) return NULL;
    if (flags & CLOUD_LOCKCHK_NODE)
        CLOUD_ERR(check_place(ctx, locks, place_of(entry, pool), tokens));
    if (flags & CLOUD_LOCKCHK_PARENT)
        CLOUD_ERR(check_place(ctx, locks, parent_place(entry), tokens));
    if ((flags & CLOUD_LOCKCHK_BELOW) && entry->exists && CLOUD_IS_DIR(&entry->node))
        CLOUD_ERR(check_below(ctx, locks, entry, tokens, pool));
    return NULL;
}

cloud_err_t *cloud_lock_check(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                              const apr_array_header_t *tokens, unsigned flags)
{
    /* A job or the admin at the command line is held up by nobody's lock. */
    if (ctx->who.system) return NULL;
    return check(ctx, entry, tokens, flags, ctx->pool);
}

/* Names of the locks on the node and below, collected first: the walk up uses the connection too. */
static cloud_err_t *forget(cloud_ctx_t *ctx, const cloud_entry_t *entry, apr_pool_t *pool)
{
    static const char SQL[] = "DELETE FROM lock WHERE token = ?1";
    apr_array_header_t *locks;
    int i;

    CLOUD_ERR(load(&locks, ctx, entry->tree, pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        place_t place = { NULL, 0 };

        if (lock->node != entry->node.id)
            CLOUD_ERR(place_below(&place, ctx, lock, entry->node.id, pool));
        if (lock->node == entry->node.id || place.n > 0)
            CLOUD_ERR(cloud_db_run(ctx->db, NULL, pool, SQL, "t", lock->token));
    }
    return NULL;
}

cloud_err_t *cloud_lock_forget(cloud_ctx_t *ctx, const cloud_entry_t *entry)
{
    if (!entry->exists) return NULL;
    return forget(ctx, entry, ctx->pool);
}

cloud_err_t *cloud_lock_expire(cloud_ctx_t *ctx)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM lock WHERE expires <= ?1", "i",
                        (apr_int64_t)apr_time_now());
}

/* ---- taking ---- */

typedef struct {
    int exclusive, infinite;
    const char *owner;
    apr_int64_t timeout;
    cloud_lock_t *lock;   /* result */
    apr_pool_t *pool;
} take_t;

/* A random UUID (RFC 9562, version 4): nobody can guess another's token. */
static cloud_err_t *new_token(const char **token, apr_pool_t *pool)
{
    unsigned char u[16];
    apr_size_t got = 0;

    while (got < sizeof u) {
        ssize_t n = getrandom(u + got, sizeof u - got, 0);
        if (n <= 0) return cloud_err(pool, CLOUD_E_INTERNAL, "No random numbers");
        got += (apr_size_t)n;
    }
    u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
    u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
    *token = apr_psprintf(pool,
                          TOKEN_SCHEME "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                                       "%02x%02x%02x%02x%02x%02x",
                          u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
                          u[11], u[12], u[13], u[14], u[15]);
    return NULL;
}

static cloud_err_t *check_conflicts(const take_t *take, cloud_ctx_t *ctx,
                                    const cloud_entry_t *entry)
{
    place_t self = place_of(entry, take->pool);
    apr_array_header_t *locks;
    int i, own = 0;

    CLOUD_ERR(load(&locks, ctx, entry->tree, take->pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        place_t below = { NULL, 0 };

        own += lock->account == ctx->who.account->number;
        if (!take->exclusive && !lock->exclusive) continue;
        if (covers(lock, self)) return locked(ctx, lock);
        if (!take->infinite || !CLOUD_IS_DIR(&entry->node)) continue;
        CLOUD_ERR(place_below(&below, ctx, lock, entry->node.id, take->pool));
        if (below.n > 0) return locked(ctx, lock);
    }
    if (own >= LOCKS_MAX) return cloud_err(ctx->pool, CLOUD_E_DENIED, "Too many locks");
    return NULL;
}

/* Checks and inserts the lock on an entry that exists. (tx, write) */
static cloud_err_t *insert(take_t *take, cloud_ctx_t *ctx, const cloud_entry_t *entry)
{
    cloud_lock_t *lock = apr_pcalloc(take->pool, sizeof *lock);

    CLOUD_ERR(check_conflicts(take, ctx, entry));
    CLOUD_ERR(new_token(&lock->token, take->pool));
    lock->node = entry->node.id;
    lock->tree = entry->tree;
    lock->exclusive = take->exclusive;
    lock->infinite = take->infinite;
    lock->account = ctx->who.account->number;
    lock->account_id = ctx->who.account->id;
    lock->owner = take->owner;
    lock->created = apr_time_now();
    lock->timeout = take->timeout;
    lock->expires = lock->created + apr_time_from_sec(take->timeout);
    lock->path = apr_pstrdup(take->pool, entry->path);
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, take->pool,
                           "INSERT INTO lock (token, tree, node, exclusive, infinite, account,"
                           " owner, created, timeout, expires)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                           "tiiiiitiii", lock->token, lock->tree, lock->node,
                           (apr_int64_t)lock->exclusive, (apr_int64_t)lock->infinite,
                           lock->account, lock->owner, (apr_int64_t)lock->created, lock->timeout,
                           (apr_int64_t)lock->expires));
    take->lock = lock;
    return NULL;
}

static cloud_err_t *insert_in_tx(void *baton, cloud_ctx_t *ctx, const cloud_result_t *res)
{
    return insert(baton, ctx, res->entry);
}

/* LOCK of an unmapped path: an empty file and its lock, in one transaction. PRECONDITION when
 * somebody else was faster. */
static cloud_err_t *create_locked(take_t *take, cloud_ctx_t *ctx, const cloud_account_t *account,
                                  const char *path, const apr_array_header_t *tokens)
{
    cloud_put_opts_t opts = { .length = 0, .cond = { CLOUD_IF_ABSENT, 0, tokens } };
    cloud_staged_t staged;
    cloud_result_t res;
    cloud_digest_t *digest;
    cloud_entry_t *entry;
    cloud_err_t *err;
    const char *stage;
    int fd;

    CLOUD_ERR(cloud_files_precheck(&entry, ctx, account, path, 0, &opts, take->pool));
    CLOUD_ERR(cloud_storage_stage(&fd, &stage, ctx->store, entry->owner->dir, take->pool));
    digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, take->pool);
    err = cloud_files_seal(&staged, ctx, fd, stage, &opts,
                           cloud_digest_final(digest, take->pool), take->pool);
    close(fd);
    if (!err)
        err = cloud_files_attach(&res, ctx, account, path, &staged, 0, &opts, insert_in_tx, take,
                                 take->pool);
    if (err) cloud_staging_discard(ctx, stage);
    return err;
}

/* Locks what exists. *found 0: nothing is there. */
static cloud_err_t *lock_existing(int *found, take_t *take, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path)
{
    cloud_entry_t *entry;

    *found = 0;
    CLOUD_ERR(cloud_resolve_tx(&entry, ctx, account, path, take->pool));
    if (!entry->exists) {
        if (entry->has_parent) return NULL;
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, NULL);
    }
    *found = 1;
    CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LOCK));
    return insert(take, ctx, entry);
}

static cloud_err_t *granted(apr_int64_t *timeout, cloud_ctx_t *ctx)
{
    apr_int64_t max, def;

    CLOUD_ERR(cloud_setting_int(&def, ctx, "core", "lock_timeout_default"));
    CLOUD_ERR(cloud_setting_int(&max, ctx, "core", "lock_timeout_max"));
    if (*timeout == 0) *timeout = def;
    if (*timeout < 0 || *timeout > max) *timeout = max;
    return NULL;
}

cloud_err_t *cloud_lock_take(cloud_lock_t **lock, int *created, cloud_ctx_t *ctx,
                             const cloud_account_t *account, const char *path, int exclusive,
                             int infinite, const char *owner, apr_int64_t timeout,
                             const apr_array_header_t *tokens, apr_pool_t *pool)
{
    take_t take = { !!exclusive, !!infinite, owner, timeout, NULL, pool };
    cloud_err_t *err = NULL;
    int attempt, found;

    if (!ctx->who.account) return cloud_err(pool, CLOUD_E_DENIED, NULL);
    if (owner && strlen(owner) > OWNER_MAX)
        return cloud_err(pool, CLOUD_E_TOO_LARGE, "The owner of a lock is too long");
    CLOUD_ERR(granted(&take.timeout, ctx));
    for (attempt = 0; attempt < TAKE_ATTEMPTS; attempt++) {
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
        CLOUD_ERR(cloud_tx_end(ctx, lock_existing(&found, &take, ctx, account, path)));
        *created = !found;
        err = found ? NULL : create_locked(&take, ctx, account, path, tokens);
        *lock = take.lock;
        if (!cloud_err_is(err, CLOUD_E_PRECONDITION)) return err;
    }
    return err;
}

/* ---- refresh, release ---- */

/* The live lock with this token that covers the entry, or NULL. (tx) */
static cloud_err_t *by_token(cloud_lock_t **lock, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                             const char *token, apr_pool_t *pool)
{
    apr_array_header_t *locks;
    int i;

    *lock = NULL;
    if (!entry->exists) return NULL;
    CLOUD_ERR(load(&locks, ctx, entry->tree, pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        cloud_lock_t *l = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        if (strcmp(l->token, token) == 0 && covers(l, place_of(entry, pool))) *lock = l;
    }
    return NULL;
}

/* Path of the lock's root: so many segments up from the entry's path. Where the root lies above a
 * mount it has no path in this account's files; the mount's top stands for it. */
static const char *root_path(const cloud_lock_t *lock, const cloud_entry_t *entry,
                             apr_pool_t *pool)
{
    apr_size_t len = strlen(entry->path);
    int i, up = 0;

    for (i = 0; i < entry->chain_len; i++)
        if (lock->node == entry->chain[i]) up = entry->chain_len - i;
    while (up-- > 0 && len > 0) {
        while (len > 0 && entry->path[len - 1] != '/') len--;
        if (len > 0) len--;
    }
    return apr_pstrmemdup(pool, entry->path, len);
}

static cloud_err_t *refresh(cloud_lock_t **lock, cloud_ctx_t *ctx, const cloud_account_t *account,
                            const char *path, const char *token, apr_int64_t timeout,
                            apr_pool_t *pool)
{
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_resolve_tx(&entry, ctx, account, path, pool));
    CLOUD_ERR(by_token(lock, ctx, entry, token, pool));
    if (!*lock || !ctx->who.account || (*lock)->account != ctx->who.account->number)
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION, "No such lock");
    CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LOCK));
    (*lock)->timeout = timeout;
    (*lock)->expires = apr_time_now() + apr_time_from_sec(timeout);
    (*lock)->path = root_path(*lock, entry, pool);
    return cloud_db_run(ctx->db, NULL, pool,
                        "UPDATE lock SET timeout = ?2, expires = ?3 WHERE token = ?1", "tii",
                        token, timeout, (apr_int64_t)(*lock)->expires);
}

cloud_err_t *cloud_lock_refresh(cloud_lock_t **lock, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *path,
                                const char *token, apr_int64_t timeout, apr_pool_t *pool)
{
    CLOUD_ERR(granted(&timeout, ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, refresh(lock, ctx, account, path, token, timeout, pool));
}

static cloud_err_t *release(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                            const char *token)
{
    cloud_entry_t *entry;
    cloud_lock_t *lock;

    CLOUD_ERR(cloud_resolve_tx(&entry, ctx, account, path, ctx->pool));
    if (!entry->exists) return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "Nothing is locked there");
    CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LIST));
    CLOUD_ERR(by_token(&lock, ctx, entry, token, ctx->pool));
    if (!lock) return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "No such lock");
    if (!ctx->who.system &&
        (!ctx->who.account || lock->account != ctx->who.account->number))
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "The lock belongs to somebody else");
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM lock WHERE token = ?1", "t",
                        token);
}

cloud_err_t *cloud_lock_release(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const char *path, const char *token)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, release(ctx, account, path, token));
}

/* ---- asking ---- */

/* Path of a node below the entry, in the entry's spelling of the way down to it. (tx) */
static cloud_err_t *below_path(const char **path, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                               place_t place, apr_pool_t *pool)
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
    place_t self = place_of(entry, pool);
    apr_array_header_t *locks;
    int i;

    CLOUD_ERR(load(&locks, ctx, entry->tree, pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        place_t place = { NULL, 0 };

        if (covers(lock, self)) {
            lock->path = root_path(lock, entry, pool);
        } else {
            if (!below || !entry->exists || !CLOUD_IS_DIR(&entry->node)) continue;
            CLOUD_ERR(place_below(&place, ctx, lock, entry->node.id, pool));
            if (place.n == 0) continue;
            CLOUD_ERR(below_path(&lock->path, ctx, entry, place, pool));
        }
        APR_ARRAY_PUSH(found, cloud_lock_t) = *lock;
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
