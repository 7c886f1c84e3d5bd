/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rendering mails. */
#include "message.h"

#include <string.h>
#include <apr_lib.h>

#include "text.h"

#define LINE_MAX_QP  76  /* of quoted-printable, with the "=" of a soft break */
#define WORD_BEGIN   "=?UTF-8?Q?"
#define WORD_END     "?="
#define WORD_MAX     75
#define PLAIN_MAX    60  /* a longer value is encoded, which folds it */

static const char HEX[] = "0123456789ABCDEF";

/* ---- addresses ---- */

static int is_label_end(char c)
{
    return apr_isalnum(c) && apr_isascii(c);
}

static int is_domain(const char *s)
{
    char before = '.';

    for (; *s; before = *s++)
        if (!is_label_end(*s) && (before == '.' || (*s != '-' && (*s != '.' || before == '-'))))
            return 0;
    return is_label_end(before);
}

int cloud_message_address_ok(const char *address)
{
    const char *at = strrchr(address, '@'), *c;

    if (!at || at == address || at - address > 64 || strlen(address) > 254 || *address == '.'
        || *address == '-' || at[-1] == '.' || strstr(address, ".."))
        return 0;
    for (c = address; c < at; c++)
        if (!is_label_end(*c) && !strchr("!#$%&'*+/=?^_`{|}~.-", *c)) return 0;
    return is_domain(at + 1);
}

/* ---- headers ---- */

/* What may stand in an encoded word wherever that stands (RFC 2047, 5 (3)). */
static int is_word_char(unsigned char c)
{
    return apr_isascii(c) && (apr_isalnum(c) || strchr("!*+-/", c));
}

/* Letters, digits, blanks and what has no meaning in any header; not what looks encoded. */
static int is_plain(const char *s)
{
    const char *c;

    if (strlen(s) > PLAIN_MAX || *s == ' ' || strstr(s, "=?") || strstr(s, "  ")) return 0;
    for (c = s; *c; c++)
        if (!apr_isascii(*c) || !apr_isprint(*c)) return 0;
    return *s && c[-1] != ' ';
}

/* The same for a name before an address, which is a phrase. */
static int is_plain_phrase(const char *s)
{
    const char *c;

    for (c = s; *c; c++)
        if (!apr_isascii(*c) || (!apr_isalnum(*c) && *c != ' ' && *c != '-')) return 0;
    return is_plain(s);
}

static apr_size_t word_len(const char *c, apr_size_t bytes)
{
    apr_size_t i, n = 0;

    for (i = 0; i < bytes; i++) n += c[i] == ' ' || is_word_char((unsigned char)c[i]) ? 1 : 3;
    return n;
}

static void put_encoded(cloud_text_t *t, const char *c, apr_size_t bytes)
{
    apr_size_t i;

    for (i = 0; i < bytes; i++) {
        unsigned char b = (unsigned char)c[i];

        if (b == ' ') cloud_text_char(t, '_');
        else if (is_word_char(b)) cloud_text_char(t, (char)b);
        else {
            cloud_text_char(t, '=');
            cloud_text_char(t, HEX[b >> 4]);
            cloud_text_char(t, HEX[b & 15]);
        }
    }
}

/* Encoded words, as many as it takes, one a line; none ends inside of a character. used: bytes on the
 * line already. */
static void put_words(cloud_text_t *t, const char *s, apr_size_t used)
{
    const apr_size_t around = strlen(WORD_BEGIN) + strlen(WORD_END);
    apr_size_t left = WORD_MAX > used + around ? WORD_MAX - used - around : 0;
    int open = 0;

    while (*s) {
        apr_size_t bytes = cloud_text_utf8(s), n = word_len(s, bytes);

        if (open && n > left) {
            cloud_text_add(t, WORD_END "\n ");
            open = 0;
            left = WORD_MAX - 1 - around;
        }
        if (!open) cloud_text_add(t, WORD_BEGIN);
        open = 1;
        put_encoded(t, s, bytes);
        left = left > n ? left - n : 0;
        s += bytes;
    }
    if (open) cloud_text_add(t, WORD_END);
}

