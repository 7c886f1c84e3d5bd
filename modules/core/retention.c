/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Retention of versions and trash: see retention.h. */
#include "retention.h"

#include <apr_lib.h>
#include <string.h>

#define DAY      86400
#define MAX_DAYS 36500
#define TRASH_DAYS 30

/* Thinning: what is at most age seconds old is kept at distances of about step seconds. */
static const struct {
    apr_int64_t age, step;
} BANDS[] = {
    { 10, 2 },
    { 60, 10 },
    { 3600, 60 },
    { DAY, 3600 },
    { 30 * DAY, DAY },
    { APR_INT64_MAX, 7 * DAY },
};

/* ---- the obligation ---- */

#define WORD_AUTO     (-1)
#define WORD_DISABLED (-2)

/* One word of an obligation: days, or one of the above. 0 when it is neither. */
static int read_word(apr_int64_t *word, const char **text)
{
    const char *p = *text;
    apr_size_t len;

    while (apr_isspace(*p)) p++;
    len = strcspn(p, ", \t\r\n");
    *text = p + len;
    if (len == 4 && strncasecmp(p, "auto", len) == 0) {
        *word = WORD_AUTO;
        return 1;
    }
    if (len == 8 && strncasecmp(p, "disabled", len) == 0) {
        *word = WORD_DISABLED;
        return 1;
    }
    if (len == 0 || len > 5 || strspn(p, "0123456789") < len) return 0;
    for (*word = 0; len > 0; len--) *word = *word * 10 + (*p++ - '0');
    return *word <= MAX_DAYS;
}

/* One or two words; gives how many, 0 when it is something else. */
static int read_words(apr_int64_t word[2], const char *text)
{
    int n = 0;

    for (;;) {
        if (n == 2 || !read_word(&word[n], &text)) return 0;
        n++;
        while (apr_isspace(*text)) text++;
        if (!*text) return n;
        if (*text++ != ',') return 0;
    }
}

static void set_auto(cloud_retention_t *r, cloud_retain_kind_t kind)
{
    memset(r, 0, sizeof *r);
    r->thin = kind == CLOUD_RETAIN_VERSIONS;
    r->pressure = 1;
    r->max_age = -1;
}

static void set_max(cloud_retention_t *r, apr_int64_t days)
{
    r->max_age = days * DAY < r->min_age ? r->min_age : days * DAY;
}

cloud_err_t *cloud_retention_parse(cloud_retention_t *r, cloud_retain_kind_t kind,
                                   const char *text, apr_pool_t *pool)
{
    apr_int64_t word[2];
    int n = read_words(word, text ? text : "");

    set_auto(r, kind);
    if (n == 1 && word[0] == WORD_AUTO) return NULL;
    if (n == 1 && word[0] == WORD_DISABLED) {
        r->off = 1;
        return NULL;
    }
    if (n == 1 && word[0] >= 0 && kind == CLOUD_RETAIN_TRASH) {
        r->min_age = word[0] * DAY;
        set_max(r, TRASH_DAYS);
        return NULL;
    }
    if (n < 2 || word[0] == WORD_DISABLED || word[1] == WORD_DISABLED
        || (word[0] == WORD_AUTO && word[1] == WORD_AUTO))
        return cloud_err(pool, CLOUD_E_INVALID,
                         "\"%s\" is no retention: auto | D, auto | auto, D | D1, D2 | disabled "
                         "(days)",
                         text ? text : "");
    if (word[0] >= 0) r->min_age = word[0] * DAY;
    if (word[1] >= 0) set_max(r, word[1]);
    /* With both ages given everything in between is wanted as it is. */
    if (word[0] >= 0 && word[1] >= 0) r->thin = 0;
    return NULL;
}

/* ---- decisions ---- */

static apr_int64_t step_at(apr_int64_t age)
{
    int i = 0;

    while (age > BANDS[i].age) i++;
    return BANDS[i].step;
}

/* Times may lie ahead of ours: then the age is 0. */
static apr_int64_t age_of(const cloud_retained_t *item, apr_int64_t now)
{
    return item->time >= now ? 0 : now - item->time;
}

static int may_go(const cloud_retention_t *r, const cloud_retained_t *item, apr_int64_t now)
{
    return !r->off && !item->pinned && item->drop == CLOUD_DROP_NO
           && age_of(item, now) >= r->min_age;
}

apr_time_t cloud_retention_upto(const cloud_retention_t *r)
{
    return r->min_age > 0 ? apr_time_now() - apr_time_from_sec(r->min_age) : APR_INT64_MAX;
}

/* Whether item can go without a hole: what stays on both sides of it is at most a step apart. The
 * newest and the oldest have but one side, and stay. So does what a clock that was ahead has left:
 * numbers go on from there one by one, and say nothing of the time between two. */
static int is_superfluous(const cloud_retention_t *r, const cloud_retained_t *newer,
                          const cloud_retained_t *item, const cloud_retained_t *older,
                          apr_int64_t now)
{
    return r->thin && newer && may_go(r, item, now) && item->time <= now
           && newer->time - older->time <= step_at(age_of(item, now));
}

int cloud_retention_expire(const cloud_retention_t *r, cloud_retained_t *items, int n,
                           apr_int64_t now)
{
    /* cur is decided on when its older neighbour is known: what is too old is none. */
    cloud_retained_t *kept = NULL, *cur = NULL;
    int i, dropped = 0;

    for (i = 0; i < n; i++) {
        cloud_retained_t *item = &items[i];

        if (r->max_age >= 0 && may_go(r, item, now) && age_of(item, now) > r->max_age) {
            item->drop = CLOUD_DROP_AGE;
            dropped++;
            continue;
        }
        if (cur && is_superfluous(r, kept, cur, item, now)) {
            cur->drop = CLOUD_DROP_THIN;
            dropped++;
        } else if (cur) {
            kept = cur;
        }
        cur = item;
    }
    return dropped;
}

int cloud_retention_relieve(const cloud_retention_t *r, cloud_retained_t *items, int n, int spare,
                            apr_int64_t now, apr_int64_t *need)
{
    int i, dropped = 0;

    if (!r->pressure) return 0;
    for (i = 0; i < n - spare && *need > 0; i++) {
        if (!may_go(r, &items[i], now)) continue;
        items[i].drop = CLOUD_DROP_SPACE;
        *need -= items[i].size;
        dropped++;
    }
    if (*need < 0) *need = 0;
    return dropped;
}

/* ---- space ---- */

/* a * percent / 100 without overflow. */
static apr_int64_t percent_of(apr_int64_t a, int percent)
{
    return a / 100 * percent + a % 100 * percent / 100;
}

apr_int64_t cloud_retention_over_share(apr_int64_t quota, apr_int64_t files, apr_int64_t kept,
                                       int percent)
{
    apr_int64_t share;

    if (quota < 0) return 0;
    share = quota > files ? percent_of(quota - files, percent) : 0;
    return kept > share ? kept - share : 0;
}

apr_int64_t cloud_retention_over_mark(apr_int64_t total, apr_int64_t used, int low, int high)
{
    if (total <= 0 || used < percent_of(total, high)) return 0;
    if (low > high) low = high;
    return used > percent_of(total, low) ? used - percent_of(total, low) : 0;
}
