/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    state_t *state;
    apr_array_header_t *folders; /* paths still to list */
    const char *path;
    apr_pool_t *pool;
} take_t;

static state_node_t *add(take_t *t, const char *path, const cloud_node_t *n)
{
    state_node_t *s = apr_array_push(t->state->nodes);
    const char *sums = cloud_sums_text(n->sums, CLOUD_DIGEST_SHA1, t->pool);

    s->path = path;
    s->kind = n->kind;
    s->id = n->id;
    s->etag = n->etag;
    s->size = n->size;
    s->mtime = n->mtime;
    s->content = "-";
    s->sums = sums ? sums : "-";
    s->props = (n->flags & CLOUD_NODE_PROPS) ? NULL : "";
    return s;
}

static cloud_err_t *child(void *baton, const cloud_child_t *c)
{
    take_t *t = baton;
    const char *path = apr_pstrcat(t->pool, t->path, *t->path ? "/" : "", c->node->name, NULL);

    add(t, path, c->node);
    if (CLOUD_IS_DIR(c->node)) APR_ARRAY_PUSH(t->folders, const char *) = path;
    return NULL;
}

static cloud_err_t *read_content(state_node_t *s, cloud_ctx_t *ctx, const cloud_account_t *account,
                                 apr_pool_t *pool)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_SHA1, pool);
    cloud_entry_t *e;
    char buf[8192];
    ssize_t n;
    int fd;

    CLOUD_ERR(cloud_file_open(&fd, &e, ctx, account, s->path, pool));
    while ((n = read(fd, buf, sizeof buf)) > 0) cloud_digest_update(digest, buf, (apr_size_t)n);
    s->content = cloud_sums_text(cloud_digest_final(digest, pool), CLOUD_DIGEST_SHA1, pool);
    if (e->node.etag != s->etag)
        return cloud_err(pool, CLOUD_E_CONFLICT, "%s changed by being read", s->path);
    return NULL;
}

static cloud_err_t *read_props(state_node_t *s, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    apr_array_header_t *props;
    int i;

    CLOUD_ERR(cloud_props_get(&props, ctx, s->id, pool));
    s->props = "";
    for (i = 0; i < props->nelts; i++) {
        const cloud_prop_t *p = &APR_ARRAY_IDX(props, i, cloud_prop_t);

        s->props = apr_pstrcat(pool, s->props, p->ns, "|", p->name, "=", p->value, ";", NULL);
    }
    return NULL;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const state_node_t *)a)->path, ((const state_node_t *)b)->path);
}

cloud_err_t *(*state_beside)(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                             apr_pool_t *pool);

cloud_err_t *state_take(state_t **out, cloud_ctx_t *ctx, const cloud_account_t *account,
                        apr_pool_t *pool)
{
    state_t *state = apr_pcalloc(pool, sizeof *state);
    take_t t = { .state = state, .pool = pool };
    int i;

    state->nodes = apr_array_make(pool, 32, sizeof(state_node_t));
    state->by_id = apr_hash_make(pool);
    t.folders = apr_array_make(pool, 8, sizeof(const char *));
    APR_ARRAY_PUSH(t.folders, const char *) = "";
    for (i = 0; i < t.folders->nelts; i++) {
        cloud_entry_t *e;

        t.path = APR_ARRAY_IDX(t.folders, i, const char *);
        CLOUD_ERR(cloud_file_stat(&e, ctx, account, t.path, pool));
        if (i == 0) add(&t, "", &e->node);
        CLOUD_ERR(cloud_file_list(ctx, e, child, &t));
    }
    qsort(state->nodes->elts, (size_t)state->nodes->nelts, sizeof(state_node_t), by_path);
    for (i = 0; i < state->nodes->nelts; i++) {
        state_node_t *s = &APR_ARRAY_IDX(state->nodes, i, state_node_t);

        apr_hash_set(state->by_id, &s->id, sizeof s->id, s);
        if (s->kind == CLOUD_KIND_FILE) CLOUD_ERR(read_content(s, ctx, account, pool));
        if (!s->props) CLOUD_ERR(read_props(s, ctx, pool));
    }
    if (state_beside) CLOUD_ERR(state_beside(state, ctx, account, pool));
    *out = state;
    return NULL;
}

const char *state_text(const state_t *state, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 32, sizeof(const char *));
    int i;

    for (i = 0; i < state->nodes->nelts; i++) {
        const state_node_t *s = &APR_ARRAY_IDX(state->nodes, i, state_node_t);

        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(
            pool, "/%s kind=%d id=%" APR_INT64_T_FMT " etag=%" APR_INT64_T_FMT
            " size=%" APR_INT64_T_FMT " mtime=%" APR_INT64_T_FMT " %s %s %s\n", s->path, s->kind,
            s->id, s->etag, s->size, s->mtime, s->content, s->sums, s->props);
    }
    return apr_array_pstrcat(pool, lines, 0);
}

const char *state_since(const state_t *state, const state_t *before, apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 32, sizeof(const char *));
    apr_int64_t now = apr_time_sec(apr_time_now());
    int i;

    for (i = 0; i < state->nodes->nelts; i++) {
        const state_node_t *s = &APR_ARRAY_IDX(state->nodes, i, state_node_t);
        const state_node_t *old = apr_hash_get(before->by_id, &s->id, sizeof s->id);

        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(
            pool, "/%s kind=%d id=%s etag=%s size=%" APR_INT64_T_FMT " mtime=%s %s %s %s\n",
            s->path, s->kind, old ? apr_pstrcat(pool, "/", old->path, NULL) : "new",
            !old ? "new" : old->etag == s->etag ? "same" : old->etag < s->etag ? "newer" : "OLDER",
            s->size, s->mtime > now - 86400 ? "now" : apr_psprintf(pool, "%" APR_INT64_T_FMT,
                                                                   s->mtime),
            s->content, s->sums, s->props);
    }
    return apr_array_pstrcat(pool, lines, 0);
}
