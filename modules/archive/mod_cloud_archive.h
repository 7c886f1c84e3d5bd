/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_archive.h
 * What mod_cloud_archive offers to the other modules, as optional functions.
 */
#ifndef MOD_CLOUD_ARCHIVE_H
#define MOD_CLOUD_ARCHIVE_H

#include "mod_cloud.h"

#include "archive.h"

#define CLOUD_ARCHIVE_DOWNLOAD "/index.php/apps/files/ajax/download.php"

/** Answers with what is at names (array of const char *, each a name in the folder dir) or, where there
 *  are none, with dir itself: a single file as it is, everything else as an archive, of the format that
 *  the request asks for (parameter "format", Accept, User-Agent). dir is a path in the files of
 *  account, access that of ctx->who. name is what the archive is called, without suffix; NULL: after what
 *  is in it. format: the parameter's value, or NULL. For handlers of GET and HEAD: the status. */
APR_DECLARE_OPTIONAL_FN(int, cloud_archive_respond,
                        (request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                         const char *dir, const apr_array_header_t *names, const char *name,
                         const char *format));

#endif
