/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* LOCK and UNLOCK. Not through mod_dav: it answers the LOCK of an unmapped URL with a lock-null
 * resource and 200, and checks and takes a lock in two steps. */
#include "dav_private.h"

APLOG_USE_MODULE(cloud_dav);

/* What a LOCK asks for. */
typedef struct {
    int exclusive;
    const char *owner;      /* XML, or NULL */
    apr_int64_t timeout;    /* 0 the default, -1 as long as possible */
} wish_t;

/* Timeout: a list, of which the first understood counts. */
static apr_int64_t parse_timeout(const char *value)
{
    apr_int64_t seconds = 0;

    for (; value && *value; value += strcspn(value, ",")) {
        value += strspn(value, ", \t");
        if (strncasecmp(value, "Infinite", 8) == 0) return -1;
        if (strncasecmp(value, "Second-", 7) != 0) continue;
        value += 7;
        if (value[0] == '-' && apr_isdigit(value[1])) return -1; /* as ownCloud takes it */
        if (!apr_isdigit(*value)) continue;
        for (; apr_isdigit(*value); value++) {
            if (seconds < APR_UINT32_MAX) seconds = seconds * 10 + (*value - '0');
        }
        return seconds;
    }
    return 0;
}

static cloud_err_t *parse_lockinfo(wish_t *wish, const cloud_xml_t *root, apr_pool_t *pool)
{
    const cloud_xml_t *scope, *type, *owner;

    if (!cloud_xml_is(root, CLOUD_NS_DAV, "lockinfo"))
        return cloud_err(pool, CLOUD_E_INVALID, "The body must be a lockinfo element");
    scope = cloud_xml_child(root, CLOUD_NS_DAV, "lockscope");
    type = cloud_xml_child(root, CLOUD_NS_DAV, "locktype");
    if (!scope) return cloud_err(pool, CLOUD_E_INVALID, "lockinfo needs a lockscope");
    /* RFC 4918 wants it, too, but ownCloud does not ask for it. */
    if (type && !cloud_xml_child(type, CLOUD_NS_DAV, "write"))
        return cloud_err(pool, CLOUD_E_INVALID, "The locktype must be write");
    wish->exclusive = cloud_xml_child(scope, CLOUD_NS_DAV, "exclusive") != NULL;
    if (!wish->exclusive && !cloud_xml_child(scope, CLOUD_NS_DAV, "shared"))
        return cloud_err(pool, CLOUD_E_INVALID, "The lockscope must be exclusive or shared");
    owner = cloud_xml_child(root, CLOUD_NS_DAV, "owner");
    if (owner) wish->owner = cloud_xml_inner(owner, pool);
    return NULL;
}

static int send_lock(request_rec *r, const cloud_dav_target_t *t, const cloud_lock_t *lock,
                     int created)
{
    const char *body = apr_pstrcat(
        r->pool, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<d:prop xmlns:d=\"DAV:\">"
                 "<d:lockdiscovery>", cloud_dav_activelock(lock, t, r->pool),
        "</d:lockdiscovery></d:prop>\n", NULL);

    r->status = created ? HTTP_CREATED : HTTP_OK;
    ap_set_content_type(r, "application/xml; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(body));
    ap_rputs(body, r);
    return OK;
}

/* Answers err, and names the condition that is not met when it is of that code. */
static int refused(request_rec *r, cloud_err_t *err, cloud_code_t code, const char *exception,
                   const char *element, const char *href)
{
    int status = cloud_dav_error(r, err);

    if (err->code == code) cloud_http_error_condition(r, exception, element, href);
    return status;
}

/* LOCK without body: one of the tokens in If: gets new time. */
static int refresh(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                   const apr_array_header_t *tokens, apr_int64_t timeout)
{
    cloud_lock_t *lock = NULL;
    cloud_err_t *err = NULL;

    if (!tokens || !tokens->nelts)
        return cloud_dav_error(r, cloud_err(r->pool, CLOUD_E_INVALID,
                                            "A LOCK without body needs the lock's token in If"));
    for (int i = 0; i < tokens->nelts; i++) {
        err = cloud_lock_refresh(&lock, ctx, t->account, t->path,
                                 APR_ARRAY_IDX(tokens, i, const char *), timeout, r->pool);
        if (!cloud_err_is(err, CLOUD_E_PRECONDITION)) break;
    }
    return err ? cloud_dav_error(r, err) : send_lock(r, t, lock, 0);
}

int cloud_dav_lock(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    cloud_xml_t *root = NULL;
    cloud_cond_t cond = {0};
    cloud_lock_t *lock;
    wish_t wish = {0};
    int depth, created = 0;
    cloud_err_t *err = NULL;

    if (t->kind != CLOUD_DAV_FILES) err = cloud_err(r->pool, CLOUD_E_NOT_ALLOWED, NULL);
    if (!err) err = cloud_dav_depth(&depth, r, -1);
    if (!err && depth == 1)
        err = cloud_err(r->pool, CLOUD_E_INVALID, "Depth 1 is not possible here");
    if (!err) err = cloud_dav_xml_body(&root, r);
    if (!err && root) err = parse_lockinfo(&wish, root, r->pool);
    if (!err) err = cloud_dav_conditions(&cond, r, ctx, t);
    if (err) return cloud_dav_error(r, err);

    wish.timeout = parse_timeout(apr_table_get(r->headers_in, "Timeout"));
    if (!root) return refresh(r, ctx, t, cond.tokens, wish.timeout);
    err = cloud_lock_take(&lock, &created, ctx, t->account, t->path, wish.exclusive, depth != 0,
                          wish.owner, wish.timeout, cond.tokens, r->pool);
    if (err) return refused(r, err, CLOUD_E_LOCKED, "Sabre\\DAV\\Exception\\ConflictingLock",
                            "d:no-conflicting-lock", cloud_dav_self_href(t, 0, r->pool));
    apr_table_setn(r->headers_out, "Lock-Token",
                   apr_pstrcat(r->pool, "<", lock->token, ">", NULL));
    return send_lock(r, t, lock, created);
}

/* Lock-Token, a URI in angle brackets; some clients leave these out, as with Windows (SabreDAV takes both). */
static const char *parse_token(const char *value, apr_pool_t *pool)
{
    apr_size_t len = value ? strlen(value) : 0;

    if (len > 2 && value[0] == '<' && value[len - 1] == '>')
        return apr_pstrmemdup(pool, value + 1, len - 2);
    return len > 0 && !strpbrk(value, "<>") && strchr(value, ':') ? value : NULL;
}

int cloud_dav_unlock(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    const char *token = parse_token(apr_table_get(r->headers_in, "Lock-Token"), r->pool);
    cloud_cond_t cond;
    cloud_err_t *err = NULL;

    if (t->kind != CLOUD_DAV_FILES) err = cloud_err(r->pool, CLOUD_E_NOT_ALLOWED, NULL);
    else if (!token) err = cloud_err(r->pool, CLOUD_E_INVALID, "No lock token was supplied");
    if (!err) err = cloud_dav_conditions(&cond, r, ctx, t);
    if (!err) err = cloud_lock_release(ctx, t->account, t->path, token);
    if (err) return refused(r, err, CLOUD_E_CONFLICT,
                            "Sabre\\DAV\\Exception\\LockTokenMatchesRequestUri",
                            "d:lock-token-matches-request-uri", NULL);
    return cloud_dav_done(r, HTTP_NO_CONTENT);
}
