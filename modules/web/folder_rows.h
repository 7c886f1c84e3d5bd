/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file folder_rows.h
 * What a page of a folder shows of it, in which order. Request-free; compiled into each module that has
 * such pages.
 *
 * Folders come before files. A folder with more than CLOUD_ROWS_SORTED members is not sorted: it comes as
 * the database has it, by name, and of one seen through a link no more is read than is shown, since anybody
 * may ask for it, as often as he likes.
 */
#ifndef CLOUD_FOLDER_ROWS_H
#define CLOUD_FOLDER_ROWS_H

#include "files.h"
#include "ocs_params.h"

#define CLOUD_ROWS_PAGE   500    /* on one page */
#define CLOUD_ROWS_SORTED 10000  /* members at most of what is sorted */

typedef struct {
    const char *name;            /* NFC */
    int is_dir;
    apr_int64_t size, mtime;     /* bytes, seconds */
} cloud_row_t;

/** What the columns can be sorted by. */
typedef enum { CLOUD_BY_NAME, CLOUD_BY_SIZE, CLOUD_BY_TIME } cloud_rows_key_t;

typedef struct {
    apr_array_header_t *rows;    /* cloud_row_t: those of the page */
    int sorted;                  /* 0: there are too many */
    cloud_rows_key_t key;        /* with sorted */
    int descending;
    int counted;                 /* whether the following are known, of all in it: */
    apr_int64_t folders, files, size;
    const char *earlier, *later; /* parameters of the pages before and behind, or NULL */
} cloud_rows_t;

/** Reads those that the parameters of a page ask for: sort ("name", "-size": the largest first), page (from
 *  1 on), after and before (a name; of what is not sorted). INVALID for anything else in these, and what
 *  cloud_file_list() has. */
cloud_err_t *cloud_rows_read(cloud_rows_t **rows, cloud_ctx_t *ctx, const cloud_entry_t *folder,
                             const cloud_params_t *params, apr_pool_t *pool);

/** The parameter that sorts by key: "sort=-size"; "" where that is the order without one. */
const char *cloud_rows_sort(cloud_rows_key_t key, int descending, apr_pool_t *pool);

/** As people sort names: numbers in them by value, ASCII letters without case. A total order. */
int cloud_rows_compare_names(const char *a, const char *b);

#endif
