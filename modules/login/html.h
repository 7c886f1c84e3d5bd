/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file html.h
 * HTML, written piece by piece; and what goes with pages: addresses to come back to, tokens of forms.
 * Request-free.
 */
#ifndef CLOUD_HTML_H
#define CLOUD_HTML_H

#include "cloud.h"

#include <stdarg.h>

typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *parts; /* const char * */
} cloud_html_t;

cloud_html_t *cloud_html_create(apr_pool_t *pool);
/** Appends fmt, which is HTML and a constant. %s is text: whatever is special in HTML is escaped, for
 *  use in text and in quoted attributes. %h is HTML that was made here. %% is a percent sign. */
void cloud_html_put(cloud_html_t *html, const char *fmt, ...);
void cloud_html_putv(cloud_html_t *html, const char *fmt, va_list ap);
const char *cloud_html_text(const cloud_html_t *html);

/** The text with & < > " ' escaped; bytes that HTML can't carry become spaces. */
const char *cloud_html_escape(const char *text, apr_pool_t *pool);

/** target when it is an address on this server at or below base ("" or "/owncloud"), to which a page
 *  may send somebody; NULL for everything else, above all for what a browser would take for another
 *  host ("//host", "/\host", "https:..."). */
const char *cloud_local_target(const char *target, const char *base);

#endif
