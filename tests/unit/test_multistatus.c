/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The writer of XML answers, and the spool in front of it. */
#include "testutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "multistatus.h"
#include "names.h"
#include "spool.h"

/* What was flushed so far. */
static char *got;
static apr_size_t got_len;
static int flushes, fail_after;

static apr_status_t collect(void *baton, const char *data, apr_size_t len)
{
    (void)baton;
    if (fail_after >= 0 && flushes >= fail_after) return APR_ECONNABORTED;
    got = realloc(got, got_len + len + 1);
    memcpy(got + got_len, data, len);
    got_len += len;
    got[got_len] = '\0';
    flushes++;
    return APR_SUCCESS;
}

static cloud_out_t *start(void)
{
    free(got);
    got = calloc(1, 1);
    got_len = 0;
    flushes = 0;
    fail_after = -1;
    return cloud_out_create(collect, NULL, tu.pool);
}

static const char *end(cloud_out_t *out)
{
    cloud_out_flush(out);
    return got;
}

/* ---- numbers ---- */

START_TEST(integers)
{
    static const apr_int64_t values[] = {0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12345,
                                         -1, -9, -10, -3, 4294967296, APR_INT64_MAX,
                                         APR_INT64_MIN};
    cloud_out_t *out;

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        out = start();
        cloud_out_int(out, values[i]);
        ck_assert_str_eq(end(out),
                         apr_psprintf(tu.pool, "%" APR_INT64_T_FMT, values[i]));
    }
}
END_TEST

START_TEST(hex_of_all_bytes)
{
    unsigned char all[256];
    cloud_out_t *out = start();
    char two[3];

    for (int i = 0; i < 256; i++) all[i] = (unsigned char)i;
    cloud_out_hex(out, all, sizeof(all));
    end(out);
    ck_assert_uint_eq(got_len, 512);
    for (int i = 0; i < 256; i++) {
        snprintf(two, sizeof(two), "%02x", i);
        ck_assert(memcmp(got + 2 * i, two, 2) == 0);
    }
}
END_TEST

/* ---- dates, compared with the C library's ---- */

static void check_date(cloud_out_t *out, apr_int64_t seconds)
{
    time_t t = (time_t)seconds;
    char day[32], want[128];
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(day, sizeof(day), "%a, %d %b", &tm);
    snprintf(want, sizeof(want), "%s %04d %02d:%02d:%02d GMT|%04d-%02d-%02dT%02d:%02d:%02dZ", day,
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    got_len = 0;
    cloud_out_date(out, seconds);
    cloud_out_lit(out, "|");
    cloud_out_iso(out, seconds);
    cloud_out_flush(out);
    if (strcmp(got, want) != 0) ck_abort_msg("%s instead of %s", got, want);
}

START_TEST(dates_of_every_day)
{
    cloud_out_t *out = start();

    /* 0001 to 9999, each fifth day, at a changing time of day. */
    for (apr_int64_t day = -719162; day < 2932897; day += 5)
        check_date(out, day * 86400 + (day & 0xffff) % 86400);
}
END_TEST

START_TEST(dates_at_the_edges)
{
    static const apr_int64_t values[] = {0, -1, 1, 86399, 86400, -86400, -86401, 951782400,
                                         951868800, 4107542400, 1500000000, 2147483648,
                                         253402300799};
    cloud_out_t *out = start();

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) check_date(out, values[i]);
}
END_TEST

START_TEST(dates_out_of_range)
{
    cloud_out_t *out = start();

    cloud_out_date(out, APR_INT64_MAX);
    cloud_out_lit(out, "|");
    cloud_out_date(out, APR_INT64_MIN);
    ck_assert_str_eq(end(out), "Fri, 31 Dec 9999 23:59:59 GMT|Sat, 01 Jan 0000 00:00:00 GMT");
}
END_TEST

