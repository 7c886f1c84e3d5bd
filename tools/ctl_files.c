/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl scan, fsck. */
#include "ctl.h"

#include <unistd.h>

#include "files.h"
#include "maint.h"

cloud_err_t *ctl_check_place(ctl_t *ctl, const cloud_account_t *a, const char *path, int overwrite)
{
    cloud_entry_t *e;

    CLOUD_ERR(cloud_resolve(&e, ctl->ctx, a, path, ctl->pool));
    if (e->exists && !overwrite)
        return cloud_err(ctl->pool, CLOUD_E_PRECONDITION, "%s: there is something already", path);
    if (!e->exists && !e->has_parent)
        return cloud_err(ctl->pool, CLOUD_E_CONFLICT, "%s: there is no such folder", path);
    return NULL;
}

/* ---- scan ---- */

typedef struct {
    ctl_t *ctl;
    const char *account;
    json_t *findings;
} report_t;

static void scan_report(void *baton, const char *what, const char *path, const char *detail)
{
    report_t *r = baton;

    if (r->ctl->json)
        json_array_append_new(r->findings,
                              json_pack("{s:o,s:s,s:o,s:o}", "account",
                                        ctl_string(r->ctl, r->account), "what", what, "path",
                                        ctl_string(r->ctl, path), "detail",
                                        ctl_string(r->ctl, detail)));
    ctl_print(r->ctl, "%-8s %s: %s%s%s", what, r->account, path, detail ? "  " : "",
              detail ? detail : "");
}

static void add_stats(cloud_scan_stats_t *sum, const cloud_scan_stats_t *s)
{
    sum->seen += s->seen;
    sum->added += s->added;
    sum->changed += s->changed;
    sum->moved += s->moved;
    sum->vanished += s->vanished;
    sum->skipped += s->skipped;
    sum->bytes += s->bytes;
    sum->refused |= s->refused;
}

typedef struct {
    ctl_t *ctl;
    const char *path;
    cloud_scan_opts_t opts;
    cloud_scan_stats_t sum;
    report_t report;
    int unavailable;
} scan_t;

/* Too much has gone: asks at the terminal, as it may be a disk that is half there. */
static cloud_err_t *ask_vanished(int *again, scan_t *s, const cloud_account_t *a)
{
    const char *question = apr_psprintf(s->ctl->pool,
                                        "A large part of the files of %s is not there any more. "
                                        "Delete them for their clients too?",
                                        a->id);

    *again = 0;
    if (isatty(STDIN_FILENO) && !s->ctl->json) CLOUD_ERR(ctl_confirm(again, s->ctl, question));
    if (!*again)
        ctl_note(s->ctl, "%s: more than the limit is missing, so nothing was taken as deleted "
                         "(--allow-vanish, or a higher --limit-percent, does)",
                 a->id);
    return NULL;
}

static cloud_err_t *scan_one(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    scan_t *s = baton;
    cloud_scan_stats_t stats = { 0 };
    cloud_scan_opts_t opts = s->opts;
    cloud_err_t *err;
    int again = 0;

    s->report.account = a->id;
    err = cloud_scan(&stats, s->ctl->ctx, a, s->path, &opts);
    if (!err && stats.refused) {
        CLOUD_ERR(ask_vanished(&again, s, a));
        if (again) {
            cloud_scan_stats_t more = { 0 };

            opts.allow_vanish = 1;
            stats.refused = 0;
            err = cloud_scan(&more, s->ctl->ctx, a, s->path, &opts);
            more.seen = more.bytes = 0;
            add_stats(&stats, &more);
        }
    }
    add_stats(&s->sum, &stats);
    if (!cloud_err_is(err, CLOUD_E_UNAVAILABLE)) return err;
    /* One disk that is not there keeps nobody from scanning the others. */
    ctl_note(s->ctl, "%s: %s%s%s", a->id, err->msg, err->cause ? ": " : "",
             err->cause ? err->cause : "");
    s->unavailable++;
    return NULL;
}

