/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Preferences of accounts, and what clients keep for themselves (OCS privatedata). Both are rows of
 * one table: private data has the app PRIVATE followed by the client's, which no app of the server
 * begins with. */
#include "account_private.h"

#include <string.h>
#include <apr_lib.h>

#define PRIVATE "private/"

static cloud_err_t *check(const char *app, const char *key, const char *value, apr_pool_t *pool)
{
    if (!*app || !*key || strlen(app) > CLOUD_PREF_NAME_MAX || strlen(key) > CLOUD_PREF_NAME_MAX
        || !cloud_name_xml_ok(app) || !cloud_name_xml_ok(key))
        return cloud_err(pool, CLOUD_E_INVALID, "App and key are text of 1 to %d bytes",
                         CLOUD_PREF_NAME_MAX);
    if (value && (strlen(value) > CLOUD_PREF_VALUE_MAX || !cloud_name_xml_ok(value)))
        return cloud_err(pool, CLOUD_E_INVALID, "The value is no text of at most %d bytes",
                         CLOUD_PREF_VALUE_MAX);
    return NULL;
}

static cloud_err_t *may(cloud_ctx_t *ctx, const cloud_account_t *a, cloud_manage_t what)
{
    int yes;

    CLOUD_ERR(cloud_may_manage(&yes, ctx, a, what));
    return yes ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

static cloud_err_t *get_tx(const char **value, cloud_ctx_t *ctx, const cloud_account_t *a,
                           const char *app, const char *key, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(may(ctx, a, CLOUD_MANAGE_SEE));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT value FROM pref WHERE account = ?1 AND app = ?2 AND key = ?3",
                             "itt", a->number, app, key));
    if (row) *value = cloud_col_dup(st, 0, pool);
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_pref_get(const char **value, cloud_ctx_t *ctx, const cloud_account_t *a,
                            const char *app, const char *key, apr_pool_t *pool)
{
    cloud_err_t *err;

    *value = NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = get_tx(value, ctx, a, app, key, pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* The account may have been deleted since the caller read it: its rows must not come back. */
static cloud_err_t *write_row(cloud_ctx_t *ctx, const cloud_account_t *a, const char *app,
                              const char *key, const char *value)
{
    if (!value)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "DELETE FROM pref WHERE account = ?1 AND app = ?2 AND key = ?3", "itt",
                            a->number, app, key);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO pref (account, app, key, value) SELECT number, ?2, ?3, ?4"
                        " FROM account WHERE number = ?1"
                        " ON CONFLICT (account, app, key) DO UPDATE SET value = excluded.value",
                        "ittt", a->number, app, key, value);
}

static cloud_err_t *set_tx(cloud_ctx_t *ctx, const cloud_account_t *a, const char *app,
                           const char *key, const char *value)
{
    CLOUD_ERR(may(ctx, a, CLOUD_MANAGE_PROFILE));
    return write_row(ctx, a, app, key, value);
}

cloud_err_t *cloud_pref_set(cloud_ctx_t *ctx, const cloud_account_t *a, const char *app,
                            const char *key, const char *value)
{
    CLOUD_ERR(check(app, key, value, ctx->pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, set_tx(ctx, a, app, key, value));
}

cloud_err_t *cloud_account_language(const char **lang, cloud_ctx_t *ctx, const cloud_account_t *a,
                                    apr_pool_t *pool)
{
    CLOUD_ERR(cloud_pref_get(lang, ctx, a, "core", "lang", pool));
    return *lang ? NULL : cloud_setting_get(lang, NULL, ctx, "system", "default_language");
}

/* As in "de", "pt_BR", "zh-Hant". */
static int is_language(const char *lang)
{
    const char *c = lang;

    while (apr_isalpha(*c)) c++;
    if (c - lang < 2 || c - lang > 3) return 0;
    for (; *c; c++)
        if (!apr_isalnum(*c) && ((*c != '_' && *c != '-') || !apr_isalnum(c[1]))) return 0;
    return c - lang <= 16;
}

cloud_err_t *cloud_account_set_language(cloud_ctx_t *ctx, const cloud_account_t *a,
                                        const char *lang)
{
    if (lang && !*lang) lang = NULL;
    if (lang && !is_language(lang))
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "That is not a language");
    return cloud_pref_set(ctx, a, "core", "lang", lang);
}

/* ---- private data ---- */

static int differs(const char *want, const char *have)
{
    return want && strcmp(want, have) != 0;
}

static cloud_err_t *list_tx(apr_array_header_t *list, cloud_ctx_t *ctx, const char *app,
                            const char *key)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    /* '0' follows '/' */
    CLOUD_ERR(cloud_db_stmt(&st, ctx->db,
                            "SELECT app, key, value FROM pref WHERE account = ?1"
                            " AND app >= 'private/' AND app < 'private0' ORDER BY app, key",
                            ctx->pool));
    cloud_stmt_int(st, 1, ctx->who.account->number);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row) {
        const char *its_app = cloud_col_text(st, 0) + sizeof PRIVATE - 1;
        cloud_pref_t *p;

        if (differs(app, its_app) || differs(key, cloud_col_text(st, 1))) continue;
        p = apr_array_push(list);
        p->app = apr_pstrdup(list->pool, its_app);
        p->key = cloud_col_dup(st, 1, list->pool);
        p->value = cloud_col_dup(st, 2, list->pool);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_private_list(apr_array_header_t **list, cloud_ctx_t *ctx, const char *app,
                                const char *key, apr_pool_t *pool)
{
    cloud_err_t *err;

    *list = apr_array_make(pool, 8, sizeof(cloud_pref_t));
    if (!ctx->who.account) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*list, ctx, app, key);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *private_set_tx(cloud_ctx_t *ctx, const char *app, const char *key,
                                   const char *value)
{
    const cloud_account_t *a = ctx->who.account;
    apr_int64_t n = 0;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(write_row(ctx, a, app, key, value));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT count(*) FROM pref WHERE account = ?1 AND app >= 'private/'"
                             " AND app < 'private0'",
                             "i", a->number));
    if (row) n = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return n <= CLOUD_PRIVATE_MAX
               ? NULL
               : cloud_err(ctx->pool, CLOUD_E_QUOTA, "No more than %d entries are kept",
                           CLOUD_PRIVATE_MAX);
}

cloud_err_t *cloud_private_set(cloud_ctx_t *ctx, const char *app, const char *key,
                               const char *value)
{
    if (!ctx->who.account) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(check(app, key, value, ctx->pool));
    if (strlen(app) > CLOUD_PREF_NAME_MAX - (sizeof PRIVATE - 1))
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "The app's name is too long");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, private_set_tx(ctx, apr_pstrcat(ctx->pool, PRIVATE, app, NULL), key,
                                            value));
}
