/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What mounts are called in the folder that they are in, and the mount that is called so. */
#include "mount_private.h"

#include <string.h>

/* ---- who has which ---- */

/* Names that nodes of a folder have which a number of ours could be in: of a file's, and of a
 * folder's. Each is read when it is needed. */
typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    apr_int64_t folder;
    apr_hash_t *nodes[2];       /* for the group that is given its names */
    apr_hash_t *given;          /* names that mounts have got by now */
    apr_pool_t *pool;
} names_t;

/* What names made of a name have in common: "a (". */
static const char *beginning(const char *name, int is_dir, apr_pool_t *pool)
{
    const char *made = cloud_name_numbered(name, 2, is_dir, pool);

    return apr_pstrmemdup(pool, made, (apr_size_t)(strrchr(made, '(') + 1 - made));
}

static cloud_err_t *read_names(names_t *l, const char *name, int is_dir)
{
    const char *from = beginning(name, is_dir, l->pool);
    char *to = apr_pstrdup(l->pool, from);
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    to[strlen(to) - 1]++; /* the parenthesis that it ends in */
    l->nodes[is_dir] = apr_hash_make(l->pool);
    CLOUD_ERR(cloud_db_query(&st, &row, l->ctx->db, l->ctx->pool,
                             "SELECT name FROM node WHERE parent = ?1 AND name >= ?2 AND name < ?3",
                             "itt", l->folder, from, to));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, l->ctx->pool)) {
        const char *taken = cloud_col_dup(st, 0, l->pool);

        apr_hash_set(l->nodes[is_dir], taken, APR_HASH_KEY_STRING, taken);
    }
    cloud_stmt_done(st);
    return err;
}

/* Whether neither a node nor a mount has a name by itself that was made of another one. */
static cloud_err_t *is_free(int *yes, names_t *l, const char *made, const char *of, int is_dir)
{
    cloud_same_name_t others;

    *yes = 0;
    if (apr_hash_get(l->given, made, APR_HASH_KEY_STRING)) return NULL;
    if (!l->nodes[is_dir]) CLOUD_ERR(read_names(l, of, is_dir));
    if (apr_hash_get(l->nodes[is_dir], made, APR_HASH_KEY_STRING)) return NULL;
    CLOUD_ERR(cloud_mounts_wanting(&others, l->ctx, l->account, l->folder, made, l->pool));
    *yes = others.n == 0;
    return NULL;
}

/* More than so many of one name: it is cheaper to load all mounts than to ask for each name. */
#define FEW 4

static cloud_err_t *give_names(const cloud_same_name_t *group, names_t *l)
{
    int i, yes, next[2] = { 2, 2 };
    const char *name = group->p[0]->m.name, *made;
    cloud_mounts_t *all;
    cloud_node_t *node;

    l->nodes[0] = l->nodes[1] = NULL;
    CLOUD_ERR(cloud_tree_child(&node, l->ctx, l->folder, name, l->pool));
    if (group->n > FEW) CLOUD_ERR(cloud_mounts_load(&all, l->ctx, l->account));
    for (i = 0; i < group->n; i++) {
        cloud_placed_t *p = group->p[i];
        int is_dir = CLOUD_IS_DIR(&p->m.target);

        made = name;
        for (yes = i == 0 && !node; !yes; ) {
            made = cloud_name_numbered(name, next[is_dir]++, is_dir, p->pool);
            CLOUD_ERR(is_free(&yes, l, made, name, is_dir));
        }
        p->shown = made;
        apr_hash_set(l->given, made, APR_HASH_KEY_STRING, made);
    }
    return NULL;
}

/* Made of different names, names are different, unless one lost its end. */
static cloud_err_t *give_long_names(names_t *l)
{
    const apr_array_header_t *in;
    cloud_same_name_t group;
    cloud_mounts_t *all;
    int i;

    CLOUD_ERR(cloud_mounts_load(&all, l->ctx, l->account));
    in = cloud_mounts_in(all, l->folder);
    for (i = 0; in && i < in->nelts; i += group.n) {
        group = cloud_mounts_group(in, i);
        if (cloud_mount_name_is_long(group.p[0]->m.name)) CLOUD_ERR(give_names(&group, l));
    }
    return NULL;
}

