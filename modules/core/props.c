/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Dead properties, and the one live property that clients set: lastmodified.
 *
 * Order of things when a file gets a new mtime. The row's identity (ino, size, ino_mtime) must
 * never differ from the disk in a way that reads as an outside change of the content:
 *   1. the content is opened and compared with its row, as for reading; an outside change that is
 *      there already is taken in now, and not hidden by the new time. A row without checksums (a
 *      file found by scan) gets them first;
 *   2. inside the write transaction, after every check, just before the commit: the identity is
 *      compared once more, the time is set on the open file, and the row gets what the file says;
 *   3. commit; the inode is synced, the log is synced, the answer is given.
 * A crash between 2 and 3 leaves a file that differs from its row in mtime alone. So does a power
 * cut that loses either side. Size and hash still agree then, and the reader adopts it silently:
 * no version, same ETag. The mtime that clients see is the row's, so it is the old one before the
 * commit and the new one after it. A reader that looks in between waits for the write lock before
 * it adopts anything, and then finds row and file in agreement. */
#include "files_private.h"

#include <errno.h>
#include <string.h>

#define VALUE_MAX     (64 * 1024)
#define NODE_MAX      (1024 * 1024)
#define PROP_NAME_MAX 1024
#define ATTEMPTS      8

/* ---- rows ---- */

cloud_err_t *cloud_props_get(apr_array_header_t **props, cloud_ctx_t *ctx, apr_int64_t node,
                             apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *props = apr_array_make(pool, 4, sizeof(cloud_prop_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, pool,
                         "SELECT ns, name, value, lang FROM prop WHERE node = ?1"
                         " ORDER BY ns, name",
                         "i", node);
    if (err) return cloud_tx_end(ctx, err);
    while (!err && row) {
        cloud_prop_t *p = apr_array_push(*props);
        p->ns = cloud_col_dup(st, 0, pool);
        p->name = cloud_col_dup(st, 1, pool);
        p->value = cloud_col_dup(st, 2, pool);
        p->lang = cloud_col_dup(st, 3, pool);
        err = cloud_stmt_step(&row, st, pool);
    }
    cloud_stmt_done(st);
    return cloud_tx_end(ctx, err);
}

cloud_err_t *cloud_props_copy(cloud_ctx_t *ctx, apr_int64_t from, apr_int64_t to)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO prop (node, ns, name, value, lang)"
                        " SELECT ?2, ns, name, value, lang FROM prop WHERE node = ?1"
                        " ON CONFLICT (node, ns, name)"
                        " DO UPDATE SET value = excluded.value, lang = excluded.lang",
                        "ii", from, to);
}

cloud_err_t *cloud_props_delete(cloud_ctx_t *ctx, apr_int64_t node)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM prop WHERE node = ?1", "i", node);
}

static cloud_err_t *apply(cloud_ctx_t *ctx, apr_int64_t node, const cloud_prop_t *p)
{
    if (!p->value)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "DELETE FROM prop WHERE node = ?1 AND ns = ?2 AND name = ?3", "itt",
                            node, p->ns, p->name);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO prop (node, ns, name, value, lang)"
                        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (node, ns, name)"
                        " DO UPDATE SET value = excluded.value, lang = excluded.lang",
                        "itttt", node, p->ns, p->name, p->value, p->lang);
}

/* What a node's properties take together. (tx) */
static cloud_err_t *total(apr_int64_t *bytes, cloud_ctx_t *ctx, apr_int64_t node)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT coalesce(sum(length(CAST(ns AS BLOB))"
                             " + length(CAST(name AS BLOB)) + length(CAST(value AS BLOB)) + 64), 0)"
                             " FROM prop WHERE node = ?1",
                             "i", node));
    *bytes = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* ---- the verb ---- */

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const char *path;
    const apr_array_header_t *props;
    const apr_int64_t *mtime;
    const int *favorite;
    const cloud_cond_t *cond;
    apr_pool_t *pool;
    int fd;                 /* content of the file whose mtime is set, or -1 */
    int again;              /* the content changed meanwhile: open it anew */
    struct timespec before; /* the file's times before they were touched, */
    int touched;            /* to set them back when the transaction fails */
} patch_t;

static int prop_count(const patch_t *p)
{
    return p->props ? p->props->nelts : 0;
}

