/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* PUT: a body streams into a staging file, is hashed on the way, and gets its place at the end. */
#include "files_private.h"

#include <errno.h>
#include <unistd.h>

/* Small writes are gathered: most bodies are one write. */
#define BUFFER_SIZE (64 * 1024)

struct cloud_put_t {
    cloud_ctx_t *ctx;
    apr_pool_t *pool;
    const cloud_account_t *account;
    const char *path;            /* as asked for */
    const char *place;           /* path, or with free_name a free one */
    cloud_put_opts_t opts;
    const char *stage;
    int fd;
    int fresh;                   /* nothing was at path when the put began */
    cloud_home_t home;           /* of path, then */
    apr_int64_t received;
    apr_int64_t limit;           /* most bytes that may come in */
    cloud_digest_t *digest;
    cloud_sums_t want;
    unsigned want_types;
    char *buffer;
    apr_size_t buffered;
};

static void discard(cloud_put_t *put)
{
    if (put->fd >= 0) close(put->fd);
    put->fd = -1;
    if (put->stage) cloud_storage_unlink(put->ctx->store, put->stage, 0, put->pool);
    put->stage = NULL;
}

static apr_status_t put_cleanup(void *baton)
{
    discard(baton);
    return APR_SUCCESS;
}

/* So that an endless body without announced length does not fill the disk first. */
static cloud_err_t *find_limit(cloud_put_t *put, const cloud_entry_t *e)
{
    apr_int64_t quota, used;
    cloud_err_t *err;

    CLOUD_ERR(cloud_storage_room(&put->limit, put->ctx->store, put->pool));
    CLOUD_ERR(cloud_tx_begin(put->ctx, CLOUD_DB_READ));
    err = cloud_account_usage(&quota, &used, put->ctx, e->owner);
    cloud_tx_rollback(put->ctx);
    if (!err && quota >= 0) {
        quota += (e->exists ? e->node.size : 0) - used;
        if (quota < put->limit) put->limit = quota < 0 ? 0 : quota;
    }
    return err;
}

/* ---- free names ---- */

static cloud_err_t *take_next_name(cloud_put_t *put, int tries)
{
    const char *slash = strrchr(put->path, '/'), *name = slash ? slash + 1 : put->path, *next;

    CLOUD_ERR(cloud_files_next_name(&next, name, tries, 0, put->pool));
    put->place = apr_pstrcat(put->pool,
                             apr_pstrmemdup(put->pool, put->path, (apr_size_t)(name - put->path)),
                             next, NULL);
    return NULL;
}

/* True when the name is taken and another one can be tried. */
static int is_taken(const cloud_put_t *put, const cloud_err_t *err, int tries)
{
    return put->opts.free_name && tries < CLOUD_NAMES_TRIED && cloud_err_is(err, CLOUD_E_PRECONDITION);
}

/* Whether who has the view may create there and not see what is there. Of what somebody received no name is
 * looked for at all. */
static int is_blind(const cloud_entry_t *e)
{
    return e && e->account->view
           && (e->perms & (CLOUD_PERM_CREATE | CLOUD_PERM_READ)) == CLOUD_PERM_CREATE;
}

static int is_just_below(const cloud_entry_t *e)
{
    return *e->path && !strchr(e->path, '/');
}

static cloud_err_t *check_place(cloud_entry_t **e, cloud_put_t *put)
{
    *e = NULL;
    return cloud_files_precheck(e, put->ctx, put->account, put->place,
                                put->opts.free_name ? CLOUD_OVERWRITE_NEVER : 1, &put->opts,
                                put->pool);
}

static cloud_err_t *find_place(cloud_entry_t **e, cloud_put_t *put)
{
    cloud_err_t *err = check_place(e, put);
    int tries = 0;

    /* Folders in it can't be seen, either. */
    if (is_blind(*e) && !is_just_below(*e)) return cloud_err(put->pool, CLOUD_E_DENIED, NULL);
    if (!put->opts.free_name && is_blind(*e)) {
        put->opts.free_name = 1;
        put->opts.cond = (cloud_cond_t){ .tokens = put->opts.cond.tokens };
        err = check_place(e, put);
    }
    while (is_taken(put, err, ++tries)) {
        CLOUD_ERR(take_next_name(put, tries));
        err = check_place(e, put);
    }
    return err;
}

