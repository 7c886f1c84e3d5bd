/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file access.h
 * Entries (a node with the effective permissions of who asks) and the one access decision.
 */
#ifndef CLOUD_ACCESS_H
#define CLOUD_ACCESS_H

#include "account.h"
#include "digest.h"

/** Permission bits of ownCloud (interfaces A3). */
#define CLOUD_PERM_READ   1u
#define CLOUD_PERM_UPDATE 2u
#define CLOUD_PERM_CREATE 4u
#define CLOUD_PERM_DELETE 8u
#define CLOUD_PERM_SHARE  16u
#define CLOUD_PERM_ALL    31u
/** Of a mount itself: whoever received it may rename, move and leave it, whatever he may do in it. */
#define CLOUD_PERM_PLACE  32u

typedef enum {
    CLOUD_KIND_FILE = 0,
    CLOUD_KIND_DIR = 1,
    CLOUD_KIND_ROOT = 2,   /* files root of an account */
    CLOUD_KIND_PURGE = 3,  /* root of what is deleted and waits for the job that unlinks it */
    CLOUD_KIND_TRASH = 4,  /* trash root (a feature's): its disk name is its directory below the
                              account's, where each child lies in a directory named by its id */
    CLOUD_KIND_MOUNT = 5,  /* received share or other mount (a feature's) */
    CLOUD_KIND_BULK = 6    /* detached root under which bulk work builds a tree */
} cloud_kind_t;

#define CLOUD_NODE_PROPS    1u /* has dead properties */
#define CLOUD_NODE_FAVORITE 2u /* is, or was once, somebody's favorite */

/** A row of the tree. */
typedef struct {
    apr_int64_t id;        /* file id for life, never reused, below 2^53 */
    apr_int64_t parent;    /* 0 for roots */
    const char *name;      /* NFC */
    const char *disk;      /* bytes as given and on disk; equals name mostly. Never NULL */
    cloud_kind_t kind;
    apr_int64_t etag;      /* change number */
    apr_int64_t size;      /* of a folder: recursive */
    apr_int64_t mtime;     /* seconds, as clients gave it */
    apr_int64_t created;   /* seconds */
    apr_uint64_t ino;      /* identity of the content on disk: inode, */
    apr_int64_t ino_mtime; /* its mtime in ns, */
    apr_int64_t btime;     /* its birth time in ns, 0 where unknown */
    cloud_sums_t sums;
    unsigned flags;
} cloud_node_t;

/** True for folders of every kind. */
#define CLOUD_IS_DIR(node) ((node)->kind != CLOUD_KIND_FILE)

/** A place in an account's files, and what is there. */
typedef struct {
    const cloud_account_t *account; /* whose space the path is in */
    const char *path;               /* as asked, "" for the root; segments joined by '/' */
    const char *name;               /* last segment as asked; "" for the root */
    int exists;
    int has_parent;                 /* the parent exists and is a folder (always for the root) */
    cloud_node_t node;              /* when exists */
    cloud_node_t parent;            /* when has_parent and not the root; of a mount: the folder of
                                     * the account that it is shown in */
    apr_int64_t etag;               /* when exists: as seen by who asks. Not node.etag for folders
                                     * seen through a mount or with mounts at or below them */
    unsigned perms;                 /* effective on node; on the parent when !exists */
    int barred;                     /* the account that asks was disabled or deleted */
    int kept;                       /* perms lack deleting and sharing for this folder alone: it holds what
                                     * the account receives */
    int mounted;                    /* 'M': mount or below */
    int shared;                     /* 'S' */
    const struct cloud_mount_t *mount; /* that the path goes through (or the view); NULL: own tree */
    int mount_root;                 /* the entry is the mount itself */
    apr_size_t mount_len;           /* bytes of path up to the end of the mount's name; 0 in a view */
    apr_int64_t tree;               /* node id of the root of the tree the node really is in */
    const cloud_account_t *owner;   /* owner of that tree */
    const apr_int64_t *chain;       /* node ids from tree root to the parent of node, both included;
                                     * through a mount those of its owner's tree */
    int chain_len;
    const char *folder;             /* where the parent lies on disk, below accounts/; when
                                     * has_parent and not the root */
} cloud_entry_t;

/** Finds path in the account's files, through mounts, by NFC name. A missing node is no error
 *  (entry->exists 0); bad segments are INVALID_NAME; an account directory that is not there
 *  (disk not mounted) is UNAVAILABLE. Access is not decided here, but perms are filled in for
 *  ctx->who. */
CLOUD_API cloud_err_t *cloud_resolve(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                     const cloud_account_t *account, const char *path,
                                     apr_pool_t *pool);
/** Path of a node by its id inside the account's files, as far as ctx->who may see it; NOT_FOUND. */
CLOUD_API cloud_err_t *cloud_resolve_id(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                        const cloud_account_t *account, apr_int64_t id,
                                        apr_pool_t *pool);

/** What an entry is called to who asks: of a mount his own name for it, since the item's is the owner's
 *  alone; otherwise cloud_name_shown(). "" for a root. */
CLOUD_API const char *cloud_entry_shown_name(const cloud_entry_t *entry, apr_pool_t *pool);

typedef enum {
    CLOUD_OP_LIST,      /* PROPFIND, list */
    CLOUD_OP_READ,      /* content */
    CLOUD_OP_WRITE,     /* new content of an existing file, its properties and times */
    CLOUD_OP_CREATE,    /* new entry in entry->parent */
    CLOUD_OP_DELETE,
    CLOUD_OP_FORGET,    /* destroy an old version of it; whoever may only leave it may not */
    CLOUD_OP_RENAME,    /* leave its place */
    CLOUD_OP_LOCK
} cloud_op_t;

/** The one access decision (DESIGN promise 4). DENIED; NOT_FOUND where not even the existence
 *  may be told. */
CLOUD_API cloud_err_t *cloud_access(cloud_ctx_t *ctx, const cloud_entry_t *entry, cloud_op_t op);

/** oc:permissions letters of an entry (clients 2.3), e.g. "RDNVCK"; perms may have CLOUD_PERM_PLACE. */
CLOUD_API const char *cloud_perm_letters(unsigned perms, int is_dir, int shared, int mounted, apr_pool_t *pool);

/** ETag as its clients see it, without quotes: of an entry or a child of a listing by its etag; of a
 *  node that is not seen in files (in a bin, an old version) by its row. buf of CLOUD_ETAG_MAX bytes. */
#define CLOUD_ETAG_MAX 48
CLOUD_API const char *cloud_etag_text(char *buf, apr_int64_t etag);
CLOUD_API const char *cloud_etag(char *buf, const cloud_node_t *node);
/** Number of an ETag made by these (quotes and W/ stripped); -1 when it can't be one. */
CLOUD_API apr_int64_t cloud_etag_parse(const char *etag);
/** oc:id: zero-padded id and instance id. buf of CLOUD_FILEID_MAX bytes. */
#define CLOUD_FILEID_MAX 64
CLOUD_API const char *cloud_fileid(char *buf, const cloud_store_t *store, apr_int64_t id);
/** The id that text of len bytes names, as oc:fileid or as oc:id have it; 0 when it is neither. */
CLOUD_API apr_int64_t cloud_fileid_parse(const char *text, apr_size_t len, const cloud_store_t *store);

#endif
