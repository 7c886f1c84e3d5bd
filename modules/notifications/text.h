/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file text.h
 * Text that grows, and text made fit to be shown.
 */
#ifndef CLOUD_NOTIFICATIONS_TEXT_H
#define CLOUD_NOTIFICATIONS_TEXT_H

#include "cloud.h"

/** Text that grows. */
typedef struct {
    apr_pool_t *pool;
    char *buf;
    apr_size_t len, size;
} cloud_text_t;

cloud_text_t *cloud_text_create(apr_pool_t *pool);
void cloud_text_char(cloud_text_t *t, char c);
void cloud_text_add(cloud_text_t *t, const char *s);
const char *cloud_text_get(const cloud_text_t *t);

/** Bytes of the character that s begins with; 1 for what is not UTF-8, 0 at its end. */
apr_size_t cloud_text_utf8(const char *s);
/** NULL is ""; what is not UTF-8 or not legal in XML 1.0 becomes U+FFFD. */
const char *cloud_text_clean(const char *s, apr_pool_t *pool);
/** The same on one line: control characters and ends of lines (U+0085, U+2028, U+2029, too) become blanks;
 *  at most max characters (0: any number), the last of which is an ellipsis where it was cut. */
const char *cloud_text_line(const char *s, int max, apr_pool_t *pool);
/** Clean text of at most max characters, cut as above. */
const char *cloud_text_cut(const char *s, int max, apr_pool_t *pool);

#endif
