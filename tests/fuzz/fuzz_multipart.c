/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Forms with files, by anybody who has a link: the first line is the Content-Type, the rest the body.
 * Whatever the pieces it comes in, the same is told of it, and all of it lies in the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "multipart.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

/* What was told of a form. */
typedef struct {
    char *text;
    size_t len, size;
    int open, parts;
} told_t;

static void add(told_t *told, const char *data, size_t len)
{
    CHECK(len <= told->size - told->len);
    memcpy(told->text + told->len, data, len);
    told->len += len;
}

static cloud_err_t *begin(void *baton, const char *name, const char *filename)
{
    told_t *told = baton;

    CHECK(name && !told->open && ++told->parts <= CLOUD_MULTIPART_PARTS);
    told->open = 1;
    add(told, "[", 1);
    add(told, name, strlen(name));
    if (filename) {
        add(told, filename, strlen(filename));
    }
    return NULL;
}

static cloud_err_t *data(void *baton, const char *bytes, apr_size_t len)
{
    CHECK(((told_t *)baton)->open && len > 0);
    add(baton, bytes, len);
    return NULL;
}

static cloud_err_t *end(void *baton)
{
    told_t *told = baton;

    CHECK(told->open);
    told->open = 0;
    add(told, "]", 1);
    return NULL;
}

/* What becomes of a body that comes in pieces of a size; -1: it is none. */
static int feed(told_t *told, const char *type, const char *body, size_t len, size_t piece,
                apr_pool_t *pool)
{
    static const cloud_multipart_fn_t fn = { begin, data, end };
    cloud_multipart_t *m;
    cloud_err_t *err = cloud_multipart_create(&m, type, &fn, told, pool);
    size_t i, n;

    CHECK(!err || err->code == CLOUD_E_UNSUPPORTED);
    CHECK(cloud_multipart_is(type) || err);
    if (err) {
        return -1;
    }
    for (i = 0; i < len && !err; i += n) {
        n = len - i < piece ? len - i : piece;
        err = cloud_multipart_feed(m, body + i, n);
    }
    if (!err) {
        err = cloud_multipart_finish(m);
    }
    CHECK(err || !told->open);
    return err ? (int)err->code : 0;
}

static void check_form(const char *text, size_t size, apr_pool_t *pool)
{
    static const size_t PIECES[] = { 1, 7, 100000 };
    const char *line = memchr(text, '\n', size), *type;
    told_t told[3] = { { 0 } };
    int result[3] = { 0 };
    size_t len, i;

    if (!line) {
        return;
    }
    type = apr_pstrmemdup(pool, text, (apr_size_t)(line - text));
    len = size - (size_t)(line + 1 - text);
    for (i = 0; i < 3; i++) {
        told[i].size = size + 2 * CLOUD_MULTIPART_PARTS; /* and what is put around the parts */
        told[i].text = malloc(told[i].size);
        result[i] = feed(&told[i], type, line + 1, len, PIECES[i], pool);
        CHECK(result[i] == result[0]);
        /* Of one that is broken more may be told when more comes at a time */
        CHECK(result[i] || (told[i].len == told[0].len
                            && !memcmp(told[i].text, told[0].text, told[0].len)));
    }
    for (i = 0; i < 3; i++) {
        free(told[i].text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data_in, size_t size)
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
    memcpy(copy, data_in, size);
    check_form(copy, size, pool);
    free(copy);
    apr_pool_destroy(pool);
    return 0;
}
