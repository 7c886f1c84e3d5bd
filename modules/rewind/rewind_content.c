/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Brings back contents, from versions, and the times of files. */
#include "rewind_private.h"

#include <string.h>

#include "versions.h"

/* What is to be done for a file. */
typedef struct {
    rewind_place_t place;
    apr_int64_t version;      /* number of the version to restore, or 0 */
    int empty;                /* the file was empty */
    int same;                 /* the content is right */
    const char *why;          /* it can't be done */
} work_t;

static cloud_err_t *find_version(apr_int64_t *number, rewind_t *r, const rewind_target_t *t)
{
    cloud_stmt_t *st;
    int row;

    if (t->content == REWIND_VERSION)
        CLOUD_ERR(cloud_db_query(&st, &row, r->ctx->db, r->iter,
                                 "SELECT number FROM version WHERE node = ?1 AND etag = ?2"
                                 " ORDER BY number DESC LIMIT 1",
                                 "ii", t->node, t->etag));
    else
        CLOUD_ERR(cloud_db_query(&st, &row, r->ctx->db, r->iter,
                                 "SELECT number FROM version WHERE node = ?1 AND number > ?2"
                                 " AND etag <= ?2 ORDER BY number LIMIT 1",
                                 "ii", t->node, r->to));
    *number = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* Reads a version of which no checksum is known, to compare it. (no tx) */
static cloud_err_t *sums_of(cloud_sums_t *sums, rewind_t *r, const cloud_version_t *v)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, r->iter);
    cloud_version_t *opened;
    cloud_entry_t *file;
    int fd;

    *sums = v->sums;
    if (v->sums.len) return NULL;
    CLOUD_ERR(cloud_version_open(&fd, &file, &opened, r->ctx, r->account, v->node, v->number,
                                 r->iter));
    CLOUD_ERR(cloud_storage_copy(fd, 0, -1, -1, digest, r->iter));
    *sums = cloud_digest_final(digest, r->iter);
    return NULL;
}

/* What there is to restore, in one snapshot with where the file is. (tx) */
static cloud_err_t *look_tx(work_t *w, cloud_version_t **v, rewind_target_t *t, rewind_t *r,
                            apr_int64_t id)
{
    int found;

    *v = NULL;
    CLOUD_ERR(cloud_rewind_catch_up(r));
    CLOUD_ERR(cloud_rewind_target(t, &found, r, id));
    CLOUD_ERR(cloud_rewind_locate(&w->place, r, id));
    if (!w->place.node || t->content == REWIND_KEEP || t->content == REWIND_LOST
        || t->content == REWIND_EMPTY)
        return NULL;
    CLOUD_ERR(find_version(&w->version, r, t));
    if (w->version) CLOUD_ERR(cloud_version_get(v, r->ctx, id, w->version, r->iter));
    return NULL;
}

static cloud_err_t *judge(work_t *w, const cloud_version_t *v, rewind_target_t *t, rewind_t *r)
{
    const cloud_node_t *node = w->place.node;
    cloud_sums_t sums;

    w->empty = t->content == REWIND_EMPTY;
    w->same = t->content == REWIND_KEEP || (w->empty && node->size == 0)
              || (t->content == REWIND_VERSION && node->etag == t->etag);
    if (w->same || w->empty) return NULL;
    if (t->content == REWIND_LOST) w->why = "it was changed from outside, and nothing was kept";
    else if (!v) w->why = "the version with its content has been removed";
    if (w->why || v->size != node->size) return NULL;
    CLOUD_ERR(sums_of(&sums, r, v));
    w->same = cloud_sums_match(sums, node->sums) == 1;
    if (w->same && !t->has_mtime) {
        t->has_mtime = 1;
        t->mtime = v->mtime;
    }
    return NULL;
}

static cloud_err_t *look(work_t *w, rewind_target_t *t, rewind_t *r, apr_int64_t id)
{
    cloud_version_t *v = NULL;
    cloud_err_t *err;

    memset(w, 0, sizeof *w);
    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = look_tx(w, &v, t, r, id);
    cloud_tx_rollback(r->ctx);
    if (err) return err;
    return w->place.node ? judge(w, v, t, r) : NULL;
}

