/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From a path to an entry, through mounts. */
#include "files_private.h"
#include "mount_private.h"

#include <string.h>

static unsigned perms_of(const cloud_ctx_t *ctx, const cloud_account_t *owner)
{
    if (ctx->who.system) return CLOUD_PERM_ALL;
    if (ctx->who.account && ctx->who.account->number == owner->number) return CLOUD_PERM_ALL;
    return 0;
}

/* A walk down the segments of a path, from the root of a space. */
typedef struct {
    cloud_entry_t *e;
    cloud_ctx_t *ctx;
    apr_pool_t *pool;
    int through;                 /* mounts are followed */
    apr_array_header_t *chain;   /* ids of the folders passed, */
    apr_array_header_t *disk;    /* and where they lie */
    const cloud_node_t *parent, *node;
} walk_t;

/* Nothing but a mount can be here. */
static cloud_err_t *follow_mount(walk_t *w, const char *nfc)
{
    const cloud_mount_t *m;
    cloud_entry_t *e = w->e;
    int live, i;

    CLOUD_ERR(cloud_mount_find(&m, w->ctx, e->account, w->parent->id, nfc, w->pool));
    if (!m) return NULL;
    CLOUD_ERR(cloud_mount_enter(e, &live, w->ctx, m, w->pool));
    if (!live) return NULL;
    w->node = &m->target;
    w->chain->nelts = w->disk->nelts = 0;
    for (i = 0; i < e->chain_len; i++) APR_ARRAY_PUSH(w->chain, apr_int64_t) = e->chain[i];
    APR_ARRAY_PUSH(w->disk, const char *) = e->folder ? e->folder : e->owner->dir;
    return NULL;
}

static cloud_err_t *step(walk_t *w, const char *name)
{
    const cloud_node_t *node = w->node;
    const char *nfc = cloud_name_nfc(name, w->pool);
    cloud_node_t *child;

    if (!nfc) return cloud_err(w->ctx->pool, CLOUD_E_INVALID_NAME, NULL);
    w->parent = w->node = NULL;
    /* A missing folder, or a file where a folder should be: nothing can be here. */
    if (!node || !CLOUD_IS_DIR(node)) return NULL;
    APR_ARRAY_PUSH(w->chain, apr_int64_t) = node->id;
    APR_ARRAY_PUSH(w->disk, const char *) = node->kind == CLOUD_KIND_ROOT ? CLOUD_FILES
                                                                          : node->disk;
    /* In a bin each node lies in a directory of its own. */
    if (node->kind == CLOUD_KIND_TRASH) APR_ARRAY_PUSH(w->disk, const char *) = nfc;
    w->parent = node;
    /* What may not be read is not looked for either: no answer, and no time that one takes, tells what is there. */
    if (cloud_entry_hidden(w->e)) return NULL;
    CLOUD_ERR(cloud_tree_child(&child, w->ctx, node->id, nfc, w->pool));
    w->node = child;
    if (!child && w->through && !w->e->mount) return follow_mount(w, nfc);
    return NULL;
}

/* What the walk came to. */
static void arrive(walk_t *w)
{
    cloud_entry_t *e = w->e;

    if (w->node) {
        e->exists = 1;
        e->node = *w->node;
        e->etag = e->node.etag;
    }
    if (w->parent) {
        e->has_parent = 1;
        e->parent = *w->parent;
    }
    e->mount_root = e->mount && w->node == &e->mount->target;
    if (e->mount_root) { /* it is where cloud_mount_enter() found it */
        e->perms |= CLOUD_PERM_PLACE;
    } else {
        e->chain = (const apr_int64_t *)(const void *)w->chain->elts;
        e->chain_len = w->parent ? w->chain->nelts : 0;
        e->folder = w->parent ? apr_array_pstrcat(w->pool, w->disk, '/') : NULL;
    }
}

static cloud_err_t *walk(walk_t *w, const apr_array_header_t *segments)
{
    const char *name;
    int i, mounted;

    for (i = 0; i < segments->nelts; i++) {
        mounted = w->e->mount != NULL;
        name = APR_ARRAY_IDX(segments, i, const char *);
        CLOUD_ERR(step(w, name));
        if (!mounted) w->e->mount_len += (i ? 1 : 0) + strlen(name);
    }
    if (!w->e->mount) w->e->mount_len = 0;
    arrive(w);
    return NULL;
}

