/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the files of mod_cloud_web share. */
#ifndef CLOUD_WEB_H
#define CLOUD_WEB_H

#include "files.h"
#include "mod_cloud_archive.h"
#include "mod_cloud_login.h"
#include "names.h"

#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

APLOG_USE_MODULE(cloud_web);

#define FILES_PATH "/index.php/apps/files"

/** The page of a folder; rest follows the endpoint's path. */
int web_folder(request_rec *r, const char *rest);
/** A private link; rest is "/<id>". */
int web_private_link(request_rec *r, const char *rest);

/** Address of a folder's page, with a name in it to be shown first (NULL: none); below CloudBase, percent
 *  encoded. */
const char *web_folder_path(const char *dir, const char *name, apr_pool_t *pool);
/** 0 for GET and HEAD; for the others the handler's status is in *status. */
int web_no_method(int *status, request_rec *r);

#endif
