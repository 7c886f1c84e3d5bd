/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file space.h
 * DAV spaces of features: a feature registers what is at remote.php/dav/<name>/. Methods, bodies,
 * headers and errors stay with this module; the feature says what is there. Request-free.
 *
 * A feature's module compiles modules/dav/multistatus.c into itself for the writers of its properties, and
 * gets cloud_dav_register_space and cloud_dav_register_props as optional functions in its pre_config
 * hook (not before APR_HOOK_MIDDLE: this module forgets what was registered before).
 */
#ifndef CLOUD_DAV_SPACE_H
#define CLOUD_DAV_SPACE_H

#include "props.h"
#include "target.h"

/** Where a space puts the rows of an answer; everything is copied. */
typedef struct cloud_dav_sink_t cloud_dav_sink_t;
struct cloud_dav_sink_t {
    /** The rows that follow are at path of the space (is_dir: they are its members, or itself with
     *  an empty name). */
    cloud_err_t *(*at)(cloud_dav_sink_t *sink, const char *path);
    cloud_err_t *(*row)(cloud_dav_sink_t *sink, const cloud_dav_row_t *row);
    /** What all rows have in common; owner, for instance, may be set. */
    cloud_dav_view_t *view;
    unsigned need;          /* CLOUD_NEED_* of what was asked for */
    /* private */
    struct cloud_listing_t *listing;
    const cloud_dav_target_t *t;
};

/** Content to be sent. */
typedef struct {
    int fd;                 /* -1: a collection, which has none */
    apr_int64_t size, mtime;
    const char *name;       /* for Content-Disposition and the type */
    const char *etag;       /* without quotes, or NULL */
    cloud_sums_t sums;
} cloud_dav_content_t;

/** A COPY or MOVE out of a space into files. */
typedef cloud_err_t *cloud_dav_out_fn(cloud_result_t *res, cloud_ctx_t *ctx,
                                      const cloud_dav_target_t *t, const cloud_dav_target_t *dst,
                                      int overwrite, const cloud_cond_t *dst_cond,
                                      apr_pool_t *pool);

/** t->account is who asks, t->path what follows the root of the space. NULL members are refused. */
typedef struct cloud_dav_space_t {
    const char *name;       /* "trash-bin" */
    int with_user;          /* its first segment is the id of an account, which must be the caller */
    /** Inside a READ transaction: t itself and, with depth 1, its members. */
    cloud_err_t *(*list)(cloud_dav_sink_t *sink, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                         int depth, apr_pool_t *pool);
    cloud_err_t *(*get)(cloud_dav_content_t *content, cloud_ctx_t *ctx,
                        const cloud_dav_target_t *t, apr_pool_t *pool);
    cloud_err_t *(*remove)(cloud_ctx_t *ctx, const cloud_dav_target_t *t, apr_pool_t *pool);
    cloud_dav_out_fn *move, *copy;
} cloud_dav_space_t;

/** Adds a space, which lives until the next restart. */
void cloud_dav_register_space(const cloud_dav_space_t *space);
/** Forgets all. */
void cloud_dav_reset_spaces(void);
/** The i-th space, NULL behind the last. */
const cloud_dav_space_t *cloud_dav_space(int i);

APR_DECLARE_OPTIONAL_FN(void, cloud_dav_register_space, (const cloud_dav_space_t *space));

#endif
