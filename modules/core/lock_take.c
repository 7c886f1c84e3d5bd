/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* LOCK, its refresh, UNLOCK. */
#include "lock_private.h"
#include "files_private.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TOKEN_SCHEME  "opaquelocktoken:"
#define OWNER_MAX     16384  /* bytes of DAV:owner */
#define LOCKS_MAX     10000  /* live locks of one account in one tree */
#define TAKE_ATTEMPTS 8

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

/* A lock in the way that counts no more ends: it is not to come back beside the new one. */
static cloud_err_t *make_way(cloud_lock_holders_t *h, cloud_ctx_t *ctx, const cloud_lock_t *lock)
{
    CLOUD_ERR(cloud_lock_refuse(h, ctx, lock));
    return cloud_db_run(ctx->db, NULL, h->pool, "DELETE FROM lock WHERE token = ?1", "t",
                        lock->token);
}

static cloud_err_t *check_conflicts(const take_t *take, cloud_ctx_t *ctx,
                                    const cloud_entry_t *entry)
{
    cloud_lock_place_t self = cloud_lock_place(entry, take->pool);
    cloud_lock_holders_t h = { .pool = take->pool };
    apr_array_header_t *locks;
    int i, own = 0;

    CLOUD_ERR(cloud_locks_load(&locks, ctx, entry->tree, take->pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(locks, i, cloud_lock_t);
        cloud_lock_place_t below = { NULL, 0 };

        own += lock->account == ctx->who.account->number;
        if (!take->exclusive && !lock->exclusive) continue;
        if (cloud_lock_covers(lock, self)) {
            CLOUD_ERR(make_way(&h, ctx, lock));
            continue;
        }
        if (!take->infinite || !CLOUD_IS_DIR(&entry->node)) continue;
        CLOUD_ERR(cloud_lock_place_below(&below, ctx, lock, entry->node.id, take->pool));
        if (below.n > 0) CLOUD_ERR(make_way(&h, ctx, lock));
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
    err = cloud_files_seal(&staged, ctx, fd, stage, cloud_home_of(entry), &opts,
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
    if (cloud_entry_hidden(entry)) CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LOCK));
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
    cloud_lock_place_t place = cloud_lock_place(entry, pool);
    apr_array_header_t *locks;
    int i;

    *lock = NULL;
    if (!entry->exists) return NULL;
    CLOUD_ERR(cloud_locks_load(&locks, ctx, entry->tree, pool));
    for (i = 0; locks && i < locks->nelts; i++) {
        cloud_lock_t *l = &APR_ARRAY_IDX(locks, i, cloud_lock_t);

        if (strcmp(l->token, token) == 0 && cloud_lock_covers(l, place)) *lock = l;
    }
    return NULL;
}

static cloud_err_t *refresh(cloud_lock_t **lock, cloud_ctx_t *ctx, const cloud_account_t *account,
                            const char *path, const char *token, apr_int64_t timeout,
                            apr_pool_t *pool)
{
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_resolve_tx(&entry, ctx, account, path, pool));
    if (cloud_entry_hidden(entry)) CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LOCK));
    CLOUD_ERR(by_token(lock, ctx, entry, token, pool));
    if (!*lock || !ctx->who.account || (*lock)->account != ctx->who.account->number)
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION, "No such lock");
    CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LOCK));
    (*lock)->timeout = timeout;
    (*lock)->expires = apr_time_now() + apr_time_from_sec(timeout);
    (*lock)->path = cloud_lock_root_path(*lock, entry, pool);
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

/* Besides whoever took it, the owner of the tree may: nobody is locked out of what is his. So may members of the
 * groups for that, where they could have taken the lock themselves. */
static cloud_err_t *may_release(int *yes, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                                const cloud_lock_t *lock)
{
    const cloud_account_t *who = ctx->who.account;

    *yes = ctx->who.system ||
           (who && (who->number == lock->account || who->number == entry->owner->number));
    if (*yes || !who) return NULL;
    CLOUD_ERR(cloud_group_listed(yes, ctx, who->number, "core", "lock-breaker-groups"));
    return *yes ? cloud_access(ctx, entry, CLOUD_OP_LOCK) : NULL;
}

static cloud_err_t *release(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                            const char *token)
{
    cloud_entry_t *entry;
    cloud_lock_t *lock;
    int may;

    CLOUD_ERR(cloud_resolve_tx(&entry, ctx, account, path, ctx->pool));
    if (cloud_entry_hidden(entry)) CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LOCK));
    if (!entry->exists) return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "Nothing is locked there");
    CLOUD_ERR(cloud_access(ctx, entry, CLOUD_OP_LIST));
    CLOUD_ERR(by_token(&lock, ctx, entry, token, ctx->pool));
    if (!lock) return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "No such lock");
    CLOUD_ERR(may_release(&may, ctx, entry, lock));
    if (!may)
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
