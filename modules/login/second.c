/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file second.c
 * Second factors: their rows, and the checks. The secret of an account's device has to be readable, so
 * it is encrypted, with a key that is not in the database and bound to the account, and to a browser
 * until it is confirmed. Backup codes are kept as keyed hashes: they have 50 random bits, which a plain
 * hash would not keep safe.
 */
#include "login_private.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "group.h"
#include "key.h"
#include "second.h"
#include "totp.h"

#define NONCE_LEN  12
#define TAG_LEN    16
#define SEALED_LEN (NONCE_LEN + CLOUD_TOTP_SECRET + TAG_LEN)

#define CODE_LEN   10 /* letters of a backup code: 50 bits */

/* Whoever has the password and guesses codes from many networks is stopped here; the person is not
 * locked out, because backup codes go on. */
#define FAILURES_MAX   30
#define FAILURES_PAUSE apr_time_from_sec(3600)

/* 32 letters, none easily taken for another one. */
static const char ALPHABET[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/* ---- who needs one ---- */

static cloud_err_t *in_groups(int *yes, cloud_ctx_t *ctx, const char *const *groups,
                              const cloud_account_t *a)
{
    for (*yes = 0; *groups && !*yes; groups++) {
        cloud_group_t *g;
        cloud_err_t *err = cloud_group_get(&g, ctx, *groups, ctx->pool);

        if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) continue;
        if (err) return err;
        CLOUD_ERR(cloud_group_has(yes, ctx, g->number, a->number));
    }
    return NULL;
}

cloud_err_t *cloud_second_needed(int *needed, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    const char **groups;

    *needed = account->two_factor;
    if (*needed) return NULL;
    CLOUD_ERR(cloud_setting_bool(needed, ctx, "system", "twofactor_enforced"));
    if (!*needed) return NULL;
    CLOUD_ERR(cloud_setting_list(&groups, ctx, "system", "twofactor_enforced_groups"));
    return *groups ? in_groups(needed, ctx, groups, account) : NULL;
}

/* ---- the secret, encrypted ---- */

static int crypt_secret(int encrypt, EVP_CIPHER_CTX *cipher, const unsigned char *key,
                        unsigned char *sealed, unsigned char *secret, const char *bound)
{
    unsigned char *tag = sealed + NONCE_LEN + CLOUD_TOTP_SECRET;
    unsigned char *in = encrypt ? secret : sealed + NONCE_LEN;
    unsigned char *out = encrypt ? sealed + NONCE_LEN : secret;
    int n;

    if (!cipher || EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, sealed, encrypt) != 1
        || EVP_CipherUpdate(cipher, NULL, &n, (const unsigned char *)bound, (int)strlen(bound)) != 1
        || EVP_CipherUpdate(cipher, out, &n, in, CLOUD_TOTP_SECRET) != 1)
        return 0;
    if (!encrypt && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) != 1) return 0;
    if (EVP_CipherFinal_ex(cipher, out + n, &n) != 1) return 0;
    return !encrypt || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1;
}

/* sealed: nonce, secret, tag. browser: it waits to be confirmed there; NULL: it was confirmed. */
static cloud_err_t *seal(int encrypt, unsigned char sealed[SEALED_LEN],
                         unsigned char secret[CLOUD_TOTP_SECRET], const unsigned char *key,
                         cloud_ctx_t *ctx, apr_int64_t account, const char *browser)
{
    const char *bound = apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT "%s%s", account,
                                     browser ? ":" : "", browser ? browser : "");
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int done;

    if (encrypt) {
        cloud_err_t *err = cloud_random(sealed, NONCE_LEN, ctx->pool);
        if (err) {
            EVP_CIPHER_CTX_free(cipher);
            return err;
        }
    }
    done = crypt_secret(encrypt, cipher, key, sealed, secret, bound);
    EVP_CIPHER_CTX_free(cipher);
    if (!done && !encrypt) OPENSSL_cleanse(secret, CLOUD_TOTP_SECRET); /* not verified */
    return done ? NULL
                : cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE,
                            "The second factor of an account can't be read: is .cloud/key another?");
}

/* ---- rows ---- */

typedef struct {
    int found, confirmed;
    apr_uint64_t step;           /* of the last code that counted */
    int failures;
    apr_time_t failed;           /* when the last wrong one came */
    apr_time_t created;
    unsigned char sealed[SEALED_LEN];
} device_t;

