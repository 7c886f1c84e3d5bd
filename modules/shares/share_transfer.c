/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What an account has becomes another's: files and the shares of them. Each item is moved by the
 * ordinary verb, and its shares change hands in the transaction of the move. Into the other's files themselves the first
 * one goes only while these are empty, and leaves a mark that goes with the last one: whoever is interrupted goes on. */
#include "share.h"

#include <string.h>
#include <time.h>

#define ID_MAX 150 /* bytes of an id that fit into the name of a folder */

typedef struct {
    const cloud_account_t *from, *to;
    const char *path;       /* of the item that is moved */
    int all;                /* of the account, and not just one item */
    int at_top, first, last;
} move_t;

/* ---- shares ---- */

/* Whoever is the new owner made them: the other one has nothing there any more. */
static cloud_err_t *hand_over(void *baton, cloud_ctx_t *ctx, apr_int64_t id)
{
    const move_t *m = baton;

    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE share SET initiator = ?3 WHERE id = ?1 AND initiator = ?2", "iii",
                        id, m->from->number, m->to->number);
}

/* ---- into what has to be empty ---- */

static cloud_err_t *any(int *yes, cloud_ctx_t *ctx, const char *sql, apr_int64_t a, apr_int64_t b)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, yes, ctx->db, ctx->pool, sql, "ii", a, b));
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *begin_top(cloud_ctx_t *ctx, const move_t *m)
{
    int begun, filled;

    CLOUD_ERR(any(&begun, ctx, "SELECT 1 FROM share_transfer WHERE source = ?1 AND target = ?2",
                  m->from->number, m->to->number));
    if (begun) return NULL;
    CLOUD_ERR(any(&filled, ctx, "SELECT 1 FROM node WHERE parent = ?1 LIMIT ?2", m->to->root, 1));
    if (filled) return cloud_err(ctx->pool, CLOUD_E_EXISTS, "%s has files already", m->to->id);
    if (!m->all) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO share_transfer (source, target) VALUES (?1, ?2)", "ii",
                        m->from->number, m->to->number);
}

static cloud_err_t *end_top(cloud_ctx_t *ctx, const move_t *m)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM share_transfer WHERE source = ?1 AND target = ?2", "ii",
                        m->from->number, m->to->number);
}

/* Source of the move: the item, whose shares have a new owner from here on. */
static cloud_err_t *source(cloud_entry_t **entry, void *baton, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    move_t *m = baton;

    CLOUD_ERR(cloud_resolve_tx(entry, ctx, m->from, m->path, pool));
    if (!(*entry)->exists) return NULL;
    if (m->at_top && m->first) CLOUD_ERR(begin_top(ctx, m));
    if (m->at_top && m->all && m->last) CLOUD_ERR(end_top(ctx, m));
    CLOUD_ERR(cloud_share_each_below(ctx, *entry, hand_over, m));
    /* Now, so that nothing that is mounted there keeps it from moving. */
    return cloud_share_forget_places(ctx, m->from->number, (*entry)->node.id);
}

/* ---- files ---- */

static cloud_err_t *name_of(void *baton, const cloud_child_t *child)
{
    apr_array_header_t *names = baton;

    APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(names->pool, child->node->name);
    return NULL;
}

static cloud_err_t *list_items(apr_array_header_t *paths, cloud_ctx_t *ctx,
                               const cloud_account_t *from, const char *path)
{
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_file_stat(&entry, ctx, from, path ? path : "", ctx->pool));
    if (*entry->path) {
        APR_ARRAY_PUSH(paths, const char *) = entry->path;
        return NULL;
    }
    return cloud_file_list(ctx, entry, name_of, paths);
}

static const char *folder_name(const cloud_account_t *from, apr_pool_t *pool)
{
    time_t now = time(NULL);
    const char *id = from->id;
    char when[32];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%d_%H%M%S", &tm);
    if (strlen(id) > ID_MAX) id = apr_psprintf(pool, "%" APR_INT64_T_FMT, from->number);
    return apr_psprintf(pool, "transferred from %s on %s", id, when);
}

