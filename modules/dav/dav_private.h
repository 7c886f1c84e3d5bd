/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file dav_private.h
 * What the files of mod_cloud_dav share. Only mod_cloud_dav.c registers hooks; every other file is
 * one concern: a method or two, a header, a body.
 */
#ifndef CLOUD_DAV_PRIVATE_H
#define CLOUD_DAV_PRIVATE_H

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_lib.h>
#include <apr_xml.h>

#include "cloud.h"
#include "files.h"
#include "lock.h"
#include "upload.h"
#include "names.h"
#include "mod_cloud.h"
#include "ifheader.h"
#include "lockxml.h"
#include "target.h"
#include "xmlbody.h"

extern module AP_MODULE_DECLARE_DATA cloud_dav_module;

/* What the DAV header says of a space of files. */
#define CLOUD_DAV_CLASSES  "1, 2, 3"
#define CLOUD_DAV_NO_LOCKS "1, 3"

/* ---- request -> target (target.c is request-free, request.c is not) ---- */

/** Parses a decoded URL path, CloudBase aware; the store is not touched. *t is NULL when the path
 *  is none of ours. Names that can never name anything: INVALID_NAME. */
cloud_err_t *cloud_dav_target(cloud_dav_target_t **t, request_rec *r, const char *uri_path);

/** Finds t->account: the caller's own account, whatever case its id has in the URL, or what the view of
 *  the request gives. Somebody else's space, known or not, is NOT_FOUND to readers and DENIED to writers. */
cloud_err_t *cloud_dav_enter(cloud_dav_target_t *t, request_rec *r, cloud_ctx_t *ctx,
                             int writing);

/** What content is asked for at the root of the one address that all links share: with ownCloud that is
 *  the file itself, where the link is to a file. t becomes that file then. */
cloud_err_t *cloud_dav_linked_file(cloud_dav_target_t *t, cloud_ctx_t *ctx);

/** Evaluates If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since and If: (tagged lists
 *  with other URIs included) against the store: PRECONDITION when they do not hold. cond then
 *  carries what the verb has to check again, in its transaction. Costs nothing without such
 *  headers. */
cloud_err_t *cloud_dav_conditions(cloud_cond_t *cond, request_rec *r, cloud_ctx_t *ctx,
                                  const cloud_dav_target_t *t);
/** The same for COPY and MOVE: If-Match and its kin mean t, If: may be about both. */
cloud_err_t *cloud_dav_conditions2(cloud_cond_t *cond, cloud_cond_t *dst_cond, request_rec *r,
                                   cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                                   const cloud_dav_target_t *dst);

/** The same for an upload that becomes dst. A condition that does not hold is left to the verb: a
 *  client that did not hear the answer asks again, and a finished upload answers as it did,
 *  whatever its conditions were about has become of it. */
cloud_err_t *cloud_dav_upload_conditions(cloud_cond_t *cond, request_rec *r, cloud_ctx_t *ctx,
                                         const cloud_dav_target_t *dst);

/** Depth: 0, 1 or -1 (infinity); def when there is no header. INVALID when it is none of these. */
cloud_err_t *cloud_dav_depth(int *depth, request_rec *r, int def);

/** X-OC-Mtime, or what DAV:lastmodified may contain: integer or decimal seconds, clamped. 0 when
 *  text is no number. */
int cloud_dav_parse_mtime(apr_int64_t *mtime, const char *text);

/** A header that holds a number of bytes; -1 when it is not there. */
cloud_err_t *cloud_dav_length(apr_int64_t *length, request_rec *r, const char *header);

/** ETag, OC-ETag (with_etag) and OC-FileId of an entry, to headers_out. */
void cloud_dav_entry_headers(request_rec *r, cloud_ctx_t *ctx, const cloud_entry_t *entry,
                             int with_etag);

/** Answers an error through mod_cloud's bridge; returns what the handler returns. */
int cloud_dav_error(request_rec *r, cloud_err_t *err);
/** The same after the request's body was read: the connection goes on. */
int cloud_dav_error_read(request_rec *r, cloud_err_t *err);
/** Answers a success without body; returns what the handler returns. */
int cloud_dav_done(request_rec *r, int status);
/** Headers about content that PUT and the final MOVE of an upload share: checksum and mtime. */
void cloud_dav_put_opts(cloud_put_opts_t *opts, request_rec *r);
/** Answers that content was stored. */
int cloud_dav_stored(request_rec *r, cloud_ctx_t *ctx, const cloud_result_t *res,
                     const cloud_put_opts_t *opts);
/** Does not read a large rest of the request's body only to throw it away: the connection is
 *  closed after the answer. */
void cloud_dav_spare_body(request_rec *r);

/* ---- methods; each returns what a handler returns. t->account is set ---- */

int cloud_dav_propfind(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);  /* propfind.c */
int cloud_dav_proppatch(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t); /* proppatch.c */
/** REPORT stays with mod_dav, which asks every module's deliver_report hook. What it reads is looked at
 *  here before, for nothing bounds its parser but the length. DECLINED: mod_dav goes on. */
int cloud_dav_report_check(request_rec *r);                                       /* report.c */
/** Its hook ends here for our resources. DECLINED for reports not known. */
int cloud_dav_report(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);
/** The answer to a REPORT that no module knows. */
int cloud_dav_report_unknown(request_rec *r);
/** Content of DAV:supported-report-set in spaces of this kind, or NULL. */
const char *cloud_dav_reports(cloud_dav_kind_t kind, apr_pool_t *pool);

int cloud_dav_options(request_rec *r, const cloud_dav_target_t *t);               /* request.c */
int cloud_dav_get(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);       /* get.c */
int cloud_dav_put(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);       /* put.c */
int cloud_dav_delete(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);    /* methods.c */
int cloud_dav_mkcol(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);     /* methods.c */
int cloud_dav_copymove(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);  /* copymove.c */
int cloud_dav_lock(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);      /* locks.c */
int cloud_dav_unlock(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t);    /* locks.c */

/* ---- bodies ---- */

/** Reads the request body (LimitXMLRequestBody) into a tree (xmlbody.h); *root is NULL when there
 *  was none. INVALID for what is not well-formed, TOO_LARGE. */
cloud_err_t *cloud_dav_xml_body(cloud_xml_t **root, request_rec *r); /* xmlbody_http.c */
/** The same, and whoever handles the request afterwards reads the body as if nobody had. */
cloud_err_t *cloud_dav_xml_body_peek(cloud_xml_t **root, request_rec *r);
void cloud_dav_register_replay(void);

#endif
