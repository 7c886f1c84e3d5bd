/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Taking in one name on disk. When looking (scan_look.c) finds something to do outside a write
 * transaction, it is done all over inside one. */
#include "scan.h"
#include "lock.h"

#include <string.h>

#define FILLS_MAX 256

/* As stat shows it: towards minus infinity. */
static apr_int64_t seconds(apr_int64_t ns)
{
    return ns / 1000000000 - (ns % 1000000000 < 0);
}

static void owe(scan_t *s, apr_int64_t number, apr_int64_t delta, int members)
{
    cloud_disk_t dir;

    s->dir.number = number;
    s->dir.delta += delta;
    if (members && cloud_disk_at(&dir, s->dir.fd, "") == 0)
        s->dir.mtime = seconds(dir.mtime);
}

static cloud_err_t *tell(scan_t *s, const char *op, const cloud_node_t *node,
                         const cloud_entry_t *from)
{
    const char *path = apr_pstrcat(s->entry_pool, s->dir.path, "/", node->disk, NULL);

    return cloud_files_changed(s->ctx, op, cloud_scan_entry_of(s, node, path), from);
}

static cloud_err_t *descend(scan_t *s, const cloud_node_t *node)
{
    if (node->kind == CLOUD_KIND_DIR) APR_ARRAY_PUSH(s->todo, apr_int64_t) = node->id;
    return NULL;
}

static cloud_err_t *take_new(scan_t *s, scan_look_t *e)
{
    cloud_node_t node = { 0 };
    apr_int64_t number;

    CLOUD_ERR(cloud_tree_draw(&number, s->ctx));
    node.id = node.etag = number;
    node.parent = s->dir.id;
    node.name = e->name;
    node.disk = e->disk_name;
    node.kind = S_ISDIR(e->disk.mode) ? CLOUD_KIND_DIR : CLOUD_KIND_FILE;
    node.size = node.kind == CLOUD_KIND_FILE ? e->disk.size : 0;
    node.mtime = seconds(e->disk.mtime);
    node.created = seconds(e->disk.btime ? e->disk.btime : e->disk.mtime);
    cloud_disk_stamp(&node, &e->disk);
    CLOUD_ERR(cloud_tree_insert(s->ctx, &node));
    CLOUD_ERR(cloud_tree_log(s->ctx, number, s->account->root, "create", &node, 0, NULL,
                             node.size));
    owe(s, number, node.size, 1);
    CLOUD_ERR(tell(s, "create", &node, NULL));
    s->stats->added++;
    s->dir.matched++;
    cloud_scan_report(s, "added", s->dir.path, e->name,
                      e->name != e->nfc ? "a second name with the same normal form" : NULL);
    return descend(s, &node);
}

static cloud_err_t *take_change(scan_t *s, scan_look_t *e)
{
    cloud_node_t *node = e->row, was = *node;
    apr_int64_t number, delta = e->disk.size - node->size;

    CLOUD_ERR(cloud_tree_draw(&number, s->ctx));
    node->etag = number;
    node->size = e->disk.size;
    node->mtime = seconds(e->disk.mtime);
    node->sums = e->sums;
    cloud_disk_stamp(node, &e->disk);
    CLOUD_ERR(cloud_tree_update(s->ctx, node));
    CLOUD_ERR(cloud_tree_log_content(s->ctx, number, s->account->root, "outside", node, &was));
    owe(s, number, delta, 0);
    CLOUD_ERR(tell(s, "outside", node, NULL));
    s->stats->changed++;
    cloud_scan_report(s, "changed", s->dir.path, node->name, e->why);
    return NULL;
}

/* The id follows: the row gets its new place, with all that hangs below it. */
static cloud_err_t *take_move(scan_t *s, scan_look_t *e)
{
    cloud_node_t node = *e->row;
    cloud_entry_t *old = cloud_scan_entry_of(s, &node, e->old_path);
    apr_int64_t number, *chain;
    cloud_disk_t dir;
    int depth;

    CLOUD_ERR(cloud_tree_draw(&number, s->ctx));
    CLOUD_ERR(cloud_tree_chain(&chain, &depth, s->ctx, node.parent, s->entry_pool));
    old->chain = chain;
    old->chain_len = depth;
    CLOUD_ERR(cloud_lock_forget(s->ctx, old));
    CLOUD_ERR(cloud_tree_rename(s->ctx, &node, s->dir.id, e->name, e->disk_name));
    node.parent = s->dir.id;
    node.name = e->name;
    node.disk = e->disk_name;
    if (cloud_disk_at(&dir, s->dir.fd, "") != 0) dir.mtime = apr_time_now() * 1000;
    if (!e->orphan)
        CLOUD_ERR(cloud_tree_bump(s->ctx, chain, depth, number, -node.size, seconds(dir.mtime)));
    CLOUD_ERR(cloud_tree_log(s->ctx, number, s->account->root, "move", &node, old->node.parent,
                             old->node.name, 0));
    owe(s, number, node.size, 1);
    CLOUD_ERR(tell(s, "move", &node, old));
    s->stats->moved++;
    cloud_scan_report(s, "moved", s->dir.path, e->name, cloud_scan_shown(s, e->old_path));
    return NULL;
}

