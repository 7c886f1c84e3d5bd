/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* kill -9 at every step of every verb.
 *
 *   verbs list                     names of the verbs
 *   verbs run DIR [VERB...]        DIR is a new directory for the stores
 *
 * For each verb a child process runs it once and lists the injection points that it passes. Then,
 * for each of them, with an account of its own, a child is killed right there. Another process that
 * had the store open all the time, and one that opens it then, must both see the state of before
 * or the one of after, exactly: ids, ETags, sizes, times, content, properties. Where it is the one
 * of before, the verb is done again. fsck has to find nothing, and maintenance to leave nothing.
 *
 * The same with each fault (a sync, a write or a rename that fails) in the place of the kill; a
 * verb that says it was done must have been done.
 *
 * And when all is owed and nothing moved, a kill in the middle of the recovery from that.
 *
 *   verbs child DIR ACCOUNT VERB trace|kill|fail|open POINT     what the driver starts */
#include "verbs.h"
#include "share.h"
#include "trash.h"
#include "versions.h"
#include "lock.h"
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>

#define POINTS_MAX 400

static const char *self, *what = "start";
static int failures, kills, faults;

/* ---- failing ---- */

static void fail(const char *fmt, ...) CLOUD_PRINTF(1, 2);
static void fail(const char *fmt, ...)
{
    va_list ap;

    failures++;
    printf("FAILED %s: ", what);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
}

static void must(cloud_err_t *err)
{
    if (!err) return;
    printf("FAILED %s: %s (%s) at %s:%d\n", what, err->msg, err->cause ? err->cause : "", err->file,
           err->line);
    exit(1);
}

/* ---- a store ---- */

static void quiet(void *baton, cloud_log_level_t level, const char *file, int line, const char *msg)
{
    if (getenv("VERBS_LOG")) printf("%s:%d: %d %s\n", file, line, (int)level, msg);
}

static void open_run(run_t *r, const char *data_dir, cloud_durability_t durability,
                     apr_pool_t *parent)
{
    cloud_store_conf_t conf = { .data_dir = data_dir, .durability = durability, .log = quiet };

    memset(r, 0, sizeof *r);
    apr_pool_create(&r->pool, parent);
    r->data_dir = data_dir;
    must(cloud_store_open(&r->store, &conf, CLOUD_STORE_CREATE, r->pool));
    r->ctx = cloud_ctx_create(r->store, r->pool);
    r->ctx->who.system = 1;
}

/* ---- shorthand for the verbs; all on r->account ---- */

static cloud_err_t *put(run_t *r, const char *path, const char *text, apr_int64_t mtime)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text),
                              .has_mtime = mtime != 0,
                              .mtime = mtime };
    cloud_result_t res;
    cloud_put_t *p;

    CLOUD_ERR(cloud_put_begin(&p, r->ctx, r->account, path, &opts, r->pool));
    CLOUD_ERR(cloud_put_write(p, text, strlen(text)));
    return cloud_put_commit(&res, p);
}

static cloud_err_t *mkcol(run_t *r, const char *path)
{
    cloud_result_t res;

    return cloud_file_mkcol(&res, r->ctx, r->account, path, NULL, r->pool);
}

static cloud_err_t *move(run_t *r, const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_move(&res, r->ctx, r->account, src, r->account, dst, 1, NULL, NULL, r->pool);
}

static cloud_err_t *copy(run_t *r, const char *src, const char *dst, int depth)
{
    cloud_result_t res;

    return cloud_file_copy(&res, r->ctx, r->account, src, r->account, dst, 1, depth, NULL, NULL,
                           r->pool);
}

static cloud_err_t *delete(run_t *r, const char *path)
{
    return cloud_file_remove(r->ctx, r->account, path, NULL);
}

static cloud_err_t *patch(run_t *r, const char *path, const char *value, const apr_int64_t *mtime)
{
    cloud_prop_t prop = { "urn:x", "colour", value, NULL };
    apr_array_header_t *props = apr_array_make(r->pool, 1, sizeof prop);
    cloud_result_t res;

    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    return cloud_file_proppatch(&res, r->ctx, r->account, path, props, mtime, NULL, r->pool);
}

static cloud_err_t *chunk(run_t *r, const char *session, const char *name, const char *text)
{
    cloud_chunk_put_t *p;
    cloud_upload_t *up;
    int created;

    CLOUD_ERR(cloud_upload_get(&up, r->ctx, r->account, session, r->pool));
    CLOUD_ERR(cloud_chunk_begin(&p, r->ctx, up, name, (apr_int64_t)strlen(text), NULL, r->pool));
    CLOUD_ERR(cloud_chunk_write(p, text, strlen(text)));
    return cloud_chunk_commit(&created, p);
}

static const char *disk(run_t *r, const char *path)
{
    return apr_pstrcat(r->pool, r->data_dir, "/accounts/", r->account->dir, "/files/", path, NULL);
}

