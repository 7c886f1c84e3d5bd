/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The model with trash and versions: what is deleted goes to a bin, with its versions and its id, and
 * may come back, whole or in parts; what is overwritten becomes a version. */
#include "model.h"
#include "trash.h"
#include "versions.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIN_MAX 40

void kept_register(void)
{
    cloud_versions_register();
    cloud_trash_register();
}

/* ---- the bin ---- */

static m_node_t *binned(int account, int i)
{
    return APR_ARRAY_IDX(world.bin[account], i, m_node_t *);
}

static void forget(int account, int i)
{
    apr_array_header_t *bin = world.bin[account];

    APR_ARRAY_IDX(bin, i, m_node_t *) = binned(account, bin->nelts - 1);
    apr_array_pop(bin);
}

/* Something in a bin: one that was deleted (*i says which), or something in it; and its path there. */
static m_node_t *some_binned(int *i, const char **path, int account)
{
    m_node_t *n;

    *i = (int)rnd((unsigned)world.bin[account]->nelts);
    n = binned(account, *i);
    *path = apr_psprintf(world.step, "%" APR_INT64_T_FMT, n->id);
    while (n->children && rnd(3) == 0) {
        n = n->child[rnd((unsigned)n->children)];
        *path = apr_pstrcat(world.step, *path, "/", n->name, NULL);
    }
    return n;
}

/* Takes it out of the bin in the model. Folders that it leaves change there. */
static void take_out(m_node_t *n, int account, int i)
{
    m_node_t *up;

    if (!n->parent) {
        forget(account, i);
        return;
    }
    for (up = n->parent; up; up = up->parent) up->loose = 1;
    n->parent->mtime = -1;
    m_detach(n);
}

void kept_restore(void)
{
    int account = (int)rnd(2), overwrite = (int)rnd(2), i;
    place_t d = some_place();
    cloud_code_t code;
    cloud_result_t res;
    const char *path;
    m_node_t *n;

    if (world.bin[account]->nelts == 0) return;
    n = some_binned(&i, &path, account);
    world.what = apr_psprintf(world.step, "restore %d:%s to %d:%s (%d)", account, path, d.account,
                              d.path, overwrite);
    code = !d.dir ? CLOUD_E_CONFLICT
           : d.node && !overwrite ? CLOUD_E_PRECONDITION : CLOUD_E_NONE;
    if (!expect(cloud_trash_restore(&res, context(), world.account[account], path,
                                    world.account[d.account], d.path, overwrite, NULL,
                                    world.step), code))
        return;
    if (res.created != !d.node) stop("created is %d", res.created);
    take_out(n, account, i);
    if (d.node) model_remove(d.node);
    d.dir->mtime = -1;
    m_touch(d.dir);
    n->name = d.name;
    n->disk = d.given;
    m_attach(d.dir, n);
}

void kept_purge(void)
{
    int account = (int)rnd(2), i;
    const char *path;
    m_node_t *n;

    if (world.bin[account]->nelts == 0) return;
    n = some_binned(&i, &path, account);
    world.what = apr_psprintf(world.step, "purge %d:%s", account, path);
    must(cloud_trash_remove(context(), world.account[account], path));
    take_out(n, account, i);
    m_free(n);
}

void kept_empty(void)
{
    int account = (int)rnd(2);

    if (!world.kept || (world.bin[account]->nelts < BIN_MAX && rnd(20))) return;
    world.what = apr_psprintf(world.step, "empty %d", account);
    must(cloud_trash_empty(context(), world.account[account]));
    while (world.bin[account]->nelts) {
        m_free(binned(account, 0));
        forget(account, 0);
    }
}

/* ---- versions ---- */

static cloud_err_t *collect(void *baton, const cloud_version_t *v)
{
    cloud_version_t *copy = apr_array_push(baton);

    *copy = *v;
    return NULL;
}

/* Newest first. */
static apr_array_header_t *versions_of(const m_node_t *n)
{
    apr_array_header_t *list = apr_array_make(world.step, 8, sizeof(cloud_version_t));
    cloud_ctx_t *ctx = context();

    must(cloud_tx_begin(ctx, CLOUD_DB_READ));
    must(cloud_versions_each(ctx, n->id, collect, list));
    cloud_tx_rollback(ctx);
    return list;
}

