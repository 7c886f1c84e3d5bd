/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* COPY of a folder: it is built in staging, its rows under a detached root in short transactions, and one
 * last transaction hangs it into the tree. */
#include "files_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ROWS_PER_TX 256
#define SYNC_EACH   16      /* up to so many files are synced one by one, more by syncfs */

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_copy_t *copy;
    const cloud_entry_t *place;  /* the destination as it was found; built in its owner's staging directory */
    const char *stage;
    apr_int64_t bulk;            /* node id of the detached root */
    apr_int64_t newest;          /* the last number drawn for a member */
    apr_array_header_t *rows;    /* of bulk_row_t, not yet written */
    apr_pool_t *rows_pool;
    apr_int64_t files, size;
} bulk_t;

typedef struct {
    cloud_node_t node;
    apr_int64_t props_from;      /* 0: none */
} bulk_row_t;

static cloud_err_t *write_rows(bulk_t *b)
{
    cloud_ctx_t *ctx = b->ctx;
    cloud_err_t *err = NULL;
    int i;

    if (b->rows->nelts == 0) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    for (i = 0; i < b->rows->nelts && !err; i++) {
        const bulk_row_t *row = &APR_ARRAY_IDX(b->rows, i, bulk_row_t);

        err = cloud_tree_insert(ctx, &row->node);
        if (!err && row->props_from) err = cloud_props_copy(ctx, row->props_from, row->node.id);
    }
    if (err) cloud_tx_rollback(ctx);
    else err = cloud_tx_commit(ctx); /* durable with the transaction that attaches */
    apr_pool_clear(b->rows_pool);
    b->rows = apr_array_make(b->rows_pool, ROWS_PER_TX, sizeof(bulk_row_t));
    return err;
}

/* Ids for all members of a folder at once. */
static cloud_err_t *draw_many(apr_int64_t *first, int n, cloud_ctx_t *ctx)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_tree_draw_range(first, n, ctx);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx);
}

static cloud_err_t *push_row(bulk_t *b, const cloud_node_t *node, apr_int64_t props_from)
{
    bulk_row_t *row = apr_array_push(b->rows);

    row->node = *node;
    row->node.name = apr_pstrdup(b->rows_pool, node->name);
    row->node.disk = apr_pstrdup(b->rows_pool, node->disk);
    row->node.sums.data = node->sums.len
                              ? apr_pmemdup(b->rows_pool, node->sums.data, node->sums.len) : NULL;
    row->props_from = props_from;
    return b->rows->nelts >= ROWS_PER_TX ? write_rows(b) : NULL;
}

typedef struct {
    apr_array_header_t *nodes;
    apr_pool_t *pool;
} collect_t;

static cloud_err_t *collect(void *baton, const cloud_child_t *child)
{
    collect_t *c = baton;
    cloud_node_t *node = apr_array_push(c->nodes);

    *node = *child->node;
    node->name = apr_pstrdup(c->pool, child->name);
    /* A mount becomes a folder or a file of the name that it was shown under. */
    node->disk = child->mount_root ? node->name : apr_pstrdup(c->pool, node->disk);
    node->sums.data = node->sums.len ? apr_pmemdup(c->pool, node->sums.data, node->sums.len) : NULL;
    return NULL;
}

static cloud_err_t *bulk_file(bulk_t *b, cloud_node_t *node, const char *src, const char *dst,
                              apr_pool_t *pool)
{
    cloud_put_opts_t opts = { .has_mtime = 1 };
    cloud_ctx_t *ctx = b->ctx;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
    apr_int64_t size, from = node->id;
    cloud_entry_t *now;
    cloud_err_t *err;
    int in, out;

    err = cloud_files_open(&in, &now, ctx, b->copy->source, src, pool);
    /* Deleted since the folder was listed: as if the copy had begun a moment later. */
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        node->id = 0;
        return NULL;
    }
    if (err) return err;
    opts.mtime = now->node.mtime;
    CLOUD_ERR(cloud_storage_open(&out, ctx->store, dst, O_WRONLY | O_CREAT | O_EXCL, pool));
    if (out < 0) return cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL);
    err = cloud_storage_copy(in, 0, now->node.size, out, NULL, pool);
    times[1].tv_sec = (time_t)opts.mtime;
    if (!err && futimens(out, times) != 0 && errno != EINVAL && errno != EOVERFLOW)
        err = cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "futimens");
    if (!err && b->files < SYNC_EACH) err = cloud_storage_sync_fd(ctx->store, out, pool);
    if (!err) err = cloud_storage_identity(out, &node->ino, &size, &node->ino_mtime, &node->btime,
                                           pool);
    close(out);
    if (err) return err;
    b->files++;
    b->size += now->node.size;
    node->size = now->node.size;
    node->mtime = now->node.mtime;
    node->sums = now->node.sums;
    node->flags = now->node.flags;
    return from == now->node.id ? NULL : cloud_err(pool, CLOUD_E_CONFLICT, NULL);
}

