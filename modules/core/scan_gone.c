/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows whose files are not there any more. They are only noted during the walk: until it ends, any
 * of them may turn up elsewhere, as a move. What is still missing then is counted with all that
 * hangs below it, and when that is too much of what was known nothing is removed: a disk that is
 * not mounted, or a slip of somebody's hand, must not empty every client's folder. */
#include "scan.h"
#include "lock.h"

#include <errno.h>
#include <string.h>

#define PAGE 256

/* ---- the spool ---- */

static cloud_err_t *spool_error(scan_t *s, apr_status_t rv)
{
    return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, rv, "temporary file");
}

static apr_status_t open_spool(scan_t *s, scan_spool_t *spool)
{
    const char *dir;
    apr_status_t rv = apr_temp_dir_get(&dir, s->pool);

    if (rv != APR_SUCCESS) return rv;
    return apr_file_mktemp(&spool->file,
                           apr_pstrcat(s->pool, dir, "/cloud-scan-XXXXXX", NULL),
                           APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL
                               | APR_FOPEN_BUFFERED | APR_FOPEN_DELONCLOSE,
                           s->pool);
}

cloud_err_t *cloud_scan_spool(scan_t *s, scan_spool_t *spool, apr_int64_t id)
{
    apr_status_t rv = spool->file ? APR_SUCCESS : open_spool(s, spool);

    if (rv == APR_SUCCESS) rv = apr_file_write_full(spool->file, &id, sizeof id, NULL);
    return rv == APR_SUCCESS ? NULL : spool_error(s, rv);
}

cloud_err_t *cloud_scan_rewind(scan_t *s, scan_spool_t *spool)
{
    apr_off_t start = 0;
    apr_status_t rv;

    spool->reading = 1;
    if (!spool->file) return NULL;
    rv = apr_file_flush(spool->file);
    if (rv == APR_SUCCESS) rv = apr_file_seek(spool->file, APR_SET, &start);
    return rv == APR_SUCCESS ? NULL : spool_error(s, rv);
}

cloud_err_t *cloud_scan_unspool(scan_t *s, scan_spool_t *spool, apr_int64_t *id)
{
    apr_status_t rv;

    *id = 0;
    if (!spool->file) return NULL;
    rv = apr_file_read_full(spool->file, id, sizeof *id, NULL);
    if (rv == APR_SUCCESS) return NULL;
    *id = 0;
    return APR_STATUS_IS_EOF(rv) ? NULL : spool_error(s, rv);
}

/* ---- noting ---- */

typedef struct {
    apr_int64_t id;
    const char *name, *disk;
} child_t;

static cloud_err_t *load_page(apr_array_header_t *page, scan_t *s, const char *after)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, s->ctx->db, s->entry_pool,
                         "SELECT id, name, coalesce(disk, name) FROM node"
                         " WHERE parent = ?1 AND name > ?2 AND kind <= 1 ORDER BY name LIMIT ?3",
                         "iti", s->dir.id, after, (apr_int64_t)PAGE);
    while (!err && row) {
        child_t *c = apr_array_push(page);

        c->id = cloud_col_int(st, 0);
        c->name = cloud_col_dup(st, 1, s->entry_pool);
        c->disk = cloud_col_dup(st, 2, s->entry_pool);
        err = cloud_stmt_step(&row, st, s->entry_pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(s->ctx);
    return err;
}

static cloud_err_t *note_all(scan_t *s)
{
    char last[CLOUD_NAME_MAX * 2 + 1] = "";
    apr_array_header_t *page;
    cloud_disk_t disk;
    int i;

    for (;;) {
        apr_pool_clear(s->entry_pool);
        page = apr_array_make(s->entry_pool, PAGE, sizeof(child_t));
        CLOUD_ERR(load_page(page, s, last));
        for (i = 0; i < page->nelts; i++) {
            const child_t *c = &APR_ARRAY_IDX(page, i, child_t);

            if (s->dir.only && strcmp(s->dir.only, c->name) != 0) continue;
            if (cloud_disk_at(&disk, s->dir.fd, c->disk) == ENOENT)
                CLOUD_ERR(cloud_scan_spool(s, &s->gone, c->id));
        }
        if (page->nelts < PAGE) return NULL;
        apr_cpystrn(last, APR_ARRAY_IDX(page, page->nelts - 1, child_t).name, sizeof last);
    }
}

static cloud_err_t *count_rows(apr_int64_t *count, scan_t *s)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_READ));
    if (s->dir.only)
        err = cloud_db_query(&st, &row, s->ctx->db, s->pool,
                             "SELECT count(*) FROM node WHERE parent = ?1 AND name = ?2"
                             " AND kind <= 1",
                             "it", s->dir.id, s->dir.only);
    else
        err = cloud_db_query(&st, &row, s->ctx->db, s->pool,
                             "SELECT count(*) FROM node WHERE parent = ?1 AND kind <= 1", "i",
                             s->dir.id);
    if (!err) {
        *count = cloud_col_int(st, 0);
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(s->ctx);
    return err;
}

