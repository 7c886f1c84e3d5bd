/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* COPY. A file is staged and attached like an upload; a folder is built by files_copy_tree.c. And MOVE where
 * rows can't move: out of somebody else's tree, and onto what is mounted. That is a copy, whose transaction also
 * removes the source. */
#include "files_private.h"
#include "mount_private.h"

#include <unistd.h>

/* ---- one file ---- */

typedef struct {
    const cloud_copy_t *copy;
    apr_int64_t from;
    int has_props;
} file_baton_t;

static cloud_err_t *copy_props(const file_baton_t *b, cloud_ctx_t *ctx, const cloud_result_t *res)
{
    cloud_node_t node = res->entry->node;

    if (node.flags & CLOUD_NODE_PROPS) CLOUD_ERR(cloud_props_delete(ctx, node.id));
    node.flags &= ~CLOUD_NODE_PROPS;
    if (b->has_props) {
        CLOUD_ERR(cloud_props_copy(ctx, b->from, node.id));
        node.flags |= CLOUD_NODE_PROPS;
    }
    if (node.flags == res->entry->node.flags) return NULL;
    res->entry->node = node;
    return cloud_tree_update(ctx, &node);
}

static cloud_err_t *file_attached(void *baton, cloud_ctx_t *ctx, const cloud_result_t *res)
{
    const file_baton_t *b = baton;

    CLOUD_ERR(copy_props(b, ctx, res));
    return b->copy->also ? b->copy->also(b->copy->baton, ctx, res) : NULL;
}

static cloud_err_t *copy_file(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_copy_t *c,
                              apr_pool_t *pool)
{
    const cloud_entry_t *s = c->source;
    cloud_put_opts_t opts = { .length = s->node.size, .has_mtime = 1, .mtime = s->node.mtime };
    int overwrite = c->overwrite ? CLOUD_OVERWRITE_FOLDER : 0;
    file_baton_t baton = { .copy = c };
    cloud_entry_t *target, *now;
    cloud_staged_t staged;
    const char *stage;
    cloud_err_t *err;
    int in, out;

    if (c->cond) opts.cond = *c->cond;
    CLOUD_ERR(cloud_files_precheck(&target, ctx, c->account, c->path, overwrite, &opts, pool));
    CLOUD_ERR(cloud_files_open(&in, &now, ctx, s, s->path, pool));
    baton.from = now->node.id;
    baton.has_props = (now->node.flags & CLOUD_NODE_PROPS) != 0;
    opts.length = now->node.size;
    opts.mtime = now->node.mtime;
    CLOUD_ERR(cloud_storage_stage(&out, &stage, ctx->store, target->owner->dir, pool));
    err = cloud_storage_copy(in, 0, now->node.size, out, NULL, pool);
    if (!err) err = cloud_files_seal(&staged, ctx, out, stage, cloud_home_of(target), &opts, now->node.sums,
                                    pool);
    close(out);
    if (!err)
        err = cloud_files_attach(res, ctx, c->account, c->path, &staged, overwrite, &opts,
                                 file_attached, &baton, pool);
    if (err && !cloud_files_stage_owed(ctx, stage))
        cloud_storage_unlink(ctx->store, stage, 0, pool);
    return err;
}

/* ---- the verb ---- */

/* Where the two ends may not lie to each other (RFC 4918 9.8). */
static cloud_err_t *check_ends(cloud_ctx_t *ctx, const cloud_entry_t *s, const cloud_entry_t *d)
{
    int i;

    if (d->exists && d->node.id == s->node.id)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "Source and destination uri are identical.");
    for (i = 0; i < d->chain_len; i++)
        if (d->chain[i] == s->node.id)
            return cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                             "The destination may not be part of the same subtree as the source "
                             "path.");
    for (i = 0; d->exists && i < s->chain_len; i++)
        if (s->chain[i] == d->node.id)
            return cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                             "The source may not be part of what the destination would replace.");
    return NULL;
}

/* All of it or nothing: what is left out of a copy nobody misses until the original is gone. So where something
 * in it may not be read that is said before anything is copied. */
