/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The redo journal: renames that a committed transaction still owes (CONSISTENCY, Writing 3 to 5).
 *
 * Invariants
 * - A row is written by the transaction whose rows need it, and is durable before anybody moves
 *   anything for it: run() syncs the log after it read the rows.
 * - Rows of a tree are carried out in sequence under the tree's lock. A row names its inode and is
 *   idempotent: the inode is sought at src, at dst, then at every place that its rows name.
 * - A directory is renamed only when the moves beneath it that went before are on disk; so the
 *   place that a row names stays findable whatever a power cut keeps of the renames.
 * - A row is dropped only after the directories it touched were synced. An inode is unlinked only
 *   when no other row names it.
 * - A row that can't be carried out is set aside, with the later ones that depend on it, and tried
 *   again from time to time; all others go on. Until a transaction has set it aside no row after it
 *   counts as done, because what counts as done is dropped. */
#include "journal_rows.h"

#include <stdlib.h>
#include <unistd.h>

#define RETRY    apr_time_from_sec(30)    /* between attempts at rows that were set aside */
#define COMPLAIN apr_time_from_sec(3600)
#define MANY     100                      /* rows */

cloud_err_t *cloud_journal_add(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2,
                               apr_uint64_t ino, int is_dir, const char *src, const char *dst)
{
    apr_int64_t seq;

    CLOUD_ERR(cloud_tree_draw(&seq, ctx));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO journal (seq, tree, tree2, ino, is_dir, src, dst)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        "iiiiitt", seq, tree, tree2 == tree ? (apr_int64_t)0 : tree2,
                        (apr_int64_t)ino, (apr_int64_t)is_dir, src, dst);
}

/* What one run is about. */
typedef struct {
    cloud_ctx_t *ctx;
    apr_pool_t *pool;
    int retry;                       /* rows that were set aside are tried, too */
    apr_array_header_t *trees;       /* apr_int64_t */
    apr_array_header_t *rows;        /* cloud_jrow_t, in sequence */
    cloud_jstuck_t *stuck;           /* set aside, or to be; NULL: none yet */
    cloud_jindex_t *index;           /* NULL: not worth it */
    cloud_jdone_t *done;
    apr_array_header_t *moved;       /* cloud_jrow_t: those to be set aside, or brought back */
    int fresh;                       /* of moved, those to be set aside */
} run_t;

static int has_tree(const apr_array_header_t *trees, apr_int64_t tree)
{
    int i;

    for (i = 0; i < trees->nelts; i++)
        if (APR_ARRAY_IDX(trees, i, apr_int64_t) == tree) return 1;
    return 0;
}

static void add_tree(apr_array_header_t *trees, apr_int64_t tree)
{
    if (tree < 0) tree = -tree;
    if (!has_tree(trees, tree)) APR_ARRAY_PUSH(trees, apr_int64_t) = tree;
}

