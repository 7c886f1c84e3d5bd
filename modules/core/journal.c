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
 *   when no other row names it. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    apr_int64_t seq, tree, tree2;
    apr_uint64_t ino;
    int is_dir;
    const char *src, *dst;
} row_t;

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

static void read_row(row_t *row, cloud_stmt_t *st, apr_pool_t *pool)
{
    row->seq = cloud_col_int(st, 0);
    row->tree = cloud_col_int(st, 1);
    row->tree2 = cloud_col_int(st, 2);
    row->ino = (apr_uint64_t)cloud_col_int(st, 3);
    row->is_dir = (int)cloud_col_int(st, 4);
    row->src = cloud_col_dup(st, 5, pool);
    row->dst = cloud_col_dup(st, 6, pool);
}

#define ROW_COLS "seq, tree, tree2, ino, is_dir, src, dst"

/* (tree = ?1 OR tree2 = ?1) would look at each row of the table: hence UNION ALL, here and below.
 * Adds the rows that a query bound to (a, b) gives. */
static cloud_err_t *load(apr_array_header_t *rows, cloud_ctx_t *ctx, const char *sql,
                         apr_int64_t a, apr_int64_t b)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, sql, ctx->pool));
    cloud_stmt_int(st, 1, a);
    cloud_stmt_int(st, 2, b);
    while ((err = cloud_stmt_step(&more, st, ctx->pool)) == NULL && more)
        read_row(apr_array_push(rows), st, rows->pool);
    cloud_stmt_done(st);
    return err;
}

static int is_done(cloud_store_t *store, const row_t *row)
{
    return row->seq <= cloud_shm_done(store->shm, row->tree)
           || (row->tree2 && row->seq <= cloud_shm_done(store->shm, row->tree2));
}

/* ---- carrying out one row ---- */

static cloud_err_t *is_at(int *here, cloud_ctx_t *ctx, const char *path, apr_uint64_t ino,
                          apr_pool_t *pool)
{
    return cloud_storage_holds(here, ctx->store, path, ino, pool);
}

/* What an outsider put where a name of ours belongs is kept, in the account's lost+found. */
static void keep_stranger(cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    const char *dir = apr_pstrmemdup(pool, path, strcspn(path, "/"));
    const char *name = strrchr(path, '/');
    const char *to = apr_psprintf(pool, "%s/" CLOUD_LOST "/%" APR_INT64_T_FMT "-%.200s", dir,
                                  (apr_int64_t)apr_time_now(), name ? name + 1 : path);
    int err = cloud_storage_rename(ctx->store, path, to, 0, pool);

    if (err)
        CLOUD_LOG(ctx->store, ERR, "%s is in the way of a file and can't be moved to %s: %s", path,
                  to, strerror(err));
    else
        CLOUD_LOG(ctx->store, WARN, "%s was put there by somebody else; kept as %s", path, to);
}

/* What the inode in the way of a row is. */
typedef enum {
    STRANGER, /* no row knows it: somebody else put it there */
    REPLACED, /* a later row takes it from where an exchange leaves it */
    AHEAD     /* it is there by a later row; then ours has moved on by a later row, too */
} occupant_t;

static cloud_err_t *classify(occupant_t *what, cloud_ctx_t *ctx, const row_t *row,
                             apr_uint64_t ino)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more;

    *what = STRANGER;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool,
                         "SELECT src = ?4 FROM journal WHERE tree = ?1 AND seq > ?2 AND ino = ?3"
                         " UNION ALL SELECT src = ?4 FROM journal"
                         " WHERE tree2 <> 0 AND tree2 = ?1 AND seq > ?2 AND ino = ?3",
                         "iiit", row->tree, row->seq, (apr_int64_t)ino, row->src);
    while (!err && more) {
        if (*what != REPLACED) *what = cloud_col_int(st, 0) ? REPLACED : AHEAD;
        err = cloud_stmt_step(&more, st, ctx->pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    return err;
}

/* The destination is taken. */
static cloud_err_t *take_place(int *err, cloud_ctx_t *ctx, const row_t *row, const char *src,
                               apr_pool_t *pool)
{
    occupant_t what;
    struct stat st;
    int found;

    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, ctx->store, row->dst, pool));
    if (!found) {
        *err = cloud_storage_rename(ctx->store, src, row->dst, 0, pool);
        return NULL;
    }
    CLOUD_ERR(classify(&what, ctx, row, st.st_ino));
    *err = 0;
    if (what == AHEAD) return NULL;
    *err = cloud_storage_rename(ctx->store, src, row->dst, 1, pool);
    CLOUD_POINT("journal-after-exchange");
    if (*err == 0 && what == STRANGER) keep_stranger(ctx, src, pool);
    return NULL;
}

