/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file report.h
 * REPORT: features register their reports here. The request and the database are theirs; rows are
 * written with listing.h and reply.h, so that properties are the same everywhere.
 */
#ifndef CLOUD_DAV_REPORT_H
#define CLOUD_DAV_REPORT_H

#include <httpd.h>
#include <apr_optional.h>

#include "reply.h"

/** Answers a report; root is its body. Returns what a handler returns. */
typedef int cloud_dav_report_fn(request_rec *r, cloud_ctx_t *ctx, const cloud_dav_target_t *t,
                                const cloud_xml_t *root);

typedef struct {
    const char *ns, *name;      /* of the document element */
    unsigned kinds;             /* where: bits 1 << cloud_dav_kind_t */
    cloud_dav_report_fn *fn;
} cloud_dav_report_t;

/** Adds reports; the array ends with ns NULL and lives until the next restart. */
void cloud_dav_register_reports(const cloud_dav_report_t *reports);
void cloud_dav_reset_reports(void);
/** Those of this module (filter.c). */
extern const cloud_dav_report_t cloud_dav_own_reports[];
APR_DECLARE_OPTIONAL_FN(void, cloud_dav_register_reports, (const cloud_dav_report_t *reports));

#endif
