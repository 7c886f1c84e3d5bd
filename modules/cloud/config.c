/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file config.c
 * The directives: one table, and what creates and merges their values.
 */
#include "private.h"
#include "retention.h"

void *cloud_server_conf_create(apr_pool_t *p, server_rec *s)
{
    cloud_server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->engine = -1;
    conf->durability = -1;
    conf->settings = apr_table_make(p, 4);
    return conf;
}

static int set_setting(void *table, const char *key, const char *value)
{
    apr_table_setn(table, key, value);
    return 1;
}

void *cloud_server_conf_merge(apr_pool_t *p, void *basev, void *addv)
{
    const cloud_server_conf_t *base = basev, *add = addv;
    cloud_server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->engine = add->engine >= 0 ? add->engine : base->engine;
    conf->base = add->base ? add->base : base->base;
    conf->data_dir = add->data_dir ? add->data_dir : base->data_dir;
    /* A database belongs to its data directory. */
    conf->database = add->database || add->data_dir ? add->database : base->database;
    conf->durability = add->durability >= 0 ? add->durability : base->durability;
    conf->mime_types = add->mime_types ? add->mime_types : base->mime_types;
    conf->settings = apr_table_copy(p, base->settings);
    apr_table_do(set_setting, conf->settings, add->settings, NULL);
    return conf;
}

void *cloud_dir_conf_create(apr_pool_t *p, char *dir)
{
    cloud_dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->maintenance = -1;
    conf->auto_create = -1;
    conf->identity.lower = -1;
    return conf;
}

void *cloud_dir_conf_merge(apr_pool_t *p, void *basev, void *addv)
{
    const cloud_dir_conf_t *base = basev, *add = addv;
    cloud_dir_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->maintenance = add->maintenance >= 0 ? add->maintenance : base->maintenance;
    conf->auto_create = add->auto_create >= 0 ? add->auto_create : base->auto_create;
    cloud_identity_conf_merge(&conf->identity, &base->identity, &add->identity);
    return conf;
}

cloud_server_conf_t *cloud_server_conf(server_rec *s)
{
    return ap_get_module_config(s->module_config, &cloud_module);
}

cloud_dir_conf_t *cloud_dir_conf(request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &cloud_module);
}

/* ---- the directives ---- */

static const char *set_engine(cmd_parms *cmd, void *dir, int on)
{
    cloud_server_conf(cmd->server)->engine = on;
    return NULL;
}

static const char *set_base(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_size_t len = strlen(arg);

    if (arg[0] != '/' || strstr(arg, "//") || strpbrk(arg, "?#%\\") || ap_strchr_c(arg, ' ')) {
        return "CloudBase must be an absolute URL path such as / or /owncloud/, not encoded";
    }
    if (arg[len - 1] == '/') {
        len--;
    }
    cloud_server_conf(cmd->server)->base = apr_pstrmemdup(cmd->pool, arg, len);
    return NULL;
}

static const char *absolute_path(const char **path, cmd_parms *cmd, const char *arg)
{
    apr_status_t rv;
    char *clean;

    if (arg[0] != '/') {
        return apr_psprintf(cmd->pool, "%s must be an absolute path, which \"%s\" is not",
                            cmd->cmd->name, arg);
    }
    rv = apr_filepath_merge(&clean, "/", arg, APR_FILEPATH_NOTRELATIVE, cmd->pool);
    if (rv != APR_SUCCESS) {
        return apr_psprintf(cmd->pool, "%s: \"%s\" is not a path: %pm", cmd->cmd->name, arg, &rv);
    }
    if (clean[1] && clean[strlen(clean) - 1] == '/') {
        clean[strlen(clean) - 1] = '\0';
    }
    *path = clean;
    return NULL;
}

static const char *set_data_dir(cmd_parms *cmd, void *dir, const char *arg)
{
    return absolute_path(&cloud_server_conf(cmd->server)->data_dir, cmd, arg);
}

static const char *set_database(cmd_parms *cmd, void *dir, const char *arg)
{
    return absolute_path(&cloud_server_conf(cmd->server)->database, cmd, arg);
}

static const char *set_durability(cmd_parms *cmd, void *dir, const char *arg)
{
    cloud_server_conf_t *conf = cloud_server_conf(cmd->server);

    if (!ap_cstr_casecmp(arg, "full")) {
        conf->durability = CLOUD_DURABILITY_FULL;
    }
    else if (!ap_cstr_casecmp(arg, "relaxed")) {
        conf->durability = CLOUD_DURABILITY_RELAXED;
    }
    else {
        return "CloudDurability must be full or relaxed";
    }
    return NULL;
}

