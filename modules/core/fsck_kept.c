/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck, what features keep for an account: nodes in roots of their own (bins), and files that are no
 * nodes (old versions), which the feature lists. As elsewhere, what is missing is looked for again
 * after its row was read again. */
#include "fsck.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 500

typedef cloud_err_t *entry_fn(fsck_t *f, const char *path, const char *name, void *baton);

/* Calls fn for each entry of a directory below accounts/; *there 0 when it is missing. The names are
 * copied first: fn may move them. */
static cloud_err_t *each(int *there, fsck_t *f, const char *path, entry_fn *fn, void *baton,
                         apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 64, sizeof(const char *));
    cloud_err_t *err = NULL;
    struct dirent *ent;
    DIR *dir;
    int fd, i;

    CLOUD_ERR(cloud_storage_open(&fd, f->ctx->store, path, O_RDONLY | O_DIRECTORY, pool));
    *there = fd >= 0;
    dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) return NULL;
    while ((ent = readdir(dir)) != NULL)
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(pool, ent->d_name);
    closedir(dir);
    for (i = 0; !err && i < names->nelts; i++)
        err = fn(f, path, APR_ARRAY_IDX(names, i, const char *), baton);
    return err;
}

static cloud_err_t *owed(int *yes, fsck_t *f, const char *path)
{
    struct stat st;
    cloud_stmt_t *q;
    cloud_err_t *err;
    int found;

    *yes = 0;
    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, f->ctx->store, path, f->iter));
    *yes = !found; /* gone by now */
    if (!found) return NULL;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&q, yes, f->ctx->db, f->iter, "SELECT 1 FROM journal WHERE ino = ?1 LIMIT 1",
                         "i", (apr_int64_t)st.st_ino);
    if (!err) cloud_stmt_done(q);
    cloud_tx_rollback(f->ctx);
    return err;
}

static cloud_err_t *stray(fsck_t *f, const char *path, const char *detail)
{
    int known, done = 0;

    CLOUD_ERR(owed(&known, f, path));
    if (known) return NULL;
    if (f->opts->repair) CLOUD_ERR(cloud_fsck_mend_stray(&done, f, path));
    cloud_fsck_report(f, "stray", path, done, "%s", done ? "moved to lost+found" : detail);
    return NULL;
}

/* ---- bins ---- */

typedef struct {
    apr_int64_t id;
    const char *dir;     /* below the account's */
} bin_t;

static cloud_err_t *bin_has(int *yes, fsck_t *f, apr_int64_t bin, const char *id, const char *disk)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, yes, f->ctx->db, f->iter,
                         "SELECT 1 FROM node WHERE id = ?1 AND parent = ?2"
                         " AND coalesce(disk, name) = ?3",
                         "iit", apr_atoi64(id), bin, disk);
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    return err;
}

/* An entry of a directory of a bin, whose own name is the id of a node. */
static cloud_err_t *check_binned(fsck_t *f, const char *path, const char *name, void *baton)
{
    const bin_t *bin = baton;
    int known;

    CLOUD_ERR(bin_has(&known, f, bin->id, strrchr(path, '/') + 1, name));
    if (known) return NULL;
    return stray(f, apr_pstrcat(f->iter, path, "/", name, NULL), "deleted, but no row names it");
}

/* Empty directories wait to be removed: nobody misses anything. */
static cloud_err_t *check_bin_entry(fsck_t *f, const char *path, const char *name, void *baton)
{
    struct stat st;
    int found, there;

    apr_pool_clear(f->iter);
    path = apr_pstrcat(f->iter, path, "/", name, NULL);
    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, f->ctx->store, path, f->iter));
    if (found && S_ISDIR(st.st_mode) && strspn(name, "0123456789") == strlen(name))
        return each(&there, f, path, check_binned, baton, f->iter);
    return stray(f, path, "nothing of ours");
}

static cloud_err_t *check_bin(fsck_t *f, bin_t *bin, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, f->account->dir, "/", bin->dir, NULL);
    int there, done = 0;

    CLOUD_ERR(cloud_fsck_tree(f, bin->id, CLOUD_KIND_TRASH));
    CLOUD_ERR(each(&there, f, path, check_bin_entry, bin, pool));
    if (there) return NULL;
    if (f->opts->repair) done = cloud_storage_mkdir(f->ctx->store, path, pool) == 0;
    cloud_fsck_report(f, "missing", path, done, "a directory of the account is missing");
    return NULL;
}

static cloud_err_t *check_bins(fsck_t *f, apr_pool_t *pool)
{
    apr_array_header_t *bins = apr_array_make(pool, 2, sizeof(bin_t));
    const char *from = apr_psprintf(pool, "%d:%" APR_INT64_T_FMT ":", CLOUD_KIND_TRASH,
                                    f->account->number);
    const char *upto = apr_psprintf(pool, "%d:%" APR_INT64_T_FMT ";", CLOUD_KIND_TRASH,
                                    f->account->number);
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, f->ctx->db, pool,
                         "SELECT id, coalesce(disk, '') FROM node WHERE parent = 0 AND name >= ?1"
                         " AND name < ?2",
                         "tt", from, upto);
    while (!err && row) {
        bin_t *bin = apr_array_push(bins);

        bin->id = cloud_col_int(st, 0);
        bin->dir = cloud_col_dup(st, 1, pool);
        err = cloud_stmt_step(&row, st, pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    for (i = 0; !err && i < bins->nelts; i++)
        err = check_bin(f, &APR_ARRAY_IDX(bins, i, bin_t), pool);
    return err;
}

/* ---- files that are no nodes ---- */

typedef struct {
    apr_array_header_t *list;
    apr_int64_t last;
    apr_pool_t *pool;
} page_t;

static cloud_err_t *note(void *baton, const cloud_kept_t *kept)
{
    page_t *page = baton;
    cloud_kept_t *copy = apr_array_push(page->list);

    *copy = *kept;
    copy->path = apr_pstrdup(page->pool, kept->path);
    copy->sums.data = kept->sums.len ? apr_pmemdup(page->pool, kept->sums.data, kept->sums.len)
                                     : NULL;
    page->last = kept->id;
    return NULL;
}

static cloud_err_t *keeps(int *yes, fsck_t *f, const cloud_feature_t *feature, const char *path)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = feature->keeps(yes, f->ctx, path, f->iter);
    cloud_tx_rollback(f->ctx);
    return err;
}

