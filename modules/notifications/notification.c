/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Notices. */
#include "notification.h"

#include <string.h>
#include <jansson.h>

#include "internal.h"
#include "mail.h"
#include "notices_private.h"
#include "text.h"

#define NAME_MAX_LEN 64    /* characters of app, type, id, and of an action's label and method */
#define LINK_MAX     2000  /* bytes */
#define EXPIRE_STEP  1000
#define DAY          apr_time_from_sec(24 * 60 * 60)

static const cloud_setting_t settings[] = {
    { "notifications", "notification_expire_days", CLOUD_SET_INT, "90", 0, 36500,
      "Days after which notices are deleted that nobody dismissed; 0 keeps them" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

/* actions is a JSON array. */
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS notification (id INTEGER PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL, app TEXT NOT NULL, object_type TEXT NOT NULL,"
    " object_id TEXT NOT NULL, created INTEGER NOT NULL, subject TEXT NOT NULL,"
    " message TEXT NOT NULL, link TEXT NOT NULL, icon TEXT NOT NULL, actions TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS notification_account ON notification (account, id);"
    "CREATE INDEX IF NOT EXISTS notification_object"
    " ON notification (app, object_type, object_id, account);"
    "CREATE INDEX IF NOT EXISTS notification_created ON notification (created);"
    CLOUD_MAIL_SCHEMA;

cloud_err_t *cloud_notices_next(apr_int64_t *n, cloud_ctx_t *ctx, const char *key)
{
    const char *value;

    CLOUD_ERR(cloud_meta_get(&value, ctx, key, ctx->pool));
    *n = (value ? apr_atoi64(value) : 0) + 1;
    return cloud_meta_set(ctx, key, apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, *n));
}

/* ---- adding ---- */

/* A client opens what is in a link: no other schemes, and nobody else's host by "//". */
static int is_link(const char *link)
{
    if (!link || !*link) return 1;
    if (strlen(link) > LINK_MAX || !cloud_name_xml_ok(link) || strpbrk(link, " \t\r\n\\")) return 0;
    return (*link == '/' && link[1] != '/') || strncmp(link, "https://", 8) == 0
        || strncmp(link, "http://", 7) == 0;
}

static cloud_err_t *check(cloud_ctx_t *ctx, const cloud_notice_t *n)
{
    int i, ok = n->app && *n->app && n->object_type && *n->object_type && n->object_id
        && *n->object_id && n->subject && *n->subject && is_link(n->link) && is_link(n->icon);

    for (i = 0; ok && i < n->nactions; i++)
        ok = n->actions[i].label && n->actions[i].type && n->actions[i].link
            && *n->actions[i].link && is_link(n->actions[i].link);
    return ok ? NULL
              : cloud_err(ctx->pool, CLOUD_E_INVALID,
                          "A notice has an app, an object and a subject, and links to the web");
}

static const char *actions_text(const cloud_notice_t *n, apr_pool_t *pool)
{
    json_t *list = json_array();
    const char *copy;
    char *text;
    int i;

    for (i = 0; i < n->nactions; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:b}", "label",
                                        cloud_text_line(n->actions[i].label, NAME_MAX_LEN, pool),
                                        "link", n->actions[i].link, "type",
                                        cloud_text_line(n->actions[i].type, NAME_MAX_LEN, pool),
                                        "primary", n->actions[i].primary));
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    copy = text ? apr_pstrdup(pool, text) : "[]";
    free(text);
    return copy;
}

static cloud_err_t *unnotify(cloud_ctx_t *ctx, const cloud_account_t *account, const char *app,
                             const char *object_type, const char *object_id)
{
    if (!account)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "DELETE FROM notification WHERE app = ?1 AND object_type = ?2"
                            " AND object_id = ?3",
                            "ttt", app, object_type, object_id);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM notification WHERE app = ?1 AND object_type = ?2"
                        " AND object_id = ?3 AND account = ?4",
                        "ttti", app, object_type, object_id, account->number);
}

