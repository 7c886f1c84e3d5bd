/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The module: signed URLs as a way to authenticate, the OCS call that gives out the key, and the
 * capability. What a signed URL is is in signedurl.h. */
#include "mod_authn_cloud.h"
#include "mod_cloud.h"
#include "mod_cloud_ocs.h"

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "signedurl.h"

extern module AP_MODULE_DECLARE_DATA cloud_signedurl_module;
APLOG_USE_MODULE(cloud_signedurl);

#define UNSET  (-1)
#define CLIENT "signed URL"

typedef struct {
    int on; /* UNSET */
} dir_conf_t;

/* ---- configuration ---- */

static void *dir_create(apr_pool_t *p, char *dir)
{
    dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    (void)dir;
    conf->on = UNSET;
    return conf;
}

static void *dir_merge(apr_pool_t *p, void *basev, void *addv)
{
    const dir_conf_t *base = basev, *add = addv;
    dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->on = add->on != UNSET ? add->on : base->on;
    return conf;
}

static int is_on(request_rec *r)
{
    const dir_conf_t *conf = ap_get_module_config(r->per_dir_config, &cloud_signedurl_module);

    return conf->on != 0;
}

static const command_rec commands[] = {
    AP_INIT_FLAG("CloudSignedUrls", ap_set_flag_slot, (void *)APR_OFFSETOF(dir_conf_t, on),
                 RSRC_CONF | ACCESS_CONF, "off: a signature in an address opens nothing; on by "
                 "default"),
    { NULL }
};

/* ---- who asks ---- */

/* Files and what belongs to them. Neither the calls of the API, one of which gives out the key, nor
 * pages. */
static int is_signed(request_rec *r)
{
    const cloud_endpoint_t *ep = cloud_http_endpoint(r, NULL);

    return ep && (ep->flags & CLOUD_EP_DAV) && r->args && cloud_signed_is(r->args) && is_on(r)
        && !apr_table_get(r->headers_in, "Authorization");
}

/* The first word of a header, such as a proxy wrote it, or of another one. */
static const char *word(request_rec *r, const char *header, const char *other)
{
    const char *value = apr_table_get(r->headers_in, header);

    if (!value || !*value) {
        return other;
    }
    return apr_pstrmemdup(r->pool, value, strcspn(value, ", \t"));
}

/* The path as it was sent: r->uri is decoded, and r->parsed_uri shares its bytes. */
static const char *raw_path(request_rec *r)
{
    const char *uri = r->unparsed_uri;

    if (*uri != '/') { /* "http://host/path" */
        uri = strstr(uri, "://");
        uri = uri ? strchr(uri + 3, '/') : NULL;
    }
    return uri ? apr_pstrmemdup(r->pool, uri, strcspn(uri, "?")) : "/";
}

/* The client signed the address that it knows. Which host and scheme that is decides nothing, since a
 * key is this server's alone; a proxy may have changed both. */
static const char *host_of(request_rec *r)
{
    const char *host = word(r, "X-Forwarded-Host", apr_table_get(r->headers_in, "Host"));
    char *name = apr_pstrdup(r->pool, host ? host : r->hostname ? r->hostname : "");

    ap_str_tolower(name);
    return name;
}

static int fits(request_rec *r, const cloud_signed_t *s, const char *key)
{
    const char *path = raw_path(r), *name = host_of(r);
    const char *mine = word(r, "X-Forwarded-Proto", ap_http_scheme(r));
    const char *first = strcmp(mine, "https") ? "http" : "https";
    const char *second = strcmp(mine, "https") ? "https" : "http";

    return cloud_signed_fits(s, apr_pstrcat(r->pool, first, "://", name, path, NULL), key, r->pool)
        || cloud_signed_fits(s, apr_pstrcat(r->pool, second, "://", name, path, NULL), key,
                             r->pool);
}

typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    cloud_signed_t s;
    cloud_account_t *account;   /* NULL: none of this name */
    const char *key;            /* NULL: it has none */
    const char *why;            /* it is refused */
} attempt_t;

static cloud_err_t *find(attempt_t *a)
{
    cloud_err_t *err = cloud_account_get(&a->account, a->ctx, a->s.credential, a->ctx->pool);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        a->account = NULL;
        return NULL;
    }
    return err ? err : cloud_signing_key_get(&a->key, a->ctx, a->account, a->ctx->pool);
}

