/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file flow.c
 * Nextcloud's login flow v2: a program gets its password without ever seeing the person's own. It is
 * given two tokens; the browser opens a page with one and its owner grants there, the program polls
 * with the other.
 *
 * Nothing is stored before somebody has granted: the page's token holds the hash of the polling one,
 * the program's name and a time, and is sealed. So nobody fills the table without logging in, and
 * who sees the page's address can't poll. The app password is made for the poll that fetches it, and
 * lies nowhere in the meantime.
 */
#include "login_private.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "key.h"

#define FLOW_TIME  apr_time_from_sec(20 * 60)
#define NAME_BYTES 100
#define SUFFIXES   100

/* What is sealed: expiry (8 bytes, big endian), hash of the polling token, name. */
#define HEAD  (8 + CLOUD_LOGIN_HASH)
#define SEAL  32

/* ---- names of app passwords ---- */

/* One line that can be shown and leaves room for a number. */
static const char *clean_name(const char *name, apr_pool_t *pool)
{
    apr_size_t len = name && cloud_name_xml_ok(name) ? strlen(name) : 0;
    char *clean, *c;

    if (len > NAME_BYTES)
        for (len = NAME_BYTES; len && ((unsigned char)name[len] & 0xc0) == 0x80;) len--;
    if (!len) return "unknown client";
    clean = apr_pstrmemdup(pool, name, len);
    for (c = clean; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    return clean;
}

cloud_err_t *cloud_login_apppass(const char **secret, cloud_ctx_t *ctx, const char *id,
                                 const char *name, apr_pool_t *pool)
{
    const char *clean = clean_name(name, pool), *numbered = clean;
    cloud_err_t *err = NULL;
    int i;

    for (i = 2; i <= SUFFIXES; i++) {
        err = cloud_apppass_create(secret, ctx, id, numbered, pool);
        if (!cloud_err_is(err, CLOUD_E_EXISTS)) return err;
        numbered = apr_psprintf(pool, "%s (%d)", clean, i);
    }
    return err;
}

/* ---- the page's token ---- */

static cloud_err_t *seal(unsigned char out[SEAL], cloud_ctx_t *ctx, const unsigned char *data,
                         apr_size_t len)
{
    unsigned char key[CLOUD_KEY_LEN];
    unsigned n = SEAL;
    const unsigned char *done;

    CLOUD_ERR(cloud_store_key(key, ctx, "login flow"));
    done = HMAC(EVP_sha256(), key, sizeof key, data, len, out, &n);
    OPENSSL_cleanse(key, sizeof key);
    return done ? NULL : cloud_err(ctx->pool, CLOUD_E_INTERNAL, "HMAC failed");
}

cloud_err_t *cloud_flow_begin(const char **poll, const char **page, cloud_ctx_t *ctx,
                              const char *name, apr_pool_t *pool)
{
    unsigned char data[HEAD + NAME_BYTES + SEAL];
    apr_uint64_t expires = (apr_uint64_t)(apr_time_now() + FLOW_TIME);
    apr_size_t len;
    int i;

    name = clean_name(name, pool);
    len = HEAD + strlen(name);
    CLOUD_ERR(cloud_login_secret(poll, pool));
    for (i = 0; i < 8; i++) data[i] = (unsigned char)(expires >> (56 - 8 * i));
    cloud_login_hash(data + 8, *poll);
    memcpy(data + HEAD, name, strlen(name));
    CLOUD_ERR(seal(data + len, ctx, data, len));
    *page = cloud_login_text(data, len + SEAL, pool);
    return NULL;
}

/* What a token holds. */
typedef struct {
    apr_time_t expires;
    unsigned char hash[CLOUD_LOGIN_HASH];
    const char *name;
} flow_t;

static cloud_err_t *over(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND,
                     "This request for access does not exist, or is older than 20 minutes. Please "
                     "begin again in the program that sent you here.");
}

static cloud_err_t *open_token(flow_t *flow, cloud_ctx_t *ctx, const char *page, apr_pool_t *pool)
{
    unsigned char wanted[SEAL];
    const unsigned char *data;
    apr_uint64_t expires = 0;
    apr_size_t len;
    int i;

    data = cloud_login_bytes(&len, page, pool);
    if (!data || len < HEAD + SEAL || len > HEAD + NAME_BYTES + SEAL) return over(ctx);
    len -= SEAL;
    CLOUD_ERR(seal(wanted, ctx, data, len));
    if (CRYPTO_memcmp(wanted, data + len, SEAL) != 0) return over(ctx);
    for (i = 0; i < 8; i++) expires = expires << 8 | data[i];
    flow->expires = (apr_time_t)expires;
    memcpy(flow->hash, data + 8, sizeof flow->hash);
    flow->name = apr_pstrmemdup(pool, (const char *)data + HEAD, len - HEAD);
    return flow->expires > apr_time_now() ? NULL : over(ctx);
}

