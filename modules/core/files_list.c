/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The members of a folder: its nodes by one range read, and among them, in order of name, what is mounted
 * there. A mount whose name is taken (by a node, or by another mount) comes after all others, under the
 * name that it gets instead. */
#include "files_private.h"
#include "mount_private.h"

static const cloud_part_t ALL = { "", 0, -1 };

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_entry_t *folder;
    cloud_list_fn *fn;
    void *baton;
    int plain;                    /* nobody asks for ETags */
    cloud_child_t child;          /* as the nodes of the folder have it */
    unsigned perms;               /* of the nodes of the folder */
    const char *kept;             /* a folder that can't be deleted and shared, or NULL */
    cloud_mounts_t *mounts;       /* of the account, where it is its own folder */
    const apr_array_header_t *in; /* of cloud_placed_t *: in the folder, in order of name; NULL: none */
    apr_array_header_t *late;     /* those whose name is taken */
    int next;                     /* of in */
    const cloud_part_t *part;     /* of the nodes */
    cloud_stmt_t *members;        /* stands before all nodes of the folder; NULL: they are asked for */
    apr_pool_t *pool, *iter;
} list_t;

static cloud_err_t *tell_node(list_t *l, const cloud_node_t *node)
{
    const cloud_entry_t *f = l->folder;
    cloud_child_t *child = &l->child;

    child->node = node;
    child->name = node->name;
    child->etag = node->etag;
    child->perms = l->perms;
    if (l->kept && CLOUD_IS_DIR(node) && strcmp(l->kept, node->name) == 0)
        child->perms &= ~(CLOUD_PERM_DELETE | CLOUD_PERM_SHARE);
    if (CLOUD_IS_DIR(node) && !l->plain && (f->mount || l->mounts)) {
        child->etag = f->mount ? cloud_mount_etag(f->mount, node, l->iter)
                               : cloud_mounts_etag(l->mounts, node, l->iter);
        apr_pool_clear(l->iter);
    }
    return l->fn(l->baton, child);
}

static cloud_err_t *tell_mount(list_t *l, const cloud_placed_t *p, const char *name)
{
    const cloud_mount_t *m = &p->m;
    const cloud_node_t node = cloud_mount_shown(m);
    cloud_child_t child = { .node = &node,
                            .name = name,
                            .perms = m->perms | CLOUD_PERM_PLACE,
                            .flags = m->flags,
                            .shared = 1,
                            .mount_root = 1,
                            .owner = m->owner,
                            .owner_id = m->owner_id,
                            .owner_name = m->owner_name };

    child.etag = cloud_mount_etag(m, &m->target, l->iter);
    apr_pool_clear(l->iter);
    return l->fn(l->baton, &child);
}

/* Mounts whose turn it is before the node called name (NULL: there is none any more). */
static cloud_err_t *mounts_before(list_t *l, const char *name)
{
    const cloud_placed_t *last = NULL;

    for (; l->in && l->next < l->in->nelts; l->next++) {
        cloud_placed_t *p = APR_ARRAY_IDX(l->in, l->next, cloud_placed_t *);
        int order = name ? strcmp(p->m.name, name) : -1;

        if (order > 0) return NULL;
        if (order == 0 || (last && strcmp(last->m.name, p->m.name) == 0)) {
            APR_ARRAY_PUSH(l->late, cloud_placed_t *) = p;
        } else {
            CLOUD_ERR(tell_mount(l, p, p->m.name));
            last = p;
        }
    }
    return NULL;
}

/* Those that are late are in the order of in; of some that have one name the first may not be late. */
static cloud_err_t *late_mounts(list_t *l)
{
    cloud_same_name_t group;
    int i, at = 0;

    for (i = 0; at < l->late->nelts; i += group.n) {
        const cloud_placed_t *late = APR_ARRAY_IDX(l->late, at, cloud_placed_t *);

        group = cloud_mounts_group(l->in, i);
        if (strcmp(group.p[0]->m.name, late->m.name) != 0) continue;
        CLOUD_ERR(cloud_mounts_name(&group, l->ctx, l->folder->account, l->folder->node.id));
        for (; at < l->late->nelts; at++) {
            late = APR_ARRAY_IDX(l->late, at, cloud_placed_t *);
            if (strcmp(late->m.name, group.p[0]->m.name) != 0) break;
            CLOUD_ERR(tell_mount(l, late, late->shown));
        }
    }
    return NULL;
}

/* From a statement on; row: it stands on one of them already. Columns are those of the node from first on. */
static cloud_err_t *tell_nodes(list_t *l, cloud_stmt_t *st, int row, int first)
{
    cloud_node_t node;
    cloud_err_t *err = NULL;

    while (!err && row) {
        cloud_tree_row(&node, st, first, NULL);
        err = mounts_before(l, node.name);
        if (!err) err = tell_node(l, &node);
        if (!err) err = cloud_stmt_step(&row, st, l->ctx->pool);
    }
    return err;
}

static cloud_err_t *list_nodes(list_t *l)
{
    static const char FORWARDS[] = "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = ?1"
                                   " AND name > ?2 ORDER BY name LIMIT ?3";
    static const char BACKWARDS[] = "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = ?1"
                                    " AND name < ?2 ORDER BY name DESC LIMIT ?3";
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    if (l->members) {
        CLOUD_ERR(cloud_stmt_step(&row, l->members, l->ctx->pool));
        return tell_nodes(l, l->members, row, CLOUD_ROOT_COLS);
    }
    CLOUD_ERR(cloud_db_query(&st, &row, l->ctx->db, l->ctx->pool,
                             l->part->backwards ? BACKWARDS : FORWARDS, "iti",
                             l->folder->node.id, l->part->from, (apr_int64_t)l->part->most));
    err = tell_nodes(l, st, row, 0);
    cloud_stmt_done(st);
    return err;
}

