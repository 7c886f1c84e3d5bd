/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck, the database against itself. Rows are read page by page in the order of the table, each
 * page in a snapshot of its own, and each check needs only what one page's snapshot shows: so it
 * takes little memory, pins no log, and is exact while others write. */
#include "fsck.h"
#include "names.h"

#include <string.h>

#define PAGE        1000
#define ORPHANS_MAX 1000000

/* A row with what belongs to it. Strings live until the next step. */
typedef struct {
    apr_int64_t id, parent, etag, size, last;
    const char *name, *disk;
    int kind, parent_kind;      /* parent_kind -1: no such row */
    int has_account, props, props_flag;
    apr_uint64_t ino;
} row_t;

/* Rows below one parent come together, so the last one read says where to go on. */
static const char PAGE_SQL[] =
    "SELECT n.id, n.parent, n.name, coalesce(n.disk, n.name), n.kind, n.etag, n.size, n.ino,"
    " n.flags, p.kind, (SELECT last FROM counter),"
    " n.parent = 0 AND EXISTS (SELECT 1 FROM account a WHERE a.root = n.id OR a.purge = n.id),"
    " EXISTS (SELECT 1 FROM prop WHERE prop.node = n.id)"
    " FROM node n LEFT JOIN node p ON p.id = n.parent"
    " WHERE (n.parent, n.name) > (?1, ?2) ORDER BY n.parent, n.name LIMIT ?3";

static void read_row(row_t *r, cloud_stmt_t *st)
{
    r->id = cloud_col_int(st, 0);
    r->parent = cloud_col_int(st, 1);
    r->name = cloud_col_text(st, 2);
    r->disk = cloud_col_text(st, 3);
    r->kind = (int)cloud_col_int(st, 4);
    r->etag = cloud_col_int(st, 5);
    r->size = cloud_col_int(st, 6);
    r->ino = (apr_uint64_t)cloud_col_int(st, 7);
    r->props_flag = (cloud_col_int(st, 8) & CLOUD_NODE_PROPS) != 0;
    r->parent_kind = cloud_col_null(st, 9) ? -1 : (int)cloud_col_int(st, 9);
    r->last = cloud_col_int(st, 10);
    r->has_account = (int)cloud_col_int(st, 11);
    r->props = (int)cloud_col_int(st, 12);
}

/* ---- what can be wrong with a row ---- */

/* What a page found; told and mended after its snapshot has ended. */
typedef struct {
    const char *kind, *detail;
    apr_int64_t id;
    enum { MEND_NONE, MEND_NAME, MEND_COUNTER, MEND_CYCLE, MEND_ORPHAN, MEND_FLAG } mend;
    apr_int64_t number;
} found_t;

static void add(fsck_t *f, apr_array_header_t *found, const row_t *r, const char *kind, int mend,
                const char *detail)
{
    found_t *x = apr_array_push(found);

    memset(x, 0, sizeof *x);
    x->kind = kind;
    x->id = r->id;
    x->mend = mend;
    x->number = r->etag > r->id ? r->etag : r->id;
    x->detail = apr_pstrdup(f->iter, detail);
}

static int is_root_kind(int kind)
{
    return kind == CLOUD_KIND_ROOT || kind == CLOUD_KIND_PURGE || kind == CLOUD_KIND_TRASH
           || kind == CLOUD_KIND_BULK;
}

static int name_ok(const row_t *r, apr_pool_t *pool)
{
    const char *nfc;

    if (!*r->name || strchr(r->name, '/') || !*r->disk || strchr(r->disk, '/')) return 0;
    if (strcmp(r->disk, ".") == 0 || strcmp(r->disk, "..") == 0) return 0;
    nfc = cloud_name_nfc(r->name, pool);
    return nfc && strcmp(nfc, r->name) == 0;
}

static void check_root(fsck_t *f, apr_array_header_t *found, const row_t *r)
{
    if (!is_root_kind(r->kind))
        add(f, found, r, "orphan", MEND_ORPHAN, "it hangs nowhere, but is no root");
    else if (!r->has_account && r->kind == CLOUD_KIND_ROOT) /* purge roots outlive the account */
        add(f, found, r, "root", MEND_NONE, "root of no account");
}

