/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file listing.h
 * The resources of an answer: collected in one snapshot of the database, written after it ended.
 * Request-free.
 */
#ifndef CLOUD_DAV_LISTING_H
#define CLOUD_DAV_LISTING_H

#include "props.h"
#include "target.h"

typedef struct cloud_listing_t cloud_listing_t;

/** A listing below t for what req asks. Owner, quota, fingerprint are loaded as far as needed.
 *  Begin a READ transaction before, end it after the last row was added and before anything is
 *  written. */
cloud_err_t *cloud_listing_create(cloud_listing_t **listing, cloud_ctx_t *ctx,
                                  const cloud_dav_target_t *t, cloud_propreq_t *req,
                                  apr_pool_t *pool);

/** Adds t itself, and with depth 1 or -1 (infinity) what is below it. */
cloud_err_t *cloud_listing_target(cloud_listing_t *l, int depth);
/** Before entries that are at or below this one are added by themselves: loads the locks there. */
cloud_err_t *cloud_listing_scope(cloud_listing_t *l, const cloud_entry_t *entry);
/** Adds one entry of t's account by itself, wherever it is. Access was decided. */
cloud_err_t *cloud_listing_entry(cloud_listing_t *l, const cloud_entry_t *entry);

/** After the last row: loads what features say of all of them. (tx) */
cloud_err_t *cloud_listing_complete(cloud_listing_t *l);

/** For spaces of other kinds: where the next rows are (percent-encoded, with a slash at the end),
 *  and a row. Everything the row points to is copied. */
cloud_err_t *cloud_listing_prefix(cloud_listing_t *l, const char *href);
cloud_err_t *cloud_listing_row(cloud_listing_t *l, const cloud_dav_row_t *row);

/** The spool, view and locks as text; call it when the transaction has ended, and write then. */
cloud_err_t *cloud_listing_write(cloud_listing_t *l, cloud_out_t *out);

/** What its rows have in common, to be completed by the caller. */
cloud_dav_view_t *cloud_listing_view(cloud_listing_t *l);
/** Number of rows so far. */
apr_int64_t cloud_listing_rows(const cloud_listing_t *l);

#endif
