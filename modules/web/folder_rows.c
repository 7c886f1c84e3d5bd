/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "folder_rows.h"

#include <apr_lib.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

typedef struct {
    apr_array_header_t *rows;   /* cloud_row_t: the first ones, one more than are sorted at most */
    apr_array_header_t *page;   /* cloud_row_t: those of the page asked for, in the order in which they come */
    cloud_rows_t *found;
    apr_int64_t number, count;  /* of the page; of what has come so far */
    apr_pool_t *pool;
} reader_t;

/* ---- order ---- */

static const struct {
    const char *name;
    cloud_rows_key_t key;
} KEYS[] = {
    { "name", CLOUD_BY_NAME },
    { "size", CLOUD_BY_SIZE },
    { "time", CLOUD_BY_TIME },
};
#define NKEYS (int)(sizeof(KEYS) / sizeof(*KEYS))

const char *cloud_rows_sort(cloud_rows_key_t key, int descending, apr_pool_t *pool)
{
    int i;

    if (key == CLOUD_BY_NAME && !descending) {
        return "";
    }
    for (i = 0; KEYS[i].key != key; i++) {
    }
    return apr_pstrcat(pool, "sort=", descending ? "-" : "", KEYS[i].name, NULL);
}

static cloud_err_t *read_sort(cloud_rows_t *found, const char *text, apr_pool_t *pool)
{
    int i;

    if (!text) {
        return NULL;
    }
    found->descending = *text == '-';
    for (i = 0; i < NKEYS; i++) {
        if (!strcmp(text + found->descending, KEYS[i].name)) {
            found->key = KEYS[i].key;
            return NULL;
        }
    }
    return cloud_err(pool, CLOUD_E_INVALID, "It can't be sorted like that");
}

/* The longer run of digits is the larger number, once zeros before it are left out. */
static int compare_numbers(const char **a, const char **b)
{
    apr_size_t a_len, b_len;
    int order;

    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    a_len = strspn(*a, "0123456789");
    b_len = strspn(*b, "0123456789");
    order = a_len != b_len ? (a_len < b_len ? -1 : 1) : strncmp(*a, *b, a_len);
    *a += a_len;
    *b += b_len;
    return order;
}

int cloud_rows_compare_names(const char *a, const char *b)
{
    const char *x = a, *y = b;
    int order = 0;

    while (!order && *x && *y) {
        if (apr_isdigit(*x) && apr_isdigit(*y)) {
            order = compare_numbers(&x, &y);
        }
        else {
            order = (unsigned char)apr_tolower(*x++) - (unsigned char)apr_tolower(*y++);
        }
    }
    if (!order) {
        order = (*x != '\0') - (*y != '\0');
    }
    return order ? order : strcmp(a, b);
}

static int sign(apr_int64_t a, apr_int64_t b)
{
    return (a > b) - (a < b);
}

static int by_name(const void *a, const void *b)
{
    const cloud_row_t *x = a, *y = b;

    return x->is_dir != y->is_dir ? y->is_dir - x->is_dir
                                  : cloud_rows_compare_names(x->name, y->name);
}

static int by_name_down(const void *a, const void *b)
{
    const cloud_row_t *x = a, *y = b;

    return x->is_dir != y->is_dir ? y->is_dir - x->is_dir : by_name(b, a);
}

/* Equal ones are in order of name, whichever way the others go. */
static int by_number(const void *a, const void *b, int order)
{
    const cloud_row_t *x = a, *y = b;

    return x->is_dir != y->is_dir || !order ? by_name(a, b) : order;
}

static int by_size(const void *a, const void *b)
{
    return by_number(a, b, sign(((const cloud_row_t *)a)->size, ((const cloud_row_t *)b)->size));
}

static int by_size_down(const void *a, const void *b)
{
    return by_number(a, b, sign(((const cloud_row_t *)b)->size, ((const cloud_row_t *)a)->size));
}

static int by_time(const void *a, const void *b)
{
    return by_number(a, b, sign(((const cloud_row_t *)a)->mtime, ((const cloud_row_t *)b)->mtime));
}

static int by_time_down(const void *a, const void *b)
{
    return by_number(a, b, sign(((const cloud_row_t *)b)->mtime, ((const cloud_row_t *)a)->mtime));
}

static void sort(apr_array_header_t *rows, const cloud_rows_t *found)
{
    static int (*const ORDERS[][2])(const void *, const void *) = {
        [CLOUD_BY_NAME] = { by_name, by_name_down },
        [CLOUD_BY_SIZE] = { by_size, by_size_down },
        [CLOUD_BY_TIME] = { by_time, by_time_down },
    };

    if (rows->nelts > 1) {
        qsort(rows->elts, (size_t)rows->nelts, sizeof(cloud_row_t), ORDERS[found->key][found->descending]);
    }
}

/* ---- reading ---- */

static void keep(apr_array_header_t *rows, const reader_t *in, const cloud_child_t *child)
{
    cloud_row_t *row = apr_array_push(rows);

    row->name = apr_pstrdup(in->pool, child->name);
    row->is_dir = CLOUD_IS_DIR(child->node);
    row->size = child->node->size;
    row->mtime = child->node->mtime;
}

