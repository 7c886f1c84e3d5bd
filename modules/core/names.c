/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Names and paths. Most names are plain ASCII: those are looked at once, eight bytes at a time,
 * and given back as they are. */
#include "names.h"

#include <apr_lib.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#define ACCOUNT_DIR_MAX 200

/* ---- UTF-8 ---- */

/* Length of the leading part of s that is ASCII. */
static size_t ascii_prefix(const char *s, size_t len)
{
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, s + i, 8);
        if (word & 0x8080808080808080ull) break;
    }
    while (i < len && !((unsigned char)s[i] & 0x80)) i++;
    return i;
}

/* Decodes the character at s, which is not at its end. Gives its length, 0 when it is not valid:
 * overlong forms, surrogates and what lies beyond Unicode included. */
static int decode(uint32_t *cp, const unsigned char *s)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    int n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
    int i;

    if (n <= 1) {
        *cp = *s;
        return n;
    }
    *cp = *s & (0x7fu >> n);
    for (i = 1; i < n; i++) {
        /* The terminating NUL is no continuation byte, so this never reads past the end. */
        if ((s[i] & 0xc0) != 0x80) return 0;
        *cp = *cp << 6 | (s[i] & 0x3fu);
    }
    if (*cp < least[n] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff)) return 0;
    return n;
}

/* Blocks of characters that stand alone under composition: they neither change nor combine with a
 * neighbour. A name of nothing else is in NFC, which spares the two passes of utf8proc. */
static int stands_alone(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } blocks[] = {
        { 0x0000, 0x02ff },  /* Latin */
        { 0x0400, 0x0482 },  /* Cyrillic, without its combining marks */
        { 0x048a, 0x052f },
        { 0x05d0, 0x05ea },  /* Hebrew letters */
        { 0x2010, 0x2027 },  /* dashes, quotes, dots */
        { 0x20a0, 0x20c0 },  /* currencies */
        { 0x3041, 0x3096 },  /* Kana, without the sound marks */
        { 0x30a1, 0x30fe },
        { 0x3400, 0x9fff },  /* ideographs */
        { 0xac00, 0xd7a3 },  /* Hangul syllables; the loose consonants lie elsewhere */
        { 0x1f300, 0x1faff } /* pictographs */
    };
    size_t i;

    for (i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (cp < blocks[i].first) return 0;
        if (cp <= blocks[i].last) return 1;
    }
    return 0;
}

static const char *compose(const char *name, size_t len, apr_pool_t *pool)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_int32_t fixed[512], *buf = fixed;
    utf8proc_ssize_t n, room = sizeof fixed / sizeof *fixed;

    /* utf8proc_reencode wants room for a NUL behind what it makes. */
    n = utf8proc_decompose((const utf8proc_uint8_t *)name, (utf8proc_ssize_t)len, buf, room - 1,
                           options);
    if (n >= room) {
        room = n + 1;
        buf = apr_palloc(pool, (apr_size_t)room * sizeof *buf);
        n = utf8proc_decompose((const utf8proc_uint8_t *)name, (utf8proc_ssize_t)len, buf,
                               room - 1, options);
    }
    if (n < 0) return NULL;
    n = utf8proc_reencode(buf, n, options);
    if (n < 0) return NULL;
    if ((size_t)n == len && memcmp(buf, name, len) == 0) return name;
    return apr_pstrmemdup(pool, (const char *)buf, (apr_size_t)n);
}

const char *cloud_name_nfc(const char *name, apr_pool_t *pool)
{
    size_t len = strlen(name), i = ascii_prefix(name, len);
    int plain = 1;

    while (i < len) {
        uint32_t cp;
        int n = decode(&cp, (const unsigned char *)name + i);
        if (n == 0) return NULL;
        if (!stands_alone(cp)) plain = 0;
        i += (size_t)n;
    }
    return plain ? name : compose(name, len, pool);
}

static int xml_char(uint32_t cp)
{
    if (cp < 0x20) return cp == '\t' || cp == '\n' || cp == '\r';
    return cp < 0xd800 || (cp >= 0xe000 && cp <= 0xfffd) || cp >= 0x10000;
}

