/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The writer of XML answers. */
#include "multistatus.h"

#include <stdlib.h>

/* ---- the buffer ---- */

static apr_status_t free_buffer(void *baton)
{
    free(((cloud_out_t *)baton)->buf);
    return APR_SUCCESS;
}

/* malloc, not the pool: a buffer that grew once gives its memory back. */
static void *must_alloc(void *old, apr_size_t size)
{
    void *p = realloc(old, size);

    if (!p) abort();
    return p;
}

cloud_out_t *cloud_out_create(cloud_out_flush_fn *flush, void *baton, apr_pool_t *pool)
{
    cloud_out_t *out = apr_pcalloc(pool, sizeof(*out));

    out->buf = out->cur = must_alloc(NULL, CLOUD_OUT_SIZE);
    out->end = out->buf + CLOUD_OUT_SIZE;
    out->flush = flush;
    out->baton = baton;
    out->pool = pool;
    out->room = cloud_out_room;
    out->day = APR_INT64_MIN;
    apr_pool_cleanup_register(pool, out, free_buffer, apr_pool_cleanup_null);
    return out;
}

static void hand_over(cloud_out_t *out, apr_size_t len)
{
    if (len && out->status == APR_SUCCESS) out->status = out->flush(out->baton, out->buf, len);
}

apr_status_t cloud_out_flush(cloud_out_t *out)
{
    hand_over(out, (apr_size_t)(out->cur - out->buf));
    out->cur = out->buf;
    return out->status;
}

void cloud_out_room(cloud_out_t *out, apr_size_t n)
{
    char *from = out->mark ? out->mark : out->cur;
    apr_size_t rest = (apr_size_t)(out->cur - from);
    apr_size_t size = (apr_size_t)(out->end - out->buf);

    hand_over(out, (apr_size_t)(from - out->buf));
    memmove(out->buf, from, rest);
    if (rest + n > size) {
        while (size < rest + n) size *= 2;
        out->buf = must_alloc(out->buf, size);
        out->end = out->buf + size;
    }
    out->cur = out->buf + rest;
    if (out->mark) out->mark = out->buf;
}

/* ---- numbers ---- */

