/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* fsck: sessions of unfinished uploads against their files in staging. A file that is missing makes
 * the session useless: its client finds out at its next chunk, or at the end. */
#include "fsck.h"
#include "upload_private.h"

#include <string.h>

/* A row names a file only when all of it is synced, and no later than its bytes. */
static cloud_err_t *is_whole(int *whole, fsck_t *f, const char *path, apr_int64_t size,
                             apr_pool_t *pool)
{
    struct stat st;
    int found;

    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, f->ctx->store, path, pool));
    *whole = found && S_ISREG(st.st_mode) && (apr_int64_t)st.st_size >= size;
    return NULL;
}

/* The first file of a session that is missing or too short; NULL when all is there. */
static cloud_err_t *first_damaged(const char **path, fsck_t *f, const cloud_session_t *s,
                                  const apr_array_header_t *pieces)
{
    apr_pool_t *pool;
    cloud_err_t *err;
    int whole, i;

    *path = s->stage;
    CLOUD_ERR(is_whole(&whole, f, s->stage, s->length, f->iter));
    if (!whole) return NULL;
    apr_pool_create(&pool, f->iter);
    for (i = 0, err = NULL; !err && whole && i < pieces->nelts; i++) {
        const cloud_piece_t *p = &APR_ARRAY_IDX(pieces, i, cloud_piece_t);

        if (!p->stage) continue;
        apr_pool_clear(pool);
        *path = p->stage;
        err = is_whole(&whole, f, p->stage, p->chunk.size, pool);
    }
    err = cloud_err_keep(err, f->pool);
    apr_pool_destroy(pool);
    if (whole) *path = NULL;
    return err;
}

static cloud_err_t *load_tx(cloud_session_t **s, apr_array_header_t **pieces, fsck_t *f,
                            apr_int64_t id)
{
    CLOUD_ERR(cloud_session_by_id(s, f->ctx, id, f->iter));
    return *s ? cloud_piece_list(pieces, f->ctx, id, f->iter) : NULL;
}

static cloud_err_t *look(const char **path, cloud_session_t **s, fsck_t *f, apr_int64_t id)
{
    apr_array_header_t *pieces;

    *path = NULL;
    CLOUD_ERR(cloud_tx_begin(f->ctx, CLOUD_DB_READ));
    CLOUD_ERR(cloud_tx_end(f->ctx, load_tx(s, &pieces, f, id)));
    return *s && (*s)->stage ? first_damaged(path, f, *s, pieces) : NULL;
}

/* The session goes, so that its client starts anew. */
static cloud_err_t *mend_session(int *done, fsck_t *f, const cloud_session_t *s)
{
    cloud_err_t *err = cloud_session_broken(f->ctx, s);

    *done = cloud_err_is(err, CLOUD_E_NOT_FOUND);
    return *done ? NULL : err;
}

/* Who takes a file away changes the rows first: so what rows name after it was found missing, is. */
static cloud_err_t *check_session(fsck_t *f, apr_int64_t id)
{
    const char *path, *before = NULL;
    cloud_session_t *s;
    int done = 0;

    for (;;) {
        CLOUD_ERR(look(&path, &s, f, id));
        if (!path) return NULL;
        if (before && strcmp(path, before) == 0) break;
        before = path;
    }
    if (f->opts->repair) CLOUD_ERR(mend_session(&done, f, s));
    cloud_fsck_report(f, "upload", s->up.name, done, "%s is missing or too short: %s", path,
                      done ? "dropped, its client starts anew" : "it can't be finished");
    return NULL;
}

cloud_err_t *cloud_fsck_uploads(fsck_t *f)
{
    apr_array_header_t *ups;
    int i;

    CLOUD_ERR(cloud_upload_list(&ups, f->ctx, f->account, f->pool));
    for (i = 0; i < ups->nelts; i++) {
        apr_pool_clear(f->iter);
        CLOUD_ERR(check_session(f, APR_ARRAY_IDX(ups, i, cloud_upload_t).id));
    }
    return NULL;
}