/* A version comes back, onto its own file or somewhere else. */
void kept_old_content(void)
{
    int account = (int)rnd(2);
    m_node_t *n = any_node(account, 0);
    place_t d = some_place();
    m_version_t v;
    cloud_result_t res;
    unsigned k;

    if (!n->versions) return;
    k = rnd((unsigned)n->versions);
    v = n->version[k];
    if (rnd(2)) {
        d = (place_t){ .account = account, .path = path_of(n), .node = n, .dir = n->parent };
    }
    world.what = apr_psprintf(world.step, "version %u of %d:%s to %d:%s", k, account, path_of(n),
                              d.account, d.path);
    if (!expect(cloud_version_copy(&res, context(), world.account[account], n->id,
                                   APR_ARRAY_IDX(versions_of(n), n->versions - 1 - (int)k,
                                                 cloud_version_t).number,
                                   world.account[d.account], d.path, 1, NULL, world.step),
                !d.dir || (d.node && d.node->is_dir) ? CLOUD_E_CONFLICT : CLOUD_E_NONE))
        return;
    /* Where the clock gave the time nobody knows it here. */
    model_put(&d, v.content, v.size, v.mtime);
}

/* ---- comparing ---- */

static void compare_content(const m_node_t *n, const m_version_t *v, apr_int64_t number,
                            int account)
{
    char *want = apr_palloc(world.step, (apr_size_t)v->size + 1);
    char *got = apr_palloc(world.step, (apr_size_t)v->size + 1);
    cloud_version_t *row;
    cloud_entry_t *e;
    int fd;

    must(cloud_version_open(&fd, &e, &row, context(), world.account[account], n->id, number,
                            world.step));
    m_content(want, v->content, v->size);
    if (pread(fd, got, (size_t)v->size + 1, 0) != v->size
        || memcmp(want, got, (size_t)v->size) != 0)
        stop("%s: a version has another content", path_of(n));
}

static void compare_versions(const m_node_t *n, int account, int contents)
{
    apr_array_header_t *list;
    int i;

    for (i = 0; i < n->children; i++) compare_versions(n->child[i], account, contents);
    if (n->is_dir) return;
    list = versions_of(n);
    if (list->nelts != n->versions)
        stop("%s has %d versions and should have %d", path_of(n), list->nelts, n->versions);
    for (i = 0; i < list->nelts; i++) {
        const cloud_version_t *v = &APR_ARRAY_IDX(list, i, cloud_version_t);
        const m_version_t *m = &n->version[n->versions - 1 - i];

        if (v->size != m->size || (m->mtime != -1 && v->mtime != m->mtime))
            stop("version %d of %s is another", i, path_of(n));
        if (contents) compare_content(n, m, v->number, account);
    }
}

typedef struct {
    int account, seen;
} listing_t;

static cloud_err_t *compare_binned(void *baton, const cloud_trash_item_t *item)
{
    listing_t *l = baton;
    int i;

    l->seen++;
    for (i = 0; i < world.bin[l->account]->nelts; i++) {
        m_node_t *n = binned(l->account, i);

        if (n->id != item->node.id) continue;
        if (item->node.size != m_size(n) || CLOUD_IS_DIR(&item->node) != n->is_dir)
            stop("%s in the trash is another", n->name);
        return NULL;
    }
    stop("%s should not be in the trash", item->location ? item->location : item->node.name);
    return NULL;
}

static void compare_bin(int account)
{
    listing_t l = { account, 0 };
    apr_int64_t bytes, sum = 0;
    int i;

    for (i = 0; i < world.bin[account]->nelts; i++) sum += m_size(binned(account, i));
    must(cloud_trash_list(context(), world.account[account], "", compare_binned, &l, world.step));
    if (l.seen != world.bin[account]->nelts)
        stop("the trash has %d items and should have %d", l.seen, world.bin[account]->nelts);
    must(cloud_trash_usage(&bytes, context(), world.account[account]));
    if (bytes != sum) stop("the trash counts %d bytes and has %d", (int)bytes, (int)sum);
}

void kept_compare(int contents)
{
    int i;

    for (i = 0; i < 2; i++) {
        compare_bin(i);
        if (contents || world.n % 20 == 0) compare_versions(world.root[i], i, contents);
    }
}
