/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include <string.h>

#include "html.h"

START_TEST(escaped)
{
    static const struct {
        const char *in, *out;
    } CASES[] = {
        { "", "" },
        { "plain", "plain" },
        { "<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "a\x01z", "a z" },
        { "\xff<", " &lt;" },
        { "\xc3", " " },
    };
    size_t i;

    for (i = 0; i < sizeof CASES / sizeof *CASES; i++)
        ck_assert_str_eq(cloud_html_escape(CASES[i].in, tu.pool), CASES[i].out);
}
END_TEST

START_TEST(written)
{
    cloud_html_t *html = cloud_html_create(tu.pool);
    char text[] = "<x>";

    cloud_html_put(html, "<p title=\"%s\">%s 100%%</p>%h", text, "a & b", "<hr>");
    cloud_html_put(html, "end");
    memset(text, '!', 3); /* what was put is a copy */
    ck_assert_str_eq(cloud_html_text(html),
                     "<p title=\"&lt;x&gt;\">a &amp; b 100%</p><hr>end");
}
END_TEST

START_TEST(targets)
{
    static const struct {
        const char *target, *base;
        int local;
    } CASES[] = {
        { "/", "", 1 },
        { "/index.php/x?y=/z/../%2e#a", "", 1 },
        { "/owncloud/", "/owncloud", 1 },
        { "/owncloud/a/b", "/owncloud", 1 },
        { "/owncloud", "/owncloud", 0 },
        { "/owncloudy/", "/owncloud", 0 },
        { "/other", "/owncloud", 0 },
        { "/owncloud//evil", "/owncloud", 0 },
        { "/owncloud/../other", "/owncloud", 0 },
        { "/owncloud/a/%2E%2e/other", "/owncloud", 0 },
        { "/owncloud/./x", "/owncloud", 0 },
        { NULL, "", 0 },
        { "", "", 0 },
        { "x", "", 0 },
        { "//evil", "", 0 },
        { "/\\evil", "", 0 },
        { "/x\\y", "", 0 },
        { "https://evil/", "", 0 },
        { "/\tevil", "", 0 },
        { "/a\r\nb", "", 0 },
        { "/a b", "", 0 },
        { "/\xc3\xbc", "", 0 },
        { " /x", "", 0 },
    };
    size_t i;

    for (i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *got = cloud_local_target(CASES[i].target, CASES[i].base);

        ck_assert_msg((got != NULL) == CASES[i].local, "%s below %s", CASES[i].target,
                      CASES[i].base);
        ck_assert(!got || got == CASES[i].target);
    }
}
END_TEST

Suite *suite_html(void)
{
    Suite *s = suite_create("html");
    TCase *t = tu_case(s, "html", tu_pool);

    tcase_add_test(t, escaped);
    tcase_add_test(t, written);
    tcase_add_test(t, targets);
    return s;
}
