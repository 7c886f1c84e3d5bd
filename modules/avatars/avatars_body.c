/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What is being sent goes to a file, so that slow senders of large pictures cost no memory. */
#include "avatars_private.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct cloud_spooled_t {
    cloud_ctx_t *ctx;
    apr_pool_t *pool;
    int fd;
    apr_size_t len;
    void *map;          /* NULL: not yet */
};

static apr_status_t end(void *baton)
{
    cloud_spooled_t *s = baton;

    if (s->map) munmap(s->map, s->len);
    close(s->fd);
    return APR_SUCCESS;
}

cloud_err_t *cloud_spooled_create(cloud_spooled_t **spooled, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_spooled_t *s = apr_pcalloc(pool, sizeof *s);
    const char *path;

    s->ctx = ctx;
    s->pool = pool;
    CLOUD_ERR(cloud_storage_stage(&s->fd, &path, ctx->store, account->dir, pool));
    apr_pool_cleanup_register(pool, s, end, apr_pool_cleanup_null);
    cloud_storage_unlink(ctx->store, path, 0, pool);
    *spooled = s;
    return NULL;
}

cloud_err_t *cloud_spooled_write(cloud_spooled_t *s, const void *data, apr_size_t len)
{
    const char *p = data;

    if (len > CLOUD_AVATAR_BYTES_MAX - s->len)
        return cloud_err(s->pool, CLOUD_E_TOO_LARGE, "The file is too large");
    CLOUD_ERR(cloud_storage_has_room(s->ctx, (apr_int64_t)len));
    s->len += len;
    while (len > 0) {
        ssize_t n = write(s->fd, p, len);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, "write to staging");
        p += n;
        len -= (apr_size_t)n;
    }
    return NULL;
}

/* Nobody else knows the file: it can't become shorter while it is mapped. */
cloud_err_t *cloud_spooled_data(const void **data, apr_size_t *len, cloud_spooled_t *s)
{
    *data = "";
    *len = s->len;
    if (!s->len) return NULL;
    if (!s->map) {
        void *map = mmap(NULL, s->len, PROT_READ, MAP_PRIVATE, s->fd, 0);

        if (map == MAP_FAILED) return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, "mmap");
        s->map = map;
    }
    *data = s->map;
    return NULL;
}

static cloud_err_t *take(cloud_spooled_t *s, const cloud_entry_t *entry, int fd)
{
    char buffer[16 * 1024];
    ssize_t n;

    while ((n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, "%s", entry->path);
        CLOUD_ERR(cloud_spooled_write(s, buffer, (apr_size_t)n));
    }
    return NULL;
}

/* A file of the account: its owner may change it meanwhile, hence a copy. */
cloud_err_t *cloud_spooled_file(cloud_spooled_t *s, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *path)
{
    cloud_entry_t *entry;
    int fd;

    /* Closed with the pool. */
    CLOUD_ERR(cloud_file_open(&fd, &entry, ctx, account, path, s->pool));
    return take(s, entry, fd);
}
