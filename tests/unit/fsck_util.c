/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "fsck_util.h"

#include <string.h>

world_t *fk_w;
apr_array_header_t *fk_told;

void fk_setup(void)
{
    fk_w = world_create();
    world_mkcol(fk_w, "a");
    world_mkcol(fk_w, "a/b");
    world_put(fk_w, "a/b/deep", "deep content");
    world_put(fk_w, "a/f", "content");
    world_put(fk_w, "top", "on top");
    tu_maintain();
}

void fk_teardown(void)
{
    world_destroy(fk_w);
}

static void note(void *baton, const char *kind, const char *account, const char *path,
                 const char *detail, int repaired)
{
    (void)baton;
    APR_ARRAY_PUSH(fk_told, const char *) = apr_psprintf(
        fk_w->pool, "%s %s|%s|%s%s", kind, path, account, detail, repaired ? " (repaired)" : "");
}

int fk_was_told(const char *line)
{
    int i;

    for (i = 0; i < fk_told->nelts; i++)
        if (strncmp(APR_ARRAY_IDX(fk_told, i, const char *), line, strlen(line)) == 0) return 1;
    return 0;
}

const char *fk_all_told(void)
{
    return apr_array_pstrcat(fk_w->pool, fk_told, '\n');
}

cloud_fsck_stats_t fk_fsck(cloud_fsck_opts_t opts)
{
    cloud_fsck_stats_t stats;

    fk_told = apr_array_make(fk_w->pool, 8, sizeof(const char *));
    opts.report = note;
    OK(cloud_fsck(&stats, fk_w->ctx, NULL, &opts));
    ck_assert_int_eq(stats.findings, fk_told->nelts);
    return stats;
}

void fk_clean(void)
{
    cloud_fsck_stats_t s = fk_fsck((cloud_fsck_opts_t){ .hashes = 1 });

    ck_assert_msg(s.findings == 0, "%s", fk_all_told());
}

/* Finds it without changing a thing, mends it, and is clean then. */
void fk_found_and_mended(const char *finding)
{
    const char *before = world_dump(fk_w);
    cloud_fsck_stats_t s = fk_fsck((cloud_fsck_opts_t){ 0 });

    ck_assert_msg(fk_was_told(finding), "no \"%s\" in:\n%s", finding, fk_all_told());
    ck_assert_int_eq(s.repaired, 0);
    ck_assert_str_eq(before, world_dump(fk_w));
    s = fk_fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_msg(s.repaired > 0, "%s", fk_all_told());
    fk_clean();
}

void fk_found_only(const char *finding)
{
    cloud_fsck_stats_t s;

    fk_fsck((cloud_fsck_opts_t){ 0 });
    ck_assert_msg(fk_was_told(finding), "no \"%s\" in:\n%s", finding, fk_all_told());
    s = fk_fsck((cloud_fsck_opts_t){ .repair = 1 });
    ck_assert_msg(fk_was_told(finding), "no \"%s\" in:\n%s", finding, fk_all_told());
    ck_assert_int_eq(s.repaired, 0);
}

apr_int64_t fk_id_of(const char *path)
{
    const cloud_node_t *n = world_node(fk_w, path);

    ck_assert_msg(n != NULL, "%s does not exist", path);
    return n->id;
}
