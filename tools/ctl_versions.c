/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl versions: old versions of files. */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#include "versions.h"

/* The account of --account, which these commands can't do without. */
static cloud_err_t *the_account(cloud_account_t **a, ctl_t *ctl)
{
    const char *id = ctl_opt(ctl, "account");

    if (!id) return ctl_usage(ctl, "--account is needed");
    return cloud_account_get(a, ctl->ctx, id, ctl->pool);
}

static const char *path_arg(ctl_t *ctl, int i)
{
    const char *path = ctl_arg(ctl, i);

    while (path && *path == '/') path++;
    return path;
}

/* The file of PATH, and the version of NUMBER when there is one. */
static cloud_err_t *the_file(cloud_account_t **a, cloud_entry_t **file, ctl_t *ctl)
{
    CLOUD_ERR(the_account(a, ctl));
    return cloud_file_stat(file, ctl->ctx, *a, path_arg(ctl, 0), ctl->pool);
}

static cloud_err_t *the_number(apr_int64_t *number, ctl_t *ctl)
{
    const char *text = ctl_arg(ctl, 1);
    char *end;

    *number = strtoll(text, &end, 10);
    return *end || end == text ? ctl_usage(ctl, "NUMBER is what \"versions list\" shows") : NULL;
}

/* ---- list ---- */

typedef struct {
    ctl_t *ctl;
    apr_int64_t count, bytes;
} listing_t;

static cloud_err_t *list_one(void *baton, const cloud_version_t *v)
{
    listing_t *l = baton;
    ctl_t *ctl = l->ctl;

    json_array_append_new(ctl->out,
                          json_pack("{s:I,s:o,s:o,s:I,s:o,s:o}", "number", (json_int_t)v->number,
                                    "replaced", ctl_time(ctl, v->number), "mtime",
                                    ctl_time(ctl, apr_time_from_sec(v->mtime)), "size",
                                    (json_int_t)v->size, "author", ctl_string(ctl, v->author),
                                    "tag", ctl_string(ctl, v->tag)));
    ctl_print(ctl, "%" APR_INT64_T_FMT "  %s  %10s  %s%s%s", v->number,
              ctl_time_text(ctl, v->number), ctl_size_text(ctl, v->size),
              v->author ? v->author : "-", v->tag ? "  " : "", v->tag ? v->tag : "");
    l->count++;
    l->bytes += v->size;
    return NULL;
}

static cloud_err_t *total_one(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    ctl_t *ctl = baton;
    apr_int64_t bytes = 0, count = 0;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctl->ctx, CLOUD_DB_READ));
    err = cloud_versions_total(&bytes, &count, ctl->ctx, a->number);
    cloud_tx_rollback(ctl->ctx);
    if (err) return err;
    json_array_append_new(ctl->out, json_pack("{s:s,s:I,s:I}", "account", a->id, "versions",
                                              (json_int_t)count, "bytes", (json_int_t)bytes));
    ctl_print(ctl, "%-24s %10" APR_INT64_T_FMT "  %10s", a->id, count, ctl_size_text(ctl, bytes));
    return NULL;
}

static cloud_err_t *versions_list(ctl_t *ctl)
{
    listing_t l = { ctl, 0, 0 };
    cloud_entry_t *file;
    cloud_account_t *a;
    cloud_err_t *err;

    ctl->out = json_array();
    if (!ctl_arg(ctl, 0)) {
        if (!ctl_opt(ctl, "account"))
            return cloud_account_each(ctl->ctx, NULL, total_one, ctl);
        CLOUD_ERR(the_account(&a, ctl));
        return total_one(ctl, a, ctl->pool);
    }
    CLOUD_ERR(the_file(&a, &file, ctl));
    CLOUD_ERR(cloud_tx_begin(ctl->ctx, CLOUD_DB_READ));
    err = cloud_versions_each(ctl->ctx, file->node.id, list_one, &l);
    cloud_tx_rollback(ctl->ctx);
    return err;
}

/* ---- restore, tag ---- */

static cloud_err_t *restore_dry(ctl_t *ctl, const cloud_account_t *a, const cloud_entry_t *file,
                                apr_int64_t number, const char *to)
{
    const char *path = to ? to : file->path;
    cloud_version_t *v;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctl->ctx, CLOUD_DB_READ));
    err = cloud_version_get(&v, ctl->ctx, file->node.id, number, ctl->pool);
    cloud_tx_rollback(ctl->ctx);
    if (err) return err;
    CLOUD_ERR(ctl_check_place(ctl, a, path, to == NULL));
    ctl->out = json_pack("{s:o,s:I,s:b}", "path", ctl_string(ctl, path), "size",
                         (json_int_t)v->size, "dry_run", 1);
    ctl_print(ctl, "would be restored to %s", path);
    return NULL;
}

