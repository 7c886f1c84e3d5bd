/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows of accounts: finding, changing. Listing: account_list.c; creating, deleting: account_life.c. */
#include "account_private.h"
#include "shm.h"

#include <stdlib.h>
#include <string.h>
#include <apr_lib.h>
#include <utf8proc.h>

#define TEXT_MAX 255        /* bytes of a display name or an e-mail address */

const char *cloud_account_fold(const char *id, apr_pool_t *pool)
{
    utf8proc_uint8_t *folded;
    const unsigned char *c;
    const char *out;

    if (!cloud_name_xml_ok(id)) return NULL;
    for (c = (const unsigned char *)id; *c && *c < 0x80;) c++;
    if (!*c) {
        /* ASCII needs no library to be folded. */
        char *lower = apr_pstrdup(pool, id), *p;
        for (p = lower; *p; p++)
            if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
        return lower;
    }
    if (utf8proc_map((const utf8proc_uint8_t *)id, 0, &folded,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD)
        < 0)
        return NULL;
    out = apr_pstrdup(pool, (const char *)folded);
    free(folded);
    return out;
}

const char *cloud_account_lower(const char *id, apr_pool_t *pool)
{
    const char *nfc = cloud_name_nfc(id, pool);
    const utf8proc_uint8_t *s = (const utf8proc_uint8_t *)nfc;
    utf8proc_uint8_t *lower, *at;

    if (!nfc) return NULL;
    at = lower = apr_palloc(pool, 4 * strlen(nfc) + 1); /* no character takes more */
    while (*s) {
        utf8proc_int32_t cp;

        s += utf8proc_iterate(s, -1, &cp);
        at += utf8proc_encode_char(utf8proc_tolower(cp), at);
    }
    *at = 0;
    return (const char *)lower;
}

void cloud_account_row(cloud_account_t *a, cloud_stmt_t *st, apr_pool_t *pool)
{
    a->number = cloud_col_int(st, 0);
    a->id = cloud_col_dup(st, 1, pool);
    a->display_name = cloud_col_null(st, 2) ? a->id : cloud_col_dup(st, 2, pool);
    a->email = cloud_col_dup(st, 3, pool);
    a->quota = cloud_col_int(st, 4);
    a->enabled = cloud_col_int(st, 5) != 0;
    a->created = cloud_col_int(st, 6);
    a->last_login = cloud_col_int(st, 7);
    a->root = cloud_col_int(st, 8);
    a->purge = cloud_col_int(st, 9);
    a->dir = cloud_col_dup(st, 10, pool);
    a->secret_epoch = cloud_col_int(st, 11);
    a->has_password = cloud_col_int(st, 12) != 0;
    a->source = cloud_col_dup(st, 13, pool);
    a->person = cloud_col_dup(st, 14, pool);
    a->two_factor = cloud_col_int(st, 15) != 0;
    a->view = NULL;
}

cloud_err_t *cloud_account_find(cloud_account_t **a, const char **password, cloud_ctx_t *ctx,
                                const char *folded, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *a = NULL;
    if (password) *password = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_ACCOUNT_COLS ", password FROM account WHERE folded = ?1",
                             "t", folded));
    if (row) {
        *a = apr_palloc(pool, sizeof **a);
        cloud_account_row(*a, st, pool);
        if (password) *password = cloud_col_dup(st, CLOUD_ACCOUNT_NCOLS, pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *missing(cloud_ctx_t *ctx, const char *id)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no account \"%s\"", id);
}

static cloud_err_t *get_tx(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                           apr_pool_t *pool)
{
    const char *folded = cloud_account_fold(id, pool);

    *a = NULL;
    if (folded) CLOUD_ERR(cloud_account_find(a, NULL, ctx, folded, pool));
    return *a ? NULL : missing(ctx, id);
}

