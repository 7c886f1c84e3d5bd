/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The skeleton: files that a new account begins with, copied by the verbs, as if its owner had put
 * them there. A mark that is set in the transaction which creates the account goes when all is there;
 * the job goes on where a creation died. An account is worth more than its first files: whatever goes
 * wrong here is logged, and the account is there all the same. */
#include "account_private.h"
#include "files.h"
#include "pref.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define ENTRIES_MOST 1000                        /* of a skeleton */
#define BYTES_MOST   (APR_INT64_C(1) << 30)
#define DEPTH_MOST   32
#define BUFFER       65536
#define RESUME_AFTER apr_time_from_sec(10 * 60)  /* whoever creates the account is done by then */
#define RESUME_MOST  100

#define MARK_APP "files"
#define MARK_KEY "skeleton"

typedef struct {
    cloud_ctx_t *ctx;            /* of the system */
    const cloud_account_t *a;
    int entries;
    apr_int64_t bytes;
    int left_out;
    const char *first, *why;     /* of those that were left out, in ctx->pool */
} skeleton_t;

static cloud_err_t *leave_out(skeleton_t *s, const char *path, const char *why)
{
    if (s->left_out++ == 0) {
        s->first = apr_pstrdup(s->ctx->pool, path);
        s->why = apr_pstrdup(s->ctx->pool, why);
    }
    return NULL;
}

static cloud_err_t *leave_out_errno(skeleton_t *s, const char *path, int err)
{
    char buf[256];

    return leave_out(s, path, apr_strerror(APR_FROM_OS_ERROR(err), buf, sizeof buf));
}

/* What is there already stays; what the account can't have is left out; anything else ends it. */
static cloud_err_t *judge(skeleton_t *s, cloud_err_t *err, const char *path)
{
    static const cloud_code_t refusals[] = { CLOUD_E_INVALID_NAME, CLOUD_E_BLACKLISTED,
                                             CLOUD_E_INVALID, CLOUD_E_QUOTA, CLOUD_E_CONFLICT,
                                             CLOUD_E_LOCKED, CLOUD_E_DENIED, CLOUD_E_TOO_LARGE };
    size_t i;

    if (!err || err->code == CLOUD_E_PRECONDITION || err->code == CLOUD_E_EXISTS) return NULL;
    for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (err->code == refusals[i]) return leave_out(s, path, err->msg);
    return err;
}

static cloud_err_t *write_content(cloud_put_t *put, int fd, skeleton_t *s, apr_pool_t *pool)
{
    char *buf = apr_palloc(pool, BUFFER);
    ssize_t n;

    for (;;) {
        n = read(fd, buf, BUFFER);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(s->ctx->pool, CLOUD_E_INVALID, errno, "read");
        if (n == 0) return NULL;
        CLOUD_ERR(cloud_put_write(put, buf, (apr_size_t)n));
    }
}

/* The announced length holds: a file that grows or shrinks meanwhile is none of the skeleton's. */
static cloud_err_t *copy_file(skeleton_t *s, int fd, const struct stat *st, const char *path,
                              apr_pool_t *pool)
{
    cloud_put_opts_t opts = { .length = st->st_size, .has_mtime = 1, .mtime = st->st_mtime,
                              .cond = { .must = CLOUD_IF_ABSENT } };
    cloud_result_t res;
    cloud_put_t *put;
    cloud_err_t *err;

    if (st->st_size > BYTES_MOST - s->bytes)
        return leave_out(s, path, "the skeleton has more than 1 GB");
    s->bytes += st->st_size;
    CLOUD_ERR(cloud_put_begin(&put, s->ctx, s->a, path, &opts, pool));
    err = write_content(put, fd, s, pool);
    if (!err) return cloud_put_commit(&res, put);
    cloud_put_abort(put);
    return err;
}

static cloud_err_t *members(skeleton_t *s, int fd, const char *path, int depth, apr_pool_t *pool);

static cloud_err_t *copy_folder(skeleton_t *s, int fd, const char *path, int depth,
                                apr_pool_t *pool)
{
    cloud_result_t res;
    int before = s->left_out;

    if (depth >= DEPTH_MOST) return leave_out(s, path, "too deep");
    CLOUD_ERR(judge(s, cloud_file_mkcol(&res, s->ctx, s->a, path, NULL, pool), path));
    return s->left_out > before ? NULL : members(s, fd, path, depth + 1, pool);
}

/* Symlinks are not followed, and of devices nothing but the type is looked at. */
static cloud_err_t *copy_entry(skeleton_t *s, int dir, const char *name, const char *path,
                               int depth, apr_pool_t *pool)
{
    cloud_err_t *err;
    struct stat st;
    int fd;

    if (++s->entries > ENTRIES_MOST) return leave_out(s, path, "the skeleton has too many files");
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return leave_out_errno(s, path, errno);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return leave_out(s, path, "neither a file nor a folder");
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err = leave_out_errno(s, path, errno);
    } else if (S_ISDIR(st.st_mode)) {
        err = copy_folder(s, fd, path, depth, pool);
    } else if (S_ISREG(st.st_mode)) {
        err = judge(s, copy_file(s, fd, &st, path, pool), path);
    } else {
        err = leave_out(s, path, "neither a file nor a folder");
    }
    if (fd >= 0) close(fd);
    return err;
}