/* Makes a directory that is missing on disk although its node exists. A file or a symlink in its
 * place is an outsider's; were it in our way for ever, no later move of the tree would be done. */
static int make_parent(cloud_ctx_t *ctx, const char *path, int below_files, apr_pool_t *pool)
{
    int err = cloud_storage_mkdir(ctx->store, path, pool), found;
    struct stat st;

    if (err == EEXIST && below_files) {
        if (cloud_storage_stat(&st, NULL, &found, ctx->store, path, pool)) return EIO;
        if (found && S_ISDIR(st.st_mode)) return 0;
        if (found) keep_stranger(ctx, path, pool);
        err = cloud_storage_mkdir(ctx->store, path, pool);
    }
    if (!err) CLOUD_LOG(ctx->store, WARN, "folder %s was missing on disk: made anew", path);
    return err == EEXIST ? 0 : err;
}

/* The directories above path, from the top. Only below an account that is really there; its own
 * folders are not for us to replace. */
static int make_parents(cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, path), *slash = strchr(copy, '/');
    int err, depth = 0;

    if (!slash) return ENOENT;
    *slash = '\0';
    if (cloud_storage_account_check(ctx->store, copy, pool)) return ENOENT;
    for (*slash = '/'; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
        *slash = '\0';
        err = make_parent(ctx, copy, depth++ > 0, pool);
        if (err) return err;
    }
    return 0;
}

/* The moves beneath a directory must be on disk before its own name changes. */
static cloud_err_t *settle_beneath(cloud_ctx_t *ctx, const row_t *row, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 4, sizeof(row_t));
    const char *from = apr_pstrcat(pool, row->src, "/", NULL);
    const char *upto = apr_pstrcat(pool, row->src, "0", NULL); /* '0' follows '/' */
    cloud_stmt_t *st = NULL;
    cloud_err_t *err;
    int more, i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool,
                         "SELECT " ROW_COLS " FROM journal WHERE seq < ?1 AND dst IS NOT NULL AND"
                         " ((src >= ?2 AND src < ?3) OR (dst >= ?2 AND dst < ?3))",
                         "itt", row->seq, from, upto);
    while (!err && more) {
        read_row(apr_array_push(rows), st, pool);
        err = cloud_stmt_step(&more, st, ctx->pool);
    }
    if (st) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    for (i = 0; !err && i < rows->nelts; i++) {
        const row_t *r = &APR_ARRAY_IDX(rows, i, row_t);

        err = cloud_storage_sync_parent(ctx->store, r->src, pool);
        if (!err) err = cloud_storage_sync_parent(ctx->store, r->dst, pool);
    }
    return err;
}

static cloud_err_t *move(cloud_ctx_t *ctx, const row_t *row, const char *src, apr_pool_t *pool)
{
    cloud_store_t *store = ctx->store;
    int err;

    if (row->is_dir) CLOUD_ERR(settle_beneath(ctx, row, pool));
    CLOUD_POINT("journal-before-move");
    err = cloud_storage_rename(store, src, row->dst, 0, pool);
    if (err == ENOENT || err == ENOTDIR || err == ELOOP) {
        err = make_parents(ctx, row->dst, pool);
        if (!err) err = cloud_storage_rename(store, src, row->dst, 0, pool);
    }
    if (err == EEXIST) CLOUD_ERR(take_place(&err, ctx, row, src, pool));
    CLOUD_POINT("journal-after-move");
    if (!err) return NULL;
    return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, err, "rename %s to %s", src, row->dst);
}