/* Where somebody finds what he receives stays where it is. */
static cloud_err_t *keep_folder(cloud_entry_t *e, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    const char *next;

    if (!CLOUD_IS_DIR(&e->node) || e->barred) return NULL;
    CLOUD_ERR(cloud_mounts_kept(&next, &e->kept, ctx, e, pool));
    if (e->kept) e->perms &= ~(CLOUD_PERM_DELETE | CLOUD_PERM_SHARE);
    return NULL;
}

/* ETag of what exists, as who asks sees it. Only folders of the account itself cost a statement. */
static cloud_err_t *set_etag(cloud_entry_t *e, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_mounts_t *mounts;

    e->etag = e->node.etag;
    if (!CLOUD_IS_DIR(&e->node) || e->barred) return NULL;
    if (e->mount) {
        e->etag = cloud_mount_etag(e->mount, &e->node, pool);
    } else if (e->tree == e->account->root) {
        CLOUD_ERR(cloud_mounts_load(&mounts, ctx, e->account));
        e->etag = cloud_mounts_etag(mounts, &e->node, pool);
    }
    return NULL;
}

const char *cloud_entry_shown_name(const cloud_entry_t *e, apr_pool_t *pool)
{
    return e->mount_root ? e->name : cloud_name_shown(e->node.name, e->node.disk, pool);
}

cloud_err_t *cloud_entry_set(cloud_entry_t *entry, cloud_ctx_t *ctx, const cloud_node_t *node)
{
    entry->node = *node;
    entry->exists = 1;
    return set_etag(entry, ctx, ctx->pool);
}

/* The root of a tree; and, with it, whether who asks has been disabled or deleted since the request
 * began: a request may take hours. */
#define ROOT_COLS                                                                               \
    "EXISTS (SELECT 1 FROM account WHERE number = ?2 AND enabled <> 0), " CLOUD_NODE_COLS
static const char ROOT[] = "SELECT " ROOT_COLS " FROM (SELECT 1) LEFT JOIN node ON id = ?1";
/* And with it what is in it. A root has no parent, so it comes first; the order is that of the table's key. */
static const char ROOT_AND_MEMBERS[] =
    "SELECT " ROOT_COLS " FROM node WHERE id = ?1"
    " UNION ALL SELECT 1, " CLOUD_NODE_COLS " FROM node WHERE parent = ?1 ORDER BY parent, name";

/* *root NULL: there is no such tree any more. The caller ends the statement. */
static cloud_err_t *query_root(cloud_stmt_t **st, cloud_node_t **root, int *barred,
                               cloud_ctx_t *ctx, const char *sql, apr_int64_t tree,
                               apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.system ? NULL : ctx->who.account;
    int row;

    *root = NULL;
    CLOUD_ERR(cloud_db_query(st, &row, ctx->db, ctx->pool, sql, "ii", tree,
                             who ? who->number : (apr_int64_t)0));
    if (!row) return NULL;
    *barred = who && !cloud_col_int(*st, 0);
    if (cloud_col_int(*st, CLOUD_ROOT_COLS) != tree) return NULL;
    *root = apr_palloc(pool, sizeof **root);
    cloud_tree_row(*root, *st, CLOUD_ROOT_COLS, pool);
    return NULL;
}

static cloud_err_t *load_root(cloud_node_t **root, int *barred, cloud_ctx_t *ctx,
                              apr_int64_t tree, apr_pool_t *pool)
{
    cloud_stmt_t *st;

    CLOUD_ERR(query_root(&st, root, barred, ctx, ROOT, tree, pool));
    cloud_stmt_done(st);
    return NULL;
}

/* An entry of which no more is known than its path. */
static cloud_err_t *new_entry(cloud_entry_t **entry, apr_array_header_t **segments,
                              cloud_ctx_t *ctx, const cloud_account_t *account, const char *path,
                              apr_pool_t *pool)
{
    cloud_entry_t *e = apr_pcalloc(pool, sizeof *e);
    int n;

    CLOUD_ERR(cloud_path_split(segments, path, pool));
    n = (*segments)->nelts;
    e->account = e->owner = account;
    e->path = cloud_path_join(*segments, n, pool);
    e->name = n ? apr_pstrdup(pool, APR_ARRAY_IDX(*segments, n - 1, const char *)) : "";
    e->chain = apr_pcalloc(pool, sizeof *e->chain);
    *entry = e;
    return NULL;
}

