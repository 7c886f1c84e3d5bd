/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck, one tree: each folder against its members, and its members against the disk. A folder's
 * size must be the sum of its members' and its ETag not older than any of theirs; held for each
 * folder, that makes recursive sizes and the cascade right without ever adding up a tree.
 *
 * What differs on disk is looked at again: a finding counts only when the row and its place were
 * the same before and after the disk was looked at, since whoever changes the disk changes the row
 * first. */
#include "fsck.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE   500
#define LOOKS  1000   /* at something that changes all the time */

typedef struct {
    fsck_t *f;
    apr_array_header_t *todo;  /* ids of folders; negative: its own folder is not on disk */
    apr_pool_t *page_pool;
    apr_int64_t id;
    cloud_kind_t kind;         /* of the folder; only that of the root is told from DIR */
    int fd;
    apr_int64_t on_disk;       /* members of the folder that were seen on disk */
} walk_t;

/* ---- a folder against its members ---- */

static cloud_err_t *check_sums(walk_t *w)
{
    fsck_t *f = w->f;
    apr_int64_t size = 0, etag = 0, sum = 0, newest = 0;
    cloud_stmt_t *st;
    int row, done = 0, sums_ok;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    cloud_err_t *err = cloud_db_query(&st, &row, f->ctx->db, f->iter,
                                      "SELECT p.size, p.etag, coalesce(sum(c.size), 0),"
                                      " coalesce(max(c.etag), 0) FROM node p"
                                      " LEFT JOIN node c ON c.parent = p.id AND c.kind <= 1"
                                      " WHERE p.id = ?1 GROUP BY p.id",
                                      "i", w->id);
    if (!err && row) {
        size = cloud_col_int(st, 0);
        etag = cloud_col_int(st, 1);
        sum = cloud_col_int(st, 2);
        newest = cloud_col_int(st, 3);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    sums_ok = size == sum && etag >= newest;
    if (err || sums_ok) return err;
    if (f->opts->repair) CLOUD_ERR(cloud_fsck_mend_sums(&done, f, w->id));
    if (size != sum)
        cloud_fsck_report(f, "size", cloud_fsck_path(f, w->id), done,
                          "size %" APR_INT64_T_FMT ", but the members have %" APR_INT64_T_FMT, size,
                          sum);
    if (etag < newest)
        cloud_fsck_report(f, "etag", cloud_fsck_path(f, w->id), done,
                          "ETag %" APR_INT64_T_FMT " is older than a member's, %" APR_INT64_T_FMT,
                          etag, newest);
    return NULL;
}

/* ---- a member against the disk ---- */

/* What a row is, to see whether it is the same a moment later. */
typedef struct {
    cloud_node_t node;
    const char *path;
    int exists;
} place_t;

static cloud_err_t *place_of(place_t *p, fsck_t *f, apr_int64_t id)
{
    cloud_node_t *node = NULL;
    cloud_err_t *err;

    p->exists = 0;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_tree_get(&node, f->ctx, id, f->iter);
    if (!err && node) {
        err = cloud_storage_path(&p->path, f->ctx, id, f->iter);
        p->exists = !err;
        if (cloud_err_is(err, CLOUD_E_UNAVAILABLE)) err = NULL;
    }
    cloud_tx_rollback(f->ctx);
    if (node) p->node = *node;
    return err;
}

static int same_place(const place_t *a, const place_t *b)
{
    return a->exists == b->exists
           && (!a->exists
               || (a->node.etag == b->node.etag && a->node.ino == b->node.ino
                   && a->node.ino_mtime == b->node.ino_mtime && strcmp(a->path, b->path) == 0));
}

/* What is wrong with what stands at a node's place; NULL when nothing is, or it is only another
 * inode of the same content, which any reader adopts. */
static const char *verdict(const cloud_disk_t *disk, const cloud_node_t *node)
{
    if (!cloud_disk_kind_ok(disk, node)) return "kind";
    if (CLOUD_IS_DIR(node) || cloud_disk_same_stamp(disk, node)) return NULL;
    return "changed";
}

static const struct {
    const char *kind, *detail;
} WHY[] = {
    { "missing", "not on disk: restore it from a backup, or run scan to take it as deleted" },
    { "kind", "something else is at its place on disk" },
    { "changed", "edited from outside, not taken in yet" },
};

static const char *detail_of(const char *kind)
{
    unsigned i;

    for (i = 0; i < sizeof WHY / sizeof *WHY; i++)
        if (strcmp(WHY[i].kind, kind) == 0) return WHY[i].detail;
    return "";
}

/* Another time under the same size may still be the same content: somebody touched it, or a crash
 * came between a new time on disk and its row. Readers adopt that. */
static cloud_err_t *same_content(int *same, fsck_t *f, const cloud_node_t *node)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, f->iter);
    cloud_err_t *err;
    int fd;

    *same = 0;
    CLOUD_ERR(cloud_disk_find(&fd, f->ctx, node->id, O_RDONLY, f->iter));
    if (fd < 0) return NULL;
    err = cloud_storage_copy(fd, 0, -1, -1, digest, f->iter);
    close(fd);
    *same = !err && cloud_sums_match(cloud_digest_final(digest, f->iter), node->sums) == 1;
    return NULL;
}

