/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Verbs on what people share: nobody's file may be lost between two trees, whenever a process dies. */
#include "verbs.h"

#include "share.h"

#include <string.h>
#include <unistd.h>

/* ---- people ---- */

typedef struct {
    cloud_ctx_t *ctx;            /* as whom he asks */
    cloud_account_t *account;    /* NULL: there is none of that name */
} person_t;

static cloud_err_t *find_person(person_t *p, cloud_ctx_t *ctx, const char *id, apr_pool_t *pool)
{
    cloud_err_t *err = cloud_account_get(&p->account, ctx, id, pool);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) p->account = NULL;
    else if (err) return err;
    p->ctx = cloud_ctx_create(ctx->store, pool);
    p->ctx->who.account = p->account;
    return NULL;
}

static cloud_err_t *partner(person_t *p, run_t *r)
{
    return find_person(p, r->ctx, apr_pstrcat(r->pool, r->account->id, "-p", NULL), r->pool);
}

static cloud_err_t *put_text(const person_t *p, const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text) };
    cloud_result_t res;
    cloud_put_t *put;

    CLOUD_ERR(cloud_put_begin(&put, p->ctx, p->account, path, &opts, p->ctx->pool));
    CLOUD_ERR(cloud_put_write(put, text, strlen(text)));
    return cloud_put_commit(&res, put);
}

static cloud_err_t *make_folder(const person_t *p, const char *path)
{
    cloud_result_t res;

    return cloud_file_mkcol(&res, p->ctx, p->account, path, NULL, p->ctx->pool);
}

static cloud_err_t *move_item(const person_t *p, const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_move(&res, p->ctx, p->account, src, p->account, dst, 1, NULL, NULL,
                           p->ctx->pool);
}

static cloud_err_t *give(const person_t *p, const char *path, const person_t *to, int perms)
{
    cloud_share_ask_t ask = { .path = path, .type = CLOUD_SHARE_USER, .with = to->account->id,
                              .has_perms = 1, .perms = perms };
    cloud_share_t *share;

    return cloud_share_create(&share, p->ctx, p->account, &ask, p->ctx->pool);
}

cloud_err_t *people_who_share(run_t *r)
{
    const char *id = r->account->id;
    cloud_account_t *made;
    person_t me, he, third;

    CLOUD_ERR(cloud_account_create(&made, r->ctx, apr_pstrcat(r->pool, id, "-p", NULL), NULL, NULL,
                                   r->pool));
    CLOUD_ERR(cloud_account_create(&made, r->ctx, apr_pstrcat(r->pool, id, "-n", NULL), NULL, NULL,
                                   r->pool));
    CLOUD_ERR(find_person(&me, r->ctx, id, r->pool));
    CLOUD_ERR(partner(&he, r));
    CLOUD_ERR(find_person(&third, r->ctx, apr_pstrcat(r->pool, id, "-n", NULL), r->pool));
    CLOUD_ERR(make_folder(&he, "mine"));
    CLOUD_ERR(make_folder(&he, "p"));
    CLOUD_ERR(put_text(&he, "own", "his own"));
    CLOUD_ERR(put_text(&he, "p/x", "given by him"));
    CLOUD_ERR(give(&me, "a", &he, CLOUD_PERM_ALL));
    CLOUD_ERR(give(&me, "top", &he, CLOUD_PERM_READ | CLOUD_PERM_UPDATE));
    CLOUD_ERR(give(&me, "top", &third, CLOUD_PERM_READ));
    CLOUD_ERR(give(&he, "p", &me, CLOUD_PERM_READ | CLOUD_PERM_CREATE));
    CLOUD_ERR(give(&he, "a/f", &third, CLOUD_PERM_READ));
    return move_item(&he, "a", "mine/placed");
}

/* ---- the verbs ---- */

static cloud_err_t *partner_moves(run_t *r, const char *src, const char *dst)
{
    person_t he;

    CLOUD_ERR(partner(&he, r));
    return move_item(&he, src, dst);
}

static cloud_err_t *partner_removes(run_t *r, const char *path)
{
    person_t he;

    CLOUD_ERR(partner(&he, r));
    return cloud_file_remove(he.ctx, he.account, path, NULL);
}

cloud_err_t *share_make(run_t *r)
{
    person_t me, he;

    CLOUD_ERR(find_person(&me, r->ctx, r->account->id, r->pool));
    CLOUD_ERR(partner(&he, r));
    return give(&me, "b", &he, CLOUD_PERM_ALL);
}

cloud_err_t *share_end(run_t *r)
{
    apr_array_header_t *all;
    int i;

    CLOUD_ERR(cloud_share_all(&all, r->ctx, r->account, r->pool));
    for (i = 0; i < all->nelts; i++) {
        const cloud_share_t *s = APR_ARRAY_IDX(all, i, const cloud_share_t *);

        if (strcmp(s->target, "a") == 0) return cloud_share_delete(r->ctx, s->id);
    }
    return cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL);
}

cloud_err_t *share_leave(run_t *r) { return partner_removes(r, "mine/placed"); }
cloud_err_t *share_delete_within(run_t *r) { return partner_removes(r, "mine/placed/s"); }
cloud_err_t *share_move(run_t *r) { return partner_moves(r, "mine/placed", "elsewhere"); }
cloud_err_t *share_out_file(run_t *r) { return partner_moves(r, "mine/placed/f", "taken"); }
cloud_err_t *share_out_folder(run_t *r) { return partner_moves(r, "mine/placed/s", "taken"); }
cloud_err_t *share_out_over(run_t *r) { return partner_moves(r, "mine/placed/f", "own"); }
cloud_err_t *share_onto(run_t *r) { return partner_moves(r, "own", "top"); }

