/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What an address says, and whether its signature is right. */
#include "signedurl.h"

#include <string.h>
#include <strings.h>
#include <apr_lib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "names.h"

#define ALGORITHM   "PBKDF2/10000-SHA512"
#define ITERATIONS  10000 /* no other number: the sender would choose how long we compute */
#define BYTES       32
#define DIGITS      (2 * BYTES)
#define SIGNATURE   "OC-Signature="
#define ALGO        "OC-Algo="
#define VALUE_MAX   512

/* ---- the query ---- */

static int is_named(const char *param, apr_size_t len, const char *name)
{
    apr_size_t n = strlen(name);

    return len >= n && memcmp(param, name, n) == 0;
}

/* The next parameter of a query; its end is *next. */
static const char *first_of(const char *query, apr_size_t *len, const char **next)
{
    *len = strcspn(query, "&");
    *next = query[*len] ? query + *len + 1 : NULL;
    return query;
}

int cloud_signed_is(const char *query)
{
    const char *next = query;
    apr_size_t len;

    while (next) {
        const char *param = first_of(next, &len, &next);
        if (is_named(param, len, SIGNATURE)) return 1;
    }
    return 0;
}

/* Decoded value; NULL when it is none. */
static const char *value_of(const char *text, apr_size_t len, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, len + 1), *o = out;
    apr_size_t i;

    if (len > VALUE_MAX) return NULL;
    for (i = 0; i < len; i++) {
        if (text[i] == '+') {
            *o++ = ' ';
        } else if (text[i] != '%') {
            *o++ = text[i];
        } else {
            int high = i + 2 < len ? cloud_hex_digit(text[i + 1]) : -1, low;
            low = high < 0 ? -1 : cloud_hex_digit(text[i + 2]);
            if (low < 0 || !(high | low)) return NULL;
            *o++ = (char)(high << 4 | low);
            i += 2;
        }
    }
    *o = '\0';
    return out;
}

/* Two or four digits at *s, which is moved behind them; -1. */
static int digits(const char **s, int n)
{
    int value = 0;

    while (n--) {
        if (!apr_isdigit(**s)) return -1;
        value = 10 * value + *(*s)++ - '0';
    }
    return value;
}

static int expect(const char **s, char c)
{
    return **s == c && (*s)++;
}

/* "Z", "+01:00": seconds east; 0 and *ok 0 when it is neither. */
static int offset(const char **s, int *ok)
{
    int sign = **s == '-' ? -1 : 1, hours, minutes;

    *ok = 1;
    if (expect(s, 'Z')) return 0;
    *ok = **s == '+' || **s == '-';
    if (!*ok) return 0;
    (*s)++;
    hours = digits(s, 2);
    expect(s, ':');
    minutes = digits(s, 2);
    *ok = hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
    return *ok ? sign * (3600 * hours + 60 * minutes) : 0;
}

/* ISO 8601 as browsers write it: "2019-05-14T11:01:58.135Z". */
static int parse_date(apr_time_t *t, const char *s)
{
    apr_time_exp_t e = { 0 };
    int ok;

    e.tm_year = digits(&s, 4) - 1900;
    ok = expect(&s, '-');
    e.tm_mon = digits(&s, 2) - 1;
    ok = ok && expect(&s, '-');
    e.tm_mday = digits(&s, 2);
    ok = ok && expect(&s, 'T');
    e.tm_hour = digits(&s, 2);
    ok = ok && expect(&s, ':');
    e.tm_min = digits(&s, 2);
    ok = ok && expect(&s, ':');
    e.tm_sec = digits(&s, 2);
    if (!ok || e.tm_year < 70 || e.tm_mon < 0 || e.tm_mon > 11 || e.tm_mday < 1 || e.tm_mday > 31
        || e.tm_hour < 0 || e.tm_hour > 23 || e.tm_min < 0 || e.tm_min > 59 || e.tm_sec < 0
        || e.tm_sec > 60)
        return 0;
    if (*s == '.')
        for (s++; apr_isdigit(*s); s++) continue;
    e.tm_gmtoff = offset(&s, &ok);
    return ok && !*s && apr_time_exp_gmt_get(t, &e) == APR_SUCCESS;
}

static int parse_seconds(apr_int64_t *n, const char *s)
{
    char *end;

    if (!apr_isdigit(*s)) return 0;
    *n = apr_strtoi64(s, &end, 10);
    return !*end && *n > 0;
}

static int is_signature(const char *s)
{
    return strlen(s) == DIGITS && strspn(s, "0123456789abcdef") == DIGITS;
}

/* What may be in the query, each once. */
typedef struct {
    const char *credential, *date, *expires, *verb, *algo, *signature;
} raw_t;

