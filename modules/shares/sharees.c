/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Whom somebody may share with. */
#include "sharees.h"

#include <string.h>

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const cloud_sharees_ask_t *ask;
    cloud_sharees_t *found;
    const char *folded;     /* the text */
    const char *like;       /* the same as a pattern, */
    const char *like_folded; /* and folded */
    int enumerate;          /* parts of names are enough */
    int own_groups_only;    /* accounts of own groups alone may be found by a part of their names, */
    int members_only;       /* and may be shared with; */
    int groups_only;        /* the same for groups */
    const char *info;       /* setting user_additional_info_field */
    const char **blocked;   /* groups that may receive nothing */
    apr_pool_t *pool;
} search_t;

/* ---- patterns ---- */

/* What LIKE compares without case is ASCII; of other letters it sees that there is one, and fits() does the rest. */
static const char *pattern(const char *text, int medial, int whole, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 2 + 3), *p = out;

    if (medial && !whole) *p++ = '%';
    for (; *text; text++) {
        if ((*text & 0xc0) == 0x80) continue;
        if (*text & 0x80) {
            *p++ = '_';
            continue;
        }
        if (*text == '%' || *text == '_' || *text == '\\') *p++ = '\\';
        *p++ = *text;
    }
    if (!whole) *p++ = '%';
    *p = '\0';
    return out;
}

static int is_ascii(const char *text)
{
    for (; *text; text++)
        if (*text & 0x80) return 0;
    return 1;
}

static int is_same(const search_t *s, const char *value)
{
    const char *folded = value && *value ? cloud_account_fold(value, s->pool) : NULL;

    return folded && *s->folded && strcmp(folded, s->folded) == 0;
}

static int contains(const search_t *s, const char *value)
{
    const char *folded = value ? cloud_account_fold(value, s->pool) : NULL;

    return folded && strstr(folded, s->folded);
}

static int fits(const search_t *s, const char *id, const char *name, const char *email)
{
    return is_ascii(s->ask->text) || contains(s, id) || contains(s, name) || contains(s, email);
}

/* ---- settings ---- */

static cloud_err_t *read_settings(search_t *s, int medial[2])
{
    cloud_ctx_t *ctx = s->ctx;

    CLOUD_ERR(cloud_setting_bool(&s->enumerate, ctx, "core",
                                 "shareapi_allow_share_dialog_user_enumeration"));
    CLOUD_ERR(cloud_setting_bool(&s->own_groups_only, ctx, "core",
                                 "shareapi_share_dialog_user_enumeration_group_members"));
    if (!s->enumerate) s->own_groups_only = 0;
    CLOUD_ERR(cloud_setting_bool(&s->members_only, ctx, "core",
                                 "shareapi_only_share_with_group_members"));
    CLOUD_ERR(cloud_setting_bool(&s->groups_only, ctx, "core",
                                 "shareapi_only_share_with_membership_groups"));
    CLOUD_ERR(cloud_setting_get(&s->info, NULL, ctx, "core", "user_additional_info_field"));
    CLOUD_ERR(cloud_setting_list(&s->blocked, ctx, "files_sharing", "blacklisted_receiver_groups"));
    CLOUD_ERR(cloud_setting_bool(&medial[0], ctx, "system", "accounts.enable_medial_search"));
    return cloud_setting_bool(&medial[1], ctx, "system", "groups.enable_medial_search");
}

static void set_patterns(search_t *s, int medial)
{
    s->like = pattern(s->ask->text, medial, !s->enumerate, s->pool);
    s->like_folded = pattern(s->folded, medial, !s->enumerate, s->pool);
}

/* Too little to look for parts of names with. */
static cloud_err_t *too_short(int *yes, search_t *s)
{
    apr_int64_t least;

    CLOUD_ERR(cloud_setting_int(&least, s->ctx, "system", "user.search_min_length"));
    *yes = (apr_int64_t)strlen(s->ask->text) < least;
    return NULL;
}

/* ---- results ---- */

