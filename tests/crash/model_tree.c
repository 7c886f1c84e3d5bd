/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "model_tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

m_node_t *m_new(const char *name, const char *disk, int is_dir)
{
    m_node_t *n = calloc(1, sizeof *n);

    if (!n) abort();
    n->name = name;
    n->disk = disk;
    n->is_dir = is_dir;
    n->mtime = -1;
    n->fresh = 1;
    return n;
}

void m_free(m_node_t *n)
{
    int i;

    for (i = 0; i < n->children; i++) m_free(n->child[i]);
    free(n->version);
    free(n);
}

m_node_t *m_child(const m_node_t *dir, const char *name)
{
    int i;

    for (i = 0; i < dir->children; i++)
        if (strcmp(dir->child[i]->name, name) == 0) return dir->child[i];
    return NULL;
}

void m_attach(m_node_t *dir, m_node_t *n)
{
    int i;

    if (dir->children == MODEL_CHILDREN) abort();
    for (i = dir->children++; i > 0 && strcmp(dir->child[i - 1]->name, n->name) > 0; i--)
        dir->child[i] = dir->child[i - 1];
    dir->child[i] = n;
    n->parent = dir;
}

void m_detach(m_node_t *n)
{
    m_node_t *dir = n->parent;
    int i;

    for (i = 0; dir->child[i] != n; i++) continue;
    memmove(&dir->child[i], &dir->child[i + 1],
            sizeof *dir->child * (size_t)(--dir->children - i));
    n->parent = NULL;
}

m_node_t *m_copy(const m_node_t *n, const char *name, const char *disk, int deep)
{
    m_node_t *copy = m_new(name, disk, n->is_dir);
    int i;

    copy->content = n->content;
    copy->size = n->size;
    copy->mtime = n->mtime;
    copy->colour = n->colour;
    for (i = 0; deep && i < n->children; i++)
        m_attach(copy, m_copy(n->child[i], n->child[i]->name, n->child[i]->disk, 1));
    return copy;
}

void m_touch(m_node_t *n)
{
    for (; n; n = n->parent) n->touched = 1;
}

void m_keep(m_node_t *n)
{
    m_version_t v = { n->content, n->size, n->mtime };

    n->version = realloc(n->version, (size_t)(n->versions + 1) * sizeof *n->version);
    if (!n->version) abort();
    n->version[n->versions++] = v;
}

int m_inside(const m_node_t *n, const m_node_t *dir)
{
    for (; n; n = n->parent)
        if (n == dir) return 1;
    return 0;
}

int m_count(const m_node_t *n)
{
    int i, count = 1;

    for (i = 0; i < n->children; i++) count += m_count(n->child[i]);
    return count;
}

apr_int64_t m_size(const m_node_t *n)
{
    apr_int64_t size = n->size;
    int i;

    for (i = 0; i < n->children; i++) size += m_size(n->child[i]);
    return size;
}

void m_content(char *buf, unsigned content, apr_int64_t size)
{
    apr_int64_t i;

    for (i = 0; i < size; i++) {
        content = content * 1103515245u + 12345u;
        buf[i] = (char)(content >> 16);
    }
}

/* ---- comparing ---- */

static void differ(m_compare_t *c, const m_node_t *n, const char *what, apr_int64_t got,
                   apr_int64_t want)
{
    const char *path = n->name;
    const m_node_t *up;

    if (c->problem) return;
    for (up = n->parent; up; up = up->parent)
        path = apr_pstrcat(c->pool, up->name, "/", path, NULL);
    c->problem = apr_psprintf(c->pool, "%s: %s is %" APR_INT64_T_FMT " and should be %"
                              APR_INT64_T_FMT, path, what, got, want);
}

static void compare_numbers(m_compare_t *c, m_node_t *m, const cloud_node_t *n)
{
    if (m->fresh) {
        if (n->id <= c->highest) differ(c, m, "new id", n->id, c->highest + 1);
        if (n->etag <= c->highest) differ(c, m, "new ETag", n->etag, c->highest + 1);
        m->id = n->id;
    } else if (m->loose) {
        if (n->etag < m->etag) differ(c, m, "ETag", n->etag, m->etag);
    } else if (m->touched && n->etag <= c->highest) {
        differ(c, m, "changed ETag", n->etag, c->highest + 1);
    } else if (!m->touched && n->etag != m->etag) {
        differ(c, m, "ETag", n->etag, m->etag);
    }
    if (n->id != m->id) differ(c, m, "id", n->id, m->id);
    m->etag = n->etag;
    m->fresh = m->touched = m->loose = 0;
    if (n->id > c->seen) c->seen = n->id;
    if (n->etag > c->seen) c->seen = n->etag;
}

