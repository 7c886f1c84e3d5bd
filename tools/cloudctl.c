/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl: the administrator's command line. */
#include "ctl.h"
#include "avatars.h"
#include "guard.h"
#include "login.h"
#include "notification.h"
#include "oauth2.h"
#include "share.h"
#include "signedurl.h"
#include "trash.h"
#include "versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_general.h>

#ifndef CLOUD_SYSCONFDIR
#define CLOUD_SYSCONFDIR "/etc"
#endif
#define DATA_DIR_FILE    CLOUD_SYSCONFDIR "/mod_cloud/data-dir"
#define DATA_DIR_DEFAULT "/var/lib/mod_cloud"

/* Features add their tables here. */
static const ctl_cmd_t *const TABLES[] = {
    ctl_account_cmds, ctl_apppass_cmds, ctl_group_cmds,  ctl_config_cmds,
    ctl_maintenance_cmds, ctl_files_cmds, ctl_upload_cmds, ctl_backup_cmds,
    ctl_trash_cmds,   ctl_versions_cmds, ctl_sync_cmds,  ctl_rewind_cmds,
    ctl_oauth2_cmds,  ctl_signedurl_cmds, ctl_share_cmds, ctl_login_cmds, ctl_notify_cmds,
};
#define NTABLES (sizeof TABLES / sizeof *TABLES)

static const ctl_opt_t GLOBAL_OPTS[] = {
    { "data-dir", "DIR",
      "the data directory (otherwise $CLOUD_DATA_DIR, " DATA_DIR_FILE ", " DATA_DIR_DEFAULT ")" },
    { "user", "NAME", "as root: become NAME instead of the owner of the data directory" },
    { "json", NULL, "print JSON" },
    { "verbose", NULL, "tell more" },
    { "help", NULL, "show this, or the usage of a command" },
    { "version", NULL, "show the version" },
    { NULL, NULL, NULL }
};

/* ---- usage ---- */

static void print_opts(FILE *out, const ctl_opt_t *opts)
{
    char text[80];

    for (; opts && opts->name; opts++) {
        snprintf(text, sizeof text, "--%s%s%s", opts->name, opts->value ? " " : "",
                 opts->value ? opts->value : "");
        fprintf(out, "  %-22s  %s\n", text, opts->help);
    }
}

static void print_cmd_line(FILE *out, const ctl_cmd_t *cmd)
{
    char text[120];

    snprintf(text, sizeof text, "%s%s%s", cmd->name, *cmd->args ? " " : "", cmd->args);
    fprintf(out, "  %-36s  %s\n", text, cmd->help);
}

/* All commands whose name begins with the words of prefix. */
static int print_cmds(FILE *out, const char *prefix)
{
    size_t len = strlen(prefix), i;
    int n = 0;

    for (i = 0; i < NTABLES; i++) {
        const ctl_cmd_t *cmd;

        for (cmd = TABLES[i]; cmd->name; cmd++) {
            if (strncmp(cmd->name, prefix, len) != 0) continue;
            if (len && cmd->name[len] && cmd->name[len] != ' ') continue;
            print_cmd_line(out, cmd);
            n++;
        }
    }
    return n;
}

static void print_usage(FILE *out)
{
    fputs("Usage: cloudctl [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n", out);
    print_cmds(out, "");
    fputs("\nOptions:\n", out);
    print_opts(out, GLOBAL_OPTS);
    fputs("\n\"cloudctl COMMAND --help\" shows the options of a command. "
          "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
          out);
}

static void print_cmd_usage(FILE *out, const ctl_cmd_t *cmd)
{
    fprintf(out, "Usage: cloudctl %s%s%s%s\n\n%s.\n", cmd->name, cmd->opts ? " [OPTION...]" : "",
            *cmd->args ? " " : "", cmd->args, cmd->help);
    if (cmd->opts) fputs("\nOptions:\n", out);
    print_opts(out, cmd->opts);
}

/* ---- the command line ---- */

static const ctl_opt_t *find_opt(const ctl_opt_t *opts, const char *name)
{
    for (; opts && opts->name; opts++)
        if (strcmp(opts->name, name) == 0) return opts;
    return NULL;
}

