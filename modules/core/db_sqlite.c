/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The database interface over SQLite's C API. */
#include "cloud.h"
#include "db.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STMT_SLOTS 512            /* power of two; there are about 150 statements in all */
#define WAL_LIMIT_FRAMES 50000    /* checkpoint here where no watchdog does it */

struct cloud_stmt_t {
    sqlite3_stmt *st;
    cloud_db_t *db;
    const char *sql;
};

struct cloud_db_t {
    sqlite3 *db;
    int busy_ms;
    int wal_frames;
    apr_uint64_t statements;
    const char *watched;              /* a table, see cloud_db_watch */
    cloud_db_changed_fn *changed;
    void *changed_baton;
    cloud_stmt_t slots[STMT_SLOTS];
};

static cloud_code_t code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return CLOUD_E_BUSY;
    case SQLITE_CONSTRAINT:
        return (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
                   ? CLOUD_E_EXISTS : CLOUD_E_INTERNAL;
    case SQLITE_FULL:
        return CLOUD_E_QUOTA;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return CLOUD_E_UNAVAILABLE;
    default:
        return CLOUD_E_INTERNAL;
    }
}

static cloud_err_t *db_error(cloud_db_t *db, int rc, const char *what, apr_pool_t *pool)
{
    cloud_err_t *err = cloud_err(pool, code_of(rc), NULL);

    err->cause = apr_psprintf(pool, "database: %s (%d) in: %.120s",
                              db->db ? sqlite3_errmsg(db->db) : sqlite3_errstr(rc), rc, what);
    return err;
}

/* Short sleeps: SQLite's own handler sleeps up to 100 ms, which a queue of writers would feel. */
static int busy(void *baton, int count)
{
    cloud_db_t *db = baton;
    int slept_us = count < 20 ? count * 200 : 4000 + (count - 20) * 1000;

    if (slept_us / 1000 >= db->busy_ms) return 0;
    usleep(count < 20 ? 200 : 1000);
    return 1;
}