cloud_err_t *cloud_scan_note_gone(scan_t *s)
{
    apr_int64_t count = 0;

    if (s->again.reading) return NULL; /* the second visit only takes in */
    CLOUD_ERR(cloud_scan_commit(s));
    CLOUD_ERR(count_rows(&count, s));
    s->known += count;
    /* As many rows as entries that have one: none is missing, no need to look. */
    return count == s->dir.matched ? NULL : note_all(s);
}

/* ---- removing ---- */

/* What is noted may have been moved or removed meanwhile: *node NULL. (tx) */
static cloud_err_t *still_gone(cloud_node_t **node, apr_int64_t **chain, int *depth,
                               const char **path, scan_t *s, apr_int64_t id)
{
    struct stat st;
    int found;

    CLOUD_ERR(cloud_tree_get(node, s->ctx, id, s->entry_pool));
    if (!*node) return NULL;
    CLOUD_ERR(cloud_tree_chain(chain, depth, s->ctx, (*node)->parent, s->entry_pool));
    if (*depth == 0 || (*chain)[0] != s->account->root) {
        *node = NULL;
        return NULL;
    }
    CLOUD_ERR(cloud_storage_path(path, s->ctx, id, s->entry_pool));
    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, s->ctx->store, *path, s->entry_pool));
    if (found && S_ISDIR(st.st_mode) == CLOUD_IS_DIR(*node)
        && (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
        *node = NULL;
    return NULL;
}

static cloud_err_t *count_below(apr_int64_t *count, scan_t *s, apr_int64_t id)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, s->ctx->db, s->entry_pool,
                             "WITH RECURSIVE t (id) AS (SELECT ?1 UNION ALL SELECT n.id"
                             " FROM t JOIN node n ON n.parent = t.id) SELECT count(*) FROM t",
                             "i", id));
    *count = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return NULL;
}

/* Is it gone for sure? In a clean transaction, since a move of ours that is still owed looks the
 * same. */
static cloud_err_t *confirm_gone(int *gone, scan_t *s, apr_int64_t id)
{
    cloud_node_t *node;
    apr_int64_t *chain;
    const char *path;
    int depth;

    if (s->tx == SCAN_TX_NONE) CLOUD_ERR(cloud_scan_begin(s, SCAN_TX_WRITE));
    CLOUD_ERR(still_gone(&node, &chain, &depth, &path, s, id));
    *gone = node != NULL;
    return *gone || apr_time_now() >= s->tx_until ? cloud_scan_commit(s) : NULL;
}

/* How many nodes would go with it. */
static cloud_err_t *count_one(apr_int64_t *count, scan_t *s, apr_int64_t id)
{
    cloud_err_t *err;
    int gone;

    *count = 0;
    CLOUD_ERR(confirm_gone(&gone, s, id));
    if (!gone) return NULL;
    CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_READ));
    err = count_below(count, s, id);
    cloud_tx_rollback(s->ctx);
    return err;
}

static cloud_err_t *count_gone(apr_int64_t *total, scan_t *s)
{
    apr_int64_t id, count;

    *total = 0;
    CLOUD_ERR(cloud_scan_rewind(s, &s->gone));
    for (;;) {
        apr_pool_clear(s->entry_pool);
        CLOUD_ERR(cloud_scan_unspool(s, &s->gone, &id));
        if (!id) return cloud_scan_commit(s);
        CLOUD_ERR(count_one(&count, s, id));
        *total += count;
        /* The node itself was counted when its folder was visited. */
        if (count > 1) s->known += count - 1;
    }
}

