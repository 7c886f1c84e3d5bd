/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The reserve: a file that takes room on the disk and gives it up when there is none left. SQLite
 * can't open a database without making files, and nothing can be deleted without writing rows; so
 * people could free no space on a disk that is full. Uploads leave room anyway (storage.c), this
 * is for what others fill. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SIZE_MAX_BYTES (8 << 20)
#define SIZE_PART      40        /* of a small disk this part, half of what uploads leave */

typedef struct {
    apr_int64_t size;            /* that the reserve should have there */
    apr_int64_t room;            /* what is free for us */
    apr_int64_t has;             /* what the reserve has */
} reserve_t;

static int look(reserve_t *r, int fd)
{
    struct statvfs fs;
    struct stat st;

    if (fstatvfs(fd, &fs) != 0 || fstat(fd, &st) != 0) return 0;
    r->size = (apr_int64_t)(fs.f_blocks / SIZE_PART * fs.f_frsize);
    if (r->size > SIZE_MAX_BYTES) r->size = SIZE_MAX_BYTES;
    r->room = (apr_int64_t)(fs.f_bavail * fs.f_frsize);
    r->has = (apr_int64_t)st.st_size;
    return 1;
}

/* Far enough apart that giving up and taking again don't follow each other. */
static int is_scarce(const reserve_t *r)
{
    return r->room < r->size / 2;
}

static int is_plenty(const reserve_t *r)
{
    return r->room > 3 * r->size;
}

/* Nothing in here is an error: without a reserve all works but a full disk. */
static void keep_one(cloud_store_t *store, const char *path, int take)
{
    int fd = open(path, O_RDWR | (take ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0600);
    reserve_t r;

    if (fd < 0) return;
    if (look(&r, fd)) {
        if (r.has > 0 && is_scarce(&r) && ftruncate(fd, 0) == 0)
            CLOUD_LOG(store, NOTICE, "the disk of %s is full: the reserve is given up, so that "
                      "files can be deleted", path);
        /* Its blocks, not a hole. Half of one is of no use, and is tried again when there is room. */
        else if (take && r.has < r.size && is_plenty(&r) && posix_fallocate(fd, 0, r.size) != 0)
            (void)!ftruncate(fd, 0);
    }
    close(fd);
}

static void keep(cloud_store_t *store, int take, apr_pool_t *pool)
{
    keep_one(store, apr_pstrcat(pool, store->conf.data_dir, "/.cloud/reserve", NULL), take);
    if (store->conf.database)
        keep_one(store, apr_pstrcat(pool, store->db_path, "-reserve", NULL), take);
}

void cloud_reserve_release(cloud_store_t *store, apr_pool_t *pool)
{
    keep(store, 0, pool);
}

void cloud_reserve_keep(cloud_store_t *store, apr_pool_t *pool)
{
    keep(store, 1, pool);
}
