/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Bringing a backup back: the same copying as the backup's own, the other way, into a data
 * directory that gets its marker last, so that one half restored is never taken for one. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST_MAX (4 * 1024 * 1024)

static cloud_err_t *read_manifest(const char **text, const char *dir, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, dir, "/" CLOUD_MANIFEST, NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *buf = apr_pcalloc(pool, MANIFEST_MAX + 1);
    ssize_t n = 0, got = 0;

    if (fd < 0)
        return cloud_err_sys(pool, CLOUD_E_INVALID, errno, "%s: no backup, or not a complete one",
                             path);
    while (got < MANIFEST_MAX && (n = read(fd, buf + got, (size_t)(MANIFEST_MAX - got))) > 0)
        got += n;
    close(fd);
    if (n < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "%s", path);
    if (strncmp(buf, CLOUD_MANIFEST_HEAD "\n", sizeof CLOUD_MANIFEST_HEAD) != 0 || got < 5
        || strcmp(buf + got - 5, "\nend\n") != 0)
        return cloud_err(pool, CLOUD_E_INVALID, "%s is not the manifest of a backup", path);
    *text = buf;
    return NULL;
}

/* The database has to be the one that the backup wrote. */
static cloud_err_t *check_database(const char *dir, apr_pool_t *pool)
{
    const char *manifest = NULL, *line, *hash;
    apr_size_t len;
    struct stat st;

    CLOUD_ERR(read_manifest(&manifest, dir, pool));
    if (stat(apr_pstrcat(pool, dir, "/cloud.db-wal", NULL), &st) == 0 && st.st_size > 0)
        return cloud_err(pool, CLOUD_E_INVALID, "%s has been used as a data directory since", dir);
    line = strstr(manifest, "\ndatabase: ");
    if (!line) return cloud_err(pool, CLOUD_E_INVALID, "The manifest names no database");
    line += strlen("\ndatabase: ");
    CLOUD_ERR(cloud_backup_hash(&hash, apr_pstrcat(pool, dir, "/cloud.db", NULL), pool));
    len = strlen(hash);
    if (strncmp(line, hash, len) == 0 && line[len] == '\n') return NULL;
    return cloud_err(pool, CLOUD_E_CHECKSUM,
                     "%s/cloud.db is not as the backup wrote it: damaged, or used since", dir);
}

static cloud_err_t *copy_database(backup_t *b, const char *dir, const char *data_dir)
{
    int from = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cloud_err_t *err;

    if (from < 0 || to < 0) err = cloud_err_sys(b->pool, CLOUD_E_UNAVAILABLE, errno, "%s", dir);
    else err = cloud_backup_raw(b, from, to, "cloud.db");
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    return err;
}

static cloud_err_t *restore(backup_t *b, const char *dir, const char *data_dir)
{
    CLOUD_ERR(check_database(dir, b->pool));
    CLOUD_ERR(cloud_backup_dirs(b, dir, data_dir));
    CLOUD_ERR(copy_database(b, dir, data_dir));
    CLOUD_ERR(cloud_backup_fill(b, data_dir));
    CLOUD_ERR(cloud_backup_seal(b, dir, data_dir));
    if (!b->missing && !b->damaged) return NULL;
    return cloud_err(b->pool, CLOUD_E_UNAVAILABLE,
                     "Restored, but %" APR_INT64_T_FMT " files are missing in the backup and %"
                     APR_INT64_T_FMT " are damaged; the first one: %s",
                     b->missing, b->damaged, APR_ARRAY_IDX(b->problems, 0, const char *));
}

cloud_err_t *cloud_restore(const char *dir, const char *data_dir, apr_pool_t *pool)
{
    apr_pool_t *own;
    cloud_err_t *err;
    backup_t b;

    apr_pool_create(&own, pool);
    cloud_backup_init(&b, own);
    err = cloud_err_keep(restore(&b, dir, data_dir), pool);
    cloud_backup_close(&b);
    apr_pool_destroy(own);
    return err;
}