static void check_member(fsck_t *f, apr_array_header_t *found, const row_t *r)
{
    if (r->parent_kind < 0)
        add(f, found, r, "orphan", MEND_ORPHAN, "the folder it is in does not exist");
    else if (r->parent_kind == CLOUD_KIND_FILE || r->parent_kind == CLOUD_KIND_MOUNT)
        add(f, found, r, "orphan", MEND_ORPHAN, "what it is in is no folder");
    if (is_root_kind(r->kind)) add(f, found, r, "kind", MEND_NONE, "a root inside a tree");
    if (!name_ok(r, f->iter))
        add(f, found, r, "name", MEND_NAME, "the name is not in normal form, or not allowed");
}

static void check_row(fsck_t *f, apr_array_header_t *found, const row_t *r)
{
    if (r->kind < 0 || r->kind > CLOUD_KIND_BULK)
        add(f, found, r, "kind", MEND_NONE, "unknown kind of node");
    if (r->parent == 0) check_root(f, found, r);
    else check_member(f, found, r);
    if (r->etag > r->last || r->id > r->last)
        add(f, found, r, "counter", MEND_COUNTER, "its number is above the counter");
    if (r->etag <= 0 || r->id <= 0 || r->id >= (apr_int64_t)1 << 53)
        add(f, found, r, "number", MEND_NONE, "impossible id or ETag");
    if (r->size < 0) add(f, found, r, "size", MEND_NONE, "negative size");
    if (r->kind == CLOUD_KIND_FILE && r->ino == 0)
        add(f, found, r, "identity", MEND_NONE, "a file without an inode");
    if (r->props && !r->props_flag)
        add(f, found, r, "props", MEND_FLAG, "its properties are not noted");
}

/* Parent of a node, 0 where there is none. */
static cloud_err_t *parent_of(apr_int64_t *parent, fsck_t *f, apr_int64_t id)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, f->ctx->db, f->iter,
                             "SELECT parent FROM node WHERE id = ?1", "i", id));
    *parent = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

/* Walks up from a folder; a second, slower walker notices when the first comes round again. */
static cloud_err_t *in_cycle(int *cycle, fsck_t *f, apr_int64_t id)
{
    apr_int64_t fast = id, slow = id;
    int step;

    *cycle = 0;
    for (step = 1; fast != 0; step++) {
        CLOUD_ERR(parent_of(&fast, f, fast));
        if (step % 2 == 0) CLOUD_ERR(parent_of(&slow, f, slow));
        if (fast != 0 && fast == slow) {
            *cycle = 1;
            return NULL;
        }
    }
    return NULL;
}

static cloud_err_t *check_cycles(fsck_t *f, apr_array_header_t *found,
                                 const apr_array_header_t *folders)
{
    int i, cycle;

    for (i = 0; i < folders->nelts; i++) {
        row_t r = { .id = APR_ARRAY_IDX(folders, i, apr_int64_t) };

        CLOUD_ERR(in_cycle(&cycle, f, r.id));
        if (cycle) add(f, found, &r, "cycle", MEND_CYCLE, "it is inside itself");
    }
    return NULL;
}

/* ---- pages ---- */

static cloud_err_t *mend_flag(int *done, fsck_t *f, apr_int64_t id)
{
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(f->ctx, cloud_db_run(f->ctx->db, done, f->iter,
                                             "UPDATE node SET flags = flags | 1 WHERE id = ?1"
                                             " AND EXISTS (SELECT 1 FROM prop WHERE node = ?1)",
                                             "i", id));
}

static cloud_err_t *mend(int *done, fsck_t *f, const found_t *x)
{
    *done = 0;
    switch (f->opts->repair ? x->mend : MEND_NONE) {
    case MEND_NAME:
        return cloud_fsck_mend_name(done, f, x->id);
    case MEND_COUNTER:
        return cloud_fsck_mend_counter(done, f, x->number);
    case MEND_CYCLE:
        return cloud_fsck_mend_cycle(done, f, x->id);
    case MEND_FLAG:
        return mend_flag(done, f, x->id);
    case MEND_ORPHAN:
        /* A scan may yet find what it belongs to. */
        if (f->orphans->nelts < ORPHANS_MAX)
            APR_ARRAY_PUSH(f->orphans, apr_int64_t) = x->id;
        return NULL;
    default:
        return NULL;
    }
}

