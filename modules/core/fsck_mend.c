/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck --repair. Rows are mended, content is never deleted: what belongs nowhere goes to the
 * account's lost+found, and a file that is missing stays missing until somebody restores it or has
 * scan take it as deleted. Each of these looks again inside its write transaction. */
#include "fsck.h"
#include "lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Commits when err is NULL; a mend is durable when it is told. */
static cloud_err_t *finish(fsck_t *f, cloud_err_t *err)
{
    return cloud_tx_end(f->ctx, err);
}

/* ---- sizes and ETags ---- */

/* From the folder up: each one gets the sum of its members, and all a new number. */
static cloud_err_t *sums_tx(fsck_t *f, apr_int64_t folder)
{
    apr_int64_t number, *chain;
    int depth, i;

    CLOUD_ERR(cloud_tree_chain(&chain, &depth, f->ctx, folder, f->iter));
    if (depth == 0) return NULL;
    CLOUD_ERR(cloud_tree_draw(&number, f->ctx));
    for (i = depth - 1; i >= 0; i--)
        CLOUD_ERR(cloud_db_run(f->ctx->db, NULL, f->iter,
                               "UPDATE node SET etag = ?2, size = (SELECT coalesce(sum(c.size), 0)"
                               " FROM node c WHERE c.parent = ?1 AND c.kind <= 1) WHERE id = ?1",
                               "ii", chain[i], number));
    return NULL;
}

cloud_err_t *cloud_fsck_mend_sums(int *done, fsck_t *f, apr_int64_t folder)
{
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(finish(f, sums_tx(f, folder)));
    *done = 1;
    return NULL;
}

/* ---- names, numbers, roots ---- */

/* A legal name in normal form that is free in the folder. */
static cloud_err_t *free_name(const char **name, fsck_t *f, const cloud_node_t *node)
{
    char *clean = apr_pstrdup(f->iter, node->name), *c;
    cloud_node_t *taken;
    const char *nfc;
    int n;

    for (c = clean; *c; c++)
        if (*c == '/') *c = '_';
    nfc = *clean && strcmp(clean, ".") != 0 && strcmp(clean, "..") != 0
              ? cloud_name_nfc(clean, f->iter) : NULL;
    if (!nfc || !cloud_name_xml_ok(nfc))
        nfc = apr_psprintf(f->iter, "lost-%" APR_INT64_T_FMT, node->id);
    *name = nfc;
    for (n = 2;; n++) {
        CLOUD_ERR(cloud_tree_child(&taken, f->ctx, node->parent, *name, f->iter));
        if (!taken || taken->id == node->id) return NULL;
        *name = apr_psprintf(f->iter, "%.200s (%d)", nfc, n);
    }
}

static cloud_err_t *name_tx(int *done, fsck_t *f, apr_int64_t id)
{
    cloud_node_t *node;
    const char *name, *disk;
    apr_int64_t number, *chain;
    int depth;

    CLOUD_ERR(cloud_tree_get(&node, f->ctx, id, f->iter));
    if (!node || node->parent == 0) return NULL;
    CLOUD_ERR(free_name(&name, f, node));
    disk = *node->disk && !strchr(node->disk, '/') ? node->disk : name;
    CLOUD_ERR(cloud_tree_rename(f->ctx, node, node->parent, name, disk));
    CLOUD_ERR(cloud_tree_chain(&chain, &depth, f->ctx, node->parent, f->iter));
    CLOUD_ERR(cloud_tree_draw(&number, f->ctx));
    CLOUD_ERR(cloud_tree_bump(f->ctx, chain, depth, number, 0, CLOUD_NO_MTIME));
    *done = 1;
    return NULL;
}

cloud_err_t *cloud_fsck_mend_name(int *done, fsck_t *f, apr_int64_t id)
{
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    return finish(f, name_tx(done, f, id));
}

cloud_err_t *cloud_fsck_mend_counter(int *done, fsck_t *f, apr_int64_t at_least)
{
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(finish(f, cloud_db_run(f->ctx->db, NULL, f->iter,
                                     "UPDATE counter SET last = max(last, ?1)", "i", at_least)));
    *done = 1;
    return NULL;
}

static cloud_err_t *root_tx(fsck_t *f, apr_int64_t account, apr_int64_t id, cloud_kind_t kind)
{
    const char *name = apr_psprintf(f->iter, "%d:%" APR_INT64_T_FMT ":%" APR_INT64_T_FMT,
                                    (int)kind, account, id); /* as cloud_tree_new_root() has it */
    cloud_node_t node = { .id = id, .kind = kind, .name = name };
    cloud_node_t *old;

    CLOUD_ERR(cloud_tree_get(&old, f->ctx, id, f->iter));
    if (old) {
        old->kind = kind;
        CLOUD_ERR(cloud_tree_update(f->ctx, old));
        CLOUD_ERR(cloud_tree_rename(f->ctx, old, 0, name, name));
    } else {
        CLOUD_ERR(cloud_tree_draw(&node.etag, f->ctx));
        node.mtime = node.created = apr_time_sec(apr_time_now());
        CLOUD_ERR(cloud_tree_insert(f->ctx, &node));
    }
    return kind == CLOUD_KIND_ROOT ? sums_tx(f, id) : NULL;
}

