/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* OAuth 2.0: codes, tokens and what ends them. Time passes by moving what the rows say into the past. */
#include "testutil.h"

#include <apr_file_io.h>
#include <pthread.h>
#include <string.h>

#include "oauth2.h"
#include "oauth2_private.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))
#define REDIRECT "http://localhost:1234"

/* RFC 7636, appendix B */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static cloud_account_t *alice;
static cloud_ctx_t *as_alice;
static cloud_oauth_client_t *desktop, *android;
static cloud_oauth_answer_t answer;

static void setup(void)
{
    cloud_oauth_register();
    tu_store();
    alice = tu_account("alice");
    as_alice = tu_as(alice);
    OK(cloud_oauth_client_get(&desktop, tu.ctx, CLOUD_OAUTH_DESKTOP, tu.pool));
    OK(cloud_oauth_client_get(&android, tu.ctx, CLOUD_OAUTH_ANDROID, tu.pool));
}

static void teardown(void)
{
    cloud_oauth_unregister();
}

static const char *code_with(const char *challenge, const char *method)
{
    const char *code;

    OK(cloud_oauth_code_create(&code, as_alice, desktop, alice, REDIRECT, challenge, method,
                               tu.pool));
    return code;
}

static const char *new_code(void)
{
    return code_with(CHALLENGE, "S256");
}

/* The error, NULL when there are tokens. */
static const char *exchange(const char *code)
{
    OK(cloud_oauth_exchange(&answer, tu_as(NULL), desktop, code, REDIRECT, VERIFIER, tu.pool));
    ck_assert(!answer.access == !!answer.error);
    return answer.error;
}

static const char *refresh(const char *token)
{
    OK(cloud_oauth_refresh(&answer, tu_as(NULL), desktop, token, tu.pool));
    ck_assert(!answer.access == !!answer.error);
    return answer.error;
}

static cloud_oauth_login_t login;

static cloud_oauth_state_t verify(const char *token)
{
    OK(cloud_oauth_verify(&login, tu_as(NULL), token, tu.pool));
    return login.state;
}

/* A new family; its tokens. */
static cloud_oauth_answer_t authorize(void)
{
    ck_assert_ptr_null(exchange(new_code()));
    return answer;
}

/* ---- codes ---- */

START_TEST(test_exchange)
{
    cloud_oauth_answer_t first = authorize();

    ck_assert_str_eq(first.user, "alice");
    ck_assert_int_eq(first.expires_in, 3600);
    ck_assert(cloud_oauth_shape(first.access) && cloud_oauth_shape(first.refresh));
    ck_assert_int_eq(verify(first.access), CLOUD_OAUTH_GOOD);
    ck_assert_str_eq(login.account->id, "alice");
    ck_assert_str_eq(login.client, "Desktop Client");
    ck_assert_int_eq(verify(first.refresh), CLOUD_OAUTH_ENDED); /* it opens nothing by itself */
    ck_assert_str_eq(refresh(first.access), "invalid_grant");
}
END_TEST