const char *cloud_message_header(const char *name, const char *value, apr_pool_t *pool)
{
    cloud_text_t *t = cloud_text_create(pool);

    value = cloud_text_line(value, 0, pool);
    cloud_text_add(t, name);
    cloud_text_add(t, ": ");
    if (is_plain(value)) cloud_text_add(t, value);
    else put_words(t, value, strlen(name) + 2);
    cloud_text_char(t, '\n');
    return cloud_text_get(t);
}

/* "From: Name <address>" */
static void put_mailbox(cloud_text_t *t, const char *header, const char *name, const char *address)
{
    cloud_text_add(t, header);
    cloud_text_add(t, ": ");
    if (name && *name) {
        name = cloud_text_line(name, 0, t->pool);
        if (is_plain_phrase(name)) cloud_text_add(t, name);
        else put_words(t, name, strlen(header) + 2);
        cloud_text_add(t, "\n <");
        cloud_text_add(t, address);
        cloud_text_add(t, ">\n");
        return;
    }
    cloud_text_add(t, address);
    cloud_text_char(t, '\n');
}

/* RFC 5322, 3.3, in universal time. */
static const char *date_text(apr_time_t date, apr_pool_t *pool)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, date);
    return apr_psprintf(pool, "%.3s, %02d %.3s %d %02d:%02d:%02d +0000", days + 3 * e.tm_wday,
                        e.tm_mday, months + 3 * e.tm_mon, 1900 + e.tm_year, e.tm_hour, e.tm_min,
                        e.tm_sec);
}

/* ---- the text ---- */

/* Besides what can't stand for itself: what programs on the way would change. A blank at the end of a
 * line gets lost, "From " at its beginning gets a ">", a line with a dot alone ends the mail. */
static int needs_quoting(int at_begin, const char *c)
{
    unsigned char b = (unsigned char)*c;
    int at_end = !c[1] || c[1] == '\n' || c[1] == '\r';

    if (b == ' ' || b == '\t') return at_end;
    if (at_begin && (b == '.' || strncmp(c, "From ", 5) == 0)) return 1;
    return b < 33 || b > 126 || b == '=';
}

/* A line without its end; gives where that is. */
static const char *put_quoted_line(cloud_text_t *t, const char *line)
{
    const char *c;
    int used = 0;

    for (c = line; *c && *c != '\n' && *c != '\r'; c++) {
        /* after a soft break another line begins for who reads the encoded text */
        int quote = needs_quoting(used == 0, c), n = quote ? 3 : 1;

        if (used + n > LINE_MAX_QP - 1) {
            cloud_text_add(t, "=\n");
            used = 0;
            quote = needs_quoting(1, c);
            n = quote ? 3 : 1;
        }
        if (quote) {
            cloud_text_char(t, '=');
            cloud_text_char(t, HEX[(unsigned char)*c >> 4]);
            cloud_text_char(t, HEX[(unsigned char)*c & 15]);
        }
        else cloud_text_char(t, *c);
        used += n;
    }
    cloud_text_char(t, '\n');
    return c;
}

const char *cloud_message_quoted(const char *text, apr_pool_t *pool)
{
    cloud_text_t *t = cloud_text_create(pool);
    const char *c = cloud_text_clean(text, pool);

    while (*c) {
        c = put_quoted_line(t, c);
        if (*c == '\r' && c[1] == '\n') c++;
        if (*c) c++;
    }
    return cloud_text_get(t);
}

/* ---- the mail ---- */

const char *cloud_message_text(const cloud_message_t *m, apr_pool_t *pool)
{
    cloud_text_t *t = cloud_text_create(pool);

    put_mailbox(t, "From", m->from_name, m->from);
    put_mailbox(t, "To", m->to_name, m->to);
    if (m->reply_to) put_mailbox(t, "Reply-To", NULL, m->reply_to);
    cloud_text_add(t, cloud_message_header("Subject", m->subject, pool));
    cloud_text_add(t, apr_pstrcat(pool, "Date: ", date_text(m->date, pool), "\nMessage-ID: <", m->id,
                                  strrchr(m->from, '@'), ">\n", NULL));
    cloud_text_add(t, "Auto-Submitted: auto-generated\n"
                      "MIME-Version: 1.0\n"
                      "Content-Type: text/plain; charset=utf-8\n"
                      "Content-Transfer-Encoding: quoted-printable\n"
                      "\n");
    cloud_text_add(t, cloud_message_quoted(m->text, pool));
    return cloud_text_get(t);
}
