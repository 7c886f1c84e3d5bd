/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

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
    return s;
}