/* Puts a value into the top layer of the settings. */
const char *cloud_http_setting(cmd_parms *cmd, const char *app, const char *key,
                               const char *value)
{
    const cloud_setting_t *s = cloud_setting_find(app, key);
    cloud_err_t *err;

    if (!s) {
        return apr_psprintf(cmd->pool, "%s: there is no setting \"%s %s\"; \"cloudctl config "
                            "list\" shows them all", cmd->cmd->name, app, key);
    }
    err = cloud_setting_check(s, value, cmd->temp_pool);
    if (err) {
        return apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, err->msg);
    }
    apr_table_set(cloud_server_conf(cmd->server)->settings,
                  apr_pstrcat(cmd->temp_pool, s->app, "\n", s->key, NULL), value);
    return NULL;
}

static const char *set_quota(cmd_parms *cmd, void *dir, const char *number, const char *unit)
{
    const char *value = unit ? apr_pstrcat(cmd->pool, number, " ", unit, NULL) : number;

    return cloud_http_setting(cmd, "files", "default_quota", value);
}

static const char *set_retention_disk(cmd_parms *cmd, void *dir, const char *low, const char *high)
{
    const char *problem = cloud_http_setting(cmd, "system", CLOUD_DISK_LOW, low);

    if (!problem) problem = cloud_http_setting(cmd, "system", CLOUD_DISK_HIGH, high);
    if (!problem && apr_atoi64(low) >= apr_atoi64(high))
        problem = "CloudRetentionDisk: the low percent must be less than the high one";
    return problem;
}

static const char *set_skeleton(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *path = ap_server_root_relative(cmd->pool, arg);
    apr_finfo_t info;

    if (!ap_cstr_casecmp(arg, "none")) {
        return cloud_http_setting(cmd, "system", "skeletondirectory", "");
    }
    if (!path || apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS
        || info.filetype != APR_DIR) {
        return apr_psprintf(cmd->pool, "CloudSkeleton: no directory %s", path ? path : arg);
    }
    return cloud_http_setting(cmd, "system", "skeletondirectory", path);
}

/* The rules of the password policy: a switch, and what it switches on. */
static const struct {
    const char *rule, *checked, *value;
} POLICY[] = {
    { "length", "spv_min_chars_checked", "spv_min_chars_value" },
    { "lowercase", "spv_lowercase_checked", "spv_lowercase_value" },
    { "uppercase", "spv_uppercase_checked", "spv_uppercase_value" },
    { "digits", "spv_numbers_checked", "spv_numbers_value" },
    { "special", "spv_special_chars_checked", "spv_special_chars_value" },
    { "allowed", "spv_def_special_chars_checked", "spv_def_special_chars_value" },
    { "history", "spv_password_history_checked", "spv_password_history_value" },
};

static const char *set_banned(cmd_parms *cmd, const char *arg)
{
    const char *path = ap_server_root_relative(cmd->pool, arg);
    apr_finfo_t info;

    if (!path || apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS
        || info.filetype != APR_REG) {
        return apr_psprintf(cmd->pool, "CloudPasswordPolicy: no file %s", path ? path : arg);
    }
    return cloud_http_setting(cmd, "password_policy", "banned_passwords_list", path);
}

static const char *set_password_policy(cmd_parms *cmd, void *dir, const char *rule,
                                       const char *value)
{
    int off = !ap_cstr_casecmp(value, "off");
    const char *problem;
    apr_size_t i;

    if (!ap_cstr_casecmp(rule, "banned")) {
        return off ? cloud_http_setting(cmd, "password_policy", "banned_passwords_list", "")
                   : set_banned(cmd, value);
    }
    for (i = 0; i < sizeof(POLICY) / sizeof(*POLICY); i++) {
        if (ap_cstr_casecmp(rule, POLICY[i].rule)) {
            continue;
        }
        problem = cloud_http_setting(cmd, "password_policy", POLICY[i].checked,
                                     off ? "false" : "true");
        return problem || off ? problem
                              : cloud_http_setting(cmd, "password_policy", POLICY[i].value, value);
    }
    return "CloudPasswordPolicy: length, lowercase, uppercase, digits, special, allowed, history or "
           "banned, and a value or off";
}

static const char *set_setting_3(cmd_parms *cmd, void *dir, const char *app, const char *key,
                                 const char *value)
{
    return cloud_http_setting(cmd, app, key, value);
}

static const char *set_mime_types(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *path = ap_server_root_relative(cmd->pool, arg);
    apr_finfo_t info;
    apr_status_t rv;

    if (!path) {
        return apr_psprintf(cmd->pool, "CloudMimeTypes: \"%s\" is not a path", arg);
    }
    rv = apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool);
    if (rv != APR_SUCCESS || info.filetype != APR_REG) {
        return apr_psprintf(cmd->pool, "CloudMimeTypes: no file %s", path);
    }
    cloud_server_conf(cmd->server)->mime_types = path;
    return NULL;
}

