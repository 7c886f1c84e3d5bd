/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What a directory says about people. Their accounts' rows carry a hash of it, so that a request costs
 * no more than a comparison while nothing changes. */
#include "account_private.h"
#include "person.h"
#include "settings.h"

#include <string.h>
#include <openssl/evp.h>

#define MARK_BYTES 16
#define QUOTA_KEEP (-9) /* as in the statement of take_over() */

/* ---- the mark ---- */

static void add_text(EVP_MD_CTX *md, const char *text)
{
    apr_uint64_t len = text ? strlen(text) : 0;

    /* With its length, so that no two persons are the same bytes. */
    EVP_DigestUpdate(md, &len, sizeof len);
    if (len) EVP_DigestUpdate(md, text, len);
}

static const char *mark_of(const cloud_person_t *p, apr_pool_t *pool)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    apr_int64_t n = p->groups ? p->groups->nelts : -1;
    const char *mark = NULL;
    int i;

    if (!md) return NULL;
    if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1) {
        add_text(md, p->display_name);
        add_text(md, p->email);
        add_text(md, p->quota);
        EVP_DigestUpdate(md, &n, sizeof n);
        for (i = 0; i < n; i++) add_text(md, APR_ARRAY_IDX(p->groups, i, const char *));
        if (EVP_DigestFinal_ex(md, hash, NULL) == 1) {
            char *hex = apr_palloc(pool, 2 * MARK_BYTES + 1);
            for (i = 0; i < MARK_BYTES; i++) apr_snprintf(hex + 2 * i, 3, "%02x", hash[i]);
            mark = hex;
        }
    }
    EVP_MD_CTX_free(md);
    return mark;
}

int cloud_person_known(const cloud_account_t *a, const cloud_person_t *p, apr_pool_t *pool)
{
    const char *mark = mark_of(p, pool);

    return mark && a->person && strcmp(a->person, mark) == 0;
}

/* ---- taking over ---- */

/* What a directory has wrong must not keep anybody from logging in. */
static cloud_err_t *left_out(cloud_ctx_t *ctx, const cloud_account_t *a, const cloud_person_t *p,
                             cloud_err_t *err)
{
    if (!cloud_err_is(err, CLOUD_E_INVALID)) return err;
    CLOUD_LOG(ctx->store, NOTICE, "account %s: not taken from %s: %s", a->id, p->source, err->msg);
    return NULL;
}

static cloud_err_t *check_quota(apr_int64_t *quota, const char *text, apr_pool_t *pool)
{
    if (!text || !*text) return NULL;
    if (strcmp(text, "default") == 0) *quota = CLOUD_QUOTA_DEFAULT;
    else return cloud_size_parse(quota, text, pool);
    return NULL;
}

static cloud_err_t *take_over(cloud_ctx_t *ctx, const cloud_account_t *a, const cloud_person_t *p)
{
    const char *name = NULL, *email = NULL;
    apr_int64_t quota = QUOTA_KEEP;
    cloud_err_t *err;

    err = cloud_account_check_name(&name, p->display_name, ctx->pool);
    if (err) name = NULL;
    CLOUD_ERR(left_out(ctx, a, p, err));
    err = cloud_account_check_email(&email, p->email, ctx->pool);
    if (err) email = NULL;
    CLOUD_ERR(left_out(ctx, a, p, err));
    err = check_quota(&quota, p->quota, ctx->pool);
    if (err) quota = QUOTA_KEEP;
    CLOUD_ERR(left_out(ctx, a, p, err));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE account SET display_name = COALESCE(?2, display_name),"
                        " email = COALESCE(?3, email),"
                        " quota = CASE WHEN ?4 = -9 THEN quota ELSE ?4 END,"
                        " source = CASE WHEN password IS NULL THEN ?5 ELSE source END,"
                        " person = ?6 WHERE number = ?1",
                        "ittitt", a->number, name, email, quota, p->source,
                        mark_of(p, ctx->pool));
}

/* ---- groups ---- */

/* Number of the group, which is made where there is none; 0: its id can't be one. */
static cloud_err_t *group_number(apr_int64_t *number, cloud_ctx_t *ctx, const cloud_account_t *a,
                                 const cloud_person_t *p, const char *id)
{
    cloud_group_t *g;
    cloud_err_t *err = cloud_group_find(&g, ctx, id, ctx->pool);

    *number = 0;
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND))
        err = cloud_group_create(&g, ctx, id, NULL, p->source, ctx->pool);
    if (!err) *number = g->number;
    return left_out(ctx, a, p, err);
}

