/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Codes and tokens: making, exchanging, looking up.
 *
 * A refresh token is used once: what it is exchanged for is one generation on. Where the thief of a
 * token and its owner both use it, or what came of it, the second of them shows a token that is two
 * generations old, or one whose successor has been out for a while: then the family ends, since nobody
 * can say who is who.
 *
 * But an answer gets lost, and what it held is then known to nobody. Its client would be taken for a
 * thief, and its user would have to sign in again because of a bad line. So a refresh token may be
 * used again for some minutes (OAUTH_GRACE), as long as nobody has used what it was exchanged for.
 * That gives a thief no more than it has: it can use a stolen token first anyway. And it stays
 * noticed: of the refresh tokens of one generation only one leads on, and the use of another ends the
 * family. */
#include "oauth2_private.h"

#include <string.h>
#include <openssl/crypto.h>

static void refuse(cloud_oauth_answer_t *answer, const char *error, const char *description)
{
    answer->access = answer->refresh = NULL;
    answer->error = error;
    answer->description = description;
}

static void refuse_grant(cloud_oauth_answer_t *answer, const char *description)
{
    refuse(answer, "invalid_grant", description);
}

/* The account as it is now; NULL when it is gone, disabled or has another epoch: what was given to it
 * before counts no more. (tx) */
static cloud_err_t *live_account(cloud_account_t **account, cloud_ctx_t *ctx, apr_int64_t number,
                                 apr_int64_t epoch, apr_pool_t *pool)
{
    cloud_err_t *err = cloud_account_by_number(account, ctx, number, pool);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        *account = NULL;
        return NULL;
    }
    if (!err && (!(*account)->enabled || (*account)->secret_epoch != epoch)) *account = NULL;
    return err;
}

/* ---- tokens ---- */

static cloud_err_t *issue(const char **text, cloud_ctx_t *ctx, oauth_kind_t kind,
                          apr_int64_t family, apr_int64_t generation, apr_int64_t lifetime,
                          apr_pool_t *pool)
{
    const oauth_token_t token = { kind, family, generation };
    apr_int64_t expires = lifetime ? apr_time_now() + apr_time_from_sec(lifetime) : 0;
    unsigned char hash[OAUTH_HASH];

    CLOUD_ERR(cloud_oauth_token_make(text, hash, ctx, &token, pool));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO oauth_token (hash, family, refresh, generation, expires)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)",
                        "biiii", (const void *)hash, (apr_size_t)OAUTH_HASH, family,
                        (apr_int64_t)(kind == OAUTH_REFRESH), generation, expires);
}

/* An access and a refresh token of a generation. */
static cloud_err_t *issue_pair(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx, apr_int64_t family,
                               apr_int64_t generation, const cloud_account_t *account,
                               apr_pool_t *pool)
{
    apr_int64_t refresh_life;

    CLOUD_ERR(cloud_setting_int(&answer->expires_in, ctx, "oauth2", "access_token_lifetime"));
    CLOUD_ERR(cloud_setting_int(&refresh_life, ctx, "oauth2", "refresh_token_lifetime"));
    CLOUD_ERR(issue(&answer->access, ctx, OAUTH_ACCESS, family, generation, answer->expires_in,
                    pool));
    CLOUD_ERR(issue(&answer->refresh, ctx, OAUTH_REFRESH, family, generation, refresh_life, pool));
    answer->user = apr_pstrdup(pool, account->id);
    return NULL;
}

/* A row of oauth_token with its family. */
typedef struct {
    int found;
    int refresh;
    apr_int64_t generation, expires;
    apr_int64_t family, account, client, epoch;
    apr_int64_t newest, rotated; /* of the family */
} row_t;

/* Finding a hash is no comparison that its time could tell something of: nobody can choose the bytes
 * of a keyed hash. (tx) */
static cloud_err_t *find_token(row_t *t, cloud_ctx_t *ctx, const unsigned char *hash)
{
    cloud_stmt_t *st;

    memset(t, 0, sizeof *t);
    CLOUD_ERR(cloud_db_query(&st, &t->found, ctx->db, ctx->pool,
                             "SELECT t.refresh, t.generation, t.expires, f.id, f.account, f.client,"
                             " f.epoch, f.generation, f.rotated FROM oauth_token t"
                             " JOIN oauth_family f ON f.id = t.family WHERE t.hash = ?1",
                             "b", (const void *)hash, (apr_size_t)OAUTH_HASH));
    if (t->found) {
        t->refresh = cloud_col_int(st, 0) != 0;
        t->generation = cloud_col_int(st, 1);
        t->expires = cloud_col_int(st, 2);
        t->family = cloud_col_int(st, 3);
        t->account = cloud_col_int(st, 4);
        t->client = cloud_col_int(st, 5);
        t->epoch = cloud_col_int(st, 6);
        t->newest = cloud_col_int(st, 7);
        t->rotated = cloud_col_int(st, 8);
    }
    cloud_stmt_done(st);
    return NULL;
}

