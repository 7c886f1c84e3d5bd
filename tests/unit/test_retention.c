/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Retention: obligations, thinning by cases worked out by hand, and what must hold for any list. */
#include "testutil.h"

#include <stdlib.h>
#include <string.h>

#include "retention.h"

#define DAY  ((apr_int64_t)86400)
#define HOUR ((apr_int64_t)3600)
#define NOW  ((apr_int64_t)1800000000)
#define MAX  64

/* ---- obligations ---- */

static const struct {
    cloud_retain_kind_t kind;
    const char *text;
    int valid, off, thin, pressure;
    apr_int64_t min_days, max_days;
} OBLIGATIONS[] = {
    { CLOUD_RETAIN_VERSIONS, "auto", 1, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, " AUTO ", 1, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "7, auto", 1, 0, 1, 1, 7, -1 },
    { CLOUD_RETAIN_VERSIONS, "auto,30", 1, 0, 1, 1, 0, 30 },
    { CLOUD_RETAIN_VERSIONS, "7,30", 1, 0, 0, 1, 7, 30 },
    { CLOUD_RETAIN_VERSIONS, "30 , 7", 1, 0, 0, 1, 30, 30 },
    { CLOUD_RETAIN_VERSIONS, "0, 0", 1, 0, 0, 1, 0, 0 },
    { CLOUD_RETAIN_VERSIONS, "disabled", 1, 1, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "7", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "auto,auto", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "disabled, 7", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "7, disabled", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "-1, auto", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "1.5, auto", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "99999, auto", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "99999999999999999999, 3", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "1,2,3", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "1 2", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "1,", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, ",1", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, NULL, 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_VERSIONS, "automatic", 0, 0, 1, 1, 0, -1 },
    { CLOUD_RETAIN_TRASH, "auto", 1, 0, 0, 1, 0, -1 },
    { CLOUD_RETAIN_TRASH, "7", 1, 0, 0, 1, 7, 30 },
    { CLOUD_RETAIN_TRASH, "60", 1, 0, 0, 1, 60, 60 },
    { CLOUD_RETAIN_TRASH, "7, auto", 1, 0, 0, 1, 7, -1 },
    { CLOUD_RETAIN_TRASH, "auto, 7", 1, 0, 0, 1, 0, 7 },
    { CLOUD_RETAIN_TRASH, "disabled", 1, 1, 0, 1, 0, -1 },
};

START_TEST(obligations_are_read)
{
    cloud_retention_t r;
    cloud_err_t *err = cloud_retention_parse(&r, OBLIGATIONS[_i].kind, OBLIGATIONS[_i].text,
                                             tu.pool);

    ck_assert_int_eq(err == NULL, OBLIGATIONS[_i].valid);
    if (err) ck_assert_int_eq(err->code, CLOUD_E_INVALID);
    ck_assert_int_eq(r.off, OBLIGATIONS[_i].off);
    ck_assert_int_eq(r.thin, OBLIGATIONS[_i].thin);
    ck_assert_int_eq(r.pressure, OBLIGATIONS[_i].pressure);
    ck_assert_int_eq(r.min_age, OBLIGATIONS[_i].min_days * DAY);
    ck_assert_int_eq(r.max_age, OBLIGATIONS[_i].max_days < 0 ? -1 : OBLIGATIONS[_i].max_days * DAY);
}
END_TEST

/* ---- thinning and ageing: ages in seconds, newest first; a letter for each: k kept, t thinned,
 *      a too old; pinned ones are those in pins ---- */

