/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copying one file, with proof that it is what it should be: a clone shares its blocks with a file
 * whose identity is that of the row; anything else is hashed on its way and compared with the
 * row's checksum. */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS_PER_COMMIT 5000
#define EDITS_MAX       3      /* times that a file is copied again because it is being written */

static cloud_err_t *sys(backup_t *b, int err, const char *what)
{
    return cloud_err_sys(b->pool, CLOUD_E_UNAVAILABLE, err, "%s", what);
}

/* ---- rows ---- */

cloud_err_t *cloud_backup_stamp(backup_t *b, const cloud_node_t *node, int ddir, const char *name)
{
    cloud_node_t stamped = *node;
    cloud_disk_t disk;
    int rc = cloud_disk_at(&disk, ddir, name);

    if (rc) return sys(b, rc, name);
    cloud_disk_stamp(&stamped, &disk);
    CLOUD_ERR(cloud_db_run(b->db, NULL, b->iter,
                           "UPDATE node SET ino = ?2, ino_mtime = ?3, btime = ?4 WHERE id = ?1",
                           "iiii", node->id, (apr_int64_t)stamped.ino, stamped.ino_mtime,
                           stamped.btime));
    if (++b->updates < ROWS_PER_COMMIT) return NULL;
    b->updates = 0;
    CLOUD_ERR(cloud_db_commit(b->db, b->iter));
    return cloud_db_begin(b->db, CLOUD_DB_WRITE, b->iter);
}

/* ---- content ---- */

static int clone_file(int in, int out)
{
    return ioctl(out, FICLONE, in) == 0;
}

/* Types of checksum that sums has. */
static unsigned types_of(cloud_sums_t sums)
{
    unsigned all[] = { CLOUD_DIGEST_SHA256, CLOUD_DIGEST_SHA1, CLOUD_DIGEST_MD5,
                       CLOUD_DIGEST_ADLER32 };
    unsigned i;
    apr_pool_t *pool;
    unsigned type = 0;

    if (!sums.len || apr_pool_create(&pool, NULL) != APR_SUCCESS) return 0;
    for (i = 0; i < sizeof all / sizeof *all && !type; i++)
        if (cloud_sums_text(sums, all[i], pool)) type = all[i];
    apr_pool_destroy(pool);
    return type;
}

/* *match: 1 the checksum agrees, 0 it does not, -1 there was nothing to compare. */
static cloud_err_t *copy_content(int *match, backup_t *b, int in, int out, cloud_sums_t sums)
{
    unsigned types = types_of(sums);
    cloud_digest_t *digest;

    *match = -1;
    if (clone_file(in, out)) return NULL;
    if (!types) return cloud_storage_copy(in, 0, -1, out, NULL, b->iter);
    digest = cloud_digest_create(types, b->iter);
    CLOUD_ERR(cloud_storage_copy(in, 0, -1, out, digest, b->iter));
    *match = cloud_sums_match(sums, cloud_digest_final(digest, b->iter));
    return NULL;
}

/* Mode and times as they are, so that size and time tell that the content is the same. */
static cloud_err_t *copy_stamp(backup_t *b, int in, int out)
{
    struct timespec times[2];
    struct stat st;

    if (fstat(in, &st) != 0) return sys(b, errno, "fstat");
    times[0].tv_nsec = UTIME_OMIT;
    times[0].tv_sec = 0;
    times[1] = st.st_mtim;
    if (fchmod(out, st.st_mode & 07777) != 0) return sys(b, errno, "fchmod");
    if (futimens(out, times) != 0) return sys(b, errno, "futimens");
    return NULL;
}

static int same(const cloud_disk_t *a, const cloud_disk_t *b)
{
    return a->size == b->size && a->mtime == b->mtime;
}

