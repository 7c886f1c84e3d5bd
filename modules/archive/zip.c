/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Zip. A small file is held back until its checksum is known, and stored. A larger one is sent as it is
 * read, with its checksum behind it (flag 3): then as deflate's blocks without compression, for readers
 * that can't seek see the end of those, and would have to guess that of stored content. */
#include "archive_private.h"

#include <string.h>
#include <zlib.h>

#include "spool.h"

#define SMALL  65536        /* bytes of a file that is held back */
#define BLOCK  65535        /* of content in a block of deflate's */
#define FULL16 0xffff
#define FULL32 0xffffffffu

#define LOCAL_SIG      0x04034b50u
#define DESCRIPTOR_SIG 0x08074b50u
#define CENTRAL_SIG    0x02014b50u
#define END64_SIG      0x06064b50u
#define LOCATOR_SIG    0x07064b50u
#define END_SIG        0x06054b50u

#define LOCAL_LEN   30
#define CENTRAL_LEN 46
#define EXTRA_MAX   40      /* zip64 and time */

#define CENTRAL_MEMORY (256 * 1024)

#define FLAG_DESCRIPTOR 0x0008
#define FLAG_UTF8       0x0800
#define STORED  0
#define DEFLATE 8

typedef struct {
    cloud_spool_t *central;      /* the directory, which comes last */
    apr_int64_t count, central_len;
    unsigned char *held;         /* SMALL bytes, made when first needed */
    apr_size_t held_len;
    apr_size_t block_left;       /* of the block of deflate's that is open */
    /* of the entry being written */
    apr_int64_t offset, packed;  /* where it begins; its size in the archive */
    apr_uint32_t crc, dos_time;
    apr_size_t name_len;
    int large;
} zip_t;

static void *create(apr_pool_t *pool)
{
    zip_t *z = apr_pcalloc(pool, sizeof(*z));

    z->central = cloud_spool_create(CENTRAL_MEMORY, NULL, pool);
    return z;
}

/* ---- numbers ---- */

static unsigned char *put16(unsigned char *p, unsigned v)
{
    *p++ = (unsigned char)v;
    *p++ = (unsigned char)(v >> 8);
    return p;
}

static unsigned char *put32(unsigned char *p, apr_uint32_t v)
{
    return put16(put16(p, v & FULL16), v >> 16);
}

static unsigned char *put64(unsigned char *p, apr_int64_t v)
{
    return put32(put32(p, (apr_uint32_t)v), (apr_uint32_t)((apr_uint64_t)v >> 32));
}

/* A size or offset that fits into 32 bits, or the mark that zip64 has it. */
static unsigned char *put_short(unsigned char *p, apr_int64_t v)
{
    return put32(p, v >= FULL32 ? FULL32 : (apr_uint32_t)v);
}

/* Time and date of MS-DOS, in UTC: programs that know more take the extended timestamp. */
static apr_uint32_t dos_time(apr_int64_t seconds)
{
    const apr_uint32_t first = 1u << 21 | 1u << 16;
    const apr_uint32_t last = 127u << 25 | 12u << 21 | 31u << 16 | 23u << 11 | 59u << 5 | 29u;
    apr_time_exp_t t;

    if (seconds < 315532800) return first;      /* 1980 */
    if (seconds >= 4354819200) return last;     /* 2108 */
    if (apr_time_exp_gmt(&t, apr_time_from_sec(seconds)) != APR_SUCCESS) return first;
    return (apr_uint32_t)(t.tm_year - 80) << 25 | (apr_uint32_t)(t.tm_mon + 1) << 21
           | (apr_uint32_t)t.tm_mday << 16 | (apr_uint32_t)t.tm_hour << 11
           | (apr_uint32_t)t.tm_min << 5 | (apr_uint32_t)t.tm_sec / 2;
}

/* ---- pieces that local and central header share ---- */

/* Zip64 fields (the offset only where offset is not negative), as far as they are needed. */
static unsigned char *put_zip64(unsigned char *p, apr_int64_t size, apr_int64_t packed,
                                apr_int64_t offset)
{
    int both = size >= FULL32 || packed >= FULL32;
    unsigned len = (both ? 16 : 0) + (offset >= FULL32 ? 8 : 0);

    if (!len) return p;
    p = put16(put16(p, 0x0001), len);
    if (both) p = put64(put64(p, size), packed);
    if (offset >= FULL32) p = put64(p, offset);
    return p;
}

