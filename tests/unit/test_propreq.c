/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Requests for properties, and the rows that answer them. */
#include "testutil.h"

#include <string.h>

#include "props.h"

static char answer[1 << 20];
static apr_size_t answer_len;

static apr_status_t collect(void *baton, const char *data, apr_size_t len)
{
    (void)baton;
    ck_assert_uint_lt(answer_len + len, sizeof(answer));
    memcpy(answer + answer_len, data, len);
    answer_len += len;
    answer[answer_len] = '\0';
    return APR_SUCCESS;
}

static cloud_xml_t *xml(const char *text)
{
    cloud_xml_parser_t *parser = cloud_xml_parser_create(NULL, tu.pool);
    cloud_xml_t *root;

    OK(cloud_xml_feed(parser, text, strlen(text)));
    OK(cloud_xml_finish(&root, parser));
    return root;
}

static cloud_propreq_t *request(const char *text, int minimal)
{
    cloud_propreq_t *req;

    OK(cloud_propreq_parse(&req, text ? xml(text) : NULL, minimal, tu.pool));
    return req;
}

#define PROPS(list)                                                                             \
    "<d:propfind xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns'><d:prop>" list                \
    "</d:prop></d:propfind>"

static const unsigned char sums[] = {
    1, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
    0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0xff,
    2, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
    0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
    4, 0xde, 0xad, 0xbe, 0xef,
};

static cloud_dav_row_t file_row(void)
{
    cloud_dav_row_t row = {.flags = CLOUD_ROW_NODE,
                           .perms = CLOUD_PERM_ALL,
                           .id = 42,
                           .size = 13,
                           .mtime = 1500000000,
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = "a & b.txt",
                           .name_len = 9,
                           .etag = "6b041",
                           .etag_len = 5,
                           .sums = {sums, sizeof(sums)}};
    return row;
}

static cloud_dav_row_t folder_row(void)
{
    cloud_dav_row_t row = file_row();

    row.flags |= CLOUD_ROW_DIR;
    row.name = "dir";
    row.name_len = 3;
    row.sums.len = 0;
    return row;
}

/* Text of the d:response of a row, below "/p/". */
static const char *write_row(cloud_propreq_t *req, const cloud_dav_row_t *row)
{
    static cloud_dav_view_t view;
    const cloud_dav_owner_t owner = {"alice", "Alice & Bob"};
    cloud_out_t *out = cloud_out_create(collect, NULL, tu.pool);

    memset(&view, 0, sizeof(view));
    view.owners = apr_array_make(tu.pool, 1, sizeof(owner));
    APR_ARRAY_PUSH(view.owners, cloud_dav_owner_t) = owner;
    view.quota_free = -3;
    view.fingerprint = "";
    view.fileid_tail = "ocinstance";
    view.fileid_tail_len = 10;
    view.pool = tu.pool;
    answer_len = 0;
    cloud_propreq_row(out, req, &view, "/p/", 3, row);
    cloud_out_flush(out);
    return answer;
}

#define RESPONSE(href, inner) "<d:response><d:href>" href "</d:href>" inner "</d:response>"
#define FOUND(inner)                                                                            \
    "<d:propstat><d:prop>" inner "</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
#define MISSING(inner)                                                                          \
    "<d:propstat><d:prop>" inner                                                                \
    "</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"

static const char *const desktop =
    PROPS("<d:resourcetype/><d:getlastmodified/><d:getcontentlength/><d:getetag/>"
          "<id xmlns='http://owncloud.org/ns'/><downloadURL xmlns='http://owncloud.org/ns'/>"
          "<oc:permissions/><oc:checksums/><oc:data-fingerprint/><oc:share-types/>");

