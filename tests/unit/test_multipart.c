/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Forms with files: the same parts, wherever the network cuts the body. */
#include "testutil.h"

#include "multipart.h"

#include <stdlib.h>
#include <string.h>

#define TYPE "multipart/form-data; boundary=\"A-b\""

/* What was told, as text. */
static const char *log_text;
static int fail_at; /* of the calls; 0: none fails */

static cloud_err_t *note(const char *text)
{
    log_text = apr_pstrcat(tu.pool, log_text, text, NULL);
    return fail_at && --fail_at == 0 ? cloud_err(tu.pool, CLOUD_E_QUOTA, NULL) : NULL;
}

static cloud_err_t *begin(void *baton, const char *name, const char *filename)
{
    (void)baton;
    return note(apr_pstrcat(tu.pool, "[", name, filename ? "|" : "", filename ? filename : "", ":",
                            NULL));
}

static cloud_err_t *data(void *baton, const char *bytes, apr_size_t len)
{
    (void)baton;
    return note(apr_pstrmemdup(tu.pool, bytes, len));
}

static cloud_err_t *end(void *baton)
{
    (void)baton;
    return note("]");
}

/* Feeds body in pieces of so many bytes. */
static cloud_err_t *feed(const char *type, const char *body, apr_size_t len, apr_size_t piece)
{
    static const cloud_multipart_fn_t fn = { begin, data, end };
    cloud_multipart_t *m;
    apr_size_t i, n;

    log_text = "";
    CLOUD_ERR(cloud_multipart_create(&m, type, &fn, NULL, tu.pool));
    for (i = 0; i < len; i += n) {
        n = len - i < piece ? len - i : piece;
        CLOUD_ERR(cloud_multipart_feed(m, body + i, n));
    }
    return cloud_multipart_finish(m);
}

static const char BODY[] =
    "preamble\r\n--A-b\r\n"
    "Content-Disposition: form-data; name=\"token\"\r\n\r\n"
    "value\r\n--A-b  \r\n"
    "X-Other: y\r\ncontent-disposition: form-data; name=files; filename=\"a;b\\c.txt\"\r\n"
    "Content-Type: text/plain\r\n\r\n"
    "line\r\n--A-\r\n-A-b\r\r\n--A-c--A-b\r\n\r\n--A-b\r\n"
    "Content-Disposition: form-data; filename=\"\"; name=\"none\"\r\n\r\n"
    "\r\n--A-b--\r\nepilogue --A-b";

static const char PARTS[] = "[token:value][files|a;b\\c.txt:line\r\n--A-\r\n-A-b\r\r\n--A-c--A-b\r\n]"
                            "[none|:]";

START_TEST(parts_are_the_same_however_they_come)
{
    apr_size_t piece;

    for (piece = 1; piece <= sizeof BODY; piece++) {
        OK(feed(TYPE, BODY, sizeof BODY - 1, piece));
        ck_assert_str_eq(log_text, PARTS);
    }
    OK(feed("multipart/form-data;charset=x;boundary=A-b", BODY + 10, sizeof BODY - 11, 7));
    ck_assert_str_eq(log_text, PARTS);
}
END_TEST

START_TEST(what_ends_early_is_malformed)
{
    apr_size_t end_at = (apr_size_t)(strstr(BODY, "\r\nepilogue") - BODY), len;

    for (len = 0; len < end_at; len++)
        ck_assert(cloud_err_is(feed(TYPE, BODY, len, 64), CLOUD_E_INVALID));
    OK(feed(TYPE, BODY, end_at, 64));
}
END_TEST

