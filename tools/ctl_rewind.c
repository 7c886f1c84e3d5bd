/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl rewind, and batches: list, show, undo. */
#include "ctl.h"

#include <string.h>
#include <time.h>

#include "rewind.h"

#define PARTLY 3   /* exit status: something could not be brought back */

/* ---- times ---- */

/* "2 hours ago" */
static int parse_ago(apr_time_t *t, const char *text)
{
    static const struct {
        const char *unit;
        apr_int64_t seconds;
    } UNITS[] = {
        { "second", 1 },    { "minute", 60 },     { "hour", 3600 },
        { "day", 86400 },   { "week", 604800 },
    };
    char unit[16], end[8], rest;
    apr_int64_t n;
    unsigned i;
    size_t len;

    if (sscanf(text, "%" APR_INT64_T_FMT " %15s %7s %c", &n, unit, end, &rest) != 3) return 0;
    if (strcmp(end, "ago") != 0 || n < 0 || n > 1000000) return 0;
    for (i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        len = strlen(UNITS[i].unit);
        if (strncmp(unit, UNITS[i].unit, len) != 0) continue;
        if (unit[len] && strcmp(unit + len, "s") != 0) continue;
        *t = apr_time_now() - apr_time_from_sec(n * UNITS[i].seconds);
        return 1;
    }
    return 0;
}

/* The fraction of a second at *text, in microseconds; more digits than that are no time of ours. */
static int parse_fraction(apr_int64_t *us, const char **text)
{
    int digits;

    *us = 0;
    if (**text != '.' && **text != ',') return 1;
    for (++*text, digits = 0; **text >= '0' && **text <= '9'; ++*text, digits++)
        *us = *us * 10 + (**text - '0');
    if (digits == 0 || digits > 6) return 0;
    for (; digits < 6; digits++) *us *= 10;
    return 1;
}

/* "Z", "+01:00", "+0100", "+01", or nothing: local time. */
static int parse_zone(int *local, long *offset, const char *text)
{
    int sign = *text == '-' ? -1 : 1, hours = 0, minutes = 0, n = 0;
    size_t digits;

    *local = *text == '\0';
    *offset = 0;
    if (*local || strcmp(text, "Z") == 0) return 1;
    if (*text != '+' && *text != '-') return 0;
    digits = strspn(++text, "0123456789");
    if (digits == 4) sscanf(text, "%2d%2d%n", &hours, &minutes, &n);
    else if (digits == 2 && text[2]) sscanf(text, "%2d:%2d%n", &hours, &minutes, &n);
    else if (digits == 2) sscanf(text, "%2d%n", &hours, &n);
    *offset = sign * (hours * 3600L + minutes * 60L);
    return n == (digits == 4 ? 4 : digits == 2 && text[2] ? 5 : 2) && text[n] == '\0' && hours < 15
           && minutes < 60;
}

