/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file retention.h
 * How long old versions and deleted files are kept: ownCloud's retention obligations, its table of
 * thinning, and what has to go when space is short. Pure decisions over lists, without a store:
 * for all features that keep something. Every function passes over its list once, whatever is in it.
 */
#ifndef CLOUD_RETENTION_H
#define CLOUD_RETENTION_H

#include "account.h"

/** What an obligation means. A minimum age is a promise: neither thinning nor lack of space takes
 *  what is younger. */
typedef struct {
    int off;                /* nothing is ever removed */
    int thin;               /* by the table */
    int pressure;           /* what is over min_age may go when space is short */
    apr_int64_t min_age;    /* s; 0: none */
    apr_int64_t max_age;    /* s; what is older always goes; -1: none */
} cloud_retention_t;

typedef enum { CLOUD_RETAIN_VERSIONS, CLOUD_RETAIN_TRASH } cloud_retain_kind_t;

/** Reads "auto", "D, auto", "auto, D", "D1, D2" or "disabled" (D in days; the trash knows a single
 *  "D", too: at least D, at most 30 days). A maximum below the minimum is the minimum. INVALID for
 *  anything else; r is then what "auto" means. */
CLOUD_API cloud_err_t *cloud_retention_parse(cloud_retention_t *r, cloud_retain_kind_t kind,
                                             const char *text, apr_pool_t *pool);

typedef enum {
    CLOUD_DROP_NO = 0,
    CLOUD_DROP_THIN,    /* its neighbours are close enough to each other */
    CLOUD_DROP_AGE,     /* older than the maximum */
    CLOUD_DROP_SPACE    /* its space is needed */
} cloud_drop_t;

/** What may go. */
typedef struct {
    apr_int64_t time;   /* s: since when it is a version, or in the trash */
    apr_int64_t size;
    int pinned;         /* published: stays, whatever the reason */
    cloud_drop_t drop;  /* the decision; 0 before */
} cloud_retained_t;

/** The newest time (us) of what lack of space may take. Without a minimum age that is all, also what
 *  is ahead of a clock that was set back. */
CLOUD_API apr_time_t cloud_retention_upto(const cloud_retention_t *r);

/** Thinning and maximum age of the versions of one file, newest first. Gives the number that go.
 *
 *  A version is thinned only if the two that stay on its sides are at most one step of the table
 *  apart. So thinning never opens a hole of more than a step, however often it runs and however the
 *  versions move through the bands; and of three that stay and may go, the outer two are more than
 *  a step apart. Neither the newest nor the oldest is thinned, nor what is ahead of now. (ownCloud
 *  compares with the newer neighbour alone: what comes over the edge of a band is always too close to the last one before
 *  it, and of a file that is saved again and again nothing grows old.) */
CLOUD_API int cloud_retention_expire(const cloud_retention_t *r, cloud_retained_t *items, int n,
                                     apr_int64_t now);
/** Picks, oldest first, until need bytes are found among what may go for lack of space; the last
 *  spare items (the newest) are left alone. items come oldest first. Takes what it found from *need.
 *  Gives the number that go. */
CLOUD_API int cloud_retention_relieve(const cloud_retention_t *r, cloud_retained_t *items, int n,
                                      int spare, apr_int64_t now, apr_int64_t *need);

/** Bytes by which what is kept is over its share of an account's quota: (quota - files) * percent
 *  - kept, when that is below 0. Without a quota (negative) an account can't be over it. */
CLOUD_API apr_int64_t cloud_retention_over_share(apr_int64_t quota, apr_int64_t files,
                                                 apr_int64_t kept, int percent);
/** Bytes to give back to a disk: none until it is filled to high percent, then as many as lead down
 *  to low percent. */
CLOUD_API apr_int64_t cloud_retention_over_mark(apr_int64_t total, apr_int64_t used, int low,
                                                int high);

/* ---- with a store (retention_space.c) ---- */

/** Settings: percents of the disk, as far as uploads may fill it. From HIGH on what is kept goes, the
 *  oldest first, until it is filled to LOW only. */
#define CLOUD_DISK_LOW  "retention_disk_low"
#define CLOUD_DISK_HIGH "retention_disk_high"

/** The obligation of setting system/key; what can't be read is warned about, and "auto". */
CLOUD_API cloud_err_t *cloud_retention_get(cloud_retention_t *r, cloud_ctx_t *ctx,
                                           cloud_retain_kind_t kind, const char *key);
/** Bytes by which kept is more than its share, setting system/percent_key, of what is free in the
 *  account's quota. */
CLOUD_API cloud_err_t *cloud_retention_account_need(apr_int64_t *need, cloud_ctx_t *ctx,
                                                    const cloud_account_t *account,
                                                    apr_int64_t kept, const char *percent_key);
/** What a filled disk is owed. It is judged once, down to the low mark; the features give one after
 *  the other, until there is enough or all of them have nothing more that may go. */
typedef struct {
    apr_int64_t bytes;
    apr_time_t judged;
} cloud_disk_owed_t;
/** What feature has to give: of what was judged a minute ago at most, or of a new judgement. 0
 *  when it is dry, and while something removed earlier is not unlinked yet. (tx) */
CLOUD_API cloud_err_t *cloud_retention_disk_owed(cloud_disk_owed_t *owed, cloud_ctx_t *ctx,
                                                 const char *feature);
/** Remembers what is still owed. more 0: feature has nothing more that may go. (tx, write) */
CLOUD_API cloud_err_t *cloud_retention_disk_settle(cloud_ctx_t *ctx, const char *feature,
                                                   const cloud_disk_owed_t *owed, int more);

#endif
