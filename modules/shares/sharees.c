/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The search for people and groups to share with. The database gives candidates, by a pattern that leaves
 * open what it can't compare without case; what fits is decided here, on folded text. Rows are read in
 * order of an index, so a page that is full ends the reading. */
#include "sharees.h"

#include <string.h>
#include <apr_lib.h>

typedef struct {
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const cloud_sharees_ask_t *ask;
    cloud_sharees_t *found;
    apr_pool_t *pool;            /* of what was found */
    apr_pool_t *row;             /* of one row */
    const char *folded;          /* what is searched */
    const char *pattern;         /* for LIKE, of accounts */
    apr_array_header_t *mine;    /* ids (const char *) of the groups of who asks */
    const char **receivers_out;  /* groups that may not receive, up to NULL */
    const char *info;            /* user_additional_info_field */
    int enumerate, enumerate_mine, members_only, membership_only, group_sharing;
    int medial_users, medial_groups;
    int long_enough;             /* to be searched for as a part */
} search_t;

/* ---- what the settings say ---- */

static cloud_err_t *read_switches(search_t *s)
{
    const struct {
        int *value;
        const char *app, *key;
    } switches[] = {
        { &s->enumerate, "core", "shareapi_allow_share_dialog_user_enumeration" },
        { &s->enumerate_mine, "core", "shareapi_share_dialog_user_enumeration_group_members" },
        { &s->members_only, "core", "shareapi_only_share_with_group_members" },
        { &s->membership_only, "core", "shareapi_only_share_with_membership_groups" },
        { &s->group_sharing, "core", "shareapi_allow_group_sharing" },
        { &s->medial_users, "system", "accounts.enable_medial_search" },
        { &s->medial_groups, "system", "groups.enable_medial_search" },
    };
    size_t i;

    for (i = 0; i < sizeof switches / sizeof *switches; i++)
        CLOUD_ERR(cloud_setting_bool(switches[i].value, s->ctx, switches[i].app, switches[i].key));
    CLOUD_ERR(cloud_setting_get(&s->info, NULL, s->ctx, "core", "user_additional_info_field"));
    return cloud_setting_list(&s->receivers_out, s->ctx, "files_sharing",
                              "blacklisted_receiver_groups");
}

/* Characters without the blanks around them. */
static apr_int64_t length_of(const char *text)
{
    apr_size_t len = strlen(text);
    apr_int64_t n = 0;

    while (len > 0 && apr_isspace(*text)) text++, len--;
    while (len > 0 && apr_isspace(text[len - 1])) len--;
    for (; len > 0; len--, text++) n += (*text & 0xC0) != 0x80;
    return n;
}

/* LIKE knows no case but that of ASCII, and one character may be several when it is folded ("ß"): what is
 * not ASCII is left open. */
static const char *make_pattern(const char *text, int medial, apr_pool_t *pool)
{
    char *pattern = apr_palloc(pool, 2 * strlen(text) + 3), *p = pattern;

    if (medial) *p++ = '%';
    for (; *text; text++) {
        if (!apr_isascii(*text)) {
            if (p == pattern || p[-1] != '%' || (p > pattern + 1 && p[-2] == '\\')) *p++ = '%';
            continue;
        }
        if (*text == '%' || *text == '_' || *text == '\\') *p++ = '\\';
        *p++ = (char)apr_tolower(*text);
    }
    *p++ = '%';
    *p = '\0';
    return pattern;
}

/* *ok 0: nothing can be found. */
static cloud_err_t *prepare(int *ok, search_t *s)
{
    const char *text = s->ask->text ? s->ask->text : "";
    apr_int64_t least;

    s->folded = cloud_account_fold(text, s->ctx->pool);
    *ok = s->folded != NULL;
    if (!*ok) return NULL;
    CLOUD_ERR(read_switches(s));
    CLOUD_ERR(cloud_setting_int(&least, s->ctx, "system", "user.search_min_length"));
    s->long_enough = length_of(text) >= least;
    s->pattern = make_pattern(cloud_name_nfc(text, s->ctx->pool), s->medial_users, s->ctx->pool);
    return NULL;
}

/* ---- comparing ---- */

static const char *fold(search_t *s, const char *text)
{
    return text ? cloud_account_fold(text, s->row) : NULL;
}

static int is_part(const search_t *s, const char *folded, int medial)
{
    if (!folded) return 0;
    return medial ? strstr(folded, s->folded) != NULL
                  : strncmp(folded, s->folded, strlen(s->folded)) == 0;
}

static int is_whole(const search_t *s, const char *folded)
{
    return folded && *folded && strcmp(folded, s->folded) == 0;
}

