/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "files_util.h"

#include <string.h>
#include <unistd.h>

cloud_account_t *fu_alice;
cloud_ctx_t *fu_ctx;

void fu_setup(void)
{
    tu_store();
    fu_alice = tu_account("alice");
    fu_ctx = tu_as(fu_alice);
}

cloud_err_t *fu_try_put(cloud_result_t *res, const char *path, const char *text,
                            const cloud_put_opts_t *opts)
{
    cloud_put_t *put;
    cloud_err_t *err;

    CLOUD_ERR(cloud_put_begin(&put, fu_ctx, fu_alice, path, opts, tu.pool));
    err = cloud_put_write(put, text, strlen(text));
    if (!err) return cloud_put_commit(res, put);
    cloud_put_abort(put);
    return err;
}

cloud_entry_t *fu_put(const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text) };
    cloud_result_t res;

    OK(fu_try_put(&res, path, text, &opts));
    return res.entry;
}

cloud_entry_t *fu_entry(const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, fu_ctx, fu_alice, path, tu.pool));
    return e;
}

apr_int64_t fu_etag(const char *path)
{
    cloud_entry_t *e = fu_entry(path);

    ck_assert_msg(e->exists, "%s does not exist", path);
    return e->node.etag;
}

void fu_mkcol(const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, fu_ctx, fu_alice, path, NULL, tu.pool));
    ck_assert_int_eq(res.created, 1);
}

const char *fu_content(const char *path)
{
    char buf[4096];
    cloud_entry_t *e;
    ssize_t n;
    int fd;

    OK(cloud_file_open(&fd, &e, fu_ctx, fu_alice, path, tu.pool));
    n = read(fd, buf, sizeof buf);
    ck_assert_int_eq(n, e->node.size);
    return apr_pstrmemdup(tu.pool, buf, (apr_size_t)n);
}

const char *fu_on_disk(const char *path)
{
    const char *file = apr_pstrcat(tu.pool, "accounts/alice/files/", path, NULL);

    return file;
}

cloud_err_t *fu_move(const char *src, const char *dst, int overwrite)
{
    cloud_result_t res;

    return cloud_file_move(&res, fu_ctx, fu_alice, src, fu_alice, dst, overwrite, NULL, NULL, tu.pool);
}

cloud_err_t *fu_copy(const char *src, const char *dst, int overwrite, int depth)
{
    cloud_result_t res;

    return cloud_file_copy(&res, fu_ctx, fu_alice, src, fu_alice, dst, overwrite, depth, NULL, NULL,
                           tu.pool);
}