/* A new folder; another transfer may have made one in the same second. */
static cloud_err_t *make_folder(const char **path, cloud_ctx_t *ctx, const move_t *m,
                                apr_pool_t *pool)
{
    const char *name = folder_name(m->from, pool);
    cloud_result_t res;
    cloud_err_t *err;
    int n = 1;

    do {
        *path = n == 1 ? name : apr_psprintf(pool, "%s (%d)", name, n);
        err = cloud_file_mkcol(&res, ctx, m->to, *path, NULL, pool);
    } while (cloud_err_is(err, CLOUD_E_EXISTS) && n++ < 100);
    return err;
}

static cloud_err_t *move_one(cloud_ctx_t *ctx, move_t *m, const char *folder, apr_pool_t *pool)
{
    const char *slash = strrchr(m->path, '/');
    const char *dst = apr_pstrcat(pool, folder, *folder ? "/" : "", slash ? slash + 1 : m->path, NULL);
    cloud_entry_t *seen;
    cloud_result_t res;

    CLOUD_ERR(cloud_resolve(&seen, ctx, m->from, m->path, pool));
    CLOUD_ERR(cloud_files_notice(&seen, ctx, seen, pool));
    return cloud_files_move_from(&res, ctx, source, m, m->to, dst, 0, NULL, pool);
}

/* Whether what was to be moved is not there any more: its owner went on working. */
static cloud_err_t *has_gone(int *gone, cloud_ctx_t *ctx, const move_t *m, apr_pool_t *pool)
{
    cloud_entry_t *now;

    CLOUD_ERR(cloud_resolve(&now, ctx, m->from, m->path, pool));
    *gone = !now->exists;
    return NULL;
}

/* The ones that are gone meanwhile are left out. */
static cloud_err_t *move_all(cloud_share_transfer_t *done, cloud_ctx_t *ctx, move_t *m,
                             const apr_array_header_t *paths, apr_pool_t *parent)
{
    cloud_err_t *err = NULL;
    apr_pool_t *pool;
    int i, gone;

    apr_pool_create(&pool, parent);
    for (i = 0; !err && i < paths->nelts; i++) {
        apr_pool_clear(pool);
        m->path = APR_ARRAY_IDX(paths, i, const char *);
        m->first = done->files == 0;
        m->last = i == paths->nelts - 1;
        gone = 0;
        err = move_one(ctx, m, done->folder, pool);
        if (cloud_err_is(err, CLOUD_E_NOT_FOUND) && m->all && !has_gone(&gone, ctx, m, pool) && gone)
            err = NULL;
        if (!err && !gone) done->files++;
    }
    err = cloud_err_keep(err, parent);
    apr_pool_destroy(pool);
    return err;
}

/* Nothing is left to be moved: what the last one takes away may be there still, where it was not moved by us. */
static cloud_err_t *finish(cloud_ctx_t *ctx, const move_t *m)
{
    if (!m->at_top || !m->all) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, end_top(ctx, m));
}

cloud_err_t *cloud_share_transfer(cloud_share_transfer_t *done, cloud_ctx_t *ctx,
                                  const cloud_account_t *from, const cloud_account_t *to,
                                  const char *path, int at_top, apr_pool_t *pool)
{
    apr_array_header_t *paths = apr_array_make(pool, 16, sizeof(const char *));
    move_t m = { .from = from, .to = to, .at_top = at_top, .all = !path || !*path };

    memset(done, 0, sizeof *done);
    done->folder = "";
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (from->number == to->number)
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "That is one and the same account");
    CLOUD_ERR(list_items(paths, ctx, from, path));
    if (!paths->nelts) return finish(ctx, &m);
    if (!at_top) CLOUD_ERR(make_folder(&done->folder, ctx, &m, pool));
    CLOUD_ERR(move_all(done, ctx, &m, paths, pool));
    return done->files < paths->nelts ? finish(ctx, &m) : NULL;
}
