/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file json_answer.h
 * JSON as an answer. json_answer.c is compiled into each module that sends some, beside client.c.
 */
#ifndef CLOUD_JSON_ANSWER_H
#define CLOUD_JSON_ANSWER_H

#include "mod_cloud.h"

#include <jansson.h>

/** Sends json, of which it takes the reference; returns what a handler returns. */
int cloud_json_send(request_rec *r, int status, json_t *json);
/** Bodies of errors as ownCloud's apps have them: {"data": {"message": ...}}. */
cloud_error_body_fn cloud_json_error_body;

#endif