static int by_seq(const void *a, const void *b)
{
    const cloud_jrow_t *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_id(const void *a, const void *b)
{
    const apr_int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* What a tree owes. (tree = ?1 OR tree2 = ?1) would look at each row of the table. */
#define OWED(tree, seq)                                                                       \
    "SELECT " CLOUD_JROW_COLS " FROM journal WHERE tree = " tree " AND seq > " seq              \
    " UNION ALL SELECT " CLOUD_JROW_COLS " FROM journal"                                        \
    " WHERE tree2 <> 0 AND tree2 = " tree " AND seq > " seq

/* Rows of all trees in trees; a row between two trees brings in the other one too. */
static cloud_err_t *load_rows(run_t *r)
{
    cloud_ctx_t *ctx = r->ctx;
    cloud_stmt_t *st;
    int t, i, first, more;

    for (t = 0; t < r->trees->nelts; t++) {
        apr_int64_t tree = APR_ARRAY_IDX(r->trees, t, apr_int64_t);

        first = r->rows->nelts;
        CLOUD_ERR(cloud_db_query(&st, &more, ctx->db, ctx->pool,
                                 OWED("?1", "?2") " UNION ALL " OWED("-?1", "0") " ORDER BY seq",
                                 "ii", tree, cloud_shm_done(ctx->store->shm, tree)));
        CLOUD_ERR(cloud_jrows_read(r->rows, ctx, st, more));
        for (i = first; i < r->rows->nelts; i++) {
            const cloud_jrow_t *row = &APR_ARRAY_IDX(r->rows, i, cloud_jrow_t);

            add_tree(r->trees, row->tree);
            if (row->tree2) add_tree(r->trees, row->tree2);
        }
    }
    if (r->trees->nelts > 1 && r->rows->nelts > 1)
        qsort(r->rows->elts, (size_t)r->rows->nelts, sizeof(cloud_jrow_t), by_seq);
    return NULL;
}

static int anything_to_do(const run_t *r)
{
    int i;

    for (i = 0; i < r->rows->nelts; i++)
        if (r->retry || !CLOUD_JROW_ASIDE(&APR_ARRAY_IDX(r->rows, i, cloud_jrow_t))) return 1;
    return 0;
}

/* Locks the trees in order of their ids; the descriptors go to fds. */
static cloud_err_t *lock_trees(int *fds, run_t *r)
{
    int i, err;

    qsort(r->trees->elts, (size_t)r->trees->nelts, sizeof(apr_int64_t), by_id);
    for (i = 0; i < r->trees->nelts; i++) fds[i] = -1;
    for (i = 0; i < r->trees->nelts; i++) {
        err = cloud_store_lock(&fds[i], r->ctx->store, APR_ARRAY_IDX(r->trees, i, apr_int64_t), 1,
                               1);
        if (err) return cloud_err_sys(r->ctx->pool, CLOUD_E_UNAVAILABLE, err, "tree lock");
    }
    return NULL;
}

static void note_done(cloud_store_t *store, const cloud_jrow_t *row)
{
    cloud_shm_done_set(store->shm, row->tree, row->seq);
    if (row->tree2) cloud_shm_done_set(store->shm, row->tree2, row->seq);
}

static void set_aside(run_t *r, const cloud_jrow_t *row)
{
    if (!r->stuck) r->stuck = cloud_jstuck_create(r->pool);
    cloud_jstuck_add(r->stuck, row);
    if (CLOUD_JROW_ASIDE(row)) return;
    APR_ARRAY_PUSH(r->moved, cloud_jrow_t) = *row;
    r->fresh++;
}

/* Somebody else may have brought it back while we waited for the lock; by now it may be dropped. */
static cloud_err_t *still_aside(int *still, cloud_ctx_t *ctx, const cloud_jrow_t *row)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, still, ctx->db, ctx->pool,
                         "SELECT 1 FROM journal WHERE tree = ?1 AND seq = ?2", "ii", row->tree,
                         row->seq);
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    return err;
}

/* Whatever went wrong, the row stays: the content lies where it says, and readers find it there. */
static void complain(run_t *r, const cloud_jrow_t *row, const cloud_err_t *err)
{
    cloud_store_t *store = r->ctx->store;
    apr_time_t now = apr_time_now();

    if (CLOUD_JROW_ASIDE(row)) {
        if (now - store->complained < COMPLAIN) return;
        store->complained = now;
    }
    CLOUD_LOG(store, ERR, "a move is owed, and will be tried again: %s (%s)", err->msg,
              err->cause ? err->cause : "");
}

/* What depends on a row that was set aside is not done, whatever it looks like: nobody went on with it. */
static int is_held(const run_t *r, const cloud_jrow_t *row)
{
    return r->stuck && cloud_jstuck_holds(r->stuck, row);
}

static cloud_err_t *execute_row(run_t *r, const cloud_jrow_t *row, apr_pool_t *pool)
{
    cloud_store_t *store = r->ctx->store;
    cloud_err_t *err;
    int still;

    if (CLOUD_JROW_ASIDE(row)) {
        if (r->retry) CLOUD_ERR(still_aside(&still, r->ctx, row));
        if (r->retry && !still) return NULL;
        if (!r->retry) {
            set_aside(r, row);
            return NULL;
        }
    } else if (cloud_jdone_has(r->done, row) && !is_held(r, row)) {
        /* Of two trees one may have been forgotten: the row is not to look pending there for ever. */
        if (!r->fresh) note_done(store, row);
        return NULL;
    }
    if (is_held(r, row)) {
        set_aside(r, row);
        return NULL;
    }
    err = cloud_jrow_carry_out(r->ctx, row, r->index, pool);
    if (err && cloud_store_failed(store)) return err;
    if (err) {
        complain(r, row, err);
        set_aside(r, row);
    } else if (CLOUD_JROW_ASIDE(row)) {
        APR_ARRAY_PUSH(r->moved, cloud_jrow_t) = *row;
    } else if (!r->fresh) {
        note_done(store, row);
    }
    return NULL;
}

