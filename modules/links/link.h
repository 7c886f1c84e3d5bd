/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file link.h
 * Public links: whoever knows the token may do in one item what the row of the share says. What a link
 * is worth is read anew in every transaction (cloud_feature_t.view), so nothing outlives its end.
 * Request-free; the rows themselves are made by the library of shares.
 */
#ifndef CLOUD_LINK_H
#define CLOUD_LINK_H

#include "account.h"
#include "files.h"
#include "hooks.h"

typedef struct {
    apr_int64_t id;             /* of the share */
    const char *token;
    const char *name;           /* of the item as it is now; "" for a whole account */
    int is_dir;
    unsigned perms;             /* CLOUD_PERM_*, as they are now */
    unsigned flags;             /* CLOUD_MOUNT_* */
    apr_int64_t created;        /* seconds */
    apr_int64_t expires;        /* second at which it ends; 0: never */
    const char *password;       /* its hash, or NULL */
    const char *sharer;         /* id of who made it */
    const char *sharer_name;    /* his display name */
    const cloud_account_t *account; /* the view: give this to the verbs */
} cloud_link_t;

/** Registers the feature, for links to be followed. Harmless when repeated. */
void cloud_links_register(void);
void cloud_links_unregister(void);

/** The live link of a token, in pool. NOT_FOUND: there is none, or it has ended, or its item, its owner or
 *  who made it is gone or disabled. */
cloud_err_t *cloud_link_find(cloud_link_t **link, cloud_ctx_t *ctx, const char *token,
                             apr_pool_t *pool);

/** Whether text is the link's password (a slow hash); true for a link without one. */
int cloud_link_opens(const cloud_link_t *link, const char *text);

/** Whether it takes files without letting anybody see what is there. */
int cloud_link_is_drop(const cloud_link_t *link);

/* ---- that the password was shown, for a while ---- */

#define CLOUD_LINK_PROOF_SECONDS (24 * 60 * 60)

/** A text for the browser to keep, which says that the password of the link was shown at now (seconds): it
 *  counts for that link and that password alone. */
cloud_err_t *cloud_link_proof(const char **proof, cloud_ctx_t *ctx, const cloud_link_t *link,
                              apr_int64_t now, apr_pool_t *pool);
/** *good 1 when it is one and is not over yet. */
cloud_err_t *cloud_link_proven(int *good, cloud_ctx_t *ctx, const cloud_link_t *link,
                               const char *proof, apr_int64_t now);

/* ---- addresses that open one file for a while, whatever the password is ---- */

#define CLOUD_LINK_SIGNED_SECONDS (30 * 60)
#define CLOUD_LINK_SIGNATURE 44 /* bytes of one, with its NUL */

typedef struct cloud_link_signer_t cloud_link_signer_t;

/** For addresses of a link; they end with its password. Not inside a transaction. */
cloud_err_t *cloud_link_signer(cloud_link_signer_t **signer, cloud_ctx_t *ctx,
                               const cloud_link_t *link, apr_pool_t *pool);
/** The signature of an encoded path, good until a second; 0 when there is none. */
int cloud_link_sign(char text[CLOUD_LINK_SIGNATURE], const cloud_link_signer_t *signer,
                    const char *path, apr_size_t len, apr_int64_t until);
/** Whether signature is that of the path until then, and now is before. */
int cloud_link_signed(const cloud_link_signer_t *signer, const char *path, apr_int64_t until,
                      const char *signature, apr_int64_t now);

#endif
