/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The transactions of a context, and the connections that they take from the store. */
#include "mount_private.h"
#include "store_private.h"

#include <pthread.h>
#include <stdlib.h>

#define POOL_MAX 64        /* idle connections kept */
#define ACCOUNTS_MAX 16    /* changed in one transaction; when there are more, they count as all */

/* A connection and what one caller needs beside it. The lock descriptor is its own open file
 * description, so that its OFD locks exclude other threads as well as other processes. */
struct cloud_conn_t {
    cloud_db_t *db;
    struct cloud_conn_t *next;
    cloud_store_t *store;
    /* Accounts whose rows the transaction has changed; see account_cache.c. */
    apr_int64_t accounts[ACCOUNTS_MAX];
    int changed;
    int all_changed; /* more than that */
};

/* ---- connections ---- */

static void account_changed(void *baton, apr_int64_t number)
{
    struct cloud_conn_t *conn = baton;
    int i;

    for (i = 0; i < conn->changed; i++)
        if (conn->accounts[i] == number) return;
    if (conn->changed < ACCOUNTS_MAX) {
        cloud_shm_account_begun(conn->store->shm, number);
        conn->accounts[conn->changed++] = number;
    } else if (!conn->all_changed) {
        cloud_shm_accounts_begun(conn->store->shm);
        conn->all_changed = 1;
    }
}

static cloud_err_t *conn_take(struct cloud_conn_t **out, cloud_store_t *store, apr_pool_t *pool)
{
    cloud_db_conf_t conf = { .path = store->db_path,
                             .busy_ms = 10000,
                             .relaxed = cloud_store_relaxed(store),
                             .read_only = (store->flags & CLOUD_STORE_READ_ONLY) != 0 };
    struct cloud_conn_t *conn;
    cloud_err_t *err;

    pthread_mutex_lock(&store->lock);
    conn = store->idle;
    if (conn) {
        store->idle = conn->next;
        store->idle_count--;
    }
    pthread_mutex_unlock(&store->lock);
    if (!conn) {
        conn = calloc(1, sizeof *conn);
        if (!conn) return cloud_err(pool, CLOUD_E_INTERNAL, "Out of memory");
        err = cloud_db_open(&conn->db, &conf, pool);
        if (err) {
            free(conn);
            return err;
        }
        conn->store = store;
        cloud_db_watch(conn->db, "account", account_changed, conn);
    }
    *out = conn;
    return NULL;
}

void cloud_store_close_idle(cloud_store_t *store)
{
    struct cloud_conn_t *conn;

    while ((conn = store->idle)) {
        store->idle = conn->next;
        cloud_db_close(conn->db);
        free(conn);
    }
}

static void conn_give(cloud_store_t *store, struct cloud_conn_t *conn)
{
    int keep;

    pthread_mutex_lock(&store->lock);
    keep = store->idle_count < POOL_MAX;
    if (keep) {
        conn->next = store->idle;
        store->idle = conn;
        store->idle_count++;
    }
    pthread_mutex_unlock(&store->lock);
    if (!keep) {
        cloud_db_close(conn->db);
        free(conn);
    }
}

/* ---- transactions ---- */

static apr_status_t ctx_cleanup(void *baton)
{
    cloud_tx_rollback(baton);
    return APR_SUCCESS;
}

cloud_ctx_t *cloud_ctx_create(cloud_store_t *store, apr_pool_t *pool)
{
    cloud_ctx_t *ctx = apr_pcalloc(pool, sizeof *ctx);

    ctx->store = store;
    ctx->pool = pool;
    apr_pool_cleanup_register(pool, ctx, ctx_cleanup, apr_pool_cleanup_null);
    return ctx;
}

static void accounts_over(struct cloud_conn_t *conn)
{
    int i;

    for (i = 0; i < conn->changed; i++)
        cloud_shm_account_over(conn->store->shm, conn->accounts[i]);
    if (conn->all_changed) cloud_shm_accounts_over(conn->store->shm);
    conn->changed = conn->all_changed = 0;
}

static void tx_over(cloud_ctx_t *ctx)
{
    accounts_over(ctx->conn);
    cloud_mounts_over(ctx);
    if (ctx->tx_write) cloud_shm_writer_unlock(ctx->store->shm);
    conn_give(ctx->store, ctx->conn);
    ctx->conn = NULL;
    ctx->db = NULL;
    ctx->tx_depth = ctx->tx_write = ctx->last_drawn = 0;
    ctx->last = 0;
}

