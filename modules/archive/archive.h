/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file archive.h
 * Writes archives piece by piece, in constant memory and without seeking: zip (APPNOTE 6.3, with zip64
 * where it is needed) and tar (POSIX pax). Nothing is compressed: what takes room in a cloud is compressed
 * already, and so the length is known before. Request-free.
 */
#ifndef CLOUD_ARCHIVE_H
#define CLOUD_ARCHIVE_H

#include "cloud.h"

typedef enum { CLOUD_ARCHIVE_ZIP, CLOUD_ARCHIVE_TAR } cloud_archive_kind_t;

/** Content type and suffix (".zip"). */
const char *cloud_archive_type(cloud_archive_kind_t kind);
const char *cloud_archive_suffix(cloud_archive_kind_t kind);

typedef struct {
    const char *path;      /* below the top of the archive: UTF-8, '/' between names, none at the end */
    int folder;
    apr_int64_t size;      /* of a file */
    apr_int64_t mtime;     /* seconds */
} cloud_archive_entry_t;

typedef struct cloud_archive_t cloud_archive_t;

/** Where the bytes of an archive go. */
typedef cloud_err_t *cloud_archive_out_fn(void *baton, const void *data, apr_size_t len);

/** out NULL: nothing is written, it is only counted; contents need not be there. */
cloud_archive_t *cloud_archive_create(cloud_archive_kind_t kind, cloud_archive_out_fn *out,
                                      void *baton, apr_pool_t *pool);
/** The next folder or file; what entry points to stays until all of its content has come. INVALID for
 *  a path that must not be in an archive, or does not fit. */
cloud_err_t *cloud_archive_add(cloud_archive_t *a, const cloud_archive_entry_t *entry);
/** Content of the file added last, in pieces of any size. */
cloud_err_t *cloud_archive_content(cloud_archive_t *a, const void *data, apr_size_t len);
/** What comes behind the last file. INTERNAL when content is missing. */
cloud_err_t *cloud_archive_end(cloud_archive_t *a);
/** Bytes so far. */
apr_int64_t cloud_archive_length(const cloud_archive_t *a);

#endif