static cloud_err_t *load_page(apr_array_header_t *found, int *rows, fsck_t *f,
                              apr_int64_t *parent, char *name, apr_size_t len)
{
    apr_array_header_t *folders = apr_array_make(f->iter, 64, sizeof(apr_int64_t));
    cloud_stmt_t *st;
    cloud_err_t *err;
    row_t r;
    int row;

    *rows = 0;
    CLOUD_ERR(cloud_db_query(&st, &row, f->ctx->db, f->iter, PAGE_SQL, "iti", *parent, name,
                             (apr_int64_t)PAGE));
    for (err = NULL; !err && row; err = cloud_stmt_step(&row, st, f->iter)) {
        read_row(&r, st);
        check_row(f, found, &r);
        if (r.kind == CLOUD_KIND_DIR && r.parent_kind >= 0)
            APR_ARRAY_PUSH(folders, apr_int64_t) = r.id;
        ++*rows;
        *parent = r.parent;
        apr_cpystrn(name, r.name, len);
    }
    cloud_stmt_done(st);
    return err ? err : check_cycles(f, found, folders);
}

cloud_err_t *cloud_fsck_rows(fsck_t *f)
{
    char name[4096] = "";
    apr_int64_t parent = APR_INT64_MIN;
    apr_array_header_t *found;
    cloud_err_t *err;
    int rows, i, done;

    do {
        apr_pool_clear(f->iter);
        found = apr_array_make(f->iter, 4, sizeof(found_t));
        CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
        err = load_page(found, &rows, f, &parent, name, sizeof name);
        cloud_tx_rollback(f->ctx);
        if (err) return err;
        for (i = 0; i < found->nelts; i++) {
            const found_t *x = &APR_ARRAY_IDX(found, i, found_t);
            const char *path = cloud_fsck_path(f, x->id);

            CLOUD_ERR(mend(&done, f, x));
            cloud_fsck_report(f, x->kind, path, done, "%s", x->detail);
        }
    } while (rows == PAGE);
    return NULL;
}

/* ---- tables against each other ---- */

/* Each query gives rows (text, number) that should not be there, or that one is missing; the statement
 * mends them all. */
