/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Lists of accounts, read in pages: no snapshot is held while a caller works on what it got, and
 * memory stays the same however many there are. */
#include "account_private.h"

#include <string.h>

#define PAGE 200 /* accounts read in one snapshot */

/* Which accounts: all, the members of a group, or those whom a subadmin manages. */
typedef enum { ALL, OF_GROUP, OF_SUBADMIN } scope_t;

typedef struct {
    scope_t scope;
    apr_int64_t number;      /* of the group, or of the subadmin */
    const char *folded;      /* what is searched, or NULL */
    cloud_account_fn *fn;
    void *baton;
    const int *done;         /* ends the walk when it is 1; may be NULL */
} walk_t;

#define PAGE_OF(where)                                                                            \
    "SELECT " CLOUD_ACCOUNT_COLS ", folded FROM account WHERE folded > ?1" where                  \
    " ORDER BY folded LIMIT ?2"

static const char *sql_of(scope_t scope)
{
    static const char all[] = PAGE_OF("");
    static const char group[] =
        PAGE_OF(" AND number IN (SELECT account FROM membership WHERE usergroup = ?3)");
    static const char subadmin[] =
        PAGE_OF(" AND number IN (SELECT m.account FROM subadmin s JOIN membership m"
                " ON m.usergroup = s.usergroup WHERE s.account = ?3)");

    return scope == ALL ? all : scope == OF_GROUP ? group : subadmin;
}

/* One page of accounts behind `after`, whole rows. */
static cloud_err_t *read_page(apr_array_header_t *page, const char **last, cloud_ctx_t *ctx,
                              const walk_t *walk, const char *after)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_stmt(&st, ctx->db, sql_of(walk->scope), ctx->pool);
    if (!err) {
        cloud_stmt_text(st, 1, after);
        cloud_stmt_int(st, 2, PAGE);
        if (walk->scope != ALL) cloud_stmt_int(st, 3, walk->number);
        while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row) {
            cloud_account_row(apr_array_push(page), st, page->pool);
            *last = cloud_col_dup(st, CLOUD_ACCOUNT_NCOLS, page->pool);
        }
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(ctx);
    return err;
}

static int contains(const char *folded, const char *text, apr_pool_t *pool)
{
    const char *t = text ? cloud_account_fold(text, pool) : NULL;

    return t && strstr(t, folded);
}

int cloud_text_matches(const char *folded, const char *id, const char *name, const char *mail,
                       apr_pool_t *pool)
{
    return !folded || contains(folded, id, pool) || contains(folded, name, pool)
           || contains(folded, mail, pool);
}

static cloud_err_t *walk_accounts(cloud_ctx_t *ctx, const walk_t *walk)
{
    const char *after = "", *last;
    apr_pool_t *pages[2], *item;
    cloud_err_t *err = NULL;
    int i, turn = 0, n = PAGE;

    /* Two pools in turn: where the last page ended is needed to read the next one. */
    apr_pool_create(&pages[0], ctx->pool);
    apr_pool_create(&pages[1], ctx->pool);
    apr_pool_create(&item, ctx->pool);
    while (!err && n == PAGE && !(walk->done && *walk->done)) {
        apr_pool_t *pool = pages[turn ^= 1];
        apr_array_header_t *page;
        apr_pool_clear(pool);
        page = apr_array_make(pool, PAGE, sizeof(cloud_account_t));
        last = after;
        err = read_page(page, &last, ctx, walk, after);
        for (i = 0; i < page->nelts && !err && !(walk->done && *walk->done); i++) {
            const cloud_account_t *a = &APR_ARRAY_IDX(page, i, cloud_account_t);
            apr_pool_clear(item);
            if (cloud_text_matches(walk->folded, a->id, a->display_name, a->email, item))
                err = walk->fn(walk->baton, a, item);
        }
        n = page->nelts;
        after = last;
    }
    /* An error may lie in one of these: then they go with the context. */
    if (!err) {
        apr_pool_destroy(item);
        apr_pool_destroy(pages[0]);
        apr_pool_destroy(pages[1]);
    }
    return err;
}

cloud_err_t *cloud_account_each(cloud_ctx_t *ctx, const char *search, cloud_account_fn *fn,
                                void *baton)
{
    walk_t walk = { .scope = ALL, .fn = fn, .baton = baton };

    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (search && *search && !(walk.folded = cloud_account_fold(search, ctx->pool))) return NULL;
    return walk_accounts(ctx, &walk);
}

/* ---- ids, of a part of the list ---- */

typedef struct {
    apr_array_header_t *ids;
    const cloud_search_t *search;
    apr_int64_t seen;
    int done;
} collect_t;

static cloud_err_t *collect(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    collect_t *c = baton;

    if (c->seen++ < c->search->offset) return NULL;
    APR_ARRAY_PUSH(c->ids, const char *) = apr_pstrdup(c->ids->pool, a->id);
    c->done = c->search->limit > 0 && c->ids->nelts >= c->search->limit;
    return NULL;
}

static cloud_err_t *search_accounts(apr_array_header_t **ids, cloud_ctx_t *ctx, scope_t scope,
                                    apr_int64_t number, const cloud_search_t *search,
                                    apr_pool_t *pool)
{
    static const cloud_search_t everything = { NULL, 0, 0 };
    collect_t c = { apr_array_make(pool, 32, sizeof(const char *)), search, 0, 0 };
    walk_t walk = { scope, number, NULL, collect, &c, &c.done };

    if (!search) search = c.search = &everything;
    *ids = c.ids;
    if (search->text && *search->text
        && !(walk.folded = cloud_account_fold(search->text, ctx->pool)))
        return NULL;
    return walk_accounts(ctx, &walk);
}

cloud_err_t *cloud_account_search(apr_array_header_t **ids, cloud_ctx_t *ctx,
                                  const cloud_search_t *search, apr_pool_t *pool)
{
    cloud_role_t role;

    *ids = NULL;
    CLOUD_ERR(cloud_role(&role, ctx));
    if (role == CLOUD_ROLE_ADMIN) return search_accounts(ids, ctx, ALL, 0, search, pool);
    if (role == CLOUD_ROLE_SUBADMIN)
        return search_accounts(ids, ctx, OF_SUBADMIN, ctx->who.account->number, search, pool);
    return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

cloud_err_t *cloud_group_members(apr_array_header_t **ids, cloud_ctx_t *ctx, const char *group,
                                 const cloud_search_t *search, apr_pool_t *pool)
{
    cloud_group_t *g;
    int may;

    *ids = NULL;
    CLOUD_ERR(cloud_group_get(&g, ctx, group, pool));
    CLOUD_ERR(cloud_may_manage_group(&may, ctx, g));
    if (!may) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return search_accounts(ids, ctx, OF_GROUP, g->number, search, pool);
}
