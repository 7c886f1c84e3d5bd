/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Making shares. */
#include "share.h"
#include "mount_private.h"
#include "password.h"

#include <string.h>

/* A share on its way into the table. */
typedef struct {
    cloud_share_check_t check;
    const cloud_share_ask_t *ask;
    cloud_account_t *user;        /* recipients: one of these, or none */
    cloud_group_t *group;
    cloud_share_type_t type;
    unsigned perms, flags;
    apr_int64_t expires;
    const char *attributes, *hash, *target, *token;
    cloud_share_state_t state;
    int auto_accept;              /* on the whole server */
    apr_pool_t *pool;
} making_t;

static cloud_err_t *refuse(const making_t *m, cloud_code_t code, const char *msg)
{
    return cloud_err(m->check.ctx->pool, code, "%s", msg);
}

cloud_err_t *cloud_share_check_enabled(cloud_ctx_t *ctx)
{
    int yes = ctx->who.system;

    if (!yes) CLOUD_ERR(cloud_setting_bool(&yes, ctx, "core", "shareapi_enabled"));
    return yes ? NULL : cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "Share API is disabled");
}

/* ---- what comes before anything slow ---- */

static int asks_in_own_name(const making_t *m)
{
    const cloud_ctx_t *ctx = m->check.ctx;

    return ctx->who.system
           || (ctx->who.account && ctx->who.account->number == m->check.account->number);
}

static cloud_err_t *find_item(making_t *m)
{
    cloud_entry_t *entry;
    cloud_err_t *err;

    if (!m->ask->path) return refuse(m, CLOUD_E_NOT_FOUND, "Please specify a file or folder path");
    err = cloud_file_stat(&entry, m->check.ctx, m->check.account, m->ask->path, m->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_INVALID_NAME)
        || cloud_err_is(err, CLOUD_E_DENIED))
        return refuse(m, CLOUD_E_NOT_FOUND, "Wrong path, file/folder doesn't exist");
    m->check.entry = entry;
    return err;
}

static cloud_err_t *read_date(making_t *m)
{
    m->expires = 0;
    if (!m->ask->expires || !*m->ask->expires) return NULL;
    cloud_share_parse_date(&m->expires, m->ask->expires, apr_time_sec(apr_time_now()));
    return m->expires ? NULL : refuse(m, CLOUD_E_NOT_FOUND,
                                      "Invalid date, date format must be YYYY-MM-DD");
}

/* What does not exist, in ownCloud's words. */
static cloud_err_t *unknown(const making_t *m, cloud_err_t *err, const char *msg)
{
    return cloud_err_is(err, CLOUD_E_NOT_FOUND) ? refuse(m, CLOUD_E_NOT_FOUND, msg) : err;
}

static cloud_err_t *find_user(making_t *m)
{
    const char *pref = NULL;
    cloud_ctx_t *ctx = m->check.ctx;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(unknown(m, m->ask->with ? cloud_account_get(&m->user, ctx, m->ask->with, m->pool)
                                      : refuse(m, CLOUD_E_NOT_FOUND, ""),
                      "Please specify a valid user"));
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT value FROM pref WHERE account = ?1 AND app = 'files_sharing'"
                             " AND key = 'auto_accept_share'", "i", m->user->number));
    if (row) pref = cloud_col_dup(st, 0, m->pool);
    cloud_stmt_done(st);
    if (!m->auto_accept || (pref && strcmp(pref, "yes") != 0)) m->state = CLOUD_SHARE_PENDING;
    return NULL;
}

static cloud_err_t *find_group(making_t *m)
{
    cloud_ctx_t *ctx = m->check.ctx;
    const char **blocked;
    int yes;

    CLOUD_ERR(cloud_setting_bool(&yes, ctx, "core", "shareapi_allow_group_sharing"));
    if (!yes)
        return refuse(m, CLOUD_E_NOT_FOUND, "Group sharing is disabled by the administrator");
    CLOUD_ERR(unknown(m, m->ask->with ? cloud_group_get(&m->group, ctx, m->ask->with, m->pool)
                                      : refuse(m, CLOUD_E_NOT_FOUND, ""),
                      "Please specify a valid group"));
    CLOUD_ERR(cloud_setting_list(&blocked, ctx, "files_sharing", "blacklisted_receiver_groups"));
    if (cloud_share_names_group(blocked, m->group->id))
        return refuse(m, CLOUD_E_DENIED, "The group is blacklisted for sharing");
    if (!m->auto_accept) m->state = CLOUD_SHARE_PENDING;
    return NULL;
}