START_TEST(the_date_kept_from_the_row_before)
{
    cloud_out_t *out = start();

    cloud_out_date(out, 0);
    cloud_out_date(out, 3661);
    cloud_out_date(out, 86400);
    cloud_out_date(out, 59);
    ck_assert_str_eq(end(out), "Thu, 01 Jan 1970 00:00:00 GMT"
                               "Thu, 01 Jan 1970 01:01:01 GMT"
                               "Fri, 02 Jan 1970 00:00:00 GMT"
                               "Thu, 01 Jan 1970 00:00:59 GMT");
}
END_TEST

/* ---- escaping ---- */

START_TEST(text_for_xml)
{
    cloud_out_t *out = start();
    const char *text = "a<b>&\"c\"'\xc3\xa4\t\n\x01\x1f.";

    cloud_out_xml(out, text, strlen(text));
    ck_assert_str_eq(end(out), "a&lt;b&gt;&amp;&quot;c&quot;'\xc3\xa4\t\n"
                               "\xef\xbf\xbd\xef\xbf\xbd.");
}
END_TEST

START_TEST(names_for_uris)
{
    char all[256];
    cloud_out_t *out = start();

    /* Every byte, as the library's own function has it. */
    for (int i = 1; i < 256; i++) all[i - 1] = (char)i;
    all[255] = '\0';
    cloud_out_uri(out, all, 255);
    ck_assert_str_eq(end(out), cloud_href_encode(all, tu.pool));
}
END_TEST

/* ---- the buffer ---- */

START_TEST(nothing_is_lost_at_the_edge_of_the_buffer)
{
    cloud_out_t *out = start();
    apr_size_t want = 0;
    char text[1001];

    memset(text, 'x', 1000);
    for (int i = 0; i < 1000; i++) {
        apr_size_t len = (apr_size_t)(i * 7 % 1000);

        text[0] = (char)('a' + i % 26);
        cloud_out_mem(out, text, len);
        want += len;
    }
    end(out);
    ck_assert_uint_eq(got_len, want);
    ck_assert_int_gt(flushes, 5);
    for (apr_size_t i = 0, at = 0; i < 1000; i++) {
        apr_size_t len = i * 7 % 1000;

        if (len) ck_assert_int_eq(got[at], 'a' + (int)(i % 26));
        at += len;
    }
}
END_TEST

START_TEST(what_is_marked_can_be_taken_back)
{
    cloud_out_t *out = start();
    char text[3000];

    memset(text, 'y', sizeof(text));
    cloud_out_lit(out, "kept");
    cloud_out_mark(out);
    /* Far more than the buffer: all of it has to stay. */
    for (int i = 0; i < 100; i++) cloud_out_mem(out, text, sizeof(text));
    ck_assert_uint_eq(got_len, 4);
    cloud_out_undo(out);
    cloud_out_lit(out, " and more");
    ck_assert_str_eq(end(out), "kept and more");
}
END_TEST

