/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file life.c
 * From start to stop. The parent, which may be root, makes the data directory and nothing in it:
 * files belong to who creates them. Each child opens the stores after the fork.
 */
#include "private.h"

#include <errno.h>
#include <unistd.h>

#include <apr_thread_mutex.h>
#include <unixd.h>
#include <util_cfgtree.h>

#include "names.h"

#define RETRY    apr_time_from_sec(3)   /* between attempts to open a store */
#define COMPLAIN apr_time_from_sec(60)  /* between two lines of the log about it */
#define GRACE    apr_time_from_sec(1)   /* for answers under way, when the process has to end */

apr_array_header_t *cloud_sites;

/* ---- the parent ---- */

static int make_data_dir(cloud_site_t *site, server_rec *s, apr_pool_t *p)
{
    apr_status_t rv = apr_dir_make(site->data_dir,
                                   APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE
                                   | APR_FPROT_GREAD | APR_FPROT_GEXECUTE, p);

    if (APR_STATUS_IS_EEXIST(rv)) {
        return OK;
    }
    if (rv == APR_SUCCESS && geteuid() == 0
        && chown(site->data_dir, ap_unixd_config.user_id, ap_unixd_config.group_id) != 0) {
        rv = errno;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s, "CloudDataDir: can't make %s",
                     site->data_dir);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    site->create = 1;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "CloudDataDir: made %s", site->data_dir);
    return OK;
}

static const char *types_config(const ap_directive_t *d)
{
    const char *found = NULL;

    for (; d; d = d->next) {
        const char *below = d->first_child ? types_config(d->first_child) : NULL;

        if (below) {
            found = below;
        }
        else if (!strcasecmp(d->directive, "TypesConfig")) {
            found = d->args;
        }
    }
    return found;
}

/* CloudMimeTypes must work; of the places that nobody named, the first that does is taken. */
static int load_mime_types(apr_pool_t *pconf, server_rec *s)
{
    const char *args = types_config(ap_conftree);
    const char *files[3];
    cloud_err_t *err;
    int i;

    files[0] = cloud_server_conf(s)->mime_types;
    if (files[0]) {
        err = cloud_mime_load(files[0], pconf);
        if (err) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "CloudMimeTypes: %s", err->msg);
        }
        return err ? HTTP_INTERNAL_SERVER_ERROR : OK;
    }
    files[0] = args ? ap_server_root_relative(pconf, ap_getword_conf(pconf, &args)) : NULL;
    files[1] = ap_server_root_relative(pconf, "conf/mime.types");
    files[2] = "/etc/mime.types";
    for (i = 0; i < 3; i++) {
        if (files[i] && access(files[i], R_OK) == 0 && !cloud_mime_load(files[i], pconf)) {
            return OK;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "no mime.types file found; only few types of "
                 "files are known (CloudMimeTypes)");
    return OK;
}

int cloud_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    int i;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    for (i = 0; i < cloud_sites->nelts; i++) {
        cloud_site_t *site = APR_ARRAY_IDX(cloud_sites, i, cloud_site_t *);

        if (make_data_dir(site, site->server, ptemp) != OK) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (load_mime_types(pconf, s) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (cloud_sites->nelts) {
        cloud_jobs_init(pconf, s);
    }
    return OK;
}

/* ---- a child ---- */

static void log_line(void *baton, cloud_log_level_t level, const char *file, int line,
                     const char *msg)
{
    static const int LEVELS[] = {
        [CLOUD_LOG_ERR] = APLOG_ERR,       [CLOUD_LOG_WARN] = APLOG_WARNING,
        [CLOUD_LOG_NOTICE] = APLOG_NOTICE, [CLOUD_LOG_INFO] = APLOG_INFO,
        [CLOUD_LOG_DEBUG] = APLOG_DEBUG,
    };

    ap_log_error(file, line, APLOG_MODULE_INDEX, LEVELS[level], 0, (server_rec *)baton, "%s", msg);
}

/* A pool of its own, so that a failed attempt leaves nothing behind; any thread may make pools in it. */
static apr_pool_t *make_pool(void)
{
    apr_thread_mutex_t *mutex;
    apr_pool_t *pool;

    apr_pool_create_unmanaged(&pool);
    apr_pool_tag(pool, "cloud_store");
    if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS) {
        apr_allocator_mutex_set(apr_pool_allocator_get(pool), mutex);
    }
    return pool;
}

