/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file apps.c
 * /cloud/apps: the modules that httpd has loaded, under the names that ownCloud's apps have where
 * there is one for the same. They are loaded by the configuration, and by nothing else.
 */
#include "private.h"

typedef struct {
    const char *module;      /* source file, as httpd names modules */
    const char *id, *name, *description;
} app_t;

static const app_t APPS[] = {
    { "mod_cloud.c", "core", "Core", "Requests, accounts, jobs" },
    { "mod_authn_cloud.c", "auth", "Logins", "Passwords and app passwords" },
    { "mod_cloud_dav.c", "dav", "WebDAV", "The WebDAV endpoints" },
    { "mod_cloud_dav.c", "files", "Files", "Files and uploads" },
    { "mod_cloud_ocs.c", "ocs", "OCS", "The OCS endpoints" },
    { "mod_cloud_versions.c", "files_versions", "Versions", "Keeps what is overwritten" },
    { "mod_cloud_trash.c", "files_trashbin", "Deleted files", "Keeps what is deleted" },
    { "mod_cloud_shares.c", "files_sharing", "Sharing", "Shares and public links" },
    { "mod_cloud_login.c", "login", "Login pages", "Login pages and second factors" },
    { "mod_cloud_oauth2.c", "oauth2", "OAuth2", "Tokens for clients" },
    { "mod_cloud_provisioning.c", "provisioning_api", "Provisioning API",
      "Accounts and groups over HTTP" },
};
#define NAPPS (sizeof(APPS) / sizeof(*APPS))

/* Modules of ours that have no line above go by their own name. */
static const char *own_id(const module *m, apr_pool_t *pool)
{
    static const char prefix[] = "mod_cloud_";
    const char *name = strncmp(m->name, prefix, sizeof(prefix) - 1) == 0
        ? m->name + sizeof(prefix) - 1 : NULL;
    apr_size_t i;

    for (i = 0; name && i < NAPPS; i++) {
        if (!strcmp(APPS[i].module, m->name)) {
            return NULL;
        }
    }
    return name ? apr_pstrmemdup(pool, name, strcspn(name, ".")) : NULL;
}

/* All that are loaded: array of app_t. */
static const apr_array_header_t *loaded(apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 16, sizeof(app_t));
    const module *m;
    apr_size_t i;

    for (i = 0; i < NAPPS; i++) {
        if (ap_find_linked_module(APPS[i].module)) {
            APR_ARRAY_PUSH(list, app_t) = APPS[i];
        }
    }
    for (m = ap_top_module; m; m = m->next) {
        const char *id = own_id(m, pool);

        if (id) {
            APR_ARRAY_PUSH(list, app_t) = (app_t){ m->name, id, id, "" };
        }
    }
    return list;
}

static const app_t *find(const char *id, apr_pool_t *pool)
{
    const apr_array_header_t *list = loaded(pool);
    int i;

    for (i = 0; i < list->nelts; i++) {
        const app_t *app = &APR_ARRAY_IDX(list, i, app_t);

        if (!strcmp(app->id, id)) {
            return app;
        }
    }
    return NULL;
}

static cloud_err_t *get_apps(cloud_ocs_call_t *call)
{
    const char *filter = cloud_param(call->params, "filter");
    const apr_array_header_t *list = loaded(call->r->pool);
    apr_array_header_t *ids = apr_array_make(call->r->pool, 16, sizeof(const char *));
    int i;

    if (filter && *filter && strcmp(filter, "enabled") != 0 && strcmp(filter, "disabled") != 0) {
        return cloud_prov_code(call, 101, NULL);
    }
    for (i = 0; i < list->nelts && (!filter || strcmp(filter, "disabled") != 0); i++) {
        APR_ARRAY_PUSH(ids, const char *) = APR_ARRAY_IDX(list, i, app_t).id;
    }
    return cloud_prov_list(call, "apps", ids);
}

static cloud_err_t *get_app(cloud_ocs_call_t *call)
{
    const app_t *app = find(call->args[0], call->r->pool);

    if (!app) {
        return cloud_prov_code(call, CLOUD_OCS_NOT_FOUND, "The request app was not found");
    }
    call->data = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[]}", "id", app->id,
                           "name", app->name, "description", app->description,
                           "licence", "Apache-2.0", "version", CLOUD_VERSION,
                           "module", app->module, "types");
    return NULL;
}

/* What is so already may be asked for. */
static cloud_err_t *change(cloud_ocs_call_t *call, int wanted)
{
    int have = find(call->args[0], call->r->pool) != NULL;

    if (have == wanted) {
        return NULL;
    }
    return cloud_prov_code(call, HTTP_FORBIDDEN,
                           wanted ? "Apps are modules of the web server: its configuration loads "
                                    "them (LoadModule)"
                                  : "Apps are modules of the web server: they are left out in its "
                                    "configuration (LoadModule)");
}

static cloud_err_t *enable(cloud_ocs_call_t *call)
{
    return change(call, 1);
}

static cloud_err_t *disable(cloud_ocs_call_t *call)
{
    return change(call, 0);
}

const cloud_ocs_route_t cloud_prov_app_routes[] = {
    { "GET", "/cloud/apps", CLOUD_OCS_ADMIN, get_apps, CLOUD_OCS_OLD },
    { "GET", "/cloud/apps/{app}", CLOUD_OCS_ADMIN, get_app, CLOUD_OCS_OLD },
    { "POST", "/cloud/apps/{app}", CLOUD_OCS_ADMIN, enable, CLOUD_OCS_OLD },
    { "DELETE", "/cloud/apps/{app}", CLOUD_OCS_ADMIN, disable, CLOUD_OCS_OLD },
    { NULL }
};
