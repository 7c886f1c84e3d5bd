/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Reading LDIF and lists. */
#include "testutil.h"

#include <stdio.h>
#include <string.h>

#include "ldif.h"

/* All entries as "attribute=value|" in one line, "/" behind each; "!" where an error is. */
static const char *read_all(const char *text)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ldif_t *ldif = ldif_open(in, tu.pool);
    const char *out = "";
    apr_table_t *entry;
    cloud_err_t *err;
    int i;

    ck_assert_ptr_nonnull(in);
    while (!(err = ldif_next(&entry, ldif, tu.pool)) && entry) {
        const apr_array_header_t *all = apr_table_elts(entry);

        for (i = 0; i < all->nelts; i++) {
            const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
            out = apr_pstrcat(tu.pool, out, e->key, "=", e->val, "|", NULL);
        }
        out = apr_pstrcat(tu.pool, out, "/", NULL);
    }
    fclose(in);
    if (err) ck_assert_int_eq(err->code, CLOUD_E_INVALID);
    return err ? apr_pstrcat(tu.pool, out, "!", NULL) : out;
}

START_TEST(test_what_is_read)
{
    static const struct {
        const char *text;
        const char *entries;
    } cases[] = {
        { "", "" },
        { "\n\n# nothing\n", "" },
        { "alice\nbob\n", "=alice|/=bob|/" },
        { "alice\r\n\r\nbob", "=alice|/=bob|/" },
        { "# who\nalice b\n", "=alice b|/" },
        { "dn: uid=a,dc=x\nuid: a\n\ndn: uid=b,dc=x\nUID: b\ncn: B B\n",
          "dn=uid=a,dc=x|uid=a|/dn=uid=b,dc=x|uid=b|cn=B B|/" },
        /* the first value counts, options do not */
        { "dn: x\nuid: one\nuid: two\ncn;lang-de: Eins\ncn: One\n", "dn=x|uid=one|cn=Eins|/" },
        { "dn: x\nuid:a\nmail:  b@c\n", "dn=x|uid=a|mail=b@c|/" },
        /* lines that go on, comments too */
        { "dn: a very\n  long name\nuid: x\n y\n# a comment\n  goes on: here\ncn: z\n",
          "dn=a very long name|uid=xy|cn=z|/" },
        { "version: 1\n\ndn: x\nuid: a\n", "version=1|/dn=x|uid=a|/" },
        /* base64; what is not text, or lies elsewhere, is no value */
        { "dn:: w6Q=\ncn:: QSBC\njpegPhoto:: AAEC\nx:< file:///etc/passwd\nuid: a\n",
          "dn=\xc3\xa4|cn=A B|uid=a|/" },
        { "dn: x\nuid: a\n\n# pagedresults: cookie=\n\n", "dn=x|uid=a|/" },
        { "dn: x\nuid: a\n\n# search result\nsearch: 2\nresult: 0 Success\n",
          "dn=x|uid=a|/search=2|result=0 Success|/" },
        { "dn: x\nresult: 4\n", "dn=x|result=4|/" },
        /* what must not be taken for a list of all */
        { "dn: x\nuid: a\n\nsearch: 2\nresult: 4 Size limit exceeded\n", "dn=x|uid=a|/!" },
        { "dn: x\nuid: a\nNo such object (32)\n", "!" },
        { "dn: x\nuid: a\n: b\n", "!" },
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(read_all(cases[i].text), cases[i].entries);
}
END_TEST

START_TEST(test_bytes_that_are_no_text)
{
    static const char text[] = "dn: x\nuid: a\0b\n";
    FILE *in = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    ldif_t *ldif = ldif_open(in, tu.pool);
    apr_table_t *entry;

    FAILS(ldif_next(&entry, ldif, tu.pool), INVALID);
    fclose(in);
}
END_TEST

Suite *suite_ldif(void)
{
    Suite *s = suite_create("ldif");
    TCase *tc = tu_case(s, "ldif", tu_pool);

    tcase_add_test(tc, test_what_is_read);
    tcase_add_test(tc, test_bytes_that_are_no_text);
    return s;
}
