/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_authn_cloud.c
 * AuthBasicProvider cloud: passwords and app passwords of the accounts.
 */
#include "mod_cloud.h"

#include <ap_provider.h>
#include <apr_shm.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <mod_auth.h>

#include "auth.h"

extern module AP_MODULE_DECLARE_DATA authn_cloud_module;
APLOG_USE_MODULE(authn_cloud);

#define UNSET           (-1)
#define DEFAULT_TTL     300
#define DEFAULT_ENTRIES 16384
#define KEPT            "mod_authn_cloud memory"
#define MAX_SECRET      4096 /* bytes; no password is longer */

typedef struct {
    int ttl;                       /* seconds; UNSET */
    int throttle_set;
    cloud_throttle_conf_t throttle;
} dir_conf_t;

static const cloud_throttle_conf_t DEFAULT_THROTTLE = {
    10, apr_time_from_sec(600), apr_time_from_sec(900)
};

static unsigned cache_entries;
static cloud_auth_mem_t *shared;   /* made before the fork */

/* ---- configuration ---- */

static void *dir_create(apr_pool_t *p, char *dir)
{
    dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->ttl = UNSET;
    conf->throttle = DEFAULT_THROTTLE;
    return conf;
}

static void *dir_merge(apr_pool_t *p, void *basev, void *addv)
{
    const dir_conf_t *base = basev, *add = addv;
    dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->ttl = add->ttl != UNSET ? add->ttl : base->ttl;
    conf->throttle_set = add->throttle_set || base->throttle_set;
    conf->throttle = add->throttle_set ? add->throttle : base->throttle;
    return conf;
}

/* A decimal number from min to max, or UNSET. */
static int number(const char *text, int min, int max)
{
    char *end;
    apr_int64_t n = apr_strtoi64(text, &end, 10);

    return *text && !*end && n >= min && n <= max ? (int)n : UNSET;
}

static const char *set_ttl(cmd_parms *cmd, void *dir, const char *arg)
{
    int n = number(arg, 0, 86400);

    if (n == UNSET) {
        return "CloudAuthCacheTTL must be a number of seconds from 0 (no cache) to 86400";
    }
    ((dir_conf_t *)dir)->ttl = n;
    return NULL;
}

static const char *set_throttle(cmd_parms *cmd, void *dir, const char *failures,
                                const char *window, const char *longest)
{
    dir_conf_t *conf = dir;
    int n = number(failures, 1, 1000000);
    int w = window ? number(window, 1, 86400) : (int)apr_time_sec(DEFAULT_THROTTLE.window);
    int l = longest ? number(longest, 1, 86400) : (int)apr_time_sec(DEFAULT_THROTTLE.longest);

    conf->throttle_set = 1;
    if (!strcasecmp(failures, "off") && !window) {
        conf->throttle.failures = 0;
        return NULL;
    }
    if (n == UNSET || w == UNSET || l == UNSET) {
        return "CloudAuthThrottle must be off, or the number of different wrong passwords that "
               "are free, the seconds after which they are forgotten (1 to 86400) and the longest "
               "delay in seconds (1 to 86400)";
    }
    conf->throttle.failures = (unsigned)n;
    conf->throttle.window = apr_time_from_sec(w);
    conf->throttle.longest = apr_time_from_sec(l);
    return NULL;
}

static const char *set_entries(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int n = number(arg, 16, 4194304);

    if (err) {
        return err;
    }
    if (n == UNSET) {
        return "CloudAuthCacheSize must be a number of entries from 16 to 4194304";
    }
    cache_entries = (unsigned)n;
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("CloudAuthCacheTTL", set_ttl, NULL, RSRC_CONF | ACCESS_CONF,
                  "seconds for which a verified password is not hashed again; 300 by default"),
    AP_INIT_TAKE123("CloudAuthThrottle", set_throttle, NULL, RSRC_CONF | ACCESS_CONF,
                    "off, or: wrong passwords, seconds, longest delay; 10 600 900 by default"),
    AP_INIT_TAKE1("CloudAuthCacheSize", set_entries, NULL, RSRC_CONF,
                  "passwords, and failures, that are remembered; 16384 by default"),
    { NULL }
};

/* ---- the check ---- */

/* One attempt to log in. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const char *site;
    const char *user;
    const char *secret;
    const dir_conf_t *conf;
    cloud_account_t *account;     /* NULL: none of this name */
    cloud_auth_tag_t tag;
    cloud_throttle_t throttle;
    apr_time_t now;
} attempt_t;

static authn_status failed(attempt_t *a, cloud_err_t *err)
{
    cloud_http_error_defer(a->r, err);
    return AUTH_GENERAL_ERROR;
}

static authn_status granted(attempt_t *a, const cloud_account_t *account,
                            const cloud_apppass_t *apppass)
{
    cloud_err_t *err;

    cloud_http_set_account(a->r, account, apppass ? apppass->name : NULL);
    err = cloud_account_seen(a->ctx, account);
    if (!err && apppass) {
        err = cloud_apppass_seen(a->ctx, account, apppass);
    }
    if (err) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, a->r, "the login of %s could not be noted: %s",
                      account->id, err->msg);
    }
    return AUTH_GRANTED;
}

/* Who is not known here, or has no password here, may be known to the next provider. */
static authn_status denied(const attempt_t *a)
{
    return a->account && a->account->has_password ? AUTH_DENIED : AUTH_USER_NOT_FOUND;
}

static authn_status throttled(attempt_t *a, apr_interval_time_t wait)
{
    apr_table_setn(a->r->err_headers_out, "Retry-After",
                   apr_psprintf(a->r->pool, "%" APR_INT64_T_FMT, apr_time_sec(wait) + 1));
    return failed(a, cloud_err(a->r->pool, CLOUD_E_THROTTLED, NULL));
}

