/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What clients may offer of sharing: the settings, as they are for who asks. */
#include "private.h"
#include "notify.h"

/* A switch of the app "core" becomes a member of o. */
typedef struct {
    const char *name, *key;
} switch_t;

static cloud_err_t *set_switches(json_t *o, cloud_ctx_t *ctx, const switch_t *s)
{
    int on;

    for (; s->name; s++) {
        CLOUD_ERR(cloud_setting_bool(&on, ctx, "core", s->key));
        json_object_set_new(o, s->name, json_boolean(on));
    }
    return NULL;
}

static cloud_err_t *expire_date(json_t *o, cloud_ctx_t *ctx, const char *suffix)
{
    const char *key = apr_pstrcat(ctx->pool, "shareapi_default_expire_date", suffix, NULL);
    json_t *date = json_object();
    apr_int64_t days;
    int on;

    json_object_set_new(o, "expire_date", date);
    CLOUD_ERR(cloud_setting_bool(&on, ctx, "core", key));
    json_object_set_new(date, "enabled", json_boolean(on));
    if (!on) return NULL;
    key = apr_pstrcat(ctx->pool, "shareapi_expire_after_n_days", suffix, NULL);
    CLOUD_ERR(cloud_setting_int(&days, ctx, "core", key));
    /* A string, as in ownCloud. */
    json_object_set_new(date, "days", json_string(apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT,
                                                               days)));
    key = apr_pstrcat(ctx->pool, "shareapi_enforce_expire_date", suffix, NULL);
    CLOUD_ERR(cloud_setting_bool(&on, ctx, "core", key));
    json_object_set_new(date, "enforced", json_boolean(on));
    return NULL;
}

static cloud_err_t *password(json_t *public, cloud_ctx_t *ctx)
{
    static const switch_t kinds[] = {
        { "read_only", "shareapi_enforce_links_password_read_only" },
        { "read_write", "shareapi_enforce_links_password_read_write" },
        { "upload_only", "shareapi_enforce_links_password_write_only" },
        { "read_write_delete", "shareapi_enforce_links_password_read_write_delete" },
        { NULL, NULL }
    };
    json_t *o = json_object(), *enforced = json_object(), *one;
    const char *key;
    int any = 0;

    json_object_set_new(public, "password", o);
    json_object_set_new(o, "enforced_for", enforced);
    CLOUD_ERR(set_switches(enforced, ctx, kinds));
    json_object_foreach(enforced, key, one) any |= json_is_true(one);
    json_object_set_new(o, "enforced", json_boolean(any));
    return NULL;
}

/* Where no mail can be sent clients must not offer it. */
static cloud_err_t *send_mail(json_t *o, cloud_ctx_t *ctx, const char *key)
{
    int on, ready;

    CLOUD_ERR(cloud_setting_bool(&on, ctx, "core", key));
    CLOUD_ERR(cloud_mail_ready(&ready, ctx));
    json_object_set_new(o, "send_mail", json_boolean(on && ready));
    return NULL;
}

static cloud_err_t *public_links(json_t *all, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    static const switch_t switches[] = {
        { "social_share", "shareapi_allow_social_share" },
        { "upload", "shareapi_allow_public_upload" },
        { NULL, NULL }
    };
    json_t *public = json_object();
    int on;

    json_object_set_new(all, "public", public);
    CLOUD_ERR(cloud_setting_bool(&on, ctx, "core", "shareapi_allow_links"));
    json_object_set_new(public, "enabled", json_boolean(on));
    if (!on) return NULL;
    CLOUD_ERR(password(public, ctx));
    json_object_set_new(public, "roles_api", json_true());
    if (account) CLOUD_ERR(cloud_share_links_allowed(&on, ctx, account));
    json_object_set_new(public, "can_create_public_link", json_boolean(on));
    CLOUD_ERR(expire_date(public, ctx, ""));
    CLOUD_ERR(send_mail(public, ctx, "shareapi_allow_public_notification"));
    CLOUD_ERR(set_switches(public, ctx, switches));
    json_object_set_new(public, "multiple", json_true());
    json_object_set_new(public, "supports_upload_only", json_true());
    json_object_set_new(public, "defaultPublicLinkShareName", json_string("Public link"));
    return NULL;
}

