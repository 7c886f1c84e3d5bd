/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Parts of a form. What stands before the first boundary and behind the last one is nothing. */
#include "avatars_form.h"

#include <string.h>
#include <strings.h>
#include <apr_lib.h>

#define TYPE         "multipart/form-data"
#define BOUNDARY_MAX 70   /* RFC 2046, 5.1.1 */
#define HEAD_MAX     4096 /* of one part */
#define DASHES       "--"

/* The value of a parameter such as name="x" in a header, or NULL; in quotes \ takes the next one as it
 * is. */
static const char *parameter(const char *text, const char *name, apr_pool_t *pool)
{
    apr_size_t len = strlen(name);
    char *out, *o;

    while ((text = strchr(text, ';')) != NULL) {
        text += 1 + strspn(text + 1, " \t");
        if (strncasecmp(text, name, len) == 0 && text[len] == '=') break;
    }
    if (!text) return NULL;
    text += len + 1;
    if (*text != '"') return apr_pstrmemdup(pool, text, strcspn(text, "; \t\r\n"));
    out = o = apr_palloc(pool, strlen(text));
    for (text++; *text && *text != '"'; text++) {
        if (*text == '\\' && text[1]) text++;
        *o++ = *text;
    }
    *o = '\0';
    return *text == '"' ? out : NULL;
}

const char *cloud_avatar_form_boundary(const char *content_type, apr_pool_t *pool)
{
    apr_size_t len = sizeof TYPE - 1;
    const char *boundary;

    if (!content_type || strncasecmp(content_type, TYPE, len) != 0
        || !strchr("; \t", content_type[len]))
        return NULL;
    boundary = parameter(content_type, "boundary", pool);
    return boundary && *boundary && strlen(boundary) <= BOUNDARY_MAX ? boundary : NULL;
}

static cloud_err_t *broken(apr_pool_t *pool)
{
    return cloud_err(pool, CLOUD_E_INVALID, "The form is broken");
}

/* The head of a part: at is behind its boundary's line. */
static cloud_err_t *read_head(cloud_avatar_part_t *part, const char *head, apr_pool_t *pool)
{
    static const char DISPOSITION[] = "Content-Disposition:";
    const char *line = head;

    while (line && strncasecmp(line, DISPOSITION, sizeof DISPOSITION - 1) != 0) {
        line = strstr(line, "\r\n");
        if (line) line += 2;
    }
    if (!line) return broken(pool);
    line = apr_pstrmemdup(pool, line, strcspn(line, "\r\n"));
    part->name = parameter(line, "name", pool);
    part->is_file = parameter(line, "filename", pool) || parameter(line, "filename*", pool);
    return part->name ? NULL : broken(pool);
}

/* Place behind the next delimiter at or after at; *line_start is where it begins. */
static int find_delimiter(apr_size_t *start, apr_size_t *end, apr_size_t at, const char *body,
                          apr_size_t len, const char *delimiter, int at_start)
{
    apr_size_t size = strlen(delimiter);
    const char *found;

    if (at_start && len >= size - 2 && memcmp(body, delimiter + 2, size - 2) == 0) {
        *start = 0;
        *end = size - 2;
        return 1;
    }
    found = at < len ? memmem(body + at, len - at, delimiter, size) : NULL;
    if (!found) return 0;
    *start = (apr_size_t)(found - body);
    *end = *start + size;
    return 1;
}

/* Where the part begins whose boundary ends at at; 0 when that was the last one. */
static cloud_err_t *after_boundary(apr_size_t *begin, apr_size_t at, const char *body,
                                   apr_size_t len, apr_pool_t *pool)
{
    *begin = 0;
    if (len - at >= 2 && memcmp(body + at, DASHES, 2) == 0) return NULL;
    while (at < len && (body[at] == ' ' || body[at] == '\t')) at++;
    if (len - at < 2 || memcmp(body + at, "\r\n", 2) != 0) return broken(pool);
    *begin = at + 2;
    return NULL;
}

cloud_err_t *cloud_avatar_form_next(cloud_avatar_part_t **out, apr_size_t *at, const char *body,
                                  apr_size_t len, const char *boundary, apr_pool_t *pool)
{
    const char *delimiter = apr_pstrcat(pool, "\r\n" DASHES, boundary, NULL), *blank;
    apr_size_t start, end, begin, size;
    cloud_avatar_part_t *part;

    *out = NULL;
    /* The end of a part is the beginning of the next: *at is there. */
    if (!find_delimiter(&start, &end, *at, body, len, delimiter, *at == 0)) return broken(pool);
    CLOUD_ERR(after_boundary(&begin, end, body, len, pool));
    if (!begin) return NULL;
    size = len - begin < HEAD_MAX ? len - begin : HEAD_MAX;
    blank = memmem(body + begin, size, "\r\n\r\n", 4);
    if (!blank) return broken(pool);
    part = apr_pcalloc(pool, sizeof *part);
    CLOUD_ERR(read_head(part, apr_pstrmemdup(pool, body + begin,
                                             (apr_size_t)(blank - body) - begin), pool));
    part->data = blank + 4;
    begin = (apr_size_t)(part->data - body);
    /* An empty part: its end is the line end of its head. */
    if (!find_delimiter(&start, &end, begin - 2, body, len, delimiter, 0)) return broken(pool);
    part->len = start < begin ? 0 : start - begin;
    *at = start;
    *out = part;
    return NULL;
}
