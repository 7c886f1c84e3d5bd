/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Mails as text: addresses, headers, quoted-printable, for texts of any kind. */
#include "testutil.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "text.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const char *const GOOD[] = {
    "a@b", "alice@example.org", "alice.b+tag@mail-1.example.org", "o'neil@example.org",
    "x_y~z@1.2.example", "!#$%&*/=?^`{|}@example.org",
};
static const char *const BAD[] = {
    "", "alice", "@example.org", "alice@", "alice@@example.org", ".alice@example.org",
    "alice.@example.org", "al..ice@example.org", "alice@-example.org", "alice@example-.org",
    "alice@example..org", "alice@.org", "alice@org.", "-alice@example.org", "al ice@example.org",
    "alice@exam ple.org", "alice@example.org\nBcc: x@example.org", "alice@example.org\r",
    "<alice@example.org>", "a,b@example.org", "a;b@example.org", "a(b)@example.org",
    "\"a b\"@example.org", "a@[127.0.0.1]", "a@exa_mple.org", "\xc3\xa4@example.org",
    "a@\xc3\xa4.example", "a\\b@example.org", "a:b@example.org",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.org",
};

START_TEST(test_addresses)
{
    int i;

    for (i = 0; i < COUNT(GOOD); i++) ck_assert_msg(cloud_message_address_ok(GOOD[i]), "%s", GOOD[i]);
    for (i = 0; i < COUNT(BAD); i++) ck_assert_msg(!cloud_message_address_ok(BAD[i]), "%s", BAD[i]);
}
END_TEST

/* ---- text ---- */

