/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file repos.h
 * The mod_dav provider "cloud".
 */
#ifndef CLOUD_DAV_REPOS_H
#define CLOUD_DAV_REPOS_H

#include <httpd.h>

/** Registers the provider and the hooks of mod_dav; call it in register_hooks, as "Dav cloud" is
 *  looked up while the configuration is read. */
void cloud_dav_register_provider(apr_pool_t *p);
/** True where "Dav cloud" is configured. */
int cloud_dav_is_ours(request_rec *r);

#endif
