/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file auth_client.c
 * Compiled into each module that uses mod_authn_cloud: turns its API, found at run time, into plain
 * functions. All symbols stay inside the module.
 */
#include "mod_authn_cloud.h"

#include <http_log.h>

static const cloud_auth_api_t *api;

int cloud_auth_connect(apr_pool_t *plog)
{
    APR_OPTIONAL_FN_TYPE(cloud_auth_api) *get = APR_RETRIEVE_OPTIONAL_FN(cloud_auth_api);

    api = get ? get() : NULL;
    if (api && api->size == sizeof(*api)) {
        return 1;
    }
    ap_log_perror(APLOG_MARK, APLOG_EMERG, 0, plog, "%s",
                  api ? "mod_authn_cloud is of another version than the modules that use it"
                      : "mod_authn_cloud is not loaded: add LoadModule authn_cloud_module");
    api = NULL;
    return 0;
}

cloud_err_t *cloud_auth_login(const cloud_account_t **account, const char **client, request_rec *r,
                              const char *user, const char *secret, unsigned flags)
{
    return api->login(account, client, r, user, secret, flags);
}

cloud_err_t *cloud_try_begin(cloud_try_t **t, request_rec *r, const char *kind, const char *name,
                             const char *secret)
{
    return api->try_begin(t, r, kind, name, secret);
}

int cloud_try_known(const cloud_try_t *t)
{
    return api->try_known(t);
}

void cloud_try_wrong(cloud_try_t *t)
{
    api->try_wrong(t);
}

void cloud_try_right(cloud_try_t *t)
{
    api->try_right(t);
}

int cloud_auth_remembered(request_rec *r, const cloud_account_t *account, const char *secret)
{
    return api->remembered(r, account, secret);
}

void cloud_auth_remember(request_rec *r, const cloud_account_t *account, const char *secret,
                         apr_time_t expires)
{
    api->remember(r, account, secret, expires);
}

cloud_err_t *cloud_slow_begin(request_rec *r)
{
    return api->slow_begin(r);
}

void cloud_slow_end(void)
{
    api->slow_end();
}
