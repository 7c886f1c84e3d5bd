/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* OAuth 2.0: redirect URIs, PKCE, and the clients that there are. */
#include "testutil.h"

#include <string.h>

#include "oauth2.h"
#include "oauth2_private.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* RFC 7636, appendix B */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static cloud_account_t *alice;
static cloud_ctx_t *as_alice;
static cloud_oauth_client_t *desktop;

static void setup(void)
{
    cloud_oauth_register();
    tu_store();
    alice = tu_account("alice");
    as_alice = tu_as(alice);
    OK(cloud_oauth_client_get(&desktop, tu.ctx, CLOUD_OAUTH_DESKTOP, tu.pool));
}

static void teardown(void)
{
    cloud_oauth_unregister();
}

/* ---- redirect URIs ---- */

static const struct {
    const char *registered, *given;
    int fits;
} REDIRECTS[] = {
    { "http://localhost:*", "http://localhost:1234", 1 },
    { "http://localhost:*", "http://localhost:1234/", 1 },
    { "http://localhost:*", "http://LOCALHOST:1234", 1 },
    { "http://localhost:*", "http://localhost", 1 },
    { "http://localhost:*", "http://127.0.0.1:1234", 1 },
    { "http://localhost:*", "http://[::1]:1234", 1 },
    { "http://localhost:*", "http://localhost:1234/x", 0 },
    { "http://localhost:*", "http://localhost:1234?x=y", 0 },
    { "http://localhost:*", "http://localhost:1234#x", 0 },
    { "http://localhost:*", "http://localhost:*", 0 },
    { "http://localhost:*", "http://localhost:", 0 },
    { "http://localhost:*", "http://localhost:123456", 0 },
    { "http://localhost:*", "http://localhost:12x", 0 },
    { "http://localhost:*", "http://localhost:80@evil.example", 0 },
    { "http://localhost:*", "http://user@localhost:80", 0 },
    { "http://localhost:*", "http://localhost.evil.example:80", 0 },
    { "http://localhost:*", "http://evil.example/localhost:80", 0 },
    { "http://localhost:*", "http://127.0.0.1.evil.example", 0 },
    { "http://localhost:*", "http://localhost:80\\@evil.example", 0 },
    { "http://localhost:*", "https://localhost:1234", 0 },
    { "http://localhost:*", "http:localhost:1234", 0 },
    { "http://localhost:*", "//localhost:1234", 0 },
    { "http://localhost:*", "localhost:1234", 0 },
    { "http://localhost:*", "http://", 0 },
    { "http://localhost:*", "http://:1234", 0 },
    { "http://localhost:*", "", 0 },
    { "http://localhost:*", "http://local host:1234", 0 },
    { "http://localhost:*", "http://localhost:1234\n", 0 },
    { "http://localhost:*/done", "http://localhost:1234/done", 1 },
    { "http://localhost:*/done", "http://localhost:1234/done/", 0 },
    { "http://localhost:*/done", "http://localhost:1234", 0 },
    { "http://localhost:8080", "http://localhost:8081", 0 },
    { "http://localhost:8080", "http://127.0.0.1:8080", 0 },
    { "oc://android.owncloud.com", "oc://android.owncloud.com", 1 },
    { "oc://android.owncloud.com", "OC://android.owncloud.com/", 1 },
    { "oc://android.owncloud.com", "oc://ios.owncloud.com", 0 },
    { "oc://android.owncloud.com", "oc:android.owncloud.com", 0 },
    { "oc://android.owncloud.com", "http://android.owncloud.com", 0 },
    { "https://web.example/oidc-callback.html", "https://web.example/oidc-callback.html", 1 },
    { "https://web.example/oidc-callback.html", "https://WEB.example/oidc-callback.html", 1 },
    { "https://web.example/oidc-callback.html", "https://web.example/OIDC-callback.html", 0 },
    { "https://web.example/oidc-callback.html", "https://web.example/oidc-callback.html?a=b", 0 },
    { "https://web.example/oidc-callback.html", "https://web.example:444/oidc-callback.html", 0 },
    { "https://web.example/oidc-callback.html", "https://sub.web.example/oidc-callback.html", 0 },
    { "https://web.example/oidc-callback.html", "https://web.example/x/../oidc-callback.html", 0 },
    { "https://web.example/?a=b", "https://web.example?a=b", 1 },
    { "com.example.app:/done", "com.example.app:/done", 1 },
    { "com.example.app:/done", "com.example.app:/other", 0 },
};

START_TEST(test_redirects)
{
    int i;

    for (i = 0; i < COUNT(REDIRECTS); i++)
        ck_assert_msg(cloud_oauth_redirect_fits(REDIRECTS[i].registered, REDIRECTS[i].given)
                          == REDIRECTS[i].fits,
                      "%s, %s", REDIRECTS[i].registered, REDIRECTS[i].given);
}
END_TEST

