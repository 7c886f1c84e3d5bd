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
    /* alone, or the newest: never thinned */
    { "auto", { 0, -1 }, "", "k" },
    { "auto", { 400 * DAY, -1 }, "", "k" },
    /* up to 10 s: steps of 2 s */
    { "auto", { 0, 1, 2, 3, 4, -1 }, "", "ktktk" },
    { "auto", { 5, 6, 7, 10, -1 }, "", "ktkk" },
    /* the age of 10 belongs to the first band, that of 11 to the second */
    { "auto", { 8, 10, -1 }, "", "kk" },
    { "auto", { 8, 11, -1 }, "", "kt" },
    { "auto", { 8, 17, 18, 27, 28, -1 }, "", "ktktk" },
    /* up to a minute: 10 s; up to an hour: 60 s */
    { "auto", { 20, 30, 39, 40, 60, -1 }, "", "kktkk" },
    { "auto", { 50, 60, 61, 119, 120, 180, -1 }, "", "kkttkk" },
    /* up to a day: an hour */
    { "auto", { HOUR, HOUR + 60, 2 * HOUR - 1, 2 * HOUR, 3 * HOUR, -1 }, "", "kttkk" },
    /* up to 30 days: a day; then a week */
    { "auto", { DAY, DAY + 1, 2 * DAY, 3 * DAY - 1, 3 * DAY, -1 }, "", "ktktk" },
    { "auto", { 30 * DAY, 31 * DAY, 36 * DAY, 37 * DAY, 44 * DAY, -1 }, "", "kttkk" },
    /* equal times */
    { "auto", { 7, 7, 7, -1 }, "", "ktt" },
    /* pinned ones stay, and others are compared with them */
    { "auto", { 0, 1, 2, 3, -1 }, " p  ", "kktk" },
    { "auto", { 0, 1, 2, 3, -1 }, " ppp", "kkkk" },
    /* a minimum age is strict: nothing below it is thinned */
    { "1, auto", { 0, 1, 2, 3, DAY - 1, DAY, DAY + 1, -1 }, "", "kkkkktt" },
    { "1, auto", { 0, DAY + 10, DAY + 20, 2 * DAY + 10, -1 }, "", "kktk" },
    /* ... and no maximum comes with it */
    { "1, auto", { 0, 900 * DAY, -1 }, "", "kk" },
    /* maximum age, of the newest too */
    { "auto, 10", { 0, 10 * DAY, 10 * DAY + 1, -1 }, "", "kka" },
    { "auto, 10", { 11 * DAY, 12 * DAY, -1 }, "", "aa" },
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

START_TEST(times_ahead_count_as_now)
{
    cloud_retained_t items[3] = { { .time = NOW + 50 }, { .time = NOW + 49 }, { .time = NOW + 40 } };
    cloud_retention_t r;

    OK(cloud_retention_parse(&r, CLOUD_RETAIN_VERSIONS, "auto", tu.pool));
    ck_assert_int_eq(cloud_retention_expire(&r, items, 3, NOW), 1);
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

static void check_promises(const cloud_retention_t *r, const cloud_retained_t *items, int n)
{
    for (int i = 0; i < n; i++) {
        apr_int64_t age = items[i].time >= NOW ? 0 : NOW - items[i].time;

        if (items[i].drop == CLOUD_DROP_NO) {
            ck_assert(r->off || items[i].pinned || r->max_age < 0 || age <= r->max_age);
            continue;
        }
        ck_assert(!r->off && !items[i].pinned);
        ck_assert_int_ge(age, r->min_age);
        if (items[i].drop == CLOUD_DROP_AGE) ck_assert(r->max_age >= 0 && age > r->max_age);
        if (items[i].drop == CLOUD_DROP_THIN) {
            ck_assert(r->thin && i > 0);
            /* What makes it superfluous is still there, less than the longest step away. */
            int k = i - 1;
            while (k >= 0 && items[k].drop != CLOUD_DROP_NO) k--;
            ck_assert(k >= 0);
            ck_assert_int_lt(items[k].time - items[i].time, 7 * DAY);
        }
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

Suite *suite_retention(void)
{
    Suite *s = suite_create("retention");
    TCase *tc = tu_case(s, "obligations", tu_pool);

    tcase_add_loop_test(tc, obligations_are_read, 0, sizeof OBLIGATIONS / sizeof *OBLIGATIONS);
    tc = tu_case(s, "thinning", tu_pool);
    tcase_add_loop_test(tc, thinning_by_hand, 0, sizeof CASES / sizeof *CASES);
    tcase_add_test(tc, times_ahead_count_as_now);
    tc = tu_case(s, "space", tu_pool);
    tcase_add_loop_test(tc, relief_by_hand, 0, sizeof RELIEF / sizeof *RELIEF);
    tcase_add_test(tc, space_is_judged);
    tc = tu_case(s, "any", tu_pool);
    tcase_add_loop_test(tc, promises_hold_for_any_list, 0, 4);
    return s;
}
