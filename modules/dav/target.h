/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file target.h
 * What a DAV URL names: a space and a place in it. Request-free.
 */
#ifndef CLOUD_DAV_TARGET_H
#define CLOUD_DAV_TARGET_H

#include "account.h"

typedef enum {
    CLOUD_DAV_PARENT,    /* a collection above the spaces: remote.php/dav, dav/files, dav/uploads */
    CLOUD_DAV_FILES,     /* remote.php/webdav/... and remote.php/dav/files/<id>/...; of a view:
                            public.php/webdav/... and remote.php/dav/public-files/<token>/... */
    CLOUD_DAV_UPLOADS,   /* remote.php/dav/uploads/<id>: the collection of sessions */
    CLOUD_DAV_SESSION,   /* .../<session> */
    CLOUD_DAV_CHUNK,     /* .../<session>/<chunk> */
    CLOUD_DAV_ASSEMBLY,  /* .../<session>/.file: what the chunks will be */
    CLOUD_DAV_SPACE      /* remote.php/dav/<name>/...: a feature's (space.h) */
} cloud_dav_kind_t;

struct cloud_dav_space_t;

typedef struct {
    cloud_dav_kind_t kind;
    const char *uri;       /* decoded URL path as the client spelled it */
    const char *base;      /* its first part, up to the root of the space, decoded, without a slash
                              at the end: "/owncloud/remote.php/dav/files/Alice",
                              ".../dav/uploads/Alice"; PARENT: all of it */
    const char *base_href; /* base, percent-encoded */
    const char *user;      /* id as spelled in the URL, or the token of a view; NULL for webdav/ and
                              PARENT */
    int view;              /* FILES: those of a view, whatever account is logged in */
    const char *path;      /* FILES: path in the account, "" is the root; SPACE: what follows its
                              root; "" otherwise */
    const struct cloud_dav_space_t *space; /* SPACE */
    const char *session;   /* SESSION, CHUNK, ASSEMBLY */
    const char *chunk;     /* CHUNK */
    int slash;             /* the URL ended with '/' */
    const cloud_account_t *account; /* whose space; set when the request enters it */
} cloud_dav_target_t;

/** Parses uri (decoded path) below base ("/" or "/owncloud/"). *t is NULL when it is not a DAV URL;
 *  NOT_FOUND for a space that does not exist, INVALID_NAME for segments that can't be names. */
cloud_err_t *cloud_dav_target_parse(cloud_dav_target_t **t, const char *base, const char *uri,
                                    apr_pool_t *pool);

/** Decoded path of a URI in a header: an absolute path, or a URI with scheme and host (*host; NULL
 *  for a path). Decoded once, '+' stays what it is; an encoded slash or NUL, a query, a fragment, a
 *  relative reference: INVALID. */
cloud_err_t *cloud_dav_uri_path(const char **path, const char **host, const char *uri,
                                apr_pool_t *pool);

/** Percent-encoded href of path in t's space (FILES) with a slash at the end for collections. */
const char *cloud_dav_href(const cloud_dav_target_t *t, const char *path, int is_dir,
                           apr_pool_t *pool);
/** href of the target itself. */
const char *cloud_dav_self_href(const cloud_dav_target_t *t, int is_dir, apr_pool_t *pool);

#endif
