/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: which there are (the features know), where they are, and what they are called there. */
#include "mount_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- asking the features ---- */

/* Others, and the system with its jobs, see an account's own tree alone. */
static int sees_mounts(const cloud_ctx_t *ctx, const cloud_account_t *account)
{
    const cloud_account_t *who = ctx->who.system ? NULL : ctx->who.account;

    return who && !account->view && who->number == account->number;
}

typedef struct {
    apr_array_header_t *list;
    const cloud_feature_t *feature;
    apr_pool_t *pool;
} collect_t;

static const char *copy_text(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

static cloud_err_t *collect(void *baton, const cloud_mount_t *m)
{
    collect_t *c = baton;
    cloud_placed_t *p = apr_array_push(c->list);
    cloud_node_t *node = &p->m.target;

    memset(p, 0, sizeof *p);
    p->m = *m;
    p->m.feature = c->feature;
    p->m.name = apr_pstrdup(c->pool, m->name);
    p->m.owner_id = copy_text(m->owner_id, c->pool);
    p->m.owner_name = copy_text(m->owner_name, c->pool);
    node->name = apr_pstrdup(c->pool, node->name);
    node->disk = m->target.disk == m->target.name ? node->name : apr_pstrdup(c->pool, node->disk);
    if (node->sums.len) node->sums.data = apr_pmemdup(c->pool, node->sums.data, node->sums.len);
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const cloud_placed_t *x = a, *y = b;

    return x->m.target.id < y->m.target.id ? -1 : x->m.target.id > y->m.target.id;
}

static cloud_err_t *ask(apr_array_header_t **list, cloud_ctx_t *ctx,
                        const cloud_account_t *account, const char *name, apr_int64_t target,
                        apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    collect_t c = { apr_array_make(pool, 1, sizeof(cloud_placed_t)), NULL, pool };
    int i, asked = 0;

    *list = c.list;
    if (!sees_mounts(ctx, account)) return NULL;
    for (i = 0; i < features->nelts; i++) {
        c.feature = APR_ARRAY_IDX(features, i, const cloud_feature_t *);
        if (!c.feature->mounts) continue;
        CLOUD_ERR(c.feature->mounts(ctx, account, name, target, collect, &c, pool));
        asked++;
    }
    if (asked > 1)
        qsort(c.list->elts, (size_t)c.list->nelts, sizeof(cloud_placed_t), by_id);
    return NULL;
}

/* ---- places ---- */

/* Ids from the files root down to folder; none when it is elsewhere (in a bin) or gone. */
static cloud_err_t *place_above(apr_array_header_t **above, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_int64_t folder,
                                apr_pool_t *pool)
{
    apr_array_header_t *rows;
    int i, complete;

    if (folder == 0) return cloud_mounts_folder(above, &complete, ctx, account, pool);
    *above = apr_array_make(pool, 4, sizeof(apr_int64_t));
    if (folder == account->root) {
        APR_ARRAY_PUSH(*above, apr_int64_t) = folder;
        return NULL;
    }
    CLOUD_ERR(cloud_tree_above(&rows, ctx, folder, pool));
    if (!rows->nelts || APR_ARRAY_IDX(rows, 0, cloud_above_t).id != account->root) return NULL;
    for (i = 0; i < rows->nelts; i++)
        APR_ARRAY_PUSH(*above, apr_int64_t) = APR_ARRAY_IDX(rows, i, cloud_above_t).id;
    return NULL;
}

/* Each place is looked up once: most mounts share theirs. */
static cloud_err_t *find_places(apr_array_header_t *list, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_pool_t *pool)
{
    apr_hash_t *known = apr_hash_make(pool);
    apr_array_header_t *above;
    int i;

    for (i = 0; i < list->nelts; i++) {
        cloud_placed_t *p = &APR_ARRAY_IDX(list, i, cloud_placed_t);

        above = apr_hash_get(known, &p->m.parent, sizeof p->m.parent);
        if (!above) {
            CLOUD_ERR(place_above(&above, ctx, account, p->m.parent, pool));
            apr_hash_set(known, &p->m.parent, sizeof p->m.parent, above);
        }
        p->above = (const apr_int64_t *)(const void *)above->elts;
        p->above_len = above->nelts;
    }
    return NULL;
}

cloud_err_t *cloud_mounts_load(cloud_mounts_t **mounts, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_pool_t *pool)
{
    apr_array_header_t *list;

    *mounts = NULL;
    CLOUD_ERR(ask(&list, ctx, account, NULL, 0, pool));
    if (!list->nelts) return NULL;
    CLOUD_ERR(find_places(list, ctx, account, pool));
    *mounts = apr_palloc(pool, sizeof **mounts);
    (*mounts)->list = list;
    return NULL;
}

static int is_in(const cloud_placed_t *p, apr_int64_t folder)
{
    return p->above_len > 0 && p->above[p->above_len - 1] == folder;
}

int cloud_placed_below(const cloud_placed_t *p, apr_int64_t folder)
{
    int i;

    for (i = 0; i < p->above_len; i++)
        if (p->above[i] == folder) return 1;
    return 0;
}

int cloud_mounts_below(const cloud_mounts_t *mounts, apr_int64_t folder)
{
    int i;

    for (i = 0; mounts && i < mounts->list->nelts; i++)
        if (cloud_placed_below(&APR_ARRAY_IDX(mounts->list, i, cloud_placed_t), folder)) return 1;
    return 0;
}

apr_int64_t cloud_mounts_size(const cloud_mounts_t *mounts, apr_int64_t folder)
{
    apr_int64_t size = 0;
    int i;

    for (i = 0; mounts && i < mounts->list->nelts; i++) {
        const cloud_placed_t *p = &APR_ARRAY_IDX(mounts->list, i, cloud_placed_t);

        if (cloud_placed_below(p, folder)) size += p->m.target.size;
    }
    return size;
}

cloud_err_t *cloud_mount_is_below(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                                  const cloud_mount_t *m, apr_int64_t folder, apr_pool_t *pool)
{
    apr_array_header_t *above;
    int i;

    *yes = 0;
    CLOUD_ERR(place_above(&above, ctx, account, m->parent, pool));
    for (i = 0; i < above->nelts; i++)
        if (APR_ARRAY_IDX(above, i, apr_int64_t) == folder) *yes = 1;
    return NULL;
}

/* Of those that want one name: what was put there by its recipient, then what was given first. So nothing that
 * comes to him later takes over a path that he has been writing to. */
static int by_name(const void *a, const void *b)
{
    const cloud_placed_t *x = *(cloud_placed_t *const *)a, *y = *(cloud_placed_t *const *)b;
    int order = strcmp(x->m.name, y->m.name);

    if (!order) order = (x->m.parent == 0) - (y->m.parent == 0);
    if (!order) order = (x->m.grant > y->m.grant) - (x->m.grant < y->m.grant);
    return order ? order : by_id(x, y);
}

apr_array_header_t *cloud_mounts_in(const cloud_mounts_t *mounts, apr_int64_t folder,
                                    apr_pool_t *pool)
{
    apr_array_header_t *in = apr_array_make(pool, 4, sizeof(cloud_placed_t *));
    int i;

    for (i = 0; mounts && i < mounts->list->nelts; i++) {
        cloud_placed_t *p = &APR_ARRAY_IDX(mounts->list, i, cloud_placed_t);

        if (is_in(p, folder)) APR_ARRAY_PUSH(in, cloud_placed_t *) = p;
    }
    qsort(in->elts, (size_t)in->nelts, sizeof(cloud_placed_t *), by_name);
    return in;
}

/* Those that want a name in a folder, in the order in which they get it. */
static cloud_err_t *wanting(apr_array_header_t **group, cloud_ctx_t *ctx,
                            const cloud_account_t *account, apr_int64_t folder, const char *name,
                            apr_pool_t *pool)
{
    cloud_mounts_t mounts;

    CLOUD_ERR(ask(&mounts.list, ctx, account, name, 0, pool));
    CLOUD_ERR(find_places(mounts.list, ctx, account, pool));
    *group = cloud_mounts_in(&mounts, folder, pool);
    return NULL;
}

/* ---- names ---- */

/* Whether neither a node nor a mount has the name by itself. */
static cloud_err_t *is_free(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                            apr_int64_t folder, const char *name, apr_pool_t *pool)
{
    apr_array_header_t *others;
    cloud_node_t *node;

    CLOUD_ERR(cloud_tree_child(&node, ctx, folder, name, pool));
    *yes = 0;
    if (node) return NULL;
    CLOUD_ERR(wanting(&others, ctx, account, folder, name, pool));
    *yes = others->nelts == 0;
    return NULL;
}

cloud_err_t *cloud_mounts_name(cloud_placed_t **group, int n, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t folder,
                               apr_pool_t *pool)
{
    int i, yes, next[2] = { 2, 2 };
    cloud_node_t *node;

    CLOUD_ERR(cloud_tree_child(&node, ctx, folder, group[0]->m.name, pool));
    for (i = 0; i < n; i++) {
        int is_dir = CLOUD_IS_DIR(&group[i]->m.target);

        group[i]->shown = group[i]->m.name;
        if (i == 0 && !node) continue;
        do {
            group[i]->shown = cloud_name_numbered(group[i]->m.name, next[is_dir]++, is_dir, pool);
            CLOUD_ERR(is_free(&yes, ctx, account, folder, group[i]->shown, pool));
        } while (!yes);
    }
    return NULL;
}

static cloud_err_t *find_suffixed(const cloud_mount_t **m, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t folder,
                                  const char *nfc, apr_pool_t *pool)
{
    const char *base = cloud_name_unnumbered(nfc, pool);
    cloud_placed_t **p;
    apr_array_header_t *group;
    cloud_mounts_t *all;
    int i, n;

    if (!base) return NULL;
    if (strlen(nfc) + CLOUD_NAME_MARK_MAX + 4 < CLOUD_NAME_MAX) {
        CLOUD_ERR(wanting(&group, ctx, account, folder, base, pool));
    } else { /* it may have lost its end */
        CLOUD_ERR(cloud_mounts_load(&all, ctx, account, pool));
        group = cloud_mounts_in(all, folder, pool);
    }
    p = (cloud_placed_t **)(void *)group->elts;
    for (i = 0; i < group->nelts; i += n) {
        for (n = 1; i + n < group->nelts && strcmp(p[i]->m.name, p[i + n]->m.name) == 0;) n++;
        CLOUD_ERR(cloud_mounts_name(p + i, n, ctx, account, folder, pool));
    }
    for (i = 0; i < group->nelts && !*m; i++)
        if (strcmp(p[i]->shown, nfc) == 0) *m = &p[i]->m;
    return NULL;
}

cloud_err_t *cloud_mount_find(const cloud_mount_t **m, cloud_ctx_t *ctx,
                              const cloud_account_t *account, apr_int64_t folder, const char *nfc,
                              apr_pool_t *pool)
{
    apr_array_header_t *group;

    *m = NULL;
    if (!sees_mounts(ctx, account)) return NULL;
    CLOUD_ERR(wanting(&group, ctx, account, folder, nfc, pool));
    if (!group->nelts) return find_suffixed(m, ctx, account, folder, nfc, pool);
    *m = &APR_ARRAY_IDX(group, 0, cloud_placed_t *)->m;
    return NULL;
}

cloud_err_t *cloud_mount_get(const cloud_mount_t **m, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_int64_t target, apr_pool_t *pool)
{
    apr_array_header_t *list;

    CLOUD_ERR(ask(&list, ctx, account, NULL, target, pool));
    *m = list->nelts ? &APR_ARRAY_IDX(list, 0, cloud_placed_t).m : NULL;
    return NULL;
}

cloud_err_t *cloud_mount_of(cloud_placed_t **found, cloud_ctx_t *ctx,
                            const cloud_account_t *account, apr_int64_t target, apr_pool_t *pool)
{
    apr_array_header_t *list, *group;
    cloud_placed_t *p, **others;
    apr_int64_t folder;
    int i;

    *found = NULL;
    CLOUD_ERR(ask(&list, ctx, account, NULL, target, pool));
    CLOUD_ERR(find_places(list, ctx, account, pool));
    p = list->nelts ? &APR_ARRAY_IDX(list, 0, cloud_placed_t) : NULL;
    if (!p || !p->above_len) return NULL;
    folder = p->above[p->above_len - 1];
    CLOUD_ERR(wanting(&group, ctx, account, folder, p->m.name, pool));
    others = (cloud_placed_t **)(void *)group->elts;
    CLOUD_ERR(group->nelts ? cloud_mounts_name(others, group->nelts, ctx, account, folder, pool)
                           : NULL);
    for (i = 0; i < group->nelts; i++)
        if (others[i]->m.target.id == target) *found = others[i];
    return NULL;
}

/* ---- going in ---- */

cloud_err_t *cloud_mount_enter(cloud_entry_t *e, int *live, cloud_ctx_t *ctx,
                               const cloud_mount_t *m, apr_pool_t *pool)
{
    apr_array_header_t *rows, *disk;
    cloud_account_t *owner;
    apr_int64_t *chain;
    cloud_err_t *err;
    int i, n;

    *live = 0;
    err = cloud_account_by_number(&owner, ctx, m->owner, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return NULL;
    if (err) return err;
    CLOUD_ERR(cloud_tree_above(&rows, ctx, m->target.id, pool));
    n = rows->nelts - 1;
    if (n < 0 || APR_ARRAY_IDX(rows, 0, cloud_above_t).id != owner->root) return NULL;
    CLOUD_ERR(cloud_storage_account_check(ctx->store, owner->dir, ctx->pool));
    chain = apr_palloc(pool, sizeof *chain * (apr_size_t)(n + 1));
    disk = apr_array_make(pool, n + 2, sizeof(const char *));
    APR_ARRAY_PUSH(disk, const char *) = owner->dir;
    for (i = 0; i < n; i++) {
        const cloud_above_t *row = &APR_ARRAY_IDX(rows, i, cloud_above_t);

        chain[i] = row->id;
        APR_ARRAY_PUSH(disk, const char *) = i == 0 ? CLOUD_FILES : row->disk;
    }
    e->mount = m;
    e->owner = owner;
    e->tree = owner->root;
    e->perms = m->perms;
    e->shared = !e->account->view;
    e->chain = chain;
    e->chain_len = n;
    e->folder = n ? apr_array_pstrcat(pool, disk, '/') : NULL;
    *live = 1;
    return NULL;
}
