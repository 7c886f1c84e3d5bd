/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "ifheader.h"

#include <string.h>
#include <strings.h>

/* Where the parser stands, and for errors. */
typedef struct {
    const char *p;
    apr_pool_t *pool;
} scan_t;

#define LIMIT_TERMS 1000 /* a header line is at most 8 KiB; this is for callers with other limits */

static cloud_err_t *malformed(scan_t *s)
{
    return cloud_err(s->pool, CLOUD_E_INVALID, "The If header is malformed");
}

static void skip_space(scan_t *s)
{
    while (*s->p == ' ' || *s->p == '\t') s->p++;
}

/* What stands between the character at s->p and close. */
static cloud_err_t *delimited(const char **value, scan_t *s, char close)
{
    const char *end = strchr(s->p + 1, close);

    if (!end || end == s->p + 1) return malformed(s);
    *value = apr_pstrmemdup(s->pool, s->p + 1, (apr_size_t)(end - s->p - 1));
    s->p = end + 1;
    return NULL;
}

/* Entity tag in brackets: a ']' inside the quotes does not end it. */
static cloud_err_t *entity_tag(const char **value, scan_t *s)
{
    const char *start = ++s->p;

    if (strncmp(s->p, "W/", 2) == 0) s->p += 2;
    if (*s->p != '"') return malformed(s);
    s->p = strchr(s->p + 1, '"');
    if (!s->p || s->p[1] != ']') {
        s->p = start;
        return malformed(s);
    }
    *value = apr_pstrmemdup(s->pool, start, (apr_size_t)(s->p + 1 - start));
    s->p += 2;
    return NULL;
}

static cloud_err_t *parse_list(cloud_if_list_t *list, int *budget, scan_t *s)
{
    cloud_if_term_t *term;

    list->terms = apr_array_make(s->pool, 2, sizeof(cloud_if_term_t));
    s->p++; /* the opening bracket */
    for (;;) {
        skip_space(s);
        if (*s->p == ')') {
            s->p++;
            return list->terms->nelts ? NULL : malformed(s);
        }
        if (--*budget < 0) return malformed(s);
        term = apr_array_push(list->terms);
        if (strncasecmp(s->p, "Not", 3) == 0) {
            term->negate = 1;
            s->p += 3;
            skip_space(s);
        }
        if (*s->p == '<') {
            CLOUD_ERR(delimited(&term->value, s, '>'));
        } else if (*s->p == '[') {
            term->is_etag = 1;
            CLOUD_ERR(entity_tag(&term->value, s));
        } else {
            return malformed(s);
        }
    }
}

cloud_err_t *cloud_if_parse(apr_array_header_t **lists_p, const char *text, apr_pool_t *pool)
{
    scan_t s = {text, pool};
    apr_array_header_t *lists = apr_array_make(pool, 2, sizeof(cloud_if_list_t));
    cloud_if_list_t *list;
    const char *tag = NULL;
    int tagged = 0, used = 1, budget = LIMIT_TERMS;

    for (skip_space(&s); *s.p; skip_space(&s)) {
        if (*s.p == '<') {
            /* A tag covers the lists up to the next one, and there must be one; tagged and
             * untagged lists do not mix. */
            if (!used || (lists->nelts && !tagged)) return malformed(&s);
            CLOUD_ERR(delimited(&tag, &s, '>'));
            tagged = 1;
            used = 0;
        } else if (*s.p == '(') {
            list = apr_array_push(lists);
            list->tag = tag;
            CLOUD_ERR(parse_list(list, &budget, &s));
            used = 1;
        } else {
            return malformed(&s);
        }
    }
    if (!used || !lists->nelts) return malformed(&s);
    *lists_p = lists;
    return NULL;
}

apr_array_header_t *cloud_if_tokens(const apr_array_header_t *lists, apr_pool_t *pool)
{
    apr_array_header_t *tokens = apr_array_make(pool, 2, sizeof(const char *));

    for (int i = 0; i < lists->nelts; i++) {
        const cloud_if_list_t *list = &APR_ARRAY_IDX(lists, i, cloud_if_list_t);
        for (int k = 0; k < list->terms->nelts; k++) {
            const cloud_if_term_t *term = &APR_ARRAY_IDX(list->terms, k, cloud_if_term_t);
            if (!term->negate && !term->is_etag) APR_ARRAY_PUSH(tokens, const char *) = term->value;
        }
    }
    return tokens;
}

cloud_etags_t cloud_etags_match(const char *value, const char *etag, int weak)
{
    apr_size_t len = etag ? strlen(etag) : 0;
    const char *p = value, *start, *end;
    int is_weak;

    p += strspn(p, " \t");
    if (*p == '*' && p[1 + strspn(p + 1, " \t")] == '\0') return CLOUD_ETAGS_ANY;
    if (!etag) return CLOUD_ETAGS_NONE;
    while (*(p += strspn(p, " \t,"))) {
        is_weak = strncmp(p, "W/", 2) == 0;
        if (is_weak) p += 2;
        if (*p == '"') {
            start = p + 1;
            end = strchr(start, '"');
            if (!end) return CLOUD_ETAGS_NONE;
            p = end + 1;
        } else {
            start = p;
            end = p += strcspn(p, ", \t");
        }
        if ((weak || !is_weak) && (apr_size_t)(end - start) == len &&
            memcmp(start, etag, len) == 0)
            return CLOUD_ETAGS_MATCH;
    }
    return CLOUD_ETAGS_NONE;
}
