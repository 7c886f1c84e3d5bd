/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What an account has becomes another's: files and the shares of them. Each item is moved by the
 * ordinary verb, and its shares change hands in the transaction of the move. */
#include "share.h"

#include <string.h>
#include <time.h>

#define ID_MAX 150 /* bytes of an id that fit into the name of a folder */

typedef struct {
    const cloud_account_t *from, *to;
    const char *path;       /* of the item that is moved */
} move_t;

/* ---- shares ---- */

/* Nobody shares with himself: what the new owner had been given ends. */
static cloud_err_t *hand_over(void *baton, cloud_ctx_t *ctx, apr_int64_t id)
{
    const move_t *m = baton;
    cloud_share_t *s;

    CLOUD_ERR(cloud_share_row(&s, ctx, id, ctx->pool));
    if (!s || (s->type == CLOUD_SHARE_USER && s->recipient.number == m->to->number))
        return cloud_share_drop(ctx, id);
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM share_place WHERE account = ?1 AND node = ?2", "ii",
                           m->to->number, s->node));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE share SET owner = ?3, initiator = CASE WHEN initiator = ?2 THEN ?3"
                        " ELSE initiator END WHERE id = ?1", "iii", id, m->from->number,
                        m->to->number);
}

/* Source of the move: the item, whose shares have a new owner from here on. */
static cloud_err_t *source(cloud_entry_t **entry, void *baton, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    move_t *m = baton;

    CLOUD_ERR(cloud_resolve_tx(entry, ctx, m->from, m->path, pool));
    if (!(*entry)->exists) return NULL;
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

static cloud_err_t *check_empty(cloud_ctx_t *ctx, const cloud_account_t *to, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));

    CLOUD_ERR(list_items(names, ctx, to, NULL));
    return names->nelts ? cloud_err(ctx->pool, CLOUD_E_EXISTS, "%s has files already", to->id) : NULL;
}

cloud_err_t *cloud_share_transfer(cloud_share_transfer_t *done, cloud_ctx_t *ctx,
                                  const cloud_account_t *from, const cloud_account_t *to,
                                  const char *path, int at_top, apr_pool_t *pool)
{
    apr_array_header_t *paths = apr_array_make(pool, 16, sizeof(const char *));
    move_t m = { from, to, NULL };
    apr_pool_t *item;
    cloud_err_t *err;

    memset(done, 0, sizeof *done);
    done->folder = "";
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (from->number == to->number)
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "That is one and the same account");
    CLOUD_ERR(list_items(paths, ctx, from, path));
    if (!paths->nelts) return NULL;
    CLOUD_ERR(at_top ? check_empty(ctx, to, pool) : make_folder(&done->folder, ctx, &m, pool));
    apr_pool_create(&item, pool);
    for (; done->files < paths->nelts; done->files++) {
        m.path = APR_ARRAY_IDX(paths, done->files, const char *);
        err = move_one(ctx, &m, done->folder, item);
        if (err) return err;
        apr_pool_clear(item);
    }
    apr_pool_destroy(item);
    return NULL;
}
