/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store_private.h
 * The inside of a store, for store.c, tx.c, generation.c, storage.c, journal.c and maintain.c.
 */
#ifndef CLOUD_STORE_PRIVATE_H
#define CLOUD_STORE_PRIVATE_H

#include "internal.h"
#include "shm.h"

#include <pthread.h>

#define CLOUD_DURABLE_DIRS 1024 /* power of two */

struct cloud_store_t {
    apr_pool_t *pool;
    cloud_store_conf_t conf;
    unsigned flags;
    const char *db_path;
    const char *lock_path;         /* file whose bytes are locked (OFD), see CLOUD_LOCK_* */
    const char *instance;
    cloud_shm_t *shm;
    int host_fd;                   /* holds the host lock */
    int accounts_fd;               /* <data_dir>/accounts, O_PATH */
    int failed;
    int has_exchange;              /* renameat2 works here */
    int has_noreplace;
    pthread_mutex_t lock;          /* guards idle */
    struct cloud_conn_t *idle;
    int idle_count;
    cloud_settings_cache_t *settings;
    cloud_account_cache_t *accounts;
    unsigned stage_counter;
    apr_uint64_t durable_dirs[CLOUD_DURABLE_DIRS]; /* known to be on disk; see make_level() */
    apr_time_t retry_at;           /* when moves that were set aside are tried next */
    apr_time_t complained;         /* when it was last logged that they still fail */
    unsigned char key[32];         /* of .cloud/key, */
    int has_key;                   /* once it was read */
};

/* ---- store.c ---- */
void cloud_store_fail(cloud_store_t *store);
/** Replaces a small file durably. */
cloud_err_t *cloud_write_file(const char *path, const char *text, apr_pool_t *pool);
const char *cloud_read_file(const char *path, apr_pool_t *pool);
const char *cloud_random_letters(int n, apr_pool_t *pool);

/* ---- tx.c ---- */
/** Closes the connections that nobody uses: the store is being closed. */
void cloud_store_close_idle(cloud_store_t *store);

/* ---- generation.c ---- */
/** Compares database and data directory; on a mismatch sets a new fingerprint. (tx, write) */
cloud_err_t *cloud_generation_check(cloud_ctx_t *ctx);
/** Draws a new generation and notes how far the change numbers are. (no tx) */
cloud_err_t *cloud_generation_renew(cloud_ctx_t *ctx);
/** Notes in the data directory how far the change numbers are. (no tx) */
cloud_err_t *cloud_generation_note(cloud_ctx_t *ctx);

/* ---- reserve.c ---- */
/** Gives the reserve up when the disk is full: before anything that needs room. */
void cloud_reserve_release(cloud_store_t *store, apr_pool_t *pool);
/** The same; and makes the reserve where there is room for it. (periodic) */
void cloud_reserve_keep(cloud_store_t *store, apr_pool_t *pool);

/* ---- storage.c ---- */
/** Finds out what the file system of accounts/ can do. */
cloud_err_t *cloud_storage_probe(cloud_store_t *store);

#endif
