/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file multistatus.h
 * A fast writer for XML answers: one buffer, hand-made formatting, tables for escaping.
 * Request-free. What a row of a listing costs is spent here, so the small things are inline.
 */
#ifndef CLOUD_DAV_MULTISTATUS_H
#define CLOUD_DAV_MULTISTATUS_H

#include "cloud.h"

#include <string.h>

#define CLOUD_OUT_SIZE 65536

/** Takes a full buffer. Anything but APR_SUCCESS ends the output: what follows is thrown away. */
typedef apr_status_t cloud_out_flush_fn(void *baton, const char *data, apr_size_t len);

typedef struct cloud_out_t {
    char *cur, *end;            /* next byte, end of the buffer */
    char *buf;
    char *mark;                 /* from here on it may be taken back; NULL: nothing */
    apr_status_t status;        /* of the first flush that failed */
    cloud_out_flush_fn *flush;
    void *baton;
    apr_pool_t *pool;
    /* cloud_out_room(): a pointer, as writers in other modules can't link against it */
    void (*room)(struct cloud_out_t *out, apr_size_t n);
    apr_int64_t day;            /* whose date is in day_text */
    char day_text[20];          /* "Thu, 02 Jan 2020 " */
} cloud_out_t;

cloud_out_t *cloud_out_create(cloud_out_flush_fn *flush, void *baton, apr_pool_t *pool);
/** Hands what is left to flush. */
apr_status_t cloud_out_flush(cloud_out_t *out);
/** Makes room for n bytes: flushes what is not marked, enlarges the buffer if need be. */
void cloud_out_room(cloud_out_t *out, apr_size_t n);

static inline void cloud_out_need(cloud_out_t *out, apr_size_t n)
{
    if ((apr_size_t)(out->end - out->cur) < n) out->room(out, n);
}

/** From here on nothing is flushed until the mark is dropped; undo takes it back. One at a time. */
static inline void cloud_out_mark(cloud_out_t *out)
{
    out->mark = out->cur;
}

static inline void cloud_out_undo(cloud_out_t *out)
{
    out->cur = out->mark;
    out->mark = NULL;
}

static inline void cloud_out_keep(cloud_out_t *out)
{
    out->mark = NULL;
}

static inline void cloud_out_mem(cloud_out_t *out, const char *data, apr_size_t len)
{
    cloud_out_need(out, len);
    memcpy(out->cur, data, len);
    out->cur += len;
}

static inline void cloud_out_str(cloud_out_t *out, const char *s)
{
    cloud_out_mem(out, s, strlen(s));
}

#define cloud_out_lit(out, literal) cloud_out_mem((out), "" literal, sizeof(literal) - 1)

void cloud_out_int(cloud_out_t *out, apr_int64_t v);
void cloud_out_hex(cloud_out_t *out, const unsigned char *data, apr_size_t len);
/** Text: & < > " become entities; what XML 1.0 has no place for becomes U+FFFD. */
void cloud_out_xml(cloud_out_t *out, const char *s, apr_size_t len);
/** As cloud_href_encode(). */
void cloud_out_uri(cloud_out_t *out, const char *s, apr_size_t len);
/** "Thu, 02 Jan 2020 03:04:05 GMT" and "2020-01-02T03:04:05Z"; years 0 to 9999. */
void cloud_out_date(cloud_out_t *out, apr_int64_t seconds);
void cloud_out_iso(cloud_out_t *out, apr_int64_t seconds);

/* ---- the frame of a 207 ---- */

void cloud_out_begin(cloud_out_t *out);   /* declaration and <d:multistatus ...> */
void cloud_out_end(cloud_out_t *out);

#define CLOUD_OUT_PROPSTAT     "<d:propstat><d:prop>"
#define CLOUD_OUT_PROPSTAT_END "</d:status></d:propstat>"
#define CLOUD_OUT_STATUS_200   "</d:prop><d:status>HTTP/1.1 200 OK" CLOUD_OUT_PROPSTAT_END
#define CLOUD_OUT_STATUS_404   "</d:prop><d:status>HTTP/1.1 404 Not Found" CLOUD_OUT_PROPSTAT_END

#endif
