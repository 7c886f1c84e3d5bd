/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* ETags of folders that mounts have to do with: a hash over all that their members follow from. */
#include "mount_private.h"

#include <string.h>

/* Numbers that are drawn are microseconds, below 2^53 for long: no hash is ever one of them by accident
 * alone, and 59 bits are what cloud_etag_parse() takes. */
#define HASH_BITS 59

static apr_int64_t hash_of(cloud_digest_t *digest, apr_pool_t *pool)
{
    cloud_sums_t sums = cloud_digest_final(digest, pool);
    apr_uint64_t v = 0;
    int i;

    for (i = 0; i < 8; i++) v = v << 8 | sums.data[1 + i];
    return (apr_int64_t)(v >> (64 - HASH_BITS));
}

static void add_number(cloud_digest_t *digest, apr_int64_t v)
{
    char text[32];
    int len = apr_snprintf(text, sizeof text, "%" APR_INT64_T_FMT ";", v);

    cloud_digest_update(digest, text, (apr_size_t)len);
}

cloud_node_t cloud_mount_shown(const cloud_mount_t *m)
{
    cloud_node_t node = m->target;

    if (!CLOUD_IS_DIR(&node) || (m->perms & CLOUD_PERM_READ)) return node;
    node.etag = 1; /* no number that was ever drawn */
    node.size = 0;
    node.mtime = node.created;
    node.flags &= ~CLOUD_NODE_PROPS;
    return node;
}

apr_int64_t cloud_mount_etag(const cloud_mount_t *m, const cloud_node_t *node, apr_pool_t *pool)
{
    cloud_digest_t *digest;

    if (!CLOUD_IS_DIR(node)) return node->etag;
    digest = cloud_digest_create(CLOUD_DIGEST_SHA256, pool);
    add_number(digest, m->perms & CLOUD_PERM_READ ? node->etag : cloud_mount_shown(m).etag);
    add_number(digest, m->perms);
    add_number(digest, m->flags);
    return hash_of(digest, pool);
}

apr_int64_t cloud_mounts_etag(const cloud_mounts_t *mounts, const cloud_node_t *folder,
                              apr_pool_t *pool)
{
    const apr_array_header_t *below = cloud_mounts_below(mounts, folder->id);
    cloud_digest_t *digest;
    int i;

    if (!below) return folder->etag;
    digest = cloud_digest_create(CLOUD_DIGEST_SHA256, pool);
    add_number(digest, folder->etag);
    for (i = 0; i < below->nelts; i++) {
        const cloud_placed_t *p = APR_ARRAY_IDX(below, i, const cloud_placed_t *);

        add_number(digest, p->m.target.id);
        add_number(digest, p->m.owner);
        add_number(digest, p->above[p->above_len - 1]);
        /* The name shown follows from those that are wanted here, from who comes first, and from the
         * folder's own nodes, which the number stands for. */
        cloud_digest_update(digest, p->m.name, strlen(p->m.name) + 1);
        add_number(digest, p->m.parent);
        add_number(digest, p->m.grant);
        add_number(digest, p->m.perms);
        add_number(digest, p->m.flags);
        add_number(digest, cloud_mount_shown(&p->m).etag);
    }
    return hash_of(digest, pool);
}
