/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The one transaction that gives a staged file its place: PUT, the end of a chunked upload, COPY of
 * a file. And the checks that all verbs share. */
#include "files_private.h"
#include "mount_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

cloud_err_t *cloud_cond_check(cloud_ctx_t *ctx, const cloud_entry_t *e, const cloud_cond_t *cond)
{
    /* Where all names are alike nothing is replaced, and there is nothing to tell of. */
    if (!cond || cloud_entry_hidden(e)) return NULL;
    switch (cond->must) {
    case CLOUD_IF_ANY:
        return NULL;
    case CLOUD_IF_ABSENT:
        if (!e->exists) return NULL;
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION,
                         "An If-None-Match header was specified, but the ETag matched (or * was "
                         "specified).");
    case CLOUD_IF_EXISTS:
        if (e->exists) return NULL;
        break;
    case CLOUD_IF_ETAG:
        if (e->exists && e->etag == cond->etag) return NULL;
        break;
    }
    if (!e->exists)
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION,
                         "An If-Match header was specified and the resource did not exist");
    return cloud_err(ctx->pool, CLOUD_E_PRECONDITION,
                     "An If-Match header was specified, but none of the specified ETags matched.");
}

cloud_err_t *cloud_files_name_check(cloud_ctx_t *ctx, const char *name)
{
    const char **blacklist;

    CLOUD_ERR(cloud_setting_list(&blacklist, ctx, "system", "blacklisted_files"));
    return cloud_name_check(name, blacklist, ctx->pool);
}

cloud_err_t *cloud_files_quota(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_int64_t delta)
{
    apr_int64_t quota, used;

    if (delta <= 0) return NULL;
    CLOUD_ERR(cloud_account_limit(&quota, ctx, e->owner));
    if (quota < 0) return NULL;
    CLOUD_ERR(cloud_account_usage(&quota, &used, ctx, e->owner));
    if (quota < 0 || delta <= quota - used) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_QUOTA, NULL);
}

cloud_err_t *cloud_files_quota_for(cloud_ctx_t *ctx, const cloud_entry_t *e, apr_int64_t size)
{
    if (e->exists) return cloud_files_quota(ctx, e, size - e->node.size);
    return cloud_files_quota(ctx, e, size || ctx->who.system ? size : 1);
}

cloud_err_t *cloud_files_changed(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                                 const cloud_entry_t *from)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->changed) CLOUD_ERR(f->changed(ctx, op, entry, from, ctx->pool));
    }
    return NULL;
}

cloud_err_t *cloud_files_leaves(cloud_ctx_t *ctx, const cloud_entry_t *e, const cloud_entry_t *to,
                                apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->leaves) CLOUD_ERR(f->leaves(ctx, e, to, pool));
    }
    return NULL;
}

cloud_err_t *cloud_files_prepare(cloud_ctx_t *ctx, const cloud_entry_t *e, int removes)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    if (!e->exists) return NULL;
    /* Who may not do it leaves nothing in the owner's directory. */
    if (cloud_access(ctx, e, removes ? CLOUD_OP_DELETE : CLOUD_OP_WRITE)) return NULL;
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->prepare) CLOUD_ERR(f->prepare(ctx, e, removes, ctx->pool));
    }
    return NULL;
}

#define TRIES_MAX 20

int cloud_files_again(const cloud_err_t *err, int *tries)
{
    return cloud_err_is(err, CLOUD_E_AGAIN) && ++*tries < TRIES_MAX;
}

cloud_home_t cloud_home_of(const cloud_entry_t *entry)
{
    cloud_home_t home = { entry->owner->number, entry->mount ? entry->mount->target.id : 0 };

    return home;
}

cloud_err_t *cloud_home_check(cloud_ctx_t *ctx, const cloud_entry_t *entry, cloud_home_t home)
{
    cloud_home_t now = cloud_home_of(entry);

    if (now.owner == home.owner && now.mount == home.mount) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                     "The folder that this was sent to is not there any more");
}

