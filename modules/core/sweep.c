/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Empty directories below those of features, named by a node's id: a verb makes one before its
 * transaction, and is refused or killed then; or what was in it went one by one. */
#include "internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNTS_PER_STEP 100
#define ENTRIES_PER_STEP  10000  /* and those of the account that it is at */
#define REMOVED_PER_TX    200

typedef struct {
    cloud_ctx_t *ctx;
    const char *dir;         /* below accounts/ */
    cloud_sweep_used_fn *used;
    time_t before;           /* what was changed since then stays */
    apr_pool_t *pool;        /* of the account */
    apr_array_header_t *ids; /* apr_int64_t: may be empty, as far as the rows say */
    int seen;
} sweep_t;

static const char *path_of(const sweep_t *s, apr_int64_t id)
{
    return apr_psprintf(s->pool, "%s/%" APR_INT64_T_FMT, s->dir, id);
}

/* Rows that are still to be carried out will need it. Asked only for what is empty on disk. */
static cloud_err_t *is_owed(int *owed, const sweep_t *s, const char *path)
{
    cloud_stmt_t *st;

    CLOUD_ERR(cloud_db_query(&st, owed, s->ctx->db, s->ctx->pool,
                             "SELECT 1 FROM journal WHERE (dst >= ?1 AND dst < ?2)"
                             " OR (src >= ?1 AND src < ?2) LIMIT 1",
                             "tt", apr_pstrcat(s->pool, path, "/", NULL),
                             apr_pstrcat(s->pool, path, "0", NULL))); /* '0' follows '/' */
    cloud_stmt_done(st);
    return NULL;
}

static int is_empty(const sweep_t *s, const char *path)
{
    int fd, empty = 1;
    struct dirent *de;
    struct stat st;
    DIR *d;

    if (cloud_storage_open(&fd, s->ctx->store, path, O_RDONLY | O_DIRECTORY, s->pool) || fd < 0)
        return 0;
    d = fstat(fd, &st) == 0 && st.st_ctime <= s->before ? fdopendir(fd) : NULL;
    if (!d) {
        close(fd);
        return 0;
    }
    while (empty && (de = readdir(d)))
        empty = strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0;
    closedir(d);
    return empty;
}

/* What verbs are about to use is made again, or found by them in a transaction that excludes this
 * one (cloud_storage_keep_dir): then its row is there. */
static cloud_err_t *remove_tx(const sweep_t *s, int from, int upto)
{
    const char *path;
    int i, used, owed;

    for (i = from; i < upto; i++) {
        apr_int64_t id = APR_ARRAY_IDX(s->ids, i, apr_int64_t);

        CLOUD_ERR(s->used(&used, s->ctx, id));
        path = path_of(s, id);
        if (used || !is_empty(s, path)) continue;
        CLOUD_ERR(is_owed(&owed, s, path));
        if (!owed) cloud_storage_unlink(s->ctx->store, path, 1, s->pool);
    }
    return NULL;
}

static cloud_err_t *remove_empty(const sweep_t *s)
{
    cloud_err_t *err;
    int from, upto;

    for (from = 0; from < s->ids->nelts; from = upto) {
        upto = from + REMOVED_PER_TX < s->ids->nelts ? from + REMOVED_PER_TX : s->ids->nelts;
        CLOUD_ERR(cloud_tx_begin(s->ctx, CLOUD_DB_WRITE));
        err = remove_tx(s, from, upto);
        cloud_tx_rollback(s->ctx); /* it kept others out, and has written nothing */
        if (err) return err;
    }
    return NULL;
}

/* Rows are asked first: where they say that something is inside the disk is left alone. */
static cloud_err_t *find_unused(sweep_t *s, DIR *d)
{
    struct dirent *de;
    int used;

    while ((de = readdir(d))) {
        char *end;
        apr_int64_t id = strtoll(de->d_name, &end, 10);

        if (id <= 0 || *end) continue;
        s->seen++;
        CLOUD_ERR(s->used(&used, s->ctx, id));
        if (!used && is_empty(s, path_of(s, id))) APR_ARRAY_PUSH(s->ids, apr_int64_t) = id;
    }
    return NULL;
}

static cloud_err_t *sweep_dir(sweep_t *s)
{
    cloud_err_t *err;
    DIR *d;
    int fd;

    if (cloud_storage_open(&fd, s->ctx->store, s->dir, O_RDONLY | O_DIRECTORY, s->pool) || fd < 0)
        return NULL; /* it has none, or its disk is not there */
    d = fdopendir(fd);
    if (!d) {
        close(fd);
        return NULL;
    }
    s->ids = apr_array_make(s->pool, 16, sizeof(apr_int64_t));
    err = cloud_tx_begin(s->ctx, CLOUD_DB_READ);
    if (!err) {
        err = find_unused(s, d);
        cloud_tx_rollback(s->ctx);
    }
    closedir(d);
    return err ? err : remove_empty(s);
}

static cloud_err_t *next_account(apr_int64_t *number, const char **dir, cloud_ctx_t *ctx,
                                 apr_pool_t *pool)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT number, dir FROM account WHERE number > ?1 ORDER BY number"
                         " LIMIT 1", "i", *number);
    if (!err) {
        *number = row ? cloud_col_int(st, 0) : 0;
        *dir = row ? cloud_col_dup(st, 1, pool) : NULL;
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(ctx);
    return err;
}

static cloud_err_t *sweep_accounts(sweep_t *s, apr_int64_t *number, const char *name)
{
    const char *dir;
    int i;

    for (i = 0; i < ACCOUNTS_PER_STEP && s->seen < ENTRIES_PER_STEP; i++) {
        apr_pool_clear(s->pool);
        CLOUD_ERR(next_account(number, &dir, s->ctx, s->pool));
        if (*number == 0) return NULL;
        s->dir = apr_pstrcat(s->pool, dir, "/", name, NULL);
        CLOUD_ERR(sweep_dir(s));
    }
    return NULL;
}

/* How far it has come, between two steps. */
static cloud_err_t *note_place(cloud_ctx_t *ctx, const char *key, apr_int64_t number)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, cloud_meta_set(ctx, key, apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT,
                                                                   number)));
}

static cloud_err_t *read_place(apr_int64_t *number, cloud_ctx_t *ctx, const char *key)
{
    const char *value;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_meta_get(&value, ctx, key, ctx->pool);
    cloud_tx_rollback(ctx);
    *number = !err && value ? apr_atoi64(value) : 0;
    return err;
}

cloud_err_t *cloud_sweep_step(int *more, cloud_ctx_t *ctx, const char *name,
                              cloud_sweep_used_fn *used, apr_int64_t age)
{
    const char *key = apr_pstrcat(ctx->pool, "sweep.", name, NULL);
    sweep_t s = { .ctx = ctx, .used = used,
                  .before = (time_t)(apr_time_sec(apr_time_now()) - age) };
    apr_int64_t number, began;
    cloud_err_t *err;

    *more = 0;
    CLOUD_ERR(read_place(&number, ctx, key));
    began = number;
    apr_pool_create(&s.pool, ctx->pool);
    err = cloud_err_keep(sweep_accounts(&s, &number, name), ctx->pool);
    apr_pool_destroy(s.pool);
    if (!err && number != began) err = note_place(ctx, key, number);
    *more = !err && number != 0;
    return err;
}
