/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* URL path -> target. The table below is the list of DAV spaces. */
#include "space.h"

#include <apr_uri.h>
#include <string.h>

#include "names.h"

/* Fills t from the segments that follow the space's name; first is the index of the first. */
typedef cloud_err_t *parse_fn(cloud_dav_target_t *t, const apr_array_header_t *seg, int first,
                              apr_pool_t *pool);

#define SEG(a, i) APR_ARRAY_IDX((a), (i), const char *)

static const char *join_from(const apr_array_header_t *seg, int first, apr_pool_t *pool)
{
    apr_array_header_t rest = *seg;

    if (first >= seg->nelts) return "";
    rest.elts = (char *)&SEG(seg, first);
    rest.nelts = rest.nalloc = seg->nelts - first;
    return cloud_path_join(&rest, rest.nelts, pool);
}

static cloud_err_t *parse_files(cloud_dav_target_t *t, const apr_array_header_t *seg, int first,
                                apr_pool_t *pool)
{
    t->kind = CLOUD_DAV_FILES;
    t->path = join_from(seg, first, pool);
    return NULL;
}

static cloud_err_t *parse_user_files(cloud_dav_target_t *t, const apr_array_header_t *seg,
                                     int first, apr_pool_t *pool)
{
    if (first == seg->nelts) return NULL; /* the collection above the spaces */
    t->user = SEG(seg, first);
    return parse_files(t, seg, first + 1, pool);
}

static cloud_err_t *parse_view(cloud_dav_target_t *t, const apr_array_header_t *seg, int first,
                               apr_pool_t *pool)
{
    t->view = 1;
    return parse_files(t, seg, first, pool);
}

static cloud_err_t *parse_view_of(cloud_dav_target_t *t, const apr_array_header_t *seg, int first,
                                  apr_pool_t *pool)
{
    if (first == seg->nelts) return cloud_err(pool, CLOUD_E_NOT_FOUND, NULL);
    t->user = SEG(seg, first);
    return parse_view(t, seg, first + 1, pool);
}

static cloud_err_t *parse_uploads(cloud_dav_target_t *t, const apr_array_header_t *seg, int first,
                                  apr_pool_t *pool)
{
    int n = seg->nelts - first;

    if (n == 0) return NULL;
    if (n > 3) return cloud_err(pool, CLOUD_E_NOT_FOUND, NULL);
    t->user = SEG(seg, first);
    t->kind = CLOUD_DAV_UPLOADS;
    if (n > 1) {
        t->kind = CLOUD_DAV_SESSION;
        t->session = SEG(seg, first + 1);
    }
    if (n > 2) {
        t->chunk = SEG(seg, first + 2);
        t->kind = strcmp(t->chunk, ".file") == 0 ? CLOUD_DAV_ASSEMBLY : CLOUD_DAV_CHUNK;
    }
    return NULL;
}

static cloud_err_t *parse_parent(cloud_dav_target_t *t, const apr_array_header_t *seg, int first,
                                 apr_pool_t *pool)
{
    if (first == seg->nelts) return NULL;
    (void)t;
    return cloud_err(pool, CLOUD_E_NOT_FOUND, NULL);
}

static const char remote_php[] = "remote.php", public_php[] = "public.php";

static const struct {
    const char *script;
    const char *first, *second; /* below it */
    int with_user;              /* the root of the space is one segment further down */
    parse_fn *parse;
} spaces[] = {
    {remote_php, "webdav", NULL, 0, parse_files},
    {remote_php, "dav", "files", 1, parse_user_files},
    {remote_php, "dav", "uploads", 1, parse_uploads},
    {remote_php, "dav", "public-files", 1, parse_view_of},
    {remote_php, "dav", NULL, 0, parse_parent},
    {public_php, "webdav", NULL, 0, parse_view},
};

/* ---- spaces of features ---- */

#define MAX_REGISTERED 16

static const cloud_dav_space_t *registered[MAX_REGISTERED];
static int registered_len;

void cloud_dav_register_space(const cloud_dav_space_t *space)
{
    for (int i = 0; i < registered_len; i++) {
        if (registered[i] == space) return;
    }
    if (registered_len < MAX_REGISTERED) registered[registered_len++] = space;
}

void cloud_dav_reset_spaces(void)
{
    registered_len = 0;
}

const cloud_dav_space_t *cloud_dav_space(int i)
{
    return i < registered_len ? registered[i] : NULL;
}

static const cloud_dav_space_t *find_space(const char *script, const char *first,
                                           const char *second)
{
    if (strcmp(script, remote_php) != 0 || strcmp(first, "dav") != 0) return NULL;
    for (int i = 0; i < registered_len; i++) {
        if (strcmp(registered[i]->name, second) == 0) return registered[i];
    }
    return NULL;
}

/* Fills t from the segments that follow the name of the space. */
static void parse_space(cloud_dav_target_t *t, const cloud_dav_space_t *space,
                        const apr_array_header_t *seg, int first, apr_pool_t *pool)
{
    if (space->with_user && first == seg->nelts) return; /* the collection above the spaces */
    if (space->with_user) t->user = SEG(seg, first++);
    t->kind = CLOUD_DAV_SPACE;
    t->space = space;
    t->path = join_from(seg, first, pool);
}

