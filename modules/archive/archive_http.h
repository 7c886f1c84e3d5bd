/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What the files of mod_cloud_archive share. */
#ifndef CLOUD_ARCHIVE_HTTP_H
#define CLOUD_ARCHIVE_HTTP_H

#include "mod_cloud_archive.h"

#include <http_log.h>

APLOG_USE_MODULE(cloud_archive);

/** See mod_cloud_archive.h. */
int cloud_archive_respond(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                          const char *dir, const apr_array_header_t *names, const char *name,
                          const char *format);

#endif
