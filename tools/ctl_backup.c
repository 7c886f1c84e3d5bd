/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl backup, restore. */
#include "ctl.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maint.h"

typedef struct {
    ctl_t *ctl;
    apr_int64_t files, bytes;
    apr_time_t shown;
    int tty;
} progress_t;

static void progress(void *baton, apr_int64_t files, apr_int64_t bytes)
{
    progress_t *p = baton;
    apr_time_t now = apr_time_now();

    p->files = files;
    p->bytes = bytes;
    if (!p->tty || now - p->shown < apr_time_from_msec(200)) return;
    p->shown = now;
    fprintf(stderr, "\r%" APR_INT64_T_FMT " files, %s  ", files, ctl_size_text(p->ctl, bytes));
}

/* The directory is made by the caller, who may write there, for the owner of the data. */
static cloud_err_t *make_target(ctl_t *ctl)
{
    ctl->args[0] = ctl_absolute(ctl->args[0], ctl->pool);
    return ctl_give_dir(ctl, ctl->args[0], 0700);
}

static cloud_err_t *backup(ctl_t *ctl)
{
    progress_t p = { .ctl = ctl, .tty = isatty(STDERR_FILENO) && !ctl->json };
    cloud_err_t *err = cloud_backup(ctl->ctx, ctl->args[0], progress, &p);

    if (p.shown) fputc('\n', stderr);
    if (err) return err;
    if (ctl->json)
        ctl->out = json_pack("{s:o,s:I,s:I}", "directory", ctl_string(ctl, ctl->args[0]), "files",
                             (json_int_t)p.files, "bytes", (json_int_t)p.bytes);
    ctl_print(ctl, "%" APR_INT64_T_FMT " files, %s, are in %s.", p.files,
              ctl_size_text(ctl, p.bytes), ctl->args[0]);
    return NULL;
}

/* Who shall own what is restored: --user, else who owns the data directory already, else who owns
 * the backup. */
static cloud_err_t *make_data_dir(ctl_t *ctl)
{
    const char *data_dir = ctl->data_dir;
    struct stat st;

    ctl->args[0] = ctl_absolute(ctl->args[0], ctl->pool);
    if (geteuid() == 0 && !ctl->user && (stat(data_dir, &st) != 0 || st.st_uid == 0)) {
        const struct passwd *pw;

        if (stat(ctl->args[0], &st) != 0)
            return cloud_err_sys(ctl->pool, CLOUD_E_UNAVAILABLE, errno, "%s", ctl->args[0]);
        pw = getpwuid(st.st_uid);
        if (pw) ctl->user = apr_pstrdup(ctl->pool, pw->pw_name);
    }
    return ctl_give_dir(ctl, data_dir, 0750);
}

static cloud_err_t *restore(ctl_t *ctl)
{
    CLOUD_ERR(cloud_restore(ctl->args[0], ctl->data_dir, ctl->pool));
    if (ctl->json) ctl->out = json_pack("{s:o}", "data_dir", ctl_string(ctl, ctl->data_dir));
    ctl_print(ctl, "%s is restored to %s. Clients will compare their files with it.", ctl->args[0],
              ctl->data_dir);
    return NULL;
}

const ctl_cmd_t ctl_backup_cmds[] = {
    { "backup", "DIR", 1, 1, "copy database and files to DIR while the server runs", NULL, 0,
      backup, make_target },
    { "restore", "DIR", 1, 1, "restore a backup into an empty data directory", NULL, CTL_NO_STORE,
      restore, make_data_dir },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