static cloud_err_t *execute(run_t *r)
{
    cloud_err_t *err = NULL;
    apr_int64_t last = 0;
    apr_pool_t *iter;
    int i;

    r->done = cloud_jdone_create(r->ctx, r->trees, r->rows, r->pool);
    if (r->rows->nelts > MANY) r->index = cloud_jindex_create(r->pool);
    apr_pool_create(&iter, r->pool);
    for (i = 0; i < r->rows->nelts && !err; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(r->rows, i, cloud_jrow_t);

        if (row->seq == last) continue;
        last = row->seq;
        apr_pool_clear(iter);
        err = execute_row(r, row, iter);
    }
    err = cloud_err_keep(err, r->ctx->pool);
    apr_pool_destroy(iter);
    return err;
}

static cloud_err_t *turn_rows(run_t *r)
{
    int i;

    for (i = 0; i < r->moved->nelts; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(r->moved, i, cloud_jrow_t);

        CLOUD_ERR(cloud_db_run(r->ctx->db, NULL, r->ctx->pool,
                               "UPDATE journal SET tree = -tree, tree2 = -tree2"
                               " WHERE tree = ?1 AND seq = ?2",
                               "ii", row->tree, row->seq));
    }
    return NULL;
}

/* Sets aside what could not be carried out, and brings back what could. Inside a transaction of the
 * caller's it is left to the next run: that transaction may be rolled back. What comes after a row
 * that is set aside counts as done only then. */
static void settle(run_t *r)
{
    cloud_ctx_t *ctx = r->ctx;
    cloud_err_t *err;
    int i;

    if (r->moved->nelts == 0 || ctx->tx_depth > 0) return;
    err = cloud_tx_begin(ctx, CLOUD_DB_WRITE);
    if (!err) {
        err = turn_rows(r);
        if (!err) err = cloud_tx_commit(ctx);
        else cloud_tx_rollback(ctx);
    }
    if (err) {
        CLOUD_LOG(ctx->store, ERR, "moves that are owed can't be set aside: %s (%s)", err->msg,
                  err->cause ? err->cause : "");
        return;
    }
    for (i = 0; i < r->rows->nelts; i++)
        if (!CLOUD_JROW_ASIDE(&APR_ARRAY_IDX(r->rows, i, cloud_jrow_t)))
            note_done(ctx->store, &APR_ARRAY_IDX(r->rows, i, cloud_jrow_t));
}

static cloud_err_t *execute_locked(run_t *r)
{
    int *fds = apr_palloc(r->pool, sizeof *fds * (apr_size_t)r->trees->nelts), i;
    cloud_err_t *err = lock_trees(fds, r);

    if (!err) err = execute(r);
    for (i = 0; i < r->trees->nelts; i++)
        if (fds[i] >= 0) close(fds[i]);
    if (!err) settle(r);
    if (!err || cloud_store_failed(r->ctx->store)) return err;
    CLOUD_LOG(r->ctx->store, ERR, "moves are still owed: %s (%s)", err->msg,
              err->cause ? err->cause : "");
    return NULL;
}

static void run_begin(run_t *r, apr_int64_t tree, apr_int64_t tree2)
{
    apr_pool_create(&r->pool, r->ctx->pool);
    r->rows = apr_array_make(r->pool, 4, sizeof(cloud_jrow_t));
    r->moved = apr_array_make(r->pool, 1, sizeof(cloud_jrow_t));
    r->trees = apr_array_make(r->pool, 2, sizeof(apr_int64_t));
    add_tree(r->trees, tree);
    if (tree2) add_tree(r->trees, tree2);
}

/* What was read is durable before anything is moved for it; also where there is nothing to move: the
 * caller is about to answer. */
static cloud_err_t *run_end(run_t *r, cloud_err_t *err)
{
    if (!err) err = cloud_tx_sync(r->ctx);
    if (!err && anything_to_do(r)) err = execute_locked(r);
    err = cloud_err_keep(err, r->ctx->pool);
    apr_pool_destroy(r->pool);
    return err;
}

static cloud_err_t *run(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2, int retry)
{
    run_t r = { .ctx = ctx, .retry = retry };
    int pending = 1;
    cloud_err_t *err;

    if (ctx->store->flags & CLOUD_STORE_READ_ONLY) return NULL;
    run_begin(&r, tree, tree2);
    err = cloud_tx_begin(ctx, CLOUD_DB_READ);
    if (!err) {
        /* What is set aside matters to those that come after it alone, and may be much. */
        if (!retry && !tree2) err = cloud_journal_pending(&pending, ctx, tree);
        if (!err && pending) err = load_rows(&r);
        cloud_tx_rollback(ctx);
    }
    /* Who committed what was read may not have counted it yet: only a sync that begins now will do,
     * also where an own commit that came before is on disk. */
    if (r.rows->nelts) ctx->wrote = 0;
    return run_end(&r, err);
}