/* ---- authorization codes ---- */

/* The account may have been disabled since the page was shown. */
static cloud_err_t *create_tx(cloud_ctx_t *ctx, const cloud_account_t *account,
                              const unsigned char *hash, const cloud_oauth_client_t *client,
                              const char *redirect, const char *challenge, const char *method)
{
    cloud_account_t *now;

    CLOUD_ERR(cloud_account_by_number(&now, ctx, account->number, ctx->pool));
    if (!now->enabled || now->secret_epoch != account->secret_epoch)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO oauth_code (hash, client, account, epoch, redirect, challenge,"
                        " method, expires, family) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
                        "biiittti", (const void *)hash, (apr_size_t)OAUTH_HASH, client->number,
                        now->number, now->secret_epoch, redirect, challenge, method,
                        (apr_int64_t)(apr_time_now() + OAUTH_CODE_LIFE));
}

cloud_err_t *cloud_oauth_code_create(const char **code, cloud_ctx_t *ctx,
                                     const cloud_oauth_client_t *client,
                                     const cloud_account_t *account, const char *redirect,
                                     const char *challenge, const char *method, apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.account;
    unsigned char hash[OAUTH_HASH];

    if (!who || who->number != account->number) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_oauth_secret(code, pool));
    CLOUD_ERR(cloud_oauth_hash(hash, ctx, "code", *code));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, create_tx(ctx, account, hash, client, redirect, challenge, method));
}

typedef struct {
    int found;
    apr_int64_t client, account, epoch, expires, family;
    const char *redirect, *challenge, *method;
} code_t;

static cloud_err_t *find_code(code_t *c, cloud_ctx_t *ctx, const unsigned char *hash)
{
    cloud_stmt_t *st;

    memset(c, 0, sizeof *c);
    CLOUD_ERR(cloud_db_query(&st, &c->found, ctx->db, ctx->pool,
                             "SELECT client, account, epoch, expires, family, redirect, challenge,"
                             " method FROM oauth_code WHERE hash = ?1",
                             "b", (const void *)hash, (apr_size_t)OAUTH_HASH));
    if (c->found) {
        c->client = cloud_col_int(st, 0);
        c->account = cloud_col_int(st, 1);
        c->epoch = cloud_col_int(st, 2);
        c->expires = cloud_col_int(st, 3);
        c->family = cloud_col_int(st, 4);
        c->redirect = cloud_col_dup(st, 5, ctx->pool);
        c->challenge = cloud_col_dup(st, 6, ctx->pool);
        c->method = cloud_col_dup(st, 7, ctx->pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

/* Whether the code may be exchanged; else answer says why not. */
static int code_fits(cloud_oauth_answer_t *answer, const code_t *c,
                     const cloud_oauth_client_t *client, const char *redirect,
                     const char *verifier)
{
    if (c->client != client->number)
        refuse_grant(answer, "the authorization code belongs to another client");
    else if (c->expires <= apr_time_now())
        refuse_grant(answer, "the authorization code has expired");
    else if (strcmp(c->redirect, redirect) != 0)
        refuse_grant(answer, "the redirect URI is not the one that the code was sent to");
    else if (!cloud_oauth_pkce_fits(c->method, c->challenge, verifier))
        refuse_grant(answer, "the code verifier does not fit the code challenge");
    else
        return 1;
    return 0;
}

static cloud_err_t *use_code(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx, const code_t *c,
                             const unsigned char *hash, apr_pool_t *pool)
{
    cloud_account_t *account;
    apr_int64_t family;

    CLOUD_ERR(live_account(&account, ctx, c->account, c->epoch, ctx->pool));
    if (!account) {
        refuse(answer, "unauthorized_client", "the account is disabled, or has a new password");
        return NULL;
    }
    CLOUD_ERR(cloud_oauth_family_new(&family, ctx, account, c->client));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE oauth_code SET family = ?2 WHERE hash = ?1", "bi",
                           (const void *)hash, (apr_size_t)OAUTH_HASH, family));
    return issue_pair(answer, ctx, family, 1, account, pool);
}

static cloud_err_t *exchange_tx(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                const cloud_oauth_client_t *client, const unsigned char *hash,
                                const char *redirect, const char *verifier, apr_pool_t *pool)
{
    code_t c;

    CLOUD_ERR(find_code(&c, ctx, hash));
    if (!c.found) {
        refuse_grant(answer, "the authorization code does not exist");
        answer->guess = 1;
        return NULL;
    }
    /* RFC 6749, 10.5 */
    if (c.family && c.client == client->number) {
        refuse_grant(answer, "the authorization code was used before; what it gave is revoked");
        CLOUD_LOG(ctx->store, NOTICE, "an authorization code of %s was used twice: its tokens are"
                  " revoked", client->name);
        return cloud_oauth_family_end(ctx, c.family);
    }
    return code_fits(answer, &c, client, redirect, verifier)
               ? use_code(answer, ctx, &c, hash, pool) : NULL;
}

cloud_err_t *cloud_oauth_exchange(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                  const cloud_oauth_client_t *client, const char *code,
                                  const char *redirect, const char *verifier, apr_pool_t *pool)
{
    unsigned char hash[OAUTH_HASH];

    memset(answer, 0, sizeof *answer);
    CLOUD_ERR(cloud_oauth_hash(hash, ctx, "code", code));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, exchange_tx(answer, ctx, client, hash, redirect, verifier, pool));
}