cloud_err_t *cloud_mounts_name(const cloud_same_name_t *group, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t folder)
{
    names_t l = { .ctx = ctx, .account = account, .folder = folder };
    cloud_err_t *err;

    if (!group->n || group->p[group->n - 1]->shown) return NULL; /* they have been given before */
    apr_pool_create(&l.pool, ctx->pool);
    l.given = apr_hash_make(l.pool);
    err = cloud_mount_name_is_long(group->p[0]->m.name) ? give_long_names(&l)
                                                        : give_names(group, &l);
    if (!err) apr_pool_destroy(l.pool); /* the error may be in it */
    return err;
}

/* ---- finding ---- */

static cloud_placed_t *shown_as(const cloud_same_name_t *group, const char *name)
{
    int i;

    for (i = 0; i < group->n; i++)
        if (strcmp(group->p[i]->shown, name) == 0) return group->p[i];
    return NULL;
}

/* A name that may have lost its end is asked of all. */
static cloud_err_t *find_among_all(cloud_placed_t **p, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_int64_t folder,
                                   const char *nfc)
{
    const apr_array_header_t *in;
    cloud_same_name_t group;
    cloud_mounts_t *all;
    int i;

    CLOUD_ERR(cloud_mounts_load(&all, ctx, account));
    in = cloud_mounts_in(all, folder);
    for (i = 0; in && i < in->nelts && !*p; i += group.n) {
        group = cloud_mounts_group(in, i);
        CLOUD_ERR(cloud_mounts_name(&group, ctx, account, folder));
        *p = shown_as(&group, nfc);
    }
    return NULL;
}

static cloud_err_t *find_numbered(cloud_placed_t **p, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t folder,
                                  const char *nfc, apr_pool_t *pool)
{
    const char *base = cloud_name_unnumbered(nfc, pool);
    cloud_same_name_t group;

    if (!base) return NULL;
    if (cloud_mount_name_is_long(nfc))
        return find_among_all(p, ctx, account, folder, nfc);
    CLOUD_ERR(cloud_mounts_wanting(&group, ctx, account, folder, base, pool));
    CLOUD_ERR(cloud_mounts_name(&group, ctx, account, folder));
    *p = shown_as(&group, nfc);
    return NULL;
}

cloud_err_t *cloud_mount_find(const cloud_mount_t **m, cloud_ctx_t *ctx,
                              const cloud_account_t *account, apr_int64_t folder, const char *nfc,
                              apr_pool_t *pool)
{
    cloud_same_name_t group;
    cloud_placed_t *p = NULL;

    CLOUD_ERR(cloud_mounts_wanting(&group, ctx, account, folder, nfc, pool));
    if (group.n) p = group.p[0];
    else CLOUD_ERR(find_numbered(&p, ctx, account, folder, nfc, pool));
    *m = p ? cloud_mount_keep(p, pool) : NULL;
    return NULL;
}

cloud_err_t *cloud_mount_of(const cloud_placed_t **found, cloud_ctx_t *ctx,
                            const cloud_account_t *account, apr_int64_t target, apr_pool_t *pool)
{
    cloud_same_name_t group;
    cloud_placed_t *p;
    apr_int64_t folder;
    int i;

    *found = NULL;
    CLOUD_ERR(cloud_mounts_get(&p, ctx, account, target, pool));
    if (!p || !p->above_len) return NULL;
    folder = p->above[p->above_len - 1];
    CLOUD_ERR(cloud_mounts_wanting(&group, ctx, account, folder, p->m.name, pool));
    CLOUD_ERR(cloud_mounts_name(&group, ctx, account, folder));
    for (i = 0; i < group.n; i++)
        if (group.p[i]->m.target.id == target) *found = group.p[i];
    return NULL;
}