/* The members of a folder as it is by now. */
static cloud_err_t *list_again(collect_t *list, const bulk_t *b, const char *path, apr_pool_t *pool)
{
    cloud_entry_t *folder;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(b->ctx, CLOUD_DB_READ));
    err = cloud_resolve_like(&folder, b->ctx, b->copy->source, path, pool);
    if (!err) err = cloud_files_found(b->ctx, folder, CLOUD_OP_READ);
    if (!err) err = cloud_files_list_plain(b->ctx, folder, collect, list);
    cloud_tx_rollback(b->ctx);
    return err;
}

/* Copies the members of a folder. Its own row has the id parent; *size is their sum. */
static cloud_err_t *bulk_members(bulk_t *b, apr_int64_t *size, const char *src, const char *dst,
                                 apr_int64_t parent, apr_pool_t *pool)
{
    collect_t list = { apr_array_make(pool, 64, sizeof(cloud_node_t)), pool };
    apr_int64_t first = 0, old, sub;
    struct stat st;
    apr_pool_t *iter;
    int i, err, found;

    *size = 0;
    CLOUD_ERR(list_again(&list, b, src, pool));
    if (list.nodes->nelts == 0) return NULL;
    CLOUD_ERR(draw_many(&first, list.nodes->nelts, b->ctx));
    b->newest = first + list.nodes->nelts - 1;
    apr_pool_create(&iter, pool);
    for (i = 0; i < list.nodes->nelts; i++) {
        cloud_node_t *node = &APR_ARRAY_IDX(list.nodes, i, cloud_node_t);
        const char *s, *d;

        apr_pool_clear(iter);
        /* By name: on disk another one may have the same normal form. */
        s = apr_pstrcat(iter, src, *src ? "/" : "", node->name, NULL);
        d = apr_pstrcat(iter, dst, "/", node->disk, NULL);
        old = node->id;
        if (!CLOUD_IS_DIR(node)) {
            CLOUD_ERR(bulk_file(b, node, s, d, iter));
            if (node->id == 0) continue;
        } else {
            err = cloud_storage_mkdir(b->ctx->store, d, iter);
            if (err) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "mkdir %s", d);
            CLOUD_ERR(cloud_storage_stat(&st, &node->btime, &found, b->ctx->store, d, iter));
            node->ino = st.st_ino;
            CLOUD_ERR(bulk_members(b, &sub, s, d, first + i, iter));
            node->size = sub;
            node->kind = CLOUD_KIND_DIR;
        }
        node->id = first + i;
        /* No folder's ETag is older than a member's, here as anywhere. */
        node->etag = CLOUD_IS_DIR(node) ? b->newest : node->id;
        node->parent = parent;
        node->created = apr_time_sec(apr_time_now());
        *size += node->size;
        CLOUD_ERR(push_row(b, node, (node->flags & CLOUD_NODE_PROPS) ? old : 0));
    }
    apr_pool_destroy(iter);
    return NULL;
}

/* The detached root; its disk name is the staging directory, so that what a crash leaves behind
 * names its bytes. */
static cloud_err_t *bulk_begin(bulk_t *b, apr_pool_t *pool)
{
    cloud_ctx_t *ctx = b->ctx;
    cloud_node_t node = { .kind = CLOUD_KIND_BULK };
    struct stat st;
    cloud_err_t *err;
    int found;

    CLOUD_ERR(cloud_storage_stage_dir(&b->stage, ctx->store, b->place->owner->dir, pool));
    CLOUD_ERR(cloud_storage_stat(&st, &node.btime, &found, ctx->store, b->stage, pool));
    CLOUD_ERR(draw_many(&node.id, 1, ctx));
    b->bulk = node.etag = node.id;
    node.name = apr_psprintf(pool, "bulk:%" APR_INT64_T_FMT, node.id);
    node.disk = b->stage;
    node.ino = st.st_ino;
    node.mtime = node.created = apr_time_sec(apr_time_now());
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_tree_insert(ctx, &node);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx);
}

static cloud_err_t *bulk_sync(bulk_t *b, apr_pool_t *pool)
{
    cloud_store_t *store = b->ctx->store;
    int fd, err = 0;

    if (cloud_store_relaxed(store)) return NULL;
    CLOUD_ERR(cloud_storage_open(&fd, store, b->stage, O_RDONLY | O_DIRECTORY, pool));
    if (fd < 0) return cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL);
    /* The directories made on the way are not synced one by one: there may be thousands. */
    if (syncfs(fd) != 0) err = errno;
    close(fd);
    return err ? cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "syncfs") : NULL;
}

/* Its folders were looked at one after the other: of one that was deleted meanwhile, or that may not be read any more, not
 * all may have been there. */
static cloud_err_t *check_source(const bulk_t *b, apr_pool_t *pool)
{
    const cloud_copy_t *c = b->copy;
    cloud_entry_t *s;

    CLOUD_ERR(c->find(&s, c->find_baton, b->ctx, pool));
    CLOUD_ERR(cloud_access(b->ctx, s, CLOUD_OP_READ));
    return s->exists && s->node.id == c->source->node.id
        ? NULL : cloud_err(b->ctx->pool, CLOUD_E_NOT_FOUND,
                           "File with name %s could not be located", c->source->path);
}

