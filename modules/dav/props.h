/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file props.h
 * Properties: the one table of live ones, requests for some of them, and rows that have them.
 * PROPFIND, REPORT and the checks of PROPPATCH all read this table; features add rows to it.
 * Request-free.
 */
#ifndef CLOUD_DAV_PROPS_H
#define CLOUD_DAV_PROPS_H

#include <apr_optional.h>

#include "files.h"
#include "multistatus.h"
#include "xmlbody.h"

/* ---- a row: one resource of an answer ---- */

#define CLOUD_ROW_DIR     1u
#define CLOUD_ROW_NODE    2u    /* is a node of the tree: id, perms and owner mean something */
#define CLOUD_ROW_ROOT    4u    /* files root of an account, or root of a view */
#define CLOUD_ROW_SHARED  8u
#define CLOUD_ROW_MOUNTED 16u
#define CLOUD_ROW_FAVORITE 32u  /* of who asks */

#define CLOUD_ROW_UNKNOWN APR_INT64_MIN

typedef struct {
    unsigned flags;
    unsigned perms;             /* CLOUD_PERM_*, with CLOUD_PERM_PLACE */
    int owner;                  /* of the tree that it is in: index into view->owners */
    apr_int64_t id;             /* 0: none */
    apr_int64_t size, mtime, created; /* CLOUD_ROW_UNKNOWN: it has none */
    const char *name;           /* last segment of the href, decoded; "" for a root */
    apr_size_t name_len;
    const char *type;           /* of the content, a string that outlives the answer; NULL: what the
                                   name of a node says */
    const char *etag;           /* without quotes; etag_len 0: none */
    apr_size_t etag_len;
    cloud_sums_t sums;
    const cloud_prop_t *dead;
    int dead_len;
    const int *locks;           /* those that cover it: indexes into view->locks */
    int locks_len;
    const void *extra;          /* a feature's, for its own writers */
    apr_size_t extra_len;
} cloud_dav_row_t;

/* ---- what all rows of an answer have in common ---- */

/** Somebody whose files some of the rows are; texts fit for XML. */
typedef struct {
    const char *id, *name;
} cloud_dav_owner_t;

typedef struct {
    const cloud_store_t *store;
    const cloud_account_t *owner;     /* whose space it is, or NULL; owners[0] then */
    apr_array_header_t *owners;       /* of cloud_dav_owner_t */
    apr_int64_t quota_free;           /* bytes, or -3: unlimited */
    const char *fingerprint;
    unsigned withheld;                /* permissions that who asks may not use; */
    unsigned withheld_shared;         /* the same, of what was shared with him */
    apr_hash_t *loaded;               /* what loaders brought, by their names */
    const char *fileid_tail;          /* what follows the number in oc:id */
    apr_size_t fileid_tail_len;
    const apr_array_header_t *locks;  /* of const char *: d:activelock elements */
    const char *supportedlock;        /* content of d:supportedlock */
    const char *reports;              /* content of d:supported-report-set */
    const void *link;                 /* a public link that shows itself (cloud_http_view_t): there are
                                         only properties with CLOUD_PROP_LINK; else NULL */
    int unseen;                       /* a link by which nothing may be seen: there are only
                                         properties with CLOUD_PROP_LINK_ROOT, of its root */
    const char *prefix;               /* of the row that is being written: its href up to its name */
    apr_size_t prefix_len;
    const char *url;                  /* of CloudBase, absolute, percent-encoded, without a slash at
                                         the end; NULL: not known */
    apr_pool_t *pool;
    struct {
        const char *text;
        apr_size_t len;
    } letters[512];                   /* oc:permissions of every combination seen so far */
} cloud_dav_view_t;

/* ---- the table ---- */

typedef enum {
    CLOUD_PROP_ABSENT,  /* the row has no such property: 404 */
    CLOUD_PROP_EMPTY,   /* written as <d:x/> */
    CLOUD_PROP_VALUE
} cloud_prop_state_t;

/** Writes the value of a property, without its element. What it wrote counts only with VALUE. */
typedef cloud_prop_state_t cloud_prop_write_fn(cloud_out_t *out, const cloud_dav_row_t *row,
                                               cloud_dav_view_t *view);

