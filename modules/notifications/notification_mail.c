/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Notices by mail. */
#include "notification.h"

#include <string.h>

#include "mail.h"
#include "message.h"
#include "notices_private.h"
#include "pref.h"

#define APP "notifications"

int cloud_notification_mail_ok(const char *option)
{
    return strcmp(option, "never") == 0 || strcmp(option, "action") == 0
        || strcmp(option, "always") == 0;
}

static cloud_err_t *get(const char **option, cloud_ctx_t *ctx, const cloud_account_t *account,
                        apr_pool_t *pool)
{
    CLOUD_ERR(cloud_pref_get(option, ctx, account, APP, CLOUD_NOTIFICATION_MAIL, pool));
    if (!*option || !cloud_notification_mail_ok(*option)) *option = "action";
    return NULL;
}

cloud_err_t *cloud_notification_mail_get(const char **option, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    if (!ctx->who.account) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    return get(option, ctx, ctx->who.account, pool);
}

cloud_err_t *cloud_notification_mail_set(cloud_ctx_t *ctx, const char *option)
{
    if (!ctx->who.account) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (!cloud_notification_mail_ok(option))
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "Option not supported");
    return cloud_pref_set(ctx, ctx->who.account, APP, CLOUD_NOTIFICATION_MAIL, option);
}

/* Asked as the system: who tells somebody something learns nothing about him. */
static cloud_err_t *is_wanted(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                              const cloud_notice_t *notice)
{
    cloud_principal_t who = ctx->who;
    const char *option = NULL;
    cloud_err_t *err;

    ctx->who.system = 1;
    err = get(&option, ctx, account, ctx->pool);
    ctx->who = who;
    *yes = option && (strcmp(option, "always") == 0
                      || (strcmp(option, "action") == 0 && notice->nactions > 0));
    return err;
}

static cloud_err_t *body(const char **text, cloud_ctx_t *ctx, const cloud_notice_t *notice)
{
    const char *message = notice->message && *notice->message ? notice->message : notice->subject;
    const char *url;

    CLOUD_ERR(cloud_mail_link(&url, ctx, notice->link, ctx->pool));
    *text = url ? apr_pstrcat(ctx->pool, message, "\n\n", url, "\n", NULL)
                : apr_pstrcat(ctx->pool, message, "\n", NULL);
    return NULL;
}

cloud_err_t *cloud_notices_mail(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_notice_t *notice)
{
    cloud_mail_t mail = { .account = account, .to = account->email, .subject = notice->subject };
    cloud_err_t *err;
    int yes;

    if (!account->enabled || !account->email || !cloud_message_address_ok(account->email))
        return NULL;
    CLOUD_ERR(cloud_mail_is_ready(&yes, ctx));
    if (!yes) return NULL;
    CLOUD_ERR(is_wanted(&yes, ctx, account, notice));
    if (!yes) return NULL;
    if (strcmp(account->display_name, account->id) != 0) mail.to_name = account->display_name;
    CLOUD_ERR(body(&mail.text, ctx, notice));
    err = cloud_mail_add(ctx, &mail);
    /* the notice itself is there all the same */
    return cloud_err_is(err, CLOUD_E_QUOTA) ? NULL : err;
}
