/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Copying the tree that a database names. Folders first, so each one's place is there before its
 * members are; each file straight from its place when it is there with its identity. */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE      500
#define TOLD_MAX  1000    /* problems named in the manifest */
#define LOST_MAX  20000   /* looked for at once */

static cloud_err_t *sys(backup_t *b, int err, const char *what)
{
    return cloud_err_sys(b->pool, CLOUD_E_UNAVAILABLE, err, "%s", what);
}

int cloud_backup_open(int dir, const char *path, int flags)
{
    char segment[256];
    int at = dir, next;
    size_t n;

    for (;;) {
        n = strcspn(path, "/");
        if (n == 0 || n >= sizeof segment) {
            next = -1;
            errno = ENOENT;
        } else {
            memcpy(segment, path, n);
            segment[n] = '\0';
            next = openat(at, segment,
                          (path[n] ? O_PATH | O_DIRECTORY : flags) | O_NOFOLLOW | O_CLOEXEC);
        }
        if (at != dir) {
            int err = errno;

            close(at);
            errno = err;
        }
        if (next < 0 || !path[n]) return next;
        at = next;
        path += n + 1;
    }
}

void cloud_backup_problem(backup_t *b, const char *what, const char *path)
{
    if (b->problems->nelts < TOLD_MAX)
        APR_ARRAY_PUSH(b->problems, const char *) = apr_pstrcat(b->pool, what, " ", path, NULL);
}

/* ---- one folder ---- */

typedef struct {
    backup_t *b;
    const char *path;      /* below accounts/, in rows */
    cloud_kind_t kind;     /* TRASH: each member lies in a directory of its own */
    int src;               /* -1: it is not there any more */
    int dst;
} folder_t;

/* Name of a member, whose own directory is there then. */
static cloud_err_t *member_name(const char **name, const folder_t *f, const cloud_node_t *node)
{
    const char *own = apr_psprintf(f->b->iter, "%" APR_INT64_T_FMT, node->id);

    *name = cloud_disk_name(f->kind, node, f->b->iter);
    if (f->kind != CLOUD_KIND_TRASH || mkdirat(f->dst, own, 0700) == 0 || errno == EEXIST)
        return NULL;
    return sys(f->b, errno, own);
}

static cloud_err_t *copy_folder(folder_t *f, const cloud_node_t *node)
{
    const char *name;

    CLOUD_ERR(member_name(&name, f, node));
    if (mkdirat(f->dst, name, 0700) != 0 && errno != EEXIST) return sys(f->b, errno, name);
    APR_ARRAY_PUSH(f->b->todo, apr_int64_t) = node->id;
    return cloud_backup_stamp(f->b, node, f->dst, name);
}

/* The file at its place, when it is the one that the row means: the same inode, or (exact 0) only
 * the same size and time, as after a restore. */
