/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl maintenance ..., status, init. */
#include "ctl.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "settings.h"

/* ---- maintenance mode ---- */

static cloud_err_t *show_mode(ctl_t *ctl)
{
    cloud_layer_t layer;
    const char *value;
    int on;

    CLOUD_ERR(cloud_setting_bool(&on, ctl->ctx, "system", "maintenance"));
    CLOUD_ERR(cloud_setting_get(&value, &layer, ctl->ctx, "system", "maintenance"));
    if (ctl->json)
        ctl->out = json_pack("{s:b,s:b}", "maintenance", on, "fixed", layer == CLOUD_LAYER_FILE);
    ctl_print(ctl, "Maintenance mode is %s%s.", on ? "on" : "off",
              layer == CLOUD_LAYER_FILE ? " (fixed by the server's configuration file)" : "");
    return NULL;
}

static cloud_err_t *switch_mode(ctl_t *ctl, int want)
{
    int on;

    CLOUD_ERR(cloud_setting_set(ctl->ctx, "system", "maintenance", want ? "true" : NULL));
    CLOUD_ERR(cloud_setting_bool(&on, ctl->ctx, "system", "maintenance"));
    if (on != want)
        return cloud_err(ctl->pool, CLOUD_E_DENIED,
                         "The server's configuration file fixes maintenance mode: it stays %s",
                         on ? "on" : "off");
    return show_mode(ctl);
}

static cloud_err_t *mode_on(ctl_t *ctl)
{
    return switch_mode(ctl, 1);
}

static cloud_err_t *mode_off(ctl_t *ctl)
{
    return switch_mode(ctl, 0);
}

/* ---- background work ---- */

static cloud_err_t *fingerprint(ctl_t *ctl)
{
    const char *fp;

    CLOUD_ERR(cloud_store_new_fingerprint(&fp, ctl->ctx));
    if (ctl->json) ctl->out = json_pack("{s:s}", "data_fingerprint", fp);
    ctl_print(ctl, "The data-fingerprint is %s now. Clients will compare their files with the "
                   "server's, and upload what is newer.",
              fp);
    return NULL;
}

static cloud_err_t *run_jobs(ctl_t *ctl)
{
    int more = 1;

    CLOUD_ERR(cloud_store_expire(ctl->ctx));
    while (more) CLOUD_ERR(cloud_store_maintain(&more, ctl->ctx));
    ctl_print(ctl, "Done.");
    return NULL;
}

/* ---- status ---- */

typedef struct {
    ctl_t *ctl;
    apr_int64_t accounts, disabled, used;
} totals_t;

static cloud_err_t *add_account(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    totals_t *t = baton;
    apr_int64_t quota, used;

    CLOUD_ERR(cloud_account_usage(&quota, &used, t->ctl->ctx, a));
    t->accounts++;
    if (!a->enabled) t->disabled++;
    t->used += used;
    return NULL;
}

static cloud_err_t *status(ctl_t *ctl)
{
    totals_t t = { .ctl = ctl };
    struct statvfs fs;
    apr_int64_t room = -1;
    const char *fp;
    int on;

    CLOUD_ERR(cloud_account_each(ctl->ctx, NULL, add_account, &t));
    CLOUD_ERR(cloud_setting_bool(&on, ctl->ctx, "system", "maintenance"));
    CLOUD_ERR(cloud_store_fingerprint(&fp, ctl->ctx));
    if (statvfs(ctl->data_dir, &fs) == 0)
        room = (apr_int64_t)fs.f_bavail * (apr_int64_t)fs.f_frsize;
    if (ctl->json) {
        ctl->out = json_pack("{s:s,s:s,s:o,s:s,s:b,s:s,s:I,s:I,s:I,s:I}", "version",
                             CLOUD_VERSION, "owncloud_version", CLOUD_OC_VERSION, "data_dir",
                             ctl_string(ctl, ctl->data_dir), "instance",
                             cloud_store_instance_id(ctl->store), "maintenance", on,
                             "data_fingerprint", fp, "accounts", (json_int_t)t.accounts,
                             "disabled", (json_int_t)t.disabled, "used", (json_int_t)t.used,
                             "available", (json_int_t)room);
        return NULL;
    }
    ctl_print(ctl, "version:          %s (announced as ownCloud %s)", CLOUD_VERSION,
              CLOUD_OC_VERSION_STRING);
    ctl_print(ctl, "data directory:   %s", ctl->data_dir);
    ctl_print(ctl, "instance:         %s", cloud_store_instance_id(ctl->store));
    ctl_print(ctl, "maintenance mode: %s", on ? "on" : "off");
    ctl_print(ctl, "data-fingerprint: %s", *fp ? fp : "none");
    ctl_print(ctl, "accounts:         %" APR_INT64_T_FMT " (%" APR_INT64_T_FMT " disabled)",
              t.accounts, t.disabled);
    ctl_print(ctl, "used:             %s", ctl_size_text(ctl, t.used));
    if (room >= 0) ctl_print(ctl, "available:        %s", ctl_size_text(ctl, room));
    return NULL;
}

/* ---- init ---- */

static cloud_err_t *make_data_dir(ctl_t *ctl)
{
    return ctl_give_dir(ctl, ctl->data_dir, 0750);
}

static cloud_err_t *init(ctl_t *ctl)
{
    if (ctl->json)
        ctl->out = json_pack("{s:o,s:s}", "data_dir", ctl_string(ctl, ctl->data_dir), "instance",
                             cloud_store_instance_id(ctl->store));
    ctl_print(ctl, "%s is a data directory of mod_cloud.", ctl->data_dir);
    return NULL;
}

const ctl_cmd_t ctl_maintenance_cmds[] = {
    { "init", "", 0, 0, "make the data directory", NULL, CTL_CREATE, init, make_data_dir },
    { "status", "", 0, 0, "show the state of the installation", NULL, 0, status, NULL },
    { "maintenance on", "", 0, 0, "answer every request with 503", NULL, 0, mode_on, NULL },
    { "maintenance off", "", 0, 0, "serve again", NULL, 0, mode_off, NULL },
    { "maintenance status", "", 0, 0, "show whether it is on", NULL, 0, show_mode, NULL },
    { "maintenance data-fingerprint", "", 0, 0, "tell clients that a backup was restored", NULL,
      0, fingerprint, NULL },
    { "maintenance run", "", 0, 0, "do the background work that is due, now", NULL, 0, run_jobs,
      NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
