/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file share.h
 * Shares: a row says that an item of one account's files is given to an account, to a group, or
 * to who knows a token (a public link), with which permissions and until when. Rows are the only
 * truth; who is a member, what has expired and what a reshare is worth by now is seen when they
 * are read.
 *
 * Numbers stand for accounts and groups, ids for nodes, so renaming anything changes no row.
 *
 * The verbs return errors that say what ownCloud says, and in which way: NOT_FOUND, DENIED and
 * INVALID stand for its codes 404, 403 and 400, which are not always those that one would
 * expect. None of the verbs may be called inside a transaction.
 */
#ifndef CLOUD_SHARE_H
#define CLOUD_SHARE_H

#include "internal.h"

/** Registers feature and settings; harmless when repeated. */
void cloud_shares_register(void);
void cloud_shares_unregister(void);

/* ---- rows ---- */

typedef enum {
    CLOUD_SHARE_USER = 0,
    CLOUD_SHARE_GROUP = 1,
    CLOUD_SHARE_LINK = 3,
    CLOUD_SHARE_REMOTE = 6,       /* of other servers: known, and refused */
    CLOUD_SHARE_REMOTE_GROUP = 7
} cloud_share_type_t;

typedef enum {
    CLOUD_SHARE_ACCEPTED = 0,
    CLOUD_SHARE_PENDING = 1,
    CLOUD_SHARE_REJECTED = 2
} cloud_share_state_t;

/** An account or a group in a share. */
typedef struct {
    apr_int64_t number;
    const char *id, *name;        /* name: what is shown */
    const char *email;            /* of an account, or NULL */
} cloud_share_party_t;

typedef struct {
    apr_int64_t id;
    cloud_share_type_t type;
    cloud_share_party_t recipient; /* of links: number 0, id and name NULL */
    cloud_share_party_t owner, initiator; /* whose tree it is in; who shared it */
    apr_int64_t node;
    unsigned perms;
    unsigned flags;               /* CLOUD_SHARE_NO_DOWNLOAD */
    cloud_share_state_t state;    /* for who asks, where he is the recipient */
    const char *target;           /* name at the recipient's */
    apr_int64_t created;          /* seconds */
    apr_int64_t expires;          /* second at which it ends; 0: never */
    const char *token;            /* of a link */
    int has_password;
    const char *name;             /* of a link, or NULL */
    const char *attributes;       /* JSON array, or NULL */
    int mail_send;
} cloud_share_t;

#define CLOUD_SHARE_NO_DOWNLOAD CLOUD_MOUNT_NO_DOWNLOAD

#define CLOUD_SHARE_DAY (24 * 60 * 60)
/** Second at which shares have expired whose item went; the jobs take them away. */
#define CLOUD_SHARE_ENDED 1

/* ---- making and changing ---- */

/** An attribute of a share: {scope, key, enabled}. */
typedef struct {
    const char *scope, *key;
    int enabled;
} cloud_share_attr_t;

/** What a share is asked to be, or to become. NULL, and has_... 0: not said. */
typedef struct {
    const char *path;             /* only when it is made */
    int type;
    const char *with;             /* id of an account or group */
    int has_perms;
    apr_int64_t perms;
    const char *public_upload;    /* of links: "true" or "false", the old way to say permissions */
    const char *password;         /* of links; "" takes it away */
    const char *expires;          /* the last day, see cloud_share_parse_date(); "": never */
    const char *name;             /* of links */
    const apr_array_header_t *attributes; /* of cloud_share_attr_t */
} cloud_share_ask_t;

/** Shares an item of account's files, in its name. For the account itself and the system. */
cloud_err_t *cloud_share_create(cloud_share_t **share, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const cloud_share_ask_t *ask,
                                apr_pool_t *pool);
/** Changes a share: its owner, who made it, and the system. */
cloud_err_t *cloud_share_update(cloud_share_t **share, cloud_ctx_t *ctx, apr_int64_t id,
                                const cloud_share_ask_t *ask, apr_pool_t *pool);
