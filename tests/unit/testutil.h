/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file testutil.h
 * What the unit tests share: checks of cloud_err_t, and a store in a directory of its own for each
 * test.
 */
#ifndef CLOUD_TESTUTIL_H
#define CLOUD_TESTUTIL_H

#include <check.h>

#include "suites.h"
#include "store.h"
#include "account.h"

/** The expression must succeed. */
#define OK(expr)                                                                                  \
    do {                                                                                          \
        cloud_err_t *ok_err = (expr);                                                             \
        ck_assert_msg(!ok_err, "%s: %s (%s) at %s:%d", #expr, ok_err ? ok_err->msg : "",          \
                      ok_err && ok_err->cause ? ok_err->cause : "", ok_err ? ok_err->file : "",   \
                      ok_err ? ok_err->line : 0);                                                 \
    } while (0)

/** The expression must fail with that code ("NOT_FOUND"). */
#define FAILS(expr, want)                                                                         \
    do {                                                                                          \
        cloud_err_t *fails_err = (expr);                                                          \
        ck_assert_msg(fails_err != NULL, "%s: succeeded", #expr);                                 \
        ck_assert_msg(fails_err->code == CLOUD_E_##want, "%s: %s instead of %s: %s (%s)", #expr,  \
                      cloud_err_info(fails_err->code)->name, #want, fails_err->msg,               \
                      fails_err->cause ? fails_err->cause : "");                                  \
    } while (0)

/** The test at hand: its pool, and, after tu_store(), a store of its own with a context that may
 *  do anything. */
typedef struct {
    apr_pool_t *pool;
    const char *dir;               /* data directory */
    apr_table_t *file_settings;    /* as from a configuration file; seen when a store is opened */
    cloud_store_t *store;
    apr_pool_t *store_pool;
    cloud_ctx_t *ctx;
    int errors, warnings;          /* logged by all stores */
} tu_t;
extern tu_t tu;

/** Fixtures: a pool; a pool and a store; the end of both. */
void tu_pool(void);
void tu_store(void);
void tu_end(void);
/** Closes the store; closes it, if it is open, and opens it again. */
void tu_close(void);
void tu_reopen(void);
/** The same, leaving to the journal what it owes. */
void tu_reopen_without_replay(void);
/** A context that may do anything, of a second store on the same directory, as another process has
 *  it. */
cloud_ctx_t *tu_other_store(void);
/** A context of somebody else: an account, or with NULL nobody. */
cloud_ctx_t *tu_as(const cloud_account_t *account);
/** A new account without a password. */
cloud_account_t *tu_account(const char *id);

/** First column of the first row of a query (a constant string); -1 when there is no row. */
apr_int64_t tu_query_int(const char *sql);
void tu_exec(const char *sql);
/** Statements executed so far by the connection that ctx is given next (itself counts, too). */
apr_uint64_t tu_statements(cloud_ctx_t *ctx);
/** Opens the store anew, and counts from here on what SQLite does: steps of its virtual machine. What they say is
 *  the same on every machine. */
void tu_count_steps(void);
/** Steps since the last call. */
apr_uint64_t tu_steps(void);
/** Maintenance until there is nothing left to do. */
void tu_maintain(void);
/** Nothing is known any more of which moves of the tree are done, as when others took its place in shared
 *  memory; keep (0: none) is another tree of which it still is. */
void tu_forget_tree(apr_int64_t tree, apr_int64_t keep);
/** Whether a path below the data directory is there. */
int tu_exists(const char *path);
/* What fsck finds, of content too: the kinds, each with a blank behind it, and a "+" where it was mended.
 * stderr says more. */
const char *tu_fsck(int repair);
/* Fails a test after which it finds anything. */
void tu_sound(void);

/** Adds a case with a fixture to suite; tests follow with tcase_add_test(). */
TCase *tu_case(Suite *suite, const char *name, void (*setup)(void));

#endif