/* The extended timestamp: 32 bits with a sign. */
static unsigned char *put_mtime(unsigned char *p, apr_int64_t mtime)
{
    if (mtime < APR_INT32_MIN || mtime > APR_INT32_MAX) return p;
    p = put16(put16(p, 0x5455), 5);
    *p++ = 1;
    return put32(p, (apr_uint32_t)mtime);
}

static int is_zip64(const cloud_archive_t *a, const zip_t *z)
{
    return a->entry.size >= FULL32 || z->packed >= FULL32;
}

/* From "version needed" to the checksum. */
static unsigned char *put_common(unsigned char *p, const zip_t *z, int zip64, apr_uint32_t crc)
{
    p = put16(p, zip64 ? 45 : 20);
    p = put16(p, FLAG_UTF8 | (z->large ? FLAG_DESCRIPTOR : 0));
    p = put16(p, z->large ? DEFLATE : STORED);
    p = put32(p, z->dos_time);
    return put32(p, crc);
}

static cloud_err_t *put_name(cloud_archive_t *a, const zip_t *z)
{
    apr_size_t len = z->name_len - (a->entry.folder ? 1 : 0);

    CLOUD_ERR(cloud_archive_put(a, a->entry.path, (apr_int64_t)len));
    return a->entry.folder ? cloud_archive_put(a, "/", 1) : NULL;
}

/* ---- an entry ---- */

/* Where a descriptor follows, checksum and sizes stand there; a zip64 extra tells that its sizes have
 * 64 bits. */
static cloud_err_t *local_header(cloud_archive_t *a, zip_t *z)
{
    unsigned char head[LOCAL_LEN], extra[EXTRA_MAX], *p, *end;
    int zip64 = is_zip64(a, z);

    end = put_mtime(put_zip64(extra, a->entry.size, z->packed, -1), a->entry.mtime);
    p = put_common(put32(head, LOCAL_SIG), z, zip64, z->large ? 0 : z->crc);
    if (zip64) p = put32(put32(p, FULL32), FULL32);
    else p = put32(put32(p, z->large ? 0 : (apr_uint32_t)z->packed),
                   z->large ? 0 : (apr_uint32_t)a->entry.size);
    p = put16(put16(p, (unsigned)z->name_len), (unsigned)(end - extra));
    CLOUD_ERR(cloud_archive_put(a, head, p - head));
    CLOUD_ERR(put_name(a, z));
    return cloud_archive_put(a, extra, end - extra);
}

static cloud_err_t *descriptor(cloud_archive_t *a, const zip_t *z)
{
    unsigned char text[24], *p = put32(put32(text, DESCRIPTOR_SIG), z->crc);

    if (is_zip64(a, z)) p = put64(put64(p, z->packed), a->entry.size);
    else p = put32(put32(p, (apr_uint32_t)z->packed), (apr_uint32_t)a->entry.size);
    return cloud_archive_put(a, text, p - text);
}

/* The entry's record of the directory, kept until the end. */
static cloud_err_t *central_header(cloud_archive_t *a, zip_t *z)
{
    unsigned char extra[EXTRA_MAX], *end, *p;
    int zip64 = is_zip64(a, z) || z->offset >= FULL32;
    apr_size_t len;
    void *record;

    end = put_zip64(extra, a->entry.size, z->packed, z->offset);
    end = put_mtime(end, a->entry.mtime);
    len = CENTRAL_LEN + z->name_len + (apr_size_t)(end - extra);
    z->count++;
    z->central_len += (apr_int64_t)len;
    if (CLOUD_ARCHIVE_COUNTS(a)) return NULL;
    CLOUD_ERR(cloud_spool_add(&record, z->central, len));
    p = put16(put32(record, CENTRAL_SIG), 3u << 8 | 45); /* made on Unix */
    p = put_common(p, z, zip64, z->crc);
    if (is_zip64(a, z)) p = put32(put32(p, FULL32), FULL32);
    else p = put32(put32(p, (apr_uint32_t)z->packed), (apr_uint32_t)a->entry.size);
    p = put16(put16(p, (unsigned)z->name_len), (unsigned)(end - extra));
    p = put32(put16(p, 0), 0); /* comment, disk, internal attributes */
    p = put32(p, a->entry.folder ? 040755u << 16 | 0x10 : 0100644u << 16);
    p = put_short(p, z->offset);
    memcpy(p, a->entry.path, z->name_len - (a->entry.folder ? 1 : 0));
    p += z->name_len;
    if (a->entry.folder) p[-1] = '/';
    memcpy(p, extra, (apr_size_t)(end - extra));
    return NULL;
}