/** Ends a share: its owner, who made it, and the system. */
cloud_err_t *cloud_share_delete(cloud_ctx_t *ctx, apr_int64_t id);
/** The recipient takes it, or declines; all that he has been given on the same item goes with it.
 *  */
cloud_err_t *cloud_share_respond(cloud_share_t **share, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_int64_t id,
                                 cloud_share_state_t state, apr_pool_t *pool);

/* ---- reading ---- */

/** A share that concerns account: it owns the item, shared it, or received it. NOT_FOUND. */
cloud_err_t *cloud_share_get(cloud_share_t **share, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_int64_t id, apr_pool_t *pool);

typedef enum {
    CLOUD_SHARES_BY,              /* made by the account, */
    CLOUD_SHARES_OF,              /* and also those that others made of its items */
    CLOUD_SHARES_WITH             /* received by the account */
} cloud_shares_which_t;

typedef struct {
    cloud_shares_which_t which;
    const char *path;             /* only those of this item; NULL: all */
    int members;                  /* of the items in the folder path instead */
    unsigned types;               /* bit 1 << type for each type wanted */
    int state;                    /* WITH: only those in this state; -1: in any */
} cloud_share_query_t;

/** Shares (cloud_share_t *) in order of type and id, live ones alone. NOT_FOUND: path; INVALID: it
 *  is no folder. */
cloud_err_t *cloud_share_list(apr_array_header_t **shares, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const cloud_share_query_t *query,
                              apr_pool_t *pool);
/** All shares (cloud_share_t *), of all types, of an account or (NULL) of everybody: for the
 *  system. */
cloud_err_t *cloud_share_all(apr_array_header_t **shares, cloud_ctx_t *ctx,
                             const cloud_account_t *account, apr_pool_t *pool);

/* ---- what somebody shared, for listings (share_types.c) ---- */

/** Types (bits as above) of the shares that ctx->who made, by node. Lives in ctx->pool. */
typedef struct cloud_share_types_t cloud_share_types_t;
/** Before a listing is read that will show them: where all that ctx->who received is looked for, they come by the
 *  same statement, if they are few. */
cloud_share_types_t *cloud_share_types_expect(cloud_ctx_t *ctx);
/** In the transaction of that listing: reads them, if they have not come. One statement, or none. (tx) */
cloud_err_t *cloud_share_types_load(cloud_share_types_t *types);
/** Of one node. */
unsigned cloud_share_types_of(const cloud_share_types_t *types, apr_int64_t node);

/* For who brings them: NULL where account does not expect any; a row, of at most CLOUD_SHARE_TYPES_FEW + 1; and that
 * these were all that was found. */
#define CLOUD_SHARE_TYPES_FEW 32
cloud_share_types_t *cloud_share_types_expected(cloud_ctx_t *ctx, const cloud_account_t *account);
void cloud_share_types_add(cloud_share_types_t *types, apr_int64_t node, apr_int64_t type);
void cloud_share_types_end(cloud_share_types_t *types);

/* ---- who may what (share_rules.c) ---- */

/** Whether account may share at all: sharing is on, and it is in no excluded group. */
cloud_err_t *cloud_share_allowed(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account);
/** Whether account may make public links. */
cloud_err_t *cloud_share_links_allowed(int *yes, cloud_ctx_t *ctx,
                                       const cloud_account_t *account);

/* ---- moving what somebody has to somebody else ---- */

typedef struct {
    const char *folder;           /* the new folder with everything, in the recipient's files */
    int files;                    /* items moved */
} cloud_share_transfer_t;
/** Moves path (NULL: all files) of an account into a new folder of another one, with the shares of
 *  what is moved; those with the new owner end. at_top: into the other one's files themselves, of which there may be
 *  none yet (EXISTS), unless an earlier call for both that did not come to its end put them there: then this one goes on
 *  with it. For the system (DENIED). */
cloud_err_t *cloud_share_transfer(cloud_share_transfer_t *done, cloud_ctx_t *ctx,
                                  const cloud_account_t *from, const cloud_account_t *to,
                                  const char *path, int at_top, apr_pool_t *pool);

/* ---- what they give (share_mounts.c) ---- */

