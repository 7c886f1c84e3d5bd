/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Files and folders, with their locks and dead properties. */
#include "listing_private.h"

#include "lock.h"
#include "mount.h"
#include "names.h"

#include <stdlib.h>

/* Depth infinity ends here. */
#define MAX_ROWS    1000000
#define MAX_FOLDERS 100000

/* ---- locks: one query for the whole listing ---- */

static int first_lock(const cloud_listing_t *l, const apr_int64_t *node)
{
    return (int)(apr_uintptr_t)apr_hash_get(l->own, node, sizeof(*node)) - 1;
}

static cloud_err_t *load_locks(cloud_listing_t *l, const cloud_entry_t *entry, int below)
{
    apr_array_header_t *locks;

    if (!(l->need & CLOUD_NEED_LOCKS)) return NULL;
    CLOUD_ERR(cloud_lock_find(&locks, l->ctx, entry, below, l->pool));
    if (!locks->nelts) return NULL;
    l->locks = locks;
    l->own = apr_hash_make(l->pool);
    l->next = apr_palloc(l->pool, (apr_size_t)locks->nelts * sizeof(int));
    l->inherited = apr_palloc(l->pool, (apr_size_t)locks->nelts * sizeof(int));
    for (int i = 0; i < locks->nelts; i++) {
        const apr_int64_t *node = &APR_ARRAY_IDX(locks, i, cloud_lock_t).node;

        l->next[i] = first_lock(l, node);
        apr_hash_set(l->own, node, sizeof(*node), (void *)(apr_uintptr_t)(i + 1));
    }
    return NULL;
}

static int is_above(const cloud_entry_t *entry, apr_int64_t node)
{
    for (int i = 0; i < entry->chain_len; i++) {
        if (entry->chain[i] == node) return 1;
    }
    return 0;
}

/* Locks from above that cover the entry (members 0) or all its members (members 1). */
static void inherit(cloud_listing_t *l, const cloud_entry_t *entry, int members)
{
    l->inherited_len = 0;
    for (int i = 0; l->locks && i < l->locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(l->locks, i, cloud_lock_t);

        if (!lock->infinite) continue;
        if (is_above(entry, lock->node) || (members && lock->node == entry->node.id))
            l->inherited[l->inherited_len++] = i;
    }
}

static void find_locks(cloud_dav_row_t *row, cloud_listing_t *l)
{
    int *found, n = l->inherited_len, first = first_lock(l, &row->id);

    if (first < 0 && !n) return;
    found = apr_palloc(l->scratch, (apr_size_t)l->locks->nelts * sizeof(int));
    memcpy(found, l->inherited, (apr_size_t)n * sizeof(int));
    for (int i = first; i >= 0; i = l->next[i]) found[n++] = i;
    row->locks = found;
    row->locks_len = n;
}

/* ---- nodes ---- */

static int by_id(const void *a, const void *b)
{
    const apr_int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static int is_favorite(const cloud_listing_t *l, const cloud_node_t *node)
{
    return l->favorites && (node->flags & CLOUD_NODE_FAVORITE)
           && bsearch(&node->id, l->favorites->elts, (size_t)l->favorites->nelts, sizeof(node->id),
                      by_id);
}

/* A row, from a child of a listing with the name that it is shown under. */
static cloud_err_t *add_node(cloud_listing_t *l, const cloud_child_t *child, const char *name)
{
    const cloud_node_t *node = child->node;
    char etag[CLOUD_ETAG_MAX];
    cloud_dav_row_t row = {0};
    cloud_err_t *err;

    row.flags = CLOUD_ROW_NODE | (CLOUD_IS_DIR(node) ? CLOUD_ROW_DIR : 0) |
                (child->shared ? CLOUD_ROW_SHARED : 0) | (child->mounted ? CLOUD_ROW_MOUNTED : 0) |
                (node->kind == CLOUD_KIND_ROOT || (l->t->view && !*name) ? CLOUD_ROW_ROOT : 0) |
                (is_favorite(l, node) ? CLOUD_ROW_FAVORITE : 0);
    row.perms = child->perms;
    row.owner = cloud_listing_owner(l, child->owner, child->owner_id, child->owner_name);
    row.id = node->id;
    row.size = node->size;
    row.mtime = node->mtime;
    row.created = node->created ? node->created : CLOUD_ROW_UNKNOWN;
    row.name = name;
    row.name_len = strlen(name);
    if (l->need & CLOUD_NEED_ETAG) {
        row.etag = cloud_etag_text(etag, child->etag);
        row.etag_len = strlen(etag);
    }
    if ((l->need & CLOUD_NEED_SUMS) && !(child->flags & CLOUD_MOUNT_NO_DOWNLOAD))
        row.sums = node->sums;
    if (!l->locks && !((l->need & CLOUD_NEED_DEAD) && (node->flags & CLOUD_NODE_PROPS)))
        return cloud_listing_row(l, &row);

    /* The rare ones. */
    if (l->locks) find_locks(&row, l);
    if ((l->need & CLOUD_NEED_DEAD) && (node->flags & CLOUD_NODE_PROPS)) {
        apr_array_header_t *props;

        CLOUD_ERR(cloud_props_get(&props, l->ctx, node->id, l->scratch));
        row.dead = (const cloud_prop_t *)(const void *)props->elts;
        row.dead_len = props->nelts;
    }
    err = cloud_listing_row(l, &row);
    apr_pool_clear(l->scratch);
    return err;
}

static cloud_err_t *add_child(void *baton, const cloud_child_t *child)
{
    cloud_listing_t *l = baton;
    const cloud_node_t *node = child->node;
    const char *name = child->name;
    int other = !child->mount_root && node->disk != node->name;
    cloud_err_t *err;

    if (other) name = cloud_name_shown(node->name, node->disk, l->scratch);
    if (l->queue) {
        if (l->rows >= MAX_ROWS || l->queue->nelts >= MAX_FOLDERS)
            return cloud_err(l->pool, CLOUD_E_PRECONDITION,
                             "Depth infinity is not supported for so large a tree");
        if (CLOUD_IS_DIR(node) && (child->perms & CLOUD_PERM_READ))
            APR_ARRAY_PUSH(l->queue, const char *) =
                apr_pstrcat(l->pool, l->folder, *l->folder ? "/" : "", name, NULL);
    }
    err = add_node(l, child, name);
    if (other) apr_pool_clear(l->scratch);
    return err;
}

/* href of the collection that path lies in. */
static const char *parent_href(const cloud_dav_target_t *t, const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (!slash) return cloud_dav_href(t, "", 1, pool);
    return cloud_dav_href(t, apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)), 1, pool);
}

