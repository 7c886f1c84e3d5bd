/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Carrying out one row of the journal. The inode is sought at src, at dst, then at every place that
 * its rows name, so that a row may be carried out again at any time. */
#include "journal_rows.h"
#include "hooks.h"

#include <errno.h>
#include <string.h>

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

static cloud_err_t *classify(occupant_t *what, cloud_ctx_t *ctx, const cloud_jrow_t *row,
                             apr_uint64_t ino)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more;

    *what = STRANGER;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool,
                         "SELECT src = ?4 FROM journal WHERE tree IN (?1, -?1) AND seq > ?2"
                         " AND ino = ?3 UNION ALL SELECT src = ?4 FROM journal WHERE tree2 <> 0"
                         " AND tree2 IN (?1, -?1) AND seq > ?2 AND ino = ?3",
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
static cloud_err_t *take_place(int *err, cloud_ctx_t *ctx, const cloud_jrow_t *row, const char *src,
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

/* Moves before ?1 between ?2 and ?3. */
#define BENEATH                                                                                  \
    "seq < ?1 AND dst IS NOT NULL AND ((src >= ?2 AND src < ?3) OR (dst >= ?2 AND dst < ?3))"

#define TREES "(?4, -?4, ?5, -?5)"

/* What names a place beneath a directory that is moved has one of its move's trees. */
static const char BENEATH_BY_TREE_SQL[] =
    "SELECT " CLOUD_JROW_COLS " FROM journal WHERE tree IN " TREES " AND " BENEATH
    " UNION SELECT " CLOUD_JROW_COLS " FROM journal WHERE tree2 <> 0 AND tree2 IN " TREES
    " AND " BENEATH;

/* But not with the directory of an account, which is deleted: its bins are trees of their own. */
static const char BENEATH_SQL[] =
    "SELECT " CLOUD_JROW_COLS " FROM journal WHERE " BENEATH;

static cloud_err_t *load_beneath(apr_array_header_t *rows, cloud_ctx_t *ctx,
                                 const cloud_jrow_t *row, apr_pool_t *pool)
{
    const char *from = apr_pstrcat(pool, row->src, "/", NULL);
    const char *upto = apr_pstrcat(pool, row->src, "0", NULL); /* '0' follows '/' */
    cloud_stmt_t *st;
    int more;

    if (strchr(row->src, '/'))
        CLOUD_ERR(cloud_db_query(&st, &more, ctx->db, ctx->pool, BENEATH_BY_TREE_SQL, "ittii",
                                 row->seq, from, upto, row->tree, row->tree2));
    else
        CLOUD_ERR(cloud_db_query(&st, &more, ctx->db, ctx->pool, BENEATH_SQL, "itt", row->seq,
                                 from, upto));
    return cloud_jrows_read(rows, ctx, st, more);
}

/* The moves beneath a directory must be on disk before its own name changes. */
static cloud_err_t *settle_beneath(cloud_ctx_t *ctx, const cloud_jrow_t *row, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 4, sizeof(cloud_jrow_t));
    cloud_err_t *err;
    int i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = load_beneath(rows, ctx, row, pool);
    cloud_tx_rollback(ctx);
    for (i = 0; !err && i < rows->nelts; i++) {
        const cloud_jrow_t *r = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        err = cloud_storage_sync_parent(ctx->store, r->src, pool);
        if (!err) err = cloud_storage_sync_parent(ctx->store, r->dst, pool);
    }
    return err;
}

static cloud_err_t *move(cloud_ctx_t *ctx, const cloud_jrow_t *row, const char *src, apr_pool_t *pool)
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

