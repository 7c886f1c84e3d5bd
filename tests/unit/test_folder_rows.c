/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Pages of folders: in which order what is in one comes. */
#include "testutil.h"

#include <string.h>

#include "files_util.h"
#include "folder_rows.h"

START_TEST(test_names)
{
    static const char *const ORDER[] = {
        "", " ", "-", "0", "00", "01", "1", "1a", "2", "10", "18446744073709551616",
        "18446744073709551617", "_", "A", "a", "a 2", "a 10", "a01", "a2", "a02b", "a2c", "a10", "ab", "B", "b",
        "z", "\xc3\xa4"
    };
    static const int N = sizeof(ORDER) / sizeof(*ORDER);

    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            int order = cloud_rows_compare_names(ORDER[i], ORDER[k]);

            ck_assert_msg((order > 0) - (order < 0) == (i > k) - (i < k), "%s, %s: %d", ORDER[i],
                          ORDER[k], order);
        }
    }
}
END_TEST

static const char *listed(const char *query)
{
    cloud_params_t *params = cloud_params_create(tu.pool);
    const char *text = "";
    cloud_rows_t *rows;
    cloud_entry_t *root;

    OK(cloud_params_add(params, query, strlen(query)));
    OK(cloud_file_stat(&root, fu_ctx, fu_alice, "", tu.pool));
    OK(cloud_rows_read(&rows, fu_ctx, root, params, tu.pool));
    ck_assert(rows->sorted && rows->counted);
    ck_assert_int_eq(rows->folders, 2);
    ck_assert_int_eq(rows->files, 4);
    ck_assert_int_eq(rows->size, 14);
    for (int i = 0; i < rows->rows->nelts; i++)
        text = apr_pstrcat(tu.pool, text, APR_ARRAY_IDX(rows->rows, i, cloud_row_t).name, " ", NULL);
    return text;
}

START_TEST(test_order)
{
    fu_mkcol("z");
    fu_mkcol("y");
    fu_put("b", "1234");
    fu_put("a10", "1234");
    fu_put("A9", "12345");
    fu_put("c", "1");
    ck_assert_str_eq(listed(""), "y z A9 a10 b c ");
    ck_assert_str_eq(listed("sort=name"), "y z A9 a10 b c ");
    ck_assert_str_eq(listed("sort=-name"), "z y c b a10 A9 ");
    ck_assert_str_eq(listed("sort=size"), "y z c a10 b A9 ");
    ck_assert_str_eq(listed("sort=-size"), "y z A9 a10 b c ");
    tu_exec("UPDATE node SET mtime = CASE name WHEN 'b' THEN 3 WHEN 'c' THEN 1 ELSE 2 END");
    ck_assert_str_eq(listed("sort=time"), "y z c A9 a10 b ");
    ck_assert_str_eq(listed("sort=-time"), "y z b A9 a10 c ");
    ck_assert_str_eq(listed("page=2"), "");
}
END_TEST

START_TEST(test_parameters)
{
    ck_assert_str_eq(cloud_rows_sort(CLOUD_BY_NAME, 0, tu.pool), "");
    ck_assert_str_eq(cloud_rows_sort(CLOUD_BY_NAME, 1, tu.pool), "sort=-name");
    ck_assert_str_eq(cloud_rows_sort(CLOUD_BY_SIZE, 1, tu.pool), "sort=-size");
    ck_assert_str_eq(cloud_rows_sort(CLOUD_BY_TIME, 0, tu.pool), "sort=time");
}
END_TEST

Suite *suite_folder_rows(void)
{
    Suite *s = suite_create("folder_rows");
    TCase *tc = tcase_create("rows");

    tcase_add_checked_fixture(tc, fu_setup, tu_end);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_order);
    tcase_add_test(tc, test_parameters);
    return s;
}
