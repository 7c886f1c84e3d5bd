/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The tables, and the way from one version to the next. A migration only ever adds: during a
 * graceful restart two versions of the modules work on one database, so everything must stay
 * readable one version back, and nothing here needs exclusive access. */
#include "internal.h"

#include <stdlib.h>

/* node is clustered by (parent, name): a listing is one range read. Roots have parent 0.
 * disk is NULL where it equals name. node_ino is for scan, which looks where a moved file went.
 * journal.seq is drawn from the same sequence as change numbers.
 * upload.state: 0 open, 1 finished (kept for a day, to give a repeated MOVE the same answer, which
 * node, etag, was_created and dst hold). upload.length is how much of the file stage the chunks
 * have filled in order, digest the running hash up to there (NULL: not known). chunk.stage is NULL
 * for a chunk at offset of upload.stage. */
static const char SCHEMA_1[] =
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1),"
    " last INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO counter (id, last) VALUES (1, 0);"

    "CREATE TABLE IF NOT EXISTS account (number INTEGER PRIMARY KEY NOT NULL,"
    " id TEXT NOT NULL UNIQUE, folded TEXT NOT NULL UNIQUE, display_name TEXT, email TEXT,"
    " quota INTEGER NOT NULL, enabled INTEGER NOT NULL, created INTEGER NOT NULL,"
    " last_login INTEGER NOT NULL, root INTEGER NOT NULL, purge INTEGER NOT NULL,"
    " dir TEXT NOT NULL UNIQUE, password TEXT, secret_epoch INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS account_root ON account (root);"
    "CREATE INDEX IF NOT EXISTS account_purge ON account (purge);"
    "CREATE TABLE IF NOT EXISTS apppass (id INTEGER PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL, name TEXT NOT NULL, hash BLOB NOT NULL,"
    " created INTEGER NOT NULL, last_used INTEGER NOT NULL, UNIQUE (account, name));"
    "CREATE INDEX IF NOT EXISTS apppass_hash ON apppass (hash);"

    "CREATE TABLE IF NOT EXISTS setting (app TEXT NOT NULL, key TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY (app, key)) WITHOUT ROWID;"

    "CREATE TABLE IF NOT EXISTS node (parent INTEGER NOT NULL, name TEXT NOT NULL,"
    " id INTEGER NOT NULL UNIQUE, disk TEXT, kind INTEGER NOT NULL, etag INTEGER NOT NULL,"
    " size INTEGER NOT NULL, mtime INTEGER NOT NULL, created INTEGER NOT NULL,"
    " ino INTEGER NOT NULL, ino_mtime INTEGER NOT NULL, btime INTEGER NOT NULL, sums BLOB,"
    " flags INTEGER NOT NULL, PRIMARY KEY (parent, name)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS node_ino ON node (ino) WHERE ino <> 0;"
    "CREATE INDEX IF NOT EXISTS node_disk ON node (disk, parent) WHERE disk IS NOT NULL;"

    "CREATE TABLE IF NOT EXISTS prop (node INTEGER NOT NULL, ns TEXT NOT NULL,"
    " name TEXT NOT NULL, value TEXT NOT NULL, lang TEXT, PRIMARY KEY (node, ns, name))"
    " WITHOUT ROWID;"

    "CREATE TABLE IF NOT EXISTS lock (token TEXT PRIMARY KEY NOT NULL, tree INTEGER NOT NULL,"
    " node INTEGER NOT NULL, exclusive INTEGER NOT NULL, infinite INTEGER NOT NULL,"
    " account INTEGER NOT NULL, owner TEXT, created INTEGER NOT NULL, timeout INTEGER NOT NULL,"
    " expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS lock_tree ON lock (tree);"

    "CREATE TABLE IF NOT EXISTS journal (tree INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " tree2 INTEGER NOT NULL, ino INTEGER NOT NULL, is_dir INTEGER NOT NULL,"
    " src TEXT NOT NULL, dst TEXT, PRIMARY KEY (tree, seq)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS journal_tree2 ON journal (tree2, seq) WHERE tree2 <> 0;"

    "CREATE TABLE IF NOT EXISTS change (tree INTEGER NOT NULL, number INTEGER NOT NULL,"
    " time INTEGER NOT NULL, node INTEGER NOT NULL, op TEXT NOT NULL,"
    " kind INTEGER NOT NULL, parent INTEGER NOT NULL, name TEXT NOT NULL,"
    " from_parent INTEGER NOT NULL, from_name TEXT, size INTEGER NOT NULL,"
    " delta INTEGER NOT NULL, account INTEGER NOT NULL, client TEXT, agent TEXT, request TEXT,"
    " batch INTEGER NOT NULL, PRIMARY KEY (tree, number)) WITHOUT ROWID;"

    "CREATE TABLE IF NOT EXISTS upload (id INTEGER PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL, name TEXT NOT NULL, total INTEGER NOT NULL,"
    " state INTEGER NOT NULL, created INTEGER NOT NULL, touched INTEGER NOT NULL,"
    " stage TEXT, ino INTEGER NOT NULL, length INTEGER NOT NULL, digest BLOB,"
    " node INTEGER NOT NULL, etag INTEGER NOT NULL, was_created INTEGER NOT NULL, dst TEXT,"
    " UNIQUE (account, name));"
    "CREATE TABLE IF NOT EXISTS chunk (upload INTEGER NOT NULL, name TEXT NOT NULL,"
    " size INTEGER NOT NULL, written INTEGER NOT NULL, stage TEXT, offset INTEGER NOT NULL,"
    " PRIMARY KEY (upload, name)) WITHOUT ROWID;";

