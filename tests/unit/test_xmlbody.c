/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* XML request bodies. */
#include "testutil.h"

#include <string.h>

#include "xmlbody.h"

static cloud_err_t *parse_with(cloud_xml_t **root, const char *text, apr_size_t step,
                               const cloud_xml_limits_t *limits)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(limits, tu.pool);
    apr_size_t len = strlen(text);

    for (apr_size_t i = 0; i < len; i += step)
        CLOUD_ERR(cloud_xml_feed(parser, text + i, len - i < step ? len - i : step));
    return cloud_xml_finish(root, parser);
}

static cloud_err_t *parse(cloud_xml_t **root, const char *text)
{
    return parse_with(root, text, 1 << 20, NULL);
}

static cloud_xml_t *parsed(const char *text)
{
    cloud_xml_t *root;

    OK(parse(&root, text));
    return root;
}

START_TEST(elements_and_namespaces)
{
    const cloud_xml_t *root = parsed("<?xml version=\"1.0\"?><a:x xmlns:a=\"DAV:\" xmlns=\"urn:y\">"
                                     "<b><a:c/></b><none xmlns=\"\"/></a:x>");
    const cloud_xml_t *b = cloud_xml_first(root), *none = cloud_xml_next(b);

    ck_assert(cloud_xml_is(root, "DAV:", "x"));
    ck_assert_str_eq(root->prefix, "a");
    ck_assert(cloud_xml_is(b, "urn:y", "b"));
    ck_assert(cloud_xml_is(cloud_xml_first(b), "DAV:", "c"));
    ck_assert(cloud_xml_is(none, "", "none"));
    ck_assert_ptr_null(cloud_xml_next(none));
    ck_assert_ptr_eq(cloud_xml_child(root, "", "none"), none);
    ck_assert_ptr_null(cloud_xml_child(root, "DAV:", "none"));
}
END_TEST

START_TEST(text_where_elements_are_expected)
{
    const cloud_xml_t *root =
        parsed("<d:propfind xmlns:d=\"DAV:\"><d:prop><d:getetag/></d:prop>M</d:propfind>");
    const cloud_xml_t *prop = cloud_xml_first(root);

    ck_assert(cloud_xml_is(prop, "DAV:", "prop"));
    ck_assert_ptr_null(cloud_xml_next(prop));
}
END_TEST

START_TEST(pieces_of_any_size)
{
    static const char text[] =
        "<x xml:lang='de'><y a='1'>one &amp; two<![CDATA[<three>]]></y>\n</x>";

    for (apr_size_t step = 1; step < sizeof(text); step++) {
        cloud_xml_t *root;

        OK(parse_with(&root, text, step, NULL));
        ck_assert_str_eq(cloud_xml_text(cloud_xml_first(root), tu.pool), "one & two<three>");
        ck_assert_str_eq(cloud_xml_first(root)->lang, "de");
    }
}
END_TEST

START_TEST(nothing_at_all)
{
    ck_assert_ptr_null(parsed(""));
    ck_assert_ptr_null(parsed(" \r\n\t"));
}
END_TEST

START_TEST(white_space_before_the_declaration)
{
    ck_assert(cloud_xml_is(parsed("\r\n <?xml version=\"1.0\"?><a/>"), "", "a"));
}
END_TEST

START_TEST(texts)
{
    const cloud_xml_t *root = parsed("<a> \n one<b>not this</b> two \t</a>");

    ck_assert_str_eq(cloud_xml_text(root, tu.pool), "one two");
    ck_assert_str_eq(cloud_xml_text(parsed("<a/>"), tu.pool), "");
    ck_assert_str_eq(cloud_xml_text(parsed("<a>  </a>"), tu.pool), "");
    ck_assert_str_eq(cloud_xml_text(NULL, tu.pool), "");
}
END_TEST