static cloud_err_t *read_account(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                 apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = get_tx(a, ctx, id, pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* The number says which changes count, and only the row says the number: a row read without knowing
 * it is read once more. */
static cloud_err_t *read_to_remember(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                     const char *folded, apr_int64_t number, apr_pool_t *pool)
{
    apr_uint64_t epoch = 0;
    int round, steady = 0;

    for (round = 0; round < 2; round++) {
        steady = number && cloud_shm_account_epoch(&epoch, cloud_store_shm(ctx->store), number);
        CLOUD_ERR(read_account(a, ctx, id, pool));
        if ((*a)->number == number) break;
        steady = 0;
        number = (*a)->number;
    }
    if (steady) cloud_account_remember(ctx, folded, *a, epoch);
    return NULL;
}

cloud_err_t *cloud_account_get(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                               apr_pool_t *pool)
{
    const char *folded;
    apr_int64_t number;

    /* A transaction sees one state, which need not be that of now. */
    if (ctx->tx_depth > 0) return read_account(a, ctx, id, pool);
    folded = cloud_account_fold(id, pool);
    *a = folded ? cloud_account_cached(&number, ctx, folded, pool) : NULL;
    if (*a) return NULL;
    return folded ? read_to_remember(a, ctx, id, folded, number, pool) : missing(ctx, id);
}

static cloud_err_t *by_number_tx(cloud_account_t **a, cloud_ctx_t *ctx, apr_int64_t number,
                                 apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *a = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLOUD_ACCOUNT_COLS " FROM account WHERE number = ?1", "i",
                             number));
    if (row) {
        *a = apr_palloc(pool, sizeof **a);
        cloud_account_row(*a, st, pool);
    }
    cloud_stmt_done(st);
    return row ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no such account");
}

cloud_err_t *cloud_account_by_number(cloud_account_t **a, cloud_ctx_t *ctx, apr_int64_t number,
                                     apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = by_number_tx(a, ctx, number, pool);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- changing ---- */

cloud_err_t *cloud_account_for_change(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                      cloud_manage_t what, apr_pool_t *pool)
{
    const char *folded = cloud_account_fold(id, pool);
    cloud_role_t role;
    int may;

    *a = NULL;
    if (folded) CLOUD_ERR(cloud_account_find(a, NULL, ctx, folded, pool));
    if (*a) {
        CLOUD_ERR(cloud_may_manage(&may, ctx, *a, what));
        return may ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    }
    CLOUD_ERR(cloud_role(&role, ctx));
    return role == CLOUD_ROLE_ADMIN ? missing(ctx, id)
                                    : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

cloud_err_t *cloud_account_new_epoch(cloud_ctx_t *ctx, apr_int64_t number)
{
    apr_int64_t epoch;

    CLOUD_ERR(cloud_tree_draw(&epoch, ctx));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE account SET secret_epoch = ?2 WHERE number = ?1", "ii", number,
                        epoch);
}

cloud_err_t *cloud_account_set_quota(cloud_ctx_t *ctx, const char *id, apr_int64_t quota)
{
    cloud_account_t *a;
    cloud_err_t *err;

    if (quota < 0 && quota != CLOUD_QUOTA_DEFAULT && quota != CLOUD_QUOTA_UNLIMITED)
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "That is not a quota");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_QUOTA, ctx->pool);
    if (!err)
        err = cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE account SET quota = ?2 WHERE number = ?1", "ii", a->number,
                           quota);
    return cloud_tx_end(ctx, err);
}

cloud_err_t *cloud_account_barred(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, NULL);
}

cloud_err_t *cloud_account_set_enabled(cloud_ctx_t *ctx, const char *id, int enabled)
{
    cloud_account_t *a;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_STATE, ctx->pool);
    if (!err)
        err = cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE account SET enabled = ?2, person = NULL WHERE number = ?1",
                           "ii", a->number, (apr_int64_t)(enabled != 0));
    if (!err) err = cloud_account_new_epoch(ctx, a->number);
    return cloud_tx_end(ctx, err);
}

cloud_err_t *cloud_account_set_two_factor(cloud_ctx_t *ctx, const char *id, int on)
{
    cloud_account_t *a;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_SECRETS, ctx->pool);
    if (!err)
        err = cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE account SET two_factor = ?2 WHERE number = ?1", "ii", a->number,
                           (apr_int64_t)(on != 0));
    if (!err) err = cloud_account_new_epoch(ctx, a->number);
    return cloud_tx_end(ctx, err);
}