static cloud_err_t *read_device(device_t *d, cloud_ctx_t *ctx, apr_int64_t account)
{
    const void *sealed;
    cloud_stmt_t *st;
    apr_size_t len;

    memset(d, 0, sizeof *d);
    CLOUD_ERR(cloud_db_query(&st, &d->found, ctx->db, ctx->pool,
                             "SELECT confirmed, step, failures, failed, secret, created"
                             " FROM login_totp WHERE account = ?1",
                             "i", account));
    if (d->found) {
        d->confirmed = cloud_col_int(st, 0) != 0;
        d->step = (apr_uint64_t)cloud_col_int(st, 1);
        d->failures = (int)cloud_col_int(st, 2);
        d->failed = cloud_col_int(st, 3);
        sealed = cloud_col_blob(st, 4, &len);
        if (len == SEALED_LEN) memcpy(d->sealed, sealed, SEALED_LEN);
        d->created = cloud_col_int(st, 5);
    }
    cloud_stmt_done(st);
    return NULL;
}

/* What a verb on the second factor of an account works with. */
typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    unsigned char secret_key[CLOUD_KEY_LEN], code_key[CLOUD_KEY_LEN];
} work_t;

/* The keys are taken before the transaction. */
static cloud_err_t *begin(work_t *w, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    w->ctx = ctx;
    w->account = account;
    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(cloud_store_key(w->secret_key, ctx, "totp"));
    CLOUD_ERR(cloud_store_key(w->code_key, ctx, "backup codes"));
    return cloud_tx_begin(ctx, CLOUD_DB_WRITE);
}

static cloud_err_t *end(work_t *w, cloud_err_t *err)
{
    OPENSSL_cleanse(w->secret_key, sizeof w->secret_key);
    OPENSSL_cleanse(w->code_key, sizeof w->code_key);
    return cloud_tx_end(w->ctx, err);
}

/* ---- setting up ---- */

/* Whether what waits to be confirmed is this browser's, and since not too long. raw: the secret. */
static int waits(unsigned char raw[CLOUD_TOTP_SECRET], work_t *w, device_t *d, const char *browser)
{
    return d->found && apr_time_now() - d->created < CLOUD_SECOND_WAITS
           && !seal(0, d->sealed, raw, w->secret_key, w->ctx, w->account->number, browser);
}

/* In the place of what waited before. */
static cloud_err_t *new_device(unsigned char raw[CLOUD_TOTP_SECRET], work_t *w, const char *browser)
{
    unsigned char sealed[SEALED_LEN];

    CLOUD_ERR(cloud_random(raw, CLOUD_TOTP_SECRET, w->ctx->pool));
    CLOUD_ERR(seal(1, sealed, raw, w->secret_key, w->ctx, w->account->number, browser));
    return cloud_db_run(w->ctx->db, NULL, w->ctx->pool,
                        "INSERT OR REPLACE INTO login_totp (account, secret, confirmed, step,"
                        " failures, failed, created) VALUES (?1, ?2, 0, 0, 0, 0, ?3)",
                        "ibi", w->account->number, (const void *)sealed, (apr_size_t)SEALED_LEN,
                        (apr_int64_t)apr_time_now());
}

static cloud_err_t *prepare_tx(const char **secret, work_t *w, const char *browser,
                               apr_pool_t *pool)
{
    unsigned char raw[CLOUD_TOTP_SECRET];
    device_t d;

    CLOUD_ERR(read_device(&d, w->ctx, w->account->number));
    if (d.confirmed)
        return cloud_err(w->ctx->pool, CLOUD_E_EXISTS, "A second factor is set up already.");
    if (!waits(raw, w, &d, browser)) CLOUD_ERR(new_device(raw, w, browser));
    *secret = cloud_base32(raw, sizeof raw, pool);
    OPENSSL_cleanse(raw, sizeof raw);
    return NULL;
}

cloud_err_t *cloud_second_prepare(const char **secret, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *browser,
                                  apr_pool_t *pool)
{
    work_t w;

    CLOUD_ERR(begin(&w, ctx, account));
    return end(&w, prepare_tx(secret, &w, browser, pool));
}

/* ---- backup codes ---- */

static cloud_err_t *code_hash(unsigned char hash[CLOUD_LOGIN_HASH], const work_t *w,
                              const char *code)
{
    const char *text = apr_psprintf(w->ctx->pool, "%" APR_INT64_T_FMT ":%s", w->account->number,
                                    code);
    unsigned n = CLOUD_LOGIN_HASH;

    return HMAC(EVP_sha256(), w->code_key, sizeof w->code_key, (const unsigned char *)text,
                strlen(text), hash, &n)
               ? NULL
               : cloud_err(w->ctx->pool, CLOUD_E_INTERNAL, "HMAC failed");
}