/* No index in the database: it would cost a page in each transaction. */
static cloud_err_t *load_named(apr_array_header_t *rows, cloud_ctx_t *ctx, apr_uint64_t ino,
                               apr_int64_t seq)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int more;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &more, ctx->db, ctx->pool,
                         "SELECT " CLOUD_JROW_COLS " FROM journal WHERE ino = ?1 AND seq <> ?2",
                         "ii", (apr_int64_t)ino, seq);
    if (!err) err = cloud_jrows_read(rows, ctx, st, more);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_jrow_seek(const char **place, cloud_ctx_t *ctx, cloud_jindex_t *index,
                             apr_uint64_t ino, apr_int64_t seq, apr_pool_t *pool)
{
    apr_array_header_t *rows = apr_array_make(pool, 4, sizeof(cloud_jrow_t));
    int i, here;

    *place = NULL;
    CLOUD_ERR(index ? cloud_jindex_find(rows, index, ctx, ino, seq)
                    : load_named(rows, ctx, ino, seq));
    for (i = 0; i < rows->nelts; i++) {
        const cloud_jrow_t *r = &APR_ARRAY_IDX(rows, i, cloud_jrow_t);

        CLOUD_ERR(is_at(&here, ctx, r->src, ino, pool));
        if (here) *place = r->src;
        if (!here && r->dst) {
            CLOUD_ERR(is_at(&here, ctx, r->dst, ino, pool));
            if (here) *place = r->dst;
        }
        /* Later rows know better where it belongs: leave it to them. */
        if (*place && r->seq > seq) *place = NULL;
        if (here) return NULL;
    }
    return NULL;
}

/* Whether a node, or what a feature keeps, has this inode at this place for its own. (tx) */
static cloud_err_t *is_home_tx(int *yes, cloud_ctx_t *ctx, const char *place, apr_uint64_t ino,
                               apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    apr_array_header_t *ids = apr_array_make(pool, 2, sizeof(apr_int64_t));
    const char *home;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row, i;

    /* No index: this is asked after a crash, and where an outsider took something away. */
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, "SELECT id FROM node WHERE ino = ?1",
                             "i", (apr_int64_t)ino));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool))
        APR_ARRAY_PUSH(ids, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    for (i = 0; !err && !*yes && i < ids->nelts; i++) {
        err = cloud_storage_path(&home, ctx, APR_ARRAY_IDX(ids, i, apr_int64_t), pool);
        if (!err) *yes = strcmp(home, place) == 0;
        else if (err->code == CLOUD_E_UNAVAILABLE) err = NULL; /* one that hangs nowhere */
    }
    for (i = 0; !err && !*yes && i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->keeps) err = f->keeps(yes, ctx, place, pool);
    }
    return err;
}

/* What is at home is not moved from there. Where the file of a row was taken away from outside its
 * inode number may be that of a new file by now; and if it is ours, a later row has brought it home. */
static cloud_err_t *is_home(int *yes, cloud_ctx_t *ctx, const char *place, apr_uint64_t ino,
                            apr_pool_t *pool)
{
    cloud_err_t *err;

    *yes = 0;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = is_home_tx(yes, ctx, place, ino, pool);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_jrow_carry_out(cloud_ctx_t *ctx, const cloud_jrow_t *row, cloud_jindex_t *index,
                                  apr_pool_t *pool)
{
    const char *place;
    int here, home = 0;

    if (!row->dst) return NULL; /* unlinked by drop() */
    CLOUD_ERR(is_at(&here, ctx, row->src, row->ino, pool));
    if (here) return move(ctx, row, row->src, pool);
    CLOUD_ERR(is_at(&here, ctx, row->dst, row->ino, pool));
    if (here) return NULL;
    CLOUD_ERR(cloud_jrow_seek(&place, ctx, index, row->ino, row->seq, pool));
    if (place) CLOUD_ERR(is_home(&home, ctx, place, row->ino, pool));
    if (place && !home) return move(ctx, row, place, pool);
    CLOUD_LOG(ctx->store, DEBUG, "journal: inode %" APR_UINT64_T_FMT " is not at %s any more",
              row->ino, row->src);
    return NULL;
}
