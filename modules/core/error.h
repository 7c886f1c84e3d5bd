/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file error.h
 * Errors of libcloud and the one table that maps them to HTTP, SabreDAV and OCS.
 */
#ifndef CLOUD_ERROR_H
#define CLOUD_ERROR_H

#include "cloud.h"

typedef enum {
    CLOUD_E_NONE = 0,
    CLOUD_E_NOT_FOUND,      /* 404 */
    CLOUD_E_DENIED,         /* 403 */
    CLOUD_E_UNAUTHORIZED,   /* 401 */
    CLOUD_E_EXISTS,         /* 405, MKCOL on something that exists */
    CLOUD_E_NOT_ALLOWED,    /* 405, method makes no sense on this resource */
    CLOUD_E_CONFLICT,       /* 409, parent missing */
    CLOUD_E_LOCKED,         /* 423 */
    CLOUD_E_PRECONDITION,   /* 412 */
    CLOUD_E_QUOTA,          /* 507 */
    CLOUD_E_INVALID_NAME,   /* 400, InvalidPath */
    CLOUD_E_BLACKLISTED,    /* 403, name is on the blacklist */
    CLOUD_E_INVALID,        /* 400 */
    CLOUD_E_CHECKSUM,       /* 400 */
    CLOUD_E_UNAVAILABLE,    /* 503 "Storage is temporarily not available" */
    CLOUD_E_MAINTENANCE,    /* 503 "System in maintenance mode." */
    CLOUD_E_BUSY,           /* 503, try again (database busy) */
    CLOUD_E_AGAIN,          /* 503; from a feature's hook: what it prepared is gone, the verb is
                               done from its start again */
    CLOUD_E_TOO_LARGE,      /* 413 */
    CLOUD_E_UNSUPPORTED,    /* 415 */
    CLOUD_E_NO_REPORT,      /* 415, a REPORT that nobody knows */
    CLOUD_E_RANGE,          /* 416 */
    CLOUD_E_NOT_IMPLEMENTED,/* 501 */
    CLOUD_E_BAD_GATEWAY,    /* 502, Destination on another server */
    CLOUD_E_THROTTLED,      /* 429 */
    CLOUD_E_INTERNAL,       /* 500 */
    CLOUD_E__COUNT
} cloud_code_t;

/** What happened. msg is fit for the user; cause (may be NULL) is for the log only. */
struct cloud_err_t {
    cloud_code_t code;
    const char *msg;
    const char *cause;
    const char *file;
    int line;
};

/** A row of the one error table. */
typedef struct {
    const char *name;       /* "NOT_FOUND" */
    int http;               /* HTTP status */
    const char *exception;  /* Sabre exception class as ownCloud's clients know it */
    int ocs;                /* OCS v1 status code (v2 is derived, interfaces B0) */
    const char *msg;        /* default message */
    const char *element;    /* empty element that a DAV error body has besides, or NULL */
} cloud_err_info_t;

/** The table row of a code; never NULL (unknown codes give INTERNAL's row). */
CLOUD_API const cloud_err_info_t *cloud_err_info(cloud_code_t code);

/** Makes an error. fmt NULL takes the table's default message. */
CLOUD_API cloud_err_t *cloud_err_create(const char *file, int line, apr_pool_t *pool,
                                        cloud_code_t code, const char *fmt, ...)
    CLOUD_PRINTF(5, 6);

/** Makes an error out of errno value err: its text becomes the cause, the table's text the
 *  message. ENOSPC and EDQUOT become CLOUD_E_QUOTA when code is CLOUD_E_UNAVAILABLE. */
CLOUD_API cloud_err_t *cloud_err_errno(const char *file, int line, apr_pool_t *pool,
                                       cloud_code_t code, int err, const char *fmt, ...)
    CLOUD_PRINTF(6, 7);

/** A copy of err in pool, for an error made in a pool that is about to go; NULL for NULL. */
CLOUD_API cloud_err_t *cloud_err_keep(const cloud_err_t *err, apr_pool_t *pool);

#define cloud_err(pool, code, ...) \
    cloud_err_create(__FILE__, __LINE__, (pool), (code), __VA_ARGS__)
#define cloud_err_sys(pool, code, err, ...) \
    cloud_err_errno(__FILE__, __LINE__, (pool), (code), (err), __VA_ARGS__)

/** True when err is an error of that code; NULL is none. */
static inline int cloud_err_is(const cloud_err_t *err, cloud_code_t code)
{
    return err != NULL && err->code == code;
}

/** Returns from the enclosing function with the error of expr, if there is one. */
#define CLOUD_ERR(expr)                       \
    do {                                      \
        cloud_err_t *cloud_err__ = (expr);    \
        if (cloud_err__) return cloud_err__;  \
    } while (0)

#endif