START_TEST(what_the_desktop_asks_for)
{
    cloud_propreq_t *req = request(desktop, 0);
    cloud_dav_row_t row = file_row();

    ck_assert_uint_eq(cloud_propreq_need(req),
                      CLOUD_NEED_ETAG | CLOUD_NEED_SUMS | CLOUD_NEED_FINGERPRINT | CLOUD_NEED_LETTERS);
    /* More than once: the second propstat comes from memory then. */
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(
            write_row(req, &row),
            RESPONSE("/p/a%20%26%20b.txt",
                     FOUND("<d:resourcetype/>"
                           "<d:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</d:getlastmodified>"
                           "<d:getcontentlength>13</d:getcontentlength>"
                           "<d:getetag>&quot;6b041&quot;</d:getetag>"
                           "<oc:id>00000042ocinstance</oc:id><oc:permissions>RDNVW</oc:permissions>"
                           "<oc:checksums><oc:checksum>"
                           "SHA1:000102030405060708090a0b0c0d0e0f101112ff"
                           " MD5:a0a1a2a3a4a5a6a7a8a9aaabacadaeaf ADLER32:deadbeef"
                           "</oc:checksum></oc:checksums>"
                           "<oc:data-fingerprint></oc:data-fingerprint><oc:share-types/>")
                         MISSING("<oc:downloadURL/>")));
    }
    row = folder_row();
    ck_assert_str_eq(
        write_row(req, &row),
        RESPONSE("/p/dir/",
                 FOUND("<d:resourcetype><d:collection/></d:resourcetype>"
                       "<d:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</d:getlastmodified>"
                       "<d:getetag>&quot;6b041&quot;</d:getetag>"
                       "<oc:id>00000042ocinstance</oc:id><oc:permissions>RDNVCK</oc:permissions>"
                       "<oc:data-fingerprint></oc:data-fingerprint><oc:share-types/>")
                     MISSING("<d:getcontentlength/><oc:downloadURL/><oc:checksums/>")));
}
END_TEST

START_TEST(minimal_says_nothing_of_what_is_missing)
{
    cloud_dav_row_t row = file_row();

    ck_assert_str_eq(write_row(request(PROPS("<oc:dDC/><oc:fileid/>"), 1), &row),
                     RESPONSE("/p/a%20%26%20b.txt", FOUND("<oc:fileid>42</oc:fileid>")));
    ck_assert_str_eq(write_row(request(PROPS("<oc:dDC/>"), 1), &row),
                     RESPONSE("/p/a%20%26%20b.txt", FOUND("")));
}
END_TEST

START_TEST(nothing_found)
{
    cloud_dav_row_t row = file_row();

    ck_assert_str_eq(write_row(request(PROPS("<oc:dDC/><oc:privatelink/>"), 0), &row),
                     RESPONSE("/p/a%20%26%20b.txt", MISSING("<oc:dDC/><oc:privatelink/>")));
}
END_TEST

START_TEST(each_property_once)
{
    cloud_dav_row_t row = file_row();

    ck_assert_str_eq(
        write_row(request(PROPS("<d:getetag/><e:getetag xmlns:e='DAV:'/><oc:x/><oc:x/>"), 0), &row),
        RESPONSE("/p/a%20%26%20b.txt",
                 FOUND("<d:getetag>&quot;6b041&quot;</d:getetag>") MISSING("<oc:x/>")));
}
END_TEST

START_TEST(other_namespaces)
{
    cloud_dav_row_t row = file_row();

    ck_assert_str_eq(
        write_row(request(PROPS("<d:displayname/><f xmlns='urn:a&amp;\"b'/><g xmlns=''/>"), 0),
                  &row),
        RESPONSE("/p/a%20%26%20b.txt",
                 FOUND("<d:displayname>a &amp; b.txt</d:displayname>")
                     MISSING("<x2:f xmlns:x2=\"urn:a&amp;&quot;b\"/><g xmlns=\"\"/>")));
}
END_TEST

START_TEST(dead_properties)
{
    static const cloud_prop_t dead[] = {
        {"", "null", "v", NULL},
        {"http://owncloud.org/ns", "tags", "<oc:tag>t</oc:tag>", NULL},
        {"urn:x", "empty", "", NULL},
        {"urn:x", "text", "a <b/> c", "de"},
    };
    cloud_dav_row_t row = file_row();

    row.dead = dead;
    row.dead_len = 4;
    ck_assert_str_eq(
        write_row(request(PROPS("<x:text xmlns:x='urn:x'/><y:empty xmlns:y='urn:x'/><oc:tags/>"
                                "<null/><x:none xmlns:x='urn:x'/>"), 0), &row),
        RESPONSE("/p/a%20%26%20b.txt",
                 FOUND("<x1:text xmlns:x1=\"urn:x\" xml:lang=\"de\">a <b/> c</x1:text>"
                       "<x2:empty xmlns:x2=\"urn:x\"/><oc:tags><oc:tag>t</oc:tag></oc:tags>"
                       "<null xmlns=\"\">v</null>")
                     MISSING("<x5:none xmlns:x5=\"urn:x\"/>")));
    /* In allprop they stand behind the live ones. */
    ck_assert_ptr_nonnull(strstr(write_row(request(NULL, 0), &row),
                                 "<x11:text xmlns:x11=\"urn:x\" xml:lang=\"de\">a <b/> c</x11:text>"
                                 "</d:prop>"));
    /* A live property that nobody can set is not hidden by a dead one. */
    row.dead = (const cloud_prop_t[]){{"DAV:", "getetag", "forged", NULL}};
    row.dead_len = 1;
    ck_assert_ptr_null(strstr(write_row(request(PROPS("<d:getetag/>"), 0), &row), "forged"));
}
END_TEST

