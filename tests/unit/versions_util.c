/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "versions_util.h"

#include <string.h>
#include <unistd.h>

cloud_account_t *vu_alice, *vu_bob;
cloud_ctx_t *vu_as_alice, *vu_as_bob;

void vu_setup(void)
{
    cloud_versions_register();
    tu_store();
    vu_alice = tu_account("alice");
    vu_bob = tu_account("bob");
    vu_as_alice = tu_as(vu_alice);
    vu_as_bob = tu_as(vu_bob);
}

void vu_put_at(const char *path, const char *text, apr_int64_t mtime)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text), .has_mtime = mtime != 0,
                              .mtime = mtime };
    cloud_result_t res;
    cloud_put_t *put;

    OK(cloud_put_begin(&put, vu_as_alice, vu_alice, path, &opts, tu.pool));
    OK(cloud_put_write(put, text, strlen(text)));
    OK(cloud_put_commit(&res, put));
}

void vu_put(const char *path, const char *text)
{
    vu_put_at(path, text, 0);
}

cloud_node_t *vu_node(const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, vu_as_alice, vu_alice, path, tu.pool));
    return e->exists ? &e->node : NULL;
}

const char *vu_read_all(int fd)
{
    char buf[4096];
    ssize_t n = pread(fd, buf, sizeof buf, 0);

    ck_assert_int_ge(n, 0);
    return apr_pstrmemdup(tu.pool, buf, (apr_size_t)n);
}

static cloud_err_t *collect(void *baton, const cloud_version_t *v)
{
    cloud_version_t *copy = apr_array_push(baton);

    *copy = *v;
    copy->path = apr_pstrdup(tu.pool, v->path);
    copy->author = apr_pstrdup(tu.pool, v->author);
    copy->tag = apr_pstrdup(tu.pool, v->tag);
    copy->sums.data = apr_pmemdup(tu.pool, v->sums.data, v->sums.len);
    return NULL;
}

/* The versions of a file, newest first. */
apr_array_header_t *vu_versions(apr_int64_t id)
{
    apr_array_header_t *list = apr_array_make(tu.pool, 8, sizeof(cloud_version_t));
    cloud_err_t *err;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    err = cloud_versions_each(tu.ctx, id, collect, list);
    cloud_tx_rollback(tu.ctx);
    OK(err);
    return list;
}

/* Contents of the versions, newest first: "b a". Each is where its row says. */
const char *vu_texts(apr_int64_t id)
{
    apr_array_header_t *list = vu_versions(id);
    const char *all = "";

    for (int i = 0; i < list->nelts; i++) {
        cloud_entry_t *file;
        cloud_version_t *v;
        int fd;

        ck_assert(tu_exists(apr_pstrcat(tu.pool, "accounts/", V(list, i)->path, NULL)));
        OK(cloud_version_open(&fd, &file, &v, vu_as_alice, vu_alice, id, V(list, i)->number,
                              tu.pool));
        all = apr_pstrcat(tu.pool, all, i ? " " : "", vu_read_all(fd), NULL);
    }
    return all;
}

/* The totals are the sums over the rows, and fsck finds nothing. */
void vu_check_sound(void)
{
    ck_assert_int_eq(tu_query_int("SELECT coalesce(sum(size), 0) FROM version"),
                     tu_query_int("SELECT coalesce(sum(bytes), 0) FROM version_total"));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM version"),
                     tu_query_int("SELECT coalesce(sum(count), 0) FROM version_total"));
    tu_sound();
}
