/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Writers of archives: any entries, in pieces of any size. What is counted is what is written, and no path
 * leads out of the folder that an archive is unpacked in. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

typedef struct {
    const uint8_t *at, *end;
} input_t;

static unsigned take(input_t *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* A path up to the next NUL. */
static const char *take_path(input_t *in, apr_pool_t *pool)
{
    const uint8_t *nul = memchr(in->at, 0, (size_t)(in->end - in->at));
    const char *path = apr_pstrmemdup(pool, (const char *)in->at,
                                      (apr_size_t)((nul ? nul : in->end) - in->at));

    in->at = nul ? nul + 1 : in->end;
    return path;
}

static int leads_out(const char *path)
{
    const char *p = path;

    if (!*p || *p == '/' || strchr(p, '\\')) return 1;
    for (; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
        if (strcmp(p, "..") == 0 || strncmp(p, "../", 3) == 0) return 1;
    }
    return 0;
}

static cloud_err_t *count(void *baton, const void *data, apr_size_t len)
{
    const char *bytes = data;

    /* A sanitizer looks at what is compared */
    CHECK(!len || memcmp(bytes, bytes + len - 1, 1) <= 255);
    *(apr_int64_t *)baton += (apr_int64_t)len;
    return NULL;
}

static void fill(cloud_archive_t *a, apr_int64_t size, apr_int64_t step)
{
    static const char zeros[1 << 17];

    while (size > 0) {
        apr_int64_t n = size < step ? size : step;

        CHECK(!cloud_archive_content(a, zeros, (apr_size_t)n));
        size -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    input_t in = { data, data + size };
    cloud_archive_t *a, *counted;
    apr_int64_t written = 0;
    cloud_archive_kind_t kind = take(&in) & 1 ? CLOUD_ARCHIVE_TAR : CLOUD_ARCHIVE_ZIP;
    apr_pool_t *pool;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    a = cloud_archive_create(kind, count, &written, pool);
    counted = cloud_archive_create(kind, NULL, NULL, pool);
    while (in.at < in.end) {
        unsigned head = take(&in);
        cloud_archive_entry_t e = { NULL, head & 1, 0, 0 };

        e.size = (apr_int64_t)(take(&in) << 8 | take(&in)) << (head >> 1 & 3);
        e.mtime = (apr_int64_t)((apr_uint64_t)take(&in) << (head >> 2) % 50) - (head & 2 ? 100 : 0);
        e.path = take_path(&in, pool);
        if (cloud_archive_add(counted, &e)) {
            CHECK(cloud_archive_add(a, &e));
            continue;
        }
        CHECK(!leads_out(e.path));
        CHECK(!cloud_archive_add(a, &e));
        if (!e.folder) fill(a, e.size, 1 + ((apr_int64_t)head << 9));
    }
    CHECK(!cloud_archive_end(a));
    CHECK(!cloud_archive_end(counted));
    CHECK(written == cloud_archive_length(a) && written == cloud_archive_length(counted));
    apr_pool_destroy(pool);
    return 0;
}
