/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From the change log to how things were: read backwards, each change is taken back in the scratch
 * database. */
#include "rewind_private.h"

#include <string.h>

#define PAGE 500

static const char SCRATCH[] =
    "CREATE TABLE target (node INTEGER PRIMARY KEY NOT NULL, kind INTEGER, has_place INTEGER,"
    " present INTEGER, parent INTEGER, name TEXT, content INTEGER, etag INTEGER,"
    " has_mtime INTEGER, mtime INTEGER, since INTEGER, frozen INTEGER, scope INTEGER,"
    " keep INTEGER, place_state INTEGER, content_state INTEGER);"
    "CREATE INDEX target_place ON target (parent, name);";

static apr_status_t close_scratch(void *db)
{
    cloud_db_close(db);
    return APR_SUCCESS;
}

/* A database without a name is a temporary file that nobody sees, and goes with the connection. */
cloud_err_t *cloud_rewind_scratch(rewind_t *r)
{
    cloud_db_conf_t conf = { .path = "", .relaxed = 1 };

    CLOUD_ERR(cloud_db_open(&r->scratch, &conf, r->pool));
    apr_pool_cleanup_register(r->pool, r->scratch, close_scratch, apr_pool_cleanup_null);
    return cloud_db_exec(r->scratch, SCRATCH, r->pool);
}

cloud_err_t *cloud_rewind_target(rewind_target_t *t, int *found, rewind_t *r, apr_int64_t node)
{
    cloud_stmt_t *st;

    memset(t, 0, sizeof *t);
    t->node = node;
    t->scope = 1;
    CLOUD_ERR(cloud_db_query(&st, found, r->scratch, r->pool,
                             "SELECT kind, has_place, present, parent, name, content, etag,"
                             " has_mtime, mtime, since, frozen, scope, keep, place_state,"
                             " content_state FROM target WHERE node = ?1",
                             "i", node));
    if (*found) {
        t->kind = (int)cloud_col_int(st, 0);
        t->has_place = (int)cloud_col_int(st, 1);
        t->present = (int)cloud_col_int(st, 2);
        t->parent = cloud_col_int(st, 3);
        t->name = cloud_col_dup(st, 4, r->iter);
        t->content = (rewind_content_t)cloud_col_int(st, 5);
        t->etag = cloud_col_int(st, 6);
        t->has_mtime = (int)cloud_col_int(st, 7);
        t->mtime = cloud_col_int(st, 8);
        t->since = (unsigned)cloud_col_int(st, 9);
        t->frozen = (unsigned)cloud_col_int(st, 10);
        t->scope = (int)cloud_col_int(st, 11);
        t->keep = (int)cloud_col_int(st, 12);
        t->place_state = (rewind_state_t)cloud_col_int(st, 13);
        t->content_state = (rewind_state_t)cloud_col_int(st, 14);
    }
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_rewind_save(rewind_t *r, const rewind_target_t *t)
{
    return cloud_db_run(r->scratch, NULL, r->pool,
                        "INSERT OR REPLACE INTO target (node, kind, has_place, present, parent,"
                        " name, content, etag, has_mtime, mtime, since, frozen, scope, keep,"
                        " place_state, content_state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                        " ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
                        "iiiiitiiiiiiiiii", t->node, (apr_int64_t)t->kind,
                        (apr_int64_t)t->has_place, (apr_int64_t)t->present, t->parent, t->name,
                        (apr_int64_t)t->content, t->etag, (apr_int64_t)t->has_mtime, t->mtime,
                        (apr_int64_t)t->since, (apr_int64_t)t->frozen, (apr_int64_t)t->scope,
                        (apr_int64_t)t->keep, (apr_int64_t)t->place_state,
                        (apr_int64_t)t->content_state);
}

static cloud_err_t *number_of(apr_int64_t *n, cloud_stmt_t *st, int row)
{
    *n = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_rewind_next(apr_int64_t *node, rewind_t *r, apr_int64_t after)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, r->scratch, r->pool,
                             "SELECT node FROM target WHERE node > ?1 ORDER BY node LIMIT 1", "i",
                             after));
    return number_of(node, st, row);
}