static cloud_err_t *check_readable(cloud_ctx_t *ctx, const apr_array_header_t *mounts)
{
    int i;

    for (i = 0; mounts && i < mounts->nelts; i++) {
        const cloud_mount_t *m = &APR_ARRAY_IDX(mounts, i, cloud_placed_t *)->m;

        if (m->flags & CLOUD_MOUNT_NO_DOWNLOAD)
            return cloud_err(ctx->pool, CLOUD_E_DENIED, "%s, which was shared with you, may not be"
                             " downloaded, so a folder that it is in can't be copied", m->name);
    }
    return NULL;
}

/* Of a folder with all that was mounted in it, which becomes plain folders and files. */
static cloud_err_t *size_of_copy(apr_int64_t *size, cloud_ctx_t *ctx, const cloud_copy_t *c)
{
    const cloud_entry_t *s = c->source;
    cloud_mounts_t *mounts;

    *size = CLOUD_IS_DIR(&s->node) && c->depth == 0 ? 0 : s->node.size;
    if (!CLOUD_IS_DIR(&s->node) || c->depth == 0 || s->mount) return NULL;
    CLOUD_ERR(cloud_mounts_load(&mounts, ctx, s->account));
    CLOUD_ERR(check_readable(ctx, cloud_mounts_below(mounts, s->node.id)));
    *size += cloud_mounts_size(mounts, s->node.id);
    return NULL;
}

static cloud_err_t *check_copy(cloud_ctx_t *ctx, const cloud_copy_t *c, const cloud_entry_t *d,
                               const cloud_cond_t *sc, apr_pool_t *pool)
{
    const cloud_entry_t *s = c->source;
    apr_int64_t size;

    CLOUD_ERR(cloud_access(ctx, s, CLOUD_OP_READ));
    CLOUD_ERR(cloud_cond_check(ctx, s, sc));
    if (!s->exists)
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located",
                         s->path);
    CLOUD_ERR(check_ends(ctx, s, d));
    CLOUD_ERR(cloud_files_check_place(ctx, s, d, pool));
    /* A file over a file is a write, which is checked as that. */
    if (CLOUD_IS_DIR(&s->node) || !d->exists || CLOUD_IS_DIR(&d->node))
        CLOUD_ERR(cloud_files_check_target(ctx, d, c->overwrite, c->cond));
    CLOUD_ERR(size_of_copy(&size, ctx, c));
    CLOUD_ERR(cloud_storage_has_room(ctx, size));
    return cloud_files_quota_for(ctx, d, size);
}

static cloud_err_t *copy_tx(cloud_copy_t *c, cloud_entry_t **d, cloud_ctx_t *ctx,
                            cloud_source_fn *source, void *baton, const cloud_cond_t *sc,
                            apr_pool_t *pool)
{
    cloud_entry_t *s;

    CLOUD_ERR(source(&s, baton, ctx, pool));
    c->source = s;
    c->find = source;
    c->find_baton = baton;
    CLOUD_ERR(cloud_resolve_tx(d, ctx, c->account, c->path, pool));
    return check_copy(ctx, c, *d, sc, pool);
}

