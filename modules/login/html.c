/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file html.c
 * HTML that can't be written unescaped by accident.
 */
#include "html.h"

#include <string.h>

#include "names.h"

cloud_html_t *cloud_html_create(apr_pool_t *pool)
{
    cloud_html_t *html = apr_palloc(pool, sizeof(*html));

    html->pool = pool;
    html->parts = apr_array_make(pool, 64, sizeof(const char *));
    return html;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

const char *cloud_html_escape(const char *text, apr_pool_t *pool)
{
    int clean = cloud_name_xml_ok(text);
    char *out = apr_palloc(pool, 6 * strlen(text) + 1), *to = out;

    for (; *text; text++) {
        const char *e = entity(*text);

        if (e) {
            to = apr_cpystrn(to, e, 7);
        }
        else {
            /* Where something is no UTF-8, nothing beyond ASCII is trusted. */
            *to++ = !clean && ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e) ? ' '
                                                                                           : *text;
        }
    }
    *to = '\0';
    return out;
}

static void add(cloud_html_t *html, const char *text)
{
    APR_ARRAY_PUSH(html->parts, const char *) = text;
}

void cloud_html_putv(cloud_html_t *html, const char *fmt, va_list ap)
{
    const char *percent;

    while ((percent = strchr(fmt, '%'))) {
        add(html, apr_pstrmemdup(html->pool, fmt, (apr_size_t)(percent - fmt)));
        switch (percent[1]) {
        case 's':
            add(html, cloud_html_escape(va_arg(ap, const char *), html->pool));
            break;
        case 'h':
            add(html, apr_pstrdup(html->pool, va_arg(ap, const char *)));
            break;
        default:
            add(html, "%");
        }
        fmt = percent + 2;
    }
    add(html, apr_pstrdup(html->pool, fmt));
}

void cloud_html_put(cloud_html_t *html, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    cloud_html_putv(html, fmt, ap);
    va_end(ap);
}

const char *cloud_html_text(const cloud_html_t *html)
{
    return apr_array_pstrcat(html->pool, html->parts, 0);
}

/* Browsers drop tabs and line feeds, and take '\' for '/'. */
static int is_plain(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || *s == '\\') {
            return 0;
        }
    }
    return 1;
}

/* "/a/../../b" leaves what it seems to be in. */
static int climbs(const char *target)
{
    apr_size_t path = strcspn(target, "?#");
    const char *s = target;

    while ((s = strchr(s, '/')) && s < target + path) {
        s++;
        if (s[0] == '.' || (s[0] == '%' && s[1] == '2' && (s[2] == 'e' || s[2] == 'E'))) {
            return 1;
        }
    }
    return 0;
}

const char *cloud_local_target(const char *target, const char *base)
{
    apr_size_t len = strlen(base);

    if (!target || target[0] != '/' || target[1] == '/' || !is_plain(target) || climbs(target)
        || strncmp(target, base, len) != 0) {
        return NULL;
    }
    return target[len] == '/' && target[len + 1] != '/' ? target : NULL;
}
