/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Groups: rows, rights, the verbs on the groups themselves. Who is in them: member.c. */
#include "account_private.h"

#include <string.h>

#define GROUP_COLS "number, id, display_name, source, created"

static void read_row(cloud_group_t *g, cloud_stmt_t *st, apr_pool_t *pool)
{
    g->number = cloud_col_int(st, 0);
    g->id = cloud_col_dup(st, 1, pool);
    g->display_name = cloud_col_null(st, 2) ? g->id : cloud_col_dup(st, 2, pool);
    g->source = cloud_col_dup(st, 3, pool);
    g->created = cloud_col_int(st, 4);
}

static cloud_err_t *missing(cloud_ctx_t *ctx, const char *id)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no group \"%s\"", id);
}

cloud_err_t *cloud_group_find(cloud_group_t **g, cloud_ctx_t *ctx, const char *id,
                              apr_pool_t *pool)
{
    const char *nfc = cloud_name_nfc(id, pool);
    cloud_stmt_t *st;
    int row;

    *g = NULL;
    if (!nfc) return missing(ctx, "?");
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " GROUP_COLS " FROM usergroup WHERE id = ?1", "t", nfc));
    if (row) {
        *g = apr_palloc(pool, sizeof **g);
        read_row(*g, st, pool);
    }
    cloud_stmt_done(st);
    return row ? NULL : missing(ctx, id);
}

cloud_err_t *cloud_group_get(cloud_group_t **g, cloud_ctx_t *ctx, const char *id,
                             apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_group_find(g, ctx, id, pool);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *need_role(cloud_ctx_t *ctx, cloud_role_t least)
{
    cloud_role_t role;

    CLOUD_ERR(cloud_role(&role, ctx));
    return role >= least ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

/* ---- creating ---- */

static cloud_err_t *check_id(const char *id, apr_pool_t *pool)
{
    size_t len = strlen(id);

    if (len == 0 || !cloud_account_is_line(id))
        return cloud_err(pool, CLOUD_E_INVALID,
                         "A group's id is a line of 1 to 255 bytes that can be shown");
    if (id[0] == ' ' || id[len - 1] == ' ' || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return cloud_err(pool, CLOUD_E_INVALID,
                         "A group's id can't be a dot, nor begin or end with a blank");
    return NULL;
}

static cloud_err_t *create_tx(cloud_group_t *g, cloud_ctx_t *ctx)
{
    const char *name = strcmp(g->display_name, g->id) == 0 ? NULL : g->display_name;
    cloud_err_t *err;

    CLOUD_ERR(need_role(ctx, CLOUD_ROLE_ADMIN));
    CLOUD_ERR(cloud_tree_draw(&g->number, ctx));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "INSERT INTO usergroup (number, id, display_name, source, created)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)",
                       "ittti", g->number, g->id, name, g->source, (apr_int64_t)g->created);
    if (cloud_err_is(err, CLOUD_E_EXISTS))
        return cloud_err(ctx->pool, CLOUD_E_EXISTS, "There is a group \"%s\" already", g->id);
    return err;
}

cloud_err_t *cloud_group_create(cloud_group_t **out, cloud_ctx_t *ctx, const char *id,
                                const char *display_name, const char *source, apr_pool_t *pool)
{
    cloud_group_t *g = apr_pcalloc(pool, sizeof *g);

    *out = NULL;
    g->id = cloud_name_nfc(id, pool);
    if (!g->id) return cloud_err(ctx->pool, CLOUD_E_INVALID, "The id is not valid UTF-8");
    CLOUD_ERR(check_id(g->id, ctx->pool));
    CLOUD_ERR(cloud_account_check_name(&display_name, display_name, ctx->pool));
    g->display_name = display_name ? apr_pstrdup(pool, display_name) : g->id;
    g->source = source ? apr_pstrdup(pool, source) : CLOUD_SOURCE_DATABASE;
    g->created = apr_time_now();
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, create_tx(g, ctx)));
    CLOUD_LOG(ctx->store, INFO, "group %s created", g->id);
    *out = g;
    return NULL;
}

/* ---- changing, deleting ---- */

static cloud_err_t *rename_tx(cloud_ctx_t *ctx, const char *id, const char *name)
{
    cloud_group_t *g;

    CLOUD_ERR(need_role(ctx, CLOUD_ROLE_ADMIN));
    CLOUD_ERR(cloud_group_find(&g, ctx, id, ctx->pool));
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE usergroup SET display_name = ?2 WHERE number = ?1", "it",
                        g->number, name);
}

