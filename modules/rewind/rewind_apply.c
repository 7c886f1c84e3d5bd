/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Brings nodes to their places: parents first, and what is in the way out of it. */
#include "rewind_private.h"

#include <string.h>

#include "names.h"
#include "trash.h"

#define BUSY_WAIT apr_time_from_msec(20)

/* ---- what all steps need ---- */

void cloud_rewind_step(rewind_t *r)
{
    apr_pool_clear(r->iter);
    r->ctx = cloud_ctx_create(r->store, r->iter);
    r->ctx->who.system = 1;
    r->ctx->who.heeds_locks = 1; /* somebody is at work on it */
    r->ctx->who.client = "rewind";
    r->ctx->batch = r->batch.id;
}

static void report(rewind_t *r, const cloud_rewind_step_t *step)
{
    if (r->opts->report) r->opts->report(r->opts->baton, step);
}

void cloud_rewind_tell(rewind_t *r, const char *what, apr_int64_t node, const char *path,
                       const char *from, apr_time_t time)
{
    cloud_rewind_step_t step = { what, node, path, from, time, NULL };

    r->stats->steps++;
    report(r, &step);
}

void cloud_rewind_problem(rewind_t *r, apr_int64_t node, const char *path, const char *why)
{
    cloud_rewind_step_t step = { "problem", node, path, NULL, 0, why };

    r->stats->problems++;
    report(r, &step);
}

/* The same command that was interrupted goes on with its batch. */
static cloud_err_t *begin_tx(rewind_t *r)
{
    cloud_batch_t *b;

    CLOUD_ERR(cloud_batch_unfinished(&b, r->ctx, r->batch.tree, r->batch.kind, r->batch.note,
                                     r->iter));
    if (b) r->batch.id = b->id;
    else CLOUD_ERR(cloud_batch_add(r->ctx, &r->batch));
    return NULL;
}

cloud_err_t *cloud_rewind_begin(rewind_t *r)
{
    if (!r->batch.id) {
        CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_WRITE));
        CLOUD_ERR(cloud_tx_end(r->ctx, begin_tx(r)));
    }
    r->ctx->batch = r->stats->batch = r->batch.id;
    return NULL;
}

cloud_err_t *cloud_rewind_verdict(int *again, rewind_state_t *state, const char **why, rewind_t *r,
                                  cloud_err_t *err, int attempt)
{
    *again = 0;
    *why = NULL;
    *state = REWIND_DONE;
    if (!err) return NULL;
    if (cloud_store_failed(r->store)) return err;
    *state = REWIND_FAILED;
    *why = err->msg;
    if (err->cause) CLOUD_LOG(r->store, INFO, "rewind: %s: %s", err->msg, err->cause);
    switch (err->code) {
    case CLOUD_E_PRECONDITION:
    case CLOUD_E_NOT_FOUND:
    case CLOUD_E_EXISTS:
    case CLOUD_E_CONFLICT:
        *again = attempt + 1 < REWIND_ATTEMPTS;
        return NULL;
    case CLOUD_E_BUSY:
        *again = attempt + 1 < REWIND_ATTEMPTS;
        if (*again) apr_sleep(BUSY_WAIT << attempt);
        return NULL;
    case CLOUD_E_QUOTA:
        if (r->last_round) return NULL;
        *state = REWIND_PUT_OFF;
        *why = NULL;
        r->put_off = 1;
        return NULL;
    case CLOUD_E_INTERNAL:
        return err;
    default:
        return NULL;
    }
}

/* Where a node is, with all that is known by now of what others did. (no tx) */
static cloud_err_t *look(rewind_place_t *place, rewind_target_t *t, int *found, rewind_t *r,
                         apr_int64_t id)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_rewind_catch_up(r);
    if (!err) err = cloud_rewind_target(t, found, r, id);
    if (!err) err = cloud_rewind_locate(place, r, id);
    cloud_tx_rollback(r->ctx);
    return err;
}

static cloud_err_t *keep_above(rewind_t *r, apr_int64_t id)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_rewind_keep_above(r, id);
    cloud_tx_rollback(r->ctx);
    return err;
}

static cloud_err_t *finish(rewind_t *r, rewind_target_t *t, rewind_state_t state, const char *path,
                           const char *why)
{
    if (why) cloud_rewind_problem(r, t->node, path, why);
    if (state == REWIND_FAILED) CLOUD_ERR(keep_above(r, t->node));
    t->place_state = state;
    return cloud_rewind_save(r, t);
}

