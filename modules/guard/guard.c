/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Counting, marking, telling. */
#include "guard.h"

#include <string.h>

#define SEEN "guard.seen"     /* meta: trees changed last up to this number were looked at */
#define TREES_PER_STEP 20
#define ROWS_PER_TX    1000
#define SHARE_MIN      10     /* a share of fewer files than that says nothing */
#define FOLDER_MAX     1000000 /* files counted in one deleted folder at most */
#define LONG           apr_time_from_msec(100)
#define REST           20      /* after a long look it waits so many times as long */

const cloud_setting_t cloud_guard_settings[] = {
    { "system", "mass_change_files", CLOUD_SET_INT, "0", 0, 1000000000,
      "Files that one login may delete or overwrite within mass_change_time before that is marked "
      "as a batch; 0: any number" },
    { "system", "mass_change_share", CLOUD_SET_INT, "0", 0, 100,
      "Percent of an account's files that one login may delete or overwrite within "
      "mass_change_time; 0: all" },
    { "system", "mass_change_time", CLOUD_SET_INT, "600", 1, 86400,
      "Seconds in which deleted and overwritten files are counted together" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

typedef struct {
    cloud_ctx_t *ctx;
    apr_int64_t files, share;  /* the limits; 0: none */
    apr_int64_t start;         /* changes above this number are within the time */
    apr_int64_t from;          /* changes above this number are counted in the tree at hand */
} guard_t;

/* What a login did to a tree. */
typedef struct {
    apr_int64_t account;
    const char *client;
    apr_int64_t first;         /* its first change within the time */
    apr_int64_t files;         /* deleted or overwritten */
    apr_int64_t deleted;       /* of these */
} tally_t;

static cloud_err_t *settings(guard_t *g)
{
    apr_int64_t seconds;

    CLOUD_ERR(cloud_setting_int(&g->files, g->ctx, "system", "mass_change_files"));
    CLOUD_ERR(cloud_setting_int(&g->share, g->ctx, "system", "mass_change_share"));
    CLOUD_ERR(cloud_setting_int(&seconds, g->ctx, "system", "mass_change_time"));
    g->start = g->from = apr_time_now() - apr_time_from_sec(seconds);
    return NULL;
}

/* ---- counting ---- */

/* The system, as rewind or undo, is no login. */
#define BY_PEOPLE " account <> 0"

/* Files and folders that each login deleted or overwrote: a folder counts as one here. */
static cloud_err_t *tallies(apr_array_header_t *list, guard_t *g, apr_int64_t tree)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, g->ctx->db, g->ctx->pool,
                             "SELECT account, client, min(number), count(DISTINCT node),"
                             " count(DISTINCT CASE WHEN op = 'remove' THEN node END) FROM change"
                             " WHERE tree = ?1 AND number > ?2 AND" BY_PEOPLE
                             " AND (op = 'remove' OR (op = 'write' AND size > delta))"
                             " GROUP BY account, client",
                             "ii", tree, g->from));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, g->ctx->pool)) {
        tally_t *t = apr_array_push(list);

        t->account = cloud_col_int(st, 0);
        t->client = cloud_col_dup(st, 1, list->pool);
        t->first = cloud_col_int(st, 2);
        t->files = cloud_col_int(st, 3);
        t->deleted = cloud_col_int(st, 4);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *deleted_folders(apr_array_header_t *ids, guard_t *g, apr_int64_t tree,
                                    const tally_t *t)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, g->ctx->db, g->ctx->pool,
                             "SELECT DISTINCT node FROM change WHERE tree = ?1 AND number > ?2"
                             " AND" BY_PEOPLE " AND op = 'remove' AND kind = 1 AND account = ?3"
                             " AND coalesce(client, '') = coalesce(?4, '')",
                             "iiit", tree, g->from, t->account, t->client));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, g->ctx->pool))
        APR_ARRAY_PUSH(ids, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

/* Files below a node, counted up to max. */
static cloud_err_t *files_below(apr_int64_t *n, guard_t *g, apr_int64_t id, apr_int64_t max)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, g->ctx->db, g->ctx->pool,
                             "SELECT count(*) FROM (WITH RECURSIVE below (id, kind) AS"
                             " (SELECT id, kind FROM node WHERE parent = ?1 UNION ALL"
                             " SELECT n.id, n.kind FROM node AS n JOIN below AS b"
                             " ON n.parent = b.id WHERE b.kind <> 0)"
                             " SELECT 1 FROM below WHERE kind = 0 LIMIT ?2) AS files",
                             "ii", id, max));
    *n = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* A folder counts for the files in it, as far as they are still there: in the trash. One that was
 * deleted for good has been one thing. */
