/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Addresses: what a signed one says, and redirect URIs. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_general.h>

#include "oauth2.h"
#include "signedurl.h"

#define CHECK(what) do { if (!(what)) abort(); } while (0)

static void check_signed(const char *text, apr_pool_t *pool)
{
    const char *why, *masked = cloud_signed_mask(text, pool);
    cloud_signed_t s;

    CHECK(strlen(masked) == strlen(text));
    if (!cloud_signed_parse(&s, &why, text, pool)) {
        CHECK(why);
        return;
    }
    CHECK(cloud_signed_is(text) && !cloud_signed_is(s.query));
    CHECK(*s.credential && strlen(s.signature) == 64 && s.expires > 0);
    CHECK(strstr(masked, "OC-Signature=*"));
    if (cloud_signed_current(&s, &why, "GET", s.date)) {
        CHECK(s.expires <= CLOUD_SIGNED_LIFE_MAX);
    }
    CHECK(!cloud_signed_current(&s, &why, "PUT", s.date));
}

/* Whatever fits leads to this machine, by everybody's reading. */
static void check_redirect(const char *text, apr_pool_t *pool)
{
    static const char *const hosts[] = { "http://localhost", "http://127.0.0.1", "http://[::1]" };
    size_t i, len = 0;

    cloud_oauth_redirect_ok(text);
    cloud_oauth_redirect_source(text, pool);
    cloud_oauth_shape(text);
    if (!cloud_oauth_redirect_fits("http://localhost:*", text)) {
        return;
    }
    for (i = 0; i < sizeof(hosts) / sizeof(*hosts) && !len; i++) {
        len = strncasecmp(text, hosts[i], strlen(hosts[i])) ? 0 : strlen(hosts[i]);
    }
    CHECK(len);
    text += len;
    if (*text == ':') {
        text += 1 + strspn(text + 1, "0123456789");
    }
    CHECK(!strcmp(text, "") || !strcmp(text, "/"));
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
    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    check_signed(text, pool);
    check_redirect(text, pool);
    free(text);
    apr_pool_destroy(pool);
    return 0;
}