/* Groups and what people prefer. Group 1 is the administrators': numbers that are drawn are far above.
 * An account of the name that installations give to their first one is an administrator from here on.
 * source: "database", or the directory that an account, a group or a membership comes from. */
static const char SCHEMA_2[] =
    "CREATE TABLE IF NOT EXISTS usergroup (number INTEGER PRIMARY KEY NOT NULL,"
    " id TEXT NOT NULL UNIQUE, display_name TEXT, source TEXT NOT NULL,"
    " created INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS membership (account INTEGER NOT NULL,"
    " usergroup INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY (account, usergroup))"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS membership_group ON membership (usergroup, account);"
    "CREATE TABLE IF NOT EXISTS subadmin (account INTEGER NOT NULL, usergroup INTEGER NOT NULL,"
    " PRIMARY KEY (account, usergroup)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS subadmin_group ON subadmin (usergroup, account);"
    "CREATE TABLE IF NOT EXISTS pref (account INTEGER NOT NULL, app TEXT NOT NULL,"
    " key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (account, app, key)) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO usergroup (number, id, display_name, source, created)"
    " VALUES (1, 'admin', NULL, 'database', 0);"
    "INSERT OR IGNORE INTO membership (account, usergroup, source)"
    " SELECT number, 1, 'database' FROM account WHERE folded = 'admin';"
    "ALTER TABLE account ADD COLUMN source TEXT NOT NULL DEFAULT 'database';";

/* person: what a directory said of the account's person last, see person.h. */
static const char SCHEMA_3[] = "ALTER TABLE account ADD COLUMN person TEXT;";

/* What a file had before its content or its time was changed; NULL in rows of other changes, and in
 * rows written by earlier versions. */
static const char SCHEMA_4[] =
    "ALTER TABLE change ADD COLUMN was_etag INTEGER;"
    "ALTER TABLE change ADD COLUMN was_mtime INTEGER;";

static const char SCHEMA_5[] =
    "ALTER TABLE account ADD COLUMN two_factor INTEGER NOT NULL DEFAULT 0;";

/* What were dead properties of a node become favorites of the account in whose files, or trash, it is:
 * the name of a root says whose it is. Flag 2 of a node: CLOUD_NODE_FAVORITE. */