#define CLOUD_PROP_ALL      1u  /* part of allprop */
#define CLOUD_PROP_SETTABLE 2u  /* PROPPATCH stores it as a dead property, which then wins */
#define CLOUD_PROP_LINK     4u  /* also below the root of a public link, */
#define CLOUD_PROP_LINK_ROOT 8u /* and of the root itself */

/* What a property needs to be loaded while the snapshot is held; else it is not. */
#define CLOUD_NEED_ETAG        1u
#define CLOUD_NEED_SUMS        2u
#define CLOUD_NEED_DEAD        4u
#define CLOUD_NEED_LOCKS       8u
#define CLOUD_NEED_QUOTA       16u
#define CLOUD_NEED_FINGERPRINT 32u
#define CLOUD_NEED_FAVORITES   64u
#define CLOUD_NEED_LETTERS     128u
#define CLOUD_NEED_LOADED      256u  /* what a feature's loader brings */

typedef struct {
    const char *ns, *name;
    unsigned flags, need;
    cloud_prop_write_fn *write;     /* NULL: known and protected, but no row has it */
} cloud_dav_prop_t;

/** The row of a live property, or NULL. */
const cloud_dav_prop_t *cloud_dav_prop_find(const char *ns, const char *name);
/** All rows, in order: next of NULL is the first. */
const cloud_dav_prop_t *cloud_dav_prop_next(const cloud_dav_prop_t *prop);
/** Adds rows; the array ends with ns NULL and lives until the next restart. A row of the same name
 *  takes the place of an earlier one. */
void cloud_dav_register_props(const cloud_dav_prop_t *rows);
/** Forgets what was registered. */
void cloud_dav_reset_props(void);

/** cloud_dav_register_props for other modules: to be retrieved and called in pre_config, after
 *  APR_HOOK_FIRST. A module with writers of its own compiles multistatus.c in: it has no state. */
APR_DECLARE_OPTIONAL_FN(void, cloud_dav_register_props, (const cloud_dav_prop_t *rows));

/** What a feature's properties need of all rows of an answer, at a fixed number of statements: into view->loaded, as
 *  far as need (CLOUD_NEED_*) says that it is needed. (tx) */
typedef cloud_err_t *cloud_dav_load_fn(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need);
/** load is called when all rows were found; expect (may be NULL) before the first is, in the same transaction: what it
 *  needs may come with what is read for them. */
void cloud_dav_register_loader(cloud_dav_load_fn *expect, cloud_dav_load_fn *load);
/** Calls all loaders. (tx) */
cloud_err_t *cloud_dav_expect(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need);
cloud_err_t *cloud_dav_load(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need);
/** As cloud_dav_register_props. */
APR_DECLARE_OPTIONAL_FN(void, cloud_dav_register_loader,
                        (cloud_dav_load_fn *expect, cloud_dav_load_fn *load));

/* ---- a request for properties ---- */

typedef struct cloud_propreq_t cloud_propreq_t;

/** From a DAV:propfind element; NULL (no body): allprop. INVALID. */
cloud_err_t *cloud_propreq_parse(cloud_propreq_t **req, const cloud_xml_t *propfind, int minimal,
                                 apr_pool_t *pool);
/** From a DAV:prop element, as in the body of a REPORT; NULL: allprop. */
cloud_err_t *cloud_propreq_prop(cloud_propreq_t **req, const cloud_xml_t *prop, int minimal,
                                apr_pool_t *pool);
/** CLOUD_NEED_* of all properties asked for. */
unsigned cloud_propreq_need(const cloud_propreq_t *req);

/** Writes a d:response. The href is prefix (percent-encoded, ends with '/' when row->name is not
 *  empty or the row is a folder) + name + '/' for folders. */
void cloud_propreq_row(cloud_out_t *out, cloud_propreq_t *req, cloud_dav_view_t *view,
                       const char *prefix, apr_size_t prefix_len, const cloud_dav_row_t *row);

/** Writes <p:name ...>, where number gives a prefix to namespaces that have none of their own:
 *  style is '<' for "<p:name>" without its '>', '/' for "</p:name>", 'e' for "<p:name/>". */
void cloud_out_tag(cloud_out_t *out, char style, const char *ns, const char *name, int number);

#endif
