/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Conditional headers. mod_dav's own evaluation is not used: it holds If-Match of a MOVE against
 * both sides, ignores a tagged list about a third resource, refuses tokens that it could not have
 * made with 400, and runs outside of the transaction that changes the tree. Here the headers are
 * evaluated once, to answer early, and what they depend on is pinned for the verb. */
#include "dav_private.h"

#include <apr_date.h>

APLOG_USE_MODULE(cloud_dav);

/* A resource that conditions look at. */
typedef struct {
    cloud_dav_target_t *t;      /* NULL: none of ours, nothing is there */
    int loaded;
    int exists;
    int pinned;                 /* a condition depends on its entity tag */
    cloud_node_t node;
    char etag[CLOUD_ETAG_MAX];
    const apr_array_header_t *locks;
} state_t;

typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    state_t *sides[2];          /* source or only one; destination or NULL */
} eval_t;

/* Locks that cover path; those of the parent when nothing is there: creating in a locked folder
 * takes the folder's token. */
static cloud_err_t *load_locks(state_t *st, eval_t *ev, const cloud_entry_t *entry)
{
    apr_pool_t *pool = ev->r->pool;
    apr_array_header_t *locks, *more;
    cloud_entry_t *parent;
    const char *slash;

    CLOUD_ERR(cloud_lock_find(&locks, ev->ctx, entry, 0, pool));
    if (!entry->exists && entry->has_parent) {
        slash = strrchr(entry->path, '/');
        CLOUD_ERR(cloud_resolve(&parent, ev->ctx, entry->account,
                                slash ? apr_pstrmemdup(pool, entry->path,
                                                       (apr_size_t)(slash - entry->path)) : "",
                                pool));
        CLOUD_ERR(cloud_lock_find(&more, ev->ctx, parent, 0, pool));
        apr_array_cat(locks, more);
    }
    st->locks = locks;
    return NULL;
}

static cloud_err_t *load_tx(state_t *st, eval_t *ev)
{
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_resolve(&entry, ev->ctx, st->t->account, st->t->path, ev->r->pool));
    if (entry->exists) CLOUD_ERR(cloud_access(ev->ctx, entry, CLOUD_OP_LIST));
    if (entry->exists) {
        st->exists = 1;
        st->node = entry->node;
        cloud_etag_text(st->etag, entry->etag);
    }
    return load_locks(st, ev, entry);
}

static cloud_err_t *load(state_t *st, eval_t *ev)
{
    cloud_err_t *err;

    if (st->loaded) return NULL;
    st->loaded = 1;
    st->locks = apr_array_make(ev->r->pool, 0, sizeof(cloud_lock_t));
    if (!st->t || st->t->kind != CLOUD_DAV_FILES) return NULL;
    CLOUD_ERR(cloud_tx_begin(ev->ctx, CLOUD_DB_READ));
    err = load_tx(st, ev);
    cloud_tx_rollback(ev->ctx);
    /* What the caller may not see is not there for him. */
    if (err && err->code != CLOUD_E_NOT_FOUND && err->code != CLOUD_E_DENIED) return err;
    return NULL;
}

/* The state that a list is about. */
static cloud_err_t *find_state(state_t **st_p, eval_t *ev, const char *tag)
{
    cloud_dav_target_t *t = NULL;
    const char *path, *host;
    cloud_err_t *err;

    *st_p = ev->sides[0];
    if (!tag) return NULL;
    CLOUD_ERR(cloud_dav_uri_path(&path, &host, tag, ev->r->pool));
    err = cloud_dav_target(&t, ev->r, path);
    if (!err && t) err = cloud_dav_enter(t, ev->r, ev->ctx, 0);
    if (err) {
        if (err->code == CLOUD_E_UNAVAILABLE || err->code == CLOUD_E_BUSY) return err;
        t = NULL;
    }
    for (int i = 0; t && i < 2; i++) {
        state_t *side = ev->sides[i];
        if (!side || !side->t || side->t->kind != t->kind ||
            strcmp(side->t->path, t->path) != 0)
            continue;
        if (t->kind == CLOUD_DAV_FILES ? side->t->account->number == t->account->number
                                       : strcmp(side->t->uri, t->uri) == 0) {
            *st_p = side;
            return NULL;
        }
    }
    *st_p = apr_pcalloc(ev->r->pool, sizeof(state_t));
    (*st_p)->t = t;
    return NULL;
}

static int has_token(const apr_array_header_t *locks, const char *token)
{
    for (int i = 0; i < locks->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(locks, i, cloud_lock_t).token, token) == 0) return 1;
    }
    return 0;
}

/* Whether one of the locks has the token; a list without a tag may name those of the destination as well, as
 * ownCloud has it: clients that move something into a locked folder send its token so. */
static cloud_err_t *token_holds(int *holds, const cloud_if_list_t *list, state_t *st, eval_t *ev,
                                const char *token)
{
    *holds = has_token(st->locks, token);
    if (*holds || list->tag || !ev->sides[1]) return NULL;
    CLOUD_ERR(load(ev->sides[1], ev));
    *holds = has_token(ev->sides[1]->locks, token);
    return NULL;
}

