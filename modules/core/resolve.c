/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From a path to an entry, and the one access decision. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static unsigned perms_of(const cloud_ctx_t *ctx, const cloud_account_t *owner)
{
    if (ctx->who.system) return CLOUD_PERM_ALL;
    if (ctx->who.account && ctx->who.account->number == owner->number) return CLOUD_PERM_ALL;
    return 0;
}

static void fill(cloud_entry_t *e, const cloud_node_t *node, const cloud_node_t *parent)
{
    if (node) {
        e->exists = 1;
        e->node = *node;
    }
    if (parent) {
        e->has_parent = 1;
        e->parent = *parent;
    }
}

/* Walks the segments down from the root. */
static cloud_err_t *walk(cloud_entry_t *e, cloud_ctx_t *ctx, const apr_array_header_t *segments,
                         const cloud_node_t *root, apr_pool_t *pool)
{
    apr_int64_t *chain = apr_palloc(pool, sizeof *chain * (apr_size_t)(segments->nelts + 1));
    apr_array_header_t *disk = apr_array_make(pool, segments->nelts + 1, sizeof(const char *));
    const cloud_node_t *parent = NULL, *node = root;
    cloud_node_t *child;
    int i;

    e->chain = chain;
    APR_ARRAY_PUSH(disk, const char *) = e->owner->dir;
    for (i = 0; i < segments->nelts; i++) {
        const char *name = APR_ARRAY_IDX(segments, i, const char *);
        const char *nfc = cloud_name_nfc(name, pool);

        if (!nfc) return cloud_err(ctx->pool, CLOUD_E_INVALID_NAME, NULL);
        /* A missing folder, or a file where a folder should be: nothing can be here. */
        if (!node || !CLOUD_IS_DIR(node)) {
            e->chain_len = 0;
            return NULL;
        }
        chain[e->chain_len++] = node->id;
        APR_ARRAY_PUSH(disk, const char *) = i == 0 && node->kind == CLOUD_KIND_ROOT
                                                 ? CLOUD_FILES : node->disk;
        /* In a bin each node lies in a directory of its own. */
        if (node->kind == CLOUD_KIND_TRASH) APR_ARRAY_PUSH(disk, const char *) = nfc;
        parent = node;
        CLOUD_ERR(cloud_tree_child(&child, ctx, parent->id, nfc, pool));
        node = child;
    }
    fill(e, node, parent);
    e->folder = apr_array_pstrcat(pool, disk, '/');
    return NULL;
}

/* The root of a tree; and, with it, whether who asks has been disabled or deleted since the request
 * began: a request may take hours. *root NULL: there is no such tree any more. */
