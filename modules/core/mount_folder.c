/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The folder for what somebody receives (setting system/share_folder): a folder of his own like any other, but
 * for this: it is made when there is something to be shown in it, and as long as it is called so, it and what is
 * above it can neither be deleted nor shared, as in ownCloud. It can be renamed, and then goes with what is in it. */
#include "mount_private.h"

#include <apr_atomic.h>
#include <string.h>

#define LINE_EVERY 600 /* seconds */

/* Names from the root down to it, in NFC; none: it is the root, or what is set is no path. */
static cloud_err_t *names_of(apr_array_header_t **names, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    const char *path, *nfc;
    cloud_err_t *err;
    int i;

    CLOUD_ERR(cloud_setting_get(&path, NULL, ctx, "system", "share_folder"));
    err = cloud_path_split(names, path ? path : "", pool);
    if (err && !cloud_err_is(err, CLOUD_E_INVALID_NAME)) return err;
    if (err) *names = apr_array_make(pool, 0, sizeof(const char *));
    for (i = 0; i < (*names)->nelts; i++) {
        nfc = cloud_name_nfc(APR_ARRAY_IDX(*names, i, const char *), pool);
        if (!nfc) (*names)->nelts = 0;
        else APR_ARRAY_IDX(*names, i, const char *) = nfc;
    }
    return NULL;
}

/* blocked: where its next part should be is a file. */
static cloud_err_t *walk(apr_array_header_t **above, int *blocked, cloud_ctx_t *ctx,
                         const cloud_account_t *account, const apr_array_header_t *names,
                         apr_pool_t *pool)
{
    apr_int64_t id = account->root;
    cloud_node_t *node;
    int i;

    *above = apr_array_make(pool, names->nelts + 1, sizeof(apr_int64_t));
    APR_ARRAY_PUSH(*above, apr_int64_t) = id;
    for (i = *blocked = 0; i < names->nelts; i++) {
        CLOUD_ERR(cloud_tree_child(&node, ctx, id, APR_ARRAY_IDX(names, i, const char *), pool));
        *blocked = node && !CLOUD_IS_DIR(node);
        if (!node || *blocked) return NULL;
        APR_ARRAY_PUSH(*above, apr_int64_t) = id = node->id;
    }
    return NULL;
}

cloud_err_t *cloud_mounts_folder(apr_array_header_t **above, int *complete, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_pool_t *pool)
{
    apr_array_header_t *names;
    int blocked;

    CLOUD_ERR(names_of(&names, ctx, pool));
    CLOUD_ERR(walk(above, &blocked, ctx, account, names, pool));
    *complete = (*above)->nelts == names->nelts + 1;
    return NULL;
}

/* ---- it stays ---- */

cloud_err_t *cloud_mounts_kept(const char **next, int *kept, cloud_ctx_t *ctx,
                               const cloud_entry_t *e, apr_pool_t *pool)
{
    apr_array_header_t *names, *path;
    const cloud_account_t *who = ctx->who.system ? NULL : ctx->who.account;
    const char *nfc;
    int i;

    *next = NULL;
    *kept = 0;
    if (e->mount || e->account->view || e->tree != e->account->root || !who
        || who->number != e->account->number)
        return NULL;
    CLOUD_ERR(names_of(&names, ctx, pool));
    if (!names->nelts) return NULL;
    CLOUD_ERR(cloud_path_split(&path, e->path, pool));
    if (path->nelts > names->nelts) return NULL;
    for (i = 0; i < path->nelts; i++) {
        nfc = cloud_name_nfc(APR_ARRAY_IDX(path, i, const char *), pool);
        if (!nfc || strcmp(nfc, APR_ARRAY_IDX(names, i, const char *)) != 0) return NULL;
    }
    *kept = path->nelts > 0;
    if (i < names->nelts) *next = APR_ARRAY_IDX(names, i, const char *);
    return NULL;
}

cloud_err_t *cloud_mounts_pin(cloud_ctx_t *ctx, const cloud_entry_t *folder)
{
    const apr_array_header_t *below;
    cloud_mounts_t *mounts;
    int i;

    CLOUD_ERR(cloud_mounts_load(&mounts, ctx, folder->account));
    below = cloud_mounts_below(mounts, folder->node.id);
    for (i = 0; below && i < below->nelts; i++) {
        const cloud_placed_t *p = APR_ARRAY_IDX(below, i, const cloud_placed_t *);
        const cloud_feature_t *f = p->m.feature;

        if (p->m.parent || !f->mount_moved) continue;
        CLOUD_ERR(f->mount_moved(ctx, folder->account, &p->m, p->above[p->above_len - 1],
                                 p->m.name));
    }
    return NULL;
}

/* ---- it is made ---- */

static int has_default(const cloud_mounts_t *mounts)
{
    int i;

    for (i = 0; mounts && i < mounts->list->nelts; i++)
        if (!APR_ARRAY_IDX(mounts->list, i, cloud_placed_t).m.parent) return 1;
    return 0;
}

static cloud_err_t *is_wanted(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                              const apr_array_header_t *names, apr_pool_t *pool)
{
    apr_array_header_t *above;
    cloud_mounts_t *mounts;
    int blocked;

    *yes = 0;
    CLOUD_ERR(walk(&above, &blocked, ctx, account, names, pool));
    if (blocked || above->nelts > names->nelts) return NULL;
    CLOUD_ERR(cloud_mounts_load(&mounts, ctx, account));
    *yes = has_default(mounts);
    return NULL;
}

/* By the system: who is given something has asked for nothing. */
static cloud_err_t *make(cloud_ctx_t *ctx, const cloud_account_t *account,
                         const apr_array_header_t *names, apr_pool_t *pool)
{
    cloud_ctx_t *system = cloud_ctx_create(ctx->store, pool);
    cloud_result_t res;
    cloud_err_t *err;
    int n;

    system->who = (cloud_principal_t){ .system = 1, .client = "share folder" };
    system->request_id = ctx->request_id;
    for (n = 1; n <= names->nelts; n++) {
        err = cloud_file_mkcol(&res, system, account, cloud_path_join(names, n, pool), NULL, pool);
        if (err && !cloud_err_is(err, CLOUD_E_EXISTS)) return err;
    }
    return NULL;
}

/* One line for all accounts in a while: whoever asks, asks again. */
static int is_worth_a_line(void)
{
    static volatile apr_uint32_t last;
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now()), before = apr_atomic_read32(&last);

    return now - before >= LINE_EVERY && apr_atomic_cas32(&last, now, before) == before;
}

cloud_err_t *cloud_mounts_settle(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    apr_array_header_t *names;
    apr_pool_t *pool;
    cloud_err_t *err;
    int wanted;

    CLOUD_ERR(names_of(&names, ctx, ctx->pool));
    if (!names->nelts) return NULL;
    apr_pool_create(&pool, ctx->pool);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = is_wanted(&wanted, ctx, account, names, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    err = wanted ? make(ctx, account, names, pool) : NULL;
    if (err && is_worth_a_line())
        CLOUD_LOG(ctx->store, WARN, "account %s: the folder for what is received can't be made: %s",
                  account->id, err->cause ? err->cause : err->msg);
    apr_pool_destroy(pool);
    return NULL;
}
