/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "testutil.h"

#include "internal.h"
#include "maint.h"
#include "shm.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

tu_t tu;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static void log_line(void *baton, cloud_log_level_t level, const char *file, int line,
                     const char *msg)
{
    (void)baton;
    if (level == CLOUD_LOG_ERR) __atomic_add_fetch(&tu.errors, 1, __ATOMIC_RELAXED);
    if (level == CLOUD_LOG_WARN) __atomic_add_fetch(&tu.warnings, 1, __ATOMIC_RELAXED);
    if (getenv("CLOUD_TEST_VERBOSE")) fprintf(stderr, "%s:%d: %s\n", file, line, msg);
}

/* The store lives in a pool of its own, *pool; contexts belong into pools below that. */
static cloud_store_t *open_store(unsigned flags, apr_pool_t **pool)
{
    cloud_store_conf_t conf = { .data_dir = tu.dir,
                                .durability = CLOUD_DURABILITY_RELAXED,
                                .settings = tu.file_settings,
                                .log = log_line };
    cloud_store_t *store;

    apr_pool_create(pool, tu.pool);
    OK(cloud_store_open(&store, &conf, CLOUD_STORE_CREATE | flags, *pool));
    return store;
}

static cloud_ctx_t *make_ctx(cloud_store_t *store, apr_pool_t *parent)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    return cloud_ctx_create(store, pool);
}

static void open_main(unsigned flags)
{
    tu.store = open_store(flags, &tu.store_pool);
    tu.ctx = make_ctx(tu.store, tu.store_pool);
    tu.ctx->who.system = 1;
}

void tu_pool(void)
{
    memset(&tu, 0, sizeof tu);
    apr_pool_create(&tu.pool, NULL);
    tu.file_settings = apr_table_make(tu.pool, 4);
    /* What is tested is not how slow bcrypt is. */
    apr_table_setn(tu.file_settings, "system\nhashingCost", "4");
}

void tu_store(void)
{
    const char *tmp = getenv("TMPDIR");
    char *dir;

    if (!tu.pool) tu_pool();
    dir = apr_pstrcat(tu.pool, tmp ? tmp : "/tmp", "/cloud-unit-XXXXXX", NULL);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    tu.dir = dir;
    open_main(0);
}

/* ---- steps ---- */

static apr_uint64_t vm_steps;
static int counting;

static int add_steps(unsigned what, void *baton, void *statement, void *ns)
{
    (void)what;
    (void)baton;
    (void)ns;
    vm_steps += (apr_uint64_t)sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    return 0;
}

/* SQLite calls this for each connection that is opened. */
static int count_in(sqlite3 *db, const char **message, const void *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, add_steps, NULL);
}

void tu_count_steps(void)
{
    ck_assert_int_eq(sqlite3_auto_extension((void (*)(void))count_in), SQLITE_OK);
    counting = 1;
    tu_reopen();
    vm_steps = 0;
}

apr_uint64_t tu_steps(void)
{
    apr_uint64_t n = vm_steps;

    vm_steps = 0;
    return n;
}

void tu_end(void)
{
    char dir[512] = "";

    if (counting) sqlite3_reset_auto_extension();
    counting = 0;

    if (tu.dir) apr_cpystrn(dir, tu.dir, sizeof dir);
    if (tu.pool) apr_pool_destroy(tu.pool);
    if (*dir) nftw(dir, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    memset(&tu, 0, sizeof tu);
}

void tu_close(void)
{
    if (tu.store_pool) apr_pool_destroy(tu.store_pool);
    tu.store_pool = NULL;
    tu.store = NULL;
    tu.ctx = NULL;
}

void tu_reopen(void)
{
    tu_close();
    open_main(0);
}

void tu_reopen_without_replay(void)
{
    tu_close();
    open_main(CLOUD_STORE_NO_REPLAY);
}

cloud_ctx_t *tu_other_store(void)
{
    apr_pool_t *pool;
    cloud_ctx_t *ctx;
    cloud_store_t *store = open_store(0, &pool);

    ctx = make_ctx(store, pool);
    ctx->who.system = 1;
    return ctx;
}

cloud_ctx_t *tu_as(const cloud_account_t *account)
{
    cloud_ctx_t *ctx = make_ctx(tu.store, tu.store_pool);

    ctx->who.account = account;
    return ctx;
}

cloud_account_t *tu_account(const char *id)
{
    cloud_account_t *a;

    OK(cloud_account_create(&a, tu.ctx, id, NULL, NULL, tu.pool));
    return a;
}

apr_int64_t tu_query_int(const char *sql)
{
    apr_int64_t value = -1;
    cloud_stmt_t *st;
    int row;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    OK(cloud_db_query(&st, &row, tu.ctx->db, tu.pool, sql, ""));
    if (row) value = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    cloud_tx_rollback(tu.ctx);
    return value;
}

void tu_exec(const char *sql)
{
    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_WRITE));
    OK(cloud_tx_end(tu.ctx, cloud_db_exec(tu.ctx->db, sql, tu.pool)));
}

apr_uint64_t tu_statements(cloud_ctx_t *ctx)
{
    apr_uint64_t n;

    OK(cloud_tx_begin(ctx, CLOUD_DB_READ));
    n = cloud_db_statements(ctx->db);
    cloud_tx_rollback(ctx);
    return n;
}

void tu_maintain(void)
{
    int more = 1, steps = 0;

    while (more) {
        OK(cloud_store_maintain(&more, tu.ctx));
        ck_assert_msg(++steps < 1000, "maintenance never ends");
    }
}

void tu_forget_tree(apr_int64_t tree, apr_int64_t keep)
{
    cloud_shm_t *shm = cloud_store_shm(tu.store);
    apr_int64_t other = 1, done = keep ? cloud_shm_done(shm, keep) : 0;

    while (cloud_shm_done(shm, tree)) cloud_shm_done_set(shm, other++, APR_INT64_MAX);
    if (done) cloud_shm_done_set(shm, keep, done);
    ck_assert_int_eq(cloud_shm_done(shm, tree), 0);
}

int tu_exists(const char *path)
{
    struct stat st;

    return lstat(apr_pstrcat(tu.pool, tu.dir, "/", path, NULL), &st) == 0;
}

TCase *tu_case(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, tu_end);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tc;
}

static void note_finding(void *baton, const char *kind, const char *account, const char *path,
                         const char *detail, int repaired)
{
    const char **found = baton;

    fprintf(stderr, "%s: %s: %s: %s\n", kind, account ? account : "", path, detail);
    *found = apr_pstrcat(tu.pool, *found, kind, repaired ? "+ " : " ", NULL);
}

const char *tu_fsck(int repair)
{
    const char *found = "";
    cloud_fsck_opts_t opts = { .report = note_finding, .baton = &found, .repair = repair,
                               .hashes = 1 };
    cloud_fsck_stats_t stats;

    OK(cloud_fsck(&stats, tu.ctx, NULL, &opts));
    return found;
}

void tu_sound(void)
{
    ck_assert_str_eq(tu_fsck(0), "");
}
