/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#include "names.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static const char *repeat(const char *s, int n)
{
    char *out = apr_palloc(tu.pool, strlen(s) * (size_t)n + 1), *p = out;

    *out = '\0';
    while (n-- > 0) p = apr_cpystrn(p, s, strlen(s) + 1);
    return out;
}

static const char *encode(utf8proc_int32_t cp)
{
    utf8proc_uint8_t *buf = apr_pcalloc(tu.pool, 8);

    utf8proc_encode_char(cp, buf);
    return (const char *)buf;
}

/* ---- NFC ---- */

static const struct {
    const char *name, *nfc;
} forms[] = {
    { "plain.txt", "plain.txt" },
    { "\xc3\xa4", "\xc3\xa4" },                             /* a umlaut */
    { "a\xcc\x88", "\xc3\xa4" },                            /* a, diaeresis */
    { "x\xc3\xa4y a\xcc\x88.txt", "x\xc3\xa4y \xc3\xa4.txt" },
    { "\xe2\x84\xab", "\xc3\x85" },                         /* angstrom sign: a singleton */
    { "\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80" },         /* Hangul consonant and vowel */
    { "\xea\xb0\x80\xe1\x86\xa8", "\xea\xb0\x81" },         /* syllable and final consonant */
    { "\xe3\x81\x8b\xe3\x82\x99", "\xe3\x81\x8c" },         /* Kana with a sound mark */
    { "q\xcc\xa3\xcc\x87", "q\xcc\xa3\xcc\x87" },           /* marks in order */
    { "q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87" },           /* marks to be put in order */
    { "\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc" },         /* excluded from composition: longer */
    { "\xf0\x9f\x98\x80.png", "\xf0\x9f\x98\x80.png" },     /* a pictograph */
    { "\xe6\x96\x87\xe4\xbb\xb6", "\xe6\x96\x87\xe4\xbb\xb6" },
    { "\xef\xac\x81", "\xef\xac\x81" },                     /* a ligature stays: NFC, not NFKC */
    { "", "" },
};

START_TEST(test_nfc)
{
    const char *nfc = cloud_name_nfc(forms[_i].name, tu.pool);

    ck_assert_str_eq(nfc, forms[_i].nfc);
    if (strcmp(forms[_i].name, forms[_i].nfc) == 0) ck_assert_ptr_eq(nfc, forms[_i].name);
    ck_assert_str_eq(cloud_name_nfc(nfc, tu.pool), nfc);
}
END_TEST

static const char *const broken[] = {
    "\xff",
    "a\x80",
    "\xc3",
    "a\xc3.txt",
    "\xc0\xaf",             /* '/', overlong */
    "\xc1\xbf",
    "\xe0\x80\xaf",
    "\xf0\x80\x80\xaf",
    "\xed\xa0\x80",         /* surrogate */
    "\xf4\x90\x80\x80",     /* beyond Unicode */
    "\xf8\x88\x80\x80\x80",
    "12345678\xe2\x82",     /* cut off, after the fast path */
};

START_TEST(test_not_utf8)
{
    apr_array_header_t *segments;

    ck_assert_ptr_null(cloud_name_nfc(broken[_i], tu.pool));
    ck_assert(!cloud_name_xml_ok(broken[_i]));
    FAILS(cloud_name_check(broken[_i], NULL, tu.pool), INVALID_NAME);
    FAILS(cloud_path_split(&segments, broken[_i], tu.pool), INVALID_NAME);
}
END_TEST

/* Every character, alone, behind a letter and before a mark: the shortcuts of cloud_name_nfc must
 * agree with utf8proc. */
START_TEST(test_nfc_of_every_character)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, tu.pool);
    for (utf8proc_int32_t cp = 1; cp <= 0x10ffff; cp++) {
        char text[32];
        utf8proc_uint8_t c[8] = { 0 }, *want;
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        utf8proc_encode_char(cp, c);
        snprintf(text, sizeof text, "%s\xea\xb0\x80%sa%s", (char *)c, (char *)c, (char *)c);
        want = utf8proc_NFC((const utf8proc_uint8_t *)text);
        ck_assert_ptr_nonnull(want);
        const char *got = cloud_name_nfc(text, pool);
        ck_assert_msg(got && strcmp(got, (const char *)want) == 0, "U+%04X", (unsigned)cp);
        free(want);
        if (cp % 4096 == 0) apr_pool_clear(pool);
    }
}
END_TEST

START_TEST(test_nfc_long)
{
    const char *name = repeat("a\xcc\x88", 1000);

    ck_assert_str_eq(cloud_name_nfc(name, tu.pool), repeat("\xc3\xa4", 1000));
    name = repeat("\xe0\xa5\x98", 300);
    ck_assert_str_eq(cloud_name_nfc(name, tu.pool), repeat("\xe0\xa4\x95\xe0\xa4\xbc", 300));
}
END_TEST