static cloud_err_t *add_folders(tally_t *t, guard_t *g, apr_int64_t tree)
{
    apr_array_header_t *ids = apr_array_make(g->ctx->pool, 8, sizeof(apr_int64_t));
    apr_int64_t n;
    int i;

    CLOUD_ERR(deleted_folders(ids, g, tree, t));
    for (i = 0; i < ids->nelts; i++) {
        CLOUD_ERR(files_below(&n, g, APR_ARRAY_IDX(ids, i, apr_int64_t), FOLDER_MAX));
        if (n == 0) continue;
        t->files += n - 1;
        t->deleted += n - 1;
    }
    return NULL;
}

/* More than the share of the files that there were. Counts no more of those that are left than it
 * takes to know. */
static cloud_err_t *over_share(int *over, guard_t *g, apr_int64_t tree, const tally_t *t)
{
    apr_int64_t most = t->files * 100 / g->share - t->deleted, left;

    *over = 0;
    if (t->files < SHARE_MIN) return NULL;
    CLOUD_ERR(files_below(&left, g, tree, most + 1));
    *over = t->files * 100 > g->share * (left + t->deleted);
    return NULL;
}

static cloud_err_t *judge(int *over, tally_t *t, guard_t *g, apr_int64_t tree)
{
    *over = 0;
    if (t->deleted) CLOUD_ERR(add_folders(t, g, tree));
    if (g->files && t->files > g->files) *over = 1;
    if (!*over && g->share) CLOUD_ERR(over_share(over, g, tree, t));
    return NULL;
}

/* ---- marking ---- */

/* The mark that the login has already, if this goes on with it. (tx) */
static cloud_err_t *current(cloud_batch_t *b, guard_t *g, apr_int64_t tree, const tally_t *t)
{
    cloud_stmt_t *st;
    int row;

    memset(b, 0, sizeof *b);
    CLOUD_ERR(cloud_db_query(&st, &row, g->ctx->db, g->ctx->pool,
                             "SELECT id, first, last, files, done FROM batch WHERE tree = ?1"
                             " AND kind = 'mass' AND login = ?2"
                             " AND coalesce(client, '') = coalesce(?3, '') AND last > ?4"
                             " ORDER BY id DESC LIMIT 1",
                             "iiti", tree, t->account, t->client, g->from));
    if (row) {
        b->id = cloud_col_int(st, 0);
        b->first = cloud_col_int(st, 1);
        b->last = cloud_col_int(st, 2);
        b->files = cloud_col_int(st, 3);
        b->done = (int)cloud_col_int(st, 4);
    }
    cloud_stmt_done(st);
    return NULL;
}

