/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tu has, under the names of here. */
static void adopt(world_t *w)
{
    w->store = tu.store;
    w->store_pool = tu.store_pool;
    w->ctx = tu.ctx;
    w->user = tu_as(w->account);
}

world_t *world_create(void)
{
    world_t *w;
    char *dir;

    tu_store();
    w = apr_pcalloc(tu.pool, sizeof *w);
    w->pool = tu.pool;
    w->data_dir = w->first_dir = tu.dir;
    /* Beside it, for what is moved into and out of it. */
    dir = apr_pstrcat(tu.pool, tu.dir, "-world-XXXXXX", NULL);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    w->dir = dir;
    w->account = tu_account("alice");
    adopt(w);
    return w;
}

void world_reopen(world_t *w)
{
    tu.dir = w->data_dir;
    tu_reopen();
    OK(cloud_account_get(&w->account, tu.ctx, "alice", w->pool));
    adopt(w);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_all(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void world_destroy(world_t *w)
{
    char *dirs[] = { strdup(w->dir), strdup(w->first_dir) };
    unsigned i;

    tu_end();
    for (i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        remove_all(dirs[i]);
        free(dirs[i]);
    }
}

/* ---- by the verbs ---- */

void world_put(world_t *w, const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text) };
    cloud_result_t res;
    cloud_put_t *put;
    apr_pool_t *pool;

    apr_pool_create(&pool, w->pool);
    OK(cloud_put_begin(&put, w->user, w->account, path, &opts, pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
    apr_pool_destroy(pool);
}

void world_mkcol(world_t *w, const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, w->user, w->account, path, NULL, w->pool));
}

void world_move(world_t *w, const char *src, const char *dst)
{
    cloud_result_t res;

    OK(cloud_file_move(&res, w->user, w->account, src, w->account, dst, 1, NULL, NULL, w->pool));
}

void world_remove(world_t *w, const char *path)
{
    OK(cloud_file_remove(w->user, w->account, path, NULL));
}

const cloud_node_t *world_node(world_t *w, const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, w->ctx, w->account, path, w->pool));
    return e->exists ? &e->node : NULL;
}

static const char *read_fd(int fd, apr_pool_t *pool)
{
    struct stat st;
    char *text;

    ck_assert_int_eq(fstat(fd, &st), 0);
    text = apr_pcalloc(pool, (apr_size_t)st.st_size + 1);
    ck_assert_int_eq(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
    return text;
}

const char *world_read(world_t *w, const char *path)
{
    const char *text = NULL;
    cloud_entry_t *e;
    cloud_err_t *err;
    apr_pool_t *pool;
    int fd;

    apr_pool_create(&pool, w->pool);
    err = cloud_file_open(&fd, &e, w->user, w->account, path, pool);
    if (!err) text = read_fd(fd, w->pool);
    else if (err->code != CLOUD_E_NOT_FOUND && err->code != CLOUD_E_UNAVAILABLE) OK(err);
    apr_pool_destroy(pool);
    return text;
}

typedef struct {
    world_t *w;
    const char *path;
    apr_array_header_t *lines, *folders;
} dump_t;

static cloud_err_t *dump_child(void *baton, const cloud_child_t *child)
{
    dump_t *d = baton;
    const cloud_node_t *n = child->node;
    apr_pool_t *pool = d->w->pool;
    const char *path = *d->path ? apr_pstrcat(pool, d->path, "/", n->name, NULL)
                                : apr_pstrdup(pool, n->name);
    const char *sums = cloud_sums_text(n->sums, CLOUD_DIGEST_SHA1, pool);

    APR_ARRAY_PUSH(d->lines, const char *) =
        apr_psprintf(pool, "%s %d %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT
                     " %s\n", path, (int)n->kind, n->id, n->etag, n->size, sums ? sums : "-");
    if (CLOUD_IS_DIR(n)) APR_ARRAY_PUSH(d->folders, const char *) = path;
    return NULL;
}

const char *world_dump(world_t *w)
{
    dump_t d = { .w = w };
    int i;

    d.lines = apr_array_make(w->pool, 64, sizeof(const char *));
    d.folders = apr_array_make(w->pool, 16, sizeof(const char *));
    APR_ARRAY_PUSH(d.folders, const char *) = "";
    for (i = 0; i < d.folders->nelts; i++) {
        cloud_entry_t *e;

        d.path = APR_ARRAY_IDX(d.folders, i, const char *);
        OK(cloud_resolve(&e, w->ctx, w->account, d.path, w->pool));
        APR_ARRAY_PUSH(d.lines, const char *) =
            apr_psprintf(w->pool, "%s/ %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT
                         "\n", d.path, e->node.id, e->node.etag, e->node.size);
        OK(cloud_file_list(w->ctx, e, dump_child, &d));
    }
    return apr_array_pstrcat(w->pool, d.lines, 0);
}

/* ---- behind its back ---- */

const char *world_disk(world_t *w, const char *path)
{
    return apr_pstrcat(w->pool, w->data_dir, "/accounts/", w->account->dir, "/files/", path, NULL);
}

static void write_all(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void world_write(world_t *w, const char *path, const char *text)
{
    write_all(world_disk(w, path), text);
}

void world_replace(world_t *w, const char *path, const char *text)
{
    const char *tmp = apr_pstrcat(w->pool, w->dir, "/new", NULL);

    write_all(tmp, text);
    ck_assert_int_eq(rename(tmp, world_disk(w, path)), 0);
}

void world_disk_mkdir(world_t *w, const char *path)
{
    ck_assert_int_eq(mkdir(world_disk(w, path), 0755), 0);
}

void world_disk_move(world_t *w, const char *src, const char *dst)
{
    ck_assert_int_eq(rename(world_disk(w, src), world_disk(w, dst)), 0);
}

void world_disk_remove(world_t *w, const char *path)
{
    remove_all(world_disk(w, path));
}

void world_disk_restore(world_t *w, const char *path)
{
    const char *file = world_disk(w, path);
    const char *tmp = apr_pstrcat(w->pool, w->dir, "/restored", NULL);
    struct timespec times[2];
    struct stat st;
    int fd = open(file, O_RDONLY), copy = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(copy, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(sendfile(copy, fd, NULL, (size_t)st.st_size), st.st_size);
    close(copy);
    close(fd);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    ck_assert_int_eq(utimensat(AT_FDCWD, tmp, times, 0), 0);
    ck_assert_int_eq(rename(tmp, file), 0);
}

int world_disk_exists(world_t *w, const char *path)
{
    struct stat st;

    return lstat(world_disk(w, path), &st) == 0;
}

/* ---- by SQL ---- */

void world_sql(world_t *w, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    tu_exec(apr_pvsprintf(w->pool, fmt, ap));
    va_end(ap);
}
