/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Taking in what an outsider did to the content of one file (CONSISTENCY, Identity of content).
 * Same size and mtime under another inode, or the same hash, is the same content: adopted silently,
 * the ETag stays. Anything else is new content: new number, the cascade, the change log. */
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
        e->node = node;
        return cloud_tree_update(ctx, &node);
    }
    CLOUD_ERR(cloud_tree_draw(&number, ctx));
    node.etag = number;
    node.size = f->size;
    /* Round towards minus infinity, as stat shows it. */
    node.mtime = f->mtime / 1000000000 - (f->mtime % 1000000000 < 0);
    CLOUD_ERR(cloud_tree_update(ctx, &node));
    CLOUD_ERR(cloud_tree_bump(ctx, e->chain, e->chain_len, number, delta, CLOUD_NO_MTIME));
    CLOUD_ERR(cloud_tree_log(ctx, number, e->tree, "outside", &node, 0, NULL, delta));
    e->node = node;
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *feature = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (feature->changed) CLOUD_ERR(feature->changed(ctx, "outside", e, NULL, pool));
    }
    CLOUD_LOG(ctx->store, INFO, "node %" APR_INT64_T_FMT " (%s) was changed from outside", node.id,
              e->path);
    return NULL;
}

cloud_err_t *cloud_files_adopt(cloud_entry_t **entry, cloud_ctx_t *ctx, const cloud_entry_t *seen,
                               apr_pool_t *pool)
{
    const char *disk = NULL;
    cloud_entry_t *e;
    cloud_err_t *err;
    found_t f;
    int fd;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_storage_path(&disk, ctx, seen->node.id, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    CLOUD_ERR(cloud_storage_open(&fd, ctx->store, disk, O_RDONLY, pool));
    *entry = (cloud_entry_t *)seen;
    if (fd < 0) return NULL;
    err = examine(&f, &seen->node, fd, pool);
    close(fd);
    if (err) return err;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_resolve_tx(&e, ctx, seen->account, seen->path, pool);
    if (!err && (!e->exists || e->node.id != seen->node.id)) {
        cloud_tx_rollback(ctx);
        return NULL;
    }
    if (!err) err = take_in(ctx, e, &f, &seen->node, pool);
    CLOUD_ERR(cloud_tx_end(ctx, err));
    *entry = e;
    return NULL;
}
