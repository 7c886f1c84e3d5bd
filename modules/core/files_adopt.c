/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Taking in what an outsider did to one file or folder (CONSISTENCY, Identity of content). Same size
 * and mtime under another inode, or the same hash, is the same content: adopted silently, the ETag
 * stays; so is a folder under another inode. Anything else is new content: new number, the cascade,
 * the change log. */
#include "internal.h"

#include <fcntl.h>
#include <unistd.h>

typedef struct {
    apr_uint64_t ino;
    apr_int64_t size, mtime, btime;
    cloud_sums_t sums;
} found_t;

static cloud_err_t *identity(found_t *f, int fd, apr_pool_t *pool)
{
    return cloud_storage_identity(fd, &f->ino, &f->size, &f->mtime, &f->btime, pool);
}

/* Hashes what lies at path, and makes sure that it did not change meanwhile. */
static cloud_err_t *examine(found_t *f, const cloud_node_t *node, int fd, apr_pool_t *pool)
{
    cloud_digest_t *digest;
    found_t after;

    CLOUD_ERR(identity(f, fd, pool));
    if (f->size == node->size && f->mtime == node->ino_mtime) {
        f->sums = node->sums;
        return NULL;
    }
    digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, pool);
    CLOUD_ERR(cloud_storage_copy(fd, 0, -1, -1, digest, pool));
    f->sums = cloud_digest_final(digest, pool);
    CLOUD_ERR(identity(&after, fd, pool));
    if (after.size != f->size || after.mtime != f->mtime)
        return cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL);
    return NULL;
}

static int same_content(const found_t *f, const cloud_node_t *node)
{
    if (CLOUD_IS_DIR(node)) return 1;
    if (f->size != node->size) return 0;
    return f->mtime == node->ino_mtime || cloud_sums_match(f->sums, node->sums) == 1;
}

static cloud_err_t *take_in(cloud_ctx_t *ctx, cloud_entry_t *e, const found_t *f,
                            const cloud_node_t *seen, apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    cloud_node_t node = e->node;
    apr_int64_t number, delta = f->size - node.size;
    int i;

    /* A writer was faster: its row is the truth, the caller looks again. */
    if (node.etag != seen->etag || node.ino != seen->ino || node.ino_mtime != seen->ino_mtime)
        return NULL;
    node.ino = f->ino;
    node.ino_mtime = f->mtime;
    node.btime = f->btime;
    node.sums = f->sums;
    if (same_content(f, seen)) {
        CLOUD_ERR(cloud_tree_update(ctx, &node));
        return cloud_entry_set(e, ctx, &node);
    }
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    node.etag = number;
    node.size = f->size;
    /* Round towards minus infinity, as stat shows it. */
    node.mtime = f->mtime / 1000000000 - (f->mtime % 1000000000 < 0);
    CLOUD_ERR(cloud_tree_update(ctx, &node));
    CLOUD_ERR(cloud_tree_bump(ctx, e->chain, e->chain_len, number, delta, CLOUD_NO_MTIME));
    CLOUD_ERR(cloud_tree_log_content(ctx, number, e->tree, "outside", &node, &e->node));
    CLOUD_ERR(cloud_entry_set(e, ctx, &node));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *feature = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (feature->changed) CLOUD_ERR(feature->changed(ctx, "outside", e, NULL, pool));
    }
    CLOUD_LOG(ctx->store, INFO, "node %" APR_INT64_T_FMT " (%s) was changed from outside", node.id,
              e->path);
    return NULL;
}

/* What stands at the place of the node now. *there 0: nothing, or something of another kind. */
static cloud_err_t *look(found_t *f, int *there, cloud_ctx_t *ctx, const cloud_node_t *node,
                         const char *path, apr_pool_t *pool)
{
    struct stat st;

    CLOUD_ERR(cloud_storage_stat(&st, &f->btime, there, ctx->store, path, pool));
    if (!*there) return NULL;
    *there = CLOUD_IS_DIR(node) ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode);
    f->ino = st.st_ino;
    f->size = CLOUD_IS_DIR(node) ? node->size : st.st_size;
    f->mtime = CLOUD_IS_DIR(node) ? node->ino_mtime : cloud_storage_mtime(&st);
    f->sums = node->sums;
    return NULL;
}

static cloud_err_t *find(found_t *f, int *there, cloud_ctx_t *ctx, const cloud_node_t *node,
                         apr_pool_t *pool)
{
    const char *path = NULL;
    cloud_err_t *err;
    int fd;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_storage_path(&path, ctx, node->id, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    /* What is of another kind is in nobody's way: who writes here moves it aside. */
    CLOUD_ERR(look(f, there, ctx, node, path, pool));
    if (!*there || CLOUD_IS_DIR(node)) return NULL;
    CLOUD_ERR(cloud_storage_open(&fd, ctx->store, path, O_RDONLY, pool));
    *there = fd >= 0;
    if (fd < 0) return NULL;
    err = examine(f, node, fd, pool);
    close(fd);
    return err;
}

/* In a transaction in which no move is owed: only there what stands at a place is what outsiders
 * made of it. Where a move could not be made that isn't so, and nothing is taken in. It must still be
 * what was examined. */
static cloud_err_t *adopt_tx(cloud_entry_t **entry, cloud_ctx_t *ctx, const cloud_entry_t *seen,
                             const found_t *f, apr_pool_t *pool)
{
    const char *path;
    cloud_entry_t *e;
    found_t now;
    int there, owed;

    CLOUD_ERR(cloud_resolve_like(&e, ctx, seen, seen->path, pool));
    if (!e->exists || e->node.id != seen->node.id) return NULL;
    CLOUD_ERR(cloud_storage_path(&path, ctx, e->node.id, pool));
    CLOUD_ERR(cloud_journal_owes(&owed, ctx, e->tree, path));
    if (owed) return NULL;
    CLOUD_ERR(look(&now, &there, ctx, &e->node, path, pool));
    if (!there || now.ino != f->ino) return NULL;
    if (!CLOUD_IS_DIR(&e->node) && (now.size != f->size || now.mtime != f->mtime)) return NULL;
    *entry = e;
    return take_in(ctx, e, f, &seen->node, pool);
}

cloud_err_t *cloud_files_adopt(cloud_entry_t **entry, cloud_ctx_t *ctx, const cloud_entry_t *seen,
                               apr_pool_t *pool)
{
    found_t f;
    int there;

    *entry = (cloud_entry_t *)seen;
    CLOUD_ERR(find(&f, &there, ctx, &seen->node, pool));
    if (!there) return NULL;
    CLOUD_ERR(cloud_journal_begin_clean(ctx, seen->tree));
    return cloud_tx_end(ctx, adopt_tx(entry, ctx, seen, &f, pool));
}