/* What PUT needs to hold, before and in the transaction. */
static cloud_err_t *check_put(cloud_ctx_t *ctx, const cloud_entry_t *e, int overwrite,
                              const cloud_cond_t *cond)
{
    if (overwrite == CLOUD_OVERWRITE_NEVER && e->exists && (e->perms & CLOUD_PERM_CREATE))
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION, "The name is taken");
    CLOUD_ERR(cloud_access(ctx, e, e->exists ? CLOUD_OP_WRITE : CLOUD_OP_CREATE));
    if (!e->exists && !e->has_parent)
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "Parent folder does not exist");
    if (!e->exists) CLOUD_ERR(cloud_files_name_check(ctx, e->name));
    if (e->exists && CLOUD_IS_DIR(&e->node))
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "PUT is not allowed on a folder");
    if (e->exists && !overwrite)
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION,
                         "The destination node already exists, and the overwrite header is set to "
                         "false");
    CLOUD_ERR(cloud_cond_check(ctx, e, cond));
    return cloud_lock_check(ctx, e, cond->tokens,
                            CLOUD_LOCKCHK_NODE | (e->exists ? 0 : CLOUD_LOCKCHK_PARENT));
}

/* A folder in the place of the new file, and COPY may replace it (RFC 4918 9.8.4). */
static int over_folder(const cloud_entry_t *e, int overwrite)
{
    return overwrite == CLOUD_OVERWRITE_FOLDER && e->exists && CLOUD_IS_DIR(&e->node);
}

static cloud_err_t *check_attach(cloud_ctx_t *ctx, const cloud_entry_t *e, int overwrite,
                                 const cloud_cond_t *cond)
{
    return over_folder(e, overwrite) ? cloud_files_check_target(ctx, e, overwrite, cond)
                                     : check_put(ctx, e, overwrite, cond);
}

cloud_err_t *cloud_files_precheck(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path, int overwrite,
                                  const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_resolve_tx(entry, ctx, account, path, pool);
    if (!err) err = check_attach(ctx, *entry, overwrite, &opts->cond);
    if (!err && opts->length >= 0) err = cloud_files_quota_for(ctx, *entry, opts->length);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_files_check_target(cloud_ctx_t *ctx, const cloud_entry_t *d, int overwrite,
                                      const cloud_cond_t *dc)
{
    /* What is mounted can be left, but nothing else can take its place. */
    if (d->mount_root)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "What was shared with you can't be replaced");
    /* To take something's place is to delete it, and to make something new. */
    if (d->exists) CLOUD_ERR(cloud_access(ctx, d, CLOUD_OP_DELETE));
    CLOUD_ERR(cloud_access(ctx, d, CLOUD_OP_CREATE));
    if (!d->exists && !d->has_parent)
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, "The destination node is not found");
    if (!d->exists) CLOUD_ERR(cloud_files_name_check(ctx, d->name));
    if (d->exists && !overwrite)
        return cloud_err(ctx->pool, CLOUD_E_PRECONDITION,
                         "The destination node already exists, and the overwrite header is set to "
                         "false");
    CLOUD_ERR(cloud_cond_check(ctx, d, dc));
    return cloud_lock_check(ctx, d, dc ? dc->tokens : NULL,
                            CLOUD_LOCKCHK_NODE | CLOUD_LOCKCHK_PARENT
                                | (d->exists ? CLOUD_LOCKCHK_BELOW : 0));
}

/* What was put into a folder is in its subtree for all that its paths tell, though not in its tree. */
static cloud_err_t *check_into_itself(cloud_ctx_t *ctx, const cloud_entry_t *s,
                                      const cloud_entry_t *d, apr_pool_t *pool)
{
    int below;

    if (!d->mount || s->mount || !s->exists || !CLOUD_IS_DIR(&s->node) || d->account->view
        || s->tree != d->account->root)
        return NULL;
    CLOUD_ERR(cloud_mount_is_below(&below, ctx, d->account, d->mount, s->node.id, pool));
    return below ? cloud_err(ctx->pool, CLOUD_E_CONFLICT, "The destination may not be part of the same"
                             " subtree as the source path.")
                 : NULL;
}

cloud_err_t *cloud_files_check_place(cloud_ctx_t *ctx, const cloud_entry_t *s,
                                     const cloud_entry_t *d, apr_pool_t *pool)
{
    int below;

    CLOUD_ERR(check_into_itself(ctx, s, d, pool));
    /* From a bin it is seen by no path through the mount. */
    if (!d->exists || d->mount || !s->mount || s->account->view || s->tree != s->owner->root)
        return NULL;
    CLOUD_ERR(cloud_mount_is_below(&below, ctx, s->account, s->mount, d->node.id, pool));
    return below ? cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                             "The source may not be part of what the destination would replace.")
                 : NULL;
}

