/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The feature: its tables and what it does when accounts, groups and nodes go. */
#include "share.h"

/* type, state: share.h. recipient: number of an account or a group, 0 for links. owner: whose tree
 * the node is in; initiator: who shared it. state of a group share is that of members who said
 * nothing themselves. target: name that the item gets at the recipient's. expires: second at which
 * it ends. share_member: what one member says of a group share. share_place: where somebody put
 * what he received, if not in the share folder. share_announce: group shares of which only members up to this
 * number were told yet. share_transfer: whose files are on their way to whose, and not all are there yet. */
static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS share (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " type INTEGER NOT NULL, recipient INTEGER NOT NULL, node INTEGER NOT NULL,"
    " owner INTEGER NOT NULL, initiator INTEGER NOT NULL, perms INTEGER NOT NULL,"
    " state INTEGER NOT NULL, flags INTEGER NOT NULL DEFAULT 0, target TEXT NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER, token TEXT, password TEXT, name TEXT,"
    " attributes TEXT, mail_send INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX IF NOT EXISTS share_recipient ON share (type, recipient, target);"
    "CREATE INDEX IF NOT EXISTS share_node ON share (node, type, recipient);"
    "DROP INDEX IF EXISTS share_owner;" /* what versions before this one had */
    "CREATE INDEX IF NOT EXISTS share_owned ON share (owner, node);"
    "CREATE INDEX IF NOT EXISTS share_by ON share (initiator, node, type, expires);"
    "DROP INDEX IF EXISTS share_initiator;"
    "CREATE INDEX IF NOT EXISTS share_expires ON share (expires) WHERE expires IS NOT NULL;"
    "CREATE UNIQUE INDEX IF NOT EXISTS share_token ON share (token) WHERE token IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS share_member (share INTEGER NOT NULL, account INTEGER NOT NULL,"
    " state INTEGER NOT NULL, PRIMARY KEY (share, account)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS share_member_account ON share_member (account);"
    "CREATE TABLE IF NOT EXISTS share_announce (share INTEGER PRIMARY KEY, told INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS share_place (account INTEGER NOT NULL, node INTEGER NOT NULL,"
    " parent INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, node)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS share_place_parent ON share_place (parent);"
    "CREATE INDEX IF NOT EXISTS share_place_node ON share_place (node);"
    "CREATE TABLE IF NOT EXISTS share_transfer (source INTEGER NOT NULL, target INTEGER NOT NULL,"
    " PRIMARY KEY (source, target)) WITHOUT ROWID;";

static const cloud_feature_t FEATURE = {
    .name = "shares",
    .schema = SCHEMA,
    .purged = cloud_share_purged,
    .account_deleted = cloud_share_account_deleted,
    .group_deleted = cloud_share_group_deleted,
    .member_left = cloud_share_member_left,
    .maintain = cloud_share_maintain,
    .leaves = cloud_share_leaves,
    .changed = cloud_share_changed,
    .check = cloud_share_check,
    .mounts = cloud_share_mounts,
    .mount_moved = cloud_share_mount_moved,
    .mount_left = cloud_share_mount_left,
};

void cloud_shares_register(void)
{
    cloud_settings_declare(cloud_share_settings);
    cloud_feature_register(&FEATURE);
}

void cloud_shares_unregister(void)
{
    cloud_feature_unregister(&FEATURE);
    cloud_settings_undeclare(cloud_share_settings);
}
