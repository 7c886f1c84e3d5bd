/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Taking in what was changed behind our back: the walk.
 *
 * Folder by folder, each entry on disk is looked up by name, so memory does not grow with the
 * tree or the folder (only the list of folders still to visit does, 8 bytes each). Nothing is
 * written in the usual case; where something differs the walk goes over to a write transaction,
 * with the journal carried out, looks at the entry again and takes it in. Such a transaction ends
 * after about 20 ms, with sizes and ETags of the folders above: every commit is a state of its
 * own that is right, so a scan may be stopped anywhere, and the next one goes on. (That is why
 * new files go straight into the tree and not under a detached root: what is new is visible on
 * disk already, and what a stopped scan did would be lost with the root.)
 *
 * New files get no checksums here; rehash, or the next upload, fills them in. */
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#define TX_TIME   apr_time_from_msec(20)
#define TX_READS  256      /* entries looked at in one snapshot */

/* ---- transactions ---- */

/* Writes what the folder's chain is owed, then commits. */
cloud_err_t *cloud_scan_commit(scan_t *s)
{
    scan_dir_t *d = &s->dir;
    cloud_err_t *err = NULL;
    scan_tx_t tx = s->tx;

    s->tx = SCAN_TX_NONE;
    if (tx == SCAN_TX_WRITE && d->number) {
        err = cloud_tree_bump(s->ctx, d->chain, d->depth, d->number, d->delta, d->mtime);
        d->number = d->delta = 0;
        d->mtime = CLOUD_NO_MTIME;
    }
    if (tx == SCAN_TX_WRITE && !err) return cloud_tx_commit(s->ctx);
    if (tx != SCAN_TX_NONE) cloud_tx_rollback(s->ctx);
    return err;
}

/* True (*same 1) when the folder still is where it was read from, in rows and on disk. */
static cloud_err_t *dir_unmoved(int *same, scan_t *s, apr_pool_t *pool)
{
    scan_dir_t *d = &s->dir;
    cloud_disk_t now, mine;
    const char *path;
    int fd, rc;

    *same = 0;
    CLOUD_ERR(cloud_tree_chain(&d->chain, &d->depth, s->ctx, d->id, d->pool));
    if (d->depth == 0 || d->chain[0] != s->account->root) return NULL;
    CLOUD_ERR(cloud_storage_path(&path, s->ctx, d->id, pool));
    if (strcmp(path, d->path) != 0) return NULL;
    CLOUD_ERR(cloud_storage_open(&fd, s->ctx->store, path, O_PATH | O_DIRECTORY, pool));
    if (fd < 0) return NULL;
    rc = cloud_disk_at(&now, fd, "");
    close(fd);
    *same = rc == 0 && cloud_disk_at(&mine, d->fd, "") == 0 && now.ino == mine.ino
            && now.dev == mine.dev;
    return NULL;
}

cloud_err_t *cloud_scan_begin(scan_t *s, scan_tx_t tx)
{
    cloud_err_t *err;
    int same = 1, owed;

    s->tx_reads = 0;
    apr_pool_clear(s->tx_pool);
    if (tx == SCAN_TX_READ) {
        CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_READ));
        s->tx = SCAN_TX_READ;
        return NULL;
    }
    CLOUD_ERR(cloud_journal_begin_clean(s->ctx, s->account->root));
    err = cloud_journal_owes(&owed, s->ctx, s->account->root, NULL);
    if (!err && owed)
        err = cloud_err(s->ctx->pool, CLOUD_E_UNAVAILABLE,
                        "Moves are still owed; the log says what is in the way");
    if (!err && s->dir.fd >= 0) err = dir_unmoved(&same, s, s->entry_pool);
    if (err || !same) {
        cloud_tx_rollback(s->ctx);
        s->dir.lost = !same;
        return err;
    }
    s->tx = SCAN_TX_WRITE;
    s->tx_until = apr_time_now() + TX_TIME;
    return NULL;
}

/* ---- telling ---- */

const char *cloud_scan_shown(scan_t *s, const char *path)
{
    apr_size_t len = strlen(s->prefix);

    if (strncmp(path, s->prefix, len) != 0) return path;
    return path[len] == '/' ? path + len + 1 : path + len;
}

void cloud_scan_report(scan_t *s, const char *what, const char *path, const char *name,
                       const char *detail)
{
    const char *shown = cloud_scan_shown(s, path);

    if (!s->opts->report) return;
    if (name) shown = *shown ? apr_pstrcat(s->entry_pool, shown, "/", name, NULL) : name;
    s->opts->report(s->opts->baton, what, shown, detail);
}

cloud_entry_t *cloud_scan_entry_of(scan_t *s, const cloud_node_t *node, const char *path)
{
    cloud_entry_t *e = apr_pcalloc(s->entry_pool, sizeof *e);

    e->account = e->owner = s->account;
    e->path = cloud_scan_shown(s, path);
    e->name = node->name;
    e->exists = e->has_parent = 1;
    e->node = *node;
    e->etag = node->etag;
    e->perms = CLOUD_PERM_ALL;
    e->tree = s->account->root;
    e->chain = s->dir.chain;
    e->chain_len = s->dir.depth;
    return e;
}

