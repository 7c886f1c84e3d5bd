/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Bytes are kept back only as long as they may be the beginning of a delimiter, or are the head of a
 * part that is not whole yet. */
#include "multipart.h"

#include <apr_lib.h>
#include <string.h>
#include <strings.h>

#include "names.h"

#define BOUNDARY_MAX 70           /* RFC 2046, 5.1.1 */
#define HEAD_MAX     8192
#define KEEP         (HEAD_MAX + 4)
#define FORM         "multipart/form-data"

typedef enum {
    PREAMBLE,   /* before the first delimiter */
    AFTER,      /* behind a delimiter: the end of its line, or "--" */
    HEAD,       /* header fields of a part */
    BODY,
    EPILOGUE    /* all is over */
} state_t;

struct cloud_multipart_t {
    state_t state;
    const cloud_multipart_fn_t *fn;
    void *baton;
    apr_pool_t *pool, *part;          /* part: emptied for each */
    char delimiter[BOUNDARY_MAX + 5]; /* "\r\n--" boundary */
    apr_size_t delimiter_len;
    char kept[KEEP];
    apr_size_t kept_len;
    int parts;
};

/* ---- parameters of a header: name=token or name="quoted" ---- */

/* Where the quoted value that begins here ends. Browsers write %22, %0D and %0A for what may not stand
 * in it, and nothing else is escaped (WHATWG, HTML, multipart/form-data): a backslash is one. Other
 * programs write \" for a quote; so a quote behind a backslash is the end only if nothing else of the
 * value can follow. */
static const char *closing(const char *at)
{
    for (; (at = strchr(at, '"')); at++) {
        char next = at[1 + strspn(at + 1, " \t")];

        if (at[-1] != '\\' || !next || next == ';') return at;
    }
    return NULL;
}

static const char *quoted(const char **at, apr_pool_t *pool)
{
    const char *in = *at + 1, *end = closing(in);
    char *value, *out;

    if (!end) return NULL;
    value = out = apr_palloc(pool, (apr_size_t)(end - in) + 1);
    for (; in < end; in++) {
        if (in[0] != '\\' || in[1] != '"' || in + 1 == end) *out++ = *in;
    }
    *out = '\0';
    *at = end + 1;
    return value;
}

static const char *token(const char **at, apr_pool_t *pool)
{
    apr_size_t len = strcspn(*at, "; \t\r\n");
    const char *value = apr_pstrmemdup(pool, *at, len);

    *at += len;
    return value;
}

/* The parameter of this name in a header's value; NULL where there is none. 0: it, or one before it, has
 * no end. */
static int parameter(const char **value, const char *header, const char *name, apr_pool_t *pool)
{
    const char *at = header + strcspn(header, ";"), *text;
    apr_size_t len = strlen(name);

    *value = NULL;
    while (*at == ';') {
        int wanted;

        at += 1 + strspn(at + 1, " \t");
        wanted = strncasecmp(at, name, len) == 0 && at[len] == '=';
        at += strcspn(at, "=;");
        if (*at != '=') continue;
        at++;
        text = *at == '"' ? quoted(&at, pool) : token(&at, pool);
        if (!text) return 0;
        if (wanted) {
            *value = text;
            return 1;
        }
        at += strcspn(at, ";");
    }
    return 1;
}

int cloud_multipart_is(const char *type)
{
    apr_size_t len = sizeof FORM - 1;

    return type && strncasecmp(type, FORM, len) == 0 && strchr("; \t", type[len]);
}

cloud_err_t *cloud_multipart_create(cloud_multipart_t **out, const char *type,
                                    const cloud_multipart_fn_t *fn, void *baton,
                                    apr_pool_t *pool)
{
    const char *boundary = NULL;
    cloud_multipart_t *m;

    if (cloud_multipart_is(type))
        (void)parameter(&boundary, type, "boundary", pool);
    if (!boundary || !*boundary || strlen(boundary) > BOUNDARY_MAX)
        return cloud_err(pool, CLOUD_E_UNSUPPORTED, "Files are taken as " FORM);
    m = apr_pcalloc(pool, sizeof *m);
    m->fn = fn;
    m->baton = baton;
    m->pool = pool;
    apr_pool_create(&m->part, pool);
    m->delimiter_len = 4 + strlen(boundary);
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, m->delimiter_len - 4);
    /* The first delimiter has no line before it. */
    memcpy(m->kept, "\r\n", 2);
    m->kept_len = 2;
    *out = m;
    return NULL;
}

static cloud_err_t *malformed(const cloud_multipart_t *m)
{
    return cloud_err(m->pool, CLOUD_E_INVALID, "The form is malformed");
}

/* ---- what is kept back, one state at a time ---- */

static void drop(cloud_multipart_t *m, apr_size_t len)
{
    m->kept_len -= len;
    memmove(m->kept, m->kept + len, m->kept_len);
}

static const char *find(const char *in, apr_size_t in_len, const char *what, apr_size_t len)
{
    return memmem(in, in_len, what, len);
}

/* How many bytes at the end may be the beginning of a delimiter. */
static apr_size_t tail(const cloud_multipart_t *m)
{
    apr_size_t n = m->kept_len < m->delimiter_len - 1 ? m->kept_len : m->delimiter_len - 1;

    while (n && memcmp(m->kept + m->kept_len - n, m->delimiter, n) != 0) n--;
    return n;
}