/* Number of the login's last change. */
static cloud_err_t *last_change(apr_int64_t *last, guard_t *g, apr_int64_t tree, const tally_t *t)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, g->ctx->db, g->ctx->pool,
                             "SELECT max(number) FROM change WHERE tree = ?1 AND number >= ?2 AND"
                             BY_PEOPLE " AND account = ?3"
                             " AND coalesce(client, '') = coalesce(?4, '')",
                             "iiit", tree, t->first, t->account, t->client));
    *last = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *mark_tx(cloud_batch_t *b, guard_t *g, apr_int64_t tree, const tally_t *t)
{
    CLOUD_ERR(current(b, g, tree, t));
    CLOUD_ERR(last_change(&b->last, g, tree, t));
    if (b->files < t->files) b->files = t->files;
    if (b->id) return cloud_batch_update(g->ctx, b);
    b->tree = tree;
    b->kind = CLOUD_BATCH_MASS;
    b->login = t->account;
    b->client = t->client;
    b->first = t->first;
    return cloud_batch_add(g->ctx, b);
}

/* Gives the rows their batch. Who undoes it knows them without that, by who and when; so it does
 * not matter when the process ends between two steps. */
static cloud_err_t *mark_rows(int *marked, guard_t *g, apr_int64_t tree, const tally_t *t,
                              const cloud_batch_t *b)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(g->ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(g->ctx->db, marked, g->ctx->pool,
                       "UPDATE change SET batch = ?1 WHERE tree = ?2 AND number IN (SELECT number"
                       " FROM change WHERE tree = ?2 AND number >= ?3 AND number <= ?4"
                       " AND batch = 0 AND account = ?5"
                       " AND coalesce(client, '') = coalesce(?6, '') ORDER BY number LIMIT ?7)",
                       "iiiiiti", b->id, tree, b->first, b->last, t->account, t->client,
                       (apr_int64_t)ROWS_PER_TX);
    if (!err) return cloud_tx_commit(g->ctx);
    cloud_tx_rollback(g->ctx);
    return err;
}

static cloud_err_t *mark(guard_t *g, apr_int64_t tree, const tally_t *t)
{
    cloud_batch_t b;
    int marked;

    CLOUD_ERR(cloud_tx_begin(g->ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(g->ctx, mark_tx(&b, g, tree, t)));
    CLOUD_POINT("guard-marked");
    do {
        CLOUD_ERR(mark_rows(&marked, g, tree, t, &b));
    } while (marked == ROWS_PER_TX);
    return NULL;
}

/* ---- telling ---- */

static cloud_err_t *find_untold(cloud_batch_t **b, cloud_ctx_t *ctx)
{
    cloud_stmt_t *st;
    apr_int64_t id;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT id FROM batch WHERE kind = 'mass' AND done = 0 LIMIT 1", ""));
    id = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    *b = NULL;
    return id ? cloud_batch_get(b, ctx, id, ctx->pool) : NULL;
}

/* Each mark is one event. It is noted as told afterwards: rather twice than never. */
static cloud_err_t *tell(cloud_ctx_t *ctx)
{
    cloud_batch_t *b = NULL;
    cloud_err_t *err;

    for (;;) {
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
        err = find_untold(&b, ctx);
        cloud_tx_rollback(ctx);
        if (err || !b) return err;
        CLOUD_LOG(ctx->store, WARN,
                  "mass change in the files of %s by %s%s%s: %" APR_INT64_T_FMT " files were "
                  "deleted or overwritten; \"cloudctl batches undo %" APR_INT64_T_FMT "\" brings "
                  "them back",
                  b->account ? b->account : "(gone)", b->login_id ? b->login_id : "(gone)",
                  b->client ? ", client " : "", b->client ? b->client : "", b->files, b->id);
        b->done = 1;
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
        CLOUD_ERR(cloud_tx_end(ctx, cloud_batch_update(ctx, b)));
    }
}

/* ---- the job ---- */

/* Where counting begins: what was before somebody undid a batch is dealt with. (tx) */
static cloud_err_t *begin_count(guard_t *g, apr_int64_t tree)
{
    apr_int64_t undone;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, g->ctx->db, g->ctx->pool,
                             "SELECT coalesce(max(first), 0) FROM batch WHERE tree = ?1"
                             " AND kind = 'undo'",
                             "i", tree));
    undone = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    g->from = g->start < undone ? undone : g->start;
    return NULL;
}

