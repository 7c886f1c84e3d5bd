/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const cloud_setting_t own[] = {
    { "testapp", "bool", CLOUD_SET_BOOL, "no", 0, 0, "A switch" },
    { "testapp", "int", CLOUD_SET_INT, "5", 1, 10, "A number" },
    { "testapp", "list", CLOUD_SET_LIST, "a, b", 0, 0, "Words" },
    { "testapp", "size", CLOUD_SET_SIZE, "1 KB", 0, 0, "A size" },
    { "testapp", "string", CLOUD_SET_STRING, NULL, 0, 0, "Text, not set by default" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

/* ---- values ---- */

#define G ((apr_int64_t)1 << 30)
static const struct {
    const char *text;
    apr_int64_t bytes;
} sizes[] = {
    { "none", -3 }, { "NONE", -3 }, { "unlimited", -3 },
    { "0", 0 }, { "100", 100 }, { "100 B", 100 }, { " 7 ", 7 },
    { "5 GB", 5 * G }, { "5GB", 5 * G }, { "5 gib", 5 * G }, { "5g", 5 * G },
    { "1.5 GiB", G + G / 2 }, { "0.5k", 512 }, { "1.1 KB", 1126 }, { "0.001k", 1 },
    { "512MiB", 512ll << 20 }, { "3 m", 3ll << 20 }, { "2 TB", 2ll << 40 }, { "1p", 1ll << 50 },
    { "0.999999999 b", 0 }, { "8191 PB", 8191ll << 50 },
    { "999999999999999999", 999999999999999999ll },
};

START_TEST(test_size)
{
    apr_int64_t bytes = -99;

    OK(cloud_size_parse(&bytes, sizes[_i].text, tu.pool));
    ck_assert_msg(bytes == sizes[_i].bytes, "%s: %lld", sizes[_i].text, (long long)bytes);
}
END_TEST

/* What is written is read as the same number. */
START_TEST(test_size_text)
{
    static const struct {
        apr_int64_t bytes;
        const char *text;
    } texts[] = {
        { CLOUD_QUOTA_UNLIMITED, "none" }, { 0, "0 B" }, { 1, "1 B" }, { 1023, "1023 B" },
        { 1024, "1 KB" }, { 1536, "1.5 KB" }, { 1025, "1025 B" }, { 5 * G, "5 GB" },
        { G + G / 2, "1.5 GB" }, { 5 * G + 1024, "5242881 KB" }, { 1ll << 50, "1 PB" },
        { 8191ll << 50, "8191 PB" }, { APR_INT64_MAX / 8, "1152921504606846975 B" },
    };
    apr_int64_t bytes;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_str_eq(cloud_size_text(texts[i].bytes, tu.pool), texts[i].text);
        if (texts[i].bytes > 999999999999999999ll) continue; /* more digits than are read */
        OK(cloud_size_parse(&bytes, texts[i].text, tu.pool));
        ck_assert_int_eq(bytes, texts[i].bytes);
    }
}
END_TEST

static const char *const bad_sizes[] = {
    "", " ", "GB", "-1", "-1 GB", "+1", "1,5 GB", "1.", "1. GB", ".5 GB", "1.2.3", "5 XB", "5 GBB",
    "5 G B", "default", "nan", "1e3", "0x10", "8192 PB", "9000000000000 TB",
    "1000000000000000000", "99999999999999999999999", "1.0000000001 GB", "5 GB x",
};

START_TEST(test_size_refuses)
{
    apr_int64_t bytes;

    FAILS(cloud_size_parse(&bytes, bad_sizes[_i], tu.pool), INVALID);
}
END_TEST

START_TEST(test_check)
{
    static const struct {
        const char *key, *good, *bad;
    } values[] = {
        { "bool", "yes", "maybe" },  { "bool", "OFF", "" },        { "bool", "1", "2" },
        { "int", "1", "0" },         { "int", "10", "11" },        { "int", "7", "7x" },
        { "int", "3", "" },          { "int", "4", "99999999999999999999" },
        { "size", "none", "some" },  { "size", "5 GB", "-5" },     { "string", "\xc3\xa4", "\xff" },
        { "list", "", "[1]" },       { "list", "[]", "[" },        { "list", "[\"a\"]", "[null]" },
        { "string", "", "a\x01" },
    };

    cloud_settings_declare(own);
    for (int i = 0; i < COUNT(values); i++) {
        const cloud_setting_t *s = cloud_setting_find("testapp", values[i].key);
        ck_assert_ptr_nonnull(s);
        OK(cloud_setting_check(s, values[i].good, tu.pool));
        FAILS(cloud_setting_check(s, values[i].bad, tu.pool), INVALID);
    }
}
END_TEST

/* ---- layers ---- */

static const char *value_of(cloud_layer_t want, const char *app, const char *key)
{
    cloud_layer_t layer;
    const char *value;

    OK(cloud_setting_get(&value, &layer, tu.ctx, app, key));
    ck_assert_int_eq(layer, want);
    return value;
}

static apr_int64_t int_of(cloud_ctx_t *ctx)
{
    apr_int64_t value = -99;

    OK(cloud_setting_int(&value, ctx, "testapp", "int"));
    return value;
}

START_TEST(test_layers)
{
    cloud_settings_declare(own);
    apr_table_setn(tu.file_settings, "testapp\nstring", "from the file");
    tu_store();
    ck_assert_str_eq(value_of(CLOUD_LAYER_DEFAULT, "testapp", "int"), "5");
    ck_assert_str_eq(value_of(CLOUD_LAYER_FILE, "testapp", "string"), "from the file");

    OK(cloud_setting_set(tu.ctx, "testapp", "int", "6"));
    ck_assert_str_eq(value_of(CLOUD_LAYER_DATABASE, "testapp", "int"), "6");
    OK(cloud_setting_set(tu.ctx, "testapp", "string", "from the database"));
    ck_assert_str_eq(value_of(CLOUD_LAYER_FILE, "testapp", "string"), "from the file");

    apr_table_unset(tu.file_settings, "testapp\nstring");
    tu_reopen();
    ck_assert_str_eq(value_of(CLOUD_LAYER_DATABASE, "testapp", "string"), "from the database");
    ck_assert_str_eq(value_of(CLOUD_LAYER_DATABASE, "testapp", "int"), "6");
    OK(cloud_setting_set(tu.ctx, "testapp", "int", NULL));
    OK(cloud_setting_set(tu.ctx, "testapp", "string", NULL));
    ck_assert_str_eq(value_of(CLOUD_LAYER_DEFAULT, "testapp", "int"), "5");
    ck_assert_ptr_null(value_of(CLOUD_LAYER_DEFAULT, "testapp", "string"));
    OK(cloud_setting_set(tu.ctx, "testapp", "int", NULL));
}
END_TEST

START_TEST(test_types)
{
    const char **list;
    apr_int64_t number;
    int on;

    cloud_settings_declare(own);
    tu_store();
    OK(cloud_setting_bool(&on, tu.ctx, "testapp", "bool"));
    ck_assert_int_eq(on, 0);
    OK(cloud_setting_set(tu.ctx, "testapp", "bool", "On"));
    OK(cloud_setting_bool(&on, tu.ctx, "testapp", "bool"));
    ck_assert_int_eq(on, 1);
    OK(cloud_setting_int(&number, tu.ctx, "testapp", "size"));
    ck_assert_int_eq(number, 1024);
    OK(cloud_setting_list(&list, tu.ctx, "testapp", "list"));
    ck_assert_str_eq(list[0], "a");
    ck_assert_str_eq(list[1], "b");
    ck_assert_ptr_null(list[2]);
    OK(cloud_setting_set(tu.ctx, "testapp", "list", "[\"x, y\", \" z\"]"));
    OK(cloud_setting_list(&list, tu.ctx, "testapp", "list"));
    ck_assert_str_eq(list[0], "x, y");
    ck_assert_str_eq(list[1], " z");
    ck_assert_ptr_null(list[2]);
    OK(cloud_setting_set(tu.ctx, "testapp", "list", ""));
    OK(cloud_setting_list(&list, tu.ctx, "testapp", "list"));
    ck_assert_ptr_null(list[0]);
    FAILS(cloud_setting_int(&number, tu.ctx, "testapp", "bool"), INTERNAL);
    FAILS(cloud_setting_bool(&on, tu.ctx, "testapp", "nosuch"), INTERNAL);
    FAILS(cloud_setting_list(&list, tu.ctx, "testapp", "string"), INTERNAL);
    ck_assert_ptr_null(value_of(CLOUD_LAYER_DEFAULT, "testapp", "nosuch"));
}
END_TEST

START_TEST(test_set_refuses)
{
    cloud_settings_declare(own);
    tu_store();
    FAILS(cloud_setting_set(tu.ctx, "testapp", "nosuch", "1"), INVALID);
    FAILS(cloud_setting_set(tu.ctx, "testapp", "int", "11"), INVALID);
    FAILS(cloud_setting_set(tu_as(NULL), "testapp", "int", "7"), DENIED);
    FAILS(cloud_setting_set(tu_as(tu_account("alice")), "testapp", "int", "7"), DENIED);
    ck_assert_int_eq(int_of(tu.ctx), 5);
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    FAILS(cloud_setting_set(tu.ctx, "testapp", "int", "7"), INTERNAL);
    cloud_tx_rollback(tu.ctx);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM setting"), 0);
}
END_TEST

/* Marks: each change is compared with the other one as it is in force. */
START_TEST(test_order)
{
    tu_store();
    FAILS(cloud_setting_set(tu.ctx, "system", "retention_disk_low", "95"), INVALID);
    FAILS(cloud_setting_set(tu.ctx, "system", "retention_disk_high", "90"), INVALID);
    OK(cloud_setting_set(tu.ctx, "system", "retention_disk_high", "97"));
    OK(cloud_setting_set(tu.ctx, "system", "retention_disk_low", "96"));
    FAILS(cloud_setting_set(tu.ctx, "system", "retention_disk_high", NULL), INVALID);
    FAILS(cloud_setting_set(tu.ctx, "system", "retention_disk_high", "nonsense"), INVALID);
    OK(cloud_setting_set(tu.ctx, "system", "retention_disk_low", NULL));
    OK(cloud_setting_set(tu.ctx, "system", "retention_disk_high", NULL));
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM setting"), 0);
}
END_TEST

/* Rows that another version wrote must not break this one. */
START_TEST(test_bad_rows)
{
    cloud_settings_declare(own);
    apr_table_setn(tu.file_settings, "testapp\nbool", "perhaps");
    tu_store();
    tu_exec("INSERT INTO setting VALUES ('testapp', 'int', '4711'), ('testapp', 'size', 'x'),"
            " ('gone', 'key', 'value')");
    tu_reopen();
    ck_assert_int_eq(int_of(tu.ctx), 5);
    ck_assert_str_eq(value_of(CLOUD_LAYER_DEFAULT, "testapp", "size"), "1 KB");
    ck_assert_str_eq(value_of(CLOUD_LAYER_DEFAULT, "testapp", "bool"), "no");
    ck_assert_int_ge(tu.warnings, 3);
    ck_assert_int_eq(tu_query_int("SELECT count(*) FROM setting WHERE app = 'gone'"), 1);
}
END_TEST

/* ---- changes by others ---- */

START_TEST(test_other_process)
{
    cloud_ctx_t *other;

    cloud_settings_declare(own);
    tu_store();
    other = tu_other_store();
    ck_assert_int_eq(int_of(tu.ctx), 5);
    ck_assert_int_eq(int_of(other), 5);
    for (int i = 1; i <= 10; i++) {
        OK(cloud_setting_set(i % 2 ? other : tu.ctx, "testapp", "int", apr_itoa(tu.pool, i)));
        ck_assert_int_eq(int_of(tu.ctx), i);
        ck_assert_int_eq(int_of(other), i);
    }
}
END_TEST

/* Asking inside a transaction whose snapshot is older than the change. */
START_TEST(test_inside_old_snapshot)
{
    cloud_ctx_t *other;
    cloud_stmt_t *st;
    int row;

    cloud_settings_declare(own);
    tu_store();
    other = tu_other_store();
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    OK(cloud_db_query(&st, &row, tu.ctx->db, tu.pool, "SELECT count(*) FROM setting", ""));
    cloud_stmt_done(st);
    OK(cloud_setting_set(other, "testapp", "int", "9"));
    ck_assert_int_eq(int_of(tu.ctx), 9);
    cloud_tx_rollback(tu.ctx);
    ck_assert_int_eq(int_of(tu.ctx), 9);
}
END_TEST

START_TEST(test_no_statements)
{
    apr_uint64_t before;

    cloud_settings_declare(own);
    tu_store();
    int_of(tu.ctx);
    before = tu_statements(tu.ctx);
    for (int i = 0; i < 1000; i++) int_of(tu.ctx);
    /* BEGIN and ROLLBACK of the two questions for the count itself. */
    ck_assert_uint_le(tu_statements(tu.ctx) - before, 2);
}
END_TEST

static void *reader(void *baton)
{
    cloud_ctx_t *ctx = baton;
    apr_int64_t last = 0;

    /* The writer only counts up: nobody may ever see it go down. */
    while (last < 10) {
        apr_int64_t value = 0;
        const char **list;
        if (cloud_setting_int(&value, ctx, "testapp", "int") || value < last) return "went back";
        if (cloud_setting_list(&list, ctx, "testapp", "list") || !list[0]) return "no list";
        last = value;
    }
    return NULL;
}

START_TEST(test_threads)
{
    pthread_t threads[6];
    void *failure;

    cloud_settings_declare(own);
    tu_store();
    OK(cloud_setting_set(tu.ctx, "testapp", "int", "1"));
    for (int i = 0; i < COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, tu_as(NULL)), 0);
    for (int i = 2; i <= 10; i++)
        OK(cloud_setting_set(tu.ctx, "testapp", "int", apr_itoa(tu.pool, i)));
    for (int i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], &failure);
        ck_assert_msg(!failure, "%s", (const char *)failure);
    }
}
END_TEST

