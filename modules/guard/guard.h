/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file guard.h
 * The mass-change guard: when one login (an account with one of its passwords or tokens) deletes or
 * overwrites more files of a tree within some time than was allowed for, all that it changed in
 * that time becomes one batch, and one event is logged. Nothing is refused; "cloudctl batches undo"
 * takes it back. Request-free.
 *
 * A job looks at the change log of the trees that were changed since it looked last; so no change
 * pays for it, and what it knows is in the database. Until it looks again, a mark is late by that
 * much.
 */
#ifndef CLOUD_GUARD_H
#define CLOUD_GUARD_H

#include "batch.h"

extern const cloud_setting_t cloud_guard_settings[];

/** Declares the settings and registers the table of batches; harmless when repeated. */
void cloud_guard_register(void);
void cloud_guard_unregister(void);

/** A bounded step of looking; *more 1 when there is more to look at. Does nothing while both limits
 *  (settings mass_change_files, mass_change_share) are 0. */
cloud_err_t *cloud_guard_job(int *more, cloud_ctx_t *ctx);

#endif
