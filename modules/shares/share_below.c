/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What of the items that are shared, or of the folders that received ones were put in, is at or below a folder. It is
 * found from these upwards: a tree may be large, and people share little of it. But some share thousands of items,
 * each of them with thousands, deep down: each folder above them is looked at once, however many are below it. */
#include "share.h"

#include <apr_hash.h>

/* first: the nodes that it is about, of account ?1; "is" tells these from the folders above them. */
#define ABOVE(first, is)                                                                       \
    "WITH RECURSIVE above (id, parent) AS (SELECT n.id, n.parent FROM (" first ") f"          \
    " CROSS JOIN node n WHERE n.id = f.node"                                                   \
    " UNION SELECT n.id, n.parent FROM above a CROSS JOIN node n WHERE n.id = a.parent"       \
    " AND a.id <> ?2 AND a.parent <> 0)"                                                       \
    " SELECT id, parent, " is " FROM above"

static const char ITEMS[] =
    ABOVE("SELECT DISTINCT node FROM share WHERE owner = ?1",
          "EXISTS (SELECT 1 FROM share s WHERE s.node = above.id AND s.owner = ?1)");
static const char PLACES[] =
    ABOVE("SELECT DISTINCT parent AS node FROM share_place WHERE account = ?1",
          "EXISTS (SELECT 1 FROM share_place p WHERE p.parent = above.id AND p.account = ?1)");

typedef struct {
    apr_int64_t id, parent;
    int wanted;
    enum { UNKNOWN, BELOW, ELSEWHERE } where;
} step_t;

static cloud_err_t *load(apr_array_header_t *steps, cloud_ctx_t *ctx, const char *sql,
                         apr_int64_t account, apr_int64_t top)
{
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, steps->pool, sql, "ii", account, top));
    while (!err && row) {
        step_t *s = apr_array_push(steps);

        s->id = cloud_col_int(st, 0);
        s->parent = cloud_col_int(st, 1);
        s->wanted = (int)cloud_col_int(st, 2);
        s->where = s->id == top ? BELOW : UNKNOWN;
        err = cloud_stmt_step(&row, st, steps->pool);
    }
    cloud_stmt_done(st);
    return err;
}

/* Up to where it is known, and the same way again to note that for all that lay on it. */
static void find(step_t *from, apr_hash_t *by_id)
{
    step_t *s, *last = from;
    int where;

    for (s = from; s && s->where == UNKNOWN; s = apr_hash_get(by_id, &s->parent, sizeof s->parent))
        last = s;
    where = s ? (int)s->where : ELSEWHERE;
    for (s = from; s && s->where == UNKNOWN; s = apr_hash_get(by_id, &s->parent, sizeof s->parent)) {
        s->where = where;
        if (s == last) break;
    }
}

static cloud_err_t *below(apr_array_header_t **nodes, cloud_ctx_t *ctx, const char *sql,
                          apr_int64_t account, apr_int64_t top)
{
    apr_array_header_t *steps;
    apr_hash_t *by_id;
    apr_pool_t *pool;
    cloud_err_t *err;
    int i;

    *nodes = apr_array_make(ctx->pool, 4, sizeof(apr_int64_t));
    apr_pool_create(&pool, ctx->pool);
    steps = apr_array_make(pool, 64, sizeof(step_t));
    by_id = apr_hash_make(pool);
    err = cloud_err_keep(load(steps, ctx, sql, account, top), ctx->pool);
    for (i = 0; i < steps->nelts; i++) {
        step_t *s = &APR_ARRAY_IDX(steps, i, step_t);

        apr_hash_set(by_id, &s->id, sizeof s->id, s);
    }
    for (i = 0; i < steps->nelts; i++) {
        step_t *s = &APR_ARRAY_IDX(steps, i, step_t);

        find(s, by_id);
        if (s->wanted && s->where == BELOW) APR_ARRAY_PUSH(*nodes, apr_int64_t) = s->id;
    }
    apr_pool_destroy(pool);
    return err;
}

cloud_err_t *cloud_share_items_below(apr_array_header_t **nodes, cloud_ctx_t *ctx, apr_int64_t owner,
                                     apr_int64_t folder)
{
    return below(nodes, ctx, ITEMS, owner, folder);
}

cloud_err_t *cloud_share_places_below(apr_array_header_t **folders, cloud_ctx_t *ctx,
                                      apr_int64_t account, apr_int64_t folder)
{
    return below(folders, ctx, PLACES, account, folder);
}