cloud_err_t *cloud_fsck_mend_root(int *done, fsck_t *f, apr_int64_t account, apr_int64_t id,
                                  cloud_kind_t kind)
{
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(finish(f, root_tx(f, account, id, kind)));
    *done = 1;
    return NULL;
}

/* ---- what hangs nowhere ---- */

/* A folder inside itself is cut off, and is an orphan then. Its new parent is a number that no node
 * has or ever will have. */
cloud_err_t *cloud_fsck_mend_cycle(int *done, fsck_t *f, apr_int64_t id)
{
    apr_int64_t nowhere, at = id;
    cloud_node_t *node;
    cloud_err_t *err;
    int steps;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    err = cloud_tree_draw(&nowhere, f->ctx);
    /* Only a node of the ring itself: from there one comes back. */
    for (steps = 0; !err && steps < 100000; steps++) {
        err = cloud_tree_get(&node, f->ctx, at, f->iter);
        if (err || !node) break;
        at = node->parent;
        if (at != id) continue;
        err = cloud_tree_get(&node, f->ctx, id, f->iter);
        if (!err && node)
            err = cloud_tree_rename(f->ctx, node, nowhere, node->name, node->disk);
        *done = !err && node;
        break;
    }
    if (*done && f->orphans->nelts < 1000000) APR_ARRAY_PUSH(f->orphans, apr_int64_t) = id;
    return finish(f, err);
}

static cloud_err_t *delete_below(fsck_t *f, apr_int64_t id)
{
    const apr_array_header_t *features = cloud_features();
    apr_int64_t child;
    cloud_node_t *node;
    cloud_stmt_t *st;
    int row, i;

    for (;;) {
        CLOUD_ERR(cloud_db_query(&st, &row, f->ctx->db, f->iter,
                                 "SELECT id FROM node WHERE parent = ?1 LIMIT 1", "i", id));
        child = row ? cloud_col_int(st, 0) : 0;
        cloud_stmt_done(st);
        if (!row) break;
        CLOUD_ERR(delete_below(f, child));
    }
    CLOUD_ERR(cloud_tree_get(&node, f->ctx, id, f->iter));
    if (!node) return NULL;
    CLOUD_ERR(cloud_props_delete(f->ctx, id));
    CLOUD_ERR(cloud_favorite_forget(f->ctx, node));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *feature = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (feature->purged) CLOUD_ERR(feature->purged(f->ctx, id));
    }
    return cloud_tree_delete_row(f->ctx, node);
}

/* Still without a place: its parent is missing, or it is no root and has none. */
static cloud_err_t *orphan_tx(int *done, fsck_t *f, apr_int64_t id)
{
    cloud_node_t *node, *parent = NULL;

    CLOUD_ERR(cloud_tree_get(&node, f->ctx, id, f->iter));
    if (!node) return NULL;
    if (node->parent) CLOUD_ERR(cloud_tree_get(&parent, f->ctx, node->parent, f->iter));
    if (parent && parent->kind != CLOUD_KIND_FILE && parent->kind != CLOUD_KIND_MOUNT) return NULL;
    CLOUD_ERR(delete_below(f, id));
    *done = 1;
    return NULL;
}

/* A scan has been there since: what it could not give a place has no content on any disk. */
cloud_err_t *cloud_fsck_mend_orphans(fsck_t *f)
{
    int i, done;

    for (i = 0; i < f->orphans->nelts; i++) {
        apr_int64_t id = APR_ARRAY_IDX(f->orphans, i, apr_int64_t);

        apr_pool_clear(f->iter);
        done = 0;
        CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
        CLOUD_ERR(finish(f, orphan_tx(&done, f, id)));
        f->stats->repaired++;
    }
    return NULL;
}

/* ---- by scan ---- */

static void scanned(void *baton, const char *what, const char *path, const char *detail)
{
    static const struct {
        const char *what, *kind, *detail;
        int repaired;
    } SAME_AS[] = {
        { "added", "stray", "on disk, but not in the database: taken in", 1 },
        { "changed", "changed", "edited from outside: taken in", 1 },
        { "moved", "moved", "moved from outside: taken in", 1 },
    };
    fsck_t *f = baton;
    unsigned i;

    (void)detail;
    for (i = 0; i < sizeof SAME_AS / sizeof *SAME_AS; i++)
        if (strcmp(what, SAME_AS[i].what) == 0)
            cloud_fsck_report(f, SAME_AS[i].kind, path, SAME_AS[i].repaired, "%s",
                              SAME_AS[i].detail);
}

cloud_err_t *cloud_fsck_mend_by_scan(fsck_t *f)
{
    cloud_scan_opts_t opts = { .limit_percent = -1,
                               .rehash = f->opts->hashes,
                               .report = scanned,
                               .baton = f };
    cloud_scan_stats_t stats;

    return cloud_scan(&stats, f->ctx, f->account, "", &opts);
}

/* ---- content ---- */

