/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private.h
 * What the files of mod_cloud share. Only mod_cloud.c registers hooks.
 */
#ifndef CLOUD_PRIVATE_H
#define CLOUD_PRIVATE_H

#include "mod_cloud.h"

#include <pthread.h>

#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "settings.h"

extern module AP_MODULE_DECLARE_DATA cloud_module;
APLOG_USE_MODULE(cloud);

/* ---- configuration (config.c, check.c) ---- */

/** One data directory as configured, shared by all servers that name it; and, in each child, the
 *  store opened on it. */
typedef struct {
    const char *data_dir;
    const char *real_dir;            /* the same without symbolic links */
    const char *database;            /* NULL: in the data directory */
    const char *real_database;
    cloud_durability_t durability;
    apr_table_t *settings;           /* "app\nkey" -> value */
    server_rec *server;              /* the first one that names it: whose log it writes */
    int create;                      /* the parent has just made the directory: it is new */
    /* in a child */
    pthread_mutex_t mutex;           /* for opening */
    pthread_mutex_t work;            /* held while a job runs */
    int closing;                     /* the store is being closed: nobody gets it any more */
    apr_pool_t *pool;                /* of store */
    cloud_store_t *store;            /* NULL while it could not be opened */
    apr_time_t tried;                /* when opening failed last */
    apr_time_t complained;           /* when that was last logged */
    int leaving;                     /* this process is on its way out, see cloud_site_failed */
} cloud_site_t;

typedef struct {
    int engine;                      /* -1 unset */
    const char *base;                /* "" or "/owncloud"; NULL unset */
    const char *data_dir;
    const char *database;
    int durability;                  /* -1 unset */
    const char *mime_types;
    apr_table_t *settings;
    cloud_site_t *site;              /* set when the configuration is complete */
} cloud_server_conf_t;

typedef struct cloud_identity_value_t cloud_identity_value_t;

/** How people whom other modules let in become accounts (identity.c). NULL: unset. */
typedef struct {
    const char *source;
    apr_array_header_t *id_maps;
    int lower;                       /* -1 unset */
    const cloud_identity_value_t *display_name, *email, *quota, *groups;
    const char *delimiter;           /* of groups */
    apr_array_header_t *group_maps;
} cloud_identity_conf_t;

typedef struct {
    int maintenance;                 /* -1 unset */
    int auto_create;                 /* -1 unset */
    cloud_identity_conf_t identity;
} cloud_dir_conf_t;

extern const command_rec cloud_commands[];
void *cloud_server_conf_create(apr_pool_t *p, server_rec *s);
void *cloud_server_conf_merge(apr_pool_t *p, void *base, void *add);
void *cloud_dir_conf_create(apr_pool_t *p, char *dir);
void *cloud_dir_conf_merge(apr_pool_t *p, void *base, void *add);

cloud_server_conf_t *cloud_server_conf(server_rec *s);
cloud_dir_conf_t *cloud_dir_conf(request_rec *r);

/** Checks what directives mean together; also run by configtest. Gives the sites. */
int cloud_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/* ---- life cycle (life.c) ---- */

/** All sites: array of cloud_site_t *. */
extern apr_array_header_t *cloud_sites;

int cloud_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
void cloud_child_init(apr_pool_t *pchild, server_rec *s);
/** The open store; UNAVAILABLE. Tries again, at most every few seconds, where opening failed. */
cloud_err_t *cloud_site_store(cloud_store_t **store, cloud_site_t *site, apr_pool_t *pool);
/** True when the store's log could not be synced: logged once, and this process ends, so that a
 *  new one recovers. */
int cloud_site_failed(cloud_site_t *site);

/* ---- jobs (jobs.c) ---- */

/** Sets up the watchdog; called when the configuration is complete. */
void cloud_jobs_init(apr_pool_t *pconf, server_rec *s);

/* ---- registry (registry.c) ---- */