typedef enum { NO, PART, WHOLE } match_t;

static match_t compare(search_t *s, const char *const *texts, int n, int medial)
{
    match_t match = NO;
    int i;

    for (i = 0; i < n; i++) {
        const char *folded = fold(s, texts[i]);

        if (is_whole(s, folded)) return WHOLE;
        if (is_part(s, folded, medial)) match = PART;
    }
    return match;
}

/* ---- a page ---- */

typedef struct {
    apr_array_header_t *exact, *others;
    apr_int64_t skip, left;
} page_t;

static page_t begin_page(const search_t *s, apr_array_header_t *exact, apr_array_header_t *others)
{
    page_t page = { exact, others, (s->ask->page - 1) * s->ask->per_page, s->ask->per_page };

    return page;
}

static void add(search_t *s, apr_array_header_t *list, const char *id, const char *label,
                const char *info)
{
    cloud_sharee_t *one = apr_array_push(list);

    one->id = apr_pstrdup(s->pool, id);
    one->label = apr_pstrdup(s->pool, label && *label ? label : id);
    one->info = info && *info ? apr_pstrdup(s->pool, info) : NULL;
}

/* A place on the page for what fits: 0 when it lies before it; *full when it lies behind it. */
static int take_place(search_t *s, page_t *page, int *full)
{
    if (page->skip > 0) {
        page->skip--;
        return 0;
    }
    *full = page->left == 0;
    if (*full) s->found->more = 1;
    else page->left--;
    return !*full;
}

/* ---- accounts ---- */

#define USERS(where)                                                                              \
    "SELECT a.id, a.display_name, a.email, EXISTS (SELECT 1 FROM pref AS p"                       \
    " WHERE p.account = a.number AND p.app = 'files_sharing'"                                     \
    " AND p.key = 'allow_share_dialog_user_enumeration' AND p.value <> 'yes')"                    \
    " FROM account AS a WHERE a.enabled = 1" where
#define FITS                                                                                      \
    " AND (a.folded LIKE ?1 ESCAPE '\\' OR lower(a.display_name) LIKE ?1 ESCAPE '\\'"             \
    " OR lower(a.email) LIKE ?1 ESCAPE '\\') ORDER BY a.folded"
#define IN_MY_GROUPS                                                                              \
    " AND a.number IN (SELECT o.account FROM membership AS m JOIN membership AS o"                \
    " ON o.usergroup = m.usergroup WHERE m.account = ?2)"

static const char *info_of(const search_t *s, const char *id, const char *email)
{
    return strcmp(s->info, "email") == 0 ? email : strcmp(s->info, "id") == 0 ? id : NULL;
}

static int has_id(const apr_array_header_t *list, const char *id)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(list, i, cloud_sharee_t).id, id) == 0) return 1;
    return 0;
}

static void look_at_user(search_t *s, page_t *page, cloud_stmt_t *st, int *full)
{
    const char *texts[] = { cloud_col_text(st, 0), cloud_col_text(st, 1), cloud_col_text(st, 2) };
    match_t match = compare(s, texts, 3, s->medial_users);
    const char *info = info_of(s, texts[0], texts[2]);

    if (match == NO || (match == PART && (!s->enumerate || cloud_col_int(st, 3)))) return;
    if (!take_place(s, page, full)) return;
    if (match == PART) add(s, page->others, texts[0], texts[1], info);
    else if (!has_id(page->exact, texts[0])) add(s, page->exact, texts[0], texts[1], info);
}

static cloud_err_t *scan_users(search_t *s, page_t *page)
{
    int restricted = s->members_only || s->enumerate_mine, row, full = 0;
    cloud_err_t *err = NULL;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_stmt(&st, s->ctx->db, restricted ? USERS(IN_MY_GROUPS) FITS : USERS("") FITS,
                            s->ctx->pool));
    cloud_stmt_text(st, 1, s->pattern);
    if (restricted) cloud_stmt_int(st, 2, s->account->number);
    while (!full && !(err = cloud_stmt_step(&row, st, s->ctx->pool)) && row) {
        apr_pool_clear(s->row);
        look_at_user(s, page, st, &full);
    }
    cloud_stmt_done(st);
    return full ? NULL : err;
}

