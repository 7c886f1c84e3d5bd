/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Who may pass: tokens and passwords. A token is found first and guessed at slowly; a password goes
 * through the throttle and the bounded hashes of all secrets. */
#include "links_http.h"

#include <apr_base64.h>
#include <apr_lib.h>

#include "names.h"

#define COOKIE "cloud_link"

/* ---- tokens ---- */

/* Who has one is not to suffer from others in his network: only what is none counts. */
static cloud_err_t *no_link(request_rec *r, const char *token)
{
    cloud_try_t *try;

    CLOUD_ERR(cloud_try_begin(&try, r, "link token", "", token));
    cloud_try_wrong(try);
    return cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL);
}

cloud_err_t *links_find(cloud_link_t **link, request_rec *r, const char *token)
{
    cloud_ctx_t *ctx;
    cloud_err_t *err;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    err = cloud_link_find(link, ctx, token, ctx->pool);
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) ? no_link(r, token) : err;
}

/* ---- passwords ---- */

/* Names the password to the cache of verified secrets; with its hash, so that another one ends it. */
static const char *secret_of(request_rec *r, const cloud_link_t *link, const char *text)
{
    return apr_psprintf(r->pool, "link password\n%" APR_INT64_T_FMT "\n%s\n%s", link->id,
                        link->password, text);
}

static cloud_err_t *hash(int *good, request_rec *r, const cloud_link_t *link, const char *text)
{
    CLOUD_ERR(cloud_slow_begin(r));
    *good = cloud_link_opens(link, text);
    cloud_slow_end();
    return NULL;
}

cloud_err_t *links_password(request_rec *r, const cloud_link_t *link, const char *text)
{
    const char *secret;
    cloud_try_t *try;
    int good = 0;

    if (!link->password) {
        return NULL;
    }
    secret = secret_of(r, link, text);
    if (cloud_auth_remembered(r, link->account, secret)) {
        return NULL;
    }
    CLOUD_ERR(cloud_try_begin(&try, r, "link", link->token, secret));
    if (*text && !cloud_try_known(try)) {
        CLOUD_ERR(hash(&good, r, link, text));
    }
    if (good) {
        cloud_try_right(try);
        cloud_auth_remember(r, link->account, secret, APR_INT64_MAX);
        return NULL;
    }
    cloud_try_wrong(try);
    return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, "The password is wrong");
}

/* ---- the browser remembers ---- */

static int is_secure(request_rec *r)
{
    return !strcmp(ap_http_scheme(r), "https");
}

static const char *cookie_name(request_rec *r)
{
    return is_secure(r) ? "__Secure-" COOKIE : COOKIE;
}

/* Calls for each cookie of this name: a browser sends those of longer paths first, but nothing more is
 * said about which of them is ours. */
static const char *next_cookie(const char **all, const char *wanted, apr_pool_t *pool)
{
    apr_size_t len = strlen(wanted);

    while (*all && **all) {
        const char *begin = *all + strspn(*all, "; \t"), *end = begin + strcspn(begin, "; \t");

        *all = end;
        if (!strncmp(begin, wanted, len) && begin[len] == '=') {
            return apr_pstrmemdup(pool, begin + len + 1, (apr_size_t)(end - begin) - len - 1);
        }
    }
    return NULL;
}

cloud_err_t *links_proven(int *good, request_rec *r, const cloud_link_t *link)
{
    const char *all = apr_table_get(r->headers_in, "Cookie"), *value;
    cloud_ctx_t *ctx;

    *good = !link->password;
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    while (!*good && (value = next_cookie(&all, cookie_name(r), r->pool))) {
        CLOUD_ERR(cloud_link_proven(good, ctx, link, value, apr_time_sec(apr_time_now())));
    }
    return NULL;
}

cloud_err_t *links_remember(request_rec *r, const cloud_link_t *link)
{
    const char *proof;
    cloud_ctx_t *ctx;

    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    CLOUD_ERR(cloud_link_proof(&proof, ctx, link, apr_time_sec(apr_time_now()), r->pool));
    apr_table_addn(r->err_headers_out, "Set-Cookie",
                   apr_pstrcat(r->pool, cookie_name(r), "=", proof, "; Path=",
                               cloud_http_uri(r, PAGE_PATH "/", link->token, r->pool),
                               "; HttpOnly; SameSite=Lax", is_secure(r) ? "; Secure" : "", NULL));
    return NULL;
}

/* ---- entering ---- */

