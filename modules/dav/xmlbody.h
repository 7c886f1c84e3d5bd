/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file xmlbody.h
 * XML request bodies as a small tree. Request-free. Not apr_xml: it loses the prefixes that RFC
 * 4918 (4.3) wants preserved, builds the tree before anybody can look at its size, and walks it
 * by recursion without a limit. Document types, and with them entities, are refused.
 */
#ifndef CLOUD_DAV_XMLBODY_H
#define CLOUD_DAV_XMLBODY_H

#include "cloud.h"

#define CLOUD_NS_DAV "DAV:"
#define CLOUD_NS_OC  "http://owncloud.org/ns"
#define CLOUD_NS_OCS "http://open-collaboration-services.org/ns"
#define CLOUD_NS_XML "http://www.w3.org/XML/1998/namespace"

typedef struct cloud_xml_attr_t {
    const char *ns, *prefix, *name, *value;
    struct cloud_xml_attr_t *next;
} cloud_xml_attr_t;

/** An element, or text between elements (name NULL, text set). */
typedef struct cloud_xml_t {
    const char *ns;         /* "" for none */
    const char *prefix;     /* as written; "" for none */
    const char *name;
    const char *text;
    const char *lang;       /* xml:lang in force, or NULL */
    cloud_xml_attr_t *attrs;
    struct cloud_xml_t *parent, *first, *last, *next;
} cloud_xml_t;

typedef struct {
    int depth;              /* of nested elements */
    int nodes;              /* elements and attributes together */
    int namespaces;         /* declarations of namespaces */
} cloud_xml_limits_t;

/** What DAV bodies need, by far. */
extern const cloud_xml_limits_t cloud_xml_limits;

typedef struct cloud_xml_parser_t cloud_xml_parser_t;

/** A parser that lives in pool. limits NULL: cloud_xml_limits. */
cloud_xml_parser_t *cloud_xml_parser_create(const cloud_xml_limits_t *limits, apr_pool_t *pool);
/** INVALID for what is not well-formed or has a document type; TOO_LARGE over a limit. */
cloud_err_t *cloud_xml_feed(cloud_xml_parser_t *parser, const char *data, apr_size_t len);
/** The document element; NULL when nothing (or white space) was fed. */
cloud_err_t *cloud_xml_finish(cloud_xml_t **root, cloud_xml_parser_t *parser);

int cloud_xml_is(const cloud_xml_t *e, const char *ns, const char *name);
/** First child element, next sibling element; text in between is skipped. */
const cloud_xml_t *cloud_xml_first(const cloud_xml_t *e);
const cloud_xml_t *cloud_xml_next(const cloud_xml_t *e);
/** First child element of that name, or NULL. */
const cloud_xml_t *cloud_xml_child(const cloud_xml_t *e, const char *ns, const char *name);
/** Text directly in e, without white space around it; "" when there is none. */
const char *cloud_xml_text(const cloud_xml_t *e, apr_pool_t *pool);
/** Content of e as XML that stands by itself: prefixes as written, namespaces declared inside. */
const char *cloud_xml_inner(const cloud_xml_t *e, apr_pool_t *pool);
/** s with & < > " as entities; s itself when it has none of them. */
const char *cloud_xml_escape(const char *s, apr_pool_t *pool);

#endif