static cloud_err_t *forget_file(scan_t *s, const cloud_node_t *node)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    if (node->flags & CLOUD_NODE_PROPS) CLOUD_ERR(cloud_props_delete(s->ctx, node->id));
    CLOUD_ERR(cloud_favorite_forget(s->ctx, node));
    CLOUD_ERR(cloud_tree_delete_row(s->ctx, node));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->purged) CLOUD_ERR(f->purged(s->ctx, node->id));
    }
    return NULL;
}

/* As DELETE does it, but for the disk, where nothing is left to move: a folder hangs under the
 * purge root until the maintenance job has reclaimed its rows, so this is quick whatever its
 * size. */
static cloud_err_t *remove_node(scan_t *s, const cloud_node_t *node, const apr_int64_t *chain,
                                int depth, const char *path)
{
    cloud_entry_t *e = cloud_scan_entry_of(s, node, path);
    apr_int64_t number;

    e->chain = chain;
    e->chain_len = depth;
    CLOUD_ERR(cloud_files_leaves(s->ctx, e, NULL, s->entry_pool));
    CLOUD_ERR(cloud_tree_draw(&number, s->ctx));
    CLOUD_ERR(cloud_tree_log(s->ctx, number, s->account->root, "remove", node, 0, NULL,
                             -node->size));
    CLOUD_ERR(cloud_lock_forget(s->ctx, e));
    if (CLOUD_IS_DIR(node)) {
        const char *name = apr_psprintf(s->entry_pool, "%" APR_INT64_T_FMT, node->id);
        CLOUD_ERR(cloud_tree_rename(s->ctx, node, s->account->purge, name, name));
    } else {
        CLOUD_ERR(forget_file(s, node));
    }
    CLOUD_ERR(cloud_tree_bump(s->ctx, chain, depth, number, -node->size,
                              apr_time_sec(apr_time_now())));
    return cloud_files_changed(s->ctx, "remove", e, NULL);
}

static cloud_err_t *remove_one(scan_t *s, apr_int64_t id)
{
    apr_int64_t *chain;
    cloud_node_t *node;
    const char *path;
    int depth;

    if (s->tx == SCAN_TX_NONE) CLOUD_ERR(cloud_scan_begin(s, SCAN_TX_WRITE));
    CLOUD_ERR(still_gone(&node, &chain, &depth, &path, s, id));
    if (!node) return NULL;
    CLOUD_ERR(remove_node(s, node, chain, depth, path));
    cloud_scan_report(s, "vanished", path, NULL, NULL);
    return apr_time_now() >= s->tx_until ? cloud_scan_commit(s) : NULL;
}

/* Percent that may go unasked; below zero: nothing may go at all. */
static int too_much(const scan_t *s, apr_int64_t total)
{
    apr_int64_t known = s->known - s->stats->added;
    int limit = s->opts->limit_percent;

    if (s->opts->allow_vanish || total == 0) return 0;
    return limit < 0 || total * 100 > known * (limit ? limit : CLOUD_SCAN_LIMIT);
}

static cloud_err_t *remove_all(scan_t *s)
{
    apr_int64_t id;

    CLOUD_ERR(cloud_scan_rewind(s, &s->gone));
    for (;;) {
        apr_pool_clear(s->entry_pool);
        CLOUD_ERR(cloud_scan_unspool(s, &s->gone, &id));
        if (!id) return cloud_scan_commit(s);
        CLOUD_ERR(remove_one(s, id));
    }
}

static cloud_err_t *remove_gone(scan_t *s)
{
    apr_int64_t total;

    CLOUD_ERR(count_gone(&total, s));
    s->stats->vanished = total;
    if (!too_much(s, total)) return remove_all(s);
    s->stats->refused = 1;
    return NULL;
}

cloud_err_t *cloud_scan_remove_gone(scan_t *s)
{
    cloud_err_t *err = remove_gone(s);

    if (s->tx != SCAN_TX_NONE) cloud_tx_rollback(s->ctx);
    s->tx = SCAN_TX_NONE;
    return err;
}
