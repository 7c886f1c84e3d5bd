/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the files of the model share: the world, chance, and expectations. */
#ifndef MODEL_H
#define MODEL_H

#include "model_tree.h"
#include "account.h"

typedef struct {
    cloud_store_t *store[2];
    apr_pool_t *store_pool[2], *pool, *step;
    cloud_account_t *account[2];
    m_node_t *root[2];
    int kept;                        /* with trash and versions */
    apr_array_header_t *bin[2];      /* of m_node_t *: what was deleted and can be restored */
    const char *dir;
    apr_uint64_t rng;
    apr_int64_t highest;
    long n;
    const char *what;
} world_t;
extern world_t world;

/** A place in one of the trees: what is there, or (NULL) where it would be. */
typedef struct {
    int account;
    const char *path;
    m_node_t *node, *dir;      /* dir NULL: there is no such folder */
    const char *name, *given;
} place_t;

unsigned rnd(unsigned n);
m_node_t *any_node(int account, int folders);
const char *path_of(const m_node_t *n);
/** Some name in a folder that exists, mostly; or in a file, or nowhere. */
place_t some_place(void);
cloud_ctx_t *context(void);
/** Tells what is wrong, and ends. */
void stop(const char *fmt, ...) CLOUD_PRINTF(1, 2);
void must(cloud_err_t *err);
int expect(cloud_err_t *err, cloud_code_t code);
void model_put(const place_t *p, unsigned content, apr_int64_t size, apr_int64_t mtime);
void model_remove(m_node_t *n);

/* ---- model_kept.c: verbs of trash and versions; nothing without them ---- */

void kept_register(void);
void kept_restore(void);
void kept_purge(void);
void kept_empty(void);
void kept_old_content(void);
/** Compares both bins and the versions of all files; contents: reads those, too. */
void kept_compare(int contents);

#endif