/* ---- all of them ---- */

typedef struct {
    int n, own;
    const cloud_setting_t *last;
} seen_t;

static cloud_err_t *see(void *baton, const cloud_setting_t *s, const char *value,
                        cloud_layer_t layer, apr_pool_t *pool)
{
    seen_t *seen = baton;
    int order = seen->last ? strcmp(seen->last->app, s->app) : -1;

    ck_assert_msg(order < 0 || (order == 0 && strcmp(seen->last->key, s->key) < 0), "%s/%s",
                  s->app, s->key);
    ck_assert_ptr_nonnull(s->help);
    if (s->def) OK(cloud_setting_check(s, s->def, pool));
    if (layer == CLOUD_LAYER_DEFAULT) ck_assert_pstr_eq(value, s->def);
    if (strcmp(s->app, "testapp") == 0) seen->own++;
    seen->n++;
    seen->last = s;
    return NULL;
}

static cloud_err_t *stop(void *baton, const cloud_setting_t *s, const char *value,
                         cloud_layer_t layer, apr_pool_t *pool)
{
    (void)s;
    (void)value;
    (void)layer;
    ++*(int *)baton;
    return cloud_err(pool, CLOUD_E_CONFLICT, NULL);
}

START_TEST(test_each)
{
    seen_t seen = { 0, 0, NULL };
    int calls = 0;

    tu_store();
    /* Declared late, and twice: found all the same, and once. */
    cloud_settings_declare(own);
    cloud_settings_declare(own);
    OK(cloud_setting_each(tu.ctx, see, &seen));
    ck_assert_int_eq(seen.own, COUNT(own) - 1);
    ck_assert_int_ge(seen.n, seen.own + 8);
    FAILS(cloud_setting_each(tu.ctx, stop, &calls), CONFLICT);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(tu.warnings, 0);
}
END_TEST

Suite *suite_settings(void)
{
    Suite *s = suite_create("settings");
    TCase *values = tu_case(s, "values", tu_pool), *layers = tu_case(s, "layers", tu_pool);

    tcase_add_loop_test(values, test_size, 0, COUNT(sizes));
    tcase_add_test(values, test_size_text);
    tcase_add_loop_test(values, test_size_refuses, 0, COUNT(bad_sizes));
    tcase_add_test(values, test_check);
    tcase_add_test(layers, test_layers);
    tcase_add_test(layers, test_types);
    tcase_add_test(layers, test_set_refuses);
    tcase_add_test(layers, test_order);
    tcase_add_test(layers, test_bad_rows);
    tcase_add_test(layers, test_other_process);
    tcase_add_test(layers, test_inside_old_snapshot);
    tcase_add_test(layers, test_no_statements);
    tcase_add_test(layers, test_threads);
    tcase_add_test(layers, test_each);
    return s;
}