/* How many of the words name cmd; 0: they name another one. */
static int match(const ctl_cmd_t *cmd, const char *const *words, int n)
{
    const char *rest = cmd->name;
    int used = 0;

    while (*rest) {
        size_t len = strcspn(rest, " ");

        if (used == n || strlen(words[used]) != len || strncmp(words[used], rest, len) != 0)
            return 0;
        used++;
        rest += len;
        while (*rest == ' ') rest++;
    }
    return used;
}

static const ctl_cmd_t *find_cmd(int *used, const char *const *words, int n)
{
    const ctl_cmd_t *found = NULL;
    size_t i;
    int skip = 0, m;

    /* "account app-password" is what people look for below "account". */
    if (n > 1 && strcmp(words[0], "account") == 0 && strcmp(words[1], "app-password") == 0)
        skip = 1;
    *used = 0;
    for (i = 0; i < NTABLES; i++) {
        const ctl_cmd_t *cmd;

        for (cmd = TABLES[i]; cmd->name; cmd++) {
            m = match(cmd, words + skip, n - skip);
            if (m == 0 || m + skip <= *used) continue;
            *used = m + skip;
            found = cmd;
        }
    }
    return found;
}

/* The command line. Options may stand anywhere; "--" ends them. */
typedef struct {
    apr_table_t *globals;
    apr_array_header_t *rest;  /* const char *: what is not a global option, as it came */
} line_t;

/* First pass: global options are taken out, everything else stays in order. */
static const char *split_globals(line_t *line, int argc, const char *const *argv, apr_pool_t *pool)
{
    int i, literal = 0;

    for (i = 1; i < argc; i++) {
        const char *arg = argv[i], *eq;
        const ctl_opt_t *opt;

        if (strcmp(arg, "-h") == 0 && !literal) arg = "--help";
        if (strcmp(arg, "--") == 0) literal = 1;
        if (literal || strncmp(arg, "--", 2) != 0) {
            APR_ARRAY_PUSH(line->rest, const char *) = arg;
            continue;
        }
        eq = strchr(arg, '=');
        opt = find_opt(GLOBAL_OPTS,
                       eq ? apr_pstrndup(pool, arg + 2, (apr_size_t)(eq - arg - 2)) : arg + 2);
        if (!opt) {
            APR_ARRAY_PUSH(line->rest, const char *) = arg;
            continue;
        }
        if (!opt->value && eq) return apr_psprintf(pool, "--%s takes no value", opt->name);
        if (opt->value && !eq && i + 1 == argc)
            return apr_psprintf(pool, "--%s needs a value", opt->name);
        apr_table_setn(line->globals, opt->name, !opt->value ? "" : eq ? eq + 1 : argv[++i]);
    }
    return NULL;
}

/* Second pass: the options of the command, and its arguments. */
static const char *split_opts(ctl_t *ctl, const apr_array_header_t *rest, int used)
{
    int i, literal = 0;

    ctl->args = apr_pcalloc(ctl->pool, sizeof *ctl->args * (apr_size_t)(rest->nelts + 1));
    for (i = 0; i < rest->nelts; i++) {
        const char *arg = APR_ARRAY_IDX(rest, i, const char *), *eq;
        const ctl_opt_t *opt;

        if (!literal && strcmp(arg, "--") == 0) {
            literal = 1;
            continue;
        }
        if (literal || strncmp(arg, "--", 2) != 0) {
            if (used > 0) used--; /* a word of the command's name */
            else ctl->args[ctl->nargs++] = arg;
            continue;
        }
        eq = strchr(arg, '=');
        opt = find_opt(ctl->cmd->opts,
                       eq ? apr_pstrndup(ctl->pool, arg + 2, (apr_size_t)(eq - arg - 2))
                          : arg + 2);
        if (!opt) return apr_psprintf(ctl->pool, "unknown option %s", arg);
        if (!opt->value && eq) return apr_psprintf(ctl->pool, "--%s takes no value", opt->name);
        if (opt->value && !eq && i + 1 == rest->nelts)
            return apr_psprintf(ctl->pool, "--%s needs a value", opt->name);
        apr_table_setn(ctl->opts, opt->name,
                       !opt->value ? ""
                       : eq        ? eq + 1
                                   : APR_ARRAY_IDX(rest, ++i, const char *));
    }
    return NULL;
}

