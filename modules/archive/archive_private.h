/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the formats share. */
#ifndef CLOUD_ARCHIVE_PRIVATE_H
#define CLOUD_ARCHIVE_PRIVATE_H

#include "archive.h"

/** A format. begin and content belong to one entry, finish ends it. */
typedef struct {
    const char *type, *suffix;
    void *(*create)(apr_pool_t *pool);  /* its own state */
    cloud_err_t *(*begin)(cloud_archive_t *a);
    cloud_err_t *(*content)(cloud_archive_t *a, const unsigned char *data, apr_size_t len);
    cloud_err_t *(*finish)(cloud_archive_t *a);
    cloud_err_t *(*end)(cloud_archive_t *a);
} cloud_archive_format_t;

extern const cloud_archive_format_t cloud_archive_zip, cloud_archive_tar;

struct cloud_archive_t {
    const cloud_archive_format_t *format;
    void *state;
    cloud_archive_out_fn *out;
    void *baton;
    apr_pool_t *pool;
    apr_int64_t length;
    cloud_archive_entry_t entry;   /* being written */
    apr_int64_t left;              /* bytes of its content that have not come */
    int open;
};

/** True where bytes count only. */
#define CLOUD_ARCHIVE_COUNTS(a) (!(a)->out)

/** Bytes of the archive; data may be NULL where they only count. */
cloud_err_t *cloud_archive_put(cloud_archive_t *a, const void *data, apr_int64_t len);

#endif
