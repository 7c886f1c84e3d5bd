/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file listing_private.h
 * What the files of a listing share: listing.c is about rows, the others find them.
 */
#ifndef CLOUD_DAV_LISTING_PRIVATE_H
#define CLOUD_DAV_LISTING_PRIVATE_H

#include "listing.h"
#include "spool.h"

struct cloud_listing_t {
    cloud_ctx_t *ctx;
    const cloud_dav_target_t *t;
    cloud_propreq_t *req;
    unsigned need;
    apr_pool_t *pool, *scratch;     /* scratch: cleared after each row that used it */
    cloud_spool_t *spool;
    cloud_dav_view_t *view;
    apr_int64_t rows;

    apr_array_header_t *locks;      /* of cloud_lock_t; NULL: there are none */
    apr_hash_t *own;                /* node id -> index of the first lock on it, + 1 */
    int *next;                      /* of the same node, -1 at the end */
    int *inherited, inherited_len;  /* locks that cover all members of the folder being listed */

    apr_hash_t *owners;             /* account number -> index into view->owners, + 1 */
    apr_int64_t last_owner_number;  /* mostly that of the row before */
    int last_owner;

    const apr_array_header_t *favorites; /* of who asks: apr_int64_t in order; NULL: not needed */

    apr_array_header_t *queue;      /* Depth infinity: paths of folders still to be listed */
    const char *folder;             /* path of the folder being listed */
};

/** Finds the bytes that are free where the entry is: with the owner of its tree. */
cloud_err_t *cloud_listing_quota(cloud_listing_t *l, const cloud_entry_t *entry);
/** Index into view->owners of an account. */
int cloud_listing_owner(cloud_listing_t *l, apr_int64_t number, const char *id, const char *name);

/* How each kind of target is listed, with depth 0, 1 or -1. */
cloud_err_t *cloud_listing_files(cloud_listing_t *l, int depth);
cloud_err_t *cloud_listing_parent(cloud_listing_t *l, int depth);
cloud_err_t *cloud_listing_uploads(cloud_listing_t *l, int depth);
cloud_err_t *cloud_listing_session(cloud_listing_t *l, int depth);
cloud_err_t *cloud_listing_chunk(cloud_listing_t *l, int depth);

#endif
