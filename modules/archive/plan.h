/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file plan.h
 * What an archive of somebody's files will hold: collected in one snapshot of the database, so that all
 * that can be refused is refused before the first byte, and the length is known; written after the
 * snapshot has ended. Request-free.
 */
#ifndef CLOUD_ARCHIVE_PLAN_H
#define CLOUD_ARCHIVE_PLAN_H

#include "archive.h"
#include "files.h"

#define CLOUD_ARCHIVE_ENTRIES 1000000 /* at most in one archive: TOO_LARGE */
#define CLOUD_ARCHIVE_FOLDERS 100000

typedef struct cloud_archive_plan_t cloud_archive_plan_t;

/** All that is at names (array of const char *, each a name in the folder dir) or, where there are
 *  none, the folder dir itself with all that is in it. dir is a path in the files of account; access is
 *  that of ctx->who. A name twice is one. NOT_FOUND, DENIED, INVALID_NAME, TOO_LARGE ... */
cloud_err_t *cloud_archive_plan(cloud_archive_plan_t **plan, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *dir,
                                const apr_array_header_t *names, cloud_archive_kind_t kind,
                                apr_pool_t *pool);
/** Bytes of the archive. */
apr_int64_t cloud_archive_plan_length(const cloud_archive_plan_t *plan);
/** Entries of the archive. */
apr_int64_t cloud_archive_plan_entries(const cloud_archive_plan_t *plan);

/** Writes the archive, once; in no transaction. Each file is opened when its turn comes, and is then
 *  whole, with the content it has by then. It may have been moved; CONFLICT when it is gone or not of the
 *  size that was announced, UNAVAILABLE when it can't be read: the archive is then no archive. */
cloud_err_t *cloud_archive_plan_write(cloud_archive_plan_t *plan, cloud_archive_out_fn *out,
                                      void *baton);

#endif
