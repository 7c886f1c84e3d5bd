/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the suites of the verbs share: alice, and what she does. */
#ifndef FILES_UTIL_H
#define FILES_UTIL_H

#include "testutil.h"

#include "internal.h"

extern cloud_account_t *fu_alice;
extern cloud_ctx_t *fu_ctx;         /* as whom she asks */

/* A store with her account. */
void fu_setup(void);

cloud_err_t *fu_try_put(cloud_result_t *res, const char *path, const char *text,
                        const cloud_put_opts_t *opts);
cloud_entry_t *fu_put(const char *path, const char *text);
void fu_mkcol(const char *path);
cloud_err_t *fu_move(const char *src, const char *dst, int overwrite);
cloud_err_t *fu_copy(const char *src, const char *dst, int overwrite, int depth);

cloud_entry_t *fu_entry(const char *path);
apr_int64_t fu_etag(const char *path);       /* of what is there */
const char *fu_content(const char *path);
const char *fu_on_disk(const char *path);    /* place of a file, below the data directory */

#endif