static int has_number(const apr_array_header_t *numbers, apr_int64_t number)
{
    int i;

    for (i = 0; i < numbers->nelts; i++)
        if (APR_ARRAY_IDX(numbers, i, apr_int64_t) == number) return 1;
    return 0;
}

/* Groups of the account into which a directory has put it: whichever it was, this one speaks now. */
static cloud_err_t *groups_from_directories(apr_array_header_t *numbers, cloud_ctx_t *ctx,
                                            const cloud_account_t *a)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db,
                            "SELECT usergroup FROM membership WHERE account = ?1"
                            " AND source <> 'database'",
                            ctx->pool));
    cloud_stmt_int(st, 1, a->number);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row)
        APR_ARRAY_PUSH(numbers, apr_int64_t) = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *leave_others(cloud_ctx_t *ctx, const cloud_account_t *a,
                                 const apr_array_header_t *wanted)
{
    apr_array_header_t *have = apr_array_make(ctx->pool, 8, sizeof(apr_int64_t));
    int i;

    CLOUD_ERR(groups_from_directories(have, ctx, a));
    for (i = 0; i < have->nelts; i++) {
        apr_int64_t number = APR_ARRAY_IDX(have, i, apr_int64_t);
        if (has_number(wanted, number)) continue;
        CLOUD_ERR(cloud_group_leave(ctx, number, a->number));
    }
    return NULL;
}

static cloud_err_t *take_groups(cloud_ctx_t *ctx, const cloud_account_t *a,
                                const cloud_person_t *p)
{
    apr_array_header_t *wanted = apr_array_make(ctx->pool, p->groups->nelts + 1,
                                                sizeof(apr_int64_t));
    int i;

    for (i = 0; i < p->groups->nelts; i++) {
        const char *id = APR_ARRAY_IDX(p->groups, i, const char *);
        apr_int64_t number;
        CLOUD_ERR(group_number(&number, ctx, a, p, id));
        if (!number) continue;
        CLOUD_ERR(cloud_group_join(ctx, number, a->number, p->source));
        APR_ARRAY_PUSH(wanted, apr_int64_t) = number;
    }
    return leave_others(ctx, a, wanted);
}

static cloud_err_t *apply_tx(cloud_ctx_t *ctx, const cloud_account_t *a, const cloud_person_t *p)
{
    CLOUD_ERR(take_over(ctx, a, p));
    return p->groups ? take_groups(ctx, a, p) : NULL;
}

cloud_err_t *cloud_person_apply(cloud_ctx_t *ctx, const cloud_account_t *a,
                                const cloud_person_t *p)
{
    cloud_err_t *err;

    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = apply_tx(ctx, a, p);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- what cloudctl and the admin ask for ---- */

static cloud_err_t *forget_tx(cloud_ctx_t *ctx, const char *id)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_get(&a, ctx, id, ctx->pool));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE account SET person = NULL WHERE number = ?1 AND person <> ?2", "it",
                        a->number, CLOUD_PERSON_GONE);
}

cloud_err_t *cloud_person_forget(cloud_ctx_t *ctx, const char *id)
{
    cloud_role_t role;

    CLOUD_ERR(cloud_role(&role, ctx));
    if (role != CLOUD_ROLE_ADMIN) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, forget_tx(ctx, id));
}

static cloud_err_t *set_gone_tx(cloud_ctx_t *ctx, const char *id, int gone)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_get(&a, ctx, id, ctx->pool));
    if (gone ? !a->enabled
             : a->enabled || !a->person || strcmp(a->person, CLOUD_PERSON_GONE) != 0)
        return cloud_err(ctx->pool, CLOUD_E_CONFLICT, gone
                         ? "The account %s is disabled already"
                         : "The account %s was not disabled because its person was gone", a->id);
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE account SET enabled = ?2, person = ?3 WHERE number = ?1", "iit",
                           a->number, (apr_int64_t)!gone, gone ? CLOUD_PERSON_GONE : NULL));
    return cloud_account_new_epoch(ctx, a->number);
}

cloud_err_t *cloud_person_set_gone(cloud_ctx_t *ctx, const char *id, int gone)
{
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, set_gone_tx(ctx, id, gone));
}