static cloud_err_t *check_sizes(const patch_t *p)
{
    int i;

    for (i = 0; i < prop_count(p); i++) {
        const cloud_prop_t *prop = &APR_ARRAY_IDX(p->props, i, cloud_prop_t);

        if (!*prop->name) return cloud_err(p->pool, CLOUD_E_INVALID, "A property has no name");
        if (strlen(prop->name) > PROP_NAME_MAX || strlen(prop->ns) > PROP_NAME_MAX ||
            (prop->lang && strlen(prop->lang) > PROP_NAME_MAX))
            return cloud_err(p->pool, CLOUD_E_TOO_LARGE, "The name of a property is too long");
        if (prop->value && strlen(prop->value) > VALUE_MAX)
            return cloud_err(p->pool, CLOUD_E_TOO_LARGE, "The property %s is too large",
                             prop->name);
    }
    return NULL;
}

/* Dead properties; node->flags says afterwards whether there are any. (tx, write) */
static cloud_err_t *patch_props(const patch_t *p, cloud_node_t *node)
{
    apr_int64_t bytes;
    int i;

    for (i = 0; i < prop_count(p); i++)
        CLOUD_ERR(apply(p->ctx, node->id, &APR_ARRAY_IDX(p->props, i, cloud_prop_t)));
    CLOUD_ERR(total(&bytes, p->ctx, node->id));
    if (bytes > NODE_MAX)
        return cloud_err(p->pool, CLOUD_E_TOO_LARGE, "The properties are too large together");
    node->flags &= ~CLOUD_NODE_PROPS;
    if (bytes > 0) node->flags |= CLOUD_NODE_PROPS;
    return NULL;
}

static int set_mtime(int fd, struct timespec mtime)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, mtime };

    return futimens(fd, times) == 0 ? 0 : errno;
}

/* Step 2 of the head comment: the file's mtime, and the row's identity after it. (tx, write) */
static cloud_err_t *touch_content(patch_t *p, cloud_node_t *node)
{
    apr_uint64_t ino;
    apr_int64_t size, mtime, btime;
    struct stat st;
    int err;

    CLOUD_ERR(cloud_storage_identity(p->fd, &ino, &size, &mtime, &btime, p->pool));
    if (ino != node->ino || size != node->size || mtime != node->ino_mtime
        || node->sums.len == 0) {
        p->again = 1;
        return cloud_err(p->pool, CLOUD_E_BUSY, NULL);
    }
    if (fstat(p->fd, &st) != 0) return cloud_err_sys(p->pool, CLOUD_E_UNAVAILABLE, errno, "fstat");
    p->before = st.st_mtim;
    err = set_mtime(p->fd, (struct timespec){ .tv_sec = (time_t)*p->mtime });
    /* What the file system can't express it clamps; the row keeps what the client gave. */
    if (err && err != EINVAL && err != EOVERFLOW)
        return cloud_err_sys(p->pool, CLOUD_E_UNAVAILABLE, err, "futimens");
    p->touched = 1;
    CLOUD_POINT("touch-after-futimens");
    CLOUD_ERR(cloud_storage_identity(p->fd, &ino, &size, &node->ino_mtime, &btime, p->pool));
    return NULL;
}

/* Only a favorite: nothing is changed that others see. */
static int is_personal(const patch_t *p)
{
    return p->favorite && !p->mtime && prop_count(p) == 0;
}

