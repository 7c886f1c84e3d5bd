/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl trash: list, restore, expire, cleanup. */
#include "ctl.h"

#include <string.h>

#include "files.h"
#include "trash.h"

/* ---- which accounts ---- */

typedef cloud_err_t *each_fn(ctl_t *ctl, const cloud_account_t *a, void *baton);

typedef struct {
    ctl_t *ctl;
    each_fn *fn;
    void *baton;
} each_t;

static cloud_err_t *call(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    each_t *each = baton;

    (void)pool;
    return each->fn(each->ctl, a, each->baton);
}

/* The account of --account, or all. */
static cloud_err_t *each_account(ctl_t *ctl, each_fn *fn, void *baton)
{
    each_t each = { ctl, fn, baton };
    const char *id = ctl_opt(ctl, "account");
    cloud_account_t *a;

    if (!id) return cloud_account_each(ctl->ctx, NULL, call, &each);
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
    return fn(ctl, a, baton);
}

/* ---- list ---- */

typedef struct {
    ctl_t *ctl;
    const cloud_account_t *account;
} list_t;

static cloud_err_t *print_item(void *baton, const cloud_trash_item_t *item)
{
    list_t *l = baton;
    ctl_t *ctl = l->ctl;
    int is_dir = CLOUD_IS_DIR(&item->node);

    if (ctl->json)
        json_array_append_new(
            ctl->out, json_pack("{s:o,s:I,s:o,s:o,s:s,s:I,s:o,s:I}", "account",
                                ctl_string(ctl, l->account->id), "id", (json_int_t)item->node.id,
                                "location", ctl_string(ctl, item->location), "name",
                                ctl_string(ctl, item->name), "kind", is_dir ? "folder" : "file",
                                "size", (json_int_t)item->node.size, "deleted",
                                ctl_time(ctl, item->deleted), "batch", (json_int_t)item->batch));
    ctl_print(ctl, "%-16s %-18" APR_INT64_T_FMT " %-20s %10s  %s%s", l->account->id, item->node.id,
              ctl_time_text(ctl, item->deleted), ctl_size_text(ctl, item->node.size),
              item->location ? item->location : "", is_dir ? "/" : "");
    return NULL;
}

static cloud_err_t *list_account(ctl_t *ctl, const cloud_account_t *a, void *baton)
{
    list_t l = { ctl, a };

    (void)baton;
    return cloud_trash_list(ctl->ctx, a, "", print_item, &l, ctl->pool);
}

static cloud_err_t *list(ctl_t *ctl)
{
    ctl->out = json_array();
    return each_account(ctl, list_account, NULL);
}

/* ---- restore ---- */

static cloud_err_t *restore(ctl_t *ctl)
{
    const char *id = ctl_arg(ctl, 0), *to = ctl_opt(ctl, "to"), *account = ctl_opt(ctl, "account");
    cloud_trash_item_t item;
    cloud_result_t res;
    cloud_account_t *a;

    if (!account) return ctl_usage(ctl, "restore needs --account");
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, account, ctl->pool));
    CLOUD_ERR(cloud_trash_stat(&item, ctl->ctx, a, id, ctl->pool));
    if (!to) to = item.location;
    if (!to) return ctl_usage(ctl, "what was inside of a deleted folder needs --to");
    while (*to == '/') to++;
    if (ctl_opt(ctl, "dry-run")) {
        CLOUD_ERR(ctl_check_place(ctl, a, to, ctl_opt(ctl, "overwrite") != NULL));
        ctl->out = json_pack("{s:o,s:b}", "path", ctl_string(ctl, to), "restored", 0);
        ctl_print(ctl, "%s would be restored to %s", id, to);
        return NULL;
    }
    CLOUD_ERR(cloud_trash_restore(&res, ctl->ctx, a, id, a, to, ctl_opt(ctl, "overwrite") != NULL,
                                  NULL, ctl->pool));
    ctl->out = json_pack("{s:o,s:b}", "path", ctl_string(ctl, res.entry->path), "restored", 1);
    ctl_print(ctl, "%s restored to %s", id, res.entry->path);
    return NULL;
}