/** Effective permissions of a share of any type by now, and its flags: what its initiator has
 *  himself, with the permission to share. perms 0: nothing any more, or there is no such share.
 *  Expiry of the share itself is not looked at. (tx) */
cloud_err_t *cloud_share_granted(unsigned *perms, unsigned *flags, cloud_ctx_t *ctx,
                                 apr_int64_t share, apr_pool_t *pool);
/** Of all shares with an account and its groups, also such as were not accepted: by id, unsigned. One that is
 *  worth nothing may be missing. One statement. (tx) */
cloud_err_t *cloud_share_granted_all(apr_hash_t **granted, cloud_ctx_t *ctx,
                                     const cloud_account_t *account, apr_pool_t *pool);

/* ---- mails, where the settings let them be sent ---- */

/** Those who get none, by name or address (const char *); and why, where it is that too many mails wait. */
typedef struct {
    apr_array_header_t *who;
    const char *why;
} cloud_share_unsent_t;

/** Tells the recipient of a share (or the members of the group) by mail, with a link to the item. For who shared
 *  and the owner; DENIED, NOT_FOUND. */
cloud_err_t *cloud_share_mail_recipients(cloud_share_unsent_t *unsent, cloud_ctx_t *ctx,
                                         const cloud_account_t *account, apr_int64_t node, int type,
                                         const char *recipient, const char *link);
/** Notes that the recipient was told otherwise. */
cloud_err_t *cloud_share_mark_sent(cloud_ctx_t *ctx, const cloud_account_t *account,
                                   apr_int64_t node, int type, const char *recipient);
/** Sends a public link of the account's to addresses (const char *), with a note that may be NULL.
 *  */
cloud_err_t *cloud_share_mail_link(cloud_share_unsent_t *unsent, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, const char *token,
                                   const char *link, const char *note,
                                   const apr_array_header_t *addresses);

/* ---- between the files of this folder ---- */

extern const cloud_setting_t cloud_share_settings[];

/* share_rows.c: */
/** Share by id, whoever asks; *share NULL when there is none that is live. (tx) */
cloud_err_t *cloud_share_row(cloud_share_t **share, cloud_ctx_t *ctx, apr_int64_t id,
                             apr_pool_t *pool);
/** Gives the folders above the item a new ETag. (tx, write) */
cloud_err_t *cloud_share_touch(cloud_ctx_t *ctx, apr_int64_t node);
/** The same because of what initiator gave. Who shares on what he received sees nothing of the folders above it:
 *  then that in which he sees the item gets one, too. owner, initiator: numbers of accounts. (tx, write) */
cloud_err_t *cloud_share_touch_for(cloud_ctx_t *ctx, apr_int64_t node, apr_int64_t owner,
                                   apr_int64_t initiator);
/** Removes a row with all that hangs on it. (tx, write) */
cloud_err_t *cloud_share_drop(cloud_ctx_t *ctx, apr_int64_t id);

/* share_create.c: */
#define CLOUD_SHARE_NAME_MAX 64   /* characters of a link's name */
/** NOT_FOUND while sharing is switched off, but for the system. */
cloud_err_t *cloud_share_check_enabled(cloud_ctx_t *ctx);

/* share_rules.c: what a share may be. All (tx). */
/** How an update's errors differ: what is DENIED in a creation is INVALID there. */
typedef enum { CLOUD_SHARE_MAKE, CLOUD_SHARE_CHANGE } cloud_share_step_t;
typedef struct {
    cloud_ctx_t *ctx;
    cloud_share_step_t step;
    const cloud_entry_t *entry;   /* the item as who shares it sees it */
    const cloud_account_t *account; /* who shares */
} cloud_share_check_t;
cloud_err_t *cloud_share_refuse(const cloud_share_check_t *check, const char *fmt, ...)
    CLOUD_PRINTF(2, 3);
/** The item may be shared; perms and flags are made what they may be. */
cloud_err_t *cloud_share_check_perms(const cloud_share_check_t *check, unsigned *perms,
                                     apr_int64_t asked, unsigned flags);
/** Permissions of a link out of what was asked for. */
cloud_err_t *cloud_share_link_perms(const cloud_share_check_t *check, apr_int64_t *perms,
                                    const cloud_share_ask_t *ask, int is_dir);