static const struct {
    const char *obligation;
    apr_int64_t ages[MAX];      /* ends with -1 */
    const char *pins;           /* "" or one character for each: p pinned */
    const char *want;
} CASES[] = {
    /* alone, the newest, the oldest: never thinned */
    { "auto", { 0, -1 }, "", "k" },
    { "auto", { 400 * DAY, -1 }, "", "k" },
    { "auto", { 0, 1, -1 }, "", "kk" },
    /* up to 10 s: steps of 2 s */
    { "auto", { 0, 1, 2, 3, 4, -1 }, "", "ktktk" },
    { "auto", { 5, 6, 7, 10, -1 }, "", "ktkk" },
    /* the age of 10 belongs to the first band, that of 11 to the second */
    { "auto", { 8, 10, -1 }, "", "kk" },
    { "auto", { 8, 10, 11, -1 }, "", "kkk" },
    { "auto", { 8, 11, 18, -1 }, "", "ktk" },
    { "auto", { 8, 11, 19, -1 }, "", "kkk" },
    { "auto", { 8, 17, 18, 27, 28, -1 }, "", "ktktk" },
    /* up to a minute: 10 s; up to an hour: 60 s */
    { "auto", { 20, 30, 39, 40, 60, -1 }, "", "kktkk" },
    { "auto", { 50, 60, 61, 119, 120, 180, -1 }, "", "kkttkk" },
    /* up to a day: an hour */
    { "auto", { HOUR, HOUR + 60, 2 * HOUR - 1, 2 * HOUR, 3 * HOUR, -1 }, "", "kttkk" },
    /* up to 30 days: a day; then a week */
    { "auto", { DAY, DAY + 1, 2 * DAY, 3 * DAY - 1, 3 * DAY, -1 }, "", "ktktk" },
    { "auto", { 30 * DAY, 31 * DAY, 36 * DAY, 37 * DAY, 44 * DAY, -1 }, "", "kttkk" },
    /* over the edge of a band: not thinned while that would open a hole */
    { "auto", { 3540, HOUR, 3660, 3720, 7140, 7200, -1 }, "", "kktttk" },
    { "auto", { 3540, HOUR, 3660, 3720, 7140, 7201, -1 }, "", "kkttkk" },
    { "auto", { DAY - HOUR, DAY, DAY + HOUR, 2 * DAY - HOUR, 2 * DAY, -1 }, "", "kkttk" },
    { "auto", { 29 * DAY, 30 * DAY, 31 * DAY, 37 * DAY, 38 * DAY, -1 }, "", "kktkk" },
    /* equal times */
    { "auto", { 7, 7, 7, -1 }, "", "ktk" },
    /* pinned ones stay, and others are compared with them */
    { "auto", { 0, 1, 2, 3, -1 }, " p  ", "kktk" },
    { "auto", { 0, 1, 2, 3, -1 }, " ppp", "kkkk" },
    /* a minimum age is strict: nothing below it is thinned */
    { "1, auto", { 0, 1, 2, 3, DAY - 1, DAY, DAY + 1, -1 }, "", "kkkkktk" },
    { "1, auto", { 0, DAY + 10, DAY + 20, 2 * DAY + 10, -1 }, "", "kktk" },
    /* ... and no maximum comes with it */
    { "1, auto", { 0, 900 * DAY, -1 }, "", "kk" },
    /* maximum age, of the newest too */
    { "auto, 10", { 0, 10 * DAY, 10 * DAY + 1, -1 }, "", "kka" },
    { "auto, 10", { 11 * DAY, 12 * DAY, -1 }, "", "aa" },
    /* ... and what goes for its age is nobody's neighbour */
    { "auto, 10", { 0, 8 * DAY, 8 * DAY + HOUR, 9 * DAY, 10 * DAY + 1, -1 }, "", "kktka" },
    { "auto, 10", { 0, 9 * DAY, 10 * DAY, 11 * DAY, -1 }, "", "kkka" },
    { "auto, 10", { 11 * DAY, 12 * DAY, -1 }, " p", "ak" },
    /* between two ages nothing is thinned */
    { "1, 3", { 0, 1, 2, DAY + 1, DAY + 2, 3 * DAY, 3 * DAY + 1, -1 }, "", "kkkkkka" },
    { "3, 1", { 0, 2 * DAY, 3 * DAY, 3 * DAY + 1, -1 }, "", "kkka" },
    { "disabled", { 0, 0, 0, 9000 * DAY, -1 }, "", "kkkk" },
};