/* ---- rules ---- */

START_TEST(test_good_names)
{
    static const char *const good[] = {
        "a", "a.txt", " a", "a ", "a b", "%", "+", "&", "#", "?", ":", "\"", "<", ">", "|", "*.c",
        "**", "a*", "...", "..a", ".hidden", "part", "a.part.txt", "x.PART", ".htaccess.txt", "~",
        "'", ";", "\xc3\xa4", "a\xcc\x88", "\xf0\x9f\x98\x80", "\xc2\x85", "con", "NUL",
    };

    for (int i = 0; i < COUNT(good); i++) OK(cloud_name_check(good[i], NULL, tu.pool));
    OK(cloud_name_check(repeat("x", 255), NULL, tu.pool));
    OK(cloud_name_check(repeat("\xc3\xa4", 127), NULL, tu.pool));
}
END_TEST

START_TEST(test_bad_names)
{
    static const char *const bad[] = {
        "", " ", "   ", ".", "..", " .", ".. ", "*", " * ", "/", "a/b", "a\\b", "\\", "a\nb", "\t",
        "\x01", "\x1f", "a\x7f", "\xef\xbf\xbe", "\xef\xbf\xbf", "x.part", ".part", "x.filepart",
    };

    for (int i = 0; i < COUNT(bad); i++)
        FAILS(cloud_name_check(bad[i], NULL, tu.pool), INVALID_NAME);
    FAILS(cloud_name_check(repeat("x", 256), NULL, tu.pool), INVALID_NAME);
    FAILS(cloud_name_check(repeat("\xc3\xa4", 128), NULL, tu.pool), INVALID_NAME);
    /* One that composing makes longer: 42 of three bytes, which become six each. */
    OK(cloud_name_check(repeat("\xe0\xa5\x98", 42), NULL, tu.pool));
    FAILS(cloud_name_check(repeat("\xe0\xa5\x98", 43), NULL, tu.pool), INVALID_NAME);
}
END_TEST

static const struct {
    const char *name, *folder, *file;
} numbers[] = {
    { "a", "a (2)", "a (2)" },
    { "a.txt", "a.txt (2)", "a (2).txt" },
    { "a.tar.gz", "a.tar.gz (2)", "a.tar (2).gz" },
    { ".x", ".x (2)", ".x (2)" },
    { "a.", "a. (2)", "a. (2)" },
    { "a.b c", "a.b c (2)", "a.b c (2)" },
    { "a (2)", "a (2) (2)", "a (2) (2)" },
};

START_TEST(test_numbers)
{
    const char *name = numbers[_i].name;

    ck_assert_str_eq(cloud_name_numbered(name, 2, 1, tu.pool), numbers[_i].folder);
    ck_assert_str_eq(cloud_name_numbered(name, 2, 0, tu.pool), numbers[_i].file);
    ck_assert_str_eq(cloud_name_unnumbered(numbers[_i].file, tu.pool), name);
}
END_TEST

START_TEST(test_numbers_of_long_names)
{
    static const char *const ends[] = { "", "x", "\xc3\xa4", "\xf0\x9f\x98\x80", ".txt", ".t\xc3\xa4" };
    const char *name, *made;
    int i, n, is_dir;

    for (i = 0; i < COUNT(ends); i++) {
        for (n = 60; n <= 63; n++) {
            name = apr_pstrcat(tu.pool, repeat("\xf0\x9f\x98\x80", n), ends[i], NULL);
            if (strlen(name) > CLOUD_NAME_MAX) continue;
            for (is_dir = 0; is_dir <= 1; is_dir++) {
                made = cloud_name_numbered(name, 12345, is_dir, tu.pool);
                OK(cloud_name_check(made, NULL, tu.pool));
                ck_assert_ptr_nonnull(strstr(made, " (12345)"));
            }
        }
    }
    made = cloud_name_numbered(apr_pstrcat(tu.pool, "\xc3\xa4.", repeat("x", 252), NULL), 2, 0, tu.pool);
    ck_assert_uint_le(strlen(made), CLOUD_NAME_MAX);
    ck_assert(!strncmp(made, "\xc3\xa4 (2).xxx", 10));
}
END_TEST

START_TEST(test_blacklist)
{
    static const char *const list[] = { "Thumbs.db", "core", NULL }, *const none[] = { NULL };

    FAILS(cloud_name_check(".htaccess", NULL, tu.pool), BLACKLISTED);
    FAILS(cloud_name_check(".HTaccess", NULL, tu.pool), BLACKLISTED);
    OK(cloud_name_check(".htaccess", list, tu.pool));
    FAILS(cloud_name_check("thumbs.DB", list, tu.pool), BLACKLISTED);
    OK(cloud_name_check("core.c", list, tu.pool));
    OK(cloud_name_check(".htaccess", none, tu.pool));
}
END_TEST