static cloud_err_t *members(skeleton_t *s, int fd, const char *path, int depth, apr_pool_t *pool)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    cloud_err_t *err = NULL;
    struct dirent *ent;
    apr_pool_t *iter;

    if (!dir) {
        err = leave_out_errno(s, path, errno);
        if (own >= 0) close(own);
        return err;
    }
    apr_pool_create(&iter, pool);
    while (!err && s->entries <= ENTRIES_MOST && (ent = readdir(dir)) != NULL) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0) continue;
        apr_pool_clear(iter);
        err = copy_entry(s, fd, ent->d_name,
                         *path ? apr_pstrcat(iter, path, "/", ent->d_name, NULL)
                               : apr_pstrdup(iter, ent->d_name),
                         depth, iter);
    }
    closedir(dir);
    err = cloud_err_keep(err, s->ctx->pool);
    apr_pool_destroy(iter);
    return err;
}

static cloud_err_t *copy_all(skeleton_t *s, const char *from)
{
    int fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cloud_err_t *err;

    if (fd < 0) {
        CLOUD_LOG(s->ctx->store, WARN, "account %s begins without files: the skeleton %s: %s",
                  s->a->id, from, strerror(errno));
        return NULL;
    }
    err = members(s, fd, "", 0, s->ctx->pool);
    close(fd);
    if (!err && s->left_out)
        CLOUD_LOG(s->ctx->store, WARN,
                  "account %s: %d of the skeleton's files were left out, first %s: %s", s->a->id,
                  s->left_out, *s->first ? s->first : from, s->why);
    return err;
}

static cloud_err_t *skeleton_dir(const char **dir, cloud_ctx_t *ctx)
{
    CLOUD_ERR(cloud_setting_get(dir, NULL, ctx, "system", "skeletondirectory"));
    if (!**dir) *dir = NULL;
    return NULL;
}

cloud_err_t *cloud_skeleton_mark(cloud_ctx_t *ctx, apr_int64_t account)
{
    const char *dir;

    CLOUD_ERR(skeleton_dir(&dir, ctx));
    if (!dir) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO pref (account, app, key, value)"
                        " VALUES (?1, '" MARK_APP "', '" MARK_KEY "', 'pending')",
                        "i", account);
}

/* With a context of its own: whoever creates an account has no rights to its files. */
static cloud_err_t *apply(cloud_ctx_t *ctx, const cloud_account_t *a, apr_pool_t *pool)
{
    skeleton_t s = { .ctx = cloud_ctx_create(ctx->store, pool), .a = a };
    const char *dir, *mark;

    s.ctx->who = (cloud_principal_t){ .system = 1, .client = "skeleton" };
    s.ctx->request_id = ctx->request_id;
    CLOUD_ERR(cloud_pref_get(&mark, s.ctx, a, MARK_APP, MARK_KEY, pool));
    if (!mark) return NULL;
    CLOUD_ERR(skeleton_dir(&dir, ctx));
    if (dir) CLOUD_ERR(copy_all(&s, dir));
    CLOUD_POINT("skeleton-before-mark");
    return cloud_pref_set(s.ctx, a, MARK_APP, MARK_KEY, NULL);
}

void cloud_skeleton_apply(cloud_ctx_t *ctx, const cloud_account_t *a)
{
    apr_pool_t *pool;
    cloud_err_t *err;

    apr_pool_create(&pool, ctx->pool);
    err = apply(ctx, a, pool);
    if (err)
        CLOUD_LOG(ctx->store, WARN, "account %s gets the rest of the skeleton later: %s", a->id,
                  err->cause ? err->cause : err->msg);
    apr_pool_destroy(pool);
}

static cloud_err_t *marked_tx(apr_array_header_t *numbers, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db,
                            "SELECT number FROM account WHERE created < ?1 AND number IN (SELECT"
                            " account FROM pref WHERE app = '" MARK_APP "' AND key = '" MARK_KEY
                            "') ORDER BY number LIMIT ?2",
                            ctx->pool));
    cloud_stmt_int(st, 1, (apr_int64_t)(apr_time_now() - RESUME_AFTER));
    cloud_stmt_int(st, 2, RESUME_MOST);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row)
        APR_ARRAY_PUSH(numbers, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_skeleton_resume(cloud_ctx_t *ctx)
{
    apr_array_header_t *numbers = apr_array_make(ctx->pool, 1, sizeof(apr_int64_t));
    cloud_account_t *a;
    cloud_err_t *err;
    int i;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = marked_tx(numbers, ctx);
    cloud_tx_rollback(ctx);
    for (i = 0; !err && i < numbers->nelts; i++) {
        err = cloud_account_by_number(&a, ctx, APR_ARRAY_IDX(numbers, i, apr_int64_t), ctx->pool);
        if (!err) cloud_skeleton_apply(ctx, a);
        if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) err = NULL; /* deleted meanwhile */
    }
    return err;
}
