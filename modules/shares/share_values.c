/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Texts to values and back: attributes, tokens. */
#include "share.h"
#include "key.h"

#include <jansson.h>
#include <string.h>

/* ---- attributes ---- */

#define ATTRIBUTES_MAX 50
#define ATTRIBUTE_LEN  64

static int fits(const char *text)
{
    return text && *text && strlen(text) <= ATTRIBUTE_LEN && cloud_name_xml_ok(text);
}

/* The last one of the same scope and key counts. */
static int is_repeated(const apr_array_header_t *list, int i)
{
    const cloud_share_attr_t *a = &APR_ARRAY_IDX(list, i, cloud_share_attr_t);
    int j;

    for (j = i + 1; j < list->nelts; j++) {
        const cloud_share_attr_t *b = &APR_ARRAY_IDX(list, j, cloud_share_attr_t);

        if (!strcmp(a->scope, b->scope) && !strcmp(a->key, b->key)) return 1;
    }
    return 0;
}

cloud_err_t *cloud_share_attributes(const char **out, unsigned *flags,
                                    const apr_array_header_t *list, apr_pool_t *pool)
{
    json_t *array;
    char *text;
    int i;

    *out = NULL;
    *flags = 0;
    if (!list || !list->nelts) return NULL;
    if (list->nelts > ATTRIBUTES_MAX)
        return cloud_err(pool, CLOUD_E_INVALID, "Too many share attributes");
    for (i = 0; i < list->nelts; i++) {
        const cloud_share_attr_t *a = &APR_ARRAY_IDX(list, i, cloud_share_attr_t);

        if (!fits(a->scope) || !fits(a->key))
            return cloud_err(pool, CLOUD_E_INVALID, "Invalid share attributes");
    }
    array = json_array();
    for (i = 0; i < list->nelts; i++) {
        const cloud_share_attr_t *a = &APR_ARRAY_IDX(list, i, cloud_share_attr_t);

        if (is_repeated(list, i)) continue;
        json_array_append_new(array, json_pack("{s:s,s:s,s:b}", "scope", a->scope, "key", a->key,
                                               "enabled", a->enabled));
        if (!a->enabled && !strcmp(a->scope, "permissions") && !strcmp(a->key, "download"))
            *flags |= CLOUD_SHARE_NO_DOWNLOAD;
    }
    text = json_dumps(array, JSON_COMPACT);
    json_decref(array);
    if (!text) return cloud_err(pool, CLOUD_E_INVALID, "Invalid share attributes");
    *out = apr_pstrdup(pool, text);
    free(text);
    return NULL;
}

/* ---- tokens ---- */

#define TOKEN_LEN 15

cloud_err_t *cloud_share_token(const char **token, apr_pool_t *pool)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const unsigned n = sizeof alphabet - 1, limit = 256 / n * n;
    char *out = apr_palloc(pool, TOKEN_LEN + 1);
    int len = 0;

    while (len < TOKEN_LEN) {
        unsigned char bytes[32];
        size_t i;

        CLOUD_ERR(cloud_random(bytes, sizeof bytes, pool));
        /* Those at the end would make some letters likelier than others. */
        for (i = 0; i < sizeof bytes && len < TOKEN_LEN; i++)
            if (bytes[i] < limit) out[len++] = alphabet[bytes[i] % n];
    }
    out[len] = '\0';
    *token = out;
    return NULL;
}

/* ---- groups in settings ---- */

int cloud_share_names_group(const char *const *list, const char *id)
{
    const char *after;

    for (; *list; list++) {
        after = strstr(*list, "::");
        if (strcmp(*list, id) == 0 || (after && strcmp(after + 2, id) == 0)) return 1;
    }
    return 0;
}
