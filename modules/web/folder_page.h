/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file folder_page.h
 * The page of a folder or a file, whoever shows it: where it is, what is in it, in the order that the
 * visitor wants, to be fetched. Made with the kit of mod_cloud_login.h; compiled into each module that has
 * such pages, with folder_rows.c.
 */
#ifndef CLOUD_FOLDER_PAGE_H
#define CLOUD_FOLDER_PAGE_H

#include "folder_rows.h"
#include "mod_cloud_login.h"

typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_entry_t *folder;
    const cloud_params_t *query;    /* see cloud_rows_read() */
    const char *top;                /* what the topmost folder is called */
    const char *form, *field;       /* where what was selected is fetched (below CloudBase), and the field with
                                       the folder's path; NULL: there are no archives */
    /** Addresses, escaped for nothing. path: of a folder. name: in that folder; NULL: all of it. */
    const char *(*folder_url)(const void *baton, const char *path);
    const char *(*download_url)(const void *baton, const char *path, const char *name);
    const void *baton;
} cloud_folder_page_t;

/** Where the folder is, and the way up. Nothing at the top. */
void cloud_folder_put_trail(cloud_page_t *page, const cloud_folder_page_t *f);
/** What is in it: errors are those of cloud_rows_read(). */
cloud_err_t *cloud_folder_put(cloud_page_t *page, const cloud_folder_page_t *f);
/** A file: size, type, time, and the way to fetch it. heading: name as a heading of its own. */
void cloud_folder_put_file(cloud_page_t *page, const char *name, const cloud_node_t *node,
                           const char *url, int heading, apr_pool_t *pool);

/** "1.2 MB", in steps of 1024 as ownCloud's page has it. */
const char *cloud_folder_size(apr_int64_t bytes, apr_pool_t *pool);
/** A <time> in UTC, of seconds; nothing for what is no time. */
void cloud_folder_put_time(cloud_page_t *page, apr_int64_t seconds, apr_pool_t *pool);

#endif