/* The oldest go where there are too many, so that nobody fills the table by telling somebody things. */
static cloud_err_t *make_room(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM notification WHERE account = ?1 AND id <="
                        " (SELECT id FROM notification WHERE account = ?1 ORDER BY id DESC LIMIT 1"
                        " OFFSET ?2)",
                        "ii", account->number, (apr_int64_t)CLOUD_NOTIFICATION_MAX - 1);
}

/* The account may have been deleted since the caller read it: its rows must not come back. */
static cloud_err_t *insert(cloud_ctx_t *ctx, const cloud_account_t *account,
                           const cloud_notice_t *n)
{
    apr_pool_t *pool = ctx->pool;
    apr_int64_t id;

    CLOUD_ERR(cloud_notices_next(&id, ctx, "notification.last"));
    return cloud_db_run(ctx->db, NULL, pool,
                        "INSERT INTO notification (id, account, app, object_type, object_id,"
                        " created, subject, message, link, icon, actions)"
                        " SELECT ?1, number, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM account"
                        " WHERE number = ?2",
                        "iitttittttt", id, account->number, n->app, n->object_type, n->object_id,
                        (apr_int64_t)apr_time_now(),
                        cloud_text_line(n->subject, CLOUD_NOTICE_SUBJECT_MAX, pool),
                        cloud_text_cut(n->message, CLOUD_NOTICE_MESSAGE_MAX, pool),
                        n->link ? n->link : "", n->icon ? n->icon : "", actions_text(n, pool));
}

static cloud_err_t *notify(cloud_ctx_t *ctx, const cloud_account_t *account,
                           const cloud_notice_t *notice)
{
    CLOUD_ERR(check(ctx, notice));
    CLOUD_ERR(unnotify(ctx, account, notice->app, notice->object_type, notice->object_id));
    CLOUD_ERR(make_room(ctx, account));
    CLOUD_ERR(insert(ctx, account, notice));
    return cloud_notices_mail(ctx, account, notice);
}

static cloud_err_t *send_tx(cloud_ctx_t *ctx, const char *id, const cloud_notice_t *notice)
{
    cloud_account_t *account;

    CLOUD_ERR(cloud_account_get(&account, ctx, id, ctx->pool));
    return notify(ctx, account, notice);
}

cloud_err_t *cloud_notification_send(cloud_ctx_t *ctx, const char *account,
                                     const cloud_notice_t *notice)
{
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, send_tx(ctx, account, notice));
}

/* ---- reading ---- */

#define COLS "id, app, object_type, object_id, created, subject, message, link, icon, actions"

static void read_actions(cloud_notice_t *n, const char *text, apr_pool_t *pool)
{
    json_t *list = json_loads(text, 0, NULL), *one;
    cloud_notice_action_t *actions;
    size_t i;

    actions = apr_pcalloc(pool, sizeof *actions * (json_array_size(list) + 1));
    json_array_foreach(list, i, one) {
        actions[i].label = apr_pstrdup(pool, json_string_value(json_object_get(one, "label")));
        actions[i].link = apr_pstrdup(pool, json_string_value(json_object_get(one, "link")));
        actions[i].type = apr_pstrdup(pool, json_string_value(json_object_get(one, "type")));
        actions[i].primary = json_is_true(json_object_get(one, "primary"));
    }
    n->actions = actions;
    n->nactions = (int)json_array_size(list);
    json_decref(list);
}

static void read_row(cloud_notification_t *n, cloud_stmt_t *st, apr_pool_t *pool)
{
    n->id = cloud_col_int(st, 0);
    n->notice.app = cloud_col_dup(st, 1, pool);
    n->notice.object_type = cloud_col_dup(st, 2, pool);
    n->notice.object_id = cloud_col_dup(st, 3, pool);
    n->created = cloud_col_int(st, 4);
    n->notice.subject = cloud_col_dup(st, 5, pool);
    n->notice.message = cloud_col_dup(st, 6, pool);
    n->notice.link = cloud_col_dup(st, 7, pool);
    n->notice.icon = cloud_col_dup(st, 8, pool);
    read_actions(&n->notice, cloud_col_text(st, 9), pool);
}