cloud_err_t *cloud_flow_name(const char **name, cloud_ctx_t *ctx, const char *page,
                             apr_pool_t *pool)
{
    flow_t flow;

    CLOUD_ERR(open_token(&flow, ctx, page, pool));
    *name = flow.name;
    return NULL;
}

/* ---- granting ---- */

static cloud_err_t *grant_tx(cloud_ctx_t *ctx, const flow_t *flow, const cloud_account_t *a)
{
    cloud_err_t *err = cloud_db_run(
        ctx->db, NULL, ctx->pool,
        "INSERT INTO login_flow (hash, account, epoch, name, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        "biiti", (const void *)flow->hash, (apr_size_t)CLOUD_LOGIN_HASH, a->number,
        a->secret_epoch, flow->name, (apr_int64_t)flow->expires);

    return cloud_err_is(err, CLOUD_E_EXISTS)
               ? cloud_err(ctx->pool, CLOUD_E_EXISTS, "This access has been granted already.")
               : err;
}

cloud_err_t *cloud_flow_grant(cloud_ctx_t *ctx, const char *page, const cloud_account_t *account)
{
    flow_t flow;

    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(open_token(&flow, ctx, page, ctx->pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, grant_tx(ctx, &flow, account));
}

/* ---- fetching ---- */

typedef struct {
    apr_int64_t account, epoch;  /* account 0: nothing to fetch (any more) */
    const char *name;
} granted_t;

static cloud_err_t *find_granted(granted_t *g, cloud_ctx_t *ctx, const unsigned char *hash)
{
    cloud_stmt_t *st;
    int row;

    g->account = 0;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT account, epoch, name FROM login_flow WHERE hash = ?1"
                             " AND expires > ?2",
                             "bi", (const void *)hash, (apr_size_t)CLOUD_LOGIN_HASH,
                             (apr_int64_t)apr_time_now()));
    if (row) {
        g->account = cloud_col_int(st, 0);
        g->epoch = cloud_col_int(st, 1);
        g->name = cloud_col_dup(st, 2, ctx->pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *not_yet(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
}

/* The row stays until it is too old, without an account: nobody grants the same twice. */
static cloud_err_t *fetch_tx(cloud_account_t **a, const char **secret, cloud_ctx_t *system,
                             const unsigned char *hash, apr_pool_t *pool)
{
    cloud_err_t *err;
    granted_t g;

    CLOUD_ERR(find_granted(&g, system, hash));
    if (!g.account) return not_yet(system);
    err = cloud_account_by_number(a, system, g.account, pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) return not_yet(system);
    if (err) return err;
    if (!(*a)->enabled || (*a)->secret_epoch != g.epoch) return not_yet(system);
    CLOUD_ERR(cloud_login_apppass(secret, system, (*a)->id, g.name, pool));
    return cloud_db_run(system->db, NULL, system->pool,
                        "UPDATE login_flow SET account = 0 WHERE hash = ?1", "b",
                        (const void *)hash, (apr_size_t)CLOUD_LOGIN_HASH);
}

/* Polls are many, and nearly all in vain: those write nothing. */
static cloud_err_t *is_granted(int *yes, cloud_ctx_t *ctx, const unsigned char *hash)
{
    cloud_err_t *err;
    granted_t g;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find_granted(&g, ctx, hash);
    cloud_tx_rollback(ctx);
    *yes = !err && g.account;
    return err;
}

cloud_err_t *cloud_flow_fetch(cloud_account_t **account, const char **secret, cloud_ctx_t *ctx,
                              const char *poll, apr_pool_t *pool)
{
    cloud_ctx_t *system = cloud_ctx_create(ctx->store, ctx->pool);
    unsigned char hash[CLOUD_LOGIN_HASH];
    int yes;

    cloud_login_hash(hash, poll);
    CLOUD_ERR(is_granted(&yes, ctx, hash));
    if (!yes) return not_yet(ctx);
    system->who = (cloud_principal_t){ .system = 1, .client = "login flow",
                                       .address = ctx->who.address };
    system->request_id = ctx->request_id;
    system->agent = ctx->agent;
    CLOUD_ERR(cloud_tx_begin(system, CLOUD_DB_WRITE));
    return cloud_tx_end(system, fetch_tx(account, secret, system, hash, pool));
}