cloud_err_t *cloud_journal_run(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2)
{
    return run(ctx, tree, tree2, 0);
}

/* What is pending is read in the transaction itself: whoever commits later carries out what is his,
 * and all that was committed before is seen. */
cloud_err_t *cloud_journal_commit(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2)
{
    run_t r = { .ctx = ctx };
    cloud_err_t *err;

    run_begin(&r, tree, tree2);
    err = load_rows(&r);
    if (err) cloud_tx_rollback(ctx);
    else err = cloud_tx_commit(ctx);
    return run_end(&r, err);
}

/* Runs each tree that a query names, with what was set aside. */
static cloud_err_t *run_trees(cloud_ctx_t *ctx, const char *sql)
{
    apr_array_header_t *trees = apr_array_make(ctx->pool, 8, sizeof(apr_int64_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more, i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool, sql, "");
    while (!err && more) {
        APR_ARRAY_PUSH(trees, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&more, st, ctx->pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    for (i = 0; !err && i < trees->nelts; i++)
        err = run(ctx, APR_ARRAY_IDX(trees, i, apr_int64_t), 0, 1);
    return err;
}

cloud_err_t *cloud_journal_replay(cloud_ctx_t *ctx)
{
    return run_trees(ctx, "SELECT DISTINCT abs(tree) FROM journal");
}

cloud_err_t *cloud_journal_retry(cloud_ctx_t *ctx)
{
    return run_trees(ctx, "SELECT DISTINCT -tree FROM journal WHERE tree < 0");
}

cloud_err_t *cloud_journal_retry_now_and_then(cloud_ctx_t *ctx)
{
    apr_time_t now = apr_time_now();

    if (now < ctx->store->retry_at) return NULL;
    ctx->store->retry_at = now + RETRY;
    return cloud_journal_retry(ctx);
}

cloud_err_t *cloud_journal_owes(int *owes, cloud_ctx_t *ctx, apr_int64_t tree, const char *path)
{
    apr_array_header_t *rows = apr_array_make(ctx->pool, 1, sizeof(cloud_jrow_t));
    cloud_stmt_t *st;
    int more, i;

    *owes = 0;
    CLOUD_ERR(cloud_db_query(&st, &more, ctx->db, ctx->pool, OWED("-?1", "0"), "i", tree));
    CLOUD_ERR(cloud_jrows_read(rows, ctx, st, more));
    for (i = 0; i < rows->nelts && !*owes; i++) {
        const cloud_jrow_t *row = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        *owes = !path || cloud_jrow_related(row->src, path)
                || (row->dst && cloud_jrow_related(row->dst, path));
    }
    return NULL;
}

cloud_err_t *cloud_journal_pending(int *pending, cloud_ctx_t *ctx, apr_int64_t tree)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, pending, ctx->db, ctx->pool,
                         "SELECT 1 FROM journal WHERE tree = ?1 AND seq > ?2"
                         " UNION ALL SELECT 1 FROM journal"
                         " WHERE tree2 <> 0 AND tree2 = ?1 AND seq > ?2 LIMIT 1",
                         "ii", tree, cloud_shm_done(ctx->store->shm, tree));
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    return err;
}

/* What a writer that was in front of us still owes is moved inside the transaction, before anything
 * is written in it: on a busy server there is always such a one. That is no deadlock, since nobody
 * who holds a tree's lock waits for a write transaction. */
cloud_err_t *cloud_journal_begin_clean(cloud_ctx_t *ctx, apr_int64_t tree)
{
    cloud_err_t *err;
    int pending;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_journal_pending(&pending, ctx, tree);
    if (!err && pending) {
        err = cloud_journal_run(ctx, tree, 0);
        if (!err) err = cloud_journal_pending(&pending, ctx, tree);
        if (!err && pending)
            err = cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE,
                            "Moves are still owed; the log says what is in the way");
    }
    if (err) cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_journal_names(int *named, cloud_ctx_t *ctx, const char *path)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, named, ctx->db, ctx->pool,
                             "SELECT 1 FROM journal WHERE src = ?1"
                             " UNION ALL SELECT 1 FROM upload WHERE stage = ?1"
                             " UNION ALL SELECT 1 FROM chunk WHERE stage = ?1"
                             " UNION ALL SELECT 1 FROM node WHERE disk = ?1 AND +parent = 0"
                             " LIMIT 1",
                             "t", path));
    cloud_stmt_done(st);
    return NULL;
}