static cloud_err_t *only_somebody(const cloud_ctx_t *ctx)
{
    return ctx->who.account ? NULL : cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
}

static cloud_err_t *list_tx(apr_array_header_t *list, cloud_ctx_t *ctx, int limit)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " COLS " FROM notification WHERE account = ?1"
                             " ORDER BY id DESC LIMIT ?2",
                             "ii", ctx->who.account->number, (apr_int64_t)limit));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, ctx->pool))
        read_row(apr_array_push(list), st, list->pool);
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_notification_list(apr_array_header_t **list, cloud_ctx_t *ctx, int limit,
                                     apr_pool_t *pool)
{
    cloud_err_t *err;

    *list = apr_array_make(pool, 8, sizeof(cloud_notification_t));
    CLOUD_ERR(only_somebody(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*list, ctx, limit);
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *get_tx(cloud_notification_t **n, cloud_ctx_t *ctx, apr_int64_t id,
                           apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " COLS " FROM notification WHERE id = ?1 AND account = ?2",
                             "ii", id, ctx->who.account->number));
    if (row) {
        *n = apr_pcalloc(pool, sizeof **n);
        read_row(*n, st, pool);
    }
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_notification_get(cloud_notification_t **n, cloud_ctx_t *ctx, apr_int64_t id,
                                    apr_pool_t *pool)
{
    cloud_err_t *err;

    *n = NULL;
    CLOUD_ERR(only_somebody(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = get_tx(n, ctx, id, pool);
    cloud_tx_rollback(ctx);
    if (err || *n) return err;
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no such notification");
}

/* ---- deleting ---- */

cloud_err_t *cloud_notification_delete(cloud_ctx_t *ctx, apr_int64_t id)
{
    CLOUD_ERR(only_somebody(ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    if (id == 0)
        return cloud_tx_end(ctx, cloud_db_run(ctx->db, NULL, ctx->pool,
                                              "DELETE FROM notification WHERE account = ?1", "i",
                                              ctx->who.account->number));
    return cloud_tx_end(ctx, cloud_db_run(ctx->db, NULL, ctx->pool,
                                          "DELETE FROM notification WHERE id = ?1 AND account = ?2",
                                          "ii", id, ctx->who.account->number));
}

static cloud_err_t *account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account)
{
    CLOUD_ERR(cloud_mail_forget(ctx, account));
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM notification WHERE account = ?1",
                        "i", account->number);
}

cloud_err_t *cloud_notification_expire(int *more, cloud_ctx_t *ctx)
{
    apr_int64_t days;
    int deleted = 0;

    *more = 0;
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_setting_int(&days, ctx, "notifications", "notification_expire_days"));
    if (days == 0) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, cloud_db_run(ctx->db, &deleted, ctx->pool,
                                             "DELETE FROM notification WHERE id IN (SELECT id"
                                             " FROM notification WHERE created < ?1 LIMIT ?2)",
                                             "ii", apr_time_now() - days * DAY,
                                             (apr_int64_t)EXPIRE_STEP)));
    *more = deleted == EXPIRE_STEP;
    return NULL;
}

/* ---- registration ---- */

static const cloud_feature_t feature = {
    .name = "notifications",
    .account_deleted = account_deleted,
    .notify = notify,
    .unnotify = unnotify,
    .mail = cloud_mail_add,
    .mail_ready = cloud_mail_is_ready,
    .schema = SCHEMA,
};

void cloud_notification_register(void)
{
    cloud_settings_declare(settings);
    cloud_settings_declare(cloud_mail_settings);
    cloud_feature_register(&feature);
}

void cloud_notification_unregister(void)
{
    cloud_feature_unregister(&feature);
    cloud_settings_undeclare(cloud_mail_settings);
    cloud_settings_undeclare(settings);
}