static cloud_err_t *attach_tx(cloud_result_t *res, bulk_t *b, apr_int64_t size, apr_pool_t *pool)
{
    const cloud_copy_t *c = b->copy;
    const cloud_entry_t *s = c->source;
    apr_int64_t now = apr_time_sec(apr_time_now()), number;
    cloud_ctx_t *ctx = b->ctx;
    cloud_node_t *node;
    const char *parent;
    cloud_entry_t *e;

    CLOUD_ERR(check_source(b, pool));
    CLOUD_ERR(cloud_resolve_tx(&e, ctx, c->account, c->path, pool));
    CLOUD_ERR(cloud_files_check_target(ctx, e, c->overwrite, c->cond));
    CLOUD_ERR(cloud_home_check(ctx, e, cloud_home_of(b->place)));
    res->created = !e->exists;
    if (e->exists) CLOUD_ERR(cloud_files_replace(ctx, e, pool));
    CLOUD_ERR(cloud_files_free_name(e, ctx, 1, pool));
    CLOUD_ERR(cloud_files_quota(ctx, e, size));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    CLOUD_ERR(cloud_tree_get(&node, ctx, b->bulk, pool));
    if (!node) return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
    parent = e->folder;
    node->kind = CLOUD_KIND_DIR;
    node->etag = number;
    node->size = size;
    node->mtime = s->node.mtime;
    if (s->node.flags & CLOUD_NODE_PROPS) {
        CLOUD_ERR(cloud_props_copy(ctx, s->node.id, node->id));
        node->flags |= CLOUD_NODE_PROPS;
    }
    CLOUD_ERR(cloud_tree_update(ctx, node));
    CLOUD_ERR(cloud_tree_rename(ctx, node, e->parent.id, cloud_name_nfc(e->name, pool), e->name));
    node->parent = e->parent.id;
    node->name = cloud_name_nfc(e->name, pool);
    node->disk = e->name;
    CLOUD_ERR(cloud_tree_bump(ctx, e->chain, e->chain_len, number, size, now));
    CLOUD_ERR(cloud_journal_add(ctx, e->tree, 0, node->ino, 1, b->stage,
                                apr_pstrcat(pool, parent, "/", e->name, NULL)));
    CLOUD_ERR(cloud_tree_log(ctx, number, e->tree, "copy", node, s->node.parent, s->node.name,
                             size));
    CLOUD_ERR(cloud_entry_set(e, ctx, node));
    res->entry = e;
    CLOUD_ERR(cloud_files_changed(ctx, "copy", e, s));
    return c->also ? c->also(c->baton, ctx, res) : NULL;
}

/* A copy that did not work out becomes something to purge. */
static void bulk_abandon(bulk_t *b, apr_pool_t *pool)
{
    cloud_ctx_t *ctx = b->ctx;
    cloud_err_t *err;

    cloud_tx_rollback(ctx);
    if (!b->bulk) return;
    if (cloud_tx_begin(ctx, CLOUD_DB_WRITE)) return;
    err = cloud_files_abandon_bulk(ctx, b->bulk, pool);
    if (err) cloud_tx_rollback(ctx);
    else (void)cloud_tx_commit(ctx);
}

/* What the copy will take the place of is looked at once more, and prepared for. */
static cloud_err_t *attach(cloud_result_t *res, bulk_t *b, apr_int64_t size, apr_pool_t *pool)
{
    cloud_ctx_t *ctx = b->ctx;
    cloud_entry_t *seen;
    cloud_err_t *err;

    CLOUD_ERR(cloud_resolve(&seen, ctx, b->copy->account, b->copy->path, pool));
    if (!seen->mount_root) {
        CLOUD_ERR(cloud_files_notice(&seen, ctx, seen, pool));
        CLOUD_ERR(cloud_files_prepare(ctx, seen, 1));
    }
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = attach_tx(res, b, size, pool);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_copy_tree(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_copy_t *c,
                             const cloud_entry_t *place, apr_pool_t *pool)
{
    bulk_t b = { .ctx = ctx, .copy = c, .place = place };
    apr_int64_t size = 0;
    cloud_err_t *err;
    int tries = 0;

    apr_pool_create(&b.rows_pool, pool);
    b.rows = apr_array_make(b.rows_pool, ROWS_PER_TX, sizeof(bulk_row_t));
    err = bulk_begin(&b, pool);
    CLOUD_POINT("copy-begun");
    if (!err && c->depth != 0)
        err = bulk_members(&b, &size, c->source->path, b.stage, b.bulk, pool);
    if (!err) err = write_rows(&b);
    CLOUD_POINT("copy-built");
    if (!err) err = bulk_sync(&b, pool);
    while (!err) {
        err = attach(res, &b, size, pool);
        if (!cloud_files_again(err, &tries)) break;
        err = NULL;
    }
    if (err) {
        bulk_abandon(&b, pool);
        return err;
    }
    return cloud_journal_run(ctx, res->entry->tree, 0);
}