START_TEST(test_text)
{
    ck_assert_str_eq(cloud_text_line(NULL, 0, tu.pool), "");
    ck_assert_str_eq(cloud_text_line("a\r\nb\tc\x01" "d\x7f", 0, tu.pool), "a  b c d ");
    ck_assert_str_eq(cloud_text_line("a\xc2\x85" "b\xe2\x80\xa8" "c\xe2\x80\xa9" "d", 0, tu.pool),
                     "a b c d");
    ck_assert_str_eq(cloud_text_line("\xff\xc3", 0, tu.pool), "\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert_str_eq(cloud_text_line("\xc0\xaf", 0, tu.pool), "\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert_str_eq(cloud_text_line("\xed\xa0\x80", 0, tu.pool),
                     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert_str_eq(cloud_text_line("\xf0\x9f\x98\x80", 0, tu.pool), "\xf0\x9f\x98\x80");
    ck_assert_str_eq(cloud_text_line("abcd", 4, tu.pool), "abcd");
    ck_assert_str_eq(cloud_text_line("abcde", 4, tu.pool), "abc\xe2\x80\xa6");
    ck_assert_str_eq(cloud_text_line("\xc3\xa4\xc3\xb6\xc3\xbc", 2, tu.pool), "\xc3\xa4\xe2\x80\xa6");
    ck_assert_str_eq(cloud_text_cut("a\nb\r\nc", 0, tu.pool), "a\nb\r\nc");
    ck_assert_str_eq(cloud_text_clean("a\x01" "b", tu.pool), "a\xef\xbf\xbd" "b");
}
END_TEST

/* ---- headers ---- */

static int hex_of(char c)
{
    const char *digits = "0123456789ABCDEF", *at = strchr(digits, c);

    ck_assert_ptr_nonnull(at);
    return (int)(at - digits);
}

/* The value of a header as a mail program shows it, after checks of its form. */
static const char *decode_header(const char *name, const char *line)
{
    cloud_text_t *t = cloud_text_create(tu.pool);
    const char *c = line + strlen(name) + 2, *begin = line;

    ck_assert_msg(strncmp(line, name, strlen(name)) == 0, "%s", line);
    while (*c != '\n' || c[1]) {
        if (*c == '\n') { /* a fold between two words */
            ck_assert_int_le(c - begin, 78);
            begin = c + 1;
            ck_assert(c[1] == ' ' && strncmp(c + 2, "=?UTF-8?Q?", 10) == 0);
            c += 2;
            continue;
        }
        ck_assert_msg(*c >= ' ' && *c < 0x7f, "%s", line);
        if (strncmp(c, "=?", 2) == 0) {
            const char *word = c;

            ck_assert_msg(strncmp(c, "=?UTF-8?Q?", 10) == 0, "%s", line);
            for (c += 10; strncmp(c, "?=", 2) != 0;) {
                if (*c == '=') {
                    cloud_text_char(t, (char)(hex_of(c[1]) << 4 | hex_of(c[2])));
                    c += 3;
                    continue;
                }
                ck_assert_msg(strchr("!*+-/_", *c) || (*c >= '0' && *c <= '9')
                                  || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'),
                              "%c in %s", *c, line);
                cloud_text_char(t, *c == '_' ? ' ' : *c);
                c++;
            }
            c += 2;
            ck_assert_int_le(c - word, 75);
            continue;
        }
        cloud_text_char(t, *c++);
    }
    ck_assert_int_le(c - begin, 78);
    return cloud_text_get(t);
}

static void check_header(const char *value)
{
    const char *line = cloud_message_header("Subject", value, tu.pool);

    ck_assert_str_eq(decode_header("Subject", line), cloud_text_line(value, 0, tu.pool));
}

static const char *const VALUES[] = {
    "", "hello", "hello world", " leading", "trailing ", "two  blanks", "=?UTF-8?Q?x?=", "a=?b",
    "\xc3\xa4", "shared \xe2\x80\x9c" "a b\xe2\x80\x9d with you", "x\r\nBcc: victim@example.org",
    "x\nBcc: victim@example.org\n\nbody", "\n", "\r\n.\r\n", "\xc2\x85" "x", "\xff\xfe", "a\tb", "?=",
    "_", "=5F", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
    "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
};

START_TEST(test_headers)
{
    int i;

    ck_assert_str_eq(cloud_message_header("Subject", "hello, world: (it's) \"on\"", tu.pool),
                     "Subject: hello, world: (it's) \"on\"\n");
    ck_assert_str_eq(cloud_message_header("Subject", "\xc3\xa4 b", tu.pool),
                     "Subject: =?UTF-8?Q?=C3=A4_b?=\n");
    for (i = 0; i < COUNT(VALUES); i++) check_header(VALUES[i]);
}
END_TEST

static const char *random_text(int max)
{
    static const char *const parts[] = {
        "a", " ", "=", "?", "_", "\n", "\r", "\r\n", ".", "From ", "\xc3\xa4", "\xe2\x82\xac",
        "\xf0\x9f\x98\x80", "\xff", "\x01", "\t", "=?UTF-8?Q?", "?=", "word", "\xe2\x80\xa8", ":", ",",
    };
    cloud_text_t *t = cloud_text_create(tu.pool);
    int n = rand() % max;

    while (n-- > 0) cloud_text_add(t, parts[rand() % COUNT(parts)]);
    return cloud_text_get(t);
}

START_TEST(test_any_header)
{
    int i;

    srand(1);
    for (i = 0; i < 3000; i++) check_header(random_text(80));
}
END_TEST

/* ---- quoted-printable ---- */

static const char *decode_quoted(const char *text)
{
    cloud_text_t *t = cloud_text_create(tu.pool);
    const char *c = text, *begin = text;

    for (; *c; c++) {
        if (c == begin) {
            ck_assert_msg(*c != '.', "%s", text);
            ck_assert_msg(strncmp(c, "From ", 5) != 0, "%s", text);
        }
        if (*c == '\n') {
            ck_assert_int_le(c - begin, 76);
            ck_assert_msg(c == begin || (c[-1] != ' ' && c[-1] != '\t'), "%s", text);
            begin = c + 1;
            cloud_text_char(t, '\n');
        }
        else if (*c == '=' && c[1] == '\n') {
            ck_assert_int_le(c + 1 - begin, 76);
            begin = c + 2;
            c++;
        }
        else if (*c == '=') {
            cloud_text_char(t, (char)(hex_of(c[1]) << 4 | hex_of(c[2])));
            c += 2;
        }
        else {
            ck_assert_msg((*c >= ' ' && *c < 0x7f) || *c == '\t', "%s", text);
            cloud_text_char(t, *c);
        }
    }
    ck_assert(c == text || c[-1] == '\n');
    return cloud_text_get(t);
}

/* Ends of lines are LF, and the last line has one. */
static const char *normal(const char *text)
{
    cloud_text_t *t = cloud_text_create(tu.pool);
    const char *c;

    text = cloud_text_clean(text, tu.pool);
    for (c = text; *c; c++) {
        if (*c == '\r' && c[1] == '\n') continue;
        cloud_text_char(t, *c == '\r' ? '\n' : *c);
    }
    if (c > text && c[-1] != '\n' && c[-1] != '\r') cloud_text_char(t, '\n');
    return cloud_text_get(t);
}

static void check_quoted(const char *text)
{
    ck_assert_str_eq(decode_quoted(cloud_message_quoted(text, tu.pool)), normal(text));
}

START_TEST(test_quoted)
{
    int i;

    ck_assert_str_eq(cloud_message_quoted("", tu.pool), "");
    ck_assert_str_eq(cloud_message_quoted("a=b \n.\nFrom x\n", tu.pool),
                     "a=3Db=20\n=2E\n=46rom x\n");
    ck_assert_str_eq(cloud_message_quoted("a\r\nb\rc", tu.pool), "a\nb\nc\n");
    srand(2);
    for (i = 0; i < 3000; i++) check_quoted(random_text(200));
}
END_TEST

/* ---- the mail ---- */

START_TEST(test_mail)
{
    cloud_message_t m = {
        .from = "cloud@example.org", .to = "alice@example.org", .reply_to = "bob@example.net",
        .from_name = "Bob (\xc3\xa4)\nBcc: x@y", .to_name = "Alice", .subject = "News\nBcc: x@y",
        .text = "Hello\n.\nBcc: x@y", .id = "1.2.abc", .date = apr_time_from_sec(1795812854),
    };

    ck_assert_str_eq(cloud_message_text(&m, tu.pool),
                     "From: =?UTF-8?Q?Bob_=28=C3=A4=29_Bcc=3A_x=40y?=\n <cloud@example.org>\n"
                     "To: Alice\n <alice@example.org>\n"
                     "Reply-To: bob@example.net\n"
                     "Subject: News Bcc: x@y\n"
                     "Date: Fri, 27 Nov 2026 20:54:14 +0000\n"
                     "Message-ID: <1.2.abc@example.org>\n"
                     "Auto-Submitted: auto-generated\n"
                     "MIME-Version: 1.0\n"
                     "Content-Type: text/plain; charset=utf-8\n"
                     "Content-Transfer-Encoding: quoted-printable\n"
                     "\n"
                     "Hello\n=2E\nBcc: x@y\n");
    m.from_name = "Dr. Who, Jr.";
    m.to_name = m.reply_to = NULL;
    ck_assert_ptr_nonnull(strstr(cloud_message_text(&m, tu.pool),
                                 "From: =?UTF-8?Q?Dr=2E_Who=2C_Jr=2E?=\n <cloud@example.org>\n"
                                 "To: alice@example.org\nSubject:"));
}
END_TEST

Suite *suite_message(void)
{
    Suite *suite = suite_create("message");
    TCase *tc = tu_case(suite, "message", tu_pool);

    tcase_add_test(tc, test_addresses);
    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_headers);
    tcase_add_test(tc, test_any_header);
    tcase_add_test(tc, test_quoted);
    tcase_add_test(tc, test_mail);
    return suite;
}
