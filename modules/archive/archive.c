/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What all formats have in common: order, and paths that are safe to unpack. */
#include "archive_private.h"

#include <string.h>

static const cloud_archive_format_t *const FORMATS[] = {
    [CLOUD_ARCHIVE_ZIP] = &cloud_archive_zip,
    [CLOUD_ARCHIVE_TAR] = &cloud_archive_tar,
};

const char *cloud_archive_type(cloud_archive_kind_t kind)
{
    return FORMATS[kind]->type;
}

const char *cloud_archive_suffix(cloud_archive_kind_t kind)
{
    return FORMATS[kind]->suffix;
}

cloud_archive_t *cloud_archive_create(cloud_archive_kind_t kind, cloud_archive_out_fn *out,
                                      void *baton, apr_pool_t *pool)
{
    cloud_archive_t *a = apr_pcalloc(pool, sizeof(*a));

    a->format = FORMATS[kind];
    a->out = out;
    a->baton = baton;
    a->pool = pool;
    a->state = a->format->create(pool);
    return a;
}

cloud_err_t *cloud_archive_put(cloud_archive_t *a, const void *data, apr_int64_t len)
{
    a->length += len;
    return a->out && len ? a->out(a->baton, data, (apr_size_t)len) : NULL;
}

/* Whoever unpacks an archive must find all of it below the folder that he chose. Names that people can
 * give never look otherwise; this is what holds whatever gets into a row. */
static int is_safe(const char *path)
{
    const char *name = path;

    for (;;) {
        apr_size_t len = strcspn(name, "/");
        apr_size_t i;

        if (len == 0 || (len <= 2 && strspn(name, ".") == len)) return 0;
        for (i = 0; i < len; i++) {
            if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '\\') return 0;
        }
        if (!name[len]) return 1;
        name += len + 1;
    }
}

/* Ends the entry that is open. */
static cloud_err_t *finish(cloud_archive_t *a)
{
    if (!a->open) return NULL;
    if (a->left && !CLOUD_ARCHIVE_COUNTS(a))
        return cloud_err(a->pool, CLOUD_E_INTERNAL, "Content is missing: %s", a->entry.path);
    a->open = 0;
    return a->format->finish(a);
}

cloud_err_t *cloud_archive_add(cloud_archive_t *a, const cloud_archive_entry_t *entry)
{
    if (!is_safe(entry->path) || entry->size < 0)
        return cloud_err(a->pool, CLOUD_E_INVALID, "This can't be in an archive: %s", entry->path);
    CLOUD_ERR(finish(a));
    a->entry = *entry;
    if (entry->folder) a->entry.size = 0;
    a->left = a->entry.size;
    a->open = 1;
    CLOUD_ERR(a->format->begin(a));
    return a->left && !CLOUD_ARCHIVE_COUNTS(a) ? NULL : finish(a);
}

cloud_err_t *cloud_archive_content(cloud_archive_t *a, const void *data, apr_size_t len)
{
    if (!a->open || (apr_int64_t)len > a->left)
        return cloud_err(a->pool, CLOUD_E_INTERNAL, "More content than was announced");
    a->left -= (apr_int64_t)len;
    CLOUD_ERR(a->format->content(a, data, len));
    return a->left ? NULL : finish(a);
}

cloud_err_t *cloud_archive_end(cloud_archive_t *a)
{
    CLOUD_ERR(finish(a));
    return a->format->end(a);
}

apr_int64_t cloud_archive_length(const cloud_archive_t *a)
{
    return a->length;
}
