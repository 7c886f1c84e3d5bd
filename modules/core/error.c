/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The one table of errors. Exceptions are spelled as the clients know them: they look for some of
 * these names and messages literally. */
#include "error.h"

#include <errno.h>
#include <string.h>

#define SABRE(name) "Sabre\\DAV\\Exception\\" name

/* Clients take ServiceUnavailable for maintenance of the whole server and stop, unless the message
 * is exactly this one: then only the file or folder at hand is left out. */
#define MSG_STORAGE "Storage is temporarily not available"

/* OCS: 997 is the envelope's "unauthorised", 998 "not found", 996 "server error", 102 "is there
 * already"; literal HTTP codes are passed through by both versions. */
static const cloud_err_info_t TABLE[CLOUD_E__COUNT] = {
    [CLOUD_E_NONE] = { "NONE", 200, "", 100, "OK" },
    [CLOUD_E_NOT_FOUND] = { "NOT_FOUND", 404, SABRE("NotFound"), 998, "Not found" },
    [CLOUD_E_DENIED] = { "DENIED", 403, SABRE("Forbidden"), 403, "Permission denied" },
    [CLOUD_E_UNAUTHORIZED] = { "UNAUTHORIZED", 401, SABRE("NotAuthenticated"), 997,
                               "Username or password was incorrect" },
    [CLOUD_E_EXISTS] = { "EXISTS", 405, SABRE("MethodNotAllowed"), 102,
                         "The resource you tried to create already exists" },
    [CLOUD_E_NOT_ALLOWED] = { "NOT_ALLOWED", 405, SABRE("MethodNotAllowed"), 405,
                              "The method is not allowed on this resource" },
    [CLOUD_E_CONFLICT] = { "CONFLICT", 409, SABRE("Conflict"), 409,
                           "Parent node does not exist" },
    [CLOUD_E_LOCKED] = { "LOCKED", 423, SABRE("Locked"), 423, "The resource is locked" },
    [CLOUD_E_PRECONDITION] = { "PRECONDITION", 412, SABRE("PreconditionFailed"), 412,
                               "A condition of the request does not hold" },
    [CLOUD_E_QUOTA] = { "QUOTA", 507, SABRE("InsufficientStorage"), 507,
                        "There is not enough space left" },
    [CLOUD_E_INVALID_NAME] = { "INVALID_NAME", 400,
                               "OC\\Connector\\Sabre\\Exception\\InvalidPath", 400,
                               "File name contains at least one invalid character" },
    [CLOUD_E_BLACKLISTED] = { "BLACKLISTED", 403, SABRE("Forbidden"), 403,
                              "Files of this name are not accepted" },
    [CLOUD_E_INVALID] = { "INVALID", 400, SABRE("BadRequest"), 400, "Bad request" },
    [CLOUD_E_CHECKSUM] = { "CHECKSUM", 400, SABRE("BadRequest"), 400,
                           "The computed checksum does not match the one received from the "
                           "client." },
    [CLOUD_E_UNAVAILABLE] = { "UNAVAILABLE", 503, SABRE("ServiceUnavailable"), 503,
                              MSG_STORAGE },
    [CLOUD_E_MAINTENANCE] = { "MAINTENANCE", 503, SABRE("ServiceUnavailable"), 503,
                              "System in maintenance mode." },
    [CLOUD_E_BUSY] = { "BUSY", 503, SABRE("ServiceUnavailable"), 503, MSG_STORAGE },
    [CLOUD_E_AGAIN] = { "AGAIN", 503, SABRE("ServiceUnavailable"), 503, MSG_STORAGE },
    [CLOUD_E_TOO_LARGE] = { "TOO_LARGE", 413, "OC\\Connector\\Sabre\\Exception\\EntityTooLarge",
                            413, "The request is too large" },
    [CLOUD_E_UNSUPPORTED] = { "UNSUPPORTED", 415, SABRE("UnsupportedMediaType"), 415,
                              "The media type of the request is not supported" },
    [CLOUD_E_NO_REPORT] = { "NO_REPORT", 415, SABRE("ReportNotSupported"), 415, "",
                            "d:supported-report" },
    [CLOUD_E_RANGE] = { "RANGE", 416, SABRE("RequestedRangeNotSatisfiable"), 416,
                        "The requested range is not within the file" },
    [CLOUD_E_NOT_IMPLEMENTED] = { "NOT_IMPLEMENTED", 501, SABRE("NotImplemented"), 501,
                                  "Not implemented" },
    [CLOUD_E_BAD_GATEWAY] = { "BAD_GATEWAY", 502, SABRE("BadGateway"), 502,
                              "The destination is on another server" },
    [CLOUD_E_THROTTLED] = { "THROTTLED", 429, "Sabre\\DAV\\Exception", 429,
                            "Too many failed attempts; try again later" },
    [CLOUD_E_INTERNAL] = { "INTERNAL", 500, "Sabre\\DAV\\Exception", 996,
                           "Internal server error" },
};

