/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the tests of scan share. */
#ifndef SCAN_UTIL_H
#define SCAN_UTIL_H

#include "world.h"

extern world_t *w;

/** A scan of path; with other options than the defaults; with anything allowed to vanish. */
cloud_scan_stats_t scan(const char *path);
cloud_scan_stats_t scan_with(const char *path, cloud_scan_opts_t opts);
cloud_scan_stats_t scan_anyway(void);
/** Whether the last scan told something that begins like that: "what path | detail". */
int was_told(const char *line);
/** There is nothing more to do, and the database agrees with itself and the disk. */
void settled(void);
/** The node must exist. */
const cloud_node_t *node(const char *path);
/** How many changes of a kind the system has made; op: a string constant. */
#define CHANGES(op) \
    tu_query_int("SELECT count(*) FROM change WHERE op = '" op "' AND account = 0")

/** A suite of these tests, each with a world of its own in w. */
Suite *scan_suite(const char *name, const TTest *const *tests, unsigned n);

#endif
