/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <errno.h>
#include <string.h>

/* What clients look for literally. */
START_TEST(test_table)
{
    static const struct {
        cloud_code_t code;
        int http;
        const char *exception, *msg;
    } want[] = {
        { CLOUD_E_NOT_FOUND, 404, "Sabre\\DAV\\Exception\\NotFound", NULL },
        { CLOUD_E_DENIED, 403, "Sabre\\DAV\\Exception\\Forbidden", NULL },
        { CLOUD_E_UNAUTHORIZED, 401, "Sabre\\DAV\\Exception\\NotAuthenticated", NULL },
        { CLOUD_E_EXISTS, 405, "Sabre\\DAV\\Exception\\MethodNotAllowed",
          "The resource you tried to create already exists" },
        { CLOUD_E_CONFLICT, 409, "Sabre\\DAV\\Exception\\Conflict", "Parent node does not exist" },
        { CLOUD_E_LOCKED, 423, "Sabre\\DAV\\Exception\\Locked", NULL },
        { CLOUD_E_PRECONDITION, 412, "Sabre\\DAV\\Exception\\PreconditionFailed", NULL },
        { CLOUD_E_QUOTA, 507, "Sabre\\DAV\\Exception\\InsufficientStorage", NULL },
        { CLOUD_E_INVALID_NAME, 400, "OC\\Connector\\Sabre\\Exception\\InvalidPath",
          "File name contains at least one invalid character" },
        { CLOUD_E_CHECKSUM, 400, "Sabre\\DAV\\Exception\\BadRequest",
          "The computed checksum does not match the one received from the client." },
        { CLOUD_E_UNAVAILABLE, 503, "Sabre\\DAV\\Exception\\ServiceUnavailable",
          "Storage is temporarily not available" },
        { CLOUD_E_BUSY, 503, "Sabre\\DAV\\Exception\\ServiceUnavailable",
          "Storage is temporarily not available" },
        { CLOUD_E_MAINTENANCE, 503, "Sabre\\DAV\\Exception\\ServiceUnavailable",
          "System in maintenance mode." },
        { CLOUD_E_RANGE, 416, "Sabre\\DAV\\Exception\\RequestedRangeNotSatisfiable", NULL },
    };

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const cloud_err_info_t *info = cloud_err_info(want[i].code);
        ck_assert_int_eq(info->http, want[i].http);
        ck_assert_str_eq(info->exception, want[i].exception);
        if (want[i].msg) ck_assert_str_eq(info->msg, want[i].msg);
    }
}
END_TEST

START_TEST(test_table_is_complete)
{
    for (int code = 0; code < CLOUD_E__COUNT; code++) {
        const cloud_err_info_t *info = cloud_err_info(code);
        ck_assert_msg(code == CLOUD_E_INTERNAL || strcmp(info->name, "INTERNAL") != 0,
                      "code %d has no row", code);
        ck_assert_ptr_nonnull(info->exception);
        ck_assert_ptr_nonnull(info->msg);
        if (code == CLOUD_E_NONE) continue;
        ck_assert_int_ge(info->http, 400);
        ck_assert_int_lt(info->http, 600);
        ck_assert_int_ne(info->ocs, 100);
        for (int other = 0; other < code; other++)
            ck_assert_str_ne(info->name, cloud_err_info(other)->name);
    }
    ck_assert_str_eq(cloud_err_info(CLOUD_E__COUNT)->name, "INTERNAL");
    ck_assert_str_eq(cloud_err_info(-1)->name, "INTERNAL");
}
END_TEST

static cloud_err_t *count_calls(int *calls)
{
    ++*calls;
    return cloud_err(tu.pool, CLOUD_E_DENIED, NULL);
}

START_TEST(test_is)
{
    int calls = 0;

    ck_assert(cloud_err_is(count_calls(&calls), CLOUD_E_DENIED));
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(test_create)
{
    cloud_err_t *err = cloud_err(tu.pool, CLOUD_E_NOT_FOUND, "no %s, %d times", "file", 3);

    ck_assert_int_eq(err->code, CLOUD_E_NOT_FOUND);
    ck_assert_str_eq(err->msg, "no file, 3 times");
    ck_assert_ptr_null(err->cause);
    ck_assert_ptr_nonnull(strstr(err->file, "test_error.c"));
    ck_assert(cloud_err_is(err, CLOUD_E_NOT_FOUND));
    ck_assert(!cloud_err_is(err, CLOUD_E_DENIED));
    ck_assert(!cloud_err_is(NULL, CLOUD_E_NONE));
    err = cloud_err(tu.pool, CLOUD_E_LOCKED, NULL);
    ck_assert_str_eq(err->msg, cloud_err_info(CLOUD_E_LOCKED)->msg);
}
END_TEST

/* The text that keeps a client from taking one broken folder for a broken server. */
START_TEST(test_fixed_messages)
{
    cloud_err_t *err = cloud_err(tu.pool, CLOUD_E_UNAVAILABLE, "disk %d is gone", 7);

    ck_assert_str_eq(err->msg, "Storage is temporarily not available");
    ck_assert_str_eq(err->cause, "disk 7 is gone");
    err = cloud_err(tu.pool, CLOUD_E_INTERNAL, "secret detail");
    ck_assert_ptr_null(strstr(err->msg, "secret"));
    ck_assert_str_eq(err->cause, "secret detail");
}
END_TEST

START_TEST(test_errno)
{
    cloud_err_t *err = cloud_err_sys(tu.pool, CLOUD_E_UNAVAILABLE, EIO, "read %s", "x");

    ck_assert_int_eq(err->code, CLOUD_E_UNAVAILABLE);
    ck_assert_str_eq(err->msg, "Storage is temporarily not available");
    ck_assert_msg(strncmp(err->cause, "read x: ", 8) == 0, "%s", err->cause);
    ck_assert_ptr_nonnull(strstr(err->cause, strerror(EIO)));
    ck_assert_int_eq(cloud_err_sys(tu.pool, CLOUD_E_UNAVAILABLE, ENOSPC, NULL)->code,
                     CLOUD_E_QUOTA);
    ck_assert_int_eq(cloud_err_sys(tu.pool, CLOUD_E_UNAVAILABLE, EDQUOT, NULL)->code,
                     CLOUD_E_QUOTA);
    ck_assert_int_eq(cloud_err_sys(tu.pool, CLOUD_E_INTERNAL, ENOSPC, NULL)->code,
                     CLOUD_E_INTERNAL);
}
END_TEST

static cloud_err_t *passes_on(cloud_err_t *err, int *reached)
{
    CLOUD_ERR(err);
    *reached = 1;
    return NULL;
}

START_TEST(test_passing_on)
{
    cloud_err_t *err = cloud_err(tu.pool, CLOUD_E_BUSY, NULL);
    int reached = 0;

    ck_assert_ptr_eq(passes_on(err, &reached), err);
    ck_assert_int_eq(reached, 0);
    ck_assert_ptr_null(passes_on(NULL, &reached));
    ck_assert_int_eq(reached, 1);
}
END_TEST

Suite *suite_error(void)
{
    Suite *s = suite_create("error");
    TCase *tc = tu_case(s, "error", tu_pool);

    tcase_add_test(tc, test_table);
    tcase_add_test(tc, test_table_is_complete);
    tcase_add_test(tc, test_create);
    tcase_add_test(tc, test_is);
    tcase_add_test(tc, test_fixed_messages);
    tcase_add_test(tc, test_errno);
    tcase_add_test(tc, test_passing_on);
    return s;
}