static cloud_err_t *put_empty(rewind_t *r, const work_t *w, const rewind_target_t *t,
                              const cloud_cond_t *cond)
{
    cloud_put_opts_t opts = { .length = 0, .has_mtime = t->has_mtime, .mtime = t->mtime,
                              .cond = *cond };
    cloud_result_t res;
    cloud_put_t *put;

    CLOUD_ERR(cloud_put_begin(&put, r->ctx, r->account, w->place.path, &opts, r->iter));
    return cloud_put_commit(&res, put);
}

/* One write: the content if it is another, else the time. */
static cloud_err_t *change(rewind_t *r, const work_t *w, const rewind_target_t *t)
{
    cloud_cond_t cond = { .must = CLOUD_IF_ETAG, .etag = w->place.node->etag };
    cloud_result_t res;

    CLOUD_ERR(cloud_rewind_begin(r));
    if (w->same)
        return cloud_file_proppatch(&res, r->ctx, r->account, w->place.path, NULL, &t->mtime,
                                    &cond, r->iter);
    if (w->empty) return put_empty(r, w, t, &cond);
    return cloud_version_copy(&res, r->ctx, r->account, t->node, w->version, r->account,
                              w->place.path, 1, &cond, r->iter);
}

static cloud_err_t *finish(rewind_t *r, rewind_target_t *t, rewind_state_t state, const char *path,
                           const char *why)
{
    if (why) cloud_rewind_problem(r, t->node, path, why);
    t->content_state = state;
    return cloud_rewind_save(r, t);
}

/* Where the file will be, for what is not in the tree yet. */
static cloud_err_t *planned(rewind_place_t *place, rewind_t *r, apr_int64_t id)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_rewind_then(place, r, id, 1);
    cloud_tx_rollback(r->ctx);
    return err;
}

static void tell(rewind_t *r, const work_t *w, const rewind_target_t *t, const char *path)
{
    if (w->same) cloud_rewind_tell(r, "time", t->node, path, NULL, apr_time_from_sec(t->mtime));
    else cloud_rewind_tell(r, "content", t->node, path, NULL, w->empty ? 0 : t->etag);
}

static cloud_err_t *content_one(rewind_t *r, apr_int64_t id)
{
    rewind_state_t state = REWIND_DONE;
    const char *why = NULL;
    rewind_target_t t;
    rewind_place_t plan;
    work_t w;
    int i, again = 1, told = 0;

    for (i = 0; again && i < 2 * REWIND_ATTEMPTS; i++) {
        CLOUD_ERR(look(&w, &t, r, id));
        CLOUD_ERR(planned(&plan, r, id));
        /* What is not in the tree is a matter of its place, which was told about. */
        if (!w.place.node || plan.where != REWIND_IN_TREE) return NULL;
        if (w.place.where != REWIND_IN_TREE && !r->opts->dry_run) return NULL;
        if (w.same && (!t.has_mtime || t.mtime == w.place.node->mtime)) break;
        if (t.since & REWIND_CONTENT)
            return finish(r, &t, REWIND_FAILED, plan.path, "its content has been changed since");
        if (w.why) return finish(r, &t, REWIND_FAILED, plan.path, w.why);
        if (!r->opts->dry_run)
            CLOUD_ERR(cloud_rewind_verdict(&again, &state, &why, r, change(r, &w, &t), i));
        else again = 0;
        if (state == REWIND_DONE && !told++) tell(r, &w, &t, plan.path);
        /* A content that came back may still have another time than it had. */
        if (state == REWIND_DONE && !r->opts->dry_run) again = !w.same;
    }
    return finish(r, &t, state, plan.path, why);
}

cloud_err_t *cloud_rewind_contents(rewind_t *r)
{
    rewind_target_t t;
    apr_int64_t id = 0;
    int found;

    for (;;) {
        cloud_rewind_step(r);
        CLOUD_ERR(cloud_rewind_next(&id, r, id));
        if (!id) return NULL;
        CLOUD_ERR(cloud_rewind_target(&t, &found, r, id));
        if (!t.scope || t.content_state != REWIND_TODO) continue;
        if (t.content == REWIND_KEEP && !t.has_mtime) continue;
        if (t.has_place && !t.present) continue;
        CLOUD_ERR(content_one(r, id));
    }
}
