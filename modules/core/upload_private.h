/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file upload_private.h
 * What the upload_*.c files share.
 *
 * Invariants
 * - Rows of a session never name bytes that are not synced, and bytes that a chunk's row names are
 *   never written to again: a chunk sent anew is compared with them, or goes into its own file.
 * - Every chunk writer holds a shared lock on byte SESSION of the session's staging file for as
 *   long as it may write anywhere; who assembles holds it exclusively. All of them look at the
 *   session's row again once they hold it.
 * - The one writer that may extend the staging file holds byte APPEND exclusively. What it writes
 *   lies beyond upload.length, where no row points.
 * - upload.digest, when there is one, is the hash of the staging file from 0 to upload.length,
 *   whatever chunks are there.
 * - The order of the content is the natural order of the chunks' names, nothing else. That a chunk
 *   was appended is only a guess of its place; assembly looks whether the guesses were right.
 */
#ifndef CLOUD_UPLOAD_PRIVATE_H
#define CLOUD_UPLOAD_PRIVATE_H

#include "internal.h"

#define CLOUD_CHUNKS_MAX 100000   /* in one session */
#define CLOUD_FINISHED_KEEP 86400 /* seconds that a finished session answers the same MOVE */
#define CLOUD_V1_PREFIX "v1-"     /* session names of chunking v1 */

/* Bytes of the staging file that stand for locks */
#define CLOUD_UPLOAD_LOCK_SESSION 0
#define CLOUD_UPLOAD_LOCK_APPEND  1

/** A session's row. */
typedef struct {
    cloud_upload_t up;
    const char *dir;          /* directory of its account */
    const char *stage;        /* NULL once finished */
    apr_int64_t length;       /* of the staging file, as far as it is used */
    const void *digest;       /* NULL: not known */
    apr_size_t digest_len;
    apr_int64_t node, etag;   /* result, when finished */
    int was_created;
    const char *dst;
} cloud_session_t;

/** A chunk's row. */
typedef struct {
    cloud_chunk_t chunk;
    const char *stage;        /* own file, or NULL: at offset of the session's staging file */
    apr_int64_t offset;
} cloud_piece_t;

/** True for a session of chunking v1. */
int cloud_session_is_v1(const cloud_session_t *s);
/** DENIED unless ctx->who is the account with this number (or the system). */
cloud_err_t *cloud_upload_own(cloud_ctx_t *ctx, apr_int64_t account);
/** NOT_FOUND for a session or chunk of this name. */
cloud_err_t *cloud_upload_gone(cloud_ctx_t *ctx, const char *name);
/** Session by name or by id; *s NULL when there is none. UNAUTHORIZED when its account was disabled. (tx) */
cloud_err_t *cloud_session_by_name(cloud_session_t **s, cloud_ctx_t *ctx, apr_int64_t account,
                                   const char *name, apr_pool_t *pool);
cloud_err_t *cloud_session_by_id(cloud_session_t **s, cloud_ctx_t *ctx, apr_int64_t id,
                                 apr_pool_t *pool);
/** Deletes the rows of a session; *files gets the paths to unlink after the commit. (tx, write) */
cloud_err_t *cloud_session_delete(apr_array_header_t **files, cloud_ctx_t *ctx,
                                  const cloud_session_t *s, apr_pool_t *pool);
/** Notes that somebody went on with it. (tx, write) */
cloud_err_t *cloud_session_touch(cloud_ctx_t *ctx, apr_int64_t id);
/** Unlinks files (array of const char *); what can't be unlinked is left to the expiry. */
void cloud_upload_unlink(cloud_ctx_t *ctx, const apr_array_header_t *files);

/** Chunk by name; *piece NULL when there is none. (tx) */
cloud_err_t *cloud_piece_get(cloud_piece_t **piece, cloud_ctx_t *ctx, apr_int64_t upload,
                             const char *name, apr_pool_t *pool);
/** All chunks in natural order: array of cloud_piece_t. (tx) */
cloud_err_t *cloud_piece_list(apr_array_header_t **pieces, cloud_ctx_t *ctx, apr_int64_t upload,
                              apr_pool_t *pool);