static cloud_err_t *add_self(cloud_listing_t *l, const cloud_entry_t *entry)
{
    const cloud_node_t node = entry->mount_root ? cloud_mount_shown(entry->mount) : entry->node;
    const cloud_child_t self = {.node = &node,
                                .etag = entry->etag,
                                .perms = entry->perms,
                                .flags = entry->mount ? entry->mount->flags : 0,
                                .mounted = entry->mounted,
                                .shared = entry->shared,
                                .mount_root = entry->mount_root,
                                .owner = entry->owner->number,
                                .owner_id = entry->owner->id,
                                .owner_name = entry->owner->display_name};

    inherit(l, entry, 0);
    CLOUD_ERR(cloud_listing_prefix(l, parent_href(l->t, entry->path, l->pool)));
    return add_node(l, &self, entry->name);
}

static cloud_err_t *begin_members(cloud_listing_t *l, const cloud_entry_t *folder)
{
    inherit(l, folder, 1);
    l->folder = folder->path;
    return cloud_listing_prefix(l, cloud_dav_href(l->t, folder->path, 1, l->pool));
}

/* Breadth first: a folder is listed when the statement that found it has ended. */
static cloud_err_t *add_queue(cloud_listing_t *l)
{
    cloud_entry_t *entry;
    apr_pool_t *iter;
    cloud_err_t *err;

    apr_pool_create(&iter, l->pool);
    for (int i = 0; i < l->queue->nelts; i++) {
        apr_pool_clear(iter);
        err = cloud_file_stat(&entry, l->ctx, l->t->account,
                              APR_ARRAY_IDX(l->queue, i, const char *), iter);
        if (!err) err = begin_members(l, entry);
        if (!err) err = cloud_file_list(l->ctx, entry, add_child, l);
        if (err) return err;
    }
    apr_pool_destroy(iter);
    return NULL;
}

/* Before anything is sent. */
static cloud_err_t *check_members(cloud_listing_t *l, const cloud_entry_t *entry)
{
    if (!CLOUD_IS_DIR(&entry->node) || (entry->perms & CLOUD_PERM_READ)) return NULL;
    return cloud_err(l->pool, CLOUD_E_DENIED, "No read permissions");
}

/* The target itself. */
static cloud_err_t *add_target(cloud_listing_t *l, const cloud_entry_t *entry, int members)
{
    l->view->unseen = l->t->view && !(entry->perms & CLOUD_PERM_READ);
    if (members && !l->t->view) CLOUD_ERR(check_members(l, entry));
    CLOUD_ERR(cloud_listing_quota(l, entry));
    CLOUD_ERR(load_locks(l, entry, members));
    return add_self(l, entry);
}

static cloud_err_t *begin_list(void *baton, const cloud_entry_t *entry)
{
    cloud_listing_t *l = baton;

    CLOUD_ERR(add_target(l, entry, 1));
    return CLOUD_IS_DIR(&entry->node) ? begin_members(l, entry) : NULL;
}

cloud_err_t *cloud_listing_files(cloud_listing_t *l, int depth)
{
    const cloud_account_t *account = l->t->account;
    cloud_entry_t *entry;

    if (depth == 0) {
        CLOUD_ERR(cloud_file_stat(&entry, l->ctx, account, l->t->path, l->pool));
        return add_target(l, entry, 0);
    }
    if (depth < 0) l->queue = apr_array_make(l->pool, 64, sizeof(const char *));
    CLOUD_ERR(cloud_file_list_path(l->ctx, account, l->t->path, begin_list, add_child, l, l->pool));
    return depth < 0 ? add_queue(l) : NULL;
}

cloud_err_t *cloud_listing_scope(cloud_listing_t *l, const cloud_entry_t *entry)
{
    CLOUD_ERR(cloud_listing_quota(l, entry));
    return load_locks(l, entry, 1);
}

cloud_err_t *cloud_listing_entry(cloud_listing_t *l, const cloud_entry_t *entry)
{
    return add_self(l, entry);
}
