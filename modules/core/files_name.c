/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Names for what gets a free one, because who brings it is not to learn which are taken, or is not to replace
 * anything. */
#include "files_private.h"
#include "key.h"

#define IN_A_ROW 20 /* then they are drawn, so that many equal names cost no more */

cloud_err_t *cloud_files_next_name(const char **next, const char *name, int tries, int is_dir,
                                   apr_pool_t *pool)
{
    unsigned short n = 0;

    if (tries >= IN_A_ROW) CLOUD_ERR(cloud_random(&n, sizeof n, pool));
    *next = cloud_name_numbered(name, tries < IN_A_ROW ? tries + 1 : IN_A_ROW + 1 + n, is_dir, pool);
    return NULL;
}

static void rename_to(cloud_entry_t *e, const char *name, apr_pool_t *pool)
{
    const char *slash = strrchr(e->path, '/');
    apr_size_t len = slash ? (apr_size_t)(slash - e->path) + 1 : 0;

    e->path = apr_pstrcat(pool, apr_pstrmemdup(pool, e->path, len), name, NULL);
    e->name = name;
}

cloud_err_t *cloud_files_free_name(cloud_entry_t *e, cloud_ctx_t *ctx, int is_dir,
                                   apr_pool_t *pool)
{
    const char *name = e->name;
    cloud_node_t *taken;
    int tries;

    if (!cloud_entry_hidden(e)) return NULL;
    for (tries = 0; tries < CLOUD_NAMES_TRIED; tries++) {
        if (tries > 0) CLOUD_ERR(cloud_files_next_name(&name, e->name, tries, is_dir, pool));
        CLOUD_ERR(cloud_tree_child(&taken, ctx, e->parent.id, cloud_name_nfc(name, pool), pool));
        if (taken) continue;
        rename_to(e, name, pool);
        return NULL;
    }
    return cloud_err(ctx->pool, CLOUD_E_PRECONDITION, "The name is taken");
}
