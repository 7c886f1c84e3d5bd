/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mounts: which there are (the features know), and where they are. What they are called there is mount_names.c's. */
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

static const char *copy_text(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

static void copy_mount(cloud_mount_t *to, const cloud_mount_t *from, apr_pool_t *pool)
{
    cloud_node_t *node = &to->target;

    *to = *from;
    to->name = apr_pstrdup(pool, from->name);
    to->owner_id = copy_text(from->owner_id, pool);
    to->owner_name = copy_text(from->owner_name, pool);
    node->name = apr_pstrdup(pool, node->name);
    node->disk = from->target.disk == from->target.name ? node->name
                                                        : apr_pstrdup(pool, node->disk);
    if (node->sums.len) node->sums.data = apr_pmemdup(pool, node->sums.data, node->sums.len);
}

typedef struct {
    apr_array_header_t *list;
    const cloud_feature_t *feature;
} collect_t;

static cloud_err_t *collect(void *baton, const cloud_mount_t *m)
{
    collect_t *c = baton;
    cloud_placed_t *p = apr_array_push(c->list);

    memset(p, 0, sizeof *p);
    copy_mount(&p->m, m, c->list->pool);
    p->m.feature = c->feature;
    p->pool = c->list->pool;
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const cloud_placed_t *x = a, *y = b;

    return x->m.target.id < y->m.target.id ? -1 : x->m.target.id > y->m.target.id;
}

/* Errors are not in pool: that of a transaction ends with it. */
static cloud_err_t *ask(apr_array_header_t **list, cloud_ctx_t *ctx,
                        const cloud_account_t *account, const cloud_mount_query_t *query,
                        apr_pool_t *pool)
{
    const apr_array_header_t *features = cloud_features();
    collect_t c = { apr_array_make(pool, 1, sizeof(cloud_placed_t)), NULL };
    int i, asked = 0;

    *list = c.list;
    if (!sees_mounts(ctx, account)) return NULL;
    for (i = 0; i < features->nelts; i++) {
        c.feature = APR_ARRAY_IDX(features, i, const cloud_feature_t *);
        if (!c.feature->mounts) continue;
        CLOUD_ERR(c.feature->mounts(ctx, account, query, collect, &c, ctx->pool));
        asked++;
    }
    if (asked > 1)
        qsort(c.list->elts, (size_t)c.list->nelts, sizeof(cloud_placed_t), by_id);
    return NULL;
}

/* ---- places ---- */

/* Ids of the folders from the root down to each that a mount was put in, by the last of them; none of one that
 * is elsewhere (in a bin) or gone. */
static cloud_err_t *look_up_places(apr_hash_t **places, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, const apr_array_header_t *list,
                                   apr_pool_t *pool)
{
    apr_array_header_t *above, *ids = apr_array_make(pool, 4, sizeof(apr_int64_t));
    apr_hash_t *found = apr_hash_make(pool), *asked = apr_hash_make(pool);
    static const apr_int64_t nowhere = 0;
    int i, complete;

    for (i = 0; i < list->nelts; i++) {
        const cloud_placed_t *p = &APR_ARRAY_IDX(list, i, cloud_placed_t);
        const apr_int64_t *id = &p->m.parent;

        if (apr_hash_get(asked, id, sizeof *id)) continue;
        apr_hash_set(asked, id, sizeof *id, p);
        if (*id != nowhere) {
            APR_ARRAY_PUSH(ids, apr_int64_t) = *id;
            continue;
        }
        CLOUD_ERR(cloud_mounts_folder(&above, &complete, ctx, account, pool));
        apr_hash_set(found, &nowhere, sizeof nowhere, above);
    }
    *places = found;
    return cloud_tree_chains(found, ctx, ids, pool);
}

static cloud_err_t *find_places(apr_array_header_t *list, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_pool_t *pool)
{
    apr_hash_t *places;
    int i;

    if (!list->nelts) return NULL;
    CLOUD_ERR(look_up_places(&places, ctx, account, list, pool));
    for (i = 0; i < list->nelts; i++) {
        cloud_placed_t *p = &APR_ARRAY_IDX(list, i, cloud_placed_t);
        const apr_array_header_t *above = apr_hash_get(places, &p->m.parent, sizeof p->m.parent);

        if (!above || APR_ARRAY_IDX(above, 0, apr_int64_t) != account->root) continue;
        p->above = (const apr_int64_t *)(const void *)above->elts;
        p->above_len = above->nelts;
    }
    return NULL;
}

/* ---- all of an account ---- */

static apr_status_t forgotten(void *baton)
{
    cloud_ctx_t *ctx = baton;

    ctx->mounts = NULL;
    return APR_SUCCESS;
}

void cloud_mounts_over(cloud_ctx_t *ctx)
{
    if (ctx->mounts) apr_pool_destroy(ctx->mounts->pool);
}

/* What was loaded earlier in this transaction, if it still holds: any row that was written since could be one
 * that it follows from. */
static cloud_mounts_t *known(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_mounts_t *m = ctx->mounts;

    if (!m || m->account != account->number || m->changes != cloud_db_changes(ctx->db)) return NULL;
    return sees_mounts(ctx, account) ? m : NULL;
}

static void add_to(apr_hash_t *hash, const apr_int64_t *folder, cloud_placed_t *p, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_hash_get(hash, folder, sizeof *folder);

    if (!list) {
        list = apr_array_make(pool, 4, sizeof(cloud_placed_t *));
        apr_hash_set(hash, folder, sizeof *folder, list);
    }
    APR_ARRAY_PUSH(list, cloud_placed_t *) = p;
}

static void fill_index(cloud_mounts_t *m)
{
    int i, j;

    for (i = 0; i < m->list->nelts; i++) {
        cloud_placed_t *p = &APR_ARRAY_IDX(m->list, i, cloud_placed_t);

        for (j = 0; j < p->above_len; j++) add_to(m->below, &p->above[j], p, m->pool);
    }
}

/* Those that the transaction had before stay, for whoever still looks at them. */
static apr_pool_t *pool_of(cloud_ctx_t *ctx)
{
    apr_pool_t *pool;

    if (ctx->mounts) return ctx->mounts->pool;
    apr_pool_create(&pool, ctx->pool);
    apr_pool_cleanup_register(pool, ctx, forgotten, apr_pool_cleanup_null);
    return pool;
}

cloud_err_t *cloud_mounts_load(cloud_mounts_t **mounts, cloud_ctx_t *ctx,
                               const cloud_account_t *account)
{
    static const cloud_mount_query_t all;
    cloud_mounts_t *m = known(ctx, account);
    apr_pool_t *pool;

    *mounts = NULL;
    if (!sees_mounts(ctx, account)) return NULL;
    if (!m) {
        pool = pool_of(ctx);
        m = apr_pcalloc(pool, sizeof *m);
        m->pool = pool;
        m->account = account->number;
        m->changes = cloud_db_changes(ctx->db);
        m->below = apr_hash_make(pool);
        m->in = apr_hash_make(pool);
        CLOUD_ERR(ask(&m->list, ctx, account, &all, pool));
        CLOUD_ERR(find_places(m->list, ctx, account, pool));
        fill_index(m);
        ctx->mounts = m;
    }
    if (m->list->nelts) *mounts = m;
    return NULL;
}

cloud_err_t *cloud_mounts_expect(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_mounts_t *mounts;

    return cloud_mounts_load(&mounts, ctx, account);
}

/* ---- some of them ---- */

/* Whether a mount was put into the folder or below it. */
static int placed_below(const cloud_placed_t *p, apr_int64_t folder)
{
    int i;

    for (i = 0; i < p->above_len; i++)
        if (p->above[i] == folder) return 1;
    return 0;
}

const apr_array_header_t *cloud_mounts_below(const cloud_mounts_t *mounts, apr_int64_t folder)
{
    return mounts ? apr_hash_get(mounts->below, &folder, sizeof folder) : NULL;
}

apr_int64_t cloud_mounts_size(const cloud_mounts_t *mounts, apr_int64_t folder)
{
    const apr_array_header_t *below = cloud_mounts_below(mounts, folder);
    apr_int64_t size = 0;
    int i;

    for (i = 0; below && i < below->nelts; i++)
        size += APR_ARRAY_IDX(below, i, cloud_placed_t *)->m.target.size;
    return size;
}

cloud_err_t *cloud_mount_is_below(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                                  const cloud_mount_t *m, apr_int64_t folder, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 1, sizeof(cloud_placed_t));
    cloud_placed_t *p = apr_array_push(list);

    memset(p, 0, sizeof *p);
    p->m = *m;
    CLOUD_ERR(find_places(list, ctx, account, pool));
    *yes = placed_below(p, folder);
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

static void push_if_in(apr_array_header_t *in, cloud_placed_t *p, apr_int64_t folder)
{
    if (p->above_len > 0 && p->above[p->above_len - 1] == folder)
        APR_ARRAY_PUSH(in, cloud_placed_t *) = p;
}

static void sort_by_name(apr_array_header_t *in)
{
    qsort(in->elts, (size_t)in->nelts, sizeof(cloud_placed_t *), by_name);
}

const apr_array_header_t *cloud_mounts_in(cloud_mounts_t *mounts, apr_int64_t folder)
{
    const apr_array_header_t *below = cloud_mounts_below(mounts, folder);
    apr_array_header_t *in;
    int i;

    if (!below) return NULL;
    in = apr_hash_get(mounts->in, &folder, sizeof folder);
    if (in) return in;
    in = apr_array_make(mounts->pool, 4, sizeof(cloud_placed_t *));
    for (i = 0; i < below->nelts; i++)
        push_if_in(in, APR_ARRAY_IDX(below, i, cloud_placed_t *), folder);
    sort_by_name(in);
    apr_hash_set(mounts->in, apr_pmemdup(mounts->pool, &folder, sizeof folder), sizeof folder, in);
    return in;
}

/* Those in a folder that the features find by a query. */
static cloud_err_t *ask_in(const apr_array_header_t **in, cloud_ctx_t *ctx,
                           const cloud_account_t *account, apr_int64_t folder,
                           const cloud_mount_query_t *query, apr_pool_t *pool)
{
    apr_array_header_t *list, *sorted = apr_array_make(pool, 2, sizeof(cloud_placed_t *));
    int i;

    CLOUD_ERR(ask(&list, ctx, account, query, pool));
    CLOUD_ERR(find_places(list, ctx, account, pool));
    for (i = 0; i < list->nelts; i++)
        push_if_in(sorted, &APR_ARRAY_IDX(list, i, cloud_placed_t), folder);
    sort_by_name(sorted);
    *in = sorted;
    return NULL;
}

cloud_err_t *cloud_mounts_just_in(const apr_array_header_t **in, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t folder,
                                  apr_pool_t *pool)
{
    const cloud_mount_query_t query = { .folder = folder };
    apr_array_header_t *above;
    cloud_mounts_t *all;
    int complete;

    *in = NULL;
    if (!sees_mounts(ctx, account)) return NULL;
    if (!known(ctx, account)) {
        CLOUD_ERR(cloud_mounts_folder(&above, &complete, ctx, account, pool));
        if (APR_ARRAY_IDX(above, above->nelts - 1, apr_int64_t) != folder)
            return ask_in(in, ctx, account, folder, &query, pool);
    }
    CLOUD_ERR(cloud_mounts_load(&all, ctx, account));
    *in = cloud_mounts_in(all, folder);
    return NULL;
}

int cloud_mount_name_is_long(const char *name)
{
    return strlen(name) + CLOUD_NAME_MARK_MAX + 4 >= CLOUD_NAME_MAX;
}

/* Where those that want a name begin, in order of name. */
static int first_of(const apr_array_header_t *in, const char *name)
{
    int from = 0, to = in->nelts, middle;

    while (from < to) {
        middle = from + (to - from) / 2;
        if (strcmp(APR_ARRAY_IDX(in, middle, cloud_placed_t *)->m.name, name) < 0) from = middle + 1;
        else to = middle;
    }
    return from;
}

cloud_err_t *cloud_mounts_wanting(cloud_same_name_t *group, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t folder,
                                  const char *name, apr_pool_t *pool)
{
    const cloud_mount_query_t query = { .name = name };
    cloud_mounts_t *all = known(ctx, account);
    const apr_array_header_t *in;

    if (!all && cloud_mount_name_is_long(name)) CLOUD_ERR(cloud_mounts_load(&all, ctx, account));
    if (all) in = cloud_mounts_in(all, folder);
    else CLOUD_ERR(ask_in(&in, ctx, account, folder, &query, pool));
    *group = cloud_mounts_group(in, in ? first_of(in, name) : 0);
    if (group->n && strcmp(group->p[0]->m.name, name) != 0) group->n = 0;
    return NULL;
}

cloud_same_name_t cloud_mounts_group(const apr_array_header_t *in, int from)
{
    cloud_same_name_t group = { NULL, 0 };

    if (!in || from >= in->nelts) return group;
    group.p = &APR_ARRAY_IDX(in, from, cloud_placed_t *);
    for (group.n = 1; from + group.n < in->nelts; group.n++)
        if (strcmp(group.p[0]->m.name, group.p[group.n]->m.name) != 0) break;
    return group;
}

/* The one of a target, with its place; *p NULL: none. It lasts as long as the transaction or pool. */
cloud_err_t *cloud_mounts_get(cloud_placed_t **p, cloud_ctx_t *ctx, const cloud_account_t *account,
                              apr_int64_t target, apr_pool_t *pool)
{
    const cloud_mount_query_t query = { .target = target };
    const cloud_placed_t key = { .m.target.id = target };
    cloud_mounts_t *all = known(ctx, account);
    apr_array_header_t *list;

    if (all) {
        *p = bsearch(&key, all->list->elts, (size_t)all->list->nelts, sizeof key, by_id);
        return NULL;
    }
    CLOUD_ERR(ask(&list, ctx, account, &query, pool));
    CLOUD_ERR(find_places(list, ctx, account, pool));
    *p = list->nelts ? &APR_ARRAY_IDX(list, 0, cloud_placed_t) : NULL;
    return NULL;
}

const cloud_mount_t *cloud_mount_keep(const cloud_placed_t *p, apr_pool_t *pool)
{
    cloud_mount_t *m = apr_palloc(pool, sizeof *m);

    copy_mount(m, &p->m, pool);
    return m;
}

cloud_err_t *cloud_mount_get(const cloud_mount_t **m, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_int64_t target, apr_pool_t *pool)
{
    cloud_placed_t *p;

    CLOUD_ERR(cloud_mounts_get(&p, ctx, account, target, pool));
    *m = p ? cloud_mount_keep(p, pool) : NULL;
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
