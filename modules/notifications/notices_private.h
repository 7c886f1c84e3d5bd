/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the files of the notifications share. */
#ifndef CLOUD_NOTICES_PRIVATE_H
#define CLOUD_NOTICES_PRIVATE_H

#include "notification.h"

/** The next number of the counter key, never used before. Clients read ids into 32 bits, so they are not
 *  taken from the one sequence. (tx, write) */
cloud_err_t *cloud_notices_next(apr_int64_t *n, cloud_ctx_t *ctx, const char *key);

/** A mail about a notice, when the account wants one and it can be sent. (tx, write) */
cloud_err_t *cloud_notices_mail(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_notice_t *notice);

#endif