static void add(search_t *s, apr_array_header_t *list, const char *id, const char *name,
                const char *email)
{
    cloud_sharee_t *one = apr_array_push(list);

    one->id = apr_pstrdup(s->pool, id);
    one->label = apr_pstrdup(s->pool, name && *name ? name : id);
    one->info = NULL;
    if (s->info && !strcmp(s->info, "email")) one->info = apr_pstrdup(s->pool, email);
    if (s->info && !strcmp(s->info, "id")) one->info = one->id;
}

static int has(const apr_array_header_t *list, const char *id)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, cloud_sharee_t).id, id)) return 1;
    return 0;
}

/* Rows of a page: told of each that fits, in order. */
typedef void row_fn(search_t *s, cloud_stmt_t *st);

static cloud_err_t *walk(search_t *s, cloud_stmt_t *st, row_fn *fn, int has_email)
{
    apr_int64_t first = (s->ask->page - 1) * s->ask->per_page, n = 0;
    cloud_err_t *err;
    int row;

    while (!(err = cloud_stmt_step(&row, st, s->ctx->pool)) && row) {
        if (!fits(s, cloud_col_text(st, 0), cloud_col_text(st, 1),
                  has_email ? cloud_col_text(st, 2) : NULL)) continue;
        if (n++ < first) continue;
        if (n > first + s->ask->per_page) {
            s->found->more = 1;
            break;
        }
        fn(s, st);
    }
    cloud_stmt_done(st);
    return err;
}

/* ---- accounts ---- */

static const char USERS[] =
    "SELECT a.id, a.display_name, a.email, EXISTS (SELECT 1 FROM pref p WHERE p.account = a.number"
    " AND p.app = 'files_sharing' AND p.key = 'allow_share_dialog_user_enumeration'"
    " AND p.value <> 'yes') FROM account a WHERE (a.id LIKE ?1 ESCAPE '\\' OR a.folded LIKE ?2"
    " ESCAPE '\\' OR a.display_name LIKE ?1 ESCAPE '\\' OR a.email LIKE ?1 ESCAPE '\\')"
    " AND (?3 = 0 OR a.number IN (SELECT y.account FROM membership x JOIN membership y"
    " ON y.usergroup = x.usergroup WHERE x.account = ?4)) ORDER BY a.id";

static void user_row(search_t *s, cloud_stmt_t *st)
{
    const char *id = cloud_col_text(st, 0), *name = cloud_col_text(st, 1);
    const char *email = cloud_col_text(st, 2);
    int hidden = (int)cloud_col_int(st, 3);

    if (is_same(s, id) || is_same(s, name) || is_same(s, email))
        add(s, s->found->exact_users, id, name, email);
    else if (s->enumerate && !hidden) add(s, s->found->users, id, name, email);
}

/* Who knows the whole id finds its account in any case, if he may share with it. */
static cloud_err_t *user_by_id(search_t *s)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, s->ctx->db, s->ctx->pool,
                             "SELECT a.id, a.display_name, a.email FROM account a"
                             " WHERE a.folded = ?1 AND (?2 = 0 OR EXISTS (SELECT 1 FROM membership"
                             " x JOIN membership y ON y.usergroup = x.usergroup"
                             " WHERE x.account = ?3 AND y.account = a.number))", "tii", s->folded,
                             (apr_int64_t)s->members_only, s->account->number));
    if (row && !has(s->found->exact_users, cloud_col_text(st, 0)))
        add(s, s->found->exact_users, cloud_col_text(st, 0), cloud_col_text(st, 1),
            cloud_col_text(st, 2));
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *find_users(search_t *s, int medial, int is_short)
{
    cloud_stmt_t *st;

    set_patterns(s, medial);
    if (!is_short) {
        CLOUD_ERR(cloud_db_stmt(&st, s->ctx->db, USERS, s->ctx->pool));
        cloud_stmt_text(st, 1, s->like);
        cloud_stmt_text(st, 2, s->like_folded);
        cloud_stmt_int(st, 3, s->members_only || s->own_groups_only);
        cloud_stmt_int(st, 4, s->account->number);
        CLOUD_ERR(walk(s, st, user_row, 1));
    }
    return s->ask->page == 1 ? user_by_id(s) : NULL;
}

