/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* One name on disk: what it is to the tree, and taking it in. Looking reads only; when it finds
 * something to do outside a write transaction, it is done all over inside one. */
#include "scan.h"
#include "lock.h"

#include <errno.h>
#include <string.h>

#define FILLS_MAX 256

typedef enum {
    DO_NOTHING,
    DO_SKIP,      /* can't be served: reported */
    DO_HASH,      /* only its content tells: to be read outside of transactions */
    DO_ADOPT,     /* same content, other identity: nobody need know */
    DO_RESPELL,   /* same name in another normal form */
    DO_CHANGE,    /* other content */
    DO_ADD,
    DO_MOVE,
    DO_WAIT       /* the name is taken by a node whose file is gone: after removing that */
} what_t;

typedef struct {
    const char *disk_name;
    cloud_disk_t disk;
    const char *nfc;
    cloud_node_t *row;         /* of this entry, or the one that moved here */
    const char *name;          /* free name for what is added or moved */
    const char *old_path;      /* where the moved one was */
    int orphan;                /* it was nowhere: no folder is without it now */
    const char *why;
    cloud_sums_t sums;         /* of the content, when it was read */
    int fill;                  /* the row has no checksums yet */
    what_t what;
} look_t;

/* ---- looking ---- */

static cloud_err_t *by_disk_name(cloud_node_t **row, scan_t *s, const char *disk_name)
{
    cloud_stmt_t *st;
    int got;

    *row = NULL;
    /* The plus keeps SQLite from reading the whole folder, by the primary key. */
    CLOUD_ERR(cloud_db_query(&st, &got, s->ctx->db, s->entry_pool,
                             "SELECT " CLOUD_NODE_COLS " FROM node WHERE disk = ?2"
                             " AND +parent = ?1",
                             "it", s->dir.id, disk_name));
    if (got) {
        *row = apr_palloc(s->entry_pool, sizeof **row);
        cloud_tree_row(*row, st, 0, s->entry_pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

/* A name for a second one whose name has the same NFC form. */
static cloud_err_t *free_name(const char **name, scan_t *s, const look_t *e)
{
    cloud_node_t *taken = NULL;
    int n;

    *name = e->nfc;
    CLOUD_ERR(cloud_tree_child(&taken, s->ctx, s->dir.id, *name, s->entry_pool));
    for (n = 2; taken; n++) {
        *name = cloud_name_numbered(e->nfc, n, S_ISDIR(e->disk.mode), s->entry_pool);
        CLOUD_ERR(cloud_tree_child(&taken, s->ctx, s->dir.id, *name, s->entry_pool));
    }
    return NULL;
}

/* Something without a row: may it have one, and under which name? */
static cloud_err_t *look_new(scan_t *s, look_t *e)
{
    cloud_err_t *err = cloud_files_name_check(s->ctx, e->nfc);

    if (err && err->code != CLOUD_E_INVALID_NAME && err->code != CLOUD_E_BLACKLISTED) return err;
    if (err) {
        e->what = DO_SKIP;
        e->why = err->msg;
        return NULL;
    }
    e->what = DO_ADD;
    return free_name(&e->name, s, e);
}

/* Could the row be this entry, seen from the inode alone? Directories have no content to compare:
 * without a birth time their number proves nothing. */
static int could_be(const look_t *e, const cloud_node_t *row)
{
    int born = e->disk.btime && e->disk.btime == row->btime;

    if (row->kind != CLOUD_KIND_FILE && row->kind != CLOUD_KIND_DIR) return 0;
    if (!cloud_disk_kind_ok(&e->disk, row) || !cloud_disk_same_inode(&e->disk, row)) return 0;
    return born || (row->kind == CLOUD_KIND_FILE && cloud_disk_same_stamp(&e->disk, row));
}

/* A row in no folder, or in what is none: damage that fsck repairs by us. */
static cloud_err_t *is_orphan(look_t *e, scan_t *s, const cloud_node_t *row, apr_int64_t top_id)
{
    cloud_node_t *top, *parent;

    CLOUD_ERR(cloud_tree_get(&top, s->ctx, top_id, s->entry_pool));
    CLOUD_ERR(cloud_tree_get(&parent, s->ctx, row->parent, s->entry_pool));
    e->orphan = (top && top->parent != 0) || !parent || !CLOUD_IS_DIR(parent);
    return NULL;
}

/* True when the row has lost its place: the old name is gone (an id follows an inode only then). */
static cloud_err_t *place_gone(int *gone, look_t *e, scan_t *s, const cloud_node_t *row)
{
    apr_int64_t *chain;
    struct stat st;
    int depth, found, i;

    *gone = 0;
    CLOUD_ERR(cloud_tree_chain(&chain, &depth, s->ctx, row->id, s->entry_pool));
    for (i = 0; i < s->dir.depth; i++)
        if (s->dir.chain[i] == row->id) return NULL; /* into itself: not on any real disk */
    if (depth == 0) return NULL;
    CLOUD_ERR(is_orphan(e, s, row, chain[0]));
    if (e->orphan) {
        e->old_path = "(nowhere)";
        *gone = 1;
        return NULL;
    }
    if (chain[0] != s->account->root) return NULL;
    CLOUD_ERR(cloud_storage_path(&e->old_path, s->ctx, row->id, s->entry_pool));
    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, s->ctx->store, e->old_path, s->entry_pool));
    *gone = !found;
    return NULL;
}

/* Was it moved here? The row that its inode belongs to, when the old name is gone. */
static cloud_err_t *look_moved(scan_t *s, look_t *e)
{
    apr_array_header_t *rows = NULL;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int got, i, gone;

    CLOUD_ERR(cloud_db_query(&st, &got, s->ctx->db, s->entry_pool,
                             "SELECT " CLOUD_NODE_COLS " FROM node WHERE ino = ?1 AND ino <> 0",
                             "i", (apr_int64_t)e->disk.ino));
    for (err = NULL; !err && got; err = cloud_stmt_step(&got, st, s->entry_pool)) {
        cloud_node_t row;
        cloud_tree_row(&row, st, 0, s->entry_pool);
        if (!could_be(e, &row)) continue;
        if (!rows) rows = apr_array_make(s->entry_pool, 2, sizeof row);
        APR_ARRAY_PUSH(rows, cloud_node_t) = row;
    }
    cloud_stmt_done(st);
    for (i = 0; !err && rows && i < rows->nelts; i++) {
        cloud_node_t *row = &APR_ARRAY_IDX(rows, i, cloud_node_t);
        err = place_gone(&gone, e, s, row);
        if (err || !gone) continue;
        e->row = row;
        e->what = DO_MOVE;
        break;
    }
    return err;
}

static int hashed(const scan_t *s, const look_t *e)
{
    return s->hashed.ino == e->disk.ino && s->hashed.size == e->disk.size
           && s->hashed.mtime == e->disk.mtime;
}

/* A file that has its row: same content? Size and time decide where they can. */
static void look_content(scan_t *s, look_t *e)
{
    const cloud_node_t *row = e->row;
    int same = cloud_disk_identical(&e->disk, row), stamp = cloud_disk_same_stamp(&e->disk, row);

    e->what = same ? DO_NOTHING : stamp ? DO_ADOPT : DO_CHANGE;
    if (stamp ? !s->opts->rehash : row->size != e->disk.size || !row->sums.len) return;
    if (!hashed(s, e)) {
        e->what = DO_HASH;
        return;
    }
    if (s->hashed.failed) return;
    e->sums = s->hashed.sums;
    if (!row->sums.len && same) {
        e->fill = 1;
    } else if (!row->sums.len) {
        e->what = stamp ? DO_ADOPT : DO_CHANGE;
    } else if (cloud_sums_match(row->sums, e->sums) == 0) {
        /* Nobody wrote to it, by all that the file system knows: rot must not go to the clients. */
        e->what = same ? DO_SKIP : DO_CHANGE;
        e->why = same ? "damaged: not the content of its checksum, but size and times are the same"
                        " (restore it, or touch it to take it in as it is)"
                      : stamp ? "other content, though size and time agree" : NULL;
    } else if (!same) {
        e->what = DO_ADOPT;
    }
}

static void look_row(scan_t *s, look_t *e)
{
    if (!cloud_disk_kind_ok(&e->disk, e->row)) {
        e->what = DO_WAIT;
    } else if (e->row->kind == CLOUD_KIND_DIR) {
        e->what = cloud_disk_identical(&e->disk, e->row) ? DO_NOTHING : DO_ADOPT;
    } else {
        look_content(s, e);
    }
}

/* The row that this name on disk belongs to. *taken: another one has its NFC form. */
static cloud_err_t *find_row(scan_t *s, look_t *e)
{
    cloud_node_t *row, *other;
    cloud_disk_t old;

    CLOUD_ERR(cloud_tree_child(&row, s->ctx, s->dir.id, e->nfc, s->entry_pool));
    if (row && row->kind != CLOUD_KIND_MOUNT && strcmp(row->disk, e->disk_name) == 0) {
        e->row = row;
        return NULL;
    }
    CLOUD_ERR(by_disk_name(&other, s, e->disk_name));
    if (other) {
        e->row = other;
    } else if (row && row->kind != CLOUD_KIND_MOUNT
               && cloud_disk_at(&old, s->dir.fd, row->disk) == ENOENT
               && cloud_disk_kind_ok(&e->disk, row)) {
        e->row = row;
        e->what = DO_RESPELL;
    }
    return NULL;
}

static cloud_err_t *look(scan_t *s, look_t *e)
{
    int rc = cloud_disk_at(&e->disk, s->dir.fd, e->disk_name);

    e->what = DO_NOTHING;
    if (rc == ENOENT) return NULL;
    e->what = DO_SKIP;
    e->why = rc ? strerror(rc) : cloud_disk_odd(&e->disk);
    if (e->why) return NULL;
    if (e->disk.dev != s->dev) {
        e->why = "on another file system";
        return NULL;
    }
    e->nfc = cloud_name_xml_ok(e->disk_name) ? cloud_name_nfc(e->disk_name, s->entry_pool) : NULL;
    if (!e->nfc) {
        e->why = "the name is not UTF-8, or not legal in XML";
        return NULL;
    }
    e->what = DO_NOTHING;
    CLOUD_ERR(find_row(s, e));
    if (e->row) {
        if (e->what != DO_RESPELL) look_row(s, e);
        return NULL;
    }
    CLOUD_ERR(look_new(s, e));
    return e->what == DO_ADD ? look_moved(s, e) : NULL;
}

/* Reads and hashes the file, outside of transactions. */
static cloud_err_t *hash_entry(scan_t *s, const look_t *e)
{
    cloud_disk_t disk;
    cloud_err_t *err;
    int steady;

    CLOUD_ERR(cloud_scan_commit(s));
    apr_pool_clear(s->hashed.pool);
    err = cloud_disk_hash(&s->hashed.sums, &disk, &steady, s->dir.fd, e->disk_name,
                          CLOUD_DIGEST_DEFAULT, s->hashed.pool);
    /* Keyed by what was asked for: one that changed meanwhile is looked at again anyway. */
    s->hashed.ino = e->disk.ino;
    s->hashed.size = e->disk.size;
    s->hashed.mtime = e->disk.mtime;
    s->hashed.failed = err != NULL || !steady || disk.ino != e->disk.ino
                       || disk.size != e->disk.size || disk.mtime != e->disk.mtime;
    return NULL;
}

/* ---- taking in ---- */

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

static cloud_err_t *take_new(scan_t *s, look_t *e)
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

static cloud_err_t *take_change(scan_t *s, look_t *e)
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
static cloud_err_t *take_move(scan_t *s, look_t *e)
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

static cloud_err_t *take_adopt(scan_t *s, look_t *e)
{
    cloud_disk_stamp(e->row, &e->disk);
    return cloud_tree_update(s->ctx, e->row);
}

/* Collected, for a transaction for each file would cost more than reading it. */
static cloud_err_t *note_fill(scan_t *s, const look_t *e)
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
static cloud_err_t *take_wait(scan_t *s, look_t *e)
{
    CLOUD_ERR(cloud_scan_spool(s, &s->gone, e->row->id));
    return cloud_scan_spool(s, &s->again, s->dir.id);
}

static cloud_err_t *skip(scan_t *s, const look_t *e)
{
    s->stats->skipped++;
    cloud_scan_report(s, "skipped", s->dir.path, e->disk_name, e->why);
    return NULL;
}

/* What needs no write transaction. *done 0: it does. */
static cloud_err_t *without_writing(int *done, scan_t *s, look_t *e)
{
    *done = 1;
    switch (e->what) {
    case DO_SKIP:
        return skip(s, e);
    case DO_NOTHING:
        if (!e->row) return NULL;
        s->dir.matched++;
        if (e->fill) return note_fill(s, e);
        return descend(s, e->row);
    case DO_WAIT:
        s->dir.matched++;
        return s->again.reading ? NULL : take_wait(s, e);
    default:
        *done = 0;
        return NULL;
    }
}

static cloud_err_t *apply(scan_t *s, look_t *e)
{
    switch (e->what) {
    case DO_ADD:
        return take_new(s, e);
    case DO_MOVE:
        return take_move(s, e);
    case DO_CHANGE:
        return take_change(s, e);
    case DO_ADOPT:
        return take_adopt(s, e);
    case DO_RESPELL:
        return cloud_tree_rename(s->ctx, e->row, e->row->parent, e->row->name, e->disk_name);
    default:
        return NULL;
    }
}

cloud_err_t *cloud_scan_entry(scan_t *s, const char *name)
{
    look_t e;
    int done;

    for (;;) {
        memset(&e, 0, sizeof e);
        e.disk_name = name;
        if (s->tx == SCAN_TX_NONE) CLOUD_ERR(cloud_scan_begin(s, SCAN_TX_READ));
        CLOUD_ERR(look(s, &e));
        if (e.what == DO_HASH) {
            CLOUD_ERR(hash_entry(s, &e));
            continue;
        }
        CLOUD_ERR(without_writing(&done, s, &e));
        if (done) break;
        if (s->tx == SCAN_TX_WRITE) {
            CLOUD_ERR(apply(s, &e));
            /* New nodes are done with; the others are looked at again, until nothing is left. */
            if (e.what == DO_ADD) break;
            continue;
        }
        CLOUD_ERR(cloud_scan_commit(s));
        CLOUD_ERR(cloud_scan_begin(s, SCAN_TX_WRITE));
        if (s->dir.lost) return NULL;
    }
    if (e.what != DO_SKIP && e.nfc) {
        s->stats->seen++;
        if (S_ISREG(e.disk.mode)) s->stats->bytes += e.disk.size;
    }
    return NULL;
}