/* The slow way. */
static authn_status verify(attempt_t *a)
{
    const cloud_apppass_t *apppass;
    cloud_account_t *account;
    cloud_err_t *err = cloud_account_verify(&account, &apppass, a->ctx, a->user, a->secret, 0,
                                            a->ctx->pool);

    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        cloud_throttle_failed(&a->throttle, &a->tag, apr_time_now());
        return denied(a);
    }
    if (err) {
        return failed(a, err);
    }
    if (!apppass) {
        cloud_throttle_succeeded(&a->throttle);
        /* The epoch of the row that was verified: it may be newer than the one read before. */
        cloud_auth_tag(&a->tag, shared, a->site, account->number, account->secret_epoch,
                       a->secret);
        if (a->conf->ttl) {
            cloud_auth_cache(shared, &a->tag, a->now + apr_time_from_sec(a->conf->ttl), a->now);
        }
    }
    return granted(a, account, apppass);
}

/* Fast things first. App passwords are always tried: no throttle locks them out. */
static authn_status check(attempt_t *a)
{
    apr_interval_time_t wait = cloud_throttle_wait(&a->throttle, a->now);
    const cloud_apppass_t *apppass;
    cloud_account_t *account;
    cloud_err_t *err;

    if (!wait && a->account && a->account->enabled && a->conf->ttl
        && cloud_auth_cached(shared, &a->tag, a->now)) {
        return granted(a, a->account, NULL);
    }
    err = cloud_account_verify(&account, &apppass, a->ctx, a->user, a->secret, 1, a->ctx->pool);
    if (!err) {
        return granted(a, account, apppass);
    }
    if (!cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        return failed(a, err);
    }
    if (wait) {
        return throttled(a, wait);
    }
    return cloud_throttle_known(&a->throttle, &a->tag, a->now) ? denied(a) : verify(a);
}

static authn_status check_password(request_rec *r, const char *user, const char *secret)
{
    dir_conf_t conf = *(dir_conf_t *)ap_get_module_config(r->per_dir_config,
                                                          &authn_cloud_module);
    attempt_t a = { .r = r, .user = user, .secret = secret, .conf = &conf,
                    .now = apr_time_now() };
    const char *name;
    cloud_err_t *err;

    if (conf.ttl == UNSET) {
        conf.ttl = DEFAULT_TTL;
    }
    if (!*user || strlen(secret) > MAX_SECRET) {
        return AUTH_DENIED;
    }
    err = cloud_http_ctx(&a.ctx, r);
    if (!err) {
        err = cloud_account_get(&a.account, a.ctx, user, a.ctx->pool);
    }
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        a.account = NULL;
        err = NULL;
    }
    if (err) {
        return failed(&a, err);
    }
    a.site = cloud_store_data_dir(a.ctx->store);
    cloud_auth_tag(&a.tag, shared, a.site, a.account ? a.account->number : 0,
                   a.account ? a.account->secret_epoch : 0, secret);
    /* Whatever the spelling: an account has as many as its name has letters with two cases. */
    name = cloud_account_fold(user, r->pool);
    cloud_throttle_init(&a.throttle, shared, &conf.throttle, a.site, name ? name : user,
                        r->useragent_ip);
    return check(&a);
}

/* ---- hooks ---- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    cache_entries = DEFAULT_ENTRIES;
    return cloud_http_connect(plog) ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* What is kept in the parent over restarts: after a graceful one nobody's password is hashed anew, and
 * nobody's failures are forgotten. */
typedef struct {
    apr_shm_t *shm;
    apr_size_t size;
} kept_t;

static cloud_auth_mem_t *kept_memory(kept_t **kept, apr_size_t size, apr_pool_t *process)
{
    void *data = NULL;

    apr_pool_userdata_get(&data, KEPT, process);
    *kept = data;
    if (!data) {
        *kept = apr_pcalloc(process, sizeof(**kept));
        apr_pool_userdata_set(*kept, KEPT, NULL, process);
    }
    return (*kept)->shm && (*kept)->size == size
        ? cloud_auth_mem_again(apr_shm_baseaddr_get((*kept)->shm), cache_entries) : NULL;
}

static apr_status_t new_memory(kept_t *kept, apr_size_t size, apr_pool_t *process)
{
    apr_status_t rv;
    void *mem;

    if (kept->shm) {
        apr_shm_destroy(kept->shm);
        kept->shm = NULL;
    }
    rv = apr_shm_create(&kept->shm, size, NULL, process);
    if (rv != APR_SUCCESS) {
        kept->shm = NULL;
        return rv;
    }
    kept->size = size;
    mem = apr_shm_baseaddr_get(kept->shm);
    memset(mem, 0, size);
    shared = cloud_auth_mem_init(mem, cache_entries);
    return shared ? APR_SUCCESS : APR_EGENERAL;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    apr_size_t size = cloud_auth_mem_size(cache_entries);
    apr_status_t rv = APR_SUCCESS;
    kept_t *kept;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    shared = kept_memory(&kept, size, s->process->pool);
    if (!shared) {
        rv = new_memory(kept, size, s->process->pool);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s, "CloudAuthCacheSize: no %" APR_SIZE_T_FMT
                     " bytes of shared memory, or no random key for them", size);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    static const authn_provider provider = { check_password, NULL };

    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_register_auth_provider(p, AUTHN_PROVIDER_GROUP, "cloud", AUTHN_PROVIDER_VERSION, &provider,
                              AP_AUTH_INTERNAL_PER_CONF);
}

module AP_MODULE_DECLARE_DATA authn_cloud_module = {
    STANDARD20_MODULE_STUFF,
    dir_create,
    dir_merge,
    NULL,
    NULL,
    commands,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
