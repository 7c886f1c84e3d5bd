/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file fsck.h
 * The inside of cloud_fsck, for fsck.c (order of the checks, telling), fsck_rows.c (every row, and
 * tables against each other), fsck_tree.c (an account's folders, rows against disk), fsck_disk.c
 * (what lies on disk without a row), fsck_upload.c (unfinished uploads), fsck_kept.c (what features
 * keep) and fsck_mend.c.
 *
 * A finding is made in one snapshot, or looked at again in a fresh one after what was seen on disk:
 * so a server at work gives no findings.
 */
#ifndef CLOUD_FSCK_H
#define CLOUD_FSCK_H

#include "disk.h"
#include "maint.h"

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_fsck_opts_t *opts;
    cloud_fsck_stats_t *stats;
    apr_pool_t *pool;                /* of the whole check */
    apr_pool_t *iter;                /* cleared with each row or folder */
    const cloud_account_t *account;  /* the one at work, NULL between accounts */
    apr_array_header_t *orphans;     /* ids, only to repair; bounded */
} fsck_t;

/* ---- fsck.c ---- */
/** Tells a finding. repaired as cloud_fsck_opts_t.report has it. */
void cloud_fsck_report(fsck_t *f, const char *kind, const char *path, int repaired,
                       const char *fmt, ...) CLOUD_PRINTF(5, 6);
/** Path of a node for people; "node 123" when it hangs nowhere. Works in and outside of a tx. */
const char *cloud_fsck_path(fsck_t *f, apr_int64_t id);

/* ---- fsck_rows.c ---- */
cloud_err_t *cloud_fsck_rows(fsck_t *f);
cloud_err_t *cloud_fsck_tables(fsck_t *f);
cloud_err_t *cloud_fsck_journal(fsck_t *f);

/* ---- fsck_tree.c ---- */
/** All folders below a root of that kind, against their members and against the disk. */
cloud_err_t *cloud_fsck_tree(fsck_t *f, apr_int64_t root, cloud_kind_t kind);

/* ---- fsck_kept.c ---- */
/** What features keep for the account: nodes in roots of their own, and other files. */
cloud_err_t *cloud_fsck_kept(fsck_t *f);

/* ---- fsck_disk.c ---- */
cloud_err_t *cloud_fsck_accounts_dir(fsck_t *f);
cloud_err_t *cloud_fsck_account_dir(fsck_t *f);

/* ---- fsck_upload.c ---- */
/** The account's unfinished uploads, against their files in staging. */
cloud_err_t *cloud_fsck_uploads(fsck_t *f);

/* ---- fsck_mend.c: each looks again in a write transaction; *done 1 when it mended ---- */
cloud_err_t *cloud_fsck_mend_sums(int *done, fsck_t *f, apr_int64_t folder);
cloud_err_t *cloud_fsck_mend_name(int *done, fsck_t *f, apr_int64_t id);
cloud_err_t *cloud_fsck_mend_counter(int *done, fsck_t *f, apr_int64_t at_least);
cloud_err_t *cloud_fsck_mend_cycle(int *done, fsck_t *f, apr_int64_t id);
cloud_err_t *cloud_fsck_mend_root(int *done, fsck_t *f, apr_int64_t account, apr_int64_t id,
                                  cloud_kind_t kind);
/** Takes in what is on disk and not in the rows: a scan that takes nothing as vanished. */
cloud_err_t *cloud_fsck_mend_by_scan(fsck_t *f);
/** Looks for the content of a missing file in the account's own directories. */
cloud_err_t *cloud_fsck_mend_missing(int *done, fsck_t *f, apr_int64_t id);
/** The same for a file that a feature keeps. */
cloud_err_t *cloud_fsck_mend_kept(int *done, fsck_t *f, const cloud_feature_t *feature,
                                  const cloud_kept_t *kept);
/** The content of a kept file has another inode (a restore from a backup): notes that one. */
cloud_err_t *cloud_fsck_mend_identity(fsck_t *f, const cloud_feature_t *feature,
                                      const cloud_kept_t *kept, const cloud_disk_t *disk);
/** Moves something that belongs nowhere to the account's lost+found. */
cloud_err_t *cloud_fsck_mend_stray(int *done, fsck_t *f, const char *path);
/** Rows that hang nowhere and have no content anywhere. */
cloud_err_t *cloud_fsck_mend_orphans(fsck_t *f);

#endif