static cloud_err_t *add(void *baton, const cloud_child_t *child)
{
    reader_t *in = baton;
    apr_int64_t n = in->count++;

    *(CLOUD_IS_DIR(child->node) ? &in->found->folders : &in->found->files) += 1;
    in->found->size += child->node->size;
    if (n <= CLOUD_ROWS_SORTED) {
        keep(in->rows, in, child);
    }
    if (n / CLOUD_ROWS_PAGE + 1 == in->number) {
        keep(in->page, in, child);
    }
    return NULL;
}

static void reverse(apr_array_header_t *rows)
{
    int i, k;

    for (i = 0, k = rows->nelts - 1; i < k; i++, k--) {
        cloud_row_t row = APR_ARRAY_IDX(rows, i, cloud_row_t);

        APR_ARRAY_IDX(rows, i, cloud_row_t) = APR_ARRAY_IDX(rows, k, cloud_row_t);
        APR_ARRAY_IDX(rows, k, cloud_row_t) = row;
    }
}

/* Parameters of the page that begins behind, or ends before, the row of this number. */
static const char *beside(const reader_t *in, const char *what, int row)
{
    return apr_pstrcat(in->pool, what, "=",
                       cloud_uri_encode(APR_ARRAY_IDX(in->rows, row, cloud_row_t).name, 0, in->pool),
                       NULL);
}

/* A page out of the middle of what is not sorted. rows has one more than are shown, if there is one. */
static void cut(reader_t *in, int backwards, int from_start)
{
    cloud_rows_t *found = in->found;
    int more = in->rows->nelts > CLOUD_ROWS_PAGE;

    if (more) {
        in->rows->nelts = CLOUD_ROWS_PAGE;
    }
    if (backwards) {
        reverse(in->rows);
    }
    found->rows = in->rows;
    if (in->rows->nelts && (backwards ? more : !from_start)) {
        found->earlier = beside(in, "before", 0);
    }
    if (in->rows->nelts && (backwards || more)) {
        found->later = beside(in, "after", in->rows->nelts - 1);
    }
}

static const char *page_query(const reader_t *in, apr_int64_t number)
{
    const char *order = in->found->sorted
        ? cloud_rows_sort(in->found->key, in->found->descending, in->pool) : "";

    return apr_psprintf(in->pool, "%s%spage=%" APR_INT64_T_FMT, order, *order ? "&" : "", number);
}

static void number_pages(reader_t *in)
{
    if (in->number > 1) {
        in->found->earlier = page_query(in, in->number - 1);
    }
    if (in->number * CLOUD_ROWS_PAGE < in->count) {
        in->found->later = page_query(in, in->number + 1);
    }
}

/* The page asked for, of all that was sorted. */
static void take_page(reader_t *in)
{
    apr_int64_t first = (in->number - 1) * CLOUD_ROWS_PAGE;
    apr_int64_t left = in->rows->nelts - first;

    in->found->sorted = 1;
    sort(in->rows, in->found);
    in->found->rows = in->page;
    apr_array_clear(in->page);
    for (; left > 0 && in->page->nelts < CLOUD_ROWS_PAGE; left--, first++) {
        APR_ARRAY_PUSH(in->page, cloud_row_t) = APR_ARRAY_IDX(in->rows, (int)first, cloud_row_t);
    }
    number_pages(in);
}

/* Nothing is mounted in what a view shows. */
static cloud_err_t *read_view(reader_t *in, cloud_ctx_t *ctx, const cloud_entry_t *folder,
                              const cloud_params_t *params)
{
    const char *after = cloud_param(params, "after"), *before = cloud_param(params, "before");
    const cloud_part_t near = { before ? before : after, before != NULL, CLOUD_ROWS_PAGE + 1 };
    const cloud_part_t first = { "", 0, CLOUD_ROWS_SORTED + 1 };
    int middle = before || after;

    CLOUD_ERR(cloud_file_list_part(ctx, folder, middle ? &near : &first, add, in));
    if (!middle && in->count <= CLOUD_ROWS_SORTED) {
        take_page(in);
        in->found->counted = 1;
    }
    else {
        cut(in, before != NULL, !middle);
    }
    return NULL;
}

static cloud_err_t *read_own(reader_t *in, cloud_ctx_t *ctx, const cloud_entry_t *folder)
{
    CLOUD_ERR(cloud_file_list(ctx, folder, add, in));
    in->found->counted = 1;
    if (in->count <= CLOUD_ROWS_SORTED) {
        take_page(in);
    }
    else {
        in->found->rows = in->page;
        number_pages(in);
    }
    return NULL;
}

cloud_err_t *cloud_rows_read(cloud_rows_t **rows, cloud_ctx_t *ctx, const cloud_entry_t *folder,
                             const cloud_params_t *params, apr_pool_t *pool)
{
    reader_t in = { .pool = pool };

    in.found = *rows = apr_pcalloc(pool, sizeof(**rows));
    in.rows = apr_array_make(pool, 64, sizeof(cloud_row_t));
    in.page = apr_array_make(pool, 64, sizeof(cloud_row_t));
    CLOUD_ERR(read_sort(in.found, cloud_param(params, "sort"), pool));
    CLOUD_ERR(cloud_param_int(&in.number, params, "page", 1, 1, 1000000));
    return folder->account->view ? read_view(&in, ctx, folder, params) : read_own(&in, ctx, folder);
}
