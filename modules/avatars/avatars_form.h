/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file avatars_form.h
 * The form that brings a picture. Request-free.
 */
#ifndef CLOUD_AVATARS_FORM_H
#define CLOUD_AVATARS_FORM_H

#include "avatars.h"

typedef struct cloud_avatar_form_t cloud_avatar_form_t;

/** For a body of this Content-Type; UNSUPPORTED when it is no such form. */
cloud_err_t *cloud_avatar_form_create(cloud_avatar_form_t **form, const char *type,
                                      cloud_spooled_t *spooled, apr_pool_t *pool);
/** The next bytes (baton: the form). The first file goes to spooled, whatever its field is called
 *  (ownCloud: "files[]"), unless a field "path" stands before it. TOO_LARGE, INVALID. */
cloud_err_t *cloud_avatar_form_feed(void *form, const char *data, apr_size_t len);
/** The body has ended. *path is the field "path", without slashes before it; NULL: there was a file.
 *  INVALID: neither, or the form is malformed. */
cloud_err_t *cloud_avatar_form_finish(const char **path, cloud_avatar_form_t *form);

#endif