START_TEST(languages)
{
    const cloud_xml_t *root = parsed("<a><b xml:lang=\"en\"><c/><d xml:lang=\"\"/></b></a>");
    const cloud_xml_t *b = cloud_xml_first(root), *c = cloud_xml_first(b);

    ck_assert_ptr_null(root->lang);
    ck_assert_str_eq(b->lang, "en");
    ck_assert_str_eq(c->lang, "en");
    ck_assert_ptr_null(cloud_xml_next(c)->lang);
}
END_TEST

/* ---- content as XML that stands by itself ---- */

static const struct {
    const char *doc, *inner;
} inners[] = {
    {"<p>plain</p>", "plain"},
    {"<p/>", ""},
    {"<p>a &lt;b&gt; &amp; \"c\"</p>", "a &lt;b&gt; &amp; \"c\""},
    {"<p><a/></p>", "<a/>"},
    /* A namespace that is declared outside of the content moves in, with the prefix as written. */
    {"<p xmlns:q='urn:q'><q:a/></p>", "<q:a xmlns:q=\"urn:q\"/>"},
    {"<p xmlns:q='urn:q'><q:a><q:b/></q:a><q:c/></p>",
     "<q:a xmlns:q=\"urn:q\"><q:b/></q:a><q:c xmlns:q=\"urn:q\"/>"},
    {"<p xmlns='urn:d'><a/></p>", "<a xmlns=\"urn:d\"/>"},
    {"<p><a xmlns='urn:d'><b xmlns=''/></a></p>", "<a xmlns=\"urn:d\"><b xmlns=\"\"/></a>"},
    /* One prefix, two namespaces. */
    {"<p xmlns:q='urn:1'><q:a><q:b xmlns:q='urn:2'/></q:a></p>",
     "<q:a xmlns:q=\"urn:1\"><q:b xmlns:q=\"urn:2\"/></q:a>"},
    {"<p xmlns:q='urn:q'><a q:x='1' y='2'/></p>", "<a xmlns:q=\"urn:q\" q:x=\"1\" y=\"2\"/>"},
    {"<p xmlns:q='urn:q' xmlns:r='urn:r'><a q:x='1' r:y='2' q:z='3'>t</a></p>",
     "<a xmlns:q=\"urn:q\" q:x=\"1\" xmlns:r=\"urn:r\" r:y=\"2\" q:z=\"3\">t</a>"},
    {"<p><a xml:lang='fr' b='&lt;&quot;&#10;'/></p>",
     "<a xml:lang=\"fr\" b=\"&lt;&quot;&#10;\"/>"},
    {"<p>&#65536;\xf0\x90\x80\x80</p>", "\xf0\x90\x80\x80\xf0\x90\x80\x80"},
    {"<p>a<!-- no --><?pi no?>b</p>", "ab"},
    {"<p>  <a> x </a>\n</p>", "  <a> x </a>\n"},
    {"<p>line&#13;end</p>", "line&#13;end"},
};

START_TEST(content_as_xml)
{
    for (size_t i = 0; i < sizeof(inners) / sizeof(*inners); i++)
        ck_assert_str_eq(cloud_xml_inner(parsed(inners[i].doc), tu.pool), inners[i].inner);
}
END_TEST

START_TEST(content_means_the_same_elsewhere)
{
    /* What comes out, put into another document, comes out the same again. */
    for (size_t i = 0; i < sizeof(inners) / sizeof(*inners); i++) {
        const char *doc = apr_pstrcat(tu.pool, "<d:z xmlns:d='DAV:'>", inners[i].inner, "</d:z>",
                                      NULL);

        ck_assert_str_eq(cloud_xml_inner(parsed(doc), tu.pool), inners[i].inner);
    }
}
END_TEST

START_TEST(escaping)
{
    const char *plain = "nothing to do";

    ck_assert_ptr_eq(cloud_xml_escape(plain, tu.pool), plain);
    ck_assert_str_eq(cloud_xml_escape("<a & \"b\">", tu.pool), "&lt;a &amp; &quot;b&quot;&gt;");
}
END_TEST

/* ---- what is refused ---- */

