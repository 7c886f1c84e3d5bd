/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file db.h
 * Prepared statements with typed columns over SQLite (later libpq). SQL is portable: parameters
 * are ?1 ?2 ..., statements are named by their text, which must be a string constant (the cache
 * is keyed by its address). A connection belongs to one thread at a time and never survives fork.
 */
#ifndef CLOUD_DB_H
#define CLOUD_DB_H

#include "cloud.h"

typedef struct {
    const char *path;      /* database file */
    int busy_ms;           /* how long to wait for the write lock */
    int relaxed;           /* no syncs of the log: durability relaxed */
    int read_only;
} cloud_db_conf_t;

/** Opens a connection; the caller closes it (cloud_db_close), it is not bound to pool. */
CLOUD_API cloud_err_t *cloud_db_open(cloud_db_t **db, const cloud_db_conf_t *conf,
                                     apr_pool_t *pool);
CLOUD_API void cloud_db_close(cloud_db_t *db);

typedef enum { CLOUD_DB_READ, CLOUD_DB_WRITE } cloud_db_mode_t;

/** BEGIN / BEGIN IMMEDIATE. READ pins its snapshot with the first statement. */
CLOUD_API cloud_err_t *cloud_db_begin(cloud_db_t *db, cloud_db_mode_t mode, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_db_commit(cloud_db_t *db, apr_pool_t *pool);
CLOUD_API void cloud_db_rollback(cloud_db_t *db);

/** Syncs the write-ahead log through SQLite's own handle: all commits so far become durable. */
CLOUD_API cloud_err_t *cloud_db_sync(cloud_db_t *db, apr_pool_t *pool);

/** Checkpoints the log. mode: 0 passive, 1 truncate. Gives the frames left in the log. */
CLOUD_API cloud_err_t *cloud_db_checkpoint(cloud_db_t *db, int mode, int *frames,
                                           apr_pool_t *pool);

/** Copies the database, consistent, to a new file, while others go on writing. */
CLOUD_API cloud_err_t *cloud_db_backup(cloud_db_t *db, const char *to, apr_pool_t *pool);

/** Asks the database whether its own structure is sound: *problem NULL, or what is wrong. */
CLOUD_API cloud_err_t *cloud_db_verify(const char **problem, cloud_db_t *db, apr_pool_t *pool);

/** Runs one or more statements without parameters or results (schema). */
CLOUD_API cloud_err_t *cloud_db_exec(cloud_db_t *db, const char *sql, apr_pool_t *pool);

/** fn is told the primary key (an integer) of each row of a table that this connection changes from
 *  now on, before the transaction commits; but not when all rows go by one DELETE without WHERE. */
typedef void cloud_db_changed_fn(void *baton, apr_int64_t key);
CLOUD_API void cloud_db_watch(cloud_db_t *db, const char *table, cloud_db_changed_fn *fn,
                              void *baton);

/** Number of statements executed by this connection so far (for tests and benchmarks). */
CLOUD_API apr_uint64_t cloud_db_statements(const cloud_db_t *db);

/** Counts the rows that this connection has changed so far. */
CLOUD_API apr_uint64_t cloud_db_changes(const cloud_db_t *db);

/** The cached prepared statement for sql, reset and ready to bind. Owned by db. sql must be a
 *  string constant. Every statement obtained is to be reset (cloud_stmt_done) after use. */
CLOUD_API cloud_err_t *cloud_db_stmt(cloud_stmt_t **st, cloud_db_t *db, const char *sql,
                                     apr_pool_t *pool);
CLOUD_API void cloud_stmt_int(cloud_stmt_t *st, int i, apr_int64_t v);
/** Bound text and blobs are not copied: they must live until cloud_stmt_done(). NULL binds NULL. */
CLOUD_API void cloud_stmt_text(cloud_stmt_t *st, int i, const char *v);
CLOUD_API void cloud_stmt_blob(cloud_stmt_t *st, int i, const void *v, apr_size_t len);
CLOUD_API void cloud_stmt_null(cloud_stmt_t *st, int i);

/** Next row: *row is 1 when there is one. UNIQUE violations are CLOUD_E_EXISTS. */
CLOUD_API cloud_err_t *cloud_stmt_step(int *row, cloud_stmt_t *st, apr_pool_t *pool);
/** Resets and unbinds. */
CLOUD_API void cloud_stmt_done(cloud_stmt_t *st);

/** Columns, from 0; text and blobs are valid until the next step; copy to keep. */
CLOUD_API apr_int64_t cloud_col_int(cloud_stmt_t *st, int i);
CLOUD_API const char *cloud_col_text(cloud_stmt_t *st, int i);
CLOUD_API const void *cloud_col_blob(cloud_stmt_t *st, int i, apr_size_t *len);
CLOUD_API int cloud_col_null(cloud_stmt_t *st, int i);
/** Column text copied to pool, NULL for NULL. */
CLOUD_API const char *cloud_col_dup(cloud_stmt_t *st, int i, apr_pool_t *pool);

/** Binds by a format, executes a statement that gives no rows, and resets it. fmt: one letter
 *  for each parameter in order: i apr_int64_t, t const char * (NULL allowed), b (const void *,
 *  apr_size_t), n nothing (binds NULL). *changed (may be NULL) is the number of rows changed. */
CLOUD_API cloud_err_t *cloud_db_run(cloud_db_t *db, int *changed, apr_pool_t *pool,
                                    const char *sql, const char *fmt, ...);

/** As cloud_db_run, but leaves *st on its first row (*row 1) or gives *row 0; the caller calls
 *  cloud_stmt_done(*st) in either case. */
CLOUD_API cloud_err_t *cloud_db_query(cloud_stmt_t **st, int *row, cloud_db_t *db,
                                      apr_pool_t *pool, const char *sql, const char *fmt, ...);

#endif
