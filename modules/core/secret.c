/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Passwords: bcrypt, and the check of what somebody logs in with. The slow hash is computed outside
 * of transactions, and also for accounts that do not exist. */
#include "account_private.h"
#include "password.h"

#include <string.h>
#include <apr_md5.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#define SALT_LEN 16
#define HASH_ROOM 128

static cloud_err_t *configured_cost(apr_int64_t *cost, cloud_ctx_t *ctx)
{
    return cloud_setting_int(cost, ctx, "system", "hashingCost");
}

static cloud_err_t *bcrypt(const char **hash, const char *password, apr_int64_t cost,
                           apr_pool_t *pool)
{
    unsigned char salt[SALT_LEN];
    char buf[HASH_ROOM];
    apr_status_t rc;

    if (RAND_bytes(salt, sizeof salt) != 1)
        return cloud_err(pool, CLOUD_E_INTERNAL, "No random numbers");
    rc = apr_bcrypt_encode(password, (unsigned)cost, salt, sizeof salt, buf, sizeof buf);
    if (rc != APR_SUCCESS) return cloud_err_sys(pool, CLOUD_E_INTERNAL, rc, "bcrypt");
    *hash = apr_pstrdup(pool, buf);
    OPENSSL_cleanse(buf, sizeof buf);
    return NULL;
}

cloud_err_t *cloud_password_hash(const char **hash, cloud_ctx_t *ctx, const char *password,
                               apr_pool_t *pool)
{
    apr_int64_t cost;

    if (!*password) return cloud_err(pool, CLOUD_E_INVALID, "The password is empty");
    if (strlen(password) > CLOUD_PASSWORD_MAX) /* it would be weaker than it seems */
        return cloud_err(pool, CLOUD_E_INVALID, "The password has more than %d bytes",
                         CLOUD_PASSWORD_MAX);
    CLOUD_ERR(configured_cost(&cost, ctx));
    return bcrypt(hash, password, cost, pool);
}

static cloud_err_t *set_password_tx(cloud_ctx_t *ctx, const char *id, const char *hash,
                                    apr_int64_t history)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_password_for_change(&a, ctx, id));
    CLOUD_ERR(cloud_password_remember(ctx, a->number, history));
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE account SET password = ?2 WHERE number = ?1", "it", a->number,
                           hash));
    return cloud_account_new_epoch(ctx, a->number);
}

static cloud_err_t *set_password(cloud_ctx_t *ctx, const char *id, const char *password,
                                 int force)
{
    cloud_password_policy_t policy;
    const char *hash = NULL;

    /* Nobody without a name makes us compute hashes. */
    if (!ctx->who.system && !ctx->who.account)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    /* An empty one is refused below, with words of its own. */
    if (password && *password && !force)
        CLOUD_ERR(cloud_password_check_change(ctx, id, password));
    if (password) CLOUD_ERR(cloud_password_hash(&hash, ctx, password, ctx->pool));
    CLOUD_ERR(cloud_password_policy(&policy, ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, set_password_tx(ctx, id, hash, policy.history));
}

cloud_err_t *cloud_account_set_password(cloud_ctx_t *ctx, const char *id, const char *password)
{
    return set_password(ctx, id, password, 0);
}

cloud_err_t *cloud_account_force_password(cloud_ctx_t *ctx, const char *id, const char *password)
{
    return ctx->who.system ? set_password(ctx, id, password, 1)
                           : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

/* ---- logging in ---- */

typedef struct {
    cloud_account_t *account;   /* NULL: there is none */
    const char *password;       /* its hash; NULL: it has none */
    cloud_apppass_t *apppass;   /* that fits; NULL: none does */
} found_t;

static cloud_err_t *look_up_tx(found_t *f, cloud_ctx_t *ctx, const char *id, const char *secret,
                               apr_pool_t *pool)
{
    const char *folded = cloud_account_fold(id, pool);

    /* "" is nobody's id: the same statements are run for what can't be an id at all. */
    CLOUD_ERR(cloud_account_find(&f->account, &f->password, ctx, folded ? folded : "", pool));
    if (!cloud_apppass_shape(secret)) return NULL;
    return cloud_apppass_find(&f->apppass, ctx, f->account ? f->account->number : 0, secret, pool);
}

/* Slow in any case. */
static cloud_err_t *password_fits(int *fits, const char *hash, const char *secret,
                                  apr_int64_t cost, apr_pool_t *pool)
{
    const char *unused;

    *fits = 0;
    if (!hash || strlen(secret) > CLOUD_PASSWORD_MAX) return bcrypt(&unused, secret, cost, pool);
    *fits = apr_password_validate(secret, hash) == APR_SUCCESS;
    return NULL;
}

/* A hash made with another cost than is asked for now is replaced while the password is at hand. */
static cloud_err_t *refresh_hash(cloud_ctx_t *ctx, const found_t *f, const char *secret,
                                 apr_int64_t cost, apr_pool_t *pool)
{
    const char *prefix = apr_psprintf(pool, "$2y$%02d$", (int)cost), *hash;
    cloud_err_t *err;

    if (strncmp(f->password, prefix, strlen(prefix)) == 0) return NULL;
    CLOUD_ERR(bcrypt(&hash, secret, cost, pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(ctx->db, NULL, pool,
                       "UPDATE account SET password = ?2 WHERE number = ?1 AND password = ?3",
                       "itt", f->account->number, hash, f->password);
    return cloud_tx_end(ctx, err);
}

cloud_err_t *cloud_account_verify(cloud_account_t **a, const cloud_apppass_t **apppass,
                                  cloud_ctx_t *ctx, const char *id, const char *secret,
                                  int fast_only, apr_pool_t *pool)
{
    found_t f = { NULL, NULL, NULL };
    apr_int64_t cost = 0;
    cloud_err_t *err;
    int fits = 0;

    *a = NULL;
    *apppass = NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = look_up_tx(&f, ctx, id, secret, pool);
    cloud_tx_rollback(ctx);
    if (err) return err;
    if (!f.apppass && !fast_only) {
        CLOUD_ERR(configured_cost(&cost, ctx));
        CLOUD_ERR(password_fits(&fits, f.password, secret, cost, pool));
    }
    if (!f.account || !f.account->enabled || (!f.apppass && !fits))
        return cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, NULL);
    if (fits) {
        err = refresh_hash(ctx, &f, secret, cost, pool);
        if (err) /* The login is good all the same. */
            CLOUD_LOG(ctx->store, WARN, "password hash of %s not renewed: %s", f.account->id,
                      err->cause ? err->cause : err->msg);
    }
    *a = f.account;
    *apppass = f.apppass;
    return NULL;
}
