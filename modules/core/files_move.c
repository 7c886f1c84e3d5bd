/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* MOVE: one transaction, one or two renames, whatever the size below. Of a mount it is another place and name,
 * and no rename at all. Where rows can't move it is a copy (files_copy.c). */
#include "files_private.h"
#include "mount_private.h"

static int in_chain(const cloud_entry_t *e, apr_int64_t id)
{
    int i;

    for (i = 0; i < e->chain_len; i++)
        if (e->chain[i] == id) return 1;
    return 0;
}

/* Where the two ends may not lie to each other (RFC 4918 9.9). */
static cloud_err_t *check_ends(cloud_ctx_t *ctx, const cloud_entry_t *s, const cloud_entry_t *d)
{
    if (d->exists && d->node.id == s->node.id) {
        /* Another spelling of the same name is a rename; the very same place is none. */
        if (s->tree == d->tree && strcmp(d->name, s->node.disk) != 0) return NULL;
        return cloud_err(ctx->pool, CLOUD_E_DENIED,
                         "Source and destination uri are identical.");
    }
    if (in_chain(d, s->node.id))
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                         "The destination may not be part of the same subtree as the source path.");
    if (d->exists && in_chain(s, d->node.id))
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                         "The source may not be part of what the destination would replace.");
    return NULL;
}

/* What belongs to its source: it exists, and may leave its place. */
static cloud_err_t *check_source(cloud_ctx_t *ctx, const cloud_entry_t *s, const cloud_cond_t *sc)
{
    CLOUD_ERR(cloud_access(ctx, s, CLOUD_OP_LIST));
    CLOUD_ERR(cloud_cond_check(ctx, s, sc));
    if (!s->exists)
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located",
                         s->path);
    return cloud_access(ctx, s, CLOUD_OP_RENAME);
}

static cloud_err_t *check_move(cloud_ctx_t *ctx, const cloud_entry_t *s, const cloud_entry_t *d,
                               int overwrite, const cloud_cond_t *sc, const cloud_cond_t *dc)
{
    const apr_array_header_t *st = sc ? sc->tokens : NULL, *dt = dc ? dc->tokens : NULL;
    int same;

    CLOUD_ERR(check_source(ctx, s, sc));
    same = d->exists && d->node.id == s->node.id;
    if (s->tree != d->tree || s->node.parent != d->parent.id) {
        CLOUD_ERR(cloud_access(ctx, s, CLOUD_OP_DELETE));
        CLOUD_ERR(cloud_access(ctx, d, CLOUD_OP_CREATE));
    }
    if (d->exists && !same) {
        CLOUD_ERR(cloud_access(ctx, d, CLOUD_OP_DELETE));
        CLOUD_ERR(cloud_access(ctx, d, CLOUD_OP_CREATE));
    }
    if (!d->exists && !d->has_parent)
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "The destination node is not found");
    CLOUD_ERR(check_ends(ctx, s, d));
    if (d->exists && !same && !overwrite)
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION,
                         "The destination node already exists, and the overwrite header is set to "
                         "false");
    if (!d->exists || same) CLOUD_ERR(cloud_files_name_check(ctx, d->name));
    if (!same) CLOUD_ERR(cloud_cond_check(ctx, d, dc));
    CLOUD_ERR(cloud_lock_check(ctx, s, st,
                               CLOUD_LOCKCHK_NODE | CLOUD_LOCKCHK_PARENT | CLOUD_LOCKCHK_BELOW));
    return cloud_lock_check(ctx, d, dt ? dt : st,
                            CLOUD_LOCKCHK_NODE | CLOUD_LOCKCHK_PARENT
                                | (d->exists ? CLOUD_LOCKCHK_BELOW : 0));
}

/* The number to all ancestors of both ends; what is above both keeps its size. */
static cloud_err_t *bump_ends(cloud_ctx_t *ctx, const cloud_entry_t *s, const cloud_entry_t *d,
                              apr_int64_t number, apr_int64_t now)
{
    int most = s->chain_len < d->chain_len ? s->chain_len : d->chain_len, n = 0;
    apr_int64_t size = s->node.size;

    while (n < most && s->chain[n] == d->chain[n]) n++;
    if (n == s->chain_len && n == d->chain_len)
        return cloud_tree_bump(ctx, s->chain, n, number, 0, now);
    /* The folders themselves get a time, too: a parent is not bumped as a mere ancestor. */
    if (n == most && n > 0) n--;
    CLOUD_ERR(cloud_tree_bump(ctx, s->chain, n, number, 0, CLOUD_NO_MTIME));
    CLOUD_ERR(cloud_tree_bump(ctx, s->chain + n, s->chain_len - n, number, -size, now));
    return cloud_tree_bump(ctx, d->chain + n, d->chain_len - n, number, size, now);
}