static cloud_err_t *internal_shares(json_t *all, cloud_ctx_t *ctx)
{
    json_t *user = json_object(), *group = json_object();

    json_object_set_new(all, "user", user);
    json_object_set_new(all, "group", group);
    json_object_set_new(all, "remote", json_pack("{s:{s:b}}", "expire_date", "enabled", 0));
    CLOUD_ERR(send_mail(user, ctx, "shareapi_allow_mail_notification"));
    json_object_set_new(user, "profile_picture", json_false()); /* its place; see below */
    CLOUD_ERR(expire_date(user, ctx, "_user_share"));
    return expire_date(group, ctx, "_group_share");
}

static cloud_err_t *enumeration(json_t *all, cloud_ctx_t *ctx)
{
    static const switch_t on[] = {
        { "enabled", "shareapi_allow_share_dialog_user_enumeration" }, { NULL, NULL }
    };
    static const switch_t more[] = {
        { "group_members_only", "shareapi_share_dialog_user_enumeration_group_members" },
        { NULL, NULL }
    };
    json_t *o = json_object();

    json_object_set_new(all, "user_enumeration", o);
    CLOUD_ERR(set_switches(o, ctx, on));
    return json_is_true(json_object_get(o, "enabled")) ? set_switches(o, ctx, more) : NULL;
}

static cloud_err_t *enabled_capabilities(json_t *all, cloud_ctx_t *ctx,
                                         const cloud_account_t *account)
{
    static const switch_t switches[] = {
        { "resharing", "shareapi_allow_resharing" },
        { "group_sharing", "shareapi_allow_group_sharing" },
        { "auto_accept_share", "shareapi_auto_accept_share" },
        { "share_with_group_members_only", "shareapi_only_share_with_group_members" },
        { "share_with_membership_groups_only", "shareapi_only_share_with_membership_groups" },
        { NULL, NULL }
    };
    apr_int64_t perms;
    int may = 1;

    CLOUD_ERR(public_links(all, ctx, account));
    CLOUD_ERR(internal_shares(all, ctx));
    CLOUD_ERR(set_switches(all, ctx, switches));
    if (account) CLOUD_ERR(cloud_share_allowed(&may, ctx, account));
    json_object_set_new(all, "can_share", json_boolean(may));
    CLOUD_ERR(enumeration(all, ctx));
    CLOUD_ERR(cloud_setting_int(&perms, ctx, "core", "shareapi_default_permissions"));
    json_object_set_new(all, "default_permissions", json_integer((json_int_t)perms));
    json_object_set_new(all, "providers_capabilities",
                        json_pack("{s:{s:[s], s:[s], s:[s,s]}}", "ocinternal",
                                  "user", "shareExpiration", "group", "shareExpiration",
                                  "link", "shareExpiration", "passwordProtected"));
    return NULL;
}

/* The same members that the API has when it is on and clients can't do without. */
static void disabled_capabilities(json_t *all)
{
    json_object_set_new(all, "public", json_pack("{s:b}", "enabled", 0));
    json_object_set_new(all, "user", json_pack("{s:b, s:b}", "send_mail", 0,
                                               "profile_picture", 0));
    json_object_set_new(all, "resharing", json_false());
    json_object_set_new(all, "can_share", json_false());
    json_object_set_new(all, "providers_capabilities", json_false());
}

cloud_err_t *cloud_shares_capabilities(json_t *all, cloud_ctx_t *ctx, request_rec *r)
{
    /* Pictures of people are another module's, which may have come first. */
    int picture = json_is_true(json_object_get(
        json_object_get(json_object_get(all, "files_sharing"), "user"), "profile_picture"));
    json_t *sharing = json_object();
    apr_int64_t least;
    int enabled;

    json_object_set_new(all, "files_sharing", sharing);
    CLOUD_ERR(cloud_setting_bool(&enabled, ctx, "core", "shareapi_enabled"));
    json_object_set_new(sharing, "api_enabled", json_boolean(enabled));
    if (enabled) CLOUD_ERR(enabled_capabilities(sharing, ctx, cloud_http_account(r)));
    else disabled_capabilities(sharing);
    json_object_set_new(json_object_get(sharing, "user"), "profile_picture", json_boolean(picture));
    json_object_set_new(sharing, "federation", json_pack("{s:b, s:b}", "outgoing", 0,
                                                         "incoming", 0));
    CLOUD_ERR(cloud_setting_int(&least, ctx, "system", "user.search_min_length"));
    json_object_set_new(sharing, "search_min_length", json_integer((json_int_t)least));
    return NULL;
}
