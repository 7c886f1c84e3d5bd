/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Of a form with files one thing counts: the first file, or the field that names one in the cloud. */
#include "avatars_form.h"

#include "multipart.h"

#include <string.h>

#define PATH_MAX_LEN 4096

typedef enum { OTHER, PATH, PICTURE } what_t;

struct cloud_avatar_form_t {
    cloud_multipart_t *parts;
    cloud_spooled_t *spooled;
    apr_pool_t *pool;
    apr_size_t total;
    what_t found, part;     /* what was found, and what the part that comes in is */
    char path[PATH_MAX_LEN + 1];
    apr_size_t path_len;
};

static cloud_err_t *begin_part(void *baton, const char *name, const char *filename)
{
    cloud_avatar_form_t *form = baton;

    form->part = OTHER;
    if (form->found != OTHER) return NULL;
    if (filename) form->part = PICTURE;
    else if (strcmp(name, "path") == 0) form->part = PATH;
    form->found = form->part;
    return NULL;
}

static cloud_err_t *part_data(void *baton, const char *data, apr_size_t len)
{
    cloud_avatar_form_t *form = baton;

    if (form->part == PICTURE) return cloud_spooled_write(form->spooled, data, len);
    if (form->part == OTHER) return NULL;
    if (len > PATH_MAX_LEN - form->path_len || memchr(data, '\0', len))
        return cloud_err(form->pool, CLOUD_E_INVALID, "The path is none");
    memcpy(form->path + form->path_len, data, len);
    form->path_len += len;
    return NULL;
}

static cloud_err_t *end_part(void *baton)
{
    (void)baton;
    return NULL;
}

cloud_err_t *cloud_avatar_form_create(cloud_avatar_form_t **form, const char *type,
                                      cloud_spooled_t *spooled, apr_pool_t *pool)
{
    static const cloud_multipart_fn_t parts = { begin_part, part_data, end_part };
    cloud_avatar_form_t *f = apr_pcalloc(pool, sizeof *f);

    f->spooled = spooled;
    f->pool = pool;
    *form = f;
    return cloud_multipart_create(&f->parts, type, &parts, f, pool);
}

cloud_err_t *cloud_avatar_form_feed(void *baton, const char *data, apr_size_t len)
{
    cloud_avatar_form_t *form = baton;

    if (len > CLOUD_AVATAR_BYTES_MAX - form->total)
        return cloud_err(form->pool, CLOUD_E_TOO_LARGE, "The form is too large");
    form->total += len;
    return cloud_multipart_feed(form->parts, data, len);
}

cloud_err_t *cloud_avatar_form_finish(const char **path, cloud_avatar_form_t *form)
{
    CLOUD_ERR(cloud_multipart_finish(form->parts));
    if (form->found == OTHER)
        return cloud_err(form->pool, CLOUD_E_INVALID, "No image or file provided");
    *path = form->found == PATH ? form->path + strspn(form->path, "/") : NULL;
    return NULL;
}
