/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file maint.h
 * What the operator does: scan, fsck, backup, restore.
 */
#ifndef CLOUD_MAINT_H
#define CLOUD_MAINT_H

#include "access.h"

typedef struct {
    apr_int64_t seen, added, changed, moved, vanished, skipped, bytes;
    int refused;             /* 1: more than the limit is missing (vanished says how many nodes):
                                nothing was removed */
} cloud_scan_stats_t;

#define CLOUD_SCAN_LIMIT 10  /* percent */

typedef struct {
    int allow_vanish;        /* take any number as vanished */
    int limit_percent;       /* of the known nodes; 0: CLOUD_SCAN_LIMIT; below 0: take none */
    int rehash;              /* read unchanged files too: fills in checksums, reports damage */
    /** Told about each finding ("added", "changed", "moved", "vanished", "skipped"); may be NULL. */
    void (*report)(void *baton, const char *what, const char *path, const char *detail);
    void *baton;
} cloud_scan_opts_t;

/** Takes in what was changed behind our back below path of the account (by ssh, rsync, ftp). Safe to
 *  stop at any time and to run again, while the server works or not. Files that are new get no
 *  checksums yet: a later scan with rehash, or fsck --repair --hashes, fills them in. Only for the
 *  system (DENIED); UNAVAILABLE when the account's disk is not there or moves are owed that can't be
 *  made. */
CLOUD_API cloud_err_t *cloud_scan(cloud_scan_stats_t *stats, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path,
                                  const cloud_scan_opts_t *opts);

typedef struct {
    apr_int64_t accounts, nodes, files, findings, repaired;
} cloud_fsck_stats_t;

typedef struct {
    int repair;              /* mend; content is never deleted: what belongs nowhere goes to
                                lost+found */
    int hashes;              /* read every file and compare its checksum; with repair, fill in
                                missing ones */
    /** Told about each finding, may be NULL. account is NULL for what belongs to none, or was found
     *  in the database alone; path is one in the account's files then, else one below accounts/. */
    void (*report)(void *baton, const char *kind, const char *account, const char *path,
                   const char *detail, int repaired);
    void *baton;
} cloud_fsck_opts_t;

/** Checks database against itself (sizes, parents, ETags, roots, journal, counters) and against the
 *  disk. Reads only, unless repair; in pages, so that it pins no log and takes little memory, and
 *  without false findings while the server works. account NULL: all; else only its files. Only for
 *  the system (DENIED). */
CLOUD_API cloud_err_t *cloud_fsck(cloud_fsck_stats_t *stats, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const cloud_fsck_opts_t *opts);

typedef void cloud_backup_progress_fn(void *baton, apr_int64_t files, apr_int64_t bytes);

/** Consistent copy of database and files into dir (absolute; empty or absent) while the server
 *  runs: the snapshot of the database first, then the files it names; nothing is unlinked
 *  meanwhile. Each file is compared with its checksum, and all is on disk when this returns. dir is
 *  a data directory then, with a file named manifest, written last: without it the backup is not
 *  complete. UNAVAILABLE when a file could not be had or is not what its checksum says; the manifest
 *  names those, and the rest is good. Only for the system (DENIED). */
CLOUD_API cloud_err_t *cloud_backup(cloud_ctx_t *ctx, const char *dir,
                                    cloud_backup_progress_fn *progress, void *baton);
/** Restores a backup into an empty or absent data directory, comparing everything again. The
 *  generation will differ, so that clients are told. */
CLOUD_API cloud_err_t *cloud_restore(const char *dir, const char *data_dir, apr_pool_t *pool);

#endif