cloud_err_t *cloud_group_set_display_name(cloud_ctx_t *ctx, const char *id, const char *name)
{
    CLOUD_ERR(cloud_account_check_name(&name, name, ctx->pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, rename_tx(ctx, id, name));
}

static cloud_err_t *delete_tx(cloud_ctx_t *ctx, const char *id)
{
    static const char *const sql[] = {
        "DELETE FROM membership WHERE usergroup = ?1",
        "DELETE FROM subadmin WHERE usergroup = ?1",
        "DELETE FROM usergroup WHERE number = ?1",
    };
    const apr_array_header_t *features = cloud_features();
    cloud_group_t *g;
    int i;

    CLOUD_ERR(need_role(ctx, CLOUD_ROLE_ADMIN));
    CLOUD_ERR(cloud_group_find(&g, ctx, id, ctx->pool));
    if (g->number == CLOUD_GROUP_ADMIN)
        return cloud_err(ctx->pool, CLOUD_E_DENIED, "The group of the administrators stays");
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);
        if (f->group_deleted) CLOUD_ERR(f->group_deleted(ctx, g));
    }
    for (i = 0; i < (int)(sizeof sql / sizeof *sql); i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, sql[i], "i", g->number));
    return NULL;
}

cloud_err_t *cloud_group_delete(cloud_ctx_t *ctx, const char *id)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, delete_tx(ctx, id)));
    CLOUD_LOG(ctx->store, NOTICE, "group %s deleted", id);
    return NULL;
}

/* ---- listing ---- */

cloud_err_t *cloud_collect_ids(apr_array_header_t *ids, cloud_stmt_t *st, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    int row;

    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row)
        APR_ARRAY_PUSH(ids, const char *) = cloud_col_dup(st, 0, ids->pool);
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *search_tx(apr_array_header_t *ids, cloud_ctx_t *ctx, const char *folded,
                              const cloud_search_t *search)
{
    apr_int64_t seen = 0;
    apr_pool_t *item;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, "SELECT id, display_name FROM usergroup ORDER BY id",
                            ctx->pool));
    apr_pool_create(&item, ctx->pool);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row
           && (search->limit <= 0 || ids->nelts < search->limit)) {
        apr_pool_clear(item);
        if (!cloud_text_matches(folded, cloud_col_text(st, 0), cloud_col_text(st, 1), NULL, item))
            continue;
        if (seen++ >= search->offset)
            APR_ARRAY_PUSH(ids, const char *) = cloud_col_dup(st, 0, ids->pool);
    }
    cloud_stmt_done(st);
    apr_pool_destroy(item);
    return err;
}

cloud_err_t *cloud_group_search(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                const cloud_search_t *search, apr_pool_t *pool)
{
    static const cloud_search_t everything = { NULL, 0, 0 };
    const char *folded = NULL;
    cloud_err_t *err;

    if (!search) search = &everything;
    *ids = apr_array_make(pool, 16, sizeof(const char *));
    CLOUD_ERR(need_role(ctx, CLOUD_ROLE_SUBADMIN));
    if (search->text && *search->text && !(folded = cloud_account_fold(search->text, ctx->pool)))
        return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = search_tx(*ids, ctx, folded, search);
    cloud_tx_rollback(ctx);
    return err;
}

/* All of an account, or with only those that another is subadmin of. */
static cloud_err_t *groups_tx(apr_array_header_t *groups, cloud_ctx_t *ctx, apr_int64_t account,
                              apr_int64_t subadmin)
{
    static const char all[] = "SELECT " GROUP_COLS " FROM usergroup WHERE number IN"
                              " (SELECT usergroup FROM membership WHERE account = ?1)"
                              " AND ?2 = 0 ORDER BY id";
    static const char theirs[] = "SELECT " GROUP_COLS " FROM usergroup WHERE number IN"
                                 " (SELECT usergroup FROM membership WHERE account = ?1) AND number"
                                 " IN (SELECT usergroup FROM subadmin WHERE account = ?2)"
                                 " ORDER BY id";
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, subadmin ? theirs : all, ctx->pool));
    cloud_stmt_int(st, 1, account);
    cloud_stmt_int(st, 2, subadmin);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row)
        read_row(apr_array_push(groups), st, groups->pool);
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *of_tx(apr_array_header_t *groups, cloud_ctx_t *ctx, const char *account)
{
    const cloud_account_t *who = ctx->who.account;
    cloud_account_t *a;
    cloud_role_t role;

    CLOUD_ERR(cloud_account_for_change(&a, ctx, account, CLOUD_MANAGE_SEE, ctx->pool));
    CLOUD_ERR(cloud_role(&role, ctx));
    return groups_tx(groups, ctx, a->number,
                     role == CLOUD_ROLE_ADMIN || (who && who->number == a->number) ? 0
                                                                                    : who->number);
}

cloud_err_t *cloud_group_of(apr_array_header_t **groups, cloud_ctx_t *ctx, const char *account,
                            apr_pool_t *pool)
{
    cloud_err_t *err;

    *groups = apr_array_make(pool, 8, sizeof(cloud_group_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = of_tx(*groups, ctx, account);
    cloud_tx_rollback(ctx);
    return err;
}