static cloud_err_t *write_disk(run_t *r, const char *path, const char *text)
{
    FILE *f = fopen(disk(r, path), "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        return cloud_err_sys(r->pool, CLOUD_E_INTERNAL, errno, "%s", path);
    return NULL;
}

static cloud_err_t *fixture(run_t *r)
{
    CLOUD_ERR(mkcol(r, "a"));
    CLOUD_ERR(mkcol(r, "a/s"));
    CLOUD_ERR(mkcol(r, "b"));
    CLOUD_ERR(mkcol(r, "empty"));
    CLOUD_ERR(put(r, "a/f", "content of a/f", 1000000000));
    CLOUD_ERR(put(r, "a/s/deep", "deep", 0));
    CLOUD_ERR(put(r, "b/g", "gee", 1100000000));
    CLOUD_ERR(put(r, "top", "on top", 1200000000));
    CLOUD_ERR(patch(r, "a/f", "red", NULL));
    return patch(r, "a", "blue", NULL);
}

/* ---- the verbs ---- */

static cloud_err_t *put_new(run_t *r) { return put(r, "a/new", "new content", 0); }
static cloud_err_t *put_over(run_t *r) { return put(r, "a/f", "other content", 1300000000); }
static cloud_err_t *put_empty(run_t *r) { return put(r, "a/s/nothing", "", 0); }
static cloud_err_t *mkcol_new(run_t *r) { return mkcol(r, "a/s/t"); }
static cloud_err_t *move_file(run_t *r) { return move(r, "a/f", "b/f"); }
static cloud_err_t *move_file_over(run_t *r) { return move(r, "a/f", "b/g"); }
static cloud_err_t *rename_file(run_t *r) { return move(r, "top", "TOP"); }
static cloud_err_t *move_folder(run_t *r) { return move(r, "a/s", "b/s"); }
static cloud_err_t *move_folder_over(run_t *r) { return move(r, "a", "b"); }
static cloud_err_t *move_folder_over_file(run_t *r) { return move(r, "a", "top"); }
static cloud_err_t *move_file_over_folder(run_t *r) { return move(r, "top", "a"); }
static cloud_err_t *copy_file(run_t *r) { return copy(r, "a/f", "b/f", -1); }
static cloud_err_t *copy_file_over(run_t *r) { return copy(r, "a/f", "b/g", -1); }
static cloud_err_t *copy_file_over_folder(run_t *r) { return copy(r, "top", "a", -1); }
static cloud_err_t *copy_folder_over_file(run_t *r) { return copy(r, "a", "top", -1); }
static cloud_err_t *copy_folder(run_t *r) { return copy(r, "a", "b/a", -1); }
static cloud_err_t *copy_folder_flat(run_t *r) { return copy(r, "a", "b/a", 0); }
static cloud_err_t *copy_folder_over(run_t *r) { return copy(r, "a", "b", -1); }
static cloud_err_t *remove_file(run_t *r) { return delete(r, "a/f"); }
static cloud_err_t *remove_folder(run_t *r) { return delete(r, "a"); }
static cloud_err_t *patch_prop(run_t *r) { return patch(r, "a/f", "green", NULL); }

static cloud_err_t *patch_mtime(run_t *r)
{
    apr_int64_t mtime = 1234567890;

    return patch(r, "a/f", "green", &mtime);
}

static cloud_err_t *lock_new(run_t *r)
{
    cloud_ctx_t *ctx = cloud_ctx_create(r->store, r->pool);
    cloud_lock_t *lock;
    int created;

    ctx->who.account = r->account;
    return cloud_lock_take(&lock, &created, ctx, r->account, "a/locked", 0, 0, "me", 0, NULL,
                           r->pool);
}

static cloud_err_t *session(run_t *r, const char *first, const char *second)
{
    cloud_upload_t *up;

    CLOUD_ERR(cloud_upload_create(&up, r->ctx, r->account, "s", 6, r->pool));
    CLOUD_ERR(chunk(r, "s", first, *first == '0' ? "abc" : "def"));
    return chunk(r, "s", second, *second == '0' ? "abc" : "def");
}

static cloud_err_t *session_in_order(run_t *r) { return session(r, "0", "3"); }
static cloud_err_t *session_backwards(run_t *r) { return session(r, "3", "0"); }

static cloud_err_t *finish(run_t *r, const char *dst)
{
    cloud_put_opts_t opts = { .length = 6, .has_mtime = 1, .mtime = 1400000000 };
    cloud_result_t res;

    return cloud_upload_finish(&res, r->ctx, r->account, "s", r->account, dst, 1, &opts, r->pool);
}

static cloud_err_t *finish_new(run_t *r) { return finish(r, "a/uploaded"); }
static cloud_err_t *finish_over(run_t *r) { return finish(r, "a/f"); }

/* A client that sends the chunks once more after a crash, as it would. */
static cloud_err_t *upload_all(run_t *r)
{
    cloud_upload_t *up;
    cloud_err_t *err = cloud_upload_create(&up, r->ctx, r->account, "s", 6, r->pool);

    if (err && err->code != CLOUD_E_EXISTS) return err;
    CLOUD_ERR(chunk(r, "s", "0", "abc"));
    CLOUD_ERR(chunk(r, "s", "3", "def"));
    return finish(r, "a/uploaded");
}

static cloud_err_t *maintain(run_t *r)
{
    int more = 1;

    while (more) CLOUD_ERR(cloud_store_maintain(&more, r->ctx));
    return cloud_store_expire(r->ctx);
}

static cloud_err_t *deleted_things(run_t *r)
{
    CLOUD_ERR(put_over(r));
    CLOUD_ERR(move_file(r));
    CLOUD_ERR(remove_folder(r));
    return delete(r, "top");
}

static cloud_err_t *edited_outside(run_t *r) { return write_disk(r, "a/f", "edited on disk"); }

static cloud_err_t *read_edited(run_t *r)
{
    cloud_entry_t *e;
    int fd;

    return cloud_file_open(&fd, &e, r->ctx, r->account, "a/f", r->pool);
}

static cloud_err_t *all_kinds_outside(run_t *r)
{
    CLOUD_ERR(write_disk(r, "a/f", "edited"));
    CLOUD_ERR(write_disk(r, "a/s/new", "new"));
    if (mkdir(disk(r, "b/dir"), 0700) != 0 || rename(disk(r, "top"), disk(r, "b/dir/moved")) != 0
        || rename(disk(r, "a/s"), disk(r, "b/dir/s")) != 0 || unlink(disk(r, "b/g")) != 0)
        return cloud_err_sys(r->pool, CLOUD_E_INTERNAL, errno, "fixture");
    return NULL;
}

static cloud_err_t *scan(run_t *r)
{
    cloud_scan_opts_t opts = { .allow_vanish = 1 };
    cloud_scan_stats_t stats;

    return cloud_scan(&stats, r->ctx, r->account, "", &opts);
}

static cloud_err_t *backup(run_t *r)
{
    const char *dir = apr_psprintf(r->pool, "%s.backup-%" APR_INT64_T_FMT, r->data_dir,
                                   (apr_int64_t)apr_time_now());

    return cloud_backup(r->ctx, dir, NULL, NULL);
}

/* ---- the trash ---- */

static cloud_err_t *note_deleted(void *baton, const cloud_trash_item_t *item)
{
    state_t *state = baton;
    state_node_t *s = apr_array_push(state->nodes);
    apr_pool_t *pool = state->nodes->pool;

    memset(s, 0, sizeof *s);
    s->path = apr_pstrcat(pool, "trash:", item->location ? item->location : "?", NULL);
    s->kind = item->node.kind;
    s->id = item->node.id;
    s->etag = item->node.etag;
    s->size = item->node.size;
    s->content = s->sums = "-";
    s->props = "";
    return NULL;
}

cloud_err_t *trash_beside(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                          apr_pool_t *pool)
{
    int first = state->nodes->nelts, i;

    CLOUD_ERR(cloud_trash_list(ctx, account, "", note_deleted, state, pool));
    for (i = first; i < state->nodes->nelts; i++) {
        state_node_t *s = &APR_ARRAY_IDX(state->nodes, i, state_node_t);

        apr_hash_set(state->by_id, &s->id, sizeof s->id, s);
    }
    return NULL;
}

static cloud_err_t *first_deleted(void *baton, const cloud_trash_item_t *item)
{
    apr_int64_t *id = baton;

    if (!*id) *id = item->node.id;
    return NULL;
}

/* Id of the first item in the bin, as text. */
static cloud_err_t *deleted_id(const char **id, run_t *r)
{
    apr_int64_t n = 0;

    CLOUD_ERR(cloud_trash_list(r->ctx, r->account, "", first_deleted, &n, r->pool));
    *id = apr_psprintf(r->pool, "%" APR_INT64_T_FMT, n);
    return NULL;
}

static cloud_err_t *restore_to(run_t *r, const char *dst)
{
    cloud_result_t res;
    const char *id;

    CLOUD_ERR(deleted_id(&id, r));
    return cloud_trash_restore(&res, r->ctx, r->account, id, r->account, dst, 1, NULL, r->pool);
}

static cloud_err_t *restore(run_t *r) { return restore_to(r, "a/back"); }
static cloud_err_t *restore_folder(run_t *r) { return restore_to(r, "a"); }
static cloud_err_t *restore_over(run_t *r) { return restore_to(r, "b/g"); }
static cloud_err_t *empty_bin(run_t *r) { return cloud_trash_empty(r->ctx, r->account); }

static cloud_err_t *delete_for_good(run_t *r)
{
    const char *id;

    CLOUD_ERR(deleted_id(&id, r));
    return cloud_trash_remove(r->ctx, r->account, id);
}

/* What was emptied is owed still, and a new bin is needed. */
static cloud_err_t *emptied(run_t *r)
{
    CLOUD_ERR(remove_file(r));
    return empty_bin(r);
}

static cloud_err_t *remove_other(run_t *r)
{
    return cloud_file_remove(r->ctx, r->account, "b", NULL);
}

/* ---- versions ---- */

typedef struct {
    state_t *state;
    const state_node_t *file;
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    int n;
} beside_t;

static cloud_err_t *note_version(void *baton, const cloud_version_t *v)
{
    beside_t *b = baton;
    apr_pool_t *pool = b->state->nodes->pool;
    state_node_t *s = apr_array_push(b->state->nodes);
    const char *sums = cloud_sums_text(v->sums, CLOUD_DIGEST_SHA1, pool);

    memset(s, 0, sizeof *s);
    s->path = apr_psprintf(pool, "version:%s:%d", b->file->path, b->n++);
    s->id = v->number;
    s->etag = v->etag;
    s->size = v->size;
    s->mtime = v->mtime;
    s->sums = sums ? sums : "-";
    s->props = v->tag ? v->tag : "";
    return NULL;
}

/* The content of a version, by its checksum. */
static cloud_err_t *read_version(state_node_t *s, apr_int64_t file, cloud_ctx_t *ctx,
                                 const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_SHA1, pool);
    cloud_version_t *v;
    cloud_entry_t *e;
    int fd;

    CLOUD_ERR(cloud_version_open(&fd, &e, &v, ctx, account, file, s->id, pool));
    CLOUD_ERR(cloud_storage_copy(fd, 0, -1, -1, digest, pool));
    s->content = cloud_sums_text(cloud_digest_final(digest, pool), CLOUD_DIGEST_SHA1, pool);
    return NULL;
}

