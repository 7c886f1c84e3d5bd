/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What becomes of the versions of an account that is deleted. A version lies with whom its file was when it was
 * made. A file that went to somebody else since (ownership was transferred, it was moved into somebody's share)
 * keeps its old versions: they go to him now. */
#include "versions.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    apr_int64_t node;
    apr_int64_t owner;      /* number of the account that the file is with */
} moved_t;

/* Files with versions of the account, and the roots that they are under; not those in its own files. */
static const char ELSEWHERE[] =
    "WITH RECURSIVE up (node, at) AS (SELECT DISTINCT node, node FROM version WHERE account = ?1"
    " UNION ALL SELECT up.node, n.parent FROM up JOIN node n ON n.id = up.at WHERE n.parent <> 0)"
    " SELECT up.node, r.name FROM up JOIN node r ON r.id = up.at WHERE r.parent = 0"
    " AND r.kind IN (?3, ?4) AND r.id <> ?2";

/* A root's name says whose it is, of which kind ever; 0: nobody's. */
static apr_int64_t owner_of(const char *root)
{
    const char *colon = root ? strchr(root, ':') : NULL;

    return colon ? strtoll(colon + 1, NULL, 10) : 0;
}

static cloud_err_t *find_moved(apr_array_header_t **list, cloud_ctx_t *ctx,
                               const cloud_account_t *account)
{
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row;

    *list = apr_array_make(ctx->pool, 4, sizeof(moved_t));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool, ELSEWHERE, "iiii", account->number,
                             account->root, (apr_int64_t)CLOUD_KIND_ROOT,
                             (apr_int64_t)CLOUD_KIND_TRASH));
    while (!err && row) {
        apr_int64_t owner = owner_of(cloud_col_text(st, 1));

        if (owner && owner != account->number) {
            moved_t *m = apr_array_push(*list);

            m->node = cloud_col_int(st, 0);
            m->owner = owner;
        }
        err = cloud_stmt_step(&row, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *give(cloud_ctx_t *ctx, const cloud_version_t *v, const cloud_account_t *to)
{
    const char *dir = cloud_version_dir(to->dir, v->node, ctx->pool);

    CLOUD_ERR(cloud_journal_add(ctx, v->root, to->root, cloud_version_inode(ctx, v), 0, v->path,
                                apr_psprintf(ctx->pool, "%s/%" APR_INT64_T_FMT, dir, v->number)));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE version SET account = ?3 WHERE node = ?1 AND number = ?2",
                           "iii", v->node, v->number, to->number));
    CLOUD_ERR(cloud_versions_add_total(ctx, v->account, -v->size, -1));
    return cloud_versions_add_total(ctx, to->number, v->size, 1);
}

static cloud_err_t *give_all(cloud_ctx_t *ctx, const cloud_account_t *from, const moved_t *m)
{
    apr_array_header_t *list;
    cloud_account_t *to;
    int i;

    CLOUD_ERR(cloud_account_by_number(&to, ctx, m->owner, ctx->pool));
    CLOUD_ERR(cloud_storage_keep_dir(ctx, cloud_version_dir(to->dir, m->node, ctx->pool)));
    CLOUD_ERR(cloud_versions_load(&list, ctx, m->node));
    for (i = 0; list && i < list->nelts; i++) {
        const cloud_version_t *v = &APR_ARRAY_IDX(list, i, cloud_version_t);

        if (v->account == from->number) CLOUD_ERR(give(ctx, v, to));
    }
    return NULL;
}

/* The rest goes with the directory of the account, as a whole. */
cloud_err_t *cloud_versions_account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    static const char *const sql[] = {
        "DELETE FROM version WHERE account = ?1",
        "DELETE FROM version_gone WHERE account = ?1",
        "DELETE FROM version_total WHERE account = ?1",
    };
    apr_array_header_t *list;
    size_t k;
    int i;

    CLOUD_ERR(find_moved(&list, ctx, account));
    for (i = 0; i < list->nelts; i++)
        CLOUD_ERR(give_all(ctx, account, &APR_ARRAY_IDX(list, i, moved_t)));
    CLOUD_POINT("versions-given");
    for (k = 0; k < sizeof sql / sizeof *sql; k++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, sql[k], "i", account->number));
    return NULL;
}