/* ---- folders ---- */

/* After each entry: transactions stay short, whatever the folder's size. */
static cloud_err_t *tick(scan_t *s)
{
    if (s->tx == SCAN_TX_WRITE && apr_time_now() >= s->tx_until) return cloud_scan_commit(s);
    if (s->tx == SCAN_TX_READ && ++s->tx_reads >= TX_READS) return cloud_scan_commit(s);
    return NULL;
}

static int wanted(const scan_dir_t *d, const char *name, apr_pool_t *pool)
{
    const char *nfc;

    if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) return 0;
    if (!d->only) return 1;
    nfc = cloud_name_nfc(name, pool);
    return nfc && strcmp(nfc, d->only) == 0;
}

static cloud_err_t *visit_entries(scan_t *s)
{
    scan_dir_t *d = &s->dir;
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    cloud_err_t *err = NULL;
    struct dirent *ent;

    if (!dir) {
        err = cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, "%s", d->path);
        if (fd >= 0) close(fd);
        return err;
    }
    while (!err && !d->lost && (errno = 0, ent = readdir(dir)) != NULL) {
        apr_pool_clear(s->entry_pool);
        if (!wanted(d, ent->d_name, s->entry_pool)) continue;
        err = cloud_scan_entry(s, ent->d_name);
        if (!err) err = tick(s);
    }
    if (!err && !d->lost && errno)
        err = cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, "%s", d->path);
    closedir(dir);
    return err;
}

/* Where the folder is now: s->dir but its descriptor. depth 0: not in the account's files. */
static cloud_err_t *locate(scan_t *s, apr_int64_t id)
{
    scan_dir_t *d = &s->dir;

    d->id = id;
    CLOUD_ERR(cloud_tree_chain(&d->chain, &d->depth, s->ctx, id, d->pool));
    if (d->depth && d->chain[0] != s->account->root) d->depth = 0;
    return d->depth ? cloud_storage_path(&d->path, s->ctx, id, d->pool) : NULL;
}

static cloud_err_t *open_dir(scan_t *s, apr_int64_t id)
{
    scan_dir_t *d = &s->dir;
    cloud_err_t *err;
    int tries;

    for (tries = 0;; tries++) {
        CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_READ));
        err = locate(s, id);
        cloud_tx_rollback(s->ctx);
        if (err || !d->depth) return err;
        CLOUD_ERR(cloud_storage_open(&d->fd, s->ctx->store, d->path, O_RDONLY | O_DIRECTORY,
                                     d->pool));
        if (d->fd >= 0 || tries) return NULL;
        /* Moves that are still owed are the one good reason for it to lie elsewhere. */
        CLOUD_ERR(cloud_journal_run(s->ctx, s->account->root, 0));
    }
}

/* A folder that can't be read hides its members; that must not look as if they had vanished. */
static cloud_err_t *unreadable(scan_t *s, cloud_err_t *err)
{
    if (err->code != CLOUD_E_UNAVAILABLE || s->dir.depth <= 1 || !s->dir.path) return err;
    s->stats->skipped++;
    cloud_scan_report(s, "skipped", s->dir.path, NULL, err->cause ? err->cause : err->msg);
    return NULL;
}

static cloud_err_t *visit(scan_t *s, apr_int64_t id, const char *only)
{
    scan_dir_t *d = &s->dir;
    apr_pool_t *pool = d->pool;
    cloud_err_t *err;

    apr_pool_clear(pool);
    memset(d, 0, sizeof *d);
    d->pool = pool;
    d->fd = -1;
    d->only = only;
    d->mtime = CLOUD_NO_MTIME;
    err = open_dir(s, id);
    if (err) return unreadable(s, err);
    if (d->fd < 0) return NULL; /* gone: noted when its parent was visited */
    err = visit_entries(s);
    if (!err) err = cloud_scan_fill(s);
    if (!err && !d->lost) err = cloud_scan_note_gone(s);
    if (err && s->tx != SCAN_TX_NONE) {
        cloud_tx_rollback(s->ctx);
        s->tx = SCAN_TX_NONE;
    }
    if (s->tx != SCAN_TX_NONE) err = cloud_scan_commit(s);
    close(d->fd);
    d->fd = -1;
    if (!err && d->lost) APR_ARRAY_PUSH(s->todo, apr_int64_t) = id;
    return err;
}

static cloud_err_t *walk(scan_t *s)
{
    while (s->todo->nelts) {
        apr_int64_t id = *(apr_int64_t *)apr_array_pop(s->todo);
        CLOUD_ERR(visit(s, id, NULL));
    }
    return NULL;
}

/* ---- the whole ---- */