static cloud_dav_target_t *new_target(const char *uri, apr_pool_t *pool)
{
    cloud_dav_target_t *t = apr_pcalloc(pool, sizeof(*t));

    t->kind = CLOUD_DAV_PARENT;
    t->uri = uri;
    t->path = "";
    t->slash = uri[strlen(uri) - 1] == '/';
    return t;
}

/* Decoded prefix of uri that ends with its nth segment: bytes as the client spelled them. */
static const char *prefix_of(const char *uri, int n, apr_pool_t *pool)
{
    const char *p = uri;

    while (n-- > 0) {
        while (*p == '/') p++;
        while (*p && *p != '/') p++;
    }
    return apr_pstrmemdup(pool, uri, (apr_size_t)(p - uri));
}

/* Number of segments of base; -1 when uri is not below it. */
static int below_base(const char *base, const char *uri)
{
    apr_size_t len = strlen(base);
    int n = 0;

    if (strncmp(uri, base, len) != 0) return -1;
    for (const char *p = base; *p; p++) {
        if (*p != '/' && p[1] == '/') n++;
    }
    return n;
}

/* Whether path begins with the two segments. */
static int begins_with(const char *path, const char *script, const char *first)
{
    apr_size_t len = strlen(script);

    if (strncmp(path, script, len) != 0 || path[len] != '/') return 0;
    path += len + 1;
    len = strlen(first);
    return strncmp(path, first, len) == 0 && (!path[len] || path[len] == '/');
}

/* Whether a DAV URL begins like this; segments are looked at only then. */
static int is_ours(const char *path)
{
    for (apr_size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        if (begins_with(path, spaces[i].script, spaces[i].first)) return 1;
    }
    return 0;
}

cloud_err_t *cloud_dav_target_parse(cloud_dav_target_t **t_p, const char *base, const char *uri,
                                    apr_pool_t *pool)
{
    apr_array_header_t *seg;
    const cloud_dav_space_t *space;
    cloud_dav_target_t *t;
    const char *rest;
    int skip = below_base(base, uri);
    int n;

    *t_p = NULL;
    if (skip < 0) return NULL;
    rest = uri + strlen(base);
    while (*rest == '/') rest++;
    if (!is_ours(rest)) return NULL;

    CLOUD_ERR(cloud_path_split(&seg, uri, pool));
    skip++; /* the script */
    space = seg->nelts > skip + 1
                ? find_space(SEG(seg, skip - 1), SEG(seg, skip), SEG(seg, skip + 1)) : NULL;
    if (space) {
        *t_p = t = new_target(uri, pool);
        parse_space(t, space, seg, skip + 2, pool);
        t->base = prefix_of(uri, skip + 2 + (t->user != NULL), pool);
        t->base_href = cloud_href_encode(t->base, pool);
        return NULL;
    }
    for (apr_size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        n = skip + 1;
        if (seg->nelts < n || strcmp(SEG(seg, skip - 1), spaces[i].script) != 0 ||
            strcmp(SEG(seg, skip), spaces[i].first) != 0)
            continue;
        if (spaces[i].second) {
            if (seg->nelts == n || strcmp(SEG(seg, n), spaces[i].second) != 0) continue;
            n++;
        }
        t = new_target(uri, pool);
        CLOUD_ERR(spaces[i].parse(t, seg, n, pool));
        t->base = prefix_of(uri, n + (spaces[i].with_user && t->user), pool);
        t->base_href = cloud_href_encode(t->base, pool);
        *t_p = t;
        return NULL;
    }
    return NULL;
}

cloud_err_t *cloud_dav_uri_path(const char **path, const char **host, const char *uri,
                                apr_pool_t *pool)
{
    apr_uri_t parsed;
    char *decoded;

    *host = NULL;
    if (*uri == '/' && uri[1] != '/') {
        if (strpbrk(uri, "?#"))
            return cloud_err(pool, CLOUD_E_INVALID, "The URI must not have a query");
        decoded = apr_pstrdup(pool, uri);
    } else {
        if (apr_uri_parse(pool, uri, &parsed) != APR_SUCCESS || !parsed.scheme ||
            !parsed.hostname || !parsed.path || parsed.query || parsed.fragment)
            return cloud_err(pool, CLOUD_E_INVALID, "The URI is malformed");
        *host = parsed.hostname;
        decoded = apr_pstrdup(pool, parsed.path);
    }
    /* No segment of a path has a slash in it */
    if (!cloud_uri_decode(decoded, "/")) return cloud_err(pool, CLOUD_E_INVALID, "The URI is malformed");
    *path = decoded;
    return NULL;
}

const char *cloud_dav_href(const cloud_dav_target_t *t, const char *path, int is_dir,
                           apr_pool_t *pool)
{
    return apr_pstrcat(pool, t->base_href, *path ? "/" : "", cloud_href_encode(path, pool),
                       is_dir ? "/" : "", NULL);
}

const char *cloud_dav_self_href(const cloud_dav_target_t *t, int is_dir, apr_pool_t *pool)
{
    const char *path = t->path;

    if (t->session) path = t->session;
    if (t->chunk) path = apr_pstrcat(pool, t->session, "/", t->chunk, NULL);
    return cloud_dav_href(t, path, is_dir, pool);
}
