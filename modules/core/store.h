/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file store.h
 * A store is a data directory with its database, opened once in each process (after fork).
 * A context is one caller at work on it: one request, one job step, one command.
 */
#ifndef CLOUD_STORE_H
#define CLOUD_STORE_H

#include "cloud.h"
#include "db.h"

typedef enum { CLOUD_LOG_ERR, CLOUD_LOG_WARN, CLOUD_LOG_NOTICE, CLOUD_LOG_INFO, CLOUD_LOG_DEBUG }
    cloud_log_level_t;
typedef void cloud_log_fn(void *baton, cloud_log_level_t level, const char *file, int line,
                          const char *msg);

typedef enum { CLOUD_DURABILITY_FULL, CLOUD_DURABILITY_RELAXED } cloud_durability_t;

typedef struct cloud_account_t cloud_account_t;
typedef struct cloud_group_t cloud_group_t;
typedef struct cloud_view_t cloud_view_t;

/** Settings as the operator's configuration file fixes them (the top layer, see settings.h):
 *  apr_table of "app\nkey" -> value. */
typedef struct {
    const char *data_dir;             /* absolute */
    const char *database;             /* NULL: <data_dir>/cloud.db; an absolute path */
    cloud_durability_t durability;
    apr_table_t *settings;            /* may be NULL */
    cloud_log_fn *log;                /* may be NULL: stderr */
    void *log_baton;
} cloud_store_conf_t;

/** Writes what the configuration file fixes to <data_dir>/.cloud/conf.json, where cloudctl finds it:
 *  the server calls this once it has opened the store. Nothing is written when it is there already. */
CLOUD_API cloud_err_t *cloud_conf_save(const cloud_store_conf_t *conf, apr_pool_t *pool);
/** Sets database, durability and settings of conf to what the server last saved for conf->data_dir;
 *  leaves them alone when it never did. */
CLOUD_API cloud_err_t *cloud_conf_load(cloud_store_conf_t *conf, apr_pool_t *pool);

#define CLOUD_STORE_CREATE    1u      /* make data directory and database where missing */
#define CLOUD_STORE_READ_ONLY 2u      /* fsck: writes nothing, replays nothing */
#define CLOUD_STORE_NO_REPLAY 4u

/** Opens the store: checks marker and host lock, migrates the schema, replays the journal,
 *  compares the generation. Errors: UNAVAILABLE (not mounted, no marker, other host), INTERNAL.
 *  The store lives in pool and closes with it. Never call it before fork in a parent that has
 *  other privileges than the children: files belong to who creates them. */
CLOUD_API cloud_err_t *cloud_store_open(cloud_store_t **store, const cloud_store_conf_t *conf,
                                        unsigned flags, apr_pool_t *pool);

CLOUD_API const char *cloud_store_data_dir(const cloud_store_t *store);
/** The instance id ("oc" and 10 letters), part of every oc:id. */
CLOUD_API const char *cloud_store_instance_id(const cloud_store_t *store);
/** oc:data-fingerprint: "" until a restore was noticed (clients 2.3). */
CLOUD_API cloud_err_t *cloud_store_fingerprint(const char **fp, cloud_ctx_t *ctx);
/** Sets a new fingerprint by hand (maintenance:data-fingerprint). */
CLOUD_API cloud_err_t *cloud_store_new_fingerprint(const char **fp, cloud_ctx_t *ctx);
/** True once a sync failed: the process must stop acknowledging and restart. */
CLOUD_API int cloud_store_failed(const cloud_store_t *store);

CLOUD_API void cloud_log(cloud_store_t *store, const char *file, int line,
                         cloud_log_level_t level, const char *fmt, ...) CLOUD_PRINTF(5, 6);
#define CLOUD_LOG(store, level, ...) \
    cloud_log((store), __FILE__, __LINE__, CLOUD_LOG_##level, __VA_ARGS__)

/** Who asks. account NULL is nobody (everything is denied), system is a job or the admin's
 *  command line (everything is allowed). */
typedef struct {
    const cloud_account_t *account;
    int system;
    int heeds_locks;         /* system: other people's locks hold it up all the same */
    const cloud_view_t *view; /* who came by it (a public link) and is no account; or NULL */
    const char *client;      /* name of the app password or token used, or NULL */
    int elsewhere;           /* another module let him in: by a ticket, a directory's password ... */
    const char *address;     /* of the client, or NULL */
} cloud_principal_t;

struct cloud_ctx_t {
    cloud_store_t *store;
    apr_pool_t *pool;            /* of the context, owns it */
    cloud_principal_t who;
    const char *request_id;      /* for the log and the change log; may be NULL */
    const char *agent;           /* User-Agent, may be NULL */
    apr_int64_t batch;           /* groups changes in the change log; 0: none */
    cloud_db_t *db;              /* only inside a transaction */
    /* private */
    int tx_depth;
    int tx_write;
    apr_int64_t last;            /* the counter as this transaction has it, 0: not read yet */
    int last_drawn;
    int wrote;                   /* committed something that it has not synced */
    struct cloud_conn_t *conn;
    struct cloud_mounts_t *mounts; /* of who asks, as this transaction sees them; NULL: not loaded */
    apr_hash_t *kept_dirs;       /* directories that cloud_storage_keep_dir() has made durable */
};

/* ---- tx.c ---- */
/** A context for one caller; nothing is checked out until a transaction begins. */
CLOUD_API cloud_ctx_t *cloud_ctx_create(cloud_store_t *store, apr_pool_t *pool);

/** Begins a transaction: takes a connection, and for WRITE queues on the writers' mutex.
 *  READ may nest inside any transaction (then it does nothing); WRITE may not nest in READ.
 *  Errors: BUSY, UNAVAILABLE (store failed), INTERNAL. */
CLOUD_API cloud_err_t *cloud_tx_begin(cloud_ctx_t *ctx, cloud_db_mode_t mode);
/** Commits (the outermost one). Not durable yet: cloud_tx_sync(). */
CLOUD_API cloud_err_t *cloud_tx_commit(cloud_ctx_t *ctx);
/** Ends without keeping anything (also the normal end of READ). Safe without a transaction. */
CLOUD_API void cloud_tx_rollback(cloud_ctx_t *ctx);
/** Makes what this process committed before the call durable (group commit); nothing when
 *  durability is relaxed. A failure is fatal for the store (cloud_store_failed). */
CLOUD_API cloud_err_t *cloud_tx_sync(cloud_ctx_t *ctx);
/** Commit + sync, for changes that move no files (accounts, settings, properties, locks). */
CLOUD_API cloud_err_t *cloud_tx_commit_sync(cloud_ctx_t *ctx);
/** commits when err is NULL (commit+sync for WRITE), rolls back otherwise; returns the error. */
CLOUD_API cloud_err_t *cloud_tx_end(cloud_ctx_t *ctx, cloud_err_t *err);

/* ---- maintain.c ---- */
/** Periodic work, called by a watchdog on ONE process, or by cloudctl: drops done journal rows,
 *  purges, checkpoints the log. Bounded: returns within about 100 ms of work; *more is 1 when
 *  there is more to do. */
CLOUD_API cloud_err_t *cloud_store_maintain(int *more, cloud_ctx_t *ctx);
/** Hourly work: expiry of uploads, locks, staging, change log; a new generation. */
CLOUD_API cloud_err_t *cloud_store_expire(cloud_ctx_t *ctx);

#endif
