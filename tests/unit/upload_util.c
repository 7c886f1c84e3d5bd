/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "upload_util.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

cloud_account_t *up_alice;
cloud_ctx_t *up_ctx;

void up_setup(void)
{
    tu_store();
    up_alice = tu_account("alice");
    up_ctx = tu_as(up_alice);
}

void up_reopen(void)
{
    tu_reopen();
    up_ctx = tu_as(up_alice);
}

cloud_upload_t *up_create(const char *name, apr_int64_t total)
{
    cloud_upload_t *up;

    OK(cloud_upload_create(&up, up_ctx, up_alice, name, total, tu.pool));
    return up;
}

cloud_chunk_put_t *up_begin(const cloud_upload_t *up, const char *name, apr_int64_t length)
{
    cloud_chunk_put_t *put;

    OK(cloud_chunk_begin(&put, up_ctx, up, name, length, NULL, tu.pool));
    return put;
}

int up_chunk_n(const cloud_upload_t *up, const char *name, const char *data, apr_size_t len)
{
    cloud_chunk_put_t *put = up_begin(up, name, (apr_int64_t)len);
    apr_size_t half = len / 3;
    int created;

    OK(cloud_chunk_write(put, data, half));
    OK(cloud_chunk_write(put, data + half, len - half));
    OK(cloud_chunk_commit(&created, put));
    return created;
}

int up_chunk(const cloud_upload_t *up, const char *name, const char *data)
{
    return up_chunk_n(up, name, data, strlen(data));
}

const cloud_put_opts_t UP_NO_OPTS = { .length = -1 };

cloud_err_t *up_finish(cloud_result_t *res, const char *name, const char *dst)
{
    return cloud_upload_finish(res, up_ctx, up_alice, name, up_alice, dst, 1, &UP_NO_OPTS, tu.pool);
}

const char *up_content(const char *path, apr_int64_t *size)
{
    cloud_entry_t *entry;
    char *buf;
    int fd;

    OK(cloud_file_open(&fd, &entry, up_ctx, up_alice, path, tu.pool));
    buf = apr_pcalloc(tu.pool, (apr_size_t)entry->node.size + 1);
    ck_assert_int_eq(read(fd, buf, (size_t)entry->node.size + 1), entry->node.size);
    *size = entry->node.size;
    return buf;
}

/* What is at path, and its checksums: they must be those of the content. */
void up_is_content(const char *path, const char *want, apr_size_t len)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT, tu.pool);
    cloud_entry_t *entry;
    apr_int64_t size;
    const char *got = up_content(path, &size);

    ck_assert_int_eq(size, (apr_int64_t)len);
    ck_assert(memcmp(got, want, len) == 0);
    cloud_digest_update(digest, want, len);
    OK(cloud_file_stat(&entry, up_ctx, up_alice, path, tu.pool));
    ck_assert_str_eq(cloud_sums_text(entry->node.sums, 0, tu.pool),
                     cloud_sums_text(cloud_digest_final(digest, tu.pool), 0, tu.pool));
}

void up_is(const char *path, const char *want)
{
    up_is_content(path, want, strlen(want));
}

void up_finished(const char *name, const char *want)
{
    cloud_result_t res;

    OK(up_finish(&res, name, "file"));
    up_is("file", want);
}

const char *up_place(const char *path)
{
    return apr_pstrcat(tu.pool, tu.dir, "/accounts/alice/", path, NULL);
}

int up_staged(void)
{
    DIR *d = opendir(up_place("staging"));
    struct dirent *de;
    int n = 0;

    ck_assert_ptr_nonnull(d);
    while ((de = readdir(d))) n += de->d_name[0] != '.';
    closedir(d);
    return n;
}

ino_t up_inode(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_ino;
}

/* Inode of the only file in the staging directory. */
ino_t up_staged_inode(void)
{
    DIR *d = opendir(up_place("staging"));
    struct dirent *de;
    ino_t ino = 0;

    ck_assert_int_eq(up_staged(), 1);
    while ((de = readdir(d)))
        if (de->d_name[0] != '.')
            ino = up_inode(up_place(apr_pstrcat(tu.pool, "staging/", de->d_name, NULL)));
    closedir(d);
    return ino;
}