static cloud_err_t *copy(cloud_result_t *res, cloud_ctx_t *ctx, cloud_source_fn *source,
                         void *baton, cloud_copy_t *c, const cloud_cond_t *sc, apr_pool_t *pool)
{
    cloud_entry_t *d;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = copy_tx(c, &d, ctx, source, baton, sc, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    return CLOUD_IS_DIR(&c->source->node) ? cloud_copy_tree(res, ctx, c, d, pool)
                                          : copy_file(res, ctx, c, pool);
}

cloud_err_t *cloud_file_copy(cloud_result_t *res, cloud_ctx_t *ctx,
                             const cloud_account_t *src_account, const char *src,
                             const cloud_account_t *dst_account, const char *dst, int overwrite,
                             int depth, const cloud_cond_t *src_cond, const cloud_cond_t *dst_cond,
                             apr_pool_t *pool)
{
    cloud_by_path_t from = { src_account, src };
    cloud_copy_t c = { .account = dst_account, .path = dst, .overwrite = overwrite,
                       .depth = depth, .cond = dst_cond };

    return copy(res, ctx, cloud_source_by_path, &from, &c, src_cond, pool);
}

cloud_err_t *cloud_files_copy_from(cloud_result_t *res, cloud_ctx_t *ctx, cloud_source_fn *source,
                                   void *baton, const cloud_account_t *dst_account,
                                   const char *dst, int overwrite, const cloud_cond_t *dst_cond,
                                   apr_pool_t *pool)
{
    cloud_copy_t c = { .account = dst_account, .path = dst, .overwrite = overwrite, .depth = -1,
                       .cond = dst_cond };

    return copy(res, ctx, source, baton, &c, NULL, pool);
}

/* ---- MOVE by a copy ---- */

#define MOVES_TRIED 3    /* each is a copy of everything */

typedef struct {
    const cloud_entry_t *seen;     /* the source as it was copied */
    const cloud_cond_t *cond;
    int again;                     /* it is another one now, or what was prepared is gone */
    apr_pool_t *pool;
} leave_t;

static cloud_err_t *leave_tx(leave_t *l, cloud_ctx_t *ctx)
{
    const cloud_entry_t *seen = l->seen;
    cloud_entry_t *s;
    cloud_err_t *err;

    CLOUD_ERR(cloud_resolve_tx(&s, ctx, seen->account, seen->path, l->pool));
    CLOUD_ERR(cloud_access(ctx, s, CLOUD_OP_DELETE));
    CLOUD_ERR(cloud_cond_check(ctx, s, l->cond));
    l->again = !s->exists || s->node.id != seen->node.id || s->node.etag != seen->node.etag;
    if (l->again) return cloud_err(ctx->pool, CLOUD_E_BUSY, NULL);
    CLOUD_ERR(cloud_lock_check(ctx, s, l->cond ? l->cond->tokens : NULL,
                               CLOUD_LOCKCHK_NODE | CLOUD_LOCKCHK_PARENT | CLOUD_LOCKCHK_BELOW));
    err = cloud_files_replace(ctx, s, l->pool);
    /* The trash has to be prepared anew, for which the transaction has to end. */
    l->again = cloud_err_is(err, CLOUD_E_AGAIN);
    if (l->again) return cloud_err(ctx->pool, CLOUD_E_BUSY, NULL);
    return err ? err : cloud_files_changed(ctx, "remove", s, NULL);
}

static cloud_err_t *remove_source(void *baton, cloud_ctx_t *ctx, const cloud_result_t *res)
{
    const leave_t *l = baton;

    CLOUD_POINT("move-out-copied");
    CLOUD_ERR(cloud_favorite_copy(ctx, &l->seen->node, res->entry->node.id));
    if (l->seen->mount && res->created)
        CLOUD_ERR(cloud_files_leaves(ctx, l->seen, res->entry, l->pool));
    return leave_tx(baton, ctx);
}

static cloud_err_t *move_out_once(cloud_result_t *res, leave_t *l, cloud_ctx_t *ctx,
                                  const cloud_by_path_t *from,
                                  const cloud_account_t *dst_account, const char *dst,
                                  int overwrite, const cloud_cond_t *dc)
{
    cloud_copy_t c = { .account = dst_account, .path = dst, .overwrite = overwrite, .depth = -1,
                       .cond = dc, .also = remove_source, .baton = l };
    cloud_entry_t *s;

    CLOUD_ERR(cloud_resolve(&s, ctx, from->account, from->path, l->pool));
    CLOUD_ERR(cloud_files_found(ctx, s, CLOUD_OP_DELETE));
    CLOUD_ERR(cloud_files_notice(&s, ctx, s, l->pool));
    CLOUD_ERR(cloud_files_prepare(ctx, s, 1));
    l->seen = s;
    return copy(res, ctx, cloud_source_by_path, (void *)from, &c, l->cond, l->pool);
}

cloud_err_t *cloud_files_move_out(cloud_result_t *res, cloud_ctx_t *ctx,
                                  const cloud_by_path_t *from, const cloud_account_t *dst_account,
                                  const char *dst, int overwrite, const cloud_cond_t *sc,
                                  const cloud_cond_t *dc, apr_pool_t *pool)
{
    leave_t l = { .cond = sc, .pool = pool };
    cloud_err_t *err;
    int i;

    for (i = 0; i < MOVES_TRIED; i++) {
        l.again = 0;
        err = move_out_once(res, &l, ctx, from, dst_account, dst, overwrite, dc);
        if (!l.again) break;
    }
    CLOUD_POINT("move-out-done");
    /* What is owed to the tree that it left. */
    return err ? err : cloud_journal_run(ctx, l.seen->tree, 0);
}
