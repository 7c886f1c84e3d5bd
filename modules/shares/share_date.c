/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * The day on which a share ends. ownCloud takes whatever PHP does, and scripts send it: days in several orders, with a
 * time behind them, "tomorrow", "+2 weeks". Here are those that one can mean; times and zones are read, but the
 * day is the one that is written.
 */
#include "share.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TEXT_MAX   64             /* bytes */
#define AMOUNT_MAX 100000         /* of any unit: no sum overflows */
#define YEAR_MAX   9999

typedef struct {
    struct tm tm;                 /* what was written; before that, now */
    int has_day, has_time;
    apr_int64_t months, days, seconds; /* to go on from there */
} date_t;

/* A reader moves *p behind what it knows, or leaves it. */
typedef int reader_fn(date_t *date, const char **p);

static int number(int *value, const char **p, int least, int most)
{
    int n;

    *value = 0;
    for (n = 0; n < most && isdigit((unsigned char)**p); n++) *value = *value * 10 + *(*p)++ - '0';
    return n >= least;
}

/* The letters at p, which have to be a word of the list; with plural, an "s" more does no harm. */
static int word(const char *const *list, const char **p, int plural)
{
    size_t len = 0;
    int i;

    while (isalpha((unsigned char)(*p)[len])) len++;
    for (i = 0; list[i]; i++) {
        size_t n = strlen(list[i]);

        if (len != n && !(plural && len == n + 1 && tolower((unsigned char)(*p)[n]) == 's')) continue;
        if (strncasecmp(list[i], *p, n) != 0) continue;
        *p += len;
        return i;
    }
    return -1;
}

static void skip(const char **p, const char *chars)
{
    *p += strspn(*p, chars);
}

/* ---- days and times ---- */

static int month_name(int *month, const char **p)
{
    static const char *const names[] = {
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        "january", "february", "march", "april", "may", "june", "july", "august", "september",
        "october", "november", "december", NULL,
    };
    int i = word(names, p, 0);

    *month = i % 12 + 1;
    return i >= 0;
}

/* Y: four digits; m, d: one or two; n, e: the same, always two; M: a name; h, i, s: of a time; a blank: whatever
 * stands between words. */
static int field(date_t *date, char what, const char **p)
{
    struct tm *tm = &date->tm;
    int n = 0;

    switch (what) {
    case 'Y':
        if (!number(&n, p, 4, 4)) return 0;
        tm->tm_year = n - 1900;
        return 1;
    case 'M':
    case 'm':
    case 'n':
        if (!(what == 'M' ? month_name(&n, p) : number(&n, p, what == 'n' ? 2 : 1, 2))) return 0;
        tm->tm_mon = n - 1;
        return n >= 1 && n <= 12;
    case 'd':
    case 'e':
        if (!number(&n, p, what == 'e' ? 2 : 1, 2)) return 0;
        tm->tm_mday = n;
        return n >= 1 && n <= 31;
    case 'h':
        return number(&tm->tm_hour, p, 1, 2) && tm->tm_hour <= 24;
    case 'i':
        return number(&tm->tm_min, p, 2, 2) && tm->tm_min < 60;
    case 's':
        return number(&tm->tm_sec, p, 2, 2) && tm->tm_sec <= 60;
    case ' ':
        skip(p, " ,.-");
        return 1;
    default:
        return *(*p)++ == what;
    }
}

static int matches(date_t *date, const char *format, const char **p)
{
    date_t copy = *date;
    const char *at = *p;

    while (*format && *at)
        if (!field(&copy, *format++, &at)) return 0;
    if (*format || isdigit((unsigned char)*at)) return 0;
    *date = copy;
    *p = at;
    return 1;
}

static int one_of(date_t *date, const char *const *formats, const char **p)
{
    while (*formats && !matches(date, *formats, p)) formats++;
    return *formats != NULL;
}

static void at_midnight(date_t *date)
{
    date->tm.tm_hour = date->tm.tm_min = date->tm.tm_sec = 0;
}

static int read_day(date_t *date, const char **p)
{
    static const char *const formats[] = {
        "Y-m-d", "Y/m/d", "d-m-Y", "d.m.Y", "m/d/Y", "Yne", "d M Y", "M d Y", NULL,
    };

    if (date->has_day || !one_of(date, formats, p)) return 0;
    if (!date->has_time) at_midnight(date);
    date->has_day = 1;
    return 1;
}

static int read_time(date_t *date, const char **p)
{
    static const char *const formats[] = { "h:i:s", "h:i", NULL };
    const char *at = *p + (date->has_day && (**p == 'T' || **p == 't'));
    int n;

    if (date->has_time || !one_of(date, formats, &at)) return 0;
    if (*at == '.') {
        at++;
        if (!number(&n, &at, 1, 9)) return 0;
    }
    date->has_time = 1;
    *p = at;
    return 1;
}

