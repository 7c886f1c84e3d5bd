/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login.c
 * A name and a password: what is fast comes first, the slow hash last and only while the throttle
 * lets it. Tries at other secrets go through the same throttle.
 */
#include "private.h"

#define MAX_SECRET 4096 /* bytes; no password is longer */
#define PATIENCE   apr_time_from_sec(2) /* of who waits for his turn to have a secret hashed */

/* One attempt to log in. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const char *site;
    const char *user;
    const char *secret;
    unsigned flags;
    const cloud_auth_conf_t *conf;
    cloud_account_t *account;     /* NULL: none of this name */
    cloud_auth_tag_t tag, elsewhere;
    cloud_throttle_t throttle;
    apr_time_t now;
    const char *client;           /* the app password that fitted */
} attempt_t;

static cloud_err_t *unauthorized(const attempt_t *a)
{
    return cloud_err(a->r->pool, CLOUD_E_UNAUTHORIZED, NULL);
}

static void retry_after(request_rec *r, apr_interval_time_t wait)
{
    apr_table_setn(r->err_headers_out, "Retry-After",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT, apr_time_sec(wait) + 1));
}

static cloud_err_t *throttled(request_rec *r, apr_interval_time_t wait)
{
    retry_after(r, wait);
    return cloud_err(r->pool, CLOUD_E_THROTTLED, NULL);
}

/* apppass NULL: by the password. */
static cloud_err_t *granted(attempt_t *a, cloud_account_t *account, const cloud_apppass_t *apppass)
{
    cloud_err_t *err = cloud_account_seen(a->ctx, account);

    if (!err && apppass) {
        err = cloud_apppass_seen(a->ctx, account, apppass);
    }
    if (err) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, a->r, "the login of %s could not be noted: %s",
                      account->id, err->msg);
    }
    a->account = account;
    a->client = apppass ? apppass->name : NULL;
    return NULL;
}

/* Wrong secrets cost as much as right ones, and must not keep all threads from those whose secret is
 * remembered. */
static cloud_err_t *slow_begin(request_rec *r)
{
    if (cloud_slots_enter(cloud_auth_slots(), PATIENCE)) {
        return NULL;
    }
    retry_after(r, PATIENCE);
    return cloud_err(r->pool, CLOUD_E_BUSY, "too many secrets are being hashed");
}

static void slow_end(void)
{
    cloud_slots_leave(cloud_auth_slots());
}

static cloud_err_t *hash(cloud_account_t **account, const cloud_apppass_t **apppass, attempt_t *a)
{
    cloud_err_t *err;

    CLOUD_ERR(slow_begin(a->r));
    err = cloud_account_verify(account, apppass, a->ctx, a->user, a->secret, 0, a->ctx->pool);
    slow_end();
    return err;
}

/* The slow way. */
static cloud_err_t *verify(attempt_t *a)
{
    const cloud_apppass_t *apppass;
    cloud_account_t *account;
    cloud_err_t *err = hash(&account, &apppass, a);

    if (!err && apppass && (a->flags & CLOUD_LOGIN_NO_APPPASS)) {
        return unauthorized(a); /* a secret, but not one for this place: no guess */
    }
    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        cloud_throttle_failed(&a->throttle, &a->tag, apr_time_now());
    }
    if (err) {
        return err;
    }
    if (!apppass) {
        cloud_throttle_succeeded(&a->throttle);
        /* The epoch of the row that was verified: it may be newer than the one read before. */
        cloud_auth_tag(&a->tag, cloud_auth_memory(), a->site, account->number,
                       account->secret_epoch, a->secret);
        if (a->conf->ttl) {
            cloud_auth_cache(cloud_auth_memory(), &a->tag, a->now + apr_time_from_sec(a->conf->ttl),
                             a->now);
        }
    }
    return granted(a, account, apppass);
}

