/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file avatars_form.h
 * Forms with files in them (multipart/form-data, RFC 7578), in memory. Request-free.
 */
#ifndef CLOUD_AVATARS_FORM_H
#define CLOUD_AVATARS_FORM_H

#include "cloud.h"

typedef struct {
    const char *name;        /* of the field */
    int is_file;             /* it has a file name */
    const char *data;        /* in the body */
    apr_size_t len;
} cloud_avatar_part_t;

/** The boundary in a Content-Type; NULL when that is not of such a form. */
const char *cloud_avatar_form_boundary(const char *content_type, apr_pool_t *pool);
/** The next part at *at of a body, which starts as 0; *part NULL behind the last. INVALID: broken. */
cloud_err_t *cloud_avatar_form_next(cloud_avatar_part_t **part, apr_size_t *at, const char *body,
                                  apr_size_t len, const char *boundary, apr_pool_t *pool);

#endif
