/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file principal.c
 * Who asks: from r->user, however httpd found it, to an account. r->user becomes the account's
 * canonical id before anybody compares it (Require user, owners of locks).
 */
#include "private.h"

static request_rec *main_of(request_rec *r)
{
    while (r->main) {
        r = r->main;
    }
    return r;
}

const cloud_account_t *cloud_http_account(request_rec *r)
{
    return cloud_main_request(r)->account;
}

void cloud_http_set_account(request_rec *r, const cloud_account_t *account, const char *client)
{
    cloud_request_t *q = cloud_main_request(r);

    q->account = account;
    q->client = client;
    if (q->ctx) {
        q->ctx->who.account = account;
        q->ctx->who.client = client;
    }
    r->user = main_of(r)->user = (char *)account->id;
}

/* The account of somebody whom another module let in. Two first requests may come at once. */
static cloud_err_t *create(cloud_account_t **account, cloud_ctx_t *ctx, request_rec *r)
{
    cloud_ctx_t *system = cloud_ctx_create(ctx->store, ctx->pool);
    cloud_err_t *err;

    system->who = (cloud_principal_t){ .system = 1, .client = "first login",
                                       .address = ctx->who.address };
    system->request_id = ctx->request_id;
    system->agent = ctx->agent;
    err = cloud_account_create(account, system, r->user, NULL, NULL, ctx->pool);

    if (cloud_err_is(err, CLOUD_E_EXISTS)) {
        return cloud_account_get(account, ctx, r->user, ctx->pool);
    }
    if (cloud_err_is(err, CLOUD_E_INVALID)) {
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "This user name can't be an account here");
    }
    if (!err) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "account %s was created at its first login",
                      (*account)->id);
    }
    return err;
}

static cloud_err_t *find(cloud_account_t **account, cloud_ctx_t *ctx, request_rec *r)
{
    cloud_err_t *err = cloud_account_get(account, ctx, r->user, ctx->pool);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        err = cloud_dir_conf(r)->auto_create == 1
            ? create(account, ctx, r)
            : cloud_err(ctx->pool, CLOUD_E_DENIED, "There is no account of this name");
    }
    if (!err && !(*account)->enabled) {
        err = cloud_err(ctx->pool, CLOUD_E_DENIED, "The account is disabled");
    }
    return err;
}

static cloud_err_t *find_principal(request_rec *r)
{
    const cloud_account_t *known = cloud_http_account(r);
    cloud_account_t *account;
    cloud_ctx_t *ctx;
    cloud_err_t *err;

    if (!r->user || (known && !strcmp(known->id, r->user))) {
        return NULL;
    }
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(find(&account, ctx, r));
    cloud_http_set_account(r, account, NULL);
    err = cloud_account_seen(ctx, account);
    if (err) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "the login of %s could not be noted: %s",
                      account->id, err->msg);
    }
    return NULL;
}

/* DECLINED when all is well: authorisation goes on. */
static int principal(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);
    cloud_err_t *err;

    if (!ep || (ep->flags & CLOUD_EP_ALWAYS)) {
        return DECLINED;
    }
    err = find_principal(r);
    return err ? cloud_http_error(r, err) : DECLINED;
}

int cloud_auth_checker(request_rec *r)
{
    return principal(r);
}

int cloud_fixups(request_rec *r)
{
    /* Again, for users that were found without authentication in the usual place (TLS). */
    return principal(r);
}