const cloud_err_info_t *cloud_err_info(cloud_code_t code)
{
    /* Through unsigned: the compiler may take the enum for a signed type. */
    unsigned n = (unsigned)code;

    if (n >= CLOUD_E__COUNT || !TABLE[n].name) return &TABLE[CLOUD_E_INTERNAL];
    return &TABLE[n];
}

/* Codes whose message never varies: clients compare it, or the details are none of their business.
 * What the caller has to say becomes the cause. */
static int message_is_fixed(cloud_code_t code)
{
    return code == CLOUD_E_UNAVAILABLE || code == CLOUD_E_BUSY || code == CLOUD_E_AGAIN
           || code == CLOUD_E_MAINTENANCE || code == CLOUD_E_INTERNAL;
}

static cloud_err_t *make(const char *file, int line, apr_pool_t *pool, cloud_code_t code,
                         const char *msg, const char *cause)
{
    const cloud_err_info_t *info = cloud_err_info(code);
    cloud_err_t *err = apr_palloc(pool, sizeof *err);

    if (msg && message_is_fixed(code)) {
        cause = cause ? apr_pstrcat(pool, msg, ": ", cause, NULL) : msg;
        msg = NULL;
    }
    err->code = code;
    err->msg = msg ? msg : info->msg;
    err->cause = cause;
    err->file = file;
    err->line = line;
    return err;
}

cloud_err_t *cloud_err_create(const char *file, int line, apr_pool_t *pool, cloud_code_t code,
                              const char *fmt, ...)
{
    const char *msg = NULL;
    va_list ap;

    if (fmt) {
        va_start(ap, fmt);
        msg = apr_pvsprintf(pool, fmt, ap);
        va_end(ap);
    }
    return make(file, line, pool, code, msg, NULL);
}

cloud_err_t *cloud_err_errno(const char *file, int line, apr_pool_t *pool, cloud_code_t code,
                             int err, const char *fmt, ...)
{
    char buf[256];
    const char *cause = apr_pstrdup(pool, apr_strerror(APR_FROM_OS_ERROR(err), buf, sizeof buf));
    va_list ap;

    if (fmt) {
        va_start(ap, fmt);
        cause = apr_pstrcat(pool, apr_pvsprintf(pool, fmt, ap), ": ", cause, NULL);
        va_end(ap);
    }
    if (code == CLOUD_E_UNAVAILABLE && (err == ENOSPC || err == EDQUOT)) code = CLOUD_E_QUOTA;
    return make(file, line, pool, code, NULL, cause);
}

cloud_err_t *cloud_err_keep(const cloud_err_t *err, apr_pool_t *pool)
{
    cloud_err_t *copy;

    if (!err) return NULL;
    copy = apr_pmemdup(pool, err, sizeof *err);
    copy->msg = apr_pstrdup(pool, err->msg);
    copy->cause = apr_pstrdup(pool, err->cause);
    return copy;
}