/* ---- refreshing ---- */

/* What no longer counts: refresh tokens before the last ones, and access tokens of old. */
static cloud_err_t *prune(cloud_ctx_t *ctx, apr_int64_t family, apr_int64_t newest)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM oauth_token WHERE family = ?1 AND generation < ?2"
                           " AND (refresh = 1 OR expires < ?3)", "iii", family, newest - 1,
                           (apr_int64_t)apr_time_now()));
    /* Who refreshes all the time gathers no more than a few. */
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM oauth_token WHERE family = ?1 AND generation < ?2", "ii",
                        family, newest - OAUTH_SIBLINGS);
}

static cloud_err_t *count_siblings(apr_int64_t *n, cloud_ctx_t *ctx, const row_t *t)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT COUNT(*) FROM oauth_token WHERE family = ?1"
                             " AND generation = ?2 AND refresh = 1", "ii", t->family, t->newest));
    *n = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* t, whose hash it is, leads on: who holds another of its generation is somebody else. */
static cloud_err_t *lead_on(cloud_ctx_t *ctx, const row_t *t, const unsigned char *hash)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM oauth_token WHERE family = ?1 AND generation = ?2"
                           " AND refresh = 1 AND hash <> ?3", "iib", t->family, t->generation,
                           (const void *)hash, (apr_size_t)OAUTH_HASH));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE oauth_family SET generation = ?2, rotated = ?3 WHERE id = ?1",
                        "iii", t->family, t->newest + 1, (apr_int64_t)apr_time_now());
}

/* The generation that t is exchanged for; 0: it was used by two. */
static cloud_err_t *next_generation(apr_int64_t *next, cloud_ctx_t *ctx, const row_t *t,
                                    const unsigned char *hash)
{
    apr_int64_t siblings;

    *next = 0;
    if (t->generation == t->newest) {
        *next = t->newest + 1;
        return lead_on(ctx, t, hash);
    }
    if (t->generation != t->newest - 1 || apr_time_now() > t->rotated + OAUTH_GRACE) return NULL;
    CLOUD_ERR(count_siblings(&siblings, ctx, t));
    if (siblings < OAUTH_SIBLINGS) *next = t->newest;
    return NULL;
}

static cloud_err_t *end_replayed(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                 const cloud_oauth_client_t *client, apr_int64_t family)
{
    refuse_grant(answer, "the refresh token was used before; what it gave is revoked");
    CLOUD_LOG(ctx->store, NOTICE, "a refresh token of %s was used by two: its tokens are revoked",
              client->name);
    return cloud_oauth_family_end(ctx, family);
}

/* One that has left the table: its family goes on without it, or ended. */
static cloud_err_t *refresh_old(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                const cloud_oauth_client_t *client, const oauth_token_t *token)
{
    cloud_stmt_t *st;
    int row, behind;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT client, generation FROM oauth_family WHERE id = ?1", "i",
                             token->family));
    behind = row && cloud_col_int(st, 0) == client->number
             && token->generation < cloud_col_int(st, 1);
    cloud_stmt_done(st);
    if (behind) return end_replayed(answer, ctx, client, token->family);
    refuse_grant(answer, "the refresh token was revoked or has expired");
    return NULL;
}

static cloud_err_t *refresh_tx(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                               const cloud_oauth_client_t *client, const oauth_token_t *token,
                               const unsigned char *hash, apr_pool_t *pool)
{
    cloud_account_t *account;
    apr_int64_t next;
    row_t t;

    CLOUD_ERR(find_token(&t, ctx, hash));
    if (!t.found) return refresh_old(answer, ctx, client, token);
    if (t.client != client->number) {
        refuse_grant(answer, "the refresh token belongs to another client");
        return NULL;
    }
    CLOUD_ERR(live_account(&account, ctx, t.account, t.epoch, ctx->pool));
    if (!account || (t.expires && t.expires <= apr_time_now())) {
        refuse_grant(answer, account ? "the refresh token has expired"
                                     : "the account is disabled, or has a new password");
        return cloud_oauth_family_end(ctx, t.family);
    }
    CLOUD_ERR(next_generation(&next, ctx, &t, hash));
    if (!next) return end_replayed(answer, ctx, client, t.family);
    CLOUD_ERR(prune(ctx, t.family, next));
    return issue_pair(answer, ctx, t.family, next, account, pool);
}

