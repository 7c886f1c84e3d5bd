/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file ifheader.h
 * The If header (RFC 4918, 10.4) and lists of entity tags. Request-free.
 */
#ifndef CLOUD_DAV_IFHEADER_H
#define CLOUD_DAV_IFHEADER_H

#include "cloud.h"

typedef struct {
    int negate;         /* Not */
    int is_etag;
    const char *value;  /* state token without <>, or entity tag as written, quotes included */
} cloud_if_term_t;

/** A list: all terms must hold. The header holds when one of its lists does. */
typedef struct {
    const char *tag;            /* URI of the resource as written; NULL: the request's */
    apr_array_header_t *terms;  /* of cloud_if_term_t */
} cloud_if_list_t;

/** INVALID when text is not an If header. Gives an array of cloud_if_list_t, never empty. */
cloud_err_t *cloud_if_parse(apr_array_header_t **lists, const char *text, apr_pool_t *pool);

/** State tokens that the header submits (not those after Not): array of const char *. */
apr_array_header_t *cloud_if_tokens(const apr_array_header_t *lists, apr_pool_t *pool);

typedef enum { CLOUD_ETAGS_NONE, CLOUD_ETAGS_ANY, CLOUD_ETAGS_MATCH } cloud_etags_t;

/** Compares If-Match's or If-None-Match's value with an entity tag (without quotes; NULL: there is
 *  no resource). ANY: the value is "*". Tags without quotes count, as some clients send them; with
 *  weak, W/ is ignored, else a weak tag never matches. */
cloud_etags_t cloud_etags_match(const char *value, const char *etag, int weak);

#endif
