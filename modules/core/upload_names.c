/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the names of chunks and of chunking v1 say. */
#include "upload_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#define V1_MARK "-chunking-"

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares the numbers at *a and *b by value and steps over them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t na, nb;
    int c;

    while (**a == '0') ++*a;
    while (**b == '0') ++*b;
    for (na = 0; is_digit((*a)[na]); na++) continue;
    for (nb = 0; is_digit((*b)[nb]); nb++) continue;
    c = na != nb ? (na < nb ? -1 : 1) : strncmp(*a, *b, na);
    *a += na;
    *b += nb;
    return c;
}

int cloud_chunk_compare(const char *a, const char *b)
{
    const char *x = a, *y = b;

    while (*x && *y) {
        if (is_digit(*x) && is_digit(*y)) {
            int c = compare_numbers(&x, &y);
            if (c) return c;
            continue;
        }
        if (*x != *y) return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
        x++;
        y++;
    }
    if (*x || *y) return *x ? 1 : -1;
    return strcmp(a, b); /* "1" and "01": any order, but always the same one */
}

int cloud_chunk_parse(cloud_chunk_name_t *n, const char *name)
{
    char *end;

    memset(n, 0, sizeof *n);
    while (is_digit(name[n->width])) n->width++;
    if (n->width == 0 || n->width > 18) return 0;
    n->first = strtoll(name, &end, 10);
    if (!*end) return 1;
    if (*end++ != '-' || !*end) return 0;
    while (is_digit(*end)) end++;
    n->is_range = 1;
    return !*end;
}

const char *cloud_chunk_before(const cloud_chunk_name_t *n, apr_pool_t *pool)
{
    if (n->is_range || n->first == 0) return NULL;
    return apr_psprintf(pool, "%0*" APR_INT64_T_FMT, n->width, n->first - 1);
}

const char *cloud_chunk_before_short(const cloud_chunk_name_t *n, apr_pool_t *pool)
{
    if (n->is_range || n->first == 0) return NULL;
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, n->first - 1);
}

int cloud_session_is_v1(const cloud_session_t *s)
{
    return strncmp(s->up.name, CLOUD_V1_PREFIX, sizeof CLOUD_V1_PREFIX - 1) == 0;
}

/* The last number of text (text[..*len)) and the '-' before it: cuts them off. */
static int cut_number(apr_int64_t *value, const char *text, apr_size_t *len)
{
    apr_size_t start = *len;

    while (start > 0 && is_digit(text[start - 1])) start--;
    if (start == *len || *len - start > 9 || start == 0 || text[start - 1] != '-') return 0;
    *value = strtol(text + start, NULL, 10);
    *len = start - 1;
    return 1;
}

int cloud_upload_v1_parse(const char **target, const char **session, int *count, int *index,
                          const char *path, apr_pool_t *pool)
{
    apr_size_t len = strlen(path), transfer, mark = sizeof V1_MARK - 1, i;
    unsigned char hash[EVP_MAX_MD_SIZE];
    char hex[33];
    unsigned n;
    apr_int64_t c, k;

    if (!cut_number(&k, path, &len) || !cut_number(&c, path, &len)) return 0;
    for (transfer = len; transfer > 0 && is_digit(path[transfer - 1]);) transfer--;
    if (transfer == len || len - transfer > 40 || transfer <= mark) return 0;
    if (memcmp(path + transfer - mark, V1_MARK, mark) != 0) return 0;
    if (path[transfer - mark - 1] == '/') return 0; /* no name in front of the mark */
    if (c < 1 || c > CLOUD_CHUNKS_MAX || k >= c) return 0;
    *target = apr_pstrmemdup(pool, path, transfer - mark);
    if (!EVP_Digest(*target, transfer - mark, hash, &n, EVP_sha256(), NULL)) return 0;
    for (i = 0; i < 16; i++) apr_snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    *session = apr_psprintf(pool, CLOUD_V1_PREFIX "%.*s-%s", (int)(len - transfer),
                            path + transfer, hex);
    *count = (int)c;
    *index = (int)k;
    return 1;
}