cloud_err_t *cloud_rewind_at(apr_int64_t *node, rewind_t *r, apr_int64_t parent, const char *name)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, r->scratch, r->pool,
                             "SELECT node FROM target WHERE parent = ?1 AND name = ?2"
                             " AND has_place = 1 AND present = 1 LIMIT 1",
                             "it", parent, name));
    return number_of(node, st, row);
}

cloud_err_t *cloud_rewind_retry(rewind_t *r)
{
    CLOUD_ERR(cloud_db_run(r->scratch, NULL, r->pool,
                           "UPDATE target SET place_state = ?1 WHERE place_state = ?2", "ii",
                           (apr_int64_t)REWIND_TODO, (apr_int64_t)REWIND_PUT_OFF));
    return cloud_db_run(r->scratch, NULL, r->pool,
                        "UPDATE target SET content_state = ?1 WHERE content_state = ?2", "ii",
                        (apr_int64_t)REWIND_TODO, (apr_int64_t)REWIND_PUT_OFF);
}

/* ---- one change ---- */

typedef struct {
    apr_int64_t number, node, parent, from_parent, size, delta, batch, account;
    const char *op, *name, *from_name, *client;
    int kind, has_was;
    apr_int64_t was_etag, was_mtime;
} change_t;

static unsigned about(const change_t *c)
{
    static const struct {
        const char *op;
        unsigned about;
    } OPS[] = {
        { "create", REWIND_PLACE },  { "copy", REWIND_PLACE },    { "move", REWIND_PLACE },
        { "remove", REWIND_PLACE },  { "write", REWIND_CONTENT }, { "outside", REWIND_CONTENT },
        { "touch", REWIND_CONTENT },
    };
    unsigned i;

    if (c->kind != CLOUD_KIND_FILE && c->kind != CLOUD_KIND_DIR) return 0;
    for (i = 0; i < sizeof OPS / sizeof *OPS; i++)
        if (strcmp(c->op, OPS[i].op) == 0)
            return c->kind == CLOUD_KIND_DIR ? OPS[i].about & REWIND_PLACE : OPS[i].about;
    return 0;
}

/* The changes to take back. */
static int ours(const rewind_t *r, const change_t *c)
{
    const cloud_batch_t *b = r->undo;

    if (!b) return 1;
    if (c->batch) return c->batch == b->id;
    return strcmp(b->kind, CLOUD_BATCH_MASS) == 0 && c->number >= b->first && c->number <= b->last
           && c->account == b->login
           && strcmp(c->client ? c->client : "", b->client ? b->client : "") == 0;
}

static void take_back_place(rewind_target_t *t, const change_t *c)
{
    int moved = strcmp(c->op, "move") == 0;

    t->has_place = 1;
    t->present = moved || strcmp(c->op, "remove") == 0;
    t->parent = moved ? c->from_parent : c->parent;
    t->name = moved ? c->from_name : c->name;
}

static void take_back_content(rewind_target_t *t, const change_t *c)
{
    t->has_mtime = c->has_was;
    t->mtime = c->was_mtime;
    if (strcmp(c->op, "touch") == 0) return;
    t->etag = c->was_etag;
    if (c->size == c->delta) t->content = REWIND_EMPTY;
    else if (strcmp(c->op, "outside") == 0) t->content = REWIND_LOST;
    else t->content = c->has_was ? REWIND_VERSION : REWIND_BY_TIME;
}

static unsigned known(const rewind_target_t *t)
{
    return (t->has_place ? REWIND_PLACE : 0)
           | (t->content != REWIND_KEEP || t->has_mtime ? REWIND_CONTENT : 0);
}

/* Changes come newest first. What others did after ours has the last word; what they did before
 * one of ours is what ours are taken back to. */
static cloud_err_t *feed(rewind_t *r, const change_t *c)
{
    unsigned what = about(c);
    rewind_target_t t;
    int found;

    if (!what || (r->batch.id && c->batch == r->batch.id && r->undo)) return NULL;
    CLOUD_ERR(cloud_rewind_target(&t, &found, r, c->node));
    t.kind = c->kind;
    if (!ours(r, c)) {
        if (known(&t) & what) t.frozen |= what;
        else t.since |= what;
    } else if (!(t.frozen & what)) {
        if (what == REWIND_PLACE) take_back_place(&t, c);
        else take_back_content(&t, c);
    }
    return cloud_rewind_save(r, &t);
}