static cloud_err_t *versions_beside(state_t *state, cloud_ctx_t *ctx,
                                    const cloud_account_t *account, apr_pool_t *pool)
{
    int files = state->nodes->nelts, i, k;

    for (i = 0; i < files; i++) {
        state_node_t file = APR_ARRAY_IDX(state->nodes, i, state_node_t);
        beside_t b = { state, &file, ctx, account, 0 };
        int first = state->nodes->nelts;
        cloud_err_t *err;

        if (file.kind != CLOUD_KIND_FILE) continue;
        CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
        err = cloud_versions_each(ctx, file.id, note_version, &b);
        cloud_tx_rollback(ctx);
        if (err) return err;
        for (k = first; k < state->nodes->nelts; k++)
            CLOUD_ERR(read_version(&APR_ARRAY_IDX(state->nodes, k, state_node_t), file.id, ctx,
                                   account, pool));
    }
    for (i = files; i < state->nodes->nelts; i++) {
        state_node_t *s = &APR_ARRAY_IDX(state->nodes, i, state_node_t);

        apr_hash_set(state->by_id, &s->id, sizeof s->id, s);
    }
    return NULL;
}

static cloud_err_t *newest(void *baton, const cloud_version_t *v)
{
    apr_int64_t *ids = baton;

    if (!ids[1]) ids[1] = v->number;
    return NULL;
}