static cloud_err_t *new_code(const char **shown, work_t *w, apr_pool_t *pool)
{
    unsigned char raw[CODE_LEN], hash[CLOUD_LOGIN_HASH];
    char code[CODE_LEN + 1];
    int i;

    CLOUD_ERR(cloud_random(raw, sizeof raw, w->ctx->pool));
    for (i = 0; i < CODE_LEN; i++) code[i] = ALPHABET[raw[i] & 31];
    code[CODE_LEN] = '\0';
    CLOUD_ERR(code_hash(hash, w, code));
    *shown = apr_psprintf(pool, "%.5s-%s", code, code + 5);
    return cloud_db_run(w->ctx->db, NULL, w->ctx->pool,
                        "INSERT INTO login_code (account, hash) VALUES (?1, ?2)", "ib",
                        w->account->number, (const void *)hash, (apr_size_t)sizeof hash);
}

static cloud_err_t *forget_codes(work_t *w)
{
    return cloud_db_run(w->ctx->db, NULL, w->ctx->pool, "DELETE FROM login_code WHERE account = ?1",
                        "i", w->account->number);
}

static cloud_err_t *new_codes(const char *codes[CLOUD_BACKUP_CODES], work_t *w, apr_pool_t *pool)
{
    int i;

    CLOUD_ERR(forget_codes(w));
    for (i = 0; i < CLOUD_BACKUP_CODES; i++) CLOUD_ERR(new_code(&codes[i], w, pool));
    return NULL;
}

static cloud_err_t *codes_tx(const char *codes[CLOUD_BACKUP_CODES], work_t *w, apr_pool_t *pool)
{
    device_t d;

    CLOUD_ERR(read_device(&d, w->ctx, w->account->number));
    if (!d.confirmed)
        return cloud_err(w->ctx->pool, CLOUD_E_CONFLICT, "No second factor is set up.");
    return new_codes(codes, w, pool);
}

cloud_err_t *cloud_second_codes(const char *codes[CLOUD_BACKUP_CODES], cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_pool_t *pool)
{
    work_t w;

    CLOUD_ERR(begin(&w, ctx, account));
    return end(&w, codes_tx(codes, &w, pool));
}

cloud_err_t *cloud_second_left(int *left, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    *left = 0;
    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT count(*) FROM login_code WHERE account = ?1", "i",
                         account->number);
    if (!err) {
        *left = row ? (int)cloud_col_int(st, 0) : 0;
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- on and off ---- */

/* A change of what is asked for ends what was verified before; the session at work goes on. */
static cloud_err_t *set_state(work_t *w, int on, apr_int64_t session)
{
    CLOUD_ERR(cloud_account_set_two_factor(w->ctx, w->account->id, on));
    return session ? cloud_session_keep(w->ctx, w->account, session) : NULL;
}

/* The row is of a browser no more. */
static cloud_err_t *confirmed(work_t *w, unsigned char secret[CLOUD_TOTP_SECRET], apr_uint64_t step)
{
    unsigned char sealed[SEALED_LEN];

    CLOUD_ERR(seal(1, sealed, secret, w->secret_key, w->ctx, w->account->number, NULL));
    return cloud_db_run(w->ctx->db, NULL, w->ctx->pool,
                        "UPDATE login_totp SET confirmed = 1, step = ?2, secret = ?3"
                        " WHERE account = ?1",
                        "iib", w->account->number, (apr_int64_t)step, (const void *)sealed,
                        (apr_size_t)SEALED_LEN);
}

static cloud_err_t *confirm_tx(const char *codes[CLOUD_BACKUP_CODES], work_t *w,
                               const char *browser, const char *code, apr_int64_t session,
                               apr_pool_t *pool)
{
    unsigned char secret[CLOUD_TOTP_SECRET];
    cloud_err_t *err = NULL;
    apr_uint64_t step;
    device_t d;

    CLOUD_ERR(read_device(&d, w->ctx, w->account->number));
    if (!d.found || d.confirmed)
        return cloud_err(w->ctx->pool, CLOUD_E_NOT_FOUND, "There is nothing to confirm.");
    if (!waits(secret, w, &d, browser))
        return cloud_err(w->ctx->pool, CLOUD_E_INVALID,
                         "The key that was shown counts no more. Please take the new one.");
    step = cloud_totp_match(secret, code, apr_time_now(), d.step);
    if (step) err = confirmed(w, secret, step);
    OPENSSL_cleanse(secret, sizeof secret);
    if (!step)
        return cloud_err(w->ctx->pool, CLOUD_E_INVALID,
                         "That is not the code of this moment. Is the clock of your device right?");
    CLOUD_ERR(err);
    CLOUD_ERR(new_codes(codes, w, pool));
    return set_state(w, 1, session);
}

cloud_err_t *cloud_second_confirm(const char *codes[CLOUD_BACKUP_CODES], cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *browser,
                                  const char *code, apr_int64_t session, apr_pool_t *pool)
{
    work_t w;

    CLOUD_ERR(begin(&w, ctx, account));
    return end(&w, confirm_tx(codes, &w, browser, code, session, pool));
}

static cloud_err_t *off_tx(work_t *w, apr_int64_t session)
{
    CLOUD_ERR(cloud_db_run(w->ctx->db, NULL, w->ctx->pool,
                           "DELETE FROM login_totp WHERE account = ?1", "i", w->account->number));
    CLOUD_ERR(forget_codes(w));
    return set_state(w, 0, session);
}

/* Needs no key: it is the way out when that is lost. */
cloud_err_t *cloud_second_off(cloud_ctx_t *ctx, const cloud_account_t *account,
                              apr_int64_t session)
{
    work_t w = { .ctx = ctx, .account = account };

    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, off_tx(&w, session));
}