START_TEST(thinning_by_hand)
{
    static const char LETTERS[] = "kta";
    cloud_retained_t items[MAX];
    cloud_retention_t r;
    int n = 0, i, dropped = 0;

    memset(items, 0, sizeof items);
    for (; CASES[_i].ages[n] != -1; n++) {
        items[n].time = NOW - CASES[_i].ages[n];
        items[n].pinned = *CASES[_i].pins && CASES[_i].pins[n] == 'p';
    }
    ck_assert_int_eq(n, (int)strlen(CASES[_i].want));
    OK(cloud_retention_parse(&r, CLOUD_RETAIN_VERSIONS, CASES[_i].obligation, tu.pool));
    i = cloud_retention_expire(&r, items, n, NOW);
    for (int k = 0; k < n; k++) {
        ck_assert_msg(LETTERS[items[k].drop] == CASES[_i].want[k], "case %d, item %d: %c, not %c",
                      _i, k, LETTERS[items[k].drop], CASES[_i].want[k]);
        dropped += items[k].drop != CLOUD_DROP_NO;
    }
    ck_assert_int_eq(i, dropped);
}
END_TEST

/* The clock was ahead for a while. How far apart in time they were made nobody knows. */
START_TEST(times_ahead_are_not_thinned)
{
    cloud_retained_t items[3] = { { .time = NOW + 50 }, { .time = NOW + 49 }, { .time = NOW + 48 } };
    cloud_retention_t r;

    OK(cloud_retention_parse(&r, CLOUD_RETAIN_VERSIONS, "auto", tu.pool));
    ck_assert_int_eq(cloud_retention_expire(&r, items, 3, NOW), 0);
    ck_assert_int_eq(cloud_retention_expire(&r, items, 3, NOW + 50), 1);
    ck_assert_int_eq(items[1].drop, CLOUD_DROP_THIN);
}
END_TEST

/* ---- lack of space ---- */

static const struct {
    const char *obligation;
    apr_int64_t need;
    int spare;
    const char *want;           /* for five of 10 bytes, 5 to 1 days old; the second is pinned */
    apr_int64_t left;
} RELIEF[] = {
    { "auto", 0, 0, ".....", 0 },
    { "auto", 1, 0, "x....", 0 },
    { "auto", 10, 0, "x....", 0 },
    { "auto", 11, 0, "x.x..", 0 },
    { "auto", 1000, 0, "x.xxx", 960 },
    { "auto", 1000, 2, "x.x..", 980 },
    { "auto", 1000, 9, ".....", 1000 },
    { "4, auto", 1000, 0, "x....", 990 },
    { "3, auto", 1000, 0, "x.x..", 980 },
    { "3, 5", 1000, 0, "x.x..", 980 },
    { "100, auto", 1000, 0, ".....", 1000 },
    { "disabled", 1000, 0, ".....", 1000 },
};

START_TEST(relief_by_hand)
{
    cloud_retained_t items[5];
    apr_int64_t need = RELIEF[_i].need;
    cloud_retention_t r;
    int i;

    memset(items, 0, sizeof items);
    for (i = 0; i < 5; i++) {
        items[i].time = NOW - (5 - i) * DAY;
        items[i].size = 10;
        items[i].pinned = i == 1;
    }
    OK(cloud_retention_parse(&r, CLOUD_RETAIN_VERSIONS, RELIEF[_i].obligation, tu.pool));
    cloud_retention_relieve(&r, items, 5, RELIEF[_i].spare, NOW, &need);
    for (i = 0; i < 5; i++)
        ck_assert_msg((items[i].drop == CLOUD_DROP_SPACE) == (RELIEF[_i].want[i] == 'x'),
                      "case %d, item %d", _i, i);
    ck_assert_int_eq(need, RELIEF[_i].left);
}
END_TEST

