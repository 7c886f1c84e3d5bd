/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The If header, and lists of entity tags. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ifheader.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

static void check_if(const char *text, apr_pool_t *pool)
{
    apr_array_header_t *lists, *tokens;
    int positive = 0;

    if (cloud_if_parse(&lists, text, pool)) return;
    CHECK(lists->nelts > 0);
    for (int i = 0; i < lists->nelts; i++) {
        const cloud_if_list_t *list = &APR_ARRAY_IDX(lists, i, cloud_if_list_t);
        CHECK(list->terms->nelts > 0);
        CHECK(!list->tag || *list->tag);
        for (int k = 0; k < list->terms->nelts; k++) {
            const cloud_if_term_t *term = &APR_ARRAY_IDX(list->terms, k, cloud_if_term_t);
            CHECK(*term->value);
            CHECK(strstr(text, term->value));
            positive += !term->is_etag && !term->negate;
        }
    }
    tokens = cloud_if_tokens(lists, pool);
    CHECK(tokens->nelts == positive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_pool_t *pool;
    char *text;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&pool, root);
    text = malloc(size + 1); /* not of a pool: the sanitizer sees its end */
    memcpy(text, data, size);
    text[size] = '\0';
    check_if(text, pool);
    CHECK(cloud_etags_match(text, NULL, 0) != CLOUD_ETAGS_MATCH);
    if (cloud_etags_match(text, "abc", 0) == CLOUD_ETAGS_MATCH)
        CHECK(cloud_etags_match(text, "abc", 1) == CLOUD_ETAGS_MATCH);
    free(text);
    apr_pool_destroy(pool);
    return 0;
}
