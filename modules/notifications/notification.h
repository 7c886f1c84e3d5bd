/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file notification.h
 * Notices, kept until the person or a feature takes them back, or until they are old. Request-free. Features
 * add them with what is in notify.h.
 */
#ifndef CLOUD_NOTIFICATION_H
#define CLOUD_NOTIFICATION_H

#include "hooks.h"
#include "settings.h"

/** Notices of an account that are kept: the newest. */
#define CLOUD_NOTIFICATION_MAX 200

/** Declares settings, registers tables and hooks; harmless when repeated. */
void cloud_notification_register(void);
void cloud_notification_unregister(void);

/** A notice as it is kept; nothing in it is NULL. */
typedef struct {
    apr_int64_t id;       /* fits into 31 bits for a long time; never used again */
    apr_time_t created;
    cloud_notice_t notice;
} cloud_notification_t;

/** Notices of ctx->who.account, the newest first, at most limit: array of cloud_notification_t. DENIED
 *  for nobody. */
cloud_err_t *cloud_notification_list(apr_array_header_t **list, cloud_ctx_t *ctx, int limit,
                                     apr_pool_t *pool);
/** One of ctx->who.account's. NOT_FOUND, also when it is somebody else's. */
cloud_err_t *cloud_notification_get(cloud_notification_t **n, cloud_ctx_t *ctx, apr_int64_t id,
                                    apr_pool_t *pool);
/** Deletes one of ctx->who.account's; id 0: all of them. No error when there is none. */
cloud_err_t *cloud_notification_delete(cloud_ctx_t *ctx, apr_int64_t id);

/** Tells an account, in a transaction of its own; by the system (DENIED). NOT_FOUND. */
cloud_err_t *cloud_notification_send(cloud_ctx_t *ctx, const char *account,
                                     const cloud_notice_t *notice);

/** A bounded step of deleting what is older than the setting notification_expire_days. */
cloud_err_t *cloud_notification_expire(int *more, cloud_ctx_t *ctx);

/* ---- which notices an account gets by mail ---- */

/** ownCloud's name of the preference, of the app "notifications": "never", "action" (the default: those
 *  about which something can be done) or "always". */
#define CLOUD_NOTIFICATION_MAIL "email_sending_option"

int cloud_notification_mail_ok(const char *option);
/** What ctx->who.account has chosen. */
cloud_err_t *cloud_notification_mail_get(const char **option, cloud_ctx_t *ctx, apr_pool_t *pool);
/** INVALID. */
cloud_err_t *cloud_notification_mail_set(cloud_ctx_t *ctx, const char *option);

#endif