/* ---- groups ---- */

static const char GROUPS[] =
    "SELECT g.id, g.display_name FROM usergroup g WHERE (g.id LIKE ?1 ESCAPE '\\'"
    " OR g.display_name LIKE ?1 ESCAPE '\\') AND (?2 = 0 OR g.number IN (SELECT usergroup"
    " FROM membership WHERE account = ?3)) ORDER BY g.id";

static int is_blocked(const search_t *s, const char *id)
{
    const char **b;

    for (b = s->blocked; *b; b++)
        if (!strcmp(*b, id)) return 1;
    return 0;
}

static void group_row(search_t *s, cloud_stmt_t *st)
{
    const char *id = cloud_col_text(st, 0), *name = cloud_col_text(st, 1);

    if (is_blocked(s, id)) return;
    if (is_same(s, id) || is_same(s, name)) add(s, s->found->exact_groups, id, name, NULL);
    else if (s->enumerate) add(s, s->found->groups, id, name, NULL);
}

static cloud_err_t *group_by_id(search_t *s)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, s->ctx->db, s->ctx->pool,
                             "SELECT g.id, g.display_name FROM usergroup g WHERE g.id = ?1"
                             " AND (?2 = 0 OR g.number IN (SELECT usergroup FROM membership"
                             " WHERE account = ?3))", "tii", s->ask->text,
                             (apr_int64_t)s->groups_only, s->account->number));
    if (row && !is_blocked(s, cloud_col_text(st, 0))
        && !has(s->found->exact_groups, cloud_col_text(st, 0)))
        add(s, s->found->exact_groups, cloud_col_text(st, 0), cloud_col_text(st, 1), NULL);
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *find_groups(search_t *s, int medial, int is_short)
{
    cloud_stmt_t *st;

    set_patterns(s, medial);
    if (!is_short) {
        CLOUD_ERR(cloud_db_stmt(&st, s->ctx->db, GROUPS, s->ctx->pool));
        cloud_stmt_text(st, 1, s->like);
        cloud_stmt_int(st, 2, s->groups_only || s->own_groups_only);
        cloud_stmt_int(st, 3, s->account->number);
        CLOUD_ERR(walk(s, st, group_row, 0));
    }
    return s->ask->page == 1 ? group_by_id(s) : NULL;
}

/* ---- both ---- */

static cloud_err_t *search_tx(search_t *s)
{
    int medial[2], yes, is_short;

    CLOUD_ERR(cloud_share_allowed(&yes, s->ctx, s->account));
    if (!yes || !s->folded) return NULL;
    CLOUD_ERR(read_settings(s, medial));
    CLOUD_ERR(too_short(&is_short, s));
    if (s->ask->types & 1u << CLOUD_SHARE_USER) CLOUD_ERR(find_users(s, medial[0], is_short));
    if (!(s->ask->types & 1u << CLOUD_SHARE_GROUP)) return NULL;
    CLOUD_ERR(cloud_setting_bool(&yes, s->ctx, "core", "shareapi_allow_group_sharing"));
    return yes ? find_groups(s, medial[1], is_short) : NULL;
}

cloud_err_t *cloud_sharees_search(cloud_sharees_t **found, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const cloud_sharees_ask_t *ask,
                                  apr_pool_t *pool)
{
    search_t s = { .ctx = ctx, .account = account, .ask = ask, .pool = pool };
    cloud_err_t *err;

    s.folded = cloud_account_fold(ask->text, pool);
    s.found = *found = apr_pcalloc(pool, sizeof **found);
    (*found)->exact_users = apr_array_make(pool, 4, sizeof(cloud_sharee_t));
    (*found)->exact_groups = apr_array_make(pool, 4, sizeof(cloud_sharee_t));
    (*found)->users = apr_array_make(pool, 16, sizeof(cloud_sharee_t));
    (*found)->groups = apr_array_make(pool, 16, sizeof(cloud_sharee_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = search_tx(&s);
    cloud_tx_rollback(ctx);
    return err;
}