/* The entry of a directory (below accounts/) that is the node's content; NULL when none is. */
static cloud_err_t *search_dir(const char **found, fsck_t *f, const char *path,
                               const cloud_node_t *node)
{
    struct dirent *ent;
    cloud_disk_t disk;
    DIR *dir;
    int fd;

    *found = NULL;
    CLOUD_ERR(cloud_storage_open(&fd, f->ctx->store, path, O_RDONLY | O_DIRECTORY, f->iter));
    dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0) close(fd);
        return NULL;
    }
    while (!*found && (ent = readdir(dir)) != NULL) {
        if (ent->d_ino != node->ino || cloud_disk_at(&disk, fd, ent->d_name) != 0) continue;
        if (!cloud_disk_kind_ok(&disk, node) || !cloud_disk_identical(&disk, node)) continue;
        *found = apr_pstrcat(f->iter, path, "/", ent->d_name, NULL);
    }
    closedir(dir);
    return NULL;
}

/* In the account's own directories. */
static cloud_err_t *search(const char **found, fsck_t *f, const cloud_node_t *node)
{
    static const char *const PLACES[] = { CLOUD_STAGING, CLOUD_PURGE, CLOUD_LOST };
    const char *dir;
    unsigned i;

    *found = NULL;
    for (i = 0; !*found && i < sizeof PLACES / sizeof *PLACES; i++) {
        dir = apr_pstrcat(f->iter, f->account->dir, "/", PLACES[i], NULL);
        CLOUD_ERR(search_dir(found, f, dir, node));
    }
    return NULL;
}

/* Journalled as any other move, so that a crash on the way does no harm. */
static cloud_err_t *bring_back_tx(int *done, fsck_t *f, apr_int64_t id)
{
    const char *place, *found;
    cloud_node_t *node;

    CLOUD_ERR(cloud_tree_get(&node, f->ctx, id, f->iter));
    if (!node || node->ino == 0) return NULL;
    CLOUD_ERR(cloud_storage_path(&place, f->ctx, id, f->iter));
    CLOUD_ERR(search(&found, f, node));
    if (!found) return NULL;
    CLOUD_ERR(cloud_journal_add(f->ctx, f->account->root, 0, node->ino, CLOUD_IS_DIR(node), found,
                                place));
    *done = 1;
    return NULL;
}

static cloud_err_t *bring_kept_back_tx(int *done, fsck_t *f, const cloud_feature_t *feature,
                                       const cloud_kept_t *kept)
{
    cloud_node_t node = { .kind = CLOUD_KIND_FILE, .ino = kept->ino, .size = kept->size,
                          .ino_mtime = kept->ino_mtime, .btime = kept->btime };
    const char *found;
    int known;

    CLOUD_ERR(feature->keeps(&known, f->ctx, kept->path, f->iter));
    if (!known) return NULL;
    CLOUD_ERR(search(&found, f, &node));
    if (!found) return NULL;
    CLOUD_ERR(cloud_journal_add(f->ctx, f->account->root, 0, kept->ino, 0, found, kept->path));
    *done = 1;
    return NULL;
}

cloud_err_t *cloud_fsck_mend_kept(int *done, fsck_t *f, const cloud_feature_t *feature,
                                  const cloud_kept_t *kept)
{
    char *dir = apr_pstrdup(f->iter, kept->path);
    cloud_err_t *err;

    *done = 0;
    *strrchr(dir, '/') = '\0';
    CLOUD_ERR(cloud_storage_keep_dir(f->ctx, dir));
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    err = finish(f, bring_kept_back_tx(done, f, feature, kept));
    if (err || !*done) return err;
    return cloud_journal_run(f->ctx, f->account->root, 0);
}

cloud_err_t *cloud_fsck_mend_identity(fsck_t *f, const cloud_feature_t *feature,
                                      const cloud_kept_t *kept, const cloud_disk_t *disk)
{
    cloud_kept_t now = *kept;

    now.ino = disk->ino;
    now.ino_mtime = disk->mtime;
    now.btime = disk->btime;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    return finish(f, feature->kept_moved(f->ctx, &now));
}

cloud_err_t *cloud_fsck_mend_missing(int *done, fsck_t *f, apr_int64_t id)
{
    cloud_err_t *err;

    *done = 0;
    if (!f->account) return NULL;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    err = finish(f, bring_back_tx(done, f, id));
    if (err || !*done) return err;
    return cloud_journal_run(f->ctx, f->account->root, 0);
}

cloud_err_t *cloud_fsck_mend_stray(int *done, fsck_t *f, const char *path)
{
    const char *name = strrchr(path, '/');
    const char *to = apr_psprintf(f->iter, "%s/" CLOUD_LOST "/%" APR_INT64_T_FMT "-%.200s",
                                  f->account->dir, (apr_int64_t)apr_time_now(),
                                  name ? name + 1 : path);
    int err = cloud_storage_rename(f->ctx->store, path, to, 0, f->iter);

    *done = err == 0;
    if (err) return NULL;
    CLOUD_ERR(cloud_storage_sync_parent(f->ctx->store, to, f->iter));
    return cloud_storage_sync_parent(f->ctx->store, path, f->iter);
}
