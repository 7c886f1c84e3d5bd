/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The recorded program and the one that checks what a cut left.
 *
 *   program record DIR STATES SEED STEPS   random verbs on a new store; STATES gets the state after
 *                                          each, as "=== n" and a dump
 *   program relaxed DIR STATES SEED STEPS  the same without syncs: the simulation must notice
 *   program check DIR                      opens (recovers), runs fsck, prints the dump; a finding
 *                                          or an error is printed as "!!! ..."
 *
 * With POWERCUT_TRASH in the environment what is deleted goes to the trash, and the states have it. */
#include "internal.h"
#include "maint.h"
#include "trash.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>

static cloud_store_t *store;
static cloud_account_t *account;
static apr_pool_t *top;
static unsigned seed;

static void mark(char type, unsigned n)
{
    static void (*fn)(char, unsigned);

    if (!fn) *(void **)&fn = dlsym(RTLD_DEFAULT, "powercut_mark");
    if (fn) fn(type, n);
}

static unsigned rnd(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % n;
}

static void must(cloud_err_t *err, const char *what)
{
    if (!err) return;
    printf("!!! %s: %s: %s (%s) %s:%d\n", what, cloud_err_info(err->code)->name, err->msg,
           err->cause ? err->cause : "", err->file, err->line);
    exit(1);
}

static cloud_ctx_t *context(apr_pool_t *pool)
{
    cloud_ctx_t *ctx = cloud_ctx_create(store, pool);

    ctx->who.system = 1;
    return ctx;
}

/* ---- the dump ---- */

typedef struct {
    FILE *out;
    const char *path;
    apr_array_header_t *below;
    apr_pool_t *pool;
} dump_t;

static cloud_err_t *remember(void *baton, const cloud_child_t *child)
{
    dump_t *d = baton;

    APR_ARRAY_PUSH(d->below, const char *) =
        apr_pstrcat(d->pool, d->path, *d->path ? "/" : "", child->node->disk, NULL);
    return NULL;
}

static void dump_file(FILE *out, cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    cloud_digest_t *digest = cloud_digest_create(CLOUD_DIGEST_SHA1, pool);
    cloud_entry_t *e;
    char buf[8192];
    ssize_t n;
    int fd;

    must(cloud_file_open(&fd, &e, ctx, account, path, pool), path);
    while ((n = read(fd, buf, sizeof buf)) > 0) cloud_digest_update(digest, buf, (apr_size_t)n);
    fprintf(out, "%s %s\n",
            cloud_sums_text(cloud_digest_final(digest, pool), 0, pool),
            cloud_sums_text(e->node.sums, CLOUD_DIGEST_SHA1, pool));
}

static void dump(FILE *out, const char *path, apr_pool_t *parent)
{
    apr_pool_t *pool;
    cloud_ctx_t *ctx;
    cloud_entry_t *e;
    dump_t d;
    int i;

    apr_pool_create(&pool, parent);
    ctx = context(pool);
    d = (dump_t){ out, path, apr_array_make(pool, 8, sizeof(const char *)), pool };
    must(cloud_file_stat(&e, ctx, account, path, pool), path);
    fprintf(out, "%s kind=%d id=%" APR_INT64_T_FMT " etag=%" APR_INT64_T_FMT
                 " size=%" APR_INT64_T_FMT " mtime=%" APR_INT64_T_FMT " ",
            path, e->node.kind, e->node.id, e->node.etag, e->node.size, e->node.mtime);
    if (CLOUD_IS_DIR(&e->node)) {
        fprintf(out, "\n");
        must(cloud_file_list(ctx, e, remember, &d), path);
        for (i = 0; i < d.below->nelts; i++) dump(out, APR_ARRAY_IDX(d.below, i, char *), pool);
    } else {
        dump_file(out, ctx, path, pool);
    }
    apr_pool_destroy(pool);
}

/* ---- the trash ---- */

static int with_trash;

static cloud_err_t *dump_item(void *baton, const cloud_trash_item_t *item)
{
    fprintf(baton, "trash %s id=%" APR_INT64_T_FMT " etag=%" APR_INT64_T_FMT
                   " size=%" APR_INT64_T_FMT "\n",
            item->location ? item->location : "?", item->node.id, item->node.etag,
            item->node.size);
    return NULL;
}

