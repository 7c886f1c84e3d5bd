/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file principal.c
 * Who asks: from r->user, however httpd found it, to an account. r->user becomes the account's
 * canonical id before anybody compares it (Require user, owners of locks).
 */
#include "private.h"

#include "mount.h"

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
    q->view = NULL;
    q->client = client;
    q->login = NULL;
    if (q->ctx) {
        q->ctx->who.view = NULL;
        q->ctx->who.account = account;
        q->ctx->who.client = client;
        q->ctx->who.elsewhere = 0;
    }
    r->user = main_of(r)->user = (char *)account->id;
}

void cloud_http_set_view(request_rec *r, const cloud_http_view_t *view)
{
    cloud_request_t *q = cloud_main_request(r);

    q->view = view;
    q->account = NULL;
    q->client = view->client;
    q->login = NULL;
    if (q->ctx) {
        q->ctx->who = (cloud_principal_t){ .view = view->account->view, .client = view->client,
                                           .address = q->ctx->who.address };
    }
    r->user = main_of(r)->user = NULL;
}

const cloud_http_view_t *cloud_http_view(request_rec *r)
{
    return cloud_main_request(r)->view;
}

/* A context that may do what the directory wants done. */
static cloud_ctx_t *system_ctx(const cloud_ctx_t *ctx)
{
    cloud_ctx_t *system = cloud_ctx_create(ctx->store, ctx->pool);

    system->who = (cloud_principal_t){ .system = 1, .client = "login",
                                       .address = ctx->who.address };
    system->request_id = ctx->request_id;
    system->agent = ctx->agent;
    return system;
}

/* The account of somebody whom another module let in. Two first requests may come at once. */
static cloud_err_t *create(cloud_account_t **account, cloud_ctx_t *ctx, request_rec *r)
{
    const cloud_account_new_t what = { .source = cloud_identity_source(r) };
    cloud_err_t *err = cloud_account_add(account, system_ctx(ctx), r->user, &what, ctx->pool);

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

/* Ids are found by their full case folding, by which "weiß" is "weiss": nobody could have both names
 * here, but a directory may, and those are two people. */
static cloud_err_t *check_letters(const cloud_account_t *account, request_rec *r)
{
    const char *one = cloud_account_lower(account->id, r->pool);
    const char *other = cloud_account_lower(r->user, r->pool);

    if (one && other && !strcmp(one, other)) {
        return NULL;
    }
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "%s is not let in as %s: the names are written with "
                  "other letters", r->user, account->id);
    return cloud_err(r->pool, CLOUD_E_DENIED, "The account of this name is somebody else's");
}

/* *account NULL: it is made once the request is authorised. */
static cloud_err_t *find(cloud_account_t **account, cloud_ctx_t *ctx, request_rec *r,
                         int authorized)
{
    cloud_err_t *err = cloud_account_get(account, ctx, r->user, ctx->pool);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        *account = NULL;
        if (cloud_dir_conf(r)->auto_create != 1) {
            return cloud_err(ctx->pool, CLOUD_E_DENIED, "There is no account of this name");
        }
        err = authorized ? create(account, ctx, r) : NULL;
    }
    if (!err && *account) {
        err = check_letters(*account, r);
    }
    if (!err && *account && !(*account)->enabled) {
        err = cloud_err(ctx->pool, CLOUD_E_DENIED, "The account is disabled");
    }
    return err;
}

static void set_outsider(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_http_set_account(r, account, NULL);
    ctx->who.elsewhere = 1;
}

/* Somebody whom another module let in. */
static cloud_err_t *find_principal(request_rec *r, int authorized)
{
    cloud_request_t *q = cloud_main_request(r);
    cloud_account_t *account;
    cloud_ctx_t *ctx;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    /* A name is mapped once: what came out of a map may fit another one. */
    if (!q->login || strcmp(q->login, r->user) != 0) {
        r->user = main_of(r)->user = (char *)cloud_identity_id(r);
    }
    CLOUD_ERR(find(&account, ctx, r, authorized));
    if (account) {
        set_outsider(r, ctx, account);
    }
    q->login = r->user;
    q->taken_over = 0;
    return NULL;
}

/* Takes over what the directory says; *account is what it is then. */
static cloud_err_t *take_over(const cloud_account_t **account, cloud_ctx_t *ctx, request_rec *r)
{
    cloud_account_t *now;
    cloud_err_t *err;
    int changed;

    CLOUD_ERR(cloud_identity_apply(&changed, system_ctx(ctx), *account, r));
    if (changed) {
        CLOUD_ERR(cloud_account_by_number(&now, ctx, (*account)->number, ctx->pool));
        *account = now;
    }
    err = cloud_account_seen(ctx, *account);
    if (err) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "the login of %s could not be noted: %s",
                      (*account)->id, err->msg);
    }
    return NULL;
}

/* What is left to do once the request is authorised: until then nobody has logged in. */
static cloud_err_t *logged_in(request_rec *r)
{
    cloud_request_t *q = cloud_main_request(r);
    const cloud_account_t *account = q->account;
    const char *login = q->login;
    cloud_ctx_t *ctx;

    if (!login || !account || q->taken_over) {
        return NULL;
    }
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(take_over(&account, ctx, r));
    set_outsider(r, ctx, account);
    q->login = login;
    q->taken_over = 1;
    return NULL;
}

static cloud_err_t *let_in(const cloud_account_t **account, request_rec *r)
{
    cloud_account_t *found;
    cloud_ctx_t *ctx;

    r->user = (char *)cloud_identity_id(r);
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(find(&found, ctx, r, 1));
    *account = found;
    return take_over(account, ctx, r);
}

cloud_err_t *cloud_http_let_in(const cloud_account_t **account, request_rec *r, const char *user)
{
    char *before = r->user;
    cloud_err_t *err;

    r->user = (char *)user;
    err = let_in(account, r);
    r->user = before;
    return err;
}

/* What he received since he was here the last time may need a folder. */
static cloud_err_t *settle(request_rec *r)
{
    cloud_request_t *q = cloud_main_request(r);
    cloud_ctx_t *ctx;

    if (q->settled || !q->account) {
        return NULL;
    }
    q->settled = 1;
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    return cloud_mounts_settle(ctx, q->account);
}

/* DECLINED when all is well: authorisation goes on. */
static int principal(request_rec *r, int authorized)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);
    const cloud_account_t *known;
    cloud_err_t *err = NULL;

    if (!ep || (ep->flags & (CLOUD_EP_ALWAYS | CLOUD_EP_VIEW)) || !r->user) {
        return DECLINED;
    }
    known = cloud_http_account(r);
    if (!known || strcmp(known->id, r->user) != 0) {
        err = find_principal(r, authorized);
    }
    if (!err && authorized) {
        err = logged_in(r);
    }
    if (!err && authorized) {
        err = settle(r);
    }
    return err ? cloud_http_error(r, err) : DECLINED;
}

int cloud_auth_checker(request_rec *r)
{
    return principal(r, 0);
}

int cloud_fixups(request_rec *r)
{
    /* Again, for users that were found without authentication in the usual place (TLS). */
    return principal(r, 1);
}