cloud_err_t *cloud_piece_count(apr_int64_t *count, cloud_ctx_t *ctx, apr_int64_t upload);
/** The session, NOT_FOUND unless it is open, and its chunk, NULL when there is none. (tx) */
cloud_err_t *cloud_piece_find(cloud_session_t **s, cloud_piece_t **piece, cloud_ctx_t *ctx,
                              apr_int64_t upload, const char *name, apr_pool_t *pool);

/** How many of the first pieces lie one after the other in the staging file; *end: up to where. */
int cloud_upload_in_place(apr_int64_t *end, const apr_array_header_t *pieces);
/** Takes pieces that follow the end of the staging file into it, as far as that is quick. The
 *  caller holds the lock APPEND and reads the session's row again afterwards. (no tx) */
cloud_err_t *cloud_upload_absorb(cloud_ctx_t *ctx, cloud_session_t *s, int fd, apr_pool_t *pool);

/** Compares chunk names: runs of digits by their value, the rest by bytes. */
int cloud_chunk_compare(const char *a, const char *b);
/** A name of digits, an index or an offset, or two numbers with '-' between, a range of bytes. */
typedef struct {
    apr_int64_t first;
    int width;               /* digits of the first number */
    int is_range;
} cloud_chunk_name_t;
/** 0 when name is neither. */
int cloud_chunk_parse(cloud_chunk_name_t *n, const char *name);
/** Names of the chunk before, when names are indices: as wide as this name, and without leading
 *  zeros; NULL when there is none. */
const char *cloud_chunk_before(const cloud_chunk_name_t *n, apr_pool_t *pool);
const char *cloud_chunk_before_short(const cloud_chunk_name_t *n, apr_pool_t *pool);
/** Whether name comes right after before (NULL: nothing is before it), which ends at end: by its
 *  offset, or by its index. The first index is 0, or 1 with some clients of chunking NG. */
int cloud_chunk_follows(const char *before, const char *name, apr_int64_t end, int v1);

/** What bounds the uploads of an account: its quota, or where that is less than enough, the largest quota of
 *  those who let it write to something of theirs, since that may be where an upload goes. */
cloud_err_t *cloud_upload_quota(apr_int64_t *quota, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_int64_t enough,
                                apr_pool_t *pool);

/** Files of the session are gone (a backup that left them out, somebody who cleaned up): its rows
 *  are deleted, so that the client does not come back to it for ever. NOT_FOUND. (no tx) */
cloud_err_t *cloud_session_broken(cloud_ctx_t *ctx, const cloud_session_t *s);
/** Opens the session's staging file and locks its byte SESSION, not waiting: LOCKED when somebody
 *  is in the way, NOT_FOUND when the file is gone. fd is closed with pool. */
cloud_err_t *cloud_session_open(int *fd, cloud_ctx_t *ctx, const cloud_session_t *s,
                                int exclusive, apr_pool_t *pool);
/** Closes fd with pool. */
void cloud_upload_close_with(apr_pool_t *pool, int fd);
/** Locks (F_RDLCK, F_WRLCK) or unlocks a byte for this open file, not waiting; 0 or errno. */
int cloud_upload_lock(int fd, int type, int byte);
/** The running hash of the staging file up to s->length: out of the row, or computed anew. */
cloud_err_t *cloud_session_digest(cloud_digest_t **digest, cloud_ctx_t *ctx,
                                  const cloud_session_t *s, int fd, apr_pool_t *pool);
/** Feeds len bytes from off of fd to digest. */
cloud_err_t *cloud_upload_hash(cloud_digest_t *digest, cloud_ctx_t *ctx, int fd, apr_int64_t off,
                               apr_int64_t len);
/** A chunk put that forgets what is written: for a chunk v1 of a session that is finished. */
cloud_chunk_put_t *cloud_chunk_discard(cloud_ctx_t *ctx, apr_pool_t *pool);
int cloud_chunk_is_discarded(const cloud_chunk_put_t *put);

#endif