/* Ids of a/f and of its newest version. */
static cloud_err_t *newest_version(apr_int64_t ids[2], run_t *r)
{
    cloud_entry_t *e;
    cloud_err_t *err;

    CLOUD_ERR(cloud_file_stat(&e, r->ctx, r->account, "a/f", r->pool));
    ids[0] = e->node.id;
    ids[1] = 0;
    CLOUD_ERR(cloud_tx_begin(r->ctx, CLOUD_DB_READ));
    err = cloud_versions_each(r->ctx, ids[0], newest, ids);
    cloud_tx_rollback(r->ctx);
    return err;
}

static cloud_err_t *version_copy(run_t *r, const char *dst)
{
    cloud_result_t res;
    apr_int64_t ids[2];

    CLOUD_ERR(newest_version(ids, r));
    return cloud_version_copy(&res, r->ctx, r->account, ids[0], ids[1], r->account, dst, 1, NULL,
                              r->pool);
}

static cloud_err_t *version_restore(run_t *r) { return version_copy(r, "a/f"); }
static cloud_err_t *version_elsewhere(run_t *r) { return version_copy(r, "b/g"); }

static cloud_err_t *version_delete(run_t *r)
{
    apr_int64_t ids[2];

    CLOUD_ERR(newest_version(ids, r));
    return cloud_version_remove(r->ctx, r->account, ids[0], ids[1], r->pool);
}

static cloud_err_t *version_cleanup(run_t *r)
{
    cloud_versions_stats_t stats;

    CLOUD_ERR(cloud_versions_cleanup(&stats, r->ctx, r->account, 0));
    return maintain(r);
}

static cloud_err_t *many_versions(run_t *r)
{
    int i;

    for (i = 0; i < 4; i++)
        CLOUD_ERR(put(r, "a/f", apr_psprintf(r->pool, "content %d", i), 1300000000 + i));
    return put(r, "top", "another top", 0);
}

static cloud_err_t *trashed_with_versions(run_t *r)
{
    CLOUD_ERR(many_versions(r));
    return remove_file(r);
}

/* ---- retention: no age and no thinning, so that it does not matter how long a run takes ---- */

static cloud_err_t *retain(run_t *r)
{
    CLOUD_ERR(cloud_setting_set(r->ctx, "system", "versions_retention_obligation", "0, 1000"));
    return cloud_setting_set(r->ctx, "system", "trashbin_retention_obligation", "0, auto");
}

static cloud_err_t *no_quota_left(run_t *r)
{
    CLOUD_ERR(cloud_account_set_quota(r->ctx, r->account->id, 1));
    return cloud_account_get(&r->account, r->ctx, r->account->id, r->pool);
}

/* Everything that may go is in the trash, or an old version. */
static cloud_err_t *much_kept(run_t *r)
{
    CLOUD_ERR(retain(r));
    CLOUD_ERR(many_versions(r));
    CLOUD_ERR(delete(r, "b"));
    return delete(r, "top");
}

static cloud_err_t *much_kept_without_quota(run_t *r)
{
    CLOUD_ERR(much_kept(r));
    return no_quota_left(r);
}