static const char pairs[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static inline char *put2(char *to, unsigned v)
{
    memcpy(to, pairs + 2 * v, 2);
    return to + 2;
}

static inline char *put4(char *to, unsigned v)
{
    return put2(put2(to, v / 100), v % 100);
}

void cloud_out_int(cloud_out_t *out, apr_int64_t v)
{
    char text[20], *p = text + sizeof(text);
    apr_uint64_t u = v < 0 ? 0 - (apr_uint64_t)v : (apr_uint64_t)v;

    while (u >= 100) {
        p -= 2;
        memcpy(p, pairs + 2 * (u % 100), 2);
        u /= 100;
    }
    if (u >= 10) {
        p -= 2;
        memcpy(p, pairs + 2 * u, 2);
    }
    else *--p = (char)('0' + u);
    cloud_out_need(out, 21);
    if (v < 0) *out->cur++ = '-';
    memcpy(out->cur, p, (apr_size_t)(text + sizeof(text) - p));
    out->cur += text + sizeof(text) - p;
}

#define HEX16(h)                                                                              \
    h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"

static const char hex_pairs[513] =
    HEX16("0") HEX16("1") HEX16("2") HEX16("3") HEX16("4") HEX16("5") HEX16("6") HEX16("7")
    HEX16("8") HEX16("9") HEX16("a") HEX16("b") HEX16("c") HEX16("d") HEX16("e") HEX16("f");

void cloud_out_hex(cloud_out_t *out, const unsigned char *data, apr_size_t len)
{
    char *to;

    cloud_out_need(out, 2 * len);
    to = out->cur;
    for (apr_size_t i = 0; i < len; i++, to += 2) memcpy(to, hex_pairs + 2 * data[i], 2);
    out->cur = to;
}

/* ---- dates ---- */

#define DAY_SECONDS 86400
#define MIN_TIME    (-62167219200LL) /* 0000-01-01 */
#define MAX_TIME    253402300799LL   /* 9999-12-31 23:59:59 */

typedef struct {
    unsigned year, month, day, weekday; /* month 0..11, weekday 0 is Sunday */
} civil_t;

/* Days since 1970 -> date. Counts in years that begin in March, so that leap days come last. */
static civil_t civil(apr_int64_t days)
{
    apr_int64_t z = days + 719468, era = z / 146097;
    unsigned doe, yoe, doy, mp;
    civil_t c;

    if (z < era * 146097) era--;
    doe = (unsigned)(z - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    c.day = doy - (153 * mp + 2) / 5 + 1;
    c.month = mp < 10 ? mp + 2 : mp - 10;
    c.year = (unsigned)(era * 400 + yoe + (c.month < 2));
    c.weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
    return c;
}

static apr_int64_t split_time(unsigned *second_of_day, apr_int64_t seconds)
{
    apr_int64_t days;

    if (seconds < MIN_TIME) seconds = MIN_TIME;
    if (seconds > MAX_TIME) seconds = MAX_TIME;
    days = seconds / DAY_SECONDS;
    if (seconds < days * DAY_SECONDS) days--;
    *second_of_day = (unsigned)(seconds - days * DAY_SECONDS);
    return days;
}

static char *put_time(char *to, unsigned second_of_day)
{
    to = put2(to, second_of_day / 3600);
    *to++ = ':';
    to = put2(to, second_of_day / 60 % 60);
    *to++ = ':';
    return put2(to, second_of_day % 60);
}

static void set_day(cloud_out_t *out, apr_int64_t days)
{
    static const char weekdays[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    civil_t c = civil(days);
    char *to = out->day_text;

    memcpy(to, weekdays + 3 * c.weekday, 3);
    memcpy(to + 3, ", ", 2);
    to = put2(to + 5, c.day);
    *to++ = ' ';
    memcpy(to, months + 3 * c.month, 3);
    to[3] = ' ';
    to = put4(to + 4, c.year);
    *to = ' ';
    out->day = days;
}

void cloud_out_date(cloud_out_t *out, apr_int64_t seconds)
{
    unsigned second_of_day;
    apr_int64_t days = split_time(&second_of_day, seconds);
    char *to;

    if (days != out->day) set_day(out, days);
    cloud_out_need(out, 29);
    memcpy(out->cur, out->day_text, 17);
    to = put_time(out->cur + 17, second_of_day);
    memcpy(to, " GMT", 4);
    out->cur = to + 4;
}

void cloud_out_iso(cloud_out_t *out, apr_int64_t seconds)
{
    unsigned second_of_day;
    civil_t c = civil(split_time(&second_of_day, seconds));
    char *to;

    cloud_out_need(out, 20);
    to = put4(out->cur, c.year);
    *to++ = '-';
    to = put2(to, c.month + 1);
    *to++ = '-';
    to = put2(to, c.day);
    *to++ = 'T';
    to = put_time(to, second_of_day);
    *to++ = 'Z';
    out->cur = to;
}

/* ---- escaping ---- */

/* Bits: 1 is not literal in XML text, 2 is not literal in a URI path. */
#define X 1
#define U 2
#define B 3
static const unsigned char special[256] = {
    B, B, B, B, B, B, B, B, B, U, U, B, B, U, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
    U, U, B, U, U, U, B, U, 0, 0, U, U, U, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, U, U, B, U, B, U,
    U, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, U, U, U, U, 0,
    U, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, U, U, U, 0, U,
    U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
};
#undef X
#undef U
#undef B

static void put_entity(cloud_out_t *out, char c)
{
    switch (c) {
    case '&': cloud_out_lit(out, "&amp;"); break;
    case '<': cloud_out_lit(out, "&lt;"); break;
    case '>': cloud_out_lit(out, "&gt;"); break;
    case '"': cloud_out_lit(out, "&quot;"); break;
    default: cloud_out_lit(out, "\xEF\xBF\xBD"); break;
    }
}

void cloud_out_xml(cloud_out_t *out, const char *s, apr_size_t len)
{
    const char *end = s + len, *run;

    while (s < end) {
        run = s;
        while (s < end && !(special[(unsigned char)*s] & 1)) s++;
        cloud_out_mem(out, run, (apr_size_t)(s - run));
        if (s < end) put_entity(out, *s++);
    }
}

void cloud_out_uri(cloud_out_t *out, const char *s, apr_size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = (const unsigned char *)s, *end = p + len;
    char *to;

    cloud_out_need(out, 3 * len);
    to = out->cur;
    for (; p < end; p++) {
        if (!(special[*p] & 2)) {
            *to++ = (char)*p;
            continue;
        }
        *to++ = '%';
        *to++ = digits[*p >> 4];
        *to++ = digits[*p & 15];
    }
    out->cur = to;
}

/* ---- the frame ---- */

void cloud_out_begin(cloud_out_t *out)
{
    cloud_out_lit(out, "<?xml version=\"1.0\"?>\n"
                       "<d:multistatus xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\""
                       " xmlns:oc=\"http://owncloud.org/ns\">");
}

void cloud_out_end(cloud_out_t *out)
{
    cloud_out_lit(out, "</d:multistatus>\n");
}
