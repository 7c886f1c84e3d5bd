/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl uploads ...: unfinished uploads. */
#include "ctl.h"

#include "settings.h"
#include "upload.h"

#define STEP 1000

static cloud_err_t *list_one(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    ctl_t *ctl = baton;
    apr_array_header_t *ups;
    int i;

    CLOUD_ERR(cloud_upload_list(&ups, ctl->ctx, a, pool));
    for (i = 0; i < ups->nelts; i++) {
        const cloud_upload_t *up = &APR_ARRAY_IDX(ups, i, cloud_upload_t);

        json_array_append_new(
            ctl->out, json_pack("{s:o,s:o,s:I,s:o,s:o,s:o}", "account", ctl_string(ctl, a->id),
                                "name", ctl_string(ctl, up->name), "received",
                                (json_int_t)up->received, "total",
                                up->total < 0 ? json_null() : json_integer(up->total), "created",
                                ctl_time(ctl, up->created), "touched",
                                ctl_time(ctl, up->touched)));
        ctl_print(ctl, "%-24s %-40s %10s of %-10s last used %s", a->id, up->name,
                  ctl_size_text(ctl, up->received),
                  up->total < 0 ? "?" : ctl_size_text(ctl, up->total),
                  ctl_time_text(ctl, up->touched));
    }
    return NULL;
}

static cloud_err_t *list(ctl_t *ctl)
{
    cloud_account_t *a;

    ctl->out = json_array();
    if (!ctl_arg(ctl, 0)) return cloud_account_each(ctl->ctx, NULL, list_one, ctl);
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, ctl_arg(ctl, 0), ctl->pool));
    return list_one(ctl, a, ctl->pool);
}

static cloud_err_t *expire(ctl_t *ctl)
{
    apr_int64_t age, n = 0;
    int removed;

    CLOUD_ERR(cloud_setting_int(&age, ctl->ctx, "system", "cache_chunk_gc_ttl"));
    CLOUD_ERR(ctl_opt_int(&age, ctl, "max-age", age));
    if (age < 0) return ctl_usage(ctl, "--max-age is a number of seconds");
    do {
        CLOUD_ERR(cloud_upload_expire(&removed, ctl->ctx, age, STEP));
        n += removed;
    } while (removed == STEP);
    if (ctl->json) ctl->out = json_pack("{s:I}", "removed", (json_int_t)n);
    ctl_print(ctl, "%" APR_INT64_T_FMT " uploads were removed.", n);
    return NULL;
}

static const ctl_opt_t EXPIRE_OPTS[] = {
    { "max-age", "SECONDS", "remove what nobody went on with for so long" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_upload_cmds[] = {
    { "uploads list", "[ID]", 0, 1, "list the unfinished uploads", NULL, 0, list, NULL },
    { "uploads expire", "", 0, 0, "remove unfinished uploads that were given up", EXPIRE_OPTS, 0,
      expire, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
