/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Values of settings: from text to what it means. */
#include "settings_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <jansson.h>

#define TEXT_MAX 65536

/* ---- sizes ---- */

/* Units are binary, as ownCloud has them, however they are spelled. */
static const struct {
    const char *name;
    int shift;
} UNITS[] = {
    { "", 0 },    { "b", 0 },   { "k", 10 },   { "kb", 10 }, { "kib", 10 }, { "m", 20 },
    { "mb", 20 }, { "mib", 20 }, { "g", 30 },  { "gb", 30 }, { "gib", 30 }, { "t", 40 },
    { "tb", 40 }, { "tib", 40 }, { "p", 50 },  { "pb", 50 }, { "pib", 50 },
};

static int unit_shift(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof UNITS / sizeof *UNITS; i++)
        if (strlen(UNITS[i].name) == len && strncasecmp(UNITS[i].name, text, len) == 0)
            return UNITS[i].shift;
    return -1;
}

/* Digits at *p as a number, at most `most` of them; gives how many there were, -1 for too many. */
static int digits(apr_uint64_t *value, const char **p, int most)
{
    int n = 0;

    *value = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (++n > most) return -1;
        *value = *value * 10 + (apr_uint64_t)(**p - '0');
    }
    return n;
}

__extension__ typedef unsigned __int128 wide_t;

/* Exact, in integers: a quota shall not depend on how a floating-point number rounds. */
static int parse_size(apr_int64_t *bytes, const char *text)
{
    const char *p = text + strspn(text, " \t"), *end;
    apr_uint64_t whole, fraction = 0, scale = 1;
    int n, shift, places = 0;
    wide_t sum;

    n = digits(&whole, &p, 18);
    if (n <= 0) return 0;
    if (*p == '.') {
        p++;
        places = digits(&fraction, &p, 9);
        if (places <= 0) return 0;
    }
    while (places-- > 0) scale *= 10;
    p += strspn(p, " \t");
    end = p + strlen(p);
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) end--;
    shift = unit_shift(p, (size_t)(end - p));
    if (shift < 0) return 0;
    sum = ((wide_t)whole << shift) + ((wide_t)fraction << shift) / scale;
    if (sum > (apr_uint64_t)APR_INT64_MAX) return 0;
    *bytes = (apr_int64_t)sum;
    return 1;
}

cloud_err_t *cloud_size_parse(apr_int64_t *bytes, const char *text, apr_pool_t *pool)
{
    if (strcasecmp(text, "none") == 0 || strcasecmp(text, "unlimited") == 0) {
        *bytes = -3;
        return NULL;
    }
    if (parse_size(bytes, text)) return NULL;
    return cloud_err(pool, CLOUD_E_INVALID,
                     "\"%s\" is not a size: \"none\", or a number with B, KB, MB, GB, TB or PB",
                     text);
}

const char *cloud_size_text(apr_int64_t bytes, apr_pool_t *pool)
{
    static const char *const units[] = { "PB", "TB", "GB", "MB", "KB" };
    apr_int64_t unit = (apr_int64_t)1 << 50;
    size_t i;

    if (bytes < 0) return "none";
    for (i = 0; i < sizeof units / sizeof *units; i++, unit >>= 10) {
        apr_int64_t whole = bytes / unit, tenths = bytes % unit * 10;
        if (whole == 0 || tenths % unit) continue;
        if (tenths == 0) return apr_psprintf(pool, "%" APR_INT64_T_FMT " %s", whole, units[i]);
        return apr_psprintf(pool, "%" APR_INT64_T_FMT ".%d %s", whole, (int)(tenths / unit),
                            units[i]);
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " B", bytes);
}

/* ---- the other types ---- */

static cloud_err_t *parse_bool(apr_int64_t *value, const char *text, apr_pool_t *pool)
{
    static const struct {
        const char *word;
        int value;
    } words[] = { { "yes", 1 }, { "true", 1 },  { "on", 1 },  { "1", 1 },
                  { "no", 0 },  { "false", 0 }, { "off", 0 }, { "0", 0 } };
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i].word) != 0) continue;
        *value = words[i].value;
        return NULL;
    }
    return cloud_err(pool, CLOUD_E_INVALID, "\"%s\" is neither true nor false", text);
}

static cloud_err_t *parse_int(apr_int64_t *value, const char *text, apr_pool_t *pool)
{
    char *end;

    errno = 0;
    *value = strtoll(text, &end, 10);
    if (end == text || *end || errno)
        return cloud_err(pool, CLOUD_E_INVALID, "\"%s\" is not a whole number", text);
    return NULL;
}

