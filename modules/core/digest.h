/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file digest.h
 * Content checksums: SHA1, MD5, ADLER32 in one pass (SHA256 on request), with a state that can be
 * kept in the database between the chunks of an upload.
 */
#ifndef CLOUD_DIGEST_H
#define CLOUD_DIGEST_H

#include "cloud.h"

#define CLOUD_DIGEST_SHA1    1u
#define CLOUD_DIGEST_MD5     2u
#define CLOUD_DIGEST_ADLER32 4u
#define CLOUD_DIGEST_SHA256  8u
#define CLOUD_DIGEST_DEFAULT (CLOUD_DIGEST_SHA1 | CLOUD_DIGEST_MD5 | CLOUD_DIGEST_ADLER32)

/** Final checksums as stored: blob of {type byte (CLOUD_DIGEST_*), raw bytes}*, in the order
 *  SHA1, MD5, ADLER32, SHA256. len 0: none known. */
typedef struct {
    const unsigned char *data;
    apr_size_t len;
} cloud_sums_t;

typedef struct cloud_digest_t cloud_digest_t;

CLOUD_API cloud_digest_t *cloud_digest_create(unsigned types, apr_pool_t *pool);
CLOUD_API void cloud_digest_update(cloud_digest_t *d, const void *data, apr_size_t len);
/** Finishes; d must not be used afterwards. */
CLOUD_API cloud_sums_t cloud_digest_final(cloud_digest_t *d, apr_pool_t *pool);
/** Running state as an opaque blob for this build (checked by a header when loaded). */
CLOUD_API void cloud_digest_save(const cloud_digest_t *d, const void **blob, apr_size_t *len,
                                 apr_pool_t *pool);
/** NULL when the blob is not one of this build: hash again from the file. */
CLOUD_API cloud_digest_t *cloud_digest_load(const void *blob, apr_size_t len, apr_pool_t *pool);

/** "SHA1:<hex> MD5:<hex> ADLER32:<hex>" (lower-case hex) or NULL when there are none; with only
 *  one type given in types, just that: "SHA1:<hex>". types 0: all. */
CLOUD_API const char *cloud_sums_text(cloud_sums_t sums, unsigned types, apr_pool_t *pool);
/** Parses an OC-Checksum header value ("SHA1:abc..", case-insensitive, several separated by space
 *  or comma) . *types is what it names; unknown types are ignored (0 when nothing known).
 *  A known type with a malformed value is CLOUD_E_INVALID. */
CLOUD_API cloud_err_t *cloud_sums_parse(cloud_sums_t *sums, unsigned *types, const char *text,
                                        apr_pool_t *pool);
/** 1 when all types that both have are equal and at least one is in both; 0 when one differs;
 *  -1 when they have none in common. */
CLOUD_API int cloud_sums_match(cloud_sums_t a, cloud_sums_t b);

#endif
