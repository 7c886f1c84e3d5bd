/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file fsck_util.h
 * A world in which things are damaged: what tests of fsck have in common.
 */
#ifndef FSCK_UTIL_H
#define FSCK_UTIL_H

#include "world.h"

#define ID APR_INT64_T_FMT

extern world_t *fk_w;
/** What the last one found: const char *, "kind path|account|detail". */
extern apr_array_header_t *fk_told;

/** a/b/deep, a/f and top. */
void fk_setup(void);
void fk_teardown(void);
cloud_fsck_stats_t fk_fsck(cloud_fsck_opts_t opts);
/** Whether a finding begins so. */
int fk_was_told(const char *line);
/** All findings, for messages. */
const char *fk_all_told(void);
/** Nothing is found, not even by reading all content. */
void fk_clean(void);
/** Finds it without changing a thing, mends it, and is clean then. */
void fk_found_and_mended(const char *finding);
/** Finds it, and can't mend it. */
void fk_found_only(const char *finding);
apr_int64_t fk_id_of(const char *path);

#endif