static int wal_committed(void *baton, sqlite3 *sqlite, const char *name, int frames)
{
    cloud_db_t *db = baton;

    db->wal_frames = frames;
    if (frames > WAL_LIMIT_FRAMES)
        sqlite3_wal_checkpoint_v2(sqlite, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

cloud_err_t *cloud_db_open(cloud_db_t **out, const cloud_db_conf_t *conf, apr_pool_t *pool)
{
    cloud_db_t *db = calloc(1, sizeof *db);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
                | (conf->read_only ? SQLITE_OPEN_READONLY
                                   : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    cloud_err_t *err;
    cloud_stmt_t *st;
    int rc, row;

    if (!db) return cloud_err(pool, CLOUD_E_INTERNAL, "Out of memory");
    db->busy_ms = conf->busy_ms > 0 ? conf->busy_ms : 10000;
    rc = sqlite3_open_v2(conf->path, &db->db, flags, NULL);
    if (rc != SQLITE_OK) {
        err = db_error(db, rc, conf->path, pool);
        cloud_db_close(db);
        return err;
    }
    sqlite3_busy_handler(db->db, busy, db);
    err = cloud_db_exec(db,
                        conf->read_only
                            ? "PRAGMA query_only = 1; PRAGMA cache_size = -2000;"
                            : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                              "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2000;",
                        pool);
    if (!err && !conf->read_only) {
        /* Checkpoints run in the watchdog; this is the safety net where none runs. */
        sqlite3_wal_autocheckpoint(db->db, 0);
        sqlite3_wal_hook(db->db, wal_committed, db);
    }
    /* The log's handle exists from the first read on; cloud_db_sync needs it. */
    if (!err) err = cloud_db_query(&st, &row, db, pool, "SELECT count(*) FROM sqlite_master", "");
    if (err) {
        cloud_db_close(db);
        return err;
    }
    cloud_stmt_done(st);
    *out = db;
    return NULL;
}

void cloud_db_close(cloud_db_t *db)
{
    int i;

    if (!db) return;
    for (i = 0; i < STMT_SLOTS; i++)
        if (db->slots[i].st) sqlite3_finalize(db->slots[i].st);
    sqlite3_close_v2(db->db);
    free(db);
}

/* A statement without parameters and rows. */
static cloud_err_t *simple(cloud_db_t *db, const char *sql, apr_pool_t *pool)
{
    return cloud_db_run(db, NULL, pool, sql, "");
}

cloud_err_t *cloud_db_begin(cloud_db_t *db, cloud_db_mode_t mode, apr_pool_t *pool)
{
    return simple(db, mode == CLOUD_DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", pool);
}

cloud_err_t *cloud_db_commit(cloud_db_t *db, apr_pool_t *pool)
{
    return simple(db, "COMMIT", pool);
}

void cloud_db_rollback(cloud_db_t *db)
{
    cloud_stmt_t *st;

    if (sqlite3_get_autocommit(db->db)) return;
    if (cloud_db_stmt(&st, db, "ROLLBACK", NULL)) {
        sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
        return;
    }
    sqlite3_step(st->st);
    cloud_stmt_done(st);
}

cloud_err_t *cloud_db_sync(cloud_db_t *db, apr_pool_t *pool)
{
    sqlite3_file *log = NULL;
    int rc = sqlite3_file_control(db->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

    if (rc != SQLITE_OK || !log || !log->pMethods)
        return db_error(db, rc ? rc : SQLITE_IOERR, "no write-ahead log", pool);
    rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? NULL : db_error(db, rc, "sync of the write-ahead log", pool);
}

cloud_err_t *cloud_db_checkpoint(cloud_db_t *db, int mode, int *frames, apr_pool_t *pool)
{
    int in_log = 0, done = 0;
    int rc = sqlite3_wal_checkpoint_v2(
        db->db, "main", mode ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &in_log,
        &done);

    if (frames) *frames = in_log - done;
    if (rc == SQLITE_OK || rc == SQLITE_BUSY) return NULL;
    return db_error(db, rc, "checkpoint", pool);
}

cloud_err_t *cloud_db_backup(cloud_db_t *db, const char *to, apr_pool_t *pool)
{
    cloud_db_t dst = { 0 };
    cloud_err_t *err = NULL;
    sqlite3_backup *backup;
    int rc = sqlite3_open_v2(to, &dst.db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE,
                             NULL);

    if (rc == SQLITE_OK) {
        /* One step of all pages holds one read snapshot: writers go on, in WAL mode. */
        backup = sqlite3_backup_init(dst.db, "main", db->db, "main");
        if (backup) {
            sqlite3_backup_step(backup, -1);
            rc = sqlite3_backup_finish(backup);
        } else {
            rc = sqlite3_errcode(dst.db);
        }
    }
    if (rc != SQLITE_OK) err = db_error(&dst, rc, to, pool);
    sqlite3_close_v2(dst.db);
    return err;
}

cloud_err_t *cloud_db_verify(const char **problem, cloud_db_t *db, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *problem = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, db, pool, "PRAGMA quick_check(1)", ""));
    if (row && strcmp(cloud_col_text(st, 0), "ok") != 0) *problem = cloud_col_dup(st, 0, pool);
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_db_exec(cloud_db_t *db, const char *sql, apr_pool_t *pool)
{
    int rc = sqlite3_exec(db->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? NULL : db_error(db, rc, sql, pool);
}

static void row_changed(void *baton, int op, const char *schema, const char *table,
                        sqlite3_int64 rowid)
{
    const cloud_db_t *db = baton;

    (void)op;
    (void)schema;
    if (strcmp(table, db->watched) == 0) db->changed(db->changed_baton, rowid);
}

void cloud_db_watch(cloud_db_t *db, const char *table, cloud_db_changed_fn *fn, void *baton)
{
    db->watched = table;
    db->changed = fn;
    db->changed_baton = baton;
    sqlite3_update_hook(db->db, row_changed, db);
}

apr_uint64_t cloud_db_statements(const cloud_db_t *db)
{
    return db->statements;
}

apr_uint64_t cloud_db_changes(const cloud_db_t *db)
{
    return (apr_uint64_t)sqlite3_total_changes64(db->db);
}

static unsigned slot_of(const char *sql)
{
    apr_uint64_t h = (apr_uintptr_t)sql;

    h ^= h >> 17;
    h *= 0x9E3779B97F4A7C15ull;
    return (unsigned)(h >> 40) & (STMT_SLOTS - 1);
}

cloud_err_t *cloud_db_stmt(cloud_stmt_t **out, cloud_db_t *db, const char *sql, apr_pool_t *pool)
{
    unsigned i = slot_of(sql), n;
    cloud_stmt_t *st;
    int rc;

    for (n = 0; n < STMT_SLOTS; n++, i = (i + 1) & (STMT_SLOTS - 1)) {
        st = &db->slots[i];
        if (st->sql == sql) {
            *out = st;
            return NULL;
        }
        if (st->sql) continue;
        rc = sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->st, NULL);
        if (rc != SQLITE_OK) {
            st->st = NULL;
            return pool ? db_error(db, rc, sql, pool)
                        : cloud_err(NULL, CLOUD_E_INTERNAL, NULL);
        }
        st->sql = sql;
        st->db = db;
        *out = st;
        return NULL;
    }
    return cloud_err(pool, CLOUD_E_INTERNAL, "Too many statements");
}

void cloud_stmt_int(cloud_stmt_t *st, int i, apr_int64_t v)
{
    sqlite3_bind_int64(st->st, i, v);
}

void cloud_stmt_text(cloud_stmt_t *st, int i, const char *v)
{
    if (v) sqlite3_bind_text(st->st, i, v, -1, SQLITE_STATIC);
    else sqlite3_bind_null(st->st, i);
}

void cloud_stmt_blob(cloud_stmt_t *st, int i, const void *v, apr_size_t len)
{
    if (v) sqlite3_bind_blob64(st->st, i, v, len, SQLITE_STATIC);
    else sqlite3_bind_null(st->st, i);
}

void cloud_stmt_null(cloud_stmt_t *st, int i)
{
    sqlite3_bind_null(st->st, i);
}

cloud_err_t *cloud_stmt_step(int *row, cloud_stmt_t *st, apr_pool_t *pool)
{
    int rc;

    if (!sqlite3_stmt_busy(st->st)) st->db->statements++;
    rc = sqlite3_step(st->st);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) return NULL;
    return db_error(st->db, rc, st->sql, pool);
}

void cloud_stmt_done(cloud_stmt_t *st)
{
    if (!st) return;
    sqlite3_reset(st->st);
    sqlite3_clear_bindings(st->st);
}

apr_int64_t cloud_col_int(cloud_stmt_t *st, int i)
{
    return sqlite3_column_int64(st->st, i);
}

const char *cloud_col_text(cloud_stmt_t *st, int i)
{
    return (const char *)sqlite3_column_text(st->st, i);
}

const void *cloud_col_blob(cloud_stmt_t *st, int i, apr_size_t *len)
{
    const void *blob = sqlite3_column_blob(st->st, i);

    *len = blob ? (apr_size_t)sqlite3_column_bytes(st->st, i) : 0;
    return blob;
}

int cloud_col_null(cloud_stmt_t *st, int i)
{
    return sqlite3_column_type(st->st, i) == SQLITE_NULL;
}

const char *cloud_col_dup(cloud_stmt_t *st, int i, apr_pool_t *pool)
{
    const char *text = cloud_col_text(st, i);

    return text ? apr_pstrmemdup(pool, text, (apr_size_t)sqlite3_column_bytes(st->st, i)) : NULL;
}

static void bind_all(cloud_stmt_t *st, const char *fmt, va_list ap)
{
    const void *blob;
    int i;

    for (i = 1; *fmt; fmt++, i++) {
        switch (*fmt) {
        case 'i':
            cloud_stmt_int(st, i, va_arg(ap, apr_int64_t));
            break;
        case 't':
            cloud_stmt_text(st, i, va_arg(ap, const char *));
            break;
        case 'b':
            blob = va_arg(ap, const void *);
            cloud_stmt_blob(st, i, blob, va_arg(ap, apr_size_t));
            break;
        default:
            cloud_stmt_null(st, i);
        }
    }
}

cloud_err_t *cloud_db_run(cloud_db_t *db, int *changed, apr_pool_t *pool, const char *sql,
                          const char *fmt, ...)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    va_list ap;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, db, sql, pool));
    va_start(ap, fmt);
    bind_all(st, fmt, ap);
    va_end(ap);
    err = cloud_stmt_step(&row, st, pool);
    cloud_stmt_done(st);
    if (changed) *changed = err ? 0 : sqlite3_changes(db->db);
    return err;
}

cloud_err_t *cloud_db_query(cloud_stmt_t **out, int *row, cloud_db_t *db, apr_pool_t *pool,
                            const char *sql, const char *fmt, ...)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    va_list ap;

    *row = 0;
    CLOUD_ERR(cloud_db_stmt(&st, db, sql, pool));
    va_start(ap, fmt);
    bind_all(st, fmt, ap);
    va_end(ap);
    err = cloud_stmt_step(row, st, pool);
    if (err) cloud_stmt_done(st);
    *out = st;
    return err;
}