/* ---- the log ---- */

static void read_change(change_t *c, cloud_stmt_t *st, apr_pool_t *pool)
{
    c->number = cloud_col_int(st, 0);
    c->node = cloud_col_int(st, 1);
    c->op = cloud_col_dup(st, 2, pool);
    c->kind = (int)cloud_col_int(st, 3);
    c->parent = cloud_col_int(st, 4);
    c->name = cloud_col_dup(st, 5, pool);
    c->from_parent = cloud_col_int(st, 6);
    c->from_name = cloud_col_dup(st, 7, pool);
    c->size = cloud_col_int(st, 8);
    c->delta = cloud_col_int(st, 9);
    c->batch = cloud_col_int(st, 10);
    c->account = cloud_col_int(st, 11);
    c->client = cloud_col_dup(st, 12, pool);
    c->has_was = !cloud_col_null(st, 13);
    c->was_etag = c->has_was ? cloud_col_int(st, 13) : 0;
    c->was_mtime = c->has_was ? cloud_col_int(st, 14) : 0;
}

/* A page of the changes above from and below upto, newest first. (tx) */
static cloud_err_t *read_page(apr_array_header_t *page, rewind_t *r, apr_int64_t from,
                              apr_int64_t upto)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    apr_array_clear(page);
    CLOUD_ERR(cloud_db_query(&st, &row, r->ctx->db, r->iter,
                             "SELECT number, node, op, kind, parent, name, from_parent,"
                             " from_name, size, delta, batch, account, client, was_etag,"
                             " was_mtime FROM change WHERE tree = ?1 AND number > ?2"
                             " AND number < ?3 ORDER BY number DESC LIMIT ?4",
                             "iiii", r->account->root, from, upto, (apr_int64_t)PAGE));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, r->iter))
        read_change(apr_array_push(page), st, page->pool);
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *plan_page(int *more, rewind_t *r, apr_int64_t *upto)
{
    apr_array_header_t *page = apr_array_make(r->iter, PAGE, sizeof(change_t));
    cloud_err_t *err;
    int i;

    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = read_page(page, r, r->to, *upto);
    cloud_tx_rollback(r->ctx);
    if (err) return err;
    CLOUD_ERR(cloud_db_begin(r->scratch, CLOUD_DB_WRITE, r->iter));
    for (i = 0; i < page->nelts && !err; i++) {
        const change_t *c = &APR_ARRAY_IDX(page, i, change_t);

        if (c->number > r->seen) r->seen = c->number;
        *upto = c->number;
        err = feed(r, c);
    }
    *more = page->nelts == PAGE;
    if (err) return err;
    return cloud_db_commit(r->scratch, r->iter);
}

cloud_err_t *cloud_rewind_plan(rewind_t *r)
{
    apr_int64_t upto = APR_INT64_MAX;
    int more = 1;

    r->seen = r->to;
    while (more) {
        cloud_rewind_step(r);
        CLOUD_ERR(plan_page(&more, r, &upto));
    }
    return NULL;
}

static cloud_err_t *note_other(rewind_t *r, const change_t *c)
{
    unsigned what = about(c);
    rewind_target_t t;
    int found;

    if (!what || (r->batch.id && c->batch == r->batch.id)) return NULL;
    CLOUD_ERR(cloud_rewind_target(&t, &found, r, c->node));
    t.kind = c->kind;
    t.since |= what;
    CLOUD_ERR(cloud_rewind_save(r, &t));
    return cloud_rewind_keep_above(r, c->node);
}

cloud_err_t *cloud_rewind_catch_up(rewind_t *r)
{
    apr_array_header_t *page = apr_array_make(r->iter, 8, sizeof(change_t));
    apr_int64_t upto = APR_INT64_MAX, newest = r->seen;
    int i;

    do {
        CLOUD_ERR(read_page(page, r, r->seen, upto));
        for (i = 0; i < page->nelts; i++) {
            const change_t *c = &APR_ARRAY_IDX(page, i, change_t);

            if (c->number > newest) newest = c->number;
            upto = c->number;
            CLOUD_ERR(note_other(r, c));
        }
    } while (page->nelts == PAGE);
    r->seen = newest;
    return NULL;
}