static void compare_node(m_compare_t *c, m_node_t *m, const cloud_node_t *n)
{
    compare_numbers(c, m, n);
    if (CLOUD_IS_DIR(n) != m->is_dir) differ(c, m, "kind", n->kind, m->is_dir);
    if (n->size != m_size(m)) differ(c, m, "size", n->size, m_size(m));
    if (m->mtime != -1 && n->mtime != m->mtime) differ(c, m, "mtime", n->mtime, m->mtime);
    if (strcmp(n->disk, m->disk) != 0) differ(c, m, "spelling", 0, 1);
    if (!(n->flags & CLOUD_NODE_PROPS) != !m->colour)
        differ(c, m, "properties", (n->flags & CLOUD_NODE_PROPS) != 0, m->colour);
}

typedef struct {
    m_compare_t *c;
    m_node_t *dir;
    int at;
} level_t;

static cloud_err_t *compare_child(void *baton, const cloud_child_t *child)
{
    level_t *l = baton;
    m_node_t *m = l->at < l->dir->children ? l->dir->child[l->at] : NULL;

    if (!m || strcmp(m->name, child->node->name) != 0) {
        if (!l->c->problem)
            l->c->problem = apr_psprintf(l->c->pool, "in %s: %s is listed, and should be %s",
                                         l->dir->name, child->node->name, m ? m->name : "nothing");
        return NULL;
    }
    l->at++;
    compare_node(l->c, m, child->node);
    return NULL;
}

static cloud_err_t *compare_content(m_compare_t *c, const m_node_t *m, const char *path,
                                    apr_pool_t *pool)
{
    char *want = apr_palloc(pool, (apr_size_t)m->size + 1);
    char *got = apr_palloc(pool, (apr_size_t)m->size + 1);
    apr_array_header_t *props;
    cloud_entry_t *e;
    ssize_t n;
    int fd;

    CLOUD_ERR(cloud_file_open(&fd, &e, c->ctx, c->account, path, pool));
    n = pread(fd, got, (size_t)m->size + 1, 0);
    m_content(want, m->content, m->size);
    if (n != m->size) differ(c, m, "length", n, m->size);
    else if (memcmp(want, got, (size_t)n) != 0) differ(c, m, "content", 0, 1);
    if (!m->colour) return NULL;
    CLOUD_ERR(cloud_props_get(&props, c->ctx, m->id, pool));
    if (props->nelts != 1 || atoi(APR_ARRAY_IDX(props, 0, cloud_prop_t).value) != m->colour)
        differ(c, m, "property", props->nelts, m->colour);
    return NULL;
}

static cloud_err_t *compare_dir(m_compare_t *c, m_node_t *m, const char *path, apr_pool_t *parent)
{
    level_t l = { c, m, 0 };
    cloud_err_t *err = NULL;
    apr_pool_t *pool;
    cloud_entry_t *e;
    int i;

    apr_pool_create(&pool, parent);
    CLOUD_ERR(cloud_file_stat(&e, c->ctx, c->account, path, pool));
    if (!m->parent) compare_node(c, m, &e->node);
    CLOUD_ERR(cloud_file_list(c->ctx, e, compare_child, &l));
    if (l.at < m->children && !c->problem)
        c->problem = apr_psprintf(c->pool, "in %s: %s is not listed", path, m->child[l.at]->name);
    for (i = 0; !err && !c->problem && i < m->children; i++) {
        m_node_t *child = m->child[i];
        const char *below = apr_pstrcat(pool, path, *path ? "/" : "", child->name, NULL);

        if (child->is_dir) err = compare_dir(c, child, below, pool);
        else if (c->contents) err = compare_content(c, child, below, pool);
    }
    apr_pool_destroy(pool);
    return err;
}

cloud_err_t *m_compare(m_compare_t *c, m_node_t *root)
{
    c->problem = NULL;
    c->seen = c->highest;
    return compare_dir(c, root, "", c->pool);
}
