/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "scan_util.h"

#include <string.h>

world_t *w;

static apr_array_header_t *told;

static void setup(void)
{
    w = world_create();
}

static void teardown(void)
{
    world_destroy(w);
}

static void note(void *baton, const char *what, const char *path, const char *detail)
{
    (void)baton;
    APR_ARRAY_PUSH(told, const char *) =
        apr_pstrcat(w->pool, what, " ", path, detail ? " | " : "", detail ? detail : "", NULL);
}

int was_told(const char *line)
{
    int i;

    for (i = 0; i < told->nelts; i++)
        if (strncmp(APR_ARRAY_IDX(told, i, const char *), line, strlen(line)) == 0) return 1;
    return 0;
}

cloud_scan_stats_t scan_with(const char *path, cloud_scan_opts_t opts)
{
    cloud_scan_stats_t stats;

    told = apr_array_make(w->pool, 8, sizeof(const char *));
    opts.report = note;
    OK(cloud_scan(&stats, w->ctx, w->account, path, &opts));
    return stats;
}

cloud_scan_stats_t scan(const char *path)
{
    return scan_with(path, (cloud_scan_opts_t){ 0 });
}

cloud_scan_stats_t scan_anyway(void)
{
    return scan_with("", (cloud_scan_opts_t){ .allow_vanish = 1 });
}

void settled(void)
{
    const char *before = world_dump(w);
    cloud_fsck_opts_t fsck = { 0 };
    cloud_fsck_stats_t found;
    cloud_scan_stats_t stats = scan("");

    ck_assert_int_eq(stats.added + stats.changed + stats.moved + stats.vanished, 0);
    ck_assert_str_eq(before, world_dump(w));
    OK(cloud_fsck(&found, w->ctx, NULL, &fsck));
    ck_assert_int_eq(found.findings, 0);
}

const cloud_node_t *node(const char *path)
{
    const cloud_node_t *n = world_node(w, path);

    ck_assert_msg(n != NULL, "%s does not exist", path);
    return n;
}

Suite *scan_suite(const char *name, const TTest *const *tests, unsigned n)
{
    Suite *s = suite_create(name);
    TCase *tc = tcase_create(name);
    unsigned i;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    for (i = 0; i < n; i++) tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    return s;
}
