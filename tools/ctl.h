/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file ctl.h
 * cloudctl: one table of commands for each file; cloudctl.c finds the command, reads its options,
 * becomes the owner of the data directory and calls it.
 */
#ifndef CLOUD_CTL_H
#define CLOUD_CTL_H

#include "cloud.h"
#include "store.h"
#include "account.h"

#include <jansson.h>

#define CTL_OK     0
#define CTL_FAILED 1
#define CTL_USAGE  2

/** An option of a command: "--name" or "--name VALUE". Tables end with name NULL. */
typedef struct {
    const char *name;        /* without the dashes */
    const char *value;       /* what the value is called in the usage; NULL: a switch */
    const char *help;
} ctl_opt_t;

#define CTL_CREATE   1u      /* may make an empty data directory into one of ours */
#define CTL_NO_STORE 2u      /* opens the store itself (ctl_open), or needs none */
#define CTL_PASSWORD 4u      /* takes a password: see ctl_password() */

typedef struct ctl_t ctl_t;

/** A command. Tables end with name NULL. */
typedef struct {
    const char *name;        /* "account add" */
    const char *args;        /* "ID [NAME]", for the usage */
    int min, max;            /* number of arguments */
    const char *help;        /* one line */
    const ctl_opt_t *opts;   /* may be NULL */
    unsigned flags;
    cloud_err_t *(*run)(ctl_t *ctl);
    /** Called with the privileges of who called cloudctl, before it drops them; may be NULL. */
    cloud_err_t *(*before)(ctl_t *ctl);
} ctl_cmd_t;

struct ctl_t {
    apr_pool_t *pool;
    const ctl_cmd_t *cmd;
    const char *data_dir;
    const char *user;        /* --user: whom to become instead of the data directory's owner */
    int json, verbose;
    const char **args;       /* the command's arguments, */
    int nargs;
    apr_table_t *opts;       /* and its options */
    int password_fd;         /* of --password-file, or -1 */
    cloud_store_t *store;
    cloud_ctx_t *ctx;        /* a system principal */
    json_t *out;             /* printed at the end with --json; owned */
    int status;              /* exit code, when the command did not fail as such */
};

extern const ctl_cmd_t ctl_account_cmds[];
extern const ctl_cmd_t ctl_apppass_cmds[];
extern const ctl_cmd_t ctl_group_cmds[];
extern const ctl_cmd_t ctl_config_cmds[];
extern const ctl_cmd_t ctl_login_cmds[];
extern const ctl_cmd_t ctl_maintenance_cmds[];
extern const ctl_cmd_t ctl_files_cmds[];
extern const ctl_cmd_t ctl_backup_cmds[];
extern const ctl_cmd_t ctl_upload_cmds[];
extern const ctl_cmd_t ctl_versions_cmds[];
extern const ctl_cmd_t ctl_trash_cmds[];
extern const ctl_cmd_t ctl_sync_cmds[];
extern const ctl_cmd_t ctl_rewind_cmds[];
extern const ctl_cmd_t ctl_oauth2_cmds[];
extern const ctl_cmd_t ctl_share_cmds[];
extern const ctl_cmd_t ctl_signedurl_cmds[];
extern const ctl_cmd_t ctl_notify_cmds[];

/* ---- cloudctl.c ---- */

/** Opens ctl->store and ctl->ctx; flags as for cloud_store_open(). */
cloud_err_t *ctl_open(ctl_t *ctl, unsigned flags);
/** Value of an option ("" for a switch), or NULL when it was not given. */
const char *ctl_opt(const ctl_t *ctl, const char *name);
/** Number given with an option; def when it was not given. Not a number: a usage error. */
cloud_err_t *ctl_opt_int(apr_int64_t *n, ctl_t *ctl, const char *name, apr_int64_t def);
/** path, seen from the working directory. */
const char *ctl_absolute(const char *path, apr_pool_t *pool);
/** For a dry run of what brings something back: whether it could have its place at path. PRECONDITION
 *  when something is there that it may not replace, CONFLICT without a folder. */
cloud_err_t *ctl_check_place(ctl_t *ctl, const cloud_account_t *a, const char *path,
                             int overwrite);
/** Argument i, or NULL. */
const char *ctl_arg(const ctl_t *ctl, int i);

/* ---- ctl_privileges.c ---- */

/** Opens what must be opened with the caller's privileges, then becomes the owner of the data
 *  directory (or --user) when started as root. */
cloud_err_t *ctl_drop(ctl_t *ctl);
/** Makes dir, and lets it belong to whom ctl_drop() will become when root made it, or it is root's
 *  and empty. To be called before ctl_drop(). */
cloud_err_t *ctl_give_dir(ctl_t *ctl, const char *dir, int mode);

/* ---- ctl_output.c ---- */

/** An error of usage: cloudctl ends with 2. */
cloud_err_t *ctl_usage(ctl_t *ctl, const char *fmt, ...) CLOUD_PRINTF(2, 3);
/** A line of text on standard output; nothing with --json. */
void ctl_print(const ctl_t *ctl, const char *fmt, ...) CLOUD_PRINTF(2, 3);
/** The same on standard error, also with --json. */
void ctl_note(const ctl_t *ctl, const char *fmt, ...) CLOUD_PRINTF(2, 3);
/** JSON string; bytes that are not UTF-8 become \xHH, NULL becomes null. */
json_t *ctl_string(const ctl_t *ctl, const char *s);
/** Time as "2026-11-23T10:56:01Z"; 0 is null. */
json_t *ctl_time(const ctl_t *ctl, apr_time_t t);
const char *ctl_time_text(const ctl_t *ctl, apr_time_t t);
/** "5.0 GiB" */
const char *ctl_size_text(const ctl_t *ctl, apr_int64_t bytes);
/** The password: from --password-stdin, --password-file, or the terminal, twice. */
cloud_err_t *ctl_password(const char **password, ctl_t *ctl, const char *prompt);
/** Asks at the terminal; *yes 1 with --yes, 0 when there is no terminal. */
cloud_err_t *ctl_confirm(int *yes, ctl_t *ctl, const char *question);

/** Options of commands with CTL_PASSWORD, to begin their tables with. */
#define CTL_PASSWORD_OPTS                                                                       \
    { "password-stdin", NULL, "read the password from standard input" },                        \
    { "password-file", "FILE", "read the password from the first line of FILE" }

#endif