/* Fast things first. App passwords are always tried: no throttle locks them out. */
static cloud_err_t *check(attempt_t *a)
{
    apr_interval_time_t wait = cloud_throttle_wait(&a->throttle, a->now);
    const cloud_apppass_t *apppass;
    cloud_account_t *account;
    cloud_err_t *err;

    if (!wait && a->account && a->account->enabled && a->conf->ttl
        && cloud_auth_cached(cloud_auth_memory(), &a->tag, a->now)) {
        return granted(a, a->account, NULL);
    }
    if (!wait && a->account && !a->account->has_password
        && cloud_auth_cached(cloud_auth_memory(), &a->elsewhere, a->now)) {
        return unauthorized(a);
    }
    if (!(a->flags & CLOUD_LOGIN_NO_APPPASS)) {
        err = cloud_account_verify(&account, &apppass, a->ctx, a->user, a->secret, 1,
                                   a->ctx->pool);
        if (!err) {
            return granted(a, account, apppass);
        }
        if (!cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
            return err;
        }
    }
    if (wait) {
        return throttled(a->r, wait);
    }
    return cloud_throttle_known(&a->throttle, &a->tag, a->now) ? unauthorized(a) : verify(a);
}

/* A password that is not from here: another provider is asked next. */
typedef struct {
    cloud_throttle_conf_t conf;
    cloud_throttle_t throttle;
    cloud_auth_tag_t elsewhere;
    apr_time_t expires;           /* 0: not to be remembered */
} passed_on_t;

static void pass_on(const attempt_t *a)
{
    passed_on_t *p = apr_palloc(a->r->pool, sizeof(*p));
    int known = a->account && !a->account->has_password && a->conf->ttl;

    p->conf = a->conf->throttle;
    p->throttle = a->throttle;
    p->throttle.conf = &p->conf;
    p->elsewhere = a->elsewhere;
    p->expires = known ? a->now + apr_time_from_sec(a->conf->ttl) : 0;
    ap_set_module_config(a->r->request_config, &authn_cloud_module, p);
}

void cloud_auth_passed_on(request_rec *r)
{
    if (r->user && !cloud_http_account(r)) {
        cloud_auth_is_elsewhere(r);
    }
}

void cloud_auth_is_elsewhere(request_rec *r)
{
    passed_on_t *p = ap_get_module_config(r->request_config, &authn_cloud_module);

    if (!p) {
        return;
    }
    cloud_throttle_succeeded(&p->throttle);
    if (p->expires) {
        cloud_auth_cache(cloud_auth_memory(), &p->elsewhere, p->expires, apr_time_now());
    }
}

static cloud_err_t *find(attempt_t *a)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_http_ctx(&a->ctx, a->r));
    a->site = cloud_store_data_dir(a->ctx->store);
    err = cloud_account_get(&a->account, a->ctx, a->user, a->ctx->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        a->account = NULL;
        return NULL;
    }
    return err;
}

cloud_err_t *cloud_auth_check(const cloud_account_t **account, const char **client, int *password,
                              request_rec *r, const char *user, const char *secret, unsigned flags)
{
    cloud_auth_conf_t conf = cloud_auth_conf(r);
    attempt_t a = { .r = r, .user = user, .secret = secret, .flags = flags, .conf = &conf,
                    .now = apr_time_now() };
    const char *name;
    cloud_err_t *err;

    *account = NULL;
    *client = NULL;
    *password = 0;
    if (!*user || strlen(secret) > MAX_SECRET) {
        *password = 1; /* nor is it anybody else's */
        return unauthorized(&a);
    }
    CLOUD_ERR(find(&a));
    /* An old app password must not go to a directory over and over: it may lock people out. */
    *password = (a.account && a.account->has_password) || cloud_apppass_shape(secret);
    if (a.account) {
        cloud_auth_tag_elsewhere(&a.elsewhere, cloud_auth_memory(), a.site, a.account->number,
                                 a.account->secret_epoch, secret);
    }
    cloud_auth_tag(&a.tag, cloud_auth_memory(), a.site, a.account ? a.account->number : 0,
                   a.account ? a.account->secret_epoch : 0, secret);
    /* Whatever the spelling: an account has as many as its name has letters with two cases. */
    name = cloud_account_fold(user, r->pool);
    cloud_throttle_init(&a.throttle, cloud_auth_memory(), &conf.throttle, a.site, "",
                        name ? name : user, r->useragent_ip);
    err = check(&a);
    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED) && !*password) {
        pass_on(&a);
    }
    CLOUD_ERR(err);
    *account = a.account;
    *client = a.client;
    return NULL;
}