START_TEST(not_well_formed)
{
    static const char *const bad[] = {
        "<broken", "<a></b>", "<a/><b/>", "text", "<a", "<a>&nothing;</a>", "<x:a/>",
        "<a b='1' b='2'/>", "<a xmlns:b=''><b:c/></a>", "<a>\x01</a>", "<a>\xff\xfe</a>",
        "<?xml version='1.0' encoding='no-such'?><a/>",
    };
    cloud_xml_t *root;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) FAILS(parse(&root, bad[i]), INVALID);
}
END_TEST

START_TEST(document_types)
{
    static const char *const bad[] = {
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY l0 'ha'><!ENTITY l1 '&l0;&l0;&l0;'>]><a>&l1;</a>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/x'> %p;]><a/>",
    };
    cloud_xml_t *root;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) FAILS(parse(&root, bad[i]), INVALID);
}
END_TEST

static const char *nested(int depth)
{
    char *text = apr_palloc(tu.pool, (apr_size_t)depth * 7 + 1), *p = text;

    for (int i = 0; i < depth; i++, p += 3) memcpy(p, "<a>", 3);
    for (int i = 0; i < depth; i++, p += 4) memcpy(p, "</a>", 4);
    *p = '\0';
    return text;
}

START_TEST(too_deep)
{
    cloud_xml_t *root;

    OK(parse(&root, nested(cloud_xml_limits.depth)));
    FAILS(parse(&root, nested(cloud_xml_limits.depth + 1)), TOO_LARGE);
    FAILS(parse(&root, nested(1000000)), TOO_LARGE);
}
END_TEST

START_TEST(too_many)
{
    static const cloud_xml_limits_t few = {.depth = 8, .nodes = 4, .namespaces = 2};
    apr_size_t step = 1000;
    cloud_xml_t *root;

    OK(parse_with(&root, "<a b='1'><c/><d/></a>", step, &few));
    FAILS(parse_with(&root, "<a b='1'><c/><d/><e/></a>", step, &few), TOO_LARGE);
    FAILS(parse_with(&root, "<a b='1'><c/><d f='2'/></a>", step, &few), TOO_LARGE);
    OK(parse_with(&root, "<a xmlns='u:1'><b xmlns:b='u:2'/></a>", step, &few));
    FAILS(parse_with(&root, "<a xmlns='u:1'><b xmlns:b='u:2'/><c xmlns:b='u:2'/></a>", step, &few),
          TOO_LARGE);
}
END_TEST

START_TEST(too_many_attributes)
{
    const char *text = "<a";
    cloud_xml_t *root;

    for (int i = 0; i < 100; i++) text = apr_psprintf(tu.pool, "%s a%d='x'", text, i);
    FAILS(parse(&root, apr_pstrcat(tu.pool, text, "/>", NULL)), TOO_LARGE);
}
END_TEST

START_TEST(an_error_stays_one)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(NULL, tu.pool);
    cloud_xml_t *root;

    FAILS(cloud_xml_feed(parser, "</a>", 4), INVALID);
    FAILS(cloud_xml_feed(parser, "<a/>", 4), INVALID);
    FAILS(cloud_xml_finish(&root, parser), INVALID);
}
END_TEST

Suite *suite_xmlbody(void)
{
    Suite *suite = suite_create("xmlbody");
    TCase *tc = tu_case(suite, "tree", tu_pool);

    tcase_add_test(tc, elements_and_namespaces);
    tcase_add_test(tc, text_where_elements_are_expected);
    tcase_add_test(tc, pieces_of_any_size);
    tcase_add_test(tc, nothing_at_all);
    tcase_add_test(tc, white_space_before_the_declaration);
    tcase_add_test(tc, texts);
    tcase_add_test(tc, languages);
    tcase_add_test(tc, content_as_xml);
    tcase_add_test(tc, content_means_the_same_elsewhere);
    tcase_add_test(tc, escaping);

    tc = tu_case(suite, "refused", tu_pool);
    tcase_add_test(tc, not_well_formed);
    tcase_add_test(tc, document_types);
    tcase_add_test(tc, too_deep);
    tcase_add_test(tc, too_many);
    tcase_add_test(tc, too_many_attributes);
    tcase_add_test(tc, an_error_stays_one);
    return suite;
}