/* One attempt. The caller holds the mutex. */
static void open_site(cloud_site_t *site)
{
    cloud_store_conf_t conf = {
        .data_dir = site->data_dir, .database = site->database, .durability = site->durability,
        .settings = site->settings, .log = log_line, .log_baton = site->server,
    };
    cloud_store_t *store = NULL;
    apr_pool_t *pool = make_pool();
    cloud_err_t *err;
    apr_time_t now;

    err = cloud_store_open(&store, &conf, site->create ? CLOUD_STORE_CREATE : 0, pool);
    now = apr_time_now();
    if (!err) {
        if (site->tried) {
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, site->server, "%s is available again",
                         site->data_dir);
        }
        site->pool = pool;
        err = cloud_conf_save(&conf, pool);
        if (err) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, site->server, "cloudctl may not know this "
                         "configuration: %s", err->cause ? err->cause : err->msg);
        }
        __atomic_store_n(&site->store, store, __ATOMIC_RELEASE);
        return;
    }
    site->tried = now;
    if (now - site->complained >= COMPLAIN) {
        site->complained = now;
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, site->server, "%s can't be opened; requests are "
                     "answered 503 until it can: %s%s%s", site->data_dir, err->msg,
                     err->cause ? ": " : "", err->cause ? err->cause : "");
    }
    apr_pool_destroy(pool);
}

cloud_err_t *cloud_site_store(cloud_store_t **store, cloud_site_t *site, apr_pool_t *pool)
{
    if (__atomic_load_n(&site->closing, __ATOMIC_ACQUIRE)) {
        return cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL);
    }
    *store = __atomic_load_n(&site->store, __ATOMIC_ACQUIRE);
    if (*store) {
        return cloud_site_failed(site) ? cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL) : NULL;
    }
    pthread_mutex_lock(&site->mutex);
    if (!site->store && apr_time_now() - site->tried >= RETRY) {
        open_site(site);
    }
    *store = site->store;
    pthread_mutex_unlock(&site->mutex);
    return *store ? NULL : cloud_err(pool, CLOUD_E_UNAVAILABLE, NULL);
}

/* MPMs give a child no way to end by itself, and what is left of this one is not worth much: all
 * that it still does is refuse, and send what it is sending. The data is as safe as with kill -9. */
static void *leave(void *arg)
{
    (void)arg;
    apr_sleep(GRACE);
    _exit(0);
}

static void start_leaving(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, leave, NULL) != 0) {
        _exit(0);
    }
    pthread_detach(thread);
}

int cloud_site_failed(cloud_site_t *site)
{
    cloud_store_t *store = __atomic_load_n(&site->store, __ATOMIC_ACQUIRE);

    if (!store || !cloud_store_failed(store)) {
        return 0;
    }
    if (__atomic_exchange_n(&site->leaving, 1, __ATOMIC_ACQ_REL) == 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, site->server, "writing to %s failed in a way that "
                     "only a new process can recover from; process %" APR_PID_T_FMT " ends",
                     site->data_dir, getpid());
        start_leaving();
    }
    return 1;
}

/* Requests are over by now, but mod_watchdog's thread goes on until the process has ended. */
static apr_status_t close_site(void *data)
{
    cloud_site_t *site = data;

    __atomic_store_n(&site->closing, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&site->work);
    if (site->pool) {
        apr_pool_destroy(site->pool);
        site->pool = NULL;
        site->store = NULL;
    }
    pthread_mutex_unlock(&site->work);
    return APR_SUCCESS;
}

void cloud_child_init(apr_pool_t *pchild, server_rec *s)
{
    int i;

    for (i = 0; i < cloud_sites->nelts; i++) {
        cloud_site_t *site = APR_ARRAY_IDX(cloud_sites, i, cloud_site_t *);

        apr_pool_cleanup_register(pchild, site, close_site, apr_pool_cleanup_null);
        pthread_mutex_lock(&site->mutex);
        open_site(site);
        pthread_mutex_unlock(&site->mutex);
    }
}

cloud_err_t *cloud_http_store(cloud_store_t **store, server_rec *s, apr_pool_t *pool)
{
    cloud_site_t *site = cloud_server_conf(s)->site;

    if (!site) {
        return cloud_err(pool, CLOUD_E_UNAVAILABLE, "This server has no CloudDataDir");
    }
    return cloud_site_store(store, site, pool);
}