static cloud_err_t *scan(ctl_t *ctl)
{
    scan_t s = { .ctl = ctl, .path = ctl_arg(ctl, 0) ? ctl_arg(ctl, 0) : "" };
    const char *id = ctl_opt(ctl, "account");
    apr_int64_t percent;
    cloud_account_t *a;

    CLOUD_ERR(ctl_opt_int(&percent, ctl, "limit-percent", 0));
    if (*s.path && !id) return ctl_usage(ctl, "a PATH needs --account");
    if (ctl_opt(ctl, "limit-percent") && (percent < 0 || percent > 100))
        return ctl_usage(ctl, "--limit-percent is a number from 0 to 100");
    s.report.ctl = ctl;
    s.report.findings = json_array();
    s.opts.allow_vanish = ctl_opt(ctl, "allow-vanish") != NULL;
    s.opts.rehash = ctl_opt(ctl, "rehash") != NULL;
    s.opts.limit_percent = ctl_opt(ctl, "limit-percent") && percent == 0 ? -1 : (int)percent;
    s.opts.report = ctl->verbose || ctl->json ? scan_report : NULL;
    s.opts.baton = &s.report;
    while (*s.path == '/') s.path++;
    if (id) {
        CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
        CLOUD_ERR(scan_one(&s, a, ctl->pool));
    } else {
        CLOUD_ERR(cloud_account_each(ctl->ctx, NULL, scan_one, &s));
    }
    ctl->out = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:i,s:o}", "seen",
                         (json_int_t)s.sum.seen, "added", (json_int_t)s.sum.added, "changed",
                         (json_int_t)s.sum.changed, "moved", (json_int_t)s.sum.moved, "vanished",
                         (json_int_t)s.sum.vanished, "skipped", (json_int_t)s.sum.skipped,
                         "bytes", (json_int_t)s.sum.bytes, "refused", s.sum.refused,
                         "unavailable", s.unavailable, "findings", s.report.findings);
    ctl_print(ctl,
              "%" APR_INT64_T_FMT " seen, %" APR_INT64_T_FMT " added, %" APR_INT64_T_FMT
              " changed, %" APR_INT64_T_FMT " moved, %" APR_INT64_T_FMT " vanished, %"
              APR_INT64_T_FMT " skipped",
              s.sum.seen, s.sum.added, s.sum.changed, s.sum.moved, s.sum.vanished, s.sum.skipped);
    if (s.sum.refused || s.unavailable) ctl->status = CTL_FAILED;
    return NULL;
}

/* ---- fsck ---- */

static void fsck_report(void *baton, const char *kind, const char *account, const char *path,
                        const char *detail, int repaired)
{
    report_t *r = baton;

    if (r->ctl->json)
        json_array_append_new(r->findings,
                              json_pack("{s:s,s:o,s:o,s:o,s:b}", "kind", kind, "account",
                                        ctl_string(r->ctl, account), "path",
                                        ctl_string(r->ctl, path), "detail",
                                        ctl_string(r->ctl, detail), "repaired", repaired));
    ctl_print(r->ctl, "%s: %s%s%s%s%s%s", kind, account ? account : "", account ? ": " : "",
              path ? path : "", detail ? "  " : "", detail ? detail : "",
              repaired ? "  (repaired)" : "");
}

static cloud_err_t *fsck(ctl_t *ctl)
{
    report_t report = { .ctl = ctl, .findings = json_array() };
    cloud_fsck_opts_t opts = { .repair = ctl_opt(ctl, "repair") != NULL,
                               .hashes = ctl_opt(ctl, "hashes") != NULL,
                               .report = fsck_report, .baton = &report };
    const char *id = ctl_opt(ctl, "account");
    cloud_fsck_stats_t s = { 0 };
    cloud_account_t *a = NULL;

    CLOUD_ERR(ctl_open(ctl, opts.repair ? 0 : CLOUD_STORE_READ_ONLY));
    if (id) CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
    CLOUD_ERR(cloud_fsck(&s, ctl->ctx, a, &opts));
    ctl->out = json_pack("{s:I,s:I,s:I,s:I,s:I,s:o}", "accounts", (json_int_t)s.accounts, "nodes",
                         (json_int_t)s.nodes, "files", (json_int_t)s.files, "found",
                         (json_int_t)s.findings, "repaired", (json_int_t)s.repaired, "findings",
                         report.findings);
    ctl_print(ctl,
              "%" APR_INT64_T_FMT " accounts, %" APR_INT64_T_FMT " nodes, %" APR_INT64_T_FMT
              " files: %" APR_INT64_T_FMT " findings, %" APR_INT64_T_FMT " repaired",
              s.accounts, s.nodes, s.files, s.findings, s.repaired);
    if (s.findings > s.repaired) ctl->status = CTL_FAILED;
    return NULL;
}

static const ctl_opt_t SCAN_OPTS[] = {
    { "account", "ID", "only this account" },
    { "allow-vanish", NULL, "take any number of missing files as deleted" },
    { "limit-percent", "N", "take at most N percent as deleted (10)" },
    { "rehash", NULL, "read unchanged files too, and compare their checksums" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t FSCK_OPTS[] = {
    { "account", "ID", "only this account" },
    { "repair", NULL, "mend what can be mended; no content is ever deleted" },
    { "hashes", NULL, "read every file and compare its checksum" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_files_cmds[] = {
    { "scan", "[PATH]", 0, 1, "take in what was changed in the files by other programs", SCAN_OPTS,
      0, scan, NULL },
    { "fsck", "", 0, 0, "check database and files; exit status 1 when something is left",
      FSCK_OPTS, CTL_NO_STORE, fsck, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