static cloud_err_t *begin(cloud_archive_t *a)
{
    zip_t *z = a->state;
    apr_int64_t size = a->entry.size;

    z->name_len = strlen(a->entry.path) + (a->entry.folder ? 1 : 0);
    if (z->name_len > FULL16)
        return cloud_err(a->pool, CLOUD_E_INVALID, "The path is too long for an archive");
    z->offset = a->length;
    z->large = size > SMALL;
    z->packed = z->large ? size + 5 * ((size + BLOCK - 1) / BLOCK) : size;
    z->dos_time = dos_time(a->entry.mtime);
    z->crc = 0;
    z->held_len = 0;
    z->block_left = 0;
    return z->large ? local_header(a, z) : NULL;
}

/* The head of the next block: whether it is the last, its length, and that inverted. */
static cloud_err_t *open_block(cloud_archive_t *a, zip_t *z, apr_int64_t left)
{
    unsigned char head[5];

    z->block_left = left < BLOCK ? (apr_size_t)left : BLOCK;
    head[0] = left <= BLOCK;
    put16(put16(head + 1, (unsigned)z->block_left), (unsigned)~z->block_left & FULL16);
    return cloud_archive_put(a, head, sizeof(head));
}

static cloud_err_t *content(cloud_archive_t *a, const unsigned char *data, apr_size_t len)
{
    zip_t *z = a->state;
    apr_int64_t left = a->left + (apr_int64_t)len;

    z->crc = (apr_uint32_t)crc32_z(z->crc, data, len);
    if (!z->large) {
        if (!z->held) z->held = apr_palloc(a->pool, SMALL);
        memcpy(z->held + z->held_len, data, len);
        z->held_len += len;
        return NULL;
    }
    while (len) {
        apr_size_t n;

        if (!z->block_left) CLOUD_ERR(open_block(a, z, left));
        n = len < z->block_left ? len : z->block_left;
        CLOUD_ERR(cloud_archive_put(a, data, (apr_int64_t)n));
        z->block_left -= n;
        data += n;
        len -= n;
        left -= (apr_int64_t)n;
    }
    return NULL;
}

static cloud_err_t *finish(cloud_archive_t *a)
{
    zip_t *z = a->state;

    if (z->large) {
        if (CLOUD_ARCHIVE_COUNTS(a)) CLOUD_ERR(cloud_archive_put(a, NULL, z->packed));
        CLOUD_ERR(descriptor(a, z));
    } else {
        CLOUD_ERR(local_header(a, z));
        CLOUD_ERR(cloud_archive_put(a, z->held, z->packed));
    }
    return central_header(a, z);
}

/* ---- the end ---- */

static cloud_err_t *end64(cloud_archive_t *a, const zip_t *z, apr_int64_t at)
{
    unsigned char text[56 + 20], *p = text;
    apr_int64_t here = a->length;

    p = put64(put32(p, END64_SIG), 44);
    p = put16(put16(p, 3u << 8 | 45), 45);
    p = put32(put32(p, 0), 0);
    p = put64(put64(p, z->count), z->count);
    p = put64(put64(p, z->central_len), at);
    p = put32(put32(p, LOCATOR_SIG), 0);
    p = put32(put64(p, here), 1);
    return cloud_archive_put(a, text, p - text);
}

static cloud_err_t *end(cloud_archive_t *a)
{
    unsigned char text[22], *p = text;
    zip_t *z = a->state;
    apr_int64_t at = a->length;
    unsigned count = z->count >= FULL16 ? FULL16 : (unsigned)z->count;

    if (CLOUD_ARCHIVE_COUNTS(a)) CLOUD_ERR(cloud_archive_put(a, NULL, z->central_len));
    else {
        const void *record;
        apr_size_t len;

        for (;;) {
            CLOUD_ERR(cloud_spool_next(&record, &len, z->central));
            if (!record) break;
            CLOUD_ERR(cloud_archive_put(a, record, (apr_int64_t)len));
        }
    }
    if (count == FULL16 || z->central_len >= FULL32 || at >= FULL32) CLOUD_ERR(end64(a, z, at));
    p = put32(put32(p, END_SIG), 0);
    p = put16(put16(p, count), count);
    p = put16(put_short(put_short(p, z->central_len), at), 0);
    return cloud_archive_put(a, text, p - text);
}

const cloud_archive_format_t cloud_archive_zip = {
    "application/zip", ".zip", create, begin, content, finish, end,
};
