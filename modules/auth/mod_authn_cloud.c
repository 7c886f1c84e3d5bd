/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_authn_cloud.c
 * AuthBasicProvider cloud: passwords and app passwords of the accounts.
 */
#include "private.h"

#include <ap_mpm.h>
#include <ap_provider.h>
#include <apr_shm.h>
#include <http_core.h>
#include <http_request.h>
#include <mod_auth.h>

#define UNSET           (-1)
#define DEFAULT_TTL     300
#define DEFAULT_ENTRIES 16384
#define KEPT            "mod_authn_cloud memory"

typedef struct {
    int ttl;                       /* seconds; UNSET */
    int throttle_set;
    cloud_throttle_conf_t throttle;
    apr_array_header_t *providers; /* NULL: unset */
} dir_conf_t;

static const cloud_throttle_conf_t DEFAULT_THROTTLE = {
    10, apr_time_from_sec(600), apr_time_from_sec(900)
};

static unsigned cache_entries;
static unsigned max_hashes;        /* 0: a quarter of the threads */
static cloud_slots_t *slots;       /* of this process */
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
    conf->providers = add->providers ? add->providers : base->providers;
    return conf;
}

cloud_auth_conf_t cloud_auth_conf(request_rec *r)
{
    const dir_conf_t *conf = ap_get_module_config(r->per_dir_config, &authn_cloud_module);

    return (cloud_auth_conf_t){ conf->ttl == UNSET ? DEFAULT_TTL : conf->ttl, conf->throttle,
                                conf->providers };
}

cloud_auth_mem_t *cloud_auth_memory(void)
{
    return shared;
}

cloud_slots_t *cloud_auth_slots(void)
{
    return slots;
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

static const char *add_provider(cmd_parms *cmd, void *dir, const char *arg)
{
    dir_conf_t *conf = dir;
    const authn_provider *provider;

    if (!conf->providers) {
        conf->providers = apr_array_make(cmd->pool, 2, sizeof(cloud_auth_provider_t));
    }
    if (!ap_cstr_casecmp(arg, "none")) {
        return NULL;
    }
    provider = ap_lookup_provider(AUTHN_PROVIDER_GROUP, arg, AUTHN_PROVIDER_VERSION);
    if (!provider || !provider->check_password || !strcmp(arg, "cloud")) {
        return apr_psprintf(cmd->pool, "CloudAuthLoginProvider: there is no other provider \"%s\" "
                            "that checks passwords; is its module loaded?", arg);
    }
    APR_ARRAY_PUSH(conf->providers, cloud_auth_provider_t) = (cloud_auth_provider_t){ arg, provider };
    return NULL;
}

static const char *set_hashes(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int n = number(arg, 1, 100000);

    if (err) {
        return err;
    }
    if (n == UNSET) {
        return "CloudAuthHashes must be the number of passwords, from 1 to 100000, that each process "
               "may be hashing at one time";
    }
    max_hashes = (unsigned)n;
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_ITERATE("CloudAuthLoginProvider", add_provider, NULL, RSRC_CONF | ACCESS_CONF,
                    "other modules' providers whose passwords open the pages, or none"),
    AP_INIT_TAKE1("CloudAuthCacheTTL", set_ttl, NULL, RSRC_CONF | ACCESS_CONF,
                  "seconds for which a verified password is not hashed again; 300 by default"),
    AP_INIT_TAKE123("CloudAuthThrottle", set_throttle, NULL, RSRC_CONF | ACCESS_CONF,
                    "off, or: wrong passwords, seconds, longest delay; 10 600 900 by default"),
    AP_INIT_TAKE1("CloudAuthCacheSize", set_entries, NULL, RSRC_CONF,
                  "passwords, and failures, that are remembered; 16384 by default"),
    AP_INIT_TAKE1("CloudAuthHashes", set_hashes, NULL, RSRC_CONF,
                  "passwords that each process hashes at one time; a quarter of its threads by "
                  "default"),
    { NULL }
};

/* ---- the provider ---- */

static authn_status check_password(request_rec *r, const char *user, const char *secret)
{
    const cloud_account_t *account;
    const char *client;
    cloud_err_t *err;
    int password;

    err = cloud_auth_check(&account, &client, &password, r, user, secret, 0);
    if (!err) {
        cloud_http_set_account(r, account, client);
        return AUTH_GRANTED;
    }
    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        /* Who is not known here, or has no password here, may be known to the next provider. */
        return password ? AUTH_DENIED : AUTH_USER_NOT_FOUND;
    }
    cloud_http_error_defer(r, err);
    return AUTH_GENERAL_ERROR;
}

/* ---- hooks ---- */

static int authenticated(request_rec *r)
{
    cloud_auth_passed_on(r);
    return DECLINED;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    cache_entries = DEFAULT_ENTRIES;
    max_hashes = 0;
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

/* As many again may wait: half of the threads are left for everybody else. */
static void child_init(apr_pool_t *pchild, server_rec *s)
{
    int threads = 1;
    unsigned most = max_hashes;

    if (!most) {
        ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
        most = threads > 4 ? (unsigned)threads / 4 : 1;
    }
    slots = cloud_slots_create(most, most, pchild);
}

static void register_hooks(apr_pool_t *p)
{
    static const authn_provider provider = { check_password, NULL };
    /* There the other provider's name becomes an account of ours. */
    static const char *const principal[] = { "mod_cloud.c", NULL };

    cloud_auth_api_register();
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_authz(authenticated, NULL, principal, APR_HOOK_REALLY_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
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