#define FAVORITE_PROP "ns = 'http://owncloud.org/ns' AND name = 'favorite'"
static const char SCHEMA_6[] =
    "CREATE TABLE IF NOT EXISTS favorite (account INTEGER NOT NULL, node INTEGER NOT NULL,"
    " PRIMARY KEY (account, node)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS favorite_node ON favorite (node);"
    "WITH RECURSIVE up (node, at) AS (SELECT node, node FROM prop WHERE " FAVORITE_PROP
    " AND value = '1' UNION SELECT up.node, n.parent FROM up JOIN node n ON n.id = up.at"
    " WHERE n.parent <> 0)"
    " INSERT OR IGNORE INTO favorite (account, node) SELECT a.number, up.node FROM up"
    " JOIN node r ON r.id = up.at AND r.parent = 0 JOIN account a"
    " ON a.number = CAST(substr(r.name, instr(r.name, ':') + 1) AS INTEGER);"
    "UPDATE node SET flags = flags | 2 WHERE id IN (SELECT node FROM favorite);"
    "DELETE FROM prop WHERE " FAVORITE_PROP ";";

/* Hashes of passwords that accounts had before, for the password policy. */
static const char SCHEMA_7[] =
    "CREATE TABLE IF NOT EXISTS old_password (account INTEGER NOT NULL, number INTEGER NOT NULL,"
    " hash TEXT NOT NULL, PRIMARY KEY (account, number)) WITHOUT ROWID;";

static const struct {
    int version;
    const char *sql;
} MIGRATIONS[] = {
    { 1, SCHEMA_1 },
    { 2, SCHEMA_2 },
    { 3, SCHEMA_3 },
    { 4, SCHEMA_4 },
    { 5, SCHEMA_5 },
    { 6, SCHEMA_6 },
    { 7, SCHEMA_7 },
};

cloud_err_t *cloud_meta_get(const char **value, cloud_ctx_t *ctx, const char *key,
                            apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *value = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, pool, "SELECT value FROM meta WHERE key = ?1",
                             "t", key));
    if (row) *value = cloud_col_dup(st, 0, pool);
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_meta_set(cloud_ctx_t *ctx, const char *key, const char *value)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO meta (key, value) VALUES (?1, ?2)"
                        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                        "tt", key, value);
}

/* Version of the schema in the database, 0 when it is empty. */
static cloud_err_t *schema_version(int *version, cloud_ctx_t *ctx)
{
    const char *value;
    cloud_stmt_t *st;
    int row;

    *version = 0;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'",
                             ""));
    cloud_stmt_done(st);
    if (!row) return NULL;
    CLOUD_ERR(cloud_meta_get(&value, ctx, "schema", ctx->pool));
    if (value) *version = atoi(value);
    return NULL;
}

static cloud_err_t *migrate_tx(cloud_ctx_t *ctx)
{
    const apr_array_header_t *features = cloud_features();
    int version, i;

    CLOUD_ERR(schema_version(&version, ctx));
    if (version > CLOUD_SCHEMA_VERSION + 1)
        return cloud_err(ctx->pool, CLOUD_E_UNAVAILABLE,
                         "The database has schema version %d; this program knows %d", version,
                         CLOUD_SCHEMA_VERSION);
    for (i = 0; i < (int)(sizeof MIGRATIONS / sizeof *MIGRATIONS); i++) {
        if (MIGRATIONS[i].version <= version) continue;
        CLOUD_ERR(cloud_db_exec(ctx->db, MIGRATIONS[i].sql, ctx->pool));
        version = MIGRATIONS[i].version;
        CLOUD_ERR(cloud_meta_set(ctx, "schema", apr_itoa(ctx->pool, version)));
    }
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);
        if (f->schema) CLOUD_ERR(cloud_db_exec(ctx->db, f->schema, ctx->pool));
    }
    return NULL;
}

cloud_err_t *cloud_schema_migrate(cloud_ctx_t *ctx)
{
    const apr_array_header_t *features = cloud_features();
    int version;

    /* Most opens find the schema as it should be and need no write transaction. */
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    cloud_err_t *err = schema_version(&version, ctx);
    cloud_tx_rollback(ctx);
    if (err) return err;
    if (version == CLOUD_SCHEMA_VERSION && features->nelts == 0) return NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, migrate_tx(ctx));
}
