/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The store of testutil.h with one account, and shorthand for what tests of scan, fsck and backup
 * do to it, by the verbs, behind its back on disk, and by SQL. Paths are those in the account's
 * files. */
#ifndef WORLD_H
#define WORLD_H

#include "testutil.h"

#include "maint.h"
#include "files.h"

typedef struct {
    apr_pool_t *pool;
    apr_pool_t *store_pool;
    const char *dir;           /* for other things, on the same file system */
    const char *data_dir;      /* may be set to another one before world_reopen() */
    const char *first_dir;     /* the one of the beginning */
    cloud_store_t *store;
    cloud_ctx_t *ctx;          /* the system */
    cloud_ctx_t *user;         /* the account itself */
    cloud_account_t *account;
} world_t;

world_t *world_create(void);
void world_destroy(world_t *w);
/** Closes the store and opens it again (also after data_dir was changed). */
void world_reopen(world_t *w);

/* by the verbs */
void world_put(world_t *w, const char *path, const char *text);
void world_mkcol(world_t *w, const char *path);
void world_move(world_t *w, const char *src, const char *dst);
void world_remove(world_t *w, const char *path);
/** NULL when it does not exist. */
const cloud_node_t *world_node(world_t *w, const char *path);
/** Content through cloud_file_open; NULL when that fails with NOT_FOUND or UNAVAILABLE. */
const char *world_read(world_t *w, const char *path);
/** Every path, its kind, id, ETag, size and SHA1, one a line: for comparing states. */
const char *world_dump(world_t *w);

/* behind its back */
const char *world_disk(world_t *w, const char *path);
void world_write(world_t *w, const char *path, const char *text);   /* new file or in place */
/** Another inode, renamed over it. */
void world_replace(world_t *w, const char *path, const char *text);
void world_disk_mkdir(world_t *w, const char *path);
void world_disk_move(world_t *w, const char *src, const char *dst);
void world_disk_remove(world_t *w, const char *path);               /* recursively */
/** New inode, same content, size and times: what a restore from a backup leaves. */
void world_disk_restore(world_t *w, const char *path);
int world_disk_exists(world_t *w, const char *path);

/* by SQL */
void world_sql(world_t *w, const char *fmt, ...) CLOUD_PRINTF(2, 3);

#endif