START_TEST(allprop)
{
    cloud_dav_row_t row = file_row();

    ck_assert_str_eq(
        write_row(request(NULL, 0), &row),
        RESPONSE("/p/a%20%26%20b.txt",
                 FOUND("<d:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</d:getlastmodified>"
                       "<d:getcontentlength>13</d:getcontentlength><d:resourcetype/>"
                       "<d:getetag>&quot;6b041&quot;</d:getetag>"
                       "<d:getcontenttype>text/plain</d:getcontenttype>")));
    row = folder_row();
    ck_assert_str_eq(
        write_row(request("<d:propfind xmlns:d='DAV:'><d:allprop/></d:propfind>", 0), &row),
        RESPONSE("/p/dir/",
                 FOUND("<d:getlastmodified>Fri, 14 Jul 2017 02:40:00 GMT</d:getlastmodified>"
                       "<d:resourcetype><d:collection/></d:resourcetype>"
                       "<d:quota-used-bytes>13</d:quota-used-bytes>"
                       "<d:quota-available-bytes>-3</d:quota-available-bytes>"
                       "<d:getetag>&quot;6b041&quot;</d:getetag>")));
}
END_TEST

START_TEST(allprop_and_more)
{
    cloud_dav_row_t row = file_row();
    const char *text = write_row(
        request("<d:propfind xmlns:d='DAV:' xmlns:oc='http://owncloud.org/ns'><d:allprop/>"
                "<d:include><oc:fileid/><oc:dDC/><d:getetag/></d:include></d:propfind>", 0), &row);

    ck_assert_ptr_nonnull(strstr(text, "<oc:fileid>42</oc:fileid></d:prop>"));
    ck_assert_ptr_nonnull(strstr(text, MISSING("<oc:dDC/>")));
}
END_TEST

START_TEST(names_alone)
{
    cloud_dav_row_t row = file_row();
    const char *text =
        write_row(request("<d:propfind xmlns:d='DAV:'><d:propname/></d:propfind>", 0), &row);

    ck_assert_ptr_nonnull(strstr(text, "<d:getcontentlength/>"));
    ck_assert_ptr_nonnull(strstr(text, "<oc:checksums/>"));
    ck_assert_ptr_null(strstr(text, "quota"));
    ck_assert_ptr_null(strstr(text, "6b041"));
    ck_assert_ptr_null(strstr(text, "404"));
}
END_TEST

#define COLLECTION FOUND("<d:resourcetype><d:collection/></d:resourcetype>")

START_TEST(what_is_no_node_has_little)
{
    cloud_dav_row_t row = {.flags = CLOUD_ROW_DIR,
                           .size = CLOUD_ROW_UNKNOWN,
                           .mtime = CLOUD_ROW_UNKNOWN,
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = "files",
                           .name_len = 5};

    ck_assert_str_eq(write_row(request(NULL, 0), &row), RESPONSE("/p/files/", COLLECTION));
    ck_assert_str_eq(write_row(request(PROPS("<oc:permissions/><d:resourcetype/>"), 0), &row),
                     RESPONSE("/p/files/", COLLECTION MISSING("<oc:permissions/>")));
}
END_TEST

START_TEST(permissions)
{
    static const struct {
        unsigned perms, flags;
        const char *letters;
    } cases[] = {
        {CLOUD_PERM_ALL, CLOUD_ROW_DIR, "RDNVCK"},
        {CLOUD_PERM_ALL, 0, "RDNVW"},
        {CLOUD_PERM_READ, 0, ""},
        {CLOUD_PERM_READ, CLOUD_ROW_DIR | CLOUD_ROW_SHARED | CLOUD_ROW_MOUNTED, "SM"},
    };
    cloud_propreq_t *req = request(PROPS("<oc:permissions/>"), 0);

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cloud_dav_row_t row = file_row();

        row.perms = cases[i].perms;
        row.flags |= cases[i].flags;
        ck_assert_ptr_nonnull(
            strstr(write_row(req, &row), apr_pstrcat(tu.pool, "<oc:permissions>", cases[i].letters,
                                                     "</oc:permissions>", NULL)));
    }
}
END_TEST