cloud_err_t *cloud_oauth_refresh(cloud_oauth_answer_t *answer, cloud_ctx_t *ctx,
                                 const cloud_oauth_client_t *client, const char *refresh,
                                 apr_pool_t *pool)
{
    unsigned char hash[OAUTH_HASH];
    oauth_token_t token;
    int ours;

    memset(answer, 0, sizeof *answer);
    CLOUD_ERR(cloud_oauth_token_read(&token, &ours, hash, ctx, refresh));
    if (!ours || token.kind != OAUTH_REFRESH) {
        refuse_grant(answer, "the refresh token does not exist");
        answer->guess = !ours;
        return NULL;
    }
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, refresh_tx(answer, ctx, client, &token, hash, pool));
}

/* ---- revoking ---- */

static cloud_err_t *revoke_tx(cloud_ctx_t *ctx, const cloud_oauth_client_t *client,
                              const oauth_token_t *token, const unsigned char *hash)
{
    row_t t;

    CLOUD_ERR(find_token(&t, ctx, hash));
    if (!t.found || t.client != client->number) return NULL;
    if (token->kind == OAUTH_REFRESH) return cloud_oauth_family_end(ctx, t.family);
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM oauth_token WHERE hash = ?1", "b",
                        (const void *)hash, (apr_size_t)OAUTH_HASH);
}

cloud_err_t *cloud_oauth_revoke(int *guess, cloud_ctx_t *ctx, const cloud_oauth_client_t *client,
                                const char *text)
{
    unsigned char hash[OAUTH_HASH];
    oauth_token_t token;
    int ours;

    CLOUD_ERR(cloud_oauth_token_read(&token, &ours, hash, ctx, text));
    *guess = !ours;
    if (!ours) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, revoke_tx(ctx, client, &token, hash));
}

/* ---- looking up ---- */

/* One statement for the token, its family and its client, one for the account, in one snapshot: a
 * revoked token is out with the next request, and nothing of it has to be cached. */
static cloud_err_t *verify_tx(cloud_oauth_login_t *login, cloud_ctx_t *ctx,
                              const unsigned char *hash, apr_pool_t *pool)
{
    apr_int64_t account = 0, epoch = 0;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT f.account, f.epoch, f.id, f.last_used, c.name"
                             " FROM oauth_token t JOIN oauth_family f ON f.id = t.family"
                             " JOIN oauth_client c ON c.number = f.client"
                             " WHERE t.hash = ?1 AND t.refresh = 0 AND t.expires > ?2",
                             "bi", (const void *)hash, (apr_size_t)OAUTH_HASH,
                             (apr_int64_t)apr_time_now()));
    if (row) {
        account = cloud_col_int(st, 0);
        epoch = cloud_col_int(st, 1);
        login->family = cloud_col_int(st, 2);
        login->last_used = cloud_col_int(st, 3);
        login->client = cloud_col_dup(st, 4, pool);
    }
    cloud_stmt_done(st);
    if (!row) return NULL;
    CLOUD_ERR(live_account(&login->account, ctx, account, epoch, pool));
    if (login->account) login->state = CLOUD_OAUTH_GOOD;
    return NULL;
}

cloud_err_t *cloud_oauth_verify(cloud_oauth_login_t *login, cloud_ctx_t *ctx, const char *text,
                                apr_pool_t *pool)
{
    unsigned char hash[OAUTH_HASH];
    oauth_token_t token;
    cloud_err_t *err;
    int ours;

    memset(login, 0, sizeof *login);
    CLOUD_ERR(cloud_oauth_token_read(&token, &ours, hash, ctx, text));
    login->state = ours ? CLOUD_OAUTH_ENDED : CLOUD_OAUTH_FORGED;
    if (!ours) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = verify_tx(login, ctx, hash, pool);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_oauth_seen(cloud_ctx_t *ctx, const cloud_oauth_login_t *login)
{
    apr_time_t now = apr_time_now();
    cloud_err_t *err;

    if (now - login->last_used < OAUTH_SEEN_EVERY) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "UPDATE oauth_family SET last_used = ?2 WHERE id = ?1 AND last_used < ?2",
                       "ii", login->family, (apr_int64_t)now);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx); /* nobody waits for it to be durable */
}
