/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file capabilities.c
 * What the server can do, for clients that ask before they try. Types matter: numbers are numbers,
 * booleans are booleans, versions are strings. Nothing is announced that is not there.
 */
#include "private.h"

#include "password.h"
#include "settings.h"

/* Where no module shares. The object is there all the same: without it the desktop client offers sharing,
 * and without search_min_length the Android client can't read any capability. */
static json_t *no_sharing(void)
{
    return json_pack("{s:b, s:{s:b, s:b, s:b, s:b, s:{s:b, s:{s:b, s:b, s:b}}, s:{s:b}},"
                     " s:{s:b}, s:b, s:b, s:b, s:i, s:{s:b, s:b}, s:i}",
                     "api_enabled", 0,
                     "public", "enabled", 0, "upload", 0, "supports_upload_only", 0, "multiple", 0,
                     "password", "enforced", 0,
                     "enforced_for", "read_only", 0, "read_write", 0, "upload_only", 0,
                     "expire_date", "enabled", 0,
                     "user", "profile_picture", 0,
                     "resharing", 0, "group_sharing", 0, "can_share", 0,
                     "default_permissions", 1,
                     "federation", "incoming", 0, "outgoing", 0,
                     "search_min_length", 2);
}

static json_t *list(const char **values)
{
    json_t *array = json_array();

    for (; *values; values++) {
        json_array_append_new(array, json_string(*values));
    }
    return array;
}

/* chunking is a string: with "1.0" or more the client syncs remote.php/dav/files/<id>/. */
static cloud_err_t *files_capabilities(json_t *capabilities, cloud_ctx_t *ctx)
{
    const char **blacklist;
    int infinity, lock_action;

    CLOUD_ERR(cloud_setting_list(&blacklist, ctx, "system", "blacklisted_files"));
    CLOUD_ERR(cloud_setting_bool(&lock_action, ctx, "files", "enable_lock_file_action"));
    CLOUD_ERR(cloud_setting_bool(&infinity, ctx, "system", "dav.propfind.depth_infinity"));
    json_object_set_new(capabilities, "files",
                        json_pack("{s:b, s:o, s:s, s:b, s:b, s:b}", "bigfilechunking", 1,
                                  "blacklisted_files", list(blacklist),
                                  "blacklisted_files_regex", "\\.(part|filepart)$",
                                  "favorites", 1, "file_locking_support", 1,
                                  "file_locking_enable_file_action", lock_action));
    json_object_set_new(capabilities, "checksums",
                        json_pack("{s:[s], s:s}", "supportedTypes", "SHA1",
                                  "preferredUploadType", "SHA1"));
    json_object_set_new(capabilities, "dav",
                        json_pack("{s:s, s:{s:b}}", "chunking", "1.0",
                                  "propfind", "depth_infinity", infinity));
    return NULL;
}

/* In the words of ownCloud Infinite Scale, which the mobile clients read to propose a password. */
static cloud_err_t *password_capabilities(json_t *capabilities, cloud_ctx_t *ctx)
{
    static const char *const names[CLOUD_PASSWORD_NCOUNTS] = {
        [CLOUD_PASSWORD_CHARS] = "min_characters",
        [CLOUD_PASSWORD_LOWER] = "min_lowercase_characters",
        [CLOUD_PASSWORD_UPPER] = "min_uppercase_characters",
        [CLOUD_PASSWORD_DIGITS] = "min_digits",
        [CLOUD_PASSWORD_SPECIAL] = "min_special_characters",
    };
    json_t *policy = json_pack("{s:i}", "max_characters", CLOUD_PASSWORD_MAX);
    cloud_password_policy_t p;
    int i;

    json_object_set_new(capabilities, "password_policy", policy);
    CLOUD_ERR(cloud_password_policy(&p, ctx));
    for (i = 0; i < CLOUD_PASSWORD_NCOUNTS; i++) {
        json_object_set_new(policy, names[i], json_integer((json_int_t)p.least[i]));
    }
    return NULL;
}

cloud_err_t *cloud_ocs_core_capabilities(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r)
{
    apr_int64_t poll;
    int hide;

    CLOUD_ERR(cloud_setting_int(&poll, ctx, "system", "pollinterval"));
    CLOUD_ERR(cloud_setting_bool(&hide, ctx, "system", "version.hide"));
    json_object_set_new(capabilities, "core",
                        json_pack("{s:I, s:s, s:o}", "pollinterval", (json_int_t)poll,
                                  "webdav-root", "remote.php/webdav",
                                  "status", cloud_ocs_status_fields(0, hide)));
    if (!json_object_get(capabilities, "files_sharing"))
        json_object_set_new(capabilities, "files_sharing", no_sharing());
    CLOUD_ERR(password_capabilities(capabilities, ctx));
    return ap_find_linked_module("mod_cloud_dav.c") ? files_capabilities(capabilities, ctx) : NULL;
}

static json_t *version(void)
{
    int major = 0, minor = 0, micro = 0;

    sscanf(CLOUD_OC_VERSION, "%d.%d.%d", &major, &minor, &micro);
    return json_pack("{s:i, s:i, s:i, s:s, s:s, s:s}", "major", major, "minor", minor,
                     "micro", micro, "string", CLOUD_OC_VERSION_STRING, "edition", "Community",
                     "product", "ownCloud");
}

static cloud_err_t *get_capabilities(cloud_ocs_call_t *call)
{
    const apr_array_header_t *features = cloud_http_capabilities();
    json_t *capabilities = json_object();
    cloud_err_t *err = NULL;
    int i;

    call->data = json_pack("{s:o, s:o}", "version", version(), "capabilities", capabilities);
    if (!call->data) {
        return cloud_err(call->r->pool, CLOUD_E_INTERNAL, "Out of memory");
    }
    for (i = 0; !err && i < features->nelts; i++) {
        cloud_capability_fn *fn = APR_ARRAY_IDX(features, i, cloud_capability_fn *);

        err = fn(capabilities, call->ctx, call->r);
    }
    return err;
}

static cloud_err_t *get_config(cloud_ocs_call_t *call)
{
    request_rec *r = call->r;

    call->message = ""; /* ownCloud says nothing here */
    call->data = json_pack("{s:s, s:s, s:s, s:s, s:s}", "version", "1.7", "website", "ownCloud",
                           "host", ap_get_server_name(r), "contact", "",
                           "ssl", strcmp(ap_http_scheme(r), "https") ? "false" : "true");
    return call->data ? NULL : cloud_err(r->pool, CLOUD_E_INTERNAL, "No answer could be made");
}

const cloud_ocs_route_t cloud_ocs_capabilities_routes[] = {
    { "GET", "/config", CLOUD_OCS_ANYBODY, get_config },
    { "GET", "/cloud/capabilities", CLOUD_OCS_USER, get_capabilities },
    { NULL }
};