/* ---- checking ---- */

/* A backup code as it was made: capitals, without dashes and blanks. 0: it is none. */
static int backup_code(char out[CODE_LEN + 1], const char *typed)
{
    int n = 0;

    for (; *typed; typed++) {
        char c = *typed >= 'a' && *typed <= 'z' ? (char)(*typed - 32) : *typed;

        if (c == ' ' || c == '-') continue;
        if (n == CODE_LEN || !strchr(ALPHABET, c)) return 0;
        out[n++] = c;
    }
    out[n] = '\0';
    return n == CODE_LEN;
}

static cloud_err_t *use_backup_code(int *fits, work_t *w, const char *code)
{
    unsigned char hash[CLOUD_LOGIN_HASH];

    CLOUD_ERR(code_hash(hash, w, code));
    return cloud_db_run(w->ctx->db, fits, w->ctx->pool,
                        "DELETE FROM login_code WHERE account = ?1 AND hash = ?2", "ib",
                        w->account->number, (const void *)hash, (apr_size_t)sizeof hash);
}

static cloud_err_t *note(work_t *w, const device_t *d)
{
    return cloud_db_run(w->ctx->db, NULL, w->ctx->pool,
                        "UPDATE login_totp SET step = ?2, failures = ?3, failed = ?4"
                        " WHERE account = ?1",
                        "iiii", w->account->number, (apr_int64_t)d->step,
                        (apr_int64_t)d->failures, (apr_int64_t)d->failed);
}

static cloud_err_t *use_device_code(int *fits, work_t *w, device_t *d, const char *code)
{
    unsigned char secret[CLOUD_TOTP_SECRET];
    apr_time_t now = apr_time_now();
    apr_uint64_t step;

    if (d->failures >= FAILURES_MAX && now < d->failed + FAILURES_PAUSE)
        return cloud_err(w->ctx->pool, CLOUD_E_THROTTLED, NULL);
    CLOUD_ERR(seal(0, d->sealed, secret, w->secret_key, w->ctx, w->account->number, NULL));
    step = cloud_totp_match(secret, code, now, d->step);
    OPENSSL_cleanse(secret, sizeof secret);
    *fits = step != 0;
    if (*fits) {
        d->step = step;
        d->failures = 0;
    } else {
        d->failures++;
        d->failed = now;
    }
    return note(w, d);
}

static cloud_err_t *check_tx(int *fits, work_t *w, const char *code)
{
    char backup[CODE_LEN + 1];
    device_t d;

    *fits = 0;
    CLOUD_ERR(read_device(&d, w->ctx, w->account->number));
    if (!d.confirmed) return NULL;
    return backup_code(backup, code) ? use_backup_code(fits, w, backup)
                                     : use_device_code(fits, w, &d, code);
}

cloud_err_t *cloud_second_check(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const char *code)
{
    work_t w;
    int fits;

    CLOUD_ERR(begin(&w, ctx, account));
    /* A failure is written down, too. */
    CLOUD_ERR(end(&w, check_tx(&fits, &w, code)));
    return fits ? NULL : cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, "The code is wrong.");
}

const char *cloud_totp_uri(const char *secret, const char *issuer, const char *account,
                           apr_pool_t *pool)
{
    const char *name = cloud_uri_encode(issuer, 0, pool);

    return apr_pstrcat(pool, "otpauth://totp/", name, ":", cloud_uri_encode(account, 0, pool),
                       "?secret=", secret, "&issuer=", name, NULL);
}
