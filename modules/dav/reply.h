/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file reply.h
 * A 207 from the writer (multistatus.h) to the client, through httpd's filters.
 */
#ifndef CLOUD_DAV_REPLY_H
#define CLOUD_DAV_REPLY_H

#include <httpd.h>

#include "listing.h"

typedef struct cloud_reply_t cloud_reply_t;

/** Sets status and headers of a 207; nothing is sent before the first buffer is full. with_dav:
 *  also the DAV header. */
cloud_reply_t *cloud_reply_begin(request_rec *r, int with_dav);
cloud_out_t *cloud_reply_out(cloud_reply_t *reply);
/** Sends the rest. err: what went wrong while writing; before the first byte it becomes the answer,
 *  later the connection is cut, so that nobody takes half an answer for a whole one. Returns what
 *  the handler returns. */
int cloud_reply_end(cloud_reply_t *reply, cloud_err_t *err);

/** True when the client asks for no word about what is not there: Prefer: return=minimal or
 *  Brief: t. */
int cloud_reply_minimal(request_rec *r);

/** Writes the listing as a 207. kind: of the request's target. */
int cloud_reply_listing(request_rec *r, cloud_listing_t *listing, cloud_dav_kind_t kind);

#endif