/* The signature with all that it covers, and the key. What was verified once needs no second slow hash:
 * a player asks for a film piece by piece. */
static const char *what(const attempt_t *a)
{
    return apr_pstrcat(a->r->pool, "signed URL\n", a->key ? a->key : "", "\n", host_of(a->r),
                       a->r->unparsed_uri, NULL);
}

/* Accounts that there are not, and those without a key, cost as much: nothing tells them apart. */
static cloud_err_t *compute(int *fit, attempt_t *a)
{
    CLOUD_ERR(cloud_slow_begin(a->r));
    *fit = fits(a->r, &a->s, a->key);
    cloud_slow_end();
    return NULL;
}

static cloud_err_t *verify(attempt_t *a)
{
    cloud_try_t *try;
    int fit = 0;

    CLOUD_ERR(cloud_try_begin(&try, a->r, "signed url", a->s.credential, what(a)));
    if (!cloud_try_known(try)) {
        CLOUD_ERR(compute(&fit, a));
    }
    if (fit) {
        cloud_auth_remember(a->r, a->account, what(a),
                            a->s.date + apr_time_from_sec(a->s.expires));
        return NULL;
    }
    cloud_try_wrong(try);
    a->why = "the signature is wrong, or the account has no signing key";
    return NULL;
}

static cloud_err_t *check(attempt_t *a)
{
    CLOUD_ERR(cloud_http_ctx(&a->ctx, a->r));
    if (!cloud_signed_parse(&a->s, &a->why, a->r->args, a->r->pool)
        || !cloud_signed_current(&a->s, &a->why, a->r->method, apr_time_now())) {
        return NULL;
    }
    CLOUD_ERR(find(a));
    if (a->key && cloud_auth_remembered(a->r, a->account, what(a))) {
        return NULL;
    }
    return verify(a);
}

static int check_authn(request_rec *r)
{
    attempt_t a = { .r = r };
    cloud_err_t *err;

    if (!is_signed(r)) {
        return DECLINED;
    }
    err = check(&a);
    if (!err && a.why) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "signed URL refused: %s", a.why);
        err = cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, "The signature of the URL is not valid");
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    cloud_http_set_account(r, a.account, CLIENT);
    r->ap_auth_type = (char *)"Signature";
    return OK;
}

/* ---- the log ---- */

/* Before any log is written: whoever reads one must not get at files with what stands there. */
static int mask(request_rec *r)
{
    for (; r; r = r->prev) {
        if (r->the_request) {
            r->the_request = (char *)cloud_signed_mask(r->the_request, r->pool);
        }
        if (r->args) {
            r->args = (char *)cloud_signed_mask(r->args, r->pool);
        }
        if (r->unparsed_uri) {
            r->unparsed_uri = (char *)cloud_signed_mask(r->unparsed_uri, r->pool);
        }
    }
    return DECLINED;
}

/* ---- OCS ---- */

static cloud_err_t *get_key(cloud_ocs_call_t *call)
{
    const char *key;

    CLOUD_ERR(cloud_signing_key(&key, call->ctx, call->r->request_time, call->r->pool));
    apr_table_setn(call->r->headers_out, "Cache-Control", "no-store");
    call->data = json_pack("{s:s, s:s}", "user", call->account->id, "signing-key", key);
    return NULL;
}

static const cloud_ocs_route_t routes[] = {
    { "GET", "/cloud/user/signing-key", CLOUD_OCS_USER, get_key },
    { NULL }
};

static cloud_err_t *capability(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r)
{
    (void)ctx;
    if (is_on(r)) {
        json_object_set_new(json_object_get(capabilities, "core"), "support-url-signing",
                            json_true());
    }
    return NULL;
}

/* ---- hooks ---- */

static apr_status_t unregister(void *unused)
{
    (void)unused;
    cloud_feature_unregister(&cloud_signedurl_feature);
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)ptemp;
    if (!cloud_http_connect(plog) || !cloud_auth_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_feature_register(&cloud_signedurl_feature);
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    cloud_register_ocs(routes);
    cloud_register_capability(capability);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    /* After mod_cloud_ocs: its capabilities make the objects that ours adds to. */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_check_authn(check_authn, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_log_transaction(mask, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_signedurl_module = {
    STANDARD20_MODULE_STUFF, dir_create, dir_merge, NULL, NULL, commands, register_hooks,
    AP_MODULE_FLAG_NONE,
};
