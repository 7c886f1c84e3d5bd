/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file spool.h
 * Records between a snapshot of the database and the network: written while the snapshot is held,
 * read after it ended. A bounded part in memory, the rest in an unlinked temporary file.
 */
#ifndef CLOUD_DAV_SPOOL_H
#define CLOUD_DAV_SPOOL_H

#include "cloud.h"

typedef struct cloud_spool_t cloud_spool_t;

/** memory: bytes kept before the file is made; dir: where (NULL: the system's temporary folder). */
cloud_spool_t *cloud_spool_create(apr_size_t memory, const char *dir, apr_pool_t *pool);
/** Room for a record of len bytes, aligned for any type, to be filled in by the caller before the
 *  next call. UNAVAILABLE or QUOTA when the file can't be written. */
cloud_err_t *cloud_spool_add(void **record, cloud_spool_t *spool, apr_size_t len);
/** Records in the order of writing; *record NULL at the end. It is valid until the next call.
 *  After the first call nothing can be added. */
cloud_err_t *cloud_spool_next(const void **record, apr_size_t *len, cloud_spool_t *spool);
/** Bytes that went to the file (for tests). */
apr_int64_t cloud_spool_file_bytes(const cloud_spool_t *spool);

#endif
