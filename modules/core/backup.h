/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file backup.h
 * The inside of cloud_backup and cloud_restore. Both copy what the rows of a database name from one
 * data directory to another: backup.c (the order of a backup), restore.c, backup_walk.c (the
 * tree), backup_copy.c (one file), backup_find.c (content that has left its place since the
 * snapshot).
 */
#ifndef CLOUD_BACKUP_H
#define CLOUD_BACKUP_H

#include "disk.h"
#include "maint.h"

#define CLOUD_MANIFEST      "manifest"
#define CLOUD_MANIFEST_HEAD "mod_cloud backup 1"

typedef struct {
    cloud_ctx_t *live;            /* of the running store; NULL for restore */
    cloud_db_t *db;               /* of the copy: its rows say what is copied */
    cloud_ctx_t snap;             /* looks at db like any context inside a transaction */
    int src, dst;                 /* the two accounts/ directories */
    apr_pool_t *pool, *iter;
    cloud_backup_progress_fn *progress;
    void *baton;
    apr_int64_t files, bytes;
    apr_int64_t changed;          /* edited from outside: copied as they are */
    apr_int64_t missing, damaged;
    apr_array_header_t *problems; /* lines for the manifest, the first ones */
    apr_array_header_t *todo;     /* ids of folders */
    apr_array_header_t *lost;     /* of lost_t: not found yet */
    apr_pool_t *lost_pool;
    int updates;                  /* rows written since the last commit */
} backup_t;

/* A file that was not where the snapshot names it. */
typedef struct {
    cloud_node_t node;
    const char *path;
} lost_t;

/* ---- backup_walk.c ---- */
/** Copies all accounts that db knows, files and what features keep beside them. */
cloud_err_t *cloud_backup_walk(backup_t *b);
/** Opens path below a directory, step by step, never through a link; -1 and errno. */
int cloud_backup_open(int dir, const char *path, int flags);
/** Copies all nodes below a root, whose directory is there. */
cloud_err_t *cloud_backup_tree(backup_t *b, apr_int64_t root, cloud_kind_t kind);
void cloud_backup_problem(backup_t *b, const char *what, const char *path);

/* ---- backup_kept.c ---- */
/** Directories of the account in which all is copied by rows: of bins, and of features. */
cloud_err_t *cloud_backup_kept_dirs(apr_array_header_t **names, backup_t *b,
                                    const cloud_account_t *a);
/** Copies what features keep for the account. */
cloud_err_t *cloud_backup_kept(backup_t *b, const cloud_account_t *a);

/* ---- backup_copy.c ---- */
/** Copies the open file, which is or should be the content of node, to path below dst, and gives
 *  the row its new identity. */
cloud_err_t *cloud_backup_file(backup_t *b, int fd, const cloud_node_t *node, const char *path);
/** Copies a file or directory with all in it, that no row names. */
cloud_err_t *cloud_backup_raw(backup_t *b, int sdir, int ddir, const char *name);
/** Gives the row the identity of what stands at name in ddir. */
cloud_err_t *cloud_backup_stamp(backup_t *b, const cloud_node_t *node, int ddir, const char *name);

/* ---- backup_find.c ---- */
/** Opens the content of a node of the snapshot that is not at its place any more; *fd -1. */
cloud_err_t *cloud_backup_find(int *fd, backup_t *b, const cloud_node_t *node);
/** Looks for all of b->lost where nothing is unlinked meanwhile, and copies what it finds. */
cloud_err_t *cloud_backup_search(backup_t *b);

/* ---- backup.c, shared with restore.c ---- */
void cloud_backup_init(backup_t *b, apr_pool_t *pool);
void cloud_backup_close(backup_t *b);
/** Opens from/accounts, and makes to a new data directory without marker. EXISTS when it is not
 *  empty. */
cloud_err_t *cloud_backup_dirs(backup_t *b, const char *from, const char *to);
/** Copies by the rows of the database in the directory to. */
cloud_err_t *cloud_backup_fill(backup_t *b, const char *to);
/** Everything is on disk; then the marker, from from. */
cloud_err_t *cloud_backup_seal(backup_t *b, const char *from, const char *to);
/** SHA256 of a file, as in the manifest. */
cloud_err_t *cloud_backup_hash(const char **hash, const char *path, apr_pool_t *pool);

#endif