START_TEST(test_registrable)
{
    static const char *const good[] = { "http://localhost:*", "http://localhost:*/x", "oc://a.b",
                                        "https://a.example/x?y=z", "com.example:/x",
                                        "http://[::1]:80/", NULL };
    static const char *const bad[] = { "", "x", "/x", "https://", "https://a.example/#x",
                                       "https://u@a.example/", "https://a.example:*/",
                                       "http://127.0.0.1:*", "javascript://x", "data://x", "a:/x",
                                       "https://a b/", "https://a.example:x/", "ht^p://a", NULL };
    int i;

    for (i = 0; good[i]; i++) ck_assert_msg(cloud_oauth_redirect_ok(good[i]), "%s", good[i]);
    for (i = 0; bad[i]; i++) ck_assert_msg(!cloud_oauth_redirect_ok(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(test_redirect_with)
{
    ck_assert_str_eq(cloud_oauth_redirect_with("oc://x", tu.pool, "code", "a b&c", "no", NULL,
                                               "state", "\xc3\xa9", NULL),
                     "oc://x?code=a%20b%26c&state=%C3%A9");
    ck_assert_str_eq(cloud_oauth_redirect_with("https://x/?a=b", tu.pool, "code", "1", NULL),
                     "https://x/?a=b&code=1");
    ck_assert_str_eq(cloud_oauth_redirect_source("http://localhost:12/x?y", tu.pool),
                     "http://localhost:12");
    ck_assert_str_eq(cloud_oauth_redirect_source("oc://ios.owncloud.com", tu.pool), "oc:");
    ck_assert_str_eq(cloud_oauth_redirect_source("no uri", tu.pool), "'none'");
}
END_TEST

/* ---- PKCE ---- */

START_TEST(test_pkce)
{
    ck_assert(cloud_oauth_pkce_fits("S256", CHALLENGE, VERIFIER));
    ck_assert(!cloud_oauth_pkce_fits("S256", CHALLENGE, CHALLENGE));
    ck_assert(!cloud_oauth_pkce_fits("S256", VERIFIER, VERIFIER));
    ck_assert(!cloud_oauth_pkce_fits("S256", CHALLENGE, ""));
    ck_assert(!cloud_oauth_pkce_fits("S256", CHALLENGE, NULL));
    ck_assert(cloud_oauth_pkce_fits("plain", VERIFIER, VERIFIER));
    ck_assert(cloud_oauth_pkce_fits(NULL, VERIFIER, VERIFIER));
    ck_assert(!cloud_oauth_pkce_fits("plain", CHALLENGE, VERIFIER));
    ck_assert(cloud_oauth_pkce_fits(NULL, NULL, NULL));
    ck_assert(!cloud_oauth_pkce_fits(NULL, NULL, VERIFIER)); /* RFC 9700, 2.1.1 */
}
END_TEST

START_TEST(test_challenges)
{
    char longest[130];

    memset(longest, 'a', sizeof longest);
    longest[128] = '\0';
    ck_assert(cloud_oauth_pkce_ok("S256", CHALLENGE));
    ck_assert(!cloud_oauth_pkce_ok("S256", CHALLENGE "a"));
    ck_assert(!cloud_oauth_pkce_ok("S256", ""));
    ck_assert(!cloud_oauth_pkce_ok("S256", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"));
    ck_assert(cloud_oauth_pkce_ok("plain", VERIFIER));
    ck_assert(cloud_oauth_pkce_ok(NULL, longest));
    longest[128] = 'a';
    longest[129] = '\0';
    ck_assert(!cloud_oauth_pkce_ok("plain", longest));
    ck_assert(!cloud_oauth_pkce_ok("plain", "short"));
    ck_assert(!cloud_oauth_pkce_ok("S512", CHALLENGE));
    ck_assert(!cloud_oauth_pkce_ok("s256", CHALLENGE));
}
END_TEST

/* ---- clients ---- */

START_TEST(test_builtin_clients)
{
    cloud_oauth_client_t *c;
    int fits;

    ck_assert_str_eq(desktop->name, "Desktop Client");
    ck_assert_str_eq(desktop->redirect, "http://localhost:*");
    ck_assert(desktop->builtin && !desktop->trusted && !desktop->has_secret);
    OK(cloud_oauth_client_check(&fits, tu.ctx, desktop, "UBntmLjC2yYCeHwsyj73Uwo9TAaecAetRwMw0xYcvNL9"
                                                        "yRdLSUi0hUAHfvCHFeFh"));
    ck_assert(fits);
    OK(cloud_oauth_client_check(&fits, tu.ctx, desktop, "UBntmLjC"));
    ck_assert(!fits);
    FAILS(cloud_oauth_client_get(&c, tu.ctx, "nobody", tu.pool), NOT_FOUND);
    FAILS(cloud_oauth_client_get(&c, tu.ctx, "", tu.pool), NOT_FOUND);

    FAILS(cloud_oauth_client_remove(as_alice, "iOS"), DENIED);
    OK(cloud_oauth_client_remove(tu.ctx, "iOS"));
    FAILS(cloud_oauth_client_remove(tu.ctx, "iOS"), NOT_FOUND);
    FAILS(cloud_oauth_client_get(&c, tu.ctx, CLOUD_OAUTH_IOS, tu.pool), NOT_FOUND);
    tu_reopen(); /* it does not come back with the tables */
    FAILS(cloud_oauth_client_get(&c, tu.ctx, CLOUD_OAUTH_IOS, tu.pool), NOT_FOUND);
    FAILS(cloud_oauth_client_restore(tu_as(NULL), "iOS"), DENIED);
    OK(cloud_oauth_client_restore(tu.ctx, CLOUD_OAUTH_IOS));
    FAILS(cloud_oauth_client_restore(tu.ctx, "iOS"), NOT_FOUND);
    OK(cloud_oauth_client_get(&c, tu.ctx, CLOUD_OAUTH_IOS, tu.pool));
    ck_assert_str_eq(c->redirect, "oc://ios.owncloud.com");
}
END_TEST

START_TEST(test_own_clients)
{
    cloud_oauth_client_new_t what = { .name = "Reader", .redirect = "https://r.example/cb" };
    cloud_oauth_client_t *c, *again;
    const char *secret;
    int fits;

    FAILS(cloud_oauth_client_add(&c, &secret, as_alice, &what, tu.pool), DENIED);
    OK(cloud_oauth_client_add(&c, &secret, tu.ctx, &what, tu.pool));
    ck_assert_uint_eq(strlen(c->id), 64);
    ck_assert_uint_eq(strlen(secret), 64);
    OK(cloud_oauth_client_get(&again, tu.ctx, c->id, tu.pool));
    ck_assert(again->has_secret && !again->builtin && !again->trusted);
    OK(cloud_oauth_client_check(&fits, tu.ctx, again, secret));
    ck_assert(fits);
    OK(cloud_oauth_client_check(&fits, tu.ctx, again, c->id));
    ck_assert(!fits);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_client WHERE length(secret) = 32"),
                     1);
    FAILS(cloud_oauth_client_add(&c, &secret, tu.ctx, &what, tu.pool), EXISTS);
    OK(cloud_oauth_client_remove(tu.ctx, "Reader"));
    FAILS(cloud_oauth_client_get(&again, tu.ctx, again->id, tu.pool), NOT_FOUND);

    what.is_public = 1;
    what.trusted = 1;
    what.id = "a-public-client-id";
    OK(cloud_oauth_client_add(&c, &secret, tu.ctx, &what, tu.pool));
    ck_assert_ptr_null(secret);
    OK(cloud_oauth_client_get(&c, tu.ctx, "a-public-client-id", tu.pool));
    ck_assert(!c->has_secret && c->trusted);
    OK(cloud_oauth_client_check(&fits, tu.ctx, c, ""));
    ck_assert(!fits);
}
END_TEST

START_TEST(test_bad_clients)
{
    static const cloud_oauth_client_new_t bad[] = {
        { .name = "", .redirect = "https://x.example/" },
        { .name = "a\nb", .redirect = "https://x.example/" },
        { .name = "\xff", .redirect = "https://x.example/" },
        { .name = "x", .redirect = "nonsense" },
        { .name = "x", .redirect = "https://x.example/", .id = "short" },
        { .name = "x", .redirect = "https://x.example/", .id = "with a blank in its middle" },
        { .name = "x", .redirect = "https://x.example/", .id = "with:a:colon:in:its:middle" },
        { .name = "x", .redirect = "https://x.example/", .secret = "too short" },
        { .name = "x", .redirect = "https://x.example/", .is_public = 1,
          .secret = "0123456789abcdef0123456789abcdef" },
        { .name = "x", .redirect = "http://localhost:*", .trusted = 1 },
        { .name = "x", .redirect = "oc://x.example", .trusted = 1 },
    };
    cloud_oauth_client_t *c;
    const char *secret;
    int i;

    for (i = 0; i < COUNT(bad); i++)
        FAILS(cloud_oauth_client_add(&c, &secret, tu.ctx, &bad[i], tu.pool), INVALID);
}
END_TEST

Suite *suite_oauth2_client(void)
{
    Suite *suite = suite_create("oauth2_client");
    TCase *tc = tu_case(suite, "uri", tu_pool);

    tcase_add_test(tc, test_redirects);
    tcase_add_test(tc, test_registrable);
    tcase_add_test(tc, test_redirect_with);
    tcase_add_test(tc, test_pkce);
    tcase_add_test(tc, test_challenges);

    tc = tu_case(suite, "store", setup);
    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, test_builtin_clients);
    tcase_add_test(tc, test_own_clients);
    tcase_add_test(tc, test_bad_clients);
    return suite;
}