static int read_zone(date_t *date, const char **p)
{
    static const char *const names[] = { "z", "utc", "gmt", NULL };
    const char *at = *p;
    int n;

    if (!date->has_day && !date->has_time) return 0;
    if (word(names, p, 0) >= 0) return 1;
    if (*at != '+' && *at != '-') return 0;
    at++;
    if (!number(&n, &at, 2, 2)) return 0;
    if (*at == ':') at++;
    if (!number(&n, &at, 0, 2) || *at) return 0;
    *p = at;
    return 1;
}

/* @: seconds since 1970. */
static int read_stamp(date_t *date, const char **p)
{
    time_t t = 0;
    const char *at = *p;
    int n;

    if (*at++ != '@' || date->has_day) return 0;
    for (n = 0; n < 12 && isdigit((unsigned char)*at); n++) t = t * 10 + *at++ - '0';
    if (!n || !gmtime_r(&t, &date->tm)) return 0;
    date->has_day = date->has_time = 1;
    *p = at;
    return 1;
}

/* ---- words ---- */

static int read_name(date_t *date, const char **p)
{
    static const char *const names[] = { "now", "today", "midnight", "noon", "tomorrow",
                                         "yesterday", NULL };
    static const struct {
        int keeps_time, hour, days;
    } what[] = { { 1, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 12, 0 }, { 0, 0, 1 }, { 0, 0, -1 } };
    int i = word(names, p, 0);

    if (i < 0) return 0;
    date->days += what[i].days;
    if (what[i].keeps_time || date->has_time) return 1;
    at_midnight(date);
    date->tm.tm_hour = what[i].hour;
    return 1;
}

static int read_amount(apr_int64_t *amount, const char **p)
{
    static const char *const names[] = { "last", "previous", "this", "next", NULL };
    static const int what[] = { -1, -1, 0, 1 };
    const char *at = *p;
    int i = word(names, p, 0), n, negative = 0;

    *amount = i < 0 ? 0 : what[i];
    if (i >= 0) return 1;
    for (; *at == '+' || *at == '-'; at++) negative ^= *at == '-';
    if (!number(&n, &at, 1, 9) || n > AMOUNT_MAX) return 0;
    *amount = negative ? -n : n;
    *p = at;
    return 1;
}

static int read_step(date_t *date, const char **p)
{
    static const char *const names[] = { "sec", "second", "min", "minute", "hour", "day", "week",
                                         "fortnight", "month", "year", NULL };
    static const struct {
        int months, days, seconds;
    } units[] = { { 0, 0, 1 }, { 0, 0, 1 }, { 0, 0, 60 }, { 0, 0, 60 }, { 0, 0, 3600 }, { 0, 1, 0 },
                  { 0, 7, 0 }, { 0, 14, 0 }, { 1, 0, 0 }, { 12, 0, 0 } };
    const char *at = *p;
    apr_int64_t n;
    int i;

    if (!read_amount(&n, &at)) return 0;
    skip(&at, " ");
    i = word(names, &at, 1);
    if (i < 0) return 0;
    date->months += n * units[i].months;
    date->days += n * units[i].days;
    date->seconds += n * units[i].seconds;
    *p = at;
    return 1;
}

static int read_ago(date_t *date, const char **p)
{
    static const char *const names[] = { "ago", NULL };

    if (word(names, p, 0) < 0) return 0;
    date->months = -date->months;
    date->days = -date->days;
    date->seconds = -date->seconds;
    return 1;
}

/* ---- all of it ---- */

static int read_all(date_t *date, const char *p)
{
    static reader_fn *const readers[] = { read_day, read_time, read_zone, read_stamp, read_name,
                                          read_step, read_ago };
    const size_t n = sizeof readers / sizeof *readers;
    size_t i;

    for (skip(&p, " "); *p; skip(&p, " ,")) {
        for (i = 0; i < n && !readers[i](date, &p); i++) continue;
        if (i == n) return 0;
    }
    return 1;
}

void cloud_share_parse_date(apr_int64_t *expires, const char *text, apr_int64_t now)
{
    date_t date = { .has_day = 0 };
    time_t t = (time_t)now;

    *expires = 0;
    if (!text[strspn(text, " ")] || strlen(text) > TEXT_MAX || !gmtime_r(&t, &date.tm)) return;
    if (!read_all(&date, text)) return;
    date.tm.tm_mon += (int)date.months;
    date.tm.tm_mday += (int)date.days;
    t = timegm(&date.tm) + (time_t)date.seconds;
    if (!gmtime_r(&t, &date.tm) || t < 0 || date.tm.tm_year + 1900 > YEAR_MAX) return;
    *expires = (apr_int64_t)t / CLOUD_SHARE_DAY * CLOUD_SHARE_DAY + CLOUD_SHARE_DAY;
}