static const struct {
    const char *kind, *detail, *query, *remove;
} TABLES[] = {
    { "prop", "a property of a node that does not exist",
      "SELECT ns || ' ' || name, node FROM prop WHERE node NOT IN (SELECT id FROM node)",
      "DELETE FROM prop WHERE node NOT IN (SELECT id FROM node)" },
    { "favorite", "a favorite that does not exist, or of an account that does not",
      "SELECT 'node ' || node, account FROM favorite WHERE node NOT IN (SELECT id FROM node)"
      " OR account NOT IN (SELECT number FROM account)",
      "DELETE FROM favorite WHERE node NOT IN (SELECT id FROM node)"
      " OR account NOT IN (SELECT number FROM account)" },
    { "lock", "a lock of a node that does not exist",
      "SELECT token, node FROM lock WHERE node NOT IN (SELECT id FROM node)",
      "DELETE FROM lock WHERE node NOT IN (SELECT id FROM node)" },
    { "upload", "an upload of an account that does not exist",
      "SELECT name, id FROM upload WHERE account NOT IN (SELECT number FROM account)",
      "DELETE FROM upload WHERE account NOT IN (SELECT number FROM account)" },
    { "chunk", "a chunk of an upload that does not exist",
      "SELECT name, upload FROM chunk WHERE upload NOT IN (SELECT id FROM upload)",
      "DELETE FROM chunk WHERE upload NOT IN (SELECT id FROM upload)" },
    { "apppass", "an app password of an account that does not exist",
      "SELECT name, id FROM apppass WHERE account NOT IN (SELECT number FROM account)",
      "DELETE FROM apppass WHERE account NOT IN (SELECT number FROM account)" },
    { "membership", "a membership of an account or of a group that does not exist",
      "SELECT account || ' in ' || usergroup, account FROM membership WHERE account NOT IN"
      " (SELECT number FROM account) OR usergroup NOT IN (SELECT number FROM usergroup)",
      "DELETE FROM membership WHERE account NOT IN (SELECT number FROM account)"
      " OR usergroup NOT IN (SELECT number FROM usergroup)" },
    { "subadmin", "a subadmin who does not exist, or of a group that does not exist",
      "SELECT account || ' of ' || usergroup, account FROM subadmin WHERE account NOT IN"
      " (SELECT number FROM account) OR usergroup NOT IN (SELECT number FROM usergroup)",
      "DELETE FROM subadmin WHERE account NOT IN (SELECT number FROM account)"
      " OR usergroup NOT IN (SELECT number FROM usergroup)" },
    { "pref", "a preference of an account that does not exist",
      "SELECT app || ' ' || key, account FROM pref WHERE account NOT IN"
      " (SELECT number FROM account)",
      "DELETE FROM pref WHERE account NOT IN (SELECT number FROM account)" },
    { "password", "an old password of an account that does not exist",
      "SELECT number, account FROM old_password WHERE account NOT IN (SELECT number FROM account)",
      "DELETE FROM old_password WHERE account NOT IN (SELECT number FROM account)" },
    { "group", "the group of the administrators is missing",
      "SELECT 'admin', 1 WHERE NOT EXISTS (SELECT 1 FROM usergroup WHERE number = 1)",
      "INSERT INTO usergroup (number, id, display_name, source, created)"
      " VALUES (1, 'admin', NULL, 'database', 0)" },
    { "counter", "a change was logged with a number above the counter",
      "SELECT op, number FROM change WHERE number > (SELECT last FROM counter)"
      " ORDER BY number DESC LIMIT 1", NULL },
    { "counter", "a journal row has a number above the counter",
      "SELECT src, seq FROM journal WHERE seq > (SELECT last FROM counter)"
      " ORDER BY seq DESC LIMIT 1", NULL },
};

#define TOLD_MAX 1000   /* findings of one kind that are told one by one */

typedef struct {
    const char *text;
    apr_int64_t number;
} bad_t;

static cloud_err_t *query_bad(apr_array_header_t *bad, fsck_t *f, const char *sql)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, f->ctx->db, f->iter, sql, "");
    while (!err && row && bad->nelts < TOLD_MAX) {
        bad_t *b = apr_array_push(bad);

        b->text = cloud_col_dup(st, 0, f->iter);
        b->number = cloud_col_int(st, 1);
        err = cloud_stmt_step(&row, st, f->iter);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    return err;
}

static cloud_err_t *check_table(fsck_t *f, unsigned t)
{
    apr_array_header_t *bad;
    int done = 0, i;

    apr_pool_clear(f->iter);
    bad = apr_array_make(f->iter, 4, sizeof(bad_t));
    CLOUD_ERR(query_bad(bad, f, TABLES[t].query));
    if (bad->nelts && f->opts->repair) {
        if (!TABLES[t].remove) {
            CLOUD_ERR(cloud_fsck_mend_counter(&done, f, APR_ARRAY_IDX(bad, 0, bad_t).number));
        } else {
            CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_WRITE));
            CLOUD_ERR(cloud_tx_end(f->ctx, cloud_db_run(f->ctx->db, &done, f->iter,
                                                        TABLES[t].remove, "")));
        }
    }
    for (i = 0; i < bad->nelts; i++) {
        const bad_t *b = &APR_ARRAY_IDX(bad, i, bad_t);

        cloud_fsck_report(f, TABLES[t].kind, b->text ? b->text : "", done > 0,
                          "%s (%" APR_INT64_T_FMT ")", TABLES[t].detail, b->number);
    }
    return NULL;
}

/* A root that an account names, or should. */
typedef struct {
    apr_int64_t account, id;
    cloud_kind_t kind;
    const char *account_id;
} root_t;

