/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Where nodes are, and where they were. */
#include "rewind_private.h"

#include <string.h>

#include "names.h"
#include "trash.h"

#define DEPTH_MAX 100000   /* a path has no more folders than that */

int cloud_rewind_wanted(const rewind_target_t *t)
{
    return t->scope && !(t->since & REWIND_PLACE);
}

static const char *prepend(rewind_t *r, const char *name, const char *path)
{
    return *path ? apr_pstrcat(r->iter, name, "/", path, NULL) : name;
}

/* A root that a way up ended at. */
static cloud_err_t *judge_root(rewind_where_t *where, rewind_t *r, const cloud_node_t *root)
{
    cloud_trash_item_t bin;

    *where = REWIND_ELSEWHERE;
    if (root->id == r->account->root) *where = REWIND_IN_TREE;
    if (root->kind == CLOUD_KIND_PURGE) *where = REWIND_GONE;
    if (root->kind != CLOUD_KIND_TRASH) return NULL;
    CLOUD_ERR(cloud_trash_stat(&bin, r->ctx, r->account, "", r->iter));
    if (bin.node.id == root->id) *where = REWIND_IN_BIN;
    return NULL;
}

cloud_err_t *cloud_rewind_locate(rewind_place_t *place, rewind_t *r, apr_int64_t id)
{
    cloud_node_t *node;
    int depth;

    place->where = REWIND_GONE;
    place->path = "";
    place->node = NULL;
    for (depth = 0; depth < DEPTH_MAX; depth++) {
        CLOUD_ERR(cloud_tree_get(&node, r->ctx, id, r->iter));
        if (depth == 0) place->node = node;
        if (!node) return NULL;
        if (node->parent == 0) return judge_root(&place->where, r, node);
        place->path = prepend(r, node->name, place->path);
        id = node->parent;
    }
    return NULL;
}

/* A place in a bin, which may have been emptied since: things are called by their ids there. */
static int was_bin(const rewind_target_t *t)
{
    char id[24];

    apr_snprintf(id, sizeof id, "%" APR_INT64_T_FMT, t->node);
    return t->name && strcmp(t->name, id) == 0;
}

/* How to get from a node to its parent of then. */
typedef struct {
    apr_int64_t parent;
    const char *name;
    int end;               /* no parent: where it ended is decided */
    rewind_where_t where;
    int unsure;            /* somebody else has moved the node since */
    int goes;              /* it was not there then, and will be deleted */
} up_t;

static cloud_err_t *step_up(up_t *up, rewind_t *r, apr_int64_t id, int planned)
{
    rewind_target_t t;
    cloud_node_t *node;
    int found;

    memset(up, 0, sizeof *up);
    CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
    up->unsure = found && (t.since & REWIND_PLACE);
    up->goes = found && t.has_place && !t.present && t.scope && !t.since && !t.keep
               && t.place_state != REWIND_FAILED;
    if (found && t.has_place && !(t.since & REWIND_PLACE)
        && (!planned || (t.scope && t.present && t.place_state != REWIND_FAILED))) {
        up->end = !t.present || was_bin(&t);
        up->where = REWIND_ELSEWHERE;
        up->parent = t.parent;
        up->name = t.name;
        return NULL;
    }
    CLOUD_ERR(cloud_tree_get(&node, r->ctx, id, r->iter));
    up->end = !node || node->parent == 0;
    up->where = REWIND_GONE;
    if (!node) return NULL;
    if (up->end) return judge_root(&up->where, r, node);
    up->parent = node->parent;
    up->name = node->name;
    return NULL;
}

cloud_err_t *cloud_rewind_then(rewind_place_t *place, rewind_t *r, apr_int64_t id, int planned)
{
    int depth, unsure = 0;
    up_t up;

    place->where = REWIND_GONE;
    place->path = "";
    place->node = NULL;
    for (depth = 0; depth < DEPTH_MAX; depth++) {
        CLOUD_ERR(step_up(&up, r, id, planned));
        if (depth > 0) unsure |= up.unsure;
        if (depth > 0 && planned && up.goes) {
            place->where = REWIND_ELSEWHERE;
            return NULL;
        }
        if (up.end) {
            /* That it is in the trash now says nothing about then, when others put it there. */
            place->where = unsure && up.where != REWIND_IN_TREE ? REWIND_GONE : up.where;
            return NULL;
        }
        place->path = prepend(r, up.name, place->path);
        id = up.parent;
    }
    return NULL;
}

cloud_err_t *cloud_rewind_keep_above(rewind_t *r, apr_int64_t id)
{
    rewind_target_t t;
    cloud_node_t *node;
    int depth, found;

    for (depth = 0; depth < DEPTH_MAX; depth++) {
        CLOUD_ERR(cloud_tree_get(&node, r->ctx, id, r->iter));
        if (!node || node->parent == 0) return NULL;
        id = node->parent;
        CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
        if (!found || !t.has_place || t.present || t.keep) continue;
        t.keep = 1;
        CLOUD_ERR(cloud_rewind_save(r, &t));
    }
    return NULL;
}