/* Who is called by his id is found at once, however short that is and wherever his place would be. */
static cloud_err_t *named_user(search_t *s, page_t *page)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, s->ctx->db,
                            s->members_only ? USERS(IN_MY_GROUPS) " AND a.folded = ?1"
                                            : USERS("") " AND a.folded = ?1",
                            s->ctx->pool));
    cloud_stmt_text(st, 1, s->folded);
    if (s->members_only) cloud_stmt_int(st, 2, s->account->number);
    CLOUD_ERR(cloud_stmt_step(&row, st, s->ctx->pool));
    if (row)
        add(s, page->exact, cloud_col_text(st, 0), cloud_col_text(st, 1),
            info_of(s, cloud_col_text(st, 0), cloud_col_text(st, 2)));
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *find_users(search_t *s)
{
    page_t page = begin_page(s, s->found->exact_users, s->found->users);

    if (s->ask->page == 1) CLOUD_ERR(named_user(s, &page));
    return s->long_enough ? scan_users(s, &page) : NULL;
}

/* ---- groups ---- */

static int is_mine(const search_t *s, const char *id)
{
    int i;

    for (i = 0; i < s->mine->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(s->mine, i, const char *), id) == 0) return 1;
    return 0;
}

static void look_at_group(search_t *s, page_t *page, cloud_stmt_t *st, int *full)
{
    const char *texts[] = { cloud_col_text(st, 0), cloud_col_text(st, 1) };
    match_t match = compare(s, texts, 2, s->medial_groups);
    int named = s->ask->page == 1 && match == WHOLE && is_whole(s, fold(s, texts[0]));

    if (match == NO || (match == PART && (!s->enumerate || !s->long_enough))) return;
    if (cloud_share_names_group(s->receivers_out, texts[0])) return;
    if (s->membership_only && !is_mine(s, texts[0])) return;
    if (match == PART && s->enumerate_mine && !is_mine(s, texts[0])) return;
    if (match == WHOLE && !s->long_enough && !named) return;
    if (!take_place(s, page, full)) return;
    add(s, match == WHOLE ? page->exact : page->others, texts[0], texts[1], NULL);
}

static cloud_err_t *find_groups(search_t *s)
{
    page_t page = begin_page(s, s->found->exact_groups, s->found->groups);
    cloud_err_t *err = NULL;
    int row, full = 0;
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_stmt(&st, s->ctx->db,
                            "SELECT id, display_name FROM usergroup ORDER BY id", s->ctx->pool));
    while (!full && !(err = cloud_stmt_step(&row, st, s->ctx->pool)) && row) {
        apr_pool_clear(s->row);
        look_at_group(s, &page, st, &full);
    }
    cloud_stmt_done(st);
    return full ? NULL : err;
}

/* ---- all of it ---- */

static cloud_err_t *my_groups(search_t *s)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    s->mine = apr_array_make(s->ctx->pool, 8, sizeof(const char *));
    CLOUD_ERR(cloud_db_query(&st, &row, s->ctx->db, s->ctx->pool,
                             "SELECT g.id FROM membership AS m JOIN usergroup AS g"
                             " ON g.number = m.usergroup WHERE m.account = ?1",
                             "i", s->account->number));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, s->ctx->pool))
        APR_ARRAY_PUSH(s->mine, const char *) = cloud_col_dup(st, 0, s->ctx->pool);
    cloud_stmt_done(st);
    return err;
}

static cloud_err_t *search_tx(search_t *s)
{
    int yes;

    CLOUD_ERR(cloud_share_allowed(&yes, s->ctx, s->account));
    if (!yes) return NULL;
    CLOUD_ERR(prepare(&yes, s));
    if (!yes) return NULL;
    CLOUD_ERR(my_groups(s));
    if (s->ask->types & 1u << CLOUD_SHARE_USER) CLOUD_ERR(find_users(s));
    return s->ask->types & 1u << CLOUD_SHARE_GROUP && s->group_sharing ? find_groups(s) : NULL;
}

cloud_err_t *cloud_sharees_search(cloud_sharees_t **found, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const cloud_sharees_ask_t *ask,
                                  apr_pool_t *pool)
{
    search_t s = { .ctx = ctx, .account = account, .ask = ask, .pool = pool };
    cloud_err_t *err;

    s.found = *found = apr_pcalloc(pool, sizeof **found);
    s.found->exact_users = apr_array_make(pool, 4, sizeof(cloud_sharee_t));
    s.found->exact_groups = apr_array_make(pool, 4, sizeof(cloud_sharee_t));
    s.found->users = apr_array_make(pool, 16, sizeof(cloud_sharee_t));
    s.found->groups = apr_array_make(pool, 16, sizeof(cloud_sharee_t));
    apr_pool_create(&s.row, ctx->pool);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = search_tx(&s);
    cloud_tx_rollback(ctx);
    apr_pool_destroy(s.row);
    return err;
}