static cloud_err_t *judge_anew(cloud_ctx_t *ctx)
{
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, cloud_meta_set(ctx, "retention.disk_owed", "0 0"));
}

static cloud_err_t *much_kept_on_a_full_disk(run_t *r)
{
    CLOUD_ERR(much_kept(r));
    CLOUD_ERR(cloud_setting_set(r->ctx, "system", "retention_disk_low", "0"));
    return cloud_setting_set(r->ctx, "system", "retention_disk_high", "1");
}

static cloud_err_t *version_expire(run_t *r)
{
    cloud_versions_stats_t stats;

    CLOUD_ERR(cloud_versions_expire(&stats, r->ctx, r->account, 0));
    return maintain(r);
}

static cloud_err_t *trash_expire(run_t *r)
{
    cloud_trash_stats_t stats = { 0 };
    int more;

    CLOUD_ERR(cloud_trash_expire(&stats, &more, r->ctx, r->account, 0, 0));
    return maintain(r);
}

/* The disk is judged when nothing waits to be unlinked. */
static cloud_err_t *relieve(run_t *r, cloud_err_t *(*step)(int *more, cloud_ctx_t *ctx))
{
    int more = 1;

    CLOUD_ERR(maintain(r));
    CLOUD_ERR(judge_anew(r->ctx));
    while (more) CLOUD_ERR(step(&more, r->ctx));
    return maintain(r);
}

static cloud_err_t *version_disk(run_t *r) { return relieve(r, cloud_versions_disk_step); }
static cloud_err_t *trash_disk(run_t *r) { return relieve(r, cloud_trash_disk_step); }

#define SHARES   32u  /* with shares, and the trash */
#define VERSIONS 16u  /* with versions */
#define TRASH    8u   /* with the trash */
#define IN_STEPS 1u   /* each step is a state of its own; done again it gets to the end */
#define NO_FAULTS 2u
#define HIDDEN 4u     /* what was done to the disk cannot be read before the verb: only after it */

static const struct verb_t {
    const char *name;
    cloud_err_t *(*run)(run_t *r);
    cloud_err_t *(*prepare)(run_t *r);
    unsigned flags;
} VERBS[] = {
    { "put-new", put_new, NULL, 0 },
    { "put-over", put_over, NULL, 0 },
    { "put-empty", put_empty, NULL, 0 },
    { "mkcol", mkcol_new, NULL, 0 },
    { "move-file", move_file, NULL, 0 },
    { "move-file-over", move_file_over, NULL, 0 },
    { "rename-file", rename_file, NULL, 0 },
    { "move-folder", move_folder, NULL, 0 },
    { "move-folder-over", move_folder_over, NULL, 0 },
    { "move-folder-over-file", move_folder_over_file, NULL, 0 },
    { "move-file-over-folder", move_file_over_folder, NULL, 0 },
    { "copy-file", copy_file, NULL, 0 },
    { "copy-file-over", copy_file_over, NULL, 0 },
    { "copy-file-over-folder", copy_file_over_folder, NULL, 0 },
    { "copy-folder", copy_folder, NULL, 0 },
    { "copy-folder-flat", copy_folder_flat, NULL, 0 },
    { "copy-folder-over", copy_folder_over, NULL, 0 },
    { "copy-folder-over-file", copy_folder_over_file, NULL, 0 },
    { "remove-file", remove_file, NULL, 0 },
    { "remove-folder", remove_folder, NULL, 0 },
    { "patch-prop", patch_prop, NULL, 0 },
    { "patch-mtime", patch_mtime, NULL, 0 },
    { "lock-new", lock_new, NULL, IN_STEPS },
    { "finish-new", finish_new, session_in_order, 0 },
    { "finish-backwards", finish_new, session_backwards, 0 },
    { "finish-over", finish_over, session_in_order, 0 },
    { "upload", upload_all, NULL, IN_STEPS },
    { "maintain", maintain, deleted_things, 0 },
    { "read-edited", read_edited, edited_outside, 0 },
    { "scan", scan, all_kinds_outside, IN_STEPS | HIDDEN },
    { "backup", backup, NULL, NO_FAULTS },
    { "trash-file", remove_file, NULL, TRASH },
    { "trash-folder", remove_folder, NULL, TRASH },
    { "trash-move-over", move_file_over, NULL, TRASH },
    { "trash-copy-over", copy_file_over_folder, NULL, TRASH },
    { "trash-restore", restore, remove_file, TRASH },
    { "trash-restore-folder", restore_folder, remove_folder, TRASH },
    { "trash-restore-over", restore_over, remove_file, TRASH },
    { "trash-delete", delete_for_good, remove_file, TRASH },
    { "trash-delete-folder", delete_for_good, remove_folder, TRASH },
    { "trash-empty", empty_bin, deleted_things, TRASH },
    { "trash-anew", remove_other, emptied, TRASH },
    { "trash-maintain", maintain, emptied, TRASH },
    { "version-put", put_over, NULL, VERSIONS },
    { "version-put-again", put_over, many_versions, VERSIONS },
    { "version-copy-over", copy_file_over, NULL, VERSIONS },
    { "version-finish-over", finish_over, session_in_order, VERSIONS },
    { "version-move-over", move_file_over, many_versions, VERSIONS },
    { "version-restore", version_restore, many_versions, VERSIONS },
    { "version-elsewhere", version_elsewhere, many_versions, VERSIONS },
    { "version-delete", version_delete, put_over, VERSIONS },
    { "version-cleanup", version_cleanup, many_versions, VERSIONS },
    { "version-purge", remove_folder, many_versions, VERSIONS },
    { "version-maintain", maintain, deleted_things, VERSIONS },
    { "version-trash", remove_file, many_versions, VERSIONS | TRASH },
    { "version-untrash", restore, trashed_with_versions, VERSIONS | TRASH },
    { "version-expire", version_expire, much_kept_without_quota, VERSIONS | TRASH | IN_STEPS },
    { "version-disk", version_disk, much_kept_on_a_full_disk, VERSIONS | TRASH | IN_STEPS },
    { "version-restore-over", restore_over, trashed_with_versions, VERSIONS | TRASH },
    { "trash-expire", trash_expire, much_kept_without_quota, VERSIONS | TRASH | IN_STEPS },
    { "trash-disk", trash_disk, much_kept_on_a_full_disk, VERSIONS | TRASH | IN_STEPS },
    { "version-trash-empty", empty_bin, trashed_with_versions, VERSIONS | TRASH },
    { "share-make", share_make, people_who_share, SHARES | TRASH },
    { "share-end", share_end, people_who_share, SHARES | TRASH },
    { "share-leave", share_leave, people_who_share, SHARES | TRASH },
    { "share-move", share_move, people_who_share, SHARES | TRASH },
    { "share-delete-within", share_delete_within, people_who_share, SHARES | TRASH },
    { "share-out-file", share_out_file, people_who_share, SHARES | TRASH },
    { "share-out-folder", share_out_folder, people_who_share, SHARES | TRASH },
    { "share-out-over", share_out_over, people_who_share, SHARES | TRASH },
    { "share-onto", share_onto, people_who_share, SHARES | TRASH },
    { "share-give-away", share_give_away, people_who_share, SHARES | TRASH },
    { "share-give-all", share_give_all, people_who_share, SHARES | TRASH | IN_STEPS },
    { "share-hand-over", share_hand_over, people_who_share, SHARES | TRASH },
    { "share-partner-goes", share_partner_goes, people_who_share, SHARES | TRASH },
};
#define VERBS_N ((int)(sizeof VERBS / sizeof *VERBS))