/* To somebody who has nothing yet. */
static cloud_err_t *give_away(run_t *r, const char *path)
{
    cloud_share_transfer_t done;
    person_t to;

    CLOUD_ERR(find_person(&to, r->ctx, apr_pstrcat(r->pool, r->account->id, "-n", NULL), r->pool));
    return cloud_share_transfer(&done, r->ctx, r->account, to.account, path, 1, r->pool);
}

cloud_err_t *share_give_away(run_t *r) { return give_away(r, "a"); }
cloud_err_t *share_give_all(run_t *r) { return give_away(r, NULL); }

/* Into a folder of the partner's, by who shares it with him. */
cloud_err_t *share_hand_over(run_t *r)
{
    person_t me;

    CLOUD_ERR(find_person(&me, r->ctx, r->account->id, r->pool));
    return move_item(&me, "top", "p/top");
}

cloud_err_t *share_partner_goes(run_t *r)
{
    return cloud_account_delete(r->ctx, apr_pstrcat(r->pool, r->account->id, "-p", NULL));
}

/* ---- what is there ---- */

typedef struct {
    state_t *state;
    const char *who, *path;      /* of the folder that is listed */
    apr_array_header_t *folders; /* const char *: to be listed */
    int through;                 /* only what is seen through mounts */
    apr_pool_t *pool;
} view_t;

static state_node_t *add_line(state_t *state, const char *path, apr_int64_t id)
{
    state_node_t *s = apr_array_push(state->nodes);

    memset(s, 0, sizeof *s);
    s->path = path;
    s->id = id;
    s->content = s->sums = "-";
    s->props = "";
    return s;
}

static cloud_err_t *add_child(void *baton, const cloud_child_t *c)
{
    view_t *v = baton;
    const char *path = apr_pstrcat(v->pool, v->path, *v->path ? "/" : "", c->name, NULL);
    state_node_t *s;

    if (CLOUD_IS_DIR(c->node)) APR_ARRAY_PUSH(v->folders, const char *) = path;
    if (v->through && !c->shared) return NULL;
    s = add_line(v->state, apr_pstrcat(v->pool, v->who, path, NULL), c->node->id);
    s->kind = c->node->kind;
    s->etag = c->node->etag;
    s->size = c->node->size;
    return NULL;
}

/* All that somebody sees, with the content of what he can read. */
static cloud_err_t *add_view(state_t *state, const person_t *p, const char *who, int through,
                             apr_pool_t *pool)
{
    view_t v = { state, who, "", apr_array_make(pool, 8, sizeof(const char *)), through, pool };
    int first = state->nodes->nelts, i, fd;
    cloud_digest_t *digest;
    cloud_entry_t *e;

    APR_ARRAY_PUSH(v.folders, const char *) = "";
    for (i = 0; i < v.folders->nelts; i++) {
        v.path = APR_ARRAY_IDX(v.folders, i, const char *);
        CLOUD_ERR(cloud_file_stat(&e, p->ctx, p->account, v.path, pool));
        CLOUD_ERR(cloud_file_list(p->ctx, e, add_child, &v));
    }
    for (i = first; i < state->nodes->nelts; i++) {
        state_node_t *s = &APR_ARRAY_IDX(state->nodes, i, state_node_t);

        if (!apr_hash_get(state->by_id, &s->id, sizeof s->id))
            apr_hash_set(state->by_id, &s->id, sizeof s->id, apr_pmemdup(pool, s, sizeof *s));
        if (s->kind != CLOUD_KIND_FILE) continue;
        CLOUD_ERR(cloud_file_open(&fd, &e, p->ctx, p->account, s->path + strlen(who), pool));
        digest = cloud_digest_create(CLOUD_DIGEST_SHA1, pool);
        CLOUD_ERR(cloud_storage_copy(fd, 0, -1, -1, digest, pool));
        s->content = cloud_sums_text(cloud_digest_final(digest, pool), CLOUD_DIGEST_SHA1, pool);
    }
    return NULL;
}

static cloud_err_t *add_shares(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                               apr_pool_t *pool)
{
    apr_array_header_t *all;
    int i;

    CLOUD_ERR(cloud_share_all(&all, ctx, account, pool));
    for (i = 0; i < all->nelts; i++) {
        const cloud_share_t *s = APR_ARRAY_IDX(all, i, const cloud_share_t *);
        const char *to = strrchr(s->recipient.id, '-');

        add_line(state, apr_psprintf(pool, "share:%s:%s:%d:%u", s->target, to ? to : "", s->state,
                                     s->perms), s->node);
    }
    return NULL;
}

cloud_err_t *shares_beside(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                           apr_pool_t *pool)
{
    static const char *const OTHERS[] = { "-p", "-n" };
    person_t p;
    unsigned i;

    CLOUD_ERR(trash_beside(state, ctx, account, pool));
    CLOUD_ERR(find_person(&p, ctx, account->id, pool));
    CLOUD_ERR(add_view(state, &p, "seen:", 1, pool));
    CLOUD_ERR(add_shares(state, ctx, account, pool));
    for (i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        CLOUD_ERR(find_person(&p, ctx, apr_pstrcat(pool, account->id, OTHERS[i], NULL), pool));
        if (!p.account) continue;
        CLOUD_ERR(add_view(state, &p, apr_pstrcat(pool, OTHERS[i] + 1, ":", NULL), 0, pool));
        CLOUD_ERR(add_shares(state, ctx, p.account, pool));
        CLOUD_ERR(trash_beside(state, p.ctx, p.account, pool));
    }
    return NULL;
}
