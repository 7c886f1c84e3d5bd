/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file settings_private.h
 * What the files of the settings share: the built-in table and values.
 */
#ifndef CLOUD_SETTINGS_PRIVATE_H
#define CLOUD_SETTINGS_PRIVATE_H

#include "internal.h"

/** The settings of the foundation itself; ends with app NULL. */
extern const cloud_setting_t cloud_settings_core[];

/** Two numbers of which low has to be less than high; ends with app NULL. */
typedef struct {
    const char *app, *low, *high;
} cloud_setting_order_t;
extern const cloud_setting_order_t cloud_settings_order[];

/** A value in the form in which it is asked for. */
typedef struct {
    apr_int64_t number;     /* BOOL, INT, SIZE */
    const char **list;      /* LIST: ends with NULL */
} cloud_setting_value_t;

/** Parses and checks text: INVALID says what is wrong. */
cloud_err_t *cloud_setting_parse(cloud_setting_value_t *value, const cloud_setting_t *s,
                                 const char *text, apr_pool_t *pool);

#endif