static const struct verb_t *verb_named(const char *name)
{
    int i;

    for (i = 0; i < VERBS_N; i++)
        if (strcmp(VERBS[i].name, name) == 0) return &VERBS[i];
    fprintf(stderr, "no verb is called %s\n", name);
    exit(2);
}

/* The trash last: what lies in it has no path to read versions by. */
static cloud_err_t *both_beside(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                                apr_pool_t *pool)
{
    CLOUD_ERR(versions_beside(state, ctx, account, pool));
    return trash_beside(state, ctx, account, pool);
}

/* Before a store is opened. */
static void load_features(const struct verb_t *verb)
{
    if (verb->flags & VERSIONS) {
        cloud_versions_register();
        state_beside = versions_beside;
    }
    if (verb->flags & TRASH) {
        cloud_trash_register();
        state_beside = verb->flags & VERSIONS ? both_beside : trash_beside;
    }
    if (verb->flags & SHARES) {
        cloud_shares_register();
        state_beside = shares_beside;
    }
}

/* ---- the child ---- */

static int child(char **argv, apr_pool_t *pool)
{
    const struct verb_t *verb = verb_named(argv[2]);
    static const struct {
        const char *mode, *env;
    } MODES[] = { { "trace", "CLOUD_INJECT_TRACE" },
                  { "kill", "CLOUD_INJECT_AT" },
                  { "fail", "CLOUD_INJECT_FAIL" } };
    cloud_err_t *err;
    unsigned i;
    run_t r;

    what = "child";
    load_features(verb);
    if (strcmp(argv[3], "open") == 0) setenv("CLOUD_INJECT_AT", argv[4], 1);
    open_run(&r, argv[0], CLOUD_DURABILITY_FULL, pool);
    if (strcmp(argv[3], "open") == 0) return 0;
    must(cloud_account_get(&r.account, r.ctx, argv[1], pool));
    for (i = 0; i < sizeof MODES / sizeof *MODES; i++)
        if (strcmp(argv[3], MODES[i].mode) == 0) setenv(MODES[i].env, argv[4], 1);
    err = verb->run(&r);
    for (i = 0; i < sizeof MODES / sizeof *MODES; i++) unsetenv(MODES[i].env);
    if (!err) return 0;
    printf("%s (%s) at %s:%d\n", err->msg, err->cause ? err->cause : "", err->file, err->line);
    return 3;
}