static cloud_err_t *take_adopt(scan_t *s, scan_look_t *e)
{
    cloud_disk_stamp(e->row, &e->disk);
    return cloud_tree_update(s->ctx, e->row);
}

/* Collected, for a transaction for each file would cost more than reading it. */
static cloud_err_t *note_fill(scan_t *s, const scan_look_t *e)
{
    scan_fill_t *fill = apr_array_push(s->fills);

    fill->id = e->row->id;
    fill->ino = (apr_int64_t)e->disk.ino;
    fill->size = e->disk.size;
    fill->mtime = e->disk.mtime;
    fill->sums.data = apr_pmemdup(s->fill_pool, e->sums.data, e->sums.len);
    fill->sums.len = e->sums.len;
    return s->fills->nelts < FILLS_MAX ? NULL : cloud_scan_fill(s);
}

static cloud_err_t *fill_tx(scan_t *s)
{
    int i;

    for (i = 0; i < s->fills->nelts; i++) {
        const scan_fill_t *f = &APR_ARRAY_IDX(s->fills, i, scan_fill_t);

        CLOUD_ERR(cloud_db_run(s->ctx->db, NULL, s->entry_pool,
                               "UPDATE node SET sums = ?5 WHERE id = ?1 AND ino = ?2"
                               " AND size = ?3 AND ino_mtime = ?4",
                               "iiiib", f->id, f->ino, f->size, f->mtime,
                               (const void *)f->sums.data, f->sums.len));
    }
    return NULL;
}

cloud_err_t *cloud_scan_fill(scan_t *s)
{
    cloud_err_t *err;

    if (s->fills->nelts == 0) return NULL;
    CLOUD_ERR(cloud_scan_commit(s));
    CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_WRITE));
    err = fill_tx(s);
    apr_array_clear(s->fills);
    apr_pool_clear(s->fill_pool);
    if (!err) return cloud_tx_commit(s->ctx);
    cloud_tx_rollback(s->ctx);
    return err;
}

/* A file where a folder was, or the other way round: the old node goes first, and that may have
 * to be asked. */
static cloud_err_t *take_wait(scan_t *s, scan_look_t *e)
{
    CLOUD_ERR(cloud_scan_spool(s, &s->gone, e->row->id));
    return cloud_scan_spool(s, &s->again, s->dir.id);
}

static cloud_err_t *skip(scan_t *s, const scan_look_t *e)
{
    s->stats->skipped++;
    cloud_scan_report(s, "skipped", s->dir.path, e->disk_name, e->why);
    return NULL;
}

/* What needs no write transaction. *done 0: it does. */
static cloud_err_t *without_writing(int *done, scan_t *s, scan_look_t *e)
{
    *done = 1;
    switch (e->what) {
    case SCAN_SKIP:
        return skip(s, e);
    case SCAN_NOTHING:
        if (!e->row) return NULL;
        s->dir.matched++;
        if (e->fill) return note_fill(s, e);
        return descend(s, e->row);
    case SCAN_WAIT:
        s->dir.matched++;
        return s->again.reading ? NULL : take_wait(s, e);
    default:
        *done = 0;
        return NULL;
    }
}

static cloud_err_t *apply(scan_t *s, scan_look_t *e)
{
    switch (e->what) {
    case SCAN_ADD:
        return take_new(s, e);
    case SCAN_MOVE:
        return take_move(s, e);
    case SCAN_CHANGE:
        return take_change(s, e);
    case SCAN_ADOPT:
        return take_adopt(s, e);
    case SCAN_RESPELL:
        return cloud_tree_rename(s->ctx, e->row, e->row->parent, e->row->name, e->disk_name);
    default:
        return NULL;
    }
}

cloud_err_t *cloud_scan_entry(scan_t *s, const char *name)
{
    scan_look_t e;
    int done;

    for (;;) {
        memset(&e, 0, sizeof e);
        e.disk_name = name;
        if (s->tx == SCAN_TX_NONE) CLOUD_ERR(cloud_scan_begin(s, SCAN_TX_READ));
        CLOUD_ERR(cloud_scan_look(s, &e));
        if (e.what == SCAN_HASH) {
            CLOUD_ERR(cloud_scan_hash(s, &e));
            continue;
        }
        CLOUD_ERR(without_writing(&done, s, &e));
        if (done) break;
        if (s->tx == SCAN_TX_WRITE) {
            CLOUD_ERR(apply(s, &e));
            /* New nodes are done with; the others are looked at again, until nothing is left. */
            if (e.what == SCAN_ADD) break;
            continue;
        }
        CLOUD_ERR(cloud_scan_commit(s));
        CLOUD_ERR(cloud_scan_begin(s, SCAN_TX_WRITE));
        if (s->dir.lost) return NULL;
    }
    if (e.what != SCAN_SKIP && e.nfc) {
        s->stats->seen++;
        if (S_ISREG(e.disk.mode)) s->stats->bytes += e.disk.size;
    }
    return NULL;
}
