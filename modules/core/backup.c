/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A consistent copy while the server runs: first a snapshot of the database, then every file that
 * this snapshot names, wherever it has gone meanwhile. The backup's lock keeps the maintenance job
 * from unlinking anything until all are copied.
 *
 * The copy is a data directory of its own: its rows name its own inodes, its journal is empty (all
 * is in place), and what waited to be unlinked, running uploads and their staging are left out. It
 * has no generation, so a store that opens it, or what is restored from it, tells the clients. */
#include "backup.h"
#include "store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cloud_err_t *sys(apr_pool_t *pool, int err, const char *what)
{
    return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "%s", what);
}

void cloud_backup_init(backup_t *b, apr_pool_t *pool)
{
    memset(b, 0, sizeof *b);
    b->src = b->dst = -1;
    b->pool = pool;
    apr_pool_create(&b->iter, pool);
    apr_pool_create(&b->lost_pool, pool);
    b->todo = apr_array_make(pool, 256, sizeof(apr_int64_t));
    b->lost = apr_array_make(pool, 64, sizeof(lost_t));
    b->problems = apr_array_make(pool, 8, sizeof(const char *));
}

void cloud_backup_close(backup_t *b)
{
    if (b->db) {
        cloud_db_rollback(b->db);
        cloud_db_close(b->db);
    }
    b->db = NULL;
    if (b->src >= 0) close(b->src);
    if (b->dst >= 0) close(b->dst);
    b->src = b->dst = -1;
}

/* ---- directories ---- */

/* An empty directory, made when it is missing. */
static cloud_err_t *empty_dir(const char *path, apr_pool_t *pool)
{
    struct dirent *ent;
    int used = 0;
    DIR *dir;

    if (mkdir(path, 0750) == 0) return NULL;
    if (errno != EEXIST) return sys(pool, errno, path);
    dir = opendir(path);
    if (!dir) return sys(pool, errno, path);
    while ((ent = readdir(dir)) != NULL)
        if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0) used = 1;
    closedir(dir);
    return used ? cloud_err(pool, CLOUD_E_EXISTS, "%s is not empty", path) : NULL;
}

static cloud_err_t *make_dir(const char *path, apr_pool_t *pool)
{
    return mkdir(path, 0700) == 0 ? NULL : sys(pool, errno, path);
}

cloud_err_t *cloud_backup_dirs(backup_t *b, const char *from, const char *to)
{
    const char *accounts = apr_pstrcat(b->pool, from, "/accounts", NULL);
    const char *copies = apr_pstrcat(b->pool, to, "/accounts", NULL);

    b->src = open(accounts, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->src < 0) return sys(b->pool, errno, accounts);
    CLOUD_ERR(empty_dir(to, b->pool));
    CLOUD_ERR(make_dir(copies, b->pool));
    CLOUD_ERR(make_dir(apr_pstrcat(b->pool, to, "/.cloud", NULL), b->pool));
    b->dst = open(copies, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return b->dst < 0 ? sys(b->pool, errno, copies) : NULL;
}

/* Without its key the copy could not read what the database holds encrypted. */
static cloud_err_t *copy_key(backup_t *b, const char *from, const char *to)
{
    const char *path = apr_pstrcat(b->pool, from, "/.cloud/key", NULL);
    const char *text = cloud_read_file(path, b->pool);

    if (!text) return access(path, F_OK) == 0 || errno != ENOENT ? sys(b->pool, errno, path) : NULL;
    return cloud_write_file(apr_pstrcat(b->pool, to, "/.cloud/key", NULL),
                            apr_pstrcat(b->pool, text, "\n", NULL), b->pool);
}

cloud_err_t *cloud_backup_seal(backup_t *b, const char *from, const char *to)
{
    const char *text = cloud_read_file(apr_pstrcat(b->pool, from, "/.cloud/marker", NULL), b->pool);

    CLOUD_ERR(copy_key(b, from, to));
    /* One sync of the file system instead of one for each of its files. */
    if (syncfs(b->dst) != 0) return sys(b->pool, errno, to);
    if (!text) return cloud_err(b->pool, CLOUD_E_UNAVAILABLE, "%s carries no marker", from);
    return cloud_write_file(apr_pstrcat(b->pool, to, "/.cloud/marker", NULL),
                            apr_pstrcat(b->pool, text, "\n", NULL), b->pool);
}

/* ---- the database of the copy ---- */

/* What the copy does not have: moves that are owed (everything is in place), nodes that wait to be
 * unlinked or that a running copy is building, uploads with their staging, and what hangs on
 * them. */
static const char CLEAR[] =
    "DELETE FROM journal;"
    "DELETE FROM chunk;"
    "DELETE FROM upload;"
    "WITH RECURSIVE t (id) AS ("
    "SELECT n.id FROM node n JOIN node p ON p.id = n.parent WHERE p.parent = 0 AND p.kind = 3"
    " UNION ALL SELECT id FROM node WHERE parent = 0 AND kind = 6"
    " UNION ALL SELECT id FROM node WHERE parent = 0 AND kind = 3"
    " AND id NOT IN (SELECT purge FROM account)"
    " UNION ALL SELECT n.id FROM t JOIN node n ON n.parent = t.id)"
    " DELETE FROM node WHERE id IN (SELECT id FROM t);"
    "DELETE FROM prop WHERE node NOT IN (SELECT id FROM node);"
    "DELETE FROM lock WHERE node NOT IN (SELECT id FROM node);";

cloud_err_t *cloud_backup_fill(backup_t *b, const char *to)
{
    cloud_db_conf_t conf = { .path = apr_pstrcat(b->pool, to, "/cloud.db", NULL),
                             .busy_ms = 10000,
                             .relaxed = 1 };

    CLOUD_ERR(cloud_db_open(&b->db, &conf, b->pool));
    b->snap.pool = b->pool;
    b->snap.db = b->db;
    b->snap.store = b->live ? b->live->store : NULL;
    b->snap.tx_depth = 1;
    CLOUD_ERR(cloud_db_begin(b->db, CLOUD_DB_WRITE, b->pool));
    CLOUD_ERR(cloud_db_exec(b->db, CLEAR, b->pool));
    CLOUD_ERR(cloud_backup_walk(b));
    CLOUD_ERR(cloud_db_commit(b->db, b->pool));
    CLOUD_ERR(cloud_db_checkpoint(b->db, 1, NULL, b->pool));
    cloud_db_close(b->db); /* the last connection: the log goes with it */
    b->db = NULL;
    return NULL;
}

static cloud_err_t *snapshot(backup_t *b, const char *to)
{
    const char *file = apr_pstrcat(b->pool, to, "/cloud.db", NULL);
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(b->live, CLOUD_DB_READ));
    err = cloud_db_backup(b->live->db, file, b->pool);
    cloud_tx_rollback(b->live);
    if (!err && chmod(file, 0600) != 0) err = sys(b->pool, errno, file);
    CLOUD_POINT("backup-after-snapshot");
    return err;
}