static cloud_err_t *check_links(making_t *m)
{
    cloud_ctx_t *ctx = m->check.ctx;
    int yes;

    CLOUD_ERR(cloud_setting_bool(&yes, ctx, "core", "shareapi_allow_links"));
    if (!yes)
        return refuse(m, CLOUD_E_NOT_FOUND,
                      "Public link sharing is disabled by the administrator");
    CLOUD_ERR(cloud_share_links_allowed(&yes, ctx, m->check.account));
    return yes ? NULL : refuse(m, CLOUD_E_DENIED,
                               "Public link creation is only possible for certain groups");
}

static cloud_err_t *find_recipient(making_t *m)
{
    CLOUD_ERR(cloud_setting_bool(&m->auto_accept, m->check.ctx, "core",
                                 "shareapi_auto_accept_share"));
    m->type = (cloud_share_type_t)m->ask->type;
    switch (m->ask->type) {
    case CLOUD_SHARE_USER:
        return find_user(m);
    case CLOUD_SHARE_GROUP:
        return find_group(m);
    case CLOUD_SHARE_LINK:
        return check_links(m);
    case CLOUD_SHARE_REMOTE:
    case CLOUD_SHARE_REMOTE_GROUP:
        return cloud_err(m->check.ctx->pool, CLOUD_E_DENIED,
                         "Sharing %s failed because the back end does not allow shares from "
                         "type %d", m->check.entry->path, m->ask->type);
    default:
        return refuse(m, CLOUD_E_INVALID, "Unknown share type");
    }
}

/* ---- the rules ---- */

static cloud_err_t *choose_perms(making_t *m)
{
    const cloud_share_ask_t *ask = m->ask;
    apr_int64_t perms = ask->perms;

    if (m->type == CLOUD_SHARE_LINK) {
        CLOUD_ERR(cloud_share_link_perms(&m->check, &perms, ask,
                                         CLOUD_IS_DIR(&m->check.entry->node)));
    } else if (!ask->has_perms) {
        CLOUD_ERR(cloud_setting_int(&perms, m->check.ctx, "core", "shareapi_default_permissions"));
    }
    return cloud_share_check_perms(&m->check, &m->perms, perms, m->flags);
}

static cloud_err_t *check_name(making_t *m)
{
    const char *p = m->ask->name;
    int chars = 0;

    if (!p || m->type != CLOUD_SHARE_LINK) return NULL;
    for (; *p; p++) chars += (*p & 0xc0) != 0x80;
    return chars <= CLOUD_SHARE_NAME_MAX
        ? NULL : cloud_share_refuse(&m->check, "Share name cannot be more than 64 characters");
}

/* Others would not see what was received through a share of the folder that it is in. */
static cloud_err_t *check_below(const making_t *m)
{
    cloud_mounts_t *mounts;

    if (!*m->check.entry->path) return NULL; /* that it is the root is the better reason */
    CLOUD_ERR(cloud_mounts_load(&mounts, m->check.ctx, m->check.account));
    return cloud_mounts_below(mounts, m->check.entry->node.id)
        ? cloud_share_refuse(&m->check, "Path contains files shared with you") : NULL;
}

static cloud_err_t *check_rules(making_t *m)
{
    int yes;

    CLOUD_ERR(cloud_share_allowed(&yes, m->check.ctx, m->check.account));
    if (!yes) return cloud_share_refuse(&m->check, "You are not allowed to share");
    CLOUD_ERR(cloud_share_check_expiry(&m->check, &m->expires, m->type));
    CLOUD_ERR(cloud_share_attributes(&m->attributes, &m->flags, m->ask->attributes, m->pool));
    if (m->user && m->user->number == m->check.account->number)
        return cloud_share_refuse(&m->check, "Can't share with yourself");
    CLOUD_ERR(check_below(m));
    CLOUD_ERR(choose_perms(m));
    CLOUD_ERR(check_name(m));
    return cloud_share_check_recipient(&m->check, m->type,
                                       m->user ? m->user->number : m->group ? m->group->number : 0);
}

