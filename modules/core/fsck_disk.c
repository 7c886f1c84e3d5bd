/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck: the directories of accounts, and what lies in them outside of files/. */
#include "fsck.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Staging is cleared a day after the last write to it; what is still there a day later was
 * forgotten. */
#define STAGING_AGE (2 * 86400)

typedef cloud_err_t *entry_fn(fsck_t *f, int dir, const char *path, const char *name);

static int is_dot(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Calls fn for each entry of a directory below accounts/; *there 0 when it is missing. */
static cloud_err_t *each(int *there, fsck_t *f, const char *path, entry_fn *fn)
{
    cloud_err_t *err = NULL;
    struct dirent *ent;
    DIR *dir;
    int fd;

    CLOUD_ERR(cloud_storage_open(&fd, f->ctx->store, path, O_RDONLY | O_DIRECTORY, f->pool));
    *there = fd >= 0;
    if (fd < 0) return NULL;
    dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return cloud_err_sys(f->pool, CLOUD_E_UNAVAILABLE, errno, "%s", path);
    }
    while (!err && fn && (ent = readdir(dir)) != NULL) {
        if (is_dot(ent->d_name)) continue;
        apr_pool_clear(f->iter);
        err = fn(f, fd, path, ent->d_name);
    }
    closedir(dir);
    return err;
}

static cloud_err_t *exists(int *yes, fsck_t *f, const char *sql, const char *text)
{
    cloud_err_t *err;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, yes, f->ctx->db, f->iter, sql, "t", text);
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    return err;
}

/* ---- staging and purge ---- */

static cloud_err_t *stray(fsck_t *f, int dir, const char *path, const char *name,
                          const char *detail)
{
    cloud_disk_t disk;
    int done = 0;

    if (cloud_disk_at(&disk, dir, name) != 0) return NULL; /* gone by now */
    if (f->opts->repair) CLOUD_ERR(cloud_fsck_mend_stray(&done, f, path));
    cloud_fsck_report(f, "stray", path, done, "%s", done ? "moved to lost+found" : detail);
    return NULL;
}

static cloud_err_t *check_staged(fsck_t *f, int dir, const char *path, const char *name)
{
    struct stat st;
    cloud_err_t *err;
    int named;

    path = apr_pstrcat(f->iter, path, "/", name, NULL);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return NULL;
    if (st.st_ctime > (time_t)(apr_time_sec(apr_time_now()) - STAGING_AGE)) return NULL;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_journal_names(&named, f->ctx, path);
    cloud_tx_rollback(f->ctx);
    if (err || named) return err;
    return stray(f, dir, path, name, "left in staging, and nothing names it");
}

/* What was deleted is named by a journal row until it is unlinked, a folder by its node until its
 * rows are reclaimed. Asked last for the disk, since the unlinking goes first. */
static cloud_err_t *check_purged(fsck_t *f, int dir, const char *path, const char *name)
{
    int named;

    path = apr_pstrcat(f->iter, path, "/", name, NULL);
    CLOUD_ERR(exists(&named, f,
                     "SELECT 1 FROM journal WHERE src = ?1 OR dst = ?1"
                     " UNION ALL SELECT 1 FROM node n JOIN node p ON p.id = n.parent"
                     " WHERE p.kind = 3 AND p.parent = 0"
                     " AND n.id = CAST(substr(?1, length(rtrim(?1, '0123456789')) + 1) AS INTEGER)"
                     " LIMIT 1",
                     path));
    if (named) return NULL;
    return stray(f, dir, path, name, "deleted, but nothing will unlink it");
}

cloud_err_t *cloud_fsck_account_dir(fsck_t *f)
{
    static const struct {
        const char *name;
        entry_fn *fn;
    } DIRS[] = {
        { CLOUD_FILES, NULL },
        { CLOUD_STAGING, check_staged },
        { CLOUD_PURGE, check_purged },
        { CLOUD_LOST, NULL },
    };
    unsigned i;
    int there;

    for (i = 0; i < sizeof DIRS / sizeof *DIRS; i++) {
        const char *path = apr_pstrcat(f->pool, f->account->dir, "/", DIRS[i].name, NULL);
        int done = 0;

        CLOUD_ERR(each(&there, f, path, DIRS[i].fn));
        if (there) continue;
        /* An account without its files is damage that nobody but a backup can mend. */
        if (f->opts->repair && strcmp(DIRS[i].name, CLOUD_FILES) != 0)
            done = cloud_storage_mkdir(f->ctx->store, path, f->pool) == 0;
        cloud_fsck_report(f, "missing", path, done, "a directory of the account is missing");
    }
    return NULL;
}

/* ---- accounts/ ---- */

/* Directories of deleted accounts go by the journal; hidden names are ours. */
static cloud_err_t *check_account_dir(fsck_t *f, int dir, const char *path, const char *name)
{
    cloud_disk_t disk;
    int known;

    (void)path;
    if (name[0] == '.') return NULL;
    CLOUD_ERR(exists(&known, f,
                     "SELECT 1 FROM account WHERE dir = ?1"
                     " UNION ALL SELECT 1 FROM journal WHERE src = ?1 LIMIT 1",
                     name));
    if (known || cloud_disk_at(&disk, dir, name) != 0) return NULL;
    /* An account that is being made has its directory before its row. */
    if (disk.btime / 1000 > apr_time_now() - apr_time_from_sec(3600)) return NULL;
    cloud_fsck_report(f, "stray", name, 0, "a directory of no account");
    return NULL;
}

cloud_err_t *cloud_fsck_accounts_dir(fsck_t *f)
{
    int there;

    return each(&there, f, ".", check_account_dir);
}