/* What it holds of content fsck compares with its checksums. */
static void dump_all(FILE *out, apr_pool_t *pool)
{
    dump(out, "", pool);
    if (with_trash)
        must(cloud_trash_list(context(pool), account, "", dump_item, out, pool), "trash");
}

static cloud_err_t *pick_item(void *baton, const cloud_trash_item_t *item)
{
    apr_int64_t *id = baton;

    if (!*id || rnd(3) == 0) *id = item->node.id;
    return NULL;
}

static cloud_err_t *trash_step(cloud_ctx_t *ctx, const char *dst, apr_pool_t *pool)
{
    apr_int64_t id = 0;
    cloud_result_t res;
    const char *item;

    CLOUD_ERR(cloud_trash_list(ctx, account, "", pick_item, &id, pool));
    item = apr_psprintf(pool, "%" APR_INT64_T_FMT, id);
    switch (rnd(8)) {
    case 0:
        return cloud_trash_empty(ctx, account);
    case 1:
    case 2:
        return cloud_trash_remove(ctx, account, item);
    default:
        return cloud_trash_restore(&res, ctx, account, item, account, dst, (int)rnd(2), NULL,
                                   pool);
    }
}

/* ---- random verbs ---- */

static const char *some_path(apr_pool_t *pool)
{
    static const char *const dirs[] = { "", "", "a/", "b/", "a/s/" };

    return apr_psprintf(pool, "%s%c", dirs[rnd(5)], "fghij"[rnd(5)]);
}

static const char *some_dir(apr_pool_t *pool)
{
    static const char *const dirs[] = { "a", "b", "a/s", "b/t", "c" };

    return apr_pstrdup(pool, dirs[rnd(5)]);
}

static cloud_err_t *put(cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    apr_int64_t len = rnd(4) ? rnd(3000) : 0, i;
    cloud_put_opts_t opts = { .length = len, .has_mtime = rnd(2), .mtime = 1000000000 + rnd(9999) };
    char *data = apr_palloc(pool, (apr_size_t)len + 1);
    cloud_result_t res;
    cloud_put_t *p;

    for (i = 0; i < len; i++) data[i] = (char)rnd(256);
    CLOUD_ERR(cloud_put_begin(&p, ctx, account, path, &opts, pool));
    CLOUD_ERR(cloud_put_write(p, data, (apr_size_t)len));
    return cloud_put_commit(&res, p);
}

static cloud_err_t *upload(cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    const char *name = apr_psprintf(pool, "up%u", rnd(1000000));
    cloud_put_opts_t opts = { .length = -1 };
    cloud_chunk_put_t *chunk;
    cloud_result_t res;
    cloud_upload_t *up;
    int i, n = 1 + (int)rnd(3), created;
    char data[700];

    CLOUD_ERR(cloud_upload_create(&up, ctx, account, name, -1, pool));
    for (i = 0; i < n; i++) {
        memset(data, 'a' + (int)rnd(26), sizeof data);
        CLOUD_ERR(cloud_chunk_begin(&chunk, ctx, up,
                                    apr_psprintf(pool, "%016u", rnd(2) ? (unsigned)i * 700
                                                                      : (unsigned)(n - 1 - i) * 700),
                                    sizeof data, NULL, pool));
        CLOUD_ERR(cloud_chunk_write(chunk, data, sizeof data));
        CLOUD_ERR(cloud_chunk_commit(&created, chunk));
    }
    return cloud_upload_finish(&res, ctx, account, name, account, path, 1, &opts, pool);
}

static cloud_err_t *patch(cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    apr_array_header_t *props = apr_array_make(pool, 1, sizeof(cloud_prop_t));
    apr_int64_t mtime = 1200000000 + rnd(9999);
    cloud_result_t res;

    return cloud_file_proppatch(&res, ctx, account, path, props, &mtime, NULL, pool);
}

static cloud_err_t *maintain(cloud_ctx_t *ctx)
{
    int more = 1;

    while (more) CLOUD_ERR(cloud_store_maintain(&more, ctx));
    return NULL;
}

