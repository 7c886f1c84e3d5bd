/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the server's configuration file fixes, written into the data directory by the server, so
 * that a command line that is given nothing but the data directory works on the same database, with
 * the same durability, and sees the same settings. */
#include "store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#define CONF_FILE "/.cloud/conf.json"

static const char *conf_path(const cloud_store_conf_t *conf, apr_pool_t *pool)
{
    return apr_pstrcat(pool, conf->data_dir, CONF_FILE, NULL);
}

/* ---- saving ---- */

/* key is "app\nkey". */
static int add_setting(void *settings, const char *key, const char *value)
{
    const char *newline = strchr(key, '\n');
    char app[256];
    json_t *of_app;

    if (!newline || newline - key >= (long)sizeof app) return 1;
    apr_cpystrn(app, key, (apr_size_t)(newline - key) + 1);
    of_app = json_object_get(settings, app);
    if (!of_app) {
        of_app = json_object();
        json_object_set_new(settings, app, of_app);
    }
    json_object_set_new(of_app, newline + 1, json_string(value));
    return 1;
}

static json_t *to_json(const cloud_store_conf_t *conf)
{
    json_t *root = json_object(), *settings = json_object();

    if (conf->settings) apr_table_do(add_setting, settings, conf->settings, NULL);
    if (conf->database) json_object_set_new(root, "database", json_string(conf->database));
    json_object_set_new(root, "durability",
                        json_string(conf->durability == CLOUD_DURABILITY_RELAXED ? "relaxed"
                                                                                 : "full"));
    json_object_set_new(root, "settings", settings);
    return root;
}

cloud_err_t *cloud_conf_save(const cloud_store_conf_t *conf, apr_pool_t *pool)
{
    const char *path = conf_path(conf, pool);
    json_t *json = to_json(conf), *there = json_load_file(path, 0, NULL);
    int same = there && json_equal(json, there);
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
    cloud_err_t *err = NULL;

    json_decref(json);
    json_decref(there);
    if (!text) return cloud_err(pool, CLOUD_E_INTERNAL, "The configuration is not UTF-8");
    if (!same) err = cloud_write_file(path, apr_pstrcat(pool, text, "\n", NULL), pool);
    free(text);
    return err;
}

/* ---- loading ---- */

static void load_settings(cloud_store_conf_t *conf, json_t *settings, apr_pool_t *pool)
{
    const char *app, *key;
    json_t *of_app, *value;

    conf->settings = apr_table_make(pool, 8);
    json_object_foreach(settings, app, of_app)
        json_object_foreach(of_app, key, value)
            if (json_is_string(value))
                apr_table_set(conf->settings, apr_pstrcat(pool, app, "\n", key, NULL),
                              json_string_value(value));
}

cloud_err_t *cloud_conf_load(cloud_store_conf_t *conf, apr_pool_t *pool)
{
    const char *path = conf_path(conf, pool), *text;
    json_error_t problem;
    json_t *json;

    if (access(path, F_OK) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return NULL;
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "%s", path);
    }
    json = json_load_file(path, 0, &problem);
    if (!json)
        return cloud_err(pool, CLOUD_E_UNAVAILABLE, "%s, line %d: %s", path, problem.line,
                         problem.text);
    text = json_string_value(json_object_get(json, "database"));
    if (text) conf->database = apr_pstrdup(pool, text);
    text = json_string_value(json_object_get(json, "durability"));
    if (text && strcmp(text, "relaxed") == 0) conf->durability = CLOUD_DURABILITY_RELAXED;
    load_settings(conf, json_object_get(json, "settings"), pool);
    json_decref(json);
    return NULL;
}
