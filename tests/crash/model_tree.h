/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A tree as simple as can be, in memory: what libcloud is compared with. */
#ifndef MODEL_TREE_H
#define MODEL_TREE_H

#include "files.h"

#define MODEL_CHILDREN 16    /* as many as there are names */

/* An old content of a file. */
typedef struct {
    unsigned content;
    apr_int64_t size, mtime;
} m_version_t;

typedef struct m_node_t m_node_t;
struct m_node_t {
    const char *name;        /* normal form; of a static table */
    const char *disk;        /* as given */
    int is_dir;
    apr_int64_t id, etag;    /* as libcloud gave them */
    unsigned content;        /* what the bytes are made from */
    apr_int64_t size;        /* of a file */
    apr_int64_t mtime;       /* -1: whatever the clock said */
    int colour;              /* value of the one dead property; 0: none */
    m_node_t *parent, *child[MODEL_CHILDREN];
    int children;
    m_version_t *version;    /* oldest first */
    int versions;
    int fresh;               /* new: id and ETag are not known yet */
    int touched;             /* the step at hand has to change its ETag */
    int loose;               /* it may have changed its ETag since it was deleted */
};

m_node_t *m_new(const char *name, const char *disk, int is_dir);
void m_free(m_node_t *n);
m_node_t *m_child(const m_node_t *dir, const char *name);
void m_attach(m_node_t *dir, m_node_t *n);
void m_detach(m_node_t *n);
/** A copy with all below it (deep), all fresh. */
m_node_t *m_copy(const m_node_t *n, const char *name, const char *disk, int deep);
/** The ETag of n and of all above it has to change. */
void m_touch(m_node_t *n);
/** What a file is becomes an old version. */
void m_keep(m_node_t *n);
int m_inside(const m_node_t *n, const m_node_t *dir);
int m_count(const m_node_t *n);
apr_int64_t m_size(const m_node_t *n);
/** The bytes of a file, size of them. */
void m_content(char *buf, unsigned content, apr_int64_t size);

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    int contents;            /* read every file too */
    apr_int64_t highest;     /* number that all new ones have to be above */
    apr_int64_t seen;        /* highest one met */
    const char *problem;     /* first difference, in pool */
    apr_pool_t *pool;
} m_compare_t;

/** Compares, and takes over ids and ETags that had to be new. */
cloud_err_t *m_compare(m_compare_t *c, m_node_t *root);

#endif