/* Words that may name a command: all up to the first option. */
static int leading_words(const char ***words, const apr_array_header_t *rest, apr_pool_t *pool)
{
    int n;

    *words = apr_palloc(pool, sizeof **words * (apr_size_t)(rest->nelts + 1));
    for (n = 0; n < rest->nelts; n++) {
        const char *arg = APR_ARRAY_IDX(rest, n, const char *);
        if (strncmp(arg, "--", 2) == 0) break;
        (*words)[n] = arg;
    }
    return n;
}

const char *ctl_opt(const ctl_t *ctl, const char *name)
{
    return apr_table_get(ctl->opts, name);
}

cloud_err_t *ctl_opt_int(apr_int64_t *n, ctl_t *ctl, const char *name, apr_int64_t def)
{
    const char *text = ctl_opt(ctl, name);
    char *end;

    *n = def;
    if (!text) return NULL;
    *n = apr_strtoi64(text, &end, 10);
    if (*text && !*end) return NULL;
    return ctl_usage(ctl, "--%s needs a number", name);
}

const char *ctl_arg(const ctl_t *ctl, int i)
{
    return i < ctl->nargs ? ctl->args[i] : NULL;
}

/* ---- the data directory and the store ---- */

/* The first line of a file, or NULL. */
static const char *first_line(const char *file, apr_pool_t *pool)
{
    char line[4096];
    FILE *f = fopen(file, "re");
    char *text;

    if (!f) return NULL;
    text = fgets(line, sizeof line, f);
    fclose(f);
    if (!text) return NULL;
    text[strcspn(text, "\r\n")] = '\0';
    return *text ? apr_pstrdup(pool, text) : NULL;
}

const char *ctl_absolute(const char *path, apr_pool_t *pool)
{
    char here[4096];

    if (*path == '/' || !getcwd(here, sizeof here)) return path;
    return apr_pstrcat(pool, here, "/", path, NULL);
}

static const char *choose_data_dir(const line_t *line, apr_pool_t *pool)
{
    const char *dir = apr_table_get(line->globals, "data-dir");

    if (!dir) dir = getenv("CLOUD_DATA_DIR");
    if (!dir || !*dir) dir = first_line(DATA_DIR_FILE, pool);
    return ctl_absolute(dir ? dir : DATA_DIR_DEFAULT, pool);
}

static void log_line(void *baton, cloud_log_level_t level, const char *file, int line,
                     const char *msg)
{
    const ctl_t *ctl = baton;

    if (level <= CLOUD_LOG_WARN || ctl->verbose) fprintf(stderr, "cloudctl: %s\n", msg);
}

/* All of them, loaded by the server or not: what they keep has to go with an account, and to be
 * known to fsck and backup. */
static void register_features(void)
{
    cloud_versions_register();
    cloud_trash_register();
    cloud_login_register();
    cloud_guard_register();
    cloud_oauth_register();
    cloud_feature_register(&cloud_signedurl_feature);
    cloud_shares_register();
    cloud_notification_register();
    cloud_avatars_register();
}

cloud_err_t *ctl_open(ctl_t *ctl, unsigned flags)
{
    cloud_store_conf_t conf = { .data_dir = ctl->data_dir, .log = log_line, .log_baton = ctl };

    CLOUD_ERR(cloud_conf_load(&conf, ctl->pool));
    CLOUD_ERR(cloud_store_open(&ctl->store, &conf, flags, ctl->pool));
    ctl->ctx = cloud_ctx_create(ctl->store, ctl->pool);
    ctl->ctx->who.system = 1;
    ctl->ctx->who.client = "cloudctl";
    return NULL;
}

/* ---- main ---- */

static cloud_err_t *run(ctl_t *ctl)
{
    if (ctl->cmd->before) CLOUD_ERR(ctl->cmd->before(ctl));
    CLOUD_ERR(ctl_drop(ctl));
    if (!(ctl->cmd->flags & CTL_NO_STORE))
        CLOUD_ERR(ctl_open(ctl, ctl->cmd->flags & CTL_CREATE ? CLOUD_STORE_CREATE : 0));
    return ctl->cmd->run(ctl);
}