static cloud_err_t *step(apr_pool_t *pool)
{
    cloud_ctx_t *ctx = context(pool);
    cloud_result_t res;

    if (with_trash && rnd(5) == 0)
        return rnd(2) ? cloud_file_remove(ctx, account, rnd(2) ? some_path(pool) : some_dir(pool),
                                          NULL)
                      : trash_step(ctx, rnd(2) ? some_path(pool) : some_dir(pool), pool);
    switch (rnd(16)) {
    case 0:
    case 1:
        return cloud_file_mkcol(&res, ctx, account, some_dir(pool), NULL, pool);
    case 2:
    case 3:
        return cloud_file_move(&res, ctx, account, some_path(pool), account, some_path(pool),
                               (int)rnd(2), NULL, NULL, pool);
    case 4:
    case 5:
        return cloud_file_move(&res, ctx, account, some_dir(pool), account, some_dir(pool),
                               (int)rnd(2), NULL, NULL, pool);
    case 6:
        return cloud_file_remove(ctx, account, rnd(3) ? some_path(pool) : some_dir(pool), NULL);
    case 7:
        return cloud_file_copy(&res, ctx, account, some_path(pool), account, some_path(pool), 1,
                               -1, NULL, NULL, pool);
    case 8:
        return cloud_file_copy(&res, ctx, account, some_dir(pool), account, some_dir(pool), 1,
                               -1, NULL, NULL, pool);
    case 9:
        return upload(ctx, some_path(pool), pool);
    case 10:
        return patch(ctx, some_path(pool), pool);
    case 11:
        return rnd(4) ? NULL : maintain(ctx);
    default:
        return put(ctx, some_path(pool), pool);
    }
}

static int record(const char *dir, const char *states, int steps, cloud_durability_t durability)
{
    cloud_store_conf_t conf = { .data_dir = dir, .durability = durability };
    FILE *out = fopen(states, "w");
    apr_pool_t *pool;
    int i;

    if (!out) return 1;
    must(cloud_store_open(&store, &conf, CLOUD_STORE_CREATE, top), "open");
    must(cloud_account_create(&account, context(top), "alice", NULL, NULL, top), "account");
    apr_pool_create(&pool, top);
    for (i = 0; i <= steps; i++) {
        apr_pool_clear(pool);
        if (i > 0) {
            mark('B', (unsigned)i);
            /* Refusals (409, 412 ...) are part of the game. */
            cloud_err_t *err = step(pool);
            if (err && (err->code == CLOUD_E_UNAVAILABLE || err->code == CLOUD_E_INTERNAL))
                must(err, "step");
        }
        mark('A', (unsigned)i);
        fprintf(out, "=== %d\n", i);
        dump_all(out, pool);
    }
    mark('E', 0);
    return fclose(out) != 0;
}

static void finding(void *baton, const char *kind, const char *account_id, const char *path,
                    const char *detail, int repaired)
{
    printf("!!! fsck: %s %s %s\n", kind, path ? path : "", detail ? detail : "");
}

static int check(const char *dir)
{
    cloud_store_conf_t conf = { .data_dir = dir };
    cloud_fsck_opts_t opts = { .report = finding, .hashes = 1 };
    cloud_fsck_stats_t stats;

    must(cloud_store_open(&store, &conf, 0, top), "open");
    must(cloud_account_get(&account, context(top), "alice", top), "account");
    dump_all(stdout, top);
    must(cloud_fsck(&stats, context(top), NULL, &opts), "fsck");
    /* And the store must go on working. */
    must(maintain(context(top)), "maintain");
    must(put(context(top), "after", top), "put");
    return 0;
}

int main(int argc, char **argv)
{
    int rc = 2;

    apr_initialize();
    apr_pool_create(&top, NULL);
    with_trash = getenv("POWERCUT_TRASH") != NULL;
    if (with_trash) cloud_trash_register();
    if (argc == 6 && (strcmp(argv[1], "record") == 0 || strcmp(argv[1], "relaxed") == 0)) {
        seed = (unsigned)atoi(argv[4]);
        rc = record(argv[2], argv[3], atoi(argv[5]),
                    strcmp(argv[1], "relaxed") == 0 ? CLOUD_DURABILITY_RELAXED
                                                    : CLOUD_DURABILITY_FULL);
    } else if (argc == 3 && strcmp(argv[1], "check") == 0) {
        rc = check(argv[2]);
    }
    apr_pool_destroy(top);
    apr_terminate();
    return rc;
}