/* A view of a single file. */
static int is_single(const cloud_entry_t *folder)
{
    return folder->account->view && !CLOUD_IS_DIR(&folder->mount->target);
}

static cloud_err_t *list_tx(list_t *l)
{
    const cloud_entry_t *f = l->folder;

    CLOUD_ERR(cloud_storage_account_check(l->ctx->store, f->owner->dir, l->ctx->pool));
    if (f->account->view && !(f->perms & CLOUD_PERM_READ)) return NULL;
    if (is_single(f)) return tell_node(l, &f->mount->target);
    CLOUD_ERR(list_nodes(l));
    CLOUD_ERR(mounts_before(l, NULL));
    return late_mounts(l);
}

static cloud_err_t *load_mounts(list_t *l)
{
    const cloud_entry_t *f = l->folder;

    l->late = apr_array_make(l->pool, 1, sizeof(cloud_placed_t *));
    if (f->mount || f->tree != f->account->root) return NULL;
    if (l->plain) return cloud_mounts_just_in(&l->in, l->ctx, f->account, f->node.id, l->pool);
    CLOUD_ERR(cloud_mounts_load(&l->mounts, l->ctx, f->account));
    l->in = cloud_mounts_in(l->mounts, f->node.id);
    return NULL;
}

/* What is only the folder's own is not its members'. */
static unsigned perms_below(const cloud_entry_t *folder)
{
    if (is_single(folder)) return folder->mount->perms;
    return (folder->perms & ~CLOUD_PERM_PLACE)
           | (folder->kept ? CLOUD_PERM_DELETE | CLOUD_PERM_SHARE : 0);
}

static cloud_err_t *list_snapshot(list_t *l)
{
    const cloud_entry_t *f = l->folder;
    cloud_ctx_t *ctx = l->ctx;
    cloud_err_t *err;
    int kept;

    apr_pool_create(&l->pool, ctx->pool);
    apr_pool_create(&l->iter, l->pool);
    l->perms = perms_below(f);
    l->child.flags = f->mount ? f->mount->flags : 0;
    l->child.mounted = f->mounted;
    l->child.shared = f->shared;
    l->child.owner = f->owner->number;
    l->child.owner_id = f->owner->id;
    l->child.owner_name = f->owner->display_name;
    err = load_mounts(l);
    if (!err) err = cloud_mounts_kept(&l->kept, &kept, ctx, f, l->pool);
    if (!err) err = list_tx(l);
    if (!err) apr_pool_destroy(l->pool); /* the error may be in it */
    return err;
}

static cloud_err_t *list_folder(list_t *l)
{
    const cloud_entry_t *f = l->folder;
    cloud_ctx_t *ctx = l->ctx;
    cloud_err_t *err;

    CLOUD_ERR(cloud_files_found(ctx, f, CLOUD_OP_LIST));
    if (!CLOUD_IS_DIR(&f->node)) return NULL;
    /* Not empty: clients would remove what they have put there. */
    if (f->mount && !f->account->view && !(f->perms & CLOUD_PERM_READ))
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "What is in this folder may not be read");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_snapshot(l);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_file_list(cloud_ctx_t *ctx, const cloud_entry_t *folder, cloud_list_fn *fn,
                             void *baton)
{
    list_t l = { .ctx = ctx, .folder = folder, .part = &ALL, .fn = fn, .baton = baton };

    return list_folder(&l);
}

cloud_err_t *cloud_file_list_part(cloud_ctx_t *ctx, const cloud_entry_t *folder,
                                  const cloud_part_t *part, cloud_list_fn *fn, void *baton)
{
    list_t l = { .ctx = ctx, .folder = folder, .part = part, .fn = fn, .baton = baton };

    return list_folder(&l);
}

cloud_err_t *cloud_files_list_plain(cloud_ctx_t *ctx, const cloud_entry_t *folder,
                                    cloud_list_fn *fn, void *baton)
{
    list_t l = { .ctx = ctx, .folder = folder, .plain = 1, .part = &ALL, .fn = fn,
                 .baton = baton };

    return list_folder(&l);
}

/* ---- what is at a path, and its members ---- */

/* Members that come with the root's own row are shown by list_folder alone, as all others. */
static cloud_err_t *show(list_t *l, cloud_entry_t *entry, cloud_list_self_fn *self)
{
    CLOUD_ERR(cloud_files_found(l->ctx, entry, CLOUD_OP_LIST));
    CLOUD_ERR(self(l->baton, entry));
    l->folder = entry;
    return list_folder(l);
}

cloud_err_t *cloud_file_list_path(cloud_ctx_t *ctx, const cloud_account_t *account,
                                  const char *path, cloud_list_self_fn *self, cloud_list_fn *fn,
                                  void *baton, apr_pool_t *pool)
{
    list_t l = { .ctx = ctx, .part = &ALL, .fn = fn, .baton = baton };
    cloud_entry_t *entry;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    if (*path || account->view)
        err = cloud_resolve_tx(&entry, ctx, account, path, pool);
    else
        err = cloud_resolve_root_to_list_tx(&entry, &l.members, ctx, account, pool);
    if (!err) {
        err = show(&l, entry, self);
        cloud_stmt_done(l.members);
    }
    cloud_tx_rollback(ctx);
    return err;
}