START_TEST(test_wrong_code)
{
    const char *code = new_code(), *plain = code_with(VERIFIER, NULL), *none = code_with(NULL, NULL);
    cloud_ctx_t *nobody = tu_as(NULL);
    const char *unused;

    OK(cloud_oauth_exchange(&answer, nobody, desktop, "x", REDIRECT, VERIFIER, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    ck_assert(answer.guess);
    OK(cloud_oauth_exchange(&answer, nobody, android, code, REDIRECT, VERIFIER, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    ck_assert(!answer.guess);
    OK(cloud_oauth_exchange(&answer, nobody, desktop, code, REDIRECT "5", VERIFIER, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    OK(cloud_oauth_exchange(&answer, nobody, desktop, code, REDIRECT, CHALLENGE, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    OK(cloud_oauth_exchange(&answer, nobody, desktop, code, REDIRECT, NULL, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    OK(cloud_oauth_exchange(&answer, nobody, desktop, none, REDIRECT, VERIFIER, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    /* None of that used them up. */
    ck_assert_ptr_null(exchange(code));
    ck_assert_ptr_null(exchange(plain));
    OK(cloud_oauth_exchange(&answer, nobody, desktop, none, REDIRECT, NULL, tu.pool));
    ck_assert_ptr_nonnull(answer.access);
    FAILS(cloud_oauth_code_create(&unused, nobody, desktop, alice, REDIRECT, NULL, NULL, tu.pool),
          DENIED);
    FAILS(cloud_oauth_code_create(&unused, tu.ctx, desktop, alice, REDIRECT, NULL, NULL, tu.pool),
          DENIED);
}
END_TEST

START_TEST(test_code_ends)
{
    const char *code = new_code();

    tu_exec("UPDATE oauth_code SET expires = expires - 599000000");
    ck_assert_ptr_null(exchange(code));
    code = new_code();
    tu_exec("UPDATE oauth_code SET expires = expires - 600000001");
    ck_assert_str_eq(exchange(code), "invalid_grant");
}
END_TEST

/* RFC 6749, 10.5 */
START_TEST(test_code_used_twice)
{
    const char *code = new_code();
    cloud_oauth_answer_t first;

    ck_assert_ptr_null(exchange(code));
    first = answer;
    OK(cloud_oauth_exchange(&answer, tu_as(NULL), android, code, REDIRECT, VERIFIER, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    ck_assert_int_eq(verify(first.access), CLOUD_OAUTH_GOOD); /* another client is no replay */
    ck_assert_str_eq(exchange(code), "invalid_grant");
    ck_assert_int_eq(verify(first.access), CLOUD_OAUTH_ENDED);
    ck_assert_str_eq(refresh(first.refresh), "invalid_grant");
    ck_assert_str_eq(exchange(code), "invalid_grant");
}
END_TEST

typedef struct {
    pthread_t thread;
    cloud_ctx_t *ctx;
    const char *secret;
    int is_code;
    cloud_oauth_answer_t answer;
    cloud_err_t *err;
} racer_t;

static void *race(void *data)
{
    racer_t *r = data;

    r->err = r->is_code ? cloud_oauth_exchange(&r->answer, r->ctx, desktop, r->secret, REDIRECT,
                                               VERIFIER, r->ctx->pool)
                        : cloud_oauth_refresh(&r->answer, r->ctx, desktop, r->secret,
                                              r->ctx->pool);
    return NULL;
}

static int run_race(racer_t racers[], int n, const char *secret, int is_code)
{
    int i, won = 0;

    for (i = 0; i < n; i++) {
        apr_pool_t *pool;
        apr_pool_create(&pool, NULL);
        racers[i] = (racer_t){ .secret = secret, .is_code = is_code };
        racers[i].ctx = cloud_ctx_create(tu.store, pool);
        ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (i = 0; i < n; i++) {
        pthread_join(racers[i].thread, NULL);
        OK(racers[i].err);
        won += racers[i].answer.access != NULL;
    }
    return won;
}

static void end_race(racer_t racers[], int n)
{
    while (n--) apr_pool_destroy(racers[n].ctx->pool);
}

START_TEST(test_race_for_a_code)
{
    racer_t racers[8];

    ck_assert_int_eq(run_race(racers, COUNT(racers), new_code(), 1), 1);
    end_race(racers, COUNT(racers));
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_family"), 0);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_token"), 0);
}
END_TEST

/* As if the answers were lost: all may go on, and then one alone. */
START_TEST(test_race_for_a_refresh)
{
    cloud_oauth_answer_t first = authorize();
    racer_t racers[4];
    int i;

    ck_assert_int_eq(run_race(racers, COUNT(racers), first.refresh, 0), COUNT(racers));
    for (i = 0; i < COUNT(racers); i++)
        ck_assert_int_eq(verify(racers[i].answer.access), CLOUD_OAUTH_GOOD);
    ck_assert_int_eq(tu_query_int("SELECT generation FROM oauth_family"), 2);
    ck_assert_ptr_null(refresh(racers[0].answer.refresh));
    ck_assert_str_eq(refresh(racers[1].answer.refresh), "invalid_grant");
    ck_assert_int_eq(verify(racers[0].answer.access), CLOUD_OAUTH_ENDED);
    end_race(racers, COUNT(racers));
}
END_TEST

/* ---- tokens ---- */

START_TEST(test_access_expires)
{
    cloud_oauth_answer_t t = authorize();

    tu_exec("UPDATE oauth_token SET expires = expires - 3599000000 WHERE refresh = 0");
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_GOOD);
    tu_exec("UPDATE oauth_token SET expires = expires - 1000001 WHERE refresh = 0");
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_ENDED);
    ck_assert_ptr_null(refresh(t.refresh));
    ck_assert_int_eq(verify(answer.access), CLOUD_OAUTH_GOOD);
}
END_TEST

START_TEST(test_forged)
{
    cloud_oauth_answer_t t = authorize();
    char *other = apr_pstrdup(tu.pool, t.access);

    other[30] = other[30] == 'A' ? 'B' : 'A';
    ck_assert_int_eq(verify(other), CLOUD_OAUTH_FORGED);
    ck_assert_int_eq(verify(""), CLOUD_OAUTH_FORGED);
    ck_assert_int_eq(verify("x"), CLOUD_OAUTH_FORGED);
    ck_assert_int_eq(verify(apr_pstrcat(tu.pool, t.access, "x", NULL)), CLOUD_OAUTH_FORGED);
    ck_assert_int_eq(verify(apr_pstrmemdup(tu.pool, t.access, 59)), CLOUD_OAUTH_FORGED);
    ck_assert_str_eq(refresh(other), "invalid_grant");
    ck_assert(answer.guess);
    ck_assert_str_eq(refresh(t.access), "invalid_grant");
    ck_assert(!answer.guess);
}
END_TEST

START_TEST(test_rotation)
{
    cloud_oauth_answer_t t = authorize();
    const char *used[6];
    int i;

    for (i = 0; i < COUNT(used); i++) {
        used[i] = t.refresh;
        ck_assert_ptr_null(refresh(t.refresh));
        ck_assert_str_ne(answer.refresh, t.refresh);
        t = answer;
    }
    /* Few rows are kept. */
    ck_assert_int_le(tu_query_int("SELECT COUNT(*) FROM oauth_token WHERE refresh = 1"), 2);
    /* The oldest has long left the table, and still it is known for what it is. */
    ck_assert_str_eq(refresh(used[0]), "invalid_grant");
    ck_assert(!answer.guess);
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_ENDED);
    ck_assert_str_eq(refresh(t.refresh), "invalid_grant");
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_family"), 0);
}
END_TEST

START_TEST(test_lost_answer)
{
    cloud_oauth_answer_t t = authorize(), lost;

    ck_assert_ptr_null(refresh(t.refresh));
    lost = answer;
    tu_exec("UPDATE oauth_family SET rotated = rotated - 590000000");
    ck_assert_ptr_null(refresh(t.refresh));
    ck_assert_ptr_null(refresh(answer.refresh));
    ck_assert_int_eq(verify(answer.access), CLOUD_OAUTH_GOOD);
    /* Now what came of it was used: it was a theft after all. */
    ck_assert_str_eq(refresh(t.refresh), "invalid_grant");
    ck_assert_str_eq(refresh(lost.refresh), "invalid_grant");
    ck_assert_int_eq(verify(lost.access), CLOUD_OAUTH_ENDED);
}
END_TEST

/* Of two that came of one token, only the first goes on: the other holder is somebody else. */
START_TEST(test_siblings)
{
    cloud_oauth_answer_t t = authorize(), first, second, third;

    ck_assert_ptr_null(refresh(t.refresh));
    first = answer;
    ck_assert_ptr_null(refresh(t.refresh));
    second = answer;
    ck_assert_ptr_null(refresh(t.refresh));
    third = answer;
    ck_assert_ptr_null(refresh(second.refresh));
    t = answer;
    /* The answer to that may get lost, too. */
    ck_assert_ptr_null(refresh(second.refresh));
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_GOOD);
    ck_assert_str_eq(refresh(first.refresh), "invalid_grant");
    ck_assert(!answer.guess);
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_ENDED);
    ck_assert_str_eq(refresh(third.refresh), "invalid_grant");
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_family"), 0);
}
END_TEST

START_TEST(test_replay_after_a_while)
{
    cloud_oauth_answer_t t = authorize(), next;

    ck_assert_ptr_null(refresh(t.refresh));
    next = answer;
    tu_exec("UPDATE oauth_family SET rotated = rotated - 601000000");
    ck_assert_str_eq(refresh(t.refresh), "invalid_grant");
    ck_assert_int_eq(verify(next.access), CLOUD_OAUTH_ENDED);
    ck_assert_str_eq(refresh(next.refresh), "invalid_grant");
}
END_TEST

START_TEST(test_no_end_of_siblings)
{
    cloud_oauth_answer_t t = authorize();
    int i;

    for (i = 0; i < OAUTH_SIBLINGS; i++) ck_assert_ptr_null(refresh(t.refresh));
    ck_assert_str_eq(refresh(t.refresh), "invalid_grant");
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_token"), 0);
}
END_TEST

START_TEST(test_other_client)
{
    cloud_oauth_answer_t t = authorize();

    OK(cloud_oauth_refresh(&answer, tu_as(NULL), android, t.refresh, tu.pool));
    ck_assert_str_eq(answer.error, "invalid_grant");
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_GOOD);
    ck_assert_ptr_null(refresh(t.refresh));
}
END_TEST

START_TEST(test_refresh_expires)
{
    cloud_oauth_answer_t t = authorize();
    int more;

    tu_exec("UPDATE oauth_token SET expires = expires - 15552000000001 WHERE refresh = 1");
    ck_assert_str_eq(refresh(t.refresh), "invalid_grant");
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_ENDED);

    t = authorize();
    OK(cloud_setting_set(tu.ctx, "oauth2", "refresh_token_lifetime", "0"));
    ck_assert_ptr_null(refresh(t.refresh));
    ck_assert_int_eq(tu_query_int("SELECT MAX(expires) FROM oauth_token WHERE refresh = 1"
                                  " AND generation = 2"), 0);
    tu_exec("UPDATE oauth_family SET rotated = 1");
    OK(cloud_oauth_expire(&more, tu.ctx));
    ck_assert_ptr_null(refresh(answer.refresh));
}
END_TEST

/* ---- what ends it ---- */

START_TEST(test_revoke)
{
    cloud_oauth_answer_t one = authorize(), two = authorize();
    int guess;

    OK(cloud_oauth_revoke(&guess, tu_as(NULL), android, one.refresh));
    ck_assert(!guess);
    ck_assert_int_eq(verify(one.access), CLOUD_OAUTH_GOOD);
    OK(cloud_oauth_revoke(&guess, tu_as(NULL), desktop, one.access));
    ck_assert_int_eq(verify(one.access), CLOUD_OAUTH_ENDED);
    ck_assert_ptr_null(refresh(one.refresh));
    OK(cloud_oauth_revoke(&guess, tu_as(NULL), desktop, answer.refresh));
    ck_assert_int_eq(verify(answer.access), CLOUD_OAUTH_ENDED);
    ck_assert_str_eq(refresh(answer.refresh), "invalid_grant");
    OK(cloud_oauth_revoke(&guess, tu_as(NULL), desktop, one.refresh));
    ck_assert(!guess);
    OK(cloud_oauth_revoke(&guess, tu_as(NULL), desktop, "nonsense"));
    ck_assert(guess);
    ck_assert_int_eq(verify(two.access), CLOUD_OAUTH_GOOD);
}
END_TEST

typedef void end_fn(void);

static void disable(void)
{
    OK(cloud_account_set_enabled(tu.ctx, "alice", 0));
}

static void disable_and_enable(void)
{
    disable();
    OK(cloud_account_set_enabled(tu.ctx, "alice", 1));
}

static void new_password(void)
{
    OK(cloud_account_set_password(tu.ctx, "alice", "another"));
}

static void delete_account(void)
{
    OK(cloud_account_delete(tu.ctx, "alice"));
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_family"), 0);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_token"), 0);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_code"), 0);
}

static void delete_and_create(void)
{
    delete_account();
    tu_account("alice");
}

static void remove_client(void)
{
    OK(cloud_oauth_client_remove(tu.ctx, "Desktop Client"));
}

static end_fn *const ENDS[] = { disable, disable_and_enable, new_password, delete_account,
                                delete_and_create, remove_client };

START_TEST(test_ends)
{
    cloud_oauth_answer_t t = authorize();
    const char *code = new_code(), *unused;

    ENDS[_i]();
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_ENDED);
    ck_assert_str_eq(refresh(t.refresh), "invalid_grant");
    ck_assert_ptr_nonnull(exchange(code));
    /* The page was shown before that. */
    if (ENDS[_i] != remove_client)
        ck_assert_ptr_nonnull(cloud_oauth_code_create(&unused, as_alice, desktop, alice, REDIRECT,
                                                      NULL, NULL, tu.pool));
}
END_TEST

START_TEST(test_families)
{
    cloud_account_t *bob = tu_account("bob");
    apr_array_header_t *list;
    cloud_oauth_answer_t t[3];
    apr_int64_t id;
    int i;

    for (i = 0; i < 3; i++) t[i] = authorize();
    OK(cloud_oauth_family_list(&list, as_alice, alice, tu.pool));
    ck_assert_int_eq(list->nelts, 3);
    ck_assert_str_eq(APR_ARRAY_IDX(list, 0, cloud_oauth_family_t).client, "Desktop Client");
    FAILS(cloud_oauth_family_list(&list, tu_as(bob), alice, tu.pool), DENIED);
    FAILS(cloud_oauth_family_revoke(tu_as(bob), alice, 0), DENIED);
    OK(cloud_oauth_verify(&login, tu.ctx, t[1].access, tu.pool));
    id = login.family;
    FAILS(cloud_oauth_family_revoke(tu_as(bob), bob, id), NOT_FOUND);
    OK(cloud_oauth_family_revoke(as_alice, alice, id));
    FAILS(cloud_oauth_family_revoke(as_alice, alice, id), NOT_FOUND);
    ck_assert_int_eq(verify(t[1].access), CLOUD_OAUTH_ENDED);
    ck_assert_int_eq(verify(t[2].access), CLOUD_OAUTH_GOOD);
    OK(cloud_oauth_family_revoke(tu.ctx, alice, 0));
    ck_assert_int_eq(verify(t[2].access), CLOUD_OAUTH_ENDED);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_token"), 0);
}
END_TEST

/* The one not used for longest makes room. */
START_TEST(test_full)
{
    cloud_oauth_answer_t first = authorize(), second = authorize();
    int i;

    tu_exec("UPDATE oauth_family SET last_used = last_used + 1000000000 WHERE id ="
            " (SELECT MIN(id) FROM oauth_family)");
    for (i = 0; i < OAUTH_PER_ACCOUNT - 1; i++) authorize();
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_family"), OAUTH_PER_ACCOUNT);
    ck_assert_int_eq(verify(first.access), CLOUD_OAUTH_GOOD);
    ck_assert_int_eq(verify(second.access), CLOUD_OAUTH_ENDED);
}
END_TEST

START_TEST(test_expiry)
{
    cloud_oauth_answer_t t = authorize();
    int more;

    new_code();
    tu_exec("UPDATE oauth_family SET rotated = rotated - 15551000000000");
    tu_exec("UPDATE oauth_code SET expires = expires - 86000000000");
    OK(cloud_oauth_expire(&more, tu.ctx));
    ck_assert(!more);
    ck_assert_int_eq(verify(t.access), CLOUD_OAUTH_GOOD);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_code"), 2);
    tu_exec("UPDATE oauth_family SET rotated = rotated - 1001000000");
    tu_exec("UPDATE oauth_code SET expires = expires - 1000000000");
    OK(cloud_oauth_expire(&more, tu.ctx));
    ck_assert(!more);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_family"), 0);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_token"), 0);
    ck_assert_int_eq(tu_query_int("SELECT COUNT(*) FROM oauth_code"), 0);
}
END_TEST

/* A request with a token costs two statements, whatever the number of tokens. */
START_TEST(test_statements)
{
    cloud_oauth_answer_t t = authorize();
    cloud_ctx_t *ctx = tu_as(NULL);
    apr_uint64_t before;

    OK(cloud_oauth_verify(&login, ctx, t.access, tu.pool));
    before = tu_statements(ctx);
    OK(cloud_oauth_verify(&login, ctx, t.access, tu.pool));
    OK(cloud_oauth_seen(ctx, &login));
    ck_assert_uint_le(tu_statements(ctx) - before, 5); /* with BEGIN, ROLLBACK and the question */
}
END_TEST

static int file_has(const char *name, const char *text)
{
    const char *path = apr_pstrcat(tu.pool, tu.dir, "/", name, NULL);
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t len;
    char *data;

    if (apr_file_open(&file, path, APR_READ, 0, tu.pool) != APR_SUCCESS) return 0;
    apr_file_info_get(&info, APR_FINFO_SIZE, file);
    data = apr_palloc(tu.pool, (apr_size_t)info.size + 1);
    apr_file_read_full(file, data, (apr_size_t)info.size, &len);
    apr_file_close(file);
    return memmem(data, len, text, strlen(text)) != NULL;
}

/* What can be read in the database opens nothing. */
START_TEST(test_nothing_to_read)
{
    cloud_oauth_client_new_t what = { .name = "Reader", .redirect = "https://r.example/cb" };
    cloud_oauth_answer_t t = authorize();
    const char *secrets[5] = { t.access, t.refresh, new_code(), NULL, NULL };
    cloud_oauth_client_t *c;
    int i, seen;

    OK(cloud_oauth_client_add(&c, &secrets[3], tu.ctx, &what, tu.pool));
    tu_close();
    seen = file_has("cloud.db", c->id) || file_has("cloud.db-wal", c->id);
    ck_assert(seen); /* what is no secret is there */
    for (i = 0; secrets[i]; i++) {
        ck_assert(!file_has("cloud.db", secrets[i]));
        ck_assert(!file_has("cloud.db-wal", secrets[i]));
    }
}
END_TEST

Suite *suite_oauth2(void)
{
    Suite *suite = suite_create("oauth2");
    TCase *tc = tu_case(suite, "store", setup);

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, test_exchange);
    tcase_add_test(tc, test_wrong_code);
    tcase_add_test(tc, test_code_ends);
    tcase_add_test(tc, test_code_used_twice);
    tcase_add_test(tc, test_race_for_a_code);
    tcase_add_test(tc, test_race_for_a_refresh);
    tcase_add_test(tc, test_access_expires);
    tcase_add_test(tc, test_forged);
    tcase_add_test(tc, test_rotation);
    tcase_add_test(tc, test_lost_answer);
    tcase_add_test(tc, test_siblings);
    tcase_add_test(tc, test_replay_after_a_while);
    tcase_add_test(tc, test_no_end_of_siblings);
    tcase_add_test(tc, test_other_client);
    tcase_add_test(tc, test_refresh_expires);
    tcase_add_test(tc, test_revoke);
    tcase_add_loop_test(tc, test_ends, 0, COUNT(ENDS));
    tcase_add_test(tc, test_families);
    tcase_add_test(tc, test_full);
    tcase_add_test(tc, test_expiry);
    tcase_add_test(tc, test_statements);
    tcase_add_test(tc, test_nothing_to_read);
    return suite;
}
