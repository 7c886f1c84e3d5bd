/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Changing and ending shares. */
#include "share.h"
#include "password.h"

#include <string.h>

typedef struct {
    cloud_share_check_t check;
    const cloud_share_ask_t *ask;
    cloud_share_t *share;
    const char *hash;             /* of a new password */
    apr_pool_t *pool;
} change_t;

static cloud_err_t *refuse(const change_t *c, cloud_code_t code, const char *msg)
{
    return cloud_err(c->check.ctx->pool, code, "%s", msg);
}

/* The share, if who asks may change it: its owner and who made it. */
static cloud_err_t *find(cloud_share_t **share, cloud_ctx_t *ctx, apr_int64_t id,
                         const char *denied, apr_pool_t *pool)
{
    const cloud_account_t *who = ctx->who.account;

    CLOUD_ERR(cloud_share_check_enabled(ctx));
    CLOUD_ERR(cloud_share_row(share, ctx, id, pool));
    if (!*share)
        return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "Wrong share ID, share doesn't exist");
    if (ctx->who.system) return NULL;
    if (who && (who->number == (*share)->owner.number || who->number == (*share)->initiator.number))
        return NULL;
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "%s", denied);
}

/* ---- changing ---- */

static int asks_nothing(const cloud_share_ask_t *ask)
{
    return !ask->has_perms && !ask->password && !ask->public_upload && !ask->expires && !ask->name;
}

/* The item, as who asks sees it; the system sees it as its owner does. */
static cloud_err_t *find_item(change_t *c)
{
    cloud_ctx_t *ctx = c->check.ctx;
    cloud_account_t *owner;
    cloud_entry_t *entry;
    cloud_err_t *err;

    c->check.account = ctx->who.account;
    if (ctx->who.system) {
        CLOUD_ERR(cloud_account_by_number(&owner, ctx, c->share->owner.number, c->pool));
        c->check.account = owner;
    }
    err = cloud_resolve_id(&entry, ctx, c->check.account, c->share->node, c->pool);
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND))
        return refuse(c, CLOUD_E_NOT_FOUND, "Wrong share ID, share doesn't exist");
    c->check.entry = entry;
    return err;
}

/* A link keeps what it was made with where nobody speaks of it: a password or an earlier end can be
 * set although who made it has less by now, and the link with him. */
static int keeps_perms(const change_t *c)
{
    const cloud_share_ask_t *ask = c->ask;

    return c->share->type == CLOUD_SHARE_LINK && !ask->has_perms && !ask->public_upload
           && !ask->attributes;
}

static cloud_err_t *change_perms(change_t *c)
{
    cloud_share_t *s = c->share;
    apr_int64_t perms = s->perms;

    if (keeps_perms(c)) return NULL;
    if (s->type == CLOUD_SHARE_LINK)
        CLOUD_ERR(cloud_share_link_perms(&c->check, &perms, c->ask,
                                         CLOUD_IS_DIR(&c->check.entry->node)));
    else if (c->ask->has_perms) perms = c->ask->perms;
    return cloud_share_check_perms(&c->check, &s->perms, perms, s->flags);
}

static cloud_err_t *change_expiry(change_t *c)
{
    apr_int64_t expires = 0;

    if (!c->ask->expires) return NULL;
    if (*c->ask->expires) {
        cloud_share_parse_date(&expires, c->ask->expires,
                               apr_time_sec(apr_time_now()));
        if (!expires)
            return refuse(c, CLOUD_E_INVALID, "Invalid date. Format must be YYYY-MM-DD");
    }
    if (expires == c->share->expires) return NULL;
    CLOUD_ERR(cloud_share_check_expiry(&c->check, &expires, c->share->type));
    c->share->expires = expires;
    return NULL;
}

static cloud_err_t *change_password(change_t *c, unsigned old_perms)
{
    const char *password = c->ask->password;
    cloud_share_t *s = c->share;
    int needed;

    if (s->type != CLOUD_SHARE_LINK) return NULL;
    if (password) s->has_password = *password != '\0';
    else if (s->perms == old_perms) return NULL;
    CLOUD_ERR(cloud_share_needs_password(&needed, c->check.ctx, s->perms));
    return needed && !s->has_password
        ? cloud_share_refuse(&c->check, "Passwords are enforced for link shares") : NULL;
}

static cloud_err_t *change_name(change_t *c)
{
    const char *p = c->ask->name;
    int chars = 0;

    if (!p || c->share->type != CLOUD_SHARE_LINK) return NULL;
    for (; *p; p++) chars += (*p & 0xc0) != 0x80;
    if (chars > CLOUD_SHARE_NAME_MAX)
        return cloud_share_refuse(&c->check, "Share name cannot be more than 64 characters");
    c->share->name = c->ask->name;
    return NULL;
}