static cloud_err_t *check_bounds(const cloud_setting_t *s, apr_int64_t value, apr_pool_t *pool)
{
    if (s->min == 0 && s->max == 0) return NULL;
    if (s->type == CLOUD_SET_SIZE && value < 0) return NULL;
    if (value >= s->min && value <= s->max) return NULL;
    return cloud_err(pool, CLOUD_E_INVALID,
                     "%" APR_INT64_T_FMT " is not between %" APR_INT64_T_FMT
                     " and %" APR_INT64_T_FMT,
                     value, s->min, s->max);
}

static cloud_err_t *parse_json_list(const char ***list, const char *text, apr_pool_t *pool)
{
    json_t *json = json_loads(text, 0, NULL), *item;
    apr_array_header_t *words;
    size_t i;

    if (!json_is_array(json)) {
        json_decref(json);
        return cloud_err(pool, CLOUD_E_INVALID, "\"%s\" is not a JSON array", text);
    }
    words = apr_array_make(pool, (int)json_array_size(json) + 1, sizeof(const char *));
    json_array_foreach(json, i, item) {
        if (!json_is_string(item)) {
            json_decref(json);
            return cloud_err(pool, CLOUD_E_INVALID, "\"%s\" is not an array of strings", text);
        }
        APR_ARRAY_PUSH(words, const char *) = apr_pstrdup(pool, json_string_value(item));
    }
    json_decref(json);
    APR_ARRAY_PUSH(words, const char *) = NULL;
    *list = (const char **)words->elts;
    return NULL;
}

static void parse_comma_list(const char ***list, const char *text, apr_pool_t *pool)
{
    apr_array_header_t *words = apr_array_make(pool, 4, sizeof(const char *));

    while (*(text += strspn(text, " \t,"))) {
        size_t len = strcspn(text, ",");
        const char *word = text;
        text += len;
        while (len > 0 && (word[len - 1] == ' ' || word[len - 1] == '\t')) len--;
        APR_ARRAY_PUSH(words, const char *) = apr_pstrmemdup(pool, word, len);
    }
    APR_ARRAY_PUSH(words, const char *) = NULL;
    *list = (const char **)words->elts;
}

cloud_err_t *cloud_setting_parse(cloud_setting_value_t *value, const cloud_setting_t *s,
                                 const char *text, apr_pool_t *pool)
{
    value->number = 0;
    value->list = NULL;
    if (strlen(text) > TEXT_MAX || !cloud_name_xml_ok(text))
        return cloud_err(pool, CLOUD_E_INVALID, "The value is too long or not plain UTF-8 text");
    switch (s->type) {
    case CLOUD_SET_BOOL:
        return parse_bool(&value->number, text, pool);
    case CLOUD_SET_INT:
        CLOUD_ERR(parse_int(&value->number, text, pool));
        return check_bounds(s, value->number, pool);
    case CLOUD_SET_SIZE:
        CLOUD_ERR(cloud_size_parse(&value->number, text, pool));
        return check_bounds(s, value->number, pool);
    case CLOUD_SET_LIST:
        if (text[strspn(text, " \t\n")] == '[') return parse_json_list(&value->list, text, pool);
        parse_comma_list(&value->list, text, pool);
        return NULL;
    case CLOUD_SET_STRING:
        return NULL;
    }
    return cloud_err(pool, CLOUD_E_INTERNAL, "Setting %s/%s has no type", s->app, s->key);
}

cloud_err_t *cloud_setting_check(const cloud_setting_t *s, const char *value, apr_pool_t *pool)
{
    cloud_setting_value_t parsed;

    return cloud_setting_parse(&parsed, s, value, pool);
}

/* ---- several values together ---- */

static cloud_err_t *number_of(apr_int64_t *n, const char *app, const char *key,
                              cloud_setting_peer_fn *peer, void *baton, apr_pool_t *pool)
{
    const cloud_setting_t *s = cloud_setting_find(app, key);
    const char *text = peer(baton, app, key);
    cloud_setting_value_t value;

    CLOUD_ERR(cloud_setting_parse(&value, s, text ? text : s->def, pool));
    *n = value.number;
    return NULL;
}

cloud_err_t *cloud_settings_check_order(const char *app, const char *key,
                                        cloud_setting_peer_fn *peer, void *baton, apr_pool_t *pool)
{
    const cloud_setting_order_t *o;
    apr_int64_t low, high;

    for (o = cloud_settings_order; o->app; o++) {
        if (app && (strcmp(app, o->app) != 0
                    || (strcmp(key, o->low) != 0 && strcmp(key, o->high) != 0)))
            continue;
        CLOUD_ERR(number_of(&low, o->app, o->low, peer, baton, pool));
        CLOUD_ERR(number_of(&high, o->app, o->high, peer, baton, pool));
        if (low >= high)
            return cloud_err(pool, CLOUD_E_INVALID,
                             "%s %s (%" APR_INT64_T_FMT ") must be less than %s %s (%"
                             APR_INT64_T_FMT ")", o->app, o->low, low, o->app, o->high, high);
    }
    return NULL;
}