static cloud_err_t *check_new(making_t *m)
{
    static const char *const known[] = {
        [CLOUD_SHARE_USER] = "Path already shared with this user",
        [CLOUD_SHARE_GROUP] = "Path already shared with this group",
    };
    cloud_ctx_t *ctx = m->check.ctx;
    cloud_stmt_t *st;
    int row;

    if (m->type == CLOUD_SHARE_LINK) return NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT 1 FROM share WHERE node = ?1 AND type = ?2 AND recipient = ?3"
                             " AND (expires IS NULL OR expires > ?4)", "iiii",
                             m->check.entry->node.id, (apr_int64_t)m->type,
                             m->user ? m->user->number : m->group->number,
                             apr_time_sec(apr_time_now())));
    cloud_stmt_done(st);
    return row ? cloud_share_refuse(&m->check, "%s", known[m->type]) : NULL;
}

/* Whether there are max rows, or more, that a statement gives; it has ?2 for the place of the last one that
 * may be there. */
static cloud_err_t *is_full(int *full, making_t *m, const char *key, const char *sql,
                            apr_int64_t of)
{
    cloud_ctx_t *ctx = m->check.ctx;
    apr_int64_t max;
    cloud_stmt_t *st;

    *full = 0;
    CLOUD_ERR(cloud_setting_int(&max, ctx, "files_sharing", key));
    if (!max) return NULL;
    CLOUD_ERR(cloud_db_query(&st, full, ctx->db, ctx->pool, sql, "ii", of, max - 1));
    cloud_stmt_done(st);
    return NULL;
}

/* What one account gives is looked at by others' requests, and by those that remove something. */
static cloud_err_t *check_room(making_t *m)
{
    int full = 0;

    if (m->type == CLOUD_SHARE_LINK)
        CLOUD_ERR(is_full(&full, m, "links_per_item_max",
                          "SELECT 1 FROM share WHERE node = ?1 AND type = 3 LIMIT 1 OFFSET ?2",
                          m->check.entry->node.id));
    if (full) return refuse(m, CLOUD_E_DENIED, "There are too many public links to this item");
    CLOUD_ERR(is_full(&full, m, "shares_per_account_max",
                      "SELECT 1 FROM share WHERE initiator = ?1 LIMIT 1 OFFSET ?2",
                      m->check.account->number));
    return full ? refuse(m, CLOUD_E_DENIED, "You have shared too many items") : NULL;
}

/* Everything that is decided in the transaction; and once before it, so that nothing slow is done
 * in vain. */
static cloud_err_t *decide(making_t *m)
{
    m->state = CLOUD_SHARE_ACCEPTED;
    if (!asks_in_own_name(m)) return refuse(m, CLOUD_E_DENIED, "You are not allowed to share");
    CLOUD_ERR(cloud_share_check_enabled(m->check.ctx));
    CLOUD_ERR(find_item(m));
    CLOUD_ERR(read_date(m));
    CLOUD_ERR(find_recipient(m));
    CLOUD_ERR(check_rules(m));
    CLOUD_ERR(check_new(m));
    return check_room(m);
}

static cloud_err_t *check_password(making_t *m)
{
    const char *password = m->ask->password;
    int needed;

    if (m->type != CLOUD_SHARE_LINK) return NULL;
    CLOUD_ERR(cloud_share_needs_password(&needed, m->check.ctx, m->perms));
    if (!password || !*password)
        return needed ? cloud_share_refuse(&m->check, "Passwords are enforced for link shares")
                      : NULL;
    return cloud_share_hash(&m->hash, &m->check, password, m->pool);
}