START_TEST(a_marked_part_that_is_kept)
{
    cloud_out_t *out = start();
    int wrong = 0;

    for (int i = 0; i < 20000; i++) {
        cloud_out_mark(out);
        cloud_out_lit(out, "0123456789");
        cloud_out_keep(out);
    }
    end(out);
    ck_assert_uint_eq(got_len, 200000);
    for (apr_size_t i = 0; i < got_len; i++) wrong += got[i] != '0' + (int)(i % 10);
    ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(output_ends_with_the_first_failure)
{
    cloud_out_t *out = start();
    char text[1000];

    memset(text, 'z', sizeof(text));
    fail_after = 1;
    for (int i = 0; i < 1000; i++) cloud_out_mem(out, text, sizeof(text));
    ck_assert_int_eq(cloud_out_flush(out), APR_ECONNABORTED);
    ck_assert_int_eq(flushes, 1);
    ck_assert_int_eq(out->status, APR_ECONNABORTED);
}
END_TEST

/* ---- the spool ---- */

static void fill(cloud_spool_t *spool, int n)
{
    for (int i = 0; i < n; i++) {
        apr_size_t len = sizeof(int) + (apr_size_t)(i * 37 % 500);
        char *record;

        OK(cloud_spool_add((void **)&record, spool, len));
        memset(record, i & 0x7f, len);
        memcpy(record, &i, sizeof(i));
    }
}

static void verify(cloud_spool_t *spool, int n)
{
    const char *record;
    apr_size_t len;
    int wrong = 0;

    for (int i = 0; i < n; i++) {
        int number;

        OK(cloud_spool_next((const void **)&record, &len, spool));
        if (!record) ck_abort_msg("%d of %d records", i, n);
        wrong += len != sizeof(int) + (apr_size_t)(i * 37 % 500);
        memcpy(&number, record, sizeof(number));
        wrong += number != i;
        for (apr_size_t k = sizeof(number); k < len; k++) wrong += record[k] != (i & 0x7f);
    }
    ck_assert_int_eq(wrong, 0);
    for (int i = 0; i < 3; i++) {
        OK(cloud_spool_next((const void **)&record, &len, spool));
        ck_assert_ptr_null(record);
    }
}

START_TEST(spool_in_memory)
{
    cloud_spool_t *spool = cloud_spool_create(1 << 20, NULL, tu.pool);

    fill(spool, 1000);
    verify(spool, 1000);
    ck_assert_int_eq(cloud_spool_file_bytes(spool), 0);
}
END_TEST

START_TEST(spool_in_a_file)
{
    cloud_spool_t *spool = cloud_spool_create(200000, NULL, tu.pool);

    fill(spool, 20000);
    ck_assert_int_gt(cloud_spool_file_bytes(spool), 4000000);
    verify(spool, 20000);
}
END_TEST

START_TEST(spool_with_large_records)
{
    static const apr_size_t sizes[] = {10, 70000, 3, 500000, 65528, 65520, 1, 1000000, 8};
    cloud_spool_t *spool = cloud_spool_create(150000, NULL, tu.pool);
    const char *record;
    apr_size_t len;
    char *to;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        OK(cloud_spool_add((void **)&to, spool, sizes[i]));
        memset(to, 'a' + (int)i, sizes[i]);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        OK(cloud_spool_next((const void **)&record, &len, spool));
        ck_assert_uint_eq(len, sizes[i]);
        ck_assert_int_eq(record[0], 'a' + (int)i);
        ck_assert_int_eq(record[len - 1], 'a' + (int)i);
    }
}
END_TEST

START_TEST(spool_empty)
{
    verify(cloud_spool_create(1000, NULL, tu.pool), 0);
}
END_TEST

START_TEST(spool_where_no_file_can_be)
{
    cloud_spool_t *spool = cloud_spool_create(100000, "/proc/no-such-folder", tu.pool);
    cloud_err_t *err = NULL;
    void *record;

    for (int i = 0; i < 100 && !err; i++) err = cloud_spool_add(&record, spool, 10000);
    ck_assert(cloud_err_is(err, CLOUD_E_UNAVAILABLE));
}
END_TEST

Suite *suite_multistatus(void)
{
    Suite *suite = suite_create("multistatus");
    TCase *tc = tu_case(suite, "writer", tu_pool);

    tcase_add_test(tc, integers);
    tcase_add_test(tc, hex_of_all_bytes);
    tcase_add_test(tc, dates_of_every_day);
    tcase_add_test(tc, dates_at_the_edges);
    tcase_add_test(tc, dates_out_of_range);
    tcase_add_test(tc, the_date_kept_from_the_row_before);
    tcase_add_test(tc, text_for_xml);
    tcase_add_test(tc, names_for_uris);
    tcase_add_test(tc, nothing_is_lost_at_the_edge_of_the_buffer);
    tcase_add_test(tc, what_is_marked_can_be_taken_back);
    tcase_add_test(tc, a_marked_part_that_is_kept);
    tcase_add_test(tc, output_ends_with_the_first_failure);

    tc = tu_case(suite, "spool", tu_pool);
    tcase_add_test(tc, spool_in_memory);
    tcase_add_test(tc, spool_in_a_file);
    tcase_add_test(tc, spool_with_large_records);
    tcase_add_test(tc, spool_empty);
    tcase_add_test(tc, spool_where_no_file_can_be);
    return suite;
}