/* Is what stands at the entry's place what its row says? */
static cloud_err_t *in_place(int *same, cloud_ctx_t *ctx, const cloud_entry_t *e,
                             apr_pool_t *pool)
{
    const cloud_node_t *node = &e->node;
    const char *disk;
    struct stat st;
    int found;

    CLOUD_ERR(cloud_entry_path(&disk, ctx, e, pool));
    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, ctx->store, disk, pool));
    *same = found && st.st_ino == node->ino
            && (CLOUD_IS_DIR(node)
                || (st.st_size == node->size && cloud_storage_mtime(&st) == node->ino_mtime));
    return NULL;
}

/* An outsider's edit of what is about to be moved, replaced or deleted becomes a change of its own
 * first: it gets an ETag, so that conditions see it and a version can keep it. And what was restored
 * under another inode is known by that one then, which the journal has to name. */
cloud_err_t *cloud_files_notice(cloud_entry_t **entry, cloud_ctx_t *ctx, const cloud_entry_t *e,
                                apr_pool_t *pool)
{
    int same, pending;

    *entry = (cloud_entry_t *)e;
    if (!e->exists || e->node.parent == 0) return NULL;
    CLOUD_ERR(in_place(&same, ctx, e, pool));
    if (same) return NULL;
    CLOUD_ERR(cloud_journal_pending(&pending, ctx, e->tree));
    if (pending) {
        /* It may be a move of ours, still owed. */
        CLOUD_ERR(cloud_journal_run(ctx, e->tree, 0));
        CLOUD_ERR(in_place(&same, ctx, e, pool));
        if (same) return NULL;
    }
    return cloud_files_adopt(entry, ctx, e, pool);
}

cloud_err_t *cloud_files_seal(cloud_staged_t *staged, cloud_ctx_t *ctx, int fd, const char *path,
                              cloud_home_t home, const cloud_put_opts_t *opts, cloud_sums_t sums, apr_pool_t *pool)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

    if (opts && opts->has_mtime) {
        times[1].tv_sec = (time_t)opts->mtime;
        /* What the file system can't express it clamps; the row keeps what the client gave. */
        if (futimens(fd, times) != 0 && errno != EINVAL && errno != EOVERFLOW)
            return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "futimens %s", path);
    }
    CLOUD_POINT("seal-before-sync");
    CLOUD_ERR(cloud_storage_sync_fd(ctx->store, fd, pool));
    CLOUD_ERR(cloud_storage_sync_parent(ctx->store, path, pool));
    CLOUD_POINT("seal-after-sync");
    staged->fresh = 0;
    staged->home = home;
    staged->tree = 0;
    staged->path = path;
    staged->sums = sums;
    return cloud_storage_identity(fd, &staged->ino, &staged->size, &staged->ino_mtime,
                                  &staged->btime, pool);
}

int cloud_files_stage_owed(cloud_ctx_t *ctx, const char *stage)
{
    int named = 1;

    cloud_tx_rollback(ctx);
    if (cloud_tx_begin(ctx, CLOUD_DB_READ)) return 1;
    if (cloud_journal_names(&named, ctx, stage)) named = 1;
    cloud_tx_rollback(ctx);
    return named;
}

/* Lets a feature keep the inode that is replaced; else it is purged. */
static cloud_err_t *keep_old(const char **keep, cloud_ctx_t *ctx, const cloud_entry_t *e,
                             apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    cloud_keep_t k = { NULL };
    int i;

    for (i = 0; i < features->nelts && !k.path; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->replace) CLOUD_ERR(f->replace(ctx, e, &k, pool));
    }
    *keep = k.path;
    return NULL;
}