cloud_err_t *cloud_put_begin(cloud_put_t **out, cloud_ctx_t *ctx, const cloud_account_t *account,
                             const char *path, const cloud_put_opts_t *opts, apr_pool_t *pool)
{
    cloud_put_t *put = apr_pcalloc(pool, sizeof *put);
    cloud_entry_t *e;

    put->ctx = ctx;
    put->pool = pool;
    put->account = account;
    put->path = put->place = apr_pstrdup(pool, path);
    put->opts = *opts;
    if (opts->free_name) put->opts.cond = (cloud_cond_t){ .tokens = put->opts.cond.tokens };
    put->fd = -1;
    CLOUD_ERR(find_place(&e, put));
    put->fresh = !e->exists;
    put->home = cloud_home_of(e);
    if (opts->checksum)
        CLOUD_ERR(cloud_sums_parse(&put->want, &put->want_types, opts->checksum, pool));
    put->limit = opts->length;
    if (opts->length < 0) CLOUD_ERR(find_limit(put, e));
    else CLOUD_ERR(cloud_storage_has_room(ctx, opts->length));
    put->digest = cloud_digest_create(CLOUD_DIGEST_DEFAULT | put->want_types, pool);
    CLOUD_ERR(cloud_storage_stage(&put->fd, &put->stage, ctx->store, e->owner->dir, pool));
    apr_pool_cleanup_register(pool, put, put_cleanup, apr_pool_cleanup_null);
    CLOUD_POINT("put-staged");
    *out = put;
    return NULL;
}

static cloud_err_t *write_out(cloud_put_t *put, const char *data, apr_size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(put->fd, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || CLOUD_FAULT("put-write"))
            return cloud_err_sys(put->pool, CLOUD_E_UNAVAILABLE, n < 0 ? errno : ENOSPC,
                                 "write to staging");
        data += n;
        len -= (apr_size_t)n;
    }
    return NULL;
}

static cloud_err_t *flush(cloud_put_t *put)
{
    apr_size_t len = put->buffered;

    put->buffered = 0;
    return len ? write_out(put, put->buffer, len) : NULL;
}

cloud_err_t *cloud_put_write(cloud_put_t *put, const void *data, apr_size_t len)
{
    if (put->fd < 0) return cloud_err(put->pool, CLOUD_E_INTERNAL, "The put is over");
    put->received += (apr_int64_t)len;
    if (put->received > put->limit)
        return put->opts.length >= 0
                   ? cloud_err(put->pool, CLOUD_E_INVALID,
                               "More bytes were sent than the %" APR_INT64_T_FMT " announced",
                               put->opts.length)
                   : cloud_err(put->pool, CLOUD_E_QUOTA, NULL);
    cloud_digest_update(put->digest, data, len);
    if (put->buffered + len > BUFFER_SIZE) CLOUD_ERR(flush(put));
    if (len >= BUFFER_SIZE) return write_out(put, data, len);
    if (!put->buffer) put->buffer = apr_palloc(put->pool, BUFFER_SIZE);
    memcpy(put->buffer + put->buffered, data, len);
    put->buffered += len;
    return NULL;
}

static cloud_err_t *verify(cloud_put_t *put, cloud_sums_t got)
{
    if (put->opts.length >= 0 && put->received != put->opts.length)
        return cloud_err(put->pool, CLOUD_E_INVALID,
                         "Expected filesize of %" APR_INT64_T_FMT
                         " bytes but read (from client) and wrote (to storage) %" APR_INT64_T_FMT
                         " bytes.",
                         put->opts.length, put->received);
    if (put->want_types && cloud_sums_match(put->want, got) != 1)
        return cloud_err(put->pool, CLOUD_E_CHECKSUM, NULL);
    return NULL;
}

/* Somebody may have taken the name since the body began to come. */
static cloud_err_t *attach(cloud_result_t *res, cloud_put_t *put, const cloud_staged_t *staged)
{
    cloud_err_t *err;
    int tries = 0;

    for (;;) {
        err = cloud_files_attach(res, put->ctx, put->account, put->place, staged,
                                 put->opts.free_name ? CLOUD_OVERWRITE_NEVER : 1, &put->opts, NULL,
                                 NULL, put->pool);
        if (!is_taken(put, err, ++tries)) return err;
        CLOUD_ERR(take_next_name(put, tries));
    }
}

cloud_err_t *cloud_put_commit(cloud_result_t *res, cloud_put_t *put)
{
    cloud_staged_t staged;
    cloud_sums_t sums;
    cloud_err_t *err;

    if (put->fd < 0) return cloud_err(put->pool, CLOUD_E_INTERNAL, "The put is over");
    err = flush(put);
    sums = cloud_digest_final(put->digest, put->pool);
    if (!err) err = verify(put, sums);
    if (!err)
        err = cloud_files_seal(&staged, put->ctx, put->fd, put->stage, put->home, &put->opts, sums,
                               put->pool);
    staged.fresh = put->fresh;
    if (!err) err = attach(res, put, &staged);
    if (err && !cloud_files_stage_owed(put->ctx, put->stage)) {
        discard(put);
        return err;
    }
    /* From here on the staging name belongs to the journal. */
    close(put->fd);
    put->fd = -1;
    put->stage = NULL;
    return err;
}

void cloud_put_abort(cloud_put_t *put)
{
    discard(put);
}