/* Whether people may change this about themselves is a setting; administrators may. */
static cloud_err_t *check_own(cloud_ctx_t *ctx, const cloud_account_t *a, const char *setting)
{
    cloud_role_t role;
    int allowed;

    if (!ctx->who.account || ctx->who.account->number != a->number) return NULL;
    CLOUD_ERR(cloud_setting_bool(&allowed, ctx, "system", setting));
    if (allowed) return NULL;
    CLOUD_ERR(cloud_role(&role, ctx));
    return role == CLOUD_ROLE_ADMIN ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

static cloud_err_t *set_text(cloud_ctx_t *ctx, const char *id, const char *setting,
                             const char *sql, const char *value)
{
    cloud_account_t *a;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_account_for_change(&a, ctx, id, CLOUD_MANAGE_PROFILE, ctx->pool);
    if (!err) err = check_own(ctx, a, setting);
    if (!err) err = cloud_db_run(ctx->db, NULL, ctx->pool, sql, "it", a->number, value);
    return cloud_tx_end(ctx, err);
}

/* Text on one line; "" counts as none. */
int cloud_account_is_line(const char *text)
{
    const unsigned char *c;

    for (c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f) return 0;
    return cloud_name_xml_ok(text) && (const char *)c - text <= TEXT_MAX;
}

cloud_err_t *cloud_account_check_name(const char **out, const char *name, apr_pool_t *pool)
{
    *out = name && *name ? name : NULL;
    if (*out && !cloud_account_is_line(name))
        return cloud_err(pool, CLOUD_E_INVALID,
                         "The display name is too long or has characters that can't be shown");
    return NULL;
}

cloud_err_t *cloud_account_set_display_name(cloud_ctx_t *ctx, const char *id, const char *name)
{
    CLOUD_ERR(cloud_account_check_name(&name, name, ctx->pool));
    return set_text(ctx, id, "allow_user_to_change_display_name",
                    "UPDATE account SET display_name = ?2 WHERE number = ?1", name);
}

static int is_letter(char c)
{
    return apr_isalnum(c) || (unsigned char)c >= 0x80;
}

/* Labels with dots between them; hyphens inside of labels only. */
static int is_domain(const char *s)
{
    char before = '.';

    for (; *s; before = *s++)
        if (!is_letter(*s) && (before == '.' || (*s != '-' && (*s != '.' || before == '-'))))
            return 0;
    return is_letter(before);
}

/* RFC 5321, 4.1.2, without quotes and address literals, and with letters of any script. */
static int is_address(const char *email)
{
    const char *at = strrchr(email, '@'), *c;

    if (!cloud_account_is_line(email) || !at || at == email || at - email > 64 || *email == '.'
        || at[-1] == '.' || strstr(email, ".."))
        return 0;
    for (c = email; c < at; c++)
        if (!is_letter(*c) && !strchr("!#$%&'*+/=?^_`{|}~.-", *c)) return 0;
    return is_domain(at + 1);
}

cloud_err_t *cloud_account_check_email(const char **out, const char *email, apr_pool_t *pool)
{
    *out = email && *email ? email : NULL;
    return !*out || is_address(email)
               ? NULL
               : cloud_err(pool, CLOUD_E_INVALID, "That is not an e-mail address");
}

cloud_err_t *cloud_account_set_email(cloud_ctx_t *ctx, const char *id, const char *email)
{
    CLOUD_ERR(cloud_account_check_email(&email, email, ctx->pool));
    return set_text(ctx, id, "allow_user_to_change_mail_address",
                    "UPDATE account SET email = ?2 WHERE number = ?1", email);
}

/* Asks first in a snapshot: the caller's account may have been read long ago, and a write
 * transaction for each request would be dear. */
cloud_err_t *cloud_account_seen(cloud_ctx_t *ctx, const cloud_account_t *a)
{
    apr_time_t now = apr_time_now();
    cloud_account_t *current;
    cloud_err_t *err;

    if (now - a->last_login < CLOUD_SEEN_EVERY) return NULL;
    CLOUD_ERR(cloud_account_by_number(&current, ctx, a->number, ctx->pool));
    if (now - current->last_login < CLOUD_SEEN_EVERY) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "UPDATE account SET last_login = ?2 WHERE number = ?1 AND last_login < ?2",
                       "ii", a->number, (apr_int64_t)now);
    if (err) {
        cloud_tx_rollback(ctx);
        return err;
    }
    return cloud_tx_commit(ctx); /* nobody waits for it to be durable */
}

static cloud_err_t *root_size(apr_int64_t *used, cloud_ctx_t *ctx, const cloud_account_t *a)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT size FROM node WHERE id = ?1", "i", a->root));
    if (row) *used = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return row ? NULL
               : cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE, "The root of account %s is missing",
                           a->id);
}

cloud_err_t *cloud_account_limit(apr_int64_t *quota, cloud_ctx_t *ctx, const cloud_account_t *a)
{
    *quota = a->quota;
    return a->quota == CLOUD_QUOTA_DEFAULT ? cloud_setting_int(quota, ctx, "files", "default_quota")
                                           : NULL;
}

cloud_err_t *cloud_account_usage(apr_int64_t *quota, apr_int64_t *used, cloud_ctx_t *ctx,
                                 const cloud_account_t *a)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_account_limit(quota, ctx, a));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = root_size(used, ctx, a);
    cloud_tx_rollback(ctx);
    return err;
}