int cloud_name_xml_ok(const char *name)
{
    const unsigned char *s = (const unsigned char *)name;

    while (*s) {
        uint32_t cp;
        int n = decode(&cp, s);
        if (n == 0 || !xml_char(cp)) return 0;
        s += n;
    }
    return 1;
}

/* ---- rules ---- */

static const char TOO_LONG[] = "File name is too long";

/* Why a segment of len bytes can never name anything; NULL when it can. The segment need not end
 * with NUL, but the string that it is in does. */
static const char *never(const char *s, size_t len)
{
    size_t i = 0;

    if (len == 0) return "File name is empty";
    if (len > CLOUD_NAME_MAX) return TOO_LONG;
    if (s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.'))) return "File name is a dot entry";
    while (i < len) {
        uint32_t cp;
        int n = decode(&cp, (const unsigned char *)s + i);
        if (n == 0) return "File name is not valid UTF-8";
        if (cp < 0x20 || cp == 0x7f || cp == '/' || cp == '\\' || !xml_char(cp))
            return cloud_err_info(CLOUD_E_INVALID_NAME)->msg;
        i += (size_t)n;
    }
    return NULL;
}

static int listed(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (strcasecmp(name, *list) == 0) return 1;
    return 0;
}

static int ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name), n = strlen(suffix);

    return len >= n && strcmp(name + len - n, suffix) == 0;
}

cloud_err_t *cloud_name_check(const char *name, const char *const *blacklist, apr_pool_t *pool)
{
    static const char *const standard[] = { ".htaccess", NULL };
    const char *why = never(name, strlen(name)), *core;
    size_t len;

    if (why) return cloud_err(pool, CLOUD_E_INVALID_NAME, "%s", why);
    /* Blanks around a name are kept, but do not make one. */
    core = name + strspn(name, " ");
    len = strlen(core);
    while (len > 0 && core[len - 1] == ' ') len--;
    if (len == 1 && *core == '*')
        return cloud_err(pool, CLOUD_E_INVALID_NAME, "File name is a reserved word");
    why = never(core, len);
    if (why) return cloud_err(pool, CLOUD_E_INVALID_NAME, "%s", why);
    /* Composing makes some characters longer, and paths are looked up in that form. */
    if (strlen(cloud_name_nfc(name, pool)) > CLOUD_NAME_MAX)
        return cloud_err(pool, CLOUD_E_INVALID_NAME, "%s", TOO_LONG);
    if (ends_with(name, ".part") || ends_with(name, ".filepart"))
        return cloud_err(pool, CLOUD_E_INVALID_NAME,
                         "Names that end in .part or .filepart are reserved for internal use");
    if (listed(name, blacklist ? blacklist : standard))
        return cloud_err(pool, CLOUD_E_BLACKLISTED, NULL);
    return NULL;
}

/* ---- numbers ---- */

static const char *mark_at(const char *name, int is_dir)
{
    const char *dot = strrchr(name, '.'), *p;

    if (is_dir || !dot || dot == name || !dot[1]) return name + strlen(name);
    for (p = dot + 1; *p; p++)
        if (!apr_isalnum(*p)) return name + strlen(name);
    return dot;
}

const char *cloud_name_numbered(const char *name, int n, int is_dir, apr_pool_t *pool)
{
    const char *mark = apr_psprintf(pool, " (%d)", n), *at = mark_at(name, is_dir);
    size_t stem = (size_t)(at - name), ext = strlen(at), room = CLOUD_NAME_MAX - strlen(mark);

    if (ext > room - 4) ext = room - 4; /* a character has to be left of the stem */
    if (stem > room - ext)
        for (stem = room - ext; ((unsigned char)name[stem] & 0xc0) == 0x80;) stem--;
    return apr_psprintf(pool, "%.*s%s%.*s", (int)stem, name, mark, (int)ext, at);
}

const char *cloud_name_unnumbered(const char *name, apr_pool_t *pool)
{
    const char *close = strrchr(name, ')'), *open = close, *end = mark_at(name, 0);

    if (!close || (close[1] && close + 1 != end)) return NULL;
    while (open > name && apr_isdigit(open[-1])) open--;
    if (close == open || *open == '0' || open - name < 3 || open[-1] != '(' || open[-2] != ' ')
        return NULL;
    return apr_pstrcat(pool, apr_pstrmemdup(pool, name, (apr_size_t)(open - 2 - name)), close + 1,
                       NULL);
}