void links_enter(request_rec *r, const cloud_link_t *link, const char *place,
                 const links_shown_t *shown)
{
    cloud_http_view_t *view = apr_pcalloc(r->pool, sizeof(*view));

    view->account = link->account;
    view->place = place;
    view->client = apr_psprintf(r->pool, "link:%" APR_INT64_T_FMT, link->id);
    view->link = shown;
    cloud_http_set_view(r, view);
}

/* ---- DAV ---- */

/* Name and password of Basic authentication, which httpd has not looked at here; 0 when there are none. */
static int basic(const char **user, const char **password, request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");
    char *plain, *colon;

    if (!value || ap_cstr_casecmpn(value, "Basic ", 6) != 0) {
        return 0;
    }
    value += 6 + strspn(value + 6, " ");
    plain = ap_pbase64decode(r->pool, value);
    colon = strchr(plain, ':');
    *user = plain;
    *password = colon ? colon + 1 : "";
    if (colon) {
        *colon = '\0';
    }
    return 1;
}

static cloud_err_t *no_login(request_rec *r)
{
    return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED,
                     "No public access to this resource., No 'Authorization: Basic' header found. "
                     "Either the client didn't send one, or the server is misconfigured");
}

/* The password of a login, refused in the words that programs know. */
static cloud_err_t *login_password(request_rec *r, const cloud_link_t *link, const char *password)
{
    cloud_err_t *err = links_password(r, link, password);

    return cloud_err_is(err, CLOUD_E_UNAUTHORIZED)
        ? cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, "Username or password was incorrect") : err;
}

/* public.php/webdav: the token is the name of the login. */
static cloud_err_t *by_login(request_rec *r)
{
    const char *user, *password;
    cloud_link_t *link;
    cloud_err_t *err;

    if (!basic(&user, &password, r)) {
        return no_login(r);
    }
    err = links_find(&link, r, user);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, NULL);
    }
    CLOUD_ERR(err);
    CLOUD_ERR(login_password(r, link, password));
    links_enter(r, link, NULL, NULL);
    return NULL;
}

/* ?signature=...&expires=...: an address that oc:downloadURL gave, to who had the password. */
static int is_signed(request_rec *r, const cloud_link_signer_t *signer)
{
    cloud_params_t *query = cloud_params_create(r->pool);
    const char *signature, *expires;

    if (r->method_number != M_GET || !r->args || cloud_params_add(query, r->args, strlen(r->args))) {
        return 0;
    }
    signature = cloud_param(query, "signature");
    expires = cloud_param(query, "expires");
    return signature && expires
        && cloud_link_signed(signer, cloud_href_encode(r->uri, r->pool), apr_atoi64(expires),
                             signature, apr_time_sec(apr_time_now()));
}

static cloud_err_t *show_password(request_rec *r, const cloud_link_t *link)
{
    const char *user, *password;

    return basic(&user, &password, r) ? login_password(r, link, password) : no_login(r);
}

/* dav/public-files/<token>: whatever the name of the login is, its password counts. */
static cloud_err_t *by_place(request_rec *r, const char *rest)
{
    links_shown_t *shown = apr_pcalloc(r->pool, sizeof(*shown));
    cloud_link_signer_t *signer;
    const char *token;
    cloud_link_t *link;
    cloud_ctx_t *ctx;

    rest += strspn(rest, "/");
    token = apr_pstrmemdup(r->pool, rest, strcspn(rest, "/"));
    CLOUD_ERR(links_find(&link, r, token));
    if (link->password) {
        CLOUD_ERR(cloud_http_ctx(&ctx, r));
        CLOUD_ERR(cloud_link_signer(&signer, ctx, link, r->pool));
        if (!is_signed(r, signer)) {
            CLOUD_ERR(show_password(r, link));
        }
        shown->signer = signer;
        apr_pool_create(&shown->scratch, r->pool);
    }
    shown->link = link;
    shown->origin = ap_construct_url(r->pool, "", r);
    shown->until = apr_time_sec(apr_time_now()) + CLOUD_LINK_SIGNED_SECONDS;
    links_enter(r, link, token, shown);
    return NULL;
}

int links_dav(request_rec *r, const cloud_endpoint_t *ep, const char *rest)
{
    cloud_err_t *err;

    /* Within a request that was let in: where a MOVE goes, say. */
    if (r->main || r->method_number == M_OPTIONS) {
        return DECLINED;
    }
    rest += strlen(ep->path);
    err = strcmp(ep->path, PUBLIC_PATH) ? by_place(r, rest) : by_login(r);
    return err ? cloud_http_error(r, err) : DECLINED;
}
