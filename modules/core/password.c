/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The password policy, and the history of an account's passwords. */
#include "account_private.h"
#include "password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <apr_md5.h>
#include <utf8proc.h>

#define APP "password_policy"

static const struct {
    const char *checked, *value; /* settings */
    const char *what;
} COUNTS[CLOUD_PASSWORD_NCOUNTS] = {
    [CLOUD_PASSWORD_CHARS] = { "spv_min_chars_checked", "spv_min_chars_value", "character" },
    [CLOUD_PASSWORD_LOWER] = { "spv_lowercase_checked", "spv_lowercase_value",
                               "lower-case letter" },
    [CLOUD_PASSWORD_UPPER] = { "spv_uppercase_checked", "spv_uppercase_value",
                               "upper-case letter" },
    [CLOUD_PASSWORD_DIGITS] = { "spv_numbers_checked", "spv_numbers_value", "digit" },
    [CLOUD_PASSWORD_SPECIAL] = { "spv_special_chars_checked", "spv_special_chars_value",
                                 "special character" },
};

/* A number that counts only when its switch is on. */
static cloud_err_t *switched(apr_int64_t *n, cloud_ctx_t *ctx, const char *checked,
                             const char *value)
{
    int on;

    *n = 0;
    CLOUD_ERR(cloud_setting_bool(&on, ctx, APP, checked));
    return on ? cloud_setting_int(n, ctx, APP, value) : NULL;
}

cloud_err_t *cloud_password_policy(cloud_password_policy_t *policy, cloud_ctx_t *ctx)
{
    int i, on;

    memset(policy, 0, sizeof *policy);
    for (i = 0; i < CLOUD_PASSWORD_NCOUNTS; i++)
        CLOUD_ERR(switched(&policy->least[i], ctx, COUNTS[i].checked, COUNTS[i].value));
    CLOUD_ERR(switched(&policy->history, ctx, "spv_password_history_checked",
                       "spv_password_history_value"));
    CLOUD_ERR(cloud_setting_bool(&on, ctx, APP, "spv_def_special_chars_checked"));
    if (on)
        CLOUD_ERR(cloud_setting_get(&policy->specials, NULL, ctx, APP,
                                    "spv_def_special_chars_value"));
    CLOUD_ERR(cloud_setting_get(&policy->banned, NULL, ctx, APP, "banned_passwords_list"));
    if (!*policy->banned) policy->banned = NULL;
    return NULL;
}

/* ---- what it is made of ---- */

static cloud_password_count_t kind_of(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LL:
        return CLOUD_PASSWORD_LOWER;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return CLOUD_PASSWORD_UPPER;
    case UTF8PROC_CATEGORY_ND:
        return CLOUD_PASSWORD_DIGITS;
    case UTF8PROC_CATEGORY_LM: /* letters without a case, and what belongs to a letter */
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return CLOUD_PASSWORD_CHARS;
    default:
        return CLOUD_PASSWORD_SPECIAL;
    }
}

/* Counts the characters of each kind. Bytes that are not UTF-8 are special, one by one. */
static cloud_err_t *count(apr_int64_t *n, cloud_ctx_t *ctx, const char *password,
                          const char *specials)
{
    const char *p = password;

    while (*p) {
        utf8proc_int32_t c;
        utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &c);
        cloud_password_count_t kind = len > 0 ? kind_of(c) : CLOUD_PASSWORD_SPECIAL;

        if (len <= 0) len = 1;
        if (kind == CLOUD_PASSWORD_SPECIAL && specials
            && !strstr(specials, apr_pstrmemdup(ctx->pool, p, (apr_size_t)len)))
            return cloud_err(ctx->pool, CLOUD_E_INVALID,
                             "Of special characters a password may have these only: %s", specials);
        n[CLOUD_PASSWORD_CHARS]++;
        if (kind != CLOUD_PASSWORD_CHARS) n[kind]++;
        p += len;
    }
    return NULL;
}

static cloud_err_t *too_few(cloud_ctx_t *ctx, const cloud_password_policy_t *policy, int i)
{
    int which = i == CLOUD_PASSWORD_SPECIAL && policy->specials;

    return cloud_err(ctx->pool, CLOUD_E_INVALID,
                     "The password needs at least %" APR_INT64_T_FMT " %s%s%s%s", policy->least[i],
                     COUNTS[i].what, policy->least[i] == 1 ? "" : "s", which ? " of " : "",
                     which ? policy->specials : "");
}

/* ---- those that are banned ---- */

static int has_line(FILE *file, const char *text)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int found = 0;

    while (!found && (len = getline(&line, &room, file)) >= 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) line[--len] = '\0';
        found = strcasecmp(line, text) == 0;
    }
    free(line);
    return found;
}