static const char *set_maintenance(cmd_parms *cmd, void *dir, int on)
{
    ((cloud_dir_conf_t *)dir)->maintenance = on;
    return NULL;
}

static const char *set_auto_create(cmd_parms *cmd, void *dir, int on)
{
    ((cloud_dir_conf_t *)dir)->auto_create = on;
    return NULL;
}

const command_rec cloud_commands[] = {
    AP_INIT_FLAG("CloudEngine", set_engine, NULL, RSRC_CONF,
                 "on: this server serves the cloud below CloudBase"),
    AP_INIT_TAKE1("CloudBase", set_base, NULL, RSRC_CONF,
                  "URL path where the cloud lies on this server, / by default"),
    AP_INIT_TAKE1("CloudDataDir", set_data_dir, NULL, RSRC_CONF,
                  "directory of files and database, absolute; outside of everything that is served"),
    AP_INIT_TAKE1("CloudDatabase", set_database, NULL, RSRC_CONF,
                  "the SQLite database, an absolute path; cloud.db in CloudDataDir by default"),
    AP_INIT_TAKE1("CloudDurability", set_durability, NULL, RSRC_CONF,
                  "full (what is acknowledged survives a power cut) or relaxed"),
    AP_INIT_TAKE12("CloudQuota", set_quota, NULL, RSRC_CONF,
                  "quota of accounts that have none of their own: none, or a size such as 5 GB"),
    AP_INIT_TAKE2("CloudRetentionDisk", set_retention_disk, NULL, RSRC_CONF,
                  "low and high percent: filled to high, the disk is cleared of old versions and "
                  "trash down to low"),
    AP_INIT_TAKE1("CloudSkeleton", set_skeleton, NULL, RSRC_CONF,
                  "the directory whose files new accounts begin with, or none"),
    AP_INIT_TAKE2("CloudPasswordPolicy", set_password_policy, NULL, RSRC_CONF,
                  "a rule for new passwords (length, lowercase, uppercase, digits, special, allowed, "
                  "history, banned) and its value, or off"),
    AP_INIT_TAKE3("CloudSetting", set_setting_3, NULL, RSRC_CONF,
                  "application, key and value: fixes a setting that cloudctl config could change"),
    AP_INIT_TAKE1("CloudMimeTypes", set_mime_types, NULL, RSRC_CONF,
                  "mime.types file for the types of people's files; that of TypesConfig by default"),
    AP_INIT_FLAG("CloudMaintenance", set_maintenance, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: every request is answered 503 and clients wait"),
    AP_INIT_FLAG("CloudAccountAutoCreate", set_auto_create, NULL, RSRC_CONF | ACCESS_CONF,
                 "on: who was authenticated by another module and has no account gets one"),
    AP_INIT_TAKE1("CloudUserSource", cloud_identity_set_source, NULL, RSRC_CONF | ACCESS_CONF,
                  "name of the directory that people here come from; \"directory\" by default"),
    AP_INIT_TAKE2("CloudUserIdMap", cloud_identity_map_id, NULL, RSRC_CONF | ACCESS_CONF,
                  "regular expression and substitution: from another module's name of somebody to"
                  " the account's id"),
    AP_INIT_TAKE1("CloudUserIdCase", cloud_identity_set_case, NULL, RSRC_CONF | ACCESS_CONF,
                  "lower: another module's names are made lower case; keep by default"),
    AP_INIT_TAKE1("CloudUserName", cloud_identity_set_name, NULL, RSRC_CONF | ACCESS_CONF,
                  "variable or expression with the display name, or none"),
    AP_INIT_TAKE1("CloudUserEmail", cloud_identity_set_email, NULL, RSRC_CONF | ACCESS_CONF,
                  "variable or expression with the e-mail address, or none"),
    AP_INIT_TAKE1("CloudUserQuota", cloud_identity_set_quota, NULL, RSRC_CONF | ACCESS_CONF,
                  "variable or expression with the quota, or none"),
    AP_INIT_TAKE12("CloudUserGroups", cloud_identity_set_groups, NULL, RSRC_CONF | ACCESS_CONF,
                   "variable or expression with the groups, or none; and what separates them"),
    AP_INIT_TAKE2("CloudGroupMap", cloud_identity_map_group, NULL, RSRC_CONF | ACCESS_CONF,
                  "a group of the directory, or ~ and a regular expression; and the group here"),
    { NULL }
};