static cloud_err_t *move_rows(cloud_ctx_t *ctx, const cloud_entry_t *s, cloud_entry_t *d,
                              apr_pool_t *pool)
{
    apr_int64_t now = apr_time_sec(apr_time_now()), number, parent_id = d->parent.id;
    const char *src, *disk = d->name;
    int same = d->exists && d->node.id == s->node.id;
    cloud_node_t node = s->node;

    CLOUD_ERR(cloud_entry_path(&src, ctx, s, pool));
    CLOUD_ERR(cloud_lock_forget(ctx, s));
    if (s->kept) CLOUD_ERR(cloud_mounts_pin(ctx, s));
    if (d->exists && !same) CLOUD_ERR(cloud_files_replace(ctx, d, pool));
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    if (s->tree != d->tree) CLOUD_ERR(cloud_files_quota(ctx, d, s->node.size));
    if (s->owner->number != d->owner->number && s->tree == s->owner->root)
        CLOUD_ERR(cloud_files_leaves(ctx, s, d, pool));
    node.parent = parent_id;
    node.name = cloud_name_nfc(d->name, pool);
    node.disk = disk;
    CLOUD_ERR(cloud_tree_rename(ctx, &s->node, parent_id, node.name, disk));
    CLOUD_ERR(bump_ends(ctx, s, d, number, now));
    CLOUD_ERR(cloud_journal_add(ctx, s->tree, d->tree, s->node.ino, CLOUD_IS_DIR(&s->node), src,
                                apr_pstrcat(pool, d->folder, "/", disk, NULL)));
    CLOUD_ERR(cloud_tree_log(ctx, number, d->tree, "move", &node, s->node.parent, s->node.name,
                             0));
    /* The log of a tree tells of all that left it, too; that of a bin has other ways. */
    if (s->tree != d->tree && s->tree == s->owner->root)
        CLOUD_ERR(cloud_tree_log(ctx, number, s->tree, "move", &node, s->node.parent,
                                 s->node.name, 0));
    return cloud_entry_set(d, ctx, &node);
}

/* ---- MOVE where mounts are ---- */

/* A mount gets another place among the files of who received it: a name and a folder of his. */
static cloud_err_t *place_tx(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_entry_t *s,
                             const cloud_entry_t *d, int overwrite, const cloud_cond_t *sc,
                             const cloud_cond_t *dc, apr_pool_t *pool)
{
    const cloud_feature_t *f = s->mount->feature;

    CLOUD_ERR(check_source(ctx, s, sc));
    if (d->mount || d->tree != s->account->root || !f->mount_moved)
        return cloud_err(ctx->pool, CLOUD_E_DENIED,
                         "What was shared with you can only be moved within your own files");
    CLOUD_ERR(cloud_files_check_place(ctx, s, d, pool));
    CLOUD_ERR(cloud_files_check_target(ctx, d, overwrite, dc ? dc : sc));
    res->created = !d->exists;
    if (d->exists) CLOUD_ERR(cloud_files_replace(ctx, d, pool));
    CLOUD_ERR(f->mount_moved(ctx, s->account, s->mount, d->parent.id,
                             cloud_name_nfc(d->name, pool)));
    return cloud_resolve_tx(&res->entry, ctx, d->account, d->path, pool);
}

/* Another owner's item is never taken away silently, and what is mounted keeps its id: then a MOVE is a copy that
 * also removes the source. */
static int goes_by_copy(const cloud_entry_t *s, const cloud_entry_t *d)
{
    if (!s->exists || s->mount_root) return 0;
    if (d->mount_root) return !CLOUD_IS_DIR(&s->node) && !CLOUD_IS_DIR(&d->node);
    return s->mount && s->owner->number != d->owner->number;
}

/* Content that may not be read does not go where it may: out of the mount, or in it to what another mount of the
 * account, which may be read, shows as well. */
static cloud_err_t *would_show(int *yes, cloud_ctx_t *ctx, const cloud_entry_t *s,
                               const cloud_entry_t *d)
{
    cloud_mounts_t *mounts;
    int i;

    *yes = 0;
    if (!s->mount || !(s->mount->flags & CLOUD_MOUNT_NO_DOWNLOAD)) return NULL;
    *yes = !d->mount || d->mount->target.id != s->mount->target.id;
    if (*yes) return NULL;
    CLOUD_ERR(cloud_mounts_load(&mounts, ctx, d->account));
    for (i = 0; mounts && i < mounts->list->nelts; i++) {
        const cloud_mount_t *m = &APR_ARRAY_IDX(mounts->list, i, cloud_placed_t).m;

        if (m->flags & CLOUD_MOUNT_NO_DOWNLOAD) continue;
        if (in_chain(d, m->target.id) && !in_chain(s, m->target.id)) *yes = 1;
    }
    return NULL;
}

static cloud_err_t *check_mounts(cloud_ctx_t *ctx, const cloud_entry_t *s, const cloud_entry_t *d,
                                 apr_pool_t *pool)
{
    int shows;

    if (!s->exists) return NULL;
    if (d->mount_root)
        return cloud_err(ctx->pool, CLOUD_E_DENIED,
                         "What was shared with you can't be replaced");
    CLOUD_ERR(would_show(&shows, ctx, s, d));
    if (shows) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return cloud_files_check_place(ctx, s, d, pool);
}