/* Until it stands still: a row's own content does, an outsider may be writing the file. */
static cloud_err_t *copy_steady(cloud_disk_t *disk, int *match, backup_t *b, int in, int out,
                                cloud_sums_t sums)
{
    cloud_disk_t after;
    int tries, rc;

    for (tries = 0; tries < EDITS_MAX; tries++) {
        if (tries && (ftruncate(out, 0) != 0 || lseek(out, 0, SEEK_SET) != 0))
            return sys(b, errno, "copy");
        rc = cloud_disk_at(disk, in, "");
        if (rc) return sys(b, rc, "fstat");
        CLOUD_ERR(copy_content(match, b, in, out, sums));
        CLOUD_ERR(copy_stamp(b, in, out));
        rc = cloud_disk_at(&after, in, "");
        if (rc) return sys(b, rc, "fstat");
        if (same(disk, &after)) break;
    }
    return NULL;
}

/* Opens the directory that path is in, below dst. */
static int open_parent(const char **name, const backup_t *b, const char *path)
{
    const char *slash = strrchr(path, '/');

    *name = slash ? slash + 1 : path;
    if (!slash) return fcntl(b->dst, F_DUPFD_CLOEXEC, 0);
    return cloud_backup_open(b->dst, apr_pstrmemdup(b->iter, path, (apr_size_t)(slash - path)),
                             O_RDONLY | O_DIRECTORY);
}

cloud_err_t *cloud_backup_file(backup_t *b, int fd, const cloud_node_t *node, const char *path)
{
    const char *name;
    int dir = open_parent(&name, b, path), out, match;
    cloud_disk_t disk;
    cloud_err_t *err;

    if (dir < 0) return sys(b, errno, path);
    out = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0) {
        err = sys(b, errno, path);
        close(dir);
        return err;
    }
    err = copy_steady(&disk, &match, b, fd, out, node->sums);
    close(out);
    CLOUD_POINT("backup-file");
    if (!err && !cloud_disk_same_stamp(&disk, node)) {
        /* Its row has it as it was: whoever reads it takes in what it is now. */
        b->changed++;
    } else if (!err) {
        if (match == 0) {
            b->damaged++;
            cloud_backup_problem(b, "damaged", path);
        }
        err = cloud_backup_stamp(b, node, dir, name);
    }
    close(dir);
    if (err) return err;
    b->files++;
    b->bytes += disk.size;
    if (b->progress) b->progress(b->baton, b->files, b->bytes);
    return NULL;
}

/* ---- what no row names ---- */

static cloud_err_t *raw_file(backup_t *b, int sdir, int ddir, const char *name)
{
    cloud_sums_t none = { NULL, 0 };
    int in = openat(sdir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), out, match;
    cloud_disk_t disk;
    cloud_err_t *err;

    if (in < 0) return errno == ENOENT ? NULL : sys(b, errno, name);
    out = openat(ddir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    err = out < 0 ? sys(b, errno, name) : copy_steady(&disk, &match, b, in, out, none);
    if (out >= 0) close(out);
    close(in);
    return err;
}

static cloud_err_t *raw_members(backup_t *b, int src, int dst)
{
    DIR *dir = fdopendir(fcntl(src, F_DUPFD_CLOEXEC, 0));
    cloud_err_t *err = NULL;
    struct dirent *ent;

    if (!dir) return sys(b, errno, "opendir");
    while (!err && (ent = readdir(dir)) != NULL)
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
            err = cloud_backup_raw(b, src, dst, ent->d_name);
    closedir(dir);
    return err;
}

cloud_err_t *cloud_backup_raw(backup_t *b, int sdir, int ddir, const char *name)
{
    cloud_disk_t disk;
    cloud_err_t *err;
    int src, dst, rc = cloud_disk_at(&disk, sdir, name);

    if (rc) return rc == ENOENT ? NULL : sys(b, rc, name);
    if (S_ISREG(disk.mode)) return raw_file(b, sdir, ddir, name);
    if (!S_ISDIR(disk.mode)) return NULL;
    if (mkdirat(ddir, name, 0700) != 0 && errno != EEXIST) return sys(b, errno, name);
    src = openat(sdir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dst = openat(ddir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    err = src < 0 || dst < 0 ? sys(b, errno, name) : raw_members(b, src, dst);
    if (src >= 0) close(src);
    if (dst >= 0) close(dst);
    return err;
}