/** *expires: in, what was asked for (0: nothing); out, what it has to be. */
cloud_err_t *cloud_share_check_expiry(const cloud_share_check_t *check, apr_int64_t *expires,
                                      cloud_share_type_t type);
/** Whether a link with these permissions has to have a password. */
cloud_err_t *cloud_share_needs_password(int *yes, cloud_ctx_t *ctx, unsigned perms);
/** Hash of a link's password. INVALID or DENIED, as the step has it, when the policy refuses it.
 *  Slow: (no tx). */
cloud_err_t *cloud_share_hash(const char **hash, const cloud_share_check_t *check,
                              const char *password, apr_pool_t *pool);
/** Whether account may share with this recipient. */
cloud_err_t *cloud_share_check_recipient(const cloud_share_check_t *check,
                                         cloud_share_type_t type, apr_int64_t recipient);

/* share_date.c: */
/** Second at which a share ends whose last day (UTC) this is, seen from now (seconds); *expires 0 when it is no
 *  date. Formats are PHP's, which ownCloud takes: YYYY-MM-DD, DD.MM.YYYY, tomorrow, +2 weeks ... */
void cloud_share_parse_date(apr_int64_t *expires, const char *date, apr_int64_t now);

/* share_values.c: texts to values and back. */
/** Canonical JSON of attributes (NULL when there are none) and the flags that they mean. */
cloud_err_t *cloud_share_attributes(const char **json, unsigned *flags,
                                    const apr_array_header_t *attributes, apr_pool_t *pool);
/** Whether a list of groups (blacklisted_receiver_groups), up to NULL, has this one: by its id, or
 *  as ownCloud writes it, "backend::id". */
int cloud_share_names_group(const char *const *list, const char *id);
/** A new token for a link. */
cloud_err_t *cloud_share_token(const char **token, apr_pool_t *pool);

/* share_notify.c: notices, where a feature takes them. All (tx, write). */
/** Tells those who have to answer: user, or the members of the group. */
cloud_err_t *cloud_share_announce(cloud_ctx_t *ctx, const cloud_share_t *s,
                                  const cloud_account_t *user);
/** A step of the job: tells more members of a large group, in a transaction of its own; *more 1: there may be others. By the
 *  system. (no tx) */
cloud_err_t *cloud_share_announce_more(int *more, cloud_ctx_t *ctx);
/** There is nothing to answer any more: for account, or (NULL) for anybody. */
cloud_err_t *cloud_share_unannounce(cloud_ctx_t *ctx, apr_int64_t id,
                                    const cloud_account_t *account);
/** Tells who shared what account answered. */
cloud_err_t *cloud_share_answered(cloud_ctx_t *ctx, const cloud_share_t *s,
                                  const cloud_account_t *account);

/* share_below.c */
/** Nodes of owner's that are shared, by whomever, and are folder or below it; in ctx's pool. (tx) */
cloud_err_t *cloud_share_items_below(apr_array_header_t **nodes, cloud_ctx_t *ctx, apr_int64_t owner,
                                     apr_int64_t folder);
/** Of folder and what is below it the folders that account put received items in. (tx) */
cloud_err_t *cloud_share_places_below(apr_array_header_t **folders, cloud_ctx_t *ctx,
                                      apr_int64_t account, apr_int64_t folder);

/* share_life.c */
typedef cloud_err_t *cloud_share_id_fn(void *baton, cloud_ctx_t *ctx, apr_int64_t id);
/** Calls fn for each share of the entry and, of a folder, of what is below it, by whomever it was made. fn may
 *  change and drop it. (tx) */
cloud_err_t *cloud_share_each_below(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                                    cloud_share_id_fn *fn, void *baton);
/* The feature's hooks: */
cloud_err_t *cloud_share_leaves(cloud_ctx_t *ctx, const cloud_entry_t *entry, const cloud_entry_t *to,
                                apr_pool_t *pool);
