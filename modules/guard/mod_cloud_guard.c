/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: the directives and the job. What the guard does is in guard.h. */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "guard.h"
#include "mod_cloud.h"

extern module AP_MODULE_DECLARE_DATA cloud_guard_module;
APLOG_USE_MODULE(cloud_guard);

#define LOOK_EVERY   apr_time_from_sec(5)
#define EXPIRE_EVERY apr_time_from_sec(3600)

static cloud_err_t *expire(int *more, cloud_ctx_t *ctx)
{
    *more = 0;
    return cloud_batch_expire(ctx);
}

/* cmd->info is the key of the setting. */
static const char *set_number(cmd_parms *cmd, void *dir, const char *value)
{
    (void)dir;
    if (strcasecmp(value, "off") == 0) value = "0";
    return cloud_http_setting(cmd, "system", cmd->info, value);
}

static char files[] = "mass_change_files", share[] = "mass_change_share",
            seconds[] = "mass_change_time";

static const command_rec commands[] = {
    AP_INIT_TAKE1("CloudMassChangeFiles", set_number, files, RSRC_CONF,
                  "how many files one login may delete or overwrite before that is marked as a "
                  "batch; off: any number"),
    AP_INIT_TAKE1("CloudMassChangeShare", set_number, share, RSRC_CONF,
                  "how much of an account's files that may be, in percent; off: all"),
    AP_INIT_TAKE1("CloudMassChangeTime", set_number, seconds, RSRC_CONF,
                  "in how many seconds"),
    {NULL},
};

static apr_status_t unregister(void *data)
{
    (void)data;
    cloud_guard_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)ptemp;
    if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_guard_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    cloud_register_job("mass-change guard", LOOK_EVERY, cloud_guard_job);
    cloud_register_job("batch expiry", EXPIRE_EVERY, expire);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cloud_guard_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, AP_MODULE_FLAG_NONE,
};