static cloud_cond_t *unchanged(rewind_t *r, const cloud_node_t *node)
{
    cloud_cond_t *cond = apr_pcalloc(r->iter, sizeof *cond);

    cond->must = CLOUD_IF_ETAG;
    cond->etag = node->etag;
    return cond;
}

/* ---- what was not there then ---- */

static const char SINCE[] = "it has been changed since";
static const char KEEPS[] = "it was not there, but something that has to stay is in it";

/* Whether the trash would take it; if not, only who asked for it deletes it for good. */
static cloud_err_t *may_delete(int *kept, int *may, rewind_t *r, const char *path)
{
    cloud_entry_t *e;

    CLOUD_ERR(cloud_resolve(&e, r->ctx, r->account, path, r->iter));
    CLOUD_ERR(cloud_trash_keeps(kept, r->ctx, e));
    *may = *kept || r->opts->delete_for_good;
    return NULL;
}

/* Deletes a node that was not there then. */
static cloud_err_t *remove_node(rewind_t *r, apr_int64_t id)
{
    rewind_place_t place = { 0 };
    rewind_state_t state = REWIND_DONE;
    const char *why = NULL;
    rewind_target_t t = { 0 };
    cloud_err_t *err;
    int i, again = 1, kept, may, found;

    for (i = 0; again; i++) {
        CLOUD_ERR(look(&place, &t, &found, r, id));
        if (place.where != REWIND_IN_TREE) return finish(r, &t, REWIND_DONE, NULL, NULL);
        if (t.since || t.keep)
            return finish(r, &t, REWIND_FAILED, place.path, t.since ? SINCE : KEEPS);
        CLOUD_ERR(may_delete(&kept, &may, r, place.path));
        if (!may)
            return finish(r, &t, REWIND_FAILED, place.path,
                          "the trash would not keep it (--delete-for-good deletes it)");
        if (r->opts->dry_run) break;
        CLOUD_ERR(cloud_rewind_begin(r));
        err = cloud_file_remove(r->ctx, r->account, place.path, unchanged(r, place.node));
        CLOUD_ERR(cloud_rewind_verdict(&again, &state, &why, r, err, i));
    }
    if (state == REWIND_DONE)
        cloud_rewind_tell(r, kept ? "trash" : "delete", id, place.path, NULL, 0);
    return finish(r, &t, state, place.path, why);
}

/* *in_tree 0: it is to be found in the trash, in a folder that will come back. (tx) */
static cloud_err_t *absent_tx(rewind_place_t *planned, int *in_tree, rewind_t *r, apr_int64_t id)
{
    rewind_place_t place;

    CLOUD_ERR(cloud_rewind_then(planned, r, id, 1));
    CLOUD_ERR(cloud_rewind_locate(&place, r, id));
    *in_tree = place.where == REWIND_IN_TREE;
    return NULL;
}

static cloud_err_t *absent_one(rewind_t *r, apr_int64_t id)
{
    rewind_place_t planned = { 0 };
    rewind_target_t t;
    cloud_err_t *err;
    int found, in_tree = 0;

    CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
    if (!t.has_place || t.present || !t.scope || t.place_state != REWIND_TODO) return NULL;
    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = absent_tx(&planned, &in_tree, r, id);
    cloud_tx_rollback(r->ctx);
    /* Else it goes along with a folder. */
    if (err || planned.where != REWIND_IN_TREE) return err;
    if (in_tree) return remove_node(r, id);
    if (r->opts->dry_run) cloud_rewind_tell(r, "trash", id, planned.path, NULL, 0);
    return NULL;
}

cloud_err_t *cloud_rewind_absent(rewind_t *r)
{
    apr_int64_t id = 0;

    for (;;) {
        cloud_rewind_step(r);
        CLOUD_ERR(cloud_rewind_next(&id, r, id));
        if (!id) return NULL;
        CLOUD_ERR(absent_one(r, id));
    }
}

/* ---- what is in the way ---- */

/* A name that nobody has, for what will be moved on or deleted later. */
static const char *other_name(rewind_t *r, const char *path, const cloud_node_t *node)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *end = apr_psprintf(r->iter, " (rewind %" APR_INT64_T_FMT ")", node->id);
    size_t len = strlen(name), room = CLOUD_NAME_MAX - strlen(end);

    if (len > room)
        for (len = room; len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80; len--) continue;
    return apr_pstrcat(r->iter, apr_pstrmemdup(r->iter, path, (apr_size_t)(name - path)),
                       apr_pstrmemdup(r->iter, name, len), end, NULL);
}

