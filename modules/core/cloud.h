/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file cloud.h
 * libcloud: the basic types. No httpd header in libcloud; APR is its portability layer.
 *
 * Conventions of the whole library
 * - A function that can fail returns cloud_err_t *; NULL is success. CLOUD_ERR() passes errors on.
 * - Results go through out parameters, first; the pool comes last and owns what is returned,
 *   the error included.
 * - Sizes and offsets are apr_int64_t, bytes. Times of day are apr_time_t (microseconds), file
 *   times shown to clients are seconds (apr_int64_t), inode times are nanoseconds (apr_int64_t).
 * - Paths inside an account are UTF-8, relative, without leading or trailing slash; "" is the root.
 */
#ifndef CLOUD_H
#define CLOUD_H

#include <apr.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_hash.h>
#include <apr_time.h>

#ifndef CLOUD_VERSION
#define CLOUD_VERSION "0.1.0"
#endif

/** The version that ownCloud clients compare with; see spec of status.php (>= 10.0.0). */
#define CLOUD_OC_VERSION        "10.15.0.1"
#define CLOUD_OC_VERSION_STRING "10.15.0"

#if defined(__GNUC__)
#define CLOUD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLOUD_API __attribute__((visibility("default")))
#else
#define CLOUD_PRINTF(fmt, args)
#define CLOUD_API
#endif

typedef struct cloud_err_t cloud_err_t;
typedef struct cloud_store_t cloud_store_t;
typedef struct cloud_ctx_t cloud_ctx_t;
typedef struct cloud_db_t cloud_db_t;
typedef struct cloud_stmt_t cloud_stmt_t;

#include "error.h"

#endif