static walk_t walk_from(cloud_entry_t *e, cloud_ctx_t *ctx, const cloud_node_t *node, int segments,
                        apr_pool_t *pool)
{
    walk_t w = { .e = e, .ctx = ctx, .pool = pool, .node = node };
    int i;

    w.chain = apr_array_make(pool, e->chain_len + segments + 1, sizeof(apr_int64_t));
    w.disk = apr_array_make(pool, segments + 2, sizeof(const char *));
    for (i = 0; i < e->chain_len; i++) APR_ARRAY_PUSH(w.chain, apr_int64_t) = e->chain[i];
    APR_ARRAY_PUSH(w.disk, const char *) = e->folder ? e->folder : e->owner->dir;
    return w;
}

/* From the root of the tree that the entry says, as the account that asks is by now. */
static cloud_err_t *go_down(cloud_entry_t *e, cloud_ctx_t *ctx, const cloud_node_t *root,
                            const apr_array_header_t *segments, apr_pool_t *pool)
{
    walk_t w;

    /* The account was deleted since the caller looked it up; its root may wait to be reclaimed. */
    if (!root || root->parent != 0)
        return e->barred ? cloud_account_barred(ctx) : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    if (e->barred) e->perms = 0; /* and the directory may have gone with the account */
    else CLOUD_ERR(cloud_storage_account_check(ctx->store, e->account->dir, ctx->pool));
    if (segments->nelts) {
        w = walk_from(e, ctx, root, segments->nelts, pool);
        w.through = e->tree == e->account->root && !e->barred;
        return walk(&w, segments);
    }
    e->exists = e->has_parent = 1;
    e->node = *root;
    e->etag = root->etag;
    return NULL;
}

static cloud_err_t *resolve_below(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t tree,
                                  unsigned mask, const char *path, apr_pool_t *pool)
{
    apr_array_header_t *segments;
    cloud_node_t *root;

    CLOUD_ERR(new_entry(entry, &segments, ctx, account, path, pool));
    (*entry)->tree = tree;
    (*entry)->perms = perms_of(ctx, account) & mask;
    CLOUD_ERR(load_root(&root, &(*entry)->barred, ctx, tree, pool));
    return go_down(*entry, ctx, root, segments, pool);
}

/* ---- views ---- */

/* No number that was ever drawn. */
#define UNSEEN_ETAG 1

/* A single file is shown in a folder that is made up for it. Nothing can be done to that folder. */
static void made_up_folder(cloud_entry_t *e)
{
    cloud_node_t *node = &e->node;

    e->exists = e->has_parent = 1;
    *node = e->mount->target;
    node->kind = CLOUD_KIND_DIR;
    node->name = node->disk = "";
    node->sums.len = 0;
    node->flags = 0;
    e->etag = node->etag;
    e->perms &= CLOUD_PERM_READ;
}

static int names_target(const cloud_entry_t *e, apr_pool_t *pool)
{
    const char *nfc = cloud_name_nfc(e->path, pool);

    return nfc && strcmp(nfc, e->mount->target.name) == 0;
}

static void resolve_single(cloud_entry_t *e, const apr_array_header_t *segments, apr_pool_t *pool)
{
    if (segments->nelts == 0) {
        made_up_folder(e);
    } else if (names_target(e, pool)) {
        e->exists = e->has_parent = 1;
        e->node = e->mount->target;
        e->etag = e->node.etag;
    } else {
        e->has_parent = segments->nelts == 1;
        e->perms &= CLOUD_PERM_READ;
    }
}

static int is_viewer(const cloud_ctx_t *ctx, const cloud_view_t *view)
{
    const cloud_view_t *who = ctx->who.view;

    return ctx->who.system || (who && who->feature == view->feature && who->id == view->id);
}

/* The feature says in each transaction what the view is by now, so that none outlives its item, its owner or
 * its expiry. */
