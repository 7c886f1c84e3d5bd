/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Text for people. */
#include "text.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ELLIPSIS    "\xE2\x80\xA6" /* U+2026 */

cloud_text_t *cloud_text_create(apr_pool_t *pool)
{
    cloud_text_t *t = apr_pcalloc(pool, sizeof *t);

    t->pool = pool;
    t->size = 256;
    t->buf = apr_palloc(pool, t->size);
    *t->buf = '\0';
    return t;
}

static void append(cloud_text_t *t, const char *s, apr_size_t len)
{
    if (t->len + len >= t->size) {
        char *more;

        while (t->len + len >= t->size) t->size *= 2;
        more = apr_palloc(t->pool, t->size);
        memcpy(more, t->buf, t->len);
        t->buf = more;
    }
    memcpy(t->buf + t->len, s, len);
    t->len += len;
    t->buf[t->len] = '\0';
}

void cloud_text_char(cloud_text_t *t, char c)
{
    append(t, &c, 1);
}

void cloud_text_add(cloud_text_t *t, const char *s)
{
    append(t, s, strlen(s));
}

const char *cloud_text_get(const cloud_text_t *t)
{
    return t->buf;
}

/* Shortest forms of scalar values alone (RFC 3629); *code is 0 for anything else. */
static apr_size_t decode(apr_uint32_t *code, const char *s)
{
    static const apr_uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *b = (const unsigned char *)s;
    apr_size_t len, i;

    *code = 0;
    if (!b[0]) return 0;
    if (b[0] < 0x80) {
        *code = b[0];
        return 1;
    }
    len = b[0] < 0xC2 ? 1 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : b[0] < 0xF5 ? 4 : 1;
    if (len == 1) return 1;
    *code = b[0] & (0xFFu >> (len + 1));
    for (i = 1; i < len; i++) {
        if ((b[i] & 0xC0) != 0x80) {
            *code = 0;
            return 1;
        }
        *code = *code << 6 | (b[i] & 0x3F);
    }
    if (*code >= least[len] && *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF)) return len;
    *code = 0;
    return 1;
}

apr_size_t cloud_text_utf8(const char *s)
{
    apr_uint32_t code;

    return decode(&code, s);
}

static int is_legal(apr_uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r'
        || (c >= 0x20 && c != 0x7F && c != 0xFFFE && c != 0xFFFF);
}

static int ends_line(apr_uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x7F && c < 0xA0) || c == 0x2028
        || c == 0x2029;
}

static const char *make(const char *s, int one_line, int max, apr_pool_t *pool)
{
    cloud_text_t *t = cloud_text_create(pool);
    apr_size_t cut = 0; /* where an ellipsis would have its place */
    apr_uint32_t code;
    int n = 0;

    for (s = s ? s : ""; *s; n++) {
        apr_size_t bytes = decode(&code, s);

        if (max && n == max - 1) cut = t->len;
        if (max && n == max) {
            t->len = cut;
            cloud_text_add(t, ELLIPSIS);
            break;
        }
        if (one_line && code && (code < 0x20 || ends_line(code))) cloud_text_char(t, ' ');
        else if (is_legal(code)) append(t, s, bytes);
        else cloud_text_add(t, REPLACEMENT);
        s += bytes;
    }
    return cloud_text_get(t);
}

const char *cloud_text_clean(const char *s, apr_pool_t *pool)
{
    return make(s, 0, 0, pool);
}

const char *cloud_text_line(const char *s, int max, apr_pool_t *pool)
{
    return make(s, 1, max, pool);
}

const char *cloud_text_cut(const char *s, int max, apr_pool_t *pool)
{
    return make(s, 0, max, pool);
}