/* "2026-11-27", "2026-11-27T16:05", "2026-11-27 16:05:30.25+01:00" */
static int parse_iso(apr_time_t *t, const char *text)
{
    struct tm tm = { 0 }, given;
    apr_int64_t us = 0;
    long offset;
    int n = 0, used, local;
    time_t when;

    if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &n) != 3 || n != 10)
        return 0;
    text += n;
    if (*text == 'T' || *text == ' ') {
        if (sscanf(++text, "%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &used) != 2 || used != 5)
            return 0;
        text += used;
        if (*text == ':') {
            if (sscanf(++text, "%2d%n", &tm.tm_sec, &used) != 1 || used != 2) return 0;
            text += used;
            if (!parse_fraction(&us, &text)) return 0;
        }
    }
    if (!parse_zone(&local, &offset, text)) return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    tm.tm_isdst = -1;
    given = tm;
    when = local ? mktime(&tm) : timegm(&tm) - offset;
    /* What has been carried over was no date. */
    if (tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon || tm.tm_hour != given.tm_hour
        || tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec)
        return 0;
    *t = apr_time_from_sec(when) + us;
    return 1;
}

/* ---- rewind ---- */

typedef struct {
    ctl_t line;            /* with a pool of its own, cleared with each line */
    ctl_t *ctl;
    json_t *steps;
} report_t;

static void print_step(void *baton, const cloud_rewind_step_t *s)
{
    report_t *r = baton;
    ctl_t *line = &r->line;

    apr_pool_clear(line->pool);
    if (r->ctl->json) {
        json_array_append_new(r->steps,
                              json_pack("{s:s,s:I,s:o,s:o,s:o,s:o}", "step", s->what, "id",
                                        (json_int_t)s->node, "path", ctl_string(line, s->path),
                                        "from", ctl_string(line, s->from), "time",
                                        ctl_time(line, s->time), "why",
                                        ctl_string(line, s->why)));
        return;
    }
    if (s->why) ctl_print(line, "%-8s %s%s%s", s->what, s->path, *s->path ? ": " : "", s->why);
    else if (s->from) ctl_print(line, "%-8s %s -> %s", s->what, s->from, s->path);
    else if (s->time)
        ctl_print(line, "%-8s %s (%s)", s->what, s->path, ctl_time_text(line, s->time));
    else ctl_print(line, "%-8s %s", s->what, s->path);
}

static void begin_report(report_t *r, cloud_rewind_opts_t *opts, ctl_t *ctl)
{
    r->ctl = ctl;
    r->line = *ctl;
    apr_pool_create(&r->line.pool, ctl->pool);
    r->steps = json_array();
    memset(opts, 0, sizeof *opts);
    opts->dry_run = ctl_opt(ctl, "dry-run") != NULL;
    opts->delete_for_good = ctl_opt(ctl, "delete-for-good") != NULL;
    opts->report = print_step;
    opts->baton = r;
}

static cloud_err_t *end_report(report_t *r, const cloud_rewind_opts_t *opts,
                               const cloud_rewind_stats_t *stats, cloud_err_t *err)
{
    ctl_t *ctl = r->ctl;

    if (err) {
        json_decref(r->steps);
        return err;
    }
    ctl->out = json_pack("{s:o,s:I,s:I,s:I,s:b}", "steps", r->steps, "done",
                         (json_int_t)stats->steps, "problems", (json_int_t)stats->problems,
                         "batch", (json_int_t)stats->batch, "dry_run", opts->dry_run);
    ctl_print(ctl, "%" APR_INT64_T_FMT " %s, %" APR_INT64_T_FMT " could not be brought back",
              stats->steps, opts->dry_run ? "to do" : "done", stats->problems);
    if (stats->batch)
        ctl_print(ctl, "batch %" APR_INT64_T_FMT " (\"cloudctl batches undo\" takes it back)",
                  stats->batch);
    if (stats->problems) ctl->status = PARTLY;
    return NULL;
}

static cloud_err_t *rewind_run(ctl_t *ctl)
{
    const char *id = ctl_opt(ctl, "account"), *to = ctl_opt(ctl, "to");
    const char *path = ctl_opt(ctl, "path");
    cloud_rewind_stats_t stats;
    cloud_rewind_opts_t opts;
    cloud_account_t *a;
    report_t report;
    apr_time_t t;

    if (!id || !to) return ctl_usage(ctl, "rewind needs --account and --to");
    if (!parse_ago(&t, to) && !parse_iso(&t, to))
        return ctl_usage(ctl, "\"%s\" is no time: 2026-11-27, 2026-11-27T16:05:00Z, "
                              "\"2026-11-27 16:05 +01:00\", \"2 hours ago\"", to);
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
    begin_report(&report, &opts, ctl);
    return end_report(&report, &opts, &stats,
                      cloud_rewind(&stats, ctl->ctx, a, path ? path : "", t, &opts));
}

/* ---- batches ---- */

static cloud_err_t *print_batch(void *baton, const cloud_batch_t *b)
{
    ctl_t *ctl = baton;

    if (!b->account) return NULL;
    if (ctl->json)
        json_array_append_new(
            ctl->out, json_pack("{s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "batch",
                                (json_int_t)b->id, "kind", b->kind, "account",
                                ctl_string(ctl, b->account), "login",
                                ctl_string(ctl, b->login_id), "client",
                                ctl_string(ctl, b->client), "from", ctl_time(ctl, b->first), "to",
                                ctl_time(ctl, b->last), "files", (json_int_t)b->files, "note",
                                ctl_string(ctl, b->note)));
    ctl_print(ctl, "%-18" APR_INT64_T_FMT " %-6s %-16s %-20s %-20s %8" APR_INT64_T_FMT
              "  %s%s%s%s",
              b->id, b->kind, b->account, ctl_time_text(ctl, b->first),
              ctl_time_text(ctl, b->last), b->files, b->login_id ? b->login_id : "",
              b->client ? ", " : "", b->client ? b->client : "", b->note ? b->note : "");
    return NULL;
}

static cloud_err_t *batches_list(ctl_t *ctl)
{
    const char *id = ctl_opt(ctl, "account");
    cloud_account_t *a;

    ctl->out = json_array();
    if (!id) return cloud_batch_each(ctl->ctx, 0, print_batch, ctl);
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, id, ctl->pool));
    return cloud_batch_each(ctl->ctx, a->root, print_batch, ctl);
}

