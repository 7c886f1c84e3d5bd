/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file lockxml.h
 * Locks as XML: for the answer to LOCK and for the property lockdiscovery. Request-free.
 */
#ifndef CLOUD_DAV_LOCKXML_H
#define CLOUD_DAV_LOCKXML_H

#include "lock.h"
#include "target.h"

/** The d:activelock element of a lock. t is the request's target: the lock root's href is spelled
 *  below t->base. */
const char *cloud_dav_activelock(const cloud_lock_t *lock, const cloud_dav_target_t *t,
                                 apr_pool_t *pool);
/** Content of DAV:supportedlock. */
extern const char cloud_dav_supportedlock[];

#endif