START_TEST(space_is_judged)
{
    apr_int64_t big = APR_INT64_MAX / 2;

    /* no quota */
    ck_assert_int_eq(cloud_retention_over_share(-3, 10, 1000, 50), 0);
    /* (100 - 40) * 50 % = 30 */
    ck_assert_int_eq(cloud_retention_over_share(100, 40, 30, 50), 0);
    ck_assert_int_eq(cloud_retention_over_share(100, 40, 31, 50), 1);
    ck_assert_int_eq(cloud_retention_over_share(100, 140, 7, 50), 7);
    ck_assert_int_eq(cloud_retention_over_share(big, 0, big, 50), big - big / 2);
    /* nothing below the high mark, then down to the low one */
    ck_assert_int_eq(cloud_retention_over_mark(1000, 949, 90, 95), 0);
    ck_assert_int_eq(cloud_retention_over_mark(1000, 950, 90, 95), 50);
    ck_assert_int_eq(cloud_retention_over_mark(1000, 1000, 90, 95), 100);
    ck_assert_int_eq(cloud_retention_over_mark(1000, 1000, 99, 95), 50);
    ck_assert_int_eq(cloud_retention_over_mark(0, 0, 90, 95), 0);
    ck_assert_int_eq(cloud_retention_over_mark(APR_INT64_MAX, 0, 90, 95), 0);
}
END_TEST

/* ---- what holds for any list ---- */

static const char *const ANY[] = { "auto", "1, auto", "30, auto", "auto, 1", "auto, 400", "1, 30",
                                   "30, 1", "0, 0", "0, auto", "auto, 0", "disabled", "nonsense" };

static int newer_first(const void *a, const void *b)
{
    const cloud_retained_t *x = a, *y = b;

    return x->time < y->time ? 1 : x->time > y->time ? -1 : 0;
}

static int random_list(cloud_retained_t *items)
{
    static const apr_int64_t SPANS[] = { 5, 100, 2 * HOUR, 3 * DAY, 60 * DAY, 1000 * DAY };
    int n = rand() % MAX;

    memset(items, 0, MAX * sizeof *items);
    for (int i = 0; i < n; i++) {
        items[i].time = NOW + 5 - rand() % SPANS[rand() % 6];
        items[i].size = rand() % 3 ? rand() % 1000 : 0;
        items[i].pinned = rand() % 8 == 0;
    }
    qsort(items, (size_t)n, sizeof *items, newer_first);
    return n;
}

/* The table once more, as documented. */
static apr_int64_t step_of(apr_int64_t age)
{
    return age <= 10 ? 2 : age <= 60 ? 10 : age <= HOUR ? 60 : age <= DAY ? HOUR
           : age <= 30 * DAY ? DAY : 7 * DAY;
}

static apr_int64_t age_at(const cloud_retained_t *item, apr_int64_t now)
{
    return item->time >= now ? 0 : now - item->time;
}

/* A run of thinned ones leaves no hole of more than a step. */
static void check_hole(const cloud_retained_t *items, int n, int i)
{
    int newer = i - 1, older = i + 1;

    while (newer >= 0 && items[newer].drop != CLOUD_DROP_NO) newer--;
    while (older < n && items[older].drop != CLOUD_DROP_NO) older++;
    ck_assert(newer >= 0 && older < n);
    for (i = older - 1; items[i].drop != CLOUD_DROP_THIN; i--) continue;
    ck_assert_int_le(items[newer].time - items[older].time, step_of(age_at(&items[i], NOW)));
}

static void check_promises(const cloud_retention_t *r, const cloud_retained_t *items, int n)
{
    for (int i = 0; i < n; i++) {
        apr_int64_t age = age_at(&items[i], NOW);

        if (items[i].drop == CLOUD_DROP_NO) {
            ck_assert(r->off || items[i].pinned || r->max_age < 0 || age <= r->max_age);
            continue;
        }
        ck_assert(!r->off && !items[i].pinned);
        ck_assert_int_ge(age, r->min_age);
        if (items[i].drop == CLOUD_DROP_AGE) ck_assert(r->max_age >= 0 && age > r->max_age);
        if (items[i].drop != CLOUD_DROP_THIN) continue;
        ck_assert(r->thin);
        check_hole(items, n, i);
    }
}