/* There, of the right kind, and under the name that says whose it is. */
static const char ROOTS_SQL[] =
    "SELECT w.number, w.account, w.root, w.kind FROM"
    " (SELECT number, id AS account, root, 2 AS kind FROM account UNION ALL"
    " SELECT number, id, purge, 3 FROM account) w LEFT JOIN node n ON n.id = w.root"
    " WHERE n.id IS NULL OR n.parent <> 0 OR n.kind <> w.kind"
    " OR n.name <> w.kind || ':' || w.number || ':' || w.root";

static cloud_err_t *check_roots(fsck_t *f)
{
    apr_array_header_t *all = apr_array_make(f->pool, 4, sizeof(root_t));
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row, i, done;

    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, f->ctx->db, f->pool, ROOTS_SQL, "");
    while (!err && row) {
        root_t *r = apr_array_push(all);

        r->account = cloud_col_int(st, 0);
        r->account_id = cloud_col_dup(st, 1, f->pool);
        r->id = cloud_col_int(st, 2);
        r->kind = (cloud_kind_t)cloud_col_int(st, 3);
        err = cloud_stmt_step(&row, st, f->pool);
    }
    if (!err) cloud_stmt_done(st);
    cloud_tx_rollback(f->ctx);
    for (i = 0; !err && i < all->nelts; i++) {
        const root_t *r = &APR_ARRAY_IDX(all, i, root_t);

        done = 0;
        if (f->opts->repair) err = cloud_fsck_mend_root(&done, f, r->account, r->id, r->kind);
        cloud_fsck_report(f, "root", r->account_id, done, "%s is missing, or not what it should be",
                          r->kind == CLOUD_KIND_ROOT ? "the root of its files"
                                                     : "the root of what it deleted");
    }
    return err;
}

cloud_err_t *cloud_fsck_tables(fsck_t *f)
{
    unsigned t;

    CLOUD_ERR(check_roots(f));
    for (t = 0; t < sizeof TABLES / sizeof *TABLES; t++) CLOUD_ERR(check_table(f, t));
    return NULL;
}

/* ---- the journal ---- */

/* A path that journal rows may name: an account's directory, one of ours in it, no way out. */
static int path_ok(const char *path)
{
    const char *segment = path, *end;

    if (!*path || strlen(path) > 65536) return 0;
    for (; *segment; segment = *end ? end + 1 : end) {
        end = segment + strcspn(segment, "/");
        if (end == segment) return 0;
        if (segment[0] == '.' && (end - segment == 1 || (end - segment == 2 && segment[1] == '.')))
            return 0;
    }
    return path[strlen(path) - 1] != '/';
}

cloud_err_t *cloud_fsck_journal(fsck_t *f)
{
    apr_int64_t after = APR_INT64_MIN;
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row, n, bad;

    do {
        apr_pool_clear(f->iter);
        CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
        err = cloud_db_query(&st, &row, f->ctx->db, f->iter,
                             "SELECT seq, ino, src, dst, tree FROM journal WHERE seq > ?1 ORDER BY seq"
                             " LIMIT ?2",
                             "ii", after, (apr_int64_t)PAGE);
        for (n = 0; !err && row; n++) {
            const char *src = cloud_col_text(st, 2), *dst = cloud_col_text(st, 3);

            after = cloud_col_int(st, 0);
            bad = !src || !path_ok(src) || (dst && !path_ok(dst)) || cloud_col_int(st, 1) == 0;
            if (bad)
                cloud_fsck_report(f, "journal", src ? src : "", 0,
                                  "row %" APR_INT64_T_FMT " makes no sense", after);
            else if (dst && cloud_col_int(st, 4) < 0)
                cloud_fsck_report(f, "owed", src, 0,
                                  "can't be moved to %s: the server's log says why", dst);
            err = cloud_stmt_step(&row, st, f->iter);
        }
        if (!err) cloud_stmt_done(st);
        cloud_tx_rollback(f->ctx);
        if (err) return err;
    } while (n == PAGE);
    return NULL;
}
