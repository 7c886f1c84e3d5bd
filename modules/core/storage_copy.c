/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The content of files, copied from one descriptor to another. */
#include "internal.h"

#include <errno.h>
#include <unistd.h>

static cloud_err_t *copy_hashing(int in, apr_int64_t off, apr_int64_t len, int out,
                                 cloud_digest_t *digest, apr_pool_t *pool)
{
    apr_size_t size = 256 * 1024;
    char *buf = apr_palloc(pool, size);
    ssize_t n, done, w;

    while (len != 0) {
        n = pread(in, buf, len > 0 && (apr_size_t)len < size ? (apr_size_t)len : size, off);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "read");
        if (n == 0) break;
        if (digest) cloud_digest_update(digest, buf, (apr_size_t)n);
        for (done = 0; out >= 0 && done < n; done += w) {
            w = write(out, buf + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR) w = 0;
            else if (w < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "write");
        }
        off += n;
        if (len > 0) len -= n;
    }
    return len > 0 ? cloud_err(pool, CLOUD_E_UNAVAILABLE, "Content is shorter than expected")
                   : NULL;
}

cloud_err_t *cloud_storage_copy(int in, apr_int64_t off, apr_int64_t len, int out,
                                cloud_digest_t *digest, apr_pool_t *pool)
{
    off_t from = (off_t)off;
    ssize_t n;

    if (digest || out < 0) return copy_hashing(in, off, len, out, digest, pool);
    while (len != 0) {
        n = copy_file_range(in, &from, out, NULL,
                            len > 0 && len < (1 << 30) ? (size_t)len : (size_t)1 << 30, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS
                      || errno == EOPNOTSUPP))
            return copy_hashing(in, from, len, out, NULL, pool);
        if (n < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "copy_file_range");
        if (n == 0) break;
        if (len > 0) len -= n;
    }
    return len > 0 ? cloud_err(pool, CLOUD_E_UNAVAILABLE, "Content is shorter than expected")
                   : NULL;
}