/* Looks for the inode at all places that any of its rows names. */
static cloud_err_t *seek(const char **place, cloud_ctx_t *ctx, const row_t *row, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 4, sizeof(row_t));
    cloud_err_t *err;
    int i, here;

    *place = NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = load(rows, ctx, "SELECT " ROW_COLS " FROM journal WHERE ino = ?1 AND seq <> ?2",
               (apr_int64_t)row->ino, row->seq);
    cloud_tx_rollback(ctx);
    if (err) return err;
    for (i = 0; i < rows->nelts; i++) {
        const row_t *r = &APR_ARRAY_IDX(rows, i, row_t);

        CLOUD_ERR(is_at(&here, ctx, r->src, row->ino, pool));
        if (here) *place = r->src;
        if (!here && r->dst) {
            CLOUD_ERR(is_at(&here, ctx, r->dst, row->ino, pool));
            if (here) *place = r->dst;
        }
        /* Later rows know better where it belongs: leave it to them. */
        if (*place && r->seq > row->seq) *place = NULL;
        if (here) return NULL;
    }
    CLOUD_LOG(ctx->store, DEBUG, "journal: inode %" APR_UINT64_T_FMT " is not at %s any more",
              row->ino, row->src);
    return NULL;
}

static cloud_err_t *carry_out(cloud_ctx_t *ctx, const row_t *row, apr_pool_t *pool)
{
    const char *place;
    int here;

    if (!row->dst) return NULL; /* unlinked by drop() */
    CLOUD_ERR(is_at(&here, ctx, row->src, row->ino, pool));
    if (here) return move(ctx, row, row->src, pool);
    CLOUD_ERR(is_at(&here, ctx, row->dst, row->ino, pool));
    if (here) return NULL;
    CLOUD_ERR(seek(&place, ctx, row, pool));
    return place ? move(ctx, row, place, pool) : NULL;
}

/* ---- carrying out what a tree owes ---- */

static int has_tree(const apr_array_header_t *trees, apr_int64_t tree)
{
    int i;

    for (i = 0; i < trees->nelts; i++)
        if (APR_ARRAY_IDX(trees, i, apr_int64_t) == tree) return 1;
    return 0;
}