static const char **place_of(raw_t *raw, const char *param, apr_size_t len, apr_size_t *skip)
{
    const struct {
        const char *name;
        const char **value;
    } names[] = {
        { "OC-Credential=", &raw->credential }, { "OC-Date=", &raw->date },
        { "OC-Expires=", &raw->expires },       { "OC-Verb=", &raw->verb },
        { ALGO, &raw->algo },                   { SIGNATURE, &raw->signature },
    };
    apr_size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        if (is_named(param, len, names[i].name)) {
            *skip = strlen(names[i].name);
            return names[i].value;
        }
    }
    return NULL;
}

/* Takes the query apart; what is signed is all but the signature and the algorithm, as it was sent. */
static const char *take_apart(raw_t *raw, const char **signed_part, const char *query,
                              apr_pool_t *pool)
{
    char *rest = apr_palloc(pool, strlen(query) + 1), *r = rest;
    const char *next = query;

    memset(raw, 0, sizeof *raw);
    while (next) {
        apr_size_t len, skip;
        const char *param = first_of(next, &len, &next);
        const char **place = place_of(raw, param, len, &skip);
        if (place) {
            if (*place) return "a parameter is there twice";
            *place = value_of(param + skip, len - skip, pool);
            if (!*place) return "a parameter is not encoded as it should be";
        }
        if (place == &raw->signature || place == &raw->algo) continue;
        if (r != rest) *r++ = '&';
        memcpy(r, param, len);
        r += len;
    }
    *r = '\0';
    *signed_part = rest;
    return NULL;
}

int cloud_signed_parse(cloud_signed_t *s, const char **why, const char *query, apr_pool_t *pool)
{
    raw_t raw;

    memset(s, 0, sizeof *s);
    *why = take_apart(&raw, &s->query, query, pool);
    if (*why) return 0;
    s->credential = raw.credential;
    s->signature = raw.signature;
    s->verb = raw.verb;
    if (!raw.credential || !*raw.credential || !raw.date || !raw.expires || !raw.verb
        || !raw.signature)
        *why = "a parameter is missing";
    else if (raw.algo && strcmp(raw.algo, ALGORITHM) != 0)
        *why = "the algorithm is not " ALGORITHM;
    else if (!is_signature(raw.signature))
        *why = "the signature is not 64 hexadecimal digits";
    else if (!parse_date(&s->date, raw.date))
        *why = "the date makes no sense";
    else if (!parse_seconds(&s->expires, raw.expires))
        *why = "the time of expiry makes no sense";
    return !*why;
}

int cloud_signed_current(const cloud_signed_t *s, const char **why, const char *method,
                         apr_time_t now)
{
    int is_get = strcasecmp(s->verb, "GET") == 0, is_head = strcasecmp(s->verb, "HEAD") == 0;

    *why = NULL;
    if (!is_get && !is_head)
        *why = "only GET and HEAD can be signed";
    else if (strcmp(method, "HEAD") != 0 && (strcmp(method, "GET") != 0 || !is_get))
        *why = "it was signed for another method";
    else if (s->expires > CLOUD_SIGNED_LIFE_MAX)
        *why = "it would be good for more than an hour";
    else if (s->date > now + apr_time_from_sec(CLOUD_SIGNED_SKEW))
        *why = "it is dated in the future";
    else if (s->date + apr_time_from_sec(s->expires) <= now)
        *why = "it has expired";
    return !*why;
}

/* ---- the signature ---- */

int cloud_signed_fits(const cloud_signed_t *s, const char *url, const char *key, apr_pool_t *pool)
{
    static const char letters[] = "0123456789abcdef";
    const char *text = apr_pstrcat(pool, url, "?", s->query, NULL);
    const char *salt = key ? key : "";
    unsigned char hash[BYTES];
    char wanted[DIGITS];
    int i, fits;

    if (PKCS5_PBKDF2_HMAC(text, (int)strlen(text), (const unsigned char *)salt, (int)strlen(salt),
                          ITERATIONS, EVP_sha512(), BYTES, hash) != 1)
        return 0;
    for (i = 0; i < BYTES; i++) {
        wanted[2 * i] = letters[hash[i] >> 4];
        wanted[2 * i + 1] = letters[hash[i] & 15];
    }
    fits = CRYPTO_memcmp(wanted, s->signature, DIGITS) == 0;
    OPENSSL_cleanse(hash, sizeof hash);
    OPENSSL_cleanse(wanted, sizeof wanted);
    return fits && key;
}

const char *cloud_signed_mask(const char *text, apr_pool_t *pool)
{
    const char *at = strstr(text, SIGNATURE);
    char *copy;

    if (!at) return text;
    copy = apr_pstrdup(pool, text);
    while ((at = strstr(at, SIGNATURE))) {
        char *c = copy + (at - text) + sizeof SIGNATURE - 1;
        for (; *c && *c != '&' && *c != ' '; c++) *c = '*';
        at += sizeof SIGNATURE - 1;
    }
    return copy;
}
