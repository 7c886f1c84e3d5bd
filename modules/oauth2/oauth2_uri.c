/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Redirect URIs, compared as strictly as clients allow: whoever may choose where a code is sent to has
 * the account. And PKCE (RFC 7636). */
#include "oauth2.h"

#include <string.h>
#include <strings.h>
#include <apr_lib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "oauth2_private.h"

#define URI_MAX       2000
#define ANY_PORT      "http://localhost:*"
#define CHALLENGE_LEN 43   /* base64url of SHA-256 */
#define VERIFIER_MIN  43   /* RFC 7636, 4.1 */
#define VERIFIER_MAX  128

/* A URI in parts, each inside of it. */
typedef struct {
    const char *scheme, *host, *port, *rest; /* rest: path and query */
    apr_size_t scheme_len, host_len, port_len;
    int has_authority;
} parts_t;

static int is_scheme(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++)
        if (!apr_isalnum(s[i]) && !(i && strchr("+-.", s[i]))) return 0;
    return len > 0 && apr_isalpha(*s);
}

static int is_number(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++)
        if (!apr_isdigit(s[i])) return 0;
    return len > 0 && len <= 5;
}

/* Only what no two parsers read differently: no user, no fragment, no backslash, nothing that is not
 * printable ASCII. */
static int is_plain(const char *uri)
{
    const char *c;

    for (c = uri; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("\\#\"<>^`{|}", *c)) return 0;
    return c - uri <= URI_MAX;
}

/* The port of an authority; "*" where any_port allows it. */
static int split_port(parts_t *p, const char *from, apr_size_t len, int any_port)
{
    p->port = from;
    p->port_len = len;
    return is_number(from, len) || (any_port && len == 1 && *from == '*');
}

static int split_authority(parts_t *p, const char *from, int any_port)
{
    apr_size_t len = strcspn(from, "/?");
    const char *colon;

    if (memchr(from, '@', len)) return 0;
    p->host = from;
    p->rest = from + len;
    if (*from == '[') {
        const char *end = memchr(from, ']', len);
        if (!end) return 0;
        p->host_len = (apr_size_t)(end + 1 - from);
        if (p->host_len == len) return 1;
        if (end[1] != ':') return 0;
        return split_port(p, end + 2, len - p->host_len - 1, any_port);
    }
    colon = memchr(from, ':', len);
    p->host_len = colon ? (apr_size_t)(colon - from) : len;
    if (!p->host_len) return 0;
    return !colon || split_port(p, colon + 1, len - p->host_len - 1, any_port);
}

static int split(parts_t *p, const char *uri, int any_port)
{
    const char *colon = strchr(uri, ':');

    memset(p, 0, sizeof *p);
    if (!colon || !is_plain(uri)) return 0;
    p->scheme = uri;
    p->scheme_len = (apr_size_t)(colon - uri);
    if (!is_scheme(uri, p->scheme_len)) return 0;
    if (strncmp(colon + 1, "//", 2) != 0) {
        p->rest = colon + 1;
        return *p->rest != '\0';
    }
    p->has_authority = 1;
    return split_authority(p, colon + 3, any_port);
}

static int same(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    return a_len == b_len && (a_len == 0 || strncasecmp(a, b, a_len) == 0);
}

static int is(const char *a, apr_size_t len, const char *word)
{
    return same(a, len, word, strlen(word));
}

/* An empty path is "/". What follows an authority begins with a slash, or is empty or a query. */
static const char *path_of(const parts_t *p)
{
    return p->has_authority && *p->rest == '/' ? p->rest + 1 : p->rest;
}

static int is_loopback(const parts_t *p)
{
    return is(p->host, p->host_len, "localhost") || is(p->host, p->host_len, "127.0.0.1")
           || is(p->host, p->host_len, "[::1]");
}

int cloud_oauth_redirect_fits(const char *registered, const char *given)
{
    parts_t want, have;

    if (!split(&want, registered, 1) || !split(&have, given, 0)) return 0;
    if (!same(want.scheme, want.scheme_len, have.scheme, have.scheme_len)) return 0;
    if (want.has_authority != have.has_authority || strcmp(path_of(&want), path_of(&have)) != 0)
        return 0;
    if (want.port_len == 1 && *want.port == '*') return is_loopback(&have);
    return same(want.host, want.host_len, have.host, have.host_len)
           && same(want.port, want.port_len, have.port, have.port_len);
}

int cloud_oauth_redirect_ok(const char *registered)
{
    parts_t p;

    if (!split(&p, registered, 1)) return 0;
    if (is(p.scheme, p.scheme_len, "javascript") || is(p.scheme, p.scheme_len, "data")) return 0;
    if (p.port_len == 1 && *p.port == '*')
        return strncmp(registered, ANY_PORT, sizeof ANY_PORT - 1) == 0;
    return p.has_authority || strchr(registered, '.') != NULL; /* RFC 8252, 7.1 */
}

const char *cloud_oauth_redirect_with(const char *uri, apr_pool_t *pool, ...)
{
    char glue = strchr(uri, '?') ? '&' : '?';
    const char *name, *value;
    va_list ap;

    va_start(ap, pool);
    while ((name = va_arg(ap, const char *))) {
        value = va_arg(ap, const char *);
        if (!value) continue;
        uri = apr_psprintf(pool, "%s%c%s=%s", uri, glue, name, cloud_oauth_encode(value, pool));
        glue = '&';
    }
    va_end(ap);
    return uri;
}

const char *cloud_oauth_redirect_source(const char *uri, apr_pool_t *pool)
{
    parts_t p;

    if (!split(&p, uri, 0)) return "'none'";
    if (is(p.scheme, p.scheme_len, "http") || is(p.scheme, p.scheme_len, "https"))
        return apr_pstrmemdup(pool, uri, (apr_size_t)(p.rest - uri));
    return apr_pstrmemdup(pool, uri, p.scheme_len + 1);
}

/* ---- PKCE ---- */

static int is_unreserved(const char *s)
{
    for (; *s; s++)
        if (!apr_isalnum(*s) && !strchr("-._~", *s)) return 0;
    return 1;
}

static int is_s256(const char *method)
{
    return method && strcmp(method, "S256") == 0;
}

int cloud_oauth_pkce_ok(const char *method, const char *challenge)
{
    apr_size_t len = strlen(challenge);

    if (!is_unreserved(challenge)) return 0;
    if (is_s256(method)) return len == CHALLENGE_LEN;
    return (!method || !*method || strcmp(method, "plain") == 0) && len >= VERIFIER_MIN
           && len <= VERIFIER_MAX;
}

int cloud_oauth_pkce_fits(const char *method, const char *challenge, const char *verifier)
{
    unsigned char hash[32];
    char text[CHALLENGE_LEN + 1];

    if (!challenge || !verifier) return !challenge && !verifier;
    if (is_s256(method)) {
        EVP_Digest(verifier, strlen(verifier), hash, NULL, EVP_sha256(), NULL);
        cloud_base64url(text, hash, sizeof hash);
        verifier = text;
    }
    return strlen(verifier) == strlen(challenge)
           && CRYPTO_memcmp(verifier, challenge, strlen(challenge)) == 0;
}
