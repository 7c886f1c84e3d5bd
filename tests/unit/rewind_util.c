/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "rewind_util.h"

#include "trash.h"
#include "versions.h"

world_t *ru_w;
apr_pool_t *ru_scratch;
cloud_rewind_stats_t ru_stats;
char *ru_told;

void ru_setup(void)
{
    cloud_versions_register();
    cloud_trash_register();
    cloud_batch_register();
    ru_w = world_create();
    apr_pool_create(&ru_scratch, ru_w->pool);
}

void ru_teardown(void)
{
    tu_sound();
    world_destroy(ru_w);
    cloud_batch_unregister();
    cloud_trash_unregister();
    cloud_versions_unregister();
}

/* Numbers are times, and may be ahead of the clock: a time after all that was done, and before all
 * that will be. */
apr_time_t ru_now(void)
{
    apr_time_t t = tu_query_int("SELECT last FROM counter");

    while (apr_time_now() <= t + 1) continue;
    return t + 1;
}

typedef struct {
    apr_array_header_t *lines, *folders;
    const char *path;
} dump_t;

static cloud_err_t *dump_child(void *baton, const cloud_child_t *child)
{
    dump_t *d = baton;
    const cloud_node_t *n = child->node;
    const char *path = apr_pstrcat(ru_scratch, d->path, "/", n->name, NULL);
    const char *sums = cloud_sums_text(n->sums, CLOUD_DIGEST_SHA1, ru_scratch);

    APR_ARRAY_PUSH(d->lines, const char *) =
        CLOUD_IS_DIR(n)
            ? apr_psprintf(ru_scratch, "%s/ %" APR_INT64_T_FMT "\n", path, n->id)
            : apr_psprintf(ru_scratch,
                           "%s %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %s\n",
                           path, n->id, n->size, n->mtime, sums ? sums : "-");
    if (CLOUD_IS_DIR(n)) APR_ARRAY_PUSH(d->folders, const char *) = path;
    return NULL;
}

/* Every path with its id, size, time and content. */
const char *ru_dump(void)
{
    dump_t d = { .lines = apr_array_make(ru_scratch, 64, sizeof(const char *)),
                 .folders = apr_array_make(ru_scratch, 16, sizeof(const char *)) };
    cloud_entry_t *e;
    int i;

    APR_ARRAY_PUSH(d.folders, const char *) = "";
    for (i = 0; i < d.folders->nelts; i++) {
        d.path = APR_ARRAY_IDX(d.folders, i, const char *);
        OK(cloud_resolve(&e, ru_w->ctx, ru_w->account, d.path, ru_scratch));
        OK(cloud_file_list(ru_w->ctx, e, dump_child, &d));
    }
    return apr_array_pstrcat(ru_scratch, d.lines, 0);
}

void ru_tell(void *baton, const cloud_rewind_step_t *s)
{
    (void)baton;
    ru_told =
        apr_pstrcat(ru_scratch, ru_told, s->what, " ", s->from ? s->from : "", s->from ? ">" : "",
                    s->path, s->why ? ": " : "", s->why ? s->why : "", ";", NULL);
}

cloud_err_t *ru_rewind_path(const char *path, apr_time_t to, int dry_run)
{
    cloud_rewind_opts_t opts = { .dry_run = dry_run, .report = ru_tell };

    ru_told = "";
    return cloud_rewind(&ru_stats, ru_w->ctx, ru_w->account, path, to, &opts);
}

void ru_rewind_all(apr_time_t to)
{
    OK(ru_rewind_path("", to, 0));
}

void ru_undo(apr_int64_t batch)
{
    cloud_rewind_opts_t opts = { .report = ru_tell };

    ru_told = "";
    OK(cloud_batch_undo(&ru_stats, ru_w->ctx, batch, &opts));
}

void ru_check_nothing_left(apr_time_t to)
{
    ru_rewind_all(to);
    ck_assert_str_eq(ru_told, "");
    ck_assert_int_eq(ru_stats.batch, 0);
}

cloud_err_t *ru_touch(const char *path, apr_int64_t mtime)
{
    cloud_result_t res;

    return cloud_file_proppatch(&res, ru_w->user, ru_w->account, path, NULL, &mtime, NULL,
                                ru_scratch);
}
