/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The reading verbs. */
#include "files_private.h"
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

cloud_err_t *cloud_files_found(cloud_ctx_t *ctx, const cloud_entry_t *e, cloud_op_t op)
{
    CLOUD_ERR(cloud_access(ctx, e, op));
    if (e->exists) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located",
                     e->path);
}

cloud_err_t *cloud_file_stat(cloud_entry_t **entry, cloud_ctx_t *ctx,
                             const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_resolve(entry, ctx, account, path, pool));
    return cloud_files_found(ctx, *entry, CLOUD_OP_LIST);
}

/* ---- opening content ---- */

static apr_status_t close_fd(void *baton)
{
    close((int)(apr_uintptr_t)baton);
    return APR_SUCCESS;
}

/* Is the open file the content that the row means? */
static cloud_err_t *is_content(int *same, const cloud_node_t *node, int fd, apr_pool_t *pool)
{
    apr_int64_t size, mtime, btime;
    apr_uint64_t ino;
    struct stat st;

    /* A folder may still stand where a move that is owed will put the file. */
    *same = 0;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) return NULL;
    CLOUD_ERR(cloud_storage_identity(fd, &ino, &size, &mtime, &btime, pool));
    *same = ino == node->ino && size == node->size && mtime == node->ino_mtime
            && (btime == node->btime || !btime || !node->btime);
    return NULL;
}

/* What content is opened for: an entry that is like another one, and what is to be done with it. */
typedef struct {
    const cloud_entry_t *like;
    const char *path;
    cloud_op_t op;
} wanted_t;

/* Who may change a file without reading it may do so with its time, too. */
static cloud_err_t *may_open(cloud_ctx_t *ctx, const cloud_entry_t *e, cloud_op_t op)
{
    if (op == CLOUD_OP_READ) return cloud_files_found(ctx, e, op);
    CLOUD_ERR(cloud_files_found(ctx, e, CLOUD_OP_LIST));
    return cloud_access(ctx, e, op);
}

/* One look: resolves and opens; *fd -1 when it is not where its row says. */
static cloud_err_t *look(int *fd, int *same, cloud_entry_t **entry, cloud_ctx_t *ctx,
                         const wanted_t *w, apr_pool_t *pool)
{
    const char *disk = NULL;
    cloud_err_t *err;

    *fd = -1;
    *same = 0;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_resolve_like(entry, ctx, w->like, w->path, pool);
    if (!err) err = may_open(ctx, *entry, w->op);
    if (!err && CLOUD_IS_DIR(&(*entry)->node))
        err = cloud_err(ctx->pool, CLOUD_E_NOT_ALLOWED, NULL);
    if (!err) err = cloud_entry_path(&disk, ctx, *entry, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    CLOUD_ERR(cloud_storage_open(fd, ctx->store, disk, O_RDONLY, pool));
    if (*fd < 0) return NULL;
    err = is_content(same, &(*entry)->node, *fd, pool);
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

/* The content may lie where a move that is still owed, of it or of a folder above it, will take it
 * from. */
static cloud_err_t *find_elsewhere(int *fd, cloud_ctx_t *ctx, const cloud_entry_t *e,
                                   apr_pool_t *pool)
{
    cloud_err_t *err;
    int same = 0;

    CLOUD_ERR(cloud_disk_find(fd, ctx, e->node.id, O_RDONLY, pool));
    if (*fd < 0) return NULL;
    err = is_content(&same, &e->node, *fd, pool);
    if (err || !same) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

static cloud_err_t *open_checked(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                                 const wanted_t *w, apr_pool_t *pool)
{
    int same, round, other;

    CLOUD_ERR(look(fd, &same, entry, ctx, w, pool));
    if (*fd >= 0 && same) return NULL;
    /* Somebody committed and has not moved yet, or moved just now: carry out and look again. */
    for (round = 0; round < 3; round++) {
        if (*fd >= 0) close(*fd);
        *fd = -1;
        CLOUD_ERR(cloud_journal_run(ctx, (*entry)->tree, 0));
        CLOUD_ERR(look(fd, &same, entry, ctx, w, pool));
        if (*fd >= 0 && same) return NULL;
        CLOUD_ERR(find_elsewhere(&other, ctx, *entry, pool));
        if (other >= 0) {
            if (*fd >= 0) close(*fd);
            *fd = other;
            return NULL;
        }
        if (*fd < 0) continue;
        close(*fd);
        *fd = -1;
        /* Nobody of us did that: an outside change. */
        CLOUD_ERR(cloud_files_adopt(entry, ctx, *entry, pool));
    }
    CLOUD_LOG(ctx->store, ERR, "content of node %" APR_INT64_T_FMT " (%s) is not on disk",
              (*entry)->node.id, (*entry)->path);
    return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, NULL);
}

static cloud_err_t *open_wanted(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                                const wanted_t *w, apr_pool_t *pool)
{
    int got;

    CLOUD_ERR(open_checked(&got, entry, ctx, w, pool));
    apr_pool_cleanup_register(pool, (void *)(apr_uintptr_t)got, close_fd, apr_pool_cleanup_null);
    *fd = got;
    return NULL;
}

cloud_err_t *cloud_files_open(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_entry_t *like, const char *path, apr_pool_t *pool)
{
    return open_wanted(fd, entry, ctx, &(wanted_t){ like, path, CLOUD_OP_READ }, pool);
}

cloud_err_t *cloud_files_open_for(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path, cloud_op_t op,
                                  apr_pool_t *pool)
{
    const cloud_entry_t files = { .account = account, .owner = account, .tree = account->root };

    return open_wanted(fd, entry, ctx, &(wanted_t){ &files, path, op }, pool);
}

cloud_err_t *cloud_file_open(int *fd, cloud_entry_t **entry, cloud_ctx_t *ctx,
                             const cloud_account_t *account, const char *path, apr_pool_t *pool)
{
    return cloud_files_open_for(fd, entry, ctx, account, path, CLOUD_OP_READ, pool);
}