START_TEST(malformed_forms_are_refused)
{
    static const struct {
        const char *body;
        cloud_code_t code;
    } BODIES[] = {
        { "--A-b\r\n\r\nx\r\n--A-b--", CLOUD_E_INVALID },
        { "--A-b\r\nContent-Disposition: attachment; name=\"x\"\r\n\r\nx\r\n--A-b--", CLOUD_E_INVALID },
        { "--A-b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--A-b--", CLOUD_E_INVALID },
        { "--A-b\r\nContent-Disposition: form-data; name=\"x\r\n\r\nx\r\n--A-b--", CLOUD_E_INVALID },
        { "--A-bx\r\n", CLOUD_E_INVALID },
    };
    static const char *const TYPES[] = { "text/plain; boundary=x", "multipart/form-data", "",
                                         "multipart/form-data; boundary=", NULL,
                                         "multipart/form-data; xboundary=x",
                                         "multipart/form-data; boundary=\"x",
                                         "multipart/form-database; boundary=x",
                                         "multipart/mixed; boundary=x" };
    apr_size_t i;

    for (i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        ck_assert_msg(cloud_err_is(feed(TYPE, BODIES[i].body, strlen(BODIES[i].body), 5),
                                   BODIES[i].code), "%s", BODIES[i].body);
    for (i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        ck_assert(cloud_err_is(feed(TYPES[i], BODY, sizeof BODY - 1, 5), CLOUD_E_UNSUPPORTED));
    ck_assert(cloud_err_is(feed("multipart/form-data; boundary=A-b",
                                "--A-b\r\nContent-Disposition: form-data; name=\"x\0\"\r\n\r\n", 53, 9),
                           CLOUD_E_INVALID));
}
END_TEST

START_TEST(names_are_what_was_chosen)
{
    static const struct {
        const char *param, *log; /* NULL: malformed */
    } NAMES[] = {
        { "filename*=UTF-8''%c3%a4%20b", "[n|\xc3\xa4 b:x]" },
        { "filename*=utf-8'en'a", "[n|a:x]" },
        { "filename*=UTF-8''b; filename=\"a\"", "[n|a:x]" },
        { "filename*=latin1''b", NULL },
        { "filename*=UTF-8'b", NULL },
        { "filename*=UTF-8''%4", NULL },
        { "filename*=UTF-8''a%00b", NULL },
        { "filename=\"q\\\"q\"", "[n|q\"q:x]" },
        { "filename=\"\\\"\\\"\"", "[n|\"\":x]" },
        { "filename=\"end\\\"", "[n|end\\:x]" },
        { "filename=\"end\\\" ; x=y", "[n|end\\:x]" },
        { "filename=\"a\\\"b\\\";x=y", "[n|a\"b\\:x]" },
        { "filename=\"a\\b\\\\c\"", "[n|a\\b\\\\c:x]" },
        { "filename=\"a\rb\"", "[n|a\rb:x]" },
        { "filename=\"a\nb\"", "[n|a\nb:x]" },
        { "filename=", "[n|:x]" },
        { "filename", "[n:x]" },
        { "filename=\"no end", NULL },
        { "filename=\"no end\\\"x", NULL },
        { "x=\"y; filename=z", NULL },
    };
    apr_size_t i;

    for (i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *body = apr_pstrcat(tu.pool, "--A-b\r\nContent-Disposition: form-data; name=n; ",
                                       NAMES[i].param, "\r\n\r\nx\r\n--A-b--", NULL);
        cloud_err_t *err = feed(TYPE, body, strlen(body), 3);

        if (!NAMES[i].log) {
            ck_assert(cloud_err_is(err, CLOUD_E_INVALID));
            continue;
        }
        OK(err);
        ck_assert_str_eq(log_text, NAMES[i].log);
    }
}
END_TEST

START_TEST(heads_are_bounded)
{
    char *body = apr_palloc(tu.pool, 20001);
    const char *part = "--A-b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n";
    const char *many = "";
    int i;

    memset(body, 'x', 20000);
    body[20000] = '\0';
    memcpy(body, "--A-b\r\n", 7);
    ck_assert(cloud_err_is(feed(TYPE, body, 20000, 999), CLOUD_E_TOO_LARGE));
    memset(body, ' ', 20000);
    memcpy(body, "--A-b", 5);
    ck_assert(cloud_err_is(feed(TYPE, body, 20000, 999), CLOUD_E_INVALID));
    for (i = 0; i < 10; i++) many = apr_pstrcat(tu.pool, many, part, NULL);
    for (i = 0; i < 100; i++) part = i == 0 ? many : apr_pstrcat(tu.pool, part, many, NULL);
    OK(feed(TYPE, apr_pstrcat(tu.pool, part, "--A-b--", NULL), strlen(part) + 7, 4096));
    part = apr_pstrcat(tu.pool, part, many, NULL);
    ck_assert(cloud_err_is(feed(TYPE, part, strlen(part), 4096), CLOUD_E_TOO_LARGE));
}
END_TEST

START_TEST(an_error_of_the_receiver_ends_it)
{
    int i;

    for (i = 1; i <= 7; i++) {
        fail_at = i;
        ck_assert(cloud_err_is(feed(TYPE, BODY, sizeof BODY - 1, 4096), CLOUD_E_QUOTA));
    }
    fail_at = 0;
}
END_TEST

Suite *suite_multipart(void)
{
    Suite *s = suite_create("multipart");
    TCase *tc = tu_case(s, "multipart", tu_pool);

    tcase_add_test(tc, parts_are_the_same_however_they_come);
    tcase_add_test(tc, what_ends_early_is_malformed);
    tcase_add_test(tc, malformed_forms_are_refused);
    tcase_add_test(tc, names_are_what_was_chosen);
    tcase_add_test(tc, heads_are_bounded);
    tcase_add_test(tc, an_error_of_the_receiver_ends_it);
    return s;
}
