/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file share.h
 * Shares: a row says that an item of one account's files is given to an account, to a group, or to
 * who knows a token (a public link), with which permissions and until when. Rows are the only truth;
 * who is a member, what has expired and what a reshare is worth by now is seen when they are read.
 *
 * Numbers stand for accounts and groups, ids for nodes, so renaming anything changes no row.
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
    CLOUD_SHARE_LINK = 3
} cloud_share_type_t;

typedef enum {
    CLOUD_SHARE_ACCEPTED = 0,
    CLOUD_SHARE_PENDING = 1,
    CLOUD_SHARE_REJECTED = 2
} cloud_share_state_t;

/* ---- between the files of this folder ---- */

extern const cloud_setting_t cloud_share_settings[];

#endif
