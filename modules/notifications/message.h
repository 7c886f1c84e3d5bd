/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file message.h
 * A mail as text (RFC 5322, 2045, 2047), as sendmail takes it: lines end with LF. Whatever the names and
 * texts in it hold, no header gets another line, and no text ends the mail.
 */
#ifndef CLOUD_MESSAGE_H
#define CLOUD_MESSAGE_H

#include "cloud.h"

typedef struct {
    const char *from;        /* addresses; see cloud_message_address_ok() */
    const char *to;
    const char *reply_to;    /* or NULL */
    const char *from_name, *to_name; /* or NULL */
    const char *subject;
    const char *text;        /* lines end with LF, CR LF or CR; what is not UTF-8 is replaced */
    const char *id;          /* left of the @ in Message-ID; letters, digits, dots */
    apr_time_t date;
} cloud_message_t;

/** True for "user@example.org": RFC 5321 without quoted local parts and literals, in ASCII, at most 254
 *  bytes. */
int cloud_message_address_ok(const char *address);

/** The whole mail. */
const char *cloud_message_text(const cloud_message_t *m, apr_pool_t *pool);

/** A header line "Name: value\n", folded, value as encoded words (RFC 2047) where it has to be; control
 *  characters in it become blanks. */
const char *cloud_message_header(const char *name, const char *value, apr_pool_t *pool);

/** Text as quoted-printable (RFC 2045, 6.7); ends with LF unless it is empty. */
const char *cloud_message_quoted(const char *text, apr_pool_t *pool);

#endif