START_TEST(test_xml_characters)
{
    ck_assert(cloud_name_xml_ok(""));
    ck_assert(cloud_name_xml_ok("a\t\n\rb"));
    ck_assert(!cloud_name_xml_ok("\x0b"));
    ck_assert(!cloud_name_xml_ok("\x1f"));
    ck_assert(cloud_name_xml_ok(encode(0xd7ff)));
    ck_assert(cloud_name_xml_ok(encode(0xe000)));
    ck_assert(cloud_name_xml_ok(encode(0xfffd)));
    ck_assert(!cloud_name_xml_ok(encode(0xfffe)));
    ck_assert(cloud_name_xml_ok(encode(0x10000)));
    ck_assert(cloud_name_xml_ok(encode(0x10ffff)));
}
END_TEST

/* ---- paths ---- */

static const struct {
    const char *path, *joined;
    int n;
} paths[] = {
    { "", "", 0 },
    { "/", "", 0 },
    { "a", "a", 1 },
    { "/a/b", "a/b", 2 },
    { "a//b/", "a/b", 2 },
    { "///a///", "a", 1 },
    { "a/.../b c/\xc3\xa4", "a/.../b c/\xc3\xa4", 4 },
    { "a%2Fb", "a%2Fb", 1 },
};

START_TEST(test_split)
{
    apr_array_header_t *segments;

    OK(cloud_path_split(&segments, paths[_i].path, tu.pool));
    ck_assert_int_eq(segments->nelts, paths[_i].n);
    ck_assert_str_eq(cloud_path_join(segments, segments->nelts, tu.pool), paths[_i].joined);
}
END_TEST

START_TEST(test_split_refuses)
{
    static const char *const bad[] = { ".", "..", "a/..", "../a", "a/./b", "a/../../b", "a\\b",
                                       "a/\x01", "a/b\x7f", "/..", "a/ \n" };
    apr_array_header_t *segments;

    for (int i = 0; i < COUNT(bad); i++)
        FAILS(cloud_path_split(&segments, bad[i], tu.pool), INVALID_NAME);
    FAILS(cloud_path_split(&segments, repeat("x", 256), tu.pool), INVALID_NAME);
    OK(cloud_path_split(&segments, repeat("x/", 5000), tu.pool));
    ck_assert_int_eq(segments->nelts, 5000);
}
END_TEST

START_TEST(test_join)
{
    apr_array_header_t *segments;

    OK(cloud_path_split(&segments, "a/bb/ccc", tu.pool));
    ck_assert_str_eq(cloud_path_join(segments, 0, tu.pool), "");
    ck_assert_str_eq(cloud_path_join(segments, 1, tu.pool), "a");
    ck_assert_str_eq(cloud_path_join(segments, 2, tu.pool), "a/bb");
    ck_assert_str_eq(cloud_path_join(segments, 9, tu.pool), "a/bb/ccc");
}
END_TEST

START_TEST(test_uri_encode)
{
    ck_assert_str_eq(cloud_uri_encode("a b/c+d%&#?", 1, tu.pool), "a%20b/c%2Bd%25%26%23%3F");
    ck_assert_str_eq(cloud_uri_encode("a/b", 0, tu.pool), "a%2Fb");
    ck_assert_str_eq(cloud_uri_encode("\xc3\xa4", 1, tu.pool), "%C3%A4");
    ck_assert_str_eq(cloud_uri_encode("AZaz09-._~", 0, tu.pool), "AZaz09-._~");
    ck_assert_str_eq(cloud_uri_encode("", 0, tu.pool), "");
    ck_assert_str_eq(cloud_uri_encode("a (2)", 1, tu.pool), "a%20%282%29");
    ck_assert_str_eq(cloud_href_encode("b/a (2).txt!'*", tu.pool), "b/a%20(2).txt%21%27%2A");
}
END_TEST

START_TEST(test_uri_decode)
{
    static const struct {
        const char *text, *forbid, *decoded; /* NULL: refused */
    } CASES[] = {
        { "", "", "" }, { "a/b c", "/", "a/b c" }, { "%41%c3%A4%2F", "", "A\xc3\xa4/" },
        { "a%2fb", "/", NULL }, { "a%00", "", NULL }, { "%", "", NULL }, { "%4", "", NULL },
        { "%4g", "", NULL }, { "%%41", "", NULL },
    };

    for (int i = 0; i < COUNT(CASES); i++) {
        char *text = apr_pstrdup(tu.pool, CASES[i].text);

        ck_assert_int_eq(cloud_uri_decode(text, CASES[i].forbid), CASES[i].decoded != NULL);
        if (CASES[i].decoded) ck_assert_str_eq(text, CASES[i].decoded);
    }
}
END_TEST

