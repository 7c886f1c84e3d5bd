/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file key.h
 * The key of a store, for what has to be kept as it is and yet must not be read by whoever gets hold
 * of the database alone (its backups, a replica).
 */
#ifndef CLOUD_KEY_H
#define CLOUD_KEY_H

#include "store.h"

#define CLOUD_KEY_LEN 32

/** The key for one purpose, derived from the one in <data_dir>/.cloud/key, which is made when it is
 *  first needed. Not inside a read transaction. The caller cleanses it. */
CLOUD_API cloud_err_t *cloud_store_key(unsigned char key[CLOUD_KEY_LEN], cloud_ctx_t *ctx,
                                       const char *purpose);

/** Random bytes; INTERNAL when there are none. */
CLOUD_API cloud_err_t *cloud_random(void *buf, apr_size_t len, apr_pool_t *pool);

/** Frees what OpenSSL keeps for the calling thread (its random generator above all), for threads that
 *  live longer than OpenSSL does: until after the process's exit handlers. It comes back when needed. */
CLOUD_API void cloud_random_thread_end(void);

/** base64url (RFC 4648, 5) without padding; text has room for 4/3 of len, rounded up, and a NUL. */
CLOUD_API void cloud_base64url(char *text, const unsigned char *bytes, apr_size_t len);

#endif
