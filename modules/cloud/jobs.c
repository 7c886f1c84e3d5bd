/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file jobs.c
 * Periodic work, in one process at a time, by mod_watchdog: the store's own upkeep and the jobs
 * that features registered.
 */
#include "private.h"

#include <ap_mpm.h>
#include <mod_watchdog.h>

#include "key.h"

#define WATCHDOG "_cloud_"
#define TICK     apr_time_from_sec(1)
#define BUDGET   apr_time_from_msec(500)  /* of one kind of work in one tick */
#define FIRST    apr_time_from_sec(60)    /* jobs wait so long after this process took over */
#define HOUR     apr_time_from_sec(3600)
#define COMPLAIN apr_time_from_sec(60)

/* A job on a site, and when it is due. */
typedef struct {
    cloud_site_t *site;
    const cloud_job_t *job;
    apr_time_t due;
    apr_time_t complained;
} task_t;

static apr_array_header_t *tasks; /* task_t */

static cloud_err_t *maintain(int *more, cloud_ctx_t *ctx)
{
    return cloud_store_maintain(more, ctx);
}

static cloud_err_t *expire(int *more, cloud_ctx_t *ctx)
{
    *more = 0;
    return cloud_store_expire(ctx);
}

static const cloud_job_t OWN[] = {
    { "upkeep", TICK, maintain },
    { "expiry", HOUR, expire },
};

static int stopping(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

/* Until it has nothing more to do, or has used up its time. The caller holds the site's mutex. */
static void run_task(task_t *task, apr_pool_t *pool)
{
    apr_time_t end = apr_time_now() + BUDGET;
    cloud_err_t *err = NULL;
    cloud_store_t *store;
    apr_pool_t *iterpool;
    int more = 1;

    if (cloud_site_store(&store, task->site, pool)) {
        return; /* logged there; the task stays due */
    }
    apr_pool_create(&iterpool, pool);
    while (more && !err && apr_time_now() < end && !stopping()) {
        cloud_ctx_t *ctx;

        apr_pool_clear(iterpool);
        ctx = cloud_ctx_create(store, iterpool);
        ctx->who.system = 1;
        ctx->who.client = task->job->name;
        more = 0;
        err = task->job->fn(&more, ctx);
    }
    if (err && apr_time_now() - task->complained >= COMPLAIN) {
        task->complained = apr_time_now();
        ap_log_error(APLOG_MARK, err->code == CLOUD_E_BUSY ? APLOG_INFO : APLOG_ERR, 0,
                     task->site->server, "job %s on %s: %s%s%s", task->job->name,
                     task->site->data_dir, err->msg, err->cause ? ": " : "",
                     err->cause ? err->cause : "");
    }
    apr_pool_destroy(iterpool);
    cloud_site_failed(task->site);
    task->due = apr_time_now() + (more && !err ? 0 : task->job->interval);
}

static apr_status_t tick(int state, void *data, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < tasks->nelts && !stopping(); i++) {
        task_t *task = &APR_ARRAY_IDX(tasks, i, task_t);

        if (state == AP_WATCHDOG_STATE_STARTING) {
            apr_interval_time_t wait = task->job->interval;

            task->due = apr_time_now() + (wait < FIRST ? wait : FIRST);
        }
        else if (state == AP_WATCHDOG_STATE_RUNNING && task->due <= apr_time_now()) {
            pthread_mutex_lock(&task->site->work);
            run_task(task, pool);
            /* mod_watchdog ends this thread among the process's exit handlers, after OpenSSL's own */
            cloud_random_thread_end();
            pthread_mutex_unlock(&task->site->work);
        }
    }
    return APR_SUCCESS;
}

static void add_tasks(const cloud_job_t *job)
{
    int i;

    for (i = 0; i < cloud_sites->nelts; i++) {
        task_t *task = apr_array_push(tasks);

        memset(task, 0, sizeof(*task));
        task->site = APR_ARRAY_IDX(cloud_sites, i, cloud_site_t *);
        task->job = job;
    }
}

void cloud_jobs_init(apr_pool_t *pconf, server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add =
        APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    const apr_array_header_t *jobs = cloud_registry_jobs();
    ap_watchdog_t *watchdog;
    apr_status_t rv;
    int i;

    if (!get || !add) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "mod_watchdog is not loaded: nothing that "
                     "was deleted or has expired is cleared away (LoadModule watchdog_module)");
        return;
    }
    tasks = apr_array_make(pconf, 8, sizeof(task_t));
    for (i = 0; i < (int)(sizeof(OWN) / sizeof(*OWN)); i++) {
        add_tasks(&OWN[i]);
    }
    for (i = 0; i < jobs->nelts; i++) {
        add_tasks(&APR_ARRAY_IDX(jobs, i, cloud_job_t));
    }
    rv = get(&watchdog, WATCHDOG, 0, 1, pconf);
    if (rv == APR_SUCCESS) {
        rv = add(watchdog, TICK, NULL, tick);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, "the watchdog " WATCHDOG " can't be set up");
    }
}
