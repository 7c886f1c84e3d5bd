/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file settings.h
 * Settings in three layers: built-in default < database (cloudctl config) < configuration file.
 * One table declares each; features add theirs with cloud_settings_declare().
 */
#ifndef CLOUD_SETTINGS_H
#define CLOUD_SETTINGS_H

#include "store.h"

typedef enum { CLOUD_SET_BOOL, CLOUD_SET_INT, CLOUD_SET_SIZE, CLOUD_SET_STRING, CLOUD_SET_LIST }
    cloud_set_type_t;

typedef struct {
    const char *app;       /* ownCloud's app id, "system" for config.php's keys */
    const char *key;       /* ownCloud's key */
    cloud_set_type_t type;
    const char *def;       /* default, as text */
    apr_int64_t min, max;  /* for INT and SIZE; both 0: no bounds */
    const char *help;
} cloud_setting_t;

/** Declares settings, before any store is opened; the array ends with app NULL and must live for
 *  ever. Declaring the same array again is harmless. */
CLOUD_API void cloud_settings_declare(const cloud_setting_t *table);
/** Forgets a table whose module is about to be unloaded; no store may be open. */
CLOUD_API void cloud_settings_undeclare(const cloud_setting_t *table);
/** The declaration, or NULL. */
CLOUD_API const cloud_setting_t *cloud_setting_find(const char *app, const char *key);
/** Checks a value; INVALID says what is wrong. Booleans: yes/no/true/false/on/off/1/0; sizes
 *  "none", "5 GB", "512MiB"... */
CLOUD_API cloud_err_t *cloud_setting_check(const cloud_setting_t *s, const char *value,
                                           apr_pool_t *pool);

/** What another setting is: text, or NULL for its default. */
typedef const char *cloud_setting_peer_fn(void *baton, const char *app, const char *key);
/** Checks numbers that have to be in an order, such as a low mark and a high one: those that app/key
 *  is one of, or (NULL) all. INVALID says what is wrong. */
CLOUD_API cloud_err_t *cloud_settings_check_order(const char *app, const char *key,
                                                  cloud_setting_peer_fn *peer, void *baton,
                                                  apr_pool_t *pool);

typedef enum { CLOUD_LAYER_DEFAULT, CLOUD_LAYER_DATABASE, CLOUD_LAYER_FILE } cloud_layer_t;

/** Effective value as text and (layer may be NULL) where it comes from. Changes made by any
 *  process are seen at once. Unknown keys: NULL, default layer. The string lives in ctx->pool. */
CLOUD_API cloud_err_t *cloud_setting_get(const char **value, cloud_layer_t *layer,
                                         cloud_ctx_t *ctx, const char *app, const char *key);
/** The same by type; a key that is not declared, or as another type, is INTERNAL. */
CLOUD_API cloud_err_t *cloud_setting_bool(int *value, cloud_ctx_t *ctx, const char *app,
                                          const char *key);
CLOUD_API cloud_err_t *cloud_setting_int(apr_int64_t *value, cloud_ctx_t *ctx, const char *app,
                                         const char *key);
/** LIST: JSON array or comma-separated; gives a NULL-terminated array. */
CLOUD_API cloud_err_t *cloud_setting_list(const char ***value, cloud_ctx_t *ctx, const char *app,
                                          const char *key);
/** Database layer, for the system alone (DENIED). Unknown key or bad value: INVALID. value NULL
 *  deletes. Not inside a transaction. */
CLOUD_API cloud_err_t *cloud_setting_set(cloud_ctx_t *ctx, const char *app, const char *key,
                                         const char *value);
/** Calls fn for every declared setting, in order of app and key. */
typedef cloud_err_t *cloud_setting_fn(void *baton, const cloud_setting_t *s, const char *value,
                                      cloud_layer_t layer, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_setting_each(cloud_ctx_t *ctx, cloud_setting_fn *fn, void *baton);

/** "5 GB", "1.5 GiB", "100", "none" (-3): bytes. ownCloud's units are binary. */
CLOUD_API cloud_err_t *cloud_size_parse(apr_int64_t *bytes, const char *text, apr_pool_t *pool);
/** The shortest text that cloud_size_parse() reads as exactly so many bytes: "5 GB", "1.5 MB",
 *  "1001 B". */
CLOUD_API const char *cloud_size_text(apr_int64_t bytes, apr_pool_t *pool);

#endif
