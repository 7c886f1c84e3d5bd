/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <stdio.h>
#include <string.h>

#include "ocs_params.h"

static cloud_params_t *parsed(const char *text)
{
    cloud_params_t *params = cloud_params_create(tu.pool);

    OK(cloud_params_add(params, text, strlen(text)));
    return params;
}

static void refused(const char *text)
{
    FAILS(cloud_params_add(cloud_params_create(tu.pool), text, strlen(text)), INVALID);
}

START_TEST(test_values)
{
    cloud_params_t *params = parsed("format=json&path=%2Fa+b%C3%a4&empty=&bare&x=1&x=2&a=b=c");

    ck_assert_str_eq(cloud_param(params, "format"), "json");
    ck_assert_str_eq(cloud_param(params, "path"), "/a b\xc3\xa4");
    ck_assert_str_eq(cloud_param(params, "empty"), "");
    ck_assert_str_eq(cloud_param(params, "bare"), "");
    ck_assert_str_eq(cloud_param(params, "x"), "2");
    ck_assert_str_eq(cloud_param(params, "a"), "b=c");
    ck_assert_ptr_null(cloud_param(params, "none"));
    ck_assert_ptr_null(cloud_param(params, "Format"));
}
END_TEST

/* A query and then a form: what comes later counts. */
START_TEST(test_two_sources)
{
    cloud_params_t *params = parsed("a=1&b=2");

    OK(cloud_params_add(params, "b=3&c=4", 7));
    ck_assert_str_eq(cloud_param(params, "a"), "1");
    ck_assert_str_eq(cloud_param(params, "b"), "3");
    ck_assert_str_eq(cloud_param(params, "c"), "4");
}
END_TEST

START_TEST(test_escapes)
{
    cloud_params_t *params = parsed("a=100%&b=%4&c=%zz&d=%2525&e=%2B+%26%3D");

    ck_assert_str_eq(cloud_param(params, "a"), "100%");
    ck_assert_str_eq(cloud_param(params, "b"), "%4");
    ck_assert_str_eq(cloud_param(params, "c"), "%zz");
    ck_assert_str_eq(cloud_param(params, "d"), "%25");
    ck_assert_str_eq(cloud_param(params, "e"), "+ &=");
}
END_TEST

START_TEST(test_refused)
{
    refused("a=%00");
    refused("%00=a");
    refused("a=%ff");
    refused("a=%c3");
    refused("a=%ed%a0%80");  /* half of a surrogate pair */
    refused("a=%01");
    refused("a=%ef%bf%bf");  /* not a character */
    FAILS(cloud_params_add(cloud_params_create(tu.pool), "a=b\0c", 5), INVALID);
}
END_TEST

START_TEST(test_limits)
{
    cloud_params_t *params = cloud_params_create(tu.pool);
    char *text = apr_palloc(tu.pool, CLOUD_PARAMS_BYTES + 2);
    int i;

    memset(text, 'x', CLOUD_PARAMS_BYTES + 2);
    OK(cloud_params_add(params, text, CLOUD_PARAMS_BYTES));
    FAILS(cloud_params_add(params, text, CLOUD_PARAMS_BYTES + 1), TOO_LARGE);
    for (i = 1; i < CLOUD_PARAMS_COUNT; i++)
        OK(cloud_params_add(params, "a=b", 3));
    FAILS(cloud_params_add(params, "a=b", 3), TOO_LARGE);
}
END_TEST

START_TEST(test_lists)
{
    cloud_params_t *params = parsed("g[]=one&g%5B%5D=two&g=no&gg[]=no&g[key]=three&g[=no");
    const apr_array_header_t *list = cloud_param_list(params, "g", tu.pool);

    ck_assert_int_eq(list->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(list, 0, const char *), "one");
    ck_assert_str_eq(APR_ARRAY_IDX(list, 1, const char *), "two");
    ck_assert_str_eq(APR_ARRAY_IDX(list, 2, const char *), "three");
    ck_assert_int_eq(cloud_param_list(params, "none", tu.pool)->nelts, 0);
}
END_TEST