/* *moved 0: it stays, for it is not ours to move. */
static cloud_err_t *displace(int *moved, rewind_t *r, const rewind_target_t *t, apr_int64_t id)
{
    rewind_place_t place;
    rewind_target_t o;
    cloud_result_t res;
    cloud_err_t *err;
    int found;

    CLOUD_ERR(look(&place, &o, &found, r, id));
    *moved = found && o.has_place && cloud_rewind_wanted(&o) && o.place_state != REWIND_FAILED
             && !(o.present && o.parent == t->parent && strcmp(o.name, t->name) == 0);
    if (!*moved || place.where != REWIND_IN_TREE || r->opts->dry_run) return NULL;
    if (!o.present && place.node->kind == CLOUD_KIND_FILE && o.place_state == REWIND_TODO) {
        CLOUD_ERR(remove_node(r, id));
        CLOUD_ERR(cloud_rewind_target(&o, &found, r, id));
        *moved = o.place_state == REWIND_DONE;
        return NULL;
    }
    CLOUD_ERR(cloud_rewind_begin(r));
    err = cloud_file_move(&res, r->ctx, r->account, place.path, r->account,
                          other_name(r, place.path, place.node), 0, unchanged(r, place.node), NULL,
                          r->iter);
    /* Whatever it is, the one who wants the place looks again. */
    if (err && (cloud_store_failed(r->store) || err->code == CLOUD_E_INTERNAL)) return err;
    *moved = !err || err->code == CLOUD_E_PRECONDITION || err->code == CLOUD_E_NOT_FOUND;
    return NULL;
}

/* ---- bringing to its place ---- */

/* What a look shows. */
typedef struct {
    rewind_place_t place;
    const char *folder;    /* path of where it belongs; NULL: that is not there */
    apr_int64_t occupant;  /* another node in its place, or 0 */
    int there;             /* it is where it belongs */
} view_t;

static cloud_err_t *view_tx(view_t *v, rewind_target_t *t, rewind_t *r, apr_int64_t id)
{
    rewind_place_t folder;
    cloud_node_t *child;
    int found;

    CLOUD_ERR(cloud_rewind_catch_up(r));
    CLOUD_ERR(cloud_rewind_target(t, &found, r, id));
    CLOUD_ERR(cloud_rewind_locate(&v->place, r, id));
    if (r->opts->dry_run) CLOUD_ERR(cloud_rewind_then(&folder, r, t->parent, 1));
    else CLOUD_ERR(cloud_rewind_locate(&folder, r, t->parent));
    v->folder = folder.where == REWIND_IN_TREE ? folder.path : NULL;
    CLOUD_ERR(cloud_tree_child(&child, r->ctx, t->parent, t->name, r->iter));
    v->there = child && child->id == id && v->folder;
    v->occupant = child && child->id != id ? child->id : 0;
    return NULL;
}

static cloud_err_t *view(view_t *v, rewind_target_t *t, rewind_t *r, apr_int64_t id)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = view_tx(v, t, r, id);
    cloud_tx_rollback(r->ctx);
    return err;
}

static const char *destination(rewind_t *r, const view_t *v, const rewind_target_t *t)
{
    const cloud_node_t *node = v->place.node;
    const char *name = t->name, *nfc = node ? cloud_name_nfc(node->disk, r->iter) : NULL;

    /* The bytes as somebody once gave them, where they still mean that name. */
    if (nfc && strcmp(nfc, name) == 0) name = node->disk;
    if (!v->folder) return name;
    return *v->folder ? apr_pstrcat(r->iter, v->folder, "/", name, NULL) : name;
}

static const char *obstacle(const view_t *v, const rewind_target_t *t)
{
    if (t->since & REWIND_PLACE) return SINCE;
    if (v->place.where == REWIND_GONE) return "it has been deleted for good";
    if (v->place.where == REWIND_ELSEWHERE) return "it is in the files of somebody else now";
    if (!v->folder) return "the folder that it was in could not be brought back";
    return NULL;
}

static cloud_err_t *bring(rewind_t *r, const view_t *v, const char *dst)
{
    cloud_result_t res;

    if (v->place.where == REWIND_IN_BIN)
        return cloud_trash_restore(&res, r->ctx, r->account, v->place.path, r->account, dst, 0,
                                   NULL, r->iter);
    return cloud_file_move(&res, r->ctx, r->account, v->place.path, r->account, dst, 0,
                           unchanged(r, v->place.node), NULL, r->iter);
}

