/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* From a folder to the entries of an archive, breadth first, and from those to its bytes. */
#include "plan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "spool.h"

#define SPOOL_MEMORY (256 * 1024)
#define READ_SIZE    65536

/* In the spool, followed by the path in the account's files and its NUL. */
typedef struct {
    apr_int64_t id, size, mtime;
    int folder;
} record_t;

struct cloud_archive_plan_t {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    cloud_archive_kind_t kind;
    apr_pool_t *pool;
    cloud_spool_t *spool;
    cloud_archive_t *count;      /* the same archive, which is only counted */
    apr_size_t skip;             /* bytes of a path that are above the top of the archive */
    apr_array_header_t *folders; /* const char *: paths, to be listed */
    apr_array_header_t *mounts;  /* const char *: what others share, to be looked at by itself */
    const char *folder;          /* being listed */
    apr_pool_t *scratch;
    apr_int64_t entries;
};

/* ---- collecting ---- */

static cloud_err_t *too_large(const cloud_archive_plan_t *p)
{
    return cloud_err(p->pool, CLOUD_E_TOO_LARGE, "These are too many files for one archive");
}

static cloud_err_t *add(cloud_archive_plan_t *p, const char *path, const cloud_node_t *node)
{
    record_t head = { node->id, node->size, node->mtime, CLOUD_IS_DIR(node) };
    cloud_archive_entry_t entry = { path + p->skip, head.folder, head.size, head.mtime };
    apr_size_t len = strlen(path) + 1;
    void *record;

    if (head.folder) {
        if (p->folders->nelts >= CLOUD_ARCHIVE_FOLDERS) return too_large(p);
        APR_ARRAY_PUSH(p->folders, const char *) = apr_pstrdup(p->pool, path);
    }
    if (!*entry.path) return NULL; /* the root has no name */
    if (p->entries++ >= CLOUD_ARCHIVE_ENTRIES) return too_large(p);
    CLOUD_ERR(cloud_archive_add(p->count, &entry));
    CLOUD_ERR(cloud_spool_add(&record, p->spool, sizeof(head) + len));
    memcpy(record, &head, sizeof(head));
    memcpy((char *)record + sizeof(head), path, len);
    return NULL;
}

/* What somebody else shares has permissions of its own, which a listing does not decide. */
static cloud_err_t *add_child(void *baton, const cloud_child_t *child)
{
    cloud_archive_plan_t *p = baton;
    const cloud_node_t *node = child->node;
    const char *name = child->mount_root ? child->name
                                         : cloud_name_shown(node->name, node->disk, p->scratch);
    const char *path = apr_pstrcat(p->scratch, p->folder, *p->folder ? "/" : "", name, NULL);
    cloud_err_t *err = NULL;

    if (child->mount_root)
        APR_ARRAY_PUSH(p->mounts, const char *) = apr_pstrdup(p->pool, path);
    else err = add(p, path, node);
    apr_pool_clear(p->scratch);
    return err;
}

/* Reading is asked for here as well: what may be seen and not fetched shall be refused at once. */
static cloud_err_t *find(cloud_entry_t **entry, cloud_archive_plan_t *p, const char *path,
                         apr_pool_t *pool)
{
    CLOUD_ERR(cloud_file_stat(entry, p->ctx, p->account, path, pool));
    return cloud_access(p->ctx, *entry, CLOUD_OP_READ);
}

/* entry's path, with the name that it has rather than the spelling of whoever asks. */
static cloud_err_t *add_entry(cloud_archive_plan_t *p, const cloud_entry_t *entry)
{
    const char *slash = strrchr(entry->path, '/');
    const char *above = slash ? apr_pstrmemdup(p->pool, entry->path,
                                               (apr_size_t)(slash + 1 - entry->path)) : "";

    if (!*entry->path) return add(p, "", &entry->node);
    return add(p, apr_pstrcat(p->pool, above, cloud_entry_shown_name(entry, p->pool), NULL),
               &entry->node);
}