cloud_err_t *cloud_source_by_path(cloud_entry_t **source, void *baton, cloud_ctx_t *ctx,
                                  apr_pool_t *pool)
{
    const cloud_by_path_t *b = baton;

    return cloud_resolve_tx(source, ctx, b->account, b->path, pool);
}

/* What a MOVE is asked to do. */
typedef struct {
    cloud_source_fn *source;
    void *baton;
    const cloud_by_path_t *from;    /* the source when it is in files; NULL: it is in a bin */
    const cloud_account_t *account; /* where it goes */
    const char *path;
    int overwrite;
    const cloud_cond_t *sc, *dc;    /* conditions of both sides */
} move_t;

static cloud_err_t *move_tx(cloud_result_t *res, cloud_entry_t **from, cloud_ctx_t *ctx,
                            const move_t *m, apr_pool_t *pool)
{
    cloud_entry_t *s, *d;

    CLOUD_ERR(m->source(&s, m->baton, ctx, pool));
    CLOUD_ERR(cloud_resolve_tx(&d, ctx, m->account, m->path, pool));
    *from = s;
    if (s->mount_root) return place_tx(res, ctx, s, d, m->overwrite, m->sc, m->dc, pool);
    /* A moment ago it did not. */
    if (m->from && goes_by_copy(s, d)) return cloud_err(ctx->pool, CLOUD_E_AGAIN, NULL);
    /* Whoever found it in a bin has to decide anew, too. */
    if (!m->from && s->mount && s->owner->number != d->owner->number)
        return cloud_err(ctx->pool, CLOUD_E_AGAIN, NULL);
    CLOUD_ERR(check_mounts(ctx, s, d, pool));
    CLOUD_ERR(check_move(ctx, s, d, m->overwrite, m->sc, m->dc));
    CLOUD_ERR(cloud_files_free_name(d, ctx, CLOUD_IS_DIR(&s->node), pool));
    res->created = !d->exists || d->node.id == s->node.id;
    CLOUD_ERR(move_rows(ctx, s, d, pool));
    res->entry = d;
    return cloud_files_changed(ctx, "move", d, s);
}

/* Takes in what outsiders did to both ends. */
static cloud_err_t *look_at_ends(int *by_copy, cloud_ctx_t *ctx, const move_t *m, apr_pool_t *pool)
{
    cloud_entry_t *s, *d;

    *by_copy = 0;
    CLOUD_ERR(cloud_resolve(&d, ctx, m->account, m->path, pool));
    if (m->from) {
        CLOUD_ERR(cloud_resolve(&s, ctx, m->from->account, m->from->path, pool));
        if (cloud_entry_hidden(s)) return cloud_access(ctx, s, CLOUD_OP_LIST);
        *by_copy = goes_by_copy(s, d);
        if (*by_copy) return NULL;
        if (!s->mount_root) CLOUD_ERR(cloud_files_notice(&s, ctx, s, pool));
    }
    if (d->mount_root) return NULL;
    CLOUD_ERR(cloud_files_notice(&d, ctx, d, pool));
    return cloud_files_prepare(ctx, d, 1);
}

static cloud_err_t *move_once(cloud_result_t *res, cloud_ctx_t *ctx, const move_t *m,
                              apr_pool_t *pool)
{
    cloud_entry_t *from = NULL;
    cloud_err_t *err;
    int by_copy;

    CLOUD_ERR(look_at_ends(&by_copy, ctx, m, pool));
    if (by_copy)
        return cloud_files_move_out(res, ctx, m->from, m->account, m->path, m->overwrite, m->sc,
                                    m->dc, pool);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = move_tx(res, &from, ctx, m, pool);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    /* With a mount nothing moves but what was in its new place. */
    return cloud_journal_commit(ctx, from->mount_root ? from->account->root : from->tree,
                                res->entry->tree);
}

static cloud_err_t *move(cloud_result_t *res, cloud_ctx_t *ctx, const move_t *m, apr_pool_t *pool)
{
    cloud_err_t *err;
    int tries = 0;

    do {
        err = move_once(res, ctx, m, pool);
    } while (cloud_files_again(err, &tries));
    return err;
}

cloud_err_t *cloud_file_move(cloud_result_t *res, cloud_ctx_t *ctx,
                             const cloud_account_t *src_account, const char *src,
                             const cloud_account_t *dst_account, const char *dst, int overwrite,
                             const cloud_cond_t *src_cond, const cloud_cond_t *dst_cond,
                             apr_pool_t *pool)
{
    cloud_by_path_t from = { src_account, src };
    const move_t m = { cloud_source_by_path, &from, &from, dst_account, dst, overwrite, src_cond,
                       dst_cond };

    return move(res, ctx, &m, pool);
}

cloud_err_t *cloud_files_move_from(cloud_result_t *res, cloud_ctx_t *ctx, cloud_source_fn *source,
                                   void *baton, const cloud_account_t *dst_account,
                                   const char *dst, int overwrite, const cloud_cond_t *dst_cond,
                                   apr_pool_t *pool)
{
    const move_t m = { source, baton, NULL, dst_account, dst, overwrite, NULL, dst_cond };

    return move(res, ctx, &m, pool);
}
