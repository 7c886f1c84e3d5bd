/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file retention.h
 * How long old versions and deleted files are kept: ownCloud's retention obligations, its table of
 * thinning, and what has to go when space is short. Pure decisions over lists, without a store:
 * shared by versions and trash. Every function passes over its list once, whatever is in it.
 */
#ifndef CLOUD_RETENTION_H
#define CLOUD_RETENTION_H

#include "cloud.h"

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
cloud_err_t *cloud_retention_parse(cloud_retention_t *r, cloud_retain_kind_t kind,
                                   const char *text, apr_pool_t *pool);

typedef enum {
    CLOUD_DROP_NO = 0,
    CLOUD_DROP_THIN,    /* too close to its newer neighbour */
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

/** Thinning and maximum age of the versions of one file, newest first. Gives the number that go. The
 *  newest is never thinned. */
int cloud_retention_expire(const cloud_retention_t *r, cloud_retained_t *items, int n,
                           apr_int64_t now);
/** Picks, oldest first, until need bytes are found among what may go for lack of space; the last
 *  spare items (the newest) are left alone. items come oldest first. Takes what it found from *need.
 *  Gives the number that go. */
int cloud_retention_relieve(const cloud_retention_t *r, cloud_retained_t *items, int n, int spare,
                            apr_int64_t now, apr_int64_t *need);

/** Bytes by which what is kept is over its share of an account's quota: (quota - files) * percent
 *  - kept, when that is below 0. Without a quota (negative) an account can't be over it. */
apr_int64_t cloud_retention_over_share(apr_int64_t quota, apr_int64_t files, apr_int64_t kept,
                                       int percent);
/** Bytes to give back to a disk: none until it is filled to high percent, then as many as lead down
 *  to low percent. */
apr_int64_t cloud_retention_over_mark(apr_int64_t total, apr_int64_t used, int low, int high);

#endif