cloud_err_t *cloud_share_purged(cloud_ctx_t *ctx, apr_int64_t node);
cloud_err_t *cloud_share_account_deleted(cloud_ctx_t *ctx, const cloud_account_t *account);
cloud_err_t *cloud_share_group_deleted(cloud_ctx_t *ctx, const cloud_group_t *group);
cloud_err_t *cloud_share_member_left(cloud_ctx_t *ctx, apr_int64_t group, apr_int64_t account);
cloud_err_t *cloud_share_maintain(cloud_ctx_t *ctx, int *more);

/* share_target.c: */
/** A name for what recipient gets and does not have to accept: that of the item, with a number where he has
 *  another item of that name in the folder of what he receives. (tx) */
cloud_err_t *cloud_share_unique_target(const char **target, cloud_ctx_t *ctx,
                                       const cloud_account_t *recipient, const char *name,
                                       apr_int64_t node, int is_dir, apr_pool_t *pool);
/** account, which asks, takes what it did not have: where it was when it was left, or else in the folder of what it
 *  receives, it gets a number if something is called so by now, and keeps that name. (tx, write) */
cloud_err_t *cloud_share_keep_name(cloud_ctx_t *ctx, const cloud_account_t *account,
                                   cloud_share_t *s, apr_pool_t *pool);
/** account, which asks, is about to leave an item: it will be where it is if it is taken again. (tx, write) */
cloud_err_t *cloud_share_keep_place(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    apr_int64_t node);
/** Where an item was that account left, with a slash before it; NULL: where anything is that it receives. (tx) */
cloud_err_t *cloud_share_kept_path(const char **path, cloud_ctx_t *ctx,
                                   const cloud_account_t *account, apr_int64_t node,
                                   apr_pool_t *pool);

/* share_follow.c: */
/** What is at entry, seen through a mount, is about to be deleted, since who sees it moved it to to, which is a copy: what
 *  he shared of it he shares of that. Others' shares of it end. (tx, write) */
cloud_err_t *cloud_share_follow(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                                const cloud_entry_t *to);

/* share_receive.c: */
/** Puts an item into a folder of account's, by its number. (tx, write) */
cloud_err_t *cloud_share_put(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t node,
                             apr_int64_t folder, const char *name);
/** What an account says of all that it was given on an item. (tx, write) */
cloud_err_t *cloud_share_set_state(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t node,
                                   cloud_share_state_t state);
/** Who is given an item now, or takes it, finds it: a place in a folder that is in nobody's files any more (it is
 *  in the trash) is forgotten, and the item is where what one receives is. recipient: an account or a group.
 *  (tx, write) */
cloud_err_t *cloud_share_bring_back(cloud_ctx_t *ctx, cloud_share_type_t type,
                                    apr_int64_t recipient, apr_int64_t node);
/** Forgets the places at or below a folder in which an account (its number) put what it received: all that is
 *  where what one receives is. (tx, write) */
cloud_err_t *cloud_share_forget_places(cloud_ctx_t *ctx, apr_int64_t account, apr_int64_t folder);
/** Hooks of the feature. A folder that went to somebody else's files has no places of its former owner's: those that
 *  slept while it was in the trash are forgotten. */
cloud_err_t *cloud_share_changed(cloud_ctx_t *ctx, const char *op, const cloud_entry_t *entry,
                                 const cloud_entry_t *from, apr_pool_t *pool);
cloud_err_t *cloud_share_mount_moved(cloud_ctx_t *ctx, const cloud_account_t *account,
                                     const cloud_mount_t *m, apr_int64_t parent,
                                     const char *name);
cloud_err_t *cloud_share_mount_left(cloud_ctx_t *ctx, const cloud_account_t *account,
                                    const cloud_mount_t *m);

/* share_check.c: the hook. */
cloud_err_t *cloud_share_check(cloud_ctx_t *ctx, const cloud_account_t *account, int repair,
                               cloud_finding_fn *found, void *baton, apr_pool_t *pool);

/* share_mounts.c: the hook. */
cloud_err_t *cloud_share_mounts(cloud_ctx_t *ctx, const cloud_account_t *account,
                                const cloud_mount_query_t *query, cloud_mount_fn *fn, void *baton,
                                apr_pool_t *pool);

#endif
