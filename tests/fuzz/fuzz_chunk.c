/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Names of chunks: chunking v1's "-chunking-<transfer>-<count>-<index>". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upload.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_pool_t *pool;
    const char *target, *session;
    int count, index;
    char *text;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (cloud_upload_v1_parse(&target, &session, &count, &index, text, pool)) {
        CHECK(count > 0 && index >= 0 && index < count);
        CHECK(*session && strlen(session) <= 255 && !strchr(session, '/'));
        CHECK(strncmp(target, text, strlen(target)) == 0);
        CHECK(strstr(text + strlen(target), "-chunking-"));
    }
    free(text);
    apr_pool_destroy(pool);
    return 0;
}
