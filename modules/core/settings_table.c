/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The settings that the foundation reads, under the names that ownCloud gave them where it has
 * them. Features declare their own with cloud_settings_declare(). */
#include "settings_private.h"

#define DAY (24 * 60 * 60)

const cloud_setting_t cloud_settings_core[] = {
    { "core", "lock_timeout_default", CLOUD_SET_INT, "1800", 1, 366 * DAY,
      "Seconds that a WebDAV lock lasts when the client does not say" },
    { "core", "lock_timeout_max", CLOUD_SET_INT, "86400", 1, 366 * DAY,
      "Seconds that a WebDAV lock lasts at most without being refreshed" },
    { "files", "default_quota", CLOUD_SET_SIZE, "none", 0, 0,
      "Quota of accounts that have none of their own: \"none\" or a size such as \"5 GB\"" },
    { "system", "allow_subadmins", CLOUD_SET_BOOL, "false", 0, 0,
      "Whether the subadmins of a group manage its members" },
    { "system", "allow_user_to_change_display_name", CLOUD_SET_BOOL, "true", 0, 0,
      "Whether people may change their own display name" },
    { "system", "allow_user_to_change_mail_address", CLOUD_SET_BOOL, "true", 0, 0,
      "Whether people may change their own e-mail address" },
    { "system", "blacklisted_files", CLOUD_SET_LIST, "[\".htaccess\"]", 0, 0,
      "File names that are refused, in any case of letters" },
    { "system", "cache_chunk_gc_ttl", CLOUD_SET_INT, "604800", 2 * DAY, 366 * DAY,
      "Seconds after which an upload that nobody went on with is given up" },
    { "system", "changelog_expire_days", CLOUD_SET_INT, "90", 0, 36500,
      "How many days the log of changes (who, when, what) is kept; 0 keeps it for ever" },
    { "system", "dav.propfind.depth_infinity", CLOUD_SET_BOOL, "false", 0, 0,
      "Whether clients may list a whole tree with one request" },
    { "system", "default_language", CLOUD_SET_STRING, "en", 0, 0,
      "Language of those who have chosen none" },
    { "system", "hashingCost", CLOUD_SET_INT, "10", 4, 16,
      "Cost of the hash of passwords (bcrypt): one more doubles the time for each login" },
    { "system", "maintenance", CLOUD_SET_BOOL, "false", 0, 0,
      "Whether every request is answered with 503, so that clients wait" },
    { "system", "pollinterval", CLOUD_SET_INT, "30000", 1000, 86400000,
      "Milliseconds between two questions of a desktop client whether anything changed" },
    { "system", "retention_disk_high", CLOUD_SET_INT, "95", 1, 100,
      "Percent of the disk in use from which on old versions and trash are removed to make room" },
    { "system", "retention_disk_low", CLOUD_SET_INT, "90", 0, 99,
      "Percent of the disk in use down to which they are removed then" },
    { "system", "version.hide", CLOUD_SET_BOOL, "false", 0, 0,
      "Whether status.php keeps the version to itself" },
    { NULL, NULL, CLOUD_SET_BOOL, NULL, 0, 0, NULL },
};

const cloud_setting_order_t cloud_settings_order[] = {
    { "system", "retention_disk_low", "retention_disk_high" },
    { NULL, NULL, NULL },
};
