/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file upload.h
 * Upload sessions of chunking NG (clients 3.2): a session is a collection of chunks that a final
 * MOVE turns into a file. In-order chunks are written straight into one staging file, with the
 * running hash kept in the session's row, so that finishing copies and hashes nothing.
 */
#ifndef CLOUD_UPLOAD_H
#define CLOUD_UPLOAD_H

#include "files.h"

/** Name, inside a session, of what the chunks will be. */
#define CLOUD_ASSEMBLY_NAME ".file"

typedef struct {
    apr_int64_t id;
    apr_int64_t account;     /* number */
    const char *name;        /* transfer id, as the client named it */
    apr_int64_t total;       /* OC-Total-Length announced at MKCOL, -1 unknown */
    apr_int64_t received;    /* bytes in all chunks */
    apr_time_t created, touched;
    int finished;            /* its MOVE was done; only cloud_upload_find() shows these */
} cloud_upload_t;

typedef struct {
    const char *name;
    apr_int64_t size;
    apr_time_t written;
} cloud_chunk_t;

/** Only the account itself (ctx->who) may use its sessions: DENIED otherwise, in all of these. */
CLOUD_API cloud_err_t *cloud_upload_create(cloud_upload_t **up, cloud_ctx_t *ctx,
                                           const cloud_account_t *account, const char *name,
                                           apr_int64_t total, apr_pool_t *pool); /* EXISTS, QUOTA */
CLOUD_API cloud_err_t *cloud_upload_get(cloud_upload_t **up, cloud_ctx_t *ctx,
                                        const cloud_account_t *account, const char *name,
                                        apr_pool_t *pool);                       /* NOT_FOUND */
/** As cloud_upload_get(), but also a finished session (up->finished), which is otherwise gone: it
 *  is there only so that a repeated MOVE <session>/.file reaches cloud_upload_finish(). */
CLOUD_API cloud_err_t *cloud_upload_find(cloud_upload_t **up, cloud_ctx_t *ctx,
                                         const cloud_account_t *account, const char *name,
                                         apr_pool_t *pool);                      /* NOT_FOUND */
CLOUD_API cloud_err_t *cloud_upload_list(apr_array_header_t **ups /* cloud_upload_t */,
                                         cloud_ctx_t *ctx, const cloud_account_t *account,
                                         apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_upload_remove(cloud_ctx_t *ctx, const cloud_account_t *account,
                                           const char *name);
/** Chunks in natural-number order of their names: array of cloud_chunk_t. */
CLOUD_API cloud_err_t *cloud_chunk_list(apr_array_header_t **chunks, cloud_ctx_t *ctx,
                                        const cloud_upload_t *up, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_chunk_remove(cloud_ctx_t *ctx, const cloud_upload_t *up,
                                          const char *name);
/** Opens a chunk for reading: fd at its first byte; only size bytes belong to it. */
CLOUD_API cloud_err_t *cloud_chunk_open(int *fd, apr_int64_t *size, cloud_ctx_t *ctx,
                                        const cloud_upload_t *up, const char *name,
                                        apr_pool_t *pool);

typedef struct cloud_chunk_put_t cloud_chunk_put_t;
/** One writer; a chunk of the same name is replaced at commit. length -1 when unknown; a body
 *  shorter than announced is INVALID at commit. created: the name was new. */
CLOUD_API cloud_err_t *cloud_chunk_begin(cloud_chunk_put_t **put, cloud_ctx_t *ctx,
                                         const cloud_upload_t *up, const char *name,
                                         apr_int64_t length, const char *checksum,
                                         apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_chunk_write(cloud_chunk_put_t *put, const void *data, apr_size_t len);
CLOUD_API cloud_err_t *cloud_chunk_commit(int *created, cloud_chunk_put_t *put);
CLOUD_API void cloud_chunk_abort(cloud_chunk_put_t *put);

/** MOVE <session>/.file to dst: assembles and puts. opts->length is OC-Total-Length (-1 none):
 *  INVALID "Chunks on server do not sum up to N but to M". LOCKED while a writer is active.
 *  overwrite 0 and dst exists: PRECONDITION. A finished session answers the same call with the same
 *  result for a day. */
CLOUD_API cloud_err_t *cloud_upload_finish(cloud_result_t *res, cloud_ctx_t *ctx,
                                           const cloud_account_t *account, const char *name,
                                           const cloud_account_t *dst_account, const char *dst,
                                           int overwrite, const cloud_put_opts_t *opts,
                                           apr_pool_t *pool);

/** Chunking v1 (clients 3.3): true when path ends in "-chunking-<transfer>-<count>-<index>";
 *  gives the target path, a session name and index. */
CLOUD_API int cloud_upload_v1_parse(const char **target, const char **session, int *count,
                                    int *index, const char *path, apr_pool_t *pool);

/** One PUT of chunking v1: chunk index of count for the file at target. Checks the target as a put
 *  does (opts->length: OC-Total-Length, -1 unknown), makes the session when it is not there.
 *  length: of this chunk's body. A chunk of a session that is finished is read and forgotten. */
CLOUD_API cloud_err_t *cloud_upload_v1_begin(cloud_chunk_put_t **put, cloud_ctx_t *ctx,
                                             const cloud_account_t *account, const char *target,
                                             const char *session, int index, apr_int64_t length,
                                             const cloud_put_opts_t *opts, apr_pool_t *pool);
/** Commits the chunk; when it was the last one missing, *complete is 1 and res is what a put of
 *  the whole file gives (no ETag may be sent otherwise). opts->length, checksum, mtime: of the whole. */
CLOUD_API cloud_err_t *cloud_upload_v1_commit(int *complete, cloud_result_t *res,
                                              cloud_chunk_put_t *put, cloud_ctx_t *ctx,
                                              const cloud_account_t *account, const char *target,
                                              const char *session, int count,
                                              const cloud_put_opts_t *opts, apr_pool_t *pool);

/** Removes sessions not touched for max_age seconds, finished ones after a day; at most limit. */
CLOUD_API cloud_err_t *cloud_upload_expire(int *removed, cloud_ctx_t *ctx, apr_int64_t max_age,
                                           int limit);
#endif