cloud_err_t *cloud_share_hash(const char **hash, const cloud_share_check_t *check,
                              const char *password, apr_pool_t *pool)
{
    cloud_err_t *err = cloud_password_policy_check(check->ctx, password);

    if (!err) err = cloud_password_hash(hash, check->ctx, password, pool);
    return cloud_err_is(err, CLOUD_E_INVALID) ? cloud_share_refuse(check, "%s", err->msg) : err;
}

/* ---- the row ---- */

static cloud_err_t *choose_target(making_t *m)
{
    const cloud_entry_t *e = m->check.entry;

    m->target = cloud_name_nfc(e->name, m->pool);
    /* What waits has no place yet. */
    if (!m->user || m->state == CLOUD_SHARE_PENDING) return NULL;
    return cloud_share_unique_target(&m->target, m->check.ctx, m->user, m->target, e->node.id,
                                     CLOUD_IS_DIR(&e->node), m->pool);
}

static cloud_err_t *insert(apr_int64_t *id, making_t *m)
{
    const cloud_entry_t *e = m->check.entry;
    cloud_ctx_t *ctx = m->check.ctx;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(
        &st, &row, ctx->db, ctx->pool,
        "INSERT INTO share (type, recipient, node, owner, initiator, perms, state, flags, target,"
        " created, expires, token, password, name, attributes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"
        " ?8, ?9, ?10, NULLIF(?11, 0), ?12, ?13, ?14, ?15) RETURNING id",
        "iiiiiiiitiitttt", (apr_int64_t)m->type,
        m->user ? m->user->number : m->group ? m->group->number : 0, e->node.id, e->owner->number,
        m->check.account->number, (apr_int64_t)m->perms, (apr_int64_t)m->state,
        (apr_int64_t)m->flags, m->target, apr_time_sec(apr_time_now()), m->expires, m->token,
        m->hash, m->type == CLOUD_SHARE_LINK ? m->ask->name : NULL, m->attributes));
    *id = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return row ? NULL : cloud_err(ctx->pool, CLOUD_E_INTERNAL, "The share got no id");
}

/* Members who want to be asked, although others are not. */
static cloud_err_t *ask_members(making_t *m, apr_int64_t id)
{
    cloud_ctx_t *ctx = m->check.ctx;

    if (!m->group || !m->auto_accept) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO share_member (share, account, state) SELECT ?1, b.account, 1"
                        " FROM membership b JOIN pref p ON p.account = b.account"
                        " AND p.app = 'files_sharing' AND p.key = 'auto_accept_share'"
                        " AND p.value <> 'yes' WHERE b.usergroup = ?2", "ii", id,
                        m->group->number);
}

static cloud_err_t *create_tx(cloud_share_t **share, making_t *m)
{
    cloud_ctx_t *ctx = m->check.ctx;
    apr_int64_t id;

    CLOUD_ERR(decide(m));
    CLOUD_ERR(choose_target(m));
    CLOUD_ERR(insert(&id, m));
    CLOUD_ERR(ask_members(m, id));
    CLOUD_ERR(cloud_share_row(share, ctx, id, m->pool));
    CLOUD_ERR(cloud_share_touch_for(ctx, (*share)->node, (*share)->owner.number,
                                    (*share)->initiator.number));
    CLOUD_ERR(cloud_share_bring_back(ctx, m->type, (*share)->recipient.number, (*share)->node));
    return cloud_share_announce(ctx, *share, m->user);
}

static cloud_err_t *look_first(making_t *m)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(m->check.ctx, CLOUD_DB_READ));
    err = decide(m);
    cloud_tx_rollback(m->check.ctx);
    return err;
}

cloud_err_t *cloud_share_create(cloud_share_t **share, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const cloud_share_ask_t *ask,
                                apr_pool_t *pool)
{
    making_t m = { .check = { ctx, CLOUD_SHARE_MAKE, NULL, account }, .ask = ask, .pool = pool };

    CLOUD_ERR(look_first(&m));
    CLOUD_ERR(check_password(&m));
    if (m.type == CLOUD_SHARE_LINK) CLOUD_ERR(cloud_share_token(&m.token, pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, create_tx(share, &m));
}