/* ---- the manifest ---- */

cloud_err_t *cloud_backup_hash(const char **hash, const char *path, apr_pool_t *pool)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_SHA256, pool);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cloud_err_t *err;

    if (fd < 0) return sys(pool, errno, path);
    err = cloud_storage_copy(fd, 0, -1, -1, digest, pool);
    close(fd);
    if (!err) *hash = cloud_sums_text(cloud_digest_final(digest, pool), 0, pool);
    return err;
}

static cloud_err_t *write_manifest(backup_t *b, const char *to, apr_time_t began)
{
    apr_pool_t *pool = b->pool;
    const char *hash, *text;
    char when[APR_RFC822_DATE_LEN];

    CLOUD_ERR(cloud_backup_hash(&hash, apr_pstrcat(pool, to, "/cloud.db", NULL), pool));
    apr_rfc822_date(when, began);
    text = apr_psprintf(pool,
                        CLOUD_MANIFEST_HEAD "\nsnapshot: %s\ninstance: %s\nversion: " CLOUD_VERSION
                        "\nfiles: %" APR_INT64_T_FMT "\nbytes: %" APR_INT64_T_FMT
                        "\nedited-from-outside: %" APR_INT64_T_FMT "\nmissing: %" APR_INT64_T_FMT
                        "\ndamaged: %" APR_INT64_T_FMT "\ndatabase: %s\n%s%send\n",
                        when, cloud_store_instance_id(b->live->store), b->files, b->bytes,
                        b->changed, b->missing, b->damaged, hash,
                        apr_array_pstrcat(pool, b->problems, '\n'), b->problems->nelts ? "\n" : "");
    return cloud_write_file(apr_pstrcat(pool, to, "/" CLOUD_MANIFEST, NULL), text, pool);
}

/* ---- the whole ---- */

static cloud_err_t *check_place(cloud_ctx_t *ctx, const char *dir)
{
    const char *data = cloud_store_data_dir(ctx->store);
    apr_size_t len = strlen(data);

    if (dir[0] != '/')
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "%s is not an absolute path", dir);
    if (strncmp(dir, data, len) == 0 && (dir[len] == '/' || dir[len] == '\0'))
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "%s is inside the data directory", dir);
    return NULL;
}

static cloud_err_t *backup(backup_t *b, const char *dir)
{
    const char *from = cloud_store_data_dir(b->live->store);
    apr_time_t began = apr_time_now();

    CLOUD_ERR(cloud_backup_dirs(b, from, dir));
    CLOUD_ERR(snapshot(b, dir));
    CLOUD_ERR(cloud_backup_fill(b, dir));
    CLOUD_POINT("backup-before-seal");
    CLOUD_ERR(cloud_backup_seal(b, from, dir));
    CLOUD_POINT("backup-before-manifest");
    CLOUD_ERR(write_manifest(b, dir, began));
    if (!b->missing && !b->damaged) return NULL;
    return cloud_err(b->pool, CLOUD_E_UNAVAILABLE,
                     "%" APR_INT64_T_FMT " files are missing and %" APR_INT64_T_FMT
                     " are damaged; %s/" CLOUD_MANIFEST " names them, all others are in the backup",
                     b->missing, b->damaged, dir);
}

cloud_err_t *cloud_backup(cloud_ctx_t *ctx, const char *dir, cloud_backup_progress_fn *progress,
                          void *baton)
{
    cloud_err_t *err;
    apr_pool_t *pool;
    backup_t b;
    int lock, rc;

    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(check_place(ctx, dir));
    rc = cloud_store_lock(&lock, ctx->store, CLOUD_LOCK_BACKUP, 0, 1);
    if (rc) return sys(ctx->pool, rc, "backup lock");
    apr_pool_create(&pool, ctx->pool);
    cloud_backup_init(&b, pool);
    b.live = ctx;
    b.progress = progress;
    b.baton = baton;
    err = cloud_err_keep(backup(&b, dir), ctx->pool);
    cloud_backup_close(&b);
    apr_pool_destroy(pool);
    close(lock);
    return err;
}
