/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "ldif.h"

#include <stdlib.h>
#include <string.h>
#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define LINE_MAX_BYTES (16 * 1024 * 1024) /* a picture, perhaps */

struct ldif_t {
    FILE *in;
    char *line;           /* as read ahead: it may go on in the next one; NULL: none */
    char *next;           /* buffer of getline() */
    size_t next_room;
    apr_int64_t number;   /* of the line */
    enum { UNKNOWN, LDIF, LIST } form;
};

static apr_status_t close_reader(void *baton)
{
    ldif_t *ldif = baton;

    free(ldif->line);
    free(ldif->next);
    return APR_SUCCESS;
}

ldif_t *ldif_open(FILE *in, apr_pool_t *pool)
{
    ldif_t *ldif = apr_pcalloc(pool, sizeof *ldif);

    ldif->in = in;
    apr_pool_cleanup_register(pool, ldif, close_reader, apr_pool_cleanup_null);
    return ldif;
}

/* One line of the file without its end; *line NULL at the end. It is the reader's. */
static cloud_err_t *read_physical(char **line, ldif_t *ldif, apr_pool_t *pool)
{
    ssize_t n = getline(&ldif->next, &ldif->next_room, ldif->in);

    *line = NULL;
    if (n < 0)
        return ferror(ldif->in) ? cloud_err(pool, CLOUD_E_UNAVAILABLE, "The list can't be read")
                                : NULL;
    ldif->number++;
    if (strlen(ldif->next) != (size_t)n)
        return cloud_err(pool, CLOUD_E_INVALID, "Line %" APR_INT64_T_FMT " is not text",
                         ldif->number);
    while (n > 0 && (ldif->next[n - 1] == '\n' || ldif->next[n - 1] == '\r')) n--;
    ldif->next[n] = '\0';
    *line = ldif->next;
    return NULL;
}

static cloud_err_t *append(ldif_t *ldif, const char *more, apr_pool_t *pool)
{
    size_t have = strlen(ldif->line), len = strlen(more);
    char *longer = have + len > LINE_MAX_BYTES ? NULL : realloc(ldif->line, have + len + 1);

    if (!longer)
        return cloud_err(pool, CLOUD_E_INVALID, "Line %" APR_INT64_T_FMT " is too long",
                         ldif->number);
    memcpy(longer + have, more, len + 1);
    ldif->line = longer;
    return NULL;
}

/* One line with what it goes on with: lines that begin with a blank, in LDIF. *line is the caller's
 * (free); NULL at the end. */
static cloud_err_t *read_logical(char **line, ldif_t *ldif, apr_pool_t *pool)
{
    char *text;

    *line = NULL;
    for (;;) {
        CLOUD_ERR(read_physical(&text, ldif, pool));
        if (text && text[0] == ' ' && ldif->line && ldif->line[0] && ldif->form != LIST) {
            CLOUD_ERR(append(ldif, text + 1, pool));
            continue;
        }
        *line = ldif->line;
        ldif->line = text ? strdup(text) : NULL;
        if (*line || !text) return NULL;
    }
}

/* ---- attributes ---- */

/* Name without options, in lower case; *value behind the colons. NULL: that is no attribute. */
static char *split(const char **value, int *base64, const char *line, apr_pool_t *pool)
{
    const char *colon = strchr(line, ':');
    size_t len = strcspn(line, ";:");
    char *name, *c;

    if (!colon || len == 0) return NULL;
    name = apr_pstrndup(pool, line, len);
    for (c = name; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '.') return NULL;
        *c = (char)apr_tolower(*c);
    }
    *base64 = colon[1] == ':';
    *value = colon + 1 + *base64;
    *value += strspn(*value, " ");
    return name;
}

/* NULL when it is not text. */
static const char *decode(const char *value, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, (apr_size_t)apr_base64_decode_len(value) + 1);
    int n = apr_base64_decode(out, value);

    out[n] = '\0';
    return strlen(out) == (size_t)n ? out : NULL;
}

static cloud_err_t *add_attribute(apr_table_t *entry, ldif_t *ldif, const char *line,
                                  apr_pool_t *pool)
{
    const char *value;
    int base64;
    char *name = split(&value, &base64, line, pool);

    if (!name)
        return cloud_err(pool, CLOUD_E_INVALID,
                         "Line %" APR_INT64_T_FMT " or the one before it is not LDIF",
                         ldif->number);
    if (*value == '<' && !base64) return NULL; /* lies somewhere else */
    value = base64 ? decode(value, pool) : apr_pstrdup(pool, value);
    if (value && !apr_table_get(entry, name)) apr_table_setn(entry, name, value);
    return NULL;
}

/* What ldapsearch says at the end: nobody is gone because a search was given up. */
static cloud_err_t *check_result(const apr_table_t *entry, apr_pool_t *pool)
{
    const char *result = apr_table_get(entry, "result");

    if (!result || apr_table_get(entry, "dn") || atoi(result) == 0) return NULL;
    return cloud_err(pool, CLOUD_E_INVALID, "The search was not successful: %s", result);
}

static cloud_err_t *read_entry(apr_table_t *entry, ldif_t *ldif, apr_pool_t *pool)
{
    cloud_err_t *err = NULL;
    char *line;

    while (!err) {
        CLOUD_ERR(read_logical(&line, ldif, pool));
        if (!line) return NULL;
        if (!*line && !apr_is_empty_table(entry)) {
            free(line);
            return NULL;
        }
        if (*line && *line != '#') {
            if (ldif->form == UNKNOWN) ldif->form = strchr(line, ':') ? LDIF : LIST;
            if (ldif->form == LDIF) err = add_attribute(entry, ldif, line, pool);
            else apr_table_set(entry, LDIF_NAME, line);
        }
        free(line);
        if (!err && ldif->form == LIST && !apr_is_empty_table(entry)) return NULL;
    }
    return err;
}

cloud_err_t *ldif_next(apr_table_t **entry, ldif_t *ldif, apr_pool_t *pool)
{
    *entry = apr_table_make(pool, 8);
    CLOUD_ERR(read_entry(*entry, ldif, pool));
    if (apr_is_empty_table(*entry)) *entry = NULL;
    return *entry ? check_result(*entry, pool) : NULL;
}