/* Whether who made the share could still make it: not where sharing with groups was switched off since. */
static cloud_err_t *check_recipient(const change_t *c)
{
    cloud_share_check_t check = c->check;
    cloud_account_t *initiator;

    CLOUD_ERR(cloud_account_by_number(&initiator, check.ctx, c->share->initiator.number, c->pool));
    check.account = initiator;
    return cloud_share_check_recipient(&check, c->share->type, c->share->recipient.number);
}

static cloud_err_t *check_still_allowed(change_t *c)
{
    cloud_ctx_t *ctx = c->check.ctx;
    int yes = 1;

    if (!ctx->who.system) CLOUD_ERR(cloud_share_allowed(&yes, ctx, c->check.account));
    if (!yes) return cloud_share_refuse(&c->check, "You are not allowed to share");
    if (c->share->type != CLOUD_SHARE_LINK) return ctx->who.system ? NULL : check_recipient(c);
    CLOUD_ERR(cloud_setting_bool(&yes, ctx, "core", "shareapi_allow_links"));
    return yes ? NULL : cloud_share_refuse(&c->check, "Link sharing not allowed");
}

/* Decided in the transaction; and once before it, so that nothing slow is done in vain. */
static cloud_err_t *decide(change_t *c, apr_int64_t id)
{
    unsigned old_perms;

    CLOUD_ERR(find(&c->share, c->check.ctx, id, "Could not update share", c->pool));
    CLOUD_ERR(find_item(c));
    if (c->share->type == CLOUD_SHARE_LINK && asks_nothing(c->ask) && !c->ask->attributes)
        return refuse(c, CLOUD_E_INVALID, "Wrong or no update parameter given");
    old_perms = c->share->perms;
    if (c->ask->attributes)
        CLOUD_ERR(cloud_share_attributes(&c->share->attributes, &c->share->flags,
                                         c->ask->attributes, c->pool));
    CLOUD_ERR(change_name(c));
    CLOUD_ERR(change_perms(c));
    CLOUD_ERR(change_expiry(c));
    CLOUD_ERR(check_still_allowed(c));
    return change_password(c, old_perms);
}

static cloud_err_t *write_row(const change_t *c)
{
    const cloud_share_t *s = c->share;
    cloud_ctx_t *ctx = c->check.ctx;

    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE share SET perms = ?2, flags = ?3, expires = NULLIF(?4, 0),"
                           " name = ?5, attributes = ?6 WHERE id = ?1", "iiiitt", s->id,
                           (apr_int64_t)s->perms, (apr_int64_t)s->flags, s->expires, s->name,
                           s->attributes));
    if (s->type != CLOUD_SHARE_LINK || !c->ask->password) return NULL;
    return cloud_db_run(ctx->db, NULL, ctx->pool, "UPDATE share SET password = ?2 WHERE id = ?1",
                        "it", s->id, c->hash);
}

static cloud_err_t *update_tx(cloud_share_t **share, change_t *c, apr_int64_t id)
{
    CLOUD_ERR(decide(c, id));
    CLOUD_ERR(write_row(c));
    CLOUD_ERR(cloud_share_touch_for(c->check.ctx, c->share->node, c->share->owner.number,
                                    c->share->initiator.number));
    return cloud_share_row(share, c->check.ctx, id, c->pool);
}

static cloud_err_t *look_first(change_t *c, apr_int64_t id)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(c->check.ctx, CLOUD_DB_READ));
    err = decide(c, id);
    cloud_tx_rollback(c->check.ctx);
    return err;
}

cloud_err_t *cloud_share_update(cloud_share_t **share, cloud_ctx_t *ctx, apr_int64_t id,
                                const cloud_share_ask_t *ask, apr_pool_t *pool)
{
    change_t c = { .check = { ctx, CLOUD_SHARE_CHANGE, NULL, NULL }, .ask = ask, .pool = pool };

    CLOUD_ERR(look_first(&c, id));
    if (c.share->type == CLOUD_SHARE_LINK && ask->password && *ask->password)
        CLOUD_ERR(cloud_share_hash(&c.hash, &c.check, ask->password, pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, update_tx(share, &c, id));
}

/* ---- ending ---- */

static cloud_err_t *delete_tx(cloud_ctx_t *ctx, apr_int64_t id)
{
    cloud_share_t *share;

    CLOUD_ERR(find(&share, ctx, id, "Could not delete share", ctx->pool));
    CLOUD_ERR(cloud_share_drop(ctx, id));
    return cloud_share_touch_for(ctx, share->node, share->owner.number, share->initiator.number);
}

cloud_err_t *cloud_share_delete(cloud_ctx_t *ctx, apr_int64_t id)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, delete_tx(ctx, id));
}