static int by_seq(const void *a, const void *b)
{
    const row_t *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int by_id(const void *a, const void *b)
{
    const apr_int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Rows of all trees in trees; a row between two trees brings in the other one too. */
static cloud_err_t *load_pending(apr_array_header_t *rows, apr_array_header_t *trees,
                                 cloud_ctx_t *ctx)
{
    int t, i, first;

    for (t = 0; t < trees->nelts; t++) {
        apr_int64_t tree = APR_ARRAY_IDX(trees, t, apr_int64_t);
        apr_int64_t done = cloud_shm_done(ctx->store->shm, tree);

        first = rows->nelts;
        CLOUD_ERR(load(rows, ctx,
                       "SELECT " ROW_COLS " FROM journal WHERE tree = ?1 AND seq > ?2"
                       " UNION ALL SELECT " ROW_COLS " FROM journal"
                       " WHERE tree2 <> 0 AND tree2 = ?1 AND seq > ?2 ORDER BY seq",
                       tree, done));
        for (i = first; i < rows->nelts; i++) {
            const row_t *row = &APR_ARRAY_IDX(rows, i, row_t);

            if (!has_tree(trees, row->tree)) APR_ARRAY_PUSH(trees, apr_int64_t) = row->tree;
            if (row->tree2 && !has_tree(trees, row->tree2))
                APR_ARRAY_PUSH(trees, apr_int64_t) = row->tree2;
        }
    }
    if (trees->nelts > 1 && rows->nelts > 1)
        qsort(rows->elts, (size_t)rows->nelts, sizeof(row_t), by_seq);
    return NULL;
}

/* Locks the trees in order of their ids; the descriptors go to fds. */
static cloud_err_t *lock_trees(int *fds, apr_array_header_t *trees, cloud_ctx_t *ctx)
{
    int i, err;

    qsort(trees->elts, (size_t)trees->nelts, sizeof(apr_int64_t), by_id);
    for (i = 0; i < trees->nelts; i++) fds[i] = -1;
    for (i = 0; i < trees->nelts; i++) {
        err = cloud_store_lock(&fds[i], ctx->store, APR_ARRAY_IDX(trees, i, apr_int64_t), 1, 1);
        if (err) return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, err, "tree lock");
    }
    return NULL;
}

static cloud_err_t *execute(cloud_ctx_t *ctx, const apr_array_header_t *rows, apr_pool_t *pool)
{
    apr_pool_t *iter;
    cloud_err_t *err = NULL;
    apr_int64_t last = 0;
    int i;

    apr_pool_create(&iter, pool);
    for (i = 0; i < rows->nelts && !err; i++) {
        const row_t *row = &APR_ARRAY_IDX(rows, i, row_t);

        if (row->seq == last || is_done(ctx->store, row)) continue;
        last = row->seq;
        apr_pool_clear(iter);
        err = carry_out(ctx, row, iter);
        if (err) break;
        cloud_shm_done_set(ctx->store->shm, row->tree, row->seq);
        if (row->tree2) cloud_shm_done_set(ctx->store->shm, row->tree2, row->seq);
    }
    apr_pool_destroy(iter);
    return err;
}

/* What was read is pending; it is durable before anything is moved for it. */
static cloud_err_t *settle(cloud_ctx_t *ctx, const apr_array_header_t *rows,
                           apr_array_header_t *trees, apr_pool_t *pool)
{
    cloud_err_t *err;
    int *fds, i;

    /* Also where there is nothing to move: the caller is about to answer. */
    CLOUD_ERR(cloud_tx_sync(ctx));
    if (rows->nelts == 0) return NULL;
    fds = apr_palloc(pool, sizeof *fds * (apr_size_t)trees->nelts);
    err = lock_trees(fds, trees, ctx);
    if (!err) {
        err = execute(ctx, rows, pool);
        if (err && !cloud_store_failed(ctx->store)) {
            /* The rows stay, the content lies where they say, readers find it there. */
            CLOUD_LOG(ctx->store, ERR, "a move is still owed: %s (%s)", err->msg,
                      err->cause ? err->cause : "");
            err = NULL;
        }
    }
    for (i = 0; i < trees->nelts; i++)
        if (fds[i] >= 0) close(fds[i]);
    return err;
}

static apr_array_header_t *two_trees(apr_int64_t tree, apr_int64_t tree2, apr_pool_t *pool)
{
    apr_array_header_t *trees = apr_array_make(pool, 2, sizeof(apr_int64_t));

    APR_ARRAY_PUSH(trees, apr_int64_t) = tree;
    if (tree2 && tree2 != tree) APR_ARRAY_PUSH(trees, apr_int64_t) = tree2;
    return trees;
}

cloud_err_t *cloud_journal_run(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2)
{
    apr_array_header_t *rows, *trees;
    apr_pool_t *pool;
    cloud_err_t *err;

    if (ctx->store->flags & CLOUD_STORE_READ_ONLY) return NULL;
    apr_pool_create(&pool, ctx->pool);
    rows = apr_array_make(pool, 4, sizeof(row_t));
    trees = two_trees(tree, tree2, pool);
    err = cloud_tx_begin(ctx, CLOUD_DB_READ);
    if (!err) {
        err = load_pending(rows, trees, ctx);
        cloud_tx_rollback(ctx);
    }
    if (!err) err = settle(ctx, rows, trees, pool);
    apr_pool_destroy(pool);
    return err;
}

/* What is pending is read in the transaction itself: whoever commits later carries out what is his,
 * and all that was committed before is seen. */
cloud_err_t *cloud_journal_commit(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2)
{
    apr_array_header_t *rows, *trees;
    apr_pool_t *pool;
    cloud_err_t *err;

    apr_pool_create(&pool, ctx->pool);
    rows = apr_array_make(pool, 4, sizeof(row_t));
    trees = two_trees(tree, tree2, pool);
    err = load_pending(rows, trees, ctx);
    if (err) cloud_tx_rollback(ctx);
    else err = cloud_tx_commit(ctx);
    if (!err) err = settle(ctx, rows, trees, pool);
    apr_pool_destroy(pool);
    return err;
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

cloud_err_t *cloud_journal_locate(int *fd, cloud_ctx_t *ctx, apr_uint64_t ino, apr_pool_t *pool)
{
    row_t row = { .ino = ino, .src = "", .seq = APR_INT64_MAX };
    const char *place;

    *fd = -1;
    CLOUD_ERR(seek(&place, ctx, &row, pool));
    return place ? cloud_storage_open(fd, ctx->store, place, O_RDONLY, pool) : NULL;
}

cloud_err_t *cloud_journal_replay(cloud_ctx_t *ctx)
{
    apr_array_header_t *trees = apr_array_make(ctx->pool, 8, sizeof(apr_int64_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more, i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool, "SELECT DISTINCT tree FROM journal", "");
    while (!err && more) {
        APR_ARRAY_PUSH(trees, apr_int64_t) = cloud_col_int(st, 0);
        err = cloud_stmt_step(&more, st, ctx->pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(ctx);
    for (i = 0; !err && i < trees->nelts; i++)
        err = cloud_journal_run(ctx, APR_ARRAY_IDX(trees, i, apr_int64_t), 0);
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