/* Starts a child and waits. Gives its status; *err_out (may be NULL) what it wrote to stderr. */
static int run_child(const char **err_out, const run_t *r, const char *verb, const char *mode,
                     const char *point)
{
    char *argv[] = { (char *)self, "child", (char *)r->data_dir, (char *)r->account->id,
                     (char *)verb, (char *)mode, (char *)point, NULL };
    char buf[65536];
    size_t got = 0;
    int fds[2], status;
    ssize_t n;
    pid_t pid;

    if (pipe(fds) != 0 || (pid = fork()) < 0) exit(2);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(fds[1], 2);
        if (!getenv("VERBS_LOG")) dup2(null, 1);
        close(fds[0]);
        close(fds[1]);
        execv(self, argv);
        _exit(127);
    }
    close(fds[1]);
    while ((n = read(fds[0], buf + got, sizeof buf - 1 - got)) > 0) got += (size_t)n;
    buf[got] = '\0';
    close(fds[0]);
    if (err_out) *err_out = apr_pstrdup(r->pool, buf);
    if (waitpid(pid, &status, 0) != pid) exit(2);
    return status;
}

/* ---- the driver ---- */

/* A new account in the state before the verb. */
static state_t *prepare(run_t *r, const struct verb_t *verb, const char *id, apr_pool_t *pool)
{
    state_t *before;

    must(cloud_account_create(&r->account, r->ctx, id, NULL, NULL, pool));
    must(fixture(r));
    must(state_take(&before, r->ctx, r->account, pool));
    if (verb->prepare) {
        must(verb->prepare(r));
        /* Reading takes in edits from outside: they are not to be seen yet. */
        if (verb->prepare != edited_outside && verb->prepare != all_kinds_outside)
            must(state_take(&before, r->ctx, r->account, pool));
    }
    return before;
}

static void finding(void *baton, const char *kind, const char *account, const char *path,
                    const char *detail, int repaired)
{
    fail("fsck: %s %s: %s %s", kind, account ? account : "", path, detail);
}

static void check_fsck(run_t *r)
{
    cloud_fsck_opts_t opts = { .report = finding, .hashes = 1 };
    cloud_fsck_stats_t stats;

    must(cloud_fsck(&stats, r->ctx, NULL, &opts));
}

typedef struct {
    const struct verb_t *verb;
    const char *after;       /* what the verb does, as seen from before */
    state_t *before;
} expect_t;

/* 0 before, 1 after, -1 neither. Taking the state of an edit from outside takes it in. */
static int classify(const expect_t *x, run_t *r, apr_pool_t *pool)
{
    const char *now;
    state_t *state;
    cloud_err_t *err = state_take(&state, r->ctx, r->account, pool);

    if (cloud_err_is(err, CLOUD_E_CONFLICT)) err = state_take(&state, r->ctx, r->account, pool);
    if (err) {
        fail("can't be read: %s (%s) at %s:%d", err->msg, err->cause ? err->cause : "", err->file,
             err->line);
        return -1;
    }
    now = state_since(state, x->before, pool);
    if (strcmp(now, x->after) == 0) return 1;
    if (strcmp(state_text(state, pool), state_text(x->before, pool)) == 0) return 0;
    if (!(x->verb->flags & IN_STEPS))
        fail("neither before nor after:\n%sexpected after:\n%s", now, x->after);
    return x->verb->flags & IN_STEPS ? 0 : -1;
}

/* After the kill: a process that lived on, then a new one. done: the verb said it was done. */
static void check(const expect_t *x, run_t *survivor, int done, apr_pool_t *pool)
{
    /* After a sync that failed, every process that had the store open refuses to go on. */
    int failed = cloud_store_failed(survivor->store) || (x->verb->flags & HIDDEN);
    int seen = failed ? -1 : classify(x, survivor, pool), again = 0;
    run_t fresh;

    open_run(&fresh, survivor->data_dir, CLOUD_DURABILITY_RELAXED, pool);
    fresh.account = survivor->account;
    if (done || !(x->verb->flags & HIDDEN)) again = classify(x, &fresh, pool);
    if (!failed && again != seen)
        fail("after opening it anew it is another state (%d, %d)", seen, again);
    if (done && again != 1) fail("it was acknowledged, but it is not there");
    if (again == 0) {
        cloud_err_t *err = x->verb->run(&fresh);

        if (err) fail("it can't be done again: %s (%s)", err->msg, err->cause ? err->cause : "");
        else if (classify(x, &fresh, pool) != 1) fail("done again it is not done");
    }
    check_fsck(&fresh);
    apr_pool_destroy(fresh.pool);
}

/* "name:n" for each passage of each point that a run of the verb passes. */
static apr_array_header_t *list_points(const char *trace, apr_pool_t *pool)
{
    apr_array_header_t *points = apr_array_make(pool, 64, sizeof(const char *));
    apr_hash_t *counts = apr_hash_make(pool);
    char *line, *last, *text = apr_pstrdup(pool, trace);

    for (line = apr_strtok(text, "\n", &last); line; line = apr_strtok(NULL, "\n", &last)) {
        apr_uintptr_t n = (apr_uintptr_t)apr_hash_get(counts, line, APR_HASH_KEY_STRING) + 1;

        apr_hash_set(counts, line, APR_HASH_KEY_STRING, (void *)n);
        if (points->nelts < POINTS_MAX)
            APR_ARRAY_PUSH(points, const char *) = apr_psprintf(pool, "%s:%d", line, (int)n);
    }
    return points;
}

/* Whether something can be made to fail at the point, and not only be killed. */
static int is_fault(const char *point)
{
    static const char *const names[] = { "sync-file:", "sync-log:", "rename:", "put-write:",
                                         "chunk-write:" };
    unsigned i;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(point, names[i], strlen(names[i])) == 0) return 1;
    return 0;
}