/* What is wrong with a node by what was found at its place; *bad NULL for nothing. */
static cloud_err_t *judge(const char **bad, fsck_t *f, const cloud_disk_t *disk,
                          const cloud_node_t *node)
{
    int same;

    *bad = verdict(disk, node);
    if (!*bad || strcmp(*bad, "changed") != 0 || disk->size != node->size || !node->sums.len)
        return NULL;
    CLOUD_ERR(same_content(&same, f, node));
    if (same) *bad = NULL;
    return NULL;
}

/* Looks until row and disk stand still. *bad NULL: all is well. */
static cloud_err_t *look_again(const char **bad, place_t *before, fsck_t *f, apr_int64_t id)
{
    cloud_disk_t disk;
    place_t after;
    int fd, look, rc;

    CLOUD_ERR(place_of(before, f, id));
    for (look = 0; look < LOOKS; look++) {
        *bad = NULL;
        if (!before->exists) return NULL;
        CLOUD_ERR(cloud_disk_find(&fd, f->ctx, id, O_PATH, f->iter));
        rc = fd >= 0 ? cloud_disk_at(&disk, fd, "") : ENOENT;
        if (fd >= 0) close(fd);
        *bad = "missing";
        if (!rc) CLOUD_ERR(judge(bad, f, &disk, &before->node));
        if (!*bad) return NULL;
        CLOUD_ERR(place_of(&after, f, id));
        if (same_place(before, &after)) return NULL;
        *before = after;
    }
    *bad = NULL; /* alive, for sure */
    return NULL;
}

static cloud_err_t *suspect(int *bad, walk_t *w, apr_int64_t id)
{
    fsck_t *f = w->f;
    const char *kind;
    place_t place;
    int done = 0;

    CLOUD_ERR(look_again(&kind, &place, f, id));
    *bad = kind != NULL;
    if (!kind) return NULL;
    if (f->opts->repair && strcmp(kind, "missing") == 0)
        CLOUD_ERR(cloud_fsck_mend_missing(&done, f, id));
    cloud_fsck_report(f, kind, cloud_fsck_path(f, id), done, "%s",
                      done ? "it was elsewhere in the account's directory" : detail_of(kind));
    return NULL;
}

static cloud_err_t *check_hash(walk_t *w, const cloud_node_t *node)
{
    fsck_t *f = w->f;
    place_t before, after;
    cloud_sums_t sums;
    cloud_disk_t disk;
    cloud_err_t *err;
    int steady, same;

    CLOUD_ERR(place_of(&before, f, node->id));
    err = cloud_disk_hash(&sums, &disk, &steady, w->fd, cloud_disk_name(w->kind, node, f->iter),
                          CLOUD_DIGEST_DEFAULT, f->iter);
    if (!err && (!steady || cloud_sums_match(sums, node->sums) != 0)) return NULL;
    /* What is to be replaced may still be here, and look the same but for what is in it. */
    CLOUD_ERR(same_content(&same, f, node));
    if (same) return NULL;
    CLOUD_ERR(place_of(&after, f, node->id));
    if (!same_place(&before, &after) || before.node.etag != node->etag) return NULL;
    if (err)
        cloud_fsck_report(f, "unreadable", cloud_fsck_path(f, node->id), 0, "%s",
                          err->cause ? err->cause : err->msg);
    else
        cloud_fsck_report(f, "hash", cloud_fsck_path(f, node->id), 0,
                          "damaged: the content is not that of its checksum");
    return NULL;
}