static cloud_err_t *patch_tx(cloud_entry_t **out, patch_t *p)
{
    const char *op = p->mtime ? "touch" : "props";
    apr_int64_t number;
    cloud_entry_t *entry;
    cloud_node_t *node, was;

    CLOUD_ERR(cloud_resolve_tx(&entry, p->ctx, p->account, p->path, p->pool));
    if (!entry->exists) return cloud_err(p->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(cloud_access(p->ctx, entry, CLOUD_OP_LIST));
    CLOUD_ERR(cloud_cond_check(p->ctx, entry, p->cond));
    *out = entry;
    if (p->favorite) CLOUD_ERR(cloud_favorite_set(p->ctx, &entry->node, *p->favorite));
    if (is_personal(p)) return NULL;
    CLOUD_ERR(cloud_access(p->ctx, entry, CLOUD_OP_WRITE));
    CLOUD_ERR(cloud_lock_check(p->ctx, entry, p->cond ? p->cond->tokens : NULL,
                               CLOUD_LOCKCHK_NODE));
    node = &entry->node;
    was = *node;
    if (p->favorite && *p->favorite) node->flags |= CLOUD_NODE_FAVORITE;
    CLOUD_ERR(patch_props(p, node));
    CLOUD_ERR(cloud_tree_draw(&number, p->ctx));
    if (p->mtime) {
        node->mtime = *p->mtime;
        node->etag = number;
        CLOUD_ERR(cloud_tree_bump(p->ctx, entry->chain, entry->chain_len, number, 0,
                                  CLOUD_NO_MTIME));
        if (!CLOUD_IS_DIR(node)) {
            if (p->fd < 0) { /* it was a folder a moment ago */
                p->again = 1;
                return cloud_err(p->pool, CLOUD_E_BUSY, NULL);
            }
            CLOUD_ERR(touch_content(p, node));
        }
    }
    CLOUD_ERR(cloud_tree_update(p->ctx, node));
    CLOUD_ERR(cloud_entry_set(entry, p->ctx, node));
    CLOUD_ERR(cloud_tree_log_content(p->ctx, number, entry->tree, op, node, &was));
    return cloud_files_changed(p->ctx, op, entry, NULL);
}

/* Gives the row the checksums, unless it is about other content by now. (tx, write) */
static cloud_err_t *store_sums(const patch_t *p, const cloud_node_t *read, cloud_sums_t sums)
{
    cloud_node_t *node;

    CLOUD_ERR(cloud_tree_get(&node, p->ctx, read->id, p->pool));
    if (!node || node->ino != read->ino || node->size != read->size
        || node->ino_mtime != read->ino_mtime)
        return NULL;
    node->sums = sums;
    return cloud_tree_update(p->ctx, node);
}

static cloud_err_t *fill_sums(const patch_t *p, const cloud_node_t *node)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, p->pool);
    apr_int64_t size, mtime, btime;
    apr_uint64_t ino;

    CLOUD_ERR(cloud_storage_copy(p->fd, 0, -1, -1, digest, p->pool));
    CLOUD_ERR(cloud_storage_identity(p->fd, &ino, &size, &mtime, &btime, p->pool));
    if (ino != node->ino || size != node->size || mtime != node->ino_mtime) return NULL;
    CLOUD_ERR(cloud_tx_begin(p->ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(p->ctx, store_sums(p, node, cloud_digest_final(digest, p->pool)));
}

/* The content of a file whose mtime changes: opened as for reading, which takes in what was changed
 * behind our back, by whoever may change it. Folders have an mtime only in their row. */
static cloud_err_t *open_content(patch_t *p)
{
    cloud_entry_t *entry;
    cloud_err_t *err;

    p->fd = -1;
    if (!p->mtime) return NULL;
    err = cloud_files_open_for(&p->fd, &entry, p->ctx, p->account, p->path, CLOUD_OP_WRITE,
                               p->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_ALLOWED)) return NULL;
    if (!err && entry->node.sums.len == 0) err = fill_sums(p, &entry->node);
    return err;
}

static cloud_err_t *patch_once(cloud_entry_t **entry, patch_t *p)
{
    cloud_err_t *err;

    p->again = p->touched = 0;
    CLOUD_ERR(open_content(p));
    CLOUD_ERR(cloud_tx_begin(p->ctx, CLOUD_DB_WRITE));
    err = patch_tx(entry, p);
    if (!err) err = cloud_tx_commit(p->ctx);
    else cloud_tx_rollback(p->ctx);
    if (err) {
        if (p->touched) set_mtime(p->fd, p->before);
        return err;
    }
    CLOUD_POINT("touch-after-commit");
    if (p->touched) CLOUD_ERR(cloud_storage_sync_fd(p->ctx->store, p->fd, p->pool));
    return cloud_tx_sync(p->ctx);
}

cloud_err_t *cloud_file_patch(cloud_result_t *res, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path,
                              const cloud_patch_t *what, const cloud_cond_t *cond,
                              apr_pool_t *pool)
{
    patch_t p = { .ctx = ctx, .account = account, .path = path, .props = what->props,
                  .mtime = what->mtime, .favorite = what->favorite, .cond = cond, .pool = pool,
                  .fd = -1 };
    cloud_err_t *err;
    int i;

    CLOUD_ERR(check_sizes(&p));
    res->created = 0;
    for (i = 0; i < ATTEMPTS; i++) {
        err = patch_once(&res->entry, &p);
        if (!err || !p.again) return err;
    }
    return err;
}

cloud_err_t *cloud_file_proppatch(cloud_result_t *res, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path,
                                  const apr_array_header_t *props, const apr_int64_t *mtime,
                                  const cloud_cond_t *cond, apr_pool_t *pool)
{
    const cloud_patch_t what = { .props = props, .mtime = mtime };

    return cloud_file_patch(res, ctx, account, path, &what, cond, pool);
}