/* ---- for other modules ---- */

static cloud_err_t *login(const cloud_account_t **account, const char **client, request_rec *r,
                          const char *user, const char *secret, unsigned flags)
{
    int password;
    cloud_err_t *err = cloud_auth_check(account, client, &password, r, user, secret, flags);

    return cloud_err_is(err, CLOUD_E_UNAUTHORIZED) && !password
        ? cloud_auth_ask_others(account, r, user, secret) : err;
}

struct cloud_try_t {
    request_rec *r;
    cloud_auth_conf_t conf;
    cloud_throttle_t throttle;
    cloud_auth_tag_t tag;
    int repeats_count;
};

static cloud_err_t *try_begin(cloud_try_t **t, request_rec *r, const char *kind, const char *name,
                              const char *secret)
{
    cloud_try_t *made = apr_pcalloc(r->pool, sizeof(*made));
    apr_interval_time_t wait;
    cloud_ctx_t *ctx;
    const char *site;

    *t = NULL;
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    site = cloud_store_data_dir(ctx->store);
    made->r = r;
    made->conf = cloud_auth_conf(r);
    made->repeats_count = !secret;
    if (secret) {
        cloud_auth_tag(&made->tag, cloud_auth_memory(), site, 0, 0, secret);
    }
    cloud_throttle_init(&made->throttle, cloud_auth_memory(), &made->conf.throttle, site, kind, name,
                        r->useragent_ip);
    wait = cloud_throttle_wait(&made->throttle, apr_time_now());
    if (wait) {
        return throttled(r, wait);
    }
    *t = made;
    return NULL;
}

static int try_known(const cloud_try_t *t)
{
    return !t->repeats_count && cloud_throttle_known(&t->throttle, &t->tag, apr_time_now());
}

static void try_wrong(cloud_try_t *t)
{
    cloud_throttle_failed(&t->throttle, t->repeats_count ? NULL : &t->tag, apr_time_now());
}

static void try_right(cloud_try_t *t)
{
    cloud_throttle_succeeded(&t->throttle);
}

/* Under the account's negative number: nobody's password can be taken for one. */
static int tag_other(cloud_auth_tag_t *tag, request_rec *r, const cloud_account_t *account,
                     const char *secret)
{
    cloud_ctx_t *ctx;

    if (cloud_http_ctx(&ctx, r)) {
        return 0;
    }
    cloud_auth_tag(tag, cloud_auth_memory(), cloud_store_data_dir(ctx->store), -account->number,
                   account->secret_epoch, secret);
    return 1;
}

static int remembered(request_rec *r, const cloud_account_t *account, const char *secret)
{
    cloud_auth_tag_t tag;

    return account->enabled && cloud_auth_conf(r).ttl && tag_other(&tag, r, account, secret)
        && cloud_auth_cached(cloud_auth_memory(), &tag, apr_time_now());
}

static void remember(request_rec *r, const cloud_account_t *account, const char *secret,
                     apr_time_t expires)
{
    apr_time_t now = apr_time_now(), latest = now + apr_time_from_sec(cloud_auth_conf(r).ttl);
    cloud_auth_tag_t tag;

    if (cloud_auth_conf(r).ttl && tag_other(&tag, r, account, secret)) {
        cloud_auth_cache(cloud_auth_memory(), &tag, expires < latest ? expires : latest, now);
    }
}

static const cloud_auth_api_t api = {
    sizeof(cloud_auth_api_t), login, try_begin, try_known, try_wrong, try_right, remembered, remember,
    slow_begin, slow_end,
};

static const cloud_auth_api_t *cloud_auth_api(void)
{
    return &api;
}

void cloud_auth_api_register(void)
{
    APR_REGISTER_OPTIONAL_FN(cloud_auth_api);
}