static cloud_err_t *list_holds(int *all, const cloud_if_list_t *list, state_t *st, eval_t *ev)
{
    *all = 0;
    for (int i = 0; i < list->terms->nelts; i++) {
        const cloud_if_term_t *term = &APR_ARRAY_IDX(list->terms, i, cloud_if_term_t);
        int holds;

        if (term->is_etag) {
            st->pinned = 1;
            holds = cloud_etags_match(term->value, st->exists ? st->etag : NULL, 0) ==
                    CLOUD_ETAGS_MATCH;
        } else {
            CLOUD_ERR(token_holds(&holds, list, st, ev, term->value));
        }
        if (holds == term->negate) return NULL;
    }
    *all = 1;
    return NULL;
}

static cloud_err_t *eval_if(const apr_array_header_t **tokens, eval_t *ev)
{
    const char *value = apr_table_get(ev->r->headers_in, "If");
    apr_array_header_t *lists;
    state_t *st;
    int holds = 0;

    if (!value) return NULL;
    CLOUD_ERR(cloud_if_parse(&lists, value, ev->r->pool));
    for (int i = 0; i < lists->nelts && !holds; i++) {
        const cloud_if_list_t *list = &APR_ARRAY_IDX(lists, i, cloud_if_list_t);
        CLOUD_ERR(find_state(&st, ev, list->tag));
        CLOUD_ERR(load(st, ev));
        CLOUD_ERR(list_holds(&holds, list, st, ev));
    }
    *tokens = cloud_if_tokens(lists, ev->r->pool);
    if (holds) return NULL;
    cloud_http_error_header(ev->r, "If");
    return cloud_err(ev->r->pool, CLOUD_E_PRECONDITION,
                     "None of the conditions in the If header is met");
}

static cloud_err_t *failed(request_rec *r, const char *header, const char *msg)
{
    cloud_http_error_header(r, header);
    return cloud_err(r->pool, CLOUD_E_PRECONDITION, "%s", msg);
}

static int newer_than(const state_t *st, const char *date)
{
    apr_time_t t = apr_date_parse_http(date);

    return t != APR_DATE_BAD && st->exists && st->node.mtime > apr_time_sec(t);
}

/* If-Match, If-Unmodified-Since, If-None-Match, in the order of RFC 9110, 13.2.2. */
static cloud_err_t *eval_match(cloud_cond_t *cond, eval_t *ev)
{
    request_rec *r = ev->r;
    state_t *st = ev->sides[0];
    const char *match = apr_table_get(r->headers_in, "If-Match");
    const char *none = apr_table_get(r->headers_in, "If-None-Match");
    const char *unmodified = apr_table_get(r->headers_in, "If-Unmodified-Since");
    cloud_etags_t found;

    if (!match && !none && !unmodified) return NULL;
    CLOUD_ERR(load(st, ev));
    if (match) {
        if (!st->exists)
            return failed(r, "If-Match",
                          "An If-Match header was specified and the resource did not exist");
        found = cloud_etags_match(match, st->etag, 0);
        if (found == CLOUD_ETAGS_NONE)
            return failed(r, "If-Match", "An If-Match header was specified, but none of the "
                                         "specified ETags matched.");
        if (found == CLOUD_ETAGS_ANY) cond->must = CLOUD_IF_EXISTS;
        else st->pinned = 1;
    } else if (unmodified) {
        if (newer_than(st, unmodified))
            return failed(r, "If-Unmodified-Since",
                          "An If-Unmodified-Since header was specified, but the entity has been "
                          "changed since the specified date.");
        st->pinned = 1;
    }
    if (none) {
        found = cloud_etags_match(none, st->exists ? st->etag : NULL, 1);
        if (found == CLOUD_ETAGS_MATCH || (found == CLOUD_ETAGS_ANY && st->exists))
            return failed(r, "If-None-Match", "An If-None-Match header was specified, but the "
                                              "ETag matched (or * was specified).");
        st->pinned = 1;
    }
    return NULL;
}

/* What held when it was looked at has to hold in the transaction, too. */
static void pin(cloud_cond_t *cond, const state_t *st)
{
    if (!st->pinned) return;
    cond->must = st->exists ? CLOUD_IF_ETAG : CLOUD_IF_ABSENT;
    cond->etag = st->exists ? cloud_etag_parse(st->etag) : 0;
}

cloud_err_t *cloud_dav_conditions2(cloud_cond_t *cond, cloud_cond_t *dst_cond, request_rec *r,
                                   cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                                   const cloud_dav_target_t *dst)
{
    state_t states[2];
    eval_t ev = {r, ctx, {&states[0], dst ? &states[1] : NULL}};

    memset(states, 0, sizeof(states));
    memset(cond, 0, sizeof(*cond));
    if (dst_cond) memset(dst_cond, 0, sizeof(*dst_cond));
    states[0].t = (cloud_dav_target_t *)t;
    states[1].t = (cloud_dav_target_t *)dst;
    CLOUD_ERR(eval_match(cond, &ev));
    CLOUD_ERR(eval_if(&cond->tokens, &ev));
    pin(cond, &states[0]);
    if (dst_cond) {
        pin(dst_cond, &states[1]);
        dst_cond->tokens = cond->tokens;
    }
    return NULL;
}

cloud_err_t *cloud_dav_conditions(cloud_cond_t *cond, request_rec *r, cloud_ctx_t *ctx,
                                  const cloud_dav_target_t *t)
{
    return cloud_dav_conditions2(cond, NULL, r, ctx, t, NULL);
}