typedef struct {
    const char *name;
    apr_interval_time_t interval;
    cloud_job_fn *fn;
} cloud_job_t;

/** Forgets everything: a new configuration begins. */
void cloud_registry_reset(apr_pool_t *pconf);
const cloud_endpoint_t *cloud_registry_endpoint(const char *rest);
const apr_array_header_t *cloud_registry_jobs(void); /* of cloud_job_t */
void cloud_registry_api(void);

/* ---- people whom other modules let in (identity.c) ---- */

void cloud_identity_conf_merge(cloud_identity_conf_t *conf, const cloud_identity_conf_t *base,
                               const cloud_identity_conf_t *add);
const char *cloud_identity_set_source(cmd_parms *cmd, void *dir, const char *arg);
const char *cloud_identity_map_id(cmd_parms *cmd, void *dir, const char *from, const char *to);
const char *cloud_identity_set_case(cmd_parms *cmd, void *dir, const char *arg);
const char *cloud_identity_set_name(cmd_parms *cmd, void *dir, const char *arg);
const char *cloud_identity_set_email(cmd_parms *cmd, void *dir, const char *arg);
const char *cloud_identity_set_quota(cmd_parms *cmd, void *dir, const char *arg);
const char *cloud_identity_set_groups(cmd_parms *cmd, void *dir, const char *arg,
                                      const char *delimiter);
const char *cloud_identity_map_group(cmd_parms *cmd, void *dir, const char *from, const char *to);

/** The account's id that r->user stands for. */
const char *cloud_identity_id(request_rec *r);
/** Name of the directory that people at this place come from. */
const char *cloud_identity_source(request_rec *r);
/** Takes over what the module that let r->user in left about the person. *changed 0, and no
 *  statement, where nothing is new. system: a context of the system. */
cloud_err_t *cloud_identity_apply(int *changed, cloud_ctx_t *system,
                                  const cloud_account_t *account, request_rec *r);

/* ---- requests (request.c, principal.c) ---- */

typedef struct {
    /* of each request_rec */
    int seen;                        /* endpoint and rest are valid */
    const cloud_endpoint_t *endpoint;
    const char *rest;
    /* of the main request only */
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const cloud_http_view_t *view;   /* it came by a link; account is NULL then */
    const char *client;              /* name of the secret, or NULL */
    const char *login;               /* id of whom another module let in, or NULL */
    int settled;                     /* what he receives has its folder, where it has one */
    int taken_over;                  /* what that module says of the person has been dealt with */
    int noted;                       /* an error was noted: */
    cloud_code_t code;
    const char *msg;
    const char *header;              /* for <s:header> */
    const char *exception;           /* other than the code's, or NULL */
    const char *element;             /* a condition of RFC 4918, or NULL */
    const char *href;                /* in element, or NULL */
    int deferred;                    /* what fails with 500 gets the status of code */
    const cloud_err_t *logged;       /* the last error that was logged */
} cloud_request_t;

/** State of this request_rec. */
cloud_request_t *cloud_request(request_rec *r);
/** State of the main request that r belongs to. */
cloud_request_t *cloud_main_request(request_rec *r);

int cloud_post_read_request(request_rec *r);
int cloud_translate_name(request_rec *r);
int cloud_map_to_storage(request_rec *r);
int cloud_type_checker(request_rec *r);
/** Maintenance mode, and stores that can't be opened, before anybody is asked for a password. */
int cloud_access_checker(request_rec *r);
int cloud_unknown_handler(request_rec *r);
int cloud_last_handler(request_rec *r);
int cloud_log_transaction(request_rec *r);

/** r->user -> account. */
int cloud_auth_checker(request_rec *r);
int cloud_fixups(request_rec *r);
int cloud_keep_out(request_rec *r);

/* ---- errors (errors.c) ---- */

void cloud_errors_register(void);
void cloud_insert_error_filter(request_rec *r);

#endif
