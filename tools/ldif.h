/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file ldif.h
 * Reads what ldapsearch writes (LDIF, RFC 2849), or a plain list of names, one a line.
 */
#ifndef CLOUD_LDIF_H
#define CLOUD_LDIF_H

#include <stdio.h>
#include <apr_tables.h>

#include "error.h"

#define LDIF_NAME "" /* key of the name, in an entry of a plain list */

typedef struct ldif_t ldif_t;

/** in stays the caller's, and must outlive the reader, as pool must. */
ldif_t *ldif_open(FILE *in, apr_pool_t *pool);
/** The next entry, NULL at the end: attribute (case does not count, options such as ";lang-de" are
 *  not looked at) -> its first value, "dn" included; values that are not text are left out. Lines that
 *  are neither comments nor attributes are INVALID, as is the report of an unsuccessful search. */
cloud_err_t *ldif_next(apr_table_t **entry, ldif_t *ldif, apr_pool_t *pool);

#endif
