/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* For tests only: a feature with a job that needs random numbers, as several have once an hour; and a
 * thread of jobs that is still at it when the process ends. */
#include <unistd.h>

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "key.h"
#include "mod_cloud.h"

static volatile int ending;

/* The last of all exit handlers but the leak check's own */
__attribute__((destructor)) static void end(void)
{
    ending = 1;
    usleep(300000);
}

static apr_status_t linger(void *unused)
{
    while (!ending) usleep(1000);
    return APR_SUCCESS;
}

static cloud_err_t *draw(int *more, cloud_ctx_t *ctx)
{
    apr_pool_t *of_watchdog = apr_pool_parent_get(ctx->pool);
    unsigned char bytes[16];
    cloud_err_t *err = cloud_random(bytes, sizeof bytes, ctx->pool);

    *more = 0;
    apr_pool_cleanup_register(of_watchdog, NULL, linger, apr_pool_cleanup_null);
    if (!err) CLOUD_LOG(ctx->store, NOTICE, "the test job has run");
    return err;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    if (!cloud_http_connect(plog)) return HTTP_INTERNAL_SERVER_ERROR;
    cloud_register_job("test", apr_time_from_sec(1), draw);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA test_job_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0,
};
