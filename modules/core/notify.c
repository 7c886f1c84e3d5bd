/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Notices and mails go to the features that take them. */
#include "notify.h"

#include <string.h>

#include "hooks.h"
#include "settings.h"

#define EACH_FEATURE(f, i)                                                                        \
    for (i = 0; i < cloud_features()->nelts                                                       \
                && (f = APR_ARRAY_IDX(cloud_features(), i, const cloud_feature_t *));             \
         i++)

cloud_err_t *cloud_notify_tx(cloud_ctx_t *ctx, const cloud_account_t *account,
                             const cloud_notice_t *notice)
{
    const cloud_feature_t *f;
    int i;

    if (notice->nactions > CLOUD_NOTICE_ACTIONS_MAX)
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "A notice has at most %d actions",
                         CLOUD_NOTICE_ACTIONS_MAX);
    EACH_FEATURE(f, i)
        if (f->notify) CLOUD_ERR(f->notify(ctx, account, notice));
    return NULL;
}

cloud_err_t *cloud_unnotify_tx(cloud_ctx_t *ctx, const cloud_account_t *account, const char *app,
                               const char *object_type, const char *object_id)
{
    const cloud_feature_t *f;
    int i;

    EACH_FEATURE(f, i)
        if (f->unnotify) CLOUD_ERR(f->unnotify(ctx, account, app, object_type, object_id));
    return NULL;
}

cloud_err_t *cloud_mail_queue_tx(cloud_ctx_t *ctx, const cloud_mail_t *mail)
{
    const cloud_feature_t *f;
    int i;

    EACH_FEATURE(f, i)
        if (f->mail) CLOUD_ERR(f->mail(ctx, mail));
    return NULL;
}

cloud_err_t *cloud_mail_ready(int *yes, cloud_ctx_t *ctx)
{
    const cloud_feature_t *f;
    int i;

    *yes = 0;
    EACH_FEATURE(f, i)
        if (f->mail_ready && !*yes) CLOUD_ERR(f->mail_ready(yes, ctx));
    return NULL;
}

cloud_err_t *cloud_mail_link(const char **url, cloud_ctx_t *ctx, const char *link,
                             apr_pool_t *pool)
{
    const char *base;
    apr_size_t len;

    *url = link && *link ? link : NULL;
    if (!*url || **url != '/') return NULL;
    CLOUD_ERR(cloud_setting_get(&base, NULL, ctx, "system", "overwrite.cli.url"));
    len = base ? strlen(base) : 0;
    while (len > 0 && base[len - 1] == '/') len--;
    *url = len ? apr_pstrcat(pool, apr_pstrmemdup(pool, base, len), link, NULL) : NULL;
    return NULL;
}