static apr_int64_t count(const char *data_dir, const char *sql, apr_pool_t *pool)
{
    apr_int64_t n = -1;
    sqlite3_stmt *st;
    sqlite3 *db;

    if (sqlite3_open(apr_pstrcat(pool, data_dir, "/cloud.db", NULL), &db) == SQLITE_OK
        && sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK) {
        if (sqlite3_step(st) == SQLITE_ROW) n = sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
    }
    sqlite3_close(db);
    return n;
}

/* Nothing is left behind that nobody would take away. */
static void check_end(run_t *r)
{
    int more = 1;

    while (more) must(cloud_store_maintain(&more, r->ctx));
    if (count(r->data_dir, "SELECT count(*) FROM journal", r->pool) != 0)
        fail("journal rows are left");
    if (count(r->data_dir, "SELECT count(*) FROM node n JOIN node p ON p.id = n.parent"
                           " WHERE p.kind = 3", r->pool) != 0)
        fail("nodes that were deleted are left");
    check_fsck(r);
}

/* A process that recovers is killed as well, at each of its steps. */
static void kill_recovery(run_t *r, const char *verb)
{
    static const char *const points[] = { "journal-before-move:1", "journal-after-exchange:1",
                                          "journal-after-move:1" };
    unsigned i;

    for (i = 0; i < sizeof points / sizeof *points; i++, kills++)
        run_child(NULL, r, verb, "open", points[i]);
}

static void kill_at(run_t *r, expect_t *x, const char *point, int n, const char *mode,
                    apr_pool_t *parent)
{
    int status, done, killed;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    what = apr_psprintf(pool, "%s %s at %s", x->verb->name, mode, point);
    x->before = prepare(r, x->verb, apr_psprintf(pool, "%s%d", mode, n), pool);
    status = run_child(NULL, r, x->verb->name, mode, point);
    done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (strcmp(mode, "kill") == 0) {
        kills++;
        /* Whether a point is passed may hang on time: then it was just done. */
        if (!killed && !done) fail("the child ended with status %x", (unsigned)status);
        if (strncmp(point, "tx-after-sync:", 14) == 0) kill_recovery(r, x->verb->name);
    } else {
        faults++;
        if (!done && !(WIFEXITED(status) && WEXITSTATUS(status) == 3))
            fail("the child ended with status %x", (unsigned)status);
    }
    check(x, r, done, pool);
    apr_pool_destroy(pool);
}

static void run_verb(const struct verb_t *verb, const char *dir, apr_pool_t *parent)
{
    expect_t x = { .verb = verb };
    apr_array_header_t *points;
    const char *trace;
    apr_pool_t *pool;
    state_t *after;
    int i, status;
    run_t r;

    apr_pool_create(&pool, parent);
    what = verb->name;
    load_features(verb);
    open_run(&r, apr_pstrcat(pool, dir, "/", verb->name, NULL), CLOUD_DURABILITY_RELAXED, pool);
    x.before = prepare(&r, verb, "twin", pool);
    status = run_child(&trace, &r, verb->name, "trace", "1");
    if (status != 0) {
        fail("the verb itself fails, status %x", (unsigned)status);
        return;
    }
    must(state_take(&after, r.ctx, r.account, pool));
    x.after = state_since(after, x.before, pool);
    points = list_points(trace, pool);
    for (i = 0; i < points->nelts; i++) {
        const char *point = APR_ARRAY_IDX(points, i, const char *);

        kill_at(&r, &x, point, i, "kill", pool);
        if (is_fault(point) && !(verb->flags & NO_FAULTS)) {
            kill_at(&r, &x, point, i, "fail", pool);
            /* A failed sync is remembered by every process: start anew. */
            apr_pool_destroy(r.pool);
            open_run(&r, apr_pstrcat(pool, dir, "/", verb->name, NULL), CLOUD_DURABILITY_RELAXED,
                     pool);
        }
    }
    what = verb->name;
    check_end(&r);
    printf("%s: %d points\n", verb->name, points->nelts);
    fflush(stdout);
    apr_pool_destroy(pool);
    cloud_trash_unregister();
    cloud_shares_unregister();
    state_beside = NULL;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    char *dir;
    int i;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    self = "/proc/self/exe";
    if (argc == 7 && strcmp(argv[1], "child") == 0) return child(argv + 2, pool);
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (i = 0; i < VERBS_N; i++) printf("%s\n", VERBS[i].name);
        return 0;
    }
    if (argc < 3 || strcmp(argv[1], "run") != 0) {
        fprintf(stderr, "usage: verbs list | verbs run DIR [VERB...]\n");
        return 2;
    }
    if (mkdir(argv[2], 0700) != 0 && errno != EEXIST) return 2;
    dir = realpath(argv[2], NULL);
    if (!dir) return 2;
    for (i = 3; i < argc; i++) run_verb(verb_named(argv[i]), dir, pool);
    for (i = 0; argc == 3 && i < VERBS_N; i++) run_verb(&VERBS[i], dir, pool);
    printf("%d kills, %d faults, %d failures\n", kills, faults, failures);
    return failures || !kills;
}
