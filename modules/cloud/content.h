/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file content.h
 * Content of a file as an answer. content.c is compiled into each module that sends some, beside
 * client.c.
 */
#ifndef CLOUD_CONTENT_H
#define CLOUD_CONTENT_H

#include <httpd.h>

#include "account.h"
#include "cloud.h"

/** What is sent. */
typedef struct {
    int fd;
    apr_int64_t start, size;    /* from where, how many bytes */
    const char *name;           /* of the file: for its type, and to save it under */
} cloud_content_t;

/** Value of Content-Disposition: "attachment", with a name of any characters. */
const char *cloud_content_disposition(const char *name, apr_pool_t *pool);
/** Type, length and what keeps browsers from showing it instead of saving it. */
void cloud_content_headers(request_rec *r, const cloud_content_t *c);
/** Sends it; returns what a handler returns. Ranges and HEAD are httpd's business. */
int cloud_content_send(request_rec *r, const cloud_content_t *c);
/** Answers with a file of an account, opened by the verbs, as something to be saved: its ETag, conditions,
 *  the headers above, its content. Returns what a handler of GET and HEAD returns. */
int cloud_content_file(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                       const char *path);
/** Ends an answer that has begun and can't be completed, so that the client sees it: the connection (or
 *  the stream of HTTP/2) breaks off. Returns what a handler returns. */
int cloud_content_cut(request_rec *r);

#endif