/* ---- paths ---- */

cloud_err_t *cloud_path_split(apr_array_header_t **segments, const char *path, apr_pool_t *pool)
{
    apr_array_header_t *out = apr_array_make(pool, 8, sizeof(const char *));

    *segments = NULL;
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len > 0) {
            const char *why = never(path, len);
            if (why) return cloud_err(pool, CLOUD_E_INVALID_NAME, "%s", why);
            APR_ARRAY_PUSH(out, const char *) = apr_pstrmemdup(pool, path, len);
        }
        path += len;
        while (*path == '/') path++;
    }
    *segments = out;
    return NULL;
}

const char *cloud_path_join(const apr_array_header_t *segments, int n, apr_pool_t *pool)
{
    size_t len = 0;
    char *path, *p;
    int i;

    if (n > segments->nelts) n = segments->nelts;
    if (n <= 0) return "";
    for (i = 0; i < n; i++) len += strlen(APR_ARRAY_IDX(segments, i, const char *)) + 1;
    p = path = apr_palloc(pool, len);
    for (i = 0; i < n; i++) {
        const char *s = APR_ARRAY_IDX(segments, i, const char *);
        size_t part = strlen(s);
        if (i > 0) *p++ = '/';
        memcpy(p, s, part);
        p += part;
    }
    *p = '\0';
    return path;
}

/* ---- percent-encoding ---- */

static int unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '.' || c == '_' || c == '~';
}

static char *put_encoded(char *p, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";

    *p++ = '%';
    *p++ = hex[c >> 4];
    *p++ = hex[c & 15];
    return p;
}

/* Percent-encodes all but unreserved characters and those of keep. */
static const char *encode(const char *s, const char *keep, apr_pool_t *pool)
{
    const unsigned char *in;
    size_t extra = 0;
    char *out, *p;

    for (in = (const unsigned char *)s; *in; in++)
        if (!unreserved(*in) && !strchr(keep, *in)) extra += 2;
    if (extra == 0) return apr_pstrdup(pool, s);
    p = out = apr_palloc(pool, (size_t)((const char *)in - s) + extra + 1);
    for (in = (const unsigned char *)s; *in; in++) {
        if (unreserved(*in) || strchr(keep, *in)) *p++ = (char)*in;
        else p = put_encoded(p, *in);
    }
    *p = '\0';
    return out;
}

const char *cloud_uri_encode(const char *s, int keep_slash, apr_pool_t *pool)
{
    return encode(s, keep_slash ? "/" : "", pool);
}

const char *cloud_href_encode(const char *path, apr_pool_t *pool)
{
    return encode(path, "/()", pool);
}

int cloud_hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int cloud_uri_decode(char *s, const char *forbid)
{
    char *out = s;
    int high, low;

    for (; *s; s++, out++) {
        *out = *s;
        if (*s != '%') continue;
        high = cloud_hex_digit(s[1]);
        low = high < 0 ? -1 : cloud_hex_digit(s[2]);
        if (low < 0) return 0;
        *out = (char)(high << 4 | low);
        if (strchr(forbid, *out)) return 0; /* which finds the final 0, too */
        s += 2;
    }
    *out = '\0';
    return 1;
}

const char *cloud_account_dirname(const char *id, apr_int64_t number, apr_pool_t *pool)
{
    const char *dir = cloud_uri_encode(id, 0, pool);

    /* Names with a leading dot are the store's own. */
    if (*dir == '.') dir = apr_pstrcat(pool, "%2E", dir + 1, NULL);
    if (strlen(dir) <= ACCOUNT_DIR_MAX) return dir;
    /* No encoded id has two percent signs in a row. */
    return apr_psprintf(pool, "%%%%%" APR_INT64_T_FMT, number);
}

const char *cloud_name_shown(const char *name, const char *disk, apr_pool_t *pool)
{
    const char *nfc;

    if (disk == name || strcmp(disk, name) == 0) return name;
    nfc = cloud_name_nfc(disk, pool);
    return nfc && strcmp(nfc, name) == 0 ? disk : name;
}
