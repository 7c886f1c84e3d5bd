/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What clients and operators send as short text: names, OC-Checksum, sizes, and the kept state of a
 * checksum. The first byte chooses, the rest is the text. */
#include "names.h"
#include "digest.h"
#include "settings.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <apr_general.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds) abort();
}

/* A name that is accepted can be normalised, shown in XML and put into a path. */
static void try_name(const char *text, apr_pool_t *pool)
{
    const char *nfc = cloud_name_nfc(text, pool);
    apr_array_header_t *segments;

    if (nfc) must(strcmp(cloud_name_nfc(nfc, pool), nfc) == 0);
    else must(!cloud_name_xml_ok(text));
    if (!cloud_name_check(text, NULL, pool)) {
        must(nfc && cloud_name_xml_ok(text) && cloud_name_xml_ok(nfc));
        must(!cloud_path_split(&segments, text, pool) && segments->nelts == 1);
        must(strcmp(cloud_path_join(segments, 1, pool), text) == 0);
    }
    must(strspn(cloud_uri_encode(text, 0, pool),
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%")
         == strlen(cloud_uri_encode(text, 0, pool)));
    must(strchr(cloud_account_dirname(text, 1, pool), '/') == NULL);
    must(cloud_mime_type(text) != NULL);
}

/* No segment of a path that is accepted leads out of its folder. */
static void try_path(const char *text, apr_pool_t *pool)
{
    apr_array_header_t *segments, *again;
    const char *joined;
    int i;

    if (cloud_path_split(&segments, text, pool)) return;
    for (i = 0; i < segments->nelts; i++) {
        const char *s = APR_ARRAY_IDX(segments, i, const char *);
        must(*s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && !strchr(s, '/'));
        must(strlen(s) <= CLOUD_NAME_MAX && cloud_name_nfc(s, pool) != NULL);
    }
    joined = cloud_path_join(segments, segments->nelts, pool);
    must(!cloud_path_split(&again, joined, pool) && again->nelts == segments->nelts);
}

/* What was understood is understood the same when it is written down and read again. */
static void try_checksum(const char *text, apr_pool_t *pool)
{
    cloud_sums_t sums, again;
    unsigned types, same;
    const char *out;

    if (cloud_sums_parse(&sums, &types, text, pool)) return;
    out = cloud_sums_text(sums, 0, pool);
    must((out != NULL) == (types != 0));
    if (!out) return;
    must(!cloud_sums_parse(&again, &same, out, pool));
    must(same == types && again.len == sums.len && memcmp(again.data, sums.data, sums.len) == 0);
    must(cloud_sums_match(sums, again) == 1);
}

static void try_size(const char *text, apr_pool_t *pool)
{
    apr_int64_t bytes;

    if (!cloud_size_parse(&bytes, text, pool)) must(bytes >= 0 || bytes == -3);
}

static void try_blob(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    cloud_sums_t sums = { data, size };
    cloud_digest_t *d = cloud_digest_load(data, size, pool);

    if (d) cloud_digest_update(d, "x", 1);
    cloud_sums_text(sums, 0, pool);
    must(cloud_sums_match(sums, sums) != 0);
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
    if (size == 0) return 0;
    apr_pool_create(&pool, root);
    /* Not in a pool: there a sanitizer sees no reading past the end. */
    text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case 'n':
        try_name(text, pool);
        break;
    case 'p':
        try_path(text, pool);
        break;
    case 'c':
        try_checksum(text, pool);
        break;
    case 's':
        try_size(text, pool);
        break;
    case 'b':
        try_blob(data + 1, size - 1, pool);
        break;
    }
    free(text);
    apr_pool_destroy(pool);
    return 0;
}