static cloud_err_t *resolve_view(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, const char *path,
                                 apr_pool_t *pool)
{
    const cloud_view_t *view = account->view;
    cloud_mount_t *m = apr_pcalloc(pool, sizeof *m);
    apr_array_header_t *segments;
    cloud_entry_t *e;
    walk_t w;
    int live;

    CLOUD_ERR(new_entry(&e, &segments, ctx, account, path, pool));
    CLOUD_ERR(view->feature->view(m, ctx, view, pool));
    m->feature = view->feature;
    CLOUD_ERR(cloud_mount_enter(e, &live, ctx, m, pool));
    if (!live) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    if (!is_viewer(ctx, view)) e->perms = 0;
    *entry = e;
    if (!CLOUD_IS_DIR(&m->target)) {
        resolve_single(e, segments, pool);
        return NULL;
    }
    if (segments->nelts == 0) {
        e->exists = e->has_parent = 1;
        e->node = m->target;
    } else {
        w = walk_from(e, ctx, &m->target, segments->nelts, pool);
        CLOUD_ERR(walk(&w, segments));
        e->mount_len = 0;
    }
    if (e->exists) CLOUD_ERR(set_etag(e, ctx, pool));
    /* Where nothing may be seen, nor can be whether something has changed. */
    if (segments->nelts == 0 && !(e->perms & CLOUD_PERM_READ)) e->etag = UNSEEN_ETAG;
    return NULL;
}

/* What else is to be known of an entry in somebody's files. */
static cloud_err_t *complete(cloud_entry_t *e, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    if (!e->exists) return NULL;
    CLOUD_ERR(keep_folder(e, ctx, pool));
    return set_etag(e, ctx, pool);
}

cloud_err_t *cloud_resolve_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    if (account->view) return resolve_view(entry, ctx, account, path, pool);
    CLOUD_ERR(resolve_below(entry, ctx, account, account->root, CLOUD_PERM_ALL, path, pool));
    return complete(*entry, ctx, pool);
}

cloud_err_t *cloud_resolve_root_to_list_tx(cloud_entry_t **entry, cloud_stmt_t **members,
                                           cloud_ctx_t *ctx, const cloud_account_t *account,
                                           apr_pool_t *pool)
{
    apr_array_header_t *segments;
    cloud_node_t *root;
    cloud_err_t *err;

    CLOUD_ERR(new_entry(entry, &segments, ctx, account, "", pool));
    (*entry)->tree = account->root;
    (*entry)->perms = perms_of(ctx, account);
    CLOUD_ERR(query_root(members, &root, &(*entry)->barred, ctx, ROOT_AND_MEMBERS, account->root,
                         pool));
    /* Where there is no such root it is asked why. */
    err = root ? NULL : load_root(&root, &(*entry)->barred, ctx, account->root, pool);
    if (!err) err = go_down(*entry, ctx, root, segments, pool);
    if (!err) err = complete(*entry, ctx, pool);
    if (err) cloud_stmt_done(*members);
    return err;
}

#define IN_A_BIN (CLOUD_PERM_READ | CLOUD_PERM_UPDATE | CLOUD_PERM_DELETE)

cloud_err_t *cloud_resolve_root_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_int64_t root,
                                   const char *path, apr_pool_t *pool)
{
    CLOUD_ERR(resolve_below(entry, ctx, account, root, IN_A_BIN, path, pool));
    return (*entry)->exists ? set_etag(*entry, ctx, pool) : NULL;
}

cloud_err_t *cloud_resolve_like(cloud_entry_t **entry, cloud_ctx_t *ctx, const cloud_entry_t *like,
                                const char *path, apr_pool_t *pool)
{
    const cloud_account_t *account = like->account;

    if (account->view) return resolve_view(entry, ctx, account, path, pool);
    if (like->tree == like->owner->root)
        return resolve_below(entry, ctx, account, account->root, CLOUD_PERM_ALL, path, pool);
    return resolve_below(entry, ctx, account, like->tree, IN_A_BIN, path, pool);
}

cloud_err_t *cloud_resolve(cloud_entry_t **entry, cloud_ctx_t *ctx,
                           const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_resolve_tx(entry, ctx, account, path, pool);
    cloud_tx_rollback(ctx);
    return err;
}