/* The folder to begin with: the nearest one above path that has a row; *only is the name to look
 * at in it, NULL for all of it (path is the root). */
static cloud_err_t *start_at(apr_int64_t *id, const char **only, scan_t *s, const char *path)
{
    apr_array_header_t *segments;
    cloud_node_t *child;
    int i;

    CLOUD_ERR(cloud_path_split(&segments, path, s->pool));
    *id = s->account->root;
    *only = NULL;
    for (i = 0; i < segments->nelts; i++) {
        *only = cloud_name_nfc(APR_ARRAY_IDX(segments, i, const char *), s->pool);
        if (!*only) return cloud_err(s->pool, CLOUD_E_INVALID_NAME, NULL);
        CLOUD_ERR(cloud_tree_child(&child, s->ctx, *id, *only, s->pool));
        if (i == segments->nelts - 1 || !child || child->kind != CLOUD_KIND_DIR) break;
        *id = child->id;
    }
    return NULL;
}

/* The account's files are there: marker, directory, and the same file system all along. */
static cloud_err_t *check_disk(scan_t *s)
{
    cloud_disk_t root;
    cloud_err_t *err;
    int fd, rc;

    CLOUD_ERR(cloud_storage_account_check(s->ctx->store, s->account->dir, s->pool));
    err = cloud_storage_open(&fd, s->ctx->store, s->prefix, O_PATH | O_DIRECTORY, s->pool);
    if (err) return err;
    if (fd < 0) return cloud_err(s->pool, CLOUD_E_UNAVAILABLE, "%s is missing", s->prefix);
    rc = cloud_disk_at(&root, fd, "");
    close(fd);
    if (rc) return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, rc, "%s", s->prefix);
    if (s->dev && s->dev != root.dev)
        return cloud_err(s->pool, CLOUD_E_UNAVAILABLE, "%s is another disk now", s->prefix);
    s->dev = root.dev;
    return NULL;
}

/* Folders where a name could not be taken in before the row that held it was removed. */
static cloud_err_t *visit_again(scan_t *s)
{
    apr_int64_t id;

    CLOUD_ERR(cloud_scan_rewind(s, &s->again));
    for (;;) {
        CLOUD_ERR(cloud_scan_unspool(s, &s->again, &id));
        if (!id) return NULL;
        APR_ARRAY_PUSH(s->todo, apr_int64_t) = id;
        CLOUD_ERR(walk(s));
    }
}

static cloud_err_t *scan_all(scan_t *s, const char *path)
{
    const char *only;
    apr_int64_t id;
    cloud_err_t *err;

    CLOUD_ERR(check_disk(s));
    CLOUD_ERR(cloud_journal_run(s->ctx, s->account->root, 0));
    CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_READ));
    err = start_at(&id, &only, s, path);
    cloud_tx_rollback(s->ctx);
    if (err) return err;
    CLOUD_ERR(visit(s, id, only));
    if (only && s->dir.matched == 0 && s->known == 0)
        return cloud_err(s->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(walk(s));
    CLOUD_ERR(check_disk(s));
    CLOUD_ERR(cloud_scan_remove_gone(s));
    if (!s->stats->refused) CLOUD_ERR(visit_again(s));
    return NULL;
}

cloud_err_t *cloud_scan(cloud_scan_stats_t *stats, cloud_ctx_t *ctx,
                        const cloud_account_t *account, const char *path,
                        const cloud_scan_opts_t *opts)
{
    static const cloud_scan_opts_t defaults = { .limit_percent = CLOUD_SCAN_LIMIT };
    cloud_ctx_t own = *ctx; /* with a pool that does not grow */
    cloud_err_t *err;
    scan_t s = { 0 };

    memset(stats, 0, sizeof *stats);
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    s.ctx = &own;
    s.account = account;
    s.opts = opts ? opts : &defaults;
    s.stats = stats;
    apr_pool_create(&s.pool, ctx->pool);
    apr_pool_create(&s.entry_pool, s.pool);
    apr_pool_create(&s.tx_pool, s.pool);
    own.pool = s.tx_pool;
    apr_pool_create(&s.dir.pool, s.pool);
    apr_pool_create(&s.hashed.pool, s.pool);
    apr_pool_create(&s.fill_pool, s.pool);
    s.fills = apr_array_make(s.pool, 256, sizeof(scan_fill_t));
    s.dir.fd = -1;
    s.todo = apr_array_make(s.pool, 256, sizeof(apr_int64_t));
    s.prefix = apr_pstrcat(s.pool, account->dir, "/" CLOUD_FILES, NULL);
    err = scan_all(&s, path ? path : "");
    err = cloud_err_keep(err, ctx->pool);
    /* Also what an unfinished scan took in is to stay. */
    if (stats->added || stats->changed || stats->moved || stats->vanished) {
        cloud_err_t *sync = cloud_tx_sync(ctx);
        if (!err) err = sync;
    }
    apr_pool_destroy(s.pool);
    return err;
}
