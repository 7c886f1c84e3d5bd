/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Content that has left its place since the snapshot was taken. While a backup runs nothing is
 * unlinked, so all of it is somewhere: a node that was moved is where its row is now; an inode
 * that was replaced or deleted is where journal rows name it, or, when the folder it was in was
 * deleted and its rows are reclaimed already, somewhere below purge/ or staging/. */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keeps *fd only when it is the content of node. */
static void keep_if(int *fd, const cloud_node_t *node)
{
    cloud_disk_t disk;

    if (*fd < 0) return;
    if (cloud_disk_at(&disk, *fd, "") == 0 && S_ISREG(disk.mode)
        && cloud_disk_identical(&disk, node))
        return;
    close(*fd);
    *fd = -1;
}

cloud_err_t *cloud_backup_find(int *fd, backup_t *b, const cloud_node_t *node)
{
    *fd = -1;
    if (!b->live) return NULL;
    CLOUD_ERR(cloud_disk_find(fd, b->live, node->id, O_RDONLY, b->iter));
    keep_if(fd, node);
    if (*fd >= 0) return NULL;
    CLOUD_ERR(cloud_journal_locate(fd, b->live, node->ino, b->iter));
    keep_if(fd, node);
    return NULL;
}

/* ---- searching ---- */

static int by_ino(const void *a, const void *b)
{
    const lost_t *x = a, *y = b;

    return x->node.ino < y->node.ino ? -1 : x->node.ino > y->node.ino;
}

/* All lost files of that inode (two names may have been one) are copied from it. */
static cloud_err_t *try_entry(backup_t *b, int dir, const char *name, apr_uint64_t ino)
{
    lost_t key = { .node = { .ino = ino } }, *first = (lost_t *)b->lost->elts, *lost;
    lost_t *end = first + b->lost->nelts;
    cloud_err_t *err = NULL;
    int fd;

    lost = bsearch(&key, first, (size_t)b->lost->nelts, sizeof *lost, by_ino);
    if (!lost) return NULL;
    while (lost > first && lost[-1].node.ino == ino) lost--;
    for (; !err && lost < end && lost->node.ino == ino; lost++) {
        if (!lost->path) continue;
        fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        keep_if(&fd, &lost->node);
        if (fd < 0) continue;
        err = cloud_backup_file(b, fd, &lost->node, lost->path);
        close(fd);
        lost->path = NULL;
    }
    return err;
}

/* Folders are visited by path, not with a descriptor for each level: trees may be deep. */
static cloud_err_t *search_dir(backup_t *b, apr_array_header_t *todo, const char *path)
{
    int fd = cloud_backup_open(b->src, path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    cloud_err_t *err = NULL;
    struct dirent *ent;
    cloud_disk_t disk;

    if (!dir) {
        if (fd >= 0) close(fd);
        return NULL;
    }
    while (!err && (ent = readdir(dir)) != NULL) {
        const char *n = ent->d_name;

        if (strcmp(n, ".") == 0 || strcmp(n, "..") == 0) continue;
        apr_pool_clear(b->iter);
        if (cloud_disk_at(&disk, fd, n) != 0) continue;
        if (S_ISDIR(disk.mode))
            APR_ARRAY_PUSH(todo, const char *) = apr_pstrcat(todo->pool, path, "/", n, NULL);
        else
            err = try_entry(b, fd, n, disk.ino);
    }
    closedir(dir);
    return err;
}

static cloud_err_t *search_below(backup_t *b, const char *path)
{
    apr_array_header_t *todo;
    cloud_err_t *err = NULL;
    apr_pool_t *pool;

    apr_pool_create(&pool, b->pool);
    todo = apr_array_make(pool, 64, sizeof(const char *));
    APR_ARRAY_PUSH(todo, const char *) = path;
    while (!err && todo->nelts) err = search_dir(b, todo, *(const char **)apr_array_pop(todo));
    apr_pool_destroy(pool);
    return err;
}

/* Accounts there are, and those deleted since, whose directories are hidden until they go. */
static cloud_err_t *search_all(backup_t *b)
{
    DIR *dir = fdopendir(openat(b->src, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    cloud_err_t *err = NULL;
    struct dirent *ent;
    apr_pool_t *pool;

    if (!dir) return cloud_err_sys(b->pool, CLOUD_E_UNAVAILABLE, errno, "accounts");
    apr_pool_create(&pool, b->pool);
    while (!err && (ent = readdir(dir)) != NULL) {
        const char *n = ent->d_name;

        if (strcmp(n, ".") == 0 || strcmp(n, "..") == 0) continue;
        apr_pool_clear(pool);
        if (n[0] == '.') {
            err = search_below(b, apr_pstrdup(pool, n));
            continue;
        }
        err = search_below(b, apr_pstrcat(pool, n, "/" CLOUD_STAGING, NULL));
        if (!err) err = search_below(b, apr_pstrcat(pool, n, "/" CLOUD_PURGE, NULL));
    }
    closedir(dir);
    apr_pool_destroy(pool);
    return err;
}

/* Nowhere: then an outsider has edited it, or taken it away. What stands at its place is better
 * than nothing. */
static cloud_err_t *settle(backup_t *b, const lost_t *lost)
{
    int fd = cloud_backup_open(b->src, lost->path, O_RDONLY | O_NONBLOCK);
    cloud_disk_t disk;
    cloud_err_t *err;

    if (fd >= 0 && (cloud_disk_at(&disk, fd, "") != 0 || !S_ISREG(disk.mode))) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        b->missing++;
        cloud_backup_problem(b, "missing", lost->path);
        return NULL;
    }
    err = cloud_backup_file(b, fd, &lost->node, lost->path);
    close(fd);
    return err;
}

cloud_err_t *cloud_backup_search(backup_t *b)
{
    int i;

    if (b->lost->nelts == 0) return NULL;
    qsort(b->lost->elts, (size_t)b->lost->nelts, sizeof(lost_t), by_ino);
    if (b->live) CLOUD_ERR(search_all(b));
    for (i = 0; i < b->lost->nelts; i++) {
        const lost_t *lost = &APR_ARRAY_IDX(b->lost, i, lost_t);

        apr_pool_clear(b->iter);
        if (lost->path) CLOUD_ERR(settle(b, lost));
    }
    apr_array_clear(b->lost);
    apr_pool_clear(b->lost_pool);
    return NULL;
}
