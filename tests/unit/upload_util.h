/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file upload_util.h
 * What the tests of uploads share: a store with the account alice, and shorthand for what she does.
 */
#ifndef UPLOAD_UTIL_H
#define UPLOAD_UTIL_H

#include "testutil.h"
#include "internal.h"

extern cloud_account_t *up_alice;
extern cloud_ctx_t *up_ctx;            /* hers */
extern const cloud_put_opts_t UP_NO_OPTS;

void up_setup(void);
/** The same store again, as after a restart. */
void up_reopen(void);

cloud_upload_t *up_create(const char *name, apr_int64_t total);
cloud_chunk_put_t *up_begin(const cloud_upload_t *up, const char *name, apr_int64_t length);
/** Sends a chunk; 1 when its name was new. */
int up_chunk_n(const cloud_upload_t *up, const char *name, const char *data, apr_size_t len);
int up_chunk(const cloud_upload_t *up, const char *name, const char *data);
cloud_err_t *up_finish(cloud_result_t *res, const char *name, const char *dst);
/** Finishes the upload to "file", which then has to have this content. */
void up_finished(const char *name, const char *want);

const char *up_content(const char *path, apr_int64_t *size);
/** Content and checksums of a file are those of want. */
void up_is_content(const char *path, const char *want, apr_size_t len);
void up_is(const char *path, const char *want);

/** A path in her directory on disk. */
const char *up_place(const char *path);
/** Number of entries in her staging directory; inode of the only one. */
int up_staged(void);
ino_t up_staged_inode(void);
ino_t up_inode(const char *path);

#endif