static cloud_err_t *check_banned(cloud_ctx_t *ctx, const char *path, const char *password)
{
    FILE *file = fopen(path, "re");
    int found, failed;

    if (!file) return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, errno, "open %s", path);
    found = has_line(file, password);
    failed = ferror(file) ? errno : 0;
    fclose(file);
    if (found)
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "The password is one of those that many people use");
    return failed ? cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, failed, "read %s", path) : NULL;
}

static cloud_err_t *check(cloud_ctx_t *ctx, const cloud_password_policy_t *policy,
                          const char *password)
{
    apr_int64_t n[CLOUD_PASSWORD_NCOUNTS] = { 0 };
    int i;

    CLOUD_ERR(count(n, ctx, password, policy->specials));
    for (i = 0; i < CLOUD_PASSWORD_NCOUNTS; i++)
        if (n[i] < policy->least[i]) return too_few(ctx, policy, i);
    return policy->banned ? check_banned(ctx, policy->banned, password) : NULL;
}

cloud_err_t *cloud_password_policy_check(cloud_ctx_t *ctx, const char *password)
{
    cloud_password_policy_t policy;

    CLOUD_ERR(cloud_password_policy(&policy, ctx));
    return check(ctx, &policy, password);
}

/* ---- who may change it ---- */

/* Whoever is here knows the password, or has a second factor without which it opens nothing (then
 * programs never come with the password itself). Where there is none, a directory says who he is. */
static int knows_password(const cloud_principal_t *who, const cloud_account_t *a)
{
    return a->has_password && (a->two_factor || (!who->client && !who->elsewhere));
}

cloud_err_t *cloud_password_for_change(cloud_account_t **a, cloud_ctx_t *ctx, const char *id)
{
    const cloud_account_t *self = ctx->who.account;

    CLOUD_ERR(cloud_account_for_change(a, ctx, id, CLOUD_MANAGE_PROFILE, ctx->pool));
    if (ctx->who.system || !self || self->number != (*a)->number || knows_password(&ctx->who, *a))
        return NULL;
    return cloud_err(ctx->pool, CLOUD_E_DENIED,
                     "Only who logs in with the password of here can change it");
}

/* ---- history ---- */

/* The hashes that the new password must not fit: the one in force and those before. Rights come
 * first: whoever may not change the password must not find out what it was. */
static cloud_err_t *hashes_tx(apr_array_header_t *hashes, cloud_ctx_t *ctx, const char *id,
                              apr_int64_t most)
{
    cloud_account_t *a;
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    CLOUD_ERR(cloud_password_for_change(&a, ctx, id));
    if (most == 0) return NULL;
    CLOUD_ERR(cloud_db_stmt(&st, ctx->db,
                            "SELECT password, 1, 0 FROM account WHERE number = ?1"
                            " AND password IS NOT NULL"
                            " UNION ALL SELECT hash, 0, number FROM old_password WHERE account = ?1"
                            " ORDER BY 2 DESC, 3 DESC LIMIT ?2",
                            ctx->pool));
    cloud_stmt_int(st, 1, a->number);
    cloud_stmt_int(st, 2, most);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row)
        APR_ARRAY_PUSH(hashes, const char *) = cloud_col_dup(st, 0, hashes->pool);
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_password_check_change(cloud_ctx_t *ctx, const char *id, const char *password)
{
    apr_array_header_t *hashes = apr_array_make(ctx->pool, 4, sizeof(const char *));
    cloud_password_policy_t policy;
    cloud_err_t *err;
    int i;

    CLOUD_ERR(cloud_password_policy(&policy, ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = hashes_tx(hashes, ctx, id, policy.history);
    cloud_tx_rollback(ctx);
    if (err) return err;
    CLOUD_ERR(check(ctx, &policy, password));
    if (strlen(password) > CLOUD_PASSWORD_MAX) return NULL; /* none of them, and refused anyway */
    for (i = 0; i < hashes->nelts; i++) {
        if (apr_password_validate(password, APR_ARRAY_IDX(hashes, i, const char *)) != APR_SUCCESS)
            continue;
        if (policy.history == 1)
            return cloud_err(ctx->pool, CLOUD_E_INVALID,
                             "The password must differ from the one before");
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "The password must differ from the last %" APR_INT64_T_FMT,
                         policy.history);
    }
    return NULL;
}

cloud_err_t *cloud_password_remember(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t history)
{
    apr_int64_t number, keep = history > 1 ? history - 1 : 0; /* besides the one in force */

    if (keep > 0) {
        CLOUD_ERR(cloud_tree_draw(&number, ctx));
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                               "INSERT INTO old_password (account, number, hash)"
                               " SELECT number, ?2, password FROM account WHERE number = ?1"
                               " AND password IS NOT NULL",
                               "ii", account, number));
    }
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM old_password WHERE account = ?1 AND number NOT IN (SELECT"
                        " number FROM old_password WHERE account = ?1 ORDER BY number DESC"
                        " LIMIT ?2)",
                        "ii", account, keep);
}
