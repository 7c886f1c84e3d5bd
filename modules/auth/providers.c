/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file providers.c
 * CloudAuthLoginProvider: passwords of a directory outside of Basic authentication (the pages), checked
 * by the same providers of httpd (ldap, file, ...) as AuthBasicProvider has, as they are set up at the
 * place of the request.
 */
#include "private.h"

static cloud_err_t *wrong(request_rec *r)
{
    return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, NULL);
}

/* Asks one; *name is how it calls the user: a provider may give another name than was typed. */
static authn_status ask(const char **name, request_rec *r, const cloud_auth_provider_t *p,
                        const char *user, const char *secret)
{
    char *before = r->user;
    authn_status status;

    r->user = apr_pstrdup(r->pool, user);
    status = p->provider->check_password(r, user, secret);
    *name = r->user;
    r->user = before;
    return status;
}

/* Disabled or not, with or without an account: the answer is that to a wrong password. */
static cloud_err_t *granted(const cloud_account_t **account, request_rec *r, const char *name)
{
    cloud_err_t *err;

    cloud_auth_is_elsewhere(r);
    err = cloud_http_let_in(account, r, name);
    if (!cloud_err_is(err, CLOUD_E_DENIED)) {
        return err;
    }
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "user %s: %s", name, err->msg);
    *account = NULL;
    return wrong(r);
}

cloud_err_t *cloud_auth_ask_others(const cloud_account_t **account, request_rec *r,
                                   const char *user, const char *secret)
{
    const apr_array_header_t *providers = cloud_auth_conf(r).providers;
    const char *name;
    int i;

    for (i = 0; providers && i < providers->nelts; i++) {
        const cloud_auth_provider_t *p = &APR_ARRAY_IDX(providers, i, cloud_auth_provider_t);

        switch (ask(&name, r, p, user, secret)) {
        case AUTH_GRANTED:
            return granted(account, r, name);
        case AUTH_USER_NOT_FOUND:
            break;
        case AUTH_GENERAL_ERROR:
            return cloud_err(r->pool, CLOUD_E_UNAVAILABLE, "The directory can't be asked");
        default:
            return wrong(r);
        }
    }
    return wrong(r);
}
