/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Request path and Destination: whatever is sent, a target's names are names. The first byte says
 * whether the rest is a decoded path (0) or a URI. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "target.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

static void check_segment(const char *s, size_t len)
{
    CHECK(len > 0 && len <= CLOUD_NAME_MAX);
    CHECK(!(len == 1 && s[0] == '.') && !(len == 2 && s[0] == '.' && s[1] == '.'));
    for (size_t i = 0; i < len; i++) {
        CHECK((unsigned char)s[i] >= 0x20 && s[i] != '\\' && s[i] != 0x7f);
    }
}

static void check_path(const char *path)
{
    const char *slash;

    CHECK(cloud_name_xml_ok(path));
    while (*path) {
        slash = strchr(path, '/');
        check_segment(path, slash ? (size_t)(slash - path) : strlen(path));
        if (!slash) return;
        path = slash + 1;
        CHECK(*path);
    }
}

static void check_target(const char *base, const char *uri, apr_pool_t *pool)
{
    cloud_dav_target_t *t, *again;
    const char *href, *path, *host;

    if (cloud_dav_target_parse(&t, base, uri, pool) || !t) return;
    check_path(t->path);
    if (t->user) check_segment(t->user, strlen(t->user));
    if (t->session) check_segment(t->session, strlen(t->session));
    if (t->chunk) check_segment(t->chunk, strlen(t->chunk));
    CHECK(strncmp(uri, t->base, strlen(t->base)) == 0);
    /* The href of a target is a name of the same target */
    href = cloud_dav_self_href(t, t->slash, pool);
    if (*href == '/' && href[1] != '/') {
        CHECK(!cloud_dav_uri_path(&path, &host, href, pool));
        CHECK(!cloud_dav_target_parse(&again, base, path, pool) && again);
        CHECK(again->kind == t->kind && strcmp(again->path, t->path) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    static const char *const bases[] = {"/", "/owncloud/", "/a b/c/"};
    apr_pool_t *pool;
    const char *path, *host;
    char *text;

    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    if (size == 0) return 0;
    apr_pool_create(&pool, root);
    text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    path = text;
    if (data[0] == 0 || !cloud_dav_uri_path(&path, &host, text, pool)) {
        for (size_t i = 0; *path == '/' && i < sizeof(bases) / sizeof(bases[0]); i++)
            check_target(bases[i], path, pool);
    }
    free(text);
    apr_pool_destroy(pool);
    return 0;
}
