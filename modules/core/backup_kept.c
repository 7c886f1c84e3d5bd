/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What features keep: nodes in roots of their own (bins), copied as any tree, and files that are no
 * nodes, which the feature lists and whose rows it brings up to date. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE 500

static cloud_err_t *bins_of(apr_array_header_t **bins, backup_t *b, const cloud_account_t *a)
{
    const char *from = apr_psprintf(b->pool, "%d:%" APR_INT64_T_FMT ":", CLOUD_KIND_TRASH,
                                    a->number);
    const char *upto = apr_psprintf(b->pool, "%d:%" APR_INT64_T_FMT ";", CLOUD_KIND_TRASH,
                                    a->number);
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    *bins = apr_array_make(b->pool, 2, sizeof(cloud_node_t));
    CLOUD_ERR(cloud_db_query(&st, &row, b->db, b->pool,
                             "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = 0"
                             " AND name >= ?1 AND name < ?2",
                             "tt", from, upto));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, b->pool))
        cloud_tree_row(apr_array_push(*bins), st, 0, b->pool);
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_backup_kept_dirs(apr_array_header_t **names, backup_t *b,
                                    const cloud_account_t *a)
{
    const apr_array_header_t *features = cloud_features();
    apr_array_header_t *bins;
    int i;

    *names = apr_array_make(b->pool, 4, sizeof(const char *));
    CLOUD_ERR(bins_of(&bins, b, a));
    for (i = 0; i < bins->nelts; i++)
        APR_ARRAY_PUSH(*names, const char *) = APR_ARRAY_IDX(bins, i, cloud_node_t).disk;
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (f->dir) APR_ARRAY_PUSH(*names, const char *) = f->dir;
    }
    return NULL;
}

/* Makes the directories above path in the copy. */
static cloud_err_t *make_parents(backup_t *b, const char *path)
{
    char *copy = apr_pstrdup(b->iter, path), *slash = copy;

    while ((slash = strchr(slash + 1, '/')) != NULL) {
        *slash = '\0';
        /* Step by step below a directory that is ours alone. */
        if (mkdirat(b->dst, copy, 0700) != 0 && errno != EEXIST)
            return cloud_err_sys(b->pool, CLOUD_E_UNAVAILABLE, errno, "%s", copy);
        *slash = '/';
    }
    return NULL;
}

static cloud_err_t *copy_bin(backup_t *b, const cloud_account_t *a, const cloud_node_t *bin)
{
    const char *path = apr_pstrcat(b->pool, a->dir, "/", bin->disk, NULL);

    apr_pool_clear(b->iter);
    CLOUD_ERR(make_parents(b, apr_pstrcat(b->iter, path, "/", NULL)));
    CLOUD_ERR(cloud_backup_stamp(b, bin, b->dst, path));
    return cloud_backup_tree(b, bin->id, CLOUD_KIND_TRASH);
}

/* ---- files that are no nodes ---- */

typedef struct {
    apr_array_header_t *list;
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
    return NULL;
}

/* What makes a file the one that was kept. */
typedef enum {
    BY_INODE, /* in a directory that was always ours alone */
    BY_TIME,  /* restored, or moved to another disk: every inode is another one */
    BY_SIZE   /* in a backup, whose copies have checksums */
} same_t;

static int open_kept(backup_t *b, const cloud_kept_t *kept, same_t same)
{
    int fd = cloud_backup_open(b->src, kept->path, O_RDONLY | O_NONBLOCK);
    cloud_disk_t disk;

    if (fd < 0) return -1;
    if (cloud_disk_at(&disk, fd, "") == 0 && S_ISREG(disk.mode) && disk.size == kept->size
        && (same != BY_INODE || disk.ino == kept->ino)
        && (same != BY_TIME || disk.mtime == kept->ino_mtime))
        return fd;
    close(fd);
    return -1;
}

static cloud_err_t *copy_kept(backup_t *b, const cloud_feature_t *f, const cloud_kept_t *kept)
{
    /* No node has this id: the row that is brought up to date is the feature's. */
    cloud_node_t node = { .id = -1, .size = kept->size, .ino = kept->ino,
                          .ino_mtime = kept->ino_mtime, .btime = kept->btime, .sums = kept->sums };
    cloud_kept_t copy = *kept;
    cloud_disk_t disk;
    cloud_err_t *err;
    int fd = open_kept(b, kept, b->live ? BY_INODE : BY_SIZE), rc;

    apr_pool_clear(b->iter);
    if (fd < 0 && b->live) fd = open_kept(b, kept, BY_TIME);
    if (fd < 0 && b->live) CLOUD_ERR(cloud_journal_locate(&fd, b->live, kept->ino, b->iter));
    if (fd < 0) {
        b->missing++;
        cloud_backup_problem(b, "missing", kept->path);
        return NULL;
    }
    err = make_parents(b, kept->path);
    if (!err) err = cloud_backup_file(b, fd, &node, kept->path);
    close(fd);
    if (err) return err;
    rc = cloud_disk_at(&disk, b->dst, kept->path);
    if (rc) return cloud_err_sys(b->pool, CLOUD_E_UNAVAILABLE, rc, "%s", kept->path);
    copy.ino = disk.ino;
    copy.ino_mtime = disk.mtime;
    copy.btime = disk.btime;
    return f->kept_moved(&b->snap, &copy);
}

static cloud_err_t *copy_feature(backup_t *b, const cloud_feature_t *f, const cloud_account_t *a)
{
    apr_int64_t after = 0;
    page_t page = { NULL, NULL };
    int i;

    apr_pool_create(&page.pool, b->pool);
    do {
        apr_pool_clear(page.pool);
        page.list = apr_array_make(page.pool, PAGE, sizeof(cloud_kept_t));
        CLOUD_ERR(f->kept(&b->snap, a, after, PAGE, note, &page, page.pool));
        for (i = 0; i < page.list->nelts; i++) {
            const cloud_kept_t *kept = &APR_ARRAY_IDX(page.list, i, cloud_kept_t);

            CLOUD_ERR(copy_kept(b, f, kept));
            after = kept->id;
        }
    } while (page.list->nelts == PAGE);
    apr_pool_destroy(page.pool);
    return NULL;
}

cloud_err_t *cloud_backup_kept(backup_t *b, const cloud_account_t *a)
{
    const apr_array_header_t *features = cloud_features();
    apr_array_header_t *bins;
    int i;

    CLOUD_ERR(bins_of(&bins, b, a));
    for (i = 0; i < bins->nelts; i++)
        CLOUD_ERR(copy_bin(b, a, &APR_ARRAY_IDX(bins, i, cloud_node_t)));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);

        if (!f->dir) continue;
        /* The database may be one from before the feature was there. */
        if (f->schema) CLOUD_ERR(cloud_db_exec(b->db, f->schema, b->pool));
        CLOUD_ERR(copy_feature(b, f, a));
    }
    return NULL;
}
