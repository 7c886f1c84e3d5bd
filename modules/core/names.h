/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file names.h
 * Names and paths: validation, normalisation, the account directory's name.
 */
#ifndef CLOUD_NAMES_H
#define CLOUD_NAMES_H

#include "cloud.h"

#define CLOUD_NAME_MAX 255

/** Name rules of ownCloud for something new (interfaces A1, clients 5): not empty, not "." or
 *  "..", no '/', '\\', no byte < 0x20 or 0x7f.., valid UTF-8 and legal in XML 1.0, at most 255 bytes (and as many
 *  in NFC, which may be longer), not "*" alone: CLOUD_E_INVALID_NAME. Names on the blacklist (".htaccess" by default, *.part and *.filepart):
 *  CLOUD_E_BLACKLISTED. blacklist is a NULL-terminated array, compared without case; may be NULL. */
CLOUD_API cloud_err_t *cloud_name_check(const char *name, const char *const *blacklist,
                                        apr_pool_t *pool);

/** NFC form (utf8proc). Returns name itself when it is already NFC, NULL when not valid UTF-8. */
CLOUD_API const char *cloud_name_nfc(const char *name, apr_pool_t *pool);

/** True when name is valid UTF-8 and all its characters may stand in XML 1.0. */
CLOUD_API int cloud_name_xml_ok(const char *name);

/** Splits a decoded request path into its segments: "a//b/" gives {"a","b"}. CLOUD_E_INVALID_NAME
 *  for segments that can never name anything: ".", "..", longer than 255 bytes, not UTF-8, control
 *  characters, backslash. */
CLOUD_API cloud_err_t *cloud_path_split(apr_array_header_t **segments, const char *path,
                                        apr_pool_t *pool);
/** Joins segments first..n-1 with '/'. */
CLOUD_API const char *cloud_path_join(const apr_array_header_t *segments, int n, apr_pool_t *pool);

#define CLOUD_NAME_MARK_MAX 16  /* bytes of the longest " (n)", and more */

/** The n-th of equal names: "report (2).txt", "folder (2)". What is too long for it loses the end of its
 *  stem, by whole characters, so that at most 255 bytes are left. n goes before a dot that only ASCII letters
 *  and digits follow, so no name made for a file is one made for a folder: one ends with a letter or digit,
 *  the other one with a parenthesis. */
CLOUD_API const char *cloud_name_numbered(const char *name, int n, int is_dir, apr_pool_t *pool);
/** The name that such a number was added to, if it lost nothing; NULL when there is no number in it. */
CLOUD_API const char *cloud_name_unnumbered(const char *name, apr_pool_t *pool);

/** Directory name of an account: its id percent-encoded (unreserved characters stay, a leading dot
 *  is encoded), or "%%<number>" where that is over 200 bytes. */
CLOUD_API const char *cloud_account_dirname(const char *id, apr_int64_t number, apr_pool_t *pool);

/** Percent-encodes everything but unreserved characters (RFC 3986) and, with keep_slash, '/'. */
CLOUD_API const char *cloud_uri_encode(const char *s, int keep_slash, apr_pool_t *pool);
/** The same for a path in an href of DAV: parentheses stay, too, since clients compare hrefs with
 *  what ownCloud writes. */
CLOUD_API const char *cloud_href_encode(const char *path, apr_pool_t *pool);
/** Decodes it in place. 0 where it is malformed, or has a byte in it that is 0 or one of forbid. */
CLOUD_API int cloud_uri_decode(char *s, const char *forbid);
/** Value of a hexadecimal digit, -1 for other characters. */
CLOUD_API int cloud_hex_digit(char c);

/** What a node is called to people: as its name was given (disk), unless another one got that spelling. */
CLOUD_API const char *cloud_name_shown(const char *name, const char *disk, apr_pool_t *pool);

/** MIME type by the extension of name; from the file given to cloud_mime_load, or a small built-in
 *  table; "application/octet-stream" when unknown. */
CLOUD_API const char *cloud_mime_type(const char *name);
/** Loads a mime.types file once for the process; an unreadable file is CLOUD_E_INVALID. */
CLOUD_API cloud_err_t *cloud_mime_load(const char *file, apr_pool_t *pool);

#endif