static cloud_err_t *hand_out(cloud_multipart_t *m, apr_size_t len)
{
    if (m->state == BODY && len) CLOUD_ERR(m->fn->data(m->baton, m->kept, len));
    drop(m, len);
    return NULL;
}

/* In the preamble or in the content of a part: up to the next delimiter. */
static cloud_err_t *to_delimiter(int *more, cloud_multipart_t *m)
{
    const char *at = find(m->kept, m->kept_len, m->delimiter, m->delimiter_len);

    if (!at) {
        *more = 0;
        return hand_out(m, m->kept_len - tail(m));
    }
    CLOUD_ERR(hand_out(m, (apr_size_t)(at - m->kept)));
    drop(m, m->delimiter_len);
    if (m->state == BODY) CLOUD_ERR(m->fn->end(m->baton));
    m->state = AFTER;
    return NULL;
}

static cloud_err_t *after_delimiter(int *more, cloud_multipart_t *m)
{
    const char *end;

    if (m->kept_len >= 2 && memcmp(m->kept, "--", 2) == 0) {
        m->state = EPILOGUE;
        return NULL;
    }
    end = find(m->kept, m->kept_len, "\r\n", 2);
    if (!end && m->kept_len < HEAD_MAX) {
        *more = 0;
        return NULL;
    }
    if (!end || (apr_size_t)(end - m->kept) != strspn(m->kept, " \t")) return malformed(m);
    /* The line end stays: a part without a head ends its head at once. */
    drop(m, (apr_size_t)(end - m->kept));
    m->state = HEAD;
    return NULL;
}

/* The value of a header field in a head, which begins each line with "\r\n". */
static const char *field(const char *head, const char *name, apr_pool_t *pool)
{
    apr_size_t len = strlen(name);
    const char *end;

    for (; (head = strstr(head, "\r\n")); head++) {
        if (strncasecmp(head + 2, name, len) != 0 || head[2 + len] != ':') continue;
        head += 3 + len;
        end = strstr(head, "\r\n");
        return end ? apr_pstrmemdup(pool, head, (apr_size_t)(end - head)) : head;
    }
    return NULL;
}

/* Browsers send "filename"; libraries of scripts "filename*" for what is not ASCII (RFC 8187). */
static cloud_err_t *file_name(const char **name, const cloud_multipart_t *m, const char *value)
{
    static const char utf8[] = "utf-8'";
    const char *coded;
    char *text;

    if (!parameter(name, value, "filename", m->part)
        || !parameter(&coded, value, "filename*", m->part))
        return malformed(m);
    if (*name || !coded) return NULL;
    if (strncasecmp(coded, utf8, sizeof utf8 - 1) != 0) return malformed(m);
    coded = strchr(coded + sizeof utf8 - 1, '\''); /* behind the language */
    if (!coded) return malformed(m);
    *name = text = apr_pstrdup(m->part, coded + 1);
    return cloud_uri_decode(text, "") ? NULL : malformed(m);
}

static cloud_err_t *begin_part(cloud_multipart_t *m, const char *head)
{
    const char *value = field(head, "Content-Disposition", m->part), *name, *filename;

    if (!value || strncasecmp(value + strspn(value, " \t"), "form-data", 9) != 0)
        return malformed(m);
    if (!parameter(&name, value, "name", m->part) || !name) return malformed(m);
    CLOUD_ERR(file_name(&filename, m, value));
    if (++m->parts > CLOUD_MULTIPART_PARTS)
        return cloud_err(m->pool, CLOUD_E_TOO_LARGE, "The form has too many parts");
    return m->fn->begin(m->baton, name, filename);
}

static cloud_err_t *head(int *more, cloud_multipart_t *m)
{
    const char *end = find(m->kept, m->kept_len, "\r\n\r\n", 4);
    apr_size_t len;

    if (!end) {
        *more = 0;
        return m->kept_len < HEAD_MAX
                   ? NULL : cloud_err(m->pool, CLOUD_E_TOO_LARGE, "The head of a part is too long");
    }
    len = (apr_size_t)(end - m->kept);
    if (memchr(m->kept, '\0', len)) return malformed(m);
    m->state = BODY;
    apr_pool_clear(m->part);
    CLOUD_ERR(begin_part(m, apr_pstrmemdup(m->part, m->kept, len)));
    drop(m, len + 4);
    return NULL;
}

static cloud_err_t *work(cloud_multipart_t *m)
{
    int more = 1;

    while (more) {
        switch (m->state) {
        case PREAMBLE:
        case BODY:
            CLOUD_ERR(to_delimiter(&more, m));
            break;
        case AFTER:
            CLOUD_ERR(after_delimiter(&more, m));
            break;
        case HEAD:
            CLOUD_ERR(head(&more, m));
            break;
        case EPILOGUE:
            m->kept_len = 0;
            return NULL;
        }
    }
    return NULL;
}

cloud_err_t *cloud_multipart_feed(cloud_multipart_t *m, const char *data, apr_size_t len)
{
    while (len) {
        apr_size_t n = KEEP - m->kept_len < len ? KEEP - m->kept_len : len;

        memcpy(m->kept + m->kept_len, data, n);
        m->kept_len += n;
        data += n;
        len -= n;
        CLOUD_ERR(work(m));
    }
    return NULL;
}

cloud_err_t *cloud_multipart_finish(cloud_multipart_t *m)
{
    return m->state == EPILOGUE ? NULL : malformed(m);
}