static cloud_err_t *versions_restore(ctl_t *ctl)
{
    const char *to = ctl_opt(ctl, "to");
    apr_int64_t number;
    cloud_account_t *a;
    cloud_entry_t *file;
    cloud_result_t res;

    CLOUD_ERR(the_number(&number, ctl));
    CLOUD_ERR(the_file(&a, &file, ctl));
    while (to && *to == '/') to++;
    if (ctl_opt(ctl, "dry-run")) return restore_dry(ctl, a, file, number, to);
    CLOUD_ERR(cloud_version_copy(&res, ctl->ctx, a, file->node.id, number, a,
                                 to ? to : file->path, to ? 0 : 1, NULL, ctl->pool));
    ctl->out = json_pack("{s:o,s:I,s:I}", "path", ctl_string(ctl, res.entry->path), "id",
                         (json_int_t)res.entry->node.id, "size",
                         (json_int_t)res.entry->node.size);
    ctl_print(ctl, "restored to %s", res.entry->path);
    return NULL;
}

static cloud_err_t *versions_tag(ctl_t *ctl)
{
    const char *tag = ctl_arg(ctl, 2);
    apr_int64_t number;
    cloud_account_t *a;
    cloud_entry_t *file;

    CLOUD_ERR(the_number(&number, ctl));
    CLOUD_ERR(the_file(&a, &file, ctl));
    if (!tag && !ctl_opt(ctl, "remove")) return ctl_usage(ctl, "TAG or --remove is needed");
    return cloud_version_set_tag(ctl->ctx, a, file->node.id, number, tag, ctl->pool);
}

/* ---- expire, cleanup ---- */

static void tell(ctl_t *ctl, const cloud_versions_stats_t *s)
{
    int dry = ctl_opt(ctl, "dry-run") != NULL;

    ctl->out = json_pack("{s:I,s:I,s:b}", "versions", (json_int_t)s->versions, "bytes",
                         (json_int_t)s->bytes, "dry_run", dry);
    ctl_print(ctl, "%" APR_INT64_T_FMT " versions (%s) %s", s->versions,
              ctl_size_text(ctl, s->bytes), dry ? "would be removed" : "removed");
}

static cloud_err_t *versions_expire(ctl_t *ctl)
{
    cloud_versions_stats_t stats;
    cloud_account_t *a = NULL;

    if (ctl_opt(ctl, "account")) CLOUD_ERR(the_account(&a, ctl));
    CLOUD_ERR(cloud_versions_expire(&stats, ctl->ctx, a, ctl_opt(ctl, "dry-run") != NULL));
    tell(ctl, &stats);
    return NULL;
}

typedef struct {
    ctl_t *ctl;
    cloud_versions_stats_t sum;
} cleanup_t;

static cloud_err_t *cleanup_one(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    cleanup_t *c = baton;
    cloud_versions_stats_t stats;

    CLOUD_ERR(cloud_versions_cleanup(&stats, c->ctl->ctx, a, ctl_opt(c->ctl, "dry-run") != NULL));
    c->sum.versions += stats.versions;
    c->sum.bytes += stats.bytes;
    return NULL;
}

static cloud_err_t *versions_cleanup(ctl_t *ctl)
{
    cleanup_t c = { .ctl = ctl };
    cloud_account_t *a;
    int yes;

    if (ctl_opt(ctl, "account")) {
        CLOUD_ERR(the_account(&a, ctl));
        CLOUD_ERR(cleanup_one(&c, a, ctl->pool));
    } else {
        if (!ctl_opt(ctl, "dry-run")) {
            CLOUD_ERR(ctl_confirm(&yes, ctl, "Remove the old versions of all accounts?"));
            if (!yes) return cloud_err(ctl->pool, CLOUD_E_INVALID,
                                       "Nothing was done: --account, or --yes for all");
        }
        CLOUD_ERR(cloud_account_each(ctl->ctx, NULL, cleanup_one, &c));
    }
    tell(ctl, &c.sum);
    return NULL;
}

/* ---- the commands ---- */

static const ctl_opt_t ACCOUNT_OPTS[] = {
    { "account", "ID", "whose files" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t RESTORE_OPTS[] = {
    { "account", "ID", "whose files" },
    { "to", "PATH", "write it there, to a new file, instead of onto its file" },
    { "dry-run", NULL, "only tell what would be done" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t TAG_OPTS[] = {
    { "account", "ID", "whose files" },
    { "remove", NULL, "take the tag away" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t EXPIRE_OPTS[] = {
    { "account", "ID", "only this account" },
    { "dry-run", NULL, "only tell what would be removed" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t CLEANUP_OPTS[] = {
    { "account", "ID", "only this account" },
    { "dry-run", NULL, "only tell what would be removed" },
    { "yes", NULL, "do not ask" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_versions_cmds[] = {
    { "versions list", "[PATH]", 0, 1, "show the versions of a file, or how many there are",
      ACCOUNT_OPTS, 0, versions_list, NULL },
    { "versions restore", "PATH NUMBER", 2, 2, "bring a version back; what it replaces becomes one",
      RESTORE_OPTS, 0, versions_restore, NULL },
    { "versions tag", "PATH NUMBER [TAG]", 2, 3, "give a version a tag: it is kept for ever",
      TAG_OPTS, 0, versions_tag, NULL },
    { "versions expire", "", 0, 0, "remove what the retention does not keep", EXPIRE_OPTS, 0,
      versions_expire, NULL },
    { "versions cleanup", "", 0, 0, "remove all versions that have no tag", CLEANUP_OPTS, 0,
      versions_cleanup, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