static cloud_err_t *check_member(walk_t *w, const cloud_node_t *node)
{
    fsck_t *f = w->f;
    const char *name = cloud_disk_name(w->kind, node, f->iter);
    cloud_disk_t disk;
    int rc, bad = 0;

    f->stats->nodes++;
    if (node->kind == CLOUD_KIND_FILE) f->stats->files++;
    rc = w->fd >= 0 ? cloud_disk_at(&disk, w->fd, name) : ENOENT;
    if (rc == 0) w->on_disk++;
    if (w->fd >= 0 && (rc != 0 || verdict(&disk, node))) CLOUD_ERR(suspect(&bad, w, node->id));
    if (node->kind == CLOUD_KIND_DIR)
        APR_ARRAY_PUSH(w->todo, apr_int64_t) = w->fd < 0 || bad ? -node->id : node->id;
    else if (f->opts->hashes && rc == 0 && !bad && node->sums.len
             && cloud_disk_same_stamp(&disk, node))
        CLOUD_ERR(check_hash(w, node));
    return NULL;
}

static cloud_err_t *load_page(apr_array_header_t *page, walk_t *w, const char *after)
{
    fsck_t *f = w->f;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, f->ctx->db, page->pool,
                         "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = ?1 AND name > ?2"
                         " AND kind <= 1 ORDER BY name LIMIT ?3",
                         "iti", w->id, after, (apr_int64_t)PAGE);
    while (!err && row) {
        cloud_tree_row(apr_array_push(page), st, 0, page->pool);
        err = cloud_stmt_step(&row, st, page->pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    return err;
}

static cloud_err_t *check_members(walk_t *w)
{
    char last[4096] = "";
    apr_array_header_t *page;
    int i;

    for (;;) {
        apr_pool_clear(w->page_pool);
        page = apr_array_make(w->page_pool, PAGE, sizeof(cloud_node_t));
        CLOUD_ERR(load_page(page, w, last));
        for (i = 0; i < page->nelts; i++) {
            apr_pool_clear(w->f->iter);
            CLOUD_ERR(check_member(w, &APR_ARRAY_IDX(page, i, cloud_node_t)));
        }
        if (page->nelts < PAGE) return NULL;
        apr_cpystrn(last, APR_ARRAY_IDX(page, PAGE - 1, cloud_node_t).name, sizeof last);
    }
}

/* ---- the disk against the members ---- */

static cloud_err_t *has_row(int *has, fsck_t *f, apr_int64_t folder, const char *name)
{
    const char *nfc = cloud_name_nfc(name, f->iter);
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, has, f->ctx->db, f->iter,
                         "SELECT 1 FROM node WHERE parent = ?1 AND name = ?2"
                         " AND coalesce(disk, name) = ?3"
                         " UNION ALL SELECT 1 FROM node WHERE disk = ?3 AND +parent = ?1 LIMIT 1",
                         "itt", folder, nfc ? nfc : name, name);
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    return err;
}

static cloud_err_t *is_owed(int *owed, fsck_t *f, apr_uint64_t ino)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, owed, f->ctx->db, f->iter, "SELECT 1 FROM journal WHERE ino = ?1"
                         " LIMIT 1", "i", (apr_int64_t)ino);
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    return err;
}

/* A name without a row. In this order: who takes a row away leaves a journal row until the file is
 * gone. What scan would not take in either is nobody's damage. */
