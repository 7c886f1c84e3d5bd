/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl config ...: settings, and where each value comes from. */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#include "settings.h"

static const char *const LAYERS[] = {
    [CLOUD_LAYER_DEFAULT] = "default",
    [CLOUD_LAYER_DATABASE] = "database",
    [CLOUD_LAYER_FILE] = "file",
};

/* A value in the type that it has. Text that is not what its type wants stays text. */
static json_t *value_json(const ctl_t *ctl, const cloud_setting_t *s, const char *value)
{
    cloud_set_type_t type = s ? s->type : CLOUD_SET_STRING;
    json_t *json = NULL;
    char *end;

    if (value && type == CLOUD_SET_BOOL)
        return json_boolean(strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0
                            || strcasecmp(value, "yes") == 0 || strcasecmp(value, "on") == 0);
    if (value && type == CLOUD_SET_INT) {
        apr_int64_t n = apr_strtoi64(value, &end, 10);
        if (*value && !*end) return json_integer(n);
    }
    if (value && type == CLOUD_SET_LIST) json = json_loads(value, 0, NULL);
    return json ? json : ctl_string(ctl, value);
}

static json_t *setting_json(const ctl_t *ctl, const cloud_setting_t *s, const char *value,
                            cloud_layer_t layer)
{
    return json_pack("{s:s,s:s,s:o,s:s,s:o,s:s}", "app", s->app, "key", s->key, "value",
                     value_json(ctl, s, value), "layer", LAYERS[layer], "default",
                     value_json(ctl, s, s->def), "help", s->help ? s->help : "");
}

static cloud_err_t *declared(const cloud_setting_t **s, ctl_t *ctl)
{
    *s = cloud_setting_find(ctl->args[0], ctl->args[1]);
    if (*s) return NULL;
    return cloud_err(ctl->pool, CLOUD_E_INVALID,
                     "There is no setting %s %s; \"cloudctl config list\" shows all",
                     ctl->args[0], ctl->args[1]);
}

static cloud_err_t *config_get(ctl_t *ctl)
{
    const cloud_setting_t *s;
    cloud_layer_t layer;
    const char *value;

    CLOUD_ERR(declared(&s, ctl));
    CLOUD_ERR(cloud_setting_get(&value, &layer, ctl->ctx, s->app, s->key));
    if (ctl->json) ctl->out = setting_json(ctl, s, value, layer);
    ctl_print(ctl, "%s", value ? value : "");
    return NULL;
}

/* The database layer was changed; the value in force may be another one. */
static cloud_err_t *after_change(ctl_t *ctl, const cloud_setting_t *s)
{
    cloud_layer_t layer;
    const char *value;

    CLOUD_ERR(cloud_setting_get(&value, &layer, ctl->ctx, s->app, s->key));
    if (ctl->json) ctl->out = setting_json(ctl, s, value, layer);
    if (layer == CLOUD_LAYER_FILE)
        ctl_note(ctl, "the configuration file of the server fixes %s %s: \"%s\" stays in force",
                 s->app, s->key, value);
    return NULL;
}

static cloud_err_t *config_set(ctl_t *ctl)
{
    const cloud_setting_t *s;

    CLOUD_ERR(declared(&s, ctl));
    CLOUD_ERR(cloud_setting_set(ctl->ctx, s->app, s->key, ctl->args[2]));
    return after_change(ctl, s);
}

static cloud_err_t *config_delete(ctl_t *ctl)
{
    const cloud_setting_t *s;

    CLOUD_ERR(declared(&s, ctl));
    CLOUD_ERR(cloud_setting_set(ctl->ctx, s->app, s->key, NULL));
    return after_change(ctl, s);
}

static cloud_err_t *list_one(void *baton, const cloud_setting_t *s, const char *value,
                             cloud_layer_t layer, apr_pool_t *pool)
{
    ctl_t *ctl = baton;
    const char *app = ctl_arg(ctl, 0);

    if (app && strcmp(app, s->app) != 0) return NULL;
    if (ctl->json) json_array_append_new(ctl->out, setting_json(ctl, s, value, layer));
    ctl_print(ctl, "%-8s %-28s %-28s %s", s->app, s->key, value ? value : "", LAYERS[layer]);
    if (ctl->verbose && s->help) ctl_print(ctl, "         %s", s->help);
    return NULL;
}

static cloud_err_t *config_list(ctl_t *ctl)
{
    ctl->out = json_array();
    return cloud_setting_each(ctl->ctx, list_one, ctl);
}

const ctl_cmd_t ctl_config_cmds[] = {
    { "config list", "[APP]", 0, 1, "show the settings, and where each value comes from", NULL, 0,
      config_list, NULL },
    { "config get", "APP KEY", 2, 2, "show the value in force", NULL, 0, config_get, NULL },
    { "config set", "APP KEY VALUE", 3, 3, "change a setting; it is in force at once", NULL, 0,
      config_set, NULL },
    { "config delete", "APP KEY", 2, 2, "go back to the default", NULL, 0, config_delete, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};
