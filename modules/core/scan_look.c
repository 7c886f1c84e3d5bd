/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What one name on disk is to the tree. Looking reads only. */
#include "scan.h"

#include <errno.h>
#include <string.h>

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
static cloud_err_t *free_name(const char **name, scan_t *s, const scan_look_t *e)
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
static cloud_err_t *look_new(scan_t *s, scan_look_t *e)
{
    cloud_err_t *err = cloud_files_name_check(s->ctx, e->nfc);

    if (err && err->code != CLOUD_E_INVALID_NAME && err->code != CLOUD_E_BLACKLISTED) return err;
    if (err) {
        e->what = SCAN_SKIP;
        e->why = err->msg;
        return NULL;
    }
    e->what = SCAN_ADD;
    return free_name(&e->name, s, e);
}

/* Could the row be this entry, seen from the inode alone? Directories have no content to compare:
 * without a birth time their number proves nothing. */
static int could_be(const scan_look_t *e, const cloud_node_t *row)
{
    int born = e->disk.btime && e->disk.btime == row->btime;

    if (row->kind != CLOUD_KIND_FILE && row->kind != CLOUD_KIND_DIR) return 0;
    if (!cloud_disk_kind_ok(&e->disk, row) || !cloud_disk_same_inode(&e->disk, row)) return 0;
    return born || (row->kind == CLOUD_KIND_FILE && cloud_disk_same_stamp(&e->disk, row));
}

/* A row in no folder, or in what is none: damage that fsck repairs by us. */
static cloud_err_t *is_orphan(scan_look_t *e, scan_t *s, const cloud_node_t *row,
                              apr_int64_t top_id)
{
    cloud_node_t *top, *parent;

    CLOUD_ERR(cloud_tree_get(&top, s->ctx, top_id, s->entry_pool));
    CLOUD_ERR(cloud_tree_get(&parent, s->ctx, row->parent, s->entry_pool));
    e->orphan = (top && top->parent != 0) || !parent || !CLOUD_IS_DIR(parent);
    return NULL;
}

/* True when the row has lost its place: the old name is gone (an id follows an inode only then). */
static cloud_err_t *place_gone(int *gone, scan_look_t *e, scan_t *s, const cloud_node_t *row)
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
static cloud_err_t *look_moved(scan_t *s, scan_look_t *e)
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
        e->what = SCAN_MOVE;
        break;
    }
    return err;
}

static int hashed(const scan_t *s, const scan_look_t *e)
{
    return s->hashed.ino == e->disk.ino && s->hashed.size == e->disk.size
           && s->hashed.mtime == e->disk.mtime;
}

/* A file that has its row: same content? Size and time decide where they can. */
static void look_content(scan_t *s, scan_look_t *e)
{
    const cloud_node_t *row = e->row;
    int same = cloud_disk_identical(&e->disk, row), stamp = cloud_disk_same_stamp(&e->disk, row);

    e->what = same ? SCAN_NOTHING : stamp ? SCAN_ADOPT : SCAN_CHANGE;
    if (stamp ? !s->opts->rehash : row->size != e->disk.size || !row->sums.len) return;
    if (!hashed(s, e)) {
        e->what = SCAN_HASH;
        return;
    }
    if (s->hashed.failed) return;
    e->sums = s->hashed.sums;
    if (!row->sums.len && same) {
        e->fill = 1;
    } else if (!row->sums.len) {
        e->what = stamp ? SCAN_ADOPT : SCAN_CHANGE;
    } else if (cloud_sums_match(row->sums, e->sums) == 0) {
        /* Nobody wrote to it, by all that the file system knows: rot must not go to the clients. */
        e->what = same ? SCAN_SKIP : SCAN_CHANGE;
        e->why = same ? "damaged: not the content of its checksum, but size and times are the same"
                        " (restore it, or touch it to take it in as it is)"
                      : stamp ? "other content, though size and time agree" : NULL;
    } else if (!same) {
        e->what = SCAN_ADOPT;
    }
}

static void look_row(scan_t *s, scan_look_t *e)
{
    if (!cloud_disk_kind_ok(&e->disk, e->row)) {
        e->what = SCAN_WAIT;
    } else if (e->row->kind == CLOUD_KIND_DIR) {
        e->what = cloud_disk_identical(&e->disk, e->row) ? SCAN_NOTHING : SCAN_ADOPT;
    } else {
        look_content(s, e);
    }
}

/* The row that this name on disk belongs to. *taken: another one has its NFC form. */
static cloud_err_t *find_row(scan_t *s, scan_look_t *e)
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
        e->what = SCAN_RESPELL;
    }
    return NULL;
}

cloud_err_t *cloud_scan_look(scan_t *s, scan_look_t *e)
{
    int rc = cloud_disk_at(&e->disk, s->dir.fd, e->disk_name);

    e->what = SCAN_NOTHING;
    if (rc == ENOENT) return NULL;
    e->what = SCAN_SKIP;
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
    e->what = SCAN_NOTHING;
    CLOUD_ERR(find_row(s, e));
    if (e->row) {
        if (e->what != SCAN_RESPELL) look_row(s, e);
        return NULL;
    }
    CLOUD_ERR(look_new(s, e));
    return e->what == SCAN_ADD ? look_moved(s, e) : NULL;
}

cloud_err_t *cloud_scan_hash(scan_t *s, const scan_look_t *e)
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
