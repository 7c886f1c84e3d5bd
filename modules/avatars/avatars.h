/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file avatars.h
 * Pictures of people: one for each account, kept as a plain file beside its files, made anew from what
 * was sent. Request-free. All who are logged in see them; they are set and removed by their owners and
 * by those who manage the account.
 */
#ifndef CLOUD_AVATARS_H
#define CLOUD_AVATARS_H

#include "account.h"
#include "hooks.h"
#include "image.h"
#include "settings.h"

#define CLOUD_AVATARS            "avatars" /* directory below the account's */
#define CLOUD_AVATAR_SIDE_MAX    512       /* pixels a side that are kept, and so the most that is given */
#define CLOUD_AVATAR_BYTES_MAX   (20 * 1024 * 1024)

extern const cloud_setting_t cloud_avatars_settings[];
/** Registers feature and settings: for the module, cloudctl and tests. */
void cloud_avatars_register(void);
/** Before the module is unloaded. */
void cloud_avatars_unregister(void);

typedef struct {
    apr_int64_t account;
    apr_int64_t number;      /* another one for each picture that is set */
    cloud_image_kind_t kind; /* as it is kept */
    apr_int64_t size, ino_mtime, btime;
    apr_uint64_t ino;
    apr_int64_t root;        /* of the account */
    const char *path;        /* below accounts/ */
} cloud_avatar_t;

/** The avatar of an account. NOT_FOUND: there is none, or no such account, or the setting enable_avatars
 *  is off; UNAUTHORIZED: nobody asks. */
cloud_err_t *cloud_avatar_get(cloud_avatar_t **avatar, cloud_ctx_t *ctx, const char *id,
                              apr_pool_t *pool);
/** Opens its content, for the caller to close. NOT_FOUND: it was removed or replaced meanwhile. */
cloud_err_t *cloud_avatar_open(int *fd, cloud_ctx_t *ctx, const cloud_avatar_t *avatar,
                               apr_pool_t *pool);

/* ---- avatars_picture.c ---- */

/** The picture as a file of a kind, at most side pixels a side. avatar is the one that was read, which
 *  is not *avatar any more when that was replaced meanwhile. */
cloud_err_t *cloud_avatar_picture(const void **data, apr_size_t *len, cloud_ctx_t *ctx,
                                  cloud_avatar_t **avatar, const char *id, int side,
                                  const cloud_image_kind_t *kind, apr_pool_t *pool);
/** Sets the avatar of an account to what is in the picture data: see cloud_image_square(). DENIED, and
 *  NOT_FOUND for those who may know. */
cloud_err_t *cloud_avatar_set(cloud_ctx_t *ctx, const char *id, const void *data, apr_size_t len);
/** Whether that would be allowed; for before a body is read. */
cloud_err_t *cloud_avatar_may_set(cloud_ctx_t *ctx, const char *id);
/** No error where there is none. */
cloud_err_t *cloud_avatar_remove(cloud_ctx_t *ctx, const char *id);

/* ---- avatars_body.c: what is being sent, on disk instead of in memory ---- */

typedef struct cloud_spooled_t cloud_spooled_t;

/** Where a body goes: a file without a name, in the account's place for what is being written. It goes
 *  with pool. */
cloud_err_t *cloud_spooled_create(cloud_spooled_t **spooled, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, apr_pool_t *pool);
/** TOO_LARGE over CLOUD_AVATAR_BYTES_MAX; QUOTA. */
cloud_err_t *cloud_spooled_write(cloud_spooled_t *spooled, const void *data, apr_size_t len);
/** All of it, valid as long as the pool. */
cloud_err_t *cloud_spooled_data(const void **data, apr_size_t *len, cloud_spooled_t *spooled);
/** Takes in a file of an account, by the verbs. */
cloud_err_t *cloud_spooled_file(cloud_spooled_t *spooled, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *path);

#endif