/* Of three neighbours that stay, the middle one has a reason. (A ck_assert() costs a write, so where
 * millions are looked at only a failure is told.) */
static void check_density(const cloud_retention_t *r, const cloud_retained_t *left, int n,
                          apr_int64_t now)
{
    for (int i = 1; i + 1 < n; i++) {
        apr_int64_t age = age_at(&left[i], now);

        if (r->off || !r->thin || left[i].pinned || age < r->min_age) continue;
        if (left[i].time > now) continue;
        if (left[i - 1].time - left[i + 1].time <= step_of(age))
            ck_abort_msg("too dense at the age of %ld", (long)age);
    }
}

START_TEST(promises_hold_for_any_list)
{
    cloud_retained_t items[MAX], again[MAX], old[MAX];
    cloud_retention_t r;

    srand((unsigned)_i);
    for (int round = 0; round < 3000; round++) {
        int n = random_list(items), left = 0, dropped, relieved;
        apr_int64_t need = rand() % 20000, had = need, freed = 0;

        /* An obligation that can't be read is no reason to lose more than auto does. */
        if (cloud_retention_parse(&r, CLOUD_RETAIN_VERSIONS,
                                  ANY[rand() % (int)(sizeof ANY / sizeof *ANY)], tu.pool))
            ck_assert(r.thin && r.max_age < 0);
        dropped = cloud_retention_expire(&r, items, n, NOW);
        check_promises(&r, items, n);
        for (int i = 0; i < n; i++)
            if (items[i].drop == CLOUD_DROP_NO) again[left++] = items[i];
        ck_assert_int_eq(left + dropped, n);
        check_density(&r, again, left, NOW);
        /* Done once is done: the same moment takes nothing more. */
        ck_assert_int_eq(cloud_retention_expire(&r, again, left, NOW), 0);
        for (int i = 0; i < left; i++) old[i] = again[left - 1 - i];
        relieved = cloud_retention_relieve(&r, old, left, 2, NOW, &need);
        for (int i = 0; i < left; i++) {
            if (old[i].drop == CLOUD_DROP_NO) continue;
            ck_assert(!r.off && !old[i].pinned && i < left - 2);
            ck_assert(old[i].time >= NOW ? r.min_age == 0 : NOW - old[i].time >= r.min_age);
            freed += old[i].size;
            relieved--;
        }
        ck_assert_int_eq(relieved, 0);
        ck_assert_int_eq(need, had > freed ? had - freed : 0);
    }
}
END_TEST

/* ---- months of saving, with a run every half an hour or whenever ---- */

#define HISTORY_MAX 4000

static const struct {
    int every, jitter;      /* s: between two saves, and at most so many more */
    int run, run_jitter;    /* between two runs */
    int days;
} SAVING[] = {
    { 2, 0, 1800, 0, 90 },
    { 60, 0, 1800, 0, 90 },
    { 1800, 0, 1800, 0, 400 },
    { 61, 0, 1800, 0, 90 },
    { 1, 5, 7, 3000, 40 },
    { 30, 3000, 60, 7200, 200 },
    { 3600, 80000, 1800, 0, 800 },
    { 600, 0, 86400, 0, 400 },
};

typedef struct {
    cloud_retained_t items[HISTORY_MAX];   /* newest first */
    int n;
    apr_int64_t now, first, longest;    /* longest: between two saves */
} history_t;

static void save(history_t *h, apr_int64_t time)
{
    if (h->n == HISTORY_MAX) ck_abort_msg("too many are kept");
    memmove(&h->items[1], &h->items[0], (size_t)h->n++ * sizeof h->items[0]);
    memset(&h->items[0], 0, sizeof h->items[0]);
    h->items[0].time = time;
}