static cloud_err_t *load_root(cloud_node_t **root, int *barred, cloud_ctx_t *ctx,
                              apr_int64_t tree, apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.system ? NULL : ctx->who.account;
    cloud_stmt_t *st;
    int row;

    *root = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT EXISTS (SELECT 1 FROM account WHERE number = ?2 AND enabled"
                             " <> 0), " CLOUD_NODE_COLS " FROM (SELECT 1) LEFT JOIN node"
                             " ON id = ?1",
                             "ii", tree, who ? who->number : (apr_int64_t)0));
    if (row) *barred = who && !cloud_col_int(st, 0);
    if (row && !cloud_col_null(st, 1)) {
        *root = apr_palloc(pool, sizeof **root);
        cloud_tree_row(*root, st, 1, pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *resolve_below(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_int64_t tree,
                                  unsigned mask, const char *path, apr_pool_t *pool)
{
    cloud_entry_t *e = apr_pcalloc(pool, sizeof *e);
    apr_array_header_t *segments;
    cloud_node_t *root;

    CLOUD_ERR(cloud_path_split(&segments, path, ctx->pool));
    e->account = e->owner = account;
    e->path = cloud_path_join(segments, segments->nelts, pool);
    e->name = segments->nelts
                  ? apr_pstrdup(pool, APR_ARRAY_IDX(segments, segments->nelts - 1, const char *))
                  : "";
    e->tree = tree;
    e->perms = perms_of(ctx, account) & mask;
    CLOUD_ERR(load_root(&root, &e->barred, ctx, tree, pool));
    /* The account was deleted since the caller looked it up; its root may wait to be reclaimed. */
    if (!root || root->parent != 0)
        return e->barred ? cloud_account_barred(ctx) : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    if (e->barred) e->perms = 0; /* and the directory may have gone with the account */
    else CLOUD_ERR(cloud_storage_account_check(ctx->store, account->dir, ctx->pool));
    if (segments->nelts == 0) {
        e->chain = apr_pcalloc(pool, sizeof *e->chain);
        e->has_parent = 1;
        fill(e, root, NULL);
    } else {
        CLOUD_ERR(walk(e, ctx, segments, root, pool));
    }
    *entry = e;
    return NULL;
}

cloud_err_t *cloud_resolve_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    return resolve_below(entry, ctx, account, account->root, CLOUD_PERM_ALL, path, pool);
}

cloud_err_t *cloud_resolve_root_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_int64_t root,
                                   const char *path, apr_pool_t *pool)
{
    return resolve_below(entry, ctx, account, root,
                         CLOUD_PERM_READ | CLOUD_PERM_UPDATE | CLOUD_PERM_DELETE, path, pool);
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

static cloud_err_t *path_of_id(const char **path, cloud_ctx_t *ctx,
                               const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    const char *below = "";
    cloud_node_t *node;
    int depth;

    for (depth = 0; depth < 100000; depth++) {
        CLOUD_ERR(cloud_tree_get(&node, ctx, id, pool));
        if (!node) break;
        if (node->id == account->root) {
            *path = below;
            return NULL;
        }
        below = *below ? apr_pstrcat(pool, node->name, "/", below, NULL) : node->name;
        id = node->parent;
    }
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
}

cloud_err_t *cloud_resolve_id(cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool)
{
    const char *path = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = path_of_id(&path, ctx, account, id, pool);
    if (!err) err = cloud_resolve_tx(entry, ctx, account, path, pool);
    if (!err) err = cloud_access(ctx, *entry, CLOUD_OP_LIST);
    cloud_tx_rollback(ctx);
    return err;
}

/* What each operation needs. */
static const unsigned NEEDS[] = {
    [CLOUD_OP_LIST] = CLOUD_PERM_READ,     [CLOUD_OP_READ] = CLOUD_PERM_READ,
    [CLOUD_OP_WRITE] = CLOUD_PERM_UPDATE,  [CLOUD_OP_CREATE] = CLOUD_PERM_CREATE,
    [CLOUD_OP_DELETE] = CLOUD_PERM_DELETE, [CLOUD_OP_RENAME] = CLOUD_PERM_UPDATE,
    [CLOUD_OP_LOCK] = CLOUD_PERM_UPDATE,
};

cloud_err_t *cloud_access(cloud_ctx_t *ctx, const cloud_entry_t *entry, cloud_op_t op)
{
    if (entry->barred) return cloud_account_barred(ctx);
    if (entry->perms & NEEDS[op]) {
        /* The root of a space is a fixed place. */
        if ((op == CLOUD_OP_DELETE || op == CLOUD_OP_RENAME) && entry->path[0] == '\0')
            return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
        return NULL;
    }
    /* Who may see nothing of a space does not learn what is in it. */
    return cloud_err(ctx->pool, entry->perms ? CLOUD_E_DENIED : CLOUD_E_NOT_FOUND, NULL);
}

const char *cloud_perm_letters(unsigned perms, int is_dir, int shared, int mounted,
                               apr_pool_t *pool)
{
    char buf[16], *p = buf;

    if (shared) *p++ = 'S';
    if (perms & CLOUD_PERM_SHARE) *p++ = 'R';
    if (mounted) *p++ = 'M';
    if (perms & CLOUD_PERM_DELETE) *p++ = 'D';
    if (perms & CLOUD_PERM_UPDATE) {
        *p++ = 'N';
        *p++ = 'V';
    }
    if (!is_dir && (perms & CLOUD_PERM_UPDATE)) *p++ = 'W';
    if (is_dir && (perms & CLOUD_PERM_CREATE)) {
        *p++ = 'C';
        *p++ = 'K';
    }
    *p = '\0';
    return apr_pstrdup(pool, buf);
}

const char *cloud_etag(char *buf, const cloud_node_t *node)
{
    static const char hex[] = "0123456789abcdef";
    apr_uint64_t v = (apr_uint64_t)node->etag;
    char tmp[16];
    int n = 0, i = 0;

    do {
        tmp[n++] = hex[v & 15];
        v >>= 4;
    } while (v);
    while (n > 0) buf[i++] = tmp[--n];
    buf[i] = '\0';
    return buf;
}

apr_int64_t cloud_etag_parse(const char *etag)
{
    apr_uint64_t v = 0;
    int digits = 0;

    if (etag[0] == 'W' && etag[1] == '/') etag += 2;
    if (*etag == '"') etag++;
    for (; *etag && *etag != '"'; etag++, digits++) {
        char c = *etag;

        if (c >= '0' && c <= '9') c = (char)(c - '0');
        else if (c >= 'a' && c <= 'f') c = (char)(c - 'a' + 10);
        else return -1;
        if (digits >= 15) return -1;
        v = v << 4 | (apr_uint64_t)c;
    }
    return digits ? (apr_int64_t)v : -1;
}

const char *cloud_fileid(char *buf, const cloud_store_t *store, apr_int64_t id)
{
    apr_snprintf(buf, CLOUD_FILEID_MAX, "%08" APR_INT64_T_FMT "%s", id,
                 cloud_store_instance_id(store));
    return buf;
}