/* ---- expire, cleanup ---- */

typedef struct {
    cloud_trash_stats_t stats;
    int dry_run;
} sum_t;

static cloud_err_t *report(ctl_t *ctl, const sum_t *sum)
{
    ctl->out = json_pack("{s:I,s:I,s:I,s:b}", "seen", (json_int_t)sum->stats.seen, "removed",
                         (json_int_t)sum->stats.removed, "bytes", (json_int_t)sum->stats.bytes,
                         "dry_run", sum->dry_run);
    ctl_print(ctl, "%" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " items %s, %s", sum->stats.removed,
              sum->stats.seen, sum->dry_run ? "would be removed" : "removed",
              ctl_size_text(ctl, sum->stats.bytes));
    return NULL;
}

static cloud_err_t *expire_account(ctl_t *ctl, const cloud_account_t *a, void *baton)
{
    sum_t *sum = baton;
    int more;

    return cloud_trash_expire(&sum->stats, &more, ctl->ctx, a, 0, sum->dry_run);
}

static cloud_err_t *expire(ctl_t *ctl)
{
    sum_t sum = { .dry_run = ctl_opt(ctl, "dry-run") != NULL };
    int more = 1;

    CLOUD_ERR(each_account(ctl, expire_account, &sum));
    while (more && !ctl_opt(ctl, "account"))
        CLOUD_ERR(cloud_trash_relieve_disk(&sum.stats, &more, ctl->ctx, sum.dry_run));
    return report(ctl, &sum);
}

static cloud_err_t *count(void *baton, const cloud_trash_item_t *item)
{
    sum_t *sum = baton;

    sum->stats.seen++;
    sum->stats.removed++;
    sum->stats.bytes += item->node.size;
    return NULL;
}

static cloud_err_t *cleanup_account(ctl_t *ctl, const cloud_account_t *a, void *baton)
{
    sum_t *sum = baton;

    CLOUD_ERR(cloud_trash_list(ctl->ctx, a, "", count, sum, ctl->pool));
    return sum->dry_run ? NULL : cloud_trash_empty(ctl->ctx, a);
}

static cloud_err_t *cleanup(ctl_t *ctl)
{
    sum_t sum = { .dry_run = ctl_opt(ctl, "dry-run") != NULL };
    int yes = sum.dry_run || ctl_opt(ctl, "account");

    if (!yes) CLOUD_ERR(ctl_confirm(&yes, ctl, "Delete all that is in the trash of all accounts?"));
    if (!yes) return cloud_err(ctl->pool, CLOUD_E_INVALID, "Nothing was deleted (--yes does)");
    CLOUD_ERR(each_account(ctl, cleanup_account, &sum));
    return report(ctl, &sum);
}

#define ACCOUNT { "account", "ID", "only this account" }
#define DRY_RUN { "dry-run", NULL, "only tell what would be done" }
#define END     { NULL, NULL, NULL }

static const ctl_opt_t LIST_OPTS[] = { ACCOUNT, END };
static const ctl_opt_t EXPIRE_OPTS[] = { ACCOUNT, DRY_RUN, END };
static const ctl_opt_t CLEANUP_OPTS[] = { ACCOUNT, DRY_RUN,
                                          { "yes", NULL, "do not ask" }, END };
static const ctl_opt_t RESTORE_OPTS[] = {
    { "account", "ID", "whose trash" },
    { "to", "PATH", "where to; its old place when not given" },
    { "overwrite", NULL, "replace what is there" },
    DRY_RUN, END
};

const ctl_cmd_t ctl_trash_cmds[] = {
    { "trash list", "", 0, 0, "show what was deleted and can be restored", LIST_OPTS, 0, list,
      NULL },
    { "trash restore", "ID", 1, 1, "bring back what was deleted; ID as in \"trash list\"",
      RESTORE_OPTS, 0, restore, NULL },
    { "trash expire", "", 0, 0, "delete for good what the retention no longer keeps", EXPIRE_OPTS,
      0, expire, NULL },
    { "trash cleanup", "", 0, 0, "delete for good all that is in the trash", CLEANUP_OPTS, 0,
      cleanup, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