static cloud_err_t *check_stray(walk_t *w, const char *name)
{
    fsck_t *f = w->f;
    cloud_disk_t disk, now;
    cloud_err_t *err;
    int known;

    if (cloud_disk_at(&disk, w->fd, name) != 0 || cloud_disk_odd(&disk)) return NULL;
    if (!cloud_name_xml_ok(name)) return NULL;
    CLOUD_ERR(has_row(&known, f, w->id, name));
    if (known) return NULL;
    CLOUD_ERR(is_owed(&known, f, disk.ino));
    if (known) return NULL;
    if (cloud_disk_at(&now, w->fd, name) != 0 || now.ino != disk.ino) return NULL;
    CLOUD_ERR(has_row(&known, f, w->id, name));
    if (known) return NULL;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_files_name_check(f->ctx, name);
    cloud_tx_rollback(f->ctx);
    if (err) return NULL;
    cloud_fsck_report(f, "stray", apr_pstrcat(f->iter, cloud_fsck_path(f, w->id), "/", name, NULL),
                      0, "on disk, but not in the database: run scan to take it in");
    return NULL;
}

static cloud_err_t *check_strays(walk_t *w)
{
    int fd = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    cloud_err_t *err = NULL;
    apr_int64_t count = 0;
    struct dirent *ent;

    if (!dir) {
        if (fd >= 0) close(fd);
        return NULL;
    }
    while (readdir(dir)) count++;
    /* As many entries as members (and "." and ".."): none can be a stray. */
    if (count - 2 != w->on_disk) rewinddir(dir);
    while (!err && (ent = readdir(dir)) != NULL) {
        const char *n = ent->d_name;

        if (n[0] == '.' && (!n[1] || (n[1] == '.' && !n[2]))) continue;
        apr_pool_clear(w->f->iter);
        err = check_stray(w, n);
    }
    closedir(dir);
    return err;
}

/* ---- the walk ---- */

/* Opens the folder, wherever it is; w->fd -1 when it is nowhere, or may not be listed. */
static cloud_err_t *open_folder(walk_t *w)
{
    fsck_t *f = w->f;
    int fd, err;

    CLOUD_ERR(cloud_disk_find(&fd, f->ctx, w->id, O_PATH | O_DIRECTORY, f->iter));
    if (fd < 0) return NULL;
    w->fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = errno;
    close(fd);
    /* ENOENT: it was there a moment ago, and is deleted by now. */
    if (w->fd < 0 && err != ENOENT)
        cloud_fsck_report(f, "unreadable", cloud_fsck_path(f, w->id), 0, "%s", strerror(err));
    return NULL;
}

static cloud_err_t *visit(walk_t *w, apr_int64_t id)
{
    cloud_err_t *err;

    apr_pool_clear(w->f->iter);
    w->id = id < 0 ? -id : id;
    w->fd = -1;
    w->on_disk = 0;
    CLOUD_ERR(check_sums(w));
    if (id > 0) CLOUD_ERR(open_folder(w));
    err = check_members(w);
    /* What lies in a bin without a row is cloud_fsck_bin()'s. */
    if (!err && w->fd >= 0 && w->kind != CLOUD_KIND_TRASH) err = check_strays(w);
    if (w->fd >= 0) close(w->fd);
    w->kind = CLOUD_KIND_DIR;
    return err;
}

cloud_err_t *cloud_fsck_tree(fsck_t *f, apr_int64_t root, cloud_kind_t kind)
{
    walk_t w = { .f = f, .kind = kind };
    cloud_err_t *err = NULL;
    apr_pool_t *pool;

    apr_pool_create(&pool, f->pool);
    apr_pool_create(&w.page_pool, pool);
    w.todo = apr_array_make(pool, 256, sizeof(apr_int64_t));
    APR_ARRAY_PUSH(w.todo, apr_int64_t) = root;
    f->stats->nodes++;
    while (!err && w.todo->nelts) err = visit(&w, *(apr_int64_t *)apr_array_pop(w.todo));
    err = cloud_err_keep(err, f->ctx->pool);
    apr_pool_destroy(pool);
    return err;
}