/* Nobody asked for these by name: what may not be fetched is left out, so that the rest can be. */
static cloud_err_t *add_mounts(cloud_archive_plan_t *p, apr_pool_t *pool)
{
    cloud_entry_t *entry;
    cloud_err_t *err;

    for (int i = 0; i < p->mounts->nelts; i++) {
        err = find(&entry, p, APR_ARRAY_IDX(p->mounts, i, const char *), pool);
        if (cloud_err_is(err, CLOUD_E_DENIED)) continue;
        if (!err) err = add_entry(p, entry);
        if (err) return err;
    }
    apr_array_clear(p->mounts);
    return NULL;
}

static cloud_err_t *add_folders(cloud_archive_plan_t *p)
{
    apr_pool_t *iter;
    cloud_entry_t *entry;

    apr_pool_create(&iter, p->pool);
    for (int i = 0; i < p->folders->nelts; i++) {
        apr_pool_clear(iter);
        p->folder = APR_ARRAY_IDX(p->folders, i, const char *);
        CLOUD_ERR(find(&entry, p, p->folder, iter));
        CLOUD_ERR(cloud_file_list(p->ctx, entry, add_child, p));
        CLOUD_ERR(add_mounts(p, iter));
    }
    apr_pool_destroy(iter);
    return NULL;
}

static cloud_err_t *add_itself(cloud_archive_plan_t *p, const char *dir)
{
    const char *slash;
    cloud_entry_t *entry;

    CLOUD_ERR(find(&entry, p, dir, p->pool));
    slash = strrchr(entry->path, '/');
    p->skip = slash ? (apr_size_t)(slash + 1 - entry->path) : 0;
    return add_entry(p, entry);
}

static cloud_err_t *add_name(cloud_archive_plan_t *p, const cloud_entry_t *folder, const char *name,
                             apr_hash_t *seen)
{
    apr_array_header_t *segments;
    cloud_entry_t *entry;
    const char *path;

    CLOUD_ERR(cloud_path_split(&segments, name, p->pool));
    if (segments->nelts != 1) return cloud_err(p->pool, CLOUD_E_INVALID_NAME, NULL);
    path = apr_pstrcat(p->pool, folder->path, *folder->path ? "/" : "",
                       APR_ARRAY_IDX(segments, 0, const char *), NULL);
    CLOUD_ERR(find(&entry, p, path, p->pool));
    if (apr_hash_get(seen, &entry->node.id, sizeof(entry->node.id))) return NULL;
    apr_hash_set(seen, &entry->node.id, sizeof(entry->node.id), entry);
    return add_entry(p, entry);
}

static cloud_err_t *add_names(cloud_archive_plan_t *p, const char *dir,
                              const apr_array_header_t *names)
{
    apr_hash_t *seen = apr_hash_make(p->pool);
    cloud_entry_t *folder;

    CLOUD_ERR(find(&folder, p, dir, p->pool));
    p->skip = *folder->path ? strlen(folder->path) + 1 : 0;
    for (int i = 0; i < names->nelts; i++) {
        CLOUD_ERR(add_name(p, folder, APR_ARRAY_IDX(names, i, const char *), seen));
    }
    return NULL;
}

cloud_err_t *cloud_archive_plan(cloud_archive_plan_t **plan, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *dir,
                                const apr_array_header_t *names, cloud_archive_kind_t kind,
                                apr_pool_t *pool)
{
    cloud_archive_plan_t *p = apr_pcalloc(pool, sizeof(*p));
    cloud_err_t *err;

    p->ctx = ctx;
    p->account = account;
    p->kind = kind;
    p->pool = pool;
    p->spool = cloud_spool_create(SPOOL_MEMORY, NULL, pool);
    p->count = cloud_archive_create(kind, NULL, NULL, pool);
    p->folders = apr_array_make(pool, 16, sizeof(const char *));
    p->mounts = apr_array_make(pool, 4, sizeof(const char *));
    apr_pool_create(&p->scratch, pool);
    *plan = p;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = names && names->nelts ? add_names(p, dir, names) : add_itself(p, dir);
    if (!err) err = add_folders(p);
    cloud_tx_rollback(ctx);
    return err ? err : cloud_archive_end(p->count);
}

apr_int64_t cloud_archive_plan_length(const cloud_archive_plan_t *plan)
{
    return cloud_archive_length(plan->count);
}