START_TEST(test_numbers_and_truth)
{
    cloud_params_t *params =
        parsed("n=10&neg=-5&big=99999999999999999999&text=5x&none=&t=true&one=1&f=false&o=0&on=ON");
    apr_int64_t n;

    OK(cloud_param_int(&n, params, "n", 1, 0, 10));
    ck_assert_int_eq(n, 10);
    OK(cloud_param_int(&n, params, "neg", 1, -5, 10));
    ck_assert_int_eq(n, -5);
    OK(cloud_param_int(&n, params, "missing", 42, 0, 10));
    ck_assert_int_eq(n, 42);
    FAILS(cloud_param_int(&n, params, "n", 1, 0, 9), INVALID);
    FAILS(cloud_param_int(&n, params, "big", 1, 0, 9), INVALID);
    FAILS(cloud_param_int(&n, params, "text", 1, 0, 9), INVALID);
    FAILS(cloud_param_int(&n, params, "none", 1, 0, 9), INVALID);
    ck_assert(cloud_param_bool(params, "t", 0) && cloud_param_bool(params, "one", 0));
    ck_assert(cloud_param_bool(params, "on", 0));
    ck_assert(!cloud_param_bool(params, "f", 1) && !cloud_param_bool(params, "o", 1));
    ck_assert(cloud_param_bool(params, "missing", 1) && !cloud_param_bool(params, "missing", 0));
}
END_TEST

/* ---- JSON ---- */

static cloud_params_t *of_json(const char *text)
{
    cloud_params_t *params = cloud_params_create(tu.pool);

    OK(cloud_params_add_json(params, text, strlen(text)));
    return params;
}

START_TEST(test_json)
{
    cloud_params_t *params = of_json(
        "{\"path\": \"/a b\xc3\xa4\", \"shareType\": 3, \"big\": -1234567890123, \"yes\": true,"
        " \"no\": false, \"none\": null, \"empty\": \"\", \"list\": [], \"object\": {}, \"x\": 1,"
        " \"x\": 2, \"half\": 0.5, \"groups\": [\"a\", 7, null, true],"
        " \"attributes\": [{\"scope\": \"s\", \"key\": \"k\", \"enabled\": false}]}");

    ck_assert_str_eq(cloud_param(params, "path"), "/a b\xc3\xa4");
    ck_assert_str_eq(cloud_param(params, "shareType"), "3");
    ck_assert_str_eq(cloud_param(params, "big"), "-1234567890123");
    ck_assert_str_eq(cloud_param(params, "yes"), "true");
    ck_assert_str_eq(cloud_param(params, "no"), "false");
    ck_assert_ptr_null(cloud_param(params, "none"));
    ck_assert_str_eq(cloud_param(params, "empty"), "");
    ck_assert_str_eq(cloud_param(params, "list"), "");
    ck_assert_str_eq(cloud_param(params, "object"), "");
    ck_assert_str_eq(cloud_param(params, "x"), "2");
    ck_assert_str_eq(cloud_param(params, "half"), "0.5");
    ck_assert_int_eq(cloud_param_list(params, "groups", tu.pool)->nelts, 3);
    ck_assert_str_eq(cloud_param(params, "groups[1]"), "7");
    ck_assert_str_eq(cloud_param(params, "groups[3]"), "true");
    ck_assert_str_eq(cloud_param(params, "attributes[0][scope]"), "s");
    ck_assert_str_eq(cloud_param(params, "attributes[0][enabled]"), "false");
    ck_assert_int_eq(cloud_param_names(of_json("[]"), tu.pool)->nelts, 0);
    ck_assert_int_eq(cloud_param_names(of_json(" {} "), tu.pool)->nelts, 0);
}
END_TEST

static void json_refused(const char *text)
{
    FAILS(cloud_params_add_json(cloud_params_create(tu.pool), text, strlen(text)), INVALID);
}