START_TEST(test_account_directory)
{
    ck_assert_str_eq(cloud_account_dirname("alice", 1, tu.pool), "alice");
    ck_assert_str_eq(cloud_account_dirname("a b@c", 1, tu.pool), "a%20b%40c");
    ck_assert_str_eq(cloud_account_dirname(".deleted-1", 1, tu.pool), "%2Edeleted-1");
    ck_assert_str_eq(cloud_account_dirname("a%b", 1, tu.pool), "a%25b");
    ck_assert_str_eq(cloud_account_dirname(repeat("x", 200), 7, tu.pool), repeat("x", 200));
    ck_assert_str_eq(cloud_account_dirname(repeat("x", 201), 7, tu.pool), "%%7");
    ck_assert_str_eq(cloud_account_dirname(repeat("\xc3\xa4", 40), 123456789012345, tu.pool),
                     "%%123456789012345");
}
END_TEST

/* ---- media types ---- */

START_TEST(test_mime_built_in)
{
    ck_assert_str_eq(cloud_mime_type("a.txt"), "text/plain");
    ck_assert_str_eq(cloud_mime_type("A.JPG"), "image/jpeg");
    ck_assert_str_eq(cloud_mime_type("a.tar.gz"), "application/gzip");
    ck_assert_str_eq(cloud_mime_type("a.zip"), "application/zip");
    ck_assert_str_eq(cloud_mime_type("a.7z"), "application/x-7z-compressed");
    for (const char *const *n = (const char *const[]){ "a", "a.", ".txt", "", "a.unknown",
                                                       "a.averyveryverylongextension", NULL };
         *n; n++)
        ck_assert_str_eq(cloud_mime_type(*n), "application/octet-stream");
}
END_TEST

START_TEST(test_mime_file)
{
    char name[] = "/tmp/cloud-mime-XXXXXX";
    int fd = mkstemp(name);
    const char text[] = "# comment\n"
                        "text/x-first\tone two # three\n"
                        "\n"
                        "broken four\n"
                        "text/x-second TWO five\r\n"
                        "text/x-plain txt\n";
    apr_pool_t *pool;

    ck_assert_int_eq(write(fd, text, sizeof text - 1), (int)sizeof text - 1);
    close(fd);
    apr_pool_create(&pool, tu.pool);
    OK(cloud_mime_load(name, pool));
    OK(cloud_mime_load(name, pool));
    ck_assert_str_eq(cloud_mime_type("a.one"), "text/x-first");
    ck_assert_str_eq(cloud_mime_type("a.two"), "text/x-second");
    ck_assert_str_eq(cloud_mime_type("a.five"), "text/x-second");
    ck_assert_str_eq(cloud_mime_type("a.three"), "application/octet-stream");
    ck_assert_str_eq(cloud_mime_type("a.four"), "application/octet-stream");
    ck_assert_str_eq(cloud_mime_type("a.txt"), "text/x-plain");
    ck_assert_str_eq(cloud_mime_type("a.zip"), "application/zip");
    apr_pool_destroy(pool);
    ck_assert_str_eq(cloud_mime_type("a.one"), "application/octet-stream");
    unlink(name);
    FAILS(cloud_mime_load(name, tu.pool), INVALID);
}
END_TEST

Suite *suite_names(void)
{
    Suite *s = suite_create("names");
    TCase *tc = tu_case(s, "names", tu_pool);

    tcase_add_loop_test(tc, test_nfc, 0, COUNT(forms));
    tcase_add_loop_test(tc, test_not_utf8, 0, COUNT(broken));
    tcase_add_test(tc, test_nfc_of_every_character);
    tcase_add_test(tc, test_nfc_long);
    tcase_add_test(tc, test_good_names);
    tcase_add_test(tc, test_bad_names);
    tcase_add_loop_test(tc, test_numbers, 0, COUNT(numbers));
    tcase_add_test(tc, test_numbers_of_long_names);
    tcase_add_test(tc, test_blacklist);
    tcase_add_test(tc, test_xml_characters);
    tcase_add_loop_test(tc, test_split, 0, COUNT(paths));
    tcase_add_test(tc, test_split_refuses);
    tcase_add_test(tc, test_join);
    tcase_add_test(tc, test_uri_encode);
    tcase_add_test(tc, test_uri_decode);
    tcase_add_test(tc, test_account_directory);
    tcase_add_test(tc, test_mime_built_in);
    tcase_add_test(tc, test_mime_file);
    return s;
}
