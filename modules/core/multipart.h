/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file multipart.h
 * A form with files in it (multipart/form-data, RFC 7578), read as it comes in, in constant memory.
 */
#ifndef CLOUD_MULTIPART_H
#define CLOUD_MULTIPART_H

#include "cloud.h"

#define CLOUD_MULTIPART_PARTS 1000  /* at most in one form */

/** What is told of the parts; an error ends the reading. */
typedef struct {
    /** A part begins. filename NULL: a field. Both live until the part has ended. */
    cloud_err_t *(*begin)(void *baton, const char *name, const char *filename);
    cloud_err_t *(*data)(void *baton, const char *data, apr_size_t len);
    cloud_err_t *(*end)(void *baton);
} cloud_multipart_fn_t;

typedef struct cloud_multipart_t cloud_multipart_t;

/** Whether that Content-Type (may be NULL) is such a form's. */
CLOUD_API int cloud_multipart_is(const char *type);
/** For a body of this Content-Type; UNSUPPORTED when it is no such form. */
CLOUD_API cloud_err_t *cloud_multipart_create(cloud_multipart_t **m, const char *type,
                                              const cloud_multipart_fn_t *fn, void *baton,
                                              apr_pool_t *pool);
/** The next bytes. INVALID when they are malformed, TOO_LARGE for too many parts, or too large heads. */
CLOUD_API cloud_err_t *cloud_multipart_feed(cloud_multipart_t *m, const char *data,
                                            apr_size_t len);
/** The body has ended: INVALID when the form has not. */
CLOUD_API cloud_err_t *cloud_multipart_finish(cloud_multipart_t *m);

#endif
