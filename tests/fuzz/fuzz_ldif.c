/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* LDIF, and lists of names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "ldif.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

/* Keys are lower case, but for that of a list's name; no value is longer than what was read. */
static void check_entry(const apr_table_t *entry, size_t size)
{
    const apr_array_header_t *all = apr_table_elts(entry);
    int i;

    CHECK(all->nelts > 0);
    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);

        CHECK(strpbrk(e->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ:; ") == NULL);
        CHECK(strlen(e->val) <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_table_t *entry;
    apr_pool_t *pool;
    ldif_t *ldif;
    FILE *in;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    if (!in) return 0;
    apr_pool_create(&pool, root);
    ldif = ldif_open(in, pool);
    while (!ldif_next(&entry, ldif, pool) && entry) check_entry(entry, size);
    apr_pool_destroy(pool);
    fclose(in);
    return 0;
}