cloud_err_t *cloud_tx_begin(cloud_ctx_t *ctx, cloud_db_mode_t mode)
{
    cloud_err_t *err;

    if (ctx->tx_depth > 0) {
        if (mode == CLOUD_DB_WRITE && !ctx->tx_write)
            return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "Write transaction inside a read");
        ctx->tx_depth++;
        return NULL;
    }
    if (cloud_store_failed(ctx->store))
        return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
    if (mode == CLOUD_DB_WRITE && (ctx->store->flags & CLOUD_STORE_READ_ONLY))
        return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "The store is open for reading only");
    CLOUD_ERR(conn_take(&ctx->conn, ctx->store, ctx->pool));
    ctx->db = ctx->conn->db;
    ctx->tx_write = mode == CLOUD_DB_WRITE;
    if (ctx->tx_write) cloud_shm_writer_lock(ctx->store->shm);
    err = cloud_db_begin(ctx->db, mode, ctx->pool);
    if (err) {
        tx_over(ctx);
        return err;
    }
    ctx->tx_depth = 1;
    return NULL;
}

cloud_err_t *cloud_tx_commit(cloud_ctx_t *ctx)
{
    cloud_err_t *err;

    if (ctx->tx_depth > 1) {
        ctx->tx_depth--;
        return NULL;
    }
    if (ctx->tx_depth == 0) return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "No transaction");
    CLOUD_POINT("tx-before-commit");
    err = ctx->tx_write ? cloud_tree_save_counter(ctx) : NULL;
    if (!err) err = cloud_db_commit(ctx->db, ctx->pool);
    if (err) cloud_db_rollback(ctx->db);
    else if (ctx->tx_write) {
        cloud_shm_committed(ctx->store->shm);
        ctx->wrote = 1;
    }
    CLOUD_POINT("tx-after-commit");
    tx_over(ctx);
    return err;
}

void cloud_tx_rollback(cloud_ctx_t *ctx)
{
    if (ctx->tx_depth > 1) {
        ctx->tx_depth--;
        return;
    }
    if (ctx->tx_depth == 0) return;
    cloud_db_rollback(ctx->db);
    tx_over(ctx);
}

static cloud_err_t *sync_log(void *baton)
{
    cloud_ctx_t *ctx = baton;
    struct cloud_conn_t *conn;
    cloud_err_t *err;

    CLOUD_ERR(conn_take(&conn, ctx->store, ctx->pool));
    err = cloud_db_sync(conn->db, ctx->pool);
    if (!err && CLOUD_FAULT("sync-log"))
        err = cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
    conn_give(ctx->store, conn);
    return err;
}

cloud_err_t *cloud_tx_sync(cloud_ctx_t *ctx)
{
    cloud_store_t *store = ctx->store;
    cloud_err_t *err;

    if (cloud_store_relaxed(store)) return NULL;
    /* Who wrote has its commit counted, and what came before lies before it in the log. Who only
     * read may have seen rows of a process that was killed between its commit and counting it: a
     * number of one's own asks for a sync that begins now. */
    err = cloud_shm_sync(store->shm,
                         ctx->wrote ? cloud_shm_commits(store->shm)
                                    : cloud_shm_committed(store->shm),
                         sync_log, ctx);
    if (!err) ctx->wrote = 0;
    if (err) {
        /* A second sync that succeeds proves nothing: this process must not go on. */
        cloud_store_fail(store);
        CLOUD_LOG(store, ERR, "sync of the database log failed, stopping: %s",
                  err->cause ? err->cause : err->msg);
        err = cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
    }
    CLOUD_POINT("tx-after-sync");
    return err;
}

cloud_err_t *cloud_tx_commit_sync(cloud_ctx_t *ctx)
{
    int outer = ctx->tx_depth == 1;

    CLOUD_ERR(cloud_tx_commit(ctx));
    return outer ? cloud_tx_sync(ctx) : NULL;
}

cloud_err_t *cloud_tx_end(cloud_ctx_t *ctx, cloud_err_t *err)
{
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    if (ctx->tx_write) return cloud_tx_commit_sync(ctx);
    cloud_tx_rollback(ctx);
    return NULL;
}