static void run_once(history_t *h, const cloud_retention_t *r)
{
    int left = 0;

    cloud_retention_expire(r, h->items, h->n, h->now);
    for (int i = 0; i < h->n; i++)
        if (h->items[i].drop == CLOUD_DROP_NO) h->items[left++] = h->items[i];
    h->n = left;
}

/* What is left after a run is neither thinner than the table nor twice as dense. */
static void check_history(const history_t *h, const cloud_retention_t *r)
{
    check_density(r, h->items, h->n, h->now);
    for (int i = 1; i < h->n; i++) {
        apr_int64_t age = age_at(&h->items[i], h->now), step = step_of(age);

        if (h->items[i - 1].time - h->items[i].time > (step > h->longest ? step : h->longest))
            ck_abort_msg("a hole before the age of %ld", (long)age);
    }
    ck_assert_int_eq(h->items[h->n - 1].time, h->first);
}

/* How many are between two ages. */
static int count_between(const history_t *h, apr_int64_t from, apr_int64_t upto)
{
    int count = 0;

    for (int i = 0; i < h->n; i++) {
        apr_int64_t age = age_at(&h->items[i], h->now);
        count += age > from && age <= upto;
    }
    return count;
}

START_TEST(steady_saving_keeps_a_history)
{
    static const apr_int64_t EDGES[] = { 0, 10, 60, HOUR, DAY, 30 * DAY };
    apr_int64_t end = NOW + SAVING[_i].days * DAY, next_run = NOW;
    history_t *h = apr_pcalloc(tu.pool, sizeof *h);
    cloud_retention_t r;

    srand(17);
    OK(cloud_retention_parse(&r, CLOUD_RETAIN_VERSIONS, "auto", tu.pool));
    h->first = NOW;
    h->longest = SAVING[_i].every + SAVING[_i].jitter;
    for (apr_int64_t t = NOW; t < end;
         t += SAVING[_i].every + rand() % (SAVING[_i].jitter + 1)) {
        for (; next_run <= t; next_run += SAVING[_i].run + rand() % (SAVING[_i].run_jitter + 1)) {
            h->now = next_run;
            if (h->n == 0) continue;
            run_once(h, &r);
            check_history(h, &r);
        }
        save(h, t);
    }
    h->now = end;
    run_once(h, &r);
    check_history(h, &r);
    for (int b = 0; b < 5; b++) {
        apr_int64_t span = EDGES[b + 1] - EDGES[b], step = step_of(EDGES[b + 1]);
        int count = count_between(h, EDGES[b], EDGES[b + 1]);

        ck_assert_int_le(count, 2 * span / step + 2);
        if (h->longest <= step) ck_assert_int_ge(count, span / (2 * step));
    }
}
END_TEST

Suite *suite_retention(void)
{
    Suite *s = suite_create("retention");
    TCase *tc = tu_case(s, "obligations", tu_pool);

    tcase_add_loop_test(tc, obligations_are_read, 0, sizeof OBLIGATIONS / sizeof *OBLIGATIONS);
    tc = tu_case(s, "thinning", tu_pool);
    tcase_add_loop_test(tc, thinning_by_hand, 0, sizeof CASES / sizeof *CASES);
    tcase_add_test(tc, times_ahead_are_not_thinned);
    tc = tu_case(s, "space", tu_pool);
    tcase_add_loop_test(tc, relief_by_hand, 0, sizeof RELIEF / sizeof *RELIEF);
    tcase_add_test(tc, space_is_judged);
    tc = tu_case(s, "any", tu_pool);
    tcase_add_loop_test(tc, promises_hold_for_any_list, 0, 4);
    tc = tu_case(s, "months", tu_pool);
    tcase_add_loop_test(tc, steady_saving_keeps_a_history, 0, sizeof SAVING / sizeof *SAVING);
    return s;
}
