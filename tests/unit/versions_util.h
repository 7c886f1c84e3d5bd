/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file versions_util.h
 * Two people, and the versions of Alice's files: what tests of versions have in common.
 */
#ifndef VERSIONS_UTIL_H
#define VERSIONS_UTIL_H

#include "testutil.h"

#include "maint.h"
#include "versions.h"

#define V(list, i) (&APR_ARRAY_IDX((list), (i), cloud_version_t))

extern cloud_account_t *vu_alice, *vu_bob;
extern cloud_ctx_t *vu_as_alice, *vu_as_bob;

void vu_setup(void);
/** Writes a file of Alice's; mtime 0: it has that of the write. */
void vu_put_at(const char *path, const char *text, apr_int64_t mtime);
void vu_put(const char *path, const char *text);
/** NULL when it does not exist. */
cloud_node_t *vu_node(const char *path);
const char *vu_read_all(int fd);
/** The versions of a file, newest first. */
apr_array_header_t *vu_versions(apr_int64_t id);
/** Contents of the versions, newest first: "b a". Each is where its row says. */
const char *vu_texts(apr_int64_t id);
/** The totals are the sums over the rows, and fsck finds nothing. */
void vu_check_sound(void);

#endif
