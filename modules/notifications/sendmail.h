/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file sendmail.h
 * Gives a mail to a program that sends it: one like sendmail, that reads it from standard input. No shell
 * is involved.
 */
#ifndef CLOUD_SENDMAIL_H
#define CLOUD_SENDMAIL_H

#include "cloud.h"

typedef struct {
    const char *command;       /* program, an absolute path, and its arguments, with quotes where needed */
    apr_interval_time_t timeout;
    int (*stopping)(void);     /* may be NULL; true: there is no time to wait any more */
} cloud_sendmail_t;

/** Takes a command apart: a NULL-terminated array. INVALID (with what is wrong) when the program is no
 *  absolute path of a file that can be run. */
cloud_err_t *cloud_sendmail_check(char ***argv, const char *command, apr_pool_t *pool);

/** Runs the command and waits for its end: NULL when it ended with 0. UNAVAILABLE, the cause being what
 *  it wrote and how it ended; AGAIN when it was stopped because this process is to end. It gets no descriptor
 *  but standard input and output, a clean environment, and is killed, with its children, when it takes
 *  too long. */
cloud_err_t *cloud_sendmail(const cloud_sendmail_t *how, const char *mail, apr_pool_t *pool);

#endif