static cloud_err_t *look_at_tree(guard_t *g, apr_int64_t tree)
{
    apr_array_header_t *list = apr_array_make(g->ctx->pool, 4, sizeof(tally_t));
    cloud_err_t *err;
    int i, over;

    CLOUD_ERR(cloud_tx_begin(g->ctx, CLOUD_DB_READ));
    err = begin_count(g, tree);
    if (!err) err = tallies(list, g, tree);
    cloud_tx_rollback(g->ctx);
    for (i = 0; i < list->nelts && !err; i++) {
        tally_t *t = &APR_ARRAY_IDX(list, i, tally_t);

        CLOUD_ERR(cloud_tx_begin(g->ctx, CLOUD_DB_READ));
        err = judge(&over, t, g, tree);
        cloud_tx_rollback(g->ctx);
        if (!err && over) err = mark(g, tree, t);
    }
    return err;
}

typedef struct {
    apr_int64_t root, etag;
} changed_t;

/* The trees that were changed since number, the oldest first: the ETag of a root is the number of
 * the last change. */
static cloud_err_t *changed_trees(apr_array_header_t *list, cloud_ctx_t *ctx, apr_int64_t number)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT a.root, n.etag FROM account AS a JOIN node AS n"
                             " ON n.id = a.root WHERE n.etag > ?1 ORDER BY n.etag LIMIT ?2",
                             "ii", number, (apr_int64_t)TREES_PER_STEP));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool)) {
        changed_t *c = apr_array_push(list);

        c->root = cloud_col_int(st, 0);
        c->etag = cloud_col_int(st, 1);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *find_trees(apr_array_header_t *list, const guard_t *g)
{
    const char *seen = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(g->ctx, CLOUD_DB_READ));
    err = cloud_meta_get(&seen, g->ctx, SEEN, g->ctx->pool);
    if (!err) err = changed_trees(list, g->ctx, seen ? apr_atoi64(seen) : g->from);
    cloud_tx_rollback(g->ctx);
    return err;
}

static cloud_err_t *note_seen(cloud_ctx_t *ctx, apr_int64_t number)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_meta_set(ctx, SEEN, apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, number));
    if (!err) return cloud_tx_commit(ctx); /* lost, it is looked at again */
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *look(int *more, guard_t *g)
{
    cloud_ctx_t *ctx = g->ctx;
    apr_array_header_t *list = apr_array_make(ctx->pool, 8, sizeof(changed_t));
    int i;

    CLOUD_ERR(find_trees(list, g));
    if (list->nelts == 0) return NULL;
    for (i = 0; i < list->nelts; i++)
        CLOUD_ERR(look_at_tree(g, APR_ARRAY_IDX(list, i, changed_t).root));
    CLOUD_ERR(tell(ctx));
    *more = list->nelts == TREES_PER_STEP;
    return note_seen(ctx, APR_ARRAY_IDX(list, list->nelts - 1, changed_t).etag);
}

cloud_err_t *cloud_guard_job(int *more, cloud_ctx_t *ctx)
{
    static apr_time_t rest_until; /* where there is much to count, a mark may be later */
    apr_time_t start = apr_time_now(), took;
    guard_t g = { .ctx = ctx };

    *more = 0;
    CLOUD_ERR(settings(&g));
    if ((!g.files && !g.share) || start < rest_until) return NULL;
    CLOUD_ERR(look(more, &g));
    took = apr_time_now() - start;
    rest_until = took > LONG ? start + REST * took : 0;
    if (rest_until) *more = 0;
    return NULL;
}

void cloud_guard_register(void)
{
    cloud_settings_declare(cloud_guard_settings);
    cloud_batch_register();
}

void cloud_guard_unregister(void)
{
    cloud_batch_unregister();
    cloud_settings_undeclare(cloud_guard_settings);
}
