/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Pictures of strangers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "image.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

static void check_picture(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    int orientation = cloud_exif_orientation(data, size);
    const void *out;
    apr_size_t len;
    cloud_image_t *image, *again;
    cloud_image_kind_t kind;

    CHECK(orientation >= 1 && orientation <= 8);
    if (cloud_image_square(&image, data, size, 16, pool)) {
        return;
    }
    CHECK(image->side >= 1 && image->side <= 16);
    CHECK(cloud_image_kind(&kind, data, size));
    CHECK(!cloud_image_encode(&out, &len, image, kind, pool));
    CHECK(!cloud_image_read(&again, out, len, 16, pool) && again->side == image->side);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_pool_t *pool;
    char *copy;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    copy = malloc(size + !size); /* so that a byte too far is noticed */
    memcpy(copy, data, size);
    check_picture((const uint8_t *)copy, size, pool);
    free(copy);
    apr_pool_destroy(pool);
    return 0;
}
