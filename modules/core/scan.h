/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file scan.h
 * The inside of cloud_scan, for scan.c (the walk), scan_look.c (what an entry on disk is),
 * scan_entry.c (taking it in) and scan_gone.c (rows whose files are not there any more).
 */
#ifndef CLOUD_SCAN_H
#define CLOUD_SCAN_H

#include "disk.h"
#include "files_private.h"
#include "maint.h"

#include <apr_file_io.h>

/* The folder at work. */
typedef struct {
    apr_pool_t *pool;          /* cleared with each folder */
    apr_int64_t id;
    const char *path;          /* on disk, below accounts/ */
    const char *only;          /* NFC name: nothing else in this folder is looked at; or NULL */
    int fd;
    apr_int64_t *chain;        /* from the tree's root to the folder */
    int depth;
    apr_int64_t matched;       /* entries that have a row */
    int lost;                  /* it was moved by somebody meanwhile: look again */
    /* what the open transaction still owes the chain */
    apr_int64_t number;        /* 0: nothing */
    apr_int64_t delta;
    apr_int64_t mtime;         /* or CLOUD_NO_MTIME: the members are the same */
} scan_dir_t;

typedef enum { SCAN_TX_NONE, SCAN_TX_READ, SCAN_TX_WRITE } scan_tx_t;

/* A checksum that was missing. */
typedef struct {
    apr_int64_t id, ino, size, mtime;
    cloud_sums_t sums;
} scan_fill_t;

/* What is to be done about one name on disk. */
typedef enum {
    SCAN_NOTHING,
    SCAN_SKIP,      /* can't be served: reported */
    SCAN_HASH,      /* only its content tells: to be read outside of transactions */
    SCAN_ADOPT,     /* same content, other identity: nobody need know */
    SCAN_RESPELL,   /* same name in another normal form */
    SCAN_CHANGE,    /* other content */
    SCAN_ADD,
    SCAN_MOVE,
    SCAN_WAIT       /* the name is taken by a node whose file is gone: after removing that */
} scan_what_t;

/* One name on disk, and what was seen of it. */
typedef struct {
    const char *disk_name;
    cloud_disk_t disk;
    const char *nfc;
    cloud_node_t *row;         /* of this entry, or the one that moved here */
    const char *name;          /* free name for what is added or moved */
    const char *old_path;      /* where the moved one was */
    int orphan;                /* it was nowhere: no folder is without it now */
    const char *why;
    cloud_sums_t sums;         /* of the content, when it was read */
    int fill;                  /* the row has no checksums yet */
    scan_what_t what;
} scan_look_t;

/* Ids kept in a temporary file, for there may be many. */
typedef struct {
    apr_file_t *file;
    int reading;
} scan_spool_t;

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const cloud_scan_opts_t *opts;
    cloud_scan_stats_t *stats;
    apr_pool_t *pool;          /* of the whole scan */
    apr_pool_t *entry_pool;    /* cleared with each entry */
    apr_pool_t *tx_pool;       /* of ctx, cleared with each transaction */
    apr_array_header_t *todo;  /* ids of folders to visit, a stack */
    scan_spool_t gone;         /* nodes whose files are missing */
    scan_spool_t again;        /* folders to visit once more when those were removed */
    apr_int64_t known;         /* rows met, those just added included */
    dev_t dev;
    const char *prefix;        /* "<account>/files" */
    scan_tx_t tx;
    apr_time_t tx_until;
    int tx_reads;
    scan_dir_t dir;
    apr_array_header_t *fills; /* of scan_fill_t: checksums that rows are still to get */
    apr_pool_t *fill_pool;
    struct {                   /* the last file hashed */
        apr_uint64_t ino;
        apr_int64_t size, mtime;
        cloud_sums_t sums;
        int failed;
        apr_pool_t *pool;
    } hashed;
} scan_t;

/* ---- scan.c ---- */
/** Begins the transaction that is not open yet. For WRITE the journal is clean and s->dir is
 *  what it was, or s->dir.lost is set. */
cloud_err_t *cloud_scan_begin(scan_t *s, scan_tx_t tx);
/** Ends it: what was written is kept, with ETags and sizes of the folders above. */
cloud_err_t *cloud_scan_commit(scan_t *s);
void cloud_scan_report(scan_t *s, const char *what, const char *path, const char *name,
                       const char *detail);
/** The path of a node as people know it, by its place on disk. */
const char *cloud_scan_shown(scan_t *s, const char *path);
/** An entry for the features: a node in the folder at work, or (the caller sets chain) anywhere. */
cloud_entry_t *cloud_scan_entry_of(scan_t *s, const cloud_node_t *node, const char *path);

/* ---- scan_look.c ---- */
/** Finds out what e->disk_name in the folder at work is to the tree; the rest of e is zero before.
 *  Gives e->what. (tx) */
cloud_err_t *cloud_scan_look(scan_t *s, scan_look_t *e);
/** Reads and hashes the file, outside of transactions, for the next look at it. */
cloud_err_t *cloud_scan_hash(scan_t *s, const scan_look_t *e);

/* ---- scan_entry.c ---- */
/** Compares one name in the folder with its row and takes in what differs. */
cloud_err_t *cloud_scan_entry(scan_t *s, const char *name);

/** Writes the checksums that were collected. */
cloud_err_t *cloud_scan_fill(scan_t *s);

/* ---- scan_gone.c ---- */
/** Notes the rows of the folder that have no file. */
cloud_err_t *cloud_scan_note_gone(scan_t *s);
/** Removes what was noted and is still missing, unless it is too much. */
cloud_err_t *cloud_scan_remove_gone(scan_t *s);
/** Adds an id. All are added before the first is read. */
cloud_err_t *cloud_scan_spool(scan_t *s, scan_spool_t *spool, apr_int64_t id);
/** From the beginning; then the next one, *id 0 at the end. */
cloud_err_t *cloud_scan_rewind(scan_t *s, scan_spool_t *spool);
cloud_err_t *cloud_scan_unspool(scan_t *s, scan_spool_t *spool, apr_int64_t *id);

#endif
