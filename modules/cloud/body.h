/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file body.h
 * The body of a request, as it comes in. body.c is compiled into each module that reads one, beside
 * client.c.
 */
#ifndef CLOUD_BODY_H
#define CLOUD_BODY_H

#include <httpd.h>

#include "cloud.h"

/** Takes the next bytes, which are valid during the call; an error ends the reading. */
typedef cloud_err_t *cloud_body_fn(void *baton, const char *data, apr_size_t len);

/** Hands the body on, piece by piece, asking for at most step bytes at a time. Returns what fn does; and
 *  when the body does not arrive whole: TOO_LARGE (LimitRequestBody), else INVALID. */
cloud_err_t *cloud_body_read(request_rec *r, apr_size_t step, cloud_body_fn *fn, void *baton);

/** The same, with errors of fn alone. *status is OK, or what the handler returns: the body did not
 *  arrive whole, and the connection ends. */
cloud_err_t *cloud_body_stream(int *status, request_rec *r, apr_size_t step, cloud_body_fn *fn,
                               void *baton);

#endif