static int open_in_place(const folder_t *f, const cloud_node_t *node, int exact)
{
    cloud_disk_t disk;
    int fd;

    if (f->src < 0) return -1;
    fd = openat(f->src, cloud_disk_name(f->kind, node, f->b->iter),
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -1;
    if (cloud_disk_at(&disk, fd, "") == 0 && S_ISREG(disk.mode)
        && (exact ? cloud_disk_identical(&disk, node) : cloud_disk_same_stamp(&disk, node)))
        return fd;
    close(fd);
    return -1;
}

static cloud_err_t *note_lost(backup_t *b, const cloud_node_t *node, const char *path)
{
    lost_t *lost = apr_array_push(b->lost);

    lost->node = *node;
    lost->node.name = lost->node.disk = apr_pstrdup(b->lost_pool, node->disk);
    lost->node.sums.data = node->sums.len ? apr_pmemdup(b->lost_pool, node->sums.data,
                                                        node->sums.len) : NULL;
    lost->path = apr_pstrdup(b->lost_pool, path);
    return b->lost->nelts < LOST_MAX ? NULL : cloud_backup_search(b);
}

static cloud_err_t *copy_file(folder_t *f, const cloud_node_t *node)
{
    const char *name, *path;
    cloud_err_t *err;
    int fd;

    CLOUD_ERR(member_name(&name, f, node));
    path = apr_pstrcat(f->b->iter, f->path, "/", name, NULL);
    fd = open_in_place(f, node, 1);
    if (fd < 0) CLOUD_ERR(cloud_backup_find(&fd, f->b, node));
    if (fd < 0 && !f->b->live) fd = open_in_place(f, node, 0);
    if (fd < 0) return note_lost(f->b, node, path);
    err = cloud_backup_file(f->b, fd, node, path);
    close(fd);
    return err;
}

static cloud_err_t *load_page(apr_array_header_t *page, backup_t *b, apr_int64_t folder,
                              const char *after)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    err = cloud_db_query(&st, &row, b->db, page->pool,
                         "SELECT " CLOUD_NODE_COLS " FROM node WHERE parent = ?1 AND name > ?2"
                         " AND kind <= 1 ORDER BY name LIMIT ?3",
                         "iti", folder, after, (apr_int64_t)PAGE);
    if (err) return err;
    while (!err && row) {
        cloud_tree_row(apr_array_push(page), st, 0, page->pool);
        err = cloud_stmt_step(&row, st, page->pool);
    }
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *copy_members(folder_t *f, apr_int64_t id, apr_pool_t *pool)
{
    char last[4096] = "";
    apr_array_header_t *page;
    int i;

    for (;;) {
        apr_pool_clear(pool);
        page = apr_array_make(pool, PAGE, sizeof(cloud_node_t));
        CLOUD_ERR(load_page(page, f->b, id, last));
        for (i = 0; i < page->nelts; i++) {
            const cloud_node_t *node = &APR_ARRAY_IDX(page, i, cloud_node_t);

            apr_pool_clear(f->b->iter);
            CLOUD_ERR(CLOUD_IS_DIR(node) ? copy_folder(f, node) : copy_file(f, node));
        }
        if (page->nelts < PAGE) return NULL;
        apr_cpystrn(last, APR_ARRAY_IDX(page, PAGE - 1, cloud_node_t).name, sizeof last);
    }
}

cloud_err_t *cloud_backup_tree(backup_t *b, apr_int64_t root, cloud_kind_t kind)
{
    apr_pool_t *folder_pool, *page_pool;
    cloud_err_t *err = NULL;
    folder_t f = { .b = b, .kind = kind };

    apr_pool_create(&folder_pool, b->pool);
    apr_pool_create(&page_pool, b->pool);
    APR_ARRAY_PUSH(b->todo, apr_int64_t) = root;
    while (!err && b->todo->nelts) {
        apr_int64_t id = *(apr_int64_t *)apr_array_pop(b->todo);

        apr_pool_clear(folder_pool);
        err = cloud_storage_path(&f.path, &b->snap, id, folder_pool);
        if (err) break;
        f.src = cloud_backup_open(b->src, f.path, O_RDONLY | O_DIRECTORY);
        f.dst = cloud_backup_open(b->dst, f.path, O_RDONLY | O_DIRECTORY);
        err = f.dst < 0 ? sys(b, errno, f.path) : copy_members(&f, id, page_pool);
        if (f.src >= 0) close(f.src);
        if (f.dst >= 0) close(f.dst);
        f.kind = CLOUD_KIND_DIR;
    }
    if (!err) err = cloud_backup_search(b);
    err = cloud_err_keep(err, b->pool);
    apr_pool_destroy(page_pool);
    apr_pool_destroy(folder_pool);
    return err;
}

/* ---- one account ---- */

static int is_ours(const char *name, const apr_array_header_t *kept)
{
    static const char *const ours[] = { ".", "..", CLOUD_FILES, CLOUD_STAGING, CLOUD_PURGE,
                                        CLOUD_ACCOUNT_MARKER };
    unsigned i;

    for (i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0) return 1;
    for (i = 0; i < (unsigned)kept->nelts; i++)
        if (strcmp(name, APR_ARRAY_IDX(kept, i, const char *)) == 0) return 1;
    return 0;
}

/* lost+found, and whatever else is there that no row of a known feature names. */
static cloud_err_t *copy_beside(backup_t *b, int src, int dst, const apr_array_header_t *kept)
{
    DIR *dir = fdopendir(fcntl(src, F_DUPFD_CLOEXEC, 0));
    cloud_err_t *err = NULL;
    struct dirent *ent;

    if (!dir) return sys(b, errno, "opendir");
    while (!err && (ent = readdir(dir)) != NULL) {
        apr_pool_clear(b->iter);
        if (!is_ours(ent->d_name, kept)) err = cloud_backup_raw(b, src, dst, ent->d_name);
    }
    closedir(dir);
    return err;
}

static cloud_err_t *make_account(int *dst, backup_t *b, const char *name)
{
    static const char *const subs[] = { CLOUD_FILES, CLOUD_STAGING, CLOUD_PURGE, CLOUD_LOST };
    unsigned i;
    int marker;

    if (mkdirat(b->dst, name, 0700) != 0) return sys(b, errno, name);
    *dst = openat(b->dst, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*dst < 0) return sys(b, errno, name);
    for (i = 0; i < sizeof subs / sizeof *subs; i++)
        if (mkdirat(*dst, subs[i], 0700) != 0) return sys(b, errno, subs[i]);
    marker = openat(*dst, CLOUD_ACCOUNT_MARKER, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (marker < 0) return sys(b, errno, CLOUD_ACCOUNT_MARKER);
    close(marker);
    return NULL;
}

static cloud_err_t *copy_account(backup_t *b, const cloud_account_t *a)
{
    apr_array_header_t *kept;
    cloud_err_t *err = NULL;
    int src, dst = -1;

    CLOUD_ERR(cloud_backup_kept_dirs(&kept, b, a));
    CLOUD_ERR(make_account(&dst, b, a->dir));
    src = openat(b->src, a->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* Without its directory the account was deleted since: its files are found one by one. */
    if (src >= 0) {
        err = copy_beside(b, src, dst, kept);
        close(src);
    }
    close(dst);
    if (!err) err = cloud_backup_tree(b, a->root, CLOUD_KIND_ROOT);
    return err ? err : cloud_backup_kept(b, a);
}

cloud_err_t *cloud_backup_walk(backup_t *b)
{
    apr_array_header_t *all = apr_array_make(b->pool, 64, sizeof(cloud_account_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row, i;

    CLOUD_ERR(cloud_db_query(&st, &row, b->db, b->pool, "SELECT dir, root, number, purge"
                             " FROM account ORDER BY number", ""));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, b->pool)) {
        cloud_account_t *a = apr_array_push(all);

        memset(a, 0, sizeof *a);
        a->dir = cloud_col_dup(st, 0, b->pool);
        a->root = cloud_col_int(st, 1);
        a->number = cloud_col_int(st, 2);
        a->purge = cloud_col_int(st, 3);
    }
    cloud_stmt_done(st);
    for (i = 0; !err && i < all->nelts; i++)
        err = copy_account(b, &APR_ARRAY_IDX(all, i, cloud_account_t));
    return err;
}
