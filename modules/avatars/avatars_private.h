/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file avatars_private.h
 * What the files of the feature share.
 */
#ifndef CLOUD_AVATARS_PRIVATE_H
#define CLOUD_AVATARS_PRIVATE_H

#include "avatars.h"
#include "internal.h"

#define CLOUD_AVATAR_DIR "/" CLOUD_AVATARS "/pictures" /* behind the account's */

/** "<account dir>/avatars/pictures/<number>" */
const char *cloud_avatar_path(const char *account_dir, apr_int64_t number, apr_pool_t *pool);
/** The row of an account, or NULL; sums may be NULL. (tx) */
cloud_err_t *cloud_avatar_find(cloud_avatar_t **avatar, cloud_ctx_t *ctx, apr_int64_t account,
                               cloud_sums_t *sums, apr_pool_t *pool);

#endif
