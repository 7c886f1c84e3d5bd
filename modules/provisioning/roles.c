/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file roles.c
 * /cloud/roles: what a public link may be for, as clients offer it.
 */
#include "private.h"

static const struct {
    const char *id, *name, *description;
    const char *types;          /* of what is shared: "*", or a folder */
    const char *permissions[5]; /* up to a NULL */
} ROLES[] = {
    { "core.viewer", "Download / View", "Whoever has the link can look at it and download it", "*",
      { "read", NULL } },
    { "core.contributor", "Download / View / Upload",
      "Whoever has the link can look at it, download, and upload new files",
      "httpd/unix-directory", { "create", "read", NULL } },
    { "core.editor", "Download / View / Edit",
      "Whoever has the link can look at it, download, upload, change and delete",
      "httpd/unix-directory", { "create", "read", "update", "delete", NULL } },
    { "core.uploader", "Upload only (File Drop)",
      "Whoever has the link can upload files, and sees nothing of what is there",
      "httpd/unix-directory", { "create", NULL } },
};
#define NROLES (sizeof(ROLES) / sizeof(*ROLES))

static cloud_err_t *get_roles(cloud_ocs_call_t *call)
{
    apr_size_t i;

    call->data = json_array();
    for (i = 0; i < NROLES; i++) {
        json_t *permissions = json_object();
        const char *const *p;

        for (p = ROLES[i].permissions; *p; p++) {
            json_object_set_new(permissions, *p, json_true());
        }
        json_array_append_new(call->data,
                              json_pack("{s:s, s:s, s:{s:{s:s, s:i, s:[s], s:{s:o}}}}",
                                        "id", ROLES[i].id, "displayName", ROLES[i].name,
                                        "context", "publicLinks",
                                        "displayDescription", ROLES[i].description,
                                        "order", (int)(i + 1) * 10,
                                        "resourceTypes", ROLES[i].types,
                                        "permissions", "ownCloud", permissions));
    }
    return NULL;
}

const cloud_ocs_route_t cloud_prov_role_routes[] = {
    { "GET", "/cloud/roles", CLOUD_OCS_USER, get_roles, 0 },
    { NULL }
};