static cloud_err_t *write_rows(cloud_ctx_t *ctx, cloud_entry_t *e, const cloud_staged_t *staged,
                               const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    apr_int64_t now = apr_time_sec(apr_time_now()), number, delta;
    const char *dst, *keep = NULL;
    cloud_node_t node = { 0 }, old = e->node;

    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    if (e->exists) {
        node = e->node;
        CLOUD_ERR(keep_old(&keep, ctx, e, pool));
    } else {
        node.id = number;
        node.parent = e->parent.id;
        node.name = cloud_name_nfc(e->name, pool);
        node.disk = e->name;
        node.kind = CLOUD_KIND_FILE;
        node.created = now;
    }
    delta = staged->size - (e->exists ? old.size : 0);
    CLOUD_ERR(cloud_files_quota_for(ctx, e, staged->size));
    node.etag = number;
    node.size = staged->size;
    /* Else what the file itself has on disk: by the clock it could be a second later. */
    node.mtime = opts->has_mtime ? opts->mtime : staged->ino_mtime / 1000000000;
    node.ino = staged->ino;
    node.ino_mtime = staged->ino_mtime;
    node.btime = staged->btime;
    node.sums = staged->sums;
    CLOUD_ERR(e->exists ? cloud_tree_update(ctx, &node) : cloud_tree_insert(ctx, &node));
    CLOUD_ERR(cloud_tree_bump(ctx, e->chain, e->chain_len, number, delta, now));
    dst = apr_pstrcat(pool, e->folder, "/", node.disk, NULL);
    CLOUD_ERR(cloud_journal_add(ctx, e->tree, staged->tree, staged->ino, 0, staged->path, dst));
    /* What the exchange leaves in the staging place. */
    if (e->exists)
        CLOUD_ERR(cloud_journal_add(ctx, e->tree, staged->tree, old.ino, 0, staged->path, keep));
    CLOUD_ERR(e->exists
                  ? cloud_tree_log_content(ctx, number, e->tree, "write", &node, &old)
                  : cloud_tree_log(ctx, number, e->tree, "create", &node, 0, NULL, delta));
    return cloud_entry_set(e, ctx, &node);
}

static cloud_err_t *attach_tx(cloud_result_t *res, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path,
                              const cloud_staged_t *staged, int overwrite,
                              const cloud_put_opts_t *opts, cloud_tx_fn *in_tx, void *baton,
                              int *unnoticed, apr_pool_t *pool)
{
    cloud_entry_t *e;
    int replaced;

    CLOUD_ERR(cloud_resolve_tx(&e, ctx, account, path, pool));
    *unnoticed = *unnoticed && e->exists;
    if (*unnoticed) return NULL;
    CLOUD_ERR(check_attach(ctx, e, overwrite, &opts->cond));
    CLOUD_ERR(cloud_home_check(ctx, e, staged->home));
    res->created = !e->exists;
    if (over_folder(e, overwrite)) {
        CLOUD_ERR(cloud_files_replace(ctx, e, pool));
        e->exists = 0;
    }
    replaced = e->exists;
    CLOUD_ERR(cloud_files_free_name(e, ctx, 0, pool));
    CLOUD_ERR(write_rows(ctx, e, staged, opts, pool));
    res->entry = e;
    CLOUD_ERR(cloud_files_changed(ctx, replaced ? "write" : "create", e, NULL));
    return in_tx ? in_tx(baton, ctx, res) : NULL;
}

static cloud_err_t *notice_path(cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                                int overwrite, apr_pool_t *pool)
{
    cloud_entry_t *seen;

    CLOUD_ERR(cloud_resolve(&seen, ctx, account, path, pool));
    if (seen->barred) return cloud_account_barred(ctx);
    CLOUD_ERR(cloud_files_notice(&seen, ctx, seen, pool));
    return cloud_files_prepare(ctx, seen, over_folder(seen, overwrite));
}

static cloud_err_t *attach(cloud_result_t *res, cloud_ctx_t *ctx, const cloud_account_t *account,
                           const char *path, const cloud_staged_t *staged, int overwrite,
                           const cloud_put_opts_t *opts, cloud_tx_fn *in_tx, void *baton,
                           apr_pool_t *pool)
{
    /* Where nothing was when the body began to come, an outsider's edit need not be looked for,
     * unless somebody else has put something there since. */
    int unnoticed = staged->fresh;
    cloud_err_t *err;

    if (!unnoticed) CLOUD_ERR(notice_path(ctx, account, path, overwrite, pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = attach_tx(res, ctx, account, path, staged, overwrite, opts, in_tx, baton, &unnoticed,
                    pool);
    if (!err && unnoticed) {
        cloud_tx_rollback(ctx);
        CLOUD_ERR(notice_path(ctx, account, path, overwrite, pool));
        unnoticed = 0;
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
        err = attach_tx(res, ctx, account, path, staged, overwrite, opts, in_tx, baton, &unnoticed,
                        pool);
    }
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_journal_commit(ctx, res->entry->tree, 0);
}

cloud_err_t *cloud_files_attach(cloud_result_t *res, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *path,
                                const cloud_staged_t *staged, int overwrite,
                                const cloud_put_opts_t *opts, cloud_tx_fn *in_tx, void *baton,
                                apr_pool_t *pool)
{
    cloud_err_t *err;
    int tries = 0;

    do {
        err = attach(res, ctx, account, path, staged, overwrite, opts, in_tx, baton, pool);
    } while (cloud_files_again(err, &tries));
    return err;
}
