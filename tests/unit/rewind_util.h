/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file rewind_util.h
 * An account with trash and versions that is taken back in time: what tests of rewind have in
 * common.
 */
#ifndef REWIND_UTIL_H
#define REWIND_UTIL_H

#include "world.h"

#include "rewind.h"

extern world_t *ru_w;
extern apr_pool_t *ru_scratch;          /* of one round */
extern cloud_rewind_stats_t ru_stats;   /* of the last one */
extern char *ru_told;                   /* what it reported, in ru_scratch */

void ru_setup(void);
/** fsck has to find nothing. */
void ru_teardown(void);
/** A time after all that was done, and before all that will be. */
apr_time_t ru_now(void);
/** Every path with its id, size, time and content. */
const char *ru_dump(void);

cloud_err_t *ru_rewind_path(const char *path, apr_time_t to, int dry_run);
void ru_rewind_all(apr_time_t to);
void ru_undo(apr_int64_t batch);
/** Doing it again does nothing. */
void ru_check_nothing_left(apr_time_t to);
/** For cloud_rewind_opts_t: adds to ru_told. */
void ru_tell(void *baton, const cloud_rewind_step_t *s);
/** Sets the time of a file. */
cloud_err_t *ru_touch(const char *path, apr_int64_t mtime);

#endif