START_TEST(test_json_refused)
{
    char *text = apr_pcalloc(tu.pool, 4000);
    int i;

    json_refused("");
    json_refused("{");
    json_refused("null");
    json_refused("7");
    json_refused("\"text\"");
    json_refused("[{\"a\": 1}]");
    json_refused("{\"a\": 1} {\"b\": 2}");
    json_refused("path=%2Fa");
    json_refused("{\"a\": \"\\u0000\"}");
    json_refused("{\"a\": \"\\u0001\"}");
    json_refused("{\"\\u0001\": \"a\"}");
    json_refused("{\"a\": \"\xff\"}");
    for (i = 0; i < 9; i++) strcat(text, "{\"a\":");
    strcat(text, "1}}}}}}}}}");
    OK(cloud_params_add_json(cloud_params_create(tu.pool), text, strlen(text)));
    text[0] = '\0';
    for (i = 0; i < 10; i++) strcat(text, "{\"a\":");
    strcat(text, "1}}}}}}}}}}");
    json_refused(text);
    /* Names that are repeated in each name below them */
    strcpy(text, "{\"");
    memset(text + 2, 'n', 257);
    strcat(text, "\": [1]}");
    json_refused(text);
}
END_TEST

START_TEST(test_json_limits)
{
    cloud_params_t *params = cloud_params_create(tu.pool);
    char *text = apr_palloc(tu.pool, CLOUD_PARAMS_BYTES + 1), *at = text;
    int i;

    memset(text, ' ', CLOUD_PARAMS_BYTES + 1);
    memcpy(text, "{}", 2);
    OK(cloud_params_add_json(params, text, CLOUD_PARAMS_BYTES));
    FAILS(cloud_params_add_json(params, text, CLOUD_PARAMS_BYTES + 1), TOO_LARGE);
    at += sprintf(at, "{\"a\": [0");
    for (i = 1; i <= CLOUD_PARAMS_COUNT; i++) at += sprintf(at, ",%d", i);
    at += sprintf(at, "]}");
    FAILS(cloud_params_add_json(params, text, (apr_size_t)(at - text)), TOO_LARGE);
}
END_TEST

/* ---- multipart/form-data ---- */

#define TYPE "multipart/form-data; boundary=xyz"
#define PART(name, value) \
    "--xyz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define END "--xyz--\r\n"

START_TEST(test_multipart)
{
    static const char text[] = PART("path", "/a+b%20\xc3\xa4") PART("empty", "") PART("x", "1")
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n\0\1\r\n"
        PART("x", "2") END;
    cloud_params_t *params = cloud_params_create(tu.pool);

    OK(cloud_params_add_multipart(params, TYPE, text, sizeof text - 1));
    ck_assert_str_eq(cloud_param(params, "path"), "/a+b%20\xc3\xa4");
    ck_assert_str_eq(cloud_param(params, "empty"), "");
    ck_assert_str_eq(cloud_param(params, "x"), "2");
    ck_assert_ptr_null(cloud_param(params, "file"));
}
END_TEST

static cloud_err_t *multipart(const char *type, const char *text)
{
    return cloud_params_add_multipart(cloud_params_create(tu.pool), type, text, strlen(text));
}

START_TEST(test_multipart_refused)
{
    FAILS(multipart("multipart/form-data", PART("a", "1") END), UNSUPPORTED);
    FAILS(multipart(TYPE, PART("a", "1")), INVALID);
    FAILS(multipart(TYPE, PART("a", "\x01") END), INVALID);
    FAILS(multipart(TYPE, PART("a", "\xff") END), INVALID);
    FAILS(multipart(TYPE, PART("\xff", "a") END), INVALID);
    FAILS(cloud_params_add_multipart(cloud_params_create(tu.pool), TYPE, "", CLOUD_PARAMS_BYTES + 1),
          TOO_LARGE);
}
END_TEST

Suite *suite_ocs_params(void)
{
    Suite *s = suite_create("ocs_params");
    TCase *tc = tu_case(s, "ocs_params", tu_pool);

    tcase_add_test(tc, test_values);
    tcase_add_test(tc, test_two_sources);
    tcase_add_test(tc, test_escapes);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_lists);
    tcase_add_test(tc, test_numbers_and_truth);
    tcase_add_test(tc, test_json);
    tcase_add_test(tc, test_json_refused);
    tcase_add_test(tc, test_json_limits);
    tcase_add_test(tc, test_multipart);
    tcase_add_test(tc, test_multipart_refused);
    return s;
}