/* ---- after planning ---- */

/* What was and what is at the path that was asked for. */
typedef struct {
    apr_int64_t then, now;
} scope_t;

static cloud_err_t *then_at(apr_int64_t *id, rewind_t *r, const char *path)
{
    apr_array_header_t *segments;
    apr_int64_t at = r->account->root, next;
    rewind_target_t t;
    cloud_node_t *child;
    int i, found;

    CLOUD_ERR(cloud_path_split(&segments, path, r->iter));
    for (i = 0; i < segments->nelts && at; i++) {
        const char *name = cloud_name_nfc(APR_ARRAY_IDX(segments, i, const char *), r->iter);

        CLOUD_ERR(cloud_rewind_at(&next, r, at, name));
        if (!next) {
            CLOUD_ERR(cloud_tree_child(&child, r->ctx, at, name, r->iter));
            next = child ? child->id : 0;
            if (child) CLOUD_ERR(cloud_rewind_target(&t, &found, r, child->id));
            if (child && found && t.has_place) next = 0;
        }
        at = next;
    }
    *id = at;
    return NULL;
}

static cloud_err_t *find_scope(scope_t *s, rewind_t *r, const char *path)
{
    cloud_entry_t *e;

    CLOUD_ERR(cloud_resolve_tx(&e, r->ctx, r->account, path, r->iter));
    s->now = e->exists ? e->node.id : 0;
    CLOUD_ERR(then_at(&s->then, r, path));
    if (s->now || s->then) return NULL;
    return cloud_err(r->pool, CLOUD_E_NOT_FOUND, "Nothing is, or was then, at %s", path);
}

static int of_scope(const scope_t *s, apr_int64_t id)
{
    return id == s->then || id == s->now;
}

/* Whether the way up, of then or of now, comes by. */
static cloud_err_t *in_scope(int *in, rewind_t *r, const scope_t *s, apr_int64_t id)
{
    apr_int64_t at = id;
    cloud_node_t *node;
    up_t up = { 0 };
    int depth;

    *in = 0;
    for (depth = 0; depth < DEPTH_MAX && !*in && !up.end; depth++) {
        *in = of_scope(s, at);
        CLOUD_ERR(step_up(&up, r, at, 0));
        at = up.parent;
    }
    for (at = id, depth = 0; depth < DEPTH_MAX && !*in && at; depth++) {
        *in = of_scope(s, at);
        CLOUD_ERR(cloud_tree_get(&node, r->ctx, at, r->iter));
        at = node ? node->parent : 0;
    }
    return NULL;
}

static cloud_err_t *settle_one(rewind_t *r, const scope_t *s, apr_int64_t id)
{
    rewind_target_t t;
    rewind_place_t then;
    int found;

    CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
    if (s) CLOUD_ERR(in_scope(&t.scope, r, s, id));
    if (!t.has_place || !t.present) return cloud_rewind_save(r, &t);
    CLOUD_ERR(cloud_rewind_then(&then, r, id, 0));
    if (then.where == REWIND_ELSEWHERE || then.where == REWIND_IN_BIN) t.present = 0;
    if (then.where == REWIND_GONE && t.scope && !(t.since & REWIND_PLACE)) {
        t.place_state = REWIND_FAILED;
        cloud_rewind_problem(r, id, then.path, "the folder that it was in is gone");
    }
    return cloud_rewind_save(r, &t);
}

/* Once it is known which folders were not there: what has to stay where it is keeps them. */
static cloud_err_t *keep_one(rewind_t *r, const scope_t *s, apr_int64_t id)
{
    rewind_target_t t;
    int found;

    (void)s;
    CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
    if (!t.since && t.place_state != REWIND_FAILED) return NULL;
    return cloud_rewind_keep_above(r, id);
}

typedef cloud_err_t *each_fn(rewind_t *r, const scope_t *s, apr_int64_t id);

static cloud_err_t *each_tx(rewind_t *r, const scope_t *s, each_fn *fn)
{
    apr_int64_t id = 0;
    cloud_err_t *err;

    for (;;) {
        cloud_rewind_step(r);
        CLOUD_ERR(cloud_rewind_next(&id, r, id));
        if (!id) return NULL;
        CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
        err = fn(r, s, id);
        cloud_tx_rollback(r->ctx);
        if (err) return err;
    }
}

static cloud_err_t *settle_all(rewind_t *r, const scope_t *s)
{
    CLOUD_ERR(each_tx(r, s, settle_one));
    return each_tx(r, s, keep_one);
}

cloud_err_t *cloud_rewind_settle(rewind_t *r, const char *path)
{
    scope_t scope;
    cloud_err_t *err;

    if (!*path) return settle_all(r, NULL);
    cloud_rewind_step(r);
    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = find_scope(&scope, r, path);
    cloud_tx_rollback(r->ctx);
    if (err) return err;
    return settle_all(r, &scope);
}