apr_int64_t cloud_archive_plan_entries(const cloud_archive_plan_t *plan)
{
    return plan->entries;
}

/* ---- writing ---- */

static cloud_err_t *changed(const char *path, apr_pool_t *pool)
{
    return cloud_err(pool, CLOUD_E_CONFLICT, "%s was changed or deleted meanwhile", path);
}

/* Where the file is now; it may have another name, or be in another folder. */
static cloud_err_t *open_moved(int *fd, cloud_entry_t **entry, cloud_archive_plan_t *p,
                               cloud_ctx_t *ctx, const record_t *head, apr_pool_t *pool)
{
    CLOUD_ERR(cloud_resolve_id(entry, ctx, p->account, head->id, pool));
    return cloud_file_open(fd, entry, ctx, p->account, (*entry)->path, pool);
}

static cloud_err_t *open_file(int *fd, cloud_archive_plan_t *p, const record_t *head,
                              const char *path, apr_pool_t *pool)
{
    /* What is allocated for one file must not stay until the last one */
    cloud_ctx_t *ctx = cloud_ctx_create(p->ctx->store, pool);
    cloud_entry_t *entry;
    cloud_err_t *err;

    ctx->who = p->ctx->who;
    ctx->request_id = p->ctx->request_id;
    ctx->agent = p->ctx->agent;
    err = cloud_file_open(fd, &entry, ctx, p->account, path, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_NOT_ALLOWED)
        || (!err && entry->node.id != head->id))
        err = open_moved(fd, &entry, p, ctx, head, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return changed(path, pool);
    if (!err && entry->node.size != head->size) return changed(path, pool);
    return err;
}

static cloud_err_t *copy(cloud_archive_t *a, int fd, apr_int64_t size, const char *path, char *buf,
                         apr_pool_t *pool)
{
    while (size > 0) {
        ssize_t n = read(fd, buf, size < READ_SIZE ? (size_t)size : READ_SIZE);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "reading %s", path);
        if (n == 0) return changed(path, pool);
        CLOUD_ERR(cloud_archive_content(a, buf, (apr_size_t)n));
        size -= n;
    }
    return NULL;
}

static cloud_err_t *write_item(cloud_archive_plan_t *p, cloud_archive_t *a, const char *record,
                               char *buf, apr_pool_t *pool)
{
    const record_t *head = (const record_t *)(const void *)record;
    const char *path = record + sizeof(*head);
    const cloud_archive_entry_t entry = { path + p->skip, head->folder, head->size, head->mtime };
    int fd = -1;

    if (!head->folder) CLOUD_ERR(open_file(&fd, p, head, path, pool));
    CLOUD_ERR(cloud_archive_add(a, &entry));
    return head->folder ? NULL : copy(a, fd, head->size, path, buf, pool);
}

/* The error outlives the pool of the step that failed. */
static cloud_err_t *keep(const cloud_err_t *err, apr_pool_t *pool)
{
    cloud_err_t *copied = err ? apr_pmemdup(pool, err, sizeof(*err)) : NULL;

    if (copied) {
        copied->msg = apr_pstrdup(pool, err->msg);
        copied->cause = err->cause ? apr_pstrdup(pool, err->cause) : NULL;
    }
    return copied;
}

cloud_err_t *cloud_archive_plan_write(cloud_archive_plan_t *plan, cloud_archive_out_fn *out,
                                      void *baton)
{
    cloud_archive_t *a = cloud_archive_create(plan->kind, out, baton, plan->pool);
    char *buf = apr_palloc(plan->pool, READ_SIZE);
    cloud_err_t *err = NULL;
    const void *record;
    apr_size_t len;
    apr_pool_t *iter;

    apr_pool_create(&iter, plan->pool);
    for (;;) {
        CLOUD_ERR(cloud_spool_next(&record, &len, plan->spool));
        if (!record) break;
        err = write_item(plan, a, record, buf, iter);
        if (err) break;
        apr_pool_clear(iter);
    }
    err = keep(err, plan->pool);
    apr_pool_destroy(iter);
    return err ? err : cloud_archive_end(a);
}