static cloud_err_t *check_hash(fsck_t *f, const cloud_kept_t *kept, int fd)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, f->iter);
    cloud_err_t *err = cloud_storage_copy(fd, 0, -1, -1, digest, f->iter);

    if (err)
        cloud_fsck_report(f, "unreadable", kept->path, 0, "%s", err->cause ? err->cause : err->msg);
    else if (cloud_sums_match(cloud_digest_final(digest, f->iter), kept->sums) == 0)
        cloud_fsck_report(f, "hash", kept->path, 0,
                          "damaged: the content is not that of its checksum");
    return NULL;
}

static cloud_err_t *check_kept(fsck_t *f, const cloud_feature_t *feature, const cloud_kept_t *kept)
{
    cloud_disk_t disk;
    int fd, other, there = 0, known, done = 0;

    apr_pool_clear(f->iter);
    CLOUD_ERR(cloud_storage_open(&fd, f->ctx->store, kept->path, O_RDONLY, f->iter));
    there = fd >= 0 && cloud_disk_at(&disk, fd, "") == 0 && disk.size == kept->size
            && (disk.ino == kept->ino || disk.mtime == kept->ino_mtime);
    if (there && disk.ino != kept->ino && f->opts->repair)
        CLOUD_ERR(cloud_fsck_mend_identity(f, feature, kept, &disk));
    if (there && f->opts->hashes && kept->sums.len) CLOUD_ERR(check_hash(f, kept, fd));
    if (fd >= 0) close(fd);
    if (there) return NULL;
    CLOUD_ERR(cloud_journal_locate(&other, f->ctx, kept->ino, f->iter));
    if (other >= 0) close(other);
    if (other >= 0) return NULL; /* on its way */
    CLOUD_ERR(keeps(&known, f, feature, kept->path));
    if (!known) return NULL;     /* gone meanwhile */
    if (f->opts->repair && fd < 0) CLOUD_ERR(cloud_fsck_mend_kept(&done, f, feature, kept));
    cloud_fsck_report(f, fd < 0 ? "missing" : "changed", kept->path, done, "kept by %s, %s",
                      feature->name, done     ? "found elsewhere and brought back"
                                     : fd < 0 ? "not on disk: restore it from a backup"
                                              : "something else is at its place on disk");
    return NULL;
}

static cloud_err_t *check_file(fsck_t *f, const char *path, const char *name, void *baton)
{
    const cloud_feature_t *feature = baton;
    int known;

    path = apr_pstrcat(f->iter, path, "/", name, NULL);
    CLOUD_ERR(keeps(&known, f, feature, path));
    return known ? NULL : stray(f, path, "no row names it");
}

static cloud_err_t *check_dir(fsck_t *f, const char *path, const char *name, void *baton)
{
    int there;

    apr_pool_clear(f->iter);
    path = apr_pstrcat(f->iter, path, "/", name, NULL);
    CLOUD_ERR(each(&there, f, path, check_file, baton, f->iter));
    return there ? NULL : stray(f, path, "nothing of ours");
}

static cloud_err_t *check_feature(fsck_t *f, const cloud_feature_t *feature, apr_pool_t *pool)
{
    page_t page = { NULL, 0, NULL };
    cloud_err_t *err;
    int there, i;

    apr_pool_create(&page.pool, pool);
    do {
        apr_pool_clear(page.pool);
        page.list = apr_array_make(page.pool, PAGE, sizeof(cloud_kept_t));
        CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
        err = feature->kept(f->ctx, f->account, page.last, PAGE, note, &page, page.pool);
        cloud_tx_rollback(f->ctx);
        for (i = 0; !err && i < page.list->nelts; i++)
            err = check_kept(f, feature, &APR_ARRAY_IDX(page.list, i, cloud_kept_t));
        if (err) return err;
    } while (page.list->nelts == PAGE);
    return each(&there, f, apr_pstrcat(pool, f->account->dir, "/", feature->dir, NULL), check_dir,
                (void *)feature, pool);
}

static void found(void *baton, const char *kind, const char *path, int repaired,
                  const char *detail)
{
    cloud_fsck_report(baton, kind, path, repaired, "%s", detail);
}

cloud_err_t *cloud_fsck_kept(fsck_t *f)
{
    const apr_array_header_t *features = cloud_features();
    cloud_err_t *err;
    apr_pool_t *pool;
    int i;

    apr_pool_create(&pool, f->pool);
    err = check_bins(f, pool);
    for (i = 0; !err && i < features->nelts; i++) {
        const cloud_feature_t *feature = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (feature->dir) err = check_feature(f, feature, pool);
        if (!err && feature->check)
            err = feature->check(f->ctx, f->account, f->opts->repair, found, f, pool);
    }
    err = cloud_err_keep(err, f->ctx->pool);
    apr_pool_destroy(pool);
    return err;
}