static cloud_err_t *place_one(rewind_t *r, apr_int64_t id)
{
    rewind_state_t state = REWIND_DONE;
    const char *why = NULL, *dst = "";
    rewind_target_t t = { 0 };
    view_t v = { 0 };
    int i, again = 1, moved;

    for (i = 0; again; i++) {
        CLOUD_ERR(view(&v, &t, r, id));
        dst = destination(r, &v, &t);
        if (v.there) return finish(r, &t, REWIND_DONE, NULL, NULL);
        why = obstacle(&v, &t);
        if (why) return finish(r, &t, REWIND_FAILED, dst, why);
        if (v.occupant) {
            CLOUD_ERR(displace(&moved, r, &t, v.occupant));
            if (!moved || i == REWIND_ATTEMPTS)
                return finish(r, &t, REWIND_FAILED, dst, "something else is in its place");
            if (!r->opts->dry_run) continue;
        }
        if (r->opts->dry_run) break;
        CLOUD_ERR(cloud_rewind_begin(r));
        CLOUD_ERR(cloud_rewind_verdict(&again, &state, &why, r, bring(r, &v, dst), i));
    }
    if (state == REWIND_DONE && v.place.where == REWIND_IN_BIN)
        cloud_rewind_tell(r, "restore", id, dst, NULL, 0);
    if (state == REWIND_DONE && v.place.where == REWIND_IN_TREE)
        cloud_rewind_tell(r, "move", id, dst, v.place.path, 0);
    return finish(r, &t, state, dst, why);
}

/* The node and those above it that have to be brought to their places, itself first. What is
 * outside of the path that was asked for is only brought back when it is not in the tree. (tx) */
static cloud_err_t *collect(apr_array_header_t *ids, rewind_t *r, apr_int64_t id)
{
    rewind_place_t place;
    rewind_target_t t;
    cloud_node_t *node;
    int found;

    while (id && id != r->account->root && ids->nelts < 100000) {
        int ours;

        CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
        ours = found && t.has_place && t.present && !(t.since & REWIND_PLACE);
        if (ours && !t.scope) {
            CLOUD_ERR(cloud_rewind_locate(&place, r, id));
            ours = place.where == REWIND_IN_BIN;
        }
        if (ours && t.place_state == REWIND_DONE) return NULL;
        if (ours) APR_ARRAY_PUSH(ids, apr_int64_t) = id;
        if (ours && t.place_state != REWIND_TODO) return NULL;
        if (!ours) CLOUD_ERR(cloud_tree_get(&node, r->ctx, id, r->iter));
        id = ours ? t.parent : node ? node->parent : 0;
    }
    return NULL;
}

/* Those of whose folder could not be brought back are not either. */
static cloud_err_t *give_up(rewind_t *r, apr_int64_t id, rewind_state_t state)
{
    rewind_place_t then = { 0 };
    rewind_target_t t;
    cloud_err_t *err;
    int found;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_rewind_then(&then, r, id, 1);
    cloud_tx_rollback(r->ctx);
    if (err) return err;
    CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
    return finish(r, &t, state, then.path,
                  state == REWIND_FAILED ? "the folder that it was in could not be brought back"
                                         : NULL);
}

static cloud_err_t *place_chain(rewind_t *r, apr_int64_t id)
{
    apr_array_header_t *ids = r->chain;
    rewind_state_t state = REWIND_DONE;
    rewind_target_t t;
    cloud_err_t *err;
    int i, found;

    apr_array_clear(ids);
    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = collect(ids, r, id);
    cloud_tx_rollback(r->ctx);
    if (err) return err;
    for (i = ids->nelts - 1; i >= 0; i--) {
        apr_int64_t one = APR_ARRAY_IDX(ids, i, apr_int64_t);

        cloud_rewind_step(r);
        CLOUD_ERR(cloud_rewind_target(&t, &found, r, one));
        if (t.place_state == REWIND_TODO)
            CLOUD_ERR(state == REWIND_DONE ? place_one(r, one) : give_up(r, one, state));
        CLOUD_ERR(cloud_rewind_target(&t, &found, r, one));
        state = t.place_state;
    }
    return NULL;
}

cloud_err_t *cloud_rewind_places(rewind_t *r)
{
    rewind_target_t t;
    apr_int64_t id = 0;
    int found;

    for (;;) {
        cloud_rewind_step(r);
        CLOUD_ERR(cloud_rewind_next(&id, r, id));
        if (!id) return NULL;
        CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
        if (t.has_place && t.present && t.scope && t.place_state == REWIND_TODO)
            CLOUD_ERR(place_chain(r, id));
    }
}
