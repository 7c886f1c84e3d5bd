/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Tar as POSIX has it (pax): an entry of its own says what a header can't hold: long names and others
 * than ASCII, sizes from 8 GiB on, times before 1970. */
#include "archive_private.h"

#include <stdlib.h>
#include <string.h>

#define RECORD     512
#define NAME_MAX_  100
#define PREFIX_MAX 155
#define NUMBER_MAX 077777777777 /* eleven octal digits */

typedef struct {
    char name[NAME_MAX_], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type,
        link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[PREFIX_MAX],
        rest[12];
} header_t;

typedef struct {
    char *pax;          /* records of the entry at hand */
    apr_size_t pax_len, pax_size;
} tar_t;

static void *create(apr_pool_t *pool)
{
    return apr_pcalloc(pool, sizeof(tar_t));
}

/* len - 1 octal digits and a NUL. */
static void put_octal(char *field, apr_size_t len, apr_int64_t value)
{
    apr_size_t i;

    for (i = len - 1; i > 0; i--) {
        field[i - 1] = (char)('0' + (value & 7));
        value >>= 3;
    }
    field[len - 1] = '\0';
}

static apr_int64_t in_range(apr_int64_t value)
{
    if (value < 0) return 0;
    return value > NUMBER_MAX ? NUMBER_MAX : value;
}

static cloud_err_t *put_header(cloud_archive_t *a, header_t *h, char type, apr_int64_t mode,
                               apr_int64_t size, apr_int64_t mtime)
{
    const unsigned char *p = (const unsigned char *)h;
    unsigned sum = 0;
    apr_size_t i;

    put_octal(h->mode, sizeof(h->mode), mode);
    put_octal(h->uid, sizeof(h->uid), 0);
    put_octal(h->gid, sizeof(h->gid), 0);
    put_octal(h->size, sizeof(h->size), in_range(size));
    put_octal(h->mtime, sizeof(h->mtime), in_range(mtime));
    h->type = type;
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    memset(h->sum, ' ', sizeof(h->sum));
    for (i = 0; i < RECORD; i++) sum += p[i];
    put_octal(h->sum, 7, sum); /* a space follows */
    return cloud_archive_put(a, h, RECORD);
}

/* Zeros to the next record. */
static cloud_err_t *pad(cloud_archive_t *a, apr_int64_t len)
{
    static const char zeros[RECORD];

    return cloud_archive_put(a, zeros, -len & (RECORD - 1));
}

/* ---- what a header can't hold ---- */

/* "length key=value\n", where the length counts itself. */
static void add_pax(cloud_archive_t *a, tar_t *t, const char *key, const char *value)
{
    apr_size_t rest = strlen(key) + strlen(value) + 3, len = rest + 1;
    char number[24];

    while (len != rest + (apr_size_t)apr_snprintf(number, sizeof(number), "%" APR_SIZE_T_FMT, len)) {
        len = rest + strlen(number);
    }
    if (t->pax_len + len + 1 > t->pax_size) {
        char *more = apr_palloc(a->pool, t->pax_size = 2 * (t->pax_len + len + 1));

        if (t->pax_len) memcpy(more, t->pax, t->pax_len);
        t->pax = more;
    }
    apr_snprintf(t->pax + t->pax_len, t->pax_size - t->pax_len, "%s %s=%s\n", number, key, value);
    t->pax_len += len;
}

static void add_pax_number(cloud_archive_t *a, tar_t *t, const char *key, apr_int64_t value)
{
    char text[24];

    if (in_range(value) == value) return;
    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, value);
    add_pax(a, t, key, text);
}

static cloud_err_t *put_pax(cloud_archive_t *a, const tar_t *t)
{
    header_t h;

    if (!t->pax_len) return NULL;
    memset(&h, 0, sizeof(h));
    memcpy(h.name, "PaxHeader", 9);
    CLOUD_ERR(put_header(a, &h, 'x', 0644, (apr_int64_t)t->pax_len, a->entry.mtime));
    CLOUD_ERR(cloud_archive_put(a, t->pax, (apr_int64_t)t->pax_len));
    return pad(a, (apr_int64_t)t->pax_len);
}

/* ---- names ---- */

static int is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80) return 0;
    }
    return 1;
}

/* Fills in name and prefix; 0 when the path does not fit. */
static int split(header_t *h, const char *path, apr_size_t len)
{
    const char *slash;

    if (len <= NAME_MAX_) {
        memcpy(h->name, path, len);
        return 1;
    }
    if (len > NAME_MAX_ + 1 + PREFIX_MAX) return 0;
    slash = memchr(path + len - NAME_MAX_ - 1, '/', NAME_MAX_ + 1);
    if (!slash || slash == path || slash - path > PREFIX_MAX || slash + 1 == path + len) return 0;
    memcpy(h->prefix, path, (apr_size_t)(slash - path));
    memcpy(h->name, slash + 1, len - (apr_size_t)(slash + 1 - path));
    return 1;
}

/* For programs that do not know pax: the end of the path, in ASCII. */
static void put_other_name(header_t *h, const char *path, apr_size_t len)
{
    apr_size_t i, skip = len > NAME_MAX_ ? len - NAME_MAX_ : 0;

    for (i = skip; i < len; i++) {
        h->name[i - skip] = (unsigned char)path[i] >= 0x80 || (i == skip && path[i] == '/') ? '_'
                                                                                          : path[i];
    }
}

/* ---- entries ---- */

static cloud_err_t *begin(cloud_archive_t *a)
{
    const cloud_archive_entry_t *e = &a->entry;
    apr_size_t len = strlen(e->path);
    const char *path = e->path;
    tar_t *t = a->state;
    char *with_slash = NULL;
    header_t h;

    memset(&h, 0, sizeof(h));
    t->pax_len = 0;
    if (e->folder) {
        with_slash = malloc(len + 2);
        if (!with_slash) return cloud_err(a->pool, CLOUD_E_INTERNAL, NULL);
        memcpy(with_slash, path, len);
        memcpy(with_slash + len++, "/", 2);
        path = with_slash;
    }
    if (!is_ascii(path) || !split(&h, path, len)) {
        memset(&h, 0, sizeof(h));
        put_other_name(&h, path, len);
        add_pax(a, t, "path", path);
    }
    free(with_slash);
    add_pax_number(a, t, "size", e->size);
    add_pax_number(a, t, "mtime", e->mtime);
    CLOUD_ERR(put_pax(a, t));
    return put_header(a, &h, e->folder ? '5' : '0', e->folder ? 0755 : 0644, e->size, e->mtime);
}

static cloud_err_t *content(cloud_archive_t *a, const unsigned char *data, apr_size_t len)
{
    return cloud_archive_put(a, data, (apr_int64_t)len);
}

static cloud_err_t *finish(cloud_archive_t *a)
{
    if (CLOUD_ARCHIVE_COUNTS(a)) CLOUD_ERR(cloud_archive_put(a, NULL, a->entry.size));
    return pad(a, a->entry.size);
}

static cloud_err_t *end(cloud_archive_t *a)
{
    static const char zeros[2 * RECORD];

    return cloud_archive_put(a, zeros, sizeof(zeros));
}

const cloud_archive_format_t cloud_archive_tar = {
    "application/x-tar", ".tar", create, begin, content, finish, end,
};