START_TEST(more_than_64_properties)
{
    const char *list = "";
    cloud_dav_row_t row = file_row();

    for (int i = 0; i < 100; i++) list = apr_psprintf(tu.pool, "%s<oc:no%d/>", list, i);
    list = write_row(request(apr_psprintf(tu.pool, PROPS("%s<d:getetag/>"), list), 0), &row);
    ck_assert_ptr_nonnull(strstr(list, FOUND("<d:getetag>&quot;6b041&quot;</d:getetag>")));
    ck_assert_ptr_nonnull(strstr(list, "<oc:no0/>"));
    ck_assert_ptr_nonnull(strstr(list, "<oc:no99/></d:prop>"));
}
END_TEST

START_TEST(too_many_properties)
{
    const char *list = "";
    cloud_propreq_t *req;

    for (int i = 0; i < 501; i++) list = apr_psprintf(tu.pool, "%s<oc:no%d/>", list, i);
    list = apr_psprintf(tu.pool, PROPS("%s"), list);
    FAILS(cloud_propreq_parse(&req, xml(list), 0, tu.pool), TOO_LARGE);
}
END_TEST

START_TEST(bodies_that_ask_for_nothing)
{
    static const char *const bad[] = {
        "<propfind/>", "<d:propfind xmlns:d='DAV:'/>", "<d:prop xmlns:d='DAV:'/>",
        "<d:propfind xmlns:d='DAV:'><d:other/></d:propfind>",
    };
    cloud_propreq_t *req;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        FAILS(cloud_propreq_parse(&req, xml(bad[i]), 0, tu.pool), INVALID);
}
END_TEST

/* ---- the table ---- */

static cloud_prop_state_t write_extra(cloud_out_t *out, const cloud_dav_row_t *row,
                                      cloud_dav_view_t *view)
{
    (void)row, (void)view;
    cloud_out_lit(out, "extra");
    return CLOUD_PROP_VALUE;
}

static const cloud_dav_prop_t feature_props[] = {
    {"urn:feature", "own", 0, CLOUD_NEED_SUMS, write_extra},
    {CLOUD_NS_OC, "share-types", CLOUD_PROP_ALL, 0, write_extra},
    {NULL, NULL, 0, 0, NULL},
};

START_TEST(features_add_rows)
{
    const cloud_dav_prop_t *prop = NULL;
    cloud_dav_row_t row = file_row();
    int seen = 0, n = 0;

    cloud_dav_register_props(feature_props);
    cloud_dav_register_props(feature_props);
    ck_assert_str_eq(
        write_row(request(PROPS("<oc:share-types/><f:own xmlns:f='urn:feature'/>"), 0), &row),
        RESPONSE("/p/a%20%26%20b.txt", FOUND("<oc:share-types>extra</oc:share-types>"
                                             "<x2:own xmlns:x2=\"urn:feature\">extra</x2:own>")));
    ck_assert_ptr_nonnull(strstr(write_row(request(NULL, 0), &row),
                                 "<oc:share-types>extra</oc:share-types>"));
    while ((prop = cloud_dav_prop_next(prop))) {
        seen += strcmp(prop->name, "share-types") == 0;
        n++;
    }
    ck_assert_int_eq(seen, 1);
    ck_assert_int_gt(n, 25);
    cloud_dav_reset_props();
    ck_assert_ptr_null(cloud_dav_prop_find("urn:feature", "own"));
    ck_assert_ptr_nonnull(cloud_dav_prop_find(CLOUD_NS_OC, "share-types"));
}
END_TEST

Suite *suite_propreq(void)
{
    Suite *suite = suite_create("propreq");
    TCase *tc = tu_case(suite, "rows", tu_pool);

    tcase_add_test(tc, what_the_desktop_asks_for);
    tcase_add_test(tc, minimal_says_nothing_of_what_is_missing);
    tcase_add_test(tc, nothing_found);
    tcase_add_test(tc, each_property_once);
    tcase_add_test(tc, other_namespaces);
    tcase_add_test(tc, dead_properties);
    tcase_add_test(tc, allprop);
    tcase_add_test(tc, allprop_and_more);
    tcase_add_test(tc, names_alone);
    tcase_add_test(tc, what_is_no_node_has_little);
    tcase_add_test(tc, permissions);
    tcase_add_test(tc, more_than_64_properties);

    tc = tu_case(suite, "requests", tu_pool);
    tcase_add_test(tc, too_many_properties);
    tcase_add_test(tc, bodies_that_ask_for_nothing);
    tcase_add_test(tc, features_add_rows);
    return suite;
}