/* The batch of the first argument; one of that account, when it is given. */
static cloud_err_t *find_batch(cloud_batch_t **b, ctl_t *ctl)
{
    const char *account = ctl_opt(ctl, "account"), *text = ctl_arg(ctl, 0);
    cloud_account_t *a;
    char *end;
    apr_int64_t id = apr_strtoi64(text, &end, 10);

    if (*end || id <= 0) return ctl_usage(ctl, "\"%s\" is no number of a batch", text);
    CLOUD_ERR(cloud_batch_get(b, ctl->ctx, id, ctl->pool));
    if (!account) return NULL;
    CLOUD_ERR(cloud_account_get(&a, ctl->ctx, account, ctl->pool));
    if (a->root == (*b)->tree) return NULL;
    return cloud_err(ctl->pool, CLOUD_E_NOT_FOUND, "Batch %s is not one of %s", text, a->id);
}

static cloud_err_t *print_change(void *baton, const cloud_batch_change_t *c)
{
    report_t *r = baton;
    ctl_t *line = &r->line;

    apr_pool_clear(line->pool);
    if (r->ctl->json) {
        json_array_append_new(r->steps,
                              json_pack("{s:I,s:o,s:s,s:I,s:o,s:o,s:b,s:I}", "number",
                                        (json_int_t)c->number, "time", ctl_time(line, c->time),
                                        "op", c->op, "id", (json_int_t)c->node, "name",
                                        ctl_string(line, c->name), "from",
                                        ctl_string(line, c->from_name), "folder", c->is_dir,
                                        "size", (json_int_t)c->size));
        return NULL;
    }
    ctl_print(line, "%-20s %-8s %-18" APR_INT64_T_FMT " %10s  %s%s%s%s",
              ctl_time_text(line, c->time), c->op, c->node, ctl_size_text(line, c->size),
              c->from_name ? c->from_name : "", c->from_name ? " -> " : "", c->name,
              c->is_dir ? "/" : "");
    return NULL;
}

static cloud_err_t *batches_show(ctl_t *ctl)
{
    cloud_rewind_opts_t opts;
    report_t report;
    cloud_batch_t *b;

    CLOUD_ERR(find_batch(&b, ctl));
    begin_report(&report, &opts, ctl);
    ctl->out = report.steps;
    return cloud_batch_changes(ctl->ctx, b, print_change, &report);
}

static cloud_err_t *batches_undo(ctl_t *ctl)
{
    cloud_rewind_stats_t stats;
    cloud_rewind_opts_t opts;
    report_t report;
    cloud_batch_t *b;

    CLOUD_ERR(find_batch(&b, ctl));
    begin_report(&report, &opts, ctl);
    return end_report(&report, &opts, &stats,
                      cloud_batch_undo(&stats, ctl->ctx, b->id, &opts));
}

#define ACCOUNT  { "account", "ID", "only this account" }
#define DRY_RUN  { "dry-run", NULL, "only tell what would be done" }
#define FOR_GOOD { "delete-for-good", NULL, "delete also what the trash would not keep" }
#define END      { NULL, NULL, NULL }

static const ctl_opt_t REWIND_OPTS[] = {
    { "account", "ID", "whose files" },
    { "to", "TIME", "2026-11-27T16:05:00Z, \"2026-11-27 16:05\" (local), \"2 hours ago\"" },
    { "path", "PATH", "only what is or was there and below" },
    DRY_RUN, FOR_GOOD, END
};
static const ctl_opt_t LIST_OPTS[] = { ACCOUNT, END };
static const ctl_opt_t UNDO_OPTS[] = { ACCOUNT, DRY_RUN, FOR_GOOD, END };

const ctl_cmd_t ctl_rewind_cmds[] = {
    { "rewind", "", 0, 0, "bring files back to how they were at a time", REWIND_OPTS, 0,
      rewind_run, NULL },
    { "batches list", "", 0, 0, "show changes that were made, or marked, as one", LIST_OPTS, 0,
      batches_list, NULL },
    { "batches show", "BATCH", 1, 1, "show the changes of a batch", LIST_OPTS, 0, batches_show,
      NULL },
    { "batches undo", "BATCH", 1, 1, "take the changes of a batch back", UNDO_OPTS, 0,
      batches_undo, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