static void print_error(const ctl_t *ctl, const cloud_err_t *err)
{
    json_t *json;

    fprintf(stderr, "cloudctl: %s%s%s%s\n", err->msg, err->cause ? " (" : "",
            err->cause ? err->cause : "", err->cause ? ")" : "");
    if (!ctl->json) return;
    json = json_pack("{s:{s:s,s:o,s:o}}", "error", "code", cloud_err_info(err->code)->name,
                     "message", ctl_string(ctl, err->msg), "cause", ctl_string(ctl, err->cause));
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}

static int execute(ctl_t *ctl)
{
    cloud_err_t *err = run(ctl);

    if (!err && ctl->json) {
        if (!ctl->out) ctl->out = json_object();
        json_dumpf(ctl->out, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(ctl->out);
    if (err) {
        print_error(ctl, err);
        if (ctl->status == CTL_OK) ctl->status = CTL_FAILED;
    }
    if (fflush(stdout) != 0) {
        fputs("cloudctl: the output could not be written\n", stderr);
        if (ctl->status == CTL_OK) ctl->status = CTL_FAILED;
    }
    return ctl->status;
}

static int wrong(const ctl_cmd_t *cmd, const char *msg)
{
    fprintf(stderr, "cloudctl: %s\n", msg);
    if (cmd) print_cmd_usage(stderr, cmd);
    else fputs("\"cloudctl --help\" shows the commands.\n", stderr);
    return CTL_USAGE;
}

/* Without a command that can be run: help, or a complaint. */
static int without_command(const line_t *line, const char **words, int n, apr_pool_t *pool)
{
    if (apr_table_get(line->globals, "version")) {
        puts("cloudctl (mod_cloud) " CLOUD_VERSION);
        return CTL_OK;
    }
    if (apr_table_get(line->globals, "help")) {
        if (n == 0 || !print_cmds(stdout, words[0])) print_usage(stdout);
        return CTL_OK;
    }
    if (n == 0) {
        print_usage(stderr);
        return CTL_USAGE;
    }
    fprintf(stderr, "cloudctl: there is no command \"%s%s%s\"\n", words[0], n > 1 ? " " : "",
            n > 1 ? words[1] : "");
    if (!print_cmds(stderr, words[0])) fputs("\"cloudctl --help\" shows the commands.\n", stderr);
    return CTL_USAGE;
}

static int parse_and_run(int argc, const char *const *argv, apr_pool_t *pool)
{
    ctl_t ctl = { .pool = pool, .opts = apr_table_make(pool, 4), .password_fd = -1 };
    line_t line = { .globals = apr_table_make(pool, 4),
                    .rest = apr_array_make(pool, 8, sizeof(const char *)) };
    const char **words, *problem = split_globals(&line, argc, argv, pool);
    int n, used;

    if (problem) return wrong(NULL, problem);
    n = leading_words(&words, line.rest, pool);
    if (n > 0 && strcmp(words[0], "help") == 0) {
        apr_table_setn(line.globals, "help", "");
        words++;
        n--;
    }
    /* ownCloud's people look for "user". */
    if (n > 0 && strcmp(words[0], "user") == 0) words[0] = "account";
    ctl.cmd = find_cmd(&used, words, n);
    if (!ctl.cmd || apr_table_get(line.globals, "version"))
        return without_command(&line, words, n, pool);
    if (apr_table_get(line.globals, "help")) {
        print_cmd_usage(stdout, ctl.cmd);
        return CTL_OK;
    }
    problem = split_opts(&ctl, line.rest, used);
    if (problem) return wrong(ctl.cmd, problem);
    if (ctl.nargs < ctl.cmd->min || ctl.nargs > ctl.cmd->max)
        return wrong(ctl.cmd, ctl.nargs < ctl.cmd->min ? "something is missing"
                                                       : "too many arguments");
    ctl.data_dir = choose_data_dir(&line, pool);
    ctl.user = apr_table_get(line.globals, "user");
    ctl.json = apr_table_get(line.globals, "json") != NULL;
    ctl.verbose = apr_table_get(line.globals, "verbose") != NULL;
    return execute(&ctl);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;
    int status;

    umask(077);
    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS) {
        fputs("cloudctl: apr_initialize failed\n", stderr);
        return CTL_FAILED;
    }
    register_features();
    apr_pool_create(&pool, NULL);
    status = parse_and_run(argc, argv, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return status;
}
